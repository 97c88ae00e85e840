/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that decide about a firewall: read only from places that nobody else can write, at once or
 * not at all; replaced as a whole; locked by one at a time.
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/base.h>

/* ---- system calls that fail ---- */

static int fail_fsync; /* counts down: the call that makes it 0 fails */
static bool fail_write;

int __real_fsync(int fd);
ssize_t __real_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
ssize_t __wrap_write(int fd, const void *p, size_t n);

int __wrap_fsync(int fd)
{
	if (fail_fsync && !--fail_fsync) {
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

/* A disk that is full. */
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (!fail_write)
		return __real_write(fd, p, n);
	errno = ENOSPC;
	return -1;
}

static char folder[] = "/tmp/file_test.XXXXXX";

/* Paths in the folder of this test; a few at a time. */
static const char *at(const char *name)
{
	static char paths[4][256];
	static int next;
	char *p = paths[next++ % 4];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
	return p;
}

static void make(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

/* Refused with CODE within a second, with one record that names PART and shows nothing of the
 * contents. */
static void refused(const char *path, size_t max, int code, const char *part)
{
	struct timespec t0, t1;
	struct pt_err e = {0};
	char *data = (char *)"untouched";
	size_t len = 1;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(pt_file_read(path, max, &data, &len, &e), code);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_true(t1.tv_sec - t0.tv_sec <= 1);
	assert_null(data);
	assert_int_equal(len, 0);
	assert_int_equal(e.list.n, 1);
	if (!strstr(e.list.v[0].msg, part))
		fail_msg("%s: \"%s\" does not name %s", path, e.list.v[0].msg, part);
	assert_null(strstr(e.list.v[0].msg, "secret"));
	pt_err_fini(&e);
}

static void reads(const char *path, size_t max, const char *text, size_t n)
{
	struct pt_err e = {0};
	char *data;
	size_t len;

	if (pt_file_read(path, max, &data, &len, &e))
		fail_msg("%s: %s", path, e.list.n ? e.list.v[0].msg : "?");
	assert_int_equal(len, n);
	assert_memory_equal(data, text, n);
	assert_int_equal(data[n], '\0');
	assert_int_equal(e.list.n, 0);
	free(data);
}

static void test_read(void **state)
{
	(void)state;
	make("plain", "secret text\n", 0644);
	reads(at("plain"), PT_FILE_MAX, "secret text\n", 12);
	reads(at("plain"), 12, "secret text\n", 12); /* exactly the cap */
	refused(at("plain"), 11, -EFBIG, "plain");
	make("empty", "", 0600);
	reads(at("empty"), 100, "", 0);
	refused(at("nothing"), 100, -ENOENT, "nothing");
	refused("", 100, -ENOENT, "reading");
	assert_int_equal(chdir(folder), 0);
	reads("plain", 100, "secret text\n", 12);
	reads("./plain", 100, "secret text\n", 12);
	reads(".//plain", 100, "secret text\n", 12);
	assert_int_equal(chdir("/"), 0);
}

/* hostile-18 */
static void test_not_files(void **state)
{
	int fd;

	(void)state;
	refused(folder, 100, -EISDIR, folder);
	refused(at(""), 100, -EISDIR, folder);
	refused("/", 100, -EISDIR, "/");
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	refused(at("fifo"), 100, -EINVAL, "fifo");
	refused("/dev/zero", 100, -EINVAL, "/dev/zero");
	make("sparse", "secret", 0600);
	fd = open(at("sparse"), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)5 << 30), 0);
	close(fd);
	refused(at("sparse"), PT_FILE_MAX, -EFBIG, "sparse");
	make("plain", "secret", 0600);
	refused(at("plain/below"), 100, -ENOTDIR, "plain");
}

static void test_standard_input(void **state)
{
	int kept = dup(STDIN_FILENO), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), pipes[2];

	(void)state;
	assert_true(kept >= 0);
	assert_true(zero >= 0);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "from\0here", 9), 9);
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	reads("-", 100, "from\0here", 9);
	dup2(zero, STDIN_FILENO); /* without end: the cap holds */
	refused("-", 1 << 20, -EFBIG, "standard input");
	dup2(kept, STDIN_FILENO);
	close(kept);
	close(zero);
	close(pipes[0]);
}

/* hostile-19: a link as the last component, in the middle, and to nowhere */
static void test_links(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("dir"), 0755), 0);
	make("dir/plain", "secret", 0600);
	assert_int_equal(symlink("/etc/shadow", at("shadow")), 0);
	assert_int_equal(symlink("dir", at("way")), 0);
	assert_int_equal(symlink("plain", at("dir/alias")), 0);
	assert_int_equal(symlink("nowhere", at("dangling")), 0);
	refused(at("shadow"), 100, -ELOOP, "shadow");
	refused(at("way/plain"), 100, -ELOOP, "way");
	refused(at("dir/alias"), 100, -ELOOP, "alias");
	refused(at("dangling"), 100, -ELOOP, "dangling");
	reads(at("dir/plain"), 100, "secret", 6);
	reads(at("dir/../dir/plain"), 100, "secret", 6);
}

/* hostile-20: the record names what is wrong, be it the file or one of its folders */
static void test_writable_by_others(void **state)
{
	(void)state;
	make("open", "secret", 0664);
	refused(at("open"), 100, -EPERM, "open");
	make("open", "secret", 0646);
	refused(at("open"), 100, -EPERM, "open");
	assert_int_equal(mkdir(at("outer"), 0755), 0);
	assert_int_equal(mkdir(at("outer/inner"), 0755), 0);
	make("outer/inner/plain", "secret", 0600);
	assert_int_equal(chmod(at("outer"), 0775), 0);
	refused(at("outer/inner/plain"), 100, -EPERM, "/outer can be");
	assert_int_equal(chmod(at("outer"), 01777), 0); /* sticky, like /tmp */
	reads(at("outer/inner/plain"), 100, "secret", 6);
	assert_int_equal(chmod(at("outer/inner"), 0757), 0);
	refused(at("outer/inner/plain"), 100, -EPERM, "/outer/inner can be");
	assert_int_equal(chdir(at("outer/inner")), 0);
	refused("plain", 100, -EPERM, "the folder . can be");
	assert_int_equal(chdir("/"), 0);
}

static void test_other_owner(void **state)
{
	(void)state;
	if (geteuid()) {
		skip();
		return;
	}
	make("theirs", "secret", 0600);
	assert_int_equal(chown(at("theirs"), 12345, 0), 0);
	refused(at("theirs"), 100, -EPERM, "theirs");
	assert_int_equal(mkdir(at("home"), 0755), 0);
	make("home/plain", "secret", 0600);
	assert_int_equal(chown(at("home"), 12345, 0), 0);
	refused(at("home/plain"), 100, -EPERM, "/home belongs");
}

static void test_long_names(void **state)
{
	char *path = malloc(10000);

	(void)state;
	assert_non_null(path);
	memset(path, 'a', 9999);
	path[9999] = '\0';
	refused(path, 100, -ENAMETOOLONG, "reading");
	path[0] = '/';
	path[300] = '\0';
	refused(path, 100, -ENAMETOOLONG, "/aaa");
	free(path);
}

/* ---- writing ---- */

/* Names in FOLDER/NAME, without . and .. */
static size_t entries(const char *name)
{
	DIR *d = opendir(at(name));
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_write(void **state)
{
	struct pt_err e = {0};
	mode_t mask = umask(077);
	struct stat before, st;

	(void)state;
	assert_int_equal(mkdir(at("store"), 0755), 0);
	assert_int_equal(pt_file_write(at("store/new"), "one", 3, 0640, &e), 0);
	reads(at("store/new"), 100, "one", 3);
	assert_int_equal(stat(at("store/new"), &before), 0);
	assert_int_equal(before.st_mode & 07777, 0640); /* whatever the umask */
	assert_int_equal(pt_file_write(at("store/new"), "", 0, 0600, &e), 0);
	reads(at("store/new"), 100, "", 0);
	assert_int_equal(stat(at("store/new"), &st), 0);
	assert_true(st.st_ino != before.st_ino); /* replaced, not written over */
	assert_int_equal(entries("store"), 1);
	umask(mask);
	assert_int_equal(e.list.n, 0);
}

/* What a link points to is not ours to write. */
static void test_write_over_link(void **state)
{
	struct pt_err e = {0};
	struct stat st;

	(void)state;
	make("target", "theirs", 0600);
	assert_int_equal(symlink("target", at("link")), 0);
	assert_int_equal(pt_file_write(at("link"), "ours", 4, 0600, &e), 0);
	reads(at("target"), 100, "theirs", 6);
	assert_int_equal(lstat(at("link"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(e.list.n, 0);
}

static void write_fails(const char *path, int code, const char *part)
{
	struct pt_err e = {0};

	assert_int_equal(pt_file_write(path, "x", 1, 0600, &e), code);
	assert_int_equal(e.list.n, 1);
	if (!strstr(e.list.v[0].msg, part))
		fail_msg("\"%s\" does not name %s", e.list.v[0].msg, part);
	pt_err_fini(&e);
}

/* Each step that fails leaves the old bytes and no temporary file, and is named. */
static void test_write_fails(void **state)
{
	(void)state;
	write_fails(at("nowhere/new"), -ENOENT, "opening the folder");
	make("plain", "old", 0600);
	write_fails(at("plain/new"), -ENOTDIR, "opening the folder");
	assert_int_equal(mkdir(at("kept"), 0755), 0);
	assert_int_equal(mkdir(at("kept/dir"), 0755), 0);
	write_fails(at("kept/dir"), -EISDIR, "renaming");
	assert_int_equal(entries("kept"), 1);
	make("kept/file", "old", 0600);
	fail_fsync = 1;
	write_fails(at("kept/file"), -EIO, "writing");
	reads(at("kept/file"), 100, "old", 3);
	assert_int_equal(entries("kept"), 2);
	fail_fsync = 2;
	write_fails(at("kept/file"), -EIO, "syncing the folder");
	fail_fsync = 0;
	fail_write = true;
	write_fails(at("kept/file"), -ENOSPC, "writing");
	fail_write = false;
	assert_int_equal(entries("kept"), 2);
}

/* ---- folders ---- */

static void test_mkdirs(void **state)
{
	struct pt_err e = {0};
	mode_t mask = umask(022);
	struct stat st;

	(void)state;
	assert_int_equal(pt_mkdirs(at("a/b/c"), &e), 0);
	assert_int_equal(pt_mkdirs(at("a/b/c"), &e), 0);
	assert_int_equal(pt_mkdirs(at("a/b/c/d//"), &e), 0);
	assert_int_equal(pt_mkdirs("/", &e), 0);
	assert_int_equal(stat(at("a/b/c/d"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(e.list.n, 0);
	make("file", "x", 0600);
	assert_int_equal(pt_mkdirs(at("file"), &e), -ENOTDIR); /* a file is no folder */
	assert_int_equal(pt_mkdirs(at("file/below"), &e), -ENOTDIR);
	assert_int_equal(e.list.n, 2);
	assert_non_null(strstr(e.list.v[0].msg, "file"));
	pt_err_fini(&e);
	umask(mask);
}

/* ---- folders of ours ---- */

static void expect_folder(const char *path, int code, const char *says)
{
	struct pt_err e = { 0 };

	assert_int_equal(pt_folder_make(path, &e), code);
	assert_int_equal(e.list.n, code ? 1 : 0);
	if (code && !strstr(e.list.v[0].msg, says))
		fail_msg("%s: %s", path, e.list.v[0].msg);
	pt_err_fini(&e);
}

static void test_own_folders(void **state)
{
	mode_t mask = umask(022);
	struct stat st;

	(void)state;
	expect_folder(at("own/new/deep"), 0, NULL);
	expect_folder(at("own/new/deep"), 0, NULL);
	assert_int_equal(stat(at("own/new/deep"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(chmod(at("own/new/deep"), 01777), 0); /* sticky, but whoever comes first has a name there */
	expect_folder(at("own/new/deep"), -EPERM, "can be written");
	expect_folder(at("own/new/deep/er"), 0, NULL); /* below one, ours stays ours */
	assert_int_equal(chmod(at("own/new"), 0775), 0);
	expect_folder(at("own/new/other"), -EPERM, "own/new can be written");
	assert_int_not_equal(stat(at("own/new/other"), &st), 0);
	assert_true(pt_folder_take_back(at("own/new")));
	assert_false(pt_folder_take_back(at("own/new")));
	assert_true(pt_folder_take_back(at("own/new/deep")));
	expect_folder(at("own/new/deep"), 0, NULL);
	assert_int_equal(symlink("new", at("own/link")), 0);
	expect_folder(at("own/link"), -ELOOP, "symbolic link");
	expect_folder(at("own/link/below"), -ELOOP, "symbolic link");
	assert_int_not_equal(stat(at("own/new/below"), &st), 0); /* nothing is made behind it */
	assert_false(pt_folder_take_back(at("own/link")));
	make("own/file", "x", 0600);
	expect_folder(at("own/file"), -ENOTDIR, "own/file");
	expect_folder(at("own/file/below"), -ENOTDIR, "own/file");
	expect_folder("", -ENOENT, "");
	umask(mask);
}

/* ---- locks ---- */

/* A child that holds the lock until it is told to go. */
static pid_t hold(const char *path, int ready)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	if (pt_lock(path, &fd, NULL) || write(ready, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void test_lock(void **state)
{
	struct pt_err e = {0};
	int ready[2], fd, status;
	char byte, text[30];
	pid_t holder;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	holder = hold(at("lock"), ready[1]);
	assert_true(holder > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(pt_lock(at("lock"), &fd, &e), -EWOULDBLOCK);
	assert_int_equal(fd, -1);
	assert_int_equal(e.list.n, 1);
	(void)snprintf(text, sizeof(text), "process %d ", (int)holder);
	assert_non_null(strstr(e.list.v[0].msg, text));
	assert_non_null(strstr(e.list.v[0].msg, "since 20"));
	assert_non_null(e.list.v[0].hint);
	pt_err_fini(&e);
	/* Killed without a chance to tidy up: what it left behind holds nothing. */
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(pt_lock(at("lock"), &fd, &e), 0);
	close(fd);
	assert_int_equal(pt_lock(at("lock"), &fd, &e), 0);
	close(fd);
	assert_int_equal(e.list.n, 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_lock_refused(void **state)
{
	struct pt_err e = {0};
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", at("trap")), 0);
	assert_int_equal(pt_lock(at("trap"), &fd, &e), -ELOOP);
	assert_int_equal(fd, -1);
	assert_int_equal(pt_lock(at("nowhere/lock"), &fd, &e), -ENOENT);
	assert_int_equal(e.list.n, 2);
	pt_err_fini(&e);
	assert_int_equal(pt_lock(at("mine"), &fd, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
}

/* ---- the folder of this test ---- */

static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return nftw(folder, forget, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_not_files),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_writable_by_others),
		cmocka_unit_test(test_other_owner),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_over_link),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_mkdirs), cmocka_unit_test(test_own_folders),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
