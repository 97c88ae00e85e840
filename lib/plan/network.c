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
#include <sys/stat.h>
#include <unistd.h>

#include "plan/network.h"

/* A link on a link on a link: each may need a round, see pt_link_put(). */
#define ROUNDS_MAX 64

struct network_plan {
	struct pt_arena *arena;
	struct network want;
	struct difference first; /* when it was planned */
	struct stat noted;       /* the note of then: another apply writes another one */
};

/* ---- plan ---- */

static void plan_free(void *plan)
{
	struct network_plan *p = plan;

	if (!p)
		return;
	network_difference_fini(&p->first);
	pt_arena_free(p->arena);
	free(p);
}

int network_check_owners(const struct pt_links *want, const struct pt_links *have, struct pt_err *e)
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

/* Without what links had before, which only this machine knows. */
static int want_offline(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e)
{
	int rc = network_want_links(c, a, &out->links);

	if (!rc)
		rc = network_want_traits(c, a, &out->traits);
	if (!rc)
		rc = network_want_addresses(c, a, &out->addresses);
	if (!rc)
		rc = network_want_neighbours(c, a, &out->neighbours);
	if (!rc)
		rc = network_want_ifbs(c, a, &out->links);
	if (!rc)
		rc = network_want_shapes(c, a, &out->shapes);
	out->conf = c;
	out->routes = c->routes.v;
	out->n_routes = c->routes.n;
	return rc ? pt_err_sys(e, rc, "planning the interfaces") : pt_route_rules_wanted(c, a, &out->rules, e);
}

int network_want(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e)
{
	int rc = network_before_read(a, &out->before, e);

	if (rc)
		return pt_err_sys(e, rc, "planning the interfaces");
	rc = want_offline(c, a, out, e);
	if (rc)
		return rc;
	rc = network_want_leases(c, a, out, e);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "planning the interfaces") : rc;
}

/* All that can be refused without asking the kernel. */
static int check(const struct pt_conf *c, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct network ignored = { 0 };
	int rc = a ? network_check_shapers(c, e) : pt_err_sys(e, -ENOMEM, "checking the interfaces"), more;

	if (rc != -ENOMEM) {
		more = want_offline(c, a, &ignored, e);
		rc = rc ? rc : more;
		network_check_client(c, e);
	}
	pt_arena_free(a);
	return rc;
}

static void stat_note(struct stat *st)
{
	char path[NETWORK_NOTE_PATH];

	network_note_path(path, sizeof(path));
	if (stat(path, st))
		memset(st, 0, sizeof(*st));
}

static int compare(struct pt_whole *w, struct network_plan *p, struct pt_err *e)
{
	int rc;

	network_difference_fini(&p->first);
	memset(&p->want, 0, sizeof(p->want));
	stat_note(&p->noted);
	rc = network_want(w->conf, p->arena, &p->want, e);
	return rc ? rc : network_difference_find(&p->first, &p->want, w->route, e);
}

/* An apply that is at work gives a link its mark a moment after it made it: what seems to be of others is judged when nobody is. */
static int compare_settled(struct pt_whole *w, struct network_plan *p, struct pt_err *e)
{
	struct pt_err ignored = { 0 };
	int fd = -1, rc = compare(w, p, e);

	if (!rc && network_check_owners(&p->want.links, &p->first.have.links, &ignored) && !plan_lock(&fd, &ignored)) {
		close(fd);
		rc = compare(w, p, e);
	}
	pt_err_fini(&ignored);
	return rc;
}

static int check_kernel(const struct network_plan *p, struct pt_err *e)
{
	int rc = network_check_owners(&p->want.links, &p->first.have.links, e);

	return rc ? rc : network_check_foreign(&p->want.shapes, &p->first.have.shapes, e);
}

static int make_plan(struct pt_whole *w, void **out, struct pt_err *e)
{
	struct network_plan *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (p)
		p->arena = pt_arena_new();
	if (!p || !p->arena) {
		plan_free(p);
		return pt_err_sys(e, -ENOMEM, "planning the interfaces");
	}
	rc = compare_settled(w, p, e);
	if (!rc)
		rc = check_kernel(p, e);
	if (rc) {
		plan_free(p);
		return rc;
	}
	tell_absent(&p->first, &p->want.links, e);
	network_check_client(w->conf, e);
	*out = p;
	return 0;
}

static size_t writes_of(const void *plan)
{
	return network_difference_size(&((const struct network_plan *)plan)->first);
}

/* Classes for hosts are told once. */
static bool is_one_more(const struct pt_shape_change *before, const struct pt_shape_change *c)
{
	return before->s.member && c->s.member && before->op == c->op && before->s.what == c->s.what && before->s.name == c->s.name &&
	       !strcmp(before->s.device, c->s.device);
}

static void walk(const void *plan, pt_nft_op_cb cb, void *arg)
{
	const struct difference *d = &((const struct network_plan *)plan)->first;
	struct pt_buf b = { 0 };

	for (size_t kind = 0; kind < CHANGE_KINDS; kind++)
		for (size_t i = 0; i < network_changes_of(d, kind); i++) {
			const struct network_described x = network_describe(d, NETWORK_COOKIE(kind, i), &b);

			if (kind == CHANGE_SHAPE && i && is_one_more(&d->shapes.v[i - 1], &d->shapes.v[i]))
				continue;
			cb(x.op, network_kinds[kind], b.err ? "" : b.s, arg);
		}
	pt_buf_fini(&b);
}

/* ---- apply ---- */

/* What is to go may have gone with something else: a link with the one below it, an address with the first one of its network,
 * a route with its link. */
static int refused(const struct pt_nl_refusal *r, void *arg)
{
	struct network_refusal *to = arg;
	const struct network_described x = network_describe(to->d, r->cookie, NULL);

	if (!strcmp(x.op, "delete") && (r->code == -ENODEV || r->code == -EADDRNOTAVAIL || r->code == -ESRCH || r->code == -ENOENT))
		return 0;
	if (!to->happened)
		to->why = *r;
	to->happened = true;
	return to->goes_on ? 0 : r->code;
}

static const char *refusal_hint(const struct network_refusal *r)
{
	if (r->why.cookie >> 32 == CHANGE_ROUTE && r->why.code == -EEXIST)
		return "a route like it is there that Patronus did not make: remove it, or give this one another metric";
	if (r->why.cookie >> 32 == CHANGE_NEIGHBOUR && r->why.code == -EEXIST)
		return "somebody else wrote another link address for it down: remove that one";
	if (r->why.cookie >> 32 == CHANGE_SHAPE)
		return network_shape_hint(&r->d->shapes.v[(uint32_t)r->why.cookie].s, r->why.code);
	return NULL;
}

int network_tell_refusal(const struct difference *d, const struct network_refusal *r, int rc, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	struct network_described x;

	if (!r->happened)
		return pt_err_sys(e, rc, "changing the interfaces");
	x = network_describe(d, r->why.cookie, &b);
	pt_err_add(e, PT_ERROR, x.loc, refusal_hint(r), "the kernel refuses to %s %s %s: %s%s%s", x.op,
		   network_kinds[r->why.cookie >> 32], b.err ? "" : b.s, strerror(-rc), r->why.text[0] ? ": " : "", r->why.text);
	pt_buf_fini(&b);
	return rc;
}

/* One change into the line. -ENOENT: it needs something that comes now, and waits for the next round. */
static int put(struct pt_nl_stream *s, struct difference *d, const struct network *want, size_t kind, size_t i)
{
	struct network_finder f = { d, want->conf };
	uint64_t cookie = NETWORK_COOKIE(kind, i);
	int rc = 0;

	if (kind == CHANGE_LINK)
		rc = pt_link_put(s, &d->have.links, &d->links.v[i], cookie);
	else if (kind == CHANGE_TRAIT)
		rc = pt_trait_put(s, &d->traits.v[i], cookie);
	else if (kind == CHANGE_ADDRESS)
		rc = pt_address_put(s, &d->addresses.v[i], cookie);
	else if (kind == CHANGE_NEIGHBOUR)
		rc = pt_neighbour_put(s, &d->neighbours.v[i], cookie);
	else if (kind == CHANGE_ROUTE)
		rc = pt_route_put(s, &d->routes.v[i], network_find_link, &f, cookie);
	else if (kind == CHANGE_SHAPE)
		rc = network_put_shape(s, d, i, cookie);
	else
		rc = pt_route_rule_put(s, &d->rules.v[i], cookie);
	return rc;
}

/* It goes now: what needs one of its name waits for that, which has another index. */
static void forget_link(struct difference *d, const struct pt_link_change *c)
{
	for (size_t i = 0; i < d->have.links.v.n; i++)
		if (&d->have.links.v.v[i] == c->have)
			d->have.links.v.v[i].index = 0;
}

/* What goes, and in which order: what leads to something goes before it, and comes after it. */
static const struct {
	size_t kind;
	bool deletes, others;
} phases[] = {
	{ CHANGE_SHAPE, true, false },
	{ CHANGE_ROUTE, true, false },	   { CHANGE_NEIGHBOUR, true, false }, { CHANGE_ADDRESS, true, false },
	{ CHANGE_LINK, true, true },	   { CHANGE_TRAIT, true, true },      { CHANGE_ADDRESS, false, true },
	{ CHANGE_NEIGHBOUR, false, true }, { CHANGE_ROUTE, false, true },     { CHANGE_RULE, true, true },
	{ CHANGE_SHAPE, false, true },
};

/* What no message can do is done by a system call. */
static int call_refused(struct network_refusal *r, int code, uint64_t cookie)
{
	const struct pt_nl_refusal why = { .code = code, .cookie = cookie };

	return refused(&why, r);
}

/* All that can be written without another look at the kernel. */
int network_write_round(struct difference *d, const struct network *want, struct pt_nl *route, struct network_refusal *r,
			size_t *writes, struct pt_err *e)
{
	struct pt_nl_stream *s;
	bool waiting = false, deleted = false;
	int rc;

	r->d = d;
	rc = network_before_note(d, e);
	if (rc)
		return rc;
	s = pt_nl_stream_new(route, refused, r);
	rc = s ? 0 : -ENOMEM;
	for (size_t p = 0; p < PT_ARRAY_SIZE(phases); p++)
		for (size_t i = 0; !rc && i < network_changes_of(d, phases[p].kind); i++) {
			bool deletes = !strcmp(network_describe(d, NETWORK_COOKIE(phases[p].kind, i), NULL).op, "delete");

			if (deletes ? !phases[p].deletes : !phases[p].others)
				continue;
			/* One that is made anew gets another index: what is for it now would go to the old one. */
			if (deleted && phases[p].kind != CHANGE_LINK)
				break;
			/* Routes find their next hops by the addresses that are there, ports their VLANs by the bridge. */
			if (waiting && !r->all && phases[p].kind != CHANGE_LINK && phases[p].kind != CHANGE_ADDRESS)
				break;
			rc = put(s, d, want, phases[p].kind, i);
			waiting = waiting || rc == -ENOENT;
			if (!rc && deletes && phases[p].kind == CHANGE_LINK) {
				forget_link(d, &d->links.v[i]);
				deleted = true;
			}
			*writes += !rc;
			rc = rc == -ENOENT ? 0 : rc;
			if (rc && (phases[p].kind == CHANGE_TRAIT || phases[p].kind == CHANGE_SHAPE))
				rc = call_refused(r, rc, NETWORK_COOKIE(phases[p].kind, i));
		}
	if (!rc)
		rc = pt_nl_stream_flush(s);
	pt_nl_stream_free(s);
	return rc;
}

/* Nothing could be written although something differs. */
static int tell_stuck(const struct difference *d, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	struct network_described x;
	size_t kind = 0;

	while (kind < CHANGE_KINDS - 1 && !network_changes_of(d, kind))
		kind++;
	x = network_describe(d, NETWORK_COOKIE(kind, 0), &b);
	pt_err_add(e, PT_ERROR, x.loc, NULL, "cannot %s %s %s: it needs a link that is not there", x.op, network_kinds[kind],
		   b.err ? "" : b.s);
	pt_buf_fini(&b);
	return -ENODEV;
}

/* SEEN: of the kernel when nothing was left to do. */
static int reach(const struct network *want, struct pt_nl *route, size_t *writes, struct pt_tally *seen, struct pt_err *e)
{
	struct network_refusal r = { 0 };
	struct difference d;
	size_t before, left = SIZE_MAX;
	int rc = 0;

	for (size_t round = 0; !rc && round < ROUNDS_MAX && left; round++) {
		rc = network_difference_find(&d, want, route, e);
		if (rc)
			return rc;
		left = network_difference_size(&d);
		before = *writes;
		if (left)
			rc = network_write_round(&d, want, route, &r, writes, e);
		if (rc)
			rc = network_tell_refusal(&d, &r, rc, e);
		if (!rc && left && *writes == before)
			rc = tell_stuck(&d, e);
		*seen = d.seen;
		network_difference_fini(&d);
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

	before->traits = p->first.have.traits; /* others' are not read */
	before->conf = NULL;
	before->rules = (struct pt_route_rules){ .arena = p->arena };
	if (!rc)
		rc = network_keep_addresses(&p->first.have.addresses, p->arena, &before->addresses);
	if (!rc)
		rc = network_keep_neighbours(&p->first.have.neighbours, p->arena, &before->neighbours);
	if (!rc)
		rc = network_keep_shapes(&p->first.have.shapes, p->arena, &before->shapes);
	for (size_t i = 0; !rc && i < p->first.have.rules.v.n; i++)
		if (p->first.have.rules.v.v[i].protocol == PT_NET_PROTOCOL)
			rc = pt_vec_push(p->arena, &before->rules.v, p->first.have.rules.v.v[i]);
	return rc;
}

/* A way back that is refused is none: the difference is told by the next reading. */
static int not_refused(const struct pt_nl_refusal *r, void *arg)
{
	(void)r;
	(void)arg;
	return 0;
}

/* Routes are not kept, only what was to change of them. */
static int routes_back(struct network_plan *p, struct difference *now, struct pt_nl *route)
{
	struct network_finder f = { now, p->want.conf };
	struct pt_nl_stream *s = pt_nl_stream_new(route, not_refused, NULL);
	int rc = s ? 0 : -ENOMEM;

	for (size_t i = p->first.routes.n; !rc && i-- > 0;) {
		const struct pt_route_change back = pt_route_reverse(&p->first.routes.v[i]);

		rc = pt_route_put(s, &back, network_find_link, &f, i);
		rc = rc == -ENOENT || rc == -ENODEV ? 0 : rc;
	}
	if (!rc)
		rc = pt_nl_stream_flush(s);
	pt_nl_stream_free(s);
	return rc;
}

static void on_refused(const struct pt_err *why, void *arg)
{
	struct pt_err *e = arg;

	for (size_t i = 0; i < why->list.n && !e->list.n; i++)
		pt_err_add(e, PT_ERROR, NULL, why->list.v[i].hint, "%s", why->list.v[i].msg);
}

/* LAST: what is left. */
static int settle(const struct network *want, struct pt_nl *route, struct difference *last, struct pt_err *why)
{
	struct difference first;
	int rc = network_difference_find(&first, want, route, why);

	memset(last, 0, sizeof(*last));
	if (rc)
		return rc;
	rc = network_settle(want, route, &first, last, on_refused, why, why);
	network_difference_fini(&first);
	return rc ? rc : network_difference_size(last) ? -EIO : 0;
}

/* Routes that went with their links, which have other indexes now, are those of the file that was in force. */
static int noted_routes_back(struct network *before, struct pt_nl *route, struct pt_err *why)
{
	struct pt_arena *a = pt_arena_new();
	struct network noted = { 0 };
	struct pt_conf *conf = NULL;
	struct difference last = { 0 };
	struct pt_err unread = { 0 };
	int rc = a ? network_note_read(&conf, &unread) : -ENOMEM;

	if (!rc)
		rc = network_want(conf, a, &noted, &unread);
	if (!rc) {
		before->conf = noted.conf;
		before->routes = noted.routes;
		before->n_routes = noted.n_routes;
		rc = settle(before, route, &last, why);
		before->conf = NULL;
		network_difference_fini(&last);
	}
	pt_err_fini(&unread);
	pt_conf_free(conf);
	pt_arena_free(a);
	return rc == -ENOENT ? 0 : rc;
}

static void undo(struct network_plan *p, struct network *before, struct pt_nl *route, struct pt_err *e)
{
	struct pt_err why = { 0 };
	struct difference last;
	int rc = settle(before, route, &last, &why), more = routes_back(p, &last, route);

	network_difference_fini(&last);
	rc = rc ? rc : more;
	more = noted_routes_back(before, route, &why);
	if (rc || more)
		pt_err_add(e, PT_ERROR, NULL, "`ptnet diff` shows what is left", "the interfaces could not all be put back%s%s",
			   why.list.n ? ": " : "", why.list.n ? why.list.v[0].msg : "");
	pt_err_fini(&why);
}

/* What servers give is not in the file: the same file may want something else the next time. */
static bool asks_servers(const struct pt_conf *c)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (c->interfaces.v[i].ways & (PT_IF_DHCP4 | PT_IF_DHCP6))
			return true;
	return false;
}

/* Without it nobody can watch over what is in force, which it is all the same; an older one would have it undone. */
static void note(const struct network *want, const struct pt_tally *seen, struct pt_err *e)
{
	struct pt_err why = { 0 };
	struct pt_buf same = { 0 };

	/* What was to be told is to be told again. */
	if (!e->list.n && !asks_servers(want->conf))
		network_same_write(want, seen, &same);
	if (network_note_write(want->conf, same.err ? NULL : same.s, &why)) {
		network_note_remove();
		pt_err_add(e, PT_WARNING, NULL, "make room in " PT_RUN_DIR, "the interfaces are in force, but `ptnet watch` does not know: %s",
			   why.list.n ? why.list.v[0].msg : "no memory");
	}
	pt_buf_fini(&same);
	pt_err_fini(&why);
	/* What it had to forget is found again the next time. */
	(void)!network_before_trim(want, e);
}

/* Under the lock: nothing but what an apply meanwhile did makes the plan an old one. */
static int renew(struct pt_whole *w, struct network_plan *p, struct pt_err *e)
{
	struct stat now;
	int rc;

	stat_note(&now);
	if (now.st_ino == p->noted.st_ino && now.st_size == p->noted.st_size && !memcmp(&now.st_mtim, &p->noted.st_mtim, sizeof(now.st_mtim)))
		return 0;
	rc = compare(w, p, e);
	return rc ? rc : check_kernel(p, e);
}

static int apply(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e)
{
	struct network_plan *p = plan;
	struct network before = { 0 };
	struct pt_tally seen = { 0 };
	int fd = -1, rc = plan_lock(&fd, e);

	*writes = 0;
	if (rc)
		return rc;
	rc = renew(w, p, e);
	if (rc)
		goto out;
	if (!writes_of(p)) {
		note(&p->want, &p->first.seen, e);
		goto out;
	}
	rc = keep(p, &before);
	if (rc) {
		(void)pt_err_sys(e, rc, "remembering the interfaces");
		goto out;
	}
	rc = reach(&p->want, w->route, writes, &seen, e);
	if (!rc)
		note(&p->want, &seen, e);
	if (rc)
		undo(p, &before, w->route, e);
out:
	close(fd);
	network_release_shapes(&before.shapes);
	/* The rules were put in force before there was what they are about. They take the lock themselves. */
	if (!rc && (p->first.links.n || p->first.addresses.n))
		plan_follow_once(w->nf, w->route, e);
	return rc;
}

const struct pt_subsystem plan_network = {
	.name = "network",
	.check = check,
	.plan = make_plan,
	.writes = writes_of,
	.walk = walk,
	.apply = apply,
	.free = plan_free,
};
