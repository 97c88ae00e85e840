/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/pcapng_write - records as blocks of pcapng.
 *
 * Each device is an interface of the section, named as the kernel names it and described as the file does; a packet is one
 * of the interface that it was judged on.
 */
#include <stdlib.h>
#include <string.h>

#include <patronus/log.h>

#include "log/pcapng.h"

#define DEVICES_MAX 256 /* a section's, where containers come and go */

/* ---- blocks and options ---- */

static void put16(struct pt_buf *b, uint16_t v)
{
	pt_buf_add(b, &v, sizeof(v));
}

static void put32(struct pt_buf *b, uint32_t v)
{
	pt_buf_add(b, &v, sizeof(v));
}

static void pad(struct pt_buf *b, size_t n)
{
	static const uint8_t zero[4];

	pt_buf_add(b, zero, (4 - n % 4) % 4);
}

/* Begins a block; where it stands. */
static size_t block(struct pt_buf *b, uint32_t type)
{
	size_t at = b->n;

	put32(b, type);
	put32(b, 0);
	return at;
}

static void block_end(struct pt_buf *b, size_t at)
{
	uint32_t len = (uint32_t)(b->n + 4 - at);

	put32(b, len);
	if (!b->err)
		memcpy(b->s + at + 4, &len, sizeof(len));
}

static void option(struct pt_buf *b, uint16_t code, const void *p, size_t n)
{
	if (n > UINT16_MAX)
		n = UINT16_MAX;
	put16(b, code);
	put16(b, (uint16_t)n);
	pt_buf_add(b, p, n);
	pad(b, n);
}

static void option_str(struct pt_buf *b, uint16_t code, const char *s)
{
	if (*s)
		option(b, code, s, strlen(s));
}

/* ---- a section and its devices ---- */

static void begin_section(struct pt_pcapng *w, struct pt_buf *b)
{
	static const uint64_t unknown = UINT64_MAX; /* length: it grows */
	size_t at = block(b, PCAPNG_SECTION);

	put32(b, PCAPNG_MAGIC);
	put16(b, 1); /* version 1.0 */
	put16(b, 0);
	pt_buf_add(b, &unknown, sizeof(unknown));
	if (w->about)
		option_str(b, PCAPNG_OPT_COMMENT, w->about);
	option_str(b, PCAPNG_SHB_APPLICATION, w->application ? w->application : "ptfw " PT_VERSION);
	option(b, PCAPNG_OPT_END, NULL, 0);
	block_end(b, at);
	w->begun = true;
	w->devices.n = 0;
}

static void describe(const struct pt_pcapng_device *d, struct pt_buf *b)
{
	static const uint8_t resolution = PCAPNG_NANOSECONDS;
	size_t at = block(b, PCAPNG_INTERFACE);

	put16(b, d->link ? d->link : PCAPNG_RAW);
	put16(b, 0);
	put32(b, 0); /* no limit: files of different ones can be joined */
	option_str(b, PCAPNG_IF_NAME, d->name);
	option_str(b, PCAPNG_IF_DESCRIPTION, d->on);
	option(b, PCAPNG_IF_TSRESOL, &resolution, sizeof(resolution));
	option(b, PCAPNG_OPT_END, NULL, 0);
	block_end(b, at);
}

static void set_name(char out[PT_LOG_DEVICE_MAX], const char *s)
{
	size_t n = strnlen(s, PT_LOG_DEVICE_MAX - 1);

	memcpy(out, s, n);
	memset(out + n, 0, PT_LOG_DEVICE_MAX - n);
}

/* Number of the device in the section. */
static uint32_t number_of(struct pt_pcapng *w, struct pt_buf *b, const char *name, const char *on, uint16_t link)
{
	struct pt_pcapng_device d;

	memset(&d, 0, sizeof(d)); /* compared as a whole */
	d.link = link;
	set_name(d.name, name);
	set_name(d.on, on);
	for (size_t i = 0; i < w->devices.n; i++)
		if (!memcmp(&w->devices.v[i], &d, sizeof(d)))
			return (uint32_t)i;
	if (pt_vec_push(NULL, &w->devices, d)) {
		b->err = -ENOMEM;
		return 0;
	}
	describe(&d, b);
	return (uint32_t)w->devices.n - 1;
}

/* That of the device that R was judged on. */
static uint32_t device_of(struct pt_pcapng *w, struct pt_buf *b, const struct pt_log_record *r)
{
	bool out = r->ours ? r->dir == PT_OUT : !*r->in;

	if (r->captured)
		return number_of(w, b, r->seen_on, "", r->link);
	return number_of(w, b, out ? r->out : r->in, r->on, r->link);
}

void pt_pcapng_begin(struct pt_pcapng *w, struct pt_buf *b)
{
	if (!w->begun || w->devices.n >= DEVICES_MAX)
		begin_section(w, b);
}

void pt_pcapng_device(struct pt_pcapng *w, struct pt_buf *b, const char *name, uint16_t link)
{
	pt_pcapng_begin(w, b);
	(void)number_of(w, b, name, "", link);
}

/* ---- a packet ---- */

static void comment(struct pt_pcapng *w, struct pt_buf *b, const struct pt_log_record *r)
{
	w->comment.n = 0;
	pt_log_comment(&w->comment, r);
	if (w->comment.err)
		b->err = w->comment.err;
	else if (w->comment.n)
		option(b, PCAPNG_OPT_COMMENT, w->comment.s, w->comment.n);
}

static void packet_options(struct pt_pcapng *w, struct pt_buf *b, const struct pt_log_record *r)
{
	enum pt_dir dir = r->captured ? r->seen : r->dir;
	uint32_t flags = dir == PT_IN ? 1 : 2;

	for (const struct pt_log_record *j = r; j && (j->ours || !j->link || *j->rule); j = j->then)
		comment(w, b, j); /* a captured one that nobody judged has none */
	if (r->captured && r->note)
		option(b, PCAPNG_OPT_COMMENT, r->note, r->n_note);
	if (r->captured ? dir != PT_DIR_NONE : r->ours || (r->link && dir))
		option(b, PCAPNG_EPB_FLAGS, &flags, sizeof(flags));
	if (r->lost)
		option(b, PCAPNG_EPB_DROPPED, &r->lost, sizeof(r->lost));
	if (r->number)
		option(b, PCAPNG_EPB_NUMBER, &r->number, sizeof(r->number));
	option(b, PCAPNG_OPT_END, NULL, 0);
}

void pt_pcapng_add(struct pt_pcapng *w, struct pt_buf *b, const struct pt_log_record *r)
{
	uint32_t device;
	size_t at;

	pt_pcapng_begin(w, b);
	device = device_of(w, b, r);
	at = block(b, PCAPNG_PACKET);
	put32(b, device);
	put32(b, (uint32_t)(r->time >> 32));
	put32(b, (uint32_t)r->time);
	put32(b, r->n);
	put32(b, r->size > r->n ? r->size : r->n);
	pt_buf_add(b, r->data, r->n);
	pad(b, r->n);
	packet_options(w, b, r);
	block_end(b, at);
}

void pt_pcapng_restart(struct pt_pcapng *w)
{
	w->begun = false;
	w->devices.n = 0;
}

void pt_pcapng_fini(struct pt_pcapng *w)
{
	free(w->devices.v);
	pt_buf_fini(&w->comment);
	memset(w, 0, sizeof(*w));
}
