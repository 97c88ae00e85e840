/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptconf - the configuration of Patronus as a whole: its table of commands. */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

#include "ptconf.h"
#include "tools.h"

#define SHOW (PT_CLI_JSON | PT_CLI_LINE)
#define MANY UINT_MAX
#define MMAP_THRESHOLD (1 << 20)

/* For the console: what only shows, what an operator may do beside it, what wants the terminal for itself. */
#define VIEW PT_CLI_VIEW
#define ACT PT_CLI_ACT
#define LIVE PT_CLI_LIVE

static const struct pt_cli_cmd commands[] = {
	{ "check", NULL, NULL, "judge the file; change nothing", VIEW | PT_CLI_FILE | PT_CLI_JSON | PT_CLI_KERNEL, 0, 0, NULL, cmd_check },
	{ "diff", NULL, NULL, "what apply would change: the text, the packets, the operations; status 3 when there is anything",
	  VIEW | PT_CLI_FILE | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 0, NULL, cmd_diff },
	{ "apply", NULL, NULL, "put the file in force in every subsystem, all or nothing",
	  PT_CLI_FILE | PT_CLI_DRY | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_CONFIRM | PT_CLI_COMMENT | PT_CLI_STATE | PT_CLI_FORCE, 0, 0, NULL,
	  cmd_apply },
	{ "confirm", NULL, NULL, "keep the change that waits; status 3 when none does", ACT | PT_CLI_JSON | PT_CLI_STATE, 0, 0, NULL,
	  cmd_confirm },
	{ "rollback", NULL, "[N]", "undo the change that waits; or go back to revision N: 1 is the one before the last, r12 number 12",
	  PT_CLI_DRY | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_CONFIRM | PT_CLI_COMMENT | PT_CLI_STATE | PT_CLI_FORCE, 0, 1, complete_revision,
	  cmd_rollback },
	{ "history", NULL, NULL, "the revisions, the last one first",
	  VIEW | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 0, NULL, cmd_history },
	{ "show", NULL, "[N]", "the text of a revision",
	  VIEW | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 1, complete_revision, cmd_show },
	{ "compare", NULL, "[N [M]]", "how the file, or revision M, differs from revision N; status 3 when it does",
	  VIEW | PT_CLI_FILE | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 2, complete_revision, cmd_compare },
	{ "status", NULL, NULL, "what is in force, what waits, who is at work", VIEW | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 0, NULL,
	  cmd_status },
	{ "lock", NULL, NULL, "keep others from changing the configuration while this session lasts",
	  PT_CLI_JSON | PT_CLI_LOCK | PT_CLI_STATE, 0, 0, NULL, cmd_lock },
	{ "drift", NULL, NULL, "what others changed of what is in force; status 3 when there is anything; --watch: as it happens",
	  VIEW | SHOW | PT_CLI_STATE | PT_CLI_WATCH, 0, 0, NULL, cmd_drift },
	{ "boot", NULL, "[block]", "the block set, then the last confirmed revision, for the machine's start; with block only the first",
	  PT_CLI_FILE | PT_CLI_STATE, 0, 1, complete_boot, cmd_boot },
	{ "get", NULL, "PATH", "what the file says at a path: SECTION [NAME] [OPTION]; with -d also the defaults",
	  VIEW | PT_CLI_FILE | SHOW | PT_CLI_DETAILS, 1, MANY, complete_get, cmd_get },
	{ "set", NULL, "PATH [VALUE...] [before|after ELEMENT]", "give an option its value, or a list more of them; = makes a list just these",
	  PT_CLI_FILE | PT_CLI_DRY | PT_CLI_JSON | PT_CLI_VERBOSE | PT_CLI_STATE | PT_CLI_FORCE, 1, MANY, complete_set, cmd_set },
	{ "delete", NULL, "PATH [ELEMENT...]", "take an option, a section or elements of a list out of the file",
	  PT_CLI_FILE | PT_CLI_DRY | PT_CLI_JSON | PT_CLI_VERBOSE | PT_CLI_STATE | PT_CLI_FORCE, 1, MANY, complete_delete, cmd_delete },
	{ "edit", NULL, NULL, "open the file in $VISUAL or $EDITOR, and take it back only when it is right",
	  LIVE | PT_CLI_FILE | PT_CLI_STATE | PT_CLI_FORCE, 0, 0, NULL, cmd_edit },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const struct pt_cli_tool ptconf_tool = {
	.name = "ptconf",
	.summary = "the configuration of Patronus as a whole",
	.cmds = commands,
};

int main(int argc, char **argv)
{
	/* What grows to many megabytes, as the transaction of a large table, moves its pages then instead of leaving
	 * copies in a heap that would keep them. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	/* A reader that went away is an error of write(2), not the end of an apply. */
	signal(SIGPIPE, SIG_IGN);
	return pt_cli_main(&ptconf_tool, argc, argv);
}
