/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The algebra of boxes against plain counting: in a few small dimensions every point is looked at. Then what people see of
 * boxes and points, covers that hold whatever contents are, and memory that runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/space.h>

#include "lib/scarce.h"
#include "policy_make.h"

/* ---- a space ---- */

static struct pt_host *host;
static uint64_t rng = 0x73706163u;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

struct made {
	struct built b;
	struct pt_eval *eval;
	struct pt_space *space;
	struct pt_arena *a;
};

static void make(struct made *m, const char *rules, enum pt_space_mode mode)
{
	memset(m, 0, sizeof(*m));
	build_good(&m->b, rules);
	m->a = pt_arena_new();
	if (mode == PT_SPACE_NOW)
		assert_int_equal(pt_eval_new(m->b.policy, host, &m->eval, &m->b.err), 0);
	assert_int_equal(pt_space_new(m->b.policy, mode == PT_SPACE_NOW ? host : NULL, m->eval, mode, &m->space, &m->b.err), 0);
}

static void unmake(struct made *m)
{
	pt_arena_free(m->a);
	pt_space_free(m->space);
	pt_eval_free(m->eval);
	drop(&m->b);
}

/* ---- every point of six dimensions ---- */

static const struct {
	uint32_t dim, n; /* values from 0 on; the last stands for all above */
} small[] = {
	{ PT_DIM_PROTO, 4 }, { PT_DIM_SRC, 5 }, { PT_DIM_FLAGS, 3 }, { PT_DIM_SHORT, 3 }, { PT_DIM_URPF, 2 }, { PT_DIM_TAG, 3 },
};
#define POINTS (4 * 5 * 3 * 3 * 2 * 3)

static pt_u128 values[64];

static struct pt_point point_of(const struct pt_space *s, uint32_t number)
{
	struct pt_point p = { .af = PT_AF_INET, .n = pt_space_dims(s), .v = values };

	assert_true(p.n <= PT_ARRAY_SIZE(values));
	memset(values, 0, sizeof(values));
	for (size_t i = 0; i < PT_ARRAY_SIZE(small); i++) {
		values[small[i].dim] = number % small[i].n;
		number /= small[i].n;
	}
	return p;
}

static bool has(const struct pt_space *s, const struct pt_box *x, uint32_t number)
{
	const struct pt_point p = point_of(s, number);

	return pt_box_has(x, &p);
}

static struct pt_box random_box(const struct pt_space *s, struct pt_arena *a, uint32_t sides)
{
	struct pt_box x = { .af = PT_AF_INET };

	while (sides--) {
		size_t i = rnd((uint32_t)PT_ARRAY_SIZE(small));
		struct pt_iset set = { 0 };

		for (uint32_t v = 0; v < small[i].n; v++)
			if (rnd(3))
				assert_int_equal(pt_iset_add(a, &set, v,
							     v + 1 < small[i].n ? v : pt_space_max(s, small[i].dim, x.af)), 0);
		set.dirty = true;
		pt_iset_norm(&set);
		if (set.n)
			assert_int_equal(pt_box_set(s, a, &x, small[i].dim, &set), 0);
	}
	return x;
}

static void check_form(const struct pt_space *s, const struct pt_box *x)
{
	for (uint32_t i = 0; i < x->n; i++) {
		const struct pt_iset *set = &x->v[i].set;

		assert_true(!i || x->v[i - 1].dim < x->v[i].dim);
		assert_true(set->n && !(set->n == 1 && !set->v[0].lo && set->v[0].hi == pt_space_max(s, x->v[i].dim, x->af)));
		for (uint32_t k = 1; k < set->n; k++)
			assert_true(set->v[k - 1].hi + 1 < set->v[k].lo);
	}
}

static void two(const struct made *m, const struct pt_box *x, const struct pt_box *y)
{
	size_t both = 0, outside = 0;
	struct pt_box z;
	int rc = pt_box_intersect(m->a, x, y, &z);

	for (uint32_t i = 0; i < POINTS; i++) {
		bool in = has(m->space, x, i), other = has(m->space, y, i);

		both += in && other;
		outside += in && !other;
		if (rc)
			assert_int_equal(has(m->space, &z, i), in && other);
	}
	assert_int_equal(rc, both != 0);
	assert_int_equal(pt_box_overlaps(x, y), both != 0);
	assert_int_equal(pt_box_within(x, y), outside == 0);
	if (rc)
		check_form(m->space, &z);
}

static size_t holding(const struct pt_space *s, const pt_boxes *b, uint32_t number)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += has(s, &b->v[i], number);
	return n;
}

#define MANY 9

static void many(const struct made *m, const struct pt_box *x, const struct pt_box *const *y, size_t n, size_t *covered)
{
	pt_boxes left = { 0 };
	struct pt_point w;
	size_t beyond = 0, before;
	int rc;

	assert_int_equal(pt_box_subtract(m->space, m->a, x, y, n, 0, &left), 0);
	for (uint32_t i = 0; i < POINTS; i++) {
		bool in = has(m->space, x, i);

		for (size_t k = 0; k < n; k++)
			in = in && !has(m->space, y[k], i);
		beyond += in;
		assert_int_equal(holding(m->space, &left, i), in);
	}
	rc = pt_box_covered(m->space, m->a, x, y, n, 0, rnd(4) ? &w : NULL);
	assert_int_equal(rc, beyond == 0);
	*covered += rc == 1;
	rc = pt_box_covered(m->space, m->a, x, y, n, 0, &w);
	if (!rc) {
		assert_true(pt_box_has(x, &w));
		for (size_t k = 0; k < n; k++)
			assert_false(pt_box_has(y[k], &w));
	}
	before = left.n;
	assert_int_equal(pt_boxes_join(m->space, m->a, &left), 0);
	assert_true(left.n <= before);
	for (size_t i = 0; i < left.n; i++)
		check_form(m->space, &left.v[i]);
	for (uint32_t i = 0; i < POINTS; i++) {
		bool in = has(m->space, x, i);

		for (size_t k = 0; k < n; k++)
			in = in && !has(m->space, y[k], i);
		assert_int_equal(holding(m->space, &left, i), in);
	}
}

static void algebra(void **state)
{
	size_t covered = 0;
	struct made m;

	(void)state;
	make(&m, "\"pass tag A\", \"pass tag B\"", PT_SPACE_NOW);
	for (int i = 0; i < 3000; i++) {
		struct pt_box x = random_box(m.space, m.a, rnd(4)), y[MANY];
		const struct pt_box *v[MANY];
		size_t n = rnd(MANY + 1);

		for (size_t k = 0; k < MANY; k++) {
			y[k] = random_box(m.space, m.a, 1 + rnd(4));
			v[k] = &y[k];
		}
		check_form(m.space, &x);
		two(&m, &x, &y[0]);
		many(&m, &x, v, n, &covered);
		pt_arena_reset(m.a);
	}
	printf("# %zu of 3000 covered\n", covered);
	assert_in_range(covered, 300, 2700);
	unmake(&m);
}

static void joined(void **state)
{
	pt_boxes b = { 0 };
	struct made m;

	(void)state;
	make(&m, "\"pass tag A\", \"pass tag B\"", PT_SPACE_NOW);
	/* One box, cut in all dimensions, is one box again. */
	for (uint32_t i = 0; i < 8; i++) {
		struct pt_box x = { .af = PT_AF_INET };

		for (uint32_t k = 0; k < 3; k++) {
			struct pt_ival half = { i >> k & 1 ? 1 : 0, i >> k & 1 ? pt_space_max(m.space, small[k].dim, x.af) : 0 };
			const struct pt_iset set = { .v = &half, .n = 1 };

			assert_int_equal(pt_box_set(m.space, m.a, &x, small[k].dim, &set), 0);
		}
		assert_int_equal(pt_vec_push(m.a, &b, x), 0);
	}
	assert_int_equal(pt_boxes_join(m.space, m.a, &b), 0);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.v[0].n, 0);
	unmake(&m);
}

/* Steps are counted, and the answer is then not a guess. */
static void bounded(void **state)
{
	struct pt_point w;
	struct made m;
	size_t unknown = 0;

	(void)state;
	make(&m, "\"pass tag A\", \"pass tag B\"", PT_SPACE_NOW);
	for (int i = 0; i < 500; i++) {
		struct pt_box x = { .af = PT_AF_INET }, y[60];
		const struct pt_box *v[60];
		int rc, all;

		for (size_t k = 0; k < 60; k++) {
			y[k] = random_box(m.space, m.a, 3);
			v[k] = &y[k];
		}
		rc = pt_box_covered(m.space, m.a, &x, v, 60, 1, &w);
		all = pt_box_covered(m.space, m.a, &x, v, 60, 0, NULL);
		assert_true(rc == -E2BIG || rc == all);
		unknown += rc == -E2BIG;
		pt_arena_reset(m.a);
	}
	assert_true(unknown);
	unmake(&m);
}

/* ---- a rule that those before it cover ---- */

/* By the boxes of rule number OTHER and those before it, in direction in: 1, or 0 with the witness in words. */
static int covered_by(const struct made *m, const char *name, struct pt_buf *out)
{
	const struct pt_space_dir *d = &m->space->dir[0];
	int rc = 1;

	out->n = 0;
	for (size_t i = 0; i < d->v.n; i++) {
		const struct pt_region *r = &d->v.v[i];

		if (!r->rule || r->why || strcmp(r->rule->name, name) != 0)
			continue;
		for (size_t k = 0; rc == 1 && k < r->boxes.n; k++) {
			struct pt_space_hits hits = { 0 };
			struct pt_point w;

			assert_int_equal(pt_space_before(m->space, PT_IN, i, &r->boxes.v[k], m->a, &hits), 0);
			rc = pt_box_covered(m->space, m->a, &r->boxes.v[k], hits.box.v, hits.box.n, 0, &w);
			if (!rc)
				pt_space_print_point(m->space, PT_IN, &w, out);
		}
	}
	return rc;
}

static void contents(void **state)
{
	static const struct {
		const char *rules;
		bool now, always;
	} cases[] = {
		{ "\"pass in quick from <bad> flags any no state\", \"pass in quick from ! <bad> flags any no state\", \"block in label x\"", true, true },
		{ "\"pass in quick from <bad> flags any no state\", \"block in quick from <bad> label x\"", true, true },
		{ "\"pass in quick from <good> flags any no state\", \"block in quick from <bad> label x\"", false, false },
		{ "\"pass in quick from 10.0.0.0/8 flags any no state\", \"block in quick from <four> label x\"", true, false },
		{ "\"pass in quick from <four> flags any no state\", \"block in quick from 10.0.0.0/8 label x\"", true, false },
		{ "\"pass in quick from <none> flags any no state\", \"pass in quick from ! <none> flags any no state\", \"block in quick to <none> label x\"", true, true },
		{ "\"pass in quick to self flags any no state\", \"block in quick to (lan) label x\"", true, false },
		{ "\"block in quick limit 5/second\", \"pass in quick label x\"", true, false },
		{ "\"block in quick limit 5/second\", \"block in quick\", \"pass in quick label x\"", true, true },
		{ "\"block in quick once\", \"pass in quick label x\"", true, false },
		{ "\"block in quick probability 50%\", \"pass in quick label x\"", false, false },
		{ "\"block in quick proto tcp\", \"block in quick proto { udp, icmp }\", \"pass in quick label x\"", false, false },
		{ "\"block in quick inet\", \"block in quick inet6\", \"pass in quick label x\"", true, true },
		{ "\"block in quick on lan\", \"block in quick on ! lan\", \"pass in quick label x\"", true, true },
		{ "\"match in tag A\", \"block in quick tagged A\", \"pass in quick label x\"", true, true },
		{ "\"match in inet tag A\", \"block in quick tagged A\", \"pass in quick label x\"", false, false },
		{ "\"match in inet rdr-to 10.0.5.20\", \"block in quick inet to 10.0.5.20\", \"pass in quick inet label x\"", true, true },
		{ "\"match in inet proto tcp to port 80 rdr-to 10.0.5.20 port 8080\", \"block in quick proto tcp to port 8080\", "
		  "\"pass in quick inet proto tcp to port 80 label x\"", true, true },
	};
	struct pt_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		for (int mode = 0; mode < 2; mode++) {
			struct made m;

			make(&m, cases[i].rules, mode ? PT_SPACE_ALWAYS : PT_SPACE_NOW);
			if (covered_by(&m, "x", &b) != (mode ? cases[i].always : cases[i].now)) {
				print_error("%s: mode %d: %s\n", cases[i].rules, mode, b.n ? b.s : "covered");
				fail();
			}
			unmake(&m);
		}
	pt_buf_fini(&b);
}

/* ---- what people see ---- */

static void words(void **state)
{
	static const struct {
		const char *rule, *box, *point;
	} cases[] = {
		{ "pass in on lan inet proto tcp from 10.0.0.0/8 to any port 443 flags any label x",
		  "on lan inet proto tcp from 10.0.0.0/8 to any port 443",
		  "in lan tcp 10.0.0.1:49152 to 203.0.113.1:443 flags S" },
		{ "pass in inet proto tcp from 198.51.100.0/24 to any port { 22, 80:90 } label x",
		  "inet proto tcp from 198.51.100.0/24 to any port { 22, 80:90 } flags S/SA",
		  "in dmz tcp 198.51.100.1:49152 to 203.0.113.1:80 flags S" },
		{ "block in on wan inet6 proto icmp6 from any to fd00::/8 icmp6-type echoreq label x",
		  "on wan inet6 proto icmp6 from any to fd00::/8 icmp6-type { echoreq }",
		  "in wan icmp6 2001:db8::1 to fd00::1 type 128 code 0" },
		{ "block in on ! lan inet proto udp from ! 10.0.0.0/8 to any label x",
		  "on ! lan inet proto udp from ! 10.0.0.0/8 to any",
		  "in dmz udp 198.51.100.1:49152 to 203.0.113.1:443" },
		{ "block in inet proto tcp flags /SF label x", "inet proto tcp from any to any flags /FS",
		  "in dmz tcp 198.51.100.1:49152 to 203.0.113.1:443 flags A" },
		{ "block in inet mac 02:00:00:00:01:00 label x", "inet from any to any mac 02:00:00:00:01:00",
		  "in dmz tcp 198.51.100.1:49152 to 203.0.113.1:443 flags S mac 02:00:00:00:01:00" },
	};
	struct pt_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_buf quoted = { 0 };
		pt_boxes boxes = { 0 };
		struct made m;

		pt_buf_fmt(&quoted, "\"%s\"", cases[i].rule);
		make(&m, quoted.s, PT_SPACE_NOW);
		assert_int_equal(pt_space_boxes(m.space, &m.b.policy->rules.v[0], m.a, &boxes), 0);
		assert_int_equal(boxes.n, 1);
		b.n = 0;
		pt_space_print(m.space, &boxes.v[0], &b);
		assert_string_equal(b.s, cases[i].box);
		assert_int_equal(covered_by(&m, "x", &b), 0);
		assert_string_equal(b.s, cases[i].point);
		unmake(&m);
		pt_buf_fini(&quoted);
	}
	pt_buf_fini(&b);
}

static void begins(void **state)
{
	const struct pt_box all = { .af = PT_AF_INET };
	const struct pt_region *by = NULL;
	pt_boxes first = { 0 };
	const char *device;
	struct pt_packet k;
	struct pt_point w;
	struct made m;

	(void)state;
	/* Whole packets that begin something come before fragments and stray ones. */
	make(&m, "\"pass in quick inet proto tcp from any to any port < 100 label a\", \"pass in flags any no state label b\"",
	     PT_SPACE_NOW);
	assert_int_equal(pt_space_begins(m.space, m.a, &all, &first), 0);
	assert_true(first.n > 1);
	assert_int_equal(pt_space_find(m.space, m.a, PT_IN, &all, true, &w, &by), 1);
	pt_space_packet(m.space, &w, &k, &device);
	assert_int_equal(k.ct, PT_CT_NEW);
	assert_string_equal(by->rule->name, "a");
	/* What is blocked is only what the state of the first rule refuses. */
	assert_int_equal(pt_space_find(m.space, m.a, PT_IN, &all, false, &w, &by), 1);
	assert_string_equal(by->why, PT_WHY_INVALID);
	assert_string_equal(by->rule->name, "a");
	assert_int_equal(pt_space_find(m.space, m.a, PT_OUT, &all, false, &w, &by), 1);
	assert_null(by->rule);
	unmake(&m);
}

static void like(void **state)
{
	struct pt_space *x = NULL, *y = NULL;
	struct made m, o;

	(void)state;
	make(&m, "\"pass on lan\"", PT_SPACE_ALWAYS);
	make(&o, "\"pass on { wan, six }\"", PT_SPACE_ALWAYS);
	assert_int_equal(pt_space_new_like(m.b.policy, NULL, NULL, PT_SPACE_ALWAYS, o.space, &x, NULL), 0);
	assert_int_equal(pt_space_new_like(o.b.policy, NULL, NULL, PT_SPACE_ALWAYS, x, &y, NULL), 0);
	assert_int_equal(x->devices.n, y->devices.n);
	for (size_t i = 0; i < x->devices.n; i++)
		assert_string_equal(x->devices.v[i], y->devices.v[i]);
	pt_space_free(x);
	pt_space_free(y);
	unmake(&o);
	unmake(&m);
}

/* ---- too much ---- */

static void too_many_cells(void **state)
{
	struct pt_space *s = NULL;
	struct pt_eval *v = NULL;
	struct pt_buf rules = { 0 };
	struct pt_err e = { 0 };
	struct built b;

	(void)state;
	/* Each overlaps all others in another corner. */
	for (int i = 0; i < 40; i++)
		pt_buf_fmt(&rules, "\"match in inet proto tcp from 10.0.0.%d - 10.0.1.%d port %d:%d to 10.0.2.%d - 10.0.3.%d "
			   "port %d:%d tag T%d\",\n", i, i, 100 - i, 300 - 7 * i % 40, 7 * i % 41, i, 100 + 11 * i % 43,
			   400 + 3 * i % 37, i);
	pt_buf_str(&rules, "\"pass in tagged T3\"");
	build_good(&b, rules.s);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &e), 0);
	assert_int_equal(pt_space_new(b.policy, host, v, PT_SPACE_NOW, &s, &e), -E2BIG);
	assert_null(s);
	assert_int_equal(e.n_errors, 1);
	assert_non_null(strstr(e.list.v[0].msg, "kinds"));
	assert_true(e.list.v[0].loc.line > 1);
	pt_space_free(s);
	pt_err_fini(&e);
	pt_eval_free(v);
	drop(&b);
	pt_buf_fini(&rules);
}

/* ---- memory that runs out ---- */

static const char all_kinds[] =
	"\"block\", \"match in proto tcp to port 8000 tag A\", \"match in inet to <bad> rdr-to 10.0.5.20\","
	"\"pass in quick proto tcp from { 10.0.0.0/8, fd00::/8 } to ! (lan) port { 22, 80 } tagged A\","
	"\"pass in proto { tcp, udp } from ! <good> to 10.0.5.20 port 443 limit 5/second\","
	"\"match out on wan from any to any nat-to (wan)\", \"pass out received-on lan user 7\","
	"\"pass out on ppp from 10.0.5.0/24 to any nat-to (ppp)\", \"block out ! tagged A tos ef\"";

static int everything(const struct pt_policy *p, const struct pt_eval *v, enum pt_space_mode mode, struct pt_err *e)
{
	const struct pt_box all = { .af = PT_AF_INET };
	const struct pt_region *by = NULL;
	struct pt_arena *a = pt_arena_new();
	struct pt_space *s = NULL;
	struct pt_buf b = { 0 };
	pt_boxes boxes = { 0 };
	struct pt_point w;
	int rc = a ? pt_space_new(p, host, v, mode, &s, e) : -ENOMEM;

	for (int i = 0; rc >= 0 && i < 4; i++) {
		rc = pt_space_find(s, a, i & 1 ? PT_IN : PT_OUT, &all, i & 2, &w, &by);
		if (rc == 1)
			pt_space_print_point(s, i & 1 ? PT_IN : PT_OUT, &w, &b);
	}
	for (size_t i = 0; rc >= 0 && i < p->rules.n; i++) {
		rc = pt_space_boxes(s, &p->rules.v[i], a, &boxes);
		if (!rc && boxes.n)
			pt_space_print(s, &boxes.v[0], &b);
		boxes.n = i % 64 ? boxes.n : 0;
	}
	if (rc >= 0)
		rc = pt_boxes_join(s, a, &boxes);
	rc = rc < 0 ? rc : b.err;
	pt_buf_fini(&b);
	pt_space_free(s);
	pt_arena_free(a);
	return rc;
}

static void no_memory(void **state)
{
	struct pt_buf rules = { 0 };
	struct pt_eval *v = NULL;
	struct pt_err e = { 0 };
	struct built b;

	(void)state;
	/* Enough for many blocks of an arena. */
	for (int i = 0; i < 100; i++)
		pt_buf_fmt(&rules, "\"pass in proto { tcp, udp } from 10.1.%d.0/24 to any port { %d, %d:%d }\",\n", i / 2, i + 1, 2 * i + 3,
			   3 * i + 4);
	pt_buf_str(&rules, all_kinds);
	build_good(&b, rules.s);
	assert_int_equal(pt_eval_new(b.policy, host, &v, &e), 0);
	for (int mode = 0; mode < 2; mode++) {
		long n = 0;
		int rc;

		do {
			struct pt_err own = { 0 };

			allocations_left = n++;
			rc = everything(b.policy, v, mode ? PT_SPACE_ALWAYS : PT_SPACE_NOW, &own);
			assert_true(rc == -ENOMEM || allocations_left >= 0);
			allocations_left = -1;
			pt_err_fini(&own);
		} while (rc == -ENOMEM);
		assert_int_equal(rc, 0);
		printf("# mode %d: %ld allocations\n", mode, n);
		assert_true(n > 20);
	}
	pt_err_fini(&e);
	pt_eval_free(v);
	drop(&b);
	pt_buf_fini(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algebra), cmocka_unit_test(joined), cmocka_unit_test(bounded), cmocka_unit_test(contents),
		cmocka_unit_test(words), cmocka_unit_test(begins), cmocka_unit_test(like), cmocka_unit_test(too_many_cells),
		cmocka_unit_test(no_memory),
	};
	int rc;

	host = make_host();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	pt_arena_free(host->arena);
	return rc;
}
