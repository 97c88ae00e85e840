/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The history on disk: records with a checksum, revisions and their names, damage of every byte, full disks and missing memory;
 * and who holds a lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/history.h>
#include <patronus/record.h>

#include "lib/scarce.h"

/* ---- a disk that is full ---- */

static long writes_left = -1;

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (writes_left < 0 || writes_left--)
		return __real_write(fd, p, n);
	errno = ENOSPC;
	return -1;
}

/* ---- a folder ---- */

static char folder[] = "/tmp/history_test.XXXXXX";

static const char *at(const char *name)
{
	static char paths[4][256];
	static int next;
	char *p = paths[next++ % 4];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
	return p;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

static int empty_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int files_in(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	if (d)
		closedir(d);
	return n;
}

/* ---- records ---- */

static void test_record(void **state)
{
	static const char nasty[] = "a\nb\t%41 = c\x7f ü", *const path = "r";
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	struct pt_record r;

	(void)state;
	pt_buf_str(&b, "kind 1\n");
	pt_record_add(&b, "nasty", nasty);
	pt_record_add(&b, "empty", "");
	pt_record_u64(&b, "large", UINT64_MAX);
	assert_int_equal(pt_record_write(at(path), &b, &e), 0);
	assert_int_equal(pt_record_read(at(path), "kind 1", &r, &e), 0);
	assert_int_equal(r.lines.n, 2);
	assert_string_equal(pt_record_get(&r, "nasty"), nasty);
	assert_true(pt_record_number(&r, "large") == UINT64_MAX);
	assert_string_equal(pt_record_get(&r, "none"), "");
	assert_int_equal(pt_record_number(&r, "nasty"), 0);
	pt_record_fini(&r);
	assert_int_equal(pt_record_read(at(path), "kind 2", &r, &e), -EBADMSG);
	assert_int_equal(pt_record_read(at("nothing"), "kind 1", &r, NULL), -ENOENT);
	pt_err_fini(&e);
}

/* Whatever byte is another one, and wherever the file ends, it is told. */
static void test_record_damage(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_record r;
	char text[300];
	ssize_t len;
	int fd;

	(void)state;
	pt_buf_str(&b, "kind 1\n");
	pt_record_add(&b, "key", "value");
	assert_int_equal(pt_record_write(at("r"), &b, NULL), 0);
	fd = open(at("r"), O_RDWR | O_CLOEXEC);
	len = read(fd, text, sizeof(text));
	assert_true(len > 80);
	for (ssize_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			char other = (char)(text[i] ^ (1 << bit));

			assert_int_equal(pwrite(fd, &other, 1, i), 1);
			assert_int_equal(pt_record_read(at("r"), "kind 1", &r, NULL), -EBADMSG);
			assert_int_equal(pwrite(fd, &text[i], 1, i), 1);
		}
	for (ssize_t i = len - 1; i >= 0; i--) {
		assert_int_equal(ftruncate(fd, i), 0);
		assert_int_equal(pt_record_read(at("r"), "kind 1", &r, NULL), -EBADMSG);
	}
	close(fd);
}

/* ---- revisions ---- */

static struct pt_conf *conf_of(int n)
{
	struct pt_conf *c;
	char text[100];

	(void)snprintf(text, sizeof(text), "# %d\nfirewall { rules = { \"block all\" } }\n", n);
	assert_int_equal(pt_conf_parse("/etc/x.conf", text, strlen(text), &c, NULL), 0);
	return c;
}

/* Applied and confirmed. */
static uint32_t add(int n)
{
	struct pt_revision r = { .time = 1700000000u + (unsigned int)n, .source = "", .comment = "a \"b\"\nc", .window = 5 };
	struct pt_conf *c = conf_of(n);
	struct pt_err e = { 0 };

	(void)snprintf(r.author.user, sizeof(r.author.user), "alice");
	(void)snprintf(r.author.client, sizeof(r.author.client), "2001:db8::1");
	assert_int_equal(pt_history_open(folder, &e), 0);
	assert_int_equal(pt_revision_write(folder, c, &r, &e), 0);
	assert_int_equal(pt_confirmed_prepare(folder, r.number, &e), 0);
	assert_int_equal(pt_confirmed_prepared(folder), r.number);
	assert_int_equal(pt_confirmed_commit(folder, &e), 0);
	assert_int_equal(pt_confirmed_prepared(folder), 0);
	assert_int_equal(pt_revision_end(folder, r.number, PT_REVISION_CONFIRMED, "bob", "", &e), 0);
	assert_int_equal(e.list.n, 0);
	pt_conf_free(c);
	return r.number;
}

static struct pt_history *history(uint32_t pending)
{
	struct pt_history *h;

	assert_int_equal(pt_history_read(folder, pending, &h, NULL), 0);
	return h;
}

static void names(const struct pt_history *h, const char *name, uint32_t want)
{
	const struct pt_revision *r;
	struct pt_err e = { 0 };
	int rc = pt_history_name(h, name, &r, &e);

	if (want) {
		assert_int_equal(rc, 0);
		assert_int_equal(r->number, want);
	} else {
		assert_true(rc == -ENOENT || rc == -EINVAL);
		assert_int_equal(e.list.n, 1);
	}
	pt_err_fini(&e);
}

static void test_revisions(void **state)
{
	struct pt_conf *c = conf_of(9);
	struct pt_revision r = { .time = 1, .comment = "" };
	struct pt_history *h = history(0);
	struct pt_texts t;

	(void)state;
	assert_int_equal(h->list.n, 0); /* the folder is not there yet */
	pt_history_free(h);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(add(i), i);
	assert_int_equal(pt_revision_write(folder, c, &r, NULL), 0);
	assert_int_equal(pt_revision_end(folder, 2, PT_REVISION_UNDONE, "guard", "too late", NULL), 0);
	h = history(4);
	assert_int_equal(h->list.n, 4);
	assert_int_equal(h->confirmed, 3);
	assert_int_equal(h->list.v[3].state, PT_REVISION_PENDING);
	assert_int_equal(h->list.v[1].state, PT_REVISION_UNDONE);
	assert_string_equal(h->list.v[1].by, "guard");
	assert_string_equal(h->list.v[1].why, "too late");
	assert_string_equal(h->list.v[0].comment, "a \"b\"\nc");
	assert_string_equal(h->list.v[0].author.user, "alice");
	assert_string_equal(h->list.v[0].author.client, "2001:db8::1");
	assert_string_equal(h->list.v[0].source, "/etc/x.conf");
	assert_int_equal(h->list.v[0].window, 5);
	names(h, "0", 3);
	names(h, "1", 1);
	names(h, "2", 0);
	names(h, "r2", 2);
	names(h, "r4", 4);
	names(h, "r5", 0);
	names(h, "", 0);
	names(h, "r", 0);
	names(h, "-1", 0);
	names(h, "01", 0);
	pt_history_free(h);
	assert_int_equal(pt_revision_read(folder, 4, &t, NULL), 0);
	assert_int_equal(t.len, c->len);
	assert_memory_equal(t.text, c->text, c->len);
	assert_string_equal(t.name, "/etc/x.conf");
	pt_texts_fini(&t);
	h = history(0);
	assert_int_equal(h->list.v[3].state, PT_REVISION_UNKNOWN);
	pt_history_free(h);
	pt_conf_free(c);
}

static void test_damage(void **state)
{
	struct pt_err e = { 0 };
	struct pt_history *h;
	struct pt_texts t;
	int fd;

	(void)state;
	for (int i = 1; i <= 4; i++)
		(void)add(i);
	fd = open(at("history/000004.conf"), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
	assert_int_equal(truncate(at("history/000003.conf"), 3), 0);
	assert_int_equal(unlink(at("history/000002.conf")), 0);
	for (uint32_t i = 2; i <= 4; i++) {
		assert_int_equal(pt_revision_read(folder, i, &t, &e), -EBADMSG);
		assert_non_null(strstr(e.list.v[e.list.n - 1].msg, "is damaged"));
	}
	h = history(0);
	assert_int_equal(h->confirmed, 4);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(h->list.v[i].state, PT_REVISION_DAMAGED);
		assert_non_null(h->list.v[i].problem);
		assert_int_equal(h->list.v[i].back, -1);
	}
	assert_int_equal(h->list.v[0].back, 0);
	pt_history_free(h);
	/* What became of it is not what it was: only the note is damaged. */
	assert_int_equal(truncate(at("history/000001.end"), 10), 0);
	h = history(0);
	assert_int_equal(h->list.v[0].state, PT_REVISION_UNKNOWN);
	pt_history_free(h);
	pt_err_fini(&e);
}

static void test_prune(void **state)
{
	struct pt_history *h;

	(void)state;
	for (int i = 1; i <= 60; i++) {
		assert_int_equal(add(i), i);
		pt_history_prune(folder, 3);
	}
	h = history(0);
	assert_int_equal(h->list.n, PT_HISTORY_KEEP + 1); /* and the one that waits */
	assert_int_equal(h->list.v[0].number, 3);
	assert_int_equal(h->list.v[1].number, 11);
	pt_history_free(h);
	assert_int_equal(files_in(at("history")), 3 * (PT_HISTORY_KEEP + 1));
	/* Numbers go on even when the files are gone. */
	assert_int_equal(nftw(at("history"), remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(add(61), 61);
}

/* A revision is there as a whole or not at all, wherever the disk is full. */
static void test_full_disk(void **state)
{
	struct pt_conf *c = conf_of(2);
	int rc = -1;

	(void)state;
	(void)add(1);
	for (long n = 0; rc; n++) {
		struct pt_revision r = { .time = 1, .comment = "" };
		struct pt_err e = { 0 };
		struct pt_history *h;

		writes_left = n;
		rc = pt_revision_write(folder, c, &r, &e);
		writes_left = -1;
		h = history(0);
		assert_int_equal(h->list.n, rc ? 1 : 2);
		assert_int_equal(files_in(at("history")), rc ? 3 : 5);
		assert_true(!rc || (rc == -ENOSPC && e.list.n));
		assert_true(n < 20);
		pt_history_free(h);
		pt_err_fini(&e);
	}
	writes_left = 0;
	assert_int_equal(pt_confirmed_prepare(folder, 2, NULL), -ENOSPC);
	writes_left = -1;
	assert_int_equal(pt_confirmed_read(folder), 1);
	/* What was prepared needs no room any more. */
	assert_int_equal(pt_confirmed_prepare(folder, 2, NULL), 0);
	writes_left = 0;
	assert_int_equal(pt_confirmed_commit(folder, NULL), 0);
	writes_left = -1;
	assert_int_equal(pt_confirmed_read(folder), 2);
	assert_int_equal(pt_confirmed_prepare(folder, 1, NULL), 0);
	assert_int_equal(pt_confirmed_cancel(folder, NULL), 0);
	assert_int_equal(pt_confirmed_cancel(folder, NULL), 0);
	assert_int_equal(pt_confirmed_commit(folder, NULL), -ENOENT);
	pt_conf_free(c);
}

static int everything(const struct pt_conf *c)
{
	struct pt_revision r = { .time = 1, .comment = "x" };
	struct pt_err e = { 0 };
	struct pt_history *h = NULL;
	struct pt_texts t;
	int rc = pt_revision_write(folder, c, &r, &e);

	if (!rc)
		rc = pt_revision_end(folder, r.number, PT_REVISION_CONFIRMED, "me", "", &e);
	if (!rc)
		rc = pt_confirmed_prepare(folder, r.number, &e);
	if (!rc)
		rc = pt_confirmed_commit(folder, &e);
	if (!rc)
		rc = pt_history_read(folder, 0, &h, &e);
	pt_history_free(h);
	if (!rc)
		rc = pt_revision_read(folder, r.number, &t, &e);
	if (!rc)
		pt_texts_fini(&t);
	pt_err_fini(&e);
	return rc;
}

static void test_no_memory(void **state)
{
	struct pt_conf *c = conf_of(1);
	int rc = -1;

	(void)state;
	(void)add(1);
	for (long n = 0; rc; n++) {
		struct pt_history *h;

		allocations_left = n;
		rc = everything(c);
		allocations_left = -1;
		assert_true(n < 5000);
		h = history(0);
		assert_true(h->list.n >= 1 && pt_confirmed_read(folder) >= 1);
		for (size_t i = 0; i < h->list.n; i++)
			assert_int_not_equal(h->list.v[i].state, PT_REVISION_DAMAGED);
		pt_history_free(h);
		(void)nftw(at("history"), remove_one, 8, FTW_DEPTH | FTW_PHYS);
		(void)unlink(at("confirmed"));
		(void)add(1);
	}
	pt_conf_free(c);
}

/* ---- whose folder ---- */

static void test_folders(void **state)
{
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(mkdir(at("open"), 0700), 0);
	assert_int_equal(chmod(at("open"), 0777), 0);
	assert_int_equal(pt_history_open(at("open"), &e), -EPERM);
	assert_int_equal(mkdir(at("real"), 0700), 0);
	assert_int_equal(symlink("real", at("link")), 0);
	assert_int_equal(pt_history_open(at("link"), &e), -ELOOP);
	assert_int_equal(pt_history_open(at("real"), &e), 0);
	assert_int_equal(chmod(at("real/history"), 0770), 0);
	assert_int_equal(pt_history_open(at("real"), &e), -EPERM);
	assert_int_equal(e.list.n, 3);
	pt_err_fini(&e);
}

/* ---- sessions and locks ---- */

static struct pt_author author(uint32_t session, int leader, uint64_t started, const char *tty)
{
	struct pt_author a = { .session = session, .leader = leader, .leader_started = started };

	(void)snprintf(a.tty, sizeof(a.tty), "%s", tty);
	return a;
}

static void test_sessions(void **state)
{
	static const struct {
		uint32_t session;
		int leader;
		uint64_t started;
		const char *tty;
		bool elsewhere;
	} cases[] = {
		{ 7, 100, 5, "/dev/pts/1", false }, { 8, 100, 5, "/dev/pts/1", true }, /* pts/1 again, another login */
		{ 7, 200, 9, "/dev/pts/2", false },                                   /* a shell in the same login */
		{ 0, 100, 5, "/dev/pts/1", false }, { 0, 100, 6, "/dev/pts/2", true }, /* the number of a dead one */
		{ 0, 200, 9, "/dev/pts/1", false }, { 0, 200, 9, "/dev/pts/2", true }, { 0, 200, 9, "", true },
	};
	const struct pt_author a = author(7, 100, 5, "/dev/pts/1");

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_author b = author(cases[i].session, cases[i].leader, cases[i].started, cases[i].tty);

		assert_int_equal(pt_author_elsewhere(&a, &b), cases[i].elsewhere);
		assert_int_equal(pt_author_elsewhere(&b, &a), cases[i].elsewhere);
	}
}

static void test_lock(void **state)
{
	struct pt_buf stale = { 0 }, who = { 0 };
	struct pt_err e = { 0 };
	int fd, other, status;
	pid_t pid;

	(void)state;
	assert_false(pt_lock_holder(at("lock"), &who));
	assert_int_equal(pt_lock_as(at("lock"), "alice from 192.0.2.7", &fd, &stale, &e), 0);
	assert_int_equal(stale.n, 0);
	assert_int_equal(pt_lock_as(at("lock"), "bob", &other, &stale, &e), -EWOULDBLOCK);
	assert_non_null(strstr(e.list.v[0].msg, "held by alice from 192.0.2.7, process "));
	assert_true(pt_lock_holder(at("lock"), &who));
	assert_non_null(strstr(who.s, "alice from 192.0.2.7"));
	pt_unlock(fd);
	assert_false(pt_lock_holder(at("lock"), NULL));
	assert_int_equal(pt_lock_as(at("lock"), "bob", &fd, &stale, &e), 0);
	assert_int_equal(stale.n, 0); /* given back: nobody died */
	pt_unlock(fd);
	pid = fork();
	if (!pid) {
		if (pt_lock_as(at("lock"), "carol", &fd, NULL, NULL))
			_exit(1);
		_exit(0); /* dies with it */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pt_lock_as(at("lock"), "bob", &fd, &stale, &e), 0);
	assert_non_null(strstr(stale.s, "carol, process "));
	pt_unlock(fd);
	pt_buf_fini(&stale);
	pt_buf_fini(&who);
	pt_err_fini(&e);
}

static void test_process(void **state)
{
	uint64_t own = pt_process_started((int)getpid());
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(own > 0);
	assert_true(pt_process_started(1) > 0);
	assert_true(pt_process_started((int)getpid()) == own);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(pt_process_started(pid) == 0);
	assert_true(pt_process_started(0) == 0);
	assert_true(pt_process_started(-1) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_record, empty_folder), cmocka_unit_test_setup(test_record_damage, empty_folder),
		cmocka_unit_test_setup(test_revisions, empty_folder), cmocka_unit_test_setup(test_damage, empty_folder),
		cmocka_unit_test_setup(test_prune, empty_folder), cmocka_unit_test_setup(test_full_disk, empty_folder),
		cmocka_unit_test_setup(test_no_memory, empty_folder), cmocka_unit_test_setup(test_folders, empty_folder),
		cmocka_unit_test(test_sessions), cmocka_unit_test_setup(test_lock, empty_folder), cmocka_unit_test(test_process),
	};
	int rc;

	if (!mkdtemp(folder))
		return 99;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)empty_folder(NULL);
	(void)rmdir(folder);
	return rc;
}
