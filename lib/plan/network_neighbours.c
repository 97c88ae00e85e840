/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The neighbours of the file, and the addresses that its interfaces are to answer for. */
#include <errno.h>
#include <string.h>

#include "plan/network.h"

static int add(struct pt_neighbours *out, const char *device, struct pt_neighbour n)
{
	memcpy(n.device, device, strnlen(device, PT_LINK_NAME - 1));
	return pt_vec_push(out->arena, &out->v, n);
}

static int want_proxies(const struct pt_conf_if *i, struct pt_neighbours *out)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < i->options.n; k++) {
		const struct pt_conf_option *o = &i->options.v[k];
		struct pt_neighbour n = { .proxy = true, .loc = &o->loc };

		if (strcmp(o->row->name, "proxy") != 0)
			continue;
		rc = pt_addr_parse(o->s, &n.addr);
		if (!rc)
			rc = add(out, i->device, n);
	}
	return rc;
}

int network_want_neighbours(const struct pt_conf *c, struct pt_arena *a, struct pt_neighbours *out)
{
	int rc = 0;

	*out = (struct pt_neighbours){ .arena = a };
	for (size_t k = 0; !rc && k < c->neighbours.n; k++) {
		const struct pt_conf_neighbour *w = &c->neighbours.v[k];
		const struct pt_conf_if *i = pt_conf_find_if(c, w->dev);
		const struct pt_neighbour n = { .addr = w->addr, .mac = w->mac, .has_mac = true, .loc = &w->loc };

		rc = add(out, i ? i->device : w->dev, n);
	}
	for (size_t k = 0; !rc && k < c->interfaces.n; k++)
		rc = want_proxies(&c->interfaces.v[k], out);
	return rc;
}

int network_keep_neighbours(const struct pt_neighbours *have, struct pt_arena *a, struct pt_neighbours *out)
{
	int rc = 0;

	*out = (struct pt_neighbours){ .arena = a };
	for (size_t i = 0; !rc && i < have->v.n; i++)
		if (have->v.v[i].protocol == PT_NET_PROTOCOL)
			rc = pt_vec_push(a, &out->v, have->v.v[i]);
	return rc;
}
