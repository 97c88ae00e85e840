/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The laboratory: namespaces of the network, of mounts, processes, names and IPC, and of users, so that whoever is root in it is nobody
 * for the machine. Its first process ends when the console in it does, or whoever started it, and with the first process the kernel
 * ends all others; with the last of them mounts, links and rules are gone. Nothing has to be cleaned up, and so nothing can be left.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tutorial.h"

#define NAME "lab"
#define OVERFLOW_ID 65534 /* who root of the machine is outside of it: nobody */

struct entry {
	bool users;       /* it has a namespace of users */
	int alive, told;  /* ends when who started it does; what went wrong */
	int (*fn)(struct lab *l, void *arg);
	void *arg;
};

struct failure {
	int code;
	char what[64];
};

static const struct lab_host laptop = { "eth1", { "192.168.1.10", "2001:db8:1::10" }, { "192.168.1.1", "2001:db8:1::1" }, { 22 }, "203.0.113.1" };
static const struct lab_host web = { "eth0", { "203.0.113.1", "2001:db8:ff::1" }, { "203.0.113.2", "2001:db8:ff::2" }, { 80, 443 }, NULL };
static const struct lab_host router = { .ports = { 22 } };

/* ---- within ---- */

static _Noreturn void fail(const struct entry *n, int code, const char *what)
{
	struct failure f = { .code = code };

	(void)snprintf(f.what, sizeof(f.what), "%s", what);
	(void)!write(n->told, &f, sizeof(f));
	_exit(PT_EXIT_SYSTEM);
}

/* Whoever starts it has written whom it maps to. What root of the machine had, it gives away. */
static void become_root(const struct entry *n)
{
	char go;

	if (read(n->alive, &go, 1) != 1)
		_exit(PT_EXIT_SYSTEM);
	if (n->users) {
		(void)setgroups(0, NULL); /* only root of the machine may, and must */
		if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
			fail(n, -errno, "being root in it");
	}
	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, value, strlen(value));
	(void)close(fd);
}

/* No waiting for duplicate addresses: they are usable at once. */
static bool has_inet6(void)
{
	if (access("/proc/sys/net/ipv6", F_OK))
		return false;
	set("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
	set("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
	set("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	set("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
	return true;
}

static void furnish(const struct entry *n, struct lab *l)
{
	const char *what;
	int rc;

	if (sethostname(NAME, strlen(NAME)))
		fail(n, -errno, "naming it");
	l->inet6 = has_inet6();
	what = lab_root(l->inet6);
	if (what)
		fail(n, -errno, what);
	rc = lab_link_up("lo");
	if (!rc)
		rc = lab_host_start(&laptop, l->inet6, &l->laptop);
	if (!rc)
		rc = lab_host_start(&web, l->inet6, &l->web);
	if (!rc)
		rc = lab_host_start(&router, l->inet6, &l->router);
	if (rc)
		fail(n, rc, "starting its hosts");
}

/* What of the environment is of the machine's login is none of its business. */
static void forget_login(void)
{
	static const char *const names[] = { "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		(void)unsetenv(names[i]);
	(void)setenv("HOME", "/root", 1);
	(void)setenv("LOGNAME", "root", 1);
	(void)setenv("USER", "root", 1);
}

/* Waits for processes, of whom it becomes the parent when theirs is gone, until that of the console ends; then all others do. */
static _Noreturn void look_after(pid_t console, int alive, int children)
{
	struct pollfd on[2] = { { .fd = alive, .events = POLLIN }, { .fd = children, .events = POLLIN } };
	struct signalfd_siginfo ignored;
	int wait;
	pid_t pid;

	for (;;) {
		on[0].revents = 0;
		(void)poll(on, 2, -1);
		if (on[0].revents)
			_exit(128 + SIGHUP);
		(void)!read(children, &ignored, sizeof(ignored));
		while ((pid = waitpid(-1, &wait, WNOHANG)) > 0)
			if (pid == console)
				_exit(WIFEXITED(wait) ? WEXITSTATUS(wait) : 128 + WTERMSIG(wait));
	}
}

static _Noreturn void first_process(const struct entry *n)
{
	struct lab l = { 0 };
	sigset_t child, before;
	int children;
	pid_t pid;

	become_root(n);
	furnish(n, &l);
	forget_login();
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, &before);
	children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	pid = children < 0 ? -1 : fork();
	if (pid < 0)
		fail(n, -errno, "starting its console");
	if (!pid) {
		(void)close(n->alive);
		(void)close(n->told);
		(void)close(children);
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		exit(n->fn(&l, n->arg));
	}
	(void)close(n->told);
	(void)prctl(PR_SET_NAME, "ptsh-lab");
	look_after(pid, n->alive, children);
}

/* ---- without ---- */

static int map_to(pid_t pid, const char *file, const char *text)
{
	char path[64];
	int fd, rc = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	(void)close(fd);
	return rc;
}

/* Root in it is the user himself outside, and of root of the machine nobody. */
static int map(pid_t pid)
{
	bool root = !geteuid();
	char text[64];
	int rc = root ? 0 : map_to(pid, "setgroups", "deny");

	(void)snprintf(text, sizeof(text), "0 %u 1", root ? OVERFLOW_ID : geteuid());
	if (!rc)
		rc = map_to(pid, "uid_map", text);
	(void)snprintf(text, sizeof(text), "0 %u 1", root ? OVERFLOW_ID : getegid());
	return rc ? rc : map_to(pid, "gid_map", text);
}

static const int keys[] = { SIGINT, SIGQUIT, SIGTSTP };

static int status_of(pid_t pid)
{
	struct sigaction none = { .sa_handler = SIG_IGN }, before[PT_ARRAY_SIZE(keys)];
	int wait = 0;
	pid_t got;

	for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
		(void)sigaction(keys[i], &none, &before[i]);
	do
		got = waitpid(pid, &wait, 0);
	while (got < 0 && errno == EINTR);
	for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
		(void)sigaction(keys[i], &before[i], NULL);
	return WIFEXITED(wait) ? WEXITSTATUS(wait) : 128 + WTERMSIG(wait);
}

#define PARTS (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

/* An exit status; a negative errno, and in F what could not be done: there was no laboratory. */
static int start(bool users, int (*fn)(struct lab *l, void *arg), void *arg, struct failure *f)
{
	struct entry n = { .users = users, .fn = fn, .arg = arg };
	int alive[2] = { -1, -1 }, told[2] = { -1, -1 }, rc = 0, status;
	pid_t pid = -1;

	memset(f, 0, sizeof(*f));
	(void)snprintf(f->what, sizeof(f->what), "making namespaces");
	if (pipe2(alive, O_CLOEXEC) || pipe2(told, O_CLOEXEC))
		rc = -errno;
	if (!rc) {
		(void)fflush(stdout);
		pid = (pid_t)syscall(SYS_clone, SIGCHLD | PARTS | (users ? CLONE_NEWUSER : 0), NULL, NULL, NULL, NULL);
		rc = pid < 0 ? -errno : 0;
	}
	if (!pid) {
		n.alive = alive[0];
		n.told = told[1];
		(void)close(alive[1]);
		(void)close(told[0]);
		first_process(&n);
	}
	if (told[1] >= 0)
		(void)close(told[1]);
	if (!rc && users)
		rc = map(pid);
	if (!rc && write(alive[1], "", 1) == 1 && read(told[0], f, sizeof(*f)) == (ssize_t)sizeof(*f))
		rc = f->code;
	f->what[sizeof(f->what) - 1] = '\0';
	if (pid > 0 && rc)
		(void)kill(pid, SIGKILL);
	status = pid > 0 ? status_of(pid) : 0;
	for (size_t i = 0; i < 2; i++) {
		if (alive[i] >= 0)
			(void)close(alive[i]);
		if (!i && told[0] >= 0)
			(void)close(told[0]);
	}
	return rc ? rc : status;
}

/* How the kernel says that users have no namespaces. */
static bool refused(int rc)
{
	return rc == -EPERM || rc == -EACCES || rc == -ENOSPC || rc == -EUSERS || rc == -EINVAL || rc == -ENOSYS;
}

int lab_run(bool root, int (*fn)(struct lab *l, void *arg), void *arg, struct pt_err *e)
{
	struct termios screen;
	struct failure f;
	bool terminal = !tcgetattr(STDIN_FILENO, &screen);
	int rc = start(true, fn, arg, &f);

	if (root && !geteuid() && refused(rc))
		rc = start(false, fn, arg, &f);
	if (terminal) /* one that was killed did not put it back */
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen);
	if (rc >= 0)
		return rc;
	pt_err_add(e, PT_ERROR, NULL,
		   refused(rc) ? "this kernel, or its administrator, lets ordinary users have no namespaces of their own; root may make them" : NULL,
		   "the tutorial needs namespaces of its own; %s: %s", f.what, strerror(-rc));
	return refused(rc) ? PT_EXIT_PERM : PT_EXIT_SYSTEM;
}
