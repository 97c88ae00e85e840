/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel beside what was applied last. What an apply of the same bytes would write is what somebody else changed, told
 * the other way round: what it would add is missing, what it would delete is foreign.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/change.h>

#include "plan/drift.h"

const char *pt_drift_change_name(enum pt_drift_change c)
{
	static const char *const names[] = { "missing", "foreign", "changed" };

	return names[c];
}

/* ---- the firewall's own view ---- */

struct firewall {
	const struct pt_plan *plan;
	pt_nft_op_cb cb;
	void *arg;
	bool no_table;
};

static void find_table(const char *op, const char *kind, const char *name, void *arg)
{
	struct firewall *f = arg;

	(void)name;
	f->no_table = f->no_table || (!strcmp(kind, "table") && !strcmp(op, "add"));
}

/* Tables change at run time, which is what they are for, unless the file forbids it. */
static bool may_change(const struct firewall *f, const char *kind, const char *name)
{
	const char *colon = strstr(name, ": ");
	char table[64];

	if (strcmp(kind, "element") != 0 || strncmp(name, "t.", 2) != 0 || !colon || colon - name <= 4)
		return false;
	snprintf(table, sizeof(table), "%.*s", (int)(colon - name) - 4, name + 2);
	for (size_t i = 0; i < f->plan->conf->tables.n; i++)
		if (!strcmp(f->plan->conf->tables.v[i].name, table))
			return !f->plan->conf->tables.v[i].constant;
	return false;
}

static void firewall_item(const char *op, const char *kind, const char *name, void *arg)
{
	struct firewall *f = arg;

	/* without its table nothing of it is there: one word says it */
	if (f->no_table && strcmp(kind, "table") != 0 && strncmp(kind, "classifier", 10) != 0)
		return;
	if (!may_change(f, kind, name))
		f->cb(op, kind, name, f->arg);
}

int plan_firewall_drift(struct pt_whole *w, pt_nft_op_cb cb, void *arg, struct pt_err *e)
{
	struct firewall f = { .plan = pt_whole_firewall(w), .cb = cb, .arg = arg };

	(void)e;
	if (f.plan->have->present && !f.plan->have->digest[0]) {
		cb("change", "firewall", "stopped", arg);
		return 0;
	}
	pt_plan_walk(f.plan, find_table, &f);
	pt_plan_walk(f.plan, firewall_item, &f);
	return 0;
}

/* ---- what is compared with ---- */

static void base_fini(struct pt_drift *d)
{
	pt_texts_fini(&d->texts);
	plan_texts_fini(&d->kept);
	d->digest[0] = '\0';
	d->revision = 0;
}

/* The copy of the file that the kernel's table names. */
static int base_of_kernel(struct pt_drift *d, const struct pt_nft_state *have, struct pt_err *e)
{
	struct pt_nft_state *all = NULL;
	int rc;

	base_fini(d);
	rc = plan_store_read(have->digest, &d->kept, e);
	if (!rc)
		rc = pt_nft_read_for(d->nf, NULL, &all, e);
	if (rc)
		return rc;
	/* the engine that was chosen, and not what would be chosen now */
	d->engine = pt_nft_engine(all);
	pt_nft_state_free(all);
	d->texts.arena = pt_arena_new();
	d->texts.name = d->texts.arena ? pt_arena_strdup(d->texts.arena, have->path) : NULL;
	d->texts.text = d->kept.text;
	d->texts.len = d->kept.len;
	for (size_t i = 0; d->texts.name && i < d->kept.more.n; i++)
		if (!d->kept.more.v[i].anchor && pt_vec_push(d->texts.arena, &d->texts.more, d->kept.more.v[i]))
			d->texts.name = NULL;
	if (!d->texts.name)
		return pt_err_sys(e, -ENOMEM, "reading what was applied");
	memcpy(d->digest, have->digest, sizeof(d->digest));
	return 0;
}

/* The revision that should be in force. */
static int base_of_history(struct pt_drift *d, const struct pt_nft_state *have, struct pt_err *e)
{
	struct pt_window w = { 0 };
	struct pt_err none = { 0 };
	uint32_t number = pt_confirmed_read(d->state);

	base_fini(d);
	if (!pt_window_read(d->state, &w, &none) && w.revision && pt_window_here(&w))
		number = w.revision;
	pt_err_fini(&none);
	if (!number) {
		pt_err_add(e, PT_ERROR, NULL, "put a file in force with `ptconf apply`",
			   have->present ? "the firewall is stopped: no file is in force" :
					   "nothing was applied that the kernel could be compared with");
		return -ENOENT;
	}
	d->revision = number;
	d->engine = PT_ENGINE_AUTO;
	return pt_revision_read(d->state, number, &d->texts, e);
}

static int find_base(struct pt_drift *d, struct pt_err *e)
{
	struct pt_nft_state *have = NULL;
	int rc = pt_nft_read_applied(d->nf, &have, e);

	if (!rc)
		rc = have->digest[0] ? base_of_kernel(d, have, e) : base_of_history(d, have, e);
	pt_nft_state_free(have);
	return rc;
}

int drift_renew(struct pt_drift *d, bool *changed, struct pt_err *e)
{
	struct pt_nft_state *have = NULL;
	int rc = pt_nft_read_applied(d->nf, &have, e);

	*changed = !rc && have->digest[0] && strcmp(have->digest, d->digest) != 0;
	if (*changed)
		rc = base_of_kernel(d, have, e);
	pt_nft_state_free(have);
	return rc;
}

int pt_drift_open(const char *state, struct pt_nl *nf, struct pt_nl *route, struct pt_drift **out, struct pt_err *e)
{
	struct pt_drift *d = calloc(1, sizeof(*d));
	int rc;

	*out = NULL;
	if (!d)
		return pt_err_sys(e, -ENOMEM, "comparing with the kernel");
	d->state = state;
	d->nf = nf;
	d->route = route;
	rc = find_base(d, e);
	if (rc)
		pt_drift_close(d);
	else
		*out = d;
	return rc;
}

void pt_drift_close(struct pt_drift *d)
{
	if (!d)
		return;
	base_fini(d);
	pt_arena_free(d->items.arena);
	free(d->seen.v);
	free(d);
}

const char *pt_drift_file(const struct pt_drift *d)
{
	return d->texts.name;
}

const char *pt_drift_digest(const struct pt_drift *d)
{
	return d->digest;
}

uint32_t pt_drift_revision(const struct pt_drift *d)
{
	return d->revision;
}

/* ---- words ---- */

static void other_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	static const char *const what[] = { "is gone", "is not of Patronus", "was changed" };

	pt_buf_fmt(b, "%s %s %s", i->kind, i->name, what[i->change]);
}

/* Rules of routing begin with their priority, those of packets with the name of a chain, which is a word. */
static bool is_of_routing(const char *name)
{
	size_t n = strspn(name, "0123456789");

	return n && !strncmp(name + n, ": ", 2);
}

static void rule_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	static const char *const what[] = { "is gone from chain", "is not of Patronus, in chain", "was changed or moved, in chain" };
	const char *slash = strchr(i->name, '/');

	if (is_of_routing(i->name))
		other_words(b, i);
	else if (!slash)
		pt_buf_fmt(b, "a rule %s %s", what[i->change], i->name);
	else
		pt_buf_fmt(b, "rule %s %s %.*s", slash + 1, what[i->change], (int)(slash - i->name), i->name);
}

static void element_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	static const char *const what[] = { "lacks", "has, though Patronus did not put it there,", "has otherwise" };
	const char *colon = strstr(i->name, ": ");
	int n = colon ? (int)(colon - i->name) : (int)strlen(i->name);

	if (!strncmp(i->name, "t.", 2) && n > 4)
		pt_buf_fmt(b, "table %.*s %s %s", n - 4, i->name + 2, what[i->change], colon ? colon + 2 : "elements");
	else
		pt_buf_fmt(b, "set %.*s %s %s", n, i->name, what[i->change], colon ? colon + 2 : "elements");
}

/* "net/ipv4/ip_forward 1" */
static void setting_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	const char *value = strchr(i->name, ' ');
	char path[128], now[32] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%.*s", value ? (int)(value - i->name) : (int)strlen(i->name), i->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, now, sizeof(now) - 1);
		close(fd);
	}
	now[n > 0 ? strcspn(now, "\n") : 0] = '\0';
	pt_buf_fmt(b, "%s is %s instead of%s", path + strlen("/proc/sys/"), *now ? now : "another value", value ? value : "?");
}

static void program_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	static const char *const what[] = { "is missing", "is there, though it has no part in what is in force,", "was exchanged" };

	pt_buf_fmt(b, "the classifier's program %s on %s", what[i->change], i->name);
}

static void table_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	if (i->change == PT_DRIFT_CHANGED)
		pt_buf_fmt(b, "table %s sleeps: everything passes", i->name);
	else
		pt_buf_fmt(b, "table %s is gone, and all rules with it", i->name);
}

static void firewall_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	pt_buf_fmt(b, "the firewall is %s: no file is in force", i->name);
}

static void device_words(struct pt_buf *b, const struct pt_drift_item *i)
{
	pt_buf_fmt(b, "device %s is gone", i->name);
}

static const struct {
	const char *kind;
	void (*words)(struct pt_buf *b, const struct pt_drift_item *i);
} kinds[] = {
	{ "rule", rule_words },	      { "element", element_words },	    { "setting", setting_words },
	{ "table", table_words },     { "classifier on", program_words },
	{ "firewall", firewall_words }, { "device", device_words },
};

static const char *words(struct drift_items *all, const struct pt_drift_item *i)
{
	struct pt_buf b = { 0 };
	const char *text;
	size_t k = 0;

	while (k < PT_ARRAY_SIZE(kinds) && strcmp(kinds[k].kind, i->kind) != 0)
		k++;
	(k < PT_ARRAY_SIZE(kinds) ? kinds[k].words : other_words)(&b, i);
	text = b.err ? NULL : pt_arena_strdup(all->arena, b.s);
	pt_buf_fini(&b);
	return text;
}

/* ---- the comparison ---- */

static enum pt_drift_change change_of(const char *op)
{
	if (!strcmp(op, "add"))
		return PT_DRIFT_MISSING;
	return !strcmp(op, "delete") ? PT_DRIFT_FOREIGN : PT_DRIFT_CHANGED;
}

/* What goes and comes under the same name was changed. */
static bool merged(struct drift_items *all, const struct pt_drift_item *i)
{
	for (size_t k = all->list.n; k-- > 0;) {
		struct pt_drift_item *o = &all->list.v[k];

		if (strcmp(o->kind, i->kind) != 0 || strcmp(o->name, i->name) != 0 || strcmp(o->subsystem, i->subsystem) != 0)
			continue;
		if (o->change != i->change && strcmp(i->kind, "element") != 0)
			o->change = PT_DRIFT_CHANGED;
		return true;
	}
	return false;
}

static void take(const char *subsystem, const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_drift *d = arg;
	struct pt_drift_item i = { .subsystem = subsystem, .change = change_of(op) };

	i.kind = pt_arena_strdup(d->items.arena, kind);
	i.name = pt_arena_strdup(d->items.arena, name);
	if (!i.kind || !i.name || (!merged(&d->items, &i) && pt_vec_push(d->items.arena, &d->items.list, i)))
		d->nomem = -ENOMEM;
}

/* A device that was never there may come; one that was seen and is gone was taken. */
static void take_devices(struct pt_drift *d, const struct pt_whole *w)
{
	const struct pt_host *h = pt_whole_firewall(w)->host;

	for (size_t i = 0; h && i < w->conf->interfaces.n; i++) {
		const char *device = w->conf->interfaces.v[i].device;
		bool there = false, seen = false;

		for (size_t k = 0; k < h->ifs.n && !there; k++)
			there = !strcmp(h->ifs.v[k].device, device);
		for (size_t k = 0; k < d->seen.n && !seen; k++)
			seen = !strcmp(d->seen.v[k].name, device);
		if (there && !seen) {
			struct drift_device new = { "" };

			snprintf(new.name, sizeof(new.name), "%s", device);
			if (pt_vec_push(NULL, &d->seen, new))
				d->nomem = -ENOMEM;
		} else if (seen && !there) {
			take("network", "add", "device", device, d);
		}
	}
}

int pt_drift_compare(struct pt_drift *d, const struct pt_drift_item **items, size_t *n, struct pt_err *e)
{
	struct pt_whole w = { .nf = d->nf, .route = d->route, .engine = d->engine, .texts = &d->texts, .again = true };
	struct pt_err found = { 0 };
	size_t count;
	int rc;

	*items = NULL;
	*n = 0;
	pt_arena_free(d->items.arena);
	d->items = (struct drift_items){ .arena = pt_arena_new() };
	d->nomem = d->items.arena ? 0 : -ENOMEM;
	rc = d->nomem;
	if (!rc)
		rc = pt_whole_drift(&w, take, d, &count, &found);
	if (!rc)
		take_devices(d, &w);
	pt_whole_fini(&w);
	rc = rc ? rc : d->nomem;
	for (size_t i = 0; !rc && i < d->items.list.n; i++) {
		d->items.list.v[i].text = words(&d->items, &d->items.list.v[i]);
		rc = d->items.list.v[i].text ? 0 : -ENOMEM;
	}
	for (size_t i = 0; rc && i < found.list.n; i++) /* warnings of a good file were told when it was applied */
		pt_err_add(e, found.list.v[i].sev, &found.list.v[i].loc, found.list.v[i].hint, "%s", found.list.v[i].msg);
	pt_err_fini(&found);
	if (rc == -ENOMEM)
		return pt_err_sys(e, rc, "comparing with the kernel");
	*items = d->items.list.v;
	*n = d->items.list.n;
	return rc;
}
