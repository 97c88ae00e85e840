/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pf.conf(5) from its first statement to its last. Each is looked at by its first word; what begins with none that
 * pf has is an error, and all errors of the file are told.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "import/internal.h"

#define SHOWN_MAX 160 /* bytes of a statement in a note */

const char *pt_import_kind_name(enum pt_import_kind kind)
{
	static const char *const names[] = { "note", "changed", "left out" };

	return names[kind];
}

int imp_fail(struct imp *m, const struct imp_stmt *st, const char *fmt, ...)
{
	struct pt_loc loc = { .file = st->file->name, .line = st->line, .col = 1 };
	struct pt_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	while (loc.col <= st->from && st->file->text[st->from - loc.col] != '\n')
		loc.col++;
	while (st->from + loc.len < st->to && !isspace((unsigned char)st->file->text[st->from + loc.len]))
		loc.len++;
	pt_err_add(m->e, PT_ERROR, &loc, NULL, "%s", b.s ? b.s : "this cannot be read");
	pt_err_source(m->e, st->file->text, st->file->len);
	pt_buf_fini(&b);
	m->failed = -EINVAL;
	return 0;
}

const char *imp_source(struct imp *m, const struct imp_stmt *st, bool one_line)
{
	size_t to = st->to, n;
	char *s;

	while (to > st->from && isspace((unsigned char)st->file->text[to - 1]))
		to--;
	n = to > st->from ? to - st->from : 0;
	if (one_line && n > SHOWN_MAX)
		n = SHOWN_MAX;
	s = pt_arena_strndup(m->arena, st->file->text + st->from, n);
	for (char *c = s; c && one_line && *c; c++)
		if (isspace((unsigned char)*c) || (unsigned char)*c > 126)
			*c = isspace((unsigned char)*c) ? ' ' : '?';
	return s;
}

int imp_note_at(struct imp *m, enum pt_import_kind kind, const char *file, uint32_t line, const char *what,
		const char *why, const char *instead)
{
	struct pt_import_note n = { kind, file, line, what, why, instead };

	if (!what || !why || !instead)
		return -ENOMEM;
	return pt_vec_push(m->arena, &m->out->notes, n);
}

int imp_note(struct imp *m, enum pt_import_kind kind, const struct imp_stmt *st, const char *what, const char *why,
	     const char *instead)
{
	return imp_note_at(m, kind, st ? st->file->name : m->name, st ? st->line : 1, what, why, instead);
}

int imp_item(struct imp *m, enum imp_zone zone, const struct imp_stmt *st, const char *text, bool blocks,
	     struct imp_item **out)
{
	struct imp_item item = { .st = st, .text = text, .blocks = blocks };
	imp_items *items = &m->zone[zone];
	int rc;

	if (zone == ZONE_RULE && m->anchors.n)
		items = &m->sections.v[m->anchors.v[m->anchors.n - 1].section].items;
	rc = pt_vec_push(m->arena, items, item);
	if (out)
		*out = rc ? NULL : &items->v[items->n - 1];
	return rc;
}

int imp_leave(struct imp *m, enum imp_zone zone, const struct imp_stmt *st, enum pt_import_kind kind, const char *why)
{
	bool blocks = imp_is(st, 0, "block") || imp_is(st, 0, "antispoof");
	struct imp_item *item;
	int rc = imp_item(m, zone, st, NULL, blocks, &item);

	if (rc)
		return rc;
	item->why = why;
	item->kind = kind;
	return imp_note(m, kind, st, imp_source(m, st, true), why,
			kind == PT_IMPORT_LEFT && blocks ? "a comment: less is blocked" : "a comment");
}

int imp_too_many(struct imp *m, const struct imp_stmt *st, const char *what)
{
	(void)imp_fail(m, st, "more than %d %s", IMP_NAMES_MAX, what);
	return -EINVAL;
}

int imp_interface(struct imp *m, const struct imp_stmt *st, const char *name)
{
	struct imp_if one = { imp_if_name(m, name), st->file->name, st->line };
	size_t n = strlen(one.name);

	if (!isalpha((unsigned char)*name) || n > 15)
		return 0;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return 0;
	for (size_t i = 0; i < m->ifs.n; i++)
		if (!strcmp(m->ifs.v[i].name, one.name))
			return 0;
	if (m->ifs.n >= IMP_NAMES_MAX)
		return imp_too_many(m, st, "interfaces");
	return pt_vec_push(m->arena, &m->ifs, one);
}

int imp_table_used(struct imp *m, const struct imp_stmt *st, const char *name, bool defined)
{
	struct imp_table one = { name, st->file->name, st->line, defined };

	for (size_t i = 0; i < m->tables.n; i++)
		if (!strcmp(m->tables.v[i].name, name)) {
			if (defined && m->tables.v[i].defined)
				return imp_fail(m, st, "table <%.64s> is described twice", name);
			m->tables.v[i].defined = m->tables.v[i].defined || defined;
			return 0;
		}
	if (m->tables.n >= IMP_NAMES_MAX)
		return imp_too_many(m, st, "tables");
	return pt_vec_push(m->arena, &m->tables, one);
}

/* pf makes tables that only rules name. */
static int bare_tables(struct imp *m)
{
	int rc = 0;

	for (size_t i = 0; i < m->tables.n && !rc; i++) {
		const struct imp_table *t = &m->tables.v[i];
		const char *text;

		if (t->defined || !pt_table_name_ok(t->name))
			continue;
		text = pt_arena_printf(m->arena, "table %s { persist = true }", t->name);
		rc = imp_note_at(m, PT_IMPORT_NOTE, t->file, t->line, pt_arena_printf(m->arena, "<%s>", t->name),
				 "the table is only named in rules, which makes it in pf", text);
		if (!rc)
			rc = imp_item(m, ZONE_TABLE, NULL, text, false, NULL);
	}
	return rc;
}

/* ---- macros ---- */

/* Strings and words, joined by blanks as in pf. */
static int define(struct imp *m, const struct imp_stmt *st)
{
	struct imp_macro one = { .name = st->toks.v[0].s, .file = st->file->name, .line = st->line };
	struct imp_item *item;
	struct pt_buf b = { 0 };

	for (size_t i = 2; i < st->toks.n; i++)
		pt_buf_fmt(&b, "%s%s", b.n ? " " : "", st->toks.v[i].s);
	if (b.n > IMP_MACRO_MAX) {
		pt_buf_fini(&b);
		return imp_fail(m, st, "macro %.64s has more than 256 KiB", one.name);
	}
	one.value = b.err ? NULL : pt_arena_strndup(m->arena, b.n ? b.s : "", b.n);
	pt_buf_fini(&b);
	if (!one.value)
		return -ENOMEM;
	/* A name that is given a second value: uses before and behind differ. */
	for (size_t i = 0; i < m->macros.n; i++)
		if (!strcmp(m->macros.v[i].name, one.name)) {
			m->macros.v[i].clash = true;
			one.clash = true;
		}
	if (st->comments.n && imp_item(m, ZONE_TABLE, st, NULL, false, &item))
		return -ENOMEM;
	if (m->macros.n >= IMP_NAMES_MAX)
		return imp_too_many(m, st, "macros");
	return pt_vec_push(m->arena, &m->macros, one);
}

/* ---- files and anchors ---- */

static int include(struct imp *m, const struct imp_stmt *st)
{
	const char *path = st->toks.n == 2 ? st->toks.v[1].s : NULL, *text;
	struct pt_err e = { 0 };
	char *data = NULL;
	size_t len = 0;
	int rc = -ENOENT;

	if (!path)
		return imp_fail(m, st, "include needs the name of a file");
	if (imp_lex_open(m->lex, path))
		return imp_fail(m, st, "file %.200s includes itself", path);
	if (imp_lex_depth(m->lex) >= IMP_FILES_MAX)
		return imp_fail(m, st, "includes are nested more than %d deep", IMP_FILES_MAX);
	if (m->env->read)
		rc = m->env->read(m->env->arg, path, &data, &len, &e);
	if (rc) {
		const char *why =
			pt_arena_strdup(m->arena, e.list.n ? e.list.v[0].msg : "files cannot be included here");

		pt_err_fini(&e);
		return rc == -ENOMEM || !why ? -ENOMEM : imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, why);
	}
	pt_err_fini(&e);
	text = pt_arena_strndup(m->arena, data, len);
	free(data);
	if (!text)
		return -ENOMEM;
	rc = imp_lex_push(m->lex, path, text, len);
	if (rc != -EINVAL)
		return rc;
	m->failed = rc;
	return 0;
}

/* "anchor NAME …" among the rules. */
static int anchor_rule(struct imp *m, const struct imp_stmt *st, const char *name, size_t from, size_t to)
{
	struct imp_rule *r = pt_arena_alloc(m->arena, sizeof(*r));
	const char *why = NULL;
	int rc;

	if (!r)
		return -ENOMEM;
	r->action = pt_arena_printf(m->arena, "anchor \"%s\"", name);
	rc = r->action ? imp_rule_read(m, st, from, to, r, &why) : -ENOMEM;
	if (rc == 1)
		return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, why);
	return rc ? rc : imp_rule_write(m, r, ZONE_RULE);
}

/* "anchor NAME conditions {": the rules up to its } are a section. Those that have no name get one. */
static int open_anchor(struct imp *m, const struct imp_stmt *st)
{
	bool named = st->toks.n > 2 && (st->toks.v[1].kind == IMP_STRING || !imp_rule_word(st, 1));
	const char *name = named ? st->toks.v[1].s : pt_arena_printf(m->arena, "line%u", st->line);
	const char *outer = m->anchors.n ? m->sections.v[m->anchors.v[m->anchors.n - 1].section].path : NULL;
	struct imp_open open = { .section = m->sections.n };
	struct imp_anchor section = { 0 };
	const imp_items *items;
	int rc;

	if (m->anchors.n >= IMP_NEST_MAX) {
		(void)imp_fail(m, st, "anchors are nested more than %d deep", IMP_NEST_MAX);
		return -EINVAL;
	}
	if (!name)
		return -ENOMEM;
	rc = anchor_rule(m, st, name, named ? 2 : 1, st->toks.n - 1);
	items = m->anchors.n ? &m->sections.v[m->anchors.v[m->anchors.n - 1].section].items : &m->zone[ZONE_RULE];
	open.dead = items->n && items->v[items->n - 1].st == st && items->v[items->n - 1].why;
	section.path = outer ? pt_arena_printf(m->arena, "%s/%s", outer, name) : name;
	if (!section.path)
		return -ENOMEM;
	if (!rc)
		rc = pt_vec_push(m->arena, &m->sections, section);
	return rc ? rc : pt_vec_push(m->arena, &m->anchors, open);
}

/* One whose rules come from elsewhere. */
static int anchor(struct imp *m, const struct imp_stmt *st)
{
	if (st->opens)
		return open_anchor(m, st);
	if (st->toks.n < 2)
		return imp_fail(m, st, "an anchor has a name");
	if (!strncmp(st->toks.v[1].s, "ftp-proxy", 9))
		return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT,
				 "ftp-proxy makes its rules at run time; Linux follows FTP by nf_conntrack_ftp");
	return anchor_rule(m, st, st->toks.v[1].s, 2, st->toks.n);
}

static int close_anchor(struct imp *m, const struct imp_stmt *st)
{
	if (!m->anchors.n)
		return imp_fail(m, st, "a } without an anchor");
	m->anchors.n--;
	return 0;
}

/* ---- statements ---- */

static int queues(struct imp *m, const struct imp_stmt *st)
{
	return imp_leave(m, ZONE_DEFAULT, st, PT_IMPORT_LEFT, "queues are made by tc(8), not by the packet filter");
}

static int other_anchor(struct imp *m, const struct imp_stmt *st)
{
	return imp_leave(m, ZONE_NAT, st, PT_IMPORT_LEFT, "there are no anchors for translations");
}

static int load(struct imp *m, const struct imp_stmt *st)
{
	return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT,
			 "anchors are filled at run time: ptfw anchor load NAME --file FILE");
}

static int ether(struct imp *m, const struct imp_stmt *st)
{
	return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, "frames are not judged, only packets");
}

static int scrub(struct imp *m, const struct imp_stmt *st)
{
	return imp_scrub(m, st, 1);
}

static const struct {
	const char *word;
	int (*read)(struct imp *m, const struct imp_stmt *st);
} statements[] = {
	{ "pass", imp_rule_stmt },
	{ "block", imp_rule_stmt },
	{ "match", imp_rule_stmt },
	{ "set", imp_set },
	{ "table", imp_table },
	{ "antispoof", imp_antispoof },
	{ "scrub", scrub },
	{ "nat", imp_translation },
	{ "rdr", imp_translation },
	{ "binat", imp_translation },
	{ "no", imp_translation },
	{ "anchor", anchor },
	{ "nat-anchor", other_anchor },
	{ "rdr-anchor", other_anchor },
	{ "binat-anchor", other_anchor },
	{ "load", load },
	{ "include", include },
	{ "altq", queues },
	{ "queue", queues },
	{ "ether", ether },
	{ "}", close_anchor },
};

static int statement(struct imp *m, const struct imp_stmt *st)
{
	if (!st->toks.n)
		return imp_item(m, ZONE_RULE, st, NULL, false, NULL);
	if (st->toks.n > 1 && st->toks.v[0].kind == IMP_WORD && imp_is(st, 1, "="))
		return define(m, st);
	for (size_t i = 0; i < PT_ARRAY_SIZE(statements); i++)
		if (imp_is(st, 0, statements[i].word))
			return statements[i].read(m, st);
	return imp_fail(m, st, "'%.64s' begins no statement of pf.conf(5)", st->toks.v[0].s);
}

static int statements_all(struct imp *m, const char *text, size_t len)
{
	struct imp_stmt *st = NULL;
	int rc = imp_lex_push(m->lex, m->name, text, len);

	while (!rc) {
		rc = imp_lex_next(m->lex, &st);
		if (rc <= 0)
			break;
		rc = statement(m, st);
		if (!rc && ++m->statements > IMP_STATEMENTS_MAX) {
			pt_err_add(m->e, PT_ERROR, NULL, NULL, "%s has more than a million statements", m->name);
			return -EINVAL;
		}
	}
	if (!rc && m->anchors.n && st) {
		pt_err_add(m->e, PT_ERROR, NULL, "close it with }", "%s: the rules of an anchor are not closed",
			   m->name);
		return -EINVAL;
	}
	return rc ? rc : m->failed;
}

int pt_import_pf(const char *name, const char *text, size_t len, const struct pt_import_env *env,
		 struct pt_import **out, struct pt_err *e)
{
	struct imp m = { .name = name, .env = env, .e = e };
	int rc = -ENOMEM;

	*out = NULL;
	m.arena = pt_arena_new();
	m.out = m.arena ? pt_arena_alloc(m.arena, sizeof(*m.out)) : NULL;
	if (!m.out)
		goto out;
	m.out->arena = m.arena;
	rc = imp_lex_new(&m, &m.lex);
	if (!rc)
		rc = statements_all(&m, text, len);
	if (!rc)
		rc = bare_tables(&m);
	if (!rc)
		rc = imp_finish(&m);
out:
	if (rc == -EFBIG)
		rc = -EINVAL;
	if (rc)
		pt_arena_free(m.arena);
	else
		*out = m.out;
	return rc == -ENOMEM ? pt_err_sys(e, rc, "importing %s", name) : rc;
}

void pt_import_free(struct pt_import *i)
{
	if (i)
		pt_arena_free(i->arena);
}
