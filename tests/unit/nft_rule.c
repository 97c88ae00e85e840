/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identity and digest of rules, and the reading of single messages: what came from the kernel in
 * other words is the same, what means something else is not, and damage never reads too far.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/nft_make.h"

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>

/* ---- identity ---- */

static void get_identity(struct nftnl_rule *r, struct pt_arena *a, uint32_t *id, const char **name)
{
	uint32_t len = 0;
	const void *udata = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &len);

	assert_int_equal(nft_rule_get_identity(udata, udata ? len : 0, a, id, name), 0);
}

static void identity(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct nftnl_rule *r = make_nlr();
	const char *name;
	char longest[129];
	uint32_t id;

	(void)state;
	get_identity(r, a, &id, &name);
	assert_int_equal(id, 0);
	assert_null(name);
	assert_int_equal(nft_rule_set_identity(r, 0xfffffffe, "web; \"quoted\""), 0);
	get_identity(r, a, &id, &name);
	assert_int_equal(id, 0xfffffffe);
	assert_string_equal(name, "web; \"quoted\"");
	memset(longest, 'x', sizeof(longest));
	longest[128] = '\0';
	assert_int_equal(nft_rule_set_identity(r, 1, longest), -EINVAL);
	longest[127] = '\0';
	assert_int_equal(nft_rule_set_identity(r, 1, longest), 0);
	get_identity(r, a, &id, &name);
	assert_string_equal(name, longest);
	nftnl_rule_free(r);
	pt_arena_free(a);
}

static int find_comment(const struct nftnl_udata *attr, void *data)
{
	const char **out = data;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_RULE_COMMENT)
		*out = nftnl_udata_get(attr);
	return 0;
}

/* nft reads the comment with libnftnl: it must find it. */
static void comment_is_nfts(void **state)
{
	struct nftnl_rule *r = make_nlr();
	const char *comment = NULL;
	const void *udata;
	uint32_t len;

	(void)state;
	assert_int_equal(nft_rule_set_identity(r, 5, "ssh"), 0);
	udata = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &len);
	assert_true(nftnl_udata_parse(udata, len, find_comment, &comment) >= 0);
	assert_string_equal(comment, "ssh");
	nftnl_rule_free(r);
}

static void damaged_user_data(void **state)
{
	static const uint8_t bad[][4] = {
		{ 80 }, { 80, 4, 1, 2 }, { 0, 2, 'x', 'y' }, { 0, 255, 'x', 0 }, { 7, 0, 0, 1 },
	};
	struct pt_arena *a = pt_arena_new();
	const char *name;
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++) {
		struct nftnl_rule *r = make_nlr();

		assert_int_equal(nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, bad[i], i ? 4 : 1), 0);
		get_identity(r, a, &id, &name);
		assert_int_equal(id, 0);
		assert_null(name);
		nftnl_rule_free(r);
	}
	pt_arena_free(a);
}

/* ---- digest ---- */

static struct nftnl_rule *counted(uint64_t packets, int verdict)
{
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x;

	make_meta(r, NFT_META_L4PROTO);
	make_cmp_u8(r, IPPROTO_TCP);
	x = make_expr(r, "counter");
	nftnl_expr_set_u64(x, NFTNL_EXPR_CTR_PACKETS, packets);
	nftnl_expr_set_u64(x, NFTNL_EXPR_CTR_BYTES, packets * 100);
	make_verdict(r, verdict, NULL);
	return r;
}

static uint64_t digest_and_free(struct nftnl_rule *r)
{
	uint64_t digest = nft_rule_digest(r);

	nftnl_rule_free(r);
	assert_true(digest != 0);
	return digest;
}

static void counters_do_not_count(void **state)
{
	uint64_t digest = digest_and_free(counted(7, NF_DROP));

	(void)state;
	assert_true(digest == digest_and_free(counted(0, NF_DROP)));
	assert_true(digest != digest_and_free(counted(7, NF_ACCEPT)));
	assert_true(digest == digest_and_free(counted(9, NF_DROP)));
}

static struct nftnl_rule *snat(uint32_t reg, uint32_t max, uint32_t flags, uint32_t type)
{
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x = make_expr(r, "nat");

	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, type);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg);
	if (max)
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MAX, max);
	if (flags)
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, flags);
	return r;
}

/* The kernel repeats the register, names it differently and computes the flag. */
static void translations(void **state)
{
	uint64_t digest = digest_and_free(snat(NFT_REG32_00, 0, 0, NFT_NAT_SNAT));

	(void)state;
	assert_true(digest == digest_and_free(snat(NFT_REG_1, NFT_REG_1, NF_NAT_RANGE_MAP_IPS, NFT_NAT_SNAT)));
	assert_true(digest != digest_and_free(snat(NFT_REG_1, NFT_REG_2, NF_NAT_RANGE_MAP_IPS, NFT_NAT_SNAT)));
	assert_true(digest != digest_and_free(snat(NFT_REG_1, 0, 0, NFT_NAT_DNAT)));
	assert_true(digest != digest_and_free(snat(NFT_REG_1, 0, NF_NAT_RANGE_PERSISTENT, NFT_NAT_SNAT)));
}

static struct nftnl_rule *looked_up(const char *set, uint32_t id, bool neg)
{
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x;

	make_payload(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	x = make_expr(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	assert_int_equal(nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set), 0);
	if (id)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SET_ID, id);
	if (neg)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	return r;
}

static bool is_c1(const char *set, const void *arg)
{
	(void)arg;
	return !strcmp(set, "c.1");
}

static void lookups(void **state)
{
	uint64_t digest = digest_and_free(looked_up("c.1", 0, false));
	struct nftnl_rule *r = looked_up("c.1", 0, false), *other = looked_up("c.2", 0, false);

	(void)state;
	assert_true(digest == digest_and_free(looked_up("c.1", 9, false)));
	assert_true(digest != digest_and_free(looked_up("c.1", 0, true)));
	assert_true(nft_rule_uses_set(r, is_c1, NULL));
	assert_false(nft_rule_uses_set(other, is_c1, NULL));
	assert_true(digest != digest_and_free(other));
	nftnl_rule_free(r);
}

static struct nftnl_rule *direction(int dir)
{
	struct nftnl_rule *r = make_nlr();
	struct nftnl_expr *x = make_expr(r, "ct");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, NFT_CT_BYTES);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	if (dir >= 0)
		nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, (uint8_t)dir);
	return r;
}

/* Zero and nothing differ where zero is a value like others. */
static void zero_that_means_something(void **state)
{
	struct nftnl_rule *drop = make_nlr(), *empty = make_nlr();

	(void)state;
	assert_true(digest_and_free(direction(-1)) != digest_and_free(direction(0)));
	assert_true(digest_and_free(direction(0)) != digest_and_free(direction(1)));
	make_verdict(drop, NF_DROP, NULL);
	make_expr(empty, "immediate");
	assert_true(digest_and_free(drop) != digest_and_free(empty));
}

static void identity_is_part(void **state)
{
	struct nftnl_rule *a = counted(0, NF_DROP), *b = counted(0, NF_DROP), *c = counted(0, NF_DROP);

	(void)state;
	assert_int_equal(nft_rule_set_identity(a, 1, "x"), 0);
	assert_int_equal(nft_rule_set_identity(b, 2, "x"), 0);
	assert_int_equal(nft_rule_set_identity(c, 1, "y"), 0);
	assert_true(nft_rule_digest(a) != nft_rule_digest(b));
	assert_true(nft_rule_digest(a) != nft_rule_digest(c));
	nftnl_rule_free(a);
	nftnl_rule_free(b);
	nftnl_rule_free(c);
}

/* ---- messages ---- */

/* The messages of a small table as the kernel would send them: what we write looks the same. */
static struct pt_nl_batch *messages(struct pt_nft_prog *p)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct nft_elem el[2] = { { .lo = 5, .hi = 9, .timeout = 60000, .expires = 30000 },
				  { .lo = 0xf0000000, .hi = 0xffffffff } };
	struct nft_set map = { .name = "v", .role = NFT_SET_VMAP, .key_len = 2, .key_type = 13 };
	struct nft_map_elem to = { .key = { 0, 80 }, .key_len = 2, .chain = "in" };
	struct nft_applied applied = { .digest = "0123456789abcdef", .path = "/a/b", .when = 77 };
	size_t in, set;

	assert_non_null(b);
	in = make_chain(p, "in", "filter", NF_INET_LOCAL_IN, -10);
	make_port_rule(p, in, 3, 53, NF_ACCEPT);
	set = make_set(p, "t.bad.4", NFT_SET_TABLE, PT_AF_INET);
	p->objects.sets.v[set].has_timeout = p->objects.sets.v[set].counters = true;
	p->objects.sets.v[set].timeout = 90;
	assert_int_equal(nft_put_table(b, 1), 0);
	assert_int_equal(nft_put_chain(b, 1, &p->objects.chains.v[in]), 0);
	assert_int_equal(nft_put_applied(b, 1, &applied), 0);
	assert_int_equal(nft_put_set(b, 1, &p->objects.sets.v[set], 0), 0);
	assert_int_equal(nft_put_set(b, 1, &map, 0), 0);
	assert_int_equal(nft_put_elems(b, 1, true, &p->objects.sets.v[set], el, 2), 0);
	assert_int_equal(nft_put_map_elems(b, 1, true, &map, &to, 1), 0);
	assert_int_equal(nft_put_rule(b, 1, "in", p->objects.chains.v[in].rules.v[0].nlr, 0), 0);
	return b;
}

/* Sends the batch into a recorder and calls FN for each message between the marks. */
static void each_message(struct pt_nl_batch *b, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct pt_nl_record rec = { 0 };
	struct nlmsghdr *nlh;
	struct pt_nl *nl;
	int left;

	assert_int_equal(pt_nl_open_recorder(&nl, &rec, NULL, 0), 0);
	assert_int_equal(pt_nl_batch_send(nl, b, NULL), 0);
	left = (int)rec.bytes.n;
	for (nlh = (void *)rec.bytes.s; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (NFNL_SUBSYS_ID(nlh->nlmsg_type) == NFNL_SUBSYS_NFTABLES)
			fn(nlh, arg);
	pt_nl_close(nl);
	pt_buf_fini(&rec.bytes);
	pt_nl_batch_free(b);
}

static void parse_one(struct nlmsghdr *nlh, void *arg)
{
	assert_int_equal(pt_nft_parse(arg, nlh), 0);
}

static void whole_messages(void **state)
{
	struct pt_nft_prog *p = make_prog("");
	struct pt_nft_state *s = calloc(1, sizeof(*s));
	struct nft_set *set;

	(void)state;
	assert_non_null(s);
	each_message(messages(p), parse_one, s);
	assert_true(s->present);
	assert_string_equal(s->digest, "0123456789abcdef");
	assert_string_equal(s->path, "/a/b");
	assert_int_equal(s->applied, 77);
	assert_int_equal(s->objects->chains.n, 1);
	assert_int_equal(s->objects->chains.v[0].prio, -10);
	assert_int_equal(s->objects->chains.v[0].rules.n, 1);
	assert_string_equal(s->objects->chains.v[0].rules.v[0].name, "rule-3");
	assert_true(s->objects->chains.v[0].rules.v[0].digest ==
		    p->objects.chains.v[0].rules.v[0].digest);
	assert_int_equal(s->objects->sets.n, 2);
	set = &s->objects->sets.v[0];
	assert_true(set->has_timeout && set->counters && set->interval && set->timeout == 90);
	assert_int_equal(set->role, NFT_SET_TABLE);
	assert_int_equal(set->pending->v[0].expires, 30000);
	assert_int_equal(nft_set_finish(set, s->arena), 0);
	assert_int_equal(set->elems.n, 2);
	assert_true(set->elems.v[0].lo == 5 && set->elems.v[0].hi == 9);
	assert_true(set->elems.v[1].lo == 0xf0000000 && set->elems.v[1].hi == 0xffffffff);
	set = &s->objects->sets.v[1];
	assert_int_equal(set->role, NFT_SET_VMAP);
	assert_string_equal(set->map.v[0].chain, "in");
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

static void another_family(struct nlmsghdr *nlh, void *arg)
{
	struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	nfg->nfgen_family = NFPROTO_IPV4;
	assert_int_equal(pt_nft_parse(arg, nlh), 0);
}

static void not_ours(void **state)
{
	struct pt_nft_prog *p = make_prog("");
	struct pt_nft_state *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	each_message(messages(p), another_family, s);
	assert_false(s->present);
	assert_null(s->objects);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

/* A copy of exactly LEN bytes, so that a sanitizer sees every byte read beyond. */
static void parse_copy(struct pt_nft_state *s, const struct nlmsghdr *nlh, size_t len, size_t flip,
		       uint8_t with)
{
	uint8_t *copy = malloc(len);
	int rc;

	assert_non_null(copy);
	memcpy(copy, nlh, len);
	((struct nlmsghdr *)copy)->nlmsg_len = (uint32_t)len;
	if (flip)
		copy[flip] ^= with;
	rc = pt_nft_parse(s, (struct nlmsghdr *)copy);
	assert_true(rc == 0 || rc == -EBADMSG);
	free(copy);
}

static void damage(struct nlmsghdr *nlh, void *arg)
{
	struct pt_nft_state *s = arg;

	for (size_t len = sizeof(*nlh); len < nlh->nlmsg_len; len++)
		parse_copy(s, nlh, len, 0, 0);
	for (size_t at = sizeof(*nlh); at < nlh->nlmsg_len; at++)
		for (unsigned int bit = 0; bit < 8; bit++)
			parse_copy(s, nlh, nlh->nlmsg_len, at, (uint8_t)(1u << bit));
	parse_copy(s, nlh, nlh->nlmsg_len, 0, 0);
}

static void damaged_messages(void **state)
{
	struct pt_nft_prog *p = make_prog("");
	struct pt_nft_state *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	each_message(messages(p), damage, s);
	for (size_t i = 0; i < s->objects->sets.n; i++)
		assert_int_equal(nft_set_finish(&s->objects->sets.v[i], s->arena), 0);
	pt_nft_state_free(s);
	pt_nft_prog_free(p);
}

/* ---- what is applied ---- */

static void applied_limits(void **state)
{
	static const char digest[] = "not a digest in hexadecimal, and as long as one, 64 characters..";
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct pt_nft_state *s = calloc(1, sizeof(*s));
	struct nft_applied applied = { .digest = digest, .when = UINT64_MAX };
	char path[300];

	(void)state;
	assert_true(b && s);
	applied.path = path;
	applied.note.genid = 99;
	applied.note.n = NFT_NOTE_SETS;
	memset(applied.note.v, 0x5a, sizeof(applied.note.v));
	memset(path, 'p', sizeof(path));
	memcpy(path + sizeof(path) - 6, "/last", 6);
	assert_int_equal(strlen(digest), 64);
	assert_int_equal(nft_put_applied(b, 1, &applied), 0);
	each_message(b, parse_one, s);
	assert_string_equal(s->digest, digest);
	assert_int_equal(strlen(s->path), 170);
	assert_string_equal(s->path + 165, "/last");
	assert_true(s->applied == UINT64_MAX);
	assert_int_equal(s->objects->note.genid, 99);
	assert_int_equal(s->objects->note.n, 0); /* as many as fit */
	pt_nft_state_free(s);

	b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	s = calloc(1, sizeof(*s));
	assert_true(b && s);
	applied.path = "/etc/patronus/patronus.conf";
	applied.digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	assert_int_equal(nft_put_applied(b, 1, &applied), 0);
	each_message(b, parse_one, s);
	assert_string_equal(s->digest, applied.digest);
	assert_int_equal(s->objects->note.n, NFT_NOTE_SETS);
	assert_memory_equal(s->objects->note.v, applied.note.v, sizeof(applied.note.v));
	pt_nft_state_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test(f)
		T(identity), T(comment_is_nfts), T(damaged_user_data), T(counters_do_not_count),
		T(translations), T(lookups), T(zero_that_means_something), T(identity_is_part),
		T(whole_messages), T(not_ours), T(damaged_messages), T(applied_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
