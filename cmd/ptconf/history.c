/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was in force: the list, one revision, and how two differ. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ptconf.h"

static int read_history(struct pt_cli *c, char *state, struct pt_history **out)
{
	struct pt_window w;
	int rc = state_folder(c, state);

	if (rc)
		return rc;
	if (pt_window_read(state, &w, NULL))
		w.revision = 0;
	return pt_history_read(state, w.revision, out, &c->err);
}

static void put_revision(struct pt_out *o, const struct pt_revision *r)
{
	struct pt_buf who = { 0 };
	char name[16], when[32];

	snprintf(name, sizeof(name), "r%u", r->number);
	describe_time(r->time, when);
	if (r->author.user[0])
		pt_author_fmt(&who, &r->author);
	pt_out_fail(o, who.err);
	pt_out_rec(o);
	if (r->back >= 0)
		pt_out_u64(o, "back", (uint64_t)r->back);
	else
		pt_out_null(o, "back");
	pt_out_str(o, "revision", name);
	pt_out_str(o, "time", when);
	pt_out_str(o, "author", who.s);
	pt_out_str(o, "state", pt_revision_state_name(r->state));
	pt_out_str(o, "by", *r->by ? r->by : NULL);
	pt_out_str(o, "comment", *r->comment ? r->comment : NULL);
	if (pt_out_format(o) != PT_OUT_TABLE) {
		pt_out_u64(o, "number", r->number);
		pt_out_str(o, "source", r->source);
		pt_out_u64(o, "window", r->window);
		pt_out_bool(o, "strict", r->strict);
		pt_out_str(o, "sha256", r->digest);
		pt_out_str(o, "why", *r->why ? r->why : NULL);
		pt_out_u64(o, "ended", r->ended);
		pt_out_str(o, "problem", r->problem);
	}
	pt_out_rec_end(o);
	pt_buf_fini(&who);
}

int cmd_history(struct pt_cli *c)
{
	struct pt_history *h = NULL;
	char state[PATH_MAX];
	struct pt_out *o;
	int rc = read_history(c, state, &h);

	if (rc)
		return rc;
	o = pt_cli_out(c, PT_OUT_TABLE, "patronus.history.v1", "revisions");
	if (o)
		pt_out_top_u64(o, "confirmed", h->confirmed);
	for (size_t i = h->list.n; o && i-- > 0;) /* the last one first */
		put_revision(o, &h->list.v[i]);
	for (size_t i = 0; i < h->list.n; i++)
		if (h->list.v[i].state == PT_REVISION_DAMAGED)
			pt_err_add(&c->err, PT_WARNING, NULL, "it does not count", "%s", h->list.v[i].problem);
	rc = o ? pt_cli_end(c, o) : -ENOMEM;
	pt_history_free(h);
	return rc;
}

int complete_revision(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_history *h = NULL;
	char state[PATH_MAX], name[16];
	int rc;

	(void)n;
	rc = read_history(c, state, &h);
	for (size_t i = 0; !rc && i < h->list.n; i++) {
		snprintf(name, sizeof(name), "r%u", h->list.v[i].number);
		word(name, arg);
	}
	pt_history_free(h);
	return 0;
}

/* ---- show ---- */

static void put_source(struct pt_out *o, const char *file, const char *text, size_t len, bool alone)
{
	struct pt_buf b = { 0 };

	if (!alone)
		pt_buf_fmt(&b, "# %s\n", file);
	pt_buf_add(&b, text, len && text[len - 1] == '\n' ? len - 1 : len);
	pt_out_fail(o, b.err);
	pt_out_rec(o);
	pt_out_str(o, "file", file);
	pt_out_str(o, "text", text);
	if (b.s)
		pt_out_text(o, b.s);
	pt_out_rec_end(o);
	pt_buf_fini(&b);
}

int cmd_show(struct pt_cli *c)
{
	char state[PATH_MAX];
	struct pt_texts t;
	struct pt_out *o;
	uint32_t number;
	int rc = state_folder(c, state);

	if (!rc)
		rc = texts_of_revision(c, state, c->argc ? c->argv[0] : "0", &t, &number);
	if (rc)
		return rc;
	o = pt_cli_out(c, PT_OUT_TEXT, "patronus.revision.v1", "files");
	if (o) {
		pt_out_top_u64(o, "number", number);
		put_source(o, t.name, t.text, t.len, !t.more.n);
		for (size_t i = 0; i < t.more.n; i++)
			put_source(o, t.more.v[i].file, t.more.v[i].text, t.more.v[i].len, false);
	}
	rc = o ? pt_cli_end(c, o) : -ENOMEM;
	pt_texts_fini(&t);
	return rc;
}
