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

/* A rule that states may name. */
struct named {
	uint32_t id;
	const char *name;
};

struct states {
	struct pt_cli *c;
	struct sockets s;
	struct pt_plan p;           /* the applied file, for names; conf NULL when there is none */
	PT_VEC(struct named) names; /* by id */
	struct filter f;
	struct pt_out *o;
	struct pt_buf text;         /* of the state that is shown */
	/* routes are asked for once an address */
	struct {
		struct pt_addr addr;
		char device[IF_NAMESIZE];
	} *routes;
	size_t n_routes;
};
#define ROUTES 1024 /* remembered; a plain direct-mapped cache */

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
	size_t slot = pt_hash32(&a.v, sizeof(a.v)) % ROUTES;

	if (st->routes[slot].addr.af != a.af || st->routes[slot].addr.v != a.v) {
		st->routes[slot].addr = a;
		if (pt_net_route(st->s.route, a, st->routes[slot].device))
			st->routes[slot].device[0] = '\0';
	}
	return !strcmp(st->routes[slot].device, st->f.interface);
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

/* ---- showing ---- */

static int by_id(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* There may be as many rules as states: the names are found, not looked for. */
static int collect_names(struct states *st)
{
	const struct pt_policy *p = st->p.policy;
	uint32_t last = 0;
	int rc = 0;

	for (size_t i = 0; !rc && p && i < p->rules.n; i++) {
		struct named one = { .id = p->rules.v[i].id, .name = p->rules.v[i].name };

		if (one.id != last)
			rc = pt_vec_push(NULL, &st->names, one);
		last = one.id;
	}
	if (st->names.n)
		qsort(st->names.v, st->names.n, sizeof(*st->names.v), by_id);
	return rc;
}

static const char *rule_name(const struct states *st, uint32_t id)
{
	const struct named wanted = { .id = id }, *found = NULL;

	if (id && st->names.n)
		found = bsearch(&wanted, st->names.v, st->names.n, sizeof(wanted), by_id);
	return found ? found->name : NULL;
}

static void end_text(struct pt_buf *b, struct pt_addr a, uint16_t port, bool ports)
{
	bool v6 = a.af == PT_AF_INET6;

	pt_addr_fmt(b, a);
	if (!ports)
		return;
	pt_buf_chr(b, v6 ? '[' : ':');
	pt_buf_uint(b, port);
	if (v6)
		pt_buf_chr(b, ']');
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static void proto_text(struct pt_buf *b, uint8_t proto)
{
	const char *name = pt_proto_name(proto);

	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_uint(b, proto);
}

static void rules_text(const struct states *st, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	const char *in = rule_name(st, ct->label[1]), *out = rule_name(st, ct->label[2]);

	if (!in && !out)
		return;
	pt_buf_str(b, " [");
	if (in)
		pt_buf_str(b, in);
	if (in && out)
		pt_buf_str(b, ", ");
	if (out)
		pt_buf_str(b, out);
	pt_buf_chr(b, ']');
}

static void state_text(const struct states *st, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	bool ports = has_ports(ct->proto);

	proto_text(b, ct->proto);
	pt_buf_chr(b, ' ');
	end_text(b, ct->orig.src, ct->orig.sport, ports);
	pt_buf_str(b, " -> ");
	end_text(b, ct->orig.dst, ct->orig.dport, ports);
	if (ct->reply.src.v != ct->orig.dst.v || (ports && ct->reply.sport != ct->orig.dport)) {
		pt_buf_str(b, " (to ");
		end_text(b, ct->reply.src, ct->reply.sport, ports);
		pt_buf_chr(b, ')');
	}
	if (ct->reply.dst.v != ct->orig.src.v || (ports && ct->reply.dport != ct->orig.sport)) {
		pt_buf_str(b, " (as ");
		end_text(b, ct->reply.dst, ct->reply.dport, ports);
		pt_buf_chr(b, ')');
	}
	if (ct->proto == IPPROTO_TCP) {
		pt_buf_chr(b, ' ');
		pt_buf_str(b, pt_ct_tcp_state_name(ct->tcp_state));
	}
	rules_text(st, ct, b);
	if (st->c->stats) {
		pt_buf_fmt(b, "\n  [ expires in %us", ct->timeout);
		if (ct->has_counters)
			pt_buf_fmt(b, "  packets %llu:%llu  bytes %llu:%llu", (unsigned long long)ct->packets[0],
				   (unsigned long long)ct->packets[1], (unsigned long long)ct->bytes[0],
				   (unsigned long long)ct->bytes[1]);
		else /* the kernel counts with net.netfilter.nf_conntrack_acct only */
			pt_buf_str(b, "  packets -  bytes -");
		pt_buf_str(b, " ]");
	}
}

static void show_tuple(struct pt_out *o, const char *key, const struct pt_ct_entry *ct, const struct pt_ct_tuple *t, int dir)
{
	pt_out_obj(o, key);
	pt_out_addr(o, "src", t->src);
	pt_out_addr(o, "dst", t->dst);
	if (has_ports(ct->proto)) {
		pt_out_u64(o, "sport", t->sport);
		pt_out_u64(o, "dport", t->dport);
	}
	if (ct->has_counters) {
		pt_out_u64(o, "packets", ct->packets[dir]);
		pt_out_u64(o, "bytes", ct->bytes[dir]);
	}
	pt_out_obj_end(o);
}

static void show_keys(struct states *st, const struct pt_ct_entry *ct)
{
	struct pt_buf proto = { 0 };

	proto_text(&proto, ct->proto);
	pt_out_u64(st->o, "id", ct->id);
	show_key(st->o, "proto", &proto);
	show_tuple(st->o, "orig", ct, &ct->orig, 0);
	show_tuple(st->o, "reply", ct, &ct->reply, 1);
	pt_out_str(st->o, "tcp_state", ct->proto == IPPROTO_TCP ? pt_ct_tcp_state_name(ct->tcp_state) : NULL);
	pt_out_str(st->o, "rule_in", rule_name(st, ct->label[1]));
	pt_out_str(st->o, "rule_out", rule_name(st, ct->label[2]));
	pt_out_u64(st->o, "mark", ct->mark);
	pt_out_u64(st->o, "expires", ct->timeout);
}

/* For a hundred thousand states, what is not shown must not be written first, nor memory asked for each. */
static int show_state(const struct pt_ct_entry *ct, void *arg)
{
	struct states *st = arg;

	if (!matches(st, ct))
		return 0;
	pt_out_rec(st->o);
	if (pt_out_format(st->o) == PT_OUT_TEXT) {
		st->text.n = 0;
		state_text(st, ct, &st->text);
		pt_out_fail(st->o, st->text.err);
		pt_out_text(st->o, st->text.s);
	} else {
		show_keys(st, ct);
	}
	pt_out_rec_end(st->o);
	return 0;
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
	rc = collect_names(st);
	if (rc)
		return rc;
	st->routes = calloc(ROUTES, sizeof(*st->routes));
	return st->routes ? filters(st) : -ENOMEM;
}

static void finish(struct states *st)
{
	free(st->routes);
	free(st->names.v);
	free(st->f.nets.v);
	pt_buf_fini(&st->text);
	pt_plan_fini(&st->p);
	sockets_close(&st->s);
}

int cmd_state_show(struct pt_cli *c)
{
	struct states st;
	int rc, end;

	rc = begin(c, &st);
	if (!rc) {
		st.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.state.v1", "states");
		rc = st.o ? pt_ct_dump(st.s.nf, show_state, &st, &c->err) : -ENOMEM;
	}
	if (st.o) {
		end = pt_cli_end(c, st.o);
		rc = rc ? rc : end;
	}
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
