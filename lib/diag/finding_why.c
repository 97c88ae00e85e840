/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps and their order. What needs a privilege (causing a neighbour to be asked, reading the rules, opening raw
 * sockets) is done for all addresses first; then privileges are given away, and only then is anything read that others
 * send.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag/finding.h"
#include "diag/finding_why.h"

static const struct {
	const char *name;
	why_step run;            /* NULL: of the name */
	bool confined;           /* it reads what others send */
} steps[PT_WHY_STEPS] = {
	[PT_WHY_NAME] = { "name", NULL, false },
	[PT_WHY_ROUTE] = { "route", why_route, false },
	[PT_WHY_NEIGHBOUR] = { "neighbour", why_neighbour, false },
	[PT_WHY_RULES] = { "rules", why_rules, false },
	[PT_WHY_NAT] = { "nat", why_nat, false },
	[PT_WHY_REACH] = { "answer", why_reach, true },
	[PT_WHY_MTU] = { "mtu", why_mtu, true },
};

const char *pt_why_step_name(enum pt_why_step s)
{
	return steps[s].name;
}

const char *pt_why_outcome_name(enum pt_why_outcome o)
{
	static const char *const names[] = { "passed", "unknown", "stopped" };

	return names[o];
}

/* ---- what the steps share ---- */

void why_text(struct pt_addr a, char out[64])
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, a);
	(void)snprintf(out, 64, "%s", b.err || !b.s ? "?" : b.s);
	pt_buf_fini(&b);
}

void why_what(const struct why *y, char out[32])
{
	if (y->o->port)
		(void)snprintf(out, 32, "%s port %u", y->o->udp ? "udp" : "tcp", y->o->port);
	else
		(void)snprintf(out, 32, "echo requests");
}

const char *why_device(const struct why *y, uint32_t index)
{
	const struct pt_link *l = index ? pt_links_index(&y->links, index) : NULL;

	return l ? l->name : "?";
}

int why_wait(const struct why *y, struct pollfd *fds, nfds_t n, int ms)
{
	int rc;

	fds[n] = (struct pollfd){ .fd = y->stop_fd, .events = POLLIN };
	rc = poll(fds, n + 1, ms);
	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[n].revents ? -ECANCELED : rc;
}

/* ---- telling ---- */

static int tell(const struct why *y, enum pt_why_step step, struct pt_addr to, const struct why_say *say)
{
	char next[WHY_TEXT];
	const struct pt_why_said s = { .step = step, .outcome = say->outcome, .to = to, .text = say->text,
				       .seen = say->seen, .next = say->outcome == PT_WHY_PASSED ? "" : next };

	memcpy(next, say->next, sizeof(next));
	finding_quote(&y->links, next, sizeof(next));
	return y->o->tell(&s, y->o->arg);
}

/* ---- walking ---- */

static int run_step(struct why *y, struct why_walk *k, enum pt_why_step i)
{
	struct why_say *s = &k->said[i];
	int rc = steps[i].run(y, k, s);

	if (rc)
		return rc;
	k->n_said = (size_t)i + 1;
	k->stopped = s->outcome == PT_WHY_STOPPED;
	return 0;
}

static int before_confined(struct why *y, struct why_walk *k)
{
	int rc = 0;

	for (enum pt_why_step i = PT_WHY_ROUTE; !rc && !k->stopped && i < PT_WHY_STEPS && !steps[i].confined; i++)
		rc = run_step(y, k, i);
	return rc || k->stopped ? rc : why_open(y, k);
}

static int behind_confined(struct why *y, struct why_walk *k)
{
	int rc = 0;

	for (size_t i = PT_WHY_ROUTE; !rc && i < k->n_said; i++)
		rc = tell(y, (enum pt_why_step)i, k->to, &k->said[i]);
	for (enum pt_why_step i = PT_WHY_REACH; !rc && !k->stopped && i < PT_WHY_STEPS; i++) {
		rc = run_step(y, k, i);
		if (!rc)
			rc = tell(y, i, k->to, &k->said[i]);
	}
	return rc;
}

static int walk_all(struct why *y)
{
	static const struct pt_addr none = { .af = PT_AF_NONE };
	int rc = y->literal ? 0 : tell(y, PT_WHY_NAME, none, &y->name);

	if (!rc && y->name.outcome != PT_WHY_STOPPED)
		why_rules_load(y);
	for (size_t i = 0; !rc && i < y->n; i++)
		rc = before_confined(y, &y->walks[i]);
	if (!rc && y->o->confine)
		rc = y->o->confine(y->o->arg);
	for (size_t i = 0; !rc && i < y->n; i++)
		rc = behind_confined(y, &y->walks[i]);
	return rc;
}

static int read_kernel(struct why *y)
{
	int rc = pt_links_read_plain(y->route, y->arena, &y->links, y->e);

	if (!rc)
		rc = pt_addresses_read(y->route, &y->links, y->arena, &y->addresses, y->e);
	return rc ? rc : pt_route_rules_read(y->route, y->arena, &y->rules, y->e);
}

static void sum_up(const struct why *y, struct pt_why_end *end)
{
	end->n = y->n;
	for (size_t i = 0; i < y->n; i++) {
		const struct why_walk *k = &y->walks[i];

		end->walks[i].to = k->to;
		end->walks[i].at = (enum pt_why_step)(k->n_said ? k->n_said - 1 : 0);
		end->walks[i].outcome = k->stopped ? PT_WHY_STOPPED :
					k->n_said < PT_WHY_STEPS || k->silent || k->unasked ? PT_WHY_UNKNOWN :
					PT_WHY_PASSED;
		end->walks[i].unasked = k->unasked;
	}
}

int pt_why(const struct pt_why_options *o, struct pt_nl *nf, struct pt_nl *route, struct pt_why_end *end,
	   struct pt_err *e)
{
	struct why *y = calloc(1, sizeof(*y));
	int rc = -ENOMEM;

	memset(end, 0, sizeof(*end));
	if (y) {
		*y = (struct why){ .o = o, .nf = nf, .route = route, .e = e, .stop_fd = -1 };
		y->arena = pt_arena_new();
	}
	if (!y || !y->arena) {
		free(y);
		return pt_err_sys(e, rc, "looking for the reason");
	}
	rc = read_kernel(y);
	if (!rc)
		rc = why_name(y);
	if (!rc && o->stop) {
		y->stop_fd = o->stop(o->arg);
		rc = y->stop_fd < -1 ? y->stop_fd : 0;
	}
	if (!rc)
		rc = walk_all(y);
	end->cut = rc == -ECANCELED;
	if (end->cut)
		rc = 0;
	if (!rc)
		sum_up(y, end);
	else if (rc == -ENOMEM && !e->list.n)
		pt_err_sys(e, rc, "looking for the reason");
	for (size_t i = 0; i < y->n; i++) {
		pt_probe_close(y->walks[i].echo);
		pt_probe_close(y->walks[i].trace);
	}
	pt_explainer_free(y->explainer);
	pt_arena_free(y->arena);
	free(y);
	return rc;
}
