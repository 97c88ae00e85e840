/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_case - tables of rules and packets, run in the lab of lab_wire.h, for each family and each engine.
 *
 * In rules and packets addresses are written NET.N, in rules with a @ before: lan.10 is 192.168.1.10 or
 * fd00:1::a. The nets are lan, dmz, wan, far (behind wan), ptp (the point-to-point link on dmz0), lost (where no route leads). A prefix is
 * @lan.64/26, in IPv6 with 96 bits more. @af is inet or inet6, @icmp icmp or icmp6.
 *
 * A line of packets:
 *
 *     FROM PROTO SRC[:PORT] DST[:PORT] [how] VERDICT [label]... [log LABEL] [as SRC[:PORT] DST[:PORT]]
 *
 *     FROM     lan, wan, dmz: the peer of that device; router: the router itself
 *     PROTO    tcp[/FLAGS], S unless said; udp; icmp[/TYPE[/CODE]], an echo request unless said, unreach in
 *              both families; gre, sctp, or a number
 *     how      frag: in two fragments; first, later: only that fragment; badsum: with a wrong checksum;
 *              tos/HEX: with this type of service, or traffic class
 *     VERDICT  pass: arrives, as it was sent unless "as" says how; block: neither arrives nor is answered;
 *              rst; unreach/CODE4/CODE6: is answered
 *     label    of the rules that decide, and of the match rules, as their counters say
 *     as       ranges stand for any of them: wan.48-55:50001-65535
 *
 * Instead of the first four words, about the last packet that has them: reply[/FLAGS], SA unless said, the answer
 * from where it arrived; next[/FLAGS], A unless said, another one of its connection; error, an ICMP error about it.
 *
 * The lab has interfaces, tables and macros for the rules: lan, wan, dmz, group inside (lan, dmz), <some>, <none>,
 * $host, $web, $way, $dev.
 */
#ifndef PATRONUS_TESTS_LAB_CASE_H
#define PATRONUS_TESTS_LAB_CASE_H

#include <stddef.h>

/* Rules that let through what the case is not about; they are not counted. */
#define OUT "pass out no state label leave\n"
#define IN "pass in no state label arrive\n"

struct packet_case {
	enum { BOTH, INET, INET6 } family;
	const char *name;
	const char *rules, *packets; /* lines; a first rule that begins with % are options of the section;
				       * ! before them: nothing of the rules before stays in the kernel */
};

/* main(): runs all of them, or those whose name has ARGV[1] in it. */
int packet_cases(const struct packet_case *cases, size_t n, int argc, char **argv);

#endif
