/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tc/shape_frame - what a link makes of packets, as a table of sizes that the kernel looks up for queueing disciplines which
 * cannot count for themselves (tc-stab(8)): a packet of 60 bytes is 106 on an ATM line.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "tc/shape_kind.h"

#define SIZES 512
#define SIZE_SHIFT 2 /* each is of four lengths: up to 2047 bytes, longer ones are added up by the kernel */
#define PTM 3        /* the kernel keeps the field and does not look into it; it knows Ethernet (1) and ATM (2) */

static const uint32_t layers[] = { [PT_CELLS_NONE] = TC_LINKLAYER_ETHERNET, [PT_CELLS_ATM] = TC_LINKLAYER_ATM, [PT_CELLS_PTM] = PTM };

static uint16_t on_the_line(uint32_t size, const struct pt_shape_values *v)
{
	if (size < v->mpu)
		size = v->mpu;
	if (v->cells == PT_CELLS_ATM)
		size = (size + 47) / 48 * 53;
	else if (v->cells == PT_CELLS_PTM)
		size = size + (size + 63) / 64;
	return (uint16_t)size;
}

void shape_frame_put(struct nlmsghdr *nlh, const struct pt_shape_values *v)
{
	struct tc_sizespec spec = {
		.overhead = v->overhead,
		.linklayer = layers[v->cells],
		.mpu = v->mpu,
		.mtu = (SIZES << SIZE_SHIFT) - 1,
	};
	bool table = v->mpu || v->cells;
	uint16_t sizes[SIZES];
	struct nlattr *nest;

	if (!v->framed)
		return;
	if (table) {
		spec.cell_log = SIZE_SHIFT;
		spec.cell_align = -1;
		spec.tsize = SIZES;
		for (uint32_t i = 0; i < SIZES; i++)
			sizes[i] = on_the_line((i + 1) << SIZE_SHIFT, v);
	}
	nest = mnl_attr_nest_start(nlh, TCA_STAB);
	mnl_attr_put(nlh, TCA_STAB_BASE, sizeof(spec), &spec);
	if (table)
		mnl_attr_put(nlh, TCA_STAB_DATA, sizeof(sizes), sizes);
	mnl_attr_nest_end(nlh, nest);
}

int shape_frame_parse(const struct nlattr *stab, struct pt_shape_values *v)
{
	const struct nlattr *tb[TCA_STAB_BASE + 1];
	struct tc_sizespec spec = { 0 };

	if (!stab)
		return 0;
	if (pt_nl_nested(stab, tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_STAB_BASE] || pt_nl_get(tb[TCA_STAB_BASE], &spec, sizeof(spec)))
		return -EBADMSG;
	v->framed = true;
	v->overhead = spec.overhead;
	v->mpu = spec.mpu;
	for (uint32_t i = 0; i < PT_ARRAY_SIZE(layers); i++)
		if (layers[i] == spec.linklayer)
			v->cells = i;
	return 0;
}
