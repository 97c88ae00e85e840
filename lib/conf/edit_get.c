/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading single values of the file, and the words that may follow a path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit_run.h"

struct getter {
	struct edit_run *r;
	bool defaults;
	pt_edit_cb cb;
	void *arg;
};

static int get_option(const struct getter *g, const struct edit_spot *s, const struct pt_schema *row)
{
	struct pt_edit_value v = { .section = s->section->row, .option = row, .title = s->section->title };
	struct edit_elements e;
	int rc = edit_elements_find(g->r, s, row, &e);

	for (size_t i = 0; !rc && i < e.list.n; i++) {
		v.value = e.list.v[i].s;
		v.loc = edit_place(s->map, s->map->values.v[e.list.v[i].option->first_value + e.list.v[i].i].tok);
		rc = g->cb(&v, g->arg);
	}
	if (!rc && !e.options && g->defaults && row->def) {
		v.value = row->def;
		v.loc = (struct pt_loc){ 0 };
		rc = g->cb(&v, g->arg);
	}
	return rc;
}

static int get_section(const struct getter *g, const struct edit_spot *s)
{
	size_t from = s->map->toks[s->section->name].off, to = edit_end(s->map, s->section->close);
	struct pt_edit_value v = { .section = s->section->row, .title = s->section->title };
	int rc;

	v.value = pt_arena_strndup(g->r->arena, s->map->src->text + from, to - from);
	v.loc = edit_place(s->map, s->section->name);
	if (!v.value)
		return -ENOMEM;
	rc = g->cb(&v, g->arg);
	for (const struct pt_schema *o = v.section->options; !rc && g->defaults && o->name; o++)
		rc = get_option(g, s, o);
	return rc;
}

static int get_all(const struct getter *g)
{
	const struct edit_run *r = g->r;
	int rc = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; !rc && k < r->maps[i].sections.n; k++) {
			struct edit_spot s = { &r->maps[i], &r->maps[i].sections.v[k] };

			if (s.section->row != r->path.section || (r->path.title && strcmp(s.section->title, r->path.title) != 0))
				continue;
			rc = r->path.option ? get_option(g, &s, r->path.option) : get_section(g, &s);
		}
	return rc;
}

int pt_edit_get(struct pt_edit_texts *t, const struct pt_edit *what, bool defaults, struct pt_edit_path *path, pt_edit_cb cb,
		void *arg, struct pt_err *e)
{
	struct pt_err own = { 0 };
	struct edit_run r;
	struct getter g = { &r, defaults, cb, arg };
	int rc;

	rc = edit_begin(&r, t, what, e ? e : &own);
	*path = r.path;
	if (!rc && what->n > r.path.used)
		rc = edit_blame(&r.line, r.path.used, "a path is SECTION [NAME] [OPTION]", "here the path should end");
	if (!rc)
		rc = get_all(&g);
	/* a default needs no section in the file, unless it would have a name */
	if (!rc && defaults && r.path.option && r.path.option->def && !r.path.title &&
	    !edit_find(&r, r.path.section, NULL).section) {
		struct pt_edit_value v = { .section = r.path.section, .option = r.path.option, .value = r.path.option->def };

		rc = cb(&v, arg);
	}
	if (rc == -ENOMEM)
		(void)pt_err_sys(e, rc, "reading %s", t->v.v[0].file);
	edit_end_run(&r);
	pt_err_fini(&own);
	return rc;
}

/* ---- completion ---- */

struct completer {
	const struct edit_run *r;
	void (*word)(const char *w, void *arg);
	void *arg;
};

static void names_of(const struct completer *c, const struct pt_schema *rows)
{
	for (; rows->name; rows++)
		c->word(rows->name, c->arg);
}

static void titles_of(const struct completer *c, const char *kind)
{
	for (size_t i = 0; i < c->r->n; i++)
		for (size_t k = 0; k < c->r->maps[i].sections.n; k++)
			if (c->r->maps[i].sections.v[k].title && !strcmp(c->r->maps[i].sections.v[k].row->name, kind))
				c->word(c->r->maps[i].sections.v[k].title, c->arg);
}

static int values_of(const struct completer *c, bool set)
{
	const struct edit_run *r = c->r;
	struct edit_spot s = edit_find(r, r->path.section, r->path.title);
	const struct pt_schema *o = r->path.option;
	struct edit_elements e;
	int rc = edit_elements_find(r, &s, o, &e);

	if (rc)
		return rc;
	if (!set || o->type != PT_OPT_LIST)
		for (size_t i = 0; i < e.list.n; i++)
			c->word(e.list.v[i].s, c->arg);
	if (!set)
		return 0;
	if (o->type == PT_OPT_BOOL) {
		c->word("true", c->arg);
		c->word("false", c->arg);
	}
	if (o->complete)
		titles_of(c, o->complete);
	return 0;
}

int pt_edit_complete(struct pt_edit_texts *t, const struct pt_edit *what, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_err unseen = { 0 };
	struct edit_run r;
	struct completer c = { &r, word, arg };
	struct pt_edit empty = { .op = what->op };
	int rc = edit_begin(&r, t, what->n ? what : &empty, &unseen);

	if (!what->n && rc == -EINVAL)
		names_of(&c, pt_conf_schema);
	else if (!rc && r.path.section->titled && !r.path.title)
		titles_of(&c, r.path.section->name);
	else if (!rc && !r.path.option)
		names_of(&c, r.path.section->options);
	else if (!rc && what->op != PT_EDIT_GET)
		rc = values_of(&c, what->op == PT_EDIT_SET);
	edit_end_run(&r);
	pt_err_fini(&unseen);
	return rc == -ENOMEM ? rc : 0;
}
