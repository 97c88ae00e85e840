/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the file expects of its rules: by itself, and as a condition of check and apply. */
#include <errno.h>
#include <string.h>

#include "explain.h"

struct report {
	struct pt_cli *c;
	const struct pt_conf *conf;
	bool in_force;
	struct pt_out *out;
	size_t holds, fails, nothing;
};

/* ---- as a record ---- */

static void put_judgement(struct pt_out *o, const struct pt_expectation *x)
{
	const struct pt_pol_rule *rule = x->decision.rule;

	if (x->result != PT_EXPECT_FAILS) {
		pt_out_null(o, "packet");
		return;
	}
	pt_out_str(o, "packet", x->words);
	pt_out_str(o, "verdict", x->decision.pass ? "pass" : "block");
	pt_out_str(o, "rule", rule ? rule->name : NULL);
	pt_out_str(o, "rule_text", rule ? rule->text : NULL);
	pt_out_str(o, "rule_file", rule && rule->loc.line ? rule->loc.file : NULL);
	pt_out_u64(o, "rule_line", rule ? rule->loc.line : 0);
	pt_out_str(o, "why", x->decision.why);
}

static void put_record(struct report *r, const struct pt_expectation *x)
{
	static const char *const results[] = { "holds", "fails", "nothing" };
	struct pt_out *o = r->out;
	struct pt_buf line = { 0 };

	pt_out_rec(o);
	pt_out_str(o, "test", x->test->name);
	pt_out_str(o, "statement", x->text);
	pt_out_str(o, "file", x->loc.file);
	pt_out_u64(o, "line", x->loc.line);
	pt_out_u64(o, "column", x->loc.col);
	pt_out_str(o, "result", results[x->result]);
	put_judgement(o, x);
	pt_buf_fmt(&line, "test %s holds: %s", x->test->name, x->text);
	show_text(o, &line);
	pt_out_rec_end(o);
}

static int take(const struct pt_expectation *x, void *arg)
{
	struct report *r = arg;
	bool text = pt_out_format(r->out) == PT_OUT_TEXT;

	r->holds += x->result == PT_EXPECT_HOLDS;
	r->fails += x->result == PT_EXPECT_FAILS;
	r->nothing += x->result == PT_EXPECT_NOTHING;
	if (text)
		pt_expect_tell(r->conf, x, r->in_force, PT_ERROR, &r->c->err);
	if (!text || (x->result == PT_EXPECT_HOLDS && r->c->verbose))
		put_record(r, x);
	return 0;
}

/* ---- the command ---- */

static int prove(struct pt_cli *c, struct pt_plan *p, enum pt_expect_tables tables, const struct sockets *s)
{
	struct report r = { .c = c, .conf = p->conf, .in_force = tables == PT_EXPECT_KERNEL };
	size_t all;
	int rc, end;

	r.out = pt_cli_out(c, PT_OUT_TEXT, "patronus.test.v1", "statements");
	if (!r.out)
		return -ENOMEM;
	pt_out_top_str(r.out, "file", p->conf->path);
	rc = pt_expect_run(p, tables, s->nf, s->route, c->argc ? c->argv[0] : NULL, take, &r, &c->err);
	end = pt_cli_end(c, r.out);
	all = r.holds + r.fails + r.nothing;
	if (rc == -ENOENT) /* no test has the name */
		return PT_EXIT_NO;
	if (rc == -EINVAL)
		return PT_EXIT_CONFIG;
	if (rc || end)
		return rc ? rc : end;
	if (!c->json && !c->line && !p->conf->tests.n)
		pt_cli_say(c, "%s: it has no tests", p->conf->path);
	else if (!c->json && !c->line)
		pt_cli_say(c, "%s: %zu of %zu %s", p->conf->path, r.holds, all,
			   all == 1 ? "statement holds" : "statements hold");
	return r.fails ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_test(struct pt_cli *c)
{
	const char *file = c->given & PT_CLI_FILE ? c->file : NULL;
	struct sockets s;
	struct pt_plan p;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_expect_load(file, s.nf, s.route, &p, &c->err);
	if (!rc) {
		rc = prove(c, &p, file ? PT_EXPECT_WRITTEN : PT_EXPECT_KERNEL, &s);
		pt_plan_fini(&p);
	} else if (file && rc != -ENOMEM) {
		rc = PT_EXIT_CONFIG;
	}
	sockets_close(&s);
	return rc;
}

int complete_test(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return n ? 0 : complete_known(c, PT_PLAN_TESTS, word, arg);
}

/* ---- as a condition ---- */

int tests_hold(struct pt_cli *c, struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf)
{
	bool hold;
	int rc = pt_expect_hold(p, tables, nf, c->force, &hold, &c->err);

	if (rc)
		return rc == -EINVAL ? PT_EXIT_CONFIG : rc;
	return hold ? 0 : PT_EXIT_NO;
}
