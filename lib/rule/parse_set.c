/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule does to packets besides passing them: `set ...`, `queue ...` and `scrub (...)`; and their canonical text. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static int one_of_two(struct rule_parser *p, int (*value)(struct rule_parser *p, bool fast))
{
	int rc;

	if (!rule_take(p, "("))
		return value(p, false);
	rc = value(p, false);
	(void)rule_take(p, ",");
	if (!rc && !rule_is(p, ")"))
		rc = value(p, true);
	if (!rc && !rule_take(p, ")"))
		rc = rule_unexpected(p, p->tok, "')'", NULL, 0);
	return rc;
}

static int number(struct rule_parser *p, const char *what, uint64_t min, uint64_t max, uint64_t *out)
{
	const struct rule_tok *t = p->tok;

	*out = min;
	if (t->kind != TOK_WORD || !t->operand)
		return rule_unexpected(p, t, what, NULL, 0);
	p->tok++;
	if (!pt_parse_uint(t->s, max, out) && *out >= min)
		return 0;
	return rule_note(p, t, NULL, "'%.64s' is not %s from %llu to %llu", t->s, what, (unsigned long long)min,
			 (unsigned long long)max);
}

/* ---- prio, queue, tos ---- */

static int prio_value(struct rule_parser *p, bool fast)
{
	struct pt_ast_set *s = &p->r->set;
	uint64_t v;
	int rc = number(p, "a priority", 0, PT_PRIO_MAX, &v);

	s->has_prio = true;
	s->prio_fast = (uint8_t)v;
	if (!fast)
		s->prio = (uint8_t)v;
	return rc;
}

static int twice(struct rule_parser *p, const char *what)
{
	return rule_fail(p, p->tok - 1, "leave one of them out", "'%s' is given twice", what);
}

static int parse_prio(struct rule_parser *p)
{
	if (p->r->set.has_prio)
		return twice(p, "set prio");
	return one_of_two(p, prio_value);
}

static bool queue_name_ok(const char *s)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(s);

	return n && n <= PT_QUEUE_MAX && strspn(s, chars) == n;
}

static int queue_value(struct rule_parser *p, bool fast)
{
	const struct rule_tok *t = p->tok;

	if (!t->operand)
		return rule_unexpected(p, t, "the name of a queue", NULL, 0);
	p->tok++;
	p->r->set.queue_fast = t->s;
	if (!fast)
		p->r->set.queue = t->s;
	if (queue_name_ok(t->s))
		return 0;
	return rule_note(p, t, "letters, digits, '_', '.' and '-', at most 31", "this is not the name of a queue");
}

static int parse_set_queue(struct rule_parser *p)
{
	if (p->r->set.queue)
		return twice(p, "set queue");
	return one_of_two(p, queue_value);
}

int rule_parse_queue(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->set_loc = rule_loc(p, t);
	return parse_set_queue(p);
}

static int parse_set_tos(struct rule_parser *p)
{
	if (p->r->set.has_tos)
		return twice(p, "set tos");
	p->r->set.has_tos = true;
	return rule_tos_value(p, &p->r->set.tos);
}

/* ---- lists of such things ---- */

struct item {
	const char *word;
	int (*parse)(struct rule_parser *p);
	const char *why_not; /* of what pf has besides: the hint of its error */
};

static int one_item(struct rule_parser *p, const struct item *items, size_t n, const char *wanted)
{
	const struct rule_tok *t = p->tok;
	const char *words[8];

	for (size_t i = 0; i < n; i++) {
		words[i] = items[i].word;
		if (!rule_take(p, items[i].word))
			continue;
		if (items[i].parse)
			return items[i].parse(p);
		return rule_fail(p, t, items[i].why_not, "'%s' is not available on Linux", t->s);
	}
	return rule_unexpected(p, t, wanted, words, n);
}

static int items_in_parentheses(struct rule_parser *p, const struct item *items, size_t n, const char *wanted)
{
	const struct rule_tok *open = p->tok;
	int rc = 0;

	p->tok++;
	while (!rc && !rule_is(p, ")") && p->tok->kind != TOK_END) {
		rc = one_item(p, items, n, wanted);
		(void)rule_take(p, ",");
	}
	if (!rc && !rule_take(p, ")"))
		rc = rule_fail(p, open, "close it with )", "a list is not closed");
	if (rc != -EINVAL)
		return rc;
	p->tok = open;
	rule_skip_group(p);
	return 0;
}

static int set_delay(struct rule_parser *p)
{
	return rule_fail(p, p->tok - 1, "a netem queueing discipline delays packets", "'set delay' is not part of Patronus");
}

static const struct item set_items[] = {
	{ "prio", parse_prio, NULL },
	{ "tos", parse_set_tos, NULL },
	{ "queue", parse_set_queue, NULL },
	{ "delay", set_delay, NULL },
};

int rule_parse_set(struct rule_parser *p, const struct rule_tok *t)
{
	static const char wanted[] = "prio, tos or queue";

	p->r->set_loc = rule_loc(p, t);
	if (rule_is(p, "("))
		return items_in_parentheses(p, set_items, PT_ARRAY_SIZE(set_items), wanted);
	return one_item(p, set_items, PT_ARRAY_SIZE(set_items), wanted);
}

/* ---- scrub ---- */

static int parse_max_mss(struct rule_parser *p)
{
	uint64_t v;
	int rc = number(p, "a segment size", 1, UINT16_MAX, &v);

	p->r->set.max_mss = (uint16_t)v;
	return rc;
}

static int parse_min_ttl(struct rule_parser *p)
{
	uint64_t v;
	int rc = number(p, "a time to live", 1, UINT8_MAX, &v);

	p->r->set.min_ttl = (uint8_t)v;
	return rc;
}

static int parse_no_df(struct rule_parser *p)
{
	p->r->set.no_df = true;
	return 0;
}

static int parse_random_id(struct rule_parser *p)
{
	p->r->set.random_id = true;
	return 0;
}

static const struct item scrub_items[] = {
	{ "max-mss", parse_max_mss, NULL },
	{ "min-ttl", parse_min_ttl, NULL },
	{ "no-df", parse_no_df, NULL },
	{ "random-id", parse_random_id, NULL },
	{ "reassemble", NULL, "leave it out: Linux follows the windows of TCP always, and leaves timestamps as they are" },
};

int rule_parse_scrub(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->set_loc = rule_loc(p, t);
	if (!rule_is(p, "(") || !strcmp(p->tok[1].s, ")"))
		return rule_fail(p, p->tok, "write `scrub (max-mss 1440)`", "scrub without what to do");
	return items_in_parentheses(p, scrub_items, PT_ARRAY_SIZE(scrub_items), "max-mss, min-ttl, no-df or random-id");
}

/* ---- printing ---- */

static void print_scrub(struct pt_buf *b, const struct pt_ast_set *s)
{
	const char *sep = " scrub (";

	if (s->no_df) {
		pt_buf_fmt(b, "%sno-df", sep);
		sep = ", ";
	}
	if (s->random_id) {
		pt_buf_fmt(b, "%srandom-id", sep);
		sep = ", ";
	}
	if (s->min_ttl) {
		pt_buf_fmt(b, "%smin-ttl %u", sep, s->min_ttl);
		sep = ", ";
	}
	if (s->max_mss) {
		pt_buf_fmt(b, "%smax-mss %u", sep, s->max_mss);
		sep = ", ";
	}
	pt_buf_str(b, *sep == ',' ? ")" : "");
}

void rule_print_set(struct pt_buf *b, const struct pt_ast_set *s)
{
	bool many = (s->has_prio + s->has_tos + (s->queue != NULL)) > 1;
	const char *sep = many ? " set (" : " set ";

	if (s->has_prio) {
		pt_buf_fmt(b, s->prio == s->prio_fast ? "%sprio %u" : "%sprio (%u, %u)", sep, s->prio, s->prio_fast);
		sep = ", ";
	}
	if (s->has_tos) {
		pt_buf_fmt(b, "%stos 0x%02x", sep, s->tos);
		sep = ", ";
	}
	if (s->queue && !strcmp(s->queue, s->queue_fast))
		pt_buf_fmt(b, "%squeue %s", sep, s->queue);
	else if (s->queue)
		pt_buf_fmt(b, "%squeue (%s, %s)", sep, s->queue, s->queue_fast);
	pt_buf_str(b, many ? ")" : "");
	print_scrub(b, s);
}
