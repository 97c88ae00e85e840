/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Anchors: what other programs put among the rules, without touching the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

/* A name from the command line, before anything is asked of the kernel. */
static int path_ok(struct pt_cli *c, bool star)
{
	const char *bad = pt_anchor_path_bad(c->argv[0], star);

	if (!bad)
		return 0;
	pt_err_add(&c->err, PT_ERROR, NULL, "letters, digits, '_', '.' and '-', a letter or digit first; '/' between names",
		   "this is not the name of an anchor: %s", bad);
	return PT_EXIT_CONFIG;
}

/* ---- changes ---- */

static size_t rules_in(const struct pt_plan *p, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < p->conf->anchors.n; i++)
		if (pt_anchor_matches(path, p->conf->anchors.v[i].path))
			n += p->conf->anchors.v[i].rules.n;
	return n;
}

static void tell(struct pt_cli *c, const struct pt_plan *p, size_t writes)
{
	size_t n = rules_in(p, c->argv[0]);

	if (!writes)
		pt_cli_say(c, "anchor %s: in force already, nothing written\n", c->argv[0]);
	else if (n)
		pt_cli_say(c, "anchor %s: in force, %zu rule%s\n", c->argv[0], n, pt_plural(n));
	else
		pt_cli_say(c, "anchor %s: empty\n", c->argv[0]);
}

static int change(struct pt_cli *c, struct pt_anchor_change *what)
{
	struct sockets s;
	struct pt_plan p;
	size_t writes;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	what->path = c->argv[0];
	what->dry = c->dry;
	rc = pt_plan_anchor(s.nf, s.route, what, &p, &writes, &c->err);
	if (!rc) {
		if (c->dry)
			rc = print_plan(c, &p, s.nf);
		else
			tell(c, &p, writes);
		pt_plan_fini(&p);
	} else if (rc == -ENOENT) {
		rc = PT_EXIT_CONFIG;
	}
	sockets_close(&s);
	return rc;
}

int cmd_anchor_load(struct pt_cli *c)
{
	const char *input = c->input ? c->input : "-";
	struct pt_anchor_change what = { .file = strcmp(input, "-") ? input : "standard input" };
	char *text = NULL;
	int rc = path_ok(c, false);

	if (rc)
		return rc;
	rc = pt_file_read(input, PT_ANCHOR_SIZE_MAX, &text, &what.len, &c->err);
	if (rc)
		return rc == -ENOMEM ? rc : PT_EXIT_CONFIG;
	what.text = text;
	rc = change(c, &what);
	free(text);
	return rc;
}

int cmd_anchor_flush(struct pt_cli *c)
{
	struct pt_anchor_change what = { .file = NULL };
	int rc = path_ok(c, true);

	return rc ? rc : change(c, &what);
}

/* ---- list ---- */

static size_t asked(const struct pt_plan *p, size_t i)
{
	return p->policy->asked ? p->policy->asked[i] : 0;
}

static void show_one(struct pt_out *o, const char *path, const struct pt_conf_anchor *a, size_t places, const struct pt_loc *loc)
{
	struct pt_buf t = { 0 };

	pt_buf_fmt(&t, "%s: ", path);
	if (a)
		pt_buf_fmt(&t, "%zu rule%s", a->rules.n, pt_plural(a->rules.n));
	else
		pt_buf_str(&t, "empty");
	if (loc->line)
		pt_buf_fmt(&t, a ? ", written in %s:%u" : ", asked in %s:%u", loc->file, loc->line);
	else
		pt_buf_str(&t, ", loaded");
	if (!places)
		pt_buf_str(&t, ", not asked by any rule");
	pt_out_rec(o);
	pt_out_str(o, "anchor", path);
	pt_out_u64(o, "rules", a ? a->rules.n : 0);
	pt_out_bool(o, "loaded", a && a->loaded);
	pt_out_u64(o, "asked", places);
	pt_out_str(o, "file", loc->line ? loc->file : NULL);
	pt_out_u64(o, "line", loc->line);
	show_text(o, &t);
	pt_out_rec_end(o);
}

/* A place for which there are no rules now; each path once. */
static bool is_empty(const struct pt_plan *p, size_t at, size_t *places)
{
	const char *path = p->policy->places.v[at].path;

	*places = 0;
	for (size_t i = 0; i < p->conf->anchors.n; i++)
		if (pt_anchor_matches(path, p->conf->anchors.v[i].path))
			return false;
	for (size_t i = 0; i < p->policy->places.n; i++) {
		bool same = !strcmp(p->policy->places.v[i].path, path);

		if (same && i < at)
			return false;
		*places += same;
	}
	return true;
}

static int list(struct pt_cli *c, const struct pt_plan *p)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.anchor.v1", "anchors");
	size_t places;

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < p->conf->anchors.n; i++) {
		const struct pt_conf_anchor *a = &p->conf->anchors.v[i];

		show_one(o, a->path, a, asked(p, i), &a->loc);
	}
	for (size_t i = 0; i < p->policy->places.n; i++)
		if (is_empty(p, i, &places))
			show_one(o, p->policy->places.v[i].path, NULL, places, &p->policy->places.v[i].loc);
	return pt_cli_end(c, o);
}

static int with_applied(struct pt_cli *c, int (*use)(struct pt_cli *c, const struct pt_plan *p))
{
	struct sockets s;
	struct pt_plan p;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_plan_applied(s.nf, &p, &c->err);
	if (!rc) {
		rc = use(c, &p);
		pt_plan_fini(&p);
	}
	sockets_close(&s);
	return rc;
}

int cmd_anchor_list(struct pt_cli *c)
{
	return with_applied(c, list);
}

/* ---- show ---- */

int cmd_anchor_show(struct pt_cli *c)
{
	int rc = path_ok(c, true);

	return rc ? rc : show_anchor(c, c->argv[0]);
}

bool anchor_known(const struct pt_plan *p, const char *path)
{
	for (size_t i = 0; i < p->conf->anchors.n; i++)
		if (pt_anchor_matches(path, p->conf->anchors.v[i].path))
			return true;
	for (size_t i = 0; i < p->policy->places.n; i++)
		if (!strcmp(p->policy->places.v[i].path, path) || pt_anchor_matches(p->policy->places.v[i].path, path))
			return true;
	return false;
}

int anchor_unknown(struct pt_cli *c, const struct pt_plan *p, const char *path)
{
	struct pt_buf hint = { 0 };

	for (size_t i = 0; i < p->conf->anchors.n; i++)
		pt_buf_fmt(&hint, "%s%s", i ? ", " : "there are ", p->conf->anchors.v[i].path);
	pt_err_add(&c->err, PT_ERROR, NULL, hint.s, "there is no anchor '%s'", path);
	pt_buf_fini(&hint);
	return PT_EXIT_NO;
}

void anchor_tell_idle(struct pt_cli *c, const struct pt_plan *p, const char *pattern)
{
	for (size_t i = 0; i < p->conf->anchors.n; i++)
		if (p->conf->anchors.v[i].loaded && !asked(p, i) &&
		    (!pattern || pt_anchor_matches(pattern, p->conf->anchors.v[i].path)))
			pt_cli_say(c, "anchor %s: its rules are kept, but no rule asks them\n", p->conf->anchors.v[i].path);
}

/* ---- completion ---- */

int complete_anchor(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return n ? 0 : complete_known(c, PT_PLAN_ANCHORS, word, arg);
}
