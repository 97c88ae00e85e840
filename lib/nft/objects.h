/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The objects of our table, the same for what a policy wants (compile.c) and for what the
 * kernel has (read.c), so that diff.c compares like with like.
 */
#ifndef NFT_OBJECTS_H
#define NFT_OBJECTS_H

#include <libnftnl/rule.h>
#include <patronus/nft.h>

struct nft_rule {
	struct nftnl_rule *nlr; /* desired side only: expressions and user data; owned */
	uint64_t digest;        /* of the expressions without counter values, and of the identity */
	uint64_t handle;        /* kernel side only */
	uint32_t id;            /* rule identity, 0: structural */
	const char *name;       /* label; NULL: structural */
	struct pt_loc loc;      /* desired side only */
	uint64_t packets, bytes; /* kernel side only */
	int32_t verdict;         /* kernel side only: NF_*, NFT_*; NFT_VERDICT_OTHER: none */
};

struct nft_chain {
	const char *name;
	const char *table;      /* NULL: ours */
	const char *type;       /* "filter", "nat"; NULL: not a base chain */
	uint32_t hook;          /* NF_INET_* */
	int32_t prio;
	bool policy_drop;       /* base chains: what happens at the end; ours accept, after an explicit drop */
	PT_VEC(struct nft_rule) rules;
	uint64_t handle;
};

#define NFT_TIMEOUTS_MAX 16

enum nft_set_role {
	NFT_SET_CONST, /* addresses or ports of a rule; name is made from the contents */
	NFT_SET_IF,    /* addresses of an interface */
	NFT_SET_TABLE, /* a table of the file; see CONF */
	NFT_SET_VMAP,  /* label -> chain of the nat chains */
	NFT_SET_SOURCES, /* what rules write while they count: run time's */
	NFT_SET_PMAP,  /* key -> value: ports of a translation, labels of the classifier's keys */
};

/* There are thousands: the order leaves no gaps. */
struct nft_map_elem {
	uint8_t key[16];
	union {
		uint8_t data[16];                  /* with DATA_LEN; without: */
		struct {
			const char *chain;         /* goto this chain, or NULL: */
			int32_t verdict;           /* NF_DROP, NF_ACCEPT */
		};
	};
	uint8_t key_len, data_len;
	bool retired;              /* kernel side only: of a rule that was replaced by itself, see patch.c: no packet comes
				    * here any more */
	uint32_t id;               /* of the rule that the element counts for, 0: none */
	const char *name;          /* desired side only: that rule's, NULL: none */
	uint64_t packets, bytes;   /* kernel side only */
};
#define NFT_VERDICT_OTHER INT32_MIN /* none that we write */

/* Time-outs of a protocol's states, which rules give to connections: the kernel's "ct timeout" object. Its name
 * is made from its contents, so that equal names are equal objects. */
struct nft_timeouts {
	const char *name;
	uint32_t type;          /* NFT_OBJECT_*: others may put other kinds into our table */
	uint8_t proto;          /* desired side only, as are: */
	uint32_t seconds[NFT_TIMEOUTS_MAX]; /* by the kernel's numbers of the protocol's states, 0: the kernel's */
};

struct nft_elem; /* elems.h */
struct nft_elems;

struct nft_set {
	const char *name;
	const char *table;      /* NULL: ours */
	enum nft_set_role role;
	enum pt_af af;          /* addresses: INET or INET6; NONE: see key_len */
	uint8_t key_len;        /* bytes: 4, 16, 2 (ports), 1 (protocols), 16 (devices, not interval) */
	uint32_t key_type;      /* nft's datatype number, so that `nft list` can print it */
	uint32_t data_type, data_len; /* maps */
	bool interval, counters;
	bool has_timeout;       /* elements may carry time-outs */
	uint32_t timeout;       /* default, seconds, 0: none */
	bool keys;              /* a map of the classifier's keys, see keys.h */
	bool dynamic;           /* rules write elements, which an apply never touches; with KEEP */
	uint32_t size;          /* the most elements that it can hold, 0: as many as come. Of KEYS and DYNAMIC */
	bool keep;              /* contents belong to run time (a table without addresses or file): never
				 * changed by an apply once the set exists */
	bool constant;          /* a table that nothing may be added to at run time */
	bool follows;           /* a table with names of hosts: its contents change with their answers */
	struct pt_iset elems;   /* normal */
	PT_VEC(struct nft_map_elem) map; /* sorted by key */
	/* Kernel side only: */
	PT_VEC(struct pt_ival) raw; /* the elements one by one, sorted, possibly adjacent; without those of ADDED */
	struct nft_elems *pending;  /* being read; malloc'ed, NULL after pt_nft_read() */
	bool unread;                /* left out: the contents are those wanted */
	struct pt_iset timed;       /* the elements of RAW that will leave by themselves */
	struct nft_elem *added;     /* those that came at run time, sorted; not in RAW, but in ELEMS */
	size_t n_added;
	uint64_t handle;
};

/* What big sets held when the generation GENID began: as long as that lasts, nobody changed them.
 * The kernel's time for a dump grows with the square of a set's size: a minute for a million. */
#define NFT_NOTE_SETS 6
#define NFT_NOTE_MIN 10000 /* elements of a set that is worth a note */
#define NFT_NOTE_MIN_KEYS 256 /* of a map of the classifier's keys: they come with names and counters */
struct nft_note {
	uint32_t genid; /* 0: none */
	uint32_t n;
	struct nft_note_set {
		uint64_t name, contents; /* hashes */
	} v[NFT_NOTE_SETS];
};

/* A rule that took the place of another since the apply, see patch.c: their keys. */
struct nft_patch {
	uint32_t gone, come;
};

struct pt_nft_objects {
	PT_VEC(struct nft_chain) chains;
	PT_VEC(struct nft_set) sets; /* sorted by name after pt_nft_compile() / pt_nft_read() */
	PT_VEC(struct nft_timeouts) timeouts;
	bool applied_chain;          /* kernel side: NFT_APPLIED_CHAIN exists */
	struct nft_note note;        /* kernel side, as are: */
	struct nft_patch patches[PT_NFT_PATCHES_MAX]; /* in order */
	uint32_t n_patches;
	size_t last_chain;           /* where read.c put the last rule: dumps come chain by chain */
};

struct nft_keys; /* keys.h */

struct pt_nft_prog {
	struct pt_arena *arena;
	struct pt_nft_objects objects;
	struct nft_keys *keys; /* NULL: another engine than the classifier's */
	const char *digest, *path;
	const char *before; /* of a stopped firewall: the digest of what was in force; NULL: not known */
};

/* rule.c: user data of a kernel rule (comment = name, so that `nft list` shows it; id), digest. */
int nft_rule_set_identity(struct nftnl_rule *r, uint32_t id, const char *name);
int nft_rule_get_identity(const void *udata, size_t size, struct pt_arena *a, uint32_t *id,
			  const char **name);
uint64_t nft_rule_digest(struct nftnl_rule *r); /* digest.c; 0: no memory */

/* Names of sets. */
#define NFT_SETNAME_MAX 64
/* "t.bruteforce.4", "if.lan.network.6", "c.<16 hex>.4", "p.<16 hex>" */
void nft_table_set_name(char out[NFT_SETNAME_MAX], const char *table, enum pt_af af);
/* Maps of the classifier's keys, and rules that are found again by their names; see keys.h. */
#define NFT_MAP_PASS "in.pass"
#define NFT_MAP_ACT "in.act"
#define NFT_NAME_TURN "ptfw.turn." /* 0 or 1 follows: sends packets of this turn to the groups */
#define NFT_NAME_NONE "ptfw.none." /* likewise: no constant rule matches */
#define NFT_CUT ".cut." /* in the names of the maps of a tree of chains */
#define NFT_NAME_UNJUDGED "ptfw.unjudged"
/* The chain that carries digest, path and time of the applied file in its user data: a table's user
 * data cannot be changed once the table exists. Reserved; never part of a program. */
#define NFT_APPLIED_CHAIN "ptfw.applied"
/* The same of what took single rules' places since, the newest last: this and a number from 1. */
#define NFT_PATCH_CHAIN NFT_APPLIED_CHAIN "."

#endif
