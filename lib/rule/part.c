/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a rule by the words they begin with. The reader takes every part wherever it stands,
 * and complains of its place: so one part that is misplaced, missing or misspelt is one error and
 * the other parts are still looked at.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static int parse_dir(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->dir = strcmp(t->s, "in") ? PT_OUT : PT_IN;
	return 0;
}

static int parse_quick(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->quick = true;
	if (p->r->action != PT_MATCH)
		return 0;
	return rule_note(p, t, "match rules never decide: leave quick out",
			 "'quick' in a match rule");
}

static const char if_hint[] = "a letter, then letters, digits, '_', '.' or '-', at most 15";

static int bad_interface(struct rule_parser *p, const struct rule_tok *t)
{
	if (!strcmp(t->s, "any"))
		return rule_note(p, t, "leave it out, or write `on ! lo`",
				 "'on any' is not available in this version");
	if (t->kind == TOK_STRING)
		return rule_note(p, t, if_hint, "this is not the name of an interface or group");
	return rule_note(p, t, if_hint, "'%.64s' is not the name of an interface or group", t->s);
}

static int one_if(struct rule_parser *p, void *arg)
{
	struct pt_ast_if i = { .neg = rule_take(p, "!") };
	const struct rule_tok *t = p->tok;
	bool any = rule_is(p, "any");

	(void)arg;
	if (!t->operand && !any)
		return rule_unexpected(p, t, "the name of an interface", NULL, 0);
	p->tok++;
	if (!rule_if_name_ok(t->s))
		return bad_interface(p, t);
	i.name = t->s;
	i.loc = rule_loc(p, t);
	return pt_vec_push(p->ctx->arena, &p->r->ifs, i);
}

static int parse_on(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return rule_list(p, one_if, NULL);
}

static int parse_af(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->af = t->s[4] == '6' ? PT_AF_INET6 : PT_AF_INET;
	return 0;
}

static int one_proto(struct rule_parser *p, void *arg)
{
	const struct rule_tok *t = p->tok;
	struct pt_buf hint = { 0 };
	const char *near;
	uint8_t proto;

	(void)arg;
	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(p, t, "a protocol", NULL, 0);
	p->tok++;
	if (!pt_proto_parse(t->s, &proto))
		return pt_vec_push(p->ctx->arena, &p->r->protos, proto);
	near = rule_proto_nearest(t->s);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else
		pt_buf_str(&hint, t->s[0] == '0' && t->s[1]
					  ? "write numbers without leading zeros"
					  : "a name such as tcp, or a number up to 255");
	(void)rule_fail(p, t, hint.s, "'%.64s' is not a protocol", t->s);
	pt_buf_fini(&hint);
	return 0;
}

static int parse_proto(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->proto_loc = rule_loc(p, t);
	return rule_list(p, one_proto, NULL);
}

static int parse_all(struct rule_parser *p, const struct rule_tok *t)
{
	p->first[GROUP_DST] = t->s;
	return 0;
}

static int parse_side(struct rule_parser *p, pt_hosts *hosts, pt_ports *ports)
{
	int rc = rule_is(p, "port") ? 0 : rule_parse_hosts(p, hosts);

	return !rc && rule_take(p, "port") ? rule_parse_ports(p, ports) : rc;
}

static int parse_from(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return parse_side(p, &p->r->src, &p->r->sport);
}

static int parse_to(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return parse_side(p, &p->r->dst, &p->r->dport);
}

/* ---- the table ---- */

static const struct rule_part parts[] = {
	{ "in", 1, GROUP_DIR, parse_dir },
	{ "out", 1, GROUP_DIR, parse_dir },
	{ "log", 2, GROUP_LOG, rule_parse_log },
	{ "quick", 3, GROUP_QUICK, parse_quick },
	{ "on", 4, GROUP_ON, parse_on },
	{ "inet", 5, GROUP_AF, parse_af },
	{ "inet6", 5, GROUP_AF, parse_af },
	{ "proto", 6, GROUP_PROTO, parse_proto },
	{ "all", 7, GROUP_SRC, parse_all },
	{ "from", 7, GROUP_SRC, parse_from },
	{ "to", 8, GROUP_DST, parse_to },
	{ "flags", RULE_RANK_OPTION, GROUP_FLAGS, rule_parse_flags },
	{ "icmp-type", RULE_RANK_OPTION, GROUP_ICMP, rule_parse_icmp },
	{ "icmp6-type", RULE_RANK_OPTION, GROUP_ICMP, rule_parse_icmp },
	{ "tos", RULE_RANK_OPTION, GROUP_TOS, rule_parse_tos },
	{ "probability", RULE_RANK_OPTION, GROUP_PROBABILITY, rule_parse_probability },
	{ "received-on", RULE_RANK_OPTION, GROUP_RECEIVED, rule_parse_received },
	{ "schedule", RULE_RANK_OPTION, GROUP_SCHEDULE, rule_parse_schedule },
	{ "user", RULE_RANK_OPTION, GROUP_USER, rule_parse_user },
	{ "group", RULE_RANK_OPTION, GROUP_GROUP, rule_parse_group },
	{ "mac", RULE_RANK_OPTION, GROUP_MAC, rule_parse_mac },
	{ "limit", RULE_RANK_OPTION, GROUP_LIMIT, rule_parse_limit },
	{ "max-pkt-rate", RULE_RANK_OPTION, GROUP_PKT_RATE, rule_parse_pkt_rate },
	{ "once", RULE_RANK_OPTION, GROUP_ONCE, rule_parse_once },
	{ "set", RULE_RANK_OPTION, GROUP_SET, rule_parse_set },
	{ "queue", RULE_RANK_OPTION, GROUP_QUEUE, rule_parse_queue },
	{ "scrub", RULE_RANK_OPTION, GROUP_SCRUB, rule_parse_scrub },
	{ "keep", RULE_RANK_OPTION, GROUP_STATE, rule_parse_state },
	{ "no", RULE_RANK_OPTION, GROUP_STATE, rule_parse_state },
	{ "label", RULE_RANK_OPTION, GROUP_LABEL, rule_parse_label },
	{ "tag", RULE_RANK_OPTION, GROUP_TAG, rule_parse_tag },
	{ "tagged", RULE_RANK_OPTION, GROUP_TAGGED, rule_parse_tagged },
	{ "nat-to", RULE_RANK_OPTION, GROUP_NAT, rule_parse_nat },
	{ "rdr-to", RULE_RANK_OPTION, GROUP_NAT, rule_parse_nat },
	{ "binat-to", RULE_RANK_OPTION, GROUP_NAT, rule_parse_nat },
	{ "af-to", RULE_RANK_OPTION, GROUP_NAT, rule_parse_af_to },
};

/* "! tagged", "! received-on" and "! schedule", by their second word. */
static const struct rule_part negated[] = {
	{ "tagged", RULE_RANK_OPTION, GROUP_TAGGED, rule_parse_tagged },
	{ "received-on", RULE_RANK_OPTION, GROUP_RECEIVED, rule_parse_received },
	{ "schedule", RULE_RANK_OPTION, GROUP_SCHEDULE, rule_parse_schedule },
};

static const struct rule_part *part_by_word(const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(parts); i++)
		if (*word == *parts[i].word && !strcmp(word, parts[i].word))
			return &parts[i];
	return NULL;
}

const struct rule_part *rule_part_of(const struct rule_tok *t)
{
	if (t->kind == TOK_MARK && !strcmp(t->s, "!") && t[1].kind == TOK_WORD)
		for (size_t i = 0; i < PT_ARRAY_SIZE(negated); i++)
			if (!strcmp(t[1].s, negated[i].word))
				return &negated[i];
	return t->keyword ? part_by_word(t->s) : NULL;
}

/* ---- order ---- */

static const char *contradiction_hint(enum rule_group group)
{
	switch (group) {
	case GROUP_DIR:
		return "a rule without a direction stands for both";
	case GROUP_AF:
		return "a rule without inet and inet6 stands for both";
	case GROUP_NAT:
		return "write one rule for each translation";
	case GROUP_SRC:
	case GROUP_DST:
		return "`all` stands for `from any to any`";
	default:
		return "leave one of them out";
	}
}

/* Keywords of two words go by the first. */
static const char *whole_word(const char *word)
{
	if (!strcmp(word, "keep"))
		return "keep state";
	return strcmp(word, "no") ? word : "no state";
}

/* Records what is wrong with a part of RANK behind what was read so far. */
int rule_part_order(struct rule_parser *p, const struct rule_tok *t, const struct rule_part *part,
		    uint8_t rank)
{
	const char *first = p->first[part->group], *word = t->s;

	if (t->kind == TOK_MARK)
		word = part->group == GROUP_TAGGED ? "! tagged" :
		       part->group == GROUP_SCHEDULE ? "! schedule" : "! received-on";
	if (!first)
		p->first[part->group] = word;
	if (p->holes || p->blamed == t)
		return 0;
	if (part->group == GROUP_SET) /* "set prio 5 set tos ef": each thing once, see parse_set.c */
		first = NULL;
	if (first && !strcmp(first, word))
		return rule_note(p, t, "leave one of them out", "'%s' is given twice", whole_word(word));
	if (first)
		return rule_note(p, t, contradiction_hint(part->group), "'%s' in a rule with '%s'",
				 whole_word(word), whole_word(first));
	if (part->rank >= rank)
		return 0;
	return rule_note(
		p, t,
		"the order is: pass|block|match in|out log quick on ... inet|inet6 proto ... "
		"from ... to ... options",
		"'%s' is out of place", t->s);
}

/* ---- no part ---- */

static const char pool_hint[] = "it stands once, behind the pool of nat-to or rdr-to and its ports";

static int wrong_place(struct rule_parser *p, const struct rule_tok *t)
{
	static const struct {
		const char *word, *hint;
	} known[] = {
		{ "port",
		  "it stands behind an address: `to any port 22`, `nat-to (wan) port 5000`" },
		{ "reflect", "it stands behind the target of rdr-to, once" },
		{ "static-port", "it stands once, behind the target of nat-to" },
		{ "bitmask", pool_hint },
		{ "random", pool_hint },
		{ "round-robin", pool_hint },
		{ "source-hash", pool_hint },
		{ "sticky-address", pool_hint },
		{ "weight", "it stands behind an address in the list of a pool: { 10.0.0.1 weight 2, 10.0.0.2 }" },
		{ "code", "it stands behind a type: `icmp-type unreach code port-unr`" },
		{ "state", "write `keep state` or `no state`" },
		{ "pass", "a rule has one action" },
		{ "block", "a rule has one action" },
		{ "match", "a rule has one action" },
		{ "anchor", "an anchor is a rule of its own" },
		{ "drop", "it stands behind block" },
		{ "return", "it stands behind block" },
		{ "return-rst", "it stands behind block" },
		{ "return-icmp", "it stands behind block" },
		{ "return-icmp6", "it stands behind block" },
		{ "any", "write `from any` or `to any`" },
		{ "geoip", "write `from geoip DE` or `to geoip DE`" },
		{ "self", "write `from self` or `to self`" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		if (!strcmp(t->s, known[i].word))
			return rule_fail(p, t, known[i].hint, "'%s' is out of place", t->s);
	return 0;
}

static const char braces[] = "several values stand in braces: { this, that }";

/* A value without the keyword that it belongs to, or one value too many. */
static int forgotten(struct rule_parser *p, const struct rule_tok *t)
{
	bool sides = p->first[GROUP_SRC] || p->first[GROUP_DST];
	struct pt_buf hint = { 0 };
	struct pt_addr addr;
	uint8_t proto;
	int rc = 0;

	if (strlen(t->s) <= 64 && !pt_addr_parse(t->s, &addr))
		pt_buf_fmt(&hint, sides ? braces : "write `from %s` or `to %s`", t->s, t->s);
	else if (t->s[0] > '9' && !pt_proto_parse(t->s, &proto))
		pt_buf_fmt(&hint, p->first[GROUP_PROTO] ? braces : "write `proto %s`", t->s);
	if (hint.s)
		rc = rule_fail(p, t, hint.s, "'%s' without the keyword it belongs to", t->s);
	pt_buf_fini(&hint);
	return rc;
}

static size_t legal_words(const struct rule_parser *p, uint8_t rank, const char **words)
{
	static const char *const more[] = { "drop",	    "return", "return-rst", "return-icmp",
					    "return-icmp6", "port",   "static-port",
					    "round-robin",  "random", "source-hash", "sticky-address",
					    "bitmask" };
	size_t n = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(parts); i++)
		if (!p->first[parts[i].group] && parts[i].rank >= rank)
			words[n++] = parts[i].word;
	if (rank == 0 && p->r->action == PT_BLOCK)
		for (size_t i = 0; i < 5; i++)
			words[n++] = more[i];
	if (p->first[GROUP_SRC] || p->first[GROUP_DST])
		words[n++] = more[5];
	if (p->r->nat.kind == PT_NAT_SRC)
		words[n++] = more[6];
	for (size_t i = 7; p->r->nat.kind != PT_NAT_NONE && i < PT_ARRAY_SIZE(more); i++)
		words[n++] = more[i];
	return n;
}

/* Whether NEXT can follow WORD: a guess must not lead to a second error. */
static bool has_value(const char *word, const struct rule_tok *next)
{
	static const char *const alone[] = { "in", "out", "log", "quick", "inet", "inet6", "all", "once" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(alone); i++)
		if (!strcmp(word, alone[i]))
			return true;
	if (!strcmp(word, "keep") || !strcmp(word, "no"))
		return !strcmp(next->s, "state");
	if (next->kind == TOK_MARK)
		return strchr("{<(!", *next->s);
	return next->kind != TOK_END && (next->operand || !strcmp(next->s, "any") ||
					 !strcmp(next->s, "self") || !strcmp(next->s, "port") ||
					 !strcmp(next->s, "no-route") || !strcmp(next->s, "urpf-failed"));
}

/* Directly behind a wrong word, and no keyword that is misspelt: most likely it belongs to that
 * word. */
static bool follows_wrong(const struct rule_parser *p, const struct rule_tok *t)
{
	return p->errors && t[-1].off + t[-1].len == p->wrong_end;
}

/* Words that are options of an option, for who forgot the outer one. */
static const char *inside(const char *word)
{
	static const struct {
		const char *word, *hint;
	} words[] = {
		{ "max", "write `keep state (max 100)`" },
		{ "max-src-conn", "write `keep state (max-src-conn 10)`" },
		{ "max-src-conn-rate", "write `keep state (max-src-conn-rate 5/30)`" },
		{ "max-src-nodes", "write `keep state (max-src-nodes 100)`" },
		{ "max-src-states", "write `keep state (max-src-states 10)`" },
		{ "source-track", "write `keep state (max-src-states 10, source-track rule)`" },
		{ "overload", "write `keep state (max-src-conn-rate 5/30, overload <TABLE>)`" },
		{ "max-mss", "write `scrub (max-mss 1440)`" },
		{ "min-ttl", "write `scrub (min-ttl 64)`" },
		{ "no-df", "write `scrub (no-df)`" },
		{ "random-id", "write `scrub (random-id)`" },
		{ "prio", "write `set prio 5`" },
		{ "sticky", "write `sticky-address`, behind the pool" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, word))
			return words[i].hint;
	return NULL;
}

/* A word without the one around it, or the parenthesis before it. */
static int outer_forgotten(struct rule_parser *p, const struct rule_tok *t, const char *wanted)
{
	const struct rule_tok *word = rule_is(p, "(") ? t + 1 : t;
	const char *hint = word->kind == TOK_WORD ? inside(word->s) : NULL;

	return hint ? rule_fail(p, t, hint, "'%s' where %s is expected", t->s, wanted) : 0;
}

static int lone_value(struct rule_parser *p, const struct rule_tok *t)
{
	if (t->kind == TOK_WORD)
		return wrong_place(p, t) ? -EINVAL : forgotten(p, t);
	if (rule_is(p, ","))
		return rule_fail(p, t, braces, "',' outside of a list");
	return 0;
}

const struct rule_part *rule_part_unknown(struct rule_parser *p, uint8_t rank)
{
	const char *words[PT_ARRAY_SIZE(parts) + 12], *near = NULL, *wanted;
	const struct rule_tok *t = p->tok;
	size_t n = legal_words(p, rank, words);
	bool reserved;

	if (rule_is(p, "!") && t[1].kind == TOK_WORD && rule_reserved(t[1].s))
		t = ++p->tok;
	reserved = t->kind == TOK_WORD && rule_reserved(t->s);
	if (t->kind == TOK_WORD && !reserved)
		near = rule_nearest(t->s, words, n);
	if (!reserved && (!near || strlen(t->s) < 4) && follows_wrong(p, t)) {
		p->errors++;
		return NULL;
	}
	if (p->r->action == PT_ANCHOR && rule_is(p, "{")) {
		(void)rule_anchor_braces(p);
		return NULL;
	}
	if (!reserved && lone_value(p, t))
		return NULL;
	wanted = rank < 7 ? "the next part of the rule" : "an option";
	if (!reserved && outer_forgotten(p, t, wanted))
		return NULL;
	(void)rule_unexpected(p, t, wanted, words, n);
	return near && strlen(t->s) > 2 && has_value(near, t + 1) ? part_by_word(near) : NULL;
}

/* ---- recovery ---- */

/* Behind what was not understood, which began before the next token. */
void rule_part_skip(struct rule_parser *p)
{
	while (p->tok->kind != TOK_END) {
		if (rule_is(p, "{") || rule_is(p, "(")) {
			rule_skip_group(p);
			continue;
		}
		if (p->tok->kind == TOK_WORD &&
		    (rule_part_of(p->tok) || rule_reserved_option(p->tok->s)))
			return;
		if (p->tok->kind == TOK_MARK && rule_part_of(p->tok))
			return;
		p->tok++;
	}
}
