/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/message - the pieces of rtnetlink's messages that are alike for links, addresses, routes and neighbours. */
#include <errno.h>

#include <libmnl/libmnl.h>

#include "net/message.h"

void *net_request(union net_request *req, uint16_t type, size_t extra)
{
	struct nlmsghdr *nlh;

	memset(req, 0, sizeof(*req));
	nlh = mnl_nlmsg_put_header(req);
	nlh->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(nlh, extra);
}
