/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at the network and the machine while memory runs out: each allocation fails in turn, and each time the call says so, or
 * tells the whole of it where it could do without; nothing stays behind, no memory (the sanitizer looks) and no descriptor.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/activity.h>
#include <patronus/dial.h>
#include <patronus/dns.h>
#include <patronus/finding.h>
#include <patronus/nl.h>
#include <patronus/probe.h>
#include <patronus/socket.h>

#include "lib/scarce.h"

#define TRIES_MAX 20000

static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* CALL with no memory for its first allocation, its second one, and so on, until there is none any more; how many there are. */
static long each_fails(int (*call)(struct pt_arena *a, struct pt_err *e))
{
	size_t open_before = open_files();
	long tried = 0, survived = 0;

	for (bool more = true; more; tried++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_err e = { 0 };
		int rc;

		assert_non_null(a);
		assert_true(tried < TRIES_MAX);
		memory_ran_out = false;
		allocations_left = tried;
		rc = call(a, &e);
		allocations_left = -1;
		more = memory_ran_out;
		if (rc != 0 && (!memory_ran_out || rc != -ENOMEM))
			fail_msg("allocation %ld: %d (%s)", tried, rc, e.list.n ? e.list.v[0].msg : strerror(-rc));
		survived += memory_ran_out && !rc;
		pt_err_fini(&e);
		pt_arena_free(a);
		assert_int_equal(open_files(), open_before);
	}
	print_message("# %ld allocations, of which %ld could be done without\n", tried - 1, survived);
	return tried - 1;
}

/* ---- probes ---- */

static struct pt_probe_options to_us = { .how = PT_PROBE_ICMP, .to = { PT_AF_INET, 0x7f000001 }, .tos = -1 };

static int heard(enum pt_ping_event event, const struct pt_probe_answer *a, bool reordered, int error, void *arg)
{
	(void)a;
	(void)reordered;
	(void)error;
	*(bool *)arg = event == PT_PING_ANSWER;
	return 0;
}

static int ping(struct pt_arena *a, struct pt_err *e)
{
	bool answered = false;
	const struct pt_ping_listener l = { heard, &answered };
	const struct pt_ping_options o = { .probe = to_us, .size = 56, .count = 1, .interval = 1000, .timeout = 1000000, .stop_fd = -1 };
	struct pt_ping_result r = { .histogram = NULL };
	struct pt_probe *p = NULL;
	int rc = pt_probe_open(&to_us, &p, e);

	(void)a;
	if (!rc)
		rc = pt_ping_run(p, &o, &l, &r, e);
	pt_probe_close(p);
	return rc ? rc : answered ? 0 : -EPROTO;
}

static int take_hop(const struct pt_trace_hop *h, void *arg)
{
	*(bool *)arg = h->queries[0].answered;
	return 0;
}

static int trace(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_trace_options o = { .probe = to_us, .first = 1, .max = 3, .queries = 1, .parallel = 3, .size = 32,
					    .timeout = 1000000, .stop_fd = -1 };
	struct pt_probe *p = NULL;
	enum pt_trace_end end;
	bool answered = false;
	uint32_t mtu;
	int rc = pt_probe_open(&to_us, &p, e);

	(void)a;
	if (!rc)
		rc = pt_trace_run(p, &o, take_hop, &answered, &end, &mtu, e);
	pt_probe_close(p);
	return rc ? rc : answered ? 0 : -EPROTO;
}

static int mtr(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_mtr_options o = { .probe = to_us, .first = 1, .max = 2, .size = 32, .interval = 10000, .timeout = 100000,
					  .count = 1 };
	struct pt_mtr *m = NULL;
	int rc = pt_mtr_open(&o, &m, e);

	(void)a;
	if (!rc)
		(void)pt_mtr_step(m, &rc, e);
	pt_mtr_close(m);
	return rc;
}

/* ---- names and ports ---- */

static struct pt_dns_server server;

/* Answers each question with an address. */
static pid_t begin_server(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static const uint8_t answer[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(sa);
	uint8_t m[512];
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
	assert_int_equal(pt_dns_server_parse("127.0.0.1", ntohs(sa.sin_port), &server), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		close(fd);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = recvfrom(fd, m, sizeof(m) - sizeof(answer), 0, (struct sockaddr *)&sa, &size);

		if (n < 12)
			continue;
		m[2] = 0x81;
		m[3] = 0x80;
		m[7] = 1;  /* one answer, */
		m[11] = 0; /* nothing else */
		n = 12;
		while (m[n])
			n += m[n] + 1;
		n += 5;
		memcpy(m + n, answer, sizeof(answer));
		(void)sendto(fd, m, (size_t)n + sizeof(answer), 0, (struct sockaddr *)&sa, size);
	}
}

static int ask(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_dns_query q = { .name = "\3www\7example\3org", .type = 1, .rclass = 1, .recurse = true };
	const struct pt_dns_way w = { .transport = PT_DNS_UDP, .timeout = 5000000, .tries = 1 };
	struct pt_dns_reply r;
	int rc = pt_dns_ask(&server, &q, &w, a, &r, e);

	if (rc)
		return rc;
	return r.outcome == PT_DNS_ANSWERED && r.m.section[PT_DNS_ANSWER].n == 1 ? 0 : -EPROTO;
}

static struct pt_dial_target ports[2]; /* somebody listens; nobody does */

static int take_port(const struct pt_dial *r, void *arg)
{
	size_t *n = arg;

	assert_int_equal(r->state, *n ? PT_DIAL_REFUSED : PT_DIAL_OPEN);
	++*n;
	return 0;
}

static int dial(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_dial_want w = { .timeout = 5000000 };
	size_t n = 0;
	int rc = pt_dial_all(ports, 2, &w, take_port, &n, e);

	(void)a;
	return rc ? rc : n == 2 ? 0 : -EPROTO;
}

static int listen_on(struct pt_dial_target *t)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 4096), 0);
	t->len = sizeof(t->addr);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&t->addr, &t->len), 0);
	return fd;
}

/* ---- the machine ---- */

static struct pt_nl *nl;

static int sockets(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_socket_filter f = { .protocols = UINT32_MAX, .states = UINT32_MAX };
	struct pt_socket_owners owners;
	struct pt_sockets s = { 0 };
	int rc = pt_sockets_read(nl, &f, a, &s, e);

	return rc ? rc : pt_socket_owners_read(a, &owners, e);
}

static int activity(struct pt_arena *a, struct pt_err *e)
{
	struct pt_activity v;

	return pt_activity_read(nl, a, &v, e);
}

static int found(const struct pt_fault *f, void *arg)
{
	(void)arg;
	assert_true(*f->text && *f->evidence && *f->next);
	return 0;
}

static int findings(struct pt_arena *a, struct pt_err *e)
{
	const struct pt_findings_options o = { .quick = true, .found = found };

	(void)a;
	return pt_findings(&o, NULL, nl, e);
}

/* ---- the tests ---- */

static void test_probes(void **state)
{
	struct pt_probe *p;
	struct pt_err e = { 0 };
	int rc = pt_probe_open(&to_us, &p, &e);

	(void)state;
	pt_err_fini(&e);
	if (rc) {
		print_message("# this user may not send echo requests\n");
		skip();
	}
	pt_probe_close(p);
	assert_true(each_fails(ping) > 3);
	assert_true(each_fails(trace) > 3);
	assert_true(each_fails(mtr) > 3);
}

static void test_dns(void **state)
{
	pid_t pid = begin_server();

	(void)state;
	assert_true(each_fails(ask) > 1);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void test_dial(void **state)
{
	int there = listen_on(&ports[0]), gone = listen_on(&ports[1]);

	(void)state;
	close(gone);
	assert_true(each_fails(dial) > 1);
	close(there);
}

static void with_bus(int bus, int (*call)(struct pt_arena *a, struct pt_err *e))
{
	struct pt_err e = { 0 };

	assert_int_equal(pt_nl_open(&nl, bus, &e), 0);
	assert_true(each_fails(call) > 1);
	pt_nl_close(nl);
	pt_err_fini(&e);
}

static void test_sockets(void **state)
{
	(void)state;
	with_bus(NETLINK_SOCK_DIAG, sockets);
}

static void test_activity(void **state)
{
	(void)state;
	with_bus(NETLINK_ROUTE, activity);
}

static void test_findings(void **state)
{
	(void)state;
	with_bus(NETLINK_ROUTE, findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes),   cmocka_unit_test(test_dns),      cmocka_unit_test(test_dial),
		cmocka_unit_test(test_sockets),  cmocka_unit_test(test_activity), cmocka_unit_test(test_findings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
