/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs behind `|`: the user's own words for the user's own shell, with his environment. What comes out of one that is not the
 * last goes on through the stages behind it, in a process of its own: nobody who waits for one of them keeps another from its work.
 * One that takes no end from the keyboard is ended after a while: the terminal is the console's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptsh.h"

#define LOOK_MS 100 /* how often somebody who wants it to end is listened to */

static int start(char *text, int input, int output, pid_t *pid)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, text, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int rc;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGQUIT);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	if (posix_spawnattr_init(&attr))
		return -ENOMEM;
	rc = posix_spawn_file_actions_init(&files);
	if (!rc) {
		(void)posix_spawnattr_setsigdefault(&attr, &defaults);
		(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
		rc = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
		if (!rc && output >= 0)
			rc = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
		rc = rc ? rc : posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
		posix_spawn_file_actions_destroy(&files);
	}
	posix_spawnattr_destroy(&attr);
	return -rc;
}

/* The process that reads FD for NEXT. */
static void read_on(int fd, struct stages *next)
{
	char bytes[65536];
	ssize_t n;

	(void)signal(SIGINT, SIG_IGN); /* it ends with what it reads from */
	do {
		n = read(fd, bytes, sizeof(bytes));
	} while ((n < 0 && errno == EINTR) || (n > 0 && stages_put(next, bytes, (size_t)n)));
	(void)close(fd);
	n = stages_end(next);
	if (n)
		fprintf(stderr, "ptsh: error: saving the output: %s\n", strerror((int)-n));
	_exit(n ? PT_EXIT_SYSTEM : 0);
}

static void close_both(int fds[2])
{
	for (size_t i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

int program_begin(struct program *p, char *text, struct stages *next)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = 0;

	if (pipe2(in, O_CLOEXEC) || (next && pipe2(out, O_CLOEXEC)))
		rc = -errno;
	if (!rc)
		rc = start(text, in[0], out[1], &p->pid);
	if (!rc && next) {
		(void)fflush(stdout);
		p->reader = fork();
		if (!p->reader) {
			(void)close(in[0]);
			(void)close(in[1]);
			(void)close(out[1]);
			read_on(out[0], next);
		}
		rc = p->reader < 0 ? -errno : 0;
		stages_leave(next);
	}
	if (!rc) {
		p->fd = in[1];
		in[1] = -1;
	}
	close_both(in);
	close_both(out);
	return rc;
}

bool program_put(const struct program *p, const char *s, size_t n)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLOUT };

	while (n) {
		ssize_t w;

		if (poll(&fd, 1, LOOK_MS) <= 0) {
			if (keys_impatient())
				return false;
			continue;
		}
		w = write(p->fd, s, n < PIPE_BUF ? n : PIPE_BUF); /* so many there is room for */
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return false;
		s += w;
		n -= (size_t)w;
	}
	return true;
}

static void wait_for(pid_t pid)
{
	struct pollfd fd = { .fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1, .events = POLLIN };

	while (pid > 0 && !waitpid(pid, NULL, WNOHANG)) {
		if (keys_impatient())
			(void)kill(pid, SIGKILL);
		(void)poll(&fd, 1, LOOK_MS);
	}
	if (fd.fd >= 0)
		(void)close(fd.fd);
}

void program_end(struct program *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	wait_for(p->pid);
	wait_for(p->reader);
	p->pid = p->reader = 0;
}
