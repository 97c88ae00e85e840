/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order matters: the user is changed while that is still allowed, then capabilities go, and the list of calls comes
 * last since it forbids both. no_new_privs stands at the beginning: it is what lets an ordinary user load a list.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <patronus/sandbox.h>

#define NOBODY 65534

/* ---- who we are ---- */

/* The bounding set counts for programs that are started, which never happens; only root may change it. */
static void empty_bounding_set(void)
{
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int become_nobody(struct pt_err *e)
{
	if (geteuid())
		return 0;
	/* A user namespace may forbid the groups and lack the user; what remains there is root of nothing. */
	if (setgroups(0, NULL) && errno != EPERM)
		return pt_err_sys(e, -errno, "leaving the groups");
	if (setresgid(NOBODY, NOBODY, NOBODY) && errno != EPERM && errno != EINVAL)
		return pt_err_sys(e, -errno, "becoming the group nobody");
	if (setresuid(NOBODY, NOBODY, NOBODY) && errno != EPERM && errno != EINVAL)
		return pt_err_sys(e, -errno, "becoming the user nobody");
	return 0;
}

static int drop_capabilities(struct pt_err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return pt_err_sys(e, -errno, "clearing the ambient capabilities");
	if (syscall(SYS_capset, &head, none))
		return pt_err_sys(e, -errno, "dropping the capabilities");
	return 0;
}

/* ---- what we call ---- */

static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(fstat), SCMP_SYS(fstat64),
	SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(ioctl),
	SCMP_SYS(dup), SCMP_SYS(flock), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(select),
	SCMP_SYS(_newselect), SCMP_SYS(pselect6), SCMP_SYS(pselect6_time64), SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(pipe2), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(timerfd_gettime64), SCMP_SYS(send), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(recvmmsg_time64),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(shutdown), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(brk),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(futex_time64),
	SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(tgkill), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getuid32), SCMP_SYS(geteuid32),
	SCMP_SYS(getgid32), SCMP_SYS(getegid32), SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(capget),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
};

static const int dial[] = {
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(socketpair),
};

static const int reading[] = {
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat), SCMP_SYS(stat64),
	SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(statfs64),
	SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(fchdir),
};

static const int writing[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate),
	SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(sync_file_range),
};

static const int resizing[] = { SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64) };

static int allow(scmp_filter_ctx f, const int *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return rc;
}

/* New memory is never a program; a signal goes to ourselves (Ctrl-Z stops us through one). */
static int allow_with_limits(scmp_filter_ctx f)
{
	static const int mapping[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(mapping); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, mapping[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return rc;
}

static int allow_sockets(scmp_filter_ctx f, unsigned int may)
{
	static const struct {
		unsigned int bit;
		scmp_datum_t domain;
	} domains[] = {
		{ PT_SANDBOX_DIAL, AF_INET }, { PT_SANDBOX_DIAL, AF_INET6 }, { PT_SANDBOX_NETLINK, AF_NETLINK },
	};
	static const int bind_it[] = { SCMP_SYS(bind) };
	int rc = may & PT_SANDBOX_DIAL ? allow(f, dial, PT_ARRAY_SIZE(dial)) : 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(domains); i++)
		if (may & domains[i].bit)
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					      SCMP_A0(SCMP_CMP_EQ, domains[i].domain));
	if (!rc && (may & (PT_SANDBOX_DIAL | PT_SANDBOX_NETLINK)) == PT_SANDBOX_NETLINK)
		rc = allow(f, bind_it, PT_ARRAY_SIZE(bind_it));
	return rc;
}

static int allow_files(scmp_filter_ctx f, unsigned int may)
{
	const scmp_datum_t changes = O_ACCMODE | O_CREAT | O_TRUNC;
	int rc = 0;

	if (may & (PT_SANDBOX_READ | PT_SANDBOX_WRITE))
		rc = allow(f, reading, PT_ARRAY_SIZE(reading));
	if (!rc && (may & PT_SANDBOX_RESIZE))
		rc = allow(f, resizing, PT_ARRAY_SIZE(resizing));
	if (!rc && (may & PT_SANDBOX_WRITE))
		return allow(f, writing, PT_ARRAY_SIZE(writing));
	if (!rc && (may & PT_SANDBOX_READ))
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				      SCMP_A1(SCMP_CMP_MASKED_EQ, changes, O_RDONLY));
	if (!rc && (may & PT_SANDBOX_READ))
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, changes, O_RDONLY));
	return rc;
}

/* The flags of clone3 lie in memory, where no filter looks; told that it is missing, the C library uses clone. */
static int allow_threads(scmp_filter_ctx f, unsigned int may)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	if (!rc && (may & PT_SANDBOX_THREADS))
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return rc;
}

static int bind_calls(unsigned int may, struct pt_err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (!f)
		return pt_err_sys(e, -ENOMEM, "making the list of allowed calls");
	rc = seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!rc)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!rc)
		rc = allow(f, always, PT_ARRAY_SIZE(always));
	if (!rc)
		rc = allow_with_limits(f);
	if (!rc)
		rc = allow_sockets(f, may);
	if (!rc)
		rc = allow_files(f, may);
	if (!rc)
		rc = allow_threads(f, may);
	if (!rc) {
		rc = seccomp_load(f);
		if (rc == -EINVAL || rc == -ENOSYS) /* a kernel built without it */
			rc = 0;
	}
	seccomp_release(f);
	return rc ? pt_err_sys(e, rc, "binding the process to the calls that it needs") : 0;
}

int pt_sandbox(unsigned int may, struct pt_err *e)
{
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return pt_err_sys(e, -errno, "giving up new privileges");
	empty_bounding_set();
	rc = may & PT_SANDBOX_SAME_USER ? 0 : become_nobody(e);
	if (!rc)
		rc = drop_capabilities(e);
	return rc ? rc : bind_calls(may, e);
}
