/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What takes long in the kernel and needs little of the rules, done while the file is read.
 *
 * A first apply has to bring the classifier's program into the kernel, which verifies it, and to give it tables,
 * for which the kernel waits until no packet can see others. Of the rules it has to be known about how many
 * there are, which the size of the file tells. Nothing comes of it before the program is put on devices.
 *
 * A later one has to know the elements that stand for the rules in force, if they are not those of the same file.
 *
 * What does not work here is left: the apply does it again in its place and tells why.
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
#define FILE_MAX (8 << 20) /* a hundred thousand rules: to guess at their tables would take too much memory */
#define RULE_TEXT 80 /* bytes of a rule, about */
#define MANY_WORDS 38 /* of the tables, for each of fifty thousand rules */

struct pt_ahead {
	struct pt_work *work;
	const char *path; /* the caller's */
	size_t bytes;
	bool reads; /* HAVE, else it brings PROGRAM; either is NULL where it did not work */
	struct pt_bpf *program; /* with tables to be filled */
	struct pt_nft_state *have;
};

/* Whether a device has the program. */
static bool is_at_work(void)
{
	struct pt_arena *arena = pt_arena_new();
	pt_tc_filters filters = { 0 };
	struct pt_nl *route = NULL;
	struct pt_err none = { 0 };
	char name[PT_BPF_NAME];
	bool yes = false;
	int rc = arena ? pt_nl_open(&route, NETLINK_ROUTE, &none) : -ENOMEM;

	if (!rc)
		rc = pt_tc_ingress_list(route, arena, &filters, &none);
	pt_bpf_name(name);
	for (size_t i = 0; !rc && i < filters.n; i++)
		yes = yes || (!filters.v[i].foreign && !strcmp(filters.v[i].name, name));
	pt_nl_close(route);
	pt_arena_free(arena);
	pt_err_fini(&none);
	return yes;
}

static void bring_program(void *arg)
{
	struct pt_ahead *a = arg;
	struct pt_err none = { 0 };

	if (!pt_bpf_load(a->bytes, &a->program, &none) && pt_bpf_tables_ahead(a->program, &none)) {
		pt_bpf_close(a->program);
		a->program = NULL;
	}
	pt_err_fini(&none);
}

/* The bytes are read only to be compared: what will be applied is what the plan reads. */
static int digest_of_file(const char *path, char digest[65], struct pt_err *e)
{
	char *text = NULL;
	size_t len = 0;
	int rc = pt_file_read(path, PT_FILE_MAX, &text, &len, e);

	if (!rc)
		plan_digest(text, len, digest);
	free(text);
	return rc;
}

static void read_state(void *arg)
{
	struct pt_ahead *a = arg;
	struct pt_err none = { 0 };
	struct pt_nl *nf = NULL;
	char digest[65];
	int rc = digest_of_file(a->path, digest, &none);

	if (!rc)
		rc = pt_nl_open(&nf, NETLINK_NETFILTER, &none);
	if (!rc && pt_nft_read_ahead(nf, digest, &a->have, &none))
		a->have = NULL;
	pt_nl_close(nf);
	pt_err_fini(&none);
}

/* Rules make up to three rows, of two words for 4096 rules each and a few more; of many runs most are empty. */
static size_t tables_room(size_t text)
{
	size_t rules = text / RULE_TEXT, words = 3 * (2 * rules / 4096 + 3);

	return rules * (words < MANY_WORDS ? words : MANY_WORDS) * sizeof(uint64_t);
}

struct pt_ahead *plan_ahead_start(const char *path)
{
	struct pt_ahead *a;
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size < FILE_MIN || (uintmax_t)st.st_size > FILE_MAX)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->path = path;
	a->bytes = tables_room((size_t)st.st_size);
	a->reads = is_at_work();
	a->work = pt_work_start(a->reads ? read_state : bring_program, a);
	return a;
}

static void wait_for(struct pt_ahead *a)
{
	pt_work_wait(a->work);
	a->work = NULL;
}

struct pt_bpf *plan_ahead_take(struct pt_plan *p, size_t bytes)
{
	struct pt_ahead *a = p->ahead;
	struct pt_bpf *program = NULL;

	if (!a)
		return NULL;
	wait_for(a);
	if (a->program && pt_bpf_room(a->program) >= bytes) {
		program = a->program;
		a->program = NULL;
	}
	return program;
}

struct pt_nft_state *plan_ahead_state(struct pt_plan *p)
{
	struct pt_ahead *a = p->ahead;
	struct pt_nft_state *have;

	if (!a || !a->reads)
		return NULL;
	wait_for(a);
	have = a->have;
	a->have = NULL;
	return have;
}

void plan_ahead_free(struct pt_ahead *a)
{
	if (!a)
		return;
	wait_for(a);
	pt_bpf_close(a->program);
	pt_nft_state_free(a->have);
	free(a);
}
