/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapers and queues in the common file: rates and times as people write them, presets, and for each thing that does not fit together
 * the one message about it, at its place; damaged messages of the kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/conf.h>
#include <patronus/plan.h>
#include <patronus/shape.h>

static void test_rates(void **state)
{
	static const struct {
		const char *s;
		int rc;
		uint64_t bytes;
		const char *back;
	} cases[] = {
		{ "10Mbit", 0, 1250000, "10Mbit" },   { "1.5gbit", 0, 187500000, "1.5Gbit" }, { "800kbit", 0, 100000, "800kbit" },
		{ "8bit", 0, 1, "8bit" },	      { "1.25Mbit", 0, 156250, "1.25Mbit" },  { "10", -EINVAL, 0, NULL },
		{ "Mbit", -EINVAL, 0, NULL },	      { "-1Mbit", -EINVAL, 0, NULL },	      { "1.Mbit", -EINVAL, 0, NULL },
		{ "01Mbit", -EINVAL, 0, NULL },	      { "1 Mbit", -EINVAL, 0, NULL },	      { "0Mbit", -ERANGE, 0, NULL },
		{ "7bit", -ERANGE, 0, NULL },	      { "9000000Tbit", -ERANGE, 0, NULL },    { "", -EINVAL, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_buf b = { 0 };
		uint64_t bytes = 0;

		assert_int_equal(pt_parse_rate(cases[i].s, &bytes), cases[i].rc);
		if (cases[i].rc)
			continue;
		assert_int_equal(bytes, cases[i].bytes);
		pt_fmt_rate(&b, bytes);
		assert_string_equal(b.s, cases[i].back);
		pt_buf_fini(&b);
	}
}

static const struct bad {
	const char *text;
	unsigned int line, col;
	const char *message;
} bads[] = {
	{ "shaper s { interface = w bandwidth = \"10Mbit\" }", 1, 24, "there is no interface w" },
	{ "interface w { }\nshaper s { interface = w bandwidth = \"10\" }", 2, 39, "this is not a rate" },
	{ "interface w { }\nshaper s { interface = w type = htb }", 2, 8, "has no bandwidth" },
	{ "interface w { }\nshaper s { interface = w type = fq_codel wash = on }", 2, 49, "which has no wash" },
	{ "interface w { }\nshaper s { interface = w }\nshaper t { interface = w }", 3, 8, "the same packets as s (line 2)" },
	{ "interface w { }\nshaper s { interface = w preset = adsl }", 2, 8, "not how much it carries" },
	{ "interface w { }\nshaper s { interface = w }\nqueue q { shaper = s rate = \"1Mbit\" }", 3, 20, "has no queues" },
	{ "interface w { }\nshaper s { interface = w type = htb bandwidth = \"9Mbit\" }\nqueue q { shaper = s rate = \"1Mbit\" }", 2, 8,
	  "none for packets that no rule puts into one" },
	{ "interface w { }\nshaper s { interface = w type = htb bandwidth = \"9Mbit\" direction = in }\n"
	  "queue q { shaper = s rate = \"1Mbit\" default = on }", 3, 20, "before any rule could name a queue" },
	{ "interface w { }\nshaper s { interface = w type = htb bandwidth = \"9Mbit\" }\n"
	  "queue q { shaper = s rate = \"2Mbit\" ceil = \"1Mbit\" default = on }", 3, 45, "less than its rate" },
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
		if (e.list.n != 1 || !strstr(e.list.v[0].msg, b->message) || e.list.v[0].loc.line != b->line ||
		    e.list.v[0].loc.col != b->col)
			fail_msg("%s: %zu records, %u:%u %s", b->text, e.list.n, e.list.v[0].loc.line, e.list.v[0].loc.col,
				 e.list.v[0].msg);
		pt_err_fini(&e);
	}
}

#define SHAPER "interface w { }\nshaper s { interface = w type = htb bandwidth = \"9Mbit\" }\n" \
	"queue rest { shaper = s rate = \"1Mbit\" default = on }\n"
#define WEB "queue web { shaper = s rate = \"1Mbit\" }\n"
#define RULES "firewall { rules = { \"pass\", \"match out on w proto tcp set queue "

/* What rules name and what the file has. LINE 0: nothing is wrong. */
static const struct pairing {
	const char *text;
	unsigned int line;
	const char *message, *hint;
} pairings[] = {
	{ SHAPER WEB RULES "web\" } }", 0, NULL, NULL },
	{ SHAPER WEB RULES "(rest, web)\" } }", 0, NULL, NULL },
	{ SHAPER, 0, NULL, NULL },
	{ SHAPER WEB RULES "wbe\", \"match out on w proto udp set queue web\" } }", 5, "no queue wbe", "mean web?" },
	{ SHAPER WEB RULES "video\", \"match out on w proto udp set queue web\" } }", 5, "no queue video", "queue video {" },
	{ SHAPER WEB, 4, "no rule puts packets into queue web", "set queue" },
	{ SHAPER WEB "queue part { shaper = s parent = web rate = \"1Mbit\" }\n" RULES "web\", \"match out on w proto udp set queue part\" } }", 6,
	  "queue web is the parent", "below it" },
	{ SHAPER WEB "firewall { rules = { \"pass\", 'anchor \"a/*\"' } }", 0, NULL, NULL }, /* a program may */
	{ "firewall { rules = { \"pass\", \"match out set queue web\", \"match out proto udp set queue web\" } }", 1, "no queue web", "write" },
};

static void test_pairings(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(pairings); i++) {
		const struct pairing *p = &pairings[i];
		struct pt_err e = { 0 };
		struct pt_conf *c;

		if (pt_conf_parse("f", p->text, strlen(p->text), &c, &e))
			fail_msg("refused: %s: %s", p->text, e.list.v[0].msg);
		assert_int_equal(pt_plan_queues(c, &e), 0);
		if (e.list.n != (p->line ? 1 : 0))
			fail_msg("%s: %zu records, %s", p->text, e.list.n, e.list.n ? e.list.v[0].msg : "");
		if (p->line && (e.list.v[0].loc.line != p->line || !strstr(e.list.v[0].msg, p->message) ||
				!strstr(e.list.v[0].hint, p->hint) || e.list.v[0].sev != PT_WARNING))
			fail_msg("%s: %u: %s: %s", p->text, e.list.v[0].loc.line, e.list.v[0].msg, e.list.v[0].hint);
		pt_conf_free(c);
		pt_err_fini(&e);
	}
}

/* Every length cut off: an error or nothing, never a read beyond the end. */
static void test_hostile(void **state)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[512];
	} m;
	struct pt_arena *a = pt_arena_new();
	struct nlmsghdr *nlh = (memset(&m, 0, sizeof(m)), mnl_nlmsg_put_header(&m));
	struct tcmsg *tc;

	(void)state;
	assert_non_null(a);
	nlh->nlmsg_type = RTM_NEWQDISC;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_ifindex = 2;
	tc->tcm_parent = PT_SHAPE_ROOT;
	tc->tcm_handle = PT_SHAPE_MAJOR << 16;
	mnl_attr_put_strz(nlh, TCA_KIND, "tbf");
	for (uint16_t fill = 0; fill < 64; fill++) {
		uint32_t len = nlh->nlmsg_len;
		uint8_t junk[64];

		memset(junk, fill, sizeof(junk));
		mnl_attr_put(nlh, fill % 2 ? TCA_OPTIONS : TCA_STAB, fill, junk);
		for (uint32_t n = sizeof(*nlh); n <= m.head.nlmsg_len; n++) {
			struct pt_shapes out = { .arena = a };
			uint8_t *exact = malloc(n);

			assert_non_null(exact);
			memcpy(exact, &m, n);
			((struct nlmsghdr *)exact)->nlmsg_len = n;
			(void)!pt_shapes_parse(&out, (struct nlmsghdr *)exact);
			free(exact);
		}
		nlh->nlmsg_len = len;
	}
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rates), cmocka_unit_test(test_bad), cmocka_unit_test(test_pairings),
					    cmocka_unit_test(test_hostile) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
