/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makers of network cards, out of the three lists that Debian has, and out of lists that are none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/vendor.h>

static const char ieee[] =
	"OUI/MA-L                                                    Organization\r\n"
	"company_id                                                  Organization\r\n\r\n"
	"28-6F-B9   (hex)\t\tNokia Shanghai Bell Co., Ltd.\r\n"
	"286FB9     (base 16)\t\tNokia again\r\n"
	"\t\t\t\tNo.388 Ning Qiao Road\r\n"
	"08-EA-44   (hex)\t\tExtreme Networks\r\n";
static const char manuf[] =
	"# Wireshark\n00:1B:C5:00:00:00/36\tConverging\tConverging Systems Inc.\n28:6F:B9\tNokiaSha\tNokia Shanghai Bell\n08:EA:44\tExtremeN\tExtreme";
static const char nmap[] = "# nmap\n286FB9 Nokia\n08EA44 Extreme\n08EA44F longer\n";

static void lists(void **state)
{
	static const struct {
		const char *text, *nokia, *extreme;
	} cases[] = {
		{ ieee, "Nokia Shanghai Bell Co., Ltd.", "Extreme Networks" },
		{ manuf, "Nokia Shanghai Bell", "Extreme" },
		{ nmap, "Nokia", "Extreme" },
		{ "286FB9", NULL, NULL },
		{ "286FB9\n\n28-6F\n28-6F-B9-00 x\n286FB9: x\n-286FB9 x\n28--6FB9 x\n08EA44", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_vendors v = { 0 };
		size_t n = strlen(cases[i].text);
		char *exact = test_malloc(n + 1);

		/* Without a NUL behind it. */
		memcpy(exact, cases[i].text, n);
		assert_int_equal(pt_vendors_want(a, &v, 0x286fb9000001), 0);
		assert_int_equal(pt_vendors_want(a, &v, 0x08ea44000001), 0);
		assert_int_equal(pt_vendors_want(a, &v, 0x286fb9000002), 0);
		assert_int_equal(pt_vendors_want(a, &v, 0x001bc5000002), 0);
		assert_int_equal(pt_vendors_want(a, &v, 0x020000000002), 0);
		assert_int_equal(v.v.n, 4); /* the last was made up by somebody */
		assert_int_equal(pt_vendors_parse(a, &v, exact, n), 0);
		for (uint64_t card = 1; card <= 2; card++) {
			const char *name = pt_vendor_of(&v, 0x286fb9000000 + card);

			assert_true(cases[i].nokia ? name && !strcmp(name, cases[i].nokia) : !name);
		}
		assert_true(cases[i].extreme ? !strcmp(pt_vendor_of(&v, 0x08ea44ffffff), cases[i].extreme) : !pt_vendor_of(&v, 0x08ea44ffffff));
		assert_null(pt_vendor_of(&v, 0x001bc5000002));
		assert_null(pt_vendor_of(&v, 0x020000000002));
		test_free(exact);
		pt_arena_free(a);
	}
}

/* Every beginning of a list, and every byte of it another one. */
static void hostile(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(ieee); cut++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_vendors v = { 0 };
		char *exact = test_malloc(cut + 1);

		memcpy(exact, ieee, cut);
		if (cut)
			exact[cut * 7 % cut] = (char)(cut * 31);
		assert_int_equal(pt_vendors_want(a, &v, 0x286fb9000001), 0);
		assert_int_equal(pt_vendors_parse(a, &v, exact, cut), 0);
		(void)pt_vendor_of(&v, 0x286fb9000001);
		test_free(exact);
		pt_arena_free(a);
	}
}

static void files(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_vendors v = { 0 };
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_vendors_want(a, &v, 0x286fb9000001), 0);
	assert_int_equal(pt_vendors_read(a, &v, "/nonexistent/oui.txt", &e), -ENOENT);
	assert_int_equal(e.n_errors, 1);
	pt_err_fini(&e);
	assert_int_equal(pt_vendors_read(a, &v, NULL, &e), 0);
	assert_int_equal(e.n_errors, 0);
	pt_err_fini(&e);
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lists), cmocka_unit_test(hostile), cmocka_unit_test(files) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
