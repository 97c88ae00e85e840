/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The author's own files, where a change replaces them: they come and go with the rules. A note in the state folder has their old
 * bytes, and digests of those that a change may have written; it is there before the first of them is touched, and for as long as
 * the change can be undone. A file that somebody else has written since is his, and stays.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/change.h"

#define NOTE_FILE "rewrite"
#define NOTE_MAX ((size_t)1 << 30)
#define DIGEST 64

/* One file, and what it may be found as to be put back. */
struct rewritten {
	const char *path, *old;
	size_t len;
	PT_VEC(const char *) digests;
};

struct note {
	struct pt_arena *arena;
	PT_VEC(struct rewritten) v;
};

/* ---- the note: "DIGEST ID", then of each file a line "LENGTH OF PATH, LENGTH, DIGESTS", its path and its bytes ---- */

static int note_write(const char *state, uint64_t id, const struct note *n, struct pt_err *e)
{
	struct pt_buf data = { 0 }, file = { 0 };
	char path[PATH_MAX], digest[DIGEST + 1];
	int rc = change_path(state, NOTE_FILE, path, sizeof(path), e);

	for (size_t i = 0; i < n->v.n; i++) {
		const struct rewritten *r = &n->v.v[i];

		pt_buf_fmt(&data, "%zu %zu", strlen(r->path), r->len);
		for (size_t k = 0; k < r->digests.n; k++)
			pt_buf_fmt(&data, " %s", r->digests.v[k]);
		pt_buf_fmt(&data, "\n%s", r->path);
		pt_buf_add(&data, r->old, r->len);
	}
	pt_digest(data.s ? data.s : "", data.n, digest);
	pt_buf_fmt(&file, "%s %llu\n", digest, (unsigned long long)id);
	pt_buf_add(&file, data.s ? data.s : "", data.n);
	if (!rc)
		rc = data.err || file.err ? pt_err_sys(e, -ENOMEM, "writing %s", path) : pt_file_write(path, file.s, file.n, 0600, e);
	pt_buf_fini(&data);
	pt_buf_fini(&file);
	return rc;
}

/* The entry at *P, which ends before END. */
static int take_one(struct note *n, const char **p, const char *end)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));
	struct rewritten r = { 0 };
	size_t path_len, i;
	char *line, *word;
	int used;

	line = nl ? pt_arena_strndup(n->arena, *p, (size_t)(nl - *p)) : NULL;
	if (!line)
		return nl ? -ENOMEM : -EBADMSG;
	if (sscanf(line, "%zu %zu%n", &path_len, &r.len, &used) != 2 || path_len > (size_t)(end - nl - 1) ||
	    r.len > (size_t)(end - nl - 1) - path_len)
		return -EBADMSG;
	for (i = (size_t)used, line += i; (word = strsep(&line, " "));)
		if (*word && pt_vec_push(n->arena, &r.digests, word))
			return -ENOMEM;
	r.path = pt_arena_strndup(n->arena, nl + 1, path_len);
	r.old = pt_arena_memdup(n->arena, nl + 1 + path_len, r.len);
	*p = nl + 1 + path_len + r.len;
	return !r.path || !r.old || pt_vec_push(n->arena, &n->v, r) ? -ENOMEM : 0;
}

static void note_fini(struct note *n)
{
	pt_arena_free(n->arena);
	memset(n, 0, sizeof(*n));
}

/* Of ID, 0: of any. -ENOENT: there is none; -EBADMSG: it cannot be believed. */
static int note_read(const char *state, uint64_t id, struct note *out)
{
	char path[PATH_MAX], digest[DIGEST + 1], head[DIGEST + 1], *data = NULL;
	unsigned long long of;
	const char *p, *end;
	size_t len;
	int rc = change_path(state, NOTE_FILE, path, sizeof(path), NULL);

	memset(out, 0, sizeof(*out));
	if (!rc && access(path, F_OK) && errno == ENOENT)
		return -ENOENT;
	if (!rc)
		rc = pt_file_read(path, NOTE_MAX, &data, &len, NULL);
	if (rc)
		return rc;
	out->arena = pt_arena_new();
	p = strchr(data, '\n');
	rc = !out->arena ? -ENOMEM : !p || sscanf(data, "%64s %llu", head, &of) != 2 ? -EBADMSG : 0;
	if (!rc) {
		p++;
		end = data + len;
		pt_digest(p, (size_t)(end - p), digest);
		rc = strcmp(head, digest) != 0 ? -EBADMSG : id && of != id ? -ENOENT : 0;
		while (!rc && p < end)
			rc = take_one(out, &p, end);
	}
	free(data);
	if (rc)
		note_fini(out);
	return rc;
}

/* ---- before the change ---- */

static bool differs(const struct pt_conf_source *a, const struct pt_conf_source *b)
{
	return a->len != b->len || (a->len && memcmp(a->text, b->text, a->len) != 0);
}

bool rewrite_wanted(const struct pt_change_how *how)
{
	for (size_t i = 0; how->from && i < how->from->v.n; i++)
		if (differs(&how->from->v.v[i], &how->to->v.v[i]))
			return true;
	return false;
}

/* What an earlier change of the same window has found in the file is what comes back. */
static int add_file(struct note *n, const struct pt_conf_source *from, const struct pt_conf_source *to)
{
	struct rewritten *r = NULL, fresh = { .path = from->file, .old = from->text, .len = from->len };
	char *digest = pt_arena_alloc(n->arena, DIGEST + 1);

	if (!digest)
		return -ENOMEM;
	pt_digest(to->text, to->len, digest);
	for (size_t i = 0; !r && i < n->v.n; i++)
		if (!strcmp(n->v.v[i].path, from->file))
			r = &n->v.v[i];
	if (!r && pt_vec_push(n->arena, &n->v, fresh))
		return -ENOMEM;
	r = r ? r : &n->v.v[n->v.n - 1];
	return pt_vec_push(n->arena, &r->digests, digest);
}

int rewrite_prepare(struct pt_change *c, const struct pt_change_how *how, uint64_t id, struct pt_err *e)
{
	struct note n;
	int rc;

	if (!rewrite_wanted(how))
		return 0;
	rc = note_read(c->state, id, &n);
	if (rc == -ENOENT || rc == -EBADMSG) {
		n = (struct note){ .arena = pt_arena_new() };
		rc = n.arena ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !rc && i < how->from->v.n; i++)
		if (differs(&how->from->v.v[i], &how->to->v.v[i]))
			rc = add_file(&n, &how->from->v.v[i], &how->to->v.v[i]);
	if (!rc)
		rc = note_write(c->state, id, &n, e);
	else
		rc = pt_err_sys(e, rc, "keeping the old text of %s", how->from->v.v[0].file);
	note_fini(&n);
	return rc;
}

/* ---- there and back ---- */

static int put(const struct pt_edit_texts *of, size_t i, const char *text, size_t len, struct pt_err *e)
{
	const struct pt_edit_result r = { .changed = true, .source = i, .text = (char *)text, .len = len, .old_len = of->v.v[i].len,
					  .new_len = len };

	return pt_edit_write(of, &r, e);
}

int rewrite_files(const struct pt_change_how *how, struct pt_err *e)
{
	size_t i, n = how->from ? how->from->v.n : 0;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		if (differs(&how->from->v.v[i], &how->to->v.v[i]))
			rc = put(how->from, i, how->to->v.v[i].text, how->to->v.v[i].len, e);
	/* The last one, too: it may be in its place, and only its folder could not be synced. */
	while (rc && i-- > 0) {
		struct pt_err why = { 0 };

		if (differs(&how->from->v.v[i], &how->to->v.v[i]))
			(void)!put(how->to, i, how->from->v.v[i].text, how->from->v.v[i].len, &why);
		pt_err_fini(&why);
	}
	return rc;
}

/* 1: it was neither the old nor a new one. */
static int put_back(const struct rewritten *r, struct pt_err *e)
{
	struct pt_conf_source s = { .file = r->path };
	const struct pt_edit_texts now = { .v = { .v = &s, .n = 1 } };
	char digest[DIGEST + 1], *text = NULL;
	int rc = pt_file_read(r->path, PT_FILE_MAX, &text, &s.len, e);
	bool ours = false;

	if (rc)
		return rc;
	s.text = text;
	pt_digest(text, s.len, digest);
	for (size_t i = 0; i < r->digests.n; i++)
		ours |= !strcmp(r->digests.v[i], digest);
	if (s.len != r->len || memcmp(text, r->old, r->len) != 0)
		rc = ours ? put(&now, 0, r->old, r->len, e) : 1;
	free(text);
	return rc;
}

void rewrite_undo(struct pt_change *c, uint64_t id, struct pt_err *e)
{
	struct note n;
	int rc = note_read(c->state, id, &n);

	if (rc == -EBADMSG)
		pt_err_add(e, PT_WARNING, NULL, "`ptconf compare` shows how it differs", "the note of the old text of the file is damaged: it stays as it is");
	for (size_t i = 0; !rc && i < n.v.n; i++) {
		const char *path = n.v.v[i].path;
		struct pt_err why = { 0 };
		int one = put_back(&n.v.v[i], &why);

		if (one > 0)
			change_say(c, "%s was written by somebody else meanwhile: it stays as it is", path);
		else if (one)
			change_say(c, "%s has the new text all the same: %s", path, why.list.n ? why.list.v[why.list.n - 1].msg : strerror(-one));
		if (one)
			pt_err_add(e, PT_WARNING, NULL, "`ptconf compare` shows how it differs from what is in force",
				   "%s could not be put back: %s", path, why.list.n ? why.list.v[why.list.n - 1].msg : "somebody else wrote it meanwhile");
		pt_err_fini(&why);
	}
	note_fini(&n);
}

void rewrite_forget(const char *state)
{
	char path[PATH_MAX];

	if (!change_path(state, NOTE_FILE, path, sizeof(path), NULL))
		(void)!unlink(path);
}
