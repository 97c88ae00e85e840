/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links, addresses and routes of a real kernel, also while somebody changes them. */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/net.h>

#include "netns/lab.h"

static struct lab lab;
static struct pt_nl *rt;

static int set_up(void **state)
{
	struct pt_err e = {0};

	(void)state;
	lab_make(&lab);
	assert_int_equal(pt_nl_open(&rt, NETLINK_ROUTE, &e), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(rt);
	lab_free(&lab);
	return 0;
}

static struct pt_addr addr(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static bool same(struct pt_addr a, const char *s)
{
	return a.af == addr(s).af && a.v == addr(s).v;
}

static const struct pt_host_if *device(const struct pt_host *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->ifs.n; i++)
		if (!strcmp(h->ifs.v[i].device, name))
			return &h->ifs.v[i];
	return NULL;
}

static const struct pt_host_addr *address(const struct pt_host *h, const char *name, const char *a)
{
	const struct pt_host_if *i = device(h, name);
	size_t k;

	for (k = 0; i && k < i->addrs.n; k++)
		if (same(i->addrs.v[k].prefix.addr, a))
			return &i->addrs.v[k];
	return NULL;
}

static struct pt_host *read_host(void)
{
	struct pt_err e = {0};
	struct pt_host *h;

	assert_int_equal(pt_net_read(rt, &h, &e), 0);
	return h;
}

static void test_addresses(void **state)
{
	const struct pt_host_addr *a;
	struct pt_host *h = read_host();

	(void)state;
	assert_non_null(device(h, "lo"));
	assert_int_equal(device(h, "lan0")->ifindex, if_nametoindex("lan0"));
	assert_non_null(address(h, "lo", "127.0.0.1"));
	assert_non_null(address(h, "lo", "::1"));
	a = address(h, "lan0", "192.168.1.1");
	assert_non_null(a);
	assert_int_equal(a->prefix.len, 24);
	assert_int_equal(a->peer.af, PT_AF_NONE);
	assert_false(a->secondary);
	a = address(h, "wan0", "2001:db8:1::2");
	assert_non_null(a);
	assert_int_equal(a->prefix.len, 64);
	assert_int_equal(a->peer.af, PT_AF_NONE);
	assert_int_equal(device(h, "dmz0")->addrs.n, 3); /* and the link-local one */
	assert_null(device(h, "eth0")); /* of the other namespaces */
	pt_host_free(h);
}

static void test_kinds_of_addresses(void **state)
{
	const struct pt_host_addr *a;
	struct pt_host *h;

	(void)state;
	lab_ip("addr add 192.168.1.2/24 brd + dev lan0\n"
	       "addr add 192.168.7.1/24 brd 192.168.7.255 dev lan0\n"
	       "addr add 10.99.0.1 peer 10.99.0.2 dev wan0\n"
	       "addr add fd00:99::1 peer fd00:99::2 dev wan0\n");
	h = read_host();
	a = address(h, "lan0", "192.168.1.2");
	assert_non_null(a);
	assert_true(a->secondary);
	assert_true(same(a->broadcast, "192.168.1.255"));
	a = address(h, "lan0", "192.168.7.1");
	assert_non_null(a);
	assert_false(a->secondary);
	a = address(h, "wan0", "10.99.0.1");
	assert_non_null(a);
	assert_true(same(a->peer, "10.99.0.2"));
	assert_int_equal(a->prefix.len, 32);
	a = address(h, "wan0", "fd00:99::1");
	assert_non_null(a);
	assert_true(same(a->peer, "fd00:99::2"));
	assert_int_equal(a->prefix.len, 128);
	assert_null(address(h, "wan0", "10.99.0.2"));
	pt_host_free(h);
}

static void routes_by(const char *dst, const char *want)
{
	char name[IFNAMSIZ];

	assert_int_equal(pt_net_route(rt, addr(dst), name), 0);
	assert_string_equal(name, want);
}

static void test_routes(void **state)
{
	(void)state;
	lab_ip("route add blackhole 10.66.0.0/16\nroute add unreachable 10.67.0.0/16\n"
	       "route add prohibit 10.68.0.0/16\nroute add unreachable fd66::/16\n"
	       "route add 10.69.0.0/16 via 10.0.5.20\n");
	routes_by("192.168.1.10", "lan0");
	routes_by("198.51.100.7", "wan0");
	routes_by("10.69.1.1", "dmz0");
	routes_by("fd00:5::20", "dmz0");
	routes_by("2001:db8:2::7", "wan0");
	routes_by("192.168.1.1", "lo");
	routes_by("10.66.1.1", "");
	routes_by("10.67.1.1", "");
	routes_by("10.68.1.1", "");
	routes_by("fd66::1", "");
	lab_ip("route del default\nroute del ::/0\n");
	routes_by("198.51.100.7", "");
	routes_by("2001:db8:2::7", "");
}

/* ---- all routes at once ---- */

static uint32_t drawn = 1;

static uint32_t draw(void)
{
	drawn = drawn * 1664525 + 1013904223;
	return drawn >> 8;
}

static bool leads(const struct pt_net_ways *w, struct pt_addr a, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < w->v.n; i++) {
		bool has = pt_iset_has(&w->v.v[i].dst[a.af == PT_AF_INET6], a.v);

		found = found || has;
		if (has && !strcmp(w->v.v[i].device, name))
			return true;
	}
	return !*name && !found;
}

static void check_way(const struct pt_net_ways *w, struct pt_addr a)
{
	struct pt_buf text = { 0 };
	char name[IFNAMSIZ];

	if (!a.v) /* what the kernel takes 0.0.0.0 for is not in a table */
		return;
	assert_int_equal(pt_net_route(rt, a, name), 0);
	pt_addr_fmt(&text, a);
	if (!leads(w, a, name))
		fail_msg("%s leads to '%s'", text.s, name);
	pt_buf_fini(&text);
}

/* At the ends of all pieces, and anywhere. */
static void check_ways(const struct pt_net_ways *w)
{
	for (size_t i = 0; i < w->v.n; i++)
		for (int six = 0; six < 2; six++)
			for (uint32_t k = 0; k < w->v.v[i].dst[six].n; k++) {
				const struct pt_ival *v = &w->v.v[i].dst[six].v[k];
				enum pt_af af = six ? PT_AF_INET6 : PT_AF_INET;

				/* the kernel has no routes to multicast but those of the device */
				if (six && v->lo >> 120 == 0xff)
					continue;
				check_way(w, (struct pt_addr){ af, v->lo });
				check_way(w, (struct pt_addr){ af, v->hi });
				if (v->lo)
					check_way(w, (struct pt_addr){ af, v->lo - 1 });
				check_way(w, (struct pt_addr){ af, v->lo + (v->hi - v->lo) / 2 });
			}
	for (int i = 0; i < 2000; i++)
		check_way(w, (struct pt_addr){ PT_AF_INET, draw() << 8 ^ draw() });
}

static void test_ways(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_err e = { 0 };
	struct pt_net_ways w;
	struct pt_host *h = read_host();

	(void)state;
	assert_int_equal(pt_net_ways_read(rt, h, a, &w, &e), 0);
	assert_false(w.more);
	check_ways(&w);
	lab_ip("route add default via 203.0.113.1\nroute add 10.64.0.0/10 via 10.0.5.20\nroute add 10.64.0.0/12 dev lan0\n"
	       "route add 10.64.0.0/12 dev dmz0 metric 9\nroute add throw 10.64.128.0/17\nroute add blackhole 10.64.128.0/18\n"
	       "route add 255.0.0.0/8 dev dmz0\nroute add 10.127.255.255 dev wan0\nroute add local 10.80.0.0/16 dev lo\n"
	       "route add 10.70.0.0/15 nexthop via 10.0.5.20 nexthop via 192.168.1.10\n"
	       "route add ::/0 via 2001:db8:1::1\nroute add fd70::/16 via fd00:5::20\nroute add fd70:1::/32 dev lan0\n"
	       "route add ffe0::/12 dev dmz0\nroute add unreachable fd70:1:1::/48\n");
	assert_int_equal(pt_net_ways_read(rt, h, a, &w, &e), 0);
	check_ways(&w);
	for (size_t i = 0; i < w.v.n; i++)
		assert_int_equal(w.v.v[i].by_default[0], !strcmp(w.v.v[i].device, "wan0"));
	assert_false(w.more);
	lab_ip("rule add from 192.168.1.0/24 table 77\n");
	assert_int_equal(pt_net_ways_read(rt, h, a, &w, &e), 0);
	assert_true(w.more);
	lab_ip("rule del from 192.168.1.0/24 table 77\n");
	pt_host_free(h);
	pt_arena_free(a);
}

static void test_socket_keeps_its_namespace(void **state)
{
	int here = lab_enter(&lab, LAB_WAN);
	struct pt_host *h = read_host();

	(void)state;
	assert_non_null(device(h, "dmz0"));
	routes_by("fd00:5::20", "dmz0");
	pt_host_free(h);
	lab_back(here);
}

static void __attribute__((noreturn)) flap(void)
{
	char batch[1 << 14];
	size_t n = 0;
	int i;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 100; i++)
		n += (size_t)snprintf(batch + n, sizeof(batch) - n,
				      "addr %s 10.200.%d.1/24 dev dmz0\n", i & 1 ? "del" : "add",
				      i / 2);
	for (;;)
		lab_ip("%s", batch);
}

/* Two hundred snapshots while addresses come and go: each has what was there all the time. */
static void test_while_changing(void **state)
{
	struct pt_err e = {0};
	struct pt_host *h;
	int i, rc, good = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		flap();
	for (i = 0; i < 200; i++) {
		rc = pt_net_read(rt, &h, &e);
		assert_true(rc == 0 || rc == -EAGAIN);
		if (rc < 0)
			continue;
		assert_non_null(address(h, "lan0", "192.168.1.1"));
		assert_non_null(address(h, "wan0", "2001:db8:1::2"));
		assert_non_null(address(h, "lo", "127.0.0.1"));
		pt_host_free(h);
		good++;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	pt_err_fini(&e);
	assert_true(good > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_kinds_of_addresses),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_socket_keeps_its_namespace),
		cmocka_unit_test(test_while_changing),
	};

	return lab_run("net of a real kernel", tests, set_up, tear_down);
}
