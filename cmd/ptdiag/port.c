/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptdiag port`: which ports of a host answer, who says no, and what TLS there says of itself. */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <patronus/dns.h>
#include <patronus/probe.h>

#include "port.h"

#define TARGETS_MAX 65536
#define SHOWN_MAX 20 /* with more of them, those that are open are shown, and how many are not */
#define SEND_MAX 1400

static const char *const protocols[] = { "none", "smtp", "imap", "pop3", "ftp", NULL };

struct port_words {
	bool udp, tls, banner, unchecked;
	uint32_t timeout;
	unsigned int starttls;
	const char *send, *name, *ca, *on;
	struct pt_addr from;
};

const struct pt_cli_word port_words[] = {
	{ "udp", PT_CLI_FLAG, offsetof(struct port_words, udp), NULL, "send a datagram instead of connecting", 0, 0,
	  NULL },
	{ "tls", PT_CLI_FLAG, offsetof(struct port_words, tls), NULL, "shake hands, and show the certificate", 0, 0,
	  NULL },
	{ "starttls", PT_CLI_CHOICE, offsetof(struct port_words, starttls), "smtp|imap|pop3|ftp",
	  "ask for TLS first, in this protocol", 0, 0, protocols },
	{ "name", PT_CLI_TEXT, offsetof(struct port_words, name), "NAME",
	  "to ask for, and to be on the certificate (HOST)", 0, 0, NULL },
	{ "ca", PT_CLI_PATH, offsetof(struct port_words, ca), "FILE",
	  "of certificates that are trusted (/etc/ssl/certs)", 0, 0, NULL },
	{ "unchecked", PT_CLI_FLAG, offsetof(struct port_words, unchecked), NULL,
	  "a certificate that is not trusted is no failure", 0, 0, NULL },
	{ "banner", PT_CLI_FLAG, offsetof(struct port_words, banner), NULL, "show the first bytes that come", 0, 0,
	  NULL },
	{ "send", PT_CLI_TEXT, offsetof(struct port_words, send), "TEXT",
	  "send it (\\r \\n \\t \\\\ \\xNN), and show what comes", 0, 0, NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct port_words, timeout), "TIME", "that each answer may take (3s)", 1000,
	  60000000, NULL },
	{ "from", PT_CLI_ADDRESS, offsetof(struct port_words, from), "ADDRESS", "of this machine", 0, 0, NULL },
	{ "on", PT_CLI_DEVICE, offsetof(struct port_words, on), "DEVICE", "by this one only", 0, 0, NULL },
	{ .name = NULL },
};

struct range {
	uint16_t first, last;
};

struct asking {
	struct pt_cli *c;
	struct port_words words;
	struct pt_dial_want want;
	PT_VEC(struct range) ports;
	PT_VEC(struct pt_dial_target) targets;
	uint8_t send[SEND_MAX];
	struct pt_out *out;
	bool brief;
	size_t counts[PT_DIAL_FAILED + 1];
	int talk; /* the worst of talking to open ports */
	bool stopped;
	int stop_fd;
};

/* ---- ports ---- */

static bool service_port(const struct asking *p, const char *name, uint16_t *port)
{
	const struct servent *s = getservbyname(name, p->words.udp ? "udp" : "tcp");

	if (!s)
		s = getservbyname(name, NULL);
	if (s)
		*port = ntohs((uint16_t)s->s_port);
	return s;
}

/* "443", "1000-1010", "https"; N bytes. */
static int add_range(struct asking *p, const char *text, size_t n)
{
	char one[64], *dash;
	uint64_t first, last;
	struct range r;

	if (!n || n >= sizeof(one))
		return -EINVAL;
	memcpy(one, text, n);
	one[n] = '\0';
	dash = strchr(one, '-');
	if (one[0] < '0' || one[0] > '9') {
		if (!service_port(p, one, &r.first))
			return -EINVAL;
		r.last = r.first;
		return pt_vec_push(NULL, &p->ports, r);
	}
	if (dash)
		*dash = '\0';
	if (pt_parse_uint(one, UINT16_MAX, &first) || pt_parse_uint(dash ? dash + 1 : one, UINT16_MAX, &last) ||
	    !first || first > last)
		return -EINVAL;
	r = (struct range){ (uint16_t)first, (uint16_t)last };
	return pt_vec_push(NULL, &p->ports, r);
}

static int add_ports(struct asking *p, const char *list)
{
	int rc = 0;

	for (;;) {
		size_t n = strcspn(list, ",");

		rc = add_range(p, list, n);
		if (rc || !list[n])
			return rc;
		list += n + 1;
	}
}

static bool is_word(const char *s)
{
	for (const struct pt_cli_word *w = port_words; w->name; w++)
		if (!strcmp(w->name, s))
			return true;
	return false;
}

/* Ports stand before the words: what begins with a digit, and names of services that are no words. */
static bool looks_like_port(const struct asking *p, const char *s)
{
	char name[64];
	uint16_t port;
	size_t n = strcspn(s, ",");

	if (*s >= '0' && *s <= '9')
		return true;
	if (is_word(s) || n >= sizeof(name))
		return false;
	memcpy(name, s, n);
	name[n] = '\0';
	return service_port(p, name, &port);
}

static int read_ports(struct asking *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		int rc = add_ports(p, p->c->argv[i]);

		if (rc == -ENOMEM)
			return rc;
		if (rc)
			return pt_cli_usage(p->c, "'%s' is no port: 1-65535, FIRST-LAST, or the name of a service",
					    p->c->argv[i]);
	}
	return 0;
}

/* ---- what is sent ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character behind a backslash; how many are used, 0: wrong. */
static size_t escape(const char *s, uint8_t *out)
{
	static const char from[] = "rnt0\\", to[] = "\r\n\t\0\\";
	const char *at = *s ? strchr(from, *s) : NULL;

	if (at) {
		*out = (uint8_t)to[at - from];
		return 1;
	}
	if (*s != 'x' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return 0;
	*out = (uint8_t)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
	return 3;
}

static int read_send(struct asking *p)
{
	const char *s = p->words.send;
	size_t n = 0, used;

	while (s && *s) {
		if (n >= sizeof(p->send))
			return pt_cli_usage(p->c, "send: more than %d bytes", SEND_MAX);
		p->send[n] = (uint8_t)*s;
		used = *s == '\\' ? escape(s + 1, &p->send[n]) : 0;
		if (*s == '\\' && !used)
			return pt_cli_usage(p->c, "send: '%.4s' is none of \\r \\n \\t \\0 \\\\ \\xNN", s);
		n++;
		s += used + 1;
	}
	p->want.n_send = n;
	p->want.send = p->send;
	return 0;
}

static int check_words(struct asking *p)
{
	const struct port_words *w = &p->words;
	bool secure = w->tls || w->starttls;

	if (w->udp && (secure || w->banner))
		return pt_cli_usage(p->c, "tls, starttls and banner are of TCP");
	if ((w->name || w->ca || w->unchecked) && !secure)
		return pt_cli_usage(p->c, "name, ca and unchecked go with tls");
	if (p->c->af != PT_AF_NONE && w->from.af != PT_AF_NONE && w->from.af != p->c->af)
		return pt_cli_usage(p->c, "from: an address of the other family");
	return read_send(p);
}

static void take_words(struct asking *p)
{
	const struct port_words *w = &p->words;

	p->want.udp = w->udp;
	p->want.timeout = w->timeout ? w->timeout : 3000000;
	p->want.from = w->from;
	p->want.on = w->on;
	p->want.tls = w->tls || w->starttls;
	p->want.banner = w->banner;
	p->want.starttls = (enum pt_dial_starttls)w->starttls;
	/* What is looked at is shown, whatever its age and whoever signed it. */
	p->want.tls_want = (struct pt_tls_want){ .name = w->name ? w->name : p->c->argv[0],
						 .ca = w->ca,
						 .unchecked = true,
						 .any = true };
}

/* HOST, ports, and words behind them. */
static int read_arguments(struct asking *p)
{
	struct pt_cli *c = p->c;
	size_t n = 2;
	int rc;

	for (size_t i = 2; i < c->argc && !p->words.udp; i++)
		p->words.udp = !strcmp(c->argv[i], "udp"); /* services have other numbers there */
	while (n < c->argc && looks_like_port(p, c->argv[n]))
		n++;
	rc = read_ports(p, n);
	if (rc)
		return rc;
	p->words.udp = false;
	c->argv += n - 2;
	c->argc -= n - 2;
	rc = pt_cli_words(c, &p->words);
	c->argv -= n - 2;
	c->argc += n - 2;
	if (!rc)
		rc = check_words(p);
	if (!rc)
		take_words(p);
	return rc;
}

/* ---- hosts ---- */

static int add_targets(struct asking *p, const struct addrinfo *a)
{
	struct pt_dial_target t = { .len = a->ai_addrlen };

	memcpy(&t.addr, a->ai_addr, a->ai_addrlen);
	for (size_t i = 0; i < p->ports.n; i++)
		for (unsigned int port = p->ports.v[i].first; port <= p->ports.v[i].last; port++) {
			if (a->ai_family == AF_INET6)
				((struct sockaddr_in6 *)&t.addr)->sin6_port = htons((uint16_t)port);
			else
				((struct sockaddr_in *)&t.addr)->sin_port = htons((uint16_t)port);
			if (p->targets.n >= TARGETS_MAX)
				return pt_cli_usage(p->c, "more than %d ports", TARGETS_MAX);
			if (pt_vec_push(NULL, &p->targets, t))
				return -ENOMEM;
		}
	return 0;
}

static int check_host(struct asking *p, const char *host, enum pt_af af)
{
	struct pt_dns_server server;
	const char *wrong;

	for (const char *c = host; *c; c++)
		if ((unsigned char)*c >= 0x80)
			return 0; /* IDN: the C library judges it */
	if (!pt_dns_server_parse(host, 0, &server)) {
		if (af != PT_AF_NONE && server.address.af != af)
			return pt_cli_usage(p->c, "%s is of the other family", host);
		return 0;
	}
	wrong = pt_probe_host_wrong(host);
	return wrong ? pt_cli_usage(p->c, "'%s' is neither an address nor the name of a host: %s", host, wrong) : 0;
}

static int find_host(struct asking *p)
{
	enum pt_af af = p->words.from.af != PT_AF_NONE ? p->words.from.af : p->c->af;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_IDN }, *list = NULL;
	const char *host = p->c->argv[0];
	int rc;

	rc = check_host(p, host, af);
	if (rc)
		return rc;
	hints.ai_family = af == PT_AF_INET ? AF_INET : af == PT_AF_INET6 ? AF_INET6 : AF_UNSPEC;
	rc = getaddrinfo(host, NULL, &hints, &list);
	if (rc) {
		pt_err_add(&p->c->err, PT_ERROR, NULL, "`ptdiag dns` shows what the servers say",
			   "no address of %s: %s", host, gai_strerror(rc));
		return rc == EAI_AGAIN ? PT_EXIT_TIME : PT_EXIT_NO;
	}
	rc = 0;
	for (const struct addrinfo *a = list; !rc && a; a = a->ai_next)
		rc = add_targets(p, a);
	freeaddrinfo(list);
	return rc;
}

/* ---- results ---- */

static int tell(const struct pt_dial *r, void *arg)
{
	struct asking *p = arg;
	int talked = port_talk_status(r, &p->want, p->words.unchecked);

	p->counts[r->state]++;
	if (talked == PT_EXIT_NO || !p->talk)
		p->talk = talked;
	if (p->brief && r->state != PT_DIAL_OPEN)
		return 0;
	port_show(p->out, r, &p->want);
	return pt_out_flush(p->out);
}

static void sum_up(const struct asking *p)
{
	struct pt_buf b = { 0 };
	size_t known = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(p->counts); i++) {
		known += p->counts[i];
		if (p->counts[i])
			pt_buf_fmt(&b, "%s%zu %s", b.n ? ", " : "", p->counts[i],
				   pt_dial_state_name((enum pt_dial_state)i, p->want.udp));
	}
	if (p->stopped)
		pt_buf_fmt(&b, "%sstopped with %zu not known", b.n ? ", " : "", p->targets.n - known);
	pt_out_rec(p->out);
	pt_out_fail(p->out, b.err);
	pt_out_text(p->out, b.s ? b.s : "");
	pt_out_rec_end(p->out);
	pt_buf_fini(&b);
}

/* The worst: a no is an answer, silence is none. */
static int status(const struct asking *p)
{
	if (p->counts[PT_DIAL_FAILED])
		return PT_EXIT_SYSTEM;
	if (p->counts[PT_DIAL_REFUSED] || p->counts[PT_DIAL_UNREACHABLE] || p->talk == PT_EXIT_NO)
		return PT_EXIT_NO;
	return p->counts[PT_DIAL_FILTERED] || p->stopped ? PT_EXIT_TIME : p->talk;
}

static int dial(struct asking *p)
{
	bool text;
	int rc;

	p->out = pt_cli_out(p->c, PT_OUT_TEXT, "patronus.port.v1", "ports");
	if (!p->out)
		return -ENOMEM;
	text = pt_out_format(p->out) == PT_OUT_TEXT;
	p->brief = text && p->targets.n > SHOWN_MAX && !p->c->details;
	rc = pt_dial_all(p->targets.v, p->targets.n, &p->want, tell, p, &p->c->err);
	p->stopped = rc == -ECANCELED;
	if (rc == -EPIPE || p->stopped)
		rc = 0;
	if (!rc && text && (p->targets.n > 1 || p->stopped))
		sum_up(p);
	return rc ? rc : status(p);
}

int cmd_port(struct pt_cli *c)
{
	struct asking p = { .c = c, .stop_fd = -1 };
	int rc = read_arguments(&p), end;

	if (!rc)
		rc = find_host(&p);
	/* From here on a signal ends with what is known; a conversation, of which nothing is known yet, it breaks off.
	 */
	if (!rc && (p.want.udp || !(p.want.tls || p.want.banner || p.want.n_send))) {
		p.stop_fd = pt_cli_signals(c);
		p.want.stop = &p.stop_fd;
		rc = p.stop_fd < 0 ? p.stop_fd : 0;
	}
	if (!rc && p.want.tls)
		rc = pt_tls_load(&c->err);
	if (!rc)
		rc = diag_confine(c, p.want.tls, p.words.ca);
	if (!rc)
		rc = dial(&p);
	if (p.out) {
		end = pt_cli_end(c, p.out);
		rc = rc < 0 || !end ? rc : end;
	}
	if (p.stop_fd >= 0)
		close(p.stop_fd);
	free(p.ports.v);
	free(p.targets.v);
	return rc;
}
