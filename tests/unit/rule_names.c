/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in rules: protocols, services, ICMP types and codes, tables; and numbers instead of names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/internal.h"
#include "rule/internal.h"

static void expect_proto(const char *s, int want)
{
	uint8_t got = 0;
	int rc = pt_proto_parse(s, &got);

	if (want < 0 ? !rc : rc || got != want)
		fail_msg("protocol '%s': wanted %d, got %d and %u", s, want, rc, got);
}

static void test_protocols(void **state)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "icmp", 1 },	    { "igmp", 2 },  { "tcp", 6 },     { "udp", 17 },
		{ "gre", 47 },	    { "esp", 50 },  { "ah", 51 },     { "icmp6", 58 },
		{ "ospf", 89 },	    { "pim", 103 }, { "vrrp", 112 },  { "sctp", 132 },
		{ "udplite", 136 }, { "ipv6", 41 }, { "ipencap", 4 },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++) {
		expect_proto(known[i].name, known[i].number);
		assert_string_equal(pt_proto_name((uint8_t)known[i].number), known[i].name);
	}
	expect_proto("ipv6-icmp", 58);
	expect_proto("carp", 112);
	expect_proto("0", 0);
	expect_proto("6", 6);
	expect_proto("255", 255);
	assert_null(pt_proto_name(253));
}

static void test_no_protocols(void **state)
{
	static const char *const bad[] = {
		"",   "256", "06", "00",   "-1",  "+6",	 " 6",
		"6 ", "TCP", "tc", "tcpp", "0x6", "6.0", "99999999999999999999"
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		expect_proto(bad[i], -1);
}

/* Whatever has a name is found by it: the printer and the parser agree. */
static void test_names_lead_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		const char *name = pt_proto_name((uint8_t)i);

		if (name)
			expect_proto(name, (int)i);
	}
	for (int af = PT_AF_INET; af <= PT_AF_INET6; af++)
		for (unsigned int i = 0; i < 256; i++) {
			const char *name = pt_icmp_type_name(af, (uint8_t)i);
			uint8_t got;

			if (name) {
				assert_int_equal(rule_icmp_type_parse(af, name, &got), 0);
				assert_int_equal(got, i);
			}
			for (unsigned int k = 0; k < 256; k++) {
				name = pt_icmp_code_name(af, (uint8_t)i, (uint8_t)k);
				if (!name)
					continue;
				assert_int_equal(rule_icmp_code_parse(af, (uint8_t)i, name, &got),
						 0);
				assert_int_equal(got, k);
			}
		}
}

static void expect_service(const char *s, int want)
{
	uint16_t got = 0;
	int rc = pt_service_parse(s, &got);

	if (want < 0 ? !rc : rc || got != want)
		fail_msg("service '%s': wanted %d, got %d and %u", s, want, rc, got);
}

static void test_services(void **state)
{
	static const struct {
		const char *name;
		int port;
	} known[] = {
		{ "ftp-data", 20 },
		{ "ftp", 21 },
		{ "ssh", 22 },
		{ "telnet", 23 },
		{ "smtp", 25 },
		{ "domain", 53 },
		{ "bootps", 67 },
		{ "bootpc", 68 },
		{ "tftp", 69 },
		{ "http", 80 },
		{ "www", 80 },
		{ "kerberos", 88 },
		{ "pop3", 110 },
		{ "sunrpc", 111 },
		{ "ntp", 123 },
		{ "netbios-ns", 137 },
		{ "netbios-ssn", 139 },
		{ "imap", 143 },
		{ "snmp", 161 },
		{ "bgp", 179 },
		{ "ldap", 389 },
		{ "https", 443 },
		{ "microsoft-ds", 445 },
		{ "submissions", 465 },
		{ "isakmp", 500 },
		{ "syslog", 514 },
		{ "dhcpv6-client", 546 },
		{ "dhcpv6-server", 547 },
		{ "submission", 587 },
		{ "ipp", 631 },
		{ "ldaps", 636 },
		{ "domain-s", 853 },
		{ "imaps", 993 },
		{ "pop3s", 995 },
		{ "openvpn", 1194 },
		{ "ms-sql-s", 1433 },
		{ "l2tp", 1701 },
		{ "radius", 1812 },
		{ "nfs", 2049 },
		{ "mysql", 3306 },
		{ "ms-wbt-server", 3389 },
		{ "ipsec-nat-t", 4500 },
		{ "sip", 5060 },
		{ "mdns", 5353 },
		{ "postgresql", 5432 },
		{ "vnc", 5900 },
		{ "http-alt", 8080 },
		{ "wireguard", 51820 },
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		expect_service(known[i].name, known[i].port);
	expect_service("0", 0);
	expect_service("1", 1);
	expect_service("65535", 65535);
}

static void test_no_services(void **state)
{
	static const char *const bad[] = { "",	    "65536", "022",  "00",
					   "-1",    "+22",   " 22",  "22 ",
					   "SSH",   "ss",    "sshh", "0x16",
					   "22-21", "22:23", "2 2",  "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		expect_service(bad[i], -1);
}

struct icmp_name {
	const char *name;
	uint8_t type, code;
};

static void expect_types(enum pt_af af, const struct icmp_name *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t got = 255;

		if (rule_icmp_type_parse(af, t[i].name, &got) || got != t[i].type)
			fail_msg("type '%s': wanted %u, got %u", t[i].name, t[i].type, got);
	}
}

/* The words of pf.conf(5). */
static void test_icmp_types(void **state)
{
	static const struct icmp_name four[] = {
		{ "echorep", 0, 0 },	{ "unreach", 3, 0 },	 { "squench", 4, 0 },
		{ "redir", 5, 0 },	{ "althost", 6, 0 },	 { "echoreq", 8, 0 },
		{ "routeradv", 9, 0 },	{ "routersol", 10, 0 },	 { "timex", 11, 0 },
		{ "paramprob", 12, 0 }, { "timereq", 13, 0 },	 { "timerep", 14, 0 },
		{ "inforeq", 15, 0 },	{ "inforep", 16, 0 },	 { "maskreq", 17, 0 },
		{ "maskrep", 18, 0 },	{ "trace", 30, 0 },	 { "dataconv", 31, 0 },
		{ "mobredir", 32, 0 },	{ "ipv6-where", 33, 0 }, { "ipv6-here", 34, 0 },
		{ "mobregreq", 35, 0 }, { "mobregrep", 36, 0 },	 { "skip", 39, 0 },
		{ "photuris", 40, 0 },
	};
	static const struct icmp_name six[] = {
		{ "unreach", 1, 0 },	  { "toobig", 2, 0 },	   { "timex", 3, 0 },
		{ "paramprob", 4, 0 },	  { "echoreq", 128, 0 },   { "echorep", 129, 0 },
		{ "groupqry", 130, 0 },	  { "listqry", 130, 0 },   { "grouprep", 131, 0 },
		{ "listenrep", 131, 0 },  { "groupterm", 132, 0 }, { "listendone", 132, 0 },
		{ "routersol", 133, 0 },  { "routeradv", 134, 0 }, { "neighbrsol", 135, 0 },
		{ "neighbradv", 136, 0 }, { "redir", 137, 0 },	   { "routrrenum", 138, 0 },
		{ "wrureq", 139, 0 },	  { "wrurep", 140, 0 },	   { "fqdnreq", 139, 0 },
		{ "fqdnrep", 140, 0 },	  { "niqry", 139, 0 },	   { "nirep", 140, 0 },
		{ "mtraceresp", 200, 0 }, { "mtrace", 201, 0 },
	};
	uint8_t got;

	(void)state;
	expect_types(PT_AF_INET, four, PT_ARRAY_SIZE(four));
	expect_types(PT_AF_INET6, six, PT_ARRAY_SIZE(six));
	assert_string_equal(pt_icmp_type_name(PT_AF_INET, 8), "echoreq");
	assert_string_equal(pt_icmp_type_name(PT_AF_INET6, 128), "echoreq");
	assert_null(pt_icmp_type_name(PT_AF_INET6, 8));
	assert_null(pt_icmp_type_name(PT_AF_INET, 128));
	assert_int_not_equal(rule_icmp_type_parse(PT_AF_INET, "toobig", &got), 0);
	assert_int_not_equal(rule_icmp_type_parse(PT_AF_INET6, "squench", &got), 0);
	assert_int_not_equal(rule_icmp_type_parse(PT_AF_INET, "256", &got), 0);
	assert_int_not_equal(rule_icmp_type_parse(PT_AF_INET, "08", &got), 0);
	assert_int_not_equal(rule_icmp_type_parse(PT_AF_INET, "", &got), 0);
}

static void expect_codes(enum pt_af af, const struct icmp_name *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t got = 254;

		if (rule_icmp_code_parse(af, t[i].type, t[i].name, &got) || got != t[i].code)
			fail_msg("code '%s': wanted %u, got %u", t[i].name, t[i].code, got);
		/* The name belongs to its type alone. */
		assert_int_not_equal(rule_icmp_code_parse(af, 77, t[i].name, &got), 0);
		assert_null(pt_icmp_code_name(af, 77, t[i].code));
	}
}

static void test_icmp_codes(void **state)
{
	static const struct icmp_name four[] = {
		{ "net-unr", 3, 0 },	    { "host-unr", 3, 1 },	{ "proto-unr", 3, 2 },
		{ "port-unr", 3, 3 },	    { "needfrag", 3, 4 },	{ "srcfail", 3, 5 },
		{ "net-unk", 3, 6 },	    { "host-unk", 3, 7 },	{ "isolate", 3, 8 },
		{ "net-prohib", 3, 9 },	    { "host-prohib", 3, 10 },	{ "net-tos", 3, 11 },
		{ "host-tos", 3, 12 },	    { "filter-prohib", 3, 13 }, { "host-preced", 3, 14 },
		{ "cutoff-preced", 3, 15 }, { "redir-net", 5, 0 },	{ "redir-host", 5, 1 },
		{ "redir-tos-net", 5, 2 },  { "redir-tos-host", 5, 3 }, { "normal-adv", 9, 0 },
		{ "common-adv", 9, 16 },    { "transit", 11, 0 },	{ "reassemb", 11, 1 },
		{ "badhead", 12, 0 },	    { "optmiss", 12, 1 },	{ "badlen", 12, 2 },
		{ "unknown-ind", 40, 1 },   { "auth-fail", 40, 2 },	{ "decrypt-fail", 40, 3 },
	};
	static const struct icmp_name six[] = {
		{ "noroute-unr", 1, 0 }, { "admin-unr", 1, 1 },	    { "notnbr-unr", 1, 2 },
		{ "beyond-unr", 1, 2 },	 { "addr-unr", 1, 3 },	    { "port-unr", 1, 4 },
		{ "transit", 3, 0 },	 { "reassemb", 3, 1 },	    { "badhead", 4, 0 },
		{ "nxthdr", 4, 1 },	 { "redironlink", 137, 0 }, { "redirrouter", 137, 1 },
	};

	(void)state;
	expect_codes(PT_AF_INET, four, PT_ARRAY_SIZE(four));
	expect_codes(PT_AF_INET6, six, PT_ARRAY_SIZE(six));
	assert_string_equal(pt_icmp_code_name(PT_AF_INET, 3, 3), "port-unr");
	assert_string_equal(pt_icmp_code_name(PT_AF_INET6, 1, 4), "port-unr");
	assert_null(pt_icmp_code_name(PT_AF_INET, 3, 99));
}

static void test_tables(void **state)
{
	static const char *const good[] = { "a",       "Z",  "bad-hosts",
					    "a.b_c-d", "t1", "abcdefghijklmnopqrstuvwxyz12345" };
	static const char *const bad[] = {
		"",    "1a",   "-a",	   "_a",
		".a",  "a b",  "a/b",	   "a:b",
		"a\n", "a>",   "\xc3\xa4", "self",
		"any", "inet", "inet6",	   "abcdefghijklmnopqrstuvwxyz123456"
	};

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(good); i++)
		if (!pt_table_name_ok(good[i]))
			fail_msg("'%s' refused", good[i]);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (pt_table_name_ok(bad[i]))
			fail_msg("'%s' taken", bad[i]);
}

static void test_interfaces(void **state)
{
	static const char *const good[] = { "lan",  "eth0", "eth0.100",	      "br-lan",
					    "wg_0", "a",    "abcdefghijklmno" };
	static const char *const bad[] = { "",	       "0a",	   "-a",   "a b",
					   "a/b",      "a:0",	   "lo;x", "abcdefghijklmnop",
					   "in",       "from",	   "any",  "self",
					   "no-route", "route-to", "a\n" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(good); i++)
		if (!rule_if_name_ok(good[i]))
			fail_msg("'%s' refused", good[i]);
	for (size_t i = 0; i < PT_ARRAY_SIZE(bad); i++)
		if (rule_if_name_ok(bad[i]))
			fail_msg("'%s' taken", bad[i]);
}

/* No section of the file has a name that rules cannot use. */
static void test_names_of_sections(void **state)
{
	static const char *const words[] = {
		"lan",	     "af-to",	     "allow-opts",
		"any",	     "code",	     "divert-to",
		"fastroute", "fragment",     "from",
		"in",	     "max-pkt-rate", "modulate",
		"no-route",  "nat",	     "once",
		"port",	     "probability",  "queue",
		"random",    "rdomain",	     "route-to",
		"set",	     "static-port",  "synproxy",
		"table",     "urpf-failed",  "abcdefghijklmno",
		"a b",
	};
	struct pt_loc loc = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (!conf_check_interface(words[i], &loc, NULL) && !rule_if_name_ok(words[i]))
			fail_msg("'%s' is the name of an interface, but not in rules", words[i]);
}

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(rule_service_nearest("htpp"), "http");
	assert_string_equal(rule_proto_nearest("tpc"), "tcp");
	assert_string_equal(rule_proto_nearest("TCP"), "tcp");
	assert_string_equal(rule_icmp_type_nearest(PT_AF_INET, "ecoreq"), "echoreq");
	assert_string_equal(rule_icmp_code_nearest(PT_AF_INET, 3, "prt-unr"), "port-unr");
	assert_null(rule_icmp_code_nearest(PT_AF_INET, 8, "prt-unr"));
	assert_null(rule_service_nearest("nothing-like-it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),	cmocka_unit_test(test_no_protocols),
		cmocka_unit_test(test_names_lead_back), cmocka_unit_test(test_services),
		cmocka_unit_test(test_no_services),	cmocka_unit_test(test_icmp_types),
		cmocka_unit_test(test_icmp_codes),	cmocka_unit_test(test_tables),
		cmocka_unit_test(test_interfaces),	cmocka_unit_test(test_names_of_sections),
		cmocka_unit_test(test_nearest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
