/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scarce_arena - arenas and vectors that end. They ask libc so seldom that most of what takes memory of them would never be refused, so
 * each piece is counted as an allocation, too. Include lib/scarce.h before it.
 */
#ifndef TESTS_SCARCE_ARENA_H
#define TESTS_SCARCE_ARENA_H

#include <patronus/base.h>

void *__real_pt_arena_alloc(struct pt_arena *a, size_t size);
void *__wrap_pt_arena_alloc(struct pt_arena *a, size_t size);
char *__real_pt_arena_strdup(struct pt_arena *a, const char *s);
char *__wrap_pt_arena_strdup(struct pt_arena *a, const char *s);
int __real_pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size);
int __wrap_pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size);

void *__wrap_pt_arena_alloc(struct pt_arena *a, size_t size)
{
	return exhausted() ? NULL : __real_pt_arena_alloc(a, size);
}

char *__wrap_pt_arena_strdup(struct pt_arena *a, const char *s)
{
	return exhausted() ? NULL : __real_pt_arena_strdup(a, s);
}

int __wrap_pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size)
{
	return exhausted() ? -ENOMEM : __real_pt_vec_grow(a, v, n, cap, size);
}

#endif
