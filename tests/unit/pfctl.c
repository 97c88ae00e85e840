/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lines of pfctl's letters are turned into: every letter, alone and with others, and what is refused with its
 * reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ptfw/pfctl.c" /* NOLINT(bugprone-suspicious-include): its static functions are tested */

/* Our lines with " && " between them; "error: …"; NULL: the words are not pfctl's. */
static const struct {
	const char *letters, *words;
} lines[] = {
	/* files */
	{ "-nf pf.conf", "check -f pf.conf" },
	{ "-n -f pf.conf", "check -f pf.conf" },
	{ "-nvf pf.conf", "-v check -f pf.conf" },
	{ "-vnf pf.conf", "-v check -f pf.conf" },
	{ "-f pf.conf", "apply -f pf.conf" },
	{ "-fpf.conf", "apply -f pf.conf" },
	{ "-f -", "apply -f -" },
	{ "-vf pf.conf", "-v apply -f pf.conf" },
	{ "-qf pf.conf", "-q apply -f pf.conf" },
	{ "-q -f pf.conf", "-q apply -f pf.conf" },
	{ "-e", "apply" },
	{ "-ef pf.conf", "apply -f pf.conf" },
	{ "-e -f pf.conf", "apply -f pf.conf" },
	{ "-d", "stop --open" },
	{ "-Fa -f pf.conf", "apply -f pf.conf && state kill mark 0/0" },
	{ "-F rules -f pf.conf", "apply -f pf.conf" },
	{ "-f pf.conf -sr", "apply -f pf.conf && rule show" },
	/* shows */
	{ "-sr", "rule show" },
	{ "-s rules", "rule show" },
	{ "-s rul", "rule show" },
	{ "-vsr", "-s rule show" },
	{ "-sr -v", "-s rule show" },
	{ "-vvsr", "-s -d rule show" },
	{ "-vv -s rules", "-s -d rule show" },
	{ "-sn", "nat show" },
	{ "-s nat", "nat show" },
	{ "-ss", "state show" },
	{ "-vss", "-s state show" },
	{ "-s states -j", "-j state show" },
	{ "-i em0 -ss", "state show interface em0" },
	{ "-si", "info" },
	{ "-vsi", "info" },
	{ "-s info", "info" },
	{ "-sl", "rule show -s -o" },
	{ "-sm", "state count" },
	{ "-sS", "state summary by source" },
	{ "-sA", "anchor list" },
	{ "-sT", "table list" },
	{ "-s Tables", "table list" },
	{ "--netns fw -sT", "--netns fw table list" },
	{ "-sa", "nat show && rule show && state show && info && state count && table list" },
	{ "-s all", "nat show && rule show && state show && info && state count && table list" },
	/* states */
	{ "-k 10.0.0.5", "state kill src 10.0.0.5" },
	{ "-k 10.0.0.0/8", "state kill src 10.0.0.0/8" },
	{ "-k 10.0.0.5 -k 192.0.2.1", "state kill src 10.0.0.5 dst 192.0.2.1" },
	{ "-k 0.0.0.0/0 -k 192.0.2.1", "state kill src 0.0.0.0/0 dst 192.0.2.1" },
	{ "-k label -k web", "state kill label web" },
	{ "-i em0 -k 10.0.0.5", "state kill src 10.0.0.5 interface em0" },
	{ "-F states", "state kill mark 0/0" },
	{ "-Fs", "state kill mark 0/0" },
	{ "-i em0 -Fs", "state kill interface em0" },
	{ "-F rules", "stop" },
	{ "-Fr", "stop" },
	{ "-F all", "stop && state kill mark 0/0" },
	/* anchors */
	{ "-a upnp -f rules", "anchor load upnp --file rules" },
	{ "-a upnp -f -", "anchor load upnp --file -" },
	{ "-a upnp -nf rules", "-n anchor load upnp --file rules" },
	{ "-a upnp -sr", "anchor show upnp" },
	{ "-a upnp -vsr", "-s anchor show upnp" },
	{ "-a ftp-proxy/21 -vvs rules", "-s -d anchor show ftp-proxy/21" },
	{ "-a upnp rule show", "anchor show upnp" },
	{ "-a upnp -sA", "anchor list" },
	{ "-a upnp -F rules", "anchor flush upnp" },
	{ "-aupnp -Fa", "anchor flush upnp" },
	{ "-a upnp -ss", "error: -a with s: what there is of an anchor" },
	{ "-a upnp", "error: -a: it goes with" },
	{ "-a upnp -t bad -T show", "error: -a: it goes with" },
	{ "-a upnp table show", NULL },
	/* tables */
	{ "-t bad -T show", "table show bad" },
	{ "-t bad -Ts", "table show bad" },
	{ "-t bad -vT show", "-s table show bad" },
	{ "-vt bad -T show", "-s table show bad" },
	{ "-t bad -T add 10.0.0.1", "table add bad -- 10.0.0.1" },
	{ "-t bad -T add 10.0.0.1 10.0.0.2/31", "table add bad -- 10.0.0.1 10.0.0.2/31" },
	{ "-q -t bad -T delete 10.0.0.1", "-q table delete bad -- 10.0.0.1" },
	{ "-t bad -T replace -f list", "table replace bad --file list" },
	{ "-t bad -T add -f -", "table add bad --file -" },
	{ "-t bad -T test 10.0.0.1", "table test bad -- 10.0.0.1" },
	{ "-tbad -Ttest 10.0.0.1", "table test bad -- 10.0.0.1" },
	{ "-t bad -T flush", "table flush bad" },
	{ "-t bad -T zero", "table zero bad" },
	{ "-t bad -T expire 86400", "table expire bad -- 86400" },
	/* nothing of the kind */
	{ "-sq", "error: -s queue: queues are made" },
	{ "-st", "error: -s timeouts: they are conntrack's" },
	{ "-s Interfaces", "error: -s Interfaces: interfaces are counted" },
	{ "-so", "error: -s osfp: " },
	{ "-s nonsense", "error: -s nonsense: nothing of that name" },
	{ "-sa -j", "error: -sa: JSON" },
	{ "-F nat", "error: -F nat: translations are options of rules" },
	{ "-F Tables", "error: -F Tables: tables belong to the file" },
	{ "-F info", "error: -F info: counters begin" },
	{ "-F nonsense", "error: -F nonsense: nothing" },
	{ "-D ext=em0 -f pf.conf", "error: -D: macros stand in the file" },
	{ "-x loud", "error: -x: there are no levels" },
	{ "-o basic -f pf.conf", "error: -o: the engine" },
	{ "-K 10.0.0.1", "error: -K: there are no source nodes" },
	{ "-Rf pf.conf", "error: -R: a file is put in force as a whole" },
	{ "-rsr", "error: -r: addresses are never resolved" },
	{ "-z", "error: -z: counters begin" },
	{ "-k id -k 4823", "error: -k id: states are not known" },
	{ "-k label", "error: -k label: the label stands behind" },
	{ "-k a -k b -k c", "error: -k: a state has two ends" },
	{ "-t bad", "error: -t and -T go together" },
	{ "-T show", "error: -t and -T go together" },
	{ "-t bad -T kill", "error: -T kill: tables come and go" },
	{ "-t bad -T load", "error: -T load: tables come and go" },
	{ "-t bad -T frob", "error: -T frob: there is no such command" },
	{ "-d -f pf.conf", "error: -d opens everything" },
	{ "-n", NULL },
	{ "-nsr", "error: -n: it goes with -f FILE" },
	{ "-nf pf.conf -F all", "error: -n -f FILE: nothing else" },
	{ "-i em0 -sr", "error: -i: it goes with" },
	{ "-i em0", NULL },
	/* ours */
	{ "rule show -s", NULL },
	{ "-s rule show", NULL },
	{ "-s rule", NULL },
	{ "-s table", NULL },
	{ "-f pf.conf check", NULL },
	{ "-n -f pf.conf apply", NULL },
	{ "-j rule show", NULL },
	{ "--netns fw rule show", NULL },
	{ "-h", NULL },
	{ "-V", NULL },
	{ "--help", NULL },
	{ "-q", NULL },
	{ "-f", NULL },
	{ "-s", NULL },
	{ "-Q", NULL },
	{ "", NULL },
};

static const struct pt_cli_cmd commands[] = {
	{ .object = "rule" }, { .object = "nat" }, { .object = "info" }, { .object = "table" }, { 0 },
};
static const struct pt_cli_tool tool = { .name = "ptfw", .cmds = commands };

static void put_lines(struct pt_buf *b, const struct pfctl *p)
{
	for (int i = 0; i < p->n; i++) {
		pt_buf_str(b, i ? " && " : "");
		assert_string_equal(p->line[i].v[0], "ptfw");
		for (int k = 1; k < p->line[i].n; k++)
			pt_buf_fmt(b, "%s%s", k > 1 ? " " : "", p->line[i].v[k]);
	}
}

static void every_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(lines); i++) {
		char text[200], *argv[40], *rest = text, *word;
		struct pt_buf got = { 0 };
		struct pfctl p;
		int argc = 0;

		snprintf(text, sizeof(text), "ptfw %s", lines[i].letters);
		while ((word = strsep(&rest, " ")))
			if (*word)
				argv[argc++] = word;
		assert_int_equal(pfctl_translate(&tool, argc, argv, &p), 0);
		if (p.error[0])
			pt_buf_fmt(&got, "error: %s", p.error);
		else if (p.letters)
			put_lines(&got, &p);
		if (!lines[i].words != !got.n || (got.n && !strstr(got.s, lines[i].words)))
			fail_msg("%s: %s", lines[i].letters, got.n ? got.s : "not pfctl's");
		/* what is not an error nor one of many is meant as a whole */
		if (got.n && !p.error[0])
			assert_string_equal(got.s, lines[i].words);
		pfctl_free(&p);
		pt_buf_fini(&got);
	}
}

/* Nothing that flushes opens, and that is told. */
static void flushing_does_not_open(void **state)
{
	static const char *const flushing[] = { "rules", "all", "r", "a" };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(flushing); i++) {
		char *argv[] = { (char *)"ptfw", (char *)"-F", (char *)flushing[i] };
		struct pfctl p;

		assert_int_equal(pfctl_translate(&tool, 3, argv, &p), 0);
		assert_non_null(strstr(p.told, "nothing passes"));
		for (int k = 0; k < p.n; k++)
			for (int w = 0; w < p.line[k].n; w++)
				assert_string_not_equal(p.line[k].v[w], "--open");
		pfctl_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_line), cmocka_unit_test(flushing_does_not_open) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
