/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two questions behind a route: its device's index, and that device's name. */
#ifndef NET_ASK_H
#define NET_ASK_H

#include <patronus/net.h>

/* *INDEX 0: there is no route. */
int net_route_index(struct pt_nl *route, struct pt_addr dst, uint32_t *index);
/* NAME has IFNAMSIZ bytes. */
int net_link_name(struct pt_nl *route, uint32_t index, char *name);

#endif
