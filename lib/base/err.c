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

/* What a person can do about an errno, wherever it comes from. A text that names a capability has said the rest. */
static const char *code_hint(int code, const char *what)
{
	if (code == -EPERM && !(what && strstr(what, "CAP_")))
		return "run it as root, or with CAP_NET_ADMIN";
	if (code == -EPERM)
		return "run it as root";
	return code == -EACCES ? "run it as root" : NULL;
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
	pt_err_add(e, PT_ERROR, NULL, code_hint(code, what.s), "%s: %s", what.s ? what.s : "?", strerrordesc_np(-code) ?
		   strerrordesc_np(-code) : "unknown error");
	pt_buf_fini(&what);
	return code;
}

void pt_err_source(struct pt_err *e, const char *text, size_t len)
{
	const char *p = text, *end, *stop;
	struct pt_diag *d;

	if (!e || !e->list.n || !text)
		return;
	end = text + len;
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

#define WORD_MAX 64 /* longer words are far from everything */

/* Edit distance in which swapping two neighbours is one step (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[(i - 2) % 3][j - 2] + 1 < best)
				best = rows[(i - 2) % 3][j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[la % 3][lb];
}

static const char *nearest_below(const char *word, const char *const *cand, size_t n, size_t best)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, cand[i]);

		if (d < best) {
			best = d;
			found = cand[i];
		}
	}
	return found;
}

const char *pt_nearest(const char *word, const char *const *cand, size_t n)
{
	size_t limit = strlen(word) / 3;

	return nearest_below(word, cand, n, (limit ? limit : 1) + 1);
}

const char *pt_nearest_of_all(const char *word, const char *const *cand, size_t n)
{
	return nearest_below(word, cand, n, SIZE_MAX);
}
