/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lease - what servers of addresses gave: one small file for each device and family, written by what the client runs at each event,
 * read by who puts addresses in force and who shows them.
 *
 * All of it comes from the network, from whoever answered first. So only what is in its usual form is taken: an address that a host
 * can have, names of the letters that names have. What is not is left out, and told as refused.
 */
#ifndef PATRONUS_LEASE_H
#define PATRONUS_LEASE_H

#include <patronus/address.h>

#define PT_LEASE_MOST 8 /* of each kind that are taken */
#define PT_LEASE_FOR_EVER UINT32_MAX
/* Where the client's events are to be noted; with it, a tool without arguments is what the client runs. */
#define PT_LEASE_ENV "patronus_leases"
#define PT_LEASES_PATH 60

struct pt_lease_address {
	struct pt_prefix prefix;
	uint32_t valid, preferred; /* seconds from when it was got; PT_LEASE_FOR_EVER */
};

struct pt_lease_addrs {
	struct pt_addr v[PT_LEASE_MOST];
	size_t n;
};

struct pt_lease {
	struct pt_arena *arena;    /* of the texts; given by who reads */
	char device[PT_LINK_NAME];
	bool six;                  /* DHCPv6 */
	uint64_t at;               /* seconds of CLOCK_BOOTTIME when it was got */
	uint64_t stamp;            /* the same in nanoseconds: which of two is the later one */
	uint64_t time;             /* the clock then, for people */
	struct {
		struct pt_lease_address v[PT_LEASE_MOST];
		size_t n;
	} addresses, delegated;    /* delegated: prefixes */
	struct pt_lease_addrs routers, dns, ntp;
	const char *server;        /* its address, or its identifier in hexadecimal digits; NULL: not told, as below */
	const char *domain, *search, *hostname;
	uint32_t renew, mtu;       /* seconds from when it was got; bytes; 0: not told */
	const char *refused;       /* names of options that were not taken, with blanks between */
};

/* The folder of the leases of this network namespace. */
PT_API void pt_leases_path(char out[PT_LEASES_PATH]);
/* The lease of DEVICE; -ENOENT without a record: it has none. Texts in A. */
PT_API int pt_lease_read(const char *folder, const char *device, bool six, struct pt_arena *a, struct pt_lease *out,
			 struct pt_err *e) PT_MUST;
/* Forgets it; 0 also where there is none. */
PT_API int pt_lease_forget(const char *folder, const char *device, bool six, struct pt_err *e);
/* What is left of LIFETIME seconds of L: 0: nothing, PT_LEASE_FOR_EVER. */
PT_API uint32_t pt_lease_left(const struct pt_lease *l, uint32_t lifetime);
/* Takes an event of the client, given as its environment of "NAME=value", and notes it in FOLDER. An event that changes nothing
 * is 0; -EINVAL with a record: it gives no address that a host could have, and the lease before stays. */
PT_API int pt_lease_event(const char *folder, const char *const *env, struct pt_err *e) PT_MUST;

/* ---- those who ask ---- */

struct pt_dhcp_interface {
	const char *name, *device;
	bool six;
	/* NULL: none; what was refused of it, and why: "it overlaps lan" */
	const struct pt_lease *lease;
	const char *refused;
};
/* Each interface and family that asks, of what was put in force last in this network namespace; memory is gone when FN returns,
 * negative ends it. None where nothing is in force. */
PT_API int pt_dhcp_each(const char *folder, int (*fn)(const struct pt_dhcp_interface *i, void *arg), void *arg, struct pt_err *e) PT_MUST;

struct pt_dhcp_watcher {
	/* "eth0" "asks, process 1234": what becomes of its client; DEVICE "": of all. TEXT may be from the network. */
	void (*client)(const char *device, const char *text, void *arg);
	void (*failed)(const struct pt_err *why, void *arg);
	void *arg;
};
/* Has a client run for each device that is to ask, of what was put in force last in this network namespace, while its link is there;
 * returns on error or when FD_STOP (>= 0) becomes readable, and ends them. HOOK is the program that they run at each event, with
 * PT_LEASE_ENV in its environment. It puts nothing in force: see pt_network_watch(). ROUTE is borrowed. */
PT_API int pt_dhcp_watch(struct pt_nl *route, const char *hook, int fd_stop, const struct pt_dhcp_watcher *who, struct pt_err *e) PT_MUST;

/* ---- the client of one device ---- */

struct pt_dhcp_client {
	int pid;                   /* 0: it does not run */
	uint64_t since;            /* the clock when it was started */
	bool released;             /* it was told to give its lease back, and is not started */
};
/* 0 or a negative errno with a record; all zero where nobody runs. */
PT_API int pt_dhcp_client(const char *folder, const char *device, struct pt_dhcp_client *out, struct pt_err *e) PT_MUST;
/* Asks the server again, or starts it again where it was told to release. -ESRCH with a record: nobody runs it. */
PT_API int pt_dhcp_renew(const char *folder, const char *device, struct pt_err *e) PT_MUST;
/* Gives the lease back to the server; the client ends, until it is to renew. */
PT_API int pt_dhcp_release(const char *folder, const char *device, struct pt_err *e) PT_MUST;

#endif
