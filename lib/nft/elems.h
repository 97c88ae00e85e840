/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elements of sets, one by one, between the messages and the interval sets. */
#ifndef NFT_ELEMS_H
#define NFT_ELEMS_H

#include <linux/netlink.h>

#include "nft/objects.h"

/* The kernel knows an interval as two elements, its first key and the key behind its last. */
enum nft_elem_state { NFT_ELEM_WHOLE, NFT_ELEM_START, NFT_ELEM_END };

#define NFT_TIMEOUT_OF_SET UINT64_MAX /* as long as the set says */

struct nft_elem {
	pt_u128 lo, hi;                /* START: LO; END: LO is the key behind the interval */
	uint64_t timeout, expires;     /* milliseconds, 0: none; for writing also NFT_TIMEOUT_OF_SET */
	uint64_t packets, bytes;
	uint8_t state;
	bool has_counter;
	bool added;                    /* at run time: the kernel keeps our mark with it */
};

struct nft_elems {
	struct nft_elem *v; /* malloc'ed */
	size_t n, cap;
};

void nft_elems_fini(struct nft_elems *e);
/* Takes the elements out of the list of one message about SET (elements of a map go into set->map,
 * whose memory is A's). */
int nft_elems_parse(struct nft_elems *e, struct nft_set *set, struct pt_arena *a,
		    const struct nlattr *attr) PT_MUST;
/* Brings all of them into order and pairs the halves. MAX: the highest key of the set. */
void nft_elems_finish(struct nft_elems *e, pt_u128 max);
pt_u128 nft_key_max(const struct nft_set *set);
void nft_key_to_bytes(pt_u128 key, uint8_t *out, size_t len);

/* Walks the elements that an interval set becomes in a kernel set: intervals, or single keys. */
struct nft_elem_walk {
	const struct pt_iset *from;
	size_t i;
	pt_u128 done; /* keys of from->v[i] that were given out, for sets of single keys */
};
/* Fills OUT with up to MAX elements and returns how many; 0 at the end. */
size_t nft_elem_walk_next(struct nft_elem_walk *w, bool interval, struct nft_elem *out, size_t max);

typedef int (*nft_elems_take)(bool add, pt_u128 lo, pt_u128 hi, void *arg);

/* What has to be deleted from HAVE, a set of the kernel's, and what added, so that its elements cover exactly WANT,
 * for good, each in ascending order. Deletions name elements as the kernel has them. 0, or what TAKE returned. */
int nft_elems_delta(const struct nft_set *have, const struct pt_iset *want, nft_elems_take take, void *arg) PT_MUST;

#endif
