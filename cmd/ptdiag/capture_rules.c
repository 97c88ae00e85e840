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

struct judgement {
	const struct pt_pol_rule *rule; /* NULL: none matched */
	bool pass;
	enum pt_dir dir;
	char device[PT_LOG_DEVICE_MAX];
};

struct verdict {
	struct judgement judgements[CAPTURE_JUDGEMENTS];
	size_t n; /* 0: it cannot be judged */
	bool pass, uncertain;
	const char *why;
	struct verdict *next;
};

struct capture_rules {
	struct pt_nl *nf, *route;
	struct pt_explainer *x;
	const struct pt_world *world;
	struct verdict *all;
	struct verdict unknown, alone;
};

int capture_rules_new(struct capture_rules **out, struct pt_err *e)
{
	struct capture_rules *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return pt_err_sys(e, -ENOMEM, "preparing the rules");
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

static bool is_icmp(const struct pt_seen *s)
{
	return s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6;
}

/* About another packet: it passes or not as that one's connection does, which is not known here. */
static bool is_icmp_error(const struct pt_seen *s)
{
	uint8_t type = s->transport[0];

	if (s->proto == IPPROTO_ICMPV6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Only what begins a connection tells who is judged. */
static bool begins(const struct pt_flow *f, const struct pt_seen *s)
{
	if (f->packets[0] + f->packets[1] != 1)
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

static void keep(struct verdict *v, const struct pt_step *step)
{
	struct judgement *j = &v->judgements[v->n++];
	size_t n = strnlen(step->device, sizeof(j->device) - 1);

	j->rule = step->decision.rule;
	j->pass = step->decision.pass;
	j->dir = step->dir;
	memcpy(j->device, step->device, n);
}

static void judge(struct capture_rules *r, const struct pt_capture_packet *p, const struct pt_seen *s,
		  struct verdict *out)
{
	struct pt_question q;
	struct pt_path way;

	memset(out, 0, sizeof(*out));
	if (!p->dir || (p->dir == PT_OUT && !made_here(r->world, s->src)))
		return;
	question_of(p, s, &q);
	pt_path_find(r->world, &q, &way);
	for (size_t i = 0; i < way.n && out->n < CAPTURE_JUDGEMENTS; i++)
		if (way.steps[i].kind == PT_STEP_JUDGED)
			keep(out, &way.steps[i]);
	out->pass = way.pass;
	out->uncertain = way.uncertain;
	if (way.n && way.steps[way.n - 1].kind == PT_STEP_DROPPED)
		out->why = way.steps[way.n - 1].why;
}

/* The flow's, found when it begins. */
static const struct verdict *verdict_of(struct capture_rules *r, struct pt_flow *flow,
					const struct pt_capture_packet *p, const struct pt_seen *s)
{
	struct verdict *v;

	if (flow->rule)
		return flow->rule;
	flow->rule = &r->unknown;
	if (!begins(flow, s))
		return &r->unknown;
	v = calloc(1, sizeof(*v));
	if (!v)
		return &r->unknown;
	judge(r, p, s, v);
	v->next = r->all;
	r->all = v;
	flow->rule = v;
	return v;
}

static void record_of(const struct verdict *v, const struct judgement *j, struct pt_log_record *out)
{
	bool in = j->dir == PT_IN;

	*out = (struct pt_log_record){ .ours = true,
				       .action = j->pass ? PT_PASS : PT_BLOCK,
				       .dir = j->dir,
				       .rule = "-",
				       .file = "",
				       .in = in ? j->device : "",
				       .out = in ? "" : j->device,
				       .on = "",
				       .by = v->uncertain ? "evaluator,uncertain" : "evaluator" };
	if (!j->rule)
		return;
	out->rule = j->rule->name ? j->rule->name : "-";
	out->file = j->rule->loc.line && j->rule->loc.file ? j->rule->loc.file : "";
	out->line = j->rule->loc.line;
}

static void say(const struct verdict *v, struct capture_judged *out)
{
	out->n = v->n;
	out->pass = v->pass;
	out->why = v->why;
	for (size_t i = 0; i < v->n; i++) {
		record_of(v, &v->judgements[i], &out->records[i]);
		out->records[i].then = i + 1 < v->n ? &out->records[i + 1] : NULL;
	}
	if (v->why) {
		out->records[0].note = v->why;
		out->records[0].n_note = strlen(v->why);
	}
}

bool capture_rules_judge(struct capture_rules *r, struct pt_flow *flow, const struct pt_capture_packet *p,
			 const struct pt_seen *s, struct capture_judged *out)
{
	const struct verdict *v;

	if (s->fragment || !s->transport || (is_icmp(s) && (!s->n_transport || is_icmp_error(s))))
		return false;
	if (is_icmp(s) && !flow->asks) { /* each stands alone */
		judge(r, p, s, &r->alone);
		v = &r->alone;
	} else {
		v = verdict_of(r, flow, p, s);
	}
	if (!v->n)
		return false;
	say(v, out);
	return true;
}
