/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/pcapng_read - blocks of pcapng as records, of either byte order.
 *
 * The end of a file that is being written, or whose writer was killed, may be the first half of a block: that
 * is the end for now. A block that cannot be one at all is damage, and nothing behind it can be found again.
 */
#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/log.h>

#include "log/pcapng.h"

#define CHUNK (64u << 10)
#define DEVICES_MAX 65536 /* of a section: hostile files describe devices without end */

struct device {
	char name[PT_LOG_DEVICE_MAX], on[PT_LOG_DEVICE_MAX];
	uint64_t per_second; /* resolution of its times; 0: not one that is read here */
	int64_t offset;      /* of its times, seconds */
	uint32_t snap;
	uint16_t link;
};

struct pt_pcapng_reader {
	int fd;
	bool section, swap;
	uint64_t offset;      /* of the next block in the file */
	uint8_t *buf;
	size_t at, n, cap;    /* BUF[at, n) is the file from OFFSET on */
	PT_VEC(struct device) devices;
	struct pt_arena *arena; /* strings of the newest record */
};

struct pt_pcapng_reader *pt_pcapng_reader_new(int fd)
{
	struct pt_pcapng_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fd = fd;
	r->arena = pt_arena_new();
	if (r->arena)
		return r;
	free(r);
	return NULL;
}

void pt_pcapng_reader_free(struct pt_pcapng_reader *r)
{
	if (!r)
		return;
	pt_arena_free(r->arena);
	free(r->devices.v);
	free(r->buf);
	free(r);
}

uint64_t pt_pcapng_offset(const struct pt_pcapng_reader *r)
{
	return r->offset;
}

/* ---- bytes ---- */

static uint16_t get16(const struct pt_pcapng_reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? bswap_16(v) : v;
}

static uint32_t get32(const struct pt_pcapng_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? bswap_32(v) : v;
}

static uint64_t get64(const struct pt_pcapng_reader *r, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return r->swap ? bswap_64(v) : v;
}

/* Makes room for a block and what may come with it. */
static int make_room(struct pt_pcapng_reader *r, size_t want)
{
	size_t cap = want > CHUNK ? want : CHUNK;
	uint8_t *more;

	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->n - r->at);
		r->n -= r->at;
		r->at = 0;
	}
	if (r->cap >= cap)
		return 0;
	more = realloc(r->buf, cap);
	if (!more)
		return -ENOMEM;
	r->buf = more;
	r->cap = cap;
	return 0;
}

/* 1: WANT bytes are there from the next block on, 0: the file has fewer. */
static int have(struct pt_pcapng_reader *r, size_t want)
{
	ssize_t got;
	int rc;

	if (r->n - r->at >= want)
		return 1;
	rc = make_room(r, want);
	while (!rc && r->n < want) {
		got = pread(r->fd, r->buf + r->n, r->cap - r->n, (off_t)(r->offset + r->n));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		r->n += (size_t)got;
	}
	return rc ? rc : 1;
}

/* ---- blocks ---- */

/* The order of bytes of the section that begins here: 1 known, 0 not there yet. */
static int section_order(struct pt_pcapng_reader *r)
{
	uint32_t magic;
	int rc = have(r, PCAPNG_BLOCK_MIN);

	if (rc <= 0)
		return rc;
	memcpy(&magic, r->buf + r->at + 8, sizeof(magic));
	if (magic != PCAPNG_MAGIC && magic != bswap_32(PCAPNG_MAGIC))
		return -EBADMSG;
	r->swap = magic != PCAPNG_MAGIC;
	return 1;
}

/* The next block whole in the buffer: 1 and its type and length, or 0. */
static int next_block(struct pt_pcapng_reader *r, uint32_t *type, uint32_t *len)
{
	int rc = have(r, 8);

	if (rc <= 0)
		return rc;
	*type = get32(r, r->buf + r->at);
	if (*type == PCAPNG_SECTION) /* reads the same from both sides */
		rc = section_order(r);
	else if (!r->section)
		rc = -EBADMSG;
	if (rc <= 0)
		return rc;
	*len = get32(r, r->buf + r->at + 4);
	if (*len < PCAPNG_BLOCK_MIN || *len % 4 || *len > PCAPNG_BLOCK_MAX)
		return -EBADMSG;
	rc = have(r, *len);
	if (rc <= 0)
		return rc;
	return get32(r, r->buf + r->at + *len - 4) == *len ? 1 : -EBADMSG;
}

/* The next option of the N bytes at *P: its code, with VALUE and LEN; 0 at the end or where they are broken. */
static uint16_t next_option(const struct pt_pcapng_reader *r, const uint8_t **p, size_t *n, const uint8_t **value,
			    size_t *len)
{
	uint16_t code;
	size_t step;

	if (*n < 4)
		return PCAPNG_OPT_END;
	code = get16(r, *p);
	*len = get16(r, *p + 2);
	step = 4 + (*len + 3) / 4 * 4;
	if (code == PCAPNG_OPT_END || step > *n)
		return PCAPNG_OPT_END;
	*value = *p + 4;
	*p += step;
	*n -= step;
	return code;
}

static void copy_name(char out[PT_LOG_DEVICE_MAX], const uint8_t *s, size_t n)
{
	n = strnlen((const char *)s, n);
	if (n >= PT_LOG_DEVICE_MAX)
		n = PT_LOG_DEVICE_MAX - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

/* Of two or of ten, as far as times of nanoseconds can have it. */
static uint64_t resolution(uint8_t tsresol)
{
	uint64_t per_second = 1;

	if (tsresol & 0x80)
		return (tsresol & 0x7f) <= 30 ? 1ull << (tsresol & 0x7f) : 0;
	if (tsresol > PCAPNG_NANOSECONDS)
		return 0;
	while (tsresol--)
		per_second *= 10;
	return per_second;
}

static int take_device(struct pt_pcapng_reader *r, const uint8_t *p, size_t n)
{
	struct device d = { .per_second = 1000000 };
	const uint8_t *value;
	uint16_t code;
	size_t len;

	if (n < 8 || r->devices.n >= DEVICES_MAX)
		return -EBADMSG;
	d.link = get16(r, p);
	d.snap = get32(r, p + 4);
	p += 8;
	n -= 8;
	while ((code = next_option(r, &p, &n, &value, &len))) {
		if (code == PCAPNG_IF_NAME)
			copy_name(d.name, value, len);
		else if (code == PCAPNG_IF_DESCRIPTION)
			copy_name(d.on, value, len);
		else if (code == PCAPNG_IF_TSRESOL && len == 1)
			d.per_second = resolution(*value);
		else if (code == PCAPNG_IF_TSOFFSET && len == 8)
			d.offset = (int64_t)get64(r, value);
	}
	return pt_vec_push(NULL, &r->devices, d);
}

static uint64_t to_ns(uint64_t t, const struct device *d)
{
	uint64_t seconds;

	if (!d->per_second)
		return 0;
	seconds = t / d->per_second + (uint64_t)d->offset;
	if (seconds > UINT64_MAX / 1000000000u - 1)
		return 0;
	/* At most 2^30 a second: no overflow. */
	return seconds * 1000000000u + t % d->per_second * 1000000000u / d->per_second;
}

static int take_comment(struct pt_pcapng_reader *r, const uint8_t *s, size_t n, struct pt_log_record *out)
{
	enum pt_dir dir = out->dir;
	int rc = pt_log_comment_parse((const char *)s, n, r->arena, out);

	if (!out->ours)
		out->dir = dir;
	return rc == -EINVAL ? 0 : rc; /* somebody else's */
}

/* What all comments say stands together. */
static int take_note(struct pt_pcapng_reader *r, const uint8_t *s, size_t n, struct pt_log_record *out)
{
	static const char between[] = "; ";
	size_t len = out->note ? out->n_note + sizeof(between) - 1 : 0;
	char *all = pt_arena_alloc(r->arena, len + n + 1);

	if (!all)
		return -ENOMEM;
	if (len) {
		memcpy(all, out->note, out->n_note);
		memcpy(all + out->n_note, between, sizeof(between) - 1);
	}
	memcpy(all + len, s, n);
	out->note = all;
	out->n_note = len + n;
	return 0;
}

static int packet_options(struct pt_pcapng_reader *r, const uint8_t *p, size_t n, struct pt_log_record *out)
{
	static const enum pt_dir dirs[] = { PT_DIR_NONE, PT_IN, PT_OUT, PT_DIR_NONE };
	const uint8_t *value;
	uint16_t code;
	size_t len;
	int rc = 0;

	while (!rc && (code = next_option(r, &p, &n, &value, &len))) {
		if (code == PCAPNG_OPT_COMMENT) {
			rc = take_note(r, value, len, out);
			if (!rc && !out->ours) /* the first one of ours is who it is */
				rc = take_comment(r, value, len, out);
		} else if (code == PCAPNG_EPB_FLAGS && len == 4) {
			out->seen = dirs[get32(r, value) & 3];
			if (!out->ours)
				out->dir = out->seen;
		} else if (code == PCAPNG_EPB_DROPPED && len == 8) {
			out->lost = get64(r, value);
		} else if (code == PCAPNG_EPB_NUMBER && len == 8) {
			out->number = get64(r, value);
		}
	}
	return rc;
}

/* 1: OUT is a record. */
static int take_packet(struct pt_pcapng_reader *r, const uint8_t *p, size_t n, struct pt_log_record *out)
{
	const struct device *d;
	size_t padded;
	int rc;

	memset(out, 0, sizeof(*out));
	out->rule = out->file = out->in = out->out = out->on = "";
	if (n < 20 || get32(r, p) >= r->devices.n)
		return -EBADMSG;
	d = &r->devices.v[get32(r, p)];
	out->n = get32(r, p + 12);
	out->size = get32(r, p + 16);
	padded = ((size_t)out->n + 3) / 4 * 4;
	if (padded > n - 20)
		return -EBADMSG;
	out->time = to_ns((uint64_t)get32(r, p + 4) << 32 | get32(r, p + 8), d);
	out->link = d->link;
	out->data = p + 20;
	out->seen_on = d->name;
	pt_arena_reset(r->arena);
	rc = packet_options(r, p + 20 + padded, n - 20 - padded, out);
	if (rc)
		return rc;
	if (!*out->on)
		out->on = d->on;
	if (!*out->in && !*out->out)
		out->in = d->name;
	if (d->link == PCAPNG_RAW)
		pt_log_packet(out->data, out->n, &out->packet);
	return 1;
}

/* One that has nothing but itself, of the first device. */
static int take_simple(const struct pt_pcapng_reader *r, const uint8_t *p, size_t n, struct pt_log_record *out)
{
	const struct device *d = r->devices.v;

	memset(out, 0, sizeof(*out));
	out->rule = out->file = out->in = out->out = out->on = "";
	if (n < 4 || !r->devices.n)
		return -EBADMSG;
	out->size = get32(r, p);
	out->n = d->snap && d->snap < out->size ? d->snap : out->size;
	if (out->n > n - 4)
		return -EBADMSG;
	out->data = p + 4;
	out->link = d->link;
	out->in = out->seen_on = d->name;
	out->on = d->on;
	if (d->link == PCAPNG_RAW)
		pt_log_packet(out->data, out->n, &out->packet);
	return 1;
}

static int take_block(struct pt_pcapng_reader *r, uint32_t type, uint32_t len, struct pt_log_record *out)
{
	const uint8_t *body = r->buf + r->at + 8;
	size_t n = len - PCAPNG_BLOCK_MIN;

	if (type == PCAPNG_SECTION) {
		r->section = true;
		r->devices.n = 0;
		return n < 16 ? -EBADMSG : 0;
	}
	if (type == PCAPNG_INTERFACE)
		return take_device(r, body, n);
	if (type == PCAPNG_SIMPLE)
		return take_simple(r, body, n, out);
	return type == PCAPNG_PACKET ? take_packet(r, body, n, out) : 0;
}

int pt_pcapng_next(struct pt_pcapng_reader *r, struct pt_log_record *out)
{
	uint32_t type, len;
	int rc;

	for (;;) {
		rc = next_block(r, &type, &len);
		if (rc <= 0)
			return rc;
		rc = take_block(r, type, len, out);
		if (rc < 0)
			return rc;
		r->at += len;
		r->offset += len;
		if (rc)
			return rc;
	}
}
