/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MaxMind's MMDB, version 2 (https://maxmind.github.io/MaxMind-DB/): a binary tree over the bits of addresses, whose leaves
 * point to records. Of each record only the country's iso_code is wanted, so the tree is walked once and the answer to
 * each record kept, for thousands of leaves share a few hundred records.
 *
 * Nothing in the file is believed: every offset is checked, nests have a bounded depth, and a tree that comes back to
 * itself ends at the number of nodes that it says it has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "geoip/internal.h"

#define MARK "\xab\xcd\xef" "MaxMind.com"
#define MARK_LEN (sizeof(MARK) - 1)
#define META_MAX 131072 /* the mark stands in the last 128 KiB */
#define GAP 16          /* zeros between tree and records */
#define NEST_MAX 16
#define VALUES_MAX 4096 /* of one record */
#define KNOWN 4096      /* places for answers */

enum { T_EXTENDED, T_POINTER, T_STRING, T_DOUBLE, T_BYTES, T_UINT16, T_UINT32, T_MAP, T_INT32, T_UINT64, T_UINT128, T_ARRAY,
       T_CONTAINER, T_END, T_BOOL, T_FLOAT };

/* A piece of the file that offsets count in. */
struct section {
	const uint8_t *p;
	size_t len;
};

struct value {
	uint8_t type;
	size_t size; /* bytes, or pairs of a map, members of an array */
	size_t at;   /* of the contents */
};

struct known {
	size_t offset; /* + 1 */
	char code[3];
};

struct mmdb {
	struct geoip_reader *r;
	struct section tree, data;
	uint64_t nodes, record_bits;
	uint64_t v4;       /* the node where IPv4 begins; NODES: none */
	uint64_t left;     /* nodes that may still be looked at */
	unsigned int bits; /* 128, or 32 */
	struct known known[KNOWN];
};

/* ---- values ---- */

static bool number(const struct section *s, size_t at, size_t n, uint64_t *out)
{
	*out = 0;
	if (n > 8 || at > s->len || n > s->len - at)
		return false;
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | s->p[at + i];
	return true;
}

/* Sizes from 29 on stand in the bytes behind. */
static bool long_size(const struct section *s, size_t *at, size_t *size)
{
	static const size_t base[] = { 29, 285, 65821 };
	size_t n;
	uint64_t more;

	if (*size < 29)
		return true;
	n = *size - 28;
	if (!number(s, *at, n, &more))
		return false;
	*size = base[n - 1] + (size_t)more;
	*at += n;
	return true;
}

static bool pointer(const struct section *s, uint8_t control, size_t *at, size_t *to)
{
	static const uint64_t base[] = { 0, 2048, 526336, 0 };
	size_t n = (control >> 3 & 3) + 1u;
	uint64_t v;

	if (!number(s, *at, n, &v))
		return false;
	if (n < 4)
		v |= (uint64_t)(control & 7) << (8 * n);
	*at += n;
	*to = (size_t)(v + base[n - 1]);
	return true;
}

/* The value at *AT, which goes behind it (behind its head, where it is a map or an array). A pointer is what it points to. */
static bool value(const struct section *s, size_t *at, struct value *v)
{
	size_t target;
	uint8_t control;

	if (!s->p || *at >= s->len)
		return false;
	control = s->p[(*at)++];
	v->type = control >> 5;
	v->size = control & 31;
	if (v->type == T_POINTER) {
		if (!pointer(s, control, at, &target) || target >= s->len || s->p[target] >> 5 == T_POINTER)
			return false; /* the format has no pointers to pointers */
		return value(s, &target, v);
	}
	if (v->type == T_EXTENDED) {
		if (*at >= s->len || s->p[*at] > T_FLOAT - 7)
			return false;
		v->type = (uint8_t)(s->p[(*at)++] + 7);
	}
	if (!long_size(s, at, &v->size))
		return false;
	v->at = *at;
	if (v->type == T_MAP || v->type == T_ARRAY)
		return v->size <= s->len;
	if (v->type == T_BOOL)
		return true;
	if (v->size > s->len - *at)
		return false;
	*at += v->size;
	return true;
}

static bool is_string(const struct section *s, const struct value *v, const char *text)
{
	return v->type == T_STRING && v->size == strlen(text) && !memcmp(s->p + v->at, text, v->size);
}

static bool is_nest(const struct value *v)
{
	return v->type == T_MAP || v->type == T_ARRAY;
}

/* Behind the value at *AT, with all that is in it. */
static bool skip(const struct section *s, size_t *at, unsigned int depth, unsigned int *budget)
{
	bool direct = *at < s->len && s->p[*at] >> 5 != T_POINTER;
	struct value v;
	size_t members;

	if (depth > NEST_MAX || !*budget || !value(s, at, &v))
		return false;
	--*budget;
	if (!direct || !is_nest(&v))
		return true;
	members = v.type == T_MAP ? 2 * v.size : v.size;
	for (size_t i = 0; i < members; i++)
		if (!skip(s, at, depth + 1, budget))
			return false;
	return true;
}

/* Looks for KEY in the map at AT; 1: found, in *OUT; 0: it is not there; -1: the file is broken. */
static int member(const struct section *s, size_t at, const char *key, struct value *out)
{
	unsigned int budget = VALUES_MAX;
	struct value map, k;

	if (!value(s, &at, &map))
		return -1;
	if (map.type != T_MAP)
		return 0;
	at = map.at;
	for (size_t i = 0; i < map.size; i++) {
		if (!value(s, &at, &k))
			return -1;
		if (is_string(s, &k, key))
			return value(s, &at, out) ? 1 : -1;
		if (!skip(s, &at, 0, &budget))
			return -1;
	}
	return 0;
}

static bool member_number(const struct section *s, const char *key, uint64_t *out)
{
	struct value v;

	return member(s, 0, key, &v) == 1 && (v.type == T_UINT16 || v.type == T_UINT32 || v.type == T_UINT64) &&
	       number(s, v.at, v.size, out);
}

/* ---- records ---- */

/* {"country": {"iso_code": "DE"}}, or {"country": "DE"} and {"country_code": "DE"} of smaller ones. False: broken. */
static bool read_code(const struct section *s, size_t at, char code[3])
{
	struct value country, v;
	int found = member(s, at, "country", &country);

	code[0] = '\0';
	if (!found)
		found = member(s, at, "country_code", &country);
	if (found != 1)
		return !found;
	if (country.type == T_MAP) {
		unsigned int budget = VALUES_MAX;
		size_t in = country.at;

		for (size_t i = 0; i < country.size; i++) {
			if (!value(s, &in, &v))
				return false;
			if (is_string(s, &v, "iso_code")) {
				if (!value(s, &in, &country))
					return false;
				break;
			}
			if (!skip(s, &in, 0, &budget))
				return false;
		}
	}
	if (country.type == T_STRING && country.size == 2)
		memcpy(code, s->p + country.at, 2);
	code[2] = '\0';
	return true;
}

static bool code_of(struct mmdb *m, size_t offset, const char **code)
{
	struct known *k = &m->known[(offset * 2654435761u >> 8) % KNOWN];

	if (k->offset != offset + 1) {
		if (!read_code(&m->data, offset, k->code))
			return false;
		k->offset = offset + 1;
	}
	*code = k->code;
	return true;
}

/* ---- the tree ---- */

static uint64_t child(const struct mmdb *m, uint64_t node, unsigned int right)
{
	const uint8_t *p = m->tree.p + node * m->record_bits / 4;
	uint64_t v = 0;

	if (m->record_bits == 28) {
		v = right ? p[3] & 15u : p[3] >> 4;
		for (int i = 0; i < 3; i++)
			v = v << 8 | p[right ? 4 + i : i];
		return v;
	}
	for (size_t i = 0, n = m->record_bits / 8; i < n; i++)
		v = v << 8 | p[right * n + i];
	return v;
}

static int leaf(struct mmdb *m, uint64_t v, pt_u128 lo, unsigned int depth, enum pt_af af)
{
	unsigned int bits = pt_af_bits(af);
	pt_u128 span = bits - depth == 128 ? ~(pt_u128)0 : ((pt_u128)1 << (bits - depth)) - 1;
	struct pt_geoip_list *list;
	const char *code;

	if (v < m->nodes + GAP || !code_of(m, (size_t)(v - m->nodes - GAP), &code))
		return -EBADMSG;
	m->r->seen[af == PT_AF_INET6] = true;
	list = *code ? geoip_list(m->r, code) : NULL;
	return list ? pt_iset_add(m->r->arena, &list->set[af == PT_AF_INET6], lo, lo | span) : 0;
}

/* All below NODE, whose addresses begin with the DEPTH bits of LO. */
static int walk(struct mmdb *m, uint64_t node, pt_u128 lo, unsigned int depth, enum pt_af af)
{
	unsigned int bits = pt_af_bits(af);
	int rc = 0;

	/* The whole of IPv4 hangs in the tree of IPv6 more than once: in ::/96, and where it is translated. */
	if (af == PT_AF_INET6 && node == m->v4)
		return 0;
	if (depth >= bits || !m->left)
		return -EBADMSG;
	m->left--;
	for (unsigned int right = 0; !rc && right < 2; right++) {
		uint64_t next = child(m, node, right);
		pt_u128 at = lo | (pt_u128)right << (bits - depth - 1);

		if (next < m->nodes)
			rc = walk(m, next, at, depth + 1, af);
		else if (next > m->nodes)
			rc = leaf(m, next, at, depth + 1, af);
	}
	return rc;
}

static int walk_both(struct mmdb *m)
{
	uint64_t node = 0;
	int rc;

	m->v4 = m->nodes;
	for (unsigned int i = 0; m->bits == 128 && i < 96 && node < m->nodes; i++)
		node = child(m, node, 0);
	m->left = m->nodes;
	if (node > m->nodes)
		rc = leaf(m, node, 0, 0, PT_AF_INET);
	else
		rc = node < m->nodes ? walk(m, node, 0, 0, PT_AF_INET) : 0;
	if (rc || m->bits != 128)
		return rc;
	m->v4 = node;
	m->left = m->nodes;
	return walk(m, 0, 0, 0, PT_AF_INET6);
}

/* ---- the file ---- */

static const uint8_t *find_mark(const uint8_t *data, size_t len)
{
	size_t from = len > META_MAX ? len - META_MAX : 0;
	const uint8_t *found = NULL, *p = data + from;

	while (len - (size_t)(p - data) >= MARK_LEN && (p = memmem(p, len - (size_t)(p - data), MARK, MARK_LEN)))
		found = p++;
	return found;
}

bool geoip_is_mmdb(const void *data, size_t len)
{
	return find_mark(data, len) != NULL;
}

static bool read_meta(struct mmdb *m, const uint8_t *data, size_t len)
{
	const uint8_t *mark = find_mark(data, len);
	struct section meta = { mark + MARK_LEN, len - (size_t)(mark - data) - MARK_LEN };
	uint64_t major, version, size;

	if (!member_number(&meta, "binary_format_major_version", &major) || major != 2 ||
	    !member_number(&meta, "node_count", &m->nodes) || !member_number(&meta, "record_size", &m->record_bits) ||
	    !member_number(&meta, "ip_version", &version) || (version != 4 && version != 6))
		return false;
	if (m->record_bits != 24 && m->record_bits != 28 && m->record_bits != 32)
		return false;
	if (!m->nodes || m->nodes > len)
		return false;
	size = m->nodes * m->record_bits / 4;
	if (size + GAP > (uint64_t)(mark - data))
		return false;
	m->bits = version == 6 ? 128 : 32;
	m->tree = (struct section){ data, (size_t)size };
	m->data = (struct section){ data + size + GAP, (size_t)(mark - data) - (size_t)size - GAP };
	return true;
}

int geoip_mmdb(struct geoip_reader *r, const uint8_t *data, size_t len)
{
	struct mmdb *m = calloc(1, sizeof(*m));
	int rc = -EBADMSG;

	if (!m)
		return -ENOMEM;
	m->r = r;
	if (read_meta(m, data, len))
		rc = walk_both(m);
	free(m);
	if (rc != -EBADMSG)
		return rc;
	pt_err_add(r->e, PT_ERROR, NULL, "get the file anew", "%s: this MMDB file is damaged, or of another version", r->path);
	return -EINVAL;
}
