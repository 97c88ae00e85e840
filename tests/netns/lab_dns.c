/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See lab_dns.h. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/lab_dns.h"

#define UDP_MAX 512

struct reply {
	uint8_t buf[65536];
	size_t n;
	uint16_t answers;
	uint16_t type; /* asked for */
};

static void put16(struct reply *r, unsigned int v)
{
	r->buf[r->n++] = (uint8_t)(v >> 8);
	r->buf[r->n++] = (uint8_t)v;
}

static void put_name(struct reply *r, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		r->buf[r->n++] = (uint8_t)n;
		memcpy(r->buf + r->n, name, n);
		r->n += n;
		name += n + (name[n] == '.');
	}
	r->buf[r->n++] = 0;
}

static void put_record(struct reply *r, const char *owner, uint16_t type, uint32_t ttl)
{
	put_name(r, owner);
	put16(r, type);
	put16(r, ns_c_in);
	put16(r, ttl >> 16);
	put16(r, ttl & 0xffff);
	r->answers++;
}

static void put_alias(struct reply *r, const char *owner, uint32_t ttl, const char *target)
{
	size_t at;

	put_record(r, owner, ns_t_cname, ttl);
	at = r->n;
	put16(r, 0);
	put_name(r, target);
	r->buf[at] = (uint8_t)((r->n - at - 2) >> 8);
	r->buf[at + 1] = (uint8_t)(r->n - at - 2);
}

static void put_address(struct reply *r, const char *owner, uint32_t ttl, const char *text)
{
	uint8_t addr[16];
	bool six = strchr(text, ':');

	if (r->type != (six ? ns_t_aaaa : ns_t_a) || inet_pton(six ? AF_INET6 : AF_INET, text, addr) != 1)
		return;
	put_record(r, owner, r->type, ttl);
	put16(r, six ? 16 : 4);
	memcpy(r->buf + r->n, addr, six ? 16 : 4);
	r->n += six ? 16 : 4;
}

/* The line of NAME, in words; their number, 0: there is none. */
static size_t find(const char *zone, const char *name, char *line, size_t size, char **words, size_t max)
{
	FILE *f = fopen(zone, "r");
	size_t n = 0;
	char *rest;

	while (f && !n && fgets(line, (int)size, f)) {
		char *w = strtok_r(line, " \n", &rest);

		if (!w || strcasecmp(w, name) != 0)
			continue;
		for (; w && n < max; w = strtok_r(NULL, " \n", &rest))
			words[n++] = w;
	}
	if (f)
		fclose(f);
	return n;
}

/* The answer of NAME and what it is an alias of; the rcode, or -1: none. */
static int answer(struct reply *r, const char *zone, const char *name, int depth)
{
	static char lines[4][65536];
	char *words[2000] = { NULL };
	size_t n = find(zone, name, lines[depth], sizeof(lines[0]), words, 2000);

	if (n < 2)
		return ns_r_nxdomain;
	if (!strcmp(words[1], "silent"))
		return -1;
	if (!strcmp(words[1], "rcode"))
		return (int)strtol(words[2], NULL, 10);
	if (!strcmp(words[1], "cname") || !strcmp(words[1], "only")) {
		put_alias(r, name, (uint32_t)strtoul(words[2], NULL, 10), words[3]);
		if (words[1][0] == 'c' && depth < 3)
			(void)answer(r, zone, words[3], depth + 1);
		return ns_r_noerror;
	}
	if (!strcmp(words[1], "circle")) {
		put_alias(r, name, 60, "other.example");
		put_alias(r, "other.example", 60, name);
		return ns_r_noerror;
	}
	for (size_t i = 2; i < n; i++)
		put_address(r, name, (uint32_t)strtoul(words[1], NULL, 10), words[i]);
	return ns_r_noerror;
}

static void misbehave(struct reply *r, const char *zone, const char *name)
{
	static char line[65536];
	char *words[4];

	if (find(zone, name, line, sizeof(line), words, 4) < 2)
		return;
	if (!strcmp(words[1], "id"))
		r->buf[1] ^= 1;
	else if (!strcmp(words[1], "name"))
		r->buf[13] ^= 1;
	else if (!strcmp(words[1], "short"))
		r->n = 20;
	else if (!strcmp(words[1], "noise"))
		for (size_t i = 2; i < r->n; i++)
			r->buf[i] = (uint8_t)(i * 37);
}

/* Reads the question in Q, writes the reply; 0: none. */
static size_t reply_to(const char *zone, const uint8_t *q, size_t len, struct reply *r, bool stream)
{
	char name[300];
	size_t at = 12, n = 0;
	int rcode;

	if (len < 17)
		return 0;
	while (at < len && q[at] && n + q[at] + 2 < sizeof(name)) {
		memcpy(name + n, q + at + 1, q[at]);
		n += q[at];
		name[n++] = '.';
		at += q[at] + 1u;
	}
	name[n ? n - 1 : 0] = '\0';
	if (at + 5 > len)
		return 0;
	memset(r, 0, 12);
	memcpy(r->buf, q, at + 5);
	r->n = at + 5;
	r->answers = 0;
	r->type = (uint16_t)(q[at + 1] << 8 | q[at + 2]);
	rcode = answer(r, zone, name, 0);
	if (rcode < 0)
		return 0;
	r->buf[2] = 0x81;
	r->buf[3] = (uint8_t)(0x80 | rcode);
	r->buf[6] = (uint8_t)(r->answers >> 8);
	r->buf[7] = (uint8_t)r->answers;
	if (!stream && r->n > UDP_MAX) {
		r->n = at + 5;
		r->buf[2] |= 2;
		r->buf[6] = r->buf[7] = 0;
	}
	misbehave(r, zone, name);
	return r->n;
}

static void serve_datagram(const char *zone, int fd)
{
	static struct reply r;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t q[UDP_MAX];
	ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);

	if (n > 0 && reply_to(zone, q, (size_t)n, &r, false))
		(void)!sendto(fd, r.buf, r.n, 0, (struct sockaddr *)&from, len);
}

static void serve_stream(const char *zone, int fd)
{
	static struct reply r;
	int s = accept(fd, NULL, NULL);
	uint8_t q[UDP_MAX + 2], size[2];
	ssize_t n = recv(s, q, sizeof(q), 0);

	if (n > 2 && reply_to(zone, q + 2, (size_t)n - 2, &r, true)) {
		size[0] = (uint8_t)(r.n >> 8);
		size[1] = (uint8_t)r.n;
		(void)!send(s, size, 2, MSG_NOSIGNAL | MSG_MORE);
		(void)!send(s, r.buf, r.n, MSG_NOSIGNAL);
	}
	close(s);
}

void lab_dns_serve(const char *zone, uint16_t port, int fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	struct pollfd fds[2] = { { .fd = udp, .events = POLLIN }, { .fd = tcp, .events = POLLIN } };
	socklen_t len = sizeof(a);

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(udp, (struct sockaddr *)&a, sizeof(a)) || getsockname(udp, (struct sockaddr *)&a, &len) ||
	    bind(tcp, (struct sockaddr *)&a, sizeof(a)) || listen(tcp, 5))
		_exit(1);
	dprintf(fd, "%u\n", ntohs(a.sin_port));
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			_exit(1);
		if (fds[0].revents)
			serve_datagram(zone, udp);
		if (fds[1].revents)
			serve_stream(zone, tcp);
	}
}
