/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules for routes by hand. Those of the file have priorities of their own, which are left to it. What fits both families is a rule in
 * each, and goes in each.
 */
#include <errno.h>
#include <string.h>

#include <linux/fib_rules.h>

#include <patronus/route_rule.h>

#include "plan/hand.h"

#define HINT "as from 10.0.0.0/8 lookup 100, see ip-rule(8)"

static const uint8_t actions[] = { FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE, FR_ACT_PROHIBIT }; /* by enum pt_route_type */

static void print(struct pt_buf *b, const struct pt_route_rule *x)
{
	struct pt_buf text = { 0 };

	pt_route_rule_print(&text, x);
	/* The kernel will find a priority. */
	if (text.s)
		pt_buf_str(b, x->r.priority || !strchr(text.s, ' ') ? text.s : strchr(text.s, ' ') + 1);
	if (text.err)
		b->err = text.err;
	pt_buf_fini(&text);
}

static int put(struct pt_nl_stream *s, const void *arg)
{
	return pt_route_rule_put(s, arg, 0);
}

static int write_rule(const struct hand_words *w, enum pt_hand_op op, const struct pt_route_rule *x)
{
	const struct pt_route_rule_change c = { op == PT_HAND_ADD, x };
	struct pt_buf text = { 0 };

	print(&text, x);
	return hand_words_write(w, op, "rule", &text, put, &c);
}

/* ---- add ---- */

static int add(const struct hand_words *w, const struct pt_conf_route_rule *r)
{
	enum pt_af only = r->af ? r->af : w->h->af;
	int rc = 0;

	if (r->priority >= PT_RULE_PRIORITY_LO && r->priority <= PT_RULE_PRIORITY_HI) {
		pt_err_add(w->e, PT_ERROR, NULL, "take a number before or behind them", "priorities %d to %d are the file's",
			   PT_RULE_PRIORITY_LO, PT_RULE_PRIORITY_HI);
		return -EINVAL;
	}
	for (enum pt_af af = PT_AF_INET; !rc && af <= PT_AF_INET6; af++) {
		struct pt_route_rule x = { .r = *r, .action = actions[r->type & 3], .protocol = PT_HAND_PROTOCOL };

		x.r.af = x.r.from.addr.af = x.r.to.addr.af = af;
		if (!only || only == af)
			rc = write_rule(w, PT_HAND_ADD, &x);
	}
	return rc;
}

/* ---- delete ---- */

static bool same_name(const char *meant, const char *have)
{
	return !meant || (have && !strcmp(meant, have));
}

static bool same_prefix(const struct pt_prefix *meant, const struct pt_prefix *have)
{
	return !meant->len || (meant->len == have->len && meant->addr.v == have->addr.v);
}

/* Only what is said counts. */
static bool is_meant(const struct pt_conf_route_rule *m, bool ends, enum pt_af af, const struct pt_route_rule *x)
{
	const struct pt_conf_route_rule *r = &x->r;

	if ((af && r->af != af) || (m->priority && r->priority != m->priority) || !same_prefix(&m->from, &r->from) ||
	    !same_prefix(&m->to, &r->to) || (m->neg && !r->neg) || !same_name(m->iif, r->iif) || !same_name(m->oif, r->oif))
		return false;
	if ((m->mask && (m->mark != r->mark || m->mask != r->mask)) || (m->tos && m->tos != r->tos) || (m->proto && m->proto != r->proto))
		return false;
	if ((m->sport_hi && (m->sport_lo != r->sport_lo || m->sport_hi != r->sport_hi)) ||
	    (m->dport_hi && (m->dport_lo != r->dport_lo || m->dport_hi != r->dport_hi)))
		return false;
	return !ends || (x->action == actions[m->type & 3] && (m->type != PT_ROUTE_UNICAST || r->table == m->table));
}

static int tell_many(const struct hand_words *w, const struct pt_route_rule *x, const struct pt_route_rule *y)
{
	struct pt_buf b = { 0 };

	print(&b, x);
	pt_buf_str(&b, "; ");
	print(&b, y);
	pt_err_add(w->e, PT_ERROR, NULL, "say more of it: its priority", "several rules are meant by that: %s", b.s ? b.s : "");
	pt_buf_fini(&b);
	return -EINVAL;
}

static int delete(const struct hand_words *w, const struct pt_conf_route_rule *meant, bool ends)
{
	const struct pt_route_rule *found[PT_AF_INET6 + 1] = { NULL };
	enum pt_af af = meant->af ? meant->af : w->h->af;
	struct pt_route_rules all;
	int rc = pt_route_rules_read(w->h->route, w->arena, &all, w->e);

	for (size_t i = 0; !rc && i < all.v.n; i++) {
		const struct pt_route_rule *x = &all.v.v[i];

		if (!is_meant(meant, ends, af, x))
			continue;
		if (found[x->r.af])
			rc = tell_many(w, found[x->r.af], x);
		found[x->r.af] = x;
	}
	if (!rc && !found[PT_AF_INET] && !found[PT_AF_INET6]) {
		pt_err_add(w->e, PT_ERROR, NULL, "`ptnet rule show` lists them", "there is no rule %s", w->words);
		rc = -ENODEV;
	}
	for (enum pt_af k = PT_AF_INET; !rc && k <= PT_AF_INET6; k++)
		if (found[k])
			rc = write_rule(w, PT_HAND_DELETE, found[k]);
	return rc;
}

int pt_hand_rule(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e)
{
	struct pt_conf_route_rule r = { 0 };
	struct pt_conf_fault f = { 0 };
	struct hand_words w;
	bool ends = false;
	int rc = hand_words_begin(&w, h, words, e);

	if (!rc)
		rc = pt_conf_route_rule_parse_part(words, w.arena, &r, &ends, &f);
	if (!rc && op == PT_HAND_ADD && !ends) {
		f = (struct pt_conf_fault){ .len = strlen(words),
					    .why = "it does not say what to do: lookup TABLE, blackhole, unreachable or prohibit" };
		rc = -EINVAL;
	}
	if (rc == -EINVAL && f.why)
		rc = hand_words_fault(&w, &f, HINT);
	if (!rc && r.af && h->af && r.af != h->af) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "that rule is of the other family");
		rc = -EINVAL;
	}
	if (!rc)
		rc = op == PT_HAND_ADD ? add(&w, &r) : delete(&w, &r, ends);
	return hand_words_end(&w, rc, "changing the rules for routes");
}
