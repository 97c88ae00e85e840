/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tutorial teaches, as a table. Whether a step is done is read off the laboratory: what its packets meet, what the kernel and
 * the history have, what the candidate means. Where there is nothing to be changed, it is the command that was run, in whatever words.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <patronus/change.h>

#include "candidate.h"
#include "tools.h"
#include "tutorial.h"

#define WEB "203.0.113.1"
#define ROUTER "192.168.1.1"
#define TRIED "/run/candidate.conf"

/* ---- looking ---- */

/* The exit status of a tool that nobody hears. */
static int asked(const struct pt_cli_tool *tool, const char *const *argv, int argc)
{
	int wait = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		_exit(pt_cli_main(tool, argc, (char **)argv));
	}
	while (pid > 0 && waitpid(pid, &wait, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(wait) ? WEXITSTATUS(wait) : -1;
}

static bool waits(void)
{
	struct pt_cli cli = { .tool = &ptconf_tool };
	char state[PATH_MAX];
	struct pt_window w;
	bool open = !pt_cli_state(&cli, state) && pt_window_open(state, &w);

	pt_err_fini(&cli.err);
	return open;
}

static struct pt_history *history(void)
{
	struct pt_cli cli = { .tool = &ptconf_tool };
	struct pt_history *h = NULL;
	struct pt_err e = { 0 };
	char state[PATH_MAX];

	if (!pt_cli_state(&cli, state) && pt_history_read(state, 0, &h, &e))
		h = NULL;
	pt_err_fini(&cli.err);
	pt_err_fini(&e);
	return h;
}

unsigned int lab_revision(bool confirmed)
{
	struct pt_history *h = history();
	unsigned int n = 0;

	if (h)
		n = confirmed ? h->confirmed : h->list.n ? h->list.v[h->list.n - 1].number : 0;
	pt_history_free(h);
	return n;
}

static bool has_web(const struct console *c)
{
	return !lab_host_asks(&c->tutorial->lab->laptop, WEB, 80);
}

static bool has_ssh(const struct console *c)
{
	return !lab_host_asks(&c->tutorial->lab->laptop, ROUTER, 22);
}

static const char *meets(const struct lab *l, const char *address, uint16_t port)
{
	int code = lab_host_asks(&l->laptop, address, port);

	return !code ? "answered" : code == ETIMEDOUT ? "silence" : code == ECONNREFUSED ? "refused" : strerror(code);
}

void lab_try(const struct lab *l)
{
	printf("  laptop -> web, port 80:      %s\n", meets(l, WEB, 80));
	printf("  laptop -> router, SSH:       %s\n", meets(l, ROUTER, 22));
}

/* ---- whether a step is done ---- */

static bool is_configuring(struct console *c, struct pt_buf *why)
{
	(void)why;
	return c->candidate != NULL;
}

static bool is_out(struct console *c, struct pt_buf *why)
{
	(void)why;
	return !c->candidate;
}

/* What the candidate would do with the laptop's packets, asked as anybody would. */
static bool passes_web(struct console *c, struct pt_buf *why)
{
	static const char *const ask[] = { "ptfw",  "explain", "-f", TRIED, "in", "lan", "tcp", "192.168.1.10:40000", "to", WEB ":80" };
	const struct candidate *d = c->candidate;
	int status;

	if (!d || !candidate_differs(d))
		return waits() || lab_revision(true) > 1 ? has_web(c) : false;
	if (pt_file_write(TRIED, d->texts.v.v[0].text, d->texts.v.v[0].len, 0600, NULL))
		return false;
	status = asked(&ptfw_tool, ask, PT_ARRAY_SIZE(ask));
	if (status == PT_EXIT_NO)
		pt_buf_str(why, "The candidate has a change, but the laptop would still get no page with it. `compare` shows what you have; "
				"`discard` forgets it.");
	else if (status)
		pt_buf_str(why, "The candidate does not hold together; `check` tells why, `discard` forgets it.");
	return !status;
}

static bool is_in_force(struct console *c, struct pt_buf *why)
{
	if (c->candidate && candidate_differs(c->candidate))
		return false;
	if (!waits() && lab_revision(true) < 2) {
		if (lab_revision(false) > c->tutorial->before)
			pt_buf_str(why, "It was undone: nobody confirmed it in time. `exit`, `configure`, and the rule again.");
		return false;
	}
	if (has_web(c))
		return true;
	pt_buf_str(why, "It is in force, but the laptop still gets no page. `run fw explain in lan tcp 192.168.1.10:40000 to " WEB ":80` "
			"tells which rule decides.");
	return false;
}

static bool is_confirmed(struct console *c, struct pt_buf *why)
{
	if (waits())
		return false;
	if (lab_revision(true) > 1 && has_web(c))
		return true;
	pt_buf_str(why, "It was undone: nobody confirmed it in time. `exit discard`, `configure`, the rule again, `commit confirmed`, `commit`.");
	return false;
}

static bool is_locked_out(struct console *c, struct pt_buf *why)
{
	if (!waits()) {
		if (lab_revision(true) > c->tutorial->before && !has_ssh(c))
			pt_buf_str(why, "That was for good, without `confirmed`: the laptop is locked out, and nothing will undo it. Here you still "
					"have the console: `rollback 1`, then `commit`; and then once more, with `confirmed`.");
		return false;
	}
	if (!has_ssh(c))
		return true;
	pt_buf_str(why, "It waits for its confirmation, but the laptop's SSH still works: this rule locks nobody out. `commit` confirms it; then one that does.");
	return false;
}

static bool is_undone(struct console *c, struct pt_buf *why)
{
	if (waits())
		return false;
	if (has_ssh(c))
		return true;
	pt_buf_str(why, "You confirmed it: the laptop stays locked out. On a machine far away that is a journey. Here: `rollback 1`, `commit`.");
	return false;
}

static bool has_test(struct console *c, struct pt_buf *why)
{
	static const char *const ask[] = { "ptconf", "get", "test" };

	if ((c->candidate && candidate_differs(c->candidate)) || lab_revision(true) <= c->tutorial->before)
		return false;
	if (waits() || !asked(&ptconf_tool, ask, PT_ARRAY_SIZE(ask)))
		return !waits();
	pt_buf_str(why, "Something is in force, but the file has no section `test` yet.");
	return false;
}

static bool is_held(struct console *c, struct pt_buf *why)
{
	if (c->tutorial->refused && has_ssh(c))
		return true;
	if (!waits() && lab_revision(true) > c->tutorial->before && !has_ssh(c))
		pt_buf_str(why, "There was no test that forbids it: the laptop is locked out. `rollback 1`, then `commit`; or `skip`.");
	return false;
}

/* A new revision in force has the bytes of one that was there before. */
static bool is_back(struct console *c, struct pt_buf *why)
{
	struct pt_history *h = history();
	const struct pt_revision *last = h ? pt_history_find(h, h->confirmed) : NULL;
	bool back = false;

	(void)why;
	for (size_t i = 0; last && last->number > c->tutorial->before && i < h->list.n; i++)
		back |= h->list.v[i].number < last->number && !strcmp(h->list.v[i].digest, last->digest);
	pt_history_free(h);
	return back;
}

/* ---- the steps ---- */

const struct step tutorial_steps[] = {
	{
		.title = "Look around",
		.text = "You are on `lab`, the router of a small office. It is not real: it lives in namespaces of its own, beside a laptop and a "
			"web server, and is gone when you leave. The console is the real one.\n"
			"\n"
			"  laptop 192.168.1.10 --- eth1 (lan) lab eth0 (wan) --- " WEB " web\n"
			"\n"
			"Words may be shortened; Tab completes them, and ? shows what may come next. First, the interfaces:",
		.type = { "show interfaces" },
		.hint = "Type `show ?` to see what can be shown; then show interfaces, and Enter.",
		.tool = &ptnet_tool, .object = "link", .command = "show",
		.done = "Both links are up, with the addresses of the router.",
	},
	{
		.title = "The rules in force",
		.text = "What may pass is said by rules. All are read, and the last one that matches decides; the first rule here blocks what "
			"none below passes. Who is let in gets the answers, too: that is remembered as a state.",
		.type = { "show rules" },
		.hint = "show rules, or in full: fw rule show",
		.tool = &ptfw_tool, .object = "rule", .command = "show",
		.done = "SSH and ping from the LAN are let in to the router. Nothing lets the LAN go out to the web.",
	},
	{
		.title = "Ask the firewall",
		.text = "The laptop wants a page of the web server. What it meets:",
		.tries = true,
		.type = { "fw explain in lan tcp 192.168.1.10:40000 to " WEB ":80" },
		.hint = "`explain` tells the way of a packet without sending it: where it comes in, protocol, from, `to`, whereto. The up arrow "
			"brings a line back.",
		.tool = &ptfw_tool, .object = "explain",
		.done = "The rule `default` decides, in that line of the file: a rule that lets it in is missing.",
	},
	{
		.title = "Configuration mode",
		.text = "Changes are made to a copy of the file, the candidate. Nothing happens before `commit`. The prompt then ends in #, and "
			"there `run` is before commands of this mode.",
		.type = { "configure" },
		.hint = "configure, and Enter. `exit` leads back.",
		.check = is_configuring,
	},
	{
		.title = "Make a rule",
		.text = "Let the LAN go to web servers. In quotes, Tab and the caret under a mistake know the grammar of rules, too.",
		.type = { "set firewall rules \"pass in on lan proto tcp to port http label web\"" },
		.hint = "The rule passes what comes in on lan, with TCP, to port http. `show firewall` shows what the candidate has; `discard` "
			"begins again.",
		.check = passes_web,
		.done = "With this, the laptop would get its page; but nothing is in force yet.",
	},
	{
		.title = "Put it in force, on trial",
		.text = "`compare` shows the change, `commit` puts it in force. With `confirmed` it is undone after so many minutes, unless you "
			"say that it is well: what to do on every machine that is far away.",
		.type = { "compare", "commit confirmed 10" },
		.hint = "commit confirmed 10",
		.check = is_in_force,
		.done = "The laptop gets its page. Above the prompt stands how long the change has.",
	},
	{
		.title = "Confirm it",
		.text = "All is well, and you can still type. Say so with another `commit`.",
		.tries = true,
		.type = { "commit" },
		.hint = "commit, alone; or in operational mode: conf confirm",
		.check = is_confirmed,
		.done = "Now it stays, over a reboot, too.",
	},
	{
		.title = "Break it",
		.text = "You would sit at the laptop, with SSH to the router. Lock yourself out: `quick` ends the search, so nothing below it "
			"counts. Take 20 seconds.",
		.type = { "set firewall rules \"block in quick on lan label oops\"", "commit confirmed 20s" },
		.hint = "First the rule, then commit confirmed 20s. `compare` shows what is not committed yet.",
		.check = is_locked_out,
		.done = "Your session from the laptop would be dead now, and `commit` could not be typed any more.",
	},
	{
		.title = "Do nothing",
		.text = "Nobody confirms it. A guard, a process that needs no terminal, is counting. Wait, or look with `run show status`.",
		.tries = true,
		.hint = "Wait; Enter tells how long it still takes.",
		.check = is_undone,
		.live = true,
		.done = "The laptop is in again: rules, addresses and the file are what they were before.",
	},
	{
		.title = "Leave the broken candidate",
		.text = "What you edit still has the rule. Leave configuration mode, and forget what is not committed.",
		.type = { "exit discard" },
		.hint = "exit discard; `exit` alone wants to know what becomes of changes.",
		.check = is_out,
	},
	{
		.title = "A test that stands guard",
		.text = "What must never break is written into the file as a test. It is proved for all packets, at every commit. `rollback` takes "
			"the text of the last confirmed revision, so that nothing of the broken one is left.",
		.type = { "configure", "rollback", "set test admin expect \"pass in on lan proto tcp to lan port ssh\"", "commit" },
		.hint = "The four lines, one after the other. `run fw test -v` shows what is proved.",
		.check = has_test,
		.done = "From now on, no commit locks the LAN out of SSH.",
	},
	{
		.title = "Try to break it again",
		.text = "The same mistake as before. This time it is not even put in force.",
		.type = { "set firewall rules \"block in quick on lan label oops\"", "commit", "exit discard" },
		.hint = "The first two lines; then leave with exit discard.",
		.check = is_held,
		.done = "Refused, with the line, the packet that proves it and the rule. Nothing has changed. (exit discard leaves.)",
	},
	{
		.title = "See a packet pass",
		.text = "`explain` thinks; `trace` watches real packets. The laptop asks for a page every second: catch one.",
		.type = { "fw trace proto tcp port 80 count 1" },
		.hint = "In operational mode, or with `run` before it. Ctrl-C ends a trace that sees nothing.",
		.tool = &ptfw_tool, .object = "trace",
		.done = "That was a packet, with the rule that decided.",
	},
	{
		.title = "What happened so far",
		.text = "Whatever was put in force is kept, with who did it and what became of it.",
		.type = { "show history" },
		.hint = "show history, or in full: conf history",
		.tool = &ptconf_tool, .object = "history",
		.done = "The one that locked the laptop out was undone by the guard.",
	},
	{
		.title = "Roll back",
		.text = "Any confirmed revision comes back by its number in the column BACK: 1 is the one before the last.",
		.type = { "conf rollback 1" },
		.hint = "In operational mode: exit discard first, if the prompt ends in #. Or in configuration mode: rollback 1, then commit.",
		.check = is_back,
		.done = "The rules are those of before the test, and the history has a new line that says so.",
	},
};

const size_t tutorial_n_steps = PT_ARRAY_SIZE(tutorial_steps);
