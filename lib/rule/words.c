/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words with a meaning. Whoever knows pf must be told that a keyword is missing here, by its name:
 * a keyword that is quietly taken for something else is a hole in a firewall.
 */
#include <stdlib.h>
#include <string.h>

#include <patronus/rule_complete.h>

#include "rule/internal.h"

/* In the order of strcmp(), as all tables here. */
static const char *const keywords[] = {
	"af-to", "all", "anchor", "any", "binat-to", "bitmask", "block", "code", "drop",
	"flags", "from", "geoip", "group", "icmp-type", "icmp6-type", "in", "inet", "inet6",
	"keep", "label", "limit", "log", "mac", "match", "max-pkt-rate", "nat-to", "no",
	"no-route", "on", "once", "out", "pass", "port", "probability", "proto", "queue",
	"quick", "random", "rdr-to", "received-on", "reflect", "return", "return-icmp", "return-icmp6",
	"return-rst", "round-robin", "schedule", "scrub", "self", "set", "source-hash", "state",
	"static-port", "sticky-address", "tag", "tagged", "to", "tos", "urpf-failed", "user",
	"weight",
};

enum kind {
	OPTION,	   /* begins an option of a rule */
	VALUE,	   /* stands where a name or address could */
	WORD,	   /* stands inside of an option */
	STATEMENT, /* begins a line of its own in pf.conf(5) */
};

static const char gateways[] = "gateways come with the WAN part: until then the routing table decides";

static const struct reserved {
	const char *word;
	enum kind kind;
	const char *hint;
} reserved[] = {
	{ "allow-opts", OPTION, "leave it out: packets with options are judged like others" },
	{ "altq", STATEMENT, "rules name classes of a queueing discipline: `match out set queue bulk`" },
	{ "antispoof", STATEMENT, "write `block in on ! lan from lan:network`" },
	{ "binat", STATEMENT, "write `match on wan from ADDRESS binat-to ADDRESS`" },
	{ "divert-packet", OPTION, "packets are judged in the kernel; `log` lets programs see them" },
	{ "divert-reply", OPTION, "answers find their socket without it" },
	{ "divert-to", OPTION,
	  "Linux gives foreign packets to a socket only by a routing table of their own; write `rdr-to (lan) port PORT`: "
	  "the program asks for the first destination with SO_ORIGINAL_DST" },
	{ "dup-to", OPTION, gateways },
	{ "fastroute", OPTION, gateways },
	{ "fragment", OPTION, "fragments are put together before they are judged" },
	{ "gateway", OPTION, NULL },
	{ "include", STATEMENT, "the file itself includes others: include(\"FILE\")" },
	{ "least-states", WORD, "write `round-robin` or `random`: Linux does not count the states of an address" },
	{ "load", STATEMENT, "write a section `anchor NAME { rules = { ... } }`, or use `ptfw anchor load`" },
	{ "modulate", OPTION, "write `keep state`: Linux has no `modulate state`" },
	{ "nat", STATEMENT, "write `match out on wan from lan:network nat-to (wan)`" },
	{ "nat-anchor", STATEMENT, "write `anchor`: it takes rules of every kind" },
	{ "no-sync", WORD, "leave it out: states are not sent to another machine" },
	{ "os", OPTION, "a sender can look like any system: write his addresses" },
	{ "rdomain", VALUE, "name the interface with `on`" },
	{ "rdr", STATEMENT, "write `pass in on wan proto tcp to (wan) port 80 rdr-to ADDRESS`" },
	{ "rdr-anchor", STATEMENT, "write `anchor`: it takes rules of every kind" },
	{ "reply-to", OPTION, gateways },
	{ "route-to", OPTION, gateways },
	{ "rtable", OPTION, gateways },
	{ "sloppy", WORD, NULL },
	{ "synproxy", OPTION,
	  "Linux can answer for a server only behind the judgement, and judges what it then sends to it as its own: "
	  "write `keep state`, with limits, and net.ipv4.tcp_syncookies on the server" },
	{ "table", STATEMENT,
	  "a table is a section of the file: table NAME { addresses = { ... } }" },
};

static int by_word(const void *key, const void *entry)
{
	const char *word = key, *other = *(const char *const *)entry;

	return *word == *other ? strcmp(word, other) : *word - *other;
}

/* The entry of TABLE, each of which begins with its word, or NULL. */
static const void *lookup(const char *word, const void *table, size_t n, size_t size)
{
	/* addresses and ports are the most frequent words */
	return *word >= 'a' && *word <= 'z' ? bsearch(word, table, n, size, by_word) : NULL;
}

static const struct reserved *find(const char *word)
{
	return lookup(word, reserved, PT_ARRAY_SIZE(reserved), sizeof(*reserved));
}

bool rule_keyword(const char *word)
{
	return lookup(word, keywords, PT_ARRAY_SIZE(keywords), sizeof(*keywords));
}

bool rule_reserved(const char *word)
{
	return find(word);
}

bool rule_reserved_option(const char *word)
{
	const struct reserved *r = find(word);

	return r && r->kind == OPTION;
}

bool rule_reserved_name(const char *word)
{
	const struct reserved *r = find(word);

	return r && (r->kind == OPTION || r->kind == VALUE);
}

/* Linux cannot; the hints say why. */
bool rule_reserved_never(const char *word)
{
	static const char *const never[] = { "synproxy" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(never); i++)
		if (!strcmp(never[i], word))
			return true;
	return false;
}

const char *rule_reserved_hint(const char *word)
{
	const struct reserved *r = find(word);

	return r && r->hint ? r->hint : "patronus-rules(5) describes the keywords there are";
}

const char *const *pt_rule_keywords(size_t *n)
{
	*n = PT_ARRAY_SIZE(keywords);
	return keywords;
}
