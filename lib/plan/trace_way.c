/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's messages about packets that are followed, put together to the way of each.
 *
 * Messages of several packets come mixed, told apart by a number that comes again when a packet's memory does. A
 * packet begins with the rule of our hook, and ends where it is dropped, delivered or leaves. The first message of each hook has the
 * headers as they are there: what differs from the hook before is a translation.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "plan/trace_internal.h"

#define RULES_MAX 512 /* of one packet, kept for -d */

/* ---- steps ---- */

struct pt_trace_step *trace_step(struct trace_slot *s, enum pt_trace_kind kind, enum pt_dir dir, const char *device)
{
	size_t i = s->t.n < PT_TRACE_STEPS ? s->t.n++ : PT_TRACE_STEPS - 1;
	struct pt_trace_step *step = &s->t.steps[i];

	*step = (struct pt_trace_step){ .kind = kind, .dir = dir, .packet = s->now };
	memcpy(step->device, device, sizeof(step->device));
	return step;
}

static uint64_t now_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- packets ---- */

/* False: without its protocol. */
static bool read_packet(const struct pt_nft_trace *m, struct pt_packet *k)
{
	struct pt_log_packet p;
	bool ports;

	pt_log_packet(m->header, m->n, &p);
	*k = (struct pt_packet){ .af = p.src.af, .proto = p.proto, .src = p.src, .dst = p.dst, .sport = p.sport,
				 .dport = p.dport, .icmp_type = p.icmp_type, .icmp_code = p.icmp_code,
				 .tcp_flags = p.flags, .mac = PT_NO_MAC, .partial = true, .known = PT_FACT_TOS,
				 .time = now_ns(CLOCK_REALTIME) / 1000000000u };
	ports = k->proto == PT_PROTO_TCP || k->proto == PT_PROTO_UDP || k->proto == PT_PROTO_SCTP;
	k->no_ports = ports && !p.has_ports;
	k->no_flags = k->proto == PT_PROTO_TCP && !p.has_flags;
	if (p.src.af == PT_AF_INET)
		k->tos = m->header[1];
	else if (p.src.af == PT_AF_INET6)
		k->tos = (uint8_t)(m->header[0] << 4 | m->header[1] >> 4);
	k->ct = pt_packet_ct(k);
	return p.has_proto;
}

static void name_device(uint32_t index, char out[16])
{
	char name[IF_NAMESIZE] = "";

	if (!index)
		return;
	memset(out, 0, 16);
	if (if_indextoname(index, name))
		memcpy(out, name, sizeof(name) < 16 ? sizeof(name) : 15);
}

static bool translated(const struct pt_packet *a, const struct pt_packet *b)
{
	if (a->af != b->af || a->proto != b->proto || a->no_ports != b->no_ports)
		return false;
	return a->src.v != b->src.v || a->dst.v != b->dst.v || a->sport != b->sport || a->dport != b->dport;
}

/* The first message of a hook. */
static void enter(struct trace_slot *s, const struct pt_nft_trace *m, bool ours)
{
	struct pt_packet before = s->now, now;

	s->ours = ours;
	memcpy(s->base, m->chain, sizeof(s->base));
	s->decider = NULL;
	s->by_key = s->unjudged = false;
	name_device(m->in, s->in);
	name_device(m->out, s->out);
	s->unclear = !read_packet(m, &now);
	if (!now.af)
		return;
	s->now = now;
	if (s->t.n && translated(&before, &now))
		trace_step(s, PT_TRACE_TRANSLATED, m->out ? PT_OUT : PT_IN, m->out ? s->out : s->in)->before = before;
}

/* ---- slots ---- */

static struct trace_slot *find(struct trace *x, uint32_t id)
{
	for (size_t i = 0; i < TRACE_SLOTS; i++)
		if (x->slots[i].used && x->slots[i].t.id == id)
			return &x->slots[i];
	return NULL;
}

int trace_end(struct trace *x, struct trace_slot *s)
{
	int rc;

	if (!s->t.ended)
		trace_vanished(s);
	x->ended++;
	x->sum->packets++;
	rc = x->who->packet(&s->t, s->rules->world, x->who->arg);
	s->used = false;
	trace_rules_drop(s->rules);
	pt_arena_free(s->arena);
	s->arena = NULL;
	return rc;
}

/* The one that waited longest has to go where there is no room. */
static int take_slot(struct trace *x, struct trace_slot **out)
{
	struct trace_slot *oldest = &x->slots[0];

	for (size_t i = 0; i < TRACE_SLOTS; i++) {
		if (!x->slots[i].used) {
			*out = &x->slots[i];
			return 0;
		}
		if (x->slots[i].touched < oldest->touched)
			oldest = &x->slots[i];
	}
	*out = oldest;
	return trace_end(x, oldest);
}

static int begin(struct trace *x, const struct pt_nft_trace *m, struct trace_slot **out)
{
	bool arrives = !strcmp(m->chain, PT_NFT_TRACE_ARRIVES);
	struct pt_err why = { 0 };
	struct trace_slot *s;
	int rc = 0;

	if (x->stale && trace_rules_read(x, &why))
		x->stale = true; /* an apply is under way, or it was stopped: the next packet asks again */
	pt_err_fini(&why);
	s = *out;
	if (s)
		rc = trace_end(x, s);
	if (!rc && !s)
		rc = take_slot(x, &s);
	*out = NULL;
	if (rc)
		return rc;
	if (x->begun == x->who->count)
		return 0;
	*s = (struct trace_slot){ .used = true, .rules = x->rules, .arena = pt_arena_new() };
	if (!s->arena) {
		s->used = false;
		return -ENOMEM;
	}
	s->rules->used++;
	s->t.id = m->id;
	s->t.number = ++x->begun;
	s->t.time = now_ns(CLOCK_REALTIME);
	enter(s, m, false);
	trace_step(s, PT_TRACE_BEGIN, arrives ? PT_IN : PT_OUT, arrives ? s->in : s->out);
	*out = s;
	return 0;
}

/* ---- rules ---- */

static const char *verdict_name(const struct pt_nft_trace *m)
{
	switch (m->verdict) {
	case NF_DROP:
		return "drop";
	case NF_ACCEPT:
		return "accept";
	case NF_STOLEN:
		return "stolen";
	case NF_QUEUE:
		return "queue";
	case NFT_CONTINUE:
		return "continue";
	case NFT_BREAK:
		return "break";
	case NFT_JUMP:
		return "jump";
	case NFT_GOTO:
		return "goto";
	case NFT_RETURN:
		return "return";
	default:
		return "other";
	}
}

static const char *family_name(uint8_t family)
{
	static const char *const names[] = { [NFPROTO_INET] = "inet", [NFPROTO_IPV4] = "ip",	   [NFPROTO_ARP] = "arp",
					     [NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6" };

	return family < PT_ARRAY_SIZE(names) && names[family] ? names[family] : "other";
}

static int note_rule(struct trace_slot *s, const struct pt_nft_trace *m, const char *name)
{
	struct pt_trace_rule r = { .family = family_name(m->family), .handle = m->handle, .verdict = verdict_name(m) };

	if (s->t.rules.n >= RULES_MAX)
		return 0;
	r.table = pt_arena_strdup(s->arena, m->table);
	r.chain = pt_arena_strdup(s->arena, m->chain);
	if (m->target[0])
		r.target = pt_arena_strdup(s->arena, m->target);
	if (name)
		r.rule = pt_arena_strdup(s->arena, name);
	if (!r.table || !r.chain || pt_vec_push(s->arena, &s->t.rules, r))
		return -ENOMEM;
	return 0;
}

static const struct pt_pol_rule *rule_of(const struct trace_slot *s, uint32_t id, enum pt_dir dir)
{
	const struct pt_policy *p = s->rules->plan->policy;

	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].id == id && p->rules.v[i].dir == dir)
			return &p->rules.v[i];
	return NULL;
}

/* A rule of ours: what it says of who decides. */
static void learn_rule(struct trace_slot *s, const struct pt_nft_trace *m, const struct pt_nft_place *place)
{
	static const char unjudged[] = "ptfw.unjudged";
	const struct pt_pol_rule *r = NULL;

	if (!strcmp(m->chain, "in.final") || !strcmp(m->chain, "in-reply.final"))
		s->by_key = true;
	if (place->name && !strcmp(place->name, unjudged))
		s->unjudged = true;
	if (place->id)
		r = rule_of(s, place->id, !strcmp(s->base, "prerouting") ? PT_IN : PT_OUT);
	if (r && r->action != PT_MATCH)
		s->decider = r;
}

/* ---- ends ---- */

static bool judges(const struct trace_slot *s)
{
	return !strcmp(s->base, "prerouting") || !strcmp(s->base, "forward") || !strcmp(s->base, "output");
}

static void dropped(struct trace_slot *s, const struct pt_nft_trace *m)
{
	struct pt_trace_step *step = trace_step(s, PT_TRACE_DROPPED, s->out[0] ? PT_OUT : PT_IN, s->out[0] ? s->out : s->in);
	struct pt_buf why = { 0 };

	pt_buf_fmt(&why, "by chain %s of the table %s %s%s", m->chain, family_name(m->family), m->table,
		   s->ours ? "" : ", which is not of Patronus");
	step->why = why.err ? NULL : pt_arena_strdup(s->arena, why.s);
	if (!step->why)
		step->why = "by a chain";
	pt_buf_fini(&why);
}

/* One of the places where no rule is but the kernel tells that the packet comes by. */
static void pass_by(struct trace_slot *s, const char *chain)
{
	if (!strcmp(chain, PT_NFT_TRACE_FORWARD) && s->t.steps[s->t.n - 1].kind != PT_TRACE_ROUTED &&
	    (s->t.n > 1 || s->t.steps[0].dir == PT_IN))
		trace_step(s, PT_TRACE_ROUTED, PT_OUT, s->out);
	s->t.pass = !strcmp(chain, PT_NFT_TRACE_DELIVERED) || !strcmp(chain, PT_NFT_TRACE_LEFT_END);
	s->t.ended = s->t.pass;
	if (!strcmp(chain, PT_NFT_TRACE_DELIVERED))
		trace_step(s, PT_TRACE_LOCAL, PT_IN, s->in);
	else if (s->t.pass)
		trace_step(s, PT_TRACE_LEFT, PT_OUT, s->out);
}

static void verdict(struct trace_slot *s, const struct pt_nft_trace *m)
{
	bool final = m->type != PT_NFT_TRACE_RETURN && (m->verdict == NF_ACCEPT || m->verdict == NF_DROP);

	if (!final)
		return;
	if (s->ours && judges(s))
		trace_judged(s, m, m->verdict == NF_ACCEPT);
	else if (m->verdict == NF_DROP)
		dropped(s, m);
	s->t.ended = m->verdict == NF_DROP;
}

/* ---- one message ---- */

static int take_ours(struct trace_slot *s, const struct pt_nft_trace *m)
{
	struct pt_nft_place place = { 0 };
	int rc;

	if (m->handle)
		(void)pt_nft_place(s->rules->plan->have, m->chain, m->handle, &place);
	rc = note_rule(s, m, place.id ? place.name : NULL);
	if (rc)
		return rc;
	learn_rule(s, m, &place);
	verdict(s, m);
	return 0;
}

static int take_of(struct trace *x, struct trace_slot *s, const struct pt_nft_trace *m, bool own)
{
	bool ours = m->family == NFPROTO_INET && !strcmp(m->table, PT_NFT_TABLE);
	int rc = 0;

	s->touched = x->clock;
	if (m->n)
		enter(s, m, ours);
	if (own) {
		if (m->type == PT_NFT_TRACE_POLICY)
			pass_by(s, m->chain);
	} else if (ours) {
		rc = take_ours(s, m);
	} else {
		rc = note_rule(s, m, NULL);
		verdict(s, m);
	}
	if (!rc && s->t.ended)
		rc = trace_end(x, s);
	return rc;
}

int trace_take(struct trace *x, const struct pt_nft_trace *m)
{
	bool own = m->family == NFPROTO_INET && !strcmp(m->table, x->table), first;
	struct trace_slot *s = find(x, m->id);
	int rc = 0;

	if (!own && !strncmp(m->table, PT_NFT_TRACE_TABLE ".", sizeof(PT_NFT_TRACE_TABLE)))
		return 0; /* somebody else's trace */
	first = own && m->n && m->type == PT_NFT_TRACE_RULE && m->handle &&
		(!s || strcmp(m->chain, PT_NFT_TRACE_FORWARD) != 0);
	if (first) {
		rc = begin(x, m, &s);
		if (!rc && s)
			s->touched = x->clock;
		return rc;
	}
	return s ? take_of(x, s, m, own) : 0;
}
