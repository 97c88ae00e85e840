/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files that turn syntax trees into the IR. */
#ifndef POLICY_INTERNAL_H
#define POLICY_INTERNAL_H

#include <patronus/policy.h>

typedef PT_VEC(struct pt_pol_addr) policy_addrs;

/* The names and ids given so far, found by hashing: thousands of rules must not be compared in pairs. */
struct policy_name {
	const char *name;
	uint32_t line;    /* of the first rule with it, 0: built-in */
	uint32_t repeats; /* rules without label whose text has this name */
};

struct policy_names {
	struct policy_name *slots;
	uint32_t *ids; /* 0: free */
	size_t n, cap; /* CAP slots and ids, a power of two or 0 */
};

/* What was stored last of all that has the same hash. */
struct policy_kept {
	void *p;
	size_t n;
};

/* An anchor rule while the rules that stand in its place are added. */
struct policy_anchor {
	struct policy_anchor *outer;
	const char *path, *name;        /* of the anchor at work; what the names of its rules begin with */
	struct pt_pol_rule cond;        /* its conditions but direction and addresses */
	uint8_t dirs;
	policy_addrs src, dst;          /* alternatives */
	bool tags, moves;               /* a rule in it has set a tag, and goes on; has translated */
};

/* What the target of the rule at work stands for, by family: [0] IPv4. A lone prefix is not written out. */
struct policy_pool {
	struct pt_iset members[2];
	struct policy_addr_list {
		pt_u128 *v;
		size_t n, cap;
	} list[2]; /* in the policy's arena, as they are taken in turn; empty: MEMBERS is one prefix */
};

struct policy_builder {
	const struct pt_conf *conf;
	struct pt_policy *p;
	struct pt_arena *arena;
	struct pt_arena *scratch;       /* of one rule, until it is stored */
	struct policy_kept kept[512];
	struct pt_err *err;
	bool failed;
	bool full;                      /* no room for more rules */
	struct policy_names names;
	struct pt_buf text;             /* scratch */
	struct policy_anchor *anchor;   /* innermost; NULL: none */
	uint32_t written;               /* rules so far */
	size_t anchors;                 /* asked so far */
	/* of the rule at work */
	uint8_t reflected;              /* families for which the way back from other interfaces is there */
	size_t made;                    /* IR rules before the conditions of anchors */
	const struct pt_ast_rule *ast;
	struct policy_pool pool;
	struct pt_pol_rule base;        /* all but direction, addresses and translation */
	bool builtin;
};

/* Adds a record at LOC; -EINVAL. */
int policy_fail(struct policy_builder *b, const struct pt_loc *loc, const char *hint, const char *fmt, ...)
	PT_PRINTF(4, 5);

/* build.c */
int policy_add_rule(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index);
int policy_set_base(struct policy_builder *b, uint32_t index);
/* At the end of the list, as it is. */
int policy_push(struct policy_builder *b, const struct pt_pol_rule *r);
/* anchor.c: the rules in place of the anchor rule AST; a rule with the conditions of the anchors around it; what is
 * to be known after the rule at work */
int policy_add_anchor(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index);
int policy_emit_anchored(struct policy_builder *b, const struct pt_pol_rule *r);
void policy_anchored(struct policy_builder *b, const struct pt_ast_rule *ast);
/* builtin.c */
int policy_add_builtin(struct policy_builder *b);
int policy_add_boot(struct policy_builder *b); /* what the section `boot` admits */
/* Rules for the interfaces that are not judged: ordinary ones, in front of all others. */
int policy_add_skipped(struct policy_builder *b);
/* share.c: R's lists from scratch memory into the policy's */
int policy_keep(struct policy_builder *b, struct pt_pol_rule *r);
int policy_keep_set(struct policy_builder *b, struct pt_iset *s);
/* N bytes at P in memory that stays; NULL: out of memory. */
void *policy_keep_bytes(struct policy_builder *b, const void *p, size_t n);
/* states.c: the options of keep state, into b->base */
int policy_states(struct policy_builder *b);
/* identity.c: name, id and text of b->base */
int policy_identity(struct policy_builder *b);
void policy_names_fini(struct policy_names *t);
/* resolve.c */
int policy_devices(struct policy_builder *b);
/* The devices of one name or group, sorted. */
int policy_devices_of(struct policy_builder *b, const struct pt_ast_if *item, const char ***v, uint32_t *n);
int policy_ifref(struct policy_builder *b, const struct pt_conf_if *i, enum pt_if_mod mod, bool no_alias,
		 uint32_t *out);
const struct pt_conf_if *policy_find_if(struct policy_builder *b, const char *name, const struct pt_loc *loc);
/* By title, else by device; NULL when there is none. */
const struct pt_conf_if *policy_known_if(const struct pt_conf *c, const char *name);
bool policy_is_group(const struct pt_conf *c, const char *name);
bool policy_in_group(const struct pt_conf_if *i, const char *group);
/* The loopback interface, which every machine has without a section for it. */
extern const struct pt_conf_if policy_loopback;
/* outside.c: the index of a name or country, noted when new */
int policy_outside(struct policy_builder *b, enum pt_outside_kind kind, const char *key, bool hold, const struct pt_loc *loc,
		   uint32_t *out);
/* Those that tables mention. */
int policy_outside_tables(struct policy_builder *b);
/* schedule.c */
int policy_schedules(struct policy_builder *b);
int policy_schedule(struct policy_builder *b, const char *name, const struct pt_loc *loc, uint32_t *out);
int policy_fill_schedules(struct pt_policy *p, uint64_t now, struct pt_err *e);
/* addrset.c: HOSTS as alternatives, constants merged into one */
int policy_addrs_of(struct policy_builder *b, const pt_hosts *hosts, policy_addrs *out);
/* Index of a table of the file. */
int policy_table(struct policy_builder *b, const struct pt_ast_host *h, uint32_t *out);
/* ports.c */
int policy_ports(struct policy_builder *b, const pt_ports *ports, struct pt_iset *out);
/* Adds the numbers up to MAX that fit "OP X" (or "X OP Y") to S. */
int policy_compare(struct pt_arena *a, enum pt_port_op op, uint32_t x, uint32_t y, uint32_t max, struct pt_iset *s);
int policy_protocol(struct policy_builder *b);
bool policy_only_ports(const struct pt_pol_rule *r); /* all protocols of the rule have ports */
/* more.c: the conditions of the rarer kind */
int policy_more(struct policy_builder *b);
/* What SRC or DST can only be in rules of this direction. */
int policy_check_side(struct policy_builder *b, const pt_hosts *hosts, bool dst);
/* set.c: index+1 of what the rule sets */
int policy_set(struct policy_builder *b, uint32_t *out);
/* pool.c: fills b->pool where the rule translates to addresses */
int policy_pool(struct policy_builder *b);
/* nat.c: index+1 of the translation of this rule */
int policy_nat(struct policy_builder *b, enum pt_af af, const struct pt_pol_rule *r, uint32_t *out);
/* reflect.c: after rule R, which was emitted, what the clients of other interfaces need */
int policy_reflect(struct policy_builder *b, const struct pt_pol_rule *r);
/* Index+1 of a translation like N. */
int policy_share_nat(struct policy_builder *b, const struct pt_pol_nat *n, uint32_t *out);
/* Families that the target of the rule's translation has, all if there is none. */
uint8_t policy_nat_af(const struct policy_builder *b);
/* It has one address for each: the rule becomes one of each family. */
bool policy_nat_by_family(const struct policy_builder *b);
int policy_binat(struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst);
int policy_emit(struct policy_builder *b, const struct pt_pol_rule *r);
uint8_t policy_addr_af(const struct pt_pol_addr *a);
/* Families in which both sides can match. */
uint8_t policy_common_af(const struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst);

#endif
