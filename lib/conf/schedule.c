/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a schedule: "mon-fri", "08:00-12:30", "2026-12-24/2027-01-06", "!12-25". Each is read where the schema checks it and
 * again where the model keeps it, by the same function.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <patronus/zone.h>

#include "conf/internal.h"

#define WORD_MAX 64

static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static int day_of(const char *s, size_t n)
{
	for (int i = 0; i < 7; i++)
		if (n == 3 && !strncasecmp(s, day_names[i], 3))
			return i;
	return -1;
}

int conf_days_parse(const char *s, uint8_t *mask)
{
	const char *dash = strchr(s, '-');
	int from = day_of(s, dash ? (size_t)(dash - s) : strlen(s)), to = dash ? day_of(dash + 1, strlen(dash + 1)) : from;

	if (from < 0 || to < 0)
		return -EINVAL;
	for (int i = from;; i = (i + 1) % 7) {
		*mask |= (uint8_t)(1u << i);
		if (i == to)
			return 0;
	}
}

/* ---- hours ---- */

static bool two_digits(const char **p, unsigned int max, unsigned int *out)
{
	const char *s = *p;

	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*out = (unsigned int)(s[0] - '0') * 10 + (unsigned int)(s[1] - '0');
	*p = s + 2;
	return *out <= max;
}

/* HH:MM[:SS], up to 24:00. */
static bool clock_time(const char **p, uint32_t *out)
{
	unsigned int h, m, s = 0;

	if (!two_digits(p, 24, &h) || *(*p)++ != ':' || !two_digits(p, 59, &m))
		return false;
	if (**p == ':' && ((*p)++, !two_digits(p, 59, &s)))
		return false;
	*out = h * 3600 + m * 60 + s;
	return *out <= PT_DAY_SECONDS;
}

int conf_hours_parse(const char *s, struct pt_conf_hours *out)
{
	if (!clock_time(&s, &out->from) || *s++ != '-' || !clock_time(&s, &out->to) || *s)
		return -EINVAL;
	return out->from == out->to || out->from == PT_DAY_SECONDS ? -EINVAL : 0;
}

/* ---- dates ---- */

/* MM-DD or YYYY-MM-DD. */
static bool date(const char **p, bool *yearly, int64_t *out)
{
	static const uint8_t lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int hundreds = 0, years = 0, month, day, month2, day2;
	int64_t year;

	*yearly = strlen(*p) < 5 || (*p)[4] != '-';
	if (!*yearly && (!two_digits(p, 99, &hundreds) || !two_digits(p, 99, &years) || *(*p)++ != '-'))
		return false;
	if (!two_digits(p, 12, &month) || !month || *(*p)++ != '-' || !two_digits(p, lengths[month - 1], &day) || !day)
		return false;
	if (*yearly) {
		*out = month * 32 + day;
		return true;
	}
	*out = pt_day_of(hundreds * 100 + years, month, day);
	pt_day_date(*out, &year, &month2, &day2);
	return hundreds >= 19 && month2 == month && day2 == day; /* 29 February */
}

int conf_dates_parse(const char *s, struct pt_conf_dates *out)
{
	bool yearly;

	if (strlen(s) > WORD_MAX)
		return -EINVAL;
	out->neg = *s == '!';
	s += out->neg;
	if (!date(&s, &out->yearly, &out->from))
		return -EINVAL;
	out->to = out->from;
	if (*s == '/' && (s++, !date(&s, &yearly, &out->to) || yearly != out->yearly))
		return -EINVAL;
	return *s || (!out->yearly && out->to < out->from) ? -EINVAL : 0;
}

/* ---- checks ---- */

static int refuse(const char *what, const char *s, const char *hint, const struct pt_loc *loc, struct pt_err *e)
{
	if (conf_is_printable(s) && strlen(s) <= WORD_MAX)
		pt_err_add(e, PT_ERROR, loc, hint, "\"%s\" is not %s", s, what);
	else
		pt_err_add(e, PT_ERROR, loc, hint, "this is not %s", what);
	return -EINVAL;
}

int conf_check_days(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	uint8_t mask = 0;

	return conf_days_parse(s, &mask) ? refuse("a day of the week", s, "mon to sun, or a range: mon-fri", loc, e) : 0;
}

int conf_check_hours(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_conf_hours h;

	return conf_hours_parse(s, &h) ? refuse("a time of the day", s, "write FROM-TO: 08:00-12:30, or over midnight 22:00-06:00",
						loc, e) : 0;
}

int conf_check_dates(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_conf_dates d;

	return conf_dates_parse(s, &d) ? refuse("a date", s, "2026-12-24, 12-24 for every year, FROM/TO for a range", loc, e) : 0;
}

int conf_check_schedule(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return conf_check_macro_like("schedule name", s, loc, e);
}

int conf_check_timezone(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return pt_zone_name_ok(s) ? 0 : refuse("the name of a time zone", s, "as in Europe/Berlin", loc, e);
}
