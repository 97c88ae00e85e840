/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rules with `log` logged: shown, followed, summed up, and recorded. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "state.h"

#define LOOK_MS 200 /* how often the store is looked at for more */
#define TELL_NS 10000000000ull /* losses are told so often */

static const char *store_of(const struct pt_cli *c)
{
	return c->store ? c->store : PT_LOG_DIR;
}

/* ---- being asked to end ---- */

static int stop_pipe[2] = { -1, -1 };

static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	(void)!write(stop_pipe[1], "", 1);
	errno = saved;
}

/* SIGINT and SIGTERM as something to read; a negative errno with a record. They also interrupt a write to somebody who
 * does not read any more, which signalfd(2) would not. */
static int stop_fd(struct pt_cli *c)
{
	struct sigaction act = { .sa_handler = on_signal };

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK))
		return pt_err_sys(&c->err, -errno, "preparing for signals");
	sigemptyset(&act.sa_mask);
	if (sigaction(SIGINT, &act, NULL) || sigaction(SIGTERM, &act, NULL))
		return pt_err_sys(&c->err, -errno, "preparing for signals");
	return stop_pipe[0];
}

static int filters(struct pt_cli *c, struct pt_log_filter *f)
{
	uint64_t now = clock_now(CLOCK_REALTIME);
	int rc = 0;

	f->af = c->af;
	if (c->argc % 2)
		return pt_cli_usage(c, "each filter is a word and its value");
	for (size_t i = 0; !rc && i + 1 < c->argc; i += 2)
		rc = pt_log_filter_set(f, c->argv[i], c->argv[i + 1], now, &c->err);
	return rc == -EINVAL ? PT_EXIT_CONFIG : rc;
}

/* A number with K, M or G behind it. */
static int parse_size(struct pt_cli *c, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t n = strlen(text);
	const char *unit = n ? strchr(units, text[n - 1]) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;

	if (unit)
		n--;
	if (n && n < sizeof(digits)) {
		memcpy(digits, text, n);
		digits[n] = '\0';
		if (!pt_parse_uint(digits, UINT64_MAX >> shift, out) && *out << shift >= min && *out << shift <= max) {
			*out <<= shift;
			return 0;
		}
	}
	return pt_cli_usage(c, "'%s' is not a size from %llu to %llu", text, (unsigned long long)min, (unsigned long long)max);
}

static int bytes_kept(struct pt_cli *c, uint32_t *keep)
{
	uint64_t n = PT_LOG_KEEP;
	int rc = c->bytes ? parse_size(c, c->bytes, 64, PT_LOG_KEEP_MAX, &n) : 0;

	*keep = (uint32_t)n;
	return rc;
}

/* ---- show ---- */

static void tell_damage(struct pt_cli *c, const struct pt_log_reader *r)
{
	if (pt_log_reader_damaged(r))
		pt_err_add(&c->err, PT_WARNING, NULL, "delete it, or keep it for a look",
			   "%zu file%s of the log could not be read to the end", pt_log_reader_damaged(r),
			   pt_plural(pt_log_reader_damaged(r)));
}

typedef int (*record_fn)(const struct pt_log_record *r, void *arg);

static int count_one(const struct pt_log_record *r, void *arg)
{
	(void)r;
	++*(uint64_t *)arg;
	return 0;
}

/* Gives what matches to FN, but the first SKIP; with a limit, no more than that. */
static int walk(struct pt_cli *c, const struct pt_log_filter *f, uint64_t skip, uint64_t max, record_fn fn, void *arg)
{
	struct pt_log_reader *reader;
	struct pt_log_record r;
	int rc, one;

	rc = pt_log_reader_open(store_of(c), false, &reader, &c->err);
	if (rc)
		return rc;
	while (max && (rc = pt_log_reader_next(reader, &r)) > 0) {
		if (!pt_log_filter_match(f, &r))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		max--;
		one = fn(&r, arg);
		if (one) {
			pt_log_reader_close(reader);
			return one;
		}
	}
	if (rc < 0)
		pt_err_sys(&c->err, rc, "reading the log in %s", store_of(c));
	else if (fn != count_one) /* that is only the first of two walks */
		tell_damage(c, reader);
	pt_log_reader_close(reader);
	return rc < 0 ? rc : 0;
}

/* Where the last records begin is not known before all have been seen. */
static int count_skipped(struct pt_cli *c, const struct pt_log_filter *f, uint64_t *skip)
{
	uint64_t n = 0;
	int rc;

	*skip = 0;
	if (!f->last)
		return 0;
	rc = walk(c, f, 0, UINT64_MAX, count_one, &n);
	*skip = n > f->last ? n - f->last : 0;
	return rc;
}

static int show_one(const struct pt_log_record *r, void *arg)
{
	return log_view_show(arg, r);
}

int cmd_log_show(struct pt_cli *c)
{
	struct pt_log_filter f = { 0 };
	struct log_view v = { .fd = -1 };
	uint64_t skip = 0;
	int rc;

	rc = filters(c, &f);
	if (!rc)
		rc = count_skipped(c, &f, &skip);
	if (!rc)
		rc = log_view_begin(&v, c, false);
	if (!rc)
		rc = walk(c, &f, skip, f.last ? f.last : UINT64_MAX, show_one, &v);
	rc = log_view_end(&v, rc);
	pt_log_filter_fini(&f);
	return rc;
}

/* ---- summary ---- */

static int sum_one(const struct pt_log_record *r, void *arg)
{
	return pt_log_sum_add(arg, r);
}

int cmd_log_summary(struct pt_cli *c)
{
	struct pt_log_filter f = { 0 };
	struct pt_log_sum *s = pt_log_sum_new();
	uint64_t skip = 0;
	int rc;

	rc = s ? filters(c, &f) : pt_err_sys(&c->err, -ENOMEM, "summing up the log");
	if (!rc)
		rc = count_skipped(c, &f, &skip);
	if (!rc)
		rc = walk(c, &f, skip, f.last ? f.last : UINT64_MAX, sum_one, s);
	if (!rc)
		rc = log_summary_show(c, s);
	pt_log_sum_free(s);
	pt_log_filter_fini(&f);
	return rc;
}

/* ---- follow ---- */

struct following {
	struct pt_cli *c;
	struct pt_log_filter f;
	struct log_view v;
	uint64_t lost; /* of what was not shown, too */
};

static int follow_one(const struct pt_log_record *r, void *arg)
{
	struct following *fl = arg;

	fl->lost += r->lost;
	return pt_log_filter_match(&fl->f, r) ? log_view_show(&fl->v, r) : 0;
}

static int follow_pause(void *arg)
{
	return log_view_flush(&((struct following *)arg)->v);
}

/* 1: go on. */
static int store_turn(struct following *fl, struct pt_log_reader *reader, int fd)
{
	struct pollfd stop = { .fd = fd, .events = POLLIN };
	struct pt_log_record r;
	int rc;

	while ((rc = pt_log_reader_next(reader, &r)) > 0) {
		rc = follow_one(&r, fl);
		if (rc)
			return rc;
		if (poll(&stop, 1, 0) > 0)
			return 0;
	}
	if (rc)
		return pt_err_sys(&fl->c->err, rc, "reading the log in %s", store_of(fl->c));
	rc = follow_pause(fl);
	if (rc)
		return rc;
	return poll(&stop, 1, LOOK_MS) > 0 ? 0 : 1;
}

static int follow_store(struct following *fl, int fd)
{
	struct pt_log_reader *reader;
	int rc;

	rc = pt_log_reader_open(store_of(fl->c), true, &reader, &fl->c->err);
	if (rc)
		return rc;
	do
		rc = store_turn(fl, reader, fd);
	while (rc > 0);
	fl->lost += pt_log_reader_missed(reader);
	pt_log_reader_close(reader);
	return rc;
}

static int follow_kernel(struct following *fl, int fd)
{
	struct pt_logger who = { follow_one, follow_pause, fl, 0 };
	struct pt_log_loss loss;
	struct pt_nl *nf;
	int rc;

	rc = bytes_kept(fl->c, &who.keep);
	if (!rc)
		rc = pt_nl_open(&nf, NETLINK_NETFILTER, &fl->c->err);
	if (rc)
		return rc;
	rc = pt_plan_log(nf, fd, &who, &loss, &fl->c->err);
	fl->lost = loss.packets;
	pt_nl_close(nf);
	return rc;
}

int cmd_log_follow(struct pt_cli *c)
{
	struct following fl = { .c = c, .v = { .fd = -1 } };
	int fd = -1, rc;

	rc = filters(c, &fl.f);
	if (!rc && fl.f.last)
		rc = pt_cli_usage(c, "`last` is for what was logged already");
	if (!rc) {
		/* What nobody reads must not be waited for at the end. */
		(void)setvbuf(stdout, NULL, _IONBF, 0);
		fd = stop_fd(c);
		rc = fd < 0 ? fd : log_view_begin(&fl.v, c, true);
	}
	if (!rc)
		rc = c->store || (!c->netns && pt_log_store_live(PT_LOG_DIR)) ? follow_store(&fl, fd) : follow_kernel(&fl, fd);
	rc = log_view_end(&fl.v, rc);
	if (!rc && !c->quiet)
		fprintf(stderr, "%s: %llu shown, %llu lost\n", c->tool->name, (unsigned long long)fl.v.shown,
			(unsigned long long)fl.lost);
	pt_log_filter_fini(&fl.f);
	return rc;
}

/* ---- record ---- */

struct recording {
	struct pt_cli *c;
	struct pt_log_store *store;
	struct pt_log_loss loss;
	uint64_t records, told, told_at;
	bool failing;
};

/* A full disk is no reason to end: it is told once, and what is lost is counted. */
static void tell_failure(struct recording *rec, int rc)
{
	struct pt_err why = { 0 };

	if (rc && !rec->failing) {
		pt_err_sys(&why, rc, "writing the log in %s", store_of(rec->c));
		pt_cli_report(rec->c, &why);
		pt_err_fini(&why);
	}
	rec->failing = rc;
}

static uint64_t lost_so_far(const struct recording *rec)
{
	return rec->loss.packets + pt_log_store_dropped(rec->store);
}

static void tell_lost(struct recording *rec)
{
	uint64_t lost = lost_so_far(rec), now;

	if (lost == rec->told)
		return;
	now = clock_now(CLOCK_MONOTONIC);
	if (rec->told_at && now - rec->told_at < TELL_NS)
		return;
	pt_cli_say(rec->c, "%llu packet%s lost\n", (unsigned long long)(lost - rec->told), pt_plural(lost - rec->told));
	fflush(stdout);
	rec->told = lost;
	rec->told_at = now;
}

static int record_one(const struct pt_log_record *r, void *arg)
{
	struct recording *rec = arg;
	int rc = pt_log_store_add(rec->store, r);

	rec->records++;
	if (rc)
		tell_failure(rec, rc);
	return 0;
}

static int record_pause(void *arg)
{
	struct recording *rec = arg;

	if (pt_log_store_waiting(rec->store))
		tell_failure(rec, pt_log_store_flush(rec->store));
	tell_lost(rec);
	return 0;
}

static int record(struct recording *rec, uint32_t keep, int fd)
{
	const struct pt_logger who = { record_one, record_pause, rec, keep };
	struct pt_nl *nf;
	uint64_t kept;
	int rc;

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &rec->c->err);
	if (rc)
		return rc;
	rc = pt_plan_log(nf, fd, &who, &rec->loss, &rec->c->err);
	pt_nl_close(nf);
	kept = rec->records - pt_log_store_dropped(rec->store);
	if (!rc)
		pt_cli_say(rec->c, "%llu packet%s recorded, %llu lost%s\n", (unsigned long long)kept, pt_plural(kept),
			   (unsigned long long)lost_so_far(rec), rec->loss.more ? ", and some at the end" : "");
	return rc;
}

int cmd_log_record(struct pt_cli *c)
{
	struct recording rec = { .c = c };
	uint64_t size = PT_LOG_SIZE;
	uint32_t keep;
	int fd = -1, rc;

	rc = c->size ? parse_size(c, c->size, PT_LOG_SIZE_MIN, (uint64_t)1 << 40, &size) : 0;
	if (!rc)
		rc = bytes_kept(c, &keep);
	if (!rc)
		rc = pt_log_store_open(store_of(c), size, &rec.store, &c->err);
	if (!rc) {
		fd = stop_fd(c);
		rc = fd < 0 ? fd : 0;
	}
	if (!rc) {
		pt_cli_say(c, "recording to %s\n", store_of(c));
		fflush(stdout);
		rc = record(&rec, keep, fd);
	}
	pt_log_store_close(rec.store);
	return rc;
}

/* ---- completion ---- */

typedef void (*word_fn)(const char *w, void *arg);

static void complete_list(const char *const *words, word_fn word, void *arg)
{
	for (; *words; words++)
		word(*words, arg);
}

static void complete_device(word_fn word, void *arg)
{
	struct if_nameindex *devices = if_nameindex();

	for (size_t i = 0; devices && devices[i].if_name; i++)
		word(devices[i].if_name, arg);
	if (devices)
		if_freenameindex(devices);
}

static int complete_value(struct pt_cli *c, const char *key, word_fn word, void *arg)
{
	static const char *const actions[] = { "pass", "block", "match", NULL }, *const dirs[] = { "in", "out", NULL };
	size_t n = strlen(key);

	if (n > 1 && !strncmp("label", key, n))
		return complete_label(c, 0, word, arg);
	if (n && !strncmp("action", key, n))
		complete_list(actions, word, arg);
	else if (n && !strncmp("direction", key, n))
		complete_list(dirs, word, arg);
	else if (n && !strncmp("interface", key, n))
		complete_device(word, arg);
	return 0;
}

int complete_log(struct pt_cli *c, size_t n, word_fn word, void *arg)
{
	if (n % 2)
		return n <= c->argc ? complete_value(c, c->argv[n - 1], word, arg) : 0;
	for (size_t i = 0; pt_log_filter_word(i); i++)
		word(pt_log_filter_word(i), arg);
	return 0;
}
