/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag mtr: where on the way packets are lost or late, as a live table or, with "report", as one table at the end. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/screen.h>

#include "probe.h"

#define HEAD 2          /* lines above the hops */
#define ROUNDS 10       /* of a report without a count */
#define LOOK_MS 100     /* the screen is drawn at least so often, and answers are read */
#define HOST_WIDTH 15    /* at least: an address of IPv4 */
#define FIGURES_WIDTH 61 /* of all other columns */

struct mtr_words {
	struct probe_words probe;
	unsigned int mode;
	uint64_t port, first, max, size, count;
	uint32_t interval, timeout;
	bool report, names;
};

static const char *const modes[] = { "udp", "icmp", "tcp", NULL };

const struct pt_cli_word mtr_words[] = {
	{ "report", PT_CLI_FLAG, offsetof(struct mtr_words, report), NULL,
	  "no live table, but one at the end; without a terminal always", 0, 0, NULL },
	{ "count", PT_CLI_COUNT, offsetof(struct mtr_words, count), "N", "rounds; of a report 10, else until q", 1,
	  UINT32_MAX, NULL },
	{ "interval", PT_CLI_TIME, offsetof(struct mtr_words, interval), "TIME", "of rounds, 1s", 10000, 3600000000,
	  NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct mtr_words, timeout), "TIME", "after which a probe is lost, 2s", 1000,
	  60000000, NULL },
	{ "mode", PT_CLI_CHOICE, offsetof(struct mtr_words, mode), "udp|icmp|tcp", "what the probes are, icmp", 0, 0,
	  modes },
	{ "port", PT_CLI_COUNT, offsetof(struct mtr_words, port), "N", "they go to, of udp 33434, of tcp 80", 1, 65535,
	  NULL },
	{ "first", PT_CLI_COUNT, offsetof(struct mtr_words, first), "N", "the first hop, 1", 1, 255, NULL },
	{ "max", PT_CLI_COUNT, offsetof(struct mtr_words, max), "N", "the last hop, 30", 1, 255, NULL },
	{ "size", PT_CLI_COUNT, offsetof(struct mtr_words, size), "BYTES", "of data, 32", 8, 65000, NULL },
	{ "names", PT_CLI_FLAG, offsetof(struct mtr_words, names), NULL, "ask for the hosts' names", 0, 0, NULL },
	PROBE_WORDS(struct mtr_words),
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

struct mtr {
	struct probe_run run;
	struct mtr_words w;
	struct pt_mtr_options options;
	struct pt_mtr *m;
	struct pt_probe_names *resolver; /* opened in any case: the key n asks for names later */
	struct pt_mtr_hop hops[PT_TRACE_HOPS_MAX];
	size_t n;
	size_t width; /* of the host's column */
	bool paused;
};

static void look(struct mtr *t)
{
	t->n = pt_mtr_hops(t->m, t->hops, PT_ARRAY_SIZE(t->hops));
	for (size_t i = 0; t->run.names && i < t->n; i++)
		for (size_t k = 0; k < t->hops[i].n_hosts; k++)
			(void)pt_probe_name(t->run.names, t->hops[i].hosts[k]);
}

/* ---- text ---- */

static void host_text(struct mtr *t, const struct pt_mtr_hop *h, struct pt_buf *b)
{
	if (h->n_hosts)
		probe_who(&t->run, b, h->hosts[0]);
	else
		pt_buf_str(b, "*");
	if (*h->mark)
		pt_buf_fmt(b, " %s", h->mark);
}

/* Figures that fall off the edge of a terminal are worth nothing: hosts that are too long for it get a line of their
 * own. 0: no terminal. */
static void measure(struct mtr *t, unsigned int columns)
{
	size_t room = !columns ? SIZE_MAX : columns > FIGURES_WIDTH + HOST_WIDTH ? columns - FIGURES_WIDTH : HOST_WIDTH;

	t->width = HOST_WIDTH;
	for (size_t i = 0; i < t->n; i++) {
		struct pt_buf b = { 0 };

		host_text(t, &t->hops[i], &b);
		if (!b.err && b.n > t->width && b.n <= room)
			t->width = b.n;
		pt_buf_fini(&b);
	}
}

static void head_line(const struct mtr *t, struct pt_buf *b)
{
	pt_buf_fmt(b, "%3s %-*s %7s %6s %6s %6s %6s %6s %6s %6s", "hop", (int)t->width, "host", "loss", "sent", "last",
		   "avg", "best", "worst", "stddev", "jitter");
}

static void time_column(struct pt_buf *b, double ns, bool known)
{
	struct pt_buf text = { 0 };

	if (known)
		probe_ms(&text, ns);
	pt_buf_fmt(b, " %6s", known && !text.err ? text.s : "-");
	pt_buf_fini(&text);
}

static void hop_line(struct mtr *t, const struct pt_mtr_hop *h, struct pt_buf *b)
{
	const struct pt_probe_stats *s = &h->stats;
	struct pt_buf host = { 0 }, loss = { 0 };
	bool any = s->received;

	host_text(t, h, &host);
	pt_buf_fmt(&loss, "%.1f %%", pt_probe_stats_loss(s));
	pt_buf_fmt(b, "%3u %-*s", h->ttl, (int)t->width, host.err ? "" : host.s);
	if (host.n > t->width)
		pt_buf_fmt(b, "\n%*s", (int)t->width + 4, "");
	pt_buf_fmt(b, " %7s %6llu", s->sent && !loss.err ? loss.s : "-", (unsigned long long)s->sent);
	time_column(b, (double)s->last, any);
	time_column(b, s->mean, any);
	time_column(b, (double)s->min, any);
	time_column(b, (double)s->max, any);
	time_column(b, pt_probe_stats_deviation(s), any);
	time_column(b, pt_probe_stats_jitter(s), any);
	pt_buf_fini(&host);
	pt_buf_fini(&loss);
}

/* What a hop has beside its line: other hosts at the same distance, a stack of labels. */
static void more_lines(struct mtr *t, const struct pt_mtr_hop *h, struct pt_buf *b)
{
	for (size_t k = 1; k < h->n_hosts; k++) {
		pt_buf_str(b, "\n    ");
		probe_who(&t->run, b, h->hosts[k]);
	}
	if (h->n_labels) {
		pt_buf_str(b, "\n    ");
		probe_labels(b, h->labels, h->n_labels);
	}
}

/* ---- a report ---- */

static void show_hop(struct mtr *t, const struct pt_mtr_hop *h)
{
	const struct pt_probe_stats *s = &h->stats;
	struct pt_out *o = t->run.o;
	bool any = s->received;

	pt_out_rec(o);
	pt_out_u64(o, "hop", h->ttl);
	pt_out_arr(o, "hosts");
	for (size_t k = 0; k < h->n_hosts; k++) {
		pt_out_obj(o, NULL);
		pt_out_addr(o, "address", h->hosts[k]);
		if (t->run.names)
			pt_out_str(o, "name", pt_probe_name(t->run.names, h->hosts[k]));
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
	pt_out_str(o, "mark", *h->mark ? h->mark : NULL);
	pt_out_u64(o, "sent", s->sent);
	pt_out_u64(o, "received", s->received);
	probe_key_percent(o, "loss_percent", pt_probe_stats_loss(s));
	probe_key_ms(o, "last_ms", (double)s->last, any);
	probe_key_ms(o, "avg_ms", s->mean, any);
	probe_key_ms(o, "best_ms", (double)s->min, any);
	probe_key_ms(o, "worst_ms", (double)s->max, any);
	probe_key_ms(o, "stddev_ms", pt_probe_stats_deviation(s), any);
	probe_key_ms(o, "jitter_ms", pt_probe_stats_jitter(s), any);
	probe_key_labels(o, h->labels, h->n_labels);
	pt_out_rec_end(o);
}

static void begin(struct mtr *t)
{
	struct pt_out *o = t->run.o;
	struct pt_buf b = { 0 };

	pt_out_top_str(o, "host", t->run.c->argv[0]);
	pt_addr_fmt(&b, t->options.probe.to);
	pt_out_top_str(o, "address", b.s);
	b.n = 0;
	pt_addr_fmt(&b, pt_probe_source(pt_mtr_probe(t->m)));
	pt_out_top_str(o, "source", b.s);
	pt_out_top_str(o, "mode", modes[t->options.probe.how]);
	pt_buf_fini(&b);
}

static void show_report(struct mtr *t)
{
	struct pt_buf b = { 0 };

	look(t);
	if (pt_out_format(t->run.o) != PT_OUT_TEXT) {
		pt_out_top(t->run.o);
		pt_out_bool(t->run.o, "reached", pt_mtr_reached(t->m));
		pt_out_top_end(t->run.o);
		for (size_t i = 0; i < t->n; i++)
			show_hop(t, &t->hops[i]);
		return;
	}
	measure(t, probe_columns());
	head_line(t, &b);
	for (size_t i = 0; i < t->n; i++) {
		pt_buf_chr(&b, '\n');
		hop_line(t, &t->hops[i], &b);
		more_lines(t, &t->hops[i], &b);
	}
	probe_say(t->run.o, &b);
}

/* 1: asked to end. */
static int wait_for(struct mtr *t, int ms, struct pt_err *e)
{
	struct pollfd fds[PT_PROBE_FDS + 4];
	nfds_t n = pt_probe_fds(pt_mtr_probe(t->m), fds);

	n += pt_probe_names_fds(t->run.names, fds + n, 3);
	fds[n] = (struct pollfd){ .fd = t->run.stop_fd, .events = POLLIN };
	if (poll(fds, n + 1, ms) < 0 && errno != EINTR)
		return pt_err_sys(e, -errno, "waiting for answers");
	pt_probe_names_receive(t->run.names);
	return fds[n].revents ? 1 : 0;
}

static bool names_told(struct mtr *t)
{
	look(t);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->hops[i].n_hosts; k++)
			if (!pt_probe_name_told(t->run.names, t->hops[i].hosts[k]))
				return false;
	return true;
}

static int run_report(struct mtr *t)
{
	struct pt_err *e = &t->run.c->err;
	int rc = 0, ms = 0, end = 0;

	t->run.o = pt_cli_out(t->run.c, PT_OUT_TEXT, "patronus.mtr.v1", "hops");
	if (!t->run.o)
		return -ENOMEM;
	begin(t);
	rc = probe_confine(&t->run);
	while (!rc && !end) {
		ms = pt_mtr_step(t->m, &rc, e);
		if (rc || ms < 0)
			break;
		end = wait_for(t, ms, e);
		rc = end < 0 ? end : 0;
	}
	while (!rc && !end && !names_told(t))
		end = wait_for(t, LOOK_MS, e);
	if (!rc)
		show_report(t);
	return rc;
}

/* ---- a screen ---- */

static int draw(struct mtr *t, struct pt_screen *s)
{
	struct pt_buf b = { 0 };
	char *line, *rest;
	int rc;

	look(t);
	measure(t, s->columns);
	pt_buf_fmt(&b, "%s (", t->run.c->argv[0]);
	pt_addr_fmt(&b, t->options.probe.to);
	pt_buf_fmt(&b, "), %s%s\n", modes[t->options.probe.how], t->paused ? ", paused" : "");
	head_line(t, &b);
	for (size_t i = 0; i < t->n; i++) {
		pt_buf_chr(&b, '\n');
		hop_line(t, &t->hops[i], &b);
		more_lines(t, &t->hops[i], &b);
	}
	pt_screen_begin(s);
	rest = b.err ? NULL : b.s;
	for (unsigned int row = 0; row + 1 < s->rows; row++) {
		line = strsep(&rest, "\n");
		pt_screen_line(s, row, line ? line : "", row == HEAD - 1);
	}
	pt_screen_line(s, s->rows - 1, "q quit  r reset  p pause  n names; milliseconds", false);
	rc = b.err ? b.err : pt_screen_end(s);
	pt_buf_fini(&b);
	return rc;
}

/* False: to end. */
static bool on_key(struct mtr *t, char key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'r':
		pt_mtr_reset(t->m);
		break;
	case 'p':
	case ' ':
		t->paused = !t->paused;
		pt_mtr_pause(t->m, t->paused);
		break;
	case 'n':
		t->run.names = t->run.names ? NULL : t->resolver;
		break;
	default:
		break;
	}
	return true;
}

static int run_screen(struct mtr *t)
{
	struct pt_screen s = { .fd_signals = -1 };
	struct pt_err *e = &t->run.c->err;
	bool on = true;
	int rc = pt_screen_open(&s, e), ms;
	char key = 0;

	if (!rc)
		rc = probe_confine(&t->run);
	while (!rc && on) {
		ms = pt_mtr_step(t->m, &rc, e);
		if (rc || ms < 0)
			break;
		pt_probe_names_receive(t->run.names);
		rc = draw(t, &s);
		switch (rc ? PT_SCREEN_QUIT : pt_screen_wait(&s, ms < LOOK_MS ? ms : LOOK_MS, &key)) {
		case PT_SCREEN_KEY:
			on = on_key(t, key);
			break;
		case PT_SCREEN_QUIT:
			on = false;
			break;
		default:
			break;
		}
	}
	pt_screen_close(&s);
	if (rc == -EIO)
		rc = 0; /* the terminal is gone */
	t->run.o = rc ? NULL : pt_cli_out(t->run.c, PT_OUT_TEXT, "patronus.mtr.v1", "hops");
	if (!rc && t->run.o)
		show_report(t); /* what was seen stays on the terminal */
	return rc;
}

/* ---- the whole ---- */

static int read_words(struct mtr *t)
{
	struct mtr_words *w = &t->w;
	struct pt_probe_options *o = &t->options.probe;
	int rc = pt_cli_words(t->run.c, w);

	if (!rc && w->first > w->max)
		rc = pt_cli_usage(t->run.c, "first %llu is behind max %llu", (unsigned long long)w->first,
				  (unsigned long long)w->max);
	if (!rc && w->mode == PT_PROBE_ICMP && w->port)
		rc = pt_cli_usage(t->run.c, "port goes with mode udp or tcp: echo requests have none");
	if (!rc)
		rc = probe_prepare(t->run.c, &t->run, &w->probe);
	t->options = (struct pt_mtr_options){ .probe = t->run.options,
					      .first = (uint8_t)w->first,
					      .max = (uint8_t)w->max,
					      .size = (uint32_t)w->size,
					      .interval = w->interval,
					      .timeout = w->timeout,
					      .count = w->count };
	o->how = (enum pt_probe_how)w->mode;
	o->port = (uint16_t)(w->port ? w->port : o->how == PT_PROBE_TCP ? 80 : 33434);
	return rc;
}

int cmd_mtr(struct pt_cli *c)
{
	struct mtr *t = calloc(1, sizeof(*t));
	bool screen;
	int rc;

	if (!t)
		return -ENOMEM;
	t->run = (struct probe_run){ .c = c, .stop_fd = -1 };
	t->w = (struct mtr_words){ .probe = { .tos = PROBE_NOT, .mark = PROBE_NOT },
				   .mode = PT_PROBE_ICMP,
				   .first = 1,
				   .max = 30,
				   .size = 32,
				   .interval = 1000000,
				   .timeout = 2000000 };
	rc = read_words(t);
	screen = !t->w.report && !c->json && !c->line && pt_screen_possible();
	if (!screen && !t->options.count)
		t->options.count = ROUNDS;
	if (!rc)
		rc = pt_mtr_open(&t->options, &t->m, &c->err);
	if (!rc && (screen || t->w.names)) {
		t->resolver = pt_probe_names_open();
		t->run.names = t->w.names ? t->resolver : NULL;
	}
	if (!rc)
		rc = screen ? run_screen(t) : run_report(t);
	if (!rc && !pt_mtr_reached(t->m))
		rc = PT_EXIT_NO;
	t->run.names = t->resolver;
	rc = probe_finish(&t->run, rc);
	pt_mtr_close(t->m);
	free(t);
	return rc;
}
