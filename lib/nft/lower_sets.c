/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sets that rules look things up in. Constant ones are named by a hash of their contents:
 * equal contents share one set, and a set never changes, so a new rule cannot alter an old one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nft/lower.h"

static const struct set_shape {
	const char *suffix;
	enum pt_af af;
	uint8_t len;
	uint32_t type;
	bool interval;
} shapes[] = {
	[NFT_KIND_V4] = { "4", PT_AF_INET, 4, NFT_TYPE_IPADDR, true },
	[NFT_KIND_V6] = { "6", PT_AF_INET6, 16, NFT_TYPE_IP6ADDR, true },
	[NFT_KIND_PORT] = { "port", PT_AF_NONE, 2, NFT_TYPE_INET_SERVICE, true },
	[NFT_KIND_PROTO] = { "proto", PT_AF_NONE, 1, NFT_TYPE_INET_PROTO, true },
	/* type and code in one number: no datatype of nft's, so it prints as a port */
	[NFT_KIND_ICMP] = { "icmp", PT_AF_NONE, 2, NFT_TYPE_INET_SERVICE, true },
	[NFT_KIND_TYPE4] = { "type4", PT_AF_NONE, 1, NFT_TYPE_ICMP_TYPE, true },
	[NFT_KIND_TYPE6] = { "type6", PT_AF_NONE, 1, NFT_TYPE_ICMP6_TYPE, true },
	[NFT_KIND_OWNER] = { "owner", PT_AF_NONE, 4, NFT_TYPE_INTEGER, true },
	[NFT_KIND_MAC] = { "mac", PT_AF_NONE, 6, NFT_TYPE_ETHERADDR, true },
	[NFT_KIND_TIME] = { "time", PT_AF_NONE, 8, NFT_TYPE_TIME, true },
	[NFT_KIND_FIB] = { "fib", PT_AF_NONE, 4, NFT_TYPE_FIB_TYPE, false },
	[NFT_KIND_DEVICE] = { "dev", PT_AF_NONE, NFT_IFNAME_LEN, NFT_TYPE_IFNAME, false },
};

/* The slot of NAME: taken by it, or the free one where it belongs. */
static uint32_t *slot_of(struct nft_lower *l, const char *name)
{
	size_t i = pt_hash32(name, strlen(name)) % l->n_slots;

	while (l->set_slots[i] &&
	       strcmp(l->prog->objects.sets.v[l->set_slots[i] - 1].name, name) != 0)
		i = (i + 1) % l->n_slots;
	return &l->set_slots[i];
}

static int slots_grow(struct nft_lower *l)
{
	size_t n = l->prog->objects.sets.n;

	if (l->n_slots > 2 * n + 2)
		return 0;
	l->n_slots = 4 * n + 64;
	l->set_slots = pt_arena_alloc(l->arena, l->n_slots * sizeof(*l->set_slots));
	if (!l->set_slots) {
		l->n_slots = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		*slot_of(l, l->prog->objects.sets.v[i].name) = (uint32_t)i + 1;
	return 0;
}

static struct nft_set *set_find(struct nft_lower *l, const char *name)
{
	uint32_t *slot;

	if (slots_grow(l)) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	slot = slot_of(l, name);
	return *slot ? &l->prog->objects.sets.v[*slot - 1] : NULL;
}

/* Adds SET under a copy of NAME. */
static const char *set_add(struct nft_lower *l, const char *name, struct nft_set *set)
{
	if (l->rc)
		return NULL;
	set->name = pt_arena_strdup(l->arena, name);
	if (!set->name || slots_grow(l) || pt_vec_push(l->arena, &l->prog->objects.sets, *set)) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	*slot_of(l, set->name) = (uint32_t)l->prog->objects.sets.n;
	return set->name;
}

static void set_copy(struct nft_lower *l, struct pt_iset *out, const struct pt_iset *in)
{
	for (size_t i = 0; !l->rc && i < in->n; i++)
		if (pt_iset_add(l->arena, out, in->v[i].lo, in->v[i].hi))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(out);
}

static void set_shape(struct nft_set *set, enum nft_set_kind kind)
{
	set->af = shapes[kind].af;
	set->key_len = shapes[kind].len;
	set->key_type = shapes[kind].type;
	set->interval = shapes[kind].interval;
}

const char *nft_set_const(struct nft_lower *l, enum nft_set_kind kind, const struct pt_iset *s)
{
	struct nft_set set = { .role = NFT_SET_CONST };
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;
	uint64_t hash;

	if (l->rc)
		return NULL;
	for (hash = pt_hash64(s->v, s->n * sizeof(*s->v));; hash++) {
		nft_name(name, "c.%016" PRIx64 ".%s", hash, shapes[kind].suffix);
		have = set_find(l, name);
		if (!have)
			break;
		if (pt_iset_equal(&have->elems, s))
			return have->name;
	}
	set_shape(&set, kind);
	set_copy(l, &set.elems, s);
	return set_add(l, name, &set);
}

const char *nft_set_bucket(struct nft_lower *l, const char *name)
{
	struct nft_set set = { .role = NFT_SET_SOURCES, .dynamic = true, .keep = true, .size = 1,
			       .key_len = sizeof(uint32_t), .key_type = NFT_TYPE_MARK };
	struct nft_set *have;

	if (l->rc)
		return NULL;
	have = set_find(l, name);
	return have ? have->name : set_add(l, name, &set);
}

/* Sources that a rule counts: NAME.4 or NAME.6. SECONDS: they are forgotten after that, 0: with their last state. */
const char *nft_set_sources(struct nft_lower *l, const char *base, enum pt_af af, uint32_t size, uint32_t seconds)
{
	struct nft_set set = { .role = NFT_SET_SOURCES,
			       .dynamic = true,
			       .keep = true,
			       .size = size,
			       .has_timeout = seconds,
			       .timeout = seconds };
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;

	if (l->rc)
		return NULL;
	nft_name(name, "%s.%c", base, af == PT_AF_INET ? '4' : '6');
	have = set_find(l, name);
	if (have)
		return have->name;
	set_shape(&set, af == PT_AF_INET ? NFT_KIND_V4 : NFT_KIND_V6);
	set.interval = false;
	return set_add(l, name, &set);
}

static const char *mod_name(const struct pt_pol_ifref *r)
{
	switch (r->mod) {
	case PT_MOD_NETWORK:
		return r->no_alias ? "network0" : "network";
	case PT_MOD_BROADCAST:
		return r->no_alias ? "broadcast0" : "broadcast";
	case PT_MOD_PEER:
		return r->no_alias ? "peer0" : "peer";
	case PT_MOD_NONE:
		break;
	}
	return r->no_alias ? "addr0" : "addr";
}

const char *nft_set_ifref(struct nft_lower *l, uint32_t ref, enum pt_af af)
{
	const struct pt_pol_ifref *r = &l->policy->ifrefs.v[ref];
	struct nft_set set = { .role = NFT_SET_IF };
	struct pt_iset both[2] = { 0 };
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;

	if (l->rc)
		return NULL;
	nft_name(name, "if.%.40s.%s.%c", r->ifname, mod_name(r), af == PT_AF_INET ? '4' : '6');
	have = set_find(l, name);
	if (have)
		return have->name;
	if (pt_ifref_resolve(r, l->host, l->arena, &both[0], &both[1])) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	set_shape(&set, af == PT_AF_INET ? NFT_KIND_V4 : NFT_KIND_V6);
	set.elems = both[af != PT_AF_INET];
	return set_add(l, name, &set);
}

/* The machine's addresses, for a translated packet: the kernel's own test sees only the
 * addresses that stand in the packet. */
const char *nft_set_self(struct nft_lower *l, enum pt_af af)
{
	struct nft_set set = { .role = NFT_SET_IF };
	const char *name = af == PT_AF_INET ? "if.self.4" : "if.self.6";
	struct pt_iset both[2] = { 0 };
	struct nft_set *have;

	if (l->rc)
		return NULL;
	have = set_find(l, name);
	if (have)
		return have->name;
	if (pt_host_self(l->host, l->arena, &both[0], &both[1])) {
		nft_lower_fail(l, -ENOMEM);
		return NULL;
	}
	set_shape(&set, af == PT_AF_INET ? NFT_KIND_V4 : NFT_KIND_V6);
	set.elems = both[af != PT_AF_INET];
	return set_add(l, name, &set);
}

const char *nft_set_table(struct nft_lower *l, uint32_t table, enum pt_af af)
{
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;

	if (l->rc)
		return NULL;
	nft_table_set_name(name, l->policy->tables.v[table].conf->name, af);
	have = set_find(l, name);
	if (!have) {
		nft_lower_fail(l, -ENOENT);
		return NULL;
	}
	return have->name;
}

/* Names come from where nobody of this machine writes: a hash of one is what a set is called. */
static void outside_name(char out[NFT_SETNAME_MAX], const struct pt_pol_outside *o, enum pt_af af)
{
	char family = af == PT_AF_INET6 ? '6' : '4';

	if (o->kind == PT_OUTSIDE_COUNTRY)
		nft_name(out, "geoip.%s.%c", o->key, family);
	else
		nft_name(out, "%s.%016" PRIx64 ".%c", o->hold ? "hold" : "name", pt_hash64(o->key, strlen(o->key)), family);
}

/* A country is large and changes with the file that knows it; a name follows its answers, as an interface does. */
const char *nft_set_outside(struct nft_lower *l, uint32_t ref, enum pt_af af)
{
	const struct pt_pol_outside *o = &l->policy->outside.v[ref];
	struct nft_set set = { .role = o->kind == PT_OUTSIDE_COUNTRY ? NFT_SET_TABLE : NFT_SET_IF };
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;

	if (l->rc)
		return NULL;
	outside_name(name, o, af);
	have = set_find(l, name);
	if (have)
		return have->name;
	set_shape(&set, af == PT_AF_INET ? NFT_KIND_V4 : NFT_KIND_V6);
	set_copy(l, &set.elems, &o->set[af != PT_AF_INET]);
	return set_add(l, name, &set);
}

#define NANO 1000000000u

/* Times follow the calendar as addresses of interfaces follow the interface. */
const char *nft_set_schedule(struct nft_lower *l, uint32_t schedule)
{
	const struct pt_pol_schedule *s = &l->policy->schedules.v[schedule];
	struct nft_set set = { .role = NFT_SET_IF };
	char name[NFT_SETNAME_MAX];
	struct nft_set *have;

	if (l->rc)
		return NULL;
	nft_name(name, "time.%s", s->conf->name);
	have = set_find(l, name);
	if (have)
		return have->name;
	set_shape(&set, NFT_KIND_TIME);
	for (size_t i = 0; i < s->times.n; i++)
		if (pt_iset_add(l->arena, &set.elems, s->times.v[i].lo * NANO, s->times.v[i].hi * NANO + NANO - 1))
			nft_lower_fail(l, -ENOMEM);
	pt_iset_norm(&set.elems);
	return set_add(l, name, &set);
}

const char *nft_set_map(struct nft_lower *l, const struct nft_set *proto)
{
	struct nft_set set = *proto;
	struct nft_set *have;

	if (l->rc)
		return NULL;
	have = set_find(l, set.name);
	return have ? have->name : set_add(l, set.name, &set);
}

#define TABLE_ENTRIES 200000 /* pf's limit, too */

static void table_add(struct nft_lower *l, const struct pt_pol_table *table)
{
	const struct pt_conf_table *conf = table->conf;
	struct pt_iset both[2] = { 0 };
	int rc;

	rc = pt_policy_table(l->policy, table, l->arena, &both[0], &both[1], l->e);
	if (rc)
		nft_lower_fail(l, rc);
	for (int i = 0; i < 2 && !l->rc; i++) {
		struct nft_set set = { .role = NFT_SET_TABLE,
				       .elems = both[i],
				       .counters = conf->counters,
				       .timeout = conf->timeout };
		char name[NFT_SETNAME_MAX];

		set_shape(&set, i ? NFT_KIND_V6 : NFT_KIND_V4);
		if (table->filled) { /* rules cannot write into a set of ranges */
			set.interval = false;
			set.dynamic = true;
			set.size = l->policy->conf->limit[PT_LIMIT_TABLE_ENTRIES];
			if (!set.size)
				set.size = TABLE_ENTRIES;
		}
		/* Elements that come at run time may carry a time-out of their own. */
		set.has_timeout = conf->timeout || !conf->constant;
		set.keep = !pt_conf_table_written(conf);
		set.follows = conf->names.n > 0;
		set.constant = conf->constant || set.follows;
		nft_table_set_name(name, conf->name, set.af);
		set_add(l, name, &set);
	}
}

void nft_sets_tables(struct nft_lower *l)
{
	for (size_t i = 0; i < l->policy->tables.n && !l->rc; i++) {
		const struct pt_pol_table *t = &l->policy->tables.v[i];

		if (t->used || t->conf->persist)
			table_add(l, t);
	}
}

/* A device name as the number that its 16 bytes are. */
int nft_device_number(struct nft_lower *l, const char *device, pt_u128 *out)
{
	size_t len = strlen(device);

	if (len >= NFT_IFNAME_LEN) {
		nft_lower_fail(l, -EINVAL);
		return -EINVAL;
	}
	*out = 0;
	for (size_t i = 0; i < NFT_IFNAME_LEN; i++)
		*out = *out << 8 | (i < len ? (uint8_t)device[i] : 0);
	return 0;
}
