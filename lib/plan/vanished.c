/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States that were given an address which the machine then lost. Where nat-to translates to the interface that packets
 * leave by, the kernel ends them itself when the address goes. Where it translates to another interface nobody does: a
 * connection that is kept alive by questions alone would go on asking from an address that no answer comes to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

static bool held(const struct pt_host *h, struct pt_addr a)
{
	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t k = 0; k < h->ifs.v[i].addrs.n; k++) {
			const struct pt_addr *have = &h->ifs.v[i].addrs.v[k].prefix.addr;

			if (have->af == a.af && have->v == a.v)
				return true;
		}
	return false;
}

static bool among(const struct plan_addrs *l, struct pt_addr a)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].af == a.af && l->v[i].v == a.v)
			return true;
	return false;
}

/* The addresses now of the device that N translates to. */
static int add_device(struct plan_addrs *l, const struct pt_host *h, const char *device)
{
	int rc = 0;

	for (size_t i = 0; i < h->ifs.n; i++)
		for (size_t k = 0; !rc && !strcmp(h->ifs.v[i].device, device) && k < h->ifs.v[i].addrs.n; k++) {
			struct pt_addr a = h->ifs.v[i].addrs.v[k].prefix.addr;

			if (!among(l, a))
				rc = pt_vec_push(NULL, l, a);
		}
	return rc;
}

static int collect(struct plan_addrs *l, const struct pt_plan *p)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->policy->nats.n; i++) {
		const struct pt_pol_nat *n = &p->policy->nats.v[i];

		if (n->kind == PT_NAT_SRC && n->target == PT_REF_IF)
			rc = add_device(l, p->host, p->policy->ifrefs.v[n->ref].device);
	}
	return rc;
}

struct ending {
	const struct plan_addrs *gone;
	struct pt_nl *ender;
};

static int look(const struct pt_ct_entry *ct, void *arg)
{
	struct ending *x = arg;
	int rc;

	if (!(ct->label[3] >> 16) || !among(x->gone, ct->reply.dst))
		return 0;
	rc = pt_ct_delete(x->ender, ct);
	return rc == -ENOENT ? 0 : rc; /* it ended by itself meanwhile */
}

static int end_states(const struct plan_addrs *gone, struct pt_nl *nf, struct pt_err *e)
{
	struct ending x = { .gone = gone };
	int rc;

	rc = pt_nl_open(&x.ender, NETLINK_NETFILTER, e);
	if (rc)
		return rc;
	rc = pt_ct_dump(nf, look, &x, e);
	pt_nl_close(x.ender);
	return rc;
}

int plan_vanished(struct plan_addrs *seen, const struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct plan_addrs gone = { 0 }, now = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < seen->n; i++)
		if (!held(p->host, seen->v[i]))
			rc = pt_vec_push(NULL, &gone, seen->v[i]);
	if (!rc)
		rc = collect(&now, p);
	if (rc)
		rc = pt_err_sys(e, rc, "looking for addresses that are gone");
	else if (gone.n)
		rc = end_states(&gone, nf, e);
	if (rc) {
		free(now.v);
	} else {
		free(seen->v);
		*seen = now;
	}
	free(gone.v);
	return rc;
}
