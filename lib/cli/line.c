/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the console into commands, words and stages. */
#include <string.h>

#include <patronus/line.h>

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

void pt_line_quote(struct pt_buf *b, const char *word)
{
	if (*word && !strpbrk(word, " \t\n;\"'#?\\") && word[0] != '|') {
		pt_buf_str(b, word);
		return;
	}
	pt_buf_chr(b, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			pt_buf_chr(b, '\\');
		if (*word == '\n')
			pt_buf_str(b, "\\n");
		else
			pt_buf_chr(b, *word);
	}
	pt_buf_chr(b, '"');
}
