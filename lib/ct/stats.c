/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/stats - the table of states as a whole: what happened to it, and how the kernel is set.
 *
 * Linux took most counters of the fast path away in 4.9 (searches, new, removed); what is left counts what
 * went wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "ct/request.h"

/* ---- counters, a message a processor ---- */

static const struct {
	uint16_t attr;
	size_t offset;
} fields[] = {
	{ CTA_STATS_FOUND, offsetof(struct pt_ct_stats, found) },
	{ CTA_STATS_INVALID, offsetof(struct pt_ct_stats, invalid) },
	{ CTA_STATS_INSERT, offsetof(struct pt_ct_stats, insert) },
	{ CTA_STATS_INSERT_FAILED, offsetof(struct pt_ct_stats, insert_failed) },
	{ CTA_STATS_DROP, offsetof(struct pt_ct_stats, drop) },
	{ CTA_STATS_EARLY_DROP, offsetof(struct pt_ct_stats, early_drop) },
	{ CTA_STATS_ERROR, offsetof(struct pt_ct_stats, error) },
	{ CTA_STATS_SEARCH_RESTART, offsetof(struct pt_ct_stats, search_restart) },
	{ CTA_STATS_CLASH_RESOLVE, offsetof(struct pt_ct_stats, clash_resolve) },
	{ CTA_STATS_CHAIN_TOOLONG, offsetof(struct pt_ct_stats, chain_too_long) },
};

static int take_cpu(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTA_STATS_CHAIN_TOOLONG + 1];

	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU))
		return 0;
	if (pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < PT_ARRAY_SIZE(fields); i++) {
		uint64_t *sum = (uint64_t *)((char *)arg + fields[i].offset);
		uint32_t n = 0;

		if (pt_nl_get_be32(tb[fields[i].attr], &n) < 0)
			return -EBADMSG;
		*sum += n;
	}
	return 0;
}

static void reset(void *arg)
{
	memset(arg, 0, sizeof(struct pt_ct_stats));
}

int pt_ct_stats(struct pt_nl *nf, struct pt_ct_stats *out, struct pt_err *e)
{
	union ct_request req;
	int rc;

	ct_request_begin(&req, IPCTNL_MSG_CT_GET_STATS_CPU, AF_UNSPEC);
	rc = pt_nl_dump(nf, &req.head, reset, take_cpu, out);
	return rc < 0 ? ct_failed(e, rc, "read the counters of the connection states") : 0;
}

/* ---- settings ---- */

uint64_t ct_setting(const char *name)
{
	char path[128], text[32] = "";
	uint64_t n = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		if (pt_parse_uint(text, UINT64_MAX, &n) < 0)
			n = 0;
	}
	(void)fclose(f);
	return n;
}

void pt_ct_settings(struct pt_ct_settings *out)
{
	*out = (struct pt_ct_settings){
		.acct = ct_setting("nf_conntrack_acct"),
		.timestamp = ct_setting("nf_conntrack_timestamp"),
		.events = ct_setting("nf_conntrack_events"),
		.buckets = ct_setting("nf_conntrack_buckets"),
		.expect_max = ct_setting("nf_conntrack_expect_max"),
	};
}
