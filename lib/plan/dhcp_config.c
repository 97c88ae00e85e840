/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client is dhcpcd(8). Of those in Debian it alone has all of this: its authors maintain it (isc-dhcp-client ended in 2022), it
 * speaks DHCP and DHCPv6 with delegated prefixes (udhcpc(8) does not do the latter in Debian), it runs for one interface and a program
 * of ours at each event, with values in the environment (systemd-networkd(8) would own the interfaces), and `noconfigure` has it
 * leave addresses, routes and resolv.conf(5) alone. It is not even able to change them: it runs without CAP_NET_ADMIN.
 */
#include <string.h>
#include <unistd.h>

#include "plan/dhcp_client.h"

static const char *const programs[] = { "/usr/sbin/dhcpcd", "/sbin/dhcpcd" };

const char *dhcp_program(void)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(programs); i++)
		if (!access(programs[i], X_OK))
			return programs[i];
	return NULL;
}

static const char install[] = "apt install " DHCP_PACKAGE;

/* The file may have been checked before it is planned. */
static bool is_told(const struct pt_err *e)
{
	for (size_t i = 0; i < e->list.n; i++)
		if (e->list.v[i].hint && !strcmp(e->list.v[i].hint, install))
			return true;
	return false;
}

void network_check_client(const struct pt_conf *c, struct pt_err *e)
{
	if (is_told(e))
		return;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct pt_conf_if *f = &c->interfaces.v[i];

		if (!(f->ways & (PT_IF_DHCP4 | PT_IF_DHCP6)) || dhcp_program())
			continue;
		pt_err_add(e, PT_WARNING, &f->loc, install,
			   "interface %s is to ask a server for addresses, but this machine has no dhcpcd(8): package " DHCP_PACKAGE, f->name);
		return; /* once */
	}
}

static const char common[] = "noconfigure\n"
			     "nodelay\n"
			     "timeout 0\n"
			     "persistent\n"
			     "noipv6rs\n" /* advertisements are the kernel's */
			     "noipv4ll\n"
			     "nohook resolv.conf, hostname, ntp\n"
			     "reboot 5\n";

static const char four[] = "option subnet_mask, routers, domain_name_servers, domain_name, domain_search, host_name, ntp_servers, interface_mtu\n"
			   "require dhcp_server_identifier\n";

/* Each by itself: one that the client does not know would take the others with it. */
static const char six[] = "option dhcp6_name_servers\n"
			  "option dhcp6_domain_search\n"
			  "option dhcp6_sntp_servers\n";

static void put_client_id(struct pt_buf *b, const struct pt_conf_if *i)
{
	const struct pt_conf_option *o = pt_conf_if_option(i, "client-id");
	uint8_t id[PT_CLIENT_ID_MAX];
	size_t n = 0;

	pt_buf_str(b, "clientid");
	if (o && !pt_conf_client_id(o->s, id, &n))
		for (size_t k = 0; k < n; k++)
			pt_buf_fmt(b, "%c%02x", k ? ':' : ' ', id[k]);
	pt_buf_chr(b, '\n');
}

/* What is asked for is of the interface, so it stands in its block, at the end. */
static void put_six(struct pt_buf *b, const struct pt_conf_if *i)
{
	const struct pt_conf_option *length = pt_conf_if_option(i, "delegate-length");

	pt_buf_fmt(b, "%sinterface %s\nia_na 1\n", six, i->device);
	if (pt_conf_if_option(i, "delegate"))
		pt_buf_fmt(b, "ia_pd 2/::/%u -\n", length ? (unsigned int)length->number : 56);
}

void dhcp_config(struct pt_buf *b, const struct pt_conf_if *i, const char *hook, const char *folder)
{
	const struct pt_conf_option *name = pt_conf_if_option(i, "hostname");

	pt_buf_fmt(b, "# made by ptnet dhcp watch for interface %s\n%sscript %s\nenv " PT_LEASE_ENV "=%s\n", i->name, common, hook, folder);
	if (name)
		pt_buf_fmt(b, "hostname %s\n", name->s);
	put_client_id(b, i);
	if (!(i->ways & PT_IF_DHCP6))
		pt_buf_str(b, "ipv4only\n");
	if (i->ways & PT_IF_DHCP4)
		pt_buf_str(b, four);
	else
		pt_buf_str(b, "ipv6only\n");
	if (i->ways & PT_IF_DHCP6)
		put_six(b, i);
}
