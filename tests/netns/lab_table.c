/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_table - see lab_table.h, and lab_case.h for the words.
 */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns/lab_table.h"

void table_bad(const char *what)
{
	printf("Bail out! the table has \"%s\", which cannot be read\n", what);
	exit(1);
}

/* ---- words of the tables ---- */

static const struct net {
	const char *name, *base4, *base6;
} nets[] = {
	{ "lan", "192.168.1.0", "fd00:1::" },    { "dmz", "10.0.5.0", "fd00:5::" },
	{ "wan", "203.0.113.0", "2001:db8:1::" }, { "far", "198.51.100.0", "2001:db8:2::" },
	{ "ptp", "10.9.0.0", "fd00:9::" },	  { "lost", "192.0.2.0", "2001:db8:bad::" },
};

/* "lan.10" at *S, which moves behind it. */
static bool take_address(const char **s, bool six, struct pt_addr *out)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(nets); i++) {
		size_t n = strlen(nets[i].name);
		char *end;

		if (strncmp(*s, nets[i].name, n) || (*s)[n] != '.' || !isdigit((unsigned char)(*s)[n + 1]))
			continue;
		*out = wire_address(six ? nets[i].base6 : nets[i].base4);
		out->v += strtoul(*s + n + 1, &end, 10);
		*s = end;
		return true;
	}
	return false;
}

static const char *take_word(const char *s, bool six, struct pt_buf *b)
{
	struct pt_addr a;

	if (!strncmp(s, "af", 2)) {
		pt_buf_str(b, six ? "inet6" : "inet");
		return s + 2;
	}
	if (!strncmp(s, "icmp", 4)) {
		pt_buf_str(b, six ? "icmp6" : "icmp");
		return s + 4;
	}
	if (!take_address(&s, six, &a))
		return NULL;
	pt_addr_fmt(b, a);
	if (*s == '/') {
		char *end;
		unsigned long bits = strtoul(s + 1, &end, 10);

		pt_buf_fmt(b, "/%lu", bits + (six ? 96 : 0));
		s = end;
	}
	return s;
}

void table_expand(const char *text, bool six, struct pt_buf *b)
{
	while (*text) {
		const char *at = strchrnul(text, '@'), *rest;

		pt_buf_fmt(b, "%.*s", (int)(at - text), text);
		if (!*at)
			return;
		rest = take_word(at + 1, six, b);
		if (!rest)
			table_bad(at);
		text = rest;
	}
}

/* ---- packets ---- */

bool table_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

bool table_is_echo(const struct pt_packet *k)
{
	return k->proto == IPPROTO_ICMP ? k->icmp_type == 8 || k->icmp_type == 0
					: k->proto == IPPROTO_ICMPV6 && (k->icmp_type == 128 || k->icmp_type == 129);
}

static uint8_t tcp_flags(const char *s)
{
	static const char letters[] = "FSRPAUEW";
	uint8_t flags = 0;

	for (; *s; s++)
		flags |= (uint8_t)(1u << (strchr(letters, *s) - letters));
	return flags;
}

void table_icmp(struct pt_packet *k, const char *type)
{
	bool six = k->af == PT_AF_INET6;
	const char *code = type ? strchr(type, '/') : NULL;

	k->proto = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (!type)
		k->icmp_type = six ? 128 : 8;
	else if (!strncmp(type, "unreach", 7))
		k->icmp_type = six ? 1 : 3;
	else
		k->icmp_type = (uint8_t)strtoul(type, NULL, 10);
	k->icmp_code = code ? (uint8_t)strtoul(code + 1, NULL, 10) : 0;
}

static bool read_proto(struct pt_packet *k, char *word)
{
	char *more = strchr(word, '/');

	if (more)
		*more++ = '\0';
	if (!strcmp(word, "icmp")) {
		table_icmp(k, more);
	} else if (!strcmp(word, "tcp")) {
		k->proto = IPPROTO_TCP;
		k->tcp_flags = tcp_flags(more ? more : "S");
	} else if (!strcmp(word, "udp")) {
		k->proto = IPPROTO_UDP;
	} else if (!strcmp(word, "gre")) {
		k->proto = IPPROTO_GRE;
	} else if (!strcmp(word, "sctp")) {
		k->proto = IPPROTO_SCTP;
	} else {
		k->proto = (uint8_t)strtoul(word, NULL, 10);
	}
	return k->proto != 0;
}

bool table_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* "wan.48-55:50001-65535", any of the parts may be missing. */
static bool read_span(const char *s, bool six, struct span *out)
{
	struct pt_addr a;
	char *end;

	if (!take_address(&s, six, &a))
		return false;
	out->lo = out->hi = a.v;
	if (*s == '-') {
		const char *dot = s;

		/* the last number again, in the same net */
		while (*dot != '.')
			dot--;
		out->hi += strtoul(s + 1, &end, 10) - strtoul(dot + 1, NULL, 10);
		s = end;
	}
	out->has_port = *s == ':';
	if (out->has_port) {
		out->port_lo = out->port_hi = (uint16_t)strtoul(s + 1, &end, 10);
		if (*end == '-')
			out->port_hi = (uint16_t)strtoul(end + 1, &end, 10);
		s = end;
	}
	return !*s;
}

static struct pt_addr address_of(const struct span *s, bool six)
{
	return (struct pt_addr){ .af = six ? PT_AF_INET6 : PT_AF_INET, .v = s->lo };
}

static bool read_ends(struct probe *p, bool six, const char *src, const char *dst)
{
	struct span s, d;

	if (!src || !dst || !read_span(src, six, &s) || !read_span(dst, six, &d))
		return false;
	p->pkt.src = address_of(&s, six);
	p->pkt.dst = address_of(&d, six);
	if (!table_has_ports(p->pkt.proto))
		return true;
	if (s.has_port)
		p->pkt.sport = s.port_lo;
	p->pkt.dport = d.has_port ? d.port_lo : 9;
	return true;
}

static bool read_from(struct probe *p, const char *word)
{
	static const char *const places[] = { "lan", "wan", "dmz", "router" };

	for (size_t i = 0; word && i < PT_ARRAY_SIZE(places); i++)
		if (!strcmp(word, places[i])) {
			p->from = (int)i;
			return true;
		}
	return false;
}

/* The words that say which packet. */
static bool read_packet(struct probe *p, bool six, char *word, char **save)
{
	const char *flags = word ? strchr(word, '/') : NULL;
	const char *src, *dst;

	if (!word)
		return false;
	if (!strncmp(word, "reply", 5) || !strncmp(word, "next", 4)) {
		p->kind = *word == 'r' ? REPLY : NEXT;
		p->pkt.tcp_flags = tcp_flags(flags ? flags + 1 : p->kind == REPLY ? "SA" : "A");
		return true;
	}
	if (!strcmp(word, "error")) {
		p->kind = ABOUT;
		return true;
	}
	if (!read_from(p, word))
		return false;
	word = strtok_r(NULL, " ", save);
	if (!word || !read_proto(&p->pkt, word))
		return false;
	src = strtok_r(NULL, " ", save);
	dst = strtok_r(NULL, " ", save);
	return read_ends(p, six, src, dst);
}

static bool read_how(struct probe *p, const char *word)
{
	if (!strcmp(word, "frag"))
		p->parts = FRAGMENTS;
	else if (!strcmp(word, "first"))
		p->parts = FIRST;
	else if (!strcmp(word, "later"))
		p->parts = LATER;
	else if (!strcmp(word, "badsum"))
		p->bad_sum = true;
	else if (!strncmp(word, "tos/", 4))
		p->pkt.tos = (uint8_t)strtoul(word + 4, NULL, 16);
	else
		return false;
	return true;
}

static bool read_verdict(struct probe *p, const char *word)
{
	unsigned int code4, code6;

	if (!strcmp(word, "pass"))
		p->pass = true;
	else if (!strcmp(word, "rst"))
		p->answer = WIRE_RST;
	else if (sscanf(word, "unreach/%u/%u", &code4, &code6) == 2) {
		p->answer = WIRE_UNREACH;
		p->codes[0] = (uint8_t)code4;
		p->codes[1] = (uint8_t)code6;
	} else {
		return !strcmp(word, "block");
	}
	return true;
}

static bool read_result(struct probe *p, bool six, char **save)
{
	char *word = strtok_r(NULL, " ", save);

	while (word && read_how(p, word))
		word = strtok_r(NULL, " ", save);
	if (!word || !read_verdict(p, word))
		return false;
	while ((word = strtok_r(NULL, " ", save))) {
		if (!strcmp(word, "as")) {
			const char *src = strtok_r(NULL, " ", save), *dst = strtok_r(NULL, " ", save);

			p->translated = true;
			return src && dst && read_span(src, six, &p->src) && read_span(dst, six, &p->dst);
		}
		if (!strcmp(word, "log")) {
			word = strtok_r(NULL, " ", save);
			snprintf(p->log, sizeof(p->log), "%s", word ? word : "");
		} else if (p->n_labels < MAX_LABELS) {
			snprintf(p->labels[p->n_labels++], sizeof(p->labels[0]), "%s", word);
		}
	}
	return true;
}

size_t table_read_packets(const char *lines, bool six, struct probe *probes, size_t max)
{
	size_t count = 0;

	for (; *lines; count++) {
		const char *end = strchrnul(lines, '\n');
		struct probe *p = &probes[count];
		char words[160], *save;

		if (count == max || end - lines >= (long)sizeof(p->line))
			table_bad(lines);
		memset(p, 0, sizeof(*p));
		snprintf(p->line, sizeof(p->line), "%.*s", (int)(end - lines), lines);
		memcpy(words, p->line, sizeof(words));
		p->pkt.af = six ? PT_AF_INET6 : PT_AF_INET;
		p->pkt.sport = (uint16_t)(WIRE_SPORT_BASE + count);
		if (!read_packet(p, six, strtok_r(words, " ", &save), &save) || !read_result(p, six, &save))
			table_bad(p->line);
		lines = *end ? end + 1 : end;
	}
	return count;
}
