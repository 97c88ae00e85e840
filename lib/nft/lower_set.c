/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules set on packets: priorities, queues, types of service, and what scrub means.
 *
 * It is done to every packet of a connection where it leaves, after the judgement. Which rule made the state stands in
 * the connection's label; a match rule has a bit of its own there, since several of them may have matched. They act in
 * the order of the file, the deciding rules last, so that what was said later replaces what was said earlier.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_common.h>

#define CHAIN_SET "set"
#define PRIO_SET (-150) /* where others mangle packets, too */
#define FIRST_BIT 14 /* of word 0 of the label; those below have other uses, see nft.h */
#define BITS PT_ARRAY_SIZE(((struct nft_lower *)NULL)->set_bits)
_Static_assert(PT_LABEL_LOG_OUT < 1u << FIRST_BIT && FIRST_BIT + BITS <= 32, "bits of the label with two uses");

/* ---- bits of match rules ---- */

static bool has_bit(const struct pt_pol_rule *r)
{
	return r->action == PT_MATCH && r->set;
}

static void too_many(struct nft_lower *l, const struct pt_pol_rule *r)
{
	pt_err_add(l->e, PT_ERROR, &r->loc, "let pass rules set things: there is no limit to them",
		   "more than %zu match rules set something: a connection's label has no more room", BITS);
	pt_conf_show_source(l->policy->conf, &r->loc, l->e);
	nft_lower_fail(l, -EINVAL);
}

/* The IR rules of one written rule share their id, and the bit. */
static void give_bit(struct nft_lower *l, const struct pt_pol_rule *r, uint32_t owners[BITS])
{
	for (size_t i = 0; i < BITS; i++) {
		size_t bit = (r->id + i) % BITS;

		if (owners[bit] && owners[bit] != r->id)
			continue;
		owners[bit] = r->id;
		return;
	}
	too_many(l, r);
}

/* A hash of the rule, so that connections keep what was set when other rules change. */
void nft_set_number(struct nft_lower *l)
{
	const struct pt_policy *p = l->policy;

	memset(l->set_bits, 0, sizeof(l->set_bits));
	for (size_t i = 0; i < p->rules.n && !l->rc; i++)
		if (has_bit(&p->rules.v[i]))
			give_bit(l, &p->rules.v[i], l->set_bits);
}

static uint32_t bit_of(const struct nft_lower *l, const struct pt_pol_rule *r)
{
	for (size_t i = 0; i < BITS; i++) {
		size_t bit = (r->id + i) % BITS;

		if (l->set_bits[bit] == r->id)
			return 1u << (FIRST_BIT + bit);
	}
	return 0;
}

void nft_set_note(struct nft_lower *l, const struct pt_pol_rule *r)
{
	const uint32_t label[4] = { bit_of(l, r) };

	nft_e_imm(l, NFT_REG_1, label, sizeof(label));
	nft_e_ct_set(l, NFT_CT_LABELS);
}

/* ---- one thing after the other ---- */

static void set_priority(struct nft_lower *l, uint32_t priority)
{
	nft_e_imm(l, NFT_REG_1, &priority, sizeof(priority));
	nft_e_meta_set(l, NFT_META_PRIORITY);
}

static void rule_priority(struct nft_lower *l, size_t chain, uint32_t priority)
{
	nft_rule_open(l, chain);
	set_priority(l, priority);
	nft_rule_close(l, NULL);
}

/* pf gives the second priority and queue to packets with a low delay, and to acknowledgements without data. How much
 * data there is cannot be asked for: an acknowledgement that is no longer than its headers can be has none to speak of. */
#define ACK_MAX4 (20 + 40)
#define ACK_MAX6 (40 + 40)

static void test_lowdelay(struct nft_lower *l, bool six)
{
	const uint8_t mask4 = 0xfc, want4 = 0x10, zero[2] = { 0 };
	const uint8_t mask6[2] = { 0x0f, 0xc0 }, want6[2] = { 0x01, 0x00 };

	nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, six ? 0 : 1, six ? 2 : 1);
	nft_e_bitwise(l, six ? mask6 : &mask4, zero, six ? 2 : 1);
	nft_e_cmp(l, NFT_CMP_EQ, six ? want6 : &want4, six ? 2 : 1);
}

static void test_ack(struct nft_lower *l, bool six)
{
	const uint8_t mask = TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK | TH_URG, ack = TH_ACK, zero = 0;
	const uint32_t max = htonl(six ? ACK_MAX6 : ACK_MAX4);

	nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nft_e_bitwise(l, &mask, &zero, 1);
	nft_e_cmp(l, NFT_CMP_EQ, &ack, 1);
	nft_e_meta(l, NFT_META_LEN);
	nft_e_hton(l); /* numbers are compared byte by byte */
	nft_e_cmp(l, NFT_CMP_LTE, &max, sizeof(max));
}

static void emit_priority(struct nft_lower *l, size_t chain, uint32_t usual, uint32_t fast)
{
	rule_priority(l, chain, usual);
	for (int six = 0; six < 2 && usual != fast; six++) {
		nft_rule_open(l, chain);
		test_lowdelay(l, six);
		set_priority(l, fast);
		nft_rule_close(l, NULL);
		nft_rule_open(l, chain);
		test_ack(l, six);
		set_priority(l, fast);
		nft_rule_close(l, NULL);
	}
}

/* Replaces those bits of two bytes of the network header that are not in KEEP. */
static void change_header(struct nft_lower *l, bool six, uint32_t offset, const uint8_t keep[2], const uint8_t value[2])
{
	nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, offset, 2);
	nft_e_bitwise(l, keep, value, 2);
	nft_e_payload_set(l, NFT_PAYLOAD_NETWORK_HEADER, offset, 2, !six);
}

static void emit_tos(struct nft_lower *l, size_t chain, uint8_t tos)
{
	const uint8_t keep4[2] = { 0xff, 0x03 }, value4[2] = { 0, tos };
	const uint8_t keep6[2] = { 0xf0, 0x3f }, value6[2] = { tos >> 4, (uint8_t)(tos << 4) };

	for (int six = 0; six < 2; six++) {
		nft_rule_open(l, chain);
		nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
		change_header(l, six, 0, six ? keep6 : keep4, six ? value6 : value4);
		nft_rule_close(l, NULL);
	}
}

static void emit_no_df(struct nft_lower *l, size_t chain)
{
	const uint8_t keep[2] = { 0xbf, 0xff }, value[2] = { 0 };

	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, NFPROTO_IPV4);
	change_header(l, false, 6, keep, value);
	nft_rule_close(l, NULL);
}

/* The parts of a packet belong together by the identification: it stays where there are parts. */
static void emit_random_id(struct nft_lower *l, size_t chain)
{
	const uint8_t parts[2] = { 0x3f, 0xff }, none[2] = { 0 };

	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, NFPROTO_IPV4);
	nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
	nft_e_bitwise(l, parts, none, 2);
	nft_e_cmp(l, NFT_CMP_EQ, none, 2);
	nft_e_meta(l, NFT_META_PRANDOM);
	nft_e_payload_set(l, NFT_PAYLOAD_NETWORK_HEADER, 4, 2, true);
	nft_rule_close(l, NULL);
}

static void emit_min_ttl(struct nft_lower *l, size_t chain, uint8_t min)
{
	const uint8_t keep4[2] = { 0, 0xff }, value4[2] = { min, 0 };
	const uint8_t keep6[2] = { 0xff, 0 }, value6[2] = { 0, min };

	for (int six = 0; six < 2; six++) {
		nft_rule_open(l, chain);
		nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
		nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, six ? 7 : 8, 1);
		nft_e_cmp(l, NFT_CMP_LT, &min, 1);
		change_header(l, six, six ? 6 : 8, six ? keep6 : keep4, six ? value6 : value4);
		nft_rule_close(l, NULL);
	}
}

static void emit_max_mss(struct nft_lower *l, size_t chain, uint16_t max)
{
	const uint8_t syn = TH_SYN, zero = 0, mask = TH_SYN | TH_RST;
	uint8_t mss[2];

	nft_bytes(mss, max, sizeof(mss));
	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nft_e_bitwise(l, &mask, &zero, 1);
	nft_e_cmp(l, NFT_CMP_EQ, &syn, 1);
	nft_e_imm(l, NFT_REG_1, mss, sizeof(mss));
	nft_e_mss_set(l);
	nft_rule_close(l, NULL);
}

static uint32_t queue_handle(const char *name)
{
	return PT_QUEUE_MAJOR << 16 | pt_queue_class(name);
}

/* A queue is a class, which a priority names too: where a rule says both, the queue counts. */
static void emit_all(struct nft_lower *l, size_t chain, const struct pt_ast_set *s)
{
	if (s->queue)
		emit_priority(l, chain, queue_handle(s->queue), queue_handle(s->queue_fast));
	else if (s->has_prio)
		emit_priority(l, chain, s->prio, s->prio_fast);
	if (s->has_tos)
		emit_tos(l, chain, s->tos);
	if (s->no_df)
		emit_no_df(l, chain);
	if (s->random_id)
		emit_random_id(l, chain);
	if (s->min_ttl)
		emit_min_ttl(l, chain, s->min_ttl);
	if (s->max_mss)
		emit_max_mss(l, chain, s->max_mss);
}

/* ---- the chains ---- */

/* Named after what it does, so that packets under way do not find another thing there. */
static const char *set_chain(struct nft_lower *l, const struct pt_ast_set *s)
{
	const uint32_t what[] = { s->has_prio, s->prio,	 s->prio_fast, s->has_tos, s->tos, s->no_df, s->random_id, s->min_ttl,
				  s->max_mss, s->queue ? queue_handle(s->queue) : 0, s->queue ? queue_handle(s->queue_fast) : 0 };
	char name[NFT_SETNAME_MAX];
	size_t chain;

	nft_name(name, "set.%016llx", (unsigned long long)pt_hash64(what, sizeof(what)));
	chain = nft_chain_find(l, name);
	if (chain == SIZE_MAX) {
		chain = nft_chain_new(l, name);
		if (!l->rc)
			emit_all(l, chain, s);
	}
	return l->rc ? NULL : l->prog->objects.chains.v[chain].name;
}

static void emit_match(struct nft_lower *l, size_t base, const struct pt_pol_rule *r)
{
	const uint32_t label[4] = { bit_of(l, r) }, zero[4] = { 0 };
	const char *chain = set_chain(l, &l->policy->sets.v[r->set - 1]);

	nft_rule_open(l, base);
	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, label, zero, sizeof(label));
	nft_e_cmp(l, NFT_CMP_EQ, label, sizeof(label));
	nft_e_verdict(l, NFT_JUMP, chain);
	nft_rule_close(l, r);
}

/* The map from the word of the label that has the deciding rule's id to chains, asked in a chain of its own: there
 * are two. */
static void emit_deciding(struct nft_lower *l, size_t base, enum pt_dir dir)
{
	const char *name = dir == PT_IN ? "set-in" : "set-out";
	struct nft_set set = { .name = name, .role = NFT_SET_VMAP, .key_len = 16, .key_type = NFT_TYPE_INTEGER,
			       .data_type = NFT_TYPE_VERDICT };
	uint32_t mask[4] = { 0 }, zero[4] = { 0 }, last = 0;
	size_t chain;

	mask[dir == PT_IN ? 1 : 2] = UINT32_MAX;
	for (size_t i = 0; i < l->policy->rules.n && !l->rc; i++) {
		const struct pt_pol_rule *r = &l->policy->rules.v[i];
		struct nft_map_elem el = { .key_len = 16 };
		uint32_t label[4] = { 0 };

		if (r->action != PT_PASS || !r->set || r->dir != dir || r->id == last)
			continue;
		last = r->id;
		label[dir == PT_IN ? 1 : 2] = r->id;
		memcpy(el.key, label, sizeof(label));
		el.chain = set_chain(l, &l->policy->sets.v[r->set - 1]);
		if (pt_vec_push(l->arena, &set.map, el))
			nft_lower_fail(l, -ENOMEM);
	}
	if (l->rc || !set.map.n)
		return;
	chain = nft_chain_new(l, name);
	nft_rule_open(l, chain);
	nft_e_ct(l, NFT_CT_LABELS);
	nft_e_bitwise(l, mask, zero, sizeof(mask));
	nft_e_map(l, nft_set_map(l, &set), NFT_REG_VERDICT);
	nft_rule_close(l, NULL);
	nft_rule_open(l, base);
	nft_e_verdict(l, NFT_JUMP, name);
	nft_rule_close(l, NULL);
}

void nft_set_emit(struct nft_lower *l)
{
	static const enum pt_dir dirs[] = { PT_IN, PT_OUT };
	const struct pt_policy *p = l->policy;
	uint32_t last = 0;
	size_t base;

	if (!p->sets.n)
		return;
	base = nft_base_chain(l, CHAIN_SET, "filter", NF_INET_POST_ROUTING, PRIO_SET);
	for (size_t d = 0; d < PT_ARRAY_SIZE(dirs); d++) {
		for (size_t i = 0; i < p->rules.n && !l->rc; i++) {
			const struct pt_pol_rule *r = &p->rules.v[i];

			if (!has_bit(r) || r->dir != dirs[d] || r->id == last)
				continue;
			last = r->id;
			emit_match(l, base, r);
		}
		emit_deciding(l, base, dirs[d]);
	}
}
