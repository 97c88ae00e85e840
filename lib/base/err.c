/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Located records: queued by the library, printed once by the tools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/base.h>

#define SOURCE_MAX 400 /* bytes of a line that are worth showing */

void pt_err_fini(struct pt_err *e)
{
	free(e->list.v);
	pt_arena_free(e->arena);
	memset(e, 0, sizeof(*e));
}

static void add(struct pt_err *e, enum pt_sev sev, const struct pt_loc *loc, const char *hint,
		const char *fmt, va_list ap)
{
	struct pt_diag d = { .sev = sev };
	struct pt_buf msg = { 0 };

	if (sev == PT_ERROR)
		e->n_errors++;
	else
		e->n_warnings++;
	if (e->list.n >= PT_ERR_MAX) {
		e->more++;
		return;
	}
	if (!e->arena)
		e->arena = pt_arena_new();
	pt_buf_vfmt(&msg, fmt, ap);
	if (e->arena && msg.s)
		d.msg = pt_arena_strndup(e->arena, msg.s, msg.n);
	pt_buf_fini(&msg);
	if (!d.msg) {
		e->more++;
		return;
	}
	if (loc) {
		d.loc = *loc;
		if (loc->file)
			d.loc.file = pt_arena_strdup(e->arena, loc->file);
	}
	if (hint)
		d.hint = pt_arena_strdup(e->arena, hint);
	if (pt_vec_push(NULL, &e->list, d))
		e->more++;
}

void pt_err_add(struct pt_err *e, enum pt_sev sev, const struct pt_loc *loc, const char *hint,
		const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	add(e, sev, loc, hint, fmt, ap);
	va_end(ap);
}

int pt_err_sys(struct pt_err *e, int code, const char *fmt, ...)
{
	struct pt_buf what = { 0 };
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	pt_buf_vfmt(&what, fmt, ap);
	va_end(ap);
	pt_err_add(e, PT_ERROR, NULL, NULL, "%s: %s", what.s ? what.s : "?", strerrordesc_np(-code) ?
		   strerrordesc_np(-code) : "unknown error");
	pt_buf_fini(&what);
	return code;
}

void pt_err_source(struct pt_err *e, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *stop;
	struct pt_diag *d;

	if (!e || !e->list.n)
		return;
	d = &e->list.v[e->list.n - 1];
	if (!d->loc.line || d->source)
		return;
	for (uint32_t line = 1; line < d->loc.line; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return;
		p++;
	}
	stop = memchr(p, '\n', (size_t)(end - p));
	if (!stop)
		stop = end;
	if (stop > p && stop[-1] == '\r')
		stop--;
	if (stop - p > SOURCE_MAX)
		stop = p + SOURCE_MAX;
	d->source = pt_arena_strndup(e->arena, p, (size_t)(stop - p));
}

/* Levenshtein distance over one row; words longer than the row are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[65], la = strlen(a), lb = strlen(b);

	if (la > 64 || lb > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *pt_nearest(const char *word, const char *const *cand, size_t n)
{
	size_t limit = strlen(word) / 3, best;
	const char *found = NULL;

	best = (limit ? limit : 1) + 1;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, cand[i]);

		if (d < best) {
			best = d;
			found = cand[i];
		}
	}
	return found;
}
