/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostile-31 and hostile-32 for ptconf: every allocation, and every call that writes, syncs, renames, sends or receives, fails in turn,
 * in a real kernel's namespace. Each time the command ends by itself and tells what failed; the rules in force are the old ones or the
 * new ones, never a third; the next command finds a state that it can read, and goes back. A commit of the console has the same text in
 * the file and in the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "netns/lab.h"
#include "tools.h"

/* ---- what fails, once, in the process that is asked and not in its guard ---- */

enum what { MEMORY, CALLS };

static struct {
	enum what what;
	long left; /* -1: nothing fails */
	int error;
	pid_t pid;
} fault = { .left = -1 };
static bool *happened; /* shared with the children */

static bool fails(enum what what)
{
	if (fault.left < 0 || fault.what != what || getpid() != fault.pid || fault.left--)
		return false;
	*happened = true;
	return true;
}

#define exhausted() fails(MEMORY)
#include "lib/scarce.h"

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
ssize_t __real_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
ssize_t __real_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

/* A call that fails: errno, -1. */
#define CALL(type, name, parameters, arguments)                                \
	type __wrap_##name parameters                                          \
	{                                                                      \
		if (!fails(CALLS))                                             \
			return __real_##name arguments;                        \
		errno = fault.error;                                           \
		return -1;                                                     \
	}

CALL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
CALL(int, fsync, (int fd), (fd))
CALL(int, rename, (const char *from, const char *to), (from, to))
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
CALL(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
CALL(ssize_t, sendto, (int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len), (fd, p, n, flags, to, len))
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
CALL(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
CALL(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))

/* ---- running a tool ---- */

/* What `apply` writes into the file, as the console's commit has it; arena NULL: nothing. */
static struct pt_edit_texts written_from, written_to;

#define OUTPUT 65536

struct run {
	int status; /* -SIGNAL when it was killed */
	char out[OUTPUT], err[OUTPUT];
};

static void read_back_file(int fd, char *to)
{
	ssize_t n = pread(fd, to, OUTPUT - 1, 0);

	to[n > 0 ? n : 0] = '\0';
	close(fd);
}

static int run_line(const struct pt_cli_tool *tool, const char *line)
{
	char text[500], *argv[40], *rest = text, *word;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s %s", tool->name, line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	argv[argc] = NULL;
	return pt_cli_main(tool, argc, argv);
}

static struct run *run(const struct pt_cli_tool *tool, const char *line, long fail_at)
{
	static struct run r[2];
	static int turn;
	struct run *x = &r[turn ^= 1];
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	pid_t pid;

	assert_true(out >= 0);
	assert_true(err >= 0);
	*happened = false;
	(void)fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
			_exit(99);
		ptconf_candidate[0] = written_from.arena ? &written_from : NULL;
		ptconf_candidate[1] = written_from.arena ? &written_to : NULL;
		fault.pid = getpid();
		fault.left = fail_at;
		status = run_line(tool, line);
		fault.left = -1;
		exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	x->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	read_back_file(out, x->out);
	read_back_file(err, x->err);
	return x;
}

static void must(const char *line)
{
	const struct run *r = run(&ptconf_tool, line, -1);

	if (r->status != 0)
		fail_msg("%s: %d %s", line, r->status, r->err);
}

/* ---- the machine ---- */

static char folder[] = "/tmp/faults_test.XXXXXX", one[200], two[200];

static void write_file(const char *path, const char *port, const char *more)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fprintf(f, "interface lo0 { device = \"lo\" address = { \"127.0.0.1/8\" } }\n"
			       "table bad { persist = true addresses = { \"192.0.2.1\", \"2001:db8::1\" } }\n"
			       "firewall { rules = {\n\t\"block return log label closed\",\n"
			       "\t\"pass in quick on lo0 proto tcp to port %s label web\",%s\n"
			       "\t\"block in quick from <bad> label bad\",\n} }\n"
			       "network { routes = { \"blackhole 198.51.100.%s/32\" } }\n", port, more, port) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* What the kernel does, and whether it is what ptconf believes. */
static void in_force(char *to)
{
	size_t n = 0;
	const struct run *r = run(&ptfw_tool, "rule show", -1);

	n += (size_t)snprintf(to + n, OUTPUT - n, "%d %s", r->status, r->out);
	r = run(&ptnet_tool, "route show proto patronus", -1);
	(void)snprintf(to + n, OUTPUT - n, "%d %s", r->status, r->out);
}

static void is_readable(const char *line, long n)
{
	const struct run *r = run(&ptconf_tool, "status", -1);

	if (r->status != 0)
		fail_msg("%s: %ld failed: then status says %d %s", line, n, r->status, r->err);
	r = run(&ptconf_tool, "history -j", -1);
	if (r->status != 0 || strstr(r->out, "damaged"))
		fail_msg("%s: %ld failed: then history says %d %s%s", line, n, r->status, r->out, r->err);
}

static void ends_well(const char *line, long n, const struct run *r)
{
	if (r->status < 0)
		fail_msg("%s: %ld failed: signal %d: %s", line, n, -r->status, r->err);
	if (r->status && r->status != PT_EXIT_NO && !r->err[0] && !r->out[0])
		fail_msg("%s: %ld failed: status %d, no word about it", line, n, r->status);
}

/* LINE with its N-th call failing, for each N. FIRST and BACK, commands or NULL: before it, and to where it begins. */
static void each(enum what what, int error, const char *line, const char *first, const char *back)
{
	char *old = malloc(OUTPUT), *new = malloc(OUTPUT), *now = malloc(OUTPUT);
	static char said[OUTPUT];
	size_t failed = 0;
	bool reached = true;
	long n;

	assert_non_null(old);
	assert_non_null(new);
	assert_non_null(now);
	fault.what = what;
	fault.error = error;
	must(back);
	if (first)
		must(first);
	in_force(old);
	must(line);
	in_force(new);
	for (n = 0; reached; n++) {
		const struct run *r;

		must(back);
		if (first)
			must(first);
		r = run(&ptconf_tool, line, n);
		reached = *happened;
		ends_well(line, n, r);
		failed += r->status != 0;
		if (r->status && getenv("FAULTS_VERBOSE"))
			print_message("# %ld: %d %s\n", n, r->status, r->err);
		(void)snprintf(said, sizeof(said), "%s", r->err);
		is_readable(line, n);
		in_force(now);
		if (strcmp(now, old) != 0 && strcmp(now, new) != 0)
			fail_msg("%s: %ld failed: %s a third is in force: %s\nold %s\nnew %s", line, n, said, now, old, new);
	}
	assert_true(failed || error == EINTR);
	print_message("# %s: %ld %s, %zu failures\n", line, n - 1, what == MEMORY ? "allocations" : "calls", failed);
	free(old);
	free(new);
	free(now);
}

/* ---- a change of the file, too ---- */

static char both[200], apply_both[300];

static bool file_has(const char *text)
{
	struct pt_edit_texts t;
	bool has;

	assert_int_equal(pt_edit_load(both, &t, NULL), 0);
	has = strstr(t.v.v[0].text, text) != NULL;
	pt_edit_texts_fini(&t);
	return has;
}

static void begin_again(void)
{
	write_file(both, "80", "");
	must(apply_both);
}

static const struct run *commit(long fail_at)
{
	struct pt_edit_texts text;
	const struct run *r;

	assert_int_equal(pt_edit_load(both, &written_from, NULL), 0);
	assert_int_equal(pt_edit_load(both, &written_to, NULL), 0);
	assert_int_equal(pt_edit_load(two, &text, NULL), 0);
	written_to.v.v[0].text = text.v.v[0].text;
	written_to.v.v[0].len = text.v.v[0].len;
	r = run(&ptconf_tool, apply_both, fail_at);
	pt_edit_texts_fini(&written_from);
	pt_edit_texts_fini(&written_to);
	pt_edit_texts_fini(&text);
	return r;
}

/* Whatever fails, the file and the kernel have the same text with the next command. */
static void each_commit(enum what what, int error)
{
	char *now = malloc(OUTPUT);
	static char said[OUTPUT];
	size_t failed = 0;
	bool reached = true;
	long n;

	assert_non_null(now);
	fault.what = what;
	fault.error = error;
	for (n = 0; reached; n++) {
		const struct run *r;

		begin_again();
		r = commit(n);
		reached = *happened;
		ends_well("commit", n, r);
		failed += r->status != 0;
		(void)snprintf(said, sizeof(said), "%s", r->err);
		is_readable("commit", n);
		in_force(now);
		if (file_has("port 81") != (strstr(now, "port 81") != NULL) || file_has("port 80") != (strstr(now, "port 80") != NULL))
			fail_msg("commit: %ld failed: %s the file has %s, and in force is %s", n, said, file_has("port 81") ? "the new text" : "the old text", now);
	}
	assert_true(file_has("port 81"));
	assert_true(failed || error == EINTR);
	print_message("# commit: %ld %s, %zu failures\n", n - 1, what == MEMORY ? "allocations" : "calls", failed);
	free(now);
}

static void test_commit(void **state)
{
	(void)state;
	each_commit(MEMORY, 0);
	each_commit(CALLS, EIO);
}

static char apply_one[300], apply_two[300], apply_waits[300];

static void test_memory(void **state)
{
	(void)state;
	each(MEMORY, 0, apply_two, NULL, apply_one);
	each(MEMORY, 0, "confirm", apply_waits, apply_one);
	each(MEMORY, 0, "rollback", apply_waits, apply_one);
}

static void test_calls(void **state)
{
	(void)state;
	each(CALLS, EIO, apply_two, NULL, apply_one);
	each(CALLS, ENOSPC, apply_two, NULL, apply_one);
	each(CALLS, ENOBUFS, apply_two, NULL, apply_one);
	each(CALLS, EIO, "confirm", apply_waits, apply_one);
	each(CALLS, EIO, "rollback", apply_waits, apply_one);
}

/* Nothing is wrong about a call that was interrupted: it is made again. */
static void test_interrupted(void **state)
{
	(void)state;
	each(CALLS, EINTR, apply_two, NULL, apply_one);
	each(CALLS, EINTR, "rollback", apply_waits, apply_one);
}

/* What only looks says it, or that it cannot. */
static void test_looking(void **state)
{
	static const char *const lines[] = { "status -j", "history -j", "show", "drift -j" };

	(void)state;
	must(apply_one);
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++) {
		struct run *whole = malloc(sizeof(*whole));
		bool reached = true;

		assert_non_null(whole);
		fault.what = MEMORY;
		*whole = *run(&ptconf_tool, lines[i], -1);
		for (long n = 0; reached; n++) {
			const struct run *r = run(&ptconf_tool, lines[i], n);

			reached = *happened;
			ends_well(lines[i], n, r);
			if (r->status == whole->status && !r->err[0] && strcmp(r->out, whole->out) != 0)
				fail_msg("%s: %ld failed: \"%s\" is not \"%s\"", lines[i], n, r->out, whole->out);
		}
		free(whole);
	}
}

/* ---- one rule of many, of which the others are not read ---- */

static const char *const ways[] = { "pass in proto udp to any port 1000 label changes", "block in proto udp to any port 1000 label changes",
				    "pass in proto udp to any port 2000 label changes", NULL };

static void many_path(size_t way, char *to, size_t size)
{
	(void)snprintf(to, size, "%s/many%zu.conf", folder, way);
}

static void write_many(size_t way)
{
	char path[200];
	FILE *f;

	many_path(way, path, sizeof(path));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "interface lo0 { device = \"lo\" address = { \"127.0.0.1/8\" } }\nfirewall { rules = {\n") > 0);
	for (int i = 0; i < 80; i++) {
		assert_true(fprintf(f, "\"pass in on lo0 proto udp to port %d\",\n", 3000 + i) > 0);
		if (i == 40 && ways[way])
			assert_true(fprintf(f, "\"%s\",\n", ways[way]) > 0);
	}
	assert_true(fprintf(f, "\"block in log label rest\", \"pass out\" } }\n") > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static const struct run *fw(const char *options, size_t way, long fail_at)
{
	char path[200], line[300];

	many_path(way, path, sizeof(path));
	(void)snprintf(line, sizeof(line), "%s -f %s", options, path);
	return run(&ptfw_tool, line, fail_at);
}

static void must_fw(const char *options, size_t way, const char *after, long n)
{
	const struct run *r = fw(options, way, -1);

	if (r->status != 0)
		fail_msg("%s: %ld failed: then %s: %d %s%s", after, n, options, r->status, r->out, r->err);
}

/* Which of the two is in force for packets, as their rules are shown; SIZE_MAX: neither. */
static size_t way_in_force(size_t from, size_t to)
{
	const struct run *r = run(&ptfw_tool, "rule show", -1);
	const size_t either[] = { from, to };

	for (size_t i = 0; r->status == 0 && i < 2; i++)
		if (ways[either[i]] ? strstr(r->out, ways[either[i]]) != NULL : !strstr(r->out, "changes"))
			return either[i];
	return SIZE_MAX;
}

/* The apply of TO over FROM, each call failing: it is done, or nothing of it is, and the next one is done. */
static void each_rule(enum what what, int error, size_t from, size_t to)
{
	size_t failed = 0;
	bool reached = true;
	char name[160];
	long n;

	(void)snprintf(name, sizeof(name), "%s to %s", ways[from] ? ways[from] : "none", ways[to] ? ways[to] : "none");
	fault.what = what;
	fault.error = error;
	for (n = 0; reached; n++) {
		const struct run *r;
		int status;
		size_t now;

		must_fw("-v apply", from, name, n); /* reads all, and knows the rules then */
		must_fw("diff", from, name, n);
		r = fw("apply", to, n);
		reached = *happened;
		status = r->status;
		ends_well(name, n, r);
		failed += status != 0;
		now = way_in_force(from, to);
		if (now == SIZE_MAX || (!status && now != to))
			fail_msg("%s: %ld failed: status %d, in force is %s", name, n, status, now == from ? "the old" : "a third");
		if (status)
			must_fw("apply", to, name, n);
		must_fw("diff", to, name, n);
	}
	print_message("# %s: %ld %s, %zu failures\n", name, n - 1, what == MEMORY ? "allocations" : "calls", failed);
}

static bool has_classifier(void)
{
	const struct run *r = fw("apply --engine bpf", 0, -1);

	return r->status == 0;
}

static void test_one_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(ways); i++)
		write_many(i);
	if (!has_classifier())
		skip();
	for (size_t i = 1; i < PT_ARRAY_SIZE(ways); i++)
		each_rule(MEMORY, 0, 0, i);
	each_rule(CALLS, EIO, 0, 1);
	each_rule(CALLS, ENOBUFS, 0, 1);
	each_rule(CALLS, EINTR, 0, 2);
	each_rule(CALLS, ENOSPC, 3, 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(ways); i++) {
		char path[200];

		many_path(i, path, sizeof(path));
		(void)unlink(path);
	}
}

/* ---- a network, a /run and a /var/lib of our own ---- */

static int lab_begin(void **state)
{
	(void)state;
	happened = mmap(NULL, sizeof(*happened), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (happened == MAP_FAILED || !mkdtemp(folder))
		return -1;
	(void)snprintf(one, sizeof(one), "%s/one.conf", folder);
	(void)snprintf(two, sizeof(two), "%s/two.conf", folder);
	(void)snprintf(both, sizeof(both), "%s/both.conf", folder);
	(void)snprintf(apply_both, sizeof(apply_both), "apply --force -f %s", both);
	(void)snprintf(apply_one, sizeof(apply_one), "apply --force -f %s", one);
	(void)snprintf(apply_two, sizeof(apply_two), "apply -f %s", two);
	(void)snprintf(apply_waits, sizeof(apply_waits), "apply --confirm 600 -f %s", two);
	write_file(one, "80", "");
	write_file(two, "81", "\n\t\"pass out label out\",");
	return 0;
}

static int lab_end(void **state)
{
	(void)state;
	(void)unlink(one);
	(void)unlink(two);
	(void)unlink(both);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looking),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_one_rule),
	};

	if (!lab_lacks() && !lab_machine())
		return lab_skip("no namespace with a /run of its own");
	return lab_run("ptconf when things fail", tests, lab_begin, lab_end);
}
