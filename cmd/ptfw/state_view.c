/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States for people and programs, with the names of the rules that made them. */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include "state.h"

static int by_id(const void *a, const void *b)
{
	const struct state_rule *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* There may be as many rules as states: they are found, not looked for. */
int state_rules_begin(struct state_view *v, const struct pt_policy *p)
{
	uint32_t last = 0;
	int rc = 0;

	for (size_t i = 0; !rc && p && i < p->rules.n; i++) {
		struct state_rule one = { .id = p->rules.v[i].id, .rule = &p->rules.v[i] };

		if (one.id != last)
			rc = pt_vec_push(NULL, &v->rules, one);
		last = one.id;
	}
	if (v->rules.n)
		qsort(v->rules.v, v->rules.n, sizeof(*v->rules.v), by_id);
	return rc;
}

const struct pt_pol_rule *state_rule_of(const struct state_view *v, uint32_t id)
{
	const struct state_rule wanted = { .id = id }, *found = NULL;

	if (id && v->rules.n)
		found = bsearch(&wanted, v->rules.v, v->rules.n, sizeof(wanted), by_id);
	return found ? found->rule : NULL;
}

const char *state_rule_name(const struct state_view *v, uint32_t id)
{
	const struct pt_pol_rule *r = state_rule_of(v, id);

	return r ? r->name : NULL;
}

/* The longest: four ends with a port, the words between them, a protocol, a state of TCP. */
#define END_MAX (PT_ADDR_TEXT + sizeof("[65535]"))
#define LINE_MAX_TEXT (4 * END_MAX + 96)

static char *put_end(char *p, struct pt_addr a, uint16_t port, bool ports)
{
	bool v6 = a.af == PT_AF_INET6;

	p = pt_addr_put(p, a);
	if (!ports)
		return p;
	*p++ = v6 ? '[' : ':';
	p = pt_put_uint(p, port);
	if (v6)
		*p++ = ']';
	return p;
}

void state_end_text(struct pt_buf *b, struct pt_addr a, uint16_t port, bool ports)
{
	char text[END_MAX];

	pt_buf_add(b, text, (size_t)(put_end(text, a, port, ports) - text));
}

void state_proto_text(struct pt_buf *b, uint8_t proto)
{
	const char *name = pt_proto_name(proto);

	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_uint(b, proto);
}

void state_rules_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	const char *in = state_rule_name(v, ct->label[1]), *out = state_rule_name(v, ct->label[2]);

	if (!in && !out)
		return;
	pt_buf_str(b, " [");
	if (in)
		pt_buf_str(b, in);
	if (in && out)
		pt_buf_str(b, ", ");
	if (out)
		pt_buf_str(b, out);
	pt_buf_chr(b, ']');
}

bool state_age(const struct pt_ct_entry *ct, uint64_t now, uint64_t *seconds)
{
	*seconds = ct->start && now > ct->start ? (now - ct->start) / 1000000000 : 0;
	return ct->start;
}

/* All of a line but the rules. There may be a hundred thousand: it is put together in one piece and handed over
 * at once. */
static char *put_line(char *p, const struct pt_ct_entry *ct)
{
	bool ports = pt_ct_has_ports(ct->proto);
	const char *name = pt_proto_name(ct->proto);

	p = name ? pt_put_str(p, name) : pt_put_uint(p, ct->proto);
	*p++ = ' ';
	p = put_end(p, ct->orig.src, ct->orig.sport, ports);
	p = put_end(pt_put_str(p, " -> "), ct->orig.dst, ct->orig.dport, ports);
	if (pt_ct_target_translated(ct)) {
		p = put_end(pt_put_str(p, " (to "), ct->reply.src, ct->reply.sport, ports);
		*p++ = ')';
	}
	if (pt_ct_source_translated(ct)) {
		p = put_end(pt_put_str(p, " (as "), ct->reply.dst, ct->reply.dport, ports);
		*p++ = ')';
	}
	if (ct->proto == IPPROTO_TCP) {
		*p++ = ' ';
		p = pt_put_str(p, pt_ct_tcp_state_name(ct->tcp_state));
	}
	return p;
}

void state_line(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	char piece[LINE_MAX_TEXT];

	pt_buf_add(b, piece, (size_t)(put_line(piece, ct) - piece));
	state_rules_text(v, ct, b);
}

/* The same as a line of the output, where nothing else is asked for. Few pairs of rules make all the states, and
 * those of one follow one another often: their text, as it is safe for a terminal, is kept. */
static void text_line(struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *line)
{
	char piece[LINE_MAX_TEXT];

	if (!v->rules_text.s || v->rules_of[0] != ct->label[1] || v->rules_of[1] != ct->label[2]) {
		v->rules_of[0] = ct->label[1];
		v->rules_of[1] = ct->label[2];
		v->text.n = v->rules_text.n = 0;
		state_rules_text(v, ct, &v->text);
		if (v->text.n)
			pt_escape(&v->rules_text, v->text.s, v->text.n);
		pt_buf_chr(&v->rules_text, '\n');
		pt_out_fail(v->o, v->text.err ? v->text.err : v->rules_text.err);
	}
	pt_buf_add(line, piece, (size_t)(put_line(piece, ct) - piece));
	pt_buf_add(line, v->rules_text.s, v->rules_text.n);
}

static void counters_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	uint64_t age;

	pt_buf_str(b, "\n  [");
	if (state_age(ct, v->now, &age))
		pt_buf_fmt(b, " age %llus ", (unsigned long long)age);
	pt_buf_fmt(b, " expires in %us", ct->timeout);
	if (ct->has_counters)
		pt_buf_fmt(b, "  packets %llu:%llu  bytes %llu:%llu", (unsigned long long)ct->packets[0],
			   (unsigned long long)ct->packets[1], (unsigned long long)ct->bytes[0],
			   (unsigned long long)ct->bytes[1]);
	else /* the kernel counts with net.netfilter.nf_conntrack_acct only */
		pt_buf_str(b, "  packets -  bytes -");
	pt_buf_str(b, " ]");
}

static void rule_place(const struct state_view *v, const char *dir, uint32_t id, struct pt_buf *b)
{
	const struct pt_pol_rule *r = state_rule_of(v, id);

	if (!id)
		return;
	if (!r) /* its states live on when a rule goes */
		pt_buf_fmt(b, " %s id %08x  not in force ", dir, id);
	else if (r->loc.line)
		pt_buf_fmt(b, " %s %s  %s:%u ", dir, r->name, r->loc.file, r->loc.line);
	else
		pt_buf_fmt(b, " %s %s  built-in ", dir, r->name);
}

/* Where the rules stand that made it, and what else the kernel knows of it. */
void state_details(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	pt_buf_str(b, "\n  [");
	rule_place(v, "in", ct->label[1], b);
	rule_place(v, "out", ct->label[2], b);
	pt_buf_fmt(b, " mark 0x%x  id %u  %s ]", ct->mark, ct->id,
		   ct->status & IPS_ASSURED ? "assured" : ct->status & IPS_SEEN_REPLY ? "answered" : "unanswered");
}

static void state_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	state_line(v, ct, b);
	if (v->c->stats)
		counters_text(v, ct, b);
	if (v->c->details)
		state_details(v, ct, b);
}

static void show_tuple(struct pt_out *o, const char *key, const struct pt_ct_entry *ct, const struct pt_ct_tuple *t, int dir)
{
	pt_out_obj(o, key);
	pt_out_addr(o, "src", t->src);
	pt_out_addr(o, "dst", t->dst);
	if (pt_ct_has_ports(ct->proto)) {
		pt_out_u64(o, "sport", t->sport);
		pt_out_u64(o, "dport", t->dport);
	}
	if (ct->has_counters) {
		pt_out_u64(o, "packets", ct->packets[dir]);
		pt_out_u64(o, "bytes", ct->bytes[dir]);
	}
	pt_out_obj_end(o);
}

struct rule_key {
	const char *name, *id, *file, *line;
};

static void rule_keys(struct state_view *v, uint32_t id, const struct rule_key *key)
{
	const struct pt_pol_rule *r = state_rule_of(v, id);

	pt_out_str(v->o, key->name, r ? r->name : NULL);
	if (!v->c->details)
		return;
	pt_out_u64(v->o, key->id, id);
	pt_out_str(v->o, key->file, r && r->loc.line ? r->loc.file : NULL);
	pt_out_u64(v->o, key->line, r ? r->loc.line : 0);
}

void state_keys(struct state_view *v, const struct pt_ct_entry *ct)
{
	static const struct rule_key in = { "rule_in", "rule_in_id", "rule_in_file", "rule_in_line" };
	static const struct rule_key out = { "rule_out", "rule_out_id", "rule_out_file", "rule_out_line" };
	struct pt_buf proto = { 0 };
	uint64_t age;

	state_proto_text(&proto, ct->proto);
	pt_out_u64(v->o, "id", ct->id);
	show_key(v->o, "proto", &proto);
	show_tuple(v->o, "orig", ct, &ct->orig, 0);
	show_tuple(v->o, "reply", ct, &ct->reply, 1);
	pt_out_str(v->o, "tcp_state", ct->proto == IPPROTO_TCP ? pt_ct_tcp_state_name(ct->tcp_state) : NULL);
	rule_keys(v, ct->label[1], &in);
	rule_keys(v, ct->label[2], &out);
	pt_out_u64(v->o, "mark", ct->mark);
	pt_out_u64(v->o, "expires", ct->timeout);
	pt_out_bool(v->o, "answered", ct->status & IPS_SEEN_REPLY);
	pt_out_bool(v->o, "assured", ct->status & IPS_ASSURED);
	if (state_age(ct, v->now, &age))
		pt_out_u64(v->o, "age", age);
	else
		pt_out_null(v->o, "age");
}

/* For a hundred thousand states, what is not shown must not be written first, nor memory asked for each. */
int show_state(const struct pt_ct_entry *ct, void *view)
{
	struct state_view *v = view;

	pt_out_rec(v->o);
	if (v->line && !v->c->stats && !v->c->details) {
		text_line(v, ct, v->line);
	} else if (v->line) {
		v->text.n = 0;
		state_text(v, ct, &v->text);
		pt_out_fail(v->o, v->text.err);
		pt_out_text(v->o, v->text.s);
	} else {
		state_keys(v, ct);
	}
	pt_out_rec_end(v->o);
	return 0;
}

int state_view_begin(struct state_view *v, struct pt_cli *c, const struct pt_policy *p)
{
	int rc;

	v->c = c;
	v->now = clock_now(CLOCK_REALTIME);
	rc = state_rules_begin(v, p);
	if (rc)
		return rc;
	v->o = pt_cli_out(c, PT_OUT_TEXT, "patronus.state.v1", "states");
	v->line = v->o ? pt_out_line(v->o) : NULL;
	return v->o ? 0 : -ENOMEM;
}

int state_view_end(struct state_view *v, int rc)
{
	int end = v->o ? pt_cli_end(v->c, v->o) : 0;

	free(v->rules.v);
	pt_buf_fini(&v->text);
	pt_buf_fini(&v->rules_text);
	return rc ? rc : end;
}
