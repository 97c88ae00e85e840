/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine's settings that the file speaks of, as a subsystem: forwarding, and the most states there may be. They come after
 * the rules, so that nothing is forwarded without them. What they were before is in the snapshot: no file says it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/internal.h"

#define PROC "/proc/sys/"

struct setting {
	const char *name;                           /* below PROC */
	bool (*wanted)(const struct pt_conf *c, uint64_t *value); /* false: the file says nothing */
};

static bool forwarding(const struct pt_conf *c, uint64_t *value)
{
	*value = c->forwarding > 0;
	return c->forwarding >= 0;
}

static bool states(const struct pt_conf *c, uint64_t *value)
{
	*value = c->limit[PT_LIMIT_STATES];
	return *value != 0;
}

/* A kernel without IPv6 has no such file, and nothing to forward. */
static const struct setting settings[] = {
	{ "net/ipv4/ip_forward", forwarding },
	{ "net/ipv6/conf/all/forwarding", forwarding },
	{ "net/netfilter/nf_conntrack_max", states },
};

/* -ENOENT: the kernel has no such setting. */
static int get(const char *name, uint64_t *out)
{
	char path[100], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), PROC "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pt_parse_uint(text, UINT64_MAX, out);
}

/* Nothing is written that is there already: a write alone makes the kernel tell every interface. */
static int set(const char *name, uint64_t value, struct pt_err *e)
{
	char path[100], text[32];
	uint64_t now = 0;
	int fd, n, rc = get(name, &now);

	if (rc == -ENOENT || (!rc && now == value))
		return 0;
	snprintf(path, sizeof(path), PROC "%s", name);
	fd = rc ? -1 : open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return pt_err_sys(e, rc ? rc : -errno, rc ? "reading %s" : "opening %s", path);
	n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (write(fd, text, (size_t)n) != n)
		rc = pt_err_sys(e, -errno, "writing %s", path);
	close(fd);
	return rc;
}

int plan_forwarding_apply(const struct pt_conf *c, struct pt_err *e)
{
	uint64_t value;
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(settings); i++)
		if (settings[i].wanted == forwarding && forwarding(c, &value))
			rc = set(settings[i].name, value, e);
	return rc;
}

/* ---- the subsystem ---- */

struct plan {
	struct {
		bool differs;
		uint64_t now, value;
	} v[PT_ARRAY_SIZE(settings)];
};

static int make_plan(struct pt_whole *w, void **out, struct pt_err *e)
{
	struct plan *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return pt_err_sys(e, -ENOMEM, "planning the settings");
	for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++)
		p->v[i].differs = settings[i].wanted(w->conf, &p->v[i].value) && !get(settings[i].name, &p->v[i].now) &&
				  p->v[i].now != p->v[i].value;
	return 0;
}

static size_t writes_of(const void *plan)
{
	const struct plan *p = plan;
	size_t n = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++)
		n += p->v[i].differs;
	return n;
}

static void walk(const void *plan, pt_nft_op_cb cb, void *arg)
{
	const struct plan *p = plan;
	char text[120];

	for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++)
		if (p->v[i].differs) {
			snprintf(text, sizeof(text), "%s %llu", settings[i].name, (unsigned long long)p->v[i].value);
			cb("set", "setting", text, arg);
		}
}

static int apply(struct pt_whole *w, void *plan, size_t *writes, struct pt_err *e)
{
	const struct plan *p = plan;
	int rc = 0;

	(void)w;
	*writes = 0;
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(settings); i++) {
		if (!p->v[i].differs || settings[i].wanted == states) /* plan_limits_apply() says more of that one */
			continue;
		rc = set(settings[i].name, p->v[i].value, e);
		*writes += !rc;
	}
	return rc;
}

static int snapshot(struct pt_whole *w, struct pt_buf *out, struct pt_err *e)
{
	uint64_t value = 0;

	(void)w;
	for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++)
		if (!get(settings[i].name, &value))
			pt_buf_fmt(out, "%s %llu\n", settings[i].name, (unsigned long long)value);
	return out->err ? pt_err_sys(e, out->err, "noting the settings") : 0;
}

/* Only what is ours, whatever the snapshot says. One for the whole machine cannot be set from every namespace. */
static int restore(struct pt_whole *w, const char *data, size_t len, struct pt_err *e)
{
	char *text = strndup(data, len), *rest = text, *line;
	int rc = text ? 0 : pt_err_sys(e, -ENOMEM, "setting back");

	(void)w;
	while (text && (line = strsep(&rest, "\n"))) {
		unsigned long long value;
		char name[100];

		if (sscanf(line, "%99s %llu", name, &value) != 2)
			continue;
		for (size_t i = 0; i < PT_ARRAY_SIZE(settings); i++) {
			int one = strcmp(settings[i].name, name) ? 0 : set(name, value, settings[i].wanted == states ? NULL : e);

			if (one && settings[i].wanted != states)
				rc = one;
		}
	}
	free(text);
	return rc;
}

const struct pt_subsystem plan_settings = {
	.name = "settings",
	.plan = make_plan,
	.writes = writes_of,
	.walk = walk,
	.apply = apply,
	.free = free,
	.snapshot = snapshot,
	.restore = restore,
};
