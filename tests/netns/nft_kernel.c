/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs into a real kernel and back: what is the same is not written, what stays keeps its
 * handles and counters, what the kernel refuses is told by file and line, and what belongs to
 * others stays as it was, byte for byte.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "lib/nft_make.h"
#include "netns/lab.h"

static struct pt_nl *nf;

static int set_up(void **state)
{
	struct pt_err e = { 0 };

	(void)state;
	(void)lab_ns();
	lab_ip("link set lo up");
	return pt_nl_open(&nf, NETLINK_NETFILTER, &e);
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(nf);
	return 0;
}

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

static struct pt_nft_state *read_state(void)
{
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	check(pt_nft_read(nf, &s, &e), &e);
	pt_err_fini(&e);
	return s;
}

static void print_op(const char *op, const char *kind, const char *name, void *arg)
{
	(void)arg;
	print_message("# %s %s %s\n", op, kind, name);
}

/* Puts P in force; returns how many messages that took. */
static size_t apply(const struct pt_nft_prog *p)
{
	struct pt_nft_state *s = read_state();
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	check(pt_nft_diff(p, s, &plan, &e), &e);
	writes = pt_nft_plan_writes(plan);
	check(pt_nft_commit(nf, plan, &e), &e);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	pt_err_fini(&e);
	return writes;
}

/* What P still lacks in the kernel; told when it is something. */
static size_t still_to_do(const struct pt_nft_prog *p)
{
	struct pt_nft_state *s = read_state();
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	check(pt_nft_diff(p, s, &plan, &e), &e);
	writes = pt_nft_plan_writes(plan);
	pt_nft_plan_walk(plan, print_op, NULL);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	pt_err_fini(&e);
	return writes;
}

static uint32_t genid(void)
{
	uint32_t id;

	assert_int_equal(nft_ask_genid(nf, &id), 0);
	return id;
}

/* ---- programs ---- */

static void add_rules(struct pt_nft_prog *p, size_t chain, uint32_t first, uint32_t last)
{
	for (uint32_t id = first; id <= last; id++)
		make_port_rule(p, chain, id, (uint16_t)(1000 + id), NF_ACCEPT);
}

static struct pt_nft_prog *numbered_prog(uint32_t n)
{
	struct pt_nft_prog *p = make_prog("aa");
	size_t in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, 0);

	add_rules(p, in, 1, n);
	return p;
}

static void put_nat(struct nftnl_rule *r, uint32_t family, uint32_t len, const void *address)
{
	struct nftnl_expr *x = make_expr(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG32_00);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, address, len), 0);
	x = make_expr(r, "nat");
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, family);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG32_00);
}

/* Every expression that lowering uses, written as sparely as the kernel takes it. */
static void add_every_expression(struct pt_nft_prog *p, size_t filter, size_t nat)
{
	static const uint8_t mask[4] = { 255, 0, 0, 0 }, zero[4], from[2] = { 0, 22 }, to[2] = { 1, 0 };
	static const uint8_t v4[4] = { 192, 0, 2, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x;

	make_meta(r, NFT_META_NFPROTO);
	make_cmp_u8(r, NFPROTO_IPV4);
	make_payload(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x = make_expr(r, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, 4);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, 4), 0);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, zero, 4), 0);
	make_cmp(r, zero, 4);
	make_meta(r, NFT_META_L4PROTO);
	make_cmp_u8(r, IPPROTO_TCP);
	make_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	x = make_expr(r, "range");
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_RANGE_OP, NFT_RANGE_NEQ);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_RANGE_FROM_DATA, from, 2), 0);
	assert_int_equal(nftnl_expr_set(x, NFTNL_EXPR_RANGE_TO_DATA, to, 2), 0);
	x = make_expr(r, "fib");
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	make_cmp(r, zero, 4);
	x = make_expr(r, "ct");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	make_cmp(r, zero, 4);
	x = make_expr(r, "log");
	assert_int_equal(nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, "a prefix"), 0);
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, 80);
	make_expr(r, "counter");
	x = make_expr(r, "reject");
	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
	make_rule(p, filter, r, 500, "every", 50);

	r = make_nlr();
	put_nat(r, NFPROTO_IPV4, 4, v4);
	make_rule(p, nat, r, 501, "nat4", 51);
	r = make_nlr();
	put_nat(r, NFPROTO_IPV6, 16, v6);
	make_rule(p, nat, r, 502, "nat6", 52);
	r = make_nlr();
	make_expr(r, "masq");
	make_rule(p, nat, r, 0, NULL, 0);
}

static void add_map(struct pt_nft_prog *p, const char *name, const char *chain)
{
	struct nft_set set = { .name = name, .role = NFT_SET_VMAP, .key_len = 2, .key_type = 13 };
	struct nft_map_elem el = { .key = { 0, 80 }, .key_len = 2, .chain = chain };

	assert_int_equal(pt_vec_push(p->arena, &set.map, el), 0);
	el.key[1] = 81;
	assert_int_equal(pt_vec_push(p->arena, &set.map, el), 0);
	assert_int_equal(pt_vec_push(p->arena, &p->objects.sets, set), 0);
}

static void add_port_map(struct pt_nft_prog *p, const char *name, uint8_t to)
{
	struct nft_set set = { .name = name, .role = NFT_SET_PMAP, .key_len = 2, .key_type = 13,
			       .data_type = 13, .data_len = 2 };
	struct nft_map_elem el = { .key = { 31, 144 }, .data = { 0, to }, .key_len = 2, .data_len = 2 };

	assert_int_equal(pt_vec_push(p->arena, &set.map, el), 0);
	assert_int_equal(pt_vec_push(p->arena, &p->objects.sets, set), 0);
}

static void add_lookup(struct pt_nft_prog *p, size_t chain, const char *set, enum pt_af af, uint32_t id)
{
	struct nftnl_rule *r = make_nlr();

	make_meta(r, NFT_META_NFPROTO);
	make_cmp_u8(r, af == PT_AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	make_payload(r, NFT_PAYLOAD_NETWORK_HEADER, af == PT_AF_INET ? 12 : 8,
		     af == PT_AF_INET ? 4 : 16);
	make_lookup(r, set);
	make_expr(r, "counter");
	make_verdict(r, NF_DROP, NULL);
	make_rule(p, chain, r, id, pt_arena_printf(p->arena, "look-%u", id), id);
}

static void add_vmap_rule(struct pt_nft_prog *p, size_t chain, const char *map)
{
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x;

	make_meta(r, NFT_META_L4PROTO);
	make_cmp_u8(r, IPPROTO_UDP);
	make_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	x = make_expr(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	assert_int_equal(nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, map), 0);
	make_rule(p, chain, r, 0, NULL, 0);
}

/* Something of every kind. */
static struct pt_nft_prog *rich_prog(uint32_t variant)
{
	struct pt_nft_prog *p = make_prog("00ff");
	size_t in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, 0);
	size_t nat = make_chain(p, "nat.out", "nat", NF_INET_POST_ROUTING, 100);
	size_t sub = make_chain(p, variant ? "sub.two" : "sub.one", NULL, 0, 0);
	size_t set;

	add_rules(p, in, 1, 5);
	add_every_expression(p, in, nat);
	add_lookup(p, in, "t.bad.4", PT_AF_INET, 600);
	add_lookup(p, in, "t.bad.6", PT_AF_INET6, 601);
	add_vmap_rule(p, in, "v.ports");
	make_port_rule(p, sub, 700, 53, NF_ACCEPT);

	set = make_set(p, "c.ports", NFT_SET_CONST, PT_AF_NONE);
	make_elem(p, set, 0, 10);
	make_elem(p, set, 80, 80);
	make_elem(p, set, 65000, 65535);
	add_port_map(p, variant ? "p.two" : "p.one", 80);
	set = make_set(p, "t.bad.4", NFT_SET_TABLE, PT_AF_INET);
	p->objects.sets.v[set].counters = true;
	make_elem(p, set, 0x0a000000, 0x0affffff);
	make_elem(p, set, 0xe0000000 + variant, 0xffffffff);
	set = make_set(p, "t.bad.6", NFT_SET_TABLE, PT_AF_INET6);
	make_elem(p, set, (pt_u128)0xfd << 120, ((pt_u128)0xfe << 120) - 1);
	make_elem(p, set, (pt_u128)0xff << 120, ~(pt_u128)0);
	make_elem(p, set, 1, 1);
	add_map(p, "v.ports", variant ? "sub.two" : "sub.one");
	return p;
}

/* ---- tests ---- */

static void same_again(void **state)
{
	struct pt_nft_prog *p = rich_prog(0);
	struct pt_nft_state *s;
	uint32_t before;

	(void)state;
	assert_true(apply(p) > 20);
	assert_int_equal(still_to_do(p), 0);
	before = genid();
	assert_int_equal(apply(p), 0);
	assert_int_equal(genid(), before);
	s = read_state();
	assert_true(s->present);
	assert_string_equal(s->digest, "00ff");
	assert_string_equal(s->path, "/etc/patronus/" MAKE_FILE);
	assert_true(s->applied > 1000000000);
	assert_int_equal(s->objects->chains.n, 3);
	assert_int_equal(s->objects->sets.n, 5);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

/* A kernel's rule and the one that was sent have one digest: the same read twice is the same,
 * and the name and number come back. */
static void identity_comes_back(void **state)
{
	struct pt_nft_prog *p = rich_prog(0);
	struct pt_nft_state *s;
	struct nft_chain *want = &p->objects.chains.v[0], *have;

	(void)state;
	(void)apply(p);
	s = read_state();
	have = nft_find_chain(s->objects, "in");
	assert_non_null(have);
	assert_int_equal(have->rules.n, want->rules.n);
	for (size_t i = 0; i < want->rules.n; i++) {
		assert_int_equal(have->rules.v[i].digest, want->rules.v[i].digest);
		assert_int_equal(have->rules.v[i].id, want->rules.v[i].id);
		if (want->rules.v[i].name)
			assert_string_equal(have->rules.v[i].name, want->rules.v[i].name);
		else
			assert_null(have->rules.v[i].name);
	}
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

/* From one program to another and back: chains, sets, maps and their uses change in one go. */
static void one_to_another(void **state)
{
	struct pt_nft_prog *one = rich_prog(0), *two = rich_prog(1), *bare = numbered_prog(1);

	(void)state;
	(void)apply(one);
	assert_true(apply(two) > 0);
	assert_int_equal(still_to_do(two), 0);
	assert_true(apply(bare) > 0);
	assert_int_equal(still_to_do(bare), 0);
	assert_true(apply(one) > 0);
	assert_int_equal(still_to_do(one), 0);
	pt_nft_prog_free(one);
	pt_nft_prog_free(two);
	pt_nft_prog_free(bare);
}

static void knock(const char *address, uint16_t port, int times)
{
	int server = lab_bind(SOCK_DGRAM, address, port);
	int fd = lab_connect(SOCK_DGRAM, address, port, 0);

	assert_true(server >= 0 && fd >= 0);
	for (int i = 0; i < times; i++)
		assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	close(fd);
	close(server);
}

static void others_keep_handles(void **state)
{
	struct pt_nft_prog *p = numbered_prog(50), *q = make_prog("aa");
	struct pt_nft_counter *counters;
	struct pt_nft_state *before, *after;
	struct pt_arena *a = pt_arena_new();
	struct nft_chain *x, *y;
	size_t in = make_chain(q, "in", "filter", NF_INET_LOCAL_IN, 0), n;

	(void)state;
	(void)apply(p);
	knock("127.0.0.1", 1030, 3);
	knock("::1", 1030, 2);
	before = read_state();
	add_rules(q, in, 1, 24);
	make_port_rule(q, in, 125, 5555, NF_DROP);
	add_rules(q, in, 26, 50);
	/* one rule deleted, one put in its place, and the note of what is applied made anew */
	assert_int_equal(apply(q), 4);
	after = read_state();
	x = nft_find_chain(before->objects, "in");
	y = nft_find_chain(after->objects, "in");
	assert_int_equal(x->rules.n, y->rules.n);
	for (size_t i = 0; i < x->rules.n; i++)
		assert_true((x->rules.v[i].handle == y->rules.v[i].handle) == (i != 24));
	assert_int_equal(y->rules.v[24].id, 125);
	assert_int_equal(y->rules.v[29].packets, 5);
	assert_int_equal(pt_nft_counters(after, a, &counters, &n), 0);
	assert_int_equal(n, 50);
	assert_int_equal(counters[28].id, 30);
	assert_int_equal(counters[28].packets, 5);
	assert_int_equal(counters[28].bytes, 3 * 29 + 2 * 49);
	assert_int_equal(counters[28].copies, 1);
	pt_arena_free(a);
	pt_nft_state_free(before);
	pt_nft_state_free(after);
	pt_nft_prog_free(p);
	pt_nft_prog_free(q);
}

/* The digest alone differs: only the note is written. */
static void digest_alone(void **state)
{
	struct pt_nft_prog *p = numbered_prog(3);
	struct pt_nft_state *s;

	(void)state;
	(void)apply(p);
	p->digest = "not hexadecimal";
	assert_int_equal(apply(p), 2);
	s = read_state();
	assert_string_equal(s->digest, "not hexadecimal");
	pt_nft_state_free(s);
	p->digest = NULL;
	assert_int_equal(apply(p), 2);
	assert_int_equal(apply(p), 0);
	s = read_state();
	assert_string_equal(s->digest, "");
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

static void refusal_names_the_line(void **state)
{
	struct pt_nft_prog *p = numbered_prog(3);
	struct pt_nft_plan *plan = NULL;
	struct pt_nft_state *s;
	struct pt_err e = { 0 };
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x;

	(void)state;
	(void)apply(p);
	/* Packets that leave cannot be answered any more. */
	x = make_expr(r, "reject");
	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, 0);
	make_rule(p, make_chain(p, "post", "filter", NF_INET_POST_ROUTING, 0), r, 77, "wrong", 77);
	s = read_state();
	assert_int_equal(pt_nft_diff(p, s, &plan, &e), 0);
	assert_int_equal(pt_nft_commit(nf, plan, &e), -EOPNOTSUPP);
	assert_int_equal(e.list.n, 1);
	assert_string_equal(e.list.v[0].loc.file, MAKE_FILE);
	assert_int_equal(e.list.v[0].loc.line, 77);
	assert_non_null(strstr(e.list.v[0].msg, "post/wrong"));
	assert_non_null(strstr(e.list.v[0].msg, "this kernel cannot do that here"));
	assert_non_null(e.list.v[0].hint);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	s = read_state(); /* none of it is in force */
	assert_null(nft_find_chain(s->objects, "post"));
	pt_nft_state_free(s);
	pt_err_fini(&e);
	pt_nft_prog_free(p);
}

static void moved_generation(void **state)
{
	struct pt_nft_prog *p = numbered_prog(2), *q = numbered_prog(3);
	struct pt_nft_plan *plan = NULL;
	struct pt_nft_state *s = read_state();
	struct pt_err e = { 0 };

	(void)state;
	check(pt_nft_diff(q, s, &plan, &e), &e);
	(void)apply(p);
	assert_int_equal(pt_nft_commit(nf, plan, &e), -ERESTART);
	assert_int_equal(e.n_errors, 0);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	(void)apply(q);
	assert_int_equal(still_to_do(q), 0);
	pt_nft_prog_free(p);
	pt_nft_prog_free(q);
}

static void base_chain_elsewhere(void **state)
{
	struct pt_nft_prog *p = numbered_prog(1), *q = make_prog("aa");
	struct pt_nft_plan *plan = NULL;
	struct pt_nft_state *s;
	struct pt_err e = { 0 };

	(void)state;
	(void)apply(p);
	(void)make_chain(q, "in", "filter", NF_INET_LOCAL_IN, 10);
	s = read_state();
	assert_int_equal(pt_nft_diff(q, s, &plan, &e), -EEXIST);
	assert_null(plan);
	assert_non_null(strstr(e.list.v[0].msg, "priority 0), wanted is filter (hook 1, priority 10)"));
	pt_err_fini(&e);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
	pt_nft_prog_free(q);
}

static void changed_policy(void **state)
{
	struct pt_nft_prog *p = numbered_prog(1);

	(void)state;
	(void)apply(p);
	p->objects.chains.v[0].policy_drop = true;
	assert_int_equal(apply(p), 3);
	assert_int_equal(still_to_do(p), 0);
	p->objects.chains.v[0].policy_drop = false;
	assert_int_equal(apply(p), 3);
	pt_nft_prog_free(p);
}

/* ---- others ---- */

static int keep_foreign(const struct nlmsghdr *nlh, void *arg)
{
	struct pt_buf *b = arg;
	const struct nlattr *name[2];

	/* All kinds carry the table's name in their first attribute. */
	assert_int_equal(pt_nl_attrs(nlh, sizeof(struct nfgenmsg), name, 2), 0);
	if (name[1] && !nft_attr_is(name[1], PT_NFT_TABLE)) {
		pt_buf_add(b, &nlh->nlmsg_type, sizeof(nlh->nlmsg_type));
		pt_buf_add(b, (const uint8_t *)mnl_nlmsg_get_payload(nlh) + sizeof(struct nfgenmsg),
			   mnl_nlmsg_get_payload_len(nlh) - sizeof(struct nfgenmsg));
	}
	return 0;
}

static void foreign(struct pt_buf *b)
{
	static const uint16_t kinds[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETSET,
					  NFT_MSG_GETRULE };
	uint32_t buf[64];

	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		assert_int_equal(pt_nl_dump(nf, nft_question(buf, kinds[i], 0), NULL, keep_foreign,
					    b), 0);
	assert_int_equal(b->err, 0);
}

/* A table of another owner, in our family and with our names in it: its name goes into the same
 * number of bytes, so what our own writers made only has to be renamed. */
static void make_foreign(void)
{
	static const char ours[] = PT_NFT_TABLE, theirs[] = "stranger";
	struct pt_nft_prog *p = rich_prog(0);
	struct pt_nft_state *s = read_state();
	struct pt_nft_plan *plan = NULL;
	struct pt_nl_record rec = { 0 };
	struct pt_nl_refusal r = { 0 };
	struct pt_nl *recorder;
	struct pt_err e = { 0 };
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	int left;

	assert_int_equal(sizeof(ours), sizeof(theirs));
	check(pt_nft_diff(p, s, &plan, &e), &e);
	assert_int_equal(pt_nl_open_recorder(&recorder, &rec, NULL, 0), 0);
	check(pt_nft_commit(recorder, plan, &e), &e);
	for (size_t i = 0; i + sizeof(ours) <= rec.bytes.n; i++)
		if (!memcmp(rec.bytes.s + i, ours, sizeof(ours)))
			memcpy(rec.bytes.s + i, theirs, sizeof(theirs));
	left = (int)rec.bytes.n;
	for (struct nlmsghdr *m = (void *)rec.bytes.s; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
		void *room;

		if (m->nlmsg_type == NFNL_MSG_BATCH_BEGIN || m->nlmsg_type == NFNL_MSG_BATCH_END)
			continue;
		room = pt_nl_batch_room(b, m->nlmsg_len);
		assert_non_null(room);
		memcpy(room, m, m->nlmsg_len);
		assert_int_equal(pt_nl_batch_commit(b, room, 1), 0);
	}
	assert_int_equal(pt_nl_batch_send(nf, b, &r), 0);
	pt_nl_batch_free(b);
	pt_nl_close(recorder);
	pt_buf_fini(&rec.bytes);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

static void strangers_stay(void **state)
{
	struct pt_nft_prog *one = rich_prog(0), *two = rich_prog(1);
	struct pt_buf before = { 0 }, after = { 0 };
	struct pt_nft_state *s;

	(void)state;
	make_foreign();
	s = read_state();
	assert_false(s->present);
	assert_int_equal(s->objects->chains.n, 0);
	assert_int_equal(s->objects->sets.n, 0);
	pt_nft_state_free(s);
	foreign(&before);
	assert_true(before.n > 1000);
	(void)apply(one);
	assert_int_equal(still_to_do(one), 0);
	(void)apply(two);
	foreign(&after);
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.s, after.s, before.n);
	pt_buf_fini(&before);
	pt_buf_fini(&after);
	pt_nft_prog_free(one);
	pt_nft_prog_free(two);
}

/* Somebody takes the whole table away: the next apply puts all of it back. */
static void flushed_by_others(void **state)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct pt_nft_prog *p = rich_prog(0);
	struct pt_nl_refusal r;
	struct nlmsghdr *nlh;
	size_t first;

	(void)state;
	first = apply(p);
	nlh = nft_question(pt_nl_batch_room(b, 64), NFT_MSG_DELTABLE, 0);
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), 0); /* no name: every table there is */
	assert_int_equal(pt_nl_batch_send(nf, b, &r), 0);
	pt_nl_batch_free(b);
	assert_int_equal(apply(p), first);
	assert_int_equal(still_to_do(p), 0);
	pt_nft_prog_free(p);
}

/* A set of another make is replaced together with the rules that look into it; what a kept one
 * held moves over. */
static void replaced_set(void **state)
{
	struct pt_nft_prog *p = rich_prog(0);
	struct pt_nft_state *s;
	struct nft_set *set = &p->objects.sets.v[2];

	(void)state;
	(void)apply(p);
	assert_string_equal(set->name, "t.bad.4");
	set->keep = true;
	set->counters = false;
	set->has_timeout = true;
	set->timeout = 3600;
	set->elems.n = 0;
	assert_true(apply(p) > 0);
	assert_int_equal(still_to_do(p), 0);
	s = read_state();
	set = nft_find_set(s->objects, "t.bad.4");
	assert_true(set->has_timeout && set->timeout == 3600 && !set->counters);
	assert_int_equal(set->elems.n, 2);
	assert_true(set->elems.v[1].lo == 0xe0000000 && set->elems.v[1].hi == 0xffffffff);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

/* Chains, rules and sets that others put into our table are taken out again. */
static void intruders_leave(void **state)
{
	struct pt_nft_prog *p = rich_prog(0), *wild = rich_prog(0);
	size_t chain;

	(void)state;
	chain = make_chain(wild, "evil", "filter", NF_INET_LOCAL_IN, -300);
	make_port_rule(wild, chain, 900, 1, NF_ACCEPT);
	make_port_rule(wild, 0, 901, 2, NF_ACCEPT);
	(void)make_set(wild, "z.set", NFT_SET_CONST, PT_AF_INET);
	(void)apply(wild);
	(void)apply(p);
	assert_int_equal(still_to_do(p), 0);
	pt_nft_prog_free(p);
	pt_nft_prog_free(wild);
}

/* ---- many ---- */

static void many_rules(void **state)
{
	struct pt_nft_prog *p = numbered_prog(10000);

	(void)state;
	assert_int_equal(apply(p), 10000 + 3);
	assert_int_equal(apply(p), 0);
	pt_nft_prog_free(p);
}

/* Reads what a comparison with P needs: whether the big set was among it, and what is to be written. */
static size_t compare(const struct pt_nft_prog *p, bool *unread)
{
	struct pt_nft_state *s = NULL;
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	check(pt_nft_read_for(nf, p, &s, &e), &e);
	*unread = nft_find_set(s->objects, "t.big.4")->unread;
	check(pt_nft_diff(p, s, &plan, &e), &e);
	writes = pt_nft_plan_writes(plan);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	return writes;
}

/* How much is written where nothing differs. */
static size_t note_anew(struct pt_nft_prog *p)
{
	struct pt_nft_state *s = NULL;
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	check(pt_nft_read_for(nf, p, &s, &e), &e);
	check(pt_nft_diff_note(p, s, &plan, &e), &e);
	writes = pt_nft_plan_writes(plan);
	check(pt_nft_commit(nf, plan, &e), &e);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	return writes;
}

static void touch_foreign(void)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct pt_nl_refusal r;
	struct nlmsghdr *nlh = nft_question(pt_nl_batch_room(b, 64), NFT_MSG_NEWTABLE, NLM_F_CREATE);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, "other");
	assert_int_equal(pt_nl_batch_commit(b, nlh, 0), 0);
	assert_int_equal(pt_nl_batch_send(nf, b, &r), 0);
	pt_nl_batch_free(b);
}

/* A big set is read again only when somebody wrote something since, or other contents are wanted. */
static void big_sets(void **state)
{
	struct pt_nft_prog *p = numbered_prog(1);
	size_t set = make_set(p, "t.big.4", NFT_SET_TABLE, PT_AF_INET), added, deleted;
	struct pt_iset one[2] = { 0 };
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };
	bool unread;

	(void)state;
	for (pt_u128 i = 0; i < NFT_NOTE_MIN; i++)
		assert_int_equal(pt_iset_add(p->arena, &p->objects.sets.v[set].elems, 4 * i, 4 * i + 1), 0);
	(void)apply(p);
	assert_int_equal(compare(p, &unread), 0);
	assert_true(unread);
	p->objects.sets.v[set].elems.v[77].hi++;
	assert_int_equal(compare(p, &unread), 3); /* an element in, and the note */
	assert_false(unread);
	p->objects.sets.v[set].elems.v[77].hi--;
	assert_int_equal(pt_iset_add(NULL, &one[0], 3, 3), 0);
	check(pt_nft_table_change(nf, "big", one, NULL, 0, &added, &deleted, &e), &e);
	assert_int_equal(added, 1);
	assert_int_equal(compare(p, &unread), 0); /* that element stays */
	assert_false(unread);
	assert_int_equal(note_anew(p), 2);
	assert_int_equal(compare(p, &unread), 0);
	assert_true(unread);
	assert_int_equal(note_anew(p), 0); /* it is noted */
	p->objects.sets.v[set].keep = true; /* as when only addresses of interfaces are followed */
	p->digest = "bb";
	assert_int_equal(apply(p), 2);
	p->objects.sets.v[set].keep = false;
	assert_int_equal(compare(p, &unread), 0);
	assert_true(unread);
	touch_foreign();
	assert_int_equal(compare(p, &unread), 0);
	assert_false(unread);
	p->objects.sets.v[set].keep = true;
	assert_int_equal(compare(p, &unread), 0);
	assert_true(unread);
	check(pt_nft_read_for(nf, NULL, &s, &e), &e);
	assert_int_equal(s->objects->chains.v[0].rules.n, 1);
	assert_true(s->objects->sets.v[0].unread);
	pt_nft_state_free(s);
	pt_iset_fini(&one[0]);
	pt_nft_prog_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(same_again), T(identity_comes_back), T(one_to_another), T(others_keep_handles),
		T(digest_alone), T(refusal_names_the_line), T(moved_generation),
		T(base_chain_elsewhere), T(changed_policy), T(strangers_stay), T(flushed_by_others),
		T(replaced_set), T(intruders_leave), T(many_rules), T(big_sets),
	};

	return lab_run("nft_kernel", tests, NULL, NULL);
}
