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

/* The kernel at one moment, and how it differs. */
struct difference {
	struct pt_arena *arena;
	struct pt_links have;
	pt_link_changes links;
	pt_link_list absent;
};

struct network_plan {
	struct pt_arena *arena;
	struct pt_links want;
	struct difference first; /* when it was planned */
};

static void difference_fini(struct difference *d)
{
	pt_arena_free(d->arena);
	memset(d, 0, sizeof(*d));
}

static size_t difference_size(const struct difference *d)
{
	return d->links.n;
}

static int difference_find(struct difference *d, const struct pt_links *want, struct pt_nl *route, struct pt_err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->arena = pt_arena_new();
	if (!d->arena)
		return pt_err_sys(e, -ENOMEM, "comparing the interfaces");
	rc = pt_links_read(route, d->arena, &d->have, e);
	if (!rc && pt_links_diff(want, &d->have, d->arena, &d->links, &d->absent))
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

static void tell_absent(const struct difference *d, struct pt_err *e)
{
	for (size_t i = 0; i < d->absent.n; i++)
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
		rc = network_want_links(w->conf, p->arena, &p->want);
	if (rc) {
		plan_free(p);
		return pt_err_sys(e, rc, "planning the interfaces");
	}
	rc = difference_find(&p->first, &p->want, w->route, e);
	if (!rc)
		rc = check_owners(&p->want, &p->first.have, e);
	if (rc) {
		plan_free(p);
		return rc;
	}
	tell_absent(&p->first, e);
	*out = p;
	return 0;
}

static size_t writes_of(const void *plan)
{
	return difference_size(&((const struct network_plan *)plan)->first);
}

static void walk(const void *plan, pt_nft_op_cb cb, void *arg)
{
	static const char *const ops[] = { "delete", "add", "change" };
	const struct difference *d = &((const struct network_plan *)plan)->first;
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < d->links.n; i++) {
		b.n = 0;
		pt_link_print_change(&b, &d->links.v[i]);
		cb(ops[d->links.v[i].op], "link", b.err ? "" : b.s, arg);
	}
	pt_buf_fini(&b);
}

/* ---- apply ---- */

struct refusal {
	struct pt_nl_refusal why;
	bool happened;
};

static int refused(const struct pt_nl_refusal *r, void *arg)
{
	struct refusal *to = arg;

	to->why = *r;
	to->happened = true;
	return r->code;
}

static int tell_refusal(const struct difference *d, const struct refusal *r, int rc, struct pt_err *e)
{
	const struct pt_link_change *c = r->happened && r->why.cookie < d->links.n ? &d->links.v[r->why.cookie] : NULL;
	struct pt_buf b = { 0 };

	if (!c)
		return pt_err_sys(e, rc, "changing the interfaces");
	pt_link_print_change(&b, c);
	pt_err_add(e, PT_ERROR, c->want ? c->want->loc : NULL, NULL, "the kernel refuses to %s link %s: %s%s%s",
		   c->op == PT_LINK_DELETE ? "delete" : c->op == PT_LINK_CREATE ? "add" : "change", b.err ? "" : b.s,
		   strerror(-rc), r->why.text[0] ? ": " : "", r->why.text);
	pt_buf_fini(&b);
	return rc;
}

/* All that can be written without another look at the kernel. */
static int write_round(const struct difference *d, struct pt_nl *route, size_t *writes, struct pt_err *e)
{
	struct refusal r = { 0 };
	struct pt_nl_stream *s = pt_nl_stream_new(route, refused, &r);
	int rc = s ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < d->links.n; i++) {
		rc = pt_link_put(s, &d->have, &d->links.v[i], i);
		if (rc == -ENOENT) {
			rc = 0; /* it stands on one that comes now */
			continue;
		}
		*writes += !rc;
	}
	if (!rc)
		rc = pt_nl_stream_flush(s);
	pt_nl_stream_free(s);
	return rc ? tell_refusal(d, &r, rc, e) : 0;
}

static int reach(const struct pt_links *want, struct pt_nl *route, size_t *writes, struct pt_err *e)
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
			rc = pt_err_sys(e, -ENODEV, "link %s needs one that is not there", d.links.v[0].want->name);
		difference_fini(&d);
	}
	if (!rc && left) {
		pt_err_add(e, PT_ERROR, NULL, "`ptnet diff` shows what", "the kernel does not keep what the interfaces were set to");
		rc = -EIO;
	}
	return rc;
}

static int apply(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e)
{
	struct network_plan *p = plan;
	struct pt_links before;
	struct pt_err ignored = { 0 };
	size_t undone = 0;
	int rc;

	*writes = 0;
	if (!writes_of(p))
		return 0;
	rc = network_keep_links(&p->want, &p->first.have, p->arena, &before);
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
