/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block set: what is in force before the rules are, from the first moment of a boot on, and what `ptfw stop` leaves. It is
 * made of the section `boot` of the last configuration that was good enough to be confirmed or in force, and where there is none
 * of what every network needs; it never depends on the file that somebody is editing, or on a disk that can be written.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <patronus/history.h>

#include "plan/internal.h"

static int parse_revision(const char *state, uint32_t number, struct pt_conf **out, struct pt_err *e)
{
	struct pt_conf_more more;
	struct pt_texts t = { 0 };
	int rc = pt_revision_read(state, number, &t, e);

	if (rc)
		return rc;
	more = (struct pt_conf_more){ .v = t.more.v, .n = t.more.n };
	rc = pt_conf_parse_more(t.name, t.text, t.len, &more, NULL, NULL, out, e);
	pt_texts_fini(&t);
	return rc;
}

/* The last confirmed revision that can be read; damaged ones are told as warnings. Without any *OUT stays NULL. */
static int last_confirmed(const char *state, struct pt_conf **out, uint32_t *number, struct pt_err *e)
{
	struct pt_history *h = NULL;
	struct pt_err why = { 0 };
	int rc = pt_history_read(state, 0, &h, &why);

	for (size_t i = rc ? 0 : h->list.n; i-- > 0 && !*out;) {
		if (h->list.v[i].state != PT_REVISION_CONFIRMED)
			continue;
		*number = h->list.v[i].number;
		rc = parse_revision(state, *number, out, &why);
		if (rc == -ENOMEM)
			break;
	}
	if (why.list.n)
		pt_err_add(e, PT_WARNING, NULL, "see `ptconf history`", "the history in %s: %s", state, why.list.v[0].msg);
	if (!*out)
		*number = 0;
	pt_err_fini(&why);
	pt_history_free(h);
	return rc == -ENOMEM ? rc : 0;
}

/* What is in force by the kernel's table, or was until it was stopped. Without any, or without its copy, *OUT stays NULL. */
static int last_applied(struct pt_nft_state *now, struct pt_conf **out, struct pt_err *e)
{
	struct pt_policy *policy = NULL;
	struct pt_err why = { 0 };
	int rc;

	if (!now->digest[0])
		memcpy(now->digest, now->before, sizeof(now->digest));
	rc = now->digest[0] ? plan_copy_parse(now, out, &policy, &why) : -ENOENT;
	pt_policy_free(policy);
	pt_err_fini(&why);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading what was applied") : 0;
}

/* Brings PROG into the kernel, which holds NOW. */
static int put(struct pt_nft_prog **prog, const char *remember, struct pt_nl *nf, size_t *writes, struct pt_err *e)
{
	struct pt_plan p = { .prog = *prog };
	int rc;

	*prog = NULL;
	rc = pt_nft_prog_remember(p.prog, remember);
	if (!rc)
		rc = plan_observe(&p, nf, e);
	if (!rc)
		rc = plan_commit(&p, nf, writes, e);
	pt_plan_fini(&p);
	return rc;
}

/* -1: the way back must work where nothing can be written, and where somebody spoilt the folder of the lock. */
static int lock(int *fd, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc = plan_lock(fd, &why);

	if (rc == -ETIMEDOUT || rc == -EACCES) {
		rc = plan_lock(fd, e); /* for its record */
	} else {
		if ((rc == -EPERM || rc == -ELOOP) && why.list.n)
			pt_err_add(e, PT_WARNING, NULL, why.list.v[0].hint, "%s: the lock in it is not taken", why.list.v[0].msg);
		rc = 0;
	}
	pt_err_fini(&why);
	return rc;
}

static int compile(bool open, const struct pt_conf *conf, struct pt_nft_prog **out, struct pt_err *e)
{
	if (!open && conf)
		return pt_nft_compile_block(conf, out, e);
	return pt_nft_compile_stop(open, out, e);
}

/* Is a file in force? */
static bool in_force(const struct pt_nft_state *now)
{
	return now->present && !now->dormant && now->digest[0];
}

static bool admits_ssh(const struct pt_conf *c)
{
	return c && (c->boot.ssh_from.n || c->boot.ssh_on.n);
}

/* Under the lock. */
static int block(const char *state, const char *file, struct pt_nl *nf, struct pt_block *out, size_t *writes, struct pt_err *e)
{
	struct pt_nft_state *now = NULL;
	struct pt_nft_prog *prog = NULL;
	struct pt_conf *conf = NULL;
	struct pt_err why = { 0 };
	int rc;

	rc = pt_nft_read_applied(nf, &now, e);
	if (!rc && in_force(now)) {
		out->kept = true;
		goto out;
	}
	if (!rc)
		rc = last_confirmed(state, &conf, &out->revision, e);
	if (!rc && !conf && file && pt_conf_load(file, &conf, &why))
		conf = NULL; /* nothing was confirmed: it was only a guess */
	if (!rc)
		rc = compile(false, conf, &prog, e);
	if (!rc)
		rc = put(&prog, now->before, nf, writes, e);
	out->ssh = admits_ssh(conf);
out:
	pt_err_fini(&why);
	pt_conf_free(conf);
	pt_nft_state_free(now);
	return rc;
}

int pt_plan_block(const char *state, const char *file, struct pt_nl *nf, struct pt_block *out, size_t *writes, struct pt_err *e)
{
	int fd = -1, rc;

	*writes = 0;
	memset(out, 0, sizeof(*out));
	rc = lock(&fd, e);
	if (!rc)
		rc = block(state, file, nf, out, writes, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

int pt_plan_stop(bool open, struct pt_nl *nf, size_t *writes, struct pt_err *e)
{
	struct pt_nft_state *now = NULL;
	struct pt_nft_prog *prog = NULL;
	struct pt_conf *conf = NULL;
	uint32_t number;
	int fd = -1, rc;

	*writes = 0;
	rc = lock(&fd, e);
	if (rc)
		return rc;
	rc = pt_nft_read_applied(nf, &now, e);
	if (!rc && !open)
		rc = last_applied(now, &conf, e);
	if (!rc && !open && !conf)
		rc = last_confirmed(PT_STATE_DIR, &conf, &number, NULL);
	if (!rc)
		rc = compile(open, conf, &prog, e);
	if (!rc) /* what programs loaded into anchors comes back with the next apply */
		rc = put(&prog, now->digest[0] ? now->digest : now->before, nf, writes, e);
	pt_conf_free(conf);
	pt_nft_state_free(now);
	if (fd >= 0)
		close(fd);
	return rc;
}
