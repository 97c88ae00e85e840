/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of single values, which leave the rest of the file as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <patronus/subsystem.h>

#include "ptconf.h"

/* Whole lines of TEXT that hold the LEN bytes from FROM on, each behind SIGN. */
static void put_lines(struct pt_buf *b, const char *text, size_t size, size_t from, size_t len, char sign)
{
	size_t to = from + len;

	while (from && text[from - 1] != '\n')
		from--;
	while (to < size && (to == from || text[to - 1] != '\n'))
		to++;
	while (from < to) {
		const char *nl = memchr(text + from, '\n', to - from);
		size_t n = nl ? (size_t)(nl - text) - from : to - from;

		pt_buf_chr(b, sign);
		pt_escape_line(b, text + from, n - (n && text[from + n - 1] == '\r'));
		pt_buf_chr(b, '\n');
		from += n + 1;
	}
}

/* The lines that go and those that come. Where whole lines come or go, none of the others is shown. */
static int show_change(const struct pt_conf_source *old, const struct pt_edit_result *r)
{
	bool begins = !r->from || old->text[r->from - 1] == '\n';
	bool whole = begins && (!r->old_len || old->text[r->from + r->old_len - 1] == '\n') &&
		     (!r->new_len || r->text[r->from + r->new_len - 1] == '\n');
	struct pt_buf b = { 0 };
	int rc;

	if (r->old_len || !whole)
		put_lines(&b, old->text, old->len, r->from, r->old_len, '-');
	if (r->new_len || !whole)
		put_lines(&b, r->text, r->len, r->from, r->new_len, '+');
	rc = b.err;
	if (!rc && b.s)
		fputs(b.s, stdout);
	pt_buf_fini(&b);
	return rc;
}

static uint32_t line_of(const struct pt_edit_result *r)
{
	uint32_t line = 1;

	for (size_t i = 0; i < r->from; i++)
		line += r->text[i] == '\n';
	return line;
}

static int tell(struct pt_cli *c, const struct pt_conf_source *old, const struct pt_edit_result *r)
{
	struct pt_out *o;

	if (c->json) {
		o = pt_cli_out(c, PT_OUT_JSON, "patronus.edit.v1", "changes");
		if (!o)
			return -ENOMEM;
		pt_out_top_str(o, "file", c->file);
		pt_out_top(o);
		pt_out_bool(o, "changed", r->changed);
		pt_out_bool(o, "written", r->changed && !c->dry);
		pt_out_top_end(o);
		if (r->changed) {
			pt_out_rec(o);
			pt_out_str(o, "file", old->file);
			pt_out_u64(o, "line", line_of(r));
			pt_out_u64(o, "offset", r->from);
			pt_out_u64(o, "removed", r->old_len);
			pt_out_u64(o, "added", r->new_len);
			pt_out_rec_end(o);
		}
		return pt_cli_end(c, o);
	}
	if (!r->changed)
		pt_cli_say(c, "%s says that already\n", c->file);
	else if ((c->dry || c->verbose) && !c->quiet)
		return show_change(old, r);
	return 0;
}

static int change(struct pt_cli *c, enum pt_edit_op op)
{
	struct pt_edit what = { .op = op, .words = c->argv, .n = c->argc, .check = pt_whole_judge };
	struct file_lock lock = { .fd = -1 };
	struct pt_edit_result r = { 0 };
	struct pt_edit_texts t = { 0 };
	int rc = 0;

	if (!strcmp(c->file, "-"))
		return pt_cli_usage(c, "standard input cannot be changed: name a file with -f");
	if (!c->dry)
		rc = file_lock_take(&lock, c, op == PT_EDIT_SET ? "ptconf set" : "ptconf delete");
	if (!rc)
		rc = pt_edit_load_whole(c->file, &t, &c->err); /* "not there" must be true */
	if (rc) {
		file_lock_release(&lock);
		return rc == -ENOENT ? PT_EXIT_CONFIG : rc;
	}
	rc = pt_edit(&t, &what, &r, &c->err);
	if (rc == -ENOENT)
		rc = PT_EXIT_NO;
	if (!rc && !c->dry)
		rc = pt_edit_write(&t, &r, &c->err);
	if (!rc)
		rc = tell(c, &t.v.v[r.source], &r);
	pt_edit_texts_fini(&t);
	file_lock_release(&lock);
	return rc;
}

int cmd_set(struct pt_cli *c)
{
	return change(c, PT_EDIT_SET);
}

int cmd_delete(struct pt_cli *c)
{
	return change(c, PT_EDIT_DELETE);
}
