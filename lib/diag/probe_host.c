/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host that somebody typed: an address, or a name that is worth asking for. */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>

#include "diag/probe_internal.h"

#define HOST_MAX 253

static int refuse(struct pt_err *e, const char *host, const char *why)
{
	pt_err_add(e, PT_ERROR, NULL,
		   "give an address or a name, as in 192.0.2.1, 2001:db8::1, fe80::1%eth0 or www.example.org",
		   "'%.*s' is not a host name: %s", HOST_MAX, host, why);
	return -EINVAL;
}

/* The C library would read "010.1.1.1" in octal and "10.1" as 10.0.0.1; no name of a host ends in a number (RFC 1123).
 */
static bool nearly_address(const char *host)
{
	const char *last = strrchr(host, '.');
	struct in_addr a;

	last = last ? last + 1 : host;
	return inet_aton(host, &a) || (*last && !last[strspn(last, "0123456789")]);
}

/* Letters, digits, hyphens, underscores and dots, in labels: what a name of a host can be in ASCII. */
static const char *wrong_with(const char *host)
{
	size_t label = 0, n = strlen(host);

	if (!n)
		return "it is empty";
	if (host[0] == '-')
		return "it begins with a dash";
	if (n > HOST_MAX)
		return "it is too long";
	for (const char *c = host; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "it has a control character";
		if ((unsigned char)*c >= 0x80)
			return "it is not in ASCII; internationalized names are written as xn--...";
		if (*c == '.' && !label)
			return "it has an empty label";
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", *c))
			return "it has a character that no name has";
		label = *c == '.' ? 0 : label + 1;
		if (label > 63)
			return "a label is too long";
	}
	return nearly_address(host) ? "an address has four numbers of 0 to 255 without zeros ahead of them" : NULL;
}

const char *pt_probe_host_wrong(const char *host)
{
	struct pt_addr a;

	return pt_addr_parse(host, &a) ? wrong_with(host) : NULL;
}

/* "fe80::1%eth0" */
static int with_zone(const char *host, struct pt_addr *out, uint32_t *zone, struct pt_err *e)
{
	char address[64];
	size_t n = strcspn(host, "%");

	if (n >= sizeof(address))
		return refuse(e, host, "it is too long");
	memcpy(address, host, n);
	address[n] = '\0';
	if (pt_addr_parse(address, out) || out->af != PT_AF_INET6)
		return refuse(e, host, "a zone belongs to an IPv6 address");
	*zone = if_nametoindex(host + n + 1);
	if (*zone)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, NULL, "there is no device %.15s", host + n + 1);
	return -ENODEV;
}

static bool is_taken(const struct pt_addr *list, size_t n, struct pt_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].af == a.af && list[i].v == a.v)
			return true;
	return false;
}

static int ask(const char *host, enum pt_af af, struct pt_addr *out, uint32_t *zones, size_t *n, struct pt_err *e)
{
	struct addrinfo hints = { .ai_family = af == PT_AF_INET ? AF_INET :
					  af == PT_AF_INET6 ? AF_INET6 :
								  AF_UNSPEC,
				  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list = NULL;
	size_t room = *n;
	int rc = getaddrinfo(host, NULL, &hints, &list);

	*n = 0;
	if (rc || !list) {
		pt_err_add(e, PT_ERROR, NULL,
			   rc == EAI_AGAIN ? "no server answered: ptdiag dns asks each of them" : NULL,
			   "%s has no%s address: %s", host,
			   af == PT_AF_INET ? " IPv4" :
				   af == PT_AF_INET6 ? " IPv6" :
						       "",
			   gai_strerror(rc));
		return rc == EAI_MEMORY ? -ENOMEM : rc == EAI_AGAIN ? -ETIMEDOUT : -ENOENT;
	}
	for (const struct addrinfo *i = list; i && *n < room; i = i->ai_next) {
		struct pt_addr a = address_of(i->ai_addr);

		if (is_taken(out, *n, a))
			continue;
		out[*n] = a;
		zones[(*n)++] = i->ai_family == AF_INET6 ? ((const struct sockaddr_in6 *)i->ai_addr)->sin6_scope_id : 0;
	}
	freeaddrinfo(list);
	return 0;
}

int pt_probe_hosts(const char *host, enum pt_af af, struct pt_addr *out, uint32_t *zones, size_t *n, struct pt_err *e)
{
	const char *wrong;
	int rc;

	zones[0] = 0;
	rc = pt_addr_parse(host, out);
	if (rc && strchr(host, '%') && host[0] != '-') {
		rc = with_zone(host, out, zones, e);
		if (rc)
			return rc;
	}
	if (!rc) {
		*n = 1;
		if (af == PT_AF_NONE || out->af == af)
			return 0;
		pt_err_add(e, PT_ERROR, NULL, NULL,
			   af == PT_AF_INET ? "%s is an address of IPv6, and -4 asks for IPv4" :
					      "%s is an address of IPv4, and -6 asks for IPv6",
			   host);
		return -EINVAL;
	}
	wrong = wrong_with(host);
	return wrong ? refuse(e, host, wrong) : ask(host, af, out, zones, n, e);
}

int pt_probe_host(const char *host, enum pt_af af, struct pt_addr *out, uint32_t *zone, struct pt_err *e)
{
	size_t n = 1;

	return pt_probe_hosts(host, af, out, zone, &n, e);
}
