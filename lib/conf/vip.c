/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Virtual addresses: an address with a name that is not the first one of its interface. To everything behind this file one is what it
 * is without a name: an address of its interface, or one that the interface answers for; and the name is a macro of rules.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define PROXY_MAX 256 /* addresses of one section: each is an entry of the kernel */

const char *const pt_vip_types[] = { "alias", "proxy", "other", NULL };

struct checker {
	struct pt_conf *c;
	struct pt_err *e;
	int rc;
};

#define COMPLAIN(k, ...)                                        \
	do {                                                    \
		pt_err_add((k)->e, PT_ERROR, __VA_ARGS__);      \
		(k)->rc = -EINVAL;                              \
	} while (0)

int conf_check_vip_address(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_prefix p;

	if (strlen(s) < 64 && !pt_prefix_parse(s, &p) && p.addr.v)
		return 0;
	pt_err_add(e, PT_ERROR, loc, "as 192.0.2.10/24, 192.0.2.10 or 2001:db8::10", "this is no address that a machine can have");
	return -EINVAL;
}

/* Who has A already; NULL: nobody. */
static const struct pt_loc *find_twin(const struct checker *k, const struct pt_conf_vip *v)
{
	for (const struct pt_conf_vip *x = k->c->vips.v; x < v; x++)
		if (x->interface && x->held.addr.af == v->held.addr.af && pt_prefix_lo(&x->held) <= pt_prefix_hi(&v->held) &&
		    pt_prefix_hi(&x->held) >= pt_prefix_lo(&v->held))
			return &x->loc;
	for (size_t i = 0; i < k->c->interfaces.n; i++)
		for (size_t n = 0; n < k->c->interfaces.v[i].addresses.n; n++) {
			const struct pt_addr *a = &k->c->interfaces.v[i].addresses.v[n].addr;

			if (a->af == v->address.addr.af && a->v >= pt_prefix_lo(&v->held) && a->v <= pt_prefix_hi(&v->held))
				return &k->c->interfaces.v[i].loc;
		}
	return NULL;
}

static int hold_alias(struct checker *k, struct pt_conf_if *i, const struct pt_conf_vip *v)
{
	const struct pt_prefix *p = &v->address;

	if (p->addr.af == PT_AF_INET && p->len < 31 && (p->addr.v == pt_prefix_lo(p) || p->addr.v == pt_prefix_hi(p))) {
		COMPLAIN(k, &v->address_loc, "write the address of this machine in that network",
			 "it is the network's own or its broadcast address");
		return 0;
	}
	return pt_vec_push(k->c->arena, &i->addresses, *p);
}

static int hold_proxies(struct checker *k, struct pt_conf_if *i, const struct pt_conf_vip *v)
{
	struct pt_conf_option o = { .row = pt_conf_option("interface", "proxy"), .loc = v->address_loc };
	pt_u128 first = pt_prefix_lo(&v->held), more = pt_prefix_hi(&v->held) - first;
	int rc = 0;

	if (more >= PROXY_MAX) {
		COMPLAIN(k, &v->address_loc, "route the network to this machine, and write type = other",
			 "an interface answers for at most %d addresses of one section", PROXY_MAX);
		return 0;
	}
	for (pt_u128 n = 0; !rc && n <= more; n++) {
		struct pt_buf b = { 0 };

		pt_addr_fmt(&b, (struct pt_addr){ v->address.addr.af, first + n });
		o.s = b.err ? NULL : pt_arena_strdup(k->c->arena, b.s);
		pt_buf_fini(&b);
		rc = o.s ? pt_vec_push(k->c->arena, &i->options, o) : -ENOMEM;
	}
	return rc;
}

/* `$NAME` in rules is the address; of a network, the network. */
static int add_macro(struct checker *k, const struct pt_conf_vip *v)
{
	struct pt_macro m = { .name = v->name };
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < k->c->macros.n; i++)
		if (!strcmp(k->c->macros.v[i].name, v->name))
			COMPLAIN(k, &v->loc, "a vip is a macro for its address: give one of them another name", "there is a macro %s already",
				 v->name);
	pt_addr_fmt(&b, (struct pt_addr){ v->held.addr.af, pt_prefix_lo(&v->held) });
	if (v->held.len < pt_af_bits(v->held.addr.af))
		pt_buf_fmt(&b, "/%u", v->held.len);
	m.text = b.err ? NULL : pt_arena_strdup(k->c->arena, b.s);
	pt_buf_fini(&b);
	return m.text ? pt_vec_push(k->c->arena, &k->c->macros, m) : -ENOMEM;
}

static struct pt_conf_if *interface_of(const struct checker *k, const struct pt_conf_vip *v)
{
	for (size_t i = 0; i < k->c->interfaces.n; i++)
		if (!strcmp(k->c->interfaces.v[i].name, v->interface))
			return &k->c->interfaces.v[i];
	return NULL;
}

static int check_one(struct checker *k, struct pt_conf_vip *v)
{
	const struct pt_loc *twin;
	struct pt_conf_if *i;

	if (!v->address.addr.af || !v->interface) {
		COMPLAIN(k, &v->loc, v->interface ? "address = \"192.0.2.10/24\"" : "interface = NAME", "vip %s has no %s", v->name,
			 v->interface ? "address" : "interface");
		v->interface = NULL;
		return 0;
	}
	i = interface_of(k, v);
	if (!i) {
		COMPLAIN(k, &v->interface_loc, "each link has a section: interface NAME { }", "there is no interface %s", v->interface);
		return 0;
	}
	v->held = v->address;
	if (v->type == PT_VIP_ALIAS)
		v->held.len = (uint8_t)pt_af_bits(v->address.addr.af);
	else if (v->address.addr.v != pt_prefix_lo(&v->address)) {
		COMPLAIN(k, &v->address_loc, "write a network, or one address", "there are bits behind the length of the network");
		return 0;
	}
	twin = find_twin(k, v);
	if (twin && v->type != PT_VIP_OTHER) {
		COMPLAIN(k, &v->address_loc, "remove one of them", "this address is in line %u already", twin->line);
		return 0;
	}
	if (add_macro(k, v))
		return -ENOMEM;
	if (v->type == PT_VIP_OTHER)
		return 0;
	return v->type == PT_VIP_ALIAS ? hold_alias(k, i, v) : hold_proxies(k, i, v);
}

static bool is_bad(const struct conf_tree *t, size_t at)
{
	for (size_t i = 0; i < t->sections.n; i++)
		if (t->sections.v[i].bad && t->sections.v[i].model == at && !strcmp(t->sections.v[i].row->name, "vip"))
			return true;
	return false;
}

int conf_check_vips(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	struct checker k = { .c = c, .e = e };

	for (size_t i = 0; i < c->vips.n; i++)
		if (is_bad(t, i))
			c->vips.v[i].interface = NULL;
		else if (check_one(&k, &c->vips.v[i]))
			return -ENOMEM;
	return k.rc;
}
