/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/setting - settings of IPv6 that a link has and that rtnetlink tells but does not take. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "net/trait.h"

static const char *const settings[] = {
	[PT_SETTING_ACCEPT_RA] = "accept_ra",
	[PT_SETTING_PROXY_NDP] = "proxy_ndp",
	[PT_SETTING_AUTOCONF] = "autoconf",
	[PT_SETTING_RA_DEFAULT] = "accept_ra_defrtr",
};

const char *net_setting_name(uint32_t number)
{
	return number < PT_ARRAY_SIZE(settings) ? settings[number] : "?";
}

static int open_setting(const char *device, uint32_t number, int flags)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", device, settings[number]);
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
