/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what. The console gives nobody any power: what the kernel and the files let a user do is all there is, and a profile
 * takes some of it away. Each command's own table says whether it only shows, acts, or configures.
 */
#include <grp.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <patronus/conf.h>

#include "ptsh.h"

#define GROUPS_MAX 256

static const struct {
	const char *group, *name;
	unsigned int options; /* one of these bits is enough; 0: everything */
} profiles[] = {
	[PROFILE_VIEWER] = { "patronus-viewer", "a viewer", PT_CLI_VIEW },
	[PROFILE_OPERATOR] = { "patronus-operator", "an operator", PT_CLI_VIEW | PT_CLI_ACT },
	[PROFILE_ADMIN] = { "patronus-admin", "an admin", 0 },
};

static bool is_member(const char *name)
{
	gid_t groups[GROUPS_MAX];
	const struct group *g = getgrnam(name);
	int n = getgroups(GROUPS_MAX, groups);

	if (!g)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == g->gr_gid)
			return true;
	return getegid() == g->gr_gid;
}

/* The most restricted of those that apply: who was put among the viewers is one, root or not. Without a group, root may all and
 * others see. */
enum profile profile_of_user(void)
{
	for (enum profile p = PROFILE_VIEWER; p <= PROFILE_ADMIN; p++)
		if (is_member(profiles[p].group))
			return p;
	return geteuid() ? PROFILE_VIEWER : PROFILE_ADMIN;
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
	const char *tty = ttyname(STDIN_FILENO);

	openlog("ptsh", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "user=%s tty=%s status=%d command=%s", c->user, tty ? tty : "-", status, line);
	closelog();
}

/* Values that patronus.conf(5) calls secret, by the names of their options. */
static const char *const secrets[] = { "password", "secret", "key", "private-key", "preshared-key", "psk" };

bool is_secret(const pt_line_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < PT_ARRAY_SIZE(secrets); k++)
			if (!strcmp(w->v[i].s, secrets[k]))
				return true;
	return false;
}
