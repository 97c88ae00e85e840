/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The language of rules, as a table of states and what leads from one to the next. */
#include <string.h>

#include "rule/grammar.h"

const struct grammar_edge grammar_edges[] = {
	/* what it does */
	{ .from = AT_ACTION, .word = "pass", .to = AT_PARTS,
	  .help = "let packets through, and what belongs to them", .set = FACT_PASS },
	{ .from = AT_ACTION, .word = "block", .to = AT_ANSWER, .help = "drop packets", .set = FACT_BLOCK },
	{ .from = AT_ACTION, .word = "match", .to = AT_PARTS,
	  .help = "do something to packets, without a decision", .not = FACT_STATEMENT, .set = FACT_MATCH },
	{ .from = AT_ACTION, .word = "anchor", .to = AT_ANCHOR, .help = "rules that stand elsewhere",
	  .not = FACT_STATEMENT, .set = FACT_ANCHOR },
	{ .from = AT_ANSWER, .word = "drop", .to = AT_PARTS, .help = "without an answer", .not = FACT_STATEMENT },
	{ .from = AT_ANSWER, .word = "return", .to = AT_PARTS, .help = "TCP gets a reset, others an ICMP message",
	  .not = FACT_STATEMENT },
	{ .from = AT_ANSWER, .word = "return-rst", .to = AT_PARTS, .help = "TCP gets a reset", .not = FACT_STATEMENT },
	{ .from = AT_ANSWER, .word = "return-icmp", .to = AT_CODES, .help = "an ICMP message", .not = FACT_STATEMENT },
	{ .from = AT_ANSWER, .word = "return-icmp6", .to = AT_CODES6, .help = "an ICMPv6 message",
	  .not = FACT_STATEMENT },
	{ .from = AT_ANSWER, .to = AT_PARTS },
	{ .from = AT_CODES, .word = "(", .to = AT_CODE, .help = "the code of the message" },
	{ .from = AT_CODES, .to = AT_PARTS },
	{ .from = AT_CODE, .names = NAMES_UNREACH, .to = AT_CODE_END, .help = "a code of unreachable" },
	{ .from = AT_CODE_END, .word = ",", .to = AT_CODE6, .help = "and the one of ICMPv6" },
	{ .from = AT_CODE_END, .word = ")", .to = AT_PARTS, .help = "the end" },
	{ .from = AT_CODES6, .word = "(", .to = AT_CODE6, .help = "the code of the message" },
	{ .from = AT_CODES6, .to = AT_PARTS },
	{ .from = AT_CODE6, .names = NAMES_UNREACH6, .to = AT_CODES_END, .help = "a code of unreachable" },
	{ .from = AT_CODES_END, .word = ")", .to = AT_PARTS, .help = "the end" },
	{ .from = AT_ANCHOR, .place = PT_PLACE_ANCHOR, .to = AT_PARTS, .help = "the name of an anchor" },

	/* parts, of which part.c says when */
	{ .from = AT_PARTS, .word = "in", .to = AT_PARTS, .help = "packets that come in" },
	{ .from = AT_PARTS, .word = "out", .to = AT_PARTS, .help = "packets that leave" },
	{ .from = AT_PARTS, .word = "log", .to = AT_LOG, .help = "record them", .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "quick", .to = AT_PARTS, .help = "decide at once",
	  .not = FACT_MATCH | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "on", .to = AT_ON, .help = "an interface or a group" },
	{ .from = AT_PARTS, .word = "inet", .to = AT_PARTS, .help = "IPv4 alone" },
	{ .from = AT_PARTS, .word = "inet6", .to = AT_PARTS, .help = "IPv6 alone" },
	{ .from = AT_PARTS, .word = "proto", .to = AT_PROTO, .help = "a protocol" },
	{ .from = AT_PARTS, .word = "all", .to = AT_PARTS, .help = "from any to any" },
	{ .from = AT_PARTS, .word = "from", .to = AT_SIDE, .help = "where they come from" },
	{ .from = AT_PARTS, .word = "to", .to = AT_SIDE, .help = "where they go" },
	{ .from = AT_PARTS, .word = "flags", .to = AT_FLAGS, .help = "flags of TCP" },
	{ .from = AT_PARTS, .word = "icmp-type", .to = AT_ICMP, .help = "a type of ICMP", .clear = FACT_ICMP6 },
	{ .from = AT_PARTS, .word = "icmp6-type", .to = AT_ICMP, .help = "a type of ICMPv6", .set = FACT_ICMP6 },
	{ .from = AT_PARTS, .word = "tos", .to = AT_TOS, .help = "the type of service" },
	{ .from = AT_PARTS, .word = "probability", .to = AT_PROBABILITY, .help = "some of them, by chance",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "received-on", .to = AT_RECEIVED,
	  .help = "the interface that a leaving packet came in by" },
	{ .from = AT_PARTS, .word = "schedule", .to = AT_SCHEDULE, .help = "at some times", .not = FACT_ANCHOR },
	{ .from = AT_PARTS, .word = "user", .to = AT_USER, .help = "the owner of the socket" },
	{ .from = AT_PARTS, .word = "group", .to = AT_GROUP, .help = "the group of the owner of the socket" },
	{ .from = AT_PARTS, .word = "mac", .to = AT_MACS, .help = "the hardware address of the sender" },
	{ .from = AT_PARTS, .word = "limit", .to = AT_RATE, .help = "as many in a time",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "max-pkt-rate", .to = AT_PACKETS,
	  .help = "as many packets of a state in some seconds", .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "once", .to = AT_PARTS, .help = "the rule holds for one packet",
	  .not = FACT_MATCH | FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "set", .to = AT_SET, .help = "priority, type of service, queue",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "queue", .to = AT_QUEUE, .help = "a class of a queueing discipline",
	  .not = FACT_QUEUED | FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "scrub", .to = AT_SCRUB, .help = "change what packets say of themselves",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "keep", .to = AT_KEEP, .help = "keep state", .need = FACT_PASS,
	  .not = FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "no", .to = AT_NO, .help = "no state", .need = FACT_PASS, .not = FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "label", .to = AT_LABEL, .help = "the name of the rule",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "tag", .to = AT_TAG, .help = "mark packets for later rules",
	  .not = FACT_ANCHOR | FACT_STATEMENT },
	{ .from = AT_PARTS, .word = "tagged", .to = AT_TAGGED, .help = "packets with a mark" },
	{ .from = AT_PARTS, .word = "nat-to", .to = AT_TARGET, .help = "translate the source",
	  .not = FACT_BLOCK | FACT_ANCHOR | FACT_STATEMENT, .set = FACT_SOURCE },
	{ .from = AT_PARTS, .word = "rdr-to", .to = AT_TARGET, .help = "translate the destination",
	  .not = FACT_BLOCK | FACT_ANCHOR | FACT_STATEMENT, .set = FACT_DEST },
	{ .from = AT_PARTS, .word = "binat-to", .to = AT_TARGET, .help = "translate one to one, both ways",
	  .not = FACT_BLOCK | FACT_ANCHOR | FACT_STATEMENT, .set = FACT_BOTH },
	{ .from = AT_PARTS, .word = "!", .to = AT_NOT_PART, .help = "not" },
	{ .from = AT_NOT_PART, .word = "tagged", .to = AT_TAGGED, .help = "packets without a mark" },
	{ .from = AT_NOT_PART, .word = "received-on", .to = AT_RECEIVED, .help = "that came in by another interface" },
	{ .from = AT_NOT_PART, .word = "schedule", .to = AT_SCHEDULE, .help = "at other times", .not = FACT_ANCHOR },

	/* log */
	{ .from = AT_LOG, .word = "(", .to = AT_LOG_OPTION, .help = "what of them" },
	{ .from = AT_LOG, .to = AT_PARTS },
	{ .from = AT_LOG_OPTION, .word = "all", .to = AT_LOG_NEXT, .help = "each packet of a connection",
	  .not = FACT_MATCH },
	{ .from = AT_LOG_OPTION, .word = "limit", .to = AT_LOG_RATE, .help = "so many records at most" },
	{ .from = AT_LOG_RATE, .word = "10/second", .place = PT_PLACE_FREE, .to = AT_LOG_BURST,
	  .help = "a number for a second, minute, hour or day" },
	{ .from = AT_LOG_BURST, .word = "burst", .to = AT_LOG_BURST_N, .help = "as many at once" },
	{ .from = AT_LOG_BURST, .to = AT_LOG_NEXT },
	{ .from = AT_LOG_BURST_N, .word = "5", .place = PT_PLACE_FREE, .to = AT_LOG_NEXT,
	  .help = "a number of packets" },
	{ .from = AT_LOG_NEXT, .word = ",", .to = AT_LOG_OPTION, .help = "one more" },
	{ .from = AT_LOG_NEXT, .word = ")", .to = AT_PARTS, .help = "the end" },

	/* where */
	{ .from = AT_ON, .word = "!", .to = AT_ON_NAME, .help = "another than" },
	{ .from = AT_ON, .place = PT_PLACE_INTERFACE, .to = AT_PARTS, .help = "an interface or a group" },
	{ .from = AT_ON_NAME, .place = PT_PLACE_INTERFACE, .to = AT_PARTS, .help = "an interface or a group" },
	{ .from = AT_PROTO, .names = NAMES_PROTO, .to = AT_PARTS, .help = "a protocol" },

	/* from whom, to whom */
	{ .from = AT_SIDE, .word = "any", .to = AT_SIDE_END, .help = "everybody" },
	{ .from = AT_SIDE, .word = "self", .to = AT_SIDE_END, .help = "this machine" },
	{ .from = AT_SIDE, .word = "no-route", .to = AT_SIDE_END, .help = "addresses without a route" },
	{ .from = AT_SIDE, .word = "urpf-failed", .to = AT_SIDE_END, .help = "sources whose route leads elsewhere" },
	{ .from = AT_SIDE, .word = "geoip", .to = AT_COUNTRY, .help = "addresses of a country" },
	{ .from = AT_SIDE, .word = "port", .to = AT_PORT, .help = "a port of anybody", .flags = EDGE_ALONE },
	{ .from = AT_SIDE, .word = "!", .to = AT_SIDE_NOT, .help = "another than" },
	{ .from = AT_SIDE, .place = PT_PLACE_TABLE, .to = AT_SIDE_END, .help = "a table of addresses" },
	{ .from = AT_SIDE, .place = PT_PLACE_DYNAMIC, .to = AT_SIDE_END,
	  .help = "the addresses that an interface has" },
	{ .from = AT_SIDE, .word = "192.0.2.1", .place = PT_PLACE_HOST, .to = AT_SIDE_END,
	  .help = "an address, a network or a name" },
	{ .from = AT_SIDE_NOT, .word = "self", .to = AT_SIDE_END, .help = "this machine" },
	{ .from = AT_SIDE_NOT, .word = "geoip", .to = AT_COUNTRY, .help = "addresses of a country" },
	{ .from = AT_SIDE_NOT, .word = "no-route", .to = AT_SIDE_END, .flags = EDGE_HIDDEN },
	{ .from = AT_SIDE_NOT, .word = "urpf-failed", .to = AT_SIDE_END, .flags = EDGE_HIDDEN },
	{ .from = AT_SIDE_NOT, .place = PT_PLACE_TABLE, .to = AT_SIDE_END, .help = "a table of addresses" },
	{ .from = AT_SIDE_NOT, .place = PT_PLACE_DYNAMIC, .to = AT_SIDE_END,
	  .help = "the addresses that an interface has" },
	{ .from = AT_SIDE_NOT, .word = "192.0.2.1", .place = PT_PLACE_HOST, .to = AT_SIDE_END,
	  .help = "an address, a network or a name" },
	{ .from = AT_COUNTRY, .word = "DE", .place = PT_PLACE_COUNTRY, .to = AT_SIDE_END,
	  .help = "the code of a country" },
	{ .from = AT_SIDE_END, .word = "port", .to = AT_PORT, .help = "and a port" },
	{ .from = AT_SIDE_END, .to = AT_PARTS },
	{ .from = AT_PORT, .word = "=", .to = AT_PORT_VALUE, .help = "this port" },
	{ .from = AT_PORT, .word = "!=", .to = AT_PORT_VALUE, .help = "another" },
	{ .from = AT_PORT, .word = "<", .to = AT_PORT_VALUE, .help = "below" },
	{ .from = AT_PORT, .word = "<=", .to = AT_PORT_VALUE, .help = "up to" },
	{ .from = AT_PORT, .word = ">", .to = AT_PORT_VALUE, .help = "above" },
	{ .from = AT_PORT, .word = ">=", .to = AT_PORT_VALUE, .help = "from" },
	{ .from = AT_PORT, .names = NAMES_SERVICE, .to = AT_PORT_MORE, .help = "a service, a number or a range" },
	{ .from = AT_PORT_VALUE, .names = NAMES_SERVICE, .to = AT_PORT_END, .help = "a service or a number" },
	{ .from = AT_PORT_MORE, .word = "><", .to = AT_PORT_VALUE, .flags = EDGE_HIDDEN },
	{ .from = AT_PORT_MORE, .word = "<>", .to = AT_PORT_VALUE, .flags = EDGE_HIDDEN },
	{ .from = AT_PORT_MORE, .to = AT_PORT_END },
	{ .from = AT_PORT_END, .to = AT_PARTS },

	/* conditions */
	{ .from = AT_FLAGS, .word = "any", .to = AT_PARTS, .help = "any of them, or none" },
	{ .from = AT_FLAGS, .word = "S/SA", .place = PT_PLACE_FREE, .to = AT_PARTS,
	  .help = "those that are set, and behind / those that are looked at" },
	{ .from = AT_ICMP, .names = NAMES_TYPE, .to = AT_ICMP_CODE, .help = "a type of ICMP", .not = FACT_ICMP6 },
	{ .from = AT_ICMP, .names = NAMES_TYPE6, .to = AT_ICMP_CODE, .help = "a type of ICMPv6", .need = FACT_ICMP6 },
	{ .from = AT_ICMP_CODE, .word = "code", .to = AT_ICMP_CODE_VALUE, .help = "and a code" },
	{ .from = AT_ICMP_CODE, .to = AT_PARTS },
	{ .from = AT_ICMP_CODE_VALUE, .names = NAMES_CODE, .to = AT_PARTS, .help = "a code of this type",
	  .not = FACT_ICMP6 },
	{ .from = AT_ICMP_CODE_VALUE, .names = NAMES_CODE6, .to = AT_PARTS, .help = "a code of this type",
	  .need = FACT_ICMP6 },
	{ .from = AT_ICMP_CODE_VALUE, .word = "0", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a number" },
	{ .from = AT_TOS, .names = NAMES_TOS, .to = AT_PARTS, .help = "a type of service" },
	{ .from = AT_PROBABILITY, .word = "20%", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a part of all" },
	{ .from = AT_RECEIVED, .place = PT_PLACE_INTERFACE, .to = AT_PARTS, .help = "an interface or a group" },
	{ .from = AT_SCHEDULE, .place = PT_PLACE_SCHEDULE, .to = AT_PARTS, .help = "a schedule" },
	{ .from = AT_USER, .word = "=", .to = AT_USER_VALUE, .help = "this one" },
	{ .from = AT_USER, .word = "!=", .to = AT_USER_VALUE, .help = "another" },
	{ .from = AT_USER, .word = "<", .to = AT_ID_NUMBER, .help = "a lower number" },
	{ .from = AT_USER, .word = "<=", .to = AT_ID_NUMBER, .help = "up to a number" },
	{ .from = AT_USER, .word = ">", .to = AT_ID_NUMBER, .help = "a higher number" },
	{ .from = AT_USER, .word = ">=", .to = AT_ID_NUMBER, .help = "from a number" },
	{ .from = AT_USER, .place = PT_PLACE_USER, .to = AT_ID_MORE, .help = "a name or a number" },
	{ .from = AT_USER_VALUE, .place = PT_PLACE_USER, .to = AT_PARTS, .help = "a name or a number" },
	{ .from = AT_GROUP, .word = "=", .to = AT_GROUP_VALUE, .help = "this one" },
	{ .from = AT_GROUP, .word = "!=", .to = AT_GROUP_VALUE, .help = "another" },
	{ .from = AT_GROUP, .word = "<", .to = AT_ID_NUMBER, .help = "a lower number" },
	{ .from = AT_GROUP, .word = "<=", .to = AT_ID_NUMBER, .help = "up to a number" },
	{ .from = AT_GROUP, .word = ">", .to = AT_ID_NUMBER, .help = "a higher number" },
	{ .from = AT_GROUP, .word = ">=", .to = AT_ID_NUMBER, .help = "from a number" },
	{ .from = AT_GROUP, .place = PT_PLACE_GROUP, .to = AT_ID_MORE, .help = "a name or a number" },
	{ .from = AT_GROUP_VALUE, .place = PT_PLACE_GROUP, .to = AT_PARTS, .help = "a name or a number" },
	{ .from = AT_ID_MORE, .word = "><", .to = AT_ID_NUMBER, .flags = EDGE_HIDDEN },
	{ .from = AT_ID_MORE, .word = "<>", .to = AT_ID_NUMBER, .flags = EDGE_HIDDEN },
	{ .from = AT_ID_MORE, .to = AT_PARTS },
	{ .from = AT_ID_NUMBER, .word = "1000", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a number" },
	{ .from = AT_MACS, .word = "!", .to = AT_MAC, .help = "others than", .flags = EDGE_ALONE },
	{ .from = AT_MACS, .to = AT_MAC },
	{ .from = AT_MAC, .word = "52:54:00:12:34:56", .place = PT_PLACE_FREE, .to = AT_PARTS,
	  .help = "a hardware address" },
	{ .from = AT_RATE, .word = "10/second", .place = PT_PLACE_FREE, .to = AT_BURST,
	  .help = "a number for a second, minute, hour or day" },
	{ .from = AT_BURST, .word = "burst", .to = AT_BURST_N, .help = "as many at once" },
	{ .from = AT_BURST, .to = AT_PARTS },
	{ .from = AT_BURST_N, .word = "5", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a number of packets" },
	{ .from = AT_PACKETS, .word = "100/10", .place = PT_PLACE_FREE, .to = AT_PARTS,
	  .help = "a number of packets in so many seconds" },

	/* what is done to packets */
	{ .from = AT_SET, .word = "(", .to = AT_SET_ITEM, .help = "several", .set = FACT_PAREN },
	{ .from = AT_SET, .to = AT_SET_ITEM },
	{ .from = AT_SET_ITEM, .word = "prio", .to = AT_PRIO, .help = "the priority", .flags = EDGE_ONCE },
	{ .from = AT_SET_ITEM, .word = "tos", .to = AT_SET_TOS, .help = "the type of service", .flags = EDGE_ONCE },
	{ .from = AT_SET_ITEM, .word = "queue", .to = AT_QUEUE, .help = "a class of a queueing discipline",
	  .not = FACT_QUEUED },
	{ .from = AT_SET_DONE, .word = ",", .to = AT_SET_ITEM, .help = "one more", .need = FACT_PAREN },
	{ .from = AT_SET_DONE, .word = ")", .to = AT_PARTS, .help = "the end", .need = FACT_PAREN,
	  .clear = FACT_PAREN },
	{ .from = AT_SET_DONE, .to = AT_PARTS, .not = FACT_PAREN },
	{ .from = AT_PRIO, .word = "(", .to = AT_PRIO_1, .help = "one for packets that are in a hurry, too" },
	{ .from = AT_PRIO, .word = "5", .place = PT_PLACE_FREE, .to = AT_SET_DONE, .help = "0 to 7" },
	{ .from = AT_PRIO_1, .word = "3", .place = PT_PLACE_FREE, .to = AT_PRIO_2, .help = "0 to 7" },
	{ .from = AT_PRIO_2, .word = ",", .to = AT_PRIO_3, .help = "and that of packets in a hurry" },
	{ .from = AT_PRIO_3, .word = "6", .place = PT_PLACE_FREE, .to = AT_PRIO_END, .help = "0 to 7" },
	{ .from = AT_PRIO_END, .word = ")", .to = AT_SET_DONE, .help = "the end" },
	{ .from = AT_SET_TOS, .names = NAMES_TOS, .to = AT_SET_DONE, .help = "a type of service" },
	{ .from = AT_QUEUE, .word = "(", .to = AT_QUEUE_1, .help = "one for packets that are in a hurry, too" },
	{ .from = AT_QUEUE, .place = PT_PLACE_QUEUE, .to = AT_SET_DONE, .help = "a class", .set = FACT_QUEUED },
	{ .from = AT_QUEUE_1, .place = PT_PLACE_QUEUE, .to = AT_QUEUE_2, .help = "a class", .set = FACT_QUEUED },
	{ .from = AT_QUEUE_2, .word = ",", .to = AT_QUEUE_3, .help = "and that of packets in a hurry" },
	{ .from = AT_QUEUE_3, .place = PT_PLACE_QUEUE, .to = AT_QUEUE_END, .help = "a class" },
	{ .from = AT_QUEUE_END, .word = ")", .to = AT_SET_DONE, .help = "the end" },
	{ .from = AT_SCRUB, .word = "(", .to = AT_SCRUB_ITEM, .help = "what is changed" },
	{ .from = AT_SCRUB_ITEM, .word = "max-mss", .to = AT_SCRUB_N, .help = "the largest segment of TCP",
	  .flags = EDGE_ONCE },
	{ .from = AT_SCRUB_ITEM, .word = "min-ttl", .to = AT_SCRUB_N, .help = "the least time to live",
	  .flags = EDGE_ONCE },
	{ .from = AT_SCRUB_ITEM, .word = "no-df", .to = AT_SCRUB_NEXT, .help = "let packets be taken apart",
	  .flags = EDGE_ONCE },
	{ .from = AT_SCRUB_ITEM, .word = "random-id", .to = AT_SCRUB_NEXT, .help = "another number of the packet",
	  .flags = EDGE_ONCE },
	{ .from = AT_SCRUB_N, .word = "100", .place = PT_PLACE_FREE, .to = AT_SCRUB_NEXT, .help = "a number" },
	{ .from = AT_SCRUB_NEXT, .word = ",", .to = AT_SCRUB_ITEM, .help = "one more" },
	{ .from = AT_SCRUB_NEXT, .word = ")", .to = AT_PARTS, .help = "the end" },

	/* states */
	{ .from = AT_KEEP, .word = "state", .to = AT_KEPT, .help = "remember the connection" },
	{ .from = AT_NO, .word = "state", .to = AT_PARTS, .help = "do not remember it" },
	{ .from = AT_KEPT, .word = "(", .to = AT_STATES, .help = "limits of states, time-outs" },
	{ .from = AT_KEPT, .to = AT_PARTS },
	{ .from = AT_STATES, .word = "max", .to = AT_STATES_N, .help = "the most states of the rule",
	  .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "max-src-nodes", .to = AT_STATES_N, .help = "the most sources",
	  .not = FACT_GLOBAL, .set = FACT_SOURCES | FACT_OWN, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "max-src-states", .to = AT_STATES_N, .help = "the most states of a source",
	  .set = FACT_SOURCES, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "max-src-conn", .to = AT_STATES_N, .help = "the most connections of a source",
	  .not = FACT_GLOBAL, .set = FACT_SOURCES | FACT_OWN | FACT_CONN, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "max-src-conn-rate", .to = AT_STATES_RATE,
	  .help = "the most new connections of a source", .not = FACT_GLOBAL,
	  .set = FACT_SOURCES | FACT_OWN | FACT_CONN, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "overload", .to = AT_OVERLOAD, .help = "a table for who has too many",
	  .need = FACT_CONN, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "source-track", .to = AT_TRACK, .help = "what sources are counted over",
	  .need = FACT_SOURCES, .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "floating", .to = AT_STATES_NEXT, .help = "on any interface, as always",
	  .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "udp.first", .to = AT_STATES_N, .help = "a time-out", .not = FACT_UDP,
	  .set = FACT_UDP },
	{ .from = AT_STATES, .word = "udp.single", .to = AT_STATES_N, .help = "a time-out", .not = FACT_UDP,
	  .set = FACT_UDP },
	{ .from = AT_STATES, .word = "tcp.first", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "tcp.opening", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "tcp.established", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "tcp.closing", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "tcp.finwait", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "tcp.closed", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "udp.multiple", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES, .word = "icmp.first", .to = AT_STATES_N, .help = "a time-out", .flags = EDGE_ONCE },
	{ .from = AT_STATES_N, .word = "100", .place = PT_PLACE_FREE, .to = AT_STATES_NEXT,
	  .help = "a number, of time-outs a time" },
	{ .from = AT_STATES_RATE, .word = "5/30", .place = PT_PLACE_FREE, .to = AT_STATES_NEXT,
	  .help = "connections in so many seconds" },
	{ .from = AT_OVERLOAD, .place = PT_PLACE_TABLE, .to = AT_FLUSH, .help = "a table" },
	{ .from = AT_FLUSH, .word = "flush", .to = AT_FLUSH_ALL, .help = "and end its states" },
	{ .from = AT_FLUSH, .to = AT_STATES_NEXT },
	{ .from = AT_FLUSH_ALL, .word = "global", .to = AT_STATES_NEXT, .help = "of all rules" },
	{ .from = AT_FLUSH_ALL, .to = AT_STATES_NEXT },
	{ .from = AT_TRACK, .word = "rule", .to = AT_STATES_NEXT, .help = "each rule for itself" },
	{ .from = AT_TRACK, .word = "global", .to = AT_STATES_NEXT, .help = "all rules together", .not = FACT_OWN,
	  .set = FACT_GLOBAL },
	{ .from = AT_TRACK, .to = AT_STATES_NEXT },
	{ .from = AT_STATES_NEXT, .word = ",", .to = AT_STATES, .help = "one more" },
	{ .from = AT_STATES_NEXT, .word = ")", .to = AT_PARTS, .help = "the end" },
	{ .from = AT_STATES_NEXT, .to = AT_STATES, .flags = EDGE_HIDDEN },

	/* names */
	{ .from = AT_LABEL, .word = "ssh", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a name" },
	{ .from = AT_TAG, .word = "web", .place = PT_PLACE_FREE, .to = AT_PARTS, .help = "a name" },
	{ .from = AT_TAGGED, .place = PT_PLACE_TAG, .to = AT_PARTS, .help = "a tag that rules set" },

	/* translation */
	{ .from = AT_TARGET, .word = "192.0.2.1", .place = PT_PLACE_TARGET, .to = AT_WEIGHT,
	  .help = "an address, a network, a range or an interface", .flags = EDGE_ALONE },
	{ .from = AT_TARGET, .word = "192.0.2.1", .place = PT_PLACE_FREE, .to = AT_WEIGHT,
	  .help = "an address, a network or a range", .flags = EDGE_LIST },
	{ .from = AT_TARGET, .place = PT_PLACE_DYNAMIC, .to = AT_WEIGHT, .help = "an interface", .flags = EDGE_ALONE },
	{ .from = AT_TARGET, .place = PT_PLACE_TABLE, .to = AT_WEIGHT, .help = "a table", .not = FACT_BOTH },
	{ .from = AT_WEIGHT, .word = "weight", .to = AT_WEIGHT_N, .help = "how often it is chosen",
	  .flags = EDGE_LIST },
	{ .from = AT_WEIGHT, .to = AT_TARGET_END },
	{ .from = AT_WEIGHT_N, .word = "3", .place = PT_PLACE_FREE, .to = AT_TARGET_END, .help = "a number",
	  .set = FACT_WEIGHT },
	{ .from = AT_TARGET_END, .word = "port", .to = AT_TARGET_PORT, .help = "other ports", .not = FACT_BOTH },
	{ .from = AT_TARGET_END, .to = AT_POOL },
	{ .from = AT_TARGET_PORT, .names = NAMES_SERVICE, .to = AT_POOL, .help = "a service, a number or a range",
	  .set = FACT_PORT },
	{ .from = AT_POOL, .word = "round-robin", .to = AT_POOL, .help = "one after the other", .need = FACT_MANY,
	  .not = FACT_WAY | FACT_BOTH, .set = FACT_WAY },
	{ .from = AT_POOL, .word = "random", .to = AT_POOL, .help = "by chance", .need = FACT_MANY,
	  .not = FACT_WAY | FACT_BOTH, .set = FACT_WAY },
	{ .from = AT_POOL, .word = "source-hash", .to = AT_KEY, .help = "by the source", .need = FACT_MANY,
	  .not = FACT_WAY | FACT_BOTH | FACT_STICKY, .set = FACT_WAY | FACT_SAME },
	{ .from = AT_POOL, .word = "bitmask", .to = AT_POOL, .help = "the host part stays", .need = FACT_PREFIX,
	  .not = FACT_WAY | FACT_BOTH | FACT_STICKY, .set = FACT_WAY | FACT_SAME },
	{ .from = AT_POOL, .word = "sticky-address", .to = AT_POOL, .help = "a source keeps its address",
	  .need = FACT_MANY, .not = FACT_SAME | FACT_BOTH | FACT_STICKY, .set = FACT_STICKY },
	{ .from = AT_POOL, .word = "static-port", .to = AT_POOL, .help = "source ports stay", .need = FACT_SOURCE,
	  .not = FACT_PORT | FACT_STATIC, .set = FACT_STATIC },
	{ .from = AT_POOL, .word = "reflect", .to = AT_PARTS, .help = "for the networks inside, too",
	  .need = FACT_DEST },
	{ .from = AT_POOL, .to = AT_PARTS },
	{ .from = AT_KEY, .word = "0x1234", .place = PT_PLACE_FREE, .to = AT_POOL, .help = "a key" },
	{ .from = AT_KEY, .to = AT_POOL },

	{ .from = AT_END },
};

static const struct {
	enum grammar_state at, after;
	bool compares, encloses;
} values[] = {
	{ AT_ON, AT_PARTS, false, false },	 { AT_PROTO, AT_PARTS, false, false },
	{ AT_SIDE, AT_SIDE_END, false, true },	 { AT_SIDE_NOT, AT_END, false, true },
	{ AT_PORT, AT_PORT_END, true, false },	 { AT_PORT_VALUE, AT_END, true, false },
	{ AT_PORT_MORE, AT_END, true, false },	 { AT_ICMP, AT_PARTS, false, false },
	{ AT_USER, AT_PARTS, true, false },	 { AT_GROUP, AT_PARTS, true, false },
	{ AT_ID_MORE, AT_END, true, false },	 { AT_MACS, AT_PARTS, false, false },
	{ AT_MAC, AT_PARTS, false, false },	 { AT_TARGET, AT_TARGET_END, false, true },
	{ AT_OVERLOAD, AT_END, false, true },
};

enum grammar_state grammar_after(enum grammar_state at)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (values[i].at == at)
			return values[i].after;
	return AT_END;
}

uint32_t grammar_no_list(enum grammar_state at)
{
	return at == AT_TARGET ? FACT_BOTH : 0;
}

bool grammar_compares(enum grammar_state at)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (values[i].at == at)
			return values[i].compares;
	return false;
}

bool grammar_encloses(enum grammar_state at)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (values[i].at == at)
			return values[i].encloses;
	return false;
}

const char *grammar_name(enum grammar_names of, const char *type, size_t i)
{
	switch (of) {
	case NAMES_PROTO:
		return rule_proto_at(i);
	case NAMES_SERVICE:
		return rule_service_at(i);
	case NAMES_TYPE:
		return rule_icmp_type_at(PT_AF_INET, i);
	case NAMES_TYPE6:
		return rule_icmp_type_at(PT_AF_INET6, i);
	case NAMES_CODE:
		return rule_icmp_code_at(PT_AF_INET, type, i);
	case NAMES_CODE6:
		return rule_icmp_code_at(PT_AF_INET6, type, i);
	case NAMES_UNREACH:
		return rule_icmp_code_at(PT_AF_INET, "unreach", i);
	case NAMES_UNREACH6:
		return rule_icmp_code_at(PT_AF_INET6, "unreach", i);
	case NAMES_TOS:
		return rule_tos_at(i);
	case NAMES_NONE:
		break;
	}
	return NULL;
}
