/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptfw - packet filter of Patronus: its table of commands. */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

#include "ptfw.h"
#include "tools.h"

#define SHOW (PT_CLI_JSON | PT_CLI_LINE)
#define MANY UINT_MAX
#define LOG_WORDS "host, network, port, proto, action, direction, interface, label, since, last"
#define MMAP_THRESHOLD (1 << 20)

/* For the console: what only shows, what an operator may do beside it, what wants the terminal for itself. */
#define VIEW PT_CLI_VIEW
#define ACT PT_CLI_ACT
#define LIVE PT_CLI_LIVE

static const struct pt_cli_cmd commands[] = {
	{ "check", NULL, NULL, "judge the file; change nothing; with -v print its rules as they are understood",
	  VIEW | PT_CLI_FILE | PT_CLI_ENGINE | PT_CLI_JSON | PT_CLI_KERNEL | PT_CLI_VERBOSE, 0, 0, NULL, cmd_check },
	{ "lint", NULL, NULL, "rules without effect, too wide, of one family; names without use; status 3 when there are any",
	  VIEW | PT_CLI_FILE | SHOW | PT_CLI_DETAILS, 0, 0, NULL, cmd_lint },
	{ "test", NULL, "[NAME]", "prove what the file expects of its rules; status 3 when something does not hold",
	  VIEW | PT_CLI_FILE | SHOW | PT_CLI_VERBOSE, 0, 1, complete_test, cmd_test },
	{ "diff", NULL, "[OLD NEW]", "what apply would change, or what --meaning two files would; status 3 when there is anything",
	  VIEW | PT_CLI_FILE | PT_CLI_ENGINE | SHOW | PT_CLI_VERBOSE | PT_CLI_DETAILS | PT_CLI_MEANING, 0, 2, NULL, cmd_diff },
	{ "apply", NULL, NULL, "put the file in force in one transaction",
	  PT_CLI_FILE | PT_CLI_ENGINE | PT_CLI_ENFORCE | PT_CLI_DRY | PT_CLI_VERBOSE | PT_CLI_DETAILS | PT_CLI_FORCE | SHOW, 0, 0, NULL,
	  cmd_apply },
	{ "stop", NULL, NULL, "take the rules out of force and go on blocking", PT_CLI_OPEN, 0, 0, NULL, cmd_stop },
	{ "info", NULL, NULL, "engine, applied file, numbers", VIEW | SHOW, 0, 0, NULL, cmd_info },
	{ "explain", NULL, "[in|out INTERFACE PROTOCOL ADDRESS[:PORT] to ADDRESS[:PORT] [WORD VALUE...]]",
	  "the way of a packet and the rules that decide it; status 3 when it is blocked; --batch: many, as JSON",
	  VIEW | PT_CLI_FILE | PT_CLI_JSON | PT_CLI_DETAILS | PT_CLI_INPUT | PT_CLI_MANY, 0, MANY, complete_packet, cmd_explain },
	{ "reach", NULL, "[from END] [to END] [proto PROTOCOLS] [port PORTS] [at TIME]",
	  "all that may pass from an interface, address, self or internet to another; status 3 when nothing may",
	  VIEW | PT_CLI_FILE | PT_CLI_JSON | PT_CLI_LINE | PT_CLI_DETAILS | PT_CLI_FAMILY, 0, MANY, complete_reach, cmd_reach },
	{ "trace", NULL, "[in|out] [on INTERFACE] [proto NAME] [from HOST] [to HOST] [port N] [count N] [for TIME]",
	  "follow real packets through the kernel, and name the rules that they meet; status 3 when none came",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_DETAILS | PT_CLI_VERBOSE, 0, MANY, complete_trace, cmd_trace },
	{ "learn", NULL, "TIME [on INTERFACE] [refused]",
	  "see what is admitted, and propose the few rules that would admit just that; nothing in force changes",
	  ACT | LIVE | PT_CLI_JSON | PT_CLI_VERBOSE, 1, 4, complete_learn, cmd_learn },
	{ "follow", NULL, "[kept]", "keep (interface) addresses up to date, in the foreground; kept: `name follow` asks for names",
	  LIVE, 0, 1,
	  complete_follow, cmd_follow },
	{ "rule", "show", "[LABEL]", "the rules in force", VIEW | SHOW | PT_CLI_BRIEF | PT_CLI_STATS | PT_CLI_DETAILS, 0, 1,
	  complete_label, cmd_rule_show },
	{ "nat", "show", "[LABEL]", "the translations in force", VIEW | SHOW | PT_CLI_STATS | PT_CLI_DETAILS, 0, 1, complete_translation,
	  cmd_nat_show },
	{ "anchor", "list", NULL, "the anchors, and who asks them", VIEW | SHOW, 0, 0, NULL, cmd_anchor_list },
	{ "anchor", "show", "PATH", "the rules in force of an anchor", VIEW | SHOW | PT_CLI_BRIEF | PT_CLI_STATS | PT_CLI_DETAILS, 1, 1,
	  complete_anchor, cmd_anchor_show },
	{ "anchor", "load", "PATH", "put rules, one a line, in its place: from standard input, or --file",
	  PT_CLI_INPUT | PT_CLI_DRY | PT_CLI_JSON | PT_CLI_VERBOSE, 1, 1, complete_anchor, cmd_anchor_load },
	{ "anchor", "flush", "PATH", "take all its rules away", PT_CLI_DRY | PT_CLI_JSON | PT_CLI_VERBOSE, 1, 1, complete_anchor,
	  cmd_anchor_flush },
	{ "table", "show", "[NAME]", "the addresses of a table; without a name, the tables",
	  VIEW | SHOW | PT_CLI_STATS | PT_CLI_FAMILY, 0, 1, complete_table, cmd_table_show },
	{ "table", "list", NULL, "the tables in the kernel", VIEW | SHOW | PT_CLI_STATS | PT_CLI_FAMILY, 0, 0, NULL,
	  cmd_table_list },
	{ "table", "add", "NAME [ADDRESS...]", "add addresses", ACT | PT_CLI_INPUT | PT_CLI_TIMEOUT, 1, MANY, complete_table,
	  cmd_table_add },
	{ "table", "delete", "NAME [ADDRESS...]", "delete addresses", ACT | PT_CLI_INPUT, 1, MANY, complete_table,
	  cmd_table_delete },
	{ "table", "replace", "NAME [ADDRESS...]", "make it hold exactly these", ACT | PT_CLI_INPUT, 1, MANY, complete_table,
	  cmd_table_replace },
	{ "table", "test", "NAME [ADDRESS...]", "are these in it? status 3 when not all are", VIEW | PT_CLI_INPUT, 1, MANY,
	  complete_table, cmd_table_test },
	{ "table", "flush", "NAME", "delete all addresses", ACT, 1, 1, complete_table, cmd_table_flush },
	{ "table", "zero", "NAME", "set the counters to zero", ACT, 1, 1, complete_table, cmd_table_zero },
	{ "table", "expire", "NAME AGE", "delete what was added longer ago than AGE", ACT, 2, 2, complete_table,
	  cmd_table_expire },
	{ "name", "show", "[NAME]", "names of hosts in the rules, and their addresses", VIEW | SHOW, 0, 1, complete_name, cmd_name_show },
	{ "name", "refresh", NULL, "ask for all of them now; status 3 when one has no answer", ACT, 0, 0, NULL, cmd_name_refresh },
	{ "name", "follow", NULL, "ask when answers are too old, in the foreground, and change no rule",
	  LIVE, 0, 0, NULL, cmd_name_follow },
	{ "state", "show", "[FILTER...]", "the states; a filter is a word and its value: " PT_CT_FILTER_WORDS,
	  VIEW | SHOW | PT_CLI_FAMILY | PT_CLI_STATS | PT_CLI_DETAILS, 0, MANY, complete_filter, cmd_state_show },
	{ "state", "count", "[FILTER...]", "how many states there are, or match, and may be", VIEW | SHOW | PT_CLI_FAMILY, 0, MANY,
	  complete_filter, cmd_state_count },
	{ "state", "kill", "FILTER...", "end the states that match", ACT | PT_CLI_FAMILY, 2, MANY, complete_filter,
	  cmd_state_kill },
	{ "state", "summary", "[FILTER...]", "their sums by host; also by source|destination, sort KEY, rows N",
	  VIEW | SHOW | PT_CLI_FAMILY, 0, MANY, complete_summary, cmd_state_summary },
	{ "state", "top", "[FILTER...]", "the busiest ones, live; also sort KEY, interval TIME, count N, rows N",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY, 0, MANY, complete_top, cmd_state_top },
	{ "state", "follow", "[FILTER...]", "a line for each that comes, changes or goes",
	  VIEW | LIVE | SHOW | PT_CLI_FAMILY | PT_CLI_DETAILS,
	  0, MANY, complete_filter, cmd_state_follow },
	{ "import", "pf", "FILE [NAME=DEVICE...]", "a pf.conf(5) as the common file; status 3 when not all is carried", 0, 1, MANY,
	  NULL, cmd_import_pf },
	{ "log", "show", "[FILTER...]", "what was recorded; a filter is a word and its value: " LOG_WORDS,
	  VIEW | SHOW | PT_CLI_FAMILY | PT_CLI_STORE | PT_CLI_PCAP, 0, MANY, complete_log, cmd_log_show },
	{ "log", "follow", "[FILTER...]", "a line for each packet that rules with `log` see, as it comes",
	  ACT | LIVE | SHOW | PT_CLI_FAMILY | PT_CLI_STORE | PT_CLI_PCAP | PT_CLI_BYTES, 0, MANY, complete_log, cmd_log_follow },
	{ "log", "summary", "[FILTER...]", "who was logged most, by which rules, and when",
	  VIEW | SHOW | PT_CLI_FAMILY | PT_CLI_STORE | PT_CLI_DETAILS, 0, MANY, complete_log, cmd_log_summary },
	{ "log", "record", NULL, "keep what is logged in files, in the foreground",
	  LIVE | PT_CLI_STORE | PT_CLI_SIZE | PT_CLI_BYTES, 0, 0, NULL, cmd_log_record },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

static const struct pt_cli_more more[] = {
	{ "explain", NULL, "Words that may follow, each with a value:\n"
			   "  flags FLAGS               of TCP, as SA; without, S\n"
			   "  type TYPE [code CODE]     of ICMP; without, an echo request\n"
			   "  port N                    behind an address, instead of :N\n"
			   "  tag TAG                   that it has already\n"
			   "  tos VALUE, mac ADDRESS    of the packet\n"
			   "  user NAME, group NAME     the owner of its socket, with out\n"
			   "  at TIME                   as 22:30, 'sat 22:30' or '2026-11-21 22:30'; without, now\n"
			   "  state new|established     established: of a known connection, which nobody judges" },
	{ "reach", NULL, "An END is an interface or a group, an address, a network or a <table>, self, internet or any." },
	{ NULL, NULL, NULL }
};

const struct pt_cli_tool ptfw_tool = {
	.more = more,
	.name = "ptfw",
	.summary = "packet filter of Patronus",
	.notes = "pfctl's letters are understood too, such as -nf FILE, -sr, -t TABLE -T add ADDRESS: see ptfw(8).",
	.cmds = commands,
};

int main(int argc, char **argv)
{
	/* What grows to many megabytes, as the transaction of a large table, moves its pages then instead of leaving
	 * copies in a heap that would keep them. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	/* A reader that went away is an error of write(2), not the end of an apply. */
	signal(SIGPIPE, SIG_IGN);
	return pfctl_main(&ptfw_tool, argc, argv);
}
