/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets that anybody sends, and files that anybody wrote: no byte of them may make the log look outside of them.
 *
 * The first byte chooses: a packet, a comment, or a pcapng file, whose records are written and must read back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <patronus/log.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void use(const struct pt_log_record *r)
{
	sink += strlen(r->rule) + strlen(r->file) + strlen(r->generation) + strlen(r->on) + strlen(r->in) + strlen(r->out);
	for (uint32_t i = 0; i < r->n; i++)
		sink += r->data[i];
	if (r->ours && r->dir == PT_DIR_NONE)
		abort();
}

static void read_packet(const uint8_t *data, size_t size)
{
	struct pt_log_packet p;

	pt_log_packet(data, size, &p);
	if (p.src.af != p.dst.af || (!p.src.af && (p.has_proto || p.has_ports)) || (p.fragment && p.has_ports))
		abort();
}

/* What is read is written in one way, which reads the same. */
static void read_comment(const uint8_t *data, size_t size)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_log_record r = { 0 }, again = { 0 };
	struct pt_buf b = { 0 };

	if (a && !pt_log_comment_parse((const char *)data, size, a, &r)) {
		pt_log_comment(&b, &r);
		if (!b.err && pt_log_comment_parse(b.s, b.n, a, &again))
			abort();
		if (!b.err && (again.ours != r.ours || (*r.rule && strcmp(again.rule, r.rule) != 0)))
			abort();
	}
	pt_buf_fini(&b);
	pt_arena_free(a);
}

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, p, n) != (ssize_t)n)
		abort();
	return fd;
}

/* The number of records; those of OUT are written there again. */
static size_t read_file(int fd, struct pt_buf *out)
{
	struct pt_pcapng_reader *reader = pt_pcapng_reader_new(fd);
	struct pt_pcapng w = { 0 };
	struct pt_log_record r;
	size_t n = 0;

	while (reader && pt_pcapng_next(reader, &r) > 0) {
		use(&r);
		if (out)
			pt_pcapng_add(&w, out, &r);
		n++;
	}
	pt_pcapng_fini(&w);
	pt_pcapng_reader_free(reader);
	return n;
}

static void read_pcapng(const uint8_t *data, size_t size)
{
	struct pt_buf b = { 0 };
	int fd = file_of(data, size), again;
	size_t n;

	if (fd < 0)
		return;
	n = read_file(fd, &b);
	close(fd);
	again = b.err ? -1 : file_of(b.n ? b.s : "", b.n);
	if (again >= 0) {
		if (read_file(again, NULL) != n)
			abort();
		close(again);
	}
	pt_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *data, size_t size) = { read_packet, read_comment, read_pcapng };

	if (size)
		readers[data[0] % PT_ARRAY_SIZE(readers)](data + 1, size - 1);
	return 0;
}
