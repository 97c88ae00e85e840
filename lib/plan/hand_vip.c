/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual addresses by hand: an address of a link, or one that it answers for, which IPv6 has to be told in two places. */
#include <errno.h>
#include <string.h>

#include <patronus/trait.h>
#include <patronus/vip.h>

#include "plan/hand.h"

static int put_address(struct pt_nl_stream *s, const void *arg)
{
	return pt_address_put(s, arg, 0);
}

static int put_neighbour(struct pt_nl_stream *s, const void *arg)
{
	return pt_neighbour_put(s, arg, 0);
}

/* Whoever wants it gone need not know the length of its network. */
static int find_length(const struct hand_words *w, const struct pt_link *l, struct pt_prefix *p)
{
	struct pt_addresses all;
	int rc = pt_addresses_read(w->h->route, &w->links, w->arena, &all, w->e);

	for (size_t i = 0; !rc && i < all.v.n; i++) {
		const struct pt_prefix *have = &all.v.v[i].prefix;

		if (all.v.v[i].index != l->index || have->addr.af != p->addr.af || have->addr.v != p->addr.v ||
		    (strchr(w->words, '/') && have->len != p->len))
			continue;
		*p = *have;
		return 0;
	}
	if (!rc)
		pt_err_add(w->e, PT_ERROR, NULL, "`ptnet address show` lists them", "there is no address %s on %s", w->words, l->name);
	return rc ? rc : -ENODEV;
}

static int hold_alias(const struct hand_words *w, enum pt_hand_op op, const struct pt_prefix *p, const struct pt_link *l)
{
	struct pt_address_change c = { .add = op == PT_HAND_ADD };
	struct pt_buf text = { 0 };

	c.a = (struct pt_address){ .index = l->index, .prefix = *p, .by_hand = true };
	memcpy(c.a.device, l->name, sizeof(l->name));
	pt_address_print(&text, &c.a);
	return hand_words_write(w, op, "address", &text, put_address, &c);
}

/* It stays: who else is answered for is not known here. */
static int answer_ipv6(const struct hand_words *w, const struct pt_link *l)
{
	struct pt_trait_change c = { .op = PT_TRAIT_SET };
	int rc;

	c.t = (struct pt_trait){ .kind = PT_TRAIT_SETTING, .index = l->index, .number = PT_SETTING_PROXY_NDP, .value = 1 };
	memcpy(c.t.device, l->name, sizeof(l->name));
	rc = w->h->dry ? 0 : pt_trait_put(NULL, &c, 0);
	return rc ? pt_err_sys(w->e, rc, "letting %s answer for IPv6 addresses", l->name) : 0;
}

static int hold_proxy(const struct hand_words *w, enum pt_hand_op op, const struct pt_prefix *p, const struct pt_link *l)
{
	struct pt_neighbour_change c = { .op = op == PT_HAND_ADD ? PT_NEIGHBOUR_ADD : PT_NEIGHBOUR_DELETE };
	struct pt_buf text = { 0 };
	int rc = 0;

	if (p->len != pt_af_bits(p->addr.af)) {
		pt_err_add(w->e, PT_ERROR, NULL, "write them one by one, or a section `vip` in the file", "an address is answered for, not a network");
		return -EINVAL;
	}
	c.n = (struct pt_neighbour){ .index = l->index, .addr = p->addr, .proxy = true, .by_hand = true };
	memcpy(c.n.device, l->name, sizeof(l->name));
	if (op == PT_HAND_ADD && p->addr.af == PT_AF_INET6)
		rc = answer_ipv6(w, l);
	pt_neighbour_print(&text, &c.n);
	if (!rc)
		return hand_words_write(w, op, "neighbour", &text, put_neighbour, &c);
	pt_buf_fini(&text);
	return rc;
}

int pt_hand_vip(const struct pt_hand *h, enum pt_hand_op op, enum pt_vip_type type, const char *address, const char *device,
		struct pt_err *e)
{
	const struct pt_link *l = NULL;
	struct pt_prefix p;
	struct hand_words w;
	int rc;

	if (pt_prefix_parse(address, &p)) {
		pt_err_add(e, PT_ERROR, NULL, "write one as 192.0.2.10/24 or 2001:db8::10", "%s is no address", address);
		return -EINVAL;
	}
	rc = hand_words_begin(&w, h, address, e);
	if (!rc)
		l = hand_words_link(&w, device);
	if (!rc && !l)
		rc = -ENODEV;
	if (!rc && op == PT_HAND_DELETE && type != PT_VIP_PROXY)
		rc = find_length(&w, l, &p);
	if (!rc)
		rc = type == PT_VIP_PROXY ? hold_proxy(&w, op, &p, l) : hold_alias(&w, op, &p, l);
	return hand_words_end(&w, rc, "changing virtual addresses");
}
