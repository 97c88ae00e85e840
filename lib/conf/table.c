/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contents of tables: what is written into sets of addresses.
 *
 * As in pf the most specific entry decides, so "10.0.0.0/8" with "!10.1.0.0/16" is all of the first
 * without the second. Block lists of a million lines are common: entries go straight into
 * interval sets, and only a table with a "!" pays for more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"
#include "conf/table.h"

/* ---- from texts ---- */

static int add_entry(struct conf_table_reader *r, const struct conf_entry *entry,
		     const struct pt_loc *loc)
{
	struct conf_family *f = &r->family[entry->af == PT_AF_INET6];
	struct conf_negated neg = { { entry->lo, entry->hi }, *loc };

	if (entry->neg)
		return pt_vec_push(r->arena, &f->neg, neg);
	return pt_iset_add(r->arena, &f->pos, entry->lo, entry->hi);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The entries of one line, from P to END, a comment cut off. -EINVAL goes on to the next entry. */
static int read_line(struct conf_table_reader *r, const char *p, const char *end,
		     struct pt_loc *loc)
{
	const char *start = p, *word, *hash = memchr(p, '#', (size_t)(end - p));
	struct conf_entry entry;
	int rc = 0, one;

	if (hash)
		end = hash;
	while (rc != -ENOMEM) {
		while (p < end && is_blank(*p))
			p++;
		if (p == end)
			break;
		word = p;
		while (p < end && !is_blank(*p))
			p++;
		loc->col = (uint32_t)(word - start) + 1;
		loc->len = (uint32_t)(p - word);
		one = conf_entry_parse(word, (size_t)(p - word), &entry, loc, r->e);
		if (!one)
			one = add_entry(r, &entry, loc);
		if (one)
			rc = one;
	}
	return rc;
}

int conf_table_text(struct conf_table_reader *r, const char *name, const char *text, size_t len)
{
	struct pt_loc loc = { .file = name };
	const char *p = text, *end = text + len, *eol;
	size_t first = r->e->list.n;
	int rc = 0, one;

	if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	if (conf_check_bytes(name, text, len, r->e))
		rc = -EINVAL;
	for (; p < end && rc != -ENOMEM && r->e->list.n < PT_ERR_MAX; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		loc.line++;
		one = read_line(r, p, eol, &loc);
		if (one)
			rc = one;
	}
	conf_order(r->e, first, name);
	if (rc == -EINVAL && conf_add_sources(r->e, first, name, text, len))
		rc = -ENOMEM;
	return rc;
}

/* ---- to sets ---- */

static int finish(struct conf_table_reader *r, struct pt_iset *v4, struct pt_iset *v6)
{
	struct pt_iset *out[2] = { v4, v6 };
	int rc = 0;

	for (int i = 0; i < 2 && !rc; i++) {
		struct conf_family *f = &r->family[i];

		if (f->neg.n) {
			rc = conf_most_specific(r, f, i ? PT_AF_INET6 : PT_AF_INET, out[i]);
			continue;
		}
		*out[i] = f->pos;
		pt_iset_norm(out[i]);
	}
	if (rc)
		*v4 = *v6 = (struct pt_iset){ 0 };
	return rc;
}

static void reader_init(struct conf_table_reader *r, struct pt_arena *a, struct pt_err *e,
			struct pt_err *own)
{
	*r = (struct conf_table_reader){ .arena = a, .e = e ? e : own };
}

int pt_table_parse(const char *name, const char *text, size_t len, struct pt_arena *a,
		   struct pt_iset *v4, struct pt_iset *v6, struct pt_err *e)
{
	struct conf_table_reader r;
	struct pt_err own = { 0 };
	int rc;

	*v4 = *v6 = (struct pt_iset){ 0 };
	reader_init(&r, a, e, &own);
	rc = conf_table_text(&r, name, text, len);
	if (!rc)
		rc = finish(&r, v4, v6);
	if (rc == -ENOMEM)
		pt_err_sys(r.e, rc, "reading %s", name);
	pt_err_fini(&own);
	return rc;
}

static int add_written(struct conf_table_reader *r, const struct pt_conf_table *t)
{
	struct conf_entry entry;
	int rc = 0;

	for (size_t i = 0; i < t->addresses.n && !rc; i++) {
		const struct pt_conf_str *s = &t->addresses.v[i];

		rc = conf_entry_parse(s->s, strlen(s->s), &entry, &s->loc, r->e);
		if (!rc)
			rc = add_entry(r, &entry, &s->loc);
	}
	return rc;
}

/* A relative path begins at the folder of the common file, wherever the program was started;
 * for standard input that is where it was started. */
static char *path_of(const struct pt_conf *c, const char *file, struct pt_arena *a)
{
	const char *slash = strrchr(c->path, '/');

	if (file[0] == '/' || !slash)
		return pt_arena_strdup(a, file);
	return pt_arena_printf(a, "%.*s%s", (int)(slash - c->path) + 1, c->path, file);
}

int pt_conf_geoip(const struct pt_conf *c, struct pt_geoip_list *lists, size_t n, struct pt_arena *a, struct pt_err *e)
{
	const char *file = c->geoip_file, *file6 = c->geoip_file6;
	size_t first = e->list.n;
	int rc;

	if (!file)
		file6 = file6 ? file6 : PT_GEOIP_FILE6;
	file = path_of(c, file ? file : PT_GEOIP_FILE, a);
	if (file6)
		file6 = path_of(c, file6, a);
	if (!file || (c->geoip_file6 && !file6))
		return pt_err_sys(e, -ENOMEM, "reading the addresses of countries");
	rc = pt_geoip_load(file, file6, lists, n, a, e);
	for (size_t i = first; c->geoip_loc.line && i < e->list.n; i++)
		e->list.v[i].loc = c->geoip_loc;
	return rc;
}

/* One record at the place in the common file, with WHY the table's file cannot be read. */
static int no_file(struct conf_table_reader *r, const struct pt_conf *c,
		   const struct pt_conf_table *t, int rc, const struct pt_err *why)
{
	const struct pt_diag *d = why->list.n ? &why->list.v[0] : NULL;

	if (rc == -ENOMEM)
		return rc;
	pt_err_add(r->e, PT_ERROR, &t->file_loc,
		   d && d->hint ? d->hint : "make the file or mend the path",
		   "table %s cannot be filled: %s", t->name, d ? d->msg : strerrordesc_np(-rc));
	pt_conf_show_source(c, &t->file_loc, r->e);
	return rc;
}

char *pt_conf_table_path(const struct pt_conf *c, const struct pt_conf_table *t, struct pt_arena *a)
{
	return path_of(c, t->file, a);
}

/* What was in force once must come back without the file it came from. */
static const struct pt_conf_source *kept_file(const struct pt_conf *c, const char *path)
{
	for (size_t i = 0; i < c->n_kept; i++)
		if (!strcmp(c->kept[i].file, path))
			return &c->kept[i];
	return NULL;
}

static int add_kept(struct conf_table_reader *r, const struct pt_conf *c, const struct pt_conf_table *t,
		    const struct pt_conf_source *kept)
{
	pt_err_add(r->e, PT_WARNING, &t->file_loc, "make the file, then apply again",
		   "the file of table %s cannot be read: the addresses of when it was applied are used", t->name);
	pt_conf_show_source(c, &t->file_loc, r->e);
	return conf_table_text(r, kept->file, kept->text, kept->len);
}

static int add_file(struct conf_table_reader *r, const struct pt_conf *c,
		    const struct pt_conf_table *t)
{
	const struct pt_conf_source *kept;
	char *path = path_of(c, t->file, r->arena), *text = NULL;
	struct pt_err why = { 0 };
	size_t len;
	int rc;

	if (!path)
		return -ENOMEM;
	rc = pt_file_read(path, PT_FILE_MAX, &text, &len, &why);
	kept = rc && rc != -ENOMEM ? kept_file(c, path) : NULL;
	if (rc && !kept)
		rc = no_file(r, c, t, rc, &why);
	pt_err_fini(&why);
	if (kept)
		return add_kept(r, c, t, kept);
	if (rc)
		return rc;
	rc = conf_table_text(r, path, text, len);
	free(text);
	return rc;
}

/* What names and countries add: nobody knows how specific it is, so whatever has a '!' takes out of it. */
static int add_more(const struct conf_table_reader *r, const struct pt_iset *more, const struct conf_family *f,
		    struct pt_iset *out)
{
	struct pt_iset neg = { 0 }, rest, whole;
	int rc = 0;

	for (size_t i = 0; !rc && i < f->neg.n; i++)
		rc = pt_iset_add(r->arena, &neg, f->neg.v[i].range.lo, f->neg.v[i].range.hi);
	pt_iset_norm(&neg);
	if (!rc && neg.n)
		rc = pt_iset_subtract(r->arena, &rest, more, &neg);
	if (rc)
		return rc;
	rc = pt_iset_union(r->arena, &whole, out, neg.n ? &rest : more);
	*out = whole;
	return rc;
}

bool pt_conf_table_written(const struct pt_conf_table *t)
{
	return t->addresses.n || t->names.n || t->countries.n || t->file;
}

int pt_conf_table_load(const struct pt_conf *c, const struct pt_conf_table *t, const struct pt_iset more[2],
		       struct pt_arena *a, struct pt_iset *v4, struct pt_iset *v6, struct pt_err *e)
{
	struct conf_table_reader r;
	struct pt_err own = { 0 };
	int rc;

	*v4 = *v6 = (struct pt_iset){ 0 };
	reader_init(&r, a, e, &own);
	r.conf = c;
	rc = add_written(&r, t);
	if (!rc && t->file)
		rc = add_file(&r, c, t);
	if (!rc)
		rc = finish(&r, v4, v6);
	for (int f = 0; !rc && more && f < 2; f++)
		if (more[f].n)
			rc = add_more(&r, &more[f], &r.family[f], f ? v6 : v4);
	if (rc == -ENOMEM)
		pt_err_sys(r.e, rc, "filling table %s", t->name);
	pt_err_fini(&own);
	return rc;
}
