/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/setting - settings of IP that a link has; those of IPv6 rtnetlink tells but does not take. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "net/trait.h"

static const struct {
	const char *family, *name; /* of the folder and of the file */
} settings[] = {
	[PT_SETTING_ACCEPT_RA] = { "ipv6", "accept_ra" },
	[PT_SETTING_PROXY_NDP] = { "ipv6", "proxy_ndp" },
	[PT_SETTING_AUTOCONF] = { "ipv6", "autoconf" },
	[PT_SETTING_RA_DEFAULT] = { "ipv6", "accept_ra_defrtr" },
	[PT_SETTING_PROMOTE] = { "ipv4", "promote_secondaries" },
};

const char *net_setting_name(uint32_t number)
{
	return number < PT_ARRAY_SIZE(settings) ? settings[number].name : "?";
}

static int open_setting(const char *device, uint32_t number, int flags)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", settings[number].family, device, settings[number].name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int net_setting_get(const char *device, uint32_t number, uint32_t *value)
{
	int fd = open_setting(device, number, O_RDONLY);
	char text[16];
	uint64_t n;
	ssize_t len;

	if (fd < 0)
		return fd;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len < 1)
		return -EIO;
	text[len - 1] = '\0'; /* the end of the line */
	if (pt_parse_uint(text, UINT32_MAX, &n))
		return -EIO;
	*value = (uint32_t)n;
	return 0;
}

int net_setting_set(const char *device, uint32_t number, uint32_t value)
{
	int fd = open_setting(device, number, O_WRONLY), n, rc = 0;
	char text[16];

	/* A link that is there without such a file: a kernel without IPv6. */
	if (fd < 0)
		return fd == -ENOENT ? -EAFNOSUPPORT : fd;
	n = snprintf(text, sizeof(text), "%u", value);
	if (write(fd, text, (size_t)n) != n)
		rc = -errno;
	close(fd);
	return rc;
}
