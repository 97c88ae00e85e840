/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who runs this command: the login user, whatever sudo or su made of him, his terminal, his session, and where he comes from. The
 * kernel's login uid cannot be changed by him; the rest is for people.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ptconf.h"

#define UNSET UINT32_MAX
#define ANCESTORS 16

static uint32_t read_id(const char *path)
{
	char text[24] = "";
	uint64_t id = UNSET;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pt_parse_uint(text, UNSET, &id) ? UNSET : (uint32_t)id;
}

static void find_user(struct pt_author *a)
{
	uint32_t login = read_id("/proc/self/loginuid");
	const char *sudo = getenv("SUDO_UID");
	char room[4096];
	struct passwd pw, *found = NULL;
	uint64_t id;

	if (login == UNSET && sudo && !getuid() && !pt_parse_uint(sudo, UNSET - 1, &id))
		login = (uint32_t)id; /* no audit in this kernel: sudo knows */
	a->uid = login == UNSET ? getuid() : login;
	if (!getpwuid_r(a->uid, &pw, room, sizeof(room), &found) && found)
		snprintf(a->user, sizeof(a->user), "%s", found->pw_name);
	else
		snprintf(a->user, sizeof(a->user), "%u", a->uid);
}

static void find_terminal(struct pt_author *a)
{
	for (int fd = 0; fd < 3 && !a->tty[0]; fd++)
		if (!isatty(fd) || ttyname_r(fd, a->tty, sizeof(a->tty)))
			a->tty[0] = '\0';
}

/* "ADDRESS PORT ADDRESS PORT", from whoever: only an address is taken. */
static bool take_client(struct pt_author *a, const char *value)
{
	char text[sizeof(a->client)];
	struct pt_addr addr;

	if (!value || snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, " "), value) >= (int)sizeof(text) ||
	    pt_addr_parse(text, &addr))
		return false;
	snprintf(a->client, sizeof(a->client), "%s", text);
	return true;
}

static int parent_of(int pid)
{
	char path[40], text[512], *p;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* sudo takes SSH_CONNECTION out of the environment; the shell that ran it still has it. */
static bool client_of(struct pt_author *a, int pid)
{
	static const char name[] = "SSH_CONNECTION=";
	char path[40], text[32768];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	for (size_t i = 0; i < len; i += strlen(text + i) + 1)
		if (!strncmp(text + i, name, sizeof(name) - 1))
			return take_client(a, text + i + sizeof(name) - 1);
	return false;
}

void author_of_us(struct pt_author *a)
{
	uint32_t session = read_id("/proc/self/sessionid");

	memset(a, 0, sizeof(*a));
	find_user(a);
	find_terminal(a);
	a->session = session == UNSET ? 0 : session;
	a->leader = getsid(0);
	a->leader_started = pt_process_started(a->leader);
	if (take_client(a, getenv("SSH_CONNECTION")))
		return;
	for (int i = 0, pid = getppid(); i < ANCESTORS && pid > 1 && !client_of(a, pid); i++)
		pid = parent_of(pid);
}
