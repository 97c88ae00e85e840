/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices of rules that limit connections (see lib/nft/lower_states.c), and what they ask for: the states of a source
 * that made too many are ended, and where the kernel could not count exactly, it is done here.
 *
 * A notice is a packet in an nflog group whose prefix says what, by which rule, and what is to be done. The kernel
 * lets one socket have a group: the table of those in /proc tells whether anybody follows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "plan/internal.h"

#define ROUND_MAX 64 /* notices that are judged together: each state is compared with each */
#define PREFIX_MAX 128
#define PROC_GROUPS "/proc/thread-self/net/netfilter/nfnetlink_log"

struct notice {
	bool crowd; /* else: refused already */
	enum pt_dir dir;
	uint32_t id, most;
	enum pt_flush flush;
	char table[PT_TABLE_NAME_MAX + 1]; /* "": none */
	struct pt_ct_tuple packet;
	/* found in the kernel's states: */
	bool found, over;
	struct pt_ct_entry state;
	uint64_t others; /* connections of the source by the rule that may pass */
	size_t ended;    /* states of the source, told with its first notice */
};

struct plan_notices {
	struct pt_nl *log, *ct;
	struct notice v[ROUND_MAX];
	size_t n;
	PT_VEC(struct pt_ct_entry) end;
};

/* ---- listening ---- */

static void config(void *buf, uint16_t type, const void *data, size_t len)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(PT_NFT_NOTICE_GROUP);
	mnl_attr_put(nlh, type, len, data);
}

static int listen_group(struct pt_nl *log)
{
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(PT_NFT_NOTICE_BYTES),
						     .copy_mode = NFULNL_COPY_PACKET };
	const uint32_t one = htonl(1); /* each at once */
	uint32_t buf[64];
	int rc;

	memset(buf, 0, sizeof(buf));
	config(buf, NFULA_CFG_CMD, &bind, sizeof(bind));
	rc = pt_nl_talk(log, (struct nlmsghdr *)buf, NULL, NULL);
	memset(buf, 0, sizeof(buf));
	config(buf, NFULA_CFG_MODE, &mode, sizeof(mode));
	if (!rc)
		rc = pt_nl_talk(log, (struct nlmsghdr *)buf, NULL, NULL);
	memset(buf, 0, sizeof(buf));
	config(buf, NFULA_CFG_QTHRESH, &one, sizeof(one));
	return rc ? rc : pt_nl_talk(log, (struct nlmsghdr *)buf, NULL, NULL);
}

int plan_notices_open(struct plan_notices **out, struct pt_err *e)
{
	struct plan_notices *n = calloc(1, sizeof(*n));
	int rc;

	*out = NULL;
	if (!n)
		return pt_err_sys(e, -ENOMEM, "listening to limits of connections");
	rc = pt_nl_open(&n->log, NETLINK_NETFILTER, e);
	if (!rc)
		rc = pt_nl_open(&n->ct, NETLINK_NETFILTER, e);
	if (rc)
		goto out;
	rc = listen_group(n->log);
	if (rc == -EBUSY)
		pt_err_add(e, PT_ERROR, NULL, "one `ptfw follow` for each network is enough",
			   "listening to limits of connections: another program has the nflog group %d",
			   PT_NFT_NOTICE_GROUP);
	else if (rc)
		rc = pt_err_sys(e, rc, "listening to limits of connections (nflog group %d)", PT_NFT_NOTICE_GROUP);
out:
	if (rc)
		plan_notices_close(n);
	else
		*out = n;
	return rc;
}

void plan_notices_close(struct plan_notices *n)
{
	if (!n)
		return;
	pt_nl_close(n->log);
	pt_nl_close(n->ct);
	free(n->end.v);
	free(n);
}

int plan_notices_fd(const struct plan_notices *n)
{
	return n ? pt_nl_fd(n->log) : -1;
}

bool pt_plan_followed(void)
{
	char text[4096], *line, *rest = text;
	ssize_t got;
	int fd = open(PROC_GROUPS, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strtoul(line, NULL, 10) == PT_NFT_NOTICE_GROUP)
			return true;
	return false;
}

/* ---- reading a notice ---- */

/* The words of lower_states.c: "over ID DIRECTION N FLUSH TABLE". Others may write into the group as well. */
static bool read_prefix(char *text, struct notice *n)
{
	static const char *const flush[] = { "state", "rule", "global" };
	char *word[6] = { NULL }, *end;
	uint64_t most;
	size_t i = 0;

	while (i < PT_ARRAY_SIZE(word) && text)
		word[i++] = strsep(&text, " ");
	if (i < PT_ARRAY_SIZE(word) || text || strlen(word[1]) != 8 || strlen(word[5]) > PT_TABLE_NAME_MAX)
		return false;
	n->crowd = !strcmp(word[0], "crowd");
	n->dir = strcmp(word[2], "in") ? PT_OUT : PT_IN;
	n->id = (uint32_t)strtoul(word[1], &end, 16);
	if ((!n->crowd && strcmp(word[0], "over") != 0) || *end || pt_parse_uint(word[3], UINT32_MAX, &most))
		return false;
	n->most = (uint32_t)most;
	for (i = 0; i < PT_ARRAY_SIZE(flush) && strcmp(word[4], flush[i]) != 0; i++)
		;
	n->flush = (enum pt_flush)i;
	memcpy(n->table, word[5], strlen(word[5]) + 1);
	if (!strcmp(n->table, "-"))
		n->table[0] = '\0';
	return i < PT_ARRAY_SIZE(flush) && (!n->table[0] || pt_table_name_ok(n->table));
}

/* Where TCP begins, behind the extension headers of IPv6; 0: nowhere. */
static size_t tcp_offset6(const uint8_t *p, size_t len)
{
	size_t at = 40;
	uint8_t next = p[6];

	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
		if (at + 8 > len)
			return 0;
		next = p[at];
		at += 8 + 8 * (size_t)p[at + 1];
	}
	return next == IPPROTO_TCP ? at : 0;
}

static bool read_packet(const uint8_t *p, size_t len, struct pt_ct_tuple *t)
{
	size_t at = 0;

	if (len >= 20 && p[0] >> 4 == 4 && p[9] == IPPROTO_TCP) {
		at = 4 * (size_t)(p[0] & 15);
		t->src = pt_addr_from_bytes(p + 12, 4);
		t->dst = pt_addr_from_bytes(p + 16, 4);
	} else if (len >= 40 && p[0] >> 4 == 6) {
		at = tcp_offset6(p, len);
		t->src = pt_addr_from_bytes(p + 8, 16);
		t->dst = pt_addr_from_bytes(p + 24, 16);
	}
	if (!at || at + 4 > len)
		return false;
	t->sport = (uint16_t)(p[at] << 8 | p[at + 1]);
	t->dport = (uint16_t)(p[at + 2] << 8 | p[at + 3]);
	return true;
}

static bool same_address(struct pt_addr x, struct pt_addr y)
{
	return x.af == y.af && x.v == y.v;
}

static bool same_tuple(const struct pt_ct_tuple *x, const struct pt_ct_tuple *y)
{
	return same_address(x->src, y->src) && same_address(x->dst, y->dst) && x->sport == y->sport && x->dport == y->dport;
}

/* One packet of a connection is enough. */
static bool known(const struct plan_notices *n, const struct notice *x)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->v[i].id == x->id && n->v[i].dir == x->dir && n->v[i].crowd == x->crowd &&
		    same_tuple(&n->v[i].packet, &x->packet))
			return true;
	return false;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFULA_MAX + 1];
	struct plan_notices *n = arg;
	char prefix[PREFIX_MAX] = "";
	struct notice x;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    pt_nl_attrs(nlh, sizeof(struct nfgenmsg), tb, PT_ARRAY_SIZE(tb)) || !tb[NFULA_PAYLOAD] ||
	    pt_nl_get_str(tb[NFULA_PREFIX], prefix, sizeof(prefix)))
		return 0;
	memset(&x, 0, sizeof(x));
	if (read_prefix(prefix, &x) &&
	    read_packet(mnl_attr_get_payload(tb[NFULA_PAYLOAD]), mnl_attr_get_payload_len(tb[NFULA_PAYLOAD]), &x.packet) &&
	    !known(n, &x))
		n->v[n->n++] = x;
	/* When there are more, their connections send again what gets lost. */
	return n->n < ROUND_MAX ? 0 : -E2BIG;
}

/* ---- judging ---- */

static bool same_addr(struct pt_addr a, struct pt_addr b)
{
	return a.af == b.af && a.v == b.v;
}

static bool of_rule(const struct pt_ct_entry *ct, const struct notice *x)
{
	return ct->has_label && ct->label[x->dir] == x->id;
}

/* The destination may have been translated on the way to the rule. */
static bool is_packet_of(const struct pt_ct_entry *ct, const struct notice *x)
{
	return ct->orig.sport == x->packet.sport &&
	       ((same_addr(ct->orig.dst, x->packet.dst) && ct->orig.dport == x->packet.dport) ||
		(same_addr(ct->reply.src, x->packet.dst) && ct->reply.sport == x->packet.dport));
}

static int count(const struct pt_ct_entry *ct, void *arg)
{
	struct plan_notices *n = arg;

	for (size_t i = 0; ct->proto == IPPROTO_TCP && i < n->n; i++) {
		struct notice *x = &n->v[i];
		uint32_t done = PT_LABEL_DONE_IN << (x->dir == PT_OUT);

		if (!same_addr(ct->orig.src, x->packet.src) || !of_rule(ct, x))
			continue;
		if (is_packet_of(ct, x)) {
			x->found = true;
			x->state = *ct;
		} else if (ct->label[0] & done && ct->tcp_state != TCP_CONNTRACK_TIME_WAIT &&
			   ct->tcp_state != TCP_CONNTRACK_CLOSE) {
			x->others++;
		}
	}
	return 0;
}

static int collect(const struct pt_ct_entry *ct, void *arg)
{
	struct plan_notices *n = arg;

	for (size_t i = 0; i < n->n; i++) {
		const struct notice *x = &n->v[i];
		bool mine;

		if (!x->over || !same_addr(ct->orig.src, x->packet.src) || !ct->has_label ||
		    !(ct->label[0] & (PT_LABEL_IN | PT_LABEL_OUT)))
			continue;
		mine = ct->proto == IPPROTO_TCP && of_rule(ct, x) && is_packet_of(ct, x);
		if (!mine && x->flush != PT_FLUSH_GLOBAL && (x->flush != PT_FLUSH_RULE || !of_rule(ct, x)))
			continue;
		return pt_vec_push(NULL, &n->end, *ct);
	}
	return 0;
}

/* Those of the same source by the same rule that came in one round count one after the other. */
static void admit(struct plan_notices *n, const struct notice *x)
{
	for (struct notice *y = n->v; y < n->v + n->n; y++)
		if (y != x && y->id == x->id && y->dir == x->dir && same_addr(y->packet.src, x->packet.src))
			y->others++;
}

static int into_table(struct pt_nl *nf, const struct notice *x, struct pt_err *e)
{
	struct pt_iset add[2] = { 0 };
	struct pt_iset *s = &add[x->packet.src.af == PT_AF_INET6];
	size_t added, deleted;
	int rc;

	if (!x->table[0])
		return 0;
	rc = pt_iset_add(NULL, s, x->packet.src.v, x->packet.src.v);
	pt_iset_norm(s);
	if (!rc)
		rc = pt_nft_table_change(nf, x->table, add, NULL, 0, &added, &deleted, e);
	pt_iset_fini(s);
	return rc;
}

static int judge_one(struct plan_notices *n, struct pt_nl *nf, struct notice *x, struct pt_err *e)
{
	uint32_t cleared[4] = { PT_LABEL_CLEARED_IN << (x->dir == PT_OUT) };
	int rc;

	if (!x->found)
		return 0; /* gone meanwhile */
	x->over = !x->crowd || x->others >= x->most;
	if (x->over)
		return x->crowd ? into_table(nf, x, e) : 0;
	rc = pt_ct_label(n->ct, &x->state, cleared);
	if (!rc)
		admit(n, x);
	return rc == -ENOENT ? 0 : rc;
}

static void ended_one(struct plan_notices *n, struct pt_addr source)
{
	for (size_t i = 0; i < n->n; i++)
		if (same_addr(n->v[i].packet.src, source)) {
			n->v[i].ended++;
			return;
		}
}

static int end_states(struct plan_notices *n, const struct pt_follower *who, struct pt_err *e)
{
	int rc = pt_ct_dump(n->ct, collect, n, e);

	for (size_t i = 0; !rc && i < n->end.n; i++) {
		rc = pt_ct_delete(n->ct, &n->end.v[i]);
		if (!rc)
			ended_one(n, n->end.v[i].orig.src);
		if (rc == -ENOENT)
			rc = 0;
	}
	n->end.n = 0;
	for (size_t i = 0; i < n->n && who->ended; i++)
		if (n->v[i].ended)
			who->ended(n->v[i].packet.src, n->v[i].ended, who->arg);
	return rc;
}

int plan_notices_take(struct plan_notices *n, struct pt_nl *nf, const struct pt_follower *who, struct pt_err *e)
{
	bool over = false;
	int rc;

	n->n = 0;
	rc = pt_nl_events(n->log, 0, take, n);
	if (rc == -ENOBUFS || rc == -E2BIG) /* lost ones come again with the next packet of their connection */
		rc = 0;
	if (!rc && n->n)
		rc = pt_ct_dump(n->ct, count, n, e);
	for (size_t i = 0; !rc && i < n->n; i++) {
		rc = judge_one(n, nf, &n->v[i], e);
		over = over || n->v[i].over;
	}
	if (!rc && over)
		rc = end_states(n, who, e);
	return rc;
}
