/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a classifier: room for them, packed rows, and trees of keys.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

static bool grow(struct policy_blob *b, size_t need)
{
	size_t cap = need + need / 8 + 1024;
	uint64_t *words;

	if (need > b->max) {
		b->rc = -E2BIG;
		return false;
	}
	if (need <= b->cap)
		return true;
	if (cap > b->max)
		cap = b->max;
	words = realloc(b->words, cap * sizeof(*words));
	if (!words) {
		b->rc = -ENOMEM;
		return false;
	}
	b->words = words;
	b->cap = cap;
	return true;
}

size_t policy_blob_room(struct policy_blob *b, size_t n, size_t align)
{
	size_t at = (b->n + align - 1) / align * align;

	if (b->rc || n > b->max || !grow(b, at + n)) {
		if (!b->rc)
			b->rc = -E2BIG;
		return 0;
	}
	memset(b->words + b->n, 0, (at + n - b->n) * sizeof(*b->words));
	b->n = at + n;
	return at;
}

static void put_number(uint64_t *words, size_t i, uint32_t number)
{
	words[i / 2] |= (uint64_t)number << i % 2 * 32;
}

size_t policy_blob_numbers(struct policy_blob *b, const uint32_t *numbers, size_t n)
{
	size_t at = policy_blob_room(b, (n + 1) / 2, 1);

	for (size_t i = 0; at && numbers && i < n; i++)
		put_number(b->words + at, i, numbers[i]);
	return at;
}

void policy_blob_cut(struct policy_blob *b, size_t n)
{
	policy_seen_fini(&b->runs);
	b->n = n;
	b->rc = 0;
}

/* ---- rows ---- */

#define SHARED_MIN 4 /* words of a run that is worth being shared: to be near its row makes a short one faster */

int policy_row_new(size_t n_words, struct policy_row *out)
{
	size_t n_summary = (n_words + 63) / 64;
	uint64_t *words = calloc(n_words + n_summary + (n_summary + 1) / 2, sizeof(*words));

	if (!words)
		return -ENOMEM;
	*out = (struct policy_row){ .words = words, .summary = words + n_words, .n_words = n_words,
				    .n_summary = n_summary };
	out->runs = (uint32_t *)(out->summary + n_summary);
	return 0;
}

void policy_row_clear(struct policy_row *r)
{
	memset(r->words, 0, r->n_words * sizeof(*r->words));
	memset(r->summary, 0, r->n_summary * sizeof(*r->summary));
	memset(r->runs, 0, r->n_summary * sizeof(*r->runs));
}

/* The words of run Q of R that are not 0; their number. */
static size_t run_words(const struct policy_row *r, size_t q, uint64_t out[64])
{
	size_t n = 0;

	for (uint64_t m = r->summary[q]; m; m &= m - 1)
		out[n++] = r->words[q * 64 + (size_t)__builtin_ctzll(m)];
	return n;
}

static size_t append(struct policy_blob *b, const uint64_t *words, size_t n)
{
	size_t at = policy_blob_room(b, n, 1);

	if (at)
		memcpy(b->words + at, words, n * sizeof(*words));
	return at;
}

/* Where a run is; where there is none like it, at the end. */
static size_t share(struct policy_blob *b, const uint64_t *words, size_t n)
{
	uint32_t *known;
	int rc = policy_seen_get(&b->runs, policy_words_hash(words, n), &known);

	if (rc) {
		b->rc = b->rc ? b->rc : rc;
		return 0;
	}
	if (*known == WALK_NONE)
		*known = (uint32_t)append(b, words, n);
	return *known;
}

/* Which runs are not empty. */
static uint64_t runs_of(const struct policy_row *r)
{
	uint64_t runs = 0;

	for (size_t q = 0; q < r->n_summary; q++)
		runs |= (uint64_t)!!r->summary[q] << q;
	return runs;
}

/* Where the words of run Q of R are, and its summary. Runs of fewer than ALONE words stay next to the row. */
static void put_run(struct policy_blob *b, struct policy_row *r, size_t q, size_t at, size_t alone)
{
	size_t n, run = r->runs[q];
	uint64_t words[64];

	if (!run && r->summary[q]) {
		n = run_words(r, q, words);
		run = n < alone ? append(b, words, n) : share(b, words, n);
		r->runs[q] = n < alone ? 0 : (uint32_t)run;
	}
	b->words[at] = r->summary[q];
	b->words[at + 1] = run;
}

static size_t put(struct policy_blob *b, struct policy_row *r, size_t alone)
{
	bool few = r->n_summary <= WALK_FEW_RUNS;
	uint64_t runs = runs_of(r);
	size_t n_runs = few ? r->n_summary : (size_t)__builtin_popcountll(runs);
	size_t at = policy_blob_room(b, !few + 2 * n_runs, 1), to = at + !few;

	if (at && !few)
		b->words[at] = runs;
	for (size_t q = 0; q < r->n_summary && !b->rc; q++) {
		if (!few && !(runs >> q & 1))
			continue;
		put_run(b, r, q, to, alone);
		to += 2;
	}
	return at;
}

size_t policy_row_put(struct policy_blob *b, struct policy_row *r)
{
	return put(b, r, SHARED_MIN);
}

size_t policy_row_put_rest(struct policy_blob *b, struct policy_row *r, uint32_t any)
{
	size_t at = policy_blob_room(b, 1, 1);

	if (at)
		b->words[at] = any;
	return put(b, r, 0);
}

size_t policy_row_put_any(struct policy_blob *b, const struct policy_row *r)
{
	size_t at = policy_blob_room(b, 1 + r->n_summary + r->n_words, 1);
	uint64_t *to = b->words + at;

	if (!at)
		return 0;
	*to++ = runs_of(r);
	memcpy(to, r->summary, r->n_summary * sizeof(*r->summary));
	memcpy(to + r->n_summary, r->words, r->n_words * sizeof(*r->words));
	return at;
}

/* ---- trees ---- */

/* A level is every STEP-th key. */
static size_t put_level(struct policy_blob *b, const policy_marks *keys, size_t step, bool wide)
{
	size_t count = (keys->n + step - 1) / step, size = wide ? 2 : 1;
	size_t room = (count * size + WALK_BLOCK - 1) / WALK_BLOCK * WALK_BLOCK;
	size_t at = policy_blob_room(b, room, WALK_BLOCK);
	uint64_t *out = b->words + at;

	if (!at)
		return 0;
	memset(out, wide ? 0xff : 0x7f, room * sizeof(*out));
	for (size_t i = 0; i < count; i++, out += size) {
		const struct policy_mark *k = &keys->v[i * step];

		out[0] = wide ? k->high : k->low;
		if (wide)
			out[1] = k->low;
	}
	return at;
}

void policy_tree_put(struct policy_blob *b, const policy_marks *keys, bool wide, struct walk_tree *out)
{
	size_t fan = wide ? WALK_BLOCK / 2 : WALK_BLOCK, step = 1, depth = 1;
	uint64_t *values;

	if (keys->n == 1) {
		*out = (struct walk_tree){ .values = keys->v[0].number };
		return;
	}
	for (; (keys->n + step - 1) / step > fan; depth++)
		step *= fan;
	if (depth > WALK_LEVELS) {
		b->rc = b->rc ? b->rc : -E2BIG;
		return;
	}
	*out = (struct walk_tree){ .depth = depth };
	for (size_t i = 0; i < depth; i++, step /= fan) {
		out->base[i] = put_level(b, keys, step, wide);
		out->count[i] = (keys->n + step - 1) / step;
	}
	out->values = policy_blob_numbers(b, NULL, keys->n);
	values = b->words + out->values;
	for (size_t i = 0; !b->rc && i < keys->n; i++)
		put_number(values, i, keys->v[i].number);
}
