/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shapers and queues of the file as queueing disciplines and classes that the kernel is to have.
 *
 * Packets that arrive cannot wait at a device, so they are sent through a link of type ifb that is made for them, and wait where
 * they leave that.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>
#include <unistd.h>

#include "plan/network_shape.h"

#define TARGET_PART 20 /* of the interval: RFC 8289 */
#define CODEL_TARGET 5000
#define CODEL_INTERVAL 100000
#define CODEL_FLOWS 1024
#define TBF_LATENCY 50000
#define BURST_MIN 3200 /* two packets */
#define BURST_PART 500 /* of what passes in a second: two milliseconds */
#define QUANTUM_MIN 1600
#define QUANTUM_MAX 60000

static void copy_name(char *to, const char *name)
{
	size_t n = strnlen(name, PT_LINK_NAME - 1);

	memcpy(to, name, n);
	to[n] = '\0';
}

void network_ifb_name(const char *device, char out[PT_LINK_NAME])
{
	struct pt_buf b = { 0 };

	if (strlen(device) + 3 < PT_LINK_NAME)
		pt_buf_fmt(&b, "in-%s", device);
	else
		pt_buf_fmt(&b, "in-%08x", pt_hash32(device, strlen(device)));
	copy_name(out, b.err ? "" : b.s);
	pt_buf_fini(&b);
}

int network_want_ifbs(const struct pt_conf *c, struct pt_arena *a, struct pt_links *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->shapers.n; i++) {
		const struct pt_conf_shaper *s = &c->shapers.v[i];
		struct pt_link l = { .kind = PT_LINK_IFB, .kernel_kind = "ifb", .up = true, .loc = &s->loc };

		if (!s->in || !s->interface)
			continue;
		network_ifb_name(s->interface->device, l.name);
		l.has = PT_LINK_HAS_UP | PT_LINK_HAS_MASTER | PT_LINK_HAS_ALIAS;
		l.alias = pt_arena_printf(a, PT_LINK_ALIAS ": arriving packets of %s", s->interface->device);
		rc = l.name[0] && l.alias ? pt_vec_push(a, &out->v, l) : -ENOMEM;
	}
	return rc;
}

/* ---- values ---- */

uint32_t network_burst_of(uint64_t rate, uint32_t given)
{
	uint64_t bytes = given ? given : rate / BURST_PART;

	return pt_shape_ticks(rate, bytes < BURST_MIN && !given ? BURST_MIN : bytes);
}

uint32_t network_quantum_of(uint64_t rate)
{
	uint64_t bytes = rate / 100;

	return (uint32_t)(bytes < QUANTUM_MIN ? QUANTUM_MIN : bytes > QUANTUM_MAX ? QUANTUM_MAX : bytes);
}

static uint32_t target_of(uint32_t interval)
{
	return interval / TARGET_PART ? interval / TARGET_PART : 1;
}

static void cake_values(const struct pt_conf_shaper *s, struct pt_shape_values *v)
{
	static const uint32_t modes[] = { CAKE_DIFFSERV_BESTEFFORT, CAKE_DIFFSERV_DIFFSERV3, CAKE_DIFFSERV_DIFFSERV4,
					  CAKE_DIFFSERV_DIFFSERV8 };

	v->rate = s->bandwidth;
	v->interval = s->rtt ? s->rtt : CODEL_INTERVAL;
	v->target = target_of(v->interval);
	v->diffserv = modes[s->diffserv];
	v->flows = !s->per_host ? CAKE_FLOW_TRIPLE : s->in ? CAKE_FLOW_DUAL_DST : CAKE_FLOW_DUAL_SRC;
	v->nat = s->nat;
	v->wash = s->wash;
	v->ack_filter = s->ack_filter ? CAKE_ACK_FILTER : CAKE_ACK_NONE;
	v->ingress = s->in;
}

void network_codel_values(uint32_t rtt, bool ecn, struct pt_shape_values *v)
{
	v->interval = pt_shape_codel_time(rtt ? rtt : CODEL_INTERVAL);
	v->target = pt_shape_codel_time(rtt ? target_of(rtt) : CODEL_TARGET);
	v->ecn = ecn;
	v->flows = CODEL_FLOWS;
}

static void tbf_values(const struct pt_conf_shaper *s, struct pt_shape_values *v)
{
	uint64_t burst = s->burst ? s->burst : s->bandwidth / BURST_PART, wait = s->latency ? s->latency : TBF_LATENCY, limit;

	v->rate = s->bandwidth;
	v->burst = network_burst_of(s->bandwidth, s->burst);
	limit = s->bandwidth / 1000 * wait / 1000 + (burst < BURST_MIN ? BURST_MIN : burst);
	v->limit = limit > INT32_MAX ? INT32_MAX : (uint32_t)limit;
}

/* ---- objects ---- */

struct pt_shape network_shape_object(const struct network_wants *w, enum pt_shape_what what, const char *kind, const char *name,
				     const struct pt_loc *loc)
{
	struct pt_shape s = { .what = what, .name = name, .loc = loc, .fd = -1 };

	copy_name(s.device, w->device);
	copy_name(s.kind, kind);
	return s;
}

uint32_t network_class_of(const struct pt_conf_queue *q)
{
	return PT_SHAPE_CLASSES_MAJOR << 16 | (q ? pt_queue_class(q->name) : PT_SHAPE_ROOT_CLASS);
}

static int want_leaf(const struct network_wants *w, uint32_t parent, enum pt_leaf leaf, const char *name, const struct pt_loc *loc)
{
	struct pt_shape s = network_shape_object(w, PT_SHAPE_QDISC, "fq_codel", name, loc);

	if (leaf == PT_LEAF_FIFO)
		return 0; /* the kernel's own */
	s.parent = parent;
	network_codel_values(0, true, &s.v);
	return pt_vec_push(w->a, &w->out->v, s);
}

static int want_class(const struct network_wants *w, const struct pt_conf_queue *q)
{
	struct pt_shape s = network_shape_object(w, PT_SHAPE_CLASS, "htb", q->name, &q->loc);

	s.handle = network_class_of(q);
	s.parent = network_class_of(q->parent);
	s.inner = q->inner || q->each.on;
	s.v.rate = q->rate;
	s.v.ceil = q->ceil;
	s.v.burst = network_burst_of(q->rate, q->burst);
	s.v.cburst = network_burst_of(q->ceil, q->burst);
	s.v.quantum = network_quantum_of(q->rate);
	s.v.priority = q->priority;
	return pt_vec_push(w->a, &w->out->v, s);
}

static size_t depth_of(const struct pt_conf_queue *q)
{
	size_t n = 0;

	for (; q->parent; q = q->parent)
		n++;
	return n;
}

/* Parents first. */
static int want_queues(const struct network_wants *w)
{
	const struct pt_conf *c = w->c;
	int rc = 0;

	for (size_t depth = 0; depth < PT_QUEUE_DEPTH_MAX; depth++)
		for (size_t i = 0; !rc && i < c->queues.n; i++)
			if (c->queues.v[i].shaper == w->shaper && depth_of(&c->queues.v[i]) == depth)
				rc = want_class(w, &c->queues.v[i]);
	for (size_t i = 0; !rc && i < c->queues.n; i++) {
		const struct pt_conf_queue *q = &c->queues.v[i];

		if (q->shaper != w->shaper || q->inner)
			continue;
		rc = q->each.on ? network_want_each(w, network_each_of(w, q)) :
				  want_leaf(w, network_class_of(q), q->leaf, q->name, &q->loc);
	}
	return rc;
}

static const struct pt_conf_queue *fallback_of(const struct network_wants *w)
{
	for (size_t i = 0; i < w->c->queues.n; i++)
		if (w->c->queues.v[i].shaper == w->shaper && w->c->queues.v[i].fallback)
			return &w->c->queues.v[i];
	return NULL;
}

/* Where packets go that nobody put anywhere: a class without others below, or the kernel lets them pass without any limit. */
static uint32_t fallback_class(const struct network_wants *w)
{
	const struct pt_conf_queue *q = fallback_of(w);
	const struct network_each *each = network_each_of(w, q);

	return each ? each->program.rest : network_class_of(q);
}

/* The class of the whole: what it has is what all queues share. */
static int want_htb(const struct network_wants *w, const struct pt_shape *root)
{
	const struct pt_conf_shaper *s = w->shaper;
	const struct pt_conf_queue *fallback = fallback_of(w);
	struct pt_shape class = network_shape_object(w, PT_SHAPE_CLASS, "htb", s->name, &s->loc);
	int rc;

	class.handle = network_class_of(NULL);
	class.parent = root->handle;
	class.inner = fallback || s->each.on;
	class.v.rate = class.v.ceil = s->bandwidth;
	class.v.burst = class.v.cburst = network_burst_of(s->bandwidth, s->burst);
	class.v.quantum = network_quantum_of(s->bandwidth);
	rc = pt_vec_push(w->a, &w->out->v, class);
	if (rc)
		return rc;
	if (s->each.on)
		return network_want_each(w, network_each_of(w, NULL));
	return fallback ? want_queues(w) : want_leaf(w, class.handle, s->leaf, s->name, &s->loc);
}

static void frame_values(const struct pt_conf_shaper *s, struct pt_shape *root)
{
	root->layer3 = true;
	root->v.framed = s->framed;
	root->v.overhead = s->overhead;
	root->v.mpu = s->mpu;
	root->v.cells = s->cells;
}

static int want_root(struct network_wants *w)
{
	static const char *const kinds[] = { "cake", "fq_codel", "htb", "tbf" };
	const struct pt_conf_shaper *s = w->shaper;
	struct pt_shape root = network_shape_object(w, PT_SHAPE_QDISC, kinds[s->type], s->name, &s->loc);
	int rc = network_each_find(w);

	if (rc)
		return rc;
	root.parent = PT_SHAPE_ROOT;
	root.handle = (s->type == PT_SHAPER_HTB ? PT_SHAPE_CLASSES_MAJOR : PT_SHAPE_MAJOR) << 16;
	root.force = s->force;
	if (s->framed)
		frame_values(s, &root);
	if (s->type == PT_SHAPER_CAKE)
		cake_values(s, &root.v);
	else if (s->type == PT_SHAPER_FQ_CODEL)
		network_codel_values(s->rtt, s->ecn, &root.v);
	else if (s->type == PT_SHAPER_TBF)
		tbf_values(s, &root.v);
	else
		root.v.fallback = fallback_class(w) & 0xffff;
	if (s->type == PT_SHAPER_HTB)
		root.v.rate = s->bandwidth;
	rc = pt_vec_push(w->a, &w->out->v, root);
	if (!rc && s->type == PT_SHAPER_HTB)
		rc = want_htb(w, &root);
	else if (!rc && s->type == PT_SHAPER_TBF)
		rc = want_leaf(w, root.handle | 1, s->leaf, s->name, &s->loc);
	return rc;
}

/* The packets get there when there is something to wait in. */
static int want_redirect(struct network_wants *w)
{
	struct pt_shape hook, redirect;
	char ifb[PT_LINK_NAME];
	int rc;

	memcpy(ifb, w->device, sizeof(ifb));
	copy_name(w->device, w->shaper->interface->device);
	hook = network_shape_object(w, PT_SHAPE_HOOK, "clsact", w->shaper->name, &w->shaper->loc);
	redirect = network_shape_object(w, PT_SHAPE_REDIRECT, "u32", w->shaper->name, &w->shaper->loc);
	copy_name(redirect.target, ifb);
	rc = pt_vec_push(w->a, &w->out->v, hook);
	return rc ? rc : pt_vec_push(w->a, &w->out->v, redirect);
}

int network_want_shapes(const struct pt_conf *c, struct pt_arena *a, struct pt_shapes *out)
{
	int rc = 0;

	*out = (struct pt_shapes){ .arena = a };
	for (size_t i = 0; !rc && i < c->shapers.n; i++) {
		struct network_wants w = { .c = c, .shaper = &c->shapers.v[i], .a = a, .out = out };

		if (!w.shaper->interface)
			continue;
		if (w.shaper->in)
			network_ifb_name(w.shaper->interface->device, w.device);
		else
			copy_name(w.device, w.shaper->interface->device);
		rc = want_root(&w);
		if (!rc && w.shaper->in)
			rc = want_redirect(&w);
	}
	return rc;
}

/* ---- back ---- */

static const struct pt_shape *our_root(const struct pt_shapes *have, uint32_t index)
{
	for (size_t i = 0; i < have->v.n; i++)
		if (pt_shape_is_ours(&have->v.v[i]) && have->v.v[i].index == index)
			return &have->v.v[i];
	return NULL;
}

static size_t levels(const struct pt_shapes *have, const struct pt_shape *class)
{
	uint32_t parent = class->parent;
	size_t n = 0;

	for (size_t i = 0; i < have->v.n && n < have->v.n; i++)
		if (have->v.v[i].what == PT_SHAPE_CLASS && have->v.v[i].index == class->index && have->v.v[i].handle == parent) {
			parent = have->v.v[i].parent;
			i = SIZE_MAX; /* from the first again */
			n++;
		}
	return n;
}

/* Roots, classes by their levels, leaves, filters, redirects. */
#define TURNS (PT_QUEUE_DEPTH_MAX + 7)
static size_t turn_of(const struct pt_shapes *have, const struct pt_shape *s)
{
	const struct pt_shape *root = our_root(have, s->index);

	if (s->what == PT_SHAPE_REDIRECT)
		return TURNS - 1;
	if (s->what == PT_SHAPE_INTO)
		return TURNS - 2;
	if (s->what == PT_SHAPE_EACH)
		return TURNS - 3;
	if (!root || s->standing || s->what == PT_SHAPE_HOOK)
		return SIZE_MAX;
	if (s == root)
		return 0;
	if (s->what == PT_SHAPE_CLASS)
		return 1 + levels(have, s);
	return s->parent >> 16 == root->handle >> 16 ? PT_QUEUE_DEPTH_MAX + 3 : SIZE_MAX;
}

/* The program may be gone from its place when it is wanted back. */
static int keep_one(struct pt_shape s, struct pt_arena *a, struct pt_shapes *out)
{
	int rc;

	s.stats = (struct pt_shape_stats){ 0 };
	if (s.what == PT_SHAPE_QDISC && !pt_shape_is_root(&s))
		s.handle = 0; /* the kernel's choice */
	if (s.what == PT_SHAPE_EACH && pt_each_open(s.program_id, &s.fd))
		return 0;
	rc = pt_vec_push(a, &out->v, s);
	if (rc && s.fd >= 0)
		close(s.fd);
	return rc;
}

int network_keep_shapes(const struct pt_shapes *have, struct pt_arena *a, struct pt_shapes *out)
{
	PT_VEC(size_t) turns = { 0 };
	int rc = 0;

	*out = (struct pt_shapes){ .arena = a };
	for (size_t i = 0; !rc && i < have->v.n; i++)
		rc = pt_vec_push(a, &turns, turn_of(have, &have->v.v[i]));
	for (size_t turn = 0; turn < TURNS; turn++)
		for (size_t i = 0; !rc && i < have->v.n; i++)
			if (turns.v[i] == turn)
				rc = keep_one(have->v.v[i], a, out);
	return rc;
}

void network_release_shapes(struct pt_shapes *kept)
{
	for (size_t i = 0; i < kept->v.n; i++)
		if (kept->v.v[i].what == PT_SHAPE_EACH && kept->v.v[i].fd >= 0)
			close(kept->v.v[i].fd);
	kept->v.n = 0;
}

/* ---- checks ---- */

/* What rules say becomes a number, which two names could share. */
static int check_classes(const struct pt_conf *c, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->queues.n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct pt_conf_queue *x = &c->queues.v[k], *y = &c->queues.v[i];

			if (x->shaper != y->shaper || pt_queue_class(x->name) != pt_queue_class(y->name))
				continue;
			pt_err_add(e, PT_ERROR, &y->loc, "rename one of them", "queues %s (line %u) and %s have one class: it is a "
				   "hash of the name", x->name, x->loc.line, y->name);
			rc = -EINVAL;
		}
	return rc;
}

int network_check_shapers(const struct pt_conf *c, struct pt_err *e)
{
	int rc = check_classes(c, e);

	if (!rc)
		rc = network_check_each(c, e);
	if (!rc)
		rc = pt_plan_queues(c, e);

	for (size_t i = 0; i < c->shapers.n; i++) {
		const struct pt_conf_shaper *s = &c->shapers.v[i];
		char ifb[PT_LINK_NAME];

		if (!s->in || !s->interface)
			continue;
		network_ifb_name(s->interface->device, ifb);
		for (size_t k = 0; k < c->interfaces.n; k++) {
			if (strcmp(c->interfaces.v[k].device, ifb) != 0)
				continue;
			pt_err_add(e, PT_ERROR, &c->interfaces.v[k].loc, "choose another device",
				   "device %s is made for the arriving packets of shaper %s", ifb, s->name);
			rc = -EINVAL;
		}
	}
	return rc;
}

int network_check_foreign(const struct pt_shapes *want, const struct pt_shapes *have, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < want->v.n; i++) {
		const struct pt_shape *foreign = pt_shapes_foreign(have, &want->v.v[i]);

		if (!foreign || want->v.v[i].force)
			continue;
		pt_err_add(e, PT_ERROR, want->v.v[i].loc, "remove it (tc qdisc delete dev DEVICE root), or write force = true",
			   "device %s has a queueing discipline already, %s %x:, which Patronus did not make", foreign->device,
			   foreign->kind, foreign->handle >> 16);
		rc = -EEXIST;
	}
	return rc;
}

const char *network_shape_hint(const struct pt_shape *s, int code)
{
	static const struct {
		const char *kind, *hint;
	} hints[] = {
		{ "cake", "the kernel lacks cake: modprobe sch_cake (CONFIG_NET_SCH_CAKE)" },
		{ "fq_codel", "the kernel lacks fq_codel: modprobe sch_fq_codel (CONFIG_NET_SCH_FQ_CODEL), or write leaf = fifo" },
		{ "htb", "the kernel lacks htb: modprobe sch_htb (CONFIG_NET_SCH_HTB)" },
		{ "bfifo", "the kernel lacks bfifo: modprobe sch_fifo (CONFIG_NET_SCH_FIFO)" },
		{ "bpf", "the kernel lacks filters by BPF: modprobe cls_bpf (CONFIG_NET_CLS_BPF, CONFIG_BPF_SYSCALL)" },
		{ "tbf", "the kernel lacks tbf: modprobe sch_tbf (CONFIG_NET_SCH_TBF)" },
		{ "clsact", "the kernel lacks clsact: modprobe sch_ingress (CONFIG_NET_SCH_INGRESS)" },
		{ "u32", "the kernel lacks it: modprobe cls_u32 act_mirred (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)" },
	};

	for (size_t i = 0; (code == -ENOENT || code == -EOPNOTSUPP || code == -ENOSYS) && i < PT_ARRAY_SIZE(hints); i++)
		if (!strcmp(hints[i].kind, s->kind))
			return hints[i].hint;
	return NULL;
}
