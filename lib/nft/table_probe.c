/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Elements by their keys.
 *
 * For each packet of a dump the kernel walks from the set's beginning: a million elements take it a minute. A
 * question for one key costs the same in every set. It is answered with one half of an interval: the start
 * at or below the key unless an end comes between them, the end at or above it unless a start does.
 */
#include <errno.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/table.h"

#define QUESTION_BYTES 1024 /* a header, two names and a key */

struct half {
	struct pt_nft_state *s;
	struct nft_set *set;
	struct nft_elems got;
};

static int take_half(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1];
	struct half *h = arg;
	int rc;

	if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWSETELEM)
		return 0;
	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	return rc ? rc : nft_elems_parse(&h->got, h->set, h->s->arena, tb[NFTA_SET_ELEM_LIST_ELEMENTS]);
}

static int ask_half(struct pt_nl *nf, struct half *h, enum nft_elem_state which, pt_u128 key, struct nft_elem *out)
{
	const struct nft_elem start = { .timeout = NFT_TIMEOUT_OF_SET };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSETELEM, 0);
	struct nlattr *list;
	int rc;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, h->set->name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	nft_put_half(nlh, h->set, key, which == NFT_ELEM_START ? &start : NULL);
	mnl_attr_nest_end(nlh, list);
	h->got.n = 0;
	rc = pt_nl_talk(nf, nlh, take_half, h);
	if (rc)
		return rc;
	if (!h->got.n) /* some kernels say nothing instead */
		return -ENOENT;
	*out = h->got.v[0];
	return 0;
}

/* Where another element begins right behind KEY, that start or its end may be told instead of the end there. */
static int find_end(struct pt_nl *nf, struct half *h, pt_u128 key, struct nft_elem *el)
{
	struct nft_elem end, last;
	int rc;

	el->hi = nft_key_max(h->set);
	if (key == el->hi)
		return 0;
	rc = ask_half(nf, h, NFT_ELEM_END, key + 1, &end);
	if (rc && rc != -ENOENT) /* nothing ends an interval up to the last key */
		return rc;
	if (!rc && end.lo <= key)
		return -EBADMSG;
	if (!rc)
		el->hi = end.lo - 1;
	rc = ask_half(nf, h, NFT_ELEM_START, el->hi, &last);
	if (rc)
		return rc == -ENOENT ? -EAGAIN : rc;
	if (last.lo == el->lo)
		return 0;
	el->hi = key;
	return last.lo == key + 1 ? 0 : -EAGAIN;
}

int nft_probe(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set, pt_u128 key, struct nft_elem *el)
{
	struct half h = { .s = s, .set = set };
	int rc;

	rc = ask_half(nf, &h, NFT_ELEM_START, key, el);
	if (!rc && (el->state != NFT_ELEM_START || el->lo > key))
		rc = -EBADMSG;
	if (!rc) {
		el->state = NFT_ELEM_WHOLE;
		rc = find_end(nf, &h, key, el);
	}
	nft_elems_fini(&h.got);
	return rc;
}

/* ---- many keys ---- */

struct probes {
	struct pt_nl *nf;
	struct pt_nft_state *s;
	struct nft_set *set;
	size_t left;   /* questions */
	bool *guessed; /* NULL: not allowed */
};

/* From KEY on: too much to look at key by key. The kernel refuses to put an element around others, but for one up to
 * the last key, which no end closes. */
static int guess_gap(const struct probes *p, pt_u128 hi)
{
	struct nft_elem el;
	int rc;

	if (!p->guessed || hi == nft_key_max(p->set))
		return -E2BIG;
	rc = nft_probe(p->nf, p->s, p->set, hi, &el);
	if (rc != -ENOENT)
		return rc ? rc : -E2BIG;
	*p->guessed = true;
	return 0;
}

static int probe_range(struct probes *p, const struct pt_ival *range)
{
	struct nft_elems *found = p->set->pending;
	pt_u128 key = range->lo;
	struct nft_elem el;
	int rc;

	for (; p->left; p->left--, key++) {
		rc = nft_probe(p->nf, p->s, p->set, key, &el);
		if (rc && rc != -ENOENT)
			return rc;
		/* One element can hold the keys of two ranges. */
		if (!rc && (!found->n || found->v[found->n - 1].lo != el.lo) && pt_vec_push(NULL, found, el))
			return -ENOMEM;
		if (!rc)
			key = el.hi;
		if (key >= range->hi)
			return 0;
		if (rc && range->hi - key > p->left)
			return guess_gap(p, range->hi);
	}
	return -E2BIG;
}

int nft_probe_ranges(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set, const struct pt_iset *ranges,
		     bool *guessed)
{
	struct probes p = { .nf = nf, .s = s, .set = set, .left = NFT_PROBE_KEYS, .guessed = guessed };
	int rc = ranges->n > p.left ? -E2BIG : 0;

	if (!set->pending)
		set->pending = calloc(1, sizeof(*set->pending));
	if (!set->pending)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < ranges->n; i++)
		rc = probe_range(&p, &ranges->v[i]);
	nft_default_timeout(set);
	return rc;
}

/* ---- what is in a table ---- */

/* Whether elements without gaps cover RANGE; -E2BIG: more elements than LEFT. */
static int probe_cover(struct pt_nl *nf, struct nft_table *t, struct pt_nft_range *range, size_t *left)
{
	struct nft_set *set = t->set[range->af == PT_AF_INET6];
	pt_u128 key = range->lo;
	struct nft_elem el;
	int rc = 0;

	range->in = false;
	while (set && !rc && !range->in) {
		if (!(*left)--)
			return -E2BIG;
		rc = nft_probe(nf, t->s, set, key, &el);
		range->in = !rc && el.hi >= range->hi;
		key = rc ? key : el.hi + 1;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int probe_all(struct pt_nl *nf, struct nft_table *t, struct pt_nft_range *v, size_t n)
{
	size_t left = NFT_PROBE_KEYS;
	int rc = n > left ? -E2BIG : 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = probe_cover(nf, t, &v[i], &left);
	return rc;
}

static int read_and_look(struct pt_nl *nf, struct nft_table *t, struct pt_nft_range *v, size_t n, struct pt_err *e)
{
	const struct nft_set *set;
	int rc;

	rc = nft_table_read(nf, t, e);
	for (size_t i = 0; !rc && i < 2; i++)
		if (t->set[i] && nft_set_finish(t->set[i], t->s->arena))
			rc = pt_err_sys(e, -ENOMEM, "reading the table \"%s\"", t->name);
	for (size_t i = 0; !rc && i < n; i++) {
		set = t->set[v[i].af == PT_AF_INET6];
		v[i].in = set && pt_iset_covers(&set->elems, v[i].lo, v[i].hi);
	}
	return rc;
}

int pt_nft_table_test(struct pt_nl *nf, const char *name, struct pt_nft_range *v, size_t n, struct pt_err *e)
{
	struct nft_table t;
	int rc;

	rc = nft_table_open(nf, name, &t, e);
	if (!rc) {
		rc = nft_table_has_ranges(&t) ? probe_all(nf, &t, v, n) : -E2BIG;
		if (rc == -E2BIG || rc == -EAGAIN)
			rc = read_and_look(nf, &t, v, n, e);
		else if (rc)
			rc = pt_err_sys(e, rc, "reading the table \"%s\"", name);
	}
	nft_table_fini(&t);
	return rc;
}
