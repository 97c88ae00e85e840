/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the DNS: labels with their lengths on the wire, text with escapes for people (RFC 1035
 * sections 3.1, 4.1.4, 5.1).
 *
 * A label may hold any byte, a dot or an escape sequence of a terminal among them. The text form names each such byte
 * by its number, so that what was text once is text for ever.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diag/dns.h"

#define LABEL_MAX 63
#define POINTER 0xc0

/* A pointer leads to an earlier place than the part of the name it stands in began at: so there is neither a circle nor
 * a way forward, and the work is bounded by the length of the message. */
int dns_name_read(const uint8_t *msg, size_t len, size_t *at, uint8_t out[PT_DNS_WIRE_MAX])
{
	size_t p = *at, begun = *at, n = 0;
	bool jumped = false;

	for (;;) {
		size_t l;

		if (p >= len)
			return -EBADMSG;
		l = msg[p];
		if (l >= POINTER) {
			size_t to;

			if (p + 1 >= len)
				return -EBADMSG;
			to = (l & 0x3f) << 8 | msg[p + 1];
			if (to >= begun)
				return -EBADMSG;
			if (!jumped)
				*at = p + 2;
			jumped = true;
			p = begun = to;
			continue;
		}
		if (l > LABEL_MAX || p + 1 + l > len || n + 1 + l > PT_DNS_WIRE_MAX)
			return -EBADMSG;
		memcpy(out + n, msg + p, l + 1);
		n += l + 1;
		p += l + 1;
		if (!l)
			break;
	}
	if (!jumped)
		*at = p;
	return (int)n;
}

void dns_byte_text(struct pt_buf *b, uint8_t c, const char *special)
{
	if (c <= ' ' || c >= 0x7f)
		pt_buf_fmt(b, "\\%03u", c);
	else if (strchr(special, c))
		pt_buf_fmt(b, "\\%c", c);
	else
		pt_buf_chr(b, (char)c);
}

void pt_dns_name_text(struct pt_buf *b, const uint8_t *wire)
{
	if (!*wire)
		pt_buf_chr(b, '.');
	for (; *wire; wire += *wire + 1) {
		for (size_t i = 1; i <= *wire; i++)
			dns_byte_text(b, wire[i], "\\.\"();@$");
		pt_buf_chr(b, '.');
	}
}

/* One byte of a label, escaped or not; the characters it takes, 0: wrong. */
static size_t text_byte(const char *s, uint8_t *out)
{
	unsigned int v;

	if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
		return 0;
	*out = (uint8_t)*s;
	if (*s != '\\')
		return 1;
	if (s[1] < '0' || s[1] > '9') {
		*out = (uint8_t)s[1];
		return s[1] > ' ' && (unsigned char)s[1] < 0x7f ? 2 : 0;
	}
	for (int i = 2; i < 4; i++)
		if (s[i] < '0' || s[i] > '9')
			return 0;
	v = (unsigned int)(s[1] - '0') * 100 + (unsigned int)(s[2] - '0') * 10 + (unsigned int)(s[3] - '0');
	*out = (uint8_t)v;
	return v <= UINT8_MAX ? 4 : 0;
}

int pt_dns_name_wire(const char *text, uint8_t out[PT_DNS_WIRE_MAX])
{
	size_t n = 0, label = 0;

	if (!*text)
		return -EINVAL;
	if (!strcmp(text, "."))
		text++;
	while (*text) {
		size_t used;
		uint8_t c;

		label = n++;
		for (; *text && *text != '.'; text += used) {
			used = text_byte(text, &c);
			if (!used || n - label > LABEL_MAX || n >= PT_DNS_WIRE_MAX - 1)
				return -EINVAL;
			out[n++] = c;
		}
		if (n - label == 1)
			return -EINVAL; /* two dots, or one at the beginning */
		out[label] = (uint8_t)(n - label - 1);
		text += *text == '.';
	}
	out[n++] = 0;
	return (int)n;
}

void pt_dns_reverse(struct pt_buf *b, struct pt_addr addr)
{
	uint8_t bytes[16];
	int n = addr.af == PT_AF_INET6 ? 16 : 4;

	pt_addr_to_bytes(addr, bytes);
	while (n-- > 0) {
		if (addr.af == PT_AF_INET6)
			pt_buf_fmt(b, "%x.%x.", bytes[n] & 0xf, bytes[n] >> 4);
		else
			pt_buf_fmt(b, "%u.", bytes[n]);
	}
	pt_buf_str(b, addr.af == PT_AF_INET6 ? "ip6.arpa." : "in-addr.arpa.");
}

/* ---- names beyond ASCII ---- */

/* The tables of Unicode that the mapping needs are a megabyte and a library: loaded for such names only. */
typedef int (*to_ascii)(const char *input, char **output, int flags);
typedef const char *(*why_not)(int rc);
#define IDN2_NONTRANSITIONAL 8

int pt_dns_idna(const char *text, struct pt_arena *a, const char **out, struct pt_err *e)
{
	void *lib = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
	to_ascii map = lib ? (to_ascii)dlsym(lib, "idn2_to_ascii_8z") : NULL;
	why_not why = lib ? (why_not)dlsym(lib, "idn2_strerror") : NULL;
	void (*give_back)(void *) = lib ? (void (*)(void *))dlsym(lib, "idn2_free") : NULL;
	char *ascii = NULL;
	int rc = -ENOTSUP;

	if (!map || !why || !give_back) {
		pt_err_add(e, PT_ERROR, NULL, "install libidn2-0, or write the name with its xn-- labels",
			   "a name beyond ASCII needs libidn2, which is not here");
		goto out;
	}
	rc = map(text, &ascii, IDN2_NONTRANSITIONAL);
	if (rc) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "'%s' is no name of a host: %s", text, why(rc));
		rc = -EINVAL;
		goto out;
	}
	*out = pt_arena_strdup(a, ascii);
	rc = *out ? 0 : -ENOMEM;
out:
	if (ascii)
		give_back(ascii);
	if (lib)
		dlclose(lib);
	return rc;
}
