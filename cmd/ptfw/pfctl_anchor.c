/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pfctl's -a, which says of what anchor the other letters speak:
 *
 *   -a PATH -f FILE, -nf FILE    anchor load PATH --file FILE [-n]
 *   -a PATH -sr, -s rules        anchor show PATH; with -v also -s
 *   -a PATH -F rules, -F all     anchor flush PATH
 *   -a PATH -sA                  anchor list
 */
#include <string.h>

#include "ptfw.h"

struct said {
	const char *path, *file, *show, *flush;
	bool dry, verbose;
};

/* The value of letter WHICH, at the end of the letters at *I or in the next word. */
static const char *value(int argc, char **argv, int *i, char which)
{
	const char *at = argv[*i][0] == '-' && argv[*i][1] != '-' ? strchr(argv[*i] + 1, which) : NULL;

	if (!at)
		return NULL;
	if (at[1])
		return at + 1;
	return *i + 1 < argc ? argv[++*i] : "";
}

/* One word of the command line; false: it is none of ours. */
static bool take(int argc, char **argv, int *i, struct said *s)
{
	const char *word = argv[*i], *v;

	if (word[0] != '-' || !word[1] || word[1] == '-' || !strchr("afsFnv", word[1]))
		return false;
	/* letters without a value may stand before one that has it: -nf, -vvsr */
	for (word++; *word == 'n' || *word == 'v'; word++) {
		s->dry = s->dry || *word == 'n';
		s->verbose = s->verbose || *word == 'v';
	}
	if (!*word)
		return true;
	v = value(argc, argv, i, *word);
	if (*word == 'a')
		s->path = v;
	else if (*word == 'f')
		s->file = v;
	else if (*word == 's')
		s->show = v;
	else if (*word == 'F')
		s->flush = v;
	else
		return false;
	return true;
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static void put(char **words, int *n, const char *word)
{
	words[(*n)++] = (char *)word; /* argv is not const, though nobody writes to it */
}

/* The command that S means; NULL: none. */
static const char *command_of(const struct said *s)
{
	static const char *const rules[] = { "r", "rules", "rule", "all", "n", "nat", "a" };

	if (!s->path || !*s->path || !!s->file + !!s->show + !!s->flush != 1)
		return NULL;
	if (s->file)
		return *s->file ? "load" : NULL;
	if (s->flush)
		return is_one_of(s->flush, rules, PT_ARRAY_SIZE(rules)) ? "flush" : NULL;
	if (!strcmp(s->show, "A") || !strcmp(s->show, "Anchors"))
		return "list";
	return is_one_of(s->show, rules, 3) ? "show" : NULL;
}

bool anchor_letters(int argc, char **argv, char **words, int *n)
{
	struct said s = { .path = NULL };
	const char *command;

	/* what is not of pfctl stays, and comes first; `rule show` is -sr in our words */
	*n = 1;
	for (int i = 1; i < argc; i++) {
		if (take(argc, argv, &i, &s))
			continue;
		if (argv[i][0] == '-') {
			put(words, n, argv[i]);
			if (!strcmp(argv[i], "--netns") && i + 1 < argc)
				put(words, n, argv[++i]);
		} else if (!strcmp(argv[i], "rule") || !strcmp(argv[i], "show")) {
			s.show = "r";
		} else {
			return false;
		}
	}
	command = command_of(&s);
	if (!command)
		return false;
	if (s.dry)
		put(words, n, "-n");
	if (s.verbose && !strcmp(command, "show"))
		put(words, n, "-s");
	put(words, n, "anchor");
	put(words, n, command);
	if (strcmp(command, "list") != 0)
		put(words, n, s.path);
	if (s.file) {
		put(words, n, "--file");
		put(words, n, s.file);
	}
	return true;
}
