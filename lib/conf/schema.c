/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one table of what the common file may say.
 *
 * libconfuse's options, the checks, completion, help and the options part of the manual come from
 * here: an option that is not in this table does not exist.
 */
#include <string.h>

#include "conf/internal.h"

static const struct pt_schema system_options[] = {
	{ .name = "name",
	  .type = PT_OPT_STR,
	  .range = "1 to 64 letters, digits, '-' and '.'",
	  .help = "name of this machine in messages; without it the host name",
	  .check = conf_check_host_name },
	{ .name = "description",
	  .type = PT_OPT_STR,
	  .range = "up to 255 bytes",
	  .help = "free text for people",
	  .check = conf_check_description },
	{ .name = "forwarding",
	  .type = PT_OPT_BOOL,
	  .range = "true or false",
	  .help = "forward packets between interfaces; without it the kernel's setting stays" },
	{ .name = "timezone",
	  .type = PT_OPT_STR,
	  .range = "a name such as Europe/Berlin, one that the machine knows",
	  .help = "whose clock schedules mean; without it the machine's, /etc/localtime",
	  .complete = "timezone",
	  .check = conf_check_timezone },
	{ 0 },
};

static const struct pt_schema table_options[] = {
	{ .name = "addresses",
	  .type = PT_OPT_LIST,
	  .range = "[!]ADDRESS[/LENGTH], ADDRESS-ADDRESS, or the name of a host",
	  .help = "entries; the most specific one decides, '!' takes out",
	  .complete = "address",
	  .check = conf_check_entry },
	{ .name = "file",
	  .type = PT_OPT_STR,
	  .range = "path, from this file's folder on",
	  .help = "more entries, one or more a line, '#' begins a comment",
	  .complete = "file",
	  .check = conf_check_path },
	{ .name = "geoip",
	  .type = PT_OPT_LIST,
	  .range = "two capital letters, as in DE",
	  .help = "countries whose addresses are entries, too, see `geoip` below",
	  .complete = "country",
	  .check = conf_check_country },
	{ .name = "persist",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "keep the table when no rule uses it" },
	{ .name = "const",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "refuse changes from the command line" },
	{ .name = "counters",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "count packets and bytes of each entry" },
	{ .name = "timeout",
	  .type = PT_OPT_DURATION,
	  .unit = "seconds",
	  .range = "1s to 136y, as 90, 5m, 1h30m, 2d",
	  .help = "entries added later leave after this time; those that the file names stay for good" },
	{ 0 },
};

static const struct pt_schema geoip_options[] = {
	{ .name = "file",
	  .type = PT_OPT_STR,
	  .range = "path, from this file's folder on",
	  .help = "which address is in which country, as CSV or MMDB; without it /usr/share/tor/geoip and geoip6",
	  .complete = "file",
	  .check = conf_check_path },
	{ .name = "file6",
	  .type = PT_OPT_STR,
	  .range = "path, from this file's folder on",
	  .help = "the same for IPv6, where it is a file of its own",
	  .complete = "file",
	  .check = conf_check_path },
	{ 0 },
};

static const struct pt_schema schedule_options[] = {
	{ .name = "days",
	  .type = PT_OPT_LIST,
	  .range = "mon to sun, or a range such as mon-fri",
	  .help = "days of the week; without it every day",
	  .complete = "day",
	  .check = conf_check_days },
	{ .name = "hours",
	  .type = PT_OPT_LIST,
	  .range = "HH:MM[:SS]-HH:MM[:SS]",
	  .help = "times of the day, the second one not included; one over midnight belongs to the day it begins on",
	  .check = conf_check_hours },
	{ .name = "dates",
	  .type = PT_OPT_LIST,
	  .range = "[!]YYYY-MM-DD, [!]MM-DD for every year, or two of them with a '/' between",
	  .help = "days of the calendar, on which the days of the week must fall, too; '!' leaves out",
	  .check = conf_check_dates },
	{ 0 },
};

static const struct pt_schema macro_options[] = {
	{ .name = "value",
	  .type = PT_OPT_STR,
	  .range = "part of a rule",
	  .help = "the text that $NAME stands for in rules",
	  .check = conf_check_macro_text },
	{ 0 },
};

static const struct pt_schema firewall_options[] = {
	{ .name = "rules",
	  .type = PT_OPT_LIST,
	  .range = "rules, see patronus-rules(5)",
	  .help = "the rules, in order; the last one that matches decides",
	  .complete = "rule",
	  .check = conf_check_rule },
	{ .name = "builtin",
	  .type = PT_OPT_BOOL,
	  .def = "true",
	  .range = "true or false",
	  .help = "admit what a network cannot live without, see `ptfw rule show -d`" },
	{ .name = "skip",
	  .type = PT_OPT_LIST,
	  .range = "names of interfaces or groups",
	  .help = "whose packets pass unjudged and without a state, in both directions",
	  .complete = "interface",
	  .check = conf_check_group },
	{ .name = "block-policy",
	  .type = PT_OPT_STR,
	  .def = "drop",
	  .range = "drop or return",
	  .help = "what `block` alone means",
	  .check = conf_check_block_policy },
	{ .name = "timeout",
	  .type = PT_OPT_LIST,
	  .range = "NAME TIME, as \"tcp.established 24h\"",
	  .help = "how long states last whose rule says nothing else; without it the kernel's times",
	  .check = conf_check_timeout },
	{ .name = "limit",
	  .type = PT_OPT_LIST,
	  .range = "states, src-nodes or table-entries, and a number",
	  .help = "the most states of the machine, sources that a rule counts, entries that rules put into a table",
	  .check = conf_check_limit },
	{ .name = "state-policy",
	  .type = PT_OPT_STR,
	  .range = "floating",
	  .help = "states belong to no interface; pf's if-bound does not exist on Linux",
	  .check = conf_check_state_policy },
	{ 0 },
};

static const struct pt_schema host_options[] = {
	{ .name = "mac",
	  .type = PT_OPT_STR,
	  .range = "six bytes, as 02:00:00:00:00:01",
	  .help = "address of its link",
	  .check = conf_check_mac },
	{ .name = "interface",
	  .type = PT_OPT_STR,
	  .range = "name of an interface",
	  .help = "the interface that it is behind; without it all of the file",
	  .complete = "interface",
	  .check = conf_check_interface },
	{ 0 },
};

static const struct pt_schema vip_options[] = {
	{ .name = "interface",
	  .type = PT_OPT_STR,
	  .range = "name of an interface",
	  .help = "the interface that has it, or answers for it",
	  .complete = "interface",
	  .check = conf_check_interface },
	{ .name = "address",
	  .type = PT_OPT_STR,
	  .range = "ADDRESS[/LENGTH]; of proxy and other also a network",
	  .help = "the address, without a length alone in its network",
	  .complete = "address",
	  .check = conf_check_vip_address },
	{ .name = "type",
	  .type = PT_OPT_WORD,
	  .def = "alias",
	  .words = pt_vip_types,
	  .range = "alias, proxy or other",
	  .help = "what is done: the machine has it, the interface answers for it, or nothing, since it is routed here" },
	{ .name = "description",
	  .type = PT_OPT_STR,
	  .range = "up to 255 bytes",
	  .help = "free text for people",
	  .check = conf_check_description },
	{ 0 },
};

static const struct pt_schema network_options[] = {
	{ .name = "routes",
	  .type = PT_OPT_LIST,
	  .range = "[blackhole|unreachable|prohibit] NETWORK|default [via ADDRESS] [dev INTERFACE] [metric N] [table N] "
		   "[src ADDRESS] [mtu N] [onlink] [nexthop via ADDRESS [dev INTERFACE] [weight N]...]",
	  .help = "routes, in the words of ip-route(8)",
	  .complete = "route",
	  .check = conf_check_route },
	{ .name = "rules",
	  .type = PT_OPT_LIST,
	  .range = "[not] [from NETWORK] [to NETWORK] [iif INTERFACE] [oif INTERFACE] [fwmark N/N] [tos N] [ipproto P [sport N] "
		   "[dport N]] [priority N] [inet|inet6] lookup N|blackhole|unreachable|prohibit",
	  .help = "which table of routes is asked for which packets, in the words of ip-rule(8); without a priority in their order",
	  .complete = "route-rule",
	  .check = conf_check_route_rule },
	{ .name = "neighbours",
	  .type = PT_OPT_LIST,
	  .range = "ADDRESS lladdr MAC dev INTERFACE",
	  .help = "link addresses that are known without asking",
	  .complete = "neighbour",
	  .check = conf_check_neighbour },
	{ 0 },
};

static const struct pt_schema anchor_options[] = {
	{ .name = "rules",
	  .type = PT_OPT_LIST,
	  .range = "rules, see patronus-rules(5)",
	  .help = "the rules that stand where a rule says `anchor NAME`",
	  .complete = "rule",
	  .check = conf_check_rule },
	{ 0 },
};

static const struct pt_schema test_options[] = {
	{ .name = "expect",
	  .type = PT_OPT_LIST,
	  .range = "pass or block and conditions, as in rules",
	  .help = "statements about packets, each proved for all of them by `ptfw test`, check and apply",
	  .complete = "rule",
	  .check = conf_check_rule },
	{ 0 },
};

static const struct pt_schema boot_options[] = {
	{ .name = "ssh-from",
	  .type = PT_OPT_LIST,
	  .range = "ADDRESS[/LENGTH]",
	  .help = "who reaches this machine's SSH server then; without it anybody, where `ssh-on` is given",
	  .complete = "address",
	  .check = conf_check_source },
	{ .name = "ssh-on",
	  .type = PT_OPT_LIST,
	  .range = "names of interfaces or groups",
	  .help = "where; without it everywhere, where `ssh-from` is given",
	  .complete = "interface",
	  .check = conf_check_group },
	{ .name = "ssh-port",
	  .type = PT_OPT_NUMBER,
	  .def = "22",
	  .min = 1,
	  .max = 65535,
	  .range = "1 to 65535",
	  .help = "port of the server" },
	{ 0 },
};

const struct pt_schema pt_conf_schema[] = {
	{ .name = "system",
	  .type = PT_OPT_SECTION,
	  .help = "this machine",
	  .options = system_options },
	{ .name = "interface",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 15 letters, digits, '_', '.' and '-', a letter first",
	  .help = "a network interface and the name that rules use for it",
	  .complete = "interface",
	  .check_title = conf_check_interface,
	  .options = conf_interface_options },
	{ .name = "table",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "a set of addresses, <NAME> in rules",
	  .complete = "table",
	  .check_title = conf_check_table,
	  .options = table_options },
	{ .name = "schedule",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "times at which rules hold, schedule NAME in rules",
	  .complete = "schedule",
	  .check_title = conf_check_schedule,
	  .options = schedule_options },
	{ .name = "geoip",
	  .type = PT_OPT_SECTION,
	  .help = "where `geoip CC` in rules and tables comes from",
	  .options = geoip_options },
	{ .name = "macro",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits and '_', a letter first",
	  .help = "a piece of text, $NAME in rules",
	  .complete = "macro",
	  .check_title = conf_check_macro,
	  .options = macro_options },
	{ .name = "anchor",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "names of 1 to 31 letters, digits, '_', '.' and '-', a letter or digit first, '/' between them; 55 in all",
	  .help = "rules with a name, for `anchor NAME` among other rules",
	  .complete = "anchor",
	  .check_title = conf_check_anchor,
	  .options = anchor_options },
	{ .name = "network",
	  .type = PT_OPT_SECTION,
	  .help = "routes of this machine",
	  .options = network_options },
	{ .name = "host",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "a machine that `ptnet wol send NAME` wakes",
	  .complete = "host",
	  .check_title = conf_check_host,
	  .options = host_options },
	{ .name = "vip",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits and '_', a letter first",
	  .help = "an address beside the first one of an interface, $NAME in rules",
	  .complete = "vip",
	  .check_title = conf_check_macro,
	  .options = vip_options },
	{ .name = "shaper",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "how fast packets leave by an interface, or come in, and which of them wait",
	  .check_title = conf_check_shaper,
	  .options = conf_shaper_options },
	{ .name = "queue",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "a share of a shaper of type htb, set queue NAME in rules",
	  .check_title = conf_check_queue,
	  .options = conf_queue_options },
	{ .name = "firewall",
	  .type = PT_OPT_SECTION,
	  .help = "the packet filter",
	  .options = firewall_options },
	{ .name = "boot",
	  .type = PT_OPT_SECTION,
	  .help = "what is admitted before the rules are in force, and after `ptfw stop`",
	  .options = boot_options },
	{ .name = "test",
	  .type = PT_OPT_SECTION,
	  .titled = true,
	  .range = "1 to 31 letters, digits, '_', '.' and '-', a letter first",
	  .help = "what the rules are to do, whoever changes them; an apply that would break it is refused",
	  .check_title = conf_check_test,
	  .options = test_options },
	{ 0 },
};

const struct pt_schema *conf_schema_find(const struct pt_schema *rows, const char *name)
{
	for (; rows->name; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

const struct pt_schema *pt_conf_options(const char *section)
{
	const struct pt_schema *s = conf_schema_find(pt_conf_schema, section);

	return s ? s->options : NULL;
}

const struct pt_schema *pt_conf_option(const char *section, const char *option)
{
	const struct pt_schema *rows = pt_conf_options(section);

	return rows ? conf_schema_find(rows, option) : NULL;
}

const char *conf_schema_nearest(const struct pt_schema *rows, const char *name)
{
	const char *names[CONF_MAX_OPTIONS];
	size_t n = 0;

	for (; rows->name && n < CONF_MAX_OPTIONS; rows++)
		names[n++] = rows->name;
	return pt_nearest(name, names, n);
}
