/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of the grammar against the reader: what is offered leads to a rule, or to the beginning of one; each keyword is
 * offered somewhere; and in every rule of the examples each word would have been offered at its place.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <patronus/conf.h>
#include <patronus/rule_complete.h>

#define WALKS 4000
#define WORDS_MAX 18

static const char *const examples[] = {
	[PT_PLACE_INTERFACE] = "lan", [PT_PLACE_HOST] = "192.0.2.0/24", [PT_PLACE_TARGET] = "192.0.2.0/24", [PT_PLACE_TABLE] = "<bad>",
	[PT_PLACE_DYNAMIC] = "(wan)", [PT_PLACE_SCHEDULE] = "night", [PT_PLACE_QUEUE] = "bulk", [PT_PLACE_ANCHOR] = "guests",
	[PT_PLACE_TAG] = "WEB", [PT_PLACE_USER] = "root", [PT_PLACE_GROUP] = "users", [PT_PLACE_COUNTRY] = "DE",
};

struct offered {
	PT_VEC(const char *) words;
	struct pt_arena *arena;
	bool places[PT_PLACE_FREE + 1];
};

static void keep(enum pt_rule_place place, const char *word, const char *help, void *arg)
{
	struct offered *o = arg;

	assert_non_null(help);
	assert_true(place || word);
	o->places[place] = true;
	if (place && place != PT_PLACE_FREE)
		word = examples[place];
	assert_non_null(word);
	assert_int_equal(pt_vec_push(o->arena, &o->words, word), 0);
}

static size_t offers_of(const char *text, bool statement, struct offered *o, struct pt_arena *a)
{
	size_t begun;

	memset(o, 0, sizeof(*o));
	o->arena = a;
	pt_rule_complete(text, strlen(text), statement, &begun, keep, o);
	return begun;
}

static bool ends_in(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

/* Right, or wrong only for what is still missing at its end. */
static bool is_beginning(const char *text, struct pt_arena *a, struct pt_err *e)
{
	struct pt_rule_ctx ctx = { .arena = a };
	struct pt_ast_rule *r;
	size_t n = strlen(text);

	if (!pt_rule_parse(&ctx, text, n, &r, e))
		return true;
	/* alone they are marks before a word */
	if (ends_in(text, "!") || ends_in(text, "scrub ("))
		return true;
	for (size_t i = 0; i < e->list.n; i++) {
		const struct pt_diag *d = &e->list.v[i];
		bool open = d->hint && !strncmp(d->hint, "close it", 8);

		if (d->loc.col <= n && !open && !(d->hint && !strcmp(d->hint, "write `scrub (max-mss 1440)`") && ends_in(text, "scrub")))
			return false;
	}
	return true;
}

static uint32_t seed = 1;

static size_t draw(size_t n)
{
	seed = seed * 1664525 + 1013904223;
	return n ? (seed >> 8) % n : 0;
}

static struct {
	const char *const *words;
	size_t n;
	bool seen[256];
} keywords;

static void saw(const char *word)
{
	for (size_t i = 0; i < keywords.n; i++)
		keywords.seen[i] |= !strcmp(keywords.words[i], word);
}

static void walk(void)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_buf text = { 0 };

	for (size_t i = 0; i < WORDS_MAX; i++) {
		struct offered o;
		struct pt_err e = { 0 };
		const char *word;

		pt_buf_add(&text, "", 0);
		offers_of(text.s ? text.s : "", false, &o, a);
		if (!o.words.n)
			break;
		for (size_t k = 0; k < o.words.n; k++)
			saw(o.words.v[k]);
		word = o.words.v[draw(o.words.n)];
		pt_buf_fmt(&text, "%s", word);
		if (!is_beginning(text.s, a, &e))
			fail_msg("offered behind \"%.*s\": \"%s\": %s", (int)(text.n - strlen(word)), text.s, word, e.list.v[0].msg);
		pt_buf_chr(&text, ' ');
		pt_err_fini(&e);
	}
	pt_buf_fini(&text);
	pt_arena_free(a);
}

static void test_walks(void **state)
{
	(void)state;
	keywords.words = pt_rule_keywords(&keywords.n);
	assert_in_range(keywords.n, 50, 256);
	for (size_t i = 0; i < WALKS; i++)
		walk();
	for (size_t i = 0; i < keywords.n; i++)
		if (!keywords.seen[i] && strcmp(keywords.words[i], "af-to") != 0) /* which the reader always refuses */
			fail_msg("'%s' is offered nowhere", keywords.words[i]);
}

/* ---- rules that there are ---- */

static bool was_offered(const struct offered *o, const char *word, size_t n, bool value)
{
	for (size_t i = 0; i < o->words.n; i++)
		if (strlen(o->words.v[i]) == n && !memcmp(o->words.v[i], word, n))
			return true;
	return value;
}

static bool is_keyword(const char *s, size_t n)
{
	for (size_t i = 0; i < keywords.n; i++)
		if (strlen(keywords.words[i]) == n && !memcmp(keywords.words[i], s, n))
			return true;
	return false;
}

/* A name that may be any word. */
static bool is_free(const struct offered *o)
{
	return o->words.n == 1 && o->places[PT_PLACE_FREE];
}

/* Each word that begins behind a blank was offered there, or is a value where values may stand. */
static int check_rule(void *arg, const char *rule, bool statement)
{
	size_t *n_words = arg, n = strlen(rule), begun;
	char *text = strdup(rule);

	for (size_t i = 0; i < n; i++) {
		struct pt_arena *a;
		struct offered o;
		size_t len = strcspn(rule + i, " \t\n{},()!=<>\"'");

		if (!len || (i && !strchr(" \t\n", rule[i - 1])))
			continue;
		a = pt_arena_new();
		text[i] = '\0';
		begun = offers_of(text, statement, &o, a);
		if (begun == i && !o.words.n)
			fail_msg("nothing is offered behind \"%s\" for \"%s\"", text, rule + i);
		if (begun == i && is_keyword(rule + i, len) && !was_offered(&o, rule + i, len, is_free(&o)))
			fail_msg("not offered behind \"%s\": \"%.*s\"", text, (int)len, rule + i);
		pt_arena_free(a);
		memcpy(text, rule, strlen(rule) + 1);
		i += len;
		++*n_words;
	}
	free(text);
	return 0;
}

static void test_examples(void **state)
{
	size_t n_words = 0;
	glob_t g;

	(void)state;
	keywords.words = pt_rule_keywords(&keywords.n);
	assert_int_equal(glob("contrib/examples/*.conf", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct pt_conf *c = NULL;
		struct pt_err e = { 0 };

		assert_int_equal(pt_conf_load(g.gl_pathv[i], &c, &e), 0);
		for (size_t k = 0; k < c->rules.n; k++) {
			char *rule = strndup(c->rules.v[k].s, c->rules.v[k].len);

			check_rule(&n_words, rule, false);
			free(rule);
		}
		pt_conf_free(c);
		pt_err_fini(&e);
	}
	globfree(&g);
	assert_true(n_words > 500);
}

/* ---- places ---- */

static const struct {
	const char *text, *yes, *no;
	enum pt_rule_place place;
	size_t begun;
} places[] = {
	{ "", "pass", "in", 0, 0 },
	{ "pa", "pass", "in", 0, 0 },
	{ "pass ", "in", "pass", 0, 5 },
	{ "pass in on ", NULL, "in", PT_PLACE_INTERFACE, 11 },
	{ "pass in on { lan, w", NULL, "}", PT_PLACE_INTERFACE, 18 },
	{ "pass in on { lan ", "}", "in", 0, 17 },
	{ "pass in on { lan } ", "proto", "out", 0, 19 },
	{ "pass in proto ", "tcp", "port", 0, 14 },
	{ "pass in proto tcp to ", "self", "tcp", PT_PLACE_TABLE, 21 },
	{ "pass in proto tcp to (l", "self", "tcp", PT_PLACE_DYNAMIC, 21 },
	{ "pass in proto tcp to any port ", "ssh", "tcp", 0, 30 },
	{ "pass in proto tcp to any port {ssh, ", "http", "pass", 0, 36 },
	{ "pass in proto tcp to any port ssh ", "keep", "from", 0, 34 },
	{ "block ", "return", "keep", 0, 6 },
	{ "match out nat-to ", NULL, "port", PT_PLACE_TARGET, 17 },
	{ "pass keep state (", "max", "overload", 0, 17 },
	{ "pass keep state (max-src-conn 5, ", "overload", "keep", 0, 33 },
	{ "pass icmp-type unreach code ", "port-unr", "label", 0, 28 },
	{ "pass schedule ", NULL, "in", PT_PLACE_SCHEDULE, 14 },
	{ "anchor ", NULL, "in", PT_PLACE_ANCHOR, 7 },
	{ "anchor guests ", "on", "log", 0, 14 },
	{ "pass label ", NULL, "keep", 0, 11 },
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(places); i++) {
		struct pt_arena *a = pt_arena_new();
		struct offered o;
		size_t begun = offers_of(places[i].text, false, &o, a);

		print_message("# %s\n", places[i].text);
		assert_int_equal(begun, places[i].begun);
		assert_true(!places[i].yes || was_offered(&o, places[i].yes, strlen(places[i].yes), false));
		assert_false(was_offered(&o, places[i].no, strlen(places[i].no), false));
		assert_true(!places[i].place || o.places[places[i].place]);
		pt_arena_free(a);
	}
}

/* Behind a label there is only what is no word, and what is no rule has no next word. */
static void test_nothing(void **state)
{
	static const char *const nonsense[] = { "nonsense ", "pass } ", "pass inn ", "pass ( ", ", " };
	struct pt_arena *a = pt_arena_new();
	struct offered o;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(nonsense); i++) {
		offers_of(nonsense[i], false, &o, a);
		assert_int_equal(o.words.n, 0);
	}
	offers_of("pass in on lan ", true, &o, a);
	assert_true(was_offered(&o, "proto", 5, false));
	assert_false(was_offered(&o, "label", 5, false));
	assert_false(was_offered(&o, "keep", 4, false));
	pt_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_walks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
