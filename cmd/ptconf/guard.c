/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard: a small process that outlives whoever applied. It is started before anything is read, so that it holds no memory and
 * no descriptor of the change it watches over; it has a session of its own, takes no signal, and leaves the control group of the
 * login, which systemd kills whole when KillUserProcesses is set. At the deadline, by a clock that nobody can set, it does what
 * `ptconf rollback` does. All it knows is on disk, so that any later command, or the boot, can do the same in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "ptconf.h"

#define TICK_NS 500000000ull
#define ANSWER_MS 5000 /* a guard that does not say by then that it is ready is stopped */
/* How long after the deadline a process may keep the guard from its work: it is stopped, or waits for a dead terminal. */
#define PATIENCE_NS 1500000000ll

struct guard {
	int fd; /* to the process */
};

/* ---- away from whoever started it ---- */

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* Root may move a process; where there is no such file, nobody kills groups either. */
static void leave_login(void)
{
	static const char *const groups[] = { "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/systemd/cgroup.procs",
					      "/sys/fs/cgroup/unified/cgroup.procs" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(groups); i++)
		write_to(groups[i], "0\n");
	write_to("/proc/self/oom_score_adj", "-1000\n");
}

static void lift_limits(void)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_STACK };
	const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY }, files = { 1024, 4096 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(limits); i++)
		(void)!setrlimit(limits[i], &most);
	(void)!setrlimit(RLIMIT_NOFILE, &files);
}

static void detach(int keep)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_NAME, "ptconf-guard");
	(void)prctl(PR_SET_PDEATHSIG, 0);
	umask(077);
	(void)!chdir("/");
	leave_login();
	lift_limits();
	if (dup2(keep, 3) != 3)
		_exit(1);
	(void)close_range(4, ~0u, 0);
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		(void)!open("/dev/null", O_RDWR);
	}
	(void)!fcntl(3, F_SETFD, FD_CLOEXEC);
}

/* ---- watching ---- */

static void sleep_until(uint64_t when)
{
	struct timespec t = { .tv_sec = (time_t)(when / 1000000000u), .tv_nsec = (long)(when % 1000000000u) };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static bool is_there(const char *state, const struct pt_window *w)
{
	struct pt_window now;

	return pt_window_read(state, &now, NULL) || now.id == w->id;
}

/* Whether the window still is the one to watch. One that cannot be read may be, and so may one that somebody removed with the whole
 * folder: then nobody has confirmed it, and nobody can. */
static bool still_open(const char *state, const struct pt_window *w)
{
	struct pt_window now;
	int rc = pt_window_read(state, &now, NULL);

	if (rc || now.id == w->id)
		return true;
	/* Who removes the folder removes one file after the other: the note first, perhaps. */
	if (!now.revision && !pt_state_lost(state))
		sleep_until(pt_boottime() + TICK_NS);
	return !now.revision && pt_state_lost(state);
}

/* The terminal of the author, if it is still his: names of terminals are used again. */
static void tell_author(const struct pt_window *w, const char *text)
{
	struct stat st;
	int fd;

	if (!w->author.tty[0] || pt_process_started(w->author.leader) != w->author.leader_started)
		return;
	fd = open(w->author.tty, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISCHR(st.st_mode) && isatty(fd))
		(void)!write(fd, text, strlen(text));
	close(fd);
}

static void say_undone(const struct change_session *s, const struct pt_window *w)
{
	uint32_t now = pt_confirmed_read(s->state);
	char text[200];

	if (now)
		snprintf(text, sizeof(text), "\r\nptconf: r%u was not confirmed in time: r%u is in force again\r\n", w->revision, now);
	else
		snprintf(text, sizeof(text), "\r\nptconf: r%u was not confirmed in time: all is as before it\r\n", w->revision);
	tell_author(w, text);
}

/* Whoever holds the lock beyond all patience is stopped, or writes to a terminal that is gone. */
static void press(const struct change_session *s, const struct pt_window *w)
{
	int pid = pt_change_holder(s->state, NULL);

	if (pid <= 1 || pid == getpid() || pt_window_left(w) > -PATIENCE_NS)
		return;
	syslog(LOG_WARNING, "r%u is to be undone, and process %d holds the lock: it is ended", w->revision, pid);
	kill(pid, SIGKILL);
}

static int undo_once(struct change_session *s, const struct pt_window *w, const struct pt_texts *texts)
{
	bool lost = pt_state_lost(s->state);
	struct pt_window was;
	struct pt_cli *c = s->cli;
	int rc;

	rc = pt_nl_open(&s->change.nf, NETLINK_NETFILTER, &c->err);
	if (!rc)
		rc = pt_nl_open(&s->change.route, NETLINK_ROUTE, &c->err);
	if (!rc && lost)
		rc = pt_change_way_back(&s->change, texts, &c->err);
	else if (!rc)
		rc = pt_change_begin(&s->change, true, &c->err); /* settles */
	if (rc == -ETIMEDOUT)
		press(s, w);
	/* A disk with errors is mounted read-only: nobody can take the lock, and the records stay as they are, but rules are
	 * not on the disk. It is tried again until the records can be written, too. */
	if (rc == -EROFS) {
		pt_err_fini(&c->err);
		rc = pt_change_undo(&s->change, "guard", "not confirmed in time", &was, &c->err);
	}
	pt_change_end(&s->change);
	pt_nl_close(s->change.nf);
	pt_nl_close(s->change.route);
	s->change.nf = s->change.route = NULL;
	return rc;
}

/* Folders that somebody opened to others within the window, or gave away, are refused by every command: who has to go back takes
 * them back first. What counts in them is checked on its own, and a link in the place of one goes. */
static void take_back(struct change_session *s)
{
	char history[PATH_MAX + 16];
	const char *const folders[] = { PT_RUN_DIR, PT_RUN_DIR "/applied", s->state, history };
	struct stat st;

	(void)snprintf(history, sizeof(history), "%s/history", s->state);
	if (!lstat(PT_RUN_DIR, &st) && S_ISLNK(st.st_mode) && !unlink(PT_RUN_DIR))
		syslog(LOG_WARNING, "%s was a symbolic link: it is a folder again", PT_RUN_DIR);
	for (size_t i = 0; i < PT_ARRAY_SIZE(folders); i++)
		if (pt_folder_take_back(folders[i]))
			syslog(LOG_WARNING, "%s could be written by others: taken back", folders[i]);
}

static void undo(struct change_session *s, const struct pt_window *w, const struct pt_texts *texts)
{
	bool told = false;

	openlog("ptconf", LOG_PID, LOG_AUTHPRIV);
	take_back(s);
	while (still_open(s->state, w)) {
		bool lost = pt_state_lost(s->state);
		int rc = undo_once(s, w, texts);
		struct pt_err *e = &s->cli->err;

		if (rc && !told) {
			told = true;
			syslog(LOG_ERR, "r%u cannot be undone yet: %s", w->revision, e->list.n ? e->list.v[e->list.n - 1].msg : strerror(-rc));
		}
		pt_err_fini(e);
		if (rc) {
			sleep_until(pt_boottime() + TICK_NS);
		} else if (lost || !is_there(s->state, w)) {
			say_undone(s, w);
			break;
		}
	}
}

static void watch(struct change_session *s, int fd)
{
	struct pt_texts texts;
	struct pt_window w;
	char ready = 1;
	ssize_t n;

	do {
		n = read(fd, &w, sizeof(w));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(w))
		_exit(0); /* nothing came of it */
	s->change.author = w.author;
	(void)!pt_window_texts(s->state, &w, &texts); /* without them the folder must be there */
	if (pt_guard_note(s->state, &w)) /* on a full disk it watches all the same */
		ready = 2;
	if (write(fd, &ready, 1) != 1)
		_exit(0);
	close(fd);
	while (still_open(s->state, &w) && pt_window_left(&w) > 0) {
		uint64_t next = pt_boottime() + TICK_NS;

		sleep_until(next < w.deadline ? next : w.deadline);
	}
	undo(s, &w, &texts);
	pt_guard_forget(s->state, &w);
	_exit(0);
}

/* ---- starting ---- */

static void become_guard(const struct change_session *from, int fd)
{
	static struct pt_cli cli;
	static struct change_session s;

	cli = (struct pt_cli){ .tool = from->cli->tool, .force = true, .quiet = true };
	memcpy(s.state, from->state, sizeof(s.state));
	s.cli = &cli;
	s.change = (struct pt_change){ .state = s.state, .lock = -1, .log = log_line };
	detach(fd);
	watch(&s, 3);
}

int guard_start(const struct change_session *s, struct guard **out, struct pt_err *e)
{
	struct guard *g = calloc(1, sizeof(*g));
	int pair[2], status;
	pid_t pid;

	if (!g || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		int rc = g ? -errno : -ENOMEM;

		free(g);
		return pt_err_sys(e, rc, "starting the guard");
	}
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		pid = fork();
		if (pid)
			_exit(pid < 0);
		close(pair[0]);
		become_guard(s, pair[1]);
	}
	close(pair[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		int rc = pid < 0 ? -errno : -EAGAIN;

		close(pair[0]);
		free(g);
		return pt_err_sys(e, rc, "starting the guard");
	}
	g->fd = pair[0];
	*out = g;
	return 0;
}

int guard_arm(struct guard *g, const struct pt_window *w, struct pt_err *e)
{
	struct pollfd fd = { .fd = g->fd, .events = POLLIN };
	char ready = 0;
	ssize_t n;
	int rc;

	if (send(g->fd, w, sizeof(*w), MSG_NOSIGNAL) != (ssize_t)sizeof(*w))
		return pt_err_sys(e, -errno, "starting the guard");
	do {
		rc = poll(&fd, 1, ANSWER_MS);
	} while (rc < 0 && errno == EINTR);
	if (!rc) { /* once it goes on nobody listens to it, and it ends */
		pt_err_add(e, PT_ERROR, NULL, "find out who stopped it, then try again",
			   "the guard did not answer for %d s: nothing was changed", ANSWER_MS / 1000);
		return -ETIMEDOUT;
	}
	do {
		n = read(g->fd, &ready, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, NULL, "the guard died before anything was changed");
	return -ECHILD;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	close(g->fd);
	free(g);
}
