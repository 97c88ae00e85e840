/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/routes - routes to many addresses: most are asked for again and again. */
#include <net/if.h>
#include <stdlib.h>

#include <patronus/net.h>

#define SLOTS 4096 /* a plain direct-mapped cache */

struct pt_net_routes {
	struct pt_nl *route;
	struct {
		struct pt_addr dst; /* af NONE: free */
		char device[IF_NAMESIZE];
	} slots[SLOTS];
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

const char *pt_net_routes_device(struct pt_net_routes *r, struct pt_addr dst)
{
	size_t i = pt_hash32(&dst.v, sizeof(dst.v)) % SLOTS;

	if (r->slots[i].dst.af != dst.af || r->slots[i].dst.v != dst.v) {
		r->slots[i].dst = dst;
		if (pt_net_route(r->route, dst, r->slots[i].device))
			r->slots[i].device[0] = '\0';
	}
	return r->slots[i].device;
}
