/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules in force, asked about the very packet that is to be sent, and about the answer where no state lets it in;
 * and what the packet leaves as. Nothing is sent: rules judge the same way here as in the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "diag/finding_why.h"

#define SYN 0x02
#define SYN_ACK 0x12
#define CLIENT_PORT 49152 /* the first of those that programs get: RFC 6335 */

static void first_record(const struct pt_err *e, int rc, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", e->list.n ? e->list.v[0].msg : strerror(-rc));
}

/* Nothing in the kernel, as against a set of the boot, or rules whose file is gone: those block, and cannot be
 * asked. */
static bool is_empty(const struct why *y)
{
	struct pt_nft_state *now = NULL;
	bool empty = !pt_nft_read_applied(y->nf, &now, NULL) && !now->present;

	pt_nft_state_free(now);
	return empty;
}

void why_rules_load(struct why *y)
{
	struct pt_err e = { 0 };
	int rc = y->nf ? pt_explainer_new(NULL, y->nf, y->route, &y->explainer, &e) : -EPERM;

	/* Root of a user namespace has the socket, and may not ask by it. */
	if (rc == -EPERM) {
		y->nf = NULL;
		(void)snprintf(y->why_no_rules, sizeof(y->why_no_rules), "reading them needs CAP_NET_ADMIN");
	} else if (rc) {
		first_record(&e, rc, y->why_no_rules, sizeof(y->why_no_rules));
	}
	y->no_rules = rc == -ENOENT && is_empty(y);
	pt_err_fini(&e);
}

/* ---- packets ---- */

static struct pt_question packet(const struct why *y, const struct why_walk *k)
{
	struct pt_question q = { .dir = PT_OUT, .device = why_device(y, k->way.index) };
	struct pt_packet *p = &q.packet;
	bool six = k->to.af == PT_AF_INET6;

	p->af = k->to.af;
	p->src = k->way.src;
	p->dst = k->to;
	p->mac = PT_NO_MAC;
	p->time = (uint64_t)time(NULL);
	p->partial = true;
	p->known = PT_FACT_TOS;
	if (!y->o->port) {
		p->proto = six ? PT_PROTO_ICMP6 : PT_PROTO_ICMP;
		p->icmp_type = six ? 128 : 8;
		return q;
	}
	p->proto = y->o->udp ? PT_PROTO_UDP : PT_PROTO_TCP;
	p->sport = CLIENT_PORT;
	p->dport = y->o->port;
	p->tcp_flags = y->o->udp ? 0 : SYN;
	return q;
}

/* What comes back, as it arrives: with the addresses that the packet left with. */
static struct pt_question answer_to(const struct why *y, const struct why_walk *k, const struct pt_packet *sent)
{
	struct pt_question q = { .dir = PT_IN, .device = why_device(y, k->way.index), .packet = *sent };
	struct pt_packet *p = &q.packet;

	p->src = sent->dst;
	p->dst = sent->src;
	p->sport = sent->dport;
	p->dport = sent->sport;
	p->tag = 0;
	p->known = 0;
	if (p->proto == PT_PROTO_TCP)
		p->tcp_flags = SYN_ACK;
	if (!y->o->port)
		p->icmp_type = p->proto == PT_PROTO_ICMP6 ? 129 : 0;
	return q;
}

/* ---- words ---- */

/* "rule web (fw.conf:12): pass out ..." */
static void say_decision(const struct pt_decision *d, char *out, size_t size)
{
	const struct pt_pol_rule *r = d ? d->rule : NULL;

	if (!r)
		(void)snprintf(out, size, "no rule matches, and what no rule passes is blocked");
	else if (r->loc.line)
		(void)snprintf(out, size, "%s:%u: %s", r->loc.file, r->loc.line, r->text);
	else
		(void)snprintf(out, size, "built-in rule: %s", r->text);
}

static void say_next(const struct pt_question *q, char *out, size_t size)
{
	const struct pt_packet *p = &q->packet;
	const char *proto = pt_proto_name(p->proto);
	bool ports = p->proto == PT_PROTO_TCP || p->proto == PT_PROTO_UDP, six = p->af == PT_AF_INET6 && ports;
	char src[64], dst[64], sport[8] = "", dport[8] = "";

	why_text(p->src, src);
	why_text(p->dst, dst);
	if (ports) {
		(void)snprintf(sport, sizeof(sport), ":%u", p->sport);
		(void)snprintf(dport, sizeof(dport), ":%u", p->dport);
	}
	(void)snprintf(out, size, "ptfw -d explain %s %s %s %s%s%s%s to %s%s%s%s", q->dir == PT_OUT ? "out" : "in",
		       q->device, proto ? proto : "?", six ? "[" : "", src, six ? "]" : "", sport, six ? "[" : "", dst,
		       six ? "]" : "", dport);
}

/* Nobody can be asked: NONE is said where there are no rules at all, UNREAD of those that could not be read. */
static void say_no_rules(const struct why *y, const char *none, const char *unread, struct why_say *s)
{
	s->outcome = y->no_rules ? PT_WHY_PASSED : PT_WHY_UNKNOWN;
	(void)snprintf(s->text, sizeof(s->text), "%s", y->no_rules ? none : unread);
	(void)snprintf(s->seen, sizeof(s->seen), "%s", y->no_rules ? "" : y->why_no_rules);
	(void)snprintf(s->next, sizeof(s->next), y->nf ? "ptfw status" : "the same as root");
}

/* ---- the judgement ---- */

/* Of packets without a state the answer is judged like any other that arrives. */
static bool answer_blocked(const struct why *y, const struct why_walk *k, struct pt_question *q, struct pt_path *path)
{
	const struct pt_path *out = &k->path;

	if (!out->decided || !out->decided->rule || out->decided->rule->keep_state)
		return false;
	*q = answer_to(y, k, &out->steps[out->n - 1].packet);
	pt_path_find(pt_explainer_world(y->explainer), q, path);
	return !path->pass;
}

static void say_blocked(const struct pt_question *q, const struct pt_path *p, const char *what, struct why_say *s)
{
	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text), "this machine's own rules block %s", what);
	say_decision(p->decided, s->seen, sizeof(s->seen));
	if (p->decided && p->decided->pass && p->why)
		(void)snprintf(s->seen, sizeof(s->seen), "%s", p->why);
	say_next(q, s->next, sizeof(s->next));
}

static bool may_differ(const struct pt_path *p)
{
	return p->uncertain && p->decided && p->decided->maybe;
}

/* A rule that asks for what is not known here, a user or a chance, may decide: that is a doubt and no verdict. */
static void say_passed(const struct why_walk *k, struct why_say *s)
{
	const struct pt_path *p = &k->path;
	const struct pt_pol_rule *r = p->decided ? p->decided->rule : NULL;
	char rule[WHY_TEXT - 80];

	say_decision(p->decided, rule, sizeof(rule));
	(void)snprintf(s->text, sizeof(s->text), "%s; the answer comes back in%s", rule,
		       r && r->keep_state ? " by its state" : "");
	if (may_differ(p)) {
		const struct pt_pol_rule *m = p->decided->maybe;

		(void)snprintf(s->seen, sizeof(s->seen), "it may be another for some users or packets: %s:%u: %s",
			       m->loc.file ? m->loc.file : "built-in", m->loc.line, m->text);
	}
}

int why_rules(struct why *y, struct why_walk *k, struct why_say *s)
{
	struct pt_question q = packet(y, k);
	struct pt_path back;
	char what[32];

	if (!y->explainer) {
		say_no_rules(y, "no rules of Patronus are in force", "the rules in force, which could not be read", s);
		return 0;
	}
	why_what(y, what);
	pt_path_find(pt_explainer_world(y->explainer), &q, &k->path);
	k->has_path = true;
	if (!k->path.pass && may_differ(&k->path)) {
		s->outcome = PT_WHY_UNKNOWN;
		(void)snprintf(s->text, sizeof(s->text),
			       "whether the rules block %s depends on who sends it, or on chance", what);
		say_decision(k->path.decided, s->seen, sizeof(s->seen));
		say_next(&q, s->next, sizeof(s->next));
	} else if (!k->path.pass) {
		say_blocked(&q, &k->path, what, s);
	} else if (answer_blocked(y, k, &q, &back)) {
		(void)snprintf(what, sizeof(what), "the answer");
		say_blocked(&q, &back, what, s);
	} else {
		say_passed(k, s);
	}
	return 0;
}

/* ---- what it leaves as ---- */

static const struct pt_step *translation(const struct why_walk *k)
{
	for (size_t i = 0; k->has_path && i < k->path.n; i++)
		if (k->path.steps[i].kind == PT_STEP_TRANSLATED)
			return &k->path.steps[i];
	return NULL;
}

static void end_text(struct pt_addr a, uint16_t port, char out[80])
{
	char text[64];

	why_text(a, text);
	if (port)
		(void)snprintf(out, 80, a.af == PT_AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
	else
		(void)snprintf(out, 80, "%s", text);
}

int why_nat(struct why *y, struct why_walk *k, struct why_say *s)
{
	const struct pt_step *t = translation(k);
	char before[80], after[80];
	bool source;

	if (!y->explainer) {
		say_no_rules(y, "it leaves as it is", "what it leaves as, for the rules could not be read", s);
		return 0;
	}
	if (!t) {
		(void)snprintf(s->text, sizeof(s->text), "it leaves as it is");
		return 0;
	}
	source = pt_explainer_world(y->explainer)->policy->nats.v[t->nat - 1].kind == PT_NAT_SRC;
	end_text(source ? k->way.src : k->to, source ? 0 : y->o->port, before);
	end_text(source ? t->packet.src : t->packet.dst, source ? 0 : t->packet.dport, after);
	(void)snprintf(s->text, sizeof(s->text), "its %s %s becomes %s%s", source ? "source" : "destination", before,
		       t->any_of_pool ? "one of several from " : "", after);
	say_decision(k->path.decided, s->seen, sizeof(s->seen));
	return 0;
}
