/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostile-34: power cuts. ptconf works on a real file system on a disk that remembers all its writes (disk.h): apply, confirm,
 * rollback, again and again. Then the power is cut at random moments of that, each time on another copy of the medium: the file
 * system is mounted as after a reset, with its own journal, and the machine boots: `ptconf boot` in a namespace without rules, with
 * the id of another boot. What was confirmed before the cut must be in force then, or what was being confirmed; nothing that waited
 * for its confirmation, and no file may be empty or cut.
 *
 *   powercut PTCONF MEDIUM CUTS CYCLES SECONDS barrier|nobarrier|careless
 *
 * With nobarrier the file system never flushes, so the disk must keep the order of writes: what was written last is lost, also
 * what had been told to be confirmed, and an earlier confirmed revision may come back. No file may be cut then either.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <patronus/history.h>

#include "vm/disk.h"

#define WORK "/tmp/powercut"
#define MOUNT WORK "/mnt"
#define STATE MOUNT "/state"
#define CLAIMS_MAX 1024

/* After a command: so many writes had been done, and this revision was confirmed. */
struct claim {
	size_t moment;
	uint32_t confirmed;
};

static struct claim claims[CLAIMS_MAX];
static size_t n_claims;
static const char *ptconf;
static int failures;
static bool careless; /* while it is recorded */

static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("# ", stdout);
	vprintf(fmt, ap);
	fputc('\n', stdout);
	va_end(ap);
}

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- commands ---- */

/* Every sync succeeds and does nothing, here and in what is started. */
static void sync_nothing(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fdatasync, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
	};
	static const struct sock_fprog filter = { .len = sizeof(code) / sizeof(*code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(126);
}

static int run(const char *const argv[], const char *out)
{
	int status, fd;
	pid_t pid = fork();

	if (pid == 0) {
		fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		if (careless)
			sync_nothing();
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void show_output(void)
{
	char line[300];
	FILE *f = fopen(WORK "/out", "re");

	while (f && fgets(line, sizeof(line), f))
		printf("#   %s", line);
	if (f)
		fclose(f);
}

static void work(struct disk *d, const char *const *words)
{
	const char *argv[16] = { ptconf, "--state", STATE, "-q" };
	size_t n = 4;

	while (*words && n < 15)
		argv[n++] = *words++;
	if (run(argv, WORK "/out")) {
		say("%s failed:", argv[4]);
		show_output();
		die("recording");
	}
	if (n_claims == CLAIMS_MAX)
		die("claims");
	claims[n_claims++] = (struct claim){ disk_moment(d), pt_confirmed_read(STATE) };
}

/* What revision NUMBER of the file says: long enough for several blocks. */
static void text_of(unsigned int number, struct pt_buf *b)
{
	pt_buf_fmt(b, "# file %u\ninterface wan { device = \"eth0\" }\nboot { ssh-on = { \"wan\" } }\nfirewall { rules = {\n", number);
	for (unsigned int i = 0; i < 40; i++)
		pt_buf_fmt(b, "\t\"pass in on wan proto tcp from 10.%u.%u.0/24 to self port %u label f%u-%u\",\n", number % 250, i, 1000 + i,
			   number, i);
	pt_buf_str(b, "} }\n");
}

static void write_file(unsigned int number)
{
	struct pt_buf b = { 0 };
	FILE *f = fopen(WORK "/patronus.conf", "we");

	text_of(number, &b);
	if (!f || b.err || fwrite(b.s, 1, b.n, f) != b.n || fclose(f))
		die("patronus.conf");
	pt_buf_fini(&b);
}

static void record(struct disk *d, unsigned int cycles)
{
	static const char *const apply[] = { "apply", "-f", WORK "/patronus.conf", NULL };
	static const char *const wait[] = { "apply", "-f", WORK "/patronus.conf", "--confirm", "600", NULL };
	static const char *const confirm[] = { "confirm", NULL };
	static const char *const rollback[] = { "rollback", NULL };
	static const char *const back[] = { "rollback", "1", NULL };
	static const char *const *const steps[] = { apply, wait, confirm, wait, rollback, back };
	unsigned int number = 0;

	for (unsigned int i = 0; i < cycles; i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(*steps); k++) {
			if (steps[k] == apply || steps[k] == wait)
				write_file(++number);
			work(d, steps[k]);
		}
}

/* ---- after the cut ---- */

/* Empty files that somebody might read; names with a dot in front are never read. */
static void look_for_empty(const char *path, size_t cut)
{
	DIR *dir = opendir(path);
	struct dirent *de;
	struct stat st;

	while (dir && (de = readdir(dir)))
		if (de->d_name[0] != '.' && !fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
		    !st.st_size && strcmp(de->d_name, "lock") != 0) {
			say("cut %zu: %s/%s is empty", cut, path, de->d_name);
			failures++;
		}
	if (dir)
		closedir(dir);
}

static void look_for_damage(size_t cut)
{
	struct pt_history *h = NULL;
	struct pt_err e = { 0 };

	if (pt_history_read(STATE, 0, &h, &e)) {
		say("cut %zu: the history cannot be read: %s", cut, e.list.n ? e.list.v[0].msg : "?");
		failures++;
	}
	for (size_t i = 0; h && i < h->list.n; i++)
		if (h->list.v[i].state == PT_REVISION_DAMAGED) {
			say("cut %zu: %s", cut, h->list.v[i].problem);
			failures++;
		}
	pt_history_free(h);
	pt_err_fini(&e);
}

static void other_boot(void)
{
	FILE *f = fopen(WORK "/boot_id", "we");

	if (!f || fprintf(f, "%08lx-0000-4000-8000-%012lx\n", random() & 0xffffffff, random()) < 0 || fclose(f) ||
	    unshare(CLONE_NEWNET | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(WORK "/boot_id", "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL) || mount("run", "/run", "tmpfs", 0, NULL))
		_exit(126);
}

/* The revision that the boot puts in force, 0: none. */
static uint32_t boot(size_t cut)
{
	const char *argv[] = { ptconf, "--state", STATE, "boot", NULL };
	unsigned int number = 0;
	char line[300];
	pid_t pid = fork();
	int status;
	FILE *f;

	if (pid == 0) {
		other_boot();
		_exit(run(argv, WORK "/out"));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	f = fopen(WORK "/out", "re");
	while (f && fgets(line, sizeof(line), f))
		(void)!sscanf(line, "r%u is in force", &number);
	if (f)
		fclose(f);
	if (status) {
		say("cut %zu: boot ended with %d:", cut, WEXITSTATUS(status));
		show_output();
		failures++;
	}
	return number;
}

/* The claim that holds at MOMENT; the next one may. */
static size_t claim_at(size_t moment)
{
	size_t i = 0;

	while (i + 1 < n_claims && claims[i + 1].moment <= moment)
		i++;
	return i;
}

static bool is_allowed(uint32_t number, size_t moment, enum disk_loss loss)
{
	size_t i = claim_at(moment), last = i + 1 < n_claims ? i + 1 : i;

	if (loss == DISK_ANY)
		return number == claims[i].confirmed || number == claims[last].confirmed;
	for (size_t k = 0; k <= last; k++)
		if (number == claims[k].confirmed)
			return true;
	return false;
}

static int attach(const char *image, char path[32])
{
	struct loop_config config = { 0 };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, fd;

	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		die("loop");
	close(control);
	snprintf(path, 32, "/dev/loop%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	config.fd = (uint32_t)open(image, O_RDWR | O_CLOEXEC);
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config))
		die(path);
	close((int)config.fd);
	return fd;
}

static void try_cut(size_t cut, size_t moment, enum disk_loss loss, const uint8_t *medium, const char *options)
{
	char path[32];
	uint32_t number;
	int fd = open(WORK "/medium", O_RDWR | O_CREAT | O_CLOEXEC, 0600), loop;

	if (fd < 0 || pwrite(fd, medium, DISK_SIZE, 0) != (ssize_t)DISK_SIZE)
		die("medium");
	close(fd);
	loop = attach(WORK "/medium", path);
	if (mount(path, MOUNT, "ext4", 0, options)) {
		say("cut %zu: the file system cannot be mounted: %s", cut, strerror(errno));
		failures++;
		close(loop);
		return;
	}
	look_for_empty(STATE, cut);
	look_for_empty(STATE "/history", cut);
	look_for_damage(cut);
	number = boot(cut);
	if (!is_allowed(number, moment, loss)) {
		say("cut %zu at write %zu: r%u is in force, confirmed was r%u", cut, moment, number, claims[claim_at(moment)].confirmed);
		show_output();
		failures++;
	}
	if (umount2(MOUNT, 0) && umount2(MOUNT, MNT_DETACH))
		die("umount");
	close(loop);
}

/* Cuts until there were enough, or the time is over; how many were tried. */
static size_t cut_all(struct disk *d, const uint8_t *first, size_t begin, size_t cuts, time_t seconds, enum disk_loss loss, size_t *bad)
{
	const char *options = loss == DISK_ANY ? "barrier" : "nobarrier";
	uint8_t *medium = malloc(DISK_SIZE);
	time_t end = time(NULL) + seconds;
	size_t i = 0, moment;

	if (!medium)
		die("medium");
	for (*bad = 0; i < cuts && time(NULL) < end && failures <= 20; i++) {
		int before = failures;

		moment = begin + (size_t)random() % (claims[n_claims - 1].moment - begin);
		disk_cut(d, first, moment, loss, medium);
		try_cut(i + 1, moment, loss, medium, options);
		*bad += failures > before;
	}
	free(medium);
	return i;
}

static void record_all(struct disk *d, const char *image, unsigned int cycles, const char *options, uint8_t **first, size_t *begin)
{
	size_t resets = 0;

	(void)mkdir(WORK, 0700);
	(void)mkdir(MOUNT, 0700);
	*first = malloc(DISK_SIZE);
	if (!*first || disk_start(d, "/dev/nbd0", image))
		die("disk");
	memcpy(*first, d->image, DISK_SIZE);
	if (mount("/dev/nbd0", MOUNT, "ext4", 0, options))
		die("mount");
	if (mkdir(STATE, 0700))
		die(STATE);
	write_file(0);
	record(d, 1); /* from the first confirmed revision on */
	if (careless)
		sync(); /* it is on the medium: there is something to lose */
	*begin = disk_moment(d);
	record(d, cycles);
	sync();
	if (umount2(MOUNT, 0))
		die("umount");
	disk_stop(d);
	for (size_t i = *begin; i < d->n; i++)
		resets += !d->log[i].len;
	say("%zu writes and %zu flushes of %zu commands", d->n - *begin - resets, resets, n_claims - 6);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("PATRONUS_SEED");
	size_t cuts, tried, begin, bad;
	enum disk_loss loss;
	unsigned int seeded;
	struct disk d = { 0 };
	uint8_t *first;
	bool without;

	if (argc != 7)
		return 2;
	ptconf = argv[1];
	cuts = (size_t)strtoul(argv[3], NULL, 10);
	loss = strcmp(argv[6], "nobarrier") ? DISK_ANY : DISK_PREFIX;
	without = careless = !strcmp(argv[6], "careless");
	seeded = seed && *seed ? (unsigned int)strtoul(seed, NULL, 10) : (unsigned int)time(NULL);
	srandom(seeded);
	setvbuf(stdout, NULL, _IOLBF, 0);
	say("PATRONUS_SEED=%u", seeded);
	record_all(&d, argv[2], (unsigned int)strtoul(argv[4], NULL, 10), loss == DISK_ANY ? "barrier" : "nobarrier", &first, &begin);
	careless = false;
	tried = cut_all(&d, first, begin, cuts, (time_t)strtol(argv[5], NULL, 10), loss, &bad);
	free(first);
	if (without) {
		printf("%s 1 - hostile-34: without its syncs, %zu of %zu power cuts lose something\n1..1\n", bad ? "ok" : "not ok", bad, tried);
		return !bad;
	}
	if (tried < cuts && failures <= 20) {
		say("only %zu of %zu cuts in %s seconds", tried, cuts, argv[5]);
		failures++;
	}
	printf("%s 1 - hostile-34: ext4 with %s: %zu of %zu power cuts boot a confirmed revision, no file empty or cut\n1..1\n",
	       failures ? "not ok" : "ok", argv[6], tried - bad, cuts);
	return failures != 0;
}
