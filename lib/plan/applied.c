/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration in force, found again from the kernel's table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

static int nothing_applied(const struct pt_nft_state *have, struct pt_err *e)
{
	if (!have->present)
		pt_err_add(e, PT_ERROR, NULL, "load rules with `ptfw apply`",
			   "no rules of Patronus are in the kernel");
	else
		pt_err_add(e, PT_ERROR, NULL, "load rules with `ptfw apply`",
			   "the firewall is stopped: no file is in force");
	return -ENOENT;
}

/* The copy under the name of the file it was read from, so that places are the author's. */
int plan_copy_parse(const struct pt_nft_state *have, struct pt_conf **conf, struct pt_policy **policy, struct pt_err *e)
{
	struct pt_conf_more more;
	struct plan_texts t;
	int rc;

	rc = plan_store_read(have->digest, &t, e);
	if (rc)
		return rc;
	more = (struct pt_conf_more){ .v = t.more.v, .n = t.more.n };
	rc = pt_policy_parse_more(have->path, t.text, t.len, &more, conf, policy, e);
	plan_texts_fini(&t);
	return rc;
}

/* -ERESTART: the copy was dropped, since something else came in force meanwhile. */
static int applied_once(struct pt_nl *nf, struct pt_plan *p, bool last, struct pt_err *e)
{
	struct pt_nft_state *now = NULL;
	struct pt_err why = { 0 };
	bool moved = false;
	int rc;

	rc = pt_nft_read_for(nf, NULL, &p->have, e);
	if (!rc && !p->have->digest[0])
		rc = nothing_applied(p->have, e);
	if (rc)
		return rc;
	rc = plan_copy_parse(p->have, &p->conf, &p->policy, last ? e : &why);
	if (rc && !last && !pt_nft_read_applied(nf, &now, &why))
		moved = strcmp(now->digest, p->have->digest) != 0;
	pt_nft_state_free(now);
	pt_err_fini(&why);
	if (rc && !last)
		return moved ? -ERESTART : applied_once(nf, p, true, e);
	if (rc)
		pt_err_add(e, PT_ERROR, NULL, "apply the file again", "the copy of the applied file %s cannot be read",
			   p->have->path);
	return rc;
}

int pt_plan_applied(struct pt_nl *nf, struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	do {
		pt_plan_fini(p);
		rc = applied_once(nf, p, false, e);
	} while (rc == -ERESTART);
	if (rc)
		pt_plan_fini(p);
	else
		memcpy(p->digest, p->have->digest, sizeof(p->digest));
	return rc;
}
