/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What became of a port, for people and for programs; certificates, which `ptdiag dns` shows as well. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "port.h"

#define DAY 86400

static const char *date(int64_t t, char buf[32])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		buf[0] = '\0';
	return buf;
}

static int64_t days_left(const struct pt_tls_certificate *c)
{
	int64_t left = c->until - (int64_t)time(NULL);

	return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

/* A port with TLS that does not hold is no port that works, unless nobody asked. */
int port_talk_status(const struct pt_dial *r, const struct pt_dial_want *w, bool unchecked)
{
	if (r->state != PT_DIAL_OPEN || !r->talked)
		return PT_EXIT_OK;
	if (w->tls && !r->tls.done)
		return PT_EXIT_NO;
	if (w->tls && !unchecked && (r->tls.verified || r->tls.wrong_name))
		return PT_EXIT_NO;
	return r->why[0] ? PT_EXIT_TIME : PT_EXIT_OK;
}

/* ---- text ---- */

static void validity_text(struct pt_buf *b, const struct pt_tls_certificate *c)
{
	int64_t now = (int64_t)time(NULL), days = days_left(c);
	char from[32], until[32];

	pt_buf_fmt(b, "\n  valid:     %s to %s, ", date(c->from, from), date(c->until, until));
	if (now < c->from)
		pt_buf_str(b, "not yet");
	else if (days < 0)
		pt_buf_fmt(b, "expired %lld day%s ago", (long long)-days, pt_plural((uint64_t)-days));
	else
		pt_buf_fmt(b, "%lld day%s left", (long long)days, pt_plural((uint64_t)days));
}

static void certificate_text(struct pt_buf *b, const struct pt_tls_certificate *c)
{
	pt_buf_fmt(b, "\n  subject:   %s", c->subject);
	pt_buf_fmt(b, "\n  issuer:    %s", c->issuer);
	if (c->names.n)
		pt_buf_str(b, "\n  names:     ");
	for (size_t i = 0; i < c->names.n; i++)
		pt_buf_fmt(b, "%s%s", i ? ", " : "", c->names.v[i]);
	validity_text(b, c);
	pt_buf_fmt(b, "\n  key:       %s, %u bits, signed with %s", c->key, c->key_bits, c->signature);
	pt_buf_fmt(b, "\n  SHA-256:   %s", c->digest);
}

static void tls_text(struct pt_buf *b, const struct pt_tls *t, const char *name)
{
	if (!t->done)
		return;
	pt_buf_fmt(b, "\n  TLS:       %s, %s%s%s", t->protocol, t->cipher, t->alpn ? ", " : "", t->alpn ? t->alpn : "");
	if (t->has_certificate)
		certificate_text(b, &t->certificate);
	pt_buf_fmt(b, "\n  trusted:   %s", t->verified || t->wrong_name ? "no: " : "yes");
	if (t->verified)
		pt_buf_str(b, t->verified);
	if (t->wrong_name)
		pt_buf_fmt(b, "%sit is not of %s", t->verified ? "; " : "", name);
}

/* The first bytes, as text on one line. */
static void bytes_text(struct pt_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' || p[i] == '\n' || p[i] == '\t' || p[i] == '\\')
			pt_buf_fmt(b, "\\%c", p[i] == '\r' ? 'r' : p[i] == '\n' ? 'n' : p[i] == '\t' ? 't' : '\\');
		else if (p[i] >= ' ' && p[i] < 0x7f)
			pt_buf_chr(b, (char)p[i]);
		else
			pt_buf_fmt(b, "\\x%02x", p[i]);
	}
}

/* Without ICMP it is this machine that says no; what a route of it does, the C library's words do not tell. */
static const char *error_text(const struct pt_dial *r, const struct pt_dial_want *w)
{
	if (r->state != PT_DIAL_UNREACHABLE || r->icmp.there)
		return strerror(r->error);
	if (r->error == EACCES)
		return "a route of this machine prohibits it";
	/* An address of ours that cannot go there is EINVAL, too. */
	return r->error == EINVAL && w->from.af == PT_AF_NONE ? "a route of this machine drops it (blackhole)" :
								strerror(r->error);
}

static void why_text(struct pt_buf *b, const struct pt_dial *r, const struct pt_dial_want *w)
{
	if (r->icmp.there) {
		pt_buf_fmt(b, ": %s, says ", pt_dial_icmp_name(&r->icmp));
		if (r->icmp.from.af != PT_AF_NONE)
			pt_addr_fmt(b, r->icmp.from);
		else
			pt_buf_str(b, "somebody");
	} else if (r->state == PT_DIAL_FILTERED) {
		pt_buf_str(b, r->error == EPERM ? ": a rule of this machine drops it" : ": no answer in time");
	} else if (r->state == PT_DIAL_UNREACHABLE || r->state == PT_DIAL_FAILED) {
		pt_buf_fmt(b, ": %s", error_text(r, w));
	}
}

static void line(struct pt_buf *b, const struct pt_dial *r, const struct pt_dial_want *w)
{
	pt_addr_fmt(b, r->addr);
	pt_buf_fmt(b, " %s %u: %s", w->udp ? "udp" : "tcp", r->port, pt_dial_state_name(r->state, w->udp));
	why_text(b, r, w);
	if (r->state != PT_DIAL_FILTERED && r->state != PT_DIAL_FAILED)
		pt_buf_fmt(b, ", %llu.%03u ms", (unsigned long long)(r->us / 1000), (unsigned int)(r->us % 1000));
	tls_text(b, &r->tls, w->tls_want.name);
	if (r->why[0])
		pt_buf_fmt(b, "\n  failed:    %s", r->why);
	if (r->n_bytes) {
		pt_buf_str(b, "\n  bytes:     ");
		bytes_text(b, r->bytes, r->n_bytes);
	}
}

/* ---- members ---- */

static void show_certificate(struct pt_out *o, const struct pt_tls_certificate *c)
{
	char buf[32];

	pt_out_obj(o, "certificate");
	pt_out_str(o, "subject", c->subject);
	pt_out_str(o, "issuer", c->issuer);
	pt_out_str(o, "serial", c->serial);
	pt_out_arr(o, "names");
	for (size_t i = 0; i < c->names.n; i++)
		pt_out_item(o, c->names.v[i]);
	pt_out_arr_end(o);
	pt_out_str(o, "valid_from", date(c->from, buf));
	pt_out_str(o, "valid_until", date(c->until, buf));
	pt_out_i64(o, "days_left", days_left(c));
	pt_out_str(o, "key", c->key);
	pt_out_u64(o, "key_bits", c->key_bits);
	pt_out_str(o, "signature", c->signature);
	pt_out_str(o, "sha256", c->digest);
	pt_out_obj_end(o);
}

void port_show_tls(struct pt_out *o, const char *key, const struct pt_tls *t)
{
	pt_out_obj(o, key);
	pt_out_str(o, "protocol", t->protocol);
	pt_out_str(o, "cipher", t->cipher);
	pt_out_str(o, "alpn", t->alpn);
	pt_out_bool(o, "trusted", !t->verified && !t->wrong_name);
	pt_out_str(o, "verification", t->verified);
	pt_out_bool(o, "wrong_name", t->wrong_name);
	pt_out_u64(o, "chain", t->chain);
	if (t->has_certificate)
		show_certificate(o, &t->certificate);
	pt_out_obj_end(o);
}

static void show_icmp(struct pt_out *o, const struct pt_dial_icmp *i)
{
	pt_out_obj(o, "icmp");
	pt_out_u64(o, "type", i->type);
	pt_out_u64(o, "code", i->code);
	pt_out_str(o, "meaning", pt_dial_icmp_name(i));
	if (i->from.af != PT_AF_NONE)
		pt_out_addr(o, "from", i->from);
	else
		pt_out_null(o, "from");
	pt_out_obj_end(o);
}

static void show_members(struct pt_out *o, const struct pt_dial *r, const struct pt_dial_want *w)
{
	struct pt_buf b = { 0 };

	pt_out_addr(o, "address", r->addr);
	pt_out_u64(o, "port", r->port);
	pt_out_str(o, "protocol", w->udp ? "udp" : "tcp");
	pt_out_str(o, "state", pt_dial_state_name(r->state, w->udp));
	if (r->state != PT_DIAL_FILTERED && r->state != PT_DIAL_FAILED)
		pt_out_u64(o, "time_us", r->us);
	if (r->error)
		pt_out_str(o, "error", error_text(r, w));
	if (r->icmp.there)
		show_icmp(o, &r->icmp);
	if (r->from.af != PT_AF_NONE)
		pt_out_addr(o, "source", r->from);
	if (r->tls.done)
		port_show_tls(o, "tls", &r->tls);
	if (r->why[0])
		pt_out_str(o, "failure", r->why);
	if (r->n_bytes) {
		bytes_text(&b, r->bytes, r->n_bytes);
		pt_out_fail(o, b.err);
		pt_out_str(o, "bytes", b.s);
		pt_buf_fini(&b);
	}
}

void port_show(struct pt_out *o, const struct pt_dial *r, const struct pt_dial_want *w)
{
	struct pt_buf b = { 0 };

	pt_out_rec(o);
	show_members(o, r, w);
	line(&b, r, w);
	pt_out_fail(o, b.err);
	pt_out_text(o, b.s ? b.s : "");
	pt_out_rec_end(o);
	pt_buf_fini(&b);
}
