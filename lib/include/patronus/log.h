/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log - logged packets: from the kernel, into files, and back for whoever asks.
 *
 * A record is kept as a block of a pcapng file, its identity in the block's comment, so that the store is also
 * what Wireshark and tcpdump read.
 */
#ifndef PATRONUS_LOG_H
#define PATRONUS_LOG_H

#include <patronus/addr.h>
#include <patronus/nl.h>
#include <patronus/policy.h>

#define PT_LOG_KEEP 128 /* bytes of a packet that are kept unless more are asked for: all headers */
#define PT_LOG_KEEP_MAX 16384
#define PT_LOG_DEVICE_MAX 16
#define PT_LOG_PREFIX_MAX 128 /* of the kernel */
#define PT_LOG_GENERATION 16 /* hexadecimal digits of a file's digest */

/* ---- one packet ---- */

/* What the headers say. What they do not, because the packet was cut, is a later fragment or broken, is not there. */
struct pt_log_packet {
	struct pt_addr src, dst;  /* af NONE: not IP, and nothing below */
	uint8_t proto, hops;
	bool has_proto;           /* no when IPv6 headers go on beyond what was kept */
	bool fragment;            /* not the first one */
	bool has_ports, has_flags, has_icmp;
	uint16_t sport, dport;
	uint8_t flags;            /* of TCP */
	uint8_t icmp_type, icmp_code;
	uint32_t length;          /* of the whole packet, as its header says */
};
/* P may be cut anywhere. */
PT_API void pt_log_packet(const uint8_t *p, size_t n, struct pt_log_packet *out);
/* Bytes of IPv6's header of kind NEXT at P, of which two are read; 0: it is none that others follow. */
PT_API size_t pt_log_extension_size(uint8_t next, const uint8_t *p);

/* ---- one record ---- */

/* Strings are never NULL, and borrowed from where the record came from. */
struct pt_log_record {
	uint64_t time;            /* nanoseconds since the epoch */
	bool ours;                /* ACTION, DIR and RULE are known; else RULE is what another program wrote */
	enum pt_action action;
	enum pt_dir dir;          /* of the packet: the answers to what came in go out */
	const char *rule;
	const char *file;         /* where the rule stood, "" and line 0: not known */
	uint32_t line;
	char generation[PT_LOG_GENERATION + 1]; /* of that file, "" not known */
	const char *in, *out;     /* devices, "" none */
	const char *on;           /* what the file calls the device that it was judged on, "" nothing else */
	uint64_t number;          /* of the record, from 1 on, since whoever wrote it began; 0: none */
	uint64_t lost;            /* packets before this one that could not be recorded */
	const uint8_t *data;      /* the packet, cut */
	uint32_t n, size;         /* bytes there, and of the whole packet */
	struct pt_log_packet packet; /* of one that begins with its network header */
	const char *by;           /* who judged it, where that was not the kernel; NULL: the kernel */
	uint16_t link;            /* of the link type that DATA begins with; writing: 0 is none, as of logged ones */
	bool captured;            /* writing: SEEN_ON, SEEN and NOTE are heeded; else it is judged where it was seen */
	const char *seen_on;      /* the device that a captured packet was seen on, NULL: the one of the judgement */
	enum pt_dir seen;         /* and its way there: it may answer the packet that was judged; NONE: not known */
	const char *note;         /* reading: all comments, N_NOTE bytes of anything; writing: one more; NULL: none */
	size_t n_note;
	const struct pt_log_record *then; /* writing: the next judgement of it, a comment too; NULL: none */
};

/* ---- listening ---- */

/* One message of the kernel. -EBADMSG: not a logged packet. */
struct pt_log_message {
	char prefix[PT_LOG_PREFIX_MAX]; /* cut where it is longer */
	uint32_t in, out;         /* indexes of devices, 0: none */
	uint64_t time;            /* 0: the kernel did not tell */
	uint32_t seq;
	bool has_seq;
	enum pt_dir dir;          /* by the hook; NONE: of none that is known */
	const uint8_t *data;
	size_t n;
};
PT_API int pt_log_parse(const struct nlmsghdr *nlh, struct pt_log_message *m) PT_MUST;

/* What is logged to GROUP comes to NF from now on, KEEP bytes of each packet, numbered, for pt_nl_event(). Each
 * group has one listener: -EBUSY. */
PT_API int pt_log_bind(struct pt_nl *nf, uint16_t group, uint32_t keep, struct pt_err *e) PT_MUST;
/* No more of it; what was on its way is in NF then. */
PT_API int pt_log_unbind(struct pt_nl *nf, uint16_t group) PT_MUST;

/* The numbers of messages tell what was lost between them. All zero at first: a listener's first number is 0. */
struct pt_log_seq {
	uint32_t next;
};
PT_API uint32_t pt_log_lost(struct pt_log_seq *s, uint32_t seq); /* just before SEQ */

/* ---- the comment of a record, as text ---- */

PT_API void pt_log_comment(struct pt_buf *b, const struct pt_log_record *r);
/* Into R; its strings are of A. Unknown words are left out. -EINVAL: not our comment; -ENOMEM. */
PT_API int pt_log_comment_parse(const char *s, size_t n, struct pt_arena *a, struct pt_log_record *r) PT_MUST;

/* ---- pcapng ---- */

/* Blocks are appended to buffers. A section is begun by the first record, and anew when it has too many devices. */
struct pt_pcapng_device {
	char name[PT_LOG_DEVICE_MAX];
	char on[PT_LOG_DEVICE_MAX];
	uint16_t link;
};
struct pt_pcapng {
	bool begun;
	const char *application;  /* that writes, NULL: ptfw */
	const char *about;        /* comment of each section, NULL: none */
	PT_VEC(struct pt_pcapng_device) devices;
	struct pt_buf comment;
};
/* A failure is in B->err. */
PT_API void pt_pcapng_add(struct pt_pcapng *w, struct pt_buf *b, const struct pt_log_record *r);
/* Describes a device before any packet of it, so that a file without packets says what it is of, too. */
PT_API void pt_pcapng_device(struct pt_pcapng *w, struct pt_buf *b, const char *name, uint16_t link);
PT_API void pt_pcapng_begin(struct pt_pcapng *w, struct pt_buf *b); /* a section, if none is begun */
PT_API void pt_pcapng_restart(struct pt_pcapng *w); /* the next record begins a section */
PT_API void pt_pcapng_fini(struct pt_pcapng *w);

/* Reads FD from its beginning by pread(2); it stays the caller's. NULL: no memory. */
struct pt_pcapng_reader;
PT_API struct pt_pcapng_reader *pt_pcapng_reader_new(int fd);
PT_API void pt_pcapng_reader_free(struct pt_pcapng_reader *r);
/* 1: a record, valid until the next call; 0: no whole block is left (there may be later), -EBADMSG: what comes is no
 * block, or none of pcapng; -ENOMEM, or of read(2). Packets that are not ours have no comment. */
PT_API int pt_pcapng_next(struct pt_pcapng_reader *r, struct pt_log_record *out) PT_MUST;
/* The end of the last whole block. */
PT_API uint64_t pt_pcapng_offset(const struct pt_pcapng_reader *r);

/* ---- the store: a ring of files ---- */

#define PT_LOG_DIR "/var/log/patronus"
#define PT_LOG_FILE "filter.pcapng"
#define PT_LOG_FILES 8 /* PT_LOG_FILE, the newest, PT_LOG_FILE.1 … */
#define PT_LOG_SIZE ((uint64_t)64 << 20) /* of all together, unless told otherwise */
#define PT_LOG_SIZE_MIN ((uint64_t)64 << 10)

/* For writing. One process at a time: -EWOULDBLOCK. What a crash has left half-written is cut off. */
struct pt_log_store;
PT_API int pt_log_store_open(const char *dir, uint64_t size, struct pt_log_store **out, struct pt_err *e) PT_MUST;
/* Keeps R until the next flush; numbers it. -ENOMEM. */
PT_API int pt_log_store_add(struct pt_log_store *s, const struct pt_log_record *r) PT_MUST;
PT_API size_t pt_log_store_waiting(const struct pt_log_store *s); /* bytes */
/* Writes what waits, all or nothing. After a failure that is gone, and the next record tells it as lost. */
PT_API int pt_log_store_flush(struct pt_log_store *s) PT_MUST;
PT_API uint64_t pt_log_store_dropped(const struct pt_log_store *s); /* by failures, so far */
PT_API void pt_log_store_close(struct pt_log_store *s);
/* Somebody has the store in DIR open for writing. */
PT_API bool pt_log_store_live(const char *dir);

/* For reading: a store, or one pcapng file. From the oldest record, or with TAIL what comes from now on. */
struct pt_log_reader;
PT_API int pt_log_reader_open(const char *path, bool tail, struct pt_log_reader **out, struct pt_err *e) PT_MUST;
/* As pt_pcapng_next(); goes on from file to file, also when they are exchanged meanwhile. A damaged file is left
 * at the damage. */
PT_API int pt_log_reader_next(struct pt_log_reader *r, struct pt_log_record *out) PT_MUST;
PT_API uint64_t pt_log_reader_missed(const struct pt_log_reader *r); /* records that went before they were read */
PT_API size_t pt_log_reader_damaged(const struct pt_log_reader *r);  /* files */
PT_API void pt_log_reader_close(struct pt_log_reader *r);

/* ---- filters ---- */

/* All conditions hold. */
struct pt_log_filter {
	PT_VEC(struct pt_prefix) nets; /* either end */
	PT_VEC(uint16_t) ports;   /* either end */
	bool has_proto, has_action;
	uint8_t proto;
	enum pt_action action;
	enum pt_dir dir;          /* NONE: both */
	const char *label, *interface;
	enum pt_af af;            /* NONE: both */
	uint64_t since;           /* nanoseconds since the epoch */
	uint64_t last;            /* records, for the caller; 0: all */
};
/* Names of the filters' words; NULL behind the last. */
PT_API const char *pt_log_filter_word(size_t i);
/* KEY may be any beginning that only one word has. VALUE is borrowed; NOW for `since`. -EINVAL with a record, -ENOMEM. */
PT_API int pt_log_filter_set(struct pt_log_filter *f, const char *key, const char *value, uint64_t now,
			     struct pt_err *e) PT_MUST;
PT_API bool pt_log_filter_match(const struct pt_log_filter *f, const struct pt_log_record *r);
PT_API void pt_log_filter_fini(struct pt_log_filter *f);

/* ---- summary ---- */

enum pt_log_sum_kind { PT_LOG_SUM_RULE, PT_LOG_SUM_SOURCE, PT_LOG_SUM_TARGET, PT_LOG_SUM_PORT, PT_LOG_SUM_MINUTE };
#define PT_LOG_SUM_KINDS 5

struct pt_log_sum_row {
	enum pt_log_sum_kind kind;
	const char *rule;         /* RULE; ACTION and DIR with it */
	const char *file;
	uint32_t line;
	bool ours;
	enum pt_action action;
	enum pt_dir dir;
	struct pt_addr addr;      /* SOURCE, TARGET */
	uint8_t proto;            /* PORT */
	uint16_t port;            /* PORT: of the destination */
	uint64_t minute;          /* MINUTE: since the epoch */
	uint64_t packets, bytes;
};

struct pt_log_sum;
PT_API struct pt_log_sum *pt_log_sum_new(void); /* NULL: no memory */
PT_API void pt_log_sum_free(struct pt_log_sum *s);
PT_API int pt_log_sum_add(struct pt_log_sum *s, const struct pt_log_record *r) PT_MUST;
/* Rows of a KIND, most packets first; minutes in time. They live as long as S and until more is added. */
PT_API const struct pt_log_sum_row *pt_log_sum_rows(struct pt_log_sum *s, enum pt_log_sum_kind kind, size_t *n);
PT_API uint64_t pt_log_sum_packets(const struct pt_log_sum *s);
PT_API uint64_t pt_log_sum_bytes(const struct pt_log_sum *s);
PT_API uint64_t pt_log_sum_lost(const struct pt_log_sum *s);

#endif
