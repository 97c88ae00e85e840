/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is applied, in the user data of a chain without rules: digest and path of the file, the
 * time, and what the big sets hold, all within the 256 bytes that the kernel takes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/kernel.h"

/* A digest of hexadecimal digits is packed, so that more of the rest fits. */
enum {
	APPLIED_PACKED = 80, APPLIED_TEXT, APPLIED_PATH, APPLIED_TIME, APPLIED_GENID, APPLIED_SETS, APPLIED_BEFORE, APPLIED_PATCH,
};
#define APPLIED_DIGEST_MAX 64
#define APPLIED_PATH_MAX 170

bool nft_applied_chain(const char *name, uint32_t *number)
{
	char expected[NFT_SETNAME_MAX];

	if (strncmp(name, NFT_APPLIED_CHAIN, strlen(NFT_APPLIED_CHAIN)) != 0)
		return false;
	for (*number = 0; *number <= PT_NFT_PATCHES_MAX; (*number)++) {
		nft_applied_name(*number, expected);
		if (!strcmp(name, expected))
			return true;
	}
	return false;
}

void nft_applied_name(uint32_t number, char out[NFT_SETNAME_MAX])
{
	if (number)
		snprintf(out, NFT_SETNAME_MAX, NFT_PATCH_CHAIN "%u", number);
	else
		snprintf(out, NFT_SETNAME_MAX, NFT_APPLIED_CHAIN);
}

static const char hex_digits[] = "0123456789abcdef";

static size_t hex_pack(const char *text, uint8_t out[APPLIED_DIGEST_MAX / 2])
{
	size_t n = strlen(text);

	if (!n || n % 2 || strspn(text, hex_digits) != n)
		return 0;
	for (size_t i = 0; i < n; i += 2)
		out[i / 2] = (uint8_t)((strchr(hex_digits, text[i]) - hex_digits) << 4 |
				       (strchr(hex_digits, text[i + 1]) - hex_digits));
	return n / 2;
}

static void hex_unpack(const uint8_t *in, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digits[in[i] >> 4];
		out[2 * i + 1] = hex_digits[in[i] & 15];
	}
	out[2 * n] = '\0';
}

static size_t put_digest(uint8_t *out, size_t at, uint8_t type, const char *digest)
{
	uint8_t packed[APPLIED_DIGEST_MAX / 2];
	size_t bytes;

	if (strlen(digest) > APPLIED_DIGEST_MAX)
		return at;
	bytes = hex_pack(digest, packed);
	if (bytes)
		return nft_udata_put(out, at, type, packed, bytes);
	return type == APPLIED_PACKED ? nft_udata_put(out, at, APPLIED_TEXT, digest, strlen(digest)) : at;
}

size_t nft_applied_write(const struct nft_applied *a, uint8_t out[NFT_USERDATA_MAXLEN])
{
	const char *path = a->path ? a->path : "";
	size_t n, len = strlen(path), sets = a->note.n, room;

	if (len > APPLIED_PATH_MAX) {
		path += len - APPLIED_PATH_MAX; /* the end of a path tells more than its beginning */
		len = APPLIED_PATH_MAX;
	}
	n = put_digest(out, 0, APPLIED_PACKED, a->digest ? a->digest : "");
	if (a->before)
		n = put_digest(out, n, APPLIED_BEFORE, a->before);
	if (a->number)
		n = nft_udata_put(out, n, APPLIED_PATCH, &a->patch, sizeof(a->patch));
	n = nft_udata_put(out, n, APPLIED_PATH, path, len);
	n = nft_udata_put(out, n, APPLIED_TIME, &a->when, sizeof(a->when));
	n = nft_udata_put(out, n, APPLIED_GENID, &a->note.genid, sizeof(a->note.genid));
	room = (NFT_USERDATA_MAXLEN - 2 - n) / sizeof(a->note.v[0]);
	if (sets > room)
		sets = room; /* the others are read each time */
	return sets ? nft_udata_put(out, n, APPLIED_SETS, a->note.v, sets * sizeof(a->note.v[0])) : n;
}

static void copy_text(char *to, size_t size, const uint8_t *value, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, value, len);
	to[len] = '\0';
}

static void read_note(const uint8_t *data, size_t size, struct nft_note *note)
{
	const uint8_t *value;
	size_t len;

	memset(note, 0, sizeof(*note));
	value = nft_udata_find(data, size, APPLIED_GENID, &len);
	if (value && len == sizeof(note->genid))
		memcpy(&note->genid, value, len);
	value = nft_udata_find(data, size, APPLIED_SETS, &len);
	if (!value || len % sizeof(note->v[0]) || len > sizeof(note->v))
		return;
	memcpy(note->v, value, len);
	note->n = (uint32_t)(len / sizeof(note->v[0]));
}

static bool take_patch(const uint8_t *data, size_t size, uint32_t number, struct pt_nft_objects *o)
{
	size_t len;
	const uint8_t *value = nft_udata_find(data, size, APPLIED_PATCH, &len);

	if (!value || len != sizeof(o->patches[0]) || number != o->n_patches + 1)
		return false;
	memcpy(&o->patches[o->n_patches++], value, len);
	return true;
}

bool nft_applied_read(const uint8_t *data, size_t size, uint32_t number, struct pt_nft_state *s)
{
	const uint8_t *value;
	size_t len;

	if (number && !take_patch(data, size, number, s->objects))
		return false;
	value = nft_udata_find(data, size, APPLIED_TEXT, &len);
	if (value)
		copy_text(s->digest, sizeof(s->digest), value, len);
	value = nft_udata_find(data, size, APPLIED_PACKED, &len);
	if (value && len <= APPLIED_DIGEST_MAX / 2)
		hex_unpack(value, len, s->digest);
	value = nft_udata_find(data, size, APPLIED_BEFORE, &len);
	if (value && len <= APPLIED_DIGEST_MAX / 2)
		hex_unpack(value, len, s->before);
	value = nft_udata_find(data, size, APPLIED_PATH, &len);
	if (value)
		copy_text(s->path, sizeof(s->path), value, len);
	value = nft_udata_find(data, size, APPLIED_TIME, &len);
	if (value && len == sizeof(s->applied))
		memcpy(&s->applied, value, len);
	read_note(data, size, &s->objects->note);
	return true;
}

/* ---- what big sets hold ---- */

/* Sets whose elements only a transaction can change: those of the file stay for good. */
static bool worth_a_note(const struct nft_set *set)
{
	if (set->keys)
		return set->map.n >= NFT_NOTE_MIN_KEYS;
	return set->role == NFT_SET_TABLE && set->interval && set->elems.n >= NFT_NOTE_MIN;
}

static uint64_t map_hash(const struct nft_set *set)
{
	uint64_t parts[5] = { set->map.n };

	for (size_t i = 0; i < set->map.n; i++) {
		const struct nft_map_elem *el = &set->map.v[i];

		parts[1] = pt_hash64(el->key, el->key_len);
		parts[2] = pt_hash64(el->data, el->data_len);
		parts[3] = el->data_len ? 0 :
			   el->chain    ? pt_hash64(el->chain, strlen(el->chain)) :
					  (uint64_t)el->verdict;
		parts[4] = el->id;
		parts[0] = pt_hash64(parts, sizeof(parts));
	}
	return parts[0];
}

/* The lowest bit of the contents: the set has elements that came at run time, too. */
#define WITH_ADDED 1ull

static struct nft_note_set note_of(const struct nft_set *set)
{
	uint64_t contents = set->keys ? map_hash(set) : pt_hash64(set->elems.v, set->elems.n * sizeof(*set->elems.v));

	return (struct nft_note_set){ pt_hash64(set->name, strlen(set->name)), contents & ~WITH_ADDED };
}

static const struct nft_note_set *note_find(const struct nft_note *note, uint64_t name)
{
	for (size_t i = 0; i < note->n; i++)
		if (note->v[i].name == name)
			return &note->v[i];
	return NULL;
}

/* What the kernel has of SET stays in it. */
static bool has_added(const struct pt_nft_state *have, const struct nft_set *want)
{
	const struct nft_set *set = nft_find_set(have->objects, want->name);

	return set && (set->unread ? !nft_note_pure(have, set) : set->n_added || set->dynamic);
}

bool nft_note_pure(const struct pt_nft_state *have, const struct nft_set *set)
{
	const struct nft_note *note = &have->objects->note;
	const struct nft_note_set *known = note->genid && note->genid == have->genid ?
						   note_find(note, pt_hash64(set->name, strlen(set->name))) : NULL;

	return known && !(known->contents & WITH_ADDED);
}

void nft_note_make(struct nft_note *note, const struct pt_nft_objects *want,
		   const struct pt_nft_state *have, uint32_t genid, bool keys)
{
	const struct nft_note *old = &have->objects->note;

	memset(note, 0, sizeof(*note));
	if (!have->genid)
		return;
	note->genid = nft_next_generation(genid);
	for (size_t i = 0; i < want->sets.n && note->n < NFT_NOTE_SETS; i++) {
		const struct nft_set *set = &want->sets.v[i];
		const struct nft_note_set *known = NULL;
		struct nft_note_set now;

		if (!worth_a_note(set) || (set->keys && !keys))
			continue;
		now = note_of(set);
		/* What is kept is not what is wanted, but it stays what it was. */
		if (set->keep && old->genid == have->genid)
			known = note_find(old, now.name);
		if (!known && !set->keys && has_added(have, set))
			now.contents |= WITH_ADDED;
		if (known || !set->keep)
			note->v[note->n++] = known ? *known : now;
	}
}

bool nft_note_due(const struct pt_nft_objects *want, const struct pt_nft_state *have)
{
	for (size_t i = 0; have->genid && i < want->sets.n; i++) {
		const struct nft_set *set = &want->sets.v[i], *there;

		if (set->keys || set->keep || !worth_a_note(set))
			continue;
		there = nft_find_set(have->objects, set->name);
		if (there && !there->unread)
			return true;
	}
	return false;
}

bool nft_note_knows(const struct nft_note *note, uint32_t genid, const struct nft_set *want,
		    const struct nft_set *have)
{
	const struct nft_note_set *known;
	struct nft_note_set wanted;

	if (!nft_set_same_make(want, have))
		return false;
	if (want->keep)
		return true;
	if (!note->genid || note->genid != genid || !worth_a_note(want))
		return false;
	wanted = note_of(want);
	known = note_find(note, wanted.name);
	return known && (known->contents & ~WITH_ADDED) == wanted.contents;
}
