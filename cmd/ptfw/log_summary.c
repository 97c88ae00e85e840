/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log at a glance: on 80 columns, who was logged most, by which rules, and when. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "state.h"

#define ROWS 10 /* of each kind, unless all are asked for */
#define COLUMNS 79
#define BAR_AT 58 /* behind the longest address */
#define HOURS 24

static const char *const kinds[] = {
	[PT_LOG_SUM_RULE] = "rule",     [PT_LOG_SUM_SOURCE] = "source", [PT_LOG_SUM_TARGET] = "destination",
	[PT_LOG_SUM_PORT] = "port",     [PT_LOG_SUM_MINUTE] = "minute",
};

struct summary {
	struct pt_cli *c;
	struct pt_out *o;
	struct pt_log_sum *sum;
	struct pt_buf text;
};

static void line(struct summary *s)
{
	pt_out_fail(s->o, s->text.err);
	if (!s->text.err)
		pt_out_text(s->o, s->text.n ? s->text.s : "");
	s->text.n = 0;
}

/* "12345", "123.4K": right in seven columns. */
static void amount(struct pt_buf *b, uint64_t n)
{
	static const char units[] = "KMGTPE";
	double v = (double)n / 1000;
	size_t unit = 0;

	if (n < 100000) {
		pt_buf_fmt(b, "%7u", (unsigned int)n);
		return;
	}
	while (v >= 999.95) {
		v /= 1000;
		unit++;
	}
	pt_buf_fmt(b, "%6.1f%c", v, units[unit]);
}

/* How a minute is written: whole for people, the hour of a row, whole for programs. */
enum minute_form { MINUTE_HERE, HOUR_HERE, MINUTE_UTC };

static void minute_text(struct pt_buf *b, uint64_t minute, enum minute_form form)
{
	time_t t = (time_t)(minute * 60);
	char text[40] = "";
	struct tm tm;
	size_t n = 0;

	if (form == MINUTE_UTC && gmtime_r(&t, &tm))
		n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%MZ", &tm);
	else if (form == HOUR_HERE && localtime_r(&t, &tm))
		n = strftime(text, sizeof(text), "%m-%d %Hh", &tm);
	else if (localtime_r(&t, &tm))
		n = strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	pt_buf_add(b, text, n);
}

/* ---- what a row is about ---- */

static void rule_text(struct pt_buf *b, const struct pt_log_sum_row *r)
{
	const struct pt_log_record as = { .ours = r->ours, .action = r->action };
	const char *name = r->file ? strrchr(r->file, '/') : NULL;

	pt_buf_str(b, log_action(&as));
	if (r->ours)
		pt_buf_fmt(b, " %s", log_dir(r->dir));
	pt_buf_fmt(b, " [%s]", r->rule);
	if (r->line)
		pt_buf_fmt(b, " %s:%u", name ? name + 1 : r->file, r->line);
}

static void addr_text(struct pt_buf *b, const struct pt_log_sum_row *r)
{
	pt_addr_fmt(b, r->addr);
}

static void port_text(struct pt_buf *b, const struct pt_log_sum_row *r)
{
	state_proto_text(b, r->proto);
	pt_buf_chr(b, ' ');
	pt_buf_uint(b, r->port);
}

static void (*const texts[])(struct pt_buf *b, const struct pt_log_sum_row *r) = {
	[PT_LOG_SUM_RULE] = rule_text, [PT_LOG_SUM_SOURCE] = addr_text, [PT_LOG_SUM_TARGET] = addr_text,
	[PT_LOG_SUM_PORT] = port_text,
};

/* ---- for people ---- */

static void show_head(struct summary *s)
{
	uint64_t packets = pt_log_sum_packets(s->sum), bytes = pt_log_sum_bytes(s->sum);
	size_t n;
	const struct pt_log_sum_row *m = pt_log_sum_rows(s->sum, PT_LOG_SUM_MINUTE, &n);

	if (n) {
		minute_text(&s->text, m[0].minute, MINUTE_HERE);
		pt_buf_str(&s->text, " to ");
		minute_text(&s->text, m[n - 1].minute, MINUTE_HERE);
		pt_buf_str(&s->text, ": ");
	}
	pt_buf_fmt(&s->text, "%llu packet%s, %llu byte%s, %llu lost", (unsigned long long)packets, pt_plural(packets),
		   (unsigned long long)bytes, pt_plural(bytes), (unsigned long long)pt_log_sum_lost(s->sum));
	line(s);
}

/* A bar behind what it is about. */
static void show_row(struct summary *s, const struct pt_log_sum_row *r, uint64_t most)
{
	size_t bar = (size_t)(r->packets * (COLUMNS - BAR_AT) / most);

	amount(&s->text, r->packets);
	pt_buf_chr(&s->text, ' ');
	amount(&s->text, r->bytes);
	pt_buf_str(&s->text, "  ");
	texts[r->kind](&s->text, r);
	if (s->text.n >= BAR_AT) {
		s->text.n = BAR_AT - 4;
		pt_buf_str(&s->text, "...");
	}
	while (bar && s->text.n < BAR_AT && !s->text.err)
		pt_buf_chr(&s->text, ' ');
	while (bar--)
		pt_buf_chr(&s->text, '#');
	line(s);
}

static size_t shown_rows(const struct summary *s, size_t n)
{
	return s->c->details || n < ROWS ? n : ROWS;
}

static void show_kind(struct summary *s, enum pt_log_sum_kind kind)
{
	size_t n, shown;
	const struct pt_log_sum_row *r = pt_log_sum_rows(s->sum, kind, &n);

	shown = shown_rows(s, n);
	if (!n)
		return;
	line(s);
	pt_buf_fmt(&s->text, "packets   bytes  %s%s", kinds[kind], shown < n ? "" : "s");
	if (shown < n)
		pt_buf_fmt(&s->text, "s, %zu of %zu", shown, n);
	line(s);
	for (size_t i = 0; i < shown; i++)
		show_row(s, &r[i], r[0].packets);
}

/* One hour, a column for each minute. */
static void show_hour(struct summary *s, const struct pt_log_sum_row *r, size_t n, uint64_t most)
{
	static const char levels[] = ".:-=+*#%@";
	char columns[61];
	uint64_t packets = 0;

	memset(columns, ' ', 60);
	columns[60] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t level = (size_t)((r[i].packets * (sizeof(levels) - 1) + most - 1) / most) - 1;

		columns[r[i].minute % 60] = levels[level];
		packets += r[i].packets;
	}
	minute_text(&s->text, r->minute, HOUR_HERE);
	pt_buf_fmt(&s->text, " |%s|", columns);
	amount(&s->text, packets);
	line(s);
}

/* The newest hours in which there was something. */
static void show_minutes(struct summary *s)
{
	size_t n, from, hours = 0;
	const struct pt_log_sum_row *r = pt_log_sum_rows(s->sum, PT_LOG_SUM_MINUTE, &n);
	uint64_t most = 1;

	for (from = n; from; from--) {
		hours += from == n || r[from].minute / 60 != r[from - 1].minute / 60;
		if (!s->c->details && hours > HOURS)
			break;
		most = r[from - 1].packets > most ? r[from - 1].packets : most;
	}
	if (!n)
		return;
	line(s);
	pt_buf_fmt(&s->text, "minutes, from . for few to @ for %llu packet%s", (unsigned long long)most,
		   pt_plural(most));
	line(s);
	for (size_t i = from, k; i < n; i = k) {
		for (k = i + 1; k < n && r[k].minute / 60 == r[i].minute / 60;)
			k++;
		show_hour(s, r + i, k - i, most);
	}
}

/* ---- for programs ---- */

static void row_keys(struct summary *s, const struct pt_log_sum_row *r)
{
	const struct pt_log_record as = { .ours = r->ours, .action = r->action };
	struct pt_buf text = { 0 };
	bool rule = r->kind == PT_LOG_SUM_RULE, port = r->kind == PT_LOG_SUM_PORT;

	pt_out_str(s->o, "kind", kinds[r->kind]);
	pt_out_str(s->o, "rule", r->rule);
	pt_out_str(s->o, "action", rule ? log_action(&as) : NULL);
	pt_out_str(s->o, "direction", rule && r->ours ? log_dir(r->dir) : NULL);
	pt_out_str(s->o, "file", rule && *r->file ? r->file : NULL);
	if (rule && r->line)
		pt_out_u64(s->o, "line", r->line);
	else
		pt_out_null(s->o, "line");
	pt_out_addr(s->o, "address", r->addr);
	if (port)
		state_proto_text(&text, r->proto);
	show_key(s->o, "proto", &text);
	if (port)
		pt_out_u64(s->o, "port", r->port);
	else
		pt_out_null(s->o, "port");
	if (r->kind == PT_LOG_SUM_MINUTE)
		minute_text(&text, r->minute, MINUTE_UTC);
	show_key(s->o, "minute", &text);
	pt_out_u64(s->o, "packets", r->packets);
	pt_out_u64(s->o, "bytes", r->bytes);
}

static void show_records(struct summary *s)
{
	pt_out_top_u64(s->o, "packets", pt_log_sum_packets(s->sum));
	pt_out_top_u64(s->o, "bytes", pt_log_sum_bytes(s->sum));
	pt_out_top_u64(s->o, "lost", pt_log_sum_lost(s->sum));
	for (size_t k = 0; k < PT_LOG_SUM_KINDS; k++) {
		size_t n;
		const struct pt_log_sum_row *r = pt_log_sum_rows(s->sum, (enum pt_log_sum_kind)k, &n);

		n = k == PT_LOG_SUM_MINUTE ? n : shown_rows(s, n);
		for (size_t i = 0; i < n; i++) {
			pt_out_rec(s->o);
			row_keys(s, &r[i]);
			pt_out_rec_end(s->o);
		}
	}
}

int log_summary_show(struct pt_cli *c, struct pt_log_sum *sum)
{
	struct summary s = { .c = c, .sum = sum };

	s.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.log-summary.v1", "rows");
	if (!s.o)
		return -ENOMEM;
	if (pt_out_format(s.o) == PT_OUT_TEXT) {
		show_head(&s);
		for (int k = 0; k < PT_LOG_SUM_MINUTE; k++)
			show_kind(&s, (enum pt_log_sum_kind)k);
		show_minutes(&s);
	} else {
		show_records(&s);
	}
	pt_buf_fini(&s.text);
	return pt_cli_end(c, s.o);
}
