/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registries of the DNS: types with the form of their data, classes, codes.
 * What has no name here has its number (RFC 3597). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "diag/dns.h"

/* The letters are those of dns_data.c. "" is a type that only questions have. */
static const struct {
	uint16_t number;
	const char *name, *form;
} types[] = {
	{ 1, "A", "a" },
	{ 2, "NS", "n" },
	{ 3, "MD", "n" },
	{ 4, "MF", "n" },
	{ 5, "CNAME", "n" },
	{ 6, "SOA", "nn44444" },
	{ 7, "MB", "n" },
	{ 8, "MG", "n" },
	{ 9, "MR", "n" },
	{ 10, "NULL", NULL },
	{ 11, "WKS", "W" },
	{ 12, "PTR", "n" },
	{ 13, "HINFO", "ss" },
	{ 14, "MINFO", "nn" },
	{ 15, "MX", "2n" },
	{ 16, "TXT", "S" },
	{ 17, "RP", "nn" },
	{ 18, "AFSDB", "2n" },
	{ 19, "X25", "s" },
	{ 20, "ISDN", "S" },
	{ 21, "RT", "2n" },
	{ 22, "NSAP", "x" },
	{ 23, "NSAP-PTR", "n" },
	{ 24, "SIG", "T114tt2nb" },
	{ 25, "KEY", "211b" },
	{ 26, "PX", "2nn" },
	{ 27, "GPOS", "sss" },
	{ 28, "AAAA", "6" },
	{ 29, "LOC", "L" },
	{ 33, "SRV", "222n" },
	{ 35, "NAPTR", "22sssn" },
	{ 36, "KX", "2n" },
	{ 37, "CERT", "C2Ab" },
	{ 39, "DNAME", "n" },
	{ 41, "OPT", NULL },
	{ 42, "APL", "P" },
	{ 43, "DS", "211h" },
	{ 44, "SSHFP", "11h" },
	{ 45, "IPSECKEY", "I" },
	{ 46, "RRSIG", "T114tt2nb" },
	{ 47, "NSEC", "nw" },
	{ 48, "DNSKEY", "211b" },
	{ 49, "DHCID", "b" },
	{ 50, "NSEC3", "112H3w" },
	{ 51, "NSEC3PARAM", "112H" },
	{ 52, "TLSA", "111h" },
	{ 53, "SMIMEA", "111h" },
	{ 55, "HIP", "J" },
	{ 56, "NINFO", "S" },
	{ 57, "RKEY", "211b" },
	{ 58, "TALINK", "nn" },
	{ 59, "CDS", "211h" },
	{ 60, "CDNSKEY", "211b" },
	{ 61, "OPENPGPKEY", "b" },
	{ 62, "CSYNC", "42w" },
	{ 63, "ZONEMD", "411h" },
	{ 64, "SVCB", "2nV" },
	{ 65, "HTTPS", "2nV" },
	{ 99, "SPF", "S" },
	{ 104, "NID", "2q" },
	{ 105, "L32", "2a" },
	{ 106, "L64", "2q" },
	{ 107, "LP", "2n" },
	{ 108, "EUI48", "e" },
	{ 109, "EUI64", "e" },
	{ 249, "TKEY", NULL },
	{ 250, "TSIG", NULL },
	{ 251, "IXFR", "" },
	{ 252, "AXFR", "" },
	{ 253, "MAILB", "" },
	{ 254, "MAILA", "" },
	{ 255, "ANY", "" },
	{ 256, "URI", "22Q" },
	{ 257, "CAA", "1kQ" },
	{ 258, "AVC", "S" },
	{ 260, "AMTRELAY", "R" },
	{ 32768, "TA", "211h" },
	{ 32769, "DLV", "211h" },
};

struct number_name {
	unsigned int number;
	const char *name;
};

static const struct number_name classes[] = {
	{ 1, "IN" }, { 3, "CH" }, { 4, "HS" }, { 254, "NONE" }, { 255, "ANY" },
};

static const struct number_name rcodes[] = {
	{ 0, "NOERROR" }, { 1, "FORMERR" }, { 2, "SERVFAIL" }, { 3, "NXDOMAIN" }, { 4, "NOTIMP" },
	{ 5, "REFUSED" }, { 6, "YXDOMAIN" }, { 7, "YXRRSET" }, { 8, "NXRRSET" }, { 9, "NOTAUTH" },
	{ 10, "NOTZONE" }, { 11, "DSOTYPENI" }, { 16, "BADVERS" }, { 17, "BADKEY" }, { 18, "BADTIME" },
	{ 19, "BADMODE" }, { 20, "BADNAME" }, { 21, "BADALG" }, { 22, "BADTRUNC" }, { 23, "BADCOOKIE" },
};

static const struct number_name opcodes[] = {
	{ 0, "QUERY" }, { 1, "IQUERY" }, { 2, "STATUS" }, { 4, "NOTIFY" }, { 5, "UPDATE" }, { 6, "DSO" },
};

/* RFC 8914 and the registry that it began */
static const struct number_name edes[] = {
	{ 0, "other error" },
	{ 1, "unsupported DNSKEY algorithm" },
	{ 2, "unsupported DS digest type" },
	{ 3, "stale answer" },
	{ 4, "forged answer" },
	{ 5, "DNSSEC indeterminate" },
	{ 6, "DNSSEC bogus" },
	{ 7, "signature expired" },
	{ 8, "signature not yet valid" },
	{ 9, "DNSKEY missing" },
	{ 10, "RRSIGs missing" },
	{ 11, "no zone key bit set" },
	{ 12, "NSEC missing" },
	{ 13, "cached error" },
	{ 14, "not ready" },
	{ 15, "blocked" },
	{ 16, "censored" },
	{ 17, "filtered" },
	{ 18, "prohibited" },
	{ 19, "stale NXDOMAIN answer" },
	{ 20, "not authoritative" },
	{ 21, "not supported" },
	{ 22, "no reachable authority" },
	{ 23, "network error" },
	{ 24, "invalid data" },
	{ 25, "signature expired before valid" },
	{ 26, "too early" },
	{ 27, "unsupported NSEC3 iterations value" },
	{ 28, "unable to conform to policy" },
	{ 29, "synthesized" },
};

/* Of DNSSEC; a CERT record names them. */
static const struct number_name algorithms[] = {
	{ 1, "RSAMD5" },      { 2, "DH" },        { 3, "DSA" },         { 5, "RSASHA1" },    { 6, "NSEC3DSA" },
	{ 7, "NSEC3RSASHA1" }, { 8, "RSASHA256" }, { 10, "RSASHA512" },  { 12, "ECCGOST" },   { 13, "ECDSAP256SHA256" },
	{ 14, "ECDSAP384SHA384" }, { 15, "ED25519" }, { 16, "ED448" },   { 252, "INDIRECT" }, { 253, "PRIVATEDNS" },
	{ 254, "PRIVATEOID" },
};

static const struct number_name certificates[] = {
	{ 1, "PKIX" },  { 2, "SPKI" },    { 3, "PGP" },    { 4, "IPKIX" }, { 5, "ISPKI" },
	{ 6, "IPGP" },  { 7, "ACPKIX" },  { 8, "IACPKIX" }, { 253, "URI" }, { 254, "OID" },
};

static const struct number_name parameters[] = {
	{ 0, "mandatory" }, { 1, "alpn" }, { 2, "no-default-alpn" }, { 3, "port" },
	{ 4, "ipv4hint" },  { 5, "ech" },  { 6, "ipv6hint" },        { 7, "dohpath" }, { 8, "ohttp" },
};

static const char *find_name(const struct number_name *t, size_t n, unsigned int number)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].number == number)
			return t[i].name;
	return NULL;
}

static const char *named(const struct number_name *t, size_t n, unsigned int number, const char *prefix, char buf[16])
{
	const char *name = find_name(t, n, number);

	if (!name)
		(void)snprintf(buf, 16, "%s%u", prefix, number);
	return name ? name : buf;
}

const char *pt_dns_class_name(uint16_t rclass, char buf[16])
{
	return named(classes, PT_ARRAY_SIZE(classes), rclass, "CLASS", buf);
}

const char *pt_dns_rcode_name(unsigned int rcode, char buf[16])
{
	return named(rcodes, PT_ARRAY_SIZE(rcodes), rcode, "RCODE", buf);
}

const char *pt_dns_opcode_name(unsigned int opcode, char buf[16])
{
	return named(opcodes, PT_ARRAY_SIZE(opcodes), opcode, "OPCODE", buf);
}

const char *pt_dns_ede_name(uint16_t code)
{
	const char *name = find_name(edes, PT_ARRAY_SIZE(edes), code);

	return name ? name : "unassigned";
}

const char *dns_algorithm_name(unsigned int number)
{
	return find_name(algorithms, PT_ARRAY_SIZE(algorithms), number);
}

const char *dns_certificate_name(unsigned int number)
{
	return find_name(certificates, PT_ARRAY_SIZE(certificates), number);
}

const char *dns_parameter_name(unsigned int key)
{
	return find_name(parameters, PT_ARRAY_SIZE(parameters), key);
}

const char *pt_dns_type_name(uint16_t type, char buf[16])
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++)
		if (types[i].number == type)
			return types[i].name;
	(void)snprintf(buf, 16, "TYPE%u", type);
	return buf;
}

const char *dns_type_form(uint16_t type)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++)
		if (types[i].number == type)
			return types[i].form && *types[i].form ? types[i].form : NULL;
	return NULL;
}

/* "TYPE28" */
static int numbered(const char *s, const char *prefix, uint16_t *out)
{
	size_t n = strlen(prefix);
	uint64_t v;

	if (strncasecmp(s, prefix, n) != 0 || pt_parse_uint(s + n, UINT16_MAX, &v))
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

int pt_dns_type(const char *s, uint16_t *out)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(types); i++)
		if (!strcasecmp(types[i].name, s)) {
			*out = types[i].number;
			return 0;
		}
	return numbered(s, "TYPE", out);
}

int pt_dns_class(const char *s, uint16_t *out)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(classes); i++)
		if (!strcasecmp(classes[i].name, s)) {
			*out = (uint16_t)classes[i].number;
			return 0;
		}
	return numbered(s, "CLASS", out);
}
