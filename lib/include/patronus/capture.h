/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * capture - packets as they pass a device: out of the kernel or out of a file, taken apart, counted, joined to streams,
 * kept.
 *
 * Whatever takes packets apart is a pure function of their bytes, which anybody may have sent.
 */
#ifndef PATRONUS_CAPTURE_H
#define PATRONUS_CAPTURE_H

#include <patronus/addr.h>
#include <patronus/log.h>

/* ---- one packet, raw ---- */

enum pt_link { /* the link types of capture files that are known here */
	PT_LINK_NULL = 0,
	PT_LINK_ETHERNET = 1,
	PT_LINK_RAW_BSD = 12,
	PT_LINK_RAW = 101,
	PT_LINK_LOOP = 108,
	PT_LINK_COOKED = 113,
	PT_LINK_IP4 = 228,
	PT_LINK_IP6 = 229,
	PT_LINK_COOKED2 = 276,
};

struct pt_capture_packet {
	uint64_t time;       /* nanoseconds since the epoch */
	const uint8_t *data; /* from the link's header on */
	uint32_t n, size;    /* bytes there, and of the whole packet */
	uint16_t link;
	enum pt_dir dir;     /* NONE: not known */
	const char *device;  /* "": not known */
	const char *note;    /* the file's comment, N_NOTE bytes of anything; NULL: none */
	size_t n_note;
};

/* ---- filters of pcap-filter(7), compiled by libpcap, which is loaded when one is asked for ---- */

struct pt_capture_filter;
/* For packets of LINK with SNAP bytes of each. With DEVICE for the kernel's view of it: VLAN tags beside the packet. */
PT_API int pt_capture_filter_new(const char *text, uint16_t link, uint32_t snap, const char *device,
				 struct pt_capture_filter **out, struct pt_err *e) PT_MUST;
PT_API void pt_capture_filter_free(struct pt_capture_filter *f);
PT_API bool pt_capture_filter_match(const struct pt_capture_filter *f, const struct pt_capture_packet *p);

/* ---- from the kernel: a ring for each device ---- */

#define PT_CAPTURE_DEVICES 32
#define PT_CAPTURE_SNAP 262144
#define PT_CAPTURE_BUFFER ((uint64_t)16 << 20)

struct pt_capture_options {
	const char *devices[PT_CAPTURE_DEVICES]; /* "any" is all of them, with a header that they have in common */
	size_t n_devices;
	const char *filter;  /* NULL: none */
	uint32_t snap;       /* bytes of each packet */
	uint64_t buffer;     /* bytes of each device's ring */
	bool promiscuous;
	enum pt_dir dir;     /* NONE: both */
};

struct pt_capture;
PT_API int pt_capture_open(const struct pt_capture_options *o, struct pt_capture **out, struct pt_err *e) PT_MUST;
PT_API void pt_capture_close(struct pt_capture *c);
PT_API uint16_t pt_capture_link(const struct pt_capture *c, size_t device); /* that packets of it begin with */
/* Calls ON for each packet, ended by what ON returns if not 0, by STOP_FD (-ECANCELED) or at UNTIL of CLOCK_MONOTONIC
 * in nanoseconds (-ETIME; 0: never). PAUSE, which may be NULL, is called whenever nothing waits. */
typedef int (*pt_capture_on)(const struct pt_capture_packet *p, void *arg);
PT_API int pt_capture_run(struct pt_capture *c, int stop_fd, uint64_t until, pt_capture_on on, int (*pause)(void *arg),
			  void *arg, struct pt_err *e) PT_MUST;
/* So far: packets that met the filter, and those of them that found the ring full. */
PT_API void pt_capture_counts(struct pt_capture *c, uint64_t *packets, uint64_t *dropped);

/* ---- from a file: pcap or pcapng ---- */

struct pt_capture_reader;
/* FD stays the caller's. */
PT_API int pt_capture_reader_new(int fd, struct pt_capture_reader **out, struct pt_err *e) PT_MUST;
PT_API void pt_capture_reader_free(struct pt_capture_reader *r);
/* 1: OUT is valid until the next call; 0: the end, -EBADMSG: damage; or of read(2). */
PT_API int pt_capture_reader_next(struct pt_capture_reader *r, struct pt_capture_packet *out) PT_MUST;
PT_API bool pt_capture_reader_cut(const struct pt_capture_reader *r); /* the file ends within a packet */

/* ---- into files: pcapng ---- */

struct pt_capture_device {
	const char *name;
	uint16_t link;       /* that its packets begin with */
};
struct pt_capture_keep {
	const char *path;    /* "-": standard output */
	uint32_t files;      /* 0, 1: PATH; more: a ring of PATH.1 … PATH.N */
	uint64_t size;       /* of one file of a ring, bytes; 0: no limit */
	uint64_t time;       /* of one file of a ring, nanoseconds; 0: no limit */
	const char *about;   /* written into each file as its comment; NULL: none */
	struct pt_capture_device devices[PT_CAPTURE_DEVICES]; /* described in each file, also where no packet comes */
	size_t n_devices;
};
#define PT_CAPTURE_FILES 100

struct pt_capture_writer;
/* All files are made here, mode 0600, or none; one that is there already is left alone: -EEXIST. */
PT_API int pt_capture_writer_new(const struct pt_capture_keep *k, struct pt_capture_writer **out,
				 struct pt_err *e) PT_MUST;
/* RULE, which may be NULL, tells who judged the packet in the packet's comments, with what stands behind it. */
PT_API int pt_capture_writer_add(struct pt_capture_writer *w, const struct pt_capture_packet *p,
				 const struct pt_log_record *rule) PT_MUST;
/* After a failure the file ends with the last whole packet that was written, and nothing more is. */
PT_API int pt_capture_writer_flush(struct pt_capture_writer *w) PT_MUST;
PT_API uint64_t pt_capture_writer_bytes(const struct pt_capture_writer *w); /* written in all */
PT_API int pt_capture_writer_close(struct pt_capture_writer *w);

/* ---- taken apart ---- */

#define PT_SEEN_VLANS 4
#define PT_SEEN_EXTENSIONS 16

/* What is not there, because it was cut or is broken, is not said. */
struct pt_seen {
	bool has_macs;
	uint8_t from[6], to[6];
	uint16_t ethertype;        /* of what is behind the tags; 0: not known */
	uint16_t vlans[PT_SEEN_VLANS];
	size_t n_vlans;
	const uint8_t *network;    /* the network header on, cut to what the packet says it has */
	size_t n_network;
	struct pt_addr src, dst;   /* af NONE: not IP */
	uint8_t proto, hops;
	bool has_proto;
	uint8_t extensions[PT_SEEN_EXTENSIONS]; /* headers of IPv6 in their order */
	size_t n_extensions;
	bool fragment, more;       /* not the first one; more follow */
	uint32_t offset, id;       /* of a fragment */
	uint32_t length;           /* of the network packet, as its header says */
	const uint8_t *transport;  /* NULL: none, or a later fragment */
	size_t n_transport;
	uint32_t transport_length; /* as the headers say */
	bool has_ports, has_tcp;
	uint16_t sport, dport;
	uint8_t flags;             /* of TCP, with the next ones */
	uint32_t seq, ack;
	uint16_t window;
	const uint8_t *data;       /* of TCP and UDP */
	size_t n_data;
	uint32_t data_length;      /* as the headers say */
};
PT_API void pt_seen_read(uint16_t link, const uint8_t *p, size_t n, struct pt_seen *out);
/* What it is, in the shortest word: "tcp", "dns", "arp", "icmp6"; a constant. */
PT_API const char *pt_seen_kind(const struct pt_seen *s);
/* One line of it without time and device. Bytes of others are in it as they came: whoever shows it escapes. */
PT_API void pt_seen_words(const struct pt_seen *s, struct pt_buf *b);

/* ---- counted ---- */

#define PT_FLOWS_MAX 65536 /* more than that are counted together */

struct pt_flow {
	struct pt_addr a, b;       /* A sent first */
	uint16_t a_port, b_port;
	uint8_t proto;
	bool asks;                 /* ICMP's questions and their answers: by the number that they share */
	uint16_t id;
	uint64_t packets[2], bytes[2]; /* of A, of B */
	uint64_t first, last;
	const void *rule;          /* the caller's: what it found out when the flow began */
};
struct pt_flow_kind {
	const char *kind;
	uint64_t packets, bytes;
};
struct pt_flows;
PT_API struct pt_flows *pt_flows_new(void);
PT_API void pt_flows_free(struct pt_flows *f);
/* The flow of it, NULL: none, or too many. */
PT_API struct pt_flow *pt_flows_add(struct pt_flows *f, const struct pt_capture_packet *p, const struct pt_seen *s,
				    int *rc);
/* Most bytes first; *N in all. They are valid until more is added. */
PT_API const struct pt_flow *pt_flows_top(struct pt_flows *f, size_t *n);
PT_API const struct pt_flow_kind *pt_flows_kinds(struct pt_flows *f, size_t *n);
PT_API uint64_t pt_flows_packets(const struct pt_flows *f);
PT_API uint64_t pt_flows_bytes(const struct pt_flows *f);
PT_API uint64_t pt_flows_uncounted(const struct pt_flows *f); /* packets of flows beyond PT_FLOWS_MAX */

/* ---- one connection of TCP, joined ---- */

enum pt_joined_what { PT_JOINED_DATA, PT_JOINED_GAP, PT_JOINED_OPEN, PT_JOINED_FIN, PT_JOINED_RESET };
struct pt_joined {
	enum pt_joined_what what;
	unsigned int side;         /* 0: who was seen first, or sent the SYN */
	const uint8_t *data;
	size_t n;                  /* GAP: bytes that were not captured */
	uint64_t time;
};
struct pt_join_ends {
	struct pt_addr addr[2];
	uint16_t port[2];
	uint64_t again[2], ahead[2]; /* segments sent again, and out of order */
	uint64_t bytes[2], missing[2];
	bool found, ended;         /* both sides, or by a reset */
};
struct pt_join;
/* The NUMBERth connection that is met, from 1. ON returns 0 to go on. */
PT_API struct pt_join *pt_join_new(uint64_t number, int (*on)(const struct pt_joined *j, void *arg), void *arg);
PT_API void pt_join_free(struct pt_join *j);
PT_API int pt_join_add(struct pt_join *j, uint64_t time, const struct pt_seen *s) PT_MUST;
PT_API int pt_join_end(struct pt_join *j) PT_MUST; /* what waits for missing bytes comes now */
PT_API const struct pt_join_ends *pt_join_ends(const struct pt_join *j);

#endif
