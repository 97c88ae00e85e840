/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packet on a line, for people and for programs; its bytes; what all of them were. */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include <patronus/rule.h>

#include "capture.h"

#define ROW 16

void capture_time(struct pt_buf *b, uint64_t ns, enum capture_clock how)
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	memset(&tm, 0, sizeof(tm)); /* a file may have a time of no year */
	(void)(how == CAPTURE_UTC ? gmtime_r(&t, &tm) : localtime_r(&t, &tm));
	if (how != CAPTURE_TODAY)
		pt_buf_fmt(b, "%04d-%02d-%02d%s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			   how == CAPTURE_UTC ? "T" : " ");
	pt_buf_fmt(b, "%02d:%02d:%02d.%06u%s", tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned int)(ns / 1000 % 1000000),
		   how == CAPTURE_UTC ? "Z" : "");
}

void capture_hex(struct pt_buf *b, const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += ROW) {
		size_t len = n - at < ROW ? n - at : ROW;

		pt_buf_fmt(b, "%s  %04zx ", at ? "\n" : "", at);
		for (size_t i = 0; i < ROW; i++)
			if (i < len)
				pt_buf_fmt(b, "%s%02x", i % 2 ? "" : " ", p[at + i]);
			else
				pt_buf_str(b, i % 2 ? "  " : "   ");
		pt_buf_str(b, "  ");
		for (size_t i = 0; i < len; i++)
			pt_buf_chr(b, p[at + i] >= ' ' && p[at + i] < 0x7f ? (char)p[at + i] : '.');
	}
}

static const char *dir_name(enum pt_dir d)
{
	return d == PT_IN ? "in" : d == PT_OUT ? "out" : NULL;
}

/* ---- a packet ---- */

static const char *action_word(bool pass)
{
	return pass ? "pass" : "block";
}

static void judged_text(const struct capture_judged *judged, struct pt_buf *b)
{
	pt_buf_str(b, " [");
	for (size_t i = 0; i < judged->n; i++) {
		const struct pt_log_record *j = &judged->records[i];

		pt_buf_fmt(b, "%s%s %s by rule ", i ? ", then " : "", action_word(j->action == PT_PASS),
			   dir_name(j->dir));
		pt_escape(b, j->rule, strlen(j->rule));
	}
	if (judged->why)
		pt_buf_fmt(b, ", but dropped: %s", judged->why);
	pt_buf_fmt(b, ", %s]", judged->records[0].by);
}

static void key_judged(struct pt_out *o, const struct capture_judged *judged)
{
	pt_out_str(o, "action", action_word(judged->pass));
	pt_out_str(o, "by", judged->records[0].by);
	pt_out_str(o, "dropped", judged->why);
	pt_out_arr(o, "rules");
	for (size_t i = 0; i < judged->n; i++) {
		const struct pt_log_record *j = &judged->records[i];

		pt_out_obj(o, NULL);
		pt_out_str(o, "rule", j->rule);
		pt_out_str(o, "action", action_word(j->action == PT_PASS));
		pt_out_str(o, "direction", dir_name(j->dir));
		pt_out_str(o, "device", *j->in ? j->in : j->out);
		pt_out_str(o, "file", *j->file ? j->file : NULL);
		if (*j->file)
			pt_out_u64(o, "line", j->line);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
}

static void show_text(struct capture_run *r, const struct pt_capture_packet *p, const char *words,
		      const struct capture_judged *judged)
{
	struct pt_buf b = { 0 };

	capture_time(&b, p->time, r->w.read ? CAPTURE_DATE : CAPTURE_TODAY);
	if (p->dir)
		pt_buf_fmt(&b, " %s", dir_name(p->dir));
	if (*p->device) {
		pt_buf_str(&b, " on ");
		pt_escape(&b, p->device, strlen(p->device));
	}
	pt_buf_chr(&b, ' ');
	pt_escape(&b, words, strlen(words));
	if (judged) {
		judged_text(judged, &b);
	} else if (p->note) {
		pt_buf_str(&b, " [");
		pt_escape(&b, p->note, p->n_note);
		pt_buf_chr(&b, ']');
	}
	if (r->w.hex && p->n) {
		pt_buf_chr(&b, '\n');
		capture_hex(&b, p->data, p->n);
	}
	pt_out_fail(r->o, b.err);
	pt_out_text(r->o, b.s ? b.s : "");
	pt_buf_fini(&b);
}

static void key_tcp(struct pt_out *o, const struct pt_seen *s)
{
	static const char letters[] = "FSRPAUEW";
	char flags[9];
	size_t n = 0;

	for (size_t i = 0; i < 8; i++)
		if (s->flags & 1u << i)
			flags[n++] = letters[i];
	flags[n] = '\0';
	pt_out_str(o, "flags", flags);
	pt_out_u64(o, "seq", s->seq);
	pt_out_u64(o, "ack", s->ack);
	pt_out_u64(o, "window", s->window);
}

static void key_ip(struct pt_out *o, const struct pt_seen *s)
{
	pt_out_addr(o, "src", s->src);
	pt_out_addr(o, "dst", s->dst);
	if (s->has_proto) {
		pt_out_u64(o, "protocol", s->proto);
		pt_out_str(o, "proto", pt_proto_name(s->proto));
	}
	pt_out_u64(o, "ttl", s->hops);
	if (s->fragment || s->more) {
		pt_out_u64(o, "fragment_id", s->id);
		pt_out_u64(o, "fragment_offset", s->offset);
	}
	if (s->has_ports) {
		pt_out_u64(o, "sport", s->sport);
		pt_out_u64(o, "dport", s->dport);
	}
	if (s->has_tcp)
		key_tcp(o, s);
	if (s->data)
		pt_out_u64(o, "data", s->data_length);
}

static void show_keys(struct capture_run *r, const struct pt_capture_packet *p, const struct pt_seen *s,
		      const char *words, const struct capture_judged *judged)
{
	static const char digits[] = "0123456789abcdef", *const tags[] = { "vlan", "vlan2", "vlan3", "vlan4" };
	struct pt_buf b = { 0 };

	pt_out_str(r->o, "event", "packet");
	capture_time(&b, p->time, CAPTURE_UTC);
	pt_out_str(r->o, "time", b.s);
	pt_out_str(r->o, "device", *p->device ? p->device : NULL);
	pt_out_str(r->o, "direction", dir_name(p->dir));
	pt_out_u64(r->o, "length", p->size);
	pt_out_u64(r->o, "captured", p->n);
	pt_out_str(r->o, "kind", pt_seen_kind(s));
	for (size_t i = 0; i < s->n_vlans && i < PT_ARRAY_SIZE(tags); i++)
		pt_out_u64(r->o, tags[i], s->vlans[i]);
	if (s->src.af)
		key_ip(r->o, s);
	pt_out_str(r->o, "text", words);
	if (judged)
		key_judged(r->o, judged);
	if (p->note) {
		b.n = 0;
		pt_escape(&b, p->note, p->n_note);
		pt_out_str(r->o, "note", b.s);
	}
	if (r->w.hex) {
		b.n = 0;
		for (size_t i = 0; i < p->n; i++) {
			pt_buf_chr(&b, digits[p->data[i] >> 4]);
			pt_buf_chr(&b, digits[p->data[i] & 15]);
		}
		pt_out_str(r->o, "hex", p->n ? b.s : "");
	}
	pt_out_fail(r->o, b.err);
	pt_buf_fini(&b);
}

void capture_show(struct capture_run *r, const struct pt_capture_packet *p, const struct pt_seen *s,
		  const struct capture_judged *judged)
{
	struct pt_buf words = { 0 };

	pt_seen_words(s, &words);
	pt_out_rec(r->o);
	pt_out_fail(r->o, words.err);
	if (pt_out_format(r->o) == PT_OUT_TEXT)
		show_text(r, p, words.s ? words.s : "", judged);
	else
		show_keys(r, p, s, words.s, judged);
	pt_out_rec_end(r->o);
	pt_buf_fini(&words);
}

/* ---- the summary ---- */

static void end_text(struct pt_buf *b, const struct pt_flow *f, bool second)
{
	struct pt_addr a = second ? f->b : f->a;
	uint16_t port = second ? f->b_port : f->a_port;
	bool six = port && a.af == PT_AF_INET6;

	pt_buf_str(b, six ? "[" : "");
	pt_addr_fmt(b, a);
	pt_buf_str(b, six ? "]" : "");
	if (port)
		pt_buf_fmt(b, ":%u", port);
}

static void proto_text(struct pt_buf *b, uint8_t proto)
{
	const char *name = pt_proto_name(proto);

	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_fmt(b, "protocol %u", proto);
}

static void say_summary(struct capture_run *r, struct pt_buf *b)
{
	const struct pt_flow_kind *kinds;
	const struct pt_flow *flows;
	size_t n;

	pt_buf_fmt(b, "%llu packet%s, %llu byte%s", (unsigned long long)r->packets, pt_plural(r->packets),
		   (unsigned long long)r->bytes, pt_plural(r->bytes));
	if (!r->w.read)
		pt_buf_fmt(b, ", %llu dropped by the kernel for want of room", (unsigned long long)r->dropped);
	kinds = pt_flows_kinds(r->flows, &n);
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "\n  %-14s %10llu %-7s %14llu byte%s", kinds[i].kind,
			   (unsigned long long)kinds[i].packets, kinds[i].packets == 1 ? "packet" : "packets",
			   (unsigned long long)kinds[i].bytes, pt_plural(kinds[i].bytes));
	flows = pt_flows_top(r->flows, &n);
	if (n && r->w.top)
		pt_buf_fmt(b, "\n%zu flow%s%s", n, pt_plural(n), n > r->w.top ? ", those with most bytes:" : ":");
	for (size_t i = 0; i < n && i < r->w.top; i++) {
		const struct pt_flow *f = &flows[i];

		pt_buf_str(b, "\n  ");
		proto_text(b, f->proto);
		pt_buf_chr(b, ' ');
		end_text(b, f, false);
		pt_buf_str(b, " > ");
		end_text(b, f, true);
		if (f->asks)
			pt_buf_fmt(b, " id %u", f->id);
		for (unsigned int k = 0; k < 2; k++)
			pt_buf_fmt(b, "%s %llu packet%s %llu byte%s", k ? ", back" : ":",
				   (unsigned long long)f->packets[k], pt_plural(f->packets[k]),
				   (unsigned long long)f->bytes[k], pt_plural(f->bytes[k]));
	}
	if (pt_flows_uncounted(r->flows))
		pt_buf_fmt(b, "\n%llu packet%s of flows beyond %d, which are not told apart",
			   (unsigned long long)pt_flows_uncounted(r->flows),
			   pt_flows_uncounted(r->flows) == 1 ? " is" : "s are", PT_FLOWS_MAX);
}

static void key_flow(struct pt_out *o, const struct pt_flow *f)
{
	pt_out_obj(o, NULL);
	pt_out_u64(o, "protocol", f->proto);
	pt_out_str(o, "proto", pt_proto_name(f->proto));
	pt_out_addr(o, "src", f->a);
	pt_out_addr(o, "dst", f->b);
	if (f->a_port || f->b_port) {
		pt_out_u64(o, "sport", f->a_port);
		pt_out_u64(o, "dport", f->b_port);
	}
	if (f->asks)
		pt_out_u64(o, "id", f->id);
	pt_out_u64(o, "packets", f->packets[0]);
	pt_out_u64(o, "bytes", f->bytes[0]);
	pt_out_u64(o, "packets_back", f->packets[1]);
	pt_out_u64(o, "bytes_back", f->bytes[1]);
	pt_out_obj_end(o);
}

static void key_summary(struct capture_run *r)
{
	const struct pt_flow_kind *kinds;
	const struct pt_flow *flows;
	size_t n;

	pt_out_str(r->o, "event", "summary");
	pt_out_u64(r->o, "packets", r->packets);
	pt_out_u64(r->o, "bytes", r->bytes);
	if (!r->w.read)
		pt_out_u64(r->o, "dropped", r->dropped);
	pt_out_arr(r->o, "kinds");
	kinds = pt_flows_kinds(r->flows, &n);
	for (size_t i = 0; i < n; i++) {
		pt_out_obj(r->o, NULL);
		pt_out_str(r->o, "kind", kinds[i].kind);
		pt_out_u64(r->o, "packets", kinds[i].packets);
		pt_out_u64(r->o, "bytes", kinds[i].bytes);
		pt_out_obj_end(r->o);
	}
	pt_out_arr_end(r->o);
	flows = pt_flows_top(r->flows, &n);
	pt_out_u64(r->o, "n_flows", n);
	pt_out_u64(r->o, "uncounted", pt_flows_uncounted(r->flows));
	pt_out_arr(r->o, "flows");
	for (size_t i = 0; i < n && i < r->w.top; i++)
		key_flow(r->o, &flows[i]);
	pt_out_arr_end(r->o);
}

void capture_show_summary(struct capture_run *r)
{
	struct pt_buf b = { 0 };

	pt_out_rec(r->o);
	if (pt_out_format(r->o) == PT_OUT_TEXT) {
		say_summary(r, &b);
		pt_out_fail(r->o, b.err);
		pt_out_text(r->o, b.s ? b.s : "");
	} else {
		key_summary(r);
	}
	pt_out_rec_end(r->o);
	pt_buf_fini(&b);
}
