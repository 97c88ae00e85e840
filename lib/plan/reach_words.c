/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "from guest to lan proto tcp port 443" as a question. Ends are interfaces, places or addresses; protocols, ports and addresses
 * are those of the rule language, and the parser of rules reads them.
 */
#include <errno.h>
#include <string.h>

#include "plan/question.h"
#include "plan/reach_parts.h"

enum word { WORD_FROM, WORD_TO, WORD_PROTO, WORD_PORT, WORD_AT, WORDS };
static const char *const names[] = { "from", "to", "proto", "port", "at", NULL };
static const char *const ends[] = { "any", "internet", "self", NULL };

struct asking {
	const struct pt_world *w;
	const char *const *v;
	size_t n, at[WORDS];   /* of each word's value, 0: not given */
	size_t also[WORDS];    /* of a second value: an end may be an interface and addresses */
	struct pt_policy *view;
	uint64_t now;
	struct pt_reach_question *q;
	struct pt_err *e;
};

const char *pt_reach_word(size_t i)
{
	return i < WORDS ? names[i] : NULL;
}

const char *pt_reach_end_word(size_t i)
{
	return i < PT_ARRAY_SIZE(ends) ? ends[i] : NULL;
}

/* ---- messages ---- */

static int wrong(const struct asking *k, size_t word, const char *hint, const char *what)
{
	struct pt_loc loc = { .file = "question", .line = 1 };
	struct pt_buf line = { 0 };

	for (size_t i = 0; i < k->n; i++) {
		pt_buf_str(&line, i ? " " : "");
		if (i == word) {
			loc.col = (uint32_t)line.n + 1;
			loc.len = (uint32_t)strlen(k->v[i]);
		}
		pt_buf_str(&line, k->v[i]);
	}
	if (word >= k->n)
		loc.col = (uint32_t)line.n + 2;
	pt_err_add(k->e, PT_ERROR, &loc, hint, word < k->n ? "'%.64s': %s" : "%.0s%s", word < k->n ? k->v[word] : "", what);
	if (!line.err && line.s)
		pt_err_source(k->e, line.s, line.n);
	pt_buf_fini(&line);
	return -EINVAL;
}

static int did_you_mean(const struct asking *k, size_t word, const char *const *list, size_t n, const char *other,
			const char *what)
{
	const char *near = pt_nearest(k->v[word], list, n);
	struct pt_buf hint = { 0 };
	int rc;

	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	rc = wrong(k, word, hint.s ? hint.s : other, what);
	pt_buf_fini(&hint);
	return rc;
}

/* ---- interfaces ---- */

static int add_device(struct asking *k, struct pt_reach_end *end, const char *device)
{
	for (size_t i = 0; i < end->devices.n; i++)
		if (!strcmp(end->devices.v[i], device))
			return 0;
	device = pt_arena_strdup(k->q->arena, device);
	return device ? pt_vec_push(k->q->arena, &end->devices, device) : -ENOMEM; /* NOLINT(bugprone-sizeof-expression) */
}

static bool in_group(const struct pt_conf_if *i, const char *name)
{
	for (size_t g = 0; g < i->groups.n; g++)
		if (!strcmp(i->groups.v[g].s, name))
			return true;
	return false;
}

/* 1: NAME is an interface, a group or a device. */
static int interfaces(struct asking *k, const char *name, struct pt_reach_end *end)
{
	const struct pt_conf *c = k->w->policy->conf;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].name, name) || in_group(&c->interfaces.v[i], name))
			rc = add_device(k, end, c->interfaces.v[i].device);
	for (size_t i = 0; !rc && !end->devices.n && i < k->w->host->ifs.n; i++)
		if (!strcmp(k->w->host->ifs.v[i].device, name))
			rc = add_device(k, end, name);
	return rc ? rc : end->devices.n > 0;
}

/* ---- the internet: behind the default routes, and not a network of another interface ---- */

static bool is_end_device(const struct pt_reach_end *end, const char *device)
{
	for (size_t i = 0; i < end->devices.n; i++)
		if (!strcmp(end->devices.v[i], device))
			return true;
	return false;
}

static int networks(struct asking *k, const struct pt_reach_end *end, struct pt_iset inside[2])
{
	const struct pt_host *h = k->w->host;
	int rc = 0;

	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t n = 0; !rc && !is_end_device(end, h->ifs.v[i].device) && n < h->ifs.v[i].addrs.n; n++) {
			const struct pt_prefix *p = &h->ifs.v[i].addrs.v[n].prefix;

			if (p->addr.af == PT_AF_INET6 && p->addr.v >> 118 == 0xfe80 >> 6)
				continue; /* each link has these */
			rc = pt_iset_add(k->q->arena, &inside[p->addr.af == PT_AF_INET6], pt_prefix_lo(p), pt_prefix_hi(p));
		}
	return rc;
}

static int internet(struct asking *k, size_t word, struct pt_reach_end *end)
{
	struct pt_iset inside[2] = { { 0 }, { 0 } };
	struct pt_net_ways ways;
	int rc = k->w->ways(k->w->arg, k->q->arena, &ways, k->e);

	for (size_t i = 0; !rc && i < ways.v.n; i++)
		if (ways.v.v[i].by_default[0] || ways.v.v[i].by_default[1])
			rc = add_device(k, end, ways.v.v[i].device);
	if (!rc && !end->devices.n)
		return wrong(k, word, "name the interface", "this machine has no default route");
	if (!rc)
		rc = networks(k, end, inside);
	end->bounded = end->place = true;
	for (int f = 0; !rc && f < 2; f++) {
		pt_iset_norm(&inside[f]);
		rc = pt_iset_complement(k->q->arena, &end->addresses[f], &inside[f], pt_af_max(f ? PT_AF_INET6 : PT_AF_INET));
	}
	return rc;
}

/* ---- what the rule language says ---- */

static int statement(struct asking *k, size_t word, const char *text, pt_pol_rules *out)
{
	struct pt_rule_ctx ctx = { .arena = k->q->arena };
	struct pt_err why = { 0 };
	struct pt_ast_rule *tree;
	int rc = pt_rule_parse(&ctx, text, strlen(text), &tree, &why);

	if (!rc)
		rc = pt_policy_statement(k->view, tree, k->now, out, &why);
	if (rc == -EINVAL)
		rc = wrong(k, word, why.list.n ? why.list.v[0].hint : NULL, why.list.n ? why.list.v[0].msg : "it cannot be understood");
	pt_err_fini(&why);
	return rc;
}

/* Blanks would let a word be more than it is meant to be. */
static bool is_plain(const char *s)
{
	return *s && !strpbrk(s, " \t\r\n\"'{}#$");
}

/* What an address of a rule stands for now. */
static int contents(struct asking *k, const struct pt_pol_addr *a, struct pt_reach_end *end)
{
	struct pt_arena *arena = k->q->arena;
	struct pt_iset set[2] = { { 0 }, { 0 } }, sum;
	int rc = 0;

	if (a->kind == PT_REF_IF)
		rc = pt_ifref_resolve(&k->view->ifrefs.v[a->ref], k->w->host, arena, &set[0], &set[1]);
	for (int f = 0; !rc && f < 2; f++) {
		enum pt_af af = f ? PT_AF_INET6 : PT_AF_INET;
		const struct pt_iset *now = a->kind == PT_REF_IF ? &set[f] :
					    a->kind == PT_REF_SET ? (f ? &a->v6 : &a->v4) :
					    a->kind == PT_REF_SELF ? &k->w->self[f] :
					    a->kind == PT_REF_OUTSIDE ? &k->view->outside.v[a->ref].set[f] :
					    a->kind == PT_REF_TABLE ? pt_eval_address(k->w->eval, a, af) : &set[f];
		struct pt_iset all = { 0 };

		if (a->neg && a->kind != PT_REF_SET) {
			rc = pt_iset_complement(arena, &all, now, pt_af_max(af));
			now = &all;
		}
		if (!rc)
			rc = pt_iset_union(arena, &sum, &end->addresses[f], now);
		if (!rc)
			end->addresses[f] = sum;
	}
	return rc;
}

static int addresses(struct asking *k, size_t word, struct pt_reach_end *end)
{
	const char *s = k->v[word];
	pt_pol_rules rules = { 0 };
	char *text;
	int rc;

	if (!is_plain(s))
		return wrong(k, word, NULL, "neither an interface nor an address");
	text = pt_arena_printf(k->q->arena, "block in from %s", s);
	if (!text)
		return -ENOMEM;
	rc = statement(k, word, text, &rules);
	end->bounded = true;
	for (size_t i = 0; !rc && i < rules.n; i++)
		rc = contents(k, &rules.v[i].src, end);
	return rc;
}

static bool looks_like_address(const char *s)
{
	return strpbrk(s, ".:/<!(") != NULL;
}

static int unknown_end(struct asking *k, size_t word)
{
	const struct pt_conf *c = k->w->policy->conf;
	PT_VEC(const char *) list = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < c->interfaces.n; i++)
		rc = pt_vec_push(k->q->arena, &list, c->interfaces.v[i].name); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 0; !rc && ends[i]; i++)
		rc = pt_vec_push(k->q->arena, &list, ends[i]); /* NOLINT(bugprone-sizeof-expression) */
	return rc ? rc : did_you_mean(k, word, list.v, list.n, "an interface, an address, a <table>, self, internet or any",
				      "neither the file nor this machine has such an interface");
}

static int read_end(struct asking *k, size_t word, struct pt_reach_end *end)
{
	const char *s = k->v[word];
	int rc = 1;

	if (!strcmp(s, "self"))
		end->self = true;
	else if (!strcmp(s, "internet"))
		return internet(k, word, end);
	else if (strcmp(s, "any") != 0)
		rc = interfaces(k, s, end);
	if (rc)
		return rc < 0 ? rc : 0;
	return looks_like_address(s) ? addresses(k, word, end) : unknown_end(k, word);
}

/* An interface, addresses, or one of each. */
static int read_ends(struct asking *k, enum word w, struct pt_reach_end *end)
{
	struct pt_reach_end other = { 0 };
	int rc = k->at[w] ? read_end(k, k->at[w], end) : 0;

	if (rc || !k->also[w])
		return rc;
	rc = read_end(k, k->also[w], &other);
	if (rc)
		return rc;
	if (end->self || end->place || other.self || other.place || !end->devices.n == !other.devices.n ||
	    end->bounded == other.bounded)
		return wrong(k, k->also[w], "as in `from guest from 192.168.2.7`",
			     "an end that is given twice is an interface and addresses");
	if (other.bounded) {
		end->bounded = true;
		memcpy(end->addresses, other.addresses, sizeof(end->addresses));
	} else {
		end->devices = other.devices;
	}
	return 0;
}

/* "{ 80, 443 }", "80,443" and "80" alike. */
static int read_list(struct asking *k, size_t word, char **out)
{
	const char *s = k->v[word];
	size_t n = strlen(s);

	if (n >= 2 && s[0] == '{' && s[n - 1] == '}') {
		s++;
		n -= 2;
	}
	*out = pt_arena_strndup(k->q->arena, s, n);
	if (!*out)
		return -ENOMEM;
	return strpbrk(*out, "\r\n\"'{}#$") || !strspn(*out, "<>=!:,- \t0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ?
		       wrong(k, word, NULL, "it is no list of names and numbers") : 0;
}

static int read_what(struct asking *k)
{
	char *protos = NULL, *ports = NULL, *text;
	int rc = 0;

	if (!k->at[WORD_PROTO] && !k->at[WORD_PORT])
		return 0;
	if (k->at[WORD_PROTO])
		rc = read_list(k, k->at[WORD_PROTO], &protos);
	if (!rc && k->at[WORD_PORT])
		rc = read_list(k, k->at[WORD_PORT], &ports);
	if (rc)
		return rc;
	text = pt_arena_printf(k->q->arena, "block in proto { %s }%s%s%s", protos ? protos : "tcp, udp",
			       ports ? " from any to any port { " : "", ports ? ports : "", ports ? " }" : "");
	return text ? statement(k, k->at[ports ? WORD_PORT : WORD_PROTO], text, &k->q->what) : -ENOMEM;
}

static int read_time(struct asking *k, size_t word)
{
	const char *what;

	k->q->time = k->now;
	if (!word)
		return 0;
	what = question_time(k->w->policy->conf->timezone, k->now, k->v[word], &k->q->time);
	return what ? wrong(k, word, NULL, what) : 0;
}

/* ---- the words ---- */

static int find_words(struct asking *k)
{
	for (size_t i = 0; i < k->n; i += 2) {
		size_t w = 0;

		while (w < WORDS && strcmp(k->v[i], names[w]) != 0)
			w++;
		if (w == WORDS)
			return did_you_mean(k, i, names, WORDS, "from, to, proto, port and at may stand here",
					    "it is not a part of a question");
		if (k->at[w] && (w > WORD_TO || k->also[w]))
			return wrong(k, i, NULL, "it is given twice");
		if (i + 1 >= k->n)
			return wrong(k, k->n, NULL, "its value is missing");
		*(k->at[w] ? &k->also[w] : &k->at[w]) = i + 1;
	}
	return 0;
}

int pt_reach_words(const struct pt_world *w, const char *const *words, size_t n, uint64_t now, struct pt_reach_question *q,
		   struct pt_err *e)
{
	struct asking k = { .w = w, .v = words, .n = n, .now = now, .q = q, .e = e };
	int rc = -ENOMEM;

	memset(q, 0, sizeof(*q));
	q->families = PT_AF_BOTH;
	q->arena = pt_arena_new();
	if (!q->arena)
		return pt_err_sys(e, rc, "reading the question");
	rc = pt_policy_view(w->policy, &q->view, e);
	k.view = q->view;
	if (!rc)
		rc = find_words(&k);
	if (!rc)
		rc = read_time(&k, k.at[WORD_AT]);
	if (!rc)
		rc = read_ends(&k, WORD_FROM, &q->from);
	if (!rc)
		rc = read_ends(&k, WORD_TO, &q->to);
	q->from.routed = q->from.bounded && !q->from.devices.n;
	q->own = q->from.bounded && !q->from.place;
	q->groups = q->to.bounded && !q->to.place;
	q->behind = k.at[WORD_TO] && !q->to.self;
	if (!rc)
		rc = read_what(&k);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the question") : rc;
}

void pt_reach_question_fini(struct pt_reach_question *q)
{
	pt_policy_free(q->view);
	pt_arena_free(q->arena);
	q->view = NULL;
	q->arena = NULL;
}
