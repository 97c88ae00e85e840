/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files that lower the policy to kernel objects share.
 *
 * A run keeps its first failure in RC; everything called afterwards does nothing, so
 * that the code that says which expressions make up a rule reads as that list.
 */
#ifndef NFT_LOWER_H
#define NFT_LOWER_H

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/objects.h"

/* A rule whose states have limits or time-outs of their own, as one kernel rule or more come to it. */
struct nft_effect;

struct nft_limited {
	const struct pt_pol_rule *rule;
	uint32_t nat; /* as in struct nft_effect */
	uint8_t af; /* mask, of all IR rules with its identity that were seen */
	const char *chain;
	bool first; /* of its identity, in its direction */
};

struct nft_logged;

struct nft_lower {
	const struct pt_policy *policy;
	const struct pt_host *host;
	struct pt_nft_prog *prog;
	struct pt_arena *arena; /* the program's */
	struct pt_err *e;
	const char *table; /* of the rules; NULL: ours */
	int rc;
	struct nftnl_rule *nlr; /* being built */
	size_t chain; /* where it will go */
	uint32_t *set_slots; /* hash of set names: index + 1 into the sets, 0 free */
	size_t n_slots;
	uint16_t *nat_numbers; /* of the policy's translations, see lower_nat.c */
	uint32_t set_bits[18]; /* ids of match rules, see lower_set.c */
	PT_VEC(struct nft_logged) logged; /* effects that log up to a rate, see lower_log.c */
	PT_VEC(struct nft_limited) limited; /* rules with options of states, see lower_states.c */
	bool *reported; /* by rule index: one error a rule is enough */
	size_t tree_min; /* items of a list that is worth a tree; half as many are a leaf */
	const char *file, *file_copy; /* of the places copied last */
};

/* ---- compile.c ---- */

/* Writes a name of at most NFT_SETNAME_MAX bytes; its length. */
size_t nft_name(char *out, const char *fmt, ...) PT_PRINTF(2, 3);
size_t nft_chain_new(struct nft_lower *l, const char *name);
size_t nft_base_chain(struct nft_lower *l, const char *name, const char *type, uint32_t hook, int32_t prio);
size_t nft_chain_find(const struct nft_lower *l, const char *name); /* SIZE_MAX: none */
void nft_rule_open(struct nft_lower *l, size_t chain);
/* R: the rule it belongs to, NULL: structural. */
void nft_rule_close(struct nft_lower *l, const struct pt_pol_rule *r);
/* A structural rule that is found again by NAME. */
void nft_rule_close_named(struct nft_lower *l, const char *name);
void nft_lower_fail(struct nft_lower *l, int rc);

/* ---- expr.c: one expression at the end of the open rule ---- */

struct nftnl_expr;
struct nftnl_expr *nft_expr_new(struct nft_lower *l, const char *name); /* NULL after a failure */

/* Loads go to register 1, tests read it. */
void nft_e_meta(struct nft_lower *l, uint32_t key);
void nft_e_meta_set(struct nft_lower *l, uint32_t key);
void nft_e_ct(struct nft_lower *l, uint32_t key);
void nft_e_ct_set(struct nft_lower *l, uint32_t key);
void nft_e_payload(struct nft_lower *l, uint32_t base, uint32_t offset, uint32_t len);
void nft_e_cmp(struct nft_lower *l, uint32_t op, const void *data, uint32_t len);
void nft_e_range(struct nft_lower *l, uint32_t op, const void *from, const void *to, uint32_t len);
void nft_e_hton(struct nft_lower *l); /* four bytes */
void nft_e_hton64(struct nft_lower *l); /* eight */
void nft_e_bitwise(struct nft_lower *l, const void *mask, const void * xor, uint32_t len);
void nft_e_imm(struct nft_lower *l, uint32_t reg, const void *data, uint32_t len);
void nft_e_lookup(struct nft_lower *l, const char *set, bool neg);
void nft_e_map(struct nft_lower *l, const char *set, uint32_t dreg); /* NFT_REG_VERDICT: vmap */
void nft_e_fib_type(struct nft_lower *l, uint32_t flags);
void nft_e_fib_route(struct nft_lower *l, uint32_t flags); /* one byte: whether there is one */
void nft_e_verdict(struct nft_lower *l, int verdict, const char *chain);
/* Register 1 into the packet, with the checksum of IPv4's header where CSUM says so. */
void nft_e_payload_set(struct nft_lower *l, uint32_t base, uint32_t offset, uint32_t len, bool csum);
void nft_e_mss_set(struct nft_lower *l); /* register 1 into TCP's maximum segment size, where that is larger */
void nft_e_counter(struct nft_lower *l);
void nft_e_log(struct nft_lower *l, const struct pt_pol_rule *r);
void nft_e_reject(struct nft_lower *l, uint32_t type, uint8_t code);

struct nft_nat_args {
	uint32_t type; /* NFT_NAT_SNAT, NFT_NAT_DNAT */
	uint32_t family; /* NFPROTO_* */
	uint32_t flags; /* NF_NAT_RANGE_*, complete: as the kernel gives them back */
	uint32_t addr_max; /* register, the lowest is in 1 */
	uint32_t port_min, port_max; /* registers, 0: none */
};
void nft_e_nat(struct nft_lower *l, const struct nft_nat_args *a);
/* To the interface's own address: masquerade or redirect. */
void nft_e_masq(struct nft_lower *l, const struct nft_nat_args *a);
void nft_e_redir(struct nft_lower *l, const struct nft_nat_args *a);

/* Often used pairs. */
void nft_t_u8(struct nft_lower *l, uint32_t meta_key, uint8_t value);
void nft_t_label(struct nft_lower *l, uint8_t dir, uint32_t bit);
void nft_t_reply(struct nft_lower *l); /* against the direction of its connection */
void nft_t_related_error(struct nft_lower *l); /* an ICMP error about a packet of its connection */
void nft_t_ct_state(struct nft_lower *l, uint32_t bits);
void nft_t_device(struct nft_lower *l, uint32_t meta_key, const char *device, bool neg);
void nft_bytes(uint8_t *out, pt_u128 v, size_t len); /* big-endian */
#define NFT_IFNAME_LEN 16

/* ---- expr_states.c ---- */

/* More connections than N, or (!OVER) at most so many, with this one: counted by this expression. */
void nft_e_count(struct nft_lower *l, uint32_t n, bool over);
/* Adds register 1 to a dynamic set. What each element counts: connections above N (COUNT), or packets above N in
 * SECONDS (else). The rule goes on when there are more; and without N always. */
void nft_e_add(struct nft_lower *l, const char *set);
void nft_e_add_count(struct nft_lower *l, const char *set, uint32_t n);
void nft_e_add_rate(struct nft_lower *l, const char *set, uint32_t n, uint32_t seconds);
/* The rule goes on while there is room in the bucket SET. */
void nft_e_bucket(struct nft_lower *l, const char *set, const struct pt_ast_rate *rate);
/* The rule goes on for N packets in SECONDS. */
void nft_e_limit(struct nft_lower *l, uint32_t n, uint32_t seconds, uint32_t burst);
void nft_e_timeouts(struct nft_lower *l, const char *object);
void nft_e_notice(struct nft_lower *l, const char *text);

/* ---- lower_states.c ---- */

/* Goes where the states of X's rule are limited, instead of making one at once. */
void nft_states_goto(struct nft_lower *l, const struct nft_effect *x);
/* The chains that those went to. */
void nft_states_emit(struct nft_lower *l);
/* What the file says of all states, in the chain that all come through. */
void nft_states_defaults(struct nft_lower *l, size_t chain);
/* Bits of word 0 of the label that R's options need. */
uint32_t nft_states_bits(const struct pt_pol_rule *r);
/* Connections whose handshake has just been completed, before the known ones pass. */
void nft_states_check(struct nft_lower *l, size_t chain, enum pt_dir dir);

/* ---- timeouts.c ---- */

/* Rules of CHAIN that give a new connection SECONDS, and the file's where those say nothing. UNTIMED: unless its rule
 * gave it some. */
void nft_timeouts_emit(struct nft_lower *l, size_t chain, const uint32_t seconds[PT_TIMEOUTS], bool untimed);

/* ---- lower_sets.c ---- */

enum nft_set_kind {
	NFT_KIND_V4,
	NFT_KIND_V6,
	NFT_KIND_PORT,
	NFT_KIND_PROTO,
	NFT_KIND_ICMP, /* type << 8 | code */
	NFT_KIND_TYPE4, /* types alone */
	NFT_KIND_TYPE6,
	NFT_KIND_DEVICE,
	NFT_KIND_OWNER, /* numbers of users or groups */
	NFT_KIND_MAC,
	NFT_KIND_TIME, /* nanoseconds since the epoch */
	NFT_KIND_FIB, /* types of addresses, in the order of the host */
};

/* All of these return the set's name, NULL after a failure. */
const char *nft_set_const(struct nft_lower *l, enum nft_set_kind kind, const struct pt_iset *s);
const char *nft_set_ifref(struct nft_lower *l, uint32_t ref, enum pt_af af);
const char *nft_set_self(struct nft_lower *l, enum pt_af af);
const char *nft_set_table(struct nft_lower *l, uint32_t table, enum pt_af af);
const char *nft_set_schedule(struct nft_lower *l, uint32_t schedule);
const char *nft_set_outside(struct nft_lower *l, uint32_t ref, enum pt_af af);
/* One bucket, which the rules that name it fill and empty together. */
const char *nft_set_bucket(struct nft_lower *l, const char *name);
const char *nft_set_sources(struct nft_lower *l, const char *base, enum pt_af af, uint32_t size, uint32_t seconds);
/* The elements are given to the set. */
const char *nft_set_map(struct nft_lower *l, const struct nft_set *proto);
/* Sets of the tables that rules use or that persist. */
void nft_sets_tables(struct nft_lower *l);
int nft_device_number(struct nft_lower *l, const char *device, pt_u128 *out);

/* nft's datatype numbers, fixed by its user interface. */
#define NFT_TYPE_IPADDR 7u
#define NFT_TYPE_IP6ADDR 8u
#define NFT_TYPE_ETHERADDR 9u
#define NFT_TYPE_INET_PROTO 12u
#define NFT_TYPE_INET_SERVICE 13u
#define NFT_TYPE_NF_PROTO 2u
#define NFT_TYPE_INTEGER 4u /* what has no type of its own, labels too */
#define NFT_TYPE_ICMP_TYPE 14u
#define NFT_TYPE_MARK 19u /* any 32 bits in the order of the host */
#define NFT_TYPE_ICMP6_TYPE 29u
#define NFT_TYPE_FIB_TYPE 38u
#define NFT_TYPE_IFNAME 41u
#define NFT_TYPE_TIME 43u
#define NFT_TYPE_VERDICT 0xffffff00u /* the kernel's NFT_DATA_VERDICT */

/* ---- lower_match.c ---- */

/* What is known of a packet at a place in a list, besides what can be read from it. */
struct nft_known {
	uint32_t nat; /* translation by a match rule so far, index+1 into nats */
	int32_t tag; /* its tag, or NFT_TAG_* */
	const struct pt_pol_rule *dev; /* its device is one of this rule's; NULL: any */
	uint8_t af; /* mask */
	int16_t proto; /* -1: any */
	bool tested; /* family and protocol, where known, have been looked at on the way here */
};
#define NFT_TAG_LIVE (-1) /* read it from the mark */
#define NFT_TAG_OTHER (-2) /* none that this direction's rules test */

enum nft_side_kind {
	NFT_SIDE_ANY,
	NFT_SIDE_SET,
	NFT_SIDE_SELF,
	NFT_SIDE_DEVICE, /* an address of the packet's own device */
	NFT_SIDE_NO_ROUTE,
	NFT_SIDE_URPF,
	NFT_SIDE_NAMED, /* in a set with a life of its own */
};

struct nft_side {
	enum nft_side_kind kind;
	bool neg;
	struct pt_iset set[2]; /* by family: [0] IPv4 */
	const char *named[2];
	bool constant; /* look up VALUE, not the packet's address */
	pt_u128 value[2];
};

struct nft_match {
	const struct pt_pol_rule *rule;
	uint8_t af;
	struct nft_side src, dst;
	struct pt_iset sport, dport;
	bool live_tag; /* the mark has to be tested */
	bool tested_af; /* the family need not be */
	int16_t proto; /* the protocol need not be, it is this one; -1: it has to be */
};

/* Decides what can be decided now. False: the rule never holds here, or a failure. */
bool nft_match_decide(struct nft_lower *l, const struct pt_pol_rule *r,
		      const struct nft_known *known, struct nft_match *m);
/* What is known after the conditions of M held. */
void nft_match_learn(const struct nft_match *m, struct nft_known *known);
/* Writes M as rules of CHAIN; THEN adds what follows the conditions. */
void nft_match_emit(struct nft_lower *l, size_t chain, const struct nft_match *m,
		    void (*then)(struct nft_lower *l, const void *arg), const void *arg);
/* Tests register 1 against a set of LEN-byte numbers up to MAX. */
void nft_t_iset(struct nft_lower *l, enum nft_set_kind kind, const struct pt_iset *s);
/* KEY, the name of a device, is one of N at V; with NEG none of them. */
void nft_t_devices(struct nft_lower *l, uint32_t key, const char **v, uint32_t n, bool neg);
/* The set of these types of addresses (RTN_*). */
const char *nft_set_fib(struct nft_lower *l, const uint32_t *types, size_t n);

/* ---- lower_more.c ---- */

/* The conditions of the rarer kind, of a packet of family AF where that matters. */
void nft_more_emit(struct nft_lower *l, const struct pt_pol_rule *r, enum pt_af af);
bool nft_more_by_family(const struct pt_pol_more *more); /* does it? NULL: none */
void nft_t_no_route(struct nft_lower *l, bool dst);
void nft_t_urpf(struct nft_lower *l, bool neg);

/* ---- lower_action.c ---- */

enum nft_mode {
	NFT_MODE_KEEP,
	NFT_MODE_REPLY, /* packets that can make no state */
};

/* What a kernel rule does when its conditions hold. */
struct nft_effect {
	const struct pt_pol_rule *rule;
	enum nft_mode mode;
	bool decide; /* the rule's verdict; else its effects on the way only */
	bool count; /* count (and log) here */
	uint32_t nat; /* of the match rules, index+1 */
	uint8_t tag; /* to set, 0: none */
	const char *go; /* chain to go on in, or NULL */
};
void nft_effect_emit(struct nft_lower *l, const void *effect);
/* Parts of it. */
void nft_tag_emit(struct nft_lower *l, uint8_t tag);
void nft_verdict_emit(struct nft_lower *l, const struct nft_effect *x);
/* Writes the label and goes to where a state is made. */
void nft_label_emit(struct nft_lower *l, const struct nft_effect *x);
void nft_label(const struct nft_lower *l, const struct nft_effect *x, uint32_t label[4]);
/* The same with NAT, the number of the translation. */
void nft_label_of(const struct pt_pol_rule *r, uint32_t nat, uint32_t label[4]);
uint32_t nft_label_nat(const struct nft_lower *l, const struct nft_effect *x);
bool nft_label_translates(const uint32_t label[4]);
bool nft_answers(const struct pt_pol_rule *r); /* refuses aloud */
bool nft_answers_needed(const struct pt_policy *p);
/* The chain that refuses as R does, made when new; SIZE_MAX after a failure. */
size_t nft_return_chain(struct nft_lower *l, const struct pt_pol_rule *r);
#define NFT_CHAIN_PASS "pass-state"
/* Chains that the effects go to. */
void nft_action_chains(struct nft_lower *l);

/* ---- lower_order.c ---- */

/* Writes the judgement of one direction as chains; BASE is the first one. Returns false when
 * there are no rules. */
bool nft_order_emit(struct nft_lower *l, const char *base, enum pt_dir dir, bool builtin,
		    enum nft_mode mode);

/* ---- lower_tree.c ---- */

/* The same for a long list: a tree of chains that begins with BASE. O can be classified. */
bool nft_tree_emit(struct nft_lower *l, const char *base, const struct pt_order *o,
		   enum nft_mode mode);
#define NFT_TREE_MIN 32

/* ---- lower_log.c ---- */

struct nft_logged {
	struct nft_effect effect;
	const char *chain;
};
/* Goes where the log of X's rule has its limit, and where what else X does is done. */
void nft_logged_go(struct nft_lower *l, const struct nft_effect *x);
/* The chains that those went to. */
void nft_logged_emit(struct nft_lower *l);
/* The log of R, up to its limit: one rule of a chain. */
void nft_log_limited(struct nft_lower *l, size_t chain, const struct pt_pol_rule *r);

/* Rules of a base chain of direction DIR that log known packets, where their rules want that; first of all its rules. */
void nft_log_known(struct nft_lower *l, size_t chain, enum pt_dir dir);

/* ---- lower_set.c ---- */

/* Gives the match rules that set something their bits: before any rule. */
void nft_set_number(struct nft_lower *l);
/* Notes on the connection of the packet that match rule R set something. */
void nft_set_note(struct nft_lower *l, const struct pt_pol_rule *r);
/* The chain that does it, where packets leave. */
void nft_set_emit(struct nft_lower *l);

/* ---- lower_nat.c ---- */

/* Gives the translations their numbers: before any rule. */
void nft_nat_number(struct nft_lower *l);
void nft_nat_emit(struct nft_lower *l);
/* A map from the half of the label's last word that is of KIND to chains, and those chains, named PREFIX.NUMBER. */
struct nft_nat_chains {
	const char *in, *out, *prefix; /* names of the maps; of the chains */
	bool sticky;                   /* of such translations only */
	void (*emit)(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat);
};
/* NULL: there are none, or a failure. */
const char *nft_nat_map(struct nft_lower *l, enum pt_nat_kind kind, const struct nft_nat_chains *c);
/* Goes where that map says. */
void nft_nat_go(struct nft_lower *l, enum pt_nat_kind kind, const char *map);

/* A rule of CHAIN that translates: ports first, then LOAD puts the address into register 1. */
typedef void (*nft_nat_load)(struct nft_lower *l, const struct pt_pol_nat *nat, struct nft_nat_args *a);
void nft_nat_rule(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat, enum pt_af af, nft_nat_load load);
uint64_t nft_nat_hash(const struct nft_lower *l, const struct pt_pol_nat *n, uint32_t attempt);

/* ---- lower_pool.c ---- */

/* The rules of a translation that chooses from several addresses. */
void nft_pool_emit(struct nft_lower *l, size_t chain, const struct pt_pol_nat *nat);
/* Chains and hooks that keep the addresses of sources for as long as their packets come. */
void nft_pool_hooks(struct nft_lower *l);

#endif
