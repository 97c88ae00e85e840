/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world that packets meet, as it is now: rules in force with what the kernel's tables hold, or those of a file that is
 * nowhere yet; and of this machine the addresses, the routes and whether it forwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/internal.h"
#include "plan/possible.h"

struct settings {
	char device[16];
	bool forwards, loopback; /* IPv4's */
};

struct pt_explainer {
	struct pt_plan plan;
	struct pt_eval *eval;
	struct pt_host *host;
	struct pt_arena *arena;
	struct pt_net_routes *routes;
	struct pt_nl *route;
	bool planned;              /* FORWARDING is what the file will make of it */
	bool forwarding, forwards6;
	PT_VEC(struct settings) settings; /* asked for so far */
	struct pt_world world;
};

/* ---- the kernel's settings ---- */

static bool is_on(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value != '0';
}

static bool of_device(const char *device, const char *name)
{
	struct pt_buf path = { 0 };
	bool on = false;

	/* the kernel writes a dot of a name so in these paths as it is */
	pt_buf_fmt(&path, "/proc/sys/net/ipv4/conf/%s/%s", device, name);
	if (!path.err && !strchr(device, '/'))
		on = is_on(path.s);
	pt_buf_fini(&path);
	return on;
}

bool plan_takes_loopback(const char *device)
{
	return is_on("/proc/sys/net/ipv4/conf/all/route_localnet") || of_device(device, "route_localnet");
}

static struct settings settings_of(struct pt_explainer *x, const char *device)
{
	struct settings s = { 0 };
	size_t n = strnlen(device, sizeof(s.device) - 1);

	for (size_t i = 0; i < x->settings.n; i++)
		if (!strcmp(x->settings.v[i].device, device))
			return x->settings.v[i];
	memcpy(s.device, device, n);
	s.forwards = of_device(s.device, "forwarding");
	s.loopback = plan_takes_loopback(s.device);
	if (pt_vec_push(x->arena, &x->settings, s))
		return s; /* asked for again next time */
	return s;
}

static bool forwards(void *arg, enum pt_af af, const char *device)
{
	struct pt_explainer *x = arg;

	if (x->planned)
		return x->forwarding;
	return af == PT_AF_INET6 ? x->forwards6 : settings_of(x, device).forwards;
}

static bool takes_loopback(void *arg, const char *device)
{
	return settings_of(arg, device).loopback;
}

static const char *route(void *arg, struct pt_addr dst)
{
	struct pt_explainer *x = arg;

	return pt_net_routes_device(x->routes, dst);
}

static int ways(void *arg, struct pt_arena *a, struct pt_net_ways *out, struct pt_err *e)
{
	struct pt_explainer *x = arg;

	return pt_net_ways_read(x->route, x->host, a, out, e);
}

/* ---- rules and tables ---- */

static int tables_read(struct pt_explainer *x, struct pt_nl *nf, struct pt_err *e)
{
	const struct pt_policy *p = x->plan.policy;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->tables.n; i++)
		if (p->tables.v[i].used)
			rc = plan_table_learn(x->eval, nf, p->tables.v[i].conf->name, e);
	return rc;
}

static int rules_read(struct pt_explainer *x, const char *file, struct pt_nl *nf, struct pt_err *e)
{
	int rc;

	if (!file)
		rc = pt_plan_applied(nf, &x->plan, e);
	else
		rc = pt_policy_load(file, &x->plan.conf, &x->plan.policy, e);
	if (rc)
		return rc;
	x->planned = file && x->plan.conf->forwarding >= 0;
	x->forwarding = x->plan.conf->forwarding > 0;
	x->forwards6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
	return plan_outside(&x->plan, PLAN_ASK_READ, NULL, e);
}

static int prepare(struct pt_explainer *x, const char *file, struct pt_nl *nf, struct pt_nl *nl, struct pt_err *e)
{
	struct pt_world *w = &x->world;
	int rc = rules_read(x, file, nf, e);

	if (!rc)
		rc = pt_net_read(nl, &x->host, e);
	if (!rc)
		rc = pt_eval_new(x->plan.policy, x->host, &x->eval, e);
	if (!rc && !file)
		rc = tables_read(x, nf, e);
	if (rc)
		return rc;
	*w = (struct pt_world){ .policy = x->plan.policy, .eval = x->eval, .host = x->host, .route = route, .ways = ways,
				.forwards = forwards, .loopback = takes_loopback, .arg = x };
	w->asks_routes = pt_world_asks_routes(w->policy);
	rc = pt_host_self(x->host, x->arena, &w->self[0], &w->self[1]);
	return rc ? pt_err_sys(e, rc, "listing the addresses of this machine") : 0;
}

int pt_explainer_new(const char *file, struct pt_nl *nf, struct pt_nl *nl, struct pt_explainer **out, struct pt_err *e)
{
	struct pt_explainer *x = calloc(1, sizeof(*x));
	int rc = -ENOMEM;

	*out = NULL;
	if (x) {
		x->arena = pt_arena_new();
		x->routes = pt_net_routes_new(nl);
		x->route = nl;
	}
	if (x && x->arena && x->routes)
		rc = prepare(x, file, nf, nl, e);
	else
		(void)pt_err_sys(e, rc, "preparing to explain");
	if (rc) {
		pt_explainer_free(x);
		return rc;
	}
	*out = x;
	return 0;
}

void pt_explainer_free(struct pt_explainer *x)
{
	if (!x)
		return;
	pt_eval_free(x->eval);
	pt_plan_fini(&x->plan);
	pt_host_free(x->host);
	pt_net_routes_free(x->routes);
	pt_arena_free(x->arena);
	free(x);
}

const struct pt_world *pt_explainer_world(const struct pt_explainer *x)
{
	return &x->world;
}

const struct pt_plan *plan_explainer_plan(const struct pt_explainer *x)
{
	return &x->plan;
}
