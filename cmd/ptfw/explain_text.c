/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What explain says of packets, translations, places and answers. */
#include <string.h>

#include "explain.h"

bool explain_has_ports(const struct pt_packet *k)
{
	return k->proto == PT_PROTO_TCP || k->proto == PT_PROTO_UDP || k->proto == PT_PROTO_SCTP;
}

void explain_endpoint(struct pt_addr a, bool port, uint16_t number, struct pt_buf *out)
{
	bool six = port && a.af == PT_AF_INET6;

	pt_buf_str(out, six ? "[" : "");
	pt_addr_fmt(out, a);
	pt_buf_str(out, six ? "]" : "");
	if (port)
		pt_buf_fmt(out, ":%u", number);
}

static void flags(uint8_t bits, struct pt_buf *out)
{
	static const char letters[] = "FSRPAUEW";

	pt_buf_str(out, " flags ");
	for (int i = 0; i < 8; i++)
		if (bits >> i & 1)
			pt_buf_chr(out, letters[i]);
}

static void icmp(const struct pt_packet *k, struct pt_buf *out)
{
	const char *name = pt_icmp_type_name(k->af, k->icmp_type);

	if (name)
		pt_buf_fmt(out, " type %s", name);
	else
		pt_buf_fmt(out, " type %u", k->icmp_type);
	if (k->icmp_code)
		pt_buf_fmt(out, " code %u", k->icmp_code);
}

void explain_packet(const struct pt_packet *k, struct pt_buf *out)
{
	const char *proto = pt_proto_name(k->proto);

	if (proto)
		pt_buf_fmt(out, "%s ", proto);
	else
		pt_buf_fmt(out, "protocol %u ", k->proto);
	explain_endpoint(k->src, explain_has_ports(k), k->sport, out);
	pt_buf_str(out, " to ");
	explain_endpoint(k->dst, explain_has_ports(k), k->dport, out);
	if (k->proto == PT_PROTO_TCP)
		flags(k->tcp_flags, out);
	if (k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6)
		icmp(k, out);
}

/* ---- translations ---- */

void explain_pool(const struct pt_world *w, const struct pt_step *s, struct pt_buf *out)
{
	const struct pt_pol_nat *n = &w->policy->nats.v[s->nat - 1];
	const size_t most = 8;

	if (!s->any_of_pool)
		return;
	if (!n->pool) {
		pt_range_fmt(out, n->af, n->lo, n->hi);
		return;
	}
	for (size_t i = 0; i < n->members.n && i < most; i++) {
		pt_buf_str(out, i ? ", " : "");
		pt_range_fmt(out, n->af, n->members.v[i].lo, n->members.v[i].hi);
	}
	if (n->members.n > most)
		pt_buf_fmt(out, " and %zu more", n->members.n - most);
}

void explain_ports(const struct pt_world *w, const struct pt_step *s, struct pt_buf *out)
{
	const struct pt_pol_nat *n = &w->policy->nats.v[s->nat - 1];

	if (n->kind != PT_NAT_SRC || !explain_has_ports(&s->packet) || s->packet.sport)
		return;
	pt_buf_fmt(out, "%u:%u", n->has_port ? n->port_lo : PT_NAT_PORT_LO, n->has_port ? n->port_hi : PT_NAT_PORT_HI);
}

void explain_nat(const struct pt_world *w, const struct pt_step *s, const struct pt_packet *before, struct pt_buf *out)
{
	bool src = w->policy->nats.v[s->nat - 1].kind == PT_NAT_SRC;
	struct pt_buf pool = { 0 }, ports = { 0 };

	explain_pool(w, s, &pool);
	explain_ports(w, s, &ports);
	pt_buf_str(out, src ? "source " : "destination ");
	explain_endpoint(src ? before->src : before->dst, explain_has_ports(before), src ? before->sport : before->dport, out);
	pt_buf_str(out, " becomes ");
	if (pool.n)
		pt_buf_fmt(out, "one of %s", pool.s);
	else
		explain_endpoint(src ? s->packet.src : s->packet.dst, explain_has_ports(&s->packet) && !ports.n,
			 src ? s->packet.sport : s->packet.dport, out);
	if (ports.n)
		pt_buf_fmt(out, ", port one of %s", ports.s);
	else if (pool.n && explain_has_ports(&s->packet))
		pt_buf_fmt(out, ", port %u", src ? s->packet.sport : s->packet.dport);
	if (!out->err)
		out->err = pool.err ? pool.err : ports.err;
	pt_buf_fini(&pool);
	pt_buf_fini(&ports);
}

/* ---- places and names ---- */

void explain_place(const struct pt_pol_rule *r, struct pt_buf *out)
{
	if (r->loc.line)
		pt_buf_fmt(out, "%s:%u", r->loc.file, r->loc.line);
	else
		pt_buf_str(out, "built-in");
}

const char *explain_title(const struct pt_world *w, const char *device)
{
	const struct pt_conf *c = w->policy->conf;

	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return strcmp(c->interfaces.v[i].name, device) ? c->interfaces.v[i].name : NULL;
	return NULL;
}

/* ---- what the sender sees ---- */

const char *explain_answer_name(enum pt_answer a)
{
	static const char *const names[] = { "silence", "reset", "unreachable" };

	return names[a];
}

void explain_answer(const struct pt_path *p, struct pt_buf *out)
{
	const struct pt_packet *k = &p->steps[0].packet;
	bool six = k->af == PT_AF_INET6;
	const char *name = pt_icmp_code_name(k->af, six ? 1 : 3, p->code);

	if (p->answer == PT_ANSWER_SILENCE)
		pt_buf_str(out, "the sender gets no answer");
	else if (p->answer == PT_ANSWER_RESET)
		pt_buf_str(out, "the sender gets a TCP reset");
	else if (name)
		pt_buf_fmt(out, "the sender gets ICMP%s unreachable, %s", six ? "v6" : "", name);
	else
		pt_buf_fmt(out, "the sender gets ICMP%s unreachable, code %u", six ? "v6" : "", p->code);
}
