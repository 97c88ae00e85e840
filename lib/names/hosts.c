/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file /etc/hosts, which is asked first, as everywhere: "ADDRESS NAME [ALIAS...]", '#' begins a comment. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names/internal.h"

#define SYSTEM_MAX ((size_t)4 << 20)
#define BLANKS " \t\r"

/* These files are the system's: what the C library takes is good enough, links (of systemd-resolved and others) too. */
int names_read(const char *path, char **text)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct pt_buf b = { 0 };
	char chunk[4096];
	ssize_t n;

	*text = NULL;
	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && b.n < SYSTEM_MAX)
		pt_buf_add(&b, chunk, (size_t)n);
	close(fd);
	pt_buf_add(&b, "", 0);
	if (n || b.err) {
		pt_buf_fini(&b);
		return b.err ? b.err : -EIO;
	}
	*text = b.s;
	return 0;
}

struct hosts {
	struct names_question *q; /* sorted by name, a family behind the other */
	size_t n;
	struct pt_arena *arena;
};

/* Both families of a name that is in the file are the file's: a name with an IPv4 address there has no IPv6 address. */
static int add(struct hosts *h, const char *name, struct pt_addr addr)
{
	char *plain = pt_host_name_plain(h->arena, name);
	int rc = plain ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < h->n; i++) {
		struct names_question *q = &h->q[i];

		if (strcmp(q->name, plain) != 0)
			continue;
		q->ttl = NAMES_HOSTS_TTL;
		if (q->state == PT_NAME_NEVER)
			q->state = PT_NAME_NONE;
		if (q->af != addr.af || q->addresses.n >= PT_NAME_ADDRESSES_MAX)
			continue;
		q->state = PT_NAME_OK;
		rc = pt_vec_push(h->arena, &q->addresses, addr);
	}
	return rc;
}

static int read_line(struct hosts *h, char *line)
{
	char *rest, *word;
	struct pt_addr addr;
	int rc = 0;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	if (!word || pt_addr_parse(word, &addr))
		return 0;
	while (!rc && (word = strtok_r(NULL, BLANKS, &rest)))
		if (pt_host_name_ok(word))
			rc = add(h, word, addr);
	return rc;
}

int names_hosts(const char *path, struct names_question *q, size_t n, struct pt_arena *a)
{
	struct hosts h = { .q = q, .n = n, .arena = a };
	char *text, *line, *rest;
	int rc = names_read(path, &text);

	if (rc)
		return rc == -ENOMEM ? rc : 0; /* a machine without the file asks the DNS */
	for (line = strtok_r(text, "\n", &rest); !rc && line; line = strtok_r(NULL, "\n", &rest))
		rc = read_line(&h, line);
	free(text);
	return rc;
}
