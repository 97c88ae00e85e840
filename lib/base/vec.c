/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growth of the typed vectors of base.h, on the heap or in an arena. */
#include <errno.h>
#include <stdlib.h>

#include <patronus/base.h>

#define FIRST_BYTES 128 /* most vectors stay small */
#define FIRST_MAX 8

static size_t first_capacity(size_t size)
{
	size_t n = FIRST_BYTES / size;

	return n > FIRST_MAX ? FIRST_MAX : n ? n : 1;
}

int pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size)
{
	size_t want;
	void *p;

	if (n < *cap)
		return 0;
	want = *cap ? *cap * 2 : first_capacity(size);
	if (want > SIZE_MAX / 2 / size)
		return -ENOMEM;
	p = a ? pt_arena_grow(a, *v, *cap * size, want * size) : realloc(*v, want * size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = want;
	return 0;
}
