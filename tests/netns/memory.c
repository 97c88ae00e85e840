/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostile-31: every allocation of every command of ptfw fails in turn, in a real kernel's
 * namespace. Each time the command ends by itself, either as if nothing had happened or with an
 * error that is told, and the rules and tables in force are the old ones or the new ones, never a
 * third. The allocations are Patronus' own; those inside other libraries are not ours to refuse.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/cli.h>
#include <patronus/log.h>

#include "lib/tool.h"
#include "netns/lab.h"

/* ---- memory that runs out once ---- */

static long allocations_left = -1; /* -1: as many as wanted */
static bool *refused; /* shared with the children */

static bool refuse_this(void)
{
	if (allocations_left < 0 || allocations_left--)
		return false;
	*refused = true;
	return true;
}

#define exhausted() refuse_this()
#include "lib/scarce.h"

/* ---- running ptfw ---- */

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

static void child(const char *line, long fail_at, int out, int err)
{
	int rc;

	if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(99);
	allocations_left = fail_at;
	rc = tool_run(line);
	allocations_left = -1;
	exit(rc); /* under a sanitizer: what leaked is told here */
}

/* LINE with its allocation number FAIL_AT refused, in a process of its own; -1: with all of them.
 */
/* "12s ago" is another time whenever it is asked. */
static void forget_ages(char *s)
{
	for (char *ago = strstr(s, " ago"), *from; ago; ago = strstr(from + 1, " ago")) {
		for (from = ago; from > s && from[-1] != ' '; from--)
			;
		memmove(from, ago, strlen(ago) + 1);
	}
}

static struct run *ptfw(const char *line, long fail_at)
{
	static struct run r[2];
	static int turn;
	struct run *x = &r[turn ^= 1];
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	pid_t pid;

	assert_true(out >= 0);
	assert_true(err >= 0);
	*refused = false;
	(void)fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(line, fail_at, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	x->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	read_back_file(out, x->out);
	read_back_file(err, x->err);
	forget_ages(x->out);
	return x;
}

/* ---- the machine that it runs on ---- */

static char folder[] = "/tmp/memory_test.XXXXXX";

static const char one[] = "system { name = gw }\n"
			  "interface lo0 { device = \"lo\" address = { \"127.0.0.1/8\" } }\n"
			  "table bad { persist = true counters = true timeout = \"1h\" }\n"
			  "table fixed { addresses = { \"192.0.2.0/24\", \"2001:db8::/32\" } const "
			  "= true persist = true }\n"
			  "schedule night { days = { mon } hours = { 22:00-06:00 } dates = { \"!12-24\" } }\n"
			  "geoip { file = countries }\n"
			  "firewall { rules = {\n"
			  "	\"block in from geoip DE to ! geoip FR schedule night label abroad\",\n"
			  "	\"block return log label closed\",\n"
			  "	\"match out inet from 10.0.0.0/8 nat-to 192.0.2.1 label masked\",\n"
			  "	\"pass in on lo0 proto { tcp, udp } to port { 80, 443 } rdr-to "
			  "10.0.0.9 port 8080\",\n"
			  "	\"pass in on lo0 inet proto tcp to port 81 rdr-to { 10.0.0.1, 10.0.0.3 } sticky-address\",\n"
			  "	\"pass in on lo0 inet proto tcp to port 82 rdr-to 10.0.1.0/24 source-hash\",\n"
			  "	\"anchor \\\"a/*\\\" in on lo0\",\n"
			  "	\"pass out label out\",\n"
			  "	\"block in quick from { <bad>, <fixed>, (lo0) } label bad\",\n"
			  "} }\n";

static void file(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* A second file, which differs from the first in a rule and a table. */
static void file_two(void)
{
	char text[sizeof(one) + 20], *at;

	memcpy(text, one, sizeof(one));
	at = strstr(text, "port 8080");
	assert_non_null(at);
	memcpy(at, "port 8081", 9);
	at = strstr(text, "192.0.2.0/24");
	assert_non_null(at);
	memcpy(at, "198.51.100.1", 12);
	file("two.conf", text);
}

static char path_one[200], path_two[200];

/* What is in force, as text; the kernel's own objects as what tells them from the first file's. */
static void in_force(char *to)
{
	char diff[300];
	const char *const lines[] = {diff, "rule show -d", "table show fixed", "table show bad"};
	size_t n = 0;

	(void)snprintf(diff, sizeof(diff), "diff -f %s", path_one);
	to[0] = '\0';
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++) {
		const struct run *r = ptfw(lines[i], -1);

		if (r->status != PT_EXIT_OK && r->status != PT_EXIT_NO &&
		    r->status != PT_EXIT_SYSTEM) /* no such table, no rules in force */
			fail_msg("%s: %d %s", lines[i], r->status, r->err);
		n += (size_t)snprintf(to + n, OUTPUT - n, "%s: %s\n", lines[i], r->out);
		assert_true(n < OUTPUT);
	}
}

static void must(const char *line)
{
	const struct run *r = ptfw(line, -1);

	if (r->status != 0)
		fail_msg("%s: %d %s", line, r->status, r->err);
}

/* ---- the two kinds of commands ---- */

/* Never a signal, and an error of the system has its words. */
static void ends_well(const char *line, long n, const struct run *r)
{
	if (r->status < 0)
		fail_msg("%s: allocation %ld refused: signal %d", line, n, -r->status);
	if (r->status == PT_EXIT_SYSTEM && !r->err[0] && !r->out[0]) /* with -j errors are data */
		fail_msg("%s: allocation %ld refused: status %d, no word about it", line, n,
			 r->status);
}

/* Shows: what it said without trouble, or an error; nothing less without one. */
static void shows(const char *line)
{
	struct run *whole = malloc(sizeof(*whole)), *r;
	bool reached = true;
	long n;

	assert_non_null(whole);
	*whole = *ptfw(line, -1);
	assert_true(whole->status == PT_EXIT_OK || whole->status == PT_EXIT_NO ||
		    whole->status == PT_EXIT_CONFIG);
	for (n = 0; reached; n++) {
		r = ptfw(line, n);
		reached = *refused;
		ends_well(line, n, r);
		if (r->status != whole->status && r->status != PT_EXIT_SYSTEM)
			fail_msg("%s: allocation %ld refused: status %d: %s", line, n, r->status,
				 r->err);
		if (r->status == whole->status && strcmp(r->out, whole->out) != 0)
			fail_msg("%s: allocation %ld refused: status %d, \"%s\" is not \"%s\": %s",
				 line, n, r->status, r->out, whole->out, r->err);
	}
	assert_true(n > 3);
	print_message("# %s: %ld allocations\n", line, n - 1);
	free(whole);
}

/* What is in force before a change, behind it, and now that it may have failed. */
struct forces {
	char old[OUTPUT], new[OUTPUT], now[OUTPUT];
};

/* The old is in force or the new; the new where the change went well or says that it is. */
static void old_or_new(const char *line, long n, const struct run *r, struct forces *f)
{
	bool ok = r->status == PT_EXIT_OK, said = strstr(r->err, "in force") != NULL, is_new;
	int status = r->status;

	if (!ok && status != PT_EXIT_SYSTEM)
		fail_msg("%s: allocation %ld refused: status %d: %s", line, n, status, r->err);
	in_force(f->now); /* takes the place of R */
	is_new = !strcmp(f->now, f->new);
	if (!is_new && (ok || strcmp(f->now, f->old) != 0))
		fail_msg("%s: allocation %ld refused: status %d, a third: %s", line, n, status,
			 f->now);
	if (!ok && said != is_new)
		fail_msg("%s: allocation %ld refused: does not say what is in force", line, n);
}

/* Changes: afterwards the old is in force or the new. BACK makes the old again. */
static void changes(const char *line, const char *back)
{
	struct forces *f = malloc(sizeof(*f));
	size_t failed = 0, after = 0;
	bool reached = true;
	long n;

	assert_non_null(f);
	must(line); /* a change between the same two, whatever was before */
	must(back);
	in_force(f->old);
	must(line);
	in_force(f->new);
	assert_string_not_equal(f->old, f->new);
	must(back);
	for (n = 0; reached; n++) {
		const struct run *r = ptfw(line, n);
		bool failure = r->status != PT_EXIT_OK;

		reached = *refused;
		ends_well(line, n, r);
		old_or_new(line, n, r, f);
		failed += failure;
		if (strcmp(f->now, f->old) == 0)
			continue;
		after += failure;
		must(back);
	}
	in_force(f->now);
	assert_string_equal(f->now, f->old);
	assert_true(failed > 3);
	print_message("# %s: %ld allocations, %zu failures, %zu of them after the fact\n", line,
		      n - 1, failed, after);
	free(f);
}

/* ---- tests ---- */

static void test_check(void **state)
{
	char line[300];

	(void)state;
	(void)snprintf(line, sizeof(line), "check -f %s", path_one);
	shows(line);
}

/* What is wrong with a file may be told in fewer words, but not left out. */
static void wrong_file(const char *options)
{
	bool reached = true, json = strchr(options, 'j');
	char line[300];

	(void)snprintf(line, sizeof(line), "check %s %s/wrong.conf", options, folder);
	for (long n = 0; reached; n++) {
		const struct run *r = ptfw(line, n);

		reached = *refused;
		ends_well(line, n, r);
		assert_true(r->status == PT_EXIT_CONFIG ||
			    (reached && r->status == PT_EXIT_SYSTEM));
		if (json && r->status == PT_EXIT_CONFIG)
			assert_non_null(strstr(r->out, "\"errors\":"));
		assert_null(strstr(r->out, "\"errors\":0"));
	}
}

static void test_wrong_file(void **state)
{
	(void)state;
	wrong_file("-f");
	wrong_file("-jf");
}

static void test_diff(void **state)
{
	char line[300];

	(void)state;
	(void)snprintf(line, sizeof(line), "diff -f %s", path_two);
	shows(line);
	(void)snprintf(line, sizeof(line), "apply -n -f %s", path_two);
	shows(line);
}

static void test_show(void **state)
{
	static const char *const lines[] = {
		"rule show -sd",
		"rule show -j",
		"nat show -o",
		"anchor list",
		"anchor show a/b -s",
		"table list",
		"table show fixed -sj",
		"state show",
		"state count -j",
		"state count proto tcp",
		"state summary -j",
		"info",
		"explain out lo udp 127.0.0.1 to 127.0.0.1:9 -d",
		"explain out lo udp 127.0.0.1 to 127.0.0.1:9 at \"sat 22:30\" -j",
		"-sr",
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++)
		shows(lines[i]);
}

/* A store of a few packets, one of them lost before, one of another program. */
static void test_log(void **state)
{
	static const uint8_t packet[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 54, 0, 8 };
	struct pt_log_record r = { .time = 1700000000000000000ull, .ours = true, .action = PT_BLOCK, .dir = PT_IN, .rule = "a",
				   .file = "/f", .line = 1, .in = "eth0", .out = "", .on = "wan", .lost = 1, .data = packet,
				   .n = sizeof(packet), .size = sizeof(packet) };
	static const char *const lines[] = { "show -j", "show", "show last 1", "show --pcap -", "summary", "summary -j" };
	struct pt_log_store *s;
	char dir[200], line[300];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/log", folder);
	assert_int_equal(pt_log_store_open(dir, PT_LOG_SIZE, &s, NULL), 0);
	for (int i = 0; i < 4; i++) {
		r.ours = i != 2;
		assert_int_equal(pt_log_store_add(s, &r), 0);
	}
	assert_int_equal(pt_log_store_flush(s), 0);
	pt_log_store_close(s);
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++) {
		(void)snprintf(line, sizeof(line), "log %s --store %s", lines[i], dir);
		shows(line);
	}
	(void)snprintf(line, sizeof(line), "%s/" PT_LOG_FILE, dir);
	assert_int_equal(unlink(line), 0);
	(void)snprintf(line, sizeof(line), "%s/filter.lock", dir);
	assert_int_equal(unlink(line), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_table_test(void **state)
{
	(void)state;
	shows("table test fixed 192.0.2.1 192.0.2.2 2001:db8::1 203.0.113.1");
}

static void test_table_changes(void **state)
{
	(void)state;
	must("table replace bad 203.0.113.1");
	changes("table add bad 198.51.100.0/24 2001:db8::1", "table replace bad 203.0.113.1");
	changes("table delete bad 203.0.113.1", "table replace bad 203.0.113.1");
	changes("table replace bad 203.0.113.2 2001:db8::/64", "table replace bad 203.0.113.1");
	changes("table flush bad", "table replace bad 203.0.113.1");
	must("table flush bad");
}

static void test_anchor_changes(void **state)
{
	char line[300];

	(void)state;
	file("rules", "block in quick from { 10.9.9.9, fd09::9 } label bad\npass in \\\n from <bad> # some\n");
	(void)snprintf(line, sizeof(line), "anchor load a/b --file %s/rules", folder);
	changes(line, "anchor flush a/b");
	must(line);
	changes("anchor flush a/*", line);
	shows("anchor list -j");
	shows("anchor show a/b -d");
	must("anchor flush a/b");
	(void)snprintf(line, sizeof(line), "%s/rules", folder);
	assert_int_equal(unlink(line), 0);
}

/* Without memory to learn that a table is const, it is not changed either. */
static void test_const(void **state)
{
	struct forces *f = malloc(sizeof(*f));
	bool reached = true;

	(void)state;
	assert_non_null(f);
	in_force(f->old);
	for (long n = 0; reached; n++) {
		const struct run *r = ptfw("table add fixed 203.0.113.1", n);

		reached = *refused;
		ends_well("table add fixed", n, r);
		assert_true(r->status == PT_EXIT_CONFIG ||
			    (reached && r->status == PT_EXIT_SYSTEM));
		in_force(f->now);
		assert_string_equal(f->now, f->old);
	}
	free(f);
}

static void test_apply(void **state)
{
	char line[300], back[300];

	(void)state;
	(void)snprintf(line, sizeof(line), "apply -f %s", path_two);
	(void)snprintf(back, sizeof(back), "apply -f %s", path_one);
	changes(line, back);
	(void)snprintf(line, sizeof(line), "apply --enforce -n -f %s", path_two);
	shows(line);
	(void)snprintf(line, sizeof(line), "apply --enforce -f %s", path_two);
	changes(line, back);
}

static void test_stop(void **state)
{
	char back[300];

	(void)state;
	(void)snprintf(back, sizeof(back), "apply -f %s", path_one);
	changes("stop", back);
	changes(back, "stop");
	must(back);
}

/* ---- a network and a /run of our own ---- */

static int lab_begin(void **state)
{
	char line[300];

	(void)state;
	refused = mmap(NULL, sizeof(*refused), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (refused == MAP_FAILED || !mkdtemp(folder))
		return -1;
	(void)snprintf(path_one, sizeof(path_one), "%s/one.conf", folder);
	(void)snprintf(path_two, sizeof(path_two), "%s/two.conf", folder);
	file("countries", "192.0.2.0,192.0.2.9,DE\n2001:db8::,2001:db8::9,FR\n");
	file("one.conf", one);
	file_two();
	file("wrong.conf", "system { nam = gw }\nfirewall { rules = { \"pass onn lan\", \"block "
			   "label x label x\" } }\n");
	(void)snprintf(line, sizeof(line), "apply -f %s", path_one);
	must(line);
	return 0;
}

static int lab_end(void **state)
{
	static const char *const names[] = {"one.conf", "two.conf", "wrong.conf", "countries"};
	char path[200];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),	   cmocka_unit_test(test_wrong_file),
		cmocka_unit_test(test_diff),	   cmocka_unit_test(test_show),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_table_test), cmocka_unit_test(test_table_changes),
		cmocka_unit_test(test_anchor_changes),
		cmocka_unit_test(test_const),	   cmocka_unit_test(test_apply),
		cmocka_unit_test(test_stop),
	};

	if (!lab_lacks() && !lab_machine())
		return lab_skip("no namespace with a /run of its own");
	return lab_run("memory", tests, lab_begin, lab_end);
}
