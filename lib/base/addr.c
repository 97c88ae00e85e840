/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses and prefixes: strict text, 128-bit values. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <patronus/addr.h>

unsigned int pt_af_bits(enum pt_af af)
{
	return af == PT_AF_INET6 ? 128 : 32;
}

pt_u128 pt_af_max(enum pt_af af)
{
	return af == PT_AF_INET6 ? ~(pt_u128)0 : (pt_u128)UINT32_MAX;
}

static pt_u128 host_mask(const struct pt_prefix *p)
{
	unsigned int bits = pt_af_bits(p->addr.af);

	if (p->len == 0)
		return pt_af_max(p->addr.af);
	if (p->len >= bits)
		return 0;
	return (((pt_u128)1 << (bits - p->len)) - 1) & pt_af_max(p->addr.af);
}

pt_u128 pt_prefix_lo(const struct pt_prefix *p)
{
	return p->addr.v & ~host_mask(p);
}

pt_u128 pt_prefix_hi(const struct pt_prefix *p)
{
	return p->addr.v | host_mask(p);
}

struct pt_addr pt_addr_from_bytes(const uint8_t *in, size_t n)
{
	struct pt_addr a = { .af = n == 16 ? PT_AF_INET6 : PT_AF_INET };
	uint32_t word;

	if (n == sizeof(word)) { /* of every route of a full table */
		memcpy(&word, in, sizeof(word));
		a.v = be32toh(word);
		return a;
	}
	for (size_t i = 0; i < n; i++)
		a.v = a.v << 8 | in[i];
	return a;
}

void pt_addr_to_bytes(struct pt_addr a, uint8_t *out)
{
	size_t n = pt_af_bits(a.af) / 8;

	while (n--) {
		out[n] = (uint8_t)a.v;
		a.v >>= 8;
	}
}

int pt_addr_parse(const char *s, struct pt_addr *out)
{
	uint8_t bytes[16];

	/* inet_pton refuses leading zeros in IPv4, zones and trailing text. */
	if (inet_pton(AF_INET, s, bytes) == 1)
		*out = pt_addr_from_bytes(bytes, 4);
	else if (inet_pton(AF_INET6, s, bytes) == 1)
		*out = pt_addr_from_bytes(bytes, 16);
	else
		return -EINVAL;
	return 0;
}

int pt_prefix_parse(const char *s, struct pt_prefix *out)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	char text[INET6_ADDRSTRLEN];
	struct pt_prefix p;
	uint64_t len;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (pt_addr_parse(text, &p.addr))
		return -EINVAL;
	len = pt_af_bits(p.addr.af);
	if (slash && pt_parse_uint(slash + 1, len, &len))
		return -EINVAL;
	p.len = (uint8_t)len;
	*out = p;
	return 0;
}

/* Each byte with the dot behind it: no division, and no branch that is guessed wrong for every second one. */
#define BYTE(n)                                                                                          \
	{ (n) >= 100 ? '0' + (n) / 100 : (n) >= 10 ? '0' + (n) / 10 : '0' + (n),                         \
	  (n) >= 100 ? '0' + (n) / 10 % 10 : (n) >= 10 ? '0' + (n) % 10 : '.',                           \
	  (n) >= 100 ? '0' + (n) % 10 : '.', '.' }
#define BYTES4(n) BYTE(n), BYTE((n) + 1), BYTE((n) + 2), BYTE((n) + 3)
#define BYTES16(n) BYTES4(n), BYTES4((n) + 4), BYTES4((n) + 8), BYTES4((n) + 12)
#define BYTES64(n) BYTES16(n), BYTES16((n) + 16), BYTES16((n) + 32), BYTES16((n) + 48)
static const char dotted[256][4] = { BYTES64(0), BYTES64(64), BYTES64(128), BYTES64(192) };

char *pt_addr_put(char *p, struct pt_addr a)
{
	uint8_t bytes[16];

	_Static_assert(PT_ADDR_TEXT >= INET6_ADDRSTRLEN, "a text of an address");
	if (a.af == PT_AF_INET6) {
		pt_addr_to_bytes(a, bytes);
		return inet_ntop(AF_INET6, bytes, p, INET6_ADDRSTRLEN) ? p + strlen(p) : p;
	}
	for (int shift = 24; shift >= 0; shift -= 8) { /* inet_ntop() takes ten times as long */
		unsigned int byte = (uint32_t)a.v >> shift & 0xff;

		memcpy(p, dotted[byte], sizeof(dotted[byte]));
		p += 2 + (byte >= 10) + (byte >= 100);
	}
	return p - 1;
}

void pt_addr_fmt(struct pt_buf *b, struct pt_addr a)
{
	char text[PT_ADDR_TEXT];

	pt_buf_add(b, text, (size_t)(pt_addr_put(text, a) - text));
}

void pt_prefix_fmt(struct pt_buf *b, struct pt_prefix p)
{
	pt_addr_fmt(b, p.addr);
	if (p.len == pt_af_bits(p.addr.af))
		return;
	pt_buf_chr(b, '/');
	pt_buf_uint(b, p.len);
}

/* Zero bits at the low end of V, at most BITS. */
static unsigned int trailing_zeros(pt_u128 v, unsigned int bits)
{
	unsigned int n = 0;

	while (n < bits && !(v >> n & 1))
		n++;
	return n;
}

int pt_range_prefixes(enum pt_af af, pt_u128 lo, pt_u128 hi,
		      int (*fn)(struct pt_prefix p, void *arg), void *arg)
{
	unsigned int bits = pt_af_bits(af);

	for (;;) {
		unsigned int host = trailing_zeros(lo, bits);
		struct pt_prefix p = { .addr = { .af = af, .v = lo } };
		pt_u128 last;
		int rc;

		/* The widest block that starts here and does not reach beyond HI. */
		for (;; host--) {
			p.len = (uint8_t)(bits - host);
			last = pt_prefix_hi(&p);
			if (last <= hi)
				break;
		}
		rc = fn(p, arg);
		if (rc || last == hi)
			return rc;
		lo = last + 1;
	}
}

static int only_one(struct pt_prefix p, void *arg)
{
	struct pt_prefix *out = arg;

	if (out->addr.af)
		return 1;
	*out = p;
	return 0;
}

void pt_range_fmt(struct pt_buf *b, enum pt_af af, pt_u128 lo, pt_u128 hi)
{
	struct pt_prefix p = { .addr = { .af = PT_AF_NONE } };

	if (!pt_range_prefixes(af, lo, hi, only_one, &p)) {
		pt_prefix_fmt(b, p);
		return;
	}
	pt_addr_fmt(b, (struct pt_addr){ .af = af, .v = lo });
	pt_buf_chr(b, '-');
	pt_addr_fmt(b, (struct pt_addr){ .af = af, .v = hi });
}
