/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections that were there before the first rules have no state, and their next packet is no SYN: the
 * rules would cut them, the administrator's own session among them. So the first apply asks the evaluator
 * what it would have said to their first packet, and makes the states that the rules would have made. Which way that
 * packet went is decided first: a rule for what leaves must not keep a session that came in.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/ct.h>

#include "plan/internal.h"

#define FLAG_SYN 0x02
#define TIMEOUT_ESTABLISHED 432000 /* seconds, the kernel's own for established TCP */

struct connection {
	struct pt_net_socket socket;
	bool inbound;             /* conntrack saw it come in */
	bool tracked;             /* as STATE, with these ends */
	struct pt_ct_entry state;
};

struct adoption {
	struct pt_plan *plan;
	struct pt_nl *nf, *route;
	struct pt_eval *eval;
	PT_VEC(struct connection) connections; /* sorted by their ends */
	PT_VEC(struct pt_net_socket) listeners;
};

/* The rule that would have kept a state for this connection in DIR; NULL: none would. Where that hangs on what only its
 * first packet could tell, it is taken to have been so: who is connected must not be cut off. */
static const struct pt_pol_rule *keeper(const struct adoption *a, const struct pt_net_socket *s, enum pt_dir dir,
					const char *device)
{
	struct pt_packet k = { .af = s->local.af, .proto = PT_PROTO_TCP, .tcp_flags = FLAG_SYN, .ct = PT_CT_NEW,
			       .partial = true, .time = (uint64_t)time(NULL) };
	const struct pt_pol_rule *rule;
	struct pt_decision d;

	k.src = dir == PT_IN ? s->remote : s->local;
	k.dst = dir == PT_IN ? s->local : s->remote;
	k.sport = dir == PT_IN ? s->rport : s->lport;
	k.dport = dir == PT_IN ? s->lport : s->rport;
	pt_evaluate(a->eval, &k, dir, device, &d);
	rule = d.pass ? d.rule : d.maybe;
	return rule && rule->action == PT_PASS && rule->keep_state && !d.nat && !rule->nat ? rule : NULL;
}

static void entry_of(const struct pt_net_socket *s, enum pt_dir dir, uint32_t rule, struct pt_ct_entry *ct)
{
	struct pt_ct_tuple out = { .src = s->local, .dst = s->remote, .sport = s->lport, .dport = s->rport };
	struct pt_ct_tuple in = { .src = s->remote, .dst = s->local, .sport = s->rport, .dport = s->lport };

	memset(ct, 0, sizeof(*ct));
	ct->proto = PT_PROTO_TCP;
	ct->timeout = TIMEOUT_ESTABLISHED;
	ct->orig = dir == PT_IN ? in : out;
	ct->reply = dir == PT_IN ? out : in;
	ct->label[0] = dir == PT_IN ? PT_LABEL_IN : PT_LABEL_OUT;
	ct->label[dir == PT_IN ? 1 : 2] = rule;
}

/* ---- the connections, and what is known of them ---- */

static int end_cmp(struct pt_addr x, uint16_t xport, struct pt_addr y, uint16_t yport)
{
	if (xport != yport)
		return xport < yport ? -1 : 1;
	if (x.af != y.af)
		return x.af < y.af ? -1 : 1;
	return (x.v > y.v) - (x.v < y.v);
}

static int connection_cmp(const void *a, const void *b)
{
	const struct connection *x = a, *y = b;
	int order = end_cmp(x->socket.local, x->socket.lport, y->socket.local, y->socket.lport);

	return order ? order : end_cmp(x->socket.remote, x->socket.rport, y->socket.remote, y->socket.rport);
}

static int add_connection(const struct pt_net_socket *s, void *arg)
{
	struct adoption *a = arg;
	struct connection c = { .socket = *s };

	return pt_vec_push(NULL, &a->connections, c);
}

static int add_listener(const struct pt_net_socket *s, void *arg)
{
	struct adoption *a = arg;

	return pt_vec_push(NULL, &a->listeners, *s);
}

/* The connection whose packets from here to there look like T; NULL: none. */
static struct connection *find(const struct adoption *a, const struct pt_ct_tuple *t)
{
	const struct connection key = {
		.socket = { .local = t->src, .remote = t->dst, .lport = t->sport, .rport = t->dport },
	};

	if (!a->connections.n)
		return NULL;
	return bsearch(&key, a->connections.v, a->connections.n, sizeof(key), connection_cmp);
}

static bool translated(const struct pt_ct_entry *ct)
{
	return end_cmp(ct->orig.src, ct->orig.sport, ct->reply.dst, ct->reply.dport) ||
	       end_cmp(ct->orig.dst, ct->orig.dport, ct->reply.src, ct->reply.sport);
}

static int note_state(const struct pt_ct_entry *ct, void *arg)
{
	const struct adoption *a = arg;
	struct connection *out, *in;

	if (ct->proto != PT_PROTO_TCP)
		return 0;
	out = find(a, &ct->orig);
	in = find(a, &ct->reply);
	if (in)
		in->inbound = true;
	if (!in && !out)
		return 0;
	(in ? in : out)->tracked = !translated(ct); /* whose ends are others cannot be made anew */
	(in ? in : out)->state = *ct;
	return 0;
}

/* Somebody waits for connections there: that one has come in, whatever conntrack saw of it first. */
static bool listened_to(const struct adoption *a, const struct pt_net_socket *s)
{
	for (size_t i = 0; i < a->listeners.n; i++) {
		const struct pt_net_socket *l = &a->listeners.v[i];

		if (l->lport == s->lport && (!l->local.v || (l->local.af == s->local.af && l->local.v == s->local.v)))
			return true;
	}
	return false;
}

/* ---- making states ---- */

/* A state of other people's rules has no room for our label: it is made anew. */
static int make_state(const struct adoption *a, const struct connection *c, const struct pt_ct_entry *ct)
{
	int rc = pt_ct_create_tcp(a->nf, ct);

	if (rc != -EEXIST || !c->tracked)
		return rc;
	rc = pt_ct_delete(a->nf, &c->state);
	return rc ? rc : pt_ct_create_tcp(a->nf, ct);
}

/* One that cannot be kept is no reason to give up the others. */
static void adopt_one(const struct adoption *a, const struct connection *c)
{
	enum pt_dir dir = c->inbound || listened_to(a, &c->socket) ? PT_IN : PT_OUT;
	const struct pt_pol_rule *rule;
	struct pt_ct_entry ct;
	char device[IF_NAMESIZE];

	if (pt_net_route(a->route, c->socket.remote, device) || !device[0])
		return;
	rule = keeper(a, &c->socket, dir, device);
	if (!rule)
		return;
	entry_of(&c->socket, dir, rule->id, &ct);
	if (!make_state(a, c, &ct))
		a->plan->adopted++;
}

static int adopt_all(struct adoption *a, struct pt_err *e)
{
	int rc = pt_net_tcp_sockets(add_connection, a, e);

	if (rc || !a->connections.n)
		return rc;
	qsort(a->connections.v, a->connections.n, sizeof(*a->connections.v), connection_cmp);
	rc = pt_net_tcp_listeners(add_listener, a, e);
	if (!rc)
		rc = pt_eval_new(a->plan->policy, a->plan->host, &a->eval, e);
	if (!rc)
		rc = pt_ct_dump(a->nf, note_state, a, e);
	for (size_t i = 0; !rc && i < a->connections.n; i++)
		adopt_one(a, &a->connections.v[i]);
	return rc;
}

/* ---- what cannot be given a state ---- */

static bool loopback(struct pt_addr a)
{
	return a.af == PT_AF_INET6 ? a.v == 1 : a.v >> 24 == 127;
}

/* No rule can write a label where there is no room for one: the answers to such a flow would be blocked for as long
 * as it goes on. Its next packet makes a state that has room. What is on the loopback interface passes anyway. */
static int forget_one(const struct pt_ct_entry *ct, void *arg)
{
	if (!ct->has_label && !loopback(ct->orig.src))
		(void)!pt_ct_delete(arg, ct); /* it may be gone already */
	return 0;
}

static int forget_unlabelled(struct pt_nl *nf, struct pt_err *e)
{
	struct pt_nl *other; /* NF is in the middle of the dump */
	uint64_t n, max;
	int rc = pt_ct_count(nf, &n, &max, e);

	if (rc || !n) /* a dump walks the table of all namespaces, however few are in this one */
		return rc;
	rc = pt_nl_open(&other, NETLINK_NETFILTER, e);
	if (rc)
		return rc;
	rc = pt_ct_dump(nf, forget_one, other, e);
	pt_nl_close(other);
	return rc;
}

void plan_adopt(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct adoption a = { .plan = p, .nf = nf };
	struct pt_err why = { 0 };
	int rc;

	rc = pt_nl_open(&a.route, NETLINK_ROUTE, &why);
	if (!rc)
		rc = adopt_all(&a, &why);
	if (!rc)
		rc = forget_unlabelled(nf, &why);
	if (rc)
		pt_err_add(e, PT_WARNING, NULL, "connections that were open before may have to be opened again",
			   "the rules are in force, but open connections could not be given states: %s", strerror(-rc));
	pt_err_fini(&why);
	pt_eval_free(a.eval);
	free(a.connections.v);
	free(a.listeners.v);
	pt_nl_close(a.route);
}
