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

bool network_note_changed(struct network_note_seen *seen)
{
	struct network_note_seen now = { .looked = true };
	char path[NETWORK_NOTE_PATH];
	bool changed;

	network_note_path(path, sizeof(path));
	if (stat(path, &now.st))
		memset(&now.st, 0, sizeof(now.st));
	changed = !seen->looked || now.st.st_ino != seen->st.st_ino || now.st.st_size != seen->st.st_size ||
		  memcmp(&now.st.st_mtim, &seen->st.st_mtim, sizeof(now.st.st_mtim)) != 0;
	*seen = now;
	return changed;
}

static void put_field(struct pt_buf *b, const char *s, size_t n)
{
	pt_buf_add(b, s, n);
	pt_buf_chr(b, '\0');
}

/* A source of no file: what network_same_write() has. */
#define SAME "same"

int network_note_write(const struct pt_conf *c, const char *same, struct pt_err *e)
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
	if (same) {
		put_field(&b, SAME, strlen(SAME));
		put_field(&b, "", 0);
		put_field(&b, same, strlen(same));
	}
	rc = b.err ? pt_err_sys(e, b.err, "noting what is in force") : pt_folder_make(PT_RUN_DIR, e);
	if (!rc)
		rc = pt_file_write(path, b.s, b.n, 0600, e);
	pt_buf_fini(&b);
	return rc;
}

void network_note_remove(void)
{
	char path[NETWORK_NOTE_PATH];

	network_note_path(path, sizeof(path));
	(void)unlink(path);
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

/* The whole note, NUL-terminated. */
static int read_note(char **note, size_t *len, struct pt_err *e)
{
	char path[NETWORK_NOTE_PATH];
	struct stat st;

	network_note_path(path, sizeof(path));
	return stat(path, &st) ? -errno : pt_file_read(path, NOTE_MAX, note, len, e);
}

struct part {
	const char *kind, *name, *text;
};

/* One after another from *AT on. 1: it is in OUT; 0: that was all. */
static int next_part(const char *note, size_t len, size_t *at, struct part *out)
{
	if (*at >= len)
		return 0;
	out->kind = next_field(note, len, at);
	out->name = next_field(note, len, at);
	out->text = next_field(note, len, at);
	return out->text ? 1 : -EBADMSG;
}

/* What stands before the parts: the first file. */
static int read_head(const char *note, size_t len, size_t *at, const char **name, const char **text)
{
	const char *version = next_field(note, len, at);

	*name = next_field(note, len, at);
	*text = next_field(note, len, at);
	return *text && !strcmp(version, VERSION) ? 0 : -EBADMSG;
}

int network_note_texts(int (*fn)(const char *path, const char *text, size_t len, void *arg), void *arg)
{
	const char *name, *text;
	char *note = NULL;
	struct part p;
	size_t len = 0, at = 0;
	int more, rc = read_note(&note, &len, NULL);

	if (!rc)
		rc = read_head(note, len, &at, &name, &text);
	if (!rc)
		rc = fn(name, text, strlen(text), arg);
	while (!rc && (more = next_part(note, len, &at, &p)) != 0) {
		/* Anchors are none of the files that are read with the first one. */
		if (more < 0 || !strcmp(p.kind, "anchor"))
			rc = -EBADMSG;
		else
			rc = fn(strcmp(p.kind, SAME) != 0 ? p.name : NULL, p.text, strlen(p.text), arg);
	}
	free(note);
	return rc;
}

int network_note_read(struct pt_conf **out, struct pt_err *e)
{
	PT_VEC(struct pt_conf_source) sources = { 0 };
	struct pt_conf_more more = { 0 };
	const char *name, *text;
	char path[NETWORK_NOTE_PATH], *note = NULL;
	size_t len = 0, at = 0;
	struct part p;
	int has, rc;

	*out = NULL;
	rc = read_note(&note, &len, e);
	if (rc)
		return rc;
	rc = read_head(note, len, &at, &name, &text);
	while (!rc && (has = next_part(note, len, &at, &p)) != 0) {
		struct pt_conf_source s = { 0 };

		rc = has < 0 ? has : 0;
		if (rc || !strcmp(p.kind, SAME))
			continue;
		s.text = p.text;
		s.len = strlen(p.text);
		*(strcmp(p.kind, "anchor") ? &s.file : &s.anchor) = p.name;
		rc = pt_vec_push(NULL, &sources, s);
	}
	more.v = sources.v;
	more.n = sources.n;
	network_note_path(path, sizeof(path));
	if (rc)
		(void)pt_err_sys(e, rc, "reading %s", path);
	else
		rc = pt_conf_parse_more(name, text, strlen(text), &more, NULL, NULL, out, e);
	free(sources.v);
	free(note);
	return rc;
}
