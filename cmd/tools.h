/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tools' tables of commands, for the console that runs them all: each is defined in its tool's main.c. */
#ifndef TOOLS_H
#define TOOLS_H

#include <patronus/cli.h>

extern const struct pt_cli_tool ptfw_tool, ptnet_tool, ptconf_tool, ptdiag_tool;

#endif
