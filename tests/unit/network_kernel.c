/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network's subsystem against a kernel of canned answers: neighbours and traits in every shape that a message can have, the difference
 * found with every allocation failing in turn, what goes away between the plan and its writing (hostile-38, hostile-39), and the
 * fingerprint that stands for all of it.
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
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "lib/scarce.h"
#include "plan/network.h"

/* ---- a kernel ---- */

struct kernel {
	uint8_t bytes[16384];
	size_t n;
};

static struct nlmsghdr *begin(struct kernel *k, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(k->bytes + k->n);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_MULTI;
	return nlh;
}

static void end(struct kernel *k, const struct nlmsghdr *nlh)
{
	k->n += MNL_ALIGN(nlh->nlmsg_len);
	assert_true(k->n < sizeof(k->bytes));
}

static void done(struct kernel *k)
{
	struct nlmsghdr *nlh = begin(k, NLMSG_DONE);

	(void)mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	end(k, nlh);
}

/* What the kernel says to a request. */
static void answer(struct kernel *k, int code, uint32_t place)
{
	struct nlmsghdr *nlh = begin(k, NLMSG_ERROR);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	nlh->nlmsg_flags = 0;
	nlh->nlmsg_seq = place;
	err->error = code;
	end(k, nlh);
}

static void put_link(struct kernel *k, int index, const char *name, const char *kind, bool ours, uint32_t mtu)
{
	struct nlmsghdr *nlh = begin(k, RTM_NEWLINK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	info->ifi_index = index;
	info->ifi_flags = 1; /* IFF_UP */
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	if (ours)
		mnl_attr_put_strz(nlh, IFLA_IFALIAS, "patronus");
	if (kind) {
		struct nlattr *nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
		mnl_attr_nest_end(nlh, nest);
	}
	end(k, nlh);
}

static void put_address(struct kernel *k, uint32_t index, const char *text, uint8_t protocol)
{
	struct nlmsghdr *nlh = begin(k, RTM_NEWADDR);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	struct pt_prefix p;
	uint8_t bytes[16];

	assert_int_equal(pt_prefix_parse(text, &p), 0);
	ifa->ifa_family = p.addr.af == PT_AF_INET ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = p.len;
	ifa->ifa_index = index;
	pt_addr_to_bytes(p.addr, bytes);
	mnl_attr_put(nlh, IFA_LOCAL, pt_af_bits(p.addr.af) / 8, bytes);
	mnl_attr_put_u8(nlh, IFA_PROTO, protocol);
	end(k, nlh);
}

static void put_neighbour(struct kernel *k, int index, const char *text, uint64_t mac, uint16_t state, uint8_t protocol)
{
	struct nlmsghdr *nlh = begin(k, RTM_NEWNEIGH);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	struct pt_addr a;
	uint8_t bytes[16];

	assert_int_equal(pt_addr_parse(text, &a), 0);
	nd->ndm_family = a.af == PT_AF_INET ? AF_INET : AF_INET6;
	nd->ndm_ifindex = index;
	nd->ndm_state = state;
	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, NDA_DST, pt_af_bits(a.af) / 8, bytes);
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(mac >> (40 - 8 * i));
	mnl_attr_put(nlh, NDA_LLADDR, 6, bytes);
	mnl_attr_put_u8(nlh, NDA_PROTOCOL, protocol);
	end(k, nlh);
}

/* All that one reading asks: links, addresses, neighbours twice, qdiscs, rules, routes. MTU is eth0's. */
static void put_machine(struct kernel *k, uint32_t mtu, uint16_t state)
{
	put_link(k, 2, "eth0", NULL, false, mtu);
	put_link(k, 3, "tap0", "ifb", true, 1500);
	done(k);
	put_address(k, 2, "192.0.2.1/24", PT_NET_PROTOCOL);
	put_address(k, 2, "2001:db8::9/64", PT_NET_PROTOCOL);
	put_address(k, 9, "192.0.2.99/24", PT_NET_PROTOCOL); /* of a link that came meanwhile */
	done(k);
	put_neighbour(k, 2, "192.0.2.7", 0x020000000007, NUD_PERMANENT, PT_NET_PROTOCOL);
	put_neighbour(k, 2, "192.0.2.8", 0x020000000008, state, 0);
	done(k);
	done(k); /* proxies */
	done(k); /* qdiscs */
	done(k); /* rules */
	done(k); /* routes */
}

static const char file[] = "interface eth0 { mtu = 1400 address = { \"192.0.2.1/24\", \"2001:db8::1/64\" } }\n"
			   "interface tap0 { type = ifb }\n"
			   "network { routes = { \"198.51.100.0/24 via 192.0.2.7\", \"default dev eth0 metric 5\" }\n"
			   " neighbours = { \"192.0.2.7 lladdr 02:00:00:00:00:17 dev eth0\" } }\n";

static struct pt_conf *parsed(void)
{
	struct pt_err e = { 0 };
	struct pt_conf *c = NULL;

	assert_int_equal(pt_conf_parse("f", file, strlen(file), &c, &e), 0);
	pt_err_fini(&e);
	return c;
}

static void want(const struct pt_conf *c, struct pt_arena *a, struct network *out)
{
	struct pt_err e = { 0 };

	memset(out, 0, sizeof(*out));
	assert_int_equal(network_want_links(c, a, &out->links), 0);
	assert_int_equal(network_want_traits(c, a, &out->traits), 0);
	assert_int_equal(network_want_addresses(c, a, &out->addresses), 0);
	assert_int_equal(network_want_neighbours(c, a, &out->neighbours), 0);
	assert_int_equal(network_want_shapes(c, a, &out->shapes), 0);
	assert_int_equal(pt_route_rules_wanted(c, a, &out->rules, &e), 0);
	out->conf = c;
	out->routes = c->routes.v;
	out->n_routes = c->routes.n;
}

static struct pt_nl *opened(struct pt_nl_record *rec, const struct kernel *k)
{
	struct pt_nl *nl;

	memset(rec, 0, sizeof(*rec));
	assert_int_equal(pt_nl_open_recorder(&nl, rec, k->bytes, k->n), 0);
	return nl;
}

/* ---- the difference ---- */

static void texts(const struct difference *d, struct pt_buf *all)
{
	struct pt_buf b = { 0 };

	for (size_t kind = 0; kind < CHANGE_KINDS; kind++)
		for (size_t i = 0; i < network_changes_of(d, kind); i++) {
			const struct network_described x = network_describe(d, NETWORK_COOKIE(kind, i), &b);

			pt_buf_fmt(all, "%s %s %s\n", x.op, network_kinds[kind], b.s);
		}
	pt_buf_fini(&b);
}

static const char changes[] = "change link eth0 mtu 1400\n"
			      "delete address 2001:db8::9/64 dev eth0\n"
			      "add address 2001:db8::1/64 dev eth0\n"
			      "change neighbour 192.0.2.7 lladdr 02:00:00:00:00:17 dev eth0\n"
			      "add route 198.51.100.0/24 via 192.0.2.7\n"
			      "add route 0.0.0.0/0 dev eth0 metric 5\n";

static void test_difference(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = parsed();
	struct kernel k = { .n = 0 };
	struct pt_nl_record rec;
	struct pt_buf all = { 0 };
	struct pt_err e = { 0 };
	struct difference d;
	struct network w;
	struct pt_nl *nl;

	(void)state;
	want(c, a, &w);
	put_machine(&k, 1500, NUD_REACHABLE);
	nl = opened(&rec, &k);
	assert_int_equal(network_difference_find(&d, &w, nl, &e), 0);
	texts(&d, &all);
	assert_string_equal(all.s, changes);
	network_difference_fini(&d);
	pt_buf_fini(&all);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_conf_free(c);
	pt_arena_free(a);
}

/* Each allocation in turn: told as such, and nothing is left behind or half done. */
static void test_memory(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = parsed();
	struct kernel k = { .n = 0 };
	struct network w;
	long n = 0;
	int rc = -1;

	(void)state;
	want(c, a, &w);
	put_machine(&k, 1500, NUD_REACHABLE);
	for (; rc; n++) {
		struct network_refusal r = { 0 };
		struct pt_nl_record rec;
		struct pt_nl *nl = opened(&rec, &k);
		struct pt_err e = { 0 };
		struct difference d = { 0 };
		size_t writes = 0;

		allocations_left = n;
		rc = network_difference_find(&d, &w, nl, &e);
		/* The recorder keeps what was sent: its memory is the test's. */
		if (!rc)
			rc = network_write_round(&d, &w, nl, &r, &writes, &e);
		if (rec.bytes.err)
			rc = -ENOMEM;
		if (allocations_left >= 0)
			rc = 0;
		allocations_left = -1;
		if (rc)
			assert_int_equal(rc, -ENOMEM);
		network_difference_fini(&d);
		pt_err_fini(&e);
		pt_nl_close(nl);
		pt_buf_fini(&rec.bytes);
		assert_true(n < 2000);
	}
	assert_true(n > 9);
	pt_conf_free(c);
	pt_arena_free(a);
}

/* Any byte of it is another one, and any message is cut: an answer or -EBADMSG, and never a byte too far. */
static void test_hostile(void **state)
{
	static const uint8_t values[] = { 0x00, 0xff, 0x7f, 0x01 };
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = parsed();
	struct kernel k = { .n = 0 };
	struct network w;

	(void)state;
	want(c, a, &w);
	put_machine(&k, 1500, NUD_REACHABLE);
	for (size_t at = 0; at < k.n; at++)
		for (size_t v = 0; v < PT_ARRAY_SIZE(values); v++) {
			uint8_t was = k.bytes[at];
			struct pt_nl_record rec;
			struct pt_err e = { 0 };
			struct difference d;
			struct pt_nl *nl;

			k.bytes[at] = values[v];
			nl = opened(&rec, &k);
			if (!network_difference_find(&d, &w, nl, &e))
				network_difference_fini(&d);
			else
				assert_true(e.n_errors > 0);
			k.bytes[at] = was;
			pt_err_fini(&e);
			pt_nl_close(nl);
			pt_buf_fini(&rec.bytes);
		}
	pt_conf_free(c);
	pt_arena_free(a);
}

/* ---- between the plan and its writing ---- */

/* The kernel answers CODE to the change at PLACE of those that are written. */
static int write_refused(int code, uint32_t place, struct network_refusal *r, struct difference *d, const struct network *w, struct pt_err *e)
{
	struct kernel k = { .n = 0 };
	struct pt_nl_record rec;
	struct pt_nl *nl;
	size_t writes = 0;
	int rc;

	answer(&k, code, place);
	nl = opened(&rec, &k);
	*r = (struct network_refusal){ 0 };
	rc = network_write_round(d, w, nl, r, &writes, e);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	return rc;
}

static void test_goes_away(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = parsed();
	struct kernel k = { .n = 0 };
	struct network_refusal r;
	struct pt_nl_record rec;
	struct pt_err e = { 0 };
	struct difference d, only;
	struct network w;
	struct pt_nl *nl;

	(void)state;
	want(c, a, &w);
	put_machine(&k, 1500, NUD_REACHABLE);
	nl = opened(&rec, &k);
	assert_int_equal(network_difference_find(&d, &w, nl, &e), 0);
	/* The address that goes went with its link, so nothing is refused. */
	only = d;
	only.links.n = only.routes.n = only.neighbours.n = 0;
	only.addresses.n = 1;
	assert_int_equal(write_refused(-ENODEV, 1, &r, &only, &w, &e), 0);
	assert_false(r.happened);
	assert_int_equal(write_refused(-EADDRNOTAVAIL, 1, &r, &only, &w, &e), 0);
	assert_false(r.happened);
	/* It is the first one that is written. Its refusal for another reason is one. */
	assert_int_equal(write_refused(-EPERM, 1, &r, &d, &w, &e), -EPERM);
	assert_true(r.happened);
	/* The second changes the link that is gone: told with the place in the file. */
	assert_int_equal(write_refused(-ENODEV, 2, &r, &d, &w, &e), -ENODEV);
	assert_true(r.happened);
	assert_int_equal(network_tell_refusal(&d, &r, -ENODEV, &e), -ENODEV);
	assert_int_equal(e.list.v[e.list.n - 1].loc.line, 1);
	assert_non_null(strstr(e.list.v[e.list.n - 1].msg, "link eth0"));
	network_difference_fini(&d);
	pt_err_fini(&e);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_conf_free(c);
	pt_arena_free(a);
}

/* ---- the fingerprint ---- */

static struct pt_tally seen(const struct kernel *k)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = parsed();
	struct pt_nl_record rec;
	struct pt_err e = { 0 };
	struct pt_tally sum;
	struct difference d;
	struct network w;
	struct pt_nl *nl;

	want(c, a, &w);
	nl = opened(&rec, k);
	assert_int_equal(network_difference_find(&d, &w, nl, &e), 0);
	sum = d.seen;
	network_difference_fini(&d);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_conf_free(c);
	pt_arena_free(a);
	return sum;
}

static bool equal(struct pt_tally x, struct pt_tally y)
{
	return x.a == y.a && x.b == y.b && x.n == y.n;
}

static void test_seen(void **state)
{
	struct kernel k = { .n = 0 }, other = { .n = 0 }, learned = { .n = 0 }, index = { .n = 0 };
	struct pt_tally sum;

	(void)state;
	put_machine(&k, 1500, NUD_REACHABLE);
	sum = seen(&k);
	assert_true(equal(sum, seen(&k)));
	put_machine(&other, 1501, NUD_REACHABLE);
	assert_false(equal(sum, seen(&other)));
	/* What the kernel learns moves by itself. */
	put_machine(&learned, 1500, NUD_STALE);
	assert_true(equal(sum, seen(&learned)));
	/* A link of the same name that is another one. */
	put_machine(&index, 1500, NUD_REACHABLE);
	((struct ifinfomsg *)(index.bytes + MNL_ALIGN(sizeof(struct nlmsghdr))))->ifi_index = 4;
	assert_false(equal(sum, seen(&index)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference), cmocka_unit_test(test_memory), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_goes_away),  cmocka_unit_test(test_seen),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("the network and a kernel of canned answers", tests, NULL, NULL);
}
