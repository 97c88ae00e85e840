/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams of requests: how many system calls they cost, which request a refusal names, that nothing is sent behind an end.
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

#include <patronus/nl.h>

#define FIRST_COOKIE 1000

struct told {
	size_t n;
	struct pt_nl_refusal last;
	int answer;
};

static int refused(const struct pt_nl_refusal *r, void *arg)
{
	struct told *t = arg;

	t->n++;
	t->last = *r;
	return t->answer;
}

static int add(struct pt_nl_stream *s, size_t i, size_t size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, size));

	nlh->nlmsg_type = RTM_NEWROUTE;
	(void)mnl_nlmsg_put_extra_header(nlh, size - sizeof(*nlh));
	return pt_nl_stream_commit(s, nlh, FIRST_COOKIE + i);
}

/* The answer that request PLACE, from 1, of a datagram is refused with CODE. */
static size_t canned_refusal(void *where, uint32_t place, int code)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(where);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = place;
	err->error = code;
	err->msg.nlmsg_type = RTM_NEWROUTE;
	return nlh->nlmsg_len;
}

static void test_few_system_calls(void **state)
{
	struct pt_nl_record rec = { 0 };
	struct pt_nl_stream *s;
	const struct nlmsghdr *nlh;
	size_t n = 0, acks = 0;
	struct pt_nl *nl;
	int left;

	(void)state;
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	s = pt_nl_stream_new(nl, NULL, NULL);
	assert_non_null(s);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(add(s, i, 64), 0);
	assert_int_equal(pt_nl_stream_flush(s), 0);
	assert_int_equal(pt_nl_stream_flush(s), 0); /* there is nothing more */
	assert_int_equal(rec.writes, 1000);
	assert_int_equal(rec.sends, 4);
	left = (int)rec.bytes.n;
	for (nlh = (const void *)rec.bytes.s; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		acks += nlh->nlmsg_flags & NLM_F_ACK ? 1 : 0;
		assert_int_equal(nlh->nlmsg_seq, ++n);
		assert_true(nlh->nlmsg_flags & NLM_F_REQUEST);
	}
	assert_int_equal(n, 1000);
	assert_int_equal(acks, 4);
	pt_nl_stream_free(s);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

static void test_long_messages(void **state)
{
	struct pt_nl_record rec = { 0 };
	struct pt_nl_stream *s;
	struct pt_nl *nl;

	(void)state;
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	s = pt_nl_stream_new(nl, NULL, NULL);
	assert_null(pt_nl_stream_room(s, PT_NL_STREAM_MESSAGE_MAX + 1));
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(add(s, i, PT_NL_STREAM_MESSAGE_MAX), 0);
	assert_int_equal(pt_nl_stream_flush(s), 0);
	assert_int_equal(rec.writes, 7);
	assert_int_equal(rec.bytes.n, 7 * PT_NL_STREAM_MESSAGE_MAX);
	pt_nl_stream_free(s);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

/* Three requests, the second one refused, the last one confirmed. */
static void talk(struct told *t, pt_nl_refused cb, int expected)
{
	_Alignas(struct nlmsghdr) uint8_t canned[256] = { 0 };
	struct pt_nl_record rec = { 0 };
	struct pt_nl_stream *s;
	struct pt_nl *nl;
	size_t len;

	len = canned_refusal(canned, 2, -EEXIST);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, canned, len), 0);
	s = pt_nl_stream_new(nl, cb, t);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(add(s, i, 64), 0);
	assert_int_equal(pt_nl_stream_flush(s), expected);
	assert_int_equal(rec.sends, 1);
	if (expected) { /* an ended stream sends nothing more */
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, 64));

		assert_int_equal(pt_nl_stream_commit(s, nlh, 1), expected);
		assert_int_equal(pt_nl_stream_flush(s), expected);
		assert_int_equal(rec.sends, 1);
	}
	pt_nl_stream_free(s);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
}

static void test_refusal(void **state)
{
	struct told t = { 0 };

	(void)state;
	/* Who does not want to know ends with the first one. */
	talk(&t, NULL, -EEXIST);
	/* Who does decides. */
	t.answer = -ECANCELED;
	talk(&t, refused, -ECANCELED);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.last.code, -EEXIST);
	assert_int_equal(t.last.cookie, FIRST_COOKIE + 1);
	assert_int_equal(t.last.type, RTM_NEWROUTE);
}

static void test_no_answer(void **state)
{
	_Alignas(struct nlmsghdr) uint8_t canned[256] = { 0 };
	struct told t = { 0 };
	struct pt_nl_stream *s;
	struct pt_nl *nl;
	size_t len;

	(void)state;
	/* A refusal of a request that was never made is not ours, and then the kernel is silent. */
	len = canned_refusal(canned, 77, -EEXIST);
	assert_int_equal(pt_nl_open_recorder(&nl, NULL, canned, len), 0);
	s = pt_nl_stream_new(nl, refused, &t);
	assert_int_equal(add(s, 0, 64), 0);
	assert_int_equal(add(s, 1, 64), 0);
	assert_int_equal(pt_nl_stream_flush(s), -EPROTO);
	assert_int_equal(t.n, 0);
	pt_nl_stream_free(s);
	pt_nl_close(nl);
}

static void test_bad_messages(void **state)
{
	struct pt_nl_stream *s;
	struct nlmsghdr *nlh;
	struct pt_nl *nl;

	(void)state;
	assert_int_equal(pt_nl_open_recorder(&nl, NULL, NULL, 0), 0);
	s = pt_nl_stream_new(nl, NULL, NULL);
	nlh = mnl_nlmsg_put_header(pt_nl_stream_room(s, 64));
	nlh->nlmsg_len = 68;
	assert_int_equal(pt_nl_stream_commit(s, nlh, 0), -EINVAL);
	nlh->nlmsg_len = 8;
	assert_int_equal(pt_nl_stream_commit(s, nlh, 0), -EINVAL);
	assert_int_equal(pt_nl_stream_flush(s), 0);
	pt_nl_stream_free(s);
	pt_nl_close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_system_calls), cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_refusal),          cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_bad_messages),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("streams of requests", tests, NULL, NULL);
}
