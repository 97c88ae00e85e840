/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process can and cannot do any more behind pt_sandbox(): each case in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/sandbox.h>

#include <linux/netlink.h>
#include <netinet/in.h>

/* What a child could do; its exit status has a bit of each. */
enum { READS = 1, WRITES = 2, DIALS = 4, ASKS = 8, THREADS = 16, ROOT = 32, RESIZES = 128 };
#define BROKEN 64 /* something works that never should, or the other way round */

static char folder[] = "/tmp/patronus-sandbox-XXXXXX", file[80];

static void *thread(void *arg)
{
	return arg;
}

static bool socket_works(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_write(void)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && !unlink(file);
}

static bool can_read(char *text, size_t size)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Lines of /proc/self/status. */
static bool harmless(const char *status)
{
	static const char *const lines[] = { "\nCapInh:\t0000000000000000\n", "\nCapPrm:\t0000000000000000\n",
					     "\nCapEff:\t0000000000000000\n", "\nCapAmb:\t0000000000000000\n",
					     "\nNoNewPrivs:\t1\n",		"\nSeccomp:\t2\n" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++)
		if (!strstr(status, lines[i]))
			return false;
	return geteuid() || strstr(status, "\nCapBnd:\t0000000000000000\n");
}

/* What no class has. */
static bool bound(void)
{
	char *const argv[] = { (char *)"true", NULL };
	void *p;

	if (!setuid(getuid()) || !setgid(getgid()) || !chroot("/") || !kill(getppid(), 0) || !ptrace(PTRACE_TRACEME, 0, 0, 0))
		return false;
	if (socket_works(AF_PACKET, SOCK_RAW, 0) || socket_works(AF_INET, SOCK_RAW, IPPROTO_ICMP))
		return false;
	if (!execve("/bin/true", argv, NULL) || errno != EPERM || fork() >= 0)
		return false;
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED && errno == EPERM && !kill(getpid(), 0);
}

/* What all have. */
static bool works(const int pair[2])
{
	struct timespec t = { .tv_nsec = 1000 };
	char c = 0;
	void *p = malloc(1 << 20);

	free(p);
	return p && write(pair[0], "x", 1) == 1 && recv(pair[1], &c, 1, 0) == 1 && c == 'x' && !nanosleep(&t, NULL) &&
	       !clock_gettime(CLOCK_MONOTONIC, &t) && !setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
}

static int tried(unsigned int may)
{
	char status[8192];
	pthread_t t;
	int pair[2], can = 0, memory = memfd_create("sandbox", MFD_CLOEXEC);

	if (memory < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || pt_sandbox(may, NULL))
		return BROKEN;
	can |= can_read(status, sizeof(status)) ? READS : 0;
	can |= can_write() ? WRITES : 0;
	can |= !ftruncate(memory, 1) ? RESIZES : 0;
	can |= socket_works(AF_INET, SOCK_STREAM, 0) && socket_works(AF_INET6, SOCK_DGRAM, 0) ? DIALS : 0;
	can |= socket_works(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) ? ASKS : 0;
	if (!pthread_create(&t, NULL, thread, NULL) && !pthread_join(t, NULL))
		can |= THREADS;
	can |= geteuid() == 0 ? ROOT : 0;
	if (!bound() || !works(pair) || ((can & READS) && !harmless(status)))
		can |= BROKEN;
	return can;
}

/* Of a child; as USER where that is not 0. */
static int can(unsigned int may, uid_t user)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		_exit(user && setresuid(user, user, user) ? BROKEN : tried(may));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_classes(void **state)
{
	(void)state;
	assert_int_equal(can(0, 0), 0);
	assert_int_equal(can(PT_SANDBOX_DIAL, 0), DIALS);
	assert_int_equal(can(PT_SANDBOX_NETLINK, 0), ASKS);
	assert_int_equal(can(PT_SANDBOX_READ, 0), READS);
	assert_int_equal(can(PT_SANDBOX_THREADS, 0), THREADS);
	assert_int_equal(can(PT_SANDBOX_RESIZE, 0), RESIZES);
	assert_int_equal(can(PT_SANDBOX_READ | PT_SANDBOX_DIAL | PT_SANDBOX_NETLINK, 0), READS | DIALS | ASKS);
}

static void test_user(void **state)
{
	int root = geteuid() == 0 ? ROOT : 0;

	(void)state;
	assert_int_equal(can(PT_SANDBOX_SAME_USER | PT_SANDBOX_READ | PT_SANDBOX_WRITE, 0), READS | WRITES | RESIZES | root);
	if (!root)
		skip();
	/* The folder is root's: nobody writes there, whatever calls there are. */
	assert_int_equal(can(PT_SANDBOX_READ | PT_SANDBOX_WRITE, 0), READS | RESIZES);
	assert_int_equal(can(PT_SANDBOX_READ, 1000), READS);
}

static void test_twice(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(pt_sandbox(PT_SANDBOX_DIAL, NULL) ? 1 : pt_sandbox(0, NULL) != -EPERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/made", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_twice),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
