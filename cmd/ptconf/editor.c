/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which editor, and its run. The signals of the keyboard are the editor's; those that end a session must not end us before its
 * author knows where his work is, so they are blocked but where we wait.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "editor.h"

#define PATIENCE_NS 50000000 /* of one look whether the editor ended, and so many of them: 2 s */
#define PATIENCE 40

/* ---- which editor ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return path[0] == '/' && !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The absolute path of NAME, by PATH where it has no folder. */
static bool find_program(struct editor *ed, const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/')) {
		(void)snprintf(ed->program, sizeof(ed->program), "%s", name);
		return is_program(name);
	}
	for (path = path ? path : "/usr/bin:/bin"; *path; path += strspn(path, ":")) {
		size_t n = strcspn(path, ":");

		(void)snprintf(ed->program, sizeof(ed->program), "%.*s/%s", (int)n, path, name);
		if (is_program(ed->program))
			return true;
		path += n;
	}
	return false;
}

/* Words parted by blanks: no shell sees them. */
static int take_apart(struct editor *ed, const char *command)
{
	char *rest = ed->command, *word;

	ed->n = 0;
	if (strlen(command) >= sizeof(ed->command))
		return -E2BIG;
	(void)snprintf(ed->command, sizeof(ed->command), "%s", command);
	while ((word = strsep(&rest, " \t"))) {
		if (*word && ed->n == EDITOR_WORDS_MAX)
			return -E2BIG;
		if (*word)
			ed->argv[ed->n++] = word;
	}
	return ed->n ? 0 : -ENOENT;
}

int editor_find(struct pt_cli *c, struct editor *ed)
{
	static const char *const usual[] = { "/usr/bin/editor", "/usr/bin/sensible-editor", "/usr/bin/vi", "/bin/vi", "/usr/bin/nano" };
	const char *asked = getenv("VISUAL");

	if (!asked || !*asked)
		asked = getenv("EDITOR");
	if (asked && *asked) {
		if (!take_apart(ed, asked) && find_program(ed, ed->argv[0]))
			return 0;
		pt_err_add(&c->err, PT_ERROR, NULL, "set EDITOR to the path of a program, perhaps with options",
			   "there is no editor '%.200s'", asked);
		return PT_EXIT_CONFIG;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(usual); i++)
		if (!take_apart(ed, usual[i]) && find_program(ed, usual[i]))
			return 0;
	pt_err_add(&c->err, PT_ERROR, NULL, "set EDITOR to the path of a program", "this machine has no editor that is known");
	return PT_EXIT_CONFIG;
}

/* ---- signals ---- */

static volatile sig_atomic_t ended;
static sigset_t before;
static struct sigaction kept[3];
static const int noticed[] = { SIGHUP, SIGTERM, SIGCHLD };

static void notice(int signal)
{
	if (signal != SIGCHLD)
		ended = signal;
}

void editor_begin(void)
{
	struct sigaction act = { .sa_handler = notice };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < PT_ARRAY_SIZE(noticed); i++) {
		sigaction(noticed[i], NULL, &kept[i]);
		if (kept[i].sa_handler == SIG_IGN && noticed[i] != SIGCHLD) /* nohup(1) */
			continue;
		sigaction(noticed[i], &act, NULL);
		sigaddset(&set, noticed[i]);
	}
	ended = 0;
	sigprocmask(SIG_BLOCK, &set, &before);
}

void editor_end(void)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < PT_ARRAY_SIZE(noticed); i++)
		sigaction(noticed[i], &kept[i], NULL);
}

int editor_ended(void)
{
	return ended;
}

int editor_wait(struct pollfd *fd)
{
	int n = -1;

	while (!ended && n < 0) {
		n = ppoll(fd, 1, NULL, &before);
		if (n < 0 && errno != EINTR) /* the end of the editor was one such */
			return 0;            /* read(2) will tell */
	}
	return n;
}

/* ---- run it ---- */

/* False: it did not end in time. */
static bool ends_soon(pid_t pid, int *status)
{
	struct timespec pause = { .tv_nsec = PATIENCE_NS };

	for (int i = 0; i < PATIENCE; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int wait_for(struct pt_cli *c, struct editor *ed, pid_t pid)
{
	int status = 0;
	pid_t rc;

	while (!(rc = waitpid(pid, &status, WNOHANG)) && !ended)
		sigsuspend(&before);
	if (!rc) { /* whoever ends us means the editor, too */
		kill(pid, ended);
		if (!ends_soon(pid, &status))
			pt_err_add(&c->err, PT_WARNING, NULL, "what it still writes is not taken", "%s is still there, process %d",
				   ed->program, (int)pid);
	}
	if (rc < 0)
		return pt_err_sys(&c->err, -errno, "running %s", ed->program);
	if (ended) {
		pt_err_add(&c->err, PT_ERROR, NULL, NULL, "ended by signal %d (%s)", (int)ended, strsignal(ended));
		return PT_EXIT_SYSTEM;
	}
	if (!status)
		return 0;
	pt_err_add(&c->err, PT_ERROR, NULL, NULL, WIFEXITED(status) ? "%s ended with status %d" : "%s was ended by signal %d",
		   ed->program, WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return PT_EXIT_SYSTEM;
}

int editor_run(struct pt_cli *c, struct editor *ed, char *file)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, quit;
	posix_spawnattr_t attr;
	sigset_t defaults;
	pid_t pid;
	int rc;

	ed->argv[ed->n] = file;
	ed->argv[ed->n + 1] = NULL;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGQUIT);
	rc = posix_spawnattr_init(&attr);
	if (rc)
		return pt_err_sys(&c->err, -rc, "starting %s", ed->program);
	(void)posix_spawnattr_setsigdefault(&attr, &defaults);
	(void)posix_spawnattr_setsigmask(&attr, &before);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	rc = posix_spawn(&pid, ed->program, NULL, &attr, ed->argv, environ);
	rc = rc ? pt_err_sys(&c->err, -rc, "running %s", ed->program) : wait_for(c, ed, pid);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	posix_spawnattr_destroy(&attr);
	return rc;
}
