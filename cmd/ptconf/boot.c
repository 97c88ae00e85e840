/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot, in two steps. First the block set: it must come about whatever is wrong with the file, the history or the disk. Then
 * the last confirmed revision; where that fails the block set stays, and whoever sits at the console is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "ptconf.h"

/* What goes to standard error goes to the console, see patronus.service; the log is for those who come later. */
static void log_failure(const struct pt_cli *c, const char *what)
{
	const struct pt_err *e = &c->err;

	openlog("ptconf", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_ERR, "%s: %s", what, e->list.n ? e->list.v[e->list.n - 1].msg : "no reason is known");
	closelog();
}

static void tell_block(struct pt_cli *c, const struct pt_block *b)
{
	char from[40] = "";

	if (b->revision)
		snprintf(from, sizeof(from), " of r%u", b->revision);
	pt_cli_say(c, "the block set%s is in force, %s\n", from, b->ssh ? "with the SSH that `boot` admits" : "without any SSH");
}

static int block(struct pt_cli *c, const char *state, struct pt_nl *nf, bool *kept)
{
	struct pt_block b;
	size_t writes;
	int rc = pt_plan_block(state, c->file, nf, &b, &writes, &c->err);

	*kept = b.kept;
	if (rc)
		log_failure(c, "the block set could not be put in force");
	else if (b.kept)
		pt_cli_say(c, "rules are in force already: they stay\n");
	else
		tell_block(c, &b);
	return rc;
}

/* A change that waits and whose rules are gone is over, as with a reboot. */
static int restore_locked(struct change_session *s, uint32_t *number)
{
	struct pt_cli *c = s->cli;
	struct pt_window w;

	if (!pt_window_read(s->state, &w, NULL) && w.revision) {
		int rc = pt_change_undo(&s->change, "boot", "its rules were gone", &w, &c->err);

		*number = w.base;
		if (!rc && *number)
			return 0;
	}
	return pt_change_restore(&s->change, number, &c->err);
}

/* A disk that cannot be written keeps nobody from having rules. */
static int restore(struct change_session *s, uint32_t *number)
{
	struct pt_cli *c = s->cli;
	int rc = session_begin(s);

	if (rc == -EROFS || rc == -ENOSPC || rc == -EDQUOT || rc == -EIO) {
		pt_err_add(&c->err, PT_WARNING, NULL, NULL, "%s cannot be written: what is confirmed is put in force all the same", s->state);
		return pt_change_restore(&s->change, number, &c->err);
	}
	if (!rc) {
		rc = restore_locked(s, number);
		session_end(s);
	}
	return rc;
}

int complete_boot(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	(void)c;
	if (!n)
		word("block", arg);
	return 0;
}

int cmd_boot(struct pt_cli *c)
{
	bool first_only = c->argc == 1 && !strcmp(c->argv[0], "block"), kept;
	struct change_session s;
	uint32_t number = 0;
	int rc, blocked;

	if (c->argc && !first_only)
		return pt_cli_usage(c, "'%s' is no step of the boot: block, or nothing for all", c->argv[0]);
	c->force = true; /* nobody is at work on the file at boot */
	rc = session_open_any(c, &s);
	if (rc)
		return rc;
	blocked = block(c, s.state, s.change.nf, &kept);
	if (!first_only && !(kept && !blocked)) {
		rc = restore(&s, &number);
		if (rc)
			log_failure(c, blocked ? "no rules are in force" : "the rules could not be put in force, the block set stays");
		if (rc && !blocked)
			pt_err_add(&c->err, PT_ERROR, NULL, "log in at the console or as `boot` admits, then `ptconf history` and `ptconf apply`",
				   "the rules could not be put in force: the block set stays");
		else if (!rc)
			pt_cli_say(c, "r%u is in force\n", number);
	}
	session_close(&s);
	if (rc == -ENOENT)
		return PT_EXIT_CONFIG;
	return rc || !first_only ? rc : blocked;
}
