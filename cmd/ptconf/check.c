/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is the file right? For every subsystem, without privilege and without a change. */
#include <errno.h>
#include <string.h>

#include "ptconf.h"

static int print_diagnostics(struct pt_cli *c)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_JSON, "patronus.check.v1", "diagnostics");

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", c->file);
	pt_out_top_u64(o, "errors", c->err.n_errors);
	pt_out_top_u64(o, "warnings", c->err.n_warnings);
	for (size_t i = 0; i < c->err.list.n; i++) {
		const struct pt_diag *d = &c->err.list.v[i];

		pt_out_rec(o);
		pt_out_str(o, "severity", d->sev == PT_ERROR ? "error" : "warning");
		pt_out_str(o, "message", d->msg);
		pt_out_str(o, "hint", d->hint);
		pt_out_str(o, "file", d->loc.file);
		pt_out_u64(o, "line", d->loc.line);
		pt_out_u64(o, "column", d->loc.col);
		pt_out_u64(o, "length", d->loc.len);
		pt_out_str(o, "source", d->source);
		pt_out_rec_end(o);
	}
	return pt_cli_end(c, o);
}

int cmd_check(struct pt_cli *c)
{
	const char *name = strcmp(c->file, "-") ? c->file : "standard input";
	struct pt_plan p;
	size_t rules = 0;
	bool hold = true;
	int rc, trial = 0;

	rc = pt_plan_offline(c->file, PT_ENGINE_AUTO, &p, &c->err);
	if (!rc) {
		rules = p.conf->rules.n;
		rc = pt_whole_check(p.conf, &c->err);
		if (!rc && c->kernel)
			trial = pt_plan_trial(&p, &c->err);
		if (!rc && !trial)
			rc = pt_expect_hold(&p, PT_EXPECT_WRITTEN, NULL, false, &hold, &c->err);
		pt_plan_fini(&p);
	}
	if ((rc || trial) && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc ? rc : trial, "checking %s", name);
	if (c->json) {
		int wrote = print_diagnostics(c);

		pt_err_fini(&c->err); /* told already */
		if (wrote)
			return wrote;
	} else if (!rc && !trial && hold) {
		pt_cli_say(c, "%s: %zu rule%s, %s\n", name, rules, pt_plural(rules),
			   c->kernel ? "the kernel takes them" : "no errors");
	}
	if (rc && rc != -ENOMEM) /* a file that cannot be read is no configuration either */
		return PT_EXIT_CONFIG;
	return rc || trial ? pt_cli_exit(rc ? rc : trial) : hold ? PT_EXIT_OK : PT_EXIT_NO;
}
