/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of the DNS while memory runs out at each allocation in turn: an error, or all of the message; nothing leaks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/dns.h>

#include "lib/scarce.h"

#define RECORDS 40

/* Addresses and long texts, and EDNS with an error. */
static size_t make(uint8_t *msg)
{
	static const uint8_t head[] = { 0, 1, 0x85, 0x80, 0, 1, 0, 2 * RECORDS, 0, 0, 0, 1, 3, 'w', 'w', 'w', 0, 0, 1, 0, 1 };
	static const uint8_t address[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80 };
	static const uint8_t text[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 1, 0, 255 };
	static const uint8_t edns[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 13, 0, 15, 0, 4, 0, 15, 'n', 'o', 0, 3, 0, 1, 'x' };
	size_t n = sizeof(head);

	memcpy(msg, head, n);
	for (int i = 0; i < RECORDS; i++) {
		memcpy(msg + n, address, sizeof(address));
		n += sizeof(address);
		memcpy(msg + n, text, sizeof(text));
		n += sizeof(text);
		memset(msg + n, 0xff, 255); /* each byte takes four */
		n += 255;
	}
	memcpy(msg + n, edns, sizeof(edns));
	return n + sizeof(edns);
}

static void test_read(void **state)
{
	uint8_t *msg = malloc(PT_DNS_MESSAGE_MAX);
	size_t n = make(msg);
	int rc = -ENOMEM;
	long tried;

	(void)state;
	assert_non_null(msg);
	for (tried = 0; rc && tried < 10000; tried++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_dns_message m;
		const char *why;

		assert_non_null(a);
		allocations_left = tried;
		rc = pt_dns_read(msg, n, a, &m, &why);
		allocations_left = -1;
		if (rc)
			assert_int_equal(rc, -ENOMEM);
		else
			assert_int_equal(m.section[PT_DNS_ANSWER].n, 2 * RECORDS);
		if (!rc)
			assert_string_equal(m.edns.errors.v[0].text, "no");
		pt_arena_free(a);
	}
	assert_int_equal(rc, 0);
	assert_true(tried > 4);
	free(msg);
}

static void test_conf(void **state)
{
	int rc = -ENOMEM;

	(void)state;
	for (long tried = 0; rc && tried < 1000; tried++) {
		struct pt_arena *a = pt_arena_new();
		struct pt_dns_conf c;

		assert_non_null(a);
		allocations_left = tried;
		rc = pt_dns_conf_read("nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a b c\n", a, &c);
		allocations_left = -1;
		if (!rc)
			assert_int_equal(c.servers.n, 2);
		else
			assert_int_equal(rc, -ENOMEM);
		pt_arena_free(a);
	}
	assert_int_equal(rc, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_conf),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
