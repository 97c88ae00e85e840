/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log/filter - which records are meant. All conditions hold; the words are those of `ptfw state show` and more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/log.h>

#define NS 1000000000ull

static int wrong(struct pt_err *e, const char *value, const char *what, const char *hint)
{
	pt_err_add(e, PT_ERROR, NULL, hint, "'%s' is not %s", value, what);
	return -EINVAL;
}

static int set_net(struct pt_log_filter *f, const char *value, bool host, struct pt_err *e)
{
	struct pt_prefix p;

	if (pt_prefix_parse(value, &p))
		return wrong(e, value, host ? "an address" : "a prefix", NULL);
	if (host && p.len != pt_af_bits(p.addr.af))
		return wrong(e, value, "one host", "write `network` for a prefix");
	if (pt_prefix_lo(&p) != p.addr.v)
		return wrong(e, value, "a prefix: it has bits set beyond its length", NULL);
	return pt_vec_push(NULL, &f->nets, p);
}

static int set_host(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	return set_net(f, value, true, e);
}

static int set_network(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	return set_net(f, value, false, e);
}

static int set_port(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	uint16_t port;

	(void)now;
	if (pt_service_parse(value, &port))
		return wrong(e, value, "a port", "a number or the name of a service");
	return pt_vec_push(NULL, &f->ports, port);
}

static int set_proto(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	if (pt_proto_parse(value, &f->proto))
		return wrong(e, value, "a protocol", NULL);
	f->has_proto = true;
	return 0;
}

static int set_action(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	static const char *const words[] = { [PT_PASS] = "pass", [PT_BLOCK] = "block", [PT_MATCH] = "match" };

	(void)now;
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!strcmp(value, words[i])) {
			f->action = (enum pt_action)i;
			f->has_action = true;
			return 0;
		}
	return wrong(e, value, "an action", "pass, block or match");
}

static int set_direction(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	f->dir = !strcmp(value, "in") ? PT_IN : !strcmp(value, "out") ? PT_OUT : PT_DIR_NONE;
	return f->dir ? 0 : wrong(e, value, "a direction", "in or out");
}

static int set_label(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	(void)e;
	f->label = value;
	return 0;
}

static int set_interface(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	(void)e;
	f->interface = value;
	return 0;
}

static int set_last(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	(void)now;
	return pt_parse_uint(value, UINT32_MAX, &f->last) || !f->last ?
		       wrong(e, value, "a number of records", NULL) : 0;
}

/* ---- times ---- */

static bool whole(const char *value, const char *format, struct tm *tm)
{
	const char *end;

	memset(tm, 0, sizeof(*tm));
	tm->tm_isdst = -1;
	end = strptime(value, format, tm);
	return end && !*end;
}

/* "13:40": the last time that it was. */
static time_t time_of_day(const struct tm *clock, time_t now)
{
	struct tm tm;
	time_t t;

	if (!localtime_r(&now, &tm))
		return -1;
	tm.tm_hour = clock->tm_hour;
	tm.tm_min = clock->tm_min;
	tm.tm_sec = clock->tm_sec;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (t <= now)
		return t;
	tm.tm_mday--;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

static time_t parse_time(const char *value, time_t now)
{
	static const char *const dates[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	static const char *const clocks[] = { "%H:%M:%S", "%H:%M" };
	struct tm tm;

	if (whole(value, "%Y-%m-%dT%H:%M:%SZ", &tm) || whole(value, "%Y-%m-%dT%H:%MZ", &tm))
		return timegm(&tm);
	for (size_t i = 0; i < PT_ARRAY_SIZE(dates); i++)
		if (whole(value, dates[i], &tm))
			return mktime(&tm);
	for (size_t i = 0; i < PT_ARRAY_SIZE(clocks); i++)
		if (whole(value, clocks[i], &tm))
			return time_of_day(&tm, now);
	return -1;
}

static int set_since(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e)
{
	uint32_t ago;
	time_t t;

	if (!pt_parse_duration(value, &ago)) {
		f->since = now > ago * NS ? now - ago * NS : 0;
		return 0;
	}
	t = parse_time(value, (time_t)(now / NS));
	if (t < 0 || (uint64_t)t > UINT64_MAX / NS)
		return wrong(e, value, "a time", "such as 10m, 1h30m, 13:40 or 2026-11-21T13:40");
	f->since = (uint64_t)t * NS;
	return 0;
}

/* ---- words ---- */

static const struct {
	const char *key;
	int (*set)(struct pt_log_filter *f, const char *value, uint64_t now, struct pt_err *e);
} words[] = {
	{ "action", set_action }, { "direction", set_direction }, { "host", set_host },   { "interface", set_interface },
	{ "label", set_label },   { "last", set_last },           { "network", set_network }, { "port", set_port },
	{ "proto", set_proto },   { "since", set_since },
};

const char *pt_log_filter_word(size_t i)
{
	return i < PT_ARRAY_SIZE(words) ? words[i].key : NULL;
}

static int no_word(const char *key, bool ambiguous, struct pt_err *e)
{
	struct pt_buf hint = { 0 };
	size_t n = strlen(key);

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!ambiguous || !strncmp(words[i].key, key, n)) {
			pt_buf_str(&hint, hint.n ? ", " : ambiguous ? "it may be " : "there are ");
			pt_buf_str(&hint, words[i].key);
		}
	pt_err_add(e, PT_ERROR, NULL, hint.s, ambiguous ? "'%s' is more than one filter" : "'%s' is no filter", key);
	pt_buf_fini(&hint);
	return -EINVAL;
}

int pt_log_filter_set(struct pt_log_filter *f, const char *key, const char *value, uint64_t now, struct pt_err *e)
{
	size_t n = strlen(key), found = 0, at = 0;

	for (size_t i = 0; n && i < PT_ARRAY_SIZE(words); i++)
		if (!strncmp(words[i].key, key, n)) {
			found++;
			at = i;
			if (!words[i].key[n]) {
				found = 1;
				break;
			}
		}
	return found == 1 ? words[at].set(f, value, now, e) : no_word(key, found, e);
}

void pt_log_filter_fini(struct pt_log_filter *f)
{
	free(f->nets.v);
	free(f->ports.v);
	memset(f, 0, sizeof(*f));
}

/* ---- matching ---- */

static bool in_net(const struct pt_prefix *p, struct pt_addr a)
{
	return a.af == p->addr.af && a.v >= pt_prefix_lo(p) && a.v <= pt_prefix_hi(p);
}

static bool packet_matches(const struct pt_log_filter *f, const struct pt_log_packet *p)
{
	if (f->af && f->af != p->src.af)
		return false;
	if (f->has_proto && (!p->has_proto || f->proto != p->proto))
		return false;
	for (size_t i = 0; i < f->nets.n; i++)
		if (!in_net(&f->nets.v[i], p->src) && !in_net(&f->nets.v[i], p->dst))
			return false;
	for (size_t i = 0; i < f->ports.n; i++)
		if (!p->has_ports || (f->ports.v[i] != p->sport && f->ports.v[i] != p->dport))
			return false;
	return true;
}

bool pt_log_filter_match(const struct pt_log_filter *f, const struct pt_log_record *r)
{
	if (r->time < f->since)
		return false;
	if (f->has_action && (!r->ours || r->action != f->action))
		return false;
	if (f->dir && (!r->ours || r->dir != f->dir))
		return false;
	if (f->label && strcmp(f->label, r->rule) != 0)
		return false;
	if (f->interface && strcmp(f->interface, r->in) != 0 && strcmp(f->interface, r->out) != 0 &&
	    strcmp(f->interface, r->on) != 0)
		return false;
	return packet_matches(f, &r->packet);
}
