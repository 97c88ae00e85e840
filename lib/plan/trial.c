/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's own word on a set of rules, without touching the machine: a child enters a network
 * namespace of its own (and, without privilege, a user namespace in which it is root), loads the
 * rules there, and tells its parent what the kernel said. The namespace dies with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/internal.h"

static int map_id(const char *path, unsigned int id)
{
	char line[32];
	int fd, n, rc = 0;

	n = snprintf(line, sizeof(line), "0 %u 1\n", id);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)n) != n)
		rc = -errno;
	close(fd);
	return rc;
}

static int deny_setgroups(void)
{
	int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "deny", 4) != 4)
		rc = -errno;
	close(fd);
	return rc;
}

static int enter_namespace(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	int rc;

	if (uid == 0 && unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -errno;
	rc = deny_setgroups();
	if (!rc)
		rc = map_id("/proc/self/uid_map", uid);
	if (!rc)
		rc = map_id("/proc/self/gid_map", gid);
	return rc;
}

static int trial_load(struct pt_plan *p, struct pt_err *e)
{
	struct pt_nl *nf = NULL;
	size_t writes;
	int rc;

	rc = enter_namespace();
	if (rc) {
		pt_err_add(e, PT_ERROR, NULL, "run it as root, or allow user namespaces",
			   "making a network namespace for the trial: %s", strerror(-rc));
		return rc == -EPERM || rc == -EACCES ? -EPERM : -ENOSYS;
	}
	rc = pt_nl_open(&nf, NETLINK_NETFILTER, e);
	if (!rc)
		rc = plan_observe(p, nf, e);
	if (!rc)
		rc = plan_commit(p, nf, &writes, e);
	pt_nl_close(nf);
	return rc;
}

/* ---- records over the pipe: fixed part, then counted strings; the parent has the source ---- */

struct wire {
	uint32_t sev, line, col, len, source; /* of the configuration, from 1; 0: none */
	uint32_t text[2]; /* lengths of message and hint with NUL, 0: NULL */
};

static void send_all(int fd, const void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return; /* the parent is gone: nobody to tell */
		p = (const char *)p + k;
		n -= (size_t)k;
	}
}

static uint32_t source_of(const struct pt_conf *c, const char *file)
{
	for (size_t i = 0; file && i < c->sources.n; i++)
		if (!strcmp(c->sources.v[i].file, file))
			return (uint32_t)i + 1;
	return 0;
}

static void send_diag(int fd, const struct pt_conf *c, const struct pt_diag *d)
{
	const char *text[2] = { d->msg, d->hint };
	struct wire w = { .sev = d->sev, .line = d->loc.line, .col = d->loc.col,
			  .len = d->loc.len, .source = source_of(c, d->loc.file) };

	for (int i = 0; i < 2; i++)
		w.text[i] = text[i] ? (uint32_t)strlen(text[i]) + 1 : 0;
	send_all(fd, &w, sizeof(w));
	for (int i = 0; i < 2; i++)
		send_all(fd, text[i], w.text[i]);
}

static bool recv_all(int fd, void *p, size_t n)
{
	while (n > 0) {
		ssize_t k = read(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p = (char *)p + k;
		n -= (size_t)k;
	}
	return true;
}

/* One record of the child into E; false at the end. */
static bool recv_diag(int fd, const struct pt_conf *c, struct pt_err *e)
{
	char *text[2] = { NULL, NULL };
	struct wire w;
	bool ok;

	ok = recv_all(fd, &w, sizeof(w));
	for (int i = 0; ok && i < 2; i++) {
		if (!w.text[i])
			continue;
		text[i] = malloc(w.text[i]);
		ok = text[i] && recv_all(fd, text[i], w.text[i]);
	}
	if (ok) {
		bool known = w.source && w.source <= c->sources.n;
		struct pt_loc loc = { .file = known ? c->sources.v[w.source - 1].file : NULL, .line = w.line,
				      .col = w.col, .len = w.len };

		pt_err_add(e, w.sev ? PT_WARNING : PT_ERROR, &loc, text[1], "%s",
			   text[0] ? text[0] : "");
		if (w.line)
			pt_conf_show_source(c, &loc, e);
	}
	for (int i = 0; i < 2; i++)
		free(text[i]);
	return ok;
}

static void trial_child(struct pt_plan *p, int fd)
{
	struct pt_err e = { 0 };
	int rc = trial_load(p, &e);

	send_all(fd, &rc, sizeof(rc));
	for (size_t i = 0; i < e.list.n; i++)
		send_diag(fd, p->conf, &e.list.v[i]);
	_exit(0);
}

int pt_plan_trial(struct pt_plan *p, struct pt_err *e)
{
	int pipefd[2], rc, status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return pt_err_sys(e, -errno, "making a pipe for the trial");
	pid = fork();
	if (pid < 0) {
		rc = pt_err_sys(e, -errno, "starting the trial");
		close(pipefd[0]);
		close(pipefd[1]);
		return rc;
	}
	if (pid == 0)
		trial_child(p, pipefd[1]);
	close(pipefd[1]);
	if (!recv_all(pipefd[0], &rc, sizeof(rc)))
		rc = pt_err_sys(e, -ECHILD, "the trial ended without an answer");
	else
		while (recv_diag(pipefd[0], p->conf, e))
			;
	close(pipefd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc;
}
