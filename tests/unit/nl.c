/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions to a kernel that lies: cut datagrams, other senders, interrupted dumps, lengths
 * that do not fit, no answer at all (hostile-39).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/nl_fake.h"

static void say(struct fake *f, uint16_t type, uint16_t flags)
{
	(void)put(queue(f), type, flags, 0);
}

static void say_code(struct fake *f, uint16_t type, int code)
{
	put_code(queue(f), type, code, 0);
}

static int dump(struct lab *l)
{
	struct nlmsghdr req = {.nlmsg_len = sizeof(req), .nlmsg_type = 0x101};

	return pt_nl_dump(l->nl, &req, on_reset, on_message, &l->seen);
}

static int talk(struct lab *l)
{
	struct nlmsghdr req = {.nlmsg_len = sizeof(req), .nlmsg_type = 0x101};

	return pt_nl_talk(l->nl, &req, on_message, &l->seen);
}

/* ---- dumps ---- */

static void test_dump_is_whole(void **state)
{
	struct lab *l = *state;
	struct datagram *d = queue(&l->fake);

	(void)put(d, 0x11, NLM_F_MULTI, 0);
	(void)put(d, NLMSG_NOOP, NLM_F_MULTI, 0);
	(void)put(d, 0x12, NLM_F_MULTI, 0);
	say(&l->fake, 0x13, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), 0);
	assert_int_equal(l->seen.resets, 1);
	assert_int_equal(l->seen.n, 3);
	assert_int_equal(l->seen.types[0], 0x11);
	assert_int_equal(l->seen.types[1], 0x12);
	assert_int_equal(l->seen.types[2], 0x13);
}

static void test_dump_ends_without_a_code(void **state)
{
	struct lab *l = *state;

	say(&l->fake, NLMSG_DONE, NLM_F_MULTI); /* a header alone */
	assert_int_equal(dump(l), 0);
}

static void test_interrupted_dump_is_replayed(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	say(&l->fake, 0x12, NLM_F_MULTI | NLM_F_DUMP_INTR);
	say_code(&l->fake, NLMSG_DONE, 0);
	say(&l->fake, 0x21, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, -EINTR);
	say(&l->fake, 0x31, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), 0);
	assert_int_equal(l->seen.resets, 3);
	assert_int_equal(l->fake.sends, 3);
	assert_int_equal(l->seen.n, 1);
	assert_int_equal(l->seen.types[0], 0x31);
}

static void test_replays_are_bounded(void **state)
{
	struct lab *l = *state;

	l->fake.again = true;
	say(&l->fake, 0x11, NLM_F_MULTI | NLM_F_DUMP_INTR);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), -EAGAIN);
	assert_int_equal(l->fake.sends, 17);
}

static void test_stale_answers_are_skipped(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, -EIO);
	l->fake.queue[0].shift = l->fake.queue[1].shift = -1;
	say(&l->fake, 0x12, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), 0);
	assert_int_equal(l->seen.n, 1);
	assert_int_equal(l->seen.types[0], 0x12);
}

static void test_answers_for_other_ports_are_skipped(void **state)
{
	struct lab *l = *state;

	l->nl->portid = 77; /* the queued messages are for port 0 */
	say(&l->fake, 0x11, NLM_F_MULTI);
	assert_int_equal(dump(l), -ETIMEDOUT);
	assert_int_equal(l->seen.n, 0);
}

static void test_other_senders_are_refused(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	say(&l->fake, 0x12, NLM_F_MULTI);
	l->fake.queue[1].sender = 4711;
	say(&l->fake, 0x13, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), -EBADMSG);
	assert_int_equal(l->seen.n, 1);
	assert_int_equal(l->fake.next, l->fake.n); /* read to the end all the same */
}

static void test_cut_datagram(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	queue(&l->fake)->error = -EBADMSG;
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), -EBADMSG);
}

static void test_lengths_that_lie(void **state)
{
	static const uint32_t lies[] = {0, 1, 15, 17, 24, 4096, 0x7fffffff, 0x80000000, 0xfffffff0,
					0xffffffff};
	struct lab *l = *state;
	size_t i;

	for (i = 0; i < PT_ARRAY_SIZE(lies); i++) {
		memset(&l->fake, 0, sizeof(l->fake));
		say(&l->fake, 0x11, NLM_F_MULTI);
		l->fake.queue[0].exact = true;
		((struct nlmsghdr *)l->fake.queue[0].bytes)->nlmsg_len = lies[i];
		say_code(&l->fake, NLMSG_DONE, 0);
		assert_int_equal(dump(l), -EBADMSG);
		assert_int_equal(l->seen.n, 0);
	}
}

static void test_cut_message(void **state)
{
	struct lab *l = *state;
	struct datagram *d = queue(&l->fake);

	put_code(d, NLMSG_DONE, 0, 0);
	d->len -= 2; /* inside the code */
	assert_int_equal(dump(l), -EBADMSG);
	memset(&l->fake, 0, sizeof(l->fake));
	d = queue(&l->fake);
	(void)put(d, 0x11, NLM_F_MULTI, 0);
	d->len += 5; /* the beginning of a header */
	assert_int_equal(dump(l), -EBADMSG);
}

static void test_garbage_does_not_hang(void **state)
{
	struct lab *l = *state;
	size_t i;

	l->fake.again = true;
	for (i = 0; i < PT_ARRAY_SIZE(l->fake.queue); i++)
		queue(&l->fake)->len = 3;
	assert_int_equal(dump(l), -EBADMSG);
	memset(&l->fake, 0, sizeof(l->fake));
	assert_int_equal(dump(l), -ETIMEDOUT); /* no answer at all */
}

static void test_kernel_errors(void **state)
{
	struct lab *l = *state;

	say_code(&l->fake, NLMSG_ERROR, -EPERM);
	assert_int_equal(dump(l), -EPERM);
	say_code(&l->fake, NLMSG_DONE, -EOPNOTSUPP);
	assert_int_equal(dump(l), -EOPNOTSUPP);
	say_code(&l->fake, NLMSG_ERROR, INT32_MIN); /* no errno */
	assert_int_equal(dump(l), -EBADMSG);
	say(&l->fake, NLMSG_ERROR, 0); /* an error without a code */
	assert_int_equal(dump(l), -EBADMSG);
	say(&l->fake, NLMSG_OVERRUN, 0);
	assert_int_equal(dump(l), -ENOBUFS);
	queue(&l->fake)->error = -ENOBUFS;
	assert_int_equal(dump(l), -ENOBUFS);
	queue(&l->fake)->error = -EIO;
	assert_int_equal(dump(l), -EIO);
	l->fake.send_error = -ENOMEM;
	assert_int_equal(dump(l), -ENOMEM);
	l->fake.send_error = 0;
	queue(&l->fake)->error = -EINTR; /* a signal is no reason to stop */
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), 0);
}

static void test_callback_stops(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	say(&l->fake, 0x12, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	l->seen.stop_at = 1;
	assert_int_equal(dump(l), -ECANCELED);
	assert_int_equal(l->seen.n, 1);
	/* The rest is read, or the kernel would refuse the next dump. */
	assert_int_equal(l->fake.next, l->fake.n);
}

static void test_last(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, NLM_F_MULTI);
	say(&l->fake, 0x12, NLM_F_MULTI);
	pt_nl_last(l->nl);
	l->seen.stop_at = 1;
	assert_int_equal(dump(l), -ECANCELED);
	assert_int_equal(l->seen.n, 1);
	assert_true(l->fake.next < l->fake.n); /* the rest was left */
	assert_int_equal(dump(l), -ESHUTDOWN);
	assert_int_equal(l->fake.sends, 1);
}

static void test_callback_may_not_ask(void **state)
{
	struct lab *l = *state;

	l->seen.nested = l->nl;
	say(&l->fake, 0x11, NLM_F_MULTI);
	say_code(&l->fake, NLMSG_DONE, 0);
	assert_int_equal(dump(l), 0);
	assert_int_equal(l->seen.n, 1);
	assert_int_equal(l->fake.sends, 1);
}

static void test_talk(void **state)
{
	struct lab *l = *state;

	say(&l->fake, 0x11, 0);
	say_code(&l->fake, NLMSG_ERROR, 0);
	assert_int_equal(talk(l), 0);
	assert_int_equal(l->seen.n, 1);
	say_code(&l->fake, NLMSG_ERROR, -ENOENT);
	assert_int_equal(talk(l), -ENOENT);
}

/* ---- events ---- */

static void test_events(void **state)
{
	struct lab *l = *state;
	struct pt_err e = {0};

	assert_int_equal(pt_nl_join(l->nl, 7, &e), 0);
	say(&l->fake, 0x11, 0);
	say(&l->fake, 0x12, 0);
	l->fake.queue[1].sender = 5; /* not the kernel's */
	say(&l->fake, 0x13, 0);
	assert_int_equal(pt_nl_events(l->nl, 10, on_message, &l->seen), 0);
	assert_int_equal(l->seen.n, 2);
	queue(&l->fake)->error = -ENOBUFS;
	assert_int_equal(pt_nl_events(l->nl, 10, on_message, &l->seen), -ENOBUFS);
	queue(&l->fake)->error = -EINTR;
	assert_int_equal(pt_nl_events(l->nl, -1, on_message, &l->seen), -EINTR);
	queue(&l->fake)->len = 9;
	assert_int_equal(pt_nl_events(l->nl, 10, on_message, &l->seen), -EBADMSG);
	assert_int_equal(pt_nl_join(l->nl, 99, &e), -EPERM);
	assert_int_equal(e.n_errors, 1);
	assert_non_null(e.list.v[0].hint);
	pt_err_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB(test_dump_is_whole),
		LAB(test_dump_ends_without_a_code),
		LAB(test_interrupted_dump_is_replayed),
		LAB(test_replays_are_bounded),
		LAB(test_stale_answers_are_skipped),
		LAB(test_answers_for_other_ports_are_skipped),
		LAB(test_other_senders_are_refused),
		LAB(test_cut_datagram),
		LAB(test_lengths_that_lie),
		LAB(test_cut_message),
		LAB(test_garbage_does_not_hang),
		LAB(test_kernel_errors),
		LAB(test_callback_stops),
		LAB(test_last),
		LAB(test_callback_may_not_ask),
		LAB(test_talk),
		LAB(test_events),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nl", tests, NULL, NULL);
}
