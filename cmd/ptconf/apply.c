/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting a configuration in force, for good or until somebody confirms it: a file, or a revision of before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptconf.h"

#define PROBE_WINDOW 30          /* seconds, where --probe has no --confirm beside it */
#define PROBE_MARGIN_NS 500000000u /* the last question ends before the guard begins */

struct request {
	const char *comment;
	uint32_t window;
	struct probe *probes;
	struct pt_revision revision;
	size_t writes;
	bool again;                  /* a revision of before */
};

static int window_of(struct pt_cli *c, uint32_t *out)
{
	*out = c->probes.n ? PROBE_WINDOW : 0;
	if (c->confirm && (pt_parse_duration(c->confirm, out) || *out > PT_WINDOW_MAX))
		return pt_cli_usage(c, "--confirm %s: give a time of at most a day, such as 120 or 5m", c->confirm);
	if (c->strict && !*out)
		return pt_cli_usage(c, "--strict goes with --confirm: say for how long");
	if (c->strict && c->probes.n)
		return pt_cli_usage(c, "--strict wants a confirmation from another session, --probe confirms by itself: give one of them");
	return 0;
}

/* ---- what is told ---- */

static void put_operation(const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_out *o = arg;

	pt_out_rec(o);
	pt_out_str(o, "operation", op);
	pt_out_str(o, "kind", kind);
	pt_out_str(o, "name", name);
	pt_out_rec_end(o);
}

static const char *outcome(const struct request *r, bool undone)
{
	if (!r->revision.number)
		return "unchanged";
	if (undone)
		return "undone";
	return r->window && !r->probes ? "pending" : "confirmed";
}

static int print_json(struct pt_cli *c, const struct request *r, bool undone)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_JSON, "patronus.change.v1", "operations");

	if (!o)
		return -ENOMEM;
	pt_out_top_u64(o, "revision", r->revision.number);
	pt_out_top_str(o, "state", outcome(r, undone));
	pt_out_top_u64(o, "window", r->window);
	pt_out_top_u64(o, "writes", r->writes);
	return pt_cli_end(c, o);
}

/* What became of change W, or that there was none: no operation of its own, and a revision in force again. */
static int print_end(struct pt_cli *c, const struct pt_window *w, const char *state)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_JSON, "patronus.change.v1", "operations");

	if (!o)
		return -ENOMEM;
	pt_out_top_u64(o, "revision", w ? w->revision : 0);
	pt_out_top_str(o, "state", w ? state : "unchanged");
	pt_out_top_u64(o, "window", w ? w->seconds : 0);
	pt_out_top_u64(o, "writes", 0);
	if (w && !strcmp(state, "undone"))
		pt_out_top_u64(o, "again", w->base);
	return pt_cli_end(c, o);
}

static void tell(struct pt_cli *c, const struct pt_texts *t, const struct request *r)
{
	if (!r->revision.number)
		pt_cli_say(c, "%s: in force and confirmed already, nothing written\n", t->name);
	else if (r->window && !r->probes)
		pt_cli_say(c, "%s: in force as r%u; it is undone in %u s unless you say `ptconf confirm`%s\n", t->name,
			   r->revision.number, r->window, r->revision.strict ? " in another session" : "");
	else
		pt_cli_say(c, "%s: in force and confirmed as r%u\n", t->name, r->revision.number);
}

/* ---- the change ---- */

static int print_planned(struct pt_cli *c, const struct pt_whole *w)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TABLE, "patronus.diff.v1", "operations");

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", w->texts->name);
	pt_out_top_u64(o, "writes", pt_whole_writes(w));
	pt_whole_walk(w, put_operation, o);
	return pt_cli_end(c, o);
}

/* What was in force before comes back whatever its tests say. */
static int tests_hold(struct pt_cli *c, struct pt_plan *p, struct pt_nl *nf)
{
	bool hold;
	int rc = pt_expect_hold(p, PT_EXPECT_APPLIED, nf, c->force, &hold, &c->err);

	return rc ? rc : hold ? 0 : PT_EXIT_NO;
}

static int change(struct change_session *s, const struct pt_texts *t, struct request *r)
{
	struct pt_whole w = { .nf = s->change.nf, .route = s->change.route, .texts = t, .again = r->again };
	struct pt_change_how how = { .comment = r->comment, .window = r->window, .strict = s->cli->strict,
					   .probes = r->probes != NULL, .force = s->cli->force };
	struct file_lock lock = { .fd = -1 };
	struct pt_cli *c = s->cli;
	int rc;

	rc = pt_whole_plan(&w, &c->err);
	if (rc)
		return plan_exit(c, rc);
	if (candidate_given())
		rc = candidate_begin(c, &lock, &how);
	if (rc)
		goto out;
	rc = r->again ? 0 : tests_hold(c, pt_whole_firewall(&w), s->change.nf);
	if (!rc && c->dry)
		rc = print_planned(c, &w);
	else if (!rc)
		rc = pt_change_apply(&s->change, &w, &how, &r->revision, &r->writes, &c->err);
	candidate_end(c, &lock, rc);
out:
	pt_whole_fini(&w);
	return rc;
}

/* ---- probes ---- */

/* Our change still waits for its confirmation. PT_EXIT_TIME: it does not, whatever became of it. */
static int still_waits(struct change_session *s, const struct request *r, struct pt_window *w, bool *undone)
{
	struct pt_cli *c = s->cli;
	int rc = pt_window_read(s->state, w, &c->err);

	if (!rc && w->revision != r->revision.number) {
		pt_err_add(&c->err, PT_ERROR, NULL, "see `ptconf history` for what became of it", "r%u waits no more", r->revision.number);
		*undone = true;
		return PT_EXIT_TIME;
	}
	return rc;
}

static int probe(struct change_session *s, struct request *r, bool *undone)
{
	struct pt_cli *c = s->cli;
	struct pt_window w, was;
	const char *which = NULL;
	bool answered;
	int rc;

	rc = still_waits(s, r, &w, undone);
	if (rc)
		return rc;
	answered = probes_run(r->probes, w.deadline - PROBE_MARGIN_NS, &which);
	rc = session_begin(s);
	if (rc)
		return rc;
	/* Somebody may have confirmed or undone it meanwhile, or put another one in its place: that is none of ours. */
	rc = still_waits(s, r, &w, undone);
	if (rc) {
		session_end(s);
		return rc;
	}
	if (answered)
		rc = pt_change_confirm(&s->change, "probe", &was, &c->err);
	else
		rc = pt_change_undo(&s->change, "probe", which, &was, &c->err);
	*undone = !answered || rc == -ENOENT;
	session_end(s);
	if (!answered)
		pt_err_add(&c->err, PT_ERROR, NULL, "mend the file, then apply it again",
			   "no answer to the probe \"%s\": r%u is undone", which, r->revision.number);
	return *undone ? PT_EXIT_TIME : rc;
}

/* ---- the command ---- */

static int run(struct change_session *s, struct request *r, int (*read)(struct change_session *s, struct pt_texts *t, struct request *r))
{
	struct pt_cli *c = s->cli;
	struct pt_texts t = { 0 };
	bool undone = false;
	int rc = 0;

	if (r->window && !c->dry) /* before anything takes memory */
		rc = guard_start(s, &s->guard, &c->err);
	if (!rc)
		rc = session_begin(s);
	if (rc)
		return rc;
	rc = read(s, &t, r);
	if (!rc)
		rc = change(s, &t, r);
	session_end(s);
	if (!rc && !c->dry && r->probes && r->revision.number)
		rc = probe(s, r, &undone);
	if (!rc && c->json && !c->dry)
		rc = print_json(c, r, undone);
	else if (!rc && !c->dry)
		tell(c, &t, r);
	pt_texts_fini(&t);
	return rc;
}

static int with_session(struct pt_cli *c, struct request *r, int (*read)(struct change_session *s, struct pt_texts *t, struct request *r))
{
	struct change_session s;
	int rc;

	rc = window_of(c, &r->window);
	if (!rc)
		rc = probes_parse(c, &r->probes);
	if (!rc)
		rc = session_open(c, &s);
	if (!rc) {
		rc = run(&s, r, read);
		session_close(&s);
	}
	probes_free(r->probes);
	return rc;
}

static int read_file(struct change_session *s, struct pt_texts *t, struct request *r)
{
	r->comment = s->cli->comment;
	return candidate_given() ? texts_of_candidate(s->cli, t) : texts_of_file(s->cli, t);
}

int cmd_apply(struct pt_cli *c)
{
	struct request r = { 0 };

	return with_session(c, &r, read_file);
}

static int read_back(struct change_session *s, struct pt_texts *t, struct request *r)
{
	static char comment[200];
	uint32_t number;
	int rc = texts_of_revision(s->cli, s->state, s->cli->argc ? s->cli->argv[0] : "0", t, &number);

	snprintf(comment, sizeof(comment), "%s", s->cli->comment ? s->cli->comment : "");
	if (!rc && !*comment)
		snprintf(comment, sizeof(comment), "back to r%u", number);
	r->comment = comment;
	r->again = true;
	return rc;
}

/* Without a number, the change that waits is undone; where none does, the last confirmed revision is put in force again. */
static int undo_pending(struct pt_cli *c, bool *done)
{
	struct change_session s;
	struct pt_window w;
	int rc = session_open(c, &s);

	*done = false;
	if (rc)
		return rc;
	rc = session_begin(&s);
	if (!rc) {
		rc = pt_window_read(s.state, &w, &c->err);
		*done = !rc && w.revision && !w.switching;
		if (*done)
			rc = pt_change_undo(&s.change, s.change.author.user, "rollback", &w, &c->err);
		session_end(&s);
	}
	session_close(&s);
	if (!rc && *done && c->json)
		rc = print_end(c, &w, "undone");
	else if (!rc && *done && w.base)
		pt_cli_say(c, "r%u undone: r%u is in force again\n", w.revision, w.base);
	else if (!rc && *done)
		pt_cli_say(c, "r%u undone: all is as before it\n", w.revision);
	return rc;
}

int cmd_rollback(struct pt_cli *c)
{
	struct request r = { 0 };
	bool done = false;
	int rc = 0;

	if (!c->argc && !c->dry)
		rc = undo_pending(c, &done);
	return rc || done ? rc : with_session(c, &r, read_back);
}

int cmd_confirm(struct pt_cli *c)
{
	struct change_session s;
	struct pt_window w;
	int rc = session_open(c, &s);

	if (rc)
		return rc;
	c->force = true; /* whoever is at work on the file does not keep others from confirming what is in force */
	rc = session_begin(&s);
	if (!rc) {
		rc = pt_change_confirm(&s.change, s.change.author.user, &w, &c->err);
		session_end(&s);
	}
	session_close(&s);
	if (!rc && c->json)
		rc = print_end(c, &w, "confirmed");
	else if (!rc)
		pt_cli_say(c, "r%u confirmed\n", w.revision);
	if (rc != -ENOENT)
		return rc;
	rc = c->json ? print_end(c, NULL, "") : 0;
	return rc ? rc : PT_EXIT_NO;
}
