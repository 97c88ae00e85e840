/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One revision: the bytes of every file that was applied, and beside them a record of who, when and what. The record is
 * written last and names the digests of the bytes, so a revision that has one is whole or known not to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/history.h"

int history_path(const char *state, uint32_t number, const char *suffix, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/history/%06u%s", state, number, suffix);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int file_path(const char *state, uint32_t number, const char *kind, size_t i, char *out, size_t size)
{
	char suffix[40];

	if (i)
		snprintf(suffix, sizeof(suffix), ".%zu.%s", i, kind);
	else
		snprintf(suffix, sizeof(suffix), ".%s", kind);
	return history_path(state, number, suffix, out, size);
}

void history_when(uint64_t time, char out[40])
{
	time_t t = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, 40, "?");
}

/* ---- writing ---- */

/* What the meta says of a file. */
static int note_file(struct pt_buf *meta, const char *key, const struct pt_conf_source *s, char digest[65], struct pt_err *e)
{
	struct pt_buf line = { 0 };
	int rc;

	pt_digest(s->text, s->len, digest);
	pt_buf_fmt(&line, "%s %zu %s", digest, s->len, s->file);
	rc = line.err ? pt_err_sys(e, line.err, "writing the history") : 0;
	if (!rc)
		pt_record_add(meta, key, line.s);
	pt_buf_fini(&line);
	return rc;
}

static int write_source(const char *state, uint32_t number, size_t i, const struct pt_conf_source *s, struct pt_buf *meta,
			struct pt_err *e)
{
	char path[PATH_MAX], digest[65];
	int rc = note_file(meta, "file", s, digest, e);

	if (!rc && file_path(state, number, "conf", i, path, sizeof(path)))
		rc = pt_err_sys(e, -ENAMETOOLONG, "writing the history");
	return rc ? rc : pt_file_write(path, s->text, s->len, 0600, e);
}

/* The confirmed revision may have the same file: then it is there once. */
static bool link_table(const char *state, const struct pt_record *before, uint32_t base, const char *digest, const char *path)
{
	char old[PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < before->lines.n; i++) {
		if (strcmp(before->lines.v[i].key, "table") != 0)
			continue;
		n++;
		if (!strncmp(before->lines.v[i].value, digest, 64))
			return !file_path(state, base, "table", n, old, sizeof(old)) && !link(old, path);
	}
	return false;
}

static int write_table(const char *state, uint32_t number, size_t i, const struct pt_conf_source *s, struct pt_buf *meta,
		       struct pt_err *e)
{
	uint32_t base = pt_confirmed_read(state);
	char path[PATH_MAX], digest[65];
	struct pt_record before;
	bool linked = false;
	int rc = note_file(meta, "table", s, digest, e);

	if (!rc && base && !history_path(state, base, ".meta", path, sizeof(path)) &&
	    !pt_record_read(path, HISTORY_META, &before, NULL)) {
		linked = !file_path(state, number, "table", i, path, sizeof(path)) && link_table(state, &before, base, digest, path);
		pt_record_fini(&before);
	}
	if (!rc && file_path(state, number, "table", i, path, sizeof(path)))
		rc = pt_err_sys(e, -ENAMETOOLONG, "writing the history");
	return rc || linked ? rc : pt_file_write(path, s->text, s->len, 0600, e);
}

/* The files of tables, as they are now: one that changed since it was read was changed by somebody who meant it. One that cannot be
 * read any more is not kept. */
static int write_tables(const char *state, uint32_t number, const struct pt_conf *c, struct pt_buf *meta, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	size_t n = 0;
	int rc = a ? 0 : pt_err_sys(e, -ENOMEM, "writing the history");

	for (size_t i = 0; !rc && i < c->tables.n; i++) {
		struct pt_conf_source s = { 0 };
		char *text = NULL;

		if (!c->tables.v[i].file)
			continue;
		s.file = pt_conf_table_path(c, &c->tables.v[i], a);
		rc = s.file ? pt_file_read(s.file, PT_FILE_MAX, &text, &s.len, NULL) : -ENOMEM;
		s.text = text;
		if (!rc)
			rc = write_table(state, number, ++n, &s, meta, e);
		else
			rc = rc == -ENOMEM ? pt_err_sys(e, rc, "writing the history") : 0;
		free(text);
	}
	pt_arena_free(a);
	return rc;
}

static void describe(struct pt_buf *b, const struct pt_revision *r)
{
	char when[40];

	pt_buf_str(b, HISTORY_META "\n");
	pt_record_u64(b, "number", r->number);
	pt_record_u64(b, "time", r->time);
	history_when(r->time, when);
	pt_record_add(b, "date", when);
	pt_record_add(b, "user", r->author.user);
	pt_record_add(b, "tty", r->author.tty);
	pt_record_add(b, "client", r->author.client);
	pt_record_add(b, "comment", r->comment);
	pt_record_u64(b, "window", r->window);
	if (r->strict)
		pt_record_u64(b, "strict", 1);
}

int pt_revision_write(const char *state, const struct pt_conf *c, struct pt_revision *r, struct pt_err *e)
{
	struct pt_buf meta = { 0 };
	char path[PATH_MAX];
	size_t n = 0;
	int rc;

	rc = history_next(state, &r->number, e);
	if (rc)
		return rc;
	describe(&meta, r);
	pt_digest(c->text, c->len, r->digest);
	r->len = c->len;
	for (size_t i = 0; !rc && i < c->sources.n; i++)
		if (!c->sources.v[i].anchor) /* what programs loaded is theirs */
			rc = write_source(state, r->number, n++, &c->sources.v[i], &meta, e);
	if (!rc)
		rc = write_tables(state, r->number, c, &meta, e);
	if (!rc)
		rc = history_path(state, r->number, ".meta", path, sizeof(path));
	if (!rc)
		rc = pt_record_write(path, &meta, e);
	pt_buf_fini(&meta);
	if (rc)
		pt_revision_remove(state, r->number);
	return rc;
}

int pt_revision_end(const char *state, uint32_t number, enum pt_revision_state how, const char *by, const char *why,
		    struct pt_err *e)
{
	struct pt_buf b = { 0 };
	char path[PATH_MAX], when[40];
	uint64_t now = (uint64_t)time(NULL);
	int rc = history_path(state, number, ".end", path, sizeof(path));

	if (rc)
		return pt_err_sys(e, rc, "writing the history");
	pt_buf_str(&b, HISTORY_END "\n");
	pt_record_u64(&b, "number", number);
	pt_record_add(&b, "state", pt_revision_state_name(how));
	pt_record_u64(&b, "time", now);
	history_when(now, when);
	pt_record_add(&b, "date", when);
	pt_record_add(&b, "by", by);
	pt_record_add(&b, "why", why);
	return pt_record_write(path, &b, e);
}

void pt_revision_remove(const char *state, uint32_t number)
{
	static const char *const suffixes[] = { ".meta", ".end", ".conf" };
	char path[PATH_MAX];

	for (size_t i = 0; i < PT_ARRAY_SIZE(suffixes); i++)
		if (!history_path(state, number, suffixes[i], path, sizeof(path)))
			(void)!unlink(path);
	for (size_t i = 1; !file_path(state, number, "conf", i, path, sizeof(path)) && !unlink(path); i++)
		;
	for (size_t i = 1; !file_path(state, number, "table", i, path, sizeof(path)) && !unlink(path); i++)
		;
}

/* ---- reading ---- */

static int spoilt(uint32_t number, const char *path, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "take another revision: see `ptconf history`",
		   "revision r%u is damaged: %s is not what was applied", number, path);
	return -EBADMSG;
}

/* LINE is "DIGEST LENGTH NAME". */
static int take_file(const char *state, uint32_t number, const char *kind, size_t i, const char *line, struct pt_texts *out,
		     struct pt_err *e)
{
	struct pt_conf_source s = { 0 };
	char path[PATH_MAX], digest[65], *text = NULL;
	unsigned long long len = 0;
	int used = 0, rc;

	if (sscanf(line, "%64[0-9a-f] %llu %n", digest, &len, &used) != 2 || !used)
		return -EBADMSG;
	rc = file_path(state, number, kind, i, path, sizeof(path));
	if (!rc)
		rc = pt_file_read(path, PT_FILE_MAX, &text, &s.len, NULL);
	if (rc == -ENOMEM)
		return pt_err_sys(e, rc, "reading %s", path);
	if (rc || s.len != len)
		rc = spoilt(number, path, e);
	if (!rc) {
		char found[65];

		pt_digest(text, s.len, found);
		if (strcmp(found, digest) != 0)
			rc = spoilt(number, path, e);
	}
	if (!rc) {
		s.text = pt_arena_memdup(out->arena, text, s.len);
		s.file = pt_arena_strdup(out->arena, line + used);
		rc = s.text && s.file ? 0 : pt_err_sys(e, -ENOMEM, "reading %s", path);
	}
	free(text);
	if (rc)
		return rc;
	if (!strcmp(kind, "table"))
		return pt_vec_push(out->arena, &out->tables, s);
	if (i)
		return pt_vec_push(out->arena, &out->more, s);
	out->name = s.file;
	out->text = s.text;
	out->len = s.len;
	return 0;
}

/* A table's file is there twice, so that damage of this one only matters when the other is gone. */
static int take_table(const char *state, uint32_t number, size_t i, const char *line, struct pt_texts *out, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc = take_file(state, number, "table", i, line, out, &why);

	pt_err_fini(&why);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the history") : 0;
}

int revision_read(const char *state, uint32_t number, bool tables, struct pt_texts *out, struct pt_err *e)
{
	char path[PATH_MAX];
	struct pt_record r;
	size_t n = 0, n_tables = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = history_path(state, number, ".meta", path, sizeof(path));
	if (!rc)
		rc = pt_record_read(path, HISTORY_META, &r, e);
	if (rc == -ENOENT)
		pt_err_add(e, PT_ERROR, NULL, "see `ptconf history`", "there is no revision r%u", number);
	if (rc)
		return rc;
	out->arena = pt_arena_new();
	rc = out->arena ? 0 : pt_err_sys(e, -ENOMEM, "reading the history");
	for (size_t i = 0; !rc && i < r.lines.n; i++)
		if (!strcmp(r.lines.v[i].key, "file"))
			rc = take_file(state, number, "conf", n++, r.lines.v[i].value, out, e);
		else if (tables && !strcmp(r.lines.v[i].key, "table"))
			rc = take_table(state, number, ++n_tables, r.lines.v[i].value, out, e);
	if (!rc && !n)
		rc = spoilt(number, path, e);
	pt_record_fini(&r);
	if (rc)
		pt_texts_fini(out);
	return rc;
}

int pt_revision_read(const char *state, uint32_t number, struct pt_texts *out, struct pt_err *e)
{
	return revision_read(state, number, true, out, e);
}

void pt_texts_fini(struct pt_texts *t)
{
	pt_arena_free(t->arena);
	memset(t, 0, sizeof(*t));
}

/* ---- the confirmed one ---- */

static int pointer_path(const char *state, const char *name, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/%s", state, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int pt_confirmed_prepare(const char *state, uint32_t number, struct pt_err *e)
{
	char path[PATH_MAX], text[16];
	int rc = pointer_path(state, "confirmed.next", path, sizeof(path));

	snprintf(text, sizeof(text), "%u\n", number);
	return rc ? pt_err_sys(e, rc, "writing the history") : pt_file_write(path, text, strlen(text), 0600, e);
}

static int sync_folder(const char *state, struct pt_err *e)
{
	int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (dir < 0 || fsync(dir))
		rc = pt_err_sys(e, -errno, "syncing the folder %s", state);
	if (dir >= 0)
		close(dir);
	return rc;
}

int pt_confirmed_commit(const char *state, struct pt_err *e)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (pointer_path(state, "confirmed.next", from, sizeof(from)) || pointer_path(state, "confirmed", to, sizeof(to)))
		return pt_err_sys(e, -ENAMETOOLONG, "writing the history");
	if (rename(from, to))
		return pt_err_sys(e, -errno, "replacing %s", to);
	return sync_folder(state, e);
}

int pt_confirmed_cancel(const char *state, struct pt_err *e)
{
	char path[PATH_MAX];

	if (pointer_path(state, "confirmed.next", path, sizeof(path)))
		return pt_err_sys(e, -ENAMETOOLONG, "writing the history");
	if (unlink(path))
		return errno == ENOENT ? 0 : pt_err_sys(e, -errno, "removing %s", path);
	return sync_folder(state, e);
}

/* What only the moment refuses: the file may well name a revision. */
static bool is_passing(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EINTR;
}

/* 0 where it is not there, or names none. */
static int read_pointer(const char *state, const char *name, uint32_t *number, struct pt_err *e)
{
	char path[PATH_MAX], *text = NULL;
	uint64_t n = 0;
	size_t len;
	int rc;

	*number = 0;
	if (pointer_path(state, name, path, sizeof(path)) || access(path, F_OK))
		return 0;
	rc = pt_file_read(path, 64, &text, &len, NULL);
	if (rc)
		return is_passing(rc) ? pt_err_sys(e, rc, "reading %s", path) : 0;
	text[strcspn(text, "\n")] = '\0';
	if (!pt_parse_uint(text, PT_REVISION_MAX, &n))
		*number = (uint32_t)n;
	free(text);
	return 0;
}

uint32_t pt_confirmed_read(const char *state)
{
	uint32_t number;

	return read_pointer(state, "confirmed", &number, NULL) ? 0 : number;
}

int pt_confirmed_numbers(const char *state, uint32_t *confirmed, uint32_t *prepared, struct pt_err *e)
{
	int rc = read_pointer(state, "confirmed", confirmed, e);

	*prepared = 0;
	return rc ? rc : read_pointer(state, "confirmed.next", prepared, e);
}

int pt_confirmed_check(const char *state, uint32_t *number, struct pt_err *e)
{
	char path[PATH_MAX];
	struct pt_texts t;
	int rc;

	*number = pt_confirmed_read(state);
	if (pointer_path(state, "confirmed", path, sizeof(path)))
		return pt_err_sys(e, -ENAMETOOLONG, "reading the history");
	if (!*number && access(path, F_OK) && errno == ENOENT)
		return 0;
	if (!*number) {
		pt_err_add(e, PT_ERROR, NULL, "`ptconf apply` or `ptconf rollback` writes it anew",
			   "reading %s: it does not name a revision; what is confirmed is not known", path);
		return -EBADMSG;
	}
	rc = pt_revision_read(state, *number, &t, e);
	if (rc) {
		pt_err_add(e, PT_ERROR, NULL, "`ptconf apply` or `ptconf rollback` makes another one",
			   "%s names r%u, which cannot be read: a boot takes the one before", path, *number);
		return rc;
	}
	pt_texts_fini(&t);
	return 0;
}

uint32_t pt_confirmed_prepared(const char *state)
{
	uint32_t number;

	return read_pointer(state, "confirmed.next", &number, NULL) ? 0 : number;
}
