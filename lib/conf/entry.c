/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as tables and interfaces write them: "10.0.0.0/8", "!fd00::/8", "10.0.0.3-10.0.0.9".
 *
 * A prefix with host bits set is refused everywhere: "10.0.0.5/8" is a slip, and either
 * reading of it, one host or sixteen million, surprises somebody.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define ENTRY_MAX 100 /* two IPv6 addresses, "!", "-" and blanks fit */

static int refuse(const char *s, const char *hint, const char *why, const struct pt_loc *loc,
		  struct pt_err *e)
{
	if (conf_is_printable(s))
		pt_err_add(e, PT_ERROR, loc, hint, "\"%s\" is not an address for a table: %s", s,
			   why);
	else
		pt_err_add(e, PT_ERROR, loc, hint, "this is not an address for a table: %s", why);
	return -EINVAL;
}

static int refuse_host_bits(const char *s, const struct pt_prefix *p, const struct pt_loc *loc,
			    struct pt_err *e)
{
	struct pt_prefix net = { { p->addr.af, pt_prefix_lo(p) }, p->len };
	struct pt_prefix host = { p->addr, (uint8_t)pt_af_bits(p->addr.af) };
	struct pt_buf hint = { 0 };

	pt_buf_str(&hint, "write ");
	pt_prefix_fmt(&hint, net);
	pt_buf_str(&hint, " for the network or ");
	pt_prefix_fmt(&hint, host);
	pt_buf_str(&hint, " for the one address");
	pt_err_add(e, PT_ERROR, loc, hint.err ? NULL : hint.s,
		   "\"%s\" has bits set behind its prefix length", s);
	pt_buf_fini(&hint);
	return -EINVAL;
}

static int parse_prefix(const char *s, struct conf_entry *out, const struct pt_loc *loc,
			struct pt_err *e)
{
	struct pt_prefix p;

	if (pt_prefix_parse(s, &p))
		return refuse(
			s,
			"write ADDRESS, ADDRESS/LENGTH or ADDRESS-ADDRESS, '!' before it takes out",
			"it cannot be read", loc, e);
	if (pt_prefix_lo(&p) != p.addr.v)
		return refuse_host_bits(s, &p, loc, e);
	out->af = p.addr.af;
	out->lo = p.addr.v;
	out->hi = pt_prefix_hi(&p);
	return 0;
}

/* S with the dash at DASH; blanks around it are allowed. */
static int parse_range(char *s, char *dash, struct conf_entry *out, const struct pt_loc *loc,
		       struct pt_err *e)
{
	const char *second = dash + 1 + strspn(dash + 1, " \t");
	struct pt_addr lo, hi;
	char *end = dash, kept;
	int bad;

	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	kept = *end;
	*end = '\0';
	bad = pt_addr_parse(s, &lo);
	*end = kept;
	if (bad || pt_addr_parse(second, &hi))
		return refuse(s, "a range is two addresses: 10.0.0.3-10.0.0.9", "it cannot be read",
			      loc, e);
	if (lo.af != hi.af)
		return refuse(s, "both ends are IPv4 or both are IPv6", "the ends differ in family",
			      loc, e);
	if (lo.v > hi.v)
		return refuse(s, "write the lower address first", "the range ends before it begins",
			      loc, e);
	out->af = lo.af;
	out->lo = lo.v;
	out->hi = hi.v;
	return 0;
}

int conf_entry_parse(const char *s, size_t n, struct conf_entry *out, const struct pt_loc *loc,
		     struct pt_err *e)
{
	char text[ENTRY_MAX + 1], *p = text, *dash;

	if (n > ENTRY_MAX) {
		pt_err_add(e, PT_ERROR, loc, "a name has at most 63 bytes between two dots and 253 in all",
			   "this is not an address for a table: it is too long");
		return -EINVAL;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	out->neg = *p == '!';
	if (out->neg)
		p += 1 + strspn(p + 1, " \t");
	dash = strchr(p, '-');
	return dash ? parse_range(p, dash, out, loc, e) : parse_prefix(p, out, loc, e);
}

/* One address or prefix, nothing of what tables know besides: at boot there is no table. */
int conf_check_source(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct conf_entry one;
	struct pt_prefix p;

	if (!pt_prefix_parse(s, &p))
		return parse_prefix(s, &one, loc, e);
	pt_err_add(e, PT_ERROR, loc, "write ADDRESS or ADDRESS/LENGTH, as 192.0.2.0/24 or 2001:db8::/32", "this is not an address");
	return -EINVAL;
}

/* What of a name cannot be an entry; NULL: it can, or it is no name. */
static const char *bad_name(const char *s)
{
	if (pt_host_name_wild(s))
		return "nobody can list the names below a domain: write the names themselves";
	if (*s == '!' && pt_host_name_ok(s + 1 + strspn(s + 1, " \t")))
		return "the addresses of a name cannot be taken out: write `! name` in the rule";
	return NULL;
}

int conf_check_entry(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct conf_entry entry;

	if (pt_host_name_ok(s))
		return 0;
	if (bad_name(s))
		return refuse(s, bad_name(s), "it is a name", loc, e);
	return conf_entry_parse(s, strlen(s), &entry, loc, e);
}

static int refuse_address(const char *s, const char *hint, const char *why,
			  const struct pt_loc *loc, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, loc, hint, "\"%s\" is not an address for an interface: %s", s, why);
	return -EINVAL;
}

static bool is_multicast(struct pt_addr a)
{
	return a.af == PT_AF_INET ? a.v >> 28 == 0xe : a.v >> 120 == 0xff;
}

/* The first and the last address of an IPv4 network are not a host's; RFC 3021 frees /31. */
static bool is_net_or_broadcast(const struct pt_prefix *p)
{
	return p->addr.af == PT_AF_INET && p->len < 31 &&
	       (p->addr.v == pt_prefix_lo(p) || p->addr.v == pt_prefix_hi(p));
}

int conf_check_if_address(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	struct pt_prefix p;

	if (!strcmp(s, "dhcp") || !strcmp(s, "dhcp6") || !strcmp(s, "auto"))
		return 0;
	if (strlen(s) > ENTRY_MAX || pt_prefix_parse(s, &p)) {
		pt_err_add(e, PT_ERROR, loc, "write ADDRESS/LENGTH, dhcp, dhcp6 or auto",
			   "this is not an address for an interface");
		return -EINVAL;
	}
	if (!strchr(s, '/'))
		return refuse_address(
			s, "add the length of the network's prefix, as in 192.168.1.1/24",
			"it has no prefix length", loc, e);
	if (!p.addr.v || is_multicast(p.addr))
		return refuse_address(s, "write an address of one host", "no host can have it", loc,
				      e);
	if (is_net_or_broadcast(&p))
		return refuse_address(s, "write the address of this machine in that network",
				      "it is the network's own or its broadcast address", loc, e);
	return 0;
}
