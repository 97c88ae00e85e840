/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of protocols, services and ICMP types. They are our own tables, not those of the host, so
 * that a file means the same on every machine. Sources: IANA's registries; the ICMP words are those
 * of pf.conf(5).
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

struct name {
	const char *name;
	uint16_t value;
};

static const struct name protos[] = {
	{ "hopopt", 0 },   { "icmp", 1 },	{ "igmp", 2 },	    { "ipencap", 4 },
	{ "tcp", 6 },	   { "egp", 8 },	{ "udp", 17 },	    { "ipv6", 41 },
	{ "rsvp", 46 },	   { "gre", 47 },	{ "esp", 50 },	    { "ah", 51 },
	{ "icmp6", 58 },   { "ipv6-icmp", 58 }, { "eigrp", 88 },    { "ospf", 89 },
	{ "ospfigp", 89 }, { "ipip", 94 },	{ "etherip", 97 },  { "pim", 103 },
	{ "ipcomp", 108 }, { "vrrp", 112 },	{ "carp", 112 },    { "l2tp", 115 },
	{ "sctp", 132 },   { "pfsync", 240 },	{ "udplite", 136 }, { "dccp", 33 },
};

/* clang-format off */
static const struct name services[] = {
	{ "tcpmux", 1 }, { "echo", 7 }, { "discard", 9 }, { "systat", 11 }, { "daytime", 13 },
	{ "qotd", 17 }, { "chargen", 19 }, { "ftp-data", 20 }, { "ftp", 21 }, { "ssh", 22 },
	{ "telnet", 23 }, { "smtp", 25 }, { "time", 37 }, { "whois", 43 }, { "nicname", 43 },
	{ "tacacs", 49 }, { "domain", 53 }, { "bootps", 67 }, { "bootpc", 68 }, { "tftp", 69 },
	{ "gopher", 70 }, { "finger", 79 }, { "http", 80 }, { "www", 80 }, { "kerberos", 88 },
	{ "pop3", 110 }, { "sunrpc", 111 }, { "auth", 113 }, { "ident", 113 }, { "nntp", 119 },
	{ "ntp", 123 }, { "epmap", 135 }, { "netbios-ns", 137 }, { "netbios-dgm", 138 },
	{ "netbios-ssn", 139 }, { "imap", 143 }, { "imap2", 143 }, { "snmp", 161 },
	{ "snmp-trap", 162 }, { "snmptrap", 162 }, { "bgp", 179 }, { "irc", 194 },
	{ "imap3", 220 }, { "ptp-event", 319 }, { "ptp-general", 320 }, { "ldap", 389 },
	{ "https", 443 }, { "snpp", 444 }, { "microsoft-ds", 445 }, { "kpasswd", 464 },
	{ "submissions", 465 }, { "smtps", 465 }, { "isakmp", 500 }, { "exec", 512 },
	{ "login", 513 }, { "shell", 514 }, { "syslog", 514 }, { "printer", 515 },
	{ "rip", 520 }, { "ripng", 521 }, { "dhcpv6-client", 546 }, { "dhcpv6-server", 547 },
	{ "rtsp", 554 }, { "nntps", 563 }, { "submission", 587 }, { "ipp", 631 },
	{ "ldaps", 636 }, { "ldp", 646 }, { "kerberos-adm", 749 }, { "domain-s", 853 },
	{ "rsync", 873 }, { "ftps-data", 989 }, { "ftps", 990 }, { "telnets", 992 },
	{ "imaps", 993 }, { "pop3s", 995 }, { "socks", 1080 }, { "openvpn", 1194 },
	{ "ms-sql-s", 1433 }, { "ms-sql-m", 1434 }, { "l2f", 1701 }, { "l2tp", 1701 },
	{ "pptp", 1723 }, { "radius", 1812 }, { "radius-acct", 1813 }, { "mqtt", 1883 },
	{ "ssdp", 1900 }, { "cisco-sccp", 2000 }, { "nfs", 2049 }, { "radsec", 2083 },
	{ "gnunet", 2086 }, { "rtcm-sc104", 2101 }, { "zookeeper", 2181 }, { "docker", 2375 },
	{ "etcd-client", 2379 }, { "etcd-server", 2380 }, { "cvspserver", 2401 },
	{ "gpsd", 2947 }, { "squid", 3128 }, { "iscsi-target", 3260 }, { "mysql", 3306 },
	{ "ms-wbt-server", 3389 }, { "rdp", 3389 }, { "stun", 3478 }, { "nut", 3493 },
	{ "distcc", 3632 }, { "daap", 3689 }, { "svn", 3690 }, { "bfd-control", 3784 },
	{ "bfd-echo", 3785 }, { "diameter", 3868 }, { "sieve", 4190 }, { "epmd", 4369 },
	{ "ntske", 4460 }, { "ipsec-nat-t", 4500 }, { "vxlan", 4789 }, { "munin", 4949 },
	{ "iperf", 5001 }, { "sip", 5060 }, { "sips", 5061 }, { "sip-tls", 5061 },
	{ "xmpp-client", 5222 }, { "xmpp-server", 5269 }, { "nat-pmp", 5351 }, { "mdns", 5353 },
	{ "llmnr", 5355 }, { "postgresql", 5432 }, { "nrpe", 5666 }, { "nsca", 5667 },
	{ "amqps", 5671 }, { "amqp", 5672 }, { "coap", 5683 }, { "vnc", 5900 }, { "rfb", 5900 },
	{ "couchdb", 5984 }, { "x11", 6000 }, { "geneve", 6081 }, { "redis", 6379 },
	{ "kubernetes", 6443 }, { "syslog-tls", 6514 }, { "sane-port", 6566 }, { "ircd", 6667 },
	{ "babel", 6696 }, { "ircs-u", 6697 }, { "bittorrent", 6881 },
	{ "afs3-fileserver", 7000 }, { "http-alt", 8080 }, { "puppet", 8140 }, { "mqtts", 8883 },
	{ "bacula-dir", 9101 }, { "elasticsearch", 9200 }, { "git", 9418 }, { "webmin", 10000 },
	{ "zabbix-agent", 10050 }, { "zabbix-trapper", 10051 }, { "memcached", 11211 },
	{ "hkp", 11371 }, { "mongodb", 27017 }, { "traceroute", 33434 }, { "wireguard", 51820 },
};
/* clang-format on */

static const struct name types4[] = {
	{ "echorep", 0 },    { "unreach", 3 },	  { "squench", 4 },    { "redir", 5 },
	{ "althost", 6 },    { "echoreq", 8 },	  { "routeradv", 9 },  { "routersol", 10 },
	{ "timex", 11 },     { "paramprob", 12 }, { "timereq", 13 },   { "timerep", 14 },
	{ "inforeq", 15 },   { "inforep", 16 },	  { "maskreq", 17 },   { "maskrep", 18 },
	{ "trace", 30 },     { "dataconv", 31 },  { "mobredir", 32 },  { "ipv6-where", 33 },
	{ "ipv6-here", 34 }, { "mobregreq", 35 }, { "mobregrep", 36 }, { "skip", 39 },
	{ "photuris", 40 },
};

static const struct name types6[] = {
	{ "unreach", 1 },     { "toobig", 2 },	     { "timex", 3 },	    { "paramprob", 4 },
	{ "echoreq", 128 },   { "echorep", 129 },    { "listqry", 130 },    { "groupqry", 130 },
	{ "listenrep", 131 }, { "grouprep", 131 },   { "listendone", 132 }, { "groupterm", 132 },
	{ "routersol", 133 }, { "routeradv", 134 },  { "neighbrsol", 135 }, { "neighbradv", 136 },
	{ "redir", 137 },     { "routrrenum", 138 }, { "niqry", 139 },	    { "fqdnreq", 139 },
	{ "wrureq", 139 },    { "nirep", 140 },	     { "fqdnrep", 140 },    { "wrurep", 140 },
	{ "mldv2rep", 143 },  { "mtraceresp", 200 }, { "mtrace", 201 },
};

/* VALUE is type << 8 | code. */
static const struct name codes4[] = {
	{ "net-unr", 0x300 },	    { "host-unr", 0x301 },	 { "proto-unr", 0x302 },
	{ "port-unr", 0x303 },	    { "needfrag", 0x304 },	 { "srcfail", 0x305 },
	{ "net-unk", 0x306 },	    { "host-unk", 0x307 },	 { "isolate", 0x308 },
	{ "net-prohib", 0x309 },    { "host-prohib", 0x30a },	 { "net-tos", 0x30b },
	{ "host-tos", 0x30c },	    { "filter-prohib", 0x30d },	 { "host-preced", 0x30e },
	{ "cutoff-preced", 0x30f }, { "redir-net", 0x500 },	 { "redir-host", 0x501 },
	{ "redir-tos-net", 0x502 }, { "redir-tos-host", 0x503 }, { "normal-adv", 0x900 },
	{ "common-adv", 0x910 },    { "transit", 0xb00 },	 { "reassemb", 0xb01 },
	{ "badhead", 0xc00 },	    { "optmiss", 0xc01 },	 { "badlen", 0xc02 },
	{ "unknown-ind", 0x2801 },  { "auth-fail", 0x2802 },	 { "decrypt-fail", 0x2803 },
};

static const struct name codes6[] = {
	{ "noroute-unr", 0x100 }, { "admin-unr", 0x101 },    { "notnbr-unr", 0x102 },
	{ "beyond-unr", 0x102 },  { "addr-unr", 0x103 },     { "port-unr", 0x104 },
	{ "transit", 0x300 },	  { "reassemb", 0x301 },     { "badhead", 0x400 },
	{ "nxthdr", 0x401 },	  { "redironlink", 0x8900 }, { "redirrouter", 0x8901 },
};

/* No name begins with a digit. */
static const struct name *by_name(const struct name *t, size_t n, const char *s)
{
	if (*s >= '0' && *s <= '9')
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (*t[i].name == *s && !strcmp(t[i].name, s))
			return &t[i];
	return NULL;
}

static const char *by_value(const struct name *t, size_t n, uint16_t value)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].value == value)
			return t[i].name;
	return NULL;
}

static int name_or_number(const struct name *t, size_t n, const char *s, uint64_t max,
			  uint64_t *out)
{
	const struct name *found = by_name(t, n, s);

	if (found) {
		*out = found->value;
		return 0;
	}
	return pt_parse_uint(s, max, out);
}

const char *pt_proto_name(uint8_t proto)
{
	return by_value(protos, PT_ARRAY_SIZE(protos), proto);
}

int pt_proto_parse(const char *s, uint8_t *out)
{
	uint64_t v;
	int rc = name_or_number(protos, PT_ARRAY_SIZE(protos), s, UINT8_MAX, &v);

	if (!rc)
		*out = (uint8_t)v;
	return rc;
}

int pt_service_parse(const char *s, uint16_t *out)
{
	uint64_t v;
	int rc = name_or_number(services, PT_ARRAY_SIZE(services), s, UINT16_MAX, &v);

	if (!rc)
		*out = (uint16_t)v;
	return rc;
}

const char *pt_icmp_type_name(enum pt_af af, uint8_t type)
{
	return af == PT_AF_INET6 ? by_value(types6, PT_ARRAY_SIZE(types6), type)
				 : by_value(types4, PT_ARRAY_SIZE(types4), type);
}

const char *pt_icmp_code_name(enum pt_af af, uint8_t type, uint8_t code)
{
	uint16_t value = (uint16_t)(type << 8 | code);

	return af == PT_AF_INET6 ? by_value(codes6, PT_ARRAY_SIZE(codes6), value)
				 : by_value(codes4, PT_ARRAY_SIZE(codes4), value);
}

int rule_icmp_type_parse(enum pt_af af, const char *s, uint8_t *out)
{
	uint64_t v;
	int rc = af == PT_AF_INET6
			 ? name_or_number(types6, PT_ARRAY_SIZE(types6), s, UINT8_MAX, &v)
			 : name_or_number(types4, PT_ARRAY_SIZE(types4), s, UINT8_MAX, &v);

	if (!rc)
		*out = (uint8_t)v;
	return rc;
}

int rule_icmp_code_parse(enum pt_af af, uint8_t type, const char *s, uint8_t *out)
{
	const struct name *t = af == PT_AF_INET6 ? codes6 : codes4;
	size_t n = af == PT_AF_INET6 ? PT_ARRAY_SIZE(codes6) : PT_ARRAY_SIZE(codes4);
	uint64_t v;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (t[i].value >> 8 == type && !strcmp(t[i].name, s)) {
			*out = (uint8_t)t[i].value;
			return 0;
		}
	rc = pt_parse_uint(s, UINT8_MAX, &v);
	if (!rc)
		*out = (uint8_t)v;
	return rc;
}

/* ---- did you mean ---- */

#define NAMES_MAX 224

/* Of the names whose value has TYPE in its high byte, or of all with TYPE < 0. */
static const char *nearest(const struct name *t, size_t n, int type, const char *s)
{
	const char *words[NAMES_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n && k < NAMES_MAX; i++)
		if (type < 0 || t[i].value >> 8 == type)
			words[k++] = t[i].name;
	return rule_nearest(s, words, k);
}

/* Names that other tools have for the types that people write. */
static const char *icmp_habit(const char *s)
{
	static const struct {
		const char *habit, *name;
	} habits[] = {
		{ "echorequest", "echoreq" }, { "echo-request", "echoreq" },
		{ "ping", "echoreq" },	      { "echoreply", "echorep" },
		{ "echo-reply", "echorep" },  { "unreachable", "unreach" },
		{ "destination-unreachable", "unreach" },
		{ "time-exceeded", "timex" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(habits); i++)
		if (!strcmp(s, habits[i].habit))
			return habits[i].name;
	return NULL;
}

const char *rule_icmp_type_nearest(enum pt_af af, const char *s)
{
	const char *habit = icmp_habit(s);

	if (habit)
		return habit;
	return af == PT_AF_INET6 ? nearest(types6, PT_ARRAY_SIZE(types6), -1, s)
				 : nearest(types4, PT_ARRAY_SIZE(types4), -1, s);
}

const char *rule_icmp_code_nearest(enum pt_af af, uint8_t type, const char *s)
{
	return af == PT_AF_INET6 ? nearest(codes6, PT_ARRAY_SIZE(codes6), type, s)
				 : nearest(codes4, PT_ARRAY_SIZE(codes4), type, s);
}

const char *rule_proto_nearest(const char *s)
{
	return nearest(protos, PT_ARRAY_SIZE(protos), -1, s);
}

const char *rule_service_nearest(const char *s)
{
	return nearest(services, PT_ARRAY_SIZE(services), -1, s);
}

/* ---- each name in turn ---- */

const char *rule_proto_at(size_t i)
{
	return i < PT_ARRAY_SIZE(protos) ? protos[i].name : NULL;
}

const char *rule_service_at(size_t i)
{
	return i < PT_ARRAY_SIZE(services) ? services[i].name : NULL;
}

const char *rule_icmp_type_at(enum pt_af af, size_t i)
{
	if (af == PT_AF_INET6)
		return i < PT_ARRAY_SIZE(types6) ? types6[i].name : NULL;
	return i < PT_ARRAY_SIZE(types4) ? types4[i].name : NULL;
}

const char *rule_icmp_code_at(enum pt_af af, const char *type, size_t i)
{
	const struct name *t = af == PT_AF_INET6 ? codes6 : codes4;
	size_t n = af == PT_AF_INET6 ? PT_ARRAY_SIZE(codes6) : PT_ARRAY_SIZE(codes4);
	uint8_t of;

	if (rule_icmp_type_parse(af, type, &of))
		return NULL;
	for (size_t k = 0; k < n; k++)
		if (t[k].value >> 8 == of && !i--)
			return t[k].name;
	return NULL;
}

bool pt_table_name_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > PT_TABLE_NAME_MAX || !isalpha((unsigned char)s[0]))
		return false;
	if (!strcmp(s, "self") || !strcmp(s, "any") || !strcmp(s, "inet") || !strcmp(s, "inet6"))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}
