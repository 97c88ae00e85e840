/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a file and the copy of the one in force differ by, seen from their bytes: up to a few rules that stand together in the list, or what
 * stands between rules. All in front of it and all behind it is the same, so it is read the same.
 */
#include <string.h>

#include "plan/patch.h"

static size_t common_prefix(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	for (; i + 64 <= n && !memcmp(a + i, b + i, 64); i += 64)
		;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static size_t common_suffix(const char *a_end, const char *b_end, size_t n)
{
	size_t i = 0;

	for (; i + 64 <= n && !memcmp(a_end - i - 64, b_end - i - 64, 64); i += 64)
		;
	while (i < n && a_end[-(ptrdiff_t)i - 1] == b_end[-(ptrdiff_t)i - 1])
		i++;
	return i;
}

/* The first rule from LOW on whose text, with its quotes, does not end before AT. */
static size_t first_ending_behind(const struct plan_rules *r, size_t at)
{
	size_t low = 0, high = r->head.n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if ((size_t)r->v[middle].at + r->v[middle].len + 1 <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes a difference from AT up to OLD_TO of the copy one that cuts no rule. */
static bool widen(struct patch *x, size_t at, size_t old_to)
{
	const struct plan_rules_head *h = &x->rules.head;
	const struct plan_rule *v = x->rules.v;
	size_t last;

	if (at < h->begin || old_to > h->end || h->end > x->old_len)
		return false;
	x->first = last = first_ending_behind(&x->rules, at);
	while (last < h->n && (size_t)v[last].at - 1 < old_to)
		last++;
	x->n_old = last - x->first;
	x->from = x->first ? (size_t)v[x->first - 1].at + v[x->first - 1].len + 1 : h->begin;
	x->old_to = last < h->n ? (size_t)v[last].at - 1 : h->end;
	x->new_to = x->old_to + x->len - x->old_len;
	return x->n_old <= PATCH_REGION_MAX && x->from <= at && x->old_to >= old_to;
}

/* The string whose quote is at S: one that says what it shows. The place behind it, NULL: it does not. */
static const char *take_string(struct patch *x, const char *s, const char *end)
{
	const char *text = ++s;

	while (s < end && *s != '"')
		if ((unsigned char)*s < ' ' || strchr("\\$\x7f", *s++))
			return NULL;
	if (s == end || x->n_new == PATCH_REGION_MAX)
		return NULL;
	x->all[x->n_new++] = (struct patch_rule){ .at = (size_t)(text - x->text), .len = (size_t)(s - text) };
	return s + 1;
}

/* Strings, and between them what can stand there; where commas have to be, the file's own reading finds. */
static bool take_rules(struct patch *x)
{
	const char *end = x->text + x->new_to;

	for (const char *s = x->text + x->from; s && s < end;) {
		if (*s == '"')
			s = take_string(x, s, end);
		else if (*s == '#')
			s = memchr(s, '\n', (size_t)(end - s));
		else if (*s && strchr(" \t\r\n,", *s))
			s++;
		else
			return false;
		if (!s)
			return false;
	}
	return true;
}

static bool is_same(const struct patch *x, const struct plan_rule *old, const struct patch_rule *new)
{
	return old->len == new->len && !memcmp(x->old + old->at, x->text + new->at, new->len);
}

/* Those at both ends that are the same stay what they are, with their counts. */
static void narrow(struct patch *x)
{
	const struct plan_rule *old = x->rules.v + x->first;

	x->v = x->all;
	while (x->n_old && x->n_new && is_same(x, old, x->v)) {
		old++;
		x->first++;
		x->n_old--;
		x->v++;
		x->n_new--;
		x->lead++;
	}
	while (x->n_old && x->n_new && is_same(x, &old[x->n_old - 1], &x->v[x->n_new - 1])) {
		x->n_old--;
		x->n_new--;
		x->trail++;
	}
}

bool patch_find(struct patch *x)
{
	size_t least = x->len < x->old_len ? x->len : x->old_len;
	size_t at = common_prefix(x->text, x->old, least);
	size_t suffix;

	x->in_force = at == x->len && x->len == x->old_len;
	if (x->in_force)
		return true;
	suffix = common_suffix(x->text + x->len, x->old + x->old_len, least - at);
	if (!widen(x, at, x->old_len - suffix) || !take_rules(x))
		return false;
	narrow(x);
	return x->n_old <= PT_NFT_PATCH_MAX && x->n_new <= PT_NFT_PATCH_MAX;
}
