/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of the machine under it all: clock, disks, memory, processors. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "diag/finding.h"

#define EARLIEST 1735689600 /* 2025-01-01: before this program was written */
#define DISK_FULL 95        /* percent */
#define MEMORY_LEFT 5       /* percent */
#define PRESSURE 10.0       /* percent of the last minute in which somebody waited */

int check_clock(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);
	time_t now = time(NULL);

	if (now < EARLIEST) {
		s.severity = PT_FINDING_ERROR;
		(void)snprintf(s.text, sizeof(s.text),
			       "the clock is years behind: certificates and schedules are judged wrongly");
		(void)snprintf(s.evidence, sizeof(s.evidence), "%lld second%s since 1970", (long long)now,
			       pt_plural((uint64_t)now));
	} else if (state == TIME_ERROR || (state >= 0 && t.status & STA_UNSYNC)) {
		(void)snprintf(s.text, sizeof(s.text), "nobody keeps the clock right: it goes its own way");
		(void)snprintf(s.evidence, sizeof(s.evidence), "the kernel says that it is not synchronised");
	} else {
		return state < 0 ? finding_skip(l, c, "the kernel does not tell: %s", strerror(errno)) : 0;
	}
	(void)snprintf(s.next, sizeof(s.next), "timedatectl timesync-status, or chronyc tracking");
	return finding_tell(l, c, &s);
}

static const char *const places[] = { "/", "/var", "/run" };

/* Each file system once. */
static bool disk(const struct finding_look *l, size_t i, struct statvfs *out)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", l->o->root ? l->o->root : "", places[i]);
	if (statvfs(path, out))
		return false;
	for (size_t j = 0; j < i; j++) {
		struct statvfs other;

		(void)snprintf(path, sizeof(path), "%s%s", l->o->root ? l->o->root : "", places[j]);
		if (!statvfs(path, &other) && other.f_fsid == out->f_fsid && other.f_blocks == out->f_blocks &&
		    other.f_bfree == out->f_bfree)
			return false;
	}
	return true;
}

static int tell_room(struct finding_look *l, const struct pt_check *c, const char *place, const char *what,
		     uint64_t left, uint64_t all)
{
	struct finding_say s = { .severity = left ? PT_FINDING_WARNING : PT_FINDING_ERROR, .subject = place };

	if (!all || left * 100 > all * (100 - DISK_FULL))
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "%s is nearly out of %s: changes, leases and logs cannot be written",
		       place, what);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu of %llu left", (unsigned long long)left,
		       (unsigned long long)all);
	(void)snprintf(s.next, sizeof(s.next), strcmp(what, "room") ? "df -i %s" : "df %s", place);
	return finding_tell(l, c, &s);
}

int check_disk_full(struct finding_look *l, const struct pt_check *c)
{
	struct statvfs v;
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(places); i++)
		if (disk(l, i, &v))
			rc = tell_room(l, c, places[i], "room", v.f_bavail, v.f_blocks);
	return rc;
}

int check_inodes_full(struct finding_look *l, const struct pt_check *c)
{
	struct statvfs v;
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(places); i++)
		if (disk(l, i, &v))
			rc = tell_room(l, c, places[i], "places for files", v.f_favail, v.f_files);
	return rc;
}

/* The root may be meant so; what must be written is /var and /run. */
int check_disk_read_only(struct finding_look *l, const struct pt_check *c)
{
	struct statvfs v;
	int rc = 0;

	for (size_t i = 1; !rc && i < PT_ARRAY_SIZE(places); i++) {
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = places[i] };
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s%s", l->o->root ? l->o->root : "", places[i]);
		if (statvfs(path, &v) || !(v.f_flag & ST_RDONLY))
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "%s can only be read: nothing that is changed outlives the next start", places[i]);
		(void)snprintf(s.evidence, sizeof(s.evidence),
			       "mounted read-only, perhaps by the kernel behind an error of the disk");
		(void)snprintf(s.next, sizeof(s.next), "dmesg");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

int check_memory_low(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	uint64_t all, left;
	char text[4096];

	if (finding_file(l, "/proc/meminfo", text, sizeof(text)) <= 0 || !finding_value(text, "MemTotal", &all) ||
	    !finding_value(text, "MemAvailable", &left))
		return finding_skip(l, c, "/proc/meminfo does not tell");
	if (left * 100 > all * MEMORY_LEFT)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "memory is nearly used up");
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu of %llu KiB left", (unsigned long long)left,
		       (unsigned long long)all);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag activity");
	return finding_tell(l, c, &s);
}

int check_memory_pressure(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	const char *at;
	double share;
	char text[512];

	if (finding_file(l, "/proc/pressure/memory", text, sizeof(text)) <= 0)
		return finding_skip(l, c, "the kernel does not measure pressure");
	at = strstr(text, "avg60=");
	share = at ? strtod(at + 6, NULL) : 0;
	if (share < PRESSURE)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "programs wait for memory");
	(void)snprintf(s.evidence, sizeof(s.evidence), "some of them for %.0f %% of the last minute", share);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag activity");
	return finding_tell(l, c, &s);
}

int check_oom_kills(struct finding_look *l, const struct pt_check *c)
{
	const struct finding_sample *s0 = &l->before, *s1 = &l->after;
	struct finding_say s = { .severity = PT_FINDING_WARNING };

	if (!s1->known[COUNT_OOM_KILLS] || !s1->v[COUNT_OOM_KILLS])
		return 0;
	if (s0->known[COUNT_OOM_KILLS] && s1->v[COUNT_OOM_KILLS] > s0->v[COUNT_OOM_KILLS])
		s.severity = PT_FINDING_ERROR;
	(void)snprintf(s.text, sizeof(s.text), "programs were killed because there was no memory");
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu since the start of the machine",
		       (unsigned long long)s1->v[COUNT_OOM_KILLS]);
	(void)snprintf(s.next, sizeof(s.next), "dmesg");
	return finding_tell(l, c, &s);
}

int check_load(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	double load[3];
	char text[128];

	if (finding_file(l, "/proc/loadavg", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]) != 3)
		return finding_skip(l, c, "/proc/loadavg does not tell");
	if (n < 1 || load[1] < 4.0 * (double)n)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "there is far more to do than the processors can");
	(void)snprintf(s.evidence, sizeof(s.evidence),
		       "%.1f programs ran or waited to run in the last five minutes, on %ld processor%s", load[1],
		       n, pt_plural((uint64_t)n));
	(void)snprintf(s.next, sizeof(s.next), "ptdiag activity");
	return finding_tell(l, c, &s);
}
