/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command that runs until it is told to end reads the signals that say so like any other input: there is one way out,
 * and whatever it holds in the kernel is given back on it.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "cli/internal.h"

int pt_cli_signals(struct pt_cli *c)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < PT_ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? pt_err_sys(&c->err, -errno, "preparing for signals") : fd;
}
