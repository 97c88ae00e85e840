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
static int load_copy(struct pt_plan *p, struct pt_err *e)
{
	char *text = NULL;
	size_t len = 0;
	int rc;

	rc = plan_store_read(p->have->digest, &text, &len, e);
	if (rc) {
		pt_err_add(e, PT_ERROR, NULL, "apply the file again",
			   "the copy of the applied file %s cannot be read", p->have->path);
		return rc;
	}
	rc = pt_policy_parse(p->have->path, text, len, &p->conf, &p->policy, e);
	free(text);
	return rc;
}

int pt_plan_applied(struct pt_nl *nf, struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	rc = pt_nft_read_for(nf, NULL, &p->have, e);
	if (!rc && !p->have->digest[0])
		rc = nothing_applied(p->have, e);
	if (!rc)
		rc = load_copy(p, e);
	if (rc)
		pt_plan_fini(p);
	else
		memcpy(p->digest, p->have->digest, sizeof(p->digest));
	return rc;
}
