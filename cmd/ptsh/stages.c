/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands behind `|`: lines of the output that match are kept or left out, counted, cut to the last ones, saved or given to
 * a program. What comes through all of them goes to the pager.
 */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ptsh.h"

#define LAST_MAX 100000 /* lines */

struct stage {
	const struct kind *kind;
	regex_t re;
	bool has_re;
	size_t count;              /* of `count` */
	size_t keep, n, at;        /* of `last` */
	struct pt_buf *ring;
};

struct stages {
	struct console *console;
	PT_VEC(struct stage) v;
	struct pt_buf line;        /* that is not whole yet */
	struct pager pager;
	int fd;                    /* of a file where lines go instead of the pager, -1: none */
	struct program program;    /* or a program, … */
	struct stages *next;       /* … and what its output goes through; NULL: it is the last */
	bool done;
	int error;                 /* of writing the file */
};

struct kind {
	const char *name, *arg, *help;
	int (*begin)(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e);
	bool (*line)(struct stages *s, size_t stage, const char *p, size_t n); /* false: enough */
	void (*end)(struct stages *s, size_t stage);
	bool last; /* nothing can stand behind it */
};

static bool put_line(struct stages *s, size_t stage, const char *p, size_t n);

/* ---- match, except ---- */

static int begin_match(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	char why[200];
	int rc = regcomp(&g->re, w->v[1].s, REG_EXTENDED | REG_NOSUB | REG_ICASE);

	(void)s;
	if (!rc) {
		g->has_re = true;
		return 0;
	}
	(void)regerror(rc, &g->re, why, sizeof(why));
	pt_err_add(e, PT_ERROR, NULL, "see regex(7)", "'%s' is no regular expression: %s", w->v[1].s, why);
	return PT_EXIT_CONFIG;
}

static bool matches(const struct stage *g, const char *p, size_t n)
{
	regmatch_t m = { .rm_so = 0, .rm_eo = (regoff_t)(n && p[n - 1] == '\n' ? n - 1 : n) };

	return !regexec(&g->re, p, 1, &m, REG_STARTEND);
}

static bool line_match(struct stages *s, size_t stage, const char *p, size_t n)
{
	return !matches(&s->v.v[stage], p, n) || put_line(s, stage + 1, p, n);
}

static bool line_except(struct stages *s, size_t stage, const char *p, size_t n)
{
	return matches(&s->v.v[stage], p, n) || put_line(s, stage + 1, p, n);
}

/* ---- count ---- */

static bool line_count(struct stages *s, size_t stage, const char *p, size_t n)
{
	(void)p;
	(void)n;
	s->v.v[stage].count++;
	return true;
}

static void end_count(struct stages *s, size_t stage)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%zu\n", s->v.v[stage].count);

	(void)put_line(s, stage + 1, text, (size_t)n);
}

/* ---- last ---- */

static int begin_last(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	uint64_t n = 10;

	(void)s;
	if (w->n > 1 && (pt_parse_uint(w->v[1].s, LAST_MAX, &n) || !n)) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "last %s: not a number of lines of 1-%u", w->v[1].s, LAST_MAX);
		return PT_EXIT_CONFIG;
	}
	g->keep = (size_t)n;
	g->ring = calloc(g->keep, sizeof(*g->ring));
	return g->ring ? 0 : pt_err_sys(e, -ENOMEM, "keeping %zu line%s", g->keep, pt_plural(g->keep));
}

static bool line_last(struct stages *s, size_t stage, const char *p, size_t n)
{
	struct stage *g = &s->v.v[stage];
	struct pt_buf *b = &g->ring[g->at];

	b->n = 0;
	pt_buf_add(b, p, n);
	g->at = (g->at + 1) % g->keep;
	g->n += g->n < g->keep;
	return !b->err;
}

static void end_last(struct stages *s, size_t stage)
{
	struct stage *g = &s->v.v[stage];
	bool more = true;

	for (size_t i = 0; more && i < g->n; i++) {
		const struct pt_buf *b = &g->ring[(g->at + g->keep - g->n + i) % g->keep];

		more = put_line(s, stage + 1, b->s, b->n);
	}
}

/* ---- no-more, json ---- */

static int begin_no_more(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	(void)g;
	(void)w;
	(void)e;
	s->pager.on = false;
	return 0;
}

static bool line_pass(struct stages *s, size_t stage, const char *p, size_t n)
{
	return put_line(s, stage + 1, p, n);
}

static int begin_json(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	(void)s;
	(void)g;
	(void)w;
	(void)e;
	return 0; /* the command writes it */
}

/* ---- display ---- */

static int begin_display(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	(void)g;
	if (strcmp(w->v[1].s, "set") != 0) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "display set, and nothing else");
		return PT_EXIT_CONFIG;
	}
	s->console->display_set = true;
	return 0;
}

/* ---- save ---- */

/* Whoever may not configure writes into his home only, and no file that a shell or sshd would read. */
static bool may_write(const struct console *c, const char *path, struct pt_err *e)
{
	if (c->profile == PROFILE_ADMIN || (c->home[0] && !strchr(path, '/') && path[0] != '.'))
		return true;
	pt_err_add(e, PT_ERROR, NULL, "a name without '/' and a dot before it is a file in your home", "save %s: not permitted to %s", path,
		   profile_name(c->profile));
	return false;
}

static int begin_save(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	const char *path = w->v[1].s;

	(void)g;
	if (!may_write(s->console, path, e))
		return PT_EXIT_PERM;
	/* A pipe that nobody reads would be waited for. */
	s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->fd >= 0)
		(void)fcntl(s->fd, F_SETFL, 0);
	return s->fd < 0 ? pt_err_sys(e, -errno, "writing %s", path) : 0;
}

static bool line_write(struct stages *s, size_t stage, const char *p, size_t n)
{
	(void)stage;
	while (n) {
		ssize_t w = write(s->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			s->error = -errno;
			return false;
		}
		p += w;
		n -= (size_t)w;
	}
	return true;
}

/* ---- ! ---- */

static int begin_shell(struct stages *s, struct stage *g, const pt_line_words *w, struct pt_err *e)
{
	struct pt_buf text = { 0 };
	int rc;

	(void)g;
	if (s->console->profile != PROFILE_ADMIN) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "other programs are not permitted to %s", profile_name(s->console->profile));
		return PT_EXIT_PERM;
	}
	for (size_t i = 0; i < w->n; i++)
		pt_buf_fmt(&text, "%s%s", text.n ? " " : "", i ? w->v[i].s : w->v[i].s + 1);
	rc = text.err ? text.err : program_begin(&s->program, text.s, s->next);
	pt_buf_fini(&text);
	return rc ? pt_err_sys(e, rc, "starting /bin/sh") : 0;
}

static bool line_program(struct stages *s, size_t stage, const char *p, size_t n)
{
	(void)stage;
	return program_put(&s->program, p, n);
}

static const struct kind kinds[] = {
	{ "count", NULL, "how many lines there are", NULL, line_count, end_count, false },
	{ "display", "set", "the changes that make it, of `show` in configuration mode", begin_display, line_pass, NULL, false },
	{ "except", "EXPRESSION", "lines that do not match", begin_match, line_except, NULL, false },
	{ "json", NULL, "as JSON; the first stage", begin_json, line_pass, NULL, false },
	{ "last", "[N]", "the last lines, 10 without N", begin_last, line_last, end_last, false },
	{ "match", "EXPRESSION", "lines that match a regular expression, capitals or not", begin_match, line_match, NULL, false },
	{ "no-more", NULL, "all at once", begin_no_more, line_pass, NULL, false },
	{ "save", "FILE", "into a file", begin_save, line_write, NULL, true },
};
static const struct kind shell = { "!", "COMMAND", "through another program", begin_shell, line_program, NULL, false };

/* ---- all of them ---- */

static const struct kind *find_kind(const struct console *c, const char *word, struct pt_err *e)
{
	const struct kind *found = NULL;
	size_t n = 0;

	if (word[0] == '!')
		return &shell;
	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		if (!strncmp(kinds[i].name, word, strlen(word)) && (!c->strict || !strcmp(kinds[i].name, word))) {
			found = &kinds[i];
			n++;
		}
	if (n == 1)
		return found;
	pt_err_add(e, PT_ERROR, NULL, "count, display set, except, json, last, match, no-more, save, !COMMAND", "there is no '| %s'", word);
	return NULL;
}

static int add_stage(struct stages *s, const pt_line_words *w, bool first, bool *json, struct pt_err *e)
{
	struct stage g = { 0 };
	size_t most;

	if (!w->n) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "nothing stands behind '|'");
		return PT_EXIT_CONFIG;
	}
	g.kind = find_kind(s->console, w->v[0].s, e);
	if (!g.kind)
		return PT_EXIT_CONFIG;
	most = g.kind->arg ? 2 : 1;
	if (g.kind != &shell && (w->n > most || (w->n < most && g.kind->arg[0] != '['))) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "usage: | %s%s%s", g.kind->name, g.kind->arg ? " " : "", g.kind->arg ? g.kind->arg : "");
		return PT_EXIT_CONFIG;
	}
	if (s->v.n && s->v.v[s->v.n - 1].kind->last) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "nothing comes through '| %s'", s->v.v[s->v.n - 1].kind->name);
		return PT_EXIT_CONFIG;
	}
	if (g.kind->begin == begin_json) {
		if (!first) {
			pt_err_add(e, PT_ERROR, NULL, NULL, "json is the first stage: the command itself writes it");
			return PT_EXIT_CONFIG;
		}
		*json = true;
	}
	if (pt_vec_push(NULL, &s->v, g))
		return pt_err_sys(e, -ENOMEM, "preparing the output");
	return g.kind->begin ? g.kind->begin(s, &s->v.v[s->v.n - 1], w, e) : 0;
}

static void stages_free(struct stages *s)
{
	for (size_t i = 0; i < s->v.n; i++) {
		struct stage *g = &s->v.v[i];

		if (g->has_re)
			regfree(&g->re);
		for (size_t k = 0; g->ring && k < g->keep; k++)
			pt_buf_fini(&g->ring[k]);
		free(g->ring);
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	program_end(&s->program);
	if (s->next)
		stages_free(s->next);
	free(s->v.v);
	pt_buf_fini(&s->line);
	free(s);
}

/* Those of CMD from FIRST on; behind a program they are its own. */
static int stages_from(struct console *c, const struct pt_line_command *cmd, size_t first, struct stages **out, bool *json, struct pt_err *e)
{
	struct stages *s = calloc(1, sizeof(*s));
	bool program = false;
	int rc = 0;

	*out = NULL;
	if (!s)
		return pt_err_sys(e, -ENOMEM, "preparing the output");
	s->console = c;
	s->fd = s->program.fd = -1;
	pager_begin(&s->pager, c->interactive);
	for (size_t i = first; !rc && !program && i < cmd->stages.n; i++) {
		const pt_line_words *w = &cmd->stages.v[i];

		program = w->n && w->v[0].s[0] == '!';
		if (program && i + 1 < cmd->stages.n)
			rc = stages_from(c, cmd, i + 1, &s->next, json, e);
		if (!rc)
			rc = add_stage(s, w, !i, json, e);
	}
	if (rc)
		stages_free(s);
	else
		*out = s;
	return rc;
}

int stages_new(struct console *c, const struct pt_line_command *cmd, struct stages **out, bool *json, struct pt_err *e)
{
	return stages_from(c, cmd, 0, out, json, e);
}

void stages_leave(struct stages *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->program.fd >= 0)
		(void)close(s->program.fd);
	s->fd = s->program.fd = -1;
}

static bool put_line(struct stages *s, size_t stage, const char *p, size_t n)
{
	if (stage < s->v.n)
		return s->v.v[stage].kind->line(s, stage, p, n);
	return pager_line(&s->pager, p, n);
}

bool stages_put(struct stages *s, const char *p, size_t n)
{
	while (n && !s->done) {
		const char *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) + 1 : n;

		pt_buf_add(&s->line, p, len);
		p += len;
		n -= len;
		if (end || s->line.n > PT_LINE_MAX) {
			s->done = s->line.err || !put_line(s, 0, s->line.s, s->line.n);
			s->line.n = 0;
		}
	}
	return !s->done;
}

int stages_end(struct stages *s)
{
	int error;

	if (s->line.n && !s->done)
		(void)put_line(s, 0, s->line.s, s->line.n);
	for (size_t i = 0; i < s->v.n && !s->pager.quit; i++)
		if (s->v.v[i].kind->end)
			s->v.v[i].kind->end(s, i);
	(void)fflush(stdout);
	error = s->error;
	stages_free(s);
	return error;
}

bool stage_writes(const pt_line_words *w)
{
	const char *word = w->n ? w->v[0].s : "";

	return word[0] == '!' || (word[0] == 's' && !strncmp("save", word, strlen(word)));
}

/* Without a word to choose, what is expected: a file of `save`, anything else by its name. */
static void offer_argument(const char *word, const struct offers *to)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].arg || strcmp(kinds[i].name, word) != 0)
			continue;
		pt_buf_fmt(&b, "%s: %s", kinds[i].arg, kinds[i].help);
		if (!b.err)
			to->word(kinds[i].begin == begin_save ? "" : NULL, b.s, to->arg);
	}
	pt_buf_fini(&b);
}

void stages_offer(const struct console *c, const pt_line_words *w, const struct offers *to)
{
	const char *begun = w->n ? w->v[w->n - 1].s : "", *first = w->n ? w->v[0].s : "";
	bool programs = c->profile == PROFILE_ADMIN;

	if (first[0] == '!') {
		if (programs)
			to->word(NULL, "COMMAND: a program with its arguments, started by /bin/sh; it reads the output", to->arg);
		return;
	}

	if (w->n == 2 && !strcmp(w->v[0].s, "display"))
		to->word("set", "the changes that make it", to->arg);
	else if (w->n == 2)
		offer_argument(w->v[0].s, to);
	for (size_t i = 0; w->n <= 1 && i < PT_ARRAY_SIZE(kinds); i++)
		offer_name(to, begun, kinds[i].name, kinds[i].help);
	if (w->n <= 1 && programs)
		offer_name(to, begun, "!", "COMMAND: through another program");
}
