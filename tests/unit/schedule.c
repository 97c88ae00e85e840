/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schedules against the clock on the wall: at the two changes of the year, over midnight, in zones of all kinds. What the
 * module says is compared with what the C library says of each minute.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <patronus/policy.h>

static struct pt_arena *arena;

static int begin(void **state)
{
	(void)state;
	arena = pt_arena_new();
	return !arena;
}

static int end(void **state)
{
	(void)state;
	pt_arena_free(arena);
	return 0;
}

/* Seconds since the epoch of a time in UTC: "2026-03-29 01:00". */
static int64_t utc(const char *s)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(s, strlen(s) > 16 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm));
	return timegm(&tm);
}

static void spans(const char *zone, const char *from, const char *to, pt_zone_spans *out)
{
	struct pt_err e = { 0 };

	assert_int_equal(pt_zone_load(zone, utc(from), utc(to), arena, out, &e), 0);
	assert_int_equal(e.list.n, 0);
}

/* One window a day, on every day that is in DAYS. */
static struct pt_conf_schedule *schedule(const char *text)
{
	struct pt_conf *c = NULL;
	struct pt_err e = { 0 };
	struct pt_buf b = { 0 };
	struct pt_conf_schedule *s;

	pt_buf_fmt(&b, "schedule s { %s }\n", text);
	assert_int_equal(pt_conf_parse("test", b.s, b.n, &c, &e), 0);
	assert_int_equal(c->schedules.n, 1);
	s = pt_arena_alloc(arena, sizeof(*s));
	*s = c->schedules.v[0];
	/* The lists belong to the configuration. */
	s->hours.v = pt_arena_alloc(arena, s->hours.n * sizeof(*s->hours.v) + 1);
	if (s->hours.n)
		memcpy(s->hours.v, c->schedules.v[0].hours.v, s->hours.n * sizeof(*s->hours.v));
	s->dates.v = pt_arena_alloc(arena, s->dates.n * sizeof(*s->dates.v) + 1);
	if (s->dates.n)
		memcpy(s->dates.v, c->schedules.v[0].dates.v, s->dates.n * sizeof(*s->dates.v));
	pt_conf_free(c);
	pt_buf_fini(&b);
	return s;
}

/* The times of TEXT between FROM and TO: "2026-03-29 00:30-01:00, ...", in UTC, ends included as they are left. */
static void is(const char *zone, const char *text, const char *from, const char *to, const char *want)
{
	struct pt_iset times;
	struct pt_buf b = { 0 };
	pt_zone_spans z;

	spans(zone, from, to, &z);
	assert_int_equal(pt_schedule_times(schedule(text), &z, arena, &times), 0);
	for (size_t i = 0; i < times.n; i++) {
		time_t lo = (time_t)times.v[i].lo, hi = (time_t)times.v[i].hi + 1;
		char one[64], two[64];
		struct tm tm;

		strftime(one, sizeof(one), "%d %H:%M", gmtime_r(&lo, &tm));
		strftime(two, sizeof(two), "%d %H:%M", gmtime_r(&hi, &tm));
		pt_buf_fmt(&b, "%s%s-%s", i ? ", " : "", one, two);
	}
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
}

#define SPRING "2026-03-28 00:00", "2026-03-30 12:00"
#define AUTUMN "2026-10-24 00:00", "2026-10-26 12:00"

/* At 02:00 the clock goes to 03:00. */
static void spring_in_berlin(void **state)
{
	(void)state;
	is("Europe/Berlin", "hours = { \"01:30-02:30\" }", SPRING, "28 00:30-28 01:30, 29 00:30-29 01:00, 29 23:30-30 00:30");
	is("Europe/Berlin", "hours = { \"02:30-03:30\" }", SPRING, "28 01:30-28 02:30, 29 01:00-29 01:30, 30 00:30-30 01:30");
	is("Europe/Berlin", "hours = { \"02:10-02:50\" }", SPRING, "28 01:10-28 01:50, 30 00:10-30 00:50");
	is("Europe/Berlin", "days = { \"sun\" } hours = { \"22:00-06:00\" }", SPRING, "29 20:00-30 04:00");
	is("Europe/Berlin", "days = { \"sat\" } hours = { \"22:00-06:00\" }", SPRING, "28 21:00-29 04:00");
	is("Europe/Berlin", "days = { \"sun\" }", SPRING, "28 23:00-29 22:00");
}

/* At 03:00 the clock goes back to 02:00. */
static void autumn_in_berlin(void **state)
{
	(void)state;
	is("Europe/Berlin", "hours = { \"01:30-02:30\" }", AUTUMN,
	   "24 00:00-24 00:30, 24 23:30-25 00:30, 25 01:00-25 01:30, 26 00:30-26 01:30");
	is("Europe/Berlin", "hours = { \"02:10-02:50\" }", AUTUMN, "24 00:10-24 00:50, 25 00:10-25 00:50, 25 01:10-25 01:50, "
								   "26 01:10-26 01:50");
	is("Europe/Berlin", "hours = { \"02:30-03:30\" }", AUTUMN, "24 00:30-24 01:30, 25 00:30-25 01:00, 25 01:30-25 02:30, "
								   "26 01:30-26 02:30");
	is("Europe/Berlin", "days = { \"sun\" }", AUTUMN, "24 22:00-25 23:00");
}

static void new_york(void **state)
{
	(void)state;
	is("America/New_York", "hours = { \"02:30-03:30\" }", "2026-03-08 00:00", "2026-03-09 00:00", "08 07:00-08 07:30");
	is("America/New_York", "hours = { \"01:30-01:45\" }", "2026-11-01 00:00", "2026-11-02 00:00",
	   "01 05:30-01 05:45, 01 06:30-01 06:45");
	is("America/New_York", "days = { \"mon-fri\" } hours = { \"09:00-17:00\" }", "2026-11-19 00:00", "2026-11-24 00:00",
	   "19 14:00-19 22:00, 20 14:00-20 22:00, 23 14:00-23 22:00");
}

/* Half an hour only: at 02:00 to 02:30 in October, at 02:00 back to 01:30 in April. */
static void lord_howe(void **state)
{
	(void)state;
	is("Australia/Lord_Howe", "hours = { \"02:10-02:40\" }", "2026-10-03 00:00", "2026-10-04 12:00", "03 15:30-03 15:40");
	is("Australia/Lord_Howe", "hours = { \"01:40-02:00\" }", "2026-04-04 00:00", "2026-04-05 12:00",
	   "04 14:40-04 15:00, 04 15:10-04 15:30");
}

static void no_changes(void **state)
{
	(void)state;
	is("UTC", "hours = { \"22:00-06:00\" }", "2026-03-28 12:00", "2026-03-30 12:00", "28 22:00-29 06:00, 29 22:00-30 06:00");
	is("UTC", "hours = { \"08:00-12:00\", \"12:00-13:30\" }", "2026-03-28 00:00", "2026-03-29 00:00", "28 08:00-28 13:30");
	is("Asia/Kolkata", "hours = { \"00:00-24:00\" }", "2026-01-01 00:00", "2026-01-02 00:00", "01 00:00-02 00:00");
	is("Asia/Kolkata", "days = { \"thu\" }", "2026-01-01 00:00", "2026-01-03 00:00", "01 00:00-01 18:30");
}

static void dates(void **state)
{
	(void)state;
	is("UTC", "dates = { \"12-25\" } hours = { \"10:00-11:00\" }", "2026-12-01 00:00", "2026-12-31 00:00", "25 10:00-25 11:00");
	is("UTC", "dates = { \"2026-12-24/2026-12-26\" }", "2026-12-01 00:00", "2026-12-31 00:00", "24 00:00-27 00:00");
	is("UTC", "dates = { \"12-30/01-02\" }", "2026-12-01 00:00", "2027-01-31 00:00", "30 00:00-03 00:00");
	is("UTC", "days = { \"fri-mon\" } dates = { \"!12-25/12-26\" }", "2026-12-24 00:00", "2026-12-29 00:00", "27 00:00-29 00:00");
	is("UTC", "dates = { \"02-29\" }", "2026-02-01 00:00", "2029-12-31 00:00", "29 00:00-01 00:00");
	is("UTC", "days = { \"mon\" } dates = { \"12-25\" }", "2026-12-01 00:00", "2026-12-31 00:00", "");
	/* Over midnight into a day that is left out: the window belongs to the day it begins on. */
	is("UTC", "dates = { \"!12-25\" } hours = { \"23:00-01:00\" }", "2026-12-24 12:00", "2026-12-26 12:00", "24 23:00-25 01:00");
}

/* ---- each minute of four years, by the C library ---- */

static bool wall_holds(const struct tm *tm, const struct tm *yesterday)
{
	int minute = tm->tm_hour * 60 + tm->tm_min;

	/* days = mon-fri, hours = 08:00-12:30 and 22:15-02:45 */
	if (tm->tm_wday >= 1 && tm->tm_wday <= 5 && ((minute >= 480 && minute < 750) || minute >= 1335))
		return true;
	return yesterday->tm_wday >= 1 && yesterday->tm_wday <= 5 && minute < 165;
}

static void agrees_with_the_library(const char *zone)
{
	struct pt_iset times;
	pt_zone_spans z;
	size_t wrong = 0;
	char name[64];

	(void)snprintf(name, sizeof(name), ":%s", zone);
	setenv("TZ", name, 1);
	tzset();
	spans(zone, "2025-01-01 00:00", "2042-01-01 00:00", &z);
	assert_int_equal(pt_schedule_times(schedule("days = { \"mon-fri\" } hours = { \"08:00-12:30\", \"22:15-02:45\" }"), &z,
					   arena, &times), 0);
	for (time_t t = utc("2025-01-01 00:00"); t < utc("2042-01-01 00:00"); t += 900) {
		struct tm tm, before;

		localtime_r(&t, &tm);
		before = tm;
		before.tm_mday--;
		before.tm_hour = 12;
		before.tm_isdst = -1;
		mktime(&before);
		wrong += wall_holds(&tm, &before) != pt_iset_has(&times, (pt_u128)t);
	}
	assert_int_equal(wrong, 0);
	unsetenv("TZ");
	tzset();
}

static void every_quarter_of_an_hour(void **state)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu",
					     "Africa/Casablanca", "America/Santiago", "Europe/Dublin", "Pacific/Apia" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(zones); i++)
		agrees_with_the_library(zones[i]);
}

/* ---- descriptions ---- */

static void dates_of_days(void **state)
{
	int64_t year;
	unsigned int month, day;

	(void)state;
	for (int64_t n = -800000; n < 800000; n += 37) {
		pt_day_date(n, &year, &month, &day);
		assert_int_equal(pt_day_of(year, month, day), n);
	}
	assert_int_equal(pt_day_of(1970, 1, 1), 0);
	assert_int_equal(pt_day_of(2000, 3, 1), 11017);
}

/* A table of no changes, and a rule. */
static int rule(const char *text, int64_t from, int64_t to, pt_zone_spans *out)
{
	struct pt_buf b = { 0 };
	int rc;

	for (int i = 0; i < 2; i++) {
		pt_buf_add(&b, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
		pt_buf_add(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1", 24);
		pt_buf_add(&b, "\0\0\0\0\0\0\0", 7);
	}
	pt_buf_fmt(&b, "\n%s\n", text);
	rc = pt_zone_parse(b.s, b.n, from, to, arena, out);
	pt_buf_fini(&b);
	return rc;
}

static void rules_of_zones(void **state)
{
	static const char *const bad[] = { "CET", "C-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "<CET-1",
					   "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,1,400", "CET-200",
					   "CET-1CEST,M3.5.0,M10.5.0x", "CET-1:60", "" "," };
	pt_zone_spans z;

	(void)state;
	assert_int_equal(rule("CET-1CEST,M3.5.0,M10.5.0/3", utc("2026-01-01 00:00"), utc("2027-01-01 00:00"), &z), 0);
	assert_int_equal(z.n, 3);
	assert_int_equal(z.v[0].to, utc("2026-03-29 01:00"));
	assert_int_equal(z.v[1].to, utc("2026-10-25 01:00"));
	assert_int_equal(z.v[1].offset, 7200);
	assert_int_equal(rule("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", utc("2026-01-01 00:00"), utc("2027-01-01 00:00"), &z), 0);
	assert_int_equal(z.v[0].to, utc("2026-03-29 01:00"));
	assert_int_equal(rule("EST5EDT4,J60,300/0:30:15", utc("2028-01-01 00:00"), utc("2029-01-01 00:00"), &z), 0);
	assert_int_equal(z.v[0].to, utc("2028-03-01 07:00"));
	assert_int_equal(z.v[1].to, utc("2028-10-27 04:30:15"));
	assert_int_equal(rule("UTC0", 0, 1000, &z), 0);
	assert_int_equal(z.n, 1);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		assert_int_equal(rule(bad[i], 0, 1000, &z), -EBADMSG);
}

static void damaged_descriptions(void **state)
{
	static const char whole[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1"
				    "\0\0\0\1\0\0\0\0\0\0\0\0";
	char copy[sizeof(whole)];
	struct pt_err e = { 0 };
	pt_zone_spans z;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 1; i++)
		assert_true(pt_zone_parse(whole, i, 0, 1000, arena, &z) != 0);
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		memcpy(copy, whole, sizeof(copy));
		copy[i] = (char)0xff;
		(void)!pt_zone_parse(copy, sizeof(copy) - 1, 0, 1000, arena, &z);
	}
	assert_int_equal(pt_zone_load("Europe/Nowhere", 0, 1000, arena, &z, &e), -ENOENT);
	assert_non_null(strstr(e.list.v[0].msg, "there is no time zone Europe/Nowhere"));
	assert_true(pt_zone_load("Europe", 0, 1000, arena, &z, &e) != 0);
	pt_err_fini(&e);
	assert_false(pt_zone_name_ok("../../etc/passwd"));
	assert_false(pt_zone_name_ok("/etc/localtime"));
	assert_false(pt_zone_name_ok(""));
	assert_true(pt_zone_name_ok("America/Argentina/Buenos_Aires"));
	assert_true(pt_zone_name_ok("Etc/GMT+1"));
}

/* ---- the evaluator ---- */

static void packets_at_times(void **state)
{
	static const char text[] =
		"interface lan { device = \"eth0\" }\n"
		"system { timezone = \"Europe/Berlin\" }\n"
		"schedule office { days = { \"mon-fri\" } hours = { \"08:00-18:00\" } }\n"
		"firewall { rules = { \"pass in schedule office label in\", \"pass in proto udp ! schedule office label out\" } }\n";
	static const struct {
		const char *when;
		uint8_t proto;
		const char *label;
	} cases[] = {
		{ "2026-11-23 06:59:59", PT_PROTO_TCP, NULL }, { "2026-11-23 07:00:00", PT_PROTO_TCP, "in" },
		{ "2026-11-23 16:59:59", PT_PROTO_TCP, "in" }, { "2026-11-23 17:00:00", PT_PROTO_TCP, NULL },
		{ "2026-11-23 17:00:00", PT_PROTO_UDP, "out" }, { "2026-11-23 12:00:00", PT_PROTO_UDP, "in" },
		{ "2026-11-22 12:00:00", PT_PROTO_TCP, NULL }, { "2026-07-20 06:00:00", PT_PROTO_TCP, "in" },
		{ "2029-12-31 12:00:00", PT_PROTO_TCP, "in" }, { "2025-12-31 12:00:00", PT_PROTO_TCP, NULL },
	};
	struct pt_policy *p;
	struct pt_conf *c;
	struct pt_eval *v;
	struct pt_host h = { 0 };
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_policy_parse("test", text, sizeof(text) - 1, &c, &p, &e), 0);
	assert_int_equal(pt_policy_outside(p, NULL, (uint64_t)utc("2026-11-21 14:00"), true, &e), 0);
	assert_int_equal(pt_policy_schedules_due(p, (uint64_t)utc("2026-11-21 14:00")), utc("2027-01-01 00:00"));
	assert_int_equal(pt_eval_new(p, &h, &v, &e), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_packet k = { .af = PT_AF_INET, .proto = cases[i].proto, .src = { PT_AF_INET, 1 }, .dst = { PT_AF_INET, 2 },
				       .tcp_flags = 2, .mac = PT_NO_MAC, .time = (uint64_t)utc(cases[i].when) };
		struct pt_decision d;

		pt_evaluate(v, &k, PT_IN, "eth0", &d);
		assert_int_equal(d.pass, cases[i].label != NULL);
		if (cases[i].label)
			assert_string_equal(d.rule->name, cases[i].label);
	}
	pt_eval_free(v);
	pt_policy_free(p);
	pt_conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spring_in_berlin, begin, end),
		cmocka_unit_test_setup_teardown(autumn_in_berlin, begin, end),
		cmocka_unit_test_setup_teardown(new_york, begin, end),
		cmocka_unit_test_setup_teardown(lord_howe, begin, end),
		cmocka_unit_test_setup_teardown(no_changes, begin, end),
		cmocka_unit_test_setup_teardown(dates, begin, end),
		cmocka_unit_test_setup_teardown(every_quarter_of_an_hour, begin, end),
		cmocka_unit_test_setup_teardown(dates_of_days, begin, end),
		cmocka_unit_test_setup_teardown(rules_of_zones, begin, end),
		cmocka_unit_test_setup_teardown(damaged_descriptions, begin, end),
		cmocka_unit_test_setup_teardown(packets_at_times, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
