/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file as the changes that would make it: what `set` takes, in the order of the sections of the schema. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/edit.h>

struct teller {
	pt_edit_words_cb cb;
	void *arg;
	struct pt_arena *arena;
	/* the option whose values are being collected */
	const struct pt_schema *section, *option;
	const char *title;
	PT_VEC(const char *) values;
};

static size_t put_path(const struct teller *t, const char **words)
{
	size_t n = 0;

	words[n++] = t->section->name;
	if (t->title)
		words[n++] = t->title;
	if (t->option)
		words[n++] = t->option->name;
	return n;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* -ENOMEM, or whether a value comes twice. */
static int has_twins(const struct teller *t)
{
	const char **sorted = pt_arena_alloc(t->arena, t->values.n * sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, t->values.v, t->values.n * sizeof(*sorted));
	qsort(sorted, t->values.n, sizeof(*sorted), by_text);
	for (size_t i = 1; i < t->values.n; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			return 1;
	return 0;
}

static int tell_all(const struct teller *t)
{
	const char **words = pt_arena_alloc(t->arena, (t->values.n + 4) * sizeof(*words));
	size_t n;

	if (!words)
		return -ENOMEM;
	n = put_path(t, words);
	words[n++] = "=";
	for (size_t i = 0; i < t->values.n; i++)
		words[n++] = t->values.v[i];
	return t->cb(words, n, t->arg);
}

/* What was collected. */
static int flush(struct teller *t)
{
	const char *words[4];
	size_t n;
	int rc = t->values.n > 1 ? has_twins(t) : 0;

	if (!t->section)
		return 0;
	if (rc == 1) {
		rc = tell_all(t);
	} else if (!rc) {
		n = put_path(t, words);
		for (size_t i = 0; !rc && i < t->values.n; i++) {
			words[n] = t->values.v[i];
			rc = t->cb(words, n + 1, t->arg);
		}
		if (!t->option)
			rc = t->cb(words, n, t->arg);
	}
	t->section = t->option = NULL;
	t->values.n = 0;
	return rc;
}

static bool is_same(const struct teller *t, const struct pt_edit_value *v)
{
	return t->section == v->section && t->option && t->option == v->option &&
	       (t->title == v->title || (t->title && v->title && !strcmp(t->title, v->title)));
}

/* A section is told before its options, with its whole text, which is theirs. */
static int on_value(const struct pt_edit_value *v, void *arg)
{
	struct teller *t = arg;
	int rc = is_same(t, v) ? 0 : flush(t);

	if (rc || (v->option && !v->loc.line)) /* a default */
		return rc;
	t->section = v->section;
	t->option = v->option;
	t->title = v->title ? pt_arena_strdup(t->arena, v->title) : NULL;
	if (v->title && !t->title)
		return -ENOMEM;
	if (v->option) {
		const char *value = pt_arena_strdup(t->arena, v->value);

		rc = value ? pt_vec_push(t->arena, &t->values, value) : -ENOMEM;
	}
	return rc;
}

int pt_edit_commands(struct pt_edit_texts *t, const struct pt_edit *what, pt_edit_words_cb cb, void *arg, struct pt_err *e)
{
	struct teller teller = { .cb = cb, .arg = arg, .arena = pt_arena_new() };
	struct pt_edit_path path;
	int rc = teller.arena ? 0 : -ENOMEM;

	if (!rc && what->n)
		rc = pt_edit_get(t, what, true, &path, on_value, &teller, e);
	for (const struct pt_schema *s = pt_conf_schema; !rc && !what->n && s->name; s++) {
		struct pt_edit one = *what;

		one.words = &s->name;
		one.n = 1;
		rc = pt_edit_get(t, &one, true, &path, on_value, &teller, e);
	}
	if (!rc)
		rc = flush(&teller);
	pt_arena_free(teller.arena);
	return rc;
}
