/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common file from what was read. It is judged as a whole at the end, as ptfw judges any file: what is refused
 * then becomes a comment with the reason, and the rest is judged again.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "import/internal.h"

#define RULE_COLUMN 10 /* of a rule's first byte in its line */

struct page {
	struct imp *m;
	struct pt_buf b;
	uint32_t line; /* that is written next */
	bool judged;
};

static void text(struct page *p, const char *s)
{
	for (const char *c = s; *c; c++)
		p->line += *c == '\n';
	pt_buf_str(&p->b, s);
}

/* A comment of one line or more; bytes that no comment may have are question marks. */
static void comment(struct page *p, const char *indent, const char *mark, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		pt_buf_fmt(&p->b, "%s%s", indent, mark);
		for (size_t i = 0; i < n; i++)
			if (s[i] != '\r')
				pt_buf_chr(&p->b, (unsigned char)s[i] > 126 ? '?' : s[i]);
		while (p->b.n && p->b.s[p->b.n - 1] == ' ')
			p->b.s[--p->b.n] = '\0';
		text(p, "\n");
		s += n + (s[n] == '\n');
	}
}

static void string(struct page *p, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			pt_buf_chr(&p->b, '\\');
		pt_buf_chr(&p->b, *s);
	}
}

static void put_rule(struct page *p, struct imp_item *i)
{
	struct pt_buf rule = { 0 };

	if (i->r)
		imp_rule_print(p->m, i->r, &rule, true);
	if (rule.err)
		p->b.err = rule.err;
	text(p, "        \"");
	string(p, i->r ? (rule.s ? rule.s : "") : i->text);
	text(p, "\",\n");
	pt_buf_fini(&rule);
}

static void put_left(struct page *p, const struct imp_item *i, const char *indent)
{
	const char *source = i->entry ? i->text : i->st ? imp_source(p->m, i->st, false) : NULL;
	struct pt_buf head = { 0 };

	pt_buf_fmt(&head, "%s: %s", i->kind == PT_IMPORT_NOTE ? "not needed" : "left out", i->why);
	comment(p, indent, "# ", head.n ? head.s : "left out");
	pt_buf_fini(&head);
	if (source)
		comment(p, indent, "#     ", source);
}

static void put_item(struct page *p, struct imp_item *i, const struct imp_item *before, const char *indent)
{
	if (i->st && (!before || before->st != i->st))
		for (size_t k = 0; k < i->st->comments.n; k++)
			comment(p, indent, "#", i->st->comments.v[k]);
	i->line = p->line;
	if (i->why)
		put_left(p, i, indent);
	else if (i->text && !*indent)
		text(p, p->judged && i->judged ? i->judged : i->text);
	else if (i->text || i->r)
		put_rule(p, i);
	if (!i->why && i->text && !*indent)
		text(p, "\n");
	i->lines = p->line - i->line;
}

static const char *device_of(const struct imp *m, const char *name)
{
	for (size_t i = 0; i < m->env->n_devices; i++)
		if (!strcmp(m->env->devices[i].name, name))
			return m->env->devices[i].device;
	return NULL;
}

/* A name without a number is a group of pf: of all interfaces of that kind. */
static bool is_group(const struct imp *m, const char *name)
{
	size_t n = strlen(name);

	if (device_of(m, name) || !strcmp(name, "lo"))
		return false;
	for (size_t i = 0; i < m->ifs.n; i++)
		if (!strncmp(m->ifs.v[i].name, name, n) && isdigit((unsigned char)m->ifs.v[i].name[n]))
			return strspn(name, "abcdefghijklmnopqrstuvwxyz") == n;
	return false;
}

static const char *group_of(const struct imp *m, const char *name)
{
	size_t n = strcspn(name, "0123456789");

	for (size_t i = 0; i < m->ifs.n && name[n]; i++)
		if (strlen(m->ifs.v[i].name) == n && !strncmp(m->ifs.v[i].name, name, n) &&
		    is_group(m, m->ifs.v[i].name))
			return m->ifs.v[i].name;
	return NULL;
}

static void interfaces(struct page *p)
{
	for (size_t i = 0; i < p->m->ifs.n; i++) {
		const char *name = p->m->ifs.v[i].name, *device = device_of(p->m, name),
			   *group = group_of(p->m, name);
		struct pt_buf b = { 0 };

		if (!strcmp(name, "lo") || is_group(p->m, name))
			continue;
		pt_buf_fmt(&b, "interface %s { device = \"%s\"", name, device ? device : name);
		if (group)
			pt_buf_fmt(&b, "  groups = { \"%s\" }", group);
		pt_buf_str(&b, " }\n");
		text(p, b.s ? b.s : "");
		pt_buf_fini(&b);
	}
}

static void macros(struct page *p)
{
	bool any = false;

	for (size_t i = 0; i < p->m->macros.n; i++) {
		const struct imp_macro *one = &p->m->macros.v[i];

		if (!one->shown || one->clash)
			continue;
		text(p, any ? "" : "\n");
		any = true;
		pt_buf_fmt(&p->b, "macro %s { value = \"", one->name);
		string(p, one->shown);
		text(p, "\" }\n");
	}
}

static void put_items(struct page *p, imp_items *items, const char *indent)
{
	for (size_t i = 0; i < items->n; i++)
		put_item(p, &items->v[i], i ? &items->v[i - 1] : NULL, indent);
}

static void list(struct page *p, const char *name, imp_items *items)
{
	bool any = false;

	for (size_t i = 0; i < items->n; i++)
		any = any || !items->v[i].why;
	if (any) {
		pt_buf_fmt(&p->b, "    %s = {", name);
		text(p, "\n");
	}
	put_items(p, items, "        ");
	text(p, any ? "    }\n" : "");
}

static void anchors(struct page *p)
{
	for (size_t i = 0; i < p->m->sections.n; i++) {
		text(p, "\n");
		pt_buf_fmt(&p->b, "anchor %s {", p->m->sections.v[i].path);
		text(p, "\n    rules = {\n");
		put_items(p, &p->m->sections.v[i].items, "        ");
		text(p, "    }\n}\n");
	}
}

static void firewall(struct page *p)
{
	static const struct {
		const char *name;
		enum imp_zone zone;
	} lists[] = { { "skip", ZONE_SKIP }, { "timeout", ZONE_TIMEOUT }, { "limit", ZONE_LIMIT } };

	text(p, "\nfirewall {\n");
	text(p, p->m->block_returns ? "    block-policy = return\n" : "");
	for (size_t i = 0; i < PT_ARRAY_SIZE(lists); i++)
		list(p, lists[i].name, &p->m->zone[lists[i].zone]);
	text(p, "    rules = {\n");
	for (int z = ZONE_DEFAULT; z < ZONE_COUNT; z++)
		if (z < ZONE_SKIP || z > ZONE_LIMIT)
			put_items(p, &p->m->zone[z], "        ");
	text(p, "    }\n}\n");
}

/* What stands nowhere as a macro any more is told where it was defined. */
static void gone_macros(struct page *p)
{
	for (size_t i = 0; i < p->m->macros.n; i++) {
		const struct imp_macro *one = &p->m->macros.v[i];
		struct pt_buf b = { 0 };

		if (one->shown && !one->clash)
			continue;
		pt_buf_fmt(&b, "%s = \"%s\", written out where it is used", one->name, one->value);
		comment(p, "", "# ", b.s ? b.s : one->name);
		pt_buf_fini(&b);
	}
}

static int page(struct imp *m, bool judged, const char **out, size_t *len)
{
	struct page p = { .m = m, .line = 1, .judged = judged };
	struct pt_buf head = { 0 };
	int rc;

	pt_buf_fmt(&head, "Made from %s by `ptfw import pf`.", m->name);
	comment(&p, "", "# ", head.s ? head.s : "");
	pt_buf_fini(&head);
	text(&p, "\n");
	interfaces(&p);
	if (m->zone[ZONE_TABLE].n)
		text(&p, "\n");
	put_items(&p, &m->zone[ZONE_TABLE], "");
	macros(&p);
	gone_macros(&p);
	anchors(&p);
	firewall(&p);
	*len = p.b.n;
	*out = p.b.err ? NULL : pt_arena_strndup(m->arena, p.b.s, p.b.n);
	rc = *out ? 0 : -ENOMEM;
	pt_buf_fini(&p.b);
	return rc;
}

/* ---- the judge ---- */

static struct imp_item *item_in(imp_items *items, uint32_t line)
{
	for (size_t i = 0; i < items->n; i++)
		if (!items->v[i].why && line >= items->v[i].line && line < items->v[i].line + items->v[i].lines)
			return &items->v[i];
	return NULL;
}

static struct imp_item *item_at(struct imp *m, uint32_t line)
{
	struct imp_item *found = NULL;

	for (int z = 0; z < ZONE_COUNT && !found; z++)
		found = item_in(&m->zone[z], line);
	for (size_t i = 0; i < m->sections.n && !found; i++)
		found = item_in(&m->sections.v[i].items, line);
	return found;
}

/* The judge's lines are of a text that nobody has seen. */
static const char *reason(struct imp *m, const struct pt_diag *d)
{
	char *s = pt_arena_strdup(m->arena, d->msg ? d->msg : "it is refused"),
	     *at = s ? strstr(s, " in line ") : NULL;

	if (at) {
		size_t n = 9 + strspn(at + 9, "0123456789");

		memmove(at, at + n, strlen(at + n) + 1);
	}
	return s;
}

/* Where in the rule of ITEM column COL of its line is; 0: in its action, or nowhere. */
static size_t rule_byte(struct imp *m, struct imp_item *item, uint32_t col)
{
	struct pt_buf rule = { 0 };
	size_t at = 0, shown = RULE_COLUMN;

	if (item->r)
		imp_rule_print(m, item->r, &rule, true);
	while (at < rule.n && shown < col) {
		shown += rule.s[at] == '"' || rule.s[at] == '\\' ? 2 : 1;
		at++;
	}
	pt_buf_fini(&rule);
	return at;
}

static int turn_off(struct imp *m, struct imp_item *item, const struct pt_diag *d)
{
	const char *why = reason(m, d);
	size_t at = rule_byte(m, item, d->loc.col);
	int rc = why ? 1 : -ENOMEM;

	if (why && at)
		rc = imp_rule_drop(m, item->r, at, why);
	if (rc != 1)
		return rc;
	item->why = why;
	item->kind = PT_IMPORT_LEFT;
	if (!item->st)
		return 0;
	return imp_note(m, PT_IMPORT_LEFT, item->st, item->entry ? item->text : imp_source(m, item->st, true),
			item->why, item->blocks ? "a comment: less is blocked" : "a comment");
}

/* 1: something became a comment. */
static int judge(struct imp *m)
{
	struct pt_err e = { 0 };
	const char *made;
	int rc, off = 0;
	size_t len;

	rc = page(m, true, &made, &len);
	if (!rc)
		rc = m->env->check(m->env->arg, made, len, &e);
	if (rc && e.more && e.list.n < PT_ERR_MAX) /* it was memory that the reasons lacked */
		rc = -ENOMEM;
	if (rc == -ENOMEM || !rc)
		goto out;
	for (size_t i = 0; i < e.list.n && rc != -ENOMEM; i++) {
		const struct pt_diag *d = &e.list.v[i];
		struct imp_item *item = d->sev == PT_ERROR ? item_at(m, d->loc.line) : NULL;

		if (!item)
			continue;
		off = 1;
		rc = turn_off(m, item, d);
	}
	if (rc != -ENOMEM)
		rc = off;
	if (!rc) { /* of nothing that was read: a mistake of the one who writes */
		rc = -EINVAL;
		pt_err_add(m->e, PT_ERROR, NULL, NULL, "what was made of the file is refused: %s",
			   e.list.n ? e.list.v[0].msg : "no reason is given");
	}
out:
	pt_err_fini(&e);
	return rc;
}

/* ---- the end ---- */

/* One direction: both families, or the one that is left. */
static int default_dir(struct imp *m, const char *dir, const char *af, bool state)
{
	const char *text = pt_arena_printf(m->arena, "pass %s%sall%s", dir, af, state ? " flags any" : " no state");
	struct imp_item *item;
	int rc;

	if (!text)
		return -ENOMEM;
	rc = imp_item(m, ZONE_DEFAULT, NULL, text, false, &item);
	if (rc)
		return rc;
	return imp_note(
		m, state ? PT_IMPORT_CHANGED : PT_IMPORT_NOTE, m->first_rule, "packets that no rule matches",
		state ? "pf passes them without a state; here what is translated needs one" : "pf passes them", text);
}

static int default_rule(struct imp *m)
{
	const bool(*c)[2] = m->covered;
	int rc = 0;

	if (!c[0][0] && !c[0][1] && !c[1][0] && !c[1][1] && !m->translates[0] && !m->translates[1])
		return default_dir(m, "", "", false);
	for (int dir = 0; dir < 2 && !rc; dir++) {
		const char *word = dir ? "out " : "in ";

		if (!c[dir][0] || !c[dir][1])
			rc = default_dir(m, word,
					 c[dir][1]   ? "inet "
					 : c[dir][0] ? "inet6 "
						     : "",
					 m->translates[dir]);
	}
	if (rc || !m->covers_by_pass)
		return rc;
	return imp_note(m, PT_IMPORT_NOTE, m->first_rule, "packets that no rule matches",
			"where a pass rule is for all, pf passes TCP that has neither SYN nor a state",
			"nothing: they are blocked");
}

static int interface_notes(struct imp *m)
{
	int rc = 0;

	for (size_t i = 0; i < m->ifs.n && !rc; i++) {
		const struct imp_if *one = &m->ifs.v[i];
		bool egress = !strcmp(one->name, "egress");
		const char *name = one->name;

		if (!strcmp(name, "lo") || device_of(m, name))
			continue;
		if (is_group(m, name))
			rc = imp_note_at(m, PT_IMPORT_CHANGED, one->file, one->line, name,
					 "a group of interfaces in pf",
					 "groups of the interfaces of that kind in this file: add others");
		else
			rc = imp_note_at(m, egress ? PT_IMPORT_CHANGED : PT_IMPORT_NOTE, one->file, one->line, name,
					 egress ? "the interface of the default route: which one is not in the file"
						: "interfaces have other names on Linux",
					 pt_arena_printf(m->arena, "interface %s { device = \"%s\" }: set its device",
							 name, name));
	}
	return rc;
}

static int by_place(const void *x, const void *y)
{
	const struct pt_import_note *a = x, *b = y;
	int files = strcmp(a->file, b->file);

	if (files || a->line == b->line)
		return files ? files : a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->what, b->what);
	return a->line < b->line ? -1 : 1;
}

int imp_finish(struct imp *m)
{
	struct pt_import *out = m->out;
	int rc = imp_translations(m), rounds = 0;

	if (!rc)
		rc = default_rule(m);
	if (!rc)
		rc = interface_notes(m);
	do {
		if (!rc && m->env->check)
			rc = judge(m);
	} while (rc == 1 && !(rc = 0) && ++rounds < IMP_ROUNDS_MAX);
	if (!rc && rounds == IMP_ROUNDS_MAX) {
		pt_err_add(m->e, PT_ERROR, NULL, NULL, "too much of the file is refused");
		rc = -EINVAL;
	}
	if (!rc)
		rc = page(m, false, &out->text, &out->len);
	if (out->notes.n)
		qsort(out->notes.v, out->notes.n, sizeof(*out->notes.v), by_place);
	for (size_t i = 0; i < out->notes.n; i++) {
		out->changed += out->notes.v[i].kind == PT_IMPORT_CHANGED;
		out->left += out->notes.v[i].kind == PT_IMPORT_LEFT;
	}
	return rc;
}
