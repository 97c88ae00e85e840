/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is wrong with rules that are correct: each finding with its line, and with its proof. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <patronus/lint.h>

#include "ptfw.h"

#define LINE_SHOWN 100 /* columns of a source line that are shown */

/* ---- the line of a finding ---- */

/* Where the line of the finding before was: findings are in the order of the file. */
struct reader {
	const struct pt_conf_source *source;
	const char *at;
	uint32_t line;
};

static const struct pt_conf_source *source_of(const struct pt_conf *c, const char *file)
{
	for (size_t i = 0; file && i < c->sources.n; i++)
		if (!strcmp(c->sources.v[i].file, file))
			return &c->sources.v[i];
	return NULL;
}

static const char *line_of(struct reader *r, const struct pt_conf *c, const struct pt_loc *loc, size_t *len)
{
	const struct pt_conf_source *s = source_of(c, loc->file);
	const char *end;

	if (!s || !loc->line)
		return NULL;
	if (s != r->source || r->line > loc->line)
		*r = (struct reader){ s, s->text, 1 };
	end = s->text + s->len;
	for (; r->line < loc->line; r->line++) {
		const char *next = memchr(r->at, '\n', (size_t)(end - r->at));

		if (!next)
			return NULL;
		r->at = next + 1;
	}
	*len = (size_t)(end - r->at);
	end = memchr(r->at, '\n', *len);
	*len = end ? (size_t)(end - r->at) : *len;
	return r->at;
}

/* Columns that the N bytes at S take. */
static size_t width_of(const char *s, size_t n)
{
	struct pt_buf b = { 0 };
	size_t width = 0;

	pt_escape(&b, s, n);
	for (size_t i = 0; i < b.n; i++)
		width += ((unsigned char)b.s[i] & 0xc0) != 0x80;
	pt_buf_fini(&b);
	return width;
}

/* The part around the place, and a caret below it. */
static void show_line(struct pt_out *o, struct reader *r, const struct pt_conf *c, const struct pt_loc *loc)
{
	size_t len, from = 0, shown, col = loc->col ? loc->col - 1 : 0;
	const char *line = line_of(r, c, loc, &len);
	struct pt_buf flat = { 0 }, t = { 0 };

	if (!line || col > len)
		return;
	pt_buf_add(&flat, line, len);
	for (size_t i = 0; !flat.err && i < flat.n; i++)
		flat.s[i] = flat.s[i] == '\t' ? ' ' : flat.s[i];
	if (flat.err || !flat.s) {
		pt_out_fail(o, flat.err);
		pt_buf_fini(&flat);
		return;
	}
	if (col > LINE_SHOWN - 20)
		from = col - (LINE_SHOWN - 40); /* a long line: the part around the place */
	while (from < col && flat.s[from] == ' ')
		from++;
	while (from && ((unsigned char)flat.s[from] & 0xc0) == 0x80)
		from--;
	shown = len - from > LINE_SHOWN ? LINE_SHOWN : len - from;
	while (from + shown < len && shown && ((unsigned char)flat.s[from + shown] & 0xc0) == 0x80)
		shown--;
	pt_buf_str(&t, "    ");
	pt_buf_add(&t, flat.s + from, shown);
	pt_buf_fmt(&t, "\n%*s^", (int)(4 + width_of(flat.s + from, col - from)), "");
	for (size_t i = 1; i < loc->len && col + i < from + shown; i++)
		pt_buf_chr(&t, '~');
	show_text(o, &t);
	pt_buf_fini(&flat);
}

/* ---- for people ---- */

static void put_place(struct pt_buf *b, const struct pt_loc *loc)
{
	if (loc->line)
		pt_buf_fmt(b, "%s:%u", loc->file, loc->line);
	else
		pt_buf_str(b, "built in");
}

static void say(struct pt_out *o, struct reader *r, const struct pt_policy *p, const struct pt_finding *f)
{
	const char *severity = pt_lint_sev_name(f->sev);
	struct pt_buf t = { 0 };
	size_t from;

	put_place(&t, &f->loc);
	pt_buf_fmt(&t, ":%u: ", f->loc.col);
	from = t.n;
	pt_buf_fmt(&t, "%s: %s: %s", severity, pt_lint_code_name(f->code), f->message);
	pt_out_fail(o, t.err);
	if (t.s)
		pt_out_text_toned(o, t.s, from, strlen(severity), f->sev == PT_LINT_ERROR ? PT_OUT_BAD : PT_OUT_NOTE);
	show_line(o, r, p->conf, &f->loc);
	t.n = 0;
	for (size_t i = 0; i < f->n_by; i++) {
		pt_buf_fmt(&t, "%s    by ", t.n ? "\n" : "");
		put_place(&t, &f->by[i]->loc);
		pt_buf_fmt(&t, "  %s", f->by[i]->text);
	}
	if (f->more_by)
		pt_buf_fmt(&t, "\n    and by %zu more", f->more_by);
	for (size_t i = 0; i < PT_ARRAY_SIZE(f->witness); i++)
		if (f->witness[i])
			pt_buf_fmt(&t, "%s    %s %s", t.n ? "\n" : "", i ? "but not" : "such as", f->witness[i]);
	if (t.n)
		show_text(o, &t);
	else
		pt_buf_fini(&t);
}

/* ---- for programs ---- */

static void put_rule(struct pt_out *o, const char *key, const struct pt_pol_rule *r)
{
	pt_out_obj(o, key);
	pt_out_str(o, "name", r->name);
	pt_out_u64(o, "id", r->id);
	pt_out_str(o, "text", r->text);
	pt_out_str(o, "anchor", r->anchor);
	pt_out_str(o, "file", r->loc.line ? r->loc.file : NULL);
	pt_out_u64(o, "line", r->loc.line);
	pt_out_obj_end(o);
}

static void put(struct pt_out *o, struct reader *r, const struct pt_policy *p, const struct pt_finding *f)
{
	pt_out_rec(o);
	if (pt_out_format(o) == PT_OUT_TEXT)
		say(o, r, p, f);
	pt_out_str(o, "code", pt_lint_code_name(f->code));
	pt_out_str(o, "severity", pt_lint_sev_name(f->sev));
	pt_out_str(o, "message", f->message);
	pt_out_str(o, "file", f->loc.file);
	pt_out_u64(o, "line", f->loc.line);
	pt_out_u64(o, "column", f->loc.col);
	if (f->rule)
		put_rule(o, "rule", f->rule);
	else
		pt_out_null(o, "rule");
	pt_out_arr(o, "by");
	for (size_t i = 0; i < f->n_by; i++)
		put_rule(o, NULL, f->by[i]);
	pt_out_arr_end(o);
	pt_out_u64(o, "more_by", f->more_by);
	pt_out_arr(o, "witness");
	for (size_t i = 0; i < PT_ARRAY_SIZE(f->witness); i++)
		if (f->witness[i])
			pt_out_item(o, f->witness[i]);
	pt_out_arr_end(o);
	pt_out_rec_end(o);
}

/* ---- the command ---- */

static int show(struct pt_cli *c, const struct pt_policy *p, const struct pt_lint *l)
{
	struct reader r = { 0 };
	size_t count[3] = { 0 };
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.lint.v1", "findings");
	int rc;

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < l->v.n; i++)
		count[l->v.v[i].sev]++;
	pt_out_top_str(o, "file", p->conf->path);
	pt_out_top_u64(o, "errors", count[PT_LINT_ERROR]);
	pt_out_top_u64(o, "warnings", count[PT_LINT_WARNING]);
	pt_out_top_u64(o, "notes", count[PT_LINT_NOTE]);
	for (size_t i = 0; i < l->v.n; i++)
		put(o, &r, p, &l->v.v[i]);
	rc = pt_cli_end(c, o);
	if (rc)
		return rc;
	return count[PT_LINT_ERROR] + count[PT_LINT_WARNING] ? PT_EXIT_NO : PT_EXIT_OK;
}

static int look(struct pt_cli *c, const struct pt_world *w)
{
	struct pt_lint_outside outside = { 0 };
	struct pt_lint l;
	int rc = pt_lint_init(&l);

	if (rc)
		return pt_err_sys(&c->err, rc, "looking the rules over");
	rc = pt_lint_outside(w, l.arena, &outside);
	if (rc) {
		rc = pt_err_sys(&c->err, rc, "looking for devices that face the internet");
	} else {
		struct pt_lint_input in = { .policy = w->policy, .host = w->host, .eval = w->eval, .outside = outside.v,
					    .n_outside = outside.n, .now = (uint64_t)time(NULL), .details = c->details };

		rc = pt_lint_policy(&l, &in, &c->err);
	}
	if (!rc)
		rc = pt_lint_forwards(&l, w, &c->err);
	if (!rc)
		rc = pt_lint_end(&l, w->policy, &c->err);
	if (!rc)
		rc = show(c, w->policy, &l);
	pt_lint_fini(&l);
	return rc;
}

int cmd_lint(struct pt_cli *c)
{
	struct pt_explainer *x = NULL;
	struct sockets s;
	int rc = sockets_open(&s, &c->err);

	if (rc)
		return rc;
	rc = pt_explainer_new(c->file, s.nf, s.route, &x, &c->err);
	if (!rc)
		rc = look(c, pt_explainer_world(x));
	else if (rc == -ENOENT)
		rc = PT_EXIT_CONFIG; /* as for check */
	pt_explainer_free(x);
	sockets_close(&s);
	return rc;
}
