/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which packets there can be at a judgement on one machine. */
#ifndef PLAN_POSSIBLE_H
#define PLAN_POSSIBLE_H

#include <patronus/space.h>

#include "plan/internal.h"

struct plan_possible;
/* Of the machine H, in boxes of S, which is of policy V; all of them and A outlive it. ASKS_ROUTES: it matters what routes say.
 * ROUTE NULL: they lead to the networks of H's addresses, and everywhere else by each device. */
int plan_possible_new(const struct pt_policy *v, const struct pt_host *h, struct pt_space *s, bool asks_routes,
		      struct pt_nl *route, struct pt_arena *a, struct plan_possible **out, struct pt_err *e) PT_MUST;
/* What of X can be at the judgement DIR and is not dropped by Linux itself, as disjoint boxes added to OUT, in A. OTHERS: only what
 * other machines may send honestly, which IPv6 does not look at. */
int plan_possible(struct plan_possible *p, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool others,
		  pt_boxes *out) PT_MUST;
/* explainer.c: does DEVICE take packets of 127.0.0.0/8? */
bool plan_takes_loopback(const char *device);

#endif
