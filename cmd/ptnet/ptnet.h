/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptnet. */
#ifndef PTNET_H
#define PTNET_H

#include <patronus/cli.h>
#include <patronus/link.h>
#include <patronus/subsystem.h>

/* apply.c */
int cmd_check(struct pt_cli *c);
int cmd_diff(struct pt_cli *c);
int cmd_apply(struct pt_cli *c);
/* link.c */
int cmd_link_show(struct pt_cli *c);
int complete_link(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* hand.c */
int cmd_link_add(struct pt_cli *c);
int cmd_link_set(struct pt_cli *c);
int cmd_link_delete(struct pt_cli *c);
int cmd_link_monitor(struct pt_cli *c);
int complete_hand(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_address(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int cmd_address_show(struct pt_cli *c);
int cmd_address_add(struct pt_cli *c);
int cmd_address_delete(struct pt_cli *c);
int cmd_address_monitor(struct pt_cli *c);
/* route.c */
int cmd_route_show(struct pt_cli *c);
int cmd_route_get(struct pt_cli *c);
int cmd_rule_show(struct pt_cli *c);
/* neighbour.c */
int cmd_neighbour_show(struct pt_cli *c);
int complete_neighbour(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* qos.c */
int cmd_qos_show(struct pt_cli *c);
int complete_qos(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);

/* The common file; PT_EXIT_CONFIG, or -ENOMEM. */
int load_file(struct pt_cli *c, struct pt_conf **conf);
/* wol.c */
int cmd_wol_send(struct pt_cli *c);
int cmd_wol_show(struct pt_cli *c);
int complete_wol(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* watch.c */
int cmd_watch(struct pt_cli *c);

#endif
