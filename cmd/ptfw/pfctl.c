/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pfctl's letters, for fingers that know them: they become our words before anything else looks at them.
 *
 *   -t TABLE -T COMMAND …   table COMMAND TABLE …      -f behind -T names the file of addresses
 *   -sr -sn -ss -si -sT     rule, nat, state show; info; table list   (or -s rules …)
 *   -nf FILE, -n -f FILE    check -f FILE
 *   -a PATH -f FILE …       anchor load PATH --file FILE … (pfctl_anchor.c)
 *   -v beside them          -s
 *   -k A [-k B]             state kill host A [host B]; -k label -k NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

struct words {
	char **v;
	int n;
};

static void add(struct words *w, const char *word)
{
	w->v[w->n++] = (char *)word; /* argv is not const, though nobody writes to it */
}

/* Is letter WHICH at *I? Its VALUE is joined to it, or the next word; empty when there is none. */
static bool letter(int argc, char **argv, int *i, char which, const char **value)
{
	if (argv[*i][0] != '-' || argv[*i][1] != which)
		return false;
	if (argv[*i][2])
		*value = argv[*i] + 2;
	else
		*value = *i + 1 < argc ? argv[++*i] : "";
	return true;
}

/* No option of ours has these letters. */
static bool has(int argc, char **argv, const char *letters)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] && strchr(letters, argv[i][1]))
			return true;
	return false;
}

static bool table_letters(int argc, char **argv, struct words *w)
{
	const char *table = "", *command = "";

	w->n = 4; /* for what comes first */
	for (int i = 1; i < argc; i++) {
		if (!letter(argc, argv, &i, 't', &table) && !letter(argc, argv, &i, 'T', &command))
			add(w, strcmp(argv[i], "-f") ? argv[i] : "--file");
	}
	if (!*table || !*command)
		return false;
	w->v[1] = (char *)"table";
	w->v[2] = (char *)command;
	w->v[3] = (char *)table;
	return true;
}

static bool kill_letters(int argc, char **argv, struct words *w)
{
	const char *value = "", *key = NULL;
	int ends = 0;

	add(w, "state");
	add(w, "kill");
	for (int i = 1; i < argc; i++) {
		if (!letter(argc, argv, &i, 'k', &value)) {
			add(w, argv[i]);
		} else if (!*value || (!key && ++ends > 2)) {
			return false;
		} else if (!key && !strcmp(value, "label")) {
			key = value;
		} else {
			add(w, key ? key : strchr(value, '/') ? "network" : "host");
			add(w, value);
			key = NULL;
		}
	}
	return !key;
}

/* What -s shows, by its first letter as in pfctl. */
static const char *const *shown(const char *what)
{
	static const struct {
		const char *letter, *name, *words[2];
	} map[] = {
		{ "r", "rules", { "rule", "show" } },   { "n", "nat", { "nat", "show" } },
		{ "s", "states", { "state", "show" } }, { "i", "info", { "info", NULL } },
		{ "T", "Tables", { "table", "list" } },
		{ "A", "Anchors", { "anchor", "list" } },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(map); i++)
		if (!strcmp(what, map[i].letter) || !strcmp(what, map[i].name))
			return map[i].words;
	return NULL;
}

/* The one option of ours whose value is a word of its own wherever it stands: copied together. */
static bool own_option(int argc, char **argv, int *i, struct words *w)
{
	if (strcmp(argv[*i], "--netns") != 0 || *i + 1 >= argc)
		return false;
	add(w, argv[*i]);
	add(w, argv[++*i]);
	return true;
}

/* -s WHAT is only pfctl's where no command stands beside it: ours has a -s too. */
static bool show_letters(int argc, char **argv, struct words *w)
{
	const char *const *words = NULL;

	for (int i = 1; i < argc; i++) {
		const char *what = "";
		int at = i;

		if (own_option(argc, argv, &i, w))
			continue;
		if (!strcmp(argv[i], "-v")) { /* what pfctl tells more with it */
			add(w, "-s");
			continue;
		}
		if (!words && letter(argc, argv, &at, 's', &what) && shown(what)) {
			words = shown(what);
			i = at;
		} else if (argv[i][0] != '-' || !strcmp(argv[i], "--")) {
			return false;
		} else {
			add(w, argv[i]);
		}
	}
	if (!words)
		return false;
	for (int k = 0; k < 2 && words[k]; k++)
		add(w, words[k]);
	return true;
}

static bool check_letters(int argc, char **argv, struct words *w)
{
	bool dry = false, file = false;

	add(w, "check");
	for (int i = 1; i < argc; i++) {
		bool both = !strcmp(argv[i], "-nf");

		if (own_option(argc, argv, &i, w))
			continue;
		if (!strcmp(argv[i], "-n")) {
			dry = true;
		} else if ((both || !strcmp(argv[i], "-f")) && i + 1 < argc && !file) {
			file = true;
			dry = dry || both;
			add(w, "-f");
			add(w, argv[++i]);
		} else if (argv[i][0] != '-') {
			return false;
		} else {
			add(w, argv[i]);
		}
	}
	return dry && file;
}

static int usage(struct words *w, const char *form)
{
	fprintf(stderr, "ptfw: error: the letters are %s\n", form);
	free(w->v);
	return PT_EXIT_CONFIG;
}

int pfctl_words(int *argc, char **argv, char ***out)
{
	struct words w = { .v = calloc((size_t)*argc * 2 + 5, sizeof(*w.v)), .n = 1 };

	if (!w.v) {
		fprintf(stderr, "ptfw: error: out of memory\n");
		return PT_EXIT_SYSTEM;
	}
	w.v[0] = argv[0];
	*out = w.v;
	if (*argc > 1 && argv[1][0] != '-') { /* a command: its options are its own */
		memcpy(w.v, argv, (size_t)*argc * sizeof(*argv));
		return 0;
	}
	if (has(*argc, argv, "a")) {
		if (!anchor_letters(*argc, argv, w.v, &w.n))
			return usage(&w, "-a ANCHOR with -f FILE, -s rules or -F rules");
	} else if (has(*argc, argv, "tT")) {
		if (!table_letters(*argc, argv, &w))
			return usage(&w, "-t TABLE -T COMMAND [ADDRESS...]");
	} else if (has(*argc, argv, "k")) {
		if (!kill_letters(*argc, argv, &w))
			return usage(&w, "-k HOST|NETWORK [-k HOST|NETWORK], or -k label -k NAME");
	} else if (!show_letters(*argc, argv, &w)) {
		w.n = 1;
		if (!check_letters(*argc, argv, &w)) {
			memcpy(w.v, argv, (size_t)*argc * sizeof(*argv));
			return 0;
		}
	}
	*argc = w.n;
	return 0;
}
