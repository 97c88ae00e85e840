/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boxes in the words of the rule language, points as `ptfw explain` takes them. */
#include "space/internal.h"

struct printing {
	const struct pt_space *s;
	const struct pt_box *x;
	struct pt_buf *out;
};

/* The file's name of a device, if it has one. */
static const char *interface_name(const struct pt_space *s, const char *device)
{
	const struct pt_conf *c = s->policy->conf;

	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return c->interfaces.v[i].name;
	return *device ? device : "other";
}

static void print_number(const struct printing *p, uint32_t dim, pt_u128 v)
{
	const struct pt_space *s = p->s;
	const char *name = NULL;

	if (dim == PT_DIM_SRC || dim == PT_DIM_DST) {
		pt_addr_fmt(p->out, (struct pt_addr){ p->x->af, v });
		return;
	}
	if ((dim == PT_DIM_DEVICE || dim == PT_DIM_RECEIVED) && v < s->devices.n)
		name = interface_name(s, s->devices.v[v]);
	else if (dim == PT_DIM_RECEIVED)
		name = "nothing";
	else if (dim == PT_DIM_PROTO)
		name = pt_proto_name((uint8_t)v);
	else if (dim == PT_DIM_TAG)
		name = v ? s->policy->tags.v[v - 1] : "nothing";
	else if ((dim == PT_DIM_MAC && v >> 48) || ((dim == PT_DIM_USER || dim == PT_DIM_GROUP) && v >> 32))
		name = "none";
	if (name)
		pt_buf_str(p->out, name);
	else if (dim == PT_DIM_MAC)
		pt_buf_fmt(p->out, "%02x:%02x:%02x:%02x:%02x:%02x", (unsigned int)(v >> 40) & 255, (unsigned int)(v >> 32) & 255,
			   (unsigned int)(v >> 24) & 255, (unsigned int)(v >> 16) & 255, (unsigned int)(v >> 8) & 255,
			   (unsigned int)v & 255);
	else
		pt_buf_uint(p->out, (uint64_t)v);
}

/* Values that have names one by one, so that a range says less than a list. */
static bool named(uint32_t dim)
{
	return dim == PT_DIM_DEVICE || dim == PT_DIM_PROTO || dim == PT_DIM_TAG || dim == PT_DIM_RECEIVED;
}

static void print_interval(const struct printing *p, uint32_t dim, const struct pt_ival *i)
{
	if (dim == PT_DIM_SRC || dim == PT_DIM_DST) {
		pt_range_fmt(p->out, p->x->af, i->lo, i->hi);
		return;
	}
	print_number(p, dim, i->lo);
	if (i->lo == i->hi)
		return;
	pt_buf_chr(p->out, ':');
	print_number(p, dim, i->hi);
}

static void print_list(const struct printing *p, uint32_t dim, const struct pt_iset *s)
{
	bool list = s->n > 1 || (named(dim) && s->v[0].lo != s->v[0].hi);
	size_t n = 0;

	pt_buf_str(p->out, list ? "{ " : "");
	for (uint32_t i = 0; i < s->n; i++) {
		if (!named(dim)) {
			pt_buf_str(p->out, n++ ? ", " : "");
			print_interval(p, dim, &s->v[i]);
			continue;
		}
		for (pt_u128 v = s->v[i].lo; v <= s->v[i].hi; v++) {
			pt_buf_str(p->out, n++ ? ", " : "");
			print_number(p, dim, v);
		}
	}
	pt_buf_str(p->out, list ? " }" : "");
}

static pt_u128 size_of(const struct pt_iset *s)
{
	pt_u128 n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += s->v[i].hi - s->v[i].lo + 1;
	return n;
}

/* What is left out, where that is less to say. */
static void print_set(const struct printing *p, uint32_t dim, const struct pt_iset *s)
{
	pt_u128 max = pt_space_max(p->s, dim, p->x->af);
	struct pt_iset others = { 0 };

	if ((dim == PT_DIM_SRC || dim == PT_DIM_DST ? s->n : named(dim) ? (uint32_t)size_of(s) : 0) > 1 &&
	    !pt_iset_complement(NULL, &others, s, max) && others.n &&
	    (named(dim) ? size_of(&others) < size_of(s) : others.n < s->n)) {
		bool one = named(dim) ? size_of(&others) == 1 : others.n == 1;

		pt_buf_str(p->out, one ? "! " : "none of ");
		print_list(p, dim, &others);
	} else {
		print_list(p, dim, s);
	}
	pt_iset_fini(&others);
}

static void word(const struct printing *p, const char *w)
{
	pt_buf_str(p->out, p->out->n ? " " : "");
	pt_buf_str(p->out, w);
}

static const struct pt_iset *set_of(const struct printing *p, uint32_t dim)
{
	const struct pt_box_side *side = space_side(p->x, dim);

	return side ? &side->set : NULL;
}

static void print_side(const struct printing *p, const char *w, uint32_t dim)
{
	const struct pt_iset *s = set_of(p, dim);

	if (!s)
		return;
	word(p, w);
	pt_buf_chr(p->out, ' ');
	print_set(p, dim, s);
}

static void print_end(const struct printing *p, const char *w, uint32_t address, uint32_t port, uint32_t no_route)
{
	const struct pt_iset *s = set_of(p, address), *route = set_of(p, no_route);

	word(p, w);
	pt_buf_chr(p->out, ' ');
	if (s)
		print_set(p, address, s);
	else
		pt_buf_str(p->out, "any");
	if (route)
		pt_buf_str(p->out, route->v[0].lo ? " no-route" : " ! no-route");
	print_side(p, "port", port);
}

static void print_flags(struct pt_buf *out, uint32_t flags)
{
	static const char letters[] = "FSRPAUEW";

	for (uint32_t i = 0; i < 8; i++)
		if (flags & 1u << i)
			pt_buf_chr(out, letters[i]);
}

/* All values that have some bits and lack others: "S/SA". False: it is not such a set. */
static bool print_mask(const struct printing *p, const struct pt_iset *s)
{
	uint32_t set = 255, any = 0, mask;
	pt_u128 n = size_of(s);

	for (uint32_t i = 0; i < 256; i++)
		if (pt_iset_has(s, i)) {
			set &= i;
			any |= i;
		}
	mask = (uint8_t)~(set ^ any);
	if (n != 1u << __builtin_popcount((uint8_t)~mask))
		return false;
	print_flags(p->out, set);
	pt_buf_chr(p->out, '/');
	print_flags(p->out, mask);
	return true;
}

static void print_all_flags(const struct printing *p)
{
	const struct pt_iset *s = set_of(p, PT_DIM_FLAGS);
	size_t n = 0;

	if (!s)
		return;
	word(p, "flags");
	pt_buf_chr(p->out, ' ');
	if (print_mask(p, s))
		return;
	pt_buf_str(p->out, "{ ");
	for (uint32_t i = 0; i < 256; i++)
		if (pt_iset_has(s, i)) {
			pt_buf_str(p->out, n++ ? ", " : "");
			print_flags(p->out, i);
			pt_buf_str(p->out, i ? "" : "none");
		}
	pt_buf_str(p->out, " }");
}

/* "echoreq, unreach code 1" */
static void print_types(const struct printing *p)
{
	const struct pt_iset *s = set_of(p, PT_DIM_ICMP);
	enum pt_af af = p->x->af;
	size_t n = 0;

	if (!s)
		return;
	word(p, af == PT_AF_INET6 ? "icmp6-type" : "icmp-type");
	pt_buf_str(p->out, " { ");
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t lo = (uint32_t)s->v[i].lo, hi = (uint32_t)s->v[i].hi;
		const char *name = pt_icmp_type_name(af, (uint8_t)(lo >> 8));

		pt_buf_str(p->out, n++ ? ", " : "");
		if (name && lo >> 8 == hi >> 8)
			pt_buf_str(p->out, name);
		else
			pt_buf_uint(p->out, lo >> 8);
		if (lo >> 8 != hi >> 8)
			pt_buf_fmt(p->out, ":%u", hi >> 8);
		if ((lo & 255) || (hi & 255) != 255)
			pt_buf_fmt(p->out, lo == hi ? " code %u" : " code %u:%u", lo & 255, hi & 255);
	}
	pt_buf_str(p->out, " }");
}

static void print_short(const struct printing *p)
{
	const struct pt_iset *s = set_of(p, PT_DIM_SHORT);
	bool one = s && pt_iset_has(s, 1), two = s && pt_iset_has(s, 2);

	/* Whole ones, with or without flags, are meant where nothing is said. */
	if (!s || (!two && !one) || pt_iset_has(s, 0))
		return;
	word(p, one && two ? "too short for flags" : one ? "too short for flags, with ports" : "too short for ports");
}

static void print_bits(const struct printing *p)
{
	for (uint32_t i = 0; i < p->x->n; i++) {
		const struct pt_box_side *side = &p->x->v[i];

		if (side->dim == PT_DIM_URPF)
			word(p, side->set.v[0].lo ? "urpf-failed" : "! urpf-failed");
		if (side->dim < PT_DIM_FREE)
			continue;
		word(p, side->set.v[0].lo ? "" : "! ");
		pt_buf_fmt(p->out, "(%s)", p->s->unknown.v[side->dim - PT_DIM_FREE].text);
	}
}

static void print_owner(const struct printing *p, const char *w, uint32_t dim)
{
	const struct pt_iset *s = set_of(p, dim);

	/* That a user is asked for needs a socket, which has a group. */
	if (s && !(s->n == 1 && !s->v[0].lo && s->v[0].hi == UINT32_MAX &&
		   set_of(p, dim == PT_DIM_USER ? PT_DIM_GROUP : PT_DIM_USER)))
		print_side(p, w, dim);
}

void pt_space_print(const struct pt_space *s, const struct pt_box *x, struct pt_buf *out)
{
	struct pt_buf text = { 0 };
	const struct printing p = { s, x, &text };

	print_side(&p, "on", PT_DIM_DEVICE);
	word(&p, x->af == PT_AF_INET6 ? "inet6" : "inet");
	print_side(&p, "proto", PT_DIM_PROTO);
	print_end(&p, "from", PT_DIM_SRC, PT_DIM_SPORT, PT_DIM_NO_ROUTE_SRC);
	print_end(&p, "to", PT_DIM_DST, PT_DIM_DPORT, PT_DIM_NO_ROUTE_DST);
	print_types(&p);
	print_all_flags(&p);
	print_short(&p);
	print_side(&p, "tagged", PT_DIM_TAG);
	print_side(&p, "tos", PT_DIM_TOS);
	print_side(&p, "mac", PT_DIM_MAC);
	print_side(&p, "received-on", PT_DIM_RECEIVED);
	print_owner(&p, "user", PT_DIM_USER);
	print_owner(&p, "group", PT_DIM_GROUP);
	if (set_of(&p, PT_DIM_TIME)) {
		word(&p, "");
		space_print_times(s, set_of(&p, PT_DIM_TIME), &text);
	}
	print_bits(&p);
	pt_buf_add(out, text.s, text.n);
	out->err = out->err ? out->err : text.err;
	pt_buf_fini(&text);
}

/* ---- points ---- */

static void print_address(struct pt_buf *out, struct pt_addr a, bool port, uint16_t number)
{
	pt_buf_str(out, port && a.af == PT_AF_INET6 ? "[" : "");
	pt_addr_fmt(out, a);
	if (port)
		pt_buf_fmt(out, "%s:%u", a.af == PT_AF_INET6 ? "]" : "", number);
}

static void print_details(const struct pt_space *s, enum pt_dir dir, const struct pt_packet *k, struct pt_buf *out)
{
	struct pt_box none = { .af = k->af };
	const struct printing p = { s, &none, out };

	if (k->proto == PT_PROTO_TCP && !k->no_flags && k->tcp_flags) {
		pt_buf_str(out, " flags ");
		print_flags(out, k->tcp_flags);
	}
	if ((k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6) && !k->no_ports)
		pt_buf_fmt(out, " type %u code %u", k->icmp_type, k->icmp_code);
	if (k->tag)
		pt_buf_fmt(out, " tag %s", s->policy->tags.v[k->tag - 1]);
	if (k->tos)
		pt_buf_fmt(out, " tos %u", k->tos);
	if (dir == PT_IN && k->mac != PT_NO_MAC) {
		pt_buf_str(out, " mac ");
		print_number(&p, PT_DIM_MAC, k->mac);
	}
	if (dir == PT_OUT && k->received)
		pt_buf_fmt(out, " received-on %s", interface_name(s, k->received));
	if (dir == PT_OUT && k->owned)
		pt_buf_fmt(out, " user %u group %u", k->uid, k->gid);
}

void pt_space_print_point(const struct pt_space *s, enum pt_dir dir, const struct pt_point *pt, struct pt_buf *out)
{
	const char *device, *name;
	struct pt_packet k;
	bool ports;

	pt_space_packet(s, pt, &k, &device);
	ports = (k.proto == PT_PROTO_TCP || k.proto == PT_PROTO_UDP || k.proto == PT_PROTO_SCTP) && !k.no_ports;
	name = pt_proto_name(k.proto);
	pt_buf_fmt(out, "%s %s ", dir == PT_OUT ? "out" : "in", interface_name(s, device));
	if (name)
		pt_buf_str(out, name);
	else
		pt_buf_uint(out, k.proto);
	pt_buf_chr(out, ' ');
	print_address(out, k.src, ports, k.sport);
	pt_buf_str(out, " to ");
	print_address(out, k.dst, ports, k.dport);
	print_details(s, dir, &k, out);
	if (space_asks_time(s, dir, pt)) {
		pt_buf_str(out, " at");
		space_print_time(s, k.time, out);
	}
}
