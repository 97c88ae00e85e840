/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands about routes that ptdiag has, too: of the others it has its own with the same names. */
#ifndef PTNET_ROUTE_H
#define PTNET_ROUTE_H

#include <patronus/cli.h>

/* route.c */
extern const struct pt_cli_word route_show_words[];
int cmd_route_show(struct pt_cli *c);
int cmd_route_get(struct pt_cli *c);

#endif
