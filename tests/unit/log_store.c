/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: pcapng written and read back, torn and damaged in every place, a ring of files, readers beside a writer. */
#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/log.h>

static const uint8_t packet[33] = { 0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 54, 0, 13 };

static struct pt_log_record sample(unsigned int i)
{
	static const char *const devices[] = { "eth0", "eth1", "" };
	struct pt_log_record r = { .time = 1700000000000000000ull + i, .ours = true, .action = PT_BLOCK, .dir = PT_IN,
				   .rule = i % 2 ? "odd" : "even", .file = "/etc/p.conf", .line = i + 1,
				   .generation = "00112233aabbccdd", .in = devices[i % 3], .out = "", .on = i % 3 ? "" : "wan",
				   .data = packet, .n = sizeof(packet), .size = 1000 + i };

	pt_log_packet(r.data, r.n, &r.packet);
	return r;
}

static void assert_same(const struct pt_log_record *r, unsigned int i)
{
	const struct pt_log_record want = sample(i);

	assert_true(r->time == want.time);
	assert_string_equal(r->rule, want.rule);
	assert_string_equal(r->file, want.file);
	assert_string_equal(r->generation, want.generation);
	assert_string_equal(r->in, want.in);
	assert_string_equal(r->on, want.on);
	assert_int_equal(r->line, want.line);
	assert_int_equal(r->size, want.size);
	assert_int_equal(r->n, want.n);
	assert_memory_equal(r->data, want.data, want.n);
	assert_int_equal(r->packet.dport, 54);
}

/* ---- one file ---- */

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("pcapng", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(write(fd, p, n) == (ssize_t)n);
	return fd;
}

static void write_some(struct pt_buf *b, unsigned int n)
{
	struct pt_pcapng w = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		struct pt_log_record r = sample(i);

		r.number = i + 1;
		r.lost = i;
		if (i == 5)
			pt_pcapng_restart(&w); /* a second section */
		pt_pcapng_add(&w, b, &r);
	}
	assert_int_equal(b->err, 0);
	pt_pcapng_fini(&w);
}

/* How many records come out of FD, each checked; RC is how it ends. */
static unsigned int read_all(int fd, int *rc, uint64_t *end, bool check)
{
	struct pt_pcapng_reader *reader = pt_pcapng_reader_new(fd);
	struct pt_log_record r;
	unsigned int n = 0;

	assert_non_null(reader);
	while ((*rc = pt_pcapng_next(reader, &r)) > 0) {
		if (check) {
			assert_same(&r, n);
			assert_true(r.number == n + 1 && r.lost == n);
		}
		n++;
	}
	*end = pt_pcapng_offset(reader);
	pt_pcapng_reader_free(reader);
	return n;
}

static void test_back(void **state)
{
	struct pt_buf b = { 0 };
	uint64_t end;
	int fd, rc;

	(void)state;
	write_some(&b, 20);
	fd = file_of(b.s, b.n);
	assert_int_equal(read_all(fd, &rc, &end, true), 20);
	assert_int_equal(rc, 0);
	assert_int_equal(end, b.n);
	close(fd);
	pt_buf_fini(&b);
}

static void test_torn(void **state)
{
	struct pt_buf b = { 0 };
	unsigned int n, last = 0;
	uint64_t end;
	int fd, rc;

	(void)state;
	write_some(&b, 8);
	for (size_t len = 0; len <= b.n; len++) {
		fd = file_of(b.s, len);
		n = read_all(fd, &rc, &end, true);
		assert_int_equal(rc, 0);
		assert_true(n >= last && end <= len);
		last = n;
		close(fd);
	}
	assert_int_equal(last, 8);
	pt_buf_fini(&b);
}

static void test_grows(void **state)
{
	struct pt_pcapng_reader *reader;
	struct pt_log_record r;
	struct pt_buf b = { 0 };
	unsigned int n = 0;
	int fd, rc;

	(void)state;
	write_some(&b, 8);
	fd = file_of(b.s, 0);
	reader = pt_pcapng_reader_new(fd);
	for (size_t i = 0; i < b.n; i++) {
		assert_true(write(fd, b.s + i, 1) == 1);
		rc = pt_pcapng_next(reader, &r);
		assert_true(rc >= 0);
		if (rc)
			assert_same(&r, n++);
	}
	assert_int_equal(n, 8);
	pt_pcapng_reader_free(reader);
	close(fd);
	pt_buf_fini(&b);
}

static void test_damaged(void **state)
{
	struct pt_buf b = { 0 };
	uint64_t end;
	int fd, rc;

	(void)state;
	write_some(&b, 4);
	for (size_t i = 0; i < b.n; i++)
		for (int flip = 1; flip < 256; flip = flip * 15 + 1) {
			b.s[i] ^= (char)flip;
			fd = file_of(b.s, b.n);
			assert_true(read_all(fd, &rc, &end, false) <= 4);
			assert_true(rc == 0 || rc == -EBADMSG);
			close(fd);
			b.s[i] ^= (char)flip;
		}
	pt_buf_fini(&b);
}

/* The same file as a machine of the other byte order writes it, times in microseconds, from some other program. */
static void test_other_order(void **state)
{
	static const uint32_t words[] = { 0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28,
				   1, 32, 0x00650000, 0, 0x00020004, 0x65746830, 0, 32, 6, 56, 0, 0x00060a24, 0x181e4000, 24, 60 };
	uint8_t bytes[sizeof(words) + 24 + 4], *p = bytes + sizeof(words);
	struct pt_pcapng_reader *reader;
	struct pt_log_record r;
	uint32_t w;
	int fd;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++) {
		w = htobe32(words[i]);
		memcpy(bytes + i * 4, &w, 4);
	}
	memcpy(p, packet, 24);
	w = htobe32(56);
	memcpy(p + 24, &w, 4);
	fd = file_of(bytes, sizeof(bytes));
	reader = pt_pcapng_reader_new(fd);
	assert_int_equal(pt_pcapng_next(reader, &r), 1);
	assert_false(r.ours);
	assert_string_equal(r.in, "eth0");
	assert_true(r.time == 0x00060a24181e4000ull * 1000);
	assert_int_equal(r.size, 60);
	assert_int_equal(r.packet.sport, 53);
	assert_int_equal(pt_pcapng_next(reader, &r), 0);
	pt_pcapng_reader_free(reader);
	close(fd);
}

static void test_many_devices(void **state)
{
	struct pt_pcapng w = { 0 };
	struct pt_buf b = { 0 };
	char name[16];
	uint64_t end;
	int fd, rc;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		struct pt_log_record r = sample(i);

		(void)snprintf(name, sizeof(name), "veth%u", i);
		r.in = name;
		pt_pcapng_add(&w, &b, &r);
		assert_true(w.devices.n <= 256);
	}
	fd = file_of(b.s, b.n);
	assert_int_equal(read_all(fd, &rc, &end, false), 1000);
	assert_int_equal(rc, 0);
	close(fd);
	pt_buf_fini(&b);
	pt_pcapng_fini(&w);
}

/* ---- the ring ---- */

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/pt-log-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static void file_name(char out[128], unsigned int i)
{
	if (i)
		(void)snprintf(out, 128, "%s/" PT_LOG_FILE ".%u", dir, i);
	else
		(void)snprintf(out, 128, "%s/" PT_LOG_FILE, dir);
}

static int remove_dir(void **state)
{
	char name[128];

	(void)state;
	for (unsigned int i = 0; i < PT_LOG_FILES; i++) {
		file_name(name, i);
		(void)unlink(name);
	}
	(void)snprintf(name, sizeof(name), "%s/filter.lock", dir);
	(void)unlink(name);
	return rmdir(dir);
}

static struct pt_log_store *open_store(uint64_t size)
{
	struct pt_log_store *s;
	struct pt_err e = { 0 };

	assert_int_equal(pt_log_store_open(dir, size, &s, &e), 0);
	pt_err_fini(&e);
	return s;
}

static struct pt_log_reader *open_reader(bool tail)
{
	struct pt_log_reader *r;
	struct pt_err e = { 0 };

	assert_int_equal(pt_log_reader_open(dir, tail, &r, &e), 0);
	pt_err_fini(&e);
	return r;
}

static void add(struct pt_log_store *s, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		const struct pt_log_record r = sample(i);

		assert_int_equal(pt_log_store_add(s, &r), 0);
	}
	assert_int_equal(pt_log_store_flush(s), 0);
}

/* Reads what is there; the records must be those from FROM on. */
static unsigned int drain(struct pt_log_reader *r, unsigned int from)
{
	struct pt_log_record rec;
	int rc;

	while ((rc = pt_log_reader_next(r, &rec)) > 0)
		assert_same(&rec, from++);
	assert_int_equal(rc, 0);
	return from;
}

static unsigned int count_store(unsigned int *first)
{
	struct pt_log_reader *r = open_reader(false);
	struct pt_log_record rec;
	unsigned int n = 0;
	int rc;

	while ((rc = pt_log_reader_next(r, &rec)) > 0) {
		if (!n)
			*first = rec.line - 1;
		assert_int_equal(rec.line, *first + n + 1);
		n++;
	}
	assert_int_equal(rc, 0);
	pt_log_reader_close(r);
	return n;
}

static void test_ring(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE_MIN);
	unsigned int first, n;
	uint64_t total = 0;
	char name[128];
	struct stat st;

	(void)state;
	for (unsigned int i = 0; i < 5000; i += 10)
		add(s, i, i + 10);
	pt_log_store_close(s);
	for (unsigned int i = 0; i < PT_LOG_FILES; i++) {
		file_name(name, i);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 07, 0);
		total += (uint64_t)st.st_size;
	}
	assert_true(total > PT_LOG_SIZE_MIN / 2 && total < PT_LOG_SIZE_MIN + PT_LOG_SIZE_MIN / 4);
	n = count_store(&first);
	assert_int_equal(first + n, 5000);
}

static void test_one_writer(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE), *other;
	struct pt_err e = { 0 };

	(void)state;
	assert_true(pt_log_store_live(dir));
	assert_int_equal(pt_log_store_open(dir, PT_LOG_SIZE, &other, &e), -EWOULDBLOCK);
	pt_log_store_close(s);
	assert_false(pt_log_store_live(dir));
	assert_false(pt_log_store_live("/nonexistent"));
	pt_err_fini(&e);
}

/* A crash leaves half a block at any place: the next writer goes on behind the last whole one. */
static void test_crash(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE);
	unsigned int first = 0, have;
	char name[128];
	struct stat st;

	(void)state;
	add(s, 0, 3);
	pt_log_store_close(s);
	file_name(name, 0);
	assert_int_equal(stat(name, &st), 0);
	for (off_t cut = 1; cut < st.st_size; cut += 7) {
		assert_int_equal(truncate(name, st.st_size - cut), 0);
		have = count_store(&first);
		s = open_store(PT_LOG_SIZE);
		add(s, have, 3);
		pt_log_store_close(s);
		assert_int_equal(count_store(&first), 3);
		assert_int_equal(first, 0);
		/* Whole again, and as long as the first time at least. */
		assert_int_equal(stat(name, &st), 0);
	}
}

/* What is no block at all, as zeros after a power cut, is put aside, and told. */
static void test_zeros(void **state)
{
	static const uint8_t zeros[4096];
	struct pt_log_store *s = open_store(PT_LOG_SIZE);
	struct pt_log_reader *r;
	char name[128];
	int fd;

	(void)state;
	add(s, 0, 3);
	pt_log_store_close(s);
	file_name(name, 0);
	fd = open(name, O_WRONLY | O_APPEND);
	assert_true(write(fd, zeros, sizeof(zeros)) == sizeof(zeros));
	close(fd);
	s = open_store(PT_LOG_SIZE);
	add(s, 3, 6);
	pt_log_store_close(s);
	r = open_reader(false);
	assert_int_equal(drain(r, 0), 6);
	assert_int_equal(pt_log_reader_damaged(r), 1);
	pt_log_reader_close(r);
}

static void test_follow(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE_MIN);
	struct pt_log_reader *all, *tail;
	unsigned int seen = 0, newer = 10;

	(void)state;
	add(s, 0, 10);
	all = open_reader(false);
	tail = open_reader(true);
	for (unsigned int i = 10; i < 3000; i += 25) {
		seen = drain(all, seen);
		add(s, i, i + 25);
		newer = drain(tail, newer);
	}
	assert_int_equal(drain(all, seen), 3010);
	assert_int_equal(newer, 3010);
	assert_int_equal(pt_log_reader_missed(all) + pt_log_reader_missed(tail), 0);
	pt_log_reader_close(all);
	pt_log_reader_close(tail);
	pt_log_store_close(s);
}

/* A reader that slept while the ring went round knows how much it did not see. */
static void test_missed(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE_MIN);
	struct pt_log_reader *r;
	struct pt_log_record rec;
	unsigned int n = 0;

	(void)state;
	add(s, 0, 10);
	r = open_reader(false);
	assert_int_equal(drain(r, 0), 10);
	for (unsigned int i = 10; i < 5000; i += 10)
		add(s, i, i + 10);
	while (pt_log_reader_next(r, &rec) > 0)
		n++;
	assert_true(n < 4990);
	assert_int_equal(n + pt_log_reader_missed(r), 4990);
	pt_log_reader_close(r);
	pt_log_store_close(s);
}

/* A full disk: what could not be written is gone, counted, and told with the next record. */
static void test_full(void **state)
{
	struct pt_log_store *s = open_store(PT_LOG_SIZE);
	struct pt_log_reader *r;
	struct pt_log_record rec = { .rule = "" };
	const struct pt_log_record one = sample(3);
	char name[128];
	struct stat st;
	off_t before;
	uint64_t lost = 0;
	int n = 0;

	(void)state;
	add(s, 0, 3);
	file_name(name, 0);
	assert_int_equal(stat(name, &st), 0);
	before = st.st_size;
	assert_int_equal(unlink(name), 0); /* somebody deleted the file under us */
	assert_int_equal(pt_log_store_add(s, &one), 0);
	assert_true(pt_log_store_flush(s) < 0);
	assert_int_equal(pt_log_store_dropped(s), 1);
	add(s, 4, 6);
	assert_int_equal(stat(name, &st), 0);
	assert_true(st.st_size && st.st_size != before);
	r = open_reader(false);
	while (pt_log_reader_next(r, &rec) > 0) {
		lost += rec.lost;
		n++;
	}
	assert_int_equal(n, 2);
	assert_int_equal(lost, 1);
	pt_log_reader_close(r);
	pt_log_store_close(s);
}

static void test_refused(void **state)
{
	struct pt_log_reader *r;
	struct pt_log_store *s;
	struct pt_err e = { 0 };
	char name[128];

	(void)state;
	assert_int_equal(pt_log_reader_open(dir, false, &r, &e), -ENOENT);
	assert_int_equal(pt_log_reader_open("/nonexistent", false, &r, &e), -ENOENT);
	file_name(name, 0);
	assert_int_equal(symlink("/etc/passwd", name), 0);
	assert_int_equal(pt_log_store_open(dir, PT_LOG_SIZE, &s, &e), -ELOOP);
	assert_int_equal(pt_log_reader_open(dir, false, &r, &e), -ELOOP);
	assert_int_equal(e.n_errors, 4);
	pt_err_fini(&e);
}

#define in_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_other_order),
		cmocka_unit_test(test_many_devices),
		in_dir(test_ring),
		in_dir(test_one_writer),
		in_dir(test_crash),
		in_dir(test_zeros),
		in_dir(test_follow),
		in_dir(test_missed),
		in_dir(test_full),
		in_dir(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log_store", tests, NULL, NULL);
}
