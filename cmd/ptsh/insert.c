/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `insert PATH VALUE before|after ELEMENT`: what may stand in it, place by place. */
#include <stdio.h>
#include <string.h>

#include "candidate.h"

static bool is_place(const char *word)
{
	return !strcmp(word, "before") || !strcmp(word, "after");
}

struct elements {
	const struct offers *to;
	const char *begun;
	size_t n;
	bool rules;
};

/* The name of a rule: what stands behind its `label`. */
static bool label_of(const char *rule, struct pt_buf *b)
{
	const char *p = rule;

	while ((p = strstr(p, "label ")) && p != rule && p[-1] != ' ')
		p++;
	if (!p)
		return false;
	p += strlen("label ");
	p += strspn(p, " \"");
	pt_buf_add(b, p, strcspn(p, " \""));
	return b->n && !b->err;
}

/* A rule by its label, or its number: others would have to be written out. */
static int offer_element(const struct pt_edit_value *v, void *arg)
{
	struct elements *s = arg;
	struct pt_buf name = { 0 };

	s->n++;
	if (s->rules && !label_of(v->value, &name))
		pt_buf_fmt(&name, "%zu", s->n);
	else if (!s->rules)
		pt_buf_str(&name, v->value);
	if (!name.err && name.s)
		offer_name(s->to, s->begun, name.s, s->rules ? v->value : NULL);
	pt_buf_fini(&name);
	return 0;
}

static void offer_elements(struct console *c, const struct pt_edit *what, const struct pt_schema *option, const char *begun,
			   const struct offers *to)
{
	struct elements s = { .to = to, .begun = begun, .rules = option->complete && !strcmp(option->complete, "rule") };
	struct pt_edit get = { .op = PT_EDIT_GET, .words = what->words, .draft = true };
	struct pt_edit_path path;

	for (get.n = 1; get.n <= what->n && strcmp(what->words[get.n - 1], option->name) != 0; get.n++)
		;
	if (pt_edit_get(&c->candidate->texts, &get, false, &path, offer_element, &s, NULL))
		return; /* no memory: fewer words */
}

struct wanted {
	const char *name; /* a label, or a number */
	size_t n;
	struct console *c;
	const char *rule; /* that has it */
};

static int find_element(const struct pt_edit_value *v, void *arg)
{
	struct wanted *w = arg;
	struct pt_buf label = { 0 };
	uint64_t number;
	bool named;

	w->n++;
	named = label_of(v->value, &label) && !strcmp(label.s, w->name);
	if (named || (!w->rule && !pt_parse_uint(w->name, SIZE_MAX, &number) && number == w->n))
		w->rule = pt_arena_strdup(w->c->arena, v->value);
	pt_buf_fini(&label);
	return 0;
}

/* One word in the place of a rule is the name of one that is there: that one is moved. */
static const char *rule_named(struct console *c, const pt_line_words *w)
{
	struct wanted wanted = { .name = w->v[w->n - 3].s, .c = c };
	struct pt_edit get = { .op = PT_EDIT_GET, .draft = true };
	const struct pt_schema *option;
	struct pt_edit_path path;

	get.words = candidate_words(c, w, &get.n);
	if (!get.words || get.n < 5)
		return NULL;
	get.n -= 3;
	option = option_at(get.words, get.n);
	if (!option || !option->complete || strcmp(option->complete, "rule") != 0 || strcmp(get.words[get.n - 1], option->name) != 0)
		return NULL;
	return pt_edit_get(&c->candidate->texts, &get, false, &path, find_element, &wanted, NULL) ? NULL : wanted.rule;
}

int run_insert(struct console *c, const pt_line_words *w)
{
	const char *place = w->n > 3 ? w->v[w->n - 2].s : "", *rule;
	struct pt_err e = { 0 };

	if (!is_place(place)) {
		pt_err_add(&e, PT_ERROR, NULL, NULL, "insert ends in `before ELEMENT` or `after ELEMENT`");
		return told(PT_EXIT_CONFIG, &e);
	}
	rule = rule_named(c, w);
	if (rule) {
		w->v[w->n - 3].s = rule;
		w->v[w->n - 3].quoted = true;
	}
	return candidate_edit(c, PT_EDIT_SET, w);
}

void complete_insert(struct console *c, const pt_line_words *w, const struct offers *to)
{
	struct pt_edit what = { .op = PT_EDIT_SET, .draft = true };
	const char *begun = w->v[w->n - 1].s, *last;
	const struct pt_schema *option;

	what.words = candidate_words(c, w, &what.n);
	if (!what.words || !what.n)
		return;
	what.n--; /* the one that is begun */
	option = option_at(what.words, what.n);
	last = what.n ? what.words[what.n - 1] : "";
	if (option && is_place(last)) {
		offer_elements(c, &what, option, begun, to);
		return;
	}
	if (option && what.n > 1 && is_place(what.words[what.n - 2]))
		return;
	if (option && !strcmp(last, option->name)) { /* one that is there moves */
		offer_elements(c, &what, option, begun, to);
	} else if (option) {
		offer_name(to, begun, "before", "the next is the element that it comes before");
		offer_name(to, begun, "after", "the next is the element that it comes behind");
	}
	offer_path(c, PT_EDIT_SET, w, to);
}
