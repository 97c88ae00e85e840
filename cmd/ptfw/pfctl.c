/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pfctl's letters, for fingers that know them: they become our words before anything else looks at them. Tables say
 * what each stands for, and why some stand for nothing; ptfw(8) shows them. A line is pfctl's when it begins with an
 * option and, read as pfctl reads it, has no word that stands alone: `-s rules` is, `-s rule show` is not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pfctl.h"
#include "ptfw.h"

#define WORDS_MORE 16 /* words of ours beside those that were given */
#define KILLS_MAX 2

struct said {
	const char *file, *show, *flush, *table, *command, *device, *anchor;
	const char *kill[KILLS_MAX + 2];
	int n_kill, verbose;
	bool dry, enable, disable;
	const char *pass[64]; /* our own options */
	int n_pass;
	char **words; /* behind -T */
	int n_words;
	char refused; /* a letter, and why */
	const char *why;
};

/* ---- what is refused ---- */

static const struct {
	char letter;
	bool value;
	const char *why;
} never[] = {
	{ 'D', true, "macros stand in the file: macro NAME { value = \"...\" }" },
	{ 'x', true, "there are no levels of messages: -v tells more" },
	{ 'K', true, "there are no source nodes: -k ends states" },
	{ 'L', true, "states are not loaded from files" },
	{ 'S', false, "addresses are never resolved" },
	{ 'r', false, "addresses are never resolved" },
	{ 'R', false, "a file is put in force as a whole: -f" },
	{ 'A', false, "a file is put in force as a whole: -f" },
	{ 'm', false, "a file is put in force as a whole: -f" },
	{ 'g', false, "there is nothing of the kind: rule show -d" },
	{ 'z', false, "counters begin with their rule: -t TABLE -T zero is for tables" },
};

/* -o is ours too; pfctl's has a level. */
static bool level(const char *s)
{
	return s && (!strcmp(s, "none") || !strcmp(s, "basic") || !strcmp(s, "profile"));
}

/* ---- letters ---- */

static const char *const our_values[] = { "--netns", "--engine", "--timeout", "--file", "--batch" };

/* A long option, or letters that pfctl has not or has with the same meaning. */
static bool ours(int argc, char **argv, int *i, struct said *s)
{
	const char *word = argv[*i];

	if (s->n_pass + 2 >= (int)PT_ARRAY_SIZE(s->pass))
		return false;
	if (word[1] != '-' && strspn(word + 1, "jpob46Nq") != strlen(word + 1) && strncmp(word, "-c", 2) != 0)
		return false;
	if (!strcmp(word, "-o") && *i + 1 < argc && level(argv[*i + 1]))
		return false;
	s->pass[s->n_pass++] = word;
	for (size_t k = 0; k < PT_ARRAY_SIZE(our_values); k++)
		if (!strcmp(word, our_values[k]) && *i + 1 < argc)
			s->pass[s->n_pass++] = argv[++*i];
	return true;
}

static bool refuse(struct said *s, char letter, const char *why)
{
	if (!s->refused) {
		s->refused = letter;
		s->why = why;
	}
	return true;
}

static bool take_value(struct said *s, char letter, const char *value)
{
	const char **places[] = { ['f'] = &s->file,    ['s'] = &s->show,   ['F'] = &s->flush, ['t'] = &s->table,
				  ['T'] = &s->command, ['i'] = &s->device, ['a'] = &s->anchor };

	if (letter == 'k') {
		if (s->n_kill < (int)PT_ARRAY_SIZE(s->kill))
			s->kill[s->n_kill] = value;
		s->n_kill++;
		return *value;
	}
	if ((size_t)letter >= PT_ARRAY_SIZE(places) || !places[(size_t)letter] || !*value)
		return false;
	*places[(size_t)letter] = value;
	return true;
}

static bool take_flag(struct said *s, char letter)
{
	if (letter == 'e')
		s->enable = true;
	else if (letter == 'd')
		s->disable = true;
	else if (letter == 'n')
		s->dry = true;
	else if (letter == 'v')
		s->verbose++;
	else if (letter == 'q' && s->n_pass < (int)PT_ARRAY_SIZE(s->pass))
		s->pass[s->n_pass++] = "-q";
	else
		return false;
	return true;
}

/* The letters of one word, as getopt(3) reads them; false: not pfctl's. */
static bool cluster(int argc, char **argv, int *i, struct said *s)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const char *value = p[1] ? p + 1 : *i + 1 < argc ? argv[*i + 1] : "";

		if (strchr("fsFtTkia", *p)) {
			*i += !p[1] && *i + 1 < argc;
			return take_value(s, *p, value);
		}
		if (*p == 'o' && level(value)) {
			*i += !p[1];
			return refuse(s, *p, "the engine is chosen by itself, or with apply --engine");
		}
		for (size_t k = 0; k < PT_ARRAY_SIZE(never); k++)
			if (never[k].letter == *p) {
				(void)refuse(s, *p, never[k].why);
				if (!never[k].value)
					break;
				*i += !p[1] && *i + 1 < argc;
				return true;
			}
		if (s->refused != *p && !take_flag(s, *p))
			return false;
	}
	return true;
}

/* All of the line; false: it is ours, or nobody's. */
static bool read_line(int argc, char **argv, struct said *s)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (s->anchor && !strcmp(argv[i], "rule")) /* -a PATH rule show */
				s->show = "rules";
			else if (s->command)
				s->words[s->n_words++] = argv[i];
			else if (!s->anchor || strcmp(argv[i], "show") != 0)
				return false;
		} else if (!strcmp(argv[i], "--")) {
			if (!s->command)
				return false;
		} else if (!ours(argc, argv, &i, s) && !cluster(argc, argv, &i, s)) {
			return false;
		}
	}
	return s->anchor || s->file || s->show || s->flush || s->table || s->command || s->n_kill || s->enable ||
	       s->disable || s->refused;
}

/* ---- words ---- */

struct build {
	struct pfctl *out;
	const struct said *s;
	struct pfctl_line *l;
	char *tool;
};

static void add(struct build *b, const char *word)
{
	b->l->v[b->l->n++] = (char *)word; /* argv is not const, though nobody writes to it */
}

/* A command line with our own options first. */
static void begin(struct build *b, const char *title)
{
	struct pfctl_line *last = b->out->n ? &b->out->line[b->out->n - 1] : NULL;

	b->l = &b->out->line[b->out->n++];
	b->l->title = title;
	b->l->v = last ? last->v + last->n : b->out->memory;
	add(b, b->tool);
	for (int i = 0; i < b->s->n_pass; i++)
		add(b, b->s->pass[i]);
}

static int wrong(struct build *b, const char *fmt, ...) PT_PRINTF(2, 3);
static int wrong(struct build *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(b->out->error, sizeof(b->out->error), fmt, ap);
	va_end(ap);
	return 0;
}

/* ---- -s ---- */

static const struct show {
	const char *name;     /* may be shortened as in pfctl: the first that fits */
	const char *words[5]; /* none: refused */
	const char *v1, *v2;  /* what -v and -vv add */
	const char *title;    /* in -sa; NULL: not in it */
	const char *why;
} shows[] = {
	{ "nat", { "nat", "show" }, "-s", "-d", "TRANSLATION RULES:", NULL },
	{ "queue", { NULL }, NULL, NULL, NULL, "queues are made and shown by tc(8)" },
	{ "rules", { "rule", "show" }, "-s", "-d", "FILTER RULES:", NULL },
	{ "Anchors", { "anchor", "list" }, NULL, NULL, NULL, NULL },
	{ "Sources", { "state", "summary", "by", "source" }, NULL, NULL, NULL, NULL },
	{ "states", { "state", "show" }, "-s", "-d", "STATES:", NULL },
	{ "info", { "info" }, NULL, NULL, "INFO:", NULL },
	{ "Interfaces", { NULL }, NULL, NULL, NULL, "interfaces are counted by the kernel: ip -s link" },
	{ "labels", { "rule", "show", "-s", "-o" }, NULL, NULL, NULL, NULL },
	{ "timeouts", { NULL }, NULL, NULL, NULL, "they are conntrack's: sysctl -a -r nf_conntrack_.*_timeout" },
	{ "memory", { "state", "count" }, NULL, NULL, "LIMITS:", NULL },
	{ "Tables", { "table", "list" }, NULL, NULL, "TABLES:", NULL },
	{ "osfp", { NULL }, NULL, NULL, NULL, "there are no fingerprints of operating systems" },
	{ "all", { NULL }, NULL, NULL, NULL, NULL },
};

static void show_one(struct build *b, const struct show *w, const char *title)
{
	const struct said *s = b->s;

	begin(b, title);
	if (s->verbose > 0 && w->v1)
		add(b, w->v1);
	if (s->verbose > 1 && w->v2)
		add(b, w->v2);
	for (size_t i = 0; i < PT_ARRAY_SIZE(w->words) && w->words[i]; i++)
		add(b, w->words[i]);
	if (s->device && !strcmp(w->name, "states")) {
		add(b, "interface");
		add(b, s->device);
	}
}

static int show(struct build *b)
{
	const struct show *w = NULL;

	for (size_t i = 0; i < PT_ARRAY_SIZE(shows) && !w; i++)
		if (!strncmp(shows[i].name, b->s->show, strlen(b->s->show)))
			w = &shows[i];
	if (!w)
		return wrong(b, "-s %s: nothing of that name is shown: there are rules, nat, states, info, labels, memory, "
			     "Sources, Anchors, Tables and all", b->s->show);
	if (w->why)
		return wrong(b, "-s %s: %s", w->name, w->why);
	if (b->s->device && strcmp(w->name, "states") != 0)
		return wrong(b, "-i: it goes with -ss, -F states and -k");
	if (w->words[0]) {
		show_one(b, w, NULL);
		return 0;
	}
	for (int i = 0; i < b->s->n_pass; i++)
		if (!strcmp(b->s->pass[i], "-j") || !strcmp(b->s->pass[i], "-p"))
			return wrong(b, "-sa: JSON is one document: ask for one thing at a time");
	for (size_t i = 0; i < PT_ARRAY_SIZE(shows); i++)
		if (shows[i].title)
			show_one(b, &shows[i], shows[i].title);
	return 0;
}

/* `-s rule` is ours: rules with statistics. `-s info` means the same in both. */
static bool our_name(const struct pt_cli_tool *tool, const char *word)
{
	for (size_t i = 0; word && i < PT_ARRAY_SIZE(shows); i++)
		if (!strcmp(shows[i].name, word))
			return false;
	for (const struct pt_cli_cmd *cmd = tool->cmds; word && cmd->object; cmd++)
		if (!strcmp(cmd->object, word))
			return true;
	return false;
}

/* ---- -F ---- */

static const struct flush {
	const char *name;
	bool rules, states;
	const char *why;
} flushes[] = {
	{ "nat", false, false, "translations are options of rules: -F rules" },
	{ "queue", false, false, "queues are made and taken away by tc(8)" },
	{ "rules", true, false, NULL },
	{ "Sources", false, false, "there are no source nodes: -F states" },
	{ "states", false, true, NULL },
	{ "info", false, false, "counters begin with their rule" },
	{ "Tables", false, false, "tables belong to the file: -t TABLE -T flush empties one" },
	{ "osfp", false, false, "there are no fingerprints of operating systems" },
	{ "all", true, true, NULL },
	{ "Reset", false, false, "settings belong to the file" },
};

static void end_states(struct build *b)
{
	begin(b, NULL);
	add(b, "state");
	add(b, "kill");
	add(b, b->s->device ? "interface" : "mark");
	add(b, b->s->device ? b->s->device : "0/0"); /* no bit is asked for: every state, of both families */
}

static const struct flush *flush_of(const struct said *s)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(flushes); i++)
		if (s->flush && !strncmp(flushes[i].name, s->flush, strlen(s->flush)))
			return &flushes[i];
	return NULL;
}

static int flush(struct build *b, bool loads)
{
	const struct flush *f = flush_of(b->s);

	if (!f)
		return wrong(b, "-F %s: nothing of that name is flushed: there are rules, states and all", b->s->flush);
	if (f->why)
		return wrong(b, "-F %s: %s", f->name, f->why);
	if (b->s->device && f->rules)
		return wrong(b, "-i: it goes with -ss, -F states and -k");
	if (f->rules && !loads) { /* a file that is loaded takes their place anyway */
		b->out->told = "without rules nothing passes here: -d is what opens";
		begin(b, NULL);
		add(b, "stop");
	}
	if (f->states)
		end_states(b);
	return 0;
}

/* ---- -f, -e, -d, -k, -t ---- */

static void load(struct build *b)
{
	begin(b, NULL);
	if (b->s->verbose)
		add(b, "-v");
	add(b, b->s->dry ? "check" : "apply");
	if (b->s->file) {
		add(b, "-f");
		add(b, b->s->file);
	}
}

static int kill_states(struct build *b)
{
	static const char *const ends[] = { "src", "dst" };
	const struct said *s = b->s;
	const char *key = s->kill[0];

	if (s->n_kill > KILLS_MAX)
		return wrong(b, "-k: a state has two ends");
	if (!strcmp(key, "id") || !strcmp(key, "gateway") || !strcmp(key, "key") || !strcmp(key, "nat"))
		return wrong(b, "-k %s: states are not known by that here: see `ptfw state kill`", key);
	begin(b, NULL);
	add(b, "state");
	add(b, "kill");
	if (!strcmp(key, "label")) {
		if (s->n_kill != 2)
			return wrong(b, "-k label: the label stands behind a second -k");
		add(b, "label");
		add(b, s->kill[1]);
	} else {
		for (int i = 0; i < s->n_kill && i < (int)PT_ARRAY_SIZE(ends); i++) {
			add(b, ends[i]);
			add(b, s->kill[i]);
		}
	}
	if (s->device) {
		add(b, "interface");
		add(b, s->device);
	}
	return 0;
}

static int table(struct build *b)
{
	static const char *const commands[] = { "kill",	   "flush", "add",  "delete", "load",
						"replace", "show",  "test", "zero",   "expire" };
	const struct said *s = b->s;
	const char *command = NULL;

	if (!s->table || !s->command)
		return wrong(b, "-t and -T go together: -t TABLE -T COMMAND [ADDRESS...]");
	for (size_t i = 0; i < PT_ARRAY_SIZE(commands) && !command; i++)
		if (!strncmp(commands[i], s->command, strlen(s->command)))
			command = commands[i];
	if (!command)
		return wrong(b, "-T %s: there is no such command", s->command);
	if (!strcmp(command, "kill") || !strcmp(command, "load"))
		return wrong(b, "-T %s: tables come and go with the file: -f FILE", command);
	begin(b, NULL);
	if (s->verbose && !strcmp(command, "show"))
		add(b, "-s");
	add(b, "table");
	add(b, command);
	add(b, s->table);
	if (s->file) {
		add(b, "--file");
		add(b, s->file);
	}
	if (s->n_words) /* what looks like an option is none */
		add(b, "--");
	for (int i = 0; i < s->n_words; i++)
		add(b, s->words[i]);
	return 0;
}

/* Of an anchor: what there is of it are rules. */
static int anchor(struct build *b)
{
	const struct said *s = b->s;
	const char *command = s->file ? "load" : s->flush ? "flush" : "show", *what = s->show ? s->show : s->flush;
	bool all = what && (!strncmp("rules", what, strlen(what)) || !strncmp("nat", what, strlen(what)) ||
			    !strncmp("all", what, strlen(what)));

	if (!!s->file + !!s->flush + !!s->show != 1 || s->table || s->command || s->n_kill || s->enable ||
	    s->disable || s->device)
		return wrong(b, "-a: it goes with one of -f FILE, -s rules and -F rules");
	if (what && !strncmp("Anchors", what, strlen(what))) {
		begin(b, NULL);
		add(b, "anchor");
		add(b, "list");
		return 0;
	}
	if (what && !all)
		return wrong(b, "-a with %s: what there is of an anchor are rules", what);
	begin(b, NULL);
	if (s->dry)
		add(b, "-n");
	if (s->verbose && s->show)
		add(b, "-s");
	if (s->verbose > 1 && s->show)
		add(b, "-d");
	add(b, "anchor");
	add(b, command);
	add(b, s->anchor);
	if (s->file) {
		add(b, "--file");
		add(b, s->file);
	}
	return 0;
}

/* In the order of pfctl: off, flush, load, on, kill, show. */
static int build(struct build *b)
{
	const struct said *s = b->s;
	bool loads = s->file || s->enable;

	if (s->refused)
		return wrong(b, "-%c: %s", s->refused, s->why);
	if (s->anchor)
		return anchor(b);
	if (s->table || s->command)
		return table(b);
	if (s->disable && (loads || s->flush))
		return wrong(b, "-d opens everything: say it alone");
	if (s->device && !s->show && !s->flush && !s->n_kill)
		return wrong(b, "-i: it goes with -ss, -F states and -k");
	if (s->dry && !s->file)
		return wrong(b, "-n: it goes with -f FILE");
	if (s->dry && (s->flush || s->show || s->n_kill || s->enable))
		return wrong(b, "-n -f FILE: nothing else is done with it");
	if (s->disable) {
		begin(b, NULL);
		add(b, "stop");
		add(b, "--open");
	}
	if (loads)
		load(b);
	if (s->flush && !b->out->error[0])
		(void)flush(b, loads);
	if (s->n_kill && !b->out->error[0])
		(void)kill_states(b);
	if (s->show && !b->out->error[0])
		(void)show(b);
	return 0;
}

int pfctl_translate(const struct pt_cli_tool *tool, int argc, char **argv, struct pfctl *out)
{
	struct said s = { 0 };
	struct build b = { .out = out, .s = &s, .tool = argv[0] };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (argc < 2 || argv[1][0] != '-')
		return 0;
	s.words = calloc((size_t)argc, sizeof(*s.words));
	if (!s.words)
		return -ENOMEM;
	if (read_line(argc, argv, &s) && !our_name(tool, s.show)) {
		out->letters = true;
		out->memory = calloc(((size_t)argc + WORDS_MORE) * PFCTL_LINES, sizeof(*out->memory));
		rc = out->memory ? build(&b) : -ENOMEM;
	}
	free(s.words);
	if (out->error[0])
		pfctl_free(out);
	return rc;
}

void pfctl_free(struct pfctl *p)
{
	free(p->memory);
	p->memory = NULL;
	p->n = 0;
}

/* ---- running ---- */

static int run_all(const struct pt_cli_tool *tool, const struct pfctl *p)
{
	int rc = 0;

	if (p->told)
		fprintf(stderr, "%s: %s\n", tool->name, p->told);
	for (int i = 0; i < p->n; i++) {
		int one;

		if (p->line[i].title && i)
			putchar('\n');
		if (p->line[i].title)
			puts(p->line[i].title);
		(void)fflush(stdout);
		one = pt_cli_main(tool, p->line[i].n, p->line[i].v);
		/* what is only shown goes on: a machine without rules has states */
		if (one && !p->line[i].title)
			return one;
		rc = rc ? rc : one;
	}
	return rc;
}

int pfctl_main(const struct pt_cli_tool *tool, int argc, char **argv)
{
	struct pfctl p;
	int rc = pfctl_translate(tool, argc, argv, &p);

	if (rc) {
		fprintf(stderr, "%s: error: out of memory\n", tool->name);
		return PT_EXIT_SYSTEM;
	}
	if (p.error[0]) {
		fprintf(stderr, "%s: error: %s\n", tool->name, p.error);
		return PT_EXIT_CONFIG;
	}
	rc = p.letters ? run_all(tool, &p) : pt_cli_main(tool, argc, argv);
	pfctl_free(&p);
	return rc;
}
