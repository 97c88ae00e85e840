/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of "key = value" with a checksum: readable by people, and not by halves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/record.h>

#define RECORD_MAX ((size_t)1 << 20)
#define CHECK "check = "

void pt_record_add(struct pt_buf *b, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	pt_buf_fmt(b, "%s = ", key);
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '%')
			pt_buf_fmt(b, "%%%02X", (unsigned char)*p);
		else
			pt_buf_chr(b, *p);
	}
	pt_buf_chr(b, '\n');
}

void pt_record_u64(struct pt_buf *b, const char *key, uint64_t value)
{
	pt_buf_fmt(b, "%s = %llu\n", key, (unsigned long long)value);
}

int pt_record_write(const char *path, struct pt_buf *b, struct pt_err *e)
{
	char check[65];
	int rc;

	pt_digest(b->s ? b->s : "", b->n, check);
	pt_buf_fmt(b, CHECK "%s\n", check);
	rc = b->err ? pt_err_sys(e, b->err, "writing %s", path) : pt_file_write(path, b->s, b->n, 0600, e);
	pt_buf_fini(b);
	return rc;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place: it only becomes shorter. */
static void decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		int high = *s == '%' ? hex_digit(s[1]) : -1, low = high >= 0 ? hex_digit(s[2]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* TEXT without the line of the checksum, cut there; false: it does not hold. */
static bool holds(char *text, size_t len)
{
	char found[65], *check;

	if (len < sizeof(CHECK) + 64 || strlen(text) != len)
		return false;
	check = text + len - (sizeof(CHECK) - 1 + 64 + 1);
	if (check < text || (check > text && check[-1] != '\n') || strncmp(check, CHECK, sizeof(CHECK) - 1) != 0 ||
	    text[len - 1] != '\n')
		return false;
	pt_digest(text, (size_t)(check - text), found);
	if (strncmp(check + sizeof(CHECK) - 1, found, 64) != 0)
		return false;
	*check = '\0';
	return true;
}

static int take_lines(struct pt_record *r, char *rest, const char *kind)
{
	char *line = strsep(&rest, "\n");

	if (!line || strcmp(line, kind) != 0)
		return -EBADMSG;
	while ((line = strsep(&rest, "\n")) && *line) {
		char *sep = strstr(line, " = ");
		struct pt_record_line l;

		if (!sep)
			return -EBADMSG;
		*sep = '\0';
		decode(sep + 3);
		l = (struct pt_record_line){ line, sep + 3 };
		if (pt_vec_push(r->arena, &r->lines, l))
			return -ENOMEM;
	}
	return 0;
}

int pt_record_read(const char *path, const char *kind, struct pt_record *out, struct pt_err *e)
{
	char *text = NULL, *copy;
	size_t len;
	int rc;

	memset(out, 0, sizeof(*out));
	if (access(path, F_OK) && errno == ENOENT)
		return -ENOENT;
	rc = pt_file_read(path, RECORD_MAX, &text, &len, e);
	if (rc)
		return rc;
	out->arena = pt_arena_new();
	copy = out->arena ? pt_arena_strndup(out->arena, text, len) : NULL;
	if (!copy)
		rc = pt_err_sys(e, -ENOMEM, "reading %s", path);
	else if (!holds(copy, len))
		rc = -EBADMSG;
	else
		rc = take_lines(out, copy, kind);
	free(text);
	if (rc == -EBADMSG)
		pt_err_add(e, PT_ERROR, NULL, NULL, "reading %s: it is damaged (its checksum is another)", path);
	if (rc)
		pt_record_fini(out);
	return rc;
}

void pt_record_fini(struct pt_record *r)
{
	pt_arena_free(r->arena);
	memset(r, 0, sizeof(*r));
}

const char *pt_record_get(const struct pt_record *r, const char *key)
{
	for (size_t i = 0; i < r->lines.n; i++)
		if (!strcmp(r->lines.v[i].key, key))
			return r->lines.v[i].value;
	return "";
}

uint64_t pt_record_number(const struct pt_record *r, const char *key)
{
	uint64_t n = 0;

	return pt_parse_uint(pt_record_get(r, key), UINT64_MAX, &n) ? 0 : n;
}
