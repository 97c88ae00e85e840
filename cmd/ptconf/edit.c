/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file in an editor: a copy that only its author can read is edited, checked as it is saved, and takes the file's place only
 * when it is right. What is not taken is kept, and where is told, also when the terminal goes away under the editor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "editor.h"
#include "ptconf.h"

struct session {
	struct pt_cli *c;
	struct pt_edit_texts texts;
	char copy[4096];
	struct editor editor;
};

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

	return pt_whole_judge(s->texts.v.v[0].file, r->text, r->len, &more, NULL, e);
}

static bool ask_again(struct session *s)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char answer[80];
	ssize_t n;

	if (!isatty(STDIN_FILENO))
		return false;
	for (;;) {
		fputs("Edit again, or leave the file as it was? [e/l] ", stderr);
		if (editor_wait(&in) < 0) {
			pt_err_add(&s->c->err, PT_ERROR, NULL, NULL, "ended by signal %d (%s)", editor_ended(), strsignal(editor_ended()));
			return false;
		}
		n = read(STDIN_FILENO, answer, sizeof(answer));
		if (n <= 0 || *answer == 'l' || *answer == 'q')
			return false;
		if (*answer == 'e' || *answer == '\n')
			return true;
	}
}

/* Nobody may be there any more to read it. */
static void log_copy(const struct session *s)
{
	openlog("ptconf", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "the edit of %s was ended by signal %d: nothing of it is taken, what was written is in %s",
	       s->texts.v.v[0].file, editor_ended(), s->copy);
	closelog();
}

/* The file is as it was. A copy is kept where there is anything in it that the file has not. */
static int leave(struct session *s, int rc)
{
	const char *file = s->texts.v.v[0].file;
	struct pt_edit_result r = { 0 };
	struct pt_err unseen = { 0 };
	int bad = access(s->copy, F_OK) ? -errno : read_copy(s, &r, &unseen);

	pt_err_fini(&unseen);
	if (bad == -ENOENT) {
		pt_err_add(&s->c->err, PT_WARNING, NULL, NULL, "%s is as it was; the copy that was edited, %s, is gone", file, s->copy);
	} else if (!bad && !r.changed) {
		(void)unlink(s->copy);
		pt_err_add(&s->c->err, PT_WARNING, NULL, NULL, "%s is as it was, and nothing else was written", file);
	} else {
		pt_err_add(&s->c->err, PT_WARNING, NULL, NULL, "%s is as it was; what was written is in %s", file, s->copy);
		if (editor_ended())
			log_copy(s);
	}
	return rc;
}

static int take_copy(struct session *s, const struct pt_edit_result *r)
{
	int rc = pt_edit_write(&s->texts, r, &s->c->err);

	if (rc)
		return leave(s, rc);
	(void)unlink(s->copy);
	pt_cli_say(s->c, "%s: changed\n", s->texts.v.v[0].file);
	return 0;
}

static bool is_empty(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

/* What is wrong with what came back, if anything, is told. */
static int judge(struct session *s, struct pt_edit_result *r)
{
	const struct pt_conf_source *old = &s->texts.v.v[0];
	struct pt_err found = { 0 };
	int rc;

	/* An editor that fails on a full disk, or a slip of the hand; whoever means it removes the sections, or the file. */
	if (is_empty(r->text, r->len) && !is_empty(old->text, old->len)) {
		pt_err_add(&found, PT_ERROR, NULL, "to have no rules at all, remove the sections; to block everything, use `ptfw stop`",
			   "the copy came back empty: it does not take the place of %s", old->file);
		rc = -EINVAL;
	} else {
		rc = check_copy(s, r, &found);
	}
	pt_cli_report(s->c, &found);
	pt_err_fini(&found);
	return rc;
}

static int edit(struct session *s)
{
	struct pt_edit_result r;
	int rc;

	for (;;) {
		rc = editor_run(s->c, &s->editor, s->copy);
		if (!rc && access(s->copy, F_OK) && errno == ENOENT) {
			pt_err_add(&s->c->err, PT_ERROR, NULL, NULL, "%s took the copy away", s->editor.program);
			rc = PT_EXIT_CONFIG;
		}
		if (!rc)
			rc = read_copy(s, &r, &s->c->err);
		if (rc)
			return leave(s, rc);
		if (!r.changed) {
			(void)unlink(s->copy);
			pt_cli_say(s->c, "%s: nothing changed\n", s->texts.v.v[0].file);
			return 0;
		}
		rc = judge(s, &r);
		if (!rc)
			return take_copy(s, &r);
		if (rc == -ENOMEM || !ask_again(s))
			return leave(s, rc == -ENOMEM ? rc : editor_ended() ? PT_EXIT_SYSTEM : PT_EXIT_CONFIG);
	}
}

/* Copies of edits that came to no end, or whose result was not taken. Their author may have forgotten them. */
static void tell_left(struct session *s)
{
	const char *file = s->texts.v.v[0].file, *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	int n = slash ? (int)(slash - file) + 1 : 0;
	char folder[4096], begin[NAME_MAX + 16];
	struct dirent *de;
	DIR *dir;

	(void)snprintf(folder, sizeof(folder), "%.*s", n, file);
	(void)snprintf(begin, sizeof(begin), ".%.255s.edit-", name);
	dir = opendir(n ? folder : ".");
	while (dir && (de = readdir(dir)))
		if (!strncmp(de->d_name, begin, strlen(begin)))
			pt_err_add(&s->c->err, PT_WARNING, NULL, "look at it with diff(1), then remove it",
				   "%s%s is left from an edit whose result was not taken", folder, de->d_name);
	if (dir)
		closedir(dir);
	pt_cli_report(s->c, &s->c->err);
	pt_err_fini(&s->c->err);
}

static int edit_file(struct session *s)
{
	int rc = pt_edit_load(s->c->file, &s->texts, &s->c->err);

	if (rc)
		return rc == -ENOENT ? PT_EXIT_CONFIG : rc;
	tell_left(s);
	editor_begin();
	rc = make_copy(s);
	if (!rc)
		rc = edit(s);
	editor_end();
	pt_edit_texts_fini(&s->texts);
	return rc;
}

int cmd_edit(struct pt_cli *c)
{
	struct session *s = calloc(1, sizeof(*s));
	struct file_lock lock = { .fd = -1 };
	int rc;

	if (!s)
		return -ENOMEM;
	s->c = c;
	rc = strcmp(c->file, "-") ? editor_find(c, &s->editor) : pt_cli_usage(c, "standard input cannot be changed: name a file with -f");
	if (!rc)
		rc = file_lock_take(&lock, c, "ptconf edit");
	if (!rc) {
		rc = edit_file(s);
		file_lock_release(&lock);
	}
	free(s);
	return rc;
}
