/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptdiag dns`: what servers of the DNS say, each by itself, as a zone file would have it. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/probe.h>

#include "dns.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define ARGUMENTS_MAX 64 /* of the table of commands */

struct dns_words {
	bool tcp, tls, all, brief, trace, search, norecurse, dnssec, nocheck, nsid, noedns, notcp, unchecked;
	uint64_t port, size, tries;
	uint32_t timeout;
	const char *rclass, *name, *ca, *on;
	struct pt_addr from;
};

const struct pt_cli_word dns_words[] = {
	{ "tcp", PT_CLI_FLAG, offsetof(struct dns_words, tcp), NULL, "ask by TCP", 0, 0, NULL },
	{ "tls", PT_CLI_FLAG, offsetof(struct dns_words, tls), NULL,
	  "ask by TLS, port 853; the server has to prove its name", 0, 0, NULL },
	{ "all", PT_CLI_FLAG, offsetof(struct dns_words, all), NULL, "ask every server, and show how they differ", 0, 0,
	  NULL },
	{ "trace", PT_CLI_FLAG, offsetof(struct dns_words, trace), NULL, "from the root down, every server itself", 0,
	  0, NULL },
	{ "short", PT_CLI_FLAG, offsetof(struct dns_words, brief), NULL, "the data of the answer only", 0, 0, NULL },
	{ "search", PT_CLI_FLAG, offsetof(struct dns_words, search), NULL, "in the domains of resolv.conf as well", 0,
	  0, NULL },
	{ "norecurse", PT_CLI_FLAG, offsetof(struct dns_words, norecurse), NULL, "what the server knows itself", 0, 0,
	  NULL },
	{ "dnssec", PT_CLI_FLAG, offsetof(struct dns_words, dnssec), NULL,
	  "with signatures, and whether they were checked", 0, 0, NULL },
	{ "nocheck", PT_CLI_FLAG, offsetof(struct dns_words, nocheck), NULL,
	  "what does not pass the server's DNSSEC checks, too", 0, 0, NULL },
	{ "nsid", PT_CLI_FLAG, offsetof(struct dns_words, nsid), NULL, "which of several servers it is", 0, 0, NULL },
	{ "class", PT_CLI_TEXT, offsetof(struct dns_words, rclass), "CLASS", "IN, CH, HS", 0, 0, NULL },
	{ "size", PT_CLI_COUNT, offsetof(struct dns_words, size), "BYTES", "of answers by UDP (1232)", 512, 65535,
	  NULL },
	{ "noedns", PT_CLI_FLAG, offsetof(struct dns_words, noedns), NULL, "as before EDNS: at most 512 bytes", 0, 0,
	  NULL },
	{ "notcp", PT_CLI_FLAG, offsetof(struct dns_words, notcp), NULL,
	  "show an answer that was cut; do not ask again by TCP", 0, 0, NULL },
	{ "port", PT_CLI_COUNT, offsetof(struct dns_words, port), "N", "of the server (53, by TLS 853)", 1, 65535,
	  NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct dns_words, timeout), "TIME", "of one try (2s)", 1000, 60000000,
	  NULL },
	{ "tries", PT_CLI_COUNT, offsetof(struct dns_words, tries), "N", "at most (2)", 1, 20, NULL },
	{ "from", PT_CLI_ADDRESS, offsetof(struct dns_words, from), "ADDRESS", "of this machine", 0, 0, NULL },
	{ "on", PT_CLI_DEVICE, offsetof(struct dns_words, on), "DEVICE", "by this one only", 0, 0, NULL },
	{ "name", PT_CLI_TEXT, offsetof(struct dns_words, name), "NAME", "to be on the certificate (SERVER)", 0, 0,
	  NULL },
	{ "ca", PT_CLI_PATH, offsetof(struct dns_words, ca), "FILE",
	  "of certificates that are trusted (/etc/ssl/certs)", 0, 0, NULL },
	{ "unchecked", PT_CLI_FLAG, offsetof(struct dns_words, unchecked), NULL, "ask whatever the certificate is", 0,
	  0, NULL },
	{ .name = NULL },
};

struct dns_asking {
	struct pt_cli *c;
	struct pt_arena *arena;
	struct dns_words words;
	struct pt_dns_conf conf;
	PT_VEC(struct pt_dns_server) servers;
	struct pt_dns_query q;
	struct pt_dns_way way;
	const char *name; /* in ASCII */
	struct pt_out *out;
};

static uint16_t port_of_servers(const struct dns_asking *d)
{
	return d->words.port ? (uint16_t)d->words.port : d->words.tls ? PT_DNS_TLS_PORT : PT_DNS_PORT;
}

/* ---- who is asked ---- */

static int add_servers(struct dns_asking *d, const char *name, const struct addrinfo *list)
{
	for (; list; list = list->ai_next) {
		struct pt_dns_server s = { .len = list->ai_addrlen, .name = name };
		const uint8_t *bytes = list->ai_family == AF_INET6 ?
			(uint8_t *)&((struct sockaddr_in6 *)(void *)list->ai_addr)->sin6_addr :
			(uint8_t *)&((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr;

		memcpy(&s.addr, list->ai_addr, list->ai_addrlen);
		s.address = pt_addr_from_bytes(bytes, list->ai_family == AF_INET6 ? 16 : 4);
		if (d->servers.n < PT_DNS_SERVERS_MAX && pt_vec_push(d->arena, &d->servers, s))
			return -ENOMEM;
	}
	return 0;
}

/* An address, or a name, whose addresses this machine finds as for any program. */
static int add_server(struct dns_asking *d, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | AI_IDN }, *list = NULL;
	struct pt_dns_server s;
	const char *wrong;
	bool ascii = true;
	char port[8];
	int rc;

	if (!pt_dns_server_parse(text, port_of_servers(d), &s) && d->c->af != PT_AF_NONE && s.address.af != d->c->af)
		return pt_cli_usage(d->c, "@%s is of the other family", text);
	if (s.len)
		return pt_vec_push(d->arena, &d->servers, s) ? -ENOMEM : 0;
	for (const char *c = text; *c && ascii; c++)
		ascii = (unsigned char)*c < 0x80; /* IDN: the C library judges it */
	wrong = ascii ? pt_probe_host_wrong(text) : NULL;
	if (wrong)
		return pt_cli_usage(d->c, "@%s is no server: %s", text, wrong);
	hints.ai_family = d->c->af == PT_AF_INET ? AF_INET : d->c->af == PT_AF_INET6 ? AF_INET6 : AF_UNSPEC;
	(void)snprintf(port, sizeof(port), "%u", port_of_servers(d));
	rc = getaddrinfo(text, port, &hints, &list);
	if (rc) {
		pt_err_add(&d->c->err, PT_ERROR, NULL, "write its address", "no address of the server %s: %s", text,
			   gai_strerror(rc));
		return PT_EXIT_NO;
	}
	rc = add_servers(d, text, list);
	freeaddrinfo(list);
	return rc;
}

/* Namespaces of ip-netns(8) may have a file of their own. */
static int load_conf(struct dns_asking *d)
{
	char path[PATH_MAX];

	if (d->c->netns && !strchr(d->c->netns, '/')) {
		(void)snprintf(path, sizeof(path), "/etc/netns/%s/resolv.conf", d->c->netns);
		if (!access(path, R_OK))
			return pt_dns_conf_load(path, d->arena, &d->conf, &d->c->err);
	}
	return pt_dns_conf_load(RESOLV_CONF, d->arena, &d->conf, &d->c->err);
}

static int take_conf(struct dns_asking *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->conf.servers.n; i++) {
		struct pt_dns_server s = d->conf.servers.v[i];

		if (d->c->af != PT_AF_NONE && s.address.af != d->c->af)
			continue;
		if (s.address.af == PT_AF_INET6)
			((struct sockaddr_in6 *)&s.addr)->sin6_port = htons(port_of_servers(d));
		else
			((struct sockaddr_in *)&s.addr)->sin_port = htons(port_of_servers(d));
		rc = pt_vec_push(d->arena, &d->servers, s);
	}
	return rc;
}

static int choose_servers(struct dns_asking *d, const char *const *named, size_t n)
{
	int rc = 0;

	if (!n || d->words.search)
		rc = load_conf(d);
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_server(d, named[i] + 1);
	if (!rc && !n)
		rc = take_conf(d);
	if (!rc && !d->servers.n) {
		pt_err_add(&d->c->err, PT_ERROR, NULL, "name one: @ADDRESS", "there is no server to ask%s",
			   d->c->af != PT_AF_NONE ? " of this family" : "");
		rc = PT_EXIT_CONFIG;
	}
	return rc;
}

/* ---- what is asked ---- */

static int is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static int choose_name(struct dns_asking *d, bool typed)
{
	const char *name = d->c->argv[0];
	struct pt_buf b = { 0 };
	struct pt_addr addr;
	int rc = 0;

	if (!pt_addr_parse(name, &addr)) {
		pt_dns_reverse(&b, addr);
		d->name = b.err ? NULL : pt_arena_strdup(d->arena, b.s);
		pt_buf_fini(&b);
		if (!typed)
			d->q.type = PT_DNS_PTR;
		rc = d->name ? 0 : -ENOMEM;
	} else if (is_ascii(name)) {
		d->name = name;
	} else {
		rc = pt_dns_idna(name, d->arena, &d->name, &d->c->err);
	}
	if (!rc && pt_dns_name_wire(d->name, d->q.name) < 0)
		return pt_cli_usage(d->c, "'%s' is no name of the DNS", name);
	return rc;
}

static int check_words(struct dns_asking *d)
{
	const struct dns_words *w = &d->words;

	if (w->tcp && w->tls)
		return pt_cli_usage(d->c, "tcp and tls exclude each other");
	if (w->all && w->trace)
		return pt_cli_usage(d->c, "all and trace exclude each other");
	if (w->noedns && (w->dnssec || w->nsid || w->size))
		return pt_cli_usage(d->c, "dnssec, nsid and size need EDNS: leave noedns out");
	if ((w->name || w->ca || w->unchecked) && !w->tls)
		return pt_cli_usage(d->c, "name, ca and unchecked go with tls");
	if (w->trace && (w->tls || w->search || w->port))
		return pt_cli_usage(d->c, "trace asks other servers: tls, search and port do not go with it");
	if (w->rclass && pt_dns_class(w->rclass, &d->q.rclass))
		return pt_cli_usage(d->c, "'%s' is no class", w->rclass);
	if (d->q.type == PT_DNS_AXFR || d->q.type == PT_DNS_IXFR)
		return pt_cli_usage(d->c, "whole zones are no answer to one question: %s is not asked",
				    d->q.type == PT_DNS_AXFR ? "AXFR" : "IXFR");
	return 0;
}

static void take_words(struct dns_asking *d)
{
	const struct dns_words *w = &d->words;

	d->q.recurse = !w->norecurse;
	d->q.dnssec = w->dnssec;
	d->q.nsid = w->nsid;
	d->q.checking_disabled = w->nocheck;
	d->q.size = w->noedns ? 0 : w->size ? (uint16_t)w->size : PT_DNS_SIZE;
	d->way = (struct pt_dns_way){
		.transport = w->tls ? PT_DNS_TLS : w->tcp ? PT_DNS_TCP : PT_DNS_UDP,
		.timeout = w->timeout ? w->timeout : 2000000,
		.tries = w->tries ? (unsigned int)w->tries : 2,
		.keep_truncated = w->notcp,
		.from = w->from,
		.on = w->on,
		.tls = { .name = w->name, .ca = w->ca, .alpn = "dot", .unchecked = w->unchecked },
	};
}

/* The type stands behind the name, servers anywhere: what is left are words. */
static int read_arguments(struct dns_asking *d)
{
	const char *named[PT_DNS_SERVERS_MAX], *rest[ARGUMENTS_MAX], **argv = d->c->argv;
	struct pt_cli *c = d->c;
	size_t n = 0, n_rest = 0, argc = c->argc;
	bool typed = false;
	int rc;

	d->q.type = PT_DNS_A;
	d->q.rclass = PT_DNS_IN;
	for (size_t i = 0; i < argc; i++) {
		if (i && argv[i][0] == '@' && n < PT_DNS_SERVERS_MAX)
			named[n++] = argv[i];
		else if (n_rest == 1 && !typed && !pt_dns_type(argv[i], &d->q.type))
			typed = true;
		else
			rest[n_rest++] = argv[i];
	}
	c->argv = rest;
	c->argc = n_rest;
	rc = pt_cli_words(c, &d->words);
	c->argv = argv;
	c->argc = argc;
	if (!rc)
		rc = check_words(d);
	if (!rc)
		rc = choose_name(d, typed);
	if (!rc)
		take_words(d);
	if (c->af == PT_AF_NONE)
		c->af = d->words.from.af; /* from there, only those of its family are reached */
	return rc ? rc : choose_servers(d, named, n);
}

/* ---- asking ---- */

/* What the certificate of this server has to say. */
static struct pt_dns_way way_to(const struct dns_asking *d, const struct pt_dns_server *s)
{
	struct pt_dns_way w = d->way;
	struct pt_buf b = { 0 };

	if (w.transport == PT_DNS_TLS && !w.tls.name)
		w.tls.name = s->name;
	if (w.transport == PT_DNS_TLS && !w.tls.name) {
		pt_addr_fmt(&b, s->address);
		w.tls.name = b.err ? "" : pt_arena_strdup(d->arena, b.s);
		pt_buf_fini(&b);
	}
	return w;
}

/* By TLS each server has a name of its own, so they are asked one by one. */
static int ask_some(struct dns_asking *d, const struct pt_dns_query *q, struct pt_dns_reply *r)
{
	int rc = 0;

	if (d->way.transport != PT_DNS_TLS)
		return pt_dns_ask_any(d->servers.v, d->servers.n, q, &d->way, d->arena, r, &d->c->err);
	for (size_t i = 0; !rc && i < d->servers.n; i++) {
		struct pt_dns_way w = way_to(d, &d->servers.v[i]);

		rc = pt_dns_ask(&d->servers.v[i], q, &w, d->arena, r, &d->c->err);
		if (r->outcome == PT_DNS_ANSWERED)
			break;
	}
	return rc;
}

static bool has_answer(const struct pt_dns_reply *r)
{
	return r->outcome == PT_DNS_ANSWERED && r->m.rcode == PT_DNS_NOERROR && r->m.section[PT_DNS_ANSWER].n;
}

static int ask_below(struct dns_asking *d, const char *domain, struct pt_dns_reply *r)
{
	struct pt_dns_query q = d->q;
	const char *whole = pt_arena_printf(d->arena, "%s.%s", d->name, domain);

	if (!whole)
		return -ENOMEM;
	if (pt_dns_name_wire(whole, q.name) < 0)
		return 0;
	return ask_some(d, &q, r);
}

static size_t dots(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '.';
	return n;
}

/* resolv.conf(5): names with enough dots are tried as they are first, others last. */
static int ask_searching(struct dns_asking *d, struct pt_dns_reply *r)
{
	bool whole = d->name[strlen(d->name) - 1] == '.', early = dots(d->name) >= d->conf.ndots;
	struct pt_dns_reply plain;
	int rc = 0;

	if (whole || early)
		rc = ask_some(d, &d->q, r);
	plain = *r;
	for (size_t i = 0; !rc && !whole && i < d->conf.search.n && !has_answer(r); i++)
		rc = ask_below(d, d->conf.search.v[i], r);
	if (!rc && !early && !whole && !has_answer(r))
		return ask_some(d, &d->q, r);
	if (!has_answer(r) && early)
		*r = plain;
	return rc;
}

static int ask_one(struct dns_asking *d)
{
	struct pt_dns_reply r = { 0 };
	int rc = d->words.search ? ask_searching(d, &r) : ask_some(d, &d->q, &r);

	if (rc)
		return rc;
	dns_show(d->out, &r, d->words.brief);
	return dns_status(&r);
}

static int ask_all(struct dns_asking *d)
{
	struct pt_dns_reply *r = pt_arena_alloc(d->arena, d->servers.n * sizeof(*r));
	int rc = r ? 0 : -ENOMEM, status = 0;
	bool differ = false, late = false;

	for (size_t i = 0; !rc && i < d->servers.n; i++) {
		struct pt_dns_way w = way_to(d, &d->servers.v[i]);

		rc = pt_dns_ask(&d->servers.v[i], &d->q, &w, d->arena, &r[i], &d->c->err);
	}
	for (size_t i = 0; !rc && i < d->servers.n; i++) {
		size_t first = 0;

		while (first < i && !dns_same(&r[first], &r[i]))
			first++;
		differ |= first != 0;
		late |= r[i].outcome == PT_DNS_TIMEOUT;
		status = dns_status(&r[i]) == PT_EXIT_NO ? PT_EXIT_NO : status;
		dns_show_one_of(d->out, r, i, first);
	}
	if (!rc && pt_out_format(d->out) == PT_OUT_TEXT) {
		pt_out_rec(d->out);
		pt_out_text(d->out, differ ? ";; the servers differ" : ";; the servers say the same");
		pt_out_rec_end(d->out);
	}
	if (rc)
		return rc;
	return status ? status : late ? PT_EXIT_TIME : differ ? PT_EXIT_NO : PT_EXIT_OK;
}

struct dns_steps {
	struct dns_asking *d;
	int status;
};

static int tell_step(const struct pt_dns_reply *r, void *arg)
{
	struct dns_steps *s = arg;

	dns_show(s->d->out, r, false);
	s->status = dns_status(r);
	return pt_out_flush(s->d->out);
}

static int ask_down(struct dns_asking *d)
{
	struct dns_steps s = { .d = d };
	int rc = pt_dns_trace(d->servers.v, d->servers.n, &d->q, &d->way, d->c->af, d->arena, tell_step, &s,
			      &d->c->err);

	return rc == -EPIPE ? 0 : rc ? rc : s.status;
}

int cmd_dns(struct pt_cli *c)
{
	struct dns_asking d = { .c = c, .arena = pt_arena_new() };
	int rc = d.arena ? read_arguments(&d) : -ENOMEM, end;

	if (!rc && d.words.tls)
		rc = pt_tls_load(&c->err);
	if (!rc)
		rc = diag_confine(c, d.words.tls, d.words.ca);
	if (!rc) {
		d.out = pt_cli_out(c, PT_OUT_TEXT, "patronus.dns.v1", "replies");
		rc = !d.out ? -ENOMEM : d.words.trace ? ask_down(&d) : d.words.all ? ask_all(&d) : ask_one(&d);
	}
	if (d.out) {
		end = pt_cli_end(c, d.out);
		rc = rc < 0 || !end ? rc : end;
	}
	pt_arena_free(d.arena);
	return rc;
}
