/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nft - the table "inet patronus": policy to objects, objects to the kernel, and back.
 *
 * Hooks: the `in` judgement in prerouting (after conntrack, just before dstnat), the `out`
 * judgement in forward and output; translations in dstnat and srcnat by the number that the
 * judgement left in the connection's label.
 *
 * The connection label, four 32-bit words in memory order:
 *   0  bit 0: a state passes {in, original} and {out, reply}; bit 1: {out, original} and
 *      {in, reply}; the others: see PT_LABEL_CHECK_IN
 *   1  id of the rule that made the state of bit 0
 *   2  id of the rule that made the state of bit 1
 *   3  translation of bit 0 (low half) and of bit 1 (high half), 0: none
 * The kernel only ever adds bits to a label, so each word is written exactly once.
 */
#ifndef PATRONUS_NFT_H
#define PATRONUS_NFT_H

#include <patronus/classify.h>
#include <patronus/nl.h>
#include <patronus/policy.h>

#define PT_NFT_TABLE "patronus"
#define PT_LABEL_IN 1u
#define PT_LABEL_OUT 2u
#define PT_LABEL_LOG_IN 0x1000u /* every packet is logged for the rule of bit 0 */
#define PT_LABEL_LOG_OUT 0x2000u
/* Connections that are counted when their handshake is complete; << 1: of the rule of bit 1. CHECK: it is to be
 * looked at then, DONE: it was, and may pass. CROWD: when it began there were more from its source than may be, half
 * open ones among them, so that whoever follows has to count; CLEARED: who did, and it may pass. */
#define PT_LABEL_CHECK_IN 0x4u
#define PT_LABEL_DONE_IN 0x10u
#define PT_LABEL_CROWD_IN 0x40u
#define PT_LABEL_CLEARED_IN 0x100u
#define PT_LABEL_REFUSED 0x400u /* too many connections: nothing of it passes any more */
#define PT_LABEL_TIMED 0x800u   /* its rule gave it time-outs */
#define PT_NFT_LOG_GROUP 80
#define PT_NFT_NOTICE_GROUP 81  /* notices for whoever follows: sources to be judged, states to be ended */
#define PT_NFT_NOTICE_BYTES 128 /* of the packet */
#define PT_NFT_OPEN "open"

/* Who finds the rule of an arriving packet. What leaves is judged by chains. */
enum pt_engine {
	PT_ENGINE_AUTO, /* the caller's choice; compiled as NFT */
	PT_ENGINE_BPF, /* the classifier's program, by keys */
	PT_ENGINE_NFT, /* chains, in the form that suits the rules */
	PT_ENGINE_LINEAR, /* chains, one rule after the other */
};

struct pt_nft_source {
	const struct pt_policy *policy; /* must outlive pt_nft_prog_order() */
	const struct pt_host *host; /* NULL: nothing is known of the machine */
	const char *digest, *path;
	enum pt_engine engine;
	uint32_t tree_min; /* engine NFT: lists of so many rules become trees; 0: the usual number */
};

/* What the policy wants in the kernel. */
struct pt_nft_prog;
struct pt_nft_state;
PT_API int pt_nft_compile(const struct pt_nft_source *from, struct pt_nft_prog **out, struct pt_err *e) PT_MUST;
/* The closed set that `ptfw stop` leaves: loopback, built-in rules, nothing else. OPEN: pass all. */
PT_API int pt_nft_compile_stop(bool open, struct pt_nft_prog **out, struct pt_err *e) PT_MUST;
/* The closed set with what the section `boot` of CONF admits. */
PT_API int pt_nft_compile_block(const struct pt_conf *conf, struct pt_nft_prog **out, struct pt_err *e) PT_MUST;
PT_API void pt_nft_prog_free(struct pt_nft_prog *p);
/* Leaves the contents of every table as the kernel has them: the next diff compares all but those. */
PT_API void pt_nft_prog_keep_tables(struct pt_nft_prog *p);
/* Of a stopped firewall: remembers what was in force. -ENOMEM. */
PT_API int pt_nft_prog_remember(struct pt_nft_prog *p, const char *digest) PT_MUST;
PT_API size_t pt_nft_prog_rules(const struct pt_nft_prog *p);

/*
 * Keys: what the classifier's program leaves in the priority of a packet, and maps turn into what happens.
 *   bit 31      the turn: tells packets judged before and after a change of the groups' rules
 *   bits 30-24  the group up to which dynamic rules and effects come before the rule that won
 *   bit 23      1
 *   bits 22-0   hash of the rule's identity and of everything that it does; 0: no constant rule matches
 * Another value: the program has not judged the packet. It is counted and dropped.
 * An order with a WHY_NOT has no keys: compiling it with engine BPF is an error.
 */
/* Engine BPF, else NULL: the order of arriving packets' rules, and the key of each of its CONST items.
 * NONE: the key where none matches. All of them live as long as the program, keys until the next settling. */
PT_API const struct pt_order *pt_nft_prog_order(const struct pt_nft_prog *p);
PT_API const uint32_t *pt_nft_prog_keys(const struct pt_nft_prog *p, uint32_t *none);
/* Chooses the turn, and keys that mean nothing else in the kernel: to be called with what was read for P,
 * before a difference is planned and the classifier built. -ENOMEM. */
PT_API int pt_nft_prog_settle(struct pt_nft_prog *p, const struct pt_nft_state *have) PT_MUST;

/* One object a line, for people and golden tests. */
PT_API void pt_nft_prog_print(struct pt_buf *b, const struct pt_nft_prog *p);

/* What the kernel has of ours. */
struct pt_nft_state {
	struct pt_arena *arena;
	bool present;         /* the table exists */
	bool dormant;         /* but the kernel does not ask it: somebody switched it off */
	uint32_t genid;       /* generation of the netfilter configuration at reading */
	char digest[65];      /* of the applied file, "" unknown */
	char before[65];      /* without a digest: of the file that was in force until it was stopped, "" unknown */
	char path[200];       /* of the applied file; without a digest PT_NFT_OPEN where all passes */
	uint64_t applied;     /* seconds since the epoch */
	struct pt_nft_objects *objects;
};
PT_API int pt_nft_read(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e) PT_MUST;
/* The same without elements that need not be looked at: of tables whose contents belong to run time or are
 * known to be WANT's already, of sets that WANT lacks. Only for pt_nft_diff() with the same WANT. With a NULL
 * WANT no elements are read at all: for rules, counters, and what is applied. (The kernel takes a
 * minute to dump a set of a million.) */
PT_API int pt_nft_read_for(struct pt_nl *nf, const struct pt_nft_prog *want, struct pt_nft_state **out,
			   struct pt_err *e) PT_MUST;
/* Only digests, path and time of the applied file, with one question; not present where none is applied. */
PT_API int pt_nft_read_applied(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e) PT_MUST;
/* The same where nobody has changed anything since the file was applied, so that its program is what the kernel has: with the generation.
 * -ESTALE, without a record: that is not known. */
PT_API int pt_nft_read_known(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e) PT_MUST;
/* A reading before WANT is known: of elements only those of the classifier's keys, and not where the file of digest
 * DIGEST is in force, which has them already. */
PT_API int pt_nft_read_ahead(struct pt_nl *nf, const char *digest, struct pt_nft_state **out,
			     struct pt_err *e) PT_MUST;
/* What then is missing in S for pt_nft_read_for(). -ESTALE, without a record: the rules changed meanwhile. */
PT_API int pt_nft_read_rest(struct pt_nl *nf, const struct pt_nft_prog *want, struct pt_nft_state *s) PT_MUST;
PT_API void pt_nft_state_free(struct pt_nft_state *s);

/* Packets and bytes of the rules with identity ID, over all copies. */
struct pt_nft_counter {
	uint32_t id;
	uint64_t packets, bytes;
	uint32_t copies;      /* kernel rules and elements that carry this id */
};
PT_API int pt_nft_counters(const struct pt_nft_state *s, struct pt_arena *a,
			   struct pt_nft_counter **out, size_t *n) PT_MUST; /* sorted by id */

/* The engine of what was read: NFT where long lists are trees, LINEAR also where there are no rules. */
PT_API enum pt_engine pt_nft_engine(const struct pt_nft_state *s);
/* Packets that came to be judged without an answer of the classifier's program. False: it has no part in
 * what was read. */
PT_API bool pt_nft_unjudged(const struct pt_nft_state *s, uint64_t *packets, uint64_t *bytes);

/* What went through the hooks. [0]: `in`, [1]: `out`. A packet counts in each direction that it is judged in. */
struct pt_nft_sum {
	uint64_t packets, bytes;
};
struct pt_nft_traffic {
	struct pt_nft_sum known[2];   /* of states */
	struct pt_nft_sum passed[2];  /* by a rule: most begin a state */
	struct pt_nft_sum blocked[2]; /* by a rule, or because none matched */
	struct pt_nft_sum invalid;    /* passed by a rule, but no state can be made of them: dropped after all */
	struct pt_nft_sum limited;    /* beyond a limit of states or connections: dropped, though a rule passed them */
};
enum pt_nft_fate { PT_NFT_UNDECIDED, PT_NFT_PASSED, PT_NFT_BLOCKED };
/* FATE: of packets that the rule with identity ID counts. */
PT_API void pt_nft_traffic(const struct pt_nft_state *s, enum pt_nft_fate (*fate)(uint32_t id, void *arg), void *arg,
			   struct pt_nft_traffic *sums);

/* One planned write, as a person reads it: "add rule in/web", "delete set s1234". */
typedef void (*pt_nft_op_cb)(const char *op, const char *kind, const char *name, void *arg);

struct pt_nft_plan; /* a batch ready to send */
PT_API int pt_nft_diff(const struct pt_nft_prog *want, const struct pt_nft_state *have,
		       struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
/* The same in two transactions, for the exchange of the classifier's tables between them. The first adds and
 * changes, but leaves what packets with the old tables' keys still need; the rest takes that away. Both
 * are planned from the same HAVE; the rest fits if the first was committed (or was empty) and nobody else came
 * between: else -ERESTART on commit, and a pt_nft_diff() from a new reading does the same. */
PT_API int pt_nft_diff_first(const struct pt_nft_prog *want, const struct pt_nft_state *have,
			     const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
PT_API int pt_nft_diff_rest(const struct pt_nft_prog *want, const struct pt_nft_state *have,
			    const struct pt_nft_plan *sets, const struct pt_nft_plan *first,
			    struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
/* Where nothing differs: what large tables hold is noted, so that they need not be read the next time. Empty where there is
 * nothing to note. */
PT_API int pt_nft_diff_note(const struct pt_nft_prog *want, const struct pt_nft_state *have, struct pt_nft_plan **out,
			    struct pt_err *e) PT_MUST;
/* A transaction ahead of those: new sets of ranges, which packets would find empty for a moment if they came with
 * the rules. Then the change as a whole is pt_nft_diff_after(), in two parts the above with these SETS (else NULL).
 * Where that fails after all, undo takes them away. All are planned from the same HAVE, and fit as said. */
PT_API int pt_nft_diff_sets(const struct pt_nft_prog *want, const struct pt_nft_state *have,
			    struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
PT_API int pt_nft_diff_after(const struct pt_nft_prog *want, const struct pt_nft_state *have,
			     const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
PT_API int pt_nft_diff_undo(const struct pt_nft_prog *want, const struct pt_nft_state *have,
			    const struct pt_nft_plan *sets, struct pt_nft_plan **out, struct pt_err *e) PT_MUST;
PT_API void pt_nft_plan_free(struct pt_nft_plan *p);
/* A few rules of the classifier in the place of others, and nothing else. What packets under way with the old keys need stays until the
 * next apply that is none of these takes it away: nothing is deleted, so nobody waits. */
#define PT_NFT_PATCHES_MAX 16 /* rules since then */
#define PT_NFT_PATCH_MAX 8    /* at once */
struct pt_nft_patch {
	const struct pt_nft_prog *prog; /* with the new rules, and the digest and the path that will be applied */
	size_t n_gone, n_come;
	uint32_t gone[PT_NFT_PATCH_MAX], come[PT_NFT_PATCH_MAX]; /* keys, bits 23 to 0; those of COME that are 0 are found */
	uint32_t items[PT_NFT_PATCH_MAX]; /* of PROG's CONST items those that come */
	size_t n_added;                 /* elements, of those that had no key */
};
/* Whether the rule of CONST item number ITEM needs no more than an element, so that it can be one of those; its key in P. */
PT_API bool pt_nft_patchable(const struct pt_nft_prog *p, uint32_t item, uint32_t *key);
/* The new rules' elements, before their keys are used; HAVE is of pt_nft_read_known(). -ERANGE, without a record: there is no key for one,
 * or there were too many of these: only an apply of all does it. */
PT_API int pt_nft_patch_add(struct pt_nft_patch *x, struct pt_nl *nf, const struct pt_nft_state *have, struct pt_nft_plan **out,
			    struct pt_err *e) PT_MUST;
/* Behind that, where it wrote something or not: what is applied now. */
PT_API int pt_nft_patch_note(const struct pt_nft_patch *x, const struct pt_nft_state *have, struct pt_nft_plan **out,
			     struct pt_err *e) PT_MUST;
/* Whether there were such ones since the apply of all. */
PT_API bool pt_nft_patched(const struct pt_nft_state *have);
PT_API size_t pt_nft_plan_writes(const struct pt_nft_plan *p); /* 0: nothing differs */
PT_API void pt_nft_plan_walk(const struct pt_nft_plan *p, pt_nft_op_cb cb, void *arg);
/* One transaction. A refusal names the rule's file:line in E. -ERESTART: read again and plan anew. */
PT_API int pt_nft_commit(struct pt_nl *nf, struct pt_nft_plan *p, struct pt_err *e) PT_MUST;

/* ---- tables at run time ---- */

struct pt_nft_elem {
	enum pt_af af;
	pt_u128 lo, hi;
	uint32_t timeout, expires; /* seconds, 0: none */
	uint64_t packets, bytes;
	bool has_counter;
	bool added;                  /* at run time, with pt_nft_table_change() or _replace(): no file says it */
};
typedef int (*pt_nft_elem_cb)(const struct pt_nft_elem *el, void *arg);

/* Names of the tables in the kernel. -ENOENT: no table of ours. */
PT_API int pt_nft_table_list(struct pt_nl *nf, struct pt_arena *a, const char ***names, size_t *n,
			     struct pt_err *e) PT_MUST;
/* Elements in order, both families; reads only this table. -ENOENT with a record: no such table. */
PT_API int pt_nft_table_dump(struct pt_nl *nf, const char *name, pt_nft_elem_cb cb, void *arg,
			     struct pt_err *e) PT_MUST;
/* Only those that were added at run time. HAVE, or NULL, is what was read of the kernel for a plan: while nothing has changed since
 * then, a large table need not be read again. */
PT_API int pt_nft_table_added(struct pt_nl *nf, const struct pt_nft_state *have, const char *name, pt_nft_elem_cb cb, void *arg,
			      struct pt_err *e) PT_MUST;
/* How many elements it holds, by a socket of its own; LIMIT+1: more than LIMIT, which were not all read. 0 also where there is no
 * such table. */
PT_API int pt_nft_table_size(const char *name, uint64_t limit, uint64_t *n, struct pt_err *e) PT_MUST;
/* Which of the ranges are in the table, whole, by one element or several: sets IN of each. Few of them are asked
 * for one by one, which takes no longer in a large table. */
struct pt_nft_range {
	enum pt_af af;
	pt_u128 lo, hi;
	bool in;
};
PT_API int pt_nft_table_test(struct pt_nl *nf, const char *name, struct pt_nft_range *v, size_t n,
			     struct pt_err *e) PT_MUST;
/* Adds and deletes in one transaction what the sets say. What is there for good stays for good; an element
 * with less time left than the new one has is replaced, so its time begins anew; narrower elements inside
 * a wider one that is added for good are replaced. TIMEOUT 0: the table's own. Deletions remove exactly the
 * given addresses (a wider element is split). ADDED and DELETED count elements written. NULL sets are empty. */
PT_API int pt_nft_table_change(struct pt_nl *nf, const char *name, const struct pt_iset add[2],
			       const struct pt_iset del[2], uint32_t timeout, size_t *added,
			       size_t *deleted, struct pt_err *e) PT_MUST;
/* Makes the table hold exactly WANT ([0] IPv4, [1] IPv6); writes only differences. */
PT_API int pt_nft_table_replace(struct pt_nl *nf, const char *name, const struct pt_iset want[2],
				size_t *added, size_t *deleted, struct pt_err *e) PT_MUST;
/* Sets counters of all elements to zero / deletes elements idle for AGE seconds. */
PT_API int pt_nft_table_zero(struct pt_nl *nf, const char *name, size_t *n, struct pt_err *e) PT_MUST;

/* Exposed for fuzzing: any one nfnetlink message into S, which may be all zero at first (calloc'ed, for
 * pt_nft_state_free()). */
PT_API int pt_nft_parse(struct pt_nft_state *s, const struct nlmsghdr *nlh) PT_MUST;

#endif
