/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/socket - the sockets of a network namespace: what is asked of the kernel, and what it answers, checked. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>

#include "diag/socket.h"

const char *const pt_socket_protocols[PT_SOCKET_PROTOCOLS + 1] = { "tcp", "udp", "raw", "unix", NULL };

const char *const pt_socket_states[PT_SOCKET_STATES + 1] = {
	"unknown", "established", "syn-sent",  "syn-received", "fin-wait-1", "fin-wait-2",   "time-wait",
	"closed",  "close-wait",  "last-ack", "listen",       "closing",    "new-syn-received", NULL,
};

const char *pt_socket_state_name(const struct pt_socket *s)
{
	/* Without connections, closed is what they all are. */
	if (s->protocol != PT_SOCKET_TCP && s->state == PT_SOCKET_CLOSE)
		return "unconnected";
	return pt_socket_states[s->state < PT_SOCKET_STATES ? s->state : 0];
}

/* ---- judging ---- */

static bool within(const struct pt_prefix *p, struct pt_addr a)
{
	/* An IPv4 peer of an IPv6 socket is asked for by its own address. */
	if (p->addr.af == PT_AF_INET && a.af == PT_AF_INET6 && a.v >> 32 == 0xffff)
		a = (struct pt_addr){ .af = PT_AF_INET, .v = (uint32_t)a.v };
	return a.af == p->addr.af && a.v >= pt_prefix_lo(p) && a.v <= pt_prefix_hi(p);
}

bool socket_is_asked(const struct pt_socket_filter *f, const struct pt_socket *s)
{
	bool ports = s->protocol == PT_SOCKET_TCP || s->protocol == PT_SOCKET_UDP;

	if (f->states && !(f->states & 1u << (s->state & 31)))
		return false;
	if (f->af && s->af != f->af)
		return false;
	if (f->port && (!ports || (s->lport != f->port && s->rport != f->port)))
		return false;
	if (f->has_prefix && !within(&f->prefix, s->local) && !within(&f->prefix, s->remote))
		return false;
	return !f->has_uid || (s->has_uid && s->uid == f->uid);
}

/* ---- TCP, UDP, raw ---- */

/* Kernels tell more as they become newer: what is shorter ends earlier, and the rest is zero. */
static void read_info(const struct nlattr *attr, struct pt_socket *s)
{
	struct tcp_info info = { 0 };
	size_t n = mnl_attr_get_payload_len(attr);

	memcpy(&info, mnl_attr_get_payload(attr), n < sizeof(info) ? n : sizeof(info));
	s->has_info = n >= offsetof(struct tcp_info, tcpi_total_retrans) + sizeof(info.tcpi_total_retrans);
	s->rtt = info.tcpi_rtt;
	s->rtt_variance = info.tcpi_rttvar;
	s->retransmitted = info.tcpi_total_retrans;
	s->lost = info.tcpi_lost;
	s->window = info.tcpi_snd_cwnd;
	s->mss = info.tcpi_snd_mss;
}

static int parse_inet(const struct nlmsghdr *nlh, struct pt_socket *s)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[INET_DIAG_SKV6ONLY + 1];
	uint8_t only = 1;
	size_t bytes;

	if (pt_nl_attrs(nlh, sizeof(*m), tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get(tb[INET_DIAG_SKV6ONLY], &only, sizeof(only)) ||
	    pt_nl_get_str(tb[INET_DIAG_CONG], s->congestion, sizeof(s->congestion)))
		return -EBADMSG;
	if (m->idiag_family != AF_INET && m->idiag_family != AF_INET6)
		return -EBADMSG;
	bytes = m->idiag_family == AF_INET ? 4 : 16;
	s->af = m->idiag_family == AF_INET ? PT_AF_INET : PT_AF_INET6;
	s->dual = !only;
	s->state = m->idiag_state;
	s->local = pt_addr_from_bytes((const uint8_t *)m->id.idiag_src, bytes);
	s->remote = pt_addr_from_bytes((const uint8_t *)m->id.idiag_dst, bytes);
	s->lport = ntohs(m->id.idiag_sport);
	s->rport = ntohs(m->id.idiag_dport);
	s->device = m->id.idiag_if;
	s->inode = m->idiag_inode;
	s->uid = m->idiag_uid;
	/* What only waits for its end belongs to nobody. */
	s->has_uid = s->inode != 0;
	s->receive_queue = m->idiag_rqueue;
	s->send_queue = m->idiag_wqueue;
	s->timer = m->idiag_timer;
	s->retries = m->idiag_retrans;
	s->expires = m->idiag_expires;
	if (tb[INET_DIAG_INFO] && s->protocol == PT_SOCKET_TCP)
		read_info(tb[INET_DIAG_INFO], s);
	return 0;
}

/* ---- unix ---- */

static int parse_unix(struct pt_arena *a, const struct nlmsghdr *nlh, struct pt_socket *s)
{
	const struct unix_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[UNIX_DIAG_UID + 1];
	struct unix_diag_rqlen queues = { 0 };

	if (pt_nl_attrs(nlh, sizeof(*m), tb, PT_ARRAY_SIZE(tb)) ||
	    pt_nl_get(tb[UNIX_DIAG_RQLEN], &queues, sizeof(queues)) ||
	    pt_nl_get(tb[UNIX_DIAG_PEER], &s->peer, sizeof(s->peer)) ||
	    pt_nl_get(tb[UNIX_DIAG_UID], &s->uid, sizeof(s->uid)))
		return -EBADMSG;
	s->has_uid = tb[UNIX_DIAG_UID] != NULL;
	s->state = m->udiag_state;
	s->type = m->udiag_type;
	s->inode = m->udiag_ino;
	s->receive_queue = queues.udiag_rqueue;
	s->send_queue = queues.udiag_wqueue;
	if (tb[UNIX_DIAG_NAME]) {
		s->name_len = mnl_attr_get_payload_len(tb[UNIX_DIAG_NAME]);
		s->name = pt_arena_memdup(a, mnl_attr_get_payload(tb[UNIX_DIAG_NAME]), s->name_len);
		if (!s->name)
			return -ENOMEM;
		/* A path has the end of a string in its length; of other names each zero is a byte like others. */
		if (s->name_len > 1 && s->name[0] && !s->name[s->name_len - 1])
			s->name_len--;
	}
	return 0;
}

/* ---- all of them ---- */

int pt_sockets_parse(struct pt_sockets *out, const struct pt_socket_filter *f, enum pt_socket_protocol protocol,
		     const struct nlmsghdr *nlh)
{
	struct pt_socket s = { .protocol = protocol };
	int rc;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	rc = protocol == PT_SOCKET_UNIX ? parse_unix(out->arena, nlh, &s) : parse_inet(nlh, &s);
	if (rc || !socket_is_asked(f, &s))
		return rc;
	return pt_vec_push(out->arena, &out->v, s);
}

struct reading {
	struct pt_sockets *out;
	const struct pt_socket_filter *f;
	enum pt_socket_protocol protocol;
	size_t before; /* those of the readings before this one */
};

static int take(const struct nlmsghdr *nlh, void *arg)
{
	struct reading *r = arg;

	return pt_sockets_parse(r->out, r->f, r->protocol, nlh);
}

static void forget(void *arg)
{
	struct reading *r = arg;

	r->out->v.n = r->before;
}

static int read_inet(struct pt_nl *nl, uint8_t family, struct reading *r)
{
	static const uint8_t numbers
		[] = { [PT_SOCKET_TCP] = IPPROTO_TCP, [PT_SOCKET_UDP] = IPPROTO_UDP, [PT_SOCKET_RAW] = IPPROTO_RAW };
	uint8_t bytes[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req->sdiag_family = family;
	req->sdiag_protocol = numbers[r->protocol];
	req->idiag_states = r->f->states ? r->f->states : UINT32_MAX;
	if (r->f->details)
		req->idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1);
	r->before = r->out->v.n;
	return pt_nl_dump(nl, nlh, forget, take, r);
}

static int read_unix(struct pt_nl *nl, struct reading *r)
{
	uint8_t bytes[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct unix_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	req->sdiag_family = AF_UNIX;
	req->udiag_states = r->f->states ? r->f->states : UINT32_MAX;
	req->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
	r->before = r->out->v.n;
	return pt_nl_dump(nl, nlh, forget, take, r);
}

static int read_protocol(struct pt_nl *nl, struct reading *r)
{
	int rc = 0;

	if (r->protocol == PT_SOCKET_UNIX)
		return r->f->af || r->f->port || r->f->has_prefix ? 0 : read_unix(nl, r);
	if (r->f->af != PT_AF_INET6)
		rc = read_inet(nl, AF_INET, r);
	if (!rc && r->f->af != PT_AF_INET)
		rc = read_inet(nl, AF_INET6, r);
	return rc;
}

int pt_sockets_read(struct pt_nl *nl, const struct pt_socket_filter *f, struct pt_arena *a, struct pt_sockets *out,
		    struct pt_err *e)
{
	*out = (struct pt_sockets){ .arena = a };
	for (enum pt_socket_protocol p = 0; p < PT_SOCKET_PROTOCOLS; p++) {
		struct reading r = { .out = out, .f = f, .protocol = p };
		int rc;

		if (f->protocols && !(f->protocols & 1u << p))
			continue;
		rc = read_protocol(nl, &r);
		/* Each protocol is a module of the kernel's, and some are built without it. */
		if (rc == -ENOENT && p == PT_SOCKET_RAW) {
			out->v.n = r.before;
			rc = socket_read_raw(out, f);
		}
		if (rc == -ENOENT || rc == -EPROTONOSUPPORT)
			out->untold |= 1u << p;
		else if (rc)
			return pt_err_sys(e, rc, "listing the %s sockets of this machine", pt_socket_protocols[p]);
	}
	return 0;
}
