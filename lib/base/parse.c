/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small values: the whole string or an error, never a prefix of it. */
#include <errno.h>
#include <string.h>

#include <patronus/base.h>

int pt_parse_uint(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s || (s[0] == '0' && s[1]))
		return -EINVAL; /* other programs read 010 as eight */
	for (; *s; s++) {
		unsigned int d = (unsigned int)(*s - '0');

		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (d > max || v > (max - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	*out = v;
	return 0;
}

static const struct {
	char unit;
	uint32_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

int pt_parse_duration(const char *s, uint32_t *out)
{
	uint64_t total = 0;
	size_t next = 0; /* units come in falling order, each once */

	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t n = strspn(s, "0123456789"), u = next;
		char digits[12];
		uint64_t v;

		if (!n || n >= sizeof(digits))
			return -EINVAL;
		memcpy(digits, s, n);
		digits[n] = '\0';
		if (pt_parse_uint(digits, UINT32_MAX, &v))
			return -EINVAL;
		s += n;
		if (!*s && next == 0) { /* a bare number is seconds */
			total = v;
			break;
		}
		while (u < PT_ARRAY_SIZE(units) && units[u].unit != *s)
			u++;
		if (u == PT_ARRAY_SIZE(units))
			return -EINVAL;
		total += v * units[u].seconds;
		next = u + 1;
		s++;
	}
	if (total > UINT32_MAX)
		return -ERANGE;
	if (!total)
		return -EINVAL;
	*out = (uint32_t)total;
	return 0;
}

void pt_fmt_duration(struct pt_buf *b, uint32_t seconds)
{
	if (!seconds)
		pt_buf_str(b, "0s");
	for (size_t u = 0; u < PT_ARRAY_SIZE(units); u++) {
		uint32_t n = seconds / units[u].seconds;

		if (n)
			pt_buf_fmt(b, "%u%c", n, units[u].unit);
		seconds -= n * units[u].seconds;
	}
}
