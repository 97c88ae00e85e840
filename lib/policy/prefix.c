/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words that the kernel hands over with a logged packet. They hold what does not change when a file is edited
 * around the rule: what it does, and its name. Line numbers or a digest of the file in them would make
 * every rule with `log` a different one at each edit.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <patronus/policy.h>

#define OURS "ptfw "

static const char *const actions[] = { [PT_PASS] = "pass", [PT_BLOCK] = "block", [PT_MATCH] = "match" };
static const char *const dirs[] = { [PT_IN] = "in", [PT_OUT] = "out" };

void pt_pol_prefix(char out[PT_POL_PREFIX_MAX], const struct pt_pol_rule *r)
{
	snprintf(out, PT_POL_PREFIX_MAX, OURS "%s %s %s", actions[r->action], dirs[r->dir], r->name);
}

/* Skips the word that *S begins with; its index, or -1. */
static int take_word(const char **s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = words[i] ? strlen(words[i]) : 0;

		if (!len || strncmp(*s, words[i], len) || (*s)[len] != ' ')
			continue;
		*s += len + 1;
		return (int)i;
	}
	return -1;
}

int pt_pol_prefix_parse(const char *s, enum pt_action *action, enum pt_dir *dir, const char **name)
{
	int a, d;

	if (strncmp(s, OURS, sizeof(OURS) - 1))
		return -EINVAL;
	s += sizeof(OURS) - 1;
	a = take_word(&s, actions, PT_ARRAY_SIZE(actions));
	d = a < 0 ? -1 : take_word(&s, dirs, PT_ARRAY_SIZE(dirs));
	if (d < 0 || !*s)
		return -EINVAL;
	*action = (enum pt_action)a;
	*dir = (enum pt_dir)d;
	*name = s;
	return 0;
}
