/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rates and short times as people write them: "10Mbit", "1.5Gbit", "20ms". Networks are sold in bits and decimal units; the kernel
 * counts bytes. A number without its unit is refused: nobody knows whether bits or bytes were meant.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <patronus/base.h>

#define BITS_MAX 8000000000000000ull /* what is above is a mistake, and would overflow below */

struct unit {
	const char *name;
	uint64_t factor;
};

/* NUMBER[.FRACTION]UNIT as NUMBER times the unit's factor. */
static int parse_scaled(const char *s, const struct unit *units, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t whole = 0, fraction = 0, scale = 1;
	const char *p = s;

	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (uint64_t)(*p - '0');
		if (whole > max)
			return -ERANGE;
	}
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return -EINVAL;
		for (p++; *p >= '0' && *p <= '9'; p++) {
			if (scale >= 1000000)
				return -EINVAL;
			fraction = fraction * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(units[i].name, p) != 0)
			continue;
		if (whole > max / units[i].factor)
			return -ERANGE;
		*out = whole * units[i].factor + fraction * units[i].factor / scale;
		return *out > max ? -ERANGE : 0;
	}
	return -EINVAL;
}

int pt_parse_rate(const char *s, uint64_t *out)
{
	static const struct unit units[] = { { "bit", 1 }, { "kbit", 1000 }, { "Mbit", 1000000 }, { "Gbit", 1000000000 },
					     { "Tbit", 1000000000000ull } };
	uint64_t bits;
	int rc = parse_scaled(s, units, PT_ARRAY_SIZE(units), BITS_MAX, &bits);

	if (rc)
		return rc;
	*out = bits / 8;
	return *out ? 0 : -ERANGE;
}

void pt_fmt_rate(struct pt_buf *b, uint64_t bytes)
{
	static const struct unit units[] = { { "Gbit", 1000000000 }, { "Mbit", 1000000 }, { "kbit", 1000 } };
	uint64_t bits = bytes > BITS_MAX / 8 ? BITS_MAX : bytes * 8;

	for (size_t i = 0; i < PT_ARRAY_SIZE(units); i++) {
		uint64_t thousandths = bits / (units[i].factor / 1000);
		unsigned int rest = (unsigned int)(thousandths % 1000);

		if (bits < units[i].factor)
			continue;
		pt_buf_uint(b, thousandths / 1000);
		if (rest)
			pt_buf_fmt(b, rest % 10 ? ".%03u" : rest % 100 ? ".%02u" : ".%u",
				   rest % 10 ? rest : rest % 100 ? rest / 10 : rest / 100);
		pt_buf_str(b, units[i].name);
		return;
	}
	pt_buf_uint(b, bits);
	pt_buf_str(b, "bit");
}

int pt_parse_microseconds(const char *s, uint32_t *out)
{
	static const struct unit units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
	uint64_t us;
	int rc = parse_scaled(s, units, PT_ARRAY_SIZE(units), UINT32_MAX, &us);

	if (rc)
		return rc;
	*out = (uint32_t)us;
	return us ? 0 : -ERANGE;
}
