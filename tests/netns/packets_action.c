/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules do with packets, as patronus-rules(5) says it: states, answers, logs and translations, seen from
 * all sides of a router. How to read the table: lab_case.h.
 *
 *   packets_action.t [part of a name]
 */
#include <patronus/base.h>

#include "netns/lab_case.h"

#define FORWARD "pass in no state label arrive\npass out no state label leave\n"

static const struct packet_case cases[] = {
	/* ---- states ---- */
	{ BOTH, "keep state, forwarded: the connection passes both ways, no other", "pass in on lan label i\npass out on dmz label o",
	  "lan tcp lan.10 dmz.20:80 pass i o\nreply pass\nnext pass\nlan udp lan.10 dmz.20:53 pass i o\nreply pass\n"
	  "dmz udp dmz.20:54 lan.10:10003 block\ndmz udp dmz.20:53 lan.10:10002 block\ndmz udp dmz.21:53 lan.10:10003 block" },
	{ BOTH, "keep state: echo", "pass in on lan keep state label i\npass out on dmz keep state label o",
	  "lan icmp lan.10 dmz.20 pass i o\nreply pass\ndmz icmp dmz.20 lan.10 block" },
	{ BOTH, "keep state, to the router", "pass in on lan label i", "lan udp lan.10 lan.1:53 pass i\nreply pass\n"
	  "router udp lan.1:54 lan.10:10000 block" },
	{ BOTH, "keep state, from the router", "pass out on wan label o",
	  "router udp wan.2 far.7:53 pass o\nreply pass\nwan udp far.7:54 wan.2:10000 block\nwan udp far.7 wan.2:53 block" },
	{ BOTH, "keep state: ICMP errors about a connection", "pass in on lan label i\npass out on dmz label o",
	  "lan udp lan.10 dmz.20:53 pass i o\nerror pass\nlan tcp lan.10 dmz.20:80 pass i o\nerror pass\n"
	  "dmz icmp/unreach/3 dmz.20 lan.10 block" },
	{ BOTH, "no state: each packet is judged", "pass in on lan no state label i\npass out on dmz no state label o",
	  "lan udp lan.10 dmz.20:53 pass i o\nreply block\nnext pass i o\nlan tcp lan.10 dmz.20:80 pass i o\nreply block" },
	{ BOTH, "no state on arrival, a state on leaving", "pass in on lan no state label i\npass out on dmz label o",
	  "lan udp lan.10 dmz.20:53 pass i o\nreply block" },
	{ BOTH, "no state, to the router", "pass in on lan no state label i", "lan udp lan.10 lan.1:53 pass i\nreply block" },
	{ BOTH, "no state, ICMP errors", "pass in on lan no state label i\npass out on dmz no state label o",
	  "lan udp lan.10 dmz.20:53 pass i o\nerror block" },
	{ BOTH, "a state survives a rule that would block", "pass in on lan proto tcp flags S/SA label i\nblock in on dmz label b\n"
	  "pass out on dmz label o", "lan tcp lan.10 dmz.20:80 pass i o\nreply pass\ndmz tcp dmz.20 lan.10:80 block b" },
	/* ---- blocks and their answers ---- */
	{ BOTH, "block drop: silent", OUT "block drop in label b", "lan tcp lan.10 dmz.20:80 block b\nlan udp lan.10 lan.1:80 block b\n"
	  "lan icmp lan.10 dmz.20 block b" },
	{ BOTH, "block: drop is the default", OUT "pass in no state label p\nblock in proto tcp to any port 80 label b",
	  "lan tcp lan.10 dmz.20:80 block b\nlan tcp lan.10 lan.1:80 block b\nlan tcp lan.10 dmz.20:81 pass p" },
	{ BOTH, "block return", OUT "block return in on lan label b",
	  "lan tcp lan.10 dmz.20:80 rst b\nlan tcp/A lan.10 dmz.20:81 rst b\nlan udp lan.10 dmz.20:80 unreach/3/4 b\n"
	  "lan icmp lan.10 dmz.20 unreach/3/4 b\nlan gre lan.10 dmz.20 unreach/3/4 b\nlan tcp lan.10 lan.1:80 rst b\n"
	  "lan udp lan.10 lan.1:80 unreach/3/4 b\ndmz tcp dmz.20 lan.10:80 block" },
	{ BOTH, "resets and ICMP errors are never answered", OUT "block return in on lan label b\nblock return-icmp in on dmz label c",
	  "lan tcp/R lan.10 dmz.20:80 block b\nlan tcp/RA lan.10 dmz.20:81 block b\nlan icmp/unreach/1 lan.10 dmz.20 block b\n"
	  "dmz tcp/R dmz.20 lan.10:80 block c\ndmz icmp/unreach/1 dmz.20 lan.10 block c" },
	{ BOTH, "block return on leaving", IN "block return out on dmz label b",
	  "lan tcp lan.10 dmz.20:80 rst b\nlan udp lan.10 dmz.20:80 unreach/3/4 b\nlan tcp lan.10 far.7:80 block\n"
	  "router udp dmz.1 dmz.20:80 block b" },
	{ BOTH, "block return-rst", OUT "block return-rst in label b",
	  "lan tcp lan.10 dmz.20:80 rst b\nlan udp lan.10 dmz.20:80 block b\nlan icmp lan.10 dmz.20 block b\n"
	  "lan tcp/R lan.10 dmz.20:81 block b" },
	{ BOTH, "block return-icmp", OUT "block return-icmp in label b",
	  "lan tcp lan.10 dmz.20:80 unreach/3/4 b\nlan udp lan.10 dmz.20:80 unreach/3/4 b" },
	{ BOTH, "block return-icmp with codes", OUT "block return-icmp(13, 1) in on lan label a\nblock return-icmp(10, 3) in on dmz label b",
	  "lan udp lan.10 dmz.20:80 unreach/13/1 a\nlan tcp lan.10 dmz.20:80 unreach/13/1 a\n"
	  "dmz udp dmz.20 lan.10:80 unreach/10/3 b\nwan udp far.7 lan.10:80 block" },
	{ BOTH, "block return-icmp with codes by name", OUT "block return-icmp(host-unr, admin-unr) in label b",
	  "lan udp lan.10 dmz.20:80 unreach/1/1 b" },
	{ INET, "block return-icmp6: silence for IPv4", OUT "block return-icmp6 in label b",
	  "lan udp lan.10 dmz.20:80 block b\nlan tcp lan.10 dmz.20:80 block b" },
	{ INET6, "block return-icmp6", OUT "block return-icmp6 in on lan label a\nblock return-icmp6(1) in on dmz label b",
	  "lan udp lan.10 dmz.20:80 unreach/3/4 a\nlan tcp lan.10 dmz.20:80 unreach/3/4 a\ndmz udp dmz.20 lan.10:80 unreach/3/1 b" },
	{ BOTH, "no rule matches: silent", "pass in on dmz label x", "lan tcp lan.10 dmz.20:80 block\nlan udp lan.10 lan.1:80 block" },
	/* ---- logs ---- */
	{ BOTH, "pass log", OUT "pass in log on lan no state label x\npass in on dmz no state label y",
	  "lan udp lan.10 dmz.20:80 pass x log x\ndmz udp dmz.20 lan.10:80 pass y" },
	{ BOTH, "pass log: once a connection", "pass in log on lan label x\npass out on dmz label o",
	  "lan udp lan.10 dmz.20:80 pass x o log x\nreply pass\nnext pass" },
	{ BOTH, "log with a limit: no more than so many", "!" OUT "pass in log (limit 1/day burst 2) on lan no state label x\n"
	  "block in log (limit 1/day burst 1) on dmz label b",
	  "lan udp lan.10 dmz.20:80 pass x log x\nlan udp lan.11 dmz.20:81 pass x log x\nlan udp lan.12 dmz.20:82 pass x\n"
	  "lan tcp lan.10 dmz.20:80 pass x\ndmz udp dmz.20 lan.10:9 block b log b\ndmz udp dmz.20 lan.10:9 block b" },
	{ BOTH, "log with a limit, with a state, a tag and addresses", "!pass out label o\nmatch in log (limit 1/day burst 1) on lan label m\n"
	  "pass in log (limit 1/day burst 1) on lan from { @lan.10, <some> } tag RED label x",
	  "lan udp lan.10 dmz.20:80 pass m x o log x\nreply pass\nlan udp lan.10 dmz.20:81 pass m x o\nreply pass\n"
	  "lan udp lan.200 dmz.20:80 pass m x o\nlan udp lan.9 dmz.20:80 block m" },
	{ BOTH, "log with a limit, of both directions", "pass log (limit 1/day burst 100) label x", "router udp wan.2 far.7:80 pass x log x\nreply pass" },
	{ BOTH, "pass log (all): every packet of it", "pass in log (all) on lan label x\npass out on dmz label o\n"
	  "pass in on wan label w\npass out log (all) on lan label y",
	  "lan udp lan.10 dmz.20:80 pass x o log x\nreply pass log x\nnext pass log x\nnext pass log x\n"
	  "wan udp far.7 lan.10:80 pass w y log y\nreply pass log y\nnext pass log y" },
	{ BOTH, "pass log (all) with a translation", "pass in on lan label x\npass out log (all) on wan nat-to @wan.2 label n",
	  "lan udp lan.10:999 far.7:80 pass x n log n as wan.2:50001-65535 far.7:80\nreply pass log n as far.7:80 lan.10:999" },
	{ BOTH, "pass out log, from the router", "pass out log on wan label x", "router udp wan.2 far.7:80 pass x log x" },
	{ BOTH, "block log", OUT "block in log label b\npass in to @dmz.20 no state label p",
	  "lan udp lan.10 dmz.21:80 block b log b\nlan udp lan.10 dmz.20:80 pass p" },
	{ BOTH, "block return log", OUT "block return in log label b", "lan tcp lan.10 dmz.20:80 rst b log b\n"
	  "lan udp lan.10 dmz.20:80 unreach/3/4 b log b" },
	{ BOTH, "block log quick", OUT "block in log quick on lan from <some> label b\npass in no state label p",
	  "lan udp lan.64 far.7:80 block b log b\nlan udp lan.63 far.7:80 pass p" },
	{ BOTH, "match log, whoever decides", OUT "match in log from @lan.10 label m\npass in to @dmz.20 no state label p\n"
	  "block in to @dmz.21 label b",
	  "lan udp lan.10 dmz.20:80 pass m p log m\nlan udp lan.10 dmz.21:80 block m b log m\nlan udp lan.11 dmz.20:80 pass p" },
	/* ---- nat-to ---- */
	{ BOTH, "nat-to address", IN "pass out on wan from lan:network nat-to @wan.60 label n\npass out on wan from dmz:network label d",
	  "lan tcp lan.10 far.7:80 pass n as wan.60:50001-65535 far.7:80\nlan udp lan.10 far.7:53 pass n as wan.60:50001-65535 far.7:53\n"
	  "lan icmp lan.10 far.7 pass n as wan.60 far.7\ndmz udp dmz.20 far.7:53 pass d" },
	{ BOTH, "nat-to: answers find back", "pass in on lan label i\npass out on wan from lan:network nat-to @wan.60 label n",
	  "lan tcp lan.10 far.7:80 pass i n as wan.60:50001-65535 far.7:80\nreply pass as far.7:80 lan.10:10000\n"
	  "lan icmp lan.10 far.7 pass i n as wan.60 far.7\nreply pass as far.7 lan.10\n"
	  "lan udp lan.10 far.7:53 pass i n as wan.60:50001-65535 far.7:53\nerror pass as far.7 lan.10" },
	{ BOTH, "nat-to (if)", IN "pass out on wan from ! self nat-to (wan) label n\npass out on wan from self label o",
	  "lan udp lan.10 far.7:53 pass n as wan.2:50001-65535 far.7:53\nrouter udp wan.2 far.7:53 pass o" },
	{ BOTH, "nat-to if", IN "pass out on wan from lan:network nat-to dmz label n",
	  "lan udp lan.10 far.7:53 pass n as dmz.1:50001-65535 far.7:53\ndmz udp dmz.20 far.7:53 block" },
	{ BOTH, "nat-to, from the router", "pass out on wan from self nat-to @wan.60 label n",
	  "router udp wan.2 far.7:53 pass n as wan.60:50001-65535 far.7:53\nreply pass as far.7:53 wan.2:10000" },
	{ BOTH, "nat-to pool: prefix", IN "pass out on wan from lan:network nat-to @wan.48/29 label n",
	  "lan udp lan.10 far.7:53 pass n as wan.48-55:50001-65535 far.7:53\nlan udp lan.11 far.7:53 pass n as wan.48-55:50001-65535 far.7:53\n"
	  "lan udp lan.12 far.9:53 pass n as wan.48-55:50001-65535 far.9:53\ndmz udp dmz.20 far.7:53 block" },
	{ BOTH, "nat-to pool: range", IN "pass out on wan from lan:network nat-to @wan.60 - @wan.62 label n",
	  "lan udp lan.10 far.7:53 pass n as wan.60-62:50001-65535 far.7:53\nlan udp lan.11 far.8:53 pass n as wan.60-62:50001-65535 far.8:53" },
	{ BOTH, "nat-to pool: list", IN "pass out on wan from lan:network nat-to { @wan.60, @wan.62 } label n",
	  "lan udp lan.10 far.7:53 pass n as wan.60-62:50001-65535 far.7:53\nlan udp lan.11 far.8:53 pass n as wan.60-62:50001-65535 far.8:53\n"
	  "lan icmp lan.10 far.7 pass n as wan.60-62 far.7\ndmz udp dmz.20 far.7:53 block" },
	{ BOTH, "nat-to pool: random", IN "pass out on wan from lan:network nat-to { @wan.60 weight 3, @wan.61 } random label n",
	  "lan udp lan.10 far.7:53 pass n as wan.60-61:50001-65535 far.7:53\nlan tcp lan.11 far.8:80 pass n as wan.60-61:50001-65535 far.8:80" },
	{ BOTH, "nat-to pool: bitmask", IN "pass out on wan from lan:network nat-to @wan.48/29 bitmask label n",
	  "lan udp lan.10 far.7:53 pass n as wan.50:50001-65535 far.7:53\nlan udp lan.12 far.8:53 pass n as wan.52:50001-65535 far.8:53\n"
	  "lan udp lan.20 far.8:53 pass n as wan.52:50001-65535 far.8:53" },
	{ BOTH, "nat-to pool: bitmask static-port", IN "pass out on wan from lan:network nat-to @wan.48/29 bitmask static-port label n",
	  "lan udp lan.10:500 far.7:53 pass n as wan.50:500 far.7:53" },
	{ BOTH, "nat-to pool: sticky-address", IN "pass out on wan from lan:network nat-to { @wan.60, @wan.62 } sticky-address label n",
	  "lan udp lan.10 far.7:53 pass n as wan.60:50001-65535 far.7:53\nlan udp lan.10 far.8:53 pass n as wan.60:50001-65535 far.8:53\n"
	  "lan udp lan.11 far.8:53 pass n as wan.62:50001-65535 far.8:53\nlan udp lan.10 far.9:53 pass n as wan.60:50001-65535 far.9:53" },
	{ BOTH, "nat-to pool: answers find back", "pass in on lan label i\npass out on wan from lan:network nat-to @wan.48/29 random sticky-address label n",
	  "lan tcp lan.10 far.7:80 pass i n as wan.48-55:50001-65535 far.7:80\nreply pass as far.7:80 lan.10:10000\n"
	  "lan udp lan.10 far.7:53 pass i n as wan.48-55:50001-65535 far.7:53\nerror pass as far.7 lan.10" },
	{ BOTH, "nat-to pool, from the router", "pass out on wan from self nat-to { @wan.60, @wan.61 } sticky-address label n",
	  "router udp wan.2 far.7:53 pass n as wan.60:50001-65535 far.7:53\nreply pass as far.7:53 wan.2:10000\n"
	  "router udp wan.2 far.8:53 pass n as wan.60:50001-65535 far.8:53" },
	{ BOTH, "match nat-to a pool: later rules see any of it", IN "match out on wan from lan:network nat-to { @wan.60, @wan.62 } label m\n"
	  "pass out on wan from @wan.56/29 label p\npass out on wan from @lan.10 label q",
	  "lan udp lan.10 far.7:53 pass m p as wan.60-62:50001-65535 far.7:53\ndmz udp dmz.20 far.7:53 block" },
	{ BOTH, "nat-to port", IN "pass out on wan proto { tcp, udp } from lan:network nat-to @wan.60 port 20000:20009 label n",
	  "lan udp lan.10 far.7:53 pass n as wan.60:20000-20009 far.7:53\nlan tcp lan.10 far.7:80 pass n as wan.60:20000-20009 far.7:80" },
	{ BOTH, "nat-to static-port", IN "pass out on wan from lan:network nat-to @wan.60 static-port label n",
	  "lan udp lan.10:500 far.7:500 pass n as wan.60:500 far.7:500\nlan tcp lan.10 far.7:80 pass n as wan.60 far.7:80" },
	{ BOTH, "match nat-to stays with the packet", IN "match out on wan from lan:network nat-to @wan.60 label m\npass out on wan label p",
	  "lan udp lan.10 far.7:53 pass m p as wan.60:50001-65535 far.7:53\ndmz udp dmz.20 far.7:53 pass p" },
	{ BOTH, "after match nat-to rules see the new source", IN "match out on wan from @lan.10 nat-to @wan.60 label m\n"
	  "pass out on wan from @wan.60 label p\npass out on wan from @lan.11 label q",
	  "lan udp lan.10 far.7:53 pass m p as wan.60:50001-65535 far.7:53\nlan udp lan.11 far.7:53 pass q\nlan udp lan.12 far.7:53 block" },
	{ BOTH, "match nat-to, then a block", IN "match out on wan from lan:network nat-to @wan.60 label m\npass out on wan label p\n"
	  "block out on wan to any label b", "lan udp lan.10 far.7:53 block m b" },
	{ BOTH, "the deciding rule's translation goes first", IN "match out on wan from @lan.10 nat-to @wan.60 label m\n"
	  "pass out on wan to @far.7 label p\npass out on wan to @far.9 nat-to @wan.61 label q",
	  "lan udp lan.10 far.7:53 pass m p as wan.60:50001-65535 far.7:53\nlan udp lan.10 far.9:53 pass m q as wan.61:50001-65535 far.9:53" },
	/* ---- rdr-to ---- */
	{ BOTH, "rdr-to address", OUT "pass in on wan proto tcp to (wan) port 80 rdr-to @dmz.20 label r",
	  "wan tcp far.7 wan.2:80 pass r as far.7 dmz.20:80\nwan tcp far.7 wan.2:81 block\nwan udp far.7 wan.2:80 block\n"
	  "lan tcp lan.10 wan.2:80 block" },
	{ BOTH, "rdr-to address and port", OUT "pass in on wan proto tcp to (wan) port 8443 rdr-to @dmz.20 port 443 label r",
	  "wan tcp far.7 wan.2:8443 pass r as far.7 dmz.20:443\nwan tcp far.7 wan.2:8442 block\nwan tcp far.7 wan.2:443 block\n"
	  "wan tcp far.7 dmz.20:443 block" },
	{ BOTH, "rdr-to: answers come from where the packet went",
	  "pass in on wan proto tcp to (wan) port 8443 rdr-to @dmz.20 port 443 label r\npass out on dmz label o",
	  "wan tcp far.7 wan.2:8443 pass r o as far.7 dmz.20:443\nreply pass as wan.2:8443 far.7:10000" },
	{ BOTH, "rdr-to: leaving is judged by the new destination",
	  "pass in on wan proto udp to (wan) port { 5000, 5001 } rdr-to @dmz.20 port 53 label r\npass out on dmz proto udp to @dmz.20 port 53 label o\n"
	  "block out to @wan.2 label never",
	  "wan udp far.7 wan.2:5000 pass r o as far.7 dmz.20:53\nwan udp far.7 wan.2:5001 pass r o as far.7 dmz.20:53\nwan udp far.7 wan.2:53 block" },
	{ BOTH, "rdr-to a range of ports with *", OUT "pass in on wan proto tcp to (wan) port 2000:2099 rdr-to @dmz.20 port 8000:* label r",
	  "wan tcp far.7 wan.2:1999 block\nwan tcp far.7 wan.2:2000 pass r as far.7 dmz.20:8000\n"
	  "wan tcp far.7 wan.2:2037 pass r as far.7 dmz.20:8037\nwan tcp far.7 wan.2:2099 pass r as far.7 dmz.20:8099\nwan tcp far.7 wan.2:2100 block" },
	{ BOTH, "rdr-to a range of ports", OUT "pass in on wan proto udp to (wan) port 2000:2009 rdr-to @dmz.20 port 3000:3009 label r",
	  "wan udp far.7 wan.2:1999 block\nwan udp far.7 wan.2:2000 pass r as far.7 dmz.20:3000-3009\n"
	  "wan udp far.7 wan.2:2009 pass r as far.7 dmz.20:3000-3009" },
	{ BOTH, "rdr-to pool: list", OUT "pass in on wan proto tcp to (wan) port 80 rdr-to { @dmz.20, @dmz.22 } port 8080 label r",
	  "wan tcp far.7 wan.2:80 pass r as far.7 dmz.20-22:8080\nwan tcp far.8 wan.2:80 pass r as far.8 dmz.20-22:8080\n"
	  "wan tcp far.9 wan.2:80 pass r as far.9 dmz.20-22:8080\nwan tcp far.7 wan.2:81 block" },
	{ BOTH, "rdr-to pool: sticky-address, a range of ports", OUT
	  "pass in on wan proto tcp to (wan) port 2000:2099 rdr-to { @dmz.20, @dmz.22 } port 8000:* sticky-address label r",
	  "wan tcp far.7 wan.2:2001 pass r as far.7 dmz.20:8001\nwan tcp far.7 wan.2:2002 pass r as far.7 dmz.20:8002\n"
	  "wan tcp far.8 wan.2:2099 pass r as far.8 dmz.22:8099" },
	{ BOTH, "rdr-to pool: bitmask", OUT "pass in on wan to @wan.16/29 rdr-to @dmz.16/29 bitmask label r",
	  "wan udp far.7 wan.20:53 pass r as far.7 dmz.20:53\nwan udp far.7 wan.23:53 pass r as far.7 dmz.23:53\nwan udp far.7 wan.24:53 block" },
	{ BOTH, "rdr-to the router", "pass in on lan proto udp to ! self port 53 rdr-to @lan.1 label r",
	  "lan udp lan.10 far.7:53 pass r as lan.10 lan.1:53\nreply pass as far.7:53 lan.10:10000\nlan udp lan.10 far.7:54 block" },
	{ BOTH, "rdr-to without ports", OUT "pass in on wan to @wan.20 rdr-to @dmz.20 label r",
	  "wan udp far.7 wan.20:53 pass r as far.7 dmz.20:53\nwan icmp far.7 wan.20 pass r as far.7 dmz.20\nwan udp far.7 wan.21:53 block" },
	{ BOTH, "match rdr-to: later rules see the new destination", OUT
	  "match in on wan proto tcp to (wan) port 80 rdr-to @dmz.20 port 8080 label m\npass in on wan proto tcp to @dmz.20 port 8080 label p\n",
	  "wan tcp far.7 wan.2:80 pass m p as far.7 dmz.20:8080\nwan tcp far.7 wan.2:8080 block" },
	{ BOTH, "rdr-to and nat-to on one way", "pass in on lan proto udp to (wan) port 53 rdr-to @dmz.20 label r\n"
	  "pass out on dmz from lan:network nat-to (dmz) label n",
	  "lan udp lan.10 wan.2:53 pass r n as dmz.1:50001-65535 dmz.20:53\nreply pass as wan.2:53 lan.10:10000" },
	/* ---- binat-to ---- */
	{ BOTH, "binat-to: sources leaving, destinations arriving", FORWARD "pass on wan from @dmz.20 to any binat-to @wan.20 label b",
	  "dmz udp dmz.20 far.7:53 pass b as wan.20 far.7:53\nwan udp far.7 wan.20:80 pass b as far.7 dmz.20:80\n"
	  "dmz udp dmz.21 far.7:53 pass\nwan udp far.7 dmz.20:80 pass" },
	{ BOTH, "binat-to: answers", "pass in on dmz label i\npass out on dmz label o\npass on wan from @dmz.20 to any binat-to @wan.20 label b",
	  "dmz udp dmz.20 far.7:53 pass i b as wan.20 far.7:53\nreply pass as far.7:53 dmz.20:10000\n"
	  "wan tcp far.7 wan.20:80 pass b o as far.7 dmz.20:80\nreply pass as wan.20:80 far.7:10002" },
	{ BOTH, "binat-to prefixes keep the host", FORWARD "pass on wan from @dmz.16/29 to any binat-to @wan.48/29 label b",
	  "dmz udp dmz.15 far.7:53 pass\ndmz udp dmz.16 far.7:53 pass b as wan.48 far.7:53\ndmz udp dmz.18 far.7:53 pass b as wan.50 far.7:53\n"
	  "dmz udp dmz.23 far.7:53 pass b as wan.55 far.7:53\ndmz udp dmz.24 far.7:53 pass\n"
	  "wan udp far.7 wan.49:80 pass b as far.7 dmz.17:80\nwan udp far.7 wan.55:80 pass b as far.7 dmz.23:80" },
	{ BOTH, "match binat-to", "pass in on dmz label i\nmatch on wan from @dmz.20 binat-to @wan.20 label m\npass out on wan label o",
	  "dmz udp dmz.20 far.7:53 pass i m o as wan.20 far.7:53\ndmz udp dmz.21 far.7:53 pass i o" },
	/* ---- both judgements of a forwarded packet, and names ---- */
	{ BOTH, "blocked on leaving what may arrive", "pass in label i\npass out on wan label o\nblock out on dmz label b",
	  "lan tcp lan.10 dmz.20:80 block i b\nlan tcp lan.10 far.7:80 pass i o" },
	{ BOTH, "a counter for both directions of one rule", "pass proto udp to any port 53 no state label dns",
	  "lan udp lan.10 far.7:53 pass dns dns\nlan udp lan.10 lan.1:53 pass dns\nrouter udp wan.2 far.7:53 pass dns\n"
	  "lan udp lan.10 far.7:54 block" },
	{ BOTH, "labels in quotes", OUT "pass in on lan no state label 'web,80'", "lan udp lan.10 dmz.20:9 pass web,80\ndmz udp dmz.20 lan.10:9 block" },
};

int main(int argc, char **argv)
{
	return packet_cases(cases, PT_ARRAY_SIZE(cases), argc, argv);
}
