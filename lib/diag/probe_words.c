/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of ICMP errors: for people, and as the short marks of traceroute. */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "diag/probe_internal.h"

struct error {
	uint8_t type, code;
	const char *mark, *words;
};

static const struct error errors4[] = {
	{ ICMP_TIME_EXCEEDED, 0, "", "TTL exceeded" },
	{ ICMP_TIME_EXCEEDED, 1, "!T", "fragments did not all arrive in time" },
	{ ICMP_DEST_UNREACH, 0, "!N", "network unreachable" },
	{ ICMP_DEST_UNREACH, 1, "!H", "host unreachable" },
	{ ICMP_DEST_UNREACH, 2, "!P", "protocol unreachable" },
	{ ICMP_DEST_UNREACH, 3, "", "port unreachable" },
	{ ICMP_DEST_UNREACH, 4, "!F", "packet too big" },
	{ ICMP_DEST_UNREACH, 5, "!S", "source route failed" },
	{ ICMP_DEST_UNREACH, 6, "!U", "network unknown" },
	{ ICMP_DEST_UNREACH, 7, "!W", "host unknown" },
	{ ICMP_DEST_UNREACH, 8, "!I", "source host isolated" },
	{ ICMP_DEST_UNREACH, 9, "!A", "network administratively prohibited" },
	{ ICMP_DEST_UNREACH, 10, "!Z", "host administratively prohibited" },
	{ ICMP_DEST_UNREACH, 11, "!Q", "network unreachable for this type of service" },
	{ ICMP_DEST_UNREACH, 12, "!T", "host unreachable for this type of service" },
	{ ICMP_DEST_UNREACH, 13, "!X", "administratively prohibited" },
	{ ICMP_DEST_UNREACH, 14, "!V", "host precedence violation" },
	{ ICMP_DEST_UNREACH, 15, "!C", "precedence cutoff in effect" },
	{ ICMP_SOURCE_QUENCH, 0, "!Q", "source quench" },
	{ ICMP_PARAMETERPROB, 0, "!B", "bad header" },
	{ ICMP_PARAMETERPROB, 1, "!B", "required option missing" },
	{ ICMP_PARAMETERPROB, 2, "!B", "bad length" },
};

static const struct error errors6[] = {
	{ ICMP6_TIME_EXCEEDED, 0, "", "hop limit exceeded" },
	{ ICMP6_TIME_EXCEEDED, 1, "!T", "fragments did not all arrive in time" },
	{ ICMP6_DST_UNREACH, 0, "!N", "no route" },
	{ ICMP6_DST_UNREACH, 1, "!X", "administratively prohibited" },
	{ ICMP6_DST_UNREACH, 2, "!S", "beyond the scope of the source address" },
	{ ICMP6_DST_UNREACH, 3, "!H", "address unreachable" },
	{ ICMP6_DST_UNREACH, 4, "", "port unreachable" },
	{ ICMP6_DST_UNREACH, 5, "!X", "source address failed ingress or egress policy" },
	{ ICMP6_DST_UNREACH, 6, "!X", "route rejected" },
	{ ICMP6_PACKET_TOO_BIG, 0, "!F", "packet too big" },
	{ ICMP6_PARAM_PROB, 0, "!B", "bad header" },
	{ ICMP6_PARAM_PROB, 1, "!P", "next header unknown" },
	{ ICMP6_PARAM_PROB, 2, "!B", "option unknown" },
};

static const struct error *find(enum pt_af af, uint8_t type, uint8_t code)
{
	const struct error *list = af == PT_AF_INET6 ? errors6 : errors4;
	size_t n = af == PT_AF_INET6 ? PT_ARRAY_SIZE(errors6) : PT_ARRAY_SIZE(errors4);

	for (size_t i = 0; i < n; i++)
		if (list[i].type == type && list[i].code == code)
			return &list[i];
	return NULL;
}

const char *pt_icmp_words(enum pt_af af, uint8_t type, uint8_t code)
{
	const struct error *e = find(af, type, code);

	return e ? e->words : NULL;
}

const char *pt_icmp_mark(enum pt_af af, uint8_t type, uint8_t code)
{
	const struct error *e = find(af, type, code);

	return e ? e->mark : "!?";
}
