/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet qos show -s`: the hosts that have a limit of their own, and how each is off; `ptnet qos monitor`. */
#include <errno.h>
#include <string.h>

#include <patronus/each.h>

#include "qos.h"

/* ---- hosts ---- */

static void show_class(struct qos_view *v, const char *host, const char *what, const struct pt_shape *class, const char *owner)
{
	const struct pt_shape *leaf = qos_find(&v->now.shapes, class, PT_SHAPE_QDISC, class->handle);

	qos_out_head(v, host, what, class);
	qos_out_values(v, class, leaf, owner);
	qos_out_stats(v, class, leaf, v->watched ? qos_same(&v->before.shapes, class) : NULL);
	pt_out_rec_end(v->o);
}

static const struct pt_shape *find_class(const struct qos_view *v, const struct pt_shape *filter, uint32_t handle)
{
	for (size_t i = 0; i < v->now.shapes.v.n; i++) {
		const struct pt_shape *s = &v->now.shapes.v.v[i];

		if (s->handle == handle && s->what == PT_SHAPE_CLASS && s->member && s->index == filter->index)
			return s;
	}
	return NULL;
}

static void show_filter(struct qos_view *v, const struct pt_shape *filter, const char *owner)
{
	const struct pt_shape *class;
	struct pt_each_now now;
	struct pt_buf b = { 0 };

	if (pt_each_read(filter->program_id, v->now.arena, &now))
		return; /* it went meanwhile, or is none of ours */
	for (size_t i = 0; i < now.hosts.n; i++) {
		class = find_class(v, filter, now.hosts.v[i].class);
		b.n = 0;
		pt_prefix_fmt(&b, now.hosts.v[i].prefix);
		pt_out_fail(v->o, b.err);
		if (class && !b.err)
			show_class(v, b.s, "host", class, owner);
	}
	class = find_class(v, filter, now.crowd);
	if (class)
		show_class(v, "others", "others", class, owner);
	class = find_class(v, filter, now.rest);
	if (class)
		show_class(v, "rest", "rest", class, owner);
	pt_buf_fini(&b);
}

/* Of a shaper its class has them, of a queue it is the class. */
void qos_show_hosts(struct qos_view *v, const struct pt_shape *owner, const char *name)
{
	uint32_t holder = owner->what == PT_SHAPE_QDISC ? PT_SHAPE_CLASSES_MAJOR << 16 | PT_SHAPE_ROOT_CLASS : owner->handle;

	for (size_t i = 0; i < v->now.shapes.v.n; i++) {
		const struct pt_shape *s = &v->now.shapes.v.v[i];

		if (s->what == PT_SHAPE_EACH && s->index == owner->index && s->parent == holder)
			show_filter(v, s, name);
	}
}

/* ---- as it goes on ---- */

/* Until it is ended, or nobody reads. */
int cmd_qos_monitor(struct pt_cli *c)
{
	struct qos_view v;
	int rc = qos_open(&v, c);

	c->stats = 0;
	if (!rc)
		rc = qos_check_asked(&v);
	if (!rc) {
		v.o = pt_cli_monitor(c, "patronus.qos.v1", "qos");
		rc = v.o ? 0 : -ENOMEM;
	}
	while (!rc) {
		rc = qos_watch(&v);
		if (!rc) {
			qos_show_all(&v);
			rc = pt_out_flush(v.o);
		}
	}
	if (v.o)
		rc = pt_cli_end(c, v.o) ? PT_EXIT_SYSTEM : rc;
	qos_close(&v);
	return rc == -EPIPE ? 0 : rc;
}
