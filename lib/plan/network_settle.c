/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As near to what is wanted as the kernel lets it come. An apply ends at the first refusal; whoever watches over the interfaces, and
 * whoever puts back what was before, goes on: the rest is wanted all the same, also what would have waited for the thing refused.
 */
#include <string.h>

#include "plan/network.h"

#define ROUNDS 64 /* a link on a link on a link: each may need one */

static void tell(const struct difference *d, const struct network_refusal *r, network_refused refused, void *arg)
{
	struct pt_err why = { 0 };

	if (!r->happened || !refused)
		return;
	(void)network_tell_refusal(d, r, r->why.code, &why);
	refused(&why, arg);
	pt_err_fini(&why);
}

int network_settle(const struct network *want, struct pt_nl *route, struct difference *first, struct difference *last,
		   network_refused refused, void *arg, struct pt_err *e)
{
	size_t left = network_difference_size(first), before, writes = 0;
	bool all = false; /* what something waits for does not come */
	int rc = 0;

	memset(last, 0, sizeof(*last));
	for (size_t round = 0; !rc && left && round < ROUNDS; round++) {
		struct difference *d = round ? last : first;
		struct network_refusal r = { .goes_on = true, .all = all };

		rc = network_write_round(d, want, route, &r, &writes, e);
		if (!rc)
			tell(d, &r, refused, arg);
		network_difference_fini(last);
		if (!rc)
			rc = network_difference_find(last, want, route, e);
		before = left;
		left = rc ? 0 : network_difference_size(last);
		if (left >= before && all)
			break;
		all = all || left >= before;
	}
	return rc;
}
