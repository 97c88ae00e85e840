/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a packet, step by step, with the rules that decide it. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include "explain.h"

#define WIDTH 12 /* of the first word of a line */

static const char *verdict_name(bool pass)
{
	return pass ? "pass" : "block";
}

/* ---- for programs ---- */

void explain_put_rule_as(struct pt_out *o, const char *key, const struct pt_pol_rule *r)
{
	static const char *const actions[] = { "pass", "block", "match" };

	if (!r) {
		pt_out_null(o, key);
		return;
	}
	pt_out_obj(o, key);
	pt_out_str(o, "name", r->name);
	pt_out_u64(o, "id", r->id);
	pt_out_str(o, "action", actions[r->action]);
	pt_out_str(o, "text", r->text);
	pt_out_bool(o, "quick", r->quick);
	pt_out_bool(o, "builtin", r->ast == PT_POL_BUILTIN);
	pt_out_str(o, "anchor", r->anchor);
	pt_out_str(o, "file", r->loc.line ? r->loc.file : NULL);
	pt_out_u64(o, "line", r->loc.line);
	pt_out_u64(o, "column", r->loc.col);
	pt_out_obj_end(o);
}

void explain_put_rule(struct pt_out *o, const struct pt_pol_rule *r)
{
	explain_put_rule_as(o, "rule", r);
}

void explain_put_packet(struct pt_out *o, const struct pt_world *w, const struct pt_packet *k)
{
	const char *proto = pt_proto_name(k->proto);
	bool ports = k->proto == PT_PROTO_TCP || k->proto == PT_PROTO_UDP || k->proto == PT_PROTO_SCTP;

	pt_out_obj(o, "packet");
	pt_out_str(o, "af", k->af == PT_AF_INET6 ? "inet6" : "inet");
	pt_out_u64(o, "protocol", k->proto);
	pt_out_str(o, "proto", proto);
	pt_out_addr(o, "src", k->src);
	pt_out_addr(o, "dst", k->dst);
	if (ports && k->sport)
		pt_out_u64(o, "sport", k->sport);
	if (ports)
		pt_out_u64(o, "dport", k->dport);
	if (k->proto == PT_PROTO_TCP)
		pt_out_u64(o, "flags", k->tcp_flags);
	if (k->proto == PT_PROTO_ICMP || k->proto == PT_PROTO_ICMP6) {
		pt_out_u64(o, "type", k->icmp_type);
		pt_out_u64(o, "code", k->icmp_code);
	}
	pt_out_str(o, "tag", k->tag ? w->policy->tags.v[k->tag - 1] : NULL);
	pt_out_obj_end(o);
}

static void put_nat_step(struct pt_out *o, const struct pt_world *w, const struct pt_step *s)
{
	bool src = w->policy->nats.v[s->nat - 1].kind == PT_NAT_SRC;
	struct pt_buf pool = { 0 }, ports = { 0 };

	explain_pool(w, s, &pool);
	explain_ports(w, s, &ports);
	pt_out_addr(o, src ? "src" : "dst", src ? s->packet.src : s->packet.dst);
	if (pool.n)
		pt_out_str(o, src ? "src_any_of" : "dst_any_of", pool.s);
	if (ports.n)
		pt_out_str(o, "sport_any_of", ports.s);
	else if (src && s->packet.sport)
		pt_out_u64(o, "sport", s->packet.sport);
	else if (!src && s->packet.dport)
		pt_out_u64(o, "dport", s->packet.dport);
	pt_out_fail(o, pool.err ? pool.err : ports.err);
	pt_buf_fini(&pool);
	pt_buf_fini(&ports);
}

/* Of the whole way: both ends may be translated. */
static void put_nat(struct pt_out *o, const struct pt_world *w, const struct pt_path *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == PT_STEP_TRANSLATED) {
			if (!n++)
				pt_out_obj(o, "nat");
			put_nat_step(o, w, &p->steps[i]);
		}
	if (n)
		pt_out_obj_end(o);
	else
		pt_out_null(o, "nat");
}

static void put_top(struct explain *x, const struct pt_path *p)
{
	/* What Linux drops behind a judgement that passed it no rule blocks. */
	const struct pt_pol_rule *r = p->decided && p->decided->pass == p->pass ? p->decided->rule : NULL;
	struct pt_out *o = x->out;

	pt_out_top(o);
	pt_out_str(o, "verdict", verdict_name(p->pass));
	explain_put_rule(o, r);
	pt_out_str(o, "file", r && r->loc.line ? r->loc.file : NULL);
	pt_out_u64(o, "line", r ? r->loc.line : 0);
	put_nat(o, x->world, p);
	pt_out_str(o, "why", p->why);
	pt_out_str(o, "answer", p->pass ? NULL : explain_answer_name(p->answer));
	if (!p->pass && p->answer == PT_ANSWER_UNREACHABLE)
		pt_out_u64(o, "code", p->code);
	pt_out_bool(o, "uncertain", p->uncertain);
	pt_out_top_end(o);
}

/* ---- for people ---- */

static void on_device(const struct explain *x, const char *device, struct pt_buf *out)
{
	const char *title = explain_title(x->world, device);

	pt_buf_str(out, device);
	if (title)
		pt_buf_fmt(out, " (%s)", title);
}

static void say_judged(struct explain *x, const struct pt_step *s)
{
	const struct pt_decision *d = &s->decision;
	struct pt_buf t = { 0 };
	size_t from;

	pt_buf_fmt(&t, "%-*s", WIDTH, s->dir == PT_IN ? "judged in" : "judged out");
	from = t.n;
	pt_buf_str(&t, verdict_name(d->pass));
	if (d->rule) {
		pt_buf_fmt(&t, " by %s, ", d->rule->name);
		explain_place(d->rule, &t);
	} else {
		pt_buf_str(&t, ": no rule matches");
	}
	pt_out_fail(x->out, t.err);
	if (t.s)
		pt_out_text_toned(x->out, t.s, from, strlen(verdict_name(d->pass)), d->pass ? PT_OUT_GOOD : PT_OUT_BAD);
	t.n = 0;
	if (d->rule)
		pt_buf_fmt(&t, "%-*s%s", WIDTH, "", d->rule->text);
	if (d->why)
		pt_buf_fmt(&t, "\n%-*sbut %s", WIDTH, "", d->why);
	if (d->pass && d->rule && d->rule->more && (d->rule->more->limit.packets || d->rule->more->pkt_rate.packets))
		pt_buf_fmt(&t, "\n%-*sas long as its rate has room", WIDTH, "");
	if (d->pass && d->rule && d->rule->more && d->rule->more->once)
		pt_buf_fmt(&t, "\n%-*sif no packet matched it before", WIDTH, "");
	pt_out_fail(x->out, t.err);
	if (t.n)
		pt_out_text(x->out, t.s);
	pt_buf_fini(&t);
}

static void say_step(struct explain *x, const struct pt_path *p, const struct pt_step *s)
{
	static const char *const words[] = { [PT_STEP_KNOWN] = "known",	  [PT_STEP_TRANSLATED] = "translated",
					     [PT_STEP_LOCAL] = "delivered", [PT_STEP_ROUTED] = "route",
					     [PT_STEP_DROPPED] = "dropped" };
	struct pt_buf t = { 0 };

	if (s->kind == PT_STEP_BEGIN)
		pt_buf_fmt(&t, "%-*s", WIDTH, s->dir == PT_IN ? "arrives" : "leaves");
	else
		pt_buf_fmt(&t, "%-*s", WIDTH, words[s->kind]);
	switch (s->kind) {
	case PT_STEP_BEGIN:
		explain_packet(&s->packet, &t);
		pt_buf_str(&t, s->dir == PT_IN ? " on " : " by ");
		on_device(x, s->device, &t);
		break;
	case PT_STEP_TRANSLATED:
		explain_nat(x->world, s, &s[-1].packet, &t);
		break;
	case PT_STEP_LOCAL:
		pt_buf_str(&t, "to this machine");
		break;
	case PT_STEP_ROUTED:
		pt_buf_str(&t, "by ");
		on_device(x, s->device, &t);
		break;
	case PT_STEP_DROPPED:
		pt_buf_str(&t, s->why);
		break;
	case PT_STEP_KNOWN:
		pt_buf_str(&t, p->why);
		break;
	case PT_STEP_JUDGED:
		break;
	}
	show_text(x->out, &t);
}

static int show_step(struct explain *x, const struct pt_path *p, const struct pt_step *s)
{
	static const char *const names[] = { "begin", "known", "judgement", "translation", "delivery", "route", "drop" };
	struct pt_out *o = x->out;
	int rc = 0;

	pt_out_rec(o);
	pt_out_str(o, "step", names[s->kind]);
	pt_out_str(o, "direction", s->dir == PT_IN ? "in" : "out");
	pt_out_str(o, "device", s->device);
	pt_out_str(o, "interface", explain_title(x->world, s->device));
	explain_put_packet(o, x->world, &s->packet);
	if (s->kind == PT_STEP_DROPPED)
		pt_out_str(o, "why", s->why);
	if (s->kind == PT_STEP_JUDGED) {
		say_judged(x, s);
		pt_out_str(o, "verdict", verdict_name(s->decision.pass));
		explain_put_rule(o, s->decision.rule);
		pt_out_str(o, "why", s->decision.why);
		rc = explain_uncertain(x, s);
		if (!rc && x->c->details)
			rc = explain_tried(x, s);
	} else {
		say_step(x, p, s);
	}
	pt_out_rec_end(o);
	return rc;
}

static void say_verdict(struct explain *x, const struct pt_path *p)
{
	const struct pt_pol_rule *r = p->decided ? p->decided->rule : NULL;
	struct pt_buf t = { 0 };

	if (pt_out_format(x->out) != PT_OUT_TEXT)
		return;
	pt_buf_fmt(&t, "%-*s", WIDTH, verdict_name(p->pass));
	if (p->why && !(p->decided && p->decided->why))
		pt_buf_str(&t, p->why);
	else if (r) {
		pt_buf_fmt(&t, "by %s, ", r->name);
		explain_place(r, &t);
	}
	if (!p->pass) {
		pt_buf_str(&t, "; ");
		explain_answer(p, &t);
	}
	if (p->uncertain)
		pt_buf_str(&t, "; not sure, see above");
	pt_out_fail(x->out, t.err);
	pt_out_rec(x->out);
	if (t.s)
		pt_out_text_toned(x->out, t.s, 0, strlen(verdict_name(p->pass)), p->pass ? PT_OUT_GOOD : PT_OUT_BAD);
	pt_out_rec_end(x->out);
	pt_buf_fini(&t);
}

/* ---- the command ---- */

static int explain_one(struct explain *x)
{
	struct pt_question q;
	struct pt_path p;
	int rc, end;

	rc = pt_question_words(x->world, x->c->argv, x->c->argc, (uint64_t)time(NULL), &q, &x->c->err);
	if (rc)
		return rc;
	pt_path_find(x->world, &q, &p);
	x->out = pt_cli_out(x->c, PT_OUT_TEXT, "patronus.explain.v1", "steps");
	if (!x->out)
		return -ENOMEM;
	put_top(x, &p);
	for (size_t i = 0; !rc && i < p.n; i++)
		rc = show_step(x, &p, &p.steps[i]);
	say_verdict(x, &p);
	end = pt_cli_end(x->c, x->out);
	if (rc || end)
		return rc ? rc : end;
	return p.pass ? PT_EXIT_OK : PT_EXIT_NO;
}

int cmd_explain(struct pt_cli *c)
{
	const char *file = c->given & PT_CLI_FILE ? c->file : NULL;
	struct explain x = { .c = c };
	struct pt_explainer *e = NULL;
	struct sockets s;
	int rc;

	if (!c->input && !c->argc)
		return pt_cli_usage(c, "which packet? `in lan tcp 192.168.1.5:4000 to 1.1.1.1:443`, or --batch FILE");
	if (c->input && c->argc)
		return pt_cli_usage(c, "a packet comes in words or with --batch, not both");
	if (c->input && file && !strcmp(file, "-") && !strcmp(c->input, "-"))
		return pt_cli_usage(c, "rules and packets cannot both come from standard input");
	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_explainer_new(file, s.nf, s.route, &e, &c->err);
	if (!rc) {
		x.world = pt_explainer_world(e);
		rc = c->input ? explain_lines(&x) : explain_one(&x);
	}
	pt_explainer_free(e);
	sockets_close(&s);
	return rc;
}

/* ---- completion ---- */

typedef void (*word_fn)(const char *w, void *arg);

void complete_interfaces(struct pt_cli *c, word_fn word, void *arg)
{
	struct if_nameindex *devices;
	struct pt_plan p;
	struct pt_nl *nf;

	if (!pt_nl_open(&nf, NETLINK_NETFILTER, &c->err)) {
		if (!applied_or_none(nf, &p, &c->err))
			for (size_t i = 0; p.conf && i < p.conf->interfaces.n; i++)
				word(p.conf->interfaces.v[i].name, arg);
		pt_plan_fini(&p);
		pt_nl_close(nf);
	}
	devices = if_nameindex();
	for (size_t i = 0; devices && devices[i].if_name; i++)
		word(devices[i].if_name, arg);
	if (devices)
		if_freenameindex(devices);
}

int complete_packet(struct pt_cli *c, size_t n, word_fn word, void *arg)
{
	static const char *const directions[] = { "in", "out" }, *const protocols[] = { "tcp", "udp", "icmp", "icmp6", "sctp" };
	static const char *const states[] = { "new", "established" };
	const char *before = n ? c->argv[n - 1] : "";
	bool end = false;

	for (size_t i = 3; i + 1 < n; i++)
		end = end || !strcmp(c->argv[i], "to");
	if (n == 0)
		for (size_t i = 0; i < PT_ARRAY_SIZE(directions); i++)
			word(directions[i], arg);
	else if (n == 1)
		complete_interfaces(c, word, arg);
	else if (n == 2)
		for (size_t i = 0; i < PT_ARRAY_SIZE(protocols); i++)
			word(protocols[i], arg);
	else if (!strcmp(before, "state"))
		for (size_t i = 0; i < PT_ARRAY_SIZE(states); i++)
			word(states[i], arg);
	else if (end)
		for (size_t i = 0; pt_question_word(i); i++)
			word(pt_question_word(i), arg);
	else if (n > 3)
		word("to", arg);
	return 0;
}
