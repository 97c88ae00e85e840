/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_case - see lab_case.h. What is expected is read from the table alone, never asked of the evaluator:
 * where product and manual disagree, all of the product may be wrong in the same way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "netns/lab.h"
#include "netns/lab_case.h"
#include "netns/lab_log.h"
#include "netns/lab_rules.h"
#include "netns/lab_table.h"
#include "netns/lab_wire.h"

#define MAX_PROBES 40

struct run {
	const struct packet_case *c;
	bool six;
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct probe probes[MAX_PROBES];
	size_t n;
	char wrong[400];
};

static struct wire wire;
static struct lab_rules kernel;
static int log_fd;

/* ---- a file of the case's rules ---- */

static const char preamble[] =
	"interface lan { device = \"lan0\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } groups = { \"inside\" } }\n"
	"interface wan { device = \"wan0\" address = { dhcp } }\n"
	"interface dmz { device = \"dmz0\" address = { \"10.0.5.1/24\", \"fd00:5::1/64\" } groups = { \"inside\" } }\n"
	"table some { addresses = { \"@lan.64/26\", \"!@lan.70\", \"@lan.200\", \"@dmz.20\" } }\n"
	"table none { persist = true }\n"
	"macro host { value = \"@lan.10\" }\n"
	"macro web { value = \"{ 80, 443 }\" }\n"
	"macro way { value = \"in on lan\" }\n"
	"macro dev { value = \"lan\" }\n"
	"firewall { ";

static char *make_file(struct run *r)
{
	struct pt_buf b = { 0 };
	const char *rule = r->c->rules;

	table_expand(preamble, r->six, &b);
	rule += *rule == '!';
	if (*rule == '%') {
		const char *end = strchrnul(rule, '\n');

		pt_buf_fmt(&b, "%.*s", (int)(end - rule - 1), rule + 1);
		rule = *end ? end + 1 : end;
	}
	pt_buf_str(&b, " rules = {\n");
	while (*rule) {
		const char *end = strchrnul(rule, '\n');
		char *line = strndup(rule, (size_t)(end - rule));

		if (!line)
			table_bad(rule);
		pt_buf_str(&b, "\"");
		table_expand(line, r->six, &b);
		pt_buf_str(&b, "\",\n");
		free(line);
		rule = *end ? end + 1 : end;
	}
	pt_buf_str(&b, "} }\n");
	return b.s;
}

static void unload(struct run *r)
{
	pt_policy_free(r->policy);
	pt_conf_free(r->conf);
	r->policy = NULL;
	r->conf = NULL;
}

/* 0; -ENOTSUP: rules that are not for this engine. */
static int load(struct run *r, enum pt_engine engine)
{
	struct pt_nft_prog *prog = NULL;
	struct pt_err e = { 0 };
	char *text = make_file(r);
	int rc;

	if (*r->c->rules == '!')
		lab_nft("add table inet patronus\ndelete table inet patronus\n");
	rc = pt_conf_parse("case", text, strlen(text), &r->conf, &e);
	if (!rc)
		rc = pt_policy_build(r->conf, &r->policy, &e);
	if (!rc) {
		rc = lab_rules_compile(&kernel, r->policy, engine, true, &prog, &e);
		if (rc && engine == PT_ENGINE_BPF)
			rc = -ENOTSUP;
	}
	if (!rc)
		rc = lab_rules_put(&kernel, prog, &e);
	if (rc && rc != -ENOTSUP) {
		printf("%s", text);
		lab_rules_show(&e);
	}
	pt_nft_prog_free(prog);
	pt_err_fini(&e);
	free(text);
	return rc;
}

/* ---- sending ---- */

static void swap_ends(struct pt_packet *k)
{
	struct pt_addr a = k->src;
	uint16_t port = k->sport;

	k->src = k->dst;
	k->dst = a;
	k->sport = k->dport;
	k->dport = port;
}

/* What follows from how BEFORE was seen. */
static void make_follower(struct probe *p, const struct probe *before)
{
	uint8_t flags = p->pkt.tcp_flags;

	p->pkt = p->kind == NEXT ? before->pkt : before->got;
	p->from = p->kind == NEXT ? before->from : before->seen_at;
	p->pkt.tcp_flags = p->pkt.proto == IPPROTO_TCP ? flags : 0;
	if (p->kind == NEXT)
		return;
	swap_ends(&p->pkt);
	if (p->kind == REPLY && table_is_echo(&p->pkt))
		p->pkt.icmp_type = p->pkt.af == PT_AF_INET6 ? 129 : 0;
}

/* The packet that P is about, quoted: "port unreachable". */
static size_t make_error(uint8_t *t, const struct probe *p, uint32_t index)
{
	struct pt_packet inner = p->pkt, outer = p->pkt;
	uint8_t quoted[160], full[256];
	size_t n, h;

	swap_ends(&inner);
	table_icmp(&outer, "unreach/4");
	n = wire_transport(quoted, &inner, index);
	h = wire_ip_header(full, inner.src, inner.dst, inner.proto, n);
	memcpy(full + h, quoted, n);
	return wire_icmp_quoting(t, &outer, full, h + n);
}

static void send_fragments(const struct probe *p, uint32_t index)
{
	uint8_t t[160], ip[256];
	size_t n = wire_transport(t, &p->pkt, index), h;

	if (p->parts != LATER) {
		h = wire_fragment_header(ip, &p->pkt, 8, (uint16_t)(index + 1), 0x2000);
		memcpy(ip + h, t, 8);
		wire_send_ip(&wire, p->from, ip, h + 8);
	}
	if (p->parts != FIRST) {
		h = wire_fragment_header(ip, &p->pkt, n - 8, (uint16_t)(index + 1), 1);
		memcpy(ip + h, t + 8, n - 8);
		wire_send_ip(&wire, p->from, ip, h + n - 8);
	}
}

static void send_probe(const struct probe *p, uint32_t index)
{
	struct pt_packet outer = p->pkt;
	uint8_t t[400], ip[500];
	size_t n, h;

	if (p->parts != WHOLE) {
		send_fragments(p, index);
		return;
	}
	n = wire_transport(t, &p->pkt, index);
	if (p->kind == ABOUT) {
		n = make_error(t, p, index);
		table_icmp(&outer, NULL);
	}
	if (p->bad_sum)
		t[table_has_ports(p->pkt.proto) ? 16 : 2] ^= 0x55;
	h = wire_ip_header(ip, outer.src, outer.dst, outer.proto, n);
	memcpy(ip + h, t, n);
	if (p->pkt.tos)
		wire_set_tos(ip, p->pkt.tos);
	wire_send_ip(&wire, p->from, ip, h + n);
}

/* ---- seeing ---- */

static void saw(struct probe *p, int at, const struct wire_view *v)
{
	p->seen++;
	p->seen_at = at;
	p->got = p->pkt;
	p->got.src = v->src;
	p->got.dst = v->dst;
	p->in_parts = v->offset != 0;
	if (table_is_echo(&p->pkt)) /* its number is a port at both ends */
		p->got.sport = p->got.dport = wire_get16(v->t + 4);
	if (!table_has_ports(p->pkt.proto) || p->in_parts)
		return;
	p->got.sport = wire_get16(v->t);
	p->got.dport = wire_get16(v->t + 2);
}

/* A reset or an error on the way back to a sender. */
static void saw_answer(struct run *r, const struct wire_view *v)
{
	int i;

	if (v->proto == IPPROTO_TCP && v->n >= 20 && (v->t[13] & 4))
		for (size_t j = 0; j < r->n; j++)
			if (r->probes[j].pkt.proto == IPPROTO_TCP && r->probes[j].pkt.sport == wire_get16(v->t + 2) &&
			    r->probes[j].pkt.dport == wire_get16(v->t))
				r->probes[j].got_rst = true;
	if (!(v->proto == IPPROTO_ICMP && v->t[0] == 3) && !(v->proto == IPPROTO_ICMPV6 && v->t[0] == 1))
		return;
	i = wire_marked(v->t, v->n, r->n);
	if (i < 0)
		return;
	r->probes[i].got_unreach = true;
	r->probes[i].got_code = v->t[1];
}

/* Not an answer to it. */
static bool is_this(const struct probe *p, int at, const struct wire_view *v)
{
	if (p->kind == ABOUT)
		return at != p->from && table_is_icmp(v->proto);
	return p->pkt.proto == v->proto && (!table_is_icmp(v->proto) || v->t[0] == p->pkt.icmp_type);
}

static void observe(int at, const uint8_t *ip, size_t n, void *arg)
{
	struct run *r = arg;
	struct wire_view v;
	int i;

	if (!r || !wire_view(ip, n, &v))
		return;
	i = wire_marked(ip, n, r->n);
	if (i >= 0 && is_this(&r->probes[i], at, &v))
		saw(&r->probes[i], at, &v);
	else
		saw_answer(r, &v);
}

/* The name in "ptfw ACTION DIRECTION NAME". */
static const char *name_logged(const char *prefix)
{
	for (int word = 0; prefix && word < 3; word++) {
		prefix = strchr(prefix, ' ');
		prefix += prefix != NULL;
	}
	return prefix ? prefix : "?";
}

static void logged(const char *prefix, const uint8_t *ip, size_t n, void *arg)
{
	struct run *r = arg;
	int i = r ? wire_marked(ip, n, r->n) : -1;

	if (i < 0)
		return;
	r->probes[i].got_log = true;
	snprintf(r->probes[i].got_prefix, sizeof(r->probes[i].got_prefix), "%s", name_logged(prefix));
}

static void drain(struct run *r)
{
	wire_drain(&wire, observe, r);
	lab_log_drain(log_fd, logged, r);
}

/* ---- judging ---- */

static bool end_fits(const struct probe *p, const struct span *want, struct pt_addr a, uint16_t port, struct pt_addr was,
		     uint16_t port_was)
{
	bool ports = table_has_ports(p->pkt.proto) && !p->in_parts && p->kind != ABOUT;

	if (!p->translated)
		return a.v == was.v && (!ports || port == port_was);
	if (a.v < want->lo || a.v > want->hi)
		return false;
	if (!ports || !want->has_port)
		return !ports || port == port_was;
	return port >= want->port_lo && port <= want->port_hi;
}

static const char *wrong_arrival(const struct probe *p)
{
	if (!p->seen)
		return "did not arrive";
	if (p->seen_at != wire_destination(p->got.dst))
		return "arrived at the wrong place";
	if (!end_fits(p, &p->src, p->got.src, p->got.sport, p->pkt.src, p->pkt.sport))
		return "arrived with another source";
	if (!end_fits(p, &p->dst, p->got.dst, p->got.dport, p->pkt.dst, p->pkt.dport))
		return "arrived with another destination";
	return NULL;
}

static const char *wrong_answer(const struct run *r, const struct probe *p)
{
	if (p->seen)
		return "arrived";
	if (p->from == WIRE_ROUTER) /* answers to ourselves stay on the machine */
		return NULL;
	if (p->got_rst != (p->answer == WIRE_RST))
		return p->got_rst ? "was answered with a reset" : "was not answered with a reset";
	if (p->got_unreach != (p->answer == WIRE_UNREACH))
		return p->got_unreach ? "was answered with an ICMP error" : "was not answered with an ICMP error";
	if (p->got_unreach && p->got_code != p->codes[r->six])
		return "was answered with another ICMP code";
	return NULL;
}

static const char *wrong_log(const struct probe *p)
{
	if (p->got_log != (p->log[0] != '\0'))
		return p->got_log ? "was logged" : "was not logged";
	return strcmp(p->log, p->got_prefix) ? "was logged with another name" : NULL;
}

static void tell_wrong(struct run *r, const struct probe *p, const char *what)
{
	struct pt_buf b = { 0 };

	if (r->wrong[0])
		return;
	if (p->seen) {
		pt_buf_str(&b, "; seen as ");
		pt_addr_fmt(&b, p->got.src);
		pt_buf_fmt(&b, " port %u -> ", p->got.sport);
		pt_addr_fmt(&b, p->got.dst);
		pt_buf_fmt(&b, " port %u", p->got.dport);
	}
	if (p->got_unreach)
		pt_buf_fmt(&b, "; the code was %u", p->got_code);
	snprintf(r->wrong, sizeof(r->wrong), "\"%s\" %s%s", p->line, what, b.s ? b.s : "");
	pt_buf_fini(&b);
}

static void judge_probe(struct run *r, const struct probe *p)
{
	const char *what = p->pass ? wrong_arrival(p) : wrong_answer(r, p);

	if (!what)
		what = wrong_log(p);
	if (what)
		tell_wrong(r, p, what);
}

/* How many packets the table says a rule decides. */
static uint64_t decided_by(const struct run *r, const char *name)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t j = 0; j < r->probes[i].n_labels; j++)
			n += !strcmp(r->probes[i].labels[j], name);
	return n;
}

static bool is_label(const struct run *r, const char *name)
{
	for (size_t i = r->policy->n_builtin; i < r->policy->rules.n; i++)
		if (!strcmp(r->policy->rules.v[i].name, name))
			return true;
	return false;
}

static void judge_counters(struct run *r, const struct lab_counts *before, const struct lab_counts *after)
{
	for (size_t i = r->policy->n_builtin; i < r->policy->rules.n; i++) {
		const struct pt_pol_rule *rule = &r->policy->rules.v[i];
		uint64_t n = lab_rules_counter(after, rule->id).packets - lab_rules_counter(before, rule->id).packets;

		if (r->wrong[0] || !strcmp(rule->name, "leave") || !strcmp(rule->name, "arrive"))
			continue;
		if (n != decided_by(r, rule->name))
			snprintf(r->wrong, sizeof(r->wrong), "rule %s counted %llu packets, the table says %llu", rule->name,
				 (unsigned long long)n, (unsigned long long)decided_by(r, rule->name));
	}
	for (size_t i = 0; i < r->n; i++)
		for (size_t j = 0; j < r->probes[i].n_labels; j++)
			if (!is_label(r, r->probes[i].labels[j]))
				table_bad(r->probes[i].line);
}

static void send_all(struct run *r)
{
	const struct probe *last = NULL;

	for (size_t i = 0; i < r->n; i++) {
		struct probe *p = &r->probes[i];

		if (p->kind == ALONE) {
			last = p;
		} else if (last) {
			drain(r);
			make_follower(p, last);
		}
		send_probe(p, (uint32_t)i);
	}
}

/* One engine: true if all is as the table says, or the rules are not for it. */
static bool run_engine(struct run *r, enum pt_engine engine)
{
	struct lab_counts before, after;
	int rc = load(r, engine);

	r->wrong[0] = '\0';
	if (!rc) {
		r->n = table_read_packets(r->c->packets, r->six, r->probes, PT_ARRAY_SIZE(r->probes));
		drain(NULL);
		lab_rules_flush_states(&kernel);
		lab_rules_count(&kernel, &before);
		send_all(r);
		drain(r);
		lab_rules_count(&kernel, &after);
		for (size_t i = 0; i < r->n; i++)
			judge_probe(r, &r->probes[i]);
		judge_counters(r, &before, &after);
		pt_arena_free(before.arena);
		pt_arena_free(after.arena);
	}
	unload(r);
	return rc == -ENOTSUP || (!rc && !r->wrong[0]);
}

static bool run_case(const struct packet_case *c, bool six, size_t number)
{
	static const struct {
		enum pt_engine engine;
		const char *name;
	} engines[] = { { PT_ENGINE_LINEAR, "list" }, { PT_ENGINE_NFT, "trees" }, { PT_ENGINE_BPF, "classifier" } };
	struct run *r = calloc(1, sizeof(*r));
	bool good = true;

	if (!r)
		lab_bail("no memory");
	r->c = c;
	r->six = six;
	for (size_t i = 0; i < PT_ARRAY_SIZE(engines); i++) {
		if ((engines[i].engine == PT_ENGINE_BPF && !kernel.classifier) || run_engine(r, engines[i].engine))
			continue;
		printf("# by %s: %s\n", engines[i].name, r->wrong);
		good = false;
	}
	printf("%sok %zu - %s, %s\n", good ? "" : "not ", number, c->name, six ? "inet6" : "inet");
	free(r);
	return good;
}

int packet_cases(const struct packet_case *cases, size_t n, int argc, char **argv)
{
	const char *why = lab_lacks();
	size_t number = 0;
	bool good = true;

	if (why)
		return lab_skip(why);
	setvbuf(stdout, NULL, _IOLBF, 0);
	wire_make(&wire);
	wire_add_point_to_point();
	lab_ip("route add unreachable 192.0.2.0/24\nroute add unreachable 2001:db8:bad::/64\n");
	lab_rules_open(&kernel);
	log_fd = lab_log_open(PT_NFT_LOG_GROUP);
	for (size_t i = 0; i < n; i++)
		for (int six = 0; six < 2; six++)
			if ((argc < 2 || strstr(cases[i].name, argv[1])) && cases[i].family != (six ? INET : INET6))
				good &= run_case(&cases[i], six, ++number);
	printf("1..%zu\n# %zu times judged by the classifier\n", number, kernel.n_classified);
	return good ? 0 : 1;
}
