/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * work - one piece of work beside the caller's own.
 *
 * Nothing in the library shares memory between threads but through this: a piece of work has its own
 * arguments, arenas, sockets and records of errors, and whoever started it looks at none of them before
 * pt_work_wait(). What it found goes on from there, in the order that it would have had without a thread.
 */
#ifndef PATRONUS_WORK_H
#define PATRONUS_WORK_H

#include <patronus/base.h>

struct pt_work;

/* Starts RUN(ARG), in the network namespace of the caller and without his signals. Where there is no thread to be
 * had, it runs at once: the result is the same, only later. NULL: no memory, and nothing was run. */
PT_API struct pt_work *pt_work_start(void (*run)(void *arg), void *arg) PT_MUST;
/* Returns when the work is done. NULL is allowed. */
PT_API void pt_work_wait(struct pt_work *w);

#endif
