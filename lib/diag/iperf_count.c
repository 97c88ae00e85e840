/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each stream did: of all the test, and since the last time it was told. */
#include <errno.h>
#include <stdlib.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "diag/iperf.h"

static void ask_tcp(const struct iperf_stream *s, struct pt_iperf_flow *f)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	if (s->fd < 0 || getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &n))
		return;
	f->here.resends = true;
	f->here.retransmits = info.tcpi_total_retrans - s->again_before;
	f->rtt = info.tcpi_rtt;
	f->window = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss;
}

void iperf_count(struct iperf_run *r, int64_t now)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct iperf_stream *s = &r->streams[i];
		struct pt_iperf_flow *f = &r->flows[i];

		f->here.bytes = s->bytes - s->omitted;
		f->here.packets = f->sends ? s->number : s->heard.highest;
		f->here.lost = s->heard.lost;
		f->here.reordered = s->heard.reordered;
		f->here.jitter = s->heard.jitter;
		f->here.seconds = (double)(now - r->begun) / 1e6;
		if (f->sends && !r->test.udp)
			ask_tcp(s, f);
	}
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void differ(struct pt_iperf_count *out, const struct pt_iperf_count *now, const struct pt_iperf_count *before)
{
	*out = *now;
	out->bytes = since(now->bytes, before->bytes);
	out->packets = since(now->packets, before->packets);
	out->lost = since(now->lost, before->lost);
	out->reordered = since(now->reordered, before->reordered);
	out->retransmits = since(now->retransmits, before->retransmits);
	out->seconds = now->seconds - before->seconds;
}

int iperf_tell(struct iperf_run *r, int64_t now)
{
	struct pt_iperf_flow *flows;
	int rc = 0;

	iperf_count(r, now);
	flows = calloc(r->n, sizeof(*flows));
	if (!flows)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		flows[i] = r->flows[i];
		differ(&flows[i].here, &r->flows[i].here, &r->streams[i].before);
		r->streams[i].before = r->flows[i].here;
	}
	if (r->l->interval)
		rc = r->l->interval(flows, r->n, (uint64_t)(r->told - r->begun), (uint64_t)(now - r->begun), r->l->arg);
	r->told = now;
	free(flows);
	return rc;
}
