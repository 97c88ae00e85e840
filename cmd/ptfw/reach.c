/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may reach whom: all packets that pass, as a list of flows. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include <patronus/reach.h>

#include "explain.h"

#define PARTS_MAX 20000   /* of an answer, and with -d: what a machine can bear */
#define PARTS_ALL 2000000
#define SHOWN_MAX 8     /* members of a pool */

struct reach_cmd {
	struct pt_cli *c;
	const struct pt_world *w;
	const struct pt_reach *r;
	struct pt_out *out;
};

/* ---- parts of a line ---- */

static const char *title(const struct reach_cmd *k, const char *device)
{
	const char *name = explain_title(k->w, device);

	return name ? name : device;
}

/* Calls FN for each device that flow F comes from; none: from any. */
static void each_device(const struct reach_cmd *k, const struct pt_flow *f, void (*fn)(struct pt_buf *b, const char *name),
			struct pt_buf *b)
{
	const struct pt_iset *s = pt_flow_side(f, PT_DIM_DEVICE);

	for (uint32_t d = 0; s && d + 1 < k->r->space->devices.n; d++)
		if (pt_iset_has(s, d))
			fn(b, title(k, k->r->space->devices.v[d]));
}

static void add_name(struct pt_buf *b, const char *name)
{
	pt_buf_fmt(b, "%s%s", b->n ? ", " : "", name);
}

static void say_from(const struct reach_cmd *k, const struct pt_flow *f, struct pt_buf *b)
{
	struct pt_buf names = { 0 };

	if (f->kind == PT_FLOW_SENT) {
		pt_buf_str(b, "self");
		return;
	}
	each_device(k, f, add_name, &names);
	pt_buf_str(b, names.n ? names.s : "any");
	b->err = b->err ? b->err : names.err;
	pt_buf_fini(&names);
}

static const char *end_of(const struct reach_cmd *k, const struct pt_flow *f)
{
	return f->kind == PT_FLOW_ARRIVES ? "self" : title(k, f->out);
}

/* The packets in the words of rules, without what the ends say already. */
static void say_packets(const struct reach_cmd *k, const struct pt_flow *f, struct pt_buf *b)
{
	bool plain = f->families == PT_AF_BOTH || pt_flow_side(f, PT_DIM_SRC) || pt_flow_side(f, PT_DIM_DST);
	struct pt_buf text = { 0 };
	struct pt_box_side sides[PT_DIM_FREE];
	struct pt_box x = { .af = f->box.af, .v = sides };
	const char *s, *to;

	for (uint32_t i = 0; i < f->box.n && x.n < PT_ARRAY_SIZE(sides); i++)
		if (f->box.v[i].dim != PT_DIM_DEVICE)
			sides[x.n++] = f->box.v[i];
	pt_space_print(k->r->space, &x, &text);
	s = text.s ? text.s : "";
	if (plain && !strncmp(s, "inet", 4)) /* "inet6" alike */
		s += strcspn(s, " ") + (strchr(s, ' ') != NULL);
	to = f->to_self ? strstr(s, " to any") : NULL; /* before it are no names but those of rules */
	pt_buf_add(b, s, to ? (size_t)(to - s) : strlen(s));
	if (to)
		pt_buf_fmt(b, " to self%s", to + strlen(" to any"));
	b->err = b->err ? b->err : text.err;
	pt_buf_fini(&text);
}

static void say_set(enum pt_af af, const struct pt_iset *s, struct pt_buf *b)
{
	for (uint32_t i = 0; i < s->n && i < SHOWN_MAX; i++) {
		pt_buf_str(b, i ? ", " : "");
		if (af)
			pt_range_fmt(b, af, s->v[i].lo, s->v[i].hi);
		else
			pt_buf_fmt(b, s->v[i].lo == s->v[i].hi ? "%u" : "%u:%u", (unsigned int)s->v[i].lo,
				   (unsigned int)s->v[i].hi);
	}
	if (s->n > SHOWN_MAX)
		pt_buf_fmt(b, " and %u more", s->n - SHOWN_MAX);
}

/* What M makes of the values of DIM. */
static void say_move(const struct pt_flow *f, const struct pt_flow_move *m, uint32_t dim, struct pt_buf *b)
{
	const struct pt_iset *from = pt_flow_side(f, dim);
	enum pt_af af = dim == PT_DIM_DST ? f->box.af : PT_AF_NONE;

	if (m->how == PT_FLOW_ONE_OF) {
		say_set(af, &m->to, b);
		return;
	}
	for (uint32_t i = 0; from && i < from->n && i < SHOWN_MAX; i++) {
		struct pt_ival v = { from->v[i].lo + m->by, from->v[i].hi + m->by };

		pt_buf_str(b, i ? ", " : "");
		say_set(af, &(struct pt_iset){ .v = &v, .n = 1 }, b);
	}
}

static void say_destination(const struct pt_flow *f, struct pt_buf *b)
{
	if (!f->dst_nat)
		return;
	pt_buf_str(b, "to ");
	say_move(f, &f->dst, PT_DIM_DST, b);
	if (f->dport.how != PT_FLOW_KEPT) {
		pt_buf_str(b, " port ");
		say_move(f, &f->dport, PT_DIM_DPORT, b);
	}
}

static void say_source(const struct reach_cmd *k, const struct pt_flow *f, struct pt_buf *b)
{
	const struct pt_pol_nat *n;

	if (!f->src_nat)
		return;
	n = &k->w->policy->nats.v[f->src_nat - 1];
	pt_buf_str(b, "nat-to ");
	if (n->target == PT_REF_IF)
		pt_buf_fmt(b, "(%s)", k->w->policy->ifrefs.v[n->ref].ifname);
	else if (n->pool)
		say_set(n->af, &n->members, b);
	else
		pt_range_fmt(b, n->af, n->lo, n->hi);
}

/* ---- for people ---- */

static void by_rule(const char *before, const struct pt_pol_rule *r, struct pt_buf *b)
{
	pt_buf_fmt(b, "%s%s, ", before, r->name);
	explain_place(r, b);
}

static void show(const struct reach_cmd *k, const struct pt_flow *f)
{
	struct pt_buf b = { 0 }, more = { 0 };

	say_from(k, f, &b);
	pt_buf_fmt(&b, " -> %s  ", end_of(k, f));
	say_packets(k, f, &b);
	pt_buf_str(&b, "\n    ");
	say_destination(f, &more);
	if (more.n)
		pt_buf_fmt(&b, "%s; ", more.s);
	if (f->in_rule)
		by_rule("by ", f->in_rule, &b);
	if (f->out_rule)
		by_rule(f->in_rule ? "; out by " : "by ", f->out_rule, &b);
	more.n = 0;
	say_source(k, f, &more);
	if (more.n)
		pt_buf_fmt(&b, "; %s", more.s);
	if (f->chance)
		pt_buf_str(&b, "; by chance");
	if (k->c->details) {
		if (f->in_rule)
			pt_buf_fmt(&b, "\n    %s", f->in_rule->text);
		if (f->out_rule)
			pt_buf_fmt(&b, "\n    %s", f->out_rule->text);
		pt_buf_fmt(&b, "\n    such as %s %s ", f->witness.dir == PT_OUT ? "out" : "in", title(k, f->witness.device));
		explain_packet(&f->witness.packet, &b);
	}
	b.err = b.err ? b.err : more.err;
	pt_buf_fini(&more);
	show_text(k->out, &b);
}

/* ---- for programs ---- */

static void put_from(const struct reach_cmd *k, const struct pt_flow *f)
{
	const struct pt_iset *s = pt_flow_side(f, PT_DIM_DEVICE);

	pt_out_arr(k->out, "from");
	if (f->kind == PT_FLOW_SENT || !s)
		pt_out_item(k->out, f->kind == PT_FLOW_SENT ? "self" : "any");
	for (uint32_t d = 0; s && f->kind != PT_FLOW_SENT && d + 1 < k->r->space->devices.n; d++)
		if (pt_iset_has(s, d))
			pt_out_item(k->out, title(k, k->r->space->devices.v[d]));
	pt_out_arr_end(k->out);
}

/* A side as a list of ranges; null: all. */
static void put_side(const struct reach_cmd *k, const char *key, const struct pt_flow *f, uint32_t dim)
{
	const struct pt_iset *s = pt_flow_side(f, dim);
	bool address = dim == PT_DIM_SRC || dim == PT_DIM_DST;

	if (!s) {
		pt_out_null(k->out, key);
		return;
	}
	pt_out_arr(k->out, key);
	for (uint32_t i = 0; i < s->n; i++) {
		struct pt_buf b = { 0 };

		say_set(address ? f->box.af : PT_AF_NONE, &(struct pt_iset){ .v = &s->v[i], .n = 1 }, &b);
		pt_out_fail(k->out, b.err);
		pt_out_item(k->out, b.s);
		pt_buf_fini(&b);
	}
	pt_out_arr_end(k->out);
}

static void put_text(const struct reach_cmd *k, const char *key, struct pt_buf *b)
{
	if (b->n || b->err)
		show_key(k->out, key, b);
	else
		pt_out_null(k->out, key);
	pt_buf_fini(b);
}

static void put(const struct reach_cmd *k, const struct pt_flow *f)
{
	struct pt_buf text = { 0 }, to = { 0 }, nat = { 0 };

	put_from(k, f);
	pt_out_str(k->out, "to", end_of(k, f));
	pt_out_str(k->out, "family", f->families == PT_AF_BOTH ? "both" : f->box.af == PT_AF_INET6 ? "inet6" : "inet");
	say_packets(k, f, &text);
	put_text(k, "packets", &text);
	put_side(k, "protocols", f, PT_DIM_PROTO);
	put_side(k, "src", f, PT_DIM_SRC);
	put_side(k, "dst", f, PT_DIM_DST);
	pt_out_bool(k->out, "to_self", f->to_self);
	put_side(k, "sports", f, PT_DIM_SPORT);
	put_side(k, "dports", f, PT_DIM_DPORT);
	say_destination(f, &to);
	put_text(k, "translated", &to);
	say_source(k, f, &nat);
	put_text(k, "source", &nat);
	pt_out_bool(k->out, "chance", f->chance);
	explain_put_rule_as(k->out, "in_rule", f->in_rule);
	explain_put_rule_as(k->out, "out_rule", f->out_rule);
	pt_out_obj(k->out, "witness");
	pt_out_str(k->out, "direction", f->witness.dir == PT_OUT ? "out" : "in");
	pt_out_str(k->out, "device", f->witness.device);
	explain_put_packet(k->out, k->w, &f->witness.packet);
	pt_out_obj_end(k->out);
}

/* ---- the command ---- */

static int print(struct reach_cmd *k)
{
	const pt_flows *flows = &k->r->flows;

	k->out = pt_cli_out(k->c, PT_OUT_TEXT, "patronus.reach.v1", "flows");
	if (!k->out)
		return -ENOMEM;
	pt_out_top(k->out);
	pt_out_bool(k->out, "other_tables", k->r->ways.more);
	pt_out_top_end(k->out);
	for (size_t i = 0; i < flows->n && !pt_out_failed(k->out); i++) {
		pt_out_rec(k->out);
		if (pt_out_format(k->out) == PT_OUT_TEXT)
			show(k, &flows->v[i]);
		else
			put(k, &flows->v[i]);
		pt_out_rec_end(k->out);
	}
	if (k->r->ways.more)
		pt_err_add(&k->c->err, PT_WARNING, NULL, NULL,
			   "rules of routing ask more tables than local and main: the answer is by these two");
	return pt_cli_end(k->c, k->out);
}

static int answer(struct reach_cmd *k)
{
	struct pt_reach_question q;
	struct pt_reach *r = NULL;
	int rc = pt_reach_words(k->w, k->c->argv, k->c->argc, (uint64_t)time(NULL), &q, &k->c->err);

	q.limit = k->c->details ? PARTS_ALL : PARTS_MAX;
	if (k->c->af)
		q.families = (uint8_t)k->c->af;
	if (!rc)
		rc = pt_reach_find(k->w, &q, &r, &k->c->err);
	k->r = r;
	if (!rc) {
		rc = print(k);
		if (!rc && !r->flows.n)
			rc = PT_EXIT_NO;
	} else if (rc == -E2BIG) {
		rc = PT_EXIT_CONFIG;
	}
	pt_reach_free(r);
	pt_reach_question_fini(&q);
	return rc;
}

int cmd_reach(struct pt_cli *c)
{
	const char *file = c->given & PT_CLI_FILE ? c->file : NULL;
	struct reach_cmd k = { .c = c };
	struct pt_explainer *e = NULL;
	struct sockets s;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_explainer_new(file, s.nf, s.route, &e, &c->err);
	if (!rc) {
		k.w = pt_explainer_world(e);
		rc = answer(&k);
	}
	pt_explainer_free(e);
	sockets_close(&s);
	return rc;
}

/* ---- completion ---- */

int complete_reach(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	static const char *const protocols[] = { "tcp", "udp", "icmp", "icmp6", "sctp" };
	const char *before = n ? c->argv[n - 1] : "";

	if (n % 2 == 0) {
		for (size_t i = 0; pt_reach_word(i); i++)
			word(pt_reach_word(i), arg);
	} else if (!strcmp(before, "from") || !strcmp(before, "to")) {
		complete_interfaces(c, word, arg);
		for (size_t i = 0; pt_reach_end_word(i); i++)
			word(pt_reach_end_word(i), arg);
	} else if (!strcmp(before, "proto")) {
		for (size_t i = 0; i < PT_ARRAY_SIZE(protocols); i++)
			word(protocols[i], arg);
	}
	return 0;
}
