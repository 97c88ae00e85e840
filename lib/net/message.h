/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/message - what all files that speak rtnetlink share: requests of dumps, names of devices. */
#ifndef PATRONUS_NET_MESSAGE_H
#define PATRONUS_NET_MESSAGE_H

#include <string.h>

#include <patronus/link.h>

/* Room for the largest header and one address. */
union net_request {
	struct nlmsghdr head;
	uint8_t bytes[128];
};

/* Begins REQ with a header of EXTRA bytes, zeroed, which is returned. */
void *net_request(union net_request *req, uint16_t type, size_t extra);

/* Gives the elements of VEC the names of their devices. One of a link that came meanwhile has no name: it is not in this picture. */
#define NET_NAME_ALL(vec, links)                                                                        \
	do {                                                                                            \
		size_t n_named = 0;                                                                     \
                                                                                                        \
		for (size_t i_named = 0; i_named < (vec).n; i_named++) {                                \
			const struct pt_link *l_named = pt_links_index(links, (vec).v[i_named].index);  \
                                                                                                        \
			if (!l_named)                                                                   \
				continue;                                                               \
			(vec).v[n_named] = (vec).v[i_named];                                            \
			memcpy((vec).v[n_named++].device, l_named->name, sizeof(l_named->name));        \
		}                                                                                       \
		(vec).n = n_named;                                                                      \
	} while (0)

#endif
