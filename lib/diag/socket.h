/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/socket - between the two ways in which sockets are told. */
#ifndef DIAG_SOCKET_H
#define DIAG_SOCKET_H

#include <patronus/socket.h>

bool socket_is_asked(const struct pt_socket_filter *f, const struct pt_socket *s);
/* Raw sockets out of the table in /proc, those that F asks for; a negative errno where there is none. */
int socket_read_raw(struct pt_sockets *out, const struct pt_socket_filter *f) PT_MUST;
/* LEN bytes of such a table; lines that are none are left out. -ENOMEM or 0. */
int socket_parse_raw(struct pt_sockets *out, const struct pt_socket_filter *f, enum pt_af af, const char *text,
		     size_t len) PT_MUST;

#endif
