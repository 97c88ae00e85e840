/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the console into commands, words and stages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/line.h>
#include <patronus/out.h>

struct reader {
	const char *s;
	size_t n, at;
	struct pt_arena *arena;
	struct pt_line *line;
	char *text; /* room for the words: never more than the line, and a NUL each */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
	return is_blank(c) || c == ';' || c == '\n';
}

/* "u{202e}" behind a backslash: a character that a terminal should not get. */
static bool put_character(struct reader *r)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	const char *s = r->s + r->at;
	size_t n = r->n - r->at, digits = 0;
	unsigned long c;

	/* There may be no NUL behind the line. */
	while (digits + 2 < n && memchr(hex, s[digits + 2], sizeof(hex) - 1))
		digits++;
	if (n < 4 || s[0] != 'u' || s[1] != '{' || !digits || digits > 6 || digits + 2 >= n || s[digits + 2] != '}')
		return false;
	c = strtoul(s + 2, NULL, 16);
	if (c < 0x80 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	if (c >= 0x10000)
		*r->text++ = (char)(0xf0 | c >> 18);
	if (c >= 0x800)
		*r->text++ = (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
	*r->text++ = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
	*r->text++ = (char)(0x80 | (c & 0x3f));
	r->at += digits + 3;
	return true;
}

/* The byte behind a backslash in double quotes; others keep it: a regular expression is full of them. */
static void put_escaped(struct reader *r)
{
	static const struct {
		char is, means;
	} escapes[] = { { '"', '"' }, { '\\', '\\' }, { 'n', '\n' }, { 't', '\t' } };
	char c = r->s[r->at];

	for (size_t i = 0; i < PT_ARRAY_SIZE(escapes); i++)
		if (escapes[i].is == c) {
			*r->text++ = escapes[i].means;
			r->at++;
			return;
		}
	if (!put_character(r))
		*r->text++ = '\\';
}

/* Up to the quote that ends it, which is left out. */
static void read_quoted(struct reader *r, char quote)
{
	while (r->at < r->n && r->s[r->at] != quote) {
		char c = r->s[r->at++];

		if (quote == '"' && c == '\\' && r->at < r->n)
			put_escaped(r);
		else
			*r->text++ = c;
	}
	if (r->at < r->n)
		r->at++;
	else
		r->line->open = quote;
}

static int read_word(struct reader *r, pt_line_words *to)
{
	struct pt_line_word w = { .s = r->text, .from = (uint32_t)r->at };

	while (r->at < r->n && !ends_word(r->s[r->at])) {
		char c = r->s[r->at++];

		if (c == '"' || c == '\'') {
			w.quoted = true;
			read_quoted(r, c);
		} else {
			*r->text++ = c;
		}
	}
	*r->text++ = '\0';
	w.to = (uint32_t)r->at;
	return pt_vec_push(r->arena, to, w);
}

static void skip_comment(struct reader *r)
{
	while (r->at < r->n && r->s[r->at] != '\n')
		r->at++;
}

/* A `|` where a word would begin. */
static bool at_stage(const struct reader *r)
{
	return r->s[r->at] == '|' && (r->at + 1 == r->n || r->s[r->at + 1] != '|');
}

static int new_command(struct reader *r)
{
	struct pt_line_command c = { 0 };

	return pt_vec_push(r->arena, &r->line->commands, c);
}

static int read_on(struct reader *r)
{
	struct pt_line_command *c = &r->line->commands.v[r->line->commands.n - 1];
	pt_line_words empty = { 0 };

	if (r->s[r->at] == ';' || r->s[r->at] == '\n') {
		r->at++;
		return new_command(r);
	}
	if (!at_stage(r))
		return read_word(r, c->stages.n ? &c->stages.v[c->stages.n - 1] : &c->words);
	if (!c->words.n || (c->stages.n && !c->stages.v[c->stages.n - 1].n))
		return -EINVAL;
	r->at++;
	return pt_vec_push(r->arena, &c->stages, empty);
}

static int check_bytes(const struct reader *r, size_t *at)
{
	for (*at = 0; *at < r->n; ++*at) {
		unsigned char c = (unsigned char)r->s[*at];

		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
			return -EINVAL;
	}
	return 0;
}

int pt_line_parse(const char *s, size_t n, struct pt_arena *a, struct pt_line *out, size_t *at)
{
	struct reader r = { .s = s, .n = n, .arena = a, .line = out };
	int rc;

	memset(out, 0, sizeof(*out));
	*at = 0;
	if (n > PT_LINE_MAX)
		return -E2BIG;
	rc = check_bytes(&r, at);
	if (rc)
		return rc;
	r.text = pt_arena_alloc(a, 2 * n + 1);
	rc = r.text ? new_command(&r) : -ENOMEM;
	out->blank = !n || is_blank(s[n - 1]);
	while (!rc) {
		while (r.at < n && is_blank(s[r.at]))
			r.at++;
		if (r.at < n && s[r.at] == '#')
			skip_comment(&r);
		if (r.at >= n)
			break;
		*at = r.at;
		rc = read_on(&r);
	}
	if (out->open)
		out->blank = false;
	return rc;
}

/* How many bytes of S are one character; of what is none, one. */
static size_t character(const char *s)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

/* The character at S as it stands in quotes; its length. ODD: it is written in another way than it is. */
static size_t quote_one(struct pt_buf *b, const char *s, bool *odd)
{
	struct pt_buf shown = { 0 };
	size_t n = character(s);

	if (n > 1)
		pt_escape(&shown, s, n);
	if (shown.err)
		b->err = shown.err;
	if (shown.n > 2 && !strncmp(shown.s, "\\u{", 3)) {
		*odd = true;
		pt_buf_str(b, shown.s);
	} else if (*s == '\n') {
		pt_buf_str(b, "\\n");
	} else {
		pt_buf_str(b, *s == '"' || *s == '\\' ? "\\" : "");
		pt_buf_add(b, s, n);
	}
	pt_buf_fini(&shown);
	return n;
}

void pt_line_quote(struct pt_buf *b, const char *word)
{
	bool odd = !*word || strpbrk(word, " \t\n;\"'#?\\") || word[0] == '|';
	struct pt_buf quoted = { 0 };

	for (const char *p = word; *p;)
		p += quote_one(&quoted, p, &odd);
	if (quoted.err)
		b->err = quoted.err;
	pt_buf_str(b, odd ? "\"" : "");
	pt_buf_str(b, odd && quoted.s ? quoted.s : word);
	pt_buf_str(b, odd ? "\"" : "");
	pt_buf_fini(&quoted);
}
