/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records for people: the place, the line, a caret under the word, what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"

#define LINE_SHOWN 100 /* columns of a source line that are shown */

struct paint {
	const char *error, *warning, *place, *off;
};

bool cli_colour(const struct pt_cli *c, int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return c->colour > 0 || (c->colour == 0 && isatty(fd) && term && strcmp(term, "dumb") && !(no && *no));
}

static struct paint paint_for(const struct pt_cli *c)
{
	static const struct paint plain = { "", "", "", "" };
	static const struct paint colours = { "\033[1;31m", "\033[1;33m", "\033[1m", "\033[0m" };

	return cli_colour(c, STDERR_FILENO) ? colours : plain;
}

void cli_escaped(FILE *f, const char *s, size_t n)
{
	struct pt_buf b = { 0 };

	pt_escape(&b, s, n);
	if (!b.err && b.s)
		fputs(b.s, f);
	for (size_t i = 0; b.err && i < n; i++) /* without memory, a poor message is better than none */
		fputc(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?', f);
	pt_buf_fini(&b);
}

/* How many columns the first N bytes take once escaped. */
static size_t shown_width(const char *s, size_t n)
{
	struct pt_buf b = { 0 };
	size_t width = 0;

	pt_escape(&b, s, n);
	for (size_t i = 0; i < b.n; i++)
		width += ((unsigned char)b.s[i] & 0xc0) != 0x80;
	pt_buf_fini(&b);
	return width;
}

static void source_line(const struct pt_diag *d, const struct paint *p)
{
	size_t len = strlen(d->source), col = d->loc.col ? d->loc.col - 1 : 0, from = 0, shown, mark;

	if (col > len)
		col = len;
	if (col > LINE_SHOWN - 20) /* a long rule: the part around the word */
		from = col - (LINE_SHOWN - 40);
	while (from && ((unsigned char)d->source[from] & 0xc0) == 0x80)
		from--;
	shown = len - from > LINE_SHOWN ? LINE_SHOWN : len - from;
	while (from + shown < len && shown && ((unsigned char)d->source[from + shown] & 0xc0) == 0x80)
		shown--;
	for (size_t i = from; i < from + shown; i++)
		if (d->source[i] == '\t')
			d->source[i] = ' '; /* the caret counts columns */
	fputs("    ", stderr);
	cli_escaped(stderr, d->source + from, shown);
	mark = d->loc.len ? d->loc.len : 1;
	if (col + mark > from + shown)
		mark = from + shown > col ? from + shown - col : 1;
	fprintf(stderr, "\n    %*s%s", (int)shown_width(d->source + from, col - from), "", p->error);
	for (size_t i = 0; i < mark; i++)
		fputc(i ? '~' : '^', stderr);
	fprintf(stderr, "%s\n", p->off);
}

static void place(const struct pt_diag *d, const struct pt_cli *c, const struct paint *p)
{
	if (!d->loc.file) {
		fprintf(stderr, "%s: ", c->tool->name);
		return;
	}
	fputs(p->place, stderr);
	cli_escaped(stderr, d->loc.file, strlen(d->loc.file));
	if (d->loc.line)
		fprintf(stderr, ":%u:%u", d->loc.line, d->loc.col);
	fprintf(stderr, "%s: ", p->off);
}

void pt_cli_report(const struct pt_cli *c, const struct pt_err *e)
{
	struct paint p = paint_for(c);

	for (size_t i = 0; i < e->list.n; i++) {
		const struct pt_diag *d = &e->list.v[i];

		place(d, c, &p);
		fprintf(stderr, "%s%s%s: ", d->sev == PT_ERROR ? p.error : p.warning,
			d->sev == PT_ERROR ? "error" : "warning", p.off);
		cli_escaped(stderr, d->msg, strlen(d->msg));
		fputc('\n', stderr);
		if (d->source && d->loc.line)
			source_line(d, &p);
		if (d->hint) {
			fputs("    ", stderr);
			cli_escaped(stderr, d->hint, strlen(d->hint));
			fputc('\n', stderr);
		}
	}
	if (e->more && e->list.n < PT_ERR_MAX) /* it was memory, not room in the list, that was missing */
		fprintf(stderr, "%s: error: out of memory, %zu message%s lost\n", c->tool->name, e->more,
			pt_plural(e->more));
	else if (e->more)
		fprintf(stderr, "%s: %zu more error%s not shown\n", c->tool->name, e->more,
			e->more == 1 ? " is" : "s are");
}
