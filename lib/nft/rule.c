/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identity of a kernel rule. The name travels as the rule's comment, so that `nft list` shows it,
 * and the number in a record of our own behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "nft/kernel.h"

#define UDATA_ID 80 /* u32, host order: these bytes never leave the machine */

/* ---- records of user data: type, length, value ---- */

/* Appends one; the caller knows that it fits. */
size_t nft_udata_put(uint8_t *to, size_t at, uint8_t type, const void *value, size_t len)
{
	to[at] = type;
	to[at + 1] = (uint8_t)len;
	memcpy(to + at + 2, value, len);
	return at + 2 + len;
}

const uint8_t *nft_udata_find(const uint8_t *data, size_t size, uint8_t type, size_t *len)
{
	for (size_t at = 0; at + 2 <= size; at += 2u + data[at + 1]) {
		if (at + 2 + data[at + 1] > size)
			return NULL;
		if (data[at] != type)
			continue;
		*len = data[at + 1];
		return data + at + 2;
	}
	return NULL;
}

/* ---- identity ---- */

int nft_rule_set_identity(struct nftnl_rule *r, uint32_t id, const char *name)
{
	uint8_t udata[NFT_USERDATA_MAXLEN];
	size_t n = 0, len = name ? strlen(name) + 1 : 0;

	if (len > NFTNL_UDATA_COMMENT_MAXLEN)
		return -EINVAL;
	if (name)
		n = nft_udata_put(udata, n, NFTNL_UDATA_RULE_COMMENT, name, len);
	if (id)
		n = nft_udata_put(udata, n, UDATA_ID, &id, sizeof(id));
	if (!n)
		return 0;
	return nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, udata, (uint32_t)n) < 0 ? -ENOMEM : 0;
}

size_t nft_elem_identity(uint8_t out[NFT_USERDATA_MAXLEN], uint32_t id, const char *name)
{
	size_t n = 0, len = name ? strlen(name) + 1 : 0;

	if (len && len <= NFTNL_UDATA_COMMENT_MAXLEN)
		n = nft_udata_put(out, n, NFTNL_UDATA_SET_ELEM_COMMENT, name, len);
	return id ? nft_udata_put(out, n, UDATA_ID, &id, sizeof(id)) : n;
}

uint32_t nft_elem_id(const struct nlattr *udata)
{
	const uint8_t *value;
	uint32_t id = 0;
	size_t len;

	if (!udata)
		return 0;
	value = nft_udata_find(mnl_attr_get_payload(udata), mnl_attr_get_payload_len(udata), UDATA_ID,
			       &len);
	if (value && len == sizeof(id))
		memcpy(&id, value, sizeof(id));
	return id;
}

int nft_rule_get_identity(const void *udata, size_t size, struct pt_arena *a, uint32_t *id,
			  const char **name)
{
	const uint8_t *value;
	size_t len;

	*id = 0;
	*name = NULL;
	value = nft_udata_find(udata, size, UDATA_ID, &len);
	if (value && len == sizeof(*id))
		memcpy(id, value, sizeof(*id));
	value = nft_udata_find(udata, size, NFTNL_UDATA_RULE_COMMENT, &len);
	if (!value || len < 2 || value[len - 1])
		return 0;
	*name = pt_arena_strdup(a, (const char *)value);
	return *name ? 0 : -ENOMEM;
}

/* ---- what else a rule tells ---- */

struct set_search {
	bool (*match)(const char *set, const void *arg);
	const void *arg;
};

static int expr_uses_set(struct nftnl_expr *expr, void *arg)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), *set = NULL;
	const struct set_search *search = arg;

	if (!strcmp(name, "lookup"))
		set = nftnl_expr_get_str(expr, NFTNL_EXPR_LOOKUP_SET);
	else if (!strcmp(name, "dynset"))
		set = nftnl_expr_get_str(expr, NFTNL_EXPR_DYNSET_SET_NAME);
	return set && search->match(set, search->arg) ? -1 : 0;
}

bool nft_rule_uses_set(struct nftnl_rule *r, bool (*match)(const char *set, const void *arg),
		       const void *arg)
{
	struct set_search search = { .match = match, .arg = arg };

	return nftnl_expr_foreach(r, expr_uses_set, &search) < 0;
}

static int count_expr(struct nftnl_expr *expr, void *arg)
{
	size_t *n = arg;

	(void)expr;
	(*n)++;
	return 0;
}

/* More than any expression takes, its attributes included. */
#define EXPR_BYTES 512

size_t nft_rule_bytes(struct nftnl_rule *r)
{
	size_t n = 0;

	nftnl_expr_foreach(r, count_expr, &n);
	return n * EXPR_BYTES;
}
