/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How two configurations differ as texts: in the form that patch(1) reads, or as records. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <patronus/textdiff.h>

#include "ptconf.h"

#define CONTEXT 3

struct writer {
	struct pt_out *out;
	const char *file;
};

struct side {
	const char *file, *text; /* FILE NULL: not there */
	size_t len;
};

static void put_head(struct pt_out *o, const char *sign, const struct side *of, const char *name)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "%s %s %s", sign, of->file ? of->file : "/dev/null", of->file ? name : "");
	pt_out_fail(o, b.err);
	pt_out_rec(o);
	if (b.s)
		pt_out_text(o, b.s);
	pt_out_rec_end(o);
	pt_buf_fini(&b);
}

static int put_line(const struct pt_textdiff_line *l, void *arg)
{
	struct writer *w = arg;
	struct pt_buf text = { 0 }, plain = { 0 };
	char sign[2] = { l->sign, '\0' };

	if (l->sign == '@' && pt_out_format(w->out) != PT_OUT_TEXT)
		return 0;
	if (l->sign != '@')
		pt_buf_chr(&text, l->sign);
	pt_buf_add(&text, l->text, l->len);
	if (l->no_newline)
		pt_buf_str(&text, "\n\\ No newline at end of file");
	pt_buf_add(&plain, l->text, l->len);
	pt_out_fail(w->out, text.err ? text.err : plain.err);
	pt_out_rec(w->out);
	pt_out_str(w->out, "file", w->file);
	pt_out_str(w->out, "sign", sign);
	pt_out_u64(w->out, "old_line", l->old_line);
	pt_out_u64(w->out, "new_line", l->new_line);
	pt_out_str(w->out, "text", plain.s ? plain.s : "");
	if (text.s && l->sign != '@' && !l->no_newline && l->sign != ' ')
		pt_out_text_toned(w->out, text.s, 0, text.n, l->sign == '+' ? PT_OUT_GOOD : PT_OUT_BAD);
	else if (text.s)
		pt_out_text(w->out, text.s);
	pt_out_rec_end(w->out);
	pt_buf_fini(&text);
	pt_buf_fini(&plain);
	return 0;
}

static int count_line(const struct pt_textdiff_line *l, void *arg)
{
	(void)l;
	(void)arg;
	return 0;
}

static struct side side_of(const struct pt_texts *t, const char *file)
{
	for (size_t i = 0; i < t->more.n; i++)
		if (!strcmp(t->more.v[i].file, file))
			return (struct side){ t->more.v[i].file, t->more.v[i].text, t->more.v[i].len };
	return (struct side){ NULL, "", 0 };
}

static int put_one(struct pt_out *o, const char *old_name, const struct side *a, const char *new_name, const struct side *b,
		   size_t *lines)
{
	struct writer w = { o, b->file ? b->file : a->file };
	size_t n = 0;
	int rc = pt_textdiff(a->text, a->len, b->text, b->len, 0, count_line, NULL, &n);

	if (rc || !n)
		return rc;
	*lines += n;
	if (pt_out_format(o) == PT_OUT_TEXT) {
		put_head(o, "---", a, old_name);
		put_head(o, "+++", b, new_name);
	}
	return pt_textdiff(a->text, a->len, b->text, b->len, CONTEXT, put_line, &w, NULL);
}

int put_texts_diff(struct pt_out *o, const char *old_name, const struct pt_texts *old, const char *new_name,
		   const struct pt_texts *new, size_t *lines)
{
	struct side a = { old->name, old->text, old->len }, b = { new->name, new->text, new->len };
	int rc = put_one(o, old_name, &a, new_name, &b, lines);

	for (size_t i = 0; !rc && i < old->more.n; i++) {
		a = (struct side){ old->more.v[i].file, old->more.v[i].text, old->more.v[i].len };
		b = side_of(new, a.file);
		rc = put_one(o, old_name, &a, new_name, &b, lines);
	}
	for (size_t i = 0; !rc && i < new->more.n; i++) {
		a = side_of(old, new->more.v[i].file);
		b = (struct side){ new->more.v[i].file, new->more.v[i].text, new->more.v[i].len };
		if (!a.file)
			rc = put_one(o, old_name, &a, new_name, &b, lines);
	}
	return rc;
}

/* The file against a revision, or one revision against another. */
int cmd_compare(struct pt_cli *c)
{
	struct pt_texts old, new = { 0 };
	char state[PATH_MAX], names[2][16] = { "", "" };
	uint32_t number;
	struct pt_out *o;
	size_t lines = 0;
	int rc = state_folder(c, state), end;

	if (!rc)
		rc = texts_of_revision(c, state, c->argc ? c->argv[0] : "0", &old, &number);
	if (rc)
		return rc;
	snprintf(names[0], sizeof(names[0]), "(r%u)", number);
	if (c->argc > 1)
		rc = texts_of_revision(c, state, c->argv[1], &new, &number);
	else
		rc = texts_of_file(c, &new);
	if (!rc && c->argc > 1)
		snprintf(names[1], sizeof(names[1]), "(r%u)", number);
	o = rc ? NULL : pt_cli_out(c, PT_OUT_TEXT, "patronus.compare.v1", "lines");
	if (o) {
		rc = put_texts_diff(o, names[0], &old, names[1], &new, &lines);
		end = pt_cli_end(c, o);
		rc = rc ? rc : end;
	}
	pt_texts_fini(&old);
	pt_texts_fini(&new);
	return rc ? rc : lines ? PT_EXIT_NO : PT_EXIT_OK;
}
