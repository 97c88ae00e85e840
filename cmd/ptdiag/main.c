/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag - what is wrong, asked from the machine itself: its table of commands. */
#include <limits.h>
#include <signal.h>

#include <patronus/ct.h>

#include "probe.h"
#include "ptdiag.h"
#include "ptfw/states.h"
#include "ptnet/route.h"
#include "tools.h"

#define SHOW (PT_CLI_JSON | PT_CLI_LINE)
#define MANY UINT_MAX

/* For the console: what only shows, what an operator may do beside it, what wants the terminal for itself. */
#define VIEW PT_CLI_VIEW
#define ACT PT_CLI_ACT
#define LIVE PT_CLI_LIVE

static const struct pt_cli_cmd commands[] = {
	{ "ping", NULL, "HOST [WORD ...]", "does a host answer, how fast and how evenly",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_FAMILY, 1, 64, NULL, cmd_ping },
	{ "trace", NULL, "HOST [WORD ...]", "the routers on the way to a host",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_FAMILY, 1, 64, NULL, cmd_trace },
	{ "mtr", NULL, "HOST [WORD ...]", "where on the way packets are lost or late, live",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_FAMILY, 1, 64, NULL, cmd_mtr },
	{ "capture", NULL, "[WORD ...]", "packets of devices or of a file: shown, kept, counted, one connection joined",
	  LIVE | PT_CLI_JSON | PT_CLI_FAMILY, 0, 256, NULL, cmd_capture },
	{ "dns", NULL, "NAME [TYPE] [@SERVER...] [WORD [VALUE]...]",
	  "what servers of the DNS say, in all their sections; status 3 without an answer, 5 without a reply",
	  ACT | PT_CLI_JSON | PT_CLI_FAMILY, 1, 64, NULL, cmd_dns },
	{ "port", NULL, "HOST PORT... [WORD [VALUE]...]",
	  "is it open, refused (status 3) or filtered (status 5), and by whom; certificates",
	  ACT | PT_CLI_JSON | PT_CLI_FAMILY | PT_CLI_DETAILS, 2, 1000, NULL, cmd_port },
	{ "iperf", NULL, "HOST|server [WORD [VALUE]...]",
	  "how much goes through to another machine, which has this or iperf3; status 3 when it refuses",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_FAMILY | PT_CLI_DETAILS, 1, 64, NULL, cmd_iperf },
	{ "neighbour", NULL, "[WORD VALUE]...",
	  "who is on the links: link address, state, age, maker; status 3 when none matches",
	  VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 64, NULL, cmd_neighbour },
	{ "check", NULL, "[WORD [VALUE]...]",
	  "everything that is wrong, in plain words, and what to do next; status 3 when something was found",
	  ACT | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_STATE, 0, 8, NULL, cmd_check },
	{ "why", NULL, "HOST [PORT] [WORD [VALUE]...]",
	  "walks to one destination and tells where it stops: name, route, neighbour, rules, answer, MTU; "
	  "status 3 then",
	  ACT | PT_CLI_JSON | PT_CLI_FAMILY, 1, 10, NULL, cmd_why },
	{ "route", "show", "[WORD VALUE]...", "the routes", VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 6, NULL,
	  cmd_route_show },
	{ "route", "get", "ADDRESS",
	  "where packets to it go, and why: rule, route, neighbour, device; status 3 when there is no way", VIEW | SHOW,
	  1, 1, NULL, cmd_route_get },
	{ "socket", NULL, "[WORD [VALUE]]...",
	  "who listens, who is connected, which process it is; -d how it goes; status 3 when none matches",
	  VIEW | SHOW | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, 64, NULL, cmd_socket },
	{ "activity", NULL, "[WORD [VALUE]]...",
	  "what this machine is busy with: processors, memory, pressure, links, processes", VIEW | LIVE | SHOW, 0, 64,
	  NULL, cmd_activity },
	{ "state", "show", "[FILTER...]",
	  "the connections that the kernel knows; a filter is a word and its value: " PT_CT_FILTER_WORDS,
	  VIEW | SHOW | PT_CLI_FAMILY | PT_CLI_STATS | PT_CLI_DETAILS, 0, MANY, complete_filter, cmd_state_show },
	{ "state", "count", "[FILTER...]", "how many of them there are, or match, and may be",
	  VIEW | SHOW | PT_CLI_FAMILY, 0, MANY, complete_filter, cmd_state_count },
	{ "state", "summary", "[FILTER...]", "their sums by host; also by source|destination, sort KEY, rows N",
	  VIEW | SHOW | PT_CLI_FAMILY, 0, MANY, complete_summary, cmd_state_summary },
	{ "state", "top", "[FILTER...]", "the busiest ones, live; also sort KEY, interval TIME, count N, rows N",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY, 0, MANY, complete_top, cmd_state_top },
	{ "state", "follow", "[FILTER...]", "a line for each that comes, changes or goes",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY | PT_CLI_DETAILS, 0, MANY, complete_filter, cmd_state_follow },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

static const struct pt_cli_grammar grammars[] = {
	{ "ping", NULL, 1, ping_words },
	{ "trace", NULL, 1, trace_words },
	{ "mtr", NULL, 1, mtr_words },
	{ "capture", NULL, 0, capture_words },
	{ "dns", NULL, 1, dns_words },
	{ "port", NULL, 2, port_words },
	{ "iperf", NULL, 1, iperf_words },
	{ "neighbour", NULL, 0, neighbour_words },
	{ "check", NULL, 0, finding_words },
	{ "why", NULL, 1, why_words },
	{ "route", "show", 0, route_show_words },
	{ "activity", NULL, 0, activity_words },
	{ "socket", NULL, 0, socket_words },
	{ NULL, NULL, 0, NULL },
};

const struct pt_cli_tool ptdiag_tool = {
	.name = "ptdiag",
	.summary = "troubleshooting with Patronus",
	.grammars = grammars,
	.cmds = commands,
};

int main(int argc, char **argv)
{
	/* A reader that went away is an error of write(2), not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	return pt_cli_main(&ptdiag_tool, argc, argv);
}
