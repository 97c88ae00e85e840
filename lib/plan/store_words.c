/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the configuration in force has names for, in a small file beside its copy: a console that completes a label asks at each key,
 * and must not read and build ten thousand rules for it. The file is made with the copy and goes with it; where it is missing, the
 * copy is read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/patch.h"

#define VERSION_LINE "patronus words 1\n"
#define SIZE_MAX_OF_IT ((size_t)1 << 28)

/* Begins the line of each word. */
static const char letters[] = { [PT_PLAN_RULES] = 'r', [PT_PLAN_TRANSLATIONS] = 't', [PT_PLAN_ANCHORS] = 'a',
				[PT_PLAN_HOSTS] = 'h', [PT_PLAN_TESTS] = 'e' };

int plan_words_path(const char *digest, char *out, size_t size)
{
	int n = snprintf(out, size, PLAN_STORE_DIR "/%s.words", digest);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* What would break the lines is in no name that can be written. */
static void put(struct pt_buf *b, enum pt_plan_kind kind, const char *word)
{
	if (word && !strchr(word, '\n'))
		pt_buf_fmt(b, "%c%s\n", letters[kind], word);
}

static void put_rules(struct pt_buf *b, const struct pt_policy *p)
{
	uint32_t last = 0;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->id != last)
			put(b, PT_PLAN_RULES, r->name);
		if (r->id != last && r->nat)
			put(b, PT_PLAN_TRANSLATIONS, r->name);
		last = r->id;
	}
}

/* Those that have a text, then those that only have a place. */
static void put_anchors(struct pt_buf *b, const struct pt_conf *c, const struct pt_policy *p)
{
	for (size_t i = 0; i < c->anchors.n; i++)
		put(b, PT_PLAN_ANCHORS, c->anchors.v[i].path);
	for (size_t i = 0; i < p->places.n; i++)
		if (!strchr(p->places.v[i].path, '*') && !pt_conf_find_anchor(c, p->places.v[i].path))
			put(b, PT_PLAN_ANCHORS, p->places.v[i].path);
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Each once, however often rules and tables have it. */
static int put_hosts(struct pt_buf *b, const struct pt_policy *p)
{
	PT_VEC(const char *) all = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < p->outside.n; i++)
		if (p->outside.v[i].kind == PT_OUTSIDE_NAME)
			rc = pt_vec_push(NULL, &all, p->outside.v[i].key);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_text);
	for (size_t i = 0; !rc && i < all.n; i++)
		if (!i || strcmp(all.v[i], all.v[i - 1]) != 0)
			put(b, PT_PLAN_HOSTS, all.v[i]);
	free(all.v);
	return rc;
}

static int make_words(const struct pt_conf *c, const struct pt_policy *p, struct pt_buf *b)
{
	int rc;

	pt_buf_str(b, VERSION_LINE);
	put_rules(b, p);
	put_anchors(b, c, p);
	rc = put_hosts(b, p);
	for (size_t i = 0; i < c->tests.n; i++)
		put(b, PT_PLAN_TESTS, c->tests.v[i].name);
	return rc ? rc : b->err;
}

void plan_words_write(const struct pt_plan *p)
{
	struct pt_err unseen = { 0 };
	char path[sizeof(PLAN_STORE_DIR) + 80];
	struct pt_buf b = { 0 };

	if (p->policy && !plan_words_path(p->digest, path, sizeof(path)) && !make_words(p->conf, p->policy, &b))
		(void)!pt_file_write(path, b.s, b.n, 0600, &unseen);
	pt_buf_fini(&b);
	pt_err_fini(&unseen);
}

/* The line of OLD in TEXT; NULL: none. */
static const char *find_line(const char *text, const char *old)
{
	size_t n = strlen(old);

	for (const char *s = strstr(text, old); s; s = strstr(s + 1, old))
		if (s - text >= 2 && s[-1] == letters[PT_PLAN_RULES] && s[-2] == '\n' && s[n] == '\n')
			return s;
	return NULL;
}

void plan_words_patch(const char *from, const char *to, const char *old, const char *name)
{
	char path[sizeof(PLAN_STORE_DIR) + 80], *text = NULL;
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	const char *line = NULL;
	size_t len = 0;

	if (!plan_words_path(from, path, sizeof(path)) && !pt_file_read(path, SIZE_MAX_OF_IT, &text, &len, &unseen))
		line = find_line(text, old);
	if (line) {
		pt_buf_add(&b, text, (size_t)(line - text));
		pt_buf_str(&b, name);
		pt_buf_str(&b, line + strlen(old));
	}
	if (line && !b.err && !plan_words_path(to, path, sizeof(path)))
		(void)!pt_file_write(path, b.s, b.n, 0600, &unseen);
	pt_buf_fini(&b);
	free(text);
	pt_err_fini(&unseen);
}

/* ---- reading ---- */

static int read_words(const struct pt_nft_state *have, char **text, size_t *len, struct pt_err *e)
{
	char path[sizeof(PLAN_STORE_DIR) + 80];
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	int rc = plan_words_path(have->digest, path, sizeof(path));

	if (!rc)
		rc = pt_file_read(path, SIZE_MAX_OF_IT, text, len, &unseen);
	pt_err_fini(&unseen);
	if (!rc && *len > strlen(VERSION_LINE) && !memcmp(*text, VERSION_LINE, strlen(VERSION_LINE)))
		return 0;
	free(*text);
	*text = NULL;
	rc = plan_copy_parse(have, &conf, &policy, e);
	if (!rc)
		rc = make_words(conf, policy, &b);
	*text = b.s;
	*len = b.n;
	pt_policy_free(policy);
	pt_conf_free(conf);
	return rc;
}

/* Cuts TEXT into lines. A last one without an end was not written by us. */
static void tell_words(char *text, size_t len, char letter, void (*word)(const char *w, void *arg), void *arg)
{
	char *end;

	for (char *s = text; (end = memchr(s, '\n', len - (size_t)(s - text))); s = end + 1) {
		*end = '\0';
		if (*s == letter)
			word(s + 1, arg);
	}
}

int pt_plan_offer(struct pt_nl *nf, enum pt_plan_kind kind, void (*word)(const char *w, void *arg), void *arg, struct pt_err *e)
{
	struct pt_nft_state *have = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc = pt_nft_read_applied(nf, &have, e);

	if (!rc && have->digest[0])
		rc = read_words(have, &text, &len, e);
	if (!rc && text)
		tell_words(text, len, letters[kind], word, arg);
	free(text);
	pt_nft_state_free(have);
	return rc;
}
