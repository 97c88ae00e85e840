/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the subsystems cannot find in any file, kept for as long as a change is not confirmed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/change.h"

#define SNAPSHOT_MAX ((size_t)1 << 30)
#define DIGEST 64

static int path_of(const char *state, const struct pt_subsystem *s, char *out, size_t size, struct pt_err *e)
{
	char name[64];

	snprintf(name, sizeof(name), "snapshot.%s", s->name);
	return change_path(state, name, out, size, e);
}

/* The bytes behind a line "DIGEST ID": of that snapshot and whole, or none. */
static int take_one(struct pt_change *c, uint64_t id, const struct pt_subsystem *s, struct pt_whole *w, struct pt_err *e)
{
	struct pt_buf data = { 0 }, file = { 0 };
	char path[PATH_MAX], digest[DIGEST + 1];
	int rc = path_of(c->state, s, path, sizeof(path), e);

	if (!rc)
		rc = s->snapshot(w, &data, e);
	if (!rc) {
		pt_digest(data.s ? data.s : "", data.n, digest);
		pt_buf_fmt(&file, "%s %llu\n", digest, (unsigned long long)id);
		pt_buf_add(&file, data.s ? data.s : "", data.n);
		rc = file.err ? pt_err_sys(e, file.err, "writing %s", path) : pt_file_write(path, file.s, file.n, 0600, e);
	}
	pt_buf_fini(&data);
	pt_buf_fini(&file);
	return rc;
}

int snapshot_take(struct pt_change *c, const struct pt_whole *planned, uint64_t id, struct pt_err *e)
{
	struct pt_whole w = { .nf = c->nf, .route = c->route };
	int rc = 0;

	memcpy(w.plans, planned->plans, sizeof(w.plans)); /* borrowed: what they have read need not be read again */

	for (size_t i = 0; !rc && pt_subsystems[i]; i++)
		if (pt_subsystems[i]->snapshot)
			rc = take_one(c, id, pt_subsystems[i], &w, e);
	return rc;
}

static int damaged(const struct pt_subsystem *s, struct pt_err *e)
{
	pt_err_add(e, PT_WARNING, NULL, NULL, "the snapshot of %s is damaged: what no file says of it is not as it was", s->name);
	return 0;
}

static int restore_one(struct pt_change *c, uint64_t id, const struct pt_subsystem *s, struct pt_whole *w, struct pt_err *e)
{
	char path[PATH_MAX], digest[DIGEST + 1], head[DIGEST + 32], *data = NULL, *end;
	size_t len;
	int rc;

	if (path_of(c->state, s, path, sizeof(path), e) || pt_file_read(path, SNAPSHOT_MAX, &data, &len, NULL))
		return damaged(s, e);
	end = strchr(data, '\n');
	if (end) {
		pt_digest(end + 1, len - (size_t)(end + 1 - data), digest);
		snprintf(head, sizeof(head), "%s %llu", digest, (unsigned long long)id);
		*end = '\0';
	}
	if (!end || strcmp(head, data) != 0)
		rc = damaged(s, e);
	else
		rc = s->restore(w, end + 1, len - (size_t)(end + 1 - data), e);
	free(data);
	return rc;
}

/* One that refuses does not keep the others from theirs. */
int snapshot_restore(struct pt_change *c, uint64_t id, struct pt_whole *w, struct pt_err *e)
{
	int rc = 0, one;

	for (size_t i = 0; pt_subsystems[i]; i++) {
		one = pt_subsystems[i]->restore ? restore_one(c, id, pt_subsystems[i], w, e) : 0;
		rc = rc ? rc : one;
	}
	return rc;
}

void snapshot_remove(const char *state)
{
	char path[PATH_MAX];

	for (size_t i = 0; pt_subsystems[i]; i++)
		if (!path_of(state, pt_subsystems[i], path, sizeof(path), NULL))
			(void)!unlink(path);
}
