/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conf - the common file: one schema table, libconfuse parsing from memory,
 * a typed model, and the source map that says where everything stands.
 */
#ifndef PATRONUS_CONF_H
#define PATRONUS_CONF_H

#include <patronus/addr.h>
#include <patronus/base.h>
#include <patronus/geoip.h>
#include <patronus/rule.h>

#define PT_CONF_PATH "/etc/patronus/patronus.conf"

/* ---- schema ---- */

enum pt_opt_type {
	PT_OPT_BOOL,
	PT_OPT_STR,
	PT_OPT_LIST,     /* of strings */
	PT_OPT_DURATION, /* string, pt_parse_duration() */
	PT_OPT_NUMBER,   /* string, decimal or with 0x: MIN to MAX */
	PT_OPT_WORD,     /* string, one of WORDS */
	PT_OPT_SECTION,
};

struct pt_schema; /* one row */
/* Checks one string value (each element of a list); adds records; 0 or -EINVAL. */
typedef int (*pt_opt_check)(const char *value, const struct pt_loc *loc, struct pt_err *e);

struct pt_schema {
	const char *name;
	enum pt_opt_type type;
	bool titled;              /* section NAME { } ; titles are unique */
	bool secret;              /* its value is for no history and no log */
	const char *def;          /* default as written in the file, NULL: none */
	const char *unit;         /* "seconds", NULL */
	const char *range;        /* for people: "1 to 15 characters" */
	const char *help;         /* one line, no final stop */
	const char *complete;     /* word class for completion: "interface", "file", "address", NULL */
	pt_opt_check check;
	uint64_t min, max;        /* NUMBER; DURATION where MAX is not 0, in seconds */
	const char *const *words; /* WORD; ends with NULL */
	uint32_t kinds;           /* of interface: mask of the kinds of links that take it, by enum pt_link_kind; 0: all */
	/* sections only */
	pt_opt_check check_title;
	const struct pt_schema *options; /* ends with a NULL name */
};

/* The whole file: sections at top level; ends with a NULL name. */
PT_API extern const struct pt_schema pt_conf_schema[];
/* The options of a section, "interface", and one of them; NULL: there is no such one. */
PT_API const struct pt_schema *pt_conf_options(const char *section);
PT_API const struct pt_schema *pt_conf_option(const char *section, const char *option);

/* One value of an option, an element of a list, by its row alone: its type, range, words and CHECK. What it names may be missing,
 * and rules are not read. 0, -EINVAL with records at LOC, -ENOMEM. */
PT_API int pt_conf_value_check(const struct pt_schema *option, const char *value, const struct pt_loc *loc, struct pt_err *e) PT_MUST;

/* ---- model; everything lives in the configuration's arena ---- */

/* A string of the file with the place of its first byte (inside the quotes). */
struct pt_conf_str {
	const char *s;
	struct pt_loc loc;
	size_t raw; /* offset of that byte in the file, for pt_conf_locate() */
};

struct pt_conf_strs {
	struct pt_conf_str *v;
	size_t n, cap;
};

/* One rule. Its text, LEN bytes without an end, stands in the file as it is, or where it has escapes
 * in memory of its own. */
struct pt_conf_rule {
	const char *s;
	uint32_t len;
	uint32_t raw, line, col; /* of its first byte, as in struct pt_conf_str */
};

/* The rules of one anchor, below the places that name it. */
struct pt_conf_anchor {
	const char *path;        /* "ftp-proxy/21" */
	size_t source;           /* where its rules stand: index into sources */
	bool loaded;             /* by a program, not written in the file */
	struct pt_loc loc;       /* of the title; line 0 where it was loaded */
	PT_VEC(struct pt_conf_rule) rules;
};
#define PT_ANCHOR_MAX 4096                   /* loaded ones */
#define PT_ANCHOR_SIZE_MAX ((size_t)1 << 20) /* bytes of one */

/* One text that the configuration was made of. */
struct pt_conf_source {
	const char *file;        /* in messages; of a loaded anchor "anchor PATH" unless its loader says otherwise */
	const char *anchor;      /* path of the anchor that was loaded with it; NULL: part of the file */
	const char *text;
	size_t len;
};

/* What a link is. The words of `type`, in this order, are those of ip-link(8). */
enum pt_link_kind {
	PT_LINK_PHYSICAL, /* hardware, or made by somebody else */
	PT_LINK_VLAN,
	PT_LINK_BRIDGE,
	PT_LINK_BOND,
	PT_LINK_VXLAN,
	PT_LINK_GRE,
	PT_LINK_GRETAP,
	PT_LINK_IP6GRE,
	PT_LINK_IP6GRETAP,
	PT_LINK_IPIP,
	PT_LINK_SIT,
	PT_LINK_IP6TNL,
	PT_LINK_VETH,
	PT_LINK_DUMMY,
	PT_LINK_MACVLAN,
	PT_LINK_VRF,
	PT_LINK_IFB,
	PT_LINK_KINDS
};
PT_API extern const char *const pt_link_kinds[]; /* their words; ends with NULL */

/* How an interface gets its addresses, beside those that are written. */
#define PT_IF_DHCP4 (1u << 0)
#define PT_IF_DHCP6 (1u << 1)
#define PT_IF_SLAAC (1u << 2) /* from router advertisements */

/* An option of a link as it is written; a list has one of these for each of its values, in order. */
struct pt_conf_option {
	const struct pt_schema *row;
	const char *s;
	uint64_t number;         /* NUMBER; BOOL: 0 or 1; WORD: its place among the row's; DURATION: seconds */
	struct pt_loc loc;
};

/* "10-20 untagged", of the ports of a bridge. */
struct pt_conf_vlans {
	unsigned int from, to;   /* 1 to 4094 */
	bool pvid, untagged;
};
#define PT_CLIENT_ID_MAX 48
/* The bytes of a client identifier: those written as 01:02:…, or a zero and the text. -EINVAL: it is neither, or too long. */
PT_API int pt_conf_client_id(const char *s, uint8_t out[PT_CLIENT_ID_MAX], size_t *n) PT_MUST;
/* "lan 1": the second network of a delegated prefix is for interface lan. -EINVAL. */
struct pt_conf_delegate {
	char interface[16];
	uint16_t number;
};
PT_API int pt_conf_delegate_parse(const char *s, struct pt_conf_delegate *out) PT_MUST;
PT_API int pt_conf_vlans_parse(const char *s, struct pt_conf_vlans *out) PT_MUST;

struct pt_conf_if {
	const char *name;        /* title */
	const char *device;      /* kernel name; default: the title */
	PT_VEC(struct pt_prefix) addresses; /* static ones, host bits kept */
	bool dhcp;               /* "dhcp", "auto" or no address at all: ask the kernel */
	uint8_t ways;            /* PT_IF_* that are written */
	enum pt_link_kind kind : 8;
	PT_VEC(struct pt_conf_option) options; /* of links, as written */
	struct pt_conf_strs groups;
	const char *description;
	struct pt_loc loc;
};

struct pt_conf_table {
	const char *name;
	struct pt_conf_strs addresses; /* "10.0.0.0/8", "!10.1.0.0/16", "10.0.0.1-10.0.0.9" */
	struct pt_conf_strs names;     /* of hosts, written among the addresses */
	struct pt_conf_strs countries; /* "DE" */
	const char *file;              /* or NULL */
	struct pt_loc file_loc;
	bool persist, constant, counters;
	uint32_t timeout;              /* seconds, 0: none */
	struct pt_loc loc;
};

/* network { routes = ... }: a route in the words of ip-route(8). */
enum pt_route_type { PT_ROUTE_UNICAST, PT_ROUTE_BLACKHOLE, PT_ROUTE_UNREACHABLE, PT_ROUTE_PROHIBIT };
#define PT_TABLE_MAIN 254
#define PT_ROUTE_HOPS_MAX 64

struct pt_conf_hop {
	struct pt_addr via;      /* af NONE: the link itself */
	const char *dev;         /* interface of the file, or "lo"; NULL: by VIA */
	uint16_t weight;         /* 1 to 256, of several */
	bool onlink;
};

struct pt_conf_route {
	enum pt_route_type type : 8;
	struct pt_prefix dst;    /* no host bits */
	struct pt_addr src;      /* preferred source, af NONE: by the link */
	uint32_t table, metric, mtu; /* TABLE at least 1; 0: the kernel's */
	uint32_t n_hops;
	const struct pt_conf_hop *hops;
	struct pt_loc loc;
};

/* network { rules = ... }: a rule of the policy for routes in the words of ip-rule(8). */
struct pt_conf_route_rule {
	enum pt_af af;
	bool neg;
	struct pt_prefix from, to; /* length 0: any */
	const char *iif, *oif;   /* NULL: any */
	uint32_t mark, mask;     /* MASK 0: any */
	uint8_t tos, proto;      /* 0: any */
	uint16_t sport_lo, sport_hi, dport_lo, dport_hi; /* HI 0: any */
	uint32_t priority;       /* 20000 to 20999; 0: by its place */
	enum pt_route_type type : 8; /* UNICAST: lookup TABLE */
	uint32_t table;
	struct pt_loc loc;
};
#define PT_RULE_PRIORITY_LO 20000
#define PT_RULE_PRIORITY_HI 20999

/* shaper NAME { ... }: who waits at an interface, and how long. Rates are bytes a second. The words of `type` are those of tc(8). */
enum pt_shaper_type { PT_SHAPER_CAKE, PT_SHAPER_FQ_CODEL, PT_SHAPER_HTB, PT_SHAPER_TBF };
enum pt_cells { PT_CELLS_NONE, PT_CELLS_ATM, PT_CELLS_PTM }; /* what a link makes of packets */
enum pt_leaf { PT_LEAF_FQ_CODEL, PT_LEAF_FIFO };

/* each = source|destination: every host has a limit of its own. */
#define PT_CONF_EACH_NETS 16
struct pt_conf_each {
	bool on, source;
	uint64_t rate;           /* bytes a second */
	PT_VEC(struct pt_prefix) of; /* hosts that are meant; none: all */
	uint8_t len4, len6;      /* bits of an address that make a host */
	uint32_t hosts;          /* at the same time */
	struct pt_loc loc;
};

struct pt_conf_shaper {
	const char *name;
	PT_VEC(struct pt_conf_option) options; /* as written */
	const struct pt_conf_if *interface;    /* NULL: it is missing, an error */
	bool in;                 /* packets that arrive; else those that leave */
	enum pt_shaper_type type : 8;
	enum pt_leaf leaf : 8;
	enum pt_cells cells : 8;
	bool framed;             /* OVERHEAD, MPU and CELLS are known */
	int overhead;            /* bytes of the link's frame around an IP packet */
	uint32_t mpu;            /* shortest frame, 0: any */
	uint64_t bandwidth;      /* 0: without a limit */
	unsigned int diffserv;   /* place of the word in the schema */
	bool per_host, nat, wash, ack_filter, ecn;
	bool force;              /* takes the place of what somebody else put there */
	uint32_t rtt, latency;   /* microseconds; 0: not given */
	uint32_t burst;          /* bytes; 0: by the rate */
	struct pt_conf_each each;
	struct pt_loc loc;
};

/* queue NAME { ... }: a class of a shaper, which rules name. */
struct pt_conf_queue {
	const char *name;
	PT_VEC(struct pt_conf_option) options;
	const struct pt_conf_shaper *shaper;   /* NULL: it is missing, an error */
	const struct pt_conf_queue *parent;    /* NULL: the shaper */
	bool inner;              /* others have it as their parent */
	bool fallback;           /* for packets of no queue */
	enum pt_leaf leaf : 8;
	uint64_t rate, ceil;
	uint32_t priority, burst;
	struct pt_conf_each each;
	struct pt_loc loc;
};
#define PT_QUEUE_DEPTH_MAX 6 /* of HTB's eight levels, the shaper has one, and the kernel counts from 0 */

/* network { neighbours = ... }: "192.0.2.1 lladdr 02:00:00:00:00:01 dev lan". */
struct pt_conf_neighbour {
	struct pt_addr addr;
	uint64_t mac;            /* 48 bits */
	const char *dev;
	struct pt_loc loc;
};

/* host NAME { mac = ... interface = ... }: a machine that can be woken. */
struct pt_conf_host {
	const char *name, *mac;  /* MAC: as written, NULL: not */
	const char *interface;   /* where it is; NULL: on every one */
	struct pt_loc loc, interface_loc;
};

/* vip NAME { ... }: an address beside the first one of an interface, with a name that is a macro of rules, too. */
enum pt_vip_type {
	PT_VIP_ALIAS,            /* the machine has it */
	PT_VIP_PROXY,            /* the interface answers for it */
	PT_VIP_OTHER,            /* it comes here by a route: nothing is set */
};
PT_API extern const char *const pt_vip_types[]; /* their words; ends with NULL */

struct pt_conf_vip {
	const char *name, *description, *interface;
	enum pt_vip_type type : 8;
	struct pt_prefix address; /* as written */
	struct pt_prefix held;   /* what is held of it: one address, or of PROXY and OTHER a network */
	struct pt_loc loc, interface_loc, address_loc;
};

/* What makes a route that one and no other to the kernel: family, table, destination and metric, of which IPv6 has one even where
 * none is written. */
PT_API uint32_t pt_conf_route_metric(const struct pt_conf_route *r);
PT_API uint32_t pt_route_hash(const struct pt_prefix *dst, uint32_t table, uint32_t metric);

/* One of these from its text; names and hops are in A (NULL: they are left out, it is only judged). -ENOMEM; -EINVAL: *AT is the place
 * of the word that is wrong, *LEN its length, WHY a constant text. */
struct pt_conf_fault {
	size_t at, len;
	const char *why;
};
PT_API int pt_conf_route_parse(const char *s, struct pt_arena *a, struct pt_conf_route *out, struct pt_conf_fault *f) PT_MUST;
/* The same words again, in their order. */
PT_API void pt_conf_route_print(struct pt_buf *b, const struct pt_conf_route *r);
PT_API int pt_conf_route_rule_parse(const char *s, struct pt_arena *a, struct pt_conf_route_rule *out,
				    struct pt_conf_fault *f) PT_MUST;
PT_API int pt_conf_neighbour_parse(const char *s, struct pt_arena *a, struct pt_conf_neighbour *out,
				   struct pt_conf_fault *f) PT_MUST;
/* The same of what may say less, by hand: which of the routes that are there is meant, of the family NONE where any may be; HAS is
 * what it says beside. A rule with a priority of any number, which ENDS by what is to happen or does not. */
#define PT_ROUTE_HAS_TYPE (1u << 0)
#define PT_ROUTE_HAS_METRIC (1u << 1)
PT_API int pt_conf_route_parse_part(const char *s, struct pt_arena *a, struct pt_conf_route *out, uint32_t *has,
				    struct pt_conf_fault *f) PT_MUST;
PT_API int pt_conf_route_rule_parse_part(const char *s, struct pt_arena *a, struct pt_conf_route_rule *out, bool *ends,
					 struct pt_conf_fault *f) PT_MUST;

/* firewall { limit = ... } */
enum pt_limit { PT_LIMIT_STATES, PT_LIMIT_SRC_NODES, PT_LIMIT_TABLE_ENTRIES, PT_LIMITS };

/* "08:00-12:30": seconds of the local day, FROM included, TO not; TO at or before FROM is on the next day. */
struct pt_conf_hours {
	uint32_t from, to;
};

/* "2026-12-24/2026-12-26" in days since the epoch; YEARLY "12-24/01-06" as month * 32 + day. Both ends included. */
struct pt_conf_dates {
	bool neg, yearly;
	int64_t from, to;
};

/* What the rules are to do, whoever changes them: test NAME { expect = { ... } }. */
struct pt_conf_test {
	const char *name;
	size_t source;           /* index into sources */
	struct pt_loc loc;       /* of the title */
	PT_VEC(struct pt_conf_rule) expect; /* statements: a pass or block rule each, and not more than that */
};

struct pt_conf_schedule {
	const char *name;
	uint8_t days; /* mask, bit 0 Monday; 0: every day */
	PT_VEC(struct pt_conf_hours) hours; /* empty: the whole day */
	PT_VEC(struct pt_conf_dates) dates; /* empty: every date */
	struct pt_loc loc;
};

/* What the boot, and `ptfw stop`, admit beside loopback, discovery and DHCP. Without addresses and interfaces: nothing. */
struct pt_conf_boot {
	struct pt_conf_strs ssh_from; /* prefixes and addresses; empty: any */
	struct pt_conf_strs ssh_on;   /* interfaces and groups; empty: all */
	uint16_t ssh_port;            /* 0: not given, 22 */
};

struct pt_conf {
	struct pt_arena *arena;
	const char *path;        /* as given; "standard input" for "-" */
	const char *text;        /* the bytes checked are the bytes applied */
	size_t len;
	const char *system_name; /* NULL: the host's */
	const char *description;
	int forwarding;          /* -1: leave as it is, 0, 1 */
	PT_VEC(struct pt_conf_if) interfaces;
	PT_VEC(struct pt_conf_table) tables;
	PT_VEC(struct pt_macro) macros;
	PT_VEC(struct pt_conf_rule) rules; /* in order */
	size_t rules_source;     /* index into sources */
	PT_VEC(struct pt_conf_anchor) anchors;  /* written ones, then loaded ones */
	PT_VEC(struct pt_conf_source) sources;  /* [0]: PATH and TEXT */
	bool builtin;
	bool block_return;       /* `block` alone answers */
	const struct pt_conf_source *kept; /* of more.kept */
	size_t n_kept;
	struct pt_conf_strs skip; /* interfaces and groups */
	PT_VEC(struct pt_conf_schedule) schedules;
	PT_VEC(struct pt_conf_route) routes;
	PT_VEC(struct pt_conf_route_rule) route_rules;
	PT_VEC(struct pt_conf_neighbour) neighbours;
	PT_VEC(struct pt_conf_host) hosts;
	PT_VEC(struct pt_conf_vip) vips; /* their addresses are among those of the interfaces, too, their names among the macros */
	PT_VEC(struct pt_conf_test) tests;
	PT_VEC(struct pt_conf_shaper) shapers;
	PT_VEC(struct pt_conf_queue) queues;
	const char *timezone;    /* NULL: the machine's */
	struct pt_loc timezone_loc;
	const char *geoip_file, *geoip_file6; /* lists of countries' addresses, NULL: the usual place */
	struct pt_loc geoip_loc;
	uint32_t timeout[PT_TIMEOUTS]; /* of states whose rule says nothing else, seconds, 0: the kernel's */
	uint32_t limit[PT_LIMITS];     /* 0: not given */
	struct pt_conf_boot boot;
};

/* Reads, checks and parses PATH ("-": standard input), rules included. Every
 * problem of the file is reported in one run. 0, or -EINVAL and friends; *OUT is
 * NULL on failure. Warnings alone are success. No privilege is needed. libconfuse keeps
 * state of its own while it reads: not from two threads at once. */
PT_API int pt_conf_load(const char *path, struct pt_conf **out, struct pt_err *e) PT_MUST;
/* The same from memory; NAME stands for the path in messages. */
PT_API int pt_conf_parse(const char *name, const char *text, size_t len, struct pt_conf **out,
			 struct pt_err *e) PT_MUST;
PT_API void pt_conf_free(struct pt_conf *c);

/* Takes the tree of rule number INDEX of C; the tree is gone afterwards: thousands of them would
 * need more memory than all the rest. Returns 0, or a negative errno, with which the reading ends. */
typedef int (*pt_conf_take)(void *arg, const struct pt_conf *c, uint32_t index,
			    const struct pt_ast_rule *rule);
/* pt_conf_load() and pt_conf_parse() that give the trees to TAKE as they check the rules: in their order, from the first
 * one on when all that C has besides rules is right, up to the first bad one. */
PT_API int pt_conf_load_with(const char *path, pt_conf_take take, void *arg, struct pt_conf **out,
			     struct pt_err *e) PT_MUST;
PT_API int pt_conf_parse_with(const char *name, const char *text, size_t len, pt_conf_take take,
			      void *arg, struct pt_conf **out, struct pt_err *e) PT_MUST;
/* Texts besides that of the file: files that it includes, as they were read before, and the anchors that programs loaded. GET, unless it is NULL, finds them when all is
 * right but the rules: nobody is asked for the sake of a file that is wrong. */
struct pt_conf_more {
	const struct pt_conf_source *v;
	size_t n;
	int (*get)(struct pt_conf_more *m, struct pt_err *e);
	void *arg;
	bool files; /* NAME is a file, which may include others; without, they are among V */
	/* Files of tables as they were once, by their whole paths: for those that cannot be read any more. They live as long as the
	 * configuration. */
	const struct pt_conf_source *kept;
	size_t n_kept;
};
/* From memory, together with MORE. */
PT_API int pt_conf_parse_more(const char *name, const char *text, size_t len, struct pt_conf_more *more,
			      pt_conf_take take, void *arg, struct pt_conf **out, struct pt_err *e) PT_MUST;
/* The trees once more, of a configuration that was loaded. */
PT_API int pt_conf_rules(const struct pt_conf *c, pt_conf_take take, void *arg,
			 struct pt_err *e) PT_MUST;

/* The same for the rules of one of its anchors, each numbered by its place there. */
PT_API int pt_conf_anchor_rules(const struct pt_conf *c, const struct pt_conf_anchor *a, pt_conf_take take, void *arg,
				struct pt_err *e) PT_MUST;
/* The same for the statements of one of its tests. */
PT_API int pt_conf_test_rules(const struct pt_conf *c, const struct pt_conf_test *t, pt_conf_take take, void *arg,
			      struct pt_err *e) PT_MUST;
/* The written one where there are two. */
PT_API const struct pt_conf_anchor *pt_conf_find_anchor(const struct pt_conf *c, const char *path);
/* Gives the newest record of E, which is about a place in C, its line. */
PT_API void pt_conf_show_source(const struct pt_conf *c, const struct pt_loc *loc, struct pt_err *e);

PT_API const struct pt_conf_if *pt_conf_find_if(const struct pt_conf *c, const char *name);
/* The device of an interface of the file; of another NAME, which is a device then, NAME. */
PT_API const char *pt_conf_device(const struct pt_conf *c, const char *name);
/* The first value of an option of a link; NULL: not written. */
PT_API const struct pt_conf_option *pt_conf_if_option(const struct pt_conf_if *i, const char *name);
PT_API const struct pt_conf_table *pt_conf_find_table(const struct pt_conf *c, const char *name);

/* The contents of a table as written: ADDRESSES and FILE, the most specific entry
 * wins, negated entries taken out; one normal set a family. Reads the file with
 * pt_file_read(); its format: one or more entries a line, '#' comments. */
/* MORE: normal sets of both families ([0] IPv4) besides, without those of any entry with '!'; or NULL. */
PT_API int pt_conf_table_load(const struct pt_conf *c, const struct pt_conf_table *t,
			      const struct pt_iset more[2], struct pt_arena *a,
			      struct pt_iset *v4, struct pt_iset *v6, struct pt_err *e) PT_MUST;
/* The addresses of countries, from the files that C names or the usual ones; see pt_geoip_load(). */
PT_API int pt_conf_geoip(const struct pt_conf *c, struct pt_geoip_list *lists, size_t n, struct pt_arena *a,
			 struct pt_err *e) PT_MUST;
/* The whole path of its file; NULL: no memory. */
PT_API char *pt_conf_table_path(const struct pt_conf *c, const struct pt_conf_table *t, struct pt_arena *a);
/* Addresses or a file: an apply makes the table hold just what is written. */
PT_API bool pt_conf_table_written(const struct pt_conf_table *t);
/* The same for entries from anywhere (`ptfw table add`): TEXT as in a table file. NAME for messages. */
PT_API int pt_table_parse(const char *name, const char *text, size_t len, struct pt_arena *a,
			  struct pt_iset *v4, struct pt_iset *v6, struct pt_err *e) PT_MUST;

/* ---- source map: a lossless scan of the same syntax ---- */

enum pt_tok { PT_TOK_SPACE, PT_TOK_COMMENT, PT_TOK_WORD, PT_TOK_STRING, PT_TOK_PUNCT };

struct pt_src_tok {
	enum pt_tok kind;
	uint32_t off, len; /* raw bytes, quotes included */
	uint32_t line, col;
};

/* Tokens cover the text without gaps: concatenated they are the text. -EINVAL with
 * a record for what cannot be scanned (NUL, control bytes, open string or comment). */
PT_API int pt_src_scan(const char *name, const char *text, size_t len, struct pt_arena *a,
		       struct pt_src_tok **toks, size_t *n, struct pt_err *e) PT_MUST;

/* Place in the file of byte OFFSET of the *decoded* string S (escapes counted). Fits
 * pt_rule_locate with a struct pt_conf_at as argument. */
struct pt_conf_at {
	const char *file, *text;
	size_t text_len;
	const struct pt_conf_str *str;
};
PT_API struct pt_loc pt_conf_locate(const void *at, size_t offset, size_t len);

#endif
