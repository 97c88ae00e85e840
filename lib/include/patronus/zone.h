/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zone - local time, from the system's descriptions of time zones (TZif, RFC 9636).
 *
 * The C library knows one zone a process, and takes its name from the environment: a firewall's hours must not
 * depend on who applies its rules.
 */
#ifndef PATRONUS_ZONE_H
#define PATRONUS_ZONE_H

#include <patronus/base.h>

#define PT_ZONE_LOCAL "/etc/localtime"
#define PT_ZONE_FOLDER "/usr/share/zoneinfo"

/* A time during which clocks are OFFSET seconds ahead of UTC; FROM included, TO not, seconds since the epoch. */
struct pt_zone_span {
	int64_t from, to;
	int32_t offset;
};

typedef PT_VEC(struct pt_zone_span) pt_zone_spans;

/* "Europe/Berlin": letters, digits, '_', '+', '-' and '/'. Whether there is such a zone is another question. */
PT_API bool pt_zone_name_ok(const char *name);
/* Whether there is one, by the machine's database. -EINVAL with a record at LOC that tells the nearest name; 0 where there is no
 * database, too. */
PT_API int pt_zone_check(const char *name, const struct pt_loc *loc, struct pt_err *e) PT_MUST;
/* The spans of FROM to TO, in order and without gaps, of the zone NAME (NULL: the machine's; UTC where it has none). -ENOENT:
 * there is no such zone; -EBADMSG: its description cannot be read. */
PT_API int pt_zone_load(const char *name, int64_t from, int64_t to, struct pt_arena *a, pt_zone_spans *out,
			struct pt_err *e) PT_MUST;
/* The same from the bytes of a description. */
PT_API int pt_zone_parse(const void *data, size_t len, int64_t from, int64_t to, struct pt_arena *a,
			 pt_zone_spans *out) PT_MUST;

/* Days since the epoch of a date of the Gregorian calendar, and back; months and days count from 1. */
PT_API int64_t pt_day_of(int64_t year, unsigned int month, unsigned int day);
PT_API void pt_day_date(int64_t number, int64_t *year, unsigned int *month, unsigned int *day);
#define PT_DAY_SECONDS 86400

#endif
