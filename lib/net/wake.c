/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/wake - Wake-on-LAN: the packet, as a frame of its own or in UDP. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <patronus/wake.h>

#define ETHERTYPE_WAKE 0x0842
#define TIMES 16

static uint8_t *put_mac(uint8_t *p, uint64_t mac)
{
	for (int shift = 40; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(mac >> shift);
	return p;
}

size_t pt_wake_bytes(const struct pt_wake *w, uint8_t out[PT_WAKE_MAX])
{
	uint8_t *p = out;

	memset(p, 0xff, 6);
	p += 6;
	for (int i = 0; i < TIMES; i++)
		p = put_mac(p, w->mac);
	if (w->has_password)
		p = put_mac(p, w->password);
	return (size_t)(p - out);
}

static int send_frame(const uint8_t *bytes, size_t n, unsigned int index)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_WAKE), .sll_ifindex = (int)index, .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	memset(to.sll_addr, 0xff, 6);
	if (sendto(fd, bytes, n, 0, (const struct sockaddr *)&to, sizeof(to)) != (ssize_t)n)
		rc = -errno;
	close(fd);
	return rc;
}

static int send_udp(const uint8_t *bytes, size_t n, const char *device, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_BROADCAST) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, rc = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) ||
	    sendto(fd, bytes, n, 0, (const struct sockaddr *)&to, sizeof(to)) != (ssize_t)n)
		rc = -errno;
	close(fd);
	return rc;
}

int pt_wake_send(const struct pt_wake *w, const char *device, uint16_t port, struct pt_err *e)
{
	unsigned int index = if_nametoindex(device);
	uint8_t bytes[PT_WAKE_MAX];
	size_t n = pt_wake_bytes(w, bytes);
	int rc;

	if (!index) {
		pt_err_add(e, PT_ERROR, NULL, "`ptnet link show` lists them", "there is no device %s", device);
		return -ENODEV;
	}
	rc = port ? send_udp(bytes, n, device, port) : send_frame(bytes, n, index);
	return rc ? pt_err_sys(e, rc, "sending by %s", device) : 0;
}
