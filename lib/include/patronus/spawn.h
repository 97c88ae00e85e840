/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn - other programs: the one way in which one is started. Never through a shell, by an absolute path and a list of arguments.
 * The program gets a clean environment (PATH and LC_ALL, and what is asked for), no descriptor but its standard ones, no signal
 * blocked or ignored, a session of its own, "/" as its folder, umask 077 and no way to more privileges than the caller has.
 */
#ifndef PATRONUS_SPAWN_H
#define PATRONUS_SPAWN_H

#include <patronus/base.h>

struct pt_spawn {
	const char *path;        /* absolute */
	const char *const *argv; /* from argv[0] to a NULL */
	const char *const *env;  /* "NAME=value" beside the clean ones, to a NULL; or NULL. The last of a name wins. */
	unsigned int timeout;    /* milliseconds, at least 1; pt_spawn() only */
	size_t output_max;       /* bytes of each of its outputs; pt_spawn() only */
	bool dies_with_us;       /* SIGKILL when the thread that started it ends, however it does */
	bool gains;              /* it may gain privileges by its file (set-user-ID) */
	uint64_t drops;          /* capabilities, by bits, that neither it nor what it starts can have */
};

struct pt_spawned {
	struct pt_buf out, err;  /* what it wrote */
	int status;              /* what it exited with; -1: it did not */
	int signal;              /* what ended it; 0: none */
};

/*
 * Runs a program to its end. 0: it exited with status 0. Otherwise E says what happened, with its first line of complaint:
 * -ECANCELED: another status, or ended by a signal; -ETIME: it took too long; -EMSGSIZE: it wrote more than OUTPUT_MAX; -EINVAL: the
 * path is not absolute; what execve(2) refused, as -ENOENT and -EACCES. One that is not to go on gets SIGTERM, then SIGKILL, with all
 * of its session's group. R may be NULL.
 */
PT_API int pt_spawn(const struct pt_spawn *s, struct pt_spawned *r, struct pt_err *e) PT_MUST;
PT_API void pt_spawned_fini(struct pt_spawned *r);

/* A program that stays. */
struct pt_child {
	pid_t pid;  /* 0: none */
	int pidfd;  /* readable when it ended */
	int output; /* both of its outputs, not blocking */
};

/* Starts it. What execve(2) refuses is told here, not by its end. */
PT_API int pt_child_start(const struct pt_spawn *s, struct pt_child *c, struct pt_err *e) PT_MUST;
/* Whether it ended, and how: R's status and signal, which is not to be NULL. Does not wait; true only once. What it left behind in its
 * group ends, too. */
PT_API bool pt_child_ended(struct pt_child *c, struct pt_spawned *r);
/* 0, or -ESRCH. */
PT_API int pt_child_signal(const struct pt_child *c, int signal);
/* SIGTERM, and SIGKILL to its whole group when it is still there after GRACE milliseconds. Gives back what C holds; one that has
 * none is allowed. */
PT_API void pt_child_stop(struct pt_child *c, unsigned int grace);

#endif
