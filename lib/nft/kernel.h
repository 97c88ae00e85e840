/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of this folder that talk to the kernel. */
#ifndef NFT_KERNEL_H
#define NFT_KERNEL_H

#include <linux/netfilter/nf_tables.h>

#include "nft/elems.h"
#include "nft/objects.h"

/* ---- rule.c ---- */

size_t nft_udata_put(uint8_t *to, size_t at, uint8_t type, const void *value, size_t len);
const uint8_t *nft_udata_find(const uint8_t *data, size_t size, uint8_t type, size_t *len);
/* User data of an element that counts for a rule; its length. */
size_t nft_elem_identity(uint8_t out[NFT_USERDATA_MAXLEN], uint32_t id, const char *name);
uint32_t nft_elem_id(const struct nlattr *udata); /* 0: none */
#define NFT_ELEM_ADDED 1u /* in the place of a rule: it came at run time */
bool nft_rule_uses_set(struct nftnl_rule *r, bool (*match)(const char *set, const void *arg),
		       const void *arg);
/* Bytes that its expressions take at most. */
size_t nft_rule_bytes(struct nftnl_rule *r);
/* Headers, names and user data of one message. */
#define NFT_HEADER_BYTES 2048

/* ---- digest.c ---- */

/* What the kernel says of a rule: digest, identity, counters. */
int nft_rule_parse(const struct nlattr *exprs, const struct nlattr *udata, struct pt_arena *a,
		   struct nft_rule *rule) PT_MUST;

/* ---- name.c ---- */

/* Takes "t.NAME.4" apart; NAME is not terminated. */
bool nft_table_name_of(const char *set, const char **name, size_t *len, enum pt_af *af);

/* nft's numbers of the types of keys that are addresses, fixed by its user interface. */
enum { NFT_KEY_IPV4 = 7, NFT_KEY_IPV6 = 8, NFT_KEY_IFNAME = 41 };

/* ---- timeouts.c ---- */

int nft_put_timeouts(struct pt_nl_batch *b, uint64_t cookie, const struct nft_timeouts *t) PT_MUST;
int nft_parse_object(struct pt_nft_state *s, const struct nlmsghdr *nlh) PT_MUST;

/* ---- parse.c ---- */

/* pt_nl_nested() where a missing nest is an empty one. */
int nft_nest(const struct nlattr *attr, const struct nlattr **tb, size_t n) PT_MUST;
/* Whether ATTR is there and is the string S. */
bool nft_attr_is(const struct nlattr *attr, const char *s);
/* The name of the set that an element message is about, "" if of another table. */
int nft_parse_elems_set(const struct nlmsghdr *nlh, char name[NFT_NAME_MAXLEN]) PT_MUST;

/* ---- encode.c, encode_set.c: one message each into a batch; 0 or -ENOMEM ---- */

int nft_put_table(struct pt_nl_batch *b, uint64_t cookie) PT_MUST;
int nft_put_chain(struct pt_nl_batch *b, uint64_t cookie, const struct nft_chain *chain) PT_MUST;
int nft_del_chain(struct pt_nl_batch *b, uint64_t cookie, const char *name) PT_MUST;
struct nft_applied {
	const char *digest, *path; /* NULL: "" */
	const char *before;        /* NULL: none */
	uint64_t when;
	struct nft_note note;
	uint32_t number;           /* of the patch, 0: of the apply as a whole */
	struct nft_patch patch;
};
int nft_put_applied(struct pt_nl_batch *b, uint64_t cookie, const struct nft_applied *a) PT_MUST;
/* BEFORE: handle of the rule to stand in front of, 0: at the end. */
int nft_put_rule(struct pt_nl_batch *b, uint64_t cookie, const char *chain, struct nftnl_rule *r,
		 uint64_t before) PT_MUST;
int nft_del_rule(struct pt_nl_batch *b, uint64_t cookie, const char *chain, uint64_t handle) PT_MUST;
/* SIZE: what the set will ever hold, 0: unknown. */
int nft_put_set(struct pt_nl_batch *b, uint64_t cookie, const struct nft_set *set,
		size_t size) PT_MUST;
int nft_del_set(struct pt_nl_batch *b, uint64_t cookie, const char *name) PT_MUST;

#define NFT_ELEMS_PER_MESSAGE 512 /* an attribute holds less than 64 KiB: 512 of 100 bytes fit */
#define NFT_MAP_ELEMS_PER_MESSAGE 128 /* of 480 bytes, names included */
/* One key of an interval, in a list of elements: its first with START's times, or (NULL) that behind its last. */
void nft_put_half(struct nlmsghdr *nlh, const struct nft_set *set, pt_u128 key, const struct nft_elem *start);
/* ADD or delete; at most that many. */
int nft_put_elems(struct pt_nl_batch *b, uint64_t cookie, bool add, const struct nft_set *set,
		  const struct nft_elem *v, size_t n) PT_MUST;
int nft_put_map_elems(struct pt_nl_batch *b, uint64_t cookie, bool add, const struct nft_set *set,
		      const struct nft_map_elem *v, size_t n) PT_MUST;

/* The generation behind GENID: the kernel's numbers go round without 0. */
static inline uint32_t nft_next_generation(uint32_t genid)
{
	return genid + 1 ? genid + 1 : 1;
}

/* ---- applied.c ---- */

/* The user data of NFT_APPLIED_CHAIN; its length. */
size_t nft_applied_write(const struct nft_applied *a, uint8_t out[NFT_USERDATA_MAXLEN]);
/* NUMBER: of the patch, 0: of the apply as a whole. They come in their order. False: it is none of ours. */
bool nft_applied_read(const uint8_t *data, size_t size, uint32_t number, struct pt_nft_state *s);
/* Whether a chain is one of those, and the number of which. */
bool nft_applied_chain(const char *name, uint32_t *number);
void nft_applied_name(uint32_t number, char out[NFT_SETNAME_MAX]);

/* What the sets of WANT will hold in the generation after GENID, which a batch bound to GENID begins.
 * KEYS: the maps of the classifier's keys, too. */
void nft_note_make(struct nft_note *note, const struct pt_nft_objects *want,
		   const struct pt_nft_state *have, uint32_t genid, bool keys);
/* Whether HAVE, in generation GENID, is known to hold what WANT wants, so that it need not be read. */
bool nft_note_knows(const struct nft_note *note, uint32_t genid, const struct nft_set *want,
		    const struct nft_set *have);
/* Nothing differs, and a big set had to be read for that: the next time a note will do. */
bool nft_note_due(const struct pt_nft_objects *want, const struct pt_nft_state *have);
/* It is noted of SET, which was left unread, that all of it was there when the file was applied. */
bool nft_note_pure(const struct pt_nft_state *have, const struct nft_set *set);

/* ---- patch.c ---- */

/* Marks the elements of SET, a map of keys, that rules left behind which others took the places of. */
void nft_patches_mark(const struct pt_nft_objects *o, struct nft_set *set);
bool nft_patches_retired(const struct pt_nft_objects *o, uint32_t key);

/* ---- read.c: questions shared with table.c; no records, the caller knows the purpose ---- */

#define NFT_TRIES 16 /* of reading again after somebody else's change */

/* Starts a question of TYPE (NFT_MSG_*) in BUF. */
struct nlmsghdr *nft_question(void *buf, uint16_t type, uint16_t flags);
int nft_ask_genid(struct pt_nl *nf, uint32_t *genid) PT_MUST;
/* -ENOENT: there is no table of ours. */
int nft_ask_table(struct pt_nl *nf, struct pt_nft_state *s) PT_MUST;
int nft_ask_sets(struct pt_nl *nf, struct pt_nft_state *s) PT_MUST;
/* Elements of SET: into set->pending, map elements into set->map; unfinished. */
int nft_ask_elems(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set) PT_MUST;
struct pt_nft_state *nft_state_new(void); /* NULL: no memory */
int nft_state_ready(struct pt_nft_state *s) PT_MUST; /* makes what an all-zero one lacks */
void nft_set_forget(struct nft_set *set);
/* diff_sets.c: whether one can become the other by its elements alone. */
bool nft_set_same_make(const struct nft_set *want, const struct nft_set *have);
bool nft_map_elem_same(const struct nft_map_elem *x, const struct nft_map_elem *y);
/* What is pending becomes elems and raw. */
int nft_set_finish(struct nft_set *set, struct pt_arena *a) PT_MUST;
struct nft_set *nft_find_set(const struct pt_nft_objects *o, const char *name);
struct nft_chain *nft_find_chain(const struct pt_nft_objects *o, const char *name);

/* ---- commit.c ---- */

/* A refusal in words: what the kernel's answer to WHAT means. */
void nft_refusal(struct pt_err *e, const struct pt_loc *loc, const char *what,
		 const struct pt_nl_refusal *r);

#endif
