/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of links, addresses, routes and rules for them, under the fuzzer: on it stands what an apply changes and
 * what `ptnet` shows. Names, aliases and numbers in it are chosen by whoever made the link.
 *
 * The input is messages in a row, as a socket has them. The committed seeds are those of a real kernel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <patronus/address.h>
#include <patronus/route_rule.h>
#include <patronus/trait.h>

#include "nl/seam.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct read {
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_route_rules rules;
	struct pt_traits traits;
	struct pt_buf text;
};

/* In memory of exactly its size. */
static void read_one(struct read *r, const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = malloc(size);
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
	struct pt_route route;

	if (!nlh)
		return;
	memcpy(nlh, data, size);
	(void)!pt_links_parse(&r->links, nlh);
	(void)!pt_addresses_parse(&r->addresses, nlh);
	(void)!pt_route_rules_parse(&r->rules, nlh);
	(void)!pt_traits_parse(&r->traits, &r->links, nlh);
	if (pt_route_parse(nlh, hops, &route) == 1)
		pt_route_print(&r->text, &r->links, &route);
	free(nlh);
}

static void use_links(struct read *r)
{
	(void)!pt_links_name(&r->links);
	for (size_t i = 0; i < r->links.v.n; i++) {
		const struct pt_link *l = &r->links.v.v[i];

		if (!l->name[0] || strlen(l->name) >= PT_LINK_NAME || strlen(l->master) >= PT_LINK_NAME ||
		    (i && l->index <= r->links.v.v[i - 1].index))
			abort();
		for (size_t k = 0; k < l->settings.n; k++)
			pt_link_print_setting(&r->text, &r->links, &l->settings.v[k]);
	}
	for (size_t i = 0; i < r->addresses.v.n; i++)
		pt_address_print(&r->text, &r->addresses.v.v[i]);
	for (size_t i = 0; i < r->rules.v.n; i++)
		pt_route_rule_print(&r->text, &r->rules.v.v[i]);
	for (size_t i = 0; i < r->traits.v.n; i++)
		pt_trait_print(&r->text, &r->traits.v.v[i]);
}

/* Whatever is there, all of ours can go, and what is wanted as it is differs in nothing. */
static void use_diff(struct read *r, struct pt_arena *a)
{
	const struct pt_links none = { .arena = a };
	pt_link_changes changes = { 0 };
	pt_link_list absent = { 0 };

	if (pt_links_diff(&none, &r->links, a, &changes, &absent))
		return;
	for (size_t i = 0; i < changes.n; i++) {
		if (changes.v[i].op != PT_LINK_DELETE || !pt_link_ours(changes.v[i].have))
			abort();
		pt_link_print_change(&r->text, &changes.v[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_arena *a = pt_arena_new();
	struct read r = { .links = { .arena = a }, .addresses = { .arena = a }, .rules = { .arena = a },
			  .traits = { .arena = a } };
	struct nlmsghdr head;
	size_t step;

	while (a && size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		if (!nl_ok(&head, (int)size))
			break;
		read_one(&r, data, head.nlmsg_len);
		step = MNL_ALIGN(head.nlmsg_len);
		if (step >= size)
			break;
		data += step;
		size -= step;
	}
	if (a) {
		use_links(&r);
		use_diff(&r, a);
	}
	pt_buf_fini(&r.text);
	pt_arena_free(a);
	return 0;
}
