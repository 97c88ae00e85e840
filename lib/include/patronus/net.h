/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net - links and addresses over rtnetlink: what the kernel has. */
#ifndef PATRONUS_NET_H
#define PATRONUS_NET_H

#include <patronus/nl.h>
#include <patronus/policy.h>

/* Snapshot of links and addresses. *OUT owns an arena: pt_host_free(). ROUTE is a NETLINK_ROUTE socket. */
PT_API int pt_net_read(struct pt_nl *route, struct pt_host **out, struct pt_err *e) PT_MUST;
PT_API void pt_host_free(struct pt_host *h);
/* Device name a packet to DST leaves by, or "" ; NAME has IFNAMSIZ bytes. */
PT_API int pt_net_route(struct pt_nl *route, struct pt_addr dst, char *name) PT_MUST;
/* The same for many addresses, remembering answers. ROUTE is borrowed. NULL: no memory. */
struct pt_net_routes;
PT_API struct pt_net_routes *pt_net_routes_new(struct pt_nl *route);
PT_API void pt_net_routes_free(struct pt_net_routes *r);
/* "" also where the kernel could not be asked; valid until the next call. */
PT_API const char *pt_net_routes_device(struct pt_net_routes *r, struct pt_addr dst);
/* The same as sets: all destinations by the device that packets to them leave by. Where a route has several next hops, each
 * device has them. */
struct pt_net_way {
	const char *device;
	struct pt_iset dst[2];  /* [0] IPv4, [1] IPv6 */
	bool by_default[2];     /* a default route leads there */
};
struct pt_net_ways {
	PT_VEC(struct pt_net_way) v;
	bool more;              /* rules of routing ask other tables, too, which are not looked at */
};
/* The tables local, main and default; devices are those of H, and what is in OUT belongs to A. */
PT_API int pt_net_ways_read(struct pt_nl *route, const struct pt_host *h, struct pt_arena *a, struct pt_net_ways *out,
			    struct pt_err *e) PT_MUST;
/* One established TCP connection of this machine's own. IPv4 within IPv6 sockets is shown as IPv4. */
struct pt_net_socket {
	struct pt_addr local, remote;
	uint16_t lport, rport;
};
typedef int (*pt_net_socket_cb)(const struct pt_net_socket *s, void *arg);
PT_API int pt_net_tcp_sockets(pt_net_socket_cb cb, void *arg, struct pt_err *e) PT_MUST;
/* Sockets that wait for connections: remote ends are zero, and so is a local address that is any. */
PT_API int pt_net_tcp_listeners(pt_net_socket_cb cb, void *arg, struct pt_err *e) PT_MUST;
/* Parses one RTM_NEWADDR/RTM_NEWLINK message into H; unknown types are ignored. Exposed for fuzzing. */
PT_API int pt_net_parse(struct pt_host *h, const struct nlmsghdr *nlh) PT_MUST;

#endif
