/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single values of the file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ptconf.h"

struct shown {
	struct pt_out *out;
	size_t n;
	bool section, details;
};

static const char *type_name(const struct pt_edit_value *v)
{
	return v->option ? v->option->name : NULL;
}

/* A section keeps its tabs; everything else that acts on a terminal is escaped. */
static void put_text(struct pt_buf *b, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\t\n");

		pt_escape(b, s, n);
		s += n;
		if (*s)
			pt_buf_chr(b, *s++);
	}
	pt_buf_chr(b, '\n');
}

static int text(const struct shown *s, const struct pt_edit_value *v)
{
	struct pt_buf b = { 0 };
	int rc;

	if (s->section && v->option && v->loc.line)
		return 0; /* the section's text has it */
	if (s->section && v->option)
		pt_buf_fmt(&b, "# default: %s = ", v->option->name);
	put_text(&b, v->value);
	rc = b.err;
	if (!rc && fwrite(b.s, 1, b.n, stdout) != b.n)
		rc = errno == EPIPE ? 0 : -errno;
	pt_buf_fini(&b);
	return rc;
}

static int show(const struct pt_edit_value *v, void *arg)
{
	struct shown *s = arg;

	s->n++;
	if (pt_out_format(s->out) == PT_OUT_TEXT)
		return text(s, v);
	pt_out_rec(s->out);
	pt_out_str(s->out, "section", v->section->name);
	pt_out_str(s->out, "name", v->title);
	pt_out_str(s->out, "option", type_name(v));
	pt_out_str(s->out, "value", v->value);
	pt_out_bool(s->out, "default", v->option && !v->loc.line);
	pt_out_str(s->out, "file", v->loc.file);
	pt_out_u64(s->out, "line", v->loc.line);
	pt_out_u64(s->out, "column", v->loc.col);
	pt_out_rec_end(s->out);
	return pt_out_failed(s->out) == -EPIPE ? 0 : pt_out_failed(s->out);
}

static int nothing(struct pt_cli *c, const struct pt_edit_path *p)
{
	pt_err_add(&c->err, PT_ERROR, NULL, NULL, "%s does not give %s%s%s%s%s", c->file, p->section->name, p->title ? " " : "",
		   p->title ? p->title : "", p->option ? " " : "", p->option ? p->option->name : "");
	return PT_EXIT_NO;
}

int cmd_get(struct pt_cli *c)
{
	struct pt_edit what = { .op = PT_EDIT_GET, .words = c->argv, .n = c->argc };
	struct shown s = { .details = c->details };
	struct pt_edit_texts t;
	struct pt_edit_path path = { 0 };
	struct pt_edit probe = what;
	struct pt_edit_result none;
	int rc, end;

	rc = pt_edit_load_whole(c->file, &t, &c->err);
	if (rc)
		return rc == -ENOENT ? PT_EXIT_CONFIG : rc;
	probe.draft = true;
	rc = pt_edit(&t, &probe, &none, &c->err); /* reads the path, changes nothing */
	s.section = !rc && !none.path.option;
	s.out = rc ? NULL : pt_cli_out(c, PT_OUT_TEXT, "patronus.get.v1", "values");
	if (!rc && !s.out)
		rc = -ENOMEM;
	if (!rc) {
		pt_out_top_str(s.out, "file", c->file);
		rc = pt_edit_get(&t, &what, !s.section || c->details, &path, show, &s, &c->err);
		end = pt_cli_end(c, s.out);
		rc = rc ? rc : end;
	}
	if (!rc && !s.n)
		rc = nothing(c, &path);
	pt_edit_texts_fini(&t);
	return rc;
}

/* ---- completion ---- */

static int complete(struct pt_cli *c, enum pt_edit_op op, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_edit what = { .op = op, .words = c->argv, .n = n < c->argc ? n : c->argc };
	struct pt_err unseen = { 0 };
	struct pt_edit_texts t;
	int rc = pt_edit_load(c->file ? c->file : PT_CONF_PATH, &t, &unseen);

	pt_err_fini(&unseen);
	if (rc)
		rc = pt_edit_text("", "", 0, &t, &c->err); /* the words of the schema are there all the same */
	if (rc)
		return rc;
	rc = pt_edit_complete(&t, &what, word, arg);
	pt_edit_texts_fini(&t);
	return rc;
}

int complete_get(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return complete(c, PT_EDIT_GET, n, word, arg);
}

int complete_set(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return complete(c, PT_EDIT_SET, n, word, arg);
}

int complete_delete(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return complete(c, PT_EDIT_DELETE, n, word, arg);
}
