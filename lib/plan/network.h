/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/network - the parts of the network subsystem: what the file wants of links, addresses, routes. */
#ifndef PLAN_NETWORK_H
#define PLAN_NETWORK_H

#include <patronus/neighbour.h>
#include <patronus/route_rule.h>
#include <patronus/trait.h>

#include "plan/internal.h"

/* network_links.c: the interfaces of C as links, named by their devices. Memory from A. -ENOMEM or 0. */
int network_want_links(const struct pt_conf *c, struct pt_arena *a, struct pt_links *out);
/* Those of HAVE that WANT may change, as they are: wanting them undoes it. */
int network_keep_links(const struct pt_links *want, const struct pt_links *have, struct pt_arena *a, struct pt_links *out);
/* network_addresses.c: those of C's interfaces; ours among HAVE. -ENOMEM or 0. */
int network_want_addresses(const struct pt_conf *c, struct pt_arena *a, struct pt_addresses *out);
int network_keep_addresses(const struct pt_addresses *have, struct pt_arena *a, struct pt_addresses *out);
/* network_traits.c: what the interfaces are to have beside. -ENOMEM or 0. */
int network_want_traits(const struct pt_conf *c, struct pt_arena *a, struct pt_traits *out);

/* network_neighbours.c: those of C, and the addresses that its interfaces answer for; ours among HAVE. -ENOMEM or 0. */
int network_want_neighbours(const struct pt_conf *c, struct pt_arena *a, struct pt_neighbours *out);
int network_keep_neighbours(const struct pt_neighbours *have, struct pt_arena *a, struct pt_neighbours *out);

#endif
