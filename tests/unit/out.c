/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one writer for everything shown: the same records in every format, valid when empty, and text
 * from outside that can neither steer a terminal nor break a reader of JSON.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/out.h>

#include "lib/scarce.h"

/* ---- where the bytes go ---- */

struct sink {
	struct pt_buf text;
	size_t calls;
	int answer; /* of each write */
};

static int to_sink(void *arg, const char *p, size_t n)
{
	struct sink *s = arg;
	long kept = allocations_left;

	s->calls++;
	if (s->answer)
		return s->answer;
	allocations_left = -1; /* the memory of the test is not what is tested */
	pt_buf_add(&s->text, p, n);
	allocations_left = kept;
	return 0;
}

static struct pt_out *start(struct sink *s, enum pt_out_fmt fmt, bool pretty)
{
	memset(s, 0, sizeof(*s));
	return pt_out_new(fmt, "patronus.thing.v1", "things", pretty, false, to_sink, s);
}

/* Ends the output, which must be TEXT. */
static void gives(struct pt_out *o, struct sink *s, const char *text)
{
	assert_int_equal(pt_out_end(o), 0);
	assert_string_equal(s->text.s ? s->text.s : "", text);
	pt_buf_fini(&s->text);
}

/* ---- JSON: a reader just strict enough to say whether a text is one value ---- */

static const char *json_value(const char *p, int depth);

static const char *json_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u') {
			if (strspn(p + 1, "0123456789abcdefABCDEF") < 4)
				return NULL;
			p += 4;
		} else if (!*p || !strchr("\"\\/bfnrt", *p)) {
			return NULL;
		}
	}
	return p + 1;
}

static const char *json_list(const char *p, char end, int depth)
{
	p++;
	p += strspn(p, " \n");
	if (*p == end)
		return p + 1;
	for (;;) {
		p += strspn(p, " \n");
		if (end == '}') {
			p = json_string(p);
			if (!p || *p++ != ':')
				return NULL;
			p += strspn(p, " ");
		}
		p = json_value(p, depth + 1);
		if (!p)
			return NULL;
		p += strspn(p, " \n");
		if (*p == end)
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

static const char *json_value(const char *p, int depth)
{
	static const char *const words[] = {"null", "true", "false"};

	if (depth > 20)
		return NULL;
	if (*p == '"')
		return json_string(p);
	if (*p == '{' || *p == '[')
		return json_list(p, *p == '{' ? '}' : ']', depth);
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!strncmp(p, words[i], strlen(words[i])))
			return p + strlen(words[i]);
	if (*p == '-')
		p++;
	return strspn(p, "0123456789") ? p + strspn(p, "0123456789") : NULL;
}

static void is_json(const char *s)
{
	const char *end = json_value(s, 0);

	if (!end || strcmp(end, "\n") != 0)
		fail_msg("not JSON: %s", s);
}

/* ---- records ---- */

static void record(struct pt_out *o, const char *name, uint64_t packets)
{
	static const uint8_t address[4] = {192, 0, 2, 1};

	pt_out_rec(o);
	pt_out_str(o, "name", name);
	pt_out_u64(o, "packets", packets);
	pt_out_i64(o, "delta", -5);
	pt_out_bool(o, "log", packets > 5);
	pt_out_addr(o, "address", pt_addr_from_bytes(address, 4));
	pt_out_addr(o, "gateway", (struct pt_addr){.af = PT_AF_NONE});
	pt_out_arr(o, "ports");
	if (packets) {
		pt_out_item(o, "ssh");
		pt_out_item(o, "a\"b");
	}
	pt_out_arr_end(o);
	pt_out_obj(o, "orig");
	pt_out_u64(o, "sport", 1);
	pt_out_null(o, "dport");
	pt_out_obj_end(o);
	pt_out_text(o, "pass in\n  [ packets 7 ]");
	pt_out_rec_end(o);
}

static void test_json(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_JSON, false);

	(void)state;
	assert_int_equal(pt_out_format(o), PT_OUT_JSON);
	pt_out_top_str(o, "file", "a\"b");
	pt_out_top_str(o, "digest", NULL);
	pt_out_top_u64(o, "generation", UINT64_MAX);
	record(o, "web", 7);
	pt_out_top_u64(o, "late", 1); /* the list has begun: too late to stand beside it */
	record(o, NULL, 0);
	gives(o, &s,
	      "{\"schema\":\"patronus.thing.v1\",\"file\":\"a\\\"b\",\"digest\":null,"
	      "\"generation\":18446744073709551615,\"things\":["
	      "{\"name\":\"web\",\"packets\":7,\"delta\":-5,\"log\":true,"
	      "\"address\":\"192.0.2.1\",\"gateway\":null,\"ports\":[\"ssh\",\"a\\\"b\"],"
	      "\"orig\":{\"sport\":1,\"dport\":null}},"
	      "{\"name\":null,\"packets\":0,\"delta\":-5,\"log\":false,"
	      "\"address\":\"192.0.2.1\",\"gateway\":null,\"ports\":[],"
	      "\"orig\":{\"sport\":1,\"dport\":null}}]}\n");
}

static void test_json_pretty(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_JSON, true);

	(void)state;
	pt_out_rec(o);
	pt_out_str(o, "name", "web");
	pt_out_arr(o, "none");
	pt_out_arr_end(o);
	pt_out_obj(o, "orig");
	pt_out_u64(o, "sport", 1);
	pt_out_obj_end(o);
	pt_out_rec_end(o);
	gives(o, &s,
	      "{\n  \"schema\": \"patronus.thing.v1\",\n  \"things\": [\n    {\n"
	      "      \"name\": \"web\",\n      \"none\": [],\n"
	      "      \"orig\": {\n        \"sport\": 1\n      }\n    }\n  ]\n}\n");
}

static void test_json_lines(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_JSONL, true);

	(void)state;
	pt_out_top_str(o, "file", "nowhere");
	pt_out_rec(o);
	pt_out_str(o, "name", "one");
	pt_out_rec_end(o);
	assert_string_equal(s.text.s, "{\"name\":\"one\"}\n"); /* whoever follows sees it at once */
	pt_out_rec(o);
	pt_out_arr(o, "list");
	pt_out_item(o, "x");
	pt_out_arr_end(o);
	pt_out_u64(o, "n", 2);
	pt_out_rec_end(o);
	gives(o, &s, "{\"name\":\"one\"}\n{\"list\":[\"x\"],\"n\":2}\n");
}

static void test_empty(void **state)
{
	struct sink s;
	struct pt_out *o;

	(void)state;
	o = start(&s, PT_OUT_JSON, false);
	gives(o, &s, "{\"schema\":\"patronus.thing.v1\",\"things\":[]}\n");
	o = start(&s, PT_OUT_JSON, true);
	gives(o, &s, "{\n  \"schema\": \"patronus.thing.v1\",\n  \"things\": []\n}\n");
	o = start(&s, PT_OUT_JSON, false);
	pt_out_top_u64(o, "writes", 0);
	gives(o, &s, "{\"schema\":\"patronus.thing.v1\",\"writes\":0,\"things\":[]}\n");
	o = start(&s, PT_OUT_JSONL, false);
	gives(o, &s, "");
	o = start(&s, PT_OUT_TABLE, false);
	gives(o, &s, "");
	o = start(&s, PT_OUT_LINE, false);
	gives(o, &s, "");
	o = start(&s, PT_OUT_TEXT, false);
	gives(o, &s, "");
	o = start(&s, PT_OUT_JSON, false);
	pt_out_rec(o);
	pt_out_rec_end(o);
	gives(o, &s, "{\"schema\":\"patronus.thing.v1\",\"things\":[{}]}\n");
}

static void test_table(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_TABLE, false);

	(void)state;
	record(o, "web", 12345678);
	record(o, "a longer name", 0);
	gives(o, &s,
	      "NAME            PACKETS  DELTA  LOG  ADDRESS    GATEWAY  PORTS    ORIG SPORT  ORIG "
	      "DPORT\n"
	      "web            12345678     -5  yes  192.0.2.1  -        ssh,a\"b           1  -\n"
	      "a longer name         0     -5  no   192.0.2.1  -        -                 1  -\n");
}

/* Names of other scripts are aligned by characters, not by bytes. */
static void test_table_of_letters(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_TABLE, false);

	(void)state;
	for (int i = 0; i < 2; i++) {
		pt_out_rec(o);
		pt_out_str(o, "site_name", i ? "Zurich" : "Zürich");
		pt_out_u64(o, "n", 1);
		pt_out_rec_end(o);
	}
	gives(o, &s, "SITE NAME  N\nZürich     1\nZurich     1\n");
}

/* A long table does not wait for its end, and a later wider value stays whole. */
static void test_table_streams(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_TABLE, false);
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		pt_out_rec(o);
		pt_out_str(o, "a", i == 99999 ? "much wider than before" : "x");
		pt_out_u64(o, "b", (uint64_t)i);
		pt_out_rec_end(o);
		if (i == 50000)
			assert_true(s.calls > 0);
	}
	assert_int_equal(pt_out_end(o), 0);
	for (size_t i = 0; i < s.text.n; i++)
		lines += s.text.s[i] == '\n';
	assert_int_equal(lines, 100001);
	assert_non_null(strstr(s.text.s, "\nmuch wider than before  99999\n"));
	pt_buf_fini(&s.text);
}

static void test_line(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_LINE, false);

	(void)state;
	record(o, "web", 7);
	record(o, "", 0);
	record(o, "a b=\"c\" \\", 0);
	gives(o, &s,
	      "name=web packets=7 delta=-5 log=yes address=192.0.2.1 gateway=- "
	      "ports=\"ssh,a\\\"b\" "
	      "orig.sport=1 orig.dport=-\n"
	      "name=\"\" packets=0 delta=-5 log=no address=192.0.2.1 gateway=- ports=- "
	      "orig.sport=1 orig.dport=-\n"
	      "name=\"a b=\\\"c\\\" \\\\\" packets=0 delta=-5 log=no address=192.0.2.1 gateway=- "
	      "ports=- orig.sport=1 orig.dport=-\n");
}

static void test_text(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_TEXT, false);

	(void)state;
	record(o, "web", 7);
	pt_out_rec(o);
	pt_out_text(o, "title \033]0;pwn\a\nnext");
	pt_out_rec_end(o);
	gives(o, &s, "pass in\n  [ packets 7 ]\ntitle \\x1b]0;pwn\\x07\nnext\n");
}

/* ---- text from outside ---- */

static const struct {
	const char *in, *shown, *json;
	size_t n; /* 0: strlen */
} hostile[] = {
	{"plain", "plain", "\"plain\"", 0},
	{"", "", "\"\"", 0},
	{"\033]0;pwn\a", "\\x1b]0;pwn\\x07", "\"\\u001b]0;pwn\\u0007\"", 0},
	{"a\nb\tc\r", "a\\x0ab\\x09c\\x0d", "\"a\\u000ab\\u0009c\\u000d\"", 0},
	{"nul\0end", "nul\\x00end", "\"nul\\u0000end\"", 7},
	{"\x7f", "\\x7f", "\"\\u007f\"", 0},
	{"say \"no\" \\", "say \"no\" \\", "\"say \\\"no\\\" \\\\\"", 0},
	{"</script>", "</script>", "\"</script>\"", 0},
	{"Zürich €😀", "Zürich €😀", "\"Zürich €😀\"", 0},
	{"a\u202egpj", "a\\u{202e}gpj", "\"a\\u202egpj\"", 0}, /* right to left */
	{"a\u200bb\ufeff", "a\\u{200b}b\\u{feff}", "\"a\\u200bb\\ufeff\"", 0}, /* no width */
	{"\u2028\xc2\x85", "\\u{2028}\\u{0085}", "\"\\u2028\\u0085\"", 0}, /* ends of lines */
	{"\xc2\x9b"
	 "31m",
	 "\\u{009b}31m", "\"\\u009b31m\"", 0}, /* a CSI in one character */
	{"\U000e0041", "\\u{e0041}", "\"\\udb40\\udc41\"", 0}, /* a tag */
	{"\U0001d173", "\\u{1d173}", "\"\\ud834\\udd73\"", 0},
	/* not UTF-8: stray, overlong, surrogate, beyond the end, cut off */
	{"a\xff\xfe", "a\\xff\\xfe", "\"a\\\\xff\\\\xfe\"", 0},
	{"\x9b"
	 "31m",
	 "\\x9b31m", "\"\\\\x9b31m\"", 0},
	{"\xc0\x9b", "\\xc0\\x9b", "\"\\\\xc0\\\\x9b\"", 0},
	{"\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\"\\\\xe0\\\\x80\\\\xaf\"", 0},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\\\xed\\\\xa0\\\\x80\"", 0},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"", 0},
	{"ok\xe2\x82", "ok\\xe2\\x82", "\"ok\\\\xe2\\\\x82\"", 0},
	{"\xe2\x82x", "\\xe2\\x82x", "\"\\\\xe2\\\\x82x\"", 0},
};

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(hostile); i++) {
		size_t n = hostile[i].n ? hostile[i].n : strlen(hostile[i].in);
		struct pt_buf shown = {0}, json = {0};

		pt_buf_str(&shown, "");
		pt_escape(&shown, hostile[i].in, n);
		pt_escape_json(&json, hostile[i].in, n);
		assert_string_equal(shown.s, hostile[i].shown);
		assert_string_equal(json.s, hostile[i].json);
		pt_buf_fini(&shown);
		pt_buf_fini(&json);
	}
}

/* hostile-7, hostile-6: in every format, as values, items and texts. Keys are ours. */
static void hostile_record(struct pt_out *o, const char *text)
{
	pt_out_rec(o);
	pt_out_str(o, "name", text);
	pt_out_arr(o, "list");
	pt_out_item(o, text);
	pt_out_arr_end(o);
	pt_out_text(o, text);
	pt_out_rec_end(o);
}

static void test_hostile_records(void **state)
{
	char bytes[257];

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)(255 - i); /* every byte, the NUL at the end */
	for (enum pt_out_fmt fmt = PT_OUT_TABLE; fmt <= PT_OUT_JSONL; fmt++) {
		struct sink s;
		struct pt_out *o = start(&s, fmt, false);

		pt_out_top_str(o, "file", bytes);
		hostile_record(o, bytes);
		hostile_record(o, "\u202e\033[2J\"',=\\");
		assert_int_equal(pt_out_end(o), 0);
		for (size_t i = 0; i < s.text.n; i++) {
			unsigned char c = (unsigned char)s.text.s[i];

			assert_true((c >= 0x20 && c < 0x7f) || c == '\n' || (c == '\t' && fmt == PT_OUT_TEXT));
		}
		if (fmt == PT_OUT_JSON)
			is_json(s.text.s);
		pt_buf_fini(&s.text);
	}
}

/* Whatever the bytes, what comes out has no control bytes, is UTF-8, and JSON is one string. */
static void test_random_bytes(void **state)
{
	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		struct pt_buf shown = {0}, again = {0}, json = {0};
		char in[12];
		size_t n = (size_t)random() % sizeof(in);

		for (size_t i = 0; i < n; i++)
			in[i] = (char)(random() % 3 ? 0x80 + random() % 0x80 : random() % 0x80);
		pt_buf_str(&shown, "");
		pt_escape(&shown, in, n);
		pt_buf_str(&again, "");
		pt_escape(&again, shown.s, shown.n);
		assert_string_equal(again.s, shown.s); /* nothing is left to escape */
		pt_escape_json(&json, in, n);
		pt_buf_chr(&json, '\n');
		is_json(json.s);
		pt_buf_fini(&shown);
		pt_buf_fini(&again);
		pt_buf_fini(&json);
	}
}

static void test_lines(void **state)
{
	static const struct {
		const char *in, *out;
	} lines[] = { { "", "" }, { "\t", "\t" }, { "a\tb\t", "a\tb\t" }, { "\t\t\x1b[2J\tb", "\t\t\\x1b[2J\tb" }, { "a\r", "a\\x0d" } };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++) {
		struct pt_buf b = { 0 };

		pt_buf_str(&b, "");
		pt_escape_line(&b, lines[i].in, strlen(lines[i].in));
		assert_string_equal(b.s, lines[i].out);
		pt_buf_fini(&b);
	}
}

/* ---- failures ---- */

static void test_closed_pipe(void **state)
{
	(void)state;
	for (enum pt_out_fmt fmt = PT_OUT_TABLE; fmt <= PT_OUT_JSONL; fmt++) {
		struct sink s;
		struct pt_out *o = start(&s, fmt, false);

		s.answer = -EPIPE;
		for (int i = 0; i < 5000; i++)
			record(o, "web", 7);
		assert_int_equal(pt_out_end(o), -EPIPE);
		assert_int_equal(s.calls, 1); /* nobody asks again */
	}
	assert_int_equal(pt_out_end(NULL), -ENOMEM);
}

/* Either the whole output or an error: never less without one. */
/* Whoever waits for the first screen gets it soon; from then on, writes are large; and an end of the pipe shows. */
static void test_first_screen(void **state)
{
	struct sink s;
	struct pt_out *o = start(&s, PT_OUT_TEXT, false);
	size_t shown = 0;

	(void)state;
	for (; !s.calls; shown++) {
		pt_out_rec(o);
		pt_out_text(o, "tcp 192.0.2.1:50000 -> 198.51.100.7:443 ESTABLISHED [web, nat]");
		pt_out_rec_end(o);
	}
	assert_in_range(shown, 24, 50);
	for (size_t i = 0; i < 400; i++) {
		pt_out_rec(o);
		pt_out_text(o, "tcp 192.0.2.1:50000 -> 198.51.100.7:443 ESTABLISHED [web, nat]");
		pt_out_rec_end(o);
	}
	assert_int_equal(s.calls, 1);
	assert_int_equal(pt_out_flush(o), 0);
	assert_int_equal(s.calls, 2);
	assert_int_equal(pt_out_failed(o), 0);
	s.answer = -EPIPE;
	pt_out_rec(o);
	pt_out_text(o, "x");
	pt_out_rec_end(o);
	assert_int_equal(pt_out_flush(o), -EPIPE);
	assert_int_equal(pt_out_failed(o), -EPIPE);
	assert_int_equal(pt_out_end(o), -EPIPE);
	pt_buf_fini(&s.text);
}

static void test_without_memory(void **state)
{
	(void)state;
	for (enum pt_out_fmt fmt = PT_OUT_TABLE; fmt <= PT_OUT_JSONL; fmt++) {
		char *whole = NULL;
		int rc = -ENOMEM, failures = 0;

		for (long n = -1; rc || n <= 0; n = n < 0 ? 0 : n + 1) {
			struct sink s;
			struct pt_out *o;

			assert_true(n < 1000);
			allocations_left = n;
			o = start(&s, fmt, true);
			for (int i = 0; o && i < 3; i++)
				record(o, "web", 7);
			rc = pt_out_end(o);
			allocations_left = -1;
			assert_true(rc == 0 || rc == -ENOMEM);
			failures += rc != 0;
			if (n < 0)
				whole = strdup(s.text.s);
			else if (!rc)
				assert_string_equal(s.text.s, whole);
			pt_buf_fini(&s.text);
		}
		assert_true(failures > 3);
		free(whole);
	}
}

/* ---- objects beside the list, and within arrays ---- */

static void nested(struct pt_out *o)
{
	pt_out_top(o);
	pt_out_bool(o, "sure", true);
	pt_out_obj(o, "rule");
	pt_out_u64(o, "line", 7);
	pt_out_obj_end(o);
	pt_out_arr(o, "words");
	pt_out_item(o, "one");
	pt_out_arr_end(o);
	pt_out_top_end(o);
	pt_out_rec(o);
	pt_out_arr(o, "tried");
	for (uint64_t i = 1; i < 3; i++) {
		pt_out_obj(o, NULL);
		pt_out_u64(o, "line", i);
		pt_out_str(o, "why", "a port");
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
	pt_out_str(o, "last", "x");
	pt_out_text(o, "text");
	pt_out_rec_end(o);
}

static void test_nested(void **state)
{
	static const struct {
		enum pt_out_fmt fmt;
		const char *want;
	} cases[] = {
		{ PT_OUT_JSON, "{\"schema\":\"patronus.thing.v1\",\"sure\":true,\"rule\":{\"line\":7},\"words\":[\"one\"],\"things\":["
		  "{\"tried\":[{\"line\":1,\"why\":\"a port\"},{\"line\":2,\"why\":\"a port\"}],\"last\":\"x\"}]}\n" },
		{ PT_OUT_JSONL, "{\"tried\":[{\"line\":1,\"why\":\"a port\"},{\"line\":2,\"why\":\"a port\"}],\"last\":\"x\"}\n" },
		{ PT_OUT_LINE, "tried=\"line=1 why=a port,line=2 why=a port\" last=x\n" },
		{ PT_OUT_TABLE, "TRIED                                LAST\nline=1 why=a port,line=2 why=a port  x\n" },
		{ PT_OUT_TEXT, "text\n" },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		struct sink s;
		struct pt_out *o = start(&s, cases[i].fmt, false);

		assert_non_null(o);
		nested(o);
		gives(o, &s, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_pretty),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_of_letters),
		cmocka_unit_test(test_table_streams),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_first_screen),
		cmocka_unit_test(test_without_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
