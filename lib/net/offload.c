/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/offload - work that the hardware does, or leaves to the kernel. The ten that the file names are those that every driver's
 * control knows by a request of its own.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "net/trait.h"

static const struct offload {
	const char *name;
	uint32_t get, set;
	uint32_t flag; /* 0: the value is the whole answer */
} offloads[] = {
	{ "tso", ETHTOOL_GTSO, ETHTOOL_STSO, 0 },
	{ "gso", ETHTOOL_GGSO, ETHTOOL_SGSO, 0 },
	{ "gro", ETHTOOL_GGRO, ETHTOOL_SGRO, 0 },
	{ "lro", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO },
	{ "rx", ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, 0 },
	{ "tx", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, 0 },
	{ "sg", ETHTOOL_GSG, ETHTOOL_SSG, 0 },
	{ "rxvlan", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN },
	{ "txvlan", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_TXVLAN },
	{ "ntuple", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_NTUPLE },
};

uint32_t pt_offload_find(const char *name, size_t n)
{
	for (uint32_t i = 0; i < PT_ARRAY_SIZE(offloads); i++)
		if (strlen(offloads[i].name) == n && !memcmp(offloads[i].name, name, n))
			return i;
	return UINT32_MAX;
}

const char *net_offload_name(uint32_t number)
{
	return number < PT_ARRAY_SIZE(offloads) ? offloads[number].name : "?";
}

static int ask(const char *device, struct ethtool_value *value)
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	memcpy(req.ifr_name, device, strnlen(device, sizeof(req.ifr_name) - 1));
	req.ifr_data = (void *)value;
	rc = ioctl(fd, SIOCETHTOOL, &req) ? -errno : 0;
	close(fd);
	return rc;
}

int net_offload_get(const char *device, uint32_t number, uint32_t *value)
{
	const struct offload *o = &offloads[number];
	struct ethtool_value v = { .cmd = o->get };
	int rc = ask(device, &v);

	*value = o->flag ? (v.data & o->flag) != 0 : v.data != 0;
	return rc;
}

int net_offload_set(const char *device, uint32_t number, uint32_t value)
{
	const struct offload *o = &offloads[number];
	struct ethtool_value v = { .cmd = o->get };
	int rc = o->flag ? ask(device, &v) : 0;

	if (rc)
		return rc;
	v.cmd = o->set;
	v.data = !o->flag ? value : value ? v.data | o->flag : v.data & ~o->flag;
	return ask(device, &v);
}
