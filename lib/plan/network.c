/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Interfaces as a subsystem: what the file wants of them, what the kernel has, and the way from one to the other.
 *
 * The kernel gives indexes to links as they come, and what stands on them is spoken of by index. So an apply goes in rounds: it
 * reads, compares, writes all that can be written now, and begins anew, until nothing differs. The round that finds nothing
 * to do is the reading back. When the kernel refuses something, what was before is wanted, and the same rounds lead there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/network.h"

/* A link on a link on a link: each may need a round, see pt_link_put(). */
#define ROUNDS_MAX 64

/* What there is to be, or was. */
struct network {
	struct pt_links links;
	struct pt_addresses addresses;
};

static const char *const link_ops[] = { "delete", "add", "change" };

/* The kernel at one moment, and how it differs. */
struct difference {
	struct pt_arena *arena;
	struct network have;
	pt_link_changes links;
	pt_link_list absent;
	pt_address_changes addresses;
};

struct network_plan {
	struct pt_arena *arena;
	struct network want;
	struct difference first; /* when it was planned */
};

static void difference_fini(struct difference *d)
{
	pt_arena_free(d->arena);
	memset(d, 0, sizeof(*d));
}

static size_t difference_size(const struct difference *d)
{
	return d->links.n + d->addresses.n;
}

static int read_network(struct difference *d, struct pt_nl *route, struct pt_err *e)
{
	int rc = pt_links_read(route, d->arena, &d->have.links, e);

	return rc ? rc : pt_addresses_read(route, &d->have.links, d->arena, &d->have.addresses, e);
}

static bool is_absent(const struct difference *d, const char *device)
{
	for (size_t i = 0; i < d->absent.n; i++)
		if (!strcmp(d->absent.v[i]->name, device))
			return true;
	return false;
}

/* What is wanted of links that cannot be there waits with them. */
static int without_absent(const struct difference *d, const struct pt_addresses *want, struct pt_addresses *out)
{
	int rc = 0;

	*out = (struct pt_addresses){ .arena = d->arena };
	for (size_t i = 0; !rc && i < want->v.n; i++)
		if (!is_absent(d, want->v.v[i].device))
			rc = pt_vec_push(d->arena, &out->v, want->v.v[i]);
	return rc;
}

static int compare(struct difference *d, const struct network *want)
{
	struct pt_addresses addresses;
	int rc = pt_links_diff(&want->links, &d->have.links, d->arena, &d->links, &d->absent);

	if (!rc)
		rc = without_absent(d, &want->addresses, &addresses);
	return rc ? rc : pt_addresses_diff(&addresses, &d->have.addresses, &d->have.links, d->arena, &d->addresses);
}

static int difference_find(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->arena = pt_arena_new();
	if (!d->arena)
		return pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	rc = read_network(d, route, e);
	if (!rc && compare(d, want))
		rc = pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	if (rc)
		difference_fini(d);
	return rc;
}

/* ---- plan ---- */

static void plan_free(void *plan)
{
	struct network_plan *p = plan;

	if (!p)
		return;
	difference_fini(&p->first);
	pt_arena_free(p->arena);
	free(p);
}

/* A link that somebody else made is not changed into another. */
static int check_owners(const struct pt_links *want, const struct pt_links *have, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < have->v.n; i++) {
		const struct pt_link *h = &have->v.v[i], *w = pt_links_find(want, h->name);

		if (!w || w->kind == PT_LINK_PHYSICAL || pt_link_ours(h))
			continue;
		pt_err_add(e, PT_ERROR, w->loc, "remove it, or leave `type` out of its section to use it as it is",
			   "device %s is there already, and Patronus did not make it", h->name);
		rc = -EEXIST;
	}
	return rc;
}

/* It comes as the other end of a link that is made. */
static bool is_peer(const struct pt_links *want, const char *name)
{
	for (size_t i = 0; i < want->v.n; i++)
		for (size_t k = 0; k < want->v.v[i].settings.n; k++) {
			const struct pt_link_setting *s = &want->v.v[i].settings.v[k];

			if (s->attr->form == PT_FORM_PEER && !strcmp(s->name, name))
				return true;
		}
	return false;
}

static void tell_absent(const struct difference *d, const struct pt_links *want, struct pt_err *e)
{
	for (size_t i = 0; i < d->absent.n; i++)
		if (!is_peer(want, d->absent.v[i]->name))
			pt_err_add(e, PT_WARNING, d->absent.v[i]->loc, NULL, "device %s is not there%s", d->absent.v[i]->name,
			   d->absent.v[i]->kind == PT_LINK_PHYSICAL ? "" : " yet: what it stands on is missing");
}

static int make_plan(struct pt_whole *w, void **out, struct pt_err *e)
{
	struct network_plan *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	*out = NULL;
	if (p)
		p->arena = pt_arena_new();
	if (p && p->arena)
		rc = network_want_links(w->conf, p->arena, &p->want.links);
	if (!rc)
		rc = network_want_addresses(w->conf, p->arena, &p->want.addresses);
	if (rc) {
		plan_free(p);
		return pt_err_sys(e, rc, "planning the interfaces");
	}
	rc = difference_find(&p->first, &p->want, w->route, e);
	if (!rc)
		rc = check_owners(&p->want.links, &p->first.have.links, e);
	if (rc) {
		plan_free(p);
		return rc;
	}
	tell_absent(&p->first, &p->want.links, e);
	*out = p;
	return 0;
}

static size_t writes_of(const void *plan)
{
	return difference_size(&((const struct network_plan *)plan)->first);
}

static void walk(const void *plan, pt_nft_op_cb cb, void *arg)
{
	const struct difference *d = &((const struct network_plan *)plan)->first;
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < d->links.n; i++) {
		b.n = 0;
		pt_link_print_change(&b, &d->links.v[i]);
		cb(link_ops[d->links.v[i].op], "link", b.err ? "" : b.s, arg);
	}
	for (size_t i = 0; i < d->addresses.n; i++) {
		b.n = 0;
		pt_address_print(&b, &d->addresses.v[i].a);
		cb(d->addresses.v[i].add ? "add" : "delete", "address", b.err ? "" : b.s, arg);
	}
	pt_buf_fini(&b);
}

/* ---- apply ---- */

/* What a message was about travels as its cookie. */
#define COOKIE(what, i) ((uint64_t)(what) << 32 | (i))
enum { COOKIE_LINK, COOKIE_ADDRESS };

struct refusal {
	const struct difference *d;
	struct pt_nl_refusal why;
	bool happened;
};

static bool is_delete(const struct difference *d, uint64_t cookie)
{
	size_t i = (uint32_t)cookie;

	return cookie >> 32 == COOKIE_LINK ? d->links.v[i].op == PT_LINK_DELETE : !d->addresses.v[i].add;
}

/* What is to go may have gone with something else: a link with the one below it, an address with the first one of its network. */
static int refused(const struct pt_nl_refusal *r, void *arg)
{
	struct refusal *to = arg;

	if (is_delete(to->d, r->cookie) && (r->code == -ENODEV || r->code == -EADDRNOTAVAIL))
		return 0;
	to->why = *r;
	to->happened = true;
	return r->code;
}

static const struct pt_loc *describe(const struct difference *d, uint64_t cookie, struct pt_buf *b)
{
	const struct pt_link_change *l;
	const struct pt_address_change *a;
	size_t i = (uint32_t)cookie;

	if (cookie >> 32 == COOKIE_LINK) {
		l = &d->links.v[i];
		pt_buf_fmt(b, "%s link ", link_ops[l->op]);
		pt_link_print_change(b, l);
		return l->want ? l->want->loc : NULL;
	}
	a = &d->addresses.v[i];
	pt_buf_fmt(b, "%s address ", a->add ? "add" : "delete");
	pt_address_print(b, &a->a);
	return a->a.loc;
}

static int tell_refusal(const struct difference *d, const struct refusal *r, int rc, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	const struct pt_loc *loc;

	if (!r->happened)
		return pt_err_sys(e, rc, "changing the interfaces");
	loc = describe(d, r->why.cookie, &b);
	pt_err_add(e, PT_ERROR, loc, NULL, "the kernel refuses to %s: %s%s%s", b.err ? "do it" : b.s, strerror(-rc),
		   r->why.text[0] ? ": " : "", r->why.text);
	pt_buf_fini(&b);
	return rc;
}

/* RC of putting one change: what needs something that comes now waits for the next round. */
static int count(int rc, size_t *writes)
{
	*writes += !rc;
	return rc == -ENOENT ? 0 : rc;
}

/* All that can be written without another look at the kernel. */
static int write_round(const struct difference *d, struct pt_nl *route, size_t *writes, struct pt_err *e)
{
	struct refusal r = { .d = d };
	struct pt_nl_stream *s = pt_nl_stream_new(route, refused, &r);
	int rc = s ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < d->addresses.n; i++)
		if (!d->addresses.v[i].add)
			rc = count(pt_address_put(s, &d->addresses.v[i], COOKIE(COOKIE_ADDRESS, i)), writes);
	for (size_t i = 0; !rc && i < d->links.n; i++)
		rc = count(pt_link_put(s, &d->have.links, &d->links.v[i], COOKIE(COOKIE_LINK, i)), writes);
	for (size_t i = 0; !rc && i < d->addresses.n; i++)
		if (d->addresses.v[i].add)
			rc = count(pt_address_put(s, &d->addresses.v[i], COOKIE(COOKIE_ADDRESS, i)), writes);
	if (!rc)
		rc = pt_nl_stream_flush(s);
	pt_nl_stream_free(s);
	return rc ? tell_refusal(d, &r, rc, e) : 0;
}

/* Nothing could be written although something differs. */
static int tell_stuck(const struct difference *d, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	const struct pt_loc *loc = describe(d, d->links.n ? COOKIE(COOKIE_LINK, 0) : COOKIE(COOKIE_ADDRESS, 0), &b);

	pt_err_add(e, PT_ERROR, loc, NULL, "cannot %s: it needs a link that is not there", b.err ? "go on" : b.s);
	pt_buf_fini(&b);
	return -ENODEV;
}

static int reach(const struct network *want, struct pt_nl *route, size_t *writes, struct pt_err *e)
{
	struct difference d;
	size_t before, left = SIZE_MAX;
	int rc = 0;

	for (size_t round = 0; !rc && round < ROUNDS_MAX && left; round++) {
		rc = difference_find(&d, want, route, e);
		if (rc)
			return rc;
		left = difference_size(&d);
		before = *writes;
		if (left)
			rc = write_round(&d, route, writes, e);
		if (!rc && left && *writes == before)
			rc = tell_stuck(&d, e);
		difference_fini(&d);
	}
	if (!rc && left) {
		pt_err_add(e, PT_ERROR, NULL, "`ptnet diff` shows what", "the kernel does not keep what the interfaces were set to");
		rc = -EIO;
	}
	return rc;
}

static int keep(const struct network_plan *p, struct network *before)
{
	int rc = network_keep_links(&p->want.links, &p->first.have.links, p->arena, &before->links);

	return rc ? rc : network_keep_addresses(&p->first.have.addresses, p->arena, &before->addresses);
}

static int apply(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e)
{
	struct network_plan *p = plan;
	struct pt_err ignored = { 0 };
	struct network before;
	size_t undone = 0;
	int rc;

	*writes = 0;
	if (!writes_of(p))
		return 0;
	rc = keep(p, &before);
	if (rc)
		return pt_err_sys(e, rc, "remembering the interfaces");
	rc = reach(&p->want, w->route, writes, e);
	if (rc && reach(&before, w->route, &undone, &ignored))
		pt_err_add(e, PT_ERROR, NULL, "`ptnet diff` shows what is left", "the interfaces could not all be put back");
	pt_err_fini(&ignored);
	return rc;
}

const struct pt_subsystem plan_network = {
	.name = "network",
	.plan = make_plan,
	.writes = writes_of,
	.walk = walk,
	.apply = apply,
	.free = plan_free,
};
