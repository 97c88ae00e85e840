/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file system of the laboratory: programs of the machine, which cannot be written, and everything else made anew in memory. So
 * the console in it finds its files where it always does, and no path leads to those of the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tutorial.h"

#define PLACE "/tmp" /* covered by it, in this mount namespace */
#define COPY_MAX ((size_t)1 << 20)

/* What programs are and need, where there is such a folder. */
static const char *const programs[] = { "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix", "gnu" };
static const char *const folders[] = { "dev", "dev/pts", "etc", "etc/patronus", "proc", "root", "run", "sys", "tmp", "var", "var/lib" };
static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
/* Words and the screen. */
static const char *const copies[] = { "etc/services", "etc/protocols", "etc/inputrc", "etc/localtime" };

static const struct {
	const char *path, *text;
} files[] = {
	{ "etc/passwd", "root:x:0:0:the tutorial:/root:/bin/sh\n" },
	{ "etc/group", "root:x:0:\n" },
	{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n" },
	{ "etc/hosts", "127.0.0.1 localhost lab\n192.168.1.10 laptop\n203.0.113.1 web\n" },
	{ "etc/resolv.conf", "" },
};

/* The router's file: with IPv6, and without where the kernel has none. */
#define OF_FILE(wan6, lan6) \
	"# The router of a small office. Rules: the last one that matches decides, `quick` ends the search.\n" \
	"\n" \
	"system { name = \"lab\" forwarding = true }\n" \
	"\n" \
	"interface wan {\n\tdevice  = \"eth0\"\n\taddress = { \"203.0.113.2/24\"" wan6 " }\n}\n" \
	"\n" \
	"interface lan {\n\tdevice  = \"eth1\"\n\taddress = { \"192.168.1.1/24\"" lan6 " }\n}\n" \
	"\n" \
	"firewall {\n" \
	"\trules = {\n" \
	"\t\t\"block label default\",\n" \
	"\t\t\"match out on wan inet from lan:network nat-to (wan) label masquerade\",\n" \
	"\t\t\"pass out label out\",\n" \
	"\t\t\"pass in on lan proto tcp to self port ssh label admin\",\n" \
	"\t\t\"pass in on lan inet proto icmp icmp-type echoreq label ping\",\n" \
	"\t}\n" \
	"}\n"

static bool put(const char *path, const void *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool done = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

/* One that is not there, or cannot be read, is not needed. */
static void copy(const char *path)
{
	char from[64], *bytes;
	size_t n;

	(void)snprintf(from, sizeof(from), "/%s", path);
	if (pt_file_read(from, COPY_MAX, &bytes, &n, NULL))
		return;
	(void)put(path, bytes, n);
	free(bytes);
}

static bool bind_over(const char *from, const char *to, bool writable)
{
	struct mount_attr how = { .attr_set = MOUNT_ATTR_NOSUID | (writable ? 0 : MOUNT_ATTR_RDONLY) };

	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL))
		return false;
	return !mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &how, sizeof(how));
}

/* A folder, or a link to one as on systems with one /usr. */
static bool add_programs(const char *name)
{
	char from[64], link[256];
	struct stat st;
	ssize_t n;

	(void)snprintf(from, sizeof(from), "/%s", name);
	if (lstat(from, &st))
		return true;
	if (!S_ISLNK(st.st_mode))
		return !mkdir(name, 0755) && bind_over(from, name, false);
	n = readlink(from, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = '\0';
	return !symlink(link, name);
}

static bool add_node(const char *name)
{
	char from[64], to[64];

	(void)snprintf(from, sizeof(from), "/dev/%s", name);
	(void)snprintf(to, sizeof(to), "dev/%s", name);
	return put(to, "", 0) && !mount(from, to, NULL, MS_BIND, NULL);
}

/* That of a serial line or of the machine itself; others are below /dev/pts. */
static bool add_terminal(void)
{
	const char *tty = ttyname(STDIN_FILENO);

	if (!tty || strncmp(tty, "/dev/", 5) != 0 || strchr(tty + 5, '/') || strlen(tty) > 40)
		return true;
	return add_node(tty + 5);
}

static bool add_devices(void)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(nodes); i++)
		if (!add_node(nodes[i]))
			return false;
	return !mount("/dev/pts", "dev/pts", NULL, MS_BIND | MS_REC, NULL) && add_terminal();
}

/* The processes of here, and settings of the network only. Where parts of the machine's own are hidden the kernel gives no new one:
 * then it is that. */
static bool add_proc(void)
{
	struct mount_attr sealed = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) && mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL))
		return false;
	if (mount("proc/sys", "proc/sys", NULL, MS_BIND, NULL) || mount("proc/sys/net", "proc/sys/net", NULL, MS_BIND, NULL))
		return false;
	(void)!mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL); /* details of links */
	return !mount_setattr(AT_FDCWD, "proc/sys", 0, &sealed, sizeof(sealed));
}

static bool add_files(bool inet6)
{
	static const char with[] = OF_FILE(", \"2001:db8:ff::2/64\"", ", \"2001:db8:1::1/64\""), without[] = OF_FILE("", "");

	for (size_t i = 0; i < PT_ARRAY_SIZE(files); i++)
		if (!put(files[i].path, files[i].text, strlen(files[i].text)))
			return false;
	for (size_t i = 0; i < PT_ARRAY_SIZE(copies); i++)
		copy(copies[i]);
	return inet6 ? put(LAB_FILE + 1, with, sizeof(with) - 1) : put(LAB_FILE + 1, without, sizeof(without) - 1);
}

static bool add_folders(void)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i], 0755))
			return false;
	return true;
}

/* In a chroot there is nothing to change places with. */
static bool move_in(void)
{
	if (!syscall(SYS_pivot_root, ".", "."))
		return !umount2(".", MNT_DETACH) && !chdir("/root");
	return !chroot(".") && !chdir("/root");
}

const char *lab_root(bool inet6)
{
	(void)umask(022);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "keeping mounts to itself";
	if (mount("tmpfs", PLACE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m") || chdir(PLACE))
		return "mounting a file system in memory";
	for (size_t i = 0; i < PT_ARRAY_SIZE(programs); i++)
		if (!add_programs(programs[i]))
			return "mounting the machine's programs, unwritable";
	if (!add_folders() || !add_files(inet6))
		return "writing its files";
	if (!add_devices())
		return "mounting terminals";
	if (!add_proc())
		return "mounting /proc";
	return move_in() ? NULL : "going into it";
}
