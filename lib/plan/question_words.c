/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A packet in words, as on a command line: "in lan tcp 192.168.1.5:4000 to 1.1.1.1:443 flags S". What is wrong is shown under the
 * word.
 */
#include <errno.h>
#include <string.h>

#include "plan/question.h"

#define ENDPOINT_MAX 80 /* "[address]:service" */

struct words {
	struct asked asked;
	const char *const *v;
	size_t n, at;
	struct pt_err *e;
};

/* ---- messages ---- */

/* The words as one line, and where word number I stands in it: behind the last one where there is none. */
static void line_of(const struct words *w, size_t word, struct pt_buf *line, struct pt_loc *loc)
{
	for (size_t i = 0; i < w->n; i++) {
		pt_buf_str(line, i ? " " : "");
		if (i == word) {
			loc->col = (uint32_t)line->n + 1;
			loc->len = (uint32_t)strlen(w->v[i]);
		}
		pt_buf_str(line, w->v[i]);
	}
	if (word >= w->n)
		loc->col = (uint32_t)line->n + 2;
}

static int wrong(const struct words *w, size_t word, const char *hint, const char *what)
{
	struct pt_loc loc = { .file = "packet", .line = 1 };
	struct pt_buf line = { 0 };

	line_of(w, word, &line, &loc);
	if (word < w->n)
		pt_err_add(w->e, PT_ERROR, &loc, hint, "'%.64s': %s", w->v[word], what);
	else
		pt_err_add(w->e, PT_ERROR, &loc, hint, "%s", what);
	if (!line.err && line.s)
		pt_err_source(w->e, line.s, line.n);
	pt_buf_fini(&line);
	return -EINVAL;
}

static int set(struct words *w, enum asked_field f, const char *value, size_t word)
{
	const char *what = asked_set(&w->asked, f, value);
	struct pt_buf hint = { 0 };
	int rc;

	if (!what)
		return 0;
	if (w->asked.hint)
		pt_buf_fmt(&hint, "did you mean '%s'?", w->asked.hint);
	rc = wrong(w, word, hint.s, what);
	pt_buf_fini(&hint);
	return rc;
}

/* The next word as F; WHAT is told where there is none. */
static int take(struct words *w, enum asked_field f, const char *what)
{
	size_t word = w->at;

	if (word >= w->n)
		return wrong(w, word, NULL, what);
	w->at++;
	return set(w, f, w->v[word], word);
}

/* ---- "192.168.1.5:4000", "[fd00::1]:443", "fd00::1 port 443" ---- */

/* Cuts an address and perhaps a port out of TEXT, a copy. */
static char *cut_port(char *text, char **address)
{
	char *colon = strchr(text, ':'), *end;

	*address = text;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return NULL;
		*address = text + 1;
		*end = '\0';
		return end[1] ? end + 2 : NULL;
	}
	if (!colon || strchr(colon + 1, ':'))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int endpoint(struct words *w, enum asked_field address_field, enum asked_field port_field, const char *what)
{
	size_t word = w->at;
	char text[ENDPOINT_MAX], *address, *port;
	int rc;

	if (word >= w->n)
		return wrong(w, word, NULL, what);
	if (strlen(w->v[word]) >= sizeof(text))
		return wrong(w, word, NULL, "it is not an address");
	memcpy(text, w->v[word], strlen(w->v[word]) + 1);
	w->at++;
	port = cut_port(text, &address);
	rc = set(w, address_field, address, word);
	if (!rc && port)
		rc = set(w, port_field, port, word);
	if (rc || w->at >= w->n || strcmp(w->v[w->at], "port") != 0)
		return rc;
	w->at++;
	return take(w, port_field, "the port is missing");
}

/* ---- the rest ---- */

static int unknown(struct words *w, size_t word)
{
	const char *names[ASKED_FIELDS], *near;
	struct pt_buf hint = { 0 };
	size_t n = 0;
	int rc;

	for (; pt_question_word(n); n++)
		names[n] = pt_question_word(n);
	near = pt_nearest(w->v[word], names, n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	rc = wrong(w, word, hint.s ? hint.s : "flags, type, code, tag, tos, mac, user, group, at, state and received-on may follow here",
		   "it is not a part of a packet");
	pt_buf_fini(&hint);
	return rc;
}

/* "sat 22:30" may be two words. */
static int take_time(struct words *w)
{
	size_t word = w->at;
	struct pt_buf both = { 0 };
	int rc;

	if (word + 1 >= w->n || strchr(w->v[word], ':') || !strchr(w->v[word + 1], ':'))
		return take(w, ASKED_AT, "the time is missing");
	w->at += 2;
	pt_buf_fmt(&both, "%s %s", w->v[word], w->v[word + 1]);
	rc = both.err ? both.err : set(w, ASKED_AT, both.s, word);
	pt_buf_fini(&both);
	return rc;
}

static int option(struct words *w)
{
	size_t word = w->at++;

	for (size_t f = ASKED_WORDS; f < ASKED_FIELDS; f++)
		if (!strcmp(w->v[word], asked_setters[f].name))
			return f == ASKED_AT ? take_time(w) : take(w, (enum asked_field)f, "its value is missing");
	return unknown(w, word);
}

/* Where the word of a part stands that is wrong only together with others. */
static size_t word_of(const struct words *w, enum asked_field f)
{
	static const size_t places[] = { [ASKED_DIR] = 0, [ASKED_ON] = 1, [ASKED_AF] = 2, [ASKED_PROTO] = 2 };
	size_t i = 0;

	if (f < PT_ARRAY_SIZE(places))
		return places[f];
	while (i < w->n && strcmp(w->v[i], f == ASKED_DPORT ? "to" : asked_setters[f].name) != 0)
		i++;
	return f == ASKED_DPORT && i + 1 < w->n ? i + 1 : i;
}

static int read_all(struct words *w)
{
	enum asked_field f;
	const char *what;
	int rc;

	rc = take(w, ASKED_DIR, "the direction is missing: in or out");
	if (!rc)
		rc = take(w, ASKED_ON, "the interface is missing");
	if (!rc)
		rc = take(w, ASKED_PROTO, "the protocol is missing");
	if (!rc && w->at < w->n && !strcmp(w->v[w->at], "from"))
		w->at++;
	if (!rc)
		rc = endpoint(w, ASKED_SRC, ASKED_SPORT, "the address that it comes from is missing");
	if (!rc && (w->at >= w->n || strcmp(w->v[w->at], "to") != 0))
		rc = wrong(w, w->at, NULL, "'to' and the address that it goes to are expected here");
	w->at++;
	if (!rc)
		rc = endpoint(w, ASKED_DST, ASKED_DPORT, "the address that it goes to is missing");
	while (!rc && w->at < w->n)
		rc = option(w);
	if (rc)
		return rc;
	what = asked_end(&w->asked, &f);
	return what ? wrong(w, word_of(w, f), NULL, what) : 0;
}

int pt_question_words(const struct pt_world *world, const char *const *words, size_t n, uint64_t now, struct pt_question *q,
		      struct pt_err *e)
{
	struct words w = { .v = words, .n = n, .e = e };

	asked_begin(&w.asked, world, now, q);
	return read_all(&w);
}
