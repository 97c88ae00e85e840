/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/reader - the store, for anybody who may read its files, while it is written.
 *
 * Files are opened from the newest to the oldest: when the writer exchanges them meanwhile, one can be met twice, which
 * is seen, but none is left out. At the end of the newest one the reader looks whether it still is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/store.h"

struct file {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct pt_log_reader {
	int dir;              /* -1: one file, no store */
	PT_VEC(struct file) files; /* still to be read; the last one is the oldest, and is being read */
	struct pt_pcapng_reader *pcapng; /* of that one */
	bool ending;          /* another file is the newest: this one does not grow any more */
	bool stuck;           /* at damage in the newest one */
	uint64_t last, missed;
	size_t damaged;
};

/* 1: opened, 0: there is none. */
static int open_at(int dir, const char *name, struct file *out)
{
	struct stat st = { .st_mode = 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	out->fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (dir == AT_FDCWD ? 0 : O_NOFOLLOW));
	if (out->fd < 0)
		return errno == ENOENT && dir != AT_FDCWD ? 0 : -errno;
	rc = fstat(out->fd, &st) ? -errno : S_ISREG(st.st_mode) ? 1 : -EINVAL;
	if (rc < 0)
		close(out->fd);
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	return rc;
}

static bool same_file(const struct file *a, const struct file *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static bool is_known(const struct pt_log_reader *r, const struct file *f)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (same_file(&r->files.v[i], f))
			return true;
	return false;
}

/* Opens from the newest on, until one is STOP (NULL: all) or MAX are there. */
static int open_files(struct pt_log_reader *r, const struct file *stop, unsigned int max)
{
	struct file f;
	int rc;

	for (unsigned int i = 0; i < PT_LOG_FILES && r->files.n < max; i++) {
		rc = open_at(r->dir, store_name(i).s, &f);
		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		if (stop && same_file(&f, stop)) {
			close(f.fd);
			break;
		}
		if (is_known(r, &f)) {
			close(f.fd);
			continue;
		}
		if (pt_vec_push(NULL, &r->files, f)) {
			close(f.fd);
			return -ENOMEM;
		}
	}
	return 0;
}

static int begin_file(struct pt_log_reader *r)
{
	pt_pcapng_reader_free(r->pcapng);
	r->pcapng = NULL;
	r->ending = r->stuck = false;
	if (!r->files.n)
		return 0;
	r->pcapng = pt_pcapng_reader_new(r->files.v[r->files.n - 1].fd);
	return r->pcapng ? 0 : -ENOMEM;
}

/* Leaves the file that is read for the next one. */
static int next_file(struct pt_log_reader *r)
{
	close(r->files.v[--r->files.n].fd);
	return begin_file(r);
}

/* The last known file is at its end: 1 when there are newer ones, opened now. */
static int look_for_newer(struct pt_log_reader *r)
{
	struct file now = r->files.v[0], newest;
	int rc;

	if (r->dir < 0)
		return 0;
	rc = open_at(r->dir, PT_LOG_FILE, &newest);
	if (rc <= 0)
		return rc;
	close(newest.fd);
	if (same_file(&now, &newest))
		return 0;
	if (!r->ending) { /* it may have got its last records after they were looked for */
		r->ending = true;
		return 1;
	}
	r->files.n = 0;
	rc = open_files(r, &now, PT_LOG_FILES);
	if (!rc && pt_vec_push(NULL, &r->files, now))
		rc = -ENOMEM;
	if (rc) {
		close(now.fd);
		return rc;
	}
	rc = next_file(r);
	return rc ? rc : 1;
}

static void count(struct pt_log_reader *r, const struct pt_log_record *rec)
{
	if (r->last && rec->number > r->last + 1)
		r->missed += rec->number - r->last - 1;
	r->last = rec->number;
}

int pt_log_reader_next(struct pt_log_reader *r, struct pt_log_record *out)
{
	int rc = 0;

	while (r->files.n) {
		rc = r->stuck ? 0 : pt_pcapng_next(r->pcapng, out);
		if (rc == 1) {
			count(r, out);
			return 1;
		}
		if (rc == -EBADMSG) {
			r->damaged++;
			r->stuck = true;
			rc = 0;
		}
		if (!rc)
			rc = r->files.n > 1 ? next_file(r) : 1;
		if (rc == 1)
			rc = look_for_newer(r);
		else if (!rc)
			continue;
		if (rc <= 0)
			return rc;
	}
	return rc;
}

/* ---- opening ---- */

static int open_path(struct pt_log_reader *r, const char *path, unsigned int max)
{
	struct stat st;
	struct file f;
	int rc;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		r->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r->dir < 0)
			return -errno;
		rc = open_files(r, NULL, max);
		return rc ? rc : r->files.n ? 0 : -ENOENT;
	}
	rc = open_at(AT_FDCWD, path, &f);
	if (rc <= 0)
		return rc;
	if (!pt_vec_push(NULL, &r->files, f))
		return 0;
	close(f.fd);
	return -ENOMEM;
}

/* Everything that is there already is not wanted, but the names of its devices are. */
static int skip(struct pt_log_reader *r)
{
	struct pt_log_record rec;
	int rc;

	do
		rc = pt_log_reader_next(r, &rec);
	while (rc > 0);
	return rc;
}

int pt_log_reader_open(const char *path, bool tail, struct pt_log_reader **out, struct pt_err *e)
{
	struct pt_log_reader *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return pt_err_sys(e, -ENOMEM, "opening the log");
	r->dir = -1;
	rc = open_path(r, path, tail ? 1 : PT_LOG_FILES);
	if (!rc)
		rc = begin_file(r);
	if (!rc && tail)
		rc = skip(r);
	if (!rc) {
		*out = r;
		return 0;
	}
	pt_log_reader_close(r);
	if (rc == -ENOENT)
		pt_err_add(e, PT_ERROR, NULL, "record with `ptfw log record`, or the service patronus-log",
			   "nothing is recorded in %s", path);
	else
		pt_err_sys(e, rc, "reading the log in %s", path);
	return rc;
}

void pt_log_reader_close(struct pt_log_reader *r)
{
	if (!r)
		return;
	pt_pcapng_reader_free(r->pcapng);
	for (size_t i = 0; i < r->files.n; i++)
		close(r->files.v[i].fd);
	free(r->files.v);
	if (r->dir >= 0)
		close(r->dir);
	free(r);
}

uint64_t pt_log_reader_missed(const struct pt_log_reader *r)
{
	return r->missed;
}

size_t pt_log_reader_damaged(const struct pt_log_reader *r)
{
	return r->damaged;
}
