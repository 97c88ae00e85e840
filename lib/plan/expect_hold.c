/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests as a condition: what does not hold is told in its place in the file. */
#include <errno.h>

#include "plan/internal.h"

static void place_of(const struct pt_pol_rule *r, struct pt_buf *out)
{
	if (!r)
		pt_buf_str(out, "by default, for no rule matches");
	else if (r->loc.line)
		pt_buf_fmt(out, "by %s:%u", r->loc.file, r->loc.line);
	else
		pt_buf_str(out, "by a built-in rule");
}

static void tell_failed(const struct pt_conf *c, const struct pt_expectation *x, bool in_force, enum pt_sev sev, struct pt_err *e)
{
	const struct pt_pol_rule *rule = x->decision.rule;
	struct pt_buf by = { 0 }, hint = { 0 };

	place_of(rule, &by);
	if (x->decision.why)
		pt_buf_fmt(&by, ": %s", x->decision.why);
	if (rule)
		pt_buf_fmt(&hint, "%s; ", rule->text);
	pt_buf_fmt(&hint, "`ptfw explain %s", x->words);
	if (!in_force)
		pt_buf_fmt(&hint, " -f %s", c->path);
	pt_buf_str(&hint, "` tells more");
	pt_err_add(e, sev, &x->loc, hint.s, "test %s does not hold: %s %s, %s", x->test->name, x->words,
		   x->decision.pass ? "passes" : "is blocked", by.s ? by.s : "by a rule");
	pt_buf_fini(&by);
	pt_buf_fini(&hint);
}

void pt_expect_tell(const struct pt_conf *c, const struct pt_expectation *x, bool in_force, enum pt_sev sev, struct pt_err *e)
{
	if (x->result == PT_EXPECT_HOLDS)
		return;
	if (x->result == PT_EXPECT_FAILS)
		tell_failed(c, x, in_force, sev, e);
	else
		pt_err_add(e, PT_WARNING, &x->loc, "an empty table, or an interface without such an address, leaves none",
			   "test %s: no packet is like this, so that this says nothing", x->test->name);
	pt_conf_show_source(c, &x->loc, e);
}

struct condition {
	const struct pt_conf *conf;
	enum pt_sev severity;
	size_t fails;
	struct pt_err *e;
};

static int take(const struct pt_expectation *x, void *arg)
{
	struct condition *c = arg;

	c->fails += x->result == PT_EXPECT_FAILS;
	pt_expect_tell(c->conf, x, false, c->severity, c->e);
	return 0;
}

int pt_expect_hold(struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf, bool force, bool *hold, struct pt_err *e)
{
	struct condition c = { .conf = p->conf, .severity = force ? PT_WARNING : PT_ERROR, .e = e };
	struct pt_nl *route = NULL;
	int rc;

	*hold = true;
	if (!p->conf->tests.n)
		return 0;
	rc = pt_nl_open(&route, NETLINK_ROUTE, e);
	if (!rc)
		rc = pt_expect_run(p, tables, nf, route, NULL, take, &c, e);
	pt_nl_close(route);
	if (!rc && c.fails && force)
		pt_err_add(e, PT_WARNING, NULL, NULL, c.fails == 1 ? "--force: %zu statement that does not hold is ignored" :
								   "--force: %zu statements that do not hold are ignored", c.fails);
	*hold = !c.fails || force;
	return rc;
}
