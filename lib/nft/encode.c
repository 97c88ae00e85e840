/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages about the table, its chains and its rules. Every function writes one message into a
 * batch, so that one cookie names one object.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/encode.h"

struct nlmsghdr *nft_message(struct pt_nl_batch *b, uint16_t type, uint16_t flags, size_t bytes)
{
	void *room = pt_nl_batch_room(b, bytes + NFT_HEADER_BYTES);

	return room ? nftnl_nlmsg_build_hdr(room, type, NFPROTO_INET, flags, 0) : NULL;
}

void nft_put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(nlh, type, htonl(v));
}

void nft_put_be64(struct nlmsghdr *nlh, uint16_t type, uint64_t v)
{
	mnl_attr_put_u64(nlh, type, htobe64(v));
}

int nft_put_table(struct pt_nl_batch *b, uint64_t cookie)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, PT_NFT_TABLE);
	nft_put_be32(nlh, NFTA_TABLE_FLAGS, 0);
	return pt_nl_batch_commit(b, nlh, cookie);
}

/* ---- chains ---- */

/* For a chain that exists this changes its policy and nothing else. */
int nft_put_chain(struct pt_nl_batch *b, uint64_t cookie, const struct nft_chain *chain)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, 0);
	struct nlattr *nest;

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, chain->table ? chain->table : PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
	if (chain->type) {
		nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
		nft_put_be32(nlh, NFTA_HOOK_HOOKNUM, chain->hook);
		nft_put_be32(nlh, NFTA_HOOK_PRIORITY, (uint32_t)chain->prio);
		mnl_attr_nest_end(nlh, nest);
		nft_put_be32(nlh, NFTA_CHAIN_POLICY, chain->policy_drop ? NF_DROP : NF_ACCEPT);
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, chain->type);
	}
	return pt_nl_batch_commit(b, nlh, cookie);
}

int nft_del_chain(struct pt_nl_batch *b, uint64_t cookie, const char *name)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_DELCHAIN, 0, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	return pt_nl_batch_commit(b, nlh, cookie);
}

int nft_put_applied(struct pt_nl_batch *b, uint64_t cookie, const struct nft_applied *a)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, 0);
	uint8_t udata[NFT_USERDATA_MAXLEN];
	char name[NFT_SETNAME_MAX];

	if (!nlh)
		return -ENOMEM;
	nft_applied_name(a->number, name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	mnl_attr_put(nlh, NFTA_CHAIN_USERDATA, nft_applied_write(a, udata), udata);
	return pt_nl_batch_commit(b, nlh, cookie);
}

/* ---- rules ---- */

int nft_put_rule(struct pt_nl_batch *b, uint64_t cookie, const char *chain, struct nftnl_rule *r,
		 uint64_t before)
{
	uint16_t flags = before ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_APPEND;
	struct nlmsghdr *nlh;

	nlh = nft_message(b, NFT_MSG_NEWRULE, flags, nft_rule_bytes(r));
	if (!nlh)
		return -ENOMEM;
	nftnl_rule_nlmsg_build_payload(nlh, r);
	if (!nftnl_rule_is_set(r, NFTNL_RULE_TABLE))
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, PT_NFT_TABLE);
	if (!nftnl_rule_is_set(r, NFTNL_RULE_CHAIN))
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	if (before)
		nft_put_be64(nlh, NFTA_RULE_POSITION, before);
	return pt_nl_batch_commit(b, nlh, cookie);
}

int nft_del_rule(struct pt_nl_batch *b, uint64_t cookie, const char *chain, uint64_t handle)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_DELRULE, 0, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	if (handle)
		nft_put_be64(nlh, NFTA_RULE_HANDLE, handle);
	return pt_nl_batch_commit(b, nlh, cookie);
}
