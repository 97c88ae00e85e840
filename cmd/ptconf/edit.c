/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file in an editor: a copy that only its author can read is edited, checked as it is saved, and takes the file's place only
 * when it is right. What is not taken is kept, and where is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptconf.h"

#define WORDS_MAX 16

extern char **environ;

struct session {
	struct pt_cli *c;
	struct pt_edit_texts texts;
	char copy[4096];
	char command[1024];        /* of the editor, taken apart in place */
	char *argv[WORDS_MAX + 2]; /* its words, the copy, NULL */
	char program[4096];
};

/* ---- which editor ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return path[0] == '/' && !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The absolute path of NAME, by PATH where it has no folder. */
static bool find_program(struct session *s, const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/')) {
		(void)snprintf(s->program, sizeof(s->program), "%s", name);
		return is_program(name);
	}
	for (path = path ? path : "/usr/bin:/bin"; *path; path += strspn(path, ":")) {
		size_t n = strcspn(path, ":");

		(void)snprintf(s->program, sizeof(s->program), "%.*s/%s", (int)n, path, name);
		if (is_program(s->program))
			return true;
		path += n;
	}
	return false;
}

/* Words parted by blanks: no shell sees them. */
static int take_apart(struct session *s, const char *command)
{
	char *rest = s->command, *word;
	size_t n = 0;

	if (strlen(command) >= sizeof(s->command))
		return -E2BIG;
	(void)snprintf(s->command, sizeof(s->command), "%s", command);
	while ((word = strsep(&rest, " \t")) && n < WORDS_MAX)
		if (*word)
			s->argv[n++] = word;
	s->argv[n] = s->copy;
	s->argv[n + 1] = NULL;
	return n ? 0 : -ENOENT;
}

static int find_editor(struct session *s)
{
	static const char *const usual[] = { "/usr/bin/editor", "/usr/bin/sensible-editor", "/usr/bin/vi", "/bin/vi", "/usr/bin/nano" };
	const char *asked = getenv("VISUAL");

	if (!asked || !*asked)
		asked = getenv("EDITOR");
	if (asked && *asked) {
		if (!take_apart(s, asked) && find_program(s, s->argv[0]))
			return 0;
		pt_err_add(&s->c->err, PT_ERROR, NULL, "set EDITOR to the path of a program, perhaps with options",
			   "there is no editor '%.200s'", asked);
		return PT_EXIT_CONFIG;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(usual); i++)
		if (!take_apart(s, usual[i]) && find_program(s, usual[i]))
			return 0;
	pt_err_add(&s->c->err, PT_ERROR, NULL, "set EDITOR to the path of a program", "this machine has no editor that is known");
	return PT_EXIT_CONFIG;
}

/* ---- run it ---- */

/* The signals of the keyboard are the editor's. */
static int run_editor(struct session *s)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, quit;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int rc, status = 0;
	pid_t pid;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGQUIT);
	rc = posix_spawnattr_init(&attr);
	if (rc)
		return pt_err_sys(&s->c->err, -rc, "starting %s", s->program);
	(void)posix_spawnattr_setsigdefault(&attr, &defaults);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	rc = posix_spawn(&pid, s->program, NULL, &attr, s->argv, environ);
	while (!rc && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			rc = errno;
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	posix_spawnattr_destroy(&attr);
	if (rc)
		return pt_err_sys(&s->c->err, -rc, "running %s", s->program);
	if (!status)
		return 0;
	pt_err_add(&s->c->err, PT_ERROR, NULL, NULL, WIFEXITED(status) ? "%s ended with status %d" : "%s was ended by signal %d",
		   s->program, WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return PT_EXIT_SYSTEM;
}

/* ---- the copy ---- */

static int make_copy(struct session *s)
{
	const struct pt_conf_source *src = &s->texts.v.v[0];
	const char *file = src->file, *slash = strrchr(file, '/');
	size_t done = 0;
	int fd, n;

	n = snprintf(s->copy, sizeof(s->copy), "%.*s.%s.edit-XXXXXX.conf", slash ? (int)(slash - file) + 1 : 0, file,
		     slash ? slash + 1 : file);
	if (n < 0 || (size_t)n >= sizeof(s->copy))
		return pt_err_sys(&s->c->err, -ENAMETOOLONG, "copying %.64s", file);
	fd = mkostemps(s->copy, 5, O_CLOEXEC);
	if (fd < 0)
		return pt_err_sys(&s->c->err, -errno, "making a copy beside %s", file);
	while (done < src->len) {
		ssize_t k = write(fd, src->text + done, src->len - done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			break;
		done += (size_t)k;
	}
	n = done < src->len ? -errno : 0;
	if (close(fd) && !n)
		n = -errno;
	if (!n)
		return 0;
	(void)unlink(s->copy);
	return pt_err_sys(&s->c->err, n, "writing the copy %s", s->copy);
}

/* The file as it would be then. */
static int read_copy(struct session *s, struct pt_edit_result *r, struct pt_err *e)
{
	const struct pt_conf_source *old = &s->texts.v.v[0];
	char *text;
	size_t len;
	int rc = pt_file_read(s->copy, PT_FILE_MAX, &text, &len, e);

	*r = (struct pt_edit_result){ 0 };
	if (rc)
		return rc;
	r->changed = len != old->len || (len && memcmp(text, old->text, len) != 0);
	r->text = pt_arena_memdup(s->texts.arena, text, len);
	r->len = r->new_len = len;
	r->old_len = old->len;
	free(text);
	return r->text ? 0 : pt_err_sys(e, -ENOMEM, "reading the copy %s", s->copy);
}

/* Judged as the file, from whose folder on its paths begin. */
static int check_copy(struct session *s, const struct pt_edit_result *r, struct pt_err *e)
{
	struct pt_conf_more more = { .v = s->texts.v.v + 1, .n = s->texts.v.n - 1, .files = true };

	return check_text(s->texts.v.v[0].file, r->text, r->len, &more, NULL, e);
}

static bool ask_again(struct session *s)
{
	char *answer = NULL;
	size_t size = 0;
	bool again = false;

	if (!isatty(STDIN_FILENO))
		return false;
	for (;;) {
		fputs("Edit again, or leave the file as it was? [e/l] ", stderr);
		if (getline(&answer, &size, stdin) < 0 || *answer == 'l' || *answer == 'q')
			break;
		again = *answer == 'e' || *answer == '\n';
		if (again)
			break;
	}
	free(answer);
	(void)s;
	return again;
}

static int keep_copy(struct session *s, int rc)
{
	pt_err_add(&s->c->err, PT_WARNING, NULL, NULL, "%s is as it was; what was written is in %s", s->texts.v.v[0].file, s->copy);
	return rc;
}

static int take_copy(struct session *s, const struct pt_edit_result *r)
{
	int rc = pt_edit_write(&s->texts, r, &s->c->err);

	if (rc)
		return keep_copy(s, rc);
	(void)unlink(s->copy);
	pt_cli_say(s->c, "%s: changed\n", s->texts.v.v[0].file);
	return 0;
}

static int edit(struct session *s)
{
	struct pt_edit_result r;
	int rc;

	for (;;) {
		struct pt_err found = { 0 };

		rc = run_editor(s);
		if (!rc)
			rc = read_copy(s, &r, &s->c->err);
		if (rc)
			return keep_copy(s, rc);
		if (!r.changed) {
			(void)unlink(s->copy);
			pt_cli_say(s->c, "%s: nothing changed\n", s->texts.v.v[0].file);
			return 0;
		}
		rc = check_copy(s, &r, &found);
		pt_cli_report(s->c, &found);
		pt_err_fini(&found);
		if (!rc)
			return take_copy(s, &r);
		if (rc == -ENOMEM || !ask_again(s))
			return keep_copy(s, rc == -ENOMEM ? rc : PT_EXIT_CONFIG);
	}
}

int cmd_edit(struct pt_cli *c)
{
	struct session *s = calloc(1, sizeof(*s));
	struct file_lock lock = { .fd = -1 };
	int rc;

	if (!s)
		return -ENOMEM;
	s->c = c;
	rc = strcmp(c->file, "-") ? find_editor(s) : pt_cli_usage(c, "standard input cannot be changed: name a file with -f");
	if (!rc)
		rc = file_lock_take(&lock, c, "ptconf edit");
	if (!rc) {
		rc = pt_edit_load(c->file, &s->texts, &c->err);
		if (rc == -ENOENT)
			rc = PT_EXIT_CONFIG;
		if (!rc)
			rc = make_copy(s);
		if (!rc)
			rc = edit(s);
		pt_edit_texts_fini(&s->texts);
		file_lock_release(&lock);
	}
	free(s);
	return rc;
}
