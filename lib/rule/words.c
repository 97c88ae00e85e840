/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words with a meaning. Whoever knows pf must be told that a keyword is missing here, by its name:
 * a keyword that is quietly taken for something else is a hole in a firewall.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/internal.h"

/* In the order of strcmp(), as all tables here. */
static const char *const keywords[] = {
	"all", "anchor", "any", "binat-to", "block", "code", "drop", "flags", "from", "geoip", "group",
	"icmp-type", "icmp6-type", "in", "inet", "inet6", "keep", "label", "limit", "log",
	"mac", "match", "max-pkt-rate", "nat-to", "no", "no-route", "on", "once", "out",
	"pass", "port", "probability", "proto", "queue", "quick", "rdr-to", "received-on",
	"return", "return-icmp", "return-icmp6", "return-rst", "scrub", "self", "set", "state",
	"static-port", "tag", "tagged", "to", "tos", "urpf-failed", "user",
};

enum kind {
	OPTION,	   /* begins an option of a rule */
	VALUE,	   /* stands where a name or address could */
	WORD,	   /* stands inside of an option */
	STATEMENT, /* begins a line of its own in pf.conf(5) */
};

static const struct reserved {
	const char *word;
	enum kind kind;
	const char *hint;
} reserved[] = {
	{ "af-to", OPTION, NULL },
	{ "allow-opts", OPTION, NULL },
	{ "altq", STATEMENT, NULL },
	{ "antispoof", STATEMENT, "write `block in on ! lan from lan:network`" },
	{ "binat", STATEMENT, "write `match on wan from ADDRESS binat-to ADDRESS`" },
	{ "bitmask", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "divert-packet", OPTION, NULL },
	{ "divert-reply", OPTION, NULL },
	{ "divert-to", OPTION, NULL },
	{ "dup-to", OPTION, NULL },
	{ "fastroute", OPTION, NULL },
	{ "fragment", OPTION, "fragments are put together before they are judged" },
	{ "gateway", OPTION, NULL },
	{ "include", STATEMENT, NULL },
	{ "least-states", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "load", STATEMENT, "write a section `anchor NAME { rules = { ... } }`, or use `ptfw anchor load`" },
	{ "modulate", OPTION, "write `keep state`: Linux has no `modulate state`" },
	{ "nat", STATEMENT, "write `match out on wan from lan:network nat-to (wan)`" },
	{ "nat-anchor", STATEMENT, "write `anchor`: it takes rules of every kind" },
	{ "no-sync", WORD, NULL },
	{ "os", OPTION, NULL },
	{ "random", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "rdomain", VALUE, NULL },
	{ "rdr", STATEMENT, "write `pass in on wan proto tcp to (wan) port 80 rdr-to ADDRESS`" },
	{ "rdr-anchor", STATEMENT, "write `anchor`: it takes rules of every kind" },
	{ "reply-to", OPTION, NULL },
	{ "round-robin", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "route-to", OPTION, NULL },
	{ "rtable", OPTION, NULL },
	{ "schedule", OPTION, NULL },
	{ "sloppy", WORD, NULL },
	{ "source-hash", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "sticky-address", WORD, "a pool is chosen from by a hash of the addresses" },
	{ "synproxy", OPTION, "write `keep state`" },
	{ "table", STATEMENT,
	  "a table is a section of the file: table NAME { addresses = { ... } }" },
	{ "weight", WORD, NULL },
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

const char *rule_reserved_hint(const char *word)
{
	const struct reserved *r = find(word);

	return r && r->hint ? r->hint : "patronus-rules(5) describes the keywords there are";
}
