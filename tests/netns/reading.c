/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading back costs: showing states needs no more memory for many than for few, and showing a
 * table reads nothing of the others. Memory and bytes are counted, not time, so that a busy machine
 * changes nothing.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/ct.h>

#include "lib/tool.h"
#include "netns/lab.h"

#define FEW 200
#define MANY 20000
#define STATES 100000
#define GROWTH_KIB 1024 /* of the whole process */
#define SCREEN 100000   /* bytes of the kernel's answers: what is in force, and a hundred states or so */

/* ---- what the kernel tells, counted ---- */

/* Bytes, also those before anything was shown; shared with the children. */
static struct {
	size_t received, unshown;
	bool shown;
} *told;
static bool is_child;

ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n = __real_recvmsg(fd, msg, flags);

	if (n <= 0)
		return n;
	if (is_child && !told->shown)
		told->shown = lseek(STDOUT_FILENO, 0, SEEK_CUR) > 0;
	told->received += (size_t)n;
	if (!told->shown)
		told->unshown += (size_t)n;
	return n;
}

/* ---- running ptfw ---- */

struct cost {
	long kib;        /* most memory at a time */
	size_t received; /* from the kernel */
	size_t unshown;  /* of that, before the first output */
	size_t lines;    /* shown */
};

static size_t lines_of(int fd)
{
	char text[4096];
	size_t lines = 0;
	ssize_t n;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	close(fd);
	return lines;
}

static pid_t start(const char *line, int out)
{
	pid_t pid;

	assert_true(out >= 0);
	(void)fflush(stdout);
	memset(told, 0, sizeof(*told));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		is_child = true;
		if (dup2(out, STDOUT_FILENO) < 0)
			_exit(99);
		exit(tool_run(line));
	}
	return pid;
}

static struct cost ptfw(const char *line)
{
	int out = memfd_create("out", MFD_CLOEXEC), status;
	struct cost cost;
	struct rusage usage;
	pid_t pid = start(line, out);

	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	if (status)
		fail_msg("%s: status %d", line, status);
	cost.kib = usage.ru_maxrss;
	cost.received = told->received;
	cost.unshown = told->unshown;
	cost.lines = lines_of(out);
	print_message("# %s: %zu lines, %ld KiB, %zu bytes received, %zu before the first output\n", line, cost.lines,
		      cost.kib, cost.received, cost.unshown);
	return cost;
}

/* ---- states ---- */

/* TCP from a host to another, IPv4 and IPv6 in turn. */
static struct pt_ct_entry numbered_state(uint32_t i)
{
	struct pt_ct_entry ct = { .proto = IPPROTO_TCP, .timeout = 3600 };
	const char *source = i % 2 ? "2001:db8::1" : "192.0.2.1", *target = i % 2 ? "2001:db8::2" : "192.0.2.2";

	assert_int_equal(pt_addr_parse(source, &ct.orig.src), 0);
	assert_int_equal(pt_addr_parse(target, &ct.orig.dst), 0);
	ct.orig.sport = (uint16_t)(1024 + i % 50000);
	ct.orig.dport = (uint16_t)(80 + i / 50000);
	ct.reply = (struct pt_ct_tuple){ .src = ct.orig.dst, .dst = ct.orig.src, .sport = ct.orig.dport,
					 .dport = ct.orig.sport };
	return ct;
}

static void make_states(uint32_t from, uint32_t to)
{
	struct pt_nl *nf;

	assert_int_equal(pt_nl_open(&nf, NETLINK_NETFILTER, NULL), 0);
	for (uint32_t i = from; i < to; i++) {
		const struct pt_ct_entry ct = numbered_state(i);

		assert_int_equal(pt_ct_create_tcp(nf, &ct), 0);
	}
	pt_nl_close(nf);
}

static void test_states(void **state)
{
	static const struct {
		const char *line;
		size_t height; /* lines of a state; 0: all are on one */
	} shows[] = { { "state show", 1 }, { "state show -s", 2 }, { "state show -o", 1 }, { "state show -j", 0 },
		      { "state summary", 0 } };
	struct cost few[PT_ARRAY_SIZE(shows)], many;

	(void)state;
	make_states(0, FEW);
	for (size_t i = 0; i < PT_ARRAY_SIZE(shows); i++)
		few[i] = ptfw(shows[i].line);
	make_states(FEW, STATES);
	for (size_t i = 0; i < PT_ARRAY_SIZE(shows); i++) {
		many = ptfw(shows[i].line);
		if (shows[i].height)
			assert_int_equal(many.lines, shows[i].height * STATES);
		assert_true(many.received > few[i].received * (STATES / FEW / 2));
		assert_true(many.kib <= few[i].kib + GROWTH_KIB);
	}
}

/* Whoever looks at the first screen of many states waits for that screen only: what is read before is little and does
 * not grow with them, and once the reader is gone nothing more is read. */
static void test_first_screen(void **state)
{
	static const char *const shows[] = { "state show", "state show -s", "state show -o" };
	struct cost all;
	int ends[2], status;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(shows); i++) {
		all = ptfw(shows[i]);
		assert_true(all.unshown < SCREEN);
		assert_true(all.received > 50 * SCREEN);
	}
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(waitpid(start(shows[0], ends[1]), &status, 0) > 0, 1);
	close(ends[1]);
	assert_int_equal(status, 0);
	print_message("# without a reader: %zu bytes received\n", told->received);
	assert_true(told->received < SCREEN);
}

/* ---- tables ---- */

static char folder[] = "/tmp/reading_test.XXXXXX";
static char path_conf[100], path_list[100];

static const char conf[] = "interface lo0 { device = \"lo\" address = { \"127.0.0.1/8\" } }\n"
			   "table small { addresses = { \"192.0.2.1\", \"2001:db8::1\" } persist = true }\n"
			   "table huge { persist = true }\n"
			   "firewall { rules = { \"block from { <small>, <huge> }\" } }\n";

/* Every other address: they do not become ranges. */
static void write_list(FILE *f)
{
	for (int i = 0; i < MANY; i++)
		assert_true(fprintf(f, "10.0.%d.%d\n2001:db8:1::%x\n", i / 128, i % 128 * 2, i * 2) > 0);
}

static void test_table(void **state)
{
	struct cost alone, beside, huge;
	char line[200];

	(void)state;
	alone = ptfw("table show small");
	assert_int_equal(alone.lines, 2);
	(void)snprintf(line, sizeof(line), "table add huge --file %s", path_list);
	(void)ptfw(line);
	beside = ptfw("table show small");
	assert_int_equal(beside.lines, 2);
	assert_int_equal(beside.received, alone.received);
	huge = ptfw("table show huge");
	assert_int_equal(huge.lines, 2 * MANY);
	assert_true(huge.received > 100 * beside.received);
}

/* ---- a network and a /run of our own ---- */

static FILE *new_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	assert_non_null(f);
	return f;
}

static int lab_begin(void **state)
{
	char line[200];
	FILE *f;

	(void)state;
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED || !mkdtemp(folder))
		return -1;
	(void)snprintf(path_conf, sizeof(path_conf), "%s/conf", folder);
	(void)snprintf(path_list, sizeof(path_list), "%s/list", folder);
	f = new_file(path_conf);
	assert_true(fputs(conf, f) >= 0);
	assert_int_equal(fclose(f), 0);
	f = new_file(path_list);
	write_list(f);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(line, sizeof(line), "apply -q -f %s", path_conf);
	(void)ptfw(line);
	return 0;
}

static int lab_end(void **state)
{
	(void)state;
	(void)unlink(path_conf);
	(void)unlink(path_list);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_first_screen),
		cmocka_unit_test(test_table),
	};

	if (!lab_lacks() && !lab_machine())
		return lab_skip("no namespace with a /run of its own");
	return lab_run("reading", tests, lab_begin, lab_end);
}
