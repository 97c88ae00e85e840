/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/hosts - who has how many states, and how much traffic is in them.
 *
 * States stream by and only the sums stay, so that the memory is that of the hosts. The other end is taken as
 * it is behind a translation: of a redirected port, the host that serves it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/ct.h>

#define FIRST_SLOTS 256 /* a power of two */

struct pt_ct_hosts {
	bool by_target;
	PT_VEC(struct pt_ct_host) list;
	uint32_t *slots;       /* index+1 into the list, 0: free */
	size_t n_slots;
	struct pt_ct_host all;
	size_t uncounted;      /* states without counters */
	bool sorted;           /* the slots do not fit the list any more */
};

const char *pt_ct_kind_name(enum pt_ct_kind kind)
{
	static const char *const names[] = { "tcp", "udp", "icmp", "other" };

	return names[kind];
}

static enum pt_ct_kind kind_of(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return PT_CT_TCP;
	case IPPROTO_UDP:
		return PT_CT_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return PT_CT_ICMP;
	default:
		return PT_CT_OTHER;
	}
}

struct pt_ct_hosts *pt_ct_hosts_new(bool by_target)
{
	struct pt_ct_hosts *h = calloc(1, sizeof(*h));

	if (h)
		h->by_target = by_target;
	return h;
}

void pt_ct_hosts_free(struct pt_ct_hosts *h)
{
	if (!h)
		return;
	free(h->list.v);
	free(h->slots);
	free(h);
}

/* The slot of ADDR, or the free one where it belongs. There is always a free one. */
static uint32_t *slot_of(const struct pt_ct_hosts *h, struct pt_addr addr)
{
	size_t i = (size_t)pt_hash64(&addr.v, sizeof(addr.v)) & (h->n_slots - 1);

	for (;; i = (i + 1) & (h->n_slots - 1)) {
		const struct pt_ct_host *there = h->slots[i] ? &h->list.v[h->slots[i] - 1] : NULL;

		if (!there || (there->addr.af == addr.af && there->addr.v == addr.v))
			return &h->slots[i];
	}
}

static int rebuild(struct pt_ct_hosts *h, size_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(h->slots);
	h->slots = slots;
	h->n_slots = n_slots;
	h->sorted = false;
	for (size_t i = 0; i < h->list.n; i++)
		*slot_of(h, h->list.v[i].addr) = (uint32_t)i + 1;
	return 0;
}

static int host_of(struct pt_ct_hosts *h, struct pt_addr addr, struct pt_ct_host **out)
{
	const struct pt_ct_host fresh = { .addr = addr };
	uint32_t *slot;

	if (h->sorted || (h->list.n + 1) * 2 > h->n_slots) {
		size_t want = (h->list.n + 1) * 2 > h->n_slots ? h->n_slots * 2 : h->n_slots;

		if (h->list.n >= UINT32_MAX - 1 || rebuild(h, want ? want : FIRST_SLOTS))
			return -ENOMEM;
	}
	slot = slot_of(h, addr);
	if (!*slot) {
		if (pt_vec_push(NULL, &h->list, fresh))
			return -ENOMEM;
		*slot = (uint32_t)h->list.n;
	}
	*out = &h->list.v[*slot - 1];
	return 0;
}

/* SENT: the direction that the host sends in. */
static void add_to(struct pt_ct_host *host, const struct pt_ct_entry *ct, int sent)
{
	host->states++;
	host->of[kind_of(ct->proto)]++;
	host->packets[0] += ct->packets[sent];
	host->packets[1] += ct->packets[!sent];
	host->bytes[0] += ct->bytes[sent];
	host->bytes[1] += ct->bytes[!sent];
}

int pt_ct_hosts_add(struct pt_ct_hosts *h, const struct pt_ct_entry *ct)
{
	struct pt_ct_host *host;
	int rc = host_of(h, h->by_target ? ct->reply.src : ct->orig.src, &host);

	if (rc)
		return rc;
	add_to(host, ct, h->by_target);
	add_to(&h->all, ct, h->by_target);
	h->uncounted += !ct->has_counters;
	return 0;
}

const struct pt_ct_host *pt_ct_hosts_all(const struct pt_ct_hosts *h, size_t *n_hosts, size_t *n_uncounted)
{
	*n_hosts = h->list.n;
	*n_uncounted = h->uncounted;
	return &h->all;
}

/* ---- order ---- */

static int by_address(const void *a, const void *b)
{
	const struct pt_ct_host *x = a, *y = b;

	if (x->addr.af != y->addr.af)
		return x->addr.af < y->addr.af ? -1 : 1;
	return (x->addr.v > y->addr.v) - (x->addr.v < y->addr.v);
}

/* Most first; equals by address, so that two looks agree. */
static int most(uint64_t x, uint64_t y, const void *a, const void *b)
{
	return x != y ? (x < y ? 1 : -1) : by_address(a, b);
}

static int by_states(const void *a, const void *b)
{
	const struct pt_ct_host *x = a, *y = b;

	return most(x->states, y->states, a, b);
}

static int by_packets(const void *a, const void *b)
{
	const struct pt_ct_host *x = a, *y = b;

	return most(x->packets[0] + x->packets[1], y->packets[0] + y->packets[1], a, b);
}

static int by_bytes(const void *a, const void *b)
{
	const struct pt_ct_host *x = a, *y = b;

	return most(x->bytes[0] + x->bytes[1], y->bytes[0] + y->bytes[1], a, b);
}

const struct pt_ct_host *pt_ct_hosts_sorted(struct pt_ct_hosts *h, enum pt_ct_host_key key)
{
	static int (*const orders[])(const void *a, const void *b) = { by_bytes, by_packets, by_states, by_address };

	if (h->list.n)
		qsort(h->list.v, h->list.n, sizeof(*h->list.v), orders[key]);
	h->sorted = true;
	return h->list.v;
}
