/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel says of shapers, cut at every length and with every byte bent; limits for hosts in the file, what does not fit
 * together; each allocation of the way from the file to what is wanted failing in turn. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <patronus/each.h>
#include <patronus/plan.h>

#include "lib/scarce.h"
#include "plan/network.h"

/* ---- messages ---- */

union message {
	struct nlmsghdr head;
	uint8_t bytes[2048];
};

static struct nlmsghdr *begin(union message *m, uint16_t type, uint32_t handle, uint32_t parent, const char *kind)
{
	struct nlmsghdr *nlh = (memset(m, 0, sizeof(*m)), mnl_nlmsg_put_header(m));
	struct tcmsg *tc;

	nlh->nlmsg_type = type;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_ifindex = 2;
	tc->tcm_handle = handle;
	tc->tcm_parent = parent;
	if (type == RTM_NEWTFILTER)
		tc->tcm_info = TC_H_MAKE((uint32_t)PT_SHAPE_PREF << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(nlh, TCA_KIND, kind);
	return nlh;
}

static void put_tin(struct nlmsghdr *nlh, uint16_t n)
{
	struct nlattr *tin = mnl_attr_nest_start(nlh, n);

	mnl_attr_put_u64(nlh, TCA_CAKE_TIN_STATS_THRESHOLD_RATE64, 1000 + n);
	mnl_attr_put_u64(nlh, TCA_CAKE_TIN_STATS_SENT_BYTES64, 77);
	mnl_attr_put_u32(nlh, TCA_CAKE_TIN_STATS_SENT_PACKETS, 7);
	mnl_attr_put_u32(nlh, TCA_CAKE_TIN_STATS_AVG_DELAY_US, 30u * n);
	mnl_attr_nest_end(nlh, tin);
}

/* With N tins: the kernel has up to eight, and who knows what comes. */
static void make_cake(union message *m, uint16_t n)
{
	struct nlmsghdr *nlh = begin(m, RTM_NEWQDISC, PT_SHAPE_MAJOR << 16, PT_SHAPE_ROOT, "cake");
	const struct gnet_stats_basic basic = { .bytes = 99, .packets = 9 };
	const struct gnet_stats_queue queue = { .drops = 3 };
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS), *app, *tins;

	mnl_attr_put_u64(nlh, TCA_CAKE_BASE_RATE64, 250000);
	mnl_attr_put_u32(nlh, TCA_CAKE_ATM, 1);
	mnl_attr_put_u32(nlh, TCA_CAKE_OVERHEAD, 40);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, TCA_STATS2);
	mnl_attr_put(nlh, TCA_STATS_BASIC, 12, &basic);
	mnl_attr_put(nlh, TCA_STATS_QUEUE, sizeof(queue), &queue);
	app = mnl_attr_nest_start(nlh, TCA_STATS_APP);
	tins = mnl_attr_nest_start(nlh, TCA_CAKE_STATS_TIN_STATS);
	for (uint16_t i = 1; i <= n; i++)
		put_tin(nlh, i);
	mnl_attr_nest_end(nlh, tins);
	mnl_attr_nest_end(nlh, app);
	mnl_attr_nest_end(nlh, nest);
}

static void make_each(union message *m, const char *name)
{
	struct nlmsghdr *nlh = begin(m, RTM_NEWTFILTER, 1, PT_SHAPE_CLASSES_MAJOR << 16 | 7, "bpf");
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u32(nlh, TCA_BPF_ID, 5);
	mnl_attr_put_strz(nlh, TCA_BPF_NAME, name);
	mnl_attr_nest_end(nlh, nest);
}

static void make_into(union message *m)
{
	struct nlmsghdr *nlh = begin(m, RTM_NEWTFILTER, 0x80000800, PT_SHAPE_CLASSES_MAJOR << 16, "u32");
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u32(nlh, TCA_U32_CLASSID, PT_SHAPE_CLASSES_MAJOR << 16 | 9);
	mnl_attr_nest_end(nlh, nest);
}

static void make_fifo(union message *m)
{
	struct nlmsghdr *nlh = begin(m, RTM_NEWQDISC, 0x10000, PT_SHAPE_CLASSES_MAJOR << 16 | 7, "bfifo");

	mnl_attr_put_u32(nlh, TCA_OPTIONS, 16000);
}

static int parse(const union message *m, struct pt_arena *a, struct pt_shapes *out)
{
	*out = (struct pt_shapes){ .arena = a };
	return pt_shapes_parse(out, &m->head);
}

static void test_read(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_shapes out;
	union message m;
	char name[100];

	(void)state;
	assert_non_null(a);
	make_cake(&m, 3);
	assert_int_equal(parse(&m, a, &out), 0);
	assert_int_equal(out.v.v[0].n_tins, 3);
	assert_int_equal(out.v.v[0].tins[2].rate, 1003);
	assert_int_equal(out.v.v[0].stats.delay, 90); /* the longest */
	assert_int_equal(out.v.v[0].stats.drops, 3);
	make_cake(&m, 8);
	assert_int_equal(parse(&m, a, &out), 0);
	assert_int_equal(out.v.v[0].n_tins, PT_SHAPE_TINS);
	make_cake(&m, 9); /* more than there can be */
	(void)!parse(&m, a, &out);
	assert_true(!out.v.n || out.v.v[0].n_tins <= PT_SHAPE_TINS);
	make_each(&m, "patronus-each-1");
	assert_int_equal(parse(&m, a, &out), 0);
	assert_int_equal(out.v.v[0].what, PT_SHAPE_EACH);
	assert_string_equal(out.v.v[0].program, "patronus-each-1");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	make_each(&m, name); /* nobody's whom we know */
	assert_int_equal(parse(&m, a, &out), 0);
	assert_string_equal(out.v.v[0].program, "");
	make_into(&m);
	assert_int_equal(parse(&m, a, &out), 0);
	assert_int_equal(out.v.v[0].what, PT_SHAPE_INTO);
	assert_int_equal(out.v.v[0].v.fallback & 0xffff, 9);
	make_fifo(&m);
	assert_int_equal(parse(&m, a, &out), 0);
	assert_int_equal(out.v.v[0].v.limit, 16000);
	pt_arena_free(a);
}

/* Memory of exactly its length: a read beyond the end is one that the sanitizer sees. */
static void parse_exact(const union message *m, uint32_t n, struct pt_arena *a)
{
	struct pt_shapes out = { .arena = a };
	uint8_t *exact = malloc(n);

	assert_non_null(exact);
	memcpy(exact, m, n);
	((struct nlmsghdr *)exact)->nlmsg_len = n;
	(void)!pt_shapes_parse(&out, (struct nlmsghdr *)exact);
	free(exact);
}

static void hurt(union message *m)
{
	struct pt_arena *a = pt_arena_new();
	uint32_t len = m->head.nlmsg_len;

	assert_non_null(a);
	for (uint32_t n = sizeof(m->head) + sizeof(struct tcmsg); n <= len; n++)
		parse_exact(m, n, a);
	for (uint32_t at = sizeof(m->head); at < len; at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			m->bytes[at] ^= (uint8_t)(1u << bit);
			parse_exact(m, len, a);
			m->bytes[at] ^= (uint8_t)(1u << bit);
		}
	pt_arena_free(a);
}

static void test_hurt(void **state)
{
	union message m;

	(void)state;
	make_cake(&m, 4);
	hurt(&m);
	make_each(&m, "patronus-each-0123456789abcdef");
	hurt(&m);
	make_into(&m);
	hurt(&m);
	make_fifo(&m);
	hurt(&m);
}

/* ---- limits for hosts in the file ---- */

#define SHAPER "interface w { }\nshaper s { interface = w type = htb bandwidth = \"9Mbit\" "
#define EACH "each = source each-rate = \"1Mbit\" "

static const struct bad {
	const char *text;
	unsigned int line, col;
	const char *message;
} bads[] = {
	{ SHAPER "each = source }", 2, 64, "limits each host, but not to what" },
	{ SHAPER "each-rate = \"1Mbit\" }", 2, 70, "which address is the host's" },
	{ SHAPER EACH "each-of = { \"10.0.0.1/8\" } }", 2, 104, "bits set behind its prefix length" },
	{ SHAPER EACH "each-of = { \"lo;x\" } }", 2, 104, "this is not a network" },
	{ SHAPER EACH "each-hosts = 4097 }", 2, 104, "1 to 4096" },
	{ SHAPER EACH "}\nqueue q { shaper = s rate = \"1Mbit\" default = on }", 2, 64, "its packets wait in them" },
	{ "interface w { }\nshaper s { interface = w each = source }", 2, 33, "which has no each: that is for htb" },
	{ SHAPER "}\nqueue q { shaper = s rate = \"1Mbit\" " EACH "}\nqueue r { shaper = s parent = q rate = \"1Mbit\" default = on }", 3, 44,
	  "is the parent of others" },
	{ "interface w { }\nshaper s { interface = \"lo;x\" }", 2, 25, "not a valid" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bads); i++) {
		const struct bad *b = &bads[i];
		struct pt_err e = { 0 };
		struct pt_conf *c;

		if (pt_conf_parse("f", b->text, strlen(b->text), &c, &e) != -EINVAL)
			fail_msg("taken: %s", b->text);
		if (e.list.n != 1 || (!strstr(e.list.v[0].msg, b->message) && !strstr(e.list.v[0].hint, b->message)) ||
		    e.list.v[0].loc.line != b->line || e.list.v[0].loc.col != b->col)
			fail_msg("%s: %zu records, %u:%u %s", b->text, e.list.n, e.list.v[0].loc.line, e.list.v[0].loc.col,
				 e.list.v[0].msg);
		pt_err_fini(&e);
	}
}

#define WHOLE                                                                                                        \
	"interface w { } interface l { device = eth1 }\n"                                                            \
	"shaper s { interface = w type = htb bandwidth = \"90Mbit\" }\n"                                             \
	"queue g { shaper = s rate = \"9Mbit\" each = destination each-rate = \"1Mbit\" each-hosts = 60 }\n"         \
	"queue r { shaper = s rate = \"9Mbit\" default = on each = destination each-rate = \"2Mbit\" each-hosts = 9\n" \
	"\teach-of = { \"10.0.0.0/8\", \"fd00::/8\" } }\n"                                                           \
	"shaper d { interface = l direction = in bandwidth = \"9Mbit\" preset = adsl }\n"

/* Nobody has the class of another; what all have in any case is not more than there is. */
static void test_classes(void **state)
{
	static uint8_t taken[0x10000];
	struct pt_arena *a = pt_arena_new();
	struct pt_shapes want;
	struct pt_err e = { 0 };
	uint64_t sum = 0;
	size_t n = 0;
	struct pt_conf *c;

	(void)state;
	assert_int_equal(pt_conf_parse("f", WHOLE, strlen(WHOLE), &c, &e), 0);
	assert_int_equal(network_want_shapes(c, a, &want), 0);
	for (size_t i = 0; i < want.v.n; i++) {
		const struct pt_shape *s = &want.v.v[i];

		if (s->what != PT_SHAPE_CLASS)
			continue;
		assert_false(taken[s->handle & 0xffff]);
		taken[s->handle & 0xffff] = 1;
		assert_true(s->v.rate && s->v.rate <= s->v.ceil);
		n += s->member;
		sum += s->member ? s->v.rate : 0;
	}
	assert_int_equal(n, 60 + 2 + 9 + 2);
	assert_true(sum <= 2 * 9000000 / 8);
	pt_conf_free(c);
	pt_arena_free(a);
	pt_err_fini(&e);
}

/* One attempt; false: it lacked memory, and said so. */
static bool attempt(const struct pt_shapes *have)
{
	const struct pt_links links = { 0 };
	const pt_link_list absent = { 0 };
	struct pt_arena *a = pt_arena_new();
	struct pt_err e = { 0 };
	struct pt_conf *c = NULL;
	struct pt_shapes want;
	pt_shape_changes changes = { 0 };
	int rc = a ? pt_conf_parse("f", WHOLE, strlen(WHOLE), &c, &e) : -ENOMEM;

	if (!rc)
		rc = network_check_shapers(c, &e);
	if (!rc)
		rc = network_want_shapes(c, a, &want);
	if (!rc)
		rc = pt_shapes_diff(&want, have, &links, &absent, a, &changes);
	allocations_left = -1;
	assert_true(!rc || rc == -ENOMEM);
	if (!rc)
		assert_true(changes.n > 146);
	pt_conf_free(c);
	pt_err_fini(&e);
	pt_arena_free(a);
	return !rc;
}

static void test_memory(void **state)
{
	const struct pt_shapes none = { 0 };
	long n = 0;

	(void)state;
	do {
		allocations_left = n++;
	} while (!attempt(&none) && n < 100000);
	print_message("# %ld allocations\n", n);
	assert_true(n > 5 && n < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_hurt),   cmocka_unit_test(test_bad),
		cmocka_unit_test(test_classes), cmocka_unit_test(test_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
