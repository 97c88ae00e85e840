/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes, rules and neighbours by hand against a recorded kernel: the message that is sent and its mark, nothing in a dry run, answers that
 * are cut, and every allocation failing in turn.
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
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <patronus/vip.h>

#include "lib/scarce.h"

/* One link, eth0 with index 7, and the end of its dump; the last CUT bytes of the link's message are missing. */
static size_t put_link(uint8_t *to, size_t cut)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
	size_t len;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_MULTI;
	info->ifi_index = 7;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "eth0");
	nlh->nlmsg_len -= (uint32_t)cut;
	len = NLMSG_ALIGN(nlh->nlmsg_len);
	nlh = mnl_nlmsg_put_header(to + len);
	nlh->nlmsg_type = NLMSG_DONE;
	mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	return len + nlh->nlmsg_len;
}

enum what { ROUTE, RULE, NEIGHBOUR, VIP };

struct done {
	int rc;
	struct pt_nl_record sent;
	struct pt_buf told;
	struct pt_err e;
};

static void act(struct done *d, enum what what, enum pt_hand_op op, const char *words, bool dry, size_t cut, long left)
{
	static union {
		struct nlmsghdr head;
		uint8_t bytes[512];
	} canned;
	struct pt_hand h = { .dry = dry, .told = &d->told };

	memset(d, 0, sizeof(*d));
	memset(&canned, 0, sizeof(canned));
	assert_int_equal(pt_nl_open_recorder(&h.route, &d->sent, canned.bytes, put_link(canned.bytes, cut)), 0);
	allocations_left = left;
	if (what == ROUTE)
		d->rc = pt_hand_route(&h, op, words, &d->e);
	else if (what == RULE)
		d->rc = pt_hand_rule(&h, op, words, &d->e);
	else if (what == NEIGHBOUR)
		d->rc = pt_hand_neighbour(&h, op, words, &d->e);
	else
		d->rc = pt_hand_vip(&h, op, PT_VIP_ALIAS, words, "eth0", &d->e);
	allocations_left = -1;
	pt_nl_close(h.route);
}

static void done_fini(struct done *d)
{
	pt_buf_fini(&d->sent.bytes);
	pt_buf_fini(&d->told);
	pt_err_fini(&d->e);
}

/* The first message of TYPE that was sent. */
static const struct nlmsghdr *sent(const struct done *d, uint16_t type)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)d->sent.bytes.s;
	int left = (int)d->sent.bytes.n;

	for (; nlh && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (nlh->nlmsg_type == type)
			return nlh;
	return NULL;
}

static void test_marks(void **state)
{
	const struct nlmsghdr *nlh;
	struct done d;

	(void)state;
	act(&d, ROUTE, PT_HAND_ADD, "10.0.0.0/8 dev eth0 metric 5", false, 0, -1);
	assert_int_equal(d.rc, 0);
	nlh = sent(&d, RTM_NEWROUTE);
	assert_non_null(nlh);
	assert_int_equal(((const struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_protocol, PT_HAND_PROTOCOL);
	assert_string_equal(d.told.s, "add route 10.0.0.0/8 dev eth0 metric 5\n");
	done_fini(&d);
	act(&d, RULE, PT_HAND_ADD, "fwmark 1 lookup 100", false, 0, -1);
	assert_int_equal(d.rc, 0);
	nlh = sent(&d, RTM_NEWRULE);
	assert_non_null(nlh);
	assert_int_equal(((const struct fib_rule_hdr *)mnl_nlmsg_get_payload(nlh))->family, AF_INET);
	assert_string_equal(d.told.s, "add rule inet fwmark 0x1/0xffffffff lookup 100\nadd rule inet6 fwmark 0x1/0xffffffff lookup 100\n");
	done_fini(&d);
	act(&d, NEIGHBOUR, PT_HAND_ADD, "10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0", false, 0, -1);
	assert_int_equal(d.rc, 0);
	assert_non_null(sent(&d, RTM_NEWNEIGH));
	done_fini(&d);
	act(&d, VIP, PT_HAND_ADD, "10.0.0.2/24", false, 0, -1);
	assert_int_equal(d.rc, 0);
	assert_non_null(sent(&d, RTM_NEWADDR));
	done_fini(&d);
}

static const struct {
	enum what what;
	enum pt_hand_op op;
	const char *words;
	int rc;
} refused[] = {
	{ ROUTE, PT_HAND_ADD, "10.0.0.0/8", -EINVAL },		{ ROUTE, PT_HAND_ADD, "10.0.0.0/8 dev eth1", -ENODEV },
	{ ROUTE, PT_HAND_DELETE, "10.0.0.0/8", -ENODEV },	{ ROUTE, PT_HAND_DELETE, "", -EINVAL },
	{ ROUTE, PT_HAND_DELETE, "10.0.0.0/8 dev eth1", -ENODEV }, { RULE, PT_HAND_ADD, "priority 20000 lookup 100", -EINVAL },
	{ RULE, PT_HAND_ADD, "priority 5", -EINVAL },		{ RULE, PT_HAND_DELETE, "priority 5", -ENODEV },
	{ NEIGHBOUR, PT_HAND_ADD, "10.0.0.2 dev eth0", -EINVAL }, { NEIGHBOUR, PT_HAND_DELETE, "10.0.0.2 dev eth0", -ENODEV },
	{ NEIGHBOUR, PT_HAND_DELETE, "10.0.0.2", -EINVAL },	{ NEIGHBOUR, PT_HAND_DELETE, "10.0.0.2 dev eth0 more", -EINVAL },
	{ VIP, PT_HAND_ADD, "web", -EINVAL },			{ VIP, PT_HAND_DELETE, "10.0.0.2", -ENODEV },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(refused); i++) {
		struct done d;

		act(&d, refused[i].what, refused[i].op, refused[i].words, false, 0, -1);
		if (d.rc != refused[i].rc || d.e.n_errors != 1 || d.told.n || sent(&d, RTM_NEWROUTE) || sent(&d, RTM_NEWRULE) ||
		    sent(&d, RTM_NEWNEIGH) || sent(&d, RTM_NEWADDR))
			fail_msg("%s: %d, %zu errors", refused[i].words, d.rc, d.e.n_errors);
		done_fini(&d);
	}
}

static void test_dry(void **state)
{
	struct done d;

	(void)state;
	act(&d, ROUTE, PT_HAND_ADD, "10.0.0.0/8 dev eth0", true, 0, -1);
	assert_int_equal(d.rc, 0);
	assert_null(sent(&d, RTM_NEWROUTE));
	assert_string_equal(d.told.s, "add route 10.0.0.0/8 dev eth0\n");
	done_fini(&d);
}

static void test_cut(void **state)
{
	(void)state;
	for (size_t cut = NLMSG_ALIGNTO; cut <= 20; cut++) { /* less is only padding */
		struct done d;

		act(&d, ROUTE, PT_HAND_ADD, "10.0.0.0/8 dev eth0", false, cut, -1);
		assert_int_not_equal(d.rc, 0);
		assert_int_equal(d.e.n_errors, 1);
		assert_null(sent(&d, RTM_NEWROUTE));
		done_fini(&d);
	}
}

static void test_memory(void **state)
{
	static const char *const words[] = { "10.0.0.0/8 dev eth0", "from 10.0.0.0/8 lookup 100", "10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0",
					     "10.0.0.2/24" };

	(void)state;
	for (enum what what = ROUTE; what <= VIP; what++) {
		bool failed = true;
		long left;

		for (left = 0; failed && left < 1000; left++) {
			struct done d;

			act(&d, what, PT_HAND_ADD, words[what], false, 0, left);
			assert_true(!d.rc || (d.rc == -ENOMEM && d.e.n_errors));
			/* Whoever asked looks at what could not be told. */
			failed = d.rc || d.told.err || d.sent.bytes.err;
			done_fini(&d);
		}
		assert_false(failed);
		assert_true(left > 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks), cmocka_unit_test(test_refused), cmocka_unit_test(test_dry),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("by hand", tests, NULL, NULL);
}
