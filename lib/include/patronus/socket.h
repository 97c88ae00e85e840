/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket - who on this machine listens, who talks to whom, and how it goes, as sock_diag(7) tells.
 *
 * The kernel knows of sockets and not of programs: which of them has one open is seen in /proc, of other users' processes by
 * root only.
 */
#ifndef PATRONUS_SOCKET_H
#define PATRONUS_SOCKET_H

#include <patronus/addr.h>
#include <patronus/nl.h>

enum pt_socket_protocol { PT_SOCKET_TCP, PT_SOCKET_UDP, PT_SOCKET_RAW, PT_SOCKET_UNIX, PT_SOCKET_PROTOCOLS };
PT_API extern const char *const pt_socket_protocols[PT_SOCKET_PROTOCOLS + 1]; /* "tcp", ... ends with NULL */

/* The kernel's numbers of states, which those that are no TCP share; names end with NULL. */
#define PT_SOCKET_ESTABLISHED 1
#define PT_SOCKET_CLOSE 7
#define PT_SOCKET_LISTEN 10
#define PT_SOCKET_STATES 13
PT_API extern const char *const pt_socket_states[PT_SOCKET_STATES + 1];

struct pt_socket {
	enum pt_socket_protocol protocol;
	enum pt_af af;           /* NONE: unix */
	bool dual;               /* of IPv6, takes IPv4, too */
	uint8_t state;
	uint8_t type;            /* unix: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	struct pt_addr local, remote;
	uint16_t lport, rport;   /* raw: LPORT is the protocol's number */
	uint32_t device;         /* index of the link it is bound to, 0: none */
	uint32_t inode;          /* 0: no process has it open any more */
	uint32_t uid;
	bool has_uid;
	uint32_t receive_queue, send_queue; /* bytes; of listeners connections that wait, and that may */
	/* unix */
	const char *name;        /* NAME_LEN bytes, whatever they are; abstract ones begin with a zero; NULL: none */
	size_t name_len;
	uint32_t peer;           /* inode, 0: none */
	/* TCP */
	uint8_t timer;           /* 0 off, 1 retransmission, 2 keepalive, 3 time-wait, 4 zero window */
	uint8_t retries;
	uint32_t expires;        /* milliseconds */
	/* where details were asked for */
	bool has_info;
	uint32_t rtt, rtt_variance; /* microseconds */
	uint32_t retransmitted, lost, window, mss; /* segments but for MSS */
	char congestion[16];     /* "": not told */
};

/* What is asked for; zeros: all. */
struct pt_socket_filter {
	uint32_t protocols;      /* bits by enum pt_socket_protocol */
	uint32_t states;         /* bits by number */
	enum pt_af af;           /* then none of unix */
	bool has_prefix;
	struct pt_prefix prefix; /* of either end */
	uint16_t port;           /* of either end; 0: any */
	bool has_uid;
	uint32_t uid;
	bool details;
};

struct pt_sockets {
	struct pt_arena *arena;  /* borrowed */
	PT_VEC(struct pt_socket) v;
	uint32_t untold;         /* bits of protocols that this kernel does not tell of */
};

/* NL is of the bus NETLINK_SOCK_DIAG. */
PT_API int pt_sockets_read(struct pt_nl *nl, const struct pt_socket_filter *f, struct pt_arena *a, struct pt_sockets *out,
			   struct pt_err *e) PT_MUST;
/* One answer about PROTOCOL into OUT, if F asks for it. -EBADMSG, -ENOMEM or 0. */
PT_API int pt_sockets_parse(struct pt_sockets *out, const struct pt_socket_filter *f, enum pt_socket_protocol protocol,
			    const struct nlmsghdr *nlh) PT_MUST;
PT_API const char *pt_socket_state_name(const struct pt_socket *s);

/* ---- processes ---- */

struct pt_socket_owner {
	uint32_t inode;
	int pid, fd;
};
struct pt_socket_owners {
	PT_VEC(struct pt_socket_owner) v; /* by inode, process, descriptor */
	size_t refused;          /* processes that may not be looked at */
};
/* Memory from A. A process that ends meanwhile is left out. */
PT_API int pt_socket_owners_read(struct pt_arena *a, struct pt_socket_owners *out, struct pt_err *e) PT_MUST;
/* The first one of INODE, and how many there are. */
PT_API const struct pt_socket_owner *pt_socket_owners_of(const struct pt_socket_owners *o, uint32_t inode, size_t *n);
/* What a process calls itself, which are any bytes; "" where it is gone. */
#define PT_PROCESS_NAME 64
PT_API void pt_process_name(int pid, char name[PT_PROCESS_NAME]);

#endif
