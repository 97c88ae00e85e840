/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links and addresses out of rtnetlink messages: whose address is whose, and damage.
 */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <patronus/net.h>

#include "lib/scarce.h"

struct canned {
	uint8_t bytes[2048];
	size_t len;
};

static struct pt_addr addr(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

static bool same(struct pt_addr a, const char *s)
{
	struct pt_addr b = addr(s);

	return a.af == b.af && a.v == b.v;
}

static void link_named(struct canned *c, int index, const char *name)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(c->bytes + c->len);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	nlh->nlmsg_type = RTM_NEWLINK;
	info->ifi_index = index;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	c->len += nlh->nlmsg_len;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const char *s)
{
	uint8_t bytes[16];

	if (!s)
		return;
	pt_addr_to_bytes(addr(s), bytes);
	mnl_attr_put(nlh, type, pt_af_bits(addr(s).af) / 8, bytes);
}

static struct nlmsghdr *address(struct canned *c, int index, const char *local, const char *other,
				uint8_t len, const char *broadcast)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(c->bytes + c->len);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	nlh->nlmsg_type = RTM_NEWADDR;
	ifa->ifa_family = addr(other ? other : local).af == PT_AF_INET ? AF_INET : AF_INET6;
	ifa->ifa_index = (unsigned int)index;
	ifa->ifa_prefixlen = len;
	put_addr(nlh, IFA_ADDRESS, other);
	put_addr(nlh, IFA_LOCAL, local);
	put_addr(nlh, IFA_BROADCAST, broadcast);
	c->len += nlh->nlmsg_len;
	return nlh;
}

static void done(struct canned *c, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(c->bytes + c->len);

	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI | flags;
	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	c->len += nlh->nlmsg_len;
}

static int read_canned(const struct canned *c, struct pt_host **h, struct pt_err *e)
{
	struct pt_nl *nl;
	int rc = pt_nl_open_recorder(&nl, NULL, c->bytes, c->len);

	*h = NULL;
	if (rc < 0)
		return rc;
	rc = pt_net_read(nl, h, e);
	pt_nl_close(nl);
	return rc;
}

static struct pt_host *must_read(const struct canned *c)
{
	struct pt_err e = {0};
	struct pt_host *h;

	assert_int_equal(read_canned(c, &h, &e), 0);
	if (!h)
		abort();
	return h;
}

static void machine(struct canned *c)
{
	struct nlmsghdr *nlh;

	memset(c, 0, sizeof(*c));
	link_named(c, 1, "lo");
	link_named(c, 7, "eth0");
	link_named(c, 9, "ppp0");
	done(c, 0);
	address(c, 7, "192.0.2.10", "192.0.2.10", 24, "192.0.2.255");
	nlh = address(c, 7, "192.0.2.11", "192.0.2.11", 24, NULL);
	mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_SECONDARY | IFA_F_PERMANENT);
	c->len += 8;
	address(c, 7, NULL, "2001:db8::1", 64, NULL);
	address(c, 9, "198.51.100.1", "203.0.113.1", 32, NULL);
	address(c, 9, "10.1.0.1", "10.1.0.2", 30, NULL);
	address(c, 9, "10.9.0.1", "10.8.0.2", 24, NULL);
	address(c, 9, "fd00::1", "fd00::2", 64, NULL);
	address(c, 55, "10.0.0.1", "10.0.0.1", 8, NULL); /* a link that came later */
	done(c, 0);
}

static void test_snapshot(void **state)
{
	const struct pt_host_addr *a;
	struct pt_host *h;
	struct canned c;

	(void)state;
	machine(&c);
	h = must_read(&c);
	assert_int_equal(h->ifs.n, 3);
	assert_string_equal(h->ifs.v[1].device, "eth0");
	assert_int_equal(h->ifs.v[1].ifindex, 7);
	assert_int_equal(h->ifs.v[0].addrs.n, 0);
	assert_int_equal(h->ifs.v[1].addrs.n, 3);
	a = h->ifs.v[1].addrs.v;
	assert_true(same(a[0].prefix.addr, "192.0.2.10"));
	assert_int_equal(a[0].prefix.len, 24);
	assert_true(same(a[0].broadcast, "192.0.2.255"));
	assert_int_equal(a[0].peer.af, PT_AF_NONE);
	assert_false(a[0].secondary);
	assert_true(a[1].secondary);
	assert_int_equal(a[1].broadcast.af, PT_AF_NONE);
	assert_true(same(a[2].prefix.addr, "2001:db8::1"));
	assert_int_equal(a[2].prefix.len, 64);
	pt_host_free(h);
}

static void test_peers(void **state)
{
	const struct pt_host_addr *a;
	struct pt_host *h;
	struct canned c;

	(void)state;
	machine(&c);
	h = must_read(&c);
	assert_int_equal(h->ifs.v[2].addrs.n, 4);
	a = h->ifs.v[2].addrs.v;
	assert_true(same(a[0].prefix.addr, "198.51.100.1") && same(a[0].peer, "203.0.113.1"));
	assert_int_equal(a[0].prefix.len, 32);
	assert_true(same(a[1].prefix.addr, "10.1.0.1") && same(a[1].peer, "10.1.0.2"));
	assert_int_equal(a[1].prefix.len, 30);
	/* 10.8.0.0/24 is the peer's network; 10.9.0.0/24 is nobody's. */
	assert_true(same(a[2].prefix.addr, "10.9.0.1") && same(a[2].peer, "10.8.0.2"));
	assert_int_equal(a[2].prefix.len, 32);
	assert_true(same(a[3].prefix.addr, "fd00::1") && same(a[3].peer, "fd00::2"));
	assert_int_equal(a[3].prefix.len, 64);
	pt_host_free(h);
}

static void test_interrupted_dump(void **state)
{
	struct pt_host *h;
	struct canned c = {0};

	(void)state;
	link_named(&c, 1, "lo");
	link_named(&c, 2, "gone");
	done(&c, NLM_F_DUMP_INTR);
	link_named(&c, 1, "lo");
	done(&c, 0);
	address(&c, 1, "127.0.0.1", "127.0.0.1", 8, NULL);
	done(&c, NLM_F_DUMP_INTR);
	address(&c, 1, "127.0.0.2", "127.0.0.2", 8, NULL);
	done(&c, 0);
	h = must_read(&c);
	assert_int_equal(h->ifs.n, 1);
	assert_int_equal(h->ifs.v[0].addrs.n, 1);
	assert_true(same(h->ifs.v[0].addrs.v[0].prefix.addr, "127.0.0.2"));
	pt_host_free(h);
}

static int parse_one(const struct canned *c, size_t len)
{
	struct pt_host h = {.arena = pt_arena_new()};
	struct nlmsghdr *copy = malloc(len);
	int rc;

	assert_non_null(h.arena);
	assert_non_null(copy);
	memcpy(copy, c->bytes, len); /* of exactly its size: the sanitizers see one byte too far */
	copy->nlmsg_len = (uint32_t)len;
	rc = pt_net_parse(&h, copy);
	free(copy);
	pt_arena_free(h.arena);
	return rc;
}

static void test_bad_messages(void **state)
{
	struct canned c = {0};
	struct nlmsghdr *nlh;

	(void)state;
	link_named(&c, 3, "a-name-of-16-byt");
	assert_int_equal(parse_one(&c, c.len), -EBADMSG);
	c.len = 0;
	link_named(&c, 3, "");
	assert_int_equal(parse_one(&c, c.len), -EBADMSG);
	c.len = 0;
	link_named(&c, 0, "eth0");
	assert_int_equal(parse_one(&c, c.len), -EBADMSG);
	c.len = 0;
	address(&c, 1, "10.0.0.1", "10.0.0.1", 33, NULL);
	assert_int_equal(parse_one(&c, c.len), -EBADMSG);
	c.len = 0;
	nlh = address(&c, 1, "10.0.0.1", "10.0.0.1", 24, NULL);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_family = AF_INET6;
	assert_int_equal(parse_one(&c, c.len), -EBADMSG); /* an address of four bytes */
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_family = AF_BRIDGE;
	assert_int_equal(parse_one(&c, c.len), 0); /* not ours */
	assert_int_equal(parse_one(&c, sizeof(*nlh) + sizeof(struct ifaddrmsg)), 0);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(nlh))->ifa_family = AF_INET;
	assert_int_equal(parse_one(&c, sizeof(*nlh) + sizeof(struct ifaddrmsg)), -EBADMSG);
	assert_int_equal(parse_one(&c, sizeof(*nlh) + 3), -EBADMSG);
}

static void test_damage(void **state)
{
	struct canned good[2] = {{.len = 0}}, c;
	size_t i, k;

	(void)state;
	link_named(&good[0], 3, "eth0");
	address(&good[1], 3, "10.0.0.1", "10.0.0.2", 24, "10.0.0.255");
	for (k = 0; k < PT_ARRAY_SIZE(good); k++) {
		for (i = sizeof(struct nlmsghdr); i < good[k].len; i++) {
			assert_true(parse_one(&good[k], i) <= 0);
			c = good[k];
			c.bytes[i] ^= 0xff;
			assert_true(parse_one(&c, c.len) <= 0);
			c.bytes[i] ^= 0xfb; /* one bit of a length */
			assert_true(parse_one(&c, c.len) <= 0);
		}
	}
}

static void test_error_is_told(void **state)
{
	struct pt_err e = {0};
	struct canned c = {0};
	struct pt_host *h;

	(void)state;
	link_named(&c, 1, "lo");
	c.len -= 4;
	assert_int_equal(read_canned(&c, &h, &e), -EBADMSG);
	assert_null(h);
	assert_int_equal(e.n_errors, 1);
	pt_err_fini(&e);
}

static void test_every_allocation_fails(void **state)
{
	struct pt_err e = {0};
	struct pt_host *h = NULL;
	struct canned c;
	int i, rc = -ENOMEM;

	(void)state;
	machine(&c);
	for (i = 0; rc != 0; i++) {
		assert_true(i < 100);
		allocations_left = i;
		rc = read_canned(&c, &h, &e);
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(rc == 0 || !h);
	}
	allocations_left = -1;
	pt_host_free(h);
	pt_err_fini(&e);
	assert_true(i > 3);
}

/* ---- routes ---- */

static int route(const struct canned *c, char *name)
{
	struct pt_nl *nl;
	int rc;

	assert_int_equal(pt_nl_open_recorder(&nl, NULL, c->bytes, c->len), 0);
	rc = pt_net_route(nl, addr("192.0.2.1"), name);
	pt_nl_close(nl);
	return rc;
}

static void answer(struct canned *c, uint8_t type, int code)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	memset(c, 0, sizeof(*c));
	nlh = mnl_nlmsg_put_header(c->bytes);
	nlh->nlmsg_type = RTM_NEWROUTE;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_type = type;
	mnl_attr_put_u32(nlh, RTA_OIF, 7);
	c->len = nlh->nlmsg_len;
	nlh = mnl_nlmsg_put_header(c->bytes + c->len);
	nlh->nlmsg_type = NLMSG_ERROR;
	((struct nlmsgerr *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr)))->error = code;
	c->len += nlh->nlmsg_len;
	link_named(c, 7, "eth0");
}

static void test_route(void **state)
{
	struct canned c;
	char name[IFNAMSIZ];

	(void)state;
	answer(&c, RTN_UNICAST, 0);
	assert_int_equal(route(&c, name), 0);
	assert_string_equal(name, "eth0");
	answer(&c, RTN_UNREACHABLE, 0);
	assert_int_equal(route(&c, name), 0);
	assert_string_equal(name, "");
	answer(&c, 0, -ENETUNREACH);
	assert_int_equal(route(&c, name), 0);
	assert_string_equal(name, "");
	answer(&c, 0, -ENOMEM);
	assert_int_equal(route(&c, name), -ENOMEM);
	assert_int_equal(pt_net_route(NULL, (struct pt_addr){0}, name), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_interrupted_dump),
		cmocka_unit_test(test_bad_messages),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_error_is_told),
		cmocka_unit_test(test_every_allocation_fails),
		cmocka_unit_test(test_route),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
