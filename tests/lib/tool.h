/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tool itself, linked into a test (see the Makefile), so that what it calls is the test's to replace. */
#ifndef PATRONUS_TESTS_TOOL_H
#define PATRONUS_TESTS_TOOL_H

#include <stdio.h>
#include <string.h>

int ptfw_main(int argc, char **argv);

/* "rule show -s" as a command line; its status. For a process of its own: options are parsed once in a life. */
static inline int tool_run(const char *line)
{
	char text[400], *argv[40], *rest = text, *word;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "ptfw %s", line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	argv[argc] = NULL;
	return ptfw_main(argc, argv);
}

#endif
