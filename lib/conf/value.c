/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One value: decoded, checked by the schema, and written into the clean text.
 *
 * The clean text is what libconfuse gets. Each of its tokens has a line of its own, so a line
 * number from libconfuse leads back to the token, and each string is in single quotes, where
 * libconfuse expands neither the environment nor anything else.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/tree.h"

/* libconfuse's lexer takes a stretch of plain characters as one token, and its time grows with the
 * square of a token's length. */
#define STRETCH_MAX 1024

void conf_reader_nomem(struct conf_reader *r)
{
	r->nomem = true;
	r->stop = true;
}

/* A file of garbage is not read to its end: the list of errors is full long before. */
void conf_reader_error(struct conf_reader *r, const struct pt_loc *loc, const char *hint,
		       const char *fmt, ...)
{
	struct pt_buf msg = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&msg, fmt, ap);
	va_end(ap);
	if (msg.err)
		conf_reader_nomem(r);
	else
		pt_err_add(r->e, PT_ERROR, loc, hint, "%s", msg.s);
	pt_buf_fini(&msg);
	r->errors++;
	if (r->e->list.n >= PT_ERR_MAX)
		r->stop = true;
}

struct pt_loc conf_value_loc(const struct conf_reader *r, const struct pt_src_tok *tok)
{
	struct pt_loc loc = { r->file, tok->line, tok->col, tok->len };
	struct conf_span s = conf_span(r->text, tok);
	const char *nl;

	if (s.quote && s.to > s.from) {
		loc.col++;
		loc.len = (uint32_t)(s.to - s.from);
	}
	nl = memchr(r->text + tok->off, '\n', tok->len);
	if (nl) /* the underline ends with the line */
		loc.len = (uint32_t)((size_t)(nl - r->text) - (s.to > s.from ? s.from : tok->off));
	return loc;
}

/* Where the newest complaint about the string was, to count on from there. */
struct place {
	size_t raw;
	struct pt_loc loc;
};

static void move_to(struct place *p, const char *text, size_t raw)
{
	for (; p->raw < raw; p->raw++) {
		p->loc.col++;
		if (text[p->raw] == '\n') {
			p->loc.line++;
			p->loc.col = 1;
		}
	}
}

/* What an escape may not make: bytes that the file itself may not have either. */
static bool step_ok(struct conf_reader *r, struct place *p, size_t raw, const struct conf_step *s)
{
	struct pt_loc loc;
	char c = (char)s->byte;

	if (s->esc == CONF_ESC_NONE || (s->esc == CONF_ESC_CODE && !conf_is_control(&c, &c + 1)))
		return true;
	move_to(p, r->text, raw);
	loc = p->loc;
	loc.len = (uint32_t)(s->next - raw);
	if (s->esc == CONF_ESC_BAD)
		conf_reader_error(r, &loc,
				  "a backslash is written as \\\\, a byte as \\x41 or \\101",
				  "this escape does not exist");
	else
		conf_reader_error(r, &loc, "only \\n and \\t stand for control characters here",
				  "this escape makes a control character (byte 0x%02x)", s->byte);
	return false;
}

static bool is_utf8(const struct pt_buf *b)
{
	const char *p = b->s, *end = b->s + b->n;

	for (size_t n; p < end; p += n) {
		n = conf_utf8_len(p, end);
		if (!n || conf_is_control(p, end))
			return false;
	}
	return true;
}

/* Values without escapes and CR, nearly all, are their bytes. */
static bool is_verbatim(const char *p, size_t n)
{
	return !memchr(p, '\\', n) && !memchr(p, '\r', n);
}

static bool decode_steps(struct conf_reader *r, const struct pt_src_tok *tok, struct conf_span span)
{
	struct place place = { tok->off, { r->file, tok->line, tok->col, 1 } };
	bool high = false, ok = true;
	struct conf_step s;
	struct pt_loc loc;

	for (size_t i = span.from; i < span.to && (ok || !r->stop); i = s.next) {
		s = conf_decode_step(r->text, i, span.to, span.quote);
		ok = step_ok(r, &place, i, &s) && ok;
		high = high || (s.esc == CONF_ESC_CODE && s.byte >= 0x80);
		if (s.byte >= 0)
			pt_buf_chr(&r->value, (char)s.byte);
	}
	if (r->value.err || !ok || !high || is_utf8(&r->value))
		return ok;
	loc = conf_value_loc(r, tok);
	conf_reader_error(r, &loc, "write the character itself, in UTF-8",
			  "the escapes in this string do not make UTF-8 text");
	return false;
}

bool conf_value_decode(struct conf_reader *r, const struct pt_src_tok *tok)
{
	struct conf_span span = conf_span(r->text, tok);
	size_t n = span.to - span.from;
	bool ok = true;

	r->value.n = 0;
	pt_buf_add(&r->value, "", 0); /* a value without bytes is a string too */
	if (is_verbatim(r->text + span.from, n))
		pt_buf_add(&r->value, r->text + span.from, n);
	else
		ok = decode_steps(r, tok, span);
	if (r->value.err) {
		conf_reader_nomem(r);
		return false;
	}
	return ok;
}

void conf_clean_word(struct conf_reader *r, const char *word)
{
	if (r->mute)
		return;
	pt_buf_str(&r->tree->clean, word);
	pt_buf_chr(&r->tree->clean, '\n');
	r->clean_line++;
}

/* Bytes at S, MAX at most, that stand for themselves between single quotes. */
static size_t plain_run(const char *s, size_t max)
{
	static const char special[] = { '\'', '\\', '\n' };
	size_t n = strnlen(s, max);

	for (size_t i = 0; i < sizeof(special); i++) {
		const char *p = memchr(s, special[i], n);

		n = p ? (size_t)(p - s) : n;
	}
	return n;
}

void conf_clean_string(struct conf_reader *r, const char *s)
{
	struct pt_buf *b = &r->tree->clean;
	size_t left = STRETCH_MAX, n;

	if (r->mute)
		return;
	pt_buf_chr(b, '\'');
	for (; *s; s += n, left -= n) {
		if (!left) {
			pt_buf_str(b, "\\\n"); /* stands for nothing */
			r->clean_line++;
			left = STRETCH_MAX;
		}
		n = plain_run(s, left);
		if (!n) {
			n = 1;
			if (*s == '\n')
				r->clean_line++;
			else
				pt_buf_chr(b, '\\');
		}
		pt_buf_add(b, s, n);
	}
	pt_buf_str(b, "'\n");
	r->clean_line++;
}

int conf_parse_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s[0] != '0' || s[1] != 'x')
		return pt_parse_uint(s, max, out);
	if (!s[2] || strlen(s) > 18)
		return -EINVAL;
	for (s += 2; *s; s++) {
		const char *digit = strchr("0123456789abcdef", *s | 32);

		if (!digit || !*digit)
			return -EINVAL;
		n = n << 4 | (uint64_t)(digit - "0123456789abcdef");
		if (n > max)
			return -ERANGE;
	}
	*out = n;
	return 0;
}

/* A number within its range, or one of a few words. */
static bool check_choice(struct conf_reader *r, const struct pt_schema *opt, const struct pt_loc *loc)
{
	const char *s = r->value.s, *near;
	char hint[64];
	uint64_t n;

	if (opt->type == PT_OPT_NUMBER) {
		if (!conf_parse_number(s, opt->max, &n) && n >= opt->min)
			return true;
		conf_reader_error(r, loc, NULL, "%s is a number: %s", opt->name, opt->range);
		return false;
	}
	for (n = 0; opt->words[n]; n++)
		if (!strcmp(opt->words[n], s))
			return true;
	near = pt_nearest(s, opt->words, n);
	if (near)
		(void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near);
	conf_reader_error(r, loc, near ? hint : NULL, "%s is %s", opt->name, opt->range);
	return false;
}

static bool check_typed(struct conf_reader *r, const struct pt_schema *opt,
			const struct pt_loc *loc)
{
	const char *s = r->value.s;
	uint32_t seconds;

	if (opt->type == PT_OPT_NUMBER || opt->type == PT_OPT_WORD)
		return check_choice(r, opt, loc);
	if (opt->type == PT_OPT_BOOL && conf_parse_bool(s) < 0) {
		conf_reader_error(r, loc, "write true or false", "%s is neither true nor false",
				  opt->name);
		return false;
	}
	if (opt->type == PT_OPT_DURATION && pt_parse_duration(s, &seconds)) {
		conf_reader_error(r, loc, "write seconds or a time such as 90s, 5m, 1h30m, 2d",
				  "%s is not a length of time", opt->name);
		return false;
	}
	if (opt->type == PT_OPT_DURATION && opt->max && (seconds < opt->min || seconds > opt->max)) {
		conf_reader_error(r, loc, NULL, "%s is %s", opt->name, opt->range);
		return false;
	}
	if (!opt->check || !opt->check(s, loc, r->e))
		return true;
	r->errors++;
	r->stop = r->stop || r->e->list.n >= PT_ERR_MAX;
	return false;
}

int pt_conf_value_check(const struct pt_schema *opt, const char *value, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_err own = { 0 };
	struct conf_reader r = { .e = e ? e : &own };
	bool ok = false;

	pt_buf_add(&r.value, "", 0);
	pt_buf_str(&r.value, value);
	if (r.value.err)
		conf_reader_nomem(&r);
	else
		ok = check_typed(&r, opt, loc);
	pt_buf_fini(&r.value);
	pt_err_fini(&own);
	return r.nomem ? -ENOMEM : ok ? 0 : -EINVAL;
}

void conf_value_read(struct conf_reader *r, const struct pt_schema *opt,
		     const struct pt_src_tok *tok)
{
	struct pt_loc loc = conf_value_loc(r, tok);
	struct conf_span span = conf_span(r->text, tok);
	struct conf_leaf leaf = {
		.opt = opt,
		.section = r->section,
		.off = (uint32_t)span.from,
		.len = (uint32_t)(span.to - span.from),
		.line = tok->line,
		.col = tok->col + (span.quote ? 1 : 0),
		.clean_line = r->clean_line,
	};

	if (r->stop || !conf_value_decode(r, tok) || !check_typed(r, opt, &loc) || r->mute)
		return;
	if (r->tree->leaves.n >= CONF_MAX_VALUES) {
		conf_reader_error(r, &loc, "put long lists of addresses into files of tables",
				  "more than %d values", CONF_MAX_VALUES);
		r->stop = true;
		return;
	}
	conf_clean_string(r, r->value.s);
	if (pt_vec_push(NULL, &r->tree->leaves, leaf))
		conf_reader_nomem(r);
}
