/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a network namespace is still there. The kernel keeps it for as long as a process is in it or a name is mounted over it,
 * and has no list of them, so both are looked through.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plan/change.h"

static bool process_is_in(uint64_t inode, int except)
{
	DIR *proc = opendir("/proc");
	bool found = false;
	struct dirent *de;

	if (!proc)
		return true; /* nobody can tell: it may be */
	while (!found && (de = readdir(proc))) {
		char path[300];
		struct stat st;

		if (!isdigit((unsigned char)de->d_name[0]) || strtol(de->d_name, NULL, 10) == except)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", de->d_name);
		found = !stat(path, &st) && (uint64_t)st.st_ino == inode;
	}
	closedir(proc);
	return found;
}

/* What is mounted has its number in the line: "… / net:[4026532008] /run/netns/blue …". */
static bool is_mounted(uint64_t inode)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, name[40];
	bool found = false;
	size_t size = 0;

	if (!f)
		return true;
	snprintf(name, sizeof(name), " net:[%llu] ", (unsigned long long)inode);
	while (!found && getline(&line, &size, f) >= 0)
		found = strstr(line, name) != NULL;
	free(line);
	fclose(f);
	return found;
}

bool change_netns_lives(uint64_t inode, int except)
{
	return process_is_in(inode, except) || is_mounted(inode);
}
