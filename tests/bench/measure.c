/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * measure - how long a command takes and how much memory it needs, each time in a network
 * namespace of its own, so that no run finds what an earlier one left.
 *
 *   measure RUNS [PREPARATION ... --] COMMAND ...
 *   measure -k RUNS COMMAND ...
 *
 * Prints "MEDIAN_MS MIN_MS PEAK_KIB MIN_CPU_MS", the last one of the processor, which does not wait for others. The preparation runs first in the same namespace and
 * is not counted. With -k it keeps the namespace it is in, for commands that need what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 1000

struct sample {
	double ms, cpu;
	long kib;
};

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run(char **argv, struct sample *s)
{
	double start = now_ms();
	struct rusage use;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (!argv[0])
			_exit(127);
		if (null >= 0)
			(void)dup2(null, STDOUT_FILENO);
		(void)execvp(argv[0], argv);
		(void)fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (wait4(pid, &status, 0, &use) < 0)
		return -1;
	s->ms = now_ms() - start;
	s->kib = use.ru_maxrss;
	s->cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* One run in a namespace of its own; the sample comes back through a pipe. */
static int isolated(char **prepare, char **argv, struct sample *s)
{
	struct sample none;
	int fds[2], status;
	ssize_t got;
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0) {
			perror("measure: namespace");
			_exit(1);
		}
		if ((prepare && run(prepare, &none) < 0) || run(argv, s) < 0)
			_exit(1);
		_exit(write(fds[1], s, sizeof(*s)) == sizeof(*s) ? 0 : 1);
	}
	close(fds[1]);
	got = read(fds[0], s, sizeof(*s));
	close(fds[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return -1;
	return got == sizeof(*s) ? 0 : -1;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

int main(int argc, char **argv)
{
	static struct sample samples[RUNS_MAX];
	char **prepare = NULL, **command;
	bool keep = argc > 1 && strcmp(argv[1], "-k") == 0;
	long peak = 0, runs;
	double cpu = 0;

	argc -= keep;
	argv += keep;
	command = argv + 2;
	runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	if (runs < 1 || runs > RUNS_MAX) {
		(void)fputs("usage: measure [-k] RUNS [PREPARATION ... --] COMMAND ...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc - 1 && !keep; i++) {
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			prepare = argv + 2;
			command = argv + i + 1;
			break;
		}
	}
	for (long i = 0; i < runs; i++) {
		if ((keep ? run(command, &samples[i]) : isolated(prepare, command, &samples[i])) < 0) {
			(void)fprintf(stderr, "measure: %s failed\n", command[0]);
			return 1;
		}
		if (samples[i].kib > peak)
			peak = samples[i].kib;
		if (!i || samples[i].cpu < cpu)
			cpu = samples[i].cpu;
	}
	qsort(samples, (size_t)runs, sizeof(samples[0]), by_time);
	printf("%.2f %.2f %ld %.2f\n", samples[runs / 2].ms, samples[0].ms, peak, cpu);
	return 0;
}
