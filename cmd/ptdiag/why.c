/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag why: the way to one destination, step by step, up to the one where it stops; a line each. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <patronus/sandbox.h>
#include <patronus/why.h>

#include "ptdiag.h"

struct why_words {
	bool udp;
	uint32_t timeout;
	struct pt_addr from;
	const char *on;
};

const struct pt_cli_word why_words[] = {
	{ "udp", PT_CLI_FLAG, offsetof(struct why_words, udp), NULL, "the port is one of UDP", 0, 0, NULL },
	{ "from", PT_CLI_ADDRESS, offsetof(struct why_words, from), "ADDRESS", "send from this address of ours", 0, 0,
	  NULL },
	{ "on", PT_CLI_DEVICE, offsetof(struct why_words, on), "DEVICE", "send by this device", 0, 0, NULL },
	{ "timeout", PT_CLI_TIME, offsetof(struct why_words, timeout), "TIME", "that each answer may take (3s)", 100000,
	  60000000, NULL },
	{ .name = NULL },
};

/* One sentence that was told. */
struct kept {
	enum pt_why_step step;
	enum pt_why_outcome outcome;
	struct pt_addr to;
	const char *text, *seen, *next;
};

struct asking {
	struct pt_cli *c;
	struct why_words words;
	struct pt_why_options options;
	struct pt_out *out;      /* text: as it comes */
	struct pt_arena *arena;  /* JSON: of what is shown at the end */
	PT_VEC(struct kept) kept;
	struct pt_addr shown;    /* whose steps are being told */
	uint16_t port;
	int stop_fd;
};

/* ---- the words ---- */

static bool is_word(const char *s, bool whole)
{
	for (const struct pt_cli_word *w = why_words; w->name; w++)
		if (whole ? !strcmp(w->name, s) : !strncmp(w->name, s, strlen(s)))
			return true;
	return false;
}

/* Words first, then names of services, then what a word may be shortened to. */
static bool is_port(const char *s)
{
	return !is_word(s, true) && (getservbyname(s, NULL) || !is_word(s, false));
}

static int read_port(struct asking *k, const char *s)
{
	const struct servent *e;
	uint64_t n;

	if (*s >= '0' && *s <= '9') {
		if (pt_parse_uint(s, UINT16_MAX, &n) || !n)
			return pt_cli_usage(k->c, "'%s' is no port: 1-65535, or the name of a service", s);
		k->port = (uint16_t)n;
		return 0;
	}
	e = getservbyname(s, NULL);
	if (!e)
		return pt_cli_usage(k->c, "'%s' is no port: 1-65535, or the name of a service", s);
	k->port = ntohs((uint16_t)e->s_port);
	return 0;
}

/* The port is no word: it is taken out of the line, behind the host, before the words are read. */
static int read_words(struct asking *k)
{
	struct pt_cli *c = k->c;
	int rc = 0;

	if (c->argc > 1 && is_port(c->argv[1])) {
		rc = read_port(k, c->argv[1]);
		if (rc)
			return rc;
		memmove(&c->argv[1], &c->argv[2], (c->argc - 2) * sizeof(c->argv[0]));
		c->argc--;
	}
	rc = pt_cli_words(c, &k->words);
	if (rc)
		return rc;
	if (k->words.udp && !k->port)
		return pt_cli_usage(c, "udp belongs to a port: ptdiag why HOST PORT udp");
	if (k->words.from.af && c->af && k->words.from.af != c->af)
		return pt_cli_usage(c, "from is an address of the other family than -%c asks for",
				    c->af == PT_AF_INET ? '4' : '6');
	k->options.af = k->words.from.af ? k->words.from.af : c->af;
	return 0;
}

/* ---- what is told ---- */

static void say_text(struct asking *k, const struct kept *s)
{
	static const char stops[] = "stops here: ", unknown[] = "not known: ";
	const char *mark = s->outcome == PT_WHY_STOPPED ? stops : s->outcome == PT_WHY_UNKNOWN ? unknown : "";
	struct pt_buf b = { 0 };
	size_t at;

	/* The first line of each address says which it is. */
	if (s->to.af && (s->to.af != k->shown.af || s->to.v != k->shown.v)) {
		pt_addr_fmt(&b, s->to);
		pt_buf_str(&b, ":");
		pt_out_fail(k->out, b.err);
		pt_out_text(k->out, b.s ? b.s : "");
		b.n = 0;
		k->shown = s->to;
	}
	pt_buf_fmt(&b, "%-10s ", pt_why_step_name(s->step));
	at = b.n;
	pt_buf_fmt(&b, "%s%s", mark, s->text);
	if (s->outcome == PT_WHY_PASSED && *s->seen)
		pt_buf_fmt(&b, " (%s)", s->seen);
	pt_out_fail(k->out, b.err);
	if (b.s)
		pt_out_text_toned(k->out, b.s, at, *mark ? strlen(mark) - 2 : 0,
				  s->outcome == PT_WHY_STOPPED ? PT_OUT_BAD : PT_OUT_NOTE);
	b.n = 0;
	if (s->outcome != PT_WHY_PASSED) {
		pt_buf_fmt(&b, "    seen: %s\n    next: %s", s->seen, s->next);
		pt_out_fail(k->out, b.err);
		pt_out_text(k->out, b.s ? b.s : "");
	}
	pt_buf_fini(&b);
}

static void key_step(struct asking *k, const struct kept *s)
{
	pt_out_str(k->out, "step", pt_why_step_name(s->step));
	if (s->to.af)
		pt_out_addr(k->out, "address", s->to);
	else
		pt_out_null(k->out, "address");
	pt_out_str(k->out, "outcome", pt_why_outcome_name(s->outcome));
	pt_out_str(k->out, "text", s->text);
	pt_out_str(k->out, "seen", *s->seen ? s->seen : NULL);
	pt_out_str(k->out, "next", *s->next ? s->next : NULL);
}

static int show(struct asking *k, const struct kept *s)
{
	pt_out_rec(k->out);
	if (k->c->json)
		key_step(k, s);
	else
		say_text(k, s);
	pt_out_rec_end(k->out);
	return k->c->json ? 0 : pt_out_flush(k->out);
}

static int keep(struct asking *k, struct kept s)
{
	s.text = pt_arena_strdup(k->arena, s.text);
	s.seen = pt_arena_strdup(k->arena, s.seen);
	s.next = pt_arena_strdup(k->arena, s.next);
	if (!s.text || !s.seen || !s.next)
		return pt_err_sys(&k->c->err, -ENOMEM, "keeping what is told");
	return pt_vec_push(k->arena, &k->kept, s);
}

static int told(const struct pt_why_said *w, void *arg)
{
	const struct kept s = { w->step, w->outcome, w->to, w->text, w->seen, w->next };
	struct asking *k = arg;

	return k->c->json ? keep(k, s) : show(k, &s);
}

static int confine(void *arg)
{
	const struct asking *k = arg;

	return k->c->nested ? 0 : pt_sandbox(PT_SANDBOX_DIAL | PT_SANDBOX_NETLINK | PT_SANDBOX_READ, &k->c->err);
}

static int stop(void *arg)
{
	struct asking *k = arg;

	k->stop_fd = pt_cli_signals(k->c);
	return k->stop_fd;
}

/* ---- the end ---- */

static size_t count(const struct pt_why_end *end, enum pt_why_outcome o)
{
	size_t n = 0;

	for (size_t i = 0; i < end->n; i++)
		n += end->walks[i].outcome == o;
	return n;
}

/* One way is enough to be reached; the text says which. */
static int status(const struct pt_why_end *end)
{
	if (count(end, PT_WHY_PASSED))
		return PT_EXIT_OK;
	if (!end->cut && (!end->n || count(end, PT_WHY_STOPPED)))
		return PT_EXIT_NO;
	return end->n && end->walks[0].unasked ? PT_EXIT_PERM : PT_EXIT_TIME;
}

static void key_end(struct asking *k, const struct pt_why_end *end)
{
	struct pt_out *o = k->out;

	pt_out_top_str(o, "host", k->options.host);
	pt_out_top(o);
	if (k->port)
		pt_out_u64(o, "port", k->port);
	else
		pt_out_null(o, "port");
	pt_out_str(o, "protocol", !k->port ? "icmp" : k->words.udp ? "udp" : "tcp");
	pt_out_bool(o, "reachable", count(end, PT_WHY_PASSED));
	pt_out_bool(o, "interrupted", end->cut);
	pt_out_arr(o, "addresses");
	for (size_t i = 0; i < end->n; i++) {
		pt_out_obj(o, NULL);
		pt_out_addr(o, "address", end->walks[i].to);
		pt_out_str(o, "outcome", pt_why_outcome_name(end->walks[i].outcome));
		pt_out_str(o, "stops_at",
			   end->walks[i].outcome == PT_WHY_STOPPED ? pt_why_step_name(end->walks[i].at) : NULL);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
	pt_out_top_end(o);
}

static void say_end(struct asking *k, const struct pt_why_end *end)
{
	static const char *const words[] = { "is reached", "is perhaps reached", "is not reached" };
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < end->n; i++) {
		pt_buf_str(&b, i ? ", " : "");
		pt_addr_fmt(&b, end->walks[i].to);
		pt_buf_fmt(&b, " %s", words[end->walks[i].outcome]);
		if (end->walks[i].outcome == PT_WHY_STOPPED)
			pt_buf_fmt(&b, ": %s", pt_why_step_name(end->walks[i].at));
	}
	if (!end->n && !end->cut)
		pt_buf_fmt(&b, "%s is not reached: name", k->options.host);
	pt_out_fail(k->out, b.err);
	pt_out_rec(k->out);
	pt_out_text(k->out, b.s ? b.s : "");
	pt_out_rec_end(k->out);
	pt_buf_fini(&b);
}

static int show_end(struct asking *k, const struct pt_why_end *end)
{
	int rc = 0;

	if (!k->c->json) {
		say_end(k, end);
		return 0;
	}
	key_end(k, end);
	for (size_t i = 0; !rc && i < k->kept.n; i++)
		rc = show(k, &k->kept.v[i]);
	return rc;
}

/* ---- the command ---- */

static int walk(struct asking *k, struct pt_why_end *end)
{
	struct pt_nl *nf = NULL, *route = NULL;
	int rc = diag_kernel(k->c, &nf, &route);

	if (!rc)
		rc = pt_why(&k->options, nf, route, end, &k->c->err);
	pt_nl_close(nf);
	pt_nl_close(route);
	return rc;
}

static int run(struct asking *k)
{
	struct pt_why_end end = { 0 };
	int rc, flushed;

	k->out = pt_cli_out(k->c, PT_OUT_TEXT, "patronus.why.v1", "steps");
	if (!k->out)
		return -ENOMEM;
	rc = walk(k, &end);
	if (!rc)
		rc = show_end(k, &end);
	flushed = pt_cli_end(k->c, k->out);
	return rc == -EPIPE ? flushed : rc ? rc : flushed ? flushed : status(&end);
}

int cmd_why(struct pt_cli *c)
{
	struct asking k = { .c = c, .words = { .timeout = 3000000 }, .stop_fd = -1 };
	int rc = read_words(&k);

	if (rc)
		return rc;
	k.options.host = c->argv[0];
	k.options.port = k.port;
	k.options.udp = k.words.udp;
	k.options.from = k.words.from;
	k.options.on = k.words.on;
	k.options.timeout = k.words.timeout;
	k.options.confine = confine;
	k.options.tell = told;
	k.options.arg = &k;
	k.options.stop = stop;
	k.arena = pt_arena_new();
	rc = k.arena ? run(&k) : pt_err_sys(&c->err, -ENOMEM, "preparing to look for the reason");
	pt_arena_free(k.arena);
	if (k.stop_fd >= 0)
		close(k.stop_fd);
	return rc;
}
