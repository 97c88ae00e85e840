/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_write - packets into pcapng files: one, or a ring of some that are used again and again.
 *
 * All files are made before anything is captured, by who starts the command; later there is no right to make any. A file of a ring
 * is emptied when its turn comes again.
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
	uint64_t size, time;       /* of one file, 0: no limit */
	uint64_t in_file, bytes, begun;
	bool ring;
	struct pt_pcapng pcapng;
	struct pt_buf buf;
};

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

static int make_ring(struct pt_capture_writer *w, const struct pt_capture_keep *k, struct pt_err *e)
{
	struct pt_buf path = { 0 };
	int rc = 0;

	for (uint32_t i = 1; !rc && i <= k->files; i++) {
		path.n = 0;
		pt_buf_fmt(&path, "%s.%u", k->path, i);
		rc = path.err ? path.err : make_file(w, path.s, e);
	}
	pt_buf_fini(&path);
	return rc;
}

int pt_capture_writer_new(const struct pt_capture_keep *k, struct pt_capture_writer **out, struct pt_err *e)
{
	struct pt_capture_writer *w = calloc(1, sizeof(*w));
	int rc = w ? 0 : pt_err_sys(e, -ENOMEM, "writing the capture");

	*out = NULL;
	if (rc)
		return rc;
	w->size = k->size;
	w->time = k->time;
	w->ring = k->files > 1;
	w->pcapng.application = "ptdiag " PT_VERSION;
	w->pcapng.about = k->about;
	if (!strcmp(k->path, "-")) {
		w->fds[w->n] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		rc = w->fds[w->n] < 0 ? pt_err_sys(e, -errno, "writing to standard output") : 0;
		w->n += !rc;
	} else {
		rc = w->ring ? make_ring(w, k, e) : make_file(w, k->path, e);
	}
	if (rc) {
		(void)pt_capture_writer_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

int pt_capture_writer_flush(struct pt_capture_writer *w)
{
	size_t at = 0;

	while (at < w->buf.n) {
		ssize_t n = write(w->fds[w->now], w->buf.s + at, w->buf.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	w->buf.n = 0;
	return 0;
}

static int next_file(struct pt_capture_writer *w)
{
	int rc = pt_capture_writer_flush(w);

	if (rc)
		return rc;
	w->now = (w->now + 1) % w->n;
	if (lseek(w->fds[w->now], 0, SEEK_SET) < 0 || ftruncate(w->fds[w->now], 0))
		return -errno;
	w->in_file = 0;
	pt_pcapng_restart(&w->pcapng);
	return 0;
}

int pt_capture_writer_add(struct pt_capture_writer *w, const struct pt_capture_packet *p, const struct pt_log_record *rule)
{
	struct pt_log_record r = { .rule = "", .file = "", .on = "" };
	size_t before;
	int rc;

	if (rule)
		r = *rule;
	r.in = p->dir == PT_OUT ? "" : p->device;
	r.out = p->dir == PT_OUT ? p->device : "";
	r.dir = p->dir;
	r.time = p->time;
	r.data = p->data;
	r.n = p->n;
	r.size = p->size;
	r.link = p->link;
	if (w->ring && w->in_file &&
	    ((w->size && w->in_file >= w->size) || (w->time && p->time >= w->begun && p->time - w->begun >= w->time))) {
		rc = next_file(w);
		if (rc)
			return rc;
	}
	if (!w->in_file)
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
