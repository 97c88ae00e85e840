/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configuration mode: the words of Junos, over the one file. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/change.h>

#include "candidate.h"
#include "tools.h"

#define FILE_OF_ALL "/etc/patronus/patronus.conf"

static int refuse(const char *what, const char *hint)
{
	struct pt_err e = { 0 };

	pt_err_add(&e, PT_ERROR, NULL, hint, "%s", what);
	return told(PT_EXIT_CONFIG, &e);
}

/* ---- in and out ---- */

static int lock(struct console *c, bool release)
{
	static const char *const take[] = { "ptconf", "lock", "-q" }, *const give[] = { "ptconf", "lock", "--release", "-q" };

	return release ? tool_run(c, &ptconf_tool, give, PT_ARRAY_SIZE(give)) : tool_run(c, &ptconf_tool, take, PT_ARRAY_SIZE(take));
}

int configure_begin(struct console *c, bool exclusive)
{
	struct pt_err e = { 0 };
	int rc;

	c->candidate = calloc(1, sizeof(*c->candidate));
	if (!c->candidate)
		return PT_EXIT_SYSTEM;
	rc = exclusive ? lock(c, false) : 0;
	if (!rc)
		rc = candidate_open(c->candidate, c->file ? c->file : FILE_OF_ALL, &e);
	c->candidate->exclusive = exclusive && !rc;
	if (!rc)
		c->mode = &configure_mode;
	else if (exclusive && rc < 0)
		(void)lock(c, true);
	if (rc) {
		candidate_close(c->candidate);
		free(c->candidate);
		c->candidate = NULL;
	}
	return rc > 0 ? rc : told(rc == -ENOENT ? -EINVAL : rc, &e);
}

void configure_end(struct console *c)
{
	if (!c->candidate)
		return;
	if (c->candidate->exclusive)
		(void)lock(c, true);
	candidate_close(c->candidate);
	free(c->candidate);
	c->candidate = NULL;
	c->mode = &operate_mode;
}

/* Back to where the last `edit` came from; at the top, configuration mode ends. */
static int run_exit(struct console *c, const pt_line_words *w)
{
	struct candidate *d = c->candidate;

	if (w->n > 1 && strcmp(w->v[1].s, "discard") != 0)
		return refuse("exit takes nothing, or discard", NULL);
	if (d->n_level && w->n == 1) {
		d->n_level = d->came_from < d->n_level ? d->came_from : 0;
		d->came_from = 0;
		return 0;
	}
	if (w->n == 1 && candidate_differs(d))
		return refuse("there are changes that are not committed", "`commit`, `discard`, or `exit discard`");
	configure_end(c);
	return 0;
}

/* ---- changes ---- */

/* The first of N words that is a value, where they have one. */
static size_t first_value(const char *const *words, size_t n)
{
	const struct pt_schema *option = option_at(words, n);
	size_t i = 1;

	while (option && i < n && strcmp(words[i], option->name) != 0)
		i++;
	i++;
	return i + (i < n && !strcmp(words[i], "="));
}

/* Values are told apart by quotes, where there are any: around the first one, or around blanks. Others are those of a word of a rule. */
static bool are_values(const pt_line_words *w, size_t level, size_t first)
{
	for (size_t i = 1; i < w->n; i++)
		if (w->v[i].quoted && (i - 1 + level == first || strpbrk(w->v[i].s, " \t")))
			return true;
	return false;
}

int candidate_edit(struct console *c, enum pt_edit_op op, const pt_line_words *w)
{
	struct pt_edit what = { .op = op, .draft = true, .verb = w->v[0].s };
	struct pt_err e = { 0 };

	what.words = candidate_words(c, w, &what.n);
	if (what.words)
		what.whole = are_values(w, c->candidate->n_level, first_value(what.words, what.n));
	return told(what.words ? candidate_change(c->candidate, &what, &e) : -ENOMEM, &e);
}

static int run_set(struct console *c, const pt_line_words *w)
{
	return candidate_edit(c, PT_EDIT_SET, w);
}

static int run_delete(struct console *c, const pt_line_words *w)
{
	return candidate_edit(c, PT_EDIT_DELETE, w);
}

/* "rename interface lan inside", and with a "to" before the new name. */
static int run_rename(struct console *c, const pt_line_words *w)
{
	struct pt_line_word words[5]; /* as many as the table lets it have */
	pt_line_words without = { .v = words };

	for (size_t i = 0; i < w->n; i++)
		if (i + 2 != w->n || w->n < 4 || strcmp(w->v[i].s, "to") != 0)
			words[without.n++] = w->v[i];
	return candidate_edit(c, PT_EDIT_RENAME, &without);
}

static int run_comment(struct console *c, const pt_line_words *w)
{
	return candidate_edit(c, PT_EDIT_COMMENT, w);
}

/* ---- levels ---- */

static int ignore_value(const struct pt_edit_value *v, void *arg)
{
	(void)v;
	(void)arg;
	return 0;
}

static int run_edit(struct console *c, const pt_line_words *w)
{
	struct candidate *d = c->candidate;
	struct pt_edit what = { .op = PT_EDIT_GET, .draft = true };
	struct pt_edit_path path;
	struct pt_err e = { 0 };
	int rc;

	what.words = candidate_words(c, w, &what.n);
	rc = what.words ? pt_edit_get(&d->texts, &what, false, &path, ignore_value, NULL, &e) : -ENOMEM;
	if (!rc && path.option)
		return refuse("edit goes to a section, not to an option", NULL);
	if (!rc)
		d->came_from = d->n_level;
	for (size_t i = 0; !rc && i < what.n && i < LEVELS_MAX; i++) {
		d->level[i] = pt_arena_strdup(d->texts.arena, what.words[i]);
		rc = d->level[i] ? 0 : -ENOMEM;
		d->n_level = i + 1;
	}
	return told(rc, &e);
}

static int run_up(struct console *c, const pt_line_words *w)
{
	uint64_t n = 1;

	if (w->n > 1 && pt_parse_uint(w->v[1].s, LEVELS_MAX, &n))
		return refuse("up N: how many levels", NULL);
	c->candidate->n_level -= n < c->candidate->n_level ? (size_t)n : c->candidate->n_level;
	return 0;
}

static int run_top(struct console *c, const pt_line_words *w)
{
	(void)w;
	c->candidate->n_level = 0;
	return 0;
}

/* ---- whole texts ---- */

static int run_discard(struct console *c, const pt_line_words *w)
{
	(void)w;
	candidate_reset(c->candidate);
	return 0;
}

/* The texts of a revision in the place of the candidate's, file by file. */
static int run_rollback(struct console *c, const pt_line_words *w)
{
	struct candidate *d = c->candidate;
	struct pt_texts t;
	struct pt_err e = { 0 };
	int rc = texts_of(c, w->n > 1 ? w->v[1].s : "0", &t, &e);

	if (!rc && t.more.n + 1 != d->texts.v.n) {
		pt_err_add(&e, PT_ERROR, NULL, "`ptconf rollback` puts it in force as it was", "that revision includes other files");
		rc = -EINVAL;
	}
	if (!rc)
		rc = candidate_replace(d, 0, t.text, t.len, &e);
	for (size_t i = 0; !rc && i < t.more.n; i++)
		rc = candidate_replace(d, i + 1, t.more.v[i].text, t.more.v[i].len, &e);
	pt_texts_fini(&t);
	return told(rc, &e);
}

static int run_load(struct console *c, const pt_line_words *w)
{
	struct pt_edit_texts t = { 0 };
	struct pt_err e = { 0 };
	int rc = pt_edit_load(w->v[2].s, &t, &e);

	if (!rc && !strcmp(w->v[1].s, "replace")) {
		rc = candidate_replace(c->candidate, 0, t.v.v[0].text, t.v.v[0].len, &e);
	} else if (!rc && !strcmp(w->v[1].s, "merge")) {
		rc = candidate_merge(c->candidate, &t, &e);
	} else if (!rc) {
		pt_err_add(&e, PT_ERROR, NULL, NULL, "load merge FILE, or load replace FILE");
		rc = -EINVAL;
	}
	pt_edit_texts_fini(&t);
	return told(rc == -ENOENT ? -EINVAL : rc, &e);
}

static int run_save(struct console *c, const pt_line_words *w)
{
	const struct pt_conf_source *s = &c->candidate->texts.v.v[0];
	struct pt_err e = { 0 };

	return told(pt_file_write(w->v[1].s, s->text, s->len, 0600, &e), &e);
}

/* ---- run ---- */

static int run_run(struct console *c, const pt_line_words *w)
{
	(void)c;
	(void)w;
	return 0; /* command_run() takes the word away and runs the rest in operational mode */
}

/* ---- completion ---- */

static void complete_set(struct console *c, const pt_line_words *w, const struct offers *to)
{
	offer_path(c, PT_EDIT_SET, w, to);
}

static void complete_delete(struct console *c, const pt_line_words *w, const struct offers *to)
{
	offer_path(c, PT_EDIT_DELETE, w, to);
}

static void complete_path(struct console *c, const pt_line_words *w, const struct offers *to)
{
	offer_path(c, PT_EDIT_GET, w, to);
}

static void complete_load(struct console *c, const pt_line_words *w, const struct offers *to)
{
	static const char *const ways[][2] = { { "merge", "add what a file says" }, { "replace", "take a file's text" } };

	(void)c;
	for (size_t i = 0; w->n == 2 && i < PT_ARRAY_SIZE(ways); i++)
		offer_name(to, w->v[1].s, ways[i][0], ways[i][1]);
}

static void complete_run(struct console *c, const pt_line_words *w, const struct offers *to)
{
	const pt_line_words rest = { .v = w->v + 1, .n = w->n - 1 };

	c->mode = &operate_mode;
	target_offer(c, &rest, to);
	c->mode = &configure_mode;
}

static int run_help(struct console *c, const pt_line_words *w)
{
	(void)c;
	(void)w;
	for (const struct builtin *b = configure_mode.builtins; b->name; b++)
		printf("  %-9s %-46s %s\n", b->name, b->args ? b->args : "", b->help);
	return 0;
}

#define MANY UINT_MAX
static const struct builtin builtins[] = {
	{ "check", NULL, "judge the candidate", PT_CLI_VIEW, 0, 0, run_check, NULL },
	{ "comment", "PATH TEXT", "write a comment above it", INPLACE, 2, MANY, run_comment, complete_path },
	{ "commit", "[confirmed N] [comment TEXT] [check] [and-quit]", "put the candidate in force", INPLACE, 0, 6, run_commit,
	  complete_commit },
	{ "compare", "[REVISION]", "how the candidate differs from the file, or a revision", PT_CLI_VIEW, 0, 1, run_compare, NULL },
	{ "delete", "PATH [ELEMENT...]", "take something away", INPLACE, 0, MANY, run_delete, complete_delete },
	{ "discard", NULL, "forget all changes", INPLACE, 0, 0, run_discard, NULL },
	{ "edit", "PATH", "go to a section: paths begin there", PT_CLI_VIEW | INPLACE, 1, 2, run_edit, complete_path },
	{ "exit", "[discard]", "leave the section, or configuration mode", PT_CLI_VIEW | INPLACE, 0, 1, run_exit, NULL },
	{ "help", NULL, "what there is", PT_CLI_VIEW, 0, 0, run_help, NULL },
	{ "insert", "PATH VALUE before|after ELEMENT", "put something at a place, or move it there", INPLACE, 3, MANY, run_insert,
	  complete_insert },
	{ "load", "merge|replace FILE", "take what a file says", INPLACE, 2, 2, run_load, complete_load },
	{ "quit", "[discard]", "the same as exit", PT_CLI_VIEW | INPLACE, 0, 1, run_exit, NULL },
	{ "rename", "PATH [to] TITLE", "give a section another name", INPLACE, 2, 4, run_rename, complete_path },
	{ "rollback", "[REVISION]", "take the text of a revision: 0, without, is the last confirmed one", INPLACE, 0, 1, run_rollback, NULL },
	{ "run", "COMMAND...", "a command of operational mode", ELSEWHERE, 1, MANY, run_run, complete_run },
	{ "save", "FILE", "write the candidate into a file", INPLACE, 1, 1, run_save, NULL },
	{ "set", "PATH [VALUE...]", "give an option its value, or a list more of them", INPLACE, 1, MANY, run_set, complete_set },
	{ "show", "[PATH]", "the candidate; with `| display set` the changes that make it", PT_CLI_VIEW, 0, MANY, run_config_show, complete_path },
	{ "top", NULL, "go to the top", PT_CLI_VIEW | INPLACE, 0, 0, run_top, NULL },
	{ "up", "[N]", "go one level up, or N", PT_CLI_VIEW | INPLACE, 0, 1, run_up, NULL },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const struct mode configure_mode = { .sign = "#", .builtins = builtins, .admins = true };

/* ---- above the prompt ---- */

void configure_banner(struct console *c, struct pt_buf *b)
{
	struct pt_cli cli = { .tool = &ptconf_tool };
	char state[PATH_MAX];
	struct pt_window w;

	if (c->candidate) {
		pt_buf_str(b, "[edit");
		for (size_t i = 0; i < c->candidate->n_level; i++)
			pt_buf_fmt(b, " %s", c->candidate->level[i]);
		pt_buf_chr(b, ']');
		if (candidate_differs(c->candidate))
			pt_buf_fmt(b, " %zu change%s not committed", c->candidate->changes,
				   pt_plural(c->candidate->changes));
	}
	if (!pt_cli_state(&cli, state) && pt_window_open(state, &w) && !w.switching && pt_window_left(&w) > 0)
		pt_buf_fmt(b, "%sr%u is undone in %lld s unless it is confirmed: %s", b->n ? "; " : "", w.revision,
			   (long long)(pt_window_left(&w) / 1000000000), c->candidate ? "commit" : "conf confirm");
	pt_err_fini(&cli.err);
}
