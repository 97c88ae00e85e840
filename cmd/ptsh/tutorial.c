/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guided first session. The console of the laboratory is the real one; the tutorial looks over its shoulder: before each prompt it
 * tells what is to be done, and sees whether it was.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "candidate.h"
#include "tools.h"
#include "tutorial.h"

#define WIDTH 78
#define WIDTH_MIN 20
#define EVERY_MS 500 /* how often it is looked at what time does */

/* Readline calls back without an argument. */
static struct console *waiting;

/* ---- text ---- */

static size_t columns(void)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col || w.ws_col > WIDTH)
		return WIDTH;
	return w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col - 1u;
}

/* One line, broken between words. */
static void put_line(const char *s, size_t n)
{
	size_t width = columns(), used = 0;

	for (size_t i = 0; i < n;) {
		size_t word = strcspn(s + i, " \n"), blank;

		word = word < n - i ? word : n - i;
		blank = i + word < n;
		if (used && used + word > width) {
			putchar('\n');
			used = 0;
		}
		printf("%.*s%s", (int)word, s + i, blank ? " " : "");
		used += word + blank;
		i += word + blank;
	}
	putchar('\n');
}

/* Lines that begin with a blank are drawn, and stay as they are. */
static void put_text(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		if (*s == ' ')
			printf("%.*s\n", (int)n, s);
		else
			put_line(s, n);
		s += n + (s[n] == '\n');
	}
}

static const struct step *step_of(const struct console *c)
{
	return c->tutorial->step < tutorial_n_steps ? &tutorial_steps[c->tutorial->step] : NULL;
}

static void tell_step(const struct console *c)
{
	const struct step *s = step_of(c);

	if (!s) {
		put_text("\nThat was all of it. Play on as long as you like; `quit` leaves, and everything here is gone.\n"
			 "On your own machine: the file is " LAB_FILE ", `man patronus-rules` has the language of rules, `man ptsh` this console.");
		return;
	}
	printf("\n---- %zu of %zu: %s ----\n", c->tutorial->step + 1, tutorial_n_steps, s->title);
	put_text(s->text);
	if (s->tries)
		lab_try(c->tutorial->lab);
	for (size_t i = 0; i < PT_ARRAY_SIZE(s->type) && s->type[i]; i++)
		printf("%s    %s\n", i ? "" : "Type:\n", s->type[i]);
}

/* ---- steps ---- */

static bool is_done(struct console *c, struct pt_buf *why)
{
	const struct step *s = step_of(c);

	return s && (s->check ? s->check(c, why) : c->tutorial->seen);
}

/* While the prompt waits, time may do what is waited for. */
static int on_time(void)
{
	static int64_t last;
	struct pt_buf why = { 0 };
	struct timespec t;
	int64_t now;

	if (rl_signal_event_hook) /* readline forgets it where there is something else to do */
		(void)rl_signal_event_hook();
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	if (now - last < EVERY_MS)
		return 0;
	last = now;
	if (is_done(waiting, &why)) {
		rl_crlf();
		tutorial_look(waiting);
		(void)fflush(stdout);
		rl_on_new_line();
		rl_forced_update_display();
	}
	pt_buf_fini(&why);
	return 0;
}

static void begin_step(struct console *c)
{
	struct tutorial *t = c->tutorial;
	const struct step *s = step_of(c);

	t->told = true;
	t->seen = t->refused = false;
	t->why.n = 0;
	t->before = lab_revision(false);
	rl_event_hook = s && s->live ? on_time : NULL;
	tell_step(c);
}

/* What is missing, when it is something else than what was said last. */
static void tell_why(struct tutorial *t, const struct pt_buf *why)
{
	if (!why->n || why->err || (t->why.n == why->n && !memcmp(t->why.s, why->s, why->n)))
		return;
	t->why.n = 0;
	pt_buf_add(&t->why, why->s, why->n);
	put_text(why->s);
}

static void tell_done(const struct step *s)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "\nDone.%s%s", s->done ? " " : "", s->done ? s->done : "");
	put_text(b.err ? "\nDone." : b.s);
	pt_buf_fini(&b);
}

void tutorial_look(struct console *c)
{
	struct tutorial *t = c->tutorial;
	struct pt_buf why = { 0 };

	if (t && !t->told)
		begin_step(c);
	while (t && !c->ends && is_done(c, &why)) {
		tell_done(step_of(c));
		t->step++;
		begin_step(c);
		why.n = 0;
	}
	if (t && !c->ends)
		tell_why(t, &why);
	pt_buf_fini(&why);
}

void tutorial_saw(struct console *c, const struct target *x, int status)
{
	struct tutorial *t = c->tutorial;
	const struct step *s = t ? step_of(c) : NULL;

	if (!s)
		return;
	if (s->tool && x->tool == s->tool && x->cmd && !strcmp(x->cmd->object, s->object) &&
	    (!s->command || (x->cmd->command && !strcmp(x->cmd->command, s->command))))
		t->seen |= status == PT_EXIT_OK || (status == PT_EXIT_NO && !s->command);
	if (x->builtin && x->builtin->run == run_commit)
		t->refused |= status != 0;
}

/* ---- the words that the console has more in it ---- */

static int run_hint(struct console *c, const pt_line_words *w)
{
	const struct step *s = step_of(c);

	(void)w;
	put_text(s ? s->hint : "There is nothing more to do: `quit` leaves.");
	for (size_t i = 0; s && i < PT_ARRAY_SIZE(s->type) && s->type[i]; i++)
		printf("    %s\n", s->type[i]);
	return PT_EXIT_OK;
}

static int run_skip(struct console *c, const pt_line_words *w)
{
	(void)w;
	if (!step_of(c))
		return run_hint(c, w);
	c->tutorial->step++;
	c->tutorial->told = false;
	return PT_EXIT_OK;
}

static int run_task(struct console *c, const pt_line_words *w)
{
	(void)w;
	tell_step(c);
	return PT_EXIT_OK;
}

#define BITS (PT_CLI_VIEW | INPLACE)
static const struct builtin words[] = {
	{ "hint", NULL, "help with this step of the tutorial", BITS, 0, 0, run_hint, NULL },
	{ "skip", NULL, "go on to the next step of the tutorial", BITS, 0, 0, run_skip, NULL },
	{ "task", NULL, "what this step of the tutorial is about, again", BITS, 0, 0, run_task, NULL },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const struct builtin *tutorial_words(const struct console *c)
{
	return words + (c->tutorial ? 0 : PT_ARRAY_SIZE(words) - 1);
}

/* ---- the session ---- */

static int session(struct lab *l, void *arg)
{
	static const char *const apply[] = { "ptconf", "apply", "-q" };
	const struct console *outer = arg;
	struct tutorial t = { .lab = l };
	struct console c = { .host = "lab", .home = "/root", .mode = &operate_mode, .interactive = true, .strict = outer->strict, .tutorial = &t };

	c.profile = outer->profile == PROFILE_ADMIN ? PROFILE_ADMIN : PROFILE_LEARNER;
	(void)snprintf(c.user, sizeof(c.user), "%s", outer->user);
	clear_history(); /* that of the machine is no concern of here */
	if (tool_run(&c, &ptconf_tool, apply, PT_ARRAY_SIZE(apply))) {
		fprintf(stderr, "ptsh: error: the laboratory's rules could not be put in force\n");
		return PT_EXIT_SYSTEM;
	}
	put_text("The tutorial: a router, a laptop and a web server, made for you alone; nothing on this machine changes. About ten minutes. "
		 "`hint` helps, `task` says it again, `skip` goes on, `quit` leaves.");
	waiting = &c;
	(void)input_run(&c);
	pt_buf_fini(&t.why);
	return PT_EXIT_OK;
}

int tutorial_run(struct console *c, const pt_line_words *w)
{
	struct pt_err e = { 0 };
	int status;

	(void)w;
	if (c->tutorial) {
		pt_err_add(&e, PT_ERROR, NULL, "`task` says what is to be done, `quit` leaves", "this is the tutorial");
		return told(PT_EXIT_CONFIG, &e);
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		pt_err_add(&e, PT_ERROR, NULL, NULL, "the tutorial needs a terminal");
		return told(PT_EXIT_CONFIG, &e);
	}
	status = lab_run(c->profile == PROFILE_ADMIN, session, c, &e);
	if (e.n_errors)
		return told(status, &e);
	if (status > 128)
		fprintf(stderr, "\nptsh: the tutorial was ended by signal %d\n", status - 128);
	puts("The laboratory is gone, and nothing of it is left.");
	return status;
}
