/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disk - a disk with a volatile cache, whose power can be cut at any moment after the fact. The kernel writes to it as to any
 * other (nbd); every write and flush is kept in order, and the medium as a cut at some moment would have left it can be made again
 * and again.
 */
#ifndef PATRONUS_TESTS_VM_DISK_H
#define PATRONUS_TESTS_VM_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SIZE (24u << 20)
#define DISK_SECTOR 512u /* is written as a whole or not at all */

struct disk_write {
	uint64_t off;
	uint32_t len;   /* 0: a flush: all before it is on the medium */
	bool fua;       /* is on the medium when it is done */
	uint8_t *data;
};

struct disk {
	uint8_t *image;              /* as the kernel sees it */
	struct disk_write *log;
	size_t n, cap;
	pthread_mutex_t lock;
	int socket;                  /* the kernel's requests */
	int device;
	pthread_t server;
	int doer;                    /* process that lends itself to the kernel */
};

/* IMAGE is what the medium holds at first; the device is PATH. */
int disk_start(struct disk *d, const char *path, const char *image);
void disk_stop(struct disk *d);
/* Number of writes and flushes so far: a moment. */
size_t disk_moment(struct disk *d);

/* How what was not flushed is lost. */
enum disk_loss {
	DISK_ANY,    /* any of it, in any order, sectors torn: a cache that is flushed when it is told to */
	DISK_PREFIX, /* what came last: a cache that keeps the order, or none. Flushes mean nothing */
};
/* MEDIUM, which held FIRST at the beginning, after a cut at MOMENT. */
void disk_cut(const struct disk *d, const uint8_t *first, size_t moment, enum disk_loss loss, uint8_t *medium);

#endif
