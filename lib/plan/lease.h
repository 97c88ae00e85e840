/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/lease - files below the folder of leases. */
#ifndef PLAN_LEASE_H
#define PLAN_LEASE_H

#include <patronus/change.h>
#include <patronus/lease.h>

#define LEASE_KIND "patronus lease 1"

static inline const char *lease_suffix(bool six)
{
	return six ? "dhcp6" : "dhcp";
}

/* FOLDER/DEVICE.SUFFIX; -EINVAL: no name of a device. */
int lease_file(const char *folder, const char *device, const char *suffix, char *out, size_t size);
/* A descriptor that is readable when something in the folder of leases changed; which is made. */
int lease_watch(struct pt_err *e);
/* Whether leases did. */
bool lease_watch_take(int fd);
#define LEASE_SECOND 1000000000ull

#endif
