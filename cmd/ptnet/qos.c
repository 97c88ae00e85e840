/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `ptnet qos`: shapers and queues as the kernel has them. It knows them by number; the names are those of the file, where a shaper
 * at the same device or a queue of the same class stands in it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <patronus/policy.h>

#include "qos.h"

static int read_picture(struct qos_view *v, struct qos_picture *p)
{
	int rc;

	p->arena = pt_arena_new();
	if (!p->arena)
		return pt_err_sys(&v->c->err, -ENOMEM, "reading the shapers");
	rc = pt_links_read(v->route, p->arena, &p->links, &v->c->err);
	if (!rc)
		rc = pt_shapes_read(v->route, &p->links, p->arena, &p->shapes, &v->c->err);
	clock_gettime(CLOCK_MONOTONIC, &p->at);
	return rc;
}

/* A file that is wrong, or not there, has no names. */
int qos_open(struct qos_view *v, struct pt_cli *c)
{
	struct pt_err ignored = { 0 };
	int rc;

	memset(v, 0, sizeof(*v));
	v->c = c;
	rc = pt_conf_load(c->file, &v->conf, &ignored);
	if (rc)
		v->conf = NULL;
	pt_err_fini(&ignored);
	rc = pt_nl_open(&v->route, NETLINK_ROUTE, &c->err);
	return rc ? rc : read_picture(v, &v->now);
}

void qos_close(struct qos_view *v)
{
	pt_nl_close(v->route);
	pt_conf_free(v->conf);
	pt_arena_free(v->now.arena);
	pt_arena_free(v->before.arena);
}

/* ---- names ---- */

/* The device whose arriving packets wait on a link of ours; NULL: S is for those that leave. */
static const char *arriving_at(const struct qos_view *v, const struct pt_shape *s)
{
	for (size_t i = 0; i < v->now.shapes.v.n; i++) {
		const struct pt_shape *r = &v->now.shapes.v.v[i];

		if (r->what == PT_SHAPE_REDIRECT && r->target_index == s->index)
			return r->device;
	}
	return NULL;
}

static const struct pt_conf_shaper *shaper_at(const struct qos_view *v, const struct pt_shape *s)
{
	const char *from = arriving_at(v, s);

	for (size_t i = 0; v->conf && i < v->conf->shapers.n; i++) {
		const struct pt_conf_shaper *x = &v->conf->shapers.v[i];

		if (x->interface && x->in == (from != NULL) && !strcmp(x->interface->device, from ? from : s->device))
			return x;
	}
	return NULL;
}

static const char *queue_name(const struct qos_view *v, const struct pt_shape *s, uint32_t class)
{
	const struct pt_conf_shaper *shaper = shaper_at(v, s);

	for (size_t i = 0; shaper && i < v->conf->queues.n; i++)
		if (v->conf->queues.v[i].shaper == shaper && pt_queue_class(v->conf->queues.v[i].name) == (class & 0xffff))
			return v->conf->queues.v[i].name;
	return NULL;
}

static bool is_queue(const struct pt_shape *s)
{
	return s->what == PT_SHAPE_CLASS && !s->member && s->handle >> 16 == PT_SHAPE_CLASSES_MAJOR && (s->handle & 0xffff) != PT_SHAPE_ROOT_CLASS;
}

/* "web", or "8000:1a2b" where nobody knows better. */
static void name_of(const struct qos_view *v, const struct pt_shape *s, struct pt_buf *b)
{
	const struct pt_conf_shaper *shaper = shaper_at(v, s);
	const char *name = is_queue(s) ? queue_name(v, s, s->handle) : shaper ? shaper->name : NULL;

	b->n = 0;
	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_fmt(b, "%x:%x", s->handle >> 16, s->handle & 0xffff);
}

/* ---- records ---- */

const struct pt_shape *qos_find(const struct pt_shapes *in, const struct pt_shape *s, enum pt_shape_what what, uint32_t parent)
{
	for (size_t i = 0; i < in->v.n; i++) {
		const struct pt_shape *x = &in->v.v[i];

		if (x->what == what && x->index == s->index && x->parent == parent)
			return x;
	}
	return NULL;
}

const struct pt_shape *qos_same(const struct pt_shapes *in, const struct pt_shape *s)
{
	for (size_t i = 0; i < in->v.n; i++)
		if (in->v.v[i].what == s->what && in->v.v[i].index == s->index && in->v.v[i].handle == s->handle &&
		    in->v.v[i].parent == s->parent)
			return &in->v.v[i];
	return NULL;
}

static uint64_t elapsed_us(const struct qos_view *v)
{
	int64_t us = (v->now.at.tv_sec - v->before.at.tv_sec) * 1000000ll + (v->now.at.tv_nsec - v->before.at.tv_nsec) / 1000;

	return us > 0 ? (uint64_t)us : 1;
}

/* Bytes a second between the two readings, in the words of the file for people, as a number for programs. */
static void out_rate(struct qos_view *v, const char *key, uint64_t bytes, bool known)
{
	struct pt_buf b = { 0 };

	if (!known) {
		pt_out_null(v->o, key);
	} else if (v->c->json || v->c->line) {
		pt_out_u64(v->o, key, bytes);
	} else {
		pt_fmt_rate(&b, bytes);
		pt_out_fail(v->o, b.err);
		pt_out_str(v->o, key, b.s);
	}
	pt_buf_fini(&b);
}

static uint64_t per_second(const struct qos_view *v, uint64_t now, uint64_t before)
{
	return now > before ? (uint64_t)((double)(now - before) * 1e6 / (double)elapsed_us(v)) : 0;
}

static void out_delay(struct qos_view *v, bool has, uint32_t us)
{
	if (has)
		pt_out_u64(v->o, "delay_us", us);
	else
		pt_out_null(v->o, "delay_us");
}

void qos_out_head(struct qos_view *v, const char *name, const char *what, const struct pt_shape *s)
{
	const char *from = arriving_at(v, s);

	pt_out_rec(v->o);
	pt_out_str(v->o, "name", name);
	pt_out_str(v->o, "what", what);
	pt_out_str(v->o, "device", from ? from : s->device);
	pt_out_str(v->o, "direction", from ? "in" : "out");
	if (v->c->json) /* of the clock that rates are found by */
		pt_out_u64(v->o, "at_us", (uint64_t)v->now.at.tv_sec * 1000000 + (uint64_t)v->now.at.tv_nsec / 1000);
}

void qos_out_stats(struct qos_view *v, const struct pt_shape *s, const struct pt_shape *leaf, const struct pt_shape *old)
{
	const struct pt_shape_stats *n = &s->stats;
	bool delay = n->has_delay || (leaf && leaf->stats.has_delay);

	if (v->watched)
		out_rate(v, "current", old ? per_second(v, n->bytes, old->stats.bytes) : 0, old != NULL);
	pt_out_u64(v->o, "bytes", n->bytes);
	pt_out_u64(v->o, "packets", n->packets);
	pt_out_u64(v->o, "drops", n->drops);
	pt_out_u64(v->o, "marks", leaf ? leaf->stats.marks : n->marks);
	pt_out_u64(v->o, "overlimits", n->overlimits);
	pt_out_u64(v->o, "backlog_bytes", n->backlog_bytes);
	pt_out_u64(v->o, "backlog_packets", n->backlog_packets);
	out_delay(v, delay, leaf && leaf->stats.has_delay ? leaf->stats.delay : n->delay);
}

/* What a class of htb hangs on, or a queueing discipline on a class. */
void qos_out_values(struct qos_view *v, const struct pt_shape *s, const struct pt_shape *leaf, const char *parent)
{
	bool queue = is_queue(s);

	pt_out_str(v->o, "type", queue ? (s->inner ? NULL : leaf ? leaf->kind : "fifo") : s->kind);
	pt_out_str(v->o, "parent", parent);
	out_rate(v, "rate", s->v.rate, s->v.rate != 0);
	out_rate(v, "ceil", s->v.ceil, s->v.ceil != 0);
	if (queue && !s->inner)
		pt_out_u64(v->o, "priority", s->v.priority);
	else
		pt_out_null(v->o, "priority");
}

/* "up eth0 out 3.9Mbit, 12 packets dropped, 40 waiting 53 ms": what became of it since the last look. */
static void qos_out_text(struct qos_view *v, const char *name, const struct pt_shape *s, const struct pt_shape *leaf,
			 const struct pt_shape *old)
{
	const struct pt_shape_stats *delay = leaf && leaf->stats.has_delay ? &leaf->stats : &s->stats;
	const char *from = arriving_at(v, s);
	uint64_t dropped = old && s->stats.drops > old->stats.drops ? s->stats.drops - old->stats.drops : 0;
	struct pt_buf b = { 0 };

	if (pt_out_format(v->o) != PT_OUT_TEXT)
		return;
	pt_buf_fmt(&b, "%s %s %s ", name, from ? from : s->device, from ? "in" : "out");
	pt_fmt_rate(&b, old ? per_second(v, s->stats.bytes, old->stats.bytes) : 0);
	pt_buf_fmt(&b, ", %llu packet%s dropped, %u waiting", (unsigned long long)dropped, pt_plural(dropped),
		   s->stats.backlog_packets);
	if (delay->has_delay)
		pt_buf_fmt(&b, " %u us", delay->delay);
	pt_out_fail(v->o, b.err);
	if (b.s)
		pt_out_text(v->o, b.s);
	pt_buf_fini(&b);
}

static void show_tins(struct qos_view *v, const struct pt_shape *s, const struct pt_shape *old, const char *shaper)
{
	static const char *const names[][PT_SHAPE_TINS] = {
		{ "bulk", "besteffort", "voice" },
		{ "bulk", "besteffort", "video", "voice" },
		{ "tin1", "tin2", "tin3", "tin4", "tin5", "tin6", "tin7", "tin8" },
		{ "besteffort" },
	};

	for (uint32_t i = 0; i < s->n_tins && v->c->stats; i++) {
		const struct pt_shape_tin *t = &s->tins[i];
		const char *name = s->v.diffserv < PT_ARRAY_SIZE(names) ? names[s->v.diffserv][i] : NULL;

		qos_out_head(v, name ? name : "tin", "tin", s);
		pt_out_str(v->o, "type", NULL);
		pt_out_str(v->o, "parent", shaper);
		out_rate(v, "rate", t->rate, t->rate != 0);
		out_rate(v, "ceil", 0, false);
		pt_out_null(v->o, "priority");
		if (v->watched)
			out_rate(v, "current", old && i < old->n_tins ? per_second(v, t->bytes, old->tins[i].bytes) : 0, old != NULL);
		pt_out_u64(v->o, "bytes", t->bytes);
		pt_out_u64(v->o, "packets", t->packets);
		pt_out_u64(v->o, "drops", t->drops);
		pt_out_u64(v->o, "marks", t->marks);
		pt_out_u64(v->o, "overlimits", 0);
		pt_out_u64(v->o, "backlog_bytes", t->backlog_bytes);
		pt_out_null(v->o, "backlog_packets");
		out_delay(v, true, t->delay);
		pt_out_rec_end(v->o);
	}
}

/* Of an htb what it has is told by its class, which is the whole. */
static struct pt_shape whole(const struct qos_view *v, const struct pt_shape *s)
{
	const struct pt_shape *class = NULL;
	struct pt_shape out = *s;

	if (!strcmp(s->kind, "htb") && pt_shape_is_root(s))
		class = qos_find(&v->now.shapes, s, PT_SHAPE_CLASS, s->handle);
	if (class)
		out.v.rate = class->v.rate;
	return out;
}

static bool is_asked(const struct qos_view *v, const char *name)
{
	bool asked = !v->c->argc;

	for (size_t i = 0; i < v->c->argc; i++)
		asked = asked || !strcmp(v->c->argv[i], name);
	return asked;
}

static void qos_show_one(struct qos_view *v, const struct pt_shape *s)
{
	const struct pt_shape *leaf = is_queue(s) ? qos_find(&v->now.shapes, s, PT_SHAPE_QDISC, s->handle) : NULL;
	const struct pt_shape *old = v->watched ? qos_same(&v->before.shapes, s) : NULL;
	const struct pt_conf_shaper *shaper = shaper_at(v, s);
	const struct pt_shape shown = whole(v, s);
	struct pt_buf name = { 0 };
	const char *parent = NULL;

	if (is_queue(s)) {
		parent = queue_name(v, s, s->parent);
		if (!parent)
			parent = shaper ? shaper->name : NULL;
	}
	name_of(v, s, &name);
	if (!name.err && (is_asked(v, name.s) || (parent && is_asked(v, parent)))) {
		qos_out_head(v, name.s, is_queue(s) ? "queue" : "shaper", s);
		qos_out_values(v, &shown, leaf, parent);
		if (v->c->stats || v->c->json)
			qos_out_stats(v, s, leaf, old);
		qos_out_text(v, name.s, s, leaf, old);
		pt_out_rec_end(v->o);
		show_tins(v, s, old, name.s);
		if (v->c->stats)
			qos_show_hosts(v, s, name.s);
	}
	pt_out_fail(v->o, name.err);
	pt_buf_fini(&name);
}

/* Each shaper, and then its queues, parents before what has its share of theirs. */
static void qos_show_below(struct qos_view *v, const struct pt_shape *root, uint32_t parent, unsigned int depth)
{
	for (size_t i = 0; depth < 16 && i < v->now.shapes.v.n; i++) {
		const struct pt_shape *s = &v->now.shapes.v.v[i];

		if (s->what != PT_SHAPE_CLASS || s->member || s->index != root->index || s->parent != parent)
			continue;
		if (is_queue(s))
			qos_show_one(v, s);
		qos_show_below(v, root, s->handle, depth + 1);
	}
}

void qos_show_all(struct qos_view *v)
{
	for (size_t i = 0; i < v->now.shapes.v.n; i++)
		if (pt_shape_is_ours(&v->now.shapes.v.v[i])) {
			qos_show_one(v, &v->now.shapes.v.v[i]);
			qos_show_below(v, &v->now.shapes.v.v[i], v->now.shapes.v.v[i].handle, 0);
		}
}

static int show(struct qos_view *v)
{
	v->o = pt_cli_out(v->c, PT_OUT_TABLE, "patronus.qos.v1", "qos");
	if (!v->o)
		return -ENOMEM;
	qos_show_all(v);
	return pt_cli_end(v->c, v->o);
}

int qos_check_asked(struct qos_view *v)
{
	struct pt_buf name = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < v->c->argc; i++) {
		bool found = false;

		for (size_t k = 0; !found && k < v->now.shapes.v.n; k++) {
			const struct pt_shape *s = &v->now.shapes.v.v[k];

			if (!pt_shape_is_ours(s) && !is_queue(s))
				continue;
			name_of(v, s, &name);
			found = !name.err && !strcmp(name.s, v->c->argv[i]);
		}
		if (!found) {
			pt_err_add(&v->c->err, PT_ERROR, NULL, "`ptnet qos show` lists them", "no shaper or queue %s is in force",
				   v->c->argv[i]);
			rc = PT_EXIT_NO;
		}
	}
	pt_buf_fini(&name);
	return rc;
}

/* A second later again. */
int qos_watch(struct qos_view *v)
{
	const struct timespec second = { .tv_sec = 1 };

	pt_arena_free(v->before.arena);
	v->before = v->now;
	memset(&v->now, 0, sizeof(v->now));
	v->watched = true;
	nanosleep(&second, NULL);
	return read_picture(v, &v->now);
}

int cmd_qos_show(struct pt_cli *c)
{
	struct qos_view v;
	int rc = qos_open(&v, c);

	if (!rc)
		rc = qos_check_asked(&v);
	if (!rc && c->stats > 1)
		rc = qos_watch(&v);
	if (!rc)
		rc = show(&v);
	qos_close(&v);
	return rc;
}

int complete_qos(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct qos_view v;
	struct pt_buf name = { 0 };
	int rc = qos_open(&v, c);

	(void)n;
	for (size_t i = 0; !rc && i < v.now.shapes.v.n; i++) {
		const struct pt_shape *s = &v.now.shapes.v.v[i];

		if (!pt_shape_is_ours(s) && !is_queue(s))
			continue;
		name_of(&v, s, &name);
		if (!name.err)
			word(name.s, arg);
	}
	pt_buf_fini(&name);
	qos_close(&v);
	return rc;
}
