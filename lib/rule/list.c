/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists. A wrong item must not hide the mistakes behind it, and a missing brace must not make
 * every following word one, so a list ends at the next keyword at the latest.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

struct list {
	int (*item)(struct rule_parser *p, void *arg);
	void *arg;
	const struct rule_tok *open; /* the outermost brace */
	bool counted_out;
};

/* After a wrong item: to the next comma, brace or keyword of this list. */
static void to_next_item(struct rule_parser *p, const struct rule_tok *wrong)
{
	if (p->tok == wrong && !rule_is(p, ",") && !rule_is(p, "}"))
		p->tok++;
	while (p->tok->kind != TOK_END && !rule_is(p, ",") && !rule_is(p, "}") &&
	       !rule_part_of(p->tok)) {
		if (rule_is(p, "{") || rule_is(p, "("))
			rule_skip_group(p);
		else
			p->tok++;
	}
}

static int not_closed(struct rule_parser *p, const struct list *l)
{
	if (p->tok->kind == TOK_END)
		return rule_fail(p, l->open, "close it with }", "a list is not closed");
	return rule_fail(p, l->open, "close it with }", "a list is not closed before '%s'",
			 p->tok->s);
}

/* One more; only the first that is too many is told. */
static void count(struct rule_parser *p, struct list *l)
{
	if (++p->list_entries <= RULE_LIST_MAX || l->counted_out)
		return;
	l->counted_out = true;
	(void)rule_fail(p, l->open, "use a table", "lists with more than %d entries",
			RULE_LIST_MAX);
}

static int body(struct rule_parser *p, struct list *l, int depth)
{
	const struct rule_tok *open = p->tok - 1, *before;
	bool any = false;
	int rc;

	if (depth > RULE_NEST_MAX) {
		p->tok = open;
		rule_skip_group(p);
		return rule_note(p, open, "lists in lists mean no more than one list",
				 "lists are nested more than %d deep", RULE_NEST_MAX);
	}
	for (;;) {
		while (rule_take(p, ","))
			;
		if (rule_take(p, "}"))
			break;
		if (p->tok->kind == TOK_END || (p->tok->kind == TOK_WORD && rule_part_of(p->tok)))
			return not_closed(p, l);
		before = p->tok;
		if (rule_take(p, "{")) {
			rc = body(p, l, depth + 1);
		} else {
			rc = l->item(p, l->arg);
			if (rc == -EINVAL) {
				to_next_item(p, before);
				rc = 0;
			}
		}
		if (rc)
			return rc;
		count(p, l);
		any = true;
	}
	return any ? 0 : rule_note(p, open, "leave the whole part out", "an empty list");
}

int rule_list(struct rule_parser *p, int (*item)(struct rule_parser *p, void *arg), void *arg)
{
	struct list l = { .item = item, .arg = arg, .open = p->tok };

	if (rule_is(p, "!") && p->tok[1].kind == TOK_MARK && !strcmp(p->tok[1].s, "{")) {
		(void)rule_fail(p, p->tok++, "write the ! before each member", "'!' before a list");
		l.open = p->tok;
	}
	return rule_take(p, "{") ? body(p, &l, 1) : item(p, arg);
}
