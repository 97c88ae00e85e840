/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The values of pf's rules as ours have them: addresses written out, loopback by its name here, interfaces and tables
 * remembered since they need sections.
 */
#include <ctype.h>
#include <errno.h>

#include "import/internal.h"

bool imp_is(const struct imp_stmt *st, size_t at, const char *s)
{
	return at < st->toks.n && st->toks.v[at].kind != IMP_STRING && !strcmp(st->toks.v[at].s, s);
}

int imp_put(struct imp *m, imp_words *w, const char *s, const struct imp_tok *t, bool glue)
{
	struct imp_word one = { s, t, glue };

	return pt_vec_push(m->arena, w, one);
}

static bool closing(const char *s)
{
	return !strcmp(s, ")") || !strcmp(s, ",") || !strcmp(s, ">") || !strcmp(s, "/");
}

/* Whether what stands behind W's last word touches it. */
static bool touches(const imp_words *w)
{
	const char *last = w->n ? w->v[w->n - 1].s : "";

	return !strcmp(last, "(") || !strcmp(last, "/");
}

/* A string that the rule language would not read as the same word. */
static const char *quoted(struct imp *m, const struct imp_tok *t)
{
	if (t->kind != IMP_STRING)
		return t->s;
	for (const char *c = t->s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-:*+", *c))
			return pt_arena_printf(m->arena, "\"%s\"", t->s);
	return *t->s ? t->s : "\"\"";
}

static int copy_one(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	const struct imp_tok *t = &st->toks.v[(*at)++];
	const char *s = quoted(m, t);

	if (!s)
		return -ENOMEM;
	return imp_put(m, w, s, t, touches(w) || (t->kind == IMP_MARK && closing(s)));
}

int imp_copy(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	int depth = 0, rc = 0;

	if (*at >= st->toks.n)
		return 0;
	do {
		const struct imp_tok *t = &st->toks.v[*at];

		if (t->kind == IMP_MARK && (*t->s == '{' || *t->s == '('))
			depth++;
		if (t->kind == IMP_MARK && (*t->s == '}' || *t->s == ')'))
			depth--;
		rc = copy_one(m, st, at, w);
		while (!rc && !depth && imp_is(st, *at, "/") && *at + 1 < st->toks.n) {
			rc = copy_one(m, st, at, w);
			if (!rc)
				rc = copy_one(m, st, at, w);
		}
	} while (!rc && depth > 0 && *at < st->toks.n);
	return rc;
}

/* ---- lists ---- */

/* One value, or several in braces. */
static int list(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w, int depth,
		int (*item)(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w))
{
	bool any = false;
	int rc;

	if (!imp_is(st, *at, "{"))
		return *at < st->toks.n ? item(m, st, at, w) : 0;
	if (depth > IMP_NEST_MAX)
		return imp_copy(m, st, at, w); /* the rule language says that it is too deep */
	rc = copy_one(m, st, at, w);
	while (!rc && *at < st->toks.n && !imp_is(st, *at, "}")) {
		if (imp_is(st, *at, ",")) {
			rc = copy_one(m, st, at, w);
			any = false;
			continue;
		}
		if (any)
			rc = imp_put(m, w, ",", NULL, true);
		if (!rc)
			rc = list(m, st, at, w, depth + 1, item);
		any = true;
	}
	return !rc && *at < st->toks.n ? copy_one(m, st, at, w) : rc;
}

/* ---- interfaces ---- */

const char *imp_if_name(const struct imp *m, const char *pf)
{
	const struct pt_import_device *d = m->env->devices;
	const char *device = NULL;

	if (!strcmp(pf, "lo0"))
		return "lo";
	for (size_t i = 0; i < m->env->n_devices && !device; i++)
		device = strcmp(d[i].name, pf) ? NULL : d[i].device;
	/* Two names of one device, such as egress: the first one stands for both. */
	for (size_t i = 0; device && i < m->env->n_devices; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): each of them has one */
		if (!strcmp(d[i].device, device))
			return d[i].name;
	return pf;
}

/* em0, igb1.20, ix0_vlan3 … */
bool imp_looks_if(const char *s)
{
	size_t letters = 0;

	while (isalpha((unsigned char)s[letters]))
		letters++;
	if (!letters || strlen(s) > 15)
		return false;
	s += letters;
	if (!isdigit((unsigned char)*s))
		return false;
	while (isdigit((unsigned char)*s))
		s++;
	if (*s != '.' && *s != '_')
		return !*s;
	for (s++; isalnum((unsigned char)*s); s++)
		;
	return !*s;
}

static int one_if(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	const struct imp_tok *t;
	int rc = 0;

	if (imp_is(st, *at, "!"))
		rc = copy_one(m, st, at, w);
	if (rc || *at >= st->toks.n)
		return rc;
	t = &st->toks.v[(*at)++];
	if (t->kind != IMP_MARK && strcmp(t->s, "any") != 0)
		rc = imp_interface(m, st, t->s);
	return rc ? rc : imp_put(m, w, t->kind == IMP_MARK ? t->s : imp_if_name(m, t->s), t, false);
}

int imp_on(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	if (imp_is(st, *at, "any")) { /* that is every interface */
		(*at)++;
		return 0;
	}
	return list(m, st, at, w, 0, one_if);
}

/* ---- protocols ---- */

static int one_proto(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	static const struct {
		const char *name, *number;
	} more[] = { { "carp", "112" },	 { "vrrp", "112" },	{ "pfsync", "240" }, { "etherip", "97" },
		     { "ipencap", "4" }, { "ipv6-icmp", "58" }, { "icmp6", "58" },   { "mobile", "55" } };
	const struct imp_tok *t = &st->toks.v[*at];
	uint8_t proto;

	if (t->kind == IMP_MARK || !pt_proto_parse(t->s, &proto))
		return copy_one(m, st, at, w);
	for (size_t i = 0; i < PT_ARRAY_SIZE(more); i++)
		if (!strcmp(more[i].name, t->s)) {
			(*at)++;
			return imp_put(m, w, more[i].number, t, false);
		}
	return copy_one(m, st, at, w);
}

int imp_protos(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	return list(m, st, at, w, 0, one_proto);
}

/* ---- addresses ---- */

const char *imp_address(struct imp *m, const char *s, const char *len)
{
	struct pt_prefix p = { 0 };
	struct pt_buf b = { 0 };
	const char *text = NULL;
	char full[24];
	size_t dots = 0, n = strlen(s);
	uint64_t bits;

	/* 10/8, 192.168/16: pf adds what is missing. */
	if (len && n && n <= 11 && strspn(s, "0123456789.") == n && s[n - 1] != '.') {
		for (const char *c = s; *c; c++)
			dots += *c == '.';
		memcpy(full, s, n + 1);
		for (; dots < 3; dots++, n += 2)
			memcpy(full + n, ".0", 3);
		s = full;
	}
	if (pt_addr_parse(s, &p.addr))
		return NULL;
	p.len = (uint8_t)pt_af_bits(p.addr.af);
	if (len && pt_parse_uint(len, p.len, &bits))
		return NULL;
	if (len)
		p.len = (uint8_t)bits;
	p.addr.v = pt_prefix_lo(&p);
	pt_prefix_fmt(&b, p);
	if (!b.err)
		text = pt_arena_strdup(m->arena, b.s);
	pt_buf_fini(&b);
	return text;
}

/* "em0", "em0:network" */
static int if_host(struct imp *m, const struct imp_stmt *st, const struct imp_tok *t, imp_words *w)
{
	const char *colon = strchr(t->s, ':'), *name = t->s, *s = t->s;
	int rc;

	if (colon)
		name = pt_arena_strndup(m->arena, t->s, (size_t)(colon - t->s));
	if (!name)
		return -ENOMEM;
	rc = imp_interface(m, st, name);
	if (colon && strcmp(imp_if_name(m, name), name) != 0)
		s = pt_arena_printf(m->arena, "%s%s", imp_if_name(m, name), colon);
	else if (!colon)
		s = imp_if_name(m, name);
	return rc ? rc : s ? imp_put(m, w, s, t, touches(w)) : -ENOMEM;
}

static bool names_if(const struct imp *m, const char *s)
{
	const char *colon = strchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : strlen(s);

	if (!isalpha((unsigned char)*s) || n > 15)
		return false;
	if (colon && (!strncmp(colon, ":network", 8) || !strncmp(colon, ":broadcast", 10) ||
		      !strncmp(colon, ":peer", 5) || !strcmp(colon, ":0")))
		return true;
	for (size_t i = 0; i < m->ifs.n; i++)
		if (!strcmp(m->ifs.v[i].name, imp_if_name(m, s)))
			return true;
	return !colon && (imp_looks_if(s) || !strchr(s, '.'));
}

static int table_host(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	int rc = copy_one(m, st, at, w);

	if (!rc && *at < st->toks.n) {
		rc = imp_table_used(m, st, st->toks.v[*at].s, false);
		if (!rc)
			rc = imp_put(m, w, st->toks.v[*at].s, &st->toks.v[*at], true);
		(*at)++;
	}
	return !rc && imp_is(st, *at, ">") ? copy_one(m, st, at, w) : rc;
}

static bool special(const char *s)
{
	static const char *const words[] = { "any", "self", "no-route", "urpf-failed", "geoip" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!strcmp(s, words[i]))
			return true;
	return false;
}

/* One word for those from A to B: of a macro only where all of them are of one use of it. */
static const struct imp_tok *joined(struct imp *m, const struct imp_tok *a, const struct imp_tok *b)
{
	struct imp_tok *t = pt_arena_alloc(m->arena, sizeof(*t));

	if (!t)
		return NULL;
	*t = *a;
	t->last = b->last;
	if (a->macro != b->macro || a->use != b->use)
		t->macro = 0;
	t->prefix = 0;
	return t;
}

/* An address, perhaps with a length: unchanged words keep where they are from, so that macros are seen in them. */
static int address(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	const struct imp_tok *t = &st->toks.v[*at];
	bool len = imp_is(st, *at + 1, "/") && *at + 2 < st->toks.n;
	const char *text = imp_address(m, t->s, len ? st->toks.v[*at + 2].s : NULL);
	size_t n = strlen(t->s);
	int rc;

	if (!text)
		return 1;
	if (!strncmp(text, t->s, n) && (!len || (text[n] == '/' && !strcmp(text + n + 1, st->toks.v[*at + 2].s))))
		return imp_copy(m, st, at, w);
	t = len ? joined(m, t, &st->toks.v[*at + 2]) : t;
	rc = t ? imp_put(m, w, text, t, touches(w)) : -ENOMEM;
	*at += len ? 3 : 1;
	return rc;
}

static int one_host(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	const struct imp_tok *t;
	int rc = 0;

	if (imp_is(st, *at, "!"))
		rc = copy_one(m, st, at, w);
	if (rc || *at >= st->toks.n)
		return rc;
	t = &st->toks.v[*at];
	if (imp_is(st, *at, "<"))
		return table_host(m, st, at, w);
	if (imp_is(st, *at, "(")) {
		rc = copy_one(m, st, at, w);
		if (!rc && *at < st->toks.n && st->toks.v[*at].kind != IMP_MARK && !imp_is(st, *at, "self"))
			rc = if_host(m, st, &st->toks.v[(*at)++], w);
		else if (!rc && *at < st->toks.n)
			rc = copy_one(m, st, at, w);
		return !rc && imp_is(st, *at, ")") ? copy_one(m, st, at, w) : rc;
	}
	if (t->kind == IMP_MARK)
		return copy_one(m, st, at, w);
	rc = address(m, st, at, w);
	if (rc == 1 && !special(t->s) && names_if(m, t->s)) {
		(*at)++;
		rc = if_host(m, st, t, w);
	} else if (rc == 1) {
		rc = imp_copy(m, st, at, w);
	}
	if (!rc &&
	    (imp_is(st, *at, "-") || imp_is(st, *at, "weight") || (!strcmp(t->s, "geoip") && *at < st->toks.n)) &&
	    *at + 1 < st->toks.n) {
		rc = copy_one(m, st, at, w);
		if (!rc && strcmp(t->s, "geoip") != 0)
			rc = copy_one(m, st, at, w);
	}
	return rc;
}

int imp_hosts(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	return list(m, st, at, w, 0, one_host);
}

/* ---- ports, users ---- */

static bool op(const struct imp_stmt *st, size_t at)
{
	return at < st->toks.n && st->toks.v[at].kind == IMP_MARK && strchr("=!<>", *st->toks.v[at].s);
}

static int one_port(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	size_t n = w->n;
	int rc = 0;

	while (!rc && op(st, *at)) {
		rc = copy_one(m, st, at, w);
		if (!rc)
			w->v[w->n - 1].glue = w->n > n + 1;
	}
	if (!rc && *at < st->toks.n)
		rc = copy_one(m, st, at, w);
	/* 1 >< 9 */
	if (rc || !op(st, *at) || !op(st, *at + 1) || *at + 2 >= st->toks.n)
		return rc;
	rc = copy_one(m, st, at, w);
	if (!rc)
		rc = copy_one(m, st, at, w);
	if (rc)
		return rc;
	w->v[w->n - 2].glue = false;
	w->v[w->n - 1].glue = true;
	return copy_one(m, st, at, w);
}

int imp_ports(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *w)
{
	return list(m, st, at, w, 0, one_port);
}

/* ---- words into text ---- */

/* The words from I on that one use of a macro brought: behind the last one; I when they are not all there. */
static size_t whole_use(const imp_words *w, size_t i)
{
	const struct imp_tok *t = w->v[i].t;
	uint32_t macro = t && t->first ? t->macro : 0;

	if (!macro)
		return i;
	for (size_t k = i; k < w->n; k++) {
		const struct imp_tok *x = w->v[k].t;

		/* commas that were left out there */
		if (!x && !strcmp(w->v[k].s, ","))
			continue;
		if (!x || x->macro != macro || x->use != t->use)
			return i;
		if (x->last)
			return k + 1;
	}
	return i;
}

static void plain(struct pt_buf *b, const imp_words *w, size_t from, size_t to, bool lone)
{
	for (size_t i = from; i < to; i++)
		pt_buf_fmt(b, "%s%s", (i > from || !lone) && b->n && !w->v[i].glue ? " " : "", w->v[i].s);
}

static bool macro_name_ok(const char *s)
{
	return isalpha((unsigned char)*s) && strlen(s) <= 31;
}

void imp_join(struct imp *m, struct pt_buf *b, const imp_words *w, bool fold)
{
	for (size_t i = 0; i < w->n;) {
		size_t end = fold ? whole_use(w, i) : i;
		const struct imp_macro *one = end > i ? &m->macros.v[w->v[i].t->macro - 1] : NULL;
		const struct imp_tok *t = w->v[i].t;

		if (one && one->shown && !one->clash) {
			pt_buf_fmt(b, "%s$%s", b->n && !w->v[i].glue ? " " : "", one->name);
			i = end;
			continue;
		}
		one = fold && t && t->prefix ? &m->macros.v[t->prefix - 1] : NULL;
		if (one && one->shown && !one->clash && !strcmp(one->shown, one->value) && !strcmp(w->v[i].s, t->s))
			pt_buf_fmt(b, "%s$%s%s", b->n && !w->v[i].glue ? " " : "", one->name,
				   t->s + strlen(one->value));
		else
			plain(b, w, i, i + 1, false);
		i++;
	}
}

/* Remembers what the macros of W look like in rules. */
int imp_macros_shown(struct imp *m, const imp_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		size_t end = whole_use(w, i);
		const struct imp_tok *t = w->v[i].t;
		struct imp_macro *one = t && end > i ? &m->macros.v[t->macro - 1] : NULL;
		struct pt_buf b = { 0 };

		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a number above 0 is that of one there is */
		if (!one && t && t->prefix && !m->macros.v[t->prefix - 1].shown &&
		    macro_name_ok(m->macros.v[t->prefix - 1].name) && !strcmp(w->v[i].s, t->s))
			m->macros.v[t->prefix - 1].shown = m->macros.v[t->prefix - 1].value;
		if (!one || one->clash)
			continue;
		plain(&b, w, i, end, true);
		if (b.err) {
			pt_buf_fini(&b);
			return -ENOMEM;
		}
		if (!macro_name_ok(one->name) || !b.n || (one->shown && strcmp(one->shown, b.s) != 0))
			one->clash = true;
		else if (!one->shown)
			one->shown = pt_arena_strdup(m->arena, b.s);
		pt_buf_fini(&b);
		if (!one->clash && !one->shown)
			return -ENOMEM;
	}
	return 0;
}
