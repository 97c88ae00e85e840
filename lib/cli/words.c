/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments that are words with values, out of one table a command: reading them, their help, their completion. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "cli/internal.h"

#define NAMES_MAX 64

const struct pt_cli_grammar *cli_grammar(const struct pt_cli_tool *t, const struct pt_cli_cmd *cmd)
{
	for (const struct pt_cli_grammar *g = t->grammars; g && g->object; g++)
		if (!strcmp(g->object, cmd->object) && !g->command == !cmd->command &&
		    (!g->command || !strcmp(g->command, cmd->command)))
			return g;
	return NULL;
}

/* The word itself, or the only one that begins so; NULL with *N names that are meant, or none. */
static const struct pt_cli_word *find_word(const struct pt_cli_word *words, const char *s, const char **names, size_t *n)
{
	const struct pt_cli_word *found = NULL;

	*n = 0;
	for (const struct pt_cli_word *w = words; w->name; w++) {
		if (!strcmp(w->name, s))
			return w;
		if (*s && !strncmp(w->name, s, strlen(s)) && *n < NAMES_MAX) {
			names[(*n)++] = w->name;
			found = w;
		}
	}
	return *n == 1 ? found : NULL;
}

static int unknown_word(struct pt_cli *c, const struct pt_cli_word *words, const char *s, const char **names, size_t n)
{
	struct pt_buf list = { 0 };
	const char *nearest;

	if (n) {
		for (size_t i = 0; i < n; i++)
			pt_buf_fmt(&list, "%s%s", i ? ", " : "", names[i]);
		(void)pt_cli_usage(c, "'%s' may be %s", s, list.s ? list.s : "more than one word");
		pt_buf_fini(&list);
		return PT_EXIT_CONFIG;
	}
	for (; words->name && n < NAMES_MAX; words++)
		names[n++] = words->name;
	nearest = pt_nearest(s, names, n);
	return nearest ? pt_cli_usage(c, "'%s' is no word of this command; did you mean '%s'?", s, nearest) :
			 pt_cli_usage(c, "'%s' is no word of this command", s);
}

/* ---- values ---- */

static int in_range(struct pt_cli *c, const struct pt_cli_word *w, const char *s, uint64_t v, int rc)
{
	if (!rc && v >= w->min && v <= (w->max ? w->max : UINT64_MAX))
		return 0;
	if (rc != -EINVAL && w->type == PT_CLI_COUNT)
		return pt_cli_usage(c, "%s %s: not within %llu-%llu", w->name, s, (unsigned long long)w->min, (unsigned long long)w->max);
	return pt_cli_usage(c, rc == -EINVAL ? "%s %s: no %s" : "%s %s: not a %s within its limits", w->name, s, w->arg);
}

static int set_count(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	uint64_t v = 0;
	int rc = pt_parse_uint(s, UINT64_MAX, &v);

	rc = in_range(c, w, s, v, rc);
	if (!rc)
		memcpy(at, &v, sizeof(v));
	return rc;
}

static int set_rate(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	uint64_t v = 0;
	int rc = pt_parse_rate(s, &v);

	rc = in_range(c, w, s, v, rc);
	if (!rc)
		memcpy(at, &v, sizeof(v));
	return rc;
}

static int set_time(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	uint32_t v = 0;
	int rc = w->type == PT_CLI_TIME ? pt_parse_microseconds(s, &v) : pt_parse_duration(s, &v);

	rc = in_range(c, w, s, v, rc);
	if (!rc)
		memcpy(at, &v, sizeof(v));
	return rc;
}

static int set_text(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	if (!*s)
		return pt_cli_usage(c, "%s is empty", w->name);
	memcpy(at, &s, sizeof(s));
	return 0;
}

static int set_address(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	struct pt_addr a;

	if (pt_addr_parse(s, &a))
		return pt_cli_usage(c, "%s %s: not an address", w->name, s);
	memcpy(at, &a, sizeof(a));
	return 0;
}

static int set_choice(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at)
{
	struct pt_buf list = { 0 };

	for (unsigned int i = 0; w->choices[i]; i++) {
		if (!strcmp(w->choices[i], s)) {
			memcpy(at, &i, sizeof(i));
			pt_buf_fini(&list);
			return 0;
		}
		pt_buf_fmt(&list, "%s%s", i ? ", " : "", w->choices[i]);
	}
	(void)pt_cli_usage(c, "%s %s: not one of %s", w->name, s, list.s ? list.s : "its values");
	pt_buf_fini(&list);
	return PT_EXIT_CONFIG;
}

static int (*const setters[])(struct pt_cli *c, const struct pt_cli_word *w, const char *s, void *at) = {
	[PT_CLI_COUNT] = set_count,     [PT_CLI_TIME] = set_time,   [PT_CLI_SECONDS] = set_time, [PT_CLI_RATE] = set_rate,
	[PT_CLI_TEXT] = set_text,       [PT_CLI_DEVICE] = set_text, [PT_CLI_PATH] = set_text,
	[PT_CLI_ADDRESS] = set_address, [PT_CLI_CHOICE] = set_choice,
};

int pt_cli_words(struct pt_cli *c, void *to)
{
	const struct pt_cli_grammar *g = cli_grammar(c->tool, c->cmd);
	const char *names[NAMES_MAX];
	uint64_t seen = 0;
	size_t n;
	int rc = 0;

	for (size_t i = g->first; !rc && i < c->argc; i++) {
		const struct pt_cli_word *w = find_word(g->words, c->argv[i], names, &n);
		char *at = to;

		if (!w)
			return unknown_word(c, g->words, c->argv[i], names, n);
		if (seen & (1ull << (w - g->words)))
			return pt_cli_usage(c, "%s is written twice", w->name);
		seen |= 1ull << (w - g->words);
		at += w->offset;
		if (w->type == PT_CLI_FLAG) {
			*(bool *)at = true;
			continue;
		}
		if (++i >= c->argc)
			return pt_cli_usage(c, "%s lacks its value: %s %s", w->name, w->name, w->arg);
		if (w->type == PT_CLI_REST) {
			memcpy(at, &i, sizeof(i));
			break;
		}
		rc = setters[w->type](c, w, c->argv[i], at);
	}
	return rc;
}

/* ---- completion ---- */

static void complete_devices(void (*word)(const char *w, const char *help, void *arg), void *arg)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			word(e->d_name, NULL, arg);
	if (d)
		closedir(d);
}

static void put_microseconds(struct pt_buf *b, uint64_t us)
{
	if (us && !(us % 1000000))
		pt_buf_fmt(b, "%llus", (unsigned long long)(us / 1000000));
	else if (us && !(us % 1000))
		pt_buf_fmt(b, "%llums", (unsigned long long)(us / 1000));
	else
		pt_buf_fmt(b, "%lluus", (unsigned long long)us);
}

static void put_number(struct pt_buf *b, uint64_t n)
{
	pt_buf_fmt(b, "%llu", (unsigned long long)n);
}

static void put_seconds(struct pt_buf *b, uint64_t s)
{
	pt_buf_fmt(b, "%llus", (unsigned long long)s);
}

/* How the limits of a type are written; NULL: it has none, or they are nobody's concern. */
static void (*const limits[PT_CLI_REST + 1])(struct pt_buf *b, uint64_t v) = {
	[PT_CLI_COUNT] = put_number,
	[PT_CLI_TIME] = put_microseconds,
	[PT_CLI_SECONDS] = put_seconds,
};

/* "N 1-100: how many"; without an end, "N from 1: how many" */
static void expect_value(const struct pt_cli_word *w, void (*word)(const char *w, const char *help, void *arg), void *arg)
{
	void (*put)(struct pt_buf *b, uint64_t v) = limits[w->type];
	struct pt_buf b = { 0 };

	pt_buf_str(&b, w->arg ? w->arg : "VALUE");
	if (put && (w->min || w->max)) {
		pt_buf_str(&b, w->max ? " " : " from ");
		put(&b, w->min);
		if (w->max) {
			pt_buf_chr(&b, '-');
			put(&b, w->max);
		}
	}
	pt_buf_fmt(&b, ": %s", w->help);
	if (!b.err)
		word(w->type == PT_CLI_PATH ? "" : NULL, b.s, arg);
	pt_buf_fini(&b);
}

static void complete_value(const struct pt_cli_word *w, void (*word)(const char *w, const char *help, void *arg), void *arg)
{
	if (w->type == PT_CLI_DEVICE)
		complete_devices(word, arg);
	else if (!w->choices)
		expect_value(w, word, arg);
	for (size_t i = 0; w->choices && w->choices[i]; i++)
		word(w->choices[i], NULL, arg);
}

void cli_words_complete(const struct pt_cli *c, const struct pt_cli_grammar *g, void (*word)(const char *w, const char *help, void *arg), void *arg)
{
	const struct pt_cli_word *waits = NULL;
	const char *names[NAMES_MAX];
	uint64_t seen = 0;
	size_t n;

	for (size_t i = g->first; i < c->argc; i++) {
		const struct pt_cli_word *w = waits ? NULL : find_word(g->words, c->argv[i], names, &n);

		if (w && w->type == PT_CLI_REST)
			return;
		seen |= w ? 1ull << (w - g->words) : 0;
		waits = w && w->type != PT_CLI_FLAG ? w : NULL;
	}
	if (waits) {
		complete_value(waits, word, arg);
		return;
	}
	for (const struct pt_cli_word *w = g->words; w->name; w++)
		if (!(seen & (1ull << (w - g->words))))
			word(w->name, w->help, arg);
}

const char *cli_words_path(const struct pt_cli_grammar *g, const char *const *argv, size_t argc)
{
	const char *names[NAMES_MAX];
	size_t n;

	for (size_t i = g->first; i < argc; i++) {
		const struct pt_cli_word *w = find_word(g->words, argv[i], names, &n);

		if (!w || w->type == PT_CLI_REST)
			break;
		if (w->type == PT_CLI_PATH)
			return w->name;
		i += w->type != PT_CLI_FLAG;
	}
	return NULL;
}
