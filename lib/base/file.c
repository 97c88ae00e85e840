/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that decide about a firewall: read once and only from places that nobody else can write,
 * replaced so that a power cut leaves the old or the new bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <patronus/base.h>

#define CHUNK 65536

/* Contents of FD, at most MAX bytes, whatever its size claims; EXPECTED most likely. */
static int read_fd(int fd, const char *path, size_t max, size_t expected, char **data, size_t *len, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	ssize_t n = 1;

	pt_buf_room(&b, expected + 2); /* one for the end, one to see that it is the end */
	while (n && !b.err && b.n <= max) {
		if (b.cap - b.n < 2)
			pt_buf_room(&b, b.n + b.n / 2 + CHUNK);
		n = b.err ? 0 : read(fd, b.s + b.n, b.cap - b.n - 1);
		if (n < 0 && errno != EINTR)
			b.err = -errno;
		b.n += n > 0 ? (size_t)n : 0;
	}
	if (b.err) {
		int code = b.err;

		pt_buf_fini(&b);
		return pt_err_sys(e, code, "reading %s", path);
	}
	if (b.n > max) {
		pt_buf_fini(&b);
		pt_err_add(e, PT_ERROR, NULL, NULL, "reading %s: larger than %zu bytes", path, max);
		return -EFBIG;
	}
	b.s[b.n] = '\0';
	*data = b.s;
	*len = b.n;
	return 0;
}

static bool trusted_owner(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static int refuse(struct pt_err *e, const char *path, const char *why, const char *hint, int code)
{
	pt_err_add(e, PT_ERROR, NULL, hint, "reading %s: %s", path, why);
	return code;
}

/* The folder that the first N bytes of PATH name. With OWN, what is in it is ours to make and to remove: there, not even a sticky
 * one will do, in which anybody can take a name before we do. */
static int check_folder(int fd, const char *path, size_t n, bool own, struct pt_err *e)
{
	const char *folder = n ? path : *path == '/' ? "/" : ".";
	const char *why, *hint;
	struct stat st;

	if (fstat(fd, &st))
		return pt_err_sys(e, -errno, "reading %s", path);
	if (!trusted_owner(st.st_uid)) {
		why = "belongs to another user";
		hint = "chown it to root";
	} else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && (own || !(st.st_mode & S_ISVTX))) {
		/* In a sticky folder such as /tmp nobody can replace what is ours. */
		why = "can be written by others";
		hint = st.st_mode & S_ISVTX ? "name a folder of its own" : "chmod go-w it";
	} else {
		return 0;
	}
	pt_err_add(e, PT_ERROR, NULL, hint, "reading %s: the folder %.*s %s", path,
		   n ? (int)n : 1, folder, why);
	return -EPERM;
}

static int check_file(int fd, const char *path, size_t max, size_t *size, struct pt_err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return pt_err_sys(e, -errno, "reading %s", path);
	if (S_ISDIR(st.st_mode))
		return refuse(e, path, "it is a folder", "name a file", -EISDIR);
	if (!S_ISREG(st.st_mode))
		return refuse(e, path, "not a regular file", "name a file, or - for standard input", -EINVAL);
	if (!trusted_owner(st.st_uid))
		return refuse(e, path, "it belongs to another user", "chown it to root", -EPERM);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse(e, path, "it can be written by others", "chmod go-w it", -EPERM);
	if ((uintmax_t)st.st_size > max) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "reading %s: larger than %zu bytes", path, max);
		return -EFBIG;
	}
	*size = (size_t)st.st_size;
	return 0;
}

/* Opens one component of WHOLE below DIR, which is PATH so far; FD or a negative errno with a record. */
static int open_component(int dir, const char *name, bool last, const char *path, const char *whole, struct pt_err *e)
{
	/* O_NONBLOCK: a FIFO must not hold us */
	int flags = last ? O_RDONLY | O_NONBLOCK : O_RDONLY | O_DIRECTORY;
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0)
		return fd;
	if ((errno == ELOOP || errno == ENOTDIR) && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISLNK(st.st_mode))
		return refuse(e, path, "a symbolic link", "name the file that it points to", -ELOOP);
	return pt_err_sys(e, -errno, "reading %s", errno == ENOENT ? whole : path);
}

/* Where nothing can be written, what is there already will do. */
static int make_folder(int dir, const char *name, const char *path, struct pt_err *e)
{
	struct stat st;
	int rc = mkdirat(dir, name, 0755) && errno != EEXIST ? -errno : 0;

	if (rc && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		rc = 0;
	return rc ? pt_err_sys(e, rc, "making the folder %s", path) : 0;
}

/* Walks PATH component by component, none of them a link; each folder checked. With MAKE all are folders, and made where they are
 * not there. */
static int open_checked(const char *path, bool make, struct pt_err *e)
{
	char part[PATH_MAX];
	size_t done = 0, len = strlen(path);
	int dir, rc = 0;

	if (!len || len >= sizeof(part))
		return pt_err_sys(e, len ? -ENAMETOOLONG : -ENOENT, "reading \"%s\"", len ? "…" : "");
	dir = open(path[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return pt_err_sys(e, -errno, "reading %s", path);
	while (done < len) {
		size_t start = done + strspn(path + done, "/"), n = strcspn(path + start, "/");
		char name[NAME_MAX + 1];
		int next;

		if (!n && start >= len)
			break;
		memcpy(part, path, start + n);
		part[start + n] = '\0';
		if (n > NAME_MAX) {
			rc = pt_err_sys(e, -ENAMETOOLONG, "reading %s", part);
			break;
		}
		memcpy(name, path + start, n);
		name[n] = '\0';
		rc = check_folder(dir, path, done, false, e);
		if (!rc && make)
			rc = make_folder(dir, name, part, e);
		if (rc)
			break;
		next = open_component(dir, name, !path[start + n], part, path, e);
		close(dir);
		dir = next;
		if (next < 0)
			return next;
		done = start + n;
	}
	if (rc) {
		close(dir);
		return rc;
	}
	return dir;
}

int pt_file_read(const char *path, size_t max, char **data, size_t *len, struct pt_err *e)
{
	size_t size = 0;
	int fd, rc;

	*data = NULL;
	*len = 0;
	if (!strcmp(path, "-"))
		return read_fd(STDIN_FILENO, "standard input", max, CHUNK, data, len, e);
	fd = open_checked(path, false, e);
	if (fd < 0)
		return fd;
	rc = check_file(fd, path, max, &size, e);
	if (!rc)
		rc = read_fd(fd, path, max, size, data, len, e);
	close(fd);
	return rc;
}

static int open_own(const char *path, bool make, struct pt_err *e)
{
	struct stat st;
	int fd, rc = 0;

	fd = open_checked(path, make, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		rc = pt_err_sys(e, -errno, "reading %s", path);
	else if (!S_ISDIR(st.st_mode))
		rc = refuse(e, path, "it is no folder", NULL, -ENOTDIR);
	else
		rc = check_folder(fd, path, strlen(path), true, e);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int pt_folder_open(const char *path, struct pt_err *e)
{
	return open_own(path, false, e);
}

int pt_folder_make(const char *path, struct pt_err *e)
{
	int fd = open_own(path, true, e);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

bool pt_folder_take_back(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool mine, shut;

	if (fd < 0)
		return false;
	mine = !fstat(fd, &st) && (trusted_owner(st.st_uid) || !fchown(fd, geteuid(), (gid_t)-1));
	shut = mine && (st.st_mode & (S_IWGRP | S_IWOTH)) && !fchmod(fd, st.st_mode & 07777 & ~(mode_t)(S_IWGRP | S_IWOTH));
	shut = shut || (mine && !trusted_owner(st.st_uid));
	close(fd);
	return shut;
}

/* ---- writing ---- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
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

/* The folder of PATH, opened, and the name in it. */
static int open_folder(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	*name = slash ? slash + 1 : path;
	fd = open(slash ? (n ? dir : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pt_file_write(const char *path, const void *data, size_t len, mode_t mode, struct pt_err *e)
{
	char temp[NAME_MAX + 32];
	const char *name, *step = "opening the folder of";
	int dir, fd = -1, rc;

	dir = open_folder(path, &name);
	if (dir < 0)
		return pt_err_sys(e, dir, "%s %s", step, path);
	snprintf(temp, sizeof(temp), ".%.200s.%d", name, (int)getpid());
	step = "making a temporary file beside";
	(void)unlinkat(dir, temp, 0); /* of a dead process with our number */
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	rc = fd < 0 ? -errno : 0;
	if (!rc) {
		step = "writing";
		rc = write_all(fd, data, len);
	}
	if (!rc && fchmod(fd, mode))
		rc = -errno;
	if (!rc && fsync(fd))
		rc = -errno;
	if (fd >= 0 && close(fd) && !rc)
		rc = -errno;
	if (!rc) {
		step = "renaming the new file to";
		rc = renameat(dir, temp, dir, name) ? -errno : 0;
	}
	if (!rc) {
		step = "syncing the folder of";
		rc = fsync(dir) ? -errno : 0;
	} else if (fd >= 0) {
		(void)unlinkat(dir, temp, 0);
	}
	close(dir);
	return rc ? pt_err_sys(e, rc, "%s %s", step, path) : 0;
}

int pt_mkdirs(const char *path, struct pt_err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len >= sizeof(part))
		return pt_err_sys(e, -ENAMETOOLONG, "making a folder");
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return pt_err_sys(e, -errno, "making the folder %s", part);
	}
	if (stat(path, &st)) /* what was there already may be a file */
		return pt_err_sys(e, -errno, "making the folder %s", path);
	return S_ISDIR(st.st_mode) ? 0 : pt_err_sys(e, -ENOTDIR, "making the folder %s", path);
}
