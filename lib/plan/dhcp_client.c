/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients of servers of addresses, one for each device that asks: started, watched over, started again when they end, less often the
 * more often they do, and ended with us. What they get they leave in the folder of leases, which is watched; a file there tells a
 * client's process to others, and one tells that a lease was given back and nobody is to ask.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include <patronus/record.h>
#include <patronus/spawn.h>

#include "plan/dhcp_client.h"
#include "plan/dhcp_process.h"

#define GRACE_MS 3000
#define PAUSE_LEAST 1000   /* before it is started again, twice as long each time */
#define PAUSE_MOST 60000
#define CALM_MS 60000      /* one that ran for so long has a new life */
#define LINE_MAX_LEN 200

struct one {
	char device[PT_LINK_NAME];
	char config[PT_LEASES_PATH + 40];
	struct pt_buf text;        /* of its configuration */
	struct pt_child child;
	uint64_t started, next;    /* milliseconds; NEXT: it is to be started, 0: not waiting */
	unsigned int pause;
	bool wanted, tells;        /* its output has not ended */
	char line[LINE_MAX_LEN];   /* what it said last */
};

struct dhcp_clients {
	const struct pt_dhcp_watcher *who;
	const char *hook;
	char folder[PT_LEASES_PATH];
	int epoll, inotify, timer;
	bool warned;               /* that there is no client */
	PT_VEC(struct one *) v;
};

enum { ON_INOTIFY = 1, ON_TIMER, ON_CLIENT };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int look_at(const struct dhcp_clients *k, int fd, uint64_t what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = what };

	return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void say(const struct dhcp_clients *k, const struct one *o, const char *fmt, ...) PT_PRINTF(3, 4);
static void say(const struct dhcp_clients *k, const struct one *o, const char *fmt, ...)
{
	struct pt_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if (!b.err)
		k->who->client(o->device, b.s, k->who->arg);
	pt_buf_fini(&b);
}

/* ---- one of them ---- */

static bool is_released(const struct dhcp_clients *k, const struct one *o)
{
	char path[PT_LEASES_PATH + 40];

	return !lease_file(k->folder, o->device, DHCP_RELEASED, path, sizeof(path)) && !access(path, F_OK);
}

/* What it gave back is nobody's, whatever its last event said. */
static void forget_released(const struct dhcp_clients *k, const struct one *o)
{
	if (!is_released(k, o))
		return;
	(void)pt_lease_forget(k->folder, o->device, false, NULL);
	(void)pt_lease_forget(k->folder, o->device, true, NULL);
}

static void wait_longer(struct one *o)
{
	uint64_t now = now_ms();

	if (now - o->started > CALM_MS)
		o->pause = 0;
	o->pause = !o->pause ? PAUSE_LEAST : o->pause * 2 > PAUSE_MOST ? PAUSE_MOST : o->pause * 2;
	o->next = now + o->pause;
}

static void start(struct dhcp_clients *k, struct one *o)
{
	const char *const argv[] = { "dhcpcd", "-B", "-f", o->config, o->device, NULL };
	struct pt_spawn s = { .path = dhcp_program(), .argv = argv, .dies_with_us = true, .drops = 1ull << CAP_NET_ADMIN };
	struct pt_err why = { 0 };
	int rc;

	o->next = 0;
	if (!s.path || is_released(k, o))
		return;
	o->started = now_ms();
	rc = pt_file_write(o->config, o->text.s, o->text.n, 0644, &why);
	if (!rc)
		rc = pt_child_start(&s, &o->child, &why);
	if (!rc)
		rc = dhcp_process_note(k->folder, o->device, o->child.pid, &why);
	if (!rc)
		rc = look_at(k, o->child.pidfd, ON_CLIENT);
	if (!rc)
		rc = look_at(k, o->child.output, ON_CLIENT);
	o->tells = !rc;
	o->line[0] = '\0';
	if (!rc) {
		say(k, o, "asks, process %d", (int)o->child.pid);
	} else {
		pt_child_stop(&o->child, GRACE_MS);
		wait_longer(o);
		say(k, o, "cannot ask: %s", why.list.n ? why.list.v[0].msg : strerror(-rc));
	}
	pt_err_fini(&why);
}

static void stop(struct dhcp_clients *k, struct one *o)
{
	bool ran = o->child.pid > 0;

	pt_child_stop(&o->child, GRACE_MS);
	dhcp_process_forget(k->folder, o->device);
	o->next = 0;
	o->pause = 0;
	if (ran)
		say(k, o, "asks no more");
}

static void free_one(struct dhcp_clients *k, struct one *o)
{
	stop(k, o);
	(void)unlink(o->config);
	pt_buf_fini(&o->text);
	free(o);
}

/* Its last line, for when it ends. A pipe that is not read would hold it. */
static void listen_to(struct dhcp_clients *k, struct one *o)
{
	char text[4096];
	ssize_t n;

	while ((n = read(o->child.output, text, sizeof(text))) > 0) {
		const char *end = text + n, *p;

		while (end > text && end[-1] == '\n')
			end--;
		for (p = end; p > text && p[-1] != '\n';)
			p--;
		if (end > p)
			snprintf(o->line, sizeof(o->line), "%.*s", (int)(end - p < LINE_MAX_LEN ? end - p : LINE_MAX_LEN - 1), p);
	}
	if (n || !o->tells)
		return;
	o->tells = false;
	(void)epoll_ctl(k->epoll, EPOLL_CTL_DEL, o->child.output, NULL);
}

static void see_end(struct dhcp_clients *k, struct one *o)
{
	struct pt_spawned r = { 0 };

	if (o->child.pid <= 0)
		return;
	listen_to(k, o);
	if (!pt_child_ended(&o->child, &r))
		return;
	pt_child_stop(&o->child, 0);
	dhcp_process_forget(k->folder, o->device);
	if (is_released(k, o)) {
		forget_released(k, o);
		say(k, o, "gave its lease back");
		return;
	}
	wait_longer(o);
	say(k, o, "the client ended by %s %d, again in %u s%s%s", r.signal ? "signal" : "status", r.signal ? r.signal : r.status,
	    o->pause / 1000, o->line[0] ? ": " : "", o->line);
}

/* ---- all of them ---- */

/* Starts those whose time has come, and sets the clock for the next. */
static void start_due(struct dhcp_clients *k)
{
	uint64_t now = now_ms(), next = 0;
	struct itimerspec t = { 0 };

	for (size_t i = 0; i < k->v.n; i++) {
		struct one *o = k->v.v[i];

		if (o->child.pid <= 0 && o->next && o->next <= now)
			start(k, o);
		if (o->child.pid <= 0 && o->next && (!next || o->next < next))
			next = o->next;
	}
	t.it_value.tv_sec = (time_t)(next / 1000);
	t.it_value.tv_nsec = (long)(next % 1000) * 1000000;
	(void)timerfd_settime(k->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* Files that tell that something was given back, or is to be asked for again. */
static void start_again(struct dhcp_clients *k)
{
	for (size_t i = 0; i < k->v.n; i++) {
		struct one *o = k->v.v[i];

		if (o->child.pid <= 0 && !o->next && !is_released(k, o)) {
			o->pause = 0;
			start(k, o);
		}
	}
}

void dhcp_clients_turn(struct dhcp_clients *k)
{
	struct epoll_event ev[16];
	uint64_t ticks;
	int n = epoll_wait(k->epoll, ev, PT_ARRAY_SIZE(ev), 0);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == ON_TIMER && read(k->timer, &ticks, sizeof(ticks)) < 0)
			continue;
		if (ev[i].data.u64 == ON_INOTIFY) {
			(void)lease_watch_take(k->inotify);
			start_again(k);
		}
	}
	for (size_t i = 0; i < k->v.n; i++) {
		if (k->v.v[i]->child.pid > 0)
			listen_to(k, k->v.v[i]);
		see_end(k, k->v.v[i]);
	}
	start_due(k);
}

int dhcp_clients_fd(const struct dhcp_clients *k)
{
	return k->epoll;
}

/* ---- who asks ---- */

static struct one *find(const struct dhcp_clients *k, const char *device)
{
	for (size_t i = 0; i < k->v.n; i++)
		if (!strcmp(k->v.v[i]->device, device))
			return k->v.v[i];
	return NULL;
}

static struct one *add(struct dhcp_clients *k, const char *device)
{
	struct one *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->child = (struct pt_child){ .pidfd = -1, .output = -1 };
	memcpy(o->device, device, strnlen(device, PT_LINK_NAME - 1));
	if (lease_file(k->folder, o->device, "conf", o->config, sizeof(o->config)) || pt_vec_push(NULL, &k->v, o)) {
		free(o);
		return NULL;
	}
	return o;
}

static int want(struct dhcp_clients *k, const struct pt_conf_if *i)
{
	struct one *o = find(k, i->device);
	struct pt_buf text = { 0 };
	bool same;

	if (!o)
		o = add(k, i->device);
	if (!o)
		return -ENOMEM;
	o->wanted = true;
	dhcp_config(&text, i, k->hook, k->folder);
	if (text.err) {
		pt_buf_fini(&text);
		return -ENOMEM;
	}
	same = o->text.s && o->text.n == text.n && !memcmp(o->text.s, text.s, text.n);
	if (same) {
		pt_buf_fini(&text);
		return 0;
	}
	stop(k, o);
	pt_buf_fini(&o->text);
	o->text = text;
	start(k, o);
	return 0;
}

static bool asks(const struct pt_conf_if *i, const struct pt_links *have)
{
	const struct pt_conf_option *enabled = pt_conf_if_option(i, "enabled");

	return i->ways & (PT_IF_DHCP4 | PT_IF_DHCP6) && (!enabled || enabled->number) && pt_links_find(have, i->device);
}

/* Told once: it may come, and is looked for whenever something changes. */
static void tell_missing(struct dhcp_clients *k)
{
	static const struct one all = { .device = "" };

	if (k->v.n && !dhcp_program() && !k->warned)
		say(k, &all, "this machine has no dhcpcd(8): apt install " DHCP_PACKAGE);
	k->warned = k->v.n && !dhcp_program();
}

int dhcp_clients_set(struct dhcp_clients *k, const struct pt_conf *c, const struct pt_links *have)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < k->v.n; i++)
		k->v.v[i]->wanted = false;
	for (size_t i = 0; c && !rc && i < c->interfaces.n; i++)
		if (asks(&c->interfaces.v[i], have))
			rc = want(k, &c->interfaces.v[i]);
	for (size_t i = 0; i < k->v.n; i++) {
		if (k->v.v[i]->wanted || rc)
			k->v.v[n++] = k->v.v[i];
		else
			free_one(k, k->v.v[i]);
	}
	k->v.n = n;
	tell_missing(k);
	start_again(k); /* the program may have come */
	start_due(k);
	return rc;
}

/* ---- begin and end ---- */

int dhcp_clients_open(struct dhcp_clients **out, const char *hook, const struct pt_dhcp_watcher *who, struct pt_err *e)
{
	struct dhcp_clients *k = calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (!k)
		return pt_err_sys(e, -ENOMEM, "watching over clients");
	k->who = who;
	k->hook = hook;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	k->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	pt_leases_path(k->folder);
	rc = k->epoll < 0 || k->timer < 0 ? pt_err_sys(e, -errno, "watching over clients") : 0;
	k->inotify = rc ? -1 : lease_watch(e);
	if (!rc && k->inotify < 0)
		rc = k->inotify;
	if (!rc && (look_at(k, k->inotify, ON_INOTIFY) || look_at(k, k->timer, ON_TIMER)))
		rc = pt_err_sys(e, -errno, "watching %s", k->folder);
	if (rc)
		dhcp_clients_close(k);
	else
		dhcp_process_end_all(k->folder);
	*out = rc ? NULL : k;
	return rc;
}

void dhcp_clients_close(struct dhcp_clients *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->v.n; i++)
		(void)pt_child_signal(&k->v.v[i]->child, SIGTERM); /* all at once */
	for (size_t i = 0; i < k->v.n; i++)
		free_one(k, k->v.v[i]);
	free(k->v.v);
	if (k->epoll >= 0)
		close(k->epoll);
	if (k->inotify >= 0)
		close(k->inotify);
	if (k->timer >= 0)
		close(k->timer);
	free(k);
}
