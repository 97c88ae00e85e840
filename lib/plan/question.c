/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be said of a packet: each part has a name, and one function that understands its value. Words and JSON differ
 * only in how they bring name and value here.
 */
#include <errno.h>
#include <string.h>

#include "plan/question.h"

#define SYN 0x02
#define SPORT_USUAL 49152 /* the first of those that programs get: RFC 6335 */
#define ECHO_REQUEST 8
#define ECHO_REQUEST6 128
#define ICMP_TYPES 256

bool asked_has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

/* ---- where ---- */

static const char *set_dir(struct asked *a, const char *value)
{
	a->q->dir = !strcmp(value, "in") ? PT_IN : PT_OUT;
	return a->q->dir == PT_IN || !strcmp(value, "out") ? NULL : "it must be 'in' or 'out'";
}

static const struct pt_host_if *host_device(const struct pt_host *h, const char *device)
{
	for (size_t i = 0; i < h->ifs.n; i++)
		if (!strcmp(h->ifs.v[i].device, device))
			return &h->ifs.v[i];
	return NULL;
}

/* By the title of the file, else by the name of the device. */
static const char *device_of(const struct pt_world *w, const char *name)
{
	const struct pt_conf *c = w->policy->conf;
	const struct pt_conf_if *i = pt_conf_find_if(c, name);
	const struct pt_host_if *h;

	if (i)
		return i->device;
	for (size_t k = 0; k < c->interfaces.n; k++)
		if (!strcmp(c->interfaces.v[k].device, name))
			return c->interfaces.v[k].device;
	h = host_device(w->host, name);
	return h ? h->device : NULL;
}

static const char *near_interface(const struct pt_world *w, const char *name)
{
	const struct pt_conf *c = w->policy->conf;
	const char *near = NULL, *names[64];
	size_t n = 0;

	for (size_t i = 0; i < c->interfaces.n && n < PT_ARRAY_SIZE(names); i++)
		names[n++] = c->interfaces.v[i].name;
	for (size_t i = 0; i < w->host->ifs.n && n < PT_ARRAY_SIZE(names); i++)
		names[n++] = w->host->ifs.v[i].device;
	near = pt_nearest(name, names, n);
	return near;
}

static const char *set_on(struct asked *a, const char *value)
{
	const char *device = device_of(a->world, value);
	const struct pt_host_if *h = device ? host_device(a->world->host, device) : NULL;

	if (!device) {
		a->hint = near_interface(a->world, value);
		return "neither the file nor this machine has such an interface";
	}
	if (h && h->port)
		return "it is a port of a bridge or a bond: packets are judged on that";
	a->q->device = device;
	return NULL;
}

/* ---- what ---- */

static const char *set_af(struct asked *a, const char *value)
{
	enum pt_af af;

	if (strcmp(value, "inet") && strcmp(value, "inet6"))
		return "it must be 'inet' or 'inet6'";
	af = value[4] ? PT_AF_INET6 : PT_AF_INET;
	if (a->q->packet.af && a->q->packet.af != af)
		return "the addresses are not of this family";
	a->q->packet.af = af;
	return NULL;
}

static const char *set_proto(struct asked *a, const char *value)
{
	return pt_proto_parse(value, &a->q->packet.proto) ? "it is not a protocol" : NULL;
}

static const char *set_address(struct asked *a, const char *value, struct pt_addr *out)
{
	struct pt_packet *k = &a->q->packet;

	if (pt_addr_parse(value, out))
		return "it is not an address";
	if (k->af && k->af != out->af)
		return a->given & 1u << ASKED_AF ? "it is not of the family that is given" :
						   "the addresses are not of one family";
	k->af = out->af;
	return NULL;
}

static const char *set_src(struct asked *a, const char *value)
{
	return set_address(a, value, &a->q->packet.src);
}

static const char *set_dst(struct asked *a, const char *value)
{
	return set_address(a, value, &a->q->packet.dst);
}

static const char *set_port(struct asked *a, const char *value, uint16_t *out)
{
	if (a->given & 1u << ASKED_PROTO && !asked_has_ports(a->q->packet.proto))
		return "only tcp, udp and sctp have ports";
	return pt_service_parse(value, out) ? "it is not a port" : NULL;
}

static const char *set_sport(struct asked *a, const char *value)
{
	return set_port(a, value, &a->q->packet.sport);
}

static const char *set_dport(struct asked *a, const char *value)
{
	return set_port(a, value, &a->q->packet.dport);
}

static const char *set_flags(struct asked *a, const char *value)
{
	if (pt_tcp_flags_parse(value, &a->q->packet.tcp_flags))
		return "the flags are F, S, R, P, A, U, E and W";
	return NULL;
}

static enum pt_af icmp_family(const struct asked *a)
{
	return a->q->packet.proto == PT_PROTO_ICMP6 ? PT_AF_INET6 : PT_AF_INET;
}

static const char *set_type(struct asked *a, const char *value)
{
	uint64_t number;

	if (!pt_parse_uint(value, ICMP_TYPES - 1, &number)) {
		a->q->packet.icmp_type = (uint8_t)number;
		return NULL;
	}
	if (!(a->given & 1u << ASKED_PROTO))
		return "names of types are those of a protocol, which must be given before";
	for (unsigned int i = 0; i < ICMP_TYPES; i++) {
		const char *name = pt_icmp_type_name(icmp_family(a), (uint8_t)i);

		if (!name || strcmp(name, value) != 0)
			continue;
		a->q->packet.icmp_type = (uint8_t)i;
		return NULL;
	}
	return "it is not a type of ICMP in this family";
}

static const char *set_code(struct asked *a, const char *value)
{
	struct pt_packet *k = &a->q->packet;
	uint64_t number;

	if (!pt_parse_uint(value, ICMP_TYPES - 1, &number)) {
		k->icmp_code = (uint8_t)number;
		return NULL;
	}
	if (!(a->given & 1u << ASKED_TYPE))
		return "names of codes are those of a type, which must be given before";
	for (unsigned int i = 0; i < ICMP_TYPES; i++) {
		const char *name = pt_icmp_code_name(icmp_family(a), k->icmp_type, (uint8_t)i);

		if (!name || strcmp(name, value) != 0)
			continue;
		k->icmp_code = (uint8_t)i;
		return NULL;
	}
	return "it is not a code of this type of ICMP";
}

/* ---- what rules ask for besides ---- */

static const char *set_tag(struct asked *a, const char *value)
{
	const struct pt_policy *p = a->world->policy;

	for (size_t i = 0; i < p->tags.n; i++)
		if (!strcmp(p->tags.v[i], value)) {
			a->q->packet.tag = (uint8_t)(i + 1);
			return NULL;
		}
	a->hint = pt_nearest(value, p->tags.v, p->tags.n);
	return "no rule sets this tag or asks for it";
}

static const char *set_tos(struct asked *a, const char *value)
{
	if (pt_tos_parse(value, &a->q->packet.tos))
		return "it is not a type of service, such as ef or 0xb8";
	a->q->packet.known |= PT_FACT_TOS;
	return NULL;
}

static const char *set_mac(struct asked *a, const char *value)
{
	if (pt_mac_parse(value, &a->q->packet.mac))
		return "it is not a hardware address, such as 52:54:00:12:34:56";
	a->q->packet.known |= PT_FACT_MAC;
	return NULL;
}

static const char *set_owner(struct asked *a, bool group, const char *value, uint32_t *out)
{
	int rc;

	if (a->given & 1u << ASKED_DIR && a->q->dir == PT_IN)
		return "only packets that this machine sends have an owner";
	rc = pt_owner_find(group, value, out);
	if (rc)
		return group ? "there is no such group" : "there is no such user";
	a->q->packet.known |= group ? PT_FACT_GROUP : PT_FACT_USER;
	a->q->packet.owned = true;
	return NULL;
}

static const char *set_user(struct asked *a, const char *value)
{
	return set_owner(a, false, value, &a->q->packet.uid);
}

static const char *set_group(struct asked *a, const char *value)
{
	return set_owner(a, true, value, &a->q->packet.gid);
}

static const char *set_at(struct asked *a, const char *value)
{
	return question_time(a->world->policy->conf->timezone, a->now, value, &a->q->packet.time);
}

static const char *set_state(struct asked *a, const char *value)
{
	a->q->established = !strcmp(value, "established");
	return a->q->established || !strcmp(value, "new") ? NULL : "it must be 'new' or 'established'";
}

static const char *set_received(struct asked *a, const char *value)
{
	a->q->packet.received = device_of(a->world, value);
	if (a->q->packet.received)
		return NULL;
	a->hint = near_interface(a->world, value);
	return "neither the file nor this machine has such an interface";
}

const struct asked_setter asked_setters[ASKED_FIELDS] = {
	[ASKED_DIR] = { "dir", set_dir },	[ASKED_ON] = { "on", set_on },
	[ASKED_AF] = { "af", set_af },		[ASKED_PROTO] = { "proto", set_proto },
	[ASKED_SRC] = { "src", set_src },	[ASKED_SPORT] = { "sport", set_sport },
	[ASKED_DST] = { "dst", set_dst },	[ASKED_DPORT] = { "dport", set_dport },
	[ASKED_FLAGS] = { "flags", set_flags }, [ASKED_TYPE] = { "type", set_type },
	[ASKED_CODE] = { "code", set_code },	[ASKED_TAG] = { "tag", set_tag },
	[ASKED_TOS] = { "tos", set_tos },	[ASKED_MAC] = { "mac", set_mac },
	[ASKED_USER] = { "user", set_user },	[ASKED_GROUP] = { "group", set_group },
	[ASKED_AT] = { "at", set_at },		[ASKED_STATE] = { "state", set_state },
	[ASKED_RECEIVED] = { "received-on", set_received },
};

const char *pt_question_word(size_t i)
{
	return i < ASKED_FIELDS - ASKED_WORDS ? asked_setters[ASKED_WORDS + i].name : NULL;
}

/* ---- the whole ---- */

void asked_begin(struct asked *a, const struct pt_world *w, uint64_t now, struct pt_question *q)
{
	memset(q, 0, sizeof(*q));
	q->packet.mac = PT_NO_MAC;
	q->packet.time = now;
	q->packet.partial = true;
	*a = (struct asked){ .world = w, .now = now, .q = q };
}

const char *asked_set(struct asked *a, enum asked_field f, const char *value)
{
	const char *wrong;

	a->hint = NULL;
	if (a->given & 1u << f)
		return "it is given twice";
	wrong = asked_setters[f].set(a, value);
	a->given |= 1u << f;
	return wrong;
}

/* What the protocol must have, and must not. */
static const char *of_protocol(struct asked *a, enum asked_field *field)
{
	struct pt_packet *k = &a->q->packet;
	bool icmp = k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6;
	uint32_t ports = 1u << ASKED_SPORT | 1u << ASKED_DPORT, types = 1u << ASKED_TYPE | 1u << ASKED_CODE;

	*field = ASKED_PROTO;
	if (icmp && (k->proto == PT_PROTO_ICMP) != (k->af == PT_AF_INET))
		return k->proto == PT_PROTO_ICMP ? "IPv6 has icmp6" : "IPv4 has icmp";
	*field = ASKED_DPORT;
	if (asked_has_ports(k->proto) && !(a->given & 1u << ASKED_DPORT))
		return "the port that it goes to is missing";
	if (!asked_has_ports(k->proto) && a->given & ports)
		return "only tcp, udp and sctp have ports";
	*field = ASKED_TYPE;
	if (!icmp && a->given & types)
		return "only icmp and icmp6 have types and codes";
	*field = ASKED_FLAGS;
	if (k->proto != PT_PROTO_TCP && a->given & 1u << ASKED_FLAGS)
		return "only tcp has flags";
	return NULL;
}

static const char *needed(const struct asked *a, enum asked_field *field)
{
	static const struct {
		enum asked_field field;
		const char *missing;
	} list[] = {
		{ ASKED_DIR, "the direction is missing: in or out" },
		{ ASKED_ON, "the interface is missing" },
		{ ASKED_PROTO, "the protocol is missing" },
		{ ASKED_SRC, "the address that it comes from is missing" },
		{ ASKED_DST, "the address that it goes to is missing" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(list); i++)
		if (!(a->given & 1u << list[i].field)) {
			*field = list[i].field;
			return list[i].missing;
		}
	return NULL;
}

const char *asked_end(struct asked *a, enum asked_field *field)
{
	struct pt_packet *k = &a->q->packet;
	const char *wrong = needed(a, field);

	if (!wrong)
		wrong = of_protocol(a, field);
	if (wrong)
		return wrong;
	*field = ASKED_USER;
	if (a->q->dir == PT_IN && k->owned)
		return "only packets that this machine sends have an owner";
	if (k->received && k->owned)
		return "packets that were received have no owner";
	*field = ASKED_RECEIVED;
	if (a->q->dir == PT_IN && k->received)
		return "only packets that leave were received before";
	if (asked_has_ports(k->proto) && !(a->given & 1u << ASKED_SPORT))
		k->sport = SPORT_USUAL;
	if (k->proto == PT_PROTO_TCP && !(a->given & 1u << ASKED_FLAGS))
		k->tcp_flags = SYN;
	if (!(a->given & 1u << ASKED_TYPE))
		k->icmp_type = k->proto == PT_PROTO_ICMP ? ECHO_REQUEST : k->proto == PT_PROTO_ICMP6 ? ECHO_REQUEST6 : 0;
	return NULL;
}
