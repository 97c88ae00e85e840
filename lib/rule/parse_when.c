/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conditions of the rarer kind: the type of service, chance, the interface a leaving packet came in by, the hardware
 * address of its sender, and rules that work once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule/internal.h"

/* The word that must come next, taken; NULL with an error: something else. */
static const struct rule_tok *operand(struct rule_parser *p, const char *what, int *rc)
{
	const struct rule_tok *t = p->tok;

	*rc = 0;
	if (t->kind == TOK_WORD && t->operand) {
		p->tok++;
		return t;
	}
	*rc = rule_unexpected(p, t, what, NULL, 0);
	return NULL;
}

/* ---- tos ---- */

/* pf's names, which are those of RFC 1349, and the code points of RFC 2474, 2597, 3246 and 5865, all in their place
 * in the byte. */
static const struct {
	const char *name;
	uint8_t value;
} tos_names[] = {
	{ "critical", 0xa0 }, { "inetcontrol", 0xc0 }, { "netcontrol", 0xe0 }, { "lowdelay", 0x10 },
	{ "throughput", 0x08 }, { "reliability", 0x04 }, { "ef", 0xb8 }, { "va", 0xb0 }, { "le", 0x04 },
	{ "cs0", 0x00 }, { "cs1", 0x20 }, { "cs2", 0x40 }, { "cs3", 0x60 }, { "cs4", 0x80 }, { "cs5", 0xa0 },
	{ "cs6", 0xc0 }, { "cs7", 0xe0 }, { "af11", 0x28 }, { "af12", 0x30 }, { "af13", 0x38 }, { "af21", 0x48 },
	{ "af22", 0x50 }, { "af23", 0x58 }, { "af31", 0x68 }, { "af32", 0x70 }, { "af33", 0x78 }, { "af41", 0x88 },
	{ "af42", 0x90 }, { "af43", 0x98 },
};

static bool tos_name(const char *s, uint8_t *out)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(tos_names); i++)
		if (!strcmp(s, tos_names[i].name)) {
			*out = tos_names[i].value;
			return true;
		}
	return false;
}

static bool tos_number(const char *s, uint8_t *out)
{
	uint64_t v;
	char *end;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && s[2] && strlen(s) <= 4) {
		v = strtoull(s + 2, &end, 16);
		if (*end)
			return false;
	} else if (pt_parse_uint(s, 255, &v)) {
		return false;
	}
	*out = (uint8_t)v;
	return true;
}

const char *rule_tos_at(size_t i)
{
	return i < PT_ARRAY_SIZE(tos_names) ? tos_names[i].name : NULL;
}

int pt_tos_parse(const char *s, uint8_t *out)
{
	return tos_name(s, out) || tos_number(s, out) ? 0 : -EINVAL;
}

int rule_tos_value(struct rule_parser *p, uint8_t *out)
{
	const char *names[PT_ARRAY_SIZE(tos_names)], *near;
	const struct rule_tok *t;
	struct pt_buf hint = { 0 };
	int rc;

	t = operand(p, "a type of service", &rc);
	if (!t)
		return rc;
	if (tos_name(t->s, out))
		return 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(tos_names); i++)
		names[i] = tos_names[i].name;
	if (tos_number(t->s, out)) {
		if (!(*out & 3))
			return 0;
		return rule_note(p, t, "the lowest two bits belong to congestion notification (RFC 3168): write a multiple of 4",
				 "'%.64s' is not a type of service alone", t->s);
	}
	near = rule_nearest(t->s, names, PT_ARRAY_SIZE(names));
	pt_buf_fmt(&hint, near ? "did you mean '%s'?" : "a name such as lowdelay, ef or af41, or the byte: 184, 0xb8", near);
	(void)rule_fail(p, t, hint.s, "'%.64s' is not a type of service", t->s);
	pt_buf_fini(&hint);
	return 0;
}

int rule_parse_tos(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->when.has_tos = true;
	p->r->when.tos_loc = rule_loc(p, t);
	return rule_tos_value(p, &p->r->when.tos);
}

/* ---- probability ---- */

/* A decimal number with at most DIGITS behind the point, as so many units of the last one; false: it is none, or
 * above MAX. */
static bool decimal(const char *s, size_t n, unsigned int digits, uint64_t max, uint64_t *out)
{
	bool point = false, any = false;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || (point && !digits--))
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
		any = true;
		if (v > max)
			return false;
	}
	while (digits--)
		v *= 10;
	*out = v;
	return any && v <= max;
}

int rule_parse_probability(struct rule_parser *p, const struct rule_tok *t)
{
	const struct rule_tok *value;
	uint64_t v = 0;
	size_t n;
	bool ok;
	int rc;

	(void)t;
	value = operand(p, "a probability such as 20%", &rc);
	if (!value)
		return rc;
	n = strlen(value->s);
	if (value->s[n - 1] == '%')
		ok = decimal(value->s, n - 1, 7, PT_CHANCE_ALL, &v);
	else
		ok = decimal(value->s, n, 9, PT_CHANCE_ALL, &v);
	p->r->when.chance = (uint32_t)v;
	if (!ok)
		return rule_note(p, value, "from 0.0000001% to 100%", "'%.64s' is not a probability", value->s);
	if (!v)
		return rule_note(p, value, "leave the rule out", "a rule that never matches");
	return 0;
}

/* ---- received-on: or "! received-on", of which T is the mark ---- */

int rule_parse_received(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_if *i = &p->r->when.received;

	p->r->when.received_loc = rule_loc(p, t);
	i->neg = t->kind == TOK_MARK;
	t = p->tok;
	if (!t->operand)
		return rule_unexpected(p, t, "the name of an interface", NULL, 0);
	p->tok++;
	i->name = t->s;
	i->loc = rule_loc(p, t);
	if (rule_if_name_ok(t->s))
		return 0;
	return rule_note(p, t, NULL, "'%.64s' is not the name of an interface or group", t->s);
}

/* ---- mac ---- */

int pt_mac_parse(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < 6; i++, s += 3) {
		for (int k = 0; k < 2; k++) {
			const char *digits = "0123456789abcdef", *at;

			at = s[k] >= '0' ? strchr(digits, s[k] | 0x20) : NULL;
			if (!at)
				return -EINVAL;
			v = v << 4 | (uint64_t)(at - digits);
		}
		if (s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
	}
	*out = v;
	return 0;
}

static int one_mac(struct rule_parser *p, void *arg)
{
	const struct rule_tok *t;
	uint64_t mac;
	int rc;

	(void)arg;
	t = operand(p, "a hardware address", &rc);
	if (!t)
		return rc;
	if (pt_mac_parse(t->s, &mac))
		return rule_note(p, t, "six bytes, as in 52:54:00:12:34:56", "'%.64s' is not a hardware address", t->s);
	return pt_vec_push(p->ctx->arena, &p->r->when.macs, mac);
}

int rule_parse_mac(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->when.mac_loc = rule_loc(p, t);
	p->r->when.macs_neg = rule_take(p, "!");
	return rule_list(p, one_mac, NULL);
}

/* ---- once ---- */

int rule_parse_once(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->when.once = true;
	p->r->when.once_loc = rule_loc(p, t);
	if (p->r->action != PT_MATCH)
		return 0;
	return rule_note(p, t, "use it in pass and block rules", "'once' in a match rule");
}

/* ---- schedule: or "! schedule", of which T is the mark ---- */

int rule_parse_schedule(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_when *w = &p->r->when;

	w->schedule_neg = t->kind == TOK_MARK;
	t = p->tok;
	if (!t->operand)
		return rule_unexpected(p, t, "the name of a schedule", NULL, 0);
	p->tok++;
	w->schedule = t->s;
	w->schedule_loc = rule_loc(p, t);
	if (pt_table_name_ok(t->s))
		return 0;
	return rule_note(p, t, "a letter, then letters, digits, '_', '.' or '-', at most 31",
			 "'%.64s' is not the name of a schedule", t->s);
}
