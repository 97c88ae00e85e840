/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/events - what the kernel says unasked.
 *
 * Events can be lost when they come faster than they are read. That is told, never hidden:
 * whoever keeps a picture of the kernel must then read all of it again.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "nl/seam.h"

int pt_nl_join(struct pt_nl *nl, unsigned int group, struct pt_err *e)
{
	int rc = nl->ops->join(nl, group);

	if (rc == -EPERM)
		pt_err_add(e, PT_ERROR, NULL, "run it as root, or with CAP_NET_ADMIN",
			   "cannot listen to the kernel's events of group %u: not permitted",
			   group);
	else if (rc < 0)
		return pt_err_sys(e, rc, "cannot listen to the kernel's events of group %u", group);
	return rc;
}

static int take_events(struct pt_nl *nl, size_t len, pt_nl_cb cb, void *arg)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl->buf;
	int left = (int)len, rc;

	for (; nl_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		rc = cb(nlh, arg);
		if (rc < 0)
			return rc;
	}
	return left > 0 ? -EBADMSG : 0;
}

/* NL is busy. 1: a datagram came. */
static int take_one(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg)
{
	uint32_t sender = 0;
	ssize_t n = nl->ops->recv(nl, timeout_ms, &sender);
	int rc = 0;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	if (sender == 0)
		rc = take_events(nl, (size_t)n, cb, arg);
	return rc < 0 ? rc : 1;
}

int pt_nl_event(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg)
{
	int rc;

	if (nl->busy)
		return -EBUSY;
	nl->busy = true;
	rc = take_one(nl, timeout_ms, cb, arg);
	nl->busy = false;
	return rc;
}

int pt_nl_events(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg)
{
	int rc = 1;

	if (nl->busy)
		return -EBUSY;
	nl->busy = true;
	while (rc > 0)
		rc = take_one(nl, timeout_ms, cb, arg);
	nl->busy = false;
	return rc;
}

int pt_nl_post(struct pt_nl *nl, struct nlmsghdr *req)
{
	if (nl->busy)
		return -EBUSY;
	req->nlmsg_flags |= NLM_F_REQUEST;
	req->nlmsg_pid = nl->portid;
	req->nlmsg_seq = ++nl->seq;
	return nl_send(nl, req, req->nlmsg_len, 0);
}
