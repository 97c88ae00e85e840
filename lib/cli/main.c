/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From argv to a command and back to an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
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

int pt_cli_usage(struct pt_cli *c, const char *fmt, ...)
{
	struct pt_buf msg = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&msg, fmt, ap);
	va_end(ap);
	pt_err_add(&c->err, PT_ERROR, NULL, "see `help`", "%s", msg.s ? msg.s : "wrong usage");
	pt_buf_fini(&msg);
	return PT_EXIT_CONFIG;
}

/* ---- output ---- */

static int write_stdout(void *arg, const char *p, size_t n)
{
	(void)arg;
	if (fwrite(p, 1, n, stdout) != n || fflush(stdout))
		return errno ? -errno : -EIO;
	return 0;
}

struct pt_out *pt_cli_out(struct pt_cli *c, enum pt_out_fmt def, const char *schema, const char *list)
{
	enum pt_out_fmt fmt = c->json ? PT_OUT_JSON : c->line ? PT_OUT_LINE : def;
	struct pt_out *o = pt_out_new(fmt, schema, list, c->pretty, false, write_stdout, NULL);

	if (!o)
		pt_err_sys(&c->err, -ENOMEM, "starting the output");
	return o;
}

int pt_cli_end(struct pt_cli *c, struct pt_out *o)
{
	int rc = pt_out_end(o);

	if (rc == -EPIPE) /* the reader has seen enough */
		return 0;
	return rc ? pt_err_sys(&c->err, rc, "writing the output") : 0;
}

void pt_cli_say(const struct pt_cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

/* ---- running ---- */

/* NAME as `ip netns` knows it, or the path of a namespace. */
static int enter_netns(struct pt_cli *c)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	if (!c->netns)
		return 0;
	if (strchr(c->netns, '/'))
		snprintf(path, sizeof(path), "%s", c->netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", c->netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pt_err_sys(&c->err, -errno, "opening the network namespace %s", c->netns);
	if (setns(fd, CLONE_NEWNET))
		rc = pt_err_sys(&c->err, -errno, "entering the network namespace %s", c->netns);
	close(fd);
	return rc;
}

static int check_use(struct pt_cli *c, const struct pt_cli_cmd *cmd)
{
	for (const struct cli_option *o = cli_options; o->help; o++)
		if ((o->bit & c->given) && !(o->bit & (cmd->options | PT_CLI_ALWAYS)))
			return pt_cli_usage(c, "'%s%s%s' has no option %s%s", cmd->object, cmd->command ? " " : "",
					    cmd->command ? cmd->command : "", o->name ? "--" : "-",
					    o->name ? o->name : (char[]){ o->letter, '\0' });
	if (c->argc < cmd->min_args || c->argc > cmd->max_args)
		return pt_cli_usage(c, "usage: %s %s%s%s %s", c->tool->name, cmd->object, cmd->command ? " " : "",
				    cmd->command ? cmd->command : "", cmd->args ? cmd->args : "");
	return 0;
}

static int run(struct pt_cli *c, const struct cli_words *words)
{
	const struct pt_cli_cmd *cmd;
	size_t used;
	int rc;

	cmd = cli_find(c, words, &used);
	if (!cmd)
		return PT_EXIT_CONFIG;
	if (words->n > used && !strcmp(words->v[used], "help") && cmd->max_args == 0) {
		cli_help(c->tool, cmd->object);
		return PT_EXIT_OK;
	}
	c->argc = words->n - used;
	c->argv = words->v + used;
	rc = check_use(c, cmd);
	if (!rc)
		rc = enter_netns(c);
	return rc ? pt_cli_exit(rc) : pt_cli_exit(cmd->run(c));
}

/* `help`, `help OBJECT`, `OBJECT help` */
static bool wants_help(const struct cli_words *w, const char **object)
{
	*object = NULL;
	if (!w->n || !strcmp(w->v[0], "help")) {
		*object = w->n > 1 ? w->v[1] : NULL;
		return w->n > 0;
	}
	if (w->n == 2 && !strcmp(w->v[1], "help")) {
		*object = w->v[0];
		return true;
	}
	return false;
}

/* The full name of an object in help, which may be shortened like everywhere. */
static int help_on(struct pt_cli *c, const char *object)
{
	struct cli_words one = { .v = &object, .n = 1 };
	const struct pt_cli_cmd *cmd = NULL;
	size_t used;

	if (object) {
		cmd = cli_find(c, &one, &used);
		if (!cmd)
			return PT_EXIT_CONFIG;
	}
	cli_help(c->tool, cmd ? cmd->object : NULL);
	return PT_EXIT_OK;
}

static int dispatch(struct pt_cli *c, const struct cli_words *words, int asked)
{
	const char *object;

	if (asked == 2) {
		cli_version(c->tool);
		return PT_EXIT_OK;
	}
	if (asked == 1)
		return help_on(c, words->n ? words->v[0] : NULL);
	if (c->batch && !words->n)
		return cli_batch(c->tool, c);
	if (c->batch)
		return pt_cli_usage(c, "--batch takes the commands from its file: leave '%s' out", words->v[0]);
	if (wants_help(words, &object))
		return help_on(c, object);
	if (!words->n) {
		pt_err_add(&c->err, PT_ERROR, NULL, "see `help`", "no command is given");
		return PT_EXIT_CONFIG;
	}
	return run(c, words);
}

static bool is_complete(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "complete");
}

/* `complete -- WORDS`: options among them are words too. */
static int run_complete(struct pt_cli *c, int argc, char **argv)
{
	int skip = argc > 2 && !strcmp(argv[2], "--") ? 3 : 2;
	struct cli_words words = { .v = (const char **)argv + skip, .n = (size_t)(argc - skip) };

	return cli_complete(c, &words);
}

int pt_cli_main(const struct pt_cli_tool *tool, int argc, char **argv)
{
	struct pt_cli c = { .tool = tool, .file = "/etc/patronus/patronus.conf" };
	struct cli_words words = { 0 };
	int rc;

	if (is_complete(argc, argv)) {
		rc = run_complete(&c, argc, argv);
	} else {
		rc = cli_options_parse(&c, (size_t)argc, argv, &words);
		rc = rc < 0 ? pt_cli_exit(rc) : dispatch(&c, &words, rc);
	}
	if (fflush(stdout) && errno != EPIPE && !rc)
		rc = pt_cli_exit(pt_err_sys(&c.err, -errno, "writing the output"));
	cli_report(&c, &c.err);
	pt_err_fini(&c.err);
	free(words.v);
	return rc;
}
