/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_ring - packets out of the kernel, without a copy: a ring of blocks for each device (TPACKET_V3).
 *
 * The socket hears nothing before its filter stands: it is bound last. Headers that the kernel has taken off, a VLAN
 * tag or that of a device that has none, are put before the packet in the ring, where room is reserved for them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "diag/capture.h"

#define BLOCK (512u << 10) /* the largest packet fits */
#define RETIRE 50 /* milliseconds after which a block that is not full is ours */
#define RESERVE 32
#define TAG 4
#define NAMES 64 /* devices whose names are remembered; an `any` may meet more */

struct ring {
	int fd;
	unsigned int index; /* 0: any */
	const char *device;
	bool cooked, ended, down; /* DOWN: it went down once, and may have come up since */
	struct pt_capture_filter *filter; /* that is left to us, NULL: none */
	uint8_t *map;
	size_t size;
	unsigned int blocks, next;
	uint64_t packets, dropped;
};

struct name {
	unsigned int index;
	char name[IF_NAMESIZE];
};

struct pt_capture {
	struct ring rings[PT_CAPTURE_DEVICES];
	size_t n;
	enum pt_dir dir;
	uint32_t snap;
	struct name names[NAMES];
	size_t n_names;
};

/* ---- opening ---- */

static int hardware_of(int fd, const char *device)
{
	struct ifreq r = { .ifr_ifindex = 0 };

	memcpy(r.ifr_name, device, strnlen(device, IF_NAMESIZE - 1));
	return ioctl(fd, SIOCGIFHWADDR, &r) ? -errno : r.ifr_hwaddr.sa_family;
}

static int open_socket(struct ring *r, struct pt_err *e)
{
	bool any = !strcmp(r->device, "any");
	int hardware = ARPHRD_VOID;
	int probe;

	r->index = any ? 0 : if_nametoindex(r->device);
	if (!any && !r->index) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "there is no device '%s'", r->device);
		return -ENODEV;
	}
	probe = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0 && (errno == EPERM || errno == EACCES)) {
		pt_err_add(e, PT_ERROR, NULL, "run it as root", "capturing packets needs CAP_NET_RAW");
		return -EPERM;
	}
	if (probe < 0)
		return pt_err_sys(e, -errno, "opening a packet socket");
	if (!any)
		hardware = hardware_of(probe, r->device);
	if (hardware < 0) {
		close(probe);
		return pt_err_sys(e, hardware, "asking for the kind of %s", r->device);
	}
	r->cooked = any || (hardware != ARPHRD_ETHER && hardware != ARPHRD_LOOPBACK);
	r->fd = probe;
	if (r->cooked)
		return 0;
	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	close(probe);
	return r->fd < 0 ? pt_err_sys(e, -errno, "opening a packet socket") : 0;
}

static int filter_socket(struct ring *r, const struct pt_capture_options *o, struct pt_err *e)
{
	uint16_t link = r->cooked ? PT_LINK_COOKED : PT_LINK_ETHERNET;
	struct pt_capture_filter *f = NULL;
	int rc;

	if (!o->filter) {
		rc = capture_snap_attach(r->fd, o->snap);
		return rc ? pt_err_sys(e, rc, "setting the snap length") : 0;
	}
	/* One device without a header of its own would be filtered by another one than ours. */
	rc = pt_capture_filter_new(o->filter, link, o->snap, r->cooked && strcmp(r->device, "any") ? NULL : r->device,
				   &f, e);
	if (rc)
		return rc;
	rc = capture_filter_attach(f, r->fd, r->cooked);
	if (rc == -EOPNOTSUPP || rc == -EINVAL || rc == -ENOMEM) {
		/* Too long for the kernel, or about what it has not there. */
		r->filter = f;
		rc = capture_snap_attach(r->fd, o->snap);
	} else {
		pt_capture_filter_free(f);
	}
	return rc ? pt_err_sys(e, rc, "giving the filter to the kernel") : 0;
}

static int map_ring(struct ring *r, uint64_t buffer, struct pt_err *e)
{
	int version = TPACKET_V3, reserve = RESERVE;
	struct tpacket_req3 q = { .tp_block_size = BLOCK,
				  .tp_frame_size = TPACKET_ALIGNMENT << 7,
				  .tp_retire_blk_tov = RETIRE };
	void *map;

	r->blocks = (unsigned int)(buffer / BLOCK);
	if (r->blocks < 2)
		r->blocks = 2;
	q.tp_block_nr = r->blocks;
	q.tp_frame_nr = r->blocks * (BLOCK / q.tp_frame_size);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)))
		return pt_err_sys(e, -errno, "making a ring of %u KiB for %s", r->blocks * (BLOCK >> 10), r->device);
	r->size = (size_t)r->blocks * BLOCK;
	map = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return pt_err_sys(e, -errno, "mapping the ring of %s", r->device);
	r->map = map;
	return 0;
}

static int bind_ring(struct ring *r, const struct pt_capture_options *o, struct pt_err *e)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)r->index };
	struct packet_mreq m = { .mr_ifindex = (int)r->index, .mr_type = PACKET_MR_PROMISC };
	int one = 1;

	if (o->dir == PT_IN) /* a help only: older kernels have it not, and each packet is looked at */
		(void)setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (bind(r->fd, (struct sockaddr *)&a, sizeof(a)))
		return pt_err_sys(e, -errno, "listening on %s", r->device);
	if (o->promiscuous && r->index && setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)))
		return pt_err_sys(e, -errno, "making %s promiscuous", r->device);
	return 0;
}

static void know_names(struct pt_capture *c)
{
	struct if_nameindex *all = if_nameindex();

	for (size_t i = 0; all && all[i].if_index && c->n_names < NAMES; i++) {
		struct name *n = &c->names[c->n_names++];

		n->index = all[i].if_index;
		memcpy(n->name, all[i].if_name, strnlen(all[i].if_name, IF_NAMESIZE - 1));
	}
	if (all)
		if_freenameindex(all);
}

int pt_capture_open(const struct pt_capture_options *o, struct pt_capture **out, struct pt_err *e)
{
	struct pt_capture *c = calloc(1, sizeof(*c));
	int rc = 0;

	*out = NULL;
	if (!c)
		return pt_err_sys(e, -ENOMEM, "capturing");
	for (size_t i = 0; !rc && i < o->n_devices; i++) {
		struct ring *r = &c->rings[c->n++];

		r->fd = -1;
		r->device = o->devices[i];
		rc = open_socket(r, e);
		if (!rc)
			rc = filter_socket(r, o, e);
		if (!rc)
			rc = map_ring(r, o->buffer, e);
		if (!rc)
			rc = bind_ring(r, o, e);
	}
	if (rc) {
		pt_capture_close(c);
		return rc;
	}
	c->dir = o->dir;
	c->snap = o->snap;
	know_names(c);
	*out = c;
	return 0;
}

void pt_capture_close(struct pt_capture *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		if (c->rings[i].map)
			munmap(c->rings[i].map, c->rings[i].size);
		if (c->rings[i].fd >= 0)
			close(c->rings[i].fd);
		pt_capture_filter_free(c->rings[i].filter);
	}
	free(c);
}

uint16_t pt_capture_link(const struct pt_capture *c, size_t device)
{
	return c->rings[device].cooked ? PT_LINK_COOKED : PT_LINK_ETHERNET;
}

/* ---- packets ---- */

/* A device that came later is asked for by a socket that is there: no other can be opened any more. */
static const char *name_of(struct pt_capture *c, unsigned int index)
{
	struct ifreq r = { .ifr_ifindex = (int)index };
	struct name *n;

	for (size_t i = 0; i < c->n_names; i++)
		if (c->names[i].index == index)
			return c->names[i].name;
	if (c->n_names >= NAMES)
		return "?";
	n = &c->names[c->n_names++];
	n->index = index;
	if (ioctl(c->rings[0].fd, SIOCGIFNAME, &r))
		memcpy(n->name, "?", 2);
	else
		memcpy(n->name, r.ifr_name, strnlen(r.ifr_name, IF_NAMESIZE - 1));
	return n->name;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Puts the tag back behind the addresses. */
static uint8_t *tag_frame(uint8_t *p, uint16_t tpid, uint16_t tci)
{
	memmove(p - TAG, p, 2 * ETH_ALEN);
	p -= TAG;
	put16(p + 2 * ETH_ALEN, tpid);
	put16(p + 2 * ETH_ALEN + 2, tci);
	return p;
}

static uint8_t *cook(uint8_t *p, const struct sockaddr_ll *a, bool tagged, uint16_t tpid, uint16_t tci)
{
	uint16_t proto = ntohs(a->sll_protocol);

	if (tagged) {
		p -= TAG;
		put16(p, tci);
		put16(p + 2, proto);
		proto = tpid;
	}
	p -= COOKED_SIZE;
	put16(p, a->sll_pkttype);
	put16(p + 2, a->sll_hatype);
	put16(p + 4, a->sll_halen);
	memset(p + 6, 0, 8);
	memcpy(p + 6, a->sll_addr, a->sll_halen < 8 ? a->sll_halen : 8);
	put16(p + 14, proto);
	return p;
}

/* Is it wanted? Loopback shows each packet twice, as it goes and as it comes. */
static bool wanted(const struct pt_capture *c, const struct sockaddr_ll *a)
{
	bool out = a->sll_pkttype == PACKET_OUTGOING;

	if (out && a->sll_hatype == ARPHRD_LOOPBACK)
		return false;
	return c->dir == PT_DIR_NONE || (c->dir == PT_OUT) == out;
}

static int take(struct pt_capture *c, struct ring *r, struct tpacket3_hdr *h, pt_capture_on on, void *arg)
{
	const struct sockaddr_ll *a = (const void *)((const uint8_t *)h + TPACKET_ALIGN(sizeof(*h)));
	bool tagged = h->tp_status & TP_STATUS_VLAN_VALID;
	uint16_t tci = (uint16_t)h->hv1.tp_vlan_tci;
	uint16_t tpid = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : ETH_P_8021Q;
	uint8_t *start = (uint8_t *)h + (r->cooked ? h->tp_net : h->tp_mac), *p = start;
	struct pt_capture_packet k;

	if (!wanted(c, a))
		return 0;
	if (r->cooked)
		p = cook(p, a, tagged, tpid, tci);
	else if (tagged && h->tp_snaplen >= 2 * ETH_ALEN)
		p = tag_frame(p, tpid, tci);
	k = (struct pt_capture_packet){ .time = (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec,
					.data = p,
					.n = h->tp_snaplen + (uint32_t)(start - p),
					.size = h->tp_len + (uint32_t)(start - p),
					.link = r->cooked ? PT_LINK_COOKED : PT_LINK_ETHERNET,
					.dir = a->sll_pkttype == PACKET_OUTGOING ? PT_OUT : PT_IN,
					.device = name_of(c, (unsigned int)a->sll_ifindex) };
	if (r->filter && !pt_capture_filter_match(r->filter, &k))
		return 0;
	if (k.n > c->snap) /* by the headers that were put before it */
		k.n = c->snap;
	return on(&k, arg);
}

/* 1: a block was there. Else 0, or what ON says. */
static int take_block(struct pt_capture *c, struct ring *r, pt_capture_on on, void *arg)
{
	struct tpacket_block_desc *d = (void *)(r->map + (size_t)r->next * BLOCK);
	uint8_t *p = (uint8_t *)d;
	int rc = 0;

	if (!(__atomic_load_n(&d->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return 0;
	p += d->hdr.bh1.offset_to_first_pkt;
	for (uint32_t i = 0; !rc && i < d->hdr.bh1.num_pkts; i++) {
		struct tpacket3_hdr *h = (void *)p;

		p += h->tp_next_offset;
		rc = take(c, r, h, on, arg);
	}
	__atomic_store_n(&d->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->next = (r->next + 1) % r->blocks;
	return rc ? rc : 1;
}

/* A block of every ring: 1 if there was one. Signals and the time are looked at between them. */
static int take_blocks(struct pt_capture *c, pt_capture_on on, void *arg)
{
	int rc, more = 0;

	for (size_t i = 0; i < c->n; i++) {
		rc = take_block(c, &c->rings[i], on, arg);
		if (rc < 0)
			return rc;
		more |= rc;
	}
	return more;
}

/* What came before the end is in blocks that the kernel gives away soon; what comes on is not waited for. */
static int take_rest(struct pt_capture *c, pt_capture_on on, void *arg, int why)
{
	const struct timespec retire = { .tv_nsec = 2 * RETIRE * 1000000 };
	unsigned int blocks = 0;
	int rc = 1;

	for (size_t i = 0; i < c->n; i++)
		blocks = c->rings[i].blocks > blocks ? c->rings[i].blocks : blocks;
	(void)nanosleep(&retire, NULL);
	for (unsigned int i = 0; rc > 0 && i < blocks; i++)
		rc = take_blocks(c, on, arg);
	return rc < 0 ? rc : why;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * A device that goes down tells it once, and is heard again when it comes up; one that goes away is not, and what it tells is that it
 * goes down: it may still be there then, and is asked for as long as it is down.
 */
static void look_if_away(struct ring *r, struct pt_err *e)
{
	struct ifreq q = { .ifr_ifindex = (int)r->index };

	r->ended = ioctl(r->fd, SIOCGIFNAME, &q) && errno == ENODEV;
	if (r->ended)
		pt_err_add(e, PT_WARNING, NULL, NULL, "%s went away while it was captured", r->device);
}

static int look_at_error(struct ring *r, struct pt_err *e)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error && error != ENETDOWN && error != ENOBUFS)
		return pt_err_sys(e, -error, "capturing on %s", r->device);
	if (error != ENETDOWN)
		return 0;
	look_if_away(r, e);
	r->down = !r->ended;
	if (r->down)
		pt_err_add(e, PT_WARNING, NULL, NULL, "%s went down while it was captured", r->device);
	return 0;
}

static int look_at_errors(struct pt_capture *c, const struct pollfd *p, struct pt_err *e)
{
	size_t alive = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++) {
		if (p[i].revents & (POLLERR | POLLHUP | POLLNVAL))
			rc = look_at_error(&c->rings[i], e);
		else if (c->rings[i].down && !c->rings[i].ended)
			look_if_away(&c->rings[i], e);
		alive += !c->rings[i].ended;
	}
	return rc ? rc : alive ? 0 : -ENETDOWN;
}

int pt_capture_run(struct pt_capture *c, int stop_fd, uint64_t until, pt_capture_on on, int (*pause)(void *arg),
		   void *arg, struct pt_err *e)
{
	struct pollfd p[PT_CAPTURE_DEVICES + 1];
	int rc = 0, busy = 0;

	while (!rc) {
		uint64_t now = now_ns();
		int wait = 1000;

		for (size_t i = 0; i < c->n; i++)
			p[i] = (struct pollfd){ c->rings[i].ended ? -1 : c->rings[i].fd, POLLIN, 0 };
		p[c->n] = (struct pollfd){ stop_fd, POLLIN, 0 };
		if (until && now >= until)
			return take_rest(c, on, arg, -ETIME);
		if (until && until - now < 1000000000)
			wait = (int)((until - now) / 1000000 + 1);
		if (poll(p, c->n + 1, busy ? 0 : wait) < 0 && errno != EINTR)
			return pt_err_sys(e, -errno, "waiting for packets");
		busy = take_blocks(c, on, arg);
		if (busy < 0)
			return busy;
		if (p[c->n].revents)
			return take_rest(c, on, arg, -ECANCELED);
		rc = look_at_errors(c, p, e);
		if (rc == -ENETDOWN)
			return take_rest(c, on, arg, rc);
		if (!rc && !busy && pause)
			rc = pause(arg);
	}
	return rc;
}

void pt_capture_counts(struct pt_capture *c, uint64_t *packets, uint64_t *dropped)
{
	*packets = *dropped = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct tpacket_stats_v3 s = { 0 };
		socklen_t len = sizeof(s);

		/* Reading resets them. */
		if (!getsockopt(c->rings[i].fd, SOL_PACKET, PACKET_STATISTICS, &s, &len)) {
			c->rings[i].packets += s.tp_packets;
			c->rings[i].dropped += s.tp_drops;
		}
		*packets += c->rings[i].packets;
		*dropped += c->rings[i].dropped;
	}
}
