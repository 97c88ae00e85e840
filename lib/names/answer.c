/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions and answers of the DNS, RFC 1035 section 4.
 *
 * An answer comes from anybody who can send a datagram, so nothing in it is believed but what belongs to the question:
 * the same number, the same name and type, and records of that name or of an alias that leads from it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <arpa/nameser.h>

#include "names/internal.h"

#define ALIASES_MAX 16
#define ANSWERS_MAX 512 /* records that are looked at */
#define TTL_OF_NONE 60  /* where the answer that there is none does not say how long */

static uint16_t type_of(enum pt_af af)
{
	return af == PT_AF_INET6 ? ns_t_aaaa : ns_t_a;
}

size_t names_query(uint8_t *out, size_t size, uint16_t id, const char *name, enum pt_af af)
{
	size_t at = NS_HFIXEDSZ;

	if (size < NAMES_QUERY_MAX || strlen(name) > 254)
		return 0;
	memset(out, 0, NS_HFIXEDSZ);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1; /* recursion is desired */
	out[5] = 1; /* one question */
	for (const char *label = name; *label;) {
		size_t n = strcspn(label, ".");

		if (!n || n > NS_MAXLABEL)
			return 0;
		out[at++] = (uint8_t)n;
		memcpy(out + at, label, n);
		at += n;
		label += n + (label[n] == '.');
	}
	out[at++] = 0;
	out[at++] = 0;
	out[at++] = (uint8_t)type_of(af);
	out[at++] = 0;
	out[at++] = ns_c_in;
	return at;
}

/* Without the final dot, which some functions write and others do not. */
static bool same_name(const char *x, const char *y)
{
	size_t n = strlen(x), m = strlen(y);

	n -= n && x[n - 1] == '.';
	m -= m && y[m - 1] == '.';
	return n == m && !strncasecmp(x, y, n);
}

static bool is_our_question(ns_msg *m, uint16_t id, const char *name, enum pt_af af)
{
	ns_rr q;

	if (ns_msg_id(*m) != id || !ns_msg_getflag(*m, ns_f_qr) || ns_msg_getflag(*m, ns_f_opcode) != ns_o_query)
		return false;
	if (ns_msg_count(*m, ns_s_qd) != 1 || ns_parserr(m, ns_s_qd, 0, &q))
		return false;
	return ns_rr_type(q) == type_of(af) && ns_rr_class(q) == ns_c_in && same_name(ns_rr_name(q), name);
}

struct reading {
	ns_msg msg;
	enum pt_af af;
	struct pt_arena *arena;
	struct pt_dns_answer *out;
	char owner[NS_MAXDNAME]; /* whose records count */
	bool some;
};

static void lower_ttl(struct reading *r, uint32_t ttl)
{
	if (ttl > INT32_MAX) /* RFC 2181 section 8 */
		ttl = 0;
	if (!r->some || ttl < r->out->ttl)
		r->out->ttl = ttl;
	r->some = true;
}

/* The alias of the owner; 0: there is none. A message names each record's owner, so their order does not matter. */
static int follow_alias(struct reading *r)
{
	char target[NS_MAXDNAME];
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(r->msg, ns_s_an) && i < ANSWERS_MAX; i++) {
		if (ns_parserr(&r->msg, ns_s_an, i, &rr))
			return -EBADMSG;
		if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in || !same_name(ns_rr_name(rr), r->owner))
			continue;
		if (ns_name_uncompress(ns_msg_base(r->msg), ns_msg_end(r->msg), ns_rr_rdata(rr), target, sizeof(target)) < 0)
			return -EBADMSG;
		lower_ttl(r, ns_rr_ttl(rr));
		memcpy(r->owner, target, sizeof(target));
		return 1;
	}
	return 0;
}

static int take_addresses(struct reading *r)
{
	size_t len = r->af == PT_AF_INET6 ? 16 : 4;
	int rc = 0;
	ns_rr rr;

	for (int i = 0; !rc && i < ns_msg_count(r->msg, ns_s_an) && i < ANSWERS_MAX; i++) {
		if (ns_parserr(&r->msg, ns_s_an, i, &rr))
			return -EBADMSG;
		if (ns_rr_type(rr) != type_of(r->af) || ns_rr_class(rr) != ns_c_in || ns_rr_rdlen(rr) != len ||
		    !same_name(ns_rr_name(rr), r->owner) || r->out->addresses.n >= PT_NAME_ADDRESSES_MAX)
			continue;
		lower_ttl(r, ns_rr_ttl(rr));
		rc = pt_vec_push(r->arena, &r->out->addresses, pt_addr_from_bytes(ns_rr_rdata(rr), len));
	}
	return rc;
}

/* RFC 2308 section 5: how long there is none, by the domain's SOA record. */
static uint32_t ttl_of_none(struct reading *r)
{
	uint32_t minimum;
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(r->msg, ns_s_ns) && i < ANSWERS_MAX; i++) {
		if (ns_parserr(&r->msg, ns_s_ns, i, &rr))
			break;
		if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 22)
			continue;
		minimum = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
		return minimum < ns_rr_ttl(rr) ? minimum : ns_rr_ttl(rr);
	}
	return TTL_OF_NONE;
}

static int read_answer(struct reading *r, bool exists)
{
	int rc = 1;

	for (int i = 0; rc > 0 && i <= ALIASES_MAX; i++)
		rc = follow_alias(r);
	if (rc)
		return rc < 0 ? rc : -EBADMSG; /* aliases in a circle */
	rc = take_addresses(r);
	if (rc || r->out->addresses.n)
		return rc;
	if (exists && r->some && strlen(r->owner) < sizeof(r->out->alias)) {
		memcpy(r->out->alias, r->owner, strlen(r->owner) + 1);
		return -EXDEV;
	}
	r->out->ttl = ttl_of_none(r);
	return 0;
}

int pt_dns_parse(const uint8_t *msg, size_t len, uint16_t id, const char *name, enum pt_af af, struct pt_arena *a,
		 struct pt_dns_answer *out)
{
	struct reading r = { .af = af, .arena = a, .out = out };
	int code;

	memset(out, 0, sizeof(*out));
	if (len > INT32_MAX || ns_initparse(msg, (int)len, &r.msg) || !is_our_question(&r.msg, id, name, af))
		return -EBADMSG;
	if (ns_msg_getflag(r.msg, ns_f_tc))
		return -EMSGSIZE;
	code = ns_msg_getflag(r.msg, ns_f_rcode);
	if (code != ns_r_noerror && code != ns_r_nxdomain)
		return -EAGAIN;
	if (strlen(name) >= sizeof(r.owner))
		return -EBADMSG;
	memcpy(r.owner, name, strlen(name) + 1);
	return read_answer(&r, code == ns_r_noerror);
}
