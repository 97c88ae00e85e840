/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who watches over the interfaces, with a kernel that has one address or lacks it, and a clock that the test turns: what is done and
 * told, once; what rests because others undo it; what is no reason to look; whose turn it is; and what ends it.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <patronus/watch.h>

#include "plan/lease.h"
#include "plan/network.h"

#define NAME "192.0.2.1/24 dev eth0"

static struct {
	bool lacks;              /* the kernel: the address */
	bool refuses;            /* to take it */
	int find, lock;          /* what looking, and the lock, are answered with */
	uint16_t type;           /* of the events */
	uint8_t protocol;        /* of routes among them */
	bool undo;               /* each event is somebody taking the address away */
	size_t events, sleeps;   /* that are still to come: before somebody says stop */
	bool burst;              /* one event waits to be read */
	uint64_t now;
	/* what happened */
	size_t looks, writes, changed, rests, failed;
	int timeout;             /* of the last poll(2) */
} x;

/* ---- what is around it ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	x.now++;
	*t = (struct timespec){ .tv_sec = (time_t)(x.now / 1000), .tv_nsec = (long)(x.now % 1000 * 1000000) };
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	assert_int_equal(n, 3);
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = 0;
	x.timeout = timeout;
	if (x.events) {
		x.events--;
		x.burst = true;
		x.lacks = x.lacks || x.undo;
		fds[0].revents = POLLIN;
		return 1;
	}
	if (timeout >= 0 && x.sleeps) {
		x.sleeps--;
		x.now += (uint64_t)timeout;
		return 0;
	}
	fds[1].revents = POLLIN;
	return 1;
}

int __wrap_pt_nl_open(struct pt_nl **out, int bus, struct pt_err *e);
int __wrap_pt_nl_open(struct pt_nl **out, int bus, struct pt_err *e)
{
	(void)bus;
	(void)e;
	return pt_nl_open_recorder(out, NULL, NULL, 0);
}

int __wrap_pt_nl_event(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg);
int __wrap_pt_nl_event(struct pt_nl *nl, int timeout_ms, pt_nl_cb cb, void *arg)
{
	uint8_t bytes[128] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	(void)nl;
	(void)timeout_ms;
	if (!x.burst)
		return 0;
	x.burst = false;
	nlh->nlmsg_type = x.type;
	rtm->rtm_protocol = x.protocol;
	return cb(nlh, arg) < 0 ? -EIO : 1;
}

int __wrap_lease_watch(struct pt_err *e);
int __wrap_lease_watch(struct pt_err *e)
{
	(void)e;
	return 1000; /* of nothing: closing it is refused, and harmless */
}

int __wrap_plan_lock(int *fd, struct pt_err *e);
int __wrap_plan_lock(int *fd, struct pt_err *e)
{
	(void)e;
	*fd = -1;
	return x.lock;
}

bool __wrap_network_note_changed(struct network_note_seen *seen);
bool __wrap_network_note_changed(struct network_note_seen *seen)
{
	bool first = !seen->looked;

	seen->looked = true;
	return first;
}

int __wrap_network_note_read(struct pt_conf **out, struct pt_err *e);
int __wrap_network_note_read(struct pt_conf **out, struct pt_err *e)
{
	static const char text[] = "interface eth0 { address = { \"192.0.2.1/24\" } }\n";

	return pt_conf_parse("f", text, strlen(text), out, e);
}

int __wrap_network_want(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e);
int __wrap_network_want(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e)
{
	(void)a;
	(void)e;
	out->conf = c;
	return 0;
}

int __wrap_network_difference_find(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e);
int __wrap_network_difference_find(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e)
{
	(void)route;
	memset(d, 0, sizeof(*d));
	x.looks++;
	if (x.find)
		return pt_err_sys(e, x.find, "looking");
	d->arena = pt_arena_new();
	assert_non_null(d->arena);
	d->addresses.n = x.lacks && !want->left->rests("address", NAME, want->left->arg);
	return 0;
}

void __wrap_network_difference_fini(struct difference *d);
void __wrap_network_difference_fini(struct difference *d)
{
	pt_arena_free(d->arena);
	memset(d, 0, sizeof(*d));
}

size_t __wrap_network_difference_size(const struct difference *d);
size_t __wrap_network_difference_size(const struct difference *d)
{
	return d->addresses.n;
}

size_t __wrap_network_changes_of(const struct difference *d, size_t kind);
size_t __wrap_network_changes_of(const struct difference *d, size_t kind)
{
	return kind == CHANGE_ADDRESS ? d->addresses.n : 0;
}

struct network_described __wrap_network_describe(const struct difference *d, uint64_t cookie, struct pt_buf *b);
struct network_described __wrap_network_describe(const struct difference *d, uint64_t cookie, struct pt_buf *b)
{
	(void)d;
	assert_int_equal(cookie >> 32, CHANGE_ADDRESS);
	b->n = 0;
	pt_buf_str(b, NAME);
	return (struct network_described){ .op = "add" };
}

int __wrap_network_write_round(struct difference *d, const struct network *want, struct pt_nl *route, struct network_refusal *r,
			       size_t *writes, struct pt_err *e);
int __wrap_network_write_round(struct difference *d, const struct network *want, struct pt_nl *route, struct network_refusal *r,
			       size_t *writes, struct pt_err *e)
{
	(void)d;
	(void)want;
	(void)route;
	(void)e;
	assert_true(r->goes_on);
	x.writes++;
	++*writes;
	r->happened = x.refuses;
	r->why.code = x.refuses ? -EPERM : 0;
	x.lacks = x.refuses;
	return 0;
}

int __wrap_network_tell_refusal(const struct difference *d, const struct network_refusal *r, int rc, struct pt_err *e);
int __wrap_network_tell_refusal(const struct difference *d, const struct network_refusal *r, int rc, struct pt_err *e)
{
	(void)d;
	(void)r;
	return pt_err_sys(e, rc, "adding " NAME);
}

/* ---- who is told ---- */

static void changed(const char *op, const char *kind, const char *name, void *arg)
{
	(void)arg;
	assert_string_equal(op, "add");
	assert_string_equal(kind, "address");
	assert_string_equal(name, NAME);
	x.changed++;
}

static void rests(const char *kind, const char *name, unsigned int seconds, void *arg)
{
	(void)arg;
	assert_string_equal(kind, "address");
	assert_string_equal(name, NAME);
	assert_int_equal(seconds, PT_WATCH_REST / 1000);
	x.rests++;
}

static void failed(const struct pt_err *why, void *arg)
{
	(void)arg;
	assert_true(why->list.n > 0);
	x.failed++;
}

static int watch(void)
{
	static const struct pt_network_watcher who = { changed, rests, failed, NULL };
	struct pt_err e = { 0 };
	struct pt_nl *route;
	int rc;

	assert_int_equal(pt_nl_open_recorder(&route, NULL, NULL, 0), 0);
	rc = pt_network_watch(route, 0, &who, &e);
	assert_int_equal(rc != 0, e.n_errors > 0);
	pt_err_fini(&e);
	pt_nl_close(route);
	return rc;
}

static int begin(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	x.type = RTM_NEWADDR;
	x.now = 1000000;
	return 0;
}

static void test_at_once(void **state)
{
	(void)state;
	x.lacks = true;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.changed, 1);
	assert_int_equal(x.writes, 1);
	assert_int_equal(x.timeout, -1); /* nothing is to be done later */
	/* Nothing differs: nothing is written or told, as often as it looks. */
	begin(NULL);
	x.events = 5;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.looks, 6);
	assert_int_equal(x.writes + x.changed + x.failed, 0);
}

static void test_undone(void **state)
{
	(void)state;
	x.events = 10;
	x.undo = true;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.changed, PT_WATCH_TIMES);
	assert_int_equal(x.writes, PT_WATCH_TIMES);
	assert_int_equal(x.rests, 1);
	assert_in_range(x.timeout, PT_WATCH_REST / 2, PT_WATCH_REST);
	/* Rested. */
	begin(NULL);
	x.events = 10;
	x.sleeps = 1;
	x.undo = true;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.changed, PT_WATCH_TIMES + 1);
	assert_false(x.lacks);
}

static void test_refused(void **state)
{
	(void)state;
	x.lacks = x.refuses = true;
	x.events = 4;
	assert_int_equal(watch(), 0);
	assert_true(x.writes >= 5);
	assert_int_equal(x.changed, 0);
	assert_int_equal(x.failed, 1); /* the same is told once */
}

static void test_whose(void **state)
{
	(void)state;
	x.events = 7;
	x.type = RTM_NEWROUTE;
	x.protocol = RTPROT_BGP;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.looks, 1); /* that at the beginning */
	begin(NULL);
	x.events = 7;
	x.type = RTM_DELROUTE;
	x.protocol = PT_NET_PROTOCOL;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.looks, 8);
}

static void test_turn(void **state)
{
	(void)state;
	x.lacks = true;
	x.lock = -ETIMEDOUT;
	x.sleeps = 3;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.looks + x.failed, 0);
	assert_in_range(x.timeout, 1, 1000); /* tried again soon */
}

static void test_ends(void **state)
{
	static const int codes[] = { -EPERM, -EACCES, -ENOMEM };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(codes); i++) {
		begin(NULL);
		x.find = codes[i];
		x.events = 3;
		assert_int_equal(watch(), codes[i]);
		assert_int_equal(x.looks, 1);
	}
	/* Others pass. */
	begin(NULL);
	x.find = -EIO;
	x.events = 3;
	assert_int_equal(watch(), 0);
	assert_int_equal(x.looks, 4);
	assert_int_equal(x.failed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_at_once, begin), cmocka_unit_test_setup(test_undone, begin),
		cmocka_unit_test_setup(test_refused, begin), cmocka_unit_test_setup(test_whose, begin),
		cmocka_unit_test_setup(test_turn, begin),    cmocka_unit_test_setup(test_ends, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
