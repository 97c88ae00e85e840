/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conditions of the rarer kind: checked against the direction of their rule, for not everything is known of a packet
 * at both ends of its way, and names of users and groups looked up.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

#define MAC_MAX 0xffffffffffffull
#define OWNER_BYTES_MAX (1 << 20) /* of one entry in the list of groups */

/* ---- owners ---- */

static int ask(bool group, const char *name, char *buf, size_t size, bool *found, uint32_t *out)
{
	struct passwd pw, *user = NULL;
	struct group gr, *members = NULL;
	int rc = group ? getgrnam_r(name, &gr, buf, size, &members) : getpwnam_r(name, &pw, buf, size, &user);

	*found = group ? members != NULL : user != NULL;
	if (*found)
		*out = group ? members->gr_gid : user->pw_uid;
	return rc;
}

/* The number of the user or group NAME; FOUND: there is one. */
static int owner_number(bool group, const char *name, bool *found, uint32_t *out)
{
	size_t size = 4096;
	char *buf = NULL;
	int rc = ERANGE;

	*found = false;
	for (; rc == ERANGE && size <= OWNER_BYTES_MAX; size *= 4) {
		free(buf);
		buf = malloc(size);
		if (!buf)
			return -ENOMEM;
		rc = ask(group, name, buf, size, found, out);
	}
	free(buf);
	return 0; /* who cannot be looked up is not there */
}

int pt_owner_find(bool group, const char *name, uint32_t *out)
{
	uint64_t number;
	bool found;
	int rc;

	if (!pt_parse_uint(name, UINT32_MAX - 1, &number)) {
		*out = (uint32_t)number;
		return 0;
	}
	rc = owner_number(group, name, &found, out);
	return rc || found ? rc : -ENOENT;
}

static int owners(struct policy_builder *b, const pt_ast_ids *ids, bool group, struct pt_iset *out)
{
	for (size_t i = 0; i < ids->n; i++) {
		const struct pt_ast_id *id = &ids->v[i];
		uint32_t number = id->a;
		bool found = true;
		int rc = id->name ? owner_number(group, id->name, &found, &number) : 0;

		if (!rc && !found)
			return policy_fail(b, &id->loc, "write its number, or add it to the system", "unknown %s '%s'",
					   group ? "group" : "user", id->name);
		if (!rc)
			rc = policy_compare(b->scratch, id->op, number, id->b, UINT32_MAX - 1, out);
		if (rc)
			return rc;
	}
	pt_iset_norm(out);
	if (!ids->n || out->n)
		return 0;
	return policy_fail(b, &ids->v[0].loc, "leave the rule out", "no %s fits this condition", group ? "group" : "user");
}

/* ---- senders ---- */

static int macs(struct policy_builder *b, const struct pt_ast_when *w, struct pt_iset *out)
{
	struct pt_iset s = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < w->macs.n; i++)
		rc = pt_iset_add(b->scratch, &s, w->macs.v[i], w->macs.v[i]);
	pt_iset_norm(&s);
	if (!rc && w->macs_neg)
		return pt_iset_complement(b->scratch, out, &s, MAC_MAX);
	*out = s;
	return rc;
}

static int received(struct policy_builder *b, const struct pt_ast_if *i, struct pt_pol_received *out)
{
	if (!i->name)
		return 0;
	out->neg = i->neg;
	return policy_devices_of(b, i, &out->v, &out->n);
}

/* ---- what is known where ---- */

static int wrong_direction(struct policy_builder *b, const struct pt_loc *loc, enum pt_dir only, const char *why)
{
	return policy_fail(b, loc, only == PT_OUT ? "write `out`" : "write `in`", "%s", why);
}

static int check_directions(struct policy_builder *b)
{
	const struct pt_ast_when *w = &b->ast->when;
	enum pt_dir dir = b->ast->dir;

	if (w->received.name && dir != PT_OUT)
		return wrong_direction(b, &w->received_loc, PT_OUT,
				       "received-on: a packet that arrives is received on the interface that `on` names");
	if (w->user.n && dir != PT_OUT)
		return wrong_direction(b, &w->user_loc, PT_OUT,
				       "user: Linux looks for the socket of an arriving packet after it was judged");
	if (w->group.n && dir != PT_OUT)
		return wrong_direction(b, &w->group_loc, PT_OUT,
				       "group: Linux looks for the socket of an arriving packet after it was judged");
	if (w->macs.n && dir != PT_IN)
		return wrong_direction(b, &w->mac_loc, PT_IN, "mac: a packet that leaves has lost the address of its sender");
	return 0;
}

int policy_check_side(struct policy_builder *b, const pt_hosts *hosts, bool dst)
{
	for (size_t i = 0; i < hosts->n; i++) {
		const struct pt_ast_host *h = &hosts->v[i];

		if (h->kind == PT_HOST_NO_ROUTE && h->neg)
			return policy_fail(b, &h->loc, "write a rule for `no-route` behind or before this one",
					   "'! no-route' is more than one question to the kernel");
		if (h->kind == PT_HOST_NO_ROUTE && b->ast->dir != PT_IN)
			return wrong_direction(b, &h->loc, PT_IN,
					       "no-route: Linux looks for routes of arriving packets only, what leaves has one");
		if (h->kind != PT_HOST_URPF)
			continue;
		if (dst)
			return policy_fail(b, &h->loc, "write it behind `from`", "'urpf-failed' is about sources");
		if (b->ast->dir != PT_IN)
			return wrong_direction(b, &h->loc, PT_IN, "urpf-failed asks for the interface that a packet came by");
	}
	return 0;
}

/* ---- the whole ---- */

static bool given(const struct pt_ast_when *w)
{
	return w->has_tos || (w->chance && w->chance < PT_CHANCE_ALL) || w->received.name || w->user.n || w->group.n ||
	       w->macs.n || w->limit.packets || w->pkt_rate.packets || w->once || w->schedule;
}

static int keep(struct policy_builder *b, struct pt_pol_more *m)
{
	struct pt_iset *sets[] = { &m->uid, &m->gid, &m->macs };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(sets); i++)
		rc = policy_keep_set(b, sets[i]);
	if (m->received.n)
		m->received.v = policy_keep_bytes(b, m->received.v, m->received.n * sizeof(*m->received.v));
	if (rc || (m->received.n && !m->received.v))
		return -ENOMEM;
	b->base.more = policy_keep_bytes(b, m, sizeof(*m));
	return b->base.more ? 0 : -ENOMEM;
}

int policy_more(struct policy_builder *b)
{
	const struct pt_ast_when *w = &b->ast->when;
	struct pt_pol_more m;
	int rc;

	if (!given(w))
		return 0;
	memset(&m, 0, sizeof(m));
	m.has_tos = w->has_tos;
	m.tos = w->tos;
	m.chance = w->chance < PT_CHANCE_ALL ? w->chance : 0;
	m.limit = w->limit;
	m.pkt_rate = w->pkt_rate;
	m.once = w->once;
	rc = check_directions(b);
	if (!rc)
		rc = owners(b, &w->user, false, &m.uid);
	if (!rc)
		rc = owners(b, &w->group, true, &m.gid);
	if (!rc)
		rc = macs(b, w, &m.macs);
	if (!rc)
		rc = received(b, &w->received, &m.received);
	if (!rc && w->schedule)
		rc = policy_schedule(b, w->schedule, &w->schedule_loc, &m.schedule);
	m.schedule_neg = w->schedule_neg;
	return rc ? rc : keep(b, &m);
}
