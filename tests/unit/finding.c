/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of the machine: each fault is written into files below a folder that stands for the root, or told by a kernel that is ours. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include <cmocka.h>

#include <patronus/ct.h>
#include <patronus/finding.h>

static char root[] = "/tmp/patronus-finding-XXXXXX";
static char told[1024];        /* "severity check subject," */
static const char *later, *later_text; /* a file that changes between the two looks */

static bool unsynchronised, tables;
static struct statvfs disk;
static uint64_t states, states_max;
static struct pt_ct_stats counted;

int __wrap_adjtimex(struct timex *t);
int __wrap_statvfs(const char *path, struct statvfs *out);
int __wrap_pt_ct_count(struct pt_nl *nf, uint64_t *n, uint64_t *max, struct pt_err *e);
int __wrap_pt_ct_stats(struct pt_nl *nf, struct pt_ct_stats *out, struct pt_err *e);

int __wrap_adjtimex(struct timex *t)
{
	t->status = unsynchronised ? STA_UNSYNC : 0;
	return unsynchronised ? TIME_ERROR : TIME_OK;
}

int __wrap_statvfs(const char *path, struct statvfs *out)
{
	(void)path;
	*out = disk;
	return 0;
}

int __wrap_pt_ct_count(struct pt_nl *nf, uint64_t *n, uint64_t *max, struct pt_err *e)
{
	(void)nf;
	(void)e;
	*n = states;
	*max = states_max;
	return 0;
}

int __wrap_pt_ct_stats(struct pt_nl *nf, struct pt_ct_stats *out, struct pt_err *e)
{
	(void)nf;
	(void)e;
	*out = counted;
	return 0;
}

static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *at = strchr(whole + strlen(root) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(whole, 0755);
		*at = '/';
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int found(const struct pt_fault *f, void *arg)
{
	size_t n = strlen(told);

	(void)arg;
	assert_true(*f->text && *f->evidence && *f->next);
	(void)snprintf(told + n, sizeof(told) - n, "%s %s %s,", pt_severity_name(f->severity), f->check->name, f->subject);
	return 0;
}

static int between(void *arg)
{
	(void)arg;
	if (later)
		put(later, later_text);
	if (tables)
		counted.insert_failed += 5;
	return 0;
}

static void finds(const char *only, const char *wanted)
{
	const struct pt_findings_options o = { .only = only, .quick = true, .root = root, .between = between, .found = found };
	struct pt_nl_record a = { 0 }, b = { 0 };
	struct pt_nl *nf, *route;
	struct pt_err e = { 0 };

	told[0] = '\0';
	assert_int_equal(pt_nl_open_recorder(&nf, &a, NULL, 0), 0);
	assert_int_equal(pt_nl_open_recorder(&route, &b, NULL, 0), 0);
	assert_int_equal(pt_findings(&o, nf, route, &e), 0);
	assert_string_equal(told, wanted);
	pt_nl_close(nf);
	pt_nl_close(route);
	pt_buf_fini(&a.bytes);
	pt_buf_fini(&b.bytes);
	pt_err_fini(&e);
	later = NULL;
}

static void grows(const char *only, const char *path, const char *before, const char *after, const char *wanted)
{
	put(path, before);
	finds(only, "");
	later = path;
	later_text = after;
	finds(only, wanted);
	put(path, before);
}

static void the_clock(void **state)
{
	(void)state;
	unsynchronised = false;
	finds("clock", "");
	unsynchronised = true;
	finds("clock", "warning clock ,");
}

static void disks(void **state)
{
	(void)state;
	disk = (struct statvfs){ .f_blocks = 1000, .f_bavail = 60, .f_bfree = 60, .f_files = 1000, .f_favail = 60 };
	finds("disk", "");
	finds("inodes", "");
	disk.f_bavail = 40;
	finds("disk", "warning disk-full /,");
	disk.f_bavail = 0;
	finds("disk", "error disk-full /,");
	disk.f_favail = 3;
	finds("inodes", "warning inodes-full /,");
	disk.f_files = 0; /* a file system that has no such bound */
	finds("inodes", "");
	disk = (struct statvfs){ .f_blocks = 1000, .f_bavail = 900, .f_flag = ST_RDONLY };
	finds("disk", "error disk-read-only /var,error disk-read-only /run,");
}

static void memory(void **state)
{
	(void)state;
	put("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 60 kB\n");
	finds("memory-low", "");
	put("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 50 kB\n");
	finds("memory-low", "warning memory-low ,");
	put("/proc/meminfo", "MemTotal: x\n");
	finds("memory-low", "");
	put("/proc/pressure/memory", "some avg10=90.00 avg60=9.00 avg300=0.00 total=1\n");
	finds("memory-pressure", "");
	put("/proc/pressure/memory", "some avg10=0.00 avg60=30.00 avg300=0.00 total=1\n");
	finds("memory-pressure", "warning memory-pressure ,");
	grows("oom", "/proc/vmstat", "oom_kill 0\n", "oom_kill 1\n", "error oom-kills ,");
	put("/proc/vmstat", "oom_kill_x 7\noom_kill 2\n");
	finds("oom", "warning oom-kills ,");
}

static void processors(void **state)
{
	(void)state;
	put("/proc/loadavg", "9999.0 0.10 0.1 1/1 1\n");
	finds("load", "");
	put("/proc/loadavg", "0.0 99999.0 0.1 1/1 1\n");
	finds("load", "warning load ,");
	grows("softnet", "/proc/net/softnet_stat", "00000009 00000001 00000000\n00000009 00000002 00000000\n",
	      "00000009 00000001 00000000\n00000009 00000003 00000000\n", "warning softnet-drops ,");
}

static void counters(void **state)
{
	(void)state;
	grows("listen", "/proc/net/netstat", "TcpExt: A ListenOverflows\nTcpExt: 5 7\n", "TcpExt: A ListenOverflows\nTcpExt: 5 8\n",
	      "warning listen-overflows ,");
	grows("receive", "/proc/net/snmp6", "Udp6RcvbufErrors 1\n", "Udp6RcvbufErrors 2\n", "warning receive-buffers ,");
	grows("fragments", "/proc/net/snmp6", "Ip6ReasmFails 1\n", "Ip6ReasmFails 2\n", "warning fragments ,");
	/* Cut in the middle of everything. */
	grows("listen", "/proc/net/netstat", "TcpExt: A ListenOverflows\nTcpExt: 5 7\n", "TcpExt: A ListenOverflows\nTcpExt: 5", "");
	grows("listen", "/proc/net/netstat", "TcpExt: A ListenOverflows\nTcpExt: 5 7\n", "TcpExt:", "");
}

static void full_tables(void **state)
{
	(void)state;
	states_max = 1000;
	states = 899;
	finds("state-table", "");
	states = 900;
	finds("state-table", "warning state-table-full ,");
	states = 980;
	finds("state-table", "error state-table-full ,");
	finds("state-failures", "");
	tables = true;
	finds("state-failures", "warning state-failures ,");
	tables = false;
	grows("neighbour", "/proc/net/stat/arp_cache", "entries a b c d e f g h i j k table_fulls\n0 0 0 0 0 0 0 0 0 0 0 0 0000001f\n",
	      "entries a b c d e f g h i j k table_fulls\n0 0 0 0 0 0 0 0 0 0 0 0 00000020\n", "error neighbour-table-full ipv4,");
}

static void services(void **state)
{
	(void)state;
	put("/etc/systemd/system/multi-user.target.wants/patronus-follow.service", "");
	finds("service", "");
	put("/run/systemd/system/x", "");
	finds("service", "error service-down patronus-follow.service,");
	put("/sys/fs/cgroup/system.slice/patronus-follow.service/cgroup.procs", "17\n");
	finds("service", "");
}

static void rules(void **state)
{
	(void)state;
	put("/etc/patronus/patronus.conf", "");
	finds("rules-loaded", "error rules-loaded ,");
}

static int begin(void **state)
{
	(void)state;
	disk.f_blocks = 1;
	return mkdtemp(root) ? 0 : -1;
}

static int removed(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	return nftw(root, removed, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock), cmocka_unit_test(disks), cmocka_unit_test(memory), cmocka_unit_test(processors),
		cmocka_unit_test(counters), cmocka_unit_test(full_tables), cmocka_unit_test(services), cmocka_unit_test(rules),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
