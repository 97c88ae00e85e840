/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables at run time in a real kernel, both families: many at once, differences only, cut and
 * replaced elements, time-outs, counters, and another program at work at the same time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/nft_make.h"
#include "netns/lab.h"

#define NET4(a, b, c, d) ((pt_u128)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define NET6(host) ((pt_u128)0x20010db8 << 96 | (host))
#define MANY 100000

static struct pt_nl *nf;
static struct pt_nl_record rec;

static void check(int rc, const struct pt_err *e)
{
	char *text;

	if (!rc && !e->n_errors)
		return;
	text = make_errors(e);
	print_message("# result %d: %s\n", rc, text);
	free(text);
	assert_int_equal(rc, 0);
	assert_int_equal(e->n_errors, 0);
}

static void apply(const struct pt_nft_prog *p)
{
	struct pt_nft_plan *plan = NULL;
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	check(pt_nft_read(nf, &s, &e), &e);
	check(pt_nft_diff(p, s, &plan, &e), &e);
	check(pt_nft_commit(nf, plan, &e), &e);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	pt_err_fini(&e);
}

static void table(struct pt_nft_prog *p, const char *name, uint32_t timeout, bool counters)
{
	static const enum pt_af af[2] = { PT_AF_INET, PT_AF_INET6 };
	char set[NFT_SETNAME_MAX];

	for (size_t i = 0; i < 2; i++) {
		struct nft_set *made;
		size_t at;

		nft_table_set_name(set, name, af[i]);
		at = make_set(p, pt_arena_strdup(p->arena, set), NFT_SET_TABLE, af[i]);
		made = &p->objects.sets.v[at];
		made->has_timeout = timeout != 0;
		made->timeout = timeout;
		made->counters = counters;
		made->keep = true;
	}
}

static void count_rule(struct pt_nft_prog *p, size_t chain, const char *set, uint8_t family)
{
	struct nftnl_rule *r = make_nlr();

	make_meta(r, NFT_META_NFPROTO);
	make_cmp_u8(r, family);
	make_payload(r, NFT_PAYLOAD_NETWORK_HEADER, family == NFPROTO_IPV4 ? 12 : 8,
		     family == NFPROTO_IPV4 ? 4 : 16);
	make_lookup(r, set);
	make_rule(p, chain, r, family, set, 0);
}

static int set_up(void **state)
{
	struct pt_nft_prog *p = make_prog("01");
	size_t in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, 0);
	struct pt_err e = { 0 };

	(void)state;
	(void)lab_ns();
	lab_ip("link set lo up");
	memset(&rec, 0, sizeof(rec));
	check(pt_nl_open(&nf, NETLINK_NETFILTER, &e), &e);
	table(p, "bad", 0, false);
	table(p, "brute", 3600, false);
	table(p, "count", 0, true);
	count_rule(p, in, "t.count.4", NFPROTO_IPV4);
	count_rule(p, in, "t.count.6", NFPROTO_IPV6);
	apply(p);
	pt_nft_prog_free(p);
	pt_nl_watch(nf, &rec);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(nf);
	pt_buf_fini(&rec.bytes);
	return 0;
}

/* ---- shorthands ---- */

static void put(struct pt_iset *s, pt_u128 lo, pt_u128 hi)
{
	assert_int_equal(pt_iset_add(NULL, s, lo, hi), 0);
}

static void change(const char *name, const struct pt_iset *add, const struct pt_iset *del,
		   uint32_t timeout, size_t added, size_t deleted)
{
	struct pt_err e = { 0 };
	size_t a, d;

	check(pt_nft_table_change(nf, name, add, del, timeout, &a, &d, &e), &e);
	assert_int_equal(a, added);
	assert_int_equal(d, deleted);
	pt_err_fini(&e);
}

static void change_one(const char *name, enum pt_af af, bool add, pt_u128 lo, pt_u128 hi,
		       uint32_t timeout, size_t added, size_t deleted)
{
	struct pt_iset sets[2] = { 0 };

	put(&sets[af == PT_AF_INET6], lo, hi);
	change(name, add ? sets : NULL, add ? NULL : sets, timeout, added, deleted);
	pt_iset_fini(&sets[0]);
	pt_iset_fini(&sets[1]);
}

static int write_elem(const struct pt_nft_elem *el, void *arg)
{
	struct pt_buf *b = arg;

	if (b->n)
		pt_buf_chr(b, ' ');
	pt_range_fmt(b, el->af, el->lo, el->hi);
	if (el->timeout) {
		assert_in_range(el->expires, el->timeout - 5, el->timeout);
		pt_buf_fmt(b, "/t%u", el->timeout);
	}
	if (el->has_counter)
		pt_buf_fmt(b, "/%llu:%llu", (unsigned long long)el->packets,
			   (unsigned long long)el->bytes);
	return 0;
}

static void holds(const char *name, const char *want)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };

	check(pt_nft_table_dump(nf, name, write_elem, &b, &e), &e);
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
}

static uint32_t genid(void)
{
	uint32_t id;

	assert_int_equal(nft_ask_genid(nf, &id), 0);
	return id;
}

/* ---- tests ---- */

static void names(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_err e = { 0 };
	const char **list;
	size_t n;

	(void)state;
	check(pt_nft_table_list(nf, a, &list, &n, &e), &e);
	assert_int_equal(n, 3);
	assert_string_equal(list[0], "bad");
	assert_string_equal(list[1], "brute");
	assert_string_equal(list[2], "count");
	assert_int_equal(pt_nft_table_dump(nf, "brue", write_elem, NULL, &e), -ENOENT);
	assert_int_equal(e.list.n, 1);
	assert_string_equal(e.list.v[0].hint, "did you mean \"brute\"?");
	pt_err_fini(&e);
	pt_arena_free(a);
}

static void no_rules_yet(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_err e = { 0 };
	struct pt_nl *bare;
	const char **list;
	size_t n;

	(void)state;
	(void)lab_ns();
	check(pt_nl_open(&bare, NETLINK_NETFILTER, &e), &e);
	assert_int_equal(pt_nft_table_list(bare, a, &list, &n, &e), -ENOENT);
	assert_int_equal(n, 0);
	assert_int_equal(pt_nft_table_dump(bare, "bad", write_elem, NULL, &e), -ENOENT);
	assert_int_equal(e.n_errors, 2);
	assert_string_equal(e.list.v[0].hint, "run `ptfw apply` first");
	pt_err_fini(&e);
	pt_nl_close(bare);
	pt_arena_free(a);
}

static void cut_and_joined(void **state)
{
	pt_u128 max = ~(pt_u128)0;

	(void)state;
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 0, 0), NET4(10, 0, 0, 255), 0, 1, 0);
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 0, 7), NET4(10, 0, 0, 7), 0, 0, 0);
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 1, 0), NET4(10, 0, 1, 255), 0, 1, 0);
	holds("bad", "10.0.0.0/24 10.0.1.0/24");
	/* covered by two neighbours together */
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 0, 128), NET4(10, 0, 1, 127), 0, 0, 0);
	change_one("bad", PT_AF_INET, false, NET4(10, 0, 0, 255), NET4(10, 0, 1, 0), 0, 2, 2);
	holds("bad", "10.0.0.0-10.0.0.254 10.0.1.1-10.0.1.255");
	/* sticking out on both sides of what is there */
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 0, 250), NET4(10, 0, 1, 5), 0, 1, 0);
	holds("bad", "10.0.0.0-10.0.0.254 10.0.0.255-10.0.1.0 10.0.1.1-10.0.1.255");
	change_one("bad", PT_AF_INET, true, NET4(10, 0, 0, 0), NET4(10, 255, 255, 255), 0, 1, 3);
	holds("bad", "10.0.0.0/8");
	change_one("bad", PT_AF_INET, false, 0, NET4(255, 255, 255, 255), 0, 0, 1);
	holds("bad", "");
	change_one("bad", PT_AF_INET, true, 0, NET4(255, 255, 255, 255), 0, 1, 0);
	change_one("bad", PT_AF_INET6, true, 0, max, 0, 1, 0);
	holds("bad", "0.0.0.0/0 ::/0");
	change_one("bad", PT_AF_INET6, false, NET6(1), max - 1, 0, 2, 1);
	change_one("bad", PT_AF_INET, false, 1, NET4(255, 255, 255, 254), 0, 2, 1);
	holds("bad", "0.0.0.0 255.255.255.255 ::-2001:db8:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void timeouts(void **state)
{
	struct pt_err e = { 0 };
	struct pt_iset add[2] = { 0 };
	size_t a, d;

	(void)state;
	change_one("brute", PT_AF_INET, true, NET4(10, 0, 0, 0), NET4(10, 0, 0, 255), 100, 1, 0);
	change_one("brute", PT_AF_INET6, true, NET6(1), NET6(8), 0, 1, 0);
	holds("brute", "10.0.0.0/24/t100 2001:db8::1-2001:db8::8/t3600");
	change_one("brute", PT_AF_INET, false, NET4(10, 0, 0, 128), NET4(10, 0, 0, 129), 0, 2, 1);
	change_one("brute", PT_AF_INET6, false, NET6(1), NET6(1), 0, 1, 1);
	holds("brute", "10.0.0.0/25/t100 10.0.0.130-10.0.0.255/t100 2001:db8::2-2001:db8::8/t3600");
	change_one("brute", PT_AF_INET, true, NET4(10, 1, 0, 0), NET4(10, 1, 0, 0), 1, 1, 0);
	usleep(1200 * 1000);
	holds("brute", "10.0.0.0/25/t100 10.0.0.130-10.0.0.255/t100 2001:db8::2-2001:db8::8/t3600");
	put(&add[0], 1, 1);
	assert_int_equal(pt_nft_table_change(nf, "bad", add, NULL, 60, &a, &d, &e), -EINVAL);
	assert_int_equal(e.list.n, 1);
	pt_err_fini(&e);
	pt_iset_fini(&add[0]);
}

static void many(void **state)
{
	struct pt_iset all[2] = { 0 };
	struct pt_err e = { 0 };
	uint32_t before;
	size_t a, d;

	(void)state;
	for (pt_u128 i = 0; i < MANY; i++) {
		put(&all[0], NET4(10, 0, 0, 0) + 2 * i, NET4(10, 0, 0, 0) + 2 * i);
		put(&all[1], NET6(2 * i), NET6(2 * i));
	}
	change("bad", all, NULL, 0, 2 * MANY, 0);
	before = genid();
	change("bad", all, NULL, 0, 0, 0);
	assert_int_equal(genid(), before);
	/* ten differences: two gone and three new in each family */
	for (size_t i = 0; i < 2; i++) {
		all[i].v[10].lo = all[i].v[10].hi = all[i].v[10].lo + 1;
		all[i].v[500].lo = all[i].v[500].hi = all[i].v[500].lo + 1;
		put(&all[i], NET4(250, 0, 0, 0), NET4(250, 0, 0, 0));
		pt_iset_norm(&all[i]);
	}
	rec.writes = 0;
	check(pt_nft_table_replace(nf, "bad", all, &a, &d, &e), &e);
	assert_int_equal(a, 6);
	assert_int_equal(d, 4);
	assert_int_equal(rec.writes, 4); /* of elements in one message each */
	before = genid();
	check(pt_nft_table_replace(nf, "bad", all, &a, &d, &e), &e);
	assert_int_equal(a + d, 0);
	assert_int_equal(genid(), before);
	for (size_t i = 0; i < 2; i++)
		all[i].n = 0;
	check(pt_nft_table_replace(nf, "bad", all, &a, &d, &e), &e);
	assert_int_equal(d, 2 * MANY + 2);
	holds("bad", "");
	pt_iset_fini(&all[0]);
	pt_iset_fini(&all[1]);
}

/* ---- few addresses at a time: elements are asked for by their keys ---- */

/* The last addresses of a family, nothing ends an interval up to the highest; in blocks of one, or of more than can
 * be asked for. */
#define FEW 256
#define STEPS 200

struct few {
	enum pt_af af;
	pt_u128 base, block;
	bool model[FEW], seen[FEW];
};

static void few_change(struct few *f)
{
	struct pt_iset sets[2] = { 0 };
	struct pt_err e = { 0 };
	bool add = random() % 5 > 1;
	size_t lo, hi, a, d;

	for (int i = 0; i < 3; i++) {
		lo = (size_t)random() % FEW;
		hi = lo + (size_t)random() % 6;
		hi = hi < FEW ? hi : FEW - 1;
		put(&sets[f->af == PT_AF_INET6], f->base + lo * f->block, f->base + (hi + 1) * f->block - 1);
		for (size_t k = lo; k <= hi; k++)
			f->model[k] = add;
	}
	pt_iset_norm(&sets[f->af == PT_AF_INET6]);
	check(pt_nft_table_change(nf, "bad", add ? sets : NULL, add ? NULL : sets, 0, &a, &d, &e), &e);
	pt_iset_fini(&sets[f->af == PT_AF_INET6]);
	pt_err_fini(&e);
}

static int few_seen(const struct pt_nft_elem *el, void *arg)
{
	struct few *f = arg;
	pt_u128 last = (el->hi - f->base) / f->block;

	if (el->af != f->af)
		return 0;
	assert_true(el->lo >= f->base && last < FEW);
	for (pt_u128 k = (el->lo - f->base) / f->block; k <= last; k++) {
		assert_false(f->seen[k]);
		f->seen[k] = true;
	}
	return 0;
}

/* One by one, and as ranges that several elements may cover. */
static void few_test(const struct few *f)
{
	struct pt_nft_range v[2 * FEW];
	struct pt_err e = { 0 };
	size_t first, last;
	bool all;

	for (size_t k = 0; k < 2 * FEW; k++) {
		first = k % FEW;
		last = k < FEW ? first : first + 9 < FEW ? first + 9 : FEW - 1;
		v[k] = (struct pt_nft_range){ .af = f->af, .lo = f->base + first * f->block,
					      .hi = f->base + (last + 1) * f->block - 1 };
	}
	check(pt_nft_table_test(nf, "bad", v, FEW, &e), &e);
	check(pt_nft_table_test(nf, "bad", v + FEW, FEW, &e), &e);
	for (size_t k = 0; k < 2 * FEW; k++) {
		all = true;
		last = k < FEW ? k : k % FEW + 9;
		for (size_t at = k % FEW; all && at <= last && at < FEW; at++)
			all = f->model[at];
		assert_int_equal(v[k].in, all);
	}
	pt_err_fini(&e);
}

static void few_family(enum pt_af af, pt_u128 block)
{
	pt_u128 max = af == PT_AF_INET6 ? ~(pt_u128)0 : NET4(255, 255, 255, 255);
	struct few f = { .af = af, .base = max - FEW * block + 1, .block = block };
	struct pt_iset none[2] = { 0 };
	struct pt_err e = { 0 };
	size_t a, d;

	for (int i = 0; i < STEPS; i++) {
		few_change(&f);
		memset(f.seen, 0, sizeof(f.seen));
		check(pt_nft_table_dump(nf, "bad", few_seen, &f, &e), &e);
		assert_memory_equal(f.seen, f.model, sizeof(f.model));
		if (i % 10 == 0)
			few_test(&f);
	}
	check(pt_nft_table_replace(nf, "bad", none, &a, &d, &e), &e);
	pt_err_fini(&e);
}

static void few(void **state)
{
	(void)state;
	srandom(5);
	few_family(PT_AF_INET, 1);
	few_family(PT_AF_INET6, 1);
	few_family(PT_AF_INET, 4096);
	few_family(PT_AF_INET6, (pt_u128)1 << 64);
}

static void knock(const char *address)
{
	int server = lab_bind(SOCK_DGRAM, address, 5000), fd = lab_connect(SOCK_DGRAM, address, 5000, 0);

	assert_true(server >= 0 && fd >= 0);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	close(fd);
	close(server);
}

static void zeroed(void **state)
{
	struct pt_err e = { 0 };
	size_t n;

	(void)state;
	change_one("count", PT_AF_INET, true, NET4(127, 0, 0, 0), NET4(127, 0, 0, 255), 0, 1, 0);
	change_one("count", PT_AF_INET, true, NET4(10, 0, 0, 0), NET4(10, 0, 0, 255), 0, 1, 0);
	change_one("count", PT_AF_INET6, true, 1, 1, 0, 1, 0);
	knock("127.0.0.1");
	knock("::1");
	knock("::1");
	holds("count", "10.0.0.0/24/0:0 127.0.0.0/24/1:29 ::1/2:98");
	check(pt_nft_table_zero(nf, "count", &n, &e), &e);
	assert_int_equal(n, 3);
	holds("count", "10.0.0.0/24/0:0 127.0.0.0/24/0:0 ::1/0:0");
	knock("::1");
	holds("count", "10.0.0.0/24/0:0 127.0.0.0/24/0:0 ::1/1:49");
	assert_int_equal(pt_nft_table_zero(nf, "bad", &n, &e), -EOPNOTSUPP);
	pt_err_fini(&e);
}

#define ROUNDS 100

/* One address after the other; returns how many went in. */
static size_t add_all(struct pt_nl *nl, pt_u128 first)
{
	size_t a, d, sum = 0;

	for (pt_u128 i = 0; i < ROUNDS; i++) {
		struct pt_iset add[2] = { 0 };
		struct pt_err e = { 0 };

		put(&add[0], first + 2 * i, first + 2 * i);
		if (!pt_nft_table_change(nl, "bad", add, NULL, 0, &a, &d, &e))
			sum += a;
		pt_iset_fini(&add[0]);
		pt_err_fini(&e);
		usleep(500);
	}
	return sum;
}

/* Two programs at once: neither loses what the other wrote. */
static void at_once(void **state)
{
	struct pt_err e = { 0 };
	struct pt_nl *other;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (pt_nl_open(&other, NETLINK_NETFILTER, &e))
			_exit(1);
		_exit(add_all(other, NET4(20, 0, 0, 0)) == ROUNDS ? 0 : 2);
	}
	assert_int_equal(add_all(nf, NET4(10, 0, 0, 0)), ROUNDS);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	change_one("bad", PT_AF_INET, false, 0, NET4(255, 255, 255, 255), 0, 0, 2 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(names), T(no_rules_yet), T(cut_and_joined), T(timeouts), T(many), T(few), T(zeroed),
		T(at_once),
	};

	return lab_run("nft_table", tests, NULL, NULL);
}
