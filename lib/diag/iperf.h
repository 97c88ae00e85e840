/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One test of iperf3's protocol, at either end: its control connection, its streams, its counts. */
#ifndef DIAG_IPERF_H
#define DIAG_IPERF_H

#include <sys/resource.h>

#include <patronus/iperf.h>

#define IPERF_COOKIE 37 /* bytes with the final NUL: which streams belong to which test */

enum iperf_state {
	IPERF_TEST_START = 1,
	IPERF_TEST_RUNNING = 2,
	IPERF_TEST_END = 4,
	IPERF_PARAM_EXCHANGE = 9,
	IPERF_CREATE_STREAMS = 10,
	IPERF_SERVER_TERMINATE = 11,
	IPERF_CLIENT_TERMINATE = 12,
	IPERF_EXCHANGE_RESULTS = 13,
	IPERF_DISPLAY_RESULTS = 14,
	IPERF_DONE = 16,
	IPERF_ACCESS_DENIED = -1,
	IPERF_SERVER_ERROR = -2,
};

struct iperf_stream {
	int fd;
	bool over;                     /* the other end closed it */
	uint64_t bytes, number;        /* through it; of the last datagram sent */
	uint64_t omitted, again_before;/* what does not count */
	struct pt_iperf_heard heard;
	struct pt_iperf_count before;  /* at the last interval */
};

struct iperf_run {
	struct pt_iperf_test test;
	bool server;
	struct pt_iperf_flow *flows;
	struct iperf_stream *streams;
	size_t n;                      /* streams that there will be */
	int control, listener, stop_fd;
	uint32_t timeout;
	uint64_t interval;
	uint8_t *block, *in;
	size_t in_size;
	char cookie[IPERF_COOKIE];
	int64_t begun, told, ended;    /* stream_now(): counting began, the last interval ended, it ended */
	struct rusage usage;
	const struct pt_iperf_listener *l;
	struct pt_err *e;
};

/* iperf_control.c. All of them wait r->timeout at most, and return -ETIMEDOUT, -ECONNRESET, -ECANCELED by stop_fd. */
int iperf_wait(const struct iperf_run *r, int fd, short events, int64_t until);
int iperf_read(const struct iperf_run *r, int fd, void *buf, size_t n);
int iperf_write(const struct iperf_run *r, const void *buf, size_t n);
int iperf_say(const struct iperf_run *r, enum iperf_state s);
/* The next state is S, or it is an error with a record. */
int iperf_expect(const struct iperf_run *r, enum iperf_state s);
/* TEXT is the caller's to free. */
int iperf_document_read(const struct iperf_run *r, char **text, size_t *n);
int iperf_document_write(const struct iperf_run *r, struct pt_buf *b);
/* What went wrong, once, in words; RC. */
int iperf_failed(const struct iperf_run *r, int rc, const char *doing);

/* iperf_socket.c */
/* Of a socket; IPv4 in IPv6 is IPv4. */
struct pt_addr iperf_peer(const struct sockaddr_storage *sa);
int iperf_options(const struct iperf_run *r, int fd, int af);
int iperf_socket(const struct iperf_run *r, int af, bool udp, int *fd);

/* iperf_flow.c */
int iperf_streams_new(struct iperf_run *r);
void iperf_streams_free(struct iperf_run *r);
enum iperf_pumped { IPERF_PUMP_OVER, IPERF_PUMP_CONTROL, IPERF_PUMP_STOP };
/* Moves data until UNTIL, or BYTES (0: any number) are through, the control connection says something, or the test is
 * to stop. DRAIN: only what comes in. */
int iperf_pump(struct iperf_run *r, int64_t until, uint64_t bytes, bool drain);
void iperf_begin(struct iperf_run *r);
/* The last interval, and all counts. */
int iperf_finish(struct iperf_run *r);
void iperf_cpu(const struct iperf_run *r, double cpu[3]);
void iperf_omit(struct iperf_run *r);

/* iperf_count.c: what streams did since counting began, into their flows */
void iperf_count(struct iperf_run *r, int64_t now);
int iperf_tell(struct iperf_run *r, int64_t now);

#endif
