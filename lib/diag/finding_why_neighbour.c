/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The next one on the link: has it a link address. The kernel asks for it, by ARP or neighbour discovery, as it would
 * for a packet.
 *
 * With a privilege it is told to ask, so that no rule comes in between. Without one a datagram goes to the destination,
 * which our own rules may keep from the link: then nobody was asked, and that is no fault of the neighbour.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "diag/address.h"
#include "diag/finding_why.h"

#define LOOKS 40          /* at the table, LOOK_MS apart: a bit longer than three questions of the kernel */
#define LOOK_MS 100
#define QUESTION_MAX 128
#define DISCARD 9         /* RFC 863: the port of the datagram that causes the question */

/* States in which packets are sent to a link address: the kernel's own NUD_VALID. */
#define KNOWN (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

enum caused {
	CAUSED,
	NOT_NEEDED,        /* its address is known without asking */
	KEPT_BACK,         /* by our own rules */
};

static struct pt_addr next_hop(const struct why_walk *k)
{
	return k->way.via.af ? k->way.via : k->to;
}

static struct ndmsg *begin(const struct why_walk *k, struct nlmsghdr *nlh, uint16_t type)
{
	struct pt_addr who = next_hop(k);
	struct ndmsg *ndm;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = who.af == PT_AF_INET ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = (int)k->way.index;
	pt_nl_put_addr(nlh, NDA_DST, who);
	return ndm;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return pt_neighbours_parse(arg, nlh);
}

/* The one entry: a machine may have very many, and it is looked at again and again. */
static int look(struct why *y, const struct why_walk *k, struct pt_neighbour *out, bool *found)
{
	struct pt_neighbours one = { .arena = y->arena };
	uint8_t buf[QUESTION_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int rc;

	(void)begin(k, nlh, RTM_GETNEIGH);
	rc = pt_nl_talk(y->route, nlh, take, &one);
	*found = !rc && one.v.n;
	if (*found)
		*out = one.v.v[0];
	return rc && rc != -ENOENT ? pt_err_sys(y->e, rc, "asking for a neighbour") : 0;
}

/* ---- causing the question ---- */

/* Unknown ones are asked for as for a packet; what is old is confirmed at once, which the kernel would do five
 * seconds after one. */
static int cause_by_netlink(struct why *y, const struct why_walk *k, bool old)
{
	uint8_t buf[QUESTION_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm = begin(k, nlh, RTM_NEWNEIGH);

	nlh->nlmsg_flags |= old ? NLM_F_REPLACE : NLM_F_CREATE;
	ndm->ndm_state = old ? NUD_PROBE : NUD_NONE;
	ndm->ndm_flags = old ? 0 : NTF_USE;
	return pt_nl_talk(y->route, nlh, NULL, NULL);
}

static int cause_by_datagram(const struct why *y, const struct why_walk *k, enum caused *out)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_of(k->to, DISCARD, k->zone, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return pt_err_sys(y->e, -errno, "opening a socket");
	if (y->o->on && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, y->o->on, (socklen_t)strlen(y->o->on)))
		rc = -errno;
	if (!rc && sendto(fd, "", 0, MSG_NOSIGNAL, (const struct sockaddr *)&sa, len) < 0)
		rc = -errno;
	close(fd);
	*out = rc ? KEPT_BACK : CAUSED;
	return 0;
}

static int cause(struct why *y, const struct why_walk *k, const struct pt_neighbour *n, bool found, enum caused *out)
{
	bool old = found && n->state & (NUD_STALE | NUD_DELAY);

	*out = found && n->state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE) ? NOT_NEEDED : CAUSED;
	if (*out == NOT_NEEDED || !cause_by_netlink(y, k, old))
		return 0;
	return cause_by_datagram(y, k, out);
}

static bool is_settled(const struct pt_neighbour *n, bool found)
{
	return found && n->state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_FAILED | NUD_STALE | NUD_DELAY);
}

/* Until the kernel knows, one way or the other. */
static int wait_for(struct why *y, const struct why_walk *k, struct pt_neighbour *n, bool *found)
{
	struct pollfd fds[1];
	int rc = 0;

	for (int i = 0; !rc && i < LOOKS && !is_settled(n, *found); i++) {
		rc = why_wait(y, fds, 0, i < 5 ? LOOK_MS / 10 : LOOK_MS);
		if (!rc)
			rc = look(y, k, n, found);
	}
	return rc;
}

/* ---- what is said ---- */

static void say_silent(const struct why *y, const struct why_walk *k, const char *who, const struct pt_neighbour *n,
		       bool found, struct why_say *s)
{
	const char *device = why_device(y, k->way.index), *how = k->to.af == PT_AF_INET ? "ARP" : "neighbour discovery";

	if (k->way.via.af)
		how = k->way.via.af == PT_AF_INET ? "ARP" : "neighbour discovery";
	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text),
		       "%s%s does not answer on %s: nobody there has that address, or it is off",
		       k->way.via.af ? "the gateway " : "", who, device);
	(void)snprintf(s->seen, sizeof(s->seen), "%s was asked for by %s, its entry is %s, without a link address", who,
		       how, found ? pt_neighbour_state(n) : "gone");
	(void)snprintf(s->next, sizeof(s->next), "ptdiag capture on %s filter '%s' count 10", device,
		       !strcmp(how, "ARP") ? "arp" : "icmp6");
}

static void say_known(const struct why *y, const struct why_walk *k, const char *who, const struct pt_neighbour *n,
		      struct why_say *s)
{
	char mac[32] = "";

	if (n->has_mac)
		(void)snprintf(mac, sizeof(mac), " is %02x:%02x:%02x:%02x:%02x:%02x",
			       (unsigned int)(n->mac >> 40 & 0xff), (unsigned int)(n->mac >> 32 & 0xff),
			       (unsigned int)(n->mac >> 24 & 0xff), (unsigned int)(n->mac >> 16 & 0xff),
			       (unsigned int)(n->mac >> 8 & 0xff), (unsigned int)(n->mac & 0xff));
	(void)snprintf(s->text, sizeof(s->text), "%s%s on %s, %s", who, mac, why_device(y, k->way.index),
		       pt_neighbour_state(n));
}

static bool say_needless(const struct why *y, const struct why_walk *k, struct why_say *s)
{
	if (k->way.type == RTN_LOCAL || (k->link && k->link->flags & IFF_LOOPBACK))
		(void)snprintf(s->text, sizeof(s->text), "none: it stays on this machine");
	else if (k->link && k->link->flags & (IFF_NOARP | IFF_POINTOPOINT))
		(void)snprintf(s->text, sizeof(s->text), "none: %s has one other end, which needs no link address",
			       why_device(y, k->way.index));
	else
		return false;
	return true;
}

int why_neighbour(struct why *y, struct why_walk *k, struct why_say *s)
{
	struct pt_neighbour n = { 0 };
	enum caused caused;
	bool found;
	char who[64];
	int rc;

	if (say_needless(y, k, s))
		return 0;
	rc = look(y, k, &n, &found);
	if (!rc)
		rc = cause(y, k, &n, found, &caused);
	if (!rc && caused == CAUSED) {
		/* What the kernel knew before is no answer to this question. */
		rc = look(y, k, &n, &found);
		if (!rc)
			rc = wait_for(y, k, &n, &found);
	}
	if (rc)
		return rc;
	why_text(next_hop(k), who);
	if (found && n.state & KNOWN) {
		say_known(y, k, who, &n, s);
	} else if (caused == KEPT_BACK) {
		s->outcome = PT_WHY_UNKNOWN;
		(void)snprintf(s->text, sizeof(s->text),
			       "%s could not be asked for: this machine's own rules keep the packet back", who);
		(void)snprintf(s->seen, sizeof(s->seen), "no entry for it, and a datagram to %s was not let out",
			       y->o->host);
		(void)snprintf(s->next, sizeof(s->next), "as root it is asked for without a packet");
	} else {
		say_silent(y, k, who, &n, found, s);
	}
	return 0;
}
