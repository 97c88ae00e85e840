/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rule decides about a packet, for its comment in the file.
 *
 * The kernel tells it only of what is logged. Here the evaluator answers for the first packet of each flow, with the
 * rules, tables, addresses and routes as they were when the command began, and the packets behind it have the same
 * answer; the comment says that it is the evaluator's. Of a connection whose beginning was not seen nothing is said:
 * who began it is not known.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/nl.h>
#include <patronus/plan.h>

#include "capture.h"

struct verdict {
	const struct pt_pol_rule *rule; /* NULL: none matched */
	bool pass, uncertain, none;     /* NONE: it cannot be judged */
	struct verdict *next;
};

struct capture_rules {
	struct pt_nl *nf, *route;
	struct pt_explainer *x;
	const struct pt_world *world;
	struct verdict *all;
	struct verdict unknown;
};

int capture_rules_new(struct capture_rules **out, struct pt_err *e)
{
	struct capture_rules *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : pt_err_sys(e, -ENOMEM, "preparing the rules");

	*out = NULL;
	if (!rc)
		rc = pt_nl_open(&r->nf, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&r->route, NETLINK_ROUTE, e);
	if (!rc)
		rc = pt_explainer_new(NULL, r->nf, r->route, &r->x, e);
	if (rc) {
		capture_rules_free(r);
		return rc;
	}
	r->world = pt_explainer_world(r->x);
	r->unknown.none = true;
	*out = r;
	return 0;
}

void capture_rules_free(struct capture_rules *r)
{
	struct verdict *next;

	if (!r)
		return;
	for (struct verdict *v = r->all; v; v = next) {
		next = v->next;
		free(v);
	}
	pt_explainer_free(r->x);
	pt_nl_close(r->route);
	pt_nl_close(r->nf);
	free(r);
}

const char *capture_rules_about(const struct capture_rules *r)
{
	(void)r;
	return "Comments of packets with by=evaluator are not the kernel's word: they say what Patronus' evaluator "
	       "answers for the first packet of the flow, with the rules that were in force when the capture began.";
}

/* Only what begins a connection tells who is judged. */
static bool begins(const struct pt_flow *f, const struct pt_seen *s)
{
	if (f->packets[0] + f->packets[1] != 1 || s->fragment || !s->transport)
		return false;
	return s->proto != IPPROTO_TCP || (s->has_tcp && (s->flags & 0x12) == 0x02);
}

/* A packet that this machine passes on was judged where it came in. */
static bool made_here(const struct pt_world *w, struct pt_addr src)
{
	return pt_iset_has(&w->self[src.af == PT_AF_INET6], src.v);
}

static void question_of(const struct pt_capture_packet *p, const struct pt_seen *s, struct pt_question *q)
{
	*q = (struct pt_question){ .dir = p->dir, .device = p->device };
	q->packet = (struct pt_packet){ .af = s->src.af,
					.proto = s->proto,
					.src = s->src,
					.dst = s->dst,
					.sport = s->sport,
					.dport = s->dport,
					.mac = PT_NO_MAC,
					.tcp_flags = s->flags,
					.partial = true,
					.known = PT_FACT_TOS,
					.time = p->time / 1000000000 };
	q->packet.tos = s->network[1];
	if (s->src.af == PT_AF_INET6)
		q->packet.tos = (uint8_t)((s->network[0] & 15) << 4 | s->network[1] >> 4);
	if ((s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6) && s->n_transport >= 2) {
		q->packet.icmp_type = s->transport[0];
		q->packet.icmp_code = s->transport[1];
	}
	q->packet.ct = pt_packet_ct(&q->packet);
}

static struct verdict *judge(struct capture_rules *r, const struct pt_capture_packet *p, const struct pt_seen *s)
{
	struct pt_question q;
	struct pt_path way;
	struct verdict *v;

	if (!p->dir || (p->dir == PT_OUT && !made_here(r->world, s->src)))
		return &r->unknown;
	question_of(p, s, &q);
	pt_path_find(r->world, &q, &way);
	if (!way.decided)
		return &r->unknown;
	v = calloc(1, sizeof(*v));
	if (!v)
		return &r->unknown;
	*v = (struct verdict){ way.decided->rule, way.pass, way.uncertain, false, r->all };
	r->all = v;
	return v;
}

bool capture_rules_judge(struct capture_rules *r, struct pt_flow *flow, const struct pt_capture_packet *p,
			 const struct pt_seen *s, struct pt_log_record *out)
{
	const struct verdict *v = flow->rule;

	if (!v)
		flow->rule = v = begins(flow, s) ? judge(r, p, s) : &r->unknown;
	if (v->none)
		return false;
	*out = (struct pt_log_record){ .ours = true,
				       .action = v->pass ? PT_PASS : PT_BLOCK,
				       .dir = p->dir,
				       .rule = "-",
				       .file = "",
				       .in = "",
				       .out = "",
				       .on = "",
				       .by = v->uncertain ? "evaluator,uncertain" : "evaluator" };
	if (v->rule) {
		out->rule = v->rule->name ? v->rule->name : "-";
		out->file = v->rule->loc.line && v->rule->loc.file ? v->rule->loc.file : "";
		out->line = v->rule->loc.line;
	}
	return true;
}
