/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What settings of links were before the file set them. The kernel keeps no such memory, and a file that does not name an offload any
 * more says nothing of its value: so the value is noted before the first change, in a file of each network namespace under /run, and
 * is wanted again when the file names it no more. One noted of a link that has another index now was another link's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/network.h"

#define VERSION "patronus before 1"
#define NOTE_MAX ((size_t)16 << 20)
#define PATH_SIZE (NETWORK_NOTE_PATH + sizeof(".before"))

static void note_path(char out[PATH_SIZE])
{
	network_note_path(out, NETWORK_NOTE_PATH);
	memcpy(out + strlen(out), ".before", sizeof(".before"));
}

static bool is_setting(const struct pt_trait *t)
{
	return t->kind == PT_TRAIT_OFFLOAD || t->kind == PT_TRAIT_SETTING;
}

static bool same(const struct pt_trait *x, const struct pt_trait *y)
{
	return x->kind == y->kind && x->number == y->number && !strcmp(x->device, y->device);
}

static const struct pt_trait *find(const struct pt_traits *l, const struct pt_trait *t)
{
	for (size_t i = 0; i < l->v.n; i++)
		if (same(&l->v.v[i], t))
			return &l->v.v[i];
	return NULL;
}

/* ---- the note: KIND NUMBER VALUE INDEX DEVICE, a line each ---- */

static int read_line(char *line, struct pt_trait *t)
{
	uint64_t fields[4];
	char *save, *word = strtok_r(line, " ", &save);

	for (size_t i = 0; i < PT_ARRAY_SIZE(fields); i++) {
		if (!word || pt_parse_uint(word, UINT32_MAX, &fields[i]))
			return -EBADMSG;
		word = strtok_r(NULL, " ", &save);
	}
	*t = (struct pt_trait){ .kind = (enum pt_trait_kind)fields[0], .number = (uint32_t)fields[1], .value = (uint32_t)fields[2],
				.index = (uint32_t)fields[3] };
	if (!word || strlen(word) >= sizeof(t->device) || strtok_r(NULL, " ", &save) || !is_setting(t) || !pt_trait_known(t))
		return -EBADMSG;
	memcpy(t->device, word, strlen(word));
	return 0;
}

int network_before_parse(char *text, struct pt_traits *out)
{
	char *save, *line = strtok_r(text, "\n", &save);
	struct pt_trait t;
	int rc = line && !strcmp(line, VERSION) ? 0 : -EBADMSG;

	while (!rc && (line = strtok_r(NULL, "\n", &save))) {
		rc = read_line(line, &t);
		if (!rc)
			rc = pt_vec_push(out->arena, &out->v, t);
	}
	return rc;
}

int network_before_read(struct pt_arena *a, struct pt_traits *out, struct pt_err *e)
{
	char path[PATH_SIZE], *text = NULL;
	struct pt_err why = { 0 };
	struct stat st;
	size_t len;
	int rc;

	*out = (struct pt_traits){ .arena = a };
	note_path(path);
	if (stat(path, &st))
		return 0;
	rc = pt_file_read(path, NOTE_MAX, &text, &len, &why);
	if (!rc)
		rc = strlen(text) == len ? network_before_parse(text, out) : -EBADMSG;
	free(text);
	pt_err_fini(&why);
	if (!rc || rc == -ENOMEM)
		return rc;
	out->v.n = 0;
	pt_err_add(e, PT_WARNING, NULL, "remove it", "%s cannot be read, so what links had before the file is not known: %s", path, strerror(-rc));
	return 0;
}

static int write_note(const struct pt_traits *all, struct pt_err *e)
{
	char path[PATH_SIZE];
	struct pt_buf b = { 0 };
	int rc;

	note_path(path);
	if (!all->v.n)
		return unlink(path) && errno != ENOENT ? pt_err_sys(e, -errno, "removing %s", path) : 0;
	pt_buf_str(&b, VERSION "\n");
	for (size_t i = 0; i < all->v.n; i++) {
		const struct pt_trait *t = &all->v.v[i];

		pt_buf_fmt(&b, "%u %u %u %u %s\n", (unsigned int)t->kind, t->number, t->value, t->index, t->device);
	}
	rc = b.err ? pt_err_sys(e, b.err, "noting what links had before") : pt_mkdirs(PT_RUN_DIR, e);
	if (!rc)
		rc = pt_file_write(path, b.s, b.n, 0600, e);
	pt_buf_fini(&b);
	return rc;
}

/* A link is set all the same where there is no room to note what it had. */
static int try_note(const struct pt_traits *all, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc = write_note(all, &why);

	if (rc && rc != -ENOMEM)
		pt_err_add(e, PT_WARNING, NULL, "make room in " PT_RUN_DIR, "what links had before the file is not noted: %s",
			   why.list.n ? why.list.v[0].msg : strerror(-rc));
	pt_err_fini(&why);
	return rc == -ENOMEM ? rc : 0;
}

/* ---- what becomes of it ---- */

int network_before_want(const struct network *want, const struct pt_links *links, struct pt_arena *a, struct pt_traits *out)
{
	int rc = 0;

	*out = want->traits;
	if (!want->before.v.n)
		return 0;
	*out = (struct pt_traits){ .arena = a };
	for (size_t i = 0; !rc && i < want->traits.v.n; i++)
		rc = pt_vec_push(a, &out->v, want->traits.v.v[i]);
	for (size_t i = 0; !rc && i < want->before.v.n; i++) {
		const struct pt_trait *t = &want->before.v.v[i];
		const struct pt_link *l = pt_links_find(links, t->device);

		if (l && l->index == t->index && !find(&want->traits, t))
			rc = pt_vec_push(a, &out->v, *t);
	}
	return rc;
}

static bool is_due(const struct difference *d)
{
	for (size_t i = 0; i < d->traits.n; i++)
		if (is_setting(&d->traits.v[i].t) && d->traits.v[i].t.index)
			return true;
	return false;
}

int network_before_note(const struct difference *d, struct pt_err *e)
{
	struct pt_traits all;
	bool more = false;
	int rc = is_due(d) ? network_before_read(d->arena, &all, e) : -ENOENT;

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; !rc && i < d->traits.n; i++) {
		const struct pt_trait *t = &d->traits.v[i].t, *have = is_setting(t) && t->index ? find(&d->have.traits, t) : NULL;
		struct pt_trait *noted = (struct pt_trait *)find(&all, t);

		if (!have || (noted && noted->index == t->index))
			continue;
		more = true;
		if (noted)
			*noted = *have;
		else
			rc = pt_vec_push(d->arena, &all.v, *have);
	}
	return rc || !more ? rc : try_note(&all, e);
}

int network_before_trim(const struct network *want, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_traits all, kept = { .arena = a };
	int rc = a ? network_before_read(a, &all, e) : -ENOMEM;

	for (size_t i = 0; !rc && i < all.v.n; i++)
		if (find(&want->traits, &all.v.v[i]))
			rc = pt_vec_push(a, &kept.v, all.v.v[i]);
	if (!rc && kept.v.n != all.v.n)
		rc = try_note(&kept, e);
	pt_arena_free(a);
	return rc;
}
