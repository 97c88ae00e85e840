/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drift: what somebody else changed of what is in force. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/drift.h>

#include "ptconf.h"

static void put_item(struct pt_out *o, const struct pt_drift_item *i)
{
	pt_out_str(o, "subsystem", i->subsystem);
	pt_out_str(o, "change", pt_drift_change_name(i->change));
	pt_out_str(o, "kind", i->kind);
	pt_out_str(o, "name", i->name);
	pt_out_str(o, "text", i->text);
}

/* ---- once ---- */

static int show_all(struct pt_cli *c, struct pt_drift *d)
{
	const struct pt_drift_item *items;
	struct pt_out *o;
	size_t n;
	int rc = pt_drift_compare(d, &items, &n, &c->err);

	if (rc)
		return rc;
	o = pt_cli_out(c, PT_OUT_TEXT, "patronus.drift.v1", "differences");
	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", pt_drift_file(d));
	pt_out_top_str(o, "digest", pt_drift_digest(d));
	for (size_t i = 0; i < n; i++) {
		pt_out_rec(o);
		put_item(o, &items[i]);
		pt_out_text(o, items[i].text);
		pt_out_rec_end(o);
	}
	rc = pt_cli_end(c, o);
	if (!rc && !n && !c->json && !c->line)
		pt_cli_say(c, "%s: the kernel has what was applied\n", pt_drift_file(d));
	return rc ? rc : n ? PT_EXIT_NO : PT_EXIT_OK;
}

/* ---- as it comes ---- */

struct watching {
	struct pt_cli *c;
	struct pt_out *out;
};

static void say_ready(void *arg)
{
	struct watching *w = arg;

	if (pt_out_format(w->out) != PT_OUT_JSONL)
		pt_cli_say(w->c, "watching what is in force\n");
	fflush(stdout);
}

static void show_event(const struct pt_drift_event *v, void *arg)
{
	struct watching *w = arg;
	struct pt_buf text = { 0 };
	time_t t = (time_t)v->time;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pt_buf_fmt(&text, "%s %s%s", when, v->restored ? "as it should be again: " : "", v->item.text);
	if (v->pid)
		pt_buf_fmt(&text, ", by %s[%d]", *v->process ? v->process : "process ", v->pid);
	pt_out_fail(w->out, text.err);
	pt_out_rec(w->out);
	pt_out_str(w->out, "time", when);
	put_item(w->out, &v->item);
	pt_out_bool(w->out, "restored", v->restored);
	if (v->pid) {
		pt_out_u64(w->out, "pid", (uint64_t)v->pid);
		pt_out_str(w->out, "process", *v->process ? v->process : NULL);
	} else {
		pt_out_null(w->out, "pid");
		pt_out_null(w->out, "process");
	}
	pt_out_text(w->out, text.s ? text.s : "");
	pt_out_rec_end(w->out);
	(void)pt_out_flush(w->out);
	pt_buf_fini(&text);
}

static void say_failed(const struct pt_err *why, void *arg)
{
	struct watching *w = arg;

	pt_cli_report(w->c, why);
}

static int watch(struct pt_cli *c, struct pt_drift *d)
{
	struct watching w = { .c = c };
	const struct pt_drift_watcher who = { say_ready, show_event, say_failed, &w };
	int fd, rc, end;

	fd = pt_cli_signals(c);
	if (fd < 0)
		return fd;
	w.out = pt_cli_monitor(c, "patronus.drift.v1", "differences");
	if (!w.out) {
		close(fd);
		return -ENOMEM;
	}
	rc = pt_drift_watch(d, fd, &who, &c->err);
	end = pt_cli_end(c, w.out);
	close(fd);
	return rc ? rc : end;
}

int cmd_drift(struct pt_cli *c)
{
	struct pt_nl *nf = NULL, *route = NULL;
	struct pt_drift *d = NULL;
	char state[PATH_MAX];
	int rc = state_folder(c, state);

	if (!rc)
		rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (!rc)
		rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = pt_drift_open(state, nf, route, &d, &c->err);
	if (!rc)
		rc = c->watch ? watch(c, d) : show_all(c, d);
	else if (rc == -ENOENT)
		rc = PT_EXIT_CONFIG;
	pt_drift_close(d);
	pt_nl_close(nf);
	pt_nl_close(route);
	return rc;
}
