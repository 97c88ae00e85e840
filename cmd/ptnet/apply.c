/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file as a whole, as far as interfaces are concerned: check, diff, apply. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <patronus/change.h>

#include "ptnet.h"

static const char *file_name(const struct pt_cli *c)
{
	return strcmp(c->file, "-") ? c->file : "standard input";
}

/* A file that is wrong, or not there, is an error of configuration, whatever its kind. */
int load_file(struct pt_cli *c, struct pt_conf **conf)
{
	int rc = pt_conf_load(c->file, conf, &c->err);

	if (rc && rc != -ENOMEM && !c->err.n_errors)
		(void)pt_err_sys(&c->err, rc, "reading %s", file_name(c));
	return rc && rc != -ENOMEM ? PT_EXIT_CONFIG : rc;
}

static const struct pt_subsystem *network(void)
{
	size_t i = 0;

	while (pt_subsystems[i] && strcmp(pt_subsystems[i]->name, "network") != 0)
		i++;
	return pt_subsystems[i];
}

/* What can be judged without the kernel: what is refused here is refused by `apply` before it writes anything. */
static int load_checked(struct pt_cli *c, struct pt_conf **conf)
{
	int rc = load_file(c, conf);

	if (rc)
		return rc;
	rc = network()->check(*conf, &c->err);
	if (!rc)
		return 0;
	pt_conf_free(*conf);
	*conf = NULL;
	return rc == -ENOMEM ? rc : PT_EXIT_CONFIG;
}

int cmd_check(struct pt_cli *c)
{
	struct pt_conf *conf;
	int rc = load_checked(c, &conf);

	if (rc)
		return rc;
	pt_cli_say(c, "%s: %zu interface%s, no errors\n", file_name(c), conf->interfaces.n,
		   pt_plural(conf->interfaces.n));
	pt_conf_free(conf);
	return 0;
}

static void show_change(const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_out *o = arg;
	struct pt_buf text = { 0 };

	pt_out_rec(o);
	pt_out_str(o, "op", op);
	pt_out_str(o, "kind", kind);
	pt_out_str(o, "name", name);
	pt_buf_fmt(&text, "%s %s %s", op, kind, name);
	pt_out_fail(o, text.err);
	if (text.s)
		pt_out_text(o, text.s);
	pt_out_rec_end(o);
	pt_buf_fini(&text);
}

/* PLAN NULL: it is empty. */
static int show_plan(struct pt_cli *c, const void *plan)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.change.v1", "changes");

	if (!o)
		return -ENOMEM;
	if (plan)
		network()->walk(plan, show_change, o);
	return pt_cli_end(c, o);
}

/* Plans the file against the kernel and lets USE have it. */
static int with_plan(struct pt_cli *c, int (*use)(struct pt_cli *c, struct pt_whole *w, void *plan))
{
	struct pt_whole w = { 0 };
	void *plan;
	int rc = load_checked(c, &w.conf);

	if (rc)
		return rc;
	rc = pt_nl_open(&w.route, NETLINK_ROUTE, &c->err);
	if (!rc)
		rc = network()->plan(&w, &plan, &c->err);
	if (!rc) {
		rc = use(c, &w, plan);
		network()->free(plan);
	}
	pt_nl_close(w.route);
	pt_conf_free(w.conf);
	return rc;
}

/* Nothing differs, and that is known without reading the file. */
static bool is_same(struct pt_cli *c)
{
	struct pt_err ignored = { 0 };
	struct pt_nl *route = NULL;
	bool same = !pt_nl_open(&route, NETLINK_ROUTE, &ignored) && pt_network_same(c->file, route);

	pt_nl_close(route);
	pt_err_fini(&ignored);
	return same;
}

static int diff(struct pt_cli *c, struct pt_whole *w, void *plan)
{
	int rc = show_plan(c, plan);

	(void)w;
	return rc ? rc : network()->writes(plan) ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_diff(struct pt_cli *c)
{
	return is_same(c) ? show_plan(c, NULL) : with_plan(c, diff);
}

static int say_same(struct pt_cli *c)
{
	if (c->dry || c->json || c->line)
		return show_plan(c, NULL);
	pt_cli_say(c, "%s: in force already, nothing written\n", file_name(c));
	return 0;
}

/* What ptconf applied and waits for its confirmation is not changed below it: the way back would be another one. */
static int refuse_window(struct pt_cli *c)
{
	char state[PATH_MAX];

	if (c->netns && strchr(c->netns, '/')) /* such a namespace has no state folder of its own */
		return 0;
	return pt_cli_state(c, state) ? PT_EXIT_CONFIG : pt_window_refuse(state, &c->err);
}

static int apply(struct pt_cli *c, struct pt_whole *w, void *plan)
{
	size_t writes;
	int rc = c->dry ? 0 : refuse_window(c);

	if (rc)
		return rc;
	if (c->dry || c->json || c->line)
		rc = show_plan(c, plan);
	if (rc || c->dry)
		return rc;
	rc = network()->apply(w, plan, &writes, &c->err);
	/* The file was good: whatever the kernel calls it, this is a refusal. */
	if (rc && rc != -ENOMEM && rc != -EPERM && rc != -EACCES)
		return PT_EXIT_SYSTEM;
	if (rc || c->json || c->line)
		return rc;
	if (!writes)
		return say_same(c);
	pt_cli_say(c, "%s: in force, %zu change%s\n", file_name(c), writes, pt_plural(writes));
	return 0;
}

int cmd_apply(struct pt_cli *c)
{
	return is_same(c) ? say_same(c) : with_plan(c, apply);
}
