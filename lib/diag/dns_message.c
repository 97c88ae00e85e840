/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of the DNS, RFC 1035 section 4, with the extensions of RFC 6891 (EDNS), 5001 (NSID) and 8914 (why it
 * failed). */
#include <errno.h>
#include <string.h>

#include <patronus/out.h>

#include "diag/dns.h"

#define HEADER 12
#define RECORD_HEAD 10 /* behind the owner: type, class, time to live, length */
#define OPTION_NSID 3
#define OPTION_EDE 15
#define OPTIONS_MAX 64 /* that are looked at */
#define EDNS_DO 0x8000u

struct reading {
	const uint8_t *msg;
	size_t len, at;
	struct pt_arena *arena;
	struct pt_dns_message *out;
	struct pt_buf b;
	const char *why;
};

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static int wrong(struct reading *r, const char *why)
{
	r->why = why;
	return -EBADMSG;
}

static const char *kept(struct reading *r)
{
	return r->b.err ? NULL : pt_arena_memdup(r->arena, r->b.s ? r->b.s : "", r->b.n);
}

static void empty(struct pt_buf *b)
{
	b->n = 0;
	if (b->s)
		b->s[0] = '\0';
}

/* The name at the place where we are, as text. */
static int read_name(struct reading *r, const char **out)
{
	uint8_t wire[PT_DNS_WIRE_MAX];

	if (dns_name_read(r->msg, r->len, &r->at, wire) < 0)
		return wrong(r, "a name that is cut, too long, or points in a circle");
	empty(&r->b);
	pt_dns_name_text(&r->b, wire);
	*out = kept(r);
	return *out ? 0 : -ENOMEM;
}

static int read_question(struct reading *r, bool first)
{
	struct pt_dns_message *m = r->out;
	const char *name;
	int rc = read_name(r, &name);

	if (rc)
		return rc;
	if (r->len - r->at < 4)
		return wrong(r, "a question that is cut");
	if (first) {
		m->name = name;
		m->type = (uint16_t)get16(r->msg + r->at);
		m->rclass = (uint16_t)get16(r->msg + r->at + 2);
	}
	r->at += 4;
	return 0;
}

/* ---- EDNS ---- */

static int read_nsid(struct reading *r, const uint8_t *p, size_t n)
{
	struct pt_dns_edns *o = &r->out->edns;

	empty(&r->b);
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(&r->b, "%02x", p[i]);
	o->nsid = kept(r);
	empty(&r->b);
	for (size_t i = 0; i < n; i++)
		pt_buf_chr(&r->b, p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '.');
	o->nsid_text = kept(r);
	return o->nsid && o->nsid_text ? 0 : -ENOMEM;
}

static int read_error(struct reading *r, const uint8_t *p, size_t n)
{
	struct pt_dns_ede ede;

	if (n < 2)
		return 0;
	ede.code = (uint16_t)get16(p);
	empty(&r->b);
	pt_escape(&r->b, (const char *)p + 2, n - 2);
	ede.text = kept(r);
	return ede.text ? pt_vec_push(r->arena, &r->out->edns.errors, ede) : -ENOMEM;
}

static int read_options(struct reading *r, const uint8_t *p, size_t n)
{
	struct pt_dns_edns *o = &r->out->edns;
	int rc = 0;

	for (size_t count = 0; !rc && n; count++) {
		size_t code, len;

		if (n < 4 || n - 4 < get16(p + 2))
			return wrong(r, "an option of EDNS that is cut");
		code = get16(p);
		len = get16(p + 2);
		if (code == OPTION_NSID && !o->nsid)
			rc = read_nsid(r, p + 4, len);
		else if (code == OPTION_EDE && count < OPTIONS_MAX)
			rc = read_error(r, p + 4, len);
		else
			o->others++;
		p += 4 + len;
		n -= 4 + len;
	}
	return rc;
}

/* The pseudo record: its class is a size, its time to live has flags and the upper bits of the code. */
static int read_edns(struct reading *r, size_t head, size_t n)
{
	const uint8_t *p = r->msg + head;
	struct pt_dns_edns *o = &r->out->edns;

	if (o->there)
		return wrong(r, "EDNS twice");
	o->there = true;
	o->size = (uint16_t)get16(p + 2);
	r->out->rcode |= (unsigned int)p[4] << 4;
	o->version = p[5];
	o->dnssec = get16(p + 6) & EDNS_DO;
	return read_options(r, p + RECORD_HEAD, n);
}

/* ---- records ---- */

static int read_record(struct reading *r, enum pt_dns_section section)
{
	struct pt_dns_record rec = { 0 };
	size_t head, n;
	int rc = read_name(r, &rec.name);

	if (rc)
		return rc;
	head = r->at;
	if (r->len - head < RECORD_HEAD)
		return wrong(r, "a record that is cut");
	n = get16(r->msg + head + 8);
	if (r->len - head - RECORD_HEAD < n)
		return wrong(r, "a record that is longer than the message");
	r->at = head + RECORD_HEAD + n;
	rec.type = (uint16_t)get16(r->msg + head);
	rec.rclass = (uint16_t)get16(r->msg + head + 2);
	rec.ttl = (uint32_t)get16(r->msg + head + 4) << 16 | get16(r->msg + head + 6);
	if (rec.type == PT_DNS_OPT)
		return section == PT_DNS_ADDITIONAL ? read_edns(r, head, n) : wrong(r, "EDNS in the wrong section");
	empty(&r->b);
	rec.bad = dns_data_text(r->msg, r->len, head + RECORD_HEAD, n, rec.type, &r->b) != 0;
	if (rec.bad) {
		empty(&r->b);
		dns_data_raw(r->msg + head + RECORD_HEAD, n, &r->b);
		r->out->bad++;
	}
	rec.data = kept(r);
	return rec.data ? pt_vec_push(r->arena, &r->out->section[section], rec) : -ENOMEM;
}

static int read_all(struct reading *r)
{
	const uint8_t *h = r->msg;
	unsigned int questions = get16(h + 4);
	int rc = 0;

	for (unsigned int i = 0; !rc && i < questions; i++)
		rc = read_question(r, !i);
	for (int s = 0; s < PT_DNS_SECTIONS; s++)
		for (unsigned int i = get16(h + 6 + 2 * s); !rc && i; i--)
			rc = read_record(r, (enum pt_dns_section)s);
	return rc;
}

int pt_dns_read(const uint8_t *msg, size_t len, struct pt_arena *a, struct pt_dns_message *out, const char **why)
{
	struct reading r = { .msg = msg, .len = len, .at = HEADER, .arena = a, .out = out };
	int rc;

	memset(out, 0, sizeof(*out));
	out->size = len;
	*why = "";
	if (len < HEADER || len > PT_DNS_MESSAGE_MAX) {
		*why = "a header that is cut";
		return -EBADMSG;
	}
	out->id = (uint16_t)get16(msg);
	out->flags = (uint16_t)get16(msg + 2);
	out->opcode = out->flags >> 11 & 0xf;
	out->rcode = out->flags & 0xf;
	rc = read_all(&r);
	out->extra = len - r.at;
	*why = r.why ? r.why : "";
	pt_buf_fini(&r.b);
	return rc;
}

/* ---- questions ---- */

static size_t put16(uint8_t *out, size_t at, unsigned int v)
{
	out[at] = (uint8_t)(v >> 8);
	out[at + 1] = (uint8_t)v;
	return at + 2;
}

static size_t put_edns(const struct pt_dns_query *q, uint8_t *out, size_t at)
{
	out[at++] = 0; /* the root */
	at = put16(out, at, PT_DNS_OPT);
	at = put16(out, at, q->size);
	at = put16(out, at, 0);
	at = put16(out, at, q->dnssec ? EDNS_DO : 0);
	at = put16(out, at, q->nsid ? 4 : 0);
	if (q->nsid) {
		at = put16(out, at, OPTION_NSID);
		at = put16(out, at, 0);
	}
	return at;
}

size_t pt_dns_write(const struct pt_dns_query *q, uint16_t id, uint8_t out[PT_DNS_QUERY_MAX])
{
	unsigned int flags = (q->recurse ? PT_DNS_RD : 0u) | (q->checking_disabled ? PT_DNS_CD : 0u) |
		(q->dnssec ? PT_DNS_AD : 0u);
	size_t at = 0, n = 0;

	at = put16(out, at, id);
	at = put16(out, at, flags);
	at = put16(out, at, 1);
	at = put16(out, at, 0);
	at = put16(out, at, 0);
	at = put16(out, at, q->size ? 1 : 0);
	while (q->name[n])
		n += q->name[n] + 1u;
	memcpy(out + at, q->name, n + 1);
	at = put16(out, at + n + 1, q->type);
	at = put16(out, at, q->rclass);
	return q->size ? put_edns(q, out, at) : at;
}
