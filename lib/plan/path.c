/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of one packet through the machine: the judgement where it arrives, the translation of its destination, the
 * route, the judgement where it leaves, the translation of its source. What the evaluator says of one judgement is put
 * together here in the order in which the kernel does it; what Linux itself drops on the way is told, too.
 */
#include <string.h>

#include "plan/internal.h"

struct walk {
	const struct pt_world *w;
	struct pt_path *path;
	struct pt_packet packet; /* as it is now */
};

static struct pt_step *add_step(struct walk *k, enum pt_step_kind kind, enum pt_dir dir, const char *device)
{
	struct pt_step *s = &k->path->steps[k->path->n++];
	size_t n = strnlen(device, sizeof(s->device) - 1);

	s->kind = kind;
	s->dir = dir;
	memcpy(s->device, device, n);
	s->device[n] = '\0';
	s->packet = k->packet;
	s->decision.rule = NULL;
	s->why = NULL;
	return s;
}

/* ---- addresses ---- */

static bool is_loopback(struct pt_addr a)
{
	return a.af == PT_AF_INET ? a.v >> 24 == 127 : a.v == 1;
}

static bool is_multicast(struct pt_addr a)
{
	return a.af == PT_AF_INET ? a.v >> 28 == 0xe : a.v >> 120 == 0xff;
}

static bool is_link_local(struct pt_addr a)
{
	return a.af == PT_AF_INET6 && a.v >> 118 == 0xfe80 >> 6;
}

struct pt_addr plan_network_broadcast(const struct pt_host_addr *a)
{
	struct pt_addr none = { .af = PT_AF_NONE }, last = { PT_AF_INET, pt_prefix_hi(&a->prefix) };

	/* fib_add_ifaddr() of Linux, which cares little for what the address says of its broadcast. */
	if (a->prefix.addr.af != PT_AF_INET || a->secondary || a->prefix.len > 30 || !pt_prefix_lo(&a->prefix))
		return none;
	return last;
}

static bool is_broadcast(const struct pt_host *h, struct pt_addr a)
{
	if (a.af != PT_AF_INET)
		return false;
	if (a.v == UINT32_MAX)
		return true;
	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t k = 0; k < h->ifs.v[i].addrs.n; k++) {
			const struct pt_host_addr *own = &h->ifs.v[i].addrs.v[k];
			const struct pt_addr last = plan_network_broadcast(own);

			if ((own->broadcast.af == a.af && own->broadcast.v == a.v) || (last.af == a.af && last.v == a.v))
				return true;
		}
	return false;
}

static bool is_self(const struct pt_world *w, struct pt_addr a)
{
	return pt_iset_has(&w->self[a.af == PT_AF_INET6], a.v);
}

/* ---- what routes say ---- */

static bool asks_routes(const struct pt_pol_addr *a)
{
	return a->kind == PT_REF_NO_ROUTE || a->kind == PT_REF_URPF;
}

bool pt_world_asks_routes(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (asks_routes(&p->rules.v[i].src) || asks_routes(&p->rules.v[i].dst))
			return true;
	return false;
}

/* What needs no route, or has one on each link. */
static bool needs_no_route(const struct pt_world *w, struct pt_addr a)
{
	return is_link_local(a) || is_multicast(a) || is_self(w, a) || is_broadcast(w->host, a);
}

static void ask_routes(struct walk *k, enum pt_dir dir, const char *device)
{
	const struct pt_world *w = k->w;
	const char *back;

	k->packet.known |= PT_FACT_ROUTES;
	if (!w->asks_routes)
		return;
	k->packet.no_route_dst = !needs_no_route(w, k->packet.dst) && !*w->route(w->arg, k->packet.dst);
	if (is_link_local(k->packet.src) || is_self(w, k->packet.src)) {
		k->packet.no_route_src = false;
		k->packet.urpf_failed = dir == PT_IN && is_self(w, k->packet.src) && strcmp(device, "lo") != 0;
		return;
	}
	back = w->route(w->arg, k->packet.src);
	k->packet.no_route_src = !*back;
	k->packet.urpf_failed = dir == PT_IN && strcmp(back, device) != 0;
}

/* ---- ends ---- */

static void drop(struct walk *k, const char *device, const char *why)
{
	add_step(k, PT_STEP_DROPPED, PT_IN, device)->why = why;
	k->path->pass = false;
	k->path->why = why;
}

static void answer(struct pt_path *p, const struct pt_decision *d, const struct pt_packet *k)
{
	int code = k->af == PT_AF_INET ? d->code4 : d->code6;
	bool tcp = k->proto == PT_PROTO_TCP;

	p->answer = PT_ANSWER_SILENCE;
	if (d->ret == PT_RET_DROP || (d->ret == PT_RET_RST && !tcp))
		return;
	if (tcp && d->ret != PT_RET_ICMP) {
		p->answer = PT_ANSWER_RESET;
	} else if (code >= 0) {
		p->answer = PT_ANSWER_UNREACHABLE;
		p->code = (uint8_t)code;
	}
}

/* ---- judgement and translation ---- */

static bool judged(struct walk *k, enum pt_dir dir, const char *device)
{
	struct pt_path *p = k->path;
	struct pt_decision *d;
	struct pt_step *s;

	ask_routes(k, dir, device);
	s = add_step(k, PT_STEP_JUDGED, dir, device);
	d = &s->decision;
	pt_evaluate(k->w->eval, &s->packet, dir, device, d);
	p->decided = d;
	p->uncertain = p->uncertain || d->uncertain;
	p->pass = d->pass;
	p->why = d->why;
	if (!d->rule)
		p->why = "no rule matches";
	if (!d->pass) {
		answer(p, d, &s->packet);
		return false;
	}
	k->packet.tag = d->tag;
	if (!d->nat)
		return true;
	k->packet.src = d->after.src;
	k->packet.dst = d->after.dst;
	k->packet.sport = d->after.sport;
	k->packet.dport = d->after.dport;
	s = add_step(k, PT_STEP_TRANSLATED, dir, device);
	s->nat = d->nat;
	s->any_of_pool = d->any_of_pool;
	return true;
}

/* ---- forwarding ---- */

/* Why Linux does not take a packet in, though the rules would; NULL: it does. */
static const char *refused_source(const struct walk *k, const char *device)
{
	struct pt_addr src = k->packet.src;

	if (!strcmp(device, "lo"))
		return NULL;
	if (src.af == PT_AF_INET && (is_multicast(src) || src.v == UINT32_MAX))
		return "Linux drops packets from multicast and broadcast addresses";
	if (is_loopback(src) && !(src.af == PT_AF_INET && k->w->loopback(k->w->arg, device)))
		return "Linux drops packets from loopback addresses that arrive on other devices";
	if (src.af == PT_AF_INET && is_self(k->w, src))
		return "Linux drops packets from this machine's own addresses that come from outside";
	return NULL;
}

static bool is_local(const struct walk *k)
{
	struct pt_addr dst = k->packet.dst;

	return is_self(k->w, dst) || is_multicast(dst) || is_broadcast(k->w->host, dst);
}

static const char *refused_local(const struct walk *k, const char *device)
{
	struct pt_addr dst = k->packet.dst;

	if (!is_loopback(dst) || !strcmp(device, "lo"))
		return NULL;
	if (dst.af == PT_AF_INET && !k->w->loopback(k->w->arg, device))
		return "Linux takes packets to 127.0.0.0/8 on other devices than lo only with net.ipv4.conf.*.route_localnet";
	return NULL;
}

static const char *refused_forwarding(const struct walk *k, const char *device)
{
	if (is_link_local(k->packet.src) || is_link_local(k->packet.dst))
		return "link-local addresses are not forwarded";
	if (!k->w->forwards(k->w->arg, k->packet.af, device))
		return k->packet.af == PT_AF_INET ? "this machine does not forward IPv4 (net.ipv4.ip_forward)" :
						    "this machine does not forward IPv6 (net.ipv6.conf.all.forwarding)";
	return NULL;
}

static void forward(struct walk *k, const char *in)
{
	const char *why = refused_forwarding(k, in), *out;
	struct pt_step *s;

	if (why) {
		drop(k, in, why);
		return;
	}
	out = k->w->route(k->w->arg, k->packet.dst);
	if (!*out) {
		drop(k, in, "there is no route to the destination");
		k->path->answer = PT_ANSWER_UNREACHABLE; /* with code 0, no route, in both families */
		return;
	}
	s = add_step(k, PT_STEP_ROUTED, PT_OUT, out);
	k->packet.received = k->path->steps[0].device;
	k->packet.known |= PT_FACT_RECEIVED | PT_FACT_USER | PT_FACT_GROUP; /* it has no owner here */
	k->packet.owned = false;
	(void)judged(k, PT_OUT, s->device);
}

static void arrive(struct walk *k, const char *device)
{
	const char *why;

	if (k->packet.af == PT_AF_INET6 && is_multicast(k->packet.src)) {
		drop(k, device, "Linux drops packets from multicast addresses"); /* before any hook, on every device */
		return;
	}
	if (!judged(k, PT_IN, device))
		return;
	why = refused_source(k, device);
	if (!why && !is_local(k)) {
		forward(k, device);
		return;
	}
	if (!why)
		why = refused_local(k, device);
	if (why)
		drop(k, device, why);
	else
		add_step(k, PT_STEP_LOCAL, PT_IN, device);
}

void pt_path_find(const struct pt_world *w, const struct pt_question *q, struct pt_path *out)
{
	struct walk k = { .w = w, .path = out, .packet = q->packet };

	out->n = 0;
	out->pass = true;
	out->uncertain = false;
	out->decided = NULL;
	out->why = NULL;
	out->answer = PT_ANSWER_SILENCE;
	out->code = 0;
	k.packet.partial = true;
	k.packet.known |= PT_FACT_RATES;
	k.packet.ct = pt_packet_ct(&k.packet);
	add_step(&k, PT_STEP_BEGIN, q->dir, q->device);
	if (q->established) {
		add_step(&k, PT_STEP_KNOWN, q->dir, q->device);
		out->why = "its connection is known: packets of known states pass without being judged";
		return;
	}
	if (q->dir == PT_IN) {
		arrive(&k, out->steps[0].device);
		return;
	}
	k.packet.known |= PT_FACT_RECEIVED;
	if (k.packet.received)
		k.packet.known |= PT_FACT_USER | PT_FACT_GROUP; /* it has no owner here */
	(void)judged(&k, PT_OUT, out->steps[0].device);
}
