/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/kind - how the options of links are spoken over rtnetlink: one row an option. The attributes are those of
 * <linux/if_link.h> and <linux/if_tunnel.h>.
 */
#include <string.h>

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/in.h>

#include <patronus/link.h>

#include "net/kind.h"

#define K(kind) (1u << PT_LINK_##kind)
#define GRES (K(GRE) | K(GRETAP) | K(IP6GRE) | K(IP6GRETAP))
#define V4_GRES (K(GRE) | K(GRETAP))
#define IPTUNS (K(IPIP) | K(SIT) | K(IP6TNL))
#define ALL UINT32_MAX

static const uint32_t vlan_protocols[] = { ETH_P_8021Q, ETH_P_8021AD };
static const uint32_t macvlan_modes[] = { MACVLAN_MODE_PRIVATE, MACVLAN_MODE_VEPA, MACVLAN_MODE_BRIDGE, MACVLAN_MODE_PASSTHRU };
static const uint32_t tunnel_modes[] = { 0, IPPROTO_IPV6, IPPROTO_IPIP };

const struct pt_link_attr pt_link_attrs[] = {
	{ "parent", K(VLAN) | K(MACVLAN), IFLA_LINK, .form = PT_FORM_LINK, .top = true, .fixed = true },
	{ "parent", K(VXLAN), IFLA_VXLAN_LINK, .form = PT_FORM_LINK, .fixed = true },
	{ "parent", GRES, IFLA_GRE_LINK, .form = PT_FORM_LINK },
	{ "parent", IPTUNS, IFLA_IPTUN_LINK, .form = PT_FORM_LINK },
	{ "id", K(VLAN), IFLA_VLAN_ID, .form = PT_FORM_U16, .fixed = true },
	{ "id", K(VXLAN), IFLA_VXLAN_ID, .form = PT_FORM_U32, .fixed = true },
	{ "protocol", K(VLAN), IFLA_VLAN_PROTOCOL, .form = PT_FORM_BE16, .values = vlan_protocols, .fixed = true },
	{ "protocol", K(BRIDGE), IFLA_BR_VLAN_PROTOCOL, .form = PT_FORM_BE16, .values = vlan_protocols },
	{ "table", K(VRF), IFLA_VRF_TABLE, .form = PT_FORM_U32, .fixed = true },
	{ "peer", K(VETH), 1 /* VETH_INFO_PEER */, .form = PT_FORM_PEER, .fixed = true },

	{ "local", K(VXLAN), IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, .form = PT_FORM_ADDR },
	{ "remote", K(VXLAN), IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, .form = PT_FORM_ADDR },
	{ "ttl", K(VXLAN), IFLA_VXLAN_TTL, .form = PT_FORM_U8 },
	{ "tos", K(VXLAN), IFLA_VXLAN_TOS, .form = PT_FORM_U8 },
	{ "port", K(VXLAN), IFLA_VXLAN_PORT, .form = PT_FORM_BE16, .fixed = true },
	{ "learning", K(VXLAN), IFLA_VXLAN_LEARNING, .form = PT_FORM_U8 },
	{ "local", GRES, IFLA_GRE_LOCAL, .form = PT_FORM_ADDR },
	{ "remote", GRES, IFLA_GRE_REMOTE, .form = PT_FORM_ADDR },
	{ "ttl", GRES, IFLA_GRE_TTL, .form = PT_FORM_U8 },
	{ "tos", V4_GRES, IFLA_GRE_TOS, .form = PT_FORM_U8 },
	{ "key", GRES, IFLA_GRE_IKEY, .form = PT_FORM_KEY },
	{ "checksum", GRES, IFLA_GRE_IFLAGS, .form = PT_FORM_CHECKSUM },
	{ "path-mtu-discovery", V4_GRES, IFLA_GRE_PMTUDISC, .form = PT_FORM_U8 },
	{ "local", IPTUNS, IFLA_IPTUN_LOCAL, .form = PT_FORM_ADDR },
	{ "remote", IPTUNS, IFLA_IPTUN_REMOTE, .form = PT_FORM_ADDR },
	{ "ttl", IPTUNS, IFLA_IPTUN_TTL, .form = PT_FORM_U8 },
	{ "tos", K(IPIP) | K(SIT), IFLA_IPTUN_TOS, .form = PT_FORM_U8 },
	{ "path-mtu-discovery", K(IPIP) | K(SIT), IFLA_IPTUN_PMTUDISC, .form = PT_FORM_U8 },
	{ "tunnel-mode", K(IP6TNL), IFLA_IPTUN_PROTO, .form = PT_FORM_U8, .values = tunnel_modes },

	/* A bond with members keeps its mode. */
	{ "mode", K(BOND), IFLA_BOND_MODE, .form = PT_FORM_U8, .fixed = true },
	{ "miimon", K(BOND), IFLA_BOND_MIIMON, .form = PT_FORM_U32 },
	{ "updelay", K(BOND), IFLA_BOND_UPDELAY, .form = PT_FORM_U32 },
	{ "downdelay", K(BOND), IFLA_BOND_DOWNDELAY, .form = PT_FORM_U32 },
	{ "lacp-rate", K(BOND), IFLA_BOND_AD_LACP_RATE, .form = PT_FORM_U8 },
	{ "hash-policy", K(BOND), IFLA_BOND_XMIT_HASH_POLICY, .form = PT_FORM_U8 },
	{ "min-links", K(BOND), IFLA_BOND_MIN_LINKS, .form = PT_FORM_U32 },
	{ "primary", K(BOND), IFLA_BOND_PRIMARY, .form = PT_FORM_LINK },

	{ "stp", K(BRIDGE), IFLA_BR_STP_STATE, .form = PT_FORM_U32 },
	{ "priority", K(BRIDGE), IFLA_BR_PRIORITY, .form = PT_FORM_U16 },
	{ "forward-delay", K(BRIDGE), IFLA_BR_FORWARD_DELAY, .form = PT_FORM_TICKS },
	{ "hello-time", K(BRIDGE), IFLA_BR_HELLO_TIME, .form = PT_FORM_TICKS },
	{ "max-age", K(BRIDGE), IFLA_BR_MAX_AGE, .form = PT_FORM_TICKS },
	{ "ageing-time", K(BRIDGE), IFLA_BR_AGEING_TIME, .form = PT_FORM_TICKS },
	{ "vlan-filtering", K(BRIDGE), IFLA_BR_VLAN_FILTERING, .form = PT_FORM_U8 },

	{ "macvlan-mode", K(MACVLAN), IFLA_MACVLAN_MODE, .form = PT_FORM_U32, .values = macvlan_modes },

	{ "cost", ALL, IFLA_BRPORT_COST, .form = PT_FORM_U32, .port = true },
	{ "port-priority", ALL, IFLA_BRPORT_PRIORITY, .form = PT_FORM_U16, .port = true },
	{ "hairpin", ALL, IFLA_BRPORT_MODE, .form = PT_FORM_U8, .port = true },
	{ "isolated", ALL, IFLA_BRPORT_ISOLATED, .form = PT_FORM_U8, .port = true },
	{ 0 },
};

const struct pt_link_attr *pt_link_attr(enum pt_link_kind kind, const char *name)
{
	for (const struct pt_link_attr *r = pt_link_attrs; r->name; r++)
		if (r->kinds & 1u << kind && !strcmp(r->name, name))
			return r;
	return NULL;
}

/* The kernel's tunnels take a change for a new description of the whole. */
bool net_kind_whole(enum pt_link_kind kind)
{
	return (GRES | IPTUNS) & 1u << kind;
}

/* The words of pt_link_kinds are the kernel's. */
enum pt_link_kind net_kind_find(const char *kernel_kind)
{
	for (size_t i = 1; i < PT_LINK_KINDS; i++)
		if (!strcmp(pt_link_kinds[i], kernel_kind))
			return (enum pt_link_kind)i;
	return PT_LINK_PHYSICAL;
}

bool pt_link_ours(const struct pt_link *l)
{
	size_t n = strlen(PT_LINK_ALIAS);

	return l->kind != PT_LINK_PHYSICAL && !strncmp(l->alias, PT_LINK_ALIAS, n) && (!l->alias[n] || l->alias[n] == ':');
}

struct pt_link *pt_links_find(const struct pt_links *l, const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= PT_LINK_NAME)
		return NULL;
	/* A thousand names that begin alike differ in their ends. */
	for (size_t i = 0; i < l->v.n; i++)
		if (l->v.v[i].name[n - 1] == name[n - 1] && !strcmp(l->v.v[i].name, name))
			return &l->v.v[i];
	return NULL;
}

struct pt_link *pt_links_index(const struct pt_links *l, uint32_t index)
{
	size_t from = 0, to = l->v.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (l->v.v[mid].index == index)
			return &l->v.v[mid];
		if (l->v.v[mid].index < index)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}
