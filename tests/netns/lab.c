/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab - see lab.h. Links and addresses are made by ip(8): a laboratory built by the library
 * under test would not notice when both are wrong in the same way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

void lab_bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- namespaces ---- */

static int this_ns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		lab_bail("cannot open the network namespace");
	return fd;
}

void lab_step(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		lab_bail("cannot enter a network namespace");
}

int lab_ns(void)
{
	if (unshare(CLONE_NEWNET))
		lab_bail("cannot make a network namespace");
	/* No waiting for duplicate addresses, no strict reverse path. */
	(void)lab_sysctl("ipv6/conf/all/disable_ipv6", "0");
	(void)lab_sysctl("ipv6/conf/default/accept_dad", "0");
	(void)lab_sysctl("ipv6/conf/default/dad_transmits", "0");
	(void)lab_sysctl("ipv6/conf/default/accept_ra", "0");
	(void)lab_sysctl("ipv4/conf/all/rp_filter", "0");
	(void)lab_sysctl("ipv4/conf/default/rp_filter", "0");
	lab_ip("link set lo up\n");
	return this_ns();
}

const char *lab_lacks(void)
{
	pid_t pid;
	int st;

	if (geteuid() != 0)
		return "needs root";
	if (access("/sbin/ip", X_OK) && access("/usr/sbin/ip", X_OK) && access("/bin/ip", X_OK))
		return "needs ip(8)";
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &st, 0) != pid || st)
		return "may not make network namespaces here";
	return NULL;
}

int lab_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

bool lab_skipped(void)
{
	const char *why = lab_lacks();

	if (why)
		(void)lab_skip(why);
	return why;
}

bool lab_machine(void)
{
	return !unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tmpfs", "/run", "tmpfs", 0, "mode=755") && !mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=755") && !sethostname("fw", 2);
}

int lab_enter(const struct lab *l, enum lab_host h)
{
	int old = this_ns();

	lab_step(l->ns[h]);
	return old;
}

void lab_back(int ns)
{
	lab_step(ns);
	close(ns);
}

/* ---- what is in them ---- */

/* PROGRAM OPTION - with BATCH as its input. */
static void run(char *program, char *option, const char *batch, size_t len)
{
	char input[] = "-";
	char *argv[] = {program, option, input, NULL};
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int p[2], st;

	if (pipe2(p, O_CLOEXEC) || posix_spawn_file_actions_init(&fa) ||
	    posix_spawn_file_actions_adddup2(&fa, p[0], 0))
		lab_bail("cannot prepare to run a program");
	if (posix_spawnp(&pid, program, &fa, NULL, argv, environ))
		lab_bail(program);
	posix_spawn_file_actions_destroy(&fa);
	close(p[0]);
	if (write(p[1], batch, len) != (ssize_t)len)
		lab_bail("cannot write to a program");
	close(p[1]);
	if (waitpid(pid, &st, 0) != pid || st) {
		errno = EINVAL;
		lab_bail(batch);
	}
}

void lab_nft(const char *rules)
{
	char program[] = "nft", option[] = "-f";

	run(program, option, rules, strlen(rules));
}

void lab_ip(const char *fmt, ...)
{
	char program[] = "ip", option[] = "-batch";
	char *batch = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&batch, fmt, ap);
	va_end(ap);
	if (n < 0)
		lab_bail("no memory");
	run(program, option, batch, (size_t)n);
	free(batch);
}

bool lab_sysctl(const char *name, const char *value)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (write(fd, value, strlen(value)) < 0)
		lab_bail(path);
	close(fd);
	return true;
}

void lab_veth(const char *name, int peer_ns, const char *peer, unsigned int id)
{
	int here = this_ns();

	lab_ip("link add %s address 02:00:00:00:00:%02x type veth peer name %s address "
	       "02:00:00:00:01:%02x netns /proc/%d/fd/%d\nlink set %s up\n",
	       name, id, peer, id, (int)getpid(), peer_ns, name);
	lab_step(peer_ns);
	lab_ip("link set %s up\n", peer);
	lab_back(here);
}

struct leg {
	enum lab_host host;
	const char *device, *own4, *own6, *host4, *host6;
};

static const struct leg legs[] = {
	{LAB_LAN, "lan0", "192.168.1.1", "fd00:1::1", "192.168.1.10", "fd00:1::10"},
	{LAB_DMZ, "dmz0", "10.0.5.1", "fd00:5::1", "10.0.5.20", "fd00:5::20"},
	{LAB_WAN, "wan0", "203.0.113.2", "2001:db8:1::2", "203.0.113.1", "2001:db8:1::1"},
};

static void make_leg(const struct lab *l, const struct leg *leg, unsigned int id)
{
	lab_step(l->ns[LAB_ROUTER]);
	lab_veth(leg->device, l->ns[leg->host], "eth0", id);
	lab_ip("addr add %s/24 dev %s\naddr add %s/64 dev %s nodad\n", leg->own4, leg->device,
	       leg->own6, leg->device);
	lab_step(l->ns[leg->host]);
	lab_ip("addr add %s/24 dev eth0\naddr add %s/64 dev eth0 nodad\n"
	       "route add default via %s\nroute add ::/0 via %s\n",
	       leg->host4, leg->host6, leg->own4, leg->own6);
}

void lab_make(struct lab *l)
{
	unsigned int i;

	l->home = this_ns();
	for (i = 0; i < LAB_HOSTS; i++)
		l->ns[i] = lab_ns();
	for (i = 0; i < sizeof(legs) / sizeof(legs[0]); i++)
		make_leg(l, &legs[i], i);
	lab_step(l->ns[LAB_WAN]);
	lab_ip("addr add 198.51.100.7/32 dev lo\naddr add 2001:db8:2::7/128 dev lo nodad\n");
	lab_step(l->ns[LAB_ROUTER]);
	lab_ip("route add default via 203.0.113.1\nroute add ::/0 via 2001:db8:1::1\n");
	(void)lab_sysctl("ipv4/ip_forward", "1");
	(void)lab_sysctl("ipv6/conf/all/forwarding", "1");
	(void)lab_sysctl("ipv4/conf/all/send_redirects", "0");
	(void)lab_sysctl("ipv4/conf/default/send_redirects", "0");
}

void lab_free(struct lab *l)
{
	unsigned int i;

	lab_step(l->home);
	close(l->home);
	for (i = 0; i < LAB_HOSTS; i++)
		close(l->ns[i]);
}

/* ---- sockets ---- */

int lab_packet_socket(const char *device)
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd, size = 8 << 20;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	sll.sll_ifindex = (int)if_nametoindex(device);
	if (fd < 0 || !sll.sll_ifindex || bind(fd, (struct sockaddr *)&sll, sizeof(sll)))
		lab_bail("cannot open a packet socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static socklen_t sockaddr_of(struct sockaddr_storage *ss, const char *address, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1) {
		errno = EINVAL;
		lab_bail(address);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static int open_socket(int family, int type, int protocol)
{
	struct timeval tv = {.tv_sec = 2};
	int fd = socket(family, type | SOCK_CLOEXEC, protocol), on = 1;

	if (fd < 0)
		lab_bail("cannot open a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

static int give_up(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int lab_bind(int type, const char *address, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, address, port);
	int fd = open_socket(ss.ss_family, type, 0);

	if (bind(fd, (struct sockaddr *)&ss, len) || (type == SOCK_STREAM && listen(fd, 64)))
		return give_up(fd);
	return fd;
}

int lab_connect(int type, const char *address, uint16_t port, uint16_t source_port)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, address, port);
	int fd = open_socket(ss.ss_family, type, 0);

	if (source_port) {
		struct sockaddr_storage any = {.ss_family = ss.ss_family};

		/* The port lies at the same place in both families. */
		((struct sockaddr_in *)&any)->sin_port = htons(source_port);
		if (bind(fd, (struct sockaddr *)&any, len))
			return give_up(fd);
	}
	if (connect(fd, (struct sockaddr *)&ss, len))
		return give_up(fd);
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

size_t lab_receive(int fd, void *frame, size_t size, int timeout_ms,
		   bool (*fn)(const uint8_t *frame, size_t len, void *arg), void *arg)
{
	int64_t end = now_ms() + timeout_ms, left;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		n = recv(fd, frame, size, MSG_DONTWAIT);
		if (n > 0 && (!fn || fn(frame, (size_t)n, arg)))
			return (size_t)n;
		if (n >= 0)
			continue;
		left = end - now_ms();
		if (errno != EAGAIN || left < 0 || poll(&p, 1, (int)left) < 0)
			return 0;
	}
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

struct echo {
	uint8_t type;
	uint16_t id;
	bool v4;
};

static bool is_reply(const uint8_t *packet, size_t len, void *arg)
{
	const struct echo *e = arg;
	size_t skip = e->v4 ? (size_t)(packet[0] & 15) * 4 : 0;

	return len >= skip + 8 && packet[skip] == e->type &&
	       (packet[skip + 4] << 8 | packet[skip + 5]) == e->id;
}

bool lab_ping(const char *address, uint16_t id)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&ss, address, 0);
	bool v4 = ss.ss_family == AF_INET, ok;
	struct echo e = {v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, id, v4};
	uint8_t packet[2048] = {v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
	uint16_t sum;
	int fd = open_socket(ss.ss_family, SOCK_RAW, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	packet[4] = (uint8_t)(id >> 8);
	packet[5] = (uint8_t)id;
	if (v4) { /* for ICMPv6 the kernel reckons it */
		sum = checksum(packet, 16);
		memcpy(packet + 2, &sum, sizeof(sum));
	}
	ok = sendto(fd, packet, 16, 0, (struct sockaddr *)&ss, len) == 16 &&
	     lab_receive(fd, packet, sizeof(packet), 2000, is_reply, &e) > 0;
	close(fd);
	return ok;
}

int lab_as_nobody(int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(101);
		_exit(fn(arg));
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid || !WIFEXITED(st))
		lab_bail("cannot run a child");
	return WEXITSTATUS(st);
}
