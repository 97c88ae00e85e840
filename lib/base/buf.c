/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing strings that remember their first failure, so that writers check once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/base.h>

void pt_buf_fini(struct pt_buf *b)
{
	free(b->s);
	memset(b, 0, sizeof(*b));
}

static bool reserve(struct pt_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *s;

	if (b->err)
		return false;
	if (n > SIZE_MAX / 4 - b->n) {
		b->err = -ENOMEM;
		return false;
	}
	if (b->n + n + 1 <= b->cap)
		return true;
	while (cap < b->n + n + 1)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s) {
		b->err = -ENOMEM;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void pt_buf_room(struct pt_buf *b, size_t n)
{
	char *s;

	if (b->err || n <= b->cap)
		return;
	s = realloc(b->s, n);
	if (!s) {
		b->err = -ENOMEM;
		return;
	}
	b->s = s;
	b->cap = n;
}

void pt_buf_add(struct pt_buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->s + b->n, p, n);
	b->n += n;
	b->s[b->n] = '\0';
}

void pt_buf_str(struct pt_buf *b, const char *s)
{
	pt_buf_add(b, s, strlen(s));
}

void pt_buf_chr(struct pt_buf *b, char c)
{
	if (b->err || b->cap - b->n < 2) {
		pt_buf_add(b, &c, 1);
		return;
	}
	b->s[b->n++] = c;
	b->s[b->n] = '\0';
}

void pt_buf_uint(struct pt_buf *b, uint64_t v)
{
	char digits[PT_UINT_MAX_TEXT];

	pt_buf_add(b, digits, (size_t)(pt_put_uint(digits, v) - digits));
}

char *pt_put_str(char *p, const char *s)
{
	size_t n = strlen(s);

	memcpy(p, s, n);
	return p + n;
}

/* As long as V, so that the digits are written from the last one on. */
static size_t digits_of(uint64_t v)
{
	size_t n = 1;

	for (; v >= 10000; v /= 10000)
		n += 4;
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

char *pt_put_uint(char *p, uint64_t v)
{
	char *end = p + digits_of(v), *at = end;

	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	return end;
}

/* Most text fits into the room that is there, and is written once. */
void pt_buf_vfmt(struct pt_buf *b, const char *fmt, va_list ap)
{
	size_t room = b->err ? 0 : b->cap - b->n;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room ? b->s + b->n : NULL, room, fmt, again);
	va_end(again);
	if (n < 0) {
		if (!b->err)
			b->err = -EINVAL;
		return;
	}
	if ((size_t)n >= room) {
		if (room)
			b->s[b->n] = '\0'; /* in case that no more room is given */
		if (!reserve(b, (size_t)n))
			return;
		vsnprintf(b->s + b->n, (size_t)n + 1, fmt, ap);
	}
	b->n += (size_t)n;
}

void pt_buf_fmt(struct pt_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(b, fmt, ap);
	va_end(ap);
}
