/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What interfaces say to servers of addresses, and what they do with the answers. The texts end up in the configuration of a client
 * and in messages to servers, so they are few characters only.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define HOST_NAME_MAX_LEN 63
#define DELEGATED_LEN 64 /* of the network that an interface gets */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int hex_of(char c)
{
	return c <= '9' ? c - '0' : (c | ' ') - 'a' + 10;
}

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | ' ') >= 'a' && (c | ' ') <= 'z');
}

int conf_check_dhcp_name(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	size_t n = strlen(s), i = 0;

	while (i < n && (is_letter_or_digit(s[i]) || (i && (s[i] == '-' || s[i] == '.'))))
		i++;
	if (n && n <= HOST_NAME_MAX_LEN && i == n && is_letter_or_digit(s[n - 1]))
		return 0;
	pt_err_add(e, PT_ERROR, loc, "1 to 63 letters, digits, '-' and '.', a letter or digit first and last", "this is no name for a host");
	return -EINVAL;
}

int pt_conf_client_id(const char *s, uint8_t out[PT_CLIENT_ID_MAX], size_t *n)
{
	size_t len = strlen(s), bytes = (len + 1) / 3;
	bool hex = len >= 5 && len % 3 == 2 && bytes <= PT_CLIENT_ID_MAX;

	for (size_t i = 0; i < len && hex; i++)
		hex = i % 3 == 2 ? s[i] == ':' : is_hex(s[i]);
	*n = hex ? bytes : len + 1;
	if (!len || *n > PT_CLIENT_ID_MAX)
		return -EINVAL;
	for (size_t i = 0; hex && i < bytes; i++)
		out[i] = (uint8_t)(hex_of(s[3 * i]) << 4 | hex_of(s[3 * i + 1]));
	if (hex)
		return 0;
	out[0] = 0; /* RFC 2132 section 9.14: no hardware address */
	memcpy(out + 1, s, len);
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return -EINVAL;
	return 0;
}

int conf_check_client_id(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	uint8_t id[PT_CLIENT_ID_MAX];
	size_t n;

	if (!pt_conf_client_id(s, id, &n))
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write bytes as 01:02:00:00:00:00:01, or 1 to 47 visible characters without blanks",
		   "this is no client identifier");
	return -EINVAL;
}

int pt_conf_delegate_parse(const char *s, struct pt_conf_delegate *out)
{
	size_t n = strcspn(s, " ");
	uint64_t number = 0;

	*out = (struct pt_conf_delegate){ 0 };
	if (!n || n >= sizeof(out->interface) || (s[n] && pt_parse_uint(s + n + 1, UINT16_MAX, &number)))
		return -EINVAL;
	memcpy(out->interface, s, n);
	out->number = (uint16_t)number;
	return 0;
}

int conf_check_delegate(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_conf_delegate d;

	if (!pt_conf_delegate_parse(s, &d))
		return conf_check_interface(d.interface, loc, e);
	pt_err_add(e, PT_ERROR, loc, "write the name of an interface, and 0 to 65535, as \"lan 0\"", "this is no part of a delegated prefix");
	return -EINVAL;
}

/* ---- what does not fit together ---- */

static const struct {
	const char *option;
	unsigned int ways;
	const char *hint;
} needs[] = {
	{ "hostname", PT_IF_DHCP4 | PT_IF_DHCP6, "add dhcp or dhcp6 to its `address`" },
	{ "client-id", PT_IF_DHCP4, "add dhcp to its `address`" },
	{ "default-route", PT_IF_DHCP4 | PT_IF_DHCP6 | PT_IF_SLAAC, "add dhcp, dhcp6 or auto to its `address`" },
	{ "metric", PT_IF_DHCP4, "add dhcp to its `address`" },
	{ "delegate", PT_IF_DHCP6, "add dhcp6 to its `address`" },
	{ "delegate-length", PT_IF_DHCP6, "add dhcp6 to its `address`" },
};

static int check_needs(const struct pt_conf_if *i, const struct pt_conf_option *o, struct pt_err *e)
{
	for (size_t k = 0; k < PT_ARRAY_SIZE(needs); k++) {
		if (strcmp(needs[k].option, o->row->name) != 0 || i->ways & needs[k].ways)
			continue;
		pt_err_add(e, PT_ERROR, &o->loc, needs[k].hint, "interface %s asks no server, so its %s does nothing", i->name, o->row->name);
		return -EINVAL;
	}
	return 0;
}

static bool is_given(const struct pt_conf *c, const struct pt_conf_option *to, const struct pt_conf_delegate *d)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t k = 0; k < c->interfaces.v[i].options.n; k++) {
			const struct pt_conf_option *o = &c->interfaces.v[i].options.v[k];
			struct pt_conf_delegate other;

			if (o == to)
				return false;
			if (!strcmp(o->row->name, "delegate") && !pt_conf_delegate_parse(o->s, &other) &&
			    !strcmp(other.interface, d->interface))
				return true;
		}
	return false;
}

static int check_delegate(struct pt_conf *c, const struct pt_conf_if *i, const struct pt_conf_option *o, struct pt_err *e)
{
	const struct pt_conf_option *length = pt_conf_if_option(i, "delegate-length");
	unsigned int bits = DELEGATED_LEN - (unsigned int)(length ? length->number : 56);
	struct pt_conf_delegate d;
	struct pt_conf_if *to = NULL;

	if (pt_conf_delegate_parse(o->s, &d))
		return 0; /* told */
	for (size_t k = 0; k < c->interfaces.n; k++)
		if (!strcmp(c->interfaces.v[k].name, d.interface))
			to = &c->interfaces.v[k];
	if (!to)
		pt_err_add(e, PT_ERROR, &o->loc, "each link has a section: interface NAME { }", "there is no interface %s", d.interface);
	else if (to == i)
		pt_err_add(e, PT_ERROR, &o->loc, NULL, "interface %s cannot have a part of the prefix that it gets", i->name);
	else if (is_given(c, o, &d))
		pt_err_add(e, PT_ERROR, &o->loc, "remove one of them", "interface %s gets a delegated prefix already", d.interface);
	else if (d.number >> bits)
		pt_err_add(e, PT_ERROR, &o->loc, "lower the number, or ask for a shorter prefix by `delegate-length`",
			   "a prefix of length %u has no network %u", DELEGATED_LEN - bits, d.number);
	else {
		to->dhcp = true; /* rules take the addresses that the kernel has of it */
		return 0;
	}
	return -EINVAL;
}

int conf_check_dhcp(struct pt_conf *c, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t k = 0; k < c->interfaces.v[i].options.n; k++) {
			const struct pt_conf_option *o = &c->interfaces.v[i].options.v[k];

			if (check_needs(&c->interfaces.v[i], o, e) ||
			    (!strcmp(o->row->name, "delegate") && check_delegate(c, &c->interfaces.v[i], o, e)))
				rc = -EINVAL;
		}
	return rc;
}
