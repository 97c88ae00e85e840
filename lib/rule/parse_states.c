/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keep state (option, option ...). One table says which options there are, what follows each, and why Linux cannot
 * do some of pf's: those are errors with the reason, for a limit that is not kept is worse than none.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rule/internal.h"

#define COUNT_MAX 1000000000u
#define SECONDS_MAX 31536000u /* a year */

enum state_value {
	VALUE_NONE, /* sets a flag */
	VALUE_COUNT,
	VALUE_RATE,
	VALUE_TABLE,
	VALUE_SCOPE,
	VALUE_REFUSED,
};

static const struct state_option {
	const char *word;
	enum state_value value;
	size_t field; /* in struct pt_ast_states */
	const char *why, *hint; /* REFUSED */
} options[] = {
	{ "max", VALUE_COUNT, offsetof(struct pt_ast_states, max), NULL, NULL },
	{ "max-src-nodes", VALUE_COUNT, offsetof(struct pt_ast_states, max_src_nodes), NULL, NULL },
	{ "max-src-states", VALUE_COUNT, offsetof(struct pt_ast_states, max_src_states), NULL, NULL },
	{ "max-src-conn", VALUE_COUNT, offsetof(struct pt_ast_states, max_src_conn), NULL, NULL },
	{ "max-src-conn-rate", VALUE_RATE, offsetof(struct pt_ast_states, rate), NULL, NULL },
	{ "overload", VALUE_TABLE, offsetof(struct pt_ast_states, overload), NULL, NULL },
	{ "source-track", VALUE_SCOPE, offsetof(struct pt_ast_states, track), NULL, NULL },
	{ "floating", VALUE_NONE, offsetof(struct pt_ast_states, floating), NULL, NULL },
	{ "if-bound", VALUE_REFUSED, 0, "a state of Linux belongs to no interface", "leave it out" },
	{ "sloppy", VALUE_REFUSED, 0, "Linux follows all connections alike",
	  "write `no state` in both directions, or set net.netfilter.nf_conntrack_tcp_be_liberal for all of them" },
	{ "no-sync", VALUE_REFUSED, 0, "no state is sent to another machine", "leave it out" },
	{ "pflow", VALUE_REFUSED, 0, "states are not exported as flow records", "leave it out" },
	{ "set-tos", VALUE_REFUSED, 0, "a state marks no packets", "write `set tos` in a rule" },
	{ "statelock", VALUE_REFUSED, 0, "it is not a word of pf.conf(5) any more", "leave it out" },
};

struct states {
	struct rule_parser *p;
	struct pt_ast_states *s;
	const struct rule_tok *open;
	const struct rule_tok *at[PT_ARRAY_SIZE(options)]; /* where each was given */
	const struct rule_tok *timeout[PT_TIMEOUTS];
};

static void *field(struct states *x, const struct state_option *o)
{
	return (char *)x->s + o->field;
}

static const struct rule_tok *place(const struct states *x, const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].word, word))
			return x->at[i];
	return NULL;
}

/* ---- values ---- */

static int count(struct states *x, const char *what, uint32_t max, uint32_t *out)
{
	const struct rule_tok *t = x->p->tok;
	uint64_t n;

	if (!t->operand || t->kind != TOK_WORD)
		return rule_unexpected(x->p, t, what, NULL, 0);
	x->p->tok++;
	if (pt_parse_uint(t->s, max, &n) || !n)
		return rule_note(x->p, t, max == COUNT_MAX ? "a number from 1 to 1000000000" : NULL, "'%.64s' is not %s",
				 t->s, what);
	*out = (uint32_t)n;
	return 0;
}

/* "30", "30s", "5m" */
static int seconds(struct states *x, uint32_t *out)
{
	const struct rule_tok *t = x->p->tok;

	if (!t->operand || t->kind != TOK_WORD)
		return rule_unexpected(x->p, t, "a time", NULL, 0);
	x->p->tok++;
	if (!pt_parse_duration(t->s, out) && *out && *out <= SECONDS_MAX)
		return 0;
	*out = 0;
	return rule_note(x->p, t, "seconds, or as 30s, 5m, 12h; at most a year", "'%.64s' is not a time", t->s);
}

static int rate(struct states *x)
{
	struct rule_parser *p = x->p;
	int rc = count(x, "a number of connections", COUNT_MAX, &x->s->rate);

	if (rc)
		return rc;
	if (!rule_take(p, "/"))
		return rule_fail(p, p->tok, "write `max-src-conn-rate 5/30`: connections, and seconds",
				 "the seconds behind a number of connections are missing");
	rc = seconds(x, &x->s->rate_seconds);
	if (!x->s->rate_seconds)
		x->s->rate = 0;
	return rc;
}

/* overload <t> [flush [global]] */
static int overload(struct states *x)
{
	struct rule_parser *p = x->p;
	struct pt_ast_host h = { 0 };
	const struct rule_tok *t = p->tok;
	int rc;

	if (t->operand && t->kind == TOK_WORD)
		return rule_fail(p, t, "a table stands in marks, as in `overload <bruteforce>`",
				 "'%.64s' where '<' and the name of a table is expected", t->s);
	if (!rule_is(p, "<"))
		return rule_unexpected(p, t, "'<' and the name of a table", NULL, 0);
	rc = rule_parse_host1(p, &h);
	if (rc)
		return rc;
	x->s->overload = h.name;
	x->s->overload_loc = rule_loc(p, t + 1);
	if (rule_take(p, "flush"))
		x->s->flush = rule_take(p, "global") ? PT_FLUSH_GLOBAL : PT_FLUSH_RULE;
	return 0;
}

static int scope(struct states *x)
{
	static const char *const words[] = { "rule", "global" };
	struct rule_parser *p = x->p;

	if (rule_take(p, "global"))
		x->s->track = PT_TRACK_GLOBAL;
	else if (rule_take(p, "rule") || rule_is(p, ",") || rule_is(p, ")"))
		x->s->track = PT_TRACK_RULE; /* pf's meaning without a word */
	else
		return rule_unexpected(p, p->tok, "rule or global", words, PT_ARRAY_SIZE(words));
	return 0;
}

/* ---- options ---- */

static int value(struct states *x, const struct state_option *o, const struct rule_tok *t)
{
	switch (o->value) {
	case VALUE_COUNT:
		return count(x, "a limit", COUNT_MAX, field(x, o));
	case VALUE_RATE:
		return rate(x);
	case VALUE_TABLE:
		return overload(x);
	case VALUE_SCOPE:
		return scope(x);
	case VALUE_NONE:
		*(bool *)field(x, o) = true;
		return 0;
	case VALUE_REFUSED:
		break;
	}
	return rule_note(x->p, t, o->hint, "'%s' is not possible on Linux: %s", o->word, o->why);
}

static int timeout(struct states *x, const struct pt_timeout_name *n, const struct rule_tok *t)
{
	if (n->which == PT_TIMEOUTS) {
		if (x->p->tok->operand)
			x->p->tok++;
		return rule_note(x->p, t, n->hint, "'%s' is not possible: %s", n->word, n->why);
	}
	if (x->timeout[n->which])
		(void)rule_fail(x->p, t, "leave one of them out", "'%s' is given twice", n->word);
	x->timeout[n->which] = t;
	return seconds(x, &x->s->timeout[n->which]);
}

static int unknown(struct states *x, const struct rule_tok *t)
{
	const char *words[PT_ARRAY_SIZE(options)], *near = NULL;
	struct pt_buf hint = { 0 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++)
		words[i] = options[i].word;
	if (t->kind == TOK_WORD)
		near = rule_nearest(t->s, words, PT_ARRAY_SIZE(words));
	if (t->kind == TOK_WORD && !near)
		near = pt_timeout_nearest(t->s);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	if (t->kind == TOK_END)
		(void)rule_fail(x->p, x->open, "close it with )", "the options of keep state are not closed");
	else
		(void)rule_fail(x->p, t, near ? hint.s : "max, max-src-states, tcp.established, ...: see patronus-rules(5)",
				"'%.64s' where an option of states is expected", t->s);
	pt_buf_fini(&hint);
	return -EINVAL;
}

static int option(struct states *x)
{
	const struct rule_tok *t = x->p->tok;
	const struct pt_timeout_name *n;

	if (t->kind != TOK_WORD)
		return unknown(x, t);
	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].word, t->s) != 0)
			continue;
		if (x->at[i])
			(void)rule_fail(x->p, t, "leave one of them out", "'%s' is given twice", t->s);
		x->at[i] = x->p->tok++;
		return value(x, &options[i], t);
	}
	n = pt_timeout_find(t->s);
	if (!n)
		return unknown(x, t);
	x->p->tok++;
	return timeout(x, n, t);
}

/* Behind a wrong option: to the comma or parenthesis that ends it. */
static void skip(struct rule_parser *p)
{
	while (p->tok->kind != TOK_END && !rule_is(p, ",") && !rule_is(p, ")"))
		p->tok++;
}

/* ---- what does not go together ---- */

static void needs(struct states *x, const char *word, bool has, const char *what)
{
	const struct rule_tok *t = place(x, word);

	if (t && !has)
		(void)rule_fail(x->p, t, NULL, "'%s' without %s", word, what);
}

/* As in pf: sources are known together only by how many states they have. */
static void not_global(struct states *x, const char *word)
{
	const struct rule_tok *t = place(x, word);

	if (t && x->s->track == PT_TRACK_GLOBAL)
		(void)rule_fail(x->p, t, "write `source-track rule`", "'%s' with 'source-track global'", word);
}

static void check(struct states *x)
{
	static const char *const own[] = { "max-src-nodes", "max-src-conn", "max-src-conn-rate" };
	const struct pt_ast_states *s = x->s;
	const struct rule_tok *first = x->timeout[PT_TIMEOUT_UDP_FIRST];

	if (place(x, "max-src-conn"))
		x->s->conn_loc = rule_loc(x->p, place(x, "max-src-conn"));
	if (place(x, "max-src-conn-rate"))
		x->s->conn_loc = rule_loc(x->p, place(x, "max-src-conn-rate"));
	needs(x, "overload", s->max_src_conn || s->rate, "max-src-conn or max-src-conn-rate");
	needs(x, "source-track", s->max_src_nodes || s->max_src_states || s->max_src_conn || s->rate,
	      "a limit of sources");
	for (size_t i = 0; i < PT_ARRAY_SIZE(own); i++)
		not_global(x, own[i]);
	if (first && x->timeout[PT_TIMEOUT_UDP_SINGLE] &&
	    s->timeout[PT_TIMEOUT_UDP_FIRST] != s->timeout[PT_TIMEOUT_UDP_SINGLE])
		(void)rule_fail(x->p, first, "write one of them", "'udp.first' and 'udp.single' are one time-out on Linux");
}

int rule_parse_states(struct rule_parser *p)
{
	struct states x = { .p = p, .open = p->tok };
	size_t before = p->errors;
	int rc;

	x.s = pt_arena_alloc(p->ctx->arena, sizeof(*x.s));
	if (!x.s)
		return -ENOMEM;
	x.s->loc = rule_loc(p, p->tok++);
	if (rule_is(p, ")"))
		(void)rule_fail(p, x.open, "leave the parentheses out", "no option in parentheses");
	while (!rule_take(p, ")")) {
		if (rule_take(p, ","))
			continue;
		if (p->tok->kind == TOK_END)
			return p->errors > before ? 0 : unknown(&x, p->tok);
		rc = option(&x);
		if (rc == -ENOMEM)
			return rc;
		if (rc)
			skip(p);
	}
	if (p->errors == before)
		check(&x);
	p->r->states = x.s;
	return 0;
}
