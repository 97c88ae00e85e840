/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy - the normalised rules (IR) and the one evaluator.
 *
 * A syntax-tree rule becomes one or more IR rules: lists are merged into interval
 * sets where every member is constant, else expanded; names are resolved
 * against the file. What the kernel knows and may change without a reload (interface
 * addresses, tables) stays a reference and is looked up in a struct pt_host.
 */
#ifndef PATRONUS_POLICY_H
#define PATRONUS_POLICY_H

#include <patronus/addr.h>
#include <patronus/base.h>
#include <patronus/conf.h>
#include <patronus/names.h>
#include <patronus/rule.h>
#include <patronus/zone.h>

/* ---- the machine as the policy sees it: a plain snapshot ---- */

struct pt_host_addr {
	struct pt_prefix prefix;
	struct pt_addr broadcast; /* af NONE: none */
	struct pt_addr peer;      /* point-to-point, af NONE: none */
	bool secondary;
};

struct pt_host_if {
	const char *device;
	uint32_t ifindex;
	bool port; /* of a bridge, a bond …: what arrives here arrives there */
	PT_VEC(struct pt_host_addr) addrs; /* in the kernel's order */
};

struct pt_host {
	struct pt_arena *arena;
	PT_VEC(struct pt_host_if) ifs;
	PT_VEC(struct pt_addr) anycast; /* that the kernel answers for, too: a router's ::0 of each IPv6 prefix */
};

/* ---- IR ---- */

enum pt_ref_kind {
	PT_REF_ANY,
	PT_REF_SET,   /* constant intervals */
	PT_REF_SELF,  /* any address of this machine */
	PT_REF_IF,    /* addresses of an interface, see PT_MOD_* */
	PT_REF_TABLE, /* index into policy tables */
	PT_REF_NO_ROUTE, /* any address without a route */
	PT_REF_URPF,  /* sources whose way back leads elsewhere */
	PT_REF_OUTSIDE, /* index into outside: a host's name or a country */
};

struct pt_pol_addr {
	enum pt_ref_kind kind : 8;
	bool neg;
	uint32_t ref;            /* IF: index into ifrefs; TABLE: into tables; OUTSIDE: into outside */
	struct pt_iset v4, v6;   /* SET: already complemented where negated (neg is false); empty in families
				  * that the rule is not for, and never all of a rule's families */
};

/* One "(lan:network)" of the policy: a set whose contents follow the kernel. */
struct pt_pol_ifref {
	const char *ifname; /* in the file */
	const char *device;
	enum pt_if_mod mod;
	bool no_alias;
};

struct pt_pol_table {
	const struct pt_conf_table *conf; /* NULL for a table only named in rules: not possible, an error */
	bool used;                        /* some rule refers to it */
	PT_VEC(uint32_t) outside;         /* names and countries in it, indexes into outside */
	bool filled;                      /* some rule puts sources into it: it holds single addresses */
};

enum pt_outside_kind { PT_OUTSIDE_NAME, PT_OUTSIDE_COUNTRY };

/* Addresses that something outside of the file and of the machine knows. They change without a reload. */
struct pt_pol_outside {
	enum pt_outside_kind kind;
	const char *key;         /* "www.example.org", in its plain form; "DE" */
	bool hold;               /* where nothing is known it holds all: `pass from ! name` must not pass all then */
	bool ruled, tabled;      /* rules refer to it, tables do */
	struct pt_loc loc;       /* of the first mention */
	/* By pt_policy_outside(), else empty: */
	bool known;              /* there is an answer, new or old; a country's list was read */
	struct pt_iset set[2];   /* [0] IPv4, [1] IPv6 */
};
#define PT_POL_NAMES_MAX 1024 /* names of hosts: each is two questions to the DNS */

struct pt_pol_nat {
	enum pt_nat_kind kind;   /* SRC or DST; binat becomes one of each */
	enum pt_ref_kind target; /* SET: the addresses below; IF: the interface's address */
	bool one_to_one;         /* binat, and prefixes of equal length: host bits are kept */
	enum pt_af af;           /* INET, INET6; BOTH only for IF */
	pt_u128 lo, hi;          /* the lowest and the highest address */
	enum pt_pool_way way;    /* how one of several is chosen; NONE: there is one, or one_to_one */
	bool sticky;             /* a source keeps the address that it got */
	uint32_t seed;           /* of SOURCE_HASH, never 0 */
	const pt_u128 *pool;     /* N_POOL addresses as they are taken in turn, heavy ones more often; NULL: LO to HI,
				  * a prefix */
	uint32_t n_pool;
	struct pt_iset members;  /* of POOL, normal */
	pt_u128 from_lo;         /* one_to_one: lowest address of the matched prefix */
	uint32_t ref;            /* IF: index into ifrefs */
	bool has_port;
	uint16_t port_lo, port_hi;
	bool port_offset;        /* new port = port_lo + (dport - match_lo) */
	uint16_t match_lo, match_hi;
	bool static_port;
};

#define PT_POOL_MAX 65536 /* addresses of a pool that is not one prefix, each as often as its weight says */
#define PT_POOL_INDEX_MAX UINT32_MAX /* of a larger prefix, as many of its first addresses are chosen from */

/* Is A one that the translation may use? Of SET translations. */
PT_API bool pt_nat_holds(const struct pt_pol_nat *n, pt_u128 a);
/* The address that a packet from SRC gets instead of OLD. False: who else comes decides that, *OUT is the first one. */
PT_API bool pt_nat_choose(const struct pt_pol_nat *n, struct pt_addr src, struct pt_addr old, pt_u128 *out);
/* The options of keep state; 0: none of that kind. Equal ones are the same memory. */
struct pt_pol_states {
	uint32_t max, max_src_nodes, max_src_states, max_src_conn;
	uint32_t rate, rate_seconds;
	uint32_t overload;       /* index+1 into tables */
	enum pt_flush flush;
	bool global;             /* max_src_states counts the states of all rules that say so */
	uint32_t timeout[PT_TIMEOUTS]; /* seconds; UDP_FIRST is in UDP_SINGLE */
};

/* Where nat-to takes its source ports from unless told otherwise: pf's range. */
#define PT_NAT_PORT_LO 50001
#define PT_NAT_PORT_HI 65535

/* Conditions that few rules have: what is 0, empty or NULL is not asked for. */
struct pt_pol_more {
	bool has_tos;
	uint8_t tos;             /* compared without the two bits of ECN */
	uint32_t chance;         /* in billionths */
	struct pt_pol_received {
		const char **v;  /* devices, sorted */
		uint32_t n;
		bool neg;        /* any but these; also what came from nowhere: this machine's own packets */
	} received;
	struct pt_iset uid, gid; /* owners of the socket that a packet comes from */
	struct pt_iset macs;     /* of senders: 48 bits */
	struct pt_ast_rate limit, pkt_rate;
	bool once;
	uint32_t schedule;       /* index+1 into schedules, 0: none */
	bool schedule_neg;       /* holds outside of its times */
};

struct pt_pol_schedule {
	const struct pt_conf_schedule *conf;
	bool used;               /* some rule refers to it */
	struct pt_iset times;    /* seconds since the epoch, by pt_policy_outside(), else empty: from the beginning of the
				  * year on to the end of the third next one */
};

/* There are thousands: equal lists may be the same memory, and the order leaves no gaps. */
struct pt_pol_rule {
	uint32_t index;          /* position in the policy */
	uint32_t ast;            /* number of the written rule, in the order they are asked, those of anchors and
				  * anchor rules among them; PT_POL_BUILTIN for built-in rules */
	uint32_t id;             /* 32-bit identity, unique in the policy, never 0; the IR rules of
				  * one written rule share it */
	uint32_t nat;            /* index+1 into nats, 0: none */
	uint32_t set;            /* index+1 into sets, 0: none */
	uint8_t tag;             /* set on match, 0: none. 1..PT_TAGS_MAX */
	uint8_t tagged;          /* required, 0: none */
	bool tagged_neg;
	const char *name;        /* label, or "r" and 8 hex digits of the text's hash; in an anchor "PATH/" before it */
	const char *text;        /* canonical text */
	const char *anchor;      /* path of the anchor that it belongs to; NULL: none */
	struct pt_loc loc;       /* line 0 for built-in rules */
	const struct pt_pol_states *states; /* NULL: no limits, the usual time-outs */

	enum pt_action action : 8;
	enum pt_ret ret : 8;
	int16_t code4, code6;    /* ICMP unreachable codes for PT_RET_ICMP/RETURN, -1: no answer in that family */
	enum pt_dir dir : 8;     /* IN or OUT: both-way rules are split in two */
	struct pt_ast_rate log_limit; /* packets 0: none */
	bool quick, log, log_all, keep_state; /* LOG_ALL: every packet of the state */

	bool if_any;
	bool if_neg;             /* on any device but these */
	uint8_t af;              /* mask of PT_AF_* */
	bool proto_any;
	uint8_t flags_set, flags_mask; /* tested on TCP only; mask 0: any */

	struct pt_pol_names {
		const char **v;
		uint32_t n;
	} devices;               /* kernel names, sorted; none and !if_any: never matches */
	struct pt_pol_protos {
		uint8_t *v;
		uint32_t n;
	} protos;                /* sorted, unique */
	struct pt_pol_addr src, dst;
	struct pt_iset sport, dport; /* n == 0: any */
	const struct pt_pol_more *more; /* NULL: none */
	struct pt_iset icmp;     /* type << 8 | code; n == 0: any. Of the protos icmp / icmp6 */
};
#define PT_POL_BUILTIN UINT32_MAX
#define PT_TAGS_MAX 255
#define PT_POL_RULES_MAX 262144 /* IR rules of a policy: lists of references multiply */

/* Where a rule says `anchor`: the rules written behind number AST, up to END-1, stand there, with its conditions added
 * to their own. Those of one that is quick are in another order in the policy, and quick. */
struct pt_pol_place {
	const char *path;        /* from the root; with a star for all directly below */
	const char *text;        /* of the anchor rule, canonical */
	const char *anchor;      /* that it stands in; NULL: none */
	struct pt_loc loc;
	uint32_t ast, end;
	uint32_t depth;          /* anchors around it */
	bool quick;
};

struct pt_policy {
	struct pt_arena *arena;
	const struct pt_conf *conf;      /* borrowed: outlives the policy */
	PT_VEC(struct pt_pol_rule) rules; /* built-in first, then as written */
	PT_VEC(struct pt_pol_ifref) ifrefs;
	PT_VEC(struct pt_pol_table) tables;
	PT_VEC(struct pt_pol_nat) nats;  /* equal translations share one entry */
	PT_VEC(struct pt_ast_set) sets;  /* what rules set, equal ones share one entry */
	PT_VEC(struct pt_pol_outside) outside;
	PT_VEC(struct pt_pol_schedule) schedules;
	PT_VEC(const char *) tags;       /* tag number = index + 1 */
	PT_VEC(struct pt_pol_place) places; /* as written, outer ones first */
	uint32_t *asked;                 /* how many places ask each of conf->anchors; NULL: none at all */
	size_t n_builtin;
};

/* Rules that are asked about instead of obeyed: statements of tests, filters. A view is P with room for what they mention beside
 * it; its rules are P's, which outlives it. To be freed as a policy. */
typedef PT_VEC(struct pt_pol_rule) pt_pol_rules;
PT_API int pt_policy_view(const struct pt_policy *p, struct pt_policy **out, struct pt_err *e) PT_MUST;
/* TREE as IR rules, one a direction, a family or an alternative of a list; they are none of VIEW's and live as long. NOW is for
 * schedules that only TREE names. -EINVAL with records, as in pt_policy_build(). An evaluator or a space of VIEW must be made
 * after all of its statements. */
PT_API int pt_policy_statement(struct pt_policy *view, const struct pt_ast_rule *tree, uint64_t now, pt_pol_rules *out,
			       struct pt_err *e) PT_MUST;

/* Makes both number their tags alike: evaluators and spaces are made after it. -E2BIG with a record: there are too many. */
PT_API int pt_policy_align(struct pt_policy *like, struct pt_policy *p, struct pt_err *e) PT_MUST;

/* The class of queue NAME: the lower half of a traffic control handle, 1 to 0xfffe; the upper half is PT_QUEUE_MAJOR.
 * A hash, so that a queue keeps its class whatever else the file says. */
#define PT_QUEUE_MAJOR 0x8000u
PT_API uint16_t pt_queue_class(const char *name);

/* Builds the IR. All problems are reported in one run: unknown interface, group or
 * table ("did you mean"), family mismatches, options that do not fit the
 * protocol, translations that Linux cannot do, duplicate labels, > 255 tags. */
PT_API int pt_policy_build(const struct pt_conf *c, struct pt_policy **out, struct pt_err *e) PT_MUST;
/* The block set: the built-in rules and what the section `boot` of C admits, whatever its rules say. All of it is built in
 * and makes no states. */
PT_API int pt_policy_block(const struct pt_conf *c, struct pt_policy **out, struct pt_err *e) PT_MUST;
/* pt_conf_load() or pt_conf_parse(), and pt_policy_build(), in one pass over the rules. Both or neither. */
PT_API int pt_policy_load(const char *path, struct pt_conf **conf, struct pt_policy **out,
			  struct pt_err *e) PT_MUST;
/* What only this machine can tell of a configuration, and only where a person wrote it: what was confirmed once must not be
 * refused by the boot after an upgrade. pt_policy_load() asks it. */
PT_API int pt_policy_check_here(const struct pt_conf *c, struct pt_err *e) PT_MUST;
PT_API int pt_policy_parse(const char *name, const char *text, size_t len, struct pt_conf **conf,
			   struct pt_policy **out, struct pt_err *e) PT_MUST;
/* pt_policy_parse() together with anchors that programs loaded, as pt_conf_parse_more(). */
PT_API int pt_policy_parse_more(const char *name, const char *text, size_t len, struct pt_conf_more *more,
				struct pt_conf **conf, struct pt_policy **out, struct pt_err *e) PT_MUST;
PT_API void pt_policy_free(struct pt_policy *p);

/* Fills what is outside: schedules by the clock of their zone, names of hosts from NAMES at time NOW (seconds since the epoch; NULL: nothing is known), with COUNTRIES
 * those from the files that the configuration names. An error is told at the place of the first mention. */
PT_API int pt_policy_outside(struct pt_policy *p, const struct pt_names *names, uint64_t now, bool countries,
			     struct pt_err *e) PT_MUST;
/* When schedules have to be filled again, seconds since the epoch: at the turn of the year; UINT64_MAX: never. */
PT_API uint64_t pt_policy_schedules_due(const struct pt_policy *p, uint64_t now);
/* The times of S within SPANS, a normal set of seconds since the epoch. A window that the clock leaves out is not there, one
 * that it shows twice is there twice. -ENOMEM or 0. */
PT_API int pt_schedule_times(const struct pt_conf_schedule *s, const pt_zone_spans *spans, struct pt_arena *a,
			     struct pt_iset *out) PT_MUST;
/* What table T holds: pt_conf_table_load() with its names and countries, as pt_policy_outside() left them. */
PT_API int pt_policy_table(const struct pt_policy *p, const struct pt_pol_table *t, struct pt_arena *a,
			   struct pt_iset *v4, struct pt_iset *v6, struct pt_err *e) PT_MUST;

/* Addresses an ifref stands for, now: normal sets. -ENOMEM or 0; an absent device is empty. */
PT_API int pt_ifref_resolve(const struct pt_pol_ifref *r, const struct pt_host *h, struct pt_arena *a,
			    struct pt_iset *v4, struct pt_iset *v6) PT_MUST;
/* What `self` is: every address of the machine, anycast ones among them, and the whole of an IPv4 prefix on loopback, which the
 * kernel takes for its own. Normal sets; -ENOMEM or 0. */
PT_API int pt_host_self(const struct pt_host *h, struct pt_arena *a, struct pt_iset *v4, struct pt_iset *v6) PT_MUST;
/* The address a translation to this interface uses: first primary one of that family
 * with global scope if there is one; af NONE when it has none. */
PT_API struct pt_addr pt_ifref_address(const struct pt_pol_ifref *r, const struct pt_host *h, enum pt_af af);

/* ---- what the kernel calls a logged packet ---- */

/* "ptfw block in web": the same as long as the rule is. */
#define PT_POL_PREFIX_MAX 96
PT_API void pt_pol_prefix(char out[PT_POL_PREFIX_MAX], const struct pt_pol_rule *r);
/* Back; NAME points into S. -EINVAL: not one of ours. */
PT_API int pt_pol_prefix_parse(const char *s, enum pt_action *action, enum pt_dir *dir, const char **name) PT_MUST;

/* ---- evaluator ---- */

/* Limits of states depend on the packets before this one: a packet passes here that the kernel may drop for them. */

/* What connection tracking says of a packet. UNTRACKED also for neighbour discovery. */
enum pt_ct { PT_CT_NEW, PT_CT_INVALID, PT_CT_UNTRACKED };

/* What may be known of a partial packet all the same. */
enum pt_fact {
	PT_FACT_TOS = 1 << 0,
	PT_FACT_MAC = 1 << 1,
	PT_FACT_RECEIVED = 1 << 2,
	PT_FACT_USER = 1 << 3,
	PT_FACT_GROUP = 1 << 4,
	PT_FACT_CHANCE = 1 << 5,
	PT_FACT_ROUTES = 1 << 6,
	PT_FACT_RATES = 1 << 7, /* that limits of rates have room */
};

struct pt_packet {
	enum pt_af af;
	uint8_t proto;
	struct pt_addr src, dst;
	uint16_t sport, dport;  /* TCP, UDP, SCTP; 0 else */
	uint8_t icmp_type, icmp_code;
	uint8_t tcp_flags;
	uint8_t tag;            /* from an earlier judgement, 0: none */
	uint8_t tos;
	uint64_t mac;           /* of its sender, as a number of 48 bits; PT_NO_MAC: none */
	const char *received;   /* leaving packets: the device they came in by; NULL: made here */
	bool owned;             /* UID and GID are those of its socket */
	uint32_t uid, gid;
	uint64_t time;          /* seconds since the epoch; 0, too, is a time, in no schedule */
	uint32_t chance;        /* what was drawn, in billionths below 1: rules with more than that hold; … */
	const struct pt_draw {
		uint32_t rule;  /* its identity */
		uint32_t chance; /* as in struct pt_pol_more */
	} *draws;               /* … but these N_DRAWS: each of them drew for itself, and holds where DRAWN is not 0 */
	const pt_u128 *drawn;
	uint32_t n_draws;
	bool no_route_src, no_route_dst, urpf_failed; /* what the routes say */
	bool partial;           /* the fields from TOS on are not known, as of a packet that went by long ago, … */
	uint8_t known;          /* … but for these, PT_FACT_* */
	bool no_ports, no_flags; /* too short for ports or ICMP type, for TCP flags */
	enum pt_ct ct;
};

#define PT_NO_MAC UINT64_MAX

/* The number of a user, or with GROUP of a group, by name or number. -ENOENT: there is none. */
PT_API int pt_owner_find(bool group, const char *name, uint32_t *out) PT_MUST;

/* Does it meet the probability CHANCE of the rule with identity RULE? */
PT_API bool pt_packet_drew(const struct pt_packet *k, uint32_t rule, uint32_t chance);
/* What conntrack of Linux calls a first packet like this one. */
PT_API enum pt_ct pt_packet_ct(const struct pt_packet *p);

/* Tables and machine at this moment, and the rules, prepared for look-ups. */
struct pt_eval;
PT_API int pt_eval_new(const struct pt_policy *p, const struct pt_host *h, struct pt_eval **out,
		       struct pt_err *e) PT_MUST; /* loads the tables' written contents */
PT_API void pt_eval_free(struct pt_eval *v);
/* Replaces what a table holds (the kernel's contents). Sets are copied. */
PT_API int pt_eval_table(struct pt_eval *v, const char *name, const struct pt_iset *v4,
			 const struct pt_iset *v6) PT_MUST;

/* What ADDR stands for at this moment in family AF, without its negation; it is V's. NULL: of no addresses. */
PT_API const struct pt_iset *pt_eval_address(const struct pt_eval *v, const struct pt_pol_addr *addr, enum pt_af af);

/* Reasons to block what a rule passes. */
#define PT_WHY_INVALID "connection tracking calls the packet invalid, so it cannot have the state that the rule keeps"
#define PT_WHY_UNTRACKED "the packet is not tracked, so it cannot be translated"
#define PT_WHY_NO_ADDRESS "the interface has no address to translate to"

struct pt_decision {
	bool pass;
	enum pt_ret ret;         /* how a block answers */
	int16_t code4, code6;
	const struct pt_pol_rule *rule; /* NULL: no rule matched, blocked by default */
	bool uncertain;          /* of a PARTIAL packet: a rule that asks for what is not known may change this … */
	const struct pt_pol_rule *maybe; /* … this one by its verdict; NULL: none does */
	const char *why;         /* non-NULL when not the rule itself decides: PT_WHY_* */
	uint32_t nat;            /* index+1 into nats, of the rule or the last match rule */
	uint8_t tag;             /* after the judgement */
	struct pt_ast_set set;   /* of the rule, and where it says nothing of the match rules: the last of them first */
	struct pt_packet after;  /* the packet with its translation; for source ports chosen by the
				  * kernel SPORT is 0, for pools that chance or turns decide the first address */
	bool any_of_pool;        /* ... which stands for all that pt_nat_holds() */
};

/* Judges one packet of no known state, in direction DIR on DEVICE. Pure; no allocation. */
PT_API void pt_evaluate(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir,
			const char *device, struct pt_decision *out);
/* The condition of a rule that a packet does not meet: the first in the order in which they are asked. */
enum pt_condition {
	PT_COND_HOLDS,    /* all of them are met */
	PT_COND_UNKNOWN,  /* what it asks for is not known of a PARTIAL packet */
	PT_COND_DIR,
	PT_COND_FAMILY,
	PT_COND_DEVICE,
	PT_COND_PROTO,
	PT_COND_SPORT,
	PT_COND_DPORT,
	PT_COND_ICMP,
	PT_COND_FLAGS,
	PT_COND_TAG,
	PT_COND_TOS,
	PT_COND_CHANCE,
	PT_COND_RECEIVED,
	PT_COND_MAC,
	PT_COND_USER,
	PT_COND_GROUP,
	PT_COND_SCHEDULE,
	PT_COND_SRC,
	PT_COND_DST,
};

/* Calls FN for each rule of the direction, in order, until a quick one decides: for explain and tests. */
PT_API void pt_evaluate_walk(const struct pt_eval *v, const struct pt_packet *pkt, enum pt_dir dir,
			     const char *device,
			     void (*fn)(const struct pt_pol_rule *r, enum pt_condition first, void *arg),
			     void *arg);

#endif
