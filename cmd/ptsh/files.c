/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of files, where one may stand: those that can be shown as they are. Folders end in a slash. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ptsh.h"

#define FILES_MAX 1000 /* more of them are no list for people */

static bool is_shown(const char *name)
{
	struct pt_buf b = { 0 };
	bool same;

	pt_escape(&b, name, strlen(name));
	same = !b.err && b.s && !strcmp(b.s, name);
	pt_buf_fini(&b);
	return same;
}

static void offer_file(int folder, const char *name, const char *before, size_t n, const struct offers *to)
{
	struct pt_buf b = { 0 };
	struct stat st;
	bool is_folder = !fstatat(folder, name, &st, 0) && S_ISDIR(st.st_mode);

	pt_buf_add(&b, before, n);
	pt_buf_fmt(&b, "%s%s", name, is_folder ? "/" : "");
	if (!b.err)
		to->word(b.s, is_folder ? "a folder" : NULL, to->arg);
	pt_buf_fini(&b);
}

void files_offer(const char *begun, const struct offers *to)
{
	const char *slash = strrchr(begun, '/'), *name = slash ? slash + 1 : begun;
	char folder[PATH_MAX];
	struct dirent *e;
	size_t left = FILES_MAX;
	DIR *d;

	if ((size_t)(name - begun) >= sizeof(folder))
		return;
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(name - begun), begun);
	d = opendir(folder[0] ? folder : ".");
	while (d && left && (e = readdir(d))) {
		if ((e->d_name[0] == '.' && name[0] != '.') || !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    strncmp(e->d_name, name, strlen(name)) != 0 || !is_shown(e->d_name))
			continue;
		offer_file(dirfd(d), e->d_name, begun, (size_t)(name - begun), to);
		left--;
	}
	if (d)
		(void)closedir(d);
}
