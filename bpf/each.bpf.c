/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives each host a class of its own among those of a queueing discipline, so that a limit is one for each host.
 *
 * A host is the first bits of one of the two addresses. The first packet of a host takes a class that nobody has; where there is
 * none, that of a host which has not been heard of for a while, and where there is none of these either, the class that all such
 * hosts share: more hosts than classes never means more than the limit. One look-up a packet, however many there are.
 *
 * The queueing discipline runs it with its lock held, so nobody else is at work in the maps at the same time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <stdbool.h>

#include "bpf/each.h"

/* Set when the program is loaded. */
const volatile struct each_settings pt_each = { 0 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct each_host);
	__type(value, struct each_place);
} pt_each_hosts SEC(".maps");

/* Who has which class. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct each_slot);
} pt_each_slots SEC(".maps");

/* Where the search for a class goes on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} pt_each_hand SEC(".maps");

#define SEARCH 64 /* classes that one packet looks at */
#define AT4_SOURCE 12
#define AT6_SOURCE 8

static __always_inline bool load(struct __sk_buff *skb, struct each_host *h)
{
	__u32 at;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		h->family = EACH_INET;
		at = pt_each.source ? AT4_SOURCE : AT4_SOURCE + 4;
		return !bpf_skb_load_bytes_relative(skb, at, h->addr, 4, BPF_HDR_START_NET);
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		h->family = EACH_INET6;
		at = pt_each.source ? AT6_SOURCE : AT6_SOURCE + 16;
		return !bpf_skb_load_bytes_relative(skb, at, h->addr, 16, BPF_HDR_START_NET);
	}
	return false;
}

static __always_inline bool is_meant(const struct each_host *h)
{
	if (!pt_each.n_nets)
		return true;
	for (__u32 i = 0; i < EACH_NETS && i < pt_each.n_nets; i++) {
		__u32 differ = h->family ^ pt_each.nets[i].family;

		for (__u32 k = 0; k < 4; k++)
			differ |= (h->addr[k] & pt_each.nets[i].mask[k]) ^ pt_each.nets[i].addr[k];
		if (!differ)
			return true;
	}
	return false;
}

/* A class of nobody, or of somebody who is gone. */
static __always_inline struct each_slot *find_slot(__u64 now)
{
	__u32 zero = 0, *hand = bpf_map_lookup_elem(&pt_each_hand, &zero), at;

	if (!hand)
		return NULL;
	at = *hand;
	for (__u32 i = 0; i < SEARCH; i++) {
		struct each_slot *s;
		struct each_place *p;

		at = at + 1 < pt_each.n_slots ? at + 1 : 0;
		s = bpf_map_lookup_elem(&pt_each_slots, &at);
		if (!s)
			return NULL;
		p = s->host.family ? bpf_map_lookup_elem(&pt_each_hosts, &s->host) : NULL;
		if (p && now - p->seen < pt_each.idle)
			continue;
		*hand = at;
		if (p)
			bpf_map_delete_elem(&pt_each_hosts, &s->host);
		return s;
	}
	*hand = at;
	return NULL;
}

SEC("tc")
int pt_each_class(struct __sk_buff *skb)
{
	struct each_host h = { 0 };
	struct each_place *have, place = { .seen = bpf_ktime_get_ns() };
	struct each_slot *slot;
	__u32 six;

	if (!load(skb, &h) || !is_meant(&h))
		return (int)pt_each.rest;
	six = h.family == EACH_INET6;
	for (__u32 k = 0; k < 4; k++)
		h.addr[k] &= pt_each.mask[six][k];
	h.family |= pt_each.length[six] << EACH_LENGTH;
	have = bpf_map_lookup_elem(&pt_each_hosts, &h);
	if (have) {
		have->seen = place.seen;
		return (int)have->class;
	}
	slot = find_slot(place.seen);
	if (!slot)
		return (int)pt_each.crowd;
	place.class = slot->class;
	slot->host = h;
	if (bpf_map_update_elem(&pt_each_hosts, &h, &place, BPF_ANY)) {
		slot->host.family = 0;
		return (int)pt_each.crowd;
	}
	return (int)place.class;
}

char _license[] SEC("license") = "GPL";
