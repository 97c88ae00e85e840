/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classifier in the kernel: one program at the ingress of every device, one set of tables.
 *
 * The chains of the rules close what the program has not judged, so the order of steps decides only
 * whether packets are lost on the way, never whether they get in:
 *   chains that know no keys yet:  program and tables first, then the chains
 *   chains that do:                chains with old and new keys, exchange, chains without the old ones
 *   chains that know no keys more: chains first, then the program goes
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/bpf.h>
#include <patronus/tc.h>

#include "plan/internal.h"

struct pt_ingress {
	struct pt_arena *arena;
	pt_tc_filters have;
	char name[PT_BPF_NAME]; /* of our program */
	uint64_t tables, in_use; /* digests, 0: none */
	struct pt_bpf *program; /* of the filters that there are, or loaded by us; NULL: neither */
	int fd; /* of the new tables, -1 */
	PT_VEC(const struct pt_host_if *) attach;
	PT_VEC(uint32_t) detach;
};

static const struct pt_tc_filter *filter_on(const struct pt_ingress *g, uint32_t ifindex)
{
	for (size_t i = 0; i < g->have.n; i++)
		if (g->have.v[i].ifindex == ifindex && !g->have.v[i].foreign)
			return &g->have.v[i];
	return NULL;
}

static bool is_taken(const struct pt_ingress *g, uint32_t ifindex)
{
	for (size_t i = 0; i < g->have.n; i++)
		if (g->have.v[i].ifindex == ifindex && g->have.v[i].foreign)
			return true;
	return false;
}

static const struct pt_host_if *device_at(const struct pt_host *h, uint32_t ifindex)
{
	for (size_t i = 0; h && i < h->ifs.n; i++)
		if (h->ifs.v[i].ifindex == ifindex)
			return &h->ifs.v[i];
	return NULL;
}

/* ---- what there is, and what is missing ---- */

static size_t tables_bytes(const struct pt_plan *p)
{
	return p->tables->n_words * sizeof(*p->tables->words);
}

/* The program that runs: of the first filter with our program's name. */
static int find_program(struct pt_ingress *g, size_t bytes, struct pt_err *e)
{
	struct pt_err gone = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && !g->program && i < g->have.n; i++) {
		if (strcmp(g->have.v[i].name, g->name) != 0)
			continue;
		rc = pt_bpf_open(g->have.v[i].prog_id, &g->program, &gone);
		if (rc == -ENOENT)
			rc = 0;
		if (g->program && pt_bpf_room(g->program) < bytes) { /* one with more room takes its place */
			pt_bpf_close(g->program);
			g->program = NULL;
		}
	}
	pt_err_fini(&gone);
	if (rc == -EPERM) {
		pt_err_add(e, PT_ERROR, NULL, "run it as root: the kernel asks for CAP_NET_ADMIN and CAP_SYS_ADMIN",
			   "opening the classifier that is at work: not permitted");
		return rc;
	}
	if (rc)
		return pt_err_sys(e, rc, "opening the classifier that is at work");
	return g->program ? pt_bpf_tables_in_use(g->program, &g->in_use, e) : 0;
}

static int compare_devices(struct pt_ingress *g, const struct pt_plan *p)
{
	int rc = 0;

	for (size_t i = 0; !rc && p->tables && i < p->host->ifs.n; i++) {
		const struct pt_host_if *d = &p->host->ifs.v[i];
		const struct pt_tc_filter *f = filter_on(g, d->ifindex);

		if (!d->port && !(f && g->program && f->prog_id == pt_bpf_id(g->program)))
			rc = pt_vec_push(g->arena, &g->attach, d); /* NOLINT(bugprone-sizeof-expression) */
	}
	for (size_t i = 0; !rc && i < g->have.n; i++) {
		const struct pt_host_if *d = device_at(p->host, g->have.v[i].ifindex);

		if (!g->have.v[i].foreign && (!p->tables || (d && d->port)))
			rc = pt_vec_push(g->arena, &g->detach, g->have.v[i].ifindex);
	}
	return rc;
}

int plan_ingress_observe(struct pt_plan *p, struct pt_err *e)
{
	struct pt_ingress *g = calloc(1, sizeof(*g));
	struct pt_nl *route = NULL;
	int rc = -ENOMEM;

	plan_ingress_free(p->ingress);
	p->ingress = g;
	if (!g)
		return pt_err_sys(e, rc, "looking for the classifier");
	g->fd = -1;
	pt_bpf_name(g->name);
	if (p->tables)
		g->tables = p->tables_digest;
	g->arena = pt_arena_new();
	if (g->arena)
		rc = pt_nl_open(&route, NETLINK_ROUTE, e);
	if (!rc)
		rc = pt_tc_ingress_list(route, g->arena, &g->have, e);
	if (!rc && p->tables)
		rc = find_program(g, tables_bytes(p), e);
	if (!rc)
		rc = compare_devices(g, p);
	pt_nl_close(route);
	return rc;
}

void plan_ingress_free(struct pt_ingress *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	pt_bpf_close(g->program);
	pt_arena_free(g->arena);
	free(g);
}

static bool tables_differ(const struct pt_ingress *g)
{
	return g->tables != g->in_use;
}

size_t plan_ingress_writes(const struct pt_ingress *g)
{
	return g ? g->attach.n + g->detach.n + (g->tables && tables_differ(g)) : 0;
}

void plan_ingress_walk(const struct pt_plan *p, pt_nft_op_cb cb, void *arg)
{
	const struct pt_ingress *g = p->ingress;
	char name[PT_BPF_TABLES_NAME];

	if (!g)
		return;
	pt_bpf_tables_name(g->tables, name);
	if (g->tables && tables_differ(g))
		cb(g->in_use ? "replace" : "add", "tables of the classifier", name, arg);
	for (size_t i = 0; i < g->attach.n; i++)
		cb("add", "classifier on", g->attach.v[i]->device, arg);
	for (size_t i = 0; i < g->detach.n; i++) {
		const struct pt_host_if *d = device_at(p->host, g->detach.v[i]);

		cb("delete", "classifier on", d ? d->device : "a device", arg);
	}
}

/* ---- the steps ---- */

/* A program that this process could not find again would be in nobody's hands after the apply. */
static int load_program(struct pt_plan *p, size_t bytes, struct pt_err *e)
{
	struct pt_ingress *g = p->ingress;
	struct pt_bpf *again = NULL;
	struct pt_err none = { 0 };
	int rc = 0;

	g->program = plan_ahead_take(p, bytes);
	if (!g->program)
		rc = pt_bpf_load(bytes, &g->program, e);
	if (rc)
		return rc;
	rc = pt_bpf_open(pt_bpf_id(g->program), &again, &none);
	if (rc)
		pt_err_add(e, PT_ERROR, NULL, "run it as root: the kernel asks for CAP_NET_ADMIN and CAP_SYS_ADMIN",
			   "opening the classifier by its number: %s", strerror(-rc));
	pt_bpf_close(again);
	pt_err_fini(&none);
	return rc;
}

/* Everything that can fail for want of memory or permission; nothing is in force yet. */
int plan_ingress_prepare(struct pt_plan *p, struct pt_err *e)
{
	struct pt_ingress *g = p->ingress;
	int rc = 0;

	if (!p->tables)
		return 0;
	for (size_t i = 0; i < g->attach.n; i++)
		if (is_taken(g, g->attach.v[i]->ifindex)) {
			pt_err_add(e, PT_ERROR, NULL, "take it away, or use another engine",
				   "a filter of another program is in the place of the classifier on %s,"
				   " preference %d", g->attach.v[i]->device, PT_TC_PREF);
			return -EBUSY;
		}
	if (!g->program)
		rc = load_program(p, tables_bytes(p), e);
	if (!rc && tables_differ(g) && g->fd < 0)
		rc = pt_bpf_tables_new(g->program, p->tables->words, p->tables->n_words, p->tables_digest, &g->fd, e);
	return rc;
}

int plan_ingress_switch(struct pt_plan *p, struct pt_err *e)
{
	struct pt_ingress *g = p->ingress;
	struct pt_nl *route = NULL;
	int rc = 0;

	if (!p->tables)
		return 0;
	if (g->fd >= 0 && !(g->in_use && g->attach.n)) /* else after what may fail */
		rc = pt_bpf_tables_use(g->program, g->fd, e);
	if (!rc && g->attach.n)
		rc = pt_nl_open(&route, NETLINK_ROUTE, e);
	for (size_t i = 0; !rc && i < g->attach.n; i++) {
		rc = pt_tc_ingress_attach(route, g->attach.v[i]->ifindex, pt_bpf_fd(g->program), g->name, e);
		if (rc == -ENODEV)
			rc = 0; /* gone meanwhile */
	}
	/* Packets that old rules pass may have come by devices before the program was there. Chains that ask for its
	 * answer must not see them: for an exchange of tables, if only for the same, the kernel waits until they are
	 * through. */
	if (!rc && p->have->present && g->attach.n && g->fd >= 0)
		rc = pt_bpf_tables_use(g->program, g->fd, e);
	/* Rules that were changed one by one left elements behind, which go with this apply. */
	if (!rc && g->fd < 0 && g->program && g->in_use && pt_nft_patched(p->have))
		rc = pt_bpf_tables_settle(g->program, e);
	pt_nl_close(route);
	return rc;
}

int plan_ingress_change(struct pt_plan *p, const struct pt_bpf_number *x, uint64_t *digest, struct pt_err *e)
{
	return p->ingress->program ? pt_bpf_tables_change(p->ingress->program, x, digest, e) : -ESTALE;
}

/* Where the chains could not be put in force after all, devices lose what they got for them. */
void plan_ingress_undo(struct pt_plan *p)
{
	struct pt_ingress *g = p->ingress;
	struct pt_err none = { 0 };
	struct pt_nl *route = NULL;

	if (p->tables && g->attach.n && !pt_nl_open(&route, NETLINK_ROUTE, &none))
		for (size_t i = 0; i < g->attach.n; i++)
			(void)!pt_tc_ingress_detach(route, g->attach.v[i]->ifindex, &none);
	pt_nl_close(route);
	pt_err_fini(&none);
}

/* The hooks stay for the next time, as packets would be lost; but not where packets are no more of interest. */
int plan_ingress_retire(struct pt_plan *p, struct pt_err *e)
{
	bool stopping = !p->conf;
	struct pt_ingress *g = p->ingress;
	struct pt_nl *route = NULL;
	int rc = 0;

	if (g->detach.n)
		rc = pt_nl_open(&route, NETLINK_ROUTE, e);
	for (size_t i = 0; !rc && i < g->detach.n; i++) {
		rc = pt_tc_ingress_detach(route, g->detach.v[i], e);
		if (!rc && stopping)
			rc = pt_tc_ingress_unhook(route, g->detach.v[i], e);
	}
	pt_nl_close(route);
	return rc;
}
