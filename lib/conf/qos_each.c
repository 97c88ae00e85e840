/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits that each host has of its own: from options to typed fields. A limit without a number, or a number that nobody is held to,
 * would be a silent nothing, so each is told at its place.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define HOSTS 254 /* of a network of 24 bits */

int conf_check_each_of(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_buf hint = { 0 };
	struct pt_prefix p;

	if (pt_prefix_parse(s, &p)) {
		pt_err_add(e, PT_ERROR, loc, "write a network, as 192.168.1.0/24 or fd00:1::/64", "this is not a network");
		return -EINVAL;
	}
	if (pt_prefix_lo(&p) == p.addr.v)
		return 0;
	p.addr.v = pt_prefix_lo(&p);
	pt_buf_str(&hint, "write ");
	pt_prefix_fmt(&hint, p);
	pt_err_add(e, PT_ERROR, loc, hint.err ? NULL : hint.s, "\"%s\" has bits set behind its prefix length", s);
	pt_buf_fini(&hint);
	return -EINVAL;
}

static const struct pt_conf_option *find(const struct conf_each_owner *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->options[i].row->name, name))
			return &o->options[i];
	return NULL;
}

/* The first of the options that are nothing without `each`. */
static const struct pt_conf_option *find_detail(const struct conf_each_owner *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!strncmp(o->options[i].row->name, "each-", 5))
			return &o->options[i];
	return NULL;
}

static uint64_t number(const struct conf_each_owner *o, const char *name, uint64_t otherwise)
{
	const struct pt_conf_option *x = find(o, name);

	return x ? x->number : otherwise;
}

/* Checked when they were read. */
static int read_networks(struct pt_arena *a, const struct conf_each_owner *o, struct pt_conf_each *each, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < o->n; i++) {
		struct pt_prefix p;

		if (strcmp(o->options[i].row->name, "each-of") != 0 || pt_prefix_parse(o->options[i].s, &p))
			continue;
		if (each->of.n == PT_CONF_EACH_NETS) {
			pt_err_add(e, PT_ERROR, &o->options[i].loc, "write shorter prefixes, or none for all hosts",
				   "%s %s has more than %d networks", o->what, o->name, PT_CONF_EACH_NETS);
			return -EINVAL;
		}
		rc = pt_vec_push(a, &each->of, p);
	}
	return rc;
}

static int read_rate(const struct conf_each_owner *o, struct pt_conf_each *each, struct pt_err *e)
{
	const struct pt_conf_option *rate = find(o, "each-rate");

	if (rate && !pt_parse_rate(rate->s, &each->rate)) {
		if (o->most && each->rate > o->most)
			pt_err_add(e, PT_WARNING, &rate->loc, NULL, "%s %s has less for all hosts together than for each", o->what,
				   o->name);
		return 0;
	}
	if (o->bad)
		return 0;
	pt_err_add(e, PT_ERROR, &each->loc, "add each-rate = \"5Mbit\"", "%s %s limits each host, but not to what", o->what, o->name);
	return -EINVAL;
}

int conf_each_read(struct pt_arena *a, const struct conf_each_owner *o, struct pt_conf_each *each, struct pt_err *e)
{
	const struct pt_conf_option *on = find(o, "each"), *detail = find_detail(o);
	int rc, bad;

	if (!on && detail && !o->bad) {
		pt_err_add(e, PT_ERROR, &detail->loc, "add each = destination, or source", "%s %s does not say which address is the host's",
			   o->what, o->name);
		return -EINVAL;
	}
	if (!on)
		return 0;
	*each = (struct pt_conf_each){ .on = true, .source = on->number, .loc = on->loc };
	each->len4 = (uint8_t)number(o, "each-prefix", 32);
	each->len6 = (uint8_t)number(o, "each-prefix6", 128);
	each->hosts = (uint32_t)number(o, "each-hosts", HOSTS);
	bad = read_rate(o, each, e);
	rc = read_networks(a, o, each, e);
	return rc ? rc : bad;
}
