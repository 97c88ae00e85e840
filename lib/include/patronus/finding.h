/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * finding - what is wrong with this machine and its network.
 *
 * A table of checks, each of which looks at one thing and tells what it finds in plain words, with the evidence and the command that
 * shows more. Only what is certain is told: somebody who is looking for a fault must not be sent the wrong way.
 */
#ifndef PATRONUS_FINDING_H
#define PATRONUS_FINDING_H

#include <patronus/addr.h>
#include <patronus/nl.h>

enum pt_finding_severity { PT_FINDING_NOTE, PT_FINDING_WARNING, PT_FINDING_ERROR };
PT_API const char *pt_severity_name(enum pt_finding_severity s);

/* What a check looks at: one of the machine is the same in all network namespaces. */
enum pt_check_about { PT_CHECK_NETWORK, PT_CHECK_MACHINE };

struct finding_look;
struct pt_check {
	const char *name;        /* "link-down" */
	const char *help;        /* what it looks at, one line */
	enum pt_check_about about;
	bool probes;             /* it sends packets */
	int (*run)(struct finding_look *l, const struct pt_check *c);
};
/* In the order in which they are looked at; ends with a NULL name. */
PT_API extern const struct pt_check pt_checks[];

struct pt_fault {
	const struct pt_check *check;
	enum pt_finding_severity severity;
	const char *subject;     /* the device, address, file or service; "" none */
	const char *text;        /* a sentence */
	const char *evidence;    /* what was seen */
	const char *next;        /* the command that shows more or mends it */
};
/* Not 0: the end. */
typedef int (*pt_fault_fn)(const struct pt_fault *f, void *arg);

struct pt_findings_options {
	const char *state;       /* folder, see patronus/history.h; NULL: changes that wait are not looked for */
	const char *only;        /* name of a check, or the beginning of several */
	bool quick;              /* nothing is sent */
	const char *root;        /* stands for "/" of the files that are read; NULL: "/" */
	/* Called between the two looks at what is counted: to wait. Negative: the end. */
	int (*between)(void *arg);
	/* Called when nothing but sockets that are open, new ones of UDP, TCP and netlink, and files to be read is needed any more. */
	int (*confine)(void *arg);
	pt_fault_fn found;
	/* A check could not look: WHY. It is no finding. May be NULL. */
	void (*skipped)(const struct pt_check *c, const char *why, void *arg);
	void *arg;
};
/* Sockets are borrowed; NF may be NULL where the caller may not have it. 0, what FOUND said, or -errno with a record. */
PT_API int pt_findings(const struct pt_findings_options *o, struct pt_nl *nf, struct pt_nl *route, struct pt_err *e) PT_MUST;

#endif
