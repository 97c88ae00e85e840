/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was put in force last, as a note under /run: it comes back as it was, with the files that it was made of; one that is cut or
 * changed anywhere is either told or still a configuration; and memory may run out at any place. The disk is a buffer here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/scarce.h"
#include "plan/network.h"

/* ---- a disk ---- */

static struct {
	char bytes[4096];
	size_t n;
	bool there;
	int refuses;             /* what writing is answered with */
	char path[NETWORK_NOTE_PATH];
} disk;

static bool is_note(const char *path)
{
	return !strncmp(path, PT_RUN_DIR "/", strlen(PT_RUN_DIR "/"));
}

int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st)
{
	if (!is_note(path))
		return __real_stat(path, st);
	memset(st, 0, sizeof(*st));
	st->st_size = disk.there ? (off_t)disk.n : 0;
	errno = ENOENT;
	return disk.there ? 0 : -1;
}

int __wrap_pt_folder_make(const char *path, struct pt_err *e);
int __wrap_pt_folder_make(const char *path, struct pt_err *e)
{
	(void)e;
	assert_string_equal(path, PT_RUN_DIR);
	return 0;
}

int __wrap_pt_file_write(const char *path, const void *data, size_t len, mode_t mode, struct pt_err *e);
int __wrap_pt_file_write(const char *path, const void *data, size_t len, mode_t mode, struct pt_err *e)
{
	assert_true(is_note(path));
	assert_int_equal(mode, 0600);
	assert_true(len <= sizeof(disk.bytes));
	assert_true(strlen(path) < sizeof(disk.path));
	if (disk.refuses)
		return pt_err_sys(e, disk.refuses, "writing the note");
	memcpy(disk.bytes, data, len);
	memcpy(disk.path, path, strlen(path) + 1);
	disk.n = len;
	disk.there = true;
	return 0;
}

int __wrap_pt_file_read(const char *path, size_t max, char **data, size_t *len, struct pt_err *e);
int __wrap_pt_file_read(const char *path, size_t max, char **data, size_t *len, struct pt_err *e)
{
	assert_true(is_note(path));
	assert_true(disk.n <= max);
	*data = malloc(disk.n + 1);
	if (!*data)
		return e ? pt_err_sys(e, -ENOMEM, "reading the note") : -ENOMEM;
	memcpy(*data, disk.bytes, disk.n);
	(*data)[disk.n] = '\0';
	*len = disk.n;
	return 0;
}

/* ---- a configuration of two files ---- */

#define MAIN "/etc/patronus/patronus.conf"
#define PART "/etc/patronus/part.conf"
static const char text[] = "interface eth0 { address = { \"192.0.2.1/24\" } }\ninclude(\"part.conf\")\n";
static const char part[] = "network { routes = { \"198.51.100.0/24 via 192.0.2.7\" } }\n";
static const char same[] = "a line to recognise the kernel by\n";

static struct pt_conf *parsed(void)
{
	const struct pt_conf_source sources[] = { { .file = PART, .text = part, .len = strlen(part) } };
	struct pt_conf_more more = { .v = sources, .n = 1 };
	struct pt_conf *c = NULL;
	struct pt_err e = { 0 };

	assert_int_equal(pt_conf_parse_more(MAIN, text, strlen(text), &more, NULL, NULL, &c, &e), 0);
	pt_err_fini(&e);
	return c;
}

static void write_note(const char *recognised)
{
	struct pt_conf *c = parsed();
	struct pt_err e = { 0 };

	assert_int_equal(network_note_write(c, recognised, &e), 0);
	assert_int_equal(e.list.n, 0);
	pt_conf_free(c);
}

static int list(const char *path, const char *what, size_t len, void *arg)
{
	assert_int_equal(strlen(what), len);
	pt_buf_fmt(arg, "%s: %s", path ? path : "-", what);
	return ((struct pt_buf *)arg)->err;
}

static void test_back(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	write_note(same);
	assert_int_equal(network_note_texts(list, &b), 0);
	assert_string_equal(b.s, MAIN ": interface eth0 { address = { \"192.0.2.1/24\" } }\ninclude(\"part.conf\")\n"
				 PART ": network { routes = { \"198.51.100.0/24 via 192.0.2.7\" } }\n"
				 "-: a line to recognise the kernel by\n");
	assert_int_equal(network_note_read(&c, &e), 0);
	assert_string_equal(c->path, MAIN);
	assert_int_equal(c->sources.n, 2);
	assert_string_equal(c->sources.v[1].file, PART);
	assert_int_equal(c->interfaces.n, 1);
	assert_int_equal(c->routes.n, 1);
	assert_string_equal(c->routes.v[0].loc.file, PART);
	pt_conf_free(c);
	pt_buf_fini(&b);
	/* Without what the kernel is recognised by. */
	write_note(NULL);
	assert_int_equal(network_note_texts(list, &b), 0);
	assert_null(strstr(b.s, "-: "));
	pt_buf_fini(&b);
	assert_int_equal(e.list.n, 0);
}

/* Each network namespace has a note of its own. */
static void test_path(void **state)
{
	char path[NETWORK_NOTE_PATH];

	(void)state;
	write_note(NULL);
	network_note_path(path, sizeof(path));
	assert_string_equal(disk.path, path);
	assert_int_equal(strncmp(path, PT_RUN_DIR "/network.", strlen(PT_RUN_DIR "/network.")), 0);
	assert_true(strspn(strrchr(path, '.') + 1, "0123456789") == strlen(strrchr(path, '.') + 1));
}

static void test_none(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	disk.there = false;
	assert_int_equal(network_note_read(&c, &e), -ENOENT);
	assert_null(c);
	assert_int_equal(e.list.n, 0);
	assert_int_equal(network_note_texts(list, &b), -ENOENT);
	assert_int_equal(b.n, 0);
}

static int refuse(const char *path, const char *what, size_t len, void *arg)
{
	(void)path;
	(void)what;
	(void)len;
	return ++*(int *)arg == 2 ? -ECANCELED : 0;
}

static void test_ends(void **state)
{
	struct pt_conf *c = parsed();
	struct pt_err e = { 0 };
	int n = 0;

	(void)state;
	write_note(same);
	assert_int_equal(network_note_texts(refuse, &n), -ECANCELED);
	assert_int_equal(n, 2);
	/* A full disk is told. */
	disk.refuses = -ENOSPC;
	assert_int_equal(network_note_write(c, same, &e), -ENOSPC);
	assert_int_equal(e.list.n, 1);
	disk.refuses = 0;
	pt_err_fini(&e);
	pt_conf_free(c);
}

/* A cut one is never taken for a whole one, but where a part ends. */
static void test_cut(void **state)
{
	size_t whole, good = 0;

	(void)state;
	write_note(same);
	whole = disk.n;
	for (disk.n = 0; disk.n < whole; disk.n++) {
		struct pt_err e = { 0 };
		struct pt_conf *c;
		int rc = network_note_read(&c, &e);

		assert_true(rc ? !c && e.n_errors > 0 : c != NULL);
		/* Both files are there, and only the kernel is not recognised. */
		if (!rc)
			assert_int_equal(c->routes.n, 1);
		good += !rc;
		pt_conf_free(c);
		pt_err_fini(&e);
	}
	assert_int_equal(good, 1);
}

static void test_damaged(void **state)
{
	static const char values[] = { '\0', '\xff', 'x', '"', '\n' };
	size_t told = 0;

	(void)state;
	write_note(same);
	for (size_t at = 0; at < disk.n; at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			char was = disk.bytes[at];
			struct pt_buf b = { 0 };
			struct pt_err e = { 0 };
			struct pt_conf *c;
			int rc;

			disk.bytes[at] = values[v];
			rc = network_note_read(&c, &e);
			assert_true(rc ? !c && e.n_errors > 0 : c != NULL);
			told += rc != 0;
			(void)network_note_texts(list, &b);
			disk.bytes[at] = was;
			pt_conf_free(c);
			pt_err_fini(&e);
			pt_buf_fini(&b);
		}
	assert_true(told > disk.n);
}

static void test_memory(void **state)
{
	struct pt_conf *c = parsed(), *back;
	int rc = -1;

	(void)state;
	for (long n = 0; rc; n++) {
		struct pt_err e = { 0 };

		disk.there = false;
		allocations_left = n;
		rc = network_note_write(c, same, &e);
		if (allocations_left >= 0) /* none failed */
			assert_int_equal(rc, 0);
		allocations_left = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_int_equal(disk.there, rc == 0);
		pt_err_fini(&e);
		assert_true(n < 100);
	}
	rc = -1;
	for (long n = 0; rc; n++) {
		struct pt_err e = { 0 };

		allocations_left = n;
		rc = network_note_read(&back, &e);
		allocations_left = -1;
		if (rc)
			assert_int_equal(rc, -ENOMEM);
		assert_int_equal(!rc, back != NULL);
		pt_conf_free(back);
		pt_err_fini(&e);
		assert_true(n < 2000);
	}
	pt_conf_free(c);
}

/* It is read where nobody looked, and then again only when it is another one. */
static void test_changed(void **state)
{
	struct network_note_seen seen = { 0 };

	(void)state;
	disk.there = false;
	assert_true(network_note_changed(&seen));
	assert_false(network_note_changed(&seen));
	disk.there = true;
	disk.n = 7;
	assert_true(network_note_changed(&seen));
	assert_false(network_note_changed(&seen));
	disk.n = 8;
	assert_true(network_note_changed(&seen));
	seen.looked = false;
	assert_true(network_note_changed(&seen));
	disk.there = false;
	assert_true(network_note_changed(&seen));
	assert_false(network_note_changed(&seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back),	cmocka_unit_test(test_path), cmocka_unit_test(test_none),   cmocka_unit_test(test_ends),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_damaged), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_changed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
