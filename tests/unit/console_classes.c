/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may run which command from the console. Every command of every tool stands here, with what it writes: one that is new has to
 * be thought about before this test passes, and none that writes may be called one that only shows. The same tables say what may
 * be completed: nothing of them is missing there, and nothing else is offered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/cli.h>

extern const struct pt_cli_tool ptfw_tool, ptnet_tool, ptconf_tool, ptdiag_tool;

enum who { VIEWER = PT_CLI_VIEW, OPERATOR = PT_CLI_ACT, ADMIN = 0 };
#define LIVE PT_CLI_LIVE
#define WHO (PT_CLI_VIEW | PT_CLI_ACT)

static const struct {
	const struct pt_cli_tool *tool;
	const char *name;
	const char *writes; /* to the kernel, to files or to the network; NULL: nothing */
	enum who who;
	unsigned int live;
} known[] = {
	{ &ptfw_tool, "check", NULL, VIEWER, 0 },
	{ &ptfw_tool, "lint", NULL, VIEWER, 0 },
	{ &ptfw_tool, "test", NULL, VIEWER, 0 },
	{ &ptfw_tool, "diff", NULL, VIEWER, 0 },
	{ &ptfw_tool, "apply", "rules", ADMIN, 0 },
	{ &ptfw_tool, "stop", "rules", ADMIN, 0 },
	{ &ptfw_tool, "info", NULL, VIEWER, 0 },
	{ &ptfw_tool, "explain", NULL, VIEWER, 0 },
	{ &ptfw_tool, "reach", NULL, VIEWER, 0 },
	{ &ptfw_tool, "trace", "a table beside the rules", OPERATOR, LIVE },
	{ &ptfw_tool, "learn", "a table beside the rules", OPERATOR, LIVE },
	{ &ptfw_tool, "follow", "sets of addresses", ADMIN, LIVE },
	{ &ptfw_tool, "rule show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "nat show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor list", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "anchor load", "rules", ADMIN, 0 },
	{ &ptfw_tool, "anchor flush", "rules", ADMIN, 0 },
	{ &ptfw_tool, "table show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table list", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table add", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table delete", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table replace", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table test", NULL, VIEWER, 0 },
	{ &ptfw_tool, "table flush", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "table zero", "counters", OPERATOR, 0 },
	{ &ptfw_tool, "table expire", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "name show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "name refresh", "tables", OPERATOR, 0 },
	{ &ptfw_tool, "name follow", "tables", ADMIN, LIVE },
	{ &ptfw_tool, "state show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state count", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state kill", "states", OPERATOR, 0 },
	{ &ptfw_tool, "state summary", NULL, VIEWER, 0 },
	{ &ptfw_tool, "state top", NULL, VIEWER, LIVE },
	{ &ptfw_tool, "state follow", NULL, VIEWER, LIVE },
	{ &ptfw_tool, "import pf", NULL, ADMIN, 0 }, /* reads any file that is named */
	{ &ptfw_tool, "log show", NULL, VIEWER, 0 },
	{ &ptfw_tool, "log follow", "who listens to the log", OPERATOR, LIVE },
	{ &ptfw_tool, "log summary", NULL, VIEWER, 0 },
	{ &ptfw_tool, "log record", "files", ADMIN, LIVE },

	{ &ptnet_tool, "check", NULL, VIEWER, 0 },
	{ &ptnet_tool, "diff", NULL, VIEWER, 0 },
	{ &ptnet_tool, "apply", "links, addresses, routes", ADMIN, 0 },
	{ &ptnet_tool, "watch", "links, addresses, routes", ADMIN, LIVE },
	{ &ptnet_tool, "link show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "link add", "links", ADMIN, 0 },
	{ &ptnet_tool, "link set", "links", ADMIN, 0 },
	{ &ptnet_tool, "link delete", "links", ADMIN, 0 },
	{ &ptnet_tool, "link monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "address show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "address add", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "address delete", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "address monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "route show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "route get", NULL, VIEWER, 0 },
	{ &ptnet_tool, "route add", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route replace", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route delete", "routes", ADMIN, 0 },
	{ &ptnet_tool, "route monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "rule show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "rule add", "rules of routing", ADMIN, 0 },
	{ &ptnet_tool, "rule delete", "rules of routing", ADMIN, 0 },
	{ &ptnet_tool, "rule monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "neighbour show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "neighbour add", "neighbours", ADMIN, 0 },
	{ &ptnet_tool, "neighbour delete", "neighbours", ADMIN, 0 },
	{ &ptnet_tool, "neighbour flush", "what was learned of neighbours", OPERATOR, 0 },
	{ &ptnet_tool, "neighbour monitor", NULL, VIEWER, LIVE },
	{ &ptnet_tool, "vip show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "vip add", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "vip delete", "addresses", ADMIN, 0 },
	{ &ptnet_tool, "wol show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "wol send", "a packet", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "dhcp renew", "packets, addresses", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp release", "packets, addresses", OPERATOR, 0 },
	{ &ptnet_tool, "dhcp watch", "addresses, routes", ADMIN, LIVE },
	{ &ptnet_tool, "qos show", NULL, VIEWER, 0 },
	{ &ptnet_tool, "qos monitor", NULL, VIEWER, LIVE },

	{ &ptconf_tool, "check", NULL, VIEWER, 0 },
	{ &ptconf_tool, "diff", NULL, VIEWER, 0 },
	{ &ptconf_tool, "apply", "everything", ADMIN, 0 },
	{ &ptconf_tool, "confirm", "the history", OPERATOR, 0 },
	{ &ptconf_tool, "rollback", "everything", ADMIN, 0 },
	{ &ptconf_tool, "history", NULL, VIEWER, 0 },
	{ &ptconf_tool, "show", NULL, VIEWER, 0 },
	{ &ptconf_tool, "compare", NULL, VIEWER, 0 },
	{ &ptconf_tool, "status", NULL, VIEWER, 0 },
	{ &ptconf_tool, "lock", "the lock", ADMIN, 0 },
	{ &ptconf_tool, "drift", NULL, VIEWER, 0 },
	{ &ptconf_tool, "boot", "everything", ADMIN, 0 },
	{ &ptconf_tool, "get", NULL, VIEWER, 0 },
	{ &ptconf_tool, "set", "the file", ADMIN, 0 },
	{ &ptconf_tool, "delete", "the file", ADMIN, 0 },
	{ &ptconf_tool, "edit", "the file", ADMIN, LIVE },

	{ &ptdiag_tool, "ping", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "trace", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "mtr", "packets", OPERATOR, LIVE },
	{ &ptdiag_tool, "dns", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "port", "packets", OPERATOR, 0 },
	{ &ptdiag_tool, "route show", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "route get", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "socket", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state show", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state count", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state summary", NULL, VIEWER, 0 },
	{ &ptdiag_tool, "state top", NULL, VIEWER, LIVE },
	{ &ptdiag_tool, "state follow", NULL, VIEWER, LIVE },
};

static const struct pt_cli_tool *const tools[] = { &ptfw_tool, &ptnet_tool, &ptconf_tool, &ptdiag_tool };

static void name_of(const struct pt_cli_cmd *cmd, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s%s", cmd->object, cmd->command ? " " : "", cmd->command ? cmd->command : "");
}

static void every_command_has_its_class(void **state)
{
	size_t commands = 0, wrong = 0;

	(void)state;
	for (size_t t = 0; t < PT_ARRAY_SIZE(tools); t++)
		for (const struct pt_cli_cmd *cmd = tools[t]->cmds; cmd->object; cmd++, commands++) {
			char name[80];
			size_t i = 0;

			name_of(cmd, name, sizeof(name));
			while (i < PT_ARRAY_SIZE(known) && (known[i].tool != tools[t] || strcmp(known[i].name, name) != 0))
				i++;
			if (i < PT_ARRAY_SIZE(known) && (cmd->options & WHO) == (unsigned int)known[i].who &&
			    (cmd->options & PT_CLI_LIVE) == known[i].live)
				continue;
			print_error("%s %s: %s\n", tools[t]->name, name, i < PT_ARRAY_SIZE(known) ? "of another class" : "not thought about");
			wrong++;
		}
	assert_int_equal(wrong, 0);
	assert_int_equal(commands, PT_ARRAY_SIZE(known)); /* nothing here that is gone */
}

static void nothing_that_writes_only_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		if (known[i].writes && known[i].who == VIEWER)
			fail_msg("%s %s writes %s", known[i].tool->name, known[i].name, known[i].writes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_has_its_class),
		cmocka_unit_test(nothing_that_writes_only_shows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
