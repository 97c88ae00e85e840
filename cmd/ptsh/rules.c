/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of the candidate, as they are typed: the words of the language from its grammar, names from the candidate itself. */
#include <stdio.h>
#include <string.h>

#include <patronus/rule_complete.h>

#include "candidate.h"

struct asker {
	struct console *c;
	const struct offers *to;
	const char *rule, *last; /* the whole, and its last word, which is replaced */
	const size_t *begun;     /* where in the whole what is begun begins */
	const char *option;      /* whose values are told, of sections */
	const char *help;
	const char *open, *close; /* around a name */
};

static void offer(const struct asker *a, const char *word)
{
	const char *begun = a->rule + *a->begun;
	struct pt_buf b = { 0 };

	if (begun > a->last)
		pt_buf_add(&b, a->last, (size_t)(begun - a->last));
	pt_buf_fmt(&b, "%s%s%s", a->open, word, a->close);
	if (!b.err && !strncmp(b.s, a->last, strlen(a->last)))
		a->to->word(b.s, a->help, a->to->arg);
	pt_buf_fini(&b);
}

static int offer_value(const struct pt_edit_value *v, void *arg)
{
	const struct asker *a = arg;

	if (!a->option)
		offer(a, v->title);
	else if (v->option && !strcmp(v->option->name, a->option))
		offer(a, v->value);
	return 0;
}

/* The titles of a kind of section; where there is an option, its values in all of them. */
static void offer_names(struct asker *a, const char *section)
{
	struct pt_edit what = { .op = PT_EDIT_GET, .words = &section, .n = 1, .draft = true };
	struct pt_edit_path path;

	if (pt_edit_get(&a->c->candidate->texts, &what, a->option != NULL, &path, offer_value, a, NULL))
		return; /* no memory: fewer words */
}

static const struct {
	enum pt_rule_place place;
	const char *section, *option, *open, *close;
} kinds[] = {
	{ PT_PLACE_INTERFACE, "interface", NULL, "", "" },    { PT_PLACE_INTERFACE, "interface", "groups", "", "" },
	{ PT_PLACE_TARGET, "interface", NULL, "", "" },	      { PT_PLACE_HOST, "interface", NULL, "", ":network" },
	{ PT_PLACE_TABLE, "table", NULL, "<", ">" },	      { PT_PLACE_DYNAMIC, "interface", NULL, "(", ")" },
	{ PT_PLACE_SCHEDULE, "schedule", NULL, "", "" },      { PT_PLACE_ANCHOR, "anchor", NULL, "", "" },
	{ PT_PLACE_HOST, "macro", NULL, "$", "" },
};

static void on_place(enum pt_rule_place place, const char *word, const char *help, void *arg)
{
	struct asker *a = arg;

	a->help = help;
	a->open = a->close = "";
	if (place == PT_PLACE_WORD)
		offer(a, word);
	for (size_t i = 0; place && i < PT_ARRAY_SIZE(kinds); i++) {
		if (kinds[i].place != place)
			continue;
		a->open = kinds[i].open;
		a->close = kinds[i].close;
		a->option = kinds[i].option;
		offer_names(a, kinds[i].section);
	}
}

void offer_rule(struct console *c, const char *rule, bool statement, const struct offers *to)
{
	const char *blank = strrchr(rule, ' ');
	size_t begun;
	struct asker a = { .c = c, .to = to, .rule = rule, .last = blank ? blank + 1 : rule, .begun = &begun };

	pt_rule_complete(rule, strlen(rule), statement, &begun, on_place, &a);
}
