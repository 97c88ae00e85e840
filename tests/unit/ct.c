/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States out of ctnetlink messages: built as the kernel builds them, then damaged in every place.
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
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <patronus/ct.h>

#define CT_NEW (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)

union message {
	struct nlmsghdr head;
	uint8_t bytes[1024];
};

static struct pt_addr addr(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static struct nlmsghdr *begin(union message *m, uint16_t type, uint8_t family)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(m, 0, sizeof(*m));
	nlh = mnl_nlmsg_put_header(m);
	nlh->nlmsg_type = type;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	return nlh;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const char *s)
{
	struct pt_addr a = addr(s);
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, type, pt_af_bits(a.af) / 8, bytes);
}

static void put_ips(struct nlmsghdr *nlh, const char *src, const char *dst)
{
	struct nlattr *ip = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	bool v4 = addr(src).af == PT_AF_INET;

	put_addr(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, src);
	put_addr(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, dst);
	mnl_attr_nest_end(nlh, ip);
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t which, const char *src, const char *dst,
		      uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, which), *p;

	put_ips(nlh, src, dst);
	p = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	if (proto == IPPROTO_ICMPV6) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMPV6_ID, htons(sport));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_TYPE, (uint8_t)(dport >> 8));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_CODE, (uint8_t)dport);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(dport));
	}
	mnl_attr_nest_end(nlh, p);
	mnl_attr_nest_end(nlh, nest);
}

static void put_counters(struct nlmsghdr *nlh, uint16_t which, uint64_t packets, uint64_t bytes)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, which);

	mnl_attr_put_u64(nlh, CTA_COUNTERS_PACKETS, htobe64(packets));
	mnl_attr_put_u64(nlh, CTA_COUNTERS_BYTES, htobe64(bytes));
	mnl_attr_nest_end(nlh, nest);
}

/* A translated TCP state with everything that the kernel can tell. */
static struct nlmsghdr *full(union message *m)
{
	const uint32_t label[4] = {1, 0xdeadbeef, 0, 3};
	struct nlmsghdr *nlh = begin(m, CT_NEW, AF_INET);
	struct nlattr *info, *tcp;

	put_tuple(nlh, CTA_TUPLE_ORIG, "10.0.0.2", "192.0.2.1", IPPROTO_TCP, 40000, 443);
	put_tuple(nlh, CTA_TUPLE_REPLY, "192.168.1.20", "198.51.100.7", IPPROTO_TCP, 8443, 1025);
	mnl_attr_put_u32(nlh, CTA_ID, htonl(0x01020304));
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(0x18e));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(431999));
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(7));
	mnl_attr_put_u16(nlh, CTA_ZONE, htons(9));
	put_counters(nlh, CTA_COUNTERS_ORIG, 3, 5000000000u);
	put_counters(nlh, CTA_COUNTERS_REPLY, 4, 6);
	info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, 3);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
	mnl_attr_put(nlh, CTA_LABELS, sizeof(label), label);
	return nlh;
}

static bool same(struct pt_addr a, const char *s)
{
	struct pt_addr b = addr(s);

	return a.af == b.af && a.v == b.v;
}

static void test_full_entry(void **state)
{
	struct pt_ct_entry ct;
	union message m;

	(void)state;
	assert_int_equal(pt_ct_parse(full(&m), &ct), 0);
	assert_int_equal(ct.proto, IPPROTO_TCP);
	assert_string_equal(pt_ct_tcp_state_name(ct.tcp_state), "ESTABLISHED");
	assert_true(same(ct.orig.src, "10.0.0.2") && same(ct.orig.dst, "192.0.2.1"));
	assert_true(same(ct.reply.src, "192.168.1.20") && same(ct.reply.dst, "198.51.100.7"));
	assert_int_equal(ct.orig.sport, 40000);
	assert_int_equal(ct.orig.dport, 443);
	assert_int_equal(ct.reply.sport, 8443);
	assert_int_equal(ct.reply.dport, 1025);
	assert_int_equal(ct.id, 0x01020304);
	assert_int_equal(ct.status, 0x18e);
	assert_int_equal(ct.timeout, 431999);
	assert_int_equal(ct.mark, 7);
	assert_int_equal(ct.zone, 9);
	assert_true(ct.has_counters);
	assert_int_equal(ct.packets[0], 3);
	assert_true(ct.bytes[0] == 5000000000u);
	assert_int_equal(ct.packets[1], 4);
	assert_int_equal(ct.bytes[1], 6);
	assert_int_equal(ct.label[0], 1);
	assert_int_equal(ct.label[1], 0xdeadbeef);
	assert_int_equal(ct.label[3], 3);
}

static void test_small_entry(void **state)
{
	struct pt_ct_entry ct;
	struct nlmsghdr *nlh;
	union message m;

	(void)state;
	nlh = begin(&m, CT_NEW, AF_INET6);
	put_tuple(nlh, CTA_TUPLE_ORIG, "fd00::1", "2001:db8::2", IPPROTO_ICMPV6, 77, 128 << 8);
	put_tuple(nlh, CTA_TUPLE_REPLY, "2001:db8::2", "fd00::1", IPPROTO_ICMPV6, 77, 129 << 8);
	assert_int_equal(pt_ct_parse(nlh, &ct), 0);
	assert_true(same(ct.orig.src, "fd00::1") && same(ct.orig.dst, "2001:db8::2"));
	assert_int_equal(ct.orig.sport, 77);
	assert_int_equal(ct.orig.dport, 128 << 8);
	assert_int_equal(ct.reply.dport, 129 << 8);
	assert_false(ct.has_counters);
	assert_int_equal(ct.label[0] | ct.label[1] | ct.label[2] | ct.label[3], 0);
	assert_int_equal(ct.id, 0);
}

static void test_wrong_messages(void **state)
{
	struct pt_ct_entry ct;
	struct nlmsghdr *nlh;
	union message m;

	(void)state;
	nlh = full(&m);
	nlh->nlmsg_type = 0x0a00; /* of nf_tables */
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG);
	nlh = begin(&m, CT_NEW, AF_INET); /* no tuples */
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG);
	put_tuple(nlh, CTA_TUPLE_ORIG, "10.0.0.2", "192.0.2.1", IPPROTO_UDP, 1, 2);
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG); /* no reply */
	put_tuple(nlh, CTA_TUPLE_REPLY, "192.0.2.1", "10.0.0.2", IPPROTO_TCP, 2, 1);
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG); /* of another protocol */
	nlh = full(&m);
	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = AF_INET6;
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG); /* of another family */
	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = AF_BRIDGE;
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG);
	nlh = full(&m);
	nlh->nlmsg_len = sizeof(*nlh) + 2; /* shorter than its own header */
	assert_int_equal(pt_ct_parse(nlh, &ct), -EBADMSG);
}

/* One attribute as a kernel would never send it. */
static int with(uint16_t type, const void *data, size_t len)
{
	struct pt_ct_entry ct;
	struct nlmsghdr *nlh;
	union message m;

	nlh = begin(&m, CT_NEW, AF_INET);
	put_tuple(nlh, CTA_TUPLE_ORIG, "10.0.0.2", "192.0.2.1", IPPROTO_TCP, 1, 2);
	put_tuple(nlh, CTA_TUPLE_REPLY, "192.0.2.1", "10.0.0.2", IPPROTO_TCP, 2, 1);
	mnl_attr_put(nlh, type, len, data);
	return pt_ct_parse(nlh, &ct);
}

static void test_short_attributes(void **state)
{
	/* A counter of four bytes; a TCP state of none. */
	static const uint8_t counter[] = {8, 0, CTA_COUNTERS_PACKETS, 0, 1, 2, 3, 4};
	static const uint8_t tcp[] = {8, 0, CTA_PROTOINFO_TCP, 0, 4, 0, CTA_PROTOINFO_TCP_STATE, 0};
	static const uint8_t zero[64];

	(void)state;
	assert_int_equal(with(CTA_STATUS, zero, 3), -EBADMSG);
	assert_int_equal(with(CTA_TIMEOUT, zero, 0), -EBADMSG);
	assert_int_equal(with(CTA_MARK, zero, 2), -EBADMSG);
	assert_int_equal(with(CTA_ID, zero, 1), -EBADMSG);
	assert_int_equal(with(CTA_ZONE, zero, 1), -EBADMSG);
	assert_int_equal(with(CTA_LABELS, zero, 17), -EBADMSG);
	assert_int_equal(with(CTA_LABELS, zero, 8), 0);
	assert_int_equal(with(CTA_COUNTERS_ORIG, counter, sizeof(counter)), -EBADMSG);
	assert_int_equal(with(CTA_COUNTERS_REPLY, counter, sizeof(counter)), -EBADMSG);
	assert_int_equal(with(CTA_PROTOINFO, tcp, sizeof(tcp)), -EBADMSG);
	assert_int_equal(with(CTA_LABELS + 5, zero, 1), 0); /* of a newer kernel */
}

/* Memory of exactly the message's size, so that the sanitizers see one byte too far. */
static void parse_exactly(const union message *m, uint32_t len)
{
	struct nlmsghdr *copy = malloc(len);
	struct pt_ct_entry ct;

	assert_non_null(copy);
	memcpy(copy, m, len);
	copy->nlmsg_len = len;
	if (pt_ct_parse(copy, &ct) == 0)
		assert_int_equal(ct.orig.src.af, ct.reply.dst.af);
	free(copy);
}

/* Every byte of a good message is changed in turn, and the message is cut at every length. */
static void test_damage(void **state)
{
	static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x04};
	union message good, m;
	uint32_t i, len = full(&good)->nlmsg_len;
	size_t f;

	(void)state;
	for (i = sizeof(struct nlmsghdr); i < len; i++) {
		parse_exactly(&good, i);
		for (f = 0; f < sizeof(flips); f++) {
			m = good;
			m.bytes[i] ^= flips[f];
			parse_exactly(&m, len);
		}
	}
}

static bool same_tuple(const struct pt_ct_tuple *a, const struct pt_ct_tuple *b)
{
	return a->src.af == b->src.af && a->src.v == b->src.v && a->dst.af == b->dst.af && a->dst.v == b->dst.v &&
	       a->sport == b->sport && a->dport == b->dport;
}

/* What M says is the same whether its tuples, of SIZE bytes, are known as a whole or read attribute by attribute: they
 * are not known without the flag of a nest, which has no meaning otherwise. */
static void same_both_ways(const union message *m, size_t size)
{
	const size_t ip = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + sizeof(struct nlattr);
	struct pt_ct_entry whole, parts;
	union message apart = *m;
	int rc = pt_ct_parse(&m->head, &whole);

	for (size_t i = 0; i < 2; i++)
		((struct nlattr *)(apart.bytes + ip + i * size))->nla_type &= (uint16_t)~NLA_F_NESTED;
	assert_int_equal(pt_ct_parse(&apart.head, &parts), rc);
	assert_true(rc || (whole.proto == parts.proto && same_tuple(&whole.orig, &parts.orig) &&
			   same_tuple(&whole.reply, &parts.reply)));
}

/* Both tuples, each of their bytes damaged in turn; but not the lengths, by which the second one is found. */
static void every_damage(const union message *good)
{
	static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x04, 0x3b};
	const size_t from = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg);
	const size_t size = ((const struct nlattr *)(good->bytes + from))->nla_len;
	union message m;

	same_both_ways(good, size);
	for (size_t i = 0; i < 2 * size; i++)
		for (size_t f = 0; i % size >= 2 && f < sizeof(flips); f++) {
			m = *good;
			m.bytes[from + i] ^= flips[f];
			same_both_ways(&m, size);
		}
}

static void test_tuples_known_as_a_whole(void **state)
{
	struct pt_ct_entry ct;
	struct nlmsghdr *nlh;
	union message m;

	(void)state;
	(void)full(&m);
	every_damage(&m);
	nlh = begin(&m, CT_NEW, AF_INET6);
	put_tuple(nlh, CTA_TUPLE_ORIG, "fd00::1", "2001:db8::2", IPPROTO_UDP, 53000, 53);
	put_tuple(nlh, CTA_TUPLE_REPLY, "2001:db8::3", "fd00::4", IPPROTO_UDP, 5353, 53001);
	every_damage(&m);
	assert_int_equal(pt_ct_parse(nlh, &ct), 0);
	assert_true(same(ct.orig.src, "fd00::1") && same(ct.reply.src, "2001:db8::3") && same(ct.reply.dst, "fd00::4"));
	assert_int_equal(ct.orig.sport, 53000);
	assert_int_equal(ct.reply.dport, 53001);
	nlh = begin(&m, CT_NEW, AF_INET); /* ports that are none */
	put_tuple(nlh, CTA_TUPLE_ORIG, "10.0.0.2", "192.0.2.1", IPPROTO_ICMP, 1, 2);
	put_tuple(nlh, CTA_TUPLE_REPLY, "192.0.2.1", "10.0.0.2", IPPROTO_ICMP, 1, 2);
	assert_int_equal(pt_ct_parse(nlh, &ct), 0);
	assert_int_equal(ct.orig.sport | ct.orig.dport, 0);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(pt_ct_tcp_state_name(0), "NONE");
	assert_string_equal(pt_ct_tcp_state_name(7), "TIME_WAIT");
	assert_string_equal(pt_ct_tcp_state_name(10), "UNKNOWN");
	assert_string_equal(pt_ct_tcp_state_name(255), "UNKNOWN");
}

/* ---- the table, by the recorder ---- */

static int count(const struct pt_ct_entry *ct, void *arg)
{
	(void)ct;
	return ++*(int *)arg == 3 ? -ECANCELED : 0;
}

static size_t put_code(uint8_t *where, uint16_t type, uint16_t flags, int code)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(where);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = code;
	return nlh->nlmsg_len;
}

static int dump(const void *canned, size_t len, int *n, struct pt_err *e)
{
	struct pt_nl *nl;
	int rc;

	assert_int_equal(pt_nl_open_recorder(&nl, NULL, canned, len), 0);
	rc = pt_ct_dump(nl, count, n, e);
	pt_nl_close(nl);
	return rc;
}

static void test_dump(void **state)
{
	uint8_t canned[4096];
	struct pt_err e = {0};
	union message m;
	size_t one, len;
	int n = 0, i;

	(void)state;
	one = full(&m)->nlmsg_len;
	for (i = 0; i < 3; i++)
		memcpy(canned + (size_t)i * one, &m, one);
	len = 2 * one;
	assert_int_equal(dump(canned, len, &n, &e), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(dump(canned, 3 * one, &n, &e), -ECANCELED); /* the callback's own word */
	assert_int_equal(e.n_errors, 0);
	n = 0; /* what was streamed cannot be taken back: no second walk */
	len = 2 * one + put_code(canned + 2 * one, NLMSG_DONE, NLM_F_DUMP_INTR, 0);
	memcpy(canned + len, &m, one);
	assert_int_equal(dump(canned, len + one, &n, &e), -EAGAIN);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(dump(canned, one - 8, &n, &e), -EBADMSG);
	assert_int_equal(n, 0);
	len = put_code(canned, NLMSG_ERROR, 0, -EPERM);
	assert_int_equal(dump(canned, len, &n, &e), -EPERM);
	assert_int_equal(e.n_errors, 3);
	assert_non_null(e.list.v[2].hint);
	pt_err_fini(&e);
}

static void test_count(void **state)
{
	struct pt_err e = {0};
	struct nlmsghdr *nlh;
	uint64_t n = 0, max = 0;
	union message m;
	struct pt_nl *nl;

	(void)state;
	nlh = begin(&m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, AF_UNSPEC);
	mnl_attr_put_u32(nlh, CTA_STATS_GLOBAL_ENTRIES, htonl(42));
	mnl_attr_put_u32(nlh, CTA_STATS_GLOBAL_MAX_ENTRIES, htonl(262144));
	assert_int_equal(pt_nl_open_recorder(&nl, NULL, &m, nlh->nlmsg_len), 0);
	assert_int_equal(pt_ct_count(nl, &n, &max, &e), 0);
	assert_int_equal(n, 42);
	assert_int_equal(max, 262144);
	assert_int_equal(pt_ct_count(nl, &n, &max, &e), -ENODATA); /* an empty answer */
	assert_int_equal(e.n_errors, 1);
	pt_nl_close(nl);
	pt_err_fini(&e);
}

/* A state is named by its original tuple and its id: one of the same tuple that came later
 * has another id. */
static void test_delete_names_tuple_and_id(void **state)
{
	const struct nlattr *tb[CTA_LABELS + 1];
	struct pt_nl_record rec = {0};
	struct pt_ct_entry ct, none = {0};
	struct nlmsghdr *nlh;
	uint32_t id = 0;
	union message m, sent;
	struct pt_nl *nl;

	(void)state;
	nlh = full(&m);
	assert_int_equal(pt_ct_parse(nlh, &ct), 0);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_ct_delete(nl, &ct), 0);
	assert_in_range(rec.bytes.n, 64, sizeof(sent));
	memcpy(&sent, rec.bytes.s, rec.bytes.n);
	assert_int_equal(sent.head.nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);
	assert_true(sent.head.nlmsg_flags & NLM_F_ACK);
	assert_int_equal(pt_nl_attrs(&sent.head, sizeof(struct nfgenmsg), tb,
				     PT_ARRAY_SIZE(tb)), 0);
	assert_non_null(tb[CTA_ID]);
	assert_int_equal(pt_nl_get_be32(tb[CTA_ID], &id), 0);
	assert_int_equal(id, 0x01020304);
	assert_null(tb[CTA_TUPLE_REPLY]);
	/* The tuple as the kernel had it, byte for byte. */
	assert_memory_equal(tb[CTA_TUPLE_ORIG], mnl_nlmsg_get_payload_offset(nlh, 4),
			    tb[CTA_TUPLE_ORIG]->nla_len);
	assert_int_equal(pt_ct_delete(nl, &none), -EINVAL);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_entry),
		cmocka_unit_test(test_small_entry),
		cmocka_unit_test(test_wrong_messages),
		cmocka_unit_test(test_short_attributes),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_tuples_known_as_a_whole),
		cmocka_unit_test(test_state_names),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_delete_names_tuple_and_id),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ct", tests, NULL, NULL);
}
