/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the DNS in this module. */
#ifndef DIAG_DNS_H
#define DIAG_DNS_H

#include <patronus/dns.h>

/* dns_name.c: a name of a message at *AT, its pointers followed; its bytes and *AT behind it, or -EBADMSG */
int dns_name_read(const uint8_t *msg, size_t len, size_t *at, uint8_t out[PT_DNS_WIRE_MAX]);
/* One byte of a name or text, so that it can be printed; those of SPECIAL behind a backslash. */
void dns_byte_text(struct pt_buf *b, uint8_t c, const char *special);

/* dns_type.c: how the data of a type is written, see dns_data.c; NULL: as RFC 3597 does */
const char *dns_type_form(uint16_t type);
const char *dns_algorithm_name(unsigned int number);
const char *dns_certificate_name(unsigned int number);
const char *dns_parameter_name(unsigned int key); /* of SVCB */

/* dns_data.c: what is left of one record's data */
struct dns_data {
	const uint8_t *msg;
	size_t len;        /* of the message: names may point into it */
	size_t at, end;    /* of the data */
	struct pt_buf *b;
	bool some;         /* a space comes first */
};
/* 0, or -EBADMSG: B is to be forgotten then. */
int dns_data_text(const uint8_t *msg, size_t len, size_t at, size_t n, uint16_t type, struct pt_buf *b);
void dns_data_raw(const uint8_t *p, size_t n, struct pt_buf *b); /* RFC 3597 */
int dns_data_number(struct dns_data *d, size_t bytes, uint64_t *out);
void dns_data_space(struct dns_data *d);
int dns_data_name(struct dns_data *d);
int dns_data_address(struct dns_data *d, enum pt_af af);
void dns_base64(struct pt_buf *b, const uint8_t *p, size_t n);
void dns_hex(struct pt_buf *b, const uint8_t *p, size_t n);
void dns_quoted(struct pt_buf *b, const uint8_t *p, size_t n);

/* dns_form.c: those with a form of their own */
int dns_data_location(struct dns_data *d);   /* LOC, RFC 1876 */
int dns_data_prefixes(struct dns_data *d);   /* APL, RFC 3123 */
int dns_data_gateway(struct dns_data *d);    /* IPSECKEY, RFC 4025 */
int dns_data_relay(struct dns_data *d);      /* AMTRELAY, RFC 8777 */
int dns_data_identity(struct dns_data *d);   /* HIP, RFC 8005 */
int dns_data_services(struct dns_data *d);   /* WKS, RFC 1035 */
int dns_data_parameters(struct dns_data *d); /* SVCB, RFC 9460 */

#endif
