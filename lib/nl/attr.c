/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nl/attr - reading of attributes whose every length may be a lie.
 *
 * libmnl checks that an attribute lies inside its message; that a number is as long as it should be
 * is for the reader to check, and forgetting it once reads past the end. These do not forget.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include <patronus/nl.h>

static void forget(const struct nlattr **v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = NULL;
}

/* libmnl would walk on to the aligned end of the message, up to three bytes behind it. */
static void sort_attrs(const uint8_t *at, size_t left, const struct nlattr **v, size_t n)
{
	const struct nlattr *attr;
	size_t step, type;

	forget(v, n);
	while (left >= sizeof(*attr)) {
		attr = (const struct nlattr *)at;
		if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
			return;
		type = attr->nla_type & NLA_TYPE_MASK; /* a call of libmnl for each would be felt */
		if (type < n)
			v[type] = attr;
		step = MNL_ALIGN(attr->nla_len);
		if (step >= left)
			return;
		at += step;
		left -= step;
	}
}

int pt_nl_attrs(const struct nlmsghdr *nlh, size_t head, const struct nlattr **v, size_t n)
{
	size_t len = nlh->nlmsg_len - MNL_NLMSG_HDRLEN, skip = MNL_ALIGN(head); /* as libmnl, without the calls */

	if (len <= skip) {
		forget(v, n);
		return len < head ? -EBADMSG : 0;
	}
	sort_attrs((const uint8_t *)nlh + MNL_NLMSG_HDRLEN + skip, len - skip, v, n);
	return 0;
}

int pt_nl_nested(const struct nlattr *attr, const struct nlattr **v, size_t n)
{
	sort_attrs((const uint8_t *)attr + NLA_HDRLEN, attr->nla_len - NLA_HDRLEN, v, n);
	return 0;
}

/* Inline, so that the compiler knows SIZE and copies a number by one instruction. */
static inline int get(const struct nlattr *attr, void *out, size_t size)
{
	if (!attr)
		return 0;
	if (attr->nla_len < NLA_HDRLEN + size)
		return -EBADMSG;
	memcpy(out, (const uint8_t *)attr + NLA_HDRLEN, size);
	return 0;
}

int pt_nl_get(const struct nlattr *attr, void *out, size_t size)
{
	return get(attr, out, size);
}

int pt_nl_get_be16(const struct nlattr *attr, uint16_t *out)
{
	uint16_t v = htobe16(*out);
	int rc = get(attr, &v, sizeof(v));

	*out = be16toh(v);
	return rc;
}

int pt_nl_get_be32(const struct nlattr *attr, uint32_t *out)
{
	uint32_t v = htobe32(*out);
	int rc = get(attr, &v, sizeof(v));

	*out = be32toh(v);
	return rc;
}

int pt_nl_get_be64(const struct nlattr *attr, uint64_t *out)
{
	uint64_t v = htobe64(*out);
	int rc = get(attr, &v, sizeof(v));

	*out = be64toh(v);
	return rc;
}

int pt_nl_get_str(const struct nlattr *attr, char *out, size_t size)
{
	size_t n;

	if (!attr)
		return 0;
	n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (n >= size)
		return -EBADMSG;
	memcpy(out, mnl_attr_get_payload(attr), n);
	out[n] = '\0';
	return 0;
}

int pt_nl_get_addr(const struct nlattr *attr, enum pt_af af, struct pt_addr *out)
{
	size_t n;

	if (!attr)
		return 0;
	n = attr->nla_len - (size_t)NLA_HDRLEN; /* without calls: of every route of a full table */
	if (af != PT_AF_NONE ? n != pt_af_bits(af) / 8 : n != 4 && n != 16)
		return -EBADMSG;
	*out = pt_addr_from_bytes((const uint8_t *)attr + NLA_HDRLEN, n);
	return 0;
}

int pt_nl_get_via(const struct nlattr *attr, struct pt_addr *out)
{
	const uint8_t *p;
	uint16_t family;
	size_t n;

	if (!attr)
		return 0;
	p = mnl_attr_get_payload(attr);
	n = mnl_attr_get_payload_len(attr);
	if (n < sizeof(family))
		return -EBADMSG;
	memcpy(&family, p, sizeof(family));
	n -= sizeof(family);
	if ((family != AF_INET || n != 4) && (family != AF_INET6 || n != 16))
		return -EBADMSG;
	*out = pt_addr_from_bytes(p + sizeof(family), n);
	return 0;
}

void pt_nl_put_addr(struct nlmsghdr *nlh, uint16_t type, struct pt_addr a)
{
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	mnl_attr_put(nlh, type, pt_af_bits(a.af) / 8, bytes);
}
