/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What went through the rules as a whole, and how much a table holds, without reading what may be long.
 *
 * Every packet of a hook meets one counter that decides: that of its state, of the rule that judged it, or of the end
 * of the rules. Which direction a chain judges is in its name.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/kernel.h"
#include "nft/lower.h"

#define QUESTION_BYTES 1024 /* a header and two names */

/* ---- traffic ---- */

static const struct {
	const char *name;
	bool whole;    /* the name, not its beginning */
	enum pt_dir dir;
} chains[] = {
	{ "prerouting", true, PT_IN }, { "judged", true, PT_IN }, { "forward", true, PT_OUT }, { "output", true, PT_OUT },
	{ "in", false, PT_IN },	       { "act.", false, PT_IN },  { "out", false, PT_OUT },
};

static bool judges(const char *name, bool *out)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(chains); i++) {
		size_t n = strlen(chains[i].name);

		if (strncmp(name, chains[i].name, n) != 0 || (chains[i].whole && name[n]))
			continue;
		/* "in", "in.3", "in-reply": not "inside" */
		if (!chains[i].whole && name[n] && name[n] != '.' && name[n] != '-' && chains[i].name[n - 1] != '.')
			continue;
		*out = chains[i].dir == PT_OUT;
		return true;
	}
	return false;
}

static void add(struct pt_nft_sum *sum, uint64_t packets, uint64_t bytes)
{
	sum->packets += packets;
	sum->bytes += bytes;
}

struct asker {
	enum pt_nft_fate (*fate)(uint32_t id, void *arg);
	void *arg;
	struct pt_nft_traffic *sums;
};

static void add_judged(const struct asker *a, uint32_t id, bool out, uint64_t packets, uint64_t bytes)
{
	switch (a->fate(id, a->arg)) {
	case PT_NFT_PASSED:
		add(&a->sums->passed[out], packets, bytes);
		break;
	case PT_NFT_BLOCKED:
		add(&a->sums->blocked[out], packets, bytes);
		break;
	case PT_NFT_UNDECIDED:
		break;
	}
}

static void add_rule(const struct asker *a, const struct nft_rule *r, bool out)
{
	if (r->id)
		add_judged(a, r->id, out, r->packets, r->bytes);
	else if (r->verdict == NF_ACCEPT)
		add(&a->sums->known[out], r->packets, r->bytes);
	else if (r->verdict == NF_DROP)
		add(&a->sums->blocked[out], r->packets, r->bytes);
}

/* Of chains behind a judgement that passes, see lower_states.c: what they drop after all. */
static struct pt_nft_sum *afterwards(const struct asker *a, const char *chain)
{
	static const char *const limits[] = { "state.", "conn.", "over.", "complete-" };

	if (!strcmp(chain, NFT_CHAIN_PASS))
		return &a->sums->invalid;
	for (size_t i = 0; i < PT_ARRAY_SIZE(limits); i++)
		if (!strncmp(chain, limits[i], strlen(limits[i])))
			return &a->sums->limited;
	return NULL;
}

static void add_chain(const struct asker *a, const struct nft_chain *c)
{
	bool out = false, direction = judges(c->name, &out);
	struct pt_nft_sum *sum = direction ? NULL : afterwards(a, c->name);

	for (size_t i = 0; i < c->rules.n; i++) {
		const struct nft_rule *r = &c->rules.v[i];

		if (direction)
			add_rule(a, r, out);
		else if (sum && r->verdict == NF_DROP)
			add(sum, r->packets, r->bytes);
	}
}

void pt_nft_traffic(const struct pt_nft_state *s, enum pt_nft_fate (*fate)(uint32_t id, void *arg), void *arg,
		    struct pt_nft_traffic *sums)
{
	const struct asker a = { fate, arg, sums };
	const struct pt_nft_objects *o = s->objects;
	bool out;

	memset(sums, 0, sizeof(*sums));
	for (size_t i = 0; o && i < o->chains.n; i++)
		add_chain(&a, &o->chains.v[i]);
	for (size_t i = 0; o && i < o->sets.n; i++) {
		const struct nft_set *set = &o->sets.v[i];

		for (size_t k = 0; judges(set->name, &out) && k < set->map.n; k++)
			if (set->map.v[k].id && !set->map.v[k].retired)
				add_judged(&a, set->map.v[k].id, out, set->map.v[k].packets, set->map.v[k].bytes);
	}
}

/* ---- sizes ---- */

struct size {
	uint64_t n, limit;
};

static int count_element(const struct nlattr *attr, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_FLAGS + 1];
	struct size *s = arg;
	uint32_t flags = 0;

	if (mnl_attr_get_type(attr) != NFTA_LIST_ELEM || nft_nest(attr, tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get_be32(tb[NFTA_SET_ELEM_FLAGS], &flags))
		return MNL_CB_ERROR;
	s->n += !(flags & NFT_SET_ELEM_INTERVAL_END);
	return MNL_CB_OK;
}

static int count_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_ELEMENTS + 1];
	struct size *s = arg;

	if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWSETELEM)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) ||
	    (tb[NFTA_SET_ELEM_LIST_ELEMENTS] &&
	     mnl_attr_parse_nested(tb[NFTA_SET_ELEM_LIST_ELEMENTS], count_element, s) < 0))
		return -EBADMSG;
	return s->n > s->limit ? -E2BIG : 0;
}

static void begin_again(void *arg)
{
	((struct size *)arg)->n = 0;
}

static int count_set(struct pt_nl *nf, const char *name, struct size *s)
{
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSETELEM, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name);
	return pt_nl_dump(nf, nlh, begin_again, count_elements, s);
}

int pt_nft_table_size(const char *name, uint64_t limit, uint64_t *n, struct pt_err *e)
{
	static const enum pt_af families[] = { PT_AF_INET, PT_AF_INET6 };
	int rc = 0;

	*n = 0;
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(families) && *n <= limit; i++) {
		struct size s = { .limit = limit - *n };
		char set[NFT_SETNAME_MAX];
		struct pt_nl *nf;

		/* What is not read to its end leaves a socket that is good for nothing more. */
		rc = pt_nl_open(&nf, NETLINK_NETFILTER, e);
		if (rc)
			return rc;
		pt_nl_last(nf);
		nft_table_set_name(set, name, families[i]);
		rc = count_set(nf, set, &s);
		pt_nl_close(nf);
		*n += s.n;
		if (rc == -E2BIG || rc == -ENOENT)
			rc = 0;
	}
	if (*n > limit)
		*n = limit + 1;
	return rc ? pt_err_sys(e, rc, "counting what table %s holds", name) : 0;
}
