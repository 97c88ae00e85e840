/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that were tried on the way to a judgement, each with what it did not like. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* A written rule; it may be several of the policy. */
struct tried {
	const struct pt_pol_rule *rule;
	enum pt_condition first; /* of the one that came furthest */
};

struct trial {
	const struct pt_step *step;
	PT_VEC(struct tried) list;
	int err;
};

static bool further(enum pt_condition a, enum pt_condition than)
{
	if (a == PT_COND_HOLDS || than == PT_COND_HOLDS)
		return a == PT_COND_HOLDS;
	if (a == PT_COND_UNKNOWN || than == PT_COND_UNKNOWN)
		return a == PT_COND_UNKNOWN;
	return a > than;
}

static void try(const struct pt_pol_rule *r, enum pt_condition first, void *arg)
{
	struct trial *t = arg;
	struct tried *last = t->list.n ? &t->list.v[t->list.n - 1] : NULL, one = { r, first };

	if (!last || last->rule->id != r->id)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it does not look into pt_vec_grow() */
		t->err = t->err ? t->err : pt_vec_push(NULL, &t->list, one);
	else if (further(first, last->first))
		*last = one;
}

static int trial_of(const struct explain *x, const struct pt_step *s, struct trial *t)
{
	*t = (struct trial){ .step = s };
	pt_evaluate_walk(x->world->eval, &s->packet, s->dir, s->device, try, t);
	return t->err;
}

/* ---- what is not known ---- */

void explain_unknown(const struct pt_pol_rule *r, const struct pt_packet *k, struct pt_buf *out)
{
	static const struct pt_pol_more none;
	const struct pt_pol_more *m = r->more ? r->more : &none;
	const struct {
		enum pt_fact fact;
		bool asked;
		const char *name;
	} facts[] = {
		{ PT_FACT_TOS, m->has_tos, "tos" },	 { PT_FACT_MAC, m->macs.n > 0, "mac" },
		{ PT_FACT_USER, m->uid.n > 0, "user" },	 { PT_FACT_GROUP, m->gid.n > 0, "group" },
		{ PT_FACT_CHANCE, m->chance > 0, "chance" }, { PT_FACT_RECEIVED, m->received.n > 0, "device that it came in by" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(facts); i++)
		if (facts[i].asked && !(k->known & facts[i].fact))
			pt_buf_fmt(out, "%s%s", out->n ? ", " : "", facts[i].name);
}

/* ---- why ---- */

static const char *const conditions[] = {
	[PT_COND_DIR] = "another direction",	     [PT_COND_FAMILY] = "another address family",
	[PT_COND_DEVICE] = "another interface",	     [PT_COND_PROTO] = "another protocol",
	[PT_COND_SPORT] = "another source port",     [PT_COND_DPORT] = "another destination port",
	[PT_COND_ICMP] = "another type of ICMP",     [PT_COND_FLAGS] = "other TCP flags",
	[PT_COND_TAG] = "another tag",		     [PT_COND_TOS] = "another type of service",
	[PT_COND_CHANCE] = "by chance",		     [PT_COND_RECEIVED] = "received on another interface",
	[PT_COND_MAC] = "another hardware address",  [PT_COND_USER] = "another user",
	[PT_COND_GROUP] = "another group",	     [PT_COND_SCHEDULE] = "another time",
	[PT_COND_SRC] = "another source",	     [PT_COND_DST] = "another destination",
};

static void why_of(const struct trial *t, const struct tried *i, struct pt_buf *out)
{
	const struct pt_pol_rule *winner = t->step->decision.rule;

	if (i->first == PT_COND_UNKNOWN) {
		pt_buf_str(out, "matches perhaps: not known: ");
		explain_unknown(i->rule, &t->step->packet, out);
	} else if (i->first != PT_COND_HOLDS) {
		pt_buf_str(out, conditions[i->first]);
	} else if (i->rule->action == PT_MATCH) {
		pt_buf_str(out, i->rule->nat ? "matches, and translates" : "matches, and goes on");
	} else if (winner && winner->id == i->rule->id) {
		pt_buf_str(out, i->rule->quick ? "matches, quick: decides" : "matches, the last that does: decides");
	} else {
		pt_buf_fmt(out, "matches, but %s behind it matches too", winner ? winner->name : "a rule");
	}
}

/* ---- output ---- */

static void show_one(struct explain *x, const struct trial *t, const struct tried *i)
{
	struct pt_buf why = { 0 }, line = { 0 };
	bool shown = i->rule->loc.line || i->first == PT_COND_HOLDS;

	why_of(t, i, &why);
	pt_out_obj(x->out, NULL);
	pt_out_str(x->out, "rule", i->rule->name);
	pt_out_str(x->out, "text", i->rule->text);
	pt_out_str(x->out, "file", i->rule->loc.line ? i->rule->loc.file : NULL);
	pt_out_u64(x->out, "line", i->rule->loc.line);
	pt_out_bool(x->out, "matches", i->first == PT_COND_HOLDS);
	pt_out_str(x->out, "why", why.s);
	pt_out_obj_end(x->out);
	if (shown) { /* the built-in ones would be most of it */
		pt_buf_str(&line, "              ");
		explain_place(i->rule, &line);
		pt_buf_fmt(&line, "  %s\n                %s", i->rule->text, why.s ? why.s : "");
		pt_out_fail(x->out, line.err);
		pt_out_text(x->out, line.s ? line.s : "");
	}
	pt_out_fail(x->out, why.err);
	pt_buf_fini(&why);
	pt_buf_fini(&line);
}

int explain_tried(struct explain *x, const struct pt_step *s)
{
	struct trial t;
	int rc = trial_of(x, s, &t);

	pt_out_arr(x->out, "tried");
	for (size_t i = 0; !rc && i < t.list.n; i++)
		show_one(x, &t, &t.list.v[i]);
	pt_out_arr_end(x->out);
	free(t.list.v);
	return rc;
}

static void show_unknown(struct explain *x, const struct tried *i, const struct pt_step *s)
{
	struct pt_buf facts = { 0 }, line = { 0 };

	explain_unknown(i->rule, &s->packet, &facts);
	pt_out_obj(x->out, NULL);
	pt_out_str(x->out, "rule", i->rule->name);
	pt_out_str(x->out, "text", i->rule->text);
	pt_out_str(x->out, "file", i->rule->loc.line ? i->rule->loc.file : NULL);
	pt_out_u64(x->out, "line", i->rule->loc.line);
	pt_out_str(x->out, "asks", facts.s);
	pt_out_obj_end(x->out);
	pt_buf_fmt(&line, "            not known: %s. Then this rule may %s: ", facts.s ? facts.s : "",
		   i->rule->action == PT_MATCH ? "match, too" : "decide");
	explain_place(i->rule, &line);
	pt_buf_fmt(&line, "\n            %s", i->rule->text);
	pt_out_fail(x->out, facts.err ? facts.err : line.err);
	pt_out_text(x->out, line.s ? line.s : "");
	pt_buf_fini(&facts);
	pt_buf_fini(&line);
}

/* Those before the rule that decides are overruled, unless one of the two is quick or a match rule. */
static bool may_change(const struct pt_step *s, const struct tried *i)
{
	const struct pt_pol_rule *winner = s->decision.rule;

	return i->first == PT_COND_UNKNOWN && (i->rule->action == PT_MATCH || i->rule->quick || !winner ||
					       winner->index < i->rule->index);
}

int explain_uncertain(struct explain *x, const struct pt_step *s)
{
	struct trial t = { 0 };
	int rc = s->decision.uncertain ? trial_of(x, s, &t) : 0;

	pt_out_arr(x->out, "uncertain");
	for (size_t i = 0; !rc && i < t.list.n; i++)
		if (may_change(s, &t.list.v[i]))
			show_unknown(x, &t.list.v[i], s);
	pt_out_arr_end(x->out);
	free(t.list.v);
	return rc;
}
