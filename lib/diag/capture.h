/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of capturing share. */
#ifndef DIAG_CAPTURE_H
#define DIAG_CAPTURE_H

#include <string.h>

#include <patronus/capture.h>

#define COOKED_SIZE 16 /* bytes of the header that Linux makes up */
#define COOKED2_SIZE 20

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* capture_filter.c: -EOPNOTSUPP: the kernel cannot, the caller must. The snap length of a socket without a filter. */
int capture_filter_attach(const struct pt_capture_filter *f, int fd, bool cooked);
int capture_snap_attach(int fd, uint32_t snap);

#endif
