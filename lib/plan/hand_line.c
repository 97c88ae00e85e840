/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done by hand is few messages; what the kernel says of them is told with its own words. */
#include <errno.h>
#include <string.h>

#include "plan/hand.h"

static int keep_refusal(const struct pt_nl_refusal *r, void *arg)
{
	*(struct pt_nl_refusal *)arg = *r;
	return r->code;
}

int hand_line_open(struct hand_line *l, struct pt_nl *route)
{
	memset(l, 0, sizeof(*l));
	l->s = pt_nl_stream_new(route, keep_refusal, &l->refusal);
	return l->s ? 0 : -ENOMEM;
}

int hand_line_close(struct hand_line *l, int rc, const char *op, const char *what, struct pt_err *e)
{
	if (!rc)
		rc = pt_nl_stream_flush(l->s);
	pt_nl_stream_free(l->s);
	if (rc)
		pt_err_add(e, PT_ERROR, NULL, NULL, "the kernel refuses to %s %s: %s%s%s", op, what, strerror(-rc),
			   l->refusal.text[0] ? ": " : "", l->refusal.text);
	return rc;
}

int hand_no_device(const char *name, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", name);
	return -ENODEV;
}

/* ---- words ---- */

const char *const hand_ops[] = { "add", "replace", "delete" };

int hand_words_begin(struct hand_words *w, const struct pt_hand *h, const char *words, struct pt_err *e)
{
	*w = (struct hand_words){ .h = h, .words = words, .arena = pt_arena_new(), .e = e };
	return w->arena ? pt_links_read(h->route, w->arena, &w->links, e) : -ENOMEM;
}

int hand_words_end(struct hand_words *w, int rc, const char *doing)
{
	pt_arena_free(w->arena);
	return rc && w->e && !w->e->n_errors ? pt_err_sys(w->e, rc, "%s", doing) : rc;
}

const struct pt_link *hand_words_link(const struct hand_words *w, const char *name)
{
	const struct pt_link *l = pt_links_find(&w->links, name);

	if (!l)
		(void)hand_no_device(name, w->e);
	return l;
}

int hand_words_fault(const struct hand_words *w, const struct pt_conf_fault *f, const char *hint)
{
	const struct pt_loc at = { .file = "command line", .line = 1, .col = (uint32_t)f->at + 1, .len = f->len ? (uint32_t)f->len : 1 };

	pt_err_add(w->e, PT_ERROR, &at, hint, "%s", f->why);
	pt_err_source(w->e, w->words, strlen(w->words));
	return -EINVAL;
}

int hand_words_write(const struct hand_words *w, enum pt_hand_op op, const char *kind, struct pt_buf *text,
		     int (*put)(struct pt_nl_stream *s, const void *arg), const void *arg)
{
	struct pt_buf what = { 0 };
	struct hand_line line;
	int rc = text->err;

	pt_buf_fmt(&what, "%s %s", kind, text->s ? text->s : "");
	if (!rc)
		rc = what.err;
	if (!rc && !w->h->dry) {
		rc = hand_line_open(&line, w->h->route);
		if (!rc)
			rc = put(line.s, arg);
		rc = hand_line_close(&line, rc, hand_ops[op], what.s, w->e);
	}
	if (!rc)
		pt_buf_fmt(w->h->told, "%s %s\n", hand_ops[op], what.s);
	pt_buf_fini(&what);
	pt_buf_fini(text);
	return rc;
}
