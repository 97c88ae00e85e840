/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iperf - how much goes through between two machines, in the protocol of iperf3: its servers and clients are the other end.
 *
 * A control connection carries states of one byte, and documents of JSON with their length before them; the data go by connections of
 * TCP, or by datagrams that are numbered and carry the time. libiperf is not used: it keeps its last error and its timers in globals,
 * prints, takes any length that the other end names, holds every interval in memory, and ends the program where it sees fit.
 */
#ifndef PATRONUS_IPERF_H
#define PATRONUS_IPERF_H

#include <sys/socket.h>

#include <patronus/addr.h>

#define PT_IPERF_PORT 5201
#define PT_IPERF_STREAMS_MAX 128           /* of each direction */
#define PT_IPERF_SECONDS_MAX 86400
#define PT_IPERF_MESSAGE_MAX ((size_t)1 << 16) /* bytes of a document from the other end */
#define PT_IPERF_BLOCK_MAX ((size_t)1 << 20)
#define PT_IPERF_DATAGRAM_MIN 16
#define PT_IPERF_DATAGRAM_MAX 65507
#define PT_IPERF_WINDOW_MAX ((uint64_t)512 << 20)
#define PT_IPERF_CONGESTION_MAX 16         /* with its end */

/* What a client asks for, and so what a test is. */
struct pt_iperf_test {
	bool udp, reverse, both;  /* REVERSE: the server sends; BOTH: both do, over as many streams each */
	bool wide;                /* datagrams have numbers of 64 bits */
	bool no_delay;
	uint32_t seconds, omit;   /* 0 SECONDS: until BYTES are through; the first OMIT of them do not count */
	uint32_t streams;
	uint32_t block;           /* bytes of a write, or of a datagram; 0: as usual */
	uint32_t mss;
	uint8_t tos;
	uint64_t rate;            /* bits a second of each stream, 0: as fast as it goes */
	uint64_t bytes;           /* of all streams, 0: no end by them */
	uint64_t window;          /* of socket buffers, 0: the system's */
	char congestion[PT_IPERF_CONGESTION_MAX]; /* "": the system's */
};

/* Counts of one stream, seen from one of its ends. */
struct pt_iperf_count {
	uint64_t bytes;
	uint64_t packets;      /* datagrams: sent, or of which the numbers tell */
	uint64_t lost, reordered; /* the receiver's */
	double jitter;         /* seconds, RFC 1889 A.8; the receiver's */
	bool resends;          /* RETRANSMITS is known: the sender's, of TCP */
	uint64_t retransmits;
	double seconds;
};

struct pt_iperf_flow {
	uint32_t id;
	bool sends;            /* from this end */
	struct pt_iperf_count here, there; /* of an interval: HERE only */
	bool told;             /* THERE came */
	uint32_t rtt;          /* microseconds, 0: unknown; with WINDOW, of the sender of TCP at this end */
	uint64_t window;       /* bytes of the congestion window */
};

struct pt_iperf_listener {
	/* The streams stand. What each returns but 0 ends the test. */
	int (*begun)(const struct pt_iperf_test *t, struct pt_addr peer, void *arg);
	/* FLOWS since the last one, from FROM to TO microseconds of the test. */
	int (*interval)(const struct pt_iperf_flow *flows, size_t n, uint64_t from, uint64_t to, void *arg);
	int (*ended)(const struct pt_iperf_test *t, const struct pt_iperf_flow *flows, size_t n, bool complete, void *arg);
	void *arg;
};

struct pt_iperf_client {
	struct pt_iperf_test test;
	struct pt_addr to, from;  /* FROM: NONE for what the routes say */
	uint32_t zone;            /* of a link-local address */
	uint16_t port;
	uint64_t interval;        /* microseconds, 0: none */
	uint32_t timeout;         /* microseconds that each answer may take */
	int stop_fd;              /* readable: the test ends with what there is; -1: none */
};

/* One test. 0 done; -ECONNREFUSED, -EHOSTUNREACH ... it was not reached, -EBUSY the server has another test, -ETIMEDOUT it says
 * nothing, -EPROTO it talks nonsense, -ECONNRESET it hung up, -ECANCELED told to stop; all with a record. */
PT_API int pt_iperf_client(const struct pt_iperf_client *c, const struct pt_iperf_listener *l, struct pt_err *e) PT_MUST;

struct pt_iperf_server {
	struct pt_addr from;      /* listen on this one; NONE: on all */
	enum pt_af af;            /* NONE: both */
	uint16_t port;
	const struct pt_prefix *allow; /* nobody else is talked to */
	size_t n_allow;
	uint32_t seconds;         /* the longest test */
	uint32_t streams;         /* the most of each direction */
	uint64_t interval;
	uint32_t timeout;         /* as of a client */
	int stop_fd;
};

/* Listens: the only part that may need a privilege. A descriptor, or a negative errno with a record. */
PT_API int pt_iperf_listen(const struct pt_iperf_server *s, struct pt_err *e) PT_MUST;
/* Waits WAIT microseconds for a client at FD, and serves one test. As pt_iperf_client(), besides: -ETIME nobody came, -ERANGE the client
 * asks for more than is allowed. Who is not allowed is turned away, and is no event. */
PT_API int pt_iperf_serve(int fd, const struct pt_iperf_server *s, uint64_t wait, const struct pt_iperf_listener *l,
			  struct pt_err *e) PT_MUST;

/* ---- the messages, pure ---- */

/* What a client asks for: N bytes of JSON. -EPROTO with WHY, a constant text; -ENOMEM. */
PT_API int pt_iperf_test_read(const char *text, size_t n, struct pt_iperf_test *out, const char **why) PT_MUST;
PT_API void pt_iperf_test_write(struct pt_buf *b, const struct pt_iperf_test *t);
/* What the other end counted, into THERE of the flows; numbers of streams that are none of ours, or twice the same, are an error. */
PT_API int pt_iperf_results_read(const char *text, size_t n, struct pt_iperf_flow *flows, size_t n_flows, const char **why) PT_MUST;
/* CPU: percent in all, of the user, of the system. */
PT_API void pt_iperf_results_write(struct pt_buf *b, const struct pt_iperf_test *t, const struct pt_iperf_flow *flows, size_t n,
				   const double cpu[3]);

/* Of datagrams that came: the highest number, and how even they come. */
struct pt_iperf_heard {
	uint64_t highest, received, lost, reordered;
	int64_t transit; /* of the last one, microseconds */
	double jitter;   /* seconds */
};
/* Takes one, N bytes at NOW (microseconds of the wall clock); -EPROTO: it is too short, or its number cannot be. */
PT_API int pt_iperf_hear(struct pt_iperf_heard *h, const uint8_t *data, size_t n, bool wide, int64_t now) PT_MUST;
/* Number and time into the first bytes of a datagram. */
PT_API void pt_iperf_stamp(uint8_t *data, bool wide, uint64_t number, int64_t now);

#endif
