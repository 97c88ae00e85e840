/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A time on the clock of the wall: "sat 22:30" of this week, "22:30" of today, "2026-11-21 22:30". */
#include <errno.h>
#include <string.h>

#include <patronus/zone.h>

#include "plan/question.h"

#define WEEK_SECONDS (7 * PT_DAY_SECONDS)

static bool number(const char **s, size_t digits, unsigned int *out)
{
	*out = 0;
	for (size_t i = 0; i < digits; i++, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (unsigned int)(**s - '0');
	}
	return true;
}

/* "22:30", "22:30:15", to the end. */
static bool clock_of(const char *s, int64_t *out)
{
	unsigned int hour, minute, second = 0;

	if (!number(&s, 2, &hour) || *s++ != ':' || !number(&s, 2, &minute))
		return false;
	if (*s == ':') {
		s++;
		if (!number(&s, 2, &second))
			return false;
	}
	*out = hour * 3600 + minute * 60 + second;
	return !*s && hour < 24 && minute < 60 && second < 60;
}

/* "2026-11-21" and what is between it and the time. */
static bool date_of(const char **s, int64_t *day)
{
	unsigned int year, month, date, month_back, date_back;
	int64_t year_back;

	if (!number(s, 4, &year) || *(*s)++ != '-' || !number(s, 2, &month) || *(*s)++ != '-' || !number(s, 2, &date))
		return false;
	if (**s != 'T' && **s != ' ')
		return false;
	++*s;
	if (!month || month > 12 || !date)
		return false;
	*day = pt_day_of(year, month, date);
	pt_day_date(*day, &year_back, &month_back, &date_back);
	return year >= 1970 && month_back == month && date_back == date;
}

static bool weekday_of(const char **s, unsigned int *out)
{
	static const char names[] = "montuewedthufrisatsun";

	for (*out = 0; *out < 7; ++*out)
		if (!strncmp(*s, names + 3 * *out, 3) && (*s)[3] == ' ') {
			*s += 4;
			return true;
		}
	return false;
}

static int32_t offset_at(const pt_zone_spans *spans, int64_t t)
{
	for (size_t i = 0; i < spans->n; i++)
		if (spans->v[i].from <= t && t < spans->v[i].to)
			return spans->v[i].offset;
	return 0;
}

/* LOCAL as a time of the world; the first of two that the clock shows, and none where it leaves it out. */
static bool world_time(const pt_zone_spans *spans, int64_t local, uint64_t *out)
{
	for (size_t i = 0; i < spans->n; i++) {
		int64_t t = local - spans->v[i].offset;

		if (spans->v[i].from > t || t >= spans->v[i].to || t < 0)
			continue;
		*out = (uint64_t)t;
		return true;
	}
	return false;
}

/* TEXT on the local calendar; TODAY is a day of it. */
static bool local_time(const char *text, int64_t today, int64_t *local)
{
	int64_t day = today, clock;
	unsigned int weekday;

	if (weekday_of(&text, &weekday))
		day += (int64_t)weekday - (today % 7 + 10) % 7; /* the epoch was a Thursday */
	else if (strchr(text, '-') && !date_of(&text, &day))
		return false;
	if (!clock_of(text, &clock))
		return false;
	*local = day * PT_DAY_SECONDS + clock;
	return true;
}

static const char *in_zone(const char *zone, struct pt_arena *a, uint64_t now, const char *text, uint64_t *out)
{
	pt_zone_spans spans = { 0 };
	int64_t at = (int64_t)now, local;

	if (pt_zone_load(zone, at - WEEK_SECONDS, at + WEEK_SECONDS, a, &spans, NULL))
		return "the time zone cannot be read";
	if (!local_time(text, (at + offset_at(&spans, at)) / PT_DAY_SECONDS, &local))
		return "it is no time, such as \"sat 22:30\", 22:30 or \"2026-11-21 22:30\"";
	spans.n = 0;
	if (pt_zone_load(zone, local - WEEK_SECONDS, local + WEEK_SECONDS, a, &spans, NULL))
		return "the time zone cannot be read";
	return world_time(&spans, local, out) ? NULL : "clocks are put forward then: there is no such time";
}

/* For programs. */
static bool seconds_of(const char *text, uint64_t *out)
{
	return !pt_parse_uint(text, (uint64_t)INT64_MAX / 2, out);
}

const char *question_time(const char *zone, uint64_t now, const char *text, uint64_t *out)
{
	struct pt_arena *a;
	const char *wrong;

	if (seconds_of(text, out))
		return NULL;
	a = pt_arena_new();
	wrong = a ? in_zone(zone, a, now, text, out) : "there is no memory left";

	pt_arena_free(a);
	return wrong;
}
