/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that only make connections give everything else away first. */
#include <patronus/sandbox.h>

#include "ptdiag.h"

int diag_confine(struct pt_cli *c, bool tls, const char *ca)
{
	unsigned int may = PT_SANDBOX_DIAL | (tls ? PT_SANDBOX_READ : 0u) | (ca ? PT_SANDBOX_SAME_USER : 0u);

	/* It is for the whole process and for good: other lines of a batch may need more. */
	return c->nested ? 0 : pt_sandbox(may, &c->err);
}
