/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting other programs. Between fork(2) and execve(2) only calls that are safe there after a fork of a process with threads. What
 * execve(2) refuses comes back through a pipe that closes when it succeeds, so that a missing program is an error of who starts it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <patronus/spawn.h>

#define GRACE_MS 1000 /* between SIGTERM and SIGKILL */
#define SAID_MAX 200  /* bytes of a complaint that an error repeats */

static const char *const clean[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C" };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- in the new process ---- */

struct start {
	const struct pt_spawn *s;
	const char **env;
	int out, err;  /* what become its outputs */
	int report;    /* where a refusal is told */
	pid_t parent;
};

/* The kernel's own call and its own structure, which is all zeros for the normal: the C library keeps two signals for itself, which
 * make(1) hands on ignored. */
static void reset_signals(void)
{
	const uint64_t normal[8] = { 0 };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)syscall(SYS_rt_sigaction, i, normal, NULL, NSIG / 8); /* those that cannot be set are as they are to be */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Its standard descriptors, and REPORT as the fourth, which execve(2) closes. They are moved out of the way of each other first. */
static int place_descriptors(const struct start *t)
{
	int in = open("/dev/null", O_RDONLY), out = fcntl(t->out, F_DUPFD, 10), err = fcntl(t->err, F_DUPFD, 10);
	int report = fcntl(t->report, F_DUPFD, 10);

	if (report < 0 || dup2(report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC))
		return -1;
	if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		return -1;
	return (int)syscall(SYS_close_range, 4u, ~0u, 0);
}

static int drop_capabilities(uint64_t which)
{
	for (unsigned long i = 0; i < 64; i++)
		if (which >> i & 1 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0))
			return -1;
	return 0;
}

static void __attribute__((noreturn)) become(const struct start *t)
{
	int report = t->report, code;

	reset_signals();
	(void)setsid();
	(void)umask(077);
	if (place_descriptors(t))
		goto out;
	report = 3;
	if (chdir("/") || drop_capabilities(t->s->drops) || (!t->s->gains && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		goto out;
	if (t->s->dies_with_us && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		goto out;
	if (t->s->dies_with_us && getppid() != t->parent)
		_exit(127); /* it is gone already */
	execve(t->s->path, (char *const *)t->s->argv, (char *const *)t->env);
out:
	code = errno;
	while (write(report, &code, sizeof(code)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* ---- starting it ---- */

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strcspn(b, "=") == n && !memcmp(a, b, n);
}

/* The clean ones that S does not say otherwise, then S's. */
static const char **make_environment(const struct pt_spawn *s)
{
	size_t n = 0, k = 0;
	const char **env;

	while (s->env && s->env[n])
		n++;
	env = calloc(PT_ARRAY_SIZE(clean) + n + 1, sizeof(*env));
	for (size_t i = 0; env && i < PT_ARRAY_SIZE(clean); i++) {
		bool said = false;

		for (size_t m = 0; m < n; m++)
			said = said || same_name(clean[i], s->env[m]);
		if (!said)
			env[k++] = clean[i];
	}
	if (env && n)
		memcpy(env + k, s->env, n * sizeof(*env));
	return env;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Waits until it became the program, or could not: 0, or a negative errno. */
static int await_start(int fd)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(code) && code > 0 ? -code : 0;
}

/* All signals wait while there are two of us: a handler of ours must not run in the other. */
static pid_t fork_quietly(struct start *t)
{
	sigset_t all, before;
	pid_t pid;

	t->parent = getpid();
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (!pid)
		become(t);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static int refuse(const struct pt_spawn *s, struct pt_err *e)
{
	if (s->path && s->path[0] == '/' && s->argv && s->argv[0])
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "name it from / on", "starting %s: not an absolute path", s->path ? s->path : "nothing");
	return -EINVAL;
}

static int start(const struct pt_spawn *s, int out, int err, struct pt_child *c, struct pt_err *e)
{
	struct start t = { .s = s, .out = out, .err = err, .env = make_environment(s), .report = -1 };
	int report[2] = { -1, -1 }, rc = t.env ? 0 : -ENOMEM;

	if (!rc && pipe2(report, O_CLOEXEC))
		rc = -errno;
	t.report = report[1];
	if (!rc) {
		c->pid = fork_quietly(&t);
		rc = c->pid < 0 ? -errno : 0;
	}
	close_fd(&report[1]);
	if (!rc) {
		rc = await_start(report[0]);
		if (!rc && (c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0)) < 0) {
			rc = -errno;
			kill(c->pid, SIGKILL);
		}
		if (rc)
			reap(c->pid);
	}
	close_fd(&report[0]);
	free(t.env);
	if (rc)
		c->pid = 0;
	return rc ? pt_err_sys(e, rc, "starting %s", s->path) : 0;
}

/* ---- its end ---- */

static bool ended(struct pt_child *c, struct pt_spawned *r)
{
	int status = 0;
	pid_t pid;

	if (c->pid <= 0)
		return false;
	do
		pid = waitpid(c->pid, &status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (!pid)
		return false;
	/* Where SIGCHLD is ignored nobody learns how it ended. */
	r->status = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	r->signal = pid > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	c->pid = 0;
	close_fd(&c->pidfd);
	return true;
}

/* While it is not reaped nobody else can have its number, so its group can be named. */
bool pt_child_ended(struct pt_child *c, struct pt_spawned *r)
{
	siginfo_t info = { .si_pid = 0 };

	if (c->pid > 0 && !waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
		(void)kill(-c->pid, SIGKILL);
	return ended(c, r);
}

int pt_child_signal(const struct pt_child *c, int signal)
{
	if (c->pid <= 0)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0) ? -errno : 0;
}

static bool wait_end(struct pt_child *c, struct pt_spawned *r, unsigned int ms)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	uint64_t end = now_ms() + ms, now;

	while ((now = now_ms()) < end && poll(&p, 1, (int)(end - now)) <= 0)
		;
	return ended(c, r);
}

/* It, and what it started in its group. A group is named by its leader while that is not reaped, so the group goes first. */
static void end(struct pt_child *c, struct pt_spawned *r, unsigned int grace)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	uint64_t stop = now_ms() + grace, now;

	(void)pt_child_signal(c, SIGTERM);
	while ((now = now_ms()) < stop && poll(&p, 1, (int)(stop - now)) <= 0)
		;
	(void)kill(-c->pid, SIGKILL);
	while (!wait_end(c, r, GRACE_MS) && c->pid > 0)
		;
}

void pt_child_stop(struct pt_child *c, unsigned int grace)
{
	struct pt_spawned r = { 0 };

	if (c->pid > 0)
		end(c, &r, grace);
	if (c->output > 0)
		close(c->output);
	c->output = -1;
}

int pt_child_start(const struct pt_spawn *s, struct pt_child *c, struct pt_err *e)
{
	int fds[2] = { -1, -1 }, rc;

	*c = (struct pt_child){ .pidfd = -1, .output = -1 };
	rc = refuse(s, e);
	if (rc)
		return rc;
	if (pipe2(fds, O_CLOEXEC))
		return pt_err_sys(e, -errno, "starting %s", s->path);
	rc = fcntl(fds[0], F_SETFL, O_NONBLOCK) ? pt_err_sys(e, -errno, "starting %s", s->path) : start(s, fds[1], fds[1], c, e);
	close_fd(&fds[1]);
	if (rc)
		close_fd(&fds[0]);
	c->output = fds[0];
	return rc;
}

/* ---- running one to its end ---- */

struct run {
	const struct pt_spawn *s;
	struct pt_child c;
	struct pt_spawned *r;
	int fds[2]; /* its outputs */
};

/* What there is now: 1: more may come, 0: no more will, or a negative errno. */
static int take(int fd, struct pt_buf *b, size_t max)
{
	char chunk[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
		if (!n)
			return 0;
		if (b->n + (size_t)n > max)
			return -EMSGSIZE;
		pt_buf_add(b, chunk, (size_t)n);
		if (b->err)
			return b->err;
	}
}

static int take_both(struct run *u)
{
	struct pt_buf *bufs[2] = { &u->r->out, &u->r->err };

	for (size_t i = 0; i < 2; i++) {
		int rc = u->fds[i] < 0 ? 1 : take(u->fds[i], bufs[i], u->s->output_max);

		if (rc < 0)
			return rc;
		if (!rc)
			close_fd(&u->fds[i]);
	}
	return 0;
}

/* Until it ended: somebody that it left behind may hold its outputs open, and is not waited for. */
static int follow(struct run *u)
{
	uint64_t stop = now_ms() + u->s->timeout, now;
	int rc = 0;

	for (;;) {
		struct pollfd p[3] = { { .fd = u->fds[0], .events = POLLIN }, { .fd = u->fds[1], .events = POLLIN },
				       { .fd = u->c.pidfd, .events = POLLIN } };

		now = now_ms();
		if (now >= stop)
			return -ETIME;
		if (poll(p, 3, (int)(stop - now > INT_MAX ? INT_MAX : stop - now)) < 0 && errno != EINTR)
			return -errno;
		rc = take_both(u);
		if (rc)
			return rc;
		if (p[2].revents && ended(&u->c, u->r))
			return take_both(u);
	}
}

/* The first line of its complaint, for the error. */
static void first_line(const struct pt_buf *b, struct pt_buf *out)
{
	size_t n = b->s ? strcspn(b->s, "\n") : 0;

	if (n)
		pt_buf_fmt(out, ": %.*s", (int)(n < SAID_MAX ? n : SAID_MAX), b->s);
}

static int tell(const struct run *u, int rc, struct pt_err *e)
{
	const char *path = u->s->path;
	struct pt_buf said = { 0 };

	first_line(u->r->err.n ? &u->r->err : &u->r->out, &said);
	if (rc == -ETIME)
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s was ended after %u ms%s", path, u->s->timeout, said.s ? said.s : "");
	else if (rc == -EMSGSIZE)
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s was ended: it writes more than %zu bytes", path, u->s->output_max);
	else if (rc)
		(void)pt_err_sys(e, rc, "running %s", path);
	else if (u->r->signal)
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s was ended by signal %d%s", path, u->r->signal, said.s ? said.s : "");
	else if (u->r->status)
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s ended with status %d%s", path, u->r->status, said.s ? said.s : "");
	pt_buf_fini(&said);
	return rc ? rc : u->r->status ? -ECANCELED : 0;
}

void pt_spawned_fini(struct pt_spawned *r)
{
	pt_buf_fini(&r->out);
	pt_buf_fini(&r->err);
}

int pt_spawn(const struct pt_spawn *s, struct pt_spawned *r, struct pt_err *e)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, rc = refuse(s, e);
	struct pt_spawned own = { 0 };
	struct run u = { .s = s, .c = { .pidfd = -1, .output = -1 }, .r = r ? r : &own, .fds = { -1, -1 } };

	*u.r = (struct pt_spawned){ .status = -1 };
	if (rc)
		return rc;
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) || fcntl(out[0], F_SETFL, O_NONBLOCK) || fcntl(err[0], F_SETFL, O_NONBLOCK))
		rc = pt_err_sys(e, -errno, "starting %s", s->path);
	else
		rc = start(s, out[1], err[1], &u.c, e);
	close_fd(&out[1]);
	close_fd(&err[1]);
	u.fds[0] = out[0];
	u.fds[1] = err[0];
	if (!rc) {
		rc = follow(&u);
		if (u.c.pid > 0)
			end(&u.c, u.r, GRACE_MS);
		rc = tell(&u, rc, e);
	}
	close_fd(&u.fds[0]);
	close_fd(&u.fds[1]);
	if (!r)
		pt_spawned_fini(&own);
	return rc;
}
