/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pfctl's letters as our command lines. */
#ifndef PTFW_PFCTL_H
#define PTFW_PFCTL_H

#include <stdbool.h>

#define PFCTL_LINES 12

/* What a line of pfctl's letters stands for: one command line of ours or several, each with the tool's name first. */
struct pfctl {
	bool letters; /* false: the words are ours already */
	int n;
	struct pfctl_line {
		const char *title; /* above it where there are several, or NULL */
		char **v;
		int n;
	} line[PFCTL_LINES];
	const char *told; /* before anything is done, or NULL */
	char **memory;	  /* of the words */
	char error[300];  /* why there is no such line; empty: there is */
};

struct pt_cli_tool;
/* 0, or -ENOMEM. With an error there is nothing to free. A name of TOOL behind -s is not pfctl's, unless pfctl has it
 * too. */
int pfctl_translate(const struct pt_cli_tool *tool, int argc, char **argv, struct pfctl *out);
void pfctl_free(struct pfctl *p);

#endif
