/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judgements of ptdiag why apart from the kernel: its answers read, whole and cut; rules for routes; what is said; no memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "diag/finding_why.h"
#include "lib/scarce.h"

static struct pt_addr addr(const char *s)
{
	struct pt_addr a = { .af = PT_AF_NONE };

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const char *s)
{
	struct pt_addr a = addr(s);
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, type, a.af == PT_AF_INET ? 4 : 16, bytes);
}

/* ---- the kernel's answer ---- */

static struct nlmsghdr *make_route(void *buf, uint8_t family, uint8_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_NEWROUTE;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = family;
	rtm->rtm_type = type;
	rtm->rtm_table = RT_TABLE_COMPAT;
	return nlh;
}

static struct nlmsghdr *make_whole(void *buf)
{
	struct nlmsghdr *nlh = make_route(buf, AF_INET, RTN_UNICAST);
	struct rta_cacheinfo cache = { .rta_expires = 600 };
	struct nlattr *metrics;

	put_addr(nlh, RTA_DST, "203.0.113.80");
	mnl_attr_put_u32(nlh, RTA_TABLE, 1000);
	mnl_attr_put_u32(nlh, RTA_OIF, 7);
	put_addr(nlh, RTA_PREFSRC, "192.0.2.2");
	put_addr(nlh, RTA_GATEWAY, "192.0.2.1");
	metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
	mnl_attr_put_u32(nlh, RTAX_MTU, 1400);
	mnl_attr_nest_end(nlh, metrics);
	mnl_attr_put(nlh, RTA_CACHEINFO, sizeof(cache), &cache);
	return nlh;
}

static void test_answer(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = make_whole(buf);
	struct why_way w = { 0 };

	(void)state;
	assert_int_equal(why_route_parse(nlh, &w), 0);
	assert_int_equal(w.type, RTN_UNICAST);
	assert_int_equal(w.table, 1000);
	assert_int_equal(w.index, 7);
	assert_int_equal(w.mtu, 1400);
	assert_true(w.learned);
	assert_true(w.via.v == addr("192.0.2.1").v && w.src.v == addr("192.0.2.2").v);

	/* Other messages say nothing, and leave alone what is known. */
	nlh->nlmsg_type = RTM_NEWADDR;
	w.mtu = 5;
	assert_int_equal(why_route_parse(nlh, &w), 0);
	assert_int_equal(w.mtu, 5);

	/* An IPv6 gateway of an IPv4 route. */
	nlh = make_route(buf, AF_INET, RTN_UNICAST);
	{
		uint8_t via[18] = { AF_INET6 & 0xff, AF_INET6 >> 8, 0xfe, 0x80, [17] = 1 };

		mnl_attr_put(nlh, RTA_VIA, sizeof(via), via);
	}
	assert_int_equal(why_route_parse(nlh, &w), 0);
	assert_int_equal(w.via.af, PT_AF_INET6);
	assert_true(w.via.v == addr("fe80::1").v);
}

/* Memory of its own of just the length, so that the sanitizer sees each byte too far. */
static void cut_at(const struct nlmsghdr *whole, size_t n)
{
	struct nlmsghdr *cut = malloc(n);
	struct why_way w = { 0 };

	assert_non_null(cut);
	memcpy(cut, whole, n);
	cut->nlmsg_len = (uint32_t)n;
	(void)!why_route_parse(cut, &w);
	free(cut);
}

static void test_cut(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = make_whole(buf);
	struct why_way w = { 0 };

	(void)state;
	for (size_t n = sizeof(*nlh); n < nlh->nlmsg_len; n++)
		cut_at(nlh, n);
	/* Attributes of a wrong length. */
	nlh = make_route(buf, AF_INET, RTN_UNICAST);
	put_addr(nlh, RTA_GATEWAY, "2001:db8::1");
	assert_int_equal(why_route_parse(nlh, &w), -EBADMSG);
	nlh = make_route(buf, AF_INET, RTN_UNICAST);
	mnl_attr_put_u16(nlh, RTA_OIF, 7);
	assert_int_equal(why_route_parse(nlh, &w), -EBADMSG);
	nlh = make_route(buf, AF_INET6, RTN_UNICAST);
	mnl_attr_put_u8(nlh, RTA_VIA, 2);
	assert_int_equal(why_route_parse(nlh, &w), -EBADMSG);
}

/* ---- rules for routes ---- */

static void test_rules(void **state)
{
	struct pt_why_options o = { .port = 443 };
	struct why y = { .o = &o };
	struct why_walk k = { .to = addr("203.0.113.80"), .way = { .src = addr("192.0.2.2") } };
	const struct {
		struct pt_conf_route_rule r;
		bool holds;
	} rules[] = {
		{ { .af = PT_AF_INET }, true },
		{ { .af = PT_AF_INET6 }, false },
		{ { .af = PT_AF_INET, .to = { addr("203.0.113.0"), 24 } }, true },
		{ { .af = PT_AF_INET, .to = { addr("203.0.112.0"), 24 } }, false },
		{ { .af = PT_AF_INET, .to = { addr("203.0.112.0"), 24 }, .neg = true }, true },
		{ { .af = PT_AF_INET, .from = { addr("192.0.2.2"), 32 } }, true },
		{ { .af = PT_AF_INET, .from = { addr("192.0.2.3"), 32 } }, false },
		{ { .af = PT_AF_INET, .iif = "lo" }, true },
		{ { .af = PT_AF_INET, .iif = "eth1" }, false },
		{ { .af = PT_AF_INET, .oif = "eth0" }, false },
		{ { .af = PT_AF_INET, .mark = 1, .mask = 1 }, false },
		{ { .af = PT_AF_INET, .tos = 16 }, false },
		{ { .af = PT_AF_INET, .proto = IPPROTO_TCP }, true },
		{ { .af = PT_AF_INET, .proto = IPPROTO_UDP }, false },
		{ { .af = PT_AF_INET, .dport_lo = 443, .dport_hi = 443 }, true },
		{ { .af = PT_AF_INET, .dport_lo = 1, .dport_hi = 442 }, false },
		{ { .af = PT_AF_INET, .sport_lo = 1, .sport_hi = 1023 }, false },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(rules); i++) {
		struct pt_route_rule x = { .r = rules[i].r };

		assert_int_equal(why_rule_holds(&y, &k, &x), rules[i].holds);
	}
	o.on = "eth0";
	assert_true(why_rule_holds(&y, &k, &(struct pt_route_rule){ .r = { .af = PT_AF_INET, .oif = "eth0" } }));
}

/* ---- what is said ---- */

static void says(const struct why *y, const struct why_walk *k, const struct why_refusal *r, enum pt_why_outcome outcome, const char *text,
		 const char *seen)
{
	struct why_say s = { 0 };

	why_route_say(y, k, r, &s);
	assert_int_equal(s.outcome, outcome);
	assert_non_null(strstr(s.text, text));
	assert_non_null(strstr(s.seen, seen));
	assert_true(outcome == PT_WHY_PASSED || *s.next);
}

static void test_route_words(void **state)
{
	const struct pt_why_options o = { .host = "x" };
	struct pt_link list[] = { { .name = "eth0", .index = 2, .up = true, .running = true }, { .name = "eth1", .index = 3 } };
	struct why y = { .o = &o };
	struct why_walk k = { .to = addr("203.0.113.80") };
	struct why_refusal none = { 0 };
	struct pt_route_rule rule = { .r = { .af = PT_AF_INET, .priority = 100, .type = PT_ROUTE_PROHIBIT }, .action = FR_ACT_PROHIBIT };

	(void)state;
	y.links.v.v = list;
	y.links.v.n = 2;
	k.way = (struct why_way){ .type = RTN_UNICAST, .index = 2, .table = RT_TABLE_MAIN, .via = addr("192.0.2.1"), .src = addr("192.0.2.2") };
	k.link = &list[0];
	says(&y, &k, &none, PT_WHY_PASSED, "via 192.0.2.1 on eth0 from 192.0.2.2", "");
	list[0].running = false;
	says(&y, &k, &none, PT_WHY_STOPPED, "eth0, which has no carrier", "no carrier");
	list[0].up = false;
	says(&y, &k, &none, PT_WHY_STOPPED, "eth0, which is switched off", "down");
	k.way = (struct why_way){ .error = -ENETUNREACH };
	k.link = NULL;
	says(&y, &k, &none, PT_WHY_STOPPED, "there is no route to 203.0.113.80", "switched off: eth0, eth1");
	list[0].up = list[1].up = true;
	says(&y, &k, &none, PT_WHY_STOPPED, "there is no route to 203.0.113.80", "not even a default one");
	says(&y, &k, &(struct why_refusal){ .rule = &rule }, PT_WHY_STOPPED, "by a rule for routes", "100: ");
	k.way.error = -EINVAL;
	says(&y, &k, &none, PT_WHY_STOPPED, "blackhole", "the kernel says");
	k.to = addr("224.0.0.5");
	says(&y, &k, &none, PT_WHY_STOPPED, "multicast", "");
	k.to = addr("0.0.0.0");
	says(&y, &k, &none, PT_WHY_STOPPED, "no host", "");
	k.to = addr("192.0.2.255");
	k.way = (struct why_way){ .type = RTN_BROADCAST };
	says(&y, &k, &none, PT_WHY_STOPPED, "broadcast", "");
	k.to = addr("2001:db8::1");
	k.way = (struct why_way){ .type = RTN_UNICAST, .index = 2 };
	says(&y, &k, &none, PT_WHY_STOPPED, "no address of this machine", "eth0");
}

/* ---- names ---- */

static void test_choose(void **state)
{
	struct pt_addr a[WHY_ADDRESSES];
	uint32_t zones[WHY_ADDRESSES] = { 0, 0, 5 };
	char host[254];
	struct pt_why_options o = { .host = host };
	struct why *y = calloc(1, sizeof(*y));

	(void)state;
	assert_non_null(y);
	y->o = &o;
	memset(host, 'a', sizeof(host) - 1);
	host[253] = '\0';
	for (size_t i = 0; i < WHY_ADDRESSES; i++)
		a[i] = i < 2 ? (struct pt_addr){ PT_AF_INET, 0xfefefef0 + i } : (struct pt_addr){ PT_AF_INET6, ~(pt_u128)0 - i };
	why_name_choose(y, a, zones, WHY_ADDRESSES);
	assert_int_equal(y->n, 2);
	assert_true(y->walks[0].to.v == a[0].v && y->walks[1].to.v == a[2].v);
	assert_int_equal(y->walks[1].zone, 5);
	assert_true(strlen(y->name.text) < WHY_TEXT && *y->name.seen);
	free(y);
}

/* ---- no memory ---- */

static size_t told;

static int tell(const struct pt_why_said *s, void *arg)
{
	(void)arg;
	assert_true(*s->text);
	told++;
	return 0;
}

static size_t put_done(uint8_t *at)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);

	nlh->nlmsg_type = NLMSG_DONE;
	mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	return nlh->nlmsg_len;
}

static size_t put_good(uint8_t *at)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);

	nlh->nlmsg_type = NLMSG_ERROR;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr));
	return nlh->nlmsg_len;
}

/* Nothing but a way to this machine itself, asked for twice, and each time by which route. */
static size_t canned(uint8_t *buf)
{
	size_t n = 0;

	for (int i = 0; i < 3; i++)
		n += put_done(buf + n);
	for (int i = 0; i < 4; i++) {
		struct nlmsghdr *nlh = make_route(buf + n, AF_INET, RTN_LOCAL);

		put_addr(nlh, RTA_DST, "127.0.0.1");
		put_addr(nlh, RTA_PREFSRC, "127.0.0.1");
		mnl_attr_put_u32(nlh, RTA_TABLE, RT_TABLE_LOCAL);
		n += nlh->nlmsg_len;
		n += put_good(buf + n);
	}
	return n;
}

/* LEFT: no allocation was left that could fail. */
static int walk(const uint8_t *buf, size_t n, long fail, struct pt_why_end *end, struct pt_err *e, bool *left)
{
	const struct pt_why_options o = { .host = "127.0.0.1", .port = 1, .timeout = 1000000, .tell = tell };
	struct pt_nl_record rec = { 0 };
	struct pt_nl *route;
	int rc;

	assert_int_equal(pt_nl_open_recorder(&route, &rec, buf, n), 0);
	told = 0;
	allocations_left = fail;
	rc = pt_why(&o, NULL, route, end, e);
	*left = allocations_left >= 0;
	allocations_left = -1;
	pt_nl_close(route);
	pt_buf_fini(&rec.bytes);
	return rc;
}

static void test_memory(void **state)
{
	_Alignas(8) uint8_t buf[2048];
	size_t n = canned(buf);
	bool left = false;
	long tried;

	(void)state;
	for (tried = 0; tried < 2000 && !left; tried++) {
		struct pt_why_end end;
		struct pt_err e = { 0 };
		int rc = walk(buf, n, tried, &end, &e, &left);

		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(!rc || e.list.n);
		if (!rc) {
			assert_int_equal(end.n, 1);
			assert_int_equal(end.walks[0].outcome, PT_WHY_STOPPED);
			assert_int_equal(end.walks[0].at, PT_WHY_REACH);
			assert_int_equal(told, 5);
		}
		pt_err_fini(&e);
	}
	assert_true(left && tried > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer), cmocka_unit_test(test_cut),    cmocka_unit_test(test_rules),
		cmocka_unit_test(test_route_words), cmocka_unit_test(test_choose), cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
