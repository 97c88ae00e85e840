/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines "FROM,TO,CC", perhaps in quotes: ends are IPv4 addresses as numbers, or addresses of either family. What follows
 * the code is passed over, as are comments and countries that nobody asked for.
 */
#include <errno.h>
#include <string.h>

#include "geoip/internal.h"

#define FIELD_MAX 63

struct line {
	const char *p, *end;
};

/* The next field, without quotes. */
static bool field(struct line *l, char out[FIELD_MAX + 1])
{
	const char *comma = memchr(l->p, ',', (size_t)(l->end - l->p)), *end = comma ? comma : l->end;
	size_t n = (size_t)(end - l->p);
	const char *s = l->p;

	if (l->p >= l->end)
		return false;
	l->p = comma ? comma + 1 : l->end;
	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	if (n > FIELD_MAX)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

static bool address(const char *s, struct pt_addr *out)
{
	uint64_t number;

	if (!pt_parse_uint(s, UINT32_MAX, &number)) {
		*out = (struct pt_addr){ PT_AF_INET, number };
		return true;
	}
	return !pt_addr_parse(s, out);
}

static int read_line(struct geoip_reader *r, struct line l)
{
	char from[FIELD_MAX + 1], to[FIELD_MAX + 1], code[FIELD_MAX + 1];
	struct pt_geoip_list *list;
	struct pt_addr lo, hi;

	while (l.end > l.p && (l.end[-1] == '\r' || l.end[-1] == ' '))
		l.end--;
	if (l.p == l.end || *l.p == '#')
		return 0;
	if (!field(&l, from) || !field(&l, to) || !field(&l, code) || !address(from, &lo) || !address(to, &hi) ||
	    lo.af != hi.af || lo.v > hi.v || strlen(code) != 2)
		return -EINVAL;
	r->seen[lo.af == PT_AF_INET6] = true;
	list = geoip_list(r, code);
	return list ? pt_iset_add(r->arena, &list->set[lo.af == PT_AF_INET6], lo.v, hi.v) : 0;
}

int geoip_csv(struct geoip_reader *r, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *eol;
	size_t line = 1;
	int rc = 0;

	for (; !rc && p < end; p = eol + 1, line++) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		rc = read_line(r, (struct line){ p, eol });
	}
	if (rc == -EINVAL)
		pt_err_add(r->e, PT_ERROR, NULL, "lines are FROM,TO,CC, as in Debian's tor-geoipdb; MMDB files are read, too",
			   "%s: line %zu is none of a list of countries", r->path, line - 1);
	return rc;
}
