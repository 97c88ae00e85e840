/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand in a file at all: UTF-8 text, tabs, and line ends of either kind.
 *
 * A NUL would cut a value short without a word, an ESC in a description would act on the
 * terminal that shows it, and Latin-1 makes output that is not JSON. So they are refused
 * before anything else looks at the text.
 */
#include <string.h>

#include "conf/internal.h"

static bool is_cont(const char *p, const char *end, size_t i)
{
	return (size_t)(end - p) > i && ((unsigned char)p[i] & 0xc0) == 0x80;
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
size_t conf_utf8_len(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p, d;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || !is_cont(p, end, 1))
		return 0;
	if (c < 0xe0)
		return 2;
	d = (unsigned char)p[1];
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
	    (c == 0xf4 && d > 0x8f) || !is_cont(p, end, 2))
		return 0;
	if (c < 0xf0)
		return 3;
	return is_cont(p, end, 3) ? 4 : 0;
}

bool conf_is_control(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;

	if (c == 0xc2 && end - p > 1)
		return (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0;
	return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

bool conf_is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

static void report(const char *file, const char *line_start, const char *p, uint32_t line,
		   struct pt_err *e)
{
	struct pt_loc loc = { file, line, (uint32_t)(p - line_start) + 1, 1 };
	unsigned int c = (unsigned char)*p;

	if (c == 0)
		pt_err_add(e, PT_ERROR, &loc, "this is not a text file, or it was damaged",
			   "a NUL byte in the text");
	else if (c == '\r')
		pt_err_add(e, PT_ERROR, &loc, "end lines with LF or CR LF",
			   "a carriage return inside a line");
	else if (c < 0x80 || c == 0xc2)
		pt_err_add(e, PT_ERROR, &loc,
			   "remove it; in \"...\" a tab is \\t and a new line is \\n",
			   "a control character (byte 0x%02x)", c);
	else
		pt_err_add(e, PT_ERROR, &loc, "save the file as UTF-8, not as Latin-1",
			   "byte 0x%02x is not UTF-8 text", c);
}

/* The first byte from P on, before END, that may not be there; END when there is none. */
static const char *find_bad(const char *p, const char *end)
{
	size_t n;

	while (p < end) {
		if ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f) {
			p++;
			continue;
		}
		if (*p == '\r' && end - p == 1)
			return end; /* before the LF that END stands on; see below */
		n = conf_utf8_len(p, end);
		if (!n || conf_is_control(p, end))
			return p;
		p += n;
	}
	return end;
}

/* One record a line is enough: a picture given by mistake is bad all over. */
size_t conf_check_bytes(const char *file, const char *text, size_t len, struct pt_err *e)
{
	const char *p = text, *end = text + len, *eol, *bad;
	uint32_t line = 1;
	size_t n = 0;

	for (; p < end; p = eol + 1, line++) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		bad = find_bad(p, eol);
		if (bad == eol && eol == end && eol[-1] == '\r')
			bad = eol - 1; /* no LF follows */
		if (bad == eol)
			continue;
		report(file, p, bad, line, e);
		n++;
	}
	return n;
}
