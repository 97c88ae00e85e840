/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/watch - states come, change and go.
 *
 * The kernel tells with an event only what it is about: a state that goes has neither its label nor its mark any
 * more. So what does not come again is remembered, 32 bytes a state, and events that change nothing a
 * person would see (a time-out, a counter) are not told. Events that were lost are counted by the socket,
 * and then all states are read anew.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "ct/request.h"

#define FIRST_SLOTS 1024 /* a power of two */
#define SHOWN_STATUS (IPS_SEEN_REPLY | IPS_ASSURED)
#define STOP_EVERY 64 /* events between two looks at FD_STOP */

struct known {
	uint64_t key;    /* 0: free */
	uint32_t label[4], mark;
	uint8_t status, tcp_state;
	bool has_label, seen;
};

struct watch {
	const struct pt_ct_watcher *w;
	struct pt_nl *nf, *events;
	int fd_stop;
	bool stop;
	struct known *v;
	size_t n, n_slots;
	uint32_t drops;
	unsigned int taken;
	struct pt_err *e;
};

/* ---- what is known ---- */

static size_t place(const struct watch *x, uint64_t key)
{
	size_t i = (size_t)key & (x->n_slots - 1);

	while (x->v[i].key && x->v[i].key != key)
		i = (i + 1) & (x->n_slots - 1);
	return i;
}

static int grow(struct watch *x)
{
	struct watch bigger = { .n_slots = x->n_slots ? x->n_slots * 2 : FIRST_SLOTS };

	bigger.v = calloc(bigger.n_slots, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_slots; i++)
		if (x->v[i].key)
			bigger.v[place(&bigger, x->v[i].key)] = x->v[i];
	free(x->v);
	x->v = bigger.v;
	x->n_slots = bigger.n_slots;
	return 0;
}

/* Closes the gap: what stands behind it may have been pushed over it. */
static void forget(struct watch *x, uint64_t key)
{
	size_t mask = x->n_slots - 1, gap = place(x, key);

	if (!x->v[gap].key)
		return;
	x->n--;
	for (size_t i = (gap + 1) & mask; x->v[i].key; i = (i + 1) & mask) {
		size_t home = (size_t)x->v[i].key & mask;

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			x->v[gap] = x->v[i];
			gap = i;
		}
	}
	x->v[gap].key = 0;
}

static void remember(struct known *k, const struct pt_ct_entry *ct)
{
	k->seen = true;
	k->mark = ct->mark;
	k->status = ct->status & SHOWN_STATUS;
	k->tcp_state = ct->tcp_state;
	k->has_label = ct->has_label;
	memcpy(k->label, ct->label, sizeof(k->label));
}

/* Gives CT what was not told of it this time. */
static void complete(const struct known *k, struct pt_ct_entry *ct)
{
	if (!ct->has_label) {
		ct->has_label = k->has_label;
		memcpy(ct->label, k->label, sizeof(ct->label));
	}
	if (!ct->mark)
		ct->mark = k->mark;
	if (!ct->tcp_state)
		ct->tcp_state = k->tcp_state;
}

static int learn(struct watch *x, const struct pt_ct_entry *ct, struct known **out)
{
	uint64_t key = ct_key(ct);

	if ((x->n + 1) * 2 > x->n_slots && grow(x))
		return -ENOMEM;
	*out = &x->v[place(x, key)];
	if (!(*out)->key) {
		memset(*out, 0, sizeof(**out));
		(*out)->key = key;
		x->n++;
	}
	return 0;
}

static int load_one(const struct pt_ct_entry *ct, void *arg)
{
	struct known *k;
	int rc = learn(arg, ct, &k);

	if (!rc)
		remember(k, ct);
	return rc;
}

static int load(struct watch *x)
{
	if (x->v)
		memset(x->v, 0, x->n_slots * sizeof(*x->v));
	x->n = 0;
	return pt_ct_dump(x->nf, load_one, x, x->e);
}

/* ---- events ---- */

static enum pt_ct_what what_of(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE))
		return PT_CT_WENT;
	return nlh->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL) ? PT_CT_CAME : PT_CT_CHANGED;
}

static bool shows(const struct known *k, const struct pt_ct_entry *ct)
{
	return k->tcp_state != ct->tcp_state || k->status != (ct->status & SHOWN_STATUS);
}

static bool asked_to_stop(struct watch *x)
{
	struct pollfd p = { .fd = x->fd_stop, .events = POLLIN };

	if (x->fd_stop >= 0 && ++x->taken % STOP_EVERY == 0 && poll(&p, 1, 0) > 0)
		x->stop = true;
	return x->stop;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct watch *x = arg;
	enum pt_ct_what what;
	struct pt_ct_entry ct;
	struct known *k;
	bool tell;
	int rc;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK)
		return 0;
	rc = pt_ct_parse(nlh, &ct);
	if (!rc)
		rc = learn(x, &ct, &k);
	if (rc)
		return rc;
	what = what_of(nlh);
	if (what != PT_CT_CAME)
		complete(k, &ct);
	tell = what != PT_CT_CHANGED || !k->seen || shows(k, &ct);
	remember(k, &ct);
	if (what == PT_CT_WENT)
		forget(x, ct_key(&ct));
	if (tell)
		rc = x->w->event(what, &ct, x->w->arg);
	return rc ? rc : asked_to_stop(x) ? -ECANCELED : 0;
}

/* ---- losses ---- */

/* The socket counts what it had no room for. */
static uint32_t drops_of(const struct watch *x)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(pt_nl_fd(x->events), SOL_SOCKET, SO_MEMINFO, info, &size) || size <= SK_MEMINFO_DROPS * 4)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

static int tell_lost(struct watch *x)
{
	uint32_t drops = drops_of(x), n = drops - x->drops;

	x->drops = drops;
	return n ? x->w->lost(n, x->w->arg) : 0;
}

static int lost_some(struct watch *x)
{
	int rc = tell_lost(x);

	return rc ? rc : load(x);
}

/* ---- the whole ---- */

static int join(struct watch *x)
{
	static const unsigned int groups[] = { NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE,
					       NFNLGRP_CONNTRACK_DESTROY };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(groups); i++)
		rc = pt_nl_join(x->events, groups[i], x->e);
	return rc;
}

static int wait_for_more(struct watch *x)
{
	struct pollfd fds[2] = { { .fd = pt_nl_fd(x->events), .events = POLLIN }, { .fd = x->fd_stop, .events = POLLIN } };
	int rc;

	do
		rc = poll(fds, 2, -1);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return pt_err_sys(x->e, -errno, "waiting for events of states");
	x->stop = fds[1].revents;
	return 0;
}

int pt_ct_watch(struct pt_nl *nf, struct pt_nl *events, int fd_stop, const struct pt_ct_watcher *w, struct pt_err *e)
{
	struct watch x = { .w = w, .nf = nf, .events = events, .fd_stop = fd_stop, .e = e };
	int rc = join(&x);

	if (!rc)
		rc = load(&x);
	while (!rc) {
		rc = pt_nl_events(events, 0, take, &x);
		if (rc == -ENOBUFS)
			rc = lost_some(&x);
		else if (!rc)
			rc = w->idle(w->arg);
		if (!rc)
			rc = wait_for_more(&x);
		if (x.stop)
			break;
	}
	if (x.stop)
		rc = tell_lost(&x);
	free(x.v);
	return rc;
}
