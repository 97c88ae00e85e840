/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peer - both ends of the demonstration's traffic, in one small program.
 *
 * A fresh machine has no web server, no client and not even ping; and none of those
 * would say which address the far side saw. This one does: every server tells the
 * client who it is.
 *
 *   peer serve NAME tcp/80 tcp/22 udp/53 ...   port 22 greets as SSH does, others speak HTTP
 *   peer tcp ADDRESS PORT [SOURCE]
 *   peer udp ADDRESS PORT [SOURCE]
 *   peer ping ADDRESS [SOURCE]
 *
 * A client prints one word and, when answered, "NAME ADDRESS": who answered, and whom it saw.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define SERVERS_MAX 32

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int usage(void)
{
	(void)fputs("usage: peer serve NAME PROTO/PORT ... | tcp|udp ADDRESS PORT [SOURCE] |"
		    " ping ADDRESS [SOURCE]\n",
		    stderr);
	return 2;
}

static int parse_port(const char *s, in_port_t *port)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (end == s || *end || v > 65535)
		return -1;
	*port = htons((uint16_t)v);
	return 0;
}

static socklen_t parse_address(const char *s, in_port_t port, union sockaddr_any *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, s, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = port;
		return sizeof(a->in);
	}
	if (inet_pton(AF_INET6, s, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = port;
		return sizeof(a->in6);
	}
	return 0;
}

/* As a person writes it: an IPv4 client of a dual-stack server is not "::ffff:…". */
static void format_address(const union sockaddr_any *a, char *out, size_t size)
{
	if (a->sa.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &a->in.sin_addr, out, (socklen_t)size);
	else if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		(void)inet_ntop(AF_INET, &a->in6.sin6_addr.s6_addr[12], out, (socklen_t)size);
	else
		(void)inet_ntop(AF_INET6, &a->in6.sin6_addr, out, (socklen_t)size);
}

/* ---- servers ---- */

struct server {
	int fd;
	int type;
	in_port_t port;
};

static int server_open(struct server *s, const char *spec)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	int on = 1, off = 0;

	if (strncmp(spec, "tcp/", 4) == 0)
		s->type = SOCK_STREAM;
	else if (strncmp(spec, "udp/", 4) == 0)
		s->type = SOCK_DGRAM;
	else
		return -1;
	if (parse_port(spec + 4, &s->port) < 0)
		return -1;
	a.sin6_port = s->port;
	s->fd = socket(AF_INET6, s->type | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	if (setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    (s->type == SOCK_STREAM && listen(s->fd, 16) < 0))
		return -1;
	return 0;
}

static void serve_tcp(const struct server *s, const char *name)
{
	char who[INET6_ADDRSTRLEN] = "", body[160], text[512], request[512];
	struct timeval patience = { .tv_sec = 1 };
	union sockaddr_any a = { 0 };
	socklen_t len = sizeof(a);
	int fd, n;

	fd = accept4(s->fd, &a.sa, &len, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	format_address(&a, who, sizeof(who));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (s->port == htons(22)) {
		n = snprintf(text, sizeof(text), "SSH-2.0-demo %s %s\r\n", name, who);
	} else {
		if (recv(fd, request, sizeof(request), 0) <= 0)
			goto out;
		n = snprintf(body, sizeof(body), "%s %s\n", name, who);
		n = snprintf(text, sizeof(text),
			     "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
			     "Connection: close\r\n\r\n%s",
			     n, body);
	}
	if (n > 0)
		(void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
	/* Closing with something unread would reset the connection under the answer. */
	(void)shutdown(fd, SHUT_WR);
	(void)recv(fd, request, sizeof(request), 0);
out:
	close(fd);
}

/* The answer leaves from the address that was asked, which need not be the machine's first one. */
static void serve_udp(const struct server *s, const char *name)
{
	char who[INET6_ADDRSTRLEN] = "", text[512], control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	union sockaddr_any a = { 0 };
	struct msghdr msg = {
		.msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct in6_pktinfo where;
	struct cmsghdr *c;
	int n;

	if (recvmsg(s->fd, &msg, 0) < 0)
		return;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&where, CMSG_DATA(c), sizeof(where));
		where.ipi6_ifindex = 0; /* any way out: the routing table decides */
		memcpy(CMSG_DATA(c), &where, sizeof(where));
	} else {
		msg.msg_controllen = 0;
	}
	format_address(&a, who, sizeof(who));
	n = snprintf(text, sizeof(text), "%s %s\n", name, who);
	if (n > 0) {
		iov.iov_len = (size_t)n;
		(void)sendmsg(s->fd, &msg, 0);
	}
}

static int serve(const char *name, int n, char **specs)
{
	struct server servers[SERVERS_MAX];
	struct pollfd fds[SERVERS_MAX];

	if (n < 1 || n > SERVERS_MAX)
		return usage();
	for (int i = 0; i < n; i++) {
		if (server_open(&servers[i], specs[i]) < 0) {
			(void)fprintf(stderr, "peer: cannot serve %s: %s\n", specs[i], strerror(errno));
			return 1;
		}
		fds[i] = (struct pollfd){ .fd = servers[i].fd, .events = POLLIN };
	}
	for (;;) {
		if (poll(fds, (nfds_t)n, -1) < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < n; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			if (servers[i].type == SOCK_STREAM)
				serve_tcp(&servers[i], name);
			else
				serve_udp(&servers[i], name);
		}
	}
}

/* ---- clients ---- */

static int report(int code)
{
	switch (code) {
	case ECONNREFUSED:
	case ECONNRESET:
		puts("refused");
		break;
	case ETIMEDOUT:
		puts("silence");
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
		puts("unreachable");
		break;
	default:
		printf("error %s\n", strerror(code));
		return 2;
	}
	return 1;
}

/* 0 or an errno. */
static int wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	socklen_t len = sizeof(int);
	int n, code = 0;

	n = poll(&p, 1, PATIENCE_MS);
	if (n < 0)
		return errno;
	if (n == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		return errno;
	return code;
}

static int open_to(const char *dst, in_port_t port, const char *src, int type, int proto, int *out)
{
	union sockaddr_any a, from;
	socklen_t len, from_len = 0;
	int fd, on = 1;

	len = parse_address(dst, port, &a);
	if (src)
		from_len = parse_address(src, 0, &from);
	if (!len || (src && !from_len))
		return EINVAL;
	fd = socket(a.sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	if (fd < 0)
		return errno;
	*out = fd;
	/* Errors of ICMP reach a UDP socket at once. */
	if (a.sa.sa_family == AF_INET)
		(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	if (src && bind(fd, &from.sa, from_len) < 0)
		return errno;
	if (connect(fd, &a.sa, len) < 0 && errno != EINPROGRESS)
		return errno;
	return type == SOCK_STREAM ? wait_for(fd, POLLOUT) : 0;
}

/* The last line of an answer: "NAME ADDRESS". */
static void print_answer(char *text)
{
	char *p;

	p = strstr(text, "\r\n\r\n");
	p = p ? p + 4 : text;
	if (strncmp(p, "SSH-2.0-demo ", 13) == 0)
		p += 13;
	p[strcspn(p, "\r\n")] = '\0';
	printf("answered %s\n", p);
}

static int ask(const char *dst, const char *port_text, const char *src, int type)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	char text[1024];
	in_port_t port;
	int fd = -1, code;
	ssize_t n;

	if (parse_port(port_text, &port) < 0)
		return usage();
	code = open_to(dst, port, src, type, 0, &fd);
	if (code)
		goto out;
	if (port != htons(22) && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
		code = errno;
		goto out;
	}
	code = wait_for(fd, POLLIN);
	if (code)
		goto out;
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		code = errno;
	else if (n == 0)
		code = ECONNRESET;
	else
		text[n] = '\0';
out:
	if (fd >= 0)
		close(fd);
	if (code)
		return report(code);
	print_answer(text);
	return 0;
}

/* The reply of our own echo: raw sockets see everything that arrives. */
static int wait_echo(int fd, bool v6, uint16_t id)
{
	struct timeval start, now;
	uint8_t buf[1500];

	(void)gettimeofday(&start, NULL);
	for (;;) {
		struct icmphdr icmp;
		size_t skip;
		ssize_t n;
		int code = wait_for(fd, POLLIN);

		if (code)
			return code;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			return errno;
		skip = v6 ? 0 : (size_t)(buf[0] & 15) * 4;
		if ((size_t)n >= skip + sizeof(icmp)) {
			memcpy(&icmp, buf + skip, sizeof(icmp));
			if (icmp.type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
			    icmp.un.echo.id == id)
				return 0;
		}
		(void)gettimeofday(&now, NULL);
		if (now.tv_sec - start.tv_sec > 2)
			return ETIMEDOUT;
	}
}

static uint16_t echo_checksum(uint16_t id)
{
	uint32_t sum = (uint32_t)(ICMP_ECHO << 8) + ntohs(id);

	return htons((uint16_t)~(sum + (sum >> 16)));
}

static int ping(const char *dst, const char *src)
{
	struct icmphdr icmp = { 0 };
	bool v6 = strchr(dst, ':') != NULL;
	int fd = -1, code;

	icmp.type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	icmp.un.echo.id = htons((uint16_t)getpid());
	/* Of the header only type and number are not zero. For IPv6 the kernel does it. */
	if (!v6)
		icmp.checksum = echo_checksum(icmp.un.echo.id);
	code = open_to(dst, 0, src, SOCK_RAW, v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP, &fd);
	if (!code && send(fd, &icmp, sizeof(icmp), 0) < 0)
		code = errno;
	if (!code)
		code = wait_echo(fd, v6, icmp.un.echo.id);
	if (fd >= 0)
		close(fd);
	if (code)
		return report(code);
	puts("answered");
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0 && argc > 3)
		return serve(argv[2], argc - 3, argv + 3);
	if (strcmp(verb, "tcp") == 0 && (argc == 4 || argc == 5))
		return ask(argv[2], argv[3], argv[4], SOCK_STREAM);
	if (strcmp(verb, "udp") == 0 && (argc == 4 || argc == 5))
		return ask(argv[2], argv[3], argv[4], SOCK_DGRAM);
	if (strcmp(verb, "ping") == 0 && (argc == 3 || argc == 4))
		return ping(argv[2], argv[3]);
	return usage();
}
