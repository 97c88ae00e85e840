/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines from the terminal. Readline edits them; what Tab and ? tell is our own, out of the same tables as everything: for a place
 * in the line there is a list of words, and where the word begins that they would replace.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "candidate.h"

#define COLUMNS_MIN 24 /* of a word and what it is */

/* Readline calls back without an argument. */
static struct console *console;

/* ---- what may stand at a place ---- */

/* The words of the command that the cursor is in; an empty one when it stands behind a blank. */
static int words_at(const struct pt_line *l, pt_line_words *of, struct pt_arena *a, size_t n)
{
	struct pt_line_word next = { .s = "", .from = (uint32_t)n, .to = (uint32_t)n };

	if (l->blank || !of->n || of->v[of->n - 1].to < n)
		return pt_vec_push(a, of, next);
	return 0;
}

/* A rule in quotes is one word of the line, of which the last of its own words is completed. */
static size_t in_quote(const char *s, size_t n, size_t from, char open)
{
	for (size_t i = n; open && i > from; i--)
		if (s[i - 1] == ' ')
			return i;
	return from;
}

void input_offer(struct console *c, const char *s, size_t n, size_t *from, const struct offers *to)
{
	struct pt_line_command *cmd;
	pt_line_words *of;
	struct pt_line l;
	size_t at;

	*from = n;
	c->arena = pt_arena_new();
	if (c->arena && !pt_line_parse(s, n, c->arena, &l, &at)) {
		cmd = &l.commands.v[l.commands.n - 1];
		of = cmd->stages.n ? &cmd->stages.v[cmd->stages.n - 1] : &cmd->words;
		if (!words_at(&l, of, c->arena, n)) {
			*from = in_quote(s, n, of->v[of->n - 1].from, l.open);
			if (cmd->stages.n)
				stages_offer(c, of, to);
			else
				target_offer(c, of, to);
		}
	}
	pt_arena_free(c->arena);
	c->arena = NULL;
}

struct offered {
	const char *word, *help;
};

struct list {
	struct pt_arena *arena;
	PT_VEC(struct offered) v;
	const char *expected; /* what stands here, where nothing can be listed */
	bool files;           /* it is the name of one */
	size_t widest;
	uint32_t *seen;       /* numbers of words from 1, by their hash; a power of two of them */
	size_t room;
};

/* Where WORD is in the table of those that were offered, or would be. */
static uint32_t *slot_of(const struct list *l, const char *word)
{
	size_t at = (size_t)pt_hash64(word, strlen(word)) & (l->room - 1);

	while (l->seen[at] && strcmp(l->v.v[l->seen[at] - 1].word, word) != 0)
		at = (at + 1) & (l->room - 1);
	return &l->seen[at];
}

/* For one word more, with as many free slots as taken ones. */
static bool make_room(struct list *l)
{
	size_t room = l->room ? l->room * 2 : 64;
	uint32_t *seen;

	if ((l->v.n + 1) * 2 <= l->room)
		return true;
	seen = pt_arena_alloc(l->arena, room * sizeof(*seen));
	if (!seen)
		return false;
	memset(seen, 0, room * sizeof(*seen));
	l->seen = seen;
	l->room = room;
	for (size_t i = 0; i < l->v.n; i++)
		*slot_of(l, l->v.v[i].word) = (uint32_t)i + 1;
	return true;
}

static void keep(const char *w, const char *help, void *arg)
{
	struct list *l = arg;
	struct offered x = { .word = w };
	uint32_t *slot;

	if (!w || !*w) {
		if (!l->expected && help)
			l->expected = pt_arena_strdup(l->arena, help);
		l->files |= w != NULL;
		return;
	}
	slot = make_room(l) ? slot_of(l, w) : NULL;
	if (!slot || *slot)
		return;
	x.word = pt_arena_strdup(l->arena, w);
	x.help = help ? pt_arena_strdup(l->arena, help) : NULL;
	if (!x.word || pt_vec_push(l->arena, &l->v, x))
		return;
	*slot = (uint32_t)l->v.n;
	if (strlen(w) > l->widest)
		l->widest = strlen(w);
}

/* ---- showing them: a screen of them, and the next one for a key; another key goes on with the line ---- */

static void show_words(const struct list *l, struct pager *p)
{
	int rows, columns;
	size_t width = l->widest + 2, per_line;
	struct pt_buf line = { 0 };
	bool more = true;

	rl_get_screen_size(&rows, &columns);
	per_line = (size_t)columns / width ? (size_t)columns / width : 1;
	for (size_t i = 0; more && i < l->v.n; i++) {
		bool ends = (i + 1) % per_line == 0 || i + 1 == l->v.n;

		pt_buf_fmt(&line, "%-*s%s", ends ? 0 : (int)width, l->v.v[i].word, ends ? "\n" : "");
		if (!ends)
			continue;
		more = !line.err && pager_line(p, line.s, line.n);
		line.n = 0;
	}
	pt_buf_fini(&line);
}

static void show_help(const struct list *l, struct pager *p)
{
	size_t width = l->widest + 2 < COLUMNS_MIN ? l->widest + 2 : COLUMNS_MIN;
	struct pt_buf line = { 0 };
	bool more = true;

	for (size_t i = 0; more && i < l->v.n; i++) {
		const struct offered *x = &l->v.v[i];

		line.n = 0;
		pt_buf_fmt(&line, "  %-*s%s%s\n", x->help ? (int)width : 0, x->word, x->help ? " " : "", x->help ? x->help : "");
		more = !line.err && pager_line(p, line.s, line.n);
	}
	line.n = 0;
	if (l->expected)
		pt_buf_fmt(&line, "  %s\n", l->expected);
	if (more && line.n && !line.err)
		(void)pager_line(p, line.s, line.n);
	pt_buf_fini(&line);
}

/* Below the line, which is then written again. */
static void below(void (*show)(const struct list *l, struct pager *p), const struct list *l)
{
	struct pager p;

	rl_crlf();
	pager_begin(&p, true);
	p.aside = true;
	show(l, &p);
	(void)fflush(stdout);
	if (p.key)
		(void)rl_stuff_char(p.key);
	rl_on_new_line();
	rl_forced_update_display();
}

static void look_for_files(size_t from, struct pt_arena *a, const struct offers *to)
{
	struct pt_buf begun = { 0 };
	const char *word;

	from += strchr("\"'", rl_line_buffer[from]) && rl_line_buffer[from];
	pt_buf_add(&begun, rl_line_buffer + from, (size_t)rl_point - from);
	word = begun.err ? NULL : pt_arena_strdup(a, begun.s ? begun.s : "");
	pt_buf_fini(&begun);
	if (word)
		files_offer(word, to);
}

static void look(struct list *l, size_t *from)
{
	const struct offers to = { keep, l };

	memset(l, 0, sizeof(*l));
	l->arena = pt_arena_new();
	if (l->arena)
		input_offer(console, rl_line_buffer, (size_t)rl_point, from, &to);
	if (l->files && console->profile == PROFILE_ADMIN)
		look_for_files(*from, l->arena, &to);
}

/* What all of them begin with. */
static size_t common(const struct list *l)
{
	size_t n = strlen(l->v.v[0].word);

	for (size_t i = 1; i < l->v.n; i++)
		for (size_t k = 0; k < n; k++)
			if (l->v.v[i].word[k] != l->v.v[0].word[k])
				n = k;
	return n;
}

/* ---- keys ---- */

static void replace(size_t from, const char *word, size_t n, bool whole)
{
	struct pt_buf b = { 0 };

	if (whole)
		pt_line_quote(&b, word);
	else
		pt_buf_add(&b, word, n);
	if (!b.err && b.s) {
		rl_begin_undo_group();
		(void)rl_delete_text((int)from, rl_point);
		rl_point = (int)from;
		(void)rl_insert_text(b.s);
		if (whole)
			(void)rl_insert_text(" ");
		rl_end_undo_group();
	}
	pt_buf_fini(&b);
}

static int on_tab(int count, int key)
{
	struct list l = { 0 };
	size_t from = 0, n;

	(void)count;
	(void)key;
	look(&l, &from);
	n = l.v.n ? common(&l) : 0;
	if (l.v.n == 1)
		replace(from, l.v.v[0].word, n, !n || l.v.v[0].word[n - 1] != '/');
	else if (l.v.n && n > (size_t)rl_point - from)
		replace(from, l.v.v[0].word, n, false);
	else if (l.v.n)
		below(show_words, &l);
	else if (l.expected)
		below(show_help, &l);
	else
		(void)rl_ding();
	pt_arena_free(l.arena);
	return 0;
}

static void show_nothing(const struct list *l, struct pager *p)
{
	static const char told[] = "  nothing is known to stand here; Enter runs the line, `help` behind a command tells more\n";

	(void)l;
	(void)pager_line(p, told, sizeof(told) - 1);
}

/* In a quote it is a character. */
static bool is_quoted(void)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_line l = { 0 };
	size_t at;
	bool open = a && !pt_line_parse(rl_line_buffer, (size_t)rl_point, a, &l, &at) && l.open;

	pt_arena_free(a);
	return open;
}

static int on_question(int count, int key)
{
	struct list l = { 0 };
	size_t from;

	if (is_quoted())
		return rl_insert(count, key);
	look(&l, &from);
	below(l.v.n || l.expected ? show_help : show_nothing, &l);
	pt_arena_free(l.arena);
	return 0;
}

/* ---- history ---- */

static void remember(const char *line)
{
	const HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
	struct pt_arena *a = pt_arena_new();
	bool secret = false;
	struct pt_line l;
	size_t at;

	if (a && !pt_line_parse(line, strlen(line), a, &l, &at))
		for (size_t i = 0; i < l.commands.n; i++)
			for (size_t k = 0; k + 1 < l.commands.v[i].words.n; k++)
				secret |= is_secret(&l.commands.v[i].words, k);
	pt_arena_free(a);
	if (!secret && line[0] != ' ' && (!last || strcmp(last->line, line) != 0))
		history_add(line);
}

/* ---- the terminal ---- */

static void prompt(struct console *c, struct pt_buf *b)
{
	b->n = 0;
	configure_banner(c, b);
	if (b->n)
		puts(b->s);
	b->n = 0;
	pt_buf_fmt(b, "%s%s ", c->host, c->mode->sign);
}

static char *complete_nothing(const char *text, int state)
{
	(void)text;
	(void)state;
	return NULL;
}

/* Ctrl-C at the prompt. Where it is ignored readline ignores it, too. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int forget_line(void)
{
	if (!interrupted)
		return 0;
	interrupted = 0;
	if (RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH))
		return 0;
	rl_crlf();
	rl_replace_line("", 1);
	rl_on_new_line();
	rl_redisplay();
	return 0;
}

/* One that came while nothing was read is heard before the next key is waited for. */
static int next_key(FILE *f)
{
	rl_check_signals();
	(void)forget_line();
	return rl_getc(f);
}

static void prepare(void)
{
	rl_readline_name = "ptsh";
	rl_initialize();
	(void)rl_bind_key('\t', on_tab);
	(void)rl_bind_key('?', on_question);
	rl_completion_entry_function = complete_nothing; /* readline's own keys would list files and users */
	(void)rl_variable_bind("enable-bracketed-paste", "off"); /* serial lines and dumb terminals */
	rl_catch_signals = 1;
	rl_signal_event_hook = forget_line;
	rl_getc_function = next_key;
	history_begin(console);
}

/* What was pasted may be many lines: each is run by itself. */
static void run_lines(struct console *c, char *rest)
{
	char *line;

	while (!c->ends && (line = strsep(&rest, "\n"))) {
		if (!line[strspn(line, " \t\r")])
			continue;
		remember(line);
		(void)line_run(c, line, strlen(line), NULL);
	}
}

/* Ctrl-D is `exit`, which asks for what is to become of changes; who is gone cannot answer. */
static bool leaves(struct console *c, unsigned int *ends)
{
	char word[] = "exit";

	putchar('\n');
	if (!c->candidate || ++*ends > 1)
		return true;
	(void)line_run(c, word, strlen(word), NULL);
	return false;
}

int input_run(struct console *c)
{
	struct pt_buf text = { 0 };
	unsigned int ends = 0;
	char *line;

	console = c;
	prepare();
	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGQUIT, SIG_IGN);
	while (!c->ends) {
		tutorial_look(c);
		prompt(c, &text);
		interrupted = 0;
		line = text.err ? NULL : readline(text.s);
		if (!line && leaves(c, &ends))
			break;
		if (line) {
			ends = 0;
			run_lines(c, line);
		}
		free(line);
	}
	configure_end(c);
	history_end(c);
	pt_buf_fini(&text);
	return c->status;
}
