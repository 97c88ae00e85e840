/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand next in a rule. One table is the grammar: from each state the words and values that lead on. Which parts a rule
 * has, in which order and which of them once, is the reader's own table (part.c).
 *
 * A rule is followed leniently, so that what somebody writes in an order of his own is understood; offered is only what the
 * reader takes.
 */
#include <string.h>

#include <patronus/rule_complete.h>

#include "rule/grammar.h"

#define DEPTH_MAX RULE_NEST_MAX

struct walk {
	enum grammar_state at;
	uint32_t facts, groups;
	uint8_t rank;
	enum grammar_state list[DEPTH_MAX + 1]; /* those around us, of which values */
	size_t depth, items;
	uint64_t used[8];                     /* edges that stand once */
	char type[32];                        /* of ICMP */
	bool lost;
};

struct piece {
	const char *s;
	size_t n;
	bool closed; /* nothing could be added to it */
};

/* ---- words of the text ---- */

static size_t run_of(const char *s, size_t n, const char *chars, bool of)
{
	size_t i = 0;

	while (i < n && s[i] && (strchr(chars, s[i]) != NULL) == of)
		i++;
	return i;
}

/* "<t>", "(wan:0)": one word with its marks. */
static size_t enclosed(const char *s, size_t n, char end)
{
	size_t i = 1 + run_of(s + 1, n - 1, " \t\n{},<>()!=", false);

	return i < n && s[i] == end ? i + 1 : i;
}

/* A value of a list may follow another without a comma. */
static bool compares(const struct walk *w)
{
	return grammar_compares(w->at) || (w->depth && grammar_compares(w->list[w->depth - 1]));
}

static bool encloses(const struct walk *w)
{
	return grammar_encloses(w->at) || (w->depth && grammar_encloses(w->list[w->depth - 1]));
}

static struct piece next_piece(const struct walk *w, const char *s, size_t n)
{
	struct piece p = { .s = s, .n = 1, .closed = true };

	if (*s == '"' || *s == '\'') {
		p.n = rule_string_length(s, n);
		p.closed = p.n != 0;
		p.n = p.n ? p.n : n;
	} else if (strchr("!=<>", *s) && compares(w)) {
		p.n = run_of(s, n, "!=<>", true);
	} else if ((*s == '<' || *s == '(') && encloses(w)) {
		p.n = enclosed(s, n, *s == '<' ? '>' : ')');
		p.closed = strchr(">)", s[p.n - 1]) != NULL;
	} else if (!strchr("{}(),!<>=", *s)) {
		p.n = run_of(s, n, " \t\n{}(),!<>=", false);
		p.closed = false;
	}
	return p;
}

static bool is_word(const struct piece *p, const char *word)
{
	return strlen(word) == p->n && !memcmp(p->s, word, p->n);
}

/* ---- along the edges ---- */

static size_t edge_number(const struct grammar_edge *g)
{
	return (size_t)(g - grammar_edges);
}

static bool is_used(const struct walk *w, const struct grammar_edge *g)
{
	size_t i = edge_number(g);

	return w->used[i / 64] >> i % 64 & 1;
}

static const struct rule_part *part_of(const struct grammar_edge *g)
{
	const struct rule_tok t = { .kind = TOK_WORD, .keyword = true, .s = g->word };

	return g->from == AT_PARTS || g->from == AT_NOT_PART ? rule_part_of(&t) : NULL;
}

static bool in_list(const struct walk *w)
{
	return w->depth > 0;
}

static void take_part(struct walk *w, const struct rule_part *part)
{
	w->groups |= 1u << part->group;
	if (!strcmp(part->word, "all"))
		w->groups |= 1u << GROUP_DST;
	if (part->rank > w->rank)
		w->rank = part->rank;
}

/* What an address is a pool of depends on how it is written. */
static void take_target(struct walk *w, const struct piece *p)
{
	if (in_list(w))
		w->facts |= ++w->items > 1 ? FACT_MANY : 0;
	else if (memchr(p->s, '/', p->n))
		w->facts |= FACT_MANY | FACT_PREFIX;
	else if (*p->s == '<' || memchr(p->s, '-', p->n))
		w->facts |= FACT_MANY;
}

static void take(struct walk *w, const struct grammar_edge *g, const struct piece *p)
{
	const struct rule_part *part = g->word && !g->place ? part_of(g) : NULL;

	if (part)
		take_part(w, part);
	if (g->from == AT_TARGET && g->place)
		take_target(w, p);
	if (g->names == NAMES_TYPE || g->names == NAMES_TYPE6) {
		size_t n = p->n < sizeof(w->type) - 1 ? p->n : sizeof(w->type) - 1;

		memcpy(w->type, p->s, n);
		w->type[n] = '\0';
	}
	w->facts = (w->facts & ~g->clear) | g->set;
	w->used[edge_number(g) / 64] |= (uint64_t)1 << edge_number(g) % 64;
	w->at = g->to;
}

static bool is_value(const struct grammar_edge *g)
{
	return g->place || g->names;
}

static bool is_free(const struct grammar_edge *g)
{
	return !g->word && !is_value(g);
}

/* Does the edge lead on with P, a value where it is no word? */
static bool fits(const struct grammar_edge *g, const struct piece *p, bool value)
{
	return value ? is_value(g) : !is_value(g) && g->word && is_word(p, g->word);
}

/* An edge with P from AT or from where AT may go on without a word. A list ends its values itself. */
static const struct grammar_edge *find_edge(const struct walk *w, enum grammar_state at, const struct piece *p, bool value)
{
	for (const struct grammar_edge *g = grammar_edges; g->from != AT_END; g++) {
		const struct grammar_edge *further;

		if (g->from != at)
			continue;
		if (fits(g, p, value))
			return g;
		if (!is_free(g))
			continue;
		if (in_list(w) && g->to == grammar_after(w->list[w->depth - 1]))
			continue;
		further = find_edge(w, g->to, p, value);
		if (further)
			return further;
	}
	return NULL;
}

/* The state whose value has ended, or could: that of the list around it. */
static bool value_ended(const struct walk *w, enum grammar_state at)
{
	enum grammar_state after = in_list(w) ? grammar_after(w->list[w->depth - 1]) : AT_END;

	if (!in_list(w))
		return false;
	if (at == after)
		return true;
	for (const struct grammar_edge *g = grammar_edges; g->from != AT_END; g++)
		if (g->from == at && is_free(g) && value_ended(w, g->to))
			return true;
	return false;
}

static bool take_brace(struct walk *w, const struct piece *p)
{
	enum grammar_state home = in_list(w) ? w->list[w->depth - 1] : w->at;

	if (is_word(p, "{") && grammar_after(home) != AT_END && w->depth < DEPTH_MAX) {
		w->items = w->depth ? w->items : 0;
		w->list[w->depth++] = home;
		w->at = home;
		return true;
	}
	if (!in_list(w) || (!is_word(p, ",") && !is_word(p, "}")))
		return false;
	if (is_word(p, "}"))
		w->depth--;
	w->at = is_word(p, "}") ? grammar_after(home) : home;
	return true;
}

static void step(struct walk *w, const struct piece *p)
{
	bool mark = p->n == 1 && strchr("{}(),=", *p->s);
	const struct grammar_edge *g = NULL;

	if (take_brace(w, p))
		return;
	if (!in_list(w) || w->at != grammar_after(w->list[w->depth - 1]))
		g = find_edge(w, w->at, p, false);
	if (!g && value_ended(w, w->at)) { /* values need no comma between them */
		w->at = w->list[w->depth - 1];
		g = find_edge(w, w->at, p, false);
	}
	if (!g && !mark)
		g = find_edge(w, w->at, p, true);
	if (g)
		take(w, g, p);
	else
		w->lost = true;
}

/* ---- what is offered ---- */

struct offerer {
	const struct walk *w;
	pt_rule_offer offer;
	void *arg;
};

static bool may_part(const struct walk *w, const struct rule_part *part)
{
	if (part->rank < w->rank || (part->rank == w->rank && part->rank < RULE_RANK_OPTION))
		return false;
	return part->group == GROUP_SET || !(w->groups >> part->group & 1);
}

static bool may(const struct walk *w, const struct grammar_edge *g)
{
	const struct rule_part *part = g->word && !g->place ? part_of(g) : NULL;

	if ((g->need & w->facts) != g->need || (g->not & w->facts) || (g->flags & EDGE_HIDDEN))
		return false;
	if ((g->flags & EDGE_ONCE) && is_used(w, g))
		return false;
	if (in_list(w) ? g->flags & EDGE_ALONE : g->flags & EDGE_LIST)
		return false;
	return !part || may_part(w, part);
}

static void offer_names(const struct offerer *o, const struct grammar_edge *g)
{
	const char *word;

	for (size_t i = 0; (word = grammar_name(g->names, o->w->type, i)); i++)
		o->offer(PT_PLACE_WORD, word, g->help, o->arg);
}

static void offer_state(const struct offerer *o, enum grammar_state at)
{
	const struct walk *w = o->w;

	for (const struct grammar_edge *g = grammar_edges; g->from != AT_END; g++) {
		if (g->from != at || !may(w, g))
			continue;
		if (g->names)
			offer_names(o, g);
		else if (g->place || g->word)
			o->offer(g->place, g->word, g->help, o->arg);
		else if (!in_list(w) || g->to != grammar_after(w->list[w->depth - 1]))
			offer_state(o, g->to);
	}
}

static void offer_all(const struct offerer *o)
{
	const struct walk *w = o->w;

	if (value_ended(w, w->at)) {
		if (!(w->facts & FACT_WEIGHT) || (w->facts & FACT_MANY))
			o->offer(PT_PLACE_WORD, "}", "the end of the list", o->arg);
		o->offer(PT_PLACE_WORD, ",", "one more", o->arg);
		offer_state(o, w->list[w->depth - 1]);
		if (w->at == grammar_after(w->list[w->depth - 1]))
			return;
	} else if (grammar_after(w->at) != AT_END && w->depth < 1 && !(w->facts & grammar_no_list(w->at))) {
		o->offer(PT_PLACE_WORD, "{", "several", o->arg);
	}
	offer_state(o, w->at);
}

void pt_rule_complete(const char *text, size_t len, bool statement, size_t *begun, pt_rule_offer offer, void *arg)
{
	struct walk w = { .at = AT_ACTION, .facts = statement ? FACT_STATEMENT : 0 };
	const struct offerer o = { &w, offer, arg };
	size_t i = 0;

	*begun = len;
	while (i < len && !w.lost) {
		struct piece p;

		if (strchr(" \t\n", text[i])) {
			i++;
			continue;
		}
		p = next_piece(&w, text + i, len - i);
		if (i + p.n >= len && !p.closed) {
			*begun = i;
			break;
		}
		step(&w, &p);
		i += p.n;
	}
	if (!w.lost)
		offer_all(&o);
}
