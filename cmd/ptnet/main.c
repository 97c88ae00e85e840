/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptnet - interfaces of Patronus: its table of commands. */
#include <signal.h>
#include <stdlib.h>

#include <patronus/lease.h>

#include "ptnet.h"
#include "tools.h"

#define SHOW (PT_CLI_JSON | PT_CLI_LINE)

/* For the console: what only shows, what an operator may do beside it, what wants the terminal for itself. */
#define VIEW PT_CLI_VIEW
#define ACT PT_CLI_ACT
#define LIVE PT_CLI_LIVE

static const struct pt_cli_cmd commands[] = {
	{ "check", NULL, NULL, "judge the file; change nothing", VIEW | PT_CLI_FILE, 0, 0, NULL, cmd_check },
	{ "diff", NULL, NULL, "what apply would change; status 3 when there is anything", VIEW | PT_CLI_FILE | SHOW, 0, 0, NULL, cmd_diff },
	{ "apply", NULL, NULL, "bring the interfaces into the state that the file describes", PT_CLI_FILE | PT_CLI_DRY | SHOW, 0, 0,
	  NULL, cmd_apply },
	{ "watch", NULL, NULL, "keep in force what was applied while links come and go, in the foreground", LIVE, 0, 0, NULL, cmd_watch },
	{ "link", "show", "[DEVICE...]", "the links: kind, state, speed, addresses, master; -d role in the rules; -s traffic, twice rates",
	  VIEW | SHOW | PT_CLI_BRIEF | PT_CLI_STATS | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 64, complete_link, cmd_link_show },
	{ "link", "add", "DEVICE type TYPE [OPTION VALUE]...", "make a link by hand; the words are those of the file", 0, 3, 64, complete_hand,
	  cmd_link_add },
	{ "link", "set", "DEVICE OPTION VALUE...", "change a link in place; master DEVICE|none, too", 0, 3, 64, complete_hand, cmd_link_set },
	{ "link", "delete", "DEVICE", "take a link away", 0, 1, 1, complete_link, cmd_link_delete },
	{ "link", "monitor", NULL, "what becomes of links, as it happens", VIEW | LIVE | SHOW, 0, 0, NULL, cmd_link_monitor },
	{ "address", "show", "[dev DEVICE]", "the addresses, and which are the file's",
	  VIEW | SHOW | PT_CLI_FAMILY, 0, 2, complete_neighbour,
	  cmd_address_show },
	{ "address", "add", "ADDRESS/LENGTH dev DEVICE", "add an address by hand", 0, 3, 3, complete_address, cmd_address_add },
	{ "address", "delete", "ADDRESS/LENGTH dev DEVICE", "take an address away", 0, 3, 3, complete_address, cmd_address_delete },
	{ "address", "monitor", NULL, "what becomes of addresses, as it happens",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY, 0, 0, NULL, cmd_address_monitor },
	{ "route", "show", "[WORD VALUE]...", "the routes",
	  VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 6,
	  NULL, cmd_route_show },
	{ "route", "get", "ADDRESS", "where packets to it go, and why: rule, route, neighbour, device; status 3 when there is no way",
	  VIEW | SHOW, 1, 1,
	  NULL, cmd_route_get },
	{ "route", "add", "DESTINATION [via ADDRESS] [dev DEVICE] [OPTION VALUE]...", "make a route by hand; the words are those of the file",
	  PT_CLI_DRY | PT_CLI_FAMILY, 2, 330, complete_route, cmd_route_add },
	{ "route", "replace", "DESTINATION [via ADDRESS] [dev DEVICE] [OPTION VALUE]...", "the same in place of one that is there",
	  PT_CLI_DRY | PT_CLI_FAMILY, 2, 330, complete_route, cmd_route_replace },
	{ "route", "delete", "DESTINATION [via ADDRESS] [dev DEVICE] [OPTION VALUE]...", "take the route away that this describes",
	  PT_CLI_DRY | PT_CLI_FAMILY, 1, 330, complete_route_delete, cmd_route_delete },
	{ "route", "monitor", NULL, "what becomes of routes, as it happens",
	  VIEW | LIVE | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 0, NULL,
	  cmd_route_monitor },
	{ "rule", "show", NULL, "which tables of routes are asked, in their order",
	  VIEW | SHOW | PT_CLI_FAMILY, 0, 0, NULL, cmd_rule_show },
	{ "rule", "add", "[not] [from NET] [to NET] [OPTION VALUE]... lookup TABLE|blackhole|unreachable|prohibit",
	  "make a rule by hand; the words are those of the file", PT_CLI_DRY | PT_CLI_FAMILY, 1, 64, complete_rule, cmd_rule_add },
	{ "rule", "delete", "WORD...", "take the rule away that this describes", PT_CLI_DRY | PT_CLI_FAMILY, 1, 64, complete_rule_delete,
	  cmd_rule_delete },
	{ "rule", "monitor", NULL, "what becomes of rules, as it happens",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY, 0, 0, NULL, cmd_rule_monitor },
	{ "neighbour", "show", "[dev DEVICE]", "who has which link address; for whom this machine answers",
	  VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 2, complete_neighbour, cmd_neighbour_show },
	{ "neighbour", "add", "ADDRESS lladdr MAC dev DEVICE", "say by hand who has which link address", PT_CLI_DRY, 5, 5,
	  complete_neighbour_words, cmd_neighbour_add },
	{ "neighbour", "delete", "ADDRESS dev DEVICE", "take that away", PT_CLI_DRY, 3, 5, complete_neighbour_words, cmd_neighbour_delete },
	{ "neighbour", "flush", "dev DEVICE", "forget what was learned on a link",
	  ACT | PT_CLI_DRY | PT_CLI_FAMILY, 2, 2, complete_neighbour,
	  cmd_neighbour_flush },
	{ "neighbour", "monitor", NULL, "what becomes of neighbours, as it happens",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY, 0, 0, NULL, cmd_neighbour_monitor },
	{ "vip", "show", "[NAME|ADDRESS|DEVICE...]", "addresses beside the first ones: type, state, and the rules that use them",
	  VIEW | SHOW | PT_CLI_FILE | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 64, complete_vip, cmd_vip_show },
	{ "vip", "add", "ADDRESS[/LENGTH] dev DEVICE [type alias|proxy]", "have one more address, or answer for one, by hand", PT_CLI_DRY, 3, 5,
	  complete_vip_words, cmd_vip_add },
	{ "vip", "delete", "ADDRESS[/LENGTH] dev DEVICE [type alias|proxy]", "take that away", PT_CLI_DRY, 3, 5, complete_vip_words,
	  cmd_vip_delete },
	{ "wol", "show", NULL, "the hosts of the file that can be woken", VIEW | PT_CLI_FILE | SHOW, 0, 0, NULL, cmd_wol_show },
	{ "wol", "send", "NAME|MAC [dev DEVICE] [udp [PORT]] [password BYTES]", "wake a host",
	  ACT | PT_CLI_FILE, 1, 7, complete_wol, cmd_wol_send },
	{ "dhcp", "show", "[DEVICE]", "what servers of addresses gave, and until when", VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 1,
	  complete_dhcp, cmd_dhcp_show },
	{ "dhcp", "renew", "DEVICE", "ask the server again", ACT, 1, 1, complete_dhcp, cmd_dhcp_renew },
	{ "dhcp", "release", "DEVICE", "give the lease back to the server, and ask no more until `renew`", ACT, 1, 1, complete_dhcp,
	  cmd_dhcp_release },
	{ "dhcp", "watch", NULL, "have a client ask for each interface with `dhcp` or `dhcp6`, in the foreground",
	  LIVE, 0, 0, NULL, cmd_dhcp_watch },
	{ "qos", "show", "[SHAPER|QUEUE...]", "shapers and queues: rates, traffic, drops, waiting; -s -s watches for a second",
	  VIEW | SHOW | PT_CLI_FILE | PT_CLI_STATS, 0, 64, complete_qos, cmd_qos_show },
	{ "qos", "monitor", "[SHAPER|QUEUE...]", "what passes, is dropped and waits, each second anew",
	  VIEW | LIVE | SHOW | PT_CLI_FILE, 0, 64,
	  complete_qos, cmd_qos_monitor },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

static const struct pt_cli_grammar grammars[] = {
	{ "route", "show", 0, route_show_words },
	{ NULL, NULL, 0, NULL },
};

const struct pt_cli_tool ptnet_tool = {
	.name = "ptnet",
	.summary = "interfaces of Patronus",
	.grammars = grammars,
	.cmds = commands,
};

int main(int argc, char **argv)
{
	/* What a client of servers of addresses runs: without arguments, and with a variable that nobody else sets. */
	if (argc == 1 && secure_getenv(PT_LEASE_ENV))
		return lease_event();
	/* A reader that went away is an error of write(2), not the end of an apply. */
	signal(SIGPIPE, SIG_IGN);
	return pt_cli_main(&ptnet_tool, argc, argv);
}
