/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A second pair of eyes over the window of a change. The guard of a window may be killed, and who deletes the state folder takes the
 * way back with it; supervised programs that wait for other things anyway look here as well. As soon as a window is seen, what would
 * come back is kept in memory, so that it can come back without the folder, too.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "plan/change.h"

#define OPEN_TICK_S 1    /* while a change waits */
#define IDLE_TICK_S 30   /* until the folder is there, or there again */
#define SETTLE_NS 500000000ull /* by then a folder that is being removed is gone */
#define ALIVE_NS 5000000000ll   /* how long after the deadline a guard that is alive is left alone */
#define PATIENCE_NS 1500000000ll /* and somebody who is stopped with the lock in his hands */

struct pt_keeper {
	char state[PATH_MAX];
	int epoll, events, timer;
	int folder;              /* watch of EVENTS, -1: none */
	struct pt_window w;      /* revision 0: none is known */
	struct pt_texts texts;   /* of what comes back; arena NULL: not known */
	uint64_t missing;        /* since when its note is not there, though the folder is; 0: it is */
};

static void set_timer(struct pt_keeper *k, int seconds)
{
	const struct itimerspec when = { .it_interval.tv_sec = seconds, .it_value.tv_sec = seconds };

	(void)timerfd_settime(k->timer, 0, &when, NULL);
}

static int wait_on(struct pt_keeper *k, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int pt_keeper_open(const char *state, struct pt_keeper **out, struct pt_err *e)
{
	struct pt_keeper *k = calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (!k)
		return pt_err_sys(e, -ENOMEM, "watching over changes that wait");
	snprintf(k->state, sizeof(k->state), "%s", state);
	k->folder = -1;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	k->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	k->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	rc = k->epoll < 0 ? -errno : wait_on(k, k->events);
	if (!rc)
		rc = wait_on(k, k->timer);
	if (rc) {
		pt_keeper_close(k);
		return pt_err_sys(e, rc, "watching over changes that wait");
	}
	*out = k;
	return 0;
}

void pt_keeper_close(struct pt_keeper *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < 3; i++) {
		int fd = (int[]){ k->epoll, k->events, k->timer }[i];

		if (fd >= 0)
			close(fd);
	}
	pt_texts_fini(&k->texts);
	free(k);
}

int pt_keeper_fd(const struct pt_keeper *k)
{
	return k ? k->epoll : -1;
}

/* ---- what is known ---- */

static void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* A folder that was made anew is another one. */
static void watch_folder(struct pt_keeper *k)
{
	k->folder = inotify_add_watch(k->events, k->state, IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR);
}

static void forget(struct pt_keeper *k)
{
	k->w.revision = 0;
	k->missing = 0;
	pt_texts_fini(&k->texts);
}

static void remember(struct pt_keeper *k, const struct pt_window *w)
{
	forget(k);
	k->w = *w;
	(void)!pt_window_texts(k->state, w, &k->texts); /* else only the folder knows */
}

int pt_window_texts(const char *state, const struct pt_window *w, struct pt_texts *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = w->base ? pt_revision_read(state, w->base, out, NULL) : -ENOENT;
	if (rc)
		pt_texts_fini(out);
	return rc;
}

bool pt_state_lost(const char *state)
{
	char path[PATH_MAX];
	struct stat st;

	return !change_path(state, "history", path, sizeof(path), NULL) && stat(path, &st) && errno == ENOENT;
}

static void look(struct pt_keeper *k)
{
	struct pt_window w;

	watch_folder(k);
	if (pt_window_open(k->state, &w)) {
		k->missing = 0;
		if (w.seconds && (w.id != k->w.id || w.switching != k->w.switching))
			remember(k, &w);
		return;
	}
	/* Who removes the folder removes one file after the other: the note first, perhaps. */
	if (!k->w.revision || pt_state_lost(k->state)) {
		k->missing = 0;
		return;
	}
	if (!k->missing)
		k->missing = pt_boottime();
	else if (pt_boottime() - k->missing > SETTLE_NS)
		forget(k);
}

static bool is_over(const struct pt_keeper *k)
{
	int64_t left = pt_window_left(&k->w);
	bool alive = !pt_state_lost(k->state) && pt_guard_alive(k->state, &k->w);

	return !k->missing && left < (alive ? -ALIVE_NS : 0);
}

/* ---- what is done ---- */

int pt_change_way_back(struct pt_change *c, const struct pt_texts *texts, struct pt_err *e)
{
	struct pt_whole w = { .nf = c->nf, .route = c->route, .again = true, .texts = texts };
	int rc;

	if (!texts->arena) {
		pt_err_add(e, PT_ERROR, NULL, "apply a file with `ptconf apply`",
			   "a change was not confirmed, and %s is gone with what was before it", c->state);
		return -ENOENT;
	}
	rc = undo_put_in_force(&w, e);
	pt_whole_fini(&w);
	return rc;
}

/* Who was stopped with the lock in his hands would hold it for ever. */
static void press(const struct pt_keeper *k)
{
	int pid = pt_change_holder(k->state, NULL);

	if (pid > 1 && pid != getpid() && pt_process_stopped(pid) && pt_window_left(&k->w) < -PATIENCE_NS)
		(void)kill(pid, SIGKILL);
}

static int settle(struct pt_keeper *k, struct pt_change *c, struct pt_err *e)
{
	int rc;

	if (pt_state_lost(k->state))
		return pt_change_way_back(c, &k->texts, e);
	rc = pt_change_begin(c, true, e); /* settles */
	pt_change_end(c);
	if (rc == -ETIMEDOUT)
		press(k);
	return rc;
}

static int undo(struct pt_keeper *k, struct pt_err *e)
{
	struct pt_change c = { .state = k->state, .lock = -1, .author = k->w.author };
	int rc = pt_nl_open(&c.nf, NETLINK_NETFILTER, e);

	if (!rc)
		rc = pt_nl_open(&c.route, NETLINK_ROUTE, e);
	if (!rc)
		rc = settle(k, &c, e);
	pt_nl_close(c.nf);
	pt_nl_close(c.route);
	return rc;
}

int pt_keeper_look(struct pt_keeper *k, uint32_t *undone, struct pt_err *e)
{
	uint32_t revision;
	int rc = 0;

	*undone = 0;
	drain(k->events);
	drain(k->timer);
	look(k);
	if (k->w.revision && !k->w.switching && is_over(k)) {
		revision = k->w.revision;
		rc = undo(k, e);
		if (!rc) {
			*undone = revision;
			forget(k);
		}
	}
	set_timer(k, k->w.revision ? OPEN_TICK_S : k->folder < 0 ? IDLE_TICK_S : 0);
	return rc;
}
