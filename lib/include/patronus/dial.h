/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dial - does a port answer, and what with: connections of TCP, datagrams of UDP, and what TLS says of itself.
 *
 * A port that refuses and one that a filter hides are different faults, so who said no, and how, is part of the answer:
 * a reset, an ICMP message with its sender, or nobody. No privilege is needed for any of it.
 */
#ifndef PATRONUS_DIAL_H
#define PATRONUS_DIAL_H

#include <sys/socket.h>

#include <patronus/addr.h>

/* ---- TLS: OpenSSL is loaded at the first use, so that what needs none of it does not carry it ---- */

struct pt_tls_want {
	const char *name; /* to be on the certificate, and in the greeting (SNI); an address or a name. NULL: no check of the name */
	const char *ca;   /* a file of those that are trusted; NULL: /etc/ssl/certs */
	const char *alpn; /* one protocol, NULL: none */
	bool unchecked;   /* a certificate that is not trusted is told, but is no failure */
	bool any;         /* take old protocols and weak ciphers as well: to look at, not to rely on */
};

struct pt_tls_certificate {
	const char *subject, *issuer, *serial, *signature, *digest; /* digest: SHA-256 of the whole */
	const char *key;        /* "RSA", "EC prime256v1", "ED25519" */
	unsigned int key_bits;
	int64_t from, until;    /* seconds since the epoch */
	PT_VEC(const char *) names; /* subject alternative names: "DNS:www.example.org", "IP:192.0.2.1" */
};

/* What became of a handshake. Memory is the arena's. */
struct pt_tls {
	bool done;
	const char *why;       /* not DONE: what went wrong */
	const char *protocol, *cipher, *alpn; /* alpn: NULL without */
	const char *verified;  /* NULL: trusted, else why not */
	bool wrong_name;       /* no name of the certificate is the one that was wanted */
	size_t chain;          /* certificates that the server sent */
	bool has_certificate;
	struct pt_tls_certificate certificate;
};

/* Loads it now, for programs that close themselves off before they shake hands. A record says what is missing. */
PT_API int pt_tls_load(struct pt_err *e) PT_MUST;

/* ---- ports ---- */

enum pt_dial_state {
	PT_DIAL_OPEN,
	PT_DIAL_REFUSED,     /* a reset, or an ICMP message that nobody listens */
	PT_DIAL_UNREACHABLE, /* an ICMP message, or this machine, says that it is not reached */
	PT_DIAL_FILTERED,    /* nobody says anything; by UDP it may be open as well */
	PT_DIAL_FAILED,      /* this machine could not ask */
};
PT_API const char *pt_dial_state_name(enum pt_dial_state s, bool udp);

/* Who said no by ICMP. FROM NONE: the kernel does not tell. */
struct pt_dial_icmp {
	bool there;
	enum pt_af af;
	uint8_t type, code;
	struct pt_addr from;
};
/* "administratively prohibited", by RFC 792, 1122, 1812 and 4443. */
PT_API const char *pt_dial_icmp_name(const struct pt_dial_icmp *i);

enum pt_dial_starttls { PT_DIAL_PLAIN, PT_DIAL_SMTP, PT_DIAL_IMAP, PT_DIAL_POP3, PT_DIAL_FTP };

#define PT_DIAL_BYTES_MAX 512 /* of what the other end says first */
#define PT_DIAL_FLIGHT_MAX 64 /* connections at once */

struct pt_dial_want {
	bool udp;
	uint32_t timeout;    /* microseconds: of a connection, and of each thing that is waited for behind it */
	struct pt_addr from;
	const char *on;
	bool tls, banner;    /* shake hands; wait for the first bytes */
	enum pt_dial_starttls starttls;
	struct pt_tls_want tls_want;
	const uint8_t *send; /* UDP: what the datagram is; TCP: behind TLS, where there is some */
	size_t n_send;
	const int *stop;     /* a descriptor: -ECANCELED, without a record, when it can be read while answers are waited for; NULL: none */
};

struct pt_dial_target {
	struct sockaddr_storage addr; /* with its port */
	socklen_t len;
};

struct pt_dial {
	struct pt_addr addr;
	uint16_t port;
	enum pt_dial_state state;
	int error;           /* errno of what is not OPEN, 0: none */
	struct pt_dial_icmp icmp;
	uint64_t us;         /* until the answer; not of FILTERED */
	struct pt_addr from; /* by which it went, where it is known */
	bool talked;         /* TLS, banner or send was tried */
	char why[256];       /* the conversation failed; "" else */
	struct pt_tls tls;
	uint8_t bytes[PT_DIAL_BYTES_MAX];
	size_t n_bytes;
};

/* Tries all of them, many at once, and TELLs in their order; what TELL returns but 0 ends it. Memory of R lasts for the call.
 * -ECANCELED, without a record: ended by STOP, what was known then is told. SIGPIPE has to be ignored by the program. */
PT_API int pt_dial_all(const struct pt_dial_target *t, size_t n, const struct pt_dial_want *w,
		       int (*tell)(const struct pt_dial *r, void *arg), void *arg, struct pt_err *e) PT_MUST;

#endif
