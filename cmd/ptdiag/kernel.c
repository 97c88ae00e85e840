/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions to the kernel, for commands that look at all of it: as much as the caller may ask. */
#include <unistd.h>

#include "ptdiag.h"

int diag_kernel(struct pt_cli *c, struct pt_nl **nf, struct pt_nl **route)
{
	int rc = pt_nl_open(route, NETLINK_ROUTE, &c->err);

	*nf = NULL;
	/* Without it, what needs rules says that it needs more. */
	if (!rc && !geteuid())
		rc = pt_nl_open(nf, NETLINK_NETFILTER, &c->err);
	return rc;
}
