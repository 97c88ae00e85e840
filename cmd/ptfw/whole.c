/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file as a whole: check, diff, apply, stop, info, follow. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

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
	static const char *const names[] = { "auto", "bpf", "nft", "linear" };

	*out = PT_ENGINE_AUTO;
	for (size_t i = 0; c->engine && i < PT_ARRAY_SIZE(names); i++)
		if (!strcmp(c->engine, names[i])) {
			*out = (enum pt_engine)i;
			return 0;
		}
	return c->engine ? pt_cli_usage(c, "'%s' is no engine: auto, bpf, nft or linear", c->engine) : 0;
}

int cmd_check(struct pt_cli *c)
{
	enum pt_engine engine;
	struct pt_plan p;
	size_t rules = 0;
	int rc, trial = 0;

	rc = engine_of(c, &engine);
	if (rc)
		return rc;
	rc = pt_plan_offline(c->file, engine, &p, &c->err);
	if (!rc) {
		rules = p.conf->rules.n;
		if (c->kernel)
			trial = pt_plan_trial(&p, &c->err);
		pt_plan_fini(&p);
	}
	if ((rc || trial) && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc ? rc : trial, "checking %s", c->file);
	if (c->json) {
		int wrote = print_diagnostics(c);

		pt_err_fini(&c->err); /* told already */
		if (wrote)
			return wrote;
	} else if (!rc && !trial) {
		pt_cli_say(c, "%s: %zu rules, %s\n", c->file, rules, c->kernel ? "the kernel takes them" : "no errors");
	}
	if (rc && rc != -ENOMEM) /* a file that cannot be read is no configuration either */
		return PT_EXIT_CONFIG;
	return pt_cli_exit(rc ? rc : trial);
}

/* ---- diff and apply ---- */

static void print_operation(const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_out *o = arg;
	struct pt_buf text = { 0 };

	pt_buf_fmt(&text, "%s %s %s", op, kind, name);
	pt_out_rec(o);
	pt_out_str(o, "operation", op);
	pt_out_str(o, "kind", kind);
	pt_out_str(o, "name", name);
	show_text(o, &text);
	pt_out_rec_end(o);
}

static int print_plan(struct pt_cli *c, const struct pt_plan *p)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.diff.v1", "operations");

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", c->file);
	pt_out_top_u64(o, "writes", pt_plan_writes(p));
	pt_plan_walk(p, print_operation, o);
	return pt_cli_end(c, o);
}

/* What is wrong at a place of the file is an error of configuration, whatever its kind. */
static int plan_exit(const struct pt_cli *c, int rc)
{
	bool located = c->err.list.n && c->err.list.v[c->err.list.n - 1].loc.file;

	if (located && (rc == -EPERM || rc == -EACCES || rc == -EBUSY || rc == -EAGAIN))
		return PT_EXIT_CONFIG;
	return rc;
}

/* Plans the file against the kernel and lets USE have it. */
static int with_plan(struct pt_cli *c, int (*use)(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf))
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
	rc = pt_plan_online(c->file, engine, s.nf, s.route, &p, &c->err);
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
	int rc = print_plan(c, p);

	(void)nf;
	return rc ? rc : pt_plan_writes(p) ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_diff(struct pt_cli *c)
{
	return with_plan(c, diff);
}

static int apply(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	size_t writes;
	int rc;

	if (!p->conf->len) { /* of a generator that failed, most likely */
		pt_err_add(&c->err, PT_ERROR, NULL, "to block everything, use `ptfw stop`",
			   "applying %s: it is empty", c->file);
		return PT_EXIT_CONFIG;
	}
	if (c->dry || c->json || c->line || c->verbose) {
		rc = print_plan(c, p);
		if (rc || c->dry)
			return rc;
	}
	rc = pt_plan_apply(p, nf, &writes, &c->err);
	if (rc)
		return rc;
	if (c->json || c->line)
		return 0;
	if (writes)
		pt_cli_say(c, "%s: in force, %zu rules\n", c->file, p->conf->rules.n);
	else
		pt_cli_say(c, "%s: in force already, nothing written\n", c->file);
	if (p->adopted)
		pt_cli_say(c, "%zu connections of this machine go on\n", p->adopted);
	return 0;
}

int cmd_apply(struct pt_cli *c)
{
	return with_plan(c, apply);
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
		pt_cli_say(c, "stopped: %s\n", c->open ? "everything passes" : "everything is blocked but loopback and IPv6 discovery");
	sockets_close(&s);
	return rc;
}

/* ---- info ---- */

static void iso_time(uint64_t seconds, char *out, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	out[0] = '\0';
	if (seconds && gmtime_r(&t, &tm))
		strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

struct info {
	const char *name, *description;
	char host[65], applied[32];
	uint64_t states, max_states;
	size_t rules, tables;
	const struct pt_nft_state *have;
	const char *status;
};

static int print_info(struct pt_cli *c, const struct info *i)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.info.v1", "info");
	struct pt_buf t = { 0 };

	if (!o)
		return -ENOMEM;
	pt_buf_fmt(&t, "System:   %s%s%s\n", i->name, i->description ? ", " : "", i->description ? i->description : "");
	pt_buf_fmt(&t, "Status:   %s\nEngine:   nft, linear\n", i->status);
	pt_buf_fmt(&t, "File:     %s\nDigest:   %s\nApplied:  %s\n", i->have->digest[0] ? i->have->path : "-",
		   i->have->digest[0] ? i->have->digest : "-", i->applied[0] ? i->applied : "-");
	pt_buf_fmt(&t, "Rules:    %zu\nTables:   %zu\nStates:   %llu of %llu", i->rules, i->tables,
		   (unsigned long long)i->states, (unsigned long long)i->max_states);
	pt_out_rec(o);
	pt_out_str(o, "system", i->name);
	pt_out_str(o, "description", i->description);
	pt_out_str(o, "status", i->status);
	pt_out_str(o, "engine", "nft linear");
	pt_out_str(o, "file", i->have->digest[0] ? i->have->path : NULL);
	pt_out_str(o, "digest", i->have->digest[0] ? i->have->digest : NULL);
	pt_out_str(o, "applied", i->applied[0] ? i->applied : NULL);
	pt_out_u64(o, "rules", i->rules);
	pt_out_u64(o, "tables", i->tables);
	pt_out_u64(o, "states", i->states);
	pt_out_u64(o, "states_limit", i->max_states);
	show_text(o, &t);
	pt_out_rec_end(o);
	return pt_cli_end(c, o);
}

static const char *status_of(const struct pt_nft_state *s)
{
	if (!s->present)
		return "not loaded";
	if (s->digest[0])
		return "in force";
	return strcmp(s->path, PT_NFT_OPEN) ? "stopped" : "open";
}

/* Fills I from the kernel and, where there is one, the applied file in P. */
static int gather_info(struct info *i, struct pt_nl *nf, const struct pt_plan *p, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	const char **names;
	int rc;

	if (!a)
		return -ENOMEM;
	if (gethostname(i->host, sizeof(i->host) - 1))
		strncpy(i->host, "?", sizeof(i->host) - 1);
	i->name = p->conf && p->conf->system_name ? p->conf->system_name : i->host;
	i->description = p->conf ? p->conf->description : NULL;
	i->rules = p->conf ? p->conf->rules.n : 0;
	i->status = status_of(i->have);
	if (i->have->digest[0])
		iso_time(i->have->applied, i->applied, sizeof(i->applied));
	rc = pt_ct_count(nf, &i->states, &i->max_states, e);
	if (!rc && i->have->present) {
		rc = pt_nft_table_list(nf, a, &names, &i->tables, e);
		if (rc == -ENOENT)
			rc = 0;
	}
	pt_arena_free(a);
	return rc;
}

int cmd_info(struct pt_cli *c)
{
	struct pt_nft_state *have = NULL;
	struct pt_plan p = { 0 };
	struct info i = { 0 };
	struct sockets s;
	int rc;

	rc = sockets_open(&s, &c->err);
	if (!rc)
		rc = pt_nft_read_for(s.nf, NULL, &have, &c->err);
	if (!rc) {
		i.have = have;
		rc = applied_or_none(s.nf, &p, &c->err); /* no file in force: the rest is still worth knowing */
	}
	if (!rc)
		rc = gather_info(&i, s.nf, &p, &c->err);
	if (!rc)
		rc = print_info(c, &i);
	pt_plan_fini(&p);
	pt_nft_state_free(have);
	sockets_close(&s);
	return rc;
}

/* ---- follow ---- */

static void say_updated(size_t n, void *arg)
{
	pt_cli_say(arg, "addresses changed: %zu writes\n", n);
	fflush(stdout); /* a journal wants it now */
}

static void say_failed(const struct pt_err *why, void *arg)
{
	pt_cli_report(arg, why);
}

int cmd_follow(struct pt_cli *c)
{
	const struct pt_follower who = { say_updated, say_failed, c };
	struct sockets s;
	sigset_t set;
	int fd, rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return pt_err_sys(&c->err, -errno, "preparing for signals");
	rc = sockets_open(&s, &c->err);
	if (!rc)
		rc = pt_plan_follow(s.nf, s.route, fd, &who, &c->err);
	sockets_close(&s);
	close(fd);
	return rc;
}
