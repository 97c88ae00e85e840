/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pf.conf(5) into statements. As in pf, the text of a macro is put where its name stands and read again, so that
 * `$if:network` is one word; names in a macro's text are not looked up once more. Every word remembers the
 * macro that brought it: rules are written with the names that their author gave.
 */
#include <ctype.h>
#include <errno.h>

#include "import/internal.h"

struct frame {
	const struct imp_file *file; /* NULL: a macro */
	const char *s;
	size_t n, at;
	uint32_t line;
	uint32_t macro, use;
	bool fresh; /* no token of this use was made yet */
};

struct imp_lexer {
	struct imp *m;
	PT_VEC(struct frame) stack;
	uint32_t uses;
	size_t expanded;
	struct imp_stmt *st;
	size_t end; /* behind the statement's last byte */
};

int imp_lex_new(struct imp *m, struct imp_lexer **out)
{
	*out = pt_arena_alloc(m->arena, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->m = m;
	return 0;
}

static int bad_byte(struct imp_lexer *l, const char *name, const char *text, size_t at)
{
	struct pt_loc loc = { .file = name, .line = 1, .col = 1, .len = 1 };

	for (size_t i = 0; i < at; i++) {
		loc.col++;
		if (text[i] == '\n') {
			loc.line++;
			loc.col = 1;
		}
	}
	pt_err_add(l->m->e, PT_ERROR, &loc, "is this a text file?", "byte 0x%02x in a configuration",
		   (unsigned char)text[at]);
	return -EINVAL;
}

int imp_lex_push(struct imp_lexer *l, const char *name, const char *text, size_t len)
{
	struct imp_file *file = pt_arena_alloc(l->m->arena, sizeof(*file));
	struct frame f = { .s = text, .n = len, .line = 1, .file = file };

	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < ' ' && !strchr("\t\n\r", text[i])) || text[i] == 127 || !text[i])
			return bad_byte(l, name, text, i);
	if (!file)
		return -ENOMEM;
	*file = (struct imp_file){ name, text, len };
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		f.at = 3;
	return pt_vec_push(l->m->arena, &l->stack, f);
}

bool imp_lex_open(const struct imp_lexer *l, const char *name)
{
	for (size_t i = 0; i < l->stack.n; i++)
		if (l->stack.v[i].file && !strcmp(l->stack.v[i].file->name, name))
			return true;
	return false;
}

size_t imp_lex_depth(const struct imp_lexer *l)
{
	return l->stack.n;
}

/* ---- bytes ---- */

static struct frame *top(struct imp_lexer *l)
{
	return &l->stack.v[l->stack.n - 1];
}

static struct frame *file_of(struct imp_lexer *l)
{
	struct frame *f = top(l);

	return f->file ? f : f - 1;
}

/* A macro has nothing more: its last word is the last one of this use. */
static void leave_macro(struct imp_lexer *l)
{
	struct frame *f = top(l);
	struct imp_tok *last = l->st->toks.n ? &l->st->toks.v[l->st->toks.n - 1] : NULL;

	if (last && last->macro && last->use == f->use)
		last->last = true;
	l->stack.n--;
}

/* The next byte without taking it, -1 at the end of the file. A backslash and the end of its line are nothing. */
static int peek(struct imp_lexer *l, bool inside)
{
	for (;;) {
		struct frame *f = top(l);

		if (f->at >= f->n && f->file)
			return -1;
		if (f->at >= f->n) {
			if (inside)
				l->stack.n--;
			else
				leave_macro(l);
			continue;
		}
		if (f->s[f->at] == '\r' && f->at + 1 < f->n && f->s[f->at + 1] == '\n') {
			f->at++;
			continue;
		}
		if (f->s[f->at] != '\\' || f->at + 1 >= f->n)
			return (unsigned char)f->s[f->at];
		if (f->s[f->at + 1] == '\n')
			f->at += 2;
		else if (f->s[f->at + 1] == '\r' && f->at + 2 < f->n && f->s[f->at + 2] == '\n')
			f->at += 3;
		else
			return '\\';
		f->line++;
	}
}

static void take(struct imp_lexer *l)
{
	struct frame *f = top(l);

	if (f->s[f->at++] == '\n')
		f->line++;
	if (f->file && f->s[f->at - 1] != '\n')
		l->end = f->at;
}

static int lex_error(struct imp_lexer *l, uint32_t line, const char *hint, const char *msg, const char *word)
{
	struct pt_loc loc = { .file = file_of(l)->file->name, .line = line, .col = 1 };

	pt_err_add(l->m->e, PT_ERROR, &loc, hint, "%s%s%.64s%s", msg, word ? " '" : "", word ? word : "",
		   word ? "'" : "");
	l->m->failed = -EINVAL;
	return 0;
}

/* ---- tokens ---- */

static bool in_word(int c)
{
	return c > ' ' && c != 127 && !strchr("(){}<>!=/#,\"'", c);
}

static int add(struct imp_lexer *l, struct imp_tok t)
{
	if (l->st->toks.n >= IMP_TOKENS_MAX) {
		(void)lex_error(l, l->st->line, "use a table", "a statement of more than a million words", NULL);
		return -EFBIG;
	}
	return pt_vec_push(l->m->arena, &l->st->toks, t);
}

/* Says of T, which began in frame number DEPTH of use USE at byte AT, which macro it is of. */
static void origin(struct imp_lexer *l, struct imp_tok *t, size_t depth, struct frame began)
{
	bool same = l->stack.n == depth && top(l)->use == began.use;

	if (began.file)
		return;
	if (same) {
		t->macro = began.macro;
		t->use = began.use;
		t->first = began.fresh;
		top(l)->fresh = false;
	} else if (began.fresh) {
		t->prefix = began.macro;
	}
}

static int word(struct imp_lexer *l)
{
	struct imp_tok t = { .kind = IMP_WORD };
	size_t depth = l->stack.n;
	struct frame began = *top(l);
	struct pt_buf b = { 0 };
	int c;

	for (c = peek(l, false); c >= 0; c = peek(l, true)) {
		if (c == '\\')
			take(l); /* the next byte is itself */
		else if (!in_word(c) || (c == '$' && top(l)->file && b.n))
			break;
		/* "->" ends a word as it begins one */
		if (c == '-' && top(l)->at + 1 < top(l)->n && top(l)->s[top(l)->at + 1] == '>' && b.n)
			break;
		if (top(l)->at >= top(l)->n)
			break;
		pt_buf_chr(&b, top(l)->s[top(l)->at]);
		take(l);
		/* A macro that ends here may end the word too; only what follows tells. */
		if (!top(l)->file && top(l)->at >= top(l)->n) {
			struct frame *below = top(l) - 1;

			if (below->at >= below->n || !in_word((unsigned char)below->s[below->at]) ||
			    (below->s[below->at] == '$' && below->file) || below->s[below->at] == '\\')
				break;
		}
	}
	t.s = pt_arena_strndup(l->m->arena, b.n ? b.s : "", b.n);
	c = b.err;
	pt_buf_fini(&b);
	if (c || !t.s)
		return -ENOMEM;
	origin(l, &t, depth, began);
	return add(l, t);
}

static int string(struct imp_lexer *l, int quote)
{
	struct imp_tok t = { .kind = IMP_STRING };
	struct frame began = *top(l), *f = top(l);
	uint32_t line = file_of(l)->line;
	struct pt_buf b = { 0 };

	take(l);
	while (f->at < f->n && f->s[f->at] != quote) {
		char c = f->s[f->at], next = f->at + 1 < f->n ? f->s[f->at + 1] : '\0';

		if (c == '\\' && (next == quote || next == ' ' || next == '\t' || next == '\n')) {
			take(l);
			c = next;
		}
		if (c != '\n' && c != '\r')
			pt_buf_chr(&b, c);
		take(l);
	}
	if (f->at >= f->n) {
		pt_buf_fini(&b);
		return lex_error(l, line, "close it with the quote that it begins with", "a string is not closed",
				 NULL);
	}
	take(l);
	t.s = pt_arena_strndup(l->m->arena, b.n ? b.s : "", b.n);
	if (b.err)
		t.s = NULL;
	pt_buf_fini(&b);
	if (!t.s)
		return -ENOMEM;
	origin(l, &t, l->stack.n, began);
	return add(l, t);
}

static int mark(struct imp_lexer *l, int c)
{
	struct imp_tok t = { .kind = IMP_MARK };
	struct frame began = *top(l);
	bool arrow = c == '-';

	t.s = arrow ? "->" : pt_arena_strndup(l->m->arena, (char[]){ (char)c, '\0' }, 1);
	if (!t.s)
		return -ENOMEM;
	take(l);
	if (arrow)
		take(l);
	origin(l, &t, l->stack.n, began);
	return add(l, t);
}

static const struct imp_macro *find(const struct imp_lexer *l, const char *name, uint32_t *index)
{
	for (size_t i = l->m->macros.n; i; i--)
		if (!strcmp(l->m->macros.v[i - 1].name, name)) {
			*index = (uint32_t)i;
			return &l->m->macros.v[i - 1];
		}
	return NULL;
}

/* $NAME: its text comes next. */
static int macro(struct imp_lexer *l)
{
	char name[64];
	const struct imp_macro *found;
	struct frame f = { .fresh = true };
	size_t n = 0;

	take(l);
	while (top(l)->at < top(l)->n && n + 1 < sizeof(name)) {
		unsigned char c = (unsigned char)top(l)->s[top(l)->at];

		if (!isalnum(c) && c != '_')
			break;
		name[n++] = (char)c;
		take(l);
	}
	name[n] = '\0';
	found = find(l, name, &f.macro);
	if (!found)
		return lex_error(l, top(l)->line, "a macro is defined before it is used", "there is no macro", name);
	f.s = found->value;
	f.n = strlen(f.s);
	f.use = ++l->uses;
	l->expanded += f.n;
	if (l->expanded > IMP_EXPAND_MAX) {
		(void)lex_error(l, top(l)->line, "use tables", "macros make more than 64 MiB of this file", NULL);
		return -EFBIG;
	}
	return pt_vec_push(l->m->arena, &l->stack, f);
}

/* Up to the end of the line; as in pf it may go on behind a backslash. */
static int comment(struct imp_lexer *l)
{
	struct frame *f = top(l);
	size_t from = f->at + 1, end = l->end;
	const char *s;
	int c;

	for (c = peek(l, false); c >= 0 && c != '\n'; c = peek(l, false))
		take(l);
	l->end = end;
	if (!f->file)
		return 0;
	s = pt_arena_strndup(l->m->arena, f->s + from, f->at - from);
	return s ? pt_vec_push(l->m->arena, &l->st->comments, s) : -ENOMEM;
}

static int token(struct imp_lexer *l, int c)
{
	struct frame *f = top(l);

	if (c == '#')
		return comment(l);
	if (c == '"' || c == '\'')
		return string(l, c);
	if (c == '$' && f->file)
		return macro(l);
	if (c == '-' && f->at + 1 < f->n && f->s[f->at + 1] == '>')
		return mark(l, c);
	if (!in_word(c))
		return mark(l, c);
	return word(l);
}

/* ---- statements ---- */

static int depth_after(struct imp_lexer *l, int depth)
{
	const struct imp_tok *t = &l->st->toks.v[l->st->toks.n - 1];

	if (t->kind != IMP_MARK)
		return depth;
	if (*t->s == '{' || *t->s == '(')
		return depth + 1;
	return (*t->s == '}' || *t->s == ')') && depth ? depth - 1 : depth;
}

/* The rules of an anchor follow where its last brace is the last of the line. */
static bool opens(struct imp_lexer *l)
{
	const struct imp_stmt *st = l->st;

	return st->toks.n > 1 && st->toks.v[st->toks.n - 1].kind == IMP_MARK &&
	       *st->toks.v[st->toks.n - 1].s == '{' && st->toks.v[0].kind == IMP_WORD &&
	       !strcmp(st->toks.v[0].s, "anchor");
}

static bool closes(const struct imp_lexer *l)
{
	return l->st->toks.n == 1 && l->st->toks.v[0].kind == IMP_MARK && *l->st->toks.v[0].s == '}';
}

/* The statement begins with its first token. */
static void begin(struct imp_lexer *l)
{
	struct frame *f = file_of(l);

	if (l->st->toks.n)
		return;
	l->st->line = f->line;
	l->st->from = f->at;
}

static int statement(struct imp_lexer *l)
{
	int depth = 0, rc = 0, c;

	for (c = peek(l, false); !rc; c = peek(l, false)) {
		size_t had = l->st->toks.n;

		if (c < 0)
			break;
		if (c == '\n') {
			if (l->st->toks.n && (!depth || (depth == 1 && opens(l))))
				break;
			take(l);
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\r') {
			take(l);
			continue;
		}
		if (c != '#')
			begin(l);
		rc = token(l, c);
		if (l->st->toks.n > had)
			depth = depth_after(l, depth);
		if (closes(l))
			return rc;
	}
	if (!rc && depth && !(depth == 1 && opens(l)))
		return lex_error(l, l->st->line, "close it with } or )", "a list or group is not closed", NULL);
	return rc;
}

/* Which file's end was that? What included it goes on. */
static bool next_file(struct imp_lexer *l)
{
	if (l->stack.n)
		l->stack.n--;
	return l->stack.n > 0;
}

int imp_lex_next(struct imp_lexer *l, struct imp_stmt **out)
{
	int rc;

	*out = l->st = pt_arena_alloc(l->m->arena, sizeof(*l->st));
	if (!l->st)
		return -ENOMEM;
	if (!l->stack.n)
		return 0;
	do {
		l->st->file = file_of(l)->file;
		l->st->line = file_of(l)->line;
		rc = statement(l);
		if (rc)
			return rc;
		l->st->to = l->end;
	} while (!l->st->toks.n && next_file(l));
	if (l->st->toks.n)
		l->st->opens = opens(l);
	return l->st->toks.n || l->st->comments.n;
}
