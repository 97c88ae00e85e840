/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other programs: what they get, what they must not get, and that none of them can hold us. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/spawn.h>

#include "lib/scarce.h"

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct pt_spawned got;
static struct pt_err err;

static const char *said(void)
{
	return err.list.n ? err.list.v[0].msg : "";
}

static int run(const struct pt_spawn *s)
{
	pt_spawned_fini(&got);
	pt_err_fini(&err);
	return pt_spawn(s, &got, &err);
}

/* A shell is the program here, as any other could be. */
static int run_sh(const char *text, unsigned int timeout, size_t max)
{
	struct pt_spawn s = { .path = "/bin/sh", .argv = ARGS("sh", "-c", text), .timeout = timeout, .output_max = max };

	return run(&s);
}

static int forget(void **state)
{
	(void)state;
	pt_spawned_fini(&got);
	pt_err_fini(&err);
	return 0;
}

static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void test_outputs(void **state)
{
	(void)state;
	assert_int_equal(run_sh("echo one; echo two >&2", 10000, 100), 0);
	assert_string_equal(got.out.s, "one\n");
	assert_string_equal(got.err.s, "two\n");
	assert_int_equal(got.status, 0);
	assert_int_equal(err.list.n, 0);
}

static void test_arguments_are_no_words_of_a_shell(void **state)
{
	struct pt_spawn s = { .path = "/bin/echo", .argv = ARGS("echo", "$(id)", "; reboot", "a\nb"), .timeout = 10000, .output_max = 100 };

	(void)state;
	assert_int_equal(run(&s), 0);
	assert_string_equal(got.out.s, "$(id) ; reboot a\nb\n");
}

static void test_environment_is_clean(void **state)
{
	struct pt_spawn s = { .path = "/usr/bin/env", .argv = ARGS("env"), .timeout = 10000, .output_max = 4096 };

	(void)state;
	assert_int_equal(setenv("LD_PRELOAD_OF_OTHERS", "/tmp/x.so", 1), 0);
	assert_int_equal(run(&s), 0);
	assert_string_equal(got.out.s, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	s.env = ARGS("LC_ALL=de", "SECRET=a b");
	assert_int_equal(run(&s), 0);
	assert_string_equal(got.out.s, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=de\nSECRET=a b\n");
}

/* Descriptors that somebody forgot to mark do not reach the program; none of ours is left behind. */
static void test_descriptors(void **state)
{
	int leak = open("/dev/null", O_RDONLY), high = fcntl(leak, F_DUPFD, 200);
	size_t before = open_descriptors();

	(void)state;
	assert_true(leak >= 0 && high >= 0);
	assert_int_equal(run_sh("cd /proc/self/fd && for i in *; do echo $i; done", 10000, 1000), 0);
	/* The shell's own for the folder is gone when the names are there. */
	assert_null(strstr(got.out.s, "200"));
	assert_true(strlen(got.out.s) <= strlen("0\n1\n2\n3\n"));
	for (int i = 0; i < 20; i++) {
		struct pt_spawn s = { .path = "/nowhere/at/all", .argv = ARGS("x"), .timeout = 1000, .output_max = 10 };

		assert_int_equal(run(&s), -ENOENT);
		assert_int_equal(run_sh("exit 0", 10000, 10), 0);
	}
	assert_int_equal(open_descriptors(), before);
	close(leak);
	close(high);
}

/* Even where our own standard descriptors are closed, the program has its three. */
static void test_descriptors_of_a_closed_caller(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		struct pt_spawn s = { .path = "/bin/sh", .argv = ARGS("sh", "-c", "echo out; echo err >&2; read x; exit 0$x"),
				      .timeout = 10000, .output_max = 100 };
		struct pt_spawned r;

		close(0);
		close(1);
		close(2);
		_exit(!pt_spawn(&s, &r, NULL) && !strcmp(r.out.s, "out\n") && !strcmp(r.err.s, "err\n") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_signals_are_normal(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	sigset_t some, old, now;

	(void)state;
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, &old);
	sigaction(SIGPIPE, &ignore, &before);
	assert_int_equal(run_sh("grep -E '^Sig(Blk|Ign)' /proc/self/status", 10000, 1000), 0);
	assert_string_equal(got.out.s, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_true(sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1) && !sigismember(&now, SIGINT));
	sigaction(SIGPIPE, &before, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_session_folder_and_privileges(void **state)
{
	static const char begin[] = "/\n0077\nNoNewPrivs:\t1\n";
	const size_t n = sizeof(begin) - 1;
	char own[16];

	(void)state;
	assert_int_equal(run_sh("pwd; umask; grep NoNewPrivs /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$", 10000, 1000), 0);
	assert_memory_equal(got.out.s, begin, n);
	/* Its session is its own number. */
	(void)snprintf(own, sizeof(own), "%ld\n", strtol(got.out.s + n, NULL, 10));
	assert_string_equal(strchr(got.out.s + n, '\n') + 1, own);
}

static void test_refusals(void **state)
{
	char file[] = "/tmp/spawn_test.XXXXXX";
	struct pt_spawn s = { .path = file, .argv = ARGS("x"), .timeout = 1000, .output_max = 10 };
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(run(&s), -EACCES); /* no bit */
	assert_non_null(strstr(said(), file));
	assert_int_equal(chmod(file, 0700), 0);
	assert_int_equal(run(&s), -ENOEXEC); /* nothing that can be run, and no shell tries it */
	unlink(file);
	assert_int_equal(run(&s), -ENOENT);
	s.path = "/tmp";
	assert_int_equal(run(&s), -EACCES);
	s.path = "sh";
	assert_int_equal(run(&s), -EINVAL);
	assert_non_null(strstr(said(), "absolute"));
	s.path = "";
	assert_int_equal(run(&s), -EINVAL);
	s.path = NULL;
	assert_int_equal(run(&s), -EINVAL);
	/* None of them is left as a zombie. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(run_sh("echo 'this is wrong' >&2; echo more >&2; exit 7", 10000, 100), -ECANCELED);
	assert_int_equal(got.status, 7);
	assert_string_equal(said(), "/bin/sh ended with status 7: this is wrong");
	assert_int_equal(run_sh("kill -9 $$", 10000, 100), -ECANCELED);
	assert_int_equal(got.signal, SIGKILL);
	assert_string_equal(said(), "/bin/sh was ended by signal 9");
}

static void test_flood(void **state)
{
	(void)state;
	assert_int_equal(run_sh("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", 60000, 10000), -EMSGSIZE);
	assert_true(got.out.n <= 10000);
	assert_non_null(strstr(said(), "10000 bytes"));
	assert_int_equal(run_sh("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2; done", 60000, 10000), -EMSGSIZE);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_time(void **state)
{
	(void)state;
	assert_int_equal(run_sh("echo begun; exec sleep 1000", 300, 100), -ETIME);
	assert_int_equal(got.signal, SIGTERM);
	assert_string_equal(said(), "/bin/sh was ended after 300 ms: begun");
	/* One that does not care about SIGTERM, and the children it has. */
	assert_int_equal(run_sh("trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done", 300, 100), -ETIME);
	assert_int_equal(got.signal, SIGKILL);
	for (int i = 0; i < 200 && !kill((pid_t)strtol(got.out.s, NULL, 10), 0); i++)
		poll(NULL, 0, 10); /* init reaps it */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Who is left behind holds the outputs: nobody waits for him. */
static void test_left_behind(void **state)
{
	(void)state;
	assert_int_equal(run_sh("sleep 1000 & echo $!", 60000, 100), 0);
	assert_int_equal(kill((pid_t)strtol(got.out.s, NULL, 10), SIGKILL), 0);
}

static void test_no_memory(void **state)
{
	size_t before = open_descriptors();

	(void)state;
	for (long n = 0; n < 7; n++) {
		allocations_left = n;
		assert_in_range(-run_sh("echo one; echo two >&2", 10000, 100), 0, 4096);
		allocations_left = -1;
	}
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- those that stay ---- */

static void read_until(int fd, char *text, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && !memchr(text, '\n', n)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t k;

		assert_int_equal(poll(&p, 1, 20000), 1);
		k = read(fd, text + n, size - 1 - n);
		assert_true(k > 0);
		n += (size_t)k;
	}
	text[n] = '\0';
}

static void test_child(void **state)
{
	struct pt_spawn s = { .path = "/bin/sh", .argv = ARGS("sh", "-c", "trap 'exit 5' USR1; echo up; while :; do sleep 0.02; done") };
	size_t before = open_descriptors();
	struct pt_spawned r = { 0 };
	struct pt_child c;
	struct pollfd p;
	char text[16] = "";

	(void)state;
	assert_int_equal(pt_child_start(&s, &c, &err), 0);
	read_until(c.output, text, sizeof(text));
	assert_string_equal(text, "up\n");
	assert_false(pt_child_ended(&c, &r));
	assert_int_equal(pt_child_signal(&c, SIGUSR1), 0);
	p = (struct pollfd){ .fd = c.pidfd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(pt_child_ended(&c, &r));
	assert_int_equal(r.status, 5);
	assert_false(pt_child_ended(&c, &r)); /* only once */
	assert_int_equal(pt_child_signal(&c, SIGUSR1), -ESRCH);
	pt_child_stop(&c, 10);
	assert_int_equal(open_descriptors(), before);
	s.path = "/nowhere";
	assert_int_equal(pt_child_start(&s, &c, &err), -ENOENT);
	pt_child_stop(&c, 10);
	assert_int_equal(open_descriptors(), before);
}

static void test_child_that_does_not_end(void **state)
{
	struct pt_spawn s = { .path = "/bin/sh", .argv = ARGS("sh", "-c", "trap '' TERM HUP INT; echo up; while :; do sleep 0.02; done") };
	struct pt_child c;
	char text[16] = "";

	(void)state;
	assert_int_equal(pt_child_start(&s, &c, &err), 0);
	read_until(c.output, text, sizeof(text));
	pt_child_stop(&c, 100);
	assert_int_equal(c.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* What a child that was killed leaves behind goes with it. */
static void test_group_of_a_child(void **state)
{
	struct pt_spawn s = { .path = "/bin/sh", .argv = ARGS("sh", "-c", "sleep 1000 & echo $!; wait") };
	struct pt_spawned r = { 0 };
	struct pt_child c;
	struct pollfd p;
	char text[16] = "";
	int status;
	pid_t left;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pt_child_start(&s, &c, &err), 0);
	read_until(c.output, text, sizeof(text));
	left = (pid_t)strtol(text, NULL, 10);
	assert_int_equal(pt_child_signal(&c, SIGKILL), 0);
	p = (struct pollfd){ .fd = c.pidfd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(pt_child_ended(&c, &r));
	assert_int_equal(r.signal, SIGKILL);
	assert_int_equal(waitpid(left, &status, 0), left);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	pt_child_stop(&c, 10);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void test_capabilities(void **state)
{
	struct pt_spawn s = { .path = "/bin/grep", .argv = ARGS("grep", "CapBnd", "/proc/self/status"), .timeout = 10000, .output_max = 100,
			      .drops = 1ull << 12 };

	(void)state;
	if (geteuid()) {
		print_message("# needs root: capabilities\n");
		skip();
	}
	assert_int_equal(run(&s), 0);
	assert_false(strtoull(got.out.s + 7, NULL, 16) >> 12 & 1);
	s.drops = 0;
	assert_int_equal(run(&s), 0);
	assert_true(strtoull(got.out.s + 7, NULL, 16) >> 12 & 1);
}

/* The one that is to die with us, and the one that is not. */
static pid_t child_of_a_dead_parent(bool dies)
{
	struct pt_spawn s = { .path = "/bin/sleep", .argv = ARGS("sleep", "1000"), .dies_with_us = dies };
	int fds[2], status;
	pid_t pid, child = 0;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		struct pt_child c;

		if (pt_child_start(&s, &c, NULL) || write(fds[1], &c.pid, sizeof(c.pid)) != sizeof(c.pid))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
	close(fds[0]);
	close(fds[1]);
	return child;
}

static void test_death_of_the_parent(void **state)
{
	pid_t stays, goes;
	int status;

	(void)state;
	/* Whoever loses his parent becomes ours, so that his end is seen. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	stays = child_of_a_dead_parent(false);
	goes = child_of_a_dead_parent(true);
	assert_int_equal(waitpid(goes, &status, 0), goes);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(stays, &status, WNOHANG), 0);
	assert_int_equal(kill(stays, SIGKILL), 0);
	assert_int_equal(waitpid(stays, &status, 0), stays);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_outputs, forget),
		cmocka_unit_test_teardown(test_arguments_are_no_words_of_a_shell, forget),
		cmocka_unit_test_teardown(test_environment_is_clean, forget),
		cmocka_unit_test_teardown(test_descriptors, forget),
		cmocka_unit_test_teardown(test_descriptors_of_a_closed_caller, forget),
		cmocka_unit_test_teardown(test_signals_are_normal, forget),
		cmocka_unit_test_teardown(test_session_folder_and_privileges, forget),
		cmocka_unit_test_teardown(test_refusals, forget),
		cmocka_unit_test_teardown(test_status, forget),
		cmocka_unit_test_teardown(test_flood, forget),
		cmocka_unit_test_teardown(test_time, forget),
		cmocka_unit_test_teardown(test_left_behind, forget),
		cmocka_unit_test_teardown(test_no_memory, forget),
		cmocka_unit_test_teardown(test_child, forget),
		cmocka_unit_test_teardown(test_child_that_does_not_end, forget),
		cmocka_unit_test_teardown(test_group_of_a_child, forget),
		cmocka_unit_test_teardown(test_capabilities, forget),
		cmocka_unit_test_teardown(test_death_of_the_parent, forget),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
