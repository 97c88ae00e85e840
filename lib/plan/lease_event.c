/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events of the client, as dhcpcd(8) gives them: variables of an environment, most of them with a value from the network. They are
 * compared, parsed and copied, and are words of no command anywhere.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <patronus/record.h>

#include "plan/lease.h"

#define NAME_MOST 253  /* bytes of a name, RFC 1035 */
#define SEARCH_MOST 1024
#define MTU_LEAST 576  /* RFC 2132 section 5.1 says 68, which would stop everything */
#define SHORTEST 8     /* prefix of a network that a server may put us in: half the Internet is none */

struct event {
	const char *const *env;
	struct pt_buf out;     /* the record */
	struct pt_buf refused;
};

static const char *value_of(const struct event *v, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; v->env[i]; i++)
		if (!strncmp(v->env[i], name, n) && v->env[i][n] == '=')
			return v->env[i] + n + 1;
	return NULL;
}

static void refuse(struct event *v, const char *option)
{
	pt_buf_fmt(&v->refused, "%s%s", v->refused.n ? " " : "", option);
}

static uint32_t number_of(const struct event *v, const char *name, uint32_t otherwise)
{
	const char *s = value_of(v, name);
	uint64_t n;

	return s && !pt_parse_uint(s, UINT32_MAX, &n) ? (uint32_t)n : otherwise;
}

/* ---- what an address may be ---- */

/* One that a host has, of its own or another. */
static bool is_host(struct pt_addr a)
{
	if (a.af == PT_AF_INET)
		return a.v >> 24 != 0 && a.v >> 24 != 127 && a.v >> 28 < 0xe;
	return a.v > 1 && a.v >> 120 != 0xff;
}

static bool is_usable(const struct pt_prefix *p, enum pt_af af)
{
	if (p->addr.af != af || !is_host(p->addr) || p->len < SHORTEST)
		return false;
	if (af == PT_AF_INET)
		return p->len > 30 || (p->addr.v != pt_prefix_lo(p) && p->addr.v != pt_prefix_hi(p));
	return p->addr.v >> 118 != 0x3fa; /* link-local addresses are the kernel's */
}

static void put_address(struct event *v, const char *key, const struct pt_prefix *p, uint32_t valid, uint32_t preferred)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, p->addr);
	pt_buf_fmt(&b, "/%u %u %u", p->len, valid, preferred < valid ? preferred : valid);
	if (b.err)
		v->out.err = b.err;
	pt_record_add(&v->out, key, b.s);
	pt_buf_fini(&b);
}

/* Addresses with blanks between; those that are none are left out. */
static void put_list(struct event *v, const char *key, const char *option, enum pt_af af)
{
	const char *s = value_of(v, option);
	size_t n = 0, len;

	for (; s && *s; s += len + strspn(s + len, " ")) {
		char text[64];
		struct pt_addr a;

		len = strcspn(s, " ");
		if (len && len < sizeof(text) && n < PT_LEASE_MOST) {
			memcpy(text, s, len);
			text[len] = '\0';
			if (!pt_addr_parse(text, &a) && a.af == af && is_host(a)) {
				pt_record_add(&v->out, key, text);
				n++;
				continue;
			}
		}
		if (len) {
			refuse(v, key);
			return;
		}
	}
}

/* ---- what a name may be ---- */

static bool is_name(const char *s, size_t n)
{
	if (!n || n > NAME_MOST || s[0] == '-' || s[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", s[i]))
			return false;
	return true;
}

static void put_names(struct event *v, const char *key, const char *option, size_t most)
{
	const char *s = value_of(v, option), *end = s;
	size_t len;

	if (!s || !*s)
		return;
	for (; *end; end += len + (end[len] == ' ')) {
		len = strcspn(end, " ");
		if (!is_name(end, len) || (size_t)(end - s) + len > most) {
			refuse(v, key);
			return;
		}
	}
	pt_record_add(&v->out, key, s);
}

static void put_hex(struct event *v, const char *key, const char *option)
{
	const char *s = value_of(v, option);

	if (s && strlen(s) <= 260 && strspn(s, "0123456789abcdef") == strlen(s))
		pt_record_add(&v->out, key, s);
}

/* ---- IPv4 ---- */

static int take_four(struct event *v, struct pt_err *e)
{
	const char *text = value_of(v, "new_ip_address");
	struct pt_prefix p = { .len = (uint8_t)(number_of(v, "new_subnet_cidr", 32) & 0xff) };
	uint32_t mtu = number_of(v, "new_interface_mtu", 0), time = number_of(v, "new_dhcp_lease_time", PT_LEASE_FOR_EVER);

	if (!text || pt_addr_parse(text, &p.addr) || p.len > 32 || !is_usable(&p, PT_AF_INET) || !time) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "the server gave no address that a host can have");
		return -EINVAL;
	}
	put_address(v, "address", &p, time, time);
	put_list(v, "router", "new_routers", PT_AF_INET);
	put_list(v, "server", "new_dhcp_server_identifier", PT_AF_INET);
	put_list(v, "dns", "new_domain_name_servers", PT_AF_INET);
	put_list(v, "ntp", "new_ntp_servers", PT_AF_INET);
	put_names(v, "domain", "new_domain_name", NAME_MOST);
	put_names(v, "search", "new_domain_search", SEARCH_MOST);
	put_names(v, "hostname", "new_host_name", NAME_MOST);
	pt_record_u64(&v->out, "renew", number_of(v, "new_dhcp_renewal_time", 0));
	if (mtu >= MTU_LEAST && mtu <= 65535)
		pt_record_u64(&v->out, "mtu", mtu);
	else if (mtu)
		refuse(v, "mtu");
	return 0;
}

/* ---- IPv6 ---- */

/* The options of address or prefix NUMBER of identity association IA. */
static uint32_t lifetime(const struct event *v, const char *base, const char *what)
{
	char name[80];

	snprintf(name, sizeof(name), "%s_%s", base, what);
	return number_of(v, name, 0);
}

static bool take_six_address(struct event *v, unsigned int ia, unsigned int number)
{
	struct pt_prefix p = { .len = 128 };
	const char *text;
	char base[60];

	snprintf(base, sizeof(base), "new_dhcp6_ia_na%u_ia_addr%u", ia, number);
	text = value_of(v, base);
	if (!text)
		return false;
	if (pt_addr_parse(text, &p.addr) || !is_usable(&p, PT_AF_INET6) || !lifetime(v, base, "vltime")) {
		refuse(v, "address");
		return false;
	}
	put_address(v, "address", &p, lifetime(v, base, "vltime"), lifetime(v, base, "pltime"));
	return true;
}

static bool take_six_prefix(struct event *v, unsigned int ia, unsigned int number)
{
	struct pt_prefix p = { 0 };
	const char *text;
	char base[60];
	uint32_t len;

	snprintf(base, sizeof(base), "new_dhcp6_ia_pd%u_prefix%u", ia, number);
	text = value_of(v, base);
	if (!text)
		return false;
	len = lifetime(v, base, "length");
	p.len = (uint8_t)(len <= 128 ? len : 0);
	if (pt_addr_parse(text, &p.addr) || p.len > 64 || !is_usable(&p, PT_AF_INET6) || p.addr.v != pt_prefix_lo(&p) ||
	    !lifetime(v, base, "vltime")) {
		refuse(v, "delegated");
		return false;
	}
	put_address(v, "delegated", &p, lifetime(v, base, "vltime"), lifetime(v, base, "pltime"));
	return true;
}

static int take_six(struct event *v, struct pt_err *e)
{
	size_t addresses = 0, prefixes = 0;

	for (unsigned int ia = 1; ia <= 4; ia++)
		for (unsigned int k = 1; k <= 4; k++) {
			addresses += addresses < PT_LEASE_MOST && take_six_address(v, ia, k);
			prefixes += prefixes < PT_LEASE_MOST && take_six_prefix(v, ia, k);
		}
	if (!addresses && !prefixes) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "the server gave no address that a host can have, and no prefix");
		return -EINVAL;
	}
	put_hex(v, "server", "new_dhcp6_server_id");
	put_list(v, "dns", "new_dhcp6_name_servers", PT_AF_INET6);
	put_list(v, "ntp", "new_dhcp6_sntp_servers", PT_AF_INET6);
	put_names(v, "search", "new_dhcp6_domain_search", SEARCH_MOST);
	pt_record_u64(&v->out, "renew", number_of(v, "new_dhcp6_ia_na1_t1", number_of(v, "new_dhcp6_ia_pd1_t1", 0)));
	return 0;
}

/* ---- the event ---- */

enum { TAKE, FORGET, LOOK };

/* At a client's end, or without a carrier, an address stays for as long as it is ours to use. */
static const struct {
	const char *reason;
	int what;
	bool six;
} reasons[] = {
	{ "BOUND", TAKE, false },    { "RENEW", TAKE, false },	  { "REBIND", TAKE, false },   { "REBOOT", TAKE, false },
	{ "BOUND6", TAKE, true },    { "RENEW6", TAKE, true },	  { "REBIND6", TAKE, true },   { "REBOOT6", TAKE, true },
	{ "NAK", FORGET, false },    { "FAIL", FORGET, false },	  { "EXPIRED", FORGET, false }, { "RELEASE", FORGET, false },
	{ "RELEASE6", FORGET, true }, { "EXPIRE", LOOK, false },  { "EXPIRE6", LOOK, true },
};

/* Whether its time is over; the client says that it expired when a cable is pulled, too. */
static bool is_over(const char *folder, const char *device, bool six)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_lease l;
	bool over = true;

	if (!a || pt_lease_read(folder, device, six, a, &l, NULL))
		over = false;
	for (size_t i = 0; over && i < l.addresses.n; i++)
		over = pt_lease_left(&l, l.addresses.v[i].valid) <= 1;
	for (size_t i = 0; over && i < l.delegated.n; i++)
		over = pt_lease_left(&l, l.delegated.v[i].valid) <= 1;
	pt_arena_free(a);
	return over;
}

static int take(struct event *v, const char *folder, const char *device, bool six, struct pt_err *e)
{
	char path[PATH_MAX];
	int rc = lease_file(folder, device, lease_suffix(six), path, sizeof(path));

	if (rc)
		return pt_err_sys(e, rc, "noting a lease");
	pt_buf_str(&v->out, LEASE_KIND "\n");
	pt_record_add(&v->out, "device", device);
	pt_record_u64(&v->out, "at", pt_boottime());
	pt_record_u64(&v->out, "time", (uint64_t)time(NULL));
	rc = six ? take_six(v, e) : take_four(v, e);
	if (v->refused.err)
		v->out.err = v->refused.err;
	else if (v->refused.n)
		pt_record_add(&v->out, "refused", v->refused.s);
	return rc ? rc : pt_record_write(path, &v->out, e);
}

int pt_lease_event(const char *folder, const char *const *env, struct pt_err *e)
{
	struct event v = { .env = env };
	const char *reason = value_of(&v, "reason"), *device = value_of(&v, "interface");
	size_t i = 0;
	int rc = 0;

	if (!reason || !device)
		return pt_err_sys(e, -EINVAL, "taking an event of a client");
	while (i < PT_ARRAY_SIZE(reasons) && strcmp(reasons[i].reason, reason) != 0)
		i++;
	if (i == PT_ARRAY_SIZE(reasons))
		return 0;
	if (reasons[i].what == TAKE)
		rc = take(&v, folder, device, reasons[i].six, e);
	else if (reasons[i].what == FORGET || is_over(folder, device, reasons[i].six))
		rc = pt_lease_forget(folder, device, reasons[i].six, e);
	pt_buf_fini(&v.out);
	pt_buf_fini(&v.refused);
	return rc;
}
