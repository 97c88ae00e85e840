/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of the DNS for people, in lines that a zone file takes, and for programs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <netinet/in.h>

#include "dns.h"

#define OWNER_WIDTH_MAX 40

static const char *const sections[PT_DNS_SECTIONS] = { "answer", "authority", "additional" };

static const struct {
	unsigned int bit;
	const char *name;
} flags[] = {
	{ PT_DNS_QR, "qr" }, { PT_DNS_AA, "aa" }, { PT_DNS_TC, "tc" }, { PT_DNS_RD, "rd" },
	{ PT_DNS_RA, "ra" }, { PT_DNS_AD, "ad" }, { PT_DNS_CD, "cd" },
};

int dns_status(const struct pt_dns_reply *r)
{
	if (r->outcome == PT_DNS_TIMEOUT)
		return PT_EXIT_TIME;
	return r->outcome == PT_DNS_ANSWERED && r->m.rcode == PT_DNS_NOERROR && r->m.section[PT_DNS_ANSWER].n ?
		PT_EXIT_OK :
		PT_EXIT_NO;
}

/* ---- text ---- */

static void server_text(struct pt_buf *b, const struct pt_dns_reply *r)
{
	const struct sockaddr *sa = (const struct sockaddr *)&r->server->addr;
	unsigned int port = sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port :
							((const struct sockaddr_in *)(const void *)sa)->sin_port;

	pt_addr_fmt(b, r->server->address);
	if (r->server->name)
		pt_buf_fmt(b, " (%s)", r->server->name);
	pt_buf_fmt(b, " port %u by %s", ntohs((uint16_t)port), pt_dns_transport_name(r->transport));
}

static void question_text(struct pt_buf *b, const struct pt_dns_message *m)
{
	char type[16], rclass[16];

	if (m->name)
		pt_buf_fmt(b, "%s %s %s", m->name, pt_dns_class_name(m->rclass, rclass),
			   pt_dns_type_name(m->type, type));
	else
		pt_buf_str(b, "no question");
}

static void flags_text(struct pt_buf *b, const struct pt_dns_message *m)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(flags); i++)
		if (m->flags & flags[i].bit)
			pt_buf_fmt(b, " %s", flags[i].name);
}

static void edns_text(struct pt_buf *b, const struct pt_dns_edns *o)
{
	if (!o->there)
		return;
	pt_buf_fmt(b, "\n;; EDNS: version %u, size %u%s", o->version, o->size, o->dnssec ? ", do" : "");
	if (o->nsid)
		pt_buf_fmt(b, ", nsid %s (%s)", o->nsid, o->nsid_text);
	for (size_t i = 0; i < o->errors.n; i++)
		pt_buf_fmt(b, "\n;; extended error %u (%s)%s%s", o->errors.v[i].code,
			   pt_dns_ede_name(o->errors.v[i].code), *o->errors.v[i].text ? ": " : "", o->errors.v[i].text);
}

static void ignored_text(struct pt_buf *b, const struct pt_dns_ignored *i)
{
	if (i->source || i->id || i->question || i->malformed)
		pt_buf_fmt(
			b,
			"\n;; ignored: %zu from elsewhere, %zu with another number, %zu to another question, "
			"%zu that are no messages",
			i->source, i->id, i->question, i->malformed);
}

static void notes_text(struct pt_buf *b, const struct pt_dns_reply *r)
{
	const struct pt_tls *t = &r->tls;

	edns_text(b, &r->m.edns);
	if (r->truncated)
		pt_buf_str(b, "\n;; the answer by UDP was cut: asked again by TCP");
	if (r->without_edns)
		pt_buf_str(b, "\n;; the server does not know EDNS: asked again without");
	if (r->tries > 1)
		pt_buf_fmt(b, "\n;; %u tries", r->tries);
	ignored_text(b, &r->ignored);
	if (r->m.bad)
		pt_buf_fmt(b, "\n;; %zu record%s none of their type, and shown by their bytes", r->m.bad,
			   r->m.bad == 1 ? " is" : "s are");
	if (r->m.extra)
		pt_buf_fmt(b, "\n;; %zu byte%s behind the last record", r->m.extra, pt_plural(r->m.extra));
	if (t->done)
		pt_buf_fmt(b, "\n;; TLS: %s, %s, %s%s%s", t->protocol, t->cipher,
			   t->has_certificate ? t->certificate.subject : "no certificate",
			   t->verified || t->wrong_name ? ", not trusted: " : ", trusted",
			   t->verified ? t->verified :
				   t->wrong_name ? "it has another name" :
						   "");
}

static void section_text(struct pt_buf *b, const struct pt_dns_message *m, enum pt_dns_section s)
{
	size_t width = 0;

	if (!m->section[s].n)
		return;
	pt_buf_fmt(b, "\n;; %s", sections[s]);
	for (size_t i = 0; i < m->section[s].n; i++) {
		size_t n = strlen(m->section[s].v[i].name);

		width = n > width && n <= OWNER_WIDTH_MAX ? n : width;
	}
	for (size_t i = 0; i < m->section[s].n; i++) {
		const struct pt_dns_record *r = &m->section[s].v[i];
		char type[16], rclass[16];

		pt_buf_fmt(b, "\n%-*s %6u %-2s %-5s ", (int)width, r->name, r->ttl,
			   pt_dns_class_name(r->rclass, rclass), pt_dns_type_name(r->type, type));
		pt_buf_str(b, r->data);
	}
}

static void head_text(struct pt_buf *b, const struct pt_dns_reply *r)
{
	char code[16];

	pt_buf_str(b, ";; ");
	if (r->outcome != PT_DNS_ANSWERED) {
		server_text(b, r);
		pt_buf_fmt(b, ": %s", r->why);
		ignored_text(b, &r->ignored);
		return;
	}
	question_text(b, &r->m);
	pt_buf_fmt(b, ": %s,", pt_dns_rcode_name(r->m.rcode, code));
	if (r->m.opcode)
		pt_buf_fmt(b, " opcode %s,", pt_dns_opcode_name(r->m.opcode, code));
	flags_text(b, &r->m);
	pt_buf_str(b, "\n;; ");
	server_text(b, r);
	pt_buf_fmt(b, ", %llu.%03u ms, %zu bytes", (unsigned long long)(r->us / 1000), (unsigned int)(r->us % 1000),
		   r->m.size);
	notes_text(b, r);
}

static void brief_text(struct pt_buf *b, const struct pt_dns_reply *r)
{
	for (size_t i = 0; i < r->m.section[PT_DNS_ANSWER].n; i++)
		pt_buf_fmt(b, "%s%s", i ? "\n" : "", r->m.section[PT_DNS_ANSWER].v[i].data);
}

/* ---- members ---- */

static void show_record(struct pt_out *o, const struct pt_dns_record *r)
{
	char type[16], rclass[16];

	pt_out_obj(o, NULL);
	pt_out_str(o, "name", r->name);
	pt_out_u64(o, "ttl", r->ttl);
	pt_out_str(o, "class", pt_dns_class_name(r->rclass, rclass));
	pt_out_str(o, "type", pt_dns_type_name(r->type, type));
	pt_out_str(o, "data", r->data);
	if (r->bad)
		pt_out_bool(o, "malformed", true);
	pt_out_obj_end(o);
}

static void show_edns(struct pt_out *o, const struct pt_dns_edns *e)
{
	if (!e->there) {
		pt_out_null(o, "edns");
		return;
	}
	pt_out_obj(o, "edns");
	pt_out_u64(o, "version", e->version);
	pt_out_u64(o, "size", e->size);
	pt_out_bool(o, "dnssec", e->dnssec);
	pt_out_str(o, "nsid", e->nsid);
	pt_out_arr(o, "errors");
	for (size_t i = 0; i < e->errors.n; i++) {
		pt_out_obj(o, NULL);
		pt_out_u64(o, "code", e->errors.v[i].code);
		pt_out_str(o, "meaning", pt_dns_ede_name(e->errors.v[i].code));
		pt_out_str(o, "text", e->errors.v[i].text);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
	pt_out_obj_end(o);
}

static void show_message(struct pt_out *o, const struct pt_dns_reply *r)
{
	const struct pt_dns_message *m = &r->m;
	char buf[16];

	pt_out_str(o, "rcode", pt_dns_rcode_name(m->rcode, buf));
	pt_out_str(o, "opcode", pt_dns_opcode_name(m->opcode, buf));
	pt_out_arr(o, "flags");
	for (size_t i = 0; i < PT_ARRAY_SIZE(flags); i++)
		if (m->flags & flags[i].bit)
			pt_out_item(o, flags[i].name);
	pt_out_arr_end(o);
	show_edns(o, &m->edns);
	pt_out_str(o, "name", m->name);
	pt_out_str(o, "class", pt_dns_class_name(m->rclass, buf));
	pt_out_str(o, "type", pt_dns_type_name(m->type, buf));
	for (size_t s = 0; s < PT_DNS_SECTIONS; s++) {
		pt_out_arr(o, sections[s]);
		for (size_t i = 0; i < m->section[s].n; i++)
			show_record(o, &m->section[s].v[i]);
		pt_out_arr_end(o);
	}
	pt_out_u64(o, "size", m->size);
	pt_out_u64(o, "time_us", r->us);
	pt_out_bool(o, "truncated", r->truncated || m->flags & PT_DNS_TC);
	if (r->tls.done)
		port_show_tls(o, "tls", &r->tls);
}

static void show_members(struct pt_out *o, const struct pt_dns_reply *r)
{
	static const char *const outcomes[] = {
		[PT_DNS_ANSWERED] = "answered", [PT_DNS_TIMEOUT] = "timeout", [PT_DNS_NOT_THERE] = "unreachable",
		[PT_DNS_UNTRUSTED] = "untrusted", [PT_DNS_BROKEN] = "broken",
	};

	pt_out_addr(o, "server", r->server->address);
	pt_out_str(o, "transport", pt_dns_transport_name(r->transport));
	pt_out_str(o, "outcome", outcomes[r->outcome]);
	if (r->outcome != PT_DNS_ANSWERED)
		pt_out_str(o, "reason", r->why);
	pt_out_u64(o, "tries", r->tries);
	pt_out_obj(o, "ignored");
	pt_out_u64(o, "source", r->ignored.source);
	pt_out_u64(o, "id", r->ignored.id);
	pt_out_u64(o, "question", r->ignored.question);
	pt_out_u64(o, "malformed", r->ignored.malformed);
	pt_out_obj_end(o);
	if (r->outcome == PT_DNS_ANSWERED)
		show_message(o, r);
}

static void end_record(struct pt_out *o, struct pt_buf *b)
{
	pt_out_fail(o, b->err);
	pt_out_text(o, b->s ? b->s : "");
	pt_out_rec_end(o);
	pt_buf_fini(b);
}

void dns_show(struct pt_out *o, const struct pt_dns_reply *r, bool brief)
{
	struct pt_buf b = { 0 };

	/* Without an answer, "short" still says why there is none when nobody replied. */
	if (brief && r->outcome == PT_DNS_ANSWERED && !r->m.section[PT_DNS_ANSWER].n && pt_out_format(o) == PT_OUT_TEXT)
		return;
	pt_out_rec(o);
	show_members(o, r);
	if (brief && r->outcome == PT_DNS_ANSWERED) {
		brief_text(&b, r);
	} else {
		head_text(&b, r);
		for (int s = 0; s < PT_DNS_SECTIONS; s++)
			section_text(&b, &r->m, (enum pt_dns_section)s);
	}
	end_record(o, &b);
}

/* ---- several servers ---- */

void dns_show_one_of(struct pt_out *o, const struct pt_dns_reply *all, size_t own, size_t first)
{
	const struct pt_dns_reply *r = &all[own];
	struct pt_buf b = { 0 };

	pt_out_rec(o);
	show_members(o, r);
	pt_out_addr(o, "same_as", all[first].server->address);
	head_text(&b, r);
	if (first != own) {
		pt_buf_str(&b, "\n;; the same as ");
		pt_addr_fmt(&b, all[first].server->address);
	} else if (r->outcome == PT_DNS_ANSWERED) {
		section_text(&b, &r->m, PT_DNS_ANSWER);
	}
	end_record(o, &b);
}

static bool has_record(const struct pt_dns_message *m, const struct pt_dns_record *r)
{
	for (size_t i = 0; i < m->section[PT_DNS_ANSWER].n; i++) {
		const struct pt_dns_record *x = &m->section[PT_DNS_ANSWER].v[i];

		if (x->type == r->type && x->rclass == r->rclass && !strcasecmp(x->name, r->name) &&
		    !strcmp(x->data, r->data))
			return true;
	}
	return false;
}

bool dns_same(const struct pt_dns_reply *x, const struct pt_dns_reply *y)
{
	const struct pt_dns_message *m = &x->m, *n = &y->m;

	if (x->outcome != y->outcome)
		return false;
	if (x->outcome != PT_DNS_ANSWERED)
		return true;
	if (m->rcode != n->rcode || m->section[PT_DNS_ANSWER].n != n->section[PT_DNS_ANSWER].n)
		return false;
	for (size_t i = 0; i < m->section[PT_DNS_ANSWER].n; i++)
		if (!has_record(n, &m->section[PT_DNS_ANSWER].v[i]))
			return false;
	return true;
}
