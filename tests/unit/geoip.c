/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of countries: both formats give the same sets, and files that are damaged, cut off, or made to keep a reader busy end
 * in an error. The MMDB files are made here; no list of anybody's is copied.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/geoip.h>

static char folder[] = "/tmp/patronus-geoip-XXXXXX";
static char path[64], path6[64];
static struct pt_arena *arena;
static struct pt_geoip_list lists[3];
static struct pt_err err;

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a", folder);
	snprintf(path6, sizeof(path6), "%s/b", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(path6);
	return rmdir(folder);
}

static int begin(void **state)
{
	(void)state;
	pt_arena_free(arena);
	arena = pt_arena_new();
	assert_non_null(arena);
	memset(lists, 0, sizeof(lists));
	lists[0].code = "DE";
	lists[1].code = "FR";
	lists[2].code = "AQ";
	return 0;
}

static int end(void **state)
{
	(void)state;
	pt_arena_free(arena);
	arena = NULL;
	pt_err_fini(&err);
	return 0;
}

static void put(const char *to, const void *data, size_t len)
{
	FILE *f = fopen(to, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(to, 0600), 0);
}

static int load(const char *text, const char *text6)
{
	put(path, text, strlen(text));
	if (text6)
		put(path6, text6, strlen(text6));
	return pt_geoip_load(path, text6 ? path6 : NULL, lists, 3, arena, &err);
}

static void is_set(size_t list, enum pt_af af, const char *want)
{
	const struct pt_iset *s = &lists[list].set[af == PT_AF_INET6];
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		if (i)
			pt_buf_chr(&b, ' ');
		pt_range_fmt(&b, af, s->v[i].lo, s->v[i].hi);
	}
	assert_string_equal(b.s ? b.s : "", want);
	pt_buf_fini(&b);
}

/* ---- codes ---- */

static void codes(void **state)
{
	(void)state;
	assert_string_equal(pt_geoip_country("DE"), "Germany");
	assert_non_null(pt_geoip_country("AD"));
	assert_non_null(pt_geoip_country("ZW"));
	assert_null(pt_geoip_country("UK"));
	assert_string_equal(pt_geoip_meant("UK"), "GB");
	assert_null(pt_geoip_country("de"));
	assert_null(pt_geoip_country(""));
	assert_null(pt_geoip_meant("XX"));
}

/* ---- lines ---- */

static void lines(void **state)
{
	(void)state;
	assert_int_equal(load("# a comment\r\n16777216,16777471,DE\r\n16777472,16777727,DE\n\"1.0.4.0\",\"1.0.7.255\",\"FR\",\"x\"\n"
			      "1.0.8.0,1.0.8.9,??\n0,0,CN\n4294967295,4294967295,DE",
			      "2001:db8::,2001:db8::ff,DE\n::,::1,FR\n"), 0);
	is_set(0, PT_AF_INET, "1.0.0.0/23 255.255.255.255");
	is_set(1, PT_AF_INET, "1.0.4.0/22");
	is_set(0, PT_AF_INET6, "2001:db8::/120");
	is_set(1, PT_AF_INET6, "::/127");
	assert_int_equal(err.n_warnings, 1);
	assert_non_null(strstr(err.list.v[0].msg, "no addresses of AQ, Antarctica"));
}

static void bad_lines(void **state)
{
	static const char *const bad[] = { "1,2\n", "1,2,DEU\n", "2,1,DE\n", "1,::1,DE\n", "4294967296,4294967297,DE\n", "a,b,DE\n",
					   "1;2;DE\n", "1,2,", ",,\n" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++) {
		struct pt_buf b = { 0 };

		(void)state;
		pt_buf_fmt(&b, "0,0,DE\n%s", bad[i]);
		assert_int_equal(load(b.s, NULL), -EINVAL);
		assert_non_null(strstr(err.list.v[err.list.n - 1].msg, "line 2 "));
		pt_buf_fini(&b);
	}
}

static void a_family_is_missing(void **state)
{
	(void)state;
	assert_int_equal(load("1,2,DE\n", NULL), -EINVAL);
	assert_non_null(strstr(err.list.v[0].msg, "no IPv6 addresses"));
	assert_non_null(strstr(err.list.v[0].hint, "file6"));
	assert_int_equal(load("::1,::2,DE\n", NULL), -EINVAL);
	assert_int_equal(load("", ""), -EINVAL);
	assert_int_equal(pt_geoip_load("/nonexistent/geoip", NULL, lists, 3, arena, &err), -ENOENT);
}

/* ---- MMDB: a tree and its records, made of ranges ---- */

struct maker {
	struct pt_buf out;
	uint32_t (*nodes)[2]; /* 0: nothing, 1 + n: node n, 0x80000000 + n: record n */
	uint32_t n;
	unsigned int bits; /* of a record */
};

static uint32_t new_node(struct maker *m)
{
	m->nodes = realloc(m->nodes, (m->n + 1) * sizeof(*m->nodes));
	assert_non_null(m->nodes);
	m->nodes[m->n][0] = m->nodes[m->n][1] = 0;
	return m->n++;
}

/* The first LEN bits of ADDR, of 128, lead to TARGET. */
static void insert(struct maker *m, pt_u128 addr, unsigned int len, uint32_t target)
{
	uint32_t node = 0;

	for (unsigned int i = 0; i + 1 < len; i++) {
		unsigned int bit = addr >> (127 - i) & 1;

		if (!m->nodes[node][bit]) {
			uint32_t fresh = new_node(m);

			m->nodes[node][bit] = 1 + fresh;
		}
		node = m->nodes[node][bit] - 1;
	}
	m->nodes[node][addr >> (128 - len) & 1] = target;
}

static void put_str(struct pt_buf *b, const char *s)
{
	size_t n = strlen(s);

	pt_buf_chr(b, (char)(0x40 | n));
	pt_buf_add(b, s, n);
}

/* Records: "DE" as a map in a map, "FR" by a pointer to its country, "AQ" as in smaller files, and one without a country. */
static size_t records(struct pt_buf *b, size_t at[4])
{
	size_t start = b->n, country;

	at[0] = b->n - start;
	pt_buf_add(b, "\xe2", 1);
	put_str(b, "continent");
	pt_buf_add(b, "\xe1", 1);
	put_str(b, "code");
	put_str(b, "EU");
	put_str(b, "country");
	pt_buf_add(b, "\xe3", 1);
	put_str(b, "geoname_id");
	pt_buf_add(b, "\xc3\x2c\xd3\x01", 4);
	put_str(b, "names");
	pt_buf_add(b, "\x01\x04\x44" "abcd", 7); /* an array of one string */
	put_str(b, "iso_code");
	put_str(b, "DE");
	country = b->n - start;
	pt_buf_add(b, "\xe1", 1);
	put_str(b, "iso_code");
	put_str(b, "FR");
	at[1] = b->n - start;
	pt_buf_add(b, "\xe1", 1);
	put_str(b, "country");
	pt_buf_add(b, (uint8_t[]){ 0x20 | (uint8_t)(country >> 8), (uint8_t)country }, 2);
	at[2] = b->n - start;
	pt_buf_add(b, "\xe1", 1);
	put_str(b, "country");
	put_str(b, "AQ");
	at[3] = b->n - start;
	pt_buf_add(b, "\xe0", 1);
	return b->n - start;
}

static void put_record(struct maker *m, uint64_t left, uint64_t right)
{
	uint8_t b[8];

	for (unsigned int i = 0; i < m->bits / 8; i++) {
		b[i] = (uint8_t)(left >> (8 * (m->bits / 8 - 1 - i)));
		b[m->bits / 8 + i] = (uint8_t)(right >> (8 * (m->bits / 8 - 1 - i)));
	}
	if (m->bits == 28) {
		b[0] = (uint8_t)(left >> 16);
		b[1] = (uint8_t)(left >> 8);
		b[2] = (uint8_t)left;
		b[3] = (uint8_t)((left >> 24 & 15) << 4 | (right >> 24 & 15));
		b[4] = (uint8_t)(right >> 16);
		b[5] = (uint8_t)(right >> 8);
		b[6] = (uint8_t)right;
	}
	pt_buf_add(&m->out, b, m->bits / 4);
}

static void put_meta(struct pt_buf *b, uint32_t nodes, unsigned int bits, unsigned int version)
{
	pt_buf_add(b, "\xab\xcd\xef" "MaxMind.com\xe4", 15);
	put_str(b, "binary_format_major_version");
	pt_buf_add(b, "\xa1\x02", 2);
	put_str(b, "ip_version");
	pt_buf_add(b, (uint8_t[]){ 0xa1, (uint8_t)version }, 2);
	put_str(b, "node_count");
	pt_buf_add(b, (uint8_t[]){ 0xc4, (uint8_t)(nodes >> 24), (uint8_t)(nodes >> 16), (uint8_t)(nodes >> 8), (uint8_t)nodes }, 5);
	put_str(b, "record_size");
	pt_buf_add(b, (uint8_t[]){ 0xa1, (uint8_t)bits }, 2);
}

static void fill(struct maker *m)
{
	new_node(m);
	insert(m, (pt_u128)0x01000000 << 0, 96 + 24, 0x80000000);
	insert(m, (pt_u128)0x01000400, 96 + 23, 0x80000001);
	insert(m, (pt_u128)0xffffffff, 128, 0x80000002);
	insert(m, (pt_u128)0x7f000000, 96 + 8, 0x80000003);
	insert(m, (pt_u128)0x20010db8 << 96, 32, 0x80000000);
	insert(m, (pt_u128)0x20010db9 << 96, 48, 0x80000001);
	insert(m, (pt_u128)0xfd << 120 | 1, 128, 0x80000002);
}

static void make(struct maker *m, unsigned int bits)
{
	struct pt_buf data = { 0 };
	size_t at[4];

	*m = (struct maker){ .bits = bits };
	fill(m);
	/* IPv4 once more where 6to4 has it: 2002::/16, as real files do. */
	uint32_t v4 = 0;

	for (int i = 0; i < 96; i++)
		v4 = m->nodes[v4][0] - 1;
	insert(m, (pt_u128)0x2002 << 112, 16, 1 + v4);
	(void)records(&data, at);
	for (uint32_t i = 0; i < m->n; i++) {
		uint64_t to[2];

		for (int k = 0; k < 2; k++) {
			uint32_t v = m->nodes[i][k];

			to[k] = !v ? m->n : v & 0x80000000 ? m->n + 16 + at[v & 3] : v - 1;
		}
		put_record(m, to[0], to[1]);
	}
	for (int i = 0; i < 16; i++)
		pt_buf_chr(&m->out, '\0');
	pt_buf_add(&m->out, data.s, data.n);
	put_meta(&m->out, m->n, bits, 6);
	assert_int_equal(m->out.err, 0);
	pt_buf_fini(&data);
}

static void drop(struct maker *m)
{
	free(m->nodes);
	pt_buf_fini(&m->out);
}

static void mmdb(void **state)
{
	static const unsigned int sizes[] = { 24, 28, 32 };

	for (size_t i = 0; i < PT_ARRAY_SIZE(sizes); i++) {
		struct maker m;

		begin(state);
		make(&m, sizes[i]);
		put(path, m.out.s, m.out.n);
		assert_int_equal(pt_geoip_load(path, NULL, lists, 3, arena, &err), 0);
		is_set(0, PT_AF_INET, "1.0.0.0/24");
		is_set(1, PT_AF_INET, "1.0.4.0/23");
		is_set(2, PT_AF_INET, "255.255.255.255");
		is_set(0, PT_AF_INET6, "2001:db8::/32");
		is_set(1, PT_AF_INET6, "2001:db9::/48");
		is_set(2, PT_AF_INET6, "fd00::1");
		assert_int_equal(err.list.n, 0);
		drop(&m);
		end(state);
	}
	begin(state);
}

/* Each byte changed, and the file cut off everywhere: an answer or an error, and never a long wait. */
static void damaged_mmdb(void **state)
{
	struct maker m;
	size_t errors = 0, n = 0;

	make(&m, 24);
	for (size_t i = 0; i < m.out.n; i += m.n * 6 > i + 50 ? 37 : 1, n++) {
		char kept = m.out.s[i];

		begin(state);
		m.out.s[i] = (char)(kept ^ (1 << i % 8));
		put(path, m.out.s, m.out.n);
		errors += pt_geoip_load(path, NULL, lists, 3, arena, &err) != 0;
		m.out.s[i] = kept;
		end(state);
		begin(state);
		put(path, m.out.s, i);
		errors += pt_geoip_load(path, NULL, lists, 3, arena, &err) != 0;
		end(state);
	}
	assert_true(errors > n); /* whatever is cut off is an error */
	drop(&m);
	begin(state);
}

/* A node whose children are itself is 2^128 leaves. */
static void endless_mmdb(void **state)
{
	struct pt_buf b = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		pt_buf_add(&b, (uint8_t[]){ 0, 0, (uint8_t)((i + 1) % 200), 0, 0, (uint8_t)((i + 1) % 200) }, 6);
	for (int i = 0; i < 16; i++)
		pt_buf_chr(&b, '\0');
	put_meta(&b, 200, 24, 6);
	put(path, b.s, b.n);
	assert_int_equal(pt_geoip_load(path, NULL, lists, 3, arena, &err), -EINVAL);
	assert_non_null(strstr(err.list.v[0].msg, "damaged"));
	pt_buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(codes, begin, end),
		cmocka_unit_test_setup_teardown(lines, begin, end),
		cmocka_unit_test_setup_teardown(bad_lines, begin, end),
		cmocka_unit_test_setup_teardown(a_family_is_missing, begin, end),
		cmocka_unit_test_setup_teardown(mmdb, begin, end),
		cmocka_unit_test_setup_teardown(damaged_mmdb, begin, end),
		cmocka_unit_test_setup_teardown(endless_mmdb, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
