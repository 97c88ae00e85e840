/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types whose data has a grammar of its own: places, lists of prefixes, gateways, parameters of services. */
#include <errno.h>
#include <string.h>

#include "diag/dns.h"

/* ---- LOC, RFC 1876 ---- */

#define EQUATOR 0x80000000u /* thousandths of a second of arc */
#define GROUND 10000000     /* centimetres above the lowest altitude */
#define DEGREE 3600000u

static bool within(uint64_t v, uint32_t degrees_of)
{
	return v >= EQUATOR - degrees_of * DEGREE && v <= EQUATOR + degrees_of * DEGREE;
}

static void degrees(struct dns_data *d, uint32_t v, char plus, char minus)
{
	bool negative = v < EQUATOR;
	uint32_t t = negative ? EQUATOR - v : v - EQUATOR;

	dns_data_space(d);
	pt_buf_fmt(d->b, "%u %u %u.%03u %c", t / DEGREE, t / 60000 % 60, t / 1000 % 60, t % 1000,
		   negative ? minus : plus);
}

/* A digit and a power of ten, in centimetres. */
static void length(struct dns_data *d, uint8_t v)
{
	uint64_t cm = v >> 4;

	for (unsigned int i = v & 0xf; i; i--)
		cm *= 10;
	dns_data_space(d);
	if (cm % 100)
		pt_buf_fmt(d->b, "%llu.%02llum", (unsigned long long)(cm / 100), (unsigned long long)(cm % 100));
	else
		pt_buf_fmt(d->b, "%llum", (unsigned long long)(cm / 100));
}

static bool length_ok(uint8_t v)
{
	return v >> 4 <= 9 && (v & 0xf) <= 9;
}

int dns_data_location(struct dns_data *d)
{
	uint64_t version, latitude, longitude, altitude;
	uint8_t sizes[3];
	int64_t cm;

	if (dns_data_number(d, 1, &version) || version || d->end - d->at != 15)
		return -EBADMSG;
	memcpy(sizes, d->msg + d->at, sizeof(sizes));
	d->at += sizeof(sizes);
	if (!length_ok(sizes[0]) || !length_ok(sizes[1]) || !length_ok(sizes[2]) || dns_data_number(d, 4, &latitude) ||
	    dns_data_number(d, 4, &longitude) || dns_data_number(d, 4, &altitude) || !within(latitude, 90) ||
	    !within(longitude, 180))
		return -EBADMSG;
	degrees(d, (uint32_t)latitude, 'N', 'S');
	degrees(d, (uint32_t)longitude, 'E', 'W');
	cm = (int64_t)altitude - GROUND;
	dns_data_space(d);
	pt_buf_fmt(d->b, "%s%lld.%02lldm", cm < 0 ? "-" : "", (long long)(cm < 0 ? -cm : cm) / 100,
		   (long long)(cm < 0 ? -cm : cm) % 100);
	for (size_t i = 0; i < sizeof(sizes); i++)
		length(d, sizes[i]);
	return 0;
}

/* ---- APL, RFC 3123 ---- */

int dns_data_prefixes(struct dns_data *d)
{
	while (d->at < d->end) {
		uint64_t family, len, n;
		uint8_t bytes[16] = { 0 };
		bool not;

		if (dns_data_number(d, 2, &family) || dns_data_number(d, 1, &len) || dns_data_number(d, 1, &n))
			return -EBADMSG;
		not = n & 0x80;
		n &= 0x7f;
		if ((family != 1 && family != 2) || len > (family == 1 ? 32u : 128u) || n > (family == 1 ? 4u : 16u) ||
		    d->end - d->at < n)
			return -EBADMSG;
		memcpy(bytes, d->msg + d->at, n);
		d->at += n;
		dns_data_space(d);
		pt_buf_fmt(d->b, "%s%u:", not ? "!" : "", (unsigned int)family);
		pt_addr_fmt(d->b, pt_addr_from_bytes(bytes, family == 1 ? 4 : 16));
		pt_buf_fmt(d->b, "/%u", (unsigned int)len);
	}
	return 0;
}

/* ---- gateways ---- */

/* None, an address, or a name, by its kind. */
static int gateway(struct dns_data *d, uint64_t kind)
{
	switch (kind) {
	case 0:
		dns_data_space(d);
		pt_buf_chr(d->b, '.');
		return 0;
	case 1:
		return dns_data_address(d, PT_AF_INET);
	case 2:
		return dns_data_address(d, PT_AF_INET6);
	case 3:
		return dns_data_name(d);
	default:
		return -EBADMSG;
	}
}

int dns_data_gateway(struct dns_data *d)
{
	uint64_t precedence, kind, algorithm;

	if (dns_data_number(d, 1, &precedence) || dns_data_number(d, 1, &kind) || dns_data_number(d, 1, &algorithm))
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_fmt(d->b, "%u %u %u", (unsigned int)precedence, (unsigned int)kind, (unsigned int)algorithm);
	if (gateway(d, kind))
		return -EBADMSG;
	if (d->at < d->end) {
		dns_data_space(d);
		dns_base64(d->b, d->msg + d->at, d->end - d->at);
		d->at = d->end;
	}
	return 0;
}

int dns_data_relay(struct dns_data *d)
{
	uint64_t precedence, kind;

	if (dns_data_number(d, 1, &precedence) || dns_data_number(d, 1, &kind))
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_fmt(d->b, "%u %u %u", (unsigned int)precedence, (unsigned int)(kind >> 7), (unsigned int)(kind & 0x7f));
	return gateway(d, kind & 0x7f);
}

int dns_data_identity(struct dns_data *d)
{
	uint64_t tag, algorithm, key;
	int rc = 0;

	if (dns_data_number(d, 1, &tag) || dns_data_number(d, 1, &algorithm) || dns_data_number(d, 2, &key) || !tag ||
	    !key || d->end - d->at < tag + key)
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_fmt(d->b, "%u ", (unsigned int)algorithm);
	dns_hex(d->b, d->msg + d->at, tag);
	pt_buf_chr(d->b, ' ');
	dns_base64(d->b, d->msg + d->at + tag, key);
	d->at += tag + key;
	while (!rc && d->at < d->end)
		rc = dns_data_name(d);
	return rc;
}

int dns_data_services(struct dns_data *d)
{
	uint64_t protocol;
	size_t n;

	if (dns_data_address(d, PT_AF_INET) || dns_data_number(d, 1, &protocol) || d->end - d->at > 8192)
		return -EBADMSG;
	dns_data_space(d);
	pt_buf_uint(d->b, protocol);
	n = d->end - d->at;
	for (unsigned int port = 0; port < n * 8; port++) {
		if (!(d->msg[d->at + port / 8] & 0x80 >> port % 8))
			continue;
		dns_data_space(d);
		pt_buf_uint(d->b, port);
	}
	d->at = d->end;
	return 0;
}

/* ---- SVCB and HTTPS, RFC 9460 ---- */

static void key_name(struct pt_buf *b, uint64_t key)
{
	const char *name = dns_parameter_name((unsigned int)key);

	if (name)
		pt_buf_str(b, name);
	else
		pt_buf_fmt(b, "key%u", (unsigned int)key);
}

static int keys(struct dns_data *d)
{
	uint64_t key;

	if (d->at == d->end)
		return -EBADMSG;
	for (bool first = true; d->at < d->end; first = false) {
		if (dns_data_number(d, 2, &key))
			return -EBADMSG;
		pt_buf_str(d->b, first ? "=" : ",");
		key_name(d->b, key);
	}
	return 0;
}

/* A comma or a backslash in one of them is escaped for the list, and the backslash of that for the text: appendix A.1.
 */
static int protocols(struct dns_data *d)
{
	if (d->at == d->end)
		return -EBADMSG;
	pt_buf_str(d->b, "=\"");
	for (bool first = true; d->at < d->end; first = false) {
		uint64_t n;

		if (dns_data_number(d, 1, &n) || !n || d->end - d->at < n)
			return -EBADMSG;
		if (!first)
			pt_buf_chr(d->b, ',');
		for (; n; n--) {
			uint8_t c = d->msg[d->at++];

			if (c == ',' || c == '\\')
				pt_buf_str(d->b, c == ',' ? "\\\\," : "\\\\\\\\");
			else
				dns_byte_text(d->b, c, "\"");
		}
	}
	pt_buf_chr(d->b, '"');
	return 0;
}

static int port(struct dns_data *d)
{
	uint64_t v;

	if (dns_data_number(d, 2, &v))
		return -EBADMSG;
	pt_buf_fmt(d->b, "=%u", (unsigned int)v);
	return 0;
}

static int hints(struct dns_data *d, enum pt_af af)
{
	int rc = d->at == d->end ? -EBADMSG : 0;

	for (bool first = true; !rc && d->at < d->end; first = false) {
		pt_buf_str(d->b, first ? "=" : ",");
		d->some = false;
		rc = dns_data_address(d, af);
	}
	return rc;
}

static int hints4(struct dns_data *d)
{
	return hints(d, PT_AF_INET);
}

static int hints6(struct dns_data *d)
{
	return hints(d, PT_AF_INET6);
}

static int base64_value(struct dns_data *d)
{
	if (d->at == d->end)
		return -EBADMSG;
	pt_buf_chr(d->b, '=');
	dns_base64(d->b, d->msg + d->at, d->end - d->at);
	d->at = d->end;
	return 0;
}

static int no_value(struct dns_data *d)
{
	return d->at == d->end ? 0 : -EBADMSG;
}

static int any_value(struct dns_data *d)
{
	if (d->at == d->end)
		return 0;
	pt_buf_chr(d->b, '=');
	dns_quoted(d->b, d->msg + d->at, d->end - d->at);
	d->at = d->end;
	return 0;
}

static int (*const values[])(struct dns_data *d) = {
	keys, protocols, no_value, port, hints4, base64_value, hints6, any_value, no_value,
};

int dns_data_parameters(struct dns_data *d)
{
	size_t end = d->end;
	int64_t last = -1;
	int rc = 0;

	while (!rc && d->at < end) {
		uint64_t key, n;

		if (dns_data_number(d, 2, &key) || dns_data_number(d, 2, &n) || d->end - d->at < n ||
		    (int64_t)key <= last)
			return -EBADMSG;
		last = (int64_t)key;
		dns_data_space(d);
		key_name(d->b, key);
		d->end = d->at + n;
		rc = key < PT_ARRAY_SIZE(values) ? values[key](d) : any_value(d);
		if (d->at != d->end)
			rc = -EBADMSG;
		d->end = end;
		d->some = true;
	}
	return rc;
}
