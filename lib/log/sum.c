/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/sum - who, what and when, counted exactly. The store is bounded, and so is the number of different
 * addresses in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/log.h>

#define MINUTE_NS 60000000000ull

struct table {
	PT_VEC(struct pt_log_sum_row) rows;
	uint32_t *slots;      /* index + 1 into ROWS, 0 free; a power of two */
	size_t n_slots;
};

struct pt_log_sum {
	struct table tables[PT_LOG_SUM_KINDS];
	struct pt_arena *arena; /* names of rules */
	uint64_t packets, bytes, lost;
};

struct pt_log_sum *pt_log_sum_new(void)
{
	struct pt_log_sum *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->arena = pt_arena_new();
	if (s->arena)
		return s;
	free(s);
	return NULL;
}

void pt_log_sum_free(struct pt_log_sum *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < PT_LOG_SUM_KINDS; i++) {
		free(s->tables[i].rows.v);
		free(s->tables[i].slots);
	}
	pt_arena_free(s->arena);
	free(s);
}

/* ---- rows by key ---- */

static uint64_t hash_row(const struct pt_log_sum_row *r)
{
	uint64_t n[5] = { r->kind, (uint64_t)r->proto << 32 | (uint64_t)r->port << 16 | (uint64_t)r->addr.af, r->minute,
			  (uint64_t)(r->addr.v >> 64), (uint64_t)r->addr.v };
	uint64_t h = pt_hash64(n, sizeof(n));

	return r->rule ? h ^ pt_hash64(r->rule, strlen(r->rule)) : h;
}

static bool same_row(const struct pt_log_sum_row *a, const struct pt_log_sum_row *b)
{
	if (a->addr.af != b->addr.af || a->addr.v != b->addr.v || a->proto != b->proto || a->port != b->port ||
	    a->minute != b->minute)
		return false;
	return !a->rule || !b->rule || (a->ours == b->ours && a->action == b->action && a->dir == b->dir && !strcmp(a->rule, b->rule));
}

static uint32_t *slot_of(const struct table *t, const struct pt_log_sum_row *key)
{
	size_t i = (size_t)hash_row(key) & (t->n_slots - 1);

	while (t->slots[i] && !same_row(&t->rows.v[t->slots[i] - 1], key))
		i = (i + 1) & (t->n_slots - 1);
	return &t->slots[i];
}

/* The slots anew, for N rows at least. */
static int make_slots(struct table *t, size_t n)
{
	uint32_t *slots;
	size_t size = 64;

	while (size < 2 * n)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = size;
	for (size_t i = 0; i < t->rows.n; i++)
		*slot_of(t, &t->rows.v[i]) = (uint32_t)i + 1;
	return 0;
}

/* KEY's rule and file are borrowed from a record: a new row keeps copies. */
static int own_names(struct pt_log_sum *s, struct pt_log_sum_row *key)
{
	if (!key->rule)
		return 0;
	key->rule = pt_arena_strdup(s->arena, key->rule);
	key->file = pt_arena_strdup(s->arena, key->file);
	return key->rule && key->file ? 0 : -ENOMEM;
}

/* The newest place of a rule is told. */
static int new_place(struct pt_log_sum *s, struct pt_log_sum_row *row, const struct pt_log_record *r)
{
	row->line = r->line;
	if (strcmp(row->file, r->file) != 0)
		row->file = pt_arena_strdup(s->arena, r->file);
	return row->file ? 0 : -ENOMEM;
}

static int add_row(struct pt_log_sum *s, struct pt_log_sum_row key, const struct pt_log_record *r)
{
	struct table *t = &s->tables[key.kind];
	struct pt_log_sum_row *row;
	uint32_t *slot;
	int rc;

	if (2 * (t->rows.n + 1) > t->n_slots) {
		rc = make_slots(t, 2 * (t->rows.n + 1));
		if (rc)
			return rc;
	}
	slot = slot_of(t, &key);
	if (!*slot) {
		rc = own_names(s, &key);
		if (!rc)
			rc = pt_vec_push(NULL, &t->rows, key);
		if (rc)
			return rc;
		*slot = (uint32_t)t->rows.n;
	}
	row = &t->rows.v[*slot - 1];
	row->packets++;
	row->bytes += r->size;
	return key.rule && r->line ? new_place(s, row, r) : 0;
}

/* ---- records ---- */

static int add_rule(struct pt_log_sum *s, const struct pt_log_record *r)
{
	struct pt_log_sum_row key = { .kind = PT_LOG_SUM_RULE, .rule = r->rule, .file = r->file, .line = r->line,
				      .ours = r->ours, .action = r->action, .dir = r->dir };

	return add_row(s, key, r);
}

static int add_addr(struct pt_log_sum *s, enum pt_log_sum_kind kind, struct pt_addr a, const struct pt_log_record *r)
{
	struct pt_log_sum_row key = { .kind = kind, .addr = a };

	return a.af ? add_row(s, key, r) : 0;
}

static int add_port(struct pt_log_sum *s, const struct pt_log_record *r)
{
	struct pt_log_sum_row key = { .kind = PT_LOG_SUM_PORT, .proto = r->packet.proto, .port = r->packet.dport };

	return r->packet.has_ports ? add_row(s, key, r) : 0;
}

static int add_minute(struct pt_log_sum *s, const struct pt_log_record *r)
{
	struct pt_log_sum_row key = { .kind = PT_LOG_SUM_MINUTE, .minute = r->time / MINUTE_NS };

	return add_row(s, key, r);
}

int pt_log_sum_add(struct pt_log_sum *s, const struct pt_log_record *r)
{
	int rc = add_rule(s, r);

	if (!rc)
		rc = add_addr(s, PT_LOG_SUM_SOURCE, r->packet.src, r);
	if (!rc)
		rc = add_addr(s, PT_LOG_SUM_TARGET, r->packet.dst, r);
	if (!rc)
		rc = add_port(s, r);
	if (!rc)
		rc = add_minute(s, r);
	s->packets++;
	s->bytes += r->size;
	s->lost += r->lost;
	return rc;
}

/* ---- in order ---- */

/* Equal numbers keep an order that does not depend on when they came. */
static int by_packets(const void *x, const void *y)
{
	const struct pt_log_sum_row *a = x, *b = y;
	int names;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	names = a->rule && b->rule ? strcmp(a->rule, b->rule) : 0;
	if (names)
		return names;
	if (a->addr.v != b->addr.v)
		return a->addr.v < b->addr.v ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

static int by_minute(const void *x, const void *y)
{
	const struct pt_log_sum_row *a = x, *b = y;

	return (a->minute > b->minute) - (a->minute < b->minute);
}

const struct pt_log_sum_row *pt_log_sum_rows(struct pt_log_sum *s, enum pt_log_sum_kind kind, size_t *n)
{
	struct table *t = &s->tables[kind];

	*n = t->rows.n;
	t->n_slots = 0; /* their places change: what is added later makes new slots */
	if (t->rows.n)
		qsort(t->rows.v, t->rows.n, sizeof(*t->rows.v), kind == PT_LOG_SUM_MINUTE ? by_minute : by_packets);
	return t->rows.v;
}

uint64_t pt_log_sum_packets(const struct pt_log_sum *s)
{
	return s->packets;
}

uint64_t pt_log_sum_bytes(const struct pt_log_sum *s)
{
	return s->bytes;
}

uint64_t pt_log_sum_lost(const struct pt_log_sum *s)
{
	return s->lost;
}
