/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration's tree, model and IR live and die together: chunks that are freed as one.
 *
 * Objects fill a chunk from its start, aligned; strings from its end, without gaps. A block too
 * large to share a chunk has one of its own, which can grow without leaving an old copy behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/base.h>

#define CHUNK_SIZE ((size_t)64 << 10)
#define SHARED_MAX (CHUNK_SIZE / 4) /* a larger block has its own chunk */
#define ALIGNMENT ((size_t)16)

struct chunk {
	struct chunk *prev, *next;
	size_t used, end; /* what lies between is free */
	_Alignas(16) unsigned char data[];
};

struct pt_arena {
	struct chunk *shared, *own; /* the shared one being filled comes first */
};

struct pt_arena *pt_arena_new(void)
{
	return calloc(1, sizeof(struct pt_arena));
}

static void free_chunks(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

void pt_arena_free(struct pt_arena *a)
{
	if (!a)
		return;
	free_chunks(a->shared);
	free_chunks(a->own);
	free(a);
}

void pt_arena_reset(struct pt_arena *a)
{
	struct chunk *c = a->shared;

	free_chunks(a->own);
	a->own = NULL;
	if (!c)
		return;
	free_chunks(c->next);
	c->next = NULL;
	memset(c->data, 0, c->used);
	memset(c->data + c->end, 0, CHUNK_SIZE - c->end);
	c->used = 0;
	c->end = CHUNK_SIZE;
}

static void link_chunk(struct chunk **list, struct chunk *c)
{
	c->prev = NULL;
	c->next = *list;
	if (c->next)
		c->next->prev = c;
	*list = c;
}

static struct chunk *add_chunk(struct chunk **list, size_t room)
{
	struct chunk *c = calloc(1, sizeof(*c) + room);

	if (!c)
		return NULL;
	c->end = room;
	link_chunk(list, c);
	return c;
}

/* A chunk with SIZE free bytes, of which the caller takes those at either end. */
static struct chunk *room_for(struct pt_arena *a, size_t size)
{
	struct chunk *c = a->shared;

	if (size > SHARED_MAX)
		return add_chunk(&a->own, size);
	return c && c->end - c->used >= size ? c : add_chunk(&a->shared, CHUNK_SIZE);
}

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

void *pt_arena_alloc(struct pt_arena *a, size_t size)
{
	struct chunk *c;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = aligned(size);
	c = room_for(a, size);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += size;
	return p;
}

/* The system moves pages of large blocks instead of copying them. */
static void *grow_own(struct pt_arena *a, struct chunk *c, size_t size)
{
	struct chunk *prev = c->prev, *next = c->next, *moved;

	moved = realloc(c, sizeof(*c) + size);
	if (!moved)
		return NULL;
	moved->used = moved->end = size;
	if (prev)
		prev->next = moved;
	else
		a->own = moved;
	if (next)
		next->prev = moved;
	return moved->data;
}

void *pt_arena_grow(struct pt_arena *a, void *p, size_t old, size_t size)
{
	struct chunk *c = a->shared;
	size_t had = aligned(old);
	void *fresh;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = aligned(size);
	if (p && had > SHARED_MAX)
		return grow_own(a, (struct chunk *)((char *)p - offsetof(struct chunk, data)), size);
	if (p && size <= SHARED_MAX && (unsigned char *)p + had == c->data + c->used &&
	    c->end - c->used >= size - had) {
		c->used += size - had;
		return p;
	}
	fresh = pt_arena_alloc(a, size);
	if (fresh && p)
		memcpy(fresh, p, old);
	return fresh;
}

/* N bytes for a string. */
static char *text_alloc(struct pt_arena *a, size_t n)
{
	struct chunk *c = room_for(a, n);

	if (!c)
		return NULL;
	c->end -= n;
	return (char *)c->data + c->end;
}

char *pt_arena_memdup(struct pt_arena *a, const void *data, size_t n)
{
	char *p = text_alloc(a, n + 1);

	if (!p)
		return NULL;
	if (n)
		memcpy(p, data, n);
	p[n] = '\0';
	return p;
}

char *pt_arena_strndup(struct pt_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = text_alloc(a, len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

char *pt_arena_strdup(struct pt_arena *a, const char *s)
{
	return pt_arena_strndup(a, s, strlen(s));
}

char *pt_arena_printf(struct pt_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = text_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
