/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is no rule in pf.conf(5), or several at once: options, tables, antispoof, normalisation. */
#include <errno.h>

#include <patronus/conf.h>

#include "import/internal.h"

/* ---- set ---- */

enum outcome { SAME, OTHER, GONE }; /* the notes' kinds */

static const struct setting {
	const char *word, *value; /* NULL: any */
	enum outcome outcome;
	const char *why;
} settings[] = {
	{ "state-policy", "floating", SAME, "states belong to no interface here" },
	{ "state-policy", "if-bound", OTHER, "states belong to no interface here" },
	{ "reassemble", "yes", SAME, "fragments are always put together before they are judged" },
	{ "reassemble", "no", OTHER, "fragments are always put together before they are judged" },
	{ "ruleset-optimization", NULL, SAME, "the engine is chosen by ptfw, and means the same in each case" },
	{ "require-order", NULL, SAME, "sections have no order" },
	{ "loginterface", NULL, SAME, "interfaces are counted by the kernel: ip -s link" },
	{ "debug", NULL, SAME, "it is about messages of pf itself" },
	{ "hostid", NULL, SAME, "it names a host to pfsync, which does not exist here" },
	{ "keepcounters", NULL, SAME, "counters of unchanged rules are always kept" },
	{ "fingerprints", NULL, GONE, "there are no fingerprints of operating systems here" },
	{ "optimization", "normal", SAME, "time-outs are those of conntrack, which `timeout` changes" },
	{ "optimization", NULL, GONE,
	  "time-outs are those of conntrack: sysctl net.netfilter.nf_conntrack_*_timeout*" },
	{ "state-defaults", NULL, GONE, "state options stand in each rule" },
	{ "syncookies", NULL, GONE, "the kernel's cookies guard its own sockets: sysctl net.ipv4.tcp_syncookies" },
	{ "skip", NULL, GONE, "it names no interface" },
};

/* One entry of a list of the firewall's options. */
static int entry_of(struct imp *m, const struct imp_stmt *st, enum imp_zone zone, const char *text)
{
	struct imp_item *item;
	int rc = text ? imp_item(m, zone, st, text, false, &item) : -ENOMEM;

	if (!rc)
		item->entry = true;
	return rc;
}

static int skip(struct imp *m, const struct imp_stmt *st)
{
	imp_words w = { 0 };
	size_t at = 3;
	int rc = imp_on(m, st, &at, &w);

	for (size_t i = 0; i < w.n && !rc; i++)
		if (!strchr("{},", *w.v[i].s))
			rc = entry_of(m, st, ZONE_SKIP, w.v[i].s);
	return rc;
}

/* "set timeout tcp.first 60", "set limit { states 1000, frags 500 }": a name and a number, each. */
static int pairs(struct imp *m, const struct imp_stmt *st, enum imp_zone zone)
{
	int rc = 0;

	for (size_t at = 2; at + 1 < st->toks.n && !rc; at++) {
		if (st->toks.v[at].kind == IMP_MARK)
			continue;
		rc = entry_of(m, st, zone,
			      pt_arena_printf(m->arena, "%s %s", st->toks.v[at].s, st->toks.v[at + 1].s));
		at++;
	}
	return rc;
}

static int block_policy(struct imp *m, const struct imp_stmt *st, bool returns)
{
	m->block_returns = returns;
	return st->comments.n ? imp_item(m, ZONE_DEFAULT, st, NULL, false, NULL) : 0;
}

int imp_set(struct imp *m, const struct imp_stmt *st)
{
	static const enum pt_import_kind kinds[] = { PT_IMPORT_NOTE, PT_IMPORT_CHANGED, PT_IMPORT_LEFT };
	const char *word = st->toks.n > 1 ? st->toks.v[1].s : "";
	size_t at = imp_is(st, 2, "=") ? 3 : 2;

	if (!strcmp(word, "skip") && imp_is(st, 2, "on") && st->toks.n > 3)
		return skip(m, st);
	if (!strcmp(word, "block-policy") && (imp_is(st, at, "return") || imp_is(st, at, "drop")))
		return block_policy(m, st, imp_is(st, at, "return"));
	if (!strcmp(word, "timeout") && at < st->toks.n)
		return pairs(m, st, ZONE_TIMEOUT);
	if (!strcmp(word, "limit") && at < st->toks.n)
		return pairs(m, st, ZONE_LIMIT);
	for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++)
		if (!strcmp(settings[i].word, word) && (!settings[i].value || imp_is(st, at, settings[i].value)))
			return imp_leave(m, ZONE_DEFAULT, st, kinds[settings[i].outcome], settings[i].why);
	return imp_leave(m, ZONE_DEFAULT, st, PT_IMPORT_LEFT, "there is no such setting here");
}

/* ---- tables ---- */

struct table {
	bool persist, constant, counters;
	const char *file;
	PT_VEC(const char *) entries;
};

/* What the common file takes as an entry of a table, it says itself. */
static int judge_entry(struct imp *m, const char *entry, const char **why)
{
	const char *text = pt_arena_printf(m->arena, "table t { addresses = { '%s' } }", entry);
	struct pt_conf *c = NULL;
	struct pt_err e = { 0 };
	int rc = -ENOMEM;

	if (text)
		rc = pt_conf_parse("entry", text, strlen(text), &c, &e);
	if (rc == -EINVAL) {
		*why = e.list.n ? pt_arena_strdup(m->arena, e.list.v[0].msg) : NULL;
		rc = *why ? 1 : -ENOMEM;
	}
	pt_conf_free(c);
	pt_err_fini(&e);
	return rc;
}

static int entry(struct imp *m, const struct imp_stmt *st, size_t *at, struct table *t)
{
	bool neg = imp_is(st, *at, "!");
	const char *s, *text, *why = NULL;
	int rc = 0;

	*at += neg;
	if (*at >= st->toks.n)
		return 0;
	s = st->toks.v[*at].s;
	text = imp_address(m, s, imp_is(st, *at + 1, "/") && *at + 2 < st->toks.n ? st->toks.v[*at + 2].s : NULL);
	if (!text) {
		text = s;
		rc = strchr(s, '\'') ? 1 : judge_entry(m, pt_arena_printf(m->arena, "%s%s", neg ? "!" : "", s), &why);
	}
	*at += imp_is(st, *at + 1, "/") ? 3 : 1;
	if (rc == 1)
		return imp_note(m, PT_IMPORT_CHANGED, st, pt_arena_printf(m->arena, "entry %.100s", text),
				imp_looks_if(s) || !strcmp(s, "self") ? "tables hold addresses"
				: why				      ? why
								      : "it is no address",
				"the table without it");
	text = pt_arena_printf(m->arena, "%s%s", neg ? "!" : "", text);
	if (rc)
		return rc;
	return text ? pt_vec_push(m->arena, &t->entries, text) : -ENOMEM;
}

static int table_words(struct imp *m, const struct imp_stmt *st, size_t at, struct table *t)
{
	int rc = 0;

	while (at < st->toks.n && !rc) {
		const char *s = st->toks.v[at++].s;

		if (!strcmp(s, "persist"))
			t->persist = true;
		else if (!strcmp(s, "const"))
			t->constant = true;
		else if (!strcmp(s, "counters"))
			t->counters = true;
		else if (!strcmp(s, "file") && at < st->toks.n && t->file)
			rc = imp_note(m, PT_IMPORT_CHANGED, st,
				      pt_arena_printf(m->arena, "file \"%.200s\"", st->toks.v[at++].s),
				      "a table has one file here", "the table without it: join the files");
		else if (!strcmp(s, "file") && at < st->toks.n)
			t->file = st->toks.v[at++].s;
		else if (!strcmp(s, "{"))
			while (at < st->toks.n && !rc && !imp_is(st, at, "}"))
				if (imp_is(st, at, ","))
					at++;
				else
					rc = entry(m, st, &at, t);
		else if (strcmp(s, "}") != 0 && strcmp(s, ",") != 0)
			return 1;
	}
	return rc;
}

static void print_table(struct pt_buf *b, const struct table *t, const char *name, bool judged)
{
	bool addresses = t->entries.n > 0;

	pt_buf_fmt(b, "table %s {", name);
	if (t->persist || (!t->file && !addresses))
		pt_buf_str(b, "\n    persist = true");
	if (t->constant)
		pt_buf_str(b, "\n    const = true");
	if (t->counters)
		pt_buf_str(b, "\n    counters = true");
	if (t->file && judged)
		pt_buf_chr(b, '\n');
	else if (t->file)
		pt_buf_fmt(b, "\n    file = '%s'", t->file);
	for (size_t i = 0; i < t->entries.n; i++)
		pt_buf_fmt(b, "%s\"%s\"",
			   !i	   ? "\n    addresses = { "
			   : i % 5 ? ", "
				   : ",\n        ",
			   t->entries.v[i]);
	pt_buf_str(b, addresses ? " }\n}" : "\n}");
}

int imp_table(struct imp *m, const struct imp_stmt *st)
{
	struct table t = { 0 };
	struct imp_item *item;
	struct pt_buf b = { 0 };
	const char *name;
	int rc;

	if (!imp_is(st, 1, "<") || !imp_is(st, 3, ">"))
		return imp_fail(m, st, "a table has its name in marks: table <name>");
	name = st->toks.v[2].s;
	rc = imp_table_used(m, st, name, true);
	if (!rc)
		rc = table_words(m, st, 4, &t);
	if (rc == 1)
		return imp_fail(m, st, "this is no description of a table");
	if (rc)
		return rc;
	if (!pt_table_name_ok(name))
		return imp_leave(m, ZONE_TABLE, st, PT_IMPORT_LEFT,
				 "names of tables are a letter, then letters, digits, '_', '.' or '-', at most 31");
	if (t.file && strchr(t.file, '\''))
		return imp_leave(m, ZONE_TABLE, st, PT_IMPORT_LEFT, "the name of its file has a quote");
	rc = imp_item(m, ZONE_TABLE, st, "", false, &item);
	if (rc)
		return rc;
	print_table(&b, &t, name, false);
	item->text = b.err ? NULL : pt_arena_strdup(m->arena, b.s);
	b.n = 0;
	print_table(&b, &t, name, true);
	item->judged = b.err ? NULL : pt_arena_strdup(m->arena, b.s);
	pt_buf_fini(&b);
	return item->text && item->judged ? 0 : -ENOMEM;
}

/* ---- antispoof ---- */

struct spoof {
	bool quick;
	imp_words log, af;
	struct imp_opt label;
};

static int spoof_rule(struct imp *m, const struct imp_stmt *st, const struct spoof *s, const char *on,
		      const char *from)
{
	struct imp_rule *r = pt_arena_alloc(m->arena, sizeof(*r));
	struct imp_opt *o;
	int rc = 0;

	if (!r || !from)
		return -ENOMEM;
	r->st = st;
	r->action = "block";
	r->dir = "in";
	r->quick = s->quick;
	r->log = s->log;
	r->af = s->af;
	rc = imp_put(m, &r->ret, "drop", NULL, false);
	if (on && !rc)
		rc = imp_put(m, &r->on, "!", NULL, false);
	if (on && !rc)
		rc = imp_put(m, &r->on, on, NULL, false);
	r->has_src = true;
	if (!rc)
		rc = imp_put(m, &r->src, from, NULL, false);
	if (!rc && s->label.head.n) {
		rc = imp_rule_opt(m, r, "label", &o);
		for (size_t i = 0; !rc && i < s->label.head.n; i++)
			rc = pt_vec_push(m->arena, &o->head, s->label.head.v[i]);
	}
	return rc ? rc : imp_rule_write(m, r, ZONE_RULE);
}

static int spoof_if(struct imp *m, const struct imp_stmt *st, const struct spoof *s, const char *pf, bool dynamic)
{
	const char *name = imp_if_name(m, pf);
	int rc = imp_interface(m, st, pf);

	if (!rc)
		rc = spoof_rule(m, st, s, name,
				pt_arena_printf(m->arena, dynamic ? "(%s:network)" : "%s:network", name));
	if (rc || !strcmp(name, "lo")) /* on loopback its addresses are at home */
		return rc;
	return spoof_rule(m, st, s, NULL, pt_arena_printf(m->arena, dynamic ? "(%s)" : "%s", name));
}

int imp_antispoof(struct imp *m, const struct imp_stmt *st)
{
	struct imp_rule head = { .action = "block" };
	struct spoof s = { 0 };
	size_t end = st->toks.n, at = 1, on = 0;
	const char *why = NULL;
	imp_words skipped = { 0 };
	int rc = 0;

	while (at < end && !imp_is(st, at, "for"))
		at++;
	if (at >= end)
		return imp_fail(m, st, "antispoof names interfaces behind `for`");
	on = at + 1;
	rc = imp_rule_read(m, st, 1, at, &head, &why);
	at = on;
	if (!rc)
		rc = imp_copy(m, st, &at, &skipped);
	if (!rc)
		rc = imp_rule_read(m, st, at, end, &head, &why);
	if (rc == 1)
		return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, why);
	s.quick = head.quick;
	s.log = head.log;
	s.af = head.af;
	for (size_t i = 0; i < head.opts.n; i++)
		if (!strcmp(head.opts.v[i].kind->word, "label") && !s.label.head.n)
			s.label = head.opts.v[i];
	if (!m->first_rule)
		m->first_rule = st;
	for (size_t i = on; i < at && i < end && !rc; i++)
		if (st->toks.v[i].kind != IMP_MARK)
			rc = spoof_if(m, st, &s, st->toks.v[i].s, i && imp_is(st, i - 1, "("));
	return rc;
}

/* ---- scrub of the older language ---- */

static bool scrub_word(const char *s)
{
	static const char *const words[] = { "no-df",	"random-id",  "min-ttl", "max-mss",
					     "set-tos", "reassemble", "fragment" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!strcmp(s, words[i]))
			return true;
	return false;
}

/* "scrub in on em0 all no-df max-mss 1440 fragment reassemble" */
int imp_scrub(struct imp *m, const struct imp_stmt *st, size_t from)
{
	struct imp_rule *r = pt_arena_alloc(m->arena, sizeof(*r));
	struct imp_opt *o = NULL, found = { 0 };
	const char *why = NULL;
	size_t at = from;
	int rc;

	if (!r)
		return -ENOMEM;
	while (at < st->toks.n && !(st->toks.v[at].kind == IMP_WORD && scrub_word(st->toks.v[at].s)))
		at++;
	r->action = "match";
	rc = imp_rule_read(m, st, from, at, r, &why);
	if (rc == 1)
		return imp_leave(m, ZONE_SCRUB, st, PT_IMPORT_LEFT, why);
	for (; !rc && at < st->toks.n; at++) {
		struct imp_sub sub = { 0 };
		const char *s = st->toks.v[at].s;
		bool value = !strcmp(s, "min-ttl") || !strcmp(s, "max-mss") || !strcmp(s, "set-tos") ||
			     !strcmp(s, "reassemble");

		if (!strcmp(s, ","))
			continue;
		if (!strcmp(s, "fragment")) { /* however: they are put together */
			at++;
			continue;
		}
		rc = imp_put(m, &sub.w, s, &st->toks.v[at], false);
		if (!rc && value && at + 1 < st->toks.n)
			rc = imp_put(m, &sub.w, st->toks.v[at + 1].s, &st->toks.v[at + 1], false);
		at += value;
		if (!rc)
			rc = pt_vec_push(m->arena, &found.subs, sub);
	}
	if (rc)
		return rc;
	if (!found.subs.n && !imp_rule_has(r, "tag"))
		return imp_leave(m, ZONE_SCRUB, st, PT_IMPORT_NOTE,
				 "fragments are always put together before they are judged");
	rc = imp_rule_opt(m, r, "scrub", &o);
	if (rc)
		return rc;
	o->subs = found.subs;
	o->paren = true;
	rc = imp_put(m, &o->head, "scrub", NULL, false);
	return rc ? rc : imp_rule_write(m, r, ZONE_SCRUB);
}
