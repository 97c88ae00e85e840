/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One editor at a time; the second is told who holds the lock and since when. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <patronus/base.h>

/* The lock itself is the kernel's: a dead holder holds nothing, whatever the file says. */
static int held(int fd, const char *path, struct pt_err *e)
{
	long long pid = 0, since = 0;
	char text[64], when[40] = "?";
	time_t t;
	struct tm tm;
	ssize_t n;

	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%lld %lld", &pid, &since) == 2) {
		t = (time_t)since;
		if (gmtime_r(&t, &tm))
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	pt_err_add(e, PT_ERROR, NULL, "wait for it, or end that process",
		   "locking %s: process %lld holds it since %s", path, pid, when);
	return -EWOULDBLOCK;
}

int pt_lock(const char *path, int *fd, struct pt_err *e)
{
	char text[64];
	int n, lock;

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
	n = snprintf(text, sizeof(text), "%d %lld\n", (int)getpid(), (long long)time(NULL));
	/* Only for messages: a full disk must not stop anybody. */
	if (!ftruncate(lock, 0))
		(void)!pwrite(lock, text, (size_t)n, 0);
	*fd = lock;
	return 0;
}
