/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program on a terminal of its own, which is the other end here: keys go in, and what comes out is counted, kept and timed. An answer
 * is over when the program sleeps, has no command running, and nothing came for a while; its time is that of its last byte.
 */
#ifndef PATRONUS_TESTS_TERMINAL_H
#define PATRONUS_TESTS_TERMINAL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TERMINAL_QUIET 30      /* ms without a byte */
#define TERMINAL_SILENCE 200   /* ms, where none came at all: keys take a while to arrive */
#define TERMINAL_PATIENCE 60e3 /* ms; whoever answers later does not */
#define TERMINAL_KEPT (1 << 20) /* bytes of one answer; more are counted only */

struct terminal {
	int fd;
	pid_t pid;
	char out[TERMINAL_KEPT + 1]; /* of the last answer */
	size_t n, bytes;             /* kept, and all that came */
	double wall, cpu;            /* ms from the key to the last byte, and of the processor in it */
};

static inline double terminal_ms(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of the program itself, without what it started. */
static inline double terminal_cpu(const struct terminal *t)
{
	clockid_t clock;

	return clock_getcpuclockid(t->pid, &clock) ? 0 : terminal_ms(clock);
}

/* It waits, and for nobody that it started. */
static inline bool terminal_rests(const struct terminal *t)
{
	char path[64], text[512] = "";
	const char *behind;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)t->pid, (int)t->pid);
	f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f) && text[0]) {
		(void)fclose(f);
		return false;
	}
	if (f)
		(void)fclose(f);
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)t->pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	behind = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	(void)fclose(f);
	return !behind || strchr("SZX", behind[2]);
}

static inline bool terminal_read(struct terminal *t)
{
	static char bytes[65536];
	ssize_t n = read(t->fd, bytes, sizeof(bytes));
	size_t room = TERMINAL_KEPT - t->n;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	memcpy(t->out + t->n, bytes, (size_t)n < room ? (size_t)n : room);
	t->n += (size_t)n < room ? (size_t)n : room;
	t->out[t->n] = '\0';
	t->bytes += (size_t)n;
	return true;
}

/* Reads the answer to what began at START; false: the program is gone, or does not answer. */
static inline bool terminal_answer(struct terminal *t, double start, double cpu)
{
	double last = start;

	t->n = t->bytes = 0;
	t->out[0] = '\0';
	for (;;) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };
		int n = poll(&p, 1, TERMINAL_QUIET);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && !terminal_read(t))
			return false;
		if (n > 0)
			last = terminal_ms(CLOCK_MONOTONIC);
		if (!n && (t->bytes || terminal_ms(CLOCK_MONOTONIC) - start > TERMINAL_SILENCE) && terminal_rests(t))
			break;
		if (terminal_ms(CLOCK_MONOTONIC) - start > TERMINAL_PATIENCE)
			return false;
	}
	t->wall = last - start;
	t->cpu = terminal_cpu(t) - cpu;
	return true;
}

static inline bool terminal_type(struct terminal *t, const char *keys)
{
	double start = terminal_ms(CLOCK_MONOTONIC), cpu = terminal_cpu(t);
	size_t n = strlen(keys);

	while (n) {
		ssize_t k = write(t->fd, keys, n);

		if (k < 0 && errno != EINTR)
			return false;
		keys += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
	return terminal_answer(t, start, cpu);
}

static inline void terminal_resize(const struct terminal *t, unsigned int rows, unsigned int columns)
{
	const struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	(void)ioctl(t->fd, TIOCSWINSZ, &size);
}

/* Starts it, and reads up to its first prompt. */
static inline bool terminal_open(struct terminal *t, const char *const *argv, unsigned int rows, unsigned int columns)
{
	const struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	double start = terminal_ms(CLOCK_MONOTONIC);

	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	if (!t->pid) {
		(void)execvp(argv[0], (char *const *)argv); /* which writes nothing there */
		_exit(127);
	}
	return t->pid > 0 && !fcntl(t->fd, F_SETFD, FD_CLOEXEC) && terminal_answer(t, start, 0);
}

/* Hangs up; what waitpid(2) tells. */
static inline int terminal_close(struct terminal *t)
{
	int status = 0;

	(void)close(t->fd);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

#endif
