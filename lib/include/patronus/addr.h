/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * addr - addresses, prefixes and interval sets.
 *
 * Sets over every dimension of a rule (addresses of one family, ports, types)
 * are one type: sorted, disjoint, non-adjacent closed intervals of 128-bit
 * numbers. An IPv4 address is its 32-bit value in host order, an IPv6 address
 * its 128-bit value, a port its 16-bit value.
 */
#ifndef PATRONUS_ADDR_H
#define PATRONUS_ADDR_H

#include <patronus/base.h>

__extension__ typedef unsigned __int128 pt_u128;

enum pt_af { PT_AF_NONE = 0, PT_AF_INET = 1, PT_AF_INET6 = 2 }; /* also bits of a mask */
#define PT_AF_BOTH 3

struct pt_addr {
	enum pt_af af;
	pt_u128 v;
};

struct pt_prefix {
	struct pt_addr addr; /* host bits may be set: see pt_prefix_net() */
	uint8_t len;
};

PT_API unsigned int pt_af_bits(enum pt_af af);  /* 32 or 128 */
PT_API pt_u128 pt_af_max(enum pt_af af);
/* Lowest and highest address of a prefix. */
PT_API pt_u128 pt_prefix_lo(const struct pt_prefix *p);
PT_API pt_u128 pt_prefix_hi(const struct pt_prefix *p);

/* Strict textual forms: no leading zeros in IPv4, no zone; -EINVAL. */
PT_API int pt_addr_parse(const char *s, struct pt_addr *out) PT_MUST;
/* "10.0.0.0/8", "10.0.0.1" (as /32). Host bits are kept, never masked. */
PT_API int pt_prefix_parse(const char *s, struct pt_prefix *out) PT_MUST;
PT_API void pt_addr_fmt(struct pt_buf *b, struct pt_addr a);
PT_API void pt_prefix_fmt(struct pt_buf *b, struct pt_prefix p); /* without "/32", "/128" */
/* The text of A at P, without a NUL; the place behind. There must be room for PT_ADDR_TEXT bytes. */
#define PT_ADDR_TEXT 46
PT_API char *pt_addr_put(char *p, struct pt_addr a);
/* To and from network byte order; N is 4 or 16. */
PT_API void pt_addr_to_bytes(struct pt_addr a, uint8_t *out);
PT_API struct pt_addr pt_addr_from_bytes(const uint8_t *in, size_t n);

struct pt_ival {
	pt_u128 lo, hi;
};

struct pt_iset { /* seven in each rule: small */
	struct pt_ival *v;
	uint32_t n;
	uint32_t cap : 31;
	bool dirty : 1; /* added to since the last pt_iset_norm() */
};
#define PT_ISET_MAX ((size_t)INT32_MAX)

/* Memory of V belongs to the arena passed to the functions that grow the set
 * (always the same one for one set), or, with a NULL arena, to the caller
 * (pt_iset_fini). All return 0 or -ENOMEM. */
PT_API void pt_iset_fini(struct pt_iset *s);
PT_API int pt_iset_add(struct pt_arena *a, struct pt_iset *s, pt_u128 lo, pt_u128 hi) PT_MUST;
PT_API void pt_iset_norm(struct pt_iset *s); /* sorts, merges overlapping and adjacent */
/* The following expect normal sets and leave normal sets. OUT differs from the inputs. */
PT_API int pt_iset_union(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
			 const struct pt_iset *y) PT_MUST;
PT_API int pt_iset_intersect(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
			     const struct pt_iset *y) PT_MUST;
PT_API int pt_iset_subtract(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
			    const struct pt_iset *y) PT_MUST;
/* All of 0..max that is not in X. */
PT_API int pt_iset_complement(struct pt_arena *a, struct pt_iset *out, const struct pt_iset *x,
			      pt_u128 max) PT_MUST;
PT_API bool pt_iset_has(const struct pt_iset *s, pt_u128 v); /* binary search */
PT_API bool pt_iset_covers(const struct pt_iset *s, pt_u128 lo, pt_u128 hi);
PT_API bool pt_iset_equal(const struct pt_iset *x, const struct pt_iset *y);

/* Calls FN with the fewest prefixes that make up LO..HI, in order; stops at and
 * returns the first non-zero result. */
PT_API int pt_range_prefixes(enum pt_af af, pt_u128 lo, pt_u128 hi,
			     int (*fn)(struct pt_prefix p, void *arg), void *arg);
/* "10.0.0.0/8", or "10.0.0.3-10.0.0.9" where it is not one prefix. */
PT_API void pt_range_fmt(struct pt_buf *b, enum pt_af af, pt_u128 lo, pt_u128 hi);

/* ---- names of hosts, in place of addresses ---- */

/* "www.example.org", "host.": with a dot, at most 253 bytes, the last label begins with a letter. */
PT_API bool pt_host_name_ok(const char *s);
/* "*.example.org": names that nobody can list. */
PT_API bool pt_host_name_wild(const char *s);
/* One form for all spellings: small letters, no final dot. NULL: out of memory. */
PT_API char *pt_host_name_plain(struct pt_arena *a, const char *s);

#endif
