/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From argv to a command and back to an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"

int pt_cli_exit(int rc)
{
	switch (rc) {
	case -EINVAL:
	case -ELOOP:
	case -EFBIG:
	case -EISDIR:
	case -ERANGE:
		return PT_EXIT_CONFIG;
	case -EPERM:
	case -EACCES:
		return PT_EXIT_PERM;
	case -ETIMEDOUT:
		return PT_EXIT_TIME;
	default:
		return rc < 0 ? PT_EXIT_SYSTEM : rc;
	}
}

/* The help that is nearest: of the command, else of the tool. */
static void usage_hint(const struct pt_cli *c, struct pt_buf *out)
{
	const struct pt_cli_cmd *cmd = c->cmd;

	pt_buf_fmt(out, "see `%s%s%s%s%s -h`", c->tool->name, cmd ? " " : "", cmd ? cmd->object : "",
		   cmd && cmd->command ? " " : "", cmd && cmd->command ? cmd->command : "");
}

int pt_cli_usage(struct pt_cli *c, const char *fmt, ...)
{
	struct pt_buf msg = { 0 }, hint = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&msg, fmt, ap);
	va_end(ap);
	usage_hint(c, &hint);
	pt_err_add(&c->err, PT_ERROR, NULL, hint.s, "%s", msg.s ? msg.s : "wrong usage");
	pt_buf_fini(&msg);
	pt_buf_fini(&hint);
	return PT_EXIT_CONFIG;
}

/* ---- output ---- */

static int write_stdout(void *arg, const char *p, size_t n)
{
	(void)arg;
	/* Without the copies of stdio, which would write a large piece in two. */
	if (fflush(stdout))
		return errno ? -errno : -EIO;
	while (n) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static struct pt_out *begin_output(struct pt_cli *c, enum pt_out_fmt fmt, const char *schema, const char *list)
{
	struct pt_out *o = pt_out_new(fmt, schema, list, c->pretty, cli_colour(c, STDOUT_FILENO), write_stdout, NULL);

	if (!o)
		pt_err_sys(&c->err, -ENOMEM, "starting the output");
	return o;
}

struct pt_out *pt_cli_out(struct pt_cli *c, enum pt_out_fmt def, const char *schema, const char *list)
{
	return begin_output(c, c->json ? PT_OUT_JSON : c->line ? PT_OUT_LINE : def, schema, list);
}

struct pt_out *pt_cli_monitor(struct pt_cli *c, const char *schema, const char *list)
{
	return begin_output(c, c->json ? PT_OUT_JSONL : c->line ? PT_OUT_LINE : PT_OUT_TEXT, schema, list);
}

int pt_cli_end(struct pt_cli *c, struct pt_out *o)
{
	int rc = pt_out_end(o);

	if (rc == -EPIPE) /* the reader has seen enough */
		return 0;
	return rc ? pt_err_sys(&c->err, rc, "writing the output") : 0;
}

/* Needs no memory: what was done is told also when there is none left. */
void pt_cli_say(const struct pt_cli *c, const char *fmt, ...)
{
	char text[PATH_MAX + 200]; /* a file's name and what became of it */
	va_list ap;
	size_t n;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		n--;
	cli_escaped(stdout, text, n); /* names of files come from outside */
	putchar('\n');
}

/* ---- running ---- */

static int check_use(struct pt_cli *c, const struct pt_cli_cmd *cmd)
{
	for (const struct cli_option *o = cli_options; o->help; o++)
		if ((o->bit & c->given) && !(o->bit & (cmd->options | PT_CLI_ALWAYS)))
			return pt_cli_usage(c, "'%s%s%s' has no option %s%s", cmd->object, cmd->command ? " " : "",
					    cmd->command ? cmd->command : "", o->name ? "--" : "-",
					    o->name ? o->name : (char[]){ o->letter, '\0' });
	if (c->argc < cmd->min_args || c->argc > cmd->max_args)
		return pt_cli_usage(c, "usage: %s %s%s%s%s%s%s", c->tool->name, cmd->object, cmd->command ? " " : "",
				    cmd->command ? cmd->command : "", cmd->args ? " " : "", cmd->args ? cmd->args : "",
				    !cmd->max_args && (cmd->options & PT_CLI_FILE) ? " (a file is named with -f)" : "");
	return 0;
}

/* No failure is silent: one that left no record gets one that names WHAT failed. */
static int told(struct pt_cli *c, int rc, const char *what, const char *more)
{
	if (rc < 0 && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc, "%s%s%s", what, more ? " " : "", more ? more : "");
	return pt_cli_exit(rc);
}

/* Runs ACT in the namespace that is asked for; back in our own afterwards, for the next line of a batch. */
static int in_netns(struct pt_cli *c, int (*act)(struct pt_cli *c))
{
	int home = -1, rc, left;

	rc = cli_netns_enter(c, &home);
	if (rc)
		return rc;
	rc = act(c);
	left = cli_netns_leave(c, home);
	return rc ? rc : left;
}

static int run(struct pt_cli *c, const struct cli_words *words)
{
	const struct pt_cli_cmd *cmd;
	size_t used;
	int rc;

	cmd = cli_find(c, words, &used);
	if (!cmd)
		return PT_EXIT_CONFIG;
	c->cmd = cmd;
	c->argc = words->n - used;
	c->argv = words->v + used;
	rc = check_use(c, cmd);
	if (!rc && c->force && !(cmd->options & PT_CLI_FORCE))
		rc = pt_cli_usage(c, "--force goes with --batch");
	if (!rc)
		rc = in_netns(c, cmd->run);
	return told(c, rc, cmd->object, cmd->command);
}

bool cli_wants_help(struct cli_words *w)
{
	size_t plain = w->ended ? w->literal : w->n;

	if (plain && !strcmp(w->v[0], "help")) {
		w->v++;
		w->n--;
		return true;
	}
	if (plain && plain == w->n && !strcmp(w->v[w->n - 1], "help") && w->n <= 3) {
		w->n--;
		return true;
	}
	return false;
}

/* Names in help may be shortened like everywhere. */
static int help_on(struct pt_cli *c, const struct cli_words *words)
{
	const struct pt_cli_cmd *cmd = NULL;
	size_t used = 0;

	if (words->n) {
		cmd = cli_find(c, words, &used);
		if (!cmd)
			return PT_EXIT_CONFIG;
	}
	cli_help(c->tool, cmd, used == 2);
	return PT_EXIT_OK;
}

static int batch(struct pt_cli *c, const struct cli_words *words)
{
	if (words->n)
		return pt_cli_usage(c, "--batch takes the commands from its file: leave '%s' out", words->v[0]);
	if (c->given & ~(unsigned int)PT_CLI_ALWAYS)
		return pt_cli_usage(c, "with --batch, options of commands stand in its lines");
	if (c->nested)
		return pt_cli_usage(c, "a batch cannot run another one");
	return told(c, in_netns(c, cli_batch), "--batch", c->batch);
}

/* A batch of questions to one command, not of commands. */
static bool takes_batch(struct pt_cli *c, const struct cli_words *words)
{
	const struct pt_cli_cmd *cmd;
	size_t used;

	if (!words->n)
		return false;
	cmd = cli_find(c, words, &used);
	pt_err_fini(&c->err); /* run() and batch() tell what is wrong */
	if (!cmd || !(cmd->options & PT_CLI_MANY))
		return false;
	if (c->given & PT_CLI_INPUT) {
		c->cmd = cmd;
		return true;
	}
	c->input = c->batch;
	c->batch = NULL;
	c->given |= PT_CLI_INPUT;
	return true;
}

static int dispatch(struct pt_cli *c, const struct cli_words *all, int asked)
{
	struct cli_words rest = *all, *words = &rest;

	if (asked == 2) {
		cli_version(c->tool);
		return PT_EXIT_OK;
	}
	if (cli_wants_help(words) || asked == 1)
		return help_on(c, words);
	if (c->batch && !takes_batch(c, words))
		return batch(c, words);
	if (c->batch)
		return pt_cli_usage(c, "--batch and --file are the same here: give one of them");
	if (!words->n) {
		return c->given & PT_CLI_FILE ?
			       pt_cli_usage(c, "no command is given: a file is named with -f behind one, as in `%s apply -f %s`",
					    c->tool->name, c->file) :
			       pt_cli_usage(c, "no command is given");
	}
	return run(c, words);
}

static bool is_complete(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "complete");
}

/* `complete -- WORDS`: options among them are words too. */
static int run_complete(const struct pt_cli_tool *tool, int argc, char **argv)
{
	int skip = argc > 2 && !strcmp(argv[2], "--") ? 3 : 2;
	struct cli_words words = { .v = (const char **)argv + skip, .n = (size_t)(argc - skip) };

	return cli_complete(tool, &words);
}

int cli_line(struct pt_cli *c, size_t argc, char **argv)
{
	struct cli_words words = { 0 };
	int rc;

	rc = cli_options_parse(c, argc, argv, &words);
	rc = rc < 0 ? told(c, rc, "reading the command line", NULL) : dispatch(c, &words, rc);
	if (fflush(stdout) && errno != EPIPE && !rc) /* what was asked for is done all the same */
		pt_err_add(&c->err, PT_WARNING, NULL, NULL, "done, but it could not be said on standard output: %s",
			   strerror(errno));
	pt_cli_report(c, &c->err);
	pt_err_fini(&c->err);
	free(words.v);
	free(c->probes.v);
	c->probes.v = NULL;
	c->probes.n = c->probes.cap = 0;
	return rc;
}

/* A caller may have closed them; then the next file or socket would take their numbers, and be written to.
 * Opened the wrong way round, they fail with EBADF as if they were closed. */
static bool standard_files(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			return false;
	return true;
}

int pt_cli_main(const struct pt_cli_tool *tool, int argc, char **argv)
{
	struct pt_cli c = { .tool = tool, .file = CLI_FILE };

	if (!standard_files())
		return PT_EXIT_SYSTEM;
	if (is_complete(argc, argv))
		return run_complete(tool, argc, argv);
	return cli_line(&c, (size_t)argc, argv);
}
