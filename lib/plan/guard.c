/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of the guard of a window: its note, by which others tell whether it is alive. One that somebody stopped guards
 * nothing.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "plan/change.h"

#define KIND "patronus guard 1"
#define NOTE_FILE "guard"

int pt_guard_pid(const char *state, const struct pt_window *w)
{
	char path[PATH_MAX];
	struct pt_record r;
	int pid = 0;

	if (change_path(state, NOTE_FILE, path, sizeof(path), NULL) || pt_record_read(path, KIND, &r, NULL))
		return 0;
	if (pt_record_number(&r, "window") == w->id) {
		pid = (int)pt_record_number(&r, "pid");
		if (pt_process_started(pid) != pt_record_number(&r, "started"))
			pid = 0;
	}
	pt_record_fini(&r);
	return pid;
}

int pt_guard_alive(const char *state, const struct pt_window *w)
{
	int pid = pt_guard_pid(state, w);

	return pid && !pt_process_stopped(pid) ? pid : 0;
}

int pt_guard_note(const char *state, const struct pt_window *w)
{
	struct pt_buf b = { 0 };
	char path[PATH_MAX];
	int rc = change_path(state, NOTE_FILE, path, sizeof(path), NULL);

	if (rc)
		return rc;
	pt_buf_str(&b, KIND "\n");
	pt_record_u64(&b, "window", w->id);
	pt_record_u64(&b, "pid", (uint64_t)getpid());
	pt_record_u64(&b, "started", pt_process_started((int)getpid()));
	return pt_record_write(path, &b, NULL);
}

void pt_guard_forget(const char *state, const struct pt_window *w)
{
	char path[PATH_MAX];

	if (pt_guard_pid(state, w) == getpid() && !change_path(state, NOTE_FILE, path, sizeof(path), NULL))
		(void)!unlink(path);
}
