/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of addresses: missing, refused because somebody else has them, not usable, run out, on two links. */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

static size_t addresses_on(const struct finding_look *l, uint32_t index)
{
	size_t n = 0;

	for (size_t i = 0; i < l->addresses.v.n; i++)
		n += l->addresses.v.v[i].index == index;
	return n;
}

static bool has_above(const struct finding_look *l, uint32_t index)
{
	for (size_t i = 0; i < l->links.v.n; i++)
		if (l->links.v.v[i].parent == index && !l->links.v.v[i].foreign_parent)
			return true;
	return false;
}

/* One that is written and not there; else an interface that gets its addresses elsewhere, and has none at all. */
static int missing_of(struct finding_look *l, const struct pt_check *c, const struct pt_conf_if *x,
		      const struct pt_link *k)
{
	struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = k->name };
	bool asks = x->ways & (PT_IF_DHCP4 | PT_IF_DHCP6 | PT_IF_SLAAC);

	if (addresses_on(l, k->index) || k->master_index || has_above(l, k->index) || !k->up)
		return 0;
	if (!x->addresses.n && !asks)
		s.severity = PT_FINDING_WARNING;
	(void)snprintf(s.text, sizeof(s.text), "interface %s has no address", x->name);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%s has none; the file in force %s", k->name,
		       x->addresses.n ? "gives it addresses" : asks ? "lets it ask for one" : "leaves them to others");
	(void)snprintf(s.next, sizeof(s.next),
		       x->addresses.n ? "ptnet apply" :
			       asks ? "ptnet dhcp show" :
					"ptnet address show");
	return finding_tell(l, c, &s);
}

int check_address_missing(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_conf_if *x = finding_interface(l, l->links.v.v[i].name);

		if (x)
			rc = missing_of(l, c, x, &l->links.v.v[i]);
	}
	return rc;
}

int check_address_failed(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses.v.n; i++) {
		const struct pt_address *a = &l->addresses.v.v[i];
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = a->device };
		char text[64];

		if (!(a->flags & IFA_F_DADFAILED))
			continue;
		finding_address(a->prefix.addr, text);
		(void)snprintf(s.text, sizeof(s.text), "somebody else has the address %s: this machine does not use it",
			       text);
		(void)snprintf(s.evidence, sizeof(s.evidence), "%s on %s failed the detection of duplicates", text,
			       a->device);
		(void)snprintf(s.next, sizeof(s.next), "ptdiag capture on %s filter icmp6", a->device);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

static const struct pt_address *same_before(const struct finding_look *l, const struct pt_address *a)
{
	for (size_t i = 0; i < l->addresses_before.v.n; i++) {
		const struct pt_address *b = &l->addresses_before.v.v[i];

		if (b->index == a->index && b->prefix.addr.af == a->prefix.addr.af &&
		    b->prefix.addr.v == a->prefix.addr.v)
			return b;
	}
	return NULL;
}

/* The detection of duplicates takes a second or two: an address is told that was so at both looks, on a link that can
 * send. */
int check_address_tentative(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses.v.n; i++) {
		const struct pt_address *a = &l->addresses.v.v[i], *was = same_before(l, a);
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = a->device };
		char text[64];

		if (!(a->flags & IFA_F_TENTATIVE) || a->flags & (IFA_F_DADFAILED | IFA_F_OPTIMISTIC) || !was ||
		    !(was->flags & IFA_F_TENTATIVE))
			continue;
		finding_address(a->prefix.addr, text);
		(void)snprintf(s.text, sizeof(s.text), "address %s of %s does not become usable", text, a->device);
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "tentative at both looks: the link has no carrier, or is not on");
		(void)snprintf(s.next, sizeof(s.next), "ptnet address show dev %s", a->device);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

static bool global6(const struct pt_address *a)
{
	return a->prefix.addr.af == PT_AF_INET6 && a->scope == RT_SCOPE_UNIVERSE;
}

int check_address_deprecated(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i];
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = k->name };
		size_t all = 0, over = 0;
		char text[64] = "";

		for (size_t j = 0; j < l->addresses.v.n; j++) {
			const struct pt_address *a = &l->addresses.v.v[j];

			if (a->index != k->index || !global6(a))
				continue;
			all++;
			over += (a->flags & IFA_F_DEPRECATED) != 0;
			finding_address(a->prefix.addr, text);
		}
		if (!all || over < all)
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "the IPv6 addresses of %s have run out: new connections do not use them", k->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "%zu deprecated, %s among them", over, text);
		(void)snprintf(s.next, sizeof(s.next), "ptnet address show dev %s", k->name);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* Of links that are no ports, tunnels between two hosts or VRFs apart: whose network is one and the same. */
static bool same_network(const struct finding_look *l, const struct pt_address *a, const struct pt_address *b)
{
	const struct pt_link *x = pt_links_index(&l->links, a->index), *y = pt_links_index(&l->links, b->index);

	if (a->index == b->index || a->prefix.addr.af != b->prefix.addr.af || a->scope != RT_SCOPE_UNIVERSE ||
	    b->scope != RT_SCOPE_UNIVERSE)
		return false;
	if (!x || !y || x->master_index != y->master_index ||
	    (x->flags | y->flags) & (IFF_LOOPBACK | IFF_POINTOPOINT) || !x->up || !y->up)
		return false;
	if (a->prefix.addr.v == b->prefix.addr.v)
		return true;
	return a->prefix.len == b->prefix.len && a->prefix.len < pt_af_bits(a->prefix.addr.af) &&
		a->peer.af == PT_AF_NONE && b->peer.af == PT_AF_NONE &&
		pt_prefix_lo(&a->prefix) == pt_prefix_lo(&b->prefix);
}

int check_address_twice(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses.v.n; i++)
		for (size_t j = 0; !rc && j < i; j++) {
			const struct pt_address *a = &l->addresses.v.v[i], *b = &l->addresses.v.v[j];
			struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = a->device };
			char x[64], y[64];

			if (!same_network(l, a, b))
				continue;
			finding_address(a->prefix.addr, x);
			finding_address(b->prefix.addr, y);
			(void)snprintf(s.text, sizeof(s.text),
				       "%s and %s are in one network: answers may leave by the other link", b->device,
				       a->device);
			(void)snprintf(s.evidence, sizeof(s.evidence), "%s/%u on %s, %s/%u on %s", y, b->prefix.len,
				       b->device, x, a->prefix.len, a->device);
			(void)snprintf(s.next, sizeof(s.next), "ptnet address show");
			rc = finding_tell(l, c, &s);
		}
	return rc;
}
