/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines to the terminal, a screen at a time: only when there are more of them than the screen has. A pager of others would be a
 * way into a shell.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "ptsh.h"

#define MORE "--More-- (space: a page, Enter: a line, q: enough)"
#define CTRL_C 3

static void measure(struct pager *p)
{
	struct winsize w = { 0 };

	p->rows = 24;
	p->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return;
	p->rows = w.ws_row;
	p->columns = w.ws_col;
}

void pager_begin(struct pager *p, bool on)
{
	memset(p, 0, sizeof(*p));
	p->on = on && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (p->on)
		measure(p);
}

/* 0: there is no key to be had. */
static char read_key(void)
{
	struct termios before, raw;
	char key = 0;

	if (tcgetattr(STDIN_FILENO, &before))
		return 0;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw))
		return 0;
	if (read(STDIN_FILENO, &key, 1) != 1)
		key = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	return key;
}

/* The screen is full. */
static void ask(struct pager *p)
{
	(void)fputs(MORE, stdout);
	(void)fflush(stdout);
	for (;;) {
		char key = read_key();

		if (key == ' ' || key == (p->aside ? '\t' : 'f'))
			p->used = 0;
		else if (key == '\r' || key == '\n')
			p->used--;
		else if (key == 'G' && !p->aside)
			p->on = false;
		else if (!key || key == 'q' || key == 'Q' || key == CTRL_C || p->aside)
			p->quit = true;
		else
			continue;
		if (p->quit && p->aside && key && key != 'q' && key != CTRL_C)
			p->key = key;
		break;
	}
	printf("\r%*s\r", (int)strlen(MORE), "");
	(void)fflush(stdout);
	measure(p); /* it may have another size by now */
}

/* Characters, colours left out. */
static size_t width_of(const char *s, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\033') {
			while (i < n && s[i] != 'm')
				i++;
			continue;
		}
		width += s[i] >= ' ' && ((unsigned char)s[i] & 0xc0) != 0x80;
	}
	return width;
}

bool pager_line(struct pager *p, const char *s, size_t n)
{
	if (p->quit)
		return false;
	if (p->on) {
		size_t width = width_of(s, n), rows = width ? (width + p->columns - 1) / p->columns : 1;

		if (p->used && p->used + rows > p->rows - 1)
			ask(p);
		if (p->quit)
			return false;
		p->used += (unsigned int)rows;
	}
	return fwrite(s, 1, n, stdout) == n && (p->on || !fflush(stdout));
}
