/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that has every section and every option of the schema, with values that are hard to quote where the schema lets them: made in
 * the console by set lines, shown as set lines, and those pasted into an empty candidate. Both files are the same, byte by byte, and
 * say what was set. An option for which no value is known here fails: give it one.
 */
#include <fcntl.h>
#include <setjmp.h>
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
#include <patronus/edit.h>
#include <patronus/line.h>

static char folder[] = "/tmp/ptsh_every.XXXXXX";

/* The most troublesome first. */
static const char *const samples[] = {
	"a \"b\" 'c' \\d \\\\ ; | # $(e) ${HOME} {f} = ! ? \xc3\xa9",
	"192.0.2.1", "2001:db8::1", "192.0.2.0/24", "192.0.2.1/24", "eth0", "DE", "Europe/Berlin", "mon-fri", "08:00-18:00", "!12-24/12-26",
	"tcp.established 24h", "states 1000", "02:00:00:00:00:01", "tso off", "lan 0", "10 pvid untagged", "10", "1", "10Mbit", "5m", "1%",
	"blackhole 192.0.2.0/24", "192.0.2.0/24 via 192.0.2.254 dev lan metric 10", "192.0.2.9 lladdr 02:00:00:00:00:01 dev lan",
	"from 192.0.2.0/24 lookup 100 priority 10", "from 192.0.2.0/24 table 100", "lists/a b.txt", "x", "0x10", "100kb", "10%", "20ms", "drop", "floating",
};
/* Rules are judged by the console, and not by a row alone. */
static const char *const rule_samples[][2] = {
	{ "test", "pass in on lan proto tcp from lan:network to any port https" },
	{ "", "pass in quick on lan proto tcp from { 192.0.2.1, 2001:db8::1 } to any port { 80, 443 } keep state label \"a-b\"" },
};

static const char *sample(const struct pt_schema *section, const struct pt_schema *o, size_t skip)
{
	static char number[24];
	const struct pt_loc loc = { .file = "x", .line = 1, .col = 1 };

	if (o->complete && !strcmp(o->complete, "rule"))
		return rule_samples[strcmp(section->name, "test") != 0][1];
	if (o->type == PT_OPT_BOOL)
		return "true";
	if (o->type == PT_OPT_WORD)
		return o->words[0];
	if (o->type == PT_OPT_NUMBER) {
		(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)o->max);
		return number;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(samples); i++) {
		struct pt_err e = { 0 };
		int rc = pt_conf_value_check(o, samples[i], &loc, &e);

		pt_err_fini(&e);
		if (!rc && !skip--)
			return samples[i];
	}
	return NULL;
}

static void put_words(struct pt_buf *b, const char *const *words, size_t n)
{
	pt_buf_str(b, "set");
	for (size_t i = 0; i < n && words[i]; i++) {
		pt_buf_chr(b, ' ');
		pt_line_quote(b, words[i]);
	}
	pt_buf_chr(b, '\n');
}

static const char *title_of(const struct pt_schema *s, size_t i)
{
	if (!s->titled)
		return NULL;
	return !i ? "x1" : s->range && strstr(s->range, "'-'") ? "y.z-1_2" : "y_2";
}

/* Each option of a section; of a list also a second value, where one is known. */
static size_t put_section(struct pt_buf *b, const struct pt_schema *s, const char *title)
{
	size_t n = 0;

	for (const struct pt_schema *o = s->options; o->name; o++, n++) {
		const char *value = sample(s, o, 0), *more = o->type == PT_OPT_LIST ? sample(s, o, 1) : NULL;
		const char *words[6] = { s->name };
		size_t k = 1;

		if (!value)
			print_message("# no value is known of %s %s: %s\n", s->name, o->name, o->range ? o->range : "");
		assert_non_null(value);
		if (title)
			words[k++] = title;
		words[k++] = o->name;
		words[k++] = value;
		put_words(b, words, k);
		words[k - 1] = more;
		if (more && more != value)
			put_words(b, words, k);
	}
	return n;
}

static void path_of(char out[200], const char *name)
{
	(void)snprintf(out, 200, "%s/%s", folder, name);
}

static void put_file(const char *name, const char *text, size_t len)
{
	char path[200];
	struct pt_err e = { 0 };

	path_of(path, name);
	assert_int_equal(pt_file_write(path, text, len, 0600, &e), 0);
}

static char *get_file(const char *name, size_t *len)
{
	char path[200], *text = NULL;
	struct pt_err e = { 0 };

	path_of(path, name);
	assert_int_equal(pt_file_read(path, PT_FILE_MAX, &text, len, &e), 0);
	return text;
}

/* A script over an empty file: LINES, saved as NAME.conf, shown as NAME.set. */
static void run(const char *name, const char *lines)
{
	const char *build = getenv("PATRONUS_BUILD");
	char ptsh[4200], empty[200], script[200], out[200], saved[200];
	struct pt_buf b = { 0 };
	int status;
	pid_t pid;

	put_file("empty.conf", "", 0);
	(void)snprintf(ptsh, sizeof(ptsh), "%s/ptsh", build ? build : "build");
	path_of(empty, "empty.conf");
	path_of(script, "script");
	(void)snprintf(out, sizeof(out), "%s/%s.set", folder, name);
	(void)snprintf(saved, sizeof(saved), "%s/%s.conf", folder, name);
	pt_buf_fmt(&b, "configure\n%ssave %s\nshow | display set\nexit discard\n", lines, saved);
	put_file("script", b.s, b.n);
	pt_buf_fini(&b);
	pid = fork();
	if (!pid) {
		int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		(void)dup2(fd, STDOUT_FILENO);
		execl(ptsh, "ptsh", "-e", "--strict", "-f", empty, script, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int find_value(const struct pt_edit_value *v, void *arg)
{
	const char **want = arg;

	if (*want && !strcmp(v->value, *want))
		*want = NULL;
	return 0;
}

/* The file says what was set. */
static void says(struct pt_edit_texts *t, const struct pt_schema *s, const char *title)
{
	for (const struct pt_schema *o = s->options; o->name; o++) {
		const char *words[3] = { s->name, title ? title : o->name, o->name }, *want = sample(s, o, 0);
		const struct pt_edit what = { .op = PT_EDIT_GET, .words = words, .n = title ? 3 : 2 };
		struct pt_edit_path path;
		struct pt_err e = { 0 };

		assert_int_equal(pt_edit_get(t, &what, false, &path, find_value, &want, &e), 0);
		if (want)
			print_message("# %s %s is not '%s'\n", s->name, o->name, want);
		assert_null(want);
	}
}

static void test_every(void **state)
{
	char *lines, *once, *twice;
	size_t n = 0, len, len2;
	struct pt_buf b = { 0 };
	struct pt_edit_texts t;
	struct pt_err e = { 0 };
	char path[200];

	(void)state;
	for (const struct pt_schema *s = pt_conf_schema; s->name; s++)
		for (size_t i = 0; i < (s->titled ? 2u : 1u); i++)
			n += put_section(&b, s, title_of(s, i));
	assert_int_equal(b.err, 0);
	print_message("# %zu options\n", n);
	run("once", b.s);
	lines = get_file("once.set", &len);
	assert_true(len > n * 5);
	run("twice", lines);
	once = get_file("once.conf", &len);
	twice = get_file("twice.conf", &len2);
	assert_string_equal(once, twice);
	free(once);
	free(twice);
	twice = get_file("twice.set", &len2);
	assert_string_equal(lines, twice);
	free(lines);
	free(twice);
	path_of(path, "twice.conf");
	assert_int_equal(pt_edit_load(path, &t, &e), 0);
	for (const struct pt_schema *s = pt_conf_schema; s->name; s++)
		for (size_t i = 0; i < (s->titled ? 2u : 1u); i++)
			says(&t, s, title_of(s, i));
	pt_edit_texts_fini(&t);
	pt_buf_fini(&b);
}

static int clean(void **state)
{
	static const char *const names[] = { "empty.conf", "script", "once.conf", "once.set", "twice.conf", "twice.set" };
	char path[200];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++) {
		path_of(path, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every) };

	if (geteuid()) {
		printf("1..0 # SKIP configuration mode is for admins: needs root\n");
		return 0;
	}
	if (!mkdtemp(folder))
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, clean);
}
