/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few escape sequences that every terminal of the last decades knows are enough for a screen of lines: the other
 * page, an invisible cursor, go to a line, clear, reverse.
 *
 * Whatever ends or stops the program finds the terminal as it was: signals are not handled when they come but read
 * like keys, so that there is one way out.
 */
#include <patronus/screen.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };

bool pt_screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static int put(const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(STDOUT_FILENO, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static void measure(struct pt_screen *s)
{
	struct winsize w = { 0 };

	s->rows = 24;
	s->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return;
	s->rows = w.ws_row;
	s->columns = w.ws_col;
}

static int enter(struct pt_screen *s)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &s->before))
		return -errno;
	raw = s->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw))
		return -errno;
	s->drawn = true;
	measure(s);
	return put(ENTER, strlen(ENTER));
}

static void leave(struct pt_screen *s)
{
	if (!s->drawn)
		return;
	s->drawn = false;
	(void)put(LEAVE, strlen(LEAVE));
	/* Keys that nobody read are not for the shell. */
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

int pt_screen_open(struct pt_screen *s, struct pt_err *e)
{
	sigset_t set;
	int rc;

	memset(s, 0, sizeof(*s));
	sigemptyset(&set);
	for (size_t i = 0; i < PT_ARRAY_SIZE(caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->fd_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd_signals < 0)
		return pt_err_sys(e, -errno, "preparing for signals");
	rc = enter(s);
	return rc ? pt_err_sys(e, rc, "preparing the terminal") : 0;
}

void pt_screen_close(struct pt_screen *s)
{
	leave(s);
	if (s->fd_signals > 0)
		close(s->fd_signals);
	s->fd_signals = -1;
	pt_buf_fini(&s->out);
}

/* ---- pictures ---- */

void pt_screen_begin(struct pt_screen *s)
{
	s->out.n = 0;
}

void pt_screen_line(struct pt_screen *s, unsigned int row, const char *text, bool reverse)
{
	unsigned int column = 0;

	if (row >= s->rows)
		return;
	pt_buf_fmt(&s->out, "\033[%u;1H%s", row + 1, reverse ? "\033[7m" : "");
	for (; column < s->columns && text[column]; column++)
		pt_buf_chr(&s->out, text[column] >= ' ' && text[column] <= '~' ? text[column] : '?');
	for (; reverse && column < s->columns; column++)
		pt_buf_chr(&s->out, ' ');
	pt_buf_str(&s->out, reverse ? "\033[0m" : "");
	/* At the edge the cursor stands on the last character, which must stay. */
	if (column < s->columns)
		pt_buf_str(&s->out, "\033[K");
}

int pt_screen_end(struct pt_screen *s)
{
	return s->out.err ? s->out.err : put(s->out.s, s->out.n);
}

/* ---- keys and signals ---- */

/* Ctrl-Z: the shell gets its terminal, and we are stopped until it says go on. */
static enum pt_screen_event pause_here(struct pt_screen *s)
{
	leave(s);
	(void)kill(getpid(), SIGSTOP);
	return enter(s) ? PT_SCREEN_QUIT : PT_SCREEN_AGAIN;
}

static enum pt_screen_event on_signal(struct pt_screen *s, uint32_t signo)
{
	switch (signo) {
	case SIGTSTP:
		return pause_here(s);
	case SIGCONT: /* somebody else stopped us, and the shell may have used the terminal */
		leave(s);
		return enter(s) ? PT_SCREEN_QUIT : PT_SCREEN_AGAIN;
	case SIGWINCH:
		measure(s);
		return PT_SCREEN_AGAIN;
	default:
		return PT_SCREEN_QUIT;
	}
}

enum pt_screen_event pt_screen_wait(struct pt_screen *s, int timeout_ms, char *key)
{
	struct pollfd fds[2] = { { .fd = s->fd_signals, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	struct signalfd_siginfo info;
	int n;

	do
		n = poll(fds, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return PT_SCREEN_QUIT;
	if (fds[0].revents)
		return read(s->fd_signals, &info, sizeof(info)) == (ssize_t)sizeof(info) ? on_signal(s, info.ssi_signo) :
											 PT_SCREEN_TIME;
	if (fds[1].revents)
		return read(STDIN_FILENO, key, 1) == 1 ? PT_SCREEN_KEY : PT_SCREEN_QUIT;
	return PT_SCREEN_TIME;
}
