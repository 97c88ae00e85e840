/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times in words: sets of them are those of schedules, one of them is a time on the clock that schedules mean. */
#include <errno.h>

#include <patronus/zone.h>

#include "space/internal.h"

static bool is_complement(const struct pt_iset *x, const struct pt_iset *of, pt_u128 max)
{
	struct pt_iset rest = { 0 };
	bool is = !pt_iset_complement(NULL, &rest, of, max) && pt_iset_equal(x, &rest);

	pt_iset_fini(&rest);
	return is;
}

void space_print_times(const struct pt_space *s, const struct pt_iset *times, struct pt_buf *out)
{
	pt_u128 max = pt_space_max(s, PT_DIM_TIME, PT_AF_INET);

	for (size_t i = 0; i < s->policy->schedules.n; i++) {
		const struct pt_pol_schedule *x = &s->policy->schedules.v[i];
		bool same = x->used && pt_iset_equal(times, &x->times);

		if (!same && !(x->used && is_complement(times, &x->times, max)))
			continue;
		pt_buf_fmt(out, same ? "schedule %s" : "! schedule %s", x->conf->name);
		return;
	}
	pt_buf_str(out, "at");
	space_print_time(s, (uint64_t)times->v[0].lo, out);
	pt_buf_str(out, times->n > 1 || times->v[0].lo < times->v[0].hi ? " and at other times" : "");
}

void space_print_time(const struct pt_space *s, uint64_t t, struct pt_buf *out)
{
	struct pt_arena *a = pt_arena_new();
	int64_t at = (int64_t)t, year;
	unsigned int month, day, second;
	pt_zone_spans spans = { 0 };

	if (!a || pt_zone_load(s->policy->conf->timezone, at - PT_DAY_SECONDS, at + PT_DAY_SECONDS, a, &spans, NULL) == -ENOMEM) {
		pt_arena_free(a);
		out->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < spans.n; i++)
		if (spans.v[i].from <= (int64_t)t && (int64_t)t < spans.v[i].to)
			at = (int64_t)t + spans.v[i].offset;
	pt_arena_free(a);
	at = at < 0 ? 0 : at;
	pt_day_date(at / PT_DAY_SECONDS, &year, &month, &day);
	second = (unsigned int)(at % PT_DAY_SECONDS);
	pt_buf_fmt(out, " %04lld-%02u-%02u %02u:%02u:%02u", (long long)year, month, day, second / 3600, second / 60 % 60, second % 60);
}

/* Is P in X but for its time? */
static bool holds_but_for_time(const struct pt_box *x, const struct pt_point *p)
{
	if (x->af != p->af)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (x->v[i].dim != PT_DIM_TIME && !pt_iset_has(&x->v[i].set, p->v[x->v[i].dim]))
			return false;
	return true;
}

bool space_asks_time(const struct pt_space *s, enum pt_dir dir, const struct pt_point *p)
{
	const struct pt_space_dir *d = &s->dir[dir == PT_OUT];
	bool decided = false;

	for (size_t i = 0; !decided && i < d->v.n; i++)
		for (size_t k = 0; k < d->v.v[i].boxes.n; k++) {
			const struct pt_box *x = &d->v.v[i].boxes.v[k];

			if (!holds_but_for_time(x, p))
				continue;
			if (space_side(x, PT_DIM_TIME))
				return true;
			decided = true;
		}
	return false;
}
