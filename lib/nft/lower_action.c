/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens when a rule's conditions hold: states, tags, logs, and the ways to refuse.
 *
 * A rule that keeps state writes the connection's label and then looks whether there is one: a
 * packet that conntrack calls invalid has no connection, and would pass without a state.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#include <linux/netfilter/nf_conntrack_common.h>

#define CHAIN_ANSWERS "answers"
#define CHAIN_TRANSLATE "pass-translate"

void nft_tag_emit(struct nft_lower *l, uint8_t tag)
{
	const uint32_t keep = 0x00ffffffu, set = (uint32_t)tag << 24;

	nft_e_meta(l, NFT_META_MARK);
	nft_e_bitwise(l, &keep, &set, sizeof(keep));
	nft_e_meta_set(l, NFT_META_MARK);
}

uint32_t nft_label_nat(const struct nft_lower *l, const struct nft_effect *x)
{
	uint32_t nat = x->rule->nat ? x->rule->nat : x->nat;

	return nat ? l->nat_numbers[nat - 1] : 0;
}

void nft_label(const struct nft_lower *l, const struct nft_effect *x, uint32_t label[4])
{
	nft_label_of(x->rule, nft_label_nat(l, x), label);
}

void nft_label_of(const struct pt_pol_rule *r, uint32_t nat, uint32_t label[4])
{
	memset(label, 0, 4 * sizeof(*label));
	if (r->dir == PT_IN) {
		label[0] = PT_LABEL_IN | (r->log_all ? PT_LABEL_LOG_IN : 0);
		label[1] = r->id;
		label[3] = nat;
	} else {
		label[0] = PT_LABEL_OUT | (r->log_all ? PT_LABEL_LOG_OUT : 0);
		label[2] = r->id;
		label[3] = nat << 16;
	}
	label[0] |= nft_states_bits(r);
}

bool nft_label_translates(const uint32_t label[4])
{
	return label[3] != 0;
}

void nft_label_emit(struct nft_lower *l, const struct nft_effect *x)
{
	uint32_t label[4];

	nft_label(l, x, label);
	nft_e_imm(l, NFT_REG_1, label, sizeof(label));
	nft_e_ct_set(l, NFT_CT_LABELS);
	nft_e_verdict(l, NFT_GOTO, nft_label_translates(label) ? CHAIN_TRANSLATE : NFT_CHAIN_PASS);
}

/* ---- refusals ---- */

bool nft_answers(const struct pt_pol_rule *r)
{
	return r->action == PT_BLOCK && r->ret != PT_RET_DROP;
}

bool nft_answers_needed(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (nft_answers(&p->rules.v[i]))
			return true;
	return false;
}

/* "return-icmp-10-1"; a code that is not answered is "no". */
static void return_name(char out[NFT_SETNAME_MAX], const struct pt_pol_rule *r)
{
	const int16_t codes[2] = { r->code4, r->code6 };
	bool usual = r->code4 == ICMP_PORT_UNREACH && r->code6 == ICMP6_DST_UNREACH_NOPORT;
	size_t n;

	n = nft_name(out, "%s",
		     r->ret == PT_RET_RST    ? "return-rst"
		     : r->ret == PT_RET_ICMP ? "return-icmp"
					     : "return");
	if (r->ret == PT_RET_RST || (r->ret == PT_RET_RETURN && usual))
		return;
	for (int i = 0; i < 2; i++)
		n += codes[i] < 0 ? nft_name(out + n, "-no")
				  : nft_name(out + n, "-%u", (unsigned int)codes[i]);
}

static void return_unreachable(struct nft_lower *l, size_t chain, uint8_t family, int16_t code)
{
	if (code < 0)
		return;
	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, family);
	nft_e_reject(l, NFT_REJECT_ICMP_UNREACH, (uint8_t)code);
	nft_rule_close(l, NULL);
}

static void test_rst(struct nft_lower *l)
{
	static const uint8_t rst = TH_RST, zero;

	nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nft_e_bitwise(l, &rst, &zero, 1);
	nft_e_cmp(l, NFT_CMP_EQ, &rst, 1);
}

/* The kernel itself answers neither a reset nor an ICMP error. */
size_t nft_return_chain(struct nft_lower *l, const struct pt_pol_rule *r)
{
	char name[NFT_SETNAME_MAX];
	size_t chain;

	return_name(name, r);
	chain = nft_chain_find(l, name);
	if (chain != SIZE_MAX)
		return chain;
	chain = nft_chain_new(l, name);
	nft_rule_open(l, chain);
	if (r->ret == PT_RET_ICMP) {
		test_rst(l);
		nft_e_verdict(l, NF_DROP, NULL);
	} else {
		nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_e_reject(l, NFT_REJECT_TCP_RST, 0);
	}
	nft_rule_close(l, NULL);
	if (r->ret != PT_RET_RST) {
		return_unreachable(l, chain, NFPROTO_IPV4, r->code4);
		return_unreachable(l, chain, NFPROTO_IPV6, r->code6);
	}
	nft_rule_open(l, chain);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close(l, NULL);
	return chain;
}

static void answer_unreachable(struct nft_lower *l, size_t chain, uint8_t family, uint8_t proto,
			       uint8_t type)
{
	nft_rule_open(l, chain);
	nft_t_u8(l, NFT_META_NFPROTO, family);
	nft_t_u8(l, NFT_META_L4PROTO, proto);
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_e_cmp(l, NFT_CMP_EQ, &type, 1);
	nft_e_counter(l);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, NULL);
}

/*
 * Resets and unreachable errors that the kernel makes when a rule refuses are not judged: they
 * are the answer of a rule. What a process sends has an owner and is judged like anything.
 */
static void answers_chain(struct nft_lower *l)
{
	static const uint32_t nobody = UINT32_MAX;
	size_t chain = nft_chain_new(l, CHAIN_ANSWERS);

	nft_rule_open(l, chain);
	nft_e_meta(l, NFT_META_SKUID);
	nft_e_cmp(l, NFT_CMP_NEQ, &nobody, sizeof(nobody));
	nft_e_verdict(l, NFT_RETURN, NULL);
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	test_rst(l);
	nft_e_counter(l);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, NULL);
	answer_unreachable(l, chain, NFPROTO_IPV4, IPPROTO_ICMP, ICMP_DEST_UNREACH);
	answer_unreachable(l, chain, NFPROTO_IPV6, IPPROTO_ICMPV6, ICMP6_DST_UNREACH);
}

/* ---- states ---- */

static void pass_state_chain(struct nft_lower *l)
{
	size_t chain = nft_chain_new(l, NFT_CHAIN_PASS);

	nft_states_defaults(l, chain);
	nft_rule_open(l, chain);
	nft_t_ct_state(l, NF_CT_STATE_INVALID_BIT);
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, NULL);
}

/*
 * What nobody tracks nobody translates: where somebody else's rules took a packet out of tracking, it would leave
 * with its inner address. Discovery (see pt_packet_ct()) is never tracked and has to go on.
 */
static void translate_chain(struct nft_lower *l)
{
	static const uint8_t discovery[][2] = { { 130, 136 }, { 143, 143 }, { 151, 152 } };
	size_t chain = nft_chain_new(l, CHAIN_TRANSLATE);
	struct pt_iset types = { 0 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(discovery); i++)
		if (pt_iset_add(l->arena, &types, discovery[i][0], discovery[i][1]))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(&types);
	nft_rule_open(l, chain);
	nft_t_ct_state(l, NF_CT_STATE_UNTRACKED_BIT);
	nft_t_u8(l, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_t_iset(l, NFT_KIND_TYPE6, &types);
	nft_e_verdict(l, NF_ACCEPT, NULL);
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	nft_t_ct_state(l, NF_CT_STATE_UNTRACKED_BIT);
	nft_e_counter(l);
	nft_e_verdict(l, NF_DROP, NULL);
	nft_rule_close(l, NULL);
	nft_rule_open(l, chain);
	nft_e_verdict(l, NFT_GOTO, NFT_CHAIN_PASS);
	nft_rule_close(l, NULL);
}

void nft_action_chains(struct nft_lower *l)
{
	const struct pt_policy *p = l->policy;
	bool keep = l->prog->keys; /* its maps' rules go there always */

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		keep = keep || (r->action == PT_PASS && r->keep_state);
		if (nft_answers(r))
			(void)nft_return_chain(l, r);
	}
	nft_logged_emit(l);
	nft_states_emit(l);
	if (keep)
		pass_state_chain(l);
	if (keep && p->nats.n)
		translate_chain(l);
	if (nft_answers_needed(p))
		answers_chain(l);
}

/* ---- one rule ---- */

void nft_verdict_emit(struct nft_lower *l, const struct nft_effect *x)
{
	const struct pt_pol_rule *r = x->rule;
	char name[NFT_SETNAME_MAX];

	if (r->action == PT_PASS && r->keep_state && x->mode == NFT_MODE_KEEP) {
		if (r->states)
			nft_states_goto(l, x);
		else
			nft_label_emit(l, x);
	} else if (r->action == PT_PASS) {
		nft_e_verdict(l, NF_ACCEPT, NULL);
	} else if (r->ret == PT_RET_DROP) {
		nft_e_verdict(l, NF_DROP, NULL);
	} else {
		return_name(name, r);
		nft_e_verdict(l, NFT_GOTO, name);
	}
}

void nft_effect_emit(struct nft_lower *l, const void *effect)
{
	const struct nft_effect *x = effect;

	if (x->count)
		nft_e_counter(l);
	if (x->count && x->rule->log && x->rule->log_limit.packets) {
		nft_logged_go(l, x);
		return;
	}
	if (x->count && x->rule->log)
		nft_e_log(l, x->rule);
	if (x->tag)
		nft_tag_emit(l, x->tag);
	if (x->rule->set && x->rule->action == PT_MATCH && x->mode == NFT_MODE_KEEP)
		nft_set_note(l, x->rule);
	if (x->decide)
		nft_verdict_emit(l, x);
	else if (x->go)
		nft_e_verdict(l, NFT_GOTO, x->go);
}
