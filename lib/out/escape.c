/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text from outside (names from the network, files, logs) must not reach a terminal or a JSON reader as
 * anything but text: no control sequences, no invisible characters that reorder or hide, no broken UTF-8.
 */
#include <string.h>

#include <patronus/out.h>

/* Decodes one UTF-8 character of at most N bytes; its length, or 0 for what is not UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;

	if (!len || len > n || s[0] > 0xf4)
		return 0;
	*cp = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

/* Characters without a shape of their own that change how others are shown: C1 controls, soft hyphen,
 * zero-width and bidirectional marks, line separators, tags, variation selectors (Unicode Cf, Zl, Zp). */
static bool invisible(uint32_t cp)
{
	static const struct {
		uint32_t lo, hi;
	} ranges[] = {
		{ 0x80, 0x9f },	      { 0xad, 0xad },	    { 0x34f, 0x34f },
		{ 0x600, 0x605 },     { 0x61c, 0x61c },	    { 0x6dd, 0x6dd },
		{ 0x70f, 0x70f },     { 0x890, 0x891 },	    { 0x8e2, 0x8e2 },
		{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
		{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x110bd, 0x110bd },
		{ 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(ranges); i++)
		if (cp >= ranges[i].lo && cp <= ranges[i].hi)
			return true;
	return false;
}

/* How many bytes of the beginning stand for themselves in JSON. */
static inline size_t plain_json(const unsigned char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

/* Nearly all text is printable ASCII and goes out in pieces: appends so much of the beginning; its length. */
static inline size_t add_plain(struct pt_buf *b, const unsigned char *s, size_t n, bool json)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && !(json && (s[i] == '"' || s[i] == '\\')))
		i++;
	if (i)
		pt_buf_add(b, s, i);
	return i;
}

/* Appends the first character, or byte of what is none; its length. */
static size_t add_one(struct pt_buf *b, const unsigned char *s, size_t n)
{
	uint32_t cp = 0;
	size_t len = decode(s, n, &cp);

	if (!len || cp < 0x20 || cp == 0x7f) {
		pt_buf_fmt(b, "\\x%02x", s[0]);
		return 1;
	}
	if (invisible(cp))
		pt_buf_fmt(b, "\\u{%04x}", cp);
	else
		pt_buf_add(b, s, len);
	return len;
}

void pt_escape(struct pt_buf *b, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;
	size_t plain;

	while (p < end) {
		plain = add_plain(b, p, (size_t)(end - p), false);
		p += plain ? plain : add_one(b, p, (size_t)(end - p));
	}
}

void pt_escape_line(struct pt_buf *b, const char *s, size_t n)
{
	const char *end = s + n, *tab;

	while ((tab = memchr(s, '\t', (size_t)(end - s)))) {
		pt_escape(b, s, (size_t)(tab - s));
		pt_buf_chr(b, '\t');
		s = tab + 1;
	}
	pt_escape(b, s, (size_t)(end - s));
}

/* Invalid bytes become the text \xNN, so that nothing is lost and the document stays valid. */
static size_t add_one_json(struct pt_buf *b, const unsigned char *s, size_t n)
{
	uint32_t cp = 0;
	size_t len = decode(s, n, &cp);

	if (!len) {
		pt_buf_fmt(b, "\\\\x%02x", s[0]);
		return 1;
	}
	if (cp == '"' || cp == '\\') {
		pt_buf_chr(b, '\\');
		pt_buf_chr(b, (char)cp);
	} else if (cp > 0xffff && invisible(cp)) {
		pt_buf_fmt(b, "\\u%04x\\u%04x", 0xd7c0 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
	} else if (cp < 0x20 || cp == 0x7f || invisible(cp)) {
		pt_buf_fmt(b, "\\u%04x", cp);
	} else {
		pt_buf_add(b, s, len);
	}
	return len;
}

void pt_escape_json(struct pt_buf *b, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;
	char quoted[64];
	size_t plain;

	/* Most strings are short and plain, and go out at once. */
	if (n <= sizeof(quoted) - 2 && plain_json(p, n) == n) {
		quoted[0] = '"';
		memcpy(quoted + 1, s, n);
		quoted[n + 1] = '"';
		pt_buf_add(b, quoted, n + 2);
		return;
	}
	pt_buf_chr(b, '"');
	while (p < end) {
		plain = add_plain(b, p, (size_t)(end - p), true);
		p += plain ? plain : add_one_json(b, p, (size_t)(end - p));
	}
	pt_buf_chr(b, '"');
}
