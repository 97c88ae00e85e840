/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of keep state in their one order, each behind a comma. */
#include "rule/internal.h"

struct printer {
	struct pt_buf *b;
	bool any;
};

static void next(struct printer *p, const char *word)
{
	pt_buf_str(p->b, p->any ? ", " : " keep state (");
	pt_buf_str(p->b, word);
	p->any = true;
}

static void number(struct printer *p, const char *word, uint32_t n)
{
	if (!n)
		return;
	next(p, word);
	pt_buf_fmt(p->b, " %u", n);
}

static void overload(struct printer *p, const struct pt_ast_states *s)
{
	static const char *const flush[] = { "", " flush", " flush global" };

	if (!s->overload)
		return;
	next(p, "overload");
	pt_buf_fmt(p->b, " <%s>%s", s->overload, flush[s->flush]);
}

void rule_print_states(struct pt_buf *b, const struct pt_ast_states *s)
{
	struct printer p = { .b = b };

	number(&p, "max", s->max);
	if (s->track)
		next(&p, s->track == PT_TRACK_RULE ? "source-track rule" : "source-track global");
	number(&p, "max-src-nodes", s->max_src_nodes);
	number(&p, "max-src-states", s->max_src_states);
	number(&p, "max-src-conn", s->max_src_conn);
	number(&p, "max-src-conn-rate", s->rate);
	if (s->rate)
		pt_buf_fmt(b, "/%u", s->rate_seconds);
	overload(&p, s);
	if (s->floating)
		next(&p, "floating");
	for (size_t i = 0; i < PT_TIMEOUTS; i++)
		number(&p, pt_timeout_name((enum pt_timeout)i), s->timeout[i]);
	if (p.any)
		pt_buf_chr(b, ')');
}
