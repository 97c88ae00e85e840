/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of links, addresses and routes was put in force last: all texts of that configuration, in one file of each network
 * namespace under /run, which outlives the apply but not the boot, as the kernel's state does. Whoever watches over the
 * interfaces wants nothing else than what is in it. No text has a NUL, so NULs stand between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/network.h"

#define VERSION "patronus network 1"
#define NOTE_MAX ((size_t)1 << 30)

/* The number of a network namespace that no other one gets until the next boot, other than that of its file. */
void network_note_path(char *out, size_t size)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);
	struct stat st;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &n))
		cookie = stat("/proc/thread-self/ns/net", &st) ? 0 : (uint64_t)st.st_ino; /* before Linux 5.14 */
	if (fd >= 0)
		close(fd);
	snprintf(out, size, PT_RUN_DIR "/network.%llu", (unsigned long long)cookie);
}

static void put_field(struct pt_buf *b, const char *s, size_t n)
{
	pt_buf_add(b, s, n);
	pt_buf_chr(b, '\0');
}

int network_note_write(const struct pt_conf *c, struct pt_err *e)
{
	char path[NETWORK_NOTE_PATH];
	struct pt_buf b = { 0 };
	int rc;

	network_note_path(path, sizeof(path));
	put_field(&b, VERSION, strlen(VERSION));
	put_field(&b, c->path, strlen(c->path));
	put_field(&b, c->text, c->len);
	for (size_t i = 1; i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];
		const char *name = s->anchor ? s->anchor : s->file;

		put_field(&b, s->anchor ? "anchor" : "file", s->anchor ? 6 : 4);
		put_field(&b, name, strlen(name));
		put_field(&b, s->text, s->len);
	}
	rc = b.err ? pt_err_sys(e, b.err, "noting what is in force") : pt_mkdirs(PT_RUN_DIR, e);
	if (!rc)
		rc = pt_file_write(path, b.s, b.n, 0600, e);
	pt_buf_fini(&b);
	return rc;
}

/* The next field from *AT on; NULL: the note ends within it. */
static const char *next_field(const char *note, size_t len, size_t *at)
{
	const char *field = note + *at, *end = *at < len ? memchr(field, 0, len - *at) : NULL;

	if (!end)
		return NULL;
	*at = (size_t)(end - note) + 1;
	return field;
}

int network_note_read(struct pt_conf **out, struct pt_err *e)
{
	PT_VEC(struct pt_conf_source) sources = { 0 };
	struct pt_conf_more more = { 0 };
	char path[NETWORK_NOTE_PATH], *note = NULL;
	const char *version, *name, *text;
	struct stat st;
	size_t len, at = 0;
	int rc;

	*out = NULL;
	network_note_path(path, sizeof(path));
	if (stat(path, &st))
		return -errno;
	rc = pt_file_read(path, NOTE_MAX, &note, &len, e);
	if (rc)
		return rc;
	version = next_field(note, len, &at);
	name = next_field(note, len, &at);
	text = next_field(note, len, &at);
	rc = version && name && text && !strcmp(version, VERSION) ? 0 : -EBADMSG;
	while (!rc && at < len) {
		const char *kind = next_field(note, len, &at), *called = next_field(note, len, &at);
		struct pt_conf_source s = { .text = next_field(note, len, &at) };

		if (!s.text) {
			rc = -EBADMSG;
			break;
		}
		s.len = strlen(s.text);
		*(strcmp(kind, "anchor") ? &s.file : &s.anchor) = called;
		rc = pt_vec_push(NULL, &sources, s);
	}
	more.v = sources.v;
	more.n = sources.n;
	if (rc)
		(void)pt_err_sys(e, rc, "reading %s", path);
	else
		rc = pt_conf_parse_more(name, text, strlen(text), &more, NULL, NULL, out, e);
	free(sources.v);
	free(note);
	return rc;
}
