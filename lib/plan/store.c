/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of applied files. The kernel's table carries the digest of the file it was made from; the
 * copy of that name tells later commands the text, the labels and the lines of the rules in force. A
 * copy is written before the switch, so whatever the kernel holds after a crash has its copy. They
 * live under /run because the kernel's rules do not outlive a boot either.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/internal.h"

#define STORE_DIR PLAN_STORE_DIR
#define STORE_KEEP 64 /* one machine may hold several network namespaces with rules of their own */

static int store_path(const char *digest, char *out, size_t size)
{
	int n = snprintf(out, size, STORE_DIR "/%s.conf", digest);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
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
		if (de->d_name[0] == '.' || fstatat(dir_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW))
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
	char name[NAME_MAX + 1];
	int fd = open(STORE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (store_oldest(fd, name, sizeof(name)))
		unlinkat(fd, name, 0);
	close(fd);
}

bool plan_store_has(const struct pt_plan *p)
{
	char path[sizeof(STORE_DIR) + 80];

	return !store_path(p->digest, path, sizeof(path)) && !access(path, R_OK);
}

int plan_store_write(const struct pt_plan *p, struct pt_err *e)
{
	char path[sizeof(STORE_DIR) + 80];
	int rc;

	rc = pt_mkdirs(STORE_DIR, e);
	if (!rc)
		rc = store_path(p->digest, path, sizeof(path));
	if (!rc)
		rc = pt_file_write(path, p->conf->text, p->conf->len, 0600, e);
	if (!rc)
		store_tidy();
	return rc;
}

int plan_store_read(const char *digest, char **text, size_t *len, struct pt_err *e)
{
	char path[sizeof(STORE_DIR) + 80], found[65];
	int rc;

	if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64)
		return -EBADMSG;
	rc = store_path(digest, path, sizeof(path));
	if (!rc)
		rc = pt_file_read(path, PT_FILE_MAX, text, len, e);
	if (rc)
		return rc;
	plan_digest(*text, *len, found);
	if (!strcmp(found, digest))
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "apply the file again", "the copy of the applied file, %s, was changed", path);
	free(*text);
	*text = NULL;
	return -EBADMSG;
}
