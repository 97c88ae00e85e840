/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rule - the rule language: pf.conf(5)'s grammar into a syntax tree, and back.
 *
 * The tree says what was written; names are not resolved here. The printer is
 * canonical: parse(print(x)) equals x and print(parse(print(x))) equals
 * print(x), byte for byte.
 */
#ifndef PATRONUS_RULE_H
#define PATRONUS_RULE_H

#include <patronus/addr.h>
#include <patronus/base.h>

/* Protocols that rules treat in a way of their own (IANA numbers). */
enum { PT_PROTO_ICMP = 1, PT_PROTO_TCP = 6, PT_PROTO_UDP = 17, PT_PROTO_ICMP6 = 58, PT_PROTO_SCTP = 132 };

enum pt_action { PT_PASS, PT_BLOCK, PT_MATCH, PT_ANCHOR }; /* ANCHOR: other rules stand here; in trees only */
enum pt_dir { PT_DIR_NONE = 0, PT_IN = 1, PT_OUT = 2 }; /* also bits of a mask */

enum pt_ret {
	PT_RET_DROP,   /* block, block drop: silently */
	PT_RET_RETURN, /* TCP reset for TCP, ICMP unreachable for the rest */
	PT_RET_RST,    /* TCP reset for TCP, silence for the rest */
	PT_RET_ICMP,   /* ICMP unreachable with CODE4/CODE6 for everything */
};

enum pt_host_kind {
	PT_HOST_ANY,
	PT_HOST_SELF,   /* any address of this machine */
	PT_HOST_PREFIX, /* LO/PLEN */
	PT_HOST_RANGE,  /* LO - HI, same family */
	PT_HOST_IF,     /* NAME[:modifier], parenthesised when DYN */
	PT_HOST_TABLE,  /* <NAME> */
	PT_HOST_NO_ROUTE, /* an address to which the machine has no route */
	PT_HOST_URPF,   /* sources only: the way back does not lead through the interface it came by */
	PT_HOST_NAME,   /* NAME, which has a dot: of a host, unless an interface has it */
	PT_HOST_COUNTRY, /* geoip NAME: two capitals */
};

enum pt_if_mod { PT_MOD_NONE, PT_MOD_NETWORK, PT_MOD_BROADCAST, PT_MOD_PEER };

struct pt_ast_host {
	enum pt_host_kind kind;
	bool neg;
	bool dyn;
	bool no_alias; /* ":0": without secondary addresses */
	enum pt_if_mod mod;
	const char *name;
	struct pt_addr lo, hi;
	uint8_t plen;
	uint16_t weight; /* in a pool, 0: not given */
	struct pt_loc loc;
};

/* Operators of pf.conf(5). RANGE is "a:b" (inclusive), IN "a >< b" (exclusive
 * inside), OUT "a <> b" (outside, a and b excluded). */
enum pt_port_op {
	PT_PORT_EQ, PT_PORT_NE, PT_PORT_LT, PT_PORT_LE, PT_PORT_GT, PT_PORT_GE,
	PT_PORT_RANGE, PT_PORT_IN, PT_PORT_OUT,
};

struct pt_ast_port {
	enum pt_port_op op;
	uint16_t a, b;
	struct pt_loc loc;
};

struct pt_ast_if {
	const char *name;
	bool neg;
	struct pt_loc loc;
};

struct pt_ast_icmp {
	uint8_t type;
	int16_t code; /* -1: any */
	struct pt_loc loc;
};

/* PACKETS in SECONDS; BURST more at once, 0: not given. PACKETS 0: no rate at all. */
struct pt_ast_rate {
	uint32_t packets, seconds, burst;
};
#define PT_RATE_MAX 1000000 /* packets, and burst */

/* "user": an owner's name as written, or a number; operators as for ports, without ranges of names. */
struct pt_ast_id {
	enum pt_port_op op;
	const char *name; /* NULL: A (and B) */
	uint32_t a, b;
	struct pt_loc loc;
};
typedef PT_VEC(struct pt_ast_id) pt_ast_ids;

/* Conditions that few rules have. */
struct pt_ast_when {
	bool has_tos;
	uint8_t tos;            /* of the TOS byte or traffic class all but the two bits of ECN */
	uint32_t chance;        /* probability, in billionths; 0: not given */
	struct pt_ast_if received; /* name NULL: not given */
	pt_ast_ids user, group;
	PT_VEC(uint64_t) macs;  /* sources, 48 bits; empty: any */
	bool macs_neg;          /* any but these */
	struct pt_ast_rate limit, pkt_rate;
	bool once;
	const char *schedule;   /* NULL: not given */
	bool schedule_neg;
	struct pt_loc schedule_loc;
	struct pt_loc tos_loc, received_loc, user_loc, group_loc, mac_loc, rate_loc, once_loc;
};
#define PT_CHANCE_ALL 1000000000u

/* What a rule does to the packets of its connections on their way out: set and scrub. */
struct pt_ast_set {
	bool has_prio, has_tos, no_df, random_id;
	uint8_t prio, prio_fast; /* 0 to 7; FAST: of packets that should not wait, see pf.conf(5) */
	uint8_t tos;
	uint8_t min_ttl;         /* 0: not given */
	uint16_t max_mss;        /* bytes, 0: not given */
	const char *queue, *queue_fast; /* NULL: not given */
};
#define PT_PRIO_MAX 7
#define PT_QUEUE_MAX 31 /* letters, digits, '_', '.' and '-' */

enum pt_state_opt { PT_STATE_DEFAULT, PT_STATE_KEEP, PT_STATE_NO };

/* Time-outs of states, by pf's names. */
enum pt_timeout {
	PT_TIMEOUT_TCP_FIRST, PT_TIMEOUT_TCP_OPENING, PT_TIMEOUT_TCP_ESTABLISHED, PT_TIMEOUT_TCP_CLOSING,
	PT_TIMEOUT_TCP_FINWAIT, PT_TIMEOUT_TCP_CLOSED, PT_TIMEOUT_UDP_FIRST, PT_TIMEOUT_UDP_SINGLE,
	PT_TIMEOUT_UDP_MULTIPLE, PT_TIMEOUT_ICMP_FIRST,
	PT_TIMEOUTS,
};

enum pt_track { PT_TRACK_DEFAULT, PT_TRACK_RULE, PT_TRACK_GLOBAL }; /* source-track */
enum pt_flush { PT_FLUSH_NONE, PT_FLUSH_RULE, PT_FLUSH_GLOBAL };    /* overload <t> flush [global] */

/* What stands in the parentheses of keep state; 0 and NULL where it does not. */
struct pt_ast_states {
	uint32_t max, max_src_nodes, max_src_states, max_src_conn;
	uint32_t rate, rate_seconds; /* max-src-conn-rate RATE/RATE_SECONDS */
	enum pt_track track;
	const char *overload;        /* name of the table */
	enum pt_flush flush;
	bool floating;               /* what states are anyway */
	uint32_t timeout[PT_TIMEOUTS]; /* seconds */
	struct pt_loc loc, conn_loc, overload_loc;
};

enum pt_nat_kind { PT_NAT_NONE, PT_NAT_SRC, PT_NAT_DST, PT_NAT_BI }; /* nat-to, rdr-to, binat-to */

/* How one of several addresses is chosen; pf's words. */
enum pt_pool_way {
	PT_POOL_NONE, /* not said; in the policy: there is only one address */
	PT_POOL_ROUND_ROBIN, PT_POOL_RANDOM, PT_POOL_SOURCE_HASH, PT_POOL_BITMASK,
};

/* nat-to TARGET [port LO[:HI]] [pool options] [static-port], rdr-to TARGET [port LO[:HI|:*]] [pool options],
 * binat-to HOST. HOST is a prefix, range, table or interface form. */
struct pt_ast_nat {
	enum pt_nat_kind kind;
	struct pt_ast_host host;
	PT_VEC(struct pt_ast_host) more; /* of a list: those behind HOST */
	enum pt_pool_way way;
	const char *key;           /* of SOURCE_HASH, NULL: none */
	bool sticky;               /* sticky-address */
	bool has_port;
	uint16_t port_lo, port_hi; /* equal for one port */
	bool port_star;            /* "port 3000:*": same offset as in the match */
	bool static_port;
	bool reflect;              /* rdr-to: for clients on the other interfaces, too */
	struct pt_loc loc, reflect_loc;
};

typedef PT_VEC(struct pt_ast_host) pt_hosts;
typedef PT_VEC(struct pt_ast_port) pt_ports;

struct pt_ast_rule {
	enum pt_action action;
	enum pt_ret ret;
	bool ret_explicit;      /* "block" alone prints as "block" */
	bool ret_icmp6_only;    /* return-icmp6: only IPv6 answers; return-icmp: see code4/6 */
	int16_t code4, code6;   /* ICMP unreachable codes, -1 where not given */
	enum pt_dir dir;        /* NONE: both */
	bool log, log_all, quick; /* ALL: every packet of the connection */
	struct pt_ast_rate log_limit;
	PT_VEC(struct pt_ast_if) ifs; /* empty: any */
	enum pt_af af;          /* NONE: both */
	PT_VEC(uint8_t) protos; /* empty: any */
	bool all;               /* no from/to was written, or "all" */
	pt_hosts src, dst;      /* empty: any */
	pt_ports sport, dport;  /* empty: any */
	bool has_flags, flags_any;
	uint8_t flags_set, flags_mask; /* TCP header bits: F S R P A U E W = 0x01.. 0x80 */
	enum pt_af icmp_af;     /* of ICMP below: INET icmp-type, INET6 icmp6-type */
	PT_VEC(struct pt_ast_icmp) icmp;
	struct pt_ast_when when;
	struct pt_ast_set set;
	enum pt_state_opt state;
	const struct pt_ast_states *states; /* NULL: no options */
	const char *tag;
	const char *tagged;
	bool tagged_neg;
	const char *label;
	const char *anchor;     /* ANCHOR: path, its last name perhaps a star for all directly below */
	struct pt_ast_nat nat;
	struct pt_loc loc;      /* of the rule's first word */
	struct pt_loc label_loc, anchor_loc, tag_loc, tagged_loc, flags_loc, set_loc, nat_loc, proto_loc, icmp_loc;
};

/* One macro of the file: $NAME in a rule is replaced by TEXT. */
struct pt_macro {
	const char *name;
	const char *text;
};

/* Maps a byte offset in a rule's text to its place in the file. */
typedef struct pt_loc (*pt_rule_locate)(const void *arg, size_t offset, size_t len);

struct pt_rule_ctx {
	struct pt_arena *arena;      /* owns the tree */
	const struct pt_macro *macros;
	size_t n_macros;
	pt_rule_locate locate;       /* NULL: line 1, column offset+1 of "rule" */
	const void *locate_arg;
	const char *source;          /* text for carets (the whole file), or NULL: the rule itself */
	size_t source_len;
	bool statement;              /* of a test: messages do not speak of match */
	bool macros_later;           /* a $NAME that is not known is -ENOENT without a record: it may be defined later */
};

/* Parses one rule of LEN bytes. 0 with *OUT set; -EINVAL with records in E (as many
 * as can be told apart); -ENOMEM. Known pf.conf(5) keywords that this version
 * does not have are errors that name the keyword. Limits: text 64 KiB, macro
 * depth 16, expansion 256 KiB, list 65,536 entries. */
PT_API int pt_rule_parse(const struct pt_rule_ctx *ctx, const char *text, size_t len,
			 struct pt_ast_rule **out, struct pt_err *e) PT_MUST;

/* Appends the canonical text, without newline, macros expanded. */
PT_API void pt_rule_print(struct pt_buf *b, const struct pt_ast_rule *r);

/* Names: "echoreq" of 8 in INET … NULL when unnamed. */
PT_API const char *pt_icmp_type_name(enum pt_af af, uint8_t type);
PT_API const char *pt_icmp_code_name(enum pt_af af, uint8_t type, uint8_t code);
PT_API const char *pt_pool_way_name(enum pt_pool_way way); /* NULL: PT_POOL_NONE */
PT_API const char *pt_proto_name(uint8_t proto); /* from our own table: tcp, udp, icmp, icmp6, … */
PT_API int pt_proto_parse(const char *s, uint8_t *out) PT_MUST;   /* name or number */
PT_API int pt_tos_parse(const char *s, uint8_t *out) PT_MUST; /* "ef", "184", "0xb8": a whole byte */
PT_API int pt_mac_parse(const char *s, uint64_t *out) PT_MUST; /* "52:54:00:12:34:56", 48 bits */
PT_API int pt_tcp_flags_parse(const char *s, uint8_t *out) PT_MUST; /* "SA", the bits of the header */
PT_API int pt_service_parse(const char *s, uint16_t *out) PT_MUST; /* name or number 0..65535 */

/* A name of a time-out. WHY says what Linux lacks where it has no such one, HINT what to do; then WHICH is PT_TIMEOUTS.
 * NULL: pf has none of this name either. */
struct pt_timeout_name {
	const char *word;
	enum pt_timeout which;
	const char *why, *hint;
};
PT_API const struct pt_timeout_name *pt_timeout_find(const char *word);
PT_API const char *pt_timeout_name(enum pt_timeout which);
PT_API const char *pt_timeout_nearest(const char *word);

/* Limits of names in rules. */
#define PT_LABEL_MAX 63  /* printable ASCII, no control, no quote or backslash */
#define PT_TAG_MAX 63
#define PT_POOL_KEY_MAX 63 /* as labels */
#define PT_POOL_WEIGHT_MAX 65535
#define PT_TABLE_NAME_MAX 31
#define PT_ANCHOR_PART_MAX 31 /* of one name of a path */
#define PT_ANCHOR_PATH_MAX 55 /* with a label behind it the kernel must still take it as a comment */
#define PT_ANCHOR_DEPTH_MAX 8
/* "upnp", "ftp-proxy/21": names of letters, digits, '_', '.' and '-', none of them a keyword. With STAR the last
 * one may be '*'. NULL when it is good, else what is wrong with it. */
PT_API const char *pt_anchor_path_bad(const char *s, bool star);
PT_API bool pt_table_name_ok(const char *s); /* [A-Za-z][A-Za-z0-9_.-]*, 1..31, not "self" … */

#endif
