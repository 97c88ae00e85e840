/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of hosts in the rules in force: what they stand for, and since when. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ptfw.h"

struct naming {
	struct pt_cli *c;
	struct pt_plan p;
	struct pt_names *names;
	struct pt_out *o;
	uint64_t now;
	size_t shown;
};

/* "ok", "old" (the newest question failed), "none", "failed", "never". */
static const char *state_of(const struct pt_name *n)
{
	bool failed, answered;

	if (!n || (!n->side[0].asked && !n->side[1].asked))
		return "never";
	failed = n->side[0].state == PT_NAME_FAILED || n->side[1].state == PT_NAME_FAILED;
	answered = n->side[0].answered || n->side[1].answered;
	if (pt_name_known(n))
		return failed ? "old" : "ok";
	return failed || !answered ? "failed" : "none";
}

static uint64_t answered_at(const struct pt_name *n)
{
	if (!n)
		return 0;
	return n->side[0].answered > n->side[1].answered ? n->side[0].answered : n->side[1].answered;
}

/* Seconds that the answer which ends first is still good for. */
static uint64_t ttl_left(const struct pt_name *n, uint64_t now)
{
	uint64_t left = UINT64_MAX;

	for (int f = 0; n && f < 2; f++) {
		const struct pt_name_side *s = &n->side[f];
		uint64_t end = s->answered + s->ttl;

		if (s->answered && (end > now ? end - now : 0) < left)
			left = end > now ? end - now : 0;
	}
	return left == UINT64_MAX ? 0 : left;
}

static void addresses_of(struct naming *x, const struct pt_name *n, bool leaving, struct pt_buf *words)
{
	for (int f = 0; n && f < 2; f++)
		for (size_t i = 0; i < n->side[f].addresses.n; i++) {
			const struct pt_name_address *a = &n->side[f].addresses.v[i];
			struct pt_buf one = { 0 };

			if (leaving != !!a->until || (a->until && a->until <= x->now))
				continue;
			pt_addr_fmt(&one, a->addr);
			pt_out_fail(x->o, one.err);
			if (one.s)
				pt_out_item(x->o, one.s);
			pt_buf_fmt(words, " %s", one.s ? one.s : "");
			if (leaving)
				pt_buf_fmt(words, " (leaves in %llus)", (unsigned long long)(a->until - x->now));
			pt_buf_fini(&one);
		}
}

static void show_one(struct naming *x, const char *name)
{
	const struct pt_name *n = pt_names_find(x->names, name);
	uint64_t at = answered_at(n);
	struct pt_buf text = { 0 }, words = { 0 };
	time_t t = (time_t)at;
	char when[32] = "";
	struct tm tm;

	if (at && gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pt_out_rec(x->o);
	pt_out_str(x->o, "name", name);
	pt_out_str(x->o, "state", state_of(n));
	pt_out_u64(x->o, "ttl", ttl_left(n, x->now));
	pt_out_str(x->o, "answered", at ? when : NULL);
	pt_out_arr(x->o, "addresses");
	addresses_of(x, n, false, &words);
	pt_out_arr_end(x->o);
	pt_out_arr(x->o, "leaving");
	addresses_of(x, n, true, &words);
	pt_out_arr_end(x->o);
	pt_buf_fmt(&text, "%s: %s", name, state_of(n));
	if (at)
		pt_buf_fmt(&text, ", answered %s, %llus left", when, (unsigned long long)ttl_left(n, x->now));
	if (words.n)
		pt_buf_fmt(&text, "\n %s", words.s);
	pt_out_fail(x->o, words.err);
	pt_buf_fini(&words);
	show_text(x->o, &text);
	pt_out_rec_end(x->o);
	x->shown++;
}

/* Each once, however often rules and tables have it. */
static bool is_first(const struct pt_policy *p, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (p->outside.v[i].kind == PT_OUTSIDE_NAME && !strcmp(p->outside.v[i].key, p->outside.v[at].key))
			return false;
	return p->outside.v[at].kind == PT_OUTSIDE_NAME;
}

static int begin(struct naming *x, struct pt_nl **nf)
{
	int rc = pt_nl_open(nf, NETLINK_NETFILTER, &x->c->err);

	if (rc)
		return rc;
	rc = pt_plan_names(*nf, &x->p, &x->names, &x->c->err);
	if (rc) {
		pt_nl_close(*nf);
		*nf = NULL;
	}
	return rc;
}

static void end(struct naming *x, struct pt_nl *nf)
{
	pt_names_free(x->names);
	pt_plan_fini(&x->p);
	pt_nl_close(nf);
}

static int unknown(struct naming *x, const char *name)
{
	pt_err_add(&x->c->err, PT_ERROR, NULL, "`ptfw name show` lists them", "no rule and no table in force has the name %s", name);
	return PT_EXIT_NO;
}

int cmd_name_show(struct pt_cli *c)
{
	struct naming x = { .c = c, .now = (uint64_t)time(NULL) };
	struct pt_arena *a = pt_arena_new();
	const char *only = a && c->argc ? pt_host_name_plain(a, c->argv[0]) : NULL;
	struct pt_nl *nf = NULL;
	int rc, rc2;

	rc = !a || (c->argc && !only) ? -ENOMEM : begin(&x, &nf);
	if (rc) {
		pt_arena_free(a);
		return rc;
	}
	x.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.name.v1", "names");
	for (size_t i = 0; x.o && i < x.p.policy->outside.n; i++)
		if (is_first(x.p.policy, i) && (!only || !strcmp(only, x.p.policy->outside.v[i].key)))
			show_one(&x, x.p.policy->outside.v[i].key);
	rc = x.o ? pt_cli_end(c, x.o) : -ENOMEM;
	rc2 = !rc && only && !x.shown ? unknown(&x, only) : rc;
	end(&x, nf);
	pt_arena_free(a);
	return rc2;
}

/* Those that nobody answered for are named; 3: there are some. */
static int tell_failed(struct pt_cli *c, size_t asked, size_t writes)
{
	struct naming x = { .c = c, .now = (uint64_t)time(NULL) };
	struct pt_nl *nf = NULL;
	size_t failed = 0;
	int rc = begin(&x, &nf);

	if (rc)
		return rc;
	for (size_t i = 0; i < x.p.policy->outside.n; i++) {
		const struct pt_name *n = pt_names_find(x.names, x.p.policy->outside.v[i].key);

		if (!is_first(x.p.policy, i) || (n && n->side[0].state != PT_NAME_FAILED && n->side[1].state != PT_NAME_FAILED))
			continue;
		failed++;
		pt_cli_say(c, "%s: no answer, %s\n", x.p.policy->outside.v[i].key,
			   n && pt_name_known(n) ? "the last addresses stay" : "and no address is known");
	}
	pt_cli_say(c, "%zu name%s asked for, %zu without an answer, %zu write%s\n", asked, pt_plural(asked), failed,
		   writes, pt_plural(writes));
	end(&x, nf);
	return failed ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_name_refresh(struct pt_cli *c)
{
	size_t names, writes;
	struct sockets s;
	int rc = sockets_open(&s, &c->err);

	if (rc)
		return rc;
	rc = pt_plan_names_refresh(s.nf, s.route, &names, &writes, &c->err);
	sockets_close(&s);
	return rc ? rc : tell_failed(c, names, writes);
}

int complete_name(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return n ? 0 : complete_known(c, PT_PLAN_HOSTS, word, arg);
}
