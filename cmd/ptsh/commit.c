/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commit: `ptconf apply` puts the candidate in force and into the file, in one change; where that is refused, or undone, the file is
 * as it was. The window of a commit that has to be confirmed is guarded by ptconf, whatever becomes of this console.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <patronus/change.h>

#include "candidate.h"
#include "tools.h"

struct commit {
	const char *confirmed; /* minutes, or a time; NULL: it needs no confirmation */
	const char *comment;
	bool check, quit;
};

static const struct {
	const char *name, *arg, *help;
} words[] = {
	{ "and-quit", NULL, "leave configuration mode when it is in force" },
	{ "check", NULL, "judge it, and change nothing" },
	{ "comment", "TEXT", "what the history says of it" },
	{ "confirmed", "N", "undo it in N minutes, or a time such as 90s, unless another commit confirms it" },
};

static int usage(struct pt_err *e, const char *word)
{
	pt_err_add(e, PT_ERROR, NULL, "commit [confirmed N] [comment TEXT] [check] [and-quit]", "commit has no '%s'", word);
	return PT_EXIT_CONFIG;
}

static int need(struct pt_err *e, const char *word, const char *what)
{
	pt_err_add(e, PT_ERROR, NULL, what, "commit %s: what stands behind it is missing, or wrong", word);
	return PT_EXIT_CONFIG;
}

/* A bare number is of minutes. */
static const char *window_of(struct console *c, const char *confirmed)
{
	return strspn(confirmed, "0123456789") == strlen(confirmed) ? pt_arena_printf(c->arena, "%sm", confirmed) : confirmed;
}

static bool is_window(struct console *c, const char *confirmed)
{
	const char *text = window_of(c, confirmed);
	uint32_t seconds;

	return text && !pt_parse_duration(text, &seconds) && seconds && seconds <= PT_WINDOW_MAX;
}

static int read_words(struct console *c, const pt_line_words *w, struct commit *m, struct pt_err *e)
{
	for (size_t i = 1; i < w->n; i++) {
		const char *word = w->v[i].s, *value = i + 1 < w->n ? w->v[i + 1].s : "";

		if (!strcmp(word, "check")) {
			m->check = true;
		} else if (!strcmp(word, "and-quit")) {
			m->quit = true;
		} else if (!strcmp(word, "comment")) {
			if (i + 1 == w->n)
				return need(e, word, "write what the history says of it, in quotes");
			m->comment = value;
			i++;
		} else if (!strcmp(word, "confirmed")) {
			m->confirmed = "10"; /* as Junos and VyOS have it */
			if (value[0] >= '0' && value[0] <= '9') {
				if (!is_window(c, value))
					return need(e, word, "give minutes, or a time such as 90s or 5m; at most a day");
				m->confirmed = value;
				i++;
			}
		} else {
			return usage(e, word);
		}
	}
	return 0;
}

static int apply(struct console *c, const struct commit *m)
{
	const struct candidate *d = c->candidate;
	const char *argv[10] = { ptconf_tool.name, "apply", "-f", d->path };
	bool differs = candidate_differs(d);
	size_t n = 4;
	int status;

	if (m->confirmed) {
		argv[n++] = "--confirm";
		argv[n++] = window_of(c, m->confirmed);
	}
	if (m->comment) {
		argv[n++] = "--comment";
		argv[n++] = m->comment;
	}
	if (!argv[n - 1])
		return PT_EXIT_SYSTEM;
	ptconf_candidate[0] = differs ? &d->base : NULL;
	ptconf_candidate[1] = differs ? &d->texts : NULL;
	status = tool_run(c, &ptconf_tool, argv, n);
	ptconf_candidate[0] = ptconf_candidate[1] = NULL;
	return status;
}

/* Something waits, and nothing else is to be done: this is its confirmation. */
static bool only_confirms(const struct candidate *d, const struct commit *m)
{
	struct pt_cli cli = { .tool = &ptconf_tool };
	char state[PATH_MAX];
	struct pt_window w;
	bool open = !pt_cli_state(&cli, state) && pt_window_open(state, &w);

	pt_err_fini(&cli.err);
	return open && !candidate_differs(d) && !m->confirmed;
}

static int put_in_force(struct console *c, const struct commit *m)
{
	static const char *const confirm[] = { "ptconf", "confirm" };
	struct candidate *d = c->candidate;
	int status;

	if (only_confirms(d, m))
		return tool_run(c, &ptconf_tool, confirm, PT_ARRAY_SIZE(confirm));
	status = apply(c, m);
	if (!status)
		candidate_committed(d, m->confirmed != NULL);
	return status;
}

int run_commit(struct console *c, const pt_line_words *w)
{
	struct commit m = { 0 };
	struct pt_err e = { 0 };
	int rc = read_words(c, w, &m, &e);

	if (!rc)
		rc = candidate_check(c->candidate, &e);
	if (!rc && !m.check)
		rc = put_in_force(c, &m);
	if (!rc && m.check)
		puts("right");
	if (!rc && m.quit && !m.check)
		configure_end(c);
	(void)told(rc, &e);
	return pt_cli_exit(rc);
}

void complete_commit(struct console *c, const pt_line_words *w, const struct offers *to)
{
	const char *begun = w->v[w->n - 1].s;

	(void)c;
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		offer_name(to, begun, words[i].name, words[i].help);
}
