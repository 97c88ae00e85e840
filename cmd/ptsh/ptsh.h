/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the parts of the console. */
#ifndef PTSH_H
#define PTSH_H

#include <limits.h>

#include <patronus/cli.h>
#include <patronus/line.h>

/* What this user may do, by the groups patronus-viewer, patronus-operator and patronus-admin; root is of the last. */
enum profile { PROFILE_VIEWER, PROFILE_OPERATOR, PROFILE_ADMIN,
	       PROFILE_LEARNER /* in the laboratory of the tutorial: may do everything there, but not leave it */ };

struct console;
struct passwd;

/* Gets what may stand at a place; HELP may be NULL. Without a word, HELP is what is expected where nothing can be listed; with an empty
 * one it is the name of a file. */
struct offers {
	void (*word)(const char *w, const char *help, void *arg);
	void *arg;
};

/* A command of the console itself. */
struct builtin {
	const char *name;
	const char *args;     /* synopsis; NULL: none */
	const char *help;
	unsigned int options; /* PT_CLI_VIEW, PT_CLI_ACT as of tools' commands; INPLACE */
	unsigned int min_args, max_args;
	int (*run)(struct console *c, const pt_line_words *words); /* an exit status */
	/* What may stand behind all of WORDS but the last one. */
	void (*complete)(struct console *c, const pt_line_words *words, const struct offers *to);
};
#define INPLACE (1u << 31) /* changes the console itself: runs in its process, and has no output to be piped */
#define ELSEWHERE 1u       /* the words behind it are a command of operational mode */

/* A mode has its commands, and what its lines run beside them. */
struct mode {
	const char *sign;               /* behind the name of the host in the prompt: ">" */
	const struct builtin *builtins; /* ends with a NULL name */
	bool tools;                     /* the tools' own commands are commands here */
	bool admins;                    /* only they have it, whatever its commands do */
};
extern const struct mode operate_mode;

struct console {
	const char *file;     /* the common file */
	char host[65];        /* of the prompt, up to the first dot */
	char user[64];
	char home[PATH_MAX];  /* empty: there is none to keep anything in */
	enum profile profile;
	const struct mode *mode;
	bool interactive;     /* lines come from a terminal */
	bool piped;           /* they come from standard input, which is no terminal */
	bool stops;           /* -e: at the first that fails */
	bool strict;          /* nothing may be shortened */
	bool ends;            /* `exit` was said */
	int status;           /* of the last command */
	bool display_set;     /* of this command: `| display set` */
	struct candidate *candidate; /* configuration mode's, NULL: we are not there */
	struct tutorial *tutorial; /* that this console is the laboratory of; NULL: of none */
	struct pt_arena *arena; /* of the line that runs */
};

/* ---- tools.c: names into commands ---- */

struct target {
	const struct builtin *builtin;      /* one of the two */
	const struct pt_cli_tool *tool;
	const struct pt_cli_cmd *cmd;       /* NULL: help, or the tool will say what is wrong */
	const char *outside;                /* what of the line names a file, another namespace or more commands; NULL: nothing */
	const char **argv;                  /* of the tool, [0] its name; of a builtin, NULL */
	size_t argc;
};
/* 0, or PT_EXIT_CONFIG with a record. */
int target_find(struct console *c, const pt_line_words *words, struct target *t, struct pt_err *e);
/* What may stand in the place of the last of WORDS. */
void target_offer(struct console *c, const pt_line_words *words, const struct offers *to);
/* The builtin that WORD means in a mode, when there is one of it alone. */
const struct builtin *builtin_find(const struct builtin *of, const char *word, bool strict);
/* NAME, if it begins as BEGUN. */
void offer_name(const struct offers *to, const char *begun, const char *name, const char *help);
/* `show NAME` for what other tools show. */
void shortcuts_offer(const struct offers *to);

/* ---- run.c: one command in a process of its own, its output through stages ---- */

/* Runs a command with its stages; the exit status. */
int command_run(struct console *c, const struct pt_line_command *cmd);
/* Runs a tool with the terminal for itself; its exit status. */
int tool_run(struct console *c, const struct pt_cli_tool *tool, const char *const *argv, size_t argc);
/* The same of all commands of a line. AT: "FILE:LINE", or NULL at the terminal. */
int line_run(struct console *c, const char *s, size_t n, const char *at);

/* Whether Ctrl-C was pressed some time ago, or again and again: what still runs is to be ended by other means. */
bool keys_impatient(void);

/* What went wrong, to standard error, and forgotten: RC as an exit status, "not there" being an answer. */
int told(int rc, struct pt_err *e);

/* ---- stages.c ---- */

struct stages;
/* Of CMD; an exit status or a negative errno, with a record. JSON is set when the command itself is to write it. */
int stages_new(struct console *c, const struct pt_line_command *cmd, struct stages **out, bool *json, struct pt_err *e);
/* Some bytes of the output; false: nobody wants more. */
bool stages_put(struct stages *s, const char *p, size_t n);
/* The end of the output, shows what was kept back. 0, or a negative errno: what was to be saved is not whole. */
int stages_end(struct stages *s);
/* Another process writes for S from here on; this one only waits for what was started. */
void stages_leave(struct stages *s);
/* Whether a stage of these words writes somewhere else. */
bool stage_writes(const pt_line_words *words);
void stages_offer(const struct console *c, const pt_line_words *words, const struct offers *to);

/* ---- programs.c: through programs of others ---- */

struct program {
	pid_t pid, reader; /* 0: none */
	int fd;            /* to the program */
};
/* Starts /bin/sh for TEXT; its output goes to NEXT, or to the console's where that is NULL. */
int program_begin(struct program *p, char *text, struct stages *next);
/* False: it wants no more, or does not read and is to be ended. */
bool program_put(const struct program *p, const char *s, size_t n);
/* Nothing more comes for it: waits until it is gone. */
void program_end(struct program *p);

/* ---- pager.c: lines to the terminal, a screen at a time ---- */

struct pager {
	bool on;
	unsigned int rows, columns, used; /* of the screen; lines on it since the last key */
	bool quit;
	bool aside; /* beside a line that is being typed: a key that is none of the pager's ends it, and is … */
	char key;   /* … this one */
};
void pager_begin(struct pager *p, bool on);
/* One line with its newline; false: the reader has seen enough. */
bool pager_line(struct pager *p, const char *s, size_t n);

/* ---- input.c: lines from the terminal ---- */

int input_run(struct console *c);
/* Words that may stand at the end of the N bytes of S; *FROM: where the one begins that they would replace. */
void input_offer(struct console *c, const char *s, size_t n, size_t *from, const struct offers *to);

/* ---- history.c ---- */

void history_begin(const struct console *c);
void history_add(const char *line);
/* Writes what was added. */
void history_end(const struct console *c);

/* ---- files.c: names of files that begin so ---- */

void files_offer(const char *begun, const struct offers *to);

/* ---- tutorial.c ---- */

/* Runs it; an exit status. */
int tutorial_run(struct console *c, const pt_line_words *words);
/* Before a prompt of a laboratory's console: tells what is to be done, when that is new. */
void tutorial_look(struct console *c);
/* A command was run there. */
void tutorial_saw(struct console *c, const struct target *t, int status);
/* The builtins that a mode has more there; ends with a NULL name. */
const struct builtin *tutorial_words(const struct console *c);

/* ---- configure.c: leaves configuration mode, where we are in it ---- */

void configure_end(struct console *c);

/* ---- profile.c ---- */

/* BY: who became root by sudo(8), NULL: nobody did. */
enum profile profile_of_user(const struct passwd *by);
const char *profile_name(enum profile p);
/* Whether commands with these bits may be run. */
bool profile_allows(enum profile p, unsigned int options);
/* A line of the log of the system for what changed something. */
void audit(const struct console *c, const char *line, int status);
/* What stands behind word I is for no history and no log, or what it has behind a '='. */
bool is_secret(const pt_line_words *w, size_t i);
/* Takes the ways out of the console from whoever is restricted: what of the environment is anything but a language or a terminal. */
int profile_confine(const struct console *c);

#endif
