/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/kind - what the files about links share. */
#ifndef PATRONUS_NET_KIND_H
#define PATRONUS_NET_KIND_H

#include <patronus/link.h>

bool net_kind_whole(enum pt_link_kind kind);
/* PHYSICAL: none of ours. */
enum pt_link_kind net_kind_find(const char *kernel_kind);

#endif
