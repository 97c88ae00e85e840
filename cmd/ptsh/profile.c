/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what. The console gives nobody any power: what the kernel and the files let a user do is all there is, and a profile
 * takes some of it away. Each command's own table says whether it only shows, acts, or configures.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <patronus/conf.h>

#include "ptsh.h"

#define GROUPS_MAX 65536 /* as many as the kernel has */
#define LANGUAGES_MAX 32  /* LC_... */

static const struct {
	const char *group, *name;
	unsigned int options; /* one of these bits is enough; 0: everything */
} profiles[] = {
	[PROFILE_VIEWER] = { "patronus-viewer", "a viewer", PT_CLI_VIEW },
	[PROFILE_OPERATOR] = { "patronus-operator", "an operator", PT_CLI_VIEW | PT_CLI_ACT },
	[PROFILE_ADMIN] = { "patronus-admin", "an admin", 0 },
	[PROFILE_LEARNER] = { NULL, "whoever is no admin outside of the tutorial", 0 }, /* of no group */
};

static bool is_member(const char *name, const gid_t *groups, int n)
{
	const struct group *g = getgrnam(name);

	for (int i = 0; g && i < n; i++)
		if (groups[i] == g->gr_gid)
			return true;
	return false;
}

/* The first of the profiles, the most restricted one, that a group gives; behind the last: none. N below 0: who cannot be told is a
 * viewer. */
static enum profile profile_of_groups(const gid_t *groups, int n)
{
	enum profile p = PROFILE_VIEWER;

	while (n >= 0 && p <= PROFILE_ADMIN && !is_member(profiles[p].group, groups, n))
		p++;
	return p;
}

/* The most restricted of those that apply: who was put among the viewers is one, root or not, and stays one with sudo. Without a
 * group, root may all and others see. */
enum profile profile_of_user(const struct passwd *by)
{
	gid_t *groups = calloc(GROUPS_MAX + 1, sizeof(*groups));
	int n = groups ? getgroups(GROUPS_MAX, groups) : -1, all = GROUPS_MAX;
	enum profile p, other;

	if (n >= 0)
		groups[n++] = getegid();
	p = profile_of_groups(groups, n);
	if (by && groups) {
		other = profile_of_groups(groups, getgrouplist(by->pw_name, by->pw_gid, groups, &all));
		p = other < p ? other : p;
	}
	free(groups);
	if (p > PROFILE_ADMIN)
		return geteuid() ? PROFILE_VIEWER : PROFILE_ADMIN;
	return p;
}

const char *profile_name(enum profile p)
{
	return profiles[p].name;
}

bool profile_allows(enum profile p, unsigned int options)
{
	return !profiles[p].options || (options & profiles[p].options);
}

void audit(const struct console *c, const char *line, int status)
{
	const char *tty = ttyname(STDIN_FILENO), *from = getenv("SSH_CONNECTION");

	openlog("ptsh", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "user=%s tty=%s from=%.*s status=%d command=%s", c->user, tty ? tty : "-",
	       from ? (int)strcspn(from, " ") : 1, from ? from : "-", status, line);
	closelog();
}

/* Values of command lines that are secret, beside those that the schema calls so. */
static const struct {
	const char *word, *object;
} secrets[] = { { "password", "wol" }, { NULL, NULL } };

static bool begins(const char *s, const char *of)
{
	return *s && !strncmp(s, of, strlen(s));
}

/* N bytes of WORD, which may be a path, "interface.dsl.password", or have its value in it. */
static bool is_secret_option(const struct pt_schema *rows, const char *word, size_t n)
{
	for (; rows && rows->name; rows++)
		if ((rows->secret && strlen(rows->name) == n && !strncmp(rows->name, word, n)) || is_secret_option(rows->options, word, n))
			return true;
	return false;
}

/* Words of a tool may be shortened, but `pass` is how a rule begins. */
static bool is_shortened(const pt_line_words *w, size_t i)
{
	for (size_t k = 0; secrets[k].word; k++)
		for (size_t before = 0; before < i; before++)
			if (begins(w->v[i].s, secrets[k].word) && begins(w->v[before].s, secrets[k].object))
				return true;
	return false;
}

bool is_secret(const pt_line_words *w, size_t i)
{
	const char *word = w->v[i].s;
	size_t n = strcspn(word, "="), from = n;

	while (from && !strchr("./", word[from - 1]))
		from--;
	word += from;
	n -= from;
	for (size_t k = 0; n && secrets[k].word; k++)
		if (strlen(secrets[k].word) == n && !strncmp(word, secrets[k].word, n))
			return true;
	return is_shortened(w, i) || is_secret_option(pt_conf_schema, word, n);
}

/* ---- ways out ---- */

/* What stays of the environment: what the screen looks like, and where the user came from, which `confirm` wants to know. */
static const char *const kept[] = { "TERM", "LANG", "LANGUAGE", "NO_COLOR", "TZ", "SSH_CONNECTION", "SSH_TTY", "SUDO_UID" };

static bool is_kept(const char *variable)
{
	size_t n = strcspn(variable, "=");

	for (size_t i = 0; i < PT_ARRAY_SIZE(kept); i++)
		if (strlen(kept[i]) == n && !strncmp(kept[i], variable, n))
			return true;
	return !strncmp(variable, "LC_", 3);
}

/* Paths in variables of language and terminal would name files of the user's own. */
static bool is_plain(const char *variable)
{
	const char *value = strchr(variable, '=');

	return value && (!strchr(value, '/') || !strncmp(variable, "SSH_TTY=", 8) || !strncmp(variable, "TZ=", 3));
}

int profile_confine(const struct console *c)
{
	char **left = calloc(PT_ARRAY_SIZE(kept) + LANGUAGES_MAX, sizeof(*left));
	size_t n = 0;
	int rc = left ? 0 : -ENOMEM;

	for (char **e = environ; left && *e && n + 1 < PT_ARRAY_SIZE(kept) + LANGUAGES_MAX; e++)
		if (is_kept(*e) && is_plain(*e))
			left[n++] = *e;
	if (rc)
		return rc;
	environ = left; /* kept as long as the process is */
	if (setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) || setenv("INPUTRC", "/dev/null", 1) ||
	    setenv("HOME", c->home[0] ? c->home : "/", 1))
		rc = -ENOMEM;
	/* Names of files without a folder are in the home. */
	if (!rc && (!c->home[0] || chdir(c->home)) && chdir("/"))
		rc = -errno;
	return rc;
}
