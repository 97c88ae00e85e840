/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is given as the common file: only a regular file that nobody else can write, and standard
 * input, are read. Everything else ends in an error, at once, and never in the end of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/conf.h>
#include <patronus/policy.h>

static char folder[] = "/tmp/conf_file.XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(in_folder(name), mode), 0);
}

/* Refused with CODE, in less than a second, with a record that has PART in it. */
static void refuse(const char *path, int code, const char *part)
{
	struct timespec t0, t1;
	struct pt_err e = { 0 };
	struct pt_conf *c;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(pt_conf_load(path, &c, &e), code);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_true(t1.tv_sec - t0.tv_sec <= 1);
	assert_null(c);
	assert_int_equal(e.list.n, 1);
	if (!strstr(e.list.v[0].msg, part))
		fail_msg("%s: %s", path, e.list.v[0].msg);
	pt_err_fini(&e);
}

static void test_load(void **state)
{
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	write_file("good.conf", "system { name = gw }\n", 0644);
	assert_int_equal(pt_conf_load(in_folder("good.conf"), &c, &e), 0);
	assert_string_equal(c->path, in_folder("good.conf"));
	assert_string_equal(c->text, "system { name = gw }\n");
	assert_string_equal(c->system_name, "gw");
	pt_conf_free(c);
	pt_err_fini(&e);
	refuse(in_folder("none.conf"), -ENOENT, "none.conf");
}

/* Both or neither of what a load gave, as its result RC says. */
static void loaded(struct pt_conf *c, struct pt_policy *p, int rc, int code)
{
	assert_int_equal(rc, code);
	assert_int_equal(c != NULL, !code);
	assert_int_equal(p != NULL, !code);
	if (!code)
		assert_string_equal(p->rules.v[p->rules.n - 1].text, "pass out all");
	pt_policy_free(p);
	pt_conf_free(c);
}

/* What is said of TEXT, the same from a file and from memory. */
static struct pt_err load_policy(const char *text, int code)
{
	const char *path = in_folder("policy.conf");
	struct pt_err e = { 0 }, parsed = { 0 };
	struct pt_policy *p;
	struct pt_conf *c;
	int rc;

	write_file("policy.conf", text, 0644);
	rc = pt_policy_load(path, &c, &p, &e);
	loaded(c, p, rc, code);
	rc = pt_policy_parse(path, text, strlen(text), &c, &p, &parsed);
	loaded(c, p, rc, code);
	assert_int_equal(parsed.list.n, e.list.n);
	for (size_t i = 0; i < e.list.n; i++)
		assert_string_equal(parsed.list.v[i].msg, e.list.v[i].msg);
	pt_err_fini(&parsed);
	return e;
}

/* What a rule says of other rules or sections is told once all of them can be read. */
static void test_load_policy(void **state)
{
	struct pt_err e;

	(void)state;
	e = load_policy("firewall { rules = { block, 'pass out' } }", 0);
	assert_int_equal(e.list.n, 0);
	pt_err_fini(&e);
	e = load_policy("firewall { rules = { 'pass out on nowhere', 'pass port' } }", -EINVAL);
	assert_int_equal(e.list.n, 1);
	assert_non_null(strstr(e.list.v[0].msg, "port"));
	pt_err_fini(&e);
	e = load_policy("firewall { rules = { 'pass out on nowhere', 'pass in on other' } }", -EINVAL);
	assert_int_equal(e.list.n, 2);
	assert_non_null(strstr(e.list.v[0].msg, "nowhere"));
	assert_non_null(strstr(e.list.v[1].msg, "other"));
	pt_err_fini(&e);
}

static void test_standard_input(void **state)
{
	struct pt_conf *c;
	int kept = dup(STDIN_FILENO), fd;

	(void)state;
	write_file("in.conf", "system { name = piped }\n", 0644);
	fd = open(in_folder("in.conf"), O_RDONLY);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(pt_conf_load("-", &c, NULL), 0);
	assert_string_equal(c->path, "standard input");
	assert_string_equal(c->system_name, "piped");
	pt_conf_free(c);
	assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
	close(kept);
	close(fd);
}

static void hostile_18_not_a_file(void **state)
{
	(void)state;
	refuse(folder, -EISDIR, folder);
	refuse("/", -EISDIR, "/");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	refuse(in_folder("fifo"), -EINVAL, "not a regular file");
	refuse("/dev/zero", -EINVAL, "not a regular file");
	refuse("", -ENOENT, "");
}

static void hostile_18_sparse_file(void **state)
{
	(void)state;
	write_file("sparse", "", 0600);
	if (truncate(in_folder("sparse"), (off_t)5 << 30))
		skip();
	refuse(in_folder("sparse"), -EFBIG, "larger than");
}

static void hostile_19_symbolic_link(void **state)
{
	struct pt_err e = { 0 };
	struct pt_conf *c;

	(void)state;
	write_file("secret", "root:$6$hash:1:2:3\n", 0600);
	assert_int_equal(symlink("secret", in_folder("link.conf")), 0);
	assert_int_equal(pt_conf_load(in_folder("link.conf"), &c, &e), -ELOOP);
	for (size_t i = 0; i < e.list.n; i++) {
		assert_null(strstr(e.list.v[i].msg, "hash"));
		assert_true(!e.list.v[i].source || !strstr(e.list.v[i].source, "hash"));
	}
	pt_err_fini(&e);
	assert_int_equal(symlink(folder, in_folder("sub")), 0);
	refuse(in_folder("sub/secret"), -ELOOP, "link");
}

static void hostile_20_written_by_others(void **state)
{
	(void)state;
	write_file("open.conf", "system { }\n", 0664);
	refuse(in_folder("open.conf"), -EPERM, "open.conf");
	assert_int_equal(chmod(in_folder("open.conf"), 0646), 0);
	refuse(in_folder("open.conf"), -EPERM, "open.conf");
	assert_int_equal(mkdir(in_folder("dir"), 0755), 0);
	write_file("dir/a.conf", "system { }\n", 0644);
	assert_int_equal(chmod(in_folder("dir"), 0775), 0);
	refuse(in_folder("dir/a.conf"), -EPERM, "dir");
	if (geteuid())
		return;
	assert_int_equal(chmod(in_folder("open.conf"), 0644), 0);
	assert_int_equal(chown(in_folder("open.conf"), 65534, 65534), 0);
	refuse(in_folder("open.conf"), -EPERM, "another user");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "good.conf", "policy.conf", "in.conf",   "fifo",
					     "sparse",	  "secret",    "link.conf",
					     "sub",	  "open.conf", "dir/a.conf" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		(void)unlink(in_folder(names[i]));
	(void)rmdir(in_folder("dir"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_policy),
		cmocka_unit_test(test_standard_input),
		cmocka_unit_test(hostile_18_not_a_file),
		cmocka_unit_test(hostile_18_sparse_file),
		cmocka_unit_test(hostile_19_symbolic_link),
		cmocka_unit_test(hostile_20_written_by_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
