/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What "(lan:network)" means at this moment. */
#include <errno.h>
#include <string.h>

#include <patronus/policy.h>

static const struct pt_host_if *find(const struct pt_host *h, const char *device)
{
	for (size_t i = 0; i < h->ifs.n; i++)
		if (!strcmp(h->ifs.v[i].device, device))
			return &h->ifs.v[i];
	return NULL;
}

/* Linux answers for the whole prefix of an IPv4 address on loopback: fib_add_ifaddr() makes its route a
 * local one, so 127.3.2.1 is the machine's as much as 127.0.0.1. */
static int add_own(const char *device, const struct pt_host_addr *a, struct pt_arena *arena, struct pt_iset *s)
{
	bool whole = a->prefix.addr.af == PT_AF_INET && !strcmp(device, "lo");

	return pt_iset_add(arena, s, whole ? pt_prefix_lo(&a->prefix) : a->prefix.addr.v,
			   whole ? pt_prefix_hi(&a->prefix) : a->prefix.addr.v);
}

static int add_one(const struct pt_pol_ifref *r, const struct pt_host_addr *a, struct pt_arena *arena,
		   struct pt_iset *v4, struct pt_iset *v6)
{
	struct pt_iset *s = a->prefix.addr.af == PT_AF_INET6 ? v6 : v4;

	switch (r->mod) {
	case PT_MOD_NONE:
		return add_own(r->device, a, arena, s);
	case PT_MOD_NETWORK:
		return pt_iset_add(arena, s, pt_prefix_lo(&a->prefix), pt_prefix_hi(&a->prefix));
	case PT_MOD_BROADCAST:
		return a->broadcast.af ? pt_iset_add(arena, s, a->broadcast.v, a->broadcast.v) : 0;
	case PT_MOD_PEER:
		return a->peer.af ? pt_iset_add(arena, s, a->peer.v, a->peer.v) : 0;
	}
	return 0;
}

int pt_ifref_resolve(const struct pt_pol_ifref *r, const struct pt_host *h, struct pt_arena *a,
		     struct pt_iset *v4, struct pt_iset *v6)
{
	const struct pt_host_if *i = find(h, r->device);
	int rc = 0;

	memset(v4, 0, sizeof(*v4));
	memset(v6, 0, sizeof(*v6));
	for (size_t k = 0; i && !rc && k < i->addrs.n; k++)
		if (!r->no_alias || !i->addrs.v[k].secondary)
			rc = add_one(r, &i->addrs.v[k], a, v4, v6);
	pt_iset_norm(v4);
	pt_iset_norm(v6);
	return rc;
}

int pt_host_self(const struct pt_host *h, struct pt_arena *a, struct pt_iset *v4, struct pt_iset *v6)
{
	int rc = 0;

	memset(v4, 0, sizeof(*v4));
	memset(v6, 0, sizeof(*v6));
	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t k = 0; !rc && k < h->ifs.v[i].addrs.n; k++) {
			const struct pt_host_addr *one = &h->ifs.v[i].addrs.v[k];

			rc = add_own(h->ifs.v[i].device, one, a, one->prefix.addr.af == PT_AF_INET6 ? v6 : v4);
		}
	for (size_t i = 0; !rc && i < h->anycast.n; i++)
		rc = pt_iset_add(a, v6, h->anycast.v[i].v, h->anycast.v[i].v);
	pt_iset_norm(v4);
	pt_iset_norm(v6);
	return rc;
}

static bool link_local(struct pt_addr a)
{
	return a.af == PT_AF_INET6 ? a.v >> 118 == 0xfe80 >> 6 : a.v >> 16 == 0xa9fe;
}

/* The first primary address beyond link-local, else the first of any kind. */
struct pt_addr pt_ifref_address(const struct pt_pol_ifref *r, const struct pt_host *h, enum pt_af af)
{
	const struct pt_host_if *i = find(h, r->device);
	struct pt_addr best = { .af = PT_AF_NONE };

	for (size_t k = 0; i && k < i->addrs.n; k++) {
		const struct pt_host_addr *a = &i->addrs.v[k];

		if (a->prefix.addr.af != af)
			continue;
		if (!a->secondary && !link_local(a->prefix.addr))
			return a->prefix.addr;
		if (!best.af)
			best = a->prefix.addr;
	}
	return best;
}
