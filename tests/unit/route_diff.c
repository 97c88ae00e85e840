/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The routes of the file against those of the kernel, which is a recording here: what is added, replaced in place and deleted, what
 * waits, what is equal although it looks otherwise, and that nothing is decided by half of a dump.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/route.h>

#include "lib/scarce.h"

/* ---- a kernel ---- */

struct had {
	const char *route;       /* as in the file; devices by number: dev 3 is written as dev l3 */
	uint8_t protocol;        /* 0: ours */
	uint32_t metric;         /* as the kernel tells it, where the text has none */
	bool interrupted;        /* the dump ends behind it, and is to be asked for again */
};

static int link_of(void *arg, const char *name, uint32_t *index)
{
	(void)arg;
	if (!strcmp(name, "gone"))
		return -ENODEV;
	*index = strcmp(name, "new") ? (uint32_t)strtoul(name + 1, NULL, 10) : 0;
	return 0;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, struct pt_addr a)
{
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, type, pt_af_bits(a.af) / 8, bytes);
}

static void put_hops(struct nlmsghdr *nlh, const struct pt_route *r)
{
	struct nlattr *list = mnl_attr_nest_start(nlh, RTA_MULTIPATH);

	for (uint32_t i = 0; i < r->n_hops; i++) {
		struct rtnexthop *h = mnl_nlmsg_get_payload_tail(nlh);

		memset(h, 0, sizeof(*h));
		h->rtnh_ifindex = (int)r->hops[i].index;
		h->rtnh_hops = (uint8_t)(r->hops[i].weight - 1);
		nlh->nlmsg_len += (uint32_t)sizeof(*h);
		put_addr(nlh, RTA_GATEWAY, r->hops[i].via);
		h->rtnh_len = (uint16_t)((uint8_t *)mnl_nlmsg_get_payload_tail(nlh) - (uint8_t *)h);
	}
	mnl_attr_nest_end(nlh, list);
}

static void tell(struct pt_buf *dump, const struct had *h)
{
	uint8_t bytes[2048] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct pt_arena *a = pt_arena_new();
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	struct pt_conf_fault f;
	struct pt_conf_route c;
	struct pt_route r;
	bool waits;

	assert_int_equal(pt_conf_route_parse(h->route, a, &c, &f), 0);
	assert_int_equal(pt_route_wanted(&c, link_of, NULL, hops, &r, &waits), 0);
	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	rtm->rtm_family = r.dst.addr.af == PT_AF_INET ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = r.dst.len;
	rtm->rtm_table = r.table < 256 ? (uint8_t)r.table : RT_TABLE_COMPAT;
	rtm->rtm_protocol = h->protocol ? h->protocol : PT_NET_PROTOCOL;
	rtm->rtm_type = r.type;
	rtm->rtm_scope = r.scope;
	mnl_attr_put_u32(nlh, RTA_TABLE, r.table);
	put_addr(nlh, RTA_DST, r.dst.addr);
	if (r.metric || h->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, r.metric ? r.metric : h->metric);
	if (r.n_hops > 1)
		put_hops(nlh, &r);
	else if (r.n_hops && r.hops->via.af)
		put_addr(nlh, RTA_GATEWAY, r.hops->via);
	if (r.n_hops == 1)
		mnl_attr_put_u32(nlh, RTA_OIF, r.hops->index ? r.hops->index : 3);
	if (h->interrupted)
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	pt_buf_add(dump, nlh, nlh->nlmsg_len);
	pt_arena_free(a);
}

static void end(struct pt_buf *dump)
{
	uint8_t bytes[64] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);

	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	pt_buf_add(dump, nlh, nlh->nlmsg_len);
}

/* ---- cases ---- */

#define MOST 4

static const struct {
	const char *name;
	const char *want[MOST];
	struct had had[MOST];
	const char *changes; /* "+" add, "=" replace, "-" delete, in order, each with its line's end */
} cases[] = {
	{ "nothing", { NULL }, { { 0 } }, "" },
	{ "add", { "10.0.0.0/8 via 192.0.2.1" }, { { 0 } }, "+10.0.0.0/8 via 192.0.2.1\n" },
	{ "another mtu", { "10.0.0.0/8 via 192.0.2.1 dev l3 mtu 0x44 table 8001" }, { { .route = "10.0.0.0/8 via 192.0.2.1 dev l3 table 8001" } },
	  "=10.0.0.0/8 via 192.0.2.1 dev l3 table 8001 mtu 68\n" },
	{ "equal by gateway alone", { "10.0.0.0/8 via 192.0.2.1" }, { { .route = "10.0.0.0/8 via 192.0.2.1 dev l7" } }, "" },
	{ "another gateway", { "10.0.0.0/8 via 192.0.2.1" }, { { .route = "10.0.0.0/8 via 192.0.2.2" } }, "=10.0.0.0/8 via 192.0.2.1\n" },
	{ "another device", { "10.0.0.0/8 dev l4" }, { { .route = "10.0.0.0/8 dev l3" } }, "=10.0.0.0/8 dev l4\n" },
	{ "another type", { "blackhole 10.0.0.0/8" }, { { .route = "unreachable 10.0.0.0/8" } }, "=blackhole 10.0.0.0/8\n" },
	{ "another metric is another route", { "10.0.0.0/8 dev l3 metric 5" }, { { .route = "10.0.0.0/8 dev l3" } },
	  "-10.0.0.0/8\n+10.0.0.0/8 dev l3 metric 5\n" },
	{ "another table is another route", { "10.0.0.0/8 dev l3 table 8001" }, { { .route = "10.0.0.0/8 dev l3" } },
	  "-10.0.0.0/8\n+10.0.0.0/8 dev l3 table 8001\n" },
	{ "delete", { NULL }, { { .route = "10.0.0.0/8 dev l3" } }, "-10.0.0.0/8\n" },
	{ "of somebody else", { NULL }, { { .route = "10.0.0.0/8 dev l3", .protocol = RTPROT_STATIC } }, "" },
	{ "the same of somebody else", { "10.0.0.0/8 dev l3" }, { { .route = "10.0.0.0/8 dev l3", .protocol = RTPROT_BIRD } },
	  "+10.0.0.0/8 dev l3\n" },
	{ "metric of IPv6", { "fd00::/16 via fe80::1 dev l3" }, { { .route = "fd00::/16 via fe80::1 dev l3", .metric = 1024 } }, "" },
	{ "hops in another order", { "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.2 weight 3" },
	  { { .route = "10.0.0.0/8 nexthop via 192.0.2.2 weight 3 nexthop via 192.0.2.1" } }, "" },
	{ "another weight", { "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.2 weight 3" },
	  { { .route = "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.2 weight 4" } },
	  "=10.0.0.0/8 nexthop via 192.0.2.1 weight 1 nexthop via 192.0.2.2 weight 3\n" },
	{ "twice the same hop is not two", { "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.2" },
	  { { .route = "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.1" } },
	  "=10.0.0.0/8 nexthop via 192.0.2.1 weight 1 nexthop via 192.0.2.2 weight 1\n" },
	{ "nor the other way round", { "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.1" },
	  { { .route = "10.0.0.0/8 nexthop via 192.0.2.1 nexthop via 192.0.2.2" } },
	  "=10.0.0.0/8 nexthop via 192.0.2.1 weight 1 nexthop via 192.0.2.1 weight 1\n" },
	{ "a link that is not there", { "10.0.0.0/8 dev gone", "10.0.0.0/9 dev l3" }, { { 0 } }, "+10.0.0.0/9 dev l3\n" },
	{ "a link that is going", { "10.0.0.0/8 dev gone" }, { { .route = "10.0.0.0/8 dev l3" } }, "" },
	{ "a link that is to come", { "10.0.0.0/8 dev new" }, { { 0 } }, "+10.0.0.0/8 dev new\n" },
	/* The dump is told once more from its beginning. */
	{ "an interrupted dump", { "10.0.0.0/8 dev l3", "10.0.0.0/9 dev l3" },
	  { { .route = "10.0.0.0/8 dev l3" }, { .route = "10.1.0.0/16 dev l3", .interrupted = true }, { .route = "10.0.0.0/9 dev l3" } },
	  "+10.0.0.0/8 dev l3\n" },
};

static void print(struct pt_buf *b, const pt_route_changes *v)
{
	b->n = 0;
	pt_buf_str(b, "");
	for (size_t i = 0; i < v->n; i++) {
		pt_buf_chr(b, "-+="[v->v[i].op]);
		if (v->v[i].want) {
			pt_conf_route_print(b, v->v[i].want);
		} else {
			pt_addr_fmt(b, v->v[i].old->dst.addr);
			pt_buf_fmt(b, "/%u", v->v[i].old->dst.len);
		}
		pt_buf_chr(b, '\n');
	}
}

/* 0, or -ENOMEM with nothing left behind. */
static int run(size_t which, long left, struct pt_buf *text)
{
	struct pt_nl_record rec = { 0 };
	struct pt_conf_route want[MOST];
	struct pt_arena *a = pt_arena_new();
	pt_route_changes changes = { 0 };
	struct pt_conf_fault f;
	struct pt_buf dump = { 0 };
	struct pt_err e = { 0 };
	struct pt_nl *nl;
	size_t n = 0;
	int rc;

	for (; n < MOST && cases[which].want[n]; n++)
		assert_int_equal(pt_conf_route_parse(cases[which].want[n], a, &want[n], &f), 0);
	for (size_t i = 0; i < MOST && cases[which].had[i].route; i++) {
		tell(&dump, &cases[which].had[i]);
		if (cases[which].had[i].interrupted)
			end(&dump);
	}
	end(&dump);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, dump.s, dump.n), 0);
	allocations_left = left;
	rc = pt_routes_diff(nl, want, n, link_of, NULL, a, &changes, NULL, &e);
	allocations_left = -1;
	if (!rc)
		print(text, &changes);
	else
		assert_int_equal(e.n_errors, 1);
	assert_int_equal(rec.writes, 0);
	pt_err_fini(&e);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_buf_fini(&dump);
	pt_arena_free(a);
	return rc;
}

static void test_cases(void **state)
{
	struct pt_buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(run(i, -1, &text), 0);
		if (strcmp(text.s, cases[i].changes) != 0)
			fail_msg("%s: %s instead of %s", cases[i].name, text.s, cases[i].changes);
	}
	pt_buf_fini(&text);
}

static void test_memory(void **state)
{
	struct pt_buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		long left = 0;
		int rc = -ENOMEM;

		for (; rc == -ENOMEM && left < 100; left++)
			rc = run(i, left, &text);
		assert_int_equal(rc, 0);
		assert_true(left > 2); /* both tables were refused in turn */
		assert_string_equal(text.s, cases[i].changes);
	}
	pt_buf_fini(&text);
}

/* What takes a change back: the deletion of what was added, and what was there before. */
static void test_reverse(void **state)
{
	const struct pt_conf_route want = { 0 };
	const struct pt_route old = { 0 };
	const struct pt_route_change add = { PT_ROUTE_ADD, &want, NULL, false }, replace = { PT_ROUTE_REPLACE, &want, &old, false },
				     gone = { PT_ROUTE_DELETE, NULL, &old, false };
	struct pt_route_change back;

	(void)state;
	back = pt_route_reverse(&add);
	assert_int_equal(back.op, PT_ROUTE_DELETE);
	assert_ptr_equal(back.want, &want);
	back = pt_route_reverse(&replace);
	assert_int_equal(back.op, PT_ROUTE_REPLACE);
	assert_null(back.want);
	assert_ptr_equal(back.old, &old);
	back = pt_route_reverse(&gone);
	assert_int_equal(back.op, PT_ROUTE_REPLACE);
	assert_ptr_equal(back.old, &old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_reverse),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("routes of the file and of the kernel", tests, NULL, NULL);
}
