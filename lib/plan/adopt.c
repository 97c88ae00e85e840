/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections that were there before the first rules have no state, and their next packet is no SYN: the
 * rules would cut them, the administrator's own session among them. So the first apply asks the evaluator
 * what it would have said to their first packet, and makes the states that the rules would have made.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <patronus/ct.h>

#include "plan/internal.h"

#define FLAG_SYN 0x02
#define TIMEOUT_ESTABLISHED 432000 /* seconds, the kernel's own for established TCP */

struct adoption {
	struct pt_plan *plan;
	struct pt_nl *nf, *route;
	struct pt_eval *eval;
};

/* The rule that would have kept a state for this connection in DIR; NULL: none would. */
static const struct pt_pol_rule *keeper(const struct adoption *a, const struct pt_net_socket *s, enum pt_dir dir,
					const char *device)
{
	struct pt_packet k = { .af = s->local.af, .proto = PT_PROTO_TCP, .tcp_flags = FLAG_SYN, .ct = PT_CT_NEW };
	struct pt_decision d;

	k.src = dir == PT_IN ? s->remote : s->local;
	k.dst = dir == PT_IN ? s->local : s->remote;
	k.sport = dir == PT_IN ? s->rport : s->lport;
	k.dport = dir == PT_IN ? s->lport : s->rport;
	pt_evaluate(a->eval, &k, dir, device, &d);
	return d.pass && d.rule->keep_state && !d.nat ? d.rule : NULL;
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

/* ---- a state of other people's rules has no room for our label: it is made anew ---- */

struct search {
	const struct pt_ct_entry *want;
	struct pt_ct_entry found;
	bool hit;
};

static bool same_ends(const struct pt_ct_tuple *x, const struct pt_ct_tuple *y)
{
	return x->src.v == y->src.v && x->dst.v == y->dst.v && x->sport == y->sport && x->dport == y->dport;
}

static int look(const struct pt_ct_entry *ct, void *arg)
{
	struct search *s = arg;

	if (ct->proto != s->want->proto || ct->orig.src.af != s->want->orig.src.af ||
	    !(same_ends(&ct->orig, &s->want->orig) || same_ends(&ct->orig, &s->want->reply)))
		return 0;
	s->found = *ct;
	s->hit = true;
	return 0;
}

static int replace(struct pt_nl *nf, const struct pt_ct_entry *ct, struct pt_err *e)
{
	struct search s = { .want = ct };
	int rc = pt_ct_dump(nf, look, &s, e);

	if (!rc && s.hit)
		rc = pt_ct_delete(nf, &s.found);
	return rc ? rc : pt_ct_create_tcp(nf, ct);
}

static int adopt_one(const struct pt_net_socket *s, void *arg)
{
	static const enum pt_dir dirs[] = { PT_IN, PT_OUT };
	struct adoption *a = arg;
	const struct pt_pol_rule *rule = NULL;
	struct pt_err none = { 0 };
	struct pt_ct_entry ct;
	char device[IF_NAMESIZE];
	int rc = 0;

	if (pt_net_route(a->route, s->remote, device) || !device[0])
		return 0;
	for (size_t i = 0; !rule && i < PT_ARRAY_SIZE(dirs); i++) {
		rule = keeper(a, s, dirs[i], device);
		if (rule)
			entry_of(s, dirs[i], rule->id, &ct);
	}
	if (!rule)
		return 0;
	rc = pt_ct_create_tcp(a->nf, &ct);
	if (rc == -EEXIST)
		rc = replace(a->nf, &ct, &none);
	pt_err_fini(&none);
	if (!rc)
		a->plan->adopted++;
	return 0; /* one that cannot be kept is no reason to give up the others */
}

void plan_adopt(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct adoption a = { .plan = p, .nf = nf };
	struct pt_err why = { 0 };
	int rc;

	rc = pt_nl_open(&a.route, NETLINK_ROUTE, &why);
	if (!rc)
		rc = pt_eval_new(p->policy, p->host, &a.eval, &why);
	if (!rc)
		rc = pt_net_tcp_sockets(adopt_one, &a, &why);
	if (rc)
		pt_err_add(e, PT_WARNING, NULL, "connections that were open before may have to be opened again",
			   "the rules are in force, but open connections could not be given states: %s", strerror(-rc));
	pt_err_fini(&why);
	pt_eval_free(a.eval);
	pt_nl_close(a.route);
}
