/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who claims an address: questions byte by byte, answers, and packets that are cut, bent or about something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diag/finding.h"
#include "diag/probe_internal.h"

#define IP6 40

static const uint8_t me[6] = { 2, 0, 0, 0, 0, 1 }, other[6] = { 2, 0, 0, 0, 0, 2 };

static struct pt_addr address(const char *s)
{
	struct pt_addr a;

	assert_int_equal(pt_addr_parse(s, &a), 0);
	return a;
}

/* What is said of A by a packet that OTHER sent, read from memory of exactly its size. */
static enum finding_claim heard(const char *a, const uint8_t *p, size_t n, uint8_t mac[6])
{
	uint8_t *copy = malloc(n ? n : 1);
	enum finding_claim claim;

	assert_non_null(copy);
	memcpy(copy, p, n);
	memcpy(mac, other, 6);
	claim = finding_claims(address(a), copy, n, mac);
	free(copy);
	return claim;
}

static void says(const char *a, const uint8_t *p, size_t n, enum finding_claim wanted)
{
	uint8_t mac[6];

	assert_int_equal(heard(a, p, n, mac), wanted);
}

static void put_sum(uint8_t *p, size_t n)
{
	uint16_t sum;

	memset(p + IP6 + 2, 0, 2);
	sum = (uint16_t)~probe_sum(58 + (uint32_t)(n - IP6), p + 8, n - 8);
	p[IP6 + 2] = (uint8_t)(sum >> 8);
	p[IP6 + 3] = (uint8_t)sum;
}

/* An advertisement of 2001:db8::7 with options. */
static size_t advertisement(uint8_t *p, const uint8_t *options, size_t n)
{
	uint8_t to[6];
	size_t size = finding_question(address("2001:db8::7"), me, p, to);

	memcpy(p + 8, p + IP6 + 8, 16); /* from the address that it is about */
	p[8 + 15] = 9;                  /* or another of the same host */
	p[IP6] = 136;
	memcpy(p + size, options, n);
	size += n;
	p[5] = (uint8_t)(size - IP6);
	put_sum(p, size);
	return size;
}

static void test_questions(void **state)
{
	static const uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 7 };
	/* ~(ff02 + 1 + ff00 + 7 + 2001 + db8 + 7 + 3a + 18 + 8700) = 4ce1 */
	static const uint8_t ndp[64] = { 0x60, 0, 0, 0, 0, 24, 58, 255, [24] = 0xff, 2, [35] = 1, 0xff, 0, 0, 7, 135, 0, 0x4c, 0xe1,
					 [48] = 0x20, 1, 0x0d, 0xb8, [63] = 7 };
	uint8_t out[FINDING_QUESTION], to[6];

	(void)state;
	assert_int_equal(finding_question(address("192.0.2.7"), me, out, to), sizeof(arp));
	assert_memory_equal(out, arp, sizeof(arp));
	assert_memory_equal(to, "\xff\xff\xff\xff\xff\xff", 6);
	assert_int_equal(finding_question(address("2001:db8::7"), me, out, to), sizeof(ndp));
	assert_memory_equal(to, "\x33\x33\xff\0\0\x07", 6);
	assert_memory_equal(out, ndp, sizeof(ndp));
}

static void test_arp(void **state)
{
	uint8_t p[FINDING_QUESTION + 18] = { 0 }, to[6], mac[6];
	size_t n = finding_question(address("192.0.2.7"), me, p, to);

	(void)state;
	assert_int_equal(heard("192.0.2.7", p, n, mac), FINDING_WANTS);
	assert_memory_equal(mac, me, 6); /* whom it names, whoever sent it */
	says("192.0.2.8", p, n, FINDING_NO_CLAIM);
	p[7] = 2; /* an answer of nobody */
	says("192.0.2.7", p, n, FINDING_NO_CLAIM);
	memcpy(p + 14, p + 24, 4);
	says("192.0.2.7", p, n, FINDING_HAS);
	says("192.0.2.7", p, sizeof(p), FINDING_HAS); /* filled up to the least frame */
	p[7] = 1;                                     /* who asks for himself has it, too */
	says("192.0.2.7", p, n, FINDING_HAS);
	for (size_t i = 0; i < n; i++)
		says("192.0.2.7", p, i, FINDING_NO_CLAIM);
	for (size_t i = 2; i < 6; i++) {
		p[i] ^= 1;
		says("192.0.2.7", p, n, FINDING_NO_CLAIM);
		p[i] ^= 1;
	}
}

static void test_ndp(void **state)
{
	static const uint8_t link[] = { 2, 1, 2, 0, 0, 0, 0, 3 };
	uint8_t p[FINDING_QUESTION + 64], to[6], mac[6];
	size_t n = finding_question(address("2001:db8::7"), me, p, to);

	(void)state;
	assert_int_equal(heard("2001:db8::7", p, n, mac), FINDING_WANTS);
	assert_memory_equal(mac, other, 6); /* it names nobody: who sent it */
	says("2001:db8::8", p, n, FINDING_NO_CLAIM);
	p[8 + 15] = 1; /* a host that looks for its neighbour */
	put_sum(p, n);
	says("2001:db8::7", p, n, FINDING_NO_CLAIM);
	memcpy(p + 8, p + IP6 + 8, 16); /* by our own address */
	put_sum(p, n);
	says("2001:db8::7", p, n, FINDING_HAS);
	n = advertisement(p, link, sizeof(link));
	assert_int_equal(heard("2001:db8::7", p, n, mac), FINDING_HAS);
	assert_memory_equal(mac, link + 2, 6);
	says("2001:db8::8", p, n, FINDING_NO_CLAIM);
	says("2001:db8::7", p, n + 7, FINDING_HAS); /* bytes behind the packet are the link's */
	n = advertisement(p, link, 0);
	assert_int_equal(heard("2001:db8::7", p, n, mac), FINDING_HAS);
	assert_memory_equal(mac, other, 6);
}

static void refuses(uint8_t *p, size_t n, size_t at, uint8_t value)
{
	uint8_t was = p[at];

	says("2001:db8::7", p, n, FINDING_HAS);
	p[at] = value;
	put_sum(p, n);
	says("2001:db8::7", p, n, FINDING_NO_CLAIM);
	p[at] = was;
	put_sum(p, n);
}

static void test_ndp_void(void **state)
{
	static const uint8_t link[] = { 2, 1, 2, 0, 0, 0, 0, 3, 14, 1, 1, 2, 3, 4, 5, 6 };
	uint8_t p[FINDING_QUESTION + 64];
	size_t n = advertisement(p, link, sizeof(link));

	(void)state;
	for (size_t i = 0; i < n; i++)
		says("2001:db8::7", p, i, FINDING_NO_CLAIM);
	/* Bent at any bit that the checksum covers. */
	for (size_t bit = 64; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		says("2001:db8::7", p, n, FINDING_NO_CLAIM);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	refuses(p, n, 0, 0x40);       /* not IPv6 */
	refuses(p, n, 4, 0xff);       /* longer than what came */
	refuses(p, n, 5, 16);         /* shorter than a message */
	refuses(p, n, 6, 17);         /* something else */
	refuses(p, n, 7, 254);        /* from behind a router */
	refuses(p, n, IP6, 137);      /* a redirect */
	refuses(p, n, IP6 + 1, 1);    /* a code that there is not */
	refuses(p, n, IP6 + 25, 0);   /* an option of no length */
	refuses(p, n, IP6 + 25, 3);   /* one that ends behind the packet */
	refuses(p, n, IP6 + 33, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_ndp),
		cmocka_unit_test(test_ndp_void),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
