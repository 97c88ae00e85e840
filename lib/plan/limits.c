/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits that an apply sets beside the rules, and what they need besides: the machine's most states, and somebody who
 * follows the notices of rules that count connections.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plan/internal.h"

#define STATES_MAX "/proc/sys/net/netfilter/nf_conntrack_max"

static int read_number(int fd, uint64_t *out)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pt_parse_uint(text, UINT32_MAX, out);
}

static void not_ours(uint32_t want, uint64_t now, struct pt_err *e)
{
	pt_err_add(e, PT_WARNING, NULL, "set net.netfilter.nf_conntrack_max in the first network namespace of the machine",
		   "limit states %u: the limit is one for the whole machine and cannot be set from here; it stays %llu",
		   want, (unsigned long long)now);
}

static int set_states(uint32_t want, struct pt_err *e)
{
	uint64_t now = 0;
	char text[16];
	int fd, rc, n;

	fd = open(STATES_MAX, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pt_err_sys(e, -errno, "opening %s", STATES_MAX);
	rc = read_number(fd, &now);
	close(fd);
	if (rc)
		return pt_err_sys(e, rc, "reading %s", STATES_MAX);
	if (now == want)
		return 0;
	fd = open(STATES_MAX, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		not_ours(want, now, e);
		return 0;
	}
	n = snprintf(text, sizeof(text), "%u", want);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		rc = pt_err_sys(e, -errno, "writing %s", STATES_MAX);
	if (fd >= 0)
		close(fd);
	return rc;
}

const struct pt_pol_rule *pt_plan_needs_follower(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_states *s = p->rules.v[i].states;

		if (s && (s->max_src_conn || s->flush))
			return &p->rules.v[i];
	}
	return NULL;
}

int plan_limits_apply(const struct pt_plan *p, struct pt_err *e)
{
	uint32_t states = p->conf->limit[PT_LIMIT_STATES];
	const struct pt_pol_rule *r = pt_plan_needs_follower(p->policy);

	if (r && !pt_plan_followed())
		pt_err_add(e, PT_WARNING, &r->loc, "start patronus-follow.service, or run `ptfw follow`",
			   "%s needs somebody who follows, and nobody does: %s",
			   r->states->flush ? "flush" : "max-src-conn",
			   r->states->max_src_conn ? "connections above the limit wait for ever, and no state is ended" :
						     "no state is ended");
	return states ? set_states(states, e) : 0;
}
