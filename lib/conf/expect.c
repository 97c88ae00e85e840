/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements of tests are written in the rule language, of which they take the conditions alone: what a rule does to packets
 * beside passing or blocking them would be read here and proved by nobody, so that each such word is refused.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

struct refusal {
	const char *word;
	bool (*has)(const struct pt_ast_rule *r);
	const char *why, *hint;
};

static bool is_no_judgement(const struct pt_ast_rule *r)
{
	return r->action == PT_MATCH || r->action == PT_ANCHOR;
}

static bool has_answer(const struct pt_ast_rule *r)
{
	return r->ret_explicit;
}

static bool is_quick(const struct pt_ast_rule *r)
{
	return r->quick;
}

static bool has_log(const struct pt_ast_rule *r)
{
	return r->log;
}

static bool has_nat(const struct pt_ast_rule *r)
{
	return r->nat.kind != PT_NAT_NONE;
}

static bool has_state(const struct pt_ast_rule *r)
{
	return r->state != PT_STATE_DEFAULT || r->states;
}

static bool has_set(const struct pt_ast_rule *r)
{
	const struct pt_ast_set *s = &r->set;

	return s->has_prio || s->has_tos || s->no_df || s->random_id || s->min_ttl || s->max_mss || s->queue;
}

static bool has_tag(const struct pt_ast_rule *r)
{
	return r->tag;
}

static bool has_label(const struct pt_ast_rule *r)
{
	return r->label;
}

static bool has_chance(const struct pt_ast_rule *r)
{
	return r->when.chance;
}

static bool has_limit(const struct pt_ast_rule *r)
{
	return r->when.limit.packets;
}

static bool has_pkt_rate(const struct pt_ast_rule *r)
{
	return r->when.pkt_rate.packets;
}

static bool has_once(const struct pt_ast_rule *r)
{
	return r->when.once;
}

static const char leave_out[] = "leave it out: a statement is an action and conditions";
static const char only_verdict[] = "a statement is about the verdict";

static const struct refusal refusals[] = {
	{ NULL, is_no_judgement, "a statement says that packets pass or are blocked", "begin with `pass` or `block`" },
	{ "return", has_answer, "a statement does not say how a block answers", "write `block` alone" },
	{ "drop", has_answer, "a statement does not say how a block answers", "write `block` alone" },
	{ "quick", is_quick, "statements have no order", leave_out },
	{ "log", has_log, only_verdict, leave_out },
	{ "nat-to", has_nat, only_verdict, leave_out },
	{ "rdr-to", has_nat, only_verdict, leave_out },
	{ "binat-to", has_nat, only_verdict, leave_out },
	{ "keep", has_state, "`pass` is about packets that begin a connection anyway", leave_out },
	{ "no", has_state, "`pass` is about packets that begin a connection anyway", leave_out },
	{ "set", has_set, only_verdict, leave_out },
	{ "scrub", has_set, only_verdict, leave_out },
	{ "tag", has_tag, only_verdict, "leave it out, or write `tagged` for the tag that packets come with" },
	{ "label", has_label, "the test has a name", "leave it out" },
	{ "probability", has_chance, "a statement is about all packets", leave_out },
	{ "limit", has_limit, "a statement is about all packets", leave_out },
	{ "max-pkt-rate", has_pkt_rate, "a statement is about all packets", leave_out },
	{ "once", has_once, "a statement is about all packets", leave_out },
};

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Where WORD begins one of S, and how long that is: with "return", also "return-rst". SIZE_MAX: nowhere, a macro has it. */
static size_t find_word(const char *s, size_t len, const char *word, size_t *n)
{
	size_t m = strlen(word);
	char quote = 0;

	for (size_t i = 0; i < len; i++) {
		if (quote || s[i] == '"' || s[i] == '\'') {
			quote = !quote ? s[i] : quote == s[i] ? 0 : quote;
			continue;
		}
		for (*n = 0; i + *n < len && in_word(s[i + *n]); ++*n)
			;
		if (*n == m && !memcmp(s + i, word, m))
			return i;
		if (*n > m && !strcmp(word, "return") && !memcmp(s + i, word, m))
			return i;
		i += *n ? *n - 1 : 0;
	}
	return SIZE_MAX;
}

static struct pt_loc place_of(const struct refusal *x, const struct pt_ast_rule *r, const struct pt_conf_rule *text,
			      const struct pt_conf_at *at)
{
	struct pt_loc loc = r->loc;
	size_t n = 0, offset = x->word ? find_word(text->s, text->len, x->word, &n) : SIZE_MAX;

	return offset == SIZE_MAX ? loc : pt_conf_locate(at, offset, n);
}

static bool is_written(const struct refusal *x, const struct pt_conf_rule *text)
{
	size_t n;

	return !x->word || find_word(text->s, text->len, x->word, &n) != SIZE_MAX;
}

/* Several words may stand for one thing: the one that is there, else, with macros, the first. */
static const struct refusal *choose(const struct pt_ast_rule *r, size_t *i, const struct pt_conf_rule *text)
{
	const struct refusal *first = &refusals[*i], *found = NULL;

	for (; *i < PT_ARRAY_SIZE(refusals) && refusals[*i].has == first->has; ++*i)
		if (!found && is_written(&refusals[*i], text))
			found = &refusals[*i];
	return first->has(r) ? found ? found : first : NULL;
}

int conf_check_expect(const struct pt_ast_rule *r, const struct pt_conf_rule *text, const struct pt_conf_at *at,
		      struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(refusals);) {
		const struct refusal *x = choose(r, &i, text);
		struct pt_loc loc;

		if (!x)
			continue;
		loc = place_of(x, r, text, at);
		if (x->word)
			pt_err_add(e, PT_ERROR, &loc, x->hint, "'%s' has no meaning in a test: %s", x->word, x->why);
		else
			pt_err_add(e, PT_ERROR, &loc, x->hint, "%s", x->why);
		rc = -EINVAL;
	}
	return rc;
}
