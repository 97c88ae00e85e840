/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of the common file: which texts come and go, and the judgement over the result.
 *
 * A change is one step or a few, each made on the text that the one before left and looked up there anew. Nothing is
 * written here, and nothing is given back that the reader of the file does not take.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit_run.h"

/* ---- steps ---- */

static int map_all(struct edit_run *r)
{
	int rc = 0;

	r->v = pt_arena_alloc(r->arena, r->n * sizeof(*r->v));
	r->maps = pt_arena_alloc(r->arena, r->n * sizeof(*r->maps));
	if (!r->v || !r->maps)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < r->n; i++) {
		r->v[i] = r->texts->v.v[i];
		rc = edit_maps_get(r->texts, i, &r->maps[i]);
		r->maps[i].src = &r->v[i];
		r->maps[i].source = i;
	}
	return rc;
}

static int by_place(const void *x, const void *y)
{
	const struct edit_splice *a = x, *b = y;

	return a->from < b->from ? -1 : a->from > b->from;
}

static int apply_splices(const struct edit_job *j, struct pt_buf *out)
{
	const struct pt_conf_source *src = j->map->src;
	size_t at = 0;

	if (j->splices.n)
		qsort(j->splices.v, j->splices.n, sizeof(*j->splices.v), by_place);
	for (size_t i = 0; i < j->splices.n; i++) {
		const struct edit_splice *s = &j->splices.v[i];

		pt_buf_add(out, src->text + at, s->from - at);
		if (s->text.err)
			return s->text.err;
		if (s->text.n)
			pt_buf_add(out, s->text.s, s->text.n);
		at = s->to;
	}
	pt_buf_add(out, src->text + at, src->len - at);
	return out->err;
}

/* In an arena of its own, which the texts may keep. */
static int map_again(struct edit_run *r, size_t source)
{
	struct pt_arena *a = pt_arena_new();
	int rc = a ? pt_vec_push(r->arena, &r->made, a) : -ENOMEM;

	if (!rc)
		return edit_map_read(&r->v[source], a, &r->maps[source]);
	pt_arena_free(a);
	return rc;
}

int edit_step(struct edit_run *r, struct edit_job *j)
{
	size_t source = j->map->source;
	struct pt_buf text = { 0 };
	int rc = j->nomem ? -ENOMEM : apply_splices(j, &text);

	if (!rc) {
		r->v[source].text = pt_arena_memdup(r->arena, text.s, text.n);
		r->v[source].len = text.n;
		r->changed = source;
		rc = r->v[source].text ? map_again(r, source) : -ENOMEM;
		r->maps[source].source = source;
	}
	pt_buf_fini(&text);
	edit_job_fini(j);
	return rc;
}

struct edit_spot edit_find(const struct edit_run *r, const struct pt_schema *row, const char *title)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->maps[i].sections.n; k++) {
			struct edit_section *s = &r->maps[i].sections.v[k];

			if (s->row == row && (!title || (s->title && !strcmp(s->title, title))))
				return (struct edit_spot){ &r->maps[i], s };
		}
	return (struct edit_spot){ NULL, NULL };
}

int edit_elements_find(const struct edit_run *r, const struct edit_spot *spot, const struct pt_schema *row,
		       struct edit_elements *out)
{
	*out = (struct edit_elements){ 0 };
	for (uint32_t i = 0; spot->section && i < spot->section->n_options; i++) {
		const struct edit_option *o = &spot->map->options.v[spot->section->first_option + i];

		if (o->row != row)
			continue;
		out->last = o;
		out->options++;
		for (uint32_t k = 0; k < o->n_values; k++) {
			struct edit_element e = { o, k, spot->map->values.v[o->first_value + k].s };

			if (pt_vec_push(r->arena, &out->list, e))
				return -ENOMEM;
		}
	}
	return 0;
}

/* ---- the judgement ---- */

static int check_conf(const char *name, const char *text, size_t len, struct pt_conf_more *more, void *arg, struct pt_err *e)
{
	struct pt_conf *c = NULL;
	int rc = pt_conf_parse_more(name, text, len, more, NULL, NULL, &c, e);

	(void)arg;
	pt_conf_free(c);
	return rc;
}

static int judge(const struct edit_run *r, struct pt_err *e)
{
	struct pt_conf_more more = { .v = r->v + 1, .n = r->n - 1, .files = r->texts->files };
	const struct pt_edit *what = r->line.what;

	return (what->check ? what->check : check_conf)(r->v[0].file, r->v[0].text, r->v[0].len, &more, what->arg, e);
}

/* The text itself is broken: its own errors say how. */
static int unreadable(struct edit_run *r)
{
	size_t before = r->line.e->n_errors;
	int rc = judge(r, r->line.e);

	if (rc == -ENOMEM)
		return rc;
	if (r->line.e->n_errors == before)
		pt_err_add(r->line.e, PT_ERROR, NULL, "see `ptconf check`", "%s cannot be changed: it is not well formed", r->v[0].file);
	return -EINVAL;
}

static void measure(const struct pt_conf_source *old, const struct pt_conf_source *now, struct pt_edit_result *out)
{
	size_t from = 0, tail = 0, least = old->len < now->len ? old->len : now->len;

	while (from < least && old->text[from] == now->text[from])
		from++;
	while (tail < least - from && old->text[old->len - tail - 1] == now->text[now->len - tail - 1])
		tail++;
	out->old_len = old->len - tail - from;
	out->new_len = now->len - tail - from;
	/* What only comes or goes may be said to begin earlier: at the begin of a line, where people see it. */
	for (; from && (!out->old_len || !out->new_len); from--) {
		const char *t = out->new_len ? now->text : old->text;
		size_t n = out->new_len ? out->new_len : out->old_len;

		if (!n || t[from - 1] == '\n' || t[from - 1] != t[from + n - 1])
			break;
	}
	out->from = from;
}

static int finish(struct edit_run *r, struct pt_edit_result *out)
{
	const struct pt_conf_source *old, *now;
	struct pt_err found = { 0 };
	int rc = 0, told;

	out->path = r->path;
	if (r->changed == SIZE_MAX)
		return 0;
	old = &r->texts->v.v[r->changed];
	now = &r->v[r->changed];
	*out = (struct pt_edit_result){ .path = r->path, .source = r->changed };
	out->changed = old->len != now->len || (now->len && memcmp(old->text, now->text, now->len));
	measure(old, now, out);
	if (!out->changed)
		return 0;
	out->len = now->len;
	out->text = pt_arena_memdup(r->texts->arena, now->text, now->len);
	if (!out->text)
		return -ENOMEM;
	if (r->line.what->draft) {
		rc = edit_judge(r);
		if (rc)
			*out = (struct pt_edit_result){ .path = r->path };
		else if (edit_maps_put(r->texts, r->changed, r->made.v[r->made.n - 1], &r->maps[r->changed], out))
			r->made.n--; /* other changes follow, which need not look again */
		return rc;
	}
	rc = judge(r, &found);
	r->change.old = old;
	r->change.now = now;
	r->change.from = out->from;
	r->change.old_len = out->old_len;
	r->change.new_len = out->new_len;
	told = edit_tell(&r->change, &found, r->arena, r->line.e);
	pt_err_fini(&found);
	if (rc)
		*out = (struct pt_edit_result){ 0 };
	return told ? told : rc;
}

/* ---- words ---- */

static int whole_of_kind(const struct edit_run *r)
{
	struct pt_buf hint = { 0 };
	int rc;

	pt_buf_fmt(&hint, "write %s NAME", r->path.section->name);
	rc = edit_blame(&r->line, r->path.used, hint.s, "here the name of a section is missing");
	pt_buf_fini(&hint);
	return rc;
}

static int rename_section(struct edit_run *r)
{
	const struct pt_edit *what = r->line.what;
	struct edit_spot s = edit_find(r, r->path.section, r->path.title);
	struct edit_job j = { .map = s.map };

	if (!r->path.section->titled || !r->path.title)
		return whole_of_kind(r);
	if (what->n != r->path.used + 1)
		return edit_blame(&r->line, what->n, "write rename SECTION NAME NEW", "here the new name is missing, or too much stands");
	if (!s.section)
		return edit_missing(r, r->path.used - 1);
	r->change.values = what->words + r->path.used;
	r->change.word = &r->path.used;
	r->change.n_values = 1;
	if (!strcmp(s.section->title, what->words[r->path.used]))
		return 0;
	edit_put_title(&j, s.section, what->words[r->path.used]);
	return edit_step(r, &j);
}

static int add_comment(struct edit_run *r)
{
	const struct pt_edit *what = r->line.what;
	struct edit_spot s = edit_find(r, r->path.section, r->path.title);
	struct edit_job j = { .map = s.map };
	struct edit_elements list;
	struct pt_buf text = { 0 };
	int rc;

	if (!s.section || (r->path.section->titled && !r->path.title))
		return edit_missing(r, 0);
	rc = edit_elements_find(r, &s, r->path.option, &list);
	if (rc)
		return rc;
	if (r->path.option && !list.options)
		return edit_missing(r, r->path.used - 1);
	for (size_t i = r->path.used; i < what->n; i++)
		pt_buf_fmt(&text, "%s%s", i > r->path.used ? " " : "", what->words[i]);
	if (!text.n || strchr(text.s, '\n'))
		rc = text.err ? text.err : edit_blame(&r->line, r->path.used, "write one line of text", "this is no comment");
	else
		edit_put_comment(&j, r->path.option ? list.last->name : s.section->name, text.s);
	rc = rc ? rc : text.err;
	pt_buf_fini(&text);
	return rc ? rc : edit_step(r, &j);
}

/* Bytes that no file may have would be blamed on the file. */
static int check_bytes(struct edit_run *r)
{
	const struct pt_edit *what = r->line.what;

	for (size_t i = 0; i < what->n; i++) {
		struct pt_err why = { 0 };
		size_t bad = conf_check_bytes("command line", what->words[i], strlen(what->words[i]), &why);
		int rc = bad ? edit_blame(&r->line, i, why.list.n ? why.list.v[0].hint : NULL, "%s",
					  why.list.n ? why.list.v[0].msg : "bytes that are not text") : 0;

		pt_err_fini(&why);
		if (rc)
			return rc;
	}
	return 0;
}

static int run_op(struct edit_run *r)
{
	switch (r->line.what->op) {
	case PT_EDIT_SET:
		return edit_set(r);
	case PT_EDIT_DELETE:
		return edit_delete(r);
	case PT_EDIT_RENAME:
		return rename_section(r);
	case PT_EDIT_COMMENT:
		return add_comment(r);
	case PT_EDIT_GET:
		break;
	}
	return 0;
}

int edit_begin(struct edit_run *r, struct pt_edit_texts *t, const struct pt_edit *what, struct pt_err *e)
{
	int rc;

	*r = (struct edit_run){ .texts = t, .arena = pt_arena_new(), .n = t->v.n, .changed = SIZE_MAX, .line = { what, e } };
	r->change.what = what;
	r->change.path = &r->path;
	rc = r->arena ? map_all(r) : -ENOMEM;
	if (!rc)
		rc = check_bytes(r);
	else if (rc == -EINVAL)
		return unreadable(r);
	/* A title that is part of a word outlives the change. */
	return rc ? rc : edit_path_read(&r->line, t->arena, &r->path);
}

void edit_end_run(struct edit_run *r)
{
	for (size_t i = 0; i < r->made.n; i++)
		pt_arena_free(r->made.v[i]);
	r->made.n = 0;
	pt_arena_free(r->arena);
	r->arena = NULL;
}

int pt_edit(struct pt_edit_texts *t, const struct pt_edit *what, struct pt_edit_result *out, struct pt_err *e)
{
	struct pt_err own = { 0 };
	struct edit_run r;
	int rc;

	*out = (struct pt_edit_result){ 0 };
	rc = edit_begin(&r, t, what, e ? e : &own);
	if (!rc && r.path.section)
		rc = run_op(&r);
	if (!rc)
		rc = finish(&r, out);
	if (rc == -ENOMEM)
		(void)pt_err_sys(e, rc, "changing %s", t->v.v[0].file);
	edit_end_run(&r);
	pt_err_fini(&own);
	return rc;
}

void pt_edit_take(struct pt_edit_texts *t, const struct pt_edit_result *r)
{
	if (!r->changed)
		return;
	t->v.v[r->source].text = r->text;
	t->v.v[r->source].len = r->len;
}
