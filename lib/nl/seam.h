/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/seam - what stands between the protocol code and a socket.
 *
 * Dumps, requests and batches are written once, over four operations. The kernel is one
 * implementation of them, the recorder another, and the unit tests bring a third one that
 * lies about lengths, senders and sequence numbers.
 */
#ifndef PATRONUS_NL_SEAM_H
#define PATRONUS_NL_SEAM_H

#include <patronus/nl.h>

/* The kernel never builds a dump datagram beyond 32 KiB for the requests made here. */
#define NL_BUF_SIZE ((size_t)64 << 10)

struct nl_ops {
	/* One datagram of LEN bytes: 0 or negative errno. */
	int (*send)(struct pt_nl *nl, const void *data, size_t len);
	/* One datagram into nl->buf: its length, or -EAGAIN when none came within TIMEOUT_MS (-1:
	 * for ever), -EINTR on a signal while waiting, -EBADMSG when it was cut, else negative
	 * errno. SENDER is the port it came from. */
	ssize_t (*recv)(struct pt_nl *nl, int timeout_ms, uint32_t *sender);
	int (*join)(struct pt_nl *nl, unsigned int group);
	void (*close)(struct pt_nl *nl); /* what is in PRIV; not NL itself */
};

struct pt_nl {
	const struct nl_ops *ops;
	void *priv;
	int fd;               /* -1: none */
	uint32_t portid;      /* ours; 0: not checked */
	uint32_t seq;         /* of the newest request */
	size_t sndbuf;        /* what the socket takes in one send */
	bool last, spent;     /* pt_nl_last(), and an answer was given up */
	bool busy;            /* inside a dump or request: BUF is in use */
	struct pt_nl_record *rec;
	uint8_t *buf;         /* NL_BUF_SIZE bytes */
};

/* A seam over OPS; PRIV is handed over only on success. -ENOMEM. */
int nl_new(struct pt_nl **out, const struct nl_ops *ops, void *priv) PT_MUST;
/* Sends and counts; WRITES is the number of batched messages in it. */
int nl_send(struct pt_nl *nl, const void *data, size_t len, size_t writes) PT_MUST;
/* The message at NLH lies whole in the LEN bytes from there. libmnl's own check takes a length
 * beyond INT_MAX for a negative one and says yes. */
static inline bool nl_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (unsigned int)len;
}

/* The error code of an NLMSG_ERROR or NLMSG_DONE (0 or negative), -EBADMSG when it does not fit. */
int nl_code(const struct nlmsghdr *nlh);
/* Copies the kernel's own words out of an NLMSG_ERROR, "" without any. */
void nl_extack(const struct nlmsghdr *nlh, char *text, size_t size);

#endif
