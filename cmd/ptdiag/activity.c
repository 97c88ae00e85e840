/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag activity: what this machine is busy with between two looks; once, several times, or live on a terminal. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/sandbox.h>
#include <patronus/screen.h>

#include "activity.h"

static const char *const sorts[] = { "cpu", "memory", NULL };

const struct pt_cli_word activity_words[] = {
	{ "live", PT_CLI_FLAG, offsetof(struct activity_words, live), NULL, "on the terminal until q", 0, 0, NULL },
	{ "sort", PT_CLI_CHOICE, offsetof(struct activity_words, sort), "cpu|memory", "which processes come first, cpu",
	  0, 0, sorts },
	{ "rows", PT_CLI_COUNT, offsetof(struct activity_words, rows), "N", "processes, 10", 0, 10000, NULL },
	{ "interval", PT_CLI_TIME, offsetof(struct activity_words, interval), "TIME", "between two looks, 1s", 50000,
	  3600000000, NULL },
	{ "count", PT_CLI_COUNT, offsetof(struct activity_words, count), "N", "looks to tell, 1; live until q", 1,
	  UINT32_MAX, NULL },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

/* The look before becomes the one to compare with. */
static int look(struct activity *t)
{
	struct pt_activity old = t->before;
	int rc;

	t->before = t->now;
	if (old.arena)
		pt_arena_reset(old.arena);
	else
		old.arena = pt_arena_new();
	t->now = (struct pt_activity){ .arena = old.arena };
	rc = old.arena ? pt_activity_read(t->route, old.arena, &t->now, &t->c->err) :
			 pt_err_sys(&t->c->err, -ENOMEM, "reading what this machine is busy with");
	return rc ? rc : activity_rank(t);
}

/* 1: asked to end. */
static int rest(const struct activity *t)
{
	struct pollfd p = { .fd = t->stop_fd, .events = POLLIN };

	return poll(&p, 1, (int)(t->w.interval / 1000)) != 0;
}

static int run_lines(struct activity *t)
{
	struct pt_cli *c = t->c;
	int rc = 0, end;

	t->stop_fd = pt_cli_signals(c);
	if (t->stop_fd < 0)
		return t->stop_fd;
	t->o = t->w.count > 1 ? pt_cli_monitor(c, ACTIVITY_EVENT, "looks") :
				 pt_cli_out(c, PT_OUT_TEXT, "patronus.activity.v1", "looks");
	if (!t->o)
		return -ENOMEM;
	for (uint64_t i = 0; !rc && i < t->w.count && !rest(t); i++) {
		rc = look(t);
		if (rc)
			break;
		activity_show(t);
		rc = pt_out_flush(t->o);
	}
	end = pt_cli_end(c, t->o);
	return rc && rc != -EPIPE ? rc : end;
}

/* ---- a screen ---- */

static int draw(struct activity *t, struct pt_screen *s)
{
	struct pt_buf b = { 0 };
	char *line;
	int rc;

	activity_text(t, &b, s->rows);
	pt_screen_begin(s);
	line = b.err ? NULL : b.s;
	for (unsigned int row = 0; row + 1 < s->rows; row++) {
		char *end = line ? strchr(line, '\n') : NULL;

		if (end)
			*end = '\0';
		pt_screen_line(s, row, line ? line : "",
			       line && (!strncmp(line, "PID", 3) || !strncmp(line, "DEVICE", 6)));
		line = end ? end + 1 : NULL;
	}
	pt_screen_line(s, s->rows - 1, "q quit  c by processor  m by memory", false);
	rc = b.err ? b.err : pt_screen_end(s);
	pt_buf_fini(&b);
	return rc;
}

/* False: to end. */
static bool on_key(struct activity *t, char key)
{
	if (key == 'c' || key == 'm')
		t->w.sort = key == 'm';
	return key != 'q' && key != 'Q';
}

static int run_screen(struct activity *t)
{
	struct pt_screen s = { .fd_signals = -1 };
	bool on = true;
	int rc = pt_screen_open(&s, &t->c->err);
	enum pt_screen_event event;
	char key = 0;

	for (uint64_t i = 0; !rc && on && (!t->w.count || i < t->w.count); i++) {
		/* The first numbers come soon. */
		event = pt_screen_wait(&s, i ? (int)(t->w.interval / 1000) : 200, &key);
		if (event == PT_SCREEN_KEY)
			on = on_key(t, key);
		else if (event == PT_SCREEN_QUIT)
			on = false;
		/* Another order is one of the same numbers. */
		if (on)
			rc = event == PT_SCREEN_TIME ? look(t) : activity_rank(t);
		if (!rc && on)
			rc = draw(t, &s);
	}
	pt_screen_close(&s);
	return rc == -EIO ? 0 : rc; /* the terminal is gone */
}

int cmd_activity(struct pt_cli *c)
{
	struct activity t = { .c = c, .stop_fd = -1, .w = { .rows = 10, .interval = 1000000 } };
	int rc = pt_cli_words(c, &t.w);

	if (!rc && t.w.live && (c->json || c->line || !pt_screen_possible()))
		rc = pt_cli_usage(c, "live needs a terminal: write count N for several looks");
	if (rc)
		return rc;
	if (!t.w.live && !t.w.count)
		t.w.count = 1;
	rc = pt_nl_open(&t.route, NETLINK_ROUTE, &c->err);
	/* For all that follows it is enough to read. */
	if (!rc && !c->nested)
		rc = pt_sandbox(PT_SANDBOX_READ | PT_SANDBOX_SAME_USER, &c->err);
	if (!rc)
		rc = look(&t);
	if (!rc)
		rc = t.w.live ? run_screen(&t) : run_lines(&t);
	if (t.stop_fd >= 0)
		close(t.stop_fd);
	pt_arena_free(t.before.arena);
	pt_arena_free(t.now.arena);
	free(t.rank.v);
	pt_nl_close(t.route);
	return rc;
}
