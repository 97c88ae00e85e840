/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli - what all tools share: one table of commands gives dispatch, help and completion; one table of
 * options means the same in every tool. With cmd/, the only code that touches stdio.
 */
#ifndef PATRONUS_CLI_H
#define PATRONUS_CLI_H

#include <patronus/base.h>
#include <patronus/out.h>

/* Exit status of every tool. */
enum pt_exit {
	PT_EXIT_OK = 0,
	PT_EXIT_CONFIG = 1, /* usage, syntax or configuration; nothing changed */
	PT_EXIT_SYSTEM = 2, /* the kernel or the system refused; nothing changed */
	PT_EXIT_NO = 3,     /* the answer is no */
	PT_EXIT_PERM = 4,
	PT_EXIT_TIME = 5,   /* timed out or rolled back */
};

/* Bits of the options that a command honours; others are refused there. */
enum pt_cli_opt {
	PT_CLI_JSON = 1 << 0,    /* -j, with -p */
	PT_CLI_LINE = 1 << 1,    /* -o */
	PT_CLI_BRIEF = 1 << 2,   /* -b */
	PT_CLI_STATS = 1 << 3,   /* -s */
	PT_CLI_DETAILS = 1 << 4, /* -d */
	PT_CLI_FAMILY = 1 << 5,  /* -4, -6 */
	PT_CLI_DRY = 1 << 6,     /* -n */
	PT_CLI_FILE = 1 << 7,    /* -f FILE */
	PT_CLI_INPUT = 1 << 8,   /* --file FILE */
	PT_CLI_KERNEL = 1 << 9,  /* --kernel */
	PT_CLI_OPEN = 1 << 10,   /* --open */
	PT_CLI_TIMEOUT = 1 << 11, /* --timeout TIME */
	PT_CLI_VERBOSE = 1 << 12, /* -v */
	PT_CLI_ENGINE = 1 << 14, /* --engine ENGINE */
	PT_CLI_ENFORCE = 1 << 15, /* --enforce */
	PT_CLI_CONFIRM = 1 << 16, /* --confirm SECONDS, --strict, --probe PROBE */
	PT_CLI_COMMENT = 1 << 17, /* --comment TEXT */
	PT_CLI_STATE = 1 << 18,  /* --state FOLDER */
	PT_CLI_LOCK = 1 << 19,   /* --steal, --release */
	PT_CLI_FORCE = 1 << 20,  /* --force outside of a batch */
	PT_CLI_MEANING = 1 << 29, /* --meaning */
	PT_CLI_WATCH = 1 << 21,  /* --watch */
	PT_CLI_STORE = 1 << 24,  /* --store PATH */
	PT_CLI_PCAP = 1 << 25,   /* --pcap FILE */
	PT_CLI_SIZE = 1 << 26,   /* --size SIZE */
	PT_CLI_BYTES = 1 << 27,  /* --bytes N */
	/* Not options but what a command does, for the console: who may run it (an operator what acts, a viewer what only shows,
	 * everything else is for those who may configure), and whether it wants the terminal for itself. */
	PT_CLI_VIEW = 1 << 22,
	PT_CLI_ACT = 1 << 23,
	PT_CLI_LIVE = 1 << 30,
	PT_CLI_MANY = 1 << 28,   /* --batch FILE behind the command is --file FILE: questions, one a line */
	/* -q -c -N -h -V --netns --batch --force belong to every command */
	PT_CLI_ALWAYS = 1 << 13,
};

struct pt_cli_tool;
struct pt_cli_cmd;

/* One command line, taken apart. */
struct pt_cli {
	const struct pt_cli_tool *tool;
	const struct pt_cli_cmd *cmd; /* that is run; NULL before it is found */
	unsigned int given;       /* PT_CLI_* bits seen */
	bool json, pretty, line, brief, details, dry, kernel, open, quiet, force, enforce, meaning;
	int stats, verbose;
	int colour;               /* -1 never, 0 when a terminal asks for it, 1 always */
	enum pt_af af;            /* NONE: both */
	const char *file;         /* the common file */
	const char *input;        /* --file */
	const char *timeout;
	const char *engine;       /* --engine, as given */
	const char *store, *pcap, *size, *bytes;
	const char *confirm, *comment, *state; /* as given */
	bool strict, steal, release, watch;
	PT_VEC(const char *) probes; /* --probe, in order */
	const char *netns, *batch;
	bool nested;              /* a line of a batch */
	size_t argc;              /* arguments behind the command */
	const char **argv;
	struct pt_err err;        /* printed when the command returns */
};

struct pt_cli_cmd {
	const char *object;   /* "rule"; a command without object has its name here and NULL below */
	const char *command;  /* "show"; the first command of an object is its default */
	const char *args;     /* synopsis: "[LABEL]", "NAME ADDRESS..." */
	const char *help;     /* one line */
	unsigned int options; /* PT_CLI_* */
	unsigned int min_args, max_args;
	/* Words for the completion of argument number N, one call each; the arguments before it are in C.
	 * NULL: none. */
	int (*complete)(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
	int (*run)(struct pt_cli *c); /* an exit status, or a negative errno with records in c->err */
};

/* Lines of the help of one command, for those whose arguments need them. */
struct pt_cli_more {
	const char *object, *command; /* COMMAND NULL: all of OBJECT */
	const char *text;
};

/* ---- arguments that are words, some with a value, in any order: "count 5 interval 200ms df" ---- */

enum pt_cli_type {
	PT_CLI_FLAG,      /* bool: the word alone */
	PT_CLI_COUNT,     /* uint64_t of MIN..MAX */
	PT_CLI_TIME,      /* uint32_t microseconds, "200ms", "1.5s", of MIN..MAX */
	PT_CLI_SECONDS,   /* uint32_t seconds, "90", "5m", of MIN..MAX */
	PT_CLI_RATE,      /* uint64_t bytes a second, "10Mbit" */
	PT_CLI_TEXT,      /* const char * */
	PT_CLI_ADDRESS,   /* struct pt_addr */
	PT_CLI_DEVICE,    /* const char *, a network device; completion lists those there are */
	PT_CLI_PATH,      /* const char *; shells complete it */
	PT_CLI_CHOICE,    /* unsigned int, the index of the value in CHOICES */
	PT_CLI_REST,      /* size_t: the index in c->argv of what follows the word, all of it; 0: it is not there */
};

/* One of them. Tables end with a NULL name. A word is written once; every unique prefix of it does. */
struct pt_cli_word {
	const char *name;
	enum pt_cli_type type;
	size_t offset;    /* of its value in the struct that pt_cli_words() fills; absent words leave theirs */
	const char *arg;  /* "N", as help shows it; NULL for flags */
	const char *help; /* one line */
	uint64_t min, max;
	const char *const *choices; /* ends with NULL; of TEXT: those worth offering */
};

/* The words of a command behind its first FIRST arguments, for help, completion and the console. */
struct pt_cli_grammar {
	const char *object, *command; /* COMMAND NULL: OBJECT has none */
	size_t first;
	const struct pt_cli_word *words;
};

struct pt_cli_tool {
	const char *name, *summary;
	const struct pt_cli_grammar *grammars; /* ends with a NULL object; NULL: none */
	const char *notes; /* lines at the end of its help, NULL: none */
	const struct pt_cli_more *more; /* ends with a NULL object; NULL: none */
	const struct pt_cli_cmd *cmds; /* ends with a NULL object */
};

/* Runs one command line; the exit status. ARGV[0] is ignored. */
PT_API int pt_cli_main(const struct pt_cli_tool *tool, int argc, char **argv);

/* The command that the N words behind the tool's name begin with, options left out, and in *USED how many of the others are its
 * name. NULL, with a record: there is none, or several. STRICT: its name is written out. */
PT_API const struct pt_cli_cmd *pt_cli_find(const struct pt_cli_tool *tool, const char *const *words, size_t n, bool strict,
					    size_t *used, struct pt_err *e);
/* Whether the N words behind the tool's name run no command but ask for help or the version. */
PT_API bool pt_cli_asks_help(const struct pt_cli_tool *tool, const char *const *words, size_t n);
/* The first option or word among them, as it is written, that names a file, another namespace or more commands; NULL: none does. */
PT_API const char *pt_cli_outside(const struct pt_cli_tool *tool, const struct pt_cli_cmd *cmd, const char *const *words, size_t n);
/* Calls WORD for all that may stand in the place of the last of the N words behind the tool's name; HELP may be NULL. Where nothing
 * can be listed, once with NULL instead of a word, and in HELP what is expected; with an empty one, where the name of a file is.
 * The command that they begin with, or NULL. */
PT_API const struct pt_cli_cmd *pt_cli_complete(const struct pt_cli_tool *tool, const char *const *words, size_t n,
						void (*word)(const char *w, const char *help, void *arg), void *arg);

/* Starts the output of a command: JSON or lines as asked for, else DEF. NULL: no memory, c->err says so. */
PT_API struct pt_out *pt_cli_out(struct pt_cli *c, enum pt_out_fmt def, const char *schema, const char *list);
/* The same for records that come one by one for as long as it takes: JSON is one object a line, else DEF is TEXT. */
PT_API struct pt_out *pt_cli_monitor(struct pt_cli *c, const char *schema, const char *list);
/* Ends it; 0 or a negative errno with a record. A closed pipe is no error. */
PT_API int pt_cli_end(struct pt_cli *c, struct pt_out *o);
/* Text to standard output, for commands that have no records. Silent with -q. */
PT_API void pt_cli_say(const struct pt_cli *c, const char *fmt, ...) PT_PRINTF(2, 3);
/* Records to standard error, as at the end of a command. */
PT_API void pt_cli_report(const struct pt_cli *c, const struct pt_err *e);
/* The exit status for a negative errno. */
PT_API int pt_cli_exit(int rc);
/* The state folder that a command is about: --state, else that of the machine or of the namespace of --netns. OUT has PATH_MAX
 * bytes. 0, or PT_EXIT_CONFIG with a record. */
PT_API int pt_cli_state(struct pt_cli *c, char *out);
/* Reads the words of the command that runs, as its grammar says, into TO. 0, or PT_EXIT_CONFIG with a record. */
PT_API int pt_cli_words(struct pt_cli *c, void *to);
/* A descriptor that can be read when SIGINT, SIGTERM or SIGHUP asks the command to end; they do nothing else from here on.
 * -errno with a record. */
PT_API int pt_cli_signals(struct pt_cli *c);
/* Usage error of a command: adds a record, returns PT_EXIT_CONFIG. */
PT_API int pt_cli_usage(struct pt_cli *c, const char *fmt, ...) PT_PRINTF(2, 3);

#endif
