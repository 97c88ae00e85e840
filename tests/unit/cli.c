/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line that all tools share, with a tool of its own: words, options, help, completion,
 * batches, what is printed where, and the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/cli.h>

/* ---- a tool ---- */

static struct {
	char ran[32];
	int answer;
	size_t argc;
	char args[200];
	bool json, line, quiet;
	int stats;
	enum pt_af af;
	char file[100], input[100];
} seen;

static int note(struct pt_cli *c, const char *name)
{
	(void)snprintf(seen.ran, sizeof(seen.ran), "%s", name);
	seen.argc = c->argc;
	seen.args[0] = '\0';
	for (size_t i = 0; i < c->argc; i++) {
		size_t n = strlen(seen.args);

		(void)snprintf(seen.args + n, sizeof(seen.args) - n, "<%s>", c->argv[i]);
	}
	seen.json = c->json;
	seen.line = c->line;
	seen.quiet = c->quiet;
	seen.stats = c->stats;
	seen.af = c->af;
	(void)snprintf(seen.file, sizeof(seen.file), "%s", c->file);
	(void)snprintf(seen.input, sizeof(seen.input), "%s", c->input ? c->input : "");
	return seen.answer;
}

static int rule_show(struct pt_cli *c)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.rule.v1", "rules");
	int rc;

	if (!o)
		return -ENOMEM;
	pt_out_rec(o);
	pt_out_str(o, "name", "web");
	pt_out_text(o, "pass in");
	pt_out_rec_end(o);
	rc = pt_cli_end(c, o);
	return rc ? rc : note(c, "rule show");
}

static int rule_add(struct pt_cli *c)
{
	pt_cli_say(c, "1 added\n");
	return note(c, "rule add");
}

static int reload(struct pt_cli *c)
{
	return note(c, "reload");
}

static int restart(struct pt_cli *c)
{
	return note(c, "restart");
}

/* Fails with a record in a file that has a tab and an escape in its line. */
static int check(struct pt_cli *c)
{
	static const char text[] = "first\n\tpass in \033[2J onn lan\n";
	struct pt_loc loc = {.file = "a\033.conf", .line = 2, .col = 15, .len = 3};

	pt_err_add(&c->err, PT_ERROR, &loc, "did you mean 'on'?", "unknown word %s", "onn");
	pt_err_source(&c->err, text, strlen(text));
	pt_err_add(&c->err, PT_WARNING, NULL, NULL, "a warning");
	return -EINVAL;
}

static int labels(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	char text[20];

	(void)snprintf(text, sizeof(text), "argument%zu", n);
	word(text, arg);
	word("web", arg);
	word("evil\033[2J", arg);
	word("$(reboot)", arg);
	word("", arg);
	if (c->argc)
		word(c->argv[c->argc - 1], arg);
	return 0;
}

/* A command with words. */
static struct probe {
	bool df;
	uint64_t count;
	uint32_t interval, deadline;
	const char *text, *on;
	struct pt_addr from;
	unsigned int mode;
	size_t filter;
} asked;

static const char *const modes[] = {"udp", "icmp", NULL};

static const struct pt_cli_word probe_words[] = {
	{.name = "df", .type = PT_CLI_FLAG, .offset = offsetof(struct probe, df), .help = "do not fragment"},
	{"count", PT_CLI_COUNT, offsetof(struct probe, count), "N", "how many", 1, 100, NULL},
	{"interval", PT_CLI_TIME, offsetof(struct probe, interval), "TIME", "between them", 1000, 60000000, NULL},
	{"deadline", PT_CLI_SECONDS, offsetof(struct probe, deadline), "TIME", "at most", 1, 3600, NULL},
	{"text", PT_CLI_TEXT, offsetof(struct probe, text), "TEXT", "what is sent", 0, 0, NULL},
	{"on", PT_CLI_DEVICE, offsetof(struct probe, on), "DEVICE", "by this device", 0, 0, NULL},
	{"from", PT_CLI_ADDRESS, offsetof(struct probe, from), "ADDRESS", "from this address", 0, 0, NULL},
	{"mode", PT_CLI_CHOICE, offsetof(struct probe, mode), "udp|icmp", "which packets", 0, 0, modes},
	{"filter", PT_CLI_REST, offsetof(struct probe, filter), "EXPRESSION", "the rest of the line", 0, 0, NULL},
	{.name = NULL},
};

static int probe(struct pt_cli *c)
{
	int rc;

	memset(&asked, 0, sizeof(asked));
	rc = pt_cli_words(c, &asked);
	return rc ? rc : note(c, "probe");
}

static const struct pt_cli_cmd commands[] = {
	{"rule", "show", "[LABEL]", "the rules",
	 PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATS | PT_CLI_FAMILY, 0, 1, labels, rule_show},
	{"rule", "add", "TEXT...", "add rules", PT_CLI_INPUT | PT_CLI_MANY, 1, 9, labels, rule_add},
	{"reload", NULL, NULL, "load again", PT_CLI_FILE, 0, 0, NULL, reload},
	{"restart", NULL, NULL, "start again", 0, 0, 0, NULL, restart},
	{"probe", NULL, "HOST [WORD...]", "ask a host", 0, 1, 20, labels, probe},
	{"check", NULL, NULL, "judge the file", PT_CLI_FILE, 0, 0, NULL, check},
	{"long", NULL, "WITH SO MANY ARGUMENTS THAT A LINE OF EIGHTY COLUMNS CANNOT HOLD THEM [ALL...]", "is long", 0, 0, 0, NULL,
	 restart},
	{NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL},
};

static const struct pt_cli_more more[] = {{"long", NULL, "WITH what?"}, {NULL, NULL, NULL}};

static const struct pt_cli_grammar grammars[] = {
	{"probe", NULL, 1, probe_words},
	{NULL, NULL, 0, NULL},
};

static const struct pt_cli_tool tool = {
	.name = "pttest",
	.summary = "a tool of the tests",
	.notes = "A line at the end.",
	.more = more,
	.grammars = grammars,
	.cmds = commands,
};

/* ---- running it ---- */

static char out[65536], err[65536]; /* of the last run */

static void slurp(FILE *f, char *to, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(to, 1, size - 1, f);
	to[n] = '\0';
	(void)fclose(f);
}

static int run_argv(int argc, char **argv)
{
	FILE *o = tmpfile(), *e = tmpfile();
	int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO), rc;

	assert_non_null(o);
	assert_non_null(e);
	(void)fflush(stdout);
	memset(&seen, 0, offsetof(typeof(seen), answer));
	dup2(fileno(o), STDOUT_FILENO);
	dup2(fileno(e), STDERR_FILENO);
	rc = pt_cli_main(&tool, argc, argv);
	(void)fflush(stdout);
	(void)fflush(stderr);
	dup2(kept_out, STDOUT_FILENO);
	dup2(kept_err, STDERR_FILENO);
	close(kept_out);
	close(kept_err);
	slurp(o, out, sizeof(out));
	slurp(e, err, sizeof(err));
	return rc;
}

/* LINE cut at blanks; "_" is an empty word. */
static int run(const char *line)
{
	static char text[400]; /* a test looks at the words behind the run, too */
	char *argv[40], *rest = text, *word;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "pttest %s", line);
	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = strcmp(word, "_") != 0 ? word : (char *)"";
	argv[argc] = NULL;
	return run_argv(argc, argv);
}

/* LINE runs COMMAND with ARGS. */
static void runs(const char *line, const char *command, const char *args)
{
	seen.answer = 0;
	if (run(line))
		fail_msg("%s: %s", line, err);
	assert_string_equal(seen.ran, command);
	assert_string_equal(seen.args, args);
}

/* LINE is refused before anything runs, with WHY on stderr and nothing on stdout. */
static void refused(const char *line, const char *why)
{
	seen.answer = 0;
	assert_int_equal(run(line), PT_EXIT_CONFIG);
	assert_string_equal(seen.ran, "");
	assert_string_equal(out, "");
	if (!strstr(err, why))
		fail_msg("%s: \"%s\" does not say %s", line, err, why);
}

/* ---- words ---- */

static void test_words(void **state)
{
	(void)state;
	runs("rule show", "rule show", "");
	runs("rule", "rule show", ""); /* the first command of an object is its default */
	runs("ru sh web", "rule show", "<web>");
	runs("ru a x y", "rule add", "<x><y>");
	runs("rel", "reload", "");
	runs("rule add -- -x help", "rule add", "<-x><help>");
	refused("re", "it may mean: reload, restart");
	refused("r show", "it may mean: rule, reload, restart");
	refused("rule shwo", "did you mean 'show'");
	refused("relaod", "did you mean 'reload'");
	refused("frobnicate", "see `pttest -h`");
	refused("", "no command");
	refused("_", "ambiguous");
	refused("rule add", "usage: pttest rule add TEXT...");
	refused("rule show a b", "usage: pttest rule show [LABEL]");
	refused("reload now", "usage");
}

/* ---- options ---- */

static void test_options(void **state)
{
	(void)state;
	runs("rule show -sj", "rule show", "");
	assert_true(seen.json);
	assert_int_equal(seen.stats, 1);
	assert_string_equal(out,
			    "{\"schema\":\"patronus.rule.v1\",\"rules\":[{\"name\":\"web\"}]}\n");
	runs("-ss rule -6", "rule show", "");
	assert_int_equal(seen.stats, 2);
	assert_int_equal(seen.af, PT_AF_INET6);
	assert_string_equal(out, "pass in\n");
	runs("rule show --oneline", "rule show", "");
	assert_string_equal(out, "name=web\n");
	runs("reload", "reload", "");
	assert_string_equal(seen.file, "/etc/patronus/patronus.conf");
	runs("reload -f x.conf", "reload", "");
	assert_string_equal(seen.file, "x.conf");
	runs("reload -qfy.conf", "reload", "");
	assert_string_equal(seen.file, "y.conf");
	assert_true(seen.quiet);
	runs("reload -f -", "reload", "");
	assert_string_equal(seen.file, "-");
	runs("rule add --file=z t", "rule add", "<t>");
	runs("-Nc=never reload", "reload", "");
	runs("rule show -p", "rule show", "");
	assert_non_null(strstr(out, "{\n  \"schema\""));
}

static void test_refused_options(void **state)
{
	(void)state;
	refused("reload -j", "'reload' has no option --json");
	refused("rule show -f x", "'rule show' has no option -f");
	refused("rule show -v", "has no option --verbose");
	refused("rule show -x", "unknown option");
	refused("rule show -sx", "unknown option -sx");
	refused("rule show --frob", "unknown option --frob");
	refused("rule show --json=yes", "unknown option");
	refused("reload -f", "needs a value: FILE");
	refused("rule add t --file", "needs a value");
	refused("reload -c=sometimes", "auto, always or never");
	refused("reload --force", "--batch");
}

/* ---- help ---- */

static void helps(const char *line, const char *has, const char *has_not)
{
	assert_int_equal(run(line), PT_EXIT_OK);
	assert_string_equal(seen.ran, "");
	assert_string_equal(err, "");
	if (!strstr(out, has) || (has_not && strstr(out, has_not)))
		fail_msg("%s: %s", line, out);
}

static void test_help(void **state)
{
	(void)state;
	helps("help", "rule show [LABEL]", NULL);
	helps("-h", "a tool of the tests", NULL);
	helps("--help", "reload", NULL);
	helps("help rule", "rule add TEXT...", "restart");
	helps("rule help", "rule add TEXT...", "restart");
	helps("ru -h", "rule add TEXT...", "restart");
	helps("help rule add", "Usage: pttest [OPTIONS] rule add TEXT...", "rule show");
	helps("rule add help", "--file FILE", "--json");
	helps("rule show -h", "--json", "--file FILE");
	helps("check help", "-f FILE", "reload");
	helps("reload -j -h", "load again", NULL); /* whoever asks for help gets it */
	/* what is long is continued below, whole, and has its own lines of help */
	helps("long -h", "Usage: pttest [OPTIONS] long WITH SO MANY ARGUMENTS THAT A LINE OF EIGHTY\n"
			 "        COLUMNS CANNOT HOLD THEM [ALL...]\n", NULL);
	helps("long -h", "  long WITH SO MANY ARGUMENTS THAT A LINE OF EIGHTY COLUMNS CANNOT HOLD THEM\n      [ALL...]\n", NULL);
	helps("long -h", "\nWITH what?\n", NULL);
	helps("rule -h", "rule show [LABEL]", "WITH what?");
	helps("-V", "pttest (Patronus) ", NULL);
	refused("help frobnicate", "there is no command");
}

/* ---- completion ---- */

static void completes(const char *line, const char *words)
{
	char full[300];

	(void)snprintf(full, sizeof(full), "complete -- %s", line);
	assert_int_equal(run(full), PT_EXIT_OK);
	assert_string_equal(err, "");
	for (char *p = out; *p; p++)
		if (*p == '\n')
			*p = ' ';
	assert_string_equal(out, words);
}

static void test_complete(void **state)
{
	(void)state;
	completes("_", "rule reload restart probe check long help ");
	completes("re", "reload restart ");
	completes("x", "");
	completes("rule _", "show add help ");
	completes("ru a", "add ");
	completes("frob _", "");
	completes("rule show _", "argument0 web ");
	completes("rule show w", "web ");
	completes("rule add first arg", "argument1 ");
	completes("rule add first f", "first "); /* it may look at the arguments before */
	completes("rule show --j", "--json ");
	completes("reload --j", "");
	completes("--pcap", ""); /* an option of other tools */
	completes("rule -s show w", "web ");
	completes("rule add --file x w", "web "); /* x is the option's */
	completes("reload -f _", ""); /* a file: the shell's business */
	completes("reload -qf _", "");
	completes("reload -fx _", "");
	completes("-c=always re", "reload restart ");
}

/* ---- exit status ---- */

static void test_exit_status(void **state)
{
	static const struct {
		int answer, status;
	} cases[] = {
		{0, PT_EXIT_OK},
		{-EINVAL, PT_EXIT_CONFIG},
		{-ERANGE, PT_EXIT_CONFIG},
		{-ENOENT, PT_EXIT_SYSTEM},
		{-ENOMEM, PT_EXIT_SYSTEM},
		{-EIO, PT_EXIT_SYSTEM},
		{PT_EXIT_NO, PT_EXIT_NO},
		{-EPERM, PT_EXIT_PERM},
		{-EACCES, PT_EXIT_PERM},
		{-ETIMEDOUT, PT_EXIT_TIME},
		{PT_EXIT_TIME, PT_EXIT_TIME},
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		seen.answer = cases[i].answer;
		assert_int_equal(run("reload"), cases[i].status);
		/* A failure that left no record is told all the same; an answer is not a failure.
		 */
		assert_int_equal(err[0] != '\0', cases[i].answer < 0);
	}
}

/* ---- records ---- */

static void test_report(void **state)
{
	(void)state;
	assert_int_equal(run("check"), PT_EXIT_CONFIG);
	assert_string_equal(out, "");
	assert_string_equal(err, "a\\x1b.conf:2:15: error: unknown word onn\n"
				 "     pass in \\x1b[2J onn lan\n"
				 "                     ^~~\n"
				 "    did you mean 'on'?\n"
				 "pttest: warning: a warning\n");
	assert_int_equal(run("check -c"), PT_EXIT_CONFIG);
	assert_non_null(strstr(err, "\033[1;31merror\033[0m: "));
	assert_null(strstr(err, "\033[2J"));
	assert_int_equal(run("check -c=never"), PT_EXIT_CONFIG);
	assert_null(strchr(err, '\033'));
}

/* ---- output ---- */

static void test_quiet(void **state)
{
	(void)state;
	runs("rule add x", "rule add", "<x>");
	assert_string_equal(out, "1 added\n");
	runs("rule add -q x", "rule add", "<x>");
	assert_string_equal(out, "");
}

/* Runs LINE with standard output at FD, which it closes. */
static int run_at(const char *line, int fd)
{
	int kept = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int kept_err = dup(STDERR_FILENO), rc;
	char text[100], *argv[10], *rest = text, *word;
	int argc = 0;

	(void)fflush(stdout);
	(void)snprintf(text, sizeof(text), "pttest %s", line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	dup2(fd, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(fd);
	close(null);
	seen.answer = 0;
	rc = pt_cli_main(&tool, argc, argv);
	__fpurge(stdout); /* what could not be written must not come out later */
	clearerr(stdout);
	dup2(kept, STDOUT_FILENO);
	dup2(kept_err, STDERR_FILENO);
	close(kept);
	close(kept_err);
	return rc;
}

/* `ptfw … | head -1` is no error; a full disk is one for what is shown, not for what is done. */
static void test_output_fails(void **state)
{
	int pipes[2], full;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes), 0);
		close(pipes[0]);
		assert_int_equal(run_at(i ? "rule add x" : "rule show -j", pipes[1]), PT_EXIT_OK);
		full = open("/dev/full", O_WRONLY | O_CLOEXEC);
		assert_true(full >= 0);
		assert_int_equal(run_at(i ? "rule add x" : "rule show -j", full), i ? PT_EXIT_OK : PT_EXIT_SYSTEM);
	}
}

/* ---- batches ---- */

static char folder[] = "/tmp/cli_test.XXXXXX";

static int batch(const char *lines, const char *options)
{
	char path[100], line[200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/batch", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(lines, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	(void)snprintf(line, sizeof(line), "--batch %s %s", path, options);
	return run(line);
}

static void test_batch(void **state)
{
	(void)state;
	seen.answer = 0;
	assert_int_equal(
		batch("# comment\n\nrule add one\r\n  rule add 'two words' \"and more\" # x\n", ""),
		0);
	assert_string_equal(out, "1 added\n1 added\n");
	assert_string_equal(seen.args, "<two words><and more>");
	assert_int_equal(batch("", ""), 0);
	assert_int_equal(batch("rule add one", "-q"), 0);
	assert_string_equal(out, ""); /* -q is for every line */
	/* An option of one line is not one of the next. */
	assert_int_equal(batch("rule show -j\nrule show\n", ""), 0);
	assert_non_null(strstr(out, "]}\npass in\n"));
}

static void test_batch_errors(void **state)
{
	static const char lines[] = "rule add one\nrule frob\nrule add two\n";

	(void)state;
	seen.answer = 0;
	assert_int_equal(batch(lines, ""), PT_EXIT_CONFIG);
	assert_string_equal(seen.args, "<one>");
	assert_non_null(strstr(err, "batch:2: "));
	assert_int_equal(batch(lines, "--force"), PT_EXIT_CONFIG);
	assert_string_equal(seen.args, "<two>");
	assert_int_equal(batch("rule add 'open\n", ""), PT_EXIT_CONFIG);
	assert_non_null(strstr(err, "batch:1: error: a quote is not closed"));
	refused("--batch /nowhere/batch", "/nowhere");
	assert_int_equal(batch("reload", "reload"), PT_EXIT_CONFIG);
	assert_int_equal(batch("reload", "-j"), PT_EXIT_CONFIG);
}

/* Behind a command that takes many questions it is a file of those. */
static void test_batch_of_questions(void **state)
{
	(void)state;
	seen.answer = 0;
	assert_int_equal(run("rule add one --batch questions"), 0);
	assert_string_equal(seen.args, "<one>");
	assert_string_equal(seen.input, "questions");
	assert_int_equal(run("rule add one --file questions"), 0);
	assert_string_equal(seen.input, "questions");
	refused("rule add one --file questions --batch questions", "give one of them");
	refused("reload --batch questions", "leave 'reload' out");
	refused("unheard --batch questions", "leave 'unheard' out");
}

/* A batch that runs itself would never end. */
static void test_batch_of_itself(void **state)
{
	char line[200];

	(void)state;
	(void)snprintf(line, sizeof(line), "--batch %s/batch\n", folder);
	assert_int_equal(batch(line, "--force"), PT_EXIT_CONFIG);
	assert_non_null(strstr(err, "cannot run another"));
}

static void test_netns_refused(void **state)
{
	(void)state;
	seen.answer = 0;
	assert_int_equal(run("--netns no-such-namespace reload"), PT_EXIT_SYSTEM);
	assert_string_equal(seen.ran, "");
	assert_non_null(strstr(err, "no-such-namespace"));
	assert_int_equal(batch("reload", "--netns no-such-namespace"), PT_EXIT_SYSTEM);
	assert_string_equal(seen.ran, "");
}

static int begin(void **state)
{
	(void)state;
	(void)unsetenv("NO_COLOR");
	return mkdtemp(folder) ? 0 : -1;
}

static void test_grammar(void **state)
{
	static const struct {
		const char *line, *said;
	} wrong[] = {
		{"probe h count", "count lacks its value: count N"},
		{"probe h count 0", "count 0: not within 1-100"},
		{"probe h count 101", "count 101: not within 1-100"},
		{"probe h count x", "count x: no N"},
		{"probe h count 1 count 2", "count is written twice"},
		{"probe h interval 1us", "interval 1us: not a TIME within its limits"},
		{"probe h from x", "from x: not an address"},
		{"probe h mode tcp", "mode tcp: not one of udp, icmp"},
		{"probe h d 5", "'d' may be df, deadline"},
		{"probe h colnt 5", "did you mean 'count'?"},
		{"probe h 5", "'5' is no word of this command"},
	};

	(void)state;
	assert_int_equal(run("probe h c 5 int 200ms dead 5m df text a on eth0 from 192.0.2.1 mode icmp filter tcp port 80"), 0);
	assert_int_equal(asked.count, 5);
	assert_int_equal(asked.interval, 200000);
	assert_int_equal(asked.deadline, 300);
	assert_true(asked.df);
	assert_string_equal(asked.text, "a");
	assert_string_equal(asked.on, "eth0");
	assert_int_equal(asked.from.af, PT_AF_INET);
	assert_int_equal(asked.mode, 1);
	assert_int_equal(asked.filter, 17);
	assert_int_equal(run("probe h"), 0);
	assert_int_equal(asked.count, 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++) {
		assert_int_equal(run(wrong[i].line), PT_EXIT_CONFIG);
		if (!strstr(err, wrong[i].said))
			fail_msg("%s: %s", wrong[i].line, err);
	}
	assert_int_equal(run("probe help"), 0);
	assert_non_null(strstr(out, "  count N                            how many\n"));
	completes("probe h _", "df count interval deadline text on from mode filter ");
	completes("probe h df mode _", "udp icmp ");
	completes("probe h df mode icmp count 5 d", "deadline ");
	completes("probe h filter t", "");
	completes("probe h on l", "lo ");
}

static int end(void **state)
{
	char path[100];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/batch", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refused_options), cmocka_unit_test(test_help),
		cmocka_unit_test(test_complete),	cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_report),		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_output_fails),	cmocka_unit_test(test_batch),
		cmocka_unit_test(test_batch_errors),	cmocka_unit_test(test_batch_of_itself),
		cmocka_unit_test(test_batch_of_questions),
		cmocka_unit_test(test_netns_refused),	cmocka_unit_test(test_grammar),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
