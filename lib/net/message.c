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

int net_get_addr(const struct nlattr *attr, enum pt_af af, struct pt_addr *out)
{
	size_t n;

	if (!attr)
		return 0;
	n = attr->nla_len - (size_t)MNL_ATTR_HDRLEN; /* without calls: of every route of a full table */
	if (af != PT_AF_NONE ? n != pt_af_bits(af) / 8 : n != 4 && n != 16)
		return -EBADMSG;
	*out = pt_addr_from_bytes((const uint8_t *)attr + MNL_ATTR_HDRLEN, n);
	return 0;
}

void net_put_addr(struct nlmsghdr *nlh, uint16_t type, struct pt_addr a)
{
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, type, pt_af_bits(a.af) / 8, bytes);
}
