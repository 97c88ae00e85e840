/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions with a real kernel: all or nothing, the first refusal by its message, the
 * kernel's own words, and sizes that do not fit anywhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/nl.h>

#include "netns/lab.h"

static struct pt_nl *nf;

static int set_up(void **state)
{
	struct pt_err e = {0};

	(void)state;
	(void)lab_ns();
	return pt_nl_open(&nf, NETLINK_NETFILTER, &e);
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(nf);
	return 0;
}

static struct nlmsghdr *header(void *room, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = flags;
	nfg->nfgen_family = NFPROTO_INET;
	return nlh;
}

static void put(struct pt_nl_batch *b, uint16_t type, const char *name, uint64_t cookie)
{
	struct nlmsghdr *nlh = header(pt_nl_batch_room(b, 128), type,
				      type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	assert_int_equal(pt_nl_batch_commit(b, nlh, cookie), 0);
}

static struct pt_nl_batch *batch(uint32_t genid)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, genid);

	assert_non_null(b);
	return b;
}

static int send_and_free(struct pt_nl_batch *b, struct pt_nl_refusal *r)
{
	int rc = pt_nl_batch_send(nf, b, r);

	assert_int_equal(rc, r->code);
	pt_nl_batch_free(b);
	return rc;
}

static int count(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(size_t *)arg;
	return 0;
}

static void forget(void *arg)
{
	*(size_t *)arg = 0;
}

static size_t tables(void)
{
	uint8_t room[128] __attribute__((aligned(8))) = {0};
	struct nlmsghdr *nlh = header(room, NFT_MSG_GETTABLE, 0);
	size_t n = 0;

	assert_int_equal(pt_nl_dump(nf, nlh, forget, count, &n), 0);
	return n;
}

static int take_genid(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_GEN_ID + 1];

	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	return pt_nl_get_be32(tb[NFTA_GEN_ID], arg);
}

static uint32_t genid(void)
{
	uint8_t room[128] __attribute__((aligned(8))) = {0};
	uint32_t id = 0;

	assert_int_equal(pt_nl_talk(nf, header(room, NFT_MSG_GETGEN, 0), take_genid, &id), 0);
	assert_int_not_equal(id, 0);
	return id;
}

static void test_all_or_nothing(void **state)
{
	struct pt_nl_batch *b = batch(0);
	struct pt_nl_refusal r;

	(void)state;
	put(b, NFT_MSG_NEWTABLE, "one", 1);
	put(b, NFT_MSG_NEWTABLE, "two", 2);
	assert_int_equal(send_and_free(b, &r), 0);
	assert_int_equal(tables(), 2);
	b = batch(0);
	put(b, NFT_MSG_NEWTABLE, "three", 3);
	put(b, NFT_MSG_DELTABLE, "missing", 4);
	put(b, NFT_MSG_DELTABLE, "missing too", 5);
	put(b, NFT_MSG_NEWTABLE, "four", 6);
	assert_int_equal(send_and_free(b, &r), -ENOENT);
	assert_int_equal(r.cookie, 4);
	assert_int_equal(r.type, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE);
	assert_int_equal(tables(), 2);
	b = batch(0);
	put(b, NFT_MSG_NEWTABLE, "three", 3);
	put(b, NFT_MSG_DELTABLE, "missing", 7); /* the last one, whose answer is awaited */
	assert_int_equal(send_and_free(b, &r), -ENOENT);
	assert_int_equal(r.cookie, 7);
	assert_int_equal(tables(), 2);
}

static void test_generation(void **state)
{
	uint32_t id = genid();
	struct pt_nl_batch *b = batch(id + 1);
	struct pt_nl_refusal r;

	(void)state;
	put(b, NFT_MSG_NEWTABLE, "late", 1);
	assert_int_equal(send_and_free(b, &r), -ERESTART);
	assert_int_equal(r.cookie, 0);
	assert_int_equal(genid(), id);
	b = batch(id);
	put(b, NFT_MSG_NEWTABLE, "intime", 1);
	assert_int_equal(send_and_free(b, &r), 0);
	assert_int_not_equal(genid(), id);
	b = batch(0);
	put(b, NFT_MSG_DELTABLE, "intime", 1);
	assert_int_equal(send_and_free(b, &r), 0);
}

static void test_the_kernels_words(void **state)
{
	struct pt_nl_batch *b = batch(0);
	struct pt_nl_refusal r;
	struct nlmsghdr *nlh;

	(void)state;
	put(b, NFT_MSG_NEWTABLE, "one", 1);
	nlh = header(pt_nl_batch_room(b, 512), NFT_MSG_NEWTABLE, NLM_F_CREATE);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, "two");
	mnl_attr_put_u8(nlh, NFTA_TABLE_FLAGS, 0); /* should have four bytes */
	assert_int_equal(pt_nl_batch_commit(b, nlh, 99), 0);
	assert_int_equal(send_and_free(b, &r), -ERANGE);
	assert_int_equal(r.cookie, 99);
	assert_non_null(strstr(r.text, "policy validation"));
}

static void test_more_refusals_than_fit(void **state)
{
	struct pt_nl_batch *b = batch(0);
	struct pt_nl_refusal r;
	int size = 4096;
	uint64_t i;

	(void)state;
	assert_int_equal(setsockopt(pt_nl_fd(nf), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	put(b, NFT_MSG_NEWTABLE, "never", 1);
	for (i = 0; i < 20000; i++)
		put(b, NFT_MSG_DELTABLE, "missing", 1000 + i);
	assert_int_equal(send_and_free(b, &r), -ENOENT);
	assert_int_equal(r.cookie, 1000);
	assert_int_equal(tables(), 2); /* the socket is clean again */
}

static void test_large(void **state)
{
	struct pt_nl_batch *b = batch(0);
	struct pt_nl_refusal r;
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < 300000; i++) /* 14 MB, beyond what an ordinary socket sends */
		put(b, NFT_MSG_NEWTABLE, "one", 1);
	assert_true(pt_nl_batch_bytes(b) > 8u << 20);
	assert_int_equal(send_and_free(b, &r), 0);
	b = batch(0);
	for (i = 0; i < 3000; i++) { /* and an answer of many datagrams */
		(void)snprintf(name, sizeof(name), "t%d", i);
		put(b, NFT_MSG_NEWTABLE, name, 1);
	}
	assert_int_equal(send_and_free(b, &r), 0);
	assert_int_equal(tables(), 3002);
}

static int as_nobody(void *arg)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct pt_nl_refusal r;
	struct pt_err e = {0};
	int rc;

	(void)arg;
	if (!b || pt_nl_open(&nf, NETLINK_NETFILTER, &e))
		return 2;
	put(b, NFT_MSG_NEWTABLE, "mine", 5);
	rc = pt_nl_batch_send(nf, b, &r);
	pt_nl_batch_free(b);
	pt_nl_close(nf);
	return rc == -EPERM && r.code == -EPERM ? 0 : 1;
}

static void test_not_permitted(void **state)
{
	(void)state;
	assert_int_equal(lab_as_nobody(as_nobody, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_generation),
		cmocka_unit_test(test_the_kernels_words),
		cmocka_unit_test(test_more_refusals_than_fit),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_not_permitted),
	};

	return lab_run("nl with a real kernel", tests, set_up, tear_down);
}
