/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names for what the kernel tells of a packet that is followed.
 *
 * Its rules carry the identity of ours, so most judgements name themselves. The classifier's map does not: a look-up is one
 * rule for thousands. Where its answer needs more than a verdict there is a chain that tells; else the evaluator
 * is asked, which is proven to be the same judgement, and the result says so, and says it, too, should they differ.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "plan/trace_internal.h"

static const char no_rule[] = "no rule matches";
static const char not_judged[] = "the classifier has not judged it: is its program on this device?";
static const char no_state[] = "no state can be made of it";
static const char limited[] = "it is beyond a limit of states or connections";

int trace_rules_read(struct trace *x, struct pt_err *e)
{
	struct trace_rules *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return pt_err_sys(e, -ENOMEM, "reading what is in force");
	rc = pt_explainer_new(NULL, x->nf, x->route, &r->explainer, e);
	if (rc) {
		free(r);
		return rc;
	}
	r->world = pt_explainer_world(r->explainer);
	r->plan = plan_explainer_plan(r->explainer);
	r->used = 1;
	trace_rules_drop(x->rules);
	x->rules = r;
	x->stale = false;
	return 0;
}

void trace_rules_drop(struct trace_rules *r)
{
	if (!r || --r->used)
		return;
	pt_explainer_free(r->explainer);
	free(r);
}

/* ---- the evaluator's part ---- */

static void ask_in(const struct trace_slot *s, const struct pt_packet *k, struct pt_path *path)
{
	const struct pt_question q = { .packet = *k, .dir = PT_IN, .device = s->in };

	pt_path_find(s->rules->world, &q, path);
}

static const struct pt_decision *judgement(const struct pt_path *path)
{
	for (size_t i = 0; i < path->n; i++)
		if (path->steps[i].kind == PT_STEP_JUDGED)
			return &path->steps[i].decision;
	return NULL;
}

static void evaluate(struct trace_slot *s, struct pt_trace_step *step)
{
	const struct pt_decision *d;
	struct pt_path path;

	step->evaluated = true;
	if (step->dir != PT_IN || s->unclear)
		return;
	ask_in(s, &step->packet, &path);
	d = judgement(&path);
	if (!d)
		return;
	step->disagrees = d->pass != step->pass;
	if (!step->disagrees)
		step->rule = d->rule;
	if (!step->rule && !step->pass)
		step->why = no_rule;
}

/* ---- judgements ---- */

static const char *why_not(const struct trace_slot *s, const struct pt_nft_trace *m)
{
	static const char *const limits[] = { "state.", "conn.", "over.", "complete-" };

	if (s->unjudged)
		return not_judged;
	for (size_t i = 0; i < PT_ARRAY_SIZE(limits); i++)
		if (!strncmp(m->chain, limits[i], strlen(limits[i])))
			return limited;
	if (s->decider && s->decider->action == PT_PASS)
		return no_state;
	return s->decider ? NULL : no_rule;
}

void trace_judged(struct trace_slot *s, const struct pt_nft_trace *m, bool pass)
{
	enum pt_dir dir = !strcmp(s->base, "prerouting") ? PT_IN : PT_OUT;
	bool at_once = !s->decider && !s->by_key && pass;
	struct pt_trace_step *step;

	/* Accepted by the base chain itself, or as an answer to what this machine refused: none of the rules was asked. */
	if (at_once) {
		step = trace_step(s, PT_TRACE_KNOWN, dir, dir == PT_IN ? s->in : s->out);
		step->why = strcmp(m->chain, "answers") ? "its connection is known: packets of known states pass without being judged" :
							  "it tells of a refusal";
		return;
	}
	step = trace_step(s, PT_TRACE_JUDGED, dir, dir == PT_IN ? s->in : s->out);
	step->pass = pass;
	step->rule = s->decider;
	s->t.decided = step;
	if (s->by_key && !s->decider && !s->unjudged)
		evaluate(s, step);
	else if (!pass)
		step->why = why_not(s, m);
}

void trace_vanished(struct trace_slot *s)
{
	struct pt_trace_step *step = trace_step(s, PT_TRACE_DROPPED, PT_IN, s->in);
	struct pt_path path;

	step->why = "the kernel did not go on with it, and does not tell why";
	if (!s->t.n || s->t.steps[0].dir != PT_IN)
		return;
	ask_in(s, &s->t.steps[0].packet, &path);
	for (size_t i = 0; i < path.n; i++)
		if (path.steps[i].kind == PT_STEP_DROPPED)
			step->why = path.steps[i].why;
}
