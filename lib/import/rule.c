/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rule of pf in parts. */
#include <errno.h>

#include "import/internal.h"

static const struct imp_option options[] = {
	{ "flags", IMP_FLAGS, true, NULL },
	{ "icmp-type", IMP_ICMP, true, NULL },
	{ "icmp6-type", IMP_ICMP, true, NULL },
	{ "user", IMP_OPS, true, NULL },
	{ "group", IMP_OPS, true, NULL },
	{ "tos", IMP_VALUE, true, NULL },
	{ "os", IMP_VALUE, true, NULL },
	{ "prio", IMP_VALUE, true, NULL },
	{ "probability", IMP_VALUE, true, NULL },
	{ "received-on", IMP_VALUE, true, NULL },
	{ "fragment", IMP_ALONE, true, NULL },
	{ "tagged", IMP_TAGGED, true, NULL },
	{ "max-pkt-rate", IMP_VALUE, true, NULL },
	{ "once", IMP_ALONE, true, NULL },
	{ "rtable", IMP_VALUE, false, NULL },
	{ "route-to", IMP_ROUTE, false, NULL },
	{ "divert-to", IMP_PORT, false, NULL },
	{ "divert-packet", IMP_PORT, false, NULL },
	{ "divert-reply", IMP_ALONE, false, NULL },
	{ "af-to", IMP_AF, false, NULL },
	{ "nat-to", IMP_POOL, false, NULL },
	{ "rdr-to", IMP_POOL, false, NULL },
	{ "binat-to", IMP_POOL, false, NULL },
	{ "reply-to", IMP_ROUTE, false, "answers take the way of the routing table" },
	{ "dup-to", IMP_ROUTE, false, "nothing is duplicated" },
	{ "allow-opts", IMP_ALONE, false, "" },
	{ "queue", IMP_VALUE, false, "the packets go to no queue" },
	{ "set", IMP_SET, false, "it is not set" },
	{ "scrub", IMP_SUBS, false, "packets are not normalised in this way" },
	{ "dnqueue", IMP_VALUE, false, "the packets go to no queue" },
	{ "dnpipe", IMP_VALUE, false, "the packets go through no pipe" },
	{ "ridentifier", IMP_VALUE, false, "" },
	{ "tracker", IMP_VALUE, false, "" },
	{ "tag", IMP_TAG, false, NULL },
	{ "label", IMP_TAG, false, "the rule has the name of its text" },
	{ "keep", IMP_STATE, false, NULL },
	{ "no", IMP_STATE, false, NULL },
	{ "modulate", IMP_STATE, false, "sequence numbers stay as the hosts chose them" },
	{ "synproxy", IMP_STATE, false, "handshakes are not answered for the host" },
};

static const struct imp_option *option_of(const struct imp_stmt *st, size_t at)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++)
		if (imp_is(st, at, options[i].word))
			return &options[i];
	return NULL;
}

const struct imp_option *imp_option_named(const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].word, word))
			return &options[i];
	return NULL;
}

int imp_rule_opt(struct imp *m, struct imp_rule *r, const char *word, struct imp_opt **out)
{
	struct imp_opt o = { .kind = imp_option_named(word) };
	int rc = pt_vec_push(m->arena, &r->opts, o);
	*out = rc ? NULL : &r->opts.v[r->opts.n - 1];
	return rc;
}

bool imp_rule_has(const struct imp_rule *r, const char *word)
{
	for (size_t i = 0; i < r->opts.n; i++)
		if (!strcmp(r->opts.v[i].kind->word, word))
			return true;
	return false;
}

/* ---- values of options ---- */

/* ( a, b c, d ) or { … }: each of them is one sub. */
static int subs(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	struct imp_sub sub = { 0 };
	int rc = 0;

	o->paren = true;
	(*at)++;
	while (!rc && *at < st->toks.n && !imp_is(st, *at, ")") && !imp_is(st, *at, "}")) {
		if (imp_is(st, *at, ",")) {
			(*at)++;
			rc = sub.w.n ? pt_vec_push(m->arena, &o->subs, sub) : 0;
			memset(&sub, 0, sizeof(sub));
		} else if (imp_is(st, *at, "<")) {
			rc = imp_hosts(m, st, at, &sub.w);
		} else {
			rc = imp_copy(m, st, at, &sub.w);
		}
	}
	(*at)++;
	return rc || !sub.w.n ? rc : pt_vec_push(m->arena, &o->subs, sub);
}

/* "scrub (no-df random-id max-mss 1440)": commas are rare there, numbers belong to the word before. */
static int scrub_subs(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	int rc = 0;

	o->paren = true;
	for ((*at)++; !rc && *at < st->toks.n && !imp_is(st, *at, ")"); (*at)++) {
		struct imp_sub sub = { 0 };

		if (imp_is(st, *at, ","))
			continue;
		rc = imp_put(m, &sub.w, st->toks.v[*at].s, &st->toks.v[*at], false);
		if (!rc && *at + 1 < st->toks.n &&
		    (imp_is(st, *at, "max-mss") || imp_is(st, *at, "min-ttl") || imp_is(st, *at, "set-tos") ||
		     imp_is(st, *at, "reassemble"))) {
			++*at;
			rc = imp_put(m, &sub.w, st->toks.v[*at].s, &st->toks.v[*at], false);
		}
		if (!rc)
			rc = pt_vec_push(m->arena, &o->subs, sub);
	}
	(*at)++;
	return rc;
}

static int flags(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	if (imp_is(st, *at, "/")) {
		int rc = imp_put(m, &o->head, "/", &st->toks.v[(*at)++], false);

		if (!rc && *at < st->toks.n)
			rc = imp_put(m, &o->head, st->toks.v[*at].s, &st->toks.v[*at], true);
		(*at)++;
		return rc;
	}
	return imp_copy(m, st, at, &o->head);
}

static int icmp(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	int rc = imp_copy(m, st, at, &o->head);

	if (rc || !imp_is(st, *at, "code"))
		return rc;
	rc = imp_copy(m, st, at, &o->head);
	return rc ? rc : imp_copy(m, st, at, &o->head);
}

int imp_pool(struct imp *m, const struct imp_stmt *st, size_t *at, size_t to, struct imp_opt *o)
{
	static const char *const words[] = { "round-robin",    "random",       "source-hash", "bitmask",
					     "sticky-address", "least-states", "static-port" };
	int rc = imp_hosts(m, st, at, &o->head);

	while (!rc && *at < to && *at < st->toks.n) {
		struct imp_sub sub = { 0 };
		bool hash = imp_is(st, *at, "source-hash"), known = false;

		if (imp_is(st, *at, "port")) {
			rc = imp_copy(m, st, at, &o->head);
			if (!rc)
				rc = imp_ports(m, st, at, &o->head);
			continue;
		}
		for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
			known = known || imp_is(st, *at, words[i]);
		if (!known)
			break;
		rc = imp_copy(m, st, at, &sub.w);
		/* a key: 0x… or a string */
		if (!rc && hash && *at < to &&
		    (st->toks.v[*at].kind == IMP_STRING || !strncmp(st->toks.v[*at].s, "0x", 2)))
			rc = imp_copy(m, st, at, &sub.w);
		if (!rc)
			rc = pt_vec_push(m->arena, &o->subs, sub);
	}
	return rc;
}

/* "(em1 10.0.0.1)", "10.0.0.1", "{ (em1 10.0.0.1), (em2 10.1.0.1) } round-robin" */
static int route(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	size_t from = *at, n = 0;
	int rc = imp_copy(m, st, at, &o->head);

	for (size_t i = from; !rc && i < *at; i++)
		if (imp_is(st, i, "(") && i + 1 < *at && imp_looks_if(st->toks.v[i + 1].s))
			rc = imp_interface(m, st, st->toks.v[i + 1].s);
	while (!rc &&
	       (imp_is(st, *at, "round-robin") || imp_is(st, *at, "random") || imp_is(st, *at, "source-hash") ||
		imp_is(st, *at, "sticky-address") || imp_is(st, *at, "least-states")) &&
	       n++ < 4)
		rc = imp_copy(m, st, at, &o->head);
	return rc;
}

static int words_until_option(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	int rc = imp_copy(m, st, at, &o->head); /* inet */

	while (!rc && (imp_is(st, *at, "from") || imp_is(st, *at, "to"))) {
		rc = imp_copy(m, st, at, &o->head);
		if (!rc)
			rc = imp_hosts(m, st, at, &o->head);
	}
	return rc;
}

static int divert(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	int rc = imp_is(st, *at, "port") ? 0 : imp_hosts(m, st, at, &o->head);

	if (!rc && imp_is(st, *at, "port"))
		rc = imp_copy(m, st, at, &o->head);
	return rc ? rc : imp_ports(m, st, at, &o->head);
}

/* A name, always of one word. */
static int name(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	return imp_copy(m, st, at, &o->head);
}

static int state(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_opt *o)
{
	int rc = imp_is(st, *at, "state") ? imp_copy(m, st, at, &o->head) : 0;

	return !rc && imp_is(st, *at, "(") ? subs(m, st, at, o) : rc;
}

/* Each of "set (prio 3, tos lowdelay)" is one option: some may be refused. */
static int set(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_rule *r, struct imp_opt *o)
{
	struct imp_opt all = { 0 };
	int rc;

	if (!imp_is(st, *at, "(") || imp_is(st, *at + 1, "(")) {
		rc = imp_copy(m, st, at, &o->head);
		return rc ? rc : imp_copy(m, st, at, &o->head);
	}
	/* A comma inside of "prio (3, 5)" belongs to it. */
	(*at)++;
	while (*at < st->toks.n && !imp_is(st, *at, ")")) {
		struct imp_opt one = { .kind = o->kind };

		if (imp_is(st, *at, ",")) {
			(*at)++;
			continue;
		}
		rc = imp_put(m, &one.head, "set", NULL, false);
		if (!rc)
			rc = imp_copy(m, st, at, &one.head);
		if (!rc)
			rc = imp_copy(m, st, at, &one.head);
		if (!rc)
			rc = pt_vec_push(m->arena, &r->opts, one);
		if (rc)
			return rc;
		all.paren = true;
	}
	(*at)++;
	return all.paren ? 1 : 0;
}

static int option_value(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_rule *r, struct imp_opt *o,
			size_t to)
{
	switch (o->kind->shape) {
	case IMP_ALONE:
		return 0;
	case IMP_VALUE:
		return imp_copy(m, st, at, &o->head);
	case IMP_OPS:
		return imp_ports(m, st, at, &o->head);
	case IMP_FLAGS:
		return flags(m, st, at, o);
	case IMP_ICMP:
		return icmp(m, st, at, o);
	case IMP_TAG:
	case IMP_TAGGED:
		return name(m, st, at, o);
	case IMP_STATE:
		return state(m, st, at, o);
	case IMP_POOL:
		return imp_pool(m, st, at, to, o);
	case IMP_ROUTE:
		return route(m, st, at, o);
	case IMP_AF:
		return words_until_option(m, st, at, o);
	case IMP_PORT:
		return divert(m, st, at, o);
	case IMP_SUBS:
		return imp_is(st, *at, "(") ? scrub_subs(m, st, at, o) : 0;
	case IMP_SET:
		return set(m, st, at, r, o);
	}
	return 0;
}

static int read_option(struct imp *m, const struct imp_stmt *st, size_t *at, size_t to, struct imp_rule *r,
		       const struct imp_option *kind, bool neg)
{
	struct imp_opt o = { .kind = kind };
	int rc = 0;

	if (neg)
		rc = imp_put(m, &o.head, "!", NULL, false);
	if (!rc)
		rc = imp_put(m, &o.head, kind->word, &st->toks.v[*at], false);
	++*at;
	if (!rc)
		rc = option_value(m, st, at, r, &o, to);
	if (rc)
		return rc == 1 ? 0 : rc; /* in several options already */
	return pt_vec_push(m->arena, &r->opts, o);
}

/* ---- the rule ---- */

static int read_side(struct imp *m, const struct imp_stmt *st, size_t *at, imp_words *hosts, imp_words *ports)
{
	int rc = imp_is(st, *at, "port") ? 0 : imp_hosts(m, st, at, hosts);

	if (rc || !imp_is(st, *at, "port"))
		return rc;
	++*at;
	return imp_ports(m, st, at, ports);
}

static int read_return(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_rule *r)
{
	int rc = imp_copy(m, st, at, &r->ret);

	return !rc && imp_is(st, *at, "(") ? imp_copy(m, st, at, &r->ret) : rc;
}

static bool is_return(const struct imp_stmt *st, size_t at)
{
	return imp_is(st, at, "drop") || imp_is(st, at, "return") || imp_is(st, at, "return-rst") ||
	       imp_is(st, at, "return-icmp") || imp_is(st, at, "return-icmp6");
}

static int read_log(struct imp *m, const struct imp_stmt *st, size_t *at, struct imp_rule *r)
{
	int rc = imp_copy(m, st, at, &r->log);

	return !rc && imp_is(st, *at, "(") ? imp_copy(m, st, at, &r->log) : rc;
}

/* One part; 1: none begins here. */
static int read_part(struct imp *m, const struct imp_stmt *st, size_t *at, size_t to, struct imp_rule *r)
{
	const struct imp_option *kind;
	size_t was = *at;

	if (imp_is(st, was, "in") || imp_is(st, was, "out"))
		r->dir = st->toks.v[(*at)++].s;
	else if (imp_is(st, was, "log"))
		return read_log(m, st, at, r);
	else if (imp_is(st, was, "quick"))
		r->quick = ++*at > 0;
	else if (imp_is(st, was, "on"))
		return ++*at, imp_on(m, st, at, &r->on);
	else if (imp_is(st, was, "inet") || imp_is(st, was, "inet6"))
		return imp_copy(m, st, at, &r->af);
	else if (imp_is(st, was, "proto"))
		return ++*at, imp_protos(m, st, at, &r->proto);
	else if (imp_is(st, was, "all"))
		++*at;
	else if (imp_is(st, was, "from"))
		return ++*at, r->has_src = true, read_side(m, st, at, &r->src, &r->sport);
	else if (imp_is(st, was, "to"))
		return ++*at, r->has_dst = true, read_side(m, st, at, &r->dst, &r->dport);
	else if (is_return(st, was) && !strcmp(r->action, "block"))
		return read_return(m, st, at, r);
	else if (imp_is(st, was, "!") && imp_is(st, was + 1, "tagged"))
		return ++*at, read_option(m, st, at, to, r, option_of(st, *at), true);
	else if ((kind = option_of(st, was)) != NULL)
		return read_option(m, st, at, to, r, kind, false);
	else
		return 1;
	return 0;
}

bool imp_rule_word(const struct imp_stmt *st, size_t at)
{
	static const char *const words[] = { "in",    "out",   "log", "quick", "on", "inet",
					     "inet6", "proto", "all", "from",  "to", "{" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (imp_is(st, at, words[i]))
			return true;
	return option_of(st, at);
}

int imp_rule_read(struct imp *m, const struct imp_stmt *st, size_t from, size_t to, struct imp_rule *r,
		  const char **why)
{
	int rc = 0;

	r->st = st;
	while (from < to && !rc) {
		size_t at = from;

		if (imp_is(st, at, ",")) { /* pf takes commas between options */
			from++;
			continue;
		}
		rc = read_part(m, st, &from, to, r);
		if (rc != 1)
			continue;
		*why = pt_arena_printf(m->arena, "'%.64s' is no word of a rule that is known here", st->toks.v[at].s);
		return *why ? 1 : -ENOMEM;
	}
	return rc;
}

/* ---- pass, block, match ---- */

/* The rule meets every packet of its direction and family. */
void imp_cover(struct imp *m, const struct imp_rule *r)
{
	bool any = !r->on.n && !r->proto.n && !r->src.n && !r->dst.n && !r->sport.n && !r->dport.n;
	const char *af = r->af.n ? r->af.v[0].s : NULL;

	if (!strcmp(r->action, "match") || m->anchors.n)
		return;
	for (size_t i = 0; i < r->opts.n; i++)
		any = any && !r->opts.v[i].kind->condition;
	for (int dir = 0; dir < 2 && any; dir++)
		for (int six = 0; six < 2; six++) {
			if ((r->dir && strcmp(r->dir, dir ? "out" : "in") != 0) ||
			    (af && strcmp(af, six ? "inet6" : "inet") != 0))
				continue;
			if (!m->covered[dir][six] && !strcmp(r->action, "pass"))
				m->covers_by_pass = true;
			m->covered[dir][six] = true;
		}
}

static bool any_host(const imp_words *w)
{
	return w->n == 1 && !strcmp(w->v[0].s, "any");
}

int imp_rule_stmt(struct imp *m, const struct imp_stmt *st)
{
	struct imp_rule *r = pt_arena_alloc(m->arena, sizeof(*r));
	const char *why = NULL;
	int rc;

	if (!r)
		return -ENOMEM;
	if (!m->first_rule)
		m->first_rule = st;
	r->action = st->toks.v[0].s;
	rc = imp_rule_read(m, st, 1, st->toks.n, r, &why);
	if (rc == 1)
		return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, why);
	if (rc)
		return rc;
	if (any_host(&r->src))
		r->src.n = 0;
	if (any_host(&r->dst))
		r->dst.n = 0;
	if (m->anchors.n && m->anchors.v[m->anchors.n - 1].dead)
		return imp_leave(m, ZONE_RULE, st, PT_IMPORT_LEFT, "its anchor is left out");
	imp_cover(m, r);
	if (imp_rule_has(r, "tag") || imp_rule_has(r, "tagged"))
		m->tags = true;
	return imp_rule_write(m, r, ZONE_RULE);
}
