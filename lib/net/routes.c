/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/routes - routes to many addresses: most are asked for again and again, and lead to a few devices. */
#include <net/if.h>
#include <stdlib.h>

#include <patronus/net.h>

#include "net/ask.h"

#define SLOTS 16384 /* a plain direct-mapped cache */
#define LINKS 16    /* likewise, of names by index */

struct pt_net_routes {
	struct pt_nl *route;
	struct {
		struct pt_addr dst; /* af NONE: free */
		uint32_t index;     /* of the device, 0: none */
	} slots[SLOTS];
	struct {
		uint32_t index;     /* 0: free */
		char name[IF_NAMESIZE];
	} links[LINKS];
};

struct pt_net_routes *pt_net_routes_new(struct pt_nl *route)
{
	struct pt_net_routes *r = calloc(1, sizeof(*r));

	if (r)
		r->route = route;
	return r;
}

void pt_net_routes_free(struct pt_net_routes *r)
{
	free(r);
}

static const char *link_name(struct pt_net_routes *r, uint32_t index)
{
	size_t i = index % LINKS;

	if (r->links[i].index != index) {
		r->links[i].index = index;
		if (index && net_link_name(r->route, index, r->links[i].name))
			r->links[i].name[0] = '\0';
	}
	return r->links[i].name;
}

const char *pt_net_routes_device(struct pt_net_routes *r, struct pt_addr dst)
{
	size_t i = pt_hash32(&dst.v, sizeof(dst.v)) % SLOTS;

	if (r->slots[i].dst.af != dst.af || r->slots[i].dst.v != dst.v) {
		r->slots[i].dst = dst;
		if (net_route_index(r->route, dst, &r->slots[i].index))
			r->slots[i].index = 0;
	}
	return r->slots[i].index ? link_name(r, r->slots[i].index) : "";
}
