/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/classify.bpf.c and bpf/each.bpf.c, compiled; see object.S and each_object.S. */
#ifndef BPF_OBJECT_H
#define BPF_OBJECT_H

#include <stdint.h>

extern const char bpf_object[] __attribute__((visibility("hidden")));
extern const uint64_t bpf_object_size __attribute__((visibility("hidden"))); /* bytes */
extern const char bpf_each[] __attribute__((visibility("hidden")));
extern const uint64_t bpf_each_size __attribute__((visibility("hidden")));

#endif
