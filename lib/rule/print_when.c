/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The canonical text of the conditions in parse_when.c, parse_owner.c and parse_rate.c. */
#include "rule/internal.h"

static const char *unit_name(uint32_t seconds)
{
	return seconds == 1 ? "second" : seconds == 60 ? "minute" : seconds == 3600 ? "hour" : "day";
}

void rule_print_limit(struct pt_buf *b, const struct pt_ast_rate *r)
{
	pt_buf_fmt(b, "limit %u/%s", r->packets, unit_name(r->seconds));
	if (r->burst)
		pt_buf_fmt(b, " burst %u", r->burst);
}

/* Percent, without zeros at the end. */
static void print_chance(struct pt_buf *b, uint32_t chance)
{
	const uint32_t percent = PT_CHANCE_ALL / 100;
	uint32_t rest = chance % percent, digit = percent / 10;

	pt_buf_fmt(b, " probability %u", chance / percent);
	if (rest)
		pt_buf_chr(b, '.');
	for (; rest; rest %= digit, digit /= 10)
		pt_buf_chr(b, (char)('0' + rest / digit));
	pt_buf_chr(b, '%');
}

static void print_id(struct pt_buf *b, const struct pt_ast_id *id)
{
	static const char *const before[] = { "", "!= ", "< ", "<= ", "> ", ">= ", "", "", "" };
	static const char *const between[] = { [PT_PORT_RANGE] = ":", [PT_PORT_IN] = " >< ", [PT_PORT_OUT] = " <> " };

	pt_buf_str(b, before[id->op]);
	if (id->name)
		pt_buf_str(b, id->name);
	else
		pt_buf_uint(b, id->a);
	if (id->op < PT_PORT_RANGE)
		return;
	pt_buf_str(b, between[id->op]);
	pt_buf_uint(b, id->b);
}

static void print_ids(struct pt_buf *b, const char *word, const pt_ast_ids *ids)
{
	if (!ids->n)
		return;
	pt_buf_fmt(b, " %s ", word);
	pt_buf_str(b, ids->n > 1 ? "{ " : "");
	for (size_t i = 0; i < ids->n; i++) {
		pt_buf_str(b, i ? ", " : "");
		print_id(b, &ids->v[i]);
	}
	pt_buf_str(b, ids->n > 1 ? " }" : "");
}

static void print_macs(struct pt_buf *b, const struct pt_ast_when *w)
{
	if (!w->macs.n)
		return;
	pt_buf_str(b, w->macs_neg ? " mac ! " : " mac ");
	pt_buf_str(b, w->macs.n > 1 ? "{ " : "");
	for (size_t i = 0; i < w->macs.n; i++) {
		pt_buf_str(b, i ? ", " : "");
		for (int k = 40; k >= 0; k -= 8)
			pt_buf_fmt(b, k ? "%02x:" : "%02x", (unsigned int)(w->macs.v[i] >> k & 0xff));
	}
	pt_buf_str(b, w->macs.n > 1 ? " }" : "");
}

void rule_print_when(struct pt_buf *b, const struct pt_ast_when *w)
{
	if (w->has_tos)
		pt_buf_fmt(b, " tos 0x%02x", w->tos);
	if (w->chance)
		print_chance(b, w->chance);
	if (w->received.name)
		pt_buf_fmt(b, w->received.neg ? " ! received-on %s" : " received-on %s", w->received.name);
	print_ids(b, "user", &w->user);
	print_ids(b, "group", &w->group);
	print_macs(b, w);
	if (w->limit.packets) {
		pt_buf_chr(b, ' ');
		rule_print_limit(b, &w->limit);
	}
	if (w->pkt_rate.packets)
		pt_buf_fmt(b, " max-pkt-rate %u/%u", w->pkt_rate.packets, w->pkt_rate.seconds);
	if (w->once)
		pt_buf_str(b, " once");
	if (w->schedule)
		pt_buf_fmt(b, w->schedule_neg ? " ! schedule %s" : " schedule %s", w->schedule);
}
