/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the table from a recorder that answers as the kernel would: whole, with another program's
 * change in between, damaged at every byte, and with every allocation failing in turn.
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

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

/* ---- a kernel's answers ---- */

static void put_message(struct pt_buf *b, struct nlmsghdr *nlh)
{
	static const uint8_t zero[4];

	pt_buf_add(b, nlh, nlh->nlmsg_len);
	pt_buf_add(b, zero, MNL_ALIGN(nlh->nlmsg_len) - nlh->nlmsg_len);
}

static void put_end(struct pt_buf *b, bool dump)
{
	uint32_t buf[32] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = dump ? NLMSG_DONE : NLMSG_ERROR;
	(void)mnl_nlmsg_put_extra_header(nlh, dump ? sizeof(int) : sizeof(struct nlmsgerr));
	put_message(b, nlh);
}

static void put_gen(struct pt_buf *b, uint32_t id)
{
	uint32_t buf[64];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_NEWGEN, 0);

	mnl_attr_put_u32(nlh, NFTA_GEN_ID, htonl(id));
	put_message(b, nlh);
	put_end(b, false);
}

/* The messages of BATCH from FIRST on, N of them, and the end of the answer. */
static void put_answer(struct pt_buf *b, const struct pt_buf *batch, size_t first, size_t n, bool dump)
{
	int left = (int)batch->n;
	size_t i = 0;

	for (struct nlmsghdr *nlh = (void *)batch->s; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left), i++)
		if (i >= first + 1 && i < first + 1 + n) /* behind the begin mark */
			put_message(b, nlh);
	put_end(b, dump);
}

/* What our writers make looks like what the kernel sends. */
static void written(struct pt_buf *out)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct nft_set map = { .name = "v", .role = NFT_SET_VMAP, .key_len = 2, .key_type = 13 };
	struct nft_map_elem to = { .key = { 0, 80 }, .key_len = 2, .chain = "in" };
	struct nft_timeouts timeouts = { .name = "time.udp.1", .type = NFT_OBJECT_CT_TIMEOUT,
					 .proto = 17, .seconds = { [1] = 30 } };
	struct nft_applied applied = { .digest = "beef", .path = "/a/b", .when = 77 };
	struct pt_nft_prog *p = make_prog("");
	struct pt_nl_record rec = { 0 };
	struct nft_elem el[20] = { 0 };
	size_t in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, 0), set;
	struct pt_nl *nl;

	make_port_rule(p, in, 1, 53, NF_ACCEPT);
	make_port_rule(p, in, 2, 54, NF_ACCEPT);
	set = make_set(p, "t.bad.4", NFT_SET_TABLE, PT_AF_INET);
	for (size_t i = 0; i < 20; i++) /* downwards, neighbours not joined */
		el[i].lo = el[i].hi = 1000 - 2 * i - i / 10;
	assert_int_equal(nft_put_table(b, 1), 0);
	assert_int_equal(nft_put_chain(b, 1, &p->objects.chains.v[in]), 0);
	assert_int_equal(nft_put_applied(b, 1, &applied), 0);
	assert_int_equal(nft_put_set(b, 1, &map, 0), 0);
	assert_int_equal(nft_put_set(b, 1, &p->objects.sets.v[set], 0), 0);
	assert_int_equal(nft_put_elems(b, 1, true, &p->objects.sets.v[set], el, 20), 0);
	assert_int_equal(nft_put_map_elems(b, 1, true, &map, &to, 1), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(nft_put_rule(b, 1, "in", p->objects.chains.v[in].rules.v[i].nlr, 0), 0);
	assert_int_equal(nft_put_timeouts(b, 1, &timeouts), 0);
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_nl_batch_send(nl, b, NULL), 0);
	*out = rec.bytes;
	pt_nl_close(nl);
	pt_nl_batch_free(b);
	pt_nft_prog_free(p);
}

static void answers(struct pt_buf *b, uint32_t before, uint32_t after)
{
	struct pt_buf batch;

	written(&batch);
	put_gen(b, before);
	put_answer(b, &batch, 0, 1, false);
	put_answer(b, &batch, 1, 2, true);
	put_answer(b, &batch, 3, 2, true);
	put_answer(b, &batch, 5, 1, true); /* sets are asked for in the order of their names */
	put_answer(b, &batch, 6, 1, true);
	put_answer(b, &batch, 9, 1, true); /* time-outs */
	put_answer(b, &batch, 7, 2, true);
	put_gen(b, after);
	pt_buf_fini(&batch);
	assert_int_equal(b->err, 0);
}

static int read_from(const struct pt_buf *b, struct pt_nft_state **s, struct pt_err *e)
{
	struct pt_nl_record rec = { 0 };
	struct pt_nl *nl;
	long keep = allocations_left;
	int rc;

	allocations_left = -1; /* the kernel does not run out of memory here */
	assert_int_equal(pt_nl_open_recorder(&nl, &rec, b->s, b->n), 0);
	allocations_left = keep;
	rc = pt_nft_read(nl, s, e);
	allocations_left = -1;
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	return rc;
}

static void check_state(const struct pt_nft_state *s, uint32_t genid)
{
	const struct nft_set *set;

	assert_true(s->present);
	assert_int_equal(s->genid, genid);
	assert_string_equal(s->digest, "beef");
	assert_int_equal(s->objects->chains.n, 1);
	assert_int_equal(s->objects->chains.v[0].rules.n, 2);
	assert_int_equal(s->objects->sets.n, 2);
	set = &s->objects->sets.v[0];
	assert_string_equal(set->name, "t.bad.4");
	assert_int_equal(set->raw.n, 20);
	assert_true(set->raw.v[0].lo == 961 && set->raw.v[19].hi == 1000);
	assert_int_equal(set->elems.n, 20);
	assert_int_equal(s->objects->sets.v[1].map.n, 1);
	assert_int_equal(s->objects->timeouts.n, 1);
	assert_string_equal(s->objects->timeouts.v[0].name, "time.udp.1");
}

/* ---- tests ---- */

static void whole(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	(void)state;
	answers(&b, 5, 5);
	assert_int_equal(read_from(&b, &s, &e), 0);
	check_state(s, 5);
	pt_nft_state_free(s);
	pt_buf_fini(&b);
}

static void read_again(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	(void)state;
	answers(&b, 5, 6);
	answers(&b, 6, 6);
	assert_int_equal(read_from(&b, &s, &e), 0);
	check_state(s, 6);
	pt_nft_state_free(s);
	pt_buf_fini(&b);
}

static void never_at_rest(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		answers(&b, i + 1, i + 2);
	assert_int_equal(read_from(&b, &s, &e), -EAGAIN);
	assert_null(s);
	assert_int_equal(e.list.n, 1);
	assert_non_null(strstr(e.list.v[0].msg, "changed 16 times"));
	pt_err_fini(&e);
	pt_buf_fini(&b);
}

static void nothing_there(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_nft_state *s = NULL;
	struct pt_nft_counter *counters;
	struct pt_err e = { 0 };
	size_t n;

	(void)state;
	put_gen(&b, 9);
	put_end(&b, false);
	put_gen(&b, 9);
	assert_int_equal(read_from(&b, &s, &e), 0);
	assert_false(s->present);
	assert_int_equal(s->objects->chains.n + s->objects->sets.n, 0);
	assert_int_equal(pt_nft_counters(s, s->arena, &counters, &n), 0);
	assert_int_equal(n, 0);
	pt_nft_state_free(s);
	pt_buf_fini(&b);
}

/* One bit wrong anywhere: an answer or an error with a record, and nothing read out of bounds. */
static void any_bit(void **state)
{
	struct pt_buf b = { 0 };

	(void)state;
	answers(&b, 5, 5);
	for (size_t i = 0; i < b.n * 8; i += 3) {
		struct pt_nft_state *s = NULL;
		struct pt_err e = { 0 };
		int rc;

		b.s[i / 8] ^= (char)(1 << i % 8);
		rc = read_from(&b, &s, &e);
		assert_true(!rc == !!s);
		assert_true(!rc == !e.n_errors);
		pt_nft_state_free(s);
		pt_err_fini(&e);
		b.s[i / 8] ^= (char)(1 << i % 8);
	}
	pt_buf_fini(&b);
}

static void no_memory(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_nft_state *s = NULL;
	int rc = -ENOMEM;
	long n;

	(void)state;
	answers(&b, 5, 5);
	for (n = 0; rc && n < 1000; n++) {
		struct pt_err e = { 0 };

		allocations_left = n;
		rc = read_from(&b, &s, &e);
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_true(!rc == !e.n_errors);
		pt_err_fini(&e);
	}
	assert_true(n > 3 && n < 1000);
	check_state(s, 5);
	pt_nft_state_free(s);
	pt_buf_fini(&b);
}

/* ---- elements out of order ---- */

static void check_elems(const struct nft_elem *in, size_t n, const char *want)
{
	struct nft_elems e = { 0 };
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_int_equal(pt_vec_push(NULL, &e, in[i]), 0);
	nft_elems_finish(&e, 65535);
	for (size_t i = 0; i < e.n; i++)
		pt_buf_fmt(&b, "%s%u-%u", i ? " " : "", (unsigned int)e.v[i].lo,
			   (unsigned int)e.v[i].hi);
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
	nft_elems_fini(&e);
}

#define START(k) { .lo = (k), .hi = (k), .state = NFT_ELEM_START }
#define END(k) { .lo = (k), .hi = (k), .state = NFT_ELEM_END }
#define WHOLE(a, b) { .lo = (a), .hi = (b) }

static void halves(void **state)
{
	static const struct nft_elem jumbled[] = { END(9), START(20), START(5), END(0), END(30), START(9) };
	static const struct nft_elem open[] = { START(65000), WHOLE(3, 4), END(3) };
	static const struct nft_elem expired[] = { WHOLE(50, 60), END(40), WHOLE(1, 2) };
	static const struct nft_elem overlap[] = { WHOLE(5, 10), WHOLE(7, 8), START(5) };

	(void)state;
	check_elems(NULL, 0, "");
	check_elems(jumbled, PT_ARRAY_SIZE(jumbled), "5-8 9-19 20-29");
	check_elems(open, PT_ARRAY_SIZE(open), "3-4 65000-65535");
	check_elems(expired, PT_ARRAY_SIZE(expired), "1-2 50-60");
	check_elems(overlap, PT_ARRAY_SIZE(overlap), "5-10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test(f)
		T(whole), T(read_again), T(never_at_rest), T(nothing_there), T(any_bit), T(no_memory),
		T(halves),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
