/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses as sockets have them, there and back. */
#ifndef DIAG_ADDRESS_H
#define DIAG_ADDRESS_H

#include <patronus/addr.h>
#include <sys/socket.h>

/* No family is any address of IPv6. PORT is in host order, ZONE the index of a link, for IPv6. The length of OUT. */
socklen_t sockaddr_of(struct pt_addr a, uint16_t port, uint32_t zone, struct sockaddr_storage *out);
/* Of other families: none, and 0. */
struct pt_addr address_of(const struct sockaddr *sa);
uint16_t port_of(const struct sockaddr *sa);

#endif
