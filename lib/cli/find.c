/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words to commands: any unique beginning will do, an ambiguous one lists its candidates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

/* A word against the names at one level: the object, or (OBJECT given) its commands. */
struct level {
	const struct pt_cli_cmd *cmds;
	const char *object;
};

static const char *name_at(const struct level *l, const struct pt_cli_cmd *cmd)
{
	if (!l->object)
		return cmd->object;
	return strcmp(cmd->object, l->object) ? NULL : cmd->command;
}

/* The name that WORD means; NULL when none or several do. */
static const char *match(const struct level *l, const char *word, struct pt_buf *candidates)
{
	const char *found = NULL;
	size_t n = strlen(word);
	bool several = false;

	for (const struct pt_cli_cmd *cmd = l->cmds; cmd->object; cmd++) {
		const char *name = name_at(l, cmd);

		if (!name || strncmp(name, word, n))
			continue;
		if (!name[n])
			return name;
		if (found && !strcmp(found, name))
			continue;
		pt_buf_fmt(candidates, "%s%s", candidates->n ? ", " : "", name);
		several = found != NULL;
		found = name;
	}
	return several ? NULL : found;
}

static void no_match(struct pt_cli *c, const struct level *l, const char *word, const struct pt_buf *candidates)
{
	PT_VEC(const char *) names = { 0 };
	struct pt_arena *a = pt_arena_new();
	struct pt_buf hint = { 0 };
	const char *near = NULL;

	for (const struct pt_cli_cmd *cmd = l->cmds; a && cmd->object; cmd++)
		if (name_at(l, cmd) && pt_vec_push(a, &names, name_at(l, cmd)))
			break;
	if (names.n)
		near = pt_nearest(word, names.v, names.n);
	if (candidates->n)
		pt_buf_fmt(&hint, "it may mean: %s", candidates->s);
	else if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else
		pt_buf_fmt(&hint, "see `%s -h`", c->tool->name);
	pt_err_add(&c->err, PT_ERROR, NULL, hint.s, candidates->n ? "'%s' is ambiguous" : "there is no command '%s'", word);
	pt_buf_fini(&hint);
	pt_arena_free(a);
}

static const struct pt_cli_cmd *first_of(const struct pt_cli_tool *t, const char *object, const char *command)
{
	for (const struct pt_cli_cmd *cmd = t->cmds; cmd->object; cmd++)
		if (!strcmp(cmd->object, object) && (!command || !strcmp(cmd->command, command)))
			return cmd;
	return NULL;
}

const struct pt_cli_cmd *cli_find(struct pt_cli *c, const struct cli_words *words, size_t *used)
{
	struct level l = { .cmds = c->tool->cmds };
	const struct pt_cli_cmd *cmd = NULL;
	struct pt_buf candidates = { 0 };
	const char *object, *command;

	*used = 1;
	object = match(&l, words->v[0], &candidates);
	if (!object) {
		no_match(c, &l, words->v[0], &candidates);
		goto out;
	}
	cmd = first_of(c->tool, object, NULL);
	if (!cmd->command || words->n < 2)
		goto out;
	*used = 2;
	l.object = object;
	candidates.n = 0;
	command = match(&l, words->v[1], &candidates);
	cmd = command ? first_of(c->tool, object, command) : NULL;
	if (!cmd)
		no_match(c, &l, words->v[1], &candidates);
out:
	pt_buf_fini(&candidates);
	return cmd;
}

const struct pt_cli_cmd *pt_cli_find(const struct pt_cli_tool *tool, const char *const *words, size_t n, bool strict, size_t *used,
				     struct pt_err *e)
{
	struct pt_cli c = { .tool = tool };
	struct cli_words plain = { 0 };
	const struct pt_cli_cmd *cmd = NULL;

	for (size_t i = 0; i < n; i++) {
		if (words[i][0] == '-')
			i += cli_option_waits(words[i]) != NULL;
		else if (pt_vec_push(NULL, &plain, words[i]))
			break;
	}
	*used = 0;
	if (plain.n)
		cmd = cli_find(&c, &plain, used);
	else
		pt_err_add(&c.err, PT_ERROR, NULL, NULL, "%s is given no command", tool->name);
	if (cmd && strict && (strcmp(plain.v[0], cmd->object) || (*used > 1 && strcmp(plain.v[1], cmd->command)))) {
		pt_err_add(&c.err, PT_ERROR, NULL, NULL, "'%s' is short for '%s%s%s', and has to be written out", plain.v[*used - 1],
			   cmd->object, cmd->command ? " " : "", cmd->command ? cmd->command : "");
		cmd = NULL;
	}
	free(plain.v);
	pt_err_fini(e);
	*e = c.err;
	return cmd;
}
