/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States for people and programs, with the names of the rules that made them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

static int by_id(const void *a, const void *b)
{
	const struct state_name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* There may be as many rules as states: the names are found, not looked for. */
static int collect_names(struct state_view *v, const struct pt_policy *p)
{
	uint32_t last = 0;
	int rc = 0;

	for (size_t i = 0; !rc && p && i < p->rules.n; i++) {
		struct state_name one = { .id = p->rules.v[i].id, .name = p->rules.v[i].name };

		if (one.id != last)
			rc = pt_vec_push(NULL, &v->names, one);
		last = one.id;
	}
	if (v->names.n)
		qsort(v->names.v, v->names.n, sizeof(*v->names.v), by_id);
	return rc;
}

static const char *rule_name(const struct state_view *v, uint32_t id)
{
	const struct state_name wanted = { .id = id }, *found = NULL;

	if (id && v->names.n)
		found = bsearch(&wanted, v->names.v, v->names.n, sizeof(wanted), by_id);
	return found ? found->name : NULL;
}

static void end_text(struct pt_buf *b, struct pt_addr a, uint16_t port, bool ports)
{
	bool v6 = a.af == PT_AF_INET6;

	pt_addr_fmt(b, a);
	if (!ports)
		return;
	pt_buf_chr(b, v6 ? '[' : ':');
	pt_buf_uint(b, port);
	if (v6)
		pt_buf_chr(b, ']');
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static void proto_text(struct pt_buf *b, uint8_t proto)
{
	const char *name = pt_proto_name(proto);

	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_uint(b, proto);
}

static void rules_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	const char *in = rule_name(v, ct->label[1]), *out = rule_name(v, ct->label[2]);

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

static void state_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b)
{
	bool ports = has_ports(ct->proto);

	proto_text(b, ct->proto);
	pt_buf_chr(b, ' ');
	end_text(b, ct->orig.src, ct->orig.sport, ports);
	pt_buf_str(b, " -> ");
	end_text(b, ct->orig.dst, ct->orig.dport, ports);
	if (ct->reply.src.v != ct->orig.dst.v || (ports && ct->reply.sport != ct->orig.dport)) {
		pt_buf_str(b, " (to ");
		end_text(b, ct->reply.src, ct->reply.sport, ports);
		pt_buf_chr(b, ')');
	}
	if (ct->reply.dst.v != ct->orig.src.v || (ports && ct->reply.dport != ct->orig.sport)) {
		pt_buf_str(b, " (as ");
		end_text(b, ct->reply.dst, ct->reply.dport, ports);
		pt_buf_chr(b, ')');
	}
	if (ct->proto == IPPROTO_TCP) {
		pt_buf_chr(b, ' ');
		pt_buf_str(b, pt_ct_tcp_state_name(ct->tcp_state));
	}
	rules_text(v, ct, b);
	if (v->c->stats) {
		pt_buf_fmt(b, "\n  [ expires in %us", ct->timeout);
		if (ct->has_counters)
			pt_buf_fmt(b, "  packets %llu:%llu  bytes %llu:%llu", (unsigned long long)ct->packets[0],
				   (unsigned long long)ct->packets[1], (unsigned long long)ct->bytes[0],
				   (unsigned long long)ct->bytes[1]);
		else /* the kernel counts with net.netfilter.nf_conntrack_acct only */
			pt_buf_str(b, "  packets -  bytes -");
		pt_buf_str(b, " ]");
	}
}

static void show_tuple(struct pt_out *o, const char *key, const struct pt_ct_entry *ct, const struct pt_ct_tuple *t, int dir)
{
	pt_out_obj(o, key);
	pt_out_addr(o, "src", t->src);
	pt_out_addr(o, "dst", t->dst);
	if (has_ports(ct->proto)) {
		pt_out_u64(o, "sport", t->sport);
		pt_out_u64(o, "dport", t->dport);
	}
	if (ct->has_counters) {
		pt_out_u64(o, "packets", ct->packets[dir]);
		pt_out_u64(o, "bytes", ct->bytes[dir]);
	}
	pt_out_obj_end(o);
}

static void show_keys(struct state_view *v, const struct pt_ct_entry *ct)
{
	struct pt_buf proto = { 0 };

	proto_text(&proto, ct->proto);
	pt_out_u64(v->o, "id", ct->id);
	show_key(v->o, "proto", &proto);
	show_tuple(v->o, "orig", ct, &ct->orig, 0);
	show_tuple(v->o, "reply", ct, &ct->reply, 1);
	pt_out_str(v->o, "tcp_state", ct->proto == IPPROTO_TCP ? pt_ct_tcp_state_name(ct->tcp_state) : NULL);
	pt_out_str(v->o, "rule_in", rule_name(v, ct->label[1]));
	pt_out_str(v->o, "rule_out", rule_name(v, ct->label[2]));
	pt_out_u64(v->o, "mark", ct->mark);
	pt_out_u64(v->o, "expires", ct->timeout);
}

/* For a hundred thousand states, what is not shown must not be written first, nor memory asked for each. */
int show_state(const struct pt_ct_entry *ct, void *view)
{
	struct state_view *v = view;

	pt_out_rec(v->o);
	if (pt_out_format(v->o) == PT_OUT_TEXT) {
		v->text.n = 0;
		state_text(v, ct, &v->text);
		pt_out_fail(v->o, v->text.err);
		pt_out_text(v->o, v->text.s);
	} else {
		show_keys(v, ct);
	}
	pt_out_rec_end(v->o);
	return 0;
}

int state_view_begin(struct state_view *v, struct pt_cli *c, const struct pt_policy *p)
{
	int rc;

	v->c = c;
	rc = collect_names(v, p);
	if (rc)
		return rc;
	v->o = pt_cli_out(c, PT_OUT_TEXT, "patronus.state.v1", "states");
	return v->o ? 0 : -ENOMEM;
}

int state_view_end(struct state_view *v, int rc)
{
	int end = v->o ? pt_cli_end(v->c, v->o) : 0;

	free(v->names.v);
	pt_buf_fini(&v->text);
	return rc ? rc : end;
}
