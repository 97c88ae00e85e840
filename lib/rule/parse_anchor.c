/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anchors: a place in the list where other rules stand. Which ones the name tells; here it is only read,
 * and what an anchor cannot have is refused, as it would belong to each of those rules.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static const char name_hint[] = "letters, digits, '_', '.' and '-', a letter or digit first, at most 31; '/' between names";

/* Of N bytes at S, one name of a path. */
static const char *part_bad(const char *s, size_t n)
{
	static const char *const words[] = { "any", "all", "self", "inet", "inet6" };

	if (!n)
		return "a name in it is empty";
	if (n > PT_ANCHOR_PART_MAX)
		return "a name in it is longer than 31";
	if (!isalnum((unsigned char)s[0]) && s[0] != '_')
		return "a name in it begins with neither a letter nor a digit";
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return "it has other bytes than letters, digits, '_', '.' and '-'";
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && !memcmp(words[i], s, n))
			return "a name in it is a word of the rules";
	return NULL;
}

const char *pt_anchor_path_bad(const char *s, bool star)
{
	const char *bad = NULL;
	size_t depth = 0, n;

	if (strlen(s) > PT_ANCHOR_PATH_MAX)
		return "it is longer than 55";
	for (;; s += n + 1) {
		n = strcspn(s, "/");
		if (!star || strcmp(s, "*") != 0)
			bad = part_bad(s, n);
		if (bad || !s[n])
			break;
		if (++depth == PT_ANCHOR_DEPTH_MAX)
			return "it is more than 8 names deep";
	}
	return bad;
}

static bool name_token(const struct rule_parser *p)
{
	return p->tok->kind == TOK_WORD && (!p->tok->keyword || p->tok[-1].s[0] == '/');
}

/* Words with '/' between them, which the lexer takes apart. */
static int joined(struct rule_parser *p, const char **out)
{
	struct pt_buf b = { 0 };

	do {
		if (!name_token(p))
			break;
		pt_buf_str(&b, p->tok->s);
		p->tok++;
		if (rule_is(p, "/"))
			pt_buf_chr(&b, '/');
	} while (rule_take(p, "/"));
	*out = b.err ? NULL : pt_arena_strndup(p->ctx->arena, b.s, b.n);
	pt_buf_fini(&b);
	return *out ? 0 : -ENOMEM;
}

static int no_name(struct rule_parser *p)
{
	if (rule_is(p, "/"))
		return rule_fail(p, p->tok, "leave the first '/' out: names are looked for where the anchor stands",
				 "an anchor's path from the root");
	if (rule_part_of(p->tok) || rule_is(p, "{") || p->tok->kind == TOK_END)
		return rule_fail(p, p->tok, "write `anchor NAME ...` and a section `anchor NAME { rules = { ... } }`",
				 "an anchor without a name");
	return rule_unexpected(p, p->tok, "the name of an anchor", NULL, 0);
}

int rule_parse_anchor(struct rule_parser *p)
{
	const struct rule_tok *first = p->tok;
	struct rule_tok whole;
	const char *name, *bad;
	int rc = 0;

	if (first->kind != TOK_STRING && !name_token(p))
		return no_name(p);
	name = first->s;
	if (first->kind == TOK_STRING)
		p->tok++;
	else
		rc = joined(p, &name);
	if (rc)
		return rc;
	whole = rule_span(first, p->tok - 1);
	p->r->anchor = name;
	p->r->anchor_loc = rule_loc(p, &whole);
	bad = pt_anchor_path_bad(name, true);
	return bad ? rule_note(p, &whole, name_hint, "this is not the name of an anchor: %s", bad) : 0;
}

int rule_anchor_part(struct rule_parser *p, const struct rule_tok *t, enum rule_group group)
{
	static const enum rule_group fit[] = {
		GROUP_DIR, GROUP_QUICK, GROUP_ON, GROUP_AF, GROUP_PROTO, GROUP_SRC, GROUP_DST, GROUP_FLAGS, GROUP_ICMP,
		GROUP_TAGGED, GROUP_TOS, GROUP_RECEIVED, GROUP_USER, GROUP_GROUP, GROUP_MAC,
	};

	if (p->r->action != PT_ANCHOR)
		return 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(fit); i++)
		if (fit[i] == group)
			return 0;
	return rule_fail(p, t, "write it in the rules of the anchor", "'%s' on an anchor", t->s);
}

int rule_anchor_braces(struct rule_parser *p)
{
	return rule_fail(p, p->tok, "write its rules in a section: anchor NAME { rules = { \"...\" } }",
			 "rules in braces behind an anchor");
}
