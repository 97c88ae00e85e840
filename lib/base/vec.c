/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growth of the typed vectors of base.h, on the heap or in an arena. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/base.h>

int pt_vec_grow(struct pt_arena *a, void **v, size_t n, size_t *cap, size_t size)
{
	size_t want;
	void *p;

	if (n < *cap)
		return 0;
	want = *cap ? *cap * 2 : 8;
	if (want > SIZE_MAX / 2 / size)
		return -ENOMEM;
	/* An arena cannot give back: the old copy stays until the whole is freed, which
	 * doubling bounds to as much again. */
	p = a ? pt_arena_alloc(a, want * size) : realloc(*v, want * size);
	if (!p)
		return -ENOMEM;
	if (a && n)
		memcpy(p, *v, n * size);
	*v = p;
	*cap = want;
	return 0;
}
