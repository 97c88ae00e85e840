/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window between a change and its confirmation, on disk. It tells whoever reads it, whenever, what to do: by the boot and the
 * clock that nobody sets when it is over, by the process and its start whether its author is still at work.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plan/change.h"

#define KIND "patronus window 1"

int change_path(const char *state, const char *name, char *out, size_t size, struct pt_err *e)
{
	int n = snprintf(out, size, "%s/%s", state, name);

	return n < 0 || (size_t)n >= size ? pt_err_sys(e, -ENAMETOOLONG, "opening %s", state) : 0;
}

uint64_t pt_boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t change_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) ? 0 : (uint64_t)st.st_ino;
}

void change_boot_id(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, 39);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

void change_put_author(struct pt_buf *b, const struct pt_author *a)
{
	pt_record_add(b, "user", a->user);
	pt_record_add(b, "tty", a->tty);
	pt_record_add(b, "client", a->client);
	pt_record_u64(b, "uid", a->uid);
	pt_record_u64(b, "session", a->session);
	pt_record_u64(b, "leader", (uint64_t)a->leader);
	pt_record_u64(b, "leader_started", a->leader_started);
}

void change_get_author(const struct pt_record *r, struct pt_author *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->user, sizeof(out->user), "%s", pt_record_get(r, "user"));
	snprintf(out->tty, sizeof(out->tty), "%s", pt_record_get(r, "tty"));
	snprintf(out->client, sizeof(out->client), "%s", pt_record_get(r, "client"));
	out->uid = (uint32_t)pt_record_number(r, "uid");
	out->session = (uint32_t)pt_record_number(r, "session");
	out->leader = (int)pt_record_number(r, "leader");
	out->leader_started = pt_record_number(r, "leader_started");
}

int window_write(const char *state, const char *name, const struct pt_window *w, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	char path[PATH_MAX];
	int rc = change_path(state, name, path, sizeof(path), e);

	if (rc)
		return rc;
	pt_buf_str(&b, KIND "\n");
	pt_record_u64(&b, "id", w->id);
	pt_record_u64(&b, "revision", w->revision);
	pt_record_u64(&b, "base", w->base);
	pt_record_add(&b, "phase", w->switching ? "switching" : "waiting");
	pt_record_u64(&b, "seconds", w->seconds);
	pt_record_u64(&b, "deadline", w->deadline);
	pt_record_add(&b, "boot", w->boot);
	pt_record_u64(&b, "netns", w->netns);
	pt_record_u64(&b, "time", w->time);
	pt_record_u64(&b, "pid", (uint64_t)w->pid);
	pt_record_u64(&b, "started", w->started);
	pt_record_u64(&b, "strict", w->strict);
	pt_record_u64(&b, "snapshot", w->snapshot);
	change_put_author(&b, &w->author);
	return pt_record_write(path, &b, e);
}

int pt_window_read(const char *state, struct pt_window *w, struct pt_err *e)
{
	char path[PATH_MAX];
	struct pt_record r;
	int rc;

	memset(w, 0, sizeof(*w));
	rc = change_path(state, WINDOW_FILE, path, sizeof(path), e);
	if (!rc)
		rc = pt_record_read(path, KIND, &r, e);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	w->id = pt_record_number(&r, "id");
	w->revision = (uint32_t)pt_record_number(&r, "revision");
	w->base = (uint32_t)pt_record_number(&r, "base");
	w->switching = strcmp(pt_record_get(&r, "phase"), "waiting") != 0;
	w->seconds = (uint32_t)pt_record_number(&r, "seconds");
	w->deadline = pt_record_number(&r, "deadline");
	snprintf(w->boot, sizeof(w->boot), "%s", pt_record_get(&r, "boot"));
	w->netns = pt_record_number(&r, "netns");
	w->time = pt_record_number(&r, "time");
	w->pid = (int)pt_record_number(&r, "pid");
	w->started = pt_record_number(&r, "started");
	w->strict = pt_record_number(&r, "strict") != 0;
	w->snapshot = pt_record_number(&r, "snapshot");
	change_get_author(&r, &w->author);
	pt_record_fini(&r);
	return 0;
}

bool pt_window_here(const struct pt_window *w)
{
	char boot[40];

	change_boot_id(boot);
	return !strcmp(boot, w->boot);
}

bool pt_window_gone(const char *state, const struct pt_window *w)
{
	return w->netns != change_netns() && !change_netns_lives(w->netns, pt_guard_pid(state, w));
}

int64_t pt_window_left(const struct pt_window *w)
{
	return (int64_t)(w->deadline - pt_boottime());
}

/* A folder that cannot be read, for want of privilege or because it is damaged, is no reason to keep somebody from a
 * firewall. */
bool pt_window_open(const char *state, struct pt_window *w)
{
	return !pt_window_read(state, w, NULL) && w->revision && pt_window_here(w) && w->netns == change_netns() &&
	       pt_confirmed_read(state) != w->revision;
}

int pt_window_refuse(const char *state, struct pt_err *e)
{
	struct pt_buf who = { 0 };
	struct pt_window w;

	if (!pt_window_open(state, &w))
		return 0;
	pt_author_fmt(&who, &w.author);
	pt_err_add(e, PT_ERROR, NULL, "`ptconf confirm` or `ptconf rollback` first; see `ptconf status`",
		   "revision r%u of %s waits for its confirmation: until then nothing else changes the rules", w.revision,
		   who.s ? who.s : "somebody");
	pt_buf_fini(&who);
	return -EBUSY;
}

static int sync_folder(const char *state, struct pt_err *e)
{
	int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd))
		rc = pt_err_sys(e, -errno, "syncing the folder %s", state);
	if (fd >= 0)
		close(fd);
	return rc;
}

int window_commit(const char *state, struct pt_err *e)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (change_path(state, WINDOW_NEXT, from, sizeof(from), e) || change_path(state, WINDOW_FILE, to, sizeof(to), e))
		return -ENAMETOOLONG;
	if (rename(from, to))
		return pt_err_sys(e, -errno, "replacing %s", to);
	return sync_folder(state, e);
}

int window_remove(const char *state, struct pt_err *e)
{
	char path[PATH_MAX];

	if (change_path(state, WINDOW_FILE, path, sizeof(path), e))
		return -ENAMETOOLONG;
	if (unlink(path) && errno != ENOENT)
		return pt_err_sys(e, -errno, "removing %s", path);
	return sync_folder(state, e);
}
