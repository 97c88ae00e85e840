/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/activity_read - one picture. Files that this kernel has not are no error; processes that end meanwhile are not in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <patronus/activity.h>

#define FILE_MAX ((size_t)1 << 20) /* /proc/stat of hundreds of processors */

static const char *const paths[PT_ACTIVITY_FILES] = {
	[PT_ACTIVITY_STAT] = "/proc/stat",
	[PT_ACTIVITY_MEMINFO] = "/proc/meminfo",
	[PT_ACTIVITY_LOADAVG] = "/proc/loadavg",
	[PT_ACTIVITY_SOFTNET] = "/proc/thread-self/net/softnet_stat",
	[PT_ACTIVITY_CONNTRACK] = "/proc/sys/net/netfilter/nf_conntrack_count",
	[PT_ACTIVITY_CONNTRACK_MAX] = "/proc/sys/net/netfilter/nf_conntrack_max",
	[PT_ACTIVITY_PRESSURE + PT_PRESSURE_CPU] = "/proc/pressure/cpu",
	[PT_ACTIVITY_PRESSURE + PT_PRESSURE_MEMORY] = "/proc/pressure/memory",
	[PT_ACTIVITY_PRESSURE + PT_PRESSURE_IO] = "/proc/pressure/io",
};

/* B is used again and again. -ENOMEM, 0: it is in B, 1: it cannot be read. */
static int read_text(int dir, const char *path, struct pt_buf *b)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n;

	b->n = 0;
	if (fd < 0)
		return 1;
	while (b->n < FILE_MAX && (n = read(fd, piece, sizeof(piece))) > 0)
		pt_buf_add(b, piece, (size_t)n);
	close(fd);
	return b->err ? b->err : !b->n;
}

static int read_files(struct pt_activity *out, struct pt_buf *b, struct pt_err *e)
{
	int rc = 0;

	for (enum pt_activity_file i = 0; rc >= 0 && i < PT_ACTIVITY_FILES; i++) {
		rc = read_text(AT_FDCWD, paths[i], b);
		/* Every kernel has it: without it there is no /proc, and zeros would be a lie. */
		if (rc > 0 && i == PT_ACTIVITY_STAT)
			rc = pt_err_sys(e, -ENOENT, "reading /proc/stat: is /proc mounted?");
		if (!rc)
			rc = pt_activity_parse(out, i, b->s);
	}
	return rc < 0 ? rc : 0;
}

static int by_pid(const void *x, const void *y)
{
	const struct pt_activity_process *a = x, *b = y;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int read_process(struct pt_activity *out, int proc, const char *name, struct pt_buf *b)
{
	struct pt_activity_process p;
	struct stat st;
	char path[32];
	size_t n = strlen(name);
	int rc;

	memcpy(path, name, n);
	memcpy(path + n, "/stat", 6);
	rc = read_text(proc, path, b);
	if (rc || !pt_activity_parse_process(b->s, &p) || fstatat(proc, name, &st, 0))
		return rc < 0 ? rc : 0;
	p.uid = st.st_uid;
	return pt_vec_push(out->arena, &out->processes, p);
}

static int read_processes(struct pt_activity *out, struct pt_buf *b)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int rc = dir ? 0 : -errno;

	while (dir && !rc && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strlen(entry->d_name) < 12)
			rc = read_process(out, dirfd(dir), entry->d_name, b);
	if (dir)
		closedir(dir);
	if (out->processes.n)
		qsort(out->processes.v, out->processes.n, sizeof(*out->processes.v), by_pid);
	return rc;
}

int pt_activity_read(struct pt_nl *route, struct pt_arena *a, struct pt_activity *out, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	struct timespec now;
	int rc;

	*out = (struct pt_activity){ .arena = a };
	rc = pt_links_read(route, a, &out->links, e);
	if (!rc && clock_gettime(CLOCK_MONOTONIC, &now))
		rc = -errno;
	if (!rc) {
		out->when = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		rc = read_files(out, &b, e);
		if (!rc)
			rc = read_processes(out, &b);
		if (rc && rc != -ENOENT)
			(void)pt_err_sys(e, rc, "reading what this machine is busy with");
	}
	pt_buf_fini(&b);
	return rc;
}
