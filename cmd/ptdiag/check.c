/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag check: everything that is wrong and can be known for certain, the worst first, with what to do next. */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/finding.h>
#include <patronus/sandbox.h>

#include "ptdiag.h"

#define BETWEEN 1000 /* milliseconds between the two looks at what is counted */

struct check_words {
	bool quick, list;
	const char *only;
};

const struct pt_cli_word finding_words[] = {
	{ "only", PT_CLI_TEXT, offsetof(struct check_words, only), "NAME", "this check, or those whose names begin so",
	  0, 0, NULL },
	{ "quick", PT_CLI_FLAG, offsetof(struct check_words, quick), NULL, "send nothing to the network", 0, 0, NULL },
	{ "list", PT_CLI_FLAG, offsetof(struct check_words, list), NULL, "what is looked at, by name", 0, 0, NULL },
	{ .name = NULL },
};

/* One that was found, or a check that could not look: SUBJECT is NULL then. */
struct kept {
	const struct pt_check *check;
	enum pt_finding_severity severity;
	const char *subject, *text, *evidence, *next;
};

struct checking {
	struct pt_cli *c;
	struct pt_arena *arena;
	int stop_fd;
	PT_VEC(struct kept) found, skipped;
};

static int found(const struct pt_fault *f, void *arg)
{
	struct checking *k = arg;
	struct kept x = { .check = f->check,
			  .severity = f->severity,
			  .subject = pt_arena_strdup(k->arena, f->subject),
			  .text = pt_arena_strdup(k->arena, f->text),
			  .evidence = pt_arena_strdup(k->arena, f->evidence),
			  .next = pt_arena_strdup(k->arena, f->next) };

	if (!x.subject || !x.text || !x.evidence || !x.next)
		return -ENOMEM;
	return pt_vec_push(k->arena, &k->found, x);
}

static void skipped(const struct pt_check *c, const char *why, void *arg)
{
	struct checking *k = arg;
	struct kept x = { .check = c, .text = pt_arena_strdup(k->arena, why) };

	/* Without memory for the reason the whole command will fail soon enough. */
	if (x.text)
		(void)!pt_vec_push(k->arena, &k->skipped, x);
}

static int between(void *arg)
{
	const struct checking *k = arg;
	struct pollfd fd = { .fd = k->stop_fd, .events = POLLIN };

	return poll(&fd, 1, BETWEEN) > 0 ? -ECANCELED : 0;
}

static int confine(void *arg)
{
	const struct checking *k = arg;

	return k->c->nested ? 0 : pt_sandbox(PT_SANDBOX_DIAL | PT_SANDBOX_NETLINK | PT_SANDBOX_READ, &k->c->err);
}

/* ---- output ---- */

static void show(struct pt_out *o, const struct kept *k)
{
	const char *severity = pt_severity_name(k->severity);
	struct pt_buf b = { 0 };

	pt_out_rec(o);
	pt_out_str(o, "check", k->check->name);
	pt_out_str(o, "about", k->check->about == PT_CHECK_MACHINE ? "machine" : "network");
	pt_out_str(o, "severity", severity);
	pt_out_str(o, "subject", *k->subject ? k->subject : NULL);
	pt_out_str(o, "text", k->text);
	pt_out_str(o, "evidence", k->evidence);
	pt_out_str(o, "next", k->next);
	pt_buf_fmt(&b, "%s: %s (%s)", severity, k->text, k->check->name);
	pt_out_fail(o, b.err);
	if (b.s)
		pt_out_text_toned(o, b.s, 0, strlen(severity),
				  k->severity == PT_FINDING_NOTE ? PT_OUT_NOTE : PT_OUT_BAD);
	b.n = 0;
	pt_buf_fmt(&b, "    seen: %s\n    next: %s", k->evidence, k->next);
	pt_out_fail(o, b.err);
	if (b.s)
		pt_out_text(o, b.s);
	pt_buf_fini(&b);
	pt_out_rec_end(o);
}

static size_t count(const struct checking *k, enum pt_finding_severity s)
{
	size_t n = 0;

	for (size_t i = 0; i < k->found.n; i++)
		n += k->found.v[i].severity == s;
	return n;
}

static void key_skipped(struct pt_out *o, const struct checking *k)
{
	pt_out_top(o);
	pt_out_arr(o, "not_looked_at");
	for (size_t i = 0; i < k->skipped.n; i++) {
		pt_out_obj(o, NULL);
		pt_out_str(o, "check", k->skipped.v[i].check->name);
		pt_out_str(o, "why", k->skipped.v[i].text);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
	pt_out_top_end(o);
}

static void say_end(const struct checking *k)
{
	size_t errors = count(k, PT_FINDING_ERROR), warnings = count(k, PT_FINDING_WARNING);
	size_t notes = count(k, PT_FINDING_NOTE);

	if (k->c->json)
		return;
	for (size_t i = 0; i < k->skipped.n; i++)
		pt_cli_say(k->c, "not looked at: %s: %s\n", k->skipped.v[i].check->name, k->skipped.v[i].text);
	if (k->found.n)
		pt_cli_say(k->c, "%zu error%s, %zu warning%s, %zu note%s\n", errors, pt_plural(errors), warnings,
			   pt_plural(warnings), notes, pt_plural(notes));
	else
		pt_cli_say(k->c, "nothing is wrong as far as can be seen from here\n");
}

static int show_all(struct checking *k)
{
	struct pt_out *o = pt_cli_out(k->c, PT_OUT_TEXT, "patronus.findings.v1", "findings");
	int rc;

	if (!o)
		return -ENOMEM;
	pt_out_top_u64(o, "errors", count(k, PT_FINDING_ERROR));
	pt_out_top_u64(o, "warnings", count(k, PT_FINDING_WARNING));
	pt_out_top_u64(o, "notes", count(k, PT_FINDING_NOTE));
	key_skipped(o, k);
	for (int s = PT_FINDING_ERROR; s >= PT_FINDING_NOTE; s--)
		for (size_t i = 0; i < k->found.n; i++)
			if ((int)k->found.v[i].severity == s)
				show(o, &k->found.v[i]);
	rc = pt_cli_end(k->c, o);
	if (!rc)
		say_end(k);
	return rc;
}

static int list(struct pt_cli *c, const char *only)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TABLE, "patronus.checks.v1", "checks");

	if (!o)
		return -ENOMEM;
	for (const struct pt_check *k = pt_checks; k->name; k++) {
		if (only && strncmp(k->name, only, strlen(only)) != 0)
			continue;
		pt_out_rec(o);
		pt_out_str(o, "check", k->name);
		pt_out_str(o, "about", k->about == PT_CHECK_MACHINE ? "machine" : "network");
		pt_out_bool(o, "probes", k->probes);
		pt_out_str(o, "looks_at", k->help);
		pt_out_rec_end(o);
	}
	return pt_cli_end(c, o);
}

/* ---- the command ---- */

static int refuse_unknown(struct pt_cli *c, const char *only)
{
	const char *names[128], *near;
	size_t n = 0;

	for (const struct pt_check *k = pt_checks; k->name && n < PT_ARRAY_SIZE(names); k++) {
		if (!strncmp(k->name, only, strlen(only)))
			return 0;
		names[n++] = k->name;
	}
	near = pt_nearest(only, names, n);
	return near ? pt_cli_usage(c, "there is no check '%s'; did you mean '%s'?", only, near) :
		      pt_cli_usage(c, "there is no check '%s'; `ptdiag check list` names them", only);
}

static int run(struct checking *k, const struct check_words *w, const char *state)
{
	const struct pt_findings_options o = { .state = state,
					       .only = w->only,
					       .quick = w->quick,
					       .between = between,
					       .confine = confine,
					       .found = found,
					       .skipped = skipped,
					       .arg = k };
	struct pt_nl *nf = NULL, *route = NULL;
	int rc = diag_kernel(k->c, &nf, &route);

	if (!rc)
		rc = pt_findings(&o, nf, route, &k->c->err);
	pt_nl_close(nf);
	pt_nl_close(route);
	/* Ctrl-C: what was found so far. */
	if (!rc || rc == -ECANCELED)
		rc = show_all(k);
	return rc ? rc : k->found.n ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_check(struct pt_cli *c)
{
	struct checking k = { .c = c, .stop_fd = -1 };
	struct check_words w = { 0 };
	char state[PATH_MAX];
	int rc = pt_cli_words(c, &w);

	if (!rc && w.only)
		rc = refuse_unknown(c, w.only);
	if (rc)
		return rc;
	if (w.list)
		return list(c, w.only);
	rc = pt_cli_state(c, state);
	if (rc)
		return rc;
	k.stop_fd = pt_cli_signals(c);
	if (k.stop_fd < 0)
		return k.stop_fd;
	k.arena = pt_arena_new();
	rc = k.arena ? run(&k, &w, state) : -ENOMEM;
	pt_arena_free(k.arena);
	close(k.stop_fd);
	return rc;
}
