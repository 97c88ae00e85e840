/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many packets, one object of JSON a line, each answered by one: for tests of rules and for other programs, which may ask
 * one and wait. What was read is answered before more is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"

#define LINE_MAX_BYTES 4096
#define READ_BYTES 65536

struct lines {
	struct explain *x;
	uint64_t now, number; /* of the line, from 1 */
	struct pt_buf out;
	bool bad;             /* some line was */
	bool skipping;        /* the rest of one that is too long */
};

/* ---- answers ---- */

static void put_str(struct pt_buf *b, const char *key, const char *s)
{
	pt_buf_str(b, key);
	if (s)
		pt_escape_json(b, s, strlen(s));
	else
		pt_buf_str(b, "null");
}

static void put_addr(struct pt_buf *b, const char *key, struct pt_addr a)
{
	pt_buf_str(b, key);
	pt_buf_chr(b, '"');
	pt_addr_fmt(b, a);
	pt_buf_chr(b, '"');
}

static void put_port(struct pt_buf *b, const char *key, uint16_t port)
{
	if (!port)
		return;
	pt_buf_str(b, key);
	pt_buf_uint(b, port);
}

static void put_choice(struct lines *l, const char *key, const struct pt_step *s,
		       void (*put)(const struct pt_world *w, const struct pt_step *s, struct pt_buf *out))
{
	struct pt_buf choice = { 0 };

	put(l->x->world, s, &choice);
	if (choice.n)
		put_str(&l->out, key, choice.s);
	if (choice.err)
		l->out.err = choice.err;
	pt_buf_fini(&choice);
}

static void put_translation(struct lines *l, const struct pt_step *s)
{
	if (l->x->world->policy->nats.v[s->nat - 1].kind == PT_NAT_DST) {
		put_addr(&l->out, "\"dst\":", s->packet.dst);
		put_choice(l, ",\"dst_any_of\":", s, explain_pool);
		put_port(&l->out, ",\"dport\":", s->packet.dport);
		return;
	}
	put_addr(&l->out, "\"src\":", s->packet.src);
	put_choice(l, ",\"src_any_of\":", s, explain_pool);
	put_choice(l, ",\"sport_any_of\":", s, explain_ports);
	put_port(&l->out, ",\"sport\":", s->packet.sport);
}

static void put_nat(struct lines *l, const struct pt_path *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == PT_STEP_TRANSLATED) {
			pt_buf_str(&l->out, n++ ? "," : ",\"nat\":{");
			put_translation(l, &p->steps[i]);
		}
	pt_buf_str(&l->out, n ? "}" : ",\"nat\":null");
}

static void put_answer(struct lines *l, const struct pt_path *p)
{
	/* What Linux drops behind a judgement that passed it no rule blocks. */
	const struct pt_pol_rule *r = p->decided && p->decided->pass == p->pass ? p->decided->rule : NULL;
	struct pt_buf *b = &l->out;

	pt_buf_str(b, p->pass ? "{\"verdict\":\"pass\"" : "{\"verdict\":\"block\"");
	put_str(b, ",\"rule\":", r ? r->name : NULL);
	put_str(b, ",\"file\":", r && r->loc.line ? r->loc.file : NULL);
	pt_buf_str(b, ",\"line\":");
	if (r && r->loc.line)
		pt_buf_uint(b, r->loc.line);
	else
		pt_buf_str(b, "null");
	put_nat(l, p);
	if (!p->pass)
		put_str(b, ",\"answer\":", explain_answer_name(p->answer));
	if (p->why)
		put_str(b, ",\"why\":", p->why);
	pt_buf_str(b, p->uncertain ? ",\"uncertain\":true,\"input\":" : ",\"input\":");
	pt_buf_uint(b, l->number); /* blank lines have no answer */
	pt_buf_str(b, "}\n");
}

static void put_error(struct lines *l, size_t column, const char *why)
{
	l->bad = true;
	put_str(&l->out, "{\"error\":", why);
	pt_buf_str(&l->out, ",\"input\":");
	pt_buf_uint(&l->out, l->number);
	pt_buf_str(&l->out, ",\"column\":");
	pt_buf_uint(&l->out, column);
	pt_buf_str(&l->out, "}\n");
}

/* ---- questions ---- */

static bool is_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r", line[i]) || !line[i])
			return false;
	return true;
}

static void one_line(struct lines *l, const char *line, size_t n)
{
	struct pt_question q;
	struct pt_path p;
	const char *why;
	size_t column;

	l->number++;
	if (is_blank(line, n))
		return;
	if (pt_question_json(l->x->world, line, n, l->now, &q, &column, &why)) {
		put_error(l, column, why);
		return;
	}
	pt_path_find(l->x->world, &q, &p);
	put_answer(l, &p);
}

static int write_out(struct lines *l)
{
	if (l->out.err)
		return l->out.err;
	if (l->out.n && (fwrite(l->out.s, 1, l->out.n, stdout) != l->out.n || fflush(stdout)))
		return errno ? -errno : -EIO;
	l->out.n = 0;
	return 0;
}

/* The lines that are whole in N bytes of BUF; the rest of them stay, and how many is returned. */
static size_t take_lines(struct lines *l, char *buf, size_t n)
{
	char *from = buf, *end = buf + n, *newline;

	while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
		if (l->skipping)
			l->skipping = false;
		else
			one_line(l, from, (size_t)(newline - from));
		from = newline + 1;
	}
	n = (size_t)(end - from);
	if (l->skipping || n >= LINE_MAX_BYTES) {
		if (!l->skipping) {
			l->number++;
			put_error(l, LINE_MAX_BYTES, "the line is too long for a packet");
		}
		l->skipping = true;
		return 0;
	}
	memmove(buf, from, n);
	return n;
}

static int answer_all(struct lines *l, int fd)
{
	char buf[READ_BYTES];
	size_t kept = 0;
	ssize_t n;
	int rc = 0;

	for (;;) {
		n = read(fd, buf + kept, sizeof(buf) - kept);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		l->now = (uint64_t)time(NULL);
		kept = take_lines(l, buf, kept + (size_t)n);
		rc = write_out(l);
		if (rc)
			return rc;
	}
	if (n < 0)
		return pt_err_sys(&l->x->c->err, -errno, "reading %s", l->x->c->input);
	if (kept && !l->skipping)
		one_line(l, buf, kept);
	return write_out(l);
}

int explain_lines(struct explain *x)
{
	bool named = strcmp(x->c->input, "-") != 0;
	int fd = named ? open(x->c->input, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
	struct lines l = { .x = x };
	int rc;

	if (fd < 0) {
		(void)pt_err_sys(&x->c->err, -errno, "reading %s", x->c->input);
		return PT_EXIT_CONFIG;
	}
	rc = answer_all(&l, fd);
	if (named)
		close(fd);
	pt_buf_fini(&l.out);
	if (rc == -EPIPE) /* the reader has seen enough */
		rc = 0;
	return rc ? rc : l.bad ? PT_EXIT_CONFIG : PT_EXIT_OK;
}
