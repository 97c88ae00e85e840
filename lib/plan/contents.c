/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel's tables hold now, for whoever judges packets outside of it. */
#include <errno.h>

#include "plan/internal.h"

static int add_element(const struct pt_nft_elem *el, void *arg)
{
	struct pt_iset *set = arg; /* [0] IPv4, [1] IPv6 */

	return pt_iset_add(NULL, &set[el->af == PT_AF_INET6], el->lo, el->hi);
}

int plan_table_learn(struct pt_eval *v, struct pt_nl *nf, const char *name, struct pt_err *e)
{
	struct pt_iset set[2] = { 0 };
	struct pt_err why = { 0 };
	int rc;

	rc = pt_nft_table_dump(nf, name, add_element, set, &why);
	pt_err_fini(&why);
	for (int i = 0; i < 2; i++)
		pt_iset_norm(&set[i]);
	if (!rc)
		rc = pt_eval_table(v, name, &set[0], &set[1]);
	for (int i = 0; i < 2; i++)
		pt_iset_fini(&set[i]);
	return !rc || rc == -ENOENT ? 0 : pt_err_sys(e, rc, "reading table %s", name);
}

int plan_tables_learn(const struct pt_policy *p, struct pt_eval *v, enum pt_expect_tables tables, struct pt_nl *nf,
		      struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && tables != PT_EXPECT_WRITTEN && i < p->tables.n; i++) {
		const struct pt_conf_table *t = p->tables.v[i].conf;

		if (p->tables.v[i].used && (tables == PT_EXPECT_KERNEL || !pt_conf_table_written(t)))
			rc = plan_table_learn(v, nf, t->name, e);
	}
	return rc;
}
