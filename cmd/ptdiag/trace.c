/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag trace: the routers on the way to a host, and where and why it ends. */
#include <stdlib.h>
#include <string.h>

#include "probe.h"

struct trace_words {
	struct probe_words probe;
	unsigned int mode;
	uint64_t port, first, max, queries, parallel, size;
	uint32_t timeout;
	bool mtu, names;
};

static const char *const modes[] = { "udp", "icmp", "tcp", NULL }; /* as enum pt_probe_how */

const struct pt_cli_word trace_words[] = {
	{ "mode", PT_CLI_CHOICE, offsetof(struct trace_words, mode), "udp|icmp|tcp", "what the probes are, udp", 0, 0,
	  modes },
	{ "port", PT_CLI_COUNT, offsetof(struct trace_words, port), "N", "they go to, 33434; of tcp 80", 1, 65535,
	  NULL },
	{ "first", PT_CLI_COUNT, offsetof(struct trace_words, first), "N", "the first hop, 1", 1, 255, NULL },
	{ "max", PT_CLI_COUNT, offsetof(struct trace_words, max), "N", "the last hop, 30", 1, 255, NULL },
	{ "queries", PT_CLI_COUNT, offsetof(struct trace_words, queries), "N", "probes for each hop, 3", 1,
	  PT_TRACE_QUERIES_MAX, NULL },
	{ "parallel", PT_CLI_COUNT, offsetof(struct trace_words, parallel), "N", "probes on the way at once, 16", 1,
	  256, NULL },
	{ "size", PT_CLI_COUNT, offsetof(struct trace_words, size), "BYTES", "of data, 32", 8, 65000, NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct trace_words, timeout), "TIME", "the longest wait for an answer, 3s",
	  1000, 3600000000, NULL },
	{ "mtu", PT_CLI_FLAG, offsetof(struct trace_words, mtu), NULL,
	  "find where the MTU becomes smaller; one probe a hop", 0, 0, NULL },
	{ "names", PT_CLI_FLAG, offsetof(struct trace_words, names), NULL, "ask for the hosts' names", 0, 0, NULL },
	PROBE_WORDS(struct trace_words),
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

struct trace {
	struct probe_run run;
	struct trace_words w;
	struct pt_trace_options options;
	PT_VEC(struct pt_trace_hop) hops; /* for JSON, which says the end first */
};

/* ---- one hop ---- */

static bool same_host(const struct pt_probe_answer *a, const struct pt_probe_answer *b)
{
	return a->from.af == b->from.af && a->from.v == b->from.v;
}

static bool is_error_end(const struct pt_probe_answer *a)
{
	return a->kind == PT_PROBE_ERROR && *pt_icmp_mark(a->from.af, a->type, a->code);
}

/* What an end means, once a line: "host unreachable", "port open". */
static void say_end(struct pt_buf *b, const struct pt_trace_hop *h, enum pt_probe_how how)
{
	for (unsigned int i = 0; i < h->n; i++) {
		const struct pt_probe_answer *a = &h->queries[i].answer;

		if (!h->queries[i].answered)
			continue;
		if (is_error_end(a)) {
			pt_buf_str(b, "  ");
			probe_error(b, a);
			return;
		}
		if (a->kind == PT_PROBE_REPLY && how == PT_PROBE_TCP) {
			pt_buf_str(b, a->open ? "  port open" : "  port closed");
			return;
		}
	}
}

static void say_answers(struct trace *t, const struct pt_trace_hop *h, struct pt_buf *b)
{
	const struct pt_probe_answer *last = NULL;

	for (unsigned int i = 0; i < h->n; i++) {
		const struct pt_probe_answer *a = &h->queries[i].answer;

		if (!h->queries[i].answered) {
			pt_buf_str(b, "  *");
			continue;
		}
		if (!last || !same_host(last, a)) {
			pt_buf_str(b, "  ");
			probe_who(&t->run, b, a->from);
		}
		last = a;
		pt_buf_str(b, "  ");
		probe_ms(b, (double)a->rtt);
		pt_buf_str(b, " ms");
		if (is_error_end(a))
			pt_buf_fmt(b, " %s", pt_icmp_mark(a->from.af, a->type, a->code));
	}
}

static void say_labels(const struct pt_trace_hop *h, struct pt_buf *b)
{
	for (unsigned int i = 0; i < h->n; i++)
		if (h->queries[i].answered && h->queries[i].answer.n_labels) {
			pt_buf_str(b, "\n    ");
			probe_labels(b, h->queries[i].answer.labels, h->queries[i].answer.n_labels);
			return;
		}
}

static void say_hop(struct trace *t, const struct pt_trace_hop *h)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%2u", h->ttl);
	say_answers(t, h, &b);
	say_end(&b, h, t->options.probe.how);
	if (h->mtu) {
		pt_buf_fmt(&b, "  MTU %u, says ", h->mtu);
		probe_who(&t->run, &b, h->mtu_from);
	}
	say_labels(h, &b);
	probe_say(t->run.o, &b);
}

static void show_query(struct trace *t, const struct pt_trace_query *q)
{
	const struct pt_probe_answer *a = &q->answer;
	struct pt_out *o = t->run.o;

	pt_out_obj(o, NULL);
	pt_out_bool(o, "answered", q->answered);
	if (q->answered) {
		pt_out_addr(o, "from", a->from);
		if (t->run.names)
			pt_out_str(o, "name", pt_probe_name(t->run.names, a->from));
		probe_key_ms(o, "rtt_ms", (double)a->rtt, true);
		if (a->ttl)
			pt_out_u64(o, "ttl", a->ttl);
		if (a->kind == PT_PROBE_ERROR)
			probe_key_error(o, a);
		else if (t->options.probe.how == PT_PROBE_TCP)
			pt_out_bool(o, "open", a->open);
		if (a->kind == PT_PROBE_ERROR)
			pt_out_str(o, "mark", pt_icmp_mark(a->from.af, a->type, a->code));
		if (a->n_labels)
			probe_key_labels(o, a->labels, a->n_labels);
	}
	pt_out_obj_end(o);
}

static void show_hop(struct trace *t, const struct pt_trace_hop *h)
{
	struct pt_out *o = t->run.o;

	pt_out_rec(o);
	pt_out_u64(o, "hop", h->ttl);
	if (h->mtu) {
		pt_out_u64(o, "mtu", h->mtu);
		pt_out_addr(o, "mtu_from", h->mtu_from);
	}
	pt_out_arr(o, "answers");
	for (unsigned int i = 0; i < h->n; i++)
		show_query(t, &h->queries[i]);
	pt_out_arr_end(o);
	pt_out_rec_end(o);
}

static int on_hop(const struct pt_trace_hop *h, void *arg)
{
	struct trace *t = arg;

	if (pt_out_format(t->run.o) != PT_OUT_TEXT)
		return pt_vec_push(NULL, &t->hops, *h);
	say_hop(t, h);
	return pt_out_flush(t->run.o);
}

/* ---- the whole ---- */

static void begin(struct trace *t, const struct pt_probe *p)
{
	const struct pt_probe_options *o = &t->options.probe;
	struct pt_out *out = t->run.o;
	struct pt_buf b = { 0 };

	pt_out_top_str(out, "host", t->run.c->argv[0]);
	pt_addr_fmt(&b, o->to);
	pt_out_top_str(out, "address", b.s);
	b.n = 0;
	pt_addr_fmt(&b, pt_probe_source(p));
	pt_out_top_str(out, "source", b.s);
	pt_out_top_str(out, "mode", modes[o->how]);
	pt_buf_fini(&b);
	if (pt_out_format(out) != PT_OUT_TEXT)
		return;
	pt_buf_fmt(&b, "%s (", t->run.c->argv[0]);
	pt_addr_fmt(&b, o->to);
	pt_buf_str(&b, ") from ");
	pt_addr_fmt(&b, pt_probe_source(p));
	pt_buf_fmt(&b, ", %s", modes[o->how]);
	if (o->how != PT_PROBE_ICMP)
		pt_buf_fmt(&b, " to port %u", o->port);
	pt_buf_fmt(&b, ", %u hop%s at most", t->options.max, pt_plural(t->options.max));
	probe_say(out, &b);
}

static const char *const ends[] = {
	[PT_TRACE_REACHED] = "reached",
	[PT_TRACE_UNREACHABLE] = "unreachable",
	[PT_TRACE_MAX] = "not reached",
	[PT_TRACE_STOPPED] = "stopped",
};

static void finish(struct trace *t, enum pt_trace_end end, uint32_t mtu)
{
	struct pt_out *o = t->run.o;
	struct pt_buf b = { 0 };

	if (pt_out_format(o) == PT_OUT_TEXT) {
		pt_buf_str(&b, ends[end]);
		if (mtu)
			pt_buf_fmt(&b, ", MTU of the way %u", mtu);
		probe_say(o, &b);
		return;
	}
	pt_out_top_str(o, "end", ends[end]);
	if (mtu)
		pt_out_top_u64(o, "path_mtu", mtu);
	for (size_t i = 0; i < t->hops.n; i++)
		show_hop(t, &t->hops.v[i]);
}

static int run_trace(struct trace *t, struct pt_probe *p)
{
	enum pt_trace_end end = PT_TRACE_STOPPED;
	struct pt_cli *c = t->run.c;
	uint32_t mtu = 0;
	int rc;

	t->run.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.traceroute.v1", "hops");
	if (!t->run.o)
		return -ENOMEM;
	t->options.stop_fd = t->run.stop_fd;
	t->options.names = t->run.names;
	begin(t, p);
	rc = probe_confine(&t->run);
	if (!rc)
		rc = pt_trace_run(p, &t->options, on_hop, t, &end, &mtu, &c->err);
	if (rc == -EPIPE)
		return 0;
	if (!rc)
		finish(t, end, mtu);
	return rc ? rc : end == PT_TRACE_REACHED ? 0 : PT_EXIT_NO;
}

static int read_words(struct trace *t)
{
	struct trace_words *w = &t->w;
	int rc = pt_cli_words(t->run.c, w);

	if (!rc && w->first > w->max)
		rc = pt_cli_usage(t->run.c, "first %llu is behind max %llu", (unsigned long long)w->first,
				  (unsigned long long)w->max);
	if (!rc && w->mtu && w->mode == PT_PROBE_TCP)
		rc = pt_cli_usage(t->run.c, "mtu goes with mode udp or icmp: a SYN has no data");
	if (!rc && w->mode == PT_PROBE_ICMP && w->port)
		rc = pt_cli_usage(t->run.c, "port goes with mode udp or tcp: echo requests have none");
	t->options = (struct pt_trace_options){ .first = (uint8_t)w->first,
						.max = (uint8_t)w->max,
						.queries = (uint8_t)w->queries,
						.parallel = (uint16_t)w->parallel,
						.size = (uint32_t)w->size,
						.timeout = w->timeout,
						.mtu = w->mtu };
	if (w->mtu)
		t->options.queries = 1;
	return rc;
}

int cmd_trace(struct pt_cli *c)
{
	struct trace t = { .run = { .c = c, .stop_fd = -1 },
			   .w = { .probe = { .tos = PROBE_NOT, .mark = PROBE_NOT },
				  .first = 1,
				  .max = 30,
				  .queries = 3,
				  .parallel = 16,
				  .size = 32,
				  .timeout = 3000000 } };
	struct pt_probe_options *o = &t.options.probe;
	struct pt_probe *p = NULL;
	int rc = read_words(&t);

	if (!rc)
		rc = probe_prepare(c, &t.run, &t.w.probe);
	*o = t.run.options;
	o->how = (enum pt_probe_how)t.w.mode;
	o->port = (uint16_t)(t.w.port ? t.w.port : o->how == PT_PROBE_TCP ? 80 : 33434);
	o->whole = true;
	o->df = o->probe_mtu = t.w.mtu;
	if (!rc)
		rc = pt_probe_open(o, &p, &c->err);
	if (!rc && t.w.names)
		t.run.names = pt_probe_names_open();
	if (!rc)
		rc = run_trace(&t, p);
	rc = probe_finish(&t.run, rc);
	pt_probe_close(p);
	free(t.hops.v);
	return rc;
}
