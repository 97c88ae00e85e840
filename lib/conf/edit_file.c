/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a file and of those that it includes, and the way of a changed one back: never half written, and never over what
 * somebody else wrote meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/edit.h"

static int begin(struct pt_edit_texts *t, const char *name, const char *text, size_t len, struct pt_err *e)
{
	struct pt_conf_source s = { .len = len };

	*t = (struct pt_edit_texts){ .arena = pt_arena_new() };
	s.file = t->arena ? pt_arena_strdup(t->arena, name) : NULL;
	s.text = t->arena ? pt_arena_memdup(t->arena, text, len) : NULL;
	if (s.file && s.text && !pt_vec_push(t->arena, &t->v, s))
		return 0;
	pt_edit_texts_fini(t);
	return pt_err_sys(e, -ENOMEM, "reading %s", name);
}

int pt_edit_text(const char *name, const char *text, size_t len, struct pt_edit_texts *out, struct pt_err *e)
{
	return begin(out, name, text, len, e);
}

static int follow_one(struct conf_includes *inc, const struct edit_map *m, uint32_t tok)
{
	size_t before = inc->e ? inc->e->list.n : 0;
	const char *name = edit_decode(inc->c->arena, m->src->text, &m->toks[tok]);
	struct pt_loc loc = edit_place(m, tok);
	int rc = name ? conf_include(inc, name, &loc) : -ENOMEM;

	if (inc->e && inc->e->list.n > before)
		pt_err_source(inc->e, m->src->text, m->src->len);
	return rc == -ENOMEM ? rc : 0;
}

/* Which files are included: those that can be read. The others are told in UNREAD, or left to the judgement over the whole. */
static int follow(struct pt_edit_texts *t, struct pt_err *unread)
{
	struct pt_conf c = { .arena = t->arena, .path = t->v.v[0].file };
	struct conf_includes inc = { .c = &c, .files = true, .e = unread };
	int rc = pt_vec_push(t->arena, &c.sources, t->v.v[0]);

	for (size_t i = 0; !rc && i < c.sources.n; i++) {
		struct pt_conf_source s = c.sources.v[i];
		struct edit_map m;

		rc = edit_map_read(&s, t->arena, &m);
		for (size_t k = 0; !rc && k < m.includes.n; k++)
			rc = follow_one(&inc, &m, m.includes.v[k]);
		if (rc == -EINVAL)
			rc = 0;
	}
	t->v.v = c.sources.v;
	t->v.n = c.sources.n;
	t->v.cap = c.sources.cap;
	return rc;
}

static int load(const char *path, bool whole, struct pt_edit_texts *out, struct pt_err *e)
{
	size_t errors = e ? e->n_errors : 0;
	char *text = NULL;
	size_t len;
	int rc;

	*out = (struct pt_edit_texts){ 0 };
	rc = pt_file_read(path, PT_FILE_MAX, &text, &len, e);
	if (rc)
		return rc;
	rc = begin(out, path, text, len, e);
	free(text);
	if (rc)
		return rc;
	out->files = true;
	rc = follow(out, whole ? e : NULL);
	if (rc)
		rc = pt_err_sys(e, rc, "reading %s", path);
	else if (whole && e && e->n_errors > errors)
		rc = -EINVAL;
	if (rc)
		pt_edit_texts_fini(out);
	return rc;
}

int pt_edit_load(const char *path, struct pt_edit_texts *out, struct pt_err *e)
{
	return load(path, false, out, e);
}

int pt_edit_load_whole(const char *path, struct pt_edit_texts *out, struct pt_err *e)
{
	struct pt_err own = { 0 };
	int rc = load(path, true, out, e ? e : &own);

	pt_err_fini(&own);
	return rc;
}

void pt_edit_texts_fini(struct pt_edit_texts *t)
{
	edit_maps_free(t->maps);
	pt_arena_free(t->arena);
	*t = (struct pt_edit_texts){ 0 };
}

/* ---- writing ---- */

struct writer {
	const char *path, *name;
	int dir;
	char temp[NAME_MAX + 32];
	struct stat st; /* of the file as it is */
	struct pt_err *e;
};

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int open_folder(struct writer *w)
{
	const char *slash = strrchr(w->path, '/');
	char dir[PATH_MAX];
	size_t n = slash ? (size_t)(slash - w->path) : 0;

	w->name = slash ? slash + 1 : w->path;
	if (n >= sizeof(dir) || strlen(w->path) - n > NAME_MAX)
		return pt_err_sys(w->e, -ENAMETOOLONG, "writing %s", w->path);
	memcpy(dir, w->path, n);
	dir[n] = '\0';
	(void)snprintf(w->temp, sizeof(w->temp), ".%.200s.%d", w->name, (int)getpid());
	w->dir = open(!slash ? "." : n ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->dir < 0 ? pt_err_sys(w->e, -errno, "opening the folder of %s", w->path) : 0;
}

static int changed_meanwhile(const struct writer *w)
{
	pt_err_add(w->e, PT_ERROR, NULL, "look at what it says now, then try again", "%s was changed by somebody else meanwhile", w->path);
	return -ESTALE;
}

/* The file must still be what the change was made of, and a file of its own. */
static int compare(struct writer *w, const struct pt_conf_source *old)
{
	char *text = NULL;
	size_t len;
	bool same;
	int rc;

	rc = pt_file_read(w->path, PT_FILE_MAX, &text, &len, w->e);
	if (rc)
		return rc;
	same = len == old->len && (!len || !old->text || !memcmp(text, old->text, len));
	if (same && fstatat(w->dir, w->name, &w->st, AT_SYMLINK_NOFOLLOW))
		rc = pt_err_sys(w->e, -errno, "reading %s", w->path);
	else if (!same || !S_ISREG(w->st.st_mode))
		rc = changed_meanwhile(w);
	free(text);
	return rc;
}

/* Whoever may write into the folder but not into the file is not to replace it. */
static int may_write(const struct writer *w)
{
	if (faccessat(w->dir, w->name, W_OK, AT_EACCESS))
		return pt_err_sys(w->e, -errno, "writing %s", w->path);
	if (w->st.st_nlink > 1)
		pt_err_add(w->e, PT_WARNING, NULL, "they keep the old text", "%s has %lu other name%s", w->path,
			   (unsigned long)w->st.st_nlink - 1, pt_plural(w->st.st_nlink - 1));
	return 0;
}

static int put(struct writer *w, const struct pt_edit_result *r, const struct pt_conf_source *old)
{
	const char *step = "making a temporary file beside";
	int fd, rc;

	(void)unlinkat(w->dir, w->temp, 0); /* of a dead process with our number */
	fd = openat(w->dir, w->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : 0;
	if (!rc) {
		step = "writing";
		rc = write_all(fd, r->text, r->len);
	}
	if (!rc && (w->st.st_uid != geteuid() || w->st.st_gid != getegid()) && fchown(fd, w->st.st_uid, w->st.st_gid)) {
		step = "keeping the owner of";
		rc = -errno;
	}
	if (!rc && fchmod(fd, w->st.st_mode & 07777))
		rc = -errno;
	if (!rc && fsync(fd))
		rc = -errno;
	if (fd >= 0 && close(fd) && !rc)
		rc = -errno;
	if (rc)
		rc = pt_err_sys(w->e, rc, "%s %s", step, w->path);
	if (!rc)
		rc = compare(w, old);
	if (!rc && renameat(w->dir, w->temp, w->dir, w->name))
		rc = pt_err_sys(w->e, -errno, "renaming the new file to %s", w->path);
	if (rc && fd >= 0)
		(void)unlinkat(w->dir, w->temp, 0);
	return rc;
}

int pt_edit_write(const struct pt_edit_texts *t, const struct pt_edit_result *r, struct pt_err *e)
{
	const struct pt_conf_source *old;
	struct writer w = { .dir = -1, .e = e };
	int rc;

	if (!r->changed)
		return 0;
	old = &t->v.v[r->source];
	w.path = old->file;
	rc = open_folder(&w);
	if (!rc)
		rc = compare(&w, old);
	if (!rc)
		rc = may_write(&w);
	if (!rc)
		rc = put(&w, r, old);
	if (!rc && fsync(w.dir))
		rc = pt_err_sys(e, -errno, "syncing the folder of %s", w.path);
	if (w.dir >= 0)
		close(w.dir);
	return rc;
}
