/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands share: a session over one state folder, and the texts that it is about. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "ptconf.h"

void describe_time(uint64_t t, char out[32])
{
	time_t when = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, 32, "?");
}

void log_line(struct pt_change *c, const char *text)
{
	struct pt_buf who = { 0 };

	pt_author_fmt(&who, &c->author);
	openlog("ptconf", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "%s [%s]", text, who.s ? who.s : "?");
	closelog();
	pt_buf_fini(&who);
}

static int arm(struct pt_change *c, const struct pt_window *w, struct pt_err *e)
{
	struct change_session *s = c->arg;

	return guard_arm(s->guard, w, e);
}

/* The guard works from another folder. */
static int make_absolute(struct pt_cli *c, char path[PATH_MAX])
{
	char here[PATH_MAX], name[PATH_MAX];

	if (path[0] == '/')
		return 0;
	memcpy(name, path, sizeof(name));
	if (!getcwd(here, sizeof(here)))
		return pt_err_sys(&c->err, -errno, "reading the name of this folder");
	if (snprintf(path, PATH_MAX, "%s/%s", here, name) >= PATH_MAX)
		return pt_err_sys(&c->err, -ENAMETOOLONG, "opening %s", name);
	return 0;
}

int state_folder(struct pt_cli *c, char out[PATH_MAX])
{
	struct pt_err why = { 0 };
	int rc = pt_cli_state(c, out), fd;

	if (rc)
		return rc;
	fd = pt_folder_open(out, &why);
	pt_err_fini(&why);
	if (fd < 0 && fd != -ENOENT) /* not made yet: nothing is in it */
		fd = pt_folder_open(out, &c->err);
	if (fd >= 0)
		close(fd);
	return fd < 0 && fd != -ENOENT ? fd : 0;
}

int session_open(struct pt_cli *c, struct change_session *s)
{
	char state[PATH_MAX];
	int rc = state_folder(c, state);

	memset(s, 0, sizeof(*s));
	return rc ? rc : session_open_any(c, s);
}

int session_open_any(struct pt_cli *c, struct change_session *s)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->cli = c;
	rc = pt_cli_state(c, s->state);
	if (!rc)
		rc = make_absolute(c, s->state);
	if (rc)
		return rc;
	s->change = (struct pt_change){ .state = s->state, .lock = -1, .guard = arm, .log = log_line, .arg = s };
	author_of_us(&s->change.author);
	rc = pt_nl_open(&s->change.nf, NETLINK_NETFILTER, &c->err);
	if (!rc)
		rc = pt_nl_open(&s->change.route, NETLINK_ROUTE, &c->err);
	if (rc)
		session_close(s);
	return rc;
}

void session_close(struct change_session *s)
{
	guard_free(s->guard);
	s->guard = NULL;
	pt_nl_close(s->change.nf);
	pt_nl_close(s->change.route);
	s->change.nf = s->change.route = NULL;
}

/* ---- between begin and end ---- */

static const int deferred[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM, SIGUSR1, SIGUSR2 };

static void defer_signals(struct change_session *s)
{
	sigset_t set;

	_Static_assert(sizeof(sigset_t) <= sizeof(s->held), "room for the mask");
	sigemptyset(&set);
	for (size_t i = 0; i < PT_ARRAY_SIZE(deferred); i++)
		sigaddset(&set, deferred[i]);
	sigprocmask(SIG_BLOCK, &set, (sigset_t *)s->held);
}

/* Killed with -9 it leaves the window alone: whoever comes by gives it another one. */
static int guard_again(struct change_session *s)
{
	struct pt_window w;
	struct guard *g = NULL;
	int rc = pt_window_read(s->state, &w, &s->cli->err);

	if (rc || !w.revision || w.switching || !w.seconds || pt_guard_alive(s->state, &w))
		return rc;
	rc = guard_start(s, &g, &s->cli->err);
	if (!rc)
		rc = guard_arm(g, &w, &s->cli->err);
	guard_free(g);
	if (!rc)
		pt_err_add(&s->cli->err, PT_WARNING, NULL, NULL, "the guard of r%u was gone: another one took its place", w.revision);
	return rc;
}

int session_begin(struct change_session *s)
{
	int rc;

	defer_signals(s);
	rc = pt_change_begin(&s->change, s->cli->force, &s->cli->err);
	if (!rc)
		rc = guard_again(s);
	if (rc)
		session_end(s);
	return rc;
}

void session_end(struct change_session *s)
{
	pt_change_end(&s->change);
	sigprocmask(SIG_SETMASK, (const sigset_t *)s->held, NULL);
}

/* ---- texts ---- */

static void missing_file(struct pt_cli *c, int rc)
{
	static char hint[] = "make it, or name a file with -f";
	struct pt_diag *last = c->err.list.n ? &c->err.list.v[c->err.list.n - 1] : NULL;

	if (rc == -ENOENT && last && !last->hint && !(c->given & PT_CLI_FILE))
		last->hint = hint;
}

int plan_exit(struct pt_cli *c, int rc)
{
	bool located = c->err.list.n && c->err.list.v[c->err.list.n - 1].loc.file;

	if (located && (rc == -EPERM || rc == -EACCES || rc == -EBUSY || rc == -EAGAIN || rc == -ENOENT))
		return PT_EXIT_CONFIG;
	return rc;
}

/* Whoever goes back to a revision may stand in another folder; what is relative in it begins at its own. */
static const char *absolute(struct pt_arena *a, const char *path, const char *here)
{
	return path[0] == '/' || !*here ? pt_arena_strdup(a, path) : pt_arena_printf(a, "%s/%s", here, path);
}

int texts_of_conf(const struct pt_conf *conf, bool is_file, struct pt_texts *out)
{
	char here[PATH_MAX] = "";
	int rc = 0;

	out->arena = pt_arena_new();
	if (!out->arena)
		return -ENOMEM;
	if (is_file && !getcwd(here, sizeof(here)))
		return -errno;
	out->name = absolute(out->arena, conf->path, here);
	out->text = pt_arena_strndup(out->arena, conf->text, conf->len);
	out->len = conf->len;
	if (!out->name || !out->text)
		return -ENOMEM;
	for (size_t i = 1; !rc && i < conf->sources.n; i++) {
		struct pt_conf_source s = conf->sources.v[i];

		s.file = absolute(out->arena, s.file, here);
		s.text = pt_arena_strndup(out->arena, s.text, s.len);
		rc = s.file && s.text ? pt_vec_push(out->arena, &out->more, s) : -ENOMEM;
	}
	return rc;
}

/* One read: these bytes are checked, applied and kept. */
int texts_of_file(struct pt_cli *c, struct pt_texts *out)
{
	struct pt_conf *conf = NULL;
	struct pt_policy *policy = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = pt_policy_load(c->file, &conf, &policy, &c->err);
	if (rc) {
		missing_file(c, rc);
		return rc == -ENOMEM ? rc : PT_EXIT_CONFIG;
	}
	pt_policy_free(policy);
	if (conf->len)
		rc = texts_of_conf(conf, strcmp(c->file, "-") != 0, out);
	else
		rc = PT_EXIT_CONFIG;
	if (rc == PT_EXIT_CONFIG) /* of a generator that failed, most likely */
		pt_err_add(&c->err, PT_ERROR, NULL, "to block everything, use `ptfw stop`", "applying %s: it is empty", conf->path);
	else if (rc)
		(void)pt_err_sys(&c->err, rc, "reading %s", conf->path);
	pt_conf_free(conf);
	if (rc)
		pt_texts_fini(out);
	return rc;
}

static void tell_damaged(struct pt_cli *c, const struct pt_history *h)
{
	for (size_t i = 0; i < h->list.n; i++)
		if (h->list.v[i].state == PT_REVISION_DAMAGED)
			pt_err_add(&c->err, PT_WARNING, NULL, "it does not count", "%s", h->list.v[i].problem);
}

int texts_of_revision(struct pt_cli *c, const char *state, const char *name, struct pt_texts *out, uint32_t *number)
{
	const struct pt_revision *r;
	struct pt_window w;
	struct pt_history *h = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = pt_window_read(state, &w, NULL);
	rc = pt_history_read(state, rc ? 0 : w.revision, &h, &c->err);
	if (rc)
		return rc;
	tell_damaged(c, h);
	rc = pt_history_name(h, name, &r, &c->err);
	if (!rc) {
		*number = r->number;
		rc = pt_revision_read(state, r->number, out, &c->err);
	}
	pt_history_free(h);
	return rc == -ENOENT ? PT_EXIT_NO : rc;
}
