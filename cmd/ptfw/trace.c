/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real packets as they go through the kernel, in the words of explain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/trace.h>

#include "explain.h"

#define WIDTH 12 /* of the first word of a line */

struct tracing {
	struct pt_cli *c;
	struct pt_out *out;
};

static const char *const step_names[] = {
	[PT_TRACE_BEGIN] = "begin",	 [PT_TRACE_KNOWN] = "known",   [PT_TRACE_JUDGED] = "judgement",
	[PT_TRACE_TRANSLATED] = "translation", [PT_TRACE_LOCAL] = "delivery", [PT_TRACE_ROUTED] = "route",
	[PT_TRACE_LEFT] = "end",	 [PT_TRACE_DROPPED] = "drop",
};

static const char *verdict_name(const struct pt_traced *t)
{
	return t->pass ? "pass" : "block";
}

/* ---- for programs ---- */

static void put_time(struct pt_out *o, uint64_t ns)
{
	time_t at = (time_t)(ns / 1000000000u);
	struct pt_buf text = { 0 };
	char day[32] = "";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	pt_buf_fmt(&text, "%s.%06uZ", day, (unsigned int)(ns / 1000 % 1000000));
	show_key(o, "time", &text);
}

static void put_step(struct pt_out *o, const struct pt_world *w, const struct pt_trace_step *s)
{
	pt_out_obj(o, NULL);
	pt_out_str(o, "step", step_names[s->kind]);
	pt_out_str(o, "direction", s->dir == PT_IN ? "in" : "out");
	pt_out_str(o, "device", s->device);
	pt_out_str(o, "interface", explain_title(w, s->device));
	explain_put_packet(o, w, &s->packet);
	if (s->kind == PT_TRACE_JUDGED) {
		pt_out_str(o, "verdict", s->pass ? "pass" : "block");
		explain_put_rule(o, s->rule);
		pt_out_str(o, "named_by", s->rule ? s->evaluated ? "evaluator" : "kernel" : NULL);
		pt_out_bool(o, "disagrees", s->disagrees);
	}
	pt_out_str(o, "why", s->why);
	pt_out_obj_end(o);
}

static void put_rules(struct pt_out *o, const struct pt_traced *t)
{
	pt_out_arr(o, "rules");
	for (size_t i = 0; i < t->rules.n; i++) {
		const struct pt_trace_rule *r = &t->rules.v[i];

		pt_out_obj(o, NULL);
		pt_out_str(o, "family", r->family);
		pt_out_str(o, "table", r->table);
		pt_out_str(o, "chain", r->chain);
		pt_out_u64(o, "handle", r->handle);
		pt_out_str(o, "rule", r->rule);
		pt_out_str(o, "verdict", r->verdict);
		pt_out_str(o, "target", r->target);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
}

static void put_traced(const struct tracing *x, const struct pt_traced *t, const struct pt_world *w)
{
	const struct pt_pol_rule *r = t->decided ? t->decided->rule : NULL;
	struct pt_out *o = x->out;

	pt_out_str(o, "schema", "patronus.trace.v1");
	pt_out_u64(o, "number", t->number);
	put_time(o, t->time);
	pt_out_u64(o, "id", t->id);
	pt_out_str(o, "verdict", verdict_name(t));
	explain_put_rule(o, r);
	pt_out_str(o, "file", r && r->loc.line ? r->loc.file : NULL);
	pt_out_u64(o, "line", r ? r->loc.line : 0);
	pt_out_arr(o, "steps");
	for (size_t i = 0; i < t->n; i++)
		put_step(o, w, &t->steps[i]);
	pt_out_arr_end(o);
	if (x->c->details)
		put_rules(o, t);
}

/* ---- for people ---- */

static void on_device(const struct pt_world *w, const char *device, struct pt_buf *out)
{
	const char *title = explain_title(w, device);

	pt_buf_str(out, device);
	if (title)
		pt_buf_fmt(out, " (%s)", title);
}

static void by_rule(const struct pt_trace_step *s, struct pt_buf *out)
{
	pt_buf_fmt(out, " by %s, ", s->rule->name);
	explain_place(s->rule, out);
}

static void say_judged(struct pt_out *o, const struct pt_trace_step *s, bool details)
{
	const char *verdict = s->pass ? "pass" : "block";
	struct pt_buf t = { 0 };
	size_t from;

	pt_buf_fmt(&t, "%-*s", WIDTH, s->dir == PT_IN ? "judged in" : "judged out");
	from = t.n;
	pt_buf_str(&t, verdict);
	if (s->rule)
		by_rule(s, &t);
	else if (s->why)
		pt_buf_fmt(&t, ": %s", s->why);
	pt_out_fail(o, t.err);
	if (t.s)
		pt_out_text_toned(o, t.s, from, strlen(verdict), s->pass ? PT_OUT_GOOD : PT_OUT_BAD);
	t.n = 0;
	if (s->rule)
		pt_buf_fmt(&t, "%-*s%s", WIDTH, "", s->rule->text);
	if (s->rule && s->why)
		pt_buf_fmt(&t, "\n%-*sbut %s", WIDTH, "", s->why);
	if (s->disagrees)
		pt_buf_fmt(&t, "%s%-*sbut `ptfw explain` would say otherwise: this is what the kernel did", t.n ? "\n" : "", WIDTH, "");
	else if (s->evaluated && s->rule && details)
		pt_buf_fmt(&t, "\n%-*sthe classifier tells the verdict, not the rule: that is named by the evaluator", WIDTH, "");
	pt_out_fail(o, t.err);
	if (t.n)
		pt_out_text(o, t.s);
	pt_buf_fini(&t);
}

static void say_nat(const struct pt_trace_step *s, struct pt_buf *t)
{
	const struct pt_packet *a = &s->before, *b = &s->packet;
	bool ports = explain_has_ports(a), src = a->src.v != b->src.v || a->sport != b->sport;

	if (src) {
		pt_buf_str(t, "source ");
		explain_endpoint(a->src, ports, a->sport, t);
		pt_buf_str(t, " becomes ");
		explain_endpoint(b->src, ports, b->sport, t);
	}
	if (a->dst.v == b->dst.v && a->dport == b->dport)
		return;
	pt_buf_str(t, src ? ", destination " : "destination ");
	explain_endpoint(a->dst, ports, a->dport, t);
	pt_buf_str(t, " becomes ");
	explain_endpoint(b->dst, ports, b->dport, t);
}

static void say_step(struct pt_out *o, const struct pt_world *w, const struct pt_trace_step *s)
{
	static const char *const words[] = { [PT_TRACE_KNOWN] = "known",   [PT_TRACE_TRANSLATED] = "translated",
					     [PT_TRACE_LOCAL] = "delivered", [PT_TRACE_ROUTED] = "route",
					     [PT_TRACE_LEFT] = "left",	     [PT_TRACE_DROPPED] = "dropped" };
	struct pt_buf t = { 0 };

	if (s->kind == PT_TRACE_BEGIN)
		pt_buf_fmt(&t, "%-*s", WIDTH, s->dir == PT_IN ? "arrives" : "leaves");
	else
		pt_buf_fmt(&t, "%-*s", WIDTH, words[s->kind]);
	switch (s->kind) {
	case PT_TRACE_BEGIN:
		explain_packet(&s->packet, &t);
		pt_buf_str(&t, s->dir == PT_IN ? " on " : " by ");
		on_device(w, s->device, &t);
		break;
	case PT_TRACE_TRANSLATED:
		say_nat(s, &t);
		break;
	case PT_TRACE_LOCAL:
		pt_buf_str(&t, "to this machine");
		break;
	case PT_TRACE_ROUTED:
	case PT_TRACE_LEFT:
		pt_buf_str(&t, "by ");
		on_device(w, s->device, &t);
		break;
	case PT_TRACE_KNOWN:
	case PT_TRACE_DROPPED:
		pt_buf_str(&t, s->why ? s->why : "");
		break;
	case PT_TRACE_JUDGED:
	case PT_TRACE_KINDS:
		break;
	}
	show_text(o, &t);
}

static void say_rules(struct pt_out *o, const struct pt_traced *t)
{
	struct pt_buf text = { 0 };

	for (size_t i = 0; i < t->rules.n; i++) {
		const struct pt_trace_rule *r = &t->rules.v[i];

		pt_buf_fmt(&text, "%s%-*s%s %s %s", i ? "\n" : "", WIDTH, i ? "" : "met", r->family, r->table, r->chain);
		if (r->handle)
			pt_buf_fmt(&text, " handle %llu", (unsigned long long)r->handle);
		else
			pt_buf_str(&text, " end");
		pt_buf_fmt(&text, ": %s%s%s", r->verdict, r->target ? " " : "", r->target ? r->target : "");
		if (r->rule)
			pt_buf_fmt(&text, " (%s)", r->rule);
	}
	if (text.n)
		show_text(o, &text);
	pt_buf_fini(&text);
}

static void say_verdict(struct pt_out *o, const struct pt_traced *t)
{
	const struct pt_trace_step *last = &t->steps[t->n - 1], *s = t->decided;
	struct pt_buf text = { 0 };

	pt_buf_fmt(&text, "%-*s", WIDTH, verdict_name(t));
	if (!t->pass && last->kind == PT_TRACE_DROPPED)
		pt_buf_str(&text, last->why ? last->why : "dropped");
	else if (s && s->rule)
		pt_buf_str(&text, "by "), pt_buf_str(&text, s->rule->name), pt_buf_str(&text, ", "), explain_place(s->rule, &text);
	else if (s && s->why)
		pt_buf_str(&text, s->why);
	else if (!s)
		pt_buf_str(&text, "its connection is known");
	pt_out_fail(o, text.err);
	if (text.s)
		pt_out_text_toned(o, text.s, 0, strlen(verdict_name(t)), t->pass ? PT_OUT_GOOD : PT_OUT_BAD);
	pt_buf_fini(&text);
}

static void say_traced(const struct tracing *x, const struct pt_traced *t, const struct pt_world *w)
{
	if (t->number > 1)
		pt_out_text(x->out, "");
	for (size_t i = 0; i < t->n; i++)
		if (t->steps[i].kind == PT_TRACE_JUDGED)
			say_judged(x->out, &t->steps[i], x->c->details);
		else
			say_step(x->out, w, &t->steps[i]);
	if (x->c->details)
		say_rules(x->out, t);
	say_verdict(x->out, t);
}

static int on_packet(const struct pt_traced *t, const struct pt_world *w, void *arg)
{
	struct tracing *x = arg;

	pt_out_rec(x->out);
	if (pt_out_format(x->out) == PT_OUT_TEXT)
		say_traced(x, t, w);
	else
		put_traced(x, t, w);
	pt_out_rec_end(x->out);
	return pt_out_flush(x->out);
}

static int on_begun(void *arg)
{
	struct tracing *x = arg;

	if (x->c->verbose)
		fprintf(stderr, "ptfw: following packets\n");
	return 0;
}

/* ---- the command ---- */

/* The words that are ours; the others are those of a rule. */
static int take_word(struct pt_cli *c, size_t *i, struct pt_tracer *who)
{
	const char *word = c->argv[*i], *value = *i + 1 < c->argc ? c->argv[*i + 1] : NULL;
	bool count = !strcmp(word, "count");

	if (!count && strcmp(word, "for") != 0)
		return 0;
	if (!value)
		return pt_cli_usage(c, "%s: %s is missing", word, count ? "how many packets" : "how long");
	if (count && (pt_parse_uint(value, PT_TRACE_COUNT_MAX, &who->count) || !who->count))
		return pt_cli_usage(c, "count: '%s' is not a number of packets from 1 to %d", value, PT_TRACE_COUNT_MAX);
	if (!count && (pt_parse_duration(value, &who->seconds) || who->seconds > PT_TRACE_SECONDS_MAX))
		return pt_cli_usage(c, "for: '%s' is not a time of a day at most, such as 30s or 5m", value);
	++*i;
	return -1;
}

/* Ports without a protocol are those of TCP and UDP, as in reach. */
static bool lacks_protocol(const struct pt_cli *c)
{
	bool port = false;

	for (size_t i = 0; i < c->argc; i++) {
		if (!strcmp(c->argv[i], "proto") || strchr(c->argv[i], ' '))
			return false;
		port = port || !strcmp(c->argv[i], "port");
	}
	return port;
}

static int read_words(struct pt_cli *c, struct pt_tracer *who, struct pt_buf *filter)
{
	bool ends = false, protocol = !lacks_protocol(c);

	for (size_t i = 0; i < c->argc; i++) {
		const char *word = c->argv[i];
		int rc = take_word(c, &i, who);

		if (rc > 0)
			return rc;
		if (rc)
			continue;
		if (!protocol && (!strcmp(word, "from") || !strcmp(word, "to") || !strcmp(word, "port"))) {
			pt_buf_fmt(filter, "%sproto { tcp, udp }", filter->n ? " " : "");
			protocol = true;
		}
		ends = ends || !strcmp(word, "from") || !strcmp(word, "to") || !strcmp(word, "all") || strchr(word, ' ');
		/* a port alone is that of the destination */
		if (!ends && !strcmp(word, "port")) {
			pt_buf_fmt(filter, "%sto any", filter->n ? " " : "");
			ends = true;
		}
		pt_buf_fmt(filter, "%s%s", filter->n ? " " : "", word);
	}
	who->filter = filter->s;
	return filter->err ? filter->err : 0;
}

static void tell_lost(struct tracing *x, const struct pt_trace_sum *sum)
{
	if (sum->lost)
		pt_err_add(&x->c->err, PT_WARNING, NULL, "ask for fewer packets: a narrower filter, a smaller count",
			   "the kernel told more than could be read, %llu time%s: steps may be missing",
			   (unsigned long long)sum->lost, pt_plural(sum->lost));
}

static int follow(struct tracing *x, struct pt_tracer *who)
{
	struct pt_trace_sum sum = { 0 };
	struct sockets s;
	int fd, rc, end;

	fd = pt_cli_signals(x->c);
	if (fd < 0)
		return fd;
	rc = sockets_open(&s, &x->c->err);
	if (!rc) {
		x->out = pt_cli_monitor(x->c, "patronus.trace.v1", "packets");
		rc = x->out ? pt_plan_trace(s.nf, s.route, fd, who, &sum, &x->c->err) : -ENOMEM;
		if (rc && x->out && rc == pt_out_failed(x->out))
			rc = 0; /* the end of the output tells that */
		end = x->out ? pt_cli_end(x->c, x->out) : 0;
		rc = rc ? rc : end;
		sockets_close(&s);
	}
	close(fd);
	tell_lost(x, &sum);
	if (!rc && !sum.packets && sum.timed_out)
		fprintf(stderr, "ptfw: no such packet came within %u second%s\n", who->seconds, pt_plural(who->seconds));
	return rc ? rc : sum.packets ? PT_EXIT_OK : PT_EXIT_NO;
}

int cmd_trace(struct pt_cli *c)
{
	struct tracing x = { .c = c };
	struct pt_tracer who = { .packet = on_packet, .begun = on_begun, .arg = &x, .count = PT_TRACE_COUNT,
				 .seconds = PT_TRACE_SECONDS };
	struct pt_buf filter = { 0 };
	int rc = read_words(c, &who, &filter);

	if (!rc)
		rc = follow(&x, &who);
	pt_buf_fini(&filter);
	return rc;
}

int complete_trace(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	static const char *const words[] = { "in", "out", "on", "inet", "inet6", "proto", "from", "to", "port", "count", "for" };
	static const char *const protocols[] = { "tcp", "udp", "icmp", "icmp6", "sctp" };
	const char *before = n ? c->argv[n - 1] : "";

	if (!strcmp(before, "on"))
		complete_interfaces(c, word, arg);
	else if (!strcmp(before, "proto"))
		for (size_t i = 0; i < PT_ARRAY_SIZE(protocols); i++)
			word(protocols[i], arg);
	else
		for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
			word(words[i], arg);
	return 0;
}
