/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the parts of the tutorial: the laboratory, the hosts in it, the links between them, and the steps. */
#ifndef PTSH_TUTORIAL_H
#define PTSH_TUTORIAL_H

#include <sys/types.h>

#include "ptsh.h"

/* ---- tutorial_link.c: what hosts have of the network, by netlink ---- */

/* A pair of veth devices: NAME here, and DEVICE in the network namespace of process PID. A negative errno. */
int lab_link_pair(const char *name, const char *device, pid_t pid);
/* The device is up, with these addresses and the way to everywhere; "" is left out. */
int lab_link_up(const char *device);
int lab_link_address(const char *device, const char *address, unsigned int length);
int lab_link_gateway(const char *gateway);

/* ---- tutorial_host.c: a machine of the laboratory ---- */

struct lab_host {
	const char *device;      /* of the router, which it is linked to; NULL: it is the router */
	const char *address[2];  /* IPv4 and IPv6 */
	const char *gateway[2];
	uint16_t ports[4];       /* of TCP, that it answers on; 0 ends them */
	const char *asks;        /* port 80 of it, every second; NULL: nobody's */
};

struct lab_process {
	pid_t pid;
	int fd; /* questions and answers */
};
/* Starts it, linked. A negative errno. */
int lab_host_start(const struct lab_host *h, bool inet6, struct lab_process *p);
/* Whether ADDRESS answers it on a port of TCP: 0 or an errno, ETIMEDOUT where there is silence. */
int lab_host_asks(const struct lab_process *p, const char *address, uint16_t port);

/* ---- tutorial_root.c: the file system of the laboratory ---- */

/* Everything of this mount namespace gives way to it. NULL, or what could not be done, with errno. */
const char *lab_root(bool inet6);
#define LAB_FILE "/etc/patronus/patronus.conf"

/* ---- tutorial_lab.c ---- */

struct lab {
	bool inet6;
	struct lab_process laptop, web, router;
};
/* Runs FN in a laboratory that is gone when it returns, however it ends; its exit status. ROOT: this user may be root in it, where the
 * kernel has no namespaces of users. An exit status, with a record when there was no laboratory. */
int lab_run(bool root, int (*fn)(struct lab *l, void *arg), void *arg, struct pt_err *e);

/* ---- tutorial_steps.c ---- */

struct tutorial {
	struct lab *lab;
	size_t step;
	bool told;           /* what the step is about was said */
	bool seen;           /* its command was run, and answered */
	bool refused;        /* a commit of this step was */
	unsigned int before; /* the number of the last revision when it began */
	struct pt_buf why;   /* what was said last of what is missing */
};

struct step {
	const char *title, *text;
	const char *type[4];  /* what to type, an example of it */
	const char *hint;
	/* The command that answers it, whatever words it was run by; NULL: CHECK looks. */
	const struct pt_cli_tool *tool;
	const char *object, *command;
	/* Whether it is done, by the state of the laboratory; WHY: what is missing, where that is worth telling. */
	bool (*check)(struct console *c, struct pt_buf *why);
	bool tries;           /* before it, the laptop tries the web and SSH, for all to see */
	bool live;            /* time does it: it is looked at while the prompt waits */
	const char *done;
};
extern const struct step tutorial_steps[];
extern const size_t tutorial_n_steps;
/* The number of the last revision, and the last confirmed one; 0: none, or it cannot be known. */
unsigned int lab_revision(bool confirmed);
/* What the laptop meets, two lines. */
void lab_try(const struct lab *l);

#endif
