/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses that the file gives to interfaces. */
#include <string.h>

#include "plan/network.h"

int network_want_addresses(const struct pt_conf *c, struct pt_arena *a, struct pt_addresses *out)
{
	int rc = 0;

	*out = (struct pt_addresses){ .arena = a };
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct pt_conf_if *f = &c->interfaces.v[i];
		size_t n = strnlen(f->device, PT_LINK_NAME - 1);

		for (size_t k = 0; !rc && k < f->addresses.n; k++) {
			struct pt_address w = { .prefix = f->addresses.v[k], .loc = &f->loc };

			memcpy(w.device, f->device, n);
			rc = pt_vec_push(a, &out->v, w);
		}
	}
	return rc;
}

int network_keep_addresses(const struct pt_addresses *have, struct pt_arena *a, struct pt_addresses *out)
{
	int rc = 0;

	*out = (struct pt_addresses){ .arena = a };
	for (size_t i = 0; !rc && i < have->v.n; i++)
		if (have->v.v[i].protocol == PT_NET_PROTOCOL) {
			rc = pt_vec_push(a, &out->v, have->v.v[i]);
			/* 0 would be for ever. */
			if (!rc && !out->v.v[out->v.n - 1].valid)
				out->v.v[out->v.n - 1].valid = 1;
		}
	return rc;
}
