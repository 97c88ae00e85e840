/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pf's `set timeout`, `set limit` and `set state-policy` as options of firewall: "NAME VALUE" each, as far as
 * Linux can keep to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

#define WORD_LEN 32
#define SECONDS_MAX 31536000u /* a year */
#define LIMIT_MAX 1000000000u

static const struct limit_name {
	const char *word;
	enum pt_limit which; /* PT_LIMITS: Linux has no such limit */
	const char *why, *hint;
} limits[] = {
	{ "states", PT_LIMIT_STATES, NULL, NULL },
	{ "src-nodes", PT_LIMIT_SRC_NODES, NULL, NULL },
	{ "table-entries", PT_LIMIT_TABLE_ENTRIES, NULL, NULL },
	{ "tables", PT_LIMITS, "tables are those that the file names", "leave it out" },
	{ "frags", PT_LIMITS, "the kernel limits the memory of fragments, not their number",
	  "set net.ipv4.ipfrag_high_thresh and net.netfilter.nf_conntrack_frag6_high_thresh" },
	{ "pktdelay-pkts", PT_LIMITS, "rules do not delay packets", "leave it out" },
	{ "anchors", PT_LIMITS, "the number of chains has no limit of its own", "leave it out" },
};

/* "NAME VALUE" with blanks between. False: it is not of that form. */
static bool split(const char *s, char name[WORD_LEN], const char **value)
{
	size_t n = strcspn(s, " \t");

	*value = s + n + strspn(s + n, " \t");
	if (!n || n >= WORD_LEN || !**value || strpbrk(*value, " \t"))
		return false;
	memcpy(name, s, n);
	name[n] = '\0';
	return true;
}

static int refuse(const struct pt_loc *loc, struct pt_err *e, const char *near, const char *hint, const char *what)
{
	struct pt_buf meant = { 0 };

	if (near)
		pt_buf_fmt(&meant, "did you mean \"%s\"?", near);
	pt_err_add(e, PT_ERROR, loc, near ? meant.s : hint, "%s", what);
	pt_buf_fini(&meant);
	return -EINVAL;
}

/* ---- timeout ---- */

static const char timeout_form[] = "write a name and a time, as \"tcp.established 24h\"";

int conf_check_timeout(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	const struct pt_timeout_name *n;
	const char *value;
	char name[WORD_LEN];
	uint32_t seconds;

	if (!split(s, name, &value))
		return refuse(loc, e, NULL, timeout_form, "this is not the name of a time-out and a time");
	n = pt_timeout_find(name);
	if (!n)
		return refuse(loc, e, pt_timeout_nearest(name), timeout_form, "there is no time-out of this name");
	if (n->which == PT_TIMEOUTS) {
		pt_err_add(e, PT_ERROR, loc, n->hint, "'%s' is not possible: %s", n->word, n->why);
		return -EINVAL;
	}
	if (pt_parse_duration(value, &seconds) || !seconds || seconds > SECONDS_MAX)
		return refuse(loc, e, NULL, "seconds, or as 30s, 5m, 12h; at most a year", "this is not a time");
	return 0;
}

int conf_put_timeout(struct pt_conf *c, const char *s)
{
	const struct pt_timeout_name *n;
	const char *value;
	char name[WORD_LEN];

	n = split(s, name, &value) ? pt_timeout_find(name) : NULL;
	return n && n->which < PT_TIMEOUTS ? pt_parse_duration(value, &c->timeout[n->which]) : -EINVAL;
}

/* ---- limit ---- */

static const char limit_form[] = "write a name and a number, as \"states 100000\"";

static const struct limit_name *limit_find(const char *name)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(limits); i++)
		if (!strcmp(limits[i].word, name))
			return &limits[i];
	return NULL;
}

static const char *limit_nearest(const char *name)
{
	const char *words[PT_ARRAY_SIZE(limits)];

	for (size_t i = 0; i < PT_ARRAY_SIZE(limits); i++)
		words[i] = limits[i].word;
	return pt_nearest(name, words, PT_ARRAY_SIZE(limits));
}

int conf_check_limit(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	const struct limit_name *n;
	const char *value;
	char name[WORD_LEN];
	uint64_t v;

	if (!split(s, name, &value))
		return refuse(loc, e, NULL, limit_form, "this is not the name of a limit and a number");
	n = limit_find(name);
	if (!n)
		return refuse(loc, e, limit_nearest(name), limit_form, "there is no limit of this name");
	if (n->which == PT_LIMITS) {
		pt_err_add(e, PT_ERROR, loc, n->hint, "'%s' is not possible on Linux: %s", n->word, n->why);
		return -EINVAL;
	}
	if (pt_parse_uint(value, LIMIT_MAX, &v) || !v)
		return refuse(loc, e, NULL, "a number from 1 to 1000000000", "this is not a limit");
	return 0;
}

int conf_put_limit(struct pt_conf *c, const char *s)
{
	const struct limit_name *n;
	const char *value;
	char name[WORD_LEN];
	uint64_t v = 0;

	n = split(s, name, &value) ? limit_find(name) : NULL;
	if (!n || n->which == PT_LIMITS || pt_parse_uint(value, LIMIT_MAX, &v))
		return -EINVAL;
	c->limit[n->which] = (uint32_t)v;
	return 0;
}

/* ---- state-policy ---- */

int conf_check_state_policy(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	if (!strcmp(s, "floating"))
		return 0;
	if (!strcmp(s, "if-bound"))
		return refuse(loc, e, NULL, "leave it out, or write floating",
			      "'if-bound' is not possible on Linux: a state belongs to no interface");
	return refuse(loc, e, NULL, "write floating, which is what states are", "this is not a policy of states");
}
