/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a change does to the contents of tables, for people: "<blocklist> 192.0.2.1, 2001:db8::/32". The
 * kernel's operations come one a message, and one a family; here they are told together.
 */
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

#define NAMED 4 /* so many ranges are told in words, more are counted */

struct contents {
	void (*tell)(const char *op, struct pt_buf *text, void *arg);
	void *arg;
	const char *op; /* of what is held back */
	char table[64];
	size_t n; /* ranges */
	struct pt_buf words;
};

static void flush(struct contents *t)
{
	struct pt_buf text = { .err = t->words.err };

	if (!t->n)
		return;
	if (t->n > NAMED || !t->words.n)
		pt_buf_fmt(&text, "<%s> %zu range%s", t->table, t->n, pt_plural(t->n));
	else
		pt_buf_fmt(&text, "<%s> %s", t->table, t->words.s);
	t->tell(t->op, &text, t->arg);
	pt_buf_fini(&text);
	t->words.n = t->n = 0;
}

/* WORDS name ranges, or say how many "elements" they are. */
static void take(struct contents *t, const char *words)
{
	if (strstr(words, " elements")) {
		t->n += strtoull(words, NULL, 10);
		t->words.n = 0;
		return;
	}
	t->n++;
	for (const char *comma = words; (comma = strchr(comma, ',')); comma++)
		t->n++;
	if (t->n <= NAMED)
		pt_buf_fmt(&t->words, "%s%s", t->words.n ? ", " : "", words);
}

bool contents_of_table(const char *kind, const char *name)
{
	const char *colon = strstr(name, ": ");

	return !strcmp(kind, "element") && !strncmp(name, "t.", 2) && colon && colon - name > 4;
}

/* NAME is "t.TABLE.4: WORDS". */
static void contents_add(const char *op, const char *kind, const char *name, void *arg)
{
	struct contents *t = arg;
	const char *colon = strstr(name, ": ");
	size_t n;

	if (!contents_of_table(kind, name))
		return;
	n = (size_t)(colon - name) - 4;
	if (n >= sizeof(t->table))
		return;
	if (t->n && (strcmp(op, t->op) != 0 || strlen(t->table) != n || memcmp(t->table, name + 2, n) != 0))
		flush(t);
	t->op = op;
	memcpy(t->table, name + 2, n);
	t->table[n] = '\0';
	take(t, colon + 2);
}

void contents_walk(const struct pt_plan *p, void (*tell)(const char *op, struct pt_buf *text, void *arg), void *arg)
{
	struct contents t = { .tell = tell, .arg = arg };

	pt_plan_walk(p, contents_add, &t);
	flush(&t);
	pt_buf_fini(&t.words);
}
