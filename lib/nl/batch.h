/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nl/batch - what the sender of a batch must know of its inside. */
#ifndef PATRONUS_NL_BATCH_H
#define PATRONUS_NL_BATCH_H

#include <patronus/nl.h>

#define NL_BATCH_CHUNK ((size_t)32 << 10)
#define NL_BATCH_MESSAGE_MAX ((size_t)16 << 20)
#define NL_BATCH_END 20 /* nlmsghdr and nfgenmsg */

struct pt_nl_batch {
	uint8_t *data;          /* the begin mark and the messages */
	size_t len, cap;
	size_t room;            /* of the message being built */
	PT_VEC(uint64_t) cookies;
	uint8_t subsys;
};

/* Puts the end mark behind the messages and numbers all from SEQ on; gives the bytes to send. Of a
 * good transaction the kernel confirms the last message only: that says everything, on every
 * kernel (the marks themselves are confirmed by Linux 6.10 and later only), and a million
 * confirmations would not fit in the socket. The batch can be closed and sent again. */
size_t nl_batch_close(struct pt_nl_batch *b, uint32_t seq, uint32_t portid);

#endif
