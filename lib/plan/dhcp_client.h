/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/dhcp_client - the clients of one network namespace. */
#ifndef PLAN_DHCP_CLIENT_H
#define PLAN_DHCP_CLIENT_H

#include "plan/lease.h"
#include "plan/network.h"

struct dhcp_clients;

/* HOOK is the program that the clients are to run at each event. Clients that one before us left behind are ended. */
int dhcp_clients_open(struct dhcp_clients **out, const char *hook, const struct pt_dhcp_watcher *who, struct pt_err *e);
/* Ends all of them. What they got stays for as long as it is valid. NULL is allowed. */
void dhcp_clients_close(struct dhcp_clients *k);
/* Who asks is who C says, of the links that there are; C NULL: nobody. -ENOMEM or 0. */
int dhcp_clients_set(struct dhcp_clients *k, const struct pt_conf *c, const struct pt_links *have);
/* Readable when something happened. */
int dhcp_clients_fd(const struct dhcp_clients *k);
/* Sees to what happened. */
void dhcp_clients_turn(struct dhcp_clients *k);

/* dhcp_config.c: what the client of I reads. An error of B says that memory is missing. */
void dhcp_config(struct pt_buf *b, const struct pt_conf_if *i, const char *hook, const char *folder);
/* The client's program; NULL: this machine has none. */
const char *dhcp_program(void);
#define DHCP_PACKAGE "dhcpcd-base"

#endif
