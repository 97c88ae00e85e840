/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dns - questions to servers of the DNS, one server at a time, and everything that an answer says.
 *
 * The resolver of the C library answers "which address"; who looks for a fault wants to see what each server really
 * sends: sections, flags, codes, sizes, times, and every type of record as a zone file would have it. Reading is a pure
 * function over bytes; what does not fit is told and never believed.
 */
#ifndef PATRONUS_DNS_H
#define PATRONUS_DNS_H

#include <sys/socket.h>

#include <patronus/addr.h>
#include <patronus/dial.h>

#define PT_DNS_WIRE_MAX 255       /* of a name, RFC 1035 section 3.1 */
#define PT_DNS_MESSAGE_MAX 65535
#define PT_DNS_PORT 53
#define PT_DNS_TLS_PORT 853       /* RFC 7858 */
#define PT_DNS_SIZE 1232          /* of a datagram that no link on the way cuts */
#define PT_DNS_SERVERS_MAX 16

/* ---- names of numbers ---- */

enum { PT_DNS_A = 1, PT_DNS_NS = 2, PT_DNS_CNAME = 5, PT_DNS_SOA = 6, PT_DNS_PTR = 12, PT_DNS_AAAA = 28, PT_DNS_OPT = 41,
       PT_DNS_RRSIG = 46, PT_DNS_IXFR = 251, PT_DNS_AXFR = 252 };
enum { PT_DNS_IN = 1 };
enum { PT_DNS_NOERROR = 0, PT_DNS_FORMERR = 1, PT_DNS_SERVFAIL = 2, PT_DNS_NXDOMAIN = 3, PT_DNS_NOTIMP = 4, PT_DNS_REFUSED = 5 };

/* "AAAA", "aaaa", "TYPE28"; "IN", "CH", "CLASS3". -EINVAL. */
PT_API int pt_dns_type(const char *s, uint16_t *out) PT_MUST;
PT_API int pt_dns_class(const char *s, uint16_t *out) PT_MUST;
/* And back; BUF is used where a number has no name. */
PT_API const char *pt_dns_type_name(uint16_t type, char buf[16]);
PT_API const char *pt_dns_class_name(uint16_t rclass, char buf[16]);
PT_API const char *pt_dns_rcode_name(unsigned int rcode, char buf[16]);
PT_API const char *pt_dns_opcode_name(unsigned int opcode, char buf[16]);
/* RFC 8914: what an extended error means; "unassigned" where nobody knows. */
PT_API const char *pt_dns_ede_name(uint16_t code);

/* ---- names of hosts ---- */

/* A name in its text form, with the escapes of RFC 1035 section 5.1, into labels with their lengths; the bytes, or -EINVAL.
 * Characters beyond ASCII become A-labels first: pt_dns_idna(). */
PT_API int pt_dns_name_wire(const char *text, uint8_t out[PT_DNS_WIRE_MAX]) PT_MUST;
/* A whole name of labels as text, escaped, with its final dot. */
PT_API void pt_dns_name_text(struct pt_buf *b, const uint8_t *wire);
/* "bücher.example" into "xn--bcher-kva.example", by libidn2. *OUT is in A. A record says why not. */
PT_API int pt_dns_idna(const char *text, struct pt_arena *a, const char **out, struct pt_err *e) PT_MUST;
/* The name below in-addr.arpa or ip6.arpa whose PTR records name ADDR. */
PT_API void pt_dns_reverse(struct pt_buf *b, struct pt_addr addr);

/* ---- messages ---- */

struct pt_dns_record {
	const char *name; /* as a zone file has it */
	uint16_t type, rclass;
	uint32_t ttl;
	const char *data; /* RFC 3597 form where the type is not known, or BAD */
	bool bad;         /* the bytes are none of that type */
};

enum pt_dns_section { PT_DNS_ANSWER, PT_DNS_AUTHORITY, PT_DNS_ADDITIONAL, PT_DNS_SECTIONS };

enum { /* bits of the header's second word */
	PT_DNS_QR = 0x8000, PT_DNS_AA = 0x0400, PT_DNS_TC = 0x0200, PT_DNS_RD = 0x0100, PT_DNS_RA = 0x0080, PT_DNS_AD = 0x0020,
	PT_DNS_CD = 0x0010,
};

struct pt_dns_ede {
	uint16_t code;
	const char *text; /* of the server, as it came, without NULs; perhaps empty */
};

struct pt_dns_edns {
	bool there, dnssec;
	uint8_t version;
	uint16_t size;
	const char *nsid;      /* hexadecimal digits, NULL: none */
	const char *nsid_text; /* the same as text */
	PT_VEC(struct pt_dns_ede) errors;
	size_t others; /* options that are not shown */
};

struct pt_dns_message {
	uint16_t id, flags;
	unsigned int opcode, rcode; /* with the extended bits of EDNS */
	const char *name;           /* asked for; NULL: no question in it */
	uint16_t type, rclass;
	PT_VEC(struct pt_dns_record) section[PT_DNS_SECTIONS]; /* without OPT */
	struct pt_dns_edns edns;
	size_t size, bad, extra; /* bytes; records that are none of their type; bytes behind the last record */
};

/* Reads LEN bytes. -EBADMSG with WHY (a constant) and how far it came in OUT; -ENOMEM. */
PT_API int pt_dns_read(const uint8_t *msg, size_t len, struct pt_arena *a, struct pt_dns_message *out, const char **why) PT_MUST;

struct pt_dns_query {
	uint8_t name[PT_DNS_WIRE_MAX]; /* labels */
	uint16_t type, rclass;
	bool recurse, dnssec, nsid, checking_disabled;
	uint16_t size; /* of answers by UDP; 0: without EDNS */
};

/* The bytes of it, at most PT_DNS_QUERY_MAX. */
#define PT_DNS_QUERY_MAX 300
PT_API size_t pt_dns_write(const struct pt_dns_query *q, uint16_t id, uint8_t out[PT_DNS_QUERY_MAX]);

/* ---- servers ---- */

struct pt_dns_server {
	struct sockaddr_storage addr; /* with its port */
	socklen_t len;
	const char *name; /* as it was asked for; NULL: by address */
	struct pt_addr address;
};

/* resolv.conf(5): who is asked, and where names without dots are looked for. Pure; memory is A's. */
struct pt_dns_conf {
	PT_VEC(struct pt_dns_server) servers; /* port 53 */
	PT_VEC(const char *) search;
	unsigned int ndots;
};
PT_API int pt_dns_conf_read(const char *text, struct pt_arena *a, struct pt_dns_conf *out) PT_MUST;
PT_API int pt_dns_conf_load(const char *path, struct pt_arena *a, struct pt_dns_conf *out, struct pt_err *e) PT_MUST;
/* An address with its zone, "fe80::1%eth0". -EINVAL. */
PT_API int pt_dns_server_parse(const char *s, uint16_t port, struct pt_dns_server *out) PT_MUST;

/* ---- asking ---- */

enum pt_dns_transport { PT_DNS_UDP, PT_DNS_TCP, PT_DNS_TLS };
PT_API const char *pt_dns_transport_name(enum pt_dns_transport t);

struct pt_dns_way {
	enum pt_dns_transport transport;
	uint32_t timeout;     /* of one try, microseconds */
	unsigned int tries;
	bool keep_truncated;  /* an answer that was cut is shown, not asked for again by TCP */
	struct pt_addr from;  /* NONE: as the routes say */
	const char *on;       /* NULL: any device */
	struct pt_tls_want tls;
};

enum pt_dns_outcome {
	PT_DNS_ANSWERED,
	PT_DNS_TIMEOUT,
	PT_DNS_NOT_THERE,  /* nobody listens, or the network says that it is not reached */
	PT_DNS_UNTRUSTED,  /* TLS: no handshake, or not the server's certificate */
	PT_DNS_BROKEN,     /* the connection ended, or what came was no answer */
};

struct pt_dns_ignored { /* what came and was no answer to the question */
	size_t source, id, question, malformed;
};

struct pt_dns_reply {
	enum pt_dns_outcome outcome;
	char why[256];                /* where it is not ANSWERED */
	const struct pt_dns_server *server;
	enum pt_dns_transport transport; /* of the answer */
	uint64_t us;                  /* of the answer's try */
	unsigned int tries;
	bool truncated, without_edns; /* was asked again by TCP, or without EDNS */
	struct pt_dns_ignored ignored;
	struct pt_dns_message m;
	struct pt_tls tls;
};

/* Asks one server. 0 with what became of it in OUT; negative where this machine fails. */
PT_API int pt_dns_ask(const struct pt_dns_server *s, const struct pt_dns_query *q, const struct pt_dns_way *w, struct pt_arena *a,
		      struct pt_dns_reply *out, struct pt_err *e) PT_MUST;
/* Asks one after the other until one has an answer: each once, then each again. The best of what came is in OUT. */
PT_API int pt_dns_ask_any(const struct pt_dns_server *s, size_t n, const struct pt_dns_query *q, const struct pt_dns_way *w,
			  struct pt_arena *a, struct pt_dns_reply *out, struct pt_err *e) PT_MUST;
/* From the root down, as a resolver does: TELL gets every answer on the way; what it returns but 0 ends it. ROOTS are asked
 * for the servers of the root. */
PT_API int pt_dns_trace(const struct pt_dns_server *roots, size_t n, const struct pt_dns_query *q, const struct pt_dns_way *w,
			enum pt_af af, struct pt_arena *a, int (*tell)(const struct pt_dns_reply *r, void *arg), void *arg,
			struct pt_err *e) PT_MUST;

#endif
