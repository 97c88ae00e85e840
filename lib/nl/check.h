/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/check - reading of messages and attributes whose every length may be a lie.
 *
 * libmnl checks that an attribute lies inside its message; that a number is as long as it should be
 * is for the reader to check, and forgetting it once reads past the end. These do not forget.
 */
#ifndef PATRONUS_NL_CHECK_H
#define PATRONUS_NL_CHECK_H

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <patronus/base.h>

/* The message at NLH lies whole in the LEN bytes from there. libmnl's own check takes a length beyond
 * INT_MAX for a negative one and says yes. */
static inline bool nl_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (unsigned int)len;
}

struct nl_table {
	const struct nlattr **v;
	size_t n;
};

static inline int nl_table_put(const struct nlattr *attr, void *arg)
{
	const struct nl_table *t = arg;

	if (mnl_attr_get_type(attr) < t->n)
		t->v[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

/* Attributes by type into V[N], NULL where there is none. HEAD: size of the header before them. */
static inline int nl_attrs(const struct nlmsghdr *nlh, size_t head, const struct nlattr **v, size_t n)
{
	struct nl_table t = {v, n};

	memset(v, 0, n * sizeof(*v));
	if (mnl_nlmsg_get_payload_len(nlh) < head)
		return -EBADMSG;
	return mnl_attr_parse(nlh, (unsigned int)head, nl_table_put, &t) < 0 ? -EBADMSG : 0;
}

static inline int nl_nested(const struct nlattr *attr, const struct nlattr **v, size_t n)
{
	struct nl_table t = {v, n};

	memset(v, 0, n * sizeof(*v));
	return mnl_attr_parse_nested(attr, nl_table_put, &t) < 0 ? -EBADMSG : 0;
}

/* SIZE bytes of an attribute that must have as many; a missing attribute changes nothing. */
static inline int nl_get(const struct nlattr *attr, void *out, size_t size)
{
	if (!attr)
		return 0;
	if (mnl_attr_get_payload_len(attr) < size)
		return -EBADMSG;
	memcpy(out, mnl_attr_get_payload(attr), size);
	return 0;
}

/* Numbers in network order, as netfilter has them. */
static inline int nl_get_be16(const struct nlattr *attr, uint16_t *out)
{
	uint16_t v = htobe16(*out);
	int rc = nl_get(attr, &v, sizeof(v));

	*out = be16toh(v);
	return rc;
}

static inline int nl_get_be32(const struct nlattr *attr, uint32_t *out)
{
	uint32_t v = htobe32(*out);
	int rc = nl_get(attr, &v, sizeof(v));

	*out = be32toh(v);
	return rc;
}

static inline int nl_get_be64(const struct nlattr *attr, uint64_t *out)
{
	uint64_t v = htobe64(*out);
	int rc = nl_get(attr, &v, sizeof(v));

	*out = be64toh(v);
	return rc;
}

/* A name: NUL-terminated inside the attribute, shorter than SIZE. */
static inline int nl_get_name(const struct nlattr *attr, char *out, size_t size)
{
	size_t n, len = mnl_attr_get_payload_len(attr);

	n = strnlen(mnl_attr_get_payload(attr), len);
	if (n >= size)
		return -EBADMSG;
	memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
	return 0;
}

#endif
