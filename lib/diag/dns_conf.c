/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolv.conf(5): which servers this machine asks, and where it looks for names without dots. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <netinet/in.h>

#include "diag/address.h"
#include "diag/dns.h"

#define SEARCH_MAX 32
#define FILE_MAX 65536

int pt_dns_server_parse(const char *s, uint16_t port, struct pt_dns_server *out)
{
	size_t n = strcspn(s, "%");
	uint32_t zone;
	char text[64];

	memset(out, 0, sizeof(*out));
	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (pt_addr_parse(text, &out->address))
		return -EINVAL;
	zone = s[n] && out->address.af == PT_AF_INET6 ? if_nametoindex(s + n + 1) : 0;
	out->len = sockaddr_of(out->address, port, zone, &out->addr);
	return s[n] && !zone ? -EINVAL : 0;
}

static int read_line(char *line, struct pt_arena *a, struct pt_dns_conf *out)
{
	char *rest, *word = strtok_r(line, " \t\r", &rest);
	struct pt_dns_server s;
	uint64_t v;
	int rc = 0;

	if (!word || *word == '#' || *word == ';')
		return 0;
	if (!strcmp(word, "nameserver")) {
		word = strtok_r(NULL, " \t\r", &rest);
		if (word && out->servers.n < PT_DNS_SERVERS_MAX && !pt_dns_server_parse(word, PT_DNS_PORT, &s))
			rc = pt_vec_push(a, &out->servers, s);
		return rc;
	}
	if (!strcmp(word, "search") || !strcmp(word, "domain")) {
		out->search.n = 0; /* the last one counts */
		while (!rc && out->search.n < SEARCH_MAX && (word = strtok_r(NULL, " \t\r", &rest)))
			rc = pt_vec_push(a, &out->search, word);
		return rc;
	}
	while (!strcmp(word, "options") && (line = strtok_r(NULL, " \t\r", &rest)))
		if (!strncmp(line, "ndots:", 6) && !pt_parse_uint(line + 6, 15, &v))
			out->ndots = (unsigned int)v;
	return 0;
}

int pt_dns_conf_read(const char *text, struct pt_arena *a, struct pt_dns_conf *out)
{
	char *copy = pt_arena_strdup(a, text), *rest, *line;
	int rc = copy ? 0 : -ENOMEM;

	memset(out, 0, sizeof(*out));
	out->ndots = 1;
	for (line = rc ? NULL : strtok_r(copy, "\n", &rest); !rc && line; line = strtok_r(NULL, "\n", &rest))
		rc = read_line(line, a, out);
	return rc;
}

/* Programs of the system write it, by links into /run: read like any file, but bounded. */
int pt_dns_conf_load(const char *path, struct pt_arena *a, struct pt_dns_conf *out, struct pt_err *e)
{
	char text[FILE_MAX + 1];
	size_t n = 0;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return pt_err_sys(e, -errno, "reading %s", path);
	while (got > 0 && n < FILE_MAX) {
		got = read(fd, text + n, FILE_MAX - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return pt_err_sys(e, (int)got, "reading %s", path);
	text[n] = '\0';
	return pt_dns_conf_read(text, a, out);
}
