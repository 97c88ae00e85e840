/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's states, with the rules that made them. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

/* All conditions given must hold. */
struct filter {
	PT_VEC(struct pt_prefix) nets; /* host, network: either end, before or after translation */
	bool has_proto;
	uint8_t proto;
	const char *interface;      /* device of the route to either end */
	uint32_t rule;              /* label: id of the rule */
	enum pt_af af;
};

struct states {
	struct pt_cli *c;
	struct sockets s;
	struct pt_plan p;           /* the applied file, for names; conf NULL when there is none */
	struct filter f;
	struct state_view view;
	struct pt_net_routes *routes;
};

/* ---- filters ---- */

static int filter_net(struct states *st, const char *value, bool host)
{
	struct pt_prefix p;

	if (pt_prefix_parse(value, &p))
		return pt_cli_usage(st->c, "'%s' is not %s", value, host ? "an address" : "a prefix");
	if (host && p.len != pt_af_bits(p.addr.af))
		return pt_cli_usage(st->c, "'%s' is more than a host: write `network %s`", value, value);
	if (pt_prefix_lo(&p) != p.addr.v)
		return pt_cli_usage(st->c, "'%s' has bits set beyond its prefix length", value);
	return pt_vec_push(NULL, &st->f.nets, p);
}

static int filter_host(struct states *st, const char *value)
{
	return filter_net(st, value, true);
}

static int filter_network(struct states *st, const char *value)
{
	return filter_net(st, value, false);
}

static int filter_interface(struct states *st, const char *value)
{
	const struct pt_conf_if *i = st->p.conf ? pt_conf_find_if(st->p.conf, value) : NULL;

	st->f.interface = i ? i->device : value;
	if (if_nametoindex(st->f.interface))
		return 0;
	pt_err_add(&st->c->err, PT_ERROR, NULL, NULL, "there is no interface '%s'", value);
	return PT_EXIT_NO;
}

static int filter_label(struct states *st, const char *value)
{
	for (size_t i = 0; st->p.policy && i < st->p.policy->rules.n; i++)
		if (!strcmp(st->p.policy->rules.v[i].name, value)) {
			st->f.rule = st->p.policy->rules.v[i].id;
			return 0;
		}
	pt_err_add(&st->c->err, PT_ERROR, NULL, "see `ptfw rule show -b`", "no rule in force is named '%s'", value);
	return PT_EXIT_NO;
}

static int filter_proto(struct states *st, const char *value)
{
	if (pt_proto_parse(value, &st->f.proto))
		return pt_cli_usage(st->c, "'%s' is not a protocol", value);
	st->f.has_proto = true;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct states *st, const char *value);
} filter_keys[] = {
	{ "host", filter_host },   { "network", filter_network }, { "interface", filter_interface },
	{ "label", filter_label }, { "proto", filter_proto },
};

/* No two begin alike: any beginning is unique. */
static int filter_one(struct states *st, const char *key, const char *value)
{
	size_t n = strlen(key);

	for (size_t i = 0; n && i < PT_ARRAY_SIZE(filter_keys); i++)
		if (!strncmp(filter_keys[i].key, key, n))
			return filter_keys[i].set(st, value);
	return pt_cli_usage(st->c, "'%s' is no filter: there are host, network, interface, label and proto", key);
}

static int filters(struct states *st)
{
	int rc = 0;

	st->f.af = st->c->af;
	if (st->c->argc % 2)
		return pt_cli_usage(st->c, "each filter is a word and its value");
	for (size_t i = 0; !rc && i + 1 < st->c->argc; i += 2)
		rc = filter_one(st, st->c->argv[i], st->c->argv[i + 1]);
	return rc;
}

/* ---- matching ---- */

static bool in_net(const struct pt_prefix *p, struct pt_addr a)
{
	return a.af == p->addr.af && a.v >= pt_prefix_lo(p) && a.v <= pt_prefix_hi(p);
}

static bool net_matches(const struct pt_prefix *p, const struct pt_ct_entry *ct)
{
	return in_net(p, ct->orig.src) || in_net(p, ct->orig.dst) || in_net(p, ct->reply.src) || in_net(p, ct->reply.dst);
}

static bool leaves_by(struct states *st, struct pt_addr a)
{
	return !strcmp(pt_net_routes_device(st->routes, a), st->f.interface);
}

static bool matches(struct states *st, const struct pt_ct_entry *ct)
{
	const struct filter *f = &st->f;

	if (f->af && f->af != ct->orig.src.af)
		return false;
	if (f->has_proto && f->proto != ct->proto)
		return false;
	for (size_t i = 0; i < f->nets.n; i++)
		if (!net_matches(&f->nets.v[i], ct))
			return false;
	if (f->rule && ct->label[1] != f->rule && ct->label[2] != f->rule)
		return false;
	return !f->interface || leaves_by(st, ct->orig.src) || leaves_by(st, ct->reply.src);
}

static int show_matching(const struct pt_ct_entry *ct, void *arg)
{
	struct states *st = arg;

	return matches(st, ct) ? show_state(ct, &st->view) : 0;
}

/* ---- commands ---- */

static int begin(struct pt_cli *c, struct states *st)
{
	int rc;

	memset(st, 0, sizeof(*st));
	st->c = c;
	rc = sockets_open(&st->s, &c->err);
	if (rc)
		return rc;
	rc = applied_or_none(st->s.nf, &st->p, &c->err); /* without a file in force, states have no names */
	if (rc)
		return rc;
	st->routes = pt_net_routes_new(st->s.route);
	return st->routes ? filters(st) : -ENOMEM;
}

static void finish(struct states *st)
{
	pt_net_routes_free(st->routes);
	free(st->f.nets.v);
	pt_plan_fini(&st->p);
	sockets_close(&st->s);
}

int cmd_state_show(struct pt_cli *c)
{
	struct states st;
	int rc;

	rc = begin(c, &st);
	if (!rc)
		rc = state_view_begin(&st.view, c, st.p.policy);
	if (!rc)
		rc = pt_ct_dump(st.s.nf, show_matching, &st, &c->err);
	rc = state_view_end(&st.view, rc);
	finish(&st);
	return rc;
}

int cmd_state_count(struct pt_cli *c)
{
	uint64_t n, max;
	struct pt_out *o;
	struct pt_nl *nf;
	struct pt_buf text = { 0 };
	int rc;

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	rc = pt_ct_count(nf, &n, &max, &c->err);
	pt_nl_close(nf);
	if (rc)
		return rc;
	o = pt_cli_out(c, PT_OUT_TEXT, "patronus.state-count.v1", "count");
	if (!o)
		return -ENOMEM;
	pt_buf_fmt(&text, "%llu of %llu", (unsigned long long)n, (unsigned long long)max);
	pt_out_rec(o);
	pt_out_u64(o, "states", n);
	pt_out_u64(o, "limit", max);
	show_text(o, &text);
	pt_out_rec_end(o);
	return pt_cli_end(c, o);
}

struct doomed {
	struct states *st;
	PT_VEC(struct pt_ct_entry) list;
};

/* Deleting while a dump is under way disturbs it: collect first. */
static int doom(const struct pt_ct_entry *ct, void *arg)
{
	struct doomed *d = arg;

	return matches(d->st, ct) ? pt_vec_push(NULL, &d->list, *ct) : 0;
}

int cmd_state_kill(struct pt_cli *c)
{
	struct states st;
	struct doomed d = { .st = &st };
	size_t killed = 0;
	int rc, one;

	rc = begin(c, &st);
	if (!rc)
		rc = pt_ct_dump(st.s.nf, doom, &d, &c->err);
	for (size_t i = 0; !rc && i < d.list.n; i++) {
		one = pt_ct_delete(st.s.nf, &d.list.v[i]);
		if (!one)
			killed++;
		else if (one != -ENOENT) /* it ended by itself meanwhile */
			rc = pt_err_sys(&c->err, one, "ending a state");
	}
	if (!rc || killed)
		pt_cli_say(c, killed == 1 ? "%zu state ended\n" : "%zu states ended\n", killed);
	free(d.list.v);
	finish(&st);
	return rc;
}

static int complete_interface(struct pt_cli *c, void (*word)(const char *w, void *arg), void *arg)
{
	struct if_nameindex *devices = NULL;
	struct pt_plan p;
	struct pt_nl *nf;

	if (!pt_nl_open(&nf, NETLINK_NETFILTER, &c->err)) {
		if (!applied_or_none(nf, &p, &c->err))
			for (size_t i = 0; p.conf && i < p.conf->interfaces.n; i++)
				word(p.conf->interfaces.v[i].name, arg);
		pt_plan_fini(&p);
		pt_nl_close(nf);
	}
	devices = if_nameindex();
	for (size_t i = 0; devices && devices[i].if_name; i++)
		word(devices[i].if_name, arg);
	if (devices)
		if_freenameindex(devices);
	return 0;
}

/* The value of the word KEY. */
static int complete_value(struct pt_cli *c, const char *key, void (*word)(const char *w, void *arg), void *arg)
{
	size_t n = strlen(key);

	if (n && !strncmp("label", key, n))
		return complete_label(c, 0, word, arg);
	return n && !strncmp("interface", key, n) ? complete_interface(c, word, arg) : 0;
}

int complete_filter(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (n % 2)
		return n <= c->argc ? complete_value(c, c->argv[n - 1], word, arg) : 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(filter_keys); i++)
		word(filter_keys[i].key, arg);
	return 0;
}
