/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/listen - the one listener of a group.
 *
 * The kernel gathers packets and hands them over many at a time, so that ten thousand a second cost some
 * hundred wake-ups; a lone one waits a tenth of a second. It numbers them before it tries to hand them over: a
 * reader that is too slow finds a gap in the numbers, and knows how many it lost.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <patronus/log.h>

#define GATHER_PACKETS 128
#define GATHER_CENTISECONDS 10
#define GATHER_BYTES (32u << 10) /* a datagram must fit the buffer of the seam */
#define RCVBUF (32 << 20) /* some seconds of a flood */

union request {
	struct nlmsghdr head;
	uint8_t bytes[256];
};

static void begin(union request *req, uint16_t group)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	memset(req, 0, sizeof(*req));
	nlh = mnl_nlmsg_put_header(req);
	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
}

static void put_command(union request *req, uint8_t command)
{
	struct nfulnl_msg_config_cmd cmd = { .command = command };

	mnl_attr_put(&req->head, NFULA_CFG_CMD, sizeof(cmd), &cmd);
}

static void put_how(union request *req, uint32_t keep)
{
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(keep), .copy_mode = NFULNL_COPY_PACKET };

	mnl_attr_put(&req->head, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(&req->head, NFULA_CFG_NLBUFSIZ, htonl(GATHER_BYTES));
	mnl_attr_put_u32(&req->head, NFULA_CFG_TIMEOUT, htonl(GATHER_CENTISECONDS));
	mnl_attr_put_u32(&req->head, NFULA_CFG_QTHRESH, htonl(GATHER_PACKETS));
	mnl_attr_put_u16(&req->head, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
}

/* The kernel says "not permitted" to the second listener, too. Its list tells; who is not root cannot read it. */
static bool is_taken(uint16_t group)
{
	FILE *f = fopen("/proc/thread-self/net/netfilter/nfnetlink_log", "re");
	unsigned int one;
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%5u", &one) == 1 && one == group;
	if (f)
		(void)fclose(f);
	return found;
}

static int refused(uint16_t group, int code, struct pt_err *e)
{
	if (code == -EPERM && is_taken(group))
		code = -EBUSY;
	if (code == -EBUSY)
		pt_err_add(e, PT_ERROR, NULL, "end that program",
			   "another program listens to group %u of the log already", group);
	else if (code == -EPERM)
		pt_err_add(e, PT_ERROR, NULL, "run it as root, or with CAP_NET_ADMIN",
			   "cannot listen to group %u of the log: not permitted", group);
	else
		return pt_err_sys(e, code, "cannot listen to group %u of the log", group);
	return code;
}

int pt_log_bind(struct pt_nl *nf, uint16_t group, uint32_t keep, struct pt_err *e)
{
	int bytes = RCVBUF, fd = pt_nl_fd(nf), rc;
	union request req;

	/* Without the privilege the administrator's limit rules, and losses are told. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	begin(&req, group);
	put_command(&req, NFULNL_CFG_CMD_BIND);
	put_how(&req, keep);
	rc = pt_nl_talk(nf, &req.head, NULL, NULL);
	return rc ? refused(group, rc, e) : 0;
}

int pt_log_unbind(struct pt_nl *nf, uint16_t group)
{
	union request req;

	begin(&req, group);
	put_command(&req, NFULNL_CFG_CMD_UNBIND);
	return pt_nl_post(nf, &req.head); /* to wait for an answer would throw away what comes before it */
}
