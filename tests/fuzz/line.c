/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the console under the fuzzer: what was read, written with its quotes, reads the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/line.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_words(struct pt_buf *b, const pt_line_words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		pt_line_quote(b, w->v[i].s);
		pt_buf_chr(b, ' ');
	}
}

static void put_line(struct pt_buf *b, const struct pt_line *l)
{
	for (size_t i = 0; i < l->commands.n; i++) {
		pt_buf_str(b, i ? "; " : "");
		put_words(b, &l->commands.v[i].words);
		for (size_t k = 0; k < l->commands.v[i].stages.n; k++) {
			pt_buf_str(b, "| ");
			put_words(b, &l->commands.v[i].stages.v[k]);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf once = { 0 }, twice = { 0 };
	struct pt_line l;
	size_t at;

	if (!pt_line_parse((const char *)data, size, a, &l, &at)) {
		put_line(&once, &l);
		if (!once.err && once.n <= PT_LINE_MAX) {
			if (pt_line_parse(once.s ? once.s : "", once.n, a, &l, &at) || l.open)
				abort();
			put_line(&twice, &l);
			if (once.n != twice.n || memcmp(once.s ? once.s : "", twice.s ? twice.s : "", once.n) != 0)
				abort();
		}
	}
	pt_buf_fini(&once);
	pt_buf_fini(&twice);
	pt_arena_free(a);
	return 0;
}
