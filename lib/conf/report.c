/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of one run, as a person reads them: in the order of the file, each with its line.
 *
 * The stages of reading each go through the whole file, so their records come mixed. Lines are
 * looked up afterwards, all together: many errors in a large file cost one pass over it.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define SOURCE_MAX 400 /* bytes of a line that are worth showing */

struct cursor {
	const char *p, *end;
	uint32_t line;
};

/* Moves to the start of LINE, going back only when it must. */
static void seek_line(struct cursor *c, const char *text, uint32_t line)
{
	const char *nl;

	if (line < c->line) {
		c->p = text;
		c->line = 1;
	}
	for (; c->line < line && c->p < c->end; c->line++) {
		nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
		c->p = nl ? nl + 1 : c->end;
	}
}

static int add_source(struct pt_err *e, struct pt_diag *d, const struct cursor *c)
{
	size_t left = (size_t)(c->end - c->p), n;
	const char *nl = memchr(c->p, '\n', left);

	n = nl ? (size_t)(nl - c->p) : left;
	if (n && c->p[n - 1] == '\r')
		n--;
	if (n > SOURCE_MAX) {
		n = SOURCE_MAX;
		while (n && ((unsigned char)c->p[n] & 0xc0) == 0x80)
			n--; /* not in the middle of a character */
	}
	d->source = pt_arena_strndup(e->arena, c->p, n);
	return d->source ? 0 : -ENOMEM;
}

static bool is_of(const struct pt_diag *d, const char *name)
{
	return d->loc.line && d->loc.file && !strcmp(d->loc.file, name);
}

static bool is_before(const struct pt_diag *x, const struct pt_diag *y)
{
	return x->loc.line != y->loc.line ? x->loc.line < y->loc.line : x->loc.col < y->loc.col;
}

void conf_order(struct pt_err *e, size_t first, const char *name)
{
	for (size_t i = first + 1; i < e->list.n; i++) {
		struct pt_diag d = e->list.v[i];
		size_t k = i;

		for (; k > first && is_of(&d, name) && is_of(&e->list.v[k - 1], name) &&
		       is_before(&d, &e->list.v[k - 1]);
		     k--)
			e->list.v[k] = e->list.v[k - 1];
		e->list.v[k] = d;
	}
}

int conf_add_sources(struct pt_err *e, size_t first, const char *name, const char *text, size_t len)
{
	struct cursor c = { text, text + len, 1 };
	int rc = 0;

	for (size_t i = first; i < e->list.n; i++) {
		struct pt_diag *d = &e->list.v[i];

		if (d->source || !is_of(d, name))
			continue;
		seek_line(&c, text, d->loc.line);
		if (add_source(e, d, &c))
			rc = -ENOMEM;
	}
	return rc;
}
