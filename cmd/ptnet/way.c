/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet route|rule|neighbour add` and so on: where packets go, by hand, in the words of the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/hand.h>

#include "ptnet.h"

/* ---- what is done ---- */

/* The arguments as one line again: a shell took it apart. */
static int join(const struct pt_cli *c, struct pt_buf *b)
{
	for (size_t i = 0; i < c->argc; i++) {
		pt_buf_str(b, i ? " " : "");
		pt_buf_str(b, c->argv[i]);
	}
	return b->err;
}

/* Line by line: what is said is escaped. */
void say_lines(const struct pt_cli *c, const struct pt_buf *told)
{
	const char *at = told->s, *end;

	for (; at && (end = strchr(at, '\n')); at = end + 1)
		pt_cli_say(c, "%.*s", (int)(end - at), at);
}

static int by_hand(struct pt_cli *c, enum pt_hand_op op,
		   int (*fn)(const struct pt_hand *, enum pt_hand_op, const char *, struct pt_err *))
{
	struct pt_buf words = { 0 }, told = { 0 };
	struct pt_hand h = { .af = c->af, .dry = c->dry, .told = &told };
	int rc = join(c, &words);

	if (!rc)
		rc = pt_nl_open(&h.route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = fn(&h, op, words.s, &c->err);
	if (!rc)
		rc = told.err;
	if (!rc && c->dry)
		say_lines(c, &told);
	pt_nl_close(h.route);
	pt_buf_fini(&words);
	pt_buf_fini(&told);
	return hand_status(c, rc);
}

int cmd_route_add(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_ADD, pt_hand_route);
}

int cmd_route_replace(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_REPLACE, pt_hand_route);
}

int cmd_route_delete(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_DELETE, pt_hand_route);
}

int cmd_rule_add(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_ADD, pt_hand_rule);
}

int cmd_rule_delete(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_DELETE, pt_hand_rule);
}

int cmd_neighbour_add(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_ADD, pt_hand_neighbour);
}

int cmd_neighbour_delete(struct pt_cli *c)
{
	return by_hand(c, PT_HAND_DELETE, pt_hand_neighbour);
}

int cmd_neighbour_flush(struct pt_cli *c)
{
	struct pt_buf told = { 0 };
	struct pt_hand h = { .af = c->af, .dry = c->dry, .told = &told };
	size_t n = 0;
	int rc;

	if (strcmp(c->argv[0], "dev") != 0)
		return pt_cli_usage(c, "write dev DEVICE");
	rc = pt_nl_open(&h.route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = pt_hand_flush(&h, c->argv[1], &n, &c->err);
	if (!rc)
		rc = told.err;
	if (!rc && c->dry)
		say_lines(c, &told);
	if (!rc && !c->dry)
		pt_cli_say(c, "%zu forgotten", n);
	pt_nl_close(h.route);
	pt_buf_fini(&told);
	return hand_status(c, rc);
}

/* ---- completion: the word behind another one ---- */

static const char *behind(const struct pt_cli *c, size_t n)
{
	return n && n - 1 < c->argc ? c->argv[n - 1] : "";
}

static bool is_one_of(const char *w, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(w, *list))
			return true;
	return false;
}

static void all_of(const char *const *list, void (*word)(const char *w, void *arg), void *arg)
{
	for (; *list; list++)
		word(*list, arg);
}

static const char *const devices[] = { "dev", "iif", "oif", NULL }; /* what a device stands behind */
static const char *const tables[] = { "table", "lookup", NULL };
static const char *const protocols[] = { "tcp", "udp", "icmp", "icmp6", "sctp", "gre", "esp", NULL };

/* 1: WORDS were given for what stands behind the word before. */
static int complete_value(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	const char *before = behind(c, n);

	if (is_one_of(before, devices))
		return complete_link(c, 0, word, arg) ? -EIO : 1;
	if (is_one_of(before, tables)) {
		word("main", arg);
		return 1;
	}
	if (!strcmp(before, "ipproto")) {
		all_of(protocols, word, arg);
		return 1;
	}
	return 0;
}

/* What is there already: routes and rules, each by the word N of its text. */
struct live {
	const struct pt_cli *c;
	const struct pt_links *links;
	void (*word)(const char *w, void *arg);
	void *arg;
};

static int live_route(const struct pt_route *r, void *arg)
{
	const struct live *l = arg;
	struct pt_buf b = { 0 };

	if (l->c->af && r->dst.addr.af != l->c->af)
		return 0;
	if (r->dst.len)
		pt_addr_fmt(&b, r->dst.addr);
	if (r->dst.len)
		pt_buf_fmt(&b, "/%u", r->dst.len);
	else
		pt_buf_str(&b, "default");
	if (!b.err)
		l->word(b.s, l->arg);
	pt_buf_fini(&b);
	return 0;
}

/* Nobody reads a list of all routes of the world. */
#define LIVE_MAX 1000

static int count_live(const struct pt_route *r, void *arg)
{
	(void)r;
	return ++*(size_t *)arg > LIVE_MAX ? -E2BIG : 0;
}

static int live_destinations(struct pt_cli *c, void (*word)(const char *w, void *arg), void *arg)
{
	const struct pt_route_filter in_main = { .table = PT_TABLE_MAIN };
	struct live l = { .c = c, .word = word, .arg = arg };
	struct pt_nl *route;
	size_t n = 0;
	int rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);

	if (!rc)
		rc = pt_routes_read(route, &in_main, count_live, NULL, &n, &c->err);
	if (!rc)
		rc = pt_routes_read(route, &in_main, live_route, NULL, &l, &c->err);
	pt_nl_close(route);
	return rc;
}

static const char *const route_words[] = { "via", "dev", "metric", "table", "src", "mtu", "onlink", "nexthop", "weight", NULL };
static const char *const route_types[] = { "default", "blackhole", "unreachable", "prohibit", NULL };

int complete_route(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	int rc = complete_value(c, n, word, arg);

	if (!n)
		all_of(route_types, word, arg);
	else if (!rc && !is_one_of(behind(c, n), route_types + 1))
		all_of(route_words, word, arg);
	return 0;
}

int complete_route_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (!n)
		return live_destinations(c, word, arg);
	return complete_route(c, n, word, arg);
}

static const char *const rule_words[] = { "not",   "from",  "to",	"iif",	  "oif",    "fwmark",	 "tos",	      "ipproto", "sport", "dport",
					  "inet", "inet6", "priority", "lookup", "blackhole", "unreachable", "prohibit", NULL };

int complete_rule(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	if (!complete_value(c, n, word, arg))
		all_of(rule_words, word, arg);
	return 0;
}

/* Each rule that is there has a priority. */
int complete_rule_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_arena *a = strcmp(behind(c, n), "priority") ? NULL : pt_arena_new();
	struct pt_route_rules rules = { 0 };
	struct pt_nl *route = NULL;
	int rc;

	if (!a)
		return complete_rule(c, n, word, arg);
	rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = pt_route_rules_read(route, a, &rules, &c->err);
	for (size_t i = 0; !rc && i < rules.v.n; i++) {
		struct pt_buf b = { 0 };

		pt_buf_uint(&b, rules.v.v[i].r.priority);
		if (!b.err)
			word(b.s, arg);
		pt_buf_fini(&b);
	}
	pt_nl_close(route);
	pt_arena_free(a);
	return rc;
}

/* ADDRESS lladdr MAC dev DEVICE: those that are known, and what they have. */
int complete_neighbour_words(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	static const char *const words[] = { "lladdr", "dev", NULL };

	if (!n)
		return live_neighbours(c, word, arg);
	if (n % 2)
		all_of(words, word, arg);
	else
		(void)complete_value(c, n, word, arg);
	return 0;
}
