/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message of the kernel about nftables, into what we know of our table.
 *
 * Messages about other tables are passed over in silence: they are somebody else's. Those
 * about ours are believed in nothing: a length that does not fit is -EBADMSG.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/kernel.h"

/* The kernel does not send user data longer than this, nor do we read it. */
#define UDATA_MAX NFT_USERDATA_MAXLEN

int nft_nest(const struct nlattr *attr, const struct nlattr **tb, size_t n)
{
	if (attr)
		return pt_nl_nested(attr, tb, n);
	memset(tb, 0, n * sizeof(*tb));
	return 0;
}

bool nft_attr_is(const struct nlattr *attr, const char *s)
{
	size_t n = strlen(s);

	return attr && mnl_attr_get_payload_len(attr) == n + 1 &&
	       !memcmp(mnl_attr_get_payload(attr), s, n + 1);
}

/* A string of the kernel in the arena; *OUT stays NULL without one. */
static int take_str(struct pt_arena *a, const struct nlattr *attr, const char **out)
{
	char name[NFT_NAME_MAXLEN];
	int rc;

	*out = NULL;
	if (!attr)
		return 0;
	rc = pt_nl_get_str(attr, name, sizeof(name));
	if (rc)
		return rc;
	*out = pt_arena_strdup(a, name);
	return *out ? 0 : -ENOMEM;
}

struct nft_chain *nft_find_chain(const struct pt_nft_objects *o, const char *name)
{
	for (size_t i = 0; i < o->chains.n; i++)
		if (!strcmp(o->chains.v[i].name, name))
			return &o->chains.v[i];
	return NULL;
}

struct nft_set *nft_find_set(const struct pt_nft_objects *o, const char *name)
{
	for (size_t i = 0; i < o->sets.n; i++)
		if (!strcmp(o->sets.v[i].name, name))
			return &o->sets.v[i];
	return NULL;
}

/* ---- generation, table ---- */

static int parse_gen(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_GEN_MAX + 1];
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	return rc ? rc : pt_nl_get_be32(tb[NFTA_GEN_ID], &s->genid);
}

static int parse_table(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_TABLE_MAX + 1];
	uint32_t flags = 0;
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_TABLE_NAME], PT_NFT_TABLE))
		return rc;
	rc = pt_nl_get_be32(tb[NFTA_TABLE_FLAGS], &flags);
	s->present = !rc;
	s->dormant = flags & NFT_TABLE_F_DORMANT;
	return rc;
}

/* ---- chains ---- */

static int parse_hook(struct nft_chain *chain, const struct nlattr *nest)
{
	const struct nlattr *tb[NFTA_HOOK_MAX + 1];
	uint32_t prio = 0;
	int rc;

	rc = nft_nest(nest, tb, PT_ARRAY_SIZE(tb));
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_HOOK_HOOKNUM], &chain->hook);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_HOOK_PRIORITY], &prio);
	chain->prio = (int32_t)prio;
	return rc;
}

/* False: a chain that only has such a name. */
static bool parse_applied(struct pt_nft_state *s, uint32_t number, const struct nlattr *udata)
{
	const uint8_t *data = udata ? mnl_attr_get_payload(udata) : NULL;
	size_t size = udata ? mnl_attr_get_payload_len(udata) : 0;

	if (!number)
		s->objects->applied_chain = true;
	if (!data)
		return !number;
	return nft_applied_read(data, size, number, s);
}

static int parse_chain(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	uint32_t policy = NF_ACCEPT;
	struct nft_chain chain = { 0 };
	uint32_t number;
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_CHAIN_TABLE], PT_NFT_TABLE))
		return rc;
	rc = take_str(s->arena, tb[NFTA_CHAIN_NAME], &chain.name);
	if (!rc && tb[NFTA_CHAIN_USERDATA] && mnl_attr_get_payload_len(tb[NFTA_CHAIN_USERDATA]) > UDATA_MAX)
		return -EBADMSG;
	if (!rc && chain.name && nft_applied_chain(chain.name, &number) && parse_applied(s, number, tb[NFTA_CHAIN_USERDATA]))
		return 0;
	if (!rc && tb[NFTA_CHAIN_HOOK])
		rc = take_str(s->arena, tb[NFTA_CHAIN_TYPE], &chain.type);
	if (!rc)
		rc = parse_hook(&chain, tb[NFTA_CHAIN_HOOK]);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_CHAIN_POLICY], &policy);
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_CHAIN_HANDLE], &chain.handle);
	if (rc || !chain.name || (tb[NFTA_CHAIN_HOOK] && !chain.type))
		return rc ? rc : -EBADMSG;
	chain.policy_drop = policy == NF_DROP;
	return pt_vec_push(s->arena, &s->objects->chains, chain);
}

/* ---- sets ---- */

static enum nft_set_role set_role(const struct nft_set *set, uint32_t flags)
{
	if (flags & NFT_SET_MAP)
		return set->data_type == NFT_DATA_VERDICT ? NFT_SET_VMAP : NFT_SET_PMAP;
	if (!strncmp(set->name, "t.", 2) || !strncmp(set->name, "geoip.", 6))
		return NFT_SET_TABLE;
	if (!strncmp(set->name, "name.", 5) || !strncmp(set->name, "hold.", 5) ||
	    !strncmp(set->name, "time.", 5))
		return NFT_SET_IF;
	if (flags & NFT_SET_EVAL)
		return NFT_SET_SOURCES;
	return strncmp(set->name, "if.", 3) ? NFT_SET_CONST : NFT_SET_IF;
}

static int set_numbers(struct nft_set *set, const struct nlattr **tb, uint32_t *flags)
{
	const struct nlattr *expr[NFTA_EXPR_MAX + 1], *desc[NFTA_SET_DESC_MAX + 1];
	uint32_t key_len = 0;
	uint64_t timeout = 0;
	int rc;

	rc = pt_nl_get_be32(tb[NFTA_SET_FLAGS], flags);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_SET_KEY_TYPE], &set->key_type);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_SET_KEY_LEN], &key_len);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_SET_DATA_TYPE], &set->data_type);
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_SET_DATA_LEN], &set->data_len);
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_SET_TIMEOUT], &timeout);
	if (!rc)
		rc = pt_nl_get_be64(tb[NFTA_SET_HANDLE], &set->handle);
	if (!rc)
		rc = nft_nest(tb[NFTA_SET_EXPR], expr, PT_ARRAY_SIZE(expr));
	if (!rc)
		rc = nft_nest(tb[NFTA_SET_DESC], desc, PT_ARRAY_SIZE(desc));
	if (!rc)
		rc = pt_nl_get_be32(desc[NFTA_SET_DESC_SIZE], &set->size);
	if (rc)
		return rc;
	set->counters = nft_attr_is(expr[NFTA_EXPR_NAME], "counter");
	set->timeout = (uint32_t)(timeout / 1000);
	/* No set of ours has longer keys or data: 0 differs from all of them and is not read. */
	if (key_len <= sizeof(((struct nft_map_elem *)0)->key) &&
	    (set->data_type == NFT_DATA_VERDICT ||
	     set->data_len <= sizeof(((struct nft_map_elem *)0)->data)))
		set->key_len = (uint8_t)key_len;
	return 0;
}

static int parse_set(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_SET_MAX + 1];
	struct nft_set set = { 0 };
	uint32_t flags = 0;
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_SET_TABLE], PT_NFT_TABLE))
		return rc;
	rc = take_str(s->arena, tb[NFTA_SET_NAME], &set.name);
	if (!rc)
		rc = set_numbers(&set, tb, &flags);
	if (rc || !set.name)
		return rc ? rc : -EBADMSG;
	set.interval = flags & NFT_SET_INTERVAL;
	set.has_timeout = flags & NFT_SET_TIMEOUT;
	set.dynamic = flags & NFT_SET_EVAL;
	set.role = set_role(&set, flags);
	set.keys = !strcmp(set.name, NFT_MAP_PASS) || !strcmp(set.name, NFT_MAP_ACT);
	if (set.key_type == NFT_KEY_IPV4)
		set.af = PT_AF_INET;
	else if (set.key_type == NFT_KEY_IPV6)
		set.af = PT_AF_INET6;
	return pt_vec_push(s->arena, &s->objects->sets, set);
}

int nft_parse_elems_set(const struct nlmsghdr *nlh, char name[NFT_NAME_MAXLEN])
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1];
	int rc;

	name[0] = '\0';
	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_SET_ELEM_LIST_TABLE], PT_NFT_TABLE))
		return rc;
	return pt_nl_get_str(tb[NFTA_SET_ELEM_LIST_SET], name, NFT_NAME_MAXLEN);
}

static int parse_elems(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1];
	char name[NFT_NAME_MAXLEN];
	struct nft_set *set;
	int rc;

	rc = nft_parse_elems_set(nlh, name);
	set = rc ? NULL : nft_find_set(s->objects, name);
	if (!set)
		return rc;
	if (!set->pending) {
		set->pending = calloc(1, sizeof(*set->pending));
		if (!set->pending)
			return -ENOMEM;
	}
	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	return rc ? rc : nft_elems_parse(set->pending, set, s->arena,
					 tb[NFTA_SET_ELEM_LIST_ELEMENTS]);
}

/* ---- rules ---- */

/* Dumps come chain by chain, so the chain of the rule before is the best guess, and the next one after. */
static struct nft_chain *rule_chain(struct pt_nft_objects *o, const struct nlattr *attr)
{
	char name[NFT_NAME_MAXLEN] = "";
	struct nft_chain *chain;

	if (o->last_chain < o->chains.n && nft_attr_is(attr, o->chains.v[o->last_chain].name))
		return &o->chains.v[o->last_chain];
	if (o->last_chain + 1 < o->chains.n && nft_attr_is(attr, o->chains.v[o->last_chain + 1].name))
		return &o->chains.v[++o->last_chain];
	if (pt_nl_get_str(attr, name, sizeof(name)))
		return NULL;
	chain = nft_find_chain(o, name);
	if (chain)
		o->last_chain = (size_t)(chain - o->chains.v);
	return chain;
}

static int parse_rule(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct nft_rule rule = { 0 };
	struct nft_chain *chain;
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_RULE_TABLE], PT_NFT_TABLE))
		return rc;
	chain = rule_chain(s->objects, tb[NFTA_RULE_CHAIN]);
	if (!chain)
		return 0;
	rc = pt_nl_get_be64(tb[NFTA_RULE_HANDLE], &rule.handle);
	if (!rc)
		rc = nft_rule_parse(tb[NFTA_RULE_EXPRESSIONS], tb[NFTA_RULE_USERDATA], s->arena,
				    &rule);
	return rc ? rc : pt_vec_push(s->arena, &chain->rules, rule);
}

/* ---- all of them ---- */

static const struct message_parser {
	uint16_t type;
	bool objects; /* needs a place for them */
	int (*parse)(struct pt_nft_state *s, const struct nlmsghdr *nlh);
} parsers[] = {
	{ NFT_MSG_NEWGEN, false, parse_gen },
	{ NFT_MSG_NEWTABLE, false, parse_table },
	{ NFT_MSG_NEWCHAIN, true, parse_chain },
	{ NFT_MSG_NEWSET, true, parse_set },
	{ NFT_MSG_NEWSETELEM, true, parse_elems },
	{ NFT_MSG_NEWRULE, true, parse_rule },
	{ NFT_MSG_NEWOBJ, true, nft_parse_object },
};

int pt_nft_parse(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	uint16_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return 0;
	if (nlh->nlmsg_len < sizeof(*nlh) + sizeof(*nfg))
		return -EBADMSG;
	if (type != NFT_MSG_NEWGEN && nfg->nfgen_family != NFPROTO_INET)
		return 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(parsers); i++) {
		if (parsers[i].type != type)
			continue;
		if (parsers[i].objects && nft_state_ready(s))
			return -ENOMEM;
		return parsers[i].parse(s, nlh);
	}
	return 0;
}
