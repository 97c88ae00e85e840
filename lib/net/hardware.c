/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/hardware - what only a link's driver tells: who it is, how fast the link is. Most links have no such thing. */
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include <patronus/link.h>

static bool ask(int fd, const char *device, void *question)
{
	struct ifreq req = { 0 };

	memcpy(req.ifr_name, device, strnlen(device, sizeof(req.ifr_name) - 1));
	req.ifr_data = question;
	return !ioctl(fd, SIOCETHTOOL, &req);
}

static void ask_all(int fd, const char *device, struct pt_link_hardware *out)
{
	struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };

	if (ask(fd, device, &driver))
		memcpy(out->driver, driver.driver, strnlen(driver.driver, sizeof(out->driver) - 1));
	if (!ask(fd, device, &settings))
		return;
	out->speed = (uint32_t)settings.speed_hi << 16 | settings.speed; /* of which the kernel's own function makes a negative number */
	if (out->speed == (uint32_t)SPEED_UNKNOWN || out->speed == UINT16_MAX)
		out->speed = 0;
	if (settings.duplex == DUPLEX_FULL || settings.duplex == DUPLEX_HALF)
		out->duplex = settings.duplex == DUPLEX_FULL ? "full" : "half";
}

struct pt_link_hardware *pt_links_hardware(const struct pt_links *l, struct pt_arena *a)
{
	struct pt_link_hardware *all = pt_arena_alloc(a, (l->v.n + 1) * sizeof(*all));
	int fd = all ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	for (size_t i = 0; fd >= 0 && i < l->v.n; i++)
		ask_all(fd, l->v.v[i].name, &all[i]);
	if (fd >= 0)
		close(fd);
	return all;
}
