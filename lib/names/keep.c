/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of answers, a line for each name and family:
 *
 *     NAME 4|6 STATE ASKED ANSWERED TTL FAILURES [ADDRESS[@UNTIL]...]
 *
 * It is written as a whole and replaced, so a power cut leaves the old or the new one. A line that somebody damaged is
 * left out: its name is asked for again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names/internal.h"

#define FORGET 2592000 /* seconds since the last question, a month: no rule has the name any more */
#define HEADER "# What names of hosts stand for: the last answers. Made by ptfw.\n"

static const char *const states[] = { "never", "ok", "none", "failed" };

/* ---- reading ---- */

static bool number(char **rest, uint64_t max, uint64_t *out)
{
	const char *word = strtok_r(NULL, " ", rest);

	return word && !pt_parse_uint(word, max, out);
}

static bool read_state(char **rest, enum pt_name_state *out)
{
	const char *word = strtok_r(NULL, " ", rest);

	for (size_t i = 0; word && i < PT_ARRAY_SIZE(states); i++)
		if (!strcmp(word, states[i])) {
			*out = (enum pt_name_state)i;
			return true;
		}
	return false;
}

static int read_address(struct pt_arena *a, char *word, enum pt_af af, struct pt_name_side *s)
{
	struct pt_name_address x = { .until = 0 };
	char *at = strchr(word, '@');

	if (at)
		*at = '\0';
	if (pt_addr_parse(word, &x.addr) || x.addr.af != af || s->addresses.n >= PT_NAME_ADDRESSES_MAX ||
	    (at && pt_parse_uint(at + 1, INT64_MAX, &x.until)))
		return -EINVAL;
	return pt_vec_push(a, &s->addresses, x);
}

/* -EINVAL: not such a line. */
static int read_side(struct pt_arena *a, char **rest, enum pt_af af, struct pt_name_side *s)
{
	uint64_t ttl, failures;
	char *word;
	int rc = 0;

	if (!read_state(rest, &s->state) || !number(rest, INT64_MAX, &s->asked) || !number(rest, INT64_MAX, &s->answered) ||
	    !number(rest, PT_NAME_TTL_MAX, &ttl) || !number(rest, UINT32_MAX, &failures))
		return -EINVAL;
	s->ttl = (uint32_t)ttl;
	s->failures = (uint32_t)failures;
	while (!rc && (word = strtok_r(NULL, " ", rest)))
		rc = read_address(a, word, af, s);
	return rc;
}

static int read_line(struct pt_names *n, char *line)
{
	struct pt_name_side side = { 0 };
	char *rest, *name = strtok_r(line, " ", &rest), *family = strtok_r(NULL, " ", &rest);
	struct pt_name *last = n->list.n ? &n->list.v[n->list.n - 1] : NULL, fresh = { 0 };
	enum pt_af af;
	int rc, order;

	if (!name || *name == '#')
		return 0;
	if (!family || (strcmp(family, "4") != 0 && strcmp(family, "6") != 0))
		return -EINVAL;
	af = *family == '6' ? PT_AF_INET6 : PT_AF_INET;
	fresh.name = pt_host_name_plain(n->arena, name);
	if (!fresh.name)
		return -ENOMEM;
	order = last ? strcmp(last->name, fresh.name) : -1;
	if (order > 0 || strlen(fresh.name) > 253)
		return -EINVAL;
	rc = read_side(n->arena, &rest, af, &side);
	if (!rc && order)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it does not look into pt_vec_grow() */
		rc = pt_vec_push(n->arena, &n->list, fresh);
	if (!rc)
		n->list.v[n->list.n - 1].side[af == PT_AF_INET6] = side;
	return rc;
}

static int read_text(struct pt_names *n, char *text, size_t *bad)
{
	char *rest, *line;
	int rc = 0;

	for (line = strtok_r(text, "\n", &rest); line && rc != -ENOMEM; line = strtok_r(NULL, "\n", &rest)) {
		rc = read_line(n, line);
		*bad += rc == -EINVAL;
	}
	return rc == -ENOMEM ? rc : 0;
}

int pt_names_load(const char *path, struct pt_names **out, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_names *n = a ? pt_arena_alloc(a, sizeof(*n)) : NULL;
	struct pt_err why = { 0 };
	char *text = NULL;
	size_t len, bad = 0;
	int rc = n ? 0 : -ENOMEM;

	*out = NULL;
	if (!rc) {
		n->arena = a;
		rc = pt_file_read(path, PT_FILE_MAX, &text, &len, &why);
		if (!rc)
			rc = read_text(n, text, &bad);
		else if (rc != -ENOENT && rc != -ENOMEM)
			pt_err_add(e, PT_WARNING, NULL, "the names are asked for anew", "%s",
				   why.list.n ? why.list.v[0].msg : "reading what names stand for");
		rc = rc == -ENOMEM ? rc : 0;
	}
	if (bad)
		pt_err_add(e, PT_WARNING, NULL, "these names are asked for anew",
			   "reading %s: %zu line%s cannot be read", path, bad, pt_plural(bad));
	pt_err_fini(&why);
	free(text);
	if (rc) {
		pt_arena_free(a);
		return pt_err_sys(e, rc, "reading %s", path);
	}
	*out = n;
	return 0;
}

/* ---- writing ---- */

static void write_side(struct pt_buf *b, const char *name, int family, const struct pt_name_side *s, uint64_t now)
{
	pt_buf_fmt(b, "%s %d %s %" PRIu64 " %" PRIu64 " %u %u", name, family ? 6 : 4, states[s->state], s->asked, s->answered,
		   s->ttl, s->failures);
	for (size_t i = 0; i < s->addresses.n; i++) {
		if (s->addresses.v[i].until && s->addresses.v[i].until <= now)
			continue;
		pt_buf_chr(b, ' ');
		pt_addr_fmt(b, s->addresses.v[i].addr);
		if (s->addresses.v[i].until)
			pt_buf_fmt(b, "@%" PRIu64, s->addresses.v[i].until);
	}
	pt_buf_chr(b, '\n');
}

static bool forgotten(const struct pt_name *x, uint64_t now)
{
	return x->side[0].asked + FORGET < now && x->side[1].asked + FORGET < now;
}

int pt_names_store(const char *path, const struct pt_names *n, uint64_t now, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	const char *slash = strrchr(path, '/');
	char *folder = slash && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;
	int rc;

	pt_buf_str(&b, HEADER);
	for (size_t i = 0; i < n->list.n; i++)
		for (int f = 0; f < 2 && !forgotten(&n->list.v[i], now); f++)
			write_side(&b, n->list.v[i].name, f, &n->list.v[i].side[f], now);
	rc = b.err;
	if (!rc && folder)
		rc = pt_folder_make(folder, e);
	if (!rc)
		rc = pt_file_write(path, b.s, b.n, 0644, e);
	free(folder);
	pt_buf_fini(&b);
	return rc;
}
