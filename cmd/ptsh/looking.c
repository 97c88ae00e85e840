/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking at the candidate: as the file would be, as the changes that make it, as what differs; and what may be written. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/change.h>
#include <patronus/textdiff.h>

#include "candidate.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" /* needs no quotes */
#define CONTEXT 3 /* lines around what differs */

/* Lines as they are, but safe on a terminal. */
static void put_text(const char *s, size_t n, const char *sign)
{
	struct pt_buf b = { 0 };

	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		pt_buf_str(&b, sign);
		pt_escape_line(&b, s, len);
		pt_buf_chr(&b, '\n');
		len += nl != NULL;
		s += len;
		n -= len;
	}
	if (!b.err && b.s)
		(void)fwrite(b.s, 1, b.n, stdout);
	pt_buf_fini(&b);
}

/* ---- show ---- */

static int show_value(const struct pt_edit_value *v, void *arg)
{
	size_t *n = arg;

	++*n;
	put_text(v->value, strlen(v->value), "");
	return 0;
}

static int show_command(const char *const *words, size_t n, void *arg)
{
	struct pt_buf b = { 0 };
	bool values = false; /* each in quotes: words without could be one rule */

	(void)arg;
	pt_buf_str(&b, "set");
	for (size_t i = 0; i < n; i++) {
		bool plain = values && strspn(words[i], PLAIN) == strlen(words[i]);

		pt_buf_str(&b, plain ? " \"" : " ");
		pt_line_quote(&b, words[i]);
		pt_buf_str(&b, plain ? "\"" : "");
		values |= !strcmp(words[i], "=");
	}
	if (!b.err)
		puts(b.s);
	pt_buf_fini(&b);
	return b.err;
}

int run_config_show(struct console *c, const pt_line_words *w)
{
	struct candidate *d = c->candidate;
	struct pt_edit what = { .op = PT_EDIT_GET, .draft = true, .verb = w->v[0].s };
	struct pt_edit_path path;
	struct pt_err e = { 0 };
	size_t n = 0;
	int rc = 0;

	what.words = candidate_words(c, w, &what.n);
	if (!what.words)
		return PT_EXIT_SYSTEM;
	if (c->display_set)
		rc = pt_edit_commands(&d->texts, &what, show_command, NULL, &e);
	else if (what.n)
		rc = pt_edit_get(&d->texts, &what, false, &path, show_value, &n, &e);
	for (size_t i = 0; !rc && !c->display_set && !what.n && i < d->texts.v.n; i++) {
		if (i)
			printf("# %s\n", d->texts.v.v[i].file);
		put_text(d->texts.v.v[i].text, d->texts.v.v[i].len, "");
	}
	return told(rc, &e);
}

/* ---- compare ---- */

static int show_line(const struct pt_textdiff_line *l, void *arg)
{
	const char sign[2] = { l->sign == '@' ? '\0' : l->sign, '\0' };

	(void)arg;
	put_text(l->text, l->len, sign);
	if (!l->len)
		printf("%s\n", sign);
	if (l->no_newline)
		puts("\\ No newline at end of file");
	return 0;
}

static int compare_texts(const char *name, const char *old, size_t old_len, const char *new, size_t new_len, size_t *n)
{
	if (old_len == new_len && !memcmp(old, new, old_len))
		return 0;
	printf("--- %s\n+++ candidate\n", name);
	return pt_textdiff(old, old_len, new, new_len, CONTEXT, show_line, NULL, n);
}

int texts_of(struct console *c, const char *name, struct pt_texts *t, struct pt_err *e)
{
	struct pt_cli cli = { .tool = &(const struct pt_cli_tool){ .name = "ptsh" } };
	const struct pt_revision *r = NULL;
	struct pt_history *h = NULL;
	char state[PATH_MAX];
	int rc;

	(void)c;
	memset(t, 0, sizeof(*t));
	rc = pt_cli_state(&cli, state);
	pt_err_fini(&cli.err);
	if (!rc)
		rc = pt_history_read(state, 0, &h, e);
	if (!rc)
		rc = pt_history_name(h, name, &r, e);
	if (!rc)
		rc = pt_revision_read(state, r->number, t, e);
	pt_history_free(h);
	return rc;
}

int run_compare(struct console *c, const pt_line_words *w)
{
	const struct candidate *d = c->candidate;
	const struct pt_conf_source *new = d->texts.v.v, *old = d->base.v.v;
	struct pt_texts t = { 0 };
	struct pt_err e = { 0 };
	size_t n = 0;
	int rc = 0;

	if (w->n > 1) {
		rc = texts_of(c, w->v[1].s, &t, &e);
		if (!rc)
			rc = compare_texts(w->v[1].s, t.text, t.len, new->text, new->len, &n);
		pt_texts_fini(&t);
		return told(rc, &e);
	}
	for (size_t i = 0; !rc && i < d->base.v.n; i++)
		rc = compare_texts(old[i].file, old[i].text, old[i].len, new[i].text, new[i].len, &n);
	return told(rc, &e);
}

/* ---- check ---- */

int run_check(struct console *c, const pt_line_words *w)
{
	struct pt_err e = { 0 };
	int rc = candidate_check(c->candidate, &e);

	(void)w;
	if (!rc)
		puts("right");
	return told(rc, &e);
}

/* ---- what may be written ---- */

struct asker {
	const struct offers *to;
	const char *begun;
	const struct pt_schema *rows; /* that words at this place are names of; NULL: they are others */
};

/* "1 to 4094, default 1: the number of the VLAN" */
static void describe(const struct pt_schema *row, struct pt_buf *b)
{
	pt_buf_fmt(b, "%s", row->help ? row->help : "");
	if (row->range)
		pt_buf_fmt(b, " (%s%s%s)", row->range, row->unit ? " " : "", row->unit ? row->unit : "");
	if (row->def)
		pt_buf_fmt(b, " [%s]", row->def);
}

static void ask(const char *word, void *arg)
{
	const struct asker *a = arg;
	struct pt_buf b = { 0 };

	if (strncmp(word, a->begun, strlen(a->begun)) != 0)
		return;
	for (const struct pt_schema *row = a->rows; row && row->name; row++)
		if (!strcmp(row->name, word))
			describe(row, &b);
	a->to->word(word, b.err ? NULL : b.s, a->to->arg);
	pt_buf_fini(&b);
}

/* The rows that a word behind these N is a name of. */
static const struct pt_schema *rows_at(const char *const *words, size_t n)
{
	const struct pt_schema *s = pt_conf_schema;

	if (!n)
		return s;
	while (s->name && strcmp(s->name, words[0]) != 0)
		s++;
	return s->name && n == (s->titled ? 2u : 1u) ? s->options : NULL;
}

const struct pt_schema *option_at(const char *const *words, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct pt_schema *rows = rows_at(words, i);

		for (; rows && rows->name && i > 0; rows++)
			if (!strcmp(rows->name, words[i]))
				return rows;
	}
	return NULL;
}

/* A rule in one word, in quotes, or in as many as it has. */
static bool offer_in_rule(struct console *c, const struct pt_edit *what, const pt_line_words *w, const struct offers *to)
{
	const struct pt_line_word *last = &w->v[w->n - 1];
	const struct pt_schema *option = option_at(what->words, what->n);
	struct pt_buf rule = { 0 };
	size_t from;

	if (!option || !option->complete || strcmp(option->complete, "rule") != 0)
		return false;
	from = what->n > 2 && !strcmp(what->words[2], option->name) ? 2 : 1;
	for (size_t i = from + 1; !last->quoted && i < what->n; i++)
		if (strcmp(what->words[i], "=") != 0)
			pt_buf_fmt(&rule, "%s ", what->words[i]);
	pt_buf_str(&rule, last->s);
	if (!rule.err)
		offer_rule(c, rule.s ? rule.s : "", !strcmp(what->words[0], "test"), to);
	pt_buf_fini(&rule);
	return true;
}

/* What a section says of itself. */
static int take_first(const struct pt_edit_value *v, void *arg)
{
	struct pt_buf *b = arg;

	if (v->option && !b->n)
		pt_buf_str(b, v->value);
	return 0;
}

struct titles {
	const struct asker *a;
	struct console *c;
	const char *section;
};

static void offer_title(const char *title, void *arg)
{
	static const char *const telling[] = { "description", "device", "peer" };
	const struct titles *t = arg;
	struct pt_edit_path path;
	struct pt_buf b = { 0 };

	if (strncmp(title, t->a->begun, strlen(t->a->begun)) != 0)
		return;
	for (size_t i = 0; !b.n && i < PT_ARRAY_SIZE(telling); i++) {
		const char *const words[] = { t->section, title, telling[i] };
		const struct pt_edit get = { .op = PT_EDIT_GET, .words = words, .n = 3, .draft = true };

		if (pt_conf_option(t->section, telling[i]) && pt_edit_get(&t->c->candidate->texts, &get, false, &path, take_first, &b, NULL))
			break; /* no memory: fewer words */
	}
	t->a->to->word(title, b.err ? NULL : b.s, t->a->to->arg);
	pt_buf_fini(&b);
}

/* Names that there are, and that another one may be written. */
static bool offer_titles(struct console *c, const struct pt_edit *what, const struct asker *a)
{
	const struct pt_schema *s = pt_conf_schema;
	struct titles t = { a, c, what->words[0] };
	struct pt_buf b = { 0 };

	while (s->name && strcmp(s->name, what->words[0]) != 0)
		s++;
	if (what->n != 1 || !s->name || !s->titled)
		return false;
	if (pt_edit_complete(&c->candidate->texts, what, offer_title, &t))
		return true; /* no memory: fewer words */
	pt_buf_fmt(&b, "NAME: %s%s%s", s->range ? s->range : "", s->range ? ": " : "", s->help ? s->help : s->name);
	if (!b.err && what->op == PT_EDIT_SET)
		a->to->word(NULL, b.s, a->to->arg);
	pt_buf_fini(&b);
	return true;
}

/* "68 to 65535 bytes: the largest packet" */
static void offer_kind(const struct pt_schema *option, const struct offers *to)
{
	struct pt_buf b = { 0 };

	if (option->range)
		pt_buf_fmt(&b, "%s%s%s: ", option->range, option->unit ? " " : "", option->unit ? option->unit : "");
	pt_buf_str(&b, option->help ? option->help : option->name);
	if (!b.err)
		to->word(NULL, b.s, to->arg);
	pt_buf_fini(&b);
}

void offer_path(struct console *c, enum pt_edit_op op, const pt_line_words *w, const struct offers *to)
{
	struct pt_edit what = { .op = op, .draft = true };
	struct asker a = { .to = to, .begun = w->v[w->n - 1].s };
	const struct pt_schema *option;

	what.words = candidate_words(c, w, &what.n);
	if (!what.words || !what.n)
		return;
	what.n--; /* the one that is begun */
	if ((op == PT_EDIT_SET && offer_in_rule(c, &what, w, to)) || (what.n && offer_titles(c, &what, &a)))
		return;
	a.rows = rows_at(what.words, what.n);
	option = a.rows ? NULL : option_at(what.words, what.n);
	for (size_t i = 0; option && op == PT_EDIT_SET && option->words && option->words[i]; i++)
		ask(option->words[i], &a);
	if (option && op == PT_EDIT_SET)
		offer_kind(option, to);
	if (pt_edit_complete(&c->candidate->texts, &what, ask, &a))
		return; /* no memory: fewer words */
}
