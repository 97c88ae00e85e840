/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag ping: does it answer, how fast, how evenly; if not, who says why. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

#define PING_EVENT "patronus.ping-event.v1"
#define DOCUMENT_MAX 10000 /* answers that one JSON document holds */
#define FLOOD_COUNT 1000
#define USER_INTERVAL 2000 /* microseconds: less is for root */

struct ping_words {
	struct probe_words probe;
	uint64_t count, size, ttl;
	uint32_t interval, timeout, deadline;
	bool df, flood, quiet;
	const char *pattern;
};

const struct pt_cli_word ping_words[] = {
	{ "count", PT_CLI_COUNT, offsetof(struct ping_words, count), "N", "stop after N; without it until Ctrl-C", 1,
	  UINT32_MAX, NULL },
	{ "interval", PT_CLI_TIME, offsetof(struct ping_words, interval), "TIME", "between two, 1s; below 2ms for root",
	  10, 3600000000, NULL },
	{ "size", PT_CLI_COUNT, offsetof(struct ping_words, size), "BYTES", "of data, 56", 0, PT_PROBE_SIZE_MAX, NULL },
	PROBE_WORDS(struct ping_words),
	{ "ttl", PT_CLI_COUNT, offsetof(struct ping_words, ttl), "N", "hops that it may go", 1, 255, NULL },
	{ "df", PT_CLI_FLAG, offsetof(struct ping_words, df), NULL, "do not fragment", 0, 0, NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct ping_words, timeout), "TIME", "after which one is lost, 2s", 1000,
	  3600000000, NULL },
	{ "deadline", PT_CLI_SECONDS, offsetof(struct ping_words, deadline), "TIME",
	  "end after this time, whatever came", 1, 31536000, NULL },
	{ "flood", PT_CLI_FLAG, offsetof(struct ping_words, flood), NULL,
	  "the next one with each answer, 1000 in all without count; root", 0, 0, NULL },
	{ "pattern", PT_CLI_TEXT, offsetof(struct ping_words, pattern), "HEX",
	  "fill the data with these bytes, 16 at most", 0, 0, NULL },
	{ "quiet", PT_CLI_FLAG, offsetof(struct ping_words, quiet), NULL, "only the summary", 0, 0, NULL },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

/* One answer kept for a JSON document. */
struct kept {
	enum pt_ping_event event;
	struct pt_probe_answer a;
	bool reordered;
	int error;
};

struct ping {
	struct probe_run run;
	struct ping_words w;
	struct pt_ping_options options;
	struct pt_ping_result result;
	uint8_t pattern[PT_PROBE_PATTERN_MAX];
	bool document, lines; /* JSON: one, or an object a line */
	bool live;            /* a line on the terminal that counts */
	PT_VEC(struct kept) kept;
};

/* ---- words ---- */

static int read_pattern(struct ping *g)
{
	const char *s = g->w.pattern;
	size_t n = s ? strlen(s) : 0;

	if (!s)
		return 0;
	if (n % 2 || n > (size_t)2 * PT_PROBE_PATTERN_MAX)
		return pt_cli_usage(g->run.c, "pattern %s: not 1-16 bytes of two hexadecimal digits each", s);
	for (size_t i = 0; i < n; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)s[i]));

		if (!at)
			return pt_cli_usage(g->run.c, "pattern %s: not hexadecimal digits", s);
		g->pattern[i / 2] = (uint8_t)(g->pattern[i / 2] << 4 | (at - digits));
	}
	g->run.options.pattern = g->pattern;
	g->run.options.n_pattern = n / 2;
	return 0;
}

static int read_words(struct ping *g)
{
	struct pt_cli *c = g->run.c;
	int rc = pt_cli_words(c, &g->w);

	if (!rc)
		rc = read_pattern(g);
	if (rc)
		return rc;
	if (geteuid() && (g->w.flood || g->w.interval < USER_INTERVAL)) {
		pt_err_add(&c->err, PT_ERROR, NULL, NULL, "%s",
			   g->w.flood ? "flood is for root" : "an interval below 2ms is for root");
		return -EPERM;
	}
	if (g->w.flood && !g->w.count)
		g->w.count = FLOOD_COUNT;
	g->options = (struct pt_ping_options){ .ttl = (uint8_t)g->w.ttl,
					       .size = (uint32_t)g->w.size,
					       .count = g->w.count,
					       .interval = g->w.interval,
					       .timeout = g->w.timeout,
					       .deadline = g->w.deadline,
					       .flood = g->w.flood };
	g->document = c->json && g->w.count && g->w.count <= DOCUMENT_MAX;
	g->lines = c->json && !g->document;
	g->live = (g->w.quiet || g->w.flood || c->json) && !c->quiet && isatty(STDERR_FILENO);
	return 0;
}

/* ---- each answer ---- */

static const char *event_name(const struct kept *k)
{
	if (k->event == PT_PING_LOST)
		return "timeout";
	if (k->event == PT_PING_UNSENT)
		return "unsent";
	return k->a.kind == PT_PROBE_ERROR ? "error" : "reply";
}

static void key_flags(struct pt_out *o, const struct kept *k)
{
	pt_out_bool(o, "duplicate", k->a.duplicate);
	pt_out_bool(o, "reordered", k->reordered);
	pt_out_bool(o, "truncated", k->a.truncated);
	pt_out_bool(o, "corrupt", k->a.corrupt);
	if (k->a.corrupt)
		pt_out_u64(o, "wrong_byte", k->a.bad_at);
}

/* A line for itself says what it is. */
static void begin_event(const struct ping *g, const char *event)
{
	pt_out_rec(g->run.o);
	if (g->lines)
		pt_out_str(g->run.o, "schema", PING_EVENT);
	pt_out_str(g->run.o, "event", event);
}

static void show_record(const struct ping *g, const struct kept *k)
{
	struct pt_out *o = g->run.o;

	begin_event(g, event_name(k));
	pt_out_u64(o, "seq", k->a.number);
	if (k->event == PT_PING_UNSENT) {
		pt_out_str(o, "error", strerror(-k->error));
		if (k->a.mtu)
			pt_out_u64(o, "mtu", k->a.mtu);
	}
	if (k->event == PT_PING_ANSWER) {
		pt_out_addr(o, "from", k->a.from);
		pt_out_u64(o, "bytes", k->a.size);
		if (k->a.ttl)
			pt_out_u64(o, "ttl", k->a.ttl);
		probe_key_ms(o, "rtt_ms", (double)k->a.rtt, true);
		if (k->a.kind == PT_PROBE_ERROR) {
			probe_key_error(o, &k->a);
			pt_out_bool(o, "this_machine", k->a.local);
			probe_key_labels(o, k->a.labels, k->a.n_labels);
		} else {
			key_flags(o, k);
		}
	}
	pt_out_rec_end(o);
}

static void say_reply(const struct kept *k, struct pt_buf *b)
{
	const struct pt_probe_answer *a = &k->a;

	pt_buf_fmt(b, ": seq %llu, %zu bytes", (unsigned long long)a->number, a->size);
	if (a->ttl)
		pt_buf_fmt(b, ", ttl %u", a->ttl);
	pt_buf_str(b, ", ");
	probe_ms(b, (double)a->rtt);
	pt_buf_str(b, " ms");
	pt_buf_str(b, a->duplicate ? ", duplicate" : "");
	pt_buf_str(b, k->reordered ? ", out of order" : "");
	pt_buf_str(b, a->truncated ? ", truncated" : "");
	if (a->corrupt)
		pt_buf_fmt(b, ", wrong at byte %zu", a->bad_at);
}

static void say(struct ping *g, const struct kept *k)
{
	struct pt_buf b = { 0 };

	if (k->event == PT_PING_LOST) {
		pt_buf_fmt(&b, "seq %llu: no answer within ", (unsigned long long)k->a.number);
		probe_ms(&b, (double)g->options.timeout * 1000);
		pt_buf_str(&b, " ms");
	} else if (k->event == PT_PING_UNSENT) {
		pt_buf_fmt(&b, "seq %llu: not sent: %s", (unsigned long long)k->a.number, strerror(-k->error));
		if (k->a.mtu)
			pt_buf_fmt(&b, ", MTU %u", k->a.mtu);
	} else {
		pt_addr_fmt(&b, k->a.from);
		if (k->a.kind == PT_PROBE_ERROR) {
			pt_buf_fmt(&b, "%s: seq %llu: ", k->a.local ? " (this machine)" : "",
				   (unsigned long long)k->a.number);
			probe_error(&b, &k->a);
		} else {
			say_reply(k, &b);
		}
	}
	probe_say(g->run.o, &b);
}

static void show_live(const struct ping *g)
{
	const struct pt_probe_stats *s = &g->result.stats;
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "\r%llu sent, %llu received, ", (unsigned long long)s->sent, (unsigned long long)s->received);
	probe_percent(&b, pt_probe_stats_loss(s));
	pt_buf_str(&b, " loss, last ");
	probe_ms(&b, (double)s->last);
	pt_buf_str(&b, " ms\033[K");
	if (!b.err)
		(void)fputs(b.s, stderr);
	pt_buf_fini(&b);
}

static int on_event(enum pt_ping_event event, const struct pt_probe_answer *a, bool reordered, int error, void *arg)
{
	struct kept k = { event, *a, reordered, error };
	struct ping *g = arg;
	int rc = 0;

	if (g->live)
		show_live(g);
	if (g->w.quiet)
		return 0;
	if (g->document)
		return g->kept.n < (size_t)DOCUMENT_MAX * 4 ? pt_vec_push(NULL, &g->kept, k) : 0;
	if (g->lines)
		show_record(g, &k);
	else
		say(g, &k);
	rc = pt_out_flush(g->run.o);
	return rc ? rc : 0;
}

/* ---- the summary ---- */

static const unsigned int percents[] = { 50, 90, 99 };

static void key_summary(struct ping *g)
{
	const struct pt_ping_result *r = &g->result;
	const struct pt_probe_stats *s = &r->stats;
	struct pt_out *o = g->run.o;
	bool any = s->received;

	pt_out_str(o, "host", g->run.c->argv[0]);
	pt_out_addr(o, "address", g->run.options.to);
	pt_out_u64(o, "sent", s->sent);
	pt_out_u64(o, "received", s->received);
	probe_key_percent(o, "loss_percent", pt_probe_stats_loss(s));
	pt_out_u64(o, "errors", r->errors);
	pt_out_u64(o, "duplicates", r->duplicates);
	pt_out_u64(o, "reordered", r->reordered);
	pt_out_u64(o, "truncated", r->truncated);
	pt_out_u64(o, "corrupt", r->corrupt);
	probe_key_ms(o, "took_ms", (double)r->took, true);
	probe_key_ms(o, "min_ms", (double)s->min, any);
	probe_key_ms(o, "avg_ms", s->mean, any);
	probe_key_ms(o, "max_ms", (double)s->max, any);
	probe_key_ms(o, "stddev_ms", pt_probe_stats_deviation(s), any);
	probe_key_ms(o, "jitter_ms", pt_probe_stats_jitter(s), any);
	probe_key_ms(o, "p50_ms", (double)pt_probe_percentile(r->histogram, 50), any);
	probe_key_ms(o, "p90_ms", (double)pt_probe_percentile(r->histogram, 90), any);
	probe_key_ms(o, "p99_ms", (double)pt_probe_percentile(r->histogram, 99), any);
}

static void say_times(const struct pt_ping_result *r, struct pt_buf *b)
{
	const struct pt_probe_stats *s = &r->stats;
	const double values[] = { (double)s->min, s->mean, (double)s->max, pt_probe_stats_deviation(s) };

	pt_buf_str(b, "\nmin/avg/max/stddev ");
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++) {
		pt_buf_str(b, i ? "/" : "");
		probe_ms(b, values[i]);
	}
	pt_buf_str(b, " ms, jitter ");
	probe_ms(b, pt_probe_stats_jitter(s));
	pt_buf_str(b, " ms\n50/90/99 % of them within ");
	for (size_t i = 0; i < PT_ARRAY_SIZE(percents); i++) {
		pt_buf_str(b, i ? "/" : "");
		probe_ms(b, (double)pt_probe_percentile(r->histogram, percents[i]));
	}
	pt_buf_str(b, " ms");
}

/* Whom silence leaves helpless is at a terminal. */
static void say_where_next(struct ping *g, struct pt_buf *b)
{
	const struct pt_cli *c = g->run.c;

	if (g->result.stats.received || !g->result.stats.sent || !probe_columns() || strchr(c->argv[0], '%'))
		return;
	pt_buf_fmt(b, "\nnothing answered; what looks for the reason: ptdiag %s%s%swhy %s", c->netns ? "--netns " : "",
		   c->netns ? c->netns : "", c->netns ? " " : "", c->argv[0]);
}

static void say_summary(struct ping *g)
{
	const struct pt_ping_result *r = &g->result;
	const struct {
		uint64_t n;
		const char *what;
	} counts[] = { { r->errors, "errors" }, { r->duplicates, "duplicates" }, { r->reordered, "out of order" },
		       { r->truncated, "truncated" }, { r->corrupt, "corrupt" } };
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%llu sent, %llu received, ", (unsigned long long)r->stats.sent,
		   (unsigned long long)r->stats.received);
	probe_percent(&b, pt_probe_stats_loss(&r->stats));
	pt_buf_str(&b, " loss");
	for (size_t i = 0; i < PT_ARRAY_SIZE(counts); i++)
		if (counts[i].n)
			pt_buf_fmt(&b, ", %llu %s", (unsigned long long)counts[i].n, counts[i].what);
	pt_buf_str(&b, " in ");
	probe_ms(&b, (double)r->took);
	pt_buf_str(&b, " ms");
	if (r->stats.received)
		say_times(r, &b);
	say_where_next(g, &b);
	probe_say(g->run.o, &b);
}

static void show_summary(struct ping *g)
{
	struct pt_out *o = g->run.o;

	if (g->document) {
		pt_out_top(o);
		pt_out_obj(o, "summary");
		key_summary(g);
		pt_out_obj_end(o);
		pt_out_top_end(o);
		for (size_t i = 0; i < g->kept.n; i++)
			show_record(g, &g->kept.v[i]);
	} else if (g->lines) {
		begin_event(g, "summary");
		key_summary(g);
		pt_out_rec_end(o);
	} else {
		say_summary(g);
	}
}

static void say_begin(struct ping *g, const struct pt_probe *p)
{
	struct pt_buf b = { 0 };

	if (g->run.c->json)
		return;
	pt_buf_fmt(&b, "%s (", g->run.c->argv[0]);
	pt_addr_fmt(&b, g->run.options.to);
	pt_buf_str(&b, ") from ");
	pt_addr_fmt(&b, pt_probe_source(p));
	pt_buf_fmt(&b, ", %u byte%s of data", g->options.size, pt_plural(g->options.size));
	probe_say(g->run.o, &b);
}

static int run_ping(struct ping *g, struct pt_probe *p)
{
	const struct pt_ping_listener listener = { on_event, g };
	struct pt_cli *c = g->run.c;
	int rc;

	g->run.o = g->document ? pt_cli_out(c, PT_OUT_TEXT, "patronus.ping.v1", "replies") : 
				    pt_cli_monitor(c, PING_EVENT, "replies");
	if (!g->run.o)
		return -ENOMEM;
	g->options.stop_fd = g->run.stop_fd;
	say_begin(g, p);
	rc = probe_confine(&g->run);
	if (!rc)
		rc = pt_ping_run(p, &g->options, &listener, &g->result, &c->err);
	if (rc == -EPIPE)
		rc = 0;
	if (g->live)
		(void)fputs("\r\033[K", stderr);
	if (!rc)
		show_summary(g);
	return rc ? rc : g->result.stats.received ? 0 : PT_EXIT_NO;
}

int cmd_ping(struct pt_cli *c)
{
	struct ping g = { .run = { .c = c, .stop_fd = -1 },
			  .w = { .probe = { .tos = PROBE_NOT, .mark = PROBE_NOT },
				 .size = 56,
				 .interval = 1000000,
				 .timeout = 2000000 } };
	struct pt_probe *p = NULL;
	int rc = read_words(&g);

	g.result.histogram = calloc(1, sizeof(*g.result.histogram));
	if (!rc && !g.result.histogram)
		rc = -ENOMEM;
	if (!rc)
		rc = probe_prepare(c, &g.run, &g.w.probe);
	g.run.options.how = PT_PROBE_ICMP;
	g.run.options.df = g.w.df;
	if (!rc)
		rc = pt_probe_open(&g.run.options, &p, &c->err);
	if (!rc)
		rc = run_ping(&g, p);
	rc = probe_finish(&g.run, rc);
	pt_probe_close(p);
	free(g.result.histogram);
	free(g.kept.v);
	return rc;
}
