/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What set and delete do to options and their values. A list keeps its order: elements are found by their text, by their number,
 * or, rules, by their label.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit_run.h"

/* The values that the words give, and where. */
struct wanted {
	const char **v;
	size_t *word; /* each begins with */
	size_t n;
	bool exact;   /* "=": these and no others */
	const char *ref; /* NULL: no place is given */
	size_t ref_word;
	bool after;
};

/* ---- what is not there ---- */

static const char *nearest_title(const struct edit_run *r)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->maps[i].sections.n && n < PT_ARRAY_SIZE(names); k++)
			if (r->maps[i].sections.v[k].row == r->path.section && r->maps[i].sections.v[k].title)
				names[n++] = r->maps[i].sections.v[k].title;
	return pt_nearest(r->path.title, names, n);
}

int edit_missing(const struct edit_run *r, size_t word)
{
	const struct pt_edit_path *p = &r->path;
	const char *near = p->title ? nearest_title(r) : NULL;
	struct pt_buf hint = { 0 };
	int rc;

	if (!edit_find(r, p->section, p->title).section) {
		if (near)
			pt_buf_fmt(&hint, "did you mean \"%s\"?", near);
		rc = edit_blame(&r->line, p->title && p->used > 1 ? 1 : 0, hint.s, "the file has no %s%s%s", p->section->name,
				p->title ? " " : "", p->title ? p->title : "");
	} else {
		rc = edit_blame(&r->line, word, NULL, "%s %s is not given in the file", p->section->name, p->option->name);
	}
	pt_buf_fini(&hint);
	return rc == -EINVAL ? -ENOENT : rc;
}

/* ---- words into values ---- */

static bool is_rules(const struct pt_schema *row)
{
	return row->complete && !strcmp(row->complete, "rule");
}

static bool has_blank(const char *s)
{
	return strpbrk(s, " \t\n");
}

/* The words from FROM to TO as one, or each on its own. */
static int take_values(struct edit_run *r, size_t from, size_t to, bool one, struct wanted *w)
{
	struct pt_buf joined = { 0 };

	w->v = pt_arena_alloc(r->arena, (to - from + 1) * sizeof(*w->v));
	w->word = pt_arena_alloc(r->arena, (to - from + 1) * sizeof(*w->word));
	if (!w->v || !w->word)
		return -ENOMEM;
	for (size_t i = from; i < to; i++) {
		if (one) {
			pt_buf_fmt(&joined, "%s%s", i > from ? " " : "", r->line.what->words[i]);
			continue;
		}
		w->v[w->n] = r->line.what->words[i];
		w->word[w->n++] = i;
	}
	if (one) {
		w->v[0] = joined.err ? NULL : pt_arena_strndup(r->arena, joined.s, joined.n);
		w->word[0] = from;
		w->n = 1;
		pt_buf_fini(&joined);
		return w->v[0] ? 0 : -ENOMEM;
	}
	return 0;
}

/* A rule without quotes is many words; with one that has blanks in it, each word is a rule. */
static bool is_one_rule(const struct edit_run *r, size_t from, size_t to)
{
	if (r->line.what->whole || !is_rules(r->path.option) || to - from < 2)
		return false;
	for (size_t i = from; i < to; i++)
		if (has_blank(r->line.what->words[i]))
			return false;
	return true;
}

static bool is_place(const char *word)
{
	return !strcmp(word, "before") || !strcmp(word, "after");
}

static int read_values(struct edit_run *r, struct wanted *w)
{
	const char *const *words = r->line.what->words;
	bool list = r->path.option->type == PT_OPT_LIST;
	size_t from = r->path.used, to = r->line.what->n;

	if (list && from < to && !strcmp(words[from], "=")) {
		w->exact = true;
		from++;
	} else if (list && to - from > 2 && is_place(words[to - 2])) {
		w->ref = words[to - 1];
		w->ref_word = to - 1;
		w->after = !strcmp(words[to - 2], "after");
		to -= 2;
	}
	return take_values(r, from, to, is_one_rule(r, from, to), w);
}

/* ---- elements ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

/* Words in rules are parted by any blanks. */
static bool same_rule(const char *a, const char *b)
{
	for (;;) {
		a = skip_blanks(a);
		b = skip_blanks(b);
		if (!*a || !*b)
			return *a == *b;
		while (*a && *a == *b && !is_blank(*a))
			a++, b++;
		if ((*a && !is_blank(*a)) || (*b && !is_blank(*b)))
			return false;
	}
}

/* The same ones have the same, whatever parts their words; others another, nearly always. */
static uint64_t mark_of(const struct pt_schema *row, const char *s)
{
	uint64_t mark = 0;

	if (!is_rules(row))
		return pt_hash64(s, strlen(s));
	for (s = skip_blanks(s); *s; s = skip_blanks(s)) {
		const char *word = s;

		while (*s && !is_blank(*s))
			s++;
		mark = (mark ^ pt_hash64(word, (size_t)(s - word))) * 0x9e3779b97f4a7c15ull;
	}
	return mark;
}

static bool same(const struct pt_schema *row, const char *a, const char *b)
{
	return is_rules(row) ? same_rule(a, b) : !strcmp(a, b);
}

/* Does the rule S say `label LABEL`? Words in quotes are others. */
static bool has_label(const char *s, const char *label)
{
	size_t n = strlen(label), len;
	bool next = false;

	while (*(s += strspn(s, " \t\n,{}()"))) {
		char quote = *s == '"' || *s == '\'' ? *s : 0;

		if (quote)
			s++;
		len = quote ? strcspn(s, (char[]){ quote, 0 }) : strcspn(s, " \t\n,{}()");
		if (next && len == n && !memcmp(s, label, n))
			return true;
		next = !quote && len == 5 && !memcmp(s, "label", 5);
		s += len;
		if (quote && *s)
			s++;
	}
	return false;
}

/* Place of the element that REF means; SIZE_MAX: there is none. *MANY: it could be several. */
static size_t find_element(const struct pt_schema *row, const struct edit_elements *e, const char *ref, bool *many)
{
	size_t found = SIZE_MAX;
	uint64_t n;

	*many = false;
	for (size_t i = 0; i < e->list.n; i++)
		if (same(row, e->list.v[i].s, ref))
			return i;
	if (!pt_parse_uint(ref, UINT32_MAX, &n))
		return n && n <= e->list.n ? n - 1 : SIZE_MAX;
	for (size_t i = 0; is_rules(row) && i < e->list.n; i++)
		if (has_label(e->list.v[i].s, ref)) {
			*many = found != SIZE_MAX;
			found = found == SIZE_MAX ? i : found;
		}
	return found;
}

static int no_element(struct edit_run *r, const struct edit_elements *e, size_t word, const char *ref, bool many)
{
	struct pt_buf hint = { 0 };
	const char *names[64];
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < e->list.n && n < PT_ARRAY_SIZE(names); i++)
		names[n++] = e->list.v[i].s;
	if (pt_nearest(ref, names, n) && !is_rules(r->path.option))
		pt_buf_fmt(&hint, "did you mean \"%s\"?", pt_nearest(ref, names, n));
	else if (is_rules(r->path.option))
		pt_buf_fmt(&hint, "name a rule by its label, its whole text, or its number: 1 to %zu", e->list.n);
	rc = edit_blame(&r->line, word, hint.s, many ? "%s %s has several such elements" : "%s %s has no such element",
			r->path.section->name, r->path.option->name);
	pt_buf_fini(&hint);
	return rc == -EINVAL && !many ? -ENOENT : rc;
}

static int refresh(const struct edit_run *r, struct edit_spot *s, struct edit_elements *e)
{
	*s = edit_find(r, r->path.section, r->path.title);
	return edit_elements_find(r, s, r->path.option, e);
}

/* The elements GONE go; with the last of them the option, unless comments stand there. */
static bool has_comment(const struct edit_map *m, const struct edit_option *o)
{
	for (uint32_t i = o->open; o->open != EDIT_NONE && i < o->close; i++)
		if (m->toks[i].kind == PT_TOK_COMMENT)
			return true;
	return false;
}

/* All that the option has from element I on, so that it goes as a whole. */
static bool goes_whole(const struct edit_spot *s, const struct edit_elements *e, size_t i, const bool *gone)
{
	const struct edit_option *o = e->list.v[i].option;

	for (size_t k = 0; k < o->n_values; k++)
		if (!gone[i + k])
			return false;
	return !has_comment(s->map, o);
}

/* With SAID, for those that come back elsewhere, comments go, too. */
static int drop_elements(struct edit_run *r, const struct edit_spot *s, const struct edit_elements *e, const bool *gone, bool said)
{
	struct edit_job j = { .map = s->map };

	for (size_t i = 0, n; i < e->list.n; i += n) {
		const struct edit_option *o = e->list.v[i].option;
		bool any = false;

		n = o->n_values;
		for (size_t k = 0; k < n; k++)
			any = any || gone[i + k];
		if (goes_whole(s, e, i, gone))
			edit_drop_option(&j, o, said);
		else if (any)
			edit_drop_elements(&j, o, gone + i, said);
	}
	return edit_step(r, &j);
}

/* ---- set ---- */

static int put_elements(struct edit_run *r, const struct edit_spot *s, const struct edit_elements *e, size_t before,
			size_t after, const char *const *v, const struct edit_said *said, size_t n)
{
	struct edit_job j = { .map = s->map };

	if (!n)
		return 0;
	if (!e->list.n) {
		if (!e->last)
			edit_put_option(&j, s->section, r->path.option, v, n);
		else
			edit_put_first(&j, e->last, v, n);
	} else if (before != SIZE_MAX) {
		edit_put_element(&j, e->list.v[before].option, e->list.v[before].i, EDIT_NONE, v, said, n);
	} else {
		edit_put_element(&j, e->list.v[after].option, EDIT_NONE, e->list.v[after].i, v, said, n);
	}
	return edit_step(r, &j);
}

/* The list becomes what is wanted: what is the same at both ends stays, what is between takes the places that there are. */
static int set_exact(struct edit_run *r, struct edit_spot *s, struct edit_elements *e, const struct wanted *w)
{
	const struct pt_schema *row = r->path.option;
	size_t head = 0, tail = 0, old = e->list.n, k;
	struct edit_job j = { .map = s->map };
	bool *gone = pt_arena_alloc(r->arena, old + 1);
	int rc = 0;

	if (!gone)
		return -ENOMEM;
	while (head < old && head < w->n && same(row, e->list.v[head].s, w->v[head]))
		head++;
	while (tail + head < old && tail + head < w->n && same(row, e->list.v[old - tail - 1].s, w->v[w->n - tail - 1]))
		tail++;
	for (k = head; k < old - tail && k < w->n - tail; k++)
		edit_put_value(&j, e->list.v[k].option->first_value + e->list.v[k].i, w->v[k]);
	if (j.splices.n)
		rc = edit_step(r, &j);
	if (!rc)
		rc = refresh(r, s, e);
	if (rc || old == w->n)
		return rc;
	for (size_t i = k; i < old - tail; i++)
		gone[i] = true;
	if (k < old - tail)
		return drop_elements(r, s, e, gone, false);
	return put_elements(r, s, e, k ? SIZE_MAX : 0, k ? k - 1 : SIZE_MAX, w->v + k, NULL, w->n - tail - k);
}

/* Those of W that the list has not yet, each once. */
static int keep_new(const struct edit_run *r, const struct edit_elements *e, struct wanted *w)
{
	const struct pt_schema *row = r->path.option;
	uint64_t *marks = pt_arena_alloc(r->arena, (e->list.n + w->n + 1) * sizeof(*marks));
	bool few = w->n < 4; /* then comparing costs less than their marks, and all have the same one */
	size_t n = 0;

	if (!marks)
		return -ENOMEM;
	for (size_t k = 0; k < e->list.n && !few; k++)
		marks[k] = mark_of(row, e->list.v[k].s);
	for (size_t i = 0; i < w->n; i++) {
		uint64_t mark = few ? 0 : mark_of(row, w->v[i]);
		bool there = false;

		for (size_t k = 0; k < e->list.n + n && !there; k++)
			there = marks[k] == mark && same(row, k < e->list.n ? e->list.v[k].s : w->v[k - e->list.n], w->v[i]);
		if (there)
			continue;
		marks[e->list.n + n] = mark;
		w->v[n] = w->v[i];
		w->word[n++] = w->word[i];
	}
	w->n = n;
	return 0;
}

/* Those that stand there already in this order may stay. */
static bool is_placed(const struct edit_run *r, const struct edit_elements *e, const struct wanted *w, size_t at)
{
	for (size_t k = 0; k < w->n; k++) {
		size_t place = w->after ? at + 1 + k : at - w->n + k;

		if (place >= e->list.n || !same(r->path.option, e->list.v[place].s, w->v[k]))
			return false;
	}
	return true;
}

/* GONE is for those that leave their place, with what is said of them in SAID, which has an entry for each of W. The option that
 * goes with the last of its elements leaves them its own comments. */
static void take_said(const struct edit_run *r, const struct edit_spot *s, const struct edit_elements *e, const struct wanted *w,
		      const bool *gone, struct edit_said *said)
{
	const struct edit_job j = { .map = s->map };

	for (size_t i = 0; i < e->list.n; i++) {
		const struct edit_element *x = &e->list.v[i];
		bool whole = goes_whole(s, e, i - x->i, gone);
		size_t k = 0;

		while (gone[i] && k < w->n && !same(r->path.option, x->s, w->v[k]))
			k++;
		if (gone[i] && k < w->n && (!whole || !x->i))
			edit_said_of(&j, x->option, x->i, whole, &said[k]);
	}
}

/* Elements that are to stand elsewhere leave their place first, and take along what is said of them. */
static int move(struct edit_run *r, struct edit_spot *s, struct edit_elements *e, const struct wanted *w, size_t at, const bool *gone)
{
	struct edit_said *said = pt_arena_alloc(r->arena, (w->n + 1) * sizeof(*said));
	size_t shift = 0;
	bool any = false;
	int rc = 0;

	if (!said)
		return -ENOMEM;
	take_said(r, s, e, w, gone, said);
	for (size_t k = 0; !rc && k < w->n; k++)
		rc = said[k].above.err ? said[k].above.err : said[k].behind.err;
	for (size_t i = 0; i < e->list.n; i++) {
		any = any || gone[i];
		shift += i < at && gone[i];
	}
	if (!rc && any)
		rc = drop_elements(r, s, e, gone, true);
	if (!rc && any)
		rc = refresh(r, s, e);
	at -= shift;
	if (!rc)
		rc = put_elements(r, s, e, w->after ? SIZE_MAX : at, w->after ? at : SIZE_MAX, w->v, said, w->n);
	edit_said_fini(said, w->n);
	return rc;
}

static int set_placed(struct edit_run *r, struct edit_spot *s, struct edit_elements *e, struct wanted *w)
{
	bool many, *gone = pt_arena_alloc(r->arena, e->list.n + 1);
	size_t at = find_element(r->path.option, e, w->ref, &many);

	if (!gone)
		return -ENOMEM;
	if (at == SIZE_MAX || many)
		return no_element(r, e, w->ref_word, w->ref, many);
	for (size_t i = 0; i < e->list.n; i++)
		for (size_t k = 0; k < w->n && !gone[i]; k++)
			gone[i] = same(r->path.option, e->list.v[i].s, w->v[k]);
	if (gone[at])
		return edit_blame(&r->line, w->ref_word, NULL, "this is the element itself");
	return is_placed(r, e, w, at) ? 0 : move(r, s, e, w, at, gone);
}

static int set_scalar(struct edit_run *r, const struct edit_spot *s, const struct edit_elements *e, const struct wanted *w)
{
	struct edit_job j = { .map = s->map };

	if (e->list.n && !strcmp(e->list.v[0].s, w->v[0]))
		return 0;
	if (e->list.n)
		edit_put_value(&j, e->list.v[0].option->first_value + e->list.v[0].i, w->v[0]);
	else
		edit_put_option(&j, s->section, r->path.option, w->v, 1);
	return edit_step(r, &j);
}

/* A section that is not there yet, perhaps with an option. */
static int set_section(struct edit_run *r, const struct wanted *w)
{
	struct edit_spot like = edit_find(r, r->path.section, NULL);
	struct edit_job j = { .map = like.map ? like.map : &r->maps[0] };

	edit_put_section(&j, r->path.section, r->path.title, w->n ? r->path.option : NULL, w->v, w->n);
	return edit_step(r, &j);
}

static int no_value(const struct edit_run *r)
{
	struct pt_buf hint = { 0 };
	int rc;

	if (r->path.option->range)
		pt_buf_fmt(&hint, "it is %s", r->path.option->range);
	rc = edit_blame(&r->line, r->line.what->n, hint.s, "here a value of %s is missing", r->path.option->name);
	pt_buf_fini(&hint);
	return rc;
}

static int set_option(struct edit_run *r, struct wanted *w)
{
	struct edit_elements e;
	struct edit_spot s;
	int rc = refresh(r, &s, &e);

	if (rc)
		return rc;
	if (r->path.option->type != PT_OPT_LIST && w->n > 1)
		return edit_blame(&r->line, w->word[1], "one with blanks needs quotes", "%s takes one value", r->path.option->name);
	if (w->ref && !s.section)
		return no_element(r, &e, w->ref_word, w->ref, false);
	if (!s.section)
		return w->n ? set_section(r, w) : 0;
	if (r->path.option->type != PT_OPT_LIST)
		return set_scalar(r, &s, &e, w);
	if (w->exact)
		return set_exact(r, &s, &e, w);
	if (w->ref)
		return set_placed(r, &s, &e, w);
	rc = keep_new(r, &e, w);
	return rc ? rc : put_elements(r, &s, &e, SIZE_MAX, e.list.n ? e.list.n - 1 : SIZE_MAX, w->v, NULL, w->n);
}

int edit_set(struct edit_run *r)
{
	struct wanted w = { 0 };
	int rc;

	if (r->path.section->titled && !r->path.title)
		return edit_blame(&r->line, r->path.used, "write its name, then an option and its value",
				  "here the name of the %s is missing", r->path.section->name);
	if (!r->path.option)
		return edit_find(r, r->path.section, r->path.title).section ? 0 : set_section(r, &w);
	rc = read_values(r, &w);
	if (rc)
		return rc;
	if (!w.n && !w.exact)
		return no_value(r);
	r->change.values = w.v;
	r->change.word = w.word;
	r->change.n_values = w.n;
	return set_option(r, &w);
}

/* ---- delete ---- */

/* Words without blanks: each is an element, as everywhere, or they are one rule without its quotes. What could be both is asked
 * for, and never guessed. */
static int read_elements(struct edit_run *r, const struct edit_elements *e, struct wanted *w)
{
	size_t from = r->path.used, to = r->line.what->n;
	struct wanted joined = { 0 };
	bool many, each = true;
	int rc = take_values(r, from, to, false, w);

	if (rc || !is_one_rule(r, from, to))
		return rc;
	rc = take_values(r, from, to, true, &joined);
	if (rc)
		return rc;
	for (size_t i = 0; i < w->n; i++)
		each = each && find_element(r->path.option, e, w->v[i], &many) != SIZE_MAX;
	for (size_t i = 0; i < e->list.n; i++) {
		if (!same(r->path.option, e->list.v[i].s, joined.v[0]))
			continue;
		if (each)
			return edit_blame(&r->line, from, "put the rule into quotes, or delete its namesakes one by one",
					  "these words are one rule, and each of them is one, too");
		*w = joined;
		break;
	}
	return 0;
}

static int delete_elements(struct edit_run *r, const struct edit_spot *s, const struct edit_elements *e, const struct wanted *w)
{
	bool many, *gone = pt_arena_alloc(r->arena, e->list.n + 1);

	if (!gone)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		size_t at = find_element(r->path.option, e, w->v[i], &many);

		if (at == SIZE_MAX || many)
			return no_element(r, e, w->word[i], w->v[i], many);
		gone[at] = true;
	}
	return drop_elements(r, s, e, gone, false);
}

static int delete_option(struct edit_run *r, const struct edit_spot *s)
{
	struct edit_job j = { .map = s->map };

	for (uint32_t i = 0; i < s->section->n_options; i++) {
		const struct edit_option *o = &s->map->options.v[s->section->first_option + i];

		if (o->row == r->path.option)
			edit_drop_option(&j, o, false);
	}
	return edit_step(r, &j);
}

int edit_delete(struct edit_run *r)
{
	struct edit_spot s = edit_find(r, r->path.section, r->path.title);
	struct edit_job j = { .map = s.map };
	struct edit_elements e;
	struct wanted w = { 0 };
	int rc;

	if (r->path.section->titled && !r->path.title)
		return edit_blame(&r->line, r->path.used, "write its name, or each in turn", "here the name of the %s is missing",
				  r->path.section->name);
	if (!s.section)
		return edit_missing(r, 0);
	if (!r->path.option) {
		edit_drop_section(&j, s.section);
		return edit_step(r, &j);
	}
	rc = refresh(r, &s, &e);
	if (!rc)
		rc = read_elements(r, &e, &w);
	if (rc)
		return rc;
	if (!e.options)
		return edit_missing(r, r->path.used - 1);
	return w.n ? delete_elements(r, &s, &e, &w) : delete_option(r, &s);
}
