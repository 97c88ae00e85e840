/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of names, and how an answer changes it: never by a failure, at once by new addresses, and after a while
 * by those that are missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names/internal.h"

#define RETRY_MIN 5    /* seconds after the first failure; then twice as long each time */
#define RETRY_MAX 300
#define GRACE_NONE 300 /* a name that is gone may be somebody's slip: its addresses stay so long */

/* ---- the list ---- */

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct pt_name *)x)->name, ((const struct pt_name *)y)->name);
}

const struct pt_name *pt_names_find(const struct pt_names *n, const char *name)
{
	const struct pt_name key = { .name = name };

	return n->list.n ? bsearch(&key, n->list.v, n->list.n, sizeof(key), by_name) : NULL;
}

/* Makes entries for what is not there yet. */
static int enter(struct pt_names *n, const char *const *names, size_t count)
{
	size_t before = n->list.n;
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		const struct pt_name key = { .name = names[i] };
		struct pt_name fresh = { 0 };

		if (before && bsearch(&key, n->list.v, before, sizeof(key), by_name))
			continue;
		fresh.name = pt_arena_strdup(n->arena, names[i]);
		rc = fresh.name ? pt_vec_push(n->arena, &n->list, fresh) : -ENOMEM;
	}
	if (n->list.n)
		qsort(n->list.v, n->list.n, sizeof(*n->list.v), by_name);
	for (size_t i = 1; i < n->list.n;) /* a name given twice */
		if (!strcmp(n->list.v[i].name, n->list.v[i - 1].name))
			memmove(&n->list.v[i], &n->list.v[i + 1], (--n->list.n - i) * sizeof(*n->list.v));
		else
			i++;
	return rc;
}

void pt_names_free(struct pt_names *n)
{
	if (n)
		pt_arena_free(n->arena);
}

/* ---- what is known ---- */

bool pt_name_known(const struct pt_name *name)
{
	return name->side[0].addresses.n || name->side[1].addresses.n;
}

bool pt_name_answered(const struct pt_name *name, enum pt_af af)
{
	return name->side[af == PT_AF_INET6].answered;
}

static bool stays(const struct pt_name_address *a, uint64_t now)
{
	return !a->until || a->until > now;
}

int pt_name_addresses(const struct pt_name *name, enum pt_af af, uint64_t now, struct pt_arena *a, struct pt_iset *out)
{
	const struct pt_name_side *s = &name->side[af == PT_AF_INET6];
	int rc = 0;

	*out = (struct pt_iset){ 0 };
	for (size_t i = 0; !rc && i < s->addresses.n; i++)
		if (stays(&s->addresses.v[i], now))
			rc = pt_iset_add(a, out, s->addresses.v[i].addr.v, s->addresses.v[i].addr.v);
	pt_iset_norm(out);
	return rc;
}

static uint64_t retry_after(uint32_t failures)
{
	uint64_t wait = (uint64_t)RETRY_MIN << (failures > 7 ? 7 : failures ? failures - 1 : 0);

	return wait < RETRY_MAX ? wait : RETRY_MAX;
}

/* A clock that was set back must not make anybody wait. */
static uint64_t question_due(const struct pt_name_side *s, uint64_t now)
{
	if (!s->asked || s->asked > now || s->answered > now)
		return 0;
	return s->failures ? s->asked + retry_after(s->failures) : s->answered + s->ttl;
}

uint64_t pt_name_due(const struct pt_name *name, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (int f = 0; f < 2; f++) {
		const struct pt_name_side *s = &name->side[f];
		uint64_t question = question_due(s, now);

		due = question < due ? question : due;
		for (size_t i = 0; i < s->addresses.n; i++)
			if (s->addresses.v[i].until > now && s->addresses.v[i].until < due)
				due = s->addresses.v[i].until;
	}
	return due;
}

/* ---- answers ---- */

static bool has(const struct names_question *q, struct pt_addr addr)
{
	for (size_t i = 0; i < q->addresses.n; i++)
		if (q->addresses.v[i].v == addr.v)
			return true;
	return false;
}

static bool is_current(const struct pt_name_side *s, struct pt_addr addr)
{
	for (size_t i = 0; i < s->addresses.n; i++)
		if (!s->addresses.v[i].until && s->addresses.v[i].addr.v == addr.v)
			return true;
	return false;
}

static int take_addresses(struct pt_arena *a, struct pt_name_side *s, const struct names_question *q, uint64_t now,
			  uint64_t grace)
{
	struct pt_name_side old = *s;
	int rc = 0;

	memset(&s->addresses, 0, sizeof(s->addresses));
	for (size_t i = 0; !rc && i < q->addresses.n; i++) {
		struct pt_name_address x = { .addr = q->addresses.v[i] };

		if (!is_current(s, x.addr))
			rc = pt_vec_push(a, &s->addresses, x);
	}
	for (size_t i = 0; !rc && i < old.addresses.n && s->addresses.n < PT_NAME_ADDRESSES_MAX; i++) {
		struct pt_name_address x = old.addresses.v[i];

		if (has(q, x.addr) || !stays(&x, now))
			continue;
		if (!x.until || x.until > now + PT_NAME_TTL_MAX)
			x.until = now + grace;
		rc = pt_vec_push(a, &s->addresses, x);
	}
	return rc;
}

int names_take(struct pt_arena *a, struct pt_name_side *s, const struct names_question *q, uint64_t now)
{
	bool ok = q->state == PT_NAME_OK;
	uint64_t grace;

	s->asked = now;
	s->state = q->state;
	if (!ok && q->state != PT_NAME_NONE) {
		s->state = PT_NAME_FAILED;
		s->failures += s->failures < UINT32_MAX;
		return 0;
	}
	s->answered = now;
	s->failures = 0;
	s->ttl = q->ttl < PT_NAME_TTL_MIN ? PT_NAME_TTL_MIN : q->ttl > PT_NAME_TTL_MAX ? PT_NAME_TTL_MAX : q->ttl;
	grace = !ok && s->ttl < GRACE_NONE ? GRACE_NONE : s->ttl;
	return take_addresses(a, s, q, now, grace);
}

/* ---- asking ---- */

typedef PT_VEC(struct names_question) questions;

static int collect(const struct pt_names *n, const char *const *names, size_t count, bool all, uint64_t now,
		   struct pt_arena *a, questions *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++) {
		const struct pt_name *name = pt_names_find(n, names[i]);

		for (int f = 0; !rc && f < 2; f++) {
			struct names_question q = { .name = name->name, .af = f ? PT_AF_INET6 : PT_AF_INET };

			if (all || question_due(&name->side[f], now) <= now)
				rc = pt_vec_push(a, out, q);
		}
	}
	return rc;
}

static struct pt_name_side *side_of(struct pt_names *n, const struct names_question *q)
{
	const struct pt_name key = { .name = q->name };
	struct pt_name *name = bsearch(&key, n->list.v, n->list.n, sizeof(key), by_name);

	return &name->side[q->af == PT_AF_INET6];
}

/* Those that waited longest come first: what the time does not suffice for is first the next time. */
static void order(struct pt_names *n, questions *qs)
{
	for (size_t i = 0; i < qs->n; i++)
		qs->v[i].ttl = (uint32_t)side_of(n, &qs->v[i])->asked;
}

static int by_asked(const void *x, const void *y)
{
	const struct names_question *a = x, *b = y;

	return (a->ttl > b->ttl) - (a->ttl < b->ttl);
}

/* The same addresses, each with the same future. */
static bool same(const struct pt_name_side *x, const struct pt_name_side *y)
{
	if (x->state != y->state || x->addresses.n != y->addresses.n)
		return false;
	for (size_t i = 0; i < x->addresses.n; i++)
		if (!is_current(y, x->addresses.v[i].addr) || x->addresses.v[i].until)
			return false;
	return true;
}

static int take_all(struct pt_names *n, const questions *qs, uint64_t now, bool *changed)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < qs->n; i++) {
		struct pt_name_side *s = side_of(n, &qs->v[i]), before = *s;

		rc = names_take(n->arena, s, &qs->v[i], now);
		*changed = *changed || !same(s, &before);
	}
	return rc;
}

int pt_names_ask(struct pt_names *n, const char *const *names, size_t count, bool all, uint64_t now, int wait_ms,
		 const struct pt_names_source *from, bool *changed)
{
	struct pt_arena *a = pt_arena_new();
	questions qs = { 0 };
	int rc = a ? enter(n, names, count) : -ENOMEM;

	*changed = false;
	if (!rc)
		rc = collect(n, names, count, all, now, a, &qs);
	if (!rc && qs.n) {
		order(n, &qs);
		qsort(qs.v, qs.n, sizeof(*qs.v), by_asked);
		for (size_t i = 0; i < qs.n; i++)
			qs.v[i].ttl = 0;
		rc = names_hosts(from && from->hosts ? from->hosts : "/etc/hosts", qs.v, qs.n, a);
	}
	if (!rc && qs.n)
		rc = names_dns(from, qs.v, qs.n, wait_ms, a);
	if (!rc)
		rc = take_all(n, &qs, now, changed);
	pt_arena_free(a);
	return rc;
}
