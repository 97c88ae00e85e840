/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of revisions: what is in the folder, which is confirmed, which is damaged, and which are too old. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/history.h"

static const char *const states[] = {
	[PT_REVISION_PENDING] = "pending",
	[PT_REVISION_CONFIRMED] = "confirmed",
	[PT_REVISION_UNDONE] = "undone",
	[PT_REVISION_UNKNOWN] = "unknown",
	[PT_REVISION_DAMAGED] = "damaged",
};

const char *pt_revision_state_name(enum pt_revision_state s)
{
	return states[s];
}

int pt_history_open(const char *state, struct pt_err *e)
{
	char path[PATH_MAX];
	int fd, rc;

	rc = pt_folder_make(state, e);
	if (rc)
		return rc;
	if (snprintf(path, sizeof(path), "%s/history", state) >= (int)sizeof(path))
		return pt_err_sys(e, -ENAMETOOLONG, "opening %s", state);
	if (mkdir(path, 0700) && errno != EEXIST)
		return pt_err_sys(e, -errno, "making the folder %s", path);
	fd = pt_folder_open(path, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* ---- numbers ---- */

struct numbers {
	uint32_t *v;
	size_t n, cap;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Of all files, or of those with SUFFIX only; each once, in order. A folder that is not there has none. */
static int read_numbers(const char *state, const char *suffix, struct numbers *out, struct pt_err *e)
{
	char path[PATH_MAX], name[7];
	struct dirent *de;
	size_t n = 0;
	DIR *dir;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (snprintf(path, sizeof(path), "%s/history", state) >= (int)sizeof(path))
		return pt_err_sys(e, -ENAMETOOLONG, "opening %s", state);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : pt_err_sys(e, -errno, "opening %s", path);
	while (!rc && (de = readdir(dir))) {
		uint64_t number;
		const char *digits;

		if (strspn(de->d_name, "0123456789") != 6 || (suffix && strcmp(de->d_name + 6, suffix) != 0))
			continue;
		memcpy(name, de->d_name, 6);
		name[6] = '\0';
		digits = name + strspn(name, "0");
		if (*digits && !pt_parse_uint(digits, PT_REVISION_MAX, &number))
			rc = pt_vec_push(NULL, out, (uint32_t)number);
	}
	closedir(dir);
	if (rc) {
		free(out->v);
		memset(out, 0, sizeof(*out));
		return pt_err_sys(e, rc, "reading the history");
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
	for (size_t i = 0; i < out->n; i++)
		if (!n || out->v[n - 1] != out->v[i])
			out->v[n++] = out->v[i];
	out->n = n;
	return 0;
}

int history_next(const char *state, uint32_t *out, struct pt_err *e)
{
	struct numbers all;
	uint32_t confirmed = pt_confirmed_read(state);
	int rc = read_numbers(state, NULL, &all, e);

	if (rc)
		return rc;
	*out = all.n ? all.v[all.n - 1] + 1 : 1;
	if (*out <= confirmed) /* somebody took files away: a number never means two things */
		*out = confirmed + 1;
	free(all.v);
	if (*out <= PT_REVISION_MAX)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "move the folder of the history away", "the history has no more numbers");
	return -ERANGE;
}

/* ---- the list ---- */

static const char *keep(struct pt_arena *a, const char *s, int *rc)
{
	const char *copy = pt_arena_strdup(a, s);

	if (!copy)
		*rc = -ENOMEM;
	return copy ? copy : "";
}

static void take_meta(struct pt_revision *r, const struct pt_record *m, struct pt_arena *a, int *rc)
{
	const char *file = pt_record_get(m, "file");
	unsigned long long len = 0;
	int used = 0;

	r->time = pt_record_number(m, "time");
	r->window = (uint32_t)pt_record_number(m, "window");
	r->strict = pt_record_number(m, "strict") != 0;
	snprintf(r->author.user, sizeof(r->author.user), "%s", pt_record_get(m, "user"));
	snprintf(r->author.tty, sizeof(r->author.tty), "%s", pt_record_get(m, "tty"));
	snprintf(r->author.client, sizeof(r->author.client), "%s", pt_record_get(m, "client"));
	r->comment = keep(a, pt_record_get(m, "comment"), rc);
	if (sscanf(file, "%64[0-9a-f] %llu %n", r->digest, &len, &used) == 2)
		r->len = (size_t)len;
	r->source = keep(a, file + used, rc);
}

static void take_end(struct pt_revision *r, const struct pt_record *m, struct pt_arena *a, int *rc)
{
	const char *state = pt_record_get(m, "state");

	for (size_t i = 0; i < PT_ARRAY_SIZE(states); i++)
		if (!strcmp(states[i], state))
			r->state = (enum pt_revision_state)i;
	r->ended = pt_record_number(m, "time");
	r->by = keep(a, pt_record_get(m, "by"), rc);
	r->why = keep(a, pt_record_get(m, "why"), rc);
}

static void damaged(struct pt_revision *r, const struct pt_err *why, struct pt_arena *a, int *rc)
{
	r->state = PT_REVISION_DAMAGED;
	r->problem = keep(a, why->list.n ? why->list.v[0].msg : "it cannot be read", rc);
}

static int read_one(const char *state, uint32_t number, struct pt_history *h, uint32_t pending)
{
	struct pt_revision r = { .number = number, .state = PT_REVISION_UNKNOWN, .source = "", .comment = "", .by = "",
				 .why = "", .back = -1 };
	struct pt_texts texts;
	struct pt_err why = { 0 };
	struct pt_record m;
	char path[PATH_MAX];
	int rc = 0, bad, end;

	bad = history_path(state, number, ".meta", path, sizeof(path));
	if (!bad)
		bad = pt_record_read(path, HISTORY_META, &m, &why);
	if (!bad) {
		take_meta(&r, &m, h->arena, &rc);
		pt_record_fini(&m);
		bad = revision_read(state, number, false, &texts, &why);
		if (!bad)
			pt_texts_fini(&texts);
	}
	end = history_path(state, number, ".end", path, sizeof(path));
	if (!end)
		end = pt_record_read(path, HISTORY_END, &m, NULL);
	if (!end) {
		take_end(&r, &m, h->arena, &rc);
		pt_record_fini(&m);
	}
	if (bad == -ENOMEM || end == -ENOMEM) /* nothing is wrong with the revision */
		rc = -ENOMEM;
	if (number == h->confirmed)
		r.state = PT_REVISION_CONFIRMED; /* whatever could not be written any more */
	else if (number == pending)
		r.state = PT_REVISION_PENDING;
	if (bad)
		damaged(&r, &why, h->arena, &rc);
	pt_err_fini(&why);
	return rc ? rc : pt_vec_push(h->arena, &h->list, r);
}

static void count_back(struct pt_history *h)
{
	int back = 0;

	for (size_t i = h->list.n; i-- > 0;)
		if (h->list.v[i].state == PT_REVISION_CONFIRMED)
			h->list.v[i].back = back++;
}

int pt_history_read(const char *state, uint32_t pending, struct pt_history **out, struct pt_err *e)
{
	struct pt_history *h = calloc(1, sizeof(*h));
	struct numbers all = { 0 };
	int rc = -ENOMEM;

	*out = NULL;
	if (h)
		h->arena = pt_arena_new();
	if (h && h->arena)
		rc = read_numbers(state, ".meta", &all, e);
	if (!rc)
		rc = pt_confirmed_numbers(state, &h->confirmed, &(uint32_t){ 0 }, e);
	for (size_t i = 0; !rc && i < all.n; i++)
		rc = read_one(state, all.v[i], h, pending);
	free(all.v);
	if (!rc) {
		count_back(h);
		*out = h;
		return 0;
	}
	pt_history_free(h);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the history") : rc;
}

void pt_history_free(struct pt_history *h)
{
	if (!h)
		return;
	pt_arena_free(h->arena);
	free(h);
}

const struct pt_revision *pt_history_find(const struct pt_history *h, uint32_t number)
{
	for (size_t i = 0; i < h->list.n; i++)
		if (h->list.v[i].number == number)
			return &h->list.v[i];
	return NULL;
}

const struct pt_revision *pt_history_back(const struct pt_history *h, unsigned int back)
{
	for (size_t i = 0; i < h->list.n; i++)
		if (h->list.v[i].back == (int)back)
			return &h->list.v[i];
	return NULL;
}

int pt_history_name(const struct pt_history *h, const char *name, const struct pt_revision **out, struct pt_err *e)
{
	bool absolute = name[0] == 'r';
	uint64_t number;

	*out = NULL;
	if (pt_parse_uint(name + absolute, PT_REVISION_MAX, &number)) {
		pt_err_add(e, PT_ERROR, NULL, "write 1 for the one before the last confirmed one, or r12 for number 12",
			   "'%s' is no revision", name);
		return -EINVAL;
	}
	*out = absolute ? pt_history_find(h, (uint32_t)number) : pt_history_back(h, (unsigned int)number);
	if (*out)
		return 0;
	if (absolute)
		pt_err_add(e, PT_ERROR, NULL, "see `ptconf history`", "there is no revision %s", name);
	else
		pt_err_add(e, PT_ERROR, NULL, "see `ptconf history`", "there is no confirmed revision %s back", name);
	return -ENOENT;
}

void pt_history_prune(const char *state, uint32_t pending)
{
	uint32_t confirmed = pt_confirmed_read(state);
	struct numbers all;

	if (read_numbers(state, NULL, &all, NULL))
		return;
	for (size_t i = 0; all.n > PT_HISTORY_KEEP && i < all.n - PT_HISTORY_KEEP; i++)
		if (all.v[i] != confirmed && all.v[i] != pending)
			pt_revision_remove(state, all.v[i]);
	free(all.v);
}
