/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scarce - memory that ends. Whoever includes this has the allocations of the test and of the library pass by here, so that each one can be
 * refused in turn and every way out is walked. One only: behind a second refusal a check that is missing would not be seen. The Makefile
 * reads the names behind __wrap_ here for the link, as it does in the test itself.
 *
 * A test that lets other things fail too defines exhausted() before it includes this: whether the allocation at hand is refused.
 */
#ifndef TESTS_SCARCE_H
#define TESTS_SCARCE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef exhausted

static long allocations_left = -1; /* how many succeed before one is refused; -1: all */
static bool memory_ran_out;        /* one was refused since this was made false */

static bool exhausted(void)
{
	if (allocations_left < 0 || allocations_left-- > 0)
		return false;
	memory_ran_out = true;
	return true;
}

#endif

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
	return exhausted() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return exhausted() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return exhausted() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return exhausted() ? NULL : __real_strdup(s);
}

#endif
