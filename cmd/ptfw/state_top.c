/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The states that matter most now, again and again: on a terminal until a key ends it, else as records. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/screen.h>
#include "state_top.h"

#define ROWS 20
#define INTERVAL 2
#define FIRST_INTERVAL_MS 1000 /* nobody wants to wait for the first rates */
#define ROWS_MAX 10000

/* ---- words ---- */

/* By enum pt_ct_order; the first letters are keys. */
static const char *const sort_values[PT_CT_ORDERS + 1] = { "rate", "bytes", "packets", "age", "expires", "source",
							   "destination", NULL };

const char *top_order_name(enum pt_ct_order o)
{
	return sort_values[o];
}

static int set_sort(struct states *st, const char *value, void *arg)
{
	int i = state_choice(st, value, sort_values);

	if (i < 0)
		return PT_EXIT_CONFIG;
	((struct top *)arg)->rank.order = (enum pt_ct_order)i;
	return 0;
}

static int set_rows(struct states *st, const char *value, void *arg)
{
	struct top *t = arg;

	t->rows = state_number(st, value, ROWS_MAX);
	return t->rows < 0 ? PT_EXIT_CONFIG : 0;
}

static int set_count(struct states *st, const char *value, void *arg)
{
	struct top *t = arg;

	t->count = state_number(st, value, UINT32_MAX);
	t->count_given = true;
	return t->count < 0 ? PT_EXIT_CONFIG : 0;
}

static int set_interval(struct states *st, const char *value, void *arg)
{
	struct top *t = arg;

	if (!pt_parse_duration(value, &t->interval) && t->interval <= 86400)
		return 0;
	return pt_cli_usage(st->c, "'%s' is not a time of 1s to 1d", value);
}

static const struct state_word own[] = {
	{ "sort", sort_values, set_sort }, { "rows", NULL, set_rows }, { "count", NULL, set_count },
	{ "interval", NULL, set_interval }, { NULL, NULL, NULL },
};

int complete_top(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return complete_words(c, own, n, word, arg);
}

/* ---- looking ---- */

/* Rates are of all states, so that nothing is new that only a filter left out before. */
static int look_at(const struct pt_ct_entry *ct, void *arg)
{
	struct top *t = arg;
	struct pt_ct_rate rate;
	int rc = pt_ct_rates_add(t->rates, ct, &rate);

	if (rc || !pt_ct_match(&t->st.f, ct))
		return rc;
	t->matching++;
	t->uncounted += !ct->has_counters;
	t->timed += ct->start != 0;
	return pt_ct_rank_add(&t->rank, ct, &rate);
}

int top_look(struct top *t, size_t max)
{
	uint64_t n;
	int rc;

	t->rank.rows.n = 0;
	t->rank.max = max;
	t->matching = t->uncounted = t->timed = 0;
	t->view.now = t->st.f.now = clock_now(CLOCK_REALTIME);
	rc = pt_ct_rates_begin(t->rates, clock_now(CLOCK_MONOTONIC));
	if (!rc)
		rc = pt_ct_count(t->st.s.nf, &n, &t->limit, &t->st.c->err);
	if (!rc)
		rc = pt_ct_dump(t->st.s.nf, look_at, t, &t->st.c->err);
	pt_ct_rates_turn(t->rates, &t->turn);
	return rc;
}

/* ---- records ---- */

static void known(struct pt_out *o, const char *key, uint64_t n, bool is_known)
{
	if (is_known)
		pt_out_u64(o, key, n);
	else
		pt_out_null(o, key);
}

static void show_row(struct top *t, int64_t round, const struct pt_ct_row *row)
{
	const struct pt_ct_entry *ct = &row->ct;
	bool ports = pt_ct_has_ports(ct->proto), counted = ct->has_counters, tcp = ct->proto == IPPROTO_TCP;
	struct pt_out *o = t->view.o;
	struct pt_buf proto = { 0 };
	uint64_t age;

	state_proto_text(&proto, ct->proto);
	pt_out_rec(o);
	pt_out_u64(o, "round", (uint64_t)round);
	show_key(o, "proto", &proto);
	pt_out_addr(o, "src", ct->orig.src);
	known(o, "sport", ct->orig.sport, ports);
	pt_out_addr(o, "dst", ct->reply.src);
	known(o, "dport", ct->reply.sport, ports);
	pt_out_str(o, "tcp_state", tcp ? pt_ct_tcp_state_name(ct->tcp_state) : NULL);
	if (state_age(ct, t->view.now, &age))
		pt_out_u64(o, "age", age);
	else
		pt_out_null(o, "age");
	pt_out_u64(o, "expires", ct->timeout);
	known(o, "packets", ct->packets[0] + ct->packets[1], counted);
	known(o, "bytes", ct->bytes[0] + ct->bytes[1], counted);
	known(o, "packets_per_second", row->rate.packets, row->rate.known);
	known(o, "bytes_per_second", row->rate.bytes, row->rate.known);
	pt_out_str(o, "rule_in", state_rule_name(&t->view, ct->label[1]));
	pt_out_str(o, "rule_out", state_rule_name(&t->view, ct->label[2]));
	pt_out_rec_end(o);
}

/* For people the same lines as on a screen, wide enough for everything. */
static void say_round(const struct top *t, int64_t round)
{
	struct pt_out *o = t->view.o;
	struct pt_buf b = { 0 };

	if (round > 1)
		pt_buf_chr(&b, '\n');
	for (unsigned int i = 0; i < TOP_HEAD; i++) {
		top_head(t, i, UINT32_MAX, &b);
		pt_buf_chr(&b, '\n');
	}
	for (size_t i = 0; i < t->rank.rows.n; i++) {
		top_row(t, &t->rank.rows.v[i], UINT32_MAX, &b);
		pt_buf_chr(&b, '\n');
	}
	if (b.n)
		b.s[--b.n] = '\0'; /* a record's text has no end */
	pt_out_rec(o);
	show_text(o, &b);
	pt_out_rec_end(o);
}

static void wait_interval(const struct top *t)
{
	struct timespec left = { .tv_sec = (time_t)t->interval };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int run_records(struct top *t)
{
	int64_t rounds = t->count_given ? t->count : 1;
	int rc;

	t->view.o = pt_cli_out(t->st.c, PT_OUT_TEXT, "patronus.state-top.v1", "states");
	if (!t->view.o)
		return -ENOMEM;
	rc = top_look(t, 0);
	for (int64_t round = 1; !rc && (!rounds || round <= rounds); round++) {
		wait_interval(t);
		rc = top_look(t, (size_t)t->rows);
		if (!rc && pt_out_format(t->view.o) == PT_OUT_TEXT)
			say_round(t, round);
		else
			for (size_t i = 0; !rc && i < t->rank.rows.n; i++)
				show_row(t, round, &t->rank.rows.v[i]);
		if (!rc && pt_out_flush(t->view.o))
			break; /* the end of the output tells */
	}
	if (!rc)
		state_tell_uncounted(&t->st, t->uncounted, t->matching);
	return rc;
}

/* ---- a screen ---- */

static size_t rows_on(const struct pt_screen *s)
{
	return s->rows > TOP_HEAD + 1 ? s->rows - TOP_HEAD - 1 : 0;
}

static int draw(const struct top *t, struct pt_screen *s)
{
	struct pt_buf b = { 0 };
	int rc;

	pt_screen_begin(s);
	for (unsigned int i = 0; i + 1 < s->rows; i++) {
		size_t k = i - TOP_HEAD;

		b.n = 0;
		pt_buf_add(&b, "", 0);
		if (i < TOP_HEAD)
			top_head(t, i, s->columns, &b);
		else if (k < t->rank.rows.n)
			top_row(t, &t->rank.rows.v[k], s->columns, &b);
		pt_screen_line(s, i, b.err ? "" : b.s, i == TOP_HEAD - 1);
	}
	pt_screen_line(s, s->rows - 1, "q quit  sort: r rate b bytes p packets a age e expires s source d destination", false);
	rc = b.err ? b.err : pt_screen_end(s);
	pt_buf_fini(&b);
	return rc;
}

static bool order_key(struct top *t, char key)
{
	for (int i = 0; i < PT_CT_ORDERS; i++)
		if (sort_values[i][0] == key) {
			t->rank.order = (enum pt_ct_order)i;
			return true;
		}
	return false;
}

/* Until the next look: a change of the order shows in the states at hand of which only the first are kept, so
 * that it looks again at once. 1: to end. */
static int wait_for_next(struct top *t, struct pt_screen *s, uint64_t until)
{
	for (;;) {
		uint64_t now = clock_now(CLOCK_MONOTONIC);
		char key = 0;

		switch (pt_screen_wait(s, now < until ? (int)((until - now) / 1000000) + 1 : 0, &key)) {
		case PT_SCREEN_TIME:
			if (clock_now(CLOCK_MONOTONIC) >= until)
				return 0;
			break;
		case PT_SCREEN_KEY:
			if (key == 'q' || key == 'Q')
				return 1;
			if (order_key(t, key) || key == ' ')
				return 0;
			break;
		case PT_SCREEN_AGAIN:
			return 0;
		case PT_SCREEN_QUIT:
			return 1;
		}
	}
}

static int run_screen(struct top *t)
{
	uint64_t wait = FIRST_INTERVAL_MS;
	struct pt_screen s = { .fd_signals = -1 };
	int rc, end = 0;

	rc = pt_screen_open(&s, &t->st.c->err);
	while (!rc && !end) {
		uint64_t begun = clock_now(CLOCK_MONOTONIC);

		rc = top_look(t, rows_on(&s));
		if (!rc)
			rc = draw(t, &s);
		if (!rc)
			end = wait_for_next(t, &s, begun + wait * 1000000);
		wait = (uint64_t)t->interval * 1000;
	}
	pt_screen_close(&s);
	return rc == -EIO ? 0 : rc; /* the terminal is gone */
}

int cmd_state_top(struct pt_cli *c)
{
	struct top t = { .rows = ROWS, .interval = INTERVAL };
	int rc;

	rc = states_begin(c, &t.st, own, &t);
	if (!rc)
		rc = state_rules_begin(&t.view, t.st.p.policy);
	t.view.c = c;
	t.rates = pt_ct_rates_new();
	if (!rc && !t.rates)
		rc = -ENOMEM;
	if (!rc)
		rc = pt_screen_possible() && !c->json && !c->line && !t.count_given ? run_screen(&t) : run_records(&t);
	rc = state_view_end(&t.view, rc);
	pt_ct_rates_free(t.rates);
	free(t.rank.rows.v);
	states_end(&t.st);
	return rc;
}
