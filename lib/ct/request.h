/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of this folder. */
#ifndef PATRONUS_CT_REQUEST_H
#define PATRONUS_CT_REQUEST_H

#include <patronus/ct.h>

union ct_request {
	struct nlmsghdr head;
	uint8_t bytes[512];
};

/* table.c: an empty request of TYPE (IPCTNL_MSG_*) for FAMILY (AF_*). */
void ct_request_begin(union ct_request *req, uint8_t type, uint8_t family);
/* Adds a record "cannot WHAT" and returns CODE. */
int ct_failed(struct pt_err *e, int code, const char *what);

/* stats.c: the number in a file of /proc/sys/net/netfilter; 0 where it cannot be read. */
uint64_t ct_setting(const char *name);

/* rates.c: tells states apart, also a successor with the same tuple; never 0. */
uint64_t ct_key(const struct pt_ct_entry *ct);

#endif
