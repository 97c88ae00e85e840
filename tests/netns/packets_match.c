/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules match, as patronus-rules(5) says it, with real packets: for each kind of condition packets that
 * must meet it and near ones that must not. How to read the table: lab_case.h.
 *
 *   packets_match.t [part of a name]
 */
#include <patronus/base.h>

#include "netns/lab_case.h"

static const struct packet_case cases[] = {
	/* ---- direction and interface ---- */
	{ BOTH, "no rule matches: blocked", "pass in on dmz label x",
	  "lan tcp lan.10 dmz.20:80 block\nlan udp lan.10 lan.1:80 block" },
	{ BOTH, "in: arriving, forwarded and to the router", OUT "pass in no state label in",
	  "lan tcp lan.10 dmz.20:80 pass in\nlan udp lan.10 lan.1:80 pass in\nwan udp far.7 wan.2:9 pass in" },
	{ BOTH, "out: not arriving", OUT "pass out no state label out", "lan udp lan.10 lan.1:80 block" },
	{ BOTH, "out: leaving, forwarded and from the router", IN "pass out no state label out",
	  "lan tcp lan.10 dmz.20:80 pass out\nrouter udp lan.1 lan.10:80 pass out\nlan udp lan.10 lan.1:80 pass" },
	{ BOTH, "no direction: judged both ways", "pass no state label both",
	  "lan tcp lan.10 dmz.20:80 pass both both\nlan udp lan.10 lan.1:80 pass both\n"
	  "router udp wan.2 far.7:80 pass both" },
	{ BOTH, "forwarded: in on one, out on the other", "pass in on lan no state label i\npass out on wan no state label o",
	  "lan udp lan.10 far.7:80 pass i o\nlan udp lan.10 dmz.20:80 block i\nwan udp far.7 lan.10:80 block" },
	{ BOTH, "on title", OUT "pass in on lan no state label x", "lan udp lan.10 dmz.20:9 pass x\ndmz udp dmz.20 lan.10:9 block" },
	{ BOTH, "on device", OUT "pass in on lan0 no state label x", "lan udp lan.10 dmz.20:9 pass x\ndmz udp dmz.20 lan.10:9 block" },
	{ BOTH, "on group", OUT "pass in on inside no state label x",
	  "lan udp lan.10 far.7:9 pass x\ndmz udp dmz.20 far.7:9 pass x\nwan udp far.7 lan.10:9 block" },
	{ BOTH, "on ! name", OUT "pass in on ! lan no state label x",
	  "lan udp lan.10 far.7:9 block\ndmz udp dmz.20 far.7:9 pass x\nwan udp far.7 lan.10:9 pass x" },
	{ BOTH, "on ! group", OUT "pass in on ! inside no state label x",
	  "lan udp lan.10 far.7:9 block\ndmz udp dmz.20 far.7:9 block\nwan udp far.7 lan.10:9 pass x" },
	{ BOTH, "on list", OUT "pass in on { lan, wan } no state label x",
	  "lan udp lan.10 far.7:9 pass x\ndmz udp dmz.20 far.7:9 block\nwan udp far.7 lan.10:9 pass x" },
	{ BOTH, "out on title, from the router", "pass out on lan no state label x",
	  "router udp lan.1 lan.10:9 pass x\nrouter udp wan.2 far.7:9 block" },
	{ BOTH, "out on ! name", IN "pass out on ! wan no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 far.7:9 block\nrouter udp lan.1 lan.10:9 pass x" },
	/* ---- family and protocol ---- */
	{ INET, "inet", OUT "pass in inet no state label x", "lan udp lan.10 dmz.20:9 pass x" },
	{ INET6, "inet, not inet6", OUT "pass in inet no state label x", "lan udp lan.10 dmz.20:9 block" },
	{ INET6, "inet6", OUT "pass in inet6 no state label x", "lan udp lan.10 dmz.20:9 pass x" },
	{ INET, "inet6, not inet", OUT "pass in inet6 no state label x", "lan udp lan.10 dmz.20:9 block" },
	{ INET6, "family from the addresses", OUT "pass in from any to 10.0.5.20 no state label x", "lan udp lan.10 dmz.20:9 block" },
	{ BOTH, "proto tcp", OUT "pass in proto tcp no state label x",
	  "lan tcp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block\nlan icmp lan.10 dmz.20 block" },
	{ BOTH, "proto udp", OUT "pass in proto udp no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan tcp lan.10 dmz.20:9 block\nlan sctp lan.10 dmz.20:9 block" },
	{ BOTH, "proto icmp, icmp6", OUT "pass in @af proto @icmp no state label x",
	  "lan icmp lan.10 dmz.20 pass x\nlan icmp/13 lan.10 dmz.20 pass x\nlan udp lan.10 dmz.20:9 block" },
	{ BOTH, "proto sctp", OUT "pass in proto sctp no state label x",
	  "lan sctp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block" },
	{ BOTH, "proto gre", OUT "pass in proto gre no state label x", "lan gre lan.10 dmz.20 pass x\nlan 50 lan.10 dmz.20 block" },
	{ BOTH, "proto by number", OUT "pass in proto 50 no state label x",
	  "lan 49 lan.10 dmz.20 block\nlan 50 lan.10 dmz.20 pass x\nlan 52 lan.10 dmz.20 block" },
	{ BOTH, "proto list", OUT "pass in proto { tcp, 253 } no state label x",
	  "lan tcp lan.10 dmz.20:9 pass x\nlan 253 lan.10 dmz.20 pass x\nlan udp lan.10 dmz.20:9 block\n"
	  "lan 252 lan.10 dmz.20 block\nlan 254 lan.10 dmz.20 block" },
	/* ---- addresses ---- */
	{ BOTH, "all", OUT "pass in all no state label x", "lan udp lan.10 dmz.20:9 pass x\nwan 253 far.7 lan.10 pass x" },
	{ BOTH, "from any to address", OUT "pass in from any to @dmz.20 no state label x",
	  "lan udp lan.10 dmz.19:9 block\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.21:9 block" },
	{ BOTH, "from address", OUT "pass in from @lan.10 no state label x",
	  "lan udp lan.9 dmz.20:9 block\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.11 dmz.20:9 block\n"
	  "dmz udp dmz.20 lan.10:9 block" },
	{ BOTH, "from prefix", OUT "pass in from @lan.64/26 no state label x",
	  "lan udp lan.63 dmz.20:9 block\nlan udp lan.64 dmz.20:9 pass x\nlan udp lan.127 dmz.20:9 pass x\n"
	  "lan udp lan.128 dmz.20:9 block" },
	{ BOTH, "to prefix", OUT "pass in to @dmz.16/30 no state label x",
	  "lan udp lan.10 dmz.15:9 block\nlan udp lan.10 dmz.16:9 pass x\nlan udp lan.10 dmz.19:9 pass x\n"
	  "lan udp lan.10 dmz.20:9 block" },
	{ BOTH, "from range", OUT "pass in from @lan.20 - @lan.37 no state label x",
	  "lan udp lan.19 dmz.20:9 block\nlan udp lan.20 dmz.20:9 pass x\nlan udp lan.37 dmz.20:9 pass x\n"
	  "lan udp lan.38 dmz.20:9 block" },
	{ BOTH, "to range", OUT "pass in to @dmz.20 - @dmz.21 no state label x",
	  "lan udp lan.10 dmz.19:9 block\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.21:9 pass x\n"
	  "lan udp lan.10 dmz.22:9 block" },
	{ BOTH, "from and to", OUT "pass in from @lan.10 to @dmz.20 no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.21:9 block\nlan udp lan.11 dmz.20:9 block" },
	{ BOTH, "from ! address", OUT "pass in on lan from ! @lan.10 no state label x",
	  "lan udp lan.10 dmz.20:9 block\nlan udp lan.11 dmz.20:9 pass x\nlan udp lan.9 dmz.20:9 pass x" },
	{ BOTH, "to ! prefix", OUT "pass in on lan to ! @dmz.16/30 no state label x",
	  "lan udp lan.10 dmz.15:9 pass x\nlan udp lan.10 dmz.16:9 block\nlan udp lan.10 dmz.19:9 block\n"
	  "lan udp lan.10 dmz.20:9 pass x" },
	{ BOTH, "to ! range", OUT "pass in on lan to ! @dmz.20 - @dmz.21 no state label x",
	  "lan udp lan.10 dmz.19:9 pass x\nlan udp lan.10 dmz.20:9 block\nlan udp lan.10 dmz.21:9 block\n"
	  "lan udp lan.10 dmz.22:9 pass x" },
	{ INET6, "! address is of the same family", OUT "pass in from ! 192.168.1.77 no state label x", "lan udp lan.10 dmz.20:9 block" },
	{ BOTH, "list of addresses", OUT "pass in from { @lan.10, @lan.64/26 @lan.140 - @lan.141 } no state label x",
	  "lan udp lan.9 dmz.20:9 block\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.64 dmz.20:9 pass x\n"
	  "lan udp lan.128 dmz.20:9 block\nlan udp lan.141 dmz.20:9 pass x\nlan udp lan.142 dmz.20:9 block" },
	{ BOTH, "list of both families", OUT "pass in from { 192.168.1.10, fd00:1::a } no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.11 dmz.20:9 block" },
	{ BOTH, "nested lists", OUT "pass in from { @lan.10, { @lan.12 { @lan.14 } } } no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.12 dmz.20:9 pass x\nlan udp lan.13 dmz.20:9 block\n"
	  "lan udp lan.14 dmz.20:9 pass x" },
	{ BOTH, "negated members add all others", OUT "pass in from { ! @lan.10, @lan.10 } no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.11 dmz.20:9 pass x" },
	{ BOTH, "two negated members are every address", OUT "pass in from { ! @lan.10, ! @lan.11 } no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.11 dmz.20:9 pass x\nlan udp lan.12 dmz.20:9 pass x" },
	{ BOTH, "to self", OUT "pass in to self no state label x",
	  "lan udp lan.10 lan.1:9 pass x\nlan udp lan.10 wan.2:9 pass x\nlan udp lan.10 ptp.1:9 pass x\n"
	  "lan udp lan.10 dmz.20:9 block\nlan udp lan.10 wan.1:9 block" },
	{ BOTH, "to ! self", OUT "pass in to ! self no state label x", "lan udp lan.10 lan.1:9 block\nlan udp lan.10 dmz.20:9 pass x" },
	{ BOTH, "out from self", IN "pass out from self no state label x",
	  "router udp wan.2 far.7:9 pass x\nlan udp lan.10 far.7:9 block" },
	{ BOTH, "to if: what the file says", OUT "pass in to dmz no state label x",
	  "lan udp lan.10 dmz.1:9 pass x\nlan udp lan.10 dmz.2:9 block\nlan udp lan.10 ptp.1:9 block" },
	{ BOTH, "to (if): what the kernel says", OUT "pass in to (dmz) no state label x",
	  "lan udp lan.10 dmz.1:9 pass x\nlan udp lan.10 dmz.2:9 block\nlan udp lan.10 ptp.1:9 pass x" },
	{ BOTH, "to (if:0)", OUT "pass in to (wan:0) no state label x", "lan udp lan.10 wan.2:9 pass x\nlan udp lan.10 wan.1:9 block" },
	{ BOTH, "to if of dhcp", OUT "pass in to wan no state label x", "lan udp lan.10 wan.2:9 pass x\nlan udp lan.10 lan.1:9 block" },
	{ BOTH, "to ! if", OUT "pass in on lan to ! dmz no state label x", "lan udp lan.10 dmz.1:9 block\nlan udp lan.10 lan.1:9 pass x" },
	{ BOTH, "to ! (if)", OUT "pass in on lan to ! (dmz) no state label x",
	  "lan udp lan.10 ptp.1:9 block\nlan udp lan.10 lan.1:9 pass x" },
	{ BOTH, "from if:network", OUT "pass in from lan:network no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.255 dmz.20:9 pass x\nlan udp far.9 dmz.20:9 block" },
	{ BOTH, "from (if:network)", OUT "pass in from (lan:network) no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp far.9 dmz.20:9 block" },
	{ BOTH, "to ! if:network", OUT "pass in on lan to ! dmz:network no state label x",
	  "lan udp lan.10 dmz.20:9 block\nlan udp lan.10 far.7:9 pass x" },
	{ INET, "to if:broadcast", OUT "pass in to lan:broadcast no state label x",
	  "lan udp lan.10 lan.255:9 pass x\nlan udp lan.10 lan.254:9 block\nlan udp lan.10 lan.1:9 block" },
	{ BOTH, "to (if:peer)", OUT "pass in to (dmz:peer) no state label x",
	  "lan udp lan.10 ptp.2:9 pass x\nlan udp lan.10 ptp.1:9 block\nlan udp lan.10 dmz.20:9 block" },
	{ BOTH, "from <table>, with a negated entry", OUT "pass in from <some> no state label x",
	  "lan udp lan.63 far.7:9 block\nlan udp lan.64 far.7:9 pass x\nlan udp lan.69 far.7:9 pass x\n"
	  "lan udp lan.70 far.7:9 block\nlan udp lan.71 far.7:9 pass x\nlan udp lan.127 far.7:9 pass x\n"
	  "lan udp lan.128 far.7:9 block\nlan udp lan.200 far.7:9 pass x\ndmz udp dmz.20 far.7:9 pass x" },
	{ BOTH, "to <table>", OUT "pass in to <some> no state label x", "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.21:9 block" },
	{ BOTH, "from ! <table>", OUT "pass in from ! <some> no state label x",
	  "lan udp lan.63 far.7:9 pass x\nlan udp lan.64 far.7:9 block\nlan udp lan.70 far.7:9 pass x\n"
	  "lan udp lan.200 far.7:9 block" },
	{ BOTH, "empty table", OUT "pass in from <none> no state label x\npass in on dmz from ! <none> no state label y",
	  "lan udp lan.10 far.7:9 block\ndmz udp dmz.20 far.7:9 pass y" },
	{ BOTH, "list with table, (if) and address", OUT "pass in from any to { <some>, (wan), @far.7 } no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 wan.2:9 pass x\nlan udp lan.10 far.7:9 pass x\n"
	  "lan udp lan.10 far.8:9 block\nlan udp lan.10 dmz.21:9 block" },
	{ BOTH, "antispoof: on ! if from if:network", OUT "pass in no state label ok\nblock in quick on ! lan from lan:network label spoof",
	  "lan udp lan.10 far.7:9 pass ok\nwan udp lan.10 dmz.20:9 block spoof\ndmz udp dmz.20 far.7:9 pass ok" },
	/* ---- ports ---- */
	{ BOTH, "to port number", OUT "pass in proto tcp to any port 80 no state label x",
	  "lan tcp lan.10 dmz.20:79 block\nlan tcp lan.10 dmz.20:80 pass x\nlan tcp lan.10 dmz.20:81 block\n"
	  "lan udp lan.10 dmz.20:80 block\nlan tcp lan.10:80 dmz.20:9 block" },
	{ BOTH, "from port number", OUT "pass in proto udp from any port 123 no state label x",
	  "lan udp lan.10:122 dmz.20:9 block\nlan udp lan.10:123 dmz.20:9 pass x\nlan udp lan.10:124 dmz.20:9 block\n"
	  "lan udp lan.10 dmz.20:123 block" },
	{ BOTH, "port by service name", OUT "pass in proto tcp to any port https no state label x",
	  "lan tcp lan.10 dmz.20:442 block\nlan tcp lan.10 dmz.20:443 pass x\nlan tcp lan.10 dmz.20:444 block" },
	{ BOTH, "port =", OUT "pass in proto udp to any port = 53 no state label x",
	  "lan udp lan.10 dmz.20:52 block\nlan udp lan.10 dmz.20:53 pass x\nlan udp lan.10 dmz.20:54 block" },
	{ BOTH, "port !=", OUT "pass in proto udp to any port != 53 no state label x",
	  "lan udp lan.10 dmz.20:52 pass x\nlan udp lan.10 dmz.20:53 block\nlan udp lan.10 dmz.20:54 pass x" },
	{ BOTH, "port <", OUT "pass in proto tcp to any port < 1024 no state label x",
	  "lan tcp lan.10 dmz.20:1 pass x\nlan tcp lan.10 dmz.20:1023 pass x\nlan tcp lan.10 dmz.20:1024 block" },
	{ BOTH, "port <=", OUT "pass in proto tcp to any port <= 1024 no state label x",
	  "lan tcp lan.10 dmz.20:1024 pass x\nlan tcp lan.10 dmz.20:1025 block" },
	{ BOTH, "port >", OUT "pass in proto tcp to any port > 1023 no state label x",
	  "lan tcp lan.10 dmz.20:1023 block\nlan tcp lan.10 dmz.20:1024 pass x\nlan tcp lan.10 dmz.20:65535 pass x" },
	{ BOTH, "port >=", OUT "pass in proto tcp to any port >= 1023 no state label x",
	  "lan tcp lan.10 dmz.20:1022 block\nlan tcp lan.10 dmz.20:1023 pass x\nlan tcp lan.10 dmz.20:65535 pass x" },
	{ BOTH, "port a:b", OUT "pass in proto udp to any port 8000:8010 no state label x",
	  "lan udp lan.10 dmz.20:7999 block\nlan udp lan.10 dmz.20:8000 pass x\nlan udp lan.10 dmz.20:8010 pass x\n"
	  "lan udp lan.10 dmz.20:8011 block" },
	{ BOTH, "port a >< b", OUT "pass in proto udp to any port 8000 >< 8010 no state label x",
	  "lan udp lan.10 dmz.20:8000 block\nlan udp lan.10 dmz.20:8001 pass x\nlan udp lan.10 dmz.20:8009 pass x\n"
	  "lan udp lan.10 dmz.20:8010 block" },
	{ BOTH, "port a <> b", OUT "pass in proto udp to any port 8000 <> 8010 no state label x",
	  "lan udp lan.10 dmz.20:7999 pass x\nlan udp lan.10 dmz.20:8000 block\nlan udp lan.10 dmz.20:8010 block\n"
	  "lan udp lan.10 dmz.20:8011 pass x" },
	{ BOTH, "port list", OUT "pass in proto tcp to any port { ssh, 80, 8000:8001 > 65000 } no state label x",
	  "lan tcp lan.10 dmz.20:22 pass x\nlan tcp lan.10 dmz.20:23 block\nlan tcp lan.10 dmz.20:80 pass x\n"
	  "lan tcp lan.10 dmz.20:8001 pass x\nlan tcp lan.10 dmz.20:8002 block\nlan tcp lan.10 dmz.20:65001 pass x\n"
	  "lan tcp lan.10 dmz.20:65000 block" },
	{ BOTH, "source port ranges", OUT "pass in proto tcp from any port 1024:65535 to any port 80 no state label x",
	  "lan tcp lan.10:1023 dmz.20:80 block\nlan tcp lan.10:1024 dmz.20:80 pass x\nlan tcp lan.10:65535 dmz.20:80 pass x\n"
	  "lan tcp lan.10:2000 dmz.20:81 block" },
	{ BOTH, "source ports: !=, <, ><, <>, list", OUT
	  "pass in on lan proto udp from any port != 500 to any port 1 no state label a\n"
	  "pass in on lan proto udp from any port < 500 to any port 2 no state label b\n"
	  "pass in on lan proto udp from any port 500 >< 502 to any port 3 no state label c\n"
	  "pass in on lan proto udp from any port 500 <> 502 to any port 4 no state label d\n"
	  "pass in on lan proto udp from any port { 500, 502 } to any port 5 no state label e",
	  "lan udp lan.10:499 dmz.20:1 pass a\nlan udp lan.10:500 dmz.20:1 block\nlan udp lan.10:501 dmz.20:1 pass a\n"
	  "lan udp lan.10:499 dmz.20:2 pass b\nlan udp lan.10:500 dmz.20:2 block\n"
	  "lan udp lan.10:500 dmz.20:3 block\nlan udp lan.10:501 dmz.20:3 pass c\nlan udp lan.10:502 dmz.20:3 block\n"
	  "lan udp lan.10:499 dmz.20:4 pass d\nlan udp lan.10:500 dmz.20:4 block\nlan udp lan.10:502 dmz.20:4 block\n"
	  "lan udp lan.10:503 dmz.20:4 pass d\nlan udp lan.10:500 dmz.20:5 pass e\nlan udp lan.10:501 dmz.20:5 block" },
	{ BOTH, "ports of two protocols, and of sctp", OUT "pass in proto { tcp, sctp } to any port 80 no state label x",
	  "lan tcp lan.10 dmz.20:80 pass x\nlan sctp lan.10 dmz.20:80 pass x\nlan sctp lan.10 dmz.20:81 block\n"
	  "lan udp lan.10 dmz.20:80 block" },
	{ BOTH, "out: ports, from the router and forwarded", IN "pass out proto udp to any port 53 no state label x",
	  "router udp wan.2 far.7:53 pass x\nrouter udp wan.2 far.7:54 block\nlan udp lan.10 far.7:53 pass x\n"
	  "lan udp lan.10 far.7:52 block" },
	/* ---- ICMP ---- */
	{ BOTH, "icmp-type by name", OUT "pass in @af proto @icmp @icmp-type echoreq no state label x",
	  "lan icmp lan.10 dmz.20 pass x\nlan icmp/13 lan.10 dmz.20 block\nlan icmp/unreach/1 lan.10 dmz.20 block" },
	{ INET, "icmp-type by number", OUT "pass in inet proto icmp icmp-type 13 no state label x",
	  "lan icmp/13 lan.10 dmz.20 pass x\nlan icmp/12 lan.10 dmz.20 block\nlan icmp/14 lan.10 dmz.20 block" },
	{ INET6, "icmp6-type by number", OUT "pass in inet6 proto icmp6 icmp6-type 139 no state label x",
	  "lan icmp/138 lan.10 dmz.20 block\nlan icmp/139 lan.10 dmz.20 pass x\nlan icmp/140 lan.10 dmz.20 block" },
	{ BOTH, "icmp code by number", OUT "pass in @af proto @icmp @icmp-type unreach code 3 no state label x",
	  "lan icmp/unreach/2 lan.10 dmz.20 block\nlan icmp/unreach/3 lan.10 dmz.20 pass x\n"
	  "lan icmp/unreach/4 lan.10 dmz.20 block\nlan icmp lan.10 dmz.20 block" },
	{ INET, "icmp code by name", OUT "pass in inet proto icmp icmp-type unreach code host-unr no state label x",
	  "lan icmp/3/0 lan.10 dmz.20 block\nlan icmp/3/1 lan.10 dmz.20 pass x\nlan icmp/3/2 lan.10 dmz.20 block" },
	{ INET6, "icmp6 code by name", OUT "pass in inet6 proto icmp6 icmp6-type unreach code admin-unr no state label x",
	  "lan icmp/1/0 lan.10 dmz.20 block\nlan icmp/1/1 lan.10 dmz.20 pass x\nlan icmp/1/2 lan.10 dmz.20 block" },
	{ BOTH, "list of icmp types and codes", OUT "pass in @af proto @icmp @icmp-type { echoreq, unreach code 3 } no state label x",
	  "lan icmp lan.10 dmz.20 pass x\nlan icmp/unreach/3 lan.10 dmz.20 pass x\nlan icmp/unreach/1 lan.10 dmz.20 block" },
	/* ---- flags ---- */
	{ BOTH, "flags S/SA", OUT "pass in proto tcp flags S/SA no state label x",
	  "lan tcp/S lan.10 dmz.20:9 pass x\nlan tcp/SA lan.10 dmz.20:9 block\nlan tcp/A lan.10 dmz.20:9 block\n"
	  "lan tcp/SEW lan.10 dmz.20:9 pass x\nlan tcp/R lan.10 dmz.20:9 block" },
	{ BOTH, "flags any", OUT "pass in proto tcp flags any no state label x",
	  "lan tcp/S lan.10 dmz.20:9 pass x\nlan tcp/FUP lan.10 dmz.20:9 pass x\nlan tcp/A lan.10 dmz.20:9 pass x" },
	{ BOTH, "flags FUP/FSRPAU", OUT "pass in proto tcp flags FUP/FSRPAU no state label x",
	  "lan tcp/FUP lan.10 dmz.20:9 pass x\nlan tcp/FUPA lan.10 dmz.20:9 block\nlan tcp/FU lan.10 dmz.20:9 block\n"
	  "lan tcp/FUPE lan.10 dmz.20:9 pass x" },
	{ BOTH, "flags /S: none of them", OUT "pass in proto tcp flags /S no state label x",
	  "lan tcp/S lan.10 dmz.20:9 block\nlan tcp/A lan.10 dmz.20:9 pass x\nlan tcp/SA lan.10 dmz.20:9 block" },
	{ BOTH, "flags E/EW, W/EW", OUT "pass in proto tcp flags E/EW no state label e\npass in proto tcp flags W/EW no state label w",
	  "lan tcp/E lan.10 dmz.20:9 pass e\nlan tcp/W lan.10 dmz.20:9 pass w\nlan tcp/EW lan.10 dmz.20:9 block" },
	{ BOTH, "flags test TCP only", OUT "pass in flags S/SA no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan tcp/A lan.10 dmz.20:9 block\nlan icmp lan.10 dmz.20 pass x" },
	{ BOTH, "default flags of rules with states", OUT "pass in label x",
	  "lan tcp/S lan.10 dmz.20:9 pass x\nlan tcp/A lan.10 dmz.20:10 block\nlan tcp/SA lan.10 dmz.20:11 block\n"
	  "lan udp lan.10 dmz.20:9 pass x" },
	{ BOTH, "no default flags without states, or in blocks", OUT "pass in no state label x\nblock in proto tcp to any port 7 label y",
	  "lan tcp/A lan.10 dmz.20:9 pass x\nlan tcp/A lan.10 dmz.20:7 block y" },
	/* ---- tags ---- */
	{ BOTH, "tagged, of this judgement", OUT "match in from @lan.10 tag RED label m\npass in tagged RED no state label x",
	  "lan udp lan.10 dmz.20:9 pass m x\nlan udp lan.11 dmz.20:9 block" },
	{ BOTH, "! tagged", OUT "match in from @lan.10 tag RED label m\npass in ! tagged RED no state label x",
	  "lan udp lan.10 dmz.20:9 block m\nlan udp lan.11 dmz.20:9 pass x" },
	{ BOTH, "tagged on arrival, judged on leaving",
	  "pass in no state label i\npass in from @lan.10 no state tag RED label t\npass out tagged RED no state label o",
	  "lan udp lan.10 dmz.20:9 pass t o\nlan udp lan.11 dmz.20:9 block i" },
	{ BOTH, "the last tag counts", OUT "match in tag RED label m\nmatch in from @lan.10 tag BLUE label n\npass in tagged RED no state label r\n"
	  "pass in tagged BLUE no state label b",
	  "lan udp lan.10 dmz.20:9 pass m n b\nlan udp lan.11 dmz.20:9 pass m r" },
	{ BOTH, "a rule that does not decide tags too", OUT "block in from @lan.10 tag RED label b\npass in tagged RED no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.11 dmz.20:9 block" },
	/* ---- order, macros ---- */
	{ BOTH, "the last match decides", OUT "pass in no state label a\nblock in from @lan.10 label b\npass in to @dmz.20 no state label c",
	  "lan udp lan.10 dmz.20:9 pass c\nlan udp lan.10 dmz.21:9 block b\nlan udp lan.11 dmz.21:9 pass a" },
	{ BOTH, "quick decides at once", OUT "block in quick from @lan.10 label b\npass in no state label a",
	  "lan udp lan.10 dmz.20:9 block b\nlan udp lan.11 dmz.20:9 pass a" },
	{ BOTH, "quick after a match that would lose", OUT
	  "block in label a\npass in quick proto tcp no state label q\nblock in proto tcp to any port 80 label c",
	  "lan tcp lan.10 dmz.20:80 pass q\nlan udp lan.10 dmz.20:80 block a" },
	{ BOTH, "match decides nothing", OUT "match in from @lan.10 tag RED label m", "lan udp lan.10 dmz.20:9 block m" },
	{ BOTH, "macros: value, list, part of a word, words", OUT
	  "pass $way proto tcp from $host to any port $web no state label x\nblock in from $dev:network to @dmz.30 label y",
	  "lan tcp lan.10 dmz.20:80 pass x\nlan tcp lan.10 dmz.20:443 pass x\nlan tcp lan.10 dmz.20:81 block\n"
	  "lan tcp lan.11 dmz.20:80 block\nlan tcp lan.10 dmz.30:80 block y" },
	{ BOTH, "lists multiply", OUT "pass in on { lan, dmz } proto { tcp, udp } from any to { @far.7, @far.9 } port { 53, 853 } no state label x",
	  "lan tcp lan.10 far.7:53 pass x\nlan udp lan.10 far.9:853 pass x\ndmz udp dmz.20 far.7:853 pass x\n"
	  "lan tcp lan.10 far.8:53 block\nlan tcp lan.10 far.7:54 block\ndmz 253 dmz.20 far.7 block\nwan tcp far.9 far.7:53 block" },
	/* ---- conditions of the rarer kind ---- */
	{ BOTH, "tos by name, without the bits of ECN", OUT "pass in tos ef no state label x",
	  "lan udp lan.10 dmz.20:9 tos/b8 pass x\nlan udp lan.10 dmz.20:9 tos/bb pass x\nlan udp lan.10 dmz.20:9 tos/b4 block\n"
	  "lan udp lan.10 dmz.20:9 block\nlan tcp lan.10 dmz.20:9 tos/b8 pass x" },
	{ BOTH, "tos by number, out, with a state", IN "pass out tos 0x10 label x",
	  "lan udp lan.10 dmz.20:9 tos/10 pass x\nlan udp lan.10 dmz.20:10 tos/14 block" },
	{ BOTH, "mac", OUT "pass in mac 02:00:00:00:01:00 no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\ndmz udp dmz.20 lan.10:9 block\nlan tcp lan.10 lan.1:9 pass x" },
	{ BOTH, "! mac, and lists", OUT "pass in mac ! { 02:00:00:00:01:00, 02:00:00:00:01:01 } no state label x\n"
	  "pass in to @dmz.30 mac { 02:00:00:00:01:00, 02:00:00:00:01:05 } no state label y",
	  "lan udp lan.10 dmz.20:9 block\ndmz udp dmz.20 lan.10:9 pass x\nwan udp far.7 dmz.30:9 block\n"
	  "lan udp lan.10 dmz.30:9 pass y" },
	{ BOTH, "received-on", IN "pass out on dmz received-on lan no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nwan udp far.7 dmz.20:9 block\nrouter udp dmz.1 dmz.20:9 block" },
	{ BOTH, "received-on a group, and !", IN "pass out received-on inside no state label x\n"
	  "pass out quick to @dmz.30 ! received-on wan no state label y",
	  "lan udp lan.10 dmz.20:9 pass x\ndmz udp dmz.20 far.7:9 pass x\nwan udp far.7 lan.10:9 block\n"
	  "lan udp lan.10 dmz.30:9 pass y\nwan udp far.7 dmz.30:9 block\nrouter udp dmz.1 dmz.30:9 pass y" },
	{ BOTH, "user", IN "pass out user root no state label x",
	  "router udp wan.2 far.7:9 pass x\nlan udp lan.10 far.7:9 block" },
	{ BOTH, "user and group by number and range", IN
	  "pass out to @far.1 user 1000 no state label a\npass out to @far.2 user != 1000 no state label b\n"
	  "pass out to @far.3 user { 7, < 3 } no state label c\npass out to @far.4 group 1:5 no state label d\n"
	  "pass out to @far.5 user 0 group root no state label e",
	  "router udp wan.2 far.1:9 block\nrouter udp wan.2 far.2:9 pass b\nrouter udp wan.2 far.3:9 pass c\n"
	  "router udp wan.2 far.4:9 block\nrouter udp wan.2 far.5:9 pass e\nlan udp lan.10 far.2:9 block" },
	{ BOTH, "probability of all", OUT "pass in probability 100% no state label x", "lan udp lan.10 dmz.20:9 pass x" },
	{ BOTH, "from no-route", OUT "pass in from no-route no state label x",
	  "lan udp lost.7 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block\nwan udp far.7 dmz.20:9 block" },
	{ BOTH, "to no-route", OUT "pass in no state label ok\nblock return in to no-route label x",
	  "lan udp lan.10 lost.7:9 unreach/3/4 x\nlan udp lan.10 dmz.20:9 pass ok\nlan udp lan.10 lan.1:9 pass ok\n"
	  "lan udp lan.10 far.7:9 pass ok" },
	{ BOTH, "from urpf-failed", OUT "pass in no state label ok\nblock in quick from urpf-failed label spoof",
	  "lan udp lan.10 dmz.20:9 pass ok\nwan udp lan.10 dmz.20:9 block spoof\nwan udp far.7 dmz.20:9 pass ok\n"
	  "lan udp far.7 dmz.20:9 block spoof\nlan udp lan.1 dmz.20:9 block spoof\nlan udp lost.7 dmz.20:9 block spoof" },
	{ BOTH, "from ! urpf-failed", OUT "pass in from ! urpf-failed no state label ok",
	  "lan udp lan.10 dmz.20:9 pass ok\nwan udp lan.10 dmz.20:9 block" },
	{ BOTH, "limit: what is too much does not match", "!" OUT "pass in limit 1/day burst 2 no state label x\npass in on dmz no state label y",
	  "lan udp lan.10 dmz.20:9 pass x\nlan tcp lan.11 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block\ndmz udp dmz.20 lan.10:9 pass y" },
	{ BOTH, "limit of a rule that is several in the kernel", "!" OUT
	  "pass in proto { tcp, udp } from { @lan.10, <some>, (dmz:network) } limit 1/day burst 3 no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan tcp lan.64 dmz.20:9 pass x\ndmz udp dmz.7 lan.10:9 pass x\nlan udp lan.10 dmz.20:9 block\n"
	  "dmz tcp dmz.20 lan.10:9 block" },
	{ BOTH, "limit of connections", "!pass out label o\npass in quick limit 1/day burst 1 label x", "lan udp lan.10 dmz.20:9 pass x o\nreply pass\nnext pass\n"
	  "lan udp lan.10 dmz.20:10 block" },
	{ BOTH, "max-pkt-rate", "!" OUT "block in label b\npass in max-pkt-rate 2/86400 no state label x",
	  "lan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block b" },
	{ BOTH, "once", "!" OUT "block in label b\npass in proto udp to @dmz.20 once no state label x",
	  "lan tcp lan.10 dmz.20:9 block b\nlan udp lan.10 dmz.21:9 block b\nlan udp lan.10 dmz.20:9 pass x\nlan udp lan.10 dmz.20:9 block b" },
	/* ---- options of the section ---- */
	{ BOTH, "skip: unjudged, in both directions", "%skip = { inside }\nblock quick proto udp label b\nmatch out nat-to @wan.2 label n",
	  "lan udp lan.10 dmz.20:9 pass skip-inside skip-inside\n"
	  "dmz udp dmz.20 lan.10:9 pass skip-inside skip-inside\nlan udp lan.10 far.7:9 block skip-inside b\n"
	  "wan udp far.7 lan.10:9 block b\nrouter udp lan.1 lan.10:9 pass skip-inside" },
	{ BOTH, "block-policy", "%block-policy = return\n" OUT "block in label b\nblock drop in to @dmz.21 label d\npass in to @dmz.22 no state label p",
	  "lan udp lan.10 dmz.20:9 unreach/3/4 b\nlan tcp lan.10 dmz.20:9 rst b\nlan udp lan.10 dmz.21:9 block d\n"
	  "lan udp lan.10 dmz.22:9 pass p" },
	/* ---- fragments and broken packets ---- */
	{ BOTH, "fragments are put together before ports are looked at", OUT "pass in proto udp to any port 80 no state label x",
	  "lan udp lan.10 lan.1:80 frag pass x\nlan udp lan.10 lan.1:81 frag block\nlan udp lan.10 dmz.20:80 frag pass x\n"
	  "lan udp lan.10 dmz.20:79 frag block" },
	{ BOTH, "a fragment alone does not pass", OUT "pass in no state label x",
	  "lan udp lan.10 dmz.20:80 first block\nlan udp lan.10 dmz.20:80 later block\nlan udp lan.10 dmz.20:80 pass x" },
	{ BOTH, "invalid packets make no states", OUT "pass in flags any label x",
	  "lan tcp/SF lan.10 dmz.20:80 block x\nlan tcp/SR lan.10 dmz.20:80 block x\nlan tcp/S lan.10 dmz.20:80 badsum block x\n"
	  "lan tcp/S lan.10 dmz.20:80 pass x" },
	{ BOTH, "invalid packets pass without a state", OUT "pass in no state label x",
	  "lan tcp/SF lan.10 dmz.20:80 pass x\nlan tcp/S lan.10 dmz.20:80 badsum pass x" },
};

int main(int argc, char **argv)
{
	return packet_cases(cases, PT_ARRAY_SIZE(cases), argc, argv);
}
