/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time-outs of states: pf's names onto the states that Linux's trackers know, as objects of our table that rules
 * give to new connections. An object is named by its contents and never changes.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>

#include "nft/change.h"
#include "nft/encode.h"
#include "nft/lower.h"

static const struct timeout_place {
	enum pt_timeout which;
	uint8_t proto, state;
} places[] = {
	{ PT_TIMEOUT_TCP_FIRST, IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_SENT },
	{ PT_TIMEOUT_TCP_FIRST, IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_SENT2 },
	{ PT_TIMEOUT_TCP_OPENING, IPPROTO_TCP, CTA_TIMEOUT_TCP_SYN_RECV },
	{ PT_TIMEOUT_TCP_ESTABLISHED, IPPROTO_TCP, CTA_TIMEOUT_TCP_ESTABLISHED },
	{ PT_TIMEOUT_TCP_CLOSING, IPPROTO_TCP, CTA_TIMEOUT_TCP_FIN_WAIT },
	{ PT_TIMEOUT_TCP_CLOSING, IPPROTO_TCP, CTA_TIMEOUT_TCP_CLOSE_WAIT },
	{ PT_TIMEOUT_TCP_FINWAIT, IPPROTO_TCP, CTA_TIMEOUT_TCP_LAST_ACK },
	{ PT_TIMEOUT_TCP_FINWAIT, IPPROTO_TCP, CTA_TIMEOUT_TCP_TIME_WAIT },
	{ PT_TIMEOUT_TCP_CLOSED, IPPROTO_TCP, CTA_TIMEOUT_TCP_CLOSE },
	{ PT_TIMEOUT_UDP_FIRST, IPPROTO_UDP, CTA_TIMEOUT_UDP_UNREPLIED },
	{ PT_TIMEOUT_UDP_SINGLE, IPPROTO_UDP, CTA_TIMEOUT_UDP_UNREPLIED },
	{ PT_TIMEOUT_UDP_MULTIPLE, IPPROTO_UDP, CTA_TIMEOUT_UDP_REPLIED },
	{ PT_TIMEOUT_ICMP_FIRST, IPPROTO_ICMP, CTA_TIMEOUT_ICMP_TIMEOUT },
	{ PT_TIMEOUT_ICMP_FIRST, IPPROTO_ICMPV6, CTA_TIMEOUT_ICMPV6_TIMEOUT },
};

/* ---- wanted ---- */

static bool fill(struct nft_timeouts *t, uint8_t proto, const uint32_t own[PT_TIMEOUTS], const uint32_t file[PT_TIMEOUTS])
{
	bool any = false;

	t->proto = proto;
	t->type = NFT_OBJECT_CT_TIMEOUT;
	for (size_t i = 0; i < PT_ARRAY_SIZE(places); i++) {
		enum pt_timeout which = places[i].which;
		uint32_t seconds = own[which] ? own[which] : file[which];

		if (places[i].proto != proto)
			continue;
		any = any || seconds;
		if (seconds)
			t->seconds[places[i].state] = seconds;
	}
	return any;
}

static const char *object(struct nft_lower *l, struct nft_timeouts *t)
{
	char name[NFT_SETNAME_MAX];

	nft_name(name, "time.%s.%016" PRIx64, pt_proto_name(t->proto), pt_hash64(t->seconds, sizeof(t->seconds)));
	for (size_t i = 0; i < l->prog->objects.timeouts.n; i++)
		if (!strcmp(l->prog->objects.timeouts.v[i].name, name))
			return l->prog->objects.timeouts.v[i].name;
	t->name = pt_arena_strdup(l->arena, name);
	if (!t->name || pt_vec_push(l->arena, &l->prog->objects.timeouts, *t))
		nft_lower_fail(l, -ENOMEM);
	return t->name;
}

/* A rule with any of its own gives those of the file besides: they are not looked at later then. */
void nft_timeouts_emit(struct nft_lower *l, size_t chain, const uint32_t seconds[PT_TIMEOUTS], bool untimed)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6 };
	static const uint32_t zero[4], mask[4] = { PT_LABEL_TIMED };

	for (size_t i = 0; i < PT_ARRAY_SIZE(protos) && !l->rc; i++) {
		struct nft_timeouts t = { 0 };

		if (!fill(&t, protos[i], seconds, l->policy->conf->timeout))
			continue;
		nft_rule_open(l, chain);
		nft_t_u8(l, NFT_META_L4PROTO, protos[i]);
		if (untimed) {
			nft_e_ct(l, NFT_CT_LABELS);
			nft_e_bitwise(l, mask, zero, sizeof(mask));
			nft_e_cmp(l, NFT_CMP_EQ, zero, sizeof(zero));
		}
		nft_e_timeouts(l, object(l, &t));
		nft_rule_close(l, NULL);
	}
}

/* ---- messages ---- */

int nft_put_timeouts(struct pt_nl_batch *b, uint64_t cookie, const struct nft_timeouts *t)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_NEWOBJ, NLM_F_CREATE, 512);
	struct nlattr *data, *states;

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, t->name);
	nft_put_be32(nlh, NFTA_OBJ_TYPE, t->type);
	data = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
	mnl_attr_put_u16(nlh, NFTA_CT_TIMEOUT_L3PROTO, htons(NFPROTO_INET));
	mnl_attr_put_u8(nlh, NFTA_CT_TIMEOUT_L4PROTO, t->proto);
	states = mnl_attr_nest_start(nlh, NFTA_CT_TIMEOUT_DATA);
	for (uint16_t i = 1; i < NFT_TIMEOUTS_MAX; i++)
		if (t->seconds[i])
			nft_put_be32(nlh, i, t->seconds[i]);
	mnl_attr_nest_end(nlh, states);
	mnl_attr_nest_end(nlh, data);
	return pt_nl_batch_commit(b, nlh, cookie);
}

static int del(struct pt_nl_batch *b, uint64_t cookie, const struct nft_timeouts *t)
{
	struct nlmsghdr *nlh = nft_message(b, NFT_MSG_DELOBJ, 0, 0);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, t->name);
	nft_put_be32(nlh, NFTA_OBJ_TYPE, t->type);
	return pt_nl_batch_commit(b, nlh, cookie);
}

int nft_parse_object(struct pt_nft_state *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_OBJ_MAX + 1];
	char name[NFT_NAME_MAXLEN] = "";
	struct nft_timeouts t = { 0 };
	int rc;

	rc = pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb));
	if (rc || !nft_attr_is(tb[NFTA_OBJ_TABLE], PT_NFT_TABLE))
		return rc;
	rc = tb[NFTA_OBJ_NAME] ? pt_nl_get_str(tb[NFTA_OBJ_NAME], name, sizeof(name)) : -EBADMSG;
	if (!rc)
		rc = pt_nl_get_be32(tb[NFTA_OBJ_TYPE], &t.type);
	if (rc)
		return rc;
	t.name = pt_arena_strdup(s->arena, name);
	return t.name ? pt_vec_push(s->arena, &s->objects->timeouts, t) : -ENOMEM;
}

/* ---- the difference ---- */

static bool has(const struct pt_nft_objects *o, const struct nft_timeouts *t)
{
	for (size_t i = 0; i < o->timeouts.n; i++)
		if (o->timeouts.v[i].type == t->type && !strcmp(o->timeouts.v[i].name, t->name))
			return true;
	return false;
}

int nft_diff_timeouts(struct nft_diff *d, const struct pt_nft_objects *want, const struct pt_nft_objects *have, bool add)
{
	const struct pt_nft_objects *from = add ? want : have, *in = add ? have : want;
	uint64_t cookie;
	int rc = 0;

	for (size_t i = 0; !rc && i < from->timeouts.n; i++) {
		const struct nft_timeouts *t = &from->timeouts.v[i];

		if (has(in, t))
			continue;
		rc = nft_plan_op(d->plan, &cookie, add ? "add" : "delete", "time-out", NULL, "%s", t->name);
		if (!rc)
			rc = add ? nft_put_timeouts(d->plan->batch, cookie, t) : del(d->plan->batch, cookie, t);
	}
	return rc;
}
