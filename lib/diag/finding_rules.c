/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of Patronus itself: rules in force, what somebody changed of them, changes that wait, services. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <patronus/change.h>
#include <patronus/drift.h>

#include "diag/finding.h"

#define SHOWN 3 /* differences that stand in the evidence */

static bool exists(const struct finding_look *l, const char *path)
{
	char whole[PATH_MAX];

	(void)snprintf(whole, sizeof(whole), "%s%s", l->o->root ? l->o->root : "", path);
	return !access(whole, F_OK);
}

/* Nothing in force is a fault where somebody wrote or confirmed a configuration, else a fact. */
int check_rules_loaded(struct finding_look *l, const struct pt_check *c)
{
	uint32_t confirmed = l->o->state ? pt_confirmed_read(l->o->state) : 0;
	bool meant = confirmed || exists(l, PT_CONF_PATH);
	struct finding_say s = { .severity = meant ? PT_FINDING_ERROR : PT_FINDING_NOTE };

	if (l->has_plan)
		return 0;
	if (!l->asked_plan)
		return finding_skip(l, c, "%s", l->why_no_plan);
	(void)snprintf(s.text, sizeof(s.text), "no rules of Patronus are in force");
	if (confirmed)
		(void)snprintf(s.evidence, sizeof(s.evidence), "%.300s; revision %u was confirmed", l->why_no_plan,
			       confirmed);
	else
		(void)snprintf(s.evidence, sizeof(s.evidence), "%.300s%s", l->why_no_plan,
			       meant ? "; there is " PT_CONF_PATH : "");
	(void)snprintf(s.next, sizeof(s.next), confirmed ? "ptconf boot" : meant ? "ptconf apply" : "ptfw check");
	return finding_tell(l, c, &s);
}

static int tell_drift(struct finding_look *l, const struct pt_check *c, const struct pt_drift_item *items, size_t n)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	size_t used = 0;

	if (!n)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "the kernel is not what was put in force: somebody else changed it");
	for (size_t i = 0; i < n && i < SHOWN && used < sizeof(s.evidence); i++)
		used += (size_t)snprintf(s.evidence + used, sizeof(s.evidence) - used, "%s%s", i ? "; " : "",
					 items[i].text);
	if (n > SHOWN && used < sizeof(s.evidence))
		(void)snprintf(s.evidence + used, sizeof(s.evidence) - used, "; and %zu more", n - SHOWN);
	(void)snprintf(s.next, sizeof(s.next), "ptconf drift");
	return finding_tell(l, c, &s);
}

int check_rules_drift(struct finding_look *l, const struct pt_check *c)
{
	const struct pt_drift_item *items = NULL;
	struct pt_drift *d = NULL;
	struct pt_err e = { 0 };
	size_t n = 0;
	int rc;

	if (!l->has_plan)
		return 0;
	rc = pt_drift_open(l->o->state ? l->o->state : PT_STATE_DIR, l->nf, l->route, &d, &e);
	if (!rc)
		rc = pt_drift_compare(d, &items, &n, &e);
	if (rc && rc != -ENOMEM)
		rc = finding_skip(l, c, "%s", e.list.n ? e.list.v[0].msg : strerror(-rc));
	else if (!rc)
		rc = tell_drift(l, c, items, n);
	pt_drift_close(d);
	pt_err_fini(&e);
	return rc;
}

int check_change_waiting(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_NOTE };
	struct pt_window w = { 0 };
	int64_t left;

	if (!l->o->state || !pt_window_open(l->o->state, &w))
		return 0;
	left = pt_window_left(&w) / 1000000000;
	if (left < 0)
		left = 0;
	(void)snprintf(s.text, sizeof(s.text), "a change waits to be confirmed, else what was before comes back");
	(void)snprintf(s.evidence, sizeof(s.evidence), "revision %u, %lld second%s left", w.revision,
		       (long long)left, pt_plural((uint64_t)left));
	(void)snprintf(s.next, sizeof(s.next), "ptconf confirm");
	return finding_tell(l, c, &s);
}

int check_follower(struct finding_look *l, const struct pt_check *c)
{
	const struct pt_pol_rule *r = l->has_plan ? pt_plan_needs_follower(l->plan.policy) : NULL;
	struct finding_say s = { .severity = PT_FINDING_WARNING };

	if (!r || pt_plan_followed())
		return 0;
	(void)snprintf(s.text, sizeof(s.text),
		       "a rule ends connections of sources that make too many, and nobody does that");
	(void)snprintf(s.evidence, sizeof(s.evidence), "rule %s needs `ptfw follow`, which does not run here", r->name);
	(void)snprintf(s.next, sizeof(s.next), "systemctl start patronus-follow, or ptfw follow");
	return finding_tell(l, c, &s);
}

/* ---- services, without asking systemd: what is enabled is a link, what runs has processes in its group ---- */

static bool runs(const struct finding_look *l, const char *unit)
{
	static const char *const groups[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/systemd" }; /* of both versions */
	char path[PATH_MAX], text[16];

	for (size_t i = 0; i < PT_ARRAY_SIZE(groups); i++) {
		(void)snprintf(path, sizeof(path), "%s/system.slice/%s/cgroup.procs", groups[i], unit);
		if (finding_file(l, path, text, sizeof(text)) > 0)
			return true;
	}
	return false;
}

int check_service_down(struct finding_look *l, const struct pt_check *c)
{
	static const char *const units[] = { "patronus-follow.service", "patronus-names.service",
					     "patronus-net.service", "patronus-dhcp.service", "patronus-log.service" };
	int rc = 0;

	if (!exists(l, "/run/systemd/system"))
		return 0;
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(units); i++) {
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = units[i] };
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "/etc/systemd/system/multi-user.target.wants/%s", units[i]);
		if (!exists(l, path) || runs(l, units[i]))
			continue;
		(void)snprintf(s.text, sizeof(s.text), "service %s is enabled and does not run", units[i]);
		(void)snprintf(s.evidence, sizeof(s.evidence), "it has no process");
		(void)snprintf(s.next, sizeof(s.next), "systemctl status %s", units[i]);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}
