/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Differences on programs made by hand. A recorder takes what would be sent, and a small model
 * of the kernel carries it out: order, handles and elements must come out as wanted, with
 * as few writes as can be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/nft_make.h"
#include "lib/scarce.h"
#include "nft/change.h"
#include "nft/table.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

/* ---- a kernel's side out of a program ---- */

/* P as if it had been read back: handles from 100 on. P stays the owner of everything. */
static struct pt_nft_state have(struct pt_nft_prog *p)
{
	struct pt_nft_state s = { .present = true, .genid = 7, .objects = &p->objects };
	uint64_t handle = 100;

	p->objects.applied_chain = true;
	snprintf(s.digest, sizeof(s.digest), "%s", p->digest);
	for (size_t i = 0; i < p->objects.chains.n; i++)
		for (size_t k = 0; k < p->objects.chains.v[i].rules.n; k++)
			p->objects.chains.v[i].rules.v[k].handle = handle++;
	for (size_t i = 0; i < p->objects.sets.n; i++) {
		struct nft_set *set = &p->objects.sets.v[i];

		set->raw.v = set->elems.v;
		set->raw.n = set->elems.n;
	}
	return s;
}

static struct pt_nft_plan *diff(const struct pt_nft_prog *want, const struct pt_nft_state *s)
{
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };

	assert_int_equal(pt_nft_diff(want, s, &plan, &e), 0);
	assert_int_equal(e.n_errors, 0);
	pt_err_fini(&e);
	return plan;
}

static void write_op(const char *op, const char *kind, const char *name, void *arg)
{
	pt_buf_fmt(arg, "%s %s %s\n", op, kind, name);
}

/* Takes the plan. */
static void plan_is(struct pt_nft_plan *plan, const char *want)
{
	struct pt_buf b = { 0 };

	pt_nft_plan_walk(plan, write_op, &b);
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
	pt_nft_plan_free(plan);
}

#define NOTE "delete chain ptfw.applied\nadd chain ptfw.applied\n"

static struct pt_nft_prog *numbered(const uint32_t *ids, size_t n)
{
	struct pt_nft_prog *p = make_prog("aa");
	size_t in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, 0);

	for (size_t i = 0; i < n; i++)
		make_port_rule(p, in, ids[i], (uint16_t)ids[i], NF_ACCEPT);
	return p;
}

/* ---- rules ---- */

static void same_is_nothing(void **state)
{
	static const uint32_t ids[] = { 1, 2, 3, 3, 1 };
	struct pt_nft_prog *want = numbered(ids, 5), *kernel = numbered(ids, 5);
	struct pt_nft_state s = have(kernel);
	struct pt_nft_plan *plan = diff(want, &s);
	struct pt_nl_record rec = { 0 };
	struct pt_nl *nl;

	(void)state;
	assert_int_equal(pt_nft_plan_writes(plan), 0);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_nft_commit(nl, plan, NULL), 0);
	assert_int_equal(rec.sends, 0);
	assert_int_equal(rec.writes, 0);
	pt_nl_close(nl);
	plan_is(plan, "");
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

static void one_of_many(void **state)
{
	static const uint32_t a[] = { 1, 2, 3, 4, 5 }, b[] = { 1, 2, 9, 4, 5 };
	struct pt_nft_prog *want = numbered(b, 5), *kernel = numbered(a, 5);
	struct pt_nft_state s = have(kernel);

	(void)state;
	plan_is(diff(want, &s), "delete rule in/rule-3\nadd rule in/rule-9\n" NOTE);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

static void first_load(void **state)
{
	static const uint32_t ids[] = { 1 };
	struct pt_nft_prog *want = numbered(ids, 1);
	struct pt_nft_objects none = { 0 };
	struct pt_nft_state s = { .objects = &none };

	(void)state;
	make_elem(want, make_set(want, "c.1", NFT_SET_CONST, PT_AF_INET), 1, 1);
	plan_is(diff(want, &s), "add table inet patronus\nadd chain in\nadd set c.1\n"
				"add element c.1: 0.0.0.1\nadd rule in/rule-1\n"
				"add chain ptfw.applied\n");
	pt_nft_prog_free(want);
}

static void digest_only(void **state)
{
	static const uint32_t ids[] = { 1 };
	struct pt_nft_prog *want = numbered(ids, 1), *kernel = numbered(ids, 1);
	struct pt_nft_state s = have(kernel);

	(void)state;
	want->digest = "bb";
	plan_is(diff(want, &s), NOTE);
	want->digest = "aa";
	want->path = "/elsewhere";
	plan_is(diff(want, &s), "");
	kernel->objects.applied_chain = false;
	plan_is(diff(want, &s), "add chain ptfw.applied\n");
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

/* ---- the model: one chain of rules ---- */

#define LEN 12

struct model {
	uint64_t handle[2 * LEN];
	uint32_t id[2 * LEN];
	size_t n, added, deleted;
};

static void model_put(struct model *m, size_t at, uint32_t id)
{
	assert_true(m->n < PT_ARRAY_SIZE(m->id));
	memmove(&m->id[at + 1], &m->id[at], (m->n - at) * sizeof(m->id[0]));
	memmove(&m->handle[at + 1], &m->handle[at], (m->n - at) * sizeof(m->handle[0]));
	m->id[at] = id;
	m->handle[at] = 0; /* not known to the planner: it must not be named */
	m->n++;
	m->added++;
}

static size_t model_find(const struct model *m, uint64_t handle)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->handle[i] == handle)
			return i;
	fail_msg("no rule has the handle %llu", (unsigned long long)handle);
	return 0;
}

static void model_rule(struct model *m, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct pt_arena *a = pt_arena_new();
	uint64_t handle = 0, position = 0;
	const char *name;
	uint32_t id;

	assert_int_equal(pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX + 1), 0);
	assert_int_equal(pt_nl_get_be64(tb[NFTA_RULE_HANDLE], &handle), 0);
	assert_int_equal(pt_nl_get_be64(tb[NFTA_RULE_POSITION], &position), 0);
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_DELRULE) {
		size_t at = model_find(m, handle);

		m->n--;
		m->deleted++;
		memmove(&m->id[at], &m->id[at + 1], (m->n - at) * sizeof(m->id[0]));
		memmove(&m->handle[at], &m->handle[at + 1], (m->n - at) * sizeof(m->handle[0]));
	} else {
		assert_int_equal(nft_rule_get_identity(mnl_attr_get_payload(tb[NFTA_RULE_USERDATA]),
				 mnl_attr_get_payload_len(tb[NFTA_RULE_USERDATA]), a, &id, &name), 0);
		assert_true(!position == !!(nlh->nlmsg_flags & NLM_F_APPEND));
		model_put(m, position ? model_find(m, position) : m->n, id);
	}
	pt_arena_free(a);
}

/* Calls FN for what PLAN sends, and frees it. */
static void carry_out(struct pt_nft_plan *plan, void (*fn)(const struct nlmsghdr *nlh, void *arg),
		      void *arg)
{
	struct pt_nl_record rec = { 0 };
	const struct nlmsghdr *nlh;
	struct pt_nl *nl;
	int left;

	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_nft_commit(nl, plan, NULL), 0);
	assert_int_equal(rec.writes, pt_nft_plan_writes(plan));
	left = (int)rec.bytes.n;
	for (nlh = (void *)rec.bytes.s; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		fn(nlh, arg);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_nft_plan_free(plan);
}

static void model_message(const struct nlmsghdr *nlh, void *arg)
{
	uint16_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) == NFNL_SUBSYS_NFTABLES &&
	    (type == NFT_MSG_NEWRULE || type == NFT_MSG_DELRULE))
		model_rule(arg, nlh);
}

/* Longest common subsequence, the plain way. */
static size_t common(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
	size_t t[LEN + 1][LEN + 1] = { 0 };

	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; k <= m; k++)
			t[i][k] = a[i - 1] == b[k - 1] ? t[i - 1][k - 1] + 1 :
				  t[i - 1][k] > t[i][k - 1] ? t[i - 1][k] : t[i][k - 1];
	return t[n][m];
}

static void shuffled(uint32_t *ids, size_t *n, uint32_t kinds)
{
	*n = (size_t)(random() % (LEN + 1));
	for (size_t i = 0; i < *n; i++) {
		ids[i] = 1 + (uint32_t)(random() % kinds);
		for (size_t k = 0; kinds > LEN && k < i; k++)
			if (ids[k] == ids[i]) {
				i--;
				break;
			}
	}
}

/* Random lists into random lists. Without repeated rules nothing that could stay is written. */
static void any_to_any(void **state)
{
	uint32_t a[LEN], b[LEN];
	size_t n, m;

	(void)state;
	srandom(1);
	for (int round = 0; round < 600; round++) {
		uint32_t kinds = round % 2 ? 2 * LEN : 4;
		struct pt_nft_prog *want, *kernel;
		struct pt_nft_state s;
		struct model mod = { 0 };

		shuffled(a, &n, kinds);
		shuffled(b, &m, kinds);
		kernel = numbered(a, n);
		want = numbered(b, m);
		s = have(kernel);
		for (size_t i = 0; i < n; i++)
			model_put(&mod, i, a[i]);
		for (size_t i = 0; i < n; i++)
			mod.handle[i] = 100 + i;
		mod.added = 0;
		carry_out(diff(want, &s), model_message, &mod);
		assert_int_equal(mod.n, m);
		assert_memory_equal(mod.id, b, m * sizeof(*b));
		if (kinds > LEN)
			assert_int_equal(mod.added, m - common(a, n, b, m));
		assert_int_equal(n - mod.deleted, m - mod.added);
		pt_nft_prog_free(want);
		pt_nft_prog_free(kernel);
	}
}

/* ---- sets ---- */

static void elements(void **state)
{
	struct pt_nft_prog *want = make_prog("aa"), *kernel = make_prog("aa");
	size_t w = make_set(want, "if.lan.4", NFT_SET_IF, PT_AF_INET);
	size_t k = make_set(kernel, "if.lan.4", NFT_SET_IF, PT_AF_INET);
	struct pt_nft_state s;

	(void)state;
	make_elem(kernel, k, 0x0a000000, 0x0a0000ff);
	make_elem(kernel, k, 0xc0a80101, 0xc0a80101);
	make_elem(want, w, 0x0a000000, 0x0a0000ff);
	make_elem(want, w, 0xc0a80102, 0xc0a80107);
	s = have(kernel);
	plan_is(diff(want, &s), "delete element if.lan.4: 192.168.1.1\n"
				"add element if.lan.4: 192.168.1.2-192.168.1.7\n" NOTE);
	want->objects.sets.v[w].keep = true;
	plan_is(diff(want, &s), "");
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

static void single_keys(void **state)
{
	struct pt_nft_prog *want = make_prog("aa"), *kernel = make_prog("aa");
	size_t w = make_set(want, "c.p", NFT_SET_CONST, PT_AF_NONE);
	size_t k = make_set(kernel, "c.p", NFT_SET_CONST, PT_AF_NONE);
	struct pt_ival raw[3] = { { 1, 1 }, { 2, 2 }, { 3, 3 } };
	struct pt_nft_state s;

	(void)state;
	want->objects.sets.v[w].interval = kernel->objects.sets.v[k].interval = false;
	make_elem(kernel, k, 1, 3);
	make_elem(want, w, 2, 5);
	s = have(kernel);
	kernel->objects.sets.v[k].raw.v = raw;
	kernel->objects.sets.v[k].raw.n = 3;
	plan_is(diff(want, &s), "delete element c.p: 1\nadd element c.p: 4, 5\n" NOTE);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

static void put_map(struct pt_nft_prog *p, const char *const *chains, size_t n)
{
	struct nft_set set = { .name = "v.nat", .role = NFT_SET_VMAP, .key_len = 2, .key_type = 13 };

	for (size_t i = 0; i < n; i++) {
		struct nft_map_elem el = { .key = { 0, (uint8_t)i }, .key_len = 2,
					   .chain = chains[i] };

		if (chains[i])
			assert_int_equal(pt_vec_push(p->arena, &set.map, el), 0);
	}
	assert_int_equal(pt_vec_push(p->arena, &p->objects.sets, set), 0);
}

static void maps(void **state)
{
	static const char *const a[] = { "one", "two", "three" }, *const b[] = { NULL, "two", "four", "one" };
	struct pt_nft_prog *want = make_prog("aa"), *kernel = make_prog("aa");
	struct pt_nft_state s;

	(void)state;
	put_map(kernel, a, 3);
	put_map(want, a, 3);
	s = have(kernel);
	plan_is(diff(want, &s), "");
	want->objects.sets.n = 0;
	put_map(want, b, 4);
	plan_is(diff(want, &s), "delete element v.nat: 2 of the map\n"
				"add element v.nat: 2 of the map\n" NOTE);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

/* A map of the classifier's keys 1 to N. */
static struct nft_set *put_keys(struct pt_nft_prog *p, uint32_t n)
{
	size_t at = make_set(p, "in.act", NFT_SET_VMAP, PT_AF_NONE);
	struct nft_set *set = &p->objects.sets.v[at];

	set->interval = false;
	set->keys = set->counters = true;
	set->key_len = sizeof(n);
	for (uint32_t i = 1; i <= n; i++) {
		struct nft_map_elem el = { .key_len = sizeof(i), .verdict = NF_DROP, .id = i, .packets = i };

		memcpy(el.key, &i, sizeof(i));
		assert_int_equal(pt_vec_push(p->arena, &set->map, el), 0);
	}
	return set;
}

/* What a rule left behind that another took the place of is no difference, counts for nobody, and goes with the next change. */
static void retired(void **state)
{
	struct pt_nft_prog *want = make_prog("aa"), *kernel = make_prog("aa");
	struct pt_nft_counter *counters = NULL;
	struct pt_nft_state s;
	struct nft_set *set;
	size_t n;

	(void)state;
	put_keys(want, 2);
	set = put_keys(kernel, 4);
	s = have(kernel);
	plan_is(diff(want, &s), "delete element in.act: 2 of the map\n" NOTE);
	kernel->objects.patches[kernel->objects.n_patches++] = (struct nft_patch){ 3, 2 };
	kernel->objects.patches[kernel->objects.n_patches++] = (struct nft_patch){ 4, 0 };
	assert_true(pt_nft_patched(&s));
	nft_patches_mark(&kernel->objects, set);
	plan_is(diff(want, &s), "");
	assert_int_equal(pt_nft_counters(&s, kernel->arena, &counters, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(counters[0].packets + counters[1].packets, 1 + 2);
	want->digest = "bb";
	plan_is(diff(want, &s), "delete element in.act: 2 of the map\ndelete chain ptfw.applied\ndelete chain ptfw.applied.1\n"
				"delete chain ptfw.applied.2\nadd chain ptfw.applied\n");
	want->objects.sets.n = 0;
	put_keys(want, 3); /* should one be wanted all the same, it stays */
	plan_is(diff(want, &s), "delete element in.act: 1 of the map\ndelete chain ptfw.applied\ndelete chain ptfw.applied.1\n"
				"delete chain ptfw.applied.2\nadd chain ptfw.applied\n");
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

/* The chains that note what is applied, by their names. */
static void applied_names(void **state)
{
	char name[NFT_SETNAME_MAX];
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i <= PT_NFT_PATCHES_MAX; i++) {
		nft_applied_name(i, name);
		assert_true(nft_applied_chain(name, &number));
		assert_int_equal(number, i);
	}
	nft_applied_name(PT_NFT_PATCHES_MAX + 1, name);
	assert_false(nft_applied_chain(name, &number));
	assert_false(nft_applied_chain("ptfw.applied.", &number));
	assert_false(nft_applied_chain("ptfw.applied.01", &number));
	assert_false(nft_applied_chain("in", &number));
}

static void rule_with_set(struct pt_nft_prog *p, size_t chain, uint32_t id, const char *set)
{
	struct nftnl_rule *r = make_nlr();

	make_payload(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	make_lookup(r, set);
	make_verdict(r, NF_DROP, NULL);
	make_rule(p, chain, r, id, "look", id);
}

/* The order of references: rules leave first and come last; what nothing uses goes at the end. */
static void replaced_and_left_over(void **state)
{
	static const uint32_t ids[] = { 1 };
	struct pt_nft_prog *want = numbered(ids, 1), *kernel = numbered(ids, 1);
	struct pt_nft_state s;
	size_t i;

	(void)state;
	rule_with_set(want, 0, 2, "t.bad.4");
	rule_with_set(kernel, 0, 2, "t.bad.4");
	i = make_set(want, "t.bad.4", NFT_SET_TABLE, PT_AF_INET);
	want->objects.sets.v[i].counters = want->objects.sets.v[i].keep = true;
	make_elem(kernel, make_set(kernel, "t.bad.4", NFT_SET_TABLE, PT_AF_INET), 1, 5);
	(void)make_set(kernel, "c.old", NFT_SET_CONST, PT_AF_INET);
	make_port_rule(kernel, make_chain(kernel, "old", NULL, 0, 0), 8, 8, NF_DROP);
	(void)make_chain(want, "new", NULL, 0, 0);
	s = have(kernel);
	plan_is(diff(want, &s),
		"delete rule in/look\ndelete rule old/rule-8\ndelete set t.bad.4\nadd chain new\n"
		"add set t.bad.4\nadd element t.bad.4: 0.0.0.1-0.0.0.5\nadd rule in/look\n"
		"delete set c.old\ndelete chain old\n" NOTE);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

/* ---- deltas and changes of elements, against a picture of the set ---- */

#define SPACE 24

static void paint(bool *picture, const struct pt_iset *s, bool value)
{
	for (size_t i = 0; i < s->n; i++)
		for (pt_u128 v = s->v[i].lo; v <= s->v[i].hi; v++)
			picture[(size_t)v] = value;
}

static void random_set(struct pt_iset *s)
{
	for (long i = random() % 4; i > 0; i--) {
		pt_u128 lo = (pt_u128)(random() % SPACE), hi = lo + (pt_u128)(random() % 6);

		assert_int_equal(pt_iset_add(NULL, s, lo, hi < SPACE ? hi : SPACE - 1), 0);
	}
	pt_iset_norm(s);
}

/* A set as the kernel may hold it: disjoint elements, neighbours not joined. */
static void random_elems(struct nft_elems *e)
{
	pt_u128 at = 0;

	while (at < SPACE) {
		struct nft_elem el = { .lo = at, .hi = at + (pt_u128)(random() % 4), .timeout = 9 };

		at = el.hi + 1 + (pt_u128)(random() % 3);
		if (el.hi < SPACE && random() % 2)
			assert_int_equal(pt_vec_push(NULL, e, el), 0);
	}
}

/* Takes DEL out of the kernel's set, which must hold exactly these elements, and puts ADD in, which must
 * overlap nothing. */
static void write_change(struct nft_elems *have_elems, const struct nft_change *c, bool *picture)
{
	size_t kept = 0, d = 0;

	for (size_t i = 0; i < have_elems->n; i++) {
		if (d < c->del.n && c->del.v[d].lo == have_elems->v[i].lo) {
			assert_true(c->del.v[d++].hi == have_elems->v[i].hi);
			continue;
		}
		have_elems->v[kept++] = have_elems->v[i];
	}
	assert_int_equal(d, c->del.n);
	have_elems->n = kept;
	memset(picture, 0, SPACE);
	for (size_t i = 0; i < kept; i++)
		memset(&picture[(size_t)have_elems->v[i].lo], 1,
		       (size_t)(have_elems->v[i].hi - have_elems->v[i].lo) + 1);
	for (size_t i = 0; i < c->add.n; i++) {
		assert_true(i == 0 || c->add.v[i - 1].hi < c->add.v[i].lo);
		for (pt_u128 v = c->add.v[i].lo; v <= c->add.v[i].hi; v++) {
			assert_false(picture[(size_t)v]);
			picture[(size_t)v] = true;
		}
	}
}

static void table_changes(void **state)
{
	(void)state;
	srandom(2);
	for (int round = 0; round < 10000; round++) {
		struct pt_iset add = { 0 }, del = { 0 };
		bool want[SPACE] = { 0 }, got[SPACE];
		struct nft_elems e = { 0 };
		struct nft_change c = { 0 };

		random_elems(&e);
		random_set(&add);
		random_set(&del);
		for (size_t i = 0; i < e.n; i++)
			memset(&want[(size_t)e.v[i].lo], 1, (size_t)(e.v[i].hi - e.v[i].lo) + 1);
		paint(want, &del, false);
		paint(want, &add, true);
		assert_int_equal(nft_change_plan(&c, &e, &add, &del, 5), 0);
		for (size_t i = 0; i < c.add.n; i++)
			assert_true(c.add.v[i].timeout == 5 || c.add.v[i].timeout == 9);
		write_change(&e, &c, got);
		assert_memory_equal(got, want, sizeof(want));
		nft_elems_fini(&e);
		nft_change_fini(&c);
		pt_iset_fini(&add);
		pt_iset_fini(&del);
	}
}

/* ---- refusals, failures ---- */

static void refused(void **state)
{
	static const uint32_t a[] = { 1, 2 }, b[] = { 1, 9 };
	struct pt_nft_prog *want = numbered(b, 2), *kernel = numbered(a, 2);
	struct pt_nft_state s = have(kernel);
	struct pt_nft_plan *plan = diff(want, &s);
	uint8_t canned[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(canned);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));
	struct pt_nl_record rec = { 0 };
	struct pt_err e = { 0 };
	struct pt_nl *nl;

	(void)state;
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = 2; /* the second message: the new rule */
	err->error = -EINVAL;
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, canned, nlh->nlmsg_len), 0);
	assert_int_equal(pt_nft_commit(nl, plan, &e), -EINVAL);
	assert_int_equal(e.list.n, 1);
	assert_int_equal(e.list.v[0].loc.line, 9);
	assert_string_equal(e.list.v[0].msg, "the kernel refused to add the rule in/rule-9: the kernel"
					     " holds it to be invalid (Invalid argument)");
	pt_err_fini(&e);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_nft_plan_free(plan);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

static void no_memory(void **state)
{
	static const uint32_t a[] = { 1, 2, 3, 4 }, b[] = { 4, 1, 9 };
	struct pt_nft_prog *want = numbered(b, 3), *kernel = numbered(a, 4);
	struct pt_nft_plan *plan = NULL;
	struct pt_nft_state s;
	struct pt_err e;
	int rc = -ENOMEM;
	long n;

	(void)state;
	for (uint32_t i = 0; i < 600; i++)
		make_port_rule(want, 0, 100 + i, (uint16_t)i, NF_DROP);
	make_elem(want, make_set(want, "c.1", NFT_SET_CONST, PT_AF_INET), 1, 9);
	make_elem(kernel, make_set(kernel, "c.1", NFT_SET_CONST, PT_AF_INET), 3, 12);
	s = have(kernel);
	for (n = 0; rc && n < 10000; n++) {
		memset(&e, 0, sizeof(e));
		allocations_left = n;
		rc = pt_nft_diff(want, &s, &plan, &e);
		allocations_left = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(!rc == !!plan);
		assert_true(!rc == !e.n_errors);
		pt_err_fini(&e);
	}
	assert_true(n > 10 && n < 10000);
	pt_nft_plan_free(plan);
	pt_nft_prog_free(want);
	pt_nft_prog_free(kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test(f)
		T(same_is_nothing), T(one_of_many), T(first_load), T(digest_only), T(any_to_any),
		T(elements), T(single_keys), T(maps), T(retired), T(applied_names), T(replaced_and_left_over), T(table_changes),
		T(refused), T(no_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
