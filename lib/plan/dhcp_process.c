/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process of each client, told in a file by its number and the moment it was started, so that no later process is taken for it;
 * and what people ask of it by hand.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <patronus/record.h>

#include "plan/dhcp_process.h"

#define KIND "patronus client 1"
#define END_MS 3000

int dhcp_process_note(const char *folder, const char *device, int pid, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	struct pt_buf b = { 0 };
	int rc = lease_file(folder, device, DHCP_CLIENT, path, sizeof(path));

	pt_buf_str(&b, KIND "\n");
	pt_record_u64(&b, "pid", (uint64_t)pid);
	pt_record_u64(&b, "started", pt_process_started(pid));
	pt_record_u64(&b, "time", (uint64_t)time(NULL));
	if (!rc)
		return pt_record_write(path, &b, e);
	pt_buf_fini(&b);
	return pt_err_sys(e, rc, "noting the client of %s", device);
}

void dhcp_process_forget(const char *folder, const char *device)
{
	char path[PT_LEASES_PATH + 40];

	if (!lease_file(folder, device, DHCP_CLIENT, path, sizeof(path)))
		(void)unlink(path);
}

/* A descriptor of the process that is noted, or -ESRCH. */
static int open_process(const char *folder, const char *device, struct pt_dhcp_client *out)
{
	char path[PT_LEASES_PATH + 40];
	uint64_t started;
	struct pt_record r;
	int fd, rc = lease_file(folder, device, DHCP_CLIENT, path, sizeof(path));

	if (!rc)
		rc = pt_record_read(path, KIND, &r, NULL);
	if (rc)
		return rc == -ENOENT || rc == -EBADMSG ? -ESRCH : rc;
	out->pid = (int)pt_record_number(&r, "pid");
	out->since = pt_record_number(&r, "time");
	started = pt_record_number(&r, "started");
	pt_record_fini(&r);
	fd = out->pid > 0 ? (int)syscall(SYS_pidfd_open, out->pid, 0) : -1;
	if (fd >= 0 && started && pt_process_started(out->pid) == started)
		return fd;
	if (fd >= 0)
		close(fd);
	out->pid = 0;
	return -ESRCH;
}

int pt_dhcp_client(const char *folder, const char *device, struct pt_dhcp_client *out, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	int fd, rc;

	*out = (struct pt_dhcp_client){ 0 };
	rc = lease_file(folder, device, DHCP_RELEASED, path, sizeof(path));
	if (rc)
		return pt_err_sys(e, rc, "looking for the client of %s", device);
	out->released = !access(path, F_OK);
	fd = open_process(folder, device, out);
	if (fd >= 0)
		close(fd);
	return fd < 0 && fd != -ESRCH ? pt_err_sys(e, fd, "looking for the client of %s", device) : 0;
}

/* ---- those that were left behind ---- */

static void end_one(const char *folder, const char *device)
{
	struct pt_dhcp_client c = { 0 };
	int fd = open_process(folder, device, &c);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd >= 0) {
		(void)syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
		if (poll(&p, 1, END_MS) == 0) {
			(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
			(void)poll(&p, 1, END_MS);
		}
		close(fd);
	}
	dhcp_process_forget(folder, device);
}

void dhcp_process_end_all(const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		const char *dot = strrchr(entry->d_name, '.');
		char device[PT_LINK_NAME] = "";

		if (!dot || dot == entry->d_name || strcmp(dot + 1, DHCP_CLIENT) != 0 || dot - entry->d_name >= PT_LINK_NAME)
			continue;
		memcpy(device, entry->d_name, (size_t)(dot - entry->d_name));
		end_one(folder, device);
	}
	if (d)
		closedir(d);
}

/* ---- by hand ---- */

static int tell_nobody(const char *device, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "`ptnet dhcp watch` (patronus-dhcp.service) has them run",
		   "nobody asks a server for addresses of %s", device);
	return -ESRCH;
}

static int send_signal(const char *folder, const char *device, int signal, struct pt_err *e)
{
	struct pt_dhcp_client c = { 0 };
	int fd = open_process(folder, device, &c), rc = 0;

	if (fd == -ESRCH || fd == -EINVAL)
		return tell_nobody(device, e);
	if (fd < 0)
		return pt_err_sys(e, fd, "looking for the client of %s", device);
	if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0))
		rc = pt_err_sys(e, -errno, "telling the client of %s", device);
	close(fd);
	return rc;
}

/* Signals are the words of the client, see dhcpcd(8): SIGALRM releases; SIGHUP asks all servers, where SIGUSR1 asks only the one that gave the
 * lease, and does not hear when another one refuses it. */
int pt_dhcp_renew(const char *folder, const char *device, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	int rc = lease_file(folder, device, DHCP_RELEASED, path, sizeof(path));

	if (rc)
		return tell_nobody(device, e);
	if (!unlink(path)) /* who watches over it starts it */
		return 0;
	return errno == ENOENT ? send_signal(folder, device, SIGHUP, e) : pt_err_sys(e, -errno, "asking for %s again", device);
}

int pt_dhcp_release(const char *folder, const char *device, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	int rc = lease_file(folder, device, DHCP_RELEASED, path, sizeof(path));

	if (rc)
		return tell_nobody(device, e);
	if (!access(path, F_OK))
		return 0;
	/* First, so that who watches over it knows why it ends. */
	rc = pt_file_write(path, "", 0, 0600, e);
	if (!rc)
		rc = send_signal(folder, device, SIGALRM, e);
	if (rc)
		(void)unlink(path);
	return rc;
}
