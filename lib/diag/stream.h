/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets with an end to their patience, plain or under TLS: shared by the questions to the DNS and to ports. */
#ifndef DIAG_STREAM_H
#define DIAG_STREAM_H

#include <patronus/dial.h>

#include "diag/address.h"

struct tls;

struct stream {
	int fd;
	struct tls *tls; /* NULL: plain */
	int64_t until;   /* of whatever is waited for, stream_now() */
};

/* Microseconds of a clock that nobody sets. */
int64_t stream_now(void);
/* Waits for EVENTS; 0, -ETIMEDOUT, or what poll(2) says. */
int stream_wait(int fd, short events, int64_t until);
/* A socket that never blocks, with the address and device it is to go by; what ICMP says of it is kept. */
int stream_socket(int af, int type, struct pt_addr from, const char *on, int *fd);
/* Waits until FD, which connect(2) began with, is connected. */
int stream_connected(int fd, int64_t until);
/* Some bytes, 0 at the end, -ETIMEDOUT. */
ssize_t stream_read(struct stream *s, void *buf, size_t n);
int stream_write(struct stream *s, const void *buf, size_t n);
void stream_close(struct stream *s);

/* What ICMP said of a socket; 0, or the errno that the kernel makes of it. */
int icmp_read(int fd, struct pt_dial_icmp *out);

/* tls.c: shakes hands on S->fd and tells of it in OUT, done or not. 0: done and, unless UNCHECKED, trusted. */
int tls_begin(struct stream *s, const struct pt_tls_want *w, struct pt_arena *a, struct pt_tls *out);
ssize_t tls_read(struct tls *t, void *buf, size_t n, int64_t until);
ssize_t tls_write(struct tls *t, const void *buf, size_t n, int64_t until);
void tls_end(struct tls *t);

/* starttls.c: asks for TLS in the words of a protocol; 0, or a negative errno with WHY */
int starttls_ask(struct stream *s, enum pt_dial_starttls protocol, char *why, size_t size);

#endif
