/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is admitted for a while, as rules to be pasted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/learn.h>

#include "explain.h"

struct words {
	struct pt_cli *c;
	struct pt_learner who;
};

/* ---- evidence ---- */

static void time_text(struct pt_buf *b, uint64_t seconds, bool day)
{
	time_t t = (time_t)seconds;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(text, sizeof(text), day ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	pt_buf_str(b, text);
}

static void put_time(struct pt_out *o, const char *key, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct pt_buf b = { 0 };
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pt_buf_str(&b, text);
	show_key(o, key, &b);
}

static void plural(struct pt_buf *b, uint64_t n, const char *what)
{
	pt_buf_fmt(b, "%llu %s%s", (unsigned long long)n, what, pt_plural(n));
}

static bool has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

static void say_evidence(struct pt_buf *b, const struct pt_learn_rule *r)
{
	const struct pt_learn_flow *f = r->example;

	pt_buf_str(b, "# ");
	plural(b, r->flows, "flow");
	pt_buf_str(b, ", ");
	plural(b, r->packets, "packet");
	pt_buf_str(b, ", ");
	plural(b, r->bytes, "byte");
	pt_buf_str(b, ", ");
	time_text(b, r->first, false);
	pt_buf_str(b, " to ");
	time_text(b, r->last, false);
	pt_buf_str(b, ", as ");
	pt_addr_fmt(b, f->src);
	pt_buf_str(b, " to ");
	explain_endpoint(f->dst, has_ports(f->proto), f->port, b);
	pt_buf_str(b, r->wider ? "; more hosts than these\n" : "\n");
}

/* As rules stand in a file: within quotes, and with a comma. */
static void say_line(struct pt_buf *b, const char *mark, const char *text)
{
	pt_buf_fmt(b, "%s\"", mark);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			pt_buf_chr(b, '\\');
		pt_buf_chr(b, *text);
	}
	pt_buf_str(b, "\",");
}

static void say_rules(struct pt_out *o, const pt_learn_rules *rules, const char *mark)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct pt_buf b = { 0 };

		say_evidence(&b, &rules->v[i]);
		say_line(&b, mark, rules->v[i].text);
		show_text(o, &b);
	}
}

static void put_rule(struct pt_out *o, const struct pt_learn_rule *r, bool refused)
{
	const struct pt_learn_flow *f = r->example;

	pt_out_rec(o);
	pt_out_str(o, "text", r->text);
	pt_out_bool(o, "refused", refused);
	pt_out_str(o, "direction", r->dir == PT_IN ? "in" : "out");
	pt_out_str(o, "interface", r->on);
	pt_out_u64(o, "flows", r->flows);
	pt_out_u64(o, "packets", r->packets);
	pt_out_u64(o, "bytes", r->bytes);
	put_time(o, "first", r->first);
	put_time(o, "last", r->last);
	pt_out_bool(o, "wider", r->wider);
	pt_out_obj(o, "example");
	pt_out_u64(o, "protocol", f->proto);
	pt_out_addr(o, "src", f->src);
	pt_out_addr(o, "dst", f->dst);
	if (has_ports(f->proto))
		pt_out_u64(o, "dport", f->port);
	if (f->proto == PT_PROTO_ICMP || f->proto == PT_PROTO_ICMP6)
		pt_out_u64(o, "type", f->port);
	pt_out_obj_end(o);
	pt_out_rec_end(o);
}

/* ---- the whole ---- */

static void put_top(struct pt_out *o, const struct pt_learned *l)
{
	pt_out_top(o);
	put_time(o, "from", l->from);
	put_time(o, "to", l->to);
	pt_out_u64(o, "admitted", l->n_admitted);
	pt_out_u64(o, "refused", l->n_refused);
	pt_out_u64(o, "builtin", l->builtin);
	pt_out_bool(o, "complete", !l->full);
	pt_out_u64(o, "missed", l->missed);
	pt_out_u64(o, "too_wide", l->too_wide);
	pt_out_arr(o, "strange_devices");
	for (size_t i = 0; i < l->strange.n; i++)
		pt_out_item(o, l->strange.v[i]);
	pt_out_arr_end(o);
	pt_out_top_end(o);
}

static void say_head(struct pt_out *o, const struct pt_learned *l)
{
	struct pt_buf b = { 0 };

	pt_buf_str(&b, "# seen from ");
	time_text(&b, l->from, true);
	pt_buf_str(&b, " to ");
	time_text(&b, l->to, true);
	pt_buf_str(&b, ": ");
	plural(&b, l->n_admitted, "flow");
	pt_buf_str(&b, " admitted, ");
	pt_buf_fmt(&b, "%zu refused", l->n_refused);
	show_text(o, &b);
}

static void warn(struct pt_err *e, const struct pt_learned *l)
{
	for (size_t i = 0; i < l->strange.n; i++)
		pt_err_add(e, PT_WARNING, NULL, "give it a section `interface`, and learn again",
			   "flows on %s are left out: the file in force has no name for it", l->strange.v[i]);
	if (l->full)
		pt_err_add(e, PT_WARNING, NULL, "learn for a shorter time, or one interface after the other",
			   "more flows came than the %d that can be remembered: what came later is missing",
			   PT_NFT_LEARN_FLOWS);
	if (l->missed)
		pt_err_add(e, PT_WARNING, NULL, NULL, "%zu admitted flow%s would not be admitted by these rules",
			   l->missed, pt_plural(l->missed));
	if (l->too_wide)
		pt_err_add(e, PT_WARNING, NULL, NULL, "%zu refused flow%s would be admitted by these rules",
			   l->too_wide, pt_plural(l->too_wide));
}

static int show(struct words *x, const struct pt_learned *l)
{
	struct pt_out *o = pt_cli_out(x->c, PT_OUT_TEXT, "patronus.learn.v1", "rules");

	if (!o)
		return -ENOMEM;
	put_top(o, l);
	if (pt_out_format(o) == PT_OUT_TEXT) {
		pt_out_rec(o);
		say_head(o, l);
		say_rules(o, &l->rules, "");
		if (l->n_refused && !x->who.refused)
			pt_out_text(o, "# refused flows are not proposed; `refused` shows what would admit them");
		if (l->refused.n)
			pt_out_text(o, "# what would admit the refused ones, each to be judged by a person:");
		say_rules(o, &l->refused, "# ");
		pt_out_rec_end(o);
	} else {
		for (size_t i = 0; i < l->rules.n; i++)
			put_rule(o, &l->rules.v[i], false);
		for (size_t i = 0; i < l->refused.n; i++)
			put_rule(o, &l->refused.v[i], true);
	}
	warn(&x->c->err, l);
	return pt_cli_end(x->c, o);
}

static int on_begun(void *arg)
{
	struct words *x = arg;

	if (x->c->verbose)
		fprintf(stderr, "ptfw: counting flows\n");
	return 0;
}

static int read_words(struct words *x)
{
	struct pt_cli *c = x->c;

	if (pt_parse_duration(c->argv[0], &x->who.seconds) || x->who.seconds > PT_LEARN_SECONDS_MAX)
		return pt_cli_usage(c, "'%s' is not a time of 30 days at most, such as 10m or 2h", c->argv[0]);
	for (size_t i = 1; i < c->argc; i++) {
		if (!strcmp(c->argv[i], "refused"))
			x->who.refused = true;
		else if (!strcmp(c->argv[i], "on") && i + 1 < c->argc)
			x->who.on = c->argv[++i];
		else
			return pt_cli_usage(c, "'%s': after the time there may be `on INTERFACE` and `refused`", c->argv[i]);
	}
	return 0;
}

int cmd_learn(struct pt_cli *c)
{
	struct words x = { .c = c, .who = { .begun = on_begun } };
	struct pt_learned l = { 0 };
	struct sockets s;
	int fd, rc = read_words(&x);

	if (rc)
		return rc;
	x.who.arg = &x;
	fd = pt_cli_signals(c);
	if (fd < 0)
		return fd;
	rc = sockets_open(&s, &c->err);
	if (!rc) {
		rc = pt_plan_learn(s.nf, s.route, fd, &x.who, &l, &c->err);
		if (!rc)
			rc = show(&x, &l);
		pt_learned_fini(&l);
		sockets_close(&s);
	}
	close(fd);
	return rc;
}

int complete_learn(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	static const char *const times[] = { "10m", "1h", "1d" };

	if (n == 0) {
		for (size_t i = 0; i < PT_ARRAY_SIZE(times); i++)
			word(times[i], arg);
	} else if (!strcmp(c->argv[n - 1], "on")) {
		complete_interfaces(c, word, arg);
	} else {
		word("on", arg);
		word("refused", arg);
	}
	return 0;
}
