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
	char path[PLAN_STORE_PATH];
	struct pt_buf b = { 0 };

	if (p->policy && !plan_store_path(p->digest, ".words", path) && !make_words(p->conf, p->policy, &b))
		(void)!pt_file_write(path, b.s, b.n, 0600, &unseen);
	pt_buf_fini(&b);
	pt_err_fini(&unseen);
}

/* Whether the line S is that of the rule NAME. */
static bool is_line(const char *s, const char *name)
{
	size_t n = strlen(name);

	return *s == letters[PT_PLAN_RULES] && !strncmp(s + 1, name, n) && s[1 + n] == '\n';
}

/* The line of the rule NAME; NULL: there is none. */
static const char *find_line(const char *text, const char *name)
{
	for (const char *s = strchr(text, '\n'); s; s = strchr(s + 1, '\n')) /* behind the version */
		if (is_line(s + 1, name))
			return s + 1;
	return NULL;
}

/* What is to be replaced: from *AT on up to what it answers. NULL: it is not there. */
static const char *find_lines(const char *text, const struct plan_names *names, const char **at)
{
	const char *s;

	if (!names->n_old) {
		s = names->before ? find_line(text, names->before) : text;
		s = s ? strchr(s, '\n') : NULL;
		return *at = s ? s + 1 : NULL;
	}
	*at = s = find_line(text, names->old[0]);
	for (size_t i = 0; s && i < names->n_old; i++) {
		if (!is_line(s, names->old[i]))
			return NULL;
		s = strchr(s, '\n') + 1;
	}
	return s;
}

void plan_words_patch(const char *from, const char *to, const struct plan_names *names)
{
	char path[PLAN_STORE_PATH], *text = NULL;
	const char *at = NULL, *behind = NULL;
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	size_t len = 0;

	if (!plan_store_path(from, ".words", path) && !pt_file_read(path, SIZE_MAX_OF_IT, &text, &len, &unseen))
		behind = find_lines(text, names, &at);
	if (behind) {
		pt_buf_add(&b, text, (size_t)(at - text));
		for (size_t i = 0; i < names->n_new; i++)
			put(&b, PT_PLAN_RULES, names->new[i]);
		pt_buf_str(&b, behind);
	}
	if (behind && !b.err && !plan_store_path(to, ".words", path))
		(void)!pt_file_write(path, b.s, b.n, 0600, &unseen);
	pt_buf_fini(&b);
	free(text);
	pt_err_fini(&unseen);
}

/* ---- reading ---- */

static int read_words(const struct pt_nft_state *have, char **text, size_t *len, struct pt_err *e)
{
	char path[PLAN_STORE_PATH];
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	struct pt_err unseen = { 0 };
	struct pt_buf b = { 0 };
	int rc = plan_store_path(have->digest, ".words", path);

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
