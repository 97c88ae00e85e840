/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only threads of the library. What a command waits for in the kernel (a verifier, a grace period, a
 * dump) can go on while it reads its file, and most machines have a second processor for it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <patronus/work.h>

struct pt_work {
	pthread_t thread;
	bool is_thread;
	void (*run)(void *arg);
	void *arg;
};

static void *begin(void *arg)
{
	struct pt_work *w = arg;

	w->run(w->arg);
	return NULL;
}

/* Signals are the caller's business: his handlers are to run in his thread. */
static bool start_thread(struct pt_work *w)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before))
		return false;
	started = !pthread_create(&w->thread, NULL, begin, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

struct pt_work *pt_work_start(void (*run)(void *arg), void *arg)
{
	struct pt_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->run = run;
	w->arg = arg;
	w->is_thread = start_thread(w);
	if (!w->is_thread)
		run(arg);
	return w;
}

void pt_work_wait(struct pt_work *w)
{
	if (w && w->is_thread)
		(void)pthread_join(w->thread, NULL);
	free(w);
}
