/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packet as one flat object of JSON (RFC 8259). There may be millions, and they come from outside: one pass over the line,
 * no memory but a short buffer for each text, and nothing that is not said twice, unknown, nested or beyond the end.
 */
#include <errno.h>
#include <string.h>

#include "plan/question.h"

#define TEXT_MAX 64 /* with its end: the longest is a tag, or an address */

struct json {
	const char *p, *end;
	const char *why;
};

static int refuse(struct json *j, const char *why)
{
	j->why = why;
	return -EINVAL;
}

static void blanks(struct json *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\r' || *j->p == '\n'))
		j->p++;
}

static bool take(struct json *j, char c)
{
	blanks(j);
	if (j->p >= j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

/* Names and values of packets are plain: of the escapes only those that stand for printable ASCII are taken. */
static int escape(struct json *j, char *out)
{
	unsigned int code = 0;
	char c = j->p < j->end ? *j->p++ : '\0';

	if (c == '"' || c == '\\' || c == '/') {
		*out = c;
		return 0;
	}
	if (c != 'u' || j->end - j->p < 4)
		return refuse(j, "this is no escape that a packet may have");
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, *j->p | 0x20);

		if (*j->p < '0' || !at)
			return refuse(j, "this is no escape that a packet may have");
		code = code << 4 | (unsigned int)(at - digits);
		j->p++;
	}
	if (code < ' ' || code > '~')
		return refuse(j, "this is no escape that a packet may have");
	*out = (char)code;
	return 0;
}

static int text(struct json *j, char out[TEXT_MAX])
{
	size_t n = 0;

	if (!take(j, '"'))
		return refuse(j, "a text is expected here");
	for (;;) {
		char c = j->p < j->end ? *j->p : '\0';

		if (j->p >= j->end)
			return refuse(j, "the text does not end");
		if (c < ' ' || c > '~')
			return refuse(j, "texts of packets are printable ASCII");
		if (n + 1 >= TEXT_MAX && c != '"')
			return refuse(j, "the text is too long");
		j->p++;
		if (c == '"')
			break;
		if (c == '\\' && escape(j, &c))
			return -EINVAL;
		out[n++] = c;
	}
	out[n] = '\0';
	return 0;
}

static int number(struct json *j, char out[TEXT_MAX])
{
	size_t n = 0;

	while (j->p < j->end && n + 1 < TEXT_MAX && *j->p >= '0' && *j->p <= '9')
		out[n++] = *j->p++;
	out[n] = '\0';
	if (!n)
		return refuse(j, "a text or a number is expected here");
	if (j->p < j->end && strchr(".eE+-0123456789", *j->p))
		return refuse(j, "numbers of packets are whole, and not negative");
	return 0;
}

static int value(struct json *j, char out[TEXT_MAX])
{
	blanks(j);
	return j->p < j->end && *j->p == '"' ? text(j, out) : number(j, out);
}

static int field_of(const char *name)
{
	for (int f = 0; f < ASKED_FIELDS; f++)
		if (!strcmp(asked_setters[f].name, name))
			return f;
	return -1;
}

static int member(struct json *j, struct asked *a)
{
	char name[TEXT_MAX], is[TEXT_MAX];
	const char *from, *what;
	int f;

	blanks(j);
	from = j->p;
	if (text(j, name))
		return -EINVAL;
	f = field_of(name);
	if (f < 0) {
		j->p = from;
		return refuse(j, "a packet has no such part");
	}
	if (!take(j, ':'))
		return refuse(j, "a colon is expected here");
	blanks(j);
	from = j->p;
	if (value(j, is))
		return -EINVAL;
	what = asked_set(a, (enum asked_field)f, is);
	if (!what)
		return 0;
	j->p = from;
	return refuse(j, what);
}

static int object(struct json *j, struct asked *a)
{
	enum asked_field field;
	const char *what;
	int rc = 0;

	if (!take(j, '{'))
		return refuse(j, "an object is expected here");
	if (take(j, '}'))
		return refuse(j, "the packet is empty");
	do
		rc = member(j, a);
	while (!rc && take(j, ','));
	if (rc)
		return rc;
	if (!take(j, '}'))
		return refuse(j, "a comma or the end of the object is expected here");
	blanks(j);
	if (j->p < j->end)
		return refuse(j, "one packet is a line: there is something behind it");
	what = asked_end(a, &field);
	return what ? refuse(j, what) : 0;
}

int pt_question_json(const struct pt_world *w, const char *line, size_t len, uint64_t now, struct pt_question *q,
		     size_t *column, const char **why)
{
	struct json j = { .p = line, .end = line + len };
	struct asked a;
	int rc;

	asked_begin(&a, w, now, q);
	rc = object(&j, &a);
	*column = (size_t)(j.p - line) + 1;
	*why = j.why;
	return rc;
}
