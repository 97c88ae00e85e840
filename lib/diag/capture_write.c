/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_write - packets into pcapng files: one, or a ring of some that are used again and again.
 *
 * All files are made before anything is captured, by who starts the command; later there is no right to make any. A
 * file of a ring is emptied when its turn comes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "diag/capture.h"

#define WAIT (256u << 10) /* bytes that are written at once */

struct pt_capture_writer {
	int fds[PT_CAPTURE_FILES];
	size_t n, now;
	uint64_t size, time; /* of one file, 0: no limit */
	uint64_t in_file, packets_in_file, bytes, begun;
	bool ring, failed;
	struct pt_capture_device devices[PT_CAPTURE_DEVICES];
	size_t n_devices;
	struct pt_pcapng pcapng;
	struct pt_buf buf;
};

/* ---- making them ---- */

static int make_file(struct pt_capture_writer *w, const char *path, struct pt_err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST) {
		pt_err_add(e, PT_ERROR, NULL, "remove it, or choose another name", "%s is there already", path);
		return -EEXIST;
	}
	if (fd < 0)
		return pt_err_sys(e, -errno, "making %s", path);
	w->fds[w->n++] = fd;
	return 0;
}

static int make_standard(struct pt_capture_writer *w, struct pt_err *e)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return pt_err_sys(e, -errno, "writing to standard output");
	w->fds[w->n++] = fd;
	return 0;
}

/* The name of the Ith one, from 0. */
static int name_file(const struct pt_capture_writer *w, const char *path, size_t i, struct pt_buf *name)
{
	name->n = 0;
	pt_buf_str(name, path);
	if (w->ring)
		pt_buf_fmt(name, ".%zu", i + 1);
	return name->err;
}

/* What cannot be made as a whole leaves nothing that stands in the way of the next attempt. */
static void unmake_files(const struct pt_capture_writer *w, const char *path)
{
	struct pt_buf name = { 0 };

	for (size_t i = 0; i < w->n && strcmp(path, "-"); i++)
		if (!name_file(w, path, i, &name))
			(void)unlink(name.s);
	pt_buf_fini(&name);
}

static int make_files(struct pt_capture_writer *w, const struct pt_capture_keep *k, struct pt_err *e)
{
	struct pt_buf name = { 0 };
	int rc = 0;

	if (!strcmp(k->path, "-"))
		return make_standard(w, e);
	for (size_t i = 0; !rc && i < (w->ring ? k->files : 1); i++) {
		rc = name_file(w, k->path, i, &name);
		rc = rc ? pt_err_sys(e, rc, "making %s", k->path) : make_file(w, name.s, e);
	}
	pt_buf_fini(&name);
	return rc;
}

/* ---- writing them ---- */

/* How many of the N bytes at P, which begin with a block, are whole blocks. */
static size_t whole_blocks(const char *p, size_t n)
{
	size_t at = 0;
	uint32_t len;

	while (n - at >= 8) {
		memcpy(&len, p + at + 4, sizeof(len));
		if (len < 8 || len > n - at)
			break;
		at += len;
	}
	return at;
}

/* A disk that is full has taken a part: the file is cut to its whole blocks, so that what is there can be read. */
static void drop_half(struct pt_capture_writer *w, size_t written)
{
	off_t end = lseek(w->fds[w->now], 0, SEEK_CUR);
	size_t half = written - whole_blocks(w->buf.s, written);

	if (half && end >= (off_t)half)
		(void)!ftruncate(w->fds[w->now], end - (off_t)half);
}

int pt_capture_writer_flush(struct pt_capture_writer *w)
{
	size_t at = 0;

	while (at < w->buf.n && !w->failed) {
		ssize_t n = write(w->fds[w->now], w->buf.s + at, w->buf.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int rc = -errno;

			drop_half(w, at);
			w->failed = true;
			return rc;
		}
		at += (size_t)n;
	}
	w->buf.n = 0;
	return 0;
}

/* What it is of stands in each file, also where no packet comes. */
static int begin_file(struct pt_capture_writer *w)
{
	w->buf.n = 0;
	pt_pcapng_restart(&w->pcapng);
	pt_pcapng_begin(&w->pcapng, &w->buf);
	for (size_t i = 0; i < w->n_devices; i++)
		pt_pcapng_device(&w->pcapng, &w->buf, w->devices[i].name, w->devices[i].link);
	w->in_file = w->buf.n;
	w->bytes += w->buf.n;
	w->packets_in_file = 0;
	return w->buf.err ? w->buf.err : pt_capture_writer_flush(w);
}

static int next_file(struct pt_capture_writer *w)
{
	int rc = pt_capture_writer_flush(w);

	if (rc)
		return rc;
	w->now = (w->now + 1) % w->n;
	if (lseek(w->fds[w->now], 0, SEEK_SET) < 0 || ftruncate(w->fds[w->now], 0))
		return -errno;
	return begin_file(w);
}

/* From the last one on, so that packets go into the first one. */
static int begin_files(struct pt_capture_writer *w)
{
	int rc = 0;

	for (size_t i = w->n; !rc && i-- > 0;) {
		w->now = i;
		rc = begin_file(w);
	}
	return rc;
}

static void set_keep(struct pt_capture_writer *w, const struct pt_capture_keep *k)
{
	w->size = k->size;
	w->time = k->time;
	w->ring = k->files > 1;
	w->n_devices = k->n_devices;
	memcpy(w->devices, k->devices, sizeof(w->devices));
	w->pcapng.application = "ptdiag " PT_VERSION;
	w->pcapng.about = k->about;
}

int pt_capture_writer_new(const struct pt_capture_keep *k, struct pt_capture_writer **out, struct pt_err *e)
{
	struct pt_capture_writer *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w)
		return pt_err_sys(e, -ENOMEM, "writing the capture");
	set_keep(w, k);
	rc = make_files(w, k, e);
	if (!rc) {
		rc = begin_files(w);
		if (rc)
			rc = pt_err_sys(e, rc, "writing %s", k->path);
	}
	if (rc) {
		unmake_files(w, k->path);
		w->buf.n = 0;
		(void)pt_capture_writer_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

static bool is_full(const struct pt_capture_writer *w, uint64_t now)
{
	return w->ring && w->packets_in_file &&
	       ((w->size && w->in_file >= w->size) || (w->time && now >= w->begun && now - w->begun >= w->time));
}

int pt_capture_writer_add(struct pt_capture_writer *w, const struct pt_capture_packet *p,
			  const struct pt_log_record *rule)
{
	struct pt_log_record r = { .rule = "", .file = "", .on = "" };
	size_t before;
	int rc;

	if (rule)
		r = *rule;
	if (!rule)
		r.in = r.out = "";
	r.captured = true;
	r.seen_on = p->device;
	r.seen = p->dir;
	r.time = p->time;
	r.data = p->data;
	r.n = p->n;
	r.size = p->size;
	r.link = p->link;
	rc = is_full(w, p->time) ? next_file(w) : 0;
	if (rc)
		return rc;
	if (!w->packets_in_file++)
		w->begun = p->time;
	before = w->buf.n;
	pt_pcapng_add(&w->pcapng, &w->buf, &r);
	if (w->buf.err)
		return w->buf.err;
	w->in_file += w->buf.n - before;
	w->bytes += w->buf.n - before;
	return w->buf.n >= WAIT ? pt_capture_writer_flush(w) : 0;
}

uint64_t pt_capture_writer_bytes(const struct pt_capture_writer *w)
{
	return w->bytes;
}

int pt_capture_writer_close(struct pt_capture_writer *w)
{
	int rc = w ? pt_capture_writer_flush(w) : 0;

	if (!w)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		if (close(w->fds[i]) && !rc)
			rc = -errno;
	pt_pcapng_fini(&w->pcapng);
	pt_buf_fini(&w->buf);
	free(w);
	return rc;
}
