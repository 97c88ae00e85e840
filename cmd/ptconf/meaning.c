/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the change means for packets, as part of `ptconf diff`: which of them pass that did not, and the other way round. The
 * short form: `ptfw diff --meaning` has all sets and rules.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <patronus/space.h>

#include "ptconf.h"

#define SHOWN 20 /* differences, as text */

struct telling {
	struct pt_out *out;
	size_t n;
};

static const char *verdict_name(bool pass)
{
	return pass ? "pass" : "block";
}

static void put_sets(struct pt_out *o, const struct pt_meaning *m)
{
	pt_out_arr(o, "packets");
	for (size_t i = 0; i < m->boxes.n; i++) {
		struct pt_buf text = { 0 };

		pt_space_print(m->space, &m->boxes.v[i], &text);
		pt_out_fail(o, text.err);
		pt_out_item(o, text.s ? text.s : "");
		pt_buf_fini(&text);
	}
	pt_out_arr_end(o);
}

static void put_object(struct pt_out *o, const struct pt_meaning *m)
{
	static const char *const kinds[] = { "verdict", "translation", "unknown" };

	pt_out_obj(o, NULL);
	pt_out_str(o, "change", kinds[m->kind]);
	pt_out_str(o, "direction", m->dir == PT_IN ? "in" : "out");
	pt_out_str(o, "old_verdict", verdict_name(m->by[0]->pass));
	pt_out_str(o, "new_verdict", verdict_name(m->by[1]->pass));
	pt_out_str(o, "old_rule", m->by[0]->rule ? m->by[0]->rule->name : NULL);
	pt_out_str(o, "new_rule", m->by[1]->rule ? m->by[1]->rule->name : NULL);
	put_sets(o, m);
	pt_out_u64(o, "except", m->except);
	pt_out_str(o, "example", m->words);
	pt_out_obj_end(o);
}

static void put_text(struct telling *t, const struct pt_meaning *m)
{
	struct pt_buf b = { 0 };

	if (t->n > SHOWN)
		return;
	if (t->n == SHOWN)
		pt_buf_str(&b, "and more: `ptfw diff --meaning` lists them all");
	else if (m->kind == PT_MEANING_VERDICT)
		pt_buf_fmt(&b, "%s instead of %s: ", verdict_name(m->by[1]->pass), verdict_name(m->by[0]->pass));
	else
		pt_buf_str(&b, m->kind == PT_MEANING_TRANSLATION ? "translated otherwise: " : "perhaps changed: ");
	if (t->n < SHOWN && m->boxes.n) {
		pt_buf_fmt(&b, "%s ", m->dir == PT_IN ? "in" : "out");
		pt_space_print(m->space, &m->boxes.v[0], &b);
		if (m->boxes.n > 1)
			pt_buf_fmt(&b, ", and %zu more such sets", m->boxes.n - 1);
	}
	if (t->n < SHOWN && m->words)
		pt_buf_fmt(&b, "\n    such as %s", m->words);
	pt_out_fail(t->out, b.err);
	pt_out_rec(t->out);
	if (b.s)
		pt_out_text(t->out, b.s);
	pt_out_rec_end(t->out);
	pt_buf_fini(&b);
}

static int take(const struct pt_meaning *m, void *arg)
{
	struct telling *t = arg;

	if (pt_out_format(t->out) == PT_OUT_TEXT)
		put_text(t, m);
	else
		put_object(t->out, m);
	t->n++;
	return 0;
}

/* What cannot be compared is no reason to show nothing else. */
static void demote(struct pt_cli *c, const struct pt_err *why)
{
	for (size_t i = 0; i < why->list.n; i++)
		if (why->list.v[i].sev == PT_ERROR)
			pt_err_add(&c->err, PT_WARNING, NULL, NULL, "what changes for packets is not told: %s", why->list.v[i].msg);
}

static int compare(struct pt_cli *c, struct pt_nl *nf, struct pt_nl *route, struct telling *t, struct pt_err *why)
{
	struct pt_plan old, new;
	int rc = pt_expect_load(NULL, nf, route, &old, why);

	if (rc)
		return rc;
	rc = pt_expect_load(c->file, nf, route, &new, why);
	if (!rc) {
		rc = pt_plan_meaning(&old, PT_EXPECT_KERNEL, &new, PT_EXPECT_APPLIED, nf, take, t, why);
		pt_plan_fini(&new);
	}
	pt_plan_fini(&old);
	return rc;
}

int put_meaning(struct pt_cli *c, struct pt_out *o, struct pt_nl *nf, struct pt_nl *route)
{
	struct telling t = { .out = o };
	struct pt_err why = { 0 };
	struct pt_nft_state *now = NULL;
	int rc;

	if (!strcmp(c->file, "-")) /* it was read already, and once only */
		return 0;
	rc = pt_nft_read_applied(nf, &now, &c->err);
	if (rc)
		return rc;
	if (pt_out_format(o) != PT_OUT_TEXT) {
		pt_out_top(o);
		pt_out_arr(o, "meaning");
	}
	if (now->digest[0] && pt_out_format(o) != PT_OUT_LINE) /* without rules in force every packet is judged otherwise */
		rc = compare(c, nf, route, &t, &why);
	if (rc && rc != -ENOMEM) {
		demote(c, &why);
		rc = 0;
	}
	if (pt_out_format(o) != PT_OUT_TEXT) {
		pt_out_arr_end(o);
		pt_out_top_end(o);
	}
	pt_err_fini(&why);
	pt_nft_state_free(now);
	return rc;
}
