/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of a classifier put together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#define HEAD_WORDS (sizeof(struct walk_head) / sizeof(uint64_t))

static int prepare(struct policy_class_build *b)
{
	const struct pt_order *o = b->in->order;

	b->blob.max = (b->in->max_bytes ? b->in->max_bytes : PT_CLASS_BYTES_MAX) / sizeof(uint64_t);
	b->part = "rules";
	if (o->n_const > WALK_RULES_MAX)
		return -E2BIG;
	/* A packet has to find a row also where no rule is. */
	if (policy_row_new(o->n_const ? (o->n_const + 63ul) / 64 : 1, &b->row))
		return -ENOMEM;
	b->rules = malloc((o->n_const + 1ul) * sizeof(*b->rules)); /* NOLINT(bugprone-sizeof-expression) */
	b->c = calloc(1, sizeof(*b->c));
	if (!b->rules || !b->c)
		return -ENOMEM;
	for (size_t i = 0; i < o->items.n; i++)
		if (o->items.v[i].kind == PT_ORDER_CONST)
			b->rules[b->n++] = o->items.v[i].rule;
	(void)policy_blob_room(&b->blob, HEAD_WORDS, 1);
	return b->blob.rc;
}

static int put_keys(struct policy_class_build *b)
{
	b->part = "numbers of rules";
	b->head.keys = policy_blob_numbers(&b->blob, b->in->keys, b->n);
	for (uint32_t i = 0; !b->blob.rc && !b->in->keys && i < b->n; i++)
		b->blob.words[b->head.keys + i / 2] |= (uint64_t)i << i % 2 * 32;
	return b->blob.rc;
}

bool pt_classifier_keys(struct pt_classifier *c, const uint32_t *keys, uint32_t none)
{
	struct walk_head *h = (struct walk_head *)(void *)c->words;
	uint64_t *to = c->words + h->keys, other = h->none ^ none;

	h->none = none;
	for (uint32_t i = 0; i < c->n_rules; i += 2) {
		uint64_t word = keys[i] | (i + 1 < c->n_rules ? (uint64_t)keys[i + 1] << 32 : 0);

		other |= to[i / 2] ^ word;
		to[i / 2] = word;
	}
	return other;
}

size_t pt_classifier_key_at(const struct pt_classifier *c, uint32_t item)
{
	const struct walk_head *h = (const struct walk_head *)(const void *)c->words;

	return 2 * (size_t)h->keys + item;
}

static uint32_t deeper(const struct walk_tree *x, const struct walk_tree *y)
{
	return (uint32_t)(x->depth > y->depth ? x->depth : y->depth) + 1;
}

/* Blocks of keys, values, and the tables in between. */
static uint32_t count_steps(const struct walk_head *h)
{
	uint32_t tables = 5; /* protocol, flags, x, y, row */

	return tables + deeper(&h->device, &h->device) + deeper(&h->sport, &h->sport) +
	       deeper(&h->dport, &h->dport) + deeper(&h->side[0][0].tree, &h->side[1][0].tree) +
	       deeper(&h->side[0][1].tree, &h->side[1][1].tree);
}

static int finish(struct policy_class_build *b)
{
	struct policy_blob *blob = &b->blob;
	uint64_t *words = realloc(blob->words, blob->n * sizeof(*words));

	if (!words)
		return -ENOMEM;
	b->head.magic = WALK_MAGIC;
	b->head.n_rules = b->n;
	b->head.n_words = b->row.n_words;
	b->head.n_summary = b->row.n_summary;
	b->head.none = b->in->none;
	memcpy(words, &b->head, sizeof(b->head));
	blob->words = NULL;
	b->c->words = words;
	b->c->n_words = blob->n;
	b->c->n_rules = b->n;
	b->c->steps = count_steps(&b->head);
	return 0;
}

static int build(struct policy_class_build *b)
{
	struct policy_kinds kinds = { 0 };
	int rc = prepare(b);

	for (int i = 0; !rc && i < 4; i++)
		rc = policy_class_side(b, i / 2, i % 2);
	if (!rc)
		rc = policy_class_kinds(b, &kinds);
	if (!rc)
		rc = policy_class_rest(b, &kinds);
	policy_kinds_fini(&kinds);
	if (!rc)
		rc = put_keys(b);
	return rc ? rc : finish(b);
}

int pt_classifier_build(const struct pt_class_input *in, struct pt_classifier **out, struct pt_err *e)
{
	struct policy_class_build b = { .in = in };
	int rc = build(&b);

	if (rc == -E2BIG)
		pt_err_add(e, PT_ERROR, NULL, "name fewer different ports, devices or addresses, or use tables",
			   "the classifier of %u rules would be larger than %zu bytes (its %s)", in->order->n_const,
			   b.blob.max * sizeof(uint64_t), b.part);
	else if (rc)
		rc = pt_err_sys(e, rc, "building the classifier of %u rules", in->order->n_const);
	if (rc)
		pt_classifier_free(b.c);
	*out = rc ? NULL : b.c;
	free(b.blob.words);
	free(b.blob.runs.slots);
	free(b.row.words);
	free(b.rules);
	return rc;
}

void pt_classifier_free(struct pt_classifier *c)
{
	if (c)
		free(c->words);
	free(c);
}
