/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `state top` on a terminal that keeps count: a pseudo-terminal whose other end draws what it is told on a grid and
 * fails at the first character outside it. The heaviest sender stands first, keys change the order, and whatever ends
 * or stops the program leaves the terminal as it was.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

#include "lib/tool.h"
#include "netns/lab.h"
#include "ptfw/state_top.h"

#define ROWS_MAX 60
#define COLUMNS_MAX 200
#define PATIENCE 30 /* seconds; a test that waits so long has failed */

static struct lab lab;

/* ---- traffic from the LAN to a host behind the WAN ---- */

static const struct {
	const char *to;
	uint16_t port;
	size_t bytes;
} senders[] = {
	{ "198.51.100.7", 40001, 10 },  { "198.51.100.7", 40002, 1200 }, { "2001:db8:2::7", 40003, 20 },
	{ "2001:db8:2::7", 40004, 400 }, { "198.51.100.7", 40005, 30 },
};
static int sockets[PT_ARRAY_SIZE(senders)];

static void send_all(void)
{
	static const char data[2000];

	for (size_t i = 0; i < PT_ARRAY_SIZE(senders); i++)
		for (int n = 0; n < 5; n++) /* an answer that nobody is there is no failure */
			if (send(sockets[i], data, senders[i].bytes, 0) < 0)
				assert_int_equal(errno, ECONNREFUSED);
}

/* ---- the terminal ---- */

struct terminal {
	int master, slave;
	pid_t pid;
	struct termios before;
	unsigned int rows, columns;  /* its size now */
	char grid[ROWS_MAX][COLUMNS_MAX + 1];
	unsigned int row, column;    /* of the cursor, from 0 */
	bool other_page, hidden, reverse;
	unsigned int entered, left;  /* how often the other page */
	char escape[32];             /* as far as it came */
	size_t n_escape;
	const char *fault;
};

static void clear(struct terminal *t)
{
	for (unsigned int r = 0; r < ROWS_MAX; r++) {
		memset(t->grid[r], ' ', COLUMNS_MAX);
		t->grid[r][COLUMNS_MAX] = '\0';
	}
}

static void set_mode(struct terminal *t, const char *mode, bool on)
{
	if (!strcmp(mode, "?1049")) {
		t->other_page = on;
		*(on ? &t->entered : &t->left) += 1;
		clear(t);
	} else if (!strcmp(mode, "?25")) {
		t->hidden = !on;
	} else {
		t->fault = "an unknown mode";
	}
}

static void go_to(struct terminal *t, const char *where)
{
	unsigned int r = 0, c = 0;

	if (sscanf(where, "%u;%u", &r, &c) != 2 || !r || !c || r > t->rows || c > t->columns)
		t->fault = "the cursor leaves the screen";
	t->row = r - 1;
	t->column = c - 1;
}

/* ESC [ PARAMETERS LETTER */
static void sequence(struct terminal *t)
{
	char letter = t->escape[--t->n_escape];

	t->escape[t->n_escape] = '\0';
	switch (letter) {
	case 'h':
	case 'l':
		set_mode(t, t->escape + 2, letter == 'h');
		break;
	case 'H':
		go_to(t, t->escape + 2);
		break;
	case 'J':
		clear(t);
		break;
	case 'K':
		if (t->column < COLUMNS_MAX && t->row < ROWS_MAX)
			memset(t->grid[t->row] + t->column, ' ', COLUMNS_MAX - t->column);
		break;
	case 'm':
		t->reverse = !strcmp(t->escape + 2, "7");
		break;
	default:
		t->fault = "an unknown escape sequence";
	}
	t->n_escape = 0;
}

static void draw(struct terminal *t, char c)
{
	if (t->n_escape || c == '\033') {
		if (t->n_escape + 1 >= sizeof(t->escape))
			t->fault = "an endless escape sequence";
		else
			t->escape[t->n_escape++] = c;
		if (t->n_escape > 2 && isalpha((unsigned char)c))
			sequence(t);
		return;
	}
	if (!t->other_page) /* the shell's */
		return;
	if (c < ' ' || c > '~')
		t->fault = "a control character in a picture";
	else if (t->row >= t->rows || t->column >= t->columns)
		t->fault = "a character outside the screen";
	else
		t->grid[t->row][t->column++] = c;
}

static struct terminal *terminal_open(const char *line, unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	struct terminal *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->rows = rows;
	t->columns = columns;
	clear(t);
	assert_int_equal(openpty(&t->master, &t->slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(t->slave, &t->before), 0);
	(void)fflush(stdout);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (!t->pid) {
		close(t->master);
		if (login_tty(t->slave) || setenv("TERM", "xterm", 1))
			_exit(99);
		exit(tool_run(line));
	}
	return t;
}

/* Reads what comes until OK likes the screen, sending traffic meanwhile. */
static void until(struct terminal *t, bool (*ok)(const struct terminal *t), const char *what)
{
	time_t end = time(NULL) + PATIENCE;
	struct pollfd p = { .fd = t->master, .events = POLLIN };
	char text[4096];
	ssize_t n;

	while (!ok(t)) {
		send_all();
		if (time(NULL) > end) {
			for (unsigned int r = 0; r < t->rows; r++)
				print_message("# |%.*s|\n", (int)t->columns, t->grid[r]);
			fail_msg("never saw %s", what);
		}
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(t->master, text, sizeof(text));
		for (ssize_t i = 0; i < n; i++)
			draw(t, text[i]);
		if (t->fault)
			fail_msg("%s", t->fault);
	}
}

static bool restored(const struct terminal *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->slave, &now), 0);
	return !t->other_page && !t->hidden && !t->reverse && t->entered == t->left &&
	       now.c_lflag == t->before.c_lflag && now.c_iflag == t->before.c_iflag &&
	       now.c_oflag == t->before.c_oflag && !memcmp(now.c_cc, t->before.c_cc, sizeof(now.c_cc));
}

/* It ends well, and the terminal is as before. */
static void ends(struct terminal *t)
{
	int status;

	until(t, restored, "the terminal as it was");
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(restored(t));
	close(t->master);
	close(t->slave);
	free(t);
}

static void key(const struct terminal *t, char c)
{
	assert_int_equal(write(t->master, &c, 1), 1);
}

/* ---- pictures ---- */

static bool has(const struct terminal *t, unsigned int row, const char *text)
{
	return strstr(t->grid[row], text);
}

static bool raw_and_drawn(const struct terminal *t)
{
	struct termios now;

	return t->other_page && t->hidden && has(t, t->rows - 1, "q quit") && !tcgetattr(t->slave, &now) &&
	       !(now.c_lflag & (ICANON | ECHO)) && (now.c_lflag & ISIG);
}

/* The last column ends with the screen, in the names and in the numbers. */
static bool all_columns(const struct terminal *t)
{
	const char *last = t->grid[3] + t->columns - 1;

	return !strncmp(t->grid[2] + t->columns - 3, "B/S", 3) && (isdigit((unsigned char)*last) || strchr("KMG", *last));
}

static bool heaviest_first(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 1, "by rate") && has(t, 2, "PROTO SOURCE") && has(t, 3, ":40002 ") &&
	       has(t, 4, "[40004] ") && has(t, 0, " bytes/s") && all_columns(t);
}

static bool by_source(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 1, "by source") && has(t, 3, ":40001 ") && has(t, 4, ":40002 ") &&
	       has(t, 5, ":40005 ") && has(t, 6, "[40003] ");
}

static bool by_bytes(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 1, "by bytes") && has(t, 3, ":40002 ");
}

static bool by_age(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 1, "by age");
}

static void test_top(void **state)
{
	struct terminal *t = terminal_open("state top interval 1", 24, 80);

	(void)state;
	until(t, heaviest_first, "the heaviest sender first");
	key(t, 's');
	until(t, by_source, "the states by source");
	key(t, 'x'); /* nothing */
	key(t, 'b');
	until(t, by_bytes, "the states by bytes");
	key(t, 'a');
	until(t, by_age, "the states by age");
	key(t, 'q');
	ends(t);
}

static void test_filter(void **state)
{
	struct terminal *t = terminal_open("state top -6 sport 40000: sort source", 24, 80);

	(void)state;
	until(t, raw_and_drawn, "a picture");
	assert_true(has(t, 3, "[40003]") && has(t, 4, "[40004]") && !has(t, 5, "40"));
	key(t, 'Q');
	ends(t);
}

/* ---- numbers that fit their columns ---- */

static void test_numbers(void **state)
{
	static const struct {
		uint64_t n;
		const char *amount, *time;
	} cases[] = {
		{ 0, "0", "0s" },	    { 99, "99", "99s" },	  { 100, "100", "1m" },
		{ 5999, "5999", "99m" },    { 6000, "6000", "1h" },	  { 99999, "99999", "27h" },
		{ 100000, "100K", "27h" },  { 359999, "359K", "99h" },	  { 360000, "360K", "4d" },
		{ 999999, "999K", "11d" },  { 1000000, "1.0M", "11d" },	  { 9999999, "9.9M", "115d" },
		{ 10000000, "10M", "115d" }, { 1000000000, "1.0G", "999d" }, { UINT64_MAX, "18E", "999d" },
	};
	char text[8];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		top_amount(cases[i].n, text);
		assert_string_equal(text, cases[i].amount);
		top_time(cases[i].n, text);
		assert_string_equal(text, cases[i].time);
	}
}

/* ---- sizes ---- */

static bool small(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 3, "udp") && has(t, 5, "q quit");
}

static bool wide(const struct terminal *t)
{
	return raw_and_drawn(t) && has(t, 2, "RULES") && has(t, 0, "bytes/s") && has(t, 3, "192.168.1.10:40002 ") &&
	       has(t, t->rows - 1, "q quit");
}

static void resize(struct terminal *t, unsigned short rows, unsigned short columns)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };

	t->rows = rows;
	t->columns = columns;
	assert_int_equal(ioctl(t->master, TIOCSWINSZ, &size), 0);
}

/* Characters that were on their way for the size before are no fault: the size grows first. */
static void test_sizes(void **state)
{
	struct terminal *t = terminal_open("state top interval 1", 6, 20);

	(void)state;
	until(t, small, "a small picture");
	resize(t, 50, 150);
	until(t, wide, "a wide picture");
	key(t, 'q');
	ends(t);
	t = terminal_open("state top", 1, 5);
	key(t, 'q');
	ends(t);
}

/* ---- ends ---- */

static void test_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(signals); i++) {
		struct terminal *t = terminal_open("state top", 24, 80);

		until(t, raw_and_drawn, "a picture");
		assert_int_equal(kill(t->pid, signals[i]), 0);
		ends(t);
	}
}

static void test_control_c(void **state)
{
	struct terminal *t = terminal_open("state top", 24, 80);

	(void)state;
	until(t, raw_and_drawn, "a picture");
	key(t, '\003');
	ends(t);
}

static void stopped(struct terminal *t)
{
	int status;

	until(t, restored, "the shell's terminal");
	assert_int_equal(waitpid(t->pid, &status, WUNTRACED), t->pid);
	assert_true(WIFSTOPPED(status));
	assert_true(restored(t));
}

static void test_stop_and_go(void **state)
{
	struct terminal *t = terminal_open("state top interval 1", 24, 80);
	struct termios shell;

	(void)state;
	until(t, raw_and_drawn, "a picture");
	for (int i = 0; i < 2; i++) {
		if (i)
			assert_int_equal(kill(t->pid, SIGTSTP), 0);
		else
			key(t, '\032');
		stopped(t);
		assert_int_equal(kill(t->pid, SIGCONT), 0);
		until(t, raw_and_drawn, "the picture again");
	}
	/* Stopped by somebody else, who leaves the terminal as a shell would have it. */
	assert_int_equal(kill(t->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(t->pid, NULL, WUNTRACED), t->pid);
	shell = t->before;
	assert_int_equal(tcsetattr(t->slave, TCSANOW, &shell), 0);
	assert_int_equal(kill(t->pid, SIGCONT), 0);
	until(t, raw_and_drawn, "the picture again");
	key(t, 'q');
	ends(t);
}

/* What is no terminal, or says that it cannot draw, gets lines. */
static void test_plain(void **state)
{
	struct terminal *t = terminal_open("state top count 1 interval 1", 24, 80);
	int status;

	(void)state;
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	until(t, restored, "lines");
	assert_int_equal(t->entered, 0);
	close(t->master);
	close(t->slave);
	free(t);
}

/* ---- the whole ---- */

static int lab_begin(void **state)
{
	int here;

	(void)state;
	lab_make(&lab);
	lab_nft("table inet t { chain c { type filter hook forward priority 0; ct state new counter\n}\n}\n");
	if (!lab_sysctl("netfilter/nf_conntrack_acct", "1"))
		return -1;
	here = lab_enter(&lab, LAB_LAN);
	for (size_t i = 0; i < PT_ARRAY_SIZE(senders); i++) {
		sockets[i] = lab_connect(SOCK_DGRAM, senders[i].to, 9, senders[i].port);
		if (sockets[i] < 0)
			return -1;
	}
	lab_back(here);
	send_all();
	return 0;
}

static int lab_end(void **state)
{
	(void)state;
	lab_free(&lab);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_control_c),
		cmocka_unit_test(test_stop_and_go),
		cmocka_unit_test(test_plain),
	};

	return lab_run("a screen of states", tests, lab_begin, lab_end);
}
