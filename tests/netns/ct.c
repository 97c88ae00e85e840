/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States of real flows through a router, as ctnetlink shows them: translated, counted, labelled,
 * ended one by one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/ct.h>

#include "netns/lab.h"

static struct lab lab;
static struct pt_nl *nf;
static const uint32_t label[4] = {1, 0xdeadbeef, 0x12345678, 3};

/* ---- a router that labels every state and translates IPv4 of its LAN ---- */

static struct nlmsghdr *message(struct pt_nl_batch *b, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(pt_nl_batch_room(b, 4096), type, NFPROTO_INET, flags, 0);
}

static void commit(struct pt_nl_batch *b, struct nlmsghdr *nlh)
{
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), 0);
}

static void put_chain(struct pt_nl_batch *b, const char *name, const char *type, uint32_t hook,
		      int32_t prio)
{
	struct nlmsghdr *nlh = message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nftnl_chain *c = nftnl_chain_alloc();

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, "t");
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, prio);
	nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	commit(b, nlh);
}

static struct nftnl_expr *expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	nftnl_rule_add_expr(r, e);
	return e;
}

static void put_immediate(struct nftnl_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, data, len);
}

static void put_rule(struct pt_nl_batch *b, const char *chain, struct nftnl_rule *r)
{
	struct nlmsghdr *nlh = message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, "t");
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(nlh, r);
	nftnl_rule_free(r);
	commit(b, nlh);
}

static struct nftnl_rule *label_rule(void)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nftnl_expr *e;

	put_immediate(r, label, sizeof(label));
	e = expr(r, "ct");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_LABELS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, NFT_REG_1);
	return r;
}

static struct nftnl_rule *nat_rule(void)
{
	const uint8_t v4 = NFPROTO_IPV4, to[4] = {203, 0, 113, 2};
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nftnl_expr *e;

	e = expr(r, "meta");
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_NFPROTO);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	e = expr(r, "cmp");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, &v4, 1);
	put_immediate(r, to, sizeof(to));
	e = expr(r, "nat");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	return r;
}

static int set_up(void **state)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct nftnl_table *t = nftnl_table_alloc();
	struct pt_err e = {0};
	struct nlmsghdr *nlh;

	(void)state;
	lab_make(&lab);
	assert_int_equal(pt_nl_open(&nf, NETLINK_NETFILTER, &e), 0);
	nlh = message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, "t");
	nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	commit(b, nlh);
	put_chain(b, "in", "filter", NF_INET_PRE_ROUTING, -150);
	put_chain(b, "nat", "nat", NF_INET_POST_ROUTING, 100);
	put_rule(b, "in", label_rule());
	put_rule(b, "nat", nat_rule());
	assert_int_equal(pt_nl_batch_send(nf, b, NULL), 0);
	pt_nl_batch_free(b);
	assert_true(lab_sysctl("netfilter/nf_conntrack_acct", "1"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(nf);
	lab_free(&lab);
	return 0;
}

/* ---- looking ---- */

struct want {
	uint8_t proto;
	const char *src;
	uint16_t sport;   /* 0: any */
	struct pt_ct_entry found;
	size_t n, all;
};

static bool same(struct pt_addr a, const char *s)
{
	struct pt_addr b;

	assert_int_equal(pt_addr_parse(s, &b), 0);
	return a.af == b.af && a.v == b.v;
}

static int look(const struct pt_ct_entry *ct, void *arg)
{
	struct want *w = arg;

	w->all++;
	if (ct->proto != w->proto || !same(ct->orig.src, w->src) ||
	    (w->sport && ct->orig.sport != w->sport))
		return 0;
	w->found = *ct;
	w->n++;
	return 0;
}

static struct want find(uint8_t proto, const char *src, uint16_t sport)
{
	struct want w = {.proto = proto, .src = src, .sport = sport};
	struct pt_err e = {0};

	assert_int_equal(pt_ct_dump(nf, look, &w, &e), 0);
	return w;
}

static int end_one(const struct pt_ct_entry *ct, void *arg)
{
	PT_VEC(struct pt_ct_entry) *all = arg;

	return pt_vec_push(NULL, all, *ct);
}

/* The callback may not use the socket, so they are gathered first. */
static size_t end_all(void)
{
	PT_VEC(struct pt_ct_entry) all = {0};
	struct pt_err e = {0};
	size_t i, n = 0;

	assert_int_equal(pt_ct_dump(nf, end_one, &all, &e), 0);
	for (i = 0; i < all.n; i++)
		n += pt_ct_delete(nf, &all.v[i]) == 0;
	free(all.v);
	return n;
}

/* ---- flows: LAN to a host behind the WAN ---- */

struct flow {
	int server, client, session;
};

static struct flow open_tcp(const char *to, uint16_t port)
{
	struct flow f;
	int here = lab_enter(&lab, LAB_WAN);

	f.server = lab_bind(SOCK_STREAM, to, port);
	assert_true(f.server >= 0);
	lab_step(lab.ns[LAB_LAN]);
	f.client = lab_connect(SOCK_STREAM, to, port, 0);
	assert_true(f.client >= 0);
	f.session = accept(f.server, NULL, NULL);
	assert_true(f.session >= 0);
	lab_back(here);
	return f;
}

static void close_flow(struct flow *f)
{
	close(f->client);
	close(f->session);
	close(f->server);
}

static void check_common(const struct pt_ct_entry *ct)
{
	assert_memory_equal(ct->label, label, sizeof(label));
	assert_true(ct->has_counters);
	assert_true(ct->timeout > 0);
	assert_true(ct->id != 0);
	assert_int_equal(ct->zone, 0);
}

static void test_tcp_translated(void **state)
{
	struct flow f = open_tcp("198.51.100.7", 8080);
	struct pt_ct_entry *ct;
	char text[300];
	struct want w;

	(void)state;
	assert_int_equal(send(f.client, "hello", 5, 0), 5);
	assert_int_equal(recv(f.session, text, sizeof(text), 0), 5);
	memset(text, 'x', sizeof(text));
	assert_int_equal(send(f.session, text, sizeof(text), 0), sizeof(text));
	assert_int_equal(recv(f.client, text, sizeof(text), MSG_WAITALL), sizeof(text));
	w = find(IPPROTO_TCP, "192.168.1.10", 0);
	assert_int_equal(w.n, 1);
	ct = &w.found;
	check_common(ct);
	assert_true(same(ct->orig.dst, "198.51.100.7"));
	assert_int_equal(ct->orig.dport, 8080);
	assert_true(same(ct->reply.src, "198.51.100.7") && same(ct->reply.dst, "203.0.113.2"));
	assert_int_equal(ct->reply.sport, 8080);
	assert_string_equal(pt_ct_tcp_state_name(ct->tcp_state), "ESTABLISHED");
	assert_true(ct->status & IPS_SRC_NAT);
	assert_true(ct->status & IPS_ASSURED);
	assert_true(ct->packets[0] >= 3 && ct->packets[1] >= 2);
	assert_true(ct->bytes[0] >= 3 * 40 + 5 && ct->bytes[1] >= 2 * 40 + 300);
	close(f.client);
	close(f.session);
	f.client = f.session = -1;
	w = find(IPPROTO_TCP, "192.168.1.10", 0);
	assert_int_equal(w.n, 1);
	assert_string_not_equal(pt_ct_tcp_state_name(w.found.tcp_state), "ESTABLISHED");
	close(f.server);
}

static void test_tcp_v6(void **state)
{
	struct flow f = open_tcp("2001:db8:2::7", 8081);
	struct want w = find(IPPROTO_TCP, "fd00:1::10", 0);
	const struct pt_ct_entry *ct = &w.found;

	(void)state;
	assert_int_equal(w.n, 1);
	check_common(ct);
	assert_true(same(ct->orig.dst, "2001:db8:2::7"));
	assert_true(same(ct->reply.src, "2001:db8:2::7") && same(ct->reply.dst, "fd00:1::10"));
	assert_int_equal(ct->reply.dport, ct->orig.sport);
	assert_int_equal(ct->orig.dport, 8081);
	assert_false(ct->status & IPS_SRC_NAT);
	close_flow(&f);
}

static void send_udp(const char *to, uint16_t port, uint16_t source_port)
{
	int here = lab_enter(&lab, LAB_LAN), fd = lab_connect(SOCK_DGRAM, to, port, source_port);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	close(fd);
	lab_back(here);
}

static void test_udp_unanswered(void **state)
{
	struct want w;

	(void)state;
	send_udp("198.51.100.7", 9, 40001);
	w = find(IPPROTO_UDP, "192.168.1.10", 40001);
	assert_int_equal(w.n, 1);
	check_common(&w.found);
	assert_int_equal(w.found.packets[0], 1);
	assert_int_equal(w.found.bytes[0], 29);
	assert_int_equal(w.found.tcp_state, 0);
	send_udp("2001:db8:2::7", 9, 40002);
	w = find(IPPROTO_UDP, "fd00:1::10", 40002);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.found.bytes[0], 49);
}

static void test_icmp(void **state)
{
	int here = lab_enter(&lab, LAB_LAN);
	struct want w;

	(void)state;
	assert_true(lab_ping("198.51.100.7", 0x1234));
	assert_true(lab_ping("2001:db8:2::7", 0x4321));
	lab_back(here);
	w = find(IPPROTO_ICMP, "192.168.1.10", 0x1234);
	assert_int_equal(w.n, 1);
	check_common(&w.found);
	assert_int_equal(w.found.orig.dport, 8 << 8);
	assert_int_equal(w.found.reply.dport, 0);
	assert_int_equal(w.found.packets[1], 1);
	w = find(IPPROTO_ICMPV6, "fd00:1::10", 0x4321);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.found.orig.dport, 128 << 8);
	assert_int_equal(w.found.reply.dport, 129 << 8);
	/* Ended by identifier, type and code. */
	assert_int_equal(pt_ct_delete(nf, &w.found), 0);
	assert_int_equal(find(IPPROTO_ICMPV6, "fd00:1::10", 0x4321).n, 0);
	w = find(IPPROTO_ICMP, "192.168.1.10", 0x1234);
	assert_int_equal(pt_ct_delete(nf, &w.found), 0);
	assert_int_equal(find(IPPROTO_ICMP, "192.168.1.10", 0x1234).n, 0);
}

static void test_delete_spares_successors(void **state)
{
	struct want first, second;

	(void)state;
	send_udp("198.51.100.7", 9, 40003);
	first = find(IPPROTO_UDP, "192.168.1.10", 40003);
	assert_int_equal(first.n, 1);
	assert_int_equal(pt_ct_delete(nf, &first.found), 0);
	assert_int_equal(find(IPPROTO_UDP, "192.168.1.10", 40003).n, 0);
	assert_int_equal(pt_ct_delete(nf, &first.found), -ENOENT);
	send_udp("198.51.100.7", 9, 40003);
	second = find(IPPROTO_UDP, "192.168.1.10", 40003);
	assert_int_equal(second.n, 1);
	if (second.found.id == first.found.id)
		second.found.id ^= 1; /* the kernel gave the same place again: lie instead */
	else
		second.found.id = first.found.id;
	assert_int_equal(pt_ct_delete(nf, &second.found), -ENOENT);
	assert_int_equal(find(IPPROTO_UDP, "192.168.1.10", 40003).n, 1);
}

static void test_v6_delete(void **state)
{
	struct flow f = open_tcp("2001:db8:2::7", 8082);
	struct want w = find(IPPROTO_TCP, "fd00:1::10", 0);

	(void)state;
	assert_true(w.n >= 1); /* with closed ones of earlier tests */
	assert_int_equal(pt_ct_delete(nf, &w.found), 0);
	assert_int_equal(pt_ct_delete(nf, &w.found), -ENOENT);
	close_flow(&f);
}

static int stop(const struct pt_ct_entry *ct, void *arg)
{
	(void)ct;
	return ++*(size_t *)arg == 5 ? -ECANCELED : 0;
}

static void test_many(void **state)
{
	struct pt_err e = {0};
	uint64_t n = 0, max = 0;
	size_t seen = 0, i;
	struct want w;

	(void)state;
	(void)end_all();
	for (i = 0; i < 1500; i++) {
		send_udp("198.51.100.7", 9, (uint16_t)(20000 + i));
		send_udp("2001:db8:2::7", 9, (uint16_t)(20000 + i));
	}
	w = find(IPPROTO_UDP, "192.168.1.10", 0);
	assert_int_equal(w.n, 1500);
	assert_int_equal(w.all, 3000);
	assert_int_equal(find(IPPROTO_UDP, "fd00:1::10", 0).n, 1500);
	assert_int_equal(pt_ct_count(nf, &n, &max, &e), 0);
	assert_int_equal(n, 3000);
	assert_true(max >= n);
	/* A walk that is given up must not spoil the next. */
	assert_int_equal(pt_ct_dump(nf, stop, &seen, &e), -ECANCELED);
	assert_int_equal(seen, 5);
	assert_int_equal(find(IPPROTO_UDP, "192.168.1.10", 20007).n, 1);
	assert_int_equal(end_all(), 3000);
	assert_int_equal(pt_ct_count(nf, &n, &max, &e), 0);
	assert_int_equal(n, 0);
}

static int on_event(const struct nlmsghdr *nlh, void *arg)
{
	struct pt_ct_entry ct;

	assert_int_equal(pt_ct_parse(nlh, &ct), 0);
	return look(&ct, arg);
}

static void test_events(void **state)
{
	struct want w = {.proto = IPPROTO_UDP, .src = "192.168.1.10", .sport = 41000};
	struct pt_err e = {0};
	struct pt_nl *ev;
	int size = 2048, i;

	(void)state;
	assert_int_equal(pt_nl_open(&ev, NETLINK_NETFILTER, &e), 0);
	assert_int_equal(pt_nl_join(ev, NFNLGRP_CONNTRACK_NEW, &e), 0);
	send_udp("198.51.100.7", 9, 41000);
	assert_int_equal(pt_nl_events(ev, 500, on_event, &w), 0);
	assert_int_equal(w.n, 1);
	/* More than the socket holds: that is told. */
	assert_int_equal(setsockopt(pt_nl_fd(ev), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (i = 0; i < 100; i++)
		send_udp("198.51.100.7", 9, (uint16_t)(41100 + i));
	assert_int_equal(pt_nl_events(ev, 500, on_event, &w), -ENOBUFS);
	pt_nl_close(ev);
}

/* ---- watching ---- */

struct watched {
	struct pt_nl *events;
	int sent;                 /* states made meanwhile */
	size_t came, went, lost, loads;
	uint32_t label;           /* of the last that went */
	bool small;
};

/* Somebody looks away while a hundred states come, with a buffer too small for them. */
static int on_watched(enum pt_ct_what what, const struct pt_ct_entry *ct, void *arg)
{
	struct watched *w = arg;
	int size = 2048;

	if (ct->proto != IPPROTO_UDP)
		return 0;
	w->came += what == PT_CT_CAME;
	if (what == PT_CT_WENT) {
		w->went++;
		w->label = ct->label[1];
	}
	if (w->sent)
		return 0;
	if (w->small)
		assert_int_equal(setsockopt(pt_nl_fd(w->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	while (w->sent < 100)
		send_udp("198.51.100.7", 9, (uint16_t)(42001 + w->sent++));
	(void)end_all(); /* 101 and what was there */
	return 0;
}

static int on_lost(uint64_t n, void *arg)
{
	((struct watched *)arg)->lost += n;
	return 0;
}

/* The first event comes from a state that is made when everything is read. */
static int on_idle(void *arg)
{
	struct watched *w = arg;

	if (w->sent)
		return -ECANCELED;
	if (!w->loads++)
		send_udp(w->small ? "198.51.100.7" : "2001:db8:2::7", 9, 42000);
	return 0;
}

static void watch(struct watched *w)
{
	const struct pt_ct_watcher who = { on_watched, on_lost, on_idle, w };
	struct pt_err e = {0};

	(void)end_all();
	assert_int_equal(pt_nl_open(&w->events, NETLINK_NETFILTER, &e), 0);
	assert_int_equal(pt_ct_watch(nf, w->events, -1, &who, &e), -ECANCELED);
	pt_nl_close(w->events);
}

static void test_watch(void **state)
{
	struct watched w = {0};

	(void)state;
	watch(&w);
	assert_int_equal(w.came, 101);
	assert_int_equal(w.went, 101);
	assert_int_equal(w.lost, 0);
	assert_int_equal(w.label, label[1]); /* which the kernel does not tell at the end */
}

/* What is lost is counted to the last event. */
static void test_watch_lost(void **state)
{
	struct watched w = {.small = true};

	(void)state;
	watch(&w);
	assert_true(w.lost > 0);
	assert_int_equal(w.came + w.went + w.lost, 202);
}

static int as_nobody(void *arg)
{
	struct pt_err e = {0};
	struct pt_nl *nl;
	uint64_t n, max;
	size_t seen = 0;
	int rc = 1;

	(void)arg;
	if (pt_nl_open(&nl, NETLINK_NETFILTER, &e))
		return 2;
	if (pt_ct_dump(nl, stop, &seen, &e) == -EPERM && pt_ct_count(nl, &n, &max, &e) == -EPERM &&
	    e.n_errors == 2 && e.list.v[0].hint && e.list.v[1].hint)
		rc = 0;
	pt_nl_close(nl);
	pt_err_fini(&e);
	return rc;
}

static void test_not_permitted(void **state)
{
	(void)state;
	assert_int_equal(lab_as_nobody(as_nobody, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_translated),
		cmocka_unit_test(test_tcp_v6),
		cmocka_unit_test(test_udp_unanswered),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_delete_spares_successors),
		cmocka_unit_test(test_v6_delete),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_lost),
		cmocka_unit_test(test_not_permitted),
	};

	return lab_run("ct of real flows", tests, set_up, tear_down);
}
