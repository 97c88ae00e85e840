/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/socket_raw - raw sockets where the kernel was built without raw_diag, as many are: the table in /proc says the
 * same but for the device. Its addresses are the words of memory, in hexadecimal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diag/socket.h"

#define TABLE_MAX ((size_t)4 << 20)

static bool address(const char *hex, enum pt_af af, struct pt_addr *out)
{
	size_t words = af == PT_AF_INET ? 1 : 4;
	uint8_t bytes[16];

	if (strlen(hex) != 8 * words)
		return false;
	for (size_t i = 0; i < words; i++) {
		unsigned int word;

		if (sscanf(hex + 8 * i, "%8x", &word) != 1) /* NOLINT(cert-err34-c): eight digits fit */
			return false;
		memcpy(bytes + 4 * i, &word, 4);
	}
	*out = pt_addr_from_bytes(bytes, 4 * words);
	return true;
}

static bool parse_line(const char *line, enum pt_af af, struct pt_socket *s)
{
	unsigned int lport, rport, state, sends, receives;
	char local[33], remote[33];
	unsigned long inode;

	/* NOLINTNEXTLINE(cert-err34-c): as many digits as fit */
	if (sscanf(line, " %*9[0-9]: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x %8x:%8x %*2x:%*8x %*8x %9u %*9u %10lu", local,
		   &lport, remote, &rport, &state, &sends, &receives, &s->uid, &inode) != 9)
		return false;
	s->protocol = PT_SOCKET_RAW;
	s->af = af;
	s->state = (uint8_t)state;
	s->lport = (uint16_t)lport;
	s->rport = (uint16_t)rport;
	s->send_queue = sends;
	s->receive_queue = receives;
	s->inode = (uint32_t)inode;
	s->has_uid = true;
	return address(local, af, &s->local) && address(remote, af, &s->remote);
}

int socket_parse_raw(struct pt_sockets *out, const struct pt_socket_filter *f, enum pt_af af, const char *text,
		     size_t len)
{
	char line[256];

	for (size_t at = 0, n; at < len; at += n + 1) {
		const char *end = memchr(text + at, '\n', len - at);
		struct pt_socket s = { 0 };

		n = end ? (size_t)(end - (text + at)) : len - at;
		if (n >= sizeof(line))
			continue;
		memcpy(line, text + at, n);
		line[n] = '\0';
		/* Such as the line with the names of the columns. */
		if (!parse_line(line, af, &s) || !socket_is_asked(f, &s))
			continue;
		if (pt_vec_push(out->arena, &out->v, s))
			return -ENOMEM;
	}
	return 0;
}

static int read_table(struct pt_sockets *out, const struct pt_socket_filter *f, enum pt_af af, const char *path)
{
	struct pt_buf b = { 0 };
	char piece[4096];
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	while (b.n < TABLE_MAX && (n = read(fd, piece, sizeof(piece))) > 0)
		pt_buf_add(&b, piece, (size_t)n);
	rc = n < 0 ? -errno : b.err;
	close(fd);
	if (!rc && b.s)
		rc = socket_parse_raw(out, f, af, b.s, b.n);
	pt_buf_fini(&b);
	return rc;
}

int socket_read_raw(struct pt_sockets *out, const struct pt_socket_filter *f)
{
	int rc = f->af == PT_AF_INET6 ? 0 : read_table(out, f, PT_AF_INET, "/proc/thread-self/net/raw");

	return rc || f->af == PT_AF_INET ? rc : read_table(out, f, PT_AF_INET6, "/proc/thread-self/net/raw6");
}
