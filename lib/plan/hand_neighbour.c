/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neighbours by hand. What the kernel learned belongs to nobody; what the file says is the file's. */
#include <errno.h>
#include <string.h>

#include <linux/neighbour.h>

#include <patronus/neighbour.h>

#include "plan/hand.h"

#define HINT "as 192.0.2.1 lladdr 02:00:00:00:00:01 dev eth0"

static int put(struct pt_nl_stream *s, const void *arg)
{
	return pt_neighbour_put(s, arg, 0);
}

static int write_neighbour(const struct hand_words *w, enum pt_hand_op op, const struct pt_neighbour_change *c)
{
	struct pt_buf text = { 0 };

	pt_neighbour_print(&text, &c->n);
	return hand_words_write(w, op, "neighbour", &text, put, c);
}

static int read_all(const struct hand_words *w, struct pt_neighbours *all)
{
	return pt_neighbours_read(w->h->route, &w->links, w->arena, all, w->e);
}

static const struct pt_neighbour *find(const struct pt_neighbours *all, uint32_t index, struct pt_addr addr)
{
	for (size_t i = 0; i < all->v.n; i++) {
		const struct pt_neighbour *n = &all->v.v[i];

		if (!n->proxy && n->index == index && n->addr.af == addr.af && n->addr.v == addr.v)
			return n;
	}
	return NULL;
}

/* "ADDRESS dev DEVICE" is all that is needed to name one; a link address there must be its own. */
static int parse_meant(const struct hand_words *w, struct pt_conf_neighbour *meant, bool *has_mac)
{
	const struct pt_conf_fault wrong = { .len = strlen(w->words), .why = "a neighbour is an ADDRESS dev DEVICE" };
	struct pt_conf_fault f = { 0 };
	char *copy = pt_arena_strdup(w->arena, w->words), *save, *word;
	int rc = pt_conf_neighbour_parse(w->words, w->arena, meant, &f);

	*has_mac = !rc;
	if (!rc || rc == -ENOMEM || !copy)
		return !copy ? -ENOMEM : rc;
	word = strtok_r(copy, " \t", &save);
	if (!word || pt_addr_parse(word, &meant->addr))
		return hand_words_fault(w, &f, HINT);
	word = strtok_r(NULL, " \t", &save);
	meant->dev = word && !strcmp(word, "dev") ? strtok_r(NULL, " \t", &save) : NULL;
	if (!meant->dev || strtok_r(NULL, " \t", &save))
		return hand_words_fault(w, &wrong, HINT);
	return 0;
}

static int delete(const struct hand_words *w)
{
	struct pt_neighbour_change c = { .op = PT_NEIGHBOUR_DELETE };
	const struct pt_neighbour *n = NULL;
	struct pt_conf_neighbour meant;
	const struct pt_link *l;
	struct pt_neighbours all;
	bool has_mac;
	int rc = parse_meant(w, &meant, &has_mac);

	l = rc ? NULL : hand_words_link(w, meant.dev);
	if (!rc)
		rc = l ? read_all(w, &all) : -ENODEV;
	if (!rc)
		n = find(&all, l->index, meant.addr);
	if (!rc && (!n || (has_mac && (!n->has_mac || n->mac != meant.mac)))) {
		pt_err_add(w->e, PT_ERROR, NULL, "`ptnet neighbour show` lists them", "there is no neighbour %s", w->words);
		rc = -ENODEV;
	}
	if (rc)
		return rc;
	c.n = *n;
	return write_neighbour(w, PT_HAND_DELETE, &c);
}

static int add(const struct hand_words *w)
{
	struct pt_neighbour_change c = { .op = PT_NEIGHBOUR_ADD };
	struct pt_conf_fault f = { 0 };
	struct pt_conf_neighbour r;
	const struct pt_neighbour *have;
	const struct pt_link *l;
	struct pt_neighbours all;
	int rc = pt_conf_neighbour_parse(w->words, w->arena, &r, &f);

	if (rc)
		return rc == -EINVAL ? hand_words_fault(w, &f, HINT) : rc;
	l = hand_words_link(w, r.dev);
	rc = l ? read_all(w, &all) : -ENODEV;
	if (rc)
		return rc;
	have = find(&all, l->index, r.addr);
	if (have && have->protocol == PT_NET_PROTOCOL) {
		pt_err_add(w->e, PT_ERROR, NULL, "change it there", "that neighbour is the file's");
		return -EEXIST;
	}
	c.n = (struct pt_neighbour){ .index = l->index, .addr = r.addr, .mac = r.mac, .has_mac = true, .by_hand = true };
	memcpy(c.n.device, l->name, sizeof(l->name));
	return write_neighbour(w, PT_HAND_ADD, &c);
}

int pt_hand_neighbour(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e)
{
	struct hand_words w;
	int rc = hand_words_begin(&w, h, words, e);

	if (!rc)
		rc = op == PT_HAND_DELETE ? delete(&w) : add(&w);
	return hand_words_end(&w, rc, "changing the neighbours");
}

/* ---- flush ---- */

#define STAYS (NUD_PERMANENT | NUD_NOARP) /* what was not learned */

/* One that went by itself meanwhile is forgotten as well. */
static int refused(const struct pt_nl_refusal *r, void *arg)
{
	if (r->code == -ENOENT)
		return 0;
	*(struct pt_nl_refusal *)arg = *r;
	return r->code;
}

static int flush(const struct hand_words *w, const struct pt_neighbours *all, uint32_t index, size_t *n)
{
	struct hand_line line = { 0 };
	int rc = 0;

	line.s = pt_nl_stream_new(w->h->route, refused, &line.refusal);
	if (!line.s)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < all->v.n; i++) {
		const struct pt_neighbour_change c = { .op = PT_NEIGHBOUR_DELETE, .n = all->v.v[i] };

		if (c.n.proxy || c.n.index != index || c.n.state & STAYS || (w->h->af && c.n.addr.af != w->h->af))
			continue;
		pt_buf_str(w->h->told, "delete neighbour ");
		pt_neighbour_print(w->h->told, &c.n);
		pt_buf_chr(w->h->told, '\n');
		rc = w->h->dry ? 0 : pt_neighbour_put(line.s, &c, 0);
		++*n;
	}
	return hand_line_close(&line, rc, "forget", "the neighbours", w->e);
}

int pt_hand_flush(const struct pt_hand *h, const char *device, size_t *n, struct pt_err *e)
{
	const struct pt_link *l = NULL;
	struct pt_neighbours all = { 0 };
	struct hand_words w;
	int rc = hand_words_begin(&w, h, device, e);

	*n = 0;
	if (!rc)
		l = hand_words_link(&w, device);
	if (!rc)
		rc = l ? read_all(&w, &all) : -ENODEV;
	if (!rc)
		rc = flush(&w, &all, l->index, n);
	return hand_words_end(&w, rc, "forgetting the neighbours");
}
