/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/socket_owner - which process has which socket open: the links in /proc/PID/fd say "socket:[INODE]".
 *
 * Processes come and go meanwhile, so whatever is not there any more is no error; what may not be looked at is counted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/socket.h>

static int by_inode(const void *x, const void *y)
{
	const struct pt_socket_owner *a = x, *b = y;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

static bool number(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	char text[24];

	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return !pt_parse_uint(text, max, out);
}

/* "socket:[12345]" */
static bool socket_inode(int fd, const char *name, uint32_t *inode)
{
	static const char begin[] = "socket:[";
	const size_t head = sizeof(begin) - 1;
	char target[64];
	ssize_t n = readlinkat(fd, name, target, sizeof(target));
	uint64_t v;

	if (n <= (ssize_t)head || n == sizeof(target) || memcmp(target, begin, head) != 0 || target[n - 1] != ']' ||
	    !number(target + head, (size_t)n - head - 1, UINT32_MAX, &v))
		return false;
	*inode = (uint32_t)v;
	return true;
}

static int read_process(struct pt_arena *a, int proc, const char *name, int pid, struct pt_socket_owners *out)
{
	char path[32];
	struct dirent *entry;
	DIR *dir = NULL;
	int fd, rc = 0;

	memcpy(path, name, strlen(name));
	memcpy(path + strlen(name), "/fd", 4);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir) {
		rc = errno;
		if (fd >= 0)
			close(fd);
		out->refused += rc == EACCES || rc == EPERM;
		return rc == ENOMEM ? -ENOMEM : 0;
	}
	errno = 0;
	while (!rc && (entry = readdir(dir))) {
		struct pt_socket_owner o = { .pid = pid };
		uint64_t n;

		if (!number(entry->d_name, strlen(entry->d_name), INT32_MAX, &n) || !socket_inode(fd, entry->d_name, &o.inode))
			continue;
		o.fd = (int)n;
		rc = pt_vec_push(a, &out->v, o);
	}
	/* Where it changes its user meanwhile, /proc stops telling. */
	out->refused += errno == EACCES;
	closedir(dir);
	return rc;
}

int pt_socket_owners_read(struct pt_arena *a, struct pt_socket_owners *out, struct pt_err *e)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int rc = dir ? 0 : -errno;

	memset(out, 0, sizeof(*out));
	while (!rc && (entry = readdir(dir))) {
		uint64_t pid;

		if (strlen(entry->d_name) < 12 && number(entry->d_name, strlen(entry->d_name), INT32_MAX, &pid))
			rc = read_process(a, dirfd(dir), entry->d_name, (int)pid, out);
	}
	if (dir)
		closedir(dir);
	if (out->v.n)
		qsort(out->v.v, out->v.n, sizeof(*out->v.v), by_inode);
	return rc ? pt_err_sys(e, rc, "looking for the processes of sockets in /proc") : 0;
}

const struct pt_socket_owner *pt_socket_owners_of(const struct pt_socket_owners *o, uint32_t inode, size_t *n)
{
	size_t lo = 0, hi = o->v.n, end;

	*n = 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (o->v.v[mid].inode < inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; inode && end < o->v.n && o->v.v[end].inode == inode; end++)
		;
	*n = end - lo;
	return *n ? &o->v.v[lo] : NULL;
}

void pt_process_name(int pid, char name[PT_PROCESS_NAME])
{
	struct pt_buf path = { 0 };
	ssize_t n = -1;
	int fd;

	pt_buf_fmt(&path, "/proc/%d/comm", pid);
	fd = path.err ? -1 : open(path.s, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, PT_PROCESS_NAME - 1);
		close(fd);
	}
	/* One newline is the kernel's; any before it is the name's. */
	if (n > 0 && name[n - 1] == '\n')
		n--;
	name[n > 0 ? n : 0] = '\0';
	pt_buf_fini(&path);
}
