/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the text of a string to its value, and from a byte of the value back to its place.
 *
 * One function knows the escapes of libconfuse 3.3, a step at a time, and all others walk with
 * it: so the caret under a rule's word cannot disagree with the word that was read.
 */
#include <string.h>

#include "conf/internal.h"

static bool is_octal(int c)
{
	return c >= '0' && c <= '7';
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int byte_at(const char *text, size_t i, size_t end)
{
	return i < end ? (unsigned char)text[i] : -1;
}

/* "\1" to "\377"; more digits, or digits 8 and 9, are no escape. */
static struct conf_step step_octal(const char *text, size_t pos, size_t end)
{
	size_t i = pos + 1, digits;
	int value = 0;

	while (byte_at(text, i, end) >= '0' && byte_at(text, i, end) <= '9')
		i++;
	digits = i - pos - 1;
	for (size_t k = pos + 1; k < i && digits <= 3; k++) {
		if (!is_octal(text[k]))
			digits = 4;
		value = value * 8 + text[k] - '0';
	}
	if (digits > 3 || value > 0xff)
		return (struct conf_step){ i, -1, CONF_ESC_BAD };
	return (struct conf_step){ i, value, CONF_ESC_CODE };
}

static struct conf_step step_hex(const char *text, size_t pos, size_t end)
{
	int hi = hex_value(byte_at(text, pos + 2, end));
	int lo = hex_value(byte_at(text, pos + 3, end));

	if (hi < 0)
		return (struct conf_step){ pos + 2, 'x', CONF_ESC_NONE };
	if (lo < 0)
		return (struct conf_step){ pos + 3, hi, CONF_ESC_CODE };
	return (struct conf_step){ pos + 4, hi * 16 + lo, CONF_ESC_CODE };
}

/* "\n" and the like; NUL-free pairs of letter and byte. */
static int letter_escape(int c)
{
	static const char pairs[] = "n\nr\rb\bf\fa\ae\033t\tv\v";

	for (size_t i = 0; pairs[i]; i += 2)
		if (pairs[i] == c)
			return pairs[i + 1];
	return -1;
}

static struct conf_step step_double(const char *text, size_t pos, size_t end)
{
	int c = byte_at(text, pos + 1, end);

	if (c >= '0' && c <= '9')
		return step_octal(text, pos, end);
	if (c == 'x')
		return step_hex(text, pos, end);
	if (letter_escape(c) >= 0)
		return (struct conf_step){ pos + 2, letter_escape(c), CONF_ESC_CODE };
	return (struct conf_step){ pos + 2, c, CONF_ESC_NONE };
}

/* A CR that belongs to a line end is not there. */
static size_t skip_cr(const char *text, size_t pos, size_t end)
{
	return byte_at(text, pos, end) == '\r' && byte_at(text, pos + 1, end) == '\n' ? pos + 1
										      : pos;
}

struct conf_step conf_decode_step(const char *text, size_t pos, size_t end, char quote)
{
	size_t after;
	int c;

	if (skip_cr(text, pos, end) != pos)
		return (struct conf_step){ pos + 1, -1, CONF_ESC_NONE };
	if (!quote || text[pos] != '\\' || pos + 1 >= end)
		return (struct conf_step){ pos + 1, (unsigned char)text[pos], CONF_ESC_NONE };
	after = skip_cr(text, pos + 1, end);
	c = byte_at(text, after, end);
	if (c == '\n')
		return (struct conf_step){ after + 1, -1, CONF_ESC_NONE };
	if (quote == '"')
		return step_double(text, pos, end);
	if (c == '\\' || c == '\'')
		return (struct conf_step){ pos + 2, c, CONF_ESC_NONE };
	return (struct conf_step){ pos + 1, '\\', CONF_ESC_NONE };
}

struct conf_span conf_span(const char *text, const struct pt_src_tok *tok)
{
	struct conf_span s = { tok->off, tok->off + tok->len, 0 };

	if (tok->kind != PT_TOK_STRING)
		return s;
	s.quote = text[tok->off];
	s.from++;
	s.to--;
	return s;
}

/* Where the string at FROM ends is not known here, and need not be: its value does not reach
 * further. */
static char quote_before(const char *text, size_t from)
{
	char c = from ? text[from - 1] : 0;

	return c == '"' || c == '\'' ? c : 0;
}

/* Without escapes and line ends a byte of the value is a byte of the text. */
static bool is_plain(const char *p, size_t n)
{
	return !memchr(p, '\\', n) && !memchr(p, '\n', n);
}

/* Goes N bytes of the value on from POS, keeping LOC's line and column. */
static size_t walk(const struct pt_conf_at *at, char quote, size_t pos, size_t n,
		   struct pt_loc *loc)
{
	while (pos < at->text_len) {
		struct conf_step s = conf_decode_step(at->text, pos, at->text_len, quote);

		if (s.byte >= 0 && n-- == 0)
			break;
		for (; pos < s.next; pos++) {
			loc->col++;
			if (at->text[pos] == '\n') {
				loc->line++;
				loc->col = 1;
			}
		}
	}
	return pos;
}

struct pt_loc pt_conf_locate(const void *arg, size_t offset, size_t len)
{
	const struct pt_conf_at *at = arg;
	struct pt_loc loc = at->str->loc, end;
	size_t from = at->str->raw;
	char quote;

	loc.len = (uint32_t)len;
	if (from > at->text_len)
		return loc;
	if (at->text_len - from >= offset + len && is_plain(at->text + from, offset + len)) {
		loc.col += (uint32_t)offset;
		return loc;
	}
	quote = quote_before(at->text, from);
	from = walk(at, quote, from, offset, &loc);
	end = loc;
	walk(at, quote, from, len, &end);
	/* A caret line cannot go round the corner. */
	loc.len = end.line == loc.line ? end.col - loc.col : (uint32_t)len;
	return loc;
}
