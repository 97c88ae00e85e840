/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox - giving away what a command no longer needs, once its sockets and files are open.
 *
 * What comes from the network is read by code that may be wrong. After this call such code can neither become
 * another program nor use a capability, and of the system's calls it has those of its class only: the rest fail with EPERM.
 */
#ifndef PATRONUS_SANDBOX_H
#define PATRONUS_SANDBOX_H

#include <patronus/base.h>

/* What goes on working is always: descriptors that are open (but not accept), time, memory, signals, the terminal.
 * Bits for more. */
enum pt_sandbox_may {
	PT_SANDBOX_DIAL = 1 << 0,    /* new sockets of TCP and UDP: socket, connect, bind, listen, accept */
	PT_SANDBOX_NETLINK = 1 << 1, /* new netlink sockets; without capabilities, so only for reading */
	PT_SANDBOX_READ = 1 << 2,    /* files and folders are opened for reading */
	PT_SANDBOX_WRITE = 1 << 3,   /* and made, written, renamed and removed; needs SAME_USER where they are the user's */
	PT_SANDBOX_THREADS = 1 << 4, /* threads are started (those that run already are bound, too, but keep capabilities) */
	PT_SANDBOX_RESIZE = 1 << 6,  /* files that are open are made shorter or longer */
	PT_SANDBOX_SAME_USER = 1 << 5, /* root stays the user root, without capabilities; else it becomes nobody */
};

/* For the calling process, for good: no new privileges, no capabilities in any set, user nobody where root is not needed (a user
 * namespace that has no such user keeps its own), the calls of MAY only. A kernel without seccomp leaves the last out.
 * 0 or a negative errno with a record. */
PT_API int pt_sandbox(unsigned int may, struct pt_err *e) PT_MUST;

#endif
