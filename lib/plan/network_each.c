/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hosts that have a limit of their own: a class for each that can be there at the same time, made beforehand, one for packets that
 * are not meant and one that the hosts beyond number share; and the program that puts packets into them.
 *
 * Classes are known by numbers, of which names of queues are a hash. Those for hosts follow the hash of their owner's name and
 * leave out what is taken: an owner that comes or goes moves few others.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "plan/network_shape.h"

#define OTHERS 2           /* classes beside those for hosts */
#define FLOWS 64           /* of one host: fewer connections than a whole line has */
#define FIFO_MIN 131072    /* bytes: two packets as long as the kernel joins them; a longer one than the queue is always lost */
#define FIFO_PART 10       /* of what passes in a second */
#define CLASSES 0x10000

_Static_assert(PT_CONF_EACH_NETS <= PT_EACH_NETS && PT_EACH_NAME <= PT_SHAPE_PROGRAM, "limits that differ");

/* ---- numbers ---- */

struct taken {
	uint8_t bits[CLASSES / 8];
};

static bool take(struct taken *t, uint32_t minor)
{
	uint8_t bit = (uint8_t)(1u << minor % 8);

	if (t->bits[minor / 8] & bit)
		return false;
	t->bits[minor / 8] |= bit;
	return true;
}

/* The next free one behind *AT, which there is: see network_check_each(). */
static uint32_t next_class(struct taken *t, uint32_t *at)
{
	for (uint32_t i = 0; i < CLASSES; i++) {
		*at = (*at + 1) % CLASSES;
		if (take(t, *at))
			break;
	}
	return PT_SHAPE_CLASSES_MAJOR << 16 | *at;
}

static int find_classes(struct network_wants *w, struct taken *t, const struct pt_conf_queue *q, const struct pt_conf_each *each)
{
	const char *name = q ? q->name : w->shaper->name;
	uint32_t at = pt_hash32(name, strlen(name)) % CLASSES, *classes = pt_arena_alloc(w->a, each->hosts * sizeof(*classes));
	struct network_each n = { .conf = each, .queue = q, .handle = network_class_of(q) };

	if (!classes)
		return -ENOMEM;
	n.program = (struct pt_each){
		.source = each->source,
		.len4 = each->len4,
		.len6 = each->len6,
		.of = each->of.v,
		.n_of = each->of.n,
		.classes = classes,
		.n_classes = each->hosts,
	};
	n.program.rest = next_class(t, &at);
	n.program.crowd = next_class(t, &at);
	for (uint32_t i = 0; i < each->hosts; i++)
		classes[i] = next_class(t, &at);
	return pt_vec_push(w->a, &w->eaches, n);
}

int network_each_find(struct network_wants *w)
{
	const struct pt_conf *c = w->c;
	struct taken t = { 0 };
	int rc = 0;

	take(&t, 0);
	take(&t, PT_SHAPE_ROOT_CLASS);
	for (size_t i = 0; i < c->queues.n; i++)
		take(&t, pt_queue_class(c->queues.v[i].name));
	if (w->shaper->each.on)
		rc = find_classes(w, &t, NULL, &w->shaper->each);
	for (size_t i = 0; !rc && i < c->queues.n; i++)
		if (c->queues.v[i].shaper == w->shaper && c->queues.v[i].each.on)
			rc = find_classes(w, &t, &c->queues.v[i], &c->queues.v[i].each);
	return rc;
}

const struct network_each *network_each_of(const struct network_wants *w, const struct pt_conf_queue *q)
{
	for (size_t i = 0; i < w->eaches.n; i++)
		if (w->eaches.v[i].queue == q)
			return &w->eaches.v[i];
	return NULL;
}

int network_check_each(const struct pt_conf *c, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->shapers.n; i++) {
		const struct pt_conf_shaper *s = &c->shapers.v[i];
		size_t n = c->queues.n + 2;

		for (size_t k = 0; k < c->queues.n; k++)
			if (c->queues.v[k].shaper == s && c->queues.v[k].each.on)
				n += c->queues.v[k].each.hosts + OTHERS;
		if (n <= CLASSES)
			continue;
		pt_err_add(e, PT_ERROR, &s->loc, "write smaller numbers of each-hosts",
			   "the queues of shaper %s need %zu classes, and the kernel has numbers for %d", s->name, n, CLASSES);
		rc = -EINVAL;
	}
	return rc;
}

/* ---- objects ---- */

struct owner {
	const char *name;
	const struct pt_loc *loc;
	uint64_t rate, ceil;
	uint32_t priority;
	enum pt_leaf leaf;
};

static struct owner owner_of(const struct network_wants *w, const struct pt_conf_queue *q)
{
	const struct pt_conf_shaper *s = w->shaper;

	if (q)
		return (struct owner){ q->name, &q->each.loc, q->rate, q->ceil, q->priority, q->leaf };
	return (struct owner){ s->name, &s->each.loc, s->bandwidth, s->bandwidth, 0, s->leaf };
}

/* What all classes have in any case is never more than their owner has: the rest is lent, up to the limit. */
static int want_class(const struct network_wants *w, const struct network_each *each, uint32_t handle, uint64_t ceil)
{
	const struct owner o = owner_of(w, each->queue);
	struct pt_shape s = network_shape_object(w, PT_SHAPE_CLASS, "htb", o.name, o.loc);
	uint64_t share = o.rate / (each->program.n_classes + OTHERS);

	s.member = true;
	s.handle = handle;
	s.parent = each->handle;
	s.v.rate = share > ceil ? ceil : share ? share : 1;
	s.v.ceil = ceil;
	s.v.burst = network_burst_of(s.v.rate, 0);
	s.v.cburst = network_burst_of(ceil, 0);
	s.v.quantum = network_quantum_of(ceil);
	s.v.priority = o.priority;
	return pt_vec_push(w->a, &w->out->v, s);
}

static int want_leaf(const struct network_wants *w, const struct network_each *each, uint32_t handle, uint64_t ceil)
{
	const struct owner o = owner_of(w, each->queue);
	struct pt_shape s = network_shape_object(w, PT_SHAPE_QDISC, o.leaf == PT_LEAF_FIFO ? "bfifo" : "fq_codel", o.name, o.loc);
	uint64_t wait = ceil / FIFO_PART;

	s.member = true;
	s.parent = handle;
	if (o.leaf == PT_LEAF_FIFO) {
		s.v.limit = wait < FIFO_MIN ? FIFO_MIN : wait > INT32_MAX ? INT32_MAX : (uint32_t)wait;
	} else {
		network_codel_values(0, true, &s.v);
		s.v.flows = FLOWS;
	}
	return pt_vec_push(w->a, &w->out->v, s);
}

static int want_filters(const struct network_wants *w, const struct network_each *each)
{
	const struct owner o = owner_of(w, each->queue);
	struct pt_shape s = network_shape_object(w, PT_SHAPE_EACH, "bpf", o.name, o.loc);
	int rc;

	s.parent = each->handle;
	s.each = &each->program;
	pt_each_name(s.each, s.program);
	rc = pt_vec_push(w->a, &w->out->v, s);
	if (rc || (each->queue && !each->queue->fallback))
		return rc;
	s = network_shape_object(w, PT_SHAPE_INTO, "u32", o.name, o.loc);
	s.parent = PT_SHAPE_CLASSES_MAJOR << 16;
	s.v.fallback = each->handle;
	return pt_vec_push(w->a, &w->out->v, s);
}

/* One after the other: all of them, and what each can have. */
static int want_all(const struct network_wants *w, const struct network_each *each,
		    int (*want)(const struct network_wants *w, const struct network_each *each, uint32_t handle, uint64_t ceil))
{
	const struct pt_each *p = &each->program;
	uint64_t limit = each->conf->rate, most = owner_of(w, each->queue).ceil;
	int rc = want(w, each, p->rest, most);

	if (!rc)
		rc = want(w, each, p->crowd, limit);
	for (uint32_t i = 0; !rc && i < p->n_classes; i++)
		rc = want(w, each, p->classes[i], limit);
	return rc;
}

int network_want_each(const struct network_wants *w, const struct network_each *each)
{
	int rc = want_all(w, each, want_class);

	if (!rc)
		rc = want_all(w, each, want_leaf);
	return rc ? rc : want_filters(w, each);
}

/* ---- into the kernel ---- */

int network_put_shape(struct pt_nl_stream *s, struct difference *d, size_t i, uint64_t cookie)
{
	struct pt_shape_change c = d->shapes.v[i];
	struct pt_err ignored = { 0 };
	int rc = 0;

	if (c.s.what == PT_SHAPE_EACH && c.op != PT_SHAPE_DELETE && c.s.each && c.s.index) {
		rc = pt_each_load(c.s.each, &c.s.fd, &ignored); /* the refusal is told with its place */
		pt_err_fini(&ignored);
		if (!rc)
			rc = pt_vec_push(d->arena, &d->programs, c.s.fd);
		if (rc && c.s.fd >= 0)
			close(c.s.fd);
		if (rc)
			return rc == -ENOENT ? -ENOSYS : rc;
	}
	return pt_shape_put(s, &c, cookie);
}
