/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an apply of the file would change: the text against the revision in force, what it means for packets, and the operations
 * in the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ptconf.h"

struct operations {
	struct pt_out *out;
	size_t n;
};

/* The note of what is applied changes with every change, and says nothing. */
static void put_operation(const char *op, const char *kind, const char *name, void *arg)
{
	struct operations *p = arg;
	struct pt_buf text = { 0 };

	if (!strcmp(name, "ptfw.applied"))
		return;
	p->n++;
	pt_buf_fmt(&text, "%s %s %s", op, kind, name);
	pt_out_fail(p->out, text.err);
	pt_out_rec(p->out);
	pt_out_str(p->out, "operation", op);
	pt_out_str(p->out, "kind", kind);
	pt_out_str(p->out, "name", name);
	if (text.s)
		pt_out_text(p->out, text.s);
	pt_out_rec_end(p->out);
	pt_buf_fini(&text);
}

static void put_title(struct pt_out *o, const char *text)
{
	pt_out_rec(o);
	pt_out_text(o, text);
	pt_out_rec_end(o);
}

/* The last confirmed revision, or the one that waits; an empty one where there is none. */
static int texts_in_force(struct pt_cli *c, const char *state, struct pt_texts *out, char name[32])
{
	struct pt_window w;
	uint32_t number = pt_window_read(state, &w, NULL) || !w.revision || !pt_window_here(&w) ? pt_confirmed_read(state) : w.revision;

	memset(out, 0, sizeof(*out));
	out->name = "/dev/null";
	out->text = "";
	snprintf(name, 32, number ? "(r%u)" : "(nothing was applied yet)", number);
	return number ? pt_revision_read(state, number, out, &c->err) : 0;
}

static int print(struct pt_cli *c, const char *state, const struct pt_whole *w, bool *differs)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.diff.v1", "operations");
	struct operations ops = { .out = o };
	struct pt_texts old;
	char name[32];
	size_t lines = 0;
	int rc, end;

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", w->texts->name);
	pt_out_top_u64(o, "writes", pt_whole_writes(w));
	rc = texts_in_force(c, state, &old, name);
	if (!rc && pt_out_format(o) == PT_OUT_TEXT)
		rc = put_texts_diff(o, name, &old, "", w->texts, &lines);
	if (!rc && pt_whole_writes(w)) {
		if (pt_out_format(o) == PT_OUT_TEXT)
			put_title(o, "# packets");
		rc = put_meaning(c, o, w->nf, w->route);
	}
	if (!rc && pt_out_format(o) == PT_OUT_TEXT && pt_whole_writes(w))
		put_title(o, "# operations");
	if (!rc)
		pt_whole_walk(w, put_operation, &ops);
	pt_texts_fini(&old);
	*differs = lines || pt_whole_writes(w);
	end = pt_cli_end(c, o);
	return rc ? rc : end;
}

int cmd_diff(struct pt_cli *c)
{
	struct pt_texts t;
	struct change_session s;
	struct pt_whole w;
	bool differs = false;
	int rc = session_open(c, &s);

	if (rc)
		return rc;
	rc = texts_of_file(c, &t);
	if (!rc) {
		w = (struct pt_whole){ .nf = s.change.nf, .route = s.change.route, .texts = &t };
		rc = pt_whole_plan(&w, &c->err);
		rc = rc ? plan_exit(c, rc) : print(c, s.state, &w, &differs);
		pt_whole_fini(&w);
		pt_texts_fini(&t);
	}
	session_close(&s);
	return rc ? rc : differs ? PT_EXIT_NO : PT_EXIT_OK;
}
