/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One editor at a time; the second is told who holds the lock and since when. The lock itself is the kernel's: a dead
 * holder holds nothing, whatever the file says. What the file still says then tells that somebody died at work.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <patronus/base.h>

#define NOTE_MAX 400

/* What the kernel tells of process PID from its state on, which is a letter; NULL: it is not there. */
static char *read_stat(int pid, char *text, size_t size)
{
	char path[40], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return NULL;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')'); /* behind the name, which may hold anything */
	return !p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X' ? NULL : p;
}

bool pt_process_stopped(int pid)
{
	char text[1024], *p = read_stat(pid, text, sizeof(text));

	return p && (p[2] == 'T' || p[2] == 't');
}

uint64_t pt_process_started(int pid)
{
	char text[1024], *p = read_stat(pid, text, sizeof(text));
	unsigned long long ticks = 0;

	if (!p)
		return 0;
	/* The state is field 3, the time of the start field 22. */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %llu", &ticks) != 1)
		return 0;
	return ticks ? ticks : 1; /* of the first process: present all the same */
}

struct note {
	long long pid, since;
	char who[NOTE_MAX]; /* "" not said */
};

static bool read_note(int fd, struct note *out)
{
	char text[NOTE_MAX] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int used = 0;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	memset(out, 0, sizeof(*out));
	if (sscanf(text, "%lld %lld%n", &out->pid, &out->since, &used) != 2)
		return false;
	snprintf(out->who, sizeof(out->who), "%s", text[used] == ' ' ? text + used + 1 : "");
	return true;
}

static void tell(const struct note *note, struct pt_buf *out)
{
	time_t t = (time_t)note->since;
	char when[40] = "?";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (note->who[0])
		pt_buf_fmt(out, "%s, process %lld, since %s", note->who, note->pid, when);
	else
		pt_buf_fmt(out, "process %lld holds it since %s", note->pid, when);
	if (note->pid <= INT_MAX && pt_process_stopped((int)note->pid))
		pt_buf_str(out, ", which is stopped (`kill -CONT` lets it go on)");
}

static int held(int fd, const char *path, struct pt_err *e)
{
	struct pt_buf text = { 0 };
	struct note note;

	if (!read_note(fd, &note))
		note = (struct note){ 0 };
	if (note.who[0])
		pt_buf_str(&text, "held by ");
	tell(&note, &text);
	pt_err_add(e, PT_ERROR, NULL, "wait for it, or end that process", "locking %s: %s", path, text.s ? text.s : "held");
	pt_buf_fini(&text);
	return -EWOULDBLOCK;
}

/* Only for messages: a full disk must not stop anybody. */
static void write_note(int fd, const char *who)
{
	char text[NOTE_MAX];
	int n = snprintf(text, sizeof(text), "%d %lld%s%s\n", (int)getpid(), (long long)time(NULL), *who ? " " : "", who);

	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	if (!ftruncate(fd, 0))
		(void)!pwrite(fd, text, (size_t)n, 0);
}

int pt_lock_as(const char *path, const char *who, int *fd, struct pt_buf *stale, struct pt_err *e)
{
	struct note note;
	int lock;

	*fd = -1;
	lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return pt_err_sys(e, -errno, "opening the lock %s", path);
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		int rc = errno == EWOULDBLOCK ? held(lock, path, e) :
						pt_err_sys(e, -errno, "locking %s", path);

		close(lock);
		return rc;
	}
	if (stale && read_note(lock, &note))
		tell(&note, stale);
	write_note(lock, who);
	*fd = lock;
	return 0;
}

int pt_lock(const char *path, int *fd, struct pt_err *e)
{
	return pt_lock_as(path, "", fd, NULL, e);
}

void pt_unlock(int fd)
{
	if (fd < 0)
		return;
	(void)!ftruncate(fd, 0); /* who finds a note finds that of somebody who died */
	close(fd);
}

bool pt_lock_holder(const char *path, struct pt_buf *who)
{
	struct note note;
	bool is_held;
	int fd;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	if (is_held && read_note(fd, &note))
		tell(&note, who);
	close(fd);
	return is_held;
}
