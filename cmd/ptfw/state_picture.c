/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One state a line in a given width: at 80 columns the ends, the state and the numbers; more where there is room. */
#include <netinet/in.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "state_top.h"

#define FIXED 40        /* columns of everything but the two ends and the rules */
#define END_MIN 8
#define END_MAX 47      /* an IPv6 address with its port */
#define RULES_FROM 110  /* columns of a screen that has room for the rules */
#define RULES 28

void top_amount(uint64_t n, char out[8])
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;

	if (n < 100000) {
		(void)snprintf(out, 8, "%u", (unsigned int)n);
		return;
	}
	for (; n >= 1000000; unit++)
		n /= 1000;
	if (n < 10000)
		(void)snprintf(out, 8, "%u.%u%c", (unsigned int)n / 1000, (unsigned int)n / 100 % 10, units[unit]);
	else
		(void)snprintf(out, 8, "%u%c", (unsigned int)n / 1000, units[unit]);
}

void top_time(uint64_t s, char out[8])
{
	uint64_t days = s / 86400;

	if (s < 100)
		(void)snprintf(out, 8, "%us", (unsigned int)s);
	else if (s < 100 * 60)
		(void)snprintf(out, 8, "%um", (unsigned int)(s / 60));
	else if (s < 100 * 3600)
		(void)snprintf(out, 8, "%uh", (unsigned int)(s / 3600));
	else
		(void)snprintf(out, 8, "%ud", days > 999 ? 999 : (unsigned int)days);
}

static unsigned int end_width(unsigned int columns)
{
	unsigned int room = columns >= RULES_FROM ? columns - RULES : columns;
	unsigned int width = room > FIXED + 2 * END_MIN ? (room - FIXED) / 2 : END_MIN;

	return width > END_MAX ? END_MAX : width;
}

/* Too long a text loses its middle: both the network and the host's part, and the port, tell something. */
static void put_end(struct pt_buf *b, const char *text, unsigned int width)
{
	size_t n = strlen(text), head = width / 3;

	if (n <= width)
		pt_buf_fmt(b, "%-*s ", (int)width, text);
	else
		pt_buf_fmt(b, "%.*s+%s ", (int)head, text, text + n - (width - head - 1));
}

static void row_end(struct pt_buf *b, struct pt_addr a, uint16_t port, bool ports, unsigned int width)
{
	struct pt_buf text = { 0 };

	state_end_text(&text, a, port, ports);
	put_end(b, text.s ? text.s : "?", width);
	pt_buf_fini(&text);
}

/* Four letters: which ways packets went, where TCP does not say more. */
static const char *row_state(const struct pt_ct_entry *ct)
{
	static const char *const tcp[] = { "none", "syns", "synr", "estb", "finw", "clsw", "lack", "timw", "clos", "syn2" };

	if (ct->proto == IPPROTO_TCP)
		return ct->tcp_state < PT_ARRAY_SIZE(tcp) ? tcp[ct->tcp_state] : "?";
	return ct->status & IPS_SEEN_REPLY ? "both" : "one";
}

void top_row(const struct top *t, const struct pt_ct_row *row, unsigned int columns, struct pt_buf *b)
{
	const struct pt_ct_entry *ct = &row->ct;
	bool ports = pt_ct_has_ports(ct->proto);
	char packets[8] = "-", bytes[8] = "-", rate[8] = "-", age[8] = "-", expires[8];
	struct pt_buf proto = { 0 };
	uint64_t seconds;

	if (ct->has_counters) {
		top_amount(ct->packets[0] + ct->packets[1], packets);
		top_amount(ct->bytes[0] + ct->bytes[1], bytes);
	}
	if (row->rate.known)
		top_amount(row->rate.bytes, rate);
	if (state_age(ct, t->view.now, &seconds))
		top_time(seconds, age);
	top_time(ct->timeout, expires);
	state_proto_text(&proto, ct->proto);
	pt_buf_fmt(b, "%-5.5s ", proto.s ? proto.s : "?");
	pt_buf_fini(&proto);
	row_end(b, ct->orig.src, ct->orig.sport, ports, end_width(columns));
	row_end(b, ct->reply.src, ct->reply.sport, ports, end_width(columns));
	pt_buf_fmt(b, "%-4s %4s %4s %5s %5s %5s", row_state(ct), age, expires, packets, bytes, rate);
	if (columns >= RULES_FROM)
		state_rules_text(&t->view, ct, b);
}

/* ---- head ---- */

static void head_all(const struct top *t, struct pt_buf *b)
{
	char rate[8], packets[8];

	pt_buf_fmt(b, "%llu of %llu states", (unsigned long long)t->turn.states, (unsigned long long)t->limit);
	if (!t->turn.rate.known) {
		pt_buf_str(b, ", rates with the next look");
		return;
	}
	pt_buf_fmt(b, "  +%llu -%llu", (unsigned long long)t->turn.came, (unsigned long long)t->turn.went);
	top_amount(t->turn.rate.bytes, rate);
	top_amount(t->turn.rate.packets, packets);
	if (t->uncounted < t->turn.states)
		pt_buf_fmt(b, "  %s bytes/s  %s packets/s", rate, packets);
	if (!pt_ct_filter_empty(&t->st.f))
		pt_buf_fmt(b, "  %llu match", (unsigned long long)t->matching);
}

/* What is not known, and why, stands where it would be looked for. */
static void head_order(const struct top *t, struct pt_buf *b)
{
	pt_buf_fmt(b, "by %s, every %us", top_order_name(t->rank.order), t->interval);
	if (t->matching && t->uncounted)
		pt_buf_fmt(b, "; %s", t->st.settings.acct ? "older states are not counted" :
							   "bytes: sysctl net.netfilter.nf_conntrack_acct=1");
	else if (t->matching && !t->timed && t->rank.order == PT_CT_BY_AGE)
		pt_buf_str(b, "; ages: sysctl net.netfilter.nf_conntrack_timestamp=1");
}

void top_head(const struct top *t, unsigned int row, unsigned int columns, struct pt_buf *b)
{
	int width = (int)end_width(columns);

	if (row == 0)
		head_all(t, b);
	else if (row == 1)
		head_order(t, b);
	else
		pt_buf_fmt(b, "%-5s %-*s %-*s %-4s %4s %4s %5s %5s %5s%s", "PROTO", width, "SOURCE", width, "DESTINATION",
			   "STAT", "AGE", "EXP", "PKTS", "BYTES", "B/S", columns >= RULES_FROM ? " RULES" : "");
}
