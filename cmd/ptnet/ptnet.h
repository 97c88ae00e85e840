/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptnet. */
#ifndef PTNET_H
#define PTNET_H

#include <patronus/cli.h>
#include <patronus/neighbour.h>
#include <patronus/route_rule.h>
#include <patronus/subsystem.h>

#include "route.h"

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
/* The exit status of what was done by hand: the words were good, so what is refused is refused by the kernel; what is not there is an
 * answer. */
int hand_status(const struct pt_cli *c, int rc);
void address_fields(struct pt_out *o, const struct pt_address *a);
int complete_hand(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_address(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int cmd_address_show(struct pt_cli *c);
int cmd_address_add(struct pt_cli *c);
int cmd_address_delete(struct pt_cli *c);
/* monitor.c */
int cmd_link_monitor(struct pt_cli *c);
int cmd_address_monitor(struct pt_cli *c);
int cmd_route_monitor(struct pt_cli *c);
int cmd_rule_monitor(struct pt_cli *c);
int cmd_neighbour_monitor(struct pt_cli *c);
/* way.c: routes, rules and neighbours by hand */
int cmd_route_add(struct pt_cli *c);
int cmd_route_replace(struct pt_cli *c);
int cmd_route_delete(struct pt_cli *c);
int cmd_rule_add(struct pt_cli *c);
int cmd_rule_delete(struct pt_cli *c);
int cmd_neighbour_add(struct pt_cli *c);
int cmd_neighbour_delete(struct pt_cli *c);
int cmd_neighbour_flush(struct pt_cli *c);
/* What was told of a dry run. */
void say_lines(const struct pt_cli *c, const struct pt_buf *told);
int complete_route(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_rule(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_route_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_rule_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_neighbour_words(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* route.c; see route.h */
int cmd_rule_show(struct pt_cli *c);
/* All that a program may ask of one; SCRATCH is a buffer to be used again, of a rule with its text behind. */
void route_fields(struct pt_out *o, const struct pt_links *links, const struct pt_route *r, struct pt_buf *scratch);
void rule_fields(struct pt_out *o, const struct pt_route_rule *x, struct pt_buf *scratch);
/* neighbour.c */
int cmd_neighbour_show(struct pt_cli *c);
void neighbour_fields(struct pt_out *o, const struct pt_neighbour *n);
/* The addresses of those that the kernel knows. */
int live_neighbours(struct pt_cli *c, void (*word)(const char *w, void *arg), void *arg);
int complete_neighbour(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* qos.c */
int cmd_qos_show(struct pt_cli *c);
int cmd_qos_monitor(struct pt_cli *c);
int complete_qos(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);

/* The common file; PT_EXIT_CONFIG, or -ENOMEM. */
int load_file(struct pt_cli *c, struct pt_conf **conf);
/* wol.c */
int cmd_wol_send(struct pt_cli *c);
int cmd_wol_show(struct pt_cli *c);
int complete_wol(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* vip.c */
int cmd_vip_show(struct pt_cli *c);
int cmd_vip_add(struct pt_cli *c);
int cmd_vip_delete(struct pt_cli *c);
int complete_vip(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_vip_words(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* dhcp.c */
int cmd_dhcp_watch(struct pt_cli *c);
int cmd_dhcp_show(struct pt_cli *c);
int cmd_dhcp_renew(struct pt_cli *c);
int cmd_dhcp_release(struct pt_cli *c);
int complete_dhcp(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* An event of a client, from the environment; an exit status. */
int lease_event(void);
/* watch.c */
int cmd_watch(struct pt_cli *c);

#endif
