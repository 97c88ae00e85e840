/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A planned change: the batch, and in words what each of its messages does. */
#include <errno.h>
#include <stdlib.h>

#include <linux/netfilter/nfnetlink.h>

#include "nft/change.h"

struct pt_nft_plan *nft_plan_new(uint32_t genid)
{
	struct pt_nft_plan *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->arena = pt_arena_new();
	p->batch = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, genid);
	if (p->arena && p->batch)
		return p;
	pt_nft_plan_free(p);
	return NULL;
}

void pt_nft_plan_free(struct pt_nft_plan *p)
{
	if (!p)
		return;
	pt_nl_batch_free(p->batch);
	pt_arena_free(p->arena);
	free(p);
}

int nft_plan_op(struct pt_nft_plan *p, uint64_t *cookie, const char *op, const char *kind,
		const struct pt_loc *loc, const char *fmt, ...)
{
	struct nft_op o = { .op = op, .kind = kind };
	struct pt_buf name = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&name, fmt, ap);
	va_end(ap);
	if (loc)
		o.loc = *loc;
	o.name = name.err ? NULL : pt_arena_strdup(p->arena, name.s);
	pt_buf_fini(&name);
	if (!o.name || pt_vec_push(p->arena, &p->ops, o))
		return -ENOMEM;
	*cookie = p->ops.n;
	return 0;
}

size_t pt_nft_plan_writes(const struct pt_nft_plan *p)
{
	return pt_nl_batch_count(p->batch);
}

void pt_nft_plan_walk(const struct pt_nft_plan *p, pt_nft_op_cb cb, void *arg)
{
	for (size_t i = 0; i < p->ops.n; i++)
		cb(p->ops.v[i].op, p->ops.v[i].kind, p->ops.v[i].name, arg);
}
