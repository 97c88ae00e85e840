/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets of the size that this machine would send, which must not be fragmented: they come through, somebody says how
 * long they may be, or they vanish while short ones are answered. The last is the hole in which connections begin and
 * hang.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding_why.h"

#define HEADERS4 28          /* of IPv4 and the echo request */
#define HEADERS6 48
#define SMALL 56
#define SHORTEST_MS 200      /* that an answer is waited for where one more is asked for in any case */
#define ROUNDS 4             /* of looking for the longest, when one that seemed lost was only late */
#define TELLERS 8            /* routers that may tell of a smaller MTU, one after the other */

static uint32_t headers(const struct why_walk *k)
{
	return k->to.af == PT_AF_INET ? HEADERS4 : HEADERS6;
}

static int ask_soon(struct why *y, const struct why_walk *k, uint32_t mtu, struct why_echo *x)
{
	uint64_t ms = SHORTEST_MS + k->rtt * 4 / 1000000;

	return why_ask(y, k, mtu - headers(k), 2, (int)(ms < y->o->timeout / 1000 ? ms : y->o->timeout / 1000), x);
}

/* Silence is a verdict only with all the time that there is. */
static int ask(struct why *y, const struct why_walk *k, uint32_t mtu, struct why_echo *x)
{
	return why_ask(y, k, mtu - headers(k), 3, (int)(y->o->timeout / 1000 / 3), x);
}

/* Short ones must be answered, or the silence of long ones says nothing. */
static int ask_small(struct why *y, struct why_walk *k)
{
	struct why_echo x;
	int rc = ask(y, k, SMALL + headers(k), &x);

	k->answers = !rc && x.reply;
	if (k->answers)
		k->rtt = x.rtt;
	return rc;
}

static void say_not_known(const char *why, uint32_t mtu, struct why_say *s)
{
	s->outcome = PT_WHY_UNKNOWN;
	(void)snprintf(s->text, sizeof(s->text), "whether long packets come through; this machine sends up to %u bytes",
		       mtu);
	(void)snprintf(s->seen, sizeof(s->seen), "%s", why);
}

static int halve(struct why *y, const struct why_walk *k, uint32_t *answered, uint32_t lost)
{
	while (lost - *answered > 1) {
		uint32_t mid = *answered + (lost - *answered) / 2;
		struct why_echo x;
		int rc = ask_soon(y, k, mid, &x);

		if (rc)
			return rc;
		if (x.reply)
			*answered = mid;
		else
			lost = mid;
	}
	return 0;
}

/* The longest that is answered, between one that is and one that is not: the next longer one is silent, for certain. */
static int find_longest(struct why *y, const struct why_walk *k, uint32_t *answered, uint32_t mtu)
{
	for (unsigned int i = 0; i < ROUNDS && *answered < mtu; i++) {
		struct why_echo x = { 0 };
		int rc = halve(y, k, answered, mtu);

		if (!rc)
			rc = ask(y, k, *answered + 1, &x);
		if (rc || !x.reply)
			return rc;
		++*answered;
	}
	return 0;
}

static int say_hole(struct why *y, struct why_walk *k, uint32_t mtu, struct why_say *s)
{
	uint32_t longest = SMALL + headers(k);
	char to[64];
	int rc = ask_small(y, k);

	if (rc)
		return rc;
	if (!k->answers) {
		say_not_known("answers come and go", mtu, s);
		(void)snprintf(s->next, sizeof(s->next), "ptdiag ping %s count 20", y->o->host);
		return 0;
	}
	rc = find_longest(y, k, &longest, mtu);
	if (!rc && longest >= mtu) {
		say_not_known("answers come and go", mtu, s);
		(void)snprintf(s->next, sizeof(s->next), "ptdiag ping %s count 20", y->o->host);
		return 0;
	}
	why_text(k->to, to);
	s->outcome = PT_WHY_STOPPED;
	(void)snprintf(s->text, sizeof(s->text),
		       "packets longer than %u bytes are lost on the way and nobody says so: "
		       "connections begin and hang", longest);
	(void)snprintf(s->seen, sizeof(s->seen),
		       "echo requests of %u bytes are answered, those of %u, which this machine sends, are not",
		       longest, mtu);
	(void)snprintf(s->next, sizeof(s->next), "ptdiag trace %s mtu", to);
	return rc;
}

static void say_through(const struct why_walk *k, uint32_t mtu, struct pt_addr teller, struct why_say *s)
{
	char who[64];

	(void)snprintf(s->text, sizeof(s->text), "packets of %u bytes come through", mtu);
	why_text(teller, who);
	if (teller.af)
		(void)snprintf(s->seen, sizeof(s->seen), "%s tells that longer ones do not", who);
	else if (k->way.learned)
		(void)snprintf(s->seen, sizeof(s->seen), "the kernel learned this MTU from somebody on the way");
	else if (k->way.mtu)
		(void)snprintf(s->seen, sizeof(s->seen), "the MTU of the route");
}

/* *MTU becomes smaller as somebody tells; X is what became of it in the end. */
static int follow_tellers(struct why *y, struct why_walk *k, uint32_t *mtu, struct pt_addr *teller, struct why_echo *x)
{
	for (unsigned int i = 0; i < TELLERS; i++) {
		uint32_t told = 0;
		int rc = ask(y, k, *mtu, x);

		if (rc || x->reply)
			return rc;
		if (x->told && x->answer.mtu)
			told = x->answer.mtu;
		else if (x->unsent && x->error == -EMSGSIZE)
			told = pt_probe_mtu(k->echo);
		if (!told || told >= *mtu || told <= headers(k) + SMALL)
			return 0;
		if (x->told && !x->answer.local)
			*teller = x->answer.from;
		*mtu = told;
	}
	return 0;
}

/* Long ones are refused, by this machine or somebody else, for another reason than their length: that is no silence. */
static bool say_refused(const struct why *y, const struct why_echo *x, uint32_t mtu, struct why_say *s)
{
	const char *words = x->told ? pt_icmp_words(x->answer.from.af, x->answer.type, x->answer.code) : NULL;
	char who[64], why[160];

	if (!x->told && !x->unsent)
		return false;
	why_text(x->answer.from, who);
	if (x->told)
		(void)snprintf(why, sizeof(why), "%s says no to a packet of that size: %s", who,
			       words ? words : "an ICMP message");
	else
		(void)snprintf(why, sizeof(why), "this machine does not send a packet of that size: %s",
			       strerror(-x->error));
	say_not_known(why, mtu, s);
	(void)snprintf(s->next, sizeof(s->next), "ptdiag trace %s mtu", y->o->host);
	return true;
}

int why_mtu(struct why *y, struct why_walk *k, struct why_say *s)
{
	uint32_t mtu = k->way.mtu ? k->way.mtu : k->link ? k->link->mtu : 0;
	struct pt_addr teller = { .af = PT_AF_NONE };
	struct why_echo x;
	int rc = 0;

	if (k->way.type == RTN_LOCAL || (k->link && k->link->flags & IFF_LOOPBACK)) {
		(void)snprintf(s->text, sizeof(s->text),
			       "it stays on this machine: nothing is in the way of long packets");
		return 0;
	}
	if (mtu > PT_PROBE_SIZE_MAX)
		mtu = PT_PROBE_SIZE_MAX;
	if (k->echo && !k->answers)
		rc = ask_small(y, k);
	if (rc)
		return rc;
	if (!k->echo || !k->answers || mtu <= headers(k) + SMALL) {
		say_not_known(!k->echo ? k->why_no_echo : k->answers ? "its MTU is not known" :
			      "echo requests, by which it is seen, have no answer", mtu, s);
		(void)snprintf(s->next, sizeof(s->next), k->echo ? "ptdiag trace %s mtu" : "the same as root",
			       y->o->host);
		return 0;
	}
	rc = follow_tellers(y, k, &mtu, &teller, &x);
	if (rc || x.reply) {
		if (!rc)
			say_through(k, mtu, teller, s);
		return rc;
	}
	return say_refused(y, &x, mtu, s) ? 0 : say_hole(y, k, mtu, s);
}
