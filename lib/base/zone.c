/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptions of time zones: a table of changes, and behind it a rule for all years to come, in the form of the
 * variable TZ (POSIX): "CET-1CEST,M3.5.0,M10.5.0/3".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/zone.h>

#define ZONE_MAX ((size_t)1 << 20)
#define HEADER 44
#define NAME_MAX_LEN 128
#define OFFSET_MAX (7 * PT_DAY_SECONDS)

struct change {
	int64_t at;
	int32_t offset; /* from then on */
};

typedef PT_VEC(struct change) changes;

/* ---- dates ---- */

/* Years begin in March, so that the odd day is a year's last. */
int64_t pt_day_of(int64_t year, unsigned int month, unsigned int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	int64_t in_era = y - era * 400, in_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

void pt_day_date(int64_t number, int64_t *year, unsigned int *month, unsigned int *day)
{
	int64_t z = number + 719468, era = (z >= 0 ? z : z - 146096) / 146097, in_era = z - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

	*day = (unsigned int)(in_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

static unsigned int month_length(int64_t year, unsigned int month)
{
	int64_t next = month == 12 ? pt_day_of(year + 1, 1, 1) : pt_day_of(year, month + 1, 1);

	return (unsigned int)(next - pt_day_of(year, month, 1));
}

/* ---- the rule at the end ---- */

/* One of the two changes of a year. */
struct rule {
	char kind; /* 'M', 'J', or 'n': days from 0 on, 29 February among them */
	unsigned int month, week, day;
	int32_t time; /* on that day's clock */
};

struct posix {
	int32_t std, dst;
	bool has_dst;
	struct rule start, end;
};

static bool digits(const char **p, unsigned int max, unsigned int *out)
{
	const char *s = *p;

	*out = 0;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		*out = *out * 10 + (unsigned int)(*s - '0');
		if (*out > max)
			return false;
	}
	*p = s;
	return true;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(const char **p, int32_t *out)
{
	unsigned int h, m = 0, s = 0;
	bool neg = **p == '-';

	if (neg || **p == '+')
		(*p)++;
	if (!digits(p, 167, &h))
		return false;
	if (**p == ':' && ((*p)++, !digits(p, 59, &m)))
		return false;
	if (**p == ':' && ((*p)++, !digits(p, 59, &s)))
		return false;
	*out = (int32_t)(h * 3600 + m * 60 + s);
	if (neg)
		*out = -*out;
	return true;
}

static bool zone_word(const char **p)
{
	const char *s = *p;

	if (*s == '<') {
		s = strchr(s, '>');
		if (!s)
			return false;
		*p = s + 1;
		return true;
	}
	while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))
		s++;
	if (s - *p < 3)
		return false;
	*p = s;
	return true;
}

static bool month_rule(const char **p, struct rule *r)
{
	(*p)++;
	return digits(p, 12, &r->month) && r->month && *(*p)++ == '.' && digits(p, 5, &r->week) && r->week && *(*p)++ == '.' &&
	       digits(p, 6, &r->day);
}

static bool change_rule(const char **p, struct rule *r)
{
	if (*(*p)++ != ',')
		return false;
	r->kind = **p == 'M' || **p == 'J' ? **p : 'n';
	r->time = 7200;
	if (r->kind == 'M' && !month_rule(p, r))
		return false;
	if (r->kind == 'J' && ((*p)++, !digits(p, 365, &r->day) || !r->day))
		return false;
	if (r->kind == 'n' && !digits(p, 365, &r->day))
		return false;
	return **p != '/' || ((*p)++, clock_time(p, &r->time));
}

static bool posix_parse(const char *s, struct posix *z)
{
	memset(z, 0, sizeof(*z));
	if (!zone_word(&s) || !clock_time(&s, &z->std))
		return false;
	z->std = -z->std; /* POSIX counts to the west */
	if (!*s)
		return true;
	z->has_dst = true;
	z->dst = z->std + 3600;
	if (!zone_word(&s))
		return false;
	if (*s && *s != ',') {
		if (!clock_time(&s, &z->dst))
			return false;
		z->dst = -z->dst;
	}
	return change_rule(&s, &z->start) && change_rule(&s, &z->end) && !*s;
}

/* The seconds, on the local clock, at which a change happens in YEAR. */
static int64_t rule_time(const struct rule *r, int64_t year)
{
	int64_t day, first = pt_day_of(year, 1, 1);
	bool leap = month_length(year, 2) == 29;
	unsigned int weekday, length;

	if (r->kind == 'n') {
		day = first + r->day;
	} else if (r->kind == 'J') {
		day = first + r->day - 1 + (leap && r->day >= 60);
	} else {
		first = pt_day_of(year, r->month, 1);
		weekday = (unsigned int)((first % 7 + 11) % 7); /* the epoch was a Thursday */
		length = month_length(year, r->month);
		day = (r->day + 7 - weekday) % 7 + 7 * (r->week - 1);
		if (day >= length)
			day -= 7;
		day += first;
	}
	return day * PT_DAY_SECONDS + r->time;
}

static int by_time(const void *x, const void *y)
{
	const struct change *a = x, *b = y;

	return (a->at > b->at) - (a->at < b->at);
}

/* The changes behind those of the table, up to TO. */
static int posix_changes(const struct posix *z, int64_t after, int64_t from, int64_t to, struct pt_arena *a, changes *out)
{
	int64_t first, last;
	unsigned int month, day;
	int rc = 0;

	if (!z->has_dst)
		return 0;
	pt_day_date((after > from ? after : from) / PT_DAY_SECONDS, &first, &month, &day);
	pt_day_date(to / PT_DAY_SECONDS, &last, &month, &day);
	for (int64_t year = first - 1; !rc && year <= last + 1; year++) {
		struct change start = { rule_time(&z->start, year) - z->std, z->dst };
		struct change end = { rule_time(&z->end, year) - z->dst, z->std };

		if (start.at > after)
			rc = pt_vec_push(a, out, start);
		if (!rc && end.at > after)
			rc = pt_vec_push(a, out, end);
	}
	return rc;
}

/* ---- the table ---- */

struct table {
	const uint8_t *times, *indexes, *types, *end;
	uint32_t n_times, n_types;
	unsigned int width; /* of a time: 4 or 8 bytes */
};

static uint64_t big(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* One block: RFC 9636 section 3.1 and 3.2. */
static bool read_block(const uint8_t *p, size_t len, unsigned int width, struct table *t)
{
	uint64_t isut, isstd, leap, chars, size;

	if (len < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	isut = big(p + 20, 4);
	isstd = big(p + 24, 4);
	leap = big(p + 28, 4);
	t->n_times = (uint32_t)big(p + 32, 4);
	t->n_types = (uint32_t)big(p + 36, 4);
	chars = big(p + 40, 4);
	t->width = width;
	size = (uint64_t)t->n_times * (width + 1) + (uint64_t)t->n_types * 6 + chars + leap * (width + 4) + isstd + isut;
	if (size > len - HEADER || !t->n_types)
		return false;
	t->times = p + HEADER;
	t->indexes = t->times + (size_t)t->n_times * width;
	t->types = t->indexes + t->n_times;
	t->end = p + HEADER + size;
	return true;
}

static bool offset_of(const struct table *t, uint8_t type, int32_t *out)
{
	if (type >= t->n_types)
		return false;
	*out = (int32_t)(uint32_t)big(t->types + 6u * type, 4);
	return *out > -OFFSET_MAX && *out < OFFSET_MAX;
}

static int table_changes(const struct table *t, struct pt_arena *a, changes *out)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < t->n_times; i++) {
		uint64_t raw = big(t->times + (size_t)i * t->width, t->width);
		struct change c = { t->width == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw, 0 };

		if (!offset_of(t, t->indexes[i], &c.offset) || (out->n && out->v[out->n - 1].at >= c.at))
			return -EBADMSG;
		rc = pt_vec_push(a, out, c);
	}
	return rc;
}

/* The line behind the table, without its ends; NULL: there is none. */
static char *footer(const struct table *t, const uint8_t *end, struct pt_arena *a)
{
	const uint8_t *eol;

	if (t->end >= end || *t->end != '\n')
		return NULL;
	eol = memchr(t->end + 1, '\n', (size_t)(end - t->end - 1));
	return eol ? pt_arena_strndup(a, (const char *)t->end + 1, (size_t)(eol - t->end - 1)) : NULL;
}

static int spans_of(const changes *c, int32_t offset, int64_t from, int64_t to, struct pt_arena *a, pt_zone_spans *out)
{
	struct pt_zone_span s = { .from = from, .offset = offset };
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n && c->v[i].at < to; i++) {
		if (c->v[i].at > s.from && c->v[i].offset != s.offset) {
			s.to = c->v[i].at;
			rc = pt_vec_push(a, out, s);
			s.from = s.to;
		}
		s.offset = c->v[i].offset;
	}
	s.to = to;
	return rc ? rc : pt_vec_push(a, out, s);
}

int pt_zone_parse(const void *data, size_t len, int64_t from, int64_t to, struct pt_arena *a, pt_zone_spans *out)
{
	const uint8_t *p = data;
	struct table t;
	struct posix z;
	changes c = { 0 };
	int64_t after = INT64_MIN;
	int32_t offset;
	char *rule;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!read_block(p, len, 4, &t))
		return -EBADMSG;
	if (p[4] >= '2' && !read_block(t.end, len - (size_t)(t.end - p), 8, &t))
		return -EBADMSG;
	rc = table_changes(&t, a, &c);
	if (!rc && !offset_of(&t, 0, &offset))
		rc = -EBADMSG;
	rule = p[4] >= '2' ? footer(&t, p + len, a) : NULL;
	if (!rc && rule && *rule) {
		if (!posix_parse(rule, &z))
			return -EBADMSG;
		if (c.n)
			after = c.v[c.n - 1].at;
		else
			offset = z.std;
		rc = posix_changes(&z, after, from, to, a, &c);
		if (c.n)
			qsort(c.v, c.n, sizeof(*c.v), by_time);
	}
	return rc ? rc : spans_of(&c, offset, from, to, a, out);
}

/* ---- the file ---- */

bool pt_zone_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > NAME_MAX_LEN || *name == '/' || name[n - 1] == '/' || strstr(name, "//"))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/") == n;
}

/* The system's files are links more often than not. */
static int read_zone(const char *path, struct pt_buf *b)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && b->n < ZONE_MAX)
		pt_buf_add(b, chunk, (size_t)n);
	if (n < 0 && errno != EISDIR)
		n = -errno;
	close(fd);
	return b->err ? b->err : n < -1 ? (int)n : n ? -EBADMSG : 0;
}

int pt_zone_load(const char *name, int64_t from, int64_t to, struct pt_arena *a, pt_zone_spans *out, struct pt_err *e)
{
	const char *path = name ? pt_arena_printf(a, PT_ZONE_FOLDER "/%s", name) : PT_ZONE_LOCAL;
	struct pt_zone_span utc = { .from = from, .to = to };
	struct pt_buf b = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	if (!path)
		return -ENOMEM;
	rc = read_zone(path, &b);
	if (rc == -ENOENT && !name)
		rc = pt_vec_push(a, out, utc);
	else if (!rc)
		rc = pt_zone_parse(b.s, b.n, from, to, a, out);
	pt_buf_fini(&b);
	if (rc == -ENOENT || rc == -ENOTDIR)
		pt_err_add(e, PT_ERROR, NULL, "the package tzdata has them; `timedatectl list-timezones` lists them",
			   "there is no time zone %s on this machine", name);
	else if (rc && rc != -ENOMEM)
		pt_err_add(e, PT_ERROR, NULL, "install tzdata anew", "%s cannot be read as a time zone", path);
	return rc;
}
