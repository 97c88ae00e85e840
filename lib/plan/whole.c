/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All subsystems in their order: one configuration for all of them, read once. */
#include <errno.h>
#include <string.h>

#include "plan/internal.h"

/* The firewall first: it reads the configuration for all, and nothing is to be let in, or forwarded, before its rules. */
const struct pt_subsystem *const pt_subsystems[] = {
	&plan_firewall,
	&plan_settings,
	&plan_network,
	NULL,
};

int pt_whole_check(const struct pt_conf *c, struct pt_err *e)
{
	int rc = 0, one;

	for (size_t i = 0; pt_subsystems[i]; i++) {
		one = pt_subsystems[i]->check ? pt_subsystems[i]->check(c, e) : 0;
		rc = rc ? rc : one;
	}
	return rc;
}

int pt_whole_judge(const char *name, const char *text, size_t len, struct pt_conf_more *more, void *arg, struct pt_err *e)
{
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	int rc = pt_policy_parse_more(name, text, len, more, &conf, &policy, e);

	(void)arg;
	if (!rc)
		rc = pt_policy_check_here(conf, e);
	if (!rc)
		rc = pt_whole_check(conf, e);
	pt_policy_free(policy);
	pt_conf_free(conf);
	return rc;
}

int pt_whole_plan(struct pt_whole *w, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && pt_subsystems[i]; i++) {
		rc = pt_subsystems[i]->plan(w, &w->plans[i], e);
		if (!rc && !i)
			rc = pt_whole_check(w->conf, e);
	}
	if (rc)
		pt_whole_fini(w);
	return rc;
}

size_t pt_whole_writes(const struct pt_whole *w)
{
	size_t n = 0;

	for (size_t i = 0; pt_subsystems[i]; i++)
		n += w->plans[i] ? pt_subsystems[i]->writes(w->plans[i]) : 0;
	return n;
}

void pt_whole_walk(const struct pt_whole *w, pt_nft_op_cb cb, void *arg)
{
	for (size_t i = 0; pt_subsystems[i]; i++)
		if (w->plans[i])
			pt_subsystems[i]->walk(w->plans[i], cb, arg);
}

struct pt_plan *pt_whole_firewall(const struct pt_whole *w)
{
	return w->plans[0];
}

void pt_whole_fini(struct pt_whole *w)
{
	size_t n = 0;

	while (pt_subsystems[n])
		n++;
	/* The firewall's last: the configuration is its. */
	for (size_t i = n; i-- > 0;) {
		if (w->plans[i])
			pt_subsystems[i]->free(w->plans[i]);
		w->plans[i] = NULL;
	}
	w->conf = NULL;
}

struct drift {
	const char *subsystem;
	void (*cb)(const char *subsystem, const char *op, const char *kind, const char *name, void *arg);
	void *arg;
	size_t *n;
};

/* The note of what is applied is no difference that anybody could mean. */
static void tell(const char *op, const char *kind, const char *name, void *arg)
{
	struct drift *d = arg;

	if (!strcmp(name, "ptfw.applied"))
		return;
	(*d->n)++;
	d->cb(d->subsystem, op, kind, name, d->arg);
}

int pt_whole_drift(struct pt_whole *w, void (*cb)(const char *subsystem, const char *op, const char *kind, const char *name,
		   void *arg), void *arg, size_t *n, struct pt_err *e)
{
	struct drift d = { .cb = cb, .arg = arg, .n = n };
	int rc;

	*n = 0;
	rc = pt_whole_plan(w, e);
	for (size_t i = 0; !rc && pt_subsystems[i]; i++) {
		d.subsystem = pt_subsystems[i]->name;
		if (pt_subsystems[i]->drift)
			rc = pt_subsystems[i]->drift(w, tell, &d, e);
		else
			pt_subsystems[i]->walk(w->plans[i], tell, &d);
	}
	return rc;
}
