/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/classify.bpf.c, compiled; see object.S. */
#ifndef BPF_OBJECT_H
#define BPF_OBJECT_H

#include <stdint.h>

extern const char bpf_object[] __attribute__((visibility("hidden")));
extern const uint64_t bpf_object_size __attribute__((visibility("hidden"))); /* bytes */

#endif
