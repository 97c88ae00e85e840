/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that stand in no file, with the names of one: filters that a person gives, and rules that are only
 * proposed. They are read as those of the file would be, so that a word means the same everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/* Without built-in rules, whatever the file says of them: only these are meant. */
static void borrow(const struct pt_conf *c, const char *name, struct plan_words *w)
{
	w->conf = *c;
	w->conf.path = name;
	w->conf.text = w->text.s;
	w->conf.len = w->text.n;
	w->conf.builtin = false;
	w->conf.skip.n = 0;
	w->conf.anchors.n = 0;
	w->source = (struct pt_conf_source){ .file = name, .text = w->text.s, .len = w->text.n };
	w->conf.sources.v = &w->source;
	w->conf.sources.n = 1;
	w->conf.rules_source = 0;
	w->conf.rules.v = w->rules;
}

static void add_rules(const char *const *rules, size_t n, struct plan_words *w)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rules[i]);

		w->rules[i] = (struct pt_conf_rule){ .s = w->text.s + at, .len = (uint32_t)len, .raw = (uint32_t)at,
						     .line = (uint32_t)i + 1, .col = 1 };
		at += len + 1;
	}
	w->conf.rules.n = n;
}

int plan_words_build(const struct pt_conf *c, const char *name, const char *const *rules, size_t n, struct plan_words *w,
		     struct pt_err *e)
{
	int rc;

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(&w->text, "%s\n", rules[i]);
	w->rules = calloc(n + 1, sizeof(*w->rules));
	if (!w->rules || w->text.err || w->text.n > UINT32_MAX) {
		plan_words_fini(w);
		return pt_err_sys(e, -ENOMEM, "reading %s", name);
	}
	borrow(c, name, w);
	add_rules(rules, n, w);
	w->plan.conf = &w->conf;
	rc = pt_policy_build(&w->conf, &w->plan.policy, e);
	if (!rc)
		rc = plan_outside(&w->plan, PLAN_ASK_READ, NULL, e);
	if (rc)
		plan_words_fini(w);
	return rc;
}

void plan_words_fini(struct plan_words *w)
{
	pt_policy_free(w->plan.policy);
	w->plan.policy = NULL;
	free(w->rules);
	w->rules = NULL;
	pt_buf_fini(&w->text);
}
