/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names - the addresses of hosts' names: what /etc/hosts and the DNS said, kept on disk with its time to live.
 *
 * A firewall must come up without the DNS, so the last answer counts until there is another, however old it is. Answers
 * are asked for apart from any change of rules, for a bounded time. An address that is missing in a new answer stays
 * until that answer's time to live is over: servers that hand out their addresses in turns would flap else.
 */
#ifndef PATRONUS_NAMES_H
#define PATRONUS_NAMES_H

#include <patronus/addr.h>

#define PT_NAMES_FILE "/var/lib/patronus/names"
#define PT_NAME_ADDRESSES_MAX 256 /* of one name and family */
#define PT_NAME_TTL_MIN 5      /* seconds; shorter ones are taken for this */
#define PT_NAME_TTL_MAX 86400
#define PT_NAMES_WAIT_MS 2000  /* for all answers together */

/* What became of the newest question. */
enum pt_name_state {
	PT_NAME_NEVER,  /* not asked yet */
	PT_NAME_OK,
	PT_NAME_NONE,   /* the name does not exist, or has no such addresses */
	PT_NAME_FAILED, /* no server answered, or none with an answer */
};

struct pt_name_address {
	struct pt_addr addr;
	uint64_t until; /* not in the newest answer: stays until then; 0: is in it */
};

struct pt_name_side {
	enum pt_name_state state;
	uint64_t asked, answered; /* seconds since the epoch, 0: never */
	uint32_t ttl;             /* of the newest answer */
	uint32_t failures;        /* since then */
	PT_VEC(struct pt_name_address) addresses;
};

struct pt_name {
	const char *name; /* plain */
	struct pt_name_side side[2]; /* [0] IPv4, [1] IPv6 */
};

struct pt_names {
	struct pt_arena *arena;
	PT_VEC(struct pt_name) list; /* sorted */
};

/* Reads what is kept at PATH; none is an empty list. Lines that cannot be read are left out, with a warning. */
PT_API int pt_names_load(const char *path, struct pt_names **out, struct pt_err *e) PT_MUST;
PT_API int pt_names_store(const char *path, const struct pt_names *n, uint64_t now, struct pt_err *e) PT_MUST;
PT_API void pt_names_free(struct pt_names *n);

PT_API const struct pt_name *pt_names_find(const struct pt_names *n, const char *name);
/* Some question about it was answered with addresses, at whatever time. */
PT_API bool pt_name_known(const struct pt_name *name);
/* There is an answer for this family, perhaps that it has none. */
PT_API bool pt_name_answered(const struct pt_name *name, enum pt_af af);
/* Its addresses at NOW, a normal set. */
PT_API int pt_name_addresses(const struct pt_name *name, enum pt_af af, uint64_t now, struct pt_arena *a,
			     struct pt_iset *out) PT_MUST;
/* When it is to be asked for again, or loses an address; 0: now. */
PT_API uint64_t pt_name_due(const struct pt_name *name, uint64_t now);

/* Who is asked; NULL members: /etc/hosts and /etc/resolv.conf. */
struct pt_names_source {
	const char *hosts, *resolv;
	uint16_t port; /* 0: 53 */
};
/* Asks for those of the N names that are due at NOW, or with ALL for each of them, at once and for at most WAIT_MS
 * milliseconds. What gets no answer keeps what it had. CHANGED: something of N was written. -ENOMEM or 0: that nobody answers is
 * told by the states. */
PT_API int pt_names_ask(struct pt_names *n, const char *const *names, size_t count, bool all, uint64_t now, int wait_ms,
			const struct pt_names_source *from, bool *changed) PT_MUST;

/* Exposed for fuzzing and tests: one answer of the DNS (RFC 1035 section 4) to the question for NAME. 0 with the addresses
 * and their TTL, none where there are none; -EBADMSG: not an answer to that; -EAGAIN: the server cannot tell; -EMSGSIZE: cut
 * off; -EXDEV: it is another name's matter, which is in ALIAS. */
struct pt_dns_answer {
	PT_VEC(struct pt_addr) addresses;
	uint32_t ttl;
	char alias[256];
};
PT_API int pt_dns_parse(const uint8_t *msg, size_t len, uint16_t id, const char *name, enum pt_af af, struct pt_arena *a,
			struct pt_dns_answer *out) PT_MUST;

#endif
