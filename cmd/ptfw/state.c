/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's states, with the rules that made them: shown, counted, ended. */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

/* ---- show ---- */

struct showing {
	struct states st;
	struct state_view view;
};

/* Where nobody reads any more, nothing more is asked for. */
static int show_matching(const struct pt_ct_entry *ct, void *arg)
{
	struct showing *s = arg;

	if (!pt_ct_match(&s->st.f, ct))
		return 0;
	(void)show_state(ct, &s->view);
	return pt_out_failed(s->view.o);
}

int cmd_state_show(struct pt_cli *c)
{
	struct showing s = { 0 };
	int rc;

	rc = states_begin(c, &s.st, NULL, NULL);
	if (!rc)
		rc = state_view_begin(&s.view, c, s.st.p.policy);
	if (!rc) {
		pt_nl_last(s.st.s.nf);
		rc = pt_ct_dump(s.st.s.nf, show_matching, &s, &c->err);
		if (rc == pt_out_failed(s.view.o)) /* the end of the view tells that */
			rc = 0;
	}
	rc = state_view_end(&s.view, rc);
	states_end(&s.st);
	return rc;
}

/* ---- count ---- */

struct counting {
	struct states st;
	uint64_t matching, states, limit;
};

static int count_matching(const struct pt_ct_entry *ct, void *arg)
{
	struct counting *n = arg;

	n->matching += pt_ct_match(&n->st.f, ct);
	return 0;
}

static int print_count(struct pt_cli *c, const struct counting *n, bool filtered)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.state-count.v1", "count");
	struct pt_buf text = { 0 };

	if (!o)
		return -ENOMEM;
	if (filtered)
		pt_buf_fmt(&text, "%llu match, of ", (unsigned long long)n->matching);
	pt_buf_fmt(&text, "%llu of %llu", (unsigned long long)n->states, (unsigned long long)n->limit);
	pt_out_rec(o);
	if (filtered)
		pt_out_u64(o, "matching", n->matching);
	pt_out_u64(o, "states", n->states);
	pt_out_u64(o, "limit", n->limit);
	show_text(o, &text);
	pt_out_rec_end(o);
	return pt_cli_end(c, o);
}

int cmd_state_count(struct pt_cli *c)
{
	struct counting n = { 0 };
	bool filtered;
	int rc;

	rc = states_begin(c, &n.st, NULL, NULL);
	filtered = !pt_ct_filter_empty(&n.st.f);
	if (!rc)
		rc = pt_ct_count(n.st.s.nf, &n.states, &n.limit, &c->err);
	if (!rc && filtered)
		rc = pt_ct_dump(n.st.s.nf, count_matching, &n, &c->err);
	if (!rc)
		rc = print_count(c, &n, filtered);
	states_end(&n.st);
	return rc;
}

/* ---- kill ---- */

struct doomed {
	struct states st;
	PT_VEC(struct pt_ct_entry) list;
};

/* Deleting while a dump is under way disturbs it: collect first. */
static int doom(const struct pt_ct_entry *ct, void *arg)
{
	struct doomed *d = arg;

	return pt_ct_match(&d->st.f, ct) ? pt_vec_push(NULL, &d->list, *ct) : 0;
}

int cmd_state_kill(struct pt_cli *c)
{
	struct doomed d = { 0 };
	size_t killed = 0;
	int rc, one;

	rc = states_begin(c, &d.st, NULL, NULL);
	if (!rc)
		rc = pt_ct_dump(d.st.s.nf, doom, &d, &c->err);
	for (size_t i = 0; !rc && i < d.list.n; i++) {
		one = pt_ct_delete(d.st.s.nf, &d.list.v[i]);
		if (!one)
			killed++;
		else if (one != -ENOENT) /* it ended by itself meanwhile */
			rc = pt_err_sys(&c->err, one, "ending a state");
	}
	if (!rc || killed)
		pt_cli_say(c, "%zu state%s ended\n", killed, pt_plural(killed));
	free(d.list.v);
	states_end(&d.st);
	return rc;
}
