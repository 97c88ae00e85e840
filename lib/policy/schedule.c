/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schedules as times of the world.
 *
 * A schedule holds when the clock on the wall shows a time in one of its windows. Between two changes of the clock that is
 * plain arithmetic: local times less the offset. So each window is first laid on the local calendar, and that is
 * cut by the spans between changes. What follows from it: of a window that begins in the hour that is left out in
 * spring the rest is left, and an hour that comes twice in autumn is in it twice.
 */
#include <errno.h>
#include <string.h>

#include <patronus/zone.h>

#include "policy/internal.h"

#define YEARS 4 /* the one that is, and three more: a set that seldom changes */

static bool date_holds(const struct pt_conf_dates *d, int64_t number)
{
	int64_t year, at = number;
	unsigned int month, day;

	if (d->yearly) {
		pt_day_date(number, &year, &month, &day);
		at = month * 32 + day;
	}
	if (d->from <= d->to)
		return d->from <= at && at <= d->to;
	return at >= d->from || at <= d->to; /* over the turn of the year */
}

/* In one of those without a '!', if there are any, and in none of those with. */
static bool dates_hold(const struct pt_conf_schedule *s, int64_t number)
{
	bool some = false, in = false;

	for (size_t i = 0; i < s->dates.n; i++) {
		bool holds = date_holds(&s->dates.v[i], number);

		if (s->dates.v[i].neg && holds)
			return false;
		some = some || !s->dates.v[i].neg;
		in = in || (!s->dates.v[i].neg && holds);
	}
	return in || !some;
}

static bool day_holds(const struct pt_conf_schedule *s, int64_t number)
{
	unsigned int weekday = (unsigned int)((number % 7 + 10) % 7); /* from Monday on; the epoch was a Thursday */

	return (!s->days || s->days >> weekday & 1) && dates_hold(s, number);
}

/* The windows that begin on a day; a window over midnight belongs to the day it begins on. */
static int add_day(const struct pt_conf_schedule *s, int64_t number, struct pt_arena *a, struct pt_iset *local)
{
	static const struct pt_conf_hours whole = { 0, PT_DAY_SECONDS };
	const struct pt_conf_hours *h = s->hours.n ? s->hours.v : &whole;
	size_t n = s->hours.n ? s->hours.n : 1;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		int64_t from = number * PT_DAY_SECONDS + h[i].from, to = number * PT_DAY_SECONDS + h[i].to;

		if (to <= from)
			to += PT_DAY_SECONDS;
		if (from >= 0)
			rc = pt_iset_add(a, local, (pt_u128)from, (pt_u128)to - 1);
	}
	return rc;
}

static int cut(const struct pt_iset *local, const struct pt_zone_span *span, struct pt_arena *a, struct pt_iset *out)
{
	int64_t from = span->from + span->offset, to = span->to + span->offset;
	int rc = 0;

	for (size_t i = 0; !rc && i < local->n; i++) {
		int64_t lo = (int64_t)local->v[i].lo, hi = (int64_t)local->v[i].hi;

		lo = lo > from ? lo : from;
		hi = hi < to ? hi : to - 1;
		if (lo <= hi)
			rc = pt_iset_add(a, out, (pt_u128)(lo - span->offset), (pt_u128)(hi - span->offset));
	}
	return rc;
}

int pt_schedule_times(const struct pt_conf_schedule *s, const pt_zone_spans *spans, struct pt_arena *a, struct pt_iset *out)
{
	struct pt_iset local = { 0 };
	int64_t first, last;
	int rc = 0;

	*out = (struct pt_iset){ 0 };
	if (!spans->n)
		return 0;
	first = spans->v[0].from / PT_DAY_SECONDS - 2;
	last = spans->v[spans->n - 1].to / PT_DAY_SECONDS + 2;
	for (int64_t number = first; !rc && number <= last; number++)
		if (day_holds(s, number))
			rc = add_day(s, number, a, &local);
	pt_iset_norm(&local);
	for (size_t i = 0; !rc && i < spans->n; i++)
		rc = cut(&local, &spans->v[i], a, out);
	pt_iset_norm(out);
	return rc;
}

/* ---- of the policy ---- */

static void years(uint64_t now, int64_t *from, int64_t *to)
{
	unsigned int month, day;
	int64_t year;

	pt_day_date((int64_t)(now / PT_DAY_SECONDS), &year, &month, &day);
	*from = pt_day_of(year, 1, 1) * PT_DAY_SECONDS;
	*to = pt_day_of(year + YEARS, 1, 1) * PT_DAY_SECONDS;
}

uint64_t pt_policy_schedules_due(const struct pt_policy *p, uint64_t now)
{
	unsigned int month, day;
	int64_t year;

	for (size_t i = 0; i < p->schedules.n; i++)
		if (p->schedules.v[i].used) {
			pt_day_date((int64_t)(now / PT_DAY_SECONDS), &year, &month, &day);
			return (uint64_t)(pt_day_of(year + 1, 1, 1) * PT_DAY_SECONDS);
		}
	return UINT64_MAX;
}

int policy_fill_schedules(struct pt_policy *p, uint64_t now, struct pt_err *e)
{
	size_t first = e ? e->list.n : 0;
	pt_zone_spans spans = { 0 };
	int64_t from, to;
	int rc = 0;

	if (pt_policy_schedules_due(p, now) == UINT64_MAX)
		return 0;
	years(now, &from, &to);
	rc = pt_zone_load(p->conf->timezone, from, to, p->arena, &spans, e);
	for (size_t i = first; e && p->conf->timezone && i < e->list.n; i++) {
		e->list.v[i].loc = p->conf->timezone_loc;
		pt_conf_show_source(p->conf, &p->conf->timezone_loc, e);
	}
	for (size_t i = 0; !rc && i < p->schedules.n; i++)
		if (p->schedules.v[i].used)
			rc = pt_schedule_times(p->schedules.v[i].conf, &spans, p->arena, &p->schedules.v[i].times);
	return rc;
}

int policy_schedules(struct policy_builder *b)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->schedules.n; i++) {
		struct pt_pol_schedule s = { .conf = &b->conf->schedules.v[i] };

		rc = pt_vec_push(b->arena, &b->p->schedules, s);
	}
	return rc;
}

static int unknown(struct policy_builder *b, const char *name, const struct pt_loc *loc)
{
	PT_VEC(const char *) known = { 0 };
	struct pt_buf hint = { 0 };
	const char *near;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->schedules.n; i++)
		rc = pt_vec_push(b->scratch, &known, b->conf->schedules.v[i].name);
	near = pt_nearest(name, known.v, known.n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else
		pt_buf_fmt(&hint, "declare it: schedule %s { days = { \"mon-fri\" } hours = { \"08:00-18:00\" } }", name);
	policy_fail(b, loc, hint.s, "unknown schedule '%s'", name);
	pt_buf_fini(&hint);
	return rc ? rc : -EINVAL;
}

int policy_schedule(struct policy_builder *b, const char *name, const struct pt_loc *loc, uint32_t *out)
{
	for (size_t i = 0; i < b->p->schedules.n; i++)
		if (!strcmp(b->p->schedules.v[i].conf->name, name)) {
			b->p->schedules.v[i].used = true;
			*out = (uint32_t)i + 1;
			return 0;
		}
	return unknown(b, name, loc);
}
