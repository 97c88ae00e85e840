/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file as a whole: check, apply, stop, follow. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <patronus/change.h>

#include "ptfw.h"

/* ---- check ---- */

static int print_diagnostics(struct pt_cli *c)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_JSON, "patronus.check.v1", "diagnostics");

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", c->file);
	pt_out_top_u64(o, "errors", c->err.n_errors);
	pt_out_top_u64(o, "warnings", c->err.n_warnings);
	for (size_t i = 0; i < c->err.list.n; i++) {
		const struct pt_diag *d = &c->err.list.v[i];

		pt_out_rec(o);
		pt_out_str(o, "severity", d->sev == PT_ERROR ? "error" : "warning");
		pt_out_str(o, "message", d->msg);
		pt_out_str(o, "hint", d->hint);
		pt_out_str(o, "file", d->loc.file);
		pt_out_u64(o, "line", d->loc.line);
		pt_out_u64(o, "column", d->loc.col);
		pt_out_u64(o, "length", d->loc.len);
		pt_out_str(o, "source", d->source);
		pt_out_rec_end(o);
	}
	return pt_cli_end(c, o);
}

/* The engine that is asked for; a usage error. */
static int engine_of(struct pt_cli *c, enum pt_engine *out)
{
	*out = PT_ENGINE_AUTO;
	for (size_t i = 0; c->engine && i <= PT_ENGINE_LINEAR; i++)
		if (!strcmp(c->engine, engine_name((enum pt_engine)i))) {
			*out = (enum pt_engine)i;
			return 0;
		}
	return c->engine ? pt_cli_usage(c, "'%s' is no engine: auto, bpf, nft or linear", c->engine) : 0;
}

static const char *file_name(const struct pt_cli *c)
{
	return strcmp(c->file, "-") ? c->file : "standard input";
}

/* Who names no file may not know which one is read. */
static void missing_file(struct pt_cli *c, int rc)
{
	static char hint[] = "make it, or name a file with -f";
	struct pt_diag *last = c->err.list.n ? &c->err.list.v[c->err.list.n - 1] : NULL;

	if (rc == -ENOENT && last && !last->hint && !(c->given & PT_CLI_FILE))
		last->hint = hint;
}

/* Anchor rules before the written rule number AST; how many they are with those of before. */
static size_t print_places(const struct pt_policy *p, size_t places, uint32_t ast)
{
	for (; places < p->places.n && p->places.v[places].ast < ast; places++)
		printf("%*s%s\n", 2 * (int)p->places.v[places].depth, "", p->places.v[places].text);
	return places;
}

/* The rules of the file with their macros written out; one that stands for several is one. */
static int print_rules(const struct pt_policy *p)
{
	struct pt_arena *arena = pt_arena_new();
	const struct pt_pol_rule **order = arena ? rules_as_written(p, arena) : NULL, *last = NULL;
	size_t places = 0;

	for (size_t i = 0; order && i < p->rules.n; last = order[i++]) {
		const struct pt_pol_rule *r = order[i];

		if (r->ast == PT_POL_BUILTIN || (last && last->ast == r->ast))
			continue;
		places = print_places(p, places, r->ast); /* printable, and longer than a message */
		printf("%*s%s\n", 2 * depth_in_places(p, places, r->ast), "", r->text);
	}
	if (order)
		(void)print_places(p, places, PT_POL_BUILTIN);
	pt_arena_free(arena);
	return order ? 0 : -ENOMEM;
}

int cmd_check(struct pt_cli *c)
{
	enum pt_engine engine;
	struct pt_plan p;
	size_t rules = 0;
	int rc, trial = 0, tests = 0;

	rc = engine_of(c, &engine);
	if (rc)
		return rc;
	rc = pt_plan_offline(c->file, engine, &p, &c->err);
	if (!rc) {
		rules = p.conf->rules.n;
		if (c->verbose && !c->json && !c->quiet)
			rc = print_rules(p.policy);
		if (!rc)
			rc = pt_plan_queues(p.conf, &c->err);
		if (!rc && c->kernel)
			trial = pt_plan_trial(&p, &c->err);
		if (!rc && !trial)
			tests = tests_hold(c, &p, PT_EXPECT_WRITTEN, NULL);
		pt_plan_fini(&p);
	}
	missing_file(c, rc);
	if ((rc || trial) && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc ? rc : trial, "checking %s", file_name(c));
	if (c->json) {
		int wrote = print_diagnostics(c);

		pt_err_fini(&c->err); /* told already */
		if (wrote)
			return wrote;
	} else if (!rc && !trial && !tests) {
		pt_cli_say(c, "%s: %zu rule%s, %s\n", file_name(c), rules, pt_plural(rules),
			   c->kernel ? "the kernel takes them" : "no errors");
	}
	if (rc && rc != -ENOMEM) /* a file that cannot be read is no configuration either */
		return PT_EXIT_CONFIG;
	if (rc || trial || tests < 0)
		return pt_cli_exit(rc ? rc : trial ? trial : tests);
	return tests;
}

/* ---- diff and apply ---- */

/* What is wrong at a place of the file is an error of configuration, whatever its kind; so is a file that
 * is not there. */
static int plan_exit(struct pt_cli *c, int rc)
{
	bool located = c->err.list.n && c->err.list.v[c->err.list.n - 1].loc.file;

	missing_file(c, rc);
	if (rc == -ENOENT)
		return PT_EXIT_CONFIG;
	if (located && (rc == -EPERM || rc == -EACCES || rc == -EBUSY || rc == -EAGAIN))
		return PT_EXIT_CONFIG;
	return rc;
}

/* Plans the file against the kernel and lets USE have it. */
static int with_plan(struct pt_cli *c, bool soon, int (*use)(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf))
{
	enum pt_engine engine;
	struct sockets s;
	struct pt_plan p;
	int rc;

	rc = engine_of(c, &engine);
	if (!rc)
		rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_plan_online(c->file, engine, soon, s.nf, s.route, &p, &c->err);
	if (!rc && soon) {
		rc = pt_plan_queues(p.conf, &c->err);
		if (rc)
			pt_plan_fini(&p);
	}
	if (rc) {
		rc = plan_exit(c, rc);
	} else {
		rc = use(c, &p, s.nf);
		pt_plan_fini(&p);
	}
	sockets_close(&s);
	return rc;
}

static int diff(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	int rc = print_plan(c, p, nf);

	return rc ? rc : pt_plan_writes(p) ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_diff(struct pt_cli *c)
{
	if (c->meaning)
		return c->given & (PT_CLI_ENGINE | PT_CLI_VERBOSE | PT_CLI_DETAILS) ?
			       pt_cli_usage(c, "--meaning is about packets: --engine, -v and -d say nothing of them") :
			       diff_meaning(c);
	if (c->argc)
		return pt_cli_usage(c, "two files are compared with --meaning; without it, -f FILE to the kernel");
	return with_plan(c, false, diff);
}

/* Addresses that leave their tables, one line a table: an apply takes back what was added at run time. */
static void note_removed(const char *op, struct pt_buf *text, void *arg)
{
	if (!strcmp(op, "delete") && text->s)
		pt_buf_fmt(arg, "removed: %s\n", text->s);
}

/* Not an error: it may come, with the next line plugged in. But a wrong name looks the same. */
static void tell_absent(struct pt_cli *c, const struct pt_plan *p)
{
	for (size_t i = 0; i < p->conf->interfaces.n; i++) {
		const struct pt_conf_if *f = &p->conf->interfaces.v[i];
		bool there = false;

		for (size_t k = 0; !there && k < p->host->ifs.n; k++)
			there = !strcmp(p->host->ifs.v[k].device, f->device);
		if (!there)
			pt_cli_say(c, "interface %s: there is no device '%s' yet\n", f->name, f->device);
	}
}

static void tell_in_force(struct pt_cli *c, size_t rules, bool written)
{
	if (written)
		pt_cli_say(c, "%s: in force, %zu rule%s\n", file_name(c), rules, pt_plural(rules));
	else
		pt_cli_say(c, "%s: in force already, nothing written\n", file_name(c));
}

static void tell_applied(struct pt_cli *c, const struct pt_plan *p, size_t writes, struct pt_buf *removed)
{
	if (writes && c->verbose)
		pt_cli_say(c, "%s: in force, %zu rule%s, engine %s\n", file_name(c), p->conf->rules.n,
			   pt_plural(p->conf->rules.n), engine_name(p->engine));
	else
		tell_in_force(c, p->conf->rules.n, writes);
	if (c->verbose && p->engine_why)
		pt_cli_say(c, "not the classifier: %s\n", p->engine_why);
	for (char *rest = removed->s, *line; rest && (line = strsep(&rest, "\n")) && *line;)
		pt_cli_say(c, "%s", line);
	anchor_tell_idle(c, p, NULL);
	if (p->host)
		tell_absent(c, p);
	if (p->adopted)
		pt_cli_say(c, p->adopted == 1 ? "%zu connection of this machine goes on\n" :
						"%zu connections of this machine go on\n", p->adopted);
}

static int refuse_empty(struct pt_cli *c, const struct pt_plan *p)
{
	if (p->conf->len)
		return 0;
	/* Of a generator that failed, most likely. */
	pt_err_add(&c->err, PT_ERROR, NULL, "to block everything, use `ptfw stop`", "applying %s: it is empty",
		   file_name(c));
	return PT_EXIT_CONFIG;
}

/* Rules that ptconf applied and that wait for their confirmation are not changed below it: the way back would be another one. */
static int refuse_window(struct pt_cli *c)
{
	char state[PATH_MAX];

	if (c->netns && strchr(c->netns, '/')) /* such a namespace has no state folder of its own */
		return 0;
	return pt_cli_state(c, state) ? PT_EXIT_CONFIG : pt_window_refuse(state, &c->err);
}

static bool window_waits(struct pt_cli *c)
{
	char state[PATH_MAX];
	struct pt_window w;

	if (c->netns && strchr(c->netns, '/'))
		return false;
	return c->state || pt_cli_state(c, state) || pt_window_open(state, &w);
}

/* Nothing is changed by a file that is empty or that is not what its own tests say. */
static int refuse(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	int rc = refuse_empty(c, p);

	return rc ? rc : tests_hold(c, p, PT_EXPECT_APPLIED, nf);
}

static int apply(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	struct pt_buf removed = { 0 };
	size_t writes;
	int rc;

	rc = refuse(c, p, nf);
	if (!rc && !c->dry)
		rc = refuse_window(c);
	if (rc)
		return rc;
	if (c->dry || c->json || c->line || c->verbose) {
		rc = print_plan(c, p, nf);
		if (rc || c->dry)
			return rc;
	}
	contents_walk(p, note_removed, &removed);
	rc = pt_plan_apply(p, nf, &writes, &c->err);
	if (!rc && !c->json && !c->line)
		tell_applied(c, p, writes, &removed);
	pt_buf_fini(&removed);
	return rc;
}

/* The file that was in force before tells which rules are unchanged. */
static int apply_enforced(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	struct pt_plan before;
	int rc;

	rc = applied_or_none(nf, &before, &c->err);
	if (!rc)
		rc = c->dry ? refuse(c, p, nf) : apply(c, p, nf);
	if (!rc)
		rc = enforce(c, p, before.policy, nf);
	pt_plan_fini(&before);
	return rc;
}

/* Who is to see what would be done, or what was, gets it of the apply of all. */
static bool is_brief(const struct pt_cli *c)
{
	return !c->dry && !c->json && !c->line && !c->verbose && !c->enforce;
}

/* Where a rule was changed, or nothing, that alone. */
static int apply_patch(struct pt_cli *c, bool *done)
{
	struct pt_patched what = { 0 };
	enum pt_engine engine;
	struct sockets s;
	struct pt_plan p;
	int rc = engine_of(c, &engine);

	if (!rc)
		rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_plan_patch(c->file, engine, s.nf, s.route, &p, &what, &c->err);
	*done = what.done;
	if (!rc && what.done) {
		tell_in_force(c, what.rules, what.written);
		tell_absent(c, &p);
		pt_plan_fini(&p);
	}
	sockets_close(&s);
	return rc;
}

int cmd_apply(struct pt_cli *c)
{
	bool done = false;
	int rc = 0;

	if (is_brief(c) && !window_waits(c))
		rc = apply_patch(c, &done);
	return rc || done ? rc : with_plan(c, !c->dry, c->enforce ? apply_enforced : apply);
}

/* Who stops the firewall while a change waits may think that it stays so. */
static void tell_window(struct pt_cli *c)
{
	char state[PATH_MAX], when[32] = "when it is in force";
	struct pt_window w;
	struct pt_buf who = { 0 };
	int64_t left;

	if ((c->netns && strchr(c->netns, '/')) || pt_cli_state(c, state) || !pt_window_open(state, &w) || !w.seconds)
		return;
	left = pt_window_left(&w) / 1000000000;
	if (!w.switching)
		snprintf(when, sizeof(when), "in %lld s", (long long)(left > 0 ? left : 0));
	pt_author_fmt(&who, &w.author);
	if (w.base)
		pt_err_add(&c->err, PT_WARNING, NULL, "`ptconf rollback` does it now; `ptconf confirm` leaves the firewall stopped",
			   "revision r%u of %s waits for its confirmation: %s r%u is put in force, and the firewall is no longer stopped",
			   w.revision, who.s ? who.s : "somebody", when, w.base);
	else
		pt_err_add(&c->err, PT_WARNING, NULL, "`ptconf rollback` does it now; `ptconf confirm` leaves the firewall stopped",
			   "revision r%u of %s waits for its confirmation: %s all is as before it, and the firewall is no longer stopped",
			   w.revision, who.s ? who.s : "somebody", when);
	pt_buf_fini(&who);
}

int cmd_stop(struct pt_cli *c)
{
	struct sockets s;
	size_t writes;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (rc)
		return rc;
	rc = pt_plan_stop(c->open, s.nf, &writes, &c->err);
	if (!rc)
		pt_cli_say(c, "stopped: %s\n", c->open ? "everything passes" : "everything is blocked but loopback, IPv6 discovery and what `boot` of the file admits");
	if (!rc)
		tell_window(c);
	sockets_close(&s);
	return rc;
}

/* ---- follow ---- */

static void say_updated(size_t n, void *arg)
{
	pt_cli_say(arg, "addresses changed: %zu write%s\n", n, pt_plural(n));
	fflush(stdout); /* a journal wants it now */
}

static void say_failed(const struct pt_err *why, void *arg)
{
	pt_cli_report(arg, why);
}

static void say_ended(struct pt_addr source, size_t n, void *arg)
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, source);
	pt_cli_say(arg, "too many connections of %s: %zu state%s ended\n", b.s ? b.s : "a source", n, pt_plural(n));
	pt_buf_fini(&b);
	fflush(stdout);
}

static void say_undone(uint32_t revision, void *arg)
{
	pt_cli_say(arg, "r%u was not confirmed, and its guard was gone: what was before it is in force again\n", revision);
	fflush(stdout);
}

int cmd_follow(struct pt_cli *c)
{
	struct pt_follower who = { .updated = say_updated, .failed = say_failed, .ended = say_ended, .undone = say_undone, .arg = c };
	char state[PATH_MAX];
	struct sockets s;
	int fd, rc;

	if (c->argc && strcmp(c->argv[0], "kept") != 0)
		return pt_cli_usage(c, "'%s' is not 'kept'", c->argv[0]);
	who.names_kept = c->argc;
	if (!(c->netns && strchr(c->netns, '/')) && !pt_cli_state(c, state)) /* such a namespace has no state folder of its own */
		who.state = state;
	fd = pt_cli_signals(c);
	if (fd < 0)
		return fd;
	rc = sockets_open(&s, &c->err);
	if (!rc) {
		pt_cli_say(c, "following the interfaces: their addresses in rules, and the classifier on new ones; and %s\n",
			   who.names_kept ? "what is kept of names of hosts" : "the names of hosts");
		fflush(stdout);
	}
	if (!rc)
		rc = pt_plan_follow(s.nf, s.route, fd, &who, &c->err);
	sockets_close(&s);
	close(fd);
	return rc;
}

int complete_follow(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	(void)c;
	if (n == 0)
		word("kept", arg);
	return 0;
}

int cmd_name_follow(struct pt_cli *c)
{
	const struct pt_follower who = { .failed = say_failed, .arg = c };
	struct pt_nl *nf;
	int fd = pt_cli_signals(c), rc;

	if (fd < 0)
		return fd;
	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (!rc) {
		pt_cli_say(c, "asking for the names of hosts in the rules\n");
		fflush(stdout);
		rc = pt_plan_names_follow(nf, fd, &who, &c->err);
		pt_nl_close(nf);
	}
	close(fd);
	return rc;
}
