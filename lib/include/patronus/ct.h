/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct - the kernel's states over ctnetlink.
 *
 * Patronus writes the 128-bit connection label once, when a judgement makes a state (see nft.h):
 * words 1 and 2 name the rules.
 */
#ifndef PATRONUS_CT_H
#define PATRONUS_CT_H

#include <patronus/addr.h>
#include <patronus/nl.h>

struct pt_ct_tuple {
	struct pt_addr src, dst;
	uint16_t sport, dport;  /* or ICMP: sport = id, dport = type << 8 | code */
};

struct pt_ct_entry {
	uint8_t proto;
	uint8_t tcp_state;      /* enum tcp_conntrack of the kernel; 0 for other protocols */
	struct pt_ct_tuple orig, reply;
	uint32_t status;        /* IPS_* */
	uint32_t timeout;       /* seconds left */
	uint32_t mark, id;
	uint16_t zone;          /* 0 unless something else made zones */
	uint32_t label[4];      /* zero without labels */
	bool has_label;         /* it has room for one: only states made after the first rule that asks for labels have */
	uint64_t packets[2], bytes[2]; /* orig, reply; zero without accounting */
	bool has_counters;
	uint64_t start, stop;   /* nanoseconds since the epoch; 0 where the kernel keeps no times, or none yet */
};

typedef int (*pt_ct_cb)(const struct pt_ct_entry *ct, void *arg);

/* Streams every state of both families at constant memory. A filter on the kernel's side where possible. */
PT_API int pt_ct_dump(struct pt_nl *nf, pt_ct_cb cb, void *arg, struct pt_err *e) PT_MUST;
PT_API int pt_ct_count(struct pt_nl *nf, uint64_t *n, uint64_t *max, struct pt_err *e) PT_MUST;
/* Ends one state (matched by tuple and id, so a successor is safe). -ENOENT: already gone. */
PT_API int pt_ct_delete(struct pt_nl *nf, const struct pt_ct_entry *ct) PT_MUST;
/* Adds the bits of BITS to its label. -ENOENT: it is gone. */
PT_API int pt_ct_label(struct pt_nl *nf, const struct pt_ct_entry *ct, const uint32_t bits[4]) PT_MUST;
/* Makes an established TCP state from ORIG, REPLY, LABEL and TIMEOUT of CT; its window is not known, so that it
 * is not checked. -EEXIST: the tuple has a state already. */
PT_API int pt_ct_create_tcp(struct pt_nl *nf, const struct pt_ct_entry *ct) PT_MUST;
/* Exposed for fuzzing: one message into an entry; -EBADMSG. */
PT_API int pt_ct_parse(const struct nlmsghdr *nlh, struct pt_ct_entry *ct) PT_MUST;
PT_API const char *pt_ct_tcp_state_name(uint8_t st);
/* Do the states of protocol PROTO have ports? */
PT_API bool pt_ct_has_ports(uint8_t proto);
/* Is an end translated: the source (reply goes elsewhere), the destination (reply comes from elsewhere)? */
PT_API bool pt_ct_source_translated(const struct pt_ct_entry *ct);
PT_API bool pt_ct_target_translated(const struct pt_ct_entry *ct);

/* ---- which states are meant ---- */

/* Words of a filter, each with a value behind it. All conditions must hold; a word may come again. */
#define PT_CT_FILTER_WORDS \
	"host, network, src, dst, nat, port, sport, dport, interface, label, mark, proto, state, age, expires"
struct pt_ct_word {
	const char *name, *value, *help;
	const char *const *values; /* all there are, ends with NULL; NULL: too many */
};
PT_API const struct pt_ct_word *pt_ct_filter_word(size_t i); /* NULL behind the last */

/* What a filter asks about names. A function that is missing knows none. */
struct pt_ct_world {
	int (*rule)(void *arg, const char *name, uint32_t *id);            /* -ENOENT: no such rule */
	int (*device)(void *arg, const char *name, const char **device);   /* of an interface; -ENOENT */
	const char *(*route)(void *arg, struct pt_addr a);                 /* device that packets to A leave by */
	void *arg;
};

struct pt_ct_cond {
	const struct ct_word *word;
	struct pt_prefix net;
	uint64_t lo, hi;      /* range; of mark: value and mask */
	const char *device;   /* borrowed from the world */
};

/* Zeros, with a family, the world and the time where they matter, are a filter that means every state. */
struct pt_ct_filter {
	PT_VEC(struct pt_ct_cond) conds;
	enum pt_af af;        /* NONE: both */
	uint64_t now;         /* nanoseconds since the epoch, for ages */
	struct pt_ct_world world;
};
/* WORD may be shortened. -EINVAL, -ENOENT for what is not there, -ENOMEM; with a record. */
PT_API int pt_ct_filter_add(struct pt_ct_filter *f, const char *word, const char *value, struct pt_err *e) PT_MUST;
PT_API void pt_ct_filter_fini(struct pt_ct_filter *f);
PT_API bool pt_ct_filter_empty(const struct pt_ct_filter *f);
/* Does a condition of F ask for the age? Then the kernel must keep times, see struct pt_ct_settings. */
PT_API bool pt_ct_filter_asks_age(const struct pt_ct_filter *f);
PT_API bool pt_ct_match(const struct pt_ct_filter *f, const struct pt_ct_entry *ct);

/* ---- sums over the hosts ---- */

enum pt_ct_kind { PT_CT_TCP, PT_CT_UDP, PT_CT_ICMP, PT_CT_OTHER, PT_CT_KINDS };
PT_API const char *pt_ct_kind_name(enum pt_ct_kind kind);

struct pt_ct_host {
	struct pt_addr addr;
	uint64_t states, of[PT_CT_KINDS];
	uint64_t packets[2], bytes[2]; /* [0] sent by the host, [1] to it */
};
/* Memory grows with the number of hosts, not of states. NULL: no memory. */
struct pt_ct_hosts;
PT_API struct pt_ct_hosts *pt_ct_hosts_new(bool by_target);
PT_API void pt_ct_hosts_free(struct pt_ct_hosts *h);
PT_API int pt_ct_hosts_add(struct pt_ct_hosts *h, const struct pt_ct_entry *ct) PT_MUST;
/* The sum over all hosts, how many there are, and how many of the states have no counters. */
PT_API const struct pt_ct_host *pt_ct_hosts_all(const struct pt_ct_hosts *h, size_t *n_hosts, size_t *n_uncounted);
enum pt_ct_host_key { PT_CT_HOST_BYTES, PT_CT_HOST_PACKETS, PT_CT_HOST_STATES, PT_CT_HOST_ADDRESS };
/* All of them, most first, or by address. Valid until the next call with H. */
PT_API const struct pt_ct_host *pt_ct_hosts_sorted(struct pt_ct_hosts *h, enum pt_ct_host_key key);

/* ---- rates: what happened between two looks ---- */

struct pt_ct_rate {
	uint64_t packets, bytes; /* a second, both directions */
	bool known;
};
/* What each state had counted when it was looked at last. NULL: no memory. */
struct pt_ct_rates;
PT_API struct pt_ct_rates *pt_ct_rates_new(void);
PT_API void pt_ct_rates_free(struct pt_ct_rates *r);
/* A look begins at NOW (nanoseconds, of a clock that only goes forward). -ENOMEM. */
PT_API int pt_ct_rates_begin(struct pt_ct_rates *r, uint64_t now) PT_MUST;
/* One state of this look. One that was not there at the last look began after it; at the first look no
 * rate is known. */
PT_API int pt_ct_rates_add(struct pt_ct_rates *r, const struct pt_ct_entry *ct, struct pt_ct_rate *out) PT_MUST;
/* Of this look: states, those that came and those that went since the last, and the rate of all. */
struct pt_ct_turn {
	uint64_t states, came, went;
	struct pt_ct_rate rate;
};
PT_API void pt_ct_rates_turn(const struct pt_ct_rates *r, struct pt_ct_turn *out);

/* The first so many states in an order. */
struct pt_ct_row {
	struct pt_ct_entry ct;
	struct pt_ct_rate rate;
};
enum pt_ct_order { PT_CT_BY_RATE, PT_CT_BY_BYTES, PT_CT_BY_PACKETS, PT_CT_BY_AGE, PT_CT_BY_EXPIRY, PT_CT_BY_SOURCE,
		   PT_CT_BY_DESTINATION, PT_CT_ORDERS };
struct pt_ct_rank {
	enum pt_ct_order order;
	size_t max;
	PT_VEC(struct pt_ct_row) rows;
};
PT_API int pt_ct_rank_add(struct pt_ct_rank *k, const struct pt_ct_entry *ct, const struct pt_ct_rate *rate) PT_MUST;

/* ---- events ---- */

enum pt_ct_what { PT_CT_CAME, PT_CT_CHANGED, PT_CT_WENT };
struct pt_ct_watcher {
	/* A state came, its TCP state, answer or assurance changed, or it went. Its labels and mark are those known
	 * of it, also where the kernel does not tell them again. */
	int (*event)(enum pt_ct_what what, const struct pt_ct_entry *ct, void *arg);
	int (*lost)(uint64_t n, void *arg); /* N events came faster than they were read */
	int (*idle)(void *arg);             /* nothing more waits for now */
	void *arg;
};
/* Tells what happens to the states until a callback stops it or FD_STOP becomes readable. NF reads what is there
 * already; EVENTS is made a listener. Memory: 32 bytes a state or so. */
PT_API int pt_ct_watch(struct pt_nl *nf, struct pt_nl *events, int fd_stop, const struct pt_ct_watcher *w,
		       struct pt_err *e) PT_MUST;

/* ---- the table as a whole ---- */

/* Sums over the processors, since the namespace was made. What Linux counts in each release differs; what it
 * does not count is 0. */
struct pt_ct_stats {
	uint64_t found, invalid, insert, insert_failed, drop, early_drop, error, search_restart, clash_resolve,
		chain_too_long;
};
PT_API int pt_ct_stats(struct pt_nl *nf, struct pt_ct_stats *out, struct pt_err *e) PT_MUST;

struct pt_ct_settings {
	bool acct;       /* new states count packets and bytes */
	bool timestamp;  /* new states know when they began */
	bool events;     /* states tell events */
	uint64_t buckets, expect_max;
};
/* What /proc says; false and 0 where it does not. */
PT_API void pt_ct_settings(struct pt_ct_settings *out);

#endif
