/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports (and ICMP types), and the rows of all that is not an address. A pair of a class of source ports and
 * one of destination ports is told by the rules that hold for it, again by a hash that follows along
 * the destination ports; each pair that is new makes one row with each kind. People name few different source
 * ports, but rules can be written that name thousands: what is too large then is split.
 *
 * A row has two parts. Rules that ask for no port or for most of them hold for nearly all pairs: they stand in rows
 * with all words, of which there are few. So the row of a pair has only the rules that ask for its ports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

/* Words that the pairs may take: so many, and for each rule. */
#define ROOM (512 * 1024)
#define ROOM_RULE 48

#define WIDE (POLICY_PORT_MAX / 2) /* more ports are most of them: a choice of memory, not of meaning */

/* Rules of one kind of groups. */
struct part {
	struct policy_row base;   /* that ask for no destination port and hold for the source ports at hand */
	struct policy_row now;    /* with those of the destination ports at hand */
	struct policy_row *both;  /* of each kind: what it and NOW have */
	struct policy_hash *sums; /* of each in BOTH */
};

struct ports {
	struct policy_class_build *b;
	const struct policy_kinds *kinds;
	bool apart;               /* source ports are left out */
	struct policy_groups groups;
	struct policy_sweep from, to;
	bool *live;               /* groups that hold for the source ports at hand */
	struct policy_hash hash;  /* of those that ask for no destination port: independent of it */
	bool *wide;               /* groups that hold for most ports */
	struct part few, most;    /* groups that are not wide, and those that are */
	uint64_t *stale;          /* words of NOW that changed since BOTH were made, a bit each */
	struct policy_seen pairs, rows, anys;
	size_t room;              /* words that the tables may have in all */
	uint32_t n_from, n_to, n_pairs;
	PT_VEC(uint32_t) t_y, t_row;
};

/* ---- groups ---- */

static bool all(const struct pt_pol_rule *r __attribute__((unused)), int how __attribute__((unused)))
{
	return true;
}

static uint64_t hash(const struct pt_pol_rule *r, int apart)
{
	return policy_set_hash(apart ? 0 : policy_set_hash(0, &r->sport), policy_dst_ports(r));
}

static bool same(const struct pt_pol_rule *x, const struct pt_pol_rule *y, int apart)
{
	return (apart || pt_iset_equal(&x->sport, &y->sport)) &&
	       pt_iset_equal(policy_dst_ports(x), policy_dst_ports(y));
}

static const struct pt_pol_rule *sample(const struct ports *p, uint32_t group)
{
	return policy_sample(p->b, &p->groups, group);
}

static const struct pt_iset *from_set(const struct ports *p, uint32_t group)
{
	static const struct pt_iset any;

	return p->apart ? &any : &sample(p, group)->sport;
}

static const struct pt_iset *to_set(const struct ports *p, uint32_t group)
{
	return policy_dst_ports(sample(p, group));
}

static bool is_wide(const struct pt_iset *s)
{
	pt_u128 n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].hi - s->v[i].lo + 1;
	return !s->n || n > WIDE;
}

/* ---- rows ---- */

static struct part *part_of(struct ports *p, uint32_t group)
{
	return p->wide[group] ? &p->most : &p->few;
}

static void toggle_base(struct ports *p, uint32_t group)
{
	struct policy_row *base = &part_of(p, group)->base;

	for (uint32_t i = p->groups.start[group]; i < p->groups.start[group + 1]; i++)
		policy_row_toggle(base, p->groups.rules[i]);
}

static void toggle_now(struct ports *p, uint32_t group)
{
	struct policy_row *now = &part_of(p, group)->now;

	for (uint32_t i = p->groups.start[group]; i < p->groups.start[group + 1]; i++) {
		uint32_t rule = p->groups.rules[i];

		policy_row_toggle(now, rule);
		p->stale[rule / 4096] |= 1ull << rule / 64 % 64;
	}
}

static void begin_part(struct part *t)
{
	memcpy(t->now.words, t->base.words, (t->base.n_words + t->base.n_summary) * sizeof(*t->base.words)); /* and the summary */
}

static void begin_now(struct ports *p)
{
	begin_part(&p->few);
	begin_part(&p->most);
	for (size_t w = 0; w < p->b->row.n_words; w++)
		p->stale[w / 64] |= 1ull << w % 64;
}

/* Word W of a row is WORD, or no longer. */
static void toggle_word(struct policy_hash *h, size_t w, uint64_t word)
{
	if (!word)
		return;
	h->a ^= policy_mix(word ^ policy_mix(w + 1));
	h->b ^= policy_mix((word + 0x632be59bd9b4e019ull) ^ policy_mix(~w));
}

static void set_word(struct policy_row *r, struct policy_hash *sum, size_t w, uint64_t word)
{
	uint64_t bit = 1ull << w % 64;

	if (r->words[w] == word)
		return;
	toggle_word(sum, w, r->words[w]);
	toggle_word(sum, w, word);
	r->words[w] = word;
	r->runs[w / 64] = 0;
	if (word)
		r->summary[w / 64] |= bit;
	else
		r->summary[w / 64] &= ~bit;
}

static void renew_word(struct part *t, const struct policy_kinds *kinds, size_t w)
{
	for (uint32_t x = 0; x < kinds->n; x++)
		set_word(&t->both[x], &t->sums[x], w, t->now.words[w] & kinds->rows[x].words[w]);
}

/* From one pair to the next few words change. */
static void renew_both(struct ports *p)
{
	for (size_t q = 0; q < p->b->row.n_summary; q++) {
		for (uint64_t m = p->stale[q]; m; m &= m - 1) {
			size_t w = q * 64 + (size_t)__builtin_ctzll(m);

			renew_word(&p->few, p->kinds, w);
			renew_word(&p->most, p->kinds, w);
		}
		p->stale[q] = 0;
	}
}

/* Where the rules of kind X that hold for most ports are in the tables: equal ones are there once, as are rows. */
static int put_any(struct ports *p, uint32_t x, uint32_t *out)
{
	uint32_t *old;
	int rc = policy_seen_get(&p->anys, p->most.sums[x], &old);

	if (!rc && *old == WALK_NONE) {
		*old = (uint32_t)policy_row_put_any(&p->b->blob, &p->most.both[x]);
		rc = p->b->blob.rc;
	}
	*out = rc ? 0 : *old;
	return rc;
}

/* Where the row of kind X is. */
static int put_row(struct ports *p, uint32_t x, uint32_t *out)
{
	struct policy_hash h = p->few.sums[x];
	uint32_t *old, any;
	int rc = put_any(p, x, &any);

	*out = 0;
	if (rc)
		return rc;
	policy_toggle(&h, any);
	rc = policy_seen_get(&p->rows, h, &old);
	if (!rc && *old == WALK_NONE) {
		*old = (uint32_t)policy_row_put_rest(&p->b->blob, &p->few.both[x], any);
		p->b->c->rest++;
		rc = p->b->blob.rc;
	}
	*out = rc ? 0 : *old;
	return rc;
}

static bool too_large(const struct ports *p)
{
	return p->b->blob.n + p->t_row.n / 2 + p->t_y.n / 2 > p->room;
}

static int put_pair(struct ports *p)
{
	renew_both(p);
	for (uint32_t x = 0; x < p->kinds->n; x++) {
		uint32_t at;
		int rc = put_row(p, x, &at);

		if (!rc)
			rc = pt_vec_push(NULL, &p->t_row, at);
		if (rc)
			return rc;
	}
	return too_large(p) ? -E2BIG : 0;
}

/* ---- pairs ---- */

static int pair(struct ports *p, struct policy_hash h)
{
	uint32_t *value, y;
	int rc = policy_seen_get(&p->pairs, h, &value);

	if (rc)
		return rc;
	if (*value == WALK_NONE) {
		*value = p->n_pairs++;
		rc = put_pair(p);
	}
	y = *value;
	return rc ? rc : pt_vec_push(NULL, &p->t_y, y);
}

static bool at_or_before(const struct policy_mark *event, const struct policy_mark *key)
{
	return event->low <= key->low;
}

/* All pairs of the source ports at hand, along the destination ports. */
static int pairs_of(struct ports *p)
{
	struct policy_hash h = p->hash;
	uint32_t class = 0;
	size_t e = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->to.keys.n; i++) {
		for (; e < p->to.events.n && at_or_before(&p->to.events.v[e], &p->to.keys.v[i]); e++) {
			uint32_t group = p->to.events.v[e].number;

			if (!p->live[group])
				continue;
			policy_toggle(&h, group);
			toggle_now(p, group);
		}
		if (p->to.keys.v[i].number < class)
			continue; /* had its turn */
		class++;
		rc = pair(p, h);
	}
	return !rc && too_large(p) ? -E2BIG : rc;
}

/* GROUP holds for the source ports at hand, or no longer. */
static void switch_group(struct ports *p, uint32_t group)
{
	p->live[group] = !p->live[group];
	if (to_set(p, group)->n)
		return;
	policy_toggle(&p->hash, group);
	toggle_base(p, group);
}

static void from_turned(struct policy_sweep *s, uint32_t group)
{
	switch_group(s->arg, group);
}

static int from_found(struct policy_sweep *s, uint32_t *value)
{
	struct ports *p = s->arg;

	begin_now(p);
	*value = p->n_from++;
	return pairs_of(p);
}

static int to_found(struct policy_sweep *s, uint32_t *value)
{
	struct ports *p = s->arg;

	*value = p->n_to++;
	return 0;
}

/* ---- the whole ---- */

static int prepare_part(struct ports *p, struct part *t)
{
	size_t n_words = p->b->row.n_words;

	if (policy_row_new(n_words, &t->base) || policy_row_new(n_words, &t->now))
		return -ENOMEM;
	t->both = calloc(p->kinds->n + 1ul, sizeof(*t->both));
	t->sums = calloc(p->kinds->n + 1ul, sizeof(*t->sums));
	if (!t->both || !t->sums)
		return -ENOMEM;
	for (uint32_t x = 0; x < p->kinds->n; x++)
		if (policy_row_new(n_words, &t->both[x]))
			return -ENOMEM;
	return 0;
}

static int prepare(struct ports *p)
{
	const struct policy_trait trait = { all, hash, same, p->apart };
	int rc = policy_groups_make(p->b, &trait, &p->groups);

	if (rc)
		return rc;
	p->live = calloc(p->groups.n + 1ul, sizeof(*p->live));
	p->wide = calloc(p->groups.n + 1ul, sizeof(*p->wide));
	p->stale = calloc(p->b->row.n_summary, sizeof(*p->stale));
	if (!p->live || !p->wide || !p->stale)
		return -ENOMEM;
	for (uint32_t g = 0; g < p->groups.n; g++)
		p->wide[g] = is_wide(from_set(p, g)) && is_wide(to_set(p, g));
	rc = prepare_part(p, &p->few);
	return rc ? rc : prepare_part(p, &p->most);
}

/* Places where a set begins, or has ended. */
static size_t places(const struct ports *p, const struct pt_iset *(*set)(const struct ports *p, uint32_t group))
{
	bool at[POLICY_PORT_MAX + 2] = { true };
	size_t n = 0;

	for (uint32_t g = 0; g < p->groups.n; g++)
		for (size_t i = 0; i < set(p, g)->n; i++)
			at[set(p, g)->v[i].lo] = at[set(p, g)->v[i].hi + 1] = true;
	for (size_t i = 0; i < sizeof(at); i++)
		n += at[i];
	return n;
}

static int sweep(struct ports *p)
{
	size_t n_from = 0, n_to = 0;
	int rc;

	/* Nearly all of them will be classes: no need to try. */
	if (places(p, from_set) * places(p, to_set) / 4 > p->room)
		return -E2BIG;
	for (uint32_t g = 0; g < p->groups.n; g++) {
		n_from += from_set(p, g)->n;
		n_to += to_set(p, g)->n;
	}
	if (policy_sweep_room(&p->from, n_from) || policy_sweep_room(&p->to, n_to))
		return -ENOMEM;
	for (uint32_t g = 0; g < p->groups.n; g++) {
		policy_sweep_add(&p->from, g, from_set(p, g), POLICY_PORT_MAX);
		policy_sweep_add(&p->to, g, to_set(p, g), POLICY_PORT_MAX);
		if (!from_set(p, g)->n)
			switch_group(p, g); /* for good */
	}
	rc = policy_sweep_run(&p->to, POLICY_PORT_BITS);
	policy_seen_fini(&p->to.seen); /* most memory is needed from here on */
	return rc ? rc : policy_sweep_run(&p->from, POLICY_PORT_BITS);
}

static int put_tables(struct ports *p)
{
	struct walk_head *h = &p->b->head;
	struct policy_blob *blob = &p->b->blob;

	if (!p->apart)
		policy_tree_put(blob, &p->from.keys, false, &h->sport);
	policy_tree_put(blob, &p->to.keys, false, &h->dport);
	h->n_dport = p->n_to;
	h->t_y = policy_blob_numbers(blob, p->t_y.v, p->t_y.n);
	h->t_row = policy_blob_numbers(blob, p->t_row.v, p->t_row.n);
	return blob->rc;
}

static void fini_part(struct part *t, uint32_t n)
{
	free(t->base.words);
	free(t->now.words);
	for (uint32_t x = 0; t->both && x < n; x++)
		free(t->both[x].words);
	free(t->both);
	free(t->sums);
}

static void fini(struct ports *p)
{
	policy_sweep_fini(&p->from);
	policy_sweep_fini(&p->to);
	policy_groups_fini(&p->groups);
	free(p->live);
	free(p->wide);
	free(p->stale);
	fini_part(&p->few, p->kinds->n);
	fini_part(&p->most, p->kinds->n);
	free(p->pairs.slots);
	free(p->rows.slots);
	free(p->anys.slots);
	free(p->t_y.v);
	free(p->t_row.v);
}

static int pairs(struct policy_class_build *b, const struct policy_kinds *kinds, bool apart)
{
	struct ports p = { .b = b, .kinds = kinds, .apart = apart, .room = b->blob.n + ROOM + ROOM_RULE * (size_t)b->n };
	int rc;

	p.from = (struct policy_sweep){ .turned = from_turned, .found = from_found, .arg = &p };
	p.to = (struct policy_sweep){ .keep = true, .found = to_found, .arg = &p };
	rc = prepare(&p);
	if (!rc)
		rc = sweep(&p);
	if (!rc)
		rc = put_tables(&p);
	fini(&p);
	return rc;
}

/* ---- split ---- */

/* A row for each kind alone. */
static int put_kinds(struct policy_class_build *b, const struct policy_kinds *kinds)
{
	size_t rows = policy_blob_numbers(&b->blob, NULL, kinds->n);

	policy_row_clear(&b->row);

	b->c->rest = kinds->n;
	b->head.t_row = rows;
	for (uint32_t i = 0; i < kinds->n && !b->blob.rc; i++) {
		uint32_t any = (uint32_t)policy_row_put_any(&b->blob, &kinds->rows[i]);
		uint64_t row = policy_row_put_rest(&b->blob, &b->row, any);

		if (b->blob.rc)
			break;
		b->blob.words[rows + i / 2] |= row << i % 2 * 32;
	}
	return b->blob.rc;
}

/* SIDES: how many of the two have their ports apart. */
static int split(struct policy_class_build *b, const struct policy_kinds *kinds, unsigned int sides)
{
	int rc;

	b->head.split = sides;
	b->c->rest = 0;
	rc = sides < 2 ? pairs(b, kinds, sides) : put_kinds(b, kinds);
	if (!rc && sides)
		rc = policy_class_ports(b, 0);
	if (!rc && sides > 1)
		rc = policy_class_ports(b, 1);
	return rc;
}

static bool names_source_ports(const struct policy_class_build *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->rules[i]->sport.n)
			return true;
	return false;
}

int policy_class_rest(struct policy_class_build *b, const struct policy_kinds *kinds)
{
	unsigned int useful = names_source_ports(b) ? 1 : 2; /* to have source ports apart that nobody names is no help */
	size_t before = b->blob.n;
	int rc = split(b, kinds, 0);

	for (unsigned int sides = useful; rc == -E2BIG && sides <= 2; sides++) {
		policy_blob_cut(&b->blob, before);
		rc = split(b, kinds, sides);
	}
	return rc;
}
