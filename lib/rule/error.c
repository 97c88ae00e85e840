/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What went wrong, where in the file, and what was probably meant. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

struct pt_loc rule_locate(const struct pt_rule_ctx *ctx, uint32_t off, uint32_t len)
{
	if (ctx->locate)
		return ctx->locate(ctx->locate_arg, off, len);
	return (struct pt_loc){ .file = "rule", .line = 1, .col = off + 1, .len = len };
}

void rule_record(const struct pt_rule_ctx *ctx, struct pt_err *e, const char *text, size_t len,
		 const struct rule_tok *at, const char *hint, const char *msg)
{
	struct pt_loc loc = rule_locate(ctx, at->off, at->len);

	pt_err_add(e, PT_ERROR, &loc, hint, "%s", msg ? msg : "a mistake in this rule");
	if (ctx->source)
		pt_err_source(e, ctx->source, ctx->source_len);
	else
		pt_err_source(e, text, len);
}

/* What a macro brought is not to be seen in the line that is shown. */
static void from_macro(struct pt_buf *msg, const struct rule_parser *p, const struct rule_tok *t)
{
	const char *at = p->text + t->off;

	if (t->off < p->text_len && *at == '$')
		pt_buf_fmt(msg, ", in the text of %.*s",
			   1 + (int)rule_name_length(at + 1, p->text_len - t->off - 1), at);
}

/* A string may hold anything; a message goes to terminals and logs. */
static void harmless(struct pt_buf *msg)
{
	for (size_t i = 0; i < msg->n; i++)
		if ((unsigned char)msg->s[i] < ' ' || (unsigned char)msg->s[i] > '~')
			msg->s[i] = '?';
}

/* A list that a macro brought may have the same mistake many times, all of them at one place. */
static bool repeated(const struct pt_err *e, const struct pt_loc *loc, const char *msg)
{
	const struct pt_diag *last = e && e->list.n ? &e->list.v[e->list.n - 1] : NULL;

	return last && last->loc.line == loc->line && last->loc.col == loc->col && msg &&
	       last->msg && !strcmp(last->msg, msg);
}

static void add(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt,
		va_list ap)
{
	struct pt_buf msg = { 0 };
	struct pt_loc loc;

	p->errors++;
	p->wrong_end = t->off + t->len;
	if (t->kind == TOK_HOLE)
		return;
	pt_buf_vfmt(&msg, fmt, ap);
	from_macro(&msg, p, t);
	harmless(&msg);
	loc = rule_locate(p->ctx, t->off, t->len);
	if (!repeated(p->err, &loc, msg.s))
		rule_record(p->ctx, p->err, p->text, p->text_len, t, hint, msg.s);
	pt_buf_fini(&msg);
}

int rule_fail(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt,
	      ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, t, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int rule_note(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt,
	      ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, t, hint, fmt, ap);
	va_end(ap);
	return 0;
}

#define WORD_MAX 64

/* Keywords are small letters; who writes PASS means one too. */
const char *rule_nearest(const char *word, const char *const *words, size_t n)
{
	char lower[WORD_MAX];
	size_t len = strlen(word);
	const char *near = pt_nearest(word, words, n);

	if (near || len >= sizeof(lower))
		return near;
	for (size_t i = 0; i <= len; i++)
		lower[i] = (char)tolower((unsigned char)word[i]);
	return pt_nearest(lower, words, n);
}

static int reserved(struct rule_parser *p, const struct rule_tok *t)
{
	if (p->tok == t)
		p->tok++;
	return rule_fail(p, t, rule_reserved_hint(t->s),
			 rule_reserved_never(t->s) ? "'%s' is not possible on Linux" : "'%s' is not available in this version",
			 t->s);
}

/* Two words that people join. */
static const char *joined(const char *word)
{
	if (!strcmp(word, "keep-state") || !strcmp(word, "keepstate"))
		return "write two words: `keep state`";
	return !strcmp(word, "no-state") ? "write two words: `no state`" : NULL;
}

int rule_unexpected(struct rule_parser *p, const struct rule_tok *t, const char *wanted,
		    const char *const *words, size_t n)
{
	struct pt_buf hint = { 0 };
	const char *near = NULL;

	if (t->kind == TOK_END)
		return rule_fail(p, t, NULL, "the rule ends where %s is expected", wanted);
	if (t->kind == TOK_STRING)
		return rule_fail(p, t, NULL, "a string where %s is expected", wanted);
	if (t->kind == TOK_WORD && rule_reserved(t->s))
		return reserved(p, t);
	if (t->kind == TOK_WORD && words)
		near = rule_nearest(t->s, words, n);
	if (t->kind == TOK_WORD && joined(t->s))
		pt_buf_str(&hint, joined(t->s));
	else if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	p->blamed = t;
	rule_fail(p, t, hint.s, "'%.64s' where %s is expected", t->s, wanted);
	pt_buf_fini(&hint);
	return -EINVAL;
}
