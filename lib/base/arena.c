/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A configuration's tree, model and IR live and die together: chunks that are freed as one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/base.h>

#define CHUNK_SIZE ((size_t)64 << 10)
#define ALIGNMENT ((size_t)16)

struct chunk {
	struct chunk *next;
	size_t used, size; /* bytes of DATA */
	_Alignas(16) unsigned char data[];
};

struct pt_arena {
	struct chunk *chunks; /* the one being filled comes first */
};

struct pt_arena *pt_arena_new(void)
{
	return calloc(1, sizeof(struct pt_arena));
}

void pt_arena_free(struct pt_arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	free(a);
}

/* Large blocks get a chunk of their own behind the one being filled, which keeps its rest. */
static struct chunk *add_chunk(struct pt_arena *a, size_t size)
{
	bool own = size > CHUNK_SIZE / 4;
	size_t room = own ? size : CHUNK_SIZE;
	struct chunk *c = calloc(1, sizeof(*c) + room);

	if (!c)
		return NULL;
	c->size = room;
	if (own && a->chunks) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
	}
	return c;
}

void *pt_arena_alloc(struct pt_arena *a, size_t size)
{
	struct chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!c || c->size - c->used < size)
		c = add_chunk(a, size);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += size;
	return p;
}

char *pt_arena_strndup(struct pt_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = pt_arena_alloc(a, len + 1);

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
	p = pt_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
