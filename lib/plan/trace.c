/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Following packets: a filter in the words of a rule, the kernel's hook for it, and the turns in which its messages are read.
 *
 * All that is made in the kernel belongs to one socket of this process and ends with it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "plan/trace_internal.h"

#define RATE 200            /* packets a second that begin to be followed, whatever comes */
#define QUIET_NS 500000000u /* a packet of which nothing more is heard for so long has ended */
#define TURN_MS 100
#define AT_ONCE 64          /* datagrams before the rest has its turn */

static uint64_t forward_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the filter ---- */

/* What a rule does is not a question to a packet. */
static const char *not_a_condition(const struct pt_pol_rule *r)
{
	if (r->nat)
		return "a translation";
	if (r->set)
		return "what a rule sets";
	if (r->tag)
		return "a tag that is set";
	if (r->tagged)
		return "a tag, which a packet gets from rules behind the place where it begins to be followed";
	if (r->log)
		return "a log";
	return r->quick ? "quick" : NULL;
}

static int check_filter(const struct pt_policy *p, struct pt_err *e)
{
	const struct pt_loc nowhere = { 0 };

	for (size_t i = 0; i < p->rules.n; i++) {
		const char *what = not_a_condition(&p->rules.v[i]);

		if (!what)
			continue;
		pt_err_add(e, PT_ERROR, &nowhere, "give the conditions only, as `on wan proto tcp to port 443`",
			   "which packets? %s is no condition of them", what);
		return -EINVAL;
	}
	return 0;
}

static int hook(struct trace *x, struct pt_err *e)
{
	const char *words = x->who->filter && *x->who->filter ? x->who->filter : "all";
	struct pt_buf rule = { 0 };
	struct plan_words w;
	const char *rules[1];
	int rc;

	pt_buf_fmt(&rule, "match %s", words);
	if (rule.err)
		return pt_err_sys(e, -ENOMEM, "reading the filter");
	rules[0] = rule.s;
	rc = plan_words_build(x->rules->plan->conf, "filter", rules, 1, &w, e);
	pt_buf_fini(&rule);
	if (rc)
		return rc;
	rc = check_filter(w.plan.policy, e);
	if (!rc)
		rc = pt_nft_trace_hook(x->owner, x->nf, w.plan.policy, x->rules->world->host, x->table, RATE, e);
	plan_words_fini(&w);
	return rc;
}

/* ---- turns ---- */

static int on_change(const struct nlmsghdr *nlh, void *arg)
{
	static const uint8_t rules[] = { NFT_MSG_NEWRULE, NFT_MSG_DELRULE, NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN };
	struct trace *x = arg;

	if (memchr(rules, nlh->nlmsg_type & 0xff, sizeof(rules)))
		x->stale = true;
	return 0;
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct pt_nft_trace m;
	struct trace *x = arg;

	if (pt_nft_trace_parse(nlh, &m))
		return 0; /* not about a packet */
	return trace_take(x, &m);
}

static int read_changes(struct trace *x)
{
	int rc = pt_nl_events(x->changes, 0, on_change, x);

	if (rc == -ENOBUFS)
		x->stale = true;
	return rc == -ENOBUFS || rc == -EINTR || rc == -EBADMSG ? 0 : rc;
}

static int read_messages(struct trace *x)
{
	int rc = 1;

	for (int i = 0; rc > 0 && i < AT_ONCE; i++) {
		rc = pt_nl_event(x->events, 0, on_message, x);
		if (rc == -ENOBUFS)
			x->sum->lost++;
		if (rc == -ENOBUFS || rc == -EBADMSG || rc == -EINTR)
			rc = 1;
	}
	return rc > 0 ? 0 : rc;
}

/* ALL: the end has come. */
static int end_quiet(struct trace *x, bool all)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < TRACE_SLOTS; i++)
		if (x->slots[i].used && (all || x->clock > x->slots[i].touched + QUIET_NS))
			rc = trace_end(x, &x->slots[i]);
	return rc;
}

static bool is_under_way(const struct trace *x)
{
	for (size_t i = 0; i < TRACE_SLOTS; i++)
		if (x->slots[i].used)
			return true;
	return false;
}

static int wait_more(struct trace *x, uint64_t end, bool *stop)
{
	struct pollfd fds[3] = { { .fd = pt_nl_fd(x->events), .events = POLLIN },
				 { .fd = pt_nl_fd(x->changes), .events = POLLIN },
				 { .fd = x->fd_stop, .events = POLLIN } };
	uint64_t left = x->clock < end ? (end - x->clock) / 1000000 + 1 : 0;
	int ms = is_under_way(x) && left > TURN_MS ? TURN_MS : (int)left;

	if (poll(fds, PT_ARRAY_SIZE(fds), ms) < 0 && errno != EINTR)
		return -errno;
	*stop = fds[2].revents;
	return 0;
}

/* Packets first: those before a change are told with the rules that judged them. */
static int run(struct trace *x)
{
	uint64_t end;
	bool stop = false;
	int rc = 0;

	x->clock = forward_ns();
	end = x->clock + (uint64_t)x->who->seconds * 1000000000u;
	while (!rc && !stop && x->ended < x->who->count && x->clock < end) {
		rc = wait_more(x, end, &stop);
		x->clock = forward_ns();
		if (!rc)
			rc = read_messages(x);
		if (!rc)
			rc = read_changes(x);
		if (!rc)
			rc = end_quiet(x, false);
	}
	x->sum->timed_out = !rc && !stop && x->ended < x->who->count;
	return rc ? rc : end_quiet(x, true);
}

static int prepare(struct trace *x, struct pt_err *e)
{
	int rc = trace_rules_read(x, e);

	if (!rc)
		rc = pt_nl_open(&x->owner, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&x->events, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&x->changes, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_join(x->events, NFNLGRP_NFTRACE, e);
	if (!rc)
		rc = pt_nl_join(x->changes, NFNLGRP_NFTABLES, e);
	if (!rc)
		rc = hook(x, e);
	if (!rc && x->who->begun)
		rc = x->who->begun(x->who->arg);
	return rc;
}

int pt_plan_trace(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_tracer *who,
		  struct pt_trace_sum *sum, struct pt_err *e)
{
	struct trace *x = calloc(1, sizeof(*x));
	struct pt_buf name = { 0 };
	int rc;

	memset(sum, 0, sizeof(*sum));
	if (!x)
		return pt_err_sys(e, -ENOMEM, "following packets");
	*x = (struct trace){ .who = who, .sum = sum, .nf = nf, .route = route, .fd_stop = fd_stop, .e = e };
	pt_buf_fmt(&name, "%s.%ld", PT_NFT_TRACE_TABLE, (long)getpid());
	rc = name.err;
	if (!rc) {
		memcpy(x->table, name.s, name.n + 1);
		rc = prepare(x, e);
	}
	pt_buf_fini(&name);
	if (!rc)
		rc = run(x);
	pt_nl_close(x->owner); /* the hook goes with it */
	pt_nl_close(x->events);
	pt_nl_close(x->changes);
	for (size_t i = 0; i < TRACE_SLOTS; i++)
		if (x->slots[i].used) {
			pt_arena_free(x->slots[i].arena);
			trace_rules_drop(x->slots[i].rules);
		}
	trace_rules_drop(x->rules);
	free(x);
	return rc;
}
