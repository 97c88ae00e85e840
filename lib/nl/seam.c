/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/seam - the parts that every implementation shares, and the reading of the kernel's
 * error messages, which carry more than a number since Linux 4.12.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "nl/seam.h"

int nl_new(struct pt_nl **out, const struct nl_ops *ops, void *priv)
{
	struct pt_nl *nl = calloc(1, sizeof(*nl));

	*out = NULL;
	if (!nl)
		return -ENOMEM;
	nl->buf = malloc(NL_BUF_SIZE);
	if (!nl->buf) {
		free(nl);
		return -ENOMEM;
	}
	nl->ops = ops;
	nl->priv = priv;
	nl->fd = -1;
	*out = nl;
	return 0;
}

void pt_nl_close(struct pt_nl *nl)
{
	if (!nl)
		return;
	nl->ops->close(nl);
	free(nl->buf);
	free(nl);
}

int pt_nl_fd(const struct pt_nl *nl)
{
	return nl->fd;
}

void pt_nl_watch(struct pt_nl *nl, struct pt_nl_record *rec)
{
	nl->rec = rec;
}

int nl_send(struct pt_nl *nl, const void *data, size_t len, size_t writes)
{
	if (nl->rec) {
		nl->rec->sends++;
		nl->rec->writes += writes;
		pt_buf_add(&nl->rec->bytes, data, len);
	}
	return nl->ops->send(nl, data, len);
}

int nl_code(const struct nlmsghdr *nlh)
{
	int code;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(code)) /* an old kernel's bare end of a dump */
		return nlh->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
	/* Both signs occur in the wild; a count in a NLMSG_DONE is not an error. */
	if (code > 0)
		code = nlh->nlmsg_type == NLMSG_DONE ? 0 : -code;
	return code < -4095 ? -EBADMSG : code;
}

static void copy_text(const struct nlattr *attr, char *text, size_t size)
{
	size_t n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (n >= size)
		n = size - 1;
	memcpy(text, mnl_attr_get_payload(attr), n);
	text[n] = '\0';
}

void nl_extack(const struct nlmsghdr *nlh, char *text, size_t size)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err), room = mnl_nlmsg_get_payload_len(nlh);
	const struct nlattr *attr;

	text[0] = '\0';
	if (room < sizeof(*err) || !(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* Without the cap the whole refused message stands before the attributes. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (err->msg.nlmsg_len < sizeof(err->msg) || err->msg.nlmsg_len > room)
			return;
		skip += MNL_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	}
	while (skip < room) {
		attr = (const struct nlattr *)((const uint8_t *)err + skip);
		if (!mnl_attr_ok(attr, (int)(room - skip)))
			return;
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG) {
			copy_text(attr, text, size);
			return;
		}
		skip += MNL_ALIGN(attr->nla_len);
	}
}
