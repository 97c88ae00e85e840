/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The firewall as a subsystem: rules, translations and tables. What no file says of it is what its tables learned while they were
 * in force, and whether there was a firewall at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

static int make_plan(struct pt_whole *w, void **out, struct pt_err *e)
{
	struct pt_plan *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (!p)
		return pt_err_sys(e, -ENOMEM, "planning the rules");
	rc = pt_plan_online_texts(w->texts, w->engine, w->again, w->nf, w->route, p, e);
	if (rc) {
		free(p);
		return rc;
	}
	w->conf = p->conf;
	*out = p;
	return 0;
}

static size_t writes_of(const void *plan)
{
	return pt_plan_writes(plan);
}

static void walk(const void *plan, pt_nft_op_cb cb, void *arg)
{
	pt_plan_walk(plan, cb, arg);
}

static int apply(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e)
{
	struct pt_plan *p = plan;
	int rc = pt_plan_apply(p, w->nf, writes, e);

	w->conf = p->conf; /* may have been read anew, with the anchors that were loaded since */
	return rc;
}

static void free_plan(void *plan)
{
	pt_plan_fini(plan);
	free(plan);
}

/* ---- what was learned ---- */

/*
 * "state STATE" first, then for each table "table NAME" and a line for each of its elements: "4 LO HI SECONDS", the numbers in
 * hexadecimal, SECONDS that are left or 0 for good. STATE is in force, stopped, open or none.
 */
#define NONE "none"
#define OPEN "open"
#define STOPPED "stopped"
#define FORCE "force"

static int put_element(const struct pt_nft_elem *el, void *arg)
{
	struct pt_buf *b = arg;
	uint32_t left = el->timeout ? (el->expires ? el->expires : 1) : 0;

	pt_buf_fmt(b, "%d %llx %llx %llx %llx %u\n", el->af == PT_AF_INET6 ? 6 : 4, (unsigned long long)(el->lo >> 64),
		   (unsigned long long)el->lo, (unsigned long long)(el->hi >> 64), (unsigned long long)el->hi, left);
	return b->err;
}

/* Whether what is in a table may have come at run time; T NULL: nobody knows. */
static bool may_learn(const struct pt_conf_table *t)
{
	return !t || (!t->constant && !t->names.n);
}

/* What the file in force wrote into a table it writes again. */
static int put_table(struct pt_whole *w, const struct pt_conf_table *t, const char *name, struct pt_buf *out, struct pt_err *e)
{
	const struct pt_plan *planned = pt_whole_firewall(w);

	if (!may_learn(t))
		return 0;
	pt_buf_fmt(out, "table %s\n", name);
	if (!t || !pt_conf_table_written(t))
		return pt_nft_table_dump(w->nf, name, put_element, out, e);
	return pt_nft_table_added(w->nf, planned ? planned->have : NULL, name, put_element, out, e);
}

static int put_tables(struct pt_whole *w, const struct pt_conf *c, struct pt_buf *out, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	const char **names = NULL;
	size_t n = 0;
	int rc = a ? pt_nft_table_list(w->nf, a, &names, &n, e) : pt_err_sys(e, -ENOMEM, "noting the tables");

	for (size_t i = 0; !rc && i < n; i++)
		rc = put_table(w, c ? pt_conf_find_table(c, names[i]) : NULL, names[i], out, e);
	pt_arena_free(a);
	return rc;
}

static const char *state_of(const struct pt_nft_state *s)
{
	if (!s->present)
		return NONE;
	if (s->dormant)
		return OPEN;
	if (s->digest[0])
		return FORCE;
	return strcmp(s->path, PT_NFT_OPEN) ? STOPPED : OPEN;
}

static int snapshot(struct pt_whole *w, struct pt_buf *out, struct pt_err *e)
{
	struct pt_nft_state *have = NULL;
	struct pt_err why = { 0 };
	struct pt_plan now;
	int rc;

	rc = pt_nft_read_for(w->nf, NULL, &have, e);
	if (rc)
		return rc;
	pt_buf_fmt(out, "state %s\n", state_of(have));
	if (!strcmp(state_of(have), FORCE)) {
		if (pt_plan_applied(w->nf, &now, &why)) /* then all of them are noted */
			memset(&now, 0, sizeof(now));
		rc = put_tables(w, now.conf, out, e);
		pt_plan_fini(&now);
		pt_err_fini(&why);
	}
	pt_nft_state_free(have);
	return !rc && out->err ? pt_err_sys(e, out->err, "noting the tables") : rc;
}

/* ---- and back ---- */

struct element {
	uint32_t left;
	enum pt_af af;
	pt_u128 lo, hi;
};

struct learned {
	const char *table;
	struct pt_arena *arena;
	PT_VEC(struct element) list;
};

static int by_left(const void *x, const void *y)
{
	const struct element *a = x, *b = y;

	return a->left < b->left ? -1 : a->left > b->left;
}

/* Elements with nearly the same time left come back together: each time is a transaction. */
static int put_back(struct pt_whole *w, struct learned *l, struct pt_err *e)
{
	static const struct pt_iset none[2];
	size_t added, deleted, i = 0;
	int rc = 0;

	if (l->list.n)
		qsort(l->list.v, l->list.n, sizeof(*l->list.v), by_left);
	while (!rc && i < l->list.n) {
		uint32_t left = l->list.v[i].left, longest = left;
		struct pt_iset set[2] = { 0 };

		for (; !rc && i < l->list.n && l->list.v[i].left <= left + left / 64; longest = l->list.v[i++].left)
			rc = pt_iset_add(l->arena, &set[l->list.v[i].af == PT_AF_INET6], l->list.v[i].lo, l->list.v[i].hi);
		for (int f = 0; f < 2; f++)
			pt_iset_norm(&set[f]);
		if (rc)
			rc = pt_err_sys(e, rc, "filling the table %s", l->table);
		else
			rc = pt_nft_table_change(w->nf, l->table, set, none, longest, &added, &deleted, e);
	}
	return rc;
}

static int flush_learned(struct pt_whole *w, struct learned *l, struct pt_err *e)
{
	const struct pt_conf_table *t = l->table && w->conf ? pt_conf_find_table(w->conf, l->table) : NULL;
	int rc = 0;

	if (t && may_learn(t)) /* one that is not there any more, or that nothing may be added to, has learned nothing */
		rc = put_back(w, l, e);
	l->list.n = 0;
	l->table = NULL;
	return rc;
}

static int take_element(struct learned *l, const char *line)
{
	unsigned long long lo[2], hi[2];
	struct element el;
	int af;

	if (sscanf(line, "%d %llx %llx %llx %llx %u", &af, &lo[0], &lo[1], &hi[0], &hi[1], &el.left) != 6)
		return -EBADMSG;
	el.af = af == 6 ? PT_AF_INET6 : PT_AF_INET;
	el.lo = (pt_u128)lo[0] << 64 | lo[1];
	el.hi = (pt_u128)hi[0] << 64 | hi[1];
	return pt_vec_push(l->arena, &l->list, el);
}

static int restore_tables(struct pt_whole *w, char *rest, struct pt_err *e)
{
	struct learned l = { .arena = pt_arena_new() };
	char *line;
	int rc = l.arena ? 0 : -ENOMEM;

	while (!rc && (line = strsep(&rest, "\n"))) {
		if (!strncmp(line, "table ", 6)) {
			rc = flush_learned(w, &l, e);
			l.table = line + 6;
		} else if (*line) {
			rc = take_element(&l, line);
		}
	}
	if (!rc)
		rc = flush_learned(w, &l, e);
	pt_arena_free(l.arena);
	return rc;
}

/* Where there was no firewall, there is none again: its table stays, and does nothing. */
static int restore_nothing(struct pt_whole *w, const char *state, struct pt_err *e)
{
	size_t writes;

	if (!strcmp(state, STOPPED))
		return pt_plan_stop(false, w->nf, &writes, e);
	if (!strcmp(state, OPEN) || !strcmp(state, NONE))
		return pt_plan_stop(true, w->nf, &writes, e);
	pt_err_add(e, PT_ERROR, NULL, "apply a file that is known to be good",
		   "what was in force before cannot be brought back: it was no revision, and its copy was gone");
	return -ENOENT;
}

static int restore(struct pt_whole *w, const char *data, size_t len, struct pt_err *e)
{
	char *text = strndup(data, len), *rest = text, *line;
	int rc;

	if (!text)
		return pt_err_sys(e, -ENOMEM, "filling the tables again");
	line = strsep(&rest, "\n");
	if (strncmp(line, "state ", 6) != 0)
		rc = -EBADMSG;
	else if (w->conf)
		rc = restore_tables(w, rest, e);
	else
		rc = restore_nothing(w, line + 6, e);
	free(text);
	return rc;
}

const struct pt_subsystem plan_firewall = {
	.name = "firewall",
	.plan = make_plan,
	.writes = writes_of,
	.walk = walk,
	.apply = apply,
	.free = free_plan,
	.snapshot = snapshot,
	.restore = restore,
	.drift = plan_firewall_drift,
};
