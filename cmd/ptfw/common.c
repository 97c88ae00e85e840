/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands share. */
#include <errno.h>
#include <string.h>

#include "ptfw.h"

int sockets_open(struct sockets *s, struct pt_err *e)
{
	int rc;

	s->nf = s->route = NULL;
	rc = pt_nl_open(&s->nf, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&s->route, NETLINK_ROUTE, e);
	if (rc)
		sockets_close(s);
	return rc;
}

void sockets_close(struct sockets *s)
{
	pt_nl_close(s->nf);
	pt_nl_close(s->route);
	s->nf = s->route = NULL;
}

int applied_or_none(struct pt_nl *nf, struct pt_plan *p, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc = pt_plan_applied(nf, p, &why);

	pt_err_fini(&why);
	if (!rc)
		return 0;
	memset(p, 0, sizeof(*p));
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the applied file") : 0;
}

int not_there(struct pt_cli *c, struct pt_nl *nf, int rc)
{
	struct pt_err why = { 0 };
	struct pt_plan p;

	if (rc != -ENOENT)
		return rc;
	rc = pt_plan_applied(nf, &p, &why);
	if (!rc) {
		pt_plan_fini(&p);
		pt_err_fini(&why);
		return PT_EXIT_NO;
	}
	pt_err_fini(&c->err);
	c->err = why;
	return rc;
}

void show_text(struct pt_out *o, struct pt_buf *text)
{
	pt_out_fail(o, text->err);
	if (text->s)
		pt_out_text(o, text->s);
	pt_buf_fini(text);
}

void show_key(struct pt_out *o, const char *key, struct pt_buf *text)
{
	pt_out_fail(o, text->err);
	pt_out_str(o, key, text->s);
	pt_buf_fini(text);
}

int complete_known(struct pt_cli *c, enum pt_plan_kind kind, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_nl *nf;
	int rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);

	if (rc)
		return rc;
	rc = pt_plan_offer(nf, kind, word, arg, &c->err);
	pt_nl_close(nf);
	return rc;
}

int complete_label(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return n ? 0 : complete_known(c, PT_PLAN_RULES, word, arg);
}

int complete_translation(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return n ? 0 : complete_known(c, PT_PLAN_TRANSLATIONS, word, arg);
}
