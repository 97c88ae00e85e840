/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that has every device somebody speaks of: rules and statements may name one that is not plugged in, and two
 * policies are compared on the devices of both. What is added has no addresses.
 */
#include <string.h>

#include <patronus/space.h>

static bool has_device(const struct pt_host *h, const char *device)
{
	for (size_t i = 0; i < h->ifs.n; i++)
		if (!strcmp(h->ifs.v[i].device, device))
			return true;
	return false;
}

static int add_device(struct pt_arena *a, struct pt_host *h, const char *device)
{
	struct pt_host_if i = { .device = device };

	return has_device(h, device) ? 0 : pt_vec_push(a, &h->ifs, i);
}

static int add_names(struct pt_arena *a, struct pt_host *h, const char *const *v, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = add_device(a, h, v[i]);
	return rc;
}

static int add_policy(struct pt_arena *a, struct pt_host *h, const struct pt_policy *p)
{
	const char *const *last = NULL;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->conf->interfaces.n; i++)
		rc = add_device(a, h, p->conf->interfaces.v[i].device);
	for (size_t i = 0; !rc && i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->devices.v != last) /* rules share them */
			rc = add_names(a, h, r->devices.v, r->devices.n);
		last = r->devices.v;
		if (!rc && r->more)
			rc = add_names(a, h, r->more->received.v, r->more->received.n);
	}
	return rc;
}

int pt_space_host(const struct pt_host *h, const struct pt_policy *const *p, size_t n, struct pt_arena *a, struct pt_host *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->arena = a;
	out->anycast = h->anycast;
	for (size_t i = 0; !rc && i < h->ifs.n; i++)
		rc = pt_vec_push(a, &out->ifs, h->ifs.v[i]);
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_policy(a, out, p[i]);
	return rc;
}
