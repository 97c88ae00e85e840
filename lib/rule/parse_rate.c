/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rates: `limit 10/second burst 20` of a rule or of its log, and pf's `max-pkt-rate 100/10`. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static const struct {
	const char *name;
	uint32_t seconds;
} units[] = {
	{ "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 },
	{ "sec", 1 },	 { "min", 60 },	   { "s", 1 },	     { "m", 60 }, { "h", 3600 }, { "d", 86400 },
};

#define SECONDS_MAX (7 * 86400)

static int amount(struct rule_parser *p, const char *what, uint32_t *out)
{
	const struct rule_tok *t = p->tok;
	uint64_t v = 1;

	if (t->kind != TOK_WORD || !t->operand)
		return rule_unexpected(p, t, what, NULL, 0);
	p->tok++;
	if (pt_parse_uint(t->s, PT_RATE_MAX, &v) || !v)
		(void)rule_fail(p, t, NULL, "'%.64s' is not a number of packets from 1 to %d", t->s, PT_RATE_MAX);
	*out = (uint32_t)v;
	return 0;
}

static int unit(struct rule_parser *p, uint32_t *out)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD || !t->operand)
		return rule_unexpected(p, t, "second, minute, hour or day", NULL, 0);
	p->tok++;
	*out = 1;
	for (size_t i = 0; i < PT_ARRAY_SIZE(units); i++)
		if (!strcmp(t->s, units[i].name)) {
			*out = units[i].seconds;
			return 0;
		}
	return rule_note(p, t, "second, minute, hour or day", "'%.64s' is not a unit of time", t->s);
}

static int slash(struct rule_parser *p, const char *hint)
{
	if (rule_take(p, "/"))
		return 0;
	return rule_fail(p, p->tok, hint, "the time behind a number of packets is missing");
}

static int limit(struct rule_parser *p, struct pt_ast_rate *r)
{
	static const char hint[] = "write `limit 10/second`";
	int rc = amount(p, "a number of packets", &r->packets);

	if (!rc)
		rc = slash(p, hint);
	if (!rc)
		rc = unit(p, &r->seconds);
	if (!rc && rule_take(p, "burst"))
		rc = amount(p, "a number of packets", &r->burst);
	return rc;
}

int rule_parse_limit(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->when.rate_loc = rule_loc(p, t);
	return limit(p, &p->r->when.limit);
}

int rule_parse_pkt_rate(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_rate *r = &p->r->when.pkt_rate;
	uint64_t seconds = 1;
	int rc;

	p->r->when.rate_loc = rule_loc(p, t);
	rc = amount(p, "a number of packets", &r->packets);
	if (!rc)
		rc = slash(p, "write `max-pkt-rate 100/10`: packets, and seconds");
	t = p->tok;
	if (!rc && (t->kind != TOK_WORD || !t->operand))
		rc = rule_unexpected(p, t, "a number of seconds", NULL, 0);
	if (rc)
		return rc;
	p->tok++;
	if (pt_parse_uint(t->s, SECONDS_MAX, &seconds) || !seconds)
		(void)rule_fail(p, t, NULL, "'%.64s' is not a number of seconds from 1 to %d", t->s, SECONDS_MAX);
	r->seconds = (uint32_t)seconds;
	return 0;
}

/* ---- log ---- */

/* What pf has here and we do not, and why. */
static const struct {
	const char *word, *hint;
} not_logged[] = {
	{ "matches", "write `log` in the rules that are to log" },
	{ "user", "leave it out: a record names the user where the kernel knows one" },
	{ "to", "there is one log: `ptfw log` tells rules apart by their label" },
};

static int log_option(struct rule_parser *p)
{
	const struct rule_tok *t = p->tok;

	if (rule_take(p, "limit"))
		return limit(p, &p->r->log_limit);
	if (rule_take(p, "all")) {
		p->r->log_all = true;
		if (p->r->action != PT_MATCH)
			return 0;
		return rule_note(p, t, "let the pass rule log", "'log (all)' in a match rule");
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(not_logged); i++)
		if (rule_take(p, not_logged[i].word))
			return rule_fail(p, t, not_logged[i].hint, "'log (%s)': Patronus has no such log",
					 not_logged[i].word);
	return rule_unexpected(p, t, "`all` or `limit`", NULL, 0);
}

int rule_parse_log(struct rule_parser *p, const struct rule_tok *t)
{
	const struct rule_tok *open = p->tok;
	int rc;

	(void)t;
	p->r->log = true;
	if (!rule_take(p, "("))
		return 0;
	do {
		rc = log_option(p);
	} while (!rc && rule_take(p, ","));
	if (!rc && !rule_take(p, ")"))
		rc = rule_unexpected(p, p->tok, "')'", NULL, 0);
	if (rc != -EINVAL)
		return rc;
	p->tok = open;
	rule_skip_group(p);
	return 0;
}
