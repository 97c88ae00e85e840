/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages about sets, maps and their elements. */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/encode.h"

#define ELEM_BYTES 100     /* both halves of an IPv6 interval with its two times and our mark */
#define MAP_ELEM_BYTES 480 /* key, data, the longest names of a chain and of a rule, counter, heads */

/* How `nft list` learns in which order the bytes of a bare number stand. */
enum { BYTEORDER_HOST = 1, BYTEORDER_BIG = 2 };

static uint32_t set_flags(const struct nft_set *set)
{
	uint32_t flags = 0;

	if (set->interval)
		flags |= NFT_SET_INTERVAL;
	if (set->has_timeout)
		flags |= NFT_SET_TIMEOUT;
	if (set->role == NFT_SET_VMAP || set->role == NFT_SET_PMAP)
		flags |= NFT_SET_MAP;
	if (set->dynamic)
		flags |= NFT_SET_EVAL;
	return flags;
}

static void put_data_type(struct nlmsghdr *nlh, const struct nft_set *set)
{
	if (set->role == NFT_SET_VMAP) {
		nft_put_be32(nlh, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	} else if (set->role == NFT_SET_PMAP) {
		nft_put_be32(nlh, NFTA_SET_DATA_TYPE, set->data_type);
		nft_put_be32(nlh, NFTA_SET_DATA_LEN, set->data_len);
	}
}

/* A hash table of known size is laid out once instead of growing. Halves of intervals count one
 * by one in some kernels. */
static void put_size(struct nlmsghdr *nlh, const struct nft_set *set, size_t size)
{
	struct nlattr *nest;

	if (!size || size > UINT32_MAX / 2)
		return;
	nest = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	nft_put_be32(nlh, NFTA_SET_DESC_SIZE, (uint32_t)(set->interval ? 2 * size : size));
	mnl_attr_nest_end(nlh, nest);
}

static void put_byteorder(struct nlmsghdr *nlh, const struct nft_set *set)
{
	bool host = set->role == NFT_SET_VMAP || set->keys || set->key_type == NFT_KEY_IFNAME;
	uint32_t order = host ? BYTEORDER_HOST : BYTEORDER_BIG;
	uint8_t udata[8];

	mnl_attr_put(nlh, NFTA_SET_USERDATA,
		     nft_udata_put(udata, 0, NFTNL_UDATA_SET_KEYBYTEORDER, &order, sizeof(order)),
		     udata);
}

int nft_put_set(struct pt_nl_batch *b, uint64_t cookie, const struct nft_set *set, size_t size)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWSET, NLM_F_CREATE, 0);
	struct nlattr *nest;

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, set->table ? set->table : PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	nft_put_be32(nlh, NFTA_SET_FLAGS, set_flags(set));
	nft_put_be32(nlh, NFTA_SET_KEY_TYPE, set->key_type);
	nft_put_be32(nlh, NFTA_SET_KEY_LEN, set->key_len);
	put_data_type(nlh, set);
	nft_put_be32(nlh, NFTA_SET_ID, (uint32_t)pt_nl_batch_count(b) + 1);
	if (set->has_timeout && set->timeout)
		nft_put_be64(nlh, NFTA_SET_TIMEOUT, (uint64_t)set->timeout * 1000);
	put_size(nlh, set, size);
	put_byteorder(nlh, set);
	if (set->counters) {
		nest = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
		mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
		mnl_attr_nest_end(nlh, nest);
	}
	return pt_nl_batch_commit(b, nlh, cookie);
}

int nft_del_set(struct pt_nl_batch *b, uint64_t cookie, const char *name)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_DELSET, 0, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	return pt_nl_batch_commit(b, nlh, cookie);
}

/* ---- elements ---- */

static struct nlmsghdr *elems_message(struct pt_nl_batch *b, bool add, const struct nft_set *set,
				      size_t bytes, struct nlattr **list)
{
	struct nlmsghdr *nlh;

	nlh = nft_message(b, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0,
			  bytes);
	if (!nlh)
		return NULL;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, set->table ? set->table : PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	*list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	return nlh;
}

static void put_data(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

/* In a set with a time-out of its own, an element without one says so: else it would take the set's. */
static void put_times(struct nlmsghdr *nlh, const struct nft_set *set, const struct nft_elem *el)
{
	if ((el->timeout || set->timeout) && el->timeout != NFT_TIMEOUT_OF_SET)
		nft_put_be64(nlh, NFTA_SET_ELEM_TIMEOUT, el->timeout);
	if (el->expires)
		nft_put_be64(nlh, NFTA_SET_ELEM_EXPIRATION, el->expires);
}

void nft_put_half(struct nlmsghdr *nlh, const struct nft_set *set, pt_u128 key, const struct nft_elem *start)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	uint8_t bytes[16], mark[NFT_USERDATA_MAXLEN];

	nft_key_to_bytes(key, bytes, set->key_len);
	put_data(nlh, NFTA_SET_ELEM_KEY, bytes, set->key_len);
	if (start)
		put_times(nlh, set, start);
	if (start && start->added)
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, nft_elem_identity(mark, NFT_ELEM_ADDED, NULL), mark);
	if (!start)
		nft_put_be32(nlh, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	mnl_attr_nest_end(nlh, nest);
}

int nft_put_elems(struct pt_nl_batch *b, uint64_t cookie, bool add, const struct nft_set *set,
		  const struct nft_elem *v, size_t n)
{
	pt_u128 max = nft_key_max(set);
	struct nlmsghdr *nlh;
	struct nlattr *list;

	nlh = elems_message(b, add, set, n * ELEM_BYTES, &list);
	if (!nlh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		nft_put_half(nlh, set, v[i].lo, &v[i]);
		if (set->interval && v[i].hi != max) /* nothing ends an interval up to the last key */
			nft_put_half(nlh, set, v[i].hi + 1, NULL);
	}
	mnl_attr_nest_end(nlh, list);
	return pt_nl_batch_commit(b, nlh, cookie);
}

static void put_verdict(struct nlmsghdr *nlh, const struct nft_map_elem *el)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	nft_put_be32(nlh, NFTA_VERDICT_CODE, (uint32_t)(el->chain ? NFT_GOTO : el->verdict));
	if (el->chain)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, el->chain);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}

/* Where it begins to count: an element that moves to a new set brings what it has. */
static void put_counter(struct nlmsghdr *nlh, const struct nft_map_elem *el)
{
	struct nlattr *expr = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	nft_put_be64(nlh, NFTA_COUNTER_BYTES, el->bytes);
	nft_put_be64(nlh, NFTA_COUNTER_PACKETS, el->packets);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expr);
}

static void put_map_elem(struct nlmsghdr *nlh, const struct nft_map_elem *el, bool add)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	uint8_t udata[NFT_USERDATA_MAXLEN];
	size_t n;

	put_data(nlh, NFTA_SET_ELEM_KEY, el->key, el->key_len);
	if (add && el->data_len)
		put_data(nlh, NFTA_SET_ELEM_DATA, el->data, el->data_len);
	else if (add)
		put_verdict(nlh, el);
	n = add ? nft_elem_identity(udata, el->id, el->name) : 0;
	if (n)
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, n, udata);
	if (add && el->packets)
		put_counter(nlh, el);
	mnl_attr_nest_end(nlh, nest);
}

int nft_put_map_elems(struct pt_nl_batch *b, uint64_t cookie, bool add, const struct nft_set *set,
		      const struct nft_map_elem *v, size_t n)
{
	struct nlmsghdr *nlh;
	struct nlattr *list;

	nlh = elems_message(b, add, set, n * MAP_ELEM_BYTES, &list);
	if (!nlh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		put_map_elem(nlh, &v[i], add);
	mnl_attr_nest_end(nlh, list);
	return pt_nl_batch_commit(b, nlh, cookie);
}
