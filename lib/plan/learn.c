/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Learning: flows are counted for a time, named, and made into rules; then those are asked whether they keep the promise.
 *
 * The kernel counts (see nft/learn.c), and is looked at now and then: what changed since tells when a flow was seen. Who
 * admitted or refused a flow is the kernel's own answer, not a guess of ours; the evaluator only tells which
 * flows a built-in rule decides, and which translation belongs to a rule.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plan/learn_internal.h"

#define LOOKS 30        /* in the time given, if that is not more than one a second … */
#define EVERY_MAX 60    /* … or less than one a minute */
#define SPORT_USUAL 49152
#define SYN 0x02
#define FIRST_SLOTS 1024 /* a power of two */

struct known {
	struct pt_nft_flow f;      /* its counters are those before the judgement */
	uint64_t passed_packets, passed_bytes;
	uint64_t first, last;
	bool used;
};

struct device {
	uint32_t index;
	char name[IF_NAMESIZE];
};

struct learning {
	const struct pt_learner *who;
	struct pt_learned *out;
	struct pt_nl *nf, *route, *owner;
	char table[64];
	struct known *v;
	size_t n, n_slots;
	PT_VEC(struct device) devices; /* as they were called when they were seen first */
	uint64_t now;              /* seconds since the epoch */
	struct plan_words words;   /* the match rules alone */
	struct pt_eval *matches;
};

/* ---- what was counted ---- */

static uint64_t hash_of(const struct pt_nft_flow *f)
{
	const uint64_t parts[] = { (uint64_t)f->dir << 56 | (uint64_t)f->proto << 48 | (uint64_t)f->port << 32 | f->device,
				   (uint64_t)f->src.v, (uint64_t)(f->src.v >> 64), (uint64_t)f->dst.v,
				   (uint64_t)(f->dst.v >> 64), f->src.af };

	return pt_hash64(parts, sizeof(parts));
}

static bool same_flow(const struct pt_nft_flow *a, const struct pt_nft_flow *b)
{
	return a->dir == b->dir && a->device == b->device && a->proto == b->proto && a->port == b->port &&
	       a->src.af == b->src.af && a->src.v == b->src.v && a->dst.v == b->dst.v;
}

static struct known *place(const struct learning *x, const struct pt_nft_flow *f)
{
	size_t i = hash_of(f) & (x->n_slots - 1);

	while (x->v[i].used && !same_flow(&x->v[i].f, f))
		i = (i + 1) & (x->n_slots - 1);
	return &x->v[i];
}

static int grow(struct learning *x)
{
	struct learning bigger = { .n_slots = x->n_slots ? 2 * x->n_slots : FIRST_SLOTS };

	bigger.v = calloc(bigger.n_slots, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_slots; i++)
		if (x->v[i].used)
			*place(&bigger, &x->v[i].f) = x->v[i];
	free(x->v);
	x->v = bigger.v;
	x->n_slots = bigger.n_slots;
	return 0;
}

static int note_device(struct learning *x, uint32_t index)
{
	struct device d = { .index = index };

	for (size_t i = 0; i < x->devices.n; i++)
		if (x->devices.v[i].index == index)
			return 0;
	if (!if_indextoname(index, d.name))
		d.name[0] = '\0'; /* gone since */
	return pt_vec_push(x->out->arena, &x->devices, d);
}

static int on_flow(const struct pt_nft_flow *f, void *arg)
{
	struct learning *x = arg;
	struct known *k;
	uint64_t *packets, *bytes;

	if ((x->n + 1) * 2 > x->n_slots && grow(x))
		return -ENOMEM;
	k = place(x, f);
	if (!k->used) {
		*k = (struct known){ .f = *f, .used = true, .first = x->now };
		k->f.packets = k->f.bytes = 0;
		x->n++;
		if (note_device(x, f->device))
			return -ENOMEM;
	}
	packets = f->passed ? &k->passed_packets : &k->f.packets;
	bytes = f->passed ? &k->passed_bytes : &k->f.bytes;
	if (*packets != f->packets)
		k->last = x->now;
	*packets = f->packets;
	*bytes = f->bytes;
	return 0;
}

static int look(struct learning *x, struct pt_err *e)
{
	bool full;
	int rc;

	x->now = (uint64_t)time(NULL);
	rc = pt_nft_learn_read(x->nf, x->table, on_flow, x, &full, e);
	x->out->full = x->out->full || full;
	return rc;
}

static uint64_t forward_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The last look is the one at the end. */
static int count(struct learning *x, int fd_stop, struct pt_err *e)
{
	uint64_t end = forward_ms() + (uint64_t)x->who->seconds * 1000, now;
	struct pollfd p = { .fd = fd_stop, .events = POLLIN };
	int rc = 0;

	while (!rc && !p.revents && (now = forward_ms()) < end) {
		uint64_t left = end - now, every = (uint64_t)x->out->every * 1000;

		if (poll(&p, 1, (int)(left < every ? left : every)) < 0 && errno != EINTR)
			return pt_err_sys(e, -errno, "waiting");
		rc = look(x, e);
	}
	return rc;
}

/* ---- names ---- */

static const char *title_of(const struct pt_conf *c, const char *device)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return c->interfaces.v[i].name;
	return NULL;
}

static const char *device_of(const struct learning *x, uint32_t index)
{
	for (size_t i = 0; i < x->devices.n; i++)
		if (x->devices.v[i].index == index)
			return x->devices.v[i].name;
	return "";
}

static int strange_device(struct pt_learned *out, const char *device)
{
	const char *copy;

	for (size_t i = 0; i < out->strange.n; i++)
		if (!strcmp(out->strange.v[i], device))
			return 0;
	copy = pt_arena_strdup(out->arena, *device ? device : "a device that is gone");
	return copy ? pt_vec_push(out->arena, &out->strange, copy) : -ENOMEM;
}

static int add_names(struct pt_learn_world *w, const struct pt_conf_if *i, const struct pt_host *h, struct pt_arena *a)
{
	struct pt_pol_ifref ref = { .ifname = i->name, .device = i->device, .mod = PT_MOD_NETWORK };
	struct pt_learn_if one = { .name = pt_arena_strdup(a, i->name) };
	int rc = one.name ? 0 : -ENOMEM;

	if (!rc)
		rc = pt_ifref_resolve(&ref, h, a, &one.network[0], &one.network[1]);
	ref.mod = PT_MOD_NONE;
	if (!rc)
		rc = pt_ifref_resolve(&ref, h, a, &one.own[0], &one.own[1]);
	return rc ? rc : pt_vec_push(a, &w->ifs, one);
}

static int world_of(const struct pt_conf *c, const struct pt_host *h, struct pt_arena *a, struct pt_learn_world *w)
{
	int rc = pt_host_self(h, a, &w->self[0], &w->self[1]);

	for (size_t i = 0; !rc && i < c->interfaces.n; i++)
		rc = add_names(w, &c->interfaces.v[i], h, a);
	return rc;
}

/* ---- flows ---- */

static void packet_of(const struct pt_learn_flow *f, struct pt_packet *k)
{
	bool ports = f->proto == PT_PROTO_TCP || f->proto == PT_PROTO_UDP || f->proto == PT_PROTO_SCTP;

	*k = (struct pt_packet){ .af = f->src.af, .proto = f->proto, .src = f->src, .dst = f->dst, .mac = PT_NO_MAC,
				 .time = f->last, .partial = true, .known = PT_FACT_RATES };
	if (ports) {
		k->sport = SPORT_USUAL;
		k->dport = f->port;
	}
	if (f->proto == PT_PROTO_TCP)
		k->tcp_flags = SYN;
	if (f->proto == PT_PROTO_ICMP || f->proto == PT_PROTO_ICMP6)
		k->icmp_type = (uint8_t)f->port;
	k->ct = pt_packet_ct(k);
}

/* "rdr-to 192.168.1.2 port 80", "keep state (max 100)": what rule R does to packets that it passes. NULL: no memory. */
static const char *treatment_of(const struct pt_pol_rule *r, struct pt_arena *a)
{
	static const char head[] = "pass all ";
	struct pt_rule_ctx ctx = { .arena = a };
	struct pt_ast_rule *rule, bare = { .action = PT_PASS, .all = true, .code4 = -1, .code6 = -1 };
	const char *text = NULL;
	struct pt_buf b = { 0 };

	if (pt_rule_parse(&ctx, r->text, strlen(r->text), &rule, NULL))
		return NULL;
	bare.nat = rule->nat;
	bare.state = rule->state;
	bare.states = rule->states;
	pt_rule_print(&b, &bare);
	if (!b.err && !strncmp(b.s, head, sizeof(head) - 1))
		text = pt_arena_strdup(a, b.s + sizeof(head) - 1);
	pt_buf_fini(&b);
	return text;
}

/* What match rules make of it before a rule that decides sees it. */
static void as_seen(const struct learning *x, const char *device, const struct pt_packet *k, struct pt_learn_flow *f)
{
	struct pt_decision d;

	pt_evaluate(x->matches, k, f->dir, device, &d);
	if (!d.nat)
		return;
	f->src = d.after.src;
	f->dst = d.after.dst;
	if (k->dport)
		f->port = d.after.dport;
}

static int add_flow(struct learning *x, const struct pt_world *w, const struct known *k)
{
	const char *device = device_of(x, k->f.device), *title = title_of(w->policy->conf, device);
	struct pt_learned *out = x->out;
	struct pt_learn_flow f = { .dir = k->f.dir, .proto = k->f.proto, .src = k->f.src, .dst = k->f.dst, .port = k->f.port,
				   .admitted = k->passed_packets, .first = k->first, .last = k->last };
	struct pt_decision d;
	struct pt_packet p;

	if (x->who->on && (!title || strcmp(title, x->who->on) != 0))
		return 0;
	if (!title)
		return strange_device(out, device);
	f.packets = f.admitted ? k->passed_packets : k->f.packets;
	f.bytes = f.admitted ? k->passed_bytes : k->f.bytes;
	packet_of(&f, &p);
	pt_evaluate(w->eval, &p, f.dir, device, &d);
	if (d.rule && d.rule->ast == PT_POL_BUILTIN) {
		out->builtin++;
		return 0;
	}
	as_seen(x, device, &p, &f);
	f.on = pt_arena_strdup(out->arena, title);
	if (f.admitted && d.pass && d.rule && (d.rule->nat || d.rule->states || !d.rule->keep_state) && d.rule->action == PT_PASS) {
		f.nat = treatment_of(d.rule, out->arena);
		if (!f.nat)
			return -ENOMEM;
	}
	out->n_admitted += f.admitted;
	out->n_refused += !f.admitted;
	return f.on ? pt_vec_push(out->arena, &out->flows, f) : -ENOMEM;
}

/* ---- the promise ---- */

static const char *device_named(const struct pt_conf *c, const char *title)
{
	const struct pt_conf_if *i = pt_conf_find_if(c, title);

	return i ? i->device : title;
}

static void ask(const struct pt_conf *c, const struct pt_eval *v, struct pt_learned *out)
{
	for (size_t i = 0; i < out->flows.n; i++) {
		const struct pt_learn_flow *f = &out->flows.v[i];
		struct pt_decision d;
		struct pt_packet p;

		packet_of(f, &p);
		pt_evaluate(v, &p, f->dir, device_named(c, f->on), &d);
		out->missed += f->admitted && !d.pass;
		out->too_wide += !f->admitted && d.pass;
	}
}

static int check(const struct pt_conf *c, const struct pt_host *h, struct pt_learned *out, struct pt_err *e)
{
	const char **rules = pt_arena_alloc(out->arena, (out->rules.n + 1) * sizeof(*rules));
	struct pt_eval *v = NULL;
	struct plan_words w;
	int rc;

	if (!rules)
		return -ENOMEM;
	rules[0] = "block all";
	for (size_t i = 0; i < out->rules.n; i++)
		rules[i + 1] = out->rules.v[i].text;
	rc = plan_words_build(c, "proposal", rules, out->rules.n + 1, &w, e);
	if (rc)
		return rc;
	rc = pt_eval_new(w.plan.policy, h, &v, e);
	if (!rc)
		ask(c, v, out);
	pt_eval_free(v);
	plan_words_fini(&w);
	return rc;
}

/* Rules behind a match rule that translates see what it made: so do those that are proposed. */
static int read_matches(struct learning *x, const struct pt_world *w, struct pt_err *e)
{
	const struct pt_policy *p = w->policy;
	const char **rules = pt_arena_alloc(x->out->arena, (p->rules.n + 1) * sizeof(*rules));
	uint32_t last = PT_POL_BUILTIN;
	size_t n = 0;
	int rc;

	if (!rules)
		return pt_err_sys(e, -ENOMEM, "reading the match rules");
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];

		if (r->action != PT_MATCH || r->ast == last)
			continue;
		last = r->ast;
		rules[n++] = r->text;
	}
	rules[n++] = "pass all";
	rc = plan_words_build(p->conf, "match rules", rules, n, &x->words, e);
	if (!rc)
		rc = pt_eval_new(x->words.plan.policy, w->host, &x->matches, e);
	for (size_t i = 0; !rc && i < x->words.plan.policy->tables.n; i++)
		if (x->words.plan.policy->tables.v[i].used)
			rc = plan_table_learn(x->matches, x->nf, x->words.plan.policy->tables.v[i].conf->name, e);
	return rc;
}

static int flows_of(struct learning *x, const struct pt_world *w, struct pt_err *e)
{
	int rc = read_matches(x, w, e);

	for (size_t i = 0; !rc && i < x->n_slots; i++)
		if (x->v[i].used)
			rc = add_flow(x, w, &x->v[i]);
	pt_eval_free(x->matches);
	plan_words_fini(&x->words);
	return rc;
}

static int propose(struct learning *x, struct pt_err *e)
{
	struct pt_learned *out = x->out;
	struct pt_learn_world world = { 0 };
	struct pt_explainer *explainer;
	const struct pt_world *w;
	int rc;

	rc = pt_explainer_new(NULL, x->nf, x->route, &explainer, e); /* the rules may be others than at the beginning */
	if (rc)
		return rc;
	w = pt_explainer_world(explainer);
	rc = flows_of(x, w, e);
	if (!rc)
		rc = world_of(w->policy->conf, w->host, out->arena, &world);
	if (!rc)
		rc = pt_learn_group(&world, out->flows.v, out->flows.n, false, out->arena, &out->rules);
	if (!rc && x->who->refused)
		rc = pt_learn_group(&world, out->flows.v, out->flows.n, true, out->arena, &out->refused);
	rc = rc ? pt_err_sys(e, rc, "making rules of what was seen") : check(w->policy->conf, w->host, out, e);
	pt_explainer_free(explainer);
	return rc;
}

/* ---- the whole ---- */

static int check_interface(const struct pt_conf *c, const char *on, struct pt_err *e)
{
	const char *names[64];
	size_t n = 0;

	if (!on || pt_conf_find_if(c, on))
		return 0;
	for (size_t i = 0; i < c->interfaces.n && n < PT_ARRAY_SIZE(names); i++)
		names[n++] = c->interfaces.v[i].name;
	pt_err_add(e, PT_ERROR, NULL, pt_nearest(on, names, n), "the file in force has no interface '%s'", on);
	return -EINVAL;
}

static int prepare(struct learning *x, struct pt_err *e)
{
	struct pt_explainer *explainer;
	int rc = pt_explainer_new(NULL, x->nf, x->route, &explainer, e);

	if (rc)
		return rc;
	rc = check_interface(pt_explainer_world(explainer)->policy->conf, x->who->on, e);
	pt_explainer_free(explainer);
	if (!rc)
		rc = pt_nl_open(&x->owner, NETLINK_NETFILTER, e);
	return rc ? rc : pt_nft_learn_hook(x->owner, x->table, e);
}

int pt_plan_learn(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_learner *who, struct pt_learned *out,
		  struct pt_err *e)
{
	struct learning x = { .who = who, .out = out, .nf = nf, .route = route };
	struct pt_buf name = { 0 };
	int rc;

	*out = (struct pt_learned){ .arena = pt_arena_new() };
	out->every = who->seconds / LOOKS;
	out->every = out->every < 1 ? 1 : out->every > EVERY_MAX ? EVERY_MAX : out->every;
	pt_buf_fmt(&name, "%s.%ld", PT_NFT_LEARN_TABLE, (long)getpid());
	if (!out->arena || name.err) {
		pt_buf_fini(&name);
		return pt_err_sys(e, -ENOMEM, "learning");
	}
	memcpy(x.table, name.s, name.n + 1);
	pt_buf_fini(&name);
	rc = prepare(&x, e);
	out->from = (uint64_t)time(NULL);
	if (!rc && who->begun)
		rc = who->begun(who->arg);
	if (!rc)
		rc = count(&x, fd_stop, e);
	out->to = (uint64_t)time(NULL);
	pt_nl_close(x.owner); /* its table goes with it */
	if (!rc)
		rc = propose(&x, e);
	free(x.v);
	return rc;
}

void pt_learned_fini(struct pt_learned *l)
{
	pt_arena_free(l->arena);
	memset(l, 0, sizeof(*l));
}
