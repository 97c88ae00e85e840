/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking a server that speaks in lines for TLS: RFC 3207 (SMTP), 3501 (IMAP), 2595 (POP3), 4217 (FTP). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <patronus/out.h>

#include "diag/stream.h"

#define LINE_MAX_LEN 1000
#define LINES_MAX 200

/* What is said, NULL: nothing, and how the answer begins. */
struct step {
	const char *say, *answer;
};

static const struct step scripts[][4] = {
	[PT_DIAL_SMTP] = { { NULL, "220" }, { "EHLO patronus.invalid\r\n", "250" }, { "STARTTLS\r\n", "220" } },
	[PT_DIAL_IMAP] = { { NULL, "* OK" }, { "a STARTTLS\r\n", "a OK" } },
	[PT_DIAL_POP3] = { { NULL, "+OK" }, { "STLS\r\n", "+OK" } },
	[PT_DIAL_FTP] = { { NULL, "220" }, { "AUTH TLS\r\n", "234" } },
};

struct lines {
	struct stream *s;
	char buf[LINE_MAX_LEN + 1];
	size_t n; /* that came, beyond the line that was read */
};

/* One line without its end; what came behind it stays. */
static int read_line(struct lines *l, char line[LINE_MAX_LEN + 1])
{
	for (;;) {
		char *end = memchr(l->buf, '\n', l->n);
		ssize_t got;

		if (end) {
			size_t len = (size_t)(end - l->buf);

			memcpy(line, l->buf, len);
			line[len - (len && line[len - 1] == '\r')] = '\0';
			line[len] = '\0';
			l->n -= len + 1;
			memmove(l->buf, end + 1, l->n);
			return 0;
		}
		if (l->n >= LINE_MAX_LEN)
			return -EMSGSIZE;
		got = stream_read(l->s, l->buf + l->n, LINE_MAX_LEN - l->n);
		if (got <= 0)
			return got ? (int)got : -ECONNRESET;
		l->n += (size_t)got;
	}
}

/* More follows: "250-SIZE" by a dash behind the number, untagged lines of IMAP by their star. */
static bool goes_on(enum pt_dial_starttls protocol, const struct step *step, const char *line)
{
	if (protocol == PT_DIAL_IMAP)
		return step->say && line[0] == '*';
	if (protocol == PT_DIAL_POP3)
		return false;
	return strlen(line) > 3 && line[3] == '-';
}

static int take_step(struct lines *l, enum pt_dial_starttls protocol, const struct step *step, char *why, size_t size)
{
	char line[LINE_MAX_LEN + 1];
	struct pt_buf b = { 0 };
	int rc = step->say ? stream_write(l->s, step->say, strlen(step->say)) : 0;

	for (int i = 0; !rc && i < LINES_MAX; i++) {
		rc = read_line(l, line);
		if (rc || goes_on(protocol, step, line))
			continue;
		if (!strncmp(line, step->answer, strlen(step->answer)))
			return 0;
		pt_escape(&b, line, strlen(line));
		(void)snprintf(why, size, "no TLS: the server says: %.150s", b.s ? b.s : "");
		pt_buf_fini(&b);
		return -EPROTO;
	}
	(void)snprintf(why, size, "no TLS: %s",
		       rc == -ETIMEDOUT ? "no answer in time" :
			       rc == -EMSGSIZE || !rc ? "the answer has no end" :
			       rc == -ECONNRESET ? "the other end hung up" :
							strerror(-rc));
	return rc ? rc : -EPROTO;
}

int starttls_ask(struct stream *s, enum pt_dial_starttls protocol, char *why, size_t size)
{
	struct lines l = { .s = s };
	int rc = 0;

	for (const struct step *step = scripts[protocol]; !rc && step->answer; step++)
		rc = take_step(&l, protocol, step, why, size);
	/* Whoever is in the middle could say something in the name of what is secure from here on. */
	if (!rc && l.n) {
		(void)snprintf(why, size, "no TLS: the server goes on in plain text");
		rc = -EPROTO;
	}
	return rc;
}
