/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States as they come, change and go: a line, or an object, each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

struct following {
	struct states st;
	struct state_view view;
	struct pt_nl *events;
	int fd_stop;
};

static const char *const names[] = { "new", "update", "destroy" };

/* "2026-11-21T13:14:15.123Z"; for people, the time of day here. */
static void time_text(struct pt_buf *b, uint64_t now, bool full)
{
	time_t t = (time_t)(now / 1000000000);
	char text[32] = "";
	struct tm tm;

	if (full ? gmtime_r(&t, &tm) : localtime_r(&t, &tm))
		(void)strftime(text, sizeof(text), full ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	pt_buf_fmt(b, "%s.%03u%s", text, (unsigned int)(now / 1000000 % 1000), full ? "Z" : "");
}

/* What went through a state that is gone. */
static void end_of_life(struct pt_buf *b, const struct pt_ct_entry *ct)
{
	if (ct->start && ct->stop > ct->start)
		pt_buf_fmt(b, "  after %llus", (unsigned long long)(ct->stop - ct->start) / 1000000000);
	if (ct->has_counters)
		pt_buf_fmt(b, "  packets %llu:%llu  bytes %llu:%llu", (unsigned long long)ct->packets[0],
			   (unsigned long long)ct->packets[1], (unsigned long long)ct->bytes[0],
			   (unsigned long long)ct->bytes[1]);
}

static void event_text(struct following *f, enum pt_ct_what what, const struct pt_ct_entry *ct)
{
	struct state_view *v = &f->view;

	v->text.n = 0;
	time_text(&v->text, v->now, false);
	pt_buf_fmt(&v->text, " %-7s ", names[what]);
	state_line(v, ct, &v->text);
	if (what == PT_CT_WENT)
		end_of_life(&v->text, ct);
	if (v->c->details)
		state_details(v, ct, &v->text);
	pt_out_fail(v->o, v->text.err);
	pt_out_text(v->o, v->text.s);
}

static void event_keys(struct following *f, const char *event)
{
	struct pt_buf time = { 0 };

	time_text(&time, f->view.now, true);
	pt_out_str(f->view.o, "schema", "patronus.state-event.v1");
	pt_out_str(f->view.o, "event", event);
	show_key(f->view.o, "time", &time);
}

static int on_event(enum pt_ct_what what, const struct pt_ct_entry *ct, void *arg)
{
	struct following *f = arg;

	f->view.now = f->st.f.now = clock_now(CLOCK_REALTIME);
	if (!pt_ct_match(&f->st.f, ct))
		return 0;
	pt_out_rec(f->view.o);
	if (pt_out_format(f->view.o) == PT_OUT_TEXT) {
		event_text(f, what, ct);
	} else {
		event_keys(f, names[what]);
		state_keys(&f->view, ct);
	}
	pt_out_rec_end(f->view.o);
	return pt_out_failed(f->view.o);
}

static int on_lost(uint64_t n, void *arg)
{
	struct following *f = arg;
	struct pt_buf text = { 0 };

	f->view.now = clock_now(CLOCK_REALTIME);
	pt_out_rec(f->view.o);
	if (pt_out_format(f->view.o) != PT_OUT_TEXT) {
		event_keys(f, "lost");
		pt_out_u64(f->view.o, "lost", n);
	}
	time_text(&text, f->view.now, false);
	pt_buf_fmt(&text, " lost    %" PRIu64 " event%s came faster than they were read", n, pt_plural(n));
	show_text(f->view.o, &text);
	pt_out_rec_end(f->view.o);
	return pt_out_flush(f->view.o);
}

static int on_idle(void *arg)
{
	return pt_out_flush(((struct following *)arg)->view.o);
}

static int prepare(struct following *f, struct pt_cli *c)
{
	int rc;

	if (!f->st.settings.events) {
		pt_err_add(&c->err, PT_ERROR, NULL, "sysctl -w net.netfilter.nf_conntrack_events=2",
			   "the kernel tells no events of states");
		return -EOPNOTSUPP;
	}
	f->fd_stop = pt_cli_signals(c);
	if (f->fd_stop < 0)
		return f->fd_stop;
	rc = pt_nl_open(&f->events, NETLINK_NETFILTER, &c->err);
	if (!rc)
		rc = state_rules_begin(&f->view, f->st.p.policy);
	if (rc)
		return rc;
	f->view.c = c;
	f->view.o = pt_cli_monitor(c, "patronus.state-event.v1", "events");
	return f->view.o ? 0 : -ENOMEM;
}

int cmd_state_follow(struct pt_cli *c)
{
	struct following f = { .fd_stop = -1 };
	const struct pt_ct_watcher w = { on_event, on_lost, on_idle, &f };
	int rc;

	rc = states_begin(c, &f.st, NULL, NULL);
	if (!rc)
		rc = prepare(&f, c);
	if (!rc)
		rc = pt_ct_watch(f.st.s.nf, f.events, f.fd_stop, &w, &c->err);
	if (rc && f.view.o && rc == pt_out_failed(f.view.o)) /* the end of the view tells that */
		rc = 0;
	rc = state_view_end(&f.view, rc);
	pt_nl_close(f.events);
	if (f.fd_stop >= 0)
		close(f.fd_stop);
	states_end(&f.st);
	return rc;
}
