/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of applied files. The kernel's table carries the digest of the file it was made from; the
 * copy of that name tells later commands the text, the labels and the lines of the rules in force. A
 * copy is written before the switch, so whatever the kernel holds after a crash has its copy. They
 * live under /run because the kernel's rules do not outlive a boot either.
 *
 * Where the rules were made of more than one text, the copy is a list: of the digest of the file, which has a copy of
 * its own, and of the other texts, among them the anchors that programs loaded. They have no other home: the one
 * transaction that changes the rules also changes the digest, so rules and anchors cannot differ, whenever a
 * program dies. A list begins with a NUL, which no file may have, and names the network namespace it is for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/patch.h"

#define STORE_DIR PLAN_STORE_DIR
#define STORE_KEEP 64 /* one machine may hold several network namespaces with rules of their own */
#define LIST_VERSION "patronus list 1"
#define LIST_MAX ((size_t)1 << 30)

int plan_store_path(const char *digest, const char *suffix, char out[PLAN_STORE_PATH])
{
	int n = snprintf(out, PLAN_STORE_PATH, STORE_DIR "/%s%s", digest, suffix);

	return n < 0 || (size_t)n >= PLAN_STORE_PATH ? -ENAMETOOLONG : 0;
}

/* Beside each stand files of its words and of what its rules became. */
static bool is_copy(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, ".conf");
}

/* Takes the copy of that name away, and what stands beside it. */
static void store_remove(int dir_fd, char *name)
{
	static const char *const beside[] = { ".words", ".rules", ".items" };
	char *end = name + strlen(name) - strlen(".conf");

	(void)!unlinkat(dir_fd, name, 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(beside); i++) {
		memcpy(end, beside[i], strlen(beside[i]) + 1);
		(void)!unlinkat(dir_fd, name, 0);
	}
}

/* Name of the oldest copy when there are more than STORE_KEEP, else false. */
static bool store_oldest(int dir_fd, char *name, size_t size)
{
	struct timespec oldest = { 0 };
	struct dirent *de;
	struct stat st;
	size_t n = 0;
	DIR *dir;
	int fd;

	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.' || !is_copy(de->d_name) || fstatat(dir_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (n++ && (st.st_mtim.tv_sec > oldest.tv_sec ||
			    (st.st_mtim.tv_sec == oldest.tv_sec &&
			     st.st_mtim.tv_nsec >= oldest.tv_nsec)))
			continue;
		oldest = st.st_mtim;
		snprintf(name, size, "%s", de->d_name);
	}
	closedir(dir);
	return n > STORE_KEEP;
}

/* Failing to tidy is no reason to fail an apply. */
static void store_tidy(void)
{
	char name[NAME_MAX + 1 + 1]; /* that of its words is longer */
	int fd = open(STORE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (store_oldest(fd, name, sizeof(name) - 1))
		store_remove(fd, name);
	close(fd);
}

/* ---- lists ---- */

static void put_field(struct pt_buf *b, const char *s, size_t n)
{
	pt_buf_add(b, s, n);
	pt_buf_chr(b, '\0');
}

int plan_list_make(const struct pt_conf *c, struct pt_buf *out)
{
	unsigned long long namespace = 0;
	char line[80], digest[65];
	struct stat st;

	if (!stat("/proc/thread-self/ns/net", &st))
		namespace = (unsigned long long)st.st_ino;
	plan_digest(c->text, c->len, digest);
	snprintf(line, sizeof(line), LIST_VERSION " %llu", namespace);
	put_field(out, "", 0);
	put_field(out, line, strlen(line));
	put_field(out, digest, strlen(digest));
	for (size_t i = 1; i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];
		const char *name = s->anchor ? s->anchor : s->file;

		put_field(out, s->anchor ? "anchor" : "file", s->anchor ? 6 : 4);
		put_field(out, name, strlen(name));
		put_field(out, s->text, s->len);
	}
	return out->err;
}

/* The next field from *AT on; NULL: the list ends within it. */
static const char *next_field(const char *list, size_t len, size_t *at)
{
	const char *field = list + *at, *end = *at < len ? memchr(field, 0, len - *at) : NULL;

	if (!end)
		return NULL;
	*at = (size_t)(end - list) + 1;
	return field;
}

/* Points into T's list. */
static int list_read(struct plan_texts *t, const char **digest)
{
	size_t at = 1;
	const char *version = next_field(t->list, t->list_len, &at);

	*digest = next_field(t->list, t->list_len, &at);
	if (!version || strncmp(version, LIST_VERSION " ", strlen(LIST_VERSION) + 1) != 0 || !*digest)
		return -EBADMSG;
	while (at < t->list_len) {
		const char *kind = next_field(t->list, t->list_len, &at);
		const char *name = kind ? next_field(t->list, t->list_len, &at) : NULL;
		const char *text = name ? next_field(t->list, t->list_len, &at) : NULL;
		struct pt_conf_source s = { .text = text };

		if (!text)
			return -EBADMSG;
		s.len = strlen(text);
		*(strcmp(kind, "anchor") ? &s.file : &s.anchor) = name;
		if (pt_vec_push(NULL, &t->more, s))
			return -ENOMEM;
	}
	return 0;
}

/* ---- copies ---- */

bool plan_store_has(const struct pt_plan *p)
{
	char path[PLAN_STORE_PATH];

	return !plan_store_path(p->digest, ".conf", path) && !access(path, R_OK);
}

static int write_copy(const char *digest, const char *text, size_t len, struct pt_err *e)
{
	char path[PLAN_STORE_PATH];
	int rc = plan_store_path(digest, ".conf", path);

	return rc ? rc : pt_file_write(path, text, len, 0600, e);
}

/* The file that a list names: one that is there is young again. */
static int write_named(const struct pt_conf *c, struct pt_err *e)
{
	char path[PLAN_STORE_PATH], digest[65];
	int rc;

	plan_digest(c->text, c->len, digest);
	rc = plan_store_path(digest, ".conf", path);
	if (rc || !utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW))
		return rc;
	return write_copy(digest, c->text, c->len, e);
}

int plan_store_folder(struct pt_err *e)
{
	int rc = pt_folder_make(PT_RUN_DIR, e);

	return rc ? rc : pt_folder_make(STORE_DIR, e);
}

int plan_store_write(const struct pt_plan *p, struct pt_err *e)
{
	struct pt_buf list = { 0 };
	int rc;

	rc = plan_store_folder(e);
	if (rc)
		return rc;
	if (p->conf->sources.n == 1) {
		rc = write_copy(p->digest, p->conf->text, p->conf->len, e);
	} else {
		rc = write_named(p->conf, e);
		if (!rc && plan_list_make(p->conf, &list))
			rc = pt_err_sys(e, -ENOMEM, "listing what is applied");
		if (!rc)
			rc = write_copy(p->digest, list.s, list.n, e);
		pt_buf_fini(&list);
	}
	if (!rc) {
		plan_words_write(p);
		store_tidy();
	}
	return rc;
}

int plan_store_text(const char *digest, const char *text, size_t len, struct pt_err *e)
{
	int rc = write_copy(digest, text, len, e);

	if (!rc)
		store_tidy();
	return rc;
}

bool plan_store_is_list(const char *digest)
{
	char path[PLAN_STORE_PATH], first = 'x';
	bool list;
	int fd;

	if (!*digest || plan_store_path(digest, ".conf", path))
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	list = read(fd, &first, 1) == 1 && !first;
	close(fd);
	return list;
}

/* A list is of one namespace, so nobody else reads it once another one took its place. */
void plan_store_drop(const char *digest)
{
	char path[PLAN_STORE_PATH];

	if (!plan_store_is_list(digest))
		return;
	if (!plan_store_path(digest, ".conf", path))
		(void)!unlink(path);
	if (!plan_store_path(digest, ".words", path))
		(void)!unlink(path);
}

int plan_store_copy(const char *digest, char **text, size_t *len, struct pt_err *e)
{
	char path[PLAN_STORE_PATH];
	int rc;

	if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64)
		return -EBADMSG;
	rc = plan_store_path(digest, ".conf", path);
	return rc ? rc : pt_file_read(path, LIST_MAX, text, len, e);
}

static int read_copy(const char *digest, char **text, size_t *len, struct pt_err *e)
{
	char found[65];
	int rc = plan_store_copy(digest, text, len, e);

	if (rc)
		return rc;
	plan_digest(*text, *len, found);
	if (!strcmp(found, digest))
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "apply the file again", "the copy of the applied file, " STORE_DIR "/%s.conf, was changed", digest);
	free(*text);
	*text = NULL;
	return -EBADMSG;
}

int plan_store_read(const char *digest, struct plan_texts *out, struct pt_err *e)
{
	const char *named;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = read_copy(digest, &out->text, &out->len, e);
	if (rc || !out->len || out->text[0])
		return rc;
	out->list = out->text;
	out->list_len = out->len;
	out->text = NULL;
	rc = list_read(out, &named);
	if (!rc)
		rc = read_copy(named, &out->text, &out->len, e);
	if (rc)
		plan_texts_fini(out);
	return rc;
}

void plan_texts_fini(struct plan_texts *t)
{
	free(t->text);
	free(t->list);
	free(t->more.v);
	memset(t, 0, sizeof(*t));
}
