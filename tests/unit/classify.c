/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classifier against the plain reading of its rules, one after the other: random sets of overlapping
 * conditions, and packets at the edges of their intervals. Limits, and memory that runs out.
 *
 *   classify.t            a fixed seed
 *   PATRONUS_SEED=0x…     another one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/classify.h>

#include "lib/scarce.h"
#include "policy/walk.h"

/* ---- random numbers ---- */

static uint64_t rng = 0x70617472u;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

/* ---- random rules ---- */

static const struct pt_class_device devices[] = {
	{ "lan0", 7 }, { "wan0", 2 }, { "dmz0", 3 }, { "", 0x7fffffff }, { "six0", 65 }, { "vlan9", 1 },
};
#define N_DEVICES PT_ARRAY_SIZE(devices)

/* What one set of rules is made of: WIDE of 16 conditions on an address are none, SPREAD tells how many
 * different intervals there are. ALIKE: flags are S/SA as in most files, so that large sets keep small.
 * ANY_PORT: ports are not always the same few, and sources have as many as destinations. */
struct recipe {
	uint32_t n_rules, wide, spread;
	bool alike, any_port;
};

struct set {
	struct pt_arena *arena;
	struct pt_pol_rule *rules;
	struct pt_order order;
};

static pt_u128 point(enum pt_af af, uint32_t spread)
{
	uint32_t x = rnd(spread);

	if (x == 0)
		return 0;
	if (x == 1)
		return pt_af_max(af);
	if (af == PT_AF_INET)
		return x * 0x01010101u;
	/* Some that differ in the low half only, some in the high half only. */
	return x % 3 == 0 ? (pt_u128)x : x % 3 == 1 ? (pt_u128)x << 64 : (pt_u128)x << 64 | ~(uint64_t)x;
}

static void random_set(struct pt_arena *a, struct pt_iset *s, enum pt_af af, uint32_t spread)
{
	for (uint32_t n = 1 + (rnd(4) ? 0 : rnd(4)); n; n--) {
		pt_u128 lo = point(af, spread), hi = rnd(3) ? lo : point(af, spread);

		assert_int_equal(pt_iset_add(a, s, lo < hi ? lo : hi, lo < hi ? hi : lo), 0);
	}
	s->dirty = true;
	pt_iset_norm(s);
}

static void random_side(struct pt_arena *a, struct pt_pol_addr *side, uint8_t af, const struct recipe *how)
{
	if (rnd(16) < how->wide)
		return;
	side->kind = PT_REF_SET;
	if (af & PT_AF_INET && rnd(8))
		random_set(a, &side->v4, PT_AF_INET, how->spread);
	if (af & PT_AF_INET6 && rnd(8))
		random_set(a, &side->v6, PT_AF_INET6, how->spread);
}

static const uint16_t ports[] = { 0, 1, 22, 23, 80, 1023, 1024, 8000, 65534, 65535 };

static uint32_t random_port(const struct recipe *how)
{
	return how->any_port ? rnd(65536) : ports[rnd(PT_ARRAY_SIZE(ports))];
}

static void random_ports(struct pt_arena *a, struct pt_iset *s, const struct recipe *how)
{
	for (uint32_t n = 1 + rnd(2); n; n--) {
		uint32_t x = random_port(how), y = rnd(2) ? x : random_port(how);

		assert_int_equal(pt_iset_add(a, s, x < y ? x : y, x < y ? y : x), 0);
	}
	s->dirty = true;
	pt_iset_norm(s);
}

static void add_proto(struct pt_arena *a, struct pt_pol_rule *r, uint8_t proto)
{
	r->protos.v = pt_arena_grow(a, r->protos.v, r->protos.n, r->protos.n + 1);
	assert_non_null(r->protos.v);
	r->protos.v[r->protos.n++] = proto;
}

/* As policies have them: ports of TCP, UDP and SCTP only, types of one ICMP only. */
static void random_protocol(struct pt_arena *a, struct pt_pol_rule *r, const struct recipe *how)
{
	uint32_t kind = rnd(8);

	r->proto_any = kind < 2;
	if (kind == 2 || kind == 3) {
		add_proto(a, r, PT_PROTO_TCP);
	} else if (kind == 4) {
		add_proto(a, r, PT_PROTO_TCP);
		add_proto(a, r, PT_PROTO_UDP);
	} else if (kind == 5) {
		add_proto(a, r, PT_PROTO_ICMP);
		random_ports(a, &r->icmp, how);
	} else if (kind == 6) {
		add_proto(a, r, PT_PROTO_TCP);
		add_proto(a, r, PT_PROTO_ICMP6);
	} else if (kind == 7) {
		add_proto(a, r, rnd(2) ? 47 : 255);
	}
	if (kind >= 2 && kind <= 4 && rnd(3))
		random_ports(a, &r->dport, how);
	if (kind >= 2 && kind <= 4 && (how->any_port || !rnd(4)))
		random_ports(a, &r->sport, how);
	if ((r->proto_any || (r->protos.n && r->protos.v[0] == PT_PROTO_TCP)) && rnd(2)) {
		r->flags_mask = how->alike || rnd(2) ? 0x12 : (uint8_t)rnd(64);
		r->flags_set = how->alike || rnd(2) ? r->flags_mask & 0x02 : (uint8_t)rnd(256) & r->flags_mask;
	}
}

/* Sorted and each once, as in policies; sometimes none, sometimes one that is no device. */
static void random_devices(struct pt_arena *a, struct pt_pol_rule *r)
{
	static const char *const names[] = { "", "dmz0", "lan0", "six0", "unknown0", "vlan9", "wan0" };

	r->if_any = rnd(2);
	if (r->if_any)
		return;
	r->if_neg = rnd(2);
	r->devices.v = pt_arena_alloc(a, sizeof(names));
	assert_non_null(r->devices.v);
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		if (!rnd(4))
			r->devices.v[r->devices.n++] = names[i];
}

static void make_set(struct set *s, const struct recipe *how)
{
	memset(s, 0, sizeof(*s));
	s->arena = pt_arena_new();
	s->rules = pt_arena_alloc(s->arena, (how->n_rules + 1) * sizeof(*s->rules));
	for (uint32_t i = 0; i < how->n_rules; i++) {
		struct pt_order_item item = { .rule = &s->rules[i], .kind = PT_ORDER_CONST, .before = i };
		struct pt_pol_rule *r = &s->rules[i];

		r->index = i;
		r->af = (uint8_t)(1 + rnd(3));
		random_devices(s->arena, r);
		random_protocol(s->arena, r, how);
		random_side(s->arena, &r->src, r->af, how);
		random_side(s->arena, &r->dst, r->af, how);
		assert_int_equal(pt_vec_push(s->arena, &s->order.items, item), 0);
		/* Others stand between: they are none of the classifier's business. */
		item.kind = rnd(2) ? PT_ORDER_DYNAMIC : PT_ORDER_EFFECT;
		if (!rnd(5))
			assert_int_equal(pt_vec_push(s->arena, &s->order.items, item), 0);
	}
	s->order.n_const = how->n_rules;
}

/* ---- the plain reading ---- */

static bool plain_device(const struct pt_pol_rule *r, const char *name)
{
	bool in = false;

	for (size_t i = 0; i < r->devices.n; i++)
		in = in || !strcmp(r->devices.v[i], name);
	return r->if_any || in != r->if_neg;
}

static bool plain_side(const struct pt_pol_addr *s, struct pt_addr a)
{
	return s->kind == PT_REF_ANY || pt_iset_has(a.af == PT_AF_INET6 ? &s->v6 : &s->v4, a.v);
}

static bool plain_numbers(const struct pt_iset *s, bool absent, uint32_t x)
{
	return !s->n || (!absent && pt_iset_has(s, x));
}

static bool plain_match(const struct pt_pol_rule *r, const struct pt_packet *k, const char *device)
{
	if (!(r->af & k->af) || !plain_device(r, device) || !plain_side(&r->src, k->src) || !plain_side(&r->dst, k->dst))
		return false;
	if (!r->proto_any && (!r->protos.n || !memchr(r->protos.v, k->proto, r->protos.n)))
		return false;
	if (!plain_numbers(&r->sport, k->no_ports, k->sport) || !plain_numbers(&r->dport, k->no_ports, k->dport) ||
	    !plain_numbers(&r->icmp, k->no_ports, k->icmp_type * 256u + k->icmp_code))
		return false;
	if (k->proto != PT_PROTO_TCP || !r->flags_mask)
		return true;
	return !k->no_flags && (k->tcp_flags & r->flags_mask) == r->flags_set;
}

static uint32_t plain(const struct set *s, const struct pt_packet *k, const char *device)
{
	for (uint32_t i = 0; i < s->order.n_const; i++)
		if (plain_match(&s->rules[i], k, device))
			return i;
	return UINT32_MAX;
}

/* ---- random packets: mostly at the edges of some rule ---- */

static pt_u128 near(const struct pt_iset *set, enum pt_af af, uint32_t spread)
{
	pt_u128 v = point(af, spread), max = pt_af_max(af);

	if (set->n && rnd(8))
		v = rnd(2) ? set->v[rnd((uint32_t)set->n)].lo : set->v[rnd((uint32_t)set->n)].hi;
	return (rnd(4) ? v : rnd(2) ? v + 1 : v - 1) & max;
}

static uint16_t near_port(const struct pt_iset *set)
{
	uint16_t v = ports[rnd(PT_ARRAY_SIZE(ports))];

	if (set->n && rnd(8))
		v = (uint16_t)(rnd(2) ? set->v[0].lo : set->v[set->n - 1].hi);
	return (uint16_t)(rnd(4) ? v : v + (rnd(2) ? 1 : -1));
}

static void make_packet(struct pt_packet *k, const struct set *s, const struct recipe *how)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 132, 1, 58, 47, 0, 255 };
	static const struct pt_pol_rule nothing;
	const struct pt_pol_rule *r = how->n_rules ? &s->rules[rnd(how->n_rules)] : &nothing;
	bool six;

	memset(k, 0, sizeof(*k));
	k->af = rnd(2) ? PT_AF_INET : PT_AF_INET6;
	six = k->af == PT_AF_INET6;
	k->src = (struct pt_addr){ k->af, near(six ? &r->src.v6 : &r->src.v4, k->af, how->spread) };
	k->dst = (struct pt_addr){ k->af, near(six ? &r->dst.v6 : &r->dst.v4, k->af, how->spread) };
	k->proto = r->protos.n && rnd(4) ? r->protos.v[rnd((uint32_t)r->protos.n)] : protos[rnd(PT_ARRAY_SIZE(protos))];
	k->sport = near_port(&r->sport);
	k->dport = near_port(&r->dport);
	k->icmp_type = (uint8_t)(near_port(&r->icmp) >> 8);
	k->icmp_code = (uint8_t)near_port(&r->icmp);
	k->tcp_flags = rnd(4) ? (uint8_t)(r->flags_set | (rnd(256) & ~r->flags_mask)) : (uint8_t)rnd(256);
	k->no_ports = !rnd(10);
	k->no_flags = k->no_ports || !rnd(10);
}

/* ---- what the tables promise ---- */

static void check_tree(const struct pt_classifier *c, const struct walk_tree *t, bool wide)
{
	size_t size = wide ? 2 : 1;

	if (!t->depth)
		return;
	assert_in_range(t->depth, 1, WALK_LEVELS);
	assert_true(t->count[0] <= WALK_BLOCK / size);
	for (size_t i = 0; i < t->depth; i++) {
		assert_int_equal(t->base[i] % WALK_BLOCK, 0);
		assert_true(t->base[i] + t->count[i] * size <= c->n_words);
		assert_int_equal(c->words[t->base[i]] | c->words[t->base[i] + size - 1], 0);
		for (size_t k = 0; i && k < t->count[i - 1] * size; k++)
			assert_true(c->words[t->base[i - 1] + k] ==
				    c->words[t->base[i] + k / size * WALK_BLOCK + k % size]);
	}
}

/* Every row is there as a whole. */
static void check_rows(const struct pt_classifier *c, const struct walk_head *h, const struct walk_tree *t)
{
	for (size_t i = 0; i < (t->depth ? t->count[t->depth - 1] : 1); i++) {
		uint32_t at = (uint32_t)(t->depth ? c->words[t->values + i / 2] >> i % 2 * 32 : t->values);

		bool few = h->n_summary <= WALK_FEW_RUNS;
		size_t runs = h->n_summary;

		assert_true(at >= sizeof(*h) / sizeof(uint64_t) && at < c->n_words);
		if (!few) {
			assert_true(h->n_summary == 64 || !(c->words[at] >> h->n_summary));
			runs = (size_t)__builtin_popcountll(c->words[at++]);
		}
		assert_true(at + 2 * runs <= c->n_words);
		for (const uint64_t *two = c->words + at; runs--; two += 2)
			assert_true((few || two[0]) && two[1] + (size_t)__builtin_popcountll(two[0]) <= c->n_words);
	}
}

static void check_shape(const struct pt_classifier *c, const struct set *s)
{
	const struct walk_head *h = (const void *)c->words;

	assert_true(h->magic == WALK_MAGIC);
	assert_int_equal(h->n_rules, s->order.n_const);
	assert_int_equal(c->n_rules, s->order.n_const);
	assert_true(h->n_words * 64 >= h->n_rules && h->n_summary * 64 >= h->n_words);
	check_tree(c, &h->device, false);
	check_tree(c, &h->sport, false);
	check_tree(c, &h->dport, false);
	if (h->split)
		check_rows(c, h, &h->sport);
	if (h->split > 1)
		check_rows(c, h, &h->dport);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(h->side[i / 2][i % 2].wide, i / 2);
		check_tree(c, &h->side[i / 2][i % 2].tree, i / 2);
		check_rows(c, h, &h->side[i / 2][i % 2].tree);
		assert_true(h->side[i / 2][i % 2].any + 1 + h->n_summary + h->n_words <= c->n_words);
	}
}

/* ---- comparison ---- */

static struct pt_classifier *compile(const struct set *s)
{
	struct pt_class_input in = { .order = &s->order, .devices = devices, .n_devices = N_DEVICES };
	struct pt_classifier *c;
	struct pt_err e = { 0 };

	assert_int_equal(pt_classifier_build(&in, &c, &e), 0);
	assert_int_equal(e.n_errors, 0);
	pt_err_fini(&e);
	return c;
}

static size_t matched, unmatched;

static void compare(const struct recipe *how, int n_packets)
{
	struct pt_classifier *c;
	struct set s;

	make_set(&s, how);
	c = compile(&s);
	check_shape(c, &s);
	for (int i = 0; i < n_packets; i++) {
		const struct pt_class_device *d = &devices[rnd(N_DEVICES)];
		struct pt_packet k;
		uint32_t want, got;

		make_packet(&k, &s, how);
		want = plain(&s, &k, d->name);
		got = pt_classify(c, &k, d->index);
		if (got != want)
			print_error("%u rules, wide %u, spread %u\n", how->n_rules, how->wide, how->spread);
		assert_int_equal(got, want);
		matched += want != UINT32_MAX;
		unmatched += want == UINT32_MAX;
	}
	pt_classifier_free(c);
	pt_arena_free(s.arena);
}

static void random_sets(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		struct recipe how = { rnd(40), rnd(17), 3 + rnd(60), !rnd(3), !rnd(4) };

		compare(&how, 200);
	}
	/* A generator that no longer reaches a case would agree with anything. */
	assert_true(matched > 100000 && unmatched > 50000);
}

/* Sizes around those of words and of summary words. */
static void sizes(void **state)
{
	static const uint32_t n[] = { 0, 1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 5000, 9000, 16384, 16385, 20000 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(n); i++) {
		for (uint32_t wide = 0; wide <= 16; wide += n[i] > 9000 ? 8 : 4) {
			struct recipe how = { n[i], wide, 20 + n[i], n[i] > 1000, false };

			compare(&how, n[i] > 4000 ? 500 : 2000);
		}
	}
}

static void all_wildcards(void **state)
{
	static const struct recipe how = { 300, 16, 3, false, false };

	(void)state;
	for (int i = 0; i < 50; i++)
		compare(&how, 300);
}

/* Rules that differ in nothing but where one interval begins: deep trees, many classes. */
static void many_classes(void **state)
{
	struct recipe how = { 6000, 0, 1u << 30, true, false };
	struct pt_classifier *c;
	const struct walk_head *h;
	struct set s;

	(void)state;
	make_set(&s, &how);
	c = compile(&s);
	h = (const void *)c->words;
	assert_true(c->classes[0][0] > 1000 && c->classes[1][1] > 1000 && c->rest > 2);
	assert_true(h->side[0][0].tree.depth > 2 || h->side[1][0].tree.depth > 2);
	assert_true(c->steps > 15 && c->steps < 40);
	pt_classifier_free(c);
	pt_arena_free(s.arena);
	compare(&how, 3000);
}

/* More combinations of ports than there is room for: ports have rows of their own. */
static void many_ports(void **state)
{
	static const struct recipe hows[] = {
		{ 1200, 14, 100, true, true }, { 1200, 2, 30, true, true }, { 5000, 16, 100, true, true },
	};
	static const unsigned int splits[] = { 1, 1, 2 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(hows); i++) {
		struct pt_classifier *c;
		struct set s;

		make_set(&s, &hows[i]);
		c = compile(&s);
		assert_int_equal(((const struct walk_head *)c->words)->split, splits[i]);
		pt_classifier_free(c);
		pt_arena_free(s.arena);
		compare(&hows[i], 3000);
	}
}

/* ---- the rest of the contract ---- */

static void other_devices(void **state)
{
	static const uint32_t others[] = { 0, 4, 6, 8, 64, 66, 0x7ffffffe, 0x80000000u, UINT32_MAX };
	struct recipe how = { 1, 16, 3, false, false };
	struct pt_class_input in = { .keys = NULL };
	struct pt_classifier *c;
	struct pt_packet k;
	struct set s;

	(void)state;
	make_set(&s, &how);
	memset(&s.rules[0], 0, sizeof(s.rules[0]));
	s.rules[0].af = PT_AF_BOTH;
	s.rules[0].if_any = s.rules[0].proto_any = true;
	c = compile(&s);
	make_packet(&k, &s, &how);
	for (size_t i = 0; i < N_DEVICES; i++)
		assert_int_equal(pt_classify(c, &k, devices[i].index), 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(others); i++)
		assert_int_equal(pt_classify(c, &k, others[i]), UINT32_MAX);
	pt_classifier_free(c);
	in.order = &s.order;
	assert_int_equal(pt_classifier_build(&in, &c, NULL), 0);
	assert_int_equal(pt_classify(c, &k, 1), UINT32_MAX);
	pt_classifier_free(c);
	pt_arena_free(s.arena);
}

static void keys(void **state)
{
	static const uint32_t given[] = { 0xdeadbeef, 7, 0x80000001 };
	static const struct recipe how = { 3, 8, 5, false, false };
	struct pt_class_input in = { .keys = given, .none = 0x12345678, .devices = devices, .n_devices = 1 };
	struct pt_classifier *c;
	const struct walk_head *h;
	struct set s;

	(void)state;
	make_set(&s, &how);
	in.order = &s.order;
	assert_int_equal(pt_classifier_build(&in, &c, NULL), 0);
	h = (const void *)c->words;
	assert_int_equal(h->none, 0x12345678);
	assert_true(c->words[h->keys] == 0x00000007deadbeefull);
	assert_true(c->words[h->keys + 1] == 0x80000001u);
	pt_classifier_free(c);
	in.keys = NULL;
	assert_int_equal(pt_classifier_build(&in, &c, NULL), 0);
	h = (const void *)c->words;
	assert_true(c->words[h->keys] == 0x0000000100000000ull);
	assert_true(pt_classifier_keys(c, given, 0x12345678)); /* later is as good as at once */
	assert_int_equal(h->none, 0x12345678);
	assert_true(c->words[h->keys] == 0x00000007deadbeefull);
	assert_true(c->words[h->keys + 1] == 0x80000001u);
	assert_false(pt_classifier_keys(c, given, 0x12345678));
	assert_true(pt_classifier_keys(c, given, 0x12345679));
	pt_classifier_free(c);
	pt_arena_free(s.arena);
}

static void same_bytes_again(void **state)
{
	static const struct recipe how = { 700, 5, 200, false, false };
	struct pt_classifier *x, *y;
	struct set s;

	(void)state;
	make_set(&s, &how);
	x = compile(&s);
	y = compile(&s);
	assert_int_equal(x->n_words, y->n_words);
	assert_memory_equal(x->words, y->words, x->n_words * sizeof(*x->words));
	pt_classifier_free(x);
	pt_classifier_free(y);
	pt_arena_free(s.arena);
}

/* Every limit below what is needed is kept, and told. */
static void too_large(void **state)
{
	static const struct recipe how = { 900, 6, 300, false, false };
	struct pt_class_input in = { .devices = devices, .n_devices = N_DEVICES };
	struct pt_classifier *c;
	size_t n_words;
	struct set s;

	(void)state;
	make_set(&s, &how);
	c = compile(&s);
	n_words = c->n_words;
	pt_classifier_free(c);
	in.order = &s.order;
	for (size_t max = 1; max < n_words; max += 1 + max / 16) {
		struct pt_err e = { 0 };

		in.max_bytes = max * sizeof(uint64_t);
		/* What is split may be smaller. */
		if (!pt_classifier_build(&in, &c, &e)) {
			assert_true(c->n_words <= max);
			assert_true(max > n_words / 8);
			check_shape(c, &s);
			pt_classifier_free(c);
			continue;
		}
		assert_null(c);
		assert_int_equal(e.n_errors, 1);
		assert_non_null(strstr(e.list.v[0].msg, "900 rules would be larger than"));
		assert_non_null(e.list.v[0].hint);
		pt_err_fini(&e);
	}
	in.max_bytes = n_words * sizeof(uint64_t);
	assert_int_equal(pt_classifier_build(&in, &c, NULL), 0);
	pt_classifier_free(c);
	pt_arena_free(s.arena);
}

/* Eight flags, each asked for and against: no byte holds all classes and "absent". */
static void every_flag(void **state)
{
	static const struct recipe how = { 16, 16, 3, false, false };
	struct pt_class_input in = { .devices = devices, .n_devices = N_DEVICES };
	struct pt_classifier *c;
	struct set s;

	(void)state;
	make_set(&s, &how);
	in.order = &s.order;
	for (uint32_t i = 0; i < 16; i++) {
		s.rules[i].proto_any = true;
		s.rules[i].flags_mask = (uint8_t)(1u << i / 2);
		s.rules[i].flags_set = i % 2 ? s.rules[i].flags_mask : 0;
	}
	assert_int_equal(pt_classifier_build(&in, &c, NULL), -E2BIG);
	s.rules[0].flags_mask = s.rules[1].flags_mask = s.rules[1].flags_set = 0;
	assert_int_equal(pt_classifier_build(&in, &c, NULL), 0);
	pt_classifier_free(c);
	pt_arena_free(s.arena);
}

static void without_memory(void **state)
{
	static const struct recipe how = { 150, 6, 60, false, false };
	struct pt_class_input in = { .devices = devices, .n_devices = N_DEVICES };
	struct pt_classifier *c = NULL;
	int rc = -ENOMEM;
	struct set s;
	long i;

	(void)state;
	make_set(&s, &how);
	in.order = &s.order;
	for (i = 0; rc; i++) {
		struct pt_err e = { 0 };

		allocations_left = i;
		rc = pt_classifier_build(&in, &c, &e);
		allocations_left = -1;
		assert_true(rc == 0 ? c != NULL : rc == -ENOMEM && !c && e.n_errors);
		pt_err_fini(&e);
	}
	assert_true(i > 50);
	pt_classifier_free(c);
	pt_classifier_free(NULL);
	pt_arena_free(s.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets),	 cmocka_unit_test(sizes),
		cmocka_unit_test(many_ports),	 cmocka_unit_test(all_wildcards), cmocka_unit_test(many_classes),
		cmocka_unit_test(other_devices), cmocka_unit_test(keys),
		cmocka_unit_test(too_large),	 cmocka_unit_test(same_bytes_again),
		cmocka_unit_test(every_flag),	 cmocka_unit_test(without_memory),
	};
	const char *seed = getenv("PATRONUS_SEED");

	if (seed)
		rng = strtoull(seed, NULL, 0) | 1;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
