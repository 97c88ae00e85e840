/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a test while it runs, and what came of it. Streams of one direction are one line; with -d each has one as
 * well. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "iperf.h"
#include "probe.h"

/* Streams of one direction together. */
struct sum {
	size_t n;
	struct pt_iperf_count here, there;
	uint64_t rtt, window; /* mean, sum */
	bool told;
};

static void add(struct pt_iperf_count *sum, const struct pt_iperf_count *c)
{
	sum->bytes += c->bytes;
	sum->packets += c->packets;
	sum->lost += c->lost;
	sum->reordered += c->reordered;
	sum->jitter += c->jitter;
	sum->resends = sum->resends || c->resends;
	sum->retransmits += c->retransmits;
	if (c->seconds > sum->seconds)
		sum->seconds = c->seconds;
}

static void sum_up(const struct pt_iperf_flow *flows, size_t n, bool sent, struct sum *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		if (flows[i].sends != sent)
			continue;
		out->n++;
		add(&out->here, &flows[i].here);
		add(&out->there, &flows[i].there);
		out->rtt += flows[i].rtt;
		out->window += flows[i].window;
		out->told = out->told || flows[i].told;
	}
	if (!out->n)
		return;
	out->rtt /= out->n;
	out->here.jitter /= (double)out->n;
	out->there.jitter /= (double)out->n;
}

static uint64_t bits(uint64_t bytes, double seconds)
{
	double rate = seconds > 0 ? (double)bytes * 8 / seconds : 0;

	return rate < 1.8e19 ? (uint64_t)rate : UINT64_MAX;
}

/* ---- text ---- */

static void scaled(struct pt_buf *b, double v, const char *unit)
{
	static const char prefixes[] = " kMGTPE";
	size_t i = 0;

	while (v >= 999.5 && i < sizeof(prefixes) - 2) {
		v /= 1000;
		i++;
	}
	pt_buf_fmt(b, i && v < 9.995 ? "%.2f " : i && v < 99.95 ? "%.1f " : "%.0f ", v);
	if (i)
		pt_buf_chr(b, prefixes[i]);
	pt_buf_str(b, unit);
}

static void amount(struct pt_buf *b, const struct pt_iperf_count *c)
{
	scaled(b, (double)c->bytes, "B");
	pt_buf_str(b, ", ");
	scaled(b, (double)bits(c->bytes, c->seconds), "bit/s");
}

static void sending(struct pt_buf *b, const struct pt_iperf_count *c, bool udp)
{
	if (udp)
		pt_buf_fmt(b, ", %llu datagram%s", (unsigned long long)c->packets, pt_plural(c->packets));
	else if (c->resends)
		pt_buf_fmt(b, ", %llu retransmission%s", (unsigned long long)c->retransmits,
			   pt_plural((uint64_t)c->retransmits));
}

static double loss(const struct pt_iperf_count *c)
{
	return c->packets ? 100 * (double)c->lost / (double)c->packets : 0;
}

static void receiving(struct pt_buf *b, const struct pt_iperf_count *c, bool ours)
{
	pt_buf_fmt(b, ", %llu of %llu datagram%s lost (", (unsigned long long)c->lost, (unsigned long long)c->packets,
		   pt_plural(c->packets));
	probe_percent(b, loss(c));
	pt_buf_str(b, "), jitter ");
	probe_ms(b, c->jitter * 1e9);
	pt_buf_str(b, " ms");
	if (ours)
		pt_buf_fmt(b, ", %llu out of order", (unsigned long long)c->reordered);
}

static void way(struct pt_buf *b, uint64_t rtt, uint64_t window)
{
	if (!rtt)
		return;
	pt_buf_str(b, ", rtt ");
	probe_ms(b, (double)rtt * 1e3);
	pt_buf_str(b, " ms, window ");
	scaled(b, (double)window, "B");
}

static void say_interval(const struct iperf_show *s, const char *who, const struct pt_iperf_flow *f, uint64_t from,
			 uint64_t to)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%6.1f-%.1f s%s %s ", (double)from / 1e6, (double)to / 1e6, who, f->sends ? "sent" : "received");
	amount(&b, &f->here);
	if (f->sends)
		sending(&b, &f->here, s->udp);
	else if (s->udp)
		receiving(&b, &f->here, true);
	way(&b, f->rtt, f->window);
	probe_say(s->o, &b);
}

/* ---- JSON ---- */

static void key_count(struct pt_out *o, const struct pt_iperf_count *c, bool udp, bool sent, bool ours)
{
	pt_out_u64(o, "bytes", c->bytes);
	pt_out_decimal(o, "seconds", (uint64_t)llround(c->seconds * 1e6), 6);
	pt_out_u64(o, "bits_per_second", bits(c->bytes, c->seconds));
	if (!udp && sent && c->resends)
		pt_out_u64(o, "retransmissions", c->retransmits);
	if (udp)
		pt_out_u64(o, "datagrams", c->packets);
	if (!udp || sent)
		return;
	pt_out_u64(o, "lost", c->lost);
	probe_key_percent(o, "loss_percent", loss(c));
	if (ours)
		pt_out_u64(o, "reordered", c->reordered);
	probe_key_ms(o, "jitter_ms", c->jitter * 1e9, true);
}

static void key_way(struct pt_out *o, uint64_t rtt, uint64_t window)
{
	if (!rtt)
		return;
	probe_key_ms(o, "rtt_ms", (double)rtt * 1e3, true);
	pt_out_u64(o, "congestion_window", window);
}

/* A line for itself: it says what it is. */
static void begin_event(const struct iperf_show *s, const char *event)
{
	pt_out_rec(s->o);
	pt_out_str(s->o, "schema", IPERF_SCHEMA);
	pt_out_str(s->o, "event", event);
}

static void key_interval(const struct iperf_show *s, uint32_t stream, const struct pt_iperf_flow *f, uint64_t from,
			 uint64_t to)
{
	begin_event(s, "interval");
	if (stream)
		pt_out_u64(s->o, "stream", stream);
	pt_out_str(s->o, "direction", f->sends ? "sent" : "received");
	pt_out_decimal(s->o, "from", from, 6);
	pt_out_decimal(s->o, "to", to, 6);
	key_count(s->o, &f->here, s->udp, f->sends, true);
	key_way(s->o, f->rtt, f->window);
	pt_out_rec_end(s->o);
}

/* ---- a test ---- */

int iperf_show_begun(const struct pt_iperf_test *t, struct pt_addr peer, void *arg)
{
	struct iperf_show *s = arg;
	const char *way_name = t->both ? "both" : t->reverse != s->server ? "received" : "sent";
	struct pt_buf b = { 0 };

	s->udp = t->udp;
	if (s->c->json) {
		begin_event(s, "begin");
		pt_out_addr(s->o, "peer", peer);
		pt_out_u64(s->o, "port", s->port);
		pt_out_str(s->o, "role", s->server ? "server" : "client");
		pt_out_str(s->o, "protocol", t->udp ? "udp" : "tcp");
		pt_out_str(s->o, "direction", way_name);
		pt_out_u64(s->o, "streams", t->streams);
		pt_out_rec_end(s->o);
	} else {
		pt_addr_fmt(&b, peer);
		pt_buf_fmt(&b, ", port %u, %s, %u stream%s%s, ", s->port, t->udp ? "UDP" : "TCP", t->streams,
			   pt_plural(t->streams), t->both ? " each way" : "");
		pt_buf_str(&b, t->both ? "both send" : t->reverse == s->server ? "this end sends" : "that end sends");
		probe_say(s->o, &b);
	}
	return pt_out_flush(s->o);
}

static void each_stream(const struct iperf_show *s, const struct pt_iperf_flow *f, uint64_t from, uint64_t to)
{
	char who[24];

	(void)snprintf(who, sizeof(who), ", stream %u:", f->id);
	if (s->c->json)
		key_interval(s, f->id, f, from, to);
	else
		say_interval(s, who, f, from, to);
}

int iperf_show_interval(const struct pt_iperf_flow *flows, size_t n, uint64_t from, uint64_t to, void *arg)
{
	const struct iperf_show *s = arg;

	if (s->c->quiet)
		return 0;
	for (size_t i = 0; s->c->details && i < n; i++)
		each_stream(s, &flows[i], from, to);
	for (int sent = 1; sent >= 0; sent--) {
		struct pt_iperf_flow f = { .sends = sent };
		struct sum sum;

		sum_up(flows, n, sent, &sum);
		if (!sum.n)
			continue;
		f.here = sum.here;
		f.rtt = (uint32_t)sum.rtt;
		f.window = sum.window;
		if (s->c->json)
			key_interval(s, 0, &f, from, to);
		else
			say_interval(s, ":", &f, from, to);
	}
	return pt_out_flush(s->o);
}

static void say_end(const struct iperf_show *s, const char *name, const struct pt_iperf_count *c, bool sender,
		    bool ours)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%s by %s end: ", name, ours ? "this" : "that");
	amount(&b, c);
	pt_buf_fmt(&b, " in %.2f s", c->seconds);
	if (sender)
		sending(&b, c, s->udp);
	else if (s->udp)
		receiving(&b, c, ours);
	probe_say(s->o, &b);
}

/* What its sender and what its receiver say of a direction; one of them is this end. */
static void show_direction(const struct iperf_show *s, const struct sum *sum, bool sent, bool complete)
{
	const struct pt_iperf_count *sender = sent ? &sum->here : &sum->there,
				    *receiver = sent ? &sum->there : &sum->here;

	if (s->c->json) {
		begin_event(s, "summary");
		pt_out_str(s->o, "direction", sent ? "sent" : "received");
		pt_out_bool(s->o, "complete", complete);
		if (sent || sum->told) {
			pt_out_obj(s->o, "sender");
			key_count(s->o, sender, s->udp, true, sent);
			pt_out_obj_end(s->o);
		}
		if (!sent || sum->told) {
			pt_out_obj(s->o, "receiver");
			key_count(s->o, receiver, s->udp, false, !sent);
			pt_out_obj_end(s->o);
		}
		key_way(s->o, sum->rtt, sum->window);
		pt_out_rec_end(s->o);
		return;
	}
	if (sent || sum->told)
		say_end(s, "sent", sender, true, sent);
	if (!sent || sum->told)
		say_end(s, "received", receiver, false, !sent);
}

int iperf_show_ended(const struct pt_iperf_test *t, const struct pt_iperf_flow *flows, size_t n, bool complete,
		     void *arg)
{
	struct iperf_show *s = arg;

	(void)t;
	s->served++;
	for (int sent = 1; sent >= 0; sent--) {
		struct sum sum;

		sum_up(flows, n, sent, &sum);
		if (sum.n)
			show_direction(s, &sum, sent, complete);
	}
	return pt_out_flush(s->o);
}
