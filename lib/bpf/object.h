/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/classify.bpf.c, compiled; see object.S. */
#ifndef BPF_OBJECT_H
#define BPF_OBJECT_H

extern const char bpf_object_start[] __attribute__((visibility("hidden")));
extern const char bpf_object_end[] __attribute__((visibility("hidden")));

#endif
