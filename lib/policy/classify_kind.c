/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Device, protocol and TCP flags: few values each, so a table of all combinations is small. Rules that ask
 * for the same of all three are one group; combinations in which the same groups hold are one kind, with a
 * row of bits that the rows of the rest are made from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#define N_PROTOS 256
#define N_FLAGS 258 /* and absent, and other */

struct kind_build {
	struct policy_class_build *b;
	struct policy_kinds *out;
	struct policy_groups groups;
	const struct pt_class_device **by_name; /* the input's devices */
	size_t n_names;
	struct policy_hash *device_hash;  /* of each in BY_NAME */
	uint32_t *device_class;
	bool *listed;                     /* while a group is looked at: its devices' classes */
	uint32_t proto_class[N_PROTOS], flags_class[N_FLAGS];
	uint32_t n_device, n_proto, n_flags;
	uint16_t proto_sample[N_PROTOS], flags_sample[N_FLAGS]; /* a value of each class */
	struct policy_hash *cells;
	uint32_t *kind; /* of each cell */
	uint32_t *last; /* group + 1 that was last added to each kind's row */
};

/* ---- groups ---- */

static bool all(const struct pt_pol_rule *r __attribute__((unused)), int how __attribute__((unused)))
{
	return true;
}

static uint64_t hash(const struct pt_pol_rule *r, int how __attribute__((unused)))
{
	uint64_t h = policy_mix((uint64_t)r->flags_set << 16 | (uint64_t)r->flags_mask << 8 | r->proto_any << 1 | 1);

	for (size_t i = 0; !r->proto_any && i < r->protos.n; i++)
		h = policy_mix(h + r->protos.v[i]);
	if (r->if_any)
		return h;
	for (size_t i = 0; i < r->devices.n; i++)
		h = policy_mix(h ^ pt_hash64(r->devices.v[i], strlen(r->devices.v[i])));
	return policy_mix(h + r->if_neg);
}

static bool same_devices(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	if (x->if_any || y->if_any)
		return x->if_any && y->if_any;
	if (x->if_neg != y->if_neg || x->devices.n != y->devices.n)
		return false;
	for (size_t i = 0; i < x->devices.n; i++)
		if (strcmp(x->devices.v[i], y->devices.v[i]) != 0)
			return false;
	return true;
}

static bool same(const struct pt_pol_rule *x, const struct pt_pol_rule *y, int how __attribute__((unused)))
{
	if (x->flags_set != y->flags_set || x->flags_mask != y->flags_mask || x->proto_any != y->proto_any)
		return false;
	if (!x->proto_any &&
	    (x->protos.n != y->protos.n || (x->protos.n && memcmp(x->protos.v, y->protos.v, x->protos.n) != 0)))
		return false;
	return same_devices(x, y);
}

static const struct policy_trait trait = { all, hash, same, 0 };

/* ---- conditions ---- */

static bool has_proto(const struct pt_pol_rule *r, uint32_t proto)
{
	return r->proto_any || (r->protos.n && memchr(r->protos.v, (int)proto, r->protos.n));
}

static bool has_flags(const struct pt_pol_rule *r, uint32_t flags)
{
	if (!r->flags_mask)
		return true;
	return flags < WALK_FLAGS_ABSENT && (flags & r->flags_mask) == r->flags_set;
}

static bool all_but(const struct pt_pol_rule *r)
{
	return r->if_any || r->if_neg;
}

/* ---- devices ---- */

static int by_name(const void *x, const void *y)
{
	const struct pt_class_device *const *a = x, *const *b = y;
	int order = strcmp((*a)->name, (*b)->name);

	return order ? order : ((*a)->index > (*b)->index) - ((*a)->index < (*b)->index);
}

static size_t first_named(const struct kind_build *k, const char *name)
{
	size_t from = 0, to = k->n_names;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(k->by_name[mid]->name, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* Calls FN for each device that R names. */
static void each_named(struct kind_build *k, const struct pt_pol_rule *r, uint32_t group,
		       void (*fn)(struct kind_build *k, size_t device, uint32_t group))
{
	for (size_t i = 0; !r->if_any && i < r->devices.n; i++) {
		const char *name = r->devices.v[i];

		for (size_t d = first_named(k, name); d < k->n_names && !strcmp(k->by_name[d]->name, name); d++)
			fn(k, d, group);
	}
}

static void toggle_device(struct kind_build *k, size_t device, uint32_t group)
{
	policy_toggle(&k->device_hash[device], group);
}

/* Negated lists are told by their names, too: who stands in one is of another class than who does not. */
static int device_classes(struct kind_build *k)
{
	struct policy_seen seen = { 0 };
	uint32_t *value;
	int rc = 0;

	for (uint32_t g = 0; g < k->groups.n; g++)
		each_named(k, policy_sample(k->b, &k->groups, g), g, toggle_device);
	for (size_t d = 0; !rc && d < k->n_names; d++) {
		rc = policy_seen_get(&seen, k->device_hash[d], &value);
		if (rc)
			break;
		if (*value == WALK_NONE)
			*value = k->n_device++;
		k->device_class[d] = *value;
	}
	free(seen.slots);
	return rc;
}

static int by_key(const void *x, const void *y)
{
	const struct policy_mark *a = x, *b = y;

	return (a->low > b->low) - (a->low < b->low);
}

static int add_device_key(policy_marks *keys, uint64_t index, uint32_t value)
{
	struct policy_mark key = { .low = index, .number = value };

	/* Where one device's index follows another's, nothing is between. */
	if (keys->n && keys->v[keys->n - 1].low == index)
		keys->n--;
	return pt_vec_push(NULL, keys, key);
}

static int put_devices(struct kind_build *k)
{
	policy_marks sorted = { 0 }, keys = { 0 };
	int rc = add_device_key(&keys, 0, WALK_NONE);

	for (size_t d = 0; !rc && d < k->n_names; d++) {
		struct policy_mark m = { .low = k->by_name[d]->index, .number = k->device_class[d] };

		rc = pt_vec_push(NULL, &sorted, m);
	}
	if (!rc && sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_key);
	for (size_t d = 0; !rc && d < sorted.n; d++) {
		rc = add_device_key(&keys, sorted.v[d].low, sorted.v[d].number);
		if (!rc)
			rc = add_device_key(&keys, sorted.v[d].low + 1, WALK_NONE);
	}
	if (!rc)
		policy_tree_put(&k->b->blob, &keys, false, &k->b->head.device);
	free(sorted.v);
	free(keys.v);
	return rc;
}

/* ---- protocols and flags ---- */

/* Classes of the values 0 to N-1 by the groups that have them. ALONE is a class by itself. */
static int value_classes(const struct kind_build *k, bool (*has)(const struct pt_pol_rule *r, uint32_t value),
			 uint32_t n, uint32_t alone, uint32_t *class, uint16_t *sample, uint32_t *n_classes)
{
	struct policy_seen seen = { 0 };
	uint32_t *value;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n; i++) {
		struct policy_hash h = { i == alone, 0 };

		for (uint32_t g = 0; g < k->groups.n; g++)
			if (has(policy_sample(k->b, &k->groups, g), i))
				policy_toggle(&h, g);
		rc = policy_seen_get(&seen, h, &value);
		if (rc)
			break;
		if (*value == WALK_NONE) {
			sample[*n_classes] = (uint16_t)i;
			*value = (*n_classes)++;
		}
		class[i] = *value;
	}
	free(seen.slots);
	return rc;
}

static size_t put_bytes(struct policy_blob *b, const uint32_t *class, size_t n)
{
	size_t at = policy_blob_room(b, (n + 7) / 8, 1);

	for (size_t i = 0; at && i < n; i++)
		b->words[at + i / 8] |= (uint64_t)class[i] << i % 8 * 8;
	return at;
}

static int classes(struct kind_build *k)
{
	struct walk_head *h = &k->b->head;
	int rc;

	rc = value_classes(k, has_proto, N_PROTOS, PT_PROTO_TCP, k->proto_class, k->proto_sample, &k->n_proto);
	/* Packets that are not TCP have no flags: any class is right for them, see cell_of(). */
	if (!rc)
		rc = value_classes(k, has_flags, WALK_FLAGS_OTHER, WALK_NONE, k->flags_class, k->flags_sample, &k->n_flags);
	if (!rc)
		rc = device_classes(k);
	if (!rc && k->n_flags > 256)
		rc = -E2BIG; /* a class is a byte */
	if (rc)
		return rc;
	h->t_proto = put_bytes(&k->b->blob, k->proto_class, N_PROTOS);
	h->t_flags = put_bytes(&k->b->blob, k->flags_class, N_FLAGS);
	h->n_flags = k->n_flags;
	h->n_device = k->n_device = k->n_device ? k->n_device : 1;
	return put_devices(k);
}

/* ---- kinds ---- */

static size_t n_cells(const struct kind_build *k)
{
	return (size_t)k->n_proto * k->n_flags * k->n_device;
}

/* Flags make no difference where the protocol is not TCP. */
static size_t cell_of(const struct kind_build *k, uint32_t proto, uint32_t flags, uint32_t device)
{
	if (k->proto_sample[proto] != PT_PROTO_TCP)
		flags = 0;
	return ((size_t)proto * k->n_flags + flags) * k->n_device + device;
}

static void list_device(struct kind_build *k, size_t device, uint32_t group __attribute__((unused)))
{
	k->listed[k->device_class[device]] = true;
}

/* Calls FN for each cell of protocol P in which GROUP holds, on the devices marked. */
static void each_cell_of(struct kind_build *k, uint32_t group, uint32_t p,
			 void (*fn)(struct kind_build *k, size_t cell, uint32_t group))
{
	const struct pt_pol_rule *r = policy_sample(k->b, &k->groups, group);
	bool tcp = k->proto_sample[p] == PT_PROTO_TCP, but = all_but(r);

	for (uint32_t f = 0; f < (tcp ? k->n_flags : 1); f++) {
		if (tcp && !has_flags(r, k->flags_sample[f]))
			continue;
		for (uint32_t d = 0; d < k->n_device; d++)
			if (k->listed[d] != but)
				fn(k, cell_of(k, p, f, d), group);
	}
}

static void each_cell(struct kind_build *k, void (*fn)(struct kind_build *k, size_t cell, uint32_t group))
{
	for (uint32_t g = 0; g < k->groups.n; g++) {
		const struct pt_pol_rule *r = policy_sample(k->b, &k->groups, g);

		memset(k->listed, 0, k->n_device * sizeof(*k->listed));
		each_named(k, r, g, list_device);
		for (uint32_t p = 0; p < k->n_proto; p++)
			if (has_proto(r, k->proto_sample[p]))
				each_cell_of(k, g, p, fn);
	}
}

static void toggle_cell(struct kind_build *k, size_t cell, uint32_t group)
{
	policy_toggle(&k->cells[cell], group);
}

/* Numbers the kinds and writes which one each cell is of. */
static int number_kinds(struct kind_build *k, struct policy_kinds *out)
{
	struct policy_seen seen = { 0 };
	uint32_t *value;
	int rc = 0;

	for (uint32_t p = 0; !rc && p < k->n_proto; p++) {
		for (uint32_t i = 0; !rc && i < k->n_flags * k->n_device; i++) {
			size_t cell = cell_of(k, p, i / k->n_device, i % k->n_device);

			rc = policy_seen_get(&seen, k->cells[cell], &value);
			if (rc)
				break;
			if (*value == WALK_NONE)
				*value = out->n++;
			k->kind[(size_t)p * k->n_flags * k->n_device + i] = *value;
		}
	}
	free(seen.slots);
	k->b->head.n_x = out->n;
	k->b->head.t_x = policy_blob_numbers(&k->b->blob, k->kind, n_cells(k));
	return rc ? rc : k->b->blob.rc;
}

static int make_rows(struct kind_build *k, struct policy_kinds *out)
{
	const struct policy_row *shape = &k->b->row;
	size_t size = shape->n_words + shape->n_summary;

	if (out->n * size > k->b->blob.max)
		return -E2BIG;
	out->rows = calloc(out->n, sizeof(*out->rows));
	k->last = calloc(out->n, sizeof(*k->last));
	if (!out->rows || !k->last)
		return -ENOMEM;
	for (uint32_t i = 0; i < out->n; i++)
		if (policy_row_new(shape->n_words, &out->rows[i]))
			return -ENOMEM;
	return 0;
}

static void fill_row(struct kind_build *k, size_t cell, uint32_t group)
{
	uint32_t kind = k->kind[cell];

	if (k->last[kind] == group + 1)
		return;
	k->last[kind] = group + 1;
	for (uint32_t i = k->groups.start[group]; i < k->groups.start[group + 1]; i++)
		policy_row_set(&k->out->rows[kind], k->groups.rules[i]);
}

static int prepare(struct kind_build *k)
{
	const struct pt_class_input *in = k->b->in;

	k->by_name = malloc((in->n_devices + 1) * sizeof(*k->by_name)); /* NOLINT(bugprone-sizeof-expression) */
	k->device_hash = calloc(in->n_devices + 1, sizeof(*k->device_hash));
	k->device_class = calloc(in->n_devices + 1, sizeof(*k->device_class));
	if (!k->by_name || !k->device_hash || !k->device_class)
		return -ENOMEM;
	for (; k->n_names < in->n_devices; k->n_names++)
		k->by_name[k->n_names] = &in->devices[k->n_names];
	qsort(k->by_name, k->n_names, sizeof(*k->by_name), by_name); /* NOLINT(bugprone-sizeof-expression) */
	return policy_groups_make(k->b, &trait, &k->groups);
}

static int make(struct kind_build *k, struct policy_kinds *out)
{
	int rc = classes(k);

	if (rc)
		return rc;
	if (n_cells(k) > k->b->blob.max)
		return -E2BIG;
	k->cells = calloc(n_cells(k), sizeof(*k->cells));
	k->kind = calloc(n_cells(k), sizeof(*k->kind));
	k->listed = calloc(k->n_device, sizeof(*k->listed));
	if (!k->cells || !k->kind || !k->listed)
		return -ENOMEM;
	each_cell(k, toggle_cell);
	rc = number_kinds(k, out);
	if (!rc)
		rc = make_rows(k, out);
	if (!rc)
		each_cell(k, fill_row);
	return rc;
}

int policy_class_kinds(struct policy_class_build *b, struct policy_kinds *out)
{
	struct kind_build k = { .b = b, .out = out };
	int rc = prepare(&k);

	b->part = "devices, protocols and TCP flags";
	if (!rc)
		rc = make(&k, out);
	policy_groups_fini(&k.groups);
	free(k.by_name);
	free(k.device_hash);
	free(k.device_class);
	free(k.listed);
	free(k.cells);
	free(k.kind);
	free(k.last);
	return rc;
}

void policy_kinds_fini(struct policy_kinds *k)
{
	for (uint32_t i = 0; k->rows && i < k->n; i++)
		free(k->rows[i].words);
	free(k->rows);
}
