/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The switch: one editor at a time, the copy on disk first, one transaction, read back and compare.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/patch.h"

/* Another editor is seldom at work for longer: 5 s. */
#define LOCK_TRIES 50
#define LOCK_PAUSE_MS 100
#define COMMIT_TRIES 16 /* of planning anew when somebody else's change came between */

#define LOCK_PATH (sizeof(PT_RUN_DIR) + 40)

/* Rules belong to a network namespace, so each has a lock of its own. */
static int lock_path(char path[LOCK_PATH], struct pt_err *e)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st))
		return pt_err_sys(e, -errno, "reading /proc/thread-self/ns/net");
	snprintf(path, LOCK_PATH, PT_RUN_DIR "/lock.%llu", (unsigned long long)st.st_ino);
	return pt_folder_make(PT_RUN_DIR, e);
}

int plan_lock_now(int *fd, struct pt_err *e)
{
	char path[LOCK_PATH];
	int rc = lock_path(path, e);

	return rc ? rc : pt_lock(path, fd, e);
}

int plan_lock(int *fd, struct pt_err *e)
{
	char path[LOCK_PATH];
	int rc = lock_path(path, e);

	if (rc)
		return rc;
	for (int i = 0; i < LOCK_TRIES; i++) {
		struct pt_err held = { 0 };

		rc = pt_lock(path, fd, &held);
		pt_err_fini(&held);
		if (rc != -EWOULDBLOCK)
			break;
		usleep(LOCK_PAUSE_MS * 1000);
	}
	if (*fd < 0)
		rc = pt_lock(path, fd, e); /* for its record */
	return rc == -EWOULDBLOCK ? -ETIMEDOUT : rc;
}

static void first_difference(const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_buf *b = arg;

	if (!b->n)
		pt_buf_fmt(b, "%s %s %s", op, kind, name);
}

/* What the kernel holds now must be what was wanted: a plan from it is empty. */
static int read_back(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct pt_buf what = { 0 };
	int rc;

	rc = plan_observe(p, nf, e);
	if (rc)
		pt_err_add(e, PT_ERROR, NULL, "see `ptfw diff`",
			   "the transaction is done and in force, but could not be read back");
	if (rc || !pt_plan_writes(p))
		return rc;
	pt_plan_walk(p, first_difference, &what);
	pt_err_add(e, PT_ERROR, NULL,
		   "another program may be changing the table: see `ptfw diff`, then apply again",
		   "after the transaction the kernel holds something else than was written"
		   " (still to do: %s, %zu in all)",
		   what.s ? what.s : "?", pt_plan_writes(p));
	pt_buf_fini(&what);
	return -EBADMSG;
}

/* The chains in two transactions, and the exchange of the classifier's tables between them. */
static int commit_exchange(struct pt_plan *p, struct pt_nl *nf, const struct pt_nft_plan *sets, struct pt_err *e)
{
	struct pt_nft_plan *first = NULL, *rest = NULL;
	int rc;

	pt_nft_plan_free(p->change); /* a large table is not to be there in three transactions */
	p->change = NULL;
	rc = pt_nft_diff_first(p->prog, p->have, sets, &first, e);
	if (!rc)
		rc = pt_nft_diff_rest(p->prog, p->have, sets, first, &rest, e);
	if (!rc)
		rc = pt_nft_commit(nf, first, e);
	if (!rc)
		rc = plan_ingress_switch(p, e);
	if (!rc)
		rc = pt_nft_commit(nf, rest, e);
	pt_nft_plan_free(first);
	pt_nft_plan_free(rest);
	return rc;
}

/* The chains in one. */
static int commit_whole(struct pt_plan *p, struct pt_nl *nf, const struct pt_nft_plan *sets, struct pt_err *e)
{
	int rc = 0;

	if (pt_nft_plan_writes(sets)) { /* else it is as it was planned */
		pt_nft_plan_free(p->change);
		rc = pt_nft_diff_after(p->prog, p->have, sets, &p->change, e);
	}
	if (!rc)
		rc = plan_ingress_switch(p, e);
	if (!rc)
		rc = pt_nft_commit(nf, p->change, e);
	if (rc && rc != -ERESTART)
		plan_ingress_undo(p);
	return rc;
}

/* New sets that the kernel should not keep. What cannot be done the next apply does. */
static void take_back(struct pt_plan *p, struct pt_nl *nf, const struct pt_nft_plan *sets)
{
	struct pt_nft_plan *undo = NULL;
	struct pt_err none = { 0 };

	if (!pt_nft_diff_undo(p->prog, p->have, sets, &undo, &none))
		(void)!pt_nft_commit(nf, undo, &none);
	pt_nft_plan_free(undo);
	pt_err_fini(&none);
}

/* -ERESTART: somebody else was faster. */
static int commit_once(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct pt_nft_plan *sets = NULL;
	uint64_t packets, bytes;
	int rc;

	rc = pt_nft_diff_sets(p->prog, p->have, &sets, e);
	if (!rc)
		rc = pt_nft_commit(nf, sets, e);
	if (rc)
		goto out;
	if (p->tables && pt_nft_unjudged(p->have, &packets, &bytes))
		rc = commit_exchange(p, nf, sets, e);
	else
		rc = commit_whole(p, nf, sets, e);
	if (rc && rc != -ERESTART)
		take_back(p, nf, sets);
	if (!rc && !p->offline)
		rc = plan_ingress_retire(p, e);
out:
	pt_nft_plan_free(sets);
	return rc;
}

/* Makes the program and its tables ready; where AUTO chose them and they cannot be had, nft's own engine
 * takes their place: the machine must not stay without rules for want of speed. */
static int prepare(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc;

	rc = plan_ingress_prepare(p, p->wanted == PT_ENGINE_AUTO ? &why : e);
	if (rc && p->wanted == PT_ENGINE_AUTO) {
		pt_err_add(e, PT_WARNING, NULL, "the rules are in force without it; packets cost more",
			   "the classifier cannot be used: %s", why.list.n ? why.list.v[0].msg : strerror(-rc));
		rc = plan_fall_back(p, "the kernel did not take the classifier", e);
		if (!rc)
			rc = plan_observe(p, nf, e);
	}
	pt_err_fini(&why);
	return rc;
}

/* Puts the plan in force, planning anew when the generation moved; then reads back. */
int plan_commit(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e)
{
	int rc = -ERESTART;

	*writes = 0;
	for (int i = 0; i < COMMIT_TRIES && rc == -ERESTART; i++) {
		rc = i > 0 ? plan_observe(p, nf, e) : 0;
		if (!rc && !pt_plan_writes(p))
			return 0;
		if (!rc)
			rc = prepare(p, nf, e);
		*writes = rc ? 0 : pt_plan_writes(p);
		if (!rc)
			rc = commit_once(p, nf, e);
	}
	if (rc == -ERESTART) {
		pt_err_add(e, PT_ERROR, NULL, "find the program that keeps changing nftables, then apply again",
			   "applying: the rules of this machine changed %d times meanwhile",
			   COMMIT_TRIES);
		rc = -EBUSY;
	}
	if (rc) {
		*writes = 0;
		return rc;
	}
	return read_back(p, nf, e);
}

/* That large tables are as they should be took long to find out. Whatever keeps it from being noted, nothing is lost. */
static void note(struct pt_plan *p, struct pt_nl *nf)
{
	struct pt_nft_plan *note = NULL;
	struct pt_err none = { 0 };

	if (!pt_nft_diff_note(p->prog, p->have, &note, &none))
		(void)!pt_nft_commit(nf, note, &none);
	pt_nft_plan_free(note);
	pt_err_fini(&none);
}

int plan_switch(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e)
{
	bool has = plan_store_has(p);
	char before[65];
	int rc = 0;

	memcpy(before, p->loaded_of, sizeof(before));
	if (pt_plan_writes(p) || !has)
		rc = plan_store_write(p, has ? NULL : e);
	if (rc && has) /* only its age could not be written: a full disk must not stop the way back */
		rc = 0;
	if (!rc)
		rc = plan_commit(p, nf, writes, e);
	if (!rc && !*writes && p->prog)
		note(p, nf);
	if (!rc && strcmp(before, p->digest) != 0) {
		plan_store_drop(before);
		plan_rules_drop(before);
	}
	if (!rc)
		plan_rules_write(p, e && e->n_warnings);
	return rc;
}

int pt_plan_apply(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e)
{
	bool first = !p->have->present || p->have->dormant || !p->have->digest[0];
	int fd = -1, rc;

	*writes = 0;
	rc = plan_lock(&fd, e);
	if (rc)
		return rc;
	rc = plan_loaded_again(p, nf, e);
	if (!rc)
		rc = plan_switch(p, nf, writes, e);
	if (!rc && first) {
		/* The evaluator reads the tables again: a large one is not to be there twice. */
		pt_nft_prog_free(p->prog);
		p->prog = NULL;
		plan_adopt(p, nf, e);
	}
	if (!rc)
		rc = plan_forwarding_apply(p->conf, e);
	if (!rc)
		rc = plan_limits_apply(p, e);
	close(fd);
	return rc;
}
