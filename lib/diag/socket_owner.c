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

/* The number that S is, as names of processes and files are: nothing but digits. */
static bool number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; s[i]; i++) {
		if (s[i] < '0' || s[i] > '9' || i == 10)
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = v;
	return *s && v <= max;
}

/* "socket:[12345]": 1, 0 another file, -EACCES. */
static int socket_inode(int fd, const char *name, uint32_t *inode)
{
	static const char begin[] = "socket:[";
	const size_t head = sizeof(begin) - 1;
	char target[64];
	ssize_t n = readlinkat(fd, name, target, sizeof(target));
	uint64_t v;

	if (n < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	if (n <= (ssize_t)head || n == sizeof(target) || memcmp(target, begin, head) != 0 || target[n - 1] != ']')
		return 0;
	target[n - 1] = '\0';
	if (!number(target + head, UINT32_MAX, &v))
		return 0;
	*inode = (uint32_t)v;
	return 1;
}

/*
 * Numbers among the names of a folder, asked for without opendir(3), which costs three system calls and 32 KiB for each
 * process. EACH: 0 to go on.
 */
typedef int (*number_fn)(int dir, const char *name, int n, void *arg);
static int each_number(int dir, number_fn each, void *arg)
{
	_Alignas(struct dirent64) char names[8192];
	ssize_t got;
	int rc = 0;

	while (!rc && (got = getdents64(dir, names, sizeof(names))) > 0)
		for (ssize_t at = 0; !rc && at < got;) {
			const struct dirent64 *d = (const struct dirent64 *)(names + at);
			uint64_t n;

			if (number(d->d_name, INT32_MAX, &n))
				rc = each(dir, d->d_name, (int)n, arg);
			at += d->d_reclen;
		}
	return rc;
}

struct reading {
	struct pt_arena *arena;
	struct pt_socket_owners *out;
	int pid;
};

static int read_file(int dir, const char *name, int n, void *arg)
{
	struct reading *r = arg;
	struct pt_socket_owner o = { .pid = r->pid, .fd = n };
	int rc = socket_inode(dir, name, &o.inode);

	return rc > 0 ? pt_vec_push(r->arena, &r->out->v, o) : rc;
}

static int read_process(int proc, const char *name, int pid, void *arg)
{
	struct reading *r = arg;
	char path[16];
	int fd, rc;

	memcpy(path, name, strlen(name)); /* at most ten digits */
	memcpy(path + strlen(name), "/fd", 4);
	r->pid = pid;
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd >= 0 ? each_number(fd, read_file, r) : errno == EPERM ? -EACCES : -errno;
	if (fd >= 0)
		close(fd);
	/* Where it changes its user meanwhile, /proc stops telling; then none of its files is told. */
	r->out->refused += rc == -EACCES;
	return rc == -ENOMEM ? rc : 0;
}

int pt_socket_owners_read(struct pt_arena *a, struct pt_socket_owners *out, struct pt_err *e)
{
	struct reading r = { .arena = a, .out = out };
	int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = dir < 0 ? -errno : 0;

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = each_number(dir, read_process, &r);
	if (dir >= 0)
		close(dir);
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
