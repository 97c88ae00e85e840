/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands about states, some of which ptdiag has, too: of the others it has its own with the same names. */
#ifndef PTFW_STATES_H
#define PTFW_STATES_H

#include <patronus/cli.h>

/* state.c, state_summary.c, state_top.c, state_follow.c; see state.h */
int cmd_state_show(struct pt_cli *c);
int cmd_state_count(struct pt_cli *c);
int cmd_state_kill(struct pt_cli *c);
int cmd_state_summary(struct pt_cli *c);
int complete_summary(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int cmd_state_top(struct pt_cli *c);
int complete_top(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int cmd_state_follow(struct pt_cli *c);
int complete_filter(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);

#endif
