/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the rule that decides an arriving packet, at tc ingress, and leaves its key in the packet's
 * priority. Our prerouting chain turns the key into the verdict. What this program cannot judge keeps what
 * it came with, and that chain drops it: no harm comes of a packet that is not understood here.
 *
 * The priority, not the mark: between here and our chain, chains of others (raw, mangle) match
 * and set marks. A priority that a device gave (a VLAN's) is lost; Linux itself sets it anew when it
 * forwards IPv4.
 *
 * The tables are those of policy/walk.h, all of them in one value of one map, which an apply exchanges for
 * another: a packet sees either the old or the new. Numbers are compared without branches, because
 * the verifier follows both sides of each branch, and there are few calls, because processors that must
 * guard their returns are slow in them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <stdbool.h>

#include "policy/walk.h"

/* Number of words of a tables' value, a power of two, less 1. Set when the program is loaded. */
const volatile __u32 pt_mask = 8191;

struct tables {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 65536);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct tables);
} pt_tables SEC(".maps");

#define FAIL (~0ull)
#define HEADERS_MAX 8 /* extension headers of IPv6 that are looked behind */

/* ---- arithmetic without branches ---- */

/* The compiler would turn the sums below back into branches if it knew what they mean. */
#define OPAQUE(x) asm volatile("" : "+r"(x))

static __always_inline __u64 less(__u64 a, __u64 b)
{
	__u64 borrow = ((~a & b) | ((~a | b) & (a - b))) >> 63;

	OPAQUE(borrow);
	return borrow;
}

static __always_inline __u64 equal(__u64 a, __u64 b)
{
	__u64 x = a ^ b;

	OPAQUE(x);
	x = (x | -x) >> 63;
	OPAQUE(x);
	return 1 ^ x;
}

static __always_inline __u64 at_most(__u64 a, __u64 max)
{
	return a - ((a - max) & -less(max, a));
}

static __always_inline __u64 ones(__u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (x * 0x0101010101010101ull) >> 56;
}

/* ---- tables ---- */

static __always_inline __u64 word_at(const __u64 *w, __u64 pos)
{
	return w[pos & pt_mask];
}

/* Number I of those of 32 bits that begin at word POS. */
static __always_inline __u64 number(const __u64 *w, __u64 pos, __u64 i)
{
	return (__u32)(word_at(w, pos + i / 2) >> (i % 2 * 32));
}

static __always_inline __u64 byte(const __u64 *w, __u64 pos, __u64 i)
{
	return (__u8)(word_at(w, pos + i / 8) >> (i % 8 * 8));
}

/* The last key of the block at AT that is not above KEY. These keys are below 2^62: the sign of a
 * difference tells, and places count in bytes, so that a step is a load and five simple instructions. (An
 * arithmetic shift would do for two of them, but newer verifiers follow its two results apart.) */
static __always_inline __u64 narrow_block(const __u64 *w, __u64 at, __u64 key)
{
	const char *block = (const char *)&w[at & pt_mask & ~(WALK_BLOCK - 1)];
	__u64 i = 0;

#pragma unroll
	for (__u64 step = WALK_BLOCK * 4; step >= 8; step /= 2) {
		__u64 below = (*(const __u64 *)(block + i + step) - key - 1) >> 63;

		OPAQUE(below);
		i += below * step;
	}
	return i / 8;
}

static __always_inline __u64 wide_block(const __u64 *w, __u64 at, __u64 high, __u64 low)
{
	const char *block = (const char *)&w[at & pt_mask & ~(WALK_BLOCK - 1)];
	__u64 i = 0;

#pragma unroll
	for (__u64 step = WALK_BLOCK * 4; step >= 16; step /= 2) {
		const __u64 *key = (const __u64 *)(block + i + step);
		__u64 top = key[0];

		i += step * (1 ^ (less(high, top) | (equal(high, top) & less(low, key[1]))));
	}
	return i / 16;
}

static __always_inline __u64 find(const __u64 *w, const struct walk_tree *t, __u64 key)
{
	__u64 place = 0;

	if (!t->depth)
		return (__u32)t->values;
	for (int i = 0; i < (int)WALK_LEVELS; i++) {
		if ((__u64)i >= t->depth)
			break;
		place = at_most(place * WALK_BLOCK + narrow_block(w, t->base[i] + place * WALK_BLOCK, key),
				t->count[i] - 1);
	}
	return number(w, t->values, place);
}

static __always_inline __u64 find_wide(const __u64 *w, const struct walk_tree *t, const __u64 *key)
{
	__u64 place = 0;

	if (!t->depth)
		return (__u32)t->values;
	for (int i = 0; i < (int)WALK_LEVELS; i++) {
		if ((__u64)i >= t->depth)
			break;
		place = at_most(place * (WALK_BLOCK / 2) +
					wide_block(w, t->base[i] + place * WALK_BLOCK, key[0], key[1]),
				t->count[i] - 1);
	}
	return number(w, t->values, place);
}

/* ---- rows ---- */

/* A row of what rules ask for, and the one of rules that do not. Places are 32 bits: the stack is small. */
struct side {
	__u32 row, any;
	__u64 runs; /* of ROW, those that are not empty */
	__u64 summary; /* of the run at hand: which words are not 0 */
	__u32 run; /* where those are */
	__u32 words; /* where all those of ANY are */
};

struct scan {
	const __u64 *w;
	struct side src, dst, rest, sport, dport;
	__u64 split; /* of the head: 1: SPORT counts, 2: DPORT, too */
	__u64 n_summary; /* runs in all */
	__u64 left; /* those that are ahead and may have something in common */
	__u64 q; /* the last of them that was begun */
	__u64 both; /* words of bits still to be compared in it */
	__u64 found;
};

static __always_inline struct side side_at(__u64 row, __u64 any)
{
	return (struct side){ .row = (__u32)row, .any = (__u32)any };
}

/* Which runs may match. */
static __always_inline __u64 side_runs(const __u64 *w, struct side *s)
{
	s->runs = word_at(w, s->row);
	return s->runs | word_at(w, s->any);
}

/* LOW: the bits of the runs before Q. ALL: the row has the words of all runs, in their places. */
static __always_inline __u64 next_run(const struct scan *c, struct side *s, __u64 q, __u64 low, bool all)
{
	const __u64 *w = c->w;
	__u64 at = all ? s->row + 2 * q : s->row + 1 + 2 * ones(s->runs & low);

	s->summary = word_at(w, at) & (all ? ~0ull : -(s->runs >> (q & 63) & 1));
	s->run = (__u32)word_at(w, at + 1);
	s->words = (__u32)(s->any + 1 + c->n_summary + q * 64);
	return s->summary | word_at(w, s->any + 1 + q);
}

/* The word for bit BIT of the run at AT, whose summary is M; 0 if it is not there. LOW: the bits before. */
static __always_inline __u64 packed(const __u64 *w, __u64 at, __u64 m, __u64 bit, __u64 low)
{
	return word_at(w, at + ones(m & low)) & -(m >> (bit & 63) & 1);
}

static __always_inline __u64 side_word(const struct scan *c, const struct side *s, __u64 bit, __u64 low)
{
	return packed(c->w, s->run, s->summary, bit, low) | word_at(c->w, s->words + bit);
}

/* Of many runs only those are looked at in which all rows have something. */
static __always_inline void find_runs(struct scan *c)
{
	const __u64 *w = c->w;

	if (c->n_summary <= WALK_FEW_RUNS) {
		c->left = (1ull << (c->n_summary & 63)) - 1;
		return;
	}
	c->left = side_runs(w, &c->src) & side_runs(w, &c->dst) & side_runs(w, &c->rest);
	if (!c->split)
		return;
	c->left &= side_runs(w, &c->sport);
	if (c->split > 1)
		c->left &= side_runs(w, &c->dport);
}

static __always_inline void begin_run(struct scan *c, __u64 low, bool all)
{
	c->both = next_run(c, &c->src, c->q, low, all) & next_run(c, &c->dst, c->q, low, all) &
		  next_run(c, &c->rest, c->q, low, all);
	if (!c->split)
		return;
	c->both &= next_run(c, &c->sport, c->q, low, all);
	if (c->split > 1)
		c->both &= next_run(c, &c->dport, c->q, low, all);
}

static __always_inline void begin_next_run(struct scan *c)
{
	__u64 low = (c->left & -c->left) - 1;

	c->left &= c->left - 1;
	c->q = ones(low);
	if (c->n_summary <= WALK_FEW_RUNS)
		begin_run(c, low, true);
	else
		begin_run(c, low, false);
}

/* One turn: one candidate, in the next run where the last one has no more. */
static long scan_turn(__u32 turn __attribute__((unused)), void *arg)
{
	struct scan *c = arg;
	__u64 low, bit, x;

	if (!c->both) {
		if (!c->left)
			return 1;
		begin_next_run(c);
		return 0;
	}
	low = (c->both & -c->both) - 1;
	bit = ones(low);
	x = side_word(c, &c->src, bit, low) & side_word(c, &c->dst, bit, low) & side_word(c, &c->rest, bit, low);
	c->both &= c->both - 1;
	if (x && c->split) {
		x &= side_word(c, &c->sport, bit, low);
		if (c->split > 1)
			x &= side_word(c, &c->dport, bit, low);
	}
	if (!x)
		return 0;
	c->found = (c->q * 64 + bit) * 64 + ones((x & -x) - 1);
	return 1;
}

/* ---- the walk ---- */

/* What is not an address: a row for all of it, or up to three. */
static __always_inline void find_rest(struct scan *c, const struct walk_head *h, const struct walk_packet *p,
				      __u64 device)
{
	const __u64 *w = c->w;
	__u64 proto = byte(w, h->t_proto, p->proto);
	__u64 flags = byte(w, h->t_flags, p->flags);
	__u64 x = number(w, h->t_x, (proto * h->n_flags + flags) * h->n_device + device);
	__u64 y = 0;

	c->split = h->split;
	c->sport = side_at(find(w, &h->sport, p->sport), h->any_sport);
	c->dport = side_at(find(w, &h->dport, p->dport), h->any_dport);
	if (h->split < 2)
		y = number(w, h->t_y, (h->split ? 0 : c->sport.row * h->n_dport) + c->dport.row);
	y = number(w, h->t_row, y * h->n_x + x);
	c->rest = side_at(y, word_at(w, y - 1));
}

static __always_inline void find_sides(struct scan *c, const struct walk_head *h, const struct walk_packet *p)
{
	const __u64 *w = c->w;

	if (p->six) {
		c->src = side_at(find_wide(w, &h->side[1][0].tree, p->addr[0]), h->side[1][0].any);
		c->dst = side_at(find_wide(w, &h->side[1][1].tree, p->addr[1]), h->side[1][1].any);
	} else {
		c->src = side_at(find(w, &h->side[0][0].tree, p->addr[0][1]), h->side[0][0].any);
		c->dst = side_at(find(w, &h->side[0][1].tree, p->addr[1][1]), h->side[0][1].any);
	}
}

/* The key for packet P, FAIL when it cannot be judged. Not static: so the verifier looks at it once, not for
 * each way to get here. */
__noinline __u64 walk(const struct walk_packet *p)
{
	const struct walk_head *h;
	struct scan c = { .found = WALK_NONE };
	__u64 device;
	__u32 zero = 0;
	void *tables;

	tables = bpf_map_lookup_elem(&pt_tables, &zero);
	if (!tables || !p)
		return FAIL;
	c.w = bpf_map_lookup_elem(tables, &zero);
	if (!c.w)
		return FAIL;
	h = (const void *)c.w;
	device = find(c.w, &h->device, p->device);
	if (device == WALK_NONE)
		return FAIL;
	find_sides(&c, h, p);
	find_rest(&c, h, p, device);
	c.n_summary = h->n_summary;
	find_runs(&c);
	bpf_loop(WALK_SUMMARY_MAX * 65 + 1, scan_turn, &c, 0);
	return c.found == WALK_NONE ? h->none : number(c.w, h->keys, c.found);
}

/* ---- packets ---- */

/* What is behind the IP header and those that follow it. */
struct upper {
	__u32 at; /* from the network header */
	__u32 left; /* bytes, as far as the header tells */
	bool first_fragment;
};

static __always_inline int load(struct __sk_buff *skb, __u32 at, void *to, __u32 n)
{
	return bpf_skb_load_bytes_relative(skb, at, to, n, BPF_HDR_START_NET);
}

static __always_inline int parse4(struct __sk_buff *skb, struct walk_packet *p, struct upper *u)
{
	struct iphdr ip;
	__u32 length;

	if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return -1;
	if (ip.frag_off & bpf_htons(0x1fff))
		return -1; /* the first fragment answers for all of them */
	u->first_fragment = ip.frag_off & bpf_htons(0x2000);
	u->at = ip.ihl * 4u;
	length = bpf_ntohs(ip.tot_len);
	if (!length)
		length = 1u << 16; /* larger than the field (big TCP) */
	if (length < u->at)
		return -1;
	u->left = length - u->at;
	p->addr[0][1] = bpf_ntohl(ip.saddr);
	p->addr[1][1] = bpf_ntohl(ip.daddr);
	p->proto = ip.protocol;
	return 0;
}

/* Goes on behind extension header TYPE; 1: there is none left, -1: not to be judged. */
static __always_inline int skip_header(struct __sk_buff *skb, struct upper *u, __u8 *type)
{
	struct {
		__u8 next, length;
		__be16 offset; /* of a fragment header */
	} x;
	__u32 n;

	switch (*type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		break;
	default:
		return 1;
	}
	if (u->left < 8 || load(skb, u->at, &x, sizeof(x)))
		return -1;
	n = (x.length + 1u) * 8;
	if (*type == IPPROTO_AH)
		n = (x.length + 2u) * 4;
	if (*type == IPPROTO_FRAGMENT) {
		if (x.offset & bpf_htons(0xfff8))
			return -1;
		u->first_fragment = x.offset & bpf_htons(1);
		n = 8;
	}
	if (u->left < n)
		return -1;
	u->at += n;
	u->left -= n;
	*type = x.next;
	return 0;
}

static __always_inline __u64 word_of(const struct in6_addr *a, int i)
{
	return (__u64)bpf_ntohl(a->in6_u.u6_addr32[i]) << 32 | bpf_ntohl(a->in6_u.u6_addr32[i + 1]);
}

static __always_inline int parse6(struct __sk_buff *skb, struct walk_packet *p, struct upper *u)
{
	struct ipv6hdr ip;
	__u8 type;
	int more = 0;

	if (load(skb, 0, &ip, sizeof(ip)) || ip.version != 6)
		return -1;
	u->at = sizeof(ip);
	u->left = bpf_ntohs(ip.payload_len);
	if (!u->left && ip.nexthdr == IPPROTO_HOPOPTS)
		u->left = 1u << 16; /* a jumbogram, RFC 2675 */
	p->six = 1;
	for (int i = 0; i < 2; i++) {
		p->addr[0][i] = word_of(&ip.saddr, 2 * i);
		p->addr[1][i] = word_of(&ip.daddr, 2 * i);
	}
	type = ip.nexthdr;
	for (int i = 0; i < HEADERS_MAX && !more; i++)
		more = skip_header(skb, u, &type);
	p->proto = type;
	return more == 1 ? 0 : -1;
}

/* Ports, types, flags. Those of a first fragment must be all there: the whole packet will have them. */
static __always_inline int parse_upper(struct __sk_buff *skb, struct walk_packet *p,
				       const struct upper *u)
{
	__be16 ports[2];
	__u8 icmp[2], flags;

	p->sport = p->dport = WALK_NO_PORT;
	p->flags = p->proto == IPPROTO_TCP ? WALK_FLAGS_ABSENT : WALK_FLAGS_OTHER;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		if (u->left < 4 || load(skb, u->at, ports, sizeof(ports)))
			return u->first_fragment ? -1 : 0;
		p->sport = bpf_ntohs(ports[0]);
		p->dport = bpf_ntohs(ports[1]);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (u->left < 2 || load(skb, u->at, icmp, sizeof(icmp)))
			return u->first_fragment ? -1 : 0;
		p->dport = (__u32)icmp[0] << 8 | icmp[1];
		break;
	}
	if (p->proto != IPPROTO_TCP)
		return 0;
	if (u->left < 14 || load(skb, u->at + 13, &flags, 1))
		return u->first_fragment ? -1 : 0;
	p->flags = flags;
	return 0;
}

SEC("tc")
int pt_classify(struct __sk_buff *skb)
{
	struct walk_packet p = { .device = skb->ifindex };
	struct upper u = { 0 };
	__u64 key;
	int rc = -1;

	/* A frame of a VLAN belongs to the VLAN's device, and comes again there. */
	if (skb->vlan_present && skb->vlan_tci & 0xfff)
		return TC_ACT_UNSPEC;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		rc = parse4(skb, &p, &u);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		rc = parse6(skb, &p, &u);
	if (rc || parse_upper(skb, &p, &u))
		return TC_ACT_UNSPEC;
	key = walk(&p);
	if (key != FAIL)
		skb->priority = (__u32)key;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
