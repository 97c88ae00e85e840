/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/capture_read - capture files of both kinds: pcapng by log's reader, and what came before it. */
#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "diag/capture.h"

#define PCAP_HEAD 24
#define PCAP_PACKET 16
#define PACKET_MAX (1u << 20)
#define CHUNK (256u << 10)

struct pt_capture_reader {
	struct pt_pcapng_reader *ng; /* else a file of the old kind: */
	int fd;
	bool swap, nanoseconds, cut;
	uint16_t link;
	uint64_t offset; /* in the file, of what is behind BUF[N) */
	uint8_t *buf;
	size_t at, n;
	char device[PT_LOG_DEVICE_MAX];
};

static uint32_t get32(const struct pt_capture_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? bswap_32(v) : v;
}

/* 1: WANT bytes, at most those of BUF, are there from AT on. */
static int have(struct pt_capture_reader *r, size_t want)
{
	ssize_t got;

	if (r->n - r->at >= want)
		return 1;
	memmove(r->buf, r->buf + r->at, r->n - r->at);
	r->n -= r->at;
	r->at = 0;
	while (r->n < want) {
		got = pread(r->fd, r->buf + r->n, PACKET_MAX + CHUNK - r->n, (off_t)r->offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		r->n += (size_t)got;
		r->offset += (uint64_t)got;
	}
	return 1;
}

/* Four words tell the order of bytes and the unit of times. */
static bool read_magic(struct pt_capture_reader *r, uint32_t magic)
{
	static const uint32_t micro = 0xa1b2c3d4, nano = 0xa1b23c4d;

	r->swap = magic == bswap_32(micro) || magic == bswap_32(nano);
	if (r->swap)
		magic = bswap_32(magic);
	r->nanoseconds = magic == nano;
	return magic == micro || magic == nano;
}

/* 0: it is one of the old kind; -EBADMSG: no capture at all. */
static int begin_pcap(struct pt_capture_reader *r, const uint8_t head[PCAP_HEAD])
{
	uint32_t magic;

	memcpy(&magic, head, sizeof(magic));
	if (!read_magic(r, magic))
		return -EBADMSG;
	r->buf = malloc(PACKET_MAX + CHUNK);
	if (!r->buf)
		return -ENOMEM;
	/* The upper bits tell of checksums of the link. */
	r->link = (uint16_t)get32(r, head + 20);
	r->offset = PCAP_HEAD;
	return 0;
}

int pt_capture_reader_new(int fd, struct pt_capture_reader **out, struct pt_err *e)
{
	struct pt_capture_reader *r = calloc(1, sizeof(*r));
	uint8_t head[PCAP_HEAD] = { 0 };
	ssize_t got = pread(fd, head, sizeof(head), 0);
	uint32_t type;
	int rc = 0;

	*out = NULL;
	memcpy(&type, head, sizeof(type));
	if (!r) {
		rc = -ENOMEM;
	} else if (got < 0) {
		rc = -errno;
	} else if (type == 0x0a0d0d0au && got > 8) {
		r->fd = fd;
		r->ng = pt_pcapng_reader_new(fd);
		rc = r->ng ? 0 : -ENOMEM;
	} else {
		r->fd = fd;
		rc = got == PCAP_HEAD ? begin_pcap(r, head) : -EBADMSG;
	}
	if (!rc) {
		*out = r;
		return 0;
	}
	free(r);
	if (rc == -EBADMSG)
		pt_err_add(e, PT_ERROR, NULL, NULL, "this is no capture file, neither pcap nor pcapng");
	else
		pt_err_sys(e, rc, "reading the capture");
	return rc;
}

void pt_capture_reader_free(struct pt_capture_reader *r)
{
	if (!r)
		return;
	pt_pcapng_reader_free(r->ng);
	free(r->buf);
	free(r);
}

bool pt_capture_reader_cut(const struct pt_capture_reader *r)
{
	return r->cut;
}

static int next_pcap(struct pt_capture_reader *r, struct pt_capture_packet *out)
{
	const uint8_t *p;
	int rc = have(r, PCAP_PACKET);
	uint32_t n;

	if (rc <= 0) {
		r->cut = r->n > r->at;
		return rc;
	}
	n = get32(r, r->buf + r->at + 8);
	if (n > PACKET_MAX - PCAP_PACKET)
		return -EBADMSG;
	rc = have(r, PCAP_PACKET + n);
	if (rc <= 0) {
		r->cut = true;
		return rc;
	}
	p = r->buf + r->at;
	*out = (struct pt_capture_packet){ .time = (uint64_t)get32(r, p) * 1000000000 +
						   (uint64_t)get32(r, p + 4) * (r->nanoseconds ? 1 : 1000),
					   .data = p + PCAP_PACKET,
					   .n = n,
					   .size = get32(r, p + 12),
					   .link = r->link,
					   .device = "" };
	if (out->size < n)
		out->size = n;
	r->at += PCAP_PACKET + n;
	return 1;
}

static int next_pcapng(struct pt_capture_reader *r, struct pt_capture_packet *out)
{
	struct pt_log_record rec;
	int rc = pt_pcapng_next(r->ng, &rec);

	if (rc <= 0) {
		r->cut = !rc && lseek(r->fd, 0, SEEK_END) > (off_t)pt_pcapng_offset(r->ng);
		return rc;
	}
	*out = (struct pt_capture_packet){ .time = rec.time,
					   .data = rec.data,
					   .n = rec.n,
					   .size = rec.size > rec.n ? rec.size : rec.n,
					   .link = rec.link,
					   .dir = rec.seen ? rec.seen : rec.dir,
					   .device = rec.seen_on ? rec.seen_on : "",
					   .note = rec.note,
					   .n_note = rec.n_note };
	return 1;
}

int pt_capture_reader_next(struct pt_capture_reader *r, struct pt_capture_packet *out)
{
	return r->ng ? next_pcapng(r, out) : next_pcap(r, out);
}
