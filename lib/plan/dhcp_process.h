/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/dhcp_process - the processes of clients, as files of the folder of leases tell them to others. */
#ifndef PLAN_DHCP_PROCESS_H
#define PLAN_DHCP_PROCESS_H

#include "plan/lease.h"

#define DHCP_CLIENT "client"     /* ends of names of files */
#define DHCP_RELEASED "released"

int dhcp_process_note(const char *folder, const char *device, int pid, struct pt_err *e);
void dhcp_process_forget(const char *folder, const char *device);
/* Ends those that somebody left behind who was killed. */
void dhcp_process_end_all(const char *folder);

#endif
