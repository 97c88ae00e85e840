/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/store - the ring of files, for the one process that writes it.
 *
 * Records wait in memory and are written many at a time, with one write(2): a file holds whole blocks, but for the
 * end that a crash can leave. That is cut off by the next writer. A file that is full makes room for a new
 * one and moves to the next number; the oldest one goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/store.h"

struct pt_log_store {
	int dir, lock, fd;
	uint64_t limit;       /* of one file */
	uint64_t size;        /* of the file that is written */
	bool torn;            /* it ends in half a block */
	struct pt_pcapng writer;
	struct pt_buf wait;
	uint64_t n_wait;      /* records in WAIT, and what they tell as lost */
	uint64_t number, dropped;
	uint64_t untold;      /* lost, to be told with the next record */
};

struct store_name store_name(unsigned int i)
{
	struct store_name n;

	if (i)
		snprintf(n.s, sizeof(n.s), PT_LOG_FILE ".%u", i);
	else
		snprintf(n.s, sizeof(n.s), PT_LOG_FILE);
	return n;
}

/* ---- files ---- */

static int open_file(struct pt_log_store *s)
{
	struct stat st;

	s->fd = openat(s->dir, PT_LOG_FILE, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (s->fd < 0)
		return -errno;
	if (fstat(s->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	s->size = (uint64_t)st.st_size;
	return 0;
}

static void close_file(struct pt_log_store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->size = 0;
	s->torn = false;
	pt_pcapng_restart(&s->writer);
}

/* Another file at the next flush. Where a rename fails, the file of that number goes on being what it was. */
static void rotate(struct pt_log_store *s)
{
	close_file(s);
	for (unsigned int i = PT_LOG_FILES - 1; i; i--)
		(void)renameat(s->dir, store_name(i - 1).s, s->dir, store_name(i).s);
}

/* Where the last whole block ends; -EBADMSG where something that is no block follows. */
static int find_end(int fd, uint64_t *end)
{
	struct pt_pcapng_reader *r = pt_pcapng_reader_new(fd);
	struct pt_log_record rec;
	int rc = 1;

	if (!r)
		return -ENOMEM;
	while (rc > 0)
		rc = pt_pcapng_next(r, &rec);
	*end = pt_pcapng_offset(r);
	pt_pcapng_reader_free(r);
	return rc;
}

/* The file as the last writer left it. */
static int recover(struct pt_log_store *s)
{
	uint64_t end = 0;
	int rc = open_file(s);

	if (rc || !s->size)
		return rc;
	rc = find_end(s->fd, &end);
	if (rc == -EBADMSG) {
		rotate(s);
		return open_file(s);
	}
	if (!rc && end < s->size && ftruncate(s->fd, (off_t)end))
		rc = -errno;
	if (!rc)
		s->size = end;
	return rc;
}

/* ---- opening ---- */

static int make_folder(const char *dir, struct pt_err *e)
{
	const char *slash = strrchr(dir, '/');
	char *parent;
	int rc = 0;

	if (slash && slash != dir) {
		parent = strndup(dir, (size_t)(slash - dir));
		rc = parent ? pt_mkdirs(parent, e) : -ENOMEM;
		free(parent);
	}
	if (!rc && mkdir(dir, 0750) && errno != EEXIST)
		rc = pt_err_sys(e, -errno, "making the folder %s", dir);
	return rc;
}

static int open_dir(struct pt_log_store *s, const char *dir, struct pt_err *e)
{
	char *lock = NULL;
	int rc = make_folder(dir, e);

	if (rc)
		return rc;
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return pt_err_sys(e, -errno, "opening %s", dir);
	if (asprintf(&lock, "%s/" STORE_LOCK, dir) < 0)
		return pt_err_sys(e, -ENOMEM, "opening %s", dir);
	rc = pt_lock(lock, &s->lock, e);
	free(lock);
	return rc;
}

int pt_log_store_open(const char *dir, uint64_t size, struct pt_log_store **out, struct pt_err *e)
{
	struct pt_log_store *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return pt_err_sys(e, -ENOMEM, "opening the log");
	s->dir = s->lock = s->fd = -1;
	s->limit = (size < PT_LOG_SIZE_MIN ? PT_LOG_SIZE_MIN : size) / PT_LOG_FILES;
	rc = open_dir(s, dir, e);
	if (!rc) {
		rc = recover(s);
		if (rc)
			pt_err_sys(e, rc, "opening %s/%s", dir, PT_LOG_FILE);
	}
	if (rc)
		pt_log_store_close(s);
	else
		*out = s;
	return rc;
}

void pt_log_store_close(struct pt_log_store *s)
{
	if (!s)
		return;
	close_file(s);
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	pt_pcapng_fini(&s->writer);
	pt_buf_fini(&s->wait);
	free(s);
}

bool pt_log_store_live(const char *dir)
{
	int fd, lock = -1;
	bool live = false;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	lock = openat(fd, STORE_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (lock >= 0)
		live = flock(lock, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	else
		live = errno == EACCES; /* who may only read the files is told nothing about their writer */
	if (lock >= 0)
		close(lock);
	close(fd);
	return live;
}

/* ---- writing ---- */

/* What waits is not going to be written. */
static void drop(struct pt_log_store *s)
{
	s->dropped += s->n_wait;
	s->untold += s->n_wait;
	s->n_wait = s->wait.n = 0;
	s->wait.err = 0;
	pt_pcapng_restart(&s->writer); /* devices that it described are gone with it */
}

static int write_all(struct pt_log_store *s)
{
	size_t done = 0;
	ssize_t n;

	while (done < s->wait.n) {
		n = write(s->fd, s->wait.s + done, s->wait.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* The file may have been deleted, or never made for want of room. */
static int ready_file(struct pt_log_store *s)
{
	struct stat st;

	if (s->torn)
		rotate(s);
	if (s->fd >= 0 && !fstat(s->fd, &st) && st.st_nlink)
		return 0;
	if (s->fd < 0)
		return open_file(s);
	close_file(s);
	return -ESTALE; /* what waits belongs to a section that is gone */
}

int pt_log_store_flush(struct pt_log_store *s)
{
	int rc;

	if (!s->wait.n)
		return 0;
	rc = ready_file(s);
	if (!rc) {
		rc = write_all(s);
		if (rc && ftruncate(s->fd, (off_t)s->size))
			s->torn = true;
	}
	if (rc) {
		drop(s);
		return rc;
	}
	s->size += s->wait.n;
	s->wait.n = 0;
	s->n_wait = 0;
	return 0;
}

int pt_log_store_add(struct pt_log_store *s, const struct pt_log_record *r)
{
	struct pt_log_record copy = *r;
	int rc = 0;

	if (s->size + s->wait.n >= s->limit) {
		rc = pt_log_store_flush(s);
		rotate(s);
	}
	copy.number = ++s->number;
	copy.lost += s->untold;
	s->untold = 0;
	pt_pcapng_add(&s->writer, &s->wait, &copy);
	s->n_wait++;
	if (s->wait.err) {
		rc = s->wait.err;
		s->untold += copy.lost;
		drop(s);
	}
	return rc;
}

size_t pt_log_store_waiting(const struct pt_log_store *s)
{
	return s->wait.n;
}

uint64_t pt_log_store_dropped(const struct pt_log_store *s)
{
	return s->dropped;
}
