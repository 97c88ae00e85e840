/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag - what is wrong, asked from the machine itself: its table of commands. */
#include <signal.h>

#include "ptdiag.h"
#include "tools.h"

static const struct pt_cli_cmd commands[] = {
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

static const struct pt_cli_grammar grammars[] = {
	{ NULL, NULL, 0, NULL },
};

const struct pt_cli_tool ptdiag_tool = {
	.name = "ptdiag",
	.summary = "troubleshooting with Patronus",
	.grammars = grammars,
	.cmds = commands,
};

int main(int argc, char **argv)
{
	/* A reader that went away is an error of write(2), not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	return pt_cli_main(&ptdiag_tool, argc, argv);
}
