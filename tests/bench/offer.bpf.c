/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes each frame of `offer` as the kernel hands it to the stack, and counts behind the router
 * which of them came through.
 *
 * The frames are recycled, so that every byte that differs between packets is written each time.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "offer.h"

/* Transport header, or what stands in its place. */
#define REST 20
#define FLOW_LABEL 0xfffff

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the number of headers, set before loading */
	__type(key, __u32);
	__type(value, struct offer_header);
} headers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OFFER_NUMBERS);
	__type(key, __u32);
	__type(value, __u32);
} passed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct offer_control);
} control SEC(".maps");

static __always_inline void put_rest(void *at, const struct offer_header *h)
{
	struct tcphdr tcp = { .source = h->sport, .dest = h->dport, .doff = 5, .syn = 1 };
	struct udphdr udp = { .source = h->sport, .dest = h->dport, .len = bpf_htons(REST) };

	tcp.window = bpf_htons(0xffff);
	__builtin_memcpy(at, &tcp, sizeof(tcp));
	if (h->proto == IPPROTO_UDP)
		__builtin_memcpy(at, &udp, sizeof(udp));
}

static __always_inline __u16 header_sum(const struct iphdr *ip)
{
	const __u16 *words = (const void *)ip;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void put_ip4(void *at, const struct offer_header *h)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(ip) + REST),
		.id = bpf_htons(h->number),
		.ttl = 64,
		.protocol = h->proto,
	};

	__builtin_memcpy(&ip.saddr, h->src, 4);
	__builtin_memcpy(&ip.daddr, h->dst, 4);
	ip.check = header_sum(&ip);
	__builtin_memcpy(at, &ip, sizeof(ip));
	put_rest(at + sizeof(ip), h);
}

static __always_inline void put_ip6(void *at, const struct offer_header *h)
{
	struct ipv6hdr ip = {
		.payload_len = bpf_htons(REST),
		.nexthdr = h->proto,
		.hop_limit = 64,
	};
	__u32 first = bpf_htonl(6u << 28 | h->number);

	__builtin_memcpy(&ip, &first, sizeof(first));
	__builtin_memcpy(&ip.saddr, h->src, 16);
	__builtin_memcpy(&ip.daddr, h->dst, 16);
	__builtin_memcpy(at, &ip, sizeof(ip));
	put_rest(at + sizeof(ip), h);
}

static __always_inline int emit(struct xdp_md *ctx, __u32 index)
{
	/* The address that router.sh gives the device, and one of nobody. */
	static const __u8 router[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
	static const __u8 sender[ETH_ALEN] = { 2, 0, 0, 0, 0, 9 };
	struct ethhdr *eth = (void *)(long)ctx->data;
	const struct offer_header *h = bpf_map_lookup_elem(&headers, &index);

	if (!h || (void *)eth + OFFER_FRAME > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(eth->h_dest, router, ETH_ALEN);
	__builtin_memcpy(eth->h_source, sender, ETH_ALEN);
	eth->h_proto = h->family == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (h->family == 4)
		put_ip4(eth + 1, h);
	else
		put_ip6(eth + 1, h);
	return XDP_PASS;
}

SEC("xdp")
int offer(struct xdp_md *ctx)
{
	__u32 zero = 0, index;
	struct offer_control *c = bpf_map_lookup_elem(&control, &zero);
	int rc;

	if (!c || c->headers == 0)
		return XDP_ABORTED;
	index = c->mode == OFFER_ONCE ? c->next++ : bpf_get_prandom_u32() % c->headers;
	/* Frames are made in whole batches: those behind the last header go nowhere. */
	if (index >= c->headers)
		return XDP_DROP;
	rc = emit(ctx, index);
	return c->mode == OFFER_NONE ? XDP_DROP : rc;
}

SEC("tc")
int count_passed(struct __sk_buff *skb)
{
	__u32 number = 0, *n;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		__u16 id = 0;

		bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, id), &id, sizeof(id));
		number = bpf_ntohs(id);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		__u32 first = 0;

		bpf_skb_load_bytes(skb, ETH_HLEN, &first, sizeof(first));
		number = bpf_ntohl(first) & FLOW_LABEL;
	}
	n = bpf_map_lookup_elem(&passed, &number);
	if (n)
		__sync_fetch_and_add(n, 1);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
