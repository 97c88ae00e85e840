/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command runs in a process of its own that is this program again: what it opens, blocks, drops or leaks is gone with it, and
 * Ctrl-C ends it and not the console.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "candidate.h"
#include "tools.h"

/* While a command runs, the keys that end it are not for the console. */
static const int keys[] = { SIGINT, SIGQUIT, SIGTSTP };

/* One that hangs, or does not want to end, is ended when it is told so for the third time. */
#define PATIENCE 3
#define PATIENCE_NS 2000000000ll /* or when it was told so that long ago, where it stands behind `|` */
static volatile sig_atomic_t running, asked;
static struct timespec asked_at;

static void on_interrupt(int number)
{
	(void)number;
	if (!asked)
		(void)clock_gettime(CLOCK_MONOTONIC, &asked_at);
	asked++;
	if (asked >= PATIENCE && running > 0)
		(void)kill((pid_t)running, SIGKILL);
}

bool keys_impatient(void)
{
	struct timespec now;

	if (!asked || asked >= PATIENCE)
		return asked != 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - asked_at.tv_sec) * 1000000000ll + now.tv_nsec - asked_at.tv_nsec > PATIENCE_NS;
}

struct keys_before {
	struct sigaction was[PT_ARRAY_SIZE(keys)];
};

static void keys_ignore(struct keys_before *b)
{
	struct sigaction none = { .sa_handler = SIG_IGN }, interrupt = { .sa_handler = on_interrupt };

	for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
		(void)sigaction(keys[i], keys[i] == SIGINT ? &interrupt : &none, &b->was[i]);
}

static void keys_give_back(const struct keys_before *b)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
		(void)sigaction(keys[i], &b->was[i], NULL);
}

/* ---- the process of the command ---- */

static int run_target(struct console *c, const struct target *t, const pt_line_words *words, bool json)
{
	static char as_json[] = "-j";
	char **argv;
	int argc = 0, rc;

	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the tools' own main has it */
	if (t->builtin) {
		rc = t->builtin->run(c, words);
		return fflush(stdout) && errno != EPIPE ? PT_EXIT_SYSTEM : rc;
	}
	argv = calloc(t->argc + 2, sizeof(*argv));
	if (!argv)
		return PT_EXIT_SYSTEM;
	argv[argc++] = (char *)t->argv[0];
	if (json) /* behind a "--" it would be an argument */
		argv[argc++] = as_json;
	for (size_t i = 1; i < t->argc; i++)
		argv[argc++] = (char *)t->argv[i];
	rc = pt_cli_main(t->tool, argc, argv);
	free(argv);
	return rc;
}

static int status_of(int wait)
{
	if (WIFEXITED(wait))
		return WEXITSTATUS(wait);
	if (WIFSIGNALED(wait) && WTERMSIG(wait) != SIGINT && WTERMSIG(wait) != SIGPIPE)
		fprintf(stderr, "ptsh: the command was ended by signal %d\n", WTERMSIG(wait));
	else if (WIFSIGNALED(wait))
		putchar('\n');
	return 128 + (WIFSIGNALED(wait) ? WTERMSIG(wait) : 0);
}

/* One that stops itself for Ctrl-Z goes on: there is no shell to go back to. */
static int wait_for(pid_t pid)
{
	int wait = 0;

	for (;;) {
		pid_t got = waitpid(pid, &wait, WUNTRACED);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return PT_EXIT_SYSTEM;
		if (!WIFSTOPPED(wait))
			return status_of(wait);
		(void)kill(pid, SIGCONT);
	}
}

/* Until nobody can write any more, or the command is gone: what it left running in the background may keep its output open. */
static void read_output(int fd, pid_t pid, struct stages *s)
{
	struct pollfd on[2] = { { .fd = fd, .events = POLLIN }, { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN } };
	char bytes[65536];
	ssize_t n = 1;

	while (n > 0) {
		on[0].revents = 0;
		if (poll(on, 2, -1) < 0 && errno == EINTR)
			continue;
		if (!on[0].revents) /* gone, and all that it wrote is read */
			break;
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0 && !stages_put(s, bytes, (size_t)n))
			n = 0;
	}
	if (on[1].fd >= 0)
		(void)close(on[1].fd);
}

/* LIVE: it has the terminal for itself. */
static int run_apart(struct console *c, const struct target *t, const struct pt_line_command *cmd, struct stages *s, bool json, bool live)
{
	struct keys_before before;
	int fds[2] = { -1, -1 }, status;
	pid_t pid;

	if (!live && pipe2(fds, O_CLOEXEC))
		return PT_EXIT_SYSTEM;
	(void)fflush(stdout);
	(void)fflush(stderr);
	keys_ignore(&before);
	running = 0;
	pid = fork();
	if (!pid) {
		if (!live && dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(PT_EXIT_SYSTEM);
		if (c->piped) { /* the rest of a script is no answer to a question */
			int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

			(void)dup2(null, STDIN_FILENO);
		}
		_exit(run_target(c, t, &cmd->words, json));
	}
	if (fds[1] >= 0)
		(void)close(fds[1]);
	if (pid > 0)
		running = pid;
	if (pid > 0 && !live)
		read_output(fds[0], pid, s);
	if (fds[0] >= 0)
		(void)close(fds[0]);
	status = pid < 0 ? PT_EXIT_SYSTEM : wait_for(pid);
	keys_give_back(&before);
	return status;
}

/* ---- one command ---- */

int told(int rc, struct pt_err *e)
{
	const struct pt_cli c = { .tool = &(const struct pt_cli_tool){ .name = "ptsh" } };

	pt_cli_report(&c, e);
	pt_err_fini(e);
	return rc == -ENOENT ? PT_EXIT_NO : pt_cli_exit(rc);
}

static bool is_live(const struct target *t, const struct pt_line_command *cmd)
{
	if (!t->cmd || cmd->stages.n)
		return false;
	for (size_t i = 0; i < cmd->words.n; i++)
		if (!strcmp(cmd->words.v[i].s, "--watch"))
			return true;
	return t->cmd->options & PT_CLI_LIVE;
}

/* Help of a tool is for everybody, and so is what the tool itself will refuse. What names files or brings more commands is for those
 * who may do everything, whatever the command. */
static unsigned int bits_of(const struct target *t)
{
	if (t->outside)
		return 0;
	return t->builtin ? t->builtin->options : t->cmd ? t->cmd->options : PT_CLI_VIEW;
}

/* A learner has a laboratory to do everything in, but for what leads to files and programs of the machine. */
static bool may_run(const struct console *c, const struct target *t)
{
	if (c->profile == PROFILE_LEARNER && (t->outside || (t->tool == &ptconf_tool && t->cmd && !strcmp(t->cmd->object, "edit"))))
		return false;
	return profile_allows(c->profile, bits_of(t)) && !(c->mode->admins && c->profile < PROFILE_ADMIN);
}

static int run_in_place(struct console *c, const struct target *t, const struct pt_line_command *cmd, struct pt_err *e)
{
	if (cmd->stages.n) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "%s has no output for '|'", t->builtin->name);
		return PT_EXIT_CONFIG;
	}
	return t->builtin->run(c, &cmd->words);
}

static int run_through(struct console *c, const struct target *t, const struct pt_line_command *cmd, struct pt_err *e)
{
	bool json = false;
	struct stages *s;
	int status = stages_new(c, cmd, &s, &json, e), rc;

	if (status)
		return status;
	if (c->display_set && (!t->builtin || t->builtin->run != run_config_show)) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "display set is for `show` of configuration mode");
		(void)stages_end(s);
		return PT_EXIT_CONFIG;
	}
	if (json && (t->builtin || !t->cmd || !(t->cmd->options & PT_CLI_JSON))) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "this command has no JSON");
		(void)stages_end(s);
		return PT_EXIT_CONFIG;
	}
	status = run_apart(c, t, cmd, s, json, is_live(t, cmd));
	rc = stages_end(s);
	if (rc)
		(void)pt_err_sys(e, rc, "saving the output");
	return rc && !status ? PT_EXIT_SYSTEM : status;
}

/* Stages run on for a while when the command has ended: keys are for them, too. */
static int run_target_apart(struct console *c, const struct target *t, const struct pt_line_command *cmd, struct pt_err *e)
{
	struct keys_before before;
	int status;

	asked = 0;
	keys_ignore(&before);
	status = run_through(c, t, cmd, e);
	keys_give_back(&before);
	return status;
}

static void put_words(struct pt_buf *b, const pt_line_words *w)
{
	bool secret = false; /* what stands before this word is the name of one */

	for (size_t i = 0; i < w->n; i++) {
		bool name = is_secret(w, i), equals = !strcmp(w->v[i].s, "=");

		pt_buf_str(b, i ? " " : "");
		if ((secret && !equals) || (name && strchr(w->v[i].s, '=')))
			pt_buf_str(b, "(secret)");
		else
			pt_line_quote(b, w->v[i].s);
		secret = name || (secret && equals);
	}
}

static void audited(const struct console *c, const struct pt_line_command *cmd, int status)
{
	struct pt_buf line = { 0 };

	put_words(&line, &cmd->words);
	for (size_t i = 0; i < cmd->stages.n; i++) {
		pt_buf_str(&line, " | ");
		put_words(&line, &cmd->stages.v[i]);
	}
	audit(c, line.s && !line.err ? line.s : "(no memory for it)", status);
	pt_buf_fini(&line);
}

/* A stage that writes a file or starts a program changes something, too. */
static bool is_audited(const struct target *t, const struct pt_line_command *cmd)
{
	bool changes = !(bits_of(t) & PT_CLI_VIEW);

	for (size_t i = 0; i < cmd->stages.n; i++)
		changes |= stage_writes(&cmd->stages.v[i]);
	return changes;
}

int tool_run(struct console *c, const struct pt_cli_tool *tool, const char *const *argv, size_t argc)
{
	const struct target t = { .tool = tool, .argv = (const char **)argv, .argc = argc };
	const struct pt_line_command none = { 0 };

	asked = 0;
	return run_apart(c, &t, &none, NULL, false, true);
}

static int run_elsewhere(struct console *c, const struct pt_line_command *cmd)
{
	struct pt_line_command rest = *cmd;
	const struct mode *mode = c->mode;
	struct pt_err e = { 0 };
	struct target t;
	int status;

	rest.words.v++;
	rest.words.n--;
	c->mode = &operate_mode;
	status = target_find(c, &rest.words, &t, &e);
	if (!status && t.builtin && (t.builtin->options & INPLACE)) { /* it would take the candidate away */
		pt_err_add(&e, PT_ERROR, NULL, "leave it first, with `exit`", "%s is not for configuration mode", t.builtin->name);
		status = PT_EXIT_CONFIG;
	}
	status = status ? told(status, &e) : command_run(c, &rest);
	c->mode = mode;
	return status;
}

/* "fw table add", written out. */
static const char *name_of(struct console *c, const struct target *t, const struct pt_line_command *cmd)
{
	const char *name = t->builtin ? t->builtin->name : NULL;

	if (!name && t->cmd)
		name = pt_arena_printf(c->arena, "%s %s%s%s", t->tool->name + 2, t->cmd->object, t->cmd->command ? " " : "",
				       t->cmd->command ? t->cmd->command : "");
	return name ? name : cmd->words.v[0].s;
}

int command_run(struct console *c, const struct pt_line_command *cmd)
{
	struct pt_err e = { 0 };
	struct target t;
	int status;

	if (!cmd->words.n)
		return c->status;
	c->display_set = false;
	if (c->candidate)
		candidate_look(c->candidate);
	status = target_find(c, &cmd->words, &t, &e);
	if (!status && t.builtin && (t.builtin->options & ELSEWHERE))
		return run_elsewhere(c, cmd);
	if (!status && !may_run(c, &t)) {
		pt_err_add(&e, PT_ERROR, NULL, NULL, "%s is not permitted to %s", t.outside ? t.outside : name_of(c, &t, cmd),
			   profile_name(c->profile));
		status = PT_EXIT_PERM;
	} else if (!status) {
		status = t.builtin && (t.builtin->options & INPLACE) ? run_in_place(c, &t, cmd, &e) : run_target_apart(c, &t, cmd, &e);
	}
	tutorial_saw(c, &t, status);
	if (is_audited(&t, cmd) && !c->tutorial)
		audited(c, cmd, status);
	(void)told(status, &e);
	return status < 0 ? pt_cli_exit(status) : status;
}

static int fault(int rc, size_t at, const struct pt_line *l, struct pt_err *e)
{
	if (rc == -EINVAL)
		pt_err_add(e, PT_ERROR, NULL, NULL, "column %zu: a control character, or '|' without a command before it", at + 1);
	else if (rc == -E2BIG)
		pt_err_add(e, PT_ERROR, NULL, NULL, "a line has %d bytes at most", PT_LINE_MAX);
	else if (rc)
		(void)pt_err_sys(e, rc, "reading the line");
	else if (l->open)
		pt_err_add(e, PT_ERROR, NULL, NULL, "the quote %c is not closed", l->open);
	return rc || l->open ? PT_EXIT_CONFIG : 0;
}

int line_run(struct console *c, const char *s, size_t n, const char *at)
{
	struct pt_err e = { 0 };
	struct pt_line l;
	size_t where;
	int bad;

	c->arena = pt_arena_new();
	if (!c->arena)
		return PT_EXIT_SYSTEM;
	bad = fault(pt_line_parse(s, n, c->arena, &l, &where), where, &l, &e);
	(void)told(bad, &e);
	for (size_t i = 0; !bad && !c->ends && i < l.commands.n; i++) {
		c->status = command_run(c, &l.commands.v[i]);
		c->ends |= !c->interactive && (c->status == 128 + SIGINT || (c->status && c->stops));
	}
	if (bad)
		c->status = bad;
	if (c->status && at)
		fprintf(stderr, "%s: status %d\n", at, c->status);
	pt_arena_free(c->arena);
	c->arena = NULL;
	return c->status;
}
