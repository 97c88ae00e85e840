/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Captures of strangers under the fuzzer: the first byte says whether it is a file, of either kind, or one packet behind the link
 * type that it names; whatever packet comes out is taken apart, told in words, counted and joined.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <patronus/capture.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void use(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sink += p[i];
}

static int joined(const struct pt_joined *j, void *arg)
{
	(void)arg;
	use(j->data, j->what == PT_JOINED_DATA ? j->n : 0);
	return 0;
}

static void take(const struct pt_capture_packet *p, struct pt_flows *f, struct pt_join *j)
{
	struct pt_buf b = { 0 };
	struct pt_seen s;
	int rc;

	pt_seen_read(p->link, p->data, p->n, &s);
	if (s.n_network > p->n || s.n_transport > p->n || s.n_data > p->n)
		abort();
	use(s.network, s.n_network);
	use(s.transport, s.n_transport);
	use(s.data, s.n_data);
	pt_seen_words(&s, &b);
	if (f)
		sink += pt_flows_add(f, p, &s, &rc) != NULL;
	if (j)
		sink += (uint64_t)pt_join_add(j, p->time, &s);
	pt_buf_fini(&b);
}

static void read_file(const uint8_t *p, size_t n, struct pt_flows *f, struct pt_join *j)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct pt_capture_reader *r;
	struct pt_capture_packet k;

	if (fd < 0)
		return;
	if (write(fd, p, n) == (ssize_t)n && !pt_capture_reader_new(fd, &r, NULL)) {
		while (pt_capture_reader_next(r, &k) > 0) {
			use((const uint8_t *)k.note, k.n_note);
			take(&k, f, j);
		}
		pt_capture_reader_free(r);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = { PT_LINK_NULL, PT_LINK_ETHERNET, PT_LINK_RAW, PT_LINK_COOKED, PT_LINK_COOKED2 };
	struct pt_flows *f = pt_flows_new();
	struct pt_join *j = pt_join_new(1, joined, NULL);
	uint8_t *copy = malloc(size ? size : 1); /* of exactly its size */

	if (size && copy) {
		struct pt_capture_packet p = { .data = copy, .n = (uint32_t)size - 1, .size = (uint32_t)size - 1, .device = "" };

		memcpy(copy, data + 1, size - 1);
		if (data[0] % 8 < PT_ARRAY_SIZE(links)) {
			p.link = links[data[0] % 8];
			/* the whole allocation belongs to the packet */
			p.data = realloc(copy, size - 1 ? size - 1 : 1);
			if (p.data)
				copy = (uint8_t *)(uintptr_t)p.data;
			else
				p.data = copy;
			take(&p, f, j);
		} else {
			read_file(copy, size - 1, f, j);
		}
	}
	if (j)
		sink += (uint64_t)pt_join_end(j);
	pt_join_free(j);
	pt_flows_free(f);
	free(copy);
	return 0;
}
