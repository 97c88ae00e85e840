/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine of the laboratory: a process with a network of its own that answers on a few ports, asks somebody else for a page every
 * second, so that there is something to be seen, and tells whether an address answers it. What the tutorial says of the rules is
 * what real packets met.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tutorial.h"

#define PATIENCE_MS 2000 /* of a question: the first packet is sent again in this time */
#define HASTE_MS 300     /* of the page that is asked for every second */
#define EVERY_MS 1000
#define PORTS_MAX 4
#define QUESTIONS 3      /* the descriptor behind the standard ones */

struct question {
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
};

union endpoint {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t endpoint_of(const char *address, uint16_t port, union endpoint *to)
{
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, address, &to->in.sin_addr) == 1) {
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(port);
		return sizeof(to->in);
	}
	if (inet_pton(AF_INET6, address, &to->in6.sin6_addr) != 1)
		return 0;
	to->in6.sin6_family = AF_INET6;
	to->in6.sin6_port = htons(port);
	return sizeof(to->in6);
}

/* ---- it asks ---- */

static int connected(int fd, int patience)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int code = 0;

	if (poll(&p, 1, patience) < 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) ? errno : code;
}

static int try(const char *address, uint16_t port, int patience)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	union endpoint to;
	socklen_t size = endpoint_of(address, port, &to);
	int fd = size ? socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1, code = 0;

	if (fd < 0)
		return size ? errno : EINVAL;
	if (connect(fd, &to.any, size))
		code = errno == EINPROGRESS ? connected(fd, patience) : errno;
	if (!code)
		(void)!send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	(void)close(fd);
	return code;
}

/* ---- it answers ---- */

static int listen_on(uint16_t port, bool inet6)
{
	union endpoint at;
	socklen_t size = endpoint_of(inet6 ? "::" : "0.0.0.0", port, &at);
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &at.any, size) || listen(fd, 16)) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	return fd;
}

static void answer(int listening, uint16_t port)
{
	static const char page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nthe web of the tutorial\n", ssh[] = "SSH-2.0-tutorial\r\n";
	struct timeval patience = { .tv_usec = 100000 };
	char request[512];
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (port == 22) {
		(void)!send(fd, ssh, sizeof(ssh) - 1, MSG_NOSIGNAL);
	} else {
		(void)!recv(fd, request, sizeof(request), 0);
		(void)!send(fd, page, sizeof(page) - 1, MSG_NOSIGNAL);
	}
	(void)close(fd);
}

static void serve_questions(int fd)
{
	struct question q;
	int code;

	if (recv(fd, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
		_exit(0); /* who asks is gone */
	q.address[sizeof(q.address) - 1] = '\0';
	code = try(q.address, q.port, PATIENCE_MS);
	(void)!send(fd, &code, sizeof(code), MSG_NOSIGNAL);
}

static _Noreturn void serve(const struct lab_host *h, const struct pollfd *ports, size_t n, int questions)
{
	for (;;) {
		struct pollfd on[PORTS_MAX + 1] = { { .fd = questions, .events = POLLIN } };
		int ready;

		memcpy(on + 1, ports, n * sizeof(*on));
		ready = poll(on, n + 1, h->asks ? EVERY_MS : -1);
		if (ready <= 0) {
			if (h->asks)
				(void)try(h->asks, 80, HASTE_MS);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			if (on[i + 1].revents)
				answer(on[i + 1].fd, h->ports[i]);
		if (on[0].revents)
			serve_questions(questions);
	}
}

/* ---- its beginning ---- */

static int join(const struct lab_host *h, bool inet6)
{
	int rc = h->device ? lab_link_up("lo") : 0;

	if (!rc && h->device)
		rc = lab_link_up("eth0");
	for (size_t i = 0; !rc && h->device && i < (inet6 ? 2 : 1); i++) {
		rc = lab_link_address("eth0", h->address[i], i ? 64 : 24);
		if (!rc)
			rc = lab_link_gateway(h->gateway[i]);
	}
	return rc;
}

static _Noreturn void live(const struct lab_host *h, bool inet6, int fd)
{
	static const int keys[] = { SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGPIPE };
	struct pollfd ports[PORTS_MAX] = { { 0 } };
	int rc = h->device && unshare(CLONE_NEWNET) ? -errno : 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t n = 0;

	(void)prctl(PR_SET_NAME, "ptsh-host");
	for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
		(void)signal(keys[i], SIG_IGN);
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i);
	/* What is open here keeps others waiting for its end. */
	if (dup2(fd, QUESTIONS) < 0)
		_exit(1);
	fd = QUESTIONS;
	(void)close_range(QUESTIONS + 1, ~0u, 0);
	(void)!send(fd, &rc, sizeof(rc), MSG_NOSIGNAL); /* it has its network … */
	if (recv(fd, &rc, sizeof(rc), 0) != (ssize_t)sizeof(rc)) /* … which has its link */
		_exit(0);
	if (!rc)
		rc = join(h, inet6);
	for (; !rc && n < PORTS_MAX && h->ports[n]; n++) {
		ports[n] = (struct pollfd){ .fd = listen_on(h->ports[n], inet6), .events = POLLIN };
		if (ports[n].fd < 0)
			rc = ports[n].fd;
	}
	(void)!send(fd, &rc, sizeof(rc), MSG_NOSIGNAL);
	if (rc)
		_exit(1);
	serve(h, ports, n, fd);
}

static int heard(int fd)
{
	int rc;

	return recv(fd, &rc, sizeof(rc), 0) == (ssize_t)sizeof(rc) ? rc : -EPIPE;
}

int lab_host_start(const struct lab_host *h, bool inet6, struct lab_process *p)
{
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	p->pid = fork();
	if (!p->pid) {
		(void)close(fds[0]);
		live(h, inet6, fds[1]);
	}
	rc = p->pid < 0 ? -errno : 0;
	(void)close(fds[1]);
	p->fd = fds[0];
	if (!rc)
		rc = heard(p->fd);
	if (!rc && h->device)
		rc = lab_link_pair(h->device, "eth0", p->pid);
	if (!rc && send(p->fd, &rc, sizeof(rc), MSG_NOSIGNAL) < 0)
		rc = -errno;
	return rc ? rc : heard(p->fd);
}

int lab_host_asks(const struct lab_process *p, const char *address, uint16_t port)
{
	struct question q = { .port = port };
	int code;

	memcpy(q.address, address, strnlen(address, sizeof(q.address) - 1));
	if (send(p->fd, &q, sizeof(q), MSG_NOSIGNAL) < 0 || recv(p->fd, &code, sizeof(code), 0) != (ssize_t)sizeof(code))
		return EPIPE;
	return code;
}
