/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tc/shape_kind - the kinds of queueing disciplines, one table: how their options are spoken, and their own statistics.
 *
 * Rates have 64 bits, which old structures have not: there they are as large as goes, and the true one stands beside. The length of
 * time that bytes take at a rate is counted in ticks of 64 nanoseconds, whatever the clock of the machine (PSCHED_SHIFT).
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "tc/shape_kind.h"

#define TICK 64
#define MTU_BYTES 2048 /* tbf: longer packets, which are several on the line, are taken apart */

uint32_t pt_shape_ticks(uint64_t rate, uint64_t bytes)
{
	__extension__ unsigned __int128 ns = (unsigned __int128)bytes * 1000000000u;

	if (!rate)
		return 0;
	ns = ns / rate / TICK;
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* Units of 1024 nanoseconds, cut off on the way in and on the way out. */
static uint32_t codel_told(uint32_t us)
{
	return (uint32_t)((((uint64_t)us * 1000) >> 10 << 10) / 1000);
}

static uint32_t codel_said(uint32_t told)
{
	uint32_t us = told;

	while (codel_told(us) < told)
		us++;
	return us;
}

uint32_t pt_shape_codel_time(uint32_t us)
{
	return codel_said(codel_told(us));
}

static struct tc_ratespec ratespec(uint64_t rate)
{
	return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET, .rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate };
}

static int get_rate(const struct tc_ratespec *spec, const struct nlattr *whole, uint64_t *rate)
{
	*rate = spec->rate;
	return pt_nl_get(whole, rate, sizeof(*rate));
}

/* ---- htb ---- */

static int htb_parse(const struct nlattr *options, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_HTB_CEIL64 + 1];
	struct tc_htb_glob glob = { 0 };

	if (pt_nl_nested(options, tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_HTB_INIT] || pt_nl_get(tb[TCA_HTB_INIT], &glob, sizeof(glob)))
		return -EBADMSG;
	s->v.fallback = glob.defcls;
	return 0;
}

static void htb_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	/* Each class brings its quantum, so the divisor is of no use, but must not be 0. */
	const struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = s->v.fallback };

	mnl_attr_put(nlh, TCA_HTB_INIT, sizeof(glob), &glob);
}

int shape_class_parse(const struct nlattr *options, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_HTB_CEIL64 + 1];
	struct tc_htb_opt opt = { 0 };

	if (pt_nl_nested(options, tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_HTB_PARMS] || pt_nl_get(tb[TCA_HTB_PARMS], &opt, sizeof(opt)) ||
	    get_rate(&opt.rate, tb[TCA_HTB_RATE64], &s->v.rate) || get_rate(&opt.ceil, tb[TCA_HTB_CEIL64], &s->v.ceil))
		return -EBADMSG;
	s->inner = opt.level > 0;
	s->v.burst = opt.buffer;
	s->v.cburst = opt.cbuffer;
	s->v.quantum = opt.quantum;
	s->v.priority = opt.prio;
	return 0;
}

void shape_class_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	const struct tc_htb_opt opt = {
		.rate = ratespec(s->v.rate),
		.ceil = ratespec(s->v.ceil),
		.buffer = s->v.burst,
		.cbuffer = s->v.cburst,
		.quantum = s->v.quantum,
		.prio = s->v.priority,
	};

	mnl_attr_put(nlh, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (s->v.rate > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_RATE64, s->v.rate);
	if (s->v.ceil > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_CEIL64, s->v.ceil);
}

/* ---- tbf ---- */

static int tbf_parse(const struct nlattr *options, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_TBF_RATE64 + 1];
	struct tc_tbf_qopt opt = { 0 };

	if (pt_nl_nested(options, tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_TBF_PARMS] || pt_nl_get(tb[TCA_TBF_PARMS], &opt, sizeof(opt)) ||
	    get_rate(&opt.rate, tb[TCA_TBF_RATE64], &s->v.rate))
		return -EBADMSG;
	s->v.limit = opt.limit;
	s->v.burst = opt.buffer;
	return 0;
}

static void tbf_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	const struct tc_tbf_qopt opt = {
		.rate = ratespec(s->v.rate),
		.limit = s->v.limit,
		.buffer = s->v.burst,
		.mtu = pt_shape_ticks(s->v.rate, MTU_BYTES),
	};

	mnl_attr_put(nlh, TCA_TBF_PARMS, sizeof(opt), &opt);
	if (s->v.rate > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_TBF_RATE64, s->v.rate);
}

/* ---- fq_codel ---- */

static int codel_parse(const struct nlattr *options, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_FQ_CODEL_FLOWS + 1];

	if (pt_nl_nested(options, tb, PT_ARRAY_SIZE(tb)) || pt_nl_get(tb[TCA_FQ_CODEL_TARGET], &s->v.target, sizeof(s->v.target)) ||
	    pt_nl_get(tb[TCA_FQ_CODEL_INTERVAL], &s->v.interval, sizeof(s->v.interval)) ||
	    pt_nl_get(tb[TCA_FQ_CODEL_ECN], &s->v.ecn, sizeof(s->v.ecn)) ||
	    pt_nl_get(tb[TCA_FQ_CODEL_FLOWS], &s->v.flows, sizeof(s->v.flows)))
		return -EBADMSG;
	if (s->v.target > 3600000000u || s->v.interval > 3600000000u)
		return -EBADMSG;
	s->v.target = codel_said(s->v.target);
	s->v.interval = codel_said(s->v.interval);
	return 0;
}

static void codel_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_TARGET, s->v.target);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_INTERVAL, s->v.interval);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_ECN, s->v.ecn);
	if (s->v.flows) /* they cannot be changed, nor said again */
		mnl_attr_put_u32(nlh, TCA_FQ_CODEL_FLOWS, s->v.flows);
}

/* Of the whole, how many packets were marked; of one flow, which the kernel shows as a class, how long it waits. */
static int codel_stats(const struct nlattr *app, struct pt_arena *a, struct pt_shape *s)
{
	struct tc_fq_codel_xstats x = { 0 };
	size_t n = mnl_attr_get_payload_len(app);

	(void)a;
	memcpy(&x, mnl_attr_get_payload(app), n < sizeof(x) ? n : sizeof(x));
	if (x.type == TCA_FQ_CODEL_XSTATS_QDISC) {
		s->stats.marks = x.qdisc_stats.ecn_mark;
	} else if (x.type == TCA_FQ_CODEL_XSTATS_CLASS) {
		s->stats.has_delay = true;
		s->stats.delay = x.class_stats.ldelay;
	}
	return 0;
}

/* ---- bfifo ---- */

static int fifo_parse(const struct nlattr *options, struct pt_shape *s)
{
	struct tc_fifo_qopt opt = { 0 };

	if (mnl_attr_get_payload_len(options) < sizeof(opt))
		return -EBADMSG;
	memcpy(&opt, mnl_attr_get_payload(options), sizeof(opt));
	s->v.limit = opt.limit;
	return 0;
}

static void fifo_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	const struct tc_fifo_qopt opt = { .limit = s->v.limit };

	/* No attributes: the structure is all that there is. */
	memcpy(mnl_nlmsg_get_payload_tail(nlh), &opt, sizeof(opt));
	nlh->nlmsg_len += sizeof(opt);
}

/* ---- cake ---- */

/* Numbers of four bytes, in both directions. */
static const struct {
	uint16_t type;
	size_t at; /* in the values */
} cake_numbers[] = {
	{ TCA_CAKE_DIFFSERV_MODE, offsetof(struct pt_shape_values, diffserv) },
	{ TCA_CAKE_ATM, offsetof(struct pt_shape_values, cells) },
	{ TCA_CAKE_FLOW_MODE, offsetof(struct pt_shape_values, flows) },
	{ TCA_CAKE_RTT, offsetof(struct pt_shape_values, interval) },
	{ TCA_CAKE_TARGET, offsetof(struct pt_shape_values, target) },
	{ TCA_CAKE_NAT, offsetof(struct pt_shape_values, nat) },
	{ TCA_CAKE_WASH, offsetof(struct pt_shape_values, wash) },
	{ TCA_CAKE_MPU, offsetof(struct pt_shape_values, mpu) },
	{ TCA_CAKE_INGRESS, offsetof(struct pt_shape_values, ingress) },
	{ TCA_CAKE_ACK_FILTER, offsetof(struct pt_shape_values, ack_filter) },
};

static int cake_parse(const struct nlattr *options, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_CAKE_ACK_FILTER + 1];

	if (pt_nl_nested(options, tb, PT_ARRAY_SIZE(tb)) || pt_nl_get(tb[TCA_CAKE_BASE_RATE64], &s->v.rate, sizeof(s->v.rate)))
		return -EBADMSG;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cake_numbers); i++)
		if (pt_nl_get(tb[cake_numbers[i].type], (uint8_t *)&s->v + cake_numbers[i].at, sizeof(uint32_t)))
			return -EBADMSG;
	if (s->v.cells > PT_CELLS_PTM)
		return -EBADMSG;
	s->v.framed = !tb[TCA_CAKE_RAW];
	if (s->v.framed && pt_nl_get(tb[TCA_CAKE_OVERHEAD], &s->v.overhead, sizeof(s->v.overhead)))
		return -EBADMSG;
	return 0;
}

static void cake_put(struct nlmsghdr *nlh, const struct pt_shape *s)
{
	mnl_attr_put_u64(nlh, TCA_CAKE_BASE_RATE64, s->v.rate);
	for (size_t i = 0; i < PT_ARRAY_SIZE(cake_numbers); i++) {
		uint32_t number;

		memcpy(&number, (const uint8_t *)&s->v + cake_numbers[i].at, sizeof(number));
		mnl_attr_put_u32(nlh, cake_numbers[i].type, number);
	}
	if (s->v.framed)
		mnl_attr_put_u32(nlh, TCA_CAKE_OVERHEAD, (uint32_t)s->v.overhead);
	else
		mnl_attr_put_u32(nlh, TCA_CAKE_RAW, 0);
}

static int cake_tin(const struct nlattr *attr, struct pt_shape_tin *t)
{
	const struct nlattr *tb[TCA_CAKE_TIN_STATS_AVG_DELAY_US + 1];
	const struct {
		uint16_t type;
		uint32_t *to;
	} numbers[] = {
		{ TCA_CAKE_TIN_STATS_SENT_PACKETS, &t->packets },	{ TCA_CAKE_TIN_STATS_DROPPED_PACKETS, &t->drops },
		{ TCA_CAKE_TIN_STATS_ECN_MARKED_PACKETS, &t->marks },	{ TCA_CAKE_TIN_STATS_ACKS_DROPPED_PACKETS, &t->ack_drops },
		{ TCA_CAKE_TIN_STATS_BACKLOG_BYTES, &t->backlog_bytes }, { TCA_CAKE_TIN_STATS_AVG_DELAY_US, &t->delay },
		{ TCA_CAKE_TIN_STATS_PEAK_DELAY_US, &t->peak },
	};

	if (pt_nl_nested(attr, tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get(tb[TCA_CAKE_TIN_STATS_THRESHOLD_RATE64], &t->rate, sizeof(t->rate)) ||
	    pt_nl_get(tb[TCA_CAKE_TIN_STATS_SENT_BYTES64], &t->bytes, sizeof(t->bytes)))
		return -EBADMSG;
	for (size_t i = 0; i < PT_ARRAY_SIZE(numbers); i++)
		if (pt_nl_get(tb[numbers[i].type], numbers[i].to, sizeof(*numbers[i].to)))
			return -EBADMSG;
	return 0;
}

/* The delay of the whole is that of the tin that waits longest. */
static int cake_stats(const struct nlattr *app, struct pt_arena *a, struct pt_shape *s)
{
	const struct nlattr *tb[TCA_CAKE_STATS_TIN_STATS + 1], *tins[PT_SHAPE_TINS + 1];

	if (pt_nl_nested(app, tb, PT_ARRAY_SIZE(tb)) || !tb[TCA_CAKE_STATS_TIN_STATS])
		return 0;
	if (pt_nl_nested(tb[TCA_CAKE_STATS_TIN_STATS], tins, PT_ARRAY_SIZE(tins)))
		return -EBADMSG;
	s->tins = pt_arena_alloc(a, PT_SHAPE_TINS * sizeof(*s->tins));
	if (!s->tins)
		return -ENOMEM;
	for (size_t i = 1; i < PT_ARRAY_SIZE(tins) && tins[i]; i++) {
		struct pt_shape_tin *t = &s->tins[s->n_tins++];

		if (cake_tin(tins[i], t))
			return -EBADMSG;
		s->stats.marks += t->marks;
		s->stats.has_delay = true;
		if (t->delay > s->stats.delay)
			s->stats.delay = t->delay;
	}
	return 0;
}

/* ---- all of them ---- */

static const struct shape_kind kinds[] = {
	{ .name = "cake", .changes = true, .parse = cake_parse, .put = cake_put, .stats = cake_stats },
	{ .name = "bfifo", .changes = true, .parse = fifo_parse, .put = fifo_put },
	{ .name = "fq_codel", .table = true, .changes = true, .parse = codel_parse, .put = codel_put, .stats = codel_stats },
	{ .name = "htb", .table = true, .parse = htb_parse, .put = htb_put },
	{ .name = "tbf", .table = true, .changes = true, .parse = tbf_parse, .put = tbf_put },
};

const struct shape_kind *shape_kind(const char *name)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}
