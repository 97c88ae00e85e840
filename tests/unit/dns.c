/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, records and messages of the DNS, from their bytes; and bytes that are none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/dns.h>

#define HEADER 12

/* "00 ff" into bytes. */
static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t n = 0;

	while (*hex) {
		unsigned int v = 0;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		for (int i = 0; i < 2; i++)
			v = v << 4 | (unsigned int)(hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 0x20) - 'a' + 10);
		out[n++] = (uint8_t)v;
		hex += 2;
	}
	return n;
}

/* An answer about the root with one record of TYPE. */
static size_t message_with(uint16_t type, const uint8_t *data, size_t n, uint8_t *out)
{
	const uint8_t head[] = { 0x12, 0x34, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0, /* question */ 0, 0, 1, 0, 1, /* owner */ 1, 'x', 0 };
	size_t at = sizeof(head);

	memcpy(out, head, sizeof(head));
	out[at++] = (uint8_t)(type >> 8);
	out[at++] = (uint8_t)type;
	out[at++] = 0;
	out[at++] = 1;
	memset(out + at, 0, 4);
	out[at + 3] = 60;
	at += 4;
	out[at++] = (uint8_t)(n >> 8);
	out[at++] = (uint8_t)n;
	memcpy(out + at, data, n);
	return at + n;
}

static struct pt_dns_message *read_it(const uint8_t *msg, size_t n, struct pt_arena *a, int want)
{
	struct pt_dns_message *m = pt_arena_alloc(a, sizeof(*m));
	const char *why;

	assert_non_null(m);
	assert_int_equal(pt_dns_read(msg, n, a, m, &why), want);
	assert_int_equal(!*why, !want);
	return m;
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const struct {
		const char *text, *hex, *back;
	} good[] = {
		{ ".", "00", "." },
		{ "a", "01 61 00", "a." },
		{ "www.Example.org.", "03 777777 07 4578616d706c65 03 6f7267 00", "www.Example.org." },
		{ "a\\.b.c", "03 612e62 01 63 00", "a\\.b.c." },
		{ "\\000\\255\\032\\127.x", "04 00ff207f 01 78 00", "\\000\\255\\032\\127.x." },
		{ "\\\\\\\"\\;\\@\\$\\(\\).x", "07 5c223b40242829 01 78 00", "\\\\\\\"\\;\\@\\$\\(\\).x." },
		{ "_443._tcp", "04 5f343433 04 5f746370 00", "_443._tcp." },
	};
	static const char *const bad[] = { "", "..", ".a", "a..b", "a b", "a\n", "\\", "\\25", "\\256", "\\2x5", "a\\", "\x1b[2J", "b\xc3\xbc" };
	uint8_t wire[PT_DNS_WIRE_MAX], want[64];
	struct pt_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(good); i++) {
		int n = pt_dns_name_wire(good[i].text, wire);

		assert_int_equal(n, (int)bytes_of(good[i].hex, want));
		assert_memory_equal(wire, want, (size_t)n);
		pt_dns_name_text(&b, wire);
		assert_string_equal(b.s, good[i].back);
		pt_buf_fini(&b);
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (pt_dns_name_wire(bad[i], wire) != -EINVAL)
			fail_msg("'%s' is taken for a name", bad[i]);
}

/* RFC 1035 section 3.1: 63 bytes a label, 255 the name with its lengths. */
static void test_long_names(void **state)
{
	char text[300];
	uint8_t wire[PT_DNS_WIRE_MAX];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(pt_dns_name_wire(text, wire), 65);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(pt_dns_name_wire(text, wire), -EINVAL);
	text[64] = 'a';
	for (size_t i = 0; i < 3; i++)
		text[i * 64 + 63] = '.';
	text[64 * 3 + 61] = '\0';
	assert_int_equal(pt_dns_name_wire(text, wire), 255);
	text[64 * 3 + 61] = 'a';
	text[64 * 3 + 62] = '\0';
	assert_int_equal(pt_dns_name_wire(text, wire), -EINVAL);
}

static void test_reverse(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_addr x;

	(void)state;
	assert_int_equal(pt_addr_parse("192.0.2.80", &x), 0);
	pt_dns_reverse(&b, x);
	assert_string_equal(b.s, "80.2.0.192.in-addr.arpa.");
	pt_buf_fini(&b);
	assert_int_equal(pt_addr_parse("2001:db8::1a", &x), 0);
	pt_dns_reverse(&b, x);
	assert_string_equal(b.s, "a.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
	pt_buf_fini(&b);
}

static void test_numbers(void **state)
{
	char buf[16];
	uint16_t v;

	(void)state;
	assert_int_equal(pt_dns_type("aaaa", &v), 0);
	assert_int_equal(v, 28);
	assert_int_equal(pt_dns_type("TYPE65280", &v), 0);
	assert_int_equal(v, 65280);
	assert_int_equal(pt_dns_type("type65536", &v), -EINVAL);
	assert_int_equal(pt_dns_type("short", &v), -EINVAL);
	assert_string_equal(pt_dns_type_name(65, buf), "HTTPS");
	assert_string_equal(pt_dns_type_name(65280, buf), "TYPE65280");
	assert_int_equal(pt_dns_class("ch", &v), 0);
	assert_int_equal(v, 3);
	assert_string_equal(pt_dns_class_name(77, buf), "CLASS77");
	assert_string_equal(pt_dns_rcode_name(23, buf), "BADCOOKIE");
	assert_string_equal(pt_dns_rcode_name(4000, buf), "RCODE4000");
	assert_string_equal(pt_dns_ede_name(15), "blocked");
	assert_string_equal(pt_dns_ede_name(999), "unassigned");
}

/* ---- data ---- */

/* What the real servers say is compared in netns/dns.sh; here is what they never send. TEXT NULL: not of that type. */
static void test_data(void **state)
{
	static const struct {
		uint16_t type;
		const char *hex, *text;
	} cases[] = {
		{ 1, "c0000250", "192.0.2.80" },
		{ 1, "c00002", NULL },
		{ 1, "c000025001", NULL },
		{ 2, "c00c", "." }, /* the question's name */
		{ 2, "c0ff", NULL }, /* forward */
		{ 2, "c0", NULL },
		{ 2, "40 00", NULL }, /* a kind of label that there is not */
		{ 2, "01 61 00 00", NULL },
		{ 15, "00 0a", NULL },
		{ 16, "03 61 62 63 00", "\"abc\" \"\"" },
		{ 16, "", NULL },
		{ 16, "05 61", NULL },
		{ 16, "02 1b 5b", "\"\\027[\"" },
		{ 16, "02 22 5c", "\"\\\"\\\\\"" },
		{ 29, "00 12 16 13 80000000 80000000 00989680", "0 0 0.000 N 0 0 0.000 E 0.00m 1m 10000m 10m" },
		{ 29, "01 12 16 13 80000000 80000000 00989680", NULL }, /* another version */
		{ 29, "00 a2 16 13 80000000 80000000 00989680", NULL }, /* ten of a power of ten */
		{ 29, "00 12 16 13 6cb02700 80000000 00000000", "90 0 0.000 S 0 0 0.000 E -100000.00m 1m 10000m 10m" },
		{ 29, "00 12 16 13 80000000 80000000 ffffffff", "0 0 0.000 N 0 0 0.000 E 42849672.95m 1m 10000m 10m" },
		{ 29, "00 12 16 13 ffffffff 80000000 00000000", NULL }, /* beyond the pole */
		{ 29, "00 12 16 13 80000000 00000000 00000000", NULL },
		{ 42, "0001 20 04 c0000201", "1:192.0.2.1/32" },
		{ 42, "0001 21 04 c0000201", NULL },
		{ 42, "0003 20 04 c0000201", NULL },
		{ 42, "0001 20 85 c000020100", NULL },
		{ 42, "", "" },
		{ 43, "0001 05 01", "1 5 1" },
		{ 47, "00 00 01 40", ". A" },
		{ 47, "00 00 00", NULL }, /* an empty window */
		{ 47, "00 01 01 40 00 01 40", NULL }, /* windows backwards */
		{ 47, "00 00 21 4000000000000000000000000000000000000000000000000000000000000000ff", NULL },
		{ 50, "01 00 0000 00 01 ff", "1 0 0 - VS" },
		{ 50, "01 00 0000 00 00", NULL },
		{ 50, "01 00 0000 ff 01", NULL },
		{ 52, "030101", "3 1 1" },
		{ 55, "00 02 0001 ff", NULL },
		{ 64, "0001 00", "1 ." },
		{ 64, "0001 00 0003 0002 01bb", "1 . port=443" },
		{ 64, "0001 00 0003 0001 01", NULL },
		{ 64, "0001 00 0003 0003 01bb00", NULL },
		{ 64, "0001 00 0003 0002 01bb 0001 0003 026832", NULL }, /* keys backwards */
		{ 64, "0001 00 0001 0003 026832", "1 . alpn=\"h2\"" },
		{ 64, "0001 00 0001 0006 05 2c5c221b61", "1 . alpn=\"\\\\,\\\\\\\\\\\"\\027a\"" },
		{ 64, "0001 00 0001 0002 0568", NULL },
		{ 64, "0001 00 0004 0004 c0000250", "1 . ipv4hint=192.0.2.80" },
		{ 64, "0001 00 0004 0003 c00002", NULL },
		{ 64, "0001 00 029b 0003 222c5c", "1 . key667=\"\\\",\\\\\"" },
		{ 108, "00005e00532a", "00-00-5e-00-53-2a" },
		{ 108, "00005e0053", NULL },
		{ 257, "00 05 6973737565 61", "0 issue \"a\"" },
		{ 257, "00 00 61", NULL },
		{ 257, "00 01 20 61", NULL }, /* a tag with a space */
		{ 257, "00 09 61", NULL },
		{ 260, "0a 04 00", NULL },
		{ 65280, "0102ff", "\\# 3 0102FF" },
		{ 10, "", "\\# 0" },
	};
	uint8_t data[128], msg[256];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct pt_arena *a = pt_arena_new();
		size_t n = message_with(cases[i].type, data, bytes_of(cases[i].hex, data), msg);
		struct pt_dns_message *m = read_it(msg, n, a, 0);
		const struct pt_dns_record *r = &m->section[PT_DNS_ANSWER].v[0];

		assert_int_equal(m->section[PT_DNS_ANSWER].n, 1);
		if (r->bad != !cases[i].text || m->bad != r->bad)
			fail_msg("type %u, %s: %s, %s", cases[i].type, cases[i].hex, r->bad ? "malformed" : "fine", r->data);
		if (r->bad)
			assert_memory_equal(r->data, "\\# ", 3);
		else
			assert_string_equal(r->data, cases[i].text);
		pt_arena_free(a);
	}
}

/* ---- messages ---- */

static void test_edns(void **state)
{
	/* the extended code, DO, NSID "n\x1b1", two errors, one with an escape sequence, one option nobody knows */
	static const char tail[] = "00 0029 04d0 01 00 8000 0020 0003 0003 6e1b31 000f 0005 000f 621b63 000f 0002 0016 fde9 0004 00000000";
	uint8_t msg[256] = { 0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1 };
	struct pt_arena *a = pt_arena_new();
	size_t n = 17;
	struct pt_dns_message *m;

	(void)state;
	n += bytes_of(tail, msg + n);
	msg[27] = (uint8_t)(n - 28);
	m = read_it(msg, n, a, 0);
	assert_true(m->edns.there && m->edns.dnssec);
	assert_int_equal(m->rcode, 16);
	assert_int_equal(m->edns.size, 1232);
	assert_string_equal(m->edns.nsid, "6e1b31");
	assert_string_equal(m->edns.nsid_text, "n.1");
	assert_int_equal(m->edns.errors.n, 2);
	assert_int_equal(m->edns.errors.v[0].code, 15);
	assert_string_equal(m->edns.errors.v[0].text, "b\\x1bc");
	assert_int_equal(m->edns.errors.v[1].code, 22);
	assert_string_equal(m->edns.errors.v[1].text, "");
	assert_int_equal(m->edns.others, 1);
	assert_int_equal(m->section[PT_DNS_ADDITIONAL].n, 0);
	msg[n - 6] = 5; /* the last option is longer than the record */
	msg[n - 5] = 0;
	(void)read_it(msg, n, a, -EBADMSG);
	pt_arena_free(a);
}

/* A whole message, cut at each byte, is refused; none reads beyond its end (the sanitizer sees to that). */
static void test_cut(void **state)
{
	uint8_t msg[512];
	size_t n;

	(void)state;
	n = bytes_of("1234 8580 0001 0002 0001 0001 03777777 076578616d706c65 00 0001 0001"
		     "c00c 0001 0001 0000003c 0004 c0000250 c00c 0010 0001 0000003c 0003 026869"
		     "c010 0002 0001 0000003c 0006 036e7331 c010 00 0029 04d0 00000000 0000", msg);
	for (size_t cut = 0; cut <= n; cut++) {
		struct pt_arena *a = pt_arena_new();
		uint8_t *copy = malloc(cut ? cut : 1);

		assert_non_null(copy);
		memcpy(copy, msg, cut);
		(void)read_it(copy, cut, a, cut < n ? -EBADMSG : 0);
		free(copy);
		pt_arena_free(a);
	}
}

static void test_hostile(void **state)
{
	static const char *const bad[] = {
		"0000 8000 0001 0000 0000 0000 c00c 0001 0001", /* a name that is itself */
		"0000 8000 0001 0000 0000 0000 c00e c00c 0001 0001", /* forward and back */
		"0000 8000 0001 0000 0000 0000 0161 c00c 0001 0001", /* a label, and round again */
		"0000 8000 0000 ffff ffff ffff", /* many records, none there */
		"0000 8000 0001 0001 0000 0000 00 0001 0001 00 0001 0001 00000000 ffff 00", /* longer than the message */
		"0000 8000 0001 0001 0000 0000 00 0001 0001 00 0029 0001 00000000 0000", /* EDNS as an answer */
		"0000 8000 0000 0000 0000 0002 00 0029 0001 00000000 0000 00 0029 0001 00000000 0000", /* EDNS twice */
	};
	uint8_t msg[PT_DNS_MESSAGE_MAX + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++) {
		struct pt_arena *a = pt_arena_new();
		uint8_t *copy;
		size_t n = bytes_of(bad[i], msg);

		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, msg, n);
		(void)read_it(copy, n, a, -EBADMSG);
		free(copy);
		pt_arena_free(a);
	}
	memset(msg, 0, sizeof(msg));
	{
		struct pt_arena *a = pt_arena_new();

		(void)read_it(msg, sizeof(msg), a, -EBADMSG);
		pt_arena_free(a);
	}
}

/* The longest message of pointers to the longest name: work and memory stay within bounds. */
static void test_pointers(void **state)
{
	struct pt_arena *a = pt_arena_new();
	uint8_t *msg = calloc(1, PT_DNS_MESSAGE_MAX);
	struct pt_dns_message *m;
	size_t at = HEADER, count = 0;

	(void)state;
	assert_non_null(msg);
	for (int i = 0; i < 4; i++) {
		size_t n = i < 3 ? 63 : 61;

		msg[at] = (uint8_t)n;
		memset(msg + at + 1, 0xff, n);
		at += n + 1;
	}
	at += 5; /* the end of the name, type and class */
	while (at + 14 <= PT_DNS_MESSAGE_MAX) {
		const uint8_t rec[] = { 0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 12 };

		memcpy(msg + at, rec, sizeof(rec));
		at += sizeof(rec);
		count++;
	}
	msg[5] = 1;
	msg[6] = (uint8_t)(count >> 8);
	msg[7] = (uint8_t)count;
	m = read_it(msg, at, a, 0);
	assert_int_equal(m->section[PT_DNS_ANSWER].n, count);
	assert_int_equal(strlen(m->section[PT_DNS_ANSWER].v[count - 1].data), 250 * 4 + 4);
	free(msg);
	pt_arena_free(a);
}

static void test_query(void **state)
{
	struct pt_dns_query q = { .type = 28, .rclass = 1, .recurse = true, .dnssec = true, .nsid = true, .size = 1232 };
	uint8_t out[PT_DNS_QUERY_MAX], want[64];
	char longest[260];
	size_t n;

	(void)state;
	assert_int_equal(pt_dns_name_wire("a.b", q.name), 5);
	n = bytes_of("abcd 0120 0001 0000 0000 0001 0161 0162 00 001c 0001 00 0029 04d0 0000 8000 0004 0003 0000", want);
	assert_int_equal(pt_dns_write(&q, 0xabcd, out), n);
	assert_memory_equal(out, want, n);
	q.size = 0;
	q.recurse = q.dnssec = false;
	n = bytes_of("abcd 0000 0001 0000 0000 0000 0161 0162 00 001c 0001", want);
	assert_int_equal(pt_dns_write(&q, 0xabcd, out), n);
	assert_memory_equal(out, want, n);
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 0; i < 3; i++)
		longest[i * 64 + 63] = '.';
	longest[253] = '\0';
	assert_int_equal(pt_dns_name_wire(longest, q.name), 255);
	q.size = 1232;
	assert_true(pt_dns_write(&q, 1, out) <= sizeof(out));
}

/* ---- resolv.conf ---- */

static void test_conf(void **state)
{
	static const char text[] = "# nameserver 192.0.2.9\n; x\nnameserver 192.0.2.1\r\nnameserver\t2001:db8::1 # why\n"
				   "nameserver fe80::1%lo\nnameserver nonsense\nnameserver\ndomain old.test\nsearch a.test b.test\n"
				   "options timeout:1 ndots:3 rotate\noptions ndots:99\n\n";
	struct pt_arena *a = pt_arena_new();
	struct pt_dns_server s;
	struct pt_dns_conf c;

	(void)state;
	assert_int_equal(pt_dns_conf_read(text, a, &c), 0);
	assert_int_equal(c.servers.n, 3);
	assert_int_equal(c.servers.v[0].address.af, PT_AF_INET);
	assert_int_equal(c.servers.v[1].address.af, PT_AF_INET6);
	assert_int_equal(c.search.n, 2);
	assert_string_equal(c.search.v[1], "b.test");
	assert_int_equal(c.ndots, 3);
	assert_int_equal(pt_dns_conf_read("", a, &c), 0);
	assert_int_equal(c.servers.n, 0);
	assert_int_equal(c.ndots, 1);
	assert_int_equal(pt_dns_server_parse("192.0.2.1%lo", 53, &s), -EINVAL);
	assert_int_equal(pt_dns_server_parse("fe80::1%", 53, &s), -EINVAL);
	assert_int_equal(pt_dns_server_parse("fe80::1%nosuchdevice", 53, &s), -EINVAL);
	assert_int_equal(pt_dns_server_parse("", 53, &s), -EINVAL);
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_long_names), cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_numbers),	 cmocka_unit_test(test_data),	    cmocka_unit_test(test_edns),
		cmocka_unit_test(test_cut),	 cmocka_unit_test(test_hostile),    cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_query),	 cmocka_unit_test(test_conf),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
