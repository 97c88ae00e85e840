/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shapers and queues: from options to typed fields, and what does not fit together. The kernel takes a class whose parent is missing
 * for an error in the middle of an apply, and lets packets of no class pass without any limit: neither is left to it.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "conf/internal.h"

#define T(type) (1u << PT_SHAPER_##type)

/* Which types take an option; those that are not here are everybody's. */
static const struct {
	const char *option;
	uint32_t types;
	const char *names;
} takers[] = {
	{ "bandwidth", T(CAKE) | T(HTB) | T(TBF), "cake, htb and tbf" },
	{ "preset", T(CAKE) | T(HTB) | T(TBF), "cake, htb and tbf" },
	{ "overhead", T(CAKE) | T(HTB) | T(TBF), "cake, htb and tbf" },
	{ "mpu", T(CAKE) | T(HTB) | T(TBF), "cake, htb and tbf" },
	{ "cells", T(CAKE) | T(HTB) | T(TBF), "cake, htb and tbf" },
	{ "diffserv", T(CAKE), "cake" },
	{ "per-host", T(CAKE), "cake" },
	{ "nat", T(CAKE), "cake" },
	{ "wash", T(CAKE), "cake" },
	{ "ack-filter", T(CAKE), "cake" },
	{ "ecn", T(FQ_CODEL), "fq_codel" },
	{ "rtt", T(CAKE) | T(FQ_CODEL), "cake and fq_codel" },
	{ "burst", T(HTB) | T(TBF), "htb and tbf" },
	{ "latency", T(TBF), "tbf" },
	{ "leaf", T(HTB) | T(TBF), "htb and tbf" },
	{ "each", T(HTB), "htb" },
	{ "each-rate", T(HTB), "htb" },
	{ "each-of", T(HTB), "htb" },
	{ "each-prefix", T(HTB), "htb" },
	{ "each-prefix6", T(HTB), "htb" },
	{ "each-hosts", T(HTB), "htb" },
};
static const char *const type_names[] = { "cake", "fq_codel", "htb", "tbf" };

/* By the places of the words of `preset`. PPPoE with LLC over ATM; PPPoE over PTM; DOCSIS counts as the cable modem does; Ethernet with
 * preamble, gap and checksum, over fibre with a VLAN's tag. */
static const struct {
	int overhead;
	uint32_t mpu;
	enum pt_cells cells;
} presets[] = {
	{ 40, 0, PT_CELLS_ATM }, { 30, 0, PT_CELLS_PTM }, { 18, 64, PT_CELLS_NONE }, { 42, 84, PT_CELLS_NONE }, { 38, 84, PT_CELLS_NONE },
};

struct checker {
	struct pt_conf *c;
	const struct conf_tree *t;
	struct pt_err *e;
	int rc;
};

#define COMPLAIN(k, ...)                                        \
	do {                                                    \
		pt_err_add((k)->e, PT_ERROR, __VA_ARGS__);      \
		(k)->rc = (k)->rc == -ENOMEM ? -ENOMEM : -EINVAL; \
	} while (0)

int conf_qos_put(struct pt_conf *c, const char *section, size_t at, const struct pt_conf_option *o)
{
	if (!strcmp(section, "shaper"))
		return pt_vec_push(c->arena, &c->shapers.v[at].options, *o);
	return pt_vec_push(c->arena, &c->queues.v[at].options, *o);
}

/* Something in the section was refused: what is missing is not missed. */
static bool is_bad(const struct checker *k, const char *section, size_t at)
{
	for (size_t i = 0; i < k->t->sections.n; i++) {
		const struct conf_section *s = &k->t->sections.v[i];

		if (s->bad && s->model == at && !strcmp(s->row->name, section))
			return true;
	}
	return false;
}

#define OPTION(x, name) find_option((x)->options.v, (x)->options.n, name)

static const struct pt_conf_option *find_option(const struct pt_conf_option *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].row->name, name))
			return &v[i];
	return NULL;
}

static uint64_t number(const struct pt_conf_option *o, uint64_t otherwise)
{
	return o ? o->number : otherwise;
}

/* Checked when they were read. */
static uint64_t rate(const struct pt_conf_option *o)
{
	uint64_t bytes;

	return o && !pt_parse_rate(o->s, &bytes) ? bytes : 0;
}

static uint32_t microseconds(const struct pt_conf_option *o)
{
	uint32_t us;

	return o && !pt_parse_microseconds(o->s, &us) ? us : 0;
}

/* ---- shapers ---- */

static void read_frame(struct pt_conf_shaper *s)
{
	const struct pt_conf_option *preset = OPTION(s, "preset"), *overhead = OPTION(s, "overhead"), *mpu = OPTION(s, "mpu"),
				    *cells = OPTION(s, "cells");

	s->framed = preset || overhead || mpu || cells;
	if (preset) {
		s->overhead = presets[preset->number].overhead;
		s->mpu = presets[preset->number].mpu;
		s->cells = presets[preset->number].cells;
	}
	if (overhead)
		s->overhead = (int)overhead->number;
	if (mpu)
		s->mpu = (uint32_t)mpu->number;
	if (cells)
		s->cells = (uint8_t)cells->number;
}

static void read_shaper(struct pt_conf_shaper *s)
{
	s->in = number(OPTION(s, "direction"), 0);
	s->type = (uint8_t)number(OPTION(s, "type"), PT_SHAPER_CAKE);
	s->leaf = (uint8_t)number(OPTION(s, "leaf"), PT_LEAF_FQ_CODEL);
	s->bandwidth = rate(OPTION(s, "bandwidth"));
	s->diffserv = (unsigned int)number(OPTION(s, "diffserv"), 1);
	s->per_host = number(OPTION(s, "per-host"), false);
	s->nat = number(OPTION(s, "nat"), true);
	s->wash = number(OPTION(s, "wash"), false);
	s->ack_filter = number(OPTION(s, "ack-filter"), false);
	s->ecn = number(OPTION(s, "ecn"), true);
	s->force = number(OPTION(s, "force"), false);
	s->rtt = microseconds(OPTION(s, "rtt"));
	s->latency = microseconds(OPTION(s, "latency"));
	s->burst = (uint32_t)number(OPTION(s, "burst"), 0);
	read_frame(s);
}

static void check_takes(struct checker *k, const struct pt_conf_shaper *s)
{
	for (size_t i = 0; i < s->options.n; i++)
		for (size_t n = 0; n < PT_ARRAY_SIZE(takers); n++) {
			const struct pt_conf_option *o = &s->options.v[i];

			if (!strcmp(takers[n].option, o->row->name) && !(takers[n].types & 1u << s->type))
				COMPLAIN(k, &o->loc, NULL, "shaper %s is of type %s, which has no %s: that is for %s", s->name,
					 type_names[s->type], o->row->name, takers[n].names);
		}
}

static void check_twins(struct checker *k, const struct pt_conf_shaper *s)
{
	for (const struct pt_conf_shaper *o = k->c->shapers.v; s->interface && o < s; o++)
		if (o->interface == s->interface && o->in == s->in)
			COMPLAIN(k, &s->loc, "one shaper for an interface and direction; an htb has queues",
				 "shaper %s shapes the same packets as %s (line %u)", s->name, o->name, o->loc.line);
}

static void check_each(struct checker *k, const char *what, const char *name, const struct pt_conf_option *options, size_t n,
		       uint64_t most, bool bad, struct pt_conf_each *each)
{
	const struct conf_each_owner o = { what, name, options, n, most, bad };
	int rc = conf_each_read(k->c->arena, &o, each, k->e);

	if (rc && k->rc != -ENOMEM)
		k->rc = rc;
}

static void check_shaper(struct checker *k, struct pt_conf_shaper *s)
{
	const struct pt_conf_option *interface = OPTION(s, "interface");
	bool bad = is_bad(k, "shaper", (size_t)(s - k->c->shapers.v));

	read_shaper(s);
	check_takes(k, s);
	if (interface) {
		s->interface = pt_conf_find_if(k->c, interface->s);
		if (!s->interface)
			COMPLAIN(k, &interface->loc, "each link has a section: interface NAME { }", "there is no interface %s",
				 interface->s);
	} else if (!bad) {
		COMPLAIN(k, &s->loc, "add interface = NAME", "shaper %s has no interface", s->name);
	}
	if (!bad && !s->bandwidth && (s->type == PT_SHAPER_HTB || s->type == PT_SHAPER_TBF))
		COMPLAIN(k, &s->loc, "add bandwidth = \"100Mbit\"", "shaper %s of type %s has no bandwidth", s->name,
			 type_names[s->type]);
	if (!bad && s->framed && !s->bandwidth && s->type == PT_SHAPER_CAKE)
		COMPLAIN(k, &s->loc, "add bandwidth = \"100Mbit\"",
			 "shaper %s says what the link adds to packets, but not how much it carries", s->name);
	check_twins(k, s);
	if (s->type == PT_SHAPER_HTB)
		check_each(k, "shaper", s->name, s->options.v, s->options.n, s->bandwidth, bad, &s->each);
}

/* ---- queues ---- */

static struct pt_conf_queue *find_queue(const struct checker *k, const char *name)
{
	for (size_t i = 0; i < k->c->queues.n; i++)
		if (!strcmp(k->c->queues.v[i].name, name))
			return &k->c->queues.v[i];
	return NULL;
}

static void find_shaper(struct checker *k, struct pt_conf_queue *q, const struct pt_conf_option *o)
{
	const struct pt_conf_shaper *s = NULL;

	for (size_t i = 0; i < k->c->shapers.n; i++)
		if (!strcmp(k->c->shapers.v[i].name, o->s))
			s = &k->c->shapers.v[i];
	if (!s)
		COMPLAIN(k, &o->loc, "write shaper NAME { ... }", "there is no shaper %s", o->s);
	else if (s->type != PT_SHAPER_HTB)
		COMPLAIN(k, &o->loc, "give the shaper type = htb", "shaper %s is of type %s, which has no queues", o->s,
			 type_names[s->type]);
	else if (s->in)
		COMPLAIN(k, &o->loc, "shape what leaves by the interfaces of the inside instead",
			 "shaper %s is for packets that arrive, which pass it before any rule could name a queue", o->s);
	else
		q->shaper = s;
}

static void read_queue(struct checker *k, struct pt_conf_queue *q)
{
	const struct pt_conf_option *shaper = OPTION(q, "shaper"), *ceil = OPTION(q, "ceil");
	bool bad = is_bad(k, "queue", (size_t)(q - k->c->queues.v));

	q->rate = rate(OPTION(q, "rate"));
	q->ceil = rate(ceil);
	q->priority = (uint32_t)number(OPTION(q, "priority"), 4);
	q->burst = (uint32_t)number(OPTION(q, "burst"), 0);
	q->fallback = number(OPTION(q, "default"), false);
	q->leaf = (uint8_t)number(OPTION(q, "leaf"), PT_LEAF_FQ_CODEL);
	if (shaper)
		find_shaper(k, q, shaper);
	else if (!bad)
		COMPLAIN(k, &q->loc, "add shaper = NAME", "queue %s has no shaper", q->name);
	if (!bad && !q->rate)
		COMPLAIN(k, &q->loc, "add rate = \"10Mbit\"", "queue %s has no rate", q->name);
	if (ceil && q->ceil && q->rate > q->ceil)
		COMPLAIN(k, &ceil->loc, NULL, "the most that queue %s has (ceil) is less than its rate", q->name);
	if (!q->ceil && q->shaper)
		q->ceil = q->shaper->bandwidth > q->rate ? q->shaper->bandwidth : q->rate;
	check_each(k, "queue", q->name, q->options.v, q->options.n, q->ceil, bad, &q->each);
}

static void find_parent(struct checker *k, struct pt_conf_queue *q)
{
	const struct pt_conf_option *o = OPTION(q, "parent");
	struct pt_conf_queue *parent = o ? find_queue(k, o->s) : NULL;

	if (!o)
		return;
	if (!parent)
		COMPLAIN(k, &o->loc, "write queue NAME { ... }", "there is no queue %s", o->s);
	else if (parent == q)
		COMPLAIN(k, &o->loc, NULL, "queue %s is its own parent", q->name);
	else if (parent->shaper && q->shaper && parent->shaper != q->shaper)
		COMPLAIN(k, &o->loc, NULL, "queue %s is one of another shaper, %s", o->s, parent->shaper->name);
	else {
		q->parent = parent;
		parent->inner = true;
	}
}

/* Cuts circles, so that nobody else walks in one. */
static void check_depth(struct checker *k, struct pt_conf_queue *q)
{
	size_t depth = 1;

	for (const struct pt_conf_queue *p = q->parent; p && depth <= PT_QUEUE_DEPTH_MAX; p = p->parent)
		depth++;
	if (depth <= PT_QUEUE_DEPTH_MAX)
		return;
	COMPLAIN(k, &q->loc, NULL, "queue %s has more than %d queues above it, or itself", q->name, PT_QUEUE_DEPTH_MAX - 1);
	q->parent = NULL;
}

static void check_place(struct checker *k, const struct pt_conf_queue *q)
{
	const struct pt_conf_option *fallback = OPTION(q, "default");

	if (q->fallback && q->inner && fallback)
		COMPLAIN(k, &fallback->loc, "give it a queue of its own for these packets",
			 "queue %s is the parent of others: no packets wait in it", q->name);
	if (q->each.on && q->inner)
		COMPLAIN(k, &q->each.loc, "write it to the queues below", "queue %s is the parent of others: no packets wait in it", q->name);
}

/* What they have in any case can be had by all of them at once. */
static void check_sum(struct checker *k, const char *what, const char *name, uint64_t have, uint64_t sum, const struct pt_loc *loc)
{
	struct pt_buf text = { 0 };

	if (sum <= have)
		return;
	pt_fmt_rate(&text, sum);
	pt_buf_str(&text, " of ");
	pt_fmt_rate(&text, have);
	pt_err_add(k->e, PT_WARNING, loc, "their rates are what they have in any case; ceil is for more",
		   "the queues of %s %s have more than there is: %s", what, name, text.err ? "" : text.s);
	pt_buf_fini(&text);
}

static void check_shares(struct checker *k)
{
	for (size_t i = 0; i < k->c->shapers.n; i++) {
		const struct pt_conf_shaper *s = &k->c->shapers.v[i];
		size_t n = 0, fallbacks = 0;
		uint64_t sum = 0;

		for (size_t q = 0; q < k->c->queues.n; q++) {
			if (k->c->queues.v[q].shaper != s)
				continue;
			n++;
			fallbacks += k->c->queues.v[q].fallback;
			sum += k->c->queues.v[q].parent ? 0 : k->c->queues.v[q].rate;
		}
		if (n && s->each.on)
			COMPLAIN(k, &s->each.loc, "write it to those queues whose hosts are to have it",
				 "shaper %s has queues: its packets wait in them", s->name);
		if (n && fallbacks != 1)
			COMPLAIN(k, &s->loc, "give one of them default = true",
				 fallbacks ? "shaper %s has more than one queue for packets of no queue"
					   : "shaper %s has queues, but none for packets that no rule puts into one", s->name);
		check_sum(k, "shaper", s->name, s->bandwidth, sum, &s->loc);
	}
	for (size_t i = 0; i < k->c->queues.n; i++) {
		const struct pt_conf_queue *p = &k->c->queues.v[i];
		uint64_t sum = 0;

		for (size_t q = 0; p->inner && q < k->c->queues.n; q++)
			sum += k->c->queues.v[q].parent == p ? k->c->queues.v[q].rate : 0;
		check_sum(k, "queue", p->name, p->rate, sum, &p->loc);
	}
}

int conf_check_qos(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	struct checker k = { .c = c, .t = t, .e = e };

	for (size_t i = 0; i < c->shapers.n; i++)
		check_shaper(&k, &c->shapers.v[i]);
	for (size_t i = 0; i < c->queues.n; i++)
		read_queue(&k, &c->queues.v[i]);
	for (size_t i = 0; i < c->queues.n; i++)
		find_parent(&k, &c->queues.v[i]);
	for (size_t i = 0; i < c->queues.n; i++)
		check_depth(&k, &c->queues.v[i]);
	for (size_t i = 0; i < c->queues.n; i++)
		check_place(&k, &c->queues.v[i]);
	check_shares(&k);
	return k.rc;
}
