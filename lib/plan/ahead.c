/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A first apply has to bring the classifier's program into the kernel, which verifies it, and to give it tables,
 * for which the kernel waits until no packet can see others. Both take longer than most of an apply and need
 * nothing of the rules but about how many there are, which the size of the file tells. So they go on while it
 * is read. Nothing comes of them before the program is put on devices.
 *
 * What does not work here is left: the apply tries again in its place and tells why.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <patronus/bpf.h>
#include <patronus/tc.h>
#include <patronus/work.h>

#include "plan/internal.h"

#define FILE_MIN (16 << 10) /* shorter files have few rules: most likely not the classifier's work */
#define TABLES_PER_TEXT 2 /* tables of most rule sets take less than twice as much as their text */

struct pt_ahead {
	struct pt_work *work;
	size_t bytes;
	struct pt_bpf *program; /* with tables to be filled; NULL: none is needed, or it did not work */
};

/* Whether a device has it. */
static bool is_at_work(const pt_tc_filters *filters)
{
	char name[PT_BPF_NAME];

	pt_bpf_name(name);
	for (size_t i = 0; i < filters->n; i++)
		if (!filters->v[i].foreign && !strcmp(filters->v[i].name, name))
			return true;
	return false;
}

static void bring(void *arg)
{
	struct pt_ahead *a = arg;
	struct pt_arena *arena = pt_arena_new();
	pt_tc_filters filters = { 0 };
	struct pt_nl *route = NULL;
	struct pt_err none = { 0 };
	int rc = arena ? pt_nl_open(&route, NETLINK_ROUTE, &none) : -ENOMEM;

	if (!rc)
		rc = pt_tc_ingress_list(route, arena, &filters, &none);
	if (!rc && !is_at_work(&filters))
		rc = pt_bpf_load(a->bytes, &a->program, &none);
	if (!rc && a->program)
		rc = pt_bpf_tables_ahead(a->program, &none);
	if (rc) {
		pt_bpf_close(a->program);
		a->program = NULL;
	}
	pt_nl_close(route);
	pt_arena_free(arena);
	pt_err_fini(&none);
}

struct pt_ahead *plan_ahead_start(const char *path)
{
	struct pt_ahead *a;
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size < FILE_MIN || (uintmax_t)st.st_size > PT_FILE_MAX)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->bytes = (size_t)st.st_size * TABLES_PER_TEXT;
	a->work = pt_work_start(bring, a);
	return a;
}

struct pt_bpf *plan_ahead_take(struct pt_plan *p, size_t bytes)
{
	struct pt_ahead *a = p->ahead;
	struct pt_bpf *program = NULL;

	if (!a)
		return NULL;
	pt_work_wait(a->work);
	a->work = NULL;
	if (a->program && pt_bpf_room(a->program) >= bytes) {
		program = a->program;
		a->program = NULL;
	}
	return program;
}

void plan_ahead_free(struct pt_ahead *a)
{
	if (!a)
		return;
	pt_work_wait(a->work);
	pt_bpf_close(a->program);
	free(a);
}
