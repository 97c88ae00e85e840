/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules name queues, and the file has queues: what the two make of each other. To the kernel a queue is a number, and packets of a
 * number that no class has go where those of no queue go, in silence; so a slip of the pen is told here.
 */
#include <errno.h>
#include <string.h>

#include "plan/internal.h"

struct queues {
	const struct pt_conf *c;
	PT_VEC(bool) fed;      /* by the queues of the file */
	PT_VEC(const char *) names;
	PT_VEC(const struct pt_conf_queue *) told; /* parents */
	PT_VEC(uint32_t) strange; /* hashes of names that were told */
	struct pt_arena *arena;
	bool more;             /* programs may bring rules */
	struct pt_err *e;
};

static int tell_strange(struct queues *q, const char *name, const struct pt_loc *loc)
{
	uint32_t hash = pt_hash32(name, strlen(name));
	const char *best = pt_nearest(name, q->names.v, q->names.n);
	struct pt_buf hint = { 0 };

	for (size_t i = 0; i < q->strange.n; i++)
		if (q->strange.v[i] == hash)
			return 0;
	if (best)
		pt_buf_fmt(&hint, "did you mean %s?", best);
	else
		pt_buf_fmt(&hint, "write queue %s { shaper = NAME rate = \"10Mbit\" }", name);
	pt_err_add(q->e, PT_WARNING, loc, hint.err ? NULL : hint.s,
		   "the file has no queue %s: these packets go where those of no queue go", name);
	pt_buf_fini(&hint);
	return pt_vec_push(q->arena, &q->strange, hash);
}

static int tell_parent(struct queues *q, const struct pt_conf_queue *parent, const struct pt_loc *loc)
{
	for (size_t i = 0; i < q->told.n; i++)
		if (q->told.v[i] == parent)
			return 0;
	pt_err_add(q->e, PT_WARNING, loc, "name one of the queues below it",
		   "queue %s is the parent of others: these packets go where those of no queue go", parent->name);
	return pt_vec_push(q->arena, &q->told, parent);
}

static int take_name(struct queues *q, const char *name, const struct pt_loc *loc)
{
	bool found = false;
	int rc = 0;

	for (size_t i = 0; name && !rc && i < q->c->queues.n; i++) {
		const struct pt_conf_queue *x = &q->c->queues.v[i];

		if (strcmp(x->name, name) != 0)
			continue;
		found = q->fed.v[i] = true;
		if (x->inner)
			rc = tell_parent(q, x, loc);
	}
	return name && !found ? tell_strange(q, name, loc) : rc;
}

static int take(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *rule)
{
	struct queues *q = arg;
	int rc = take_name(q, rule->set.queue, &rule->set_loc);

	(void)index;
	if (rule->anchor && !pt_conf_find_anchor(c, rule->anchor))
		q->more = true;
	return rc ? rc : take_name(q, rule->set.queue_fast, &rule->set_loc);
}

/* Rules without the word need no second reading. */
static bool is_named(const struct pt_conf *c)
{
	for (size_t i = 0; i < c->sources.n; i++)
		if (memmem(c->sources.v[i].text, c->sources.v[i].len, "queue", 5))
			return true;
	return false;
}

static void tell_unfed(struct queues *q)
{
	for (size_t i = 0; i < q->c->queues.n; i++) {
		const struct pt_conf_queue *x = &q->c->queues.v[i];

		if (!q->fed.v[i] && !x->inner && !x->fallback)
			pt_err_add(q->e, PT_WARNING, &x->loc, "a rule does: match out on wan proto tcp to any port 80 set queue NAME",
				   "no rule puts packets into queue %s", x->name);
	}
}

int pt_plan_queues(const struct pt_conf *c, struct pt_err *e)
{
	struct queues q = { .c = c, .e = e };
	struct pt_err ignored = { 0 };
	int rc = 0;

	if (!is_named(c))
		return 0;
	q.arena = pt_arena_new();
	if (!q.arena)
		return pt_err_sys(e, -ENOMEM, "comparing queues and rules");
	for (size_t i = 0; !rc && i < c->queues.n; i++)
		rc = pt_vec_push(q.arena, &q.fed, false) ? -ENOMEM : pt_vec_push(q.arena, &q.names, c->queues.v[i].name);
	if (!rc)
		rc = pt_conf_rules(c, take, &q, &ignored); /* what is wrong there was told */
	for (size_t i = 0; !rc && i < c->anchors.n; i++)
		rc = pt_conf_anchor_rules(c, &c->anchors.v[i], take, &q, &ignored);
	if (!rc && !q.more)
		tell_unfed(&q);
	pt_err_fini(&ignored);
	pt_arena_free(q.arena);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "comparing queues and rules") : 0;
}
