/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change of the rules changes for packets: the sets of those that are judged otherwise, with the rules that do it. */
#include <errno.h>
#include <string.h>

#include <patronus/space.h>

#include "explain.h"

#define BOXES_SHOWN 12 /* of one difference, as text; JSON has them all */

struct telling {
	struct pt_cli *c;
	struct pt_out *out;
	size_t verdicts, translations, unknown;
};

static const char *verdict_name(bool pass)
{
	return pass ? "pass" : "block";
}

/* ---- JSON ---- */

static void put_rule(struct pt_out *o, const char *key, const struct pt_region *r)
{
	pt_out_obj(o, key);
	pt_out_str(o, "verdict", verdict_name(r->pass));
	pt_out_str(o, "rule", r->rule ? r->rule->name : NULL);
	pt_out_str(o, "text", r->rule ? r->rule->text : NULL);
	pt_out_str(o, "file", r->rule && r->rule->loc.line ? r->rule->loc.file : NULL);
	pt_out_u64(o, "line", r->rule ? r->rule->loc.line : 0);
	pt_out_str(o, "why", r->why);
	pt_out_obj_end(o);
}

static void put_boxes(struct pt_out *o, const struct pt_meaning *m)
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

static void put_record(struct pt_out *o, const struct pt_meaning *m)
{
	static const char *const kinds[] = { "verdict", "translation", "unknown" };

	pt_out_str(o, "change", kinds[m->kind]);
	pt_out_str(o, "direction", m->dir == PT_IN ? "in" : "out");
	put_rule(o, "old", m->by[0]);
	put_rule(o, "new", m->by[1]);
	put_boxes(o, m);
	pt_out_u64(o, "except", m->except);
	pt_out_str(o, "example", m->words);
}

/* ---- text ---- */

static void text_rule(struct pt_buf *b, const char *when, const struct pt_region *r)
{
	pt_buf_fmt(b, "\n    %s: %s, ", when, verdict_name(r->pass));
	if (r->rule)
		explain_place(r->rule, b);
	else
		pt_buf_str(b, "by default");
	if (r->rule)
		pt_buf_fmt(b, "  %s", r->rule->text);
	if (r->why)
		pt_buf_fmt(b, "\n         %s", r->why);
}

static void text_boxes(struct pt_buf *b, const struct pt_meaning *m)
{
	for (size_t i = 0; i < m->boxes.n && i < BOXES_SHOWN; i++) {
		pt_buf_fmt(b, "\n    %s ", m->dir == PT_IN ? "in" : "out");
		pt_space_print(m->space, &m->boxes.v[i], b);
	}
	if (m->boxes.n > BOXES_SHOWN)
		pt_buf_fmt(b, "\n    and %zu more such sets: -j lists them", m->boxes.n - BOXES_SHOWN);
	if (m->except)
		pt_buf_str(b, "\n    less what rules decide that come before these two");
}

static void put_text(struct pt_out *o, const struct pt_meaning *m)
{
	static const char *const titles[] = { NULL, "translated otherwise", "perhaps changed: it would take too long to find out" };
	struct pt_buf b = { 0 };

	if (m->kind == PT_MEANING_VERDICT)
		pt_buf_fmt(&b, "%s -> %s", verdict_name(m->by[0]->pass), verdict_name(m->by[1]->pass));
	else
		pt_buf_str(&b, titles[m->kind]);
	text_boxes(&b, m);
	text_rule(&b, "old", m->by[0]);
	text_rule(&b, "new", m->by[1]);
	if (m->words)
		pt_buf_fmt(&b, "\n    such as %s", m->words);
	show_text(o, &b);
}

static int take(const struct pt_meaning *m, void *arg)
{
	struct telling *t = arg;

	t->verdicts += m->kind == PT_MEANING_VERDICT;
	t->translations += m->kind == PT_MEANING_TRANSLATION;
	t->unknown += m->kind == PT_MEANING_UNKNOWN;
	pt_out_rec(t->out);
	if (pt_out_format(t->out) == PT_OUT_TEXT)
		put_text(t->out, m);
	else
		put_record(t->out, m);
	pt_out_rec_end(t->out);
	return 0;
}

/* ---- the command ---- */

/* Match rules that translate are no part of what is compared: the first that differs; NULL: all are the same. */
static const struct pt_pol_rule *uncompared(const struct pt_plan *old, const struct pt_plan *new)
{
	const struct pt_pol_rule *rules[2];

	if (pt_plan_same_match_nat(old, new, rules))
		return NULL;
	return rules[1] ? rules[1] : rules[0];
}

static void tell_uncompared(struct pt_cli *c, const struct pt_pol_rule *r)
{
	struct pt_buf hint = { 0 };

	if (!r)
		return;
	pt_buf_fmt(&hint, "the first that differs: %s", r->text);
	pt_err_add(&c->err, PT_WARNING, &r->loc, hint.s,
		   "match rules that translate differ: which packets are translated otherwise is not compared");
	pt_buf_fini(&hint);
}

static int compare(struct pt_cli *c, struct pt_plan *old, struct pt_plan *new, bool in_force, struct pt_nl *nf)
{
	const struct pt_pol_rule *left = uncompared(old, new);
	struct telling t = { .c = c };
	int rc, end;

	t.out = pt_cli_out(c, PT_OUT_TEXT, "patronus.meaning.v1", "differences");
	if (!t.out)
		return -ENOMEM;
	pt_out_top_str(t.out, "old", old->conf->path);
	pt_out_top_str(t.out, "new", new->conf->path);
	pt_out_top_str(t.out, "uncompared", left ? left->text : NULL);
	rc = pt_plan_meaning(old, in_force ? PT_EXPECT_KERNEL : PT_EXPECT_WRITTEN, new,
			     in_force ? PT_EXPECT_APPLIED : PT_EXPECT_WRITTEN, nf, take, &t, &c->err);
	end = pt_cli_end(c, t.out);
	tell_uncompared(c, left);
	if (rc == -E2BIG)
		return PT_EXIT_SYSTEM;
	if (rc || end)
		return rc ? rc : end;
	if (left)
		return PT_EXIT_SYSTEM;
	return t.verdicts || t.translations || t.unknown ? PT_EXIT_NO : PT_EXIT_OK;
}

/* A file that cannot be read or is wrong is an error of configuration. */
static int load(struct pt_cli *c, const char *path, const struct sockets *s, struct pt_plan *p)
{
	int rc = pt_expect_load(path, s->nf, s->route, p, &c->err);

	return rc && rc != -ENOMEM && path ? PT_EXIT_CONFIG : rc;
}

int diff_meaning(struct pt_cli *c)
{
	bool in_force = !c->argc;
	struct pt_plan old, new;
	struct sockets s;
	int rc;

	if (c->argc == 1)
		return pt_cli_usage(c, "--meaning takes two files, OLD and NEW, or compares one with -f to the rules in force");
	if (c->argc && c->given & PT_CLI_FILE)
		return pt_cli_usage(c, "-f FILE is compared to the rules in force: with two files leave it out");
	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = load(c, in_force ? NULL : c->argv[0], &s, &old);
	if (!rc) {
		rc = load(c, in_force ? c->file : c->argv[1], &s, &new);
		if (!rc) {
			rc = compare(c, &old, &new, in_force, s.nf);
			pt_plan_fini(&new);
		}
		pt_plan_fini(&old);
	}
	sockets_close(&s);
	return rc;
}
