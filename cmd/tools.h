/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tools' tables of commands, for the console that runs them all: each is defined in its tool's main.c. */
#ifndef TOOLS_H
#define TOOLS_H

#include <patronus/cli.h>
#include <patronus/edit.h>

extern const struct pt_cli_tool ptfw_tool, ptnet_tool, ptconf_tool, ptdiag_tool;

/* What the next `ptconf apply` of this process puts in force and into its file, in one change: the texts as they are to be found [0], and
 * as they are to be [1]. NULL: it reads the file. */
extern const struct pt_edit_texts *ptconf_candidate[2];

#endif
