/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of links, addresses, routes, rules and neighbours, with every attribute in every length and cut anywhere: names and
 * numbers in it were chosen by whoever made the link. Each message is in memory of exactly its size.
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

#include <patronus/address.h>
#include <patronus/neighbour.h>
#include <patronus/route_rule.h>
#include <patronus/trait.h>

#define TYPES 64
#define BYTES 40

struct readers {
	struct pt_arena *arena;
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_route_rules rules;
	struct pt_traits traits;
	struct pt_neighbours neighbours;
};

static void read_message(struct readers *r, const struct nlmsghdr *nlh)
{
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	struct pt_route route;
	int rc[] = { pt_links_parse(&r->links, nlh), pt_addresses_parse(&r->addresses, nlh),
		      pt_route_rules_parse(&r->rules, nlh), pt_route_parse(nlh, hops, &route),
		     pt_traits_parse(&r->traits, &r->links, nlh), pt_neighbours_parse(&r->neighbours, nlh) };

	for (size_t i = 0; i < PT_ARRAY_SIZE(rc); i++)
		assert_true(rc[i] >= 0 || rc[i] == -EBADMSG);
	assert_int_equal(pt_links_name(&r->links), 0);
	for (size_t i = 0; i < r->links.v.n; i++)
		assert_true(r->links.v.v[i].name[0] && memchr(r->links.v.v[i].name, 0, PT_LINK_NAME));
}

/* In memory of exactly its size, so that a byte too far is seen. */
static void read_exactly(struct readers *r, const void *message, size_t size)
{
	struct nlmsghdr *nlh = test_malloc(size);

	memcpy(nlh, message, size);
	nlh->nlmsg_len = (uint32_t)size;
	read_message(r, nlh);
	test_free(nlh);
}

static void hostile(struct readers *r, uint16_t type, size_t head, const char *name)
{
	uint8_t bytes[512];

	for (uint16_t attr = 0; attr < TYPES; attr++)
		for (size_t n = 0; n <= BYTES; n++) {
			struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(bytes, 0, sizeof(bytes)));
			uint8_t *extra, payload[BYTES];

			nlh->nlmsg_type = type;
			extra = mnl_nlmsg_put_extra_header(nlh, head);
			extra[0] = type == RTM_NEWLINK ? 0 : AF_INET6;
			if (type == RTM_NEWLINK)
				((struct ifinfomsg *)extra)->ifi_index = 1;
			if (name)
				mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
			memset(payload, (int)(n * 37 + attr), sizeof(payload));
			mnl_attr_put(nlh, attr, n, payload);
			read_exactly(r, nlh, nlh->nlmsg_len);
			read_exactly(r, nlh, sizeof(*nlh) + (nlh->nlmsg_len - sizeof(*nlh)) * n / BYTES);
		}
}

static void test_hostile(void **state)
{
	struct readers r = { .arena = pt_arena_new() };

	(void)state;
	r.links.arena = r.addresses.arena = r.rules.arena = r.traits.arena = r.neighbours.arena = r.arena;
	hostile(&r, RTM_NEWLINK, sizeof(struct ifinfomsg), "eth0");
	hostile(&r, RTM_NEWLINK, sizeof(struct ifinfomsg), NULL);
	hostile(&r, RTM_NEWADDR, sizeof(struct ifaddrmsg), NULL);
	hostile(&r, RTM_NEWROUTE, sizeof(struct rtmsg), NULL);
	hostile(&r, RTM_NEWRULE, sizeof(struct rtmsg), NULL);
	hostile(&r, RTM_NEWNEIGH, sizeof(struct ndmsg), NULL);
	assert_int_equal(r.links.v.n, 1);
	pt_arena_free(r.arena);
}

/* A message about a kind, with every attribute of it in every length. */
static void test_hostile_kinds(void **state)
{
	struct readers r = { .arena = pt_arena_new() };
	uint8_t bytes[512], payload[BYTES];

	(void)state;
	r.links.arena = r.addresses.arena = r.rules.arena = r.traits.arena = r.neighbours.arena = r.arena;
	memset(payload, 0xff, sizeof(payload));
	for (size_t kind = 1; kind < PT_LINK_KINDS; kind++)
		for (uint16_t attr = 0; attr < TYPES; attr++)
			for (size_t n = 0; n <= 20; n++) {
				struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(bytes, 0, sizeof(bytes)));
				struct ifinfomsg *info;
				struct nlattr *nest, *data;

				nlh->nlmsg_type = RTM_NEWLINK;
				info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));
				info->ifi_index = 1;
				mnl_attr_put_strz(nlh, IFLA_IFNAME, "x");
				nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
				mnl_attr_put_strz(nlh, IFLA_INFO_KIND, pt_link_kinds[kind]);
				data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
				mnl_attr_put(nlh, attr, n, payload);
				mnl_attr_nest_end(nlh, data);
				mnl_attr_nest_end(nlh, nest);
				read_exactly(&r, nlh, nlh->nlmsg_len);
				if (n)
					read_exactly(&r, nlh, nlh->nlmsg_len - n);
			}
	assert_int_equal(r.links.v.n, 1);
	pt_arena_free(r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_hostile_kinds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hostile messages about links", tests, NULL, NULL);
}
