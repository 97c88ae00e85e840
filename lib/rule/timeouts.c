/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pf's names of time-outs, and which of them Linux can keep to. Rules and the file's `timeout` share them.
 */
#include <string.h>

#include "rule/internal.h"

#define OTHERS_WHY "Linux has one time-out for all protocols that it knows no more about, and no rule can set it"
#define OTHERS_HINT "set net.netfilter.nf_conntrack_generic_timeout"
#define ADAPTIVE_WHY "Linux does not shorten time-outs as its table fills: it drops new connections, and early half-open ones"
#define ADAPTIVE_HINT "leave it out, or raise `limit = { \"states N\" }`"

static const struct pt_timeout_name names[] = {
	{ "tcp.first", PT_TIMEOUT_TCP_FIRST, NULL, NULL },
	{ "tcp.opening", PT_TIMEOUT_TCP_OPENING, NULL, NULL },
	{ "tcp.established", PT_TIMEOUT_TCP_ESTABLISHED, NULL, NULL },
	{ "tcp.closing", PT_TIMEOUT_TCP_CLOSING, NULL, NULL },
	{ "tcp.finwait", PT_TIMEOUT_TCP_FINWAIT, NULL, NULL },
	{ "tcp.closed", PT_TIMEOUT_TCP_CLOSED, NULL, NULL },
	{ "udp.first", PT_TIMEOUT_UDP_FIRST, NULL, NULL },
	{ "udp.single", PT_TIMEOUT_UDP_SINGLE, NULL, NULL },
	{ "udp.multiple", PT_TIMEOUT_UDP_MULTIPLE, NULL, NULL },
	{ "icmp.first", PT_TIMEOUT_ICMP_FIRST, NULL, NULL },
	{ "icmp.error", PT_TIMEOUTS, "an ICMP error does not change how long Linux keeps the state of a request",
	  "use icmp.first" },
	{ "other.first", PT_TIMEOUTS, OTHERS_WHY, OTHERS_HINT },
	{ "other.single", PT_TIMEOUTS, OTHERS_WHY, OTHERS_HINT },
	{ "other.multiple", PT_TIMEOUTS, OTHERS_WHY, OTHERS_HINT },
	{ "tcp.tsdiff", PT_TIMEOUTS, "Linux does not follow the time stamps of TCP", "leave it out" },
	{ "frag", PT_TIMEOUTS, "fragments wait for as long as the kernel's reassembly says",
	  "set net.netfilter.nf_conntrack_frag6_timeout and net.ipv4.ipfrag_time" },
	{ "interval", PT_TIMEOUTS, "Linux ends each state at its time, without a sweep at intervals", "leave it out" },
	{ "src.track", PT_TIMEOUTS, "a source is forgotten with the last of its states", "leave it out" },
	{ "adaptive.start", PT_TIMEOUTS, ADAPTIVE_WHY, ADAPTIVE_HINT },
	{ "adaptive.end", PT_TIMEOUTS, ADAPTIVE_WHY, ADAPTIVE_HINT },
};

const struct pt_timeout_name *pt_timeout_find(const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].word, word))
			return &names[i];
	return NULL;
}

const char *pt_timeout_name(enum pt_timeout which)
{
	return names[which].word; /* they stand first, in the order of their numbers */
}

const char *pt_timeout_nearest(const char *word)
{
	const char *words[PT_ARRAY_SIZE(names)];

	for (size_t i = 0; i < PT_ARRAY_SIZE(names); i++)
		words[i] = names[i].word;
	return pt_nearest(word, words, PT_ARRAY_SIZE(names));
}
