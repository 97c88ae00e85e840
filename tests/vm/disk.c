/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk for the kernel over nbd, see disk.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/disk.h"

static bool read_all(int fd, void *to, size_t n)
{
	for (uint8_t *p = to; n > 0;) {
		ssize_t got = read(fd, p, n);

		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool write_all(int fd, const void *from, size_t n)
{
	for (const uint8_t *p = from; n > 0;) {
		ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

static void keep(struct disk *d, uint64_t off, uint32_t len, bool fua)
{
	struct disk_write w = { .off = off, .len = len, .fua = fua };

	pthread_mutex_lock(&d->lock);
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 4096;
		d->log = realloc(d->log, d->cap * sizeof(*d->log));
	}
	w.data = len ? malloc(len) : NULL;
	if (!d->log || (len && !w.data))
		abort();
	if (len)
		memcpy(w.data, d->image + off, len);
	d->log[d->n++] = w;
	pthread_mutex_unlock(&d->lock);
}

/* False: the kernel went away. */
static bool serve_one(struct disk *d)
{
	struct nbd_request q;
	struct nbd_reply a = { .magic = htobe32(NBD_REPLY_MAGIC) };
	uint64_t off;
	uint32_t len, type;

	if (!read_all(d->socket, &q, sizeof(q)) || be32toh(q.magic) != NBD_REQUEST_MAGIC)
		return false;
	off = be64toh(q.from);
	len = be32toh(q.len);
	type = be32toh(q.type) & 0xffff;
	memcpy(a.handle, q.handle, sizeof(a.handle));
	if (type == NBD_CMD_DISC)
		return false;
	if (type != NBD_CMD_FLUSH && off + len > DISK_SIZE)
		return false;
	if (type == NBD_CMD_WRITE) {
		if (!read_all(d->socket, d->image + off, len))
			return false;
		keep(d, off, len, be32toh(q.type) & NBD_CMD_FLAG_FUA);
	} else if (type == NBD_CMD_FLUSH) {
		keep(d, 0, 0, false);
	}
	return write_all(d->socket, &a, sizeof(a)) && (type != NBD_CMD_READ || write_all(d->socket, d->image + off, len));
}

static void *serve(void *arg)
{
	while (serve_one(arg))
		;
	return NULL;
}

static int load(uint8_t *to, const char *image)
{
	int fd = open(image, O_RDONLY | O_CLOEXEC);
	bool whole = fd >= 0 && read_all(fd, to, DISK_SIZE);

	if (fd >= 0)
		close(fd);
	return whole ? 0 : -EIO;
}

int disk_start(struct disk *d, const char *path, const char *image)
{
	int pair[2];

	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	d->image = malloc(DISK_SIZE);
	if (!d->image || load(d->image, image) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -EIO;
	d->socket = pair[0];
	d->device = open(path, O_RDWR | O_CLOEXEC);
	if (d->device < 0 || ioctl(d->device, NBD_SET_BLKSIZE, 1024ul) || ioctl(d->device, NBD_SET_SIZE_BLOCKS, (unsigned long)DISK_SIZE / 1024) ||
	    ioctl(d->device, NBD_SET_FLAGS, (unsigned long)(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA)) ||
	    ioctl(d->device, NBD_SET_SOCK, (unsigned long)pair[1]))
		return -errno;
	d->doer = fork();
	if (d->doer == 0) {
		close(pair[0]);
		(void)!ioctl(d->device, NBD_DO_IT);
		_exit(0);
	}
	close(pair[1]);
	if (pthread_create(&d->server, NULL, serve, d))
		return -EAGAIN;
	/* The kernel reads the partition table as soon as it has the size. */
	for (int i = 0; i < 100; i++) {
		char first[512];

		if (pread(d->device, first, sizeof(first), 0) == (ssize_t)sizeof(first))
			return 0;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

void disk_stop(struct disk *d)
{
	(void)!ioctl(d->device, NBD_DISCONNECT);
	pthread_join(d->server, NULL);
	close(d->socket);
	close(d->device);
	waitpid(d->doer, NULL, 0);
}

size_t disk_moment(struct disk *d)
{
	size_t n;

	pthread_mutex_lock(&d->lock);
	n = d->n;
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* ---- cuts ---- */

static void put(uint8_t *medium, const struct disk_write *w, bool torn)
{
	for (uint32_t i = 0; i < w->len; i += DISK_SECTOR)
		if (!torn || random() % 2)
			memcpy(medium + w->off + i, w->data + i, w->len - i < DISK_SECTOR ? w->len - i : DISK_SECTOR);
}

void disk_cut(const struct disk *d, const uint8_t *first, size_t moment, enum disk_loss loss, uint8_t *medium)
{
	size_t flushed = 0, kept = moment;

	memcpy(medium, first, DISK_SIZE);
	for (size_t i = 0; i < moment; i++)
		if (!d->log[i].len)
			flushed = i;
	if (loss == DISK_PREFIX) {
		kept = moment > 64 ? moment - (size_t)random() % 64 : moment;
		flushed = kept;
	}
	for (size_t i = 0; i < kept; i++) {
		const struct disk_write *w = &d->log[i];
		int chance = (int)(random() % 4);

		if (i < flushed || w->fua || chance > 1)
			put(medium, w, false);
		else if (chance == 1)
			put(medium, w, true);
	}
}
