/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of time zones against the machine's database of them. One that is not there is nothing but a slip of the pen, so whoever
 * wrote it is told the nearest one; a machine without the database cannot judge, and does not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <patronus/zone.h>

#define DEPTH_MAX 3 /* America/Argentina/Buenos_Aires */
#define LIST "`timedatectl list-timezones` lists them all"

struct names {
	struct pt_arena *arena;
	PT_VEC(const char *) list;
};

/* Only those files of the folder are zones. -ENOENT: this is none. */
static int is_zone(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char magic[4];
	bool zone;

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	zone = read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) && !memcmp(magic, "TZif", sizeof(magic));
	close(fd);
	return zone ? 0 : -ENOENT;
}

/* Copies of all zones under other rules for leap seconds, and what is for programs. */
static bool is_other(const char *name)
{
	static const char *const others[] = { "posix", "right", "localtime", "posixrules", "Factory" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(others); i++)
		if (!strcmp(name, others[i]))
			return true;
	return false;
}

static int collect(struct names *n, int parent, const char *folder, const char *prefix, int depth)
{
	int fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0; /* a hint the poorer */
	}
	while (!rc && (de = readdir(dir))) {
		const char *name;

		if (!pt_zone_name_ok(de->d_name) || (!depth && is_other(de->d_name)))
			continue;
		name = pt_arena_printf(n->arena, "%s%s", prefix, de->d_name);
		if (!name)
			rc = -ENOMEM;
		else if (!is_zone(fd, de->d_name))
			rc = pt_vec_push(n->arena, &n->list, name);
		else if (depth + 1 < DEPTH_MAX)
			rc = (name = pt_arena_printf(n->arena, "%s/", name)) ? collect(n, fd, de->d_name, name, depth + 1) : -ENOMEM;
	}
	closedir(dir);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int unknown(int folder, const char *name, const struct pt_loc *loc, struct pt_err *e)
{
	struct names n = { .arena = pt_arena_new() };
	struct pt_buf hint = { 0 };
	const char *near = NULL, *any = NULL;
	int rc = n.arena ? collect(&n, folder, ".", "", 0) : -ENOMEM;

	if (!rc && n.list.n)
		qsort(n.list.v, n.list.n, sizeof(*n.list.v), by_name); /* one answer, however the folder is read */
	if (!rc) {
		near = pt_nearest(name, n.list.v, n.list.n);
		any = pt_nearest_of_all(name, n.list.v, n.list.n);
	}
	if (near)
		pt_buf_fmt(&hint, "did you mean \"%s\"? " LIST, near);
	else if (any)
		pt_buf_fmt(&hint, "the nearest name is \"%s\"; " LIST, any);
	else
		pt_buf_str(&hint, LIST);
	if (!rc)
		rc = hint.err;
	if (!rc)
		pt_err_add(e, PT_ERROR, loc, hint.s, "there is no time zone \"%s\" on this machine", name);
	pt_buf_fini(&hint);
	pt_arena_free(n.arena);
	return rc ? rc : -EINVAL;
}

int pt_zone_check(const char *name, const struct pt_loc *loc, struct pt_err *e)
{
	int folder = open(PT_ZONE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (folder < 0)
		return 0;
	/* where not even this one is there, the folder is no database */
	if (!is_zone(folder, "Etc/UTC") && is_zone(folder, name) == -ENOENT)
		rc = unknown(folder, name, loc, e);
	close(folder);
	return rc;
}
