/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probes: questions whose answers show that the change did not cut anything off. "tcp 192.0.2.1:22" is answered when a connection
 * comes about, "icmp 192.0.2.1" by an echo, "dns example.org @192.0.2.53" by any answer of that server to the question for the
 * name's address but that it failed. Each is asked again and again until it is answered or the time is over.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ptconf.h"

#define TRY_MS 1000
#define PAUSE_US 200000
#define DNS_PORT 53

struct where {
	struct sockaddr_storage addr;
	socklen_t len;
	int family;
};

struct one {
	const char *text;
	bool (*ask)(const struct one *p, int wait_ms);
	struct where to;
	char name[254];
	bool answered;
};

struct probe {
	size_t n;
	struct one v[];
};

/* ---- reading ---- */

static int place(const char *address, uint16_t port, struct where *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		out->len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		out->len = sizeof(*v6);
	} else {
		return -EINVAL;
	}
	out->family = out->addr.ss_family;
	return 0;
}

/* "192.0.2.1:22", "[2001:db8::1]:22" */
static int address_and_port(const char *text, struct where *out)
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *colon = strrchr(text, ':');
	size_t skip = text[0] == '[', n = colon ? (size_t)(colon - text) : 0;
	uint64_t port;

	if (!colon || n >= sizeof(address) + 1 || n < 2 * skip || pt_parse_uint(colon + 1, UINT16_MAX, &port) || !port)
		return -EINVAL;
	if (skip && text[n - 1] != ']')
		return -EINVAL;
	n -= 2 * skip;
	if (n >= sizeof(address))
		return -EINVAL;
	memcpy(address, text + skip, n);
	address[n] = '\0';
	return place(address, (uint16_t)port, out);
}

static bool ask_tcp(const struct one *p, int wait_ms);
static bool ask_icmp(const struct one *p, int wait_ms);
static bool ask_dns(const struct one *p, int wait_ms);

static bool is_name(const char *name)
{
	size_t label = 0, n = strlen(name);

	if (!n || n > 253)
		return false;
	for (const char *s = name; *s; s++) {
		label = *s == '.' ? 0 : label + 1;
		if ((*s == '.' && (s == name || s[-1] == '.')) || label > 63 || (unsigned char)*s <= ' ' || (unsigned char)*s > '~')
			return false;
	}
	return true;
}

static int parse(const char *text, struct one *out)
{
	char kind[8], a[300], b[300], rest;
	int n = sscanf(text, "%7s %299s %299s %c", kind, a, b, &rest);

	memset(out, 0, sizeof(*out));
	out->text = text;
	if (n == 2 && !strcmp(kind, "tcp")) {
		out->ask = ask_tcp;
		return address_and_port(a, &out->to);
	}
	if (n == 2 && !strcmp(kind, "icmp")) {
		out->ask = ask_icmp;
		return place(a, 0, &out->to);
	}
	if (n == 3 && !strcmp(kind, "dns") && b[0] == '@' && is_name(a)) {
		out->ask = ask_dns;
		snprintf(out->name, sizeof(out->name), "%.253s", a); /* as is_name() has it */
		return place(b + 1, DNS_PORT, &out->to);
	}
	return -EINVAL;
}

int probes_parse(struct pt_cli *c, struct probe **out)
{
	struct probe *p;

	*out = NULL;
	if (!c->probes.n)
		return 0;
	p = calloc(1, sizeof(*p) + c->probes.n * sizeof(p->v[0]));
	if (!p)
		return -ENOMEM;
	for (; p->n < c->probes.n; p->n++)
		if (parse(c->probes.v[p->n], &p->v[p->n])) {
			(void)pt_cli_usage(c, "'%s' is no probe: \"tcp ADDRESS:PORT\", \"icmp ADDRESS\" or \"dns NAME @ADDRESS\"",
					   c->probes.v[p->n]);
			free(p);
			return PT_EXIT_CONFIG;
		}
	*out = p;
	return 0;
}

void probes_free(struct probe *p)
{
	free(p);
}

/* ---- asking ---- */

static bool wait_for(int fd, short events, int wait_ms)
{
	struct pollfd f = { .fd = fd, .events = events };

	return poll(&f, 1, wait_ms) == 1;
}

static bool ask_tcp(const struct one *p, int wait_ms)
{
	int fd = socket(p->to.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failed = 1;
	socklen_t len = sizeof(failed);

	if (fd < 0)
		return false;
	if (!connect(fd, (const struct sockaddr *)&p->to.addr, p->to.len))
		failed = 0;
	else if (errno == EINPROGRESS && wait_for(fd, POLLOUT, wait_ms) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len))
		failed = 1;
	close(fd);
	return !failed;
}

static uint16_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

/* Our echo among what comes: of IPv4 the header of the packet comes with it. */
static bool is_echo(const uint8_t *in, size_t n, bool v6, uint32_t id)
{
	size_t skip = v6 || !n ? 0 : (size_t)(in[0] & 15) * 4;

	return n >= skip + 8 && in[skip] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && !memcmp(in + skip + 4, &id, 4);
}

static bool ask_icmp(const struct one *p, int wait_ms)
{
	bool v6 = p->to.family == AF_INET6, answered = false;
	int fd = socket(p->to.family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	uint64_t end = pt_boottime() + (uint64_t)wait_ms * 1000000u;
	uint8_t out[16] = { v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO }, in[2048];
	uint32_t id = 0;
	uint16_t check;

	if (fd < 0)
		return false;
	(void)!getrandom(&id, sizeof(id), 0);
	memcpy(out + 4, &id, sizeof(id));
	check = v6 ? 0 : sum(out, sizeof(out)); /* the kernel counts that of IPv6 */
	memcpy(out + 2, &check, sizeof(check));
	if (sendto(fd, out, sizeof(out), 0, (const struct sockaddr *)&p->to.addr, p->to.len) < 0)
		wait_ms = 0;
	while (wait_ms > 0 && !answered && wait_for(fd, POLLIN, wait_ms)) {
		ssize_t n = recv(fd, in, sizeof(in), 0);

		answered = n > 0 && is_echo(in, (size_t)n, v6, id);
		wait_ms = (int)((int64_t)(end - pt_boottime()) / 1000000);
	}
	close(fd);
	return answered;
}

/* RFC 1035 section 4.1: one question of class IN for the A record. */
static size_t question(const char *name, uint16_t id, uint8_t out[300])
{
	size_t n = 12;

	memset(out, 0, 12);
	memcpy(out, &id, 2);
	out[2] = 1; /* recursion desired */
	out[5] = 1;
	while (*name) {
		size_t label = strcspn(name, ".");

		out[n++] = (uint8_t)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	memcpy(out + n, "\0\0\1\0\1", 5);
	return n + 5;
}

static bool ask_dns(const struct one *p, int wait_ms)
{
	int fd = socket(p->to.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint8_t out[300], in[4096];
	bool answered = false;
	uint16_t id = 0;
	size_t len;
	ssize_t n;

	if (fd < 0)
		return false;
	(void)!getrandom(&id, sizeof(id), 0);
	len = question(p->name, id, out);
	if (!connect(fd, (const struct sockaddr *)&p->to.addr, p->to.len) && send(fd, out, len, 0) == (ssize_t)len &&
	    wait_for(fd, POLLIN, wait_ms)) {
		n = recv(fd, in, sizeof(in), 0);
		/* An answer to this question that is not "server failure", "not implemented" or "refused". */
		answered = n >= 12 && !memcmp(in, &id, 2) && (in[2] & 0x80) && ((in[3] & 15) == 0 || (in[3] & 15) == 3);
	}
	close(fd);
	return answered;
}

bool probes_run(struct probe *p, uint64_t deadline, const char **which)
{
	for (;;) {
		*which = NULL;
		for (size_t i = 0; i < p->n; i++) {
			int64_t left = ((int64_t)(deadline - pt_boottime())) / 1000000;

			if (!p->v[i].answered && left > 0)
				p->v[i].answered = p->v[i].ask(&p->v[i], left < TRY_MS ? (int)left : TRY_MS);
			if (!p->v[i].answered && !*which)
				*which = p->v[i].text;
		}
		if (!*which)
			return true;
		if ((int64_t)(deadline - pt_boottime()) <= 0)
			return false;
		usleep(PAUSE_US);
	}
}
