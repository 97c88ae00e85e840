/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions: what goes over the wire, which message a refusal names, when silence is no
 * confirmation; the recorder; and memory that runs out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "lib/nl_fake.h"
#include "lib/scarce.h"

/* ---- batches ---- */

static struct pt_nl_batch *batch(size_t n)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct nlmsghdr *nlh;
	size_t i;

	assert_non_null(b);
	for (i = 0; i < n; i++) {
		nlh = mnl_nlmsg_put_header(pt_nl_batch_room(b, 64));
		nlh->nlmsg_type = 0xa00 | NFT_MSG_NEWTABLE;
		nlh->nlmsg_flags = NLM_F_ACK; /* taken away from all but the last */
		(void)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
		assert_int_equal(pt_nl_batch_commit(b, nlh, 1000 + i), 0);
	}
	return b;
}

static void test_batch_on_the_wire(void **state)
{
	struct pt_nl_record rec = {0};
	struct pt_nl_batch *b = batch(5000); /* beyond the first piece of memory */
	const struct nlmsghdr *nlh;
	struct pt_nl *nl;
	uint32_t seq = 0;
	size_t n = 0;
	int left;

	(void)state;
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_nl_batch_count(b), 5000);
	assert_int_equal(pt_nl_batch_send(nl, b, NULL), 0);
	assert_int_equal(rec.sends, 1);
	assert_int_equal(rec.writes, 5000);
	assert_int_equal(rec.bytes.n, pt_nl_batch_bytes(b) + 20);
	nlh = (const struct nlmsghdr *)rec.bytes.s;
	for (left = (int)rec.bytes.n; nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left), n++) {
		assert_true(n == 0 || nlh->nlmsg_seq == seq + 1);
		seq = nlh->nlmsg_seq;
		assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | (n == 5000 ? NLM_F_ACK : 0));
		assert_int_equal(nlh->nlmsg_type, n == 0    ? NFNL_MSG_BATCH_BEGIN :
						  n == 5001 ? NFNL_MSG_BATCH_END : 0xa00);
	}
	assert_int_equal(n, 5002);
	assert_int_equal(left, 0);
	/* Sending does not use it up. */
	assert_int_equal(pt_nl_batch_send(nl, b, NULL), 0);
	assert_int_equal(rec.writes, 10000);
	pt_nl_batch_free(b);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

static void test_batch_names_its_generation(void **state)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0x01020304);
	const struct nlattr *tb[NFNL_BATCH_GENID + 1];
	struct pt_nl_record rec = {0};
	const struct nfgenmsg *nfg;
	struct nlmsghdr *nlh;
	uint32_t genid = 0;
	struct pt_nl *nl;

	(void)state;
	assert_non_null(b);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	nlh = mnl_nlmsg_put_header(pt_nl_batch_room(b, 16));
	assert_int_equal(pt_nl_batch_commit(b, nlh, 1), 0);
	assert_int_equal(pt_nl_batch_send(nl, b, NULL), 0);
	nlh = (struct nlmsghdr *)rec.bytes.s;
	assert_int_equal(pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)), 0);
	assert_int_equal(pt_nl_get_be32(tb[NFNL_BATCH_GENID], &genid), 0);
	assert_int_equal(genid, 0x01020304);
	nfg = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(nfg->res_id, htobe16(NFNL_SUBSYS_NFTABLES));
	pt_nl_batch_free(b);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

static void test_empty_batch_sends_nothing(void **state)
{
	struct lab *l = *state;
	struct pt_nl_batch *b = batch(0);

	assert_int_equal(pt_nl_batch_send(l->nl, b, NULL), 0);
	assert_int_equal(l->fake.sends, 0);
	pt_nl_batch_free(b);
}

static void test_batch_checks_its_messages(void **state)
{
	struct pt_nl_batch *b = batch(0);
	struct nlmsghdr *nlh;

	(void)state;
	assert_null(pt_nl_batch_room(b, SIZE_MAX));
	nlh = pt_nl_batch_room(b, 16);
	nlh->nlmsg_len = 20; /* longer than the room */
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), -EINVAL);
	nlh->nlmsg_len = 15;
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), -EINVAL);
	nlh->nlmsg_len = 16;
	assert_int_equal(pt_nl_batch_commit(b, nlh + 1, 0), -EINVAL);
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), 0);
	assert_int_equal(pt_nl_batch_count(b), 1);
	pt_nl_batch_free(b);
}

static void test_refusal_names_the_message(void **state)
{
	static const char words[] = "Chain of type \"nat\" is not supported, perhaps kernel "
				    "support is missing? And so on until it is longer than anyone would "
				    "like to read in one line of a terminal.";
	struct lab *l = *state;
	struct pt_nl_batch *b = batch(3);
	struct pt_nl_refusal r;
	struct datagram *d;
	struct nlmsghdr *nlh;

	d = queue(&l->fake);
	put_code(d, NLMSG_ERROR, -EEXIST, 2);
	nlh = (struct nlmsghdr *)d->bytes;
	nlh->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	/* Not terminated, as nothing promises that it is. */
	mnl_attr_put(nlh, NLMSGERR_ATTR_MSG, sizeof(words) - 1, words);
	d->len = MNL_ALIGN(nlh->nlmsg_len);
	put_code(queue(&l->fake), NLMSG_ERROR, -EINVAL, 3); /* a later one is not told */
	queue(&l->fake)->error = -ENOBUFS;
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -EEXIST);
	assert_int_equal(r.code, -EEXIST);
	assert_int_equal(r.cookie, 1001);
	assert_int_equal(r.type, 0xa02);
	assert_int_equal(strlen(r.text), sizeof(r.text) - 1);
	assert_memory_equal(r.text, words, sizeof(r.text) - 1);
	pt_nl_batch_free(b);
}

static void test_extack_behind_the_whole_message(void **state)
{
	static const uint32_t lies[] = {0, 15, 1000, 0x80000000, 0xffffffff};
	struct datagram d = {0};
	struct nlmsghdr *nlh;
	struct nlmsgerr *err;
	char text[128];
	size_t i;

	(void)state;
	put_code(&d, NLMSG_ERROR, -EEXIST, 2);
	nlh = (struct nlmsghdr *)d.bytes;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS;
	err = mnl_nlmsg_get_payload(nlh);
	err->msg.nlmsg_len = sizeof(err->msg) + 7; /* the refused message's own payload */
	memset(mnl_nlmsg_put_extra_header(nlh, 8), 0xff, 8);
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "no");
	nl_extack(nlh, text, sizeof(text));
	assert_string_equal(text, "no");
	for (i = 0; i < PT_ARRAY_SIZE(lies); i++) {
		err->msg.nlmsg_len = lies[i];
		nl_extack(nlh, text, sizeof(text));
		assert_string_equal(text, "");
	}
}

static void test_transaction_refused_as_a_whole(void **state)
{
	struct lab *l = *state;
	struct pt_nl_batch *b = batch(3);
	struct pt_nl_refusal r;

	put_code(queue(&l->fake), NLMSG_ERROR, -ERESTART, 0); /* by its begin mark */
	put_code(queue(&l->fake), NLMSG_ERROR, 0, 3);         /* the last message was well */
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -ERESTART);
	assert_int_equal(r.cookie, 0);
	pt_nl_batch_free(b);
}

static void test_batch_needs_a_confirmation(void **state)
{
	struct lab *l = *state;
	struct pt_nl_batch *b = batch(3);
	struct pt_nl_refusal r;

	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -EPROTO); /* silence */
	assert_int_equal(r.code, -EPROTO);
	queue(&l->fake)->error = -ENOBUFS;
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -ENOBUFS);
	put_code(queue(&l->fake), NLMSG_ERROR, 0, 2); /* of another message */
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -EPROTO);
	put_code(queue(&l->fake), NLMSG_ERROR, 0, 3);
	l->fake.queue[l->fake.n - 1].sender = 12; /* of another process */
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -EPROTO);
	put_code(queue(&l->fake), NLMSG_ERROR, -EEXIST, 77); /* a stale refusal */
	put_code(queue(&l->fake), NLMSG_ERROR, 0, 3);
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), 0);
	assert_int_equal(r.code, 0);
	l->fake.send_error = -EMSGSIZE;
	assert_int_equal(pt_nl_batch_send(l->nl, b, &r), -EMSGSIZE);
	assert_int_equal(r.code, -EMSGSIZE);
	pt_nl_batch_free(b);
}

/* ---- recorder ---- */

static void test_recorder_answers(void **state)
{
	struct nlmsghdr req = {.nlmsg_len = sizeof(req), .nlmsg_type = 0x101};
	struct datagram canned = {0};
	struct pt_nl_record rec = {0};
	struct pt_nl_batch *b = batch(3);
	struct pt_nl_refusal r;
	struct seen s = {0};
	struct pt_nl *nl;

	(void)state;
	(void)put(&canned, 0x11, NLM_F_MULTI, 9999);
	put_code(&canned, NLMSG_DONE, 0, 9999);
	(void)put(&canned, 0x12, NLM_F_MULTI, 8888);
	(void)put(&canned, 0x13, NLM_F_MULTI, 8888);
	put_code(&canned, NLMSG_DONE, 0, 8888);
	put_code(&canned, NLMSG_ERROR, -EBUSY, 2);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, canned.bytes, canned.len), 0);
	assert_int_equal(pt_nl_fd(nl), -1);
	assert_int_equal(pt_nl_dump(nl, &req, on_reset, on_message, &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(pt_nl_dump(nl, &req, on_reset, on_message, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(pt_nl_batch_send(nl, b, &r), -EBUSY);
	assert_int_equal(r.cookie, 1001);
	/* Used up: empty, and good. */
	assert_int_equal(pt_nl_dump(nl, &req, on_reset, on_message, &s), 0);
	assert_int_equal(s.n, 0);
	req.nlmsg_flags = 0;
	assert_int_equal(pt_nl_talk(nl, &req, on_message, &s), 0);
	assert_int_equal(pt_nl_batch_send(nl, b, &r), 0);
	assert_int_equal(rec.sends, 6);
	assert_int_equal(rec.writes, 6);
	pt_nl_batch_free(b);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

static void test_random_bytes(void **state)
{
	struct nlmsghdr req = {.nlmsg_len = sizeof(req), .nlmsg_type = 0x101};
	uint64_t x = 88172645463325252u;
	uint8_t bytes[256];
	struct pt_nl *nl;
	size_t i, j;

	(void)state;
	for (i = 0; i < 20000; i++) {
		for (j = 0; j < sizeof(bytes); j++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			bytes[j] = (uint8_t)(x >> 32);
		}
		if (i & 1) { /* half of them begin well */
			memset(bytes, 0, 16);
			bytes[0] = (uint8_t)(x >> 40);
			bytes[4] = (uint8_t)(x >> 48) & 31;
			bytes[16] = i & 2 ? bytes[16] : 0;
		}
		assert_int_equal(pt_nl_open_recorder(&nl, NULL, bytes, sizeof(bytes)), 0);
		assert_true(pt_nl_dump(nl, &req, NULL, NULL, NULL) <= 0);
		assert_true(pt_nl_talk(nl, &req, NULL, NULL) <= 0);
		pt_nl_close(nl);
	}
}

/* ---- memory ---- */

static int use_memory(void)
{
	struct pt_nl_batch *b = NULL;
	struct nlmsghdr *nlh;
	struct pt_nl *nl = NULL;
	int rc, i;

	rc = pt_nl_open_recorder(&nl, NULL, "x", 1);
	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	if (!b)
		goto out;
	for (i = 0; i < 1000; i++) {
		nlh = pt_nl_batch_room(b, 100);
		if (!nlh)
			goto out;
		nlh->nlmsg_len = 100;
		rc = pt_nl_batch_commit(b, nlh, 0);
		if (rc < 0)
			goto out;
	}
	rc = 0;
out:
	pt_nl_batch_free(b);
	pt_nl_close(nl);
	return rc;
}

static void test_every_allocation_fails(void **state)
{
	int i, rc = -ENOMEM;

	(void)state;
	for (i = 0; rc != 0; i++) {
		assert_true(i < 100);
		allocations_left = i;
		rc = use_memory();
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(allocations_left == -1 || rc == 0);
	}
	allocations_left = -1;
	assert_true(i > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_on_the_wire),
		cmocka_unit_test(test_batch_names_its_generation),
		LAB(test_empty_batch_sends_nothing),
		cmocka_unit_test(test_batch_checks_its_messages),
		LAB(test_refusal_names_the_message),
		cmocka_unit_test(test_extack_behind_the_whole_message),
		LAB(test_transaction_refused_as_a_whole),
		LAB(test_batch_needs_a_confirmation),
		cmocka_unit_test(test_recorder_answers),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_every_allocation_fails),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nl batches", tests, NULL, NULL);
}
