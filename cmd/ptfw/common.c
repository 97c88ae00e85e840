/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands share. */
#include <errno.h>

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

int config_exit(int rc)
{
	return rc == -ENOMEM ? PT_EXIT_SYSTEM : PT_EXIT_CONFIG;
}
