/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/trait - traits that no message of rtnetlink carries. */
#ifndef PATRONUS_NET_TRAIT_H
#define PATRONUS_NET_TRAIT_H

#include <patronus/trait.h>

/* offload.c, setting.c: *VALUE is what the device has; what it is to have. -EOPNOTSUPP: it cannot. */
int net_offload_get(const char *device, uint32_t number, uint32_t *value);
int net_offload_set(const char *device, uint32_t number, uint32_t value);
const char *net_offload_name(uint32_t number);
int net_setting_get(const char *device, uint32_t number, uint32_t *value);
int net_setting_set(const char *device, uint32_t number, uint32_t value);
const char *net_setting_name(uint32_t number);

#endif
