/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The editor's lock: taken, taken over, given back, and who has it where that is refused. */
#include <errno.h>
#include <stdio.h>

#include "ptconf.h"

static void say_taken(struct pt_cli *c, const struct pt_editor *was)
{
	struct pt_buf who = { 0 };

	if (was->author.user[0]) {
		pt_author_fmt(&who, &was->author);
		pt_cli_say(c, "taken over from %s, %s\n", who.s ? who.s : "somebody",
			   was->alive ? "who was at work" : "whose session is gone");
	}
	pt_cli_say(c, "the configuration is yours until `ptconf lock --release` or the end of this session\n");
	pt_buf_fini(&who);
}

void put_editor(struct pt_out *o, const char *key, const struct pt_editor *ed)
{
	struct pt_buf who = { 0 };
	char when[32];

	if (!ed->author.user[0]) {
		pt_out_null(o, key);
		return;
	}
	pt_author_fmt(&who, &ed->author);
	pt_out_fail(o, who.err);
	describe_time(ed->since, when);
	pt_out_obj(o, key);
	pt_out_str(o, "author", who.s);
	pt_out_str(o, "since", when);
	pt_out_u64(o, "process", (uint64_t)ed->author.leader);
	pt_out_bool(o, "alive", ed->alive);
	pt_out_obj_end(o);
	pt_buf_fini(&who);
}

/* An error keeps its status: the document tells of the lock all the same. */
static int print_json(struct pt_cli *c, const char *state, const struct pt_editor *other)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_JSON, "patronus.lock.v1", "lock");

	if (!o)
		return -ENOMEM;
	pt_out_rec(o);
	pt_out_str(o, "state", state);
	put_editor(o, "other", other);
	pt_out_rec_end(o);
	return pt_cli_end(c, o);
}

/* OTHER: who had it, or, where that is refused, has it. */
static int take_or_release(struct change_session *s, struct pt_editor *other)
{
	struct pt_cli *c = s->cli;
	int rc = 0;

	if (!c->release)
		return pt_editor_take(&s->change, c->steal, other, &c->err);
	rc = pt_editor_release(&s->change, false, &c->err);
	if (rc == -EWOULDBLOCK && pt_editor_read(s->state, other, &c->err))
		other->author.user[0] = '\0'; /* told by the error */
	return rc;
}

int cmd_lock(struct pt_cli *c)
{
	struct change_session s;
	struct pt_editor other = { 0 };
	int rc, printed;

	if (c->steal && c->release)
		return pt_cli_usage(c, "--steal takes the lock, --release gives it back: give one of them");
	rc = session_open(c, &s);
	if (rc)
		return rc;
	c->force = true; /* the lock itself is what this is about */
	rc = session_begin(&s);
	if (!rc) {
		rc = take_or_release(&s, &other);
		session_end(&s);
		if (c->json && (!rc || rc == -EWOULDBLOCK)) {
			printed = print_json(c, rc ? "held" : c->release ? "free" : "taken", &other);
			rc = rc ? rc : printed;
		} else if (!rc && c->release) {
			pt_cli_say(c, "the lock is free\n");
		} else if (!rc) {
			say_taken(c, &other);
		}
	}
	session_close(&s);
	return rc;
}
