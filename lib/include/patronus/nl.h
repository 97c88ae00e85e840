/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl - the one seam to the kernel: netlink sockets, batches, dumps.
 *
 * Everything that talks netlink goes through a struct pt_nl, so that a recorder can
 * stand in for the kernel in tests and count what was written.
 */
#ifndef PATRONUS_NL_H
#define PATRONUS_NL_H

#include <linux/netlink.h>
#include <patronus/addr.h>

struct pt_nl;

/* One received message. Return 0 to go on, negative errno to stop. */
typedef int (*pt_nl_cb)(const struct nlmsghdr *nlh, void *arg);

/* BUS is NETLINK_NETFILTER or NETLINK_ROUTE. -EPERM and friends with a record. */
PT_API int pt_nl_open(struct pt_nl **out, int bus, struct pt_err *e) PT_MUST;
PT_API void pt_nl_close(struct pt_nl *nl);
PT_API int pt_nl_fd(const struct pt_nl *nl); /* for poll(2) of an event socket */

/* A dump. REQ is a complete request (length set; seq and pid are filled in here). RESET is called
 * before the first message and again before a replay: an interrupted dump (NLM_F_DUMP_INTR,
 * -EINTR) is repeated, at most 16 times, then -EAGAIN. Truncated messages, wrong senders, lengths
 * that do not fit are -EBADMSG. Kernel errors come back as their negative errno, without a record
 * (the caller knows what was attempted). */
PT_API int pt_nl_dump(struct pt_nl *nl, struct nlmsghdr *req, void (*reset)(void *arg), pt_nl_cb cb,
		      void *arg) PT_MUST;
/* One request with an answer or acknowledgement (NLM_F_ACK is added). A callback must not use the same
 * pt_nl for another one: -EBUSY. */
PT_API int pt_nl_talk(struct pt_nl *nl, struct nlmsghdr *req, pt_nl_cb cb, void *arg) PT_MUST;
/* Nothing will be asked of this socket behind the answer that fails or that a callback stops: then the rest of it,
 * which may be long, is not read. -ESHUTDOWN when something is asked all the same. */
PT_API void pt_nl_last(struct pt_nl *nl);
/* Joins a multicast group and calls CB for what arrives until TIMEOUT_MS passes without any
 * (-1: for ever); -EINTR on a signal; -ENOBUFS when events were lost: re-read everything. */
PT_API int pt_nl_join(struct pt_nl *nl, unsigned int group, struct pt_err *e) PT_MUST;
PT_API int pt_nl_events(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg) PT_MUST;
/* The same for one datagram: 1 when one came, 0 when none did. */
PT_API int pt_nl_event(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg) PT_MUST;
/* A request without waiting for its answer, which comes among the events and is left out there: for sockets that
 * must not lose an event meanwhile. */
PT_API int pt_nl_post(struct pt_nl *nl, struct nlmsghdr *req) PT_MUST;

/* ---- checked reading of what came; all return 0 or -EBADMSG ---- */

struct nlattr;
/* Attributes by type into V[N], NULL where there is none, types from N on left out. HEAD: size of the
 * header between nlmsghdr and them. */
PT_API int pt_nl_attrs(const struct nlmsghdr *nlh, size_t head, const struct nlattr **v, size_t n) PT_MUST;
PT_API int pt_nl_nested(const struct nlattr *attr, const struct nlattr **v, size_t n) PT_MUST;
/* The first SIZE bytes of an attribute that has as many. A missing one (NULL) leaves OUT as it is. */
PT_API int pt_nl_get(const struct nlattr *attr, void *out, size_t size) PT_MUST;
/* Numbers in network order, as netfilter has them; alike. */
PT_API int pt_nl_get_be16(const struct nlattr *attr, uint16_t *out) PT_MUST;
PT_API int pt_nl_get_be32(const struct nlattr *attr, uint32_t *out) PT_MUST;
PT_API int pt_nl_get_be64(const struct nlattr *attr, uint64_t *out) PT_MUST;
/* A string that is shorter than SIZE, with or without its NUL; alike. */
PT_API int pt_nl_get_str(const struct nlattr *attr, char *out, size_t size) PT_MUST;
/* An address of this family; AF NONE: of either, as the length says. Alike. */
PT_API int pt_nl_get_addr(const struct nlattr *attr, enum pt_af af, struct pt_addr *out) PT_MUST;
/* RTA_VIA, which tells the family before the address; alike. */
PT_API int pt_nl_get_via(const struct nlattr *attr, struct pt_addr *out) PT_MUST;
PT_API void pt_nl_put_addr(struct nlmsghdr *nlh, uint16_t type, struct pt_addr a);

/* ---- nfnetlink transactions ---- */

/* A growing batch of messages for one transaction. */
struct pt_nl_batch;
PT_API struct pt_nl_batch *pt_nl_batch_new(uint8_t subsys, uint32_t genid); /* genid 0: any. NULL: no memory */
PT_API void pt_nl_batch_free(struct pt_nl_batch *b);
/* Room for one message of up to MAX bytes, zeroed; NULL: no memory. The caller builds a
 * complete nlmsghdr there and calls _commit with it (before the next _room). COOKIE is given back for refusals. */
PT_API void *pt_nl_batch_room(struct pt_nl_batch *b, size_t max);
PT_API int pt_nl_batch_commit(struct pt_nl_batch *b, struct nlmsghdr *nlh, uint64_t cookie) PT_MUST;
PT_API size_t pt_nl_batch_count(const struct pt_nl_batch *b); /* messages without begin and end */
PT_API size_t pt_nl_batch_bytes(const struct pt_nl_batch *b);

/* A refusal: the message that the kernel refused, by its cookie. */
struct pt_nl_refusal {
	int code;          /* negative errno */
	uint64_t cookie;
	uint16_t type;     /* nlmsg_type of the refused message */
	char text[128];    /* extended acknowledgement of the kernel, or "" */
};

/* Sends the batch as one transaction with one sendmsg. 0: all of it is in force. Negative: none of
 * it is; REFUSAL (may be NULL) says which message was refused first. -ERESTART: the generation
 * was not GENID. An empty batch sends nothing. */
PT_API int pt_nl_batch_send(struct pt_nl *nl, struct pt_nl_batch *b, struct pt_nl_refusal *refusal) PT_MUST;

/* ---- many requests that stand alone ---- */

/* One that the kernel refused, in order. Negative: nothing more is sent, and that is the result. */
typedef int (*pt_nl_refused)(const struct pt_nl_refusal *r, void *arg);
/* Requests of NL, which is borrowed, gathered into few system calls. Without REFUSED the first refusal ends it with its code. The
 * kernel has tried all requests of a datagram when it is told of one, those behind it among them. NULL: no memory. */
struct pt_nl_stream;
#define PT_NL_STREAM_MESSAGE_MAX ((size_t)32 << 10)
PT_API struct pt_nl_stream *pt_nl_stream_new(struct pt_nl *nl, pt_nl_refused refused, void *arg);
PT_API void pt_nl_stream_free(struct pt_nl_stream *s); /* what was not flushed is not sent */
/* As of a batch: room, zeroed, for one message of up to MAX bytes (NULL: that is too many), and its place in the line. A full
 * line is sent. After a failure the stream has ended: all calls return its code. */
PT_API void *pt_nl_stream_room(struct pt_nl_stream *s, size_t max);
PT_API int pt_nl_stream_commit(struct pt_nl_stream *s, struct nlmsghdr *nlh, uint64_t cookie) PT_MUST;
/* Sends the rest and waits until the kernel has been through it. */
PT_API int pt_nl_stream_flush(struct pt_nl_stream *s) PT_MUST;

/* ---- recorder ---- */

/* A pt_nl without a kernel: counts, keeps what was sent, and answers with canned messages (a buffer of
 * nlmsghdr, as captured; copied). Each request takes the next ones up to NLMSG_DONE or NLMSG_ERROR; when
 * they are used up, answers are empty and good. Their nlmsg_seq is made to fit; in an NLMSG_ERROR
 * for a batch it is the place of the refused message, from 1. */
struct pt_nl_record {
	size_t sends, writes;   /* batches and requests sent; messages in batches */
	struct pt_buf bytes;    /* of everything sent */
};
PT_API int pt_nl_open_recorder(struct pt_nl **out, struct pt_nl_record *rec, const void *canned,
			       size_t canned_len) PT_MUST;
/* Lets a real socket count too. REC is borrowed until close. */
PT_API void pt_nl_watch(struct pt_nl *nl, struct pt_nl_record *rec);

#endif
