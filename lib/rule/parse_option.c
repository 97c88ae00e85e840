/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options behind the hosts, which come in any order: flags, ICMP types, state, label, tag,
 * tagged. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

/* ---- flags ---- */

static const char flag_names[] = "FSRPAUEW";

int pt_tcp_flags_parse(const char *s, uint8_t *out)
{
	uint8_t flags = 0;

	for (; *s; s++) {
		const char *at = strchr(flag_names, *s);

		if (!at)
			return -EINVAL;
		flags |= (uint8_t)(1u << (at - flag_names));
	}
	*out = flags;
	return 0;
}

static int flag_letters(struct rule_parser *p, uint8_t *out)
{
	const struct rule_tok *t = p->tok;

	if (!t->operand || t->kind != TOK_WORD)
		return rule_unexpected(p, t, "flags such as S/SA", NULL, 0);
	p->tok++;
	if (pt_tcp_flags_parse(t->s, out))
		return rule_note(p, t, "the flags are F, S, R, P, A, U, E and W", "'%.64s' are not TCP flags", t->s);
	return 0;
}

int rule_parse_flags(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_rule *r = p->r;
	const struct rule_tok *first = p->tok;
	size_t errors = p->errors;
	struct rule_tok whole;
	int rc = 0;

	r->has_flags = true;
	r->flags_loc = rule_loc(p, t);
	if (rule_take(p, "any")) {
		r->flags_any = true;
		return 0;
	}
	if (!rule_is(p, "/"))
		rc = flag_letters(p, &r->flags_set);
	if (!rc && errors != p->errors && !rule_is(p, "/"))
		return 0;
	if (!rc && !rule_take(p, "/"))
		rc = rule_fail(p, p->tok,
			       "write the flags that are looked at behind a '/', as in S/SA",
			       "the mask of flags is missing");
	if (!rc && errors != p->errors && p->tok->operand)
		p->tok++; /* the mask has most likely the same mistake */
	else if (!rc)
		rc = flag_letters(p, &r->flags_mask);
	if (rc || errors != p->errors || !(r->flags_set & ~r->flags_mask))
		return rc;
	whole = rule_span(first, p->tok - 1);
	return rule_note(p, &whole, "every flag before the '/' must stand behind it too",
			 "flags that can never match");
}

/* ---- icmp-type, icmp6-type ---- */

static const char *family(const struct rule_parser *p)
{
	return p->r->icmp_af == PT_AF_INET6 ? "ICMPv6" : "ICMP";
}

static void bad_icmp(struct rule_parser *p, const struct rule_tok *t, const char *what,
		     const char *near)
{
	struct pt_buf hint = { 0 };

	if (t->s[0] == '0' && t->s[1])
		pt_buf_str(&hint, "write numbers without leading zeros");
	else if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else
		pt_buf_str(&hint, "a name, or a number up to 255");
	(void)rule_fail(p, t, hint.s, "'%.64s' is not a %s of %s", t->s, what, family(p));
	pt_buf_fini(&hint);
}

static int icmp_code(struct rule_parser *p, struct pt_ast_icmp *i)
{
	const struct rule_tok *t = p->tok;
	uint8_t code;

	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(p, t, "a code", NULL, 0);
	p->tok++;
	if (!rule_icmp_code_parse(p->r->icmp_af, i->type, t->s, &code))
		i->code = code;
	else
		bad_icmp(p, t, "code of this type",
			 rule_icmp_code_nearest(p->r->icmp_af, i->type, t->s));
	return 0;
}

/* Behind a type that is none: a code, with its keyword or what may stand for it. */
static void pass_over_code(struct rule_parser *p)
{
	bool code = rule_take(p, "code");
	uint8_t type;

	if (p->tok->operand && (code || rule_icmp_type_parse(p->r->icmp_af, p->tok->s, &type)))
		p->tok++;
}

static int one_icmp(struct rule_parser *p, void *arg)
{
	struct pt_ast_icmp i = { .code = -1 };
	const struct rule_tok *t = p->tok;
	bool known;
	int rc = 0;

	(void)arg;
	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(
			p, t, p->r->icmp_af == PT_AF_INET6 ? "a type of ICMPv6" : "a type of ICMP",
			NULL, 0);
	p->tok++;
	i.loc = rule_loc(p, t);
	known = !rule_icmp_type_parse(p->r->icmp_af, t->s, &i.type);
	if (!known) {
		bad_icmp(p, t, "type", rule_icmp_type_nearest(p->r->icmp_af, t->s));
		pass_over_code(p);
	} else if (rule_take(p, "code")) {
		rc = icmp_code(p, &i);
	}
	return rc ? rc : pt_vec_push(p->ctx->arena, &p->r->icmp, i);
}

int rule_parse_icmp(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->icmp_af = t->s[4] == '6' ? PT_AF_INET6 : PT_AF_INET;
	p->r->icmp_loc = rule_loc(p, t);
	return rule_list(p, one_icmp, NULL);
}

/* ---- state ---- */

static int no_options(struct rule_parser *p)
{
	const struct rule_tok *open = p->tok;

	rule_skip_group(p);
	return rule_note(p, open, "they belong to `keep state`", "options of states in a rule that keeps none");
}

int rule_parse_state(struct rule_parser *p, const struct rule_tok *t)
{
	static const char *const state[] = { "state" };
	bool keep = !strcmp(t->s, "keep");

	if (!rule_take(p, "state"))
		return rule_unexpected(p, p->tok, "'state'", state, 1);
	if (p->r->action != PT_PASS)
		(void)rule_fail(p, t, "only pass makes states: leave it out",
				"'%s state' in a rule that does not pass", t->s);
	p->r->state = keep ? PT_STATE_KEEP : PT_STATE_NO;
	if (!rule_is(p, "("))
		return 0;
	return keep ? rule_parse_states(p) : no_options(p);
}

/* ---- names ---- */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 32 || (unsigned char)*s > 126 || *s == '"' || *s == '\\')
			return false;
	return true;
}

int rule_parse_name(struct rule_parser *p, const char *what, size_t max, const char **out,
		    struct pt_loc *loc)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return rule_unexpected(p, t, what, NULL, 0);
	p->tok++;
	*loc = rule_loc(p, t);
	*out = t->s;
	if (!*t->s)
		return rule_note(p, t, "leave it out, or give it a name", "%s without a character",
				 what);
	if (!printable(t->s))
		return rule_note(p, t, "use printable ASCII without \" and \\",
				 "%s with a character that it must not have", what);
	if (strlen(t->s) > max)
		return rule_note(p, t, "make it shorter", "%s of %zu bytes: the limit is %zu", what,
				 strlen(t->s), max);
	return 0;
}

int rule_parse_label(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return rule_parse_name(p, "a label", PT_LABEL_MAX, &p->r->label, &p->r->label_loc);
}

int rule_parse_tag(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return rule_parse_name(p, "a tag", PT_TAG_MAX, &p->r->tag, &p->r->tag_loc);
}

/* "tagged", or "! tagged" of which T is the mark. */
int rule_parse_tagged(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->tagged_neg = t->kind == TOK_MARK;
	return rule_parse_name(p, "a tag", PT_TAG_MAX, &p->r->tagged, &p->r->tagged_loc);
}
