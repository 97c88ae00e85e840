/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * include("FILE"): sections of another file in place of the line. The other file stands in the folder of the first one or
 * below, and is judged as that one is: whoever may write there may write the first. Each is read once, so none can
 * include itself, and what was read is kept beside the first, for the copy of what is applied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

#define INCLUDE_MAX 256  /* files */
#define INCLUDE_DEPTH 16 /* files in files */

static int refuse(struct conf_includes *inc, const struct pt_loc *loc, const char *hint, const char *why)
{
	pt_err_add(inc->e, PT_ERROR, loc, hint, "%s", why);
	return -EINVAL;
}

/* A path without ways out of the folder that it begins in. */
static bool stays_below(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");

		if (!n || (n == 1 && *p == '.') || (n == 2 && !memcmp(p, "..", 2)))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

/* The path of NAME from where the program was started. */
static const char *whole_path(struct conf_includes *inc, const char *name)
{
	const char *slash = strrchr(inc->c->path, '/');

	if (!slash)
		return pt_arena_strdup(inc->c->arena, name);
	return pt_arena_printf(inc->c->arena, "%.*s%s", (int)(slash - inc->c->path) + 1, inc->c->path, name);
}

static int known(struct conf_includes *inc, const char *path, const struct pt_loc *loc)
{
	const struct pt_conf *c = inc->c;

	for (size_t i = 0; i < c->sources.n; i++)
		if (!strcmp(c->sources.v[i].file, path))
			return refuse(inc, loc, "remove it", i ? "this file is included already" :
								 "this file includes itself");
	if (c->sources.n > INCLUDE_MAX)
		return refuse(inc, loc, "put sections together", "more than 256 files are included");
	if (inc->depth >= INCLUDE_DEPTH)
		return refuse(inc, loc, "include them from the first file", "files include each other more than 16 deep");
	return 0;
}

/* What was read before, for a copy of the first file, whose own path may have been shortened since. */
static const struct pt_conf_source *kept(const struct conf_includes *inc, const char *name)
{
	const struct pt_conf_source *found = NULL;
	size_t n = strlen(name);

	for (size_t i = 0; inc->more && i < inc->more->n; i++) {
		const struct pt_conf_source *s = &inc->more->v[i];
		size_t len = s->anchor ? 0 : strlen(s->file);

		if (len < n || strcmp(s->file + len - n, name) != 0 || (len > n && s->file[len - n - 1] != '/'))
			continue;
		if (!found || len < strlen(found->file)) /* the others are in folders of their own */
			found = s;
	}
	return found;
}

static int add(struct conf_includes *inc, const char *path, const char *text, size_t len)
{
	struct pt_conf_source s = { .file = path, .len = len };

	s.text = pt_arena_memdup(inc->c->arena, text, len);
	inc->bytes += len;
	return s.text ? pt_vec_push(inc->c->arena, &inc->c->sources, s) : -ENOMEM;
}

/* One record where the file is named, with why it cannot be read. */
static int unread(struct conf_includes *inc, const struct pt_loc *loc, const struct pt_err *why, int rc)
{
	const struct pt_diag *d = why->list.n ? &why->list.v[0] : NULL;

	if (rc == -ENOMEM)
		return rc;
	pt_err_add(inc->e, PT_ERROR, loc, d && d->hint ? d->hint : "make the file or mend the path", "it cannot be included: %s",
		   d ? d->msg : strerrordesc_np(-rc));
	return -EINVAL;
}

static int read_file(struct conf_includes *inc, const char *path, const struct pt_loc *loc)
{
	struct pt_err why = { 0 };
	char *text = NULL;
	size_t len;
	int rc;

	rc = pt_file_read(path, PT_FILE_MAX - inc->bytes, &text, &len, &why);
	rc = rc ? unread(inc, loc, &why, rc) : add(inc, path, text, len);
	free(text);
	pt_err_fini(&why);
	return rc;
}

int conf_include(struct conf_includes *inc, const char *name, const struct pt_loc *loc)
{
	const struct pt_conf_source *copy;
	const char *path;
	int rc;

	if (!inc->files && (!inc->more || inc->more->get))
		return refuse(inc, loc, "name the file with -f", "only a file can include others");
	if (!stays_below(name))
		return refuse(inc, loc, "write a path from the folder of the first file on, without '..': include(\"rules.d/guests.conf\")",
			      "this path leaves the folder of the first file");
	copy = kept(inc, name);
	path = copy ? pt_arena_strdup(inc->c->arena, copy->file) : whole_path(inc, name);
	if (!path)
		return -ENOMEM;
	rc = known(inc, path, loc);
	if (rc)
		return rc;
	if (copy)
		return add(inc, path, copy->text, copy->len);
	if (!inc->files)
		return refuse(inc, loc, "apply the file again", "the copy of this file is not there");
	return read_file(inc, path, loc);
}
