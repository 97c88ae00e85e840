/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet dhcp`: what servers of addresses gave, and their clients by hand; and what these clients run at each event. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <patronus/change.h>
#include <patronus/lease.h>

#include "ptnet.h"

#define ANSWER_MS 20000 /* that a server may take */
#define LOOK_MS 100

/* ---- events ---- */

int lease_event(void)
{
	static const struct pt_cli_tool tool = { .name = "ptnet", .summary = "events of a client" };
	struct pt_cli c = { .tool = &tool };
	const char *folder = secure_getenv(PT_LEASE_ENV);
	int rc = pt_lease_event(folder, (const char *const *)environ, &c.err);

	pt_cli_report(&c, &c.err);
	pt_err_fini(&c.err);
	return rc ? PT_EXIT_SYSTEM : PT_EXIT_OK;
}

/* ---- watch ---- */

static void say_client(const char *device, const char *text, void *arg)
{
	struct pt_buf b = { 0 };

	pt_escape(&b, text, strlen(text));
	if (!b.err)
		pt_cli_say(arg, "%s%s%s\n", device, *device ? ": " : "", b.s);
	pt_buf_fini(&b);
	fflush(stdout); /* a journal wants it now */
}

static void say_failed(const struct pt_err *why, void *arg)
{
	pt_cli_report(arg, why);
}

int cmd_dhcp_watch(struct pt_cli *c)
{
	const struct pt_dhcp_watcher who = { say_client, say_failed, c };
	char self[PATH_MAX];
	struct pt_nl *route;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1); /* what clients run, see lease_event() */
	int fd, rc;

	if (n < 0)
		return pt_err_sys(&c->err, -errno, "reading /proc/self/exe");
	self[n] = '\0';
	fd = pt_cli_signals(c);
	if (fd < 0)
		return fd;
	rc = pt_nl_open(&route, NETLINK_ROUTE, &c->err);
	if (!rc) {
		pt_cli_say(c, "watching over the clients\n");
		fflush(stdout);
		rc = pt_dhcp_watch(route, self, fd, &who, &c->err);
		pt_nl_close(route);
	}
	close(fd);
	return rc;
}

/* ---- show ---- */

struct show {
	struct pt_cli *c;
	struct pt_out *o;
	char folder[PT_LEASES_PATH];
	size_t n;
};

static const struct pt_lease none;

static uint32_t left_of(const struct pt_lease *l)
{
	uint32_t left = 0;

	for (size_t i = 0; i < l->addresses.n + l->delegated.n; i++) {
		const struct pt_lease_address *a = i < l->addresses.n ? &l->addresses.v[i] : &l->delegated.v[i - l->addresses.n];
		uint32_t own = pt_lease_left(l, a->valid);

		left = own > left ? own : left;
	}
	return left;
}

static const char *state_of(const struct pt_dhcp_interface *i, const struct pt_dhcp_client *client)
{
	if (client->released)
		return "released";
	if (i->refused)
		return "refused";
	if (i->lease && left_of(i->lease))
		return "bound";
	return !client->pid ? "stopped" : i->lease ? "expired" : "asking";
}

static void put_prefixes(struct pt_out *o, const char *key, const struct pt_lease_address *v, size_t n)
{
	struct pt_buf b = { 0 };

	pt_out_arr(o, key);
	for (size_t i = 0; i < n; i++) {
		b.n = 0;
		pt_addr_fmt(&b, v[i].prefix.addr);
		pt_buf_fmt(&b, "/%u", v[i].prefix.len);
		pt_out_fail(o, b.err);
		pt_out_item(o, b.s);
	}
	pt_out_arr_end(o);
	pt_buf_fini(&b);
}

static void put_addrs(struct pt_out *o, const char *key, const struct pt_lease_addrs *l)
{
	struct pt_buf b = { 0 };

	pt_out_arr(o, key);
	for (size_t i = 0; i < l->n; i++) {
		b.n = 0;
		pt_addr_fmt(&b, l->v[i]);
		pt_out_fail(o, b.err);
		pt_out_item(o, b.s);
	}
	pt_out_arr_end(o);
	pt_buf_fini(&b);
}

static void put_time(struct pt_out *o, const char *key, uint64_t when)
{
	time_t t = (time_t)when;
	char text[40];
	struct tm tm;

	if (when && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		pt_out_str(o, key, text);
	else
		pt_out_null(o, key);
}

static void put_details(struct pt_out *o, const struct pt_dhcp_interface *i, const struct pt_dhcp_client *client)
{
	const struct pt_lease *l = i->lease ? i->lease : &none;

	put_addrs(o, "ntp", &l->ntp);
	pt_out_str(o, "search", l->search);
	pt_out_str(o, "hostname", l->hostname);
	pt_out_str(o, "server", l->server);
	if (l->mtu)
		pt_out_u64(o, "mtu", l->mtu);
	else
		pt_out_null(o, "mtu");
	put_time(o, "since", l->time);
	put_time(o, "renews", l->time && l->renew ? l->time + l->renew : 0);
	pt_out_str(o, "refused", i->refused ? i->refused : l->refused);
	if (client->pid)
		pt_out_u64(o, "process", (uint64_t)client->pid);
	else
		pt_out_null(o, "process");
}

static int show_one(const struct pt_dhcp_interface *i, void *arg)
{
	struct show *s = arg;
	const struct pt_lease *l = i->lease ? i->lease : &none;
	struct pt_dhcp_client client;
	uint32_t left = left_of(l);
	int rc;

	if (s->c->argc && strcmp(s->c->argv[0], i->device) != 0 && strcmp(s->c->argv[0], i->name) != 0)
		return 0;
	if (s->c->af && s->c->af != (i->six ? PT_AF_INET6 : PT_AF_INET))
		return 0;
	rc = pt_dhcp_client(s->folder, i->device, &client, &s->c->err);
	if (rc)
		return rc;
	s->n++;
	pt_out_rec(s->o);
	pt_out_str(s->o, "interface", i->name);
	pt_out_str(s->o, "device", i->device);
	pt_out_str(s->o, "family", i->six ? "inet6" : "inet");
	pt_out_str(s->o, "state", state_of(i, &client));
	put_prefixes(s->o, "addresses", l->addresses.v, l->addresses.n);
	put_prefixes(s->o, "delegated", l->delegated.v, l->delegated.n);
	put_addrs(s->o, "routers", &l->routers);
	put_addrs(s->o, "dns", &l->dns);
	pt_out_str(s->o, "domain", l->domain);
	if (left && left != PT_LEASE_FOR_EVER)
		pt_out_u64(s->o, "left", left);
	else if (left)
		pt_out_str(s->o, "left", "for ever");
	else
		pt_out_null(s->o, "left");
	if (s->c->details || s->c->json)
		put_details(s->o, i, &client);
	pt_out_rec_end(s->o);
	return 0;
}

static int tell_none(struct pt_cli *c, const char *device)
{
	pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet dhcp show` lists those that do", "%s asks no server for addresses", device);
	return PT_EXIT_NO;
}

int cmd_dhcp_show(struct pt_cli *c)
{
	struct show s = { .c = c, .o = pt_cli_out(c, PT_OUT_TABLE, "patronus.dhcp.v1", "leases") };
	int rc, end;

	if (!s.o)
		return -ENOMEM;
	pt_leases_path(s.folder);
	rc = pt_dhcp_each(s.folder, show_one, &s, &c->err);
	end = pt_cli_end(c, s.o);
	if (!rc && !end && c->argc && !s.n)
		return tell_none(c, c->argv[0]);
	return rc ? rc : end;
}

/* ---- by hand ---- */

/* What there is of the device that was asked for. */
struct now {
	const char *asked;
	char device[PT_LINK_NAME];
	uint64_t stamp;  /* of the oldest lease of its families */
	size_t families, bound;
};

static int look_one(const struct pt_dhcp_interface *i, void *arg)
{
	struct now *now = arg;

	if (strcmp(now->asked, i->device) != 0 && strcmp(now->asked, i->name) != 0)
		return 0;
	now->families++;
	memcpy(now->device, i->device, strnlen(i->device, PT_LINK_NAME - 1));
	if (i->lease && left_of(i->lease)) {
		now->stamp = !now->bound || i->lease->stamp < now->stamp ? i->lease->stamp : now->stamp;
		now->bound++;
	}
	return 0;
}

static int look(struct pt_cli *c, const char *folder, struct now *now)
{
	*now = (struct now){ .asked = c->argv[0] };
	return pt_dhcp_each(folder, look_one, now, &c->err);
}

/* Until the leases are BOUND, all of them, and were got after SINCE, or are gone. */
static int await(struct pt_cli *c, const char *folder, bool bound, uint64_t since, struct now *now)
{
	int rc = 0;

	for (unsigned int ms = 0; !rc && ms < ANSWER_MS; ms += LOOK_MS) {
		rc = look(c, folder, now);
		if (!rc && now->bound == (bound ? now->families : 0) && (!bound || now->stamp > since))
			return 0;
		usleep(LOOK_MS * 1000);
	}
	if (rc)
		return rc;
	pt_err_add(&c->err, PT_ERROR, NULL, "`ptnet dhcp show` tells when one does", "no server answered within %u s", ANSWER_MS / 1000);
	return PT_EXIT_TIME;
}

static int by_hand(struct pt_cli *c, bool renew)
{
	char folder[PT_LEASES_PATH];
	struct now now;
	uint64_t since;
	int rc;

	pt_leases_path(folder);
	rc = look(c, folder, &now);
	if (!rc && !now.families)
		return tell_none(c, c->argv[0]);
	if (rc)
		return rc;
	since = pt_boottime();
	rc = renew ? pt_dhcp_renew(folder, now.device, &c->err) : pt_dhcp_release(folder, now.device, &c->err);
	if (rc == -ESRCH)
		return PT_EXIT_NO;
	if (!rc)
		rc = await(c, folder, renew, renew ? since : 0, &now);
	if (!rc)
		pt_cli_say(c, renew ? "%s: the lease is renewed\n" : "%s: the lease is given back\n", now.device);
	return rc;
}

int cmd_dhcp_renew(struct pt_cli *c)
{
	return by_hand(c, true);
}

int cmd_dhcp_release(struct pt_cli *c)
{
	return by_hand(c, false);
}

/* ---- completion ---- */

struct complete {
	void (*word)(const char *w, void *arg);
	void *arg;
	char last[PT_LINK_NAME];
};

static int complete_one(const struct pt_dhcp_interface *i, void *arg)
{
	struct complete *k = arg;

	if (strcmp(k->last, i->device) != 0)
		k->word(i->device, k->arg);
	memset(k->last, 0, sizeof(k->last));
	memcpy(k->last, i->device, strnlen(i->device, PT_LINK_NAME - 1));
	return 0;
}

int complete_dhcp(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct complete k = { .word = word, .arg = arg };
	char folder[PT_LEASES_PATH];

	pt_leases_path(folder);
	return n ? 0 : pt_dhcp_each(folder, complete_one, &k, &c->err);
}
