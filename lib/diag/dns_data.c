/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data of records, as a zone file would have it. How a type is written is a word of letters, one a field, so that a
 * new type is a line in a table; the few with a grammar of their own have a letter of their own.
 *
 * The data has to fit its type to the last byte: else the record is shown by its bytes.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "diag/dns.h"

typedef int (*field)(struct dns_data *d);

void dns_data_space(struct dns_data *d)
{
	if (d->some)
		pt_buf_chr(d->b, ' ');
	d->some = true;
}

int dns_data_number(struct dns_data *d, size_t bytes, uint64_t *out)
{
	if (d->end - d->at < bytes)
		return -EBADMSG;
	for (*out = 0; bytes; bytes--)
		*out = *out << 8 | d->msg[d->at++];
	return 0;
}

static int number(struct dns_data *d, size_t bytes)
{
	uint64_t v;

	if (dns_data_number(d, bytes, &v))
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_uint(d->b, v);
	return 0;
}

static int number8(struct dns_data *d)
{
	return number(d, 1);
}

static int number16(struct dns_data *d)
{
	return number(d, 2);
}

static int number32(struct dns_data *d)
{
	return number(d, 4);
}

int dns_data_name(struct dns_data *d)
{
	uint8_t wire[PT_DNS_WIRE_MAX];
	size_t at = d->at;

	if (dns_name_read(d->msg, d->len, &at, wire) < 0 || at > d->end)
		return -EBADMSG;
	d->at = at;
	dns_data_space(d);
	pt_dns_name_text(d->b, wire);
	return 0;
}

int dns_data_address(struct dns_data *d, enum pt_af af)
{
	size_t n = af == PT_AF_INET6 ? 16 : 4;

	if (d->end - d->at < n)
		return -EBADMSG;
	dns_data_space(d);
	pt_addr_fmt(d->b, pt_addr_from_bytes(d->msg + d->at, n));
	d->at += n;
	return 0;
}

static int address4(struct dns_data *d)
{
	return dns_data_address(d, PT_AF_INET);
}

static int address6(struct dns_data *d)
{
	return dns_data_address(d, PT_AF_INET6);
}

/* ---- texts ---- */

void dns_quoted(struct pt_buf *b, const uint8_t *p, size_t n)
{
	pt_buf_chr(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == ' ')
			pt_buf_chr(b, ' ');
		else
			dns_byte_text(b, p[i], "\"\\");
	}
	pt_buf_chr(b, '"');
}

static int text(struct dns_data *d)
{
	size_t n;

	if (d->at >= d->end || d->end - d->at - 1 < d->msg[d->at])
		return -EBADMSG;
	n = d->msg[d->at++];
	dns_data_space(d);
	dns_quoted(d->b, d->msg + d->at, n);
	d->at += n;
	return 0;
}

static int texts(struct dns_data *d)
{
	int rc;

	do
		rc = text(d);
	while (!rc && d->at < d->end);
	return rc;
}

/* What is left, as one text. */
static int rest_quoted(struct dns_data *d)
{
	dns_data_space(d);
	dns_quoted(d->b, d->msg + d->at, d->end - d->at);
	d->at = d->end;
	return 0;
}

/* The tag of CAA: letters and digits, RFC 8659 section 4.1. */
static int tag(struct dns_data *d)
{
	uint64_t n;

	if (dns_data_number(d, 1, &n) || !n || d->end - d->at < n)
		return -EBADMSG;
	dns_data_space(d);
	for (; n; n--) {
		uint8_t c = d->msg[d->at++];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
			return -EBADMSG;
		pt_buf_chr(d->b, (char)c);
	}
	return 0;
}

/* ---- bytes ---- */

void dns_hex(struct pt_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "%02X", p[i]);
}

void dns_base64(struct pt_buf *b, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
			(i + 2 < n ? p[i + 2] : 0);

		pt_buf_chr(b, digits[v >> 18]);
		pt_buf_chr(b, digits[v >> 12 & 63]);
		pt_buf_chr(b, i + 1 < n ? digits[v >> 6 & 63] : '=');
		pt_buf_chr(b, i + 2 < n ? digits[v & 63] : '=');
	}
}

static int rest_hex(struct dns_data *d)
{
	if (d->at == d->end)
		return 0;
	dns_data_space(d);
	dns_hex(d->b, d->msg + d->at, d->end - d->at);
	d->at = d->end;
	return 0;
}

static int rest_base64(struct dns_data *d)
{
	if (d->at == d->end)
		return 0;
	dns_data_space(d);
	dns_base64(d->b, d->msg + d->at, d->end - d->at);
	d->at = d->end;
	return 0;
}

static int rest_0x(struct dns_data *d)
{
	if (d->at == d->end)
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_str(d->b, "0x");
	for (; d->at < d->end; d->at++)
		pt_buf_fmt(d->b, "%02x", d->msg[d->at]);
	return 0;
}

/* The salt of NSEC3. */
static int counted_hex(struct dns_data *d)
{
	uint64_t n;

	if (dns_data_number(d, 1, &n) || d->end - d->at < n)
		return -EBADMSG;
	dns_data_space(d);
	if (!n)
		pt_buf_chr(d->b, '-');
	dns_hex(d->b, d->msg + d->at, n);
	d->at += n;
	return 0;
}

/* The next owner of NSEC3: base32 with the alphabet in the order of the bytes, RFC 4648 section 7. */
static int counted_base32(struct dns_data *d)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
	unsigned int bits = 0;
	uint32_t v = 0;
	uint64_t n;

	if (dns_data_number(d, 1, &n) || !n || d->end - d->at < n)
		return -EBADMSG;
	dns_data_space(d);
	for (; n; n--) {
		v = v << 8 | d->msg[d->at++];
		for (bits += 8; bits >= 5; bits -= 5)
			pt_buf_chr(d->b, digits[v >> (bits - 5) & 31]);
	}
	if (bits)
		pt_buf_chr(d->b, digits[v << (5 - bits) & 31]);
	return 0;
}

/* Pairs of digits with dashes: EUI48, EUI64. */
static int dashed(struct dns_data *d)
{
	if (d->end - d->at != 6 && d->end - d->at != 8)
		return -EBADMSG;
	dns_data_space(d);
	for (bool first = true; d->at < d->end; first = false)
		pt_buf_fmt(d->b, "%s%02x", first ? "" : "-", d->msg[d->at++]);
	return 0;
}

/* Four groups, as in an IPv6 address: NID, L64. */
static int locator(struct dns_data *d)
{
	uint64_t v;

	dns_data_space(d);
	for (int i = 0; i < 4; i++) {
		if (dns_data_number(d, 2, &v))
			return -EBADMSG;
		pt_buf_fmt(d->b, "%s%x", i ? ":" : "", (unsigned int)v);
	}
	return 0;
}

/* ---- words ---- */

static int type_word(struct dns_data *d)
{
	char buf[16];
	uint64_t v;

	if (dns_data_number(d, 2, &v))
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_str(d->b, pt_dns_type_name((uint16_t)v, buf));
	return 0;
}

static int word_or_number(struct dns_data *d, size_t bytes, const char *(*name)(unsigned int number))
{
	const char *word;
	uint64_t v;

	if (dns_data_number(d, bytes, &v))
		return -EBADMSG;
	dns_data_space(d);
	word = name((unsigned int)v);
	if (word)
		pt_buf_str(d->b, word);
	else
		pt_buf_uint(d->b, v);
	return 0;
}

static int certificate_word(struct dns_data *d)
{
	return word_or_number(d, 2, dns_certificate_name);
}

static int algorithm_word(struct dns_data *d)
{
	return word_or_number(d, 1, dns_algorithm_name);
}

/* Which types there are: windows of 256, of each the bytes that are not 0. RFC 4034 section 4.1.2. */
static int type_bitmap(struct dns_data *d)
{
	int last = -1;

	while (d->at < d->end) {
		uint64_t window, n;

		if (dns_data_number(d, 1, &window) || dns_data_number(d, 1, &n) || (int)window <= last || !n ||
		    n > 32 || d->end - d->at < n)
			return -EBADMSG;
		last = (int)window;
		for (unsigned int bit = 0; bit < n * 8; bit++) {
			char buf[16];

			if (!(d->msg[d->at + bit / 8] & 0x80 >> bit % 8))
				continue;
			dns_data_space(d);
			pt_buf_str(d->b, pt_dns_type_name((uint16_t)(window << 8 | bit), buf));
		}
		d->at += n;
	}
	return 0;
}

/* Of signatures, in UTC. */
static int date(struct dns_data *d)
{
	struct tm tm;
	time_t t;
	uint64_t v;

	if (dns_data_number(d, 4, &v))
		return -EBADMSG;
	t = (time_t)v;
	if (!gmtime_r(&t, &tm))
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_fmt(d->b, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		   tm.tm_min, tm.tm_sec);
	return 0;
}

static const field fields[128] = {
	['1'] = number8,      ['2'] = number16,           ['4'] = number32,        ['n'] = dns_data_name,
	['a'] = address4,     ['6'] = address6,           ['s'] = text,            ['S'] = texts,
	['Q'] = rest_quoted,  ['k'] = tag,                ['h'] = rest_hex,        ['b'] = rest_base64,
	['x'] = rest_0x,      ['H'] = counted_hex,        ['3'] = counted_base32,  ['e'] = dashed,
	['q'] = locator,      ['T'] = type_word,          ['C'] = certificate_word, ['A'] = algorithm_word,
	['w'] = type_bitmap,  ['t'] = date,               ['L'] = dns_data_location, ['P'] = dns_data_prefixes,
	['I'] = dns_data_gateway, ['R'] = dns_data_relay, ['J'] = dns_data_identity, ['W'] = dns_data_services,
	['V'] = dns_data_parameters,
};

int dns_data_text(const uint8_t *msg, size_t len, size_t at, size_t n, uint16_t type, struct pt_buf *b)
{
	struct dns_data d = { .msg = msg, .len = len, .at = at, .end = at + n, .b = b };
	const char *form = dns_type_form(type);
	int rc = 0;

	if (!form) {
		dns_data_raw(msg + at, n, b);
		return 0;
	}
	for (; !rc && *form; form++)
		rc = fields[(unsigned char)*form & 127](&d);
	return rc || d.at != d.end ? -EBADMSG : 0;
}

void dns_data_raw(const uint8_t *p, size_t n, struct pt_buf *b)
{
	pt_buf_fmt(b, "\\# %zu%s", n, n ? " " : "");
	dns_hex(b, p, n);
}
