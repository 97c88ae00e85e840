/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe - packets that ask for an answer, and the answers: what ping, trace and mtr are made of.
 *
 * One engine sends numbered probes to one address and matches what comes back, be it an answer of the host or an ICMP error of
 * somebody on the way. All probes of one engine are one flow (the fields that routers share load by are the same in each), so that
 * they take one way: a probe's number is in the UDP checksum, the TCP sequence number, or the ICMP sequence number with the
 * checksum kept level by the data.
 */
#ifndef PATRONUS_PROBE_H
#define PATRONUS_PROBE_H

#include <poll.h>

#include <patronus/addr.h>

/* ---- what an ICMP message says: RFC 792, 4443, extensions of RFC 4884 and 4950 ---- */

#define PT_MPLS_MAX 8 /* entries of a label stack that are kept */

struct pt_mpls {
	uint32_t label;
	uint8_t traffic_class, ttl;
	bool bottom;
};

/* The packet that an error is about, as far as it is quoted. */
struct pt_icmp_quote {
	struct pt_addr from, to;
	uint8_t protocol;         /* behind extension headers of IPv6; 0: cut before */
	bool has_transport;       /* its first 8 bytes are there */
	uint16_t sport, dport;    /* UDP, TCP */
	uint32_t sequence;        /* TCP */
	uint16_t checksum;        /* UDP */
	uint8_t type;             /* ICMP */
	uint16_t id, seq;         /* ICMP echo */
	const uint8_t *data;      /* behind the header of UDP or the ICMP echo */
	size_t n;
};

struct pt_icmp {
	uint8_t type, code;
	bool error;               /* ABOUT is set: it is about a packet of ours */
	uint16_t id, seq;         /* echo */
	uint32_t mtu;             /* packet too big: 0 where a router does not tell */
	const uint8_t *data;      /* echo: what is behind its header */
	size_t n;
	struct pt_icmp_quote about;
	struct pt_mpls labels[PT_MPLS_MAX];
	size_t n_labels;
};

/* One message from its ICMP header on; pointers in OUT are into P. -EBADMSG: it is none, or is cut before it says what it is
 * about. Checksums are the kernel's matter, but for IPv4's, which raw sockets get unchecked: pt_icmp_checksum_ok(). */
PT_API int pt_icmp_parse(enum pt_af af, const uint8_t *p, size_t n, struct pt_icmp *out) PT_MUST;
PT_API bool pt_icmp_checksum_ok(const uint8_t *p, size_t n);
/* The label stack in an extension structure (RFC 4884 section 7); the number of entries put to OUT. */
PT_API size_t pt_icmp_labels(const uint8_t *p, size_t n, struct pt_mpls out[PT_MPLS_MAX]);
/* "host unreachable", "administratively prohibited"; NULL: such a code has no name. */
PT_API const char *pt_icmp_words(enum pt_af af, uint8_t type, uint8_t code);
/* "!H" as traceroute has them; "" for what is on the way of a trace. */
PT_API const char *pt_icmp_mark(enum pt_af af, uint8_t type, uint8_t code);

/* ---- statistics of round-trip times, in nanoseconds ---- */

struct pt_probe_stats {
	uint64_t sent, received;
	uint64_t last, min, max;
	double mean, squares;  /* Welford's */
	double differences;    /* of each time from the one before it, absolute */
};

PT_API void pt_probe_stats_add(struct pt_probe_stats *s, uint64_t rtt);
/* Of all times, not of a sample: what iputils calls mdev. */
PT_API double pt_probe_stats_deviation(const struct pt_probe_stats *s);
/* The mean difference of two times in a row. */
PT_API double pt_probe_stats_jitter(const struct pt_probe_stats *s);
/* 0..100, of what was sent. */
PT_API double pt_probe_stats_loss(const struct pt_probe_stats *s);

/* How often a time came, within 1/128 of it: percentiles of any number of times in bounded memory. */
#define PT_PROBE_BUCKETS (64 * 128)
struct pt_probe_histogram {
	uint64_t n;
	uint32_t count[PT_PROBE_BUCKETS];
};
PT_API void pt_probe_histogram_add(struct pt_probe_histogram *h, uint64_t rtt);
/* The time that PERCENT of all were not longer than, 0 where there are none. */
PT_API uint64_t pt_probe_percentile(const struct pt_probe_histogram *h, unsigned int percent);

/* ---- the engine ---- */

enum pt_probe_how { PT_PROBE_UDP, PT_PROBE_ICMP, PT_PROBE_TCP };

#define PT_PROBE_SIZE_MAX 65507 /* bytes of data */
#define PT_PROBE_PATTERN_MAX 16
#define PT_PROBE_WINDOW 65535   /* probes that can be told apart; older ones are forgotten */

struct pt_probe_options {
	enum pt_probe_how how;
	struct pt_addr to;
	struct pt_addr from;      /* af NONE: as the route says */
	uint32_t zone;            /* the index of the device of a link-local address */
	const char *device;       /* NULL: any */
	uint16_t port;            /* UDP, TCP: destination */
	bool whole;               /* ICMP: a raw socket first, which hears whole messages; else a datagram one first */
	bool df, probe_mtu;       /* do not fragment; PROBE_MTU: nor believe the path MTU that the kernel remembers */
	int tos;                  /* -1: the system's */
	bool marked;
	uint32_t mark;
	const uint8_t *pattern;   /* repeated as data; NULL: our own */
	size_t n_pattern;
};

enum pt_probe_kind {
	PT_PROBE_REPLY, /* of the host itself */
	PT_PROBE_ERROR, /* an ICMP error, of whomever */
};

struct pt_probe_answer {
	enum pt_probe_kind kind;
	uint64_t number;       /* of the probe, from 1 */
	uint64_t tag;          /* as it was sent with */
	uint64_t rtt;
	struct pt_addr from;
	bool local;            /* the error is of this machine */
	uint8_t type, code;    /* ICMP; TCP: 0 */
	uint8_t ttl;           /* of the answer as it came; 0: not known */
	bool open;             /* TCP: somebody listens */
	uint32_t mtu;          /* packet too big */
	size_t size;           /* bytes of the answer's transport header and data */
	bool duplicate;        /* there was one before */
	bool truncated;        /* it has less data than the probe had */
	bool corrupt;          /* its data or checksum is not what was sent; the first wrong byte is BAD_AT */
	size_t bad_at;
	struct pt_mpls labels[PT_MPLS_MAX];
	size_t n_labels;
};

struct pt_probe;

/* Opens the sockets: nothing of the rest needs a privilege. -EPERM or -EACCES with a record that names what is needed. */
PT_API int pt_probe_open(const struct pt_probe_options *o, struct pt_probe **out, struct pt_err *e) PT_MUST;
PT_API void pt_probe_close(struct pt_probe *p);
/* Where the probes come from; the MTU of the way as this machine knows it, 0: not known. */
PT_API struct pt_addr pt_probe_source(const struct pt_probe *p);
PT_API uint32_t pt_probe_mtu(const struct pt_probe *p);

/* Sends the next probe, with SIZE bytes of data and a TTL (0: the system's); NUMBER says which it is, also where it could not be
 * sent. -errno of sendmsg(2): -EMSGSIZE, -ENETUNREACH... */
PT_API int pt_probe_send(struct pt_probe *p, uint8_t ttl, uint32_t size, uint64_t tag, uint64_t *number) PT_MUST;

#define PT_PROBE_FDS 3
/* What to wait for; the number of places filled. */
PT_API nfds_t pt_probe_fds(const struct pt_probe *p, struct pollfd fds[PT_PROBE_FDS]);
/* All answers that are there; stops at and returns the first that is not 0 of FN. */
typedef int (*pt_probe_fn)(const struct pt_probe_answer *a, void *arg);
PT_API int pt_probe_receive(struct pt_probe *p, pt_probe_fn fn, void *arg);

/* ---- ping ---- */

struct pt_ping_options {
	struct pt_probe_options probe; /* ICMP */
	uint8_t ttl;
	uint32_t size;
	uint64_t count;       /* 0: until STOP_FD can be read */
	uint32_t interval;    /* microseconds */
	uint32_t timeout;     /* microseconds until a probe counts as lost */
	uint32_t deadline;    /* seconds, 0: none */
	bool flood;           /* the next one at once when an answer comes, INTERVAL is the longest wait */
	int stop_fd;          /* -1: none */
};

struct pt_ping_result {
	struct pt_probe_stats stats;
	struct pt_probe_histogram *histogram; /* the caller's, or NULL */
	uint64_t duplicates, reordered, truncated, corrupt, errors;
	uint64_t took;        /* nanoseconds */
};

enum pt_ping_event {
	PT_PING_ANSWER,  /* A is set */
	PT_PING_LOST,    /* A->number has had no answer within the time-out */
	PT_PING_UNSENT,  /* A->number could not be sent; ERROR says why */
};
struct pt_ping_listener {
	/* REORDERED: a later probe was answered before. Not 0: the end. */
	int (*fn)(enum pt_ping_event event, const struct pt_probe_answer *a, bool reordered, int error, void *arg);
	void *arg;
};

/* To the end of COUNT, DEADLINE or STOP_FD. R can be read by the listener meanwhile. 0 or -errno with a record. */
PT_API int pt_ping_run(struct pt_probe *p, const struct pt_ping_options *o, const struct pt_ping_listener *l,
		       struct pt_ping_result *r, struct pt_err *e) PT_MUST;

/* ---- the way to a host, hop by hop ---- */

struct pt_probe_names;

#define PT_TRACE_HOPS_MAX 255
#define PT_TRACE_QUERIES_MAX 10

struct pt_trace_options {
	struct pt_probe_options probe;
	uint8_t first, max;   /* hops */
	uint8_t queries;      /* probes a hop */
	uint16_t parallel;    /* probes on the way at once */
	uint32_t size;        /* of the data */
	uint32_t timeout;     /* microseconds; less where others answer quickly */
	bool mtu;             /* find the MTU of each part of the way: PROBE has DF and PROBE_MTU; one probe at a time */
	int stop_fd;
	struct pt_probe_names *names; /* NULL, or hops wait until those of their hosts are told */
};

struct pt_trace_query {
	bool answered;
	struct pt_probe_answer answer; /* of an error that is the trace's own matter (TTL exceeded), or the end */
};

struct pt_trace_hop {
	uint8_t ttl;
	uint8_t n;
	struct pt_trace_query queries[PT_TRACE_QUERIES_MAX];
	uint32_t mtu;         /* 0, or what somebody at this distance told that packets must not be longer than */
	struct pt_addr mtu_from;
};

enum pt_trace_end {
	PT_TRACE_REACHED,
	PT_TRACE_UNREACHABLE, /* somebody on the way said so */
	PT_TRACE_MAX,         /* hops */
	PT_TRACE_STOPPED,
};

/* Each hop in order, once it is known. Not 0 of FN: the end. */
typedef int (*pt_trace_fn)(const struct pt_trace_hop *h, void *arg);
/* MTU: of the whole way, where that was asked for. 0 or -errno with a record. */
PT_API int pt_trace_run(struct pt_probe *p, const struct pt_trace_options *o, pt_trace_fn fn, void *arg, enum pt_trace_end *end,
			uint32_t *mtu, struct pt_err *e) PT_MUST;

/* ---- the same again and again ---- */

#define PT_MTR_HOSTS_MAX 8 /* that are told for one hop */

struct pt_mtr_hop {
	uint8_t ttl;
	struct pt_probe_stats stats;
	struct pt_addr hosts[PT_MTR_HOSTS_MAX]; /* the one of the last answer first */
	size_t n_hosts;
	const char *mark;     /* of the last error that ends the way, or "" */
	struct pt_mpls labels[PT_MPLS_MAX];
	size_t n_labels;
};

struct pt_mtr;
struct pt_mtr_options {
	struct pt_probe_options probe;
	uint8_t first, max;
	uint32_t size;
	uint32_t interval, timeout; /* microseconds: of rounds; until a probe counts as lost */
	uint64_t count;             /* rounds, 0: no end */
};

PT_API int pt_mtr_open(const struct pt_mtr_options *o, struct pt_mtr **out, struct pt_err *e) PT_MUST;
PT_API void pt_mtr_close(struct pt_mtr *m);
PT_API struct pt_probe *pt_mtr_probe(struct pt_mtr *m);
/* Sends and hears what is due; the time until there is something again, or an answer may come: see pt_probe_fds(). Milliseconds;
 * -1: all rounds are over. -errno with a record in *rc. */
PT_API int pt_mtr_step(struct pt_mtr *m, int *rc, struct pt_err *e);
PT_API void pt_mtr_reset(struct pt_mtr *m);
PT_API void pt_mtr_pause(struct pt_mtr *m, bool on);
/* The hops that are known, from the first to the last that answered or the host itself. Hops whose probe is still on its way are
 * not counted as lost. */
PT_API size_t pt_mtr_hops(const struct pt_mtr *m, struct pt_mtr_hop *out, size_t max);
PT_API bool pt_mtr_reached(const struct pt_mtr *m);

/* ---- names ---- */

/* HOST: an address, one with a zone ("fe80::1%eth0"), or a name that the C library is asked for. A few forms are refused before it:
 * what begins with a dash, has control characters, or could not be a name. 0, -EINVAL, -ENOENT: no such name, with a record. */
PT_API int pt_probe_host(const char *host, enum pt_af af, struct pt_addr *out, uint32_t *zone, struct pt_err *e) PT_MUST;
/* All that it stands for, each once, in the order in which programs try them; *N is the room, at least 1, and then how many there are. */
PT_API int pt_probe_hosts(const char *host, enum pt_af af, struct pt_addr *out, uint32_t *zones, size_t *n, struct pt_err *e) PT_MUST;

/* What is wrong with HOST, before anybody is asked; NULL: it is an address, or may be a name. */
PT_API const char *pt_probe_host_wrong(const char *host);

/* Names of addresses, asked for beside the probes and without waiting: /etc/hosts, then the servers of /etc/resolv.conf. */
PT_API struct pt_probe_names *pt_probe_names_open(void);
PT_API void pt_probe_names_close(struct pt_probe_names *n);
PT_API nfds_t pt_probe_names_fds(const struct pt_probe_names *n, struct pollfd *fds, nfds_t max);
PT_API void pt_probe_names_receive(struct pt_probe_names *n);
/* The name as it was told, not to be shown but escaped; NULL: none yet, or none at all. The first call asks. */
PT_API const char *pt_probe_name(struct pt_probe_names *n, struct pt_addr a);
/* Nothing more will be heard about it, which takes two seconds a server at most. */
PT_API bool pt_probe_name_told(struct pt_probe_names *n, struct pt_addr a);
/* Exposed for fuzzing: the name in an answer to question ID about A, 0; -EBADMSG: none of ours, -ENOENT: it has none. */
PT_API int pt_probe_names_parse(const uint8_t *p, size_t n, uint16_t id, struct pt_addr a, char *name, size_t size) PT_MUST;

#endif
