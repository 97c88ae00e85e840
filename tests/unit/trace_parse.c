/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's messages about packets that are followed and flows that are counted: right ones, cut anywhere, and with lies in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/log.h>
#include <patronus/nft_trace.h>

#define ROOM 4096

static const uint8_t ip4[] = { 0x45, 0x10, 0, 60, 0, 1, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 2, 192, 0, 2, 1 };
static const uint8_t tcp[] = { 0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 1, 0, 0, 0, 0, 0 };
static const uint8_t ip6[40] = { 0x60, 0, 0, 0, 0, 20, 6, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
				 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

static void be32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(nlh, type, htonl(v));
}

static void be64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	const uint32_t words[2] = { htonl((uint32_t)(v >> 32)), htonl((uint32_t)v) };

	mnl_attr_put(nlh, type, sizeof(words), words);
}

static struct nlmsghdr *begin(void *buf, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_INET;
	return nlh;
}

static void put_verdict(struct nlmsghdr *nlh, int code, const char *chain)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_TRACE_VERDICT);

	be32(nlh, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(nlh, nest);
}

static struct nlmsghdr *message(void *buf)
{
	struct nlmsghdr *nlh = begin(buf, NFT_MSG_TRACE);

	be32(nlh, NFTA_TRACE_ID, 0x1234);
	be32(nlh, NFTA_TRACE_TYPE, NFT_TRACETYPE_RULE);
	mnl_attr_put_strz(nlh, NFTA_TRACE_TABLE, "patronus");
	mnl_attr_put_strz(nlh, NFTA_TRACE_CHAIN, "prerouting");
	be64(nlh, NFTA_TRACE_RULE_HANDLE, 77);
	put_verdict(nlh, NFT_JUMP, "in");
	be32(nlh, NFTA_TRACE_IIF, 3);
	be32(nlh, NFTA_TRACE_NFPROTO, NFPROTO_IPV4);
	mnl_attr_put(nlh, NFTA_TRACE_NETWORK_HEADER, sizeof(ip4), ip4);
	mnl_attr_put(nlh, NFTA_TRACE_TRANSPORT_HEADER, sizeof(tcp), tcp);
	return nlh;
}

static void test_rule(void **state)
{
	uint32_t buf[ROOM / 4] = { 0 };
	struct pt_log_packet p;
	struct pt_nft_trace t;

	(void)state;
	assert_int_equal(pt_nft_trace_parse(message(buf), &t), 0);
	assert_int_equal(t.id, 0x1234);
	assert_int_equal(t.type, PT_NFT_TRACE_RULE);
	assert_string_equal(t.table, "patronus");
	assert_string_equal(t.chain, "prerouting");
	assert_string_equal(t.target, "in");
	assert_int_equal(t.handle, 77);
	assert_int_equal(t.verdict, NFT_JUMP);
	assert_int_equal(t.in, 3);
	assert_int_equal(t.out, 0);
	assert_int_equal(t.family, NFPROTO_INET);
	assert_int_equal(t.n, sizeof(ip4) + sizeof(tcp));
	pt_log_packet(t.header, t.n, &p);
	assert_true(p.has_ports && p.has_flags && p.sport == 40000 && p.dport == 443 && p.flags == 2);
}

static void test_policy(void **state)
{
	uint32_t buf[ROOM / 4] = { 0 };
	struct nlmsghdr *nlh = begin(buf, NFT_MSG_TRACE);
	struct pt_nft_trace t;

	(void)state;
	be32(nlh, NFTA_TRACE_ID, 1);
	be32(nlh, NFTA_TRACE_TYPE, NFT_TRACETYPE_POLICY);
	mnl_attr_put_strz(nlh, NFTA_TRACE_TABLE, "other");
	mnl_attr_put_strz(nlh, NFTA_TRACE_CHAIN, "input");
	be32(nlh, NFTA_TRACE_POLICY, NF_ACCEPT);
	assert_int_equal(pt_nft_trace_parse(nlh, &t), 0);
	assert_int_equal(t.type, PT_NFT_TRACE_POLICY);
	assert_int_equal(t.verdict, NF_ACCEPT);
	assert_int_equal(t.handle, 0);
	assert_int_equal(t.n, 0);
}

/* Options that are cut, headers of IPv6 in between: then the transport's does not stand where it should, and is left out. */
static void test_transport_elsewhere(void **state)
{
	uint8_t long4[40] = { 0x4f }, other6[40];
	struct {
		const uint8_t *p;
		size_t n, want;
	} cases[] = { { ip6, 40, 60 }, { ip6, 24, 24 }, { long4, 40, 40 }, { other6, 40, 40 }, { ip4, 8, 8 }, { ip4, 0, 0 } };

	(void)state;
	memcpy(other6, ip6, sizeof(other6));
	other6[6] = 43;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		uint32_t buf[ROOM / 4] = { 0 };
		struct nlmsghdr *nlh = begin(buf, NFT_MSG_TRACE);
		struct pt_nft_trace t;

		be32(nlh, NFTA_TRACE_ID, 1);
		be32(nlh, NFTA_TRACE_TYPE, NFT_TRACETYPE_RULE);
		mnl_attr_put_strz(nlh, NFTA_TRACE_TABLE, "t");
		mnl_attr_put_strz(nlh, NFTA_TRACE_CHAIN, "c");
		mnl_attr_put(nlh, NFTA_TRACE_NETWORK_HEADER, cases[i].n, cases[i].p);
		mnl_attr_put(nlh, NFTA_TRACE_TRANSPORT_HEADER, sizeof(tcp), tcp);
		assert_int_equal(pt_nft_trace_parse(nlh, &t), 0);
		assert_int_equal(t.n, cases[i].want);
	}
}

/* Names and headers that are longer than any of the kernel's are cut. */
static void test_too_long(void **state)
{
	uint32_t buf[ROOM / 4] = { 0 };
	struct nlmsghdr *nlh = begin(buf, NFT_MSG_TRACE);
	struct pt_nft_trace t;
	char name[300];
	uint8_t header[300] = { 0x45 };

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	be32(nlh, NFTA_TRACE_ID, 1);
	be32(nlh, NFTA_TRACE_TYPE, NFT_TRACETYPE_RULE);
	mnl_attr_put_strz(nlh, NFTA_TRACE_TABLE, name);
	mnl_attr_put(nlh, NFTA_TRACE_CHAIN, 250, name); /* without an end */
	put_verdict(nlh, NFT_GOTO, name);
	mnl_attr_put(nlh, NFTA_TRACE_NETWORK_HEADER, sizeof(header), header);
	mnl_attr_put(nlh, NFTA_TRACE_TRANSPORT_HEADER, sizeof(header), header);
	assert_int_equal(pt_nft_trace_parse(nlh, &t), 0);
	assert_int_equal(strlen(t.table), 63);
	assert_int_equal(strlen(t.chain), 63);
	assert_int_equal(strlen(t.target), 63);
	assert_int_equal(t.n, 40);
}

static void test_not_a_trace(void **state)
{
	static const uint32_t types[] = { 0, 4, UINT32_MAX };
	uint32_t buf[ROOM / 4] = { 0 };
	struct pt_nft_trace t;
	struct nlmsghdr *nlh;

	(void)state;
	nlh = message(buf);
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
	assert_int_equal(pt_nft_trace_parse(nlh, &t), -EBADMSG);
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++) {
		nlh = begin(buf, NFT_MSG_TRACE);
		be32(nlh, NFTA_TRACE_ID, 1);
		be32(nlh, NFTA_TRACE_TYPE, types[i]);
		mnl_attr_put_strz(nlh, NFTA_TRACE_TABLE, "t");
		mnl_attr_put_strz(nlh, NFTA_TRACE_CHAIN, "c");
		assert_int_equal(pt_nft_trace_parse(nlh, &t), -EBADMSG);
	}
	nlh = begin(buf, NFT_MSG_TRACE);
	assert_int_equal(pt_nft_trace_parse(nlh, &t), -EBADMSG);
}

/* ---- flows ---- */

struct heard {
	struct pt_nft_flow f;
	size_t n;
	int answer;
};

static int hear(const struct pt_nft_flow *f, void *arg)
{
	struct heard *h = arg;

	h->f = *f;
	h->n++;
	return h->answer;
}

static struct nlmsghdr *flow_message(void *buf, uint32_t dir, size_t key_len)
{
	struct nlmsghdr *nlh = begin(buf, NFT_MSG_NEWSETELEM);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM), *nest, *data;
	uint8_t key[64] = { 0 };
	const uint32_t device = 5;

	memcpy(key, &dir, 4);
	memcpy(key + 4, &device, 4);
	key[8] = 6;
	memcpy(key + 12, ip4 + 12, 8);
	memcpy(key + 20, tcp + 2, 2);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, key_len, key);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	be64(nlh, NFTA_COUNTER_BYTES, 1000);
	be64(nlh, NFTA_COUNTER_PACKETS, 7);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
	return nlh;
}

static void test_flow(void **state)
{
	uint32_t buf[ROOM / 4] = { 0 };
	struct heard h = { 0 };

	(void)state;
	assert_int_equal(pt_nft_flow_parse(flow_message(buf, PT_IN, 24), hear, &h), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.f.dir, PT_IN);
	assert_int_equal(h.f.device, 5);
	assert_int_equal(h.f.proto, 6);
	assert_int_equal(h.f.port, 443);
	assert_true(h.f.src.v == 0x0a000002 && h.f.dst.v == 0xc0000201);
	assert_int_equal(h.f.packets, 7);
	assert_int_equal(h.f.bytes, 1000);
	h.answer = -ECANCELED;
	assert_int_equal(pt_nft_flow_parse(flow_message(buf, PT_OUT, 48), hear, &h), -ECANCELED);
	assert_int_equal(h.f.src.af, PT_AF_INET6);
}

static void test_keys_of_others(void **state)
{
	static const size_t lengths[] = { 0, 1, 4, 23, 25, 47, 49, 64 };
	uint32_t buf[ROOM / 4] = { 0 };
	struct heard h = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(lengths); i++)
		assert_int_equal(pt_nft_flow_parse(flow_message(buf, PT_IN, lengths[i]), hear, &h), 0);
	assert_int_equal(pt_nft_flow_parse(flow_message(buf, 0, 24), hear, &h), 0);
	assert_int_equal(pt_nft_flow_parse(flow_message(buf, 3, 24), hear, &h), 0);
	assert_int_equal(h.n, 0);
}

/* ---- lies ---- */

static void read_copy(const struct nlmsghdr *nlh, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	struct heard h = { 0 };
	struct pt_nft_trace t;

	assert_non_null(copy);
	memcpy(copy, nlh, size);
	copy->nlmsg_len = (uint32_t)size;
	if (!pt_nft_trace_parse(copy, &t))
		assert_true(t.n <= sizeof(t.header) && strlen(t.table) < 64);
	if (!pt_nft_flow_parse(copy, hear, &h) && h.n)
		assert_true(h.f.dir == PT_IN || h.f.dir == PT_OUT);
	free(copy);
}

/* Cut after each byte, and each byte another one, in memory of exactly that size: the sanitizers look on. */
static void damage(struct nlmsghdr *nlh)
{
	static const uint8_t values[] = { 0, 1, 4, 0x7f, 0x80, 0xff };
	uint8_t *byte = (uint8_t *)nlh;
	size_t size = nlh->nlmsg_len;

	for (size_t n = sizeof(*nlh); n <= size; n++)
		read_copy(nlh, n);
	for (size_t i = sizeof(*nlh); i < size; i++) {
		uint8_t old = byte[i];

		for (size_t k = 0; k < sizeof(values); k++) {
			byte[i] = values[k];
			read_copy(nlh, size);
		}
		byte[i] = old;
	}
}

static void test_damaged(void **state)
{
	uint32_t buf[ROOM / 4] = { 0 };

	(void)state;
	damage(message(buf));
	memset(buf, 0, sizeof(buf));
	damage(flow_message(buf, PT_IN, 24));
	memset(buf, 0, sizeof(buf));
	damage(flow_message(buf, PT_OUT, 48));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule), cmocka_unit_test(test_policy), cmocka_unit_test(test_transport_elsewhere),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_not_a_trace), cmocka_unit_test(test_flow),
		cmocka_unit_test(test_keys_of_others), cmocka_unit_test(test_damaged),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
