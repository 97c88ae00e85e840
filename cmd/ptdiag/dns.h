/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of `ptdiag dns`: what is asked, and showing what came. */
#ifndef PTDIAG_DNS_H
#define PTDIAG_DNS_H

#include <patronus/dns.h>

#include "ptdiag.h"

/* dns_show.c: one reply as a record of O, as text or as members. */
void dns_show(struct pt_out *o, const struct pt_dns_reply *r, bool brief);
/* The same for one of several servers; FIRST is the number of the first one with the same answer, OWN its own. */
void dns_show_one_of(struct pt_out *o, const struct pt_dns_reply *all, size_t own, size_t first);
/* They say the same: code and records of the answer, whatever their order and time to live. */
bool dns_same(const struct pt_dns_reply *x, const struct pt_dns_reply *y);
/* 0 an answer, 3 none, 5 no reply in time. */
int dns_status(const struct pt_dns_reply *r);

#endif
