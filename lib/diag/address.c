/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One place knows how the two families lie in memory: see socket(7), ip(7) and ipv6(7). */
#include <netinet/in.h>
#include <string.h>

#include "diag/address.h"

socklen_t sockaddr_of(struct pt_addr a, uint16_t port, uint32_t zone, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (a.af == PT_AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		pt_addr_to_bytes(a, (uint8_t *)&v4->sin_addr);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_scope_id = zone;
	if (a.af == PT_AF_INET6)
		pt_addr_to_bytes(a, (uint8_t *)&v6->sin6_addr);
	return sizeof(*v6);
}

struct pt_addr address_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6)
		return pt_addr_from_bytes((const uint8_t *)&((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	if (sa->sa_family == AF_INET)
		return pt_addr_from_bytes((const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr, 4);
	return (struct pt_addr){ .af = PT_AF_NONE };
}

uint16_t port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return sa->sa_family == AF_INET ? ntohs(((const struct sockaddr_in *)sa)->sin_port) : 0;
}
