/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of what the kernel keeps and counts: states, neighbours, queues, fragments. */
#include <stdio.h>

#include "diag/finding.h"

#define NEARLY 90 /* percent of a table that is worth a word */
#define FULL 98

static bool grown(const struct finding_look *l, enum finding_counter c, uint64_t *by)
{
	*by = 0;
	if (!l->before.known[c] || !l->after.known[c] || l->after.v[c] <= l->before.v[c])
		return false;
	*by = l->after.v[c] - l->before.v[c];
	return true;
}

int check_state_table_full(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	uint64_t n, max;

	if (!l->nf)
		return finding_skip(l, c, "needs CAP_NET_ADMIN");
	if (pt_ct_count(l->nf, &n, &max, NULL) || !max)
		return finding_skip(l, c, "the kernel does not tell how many connections it follows");
	if (n < max * NEARLY / 100)
		return 0;
	if (n >= max * FULL / 100)
		s.severity = PT_FINDING_ERROR;
	(void)snprintf(s.text, sizeof(s.text), "the table of connections is nearly full: new ones will be dropped");
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu of %llu", (unsigned long long)n, (unsigned long long)max);
	(void)snprintf(s.next, sizeof(s.next), "ptdiag state summary");
	return finding_tell(l, c, &s);
}

int check_state_failures(struct finding_look *l, const struct pt_check *c)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	uint64_t failed, dropped;
	bool any = grown(l, COUNT_CT_FAILED, &failed);

	any |= grown(l, COUNT_CT_DROPPED, &dropped);
	if (!any)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "new connections find no place in the table, or are dropped from it");
	(void)snprintf(s.evidence, sizeof(s.evidence),
		       "between two looks %llu were not taken, %llu dropped; %llu and %llu in all",
		       (unsigned long long)failed, (unsigned long long)dropped,
		       (unsigned long long)l->after.v[COUNT_CT_FAILED],
		       (unsigned long long)l->after.v[COUNT_CT_DROPPED]);
	(void)snprintf(s.next, sizeof(s.next), "ptfw info");
	return finding_tell(l, c, &s);
}

/* One counter, or the two of both families, that must not grow. */
static int tell_growth(struct finding_look *l, const struct pt_check *c, enum finding_counter a, enum finding_counter b,
		       const char *text, const char *what, const char *next)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING };
	uint64_t x, y = 0;
	bool any = grown(l, a, &x);

	if (b != a)
		any |= grown(l, b, &y);
	if (!any)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "%s", text);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu %s between two looks", (unsigned long long)x + y, what);
	(void)snprintf(s.next, sizeof(s.next), "%s", next);
	return finding_tell(l, c, &s);
}

int check_softnet_drops(struct finding_look *l, const struct pt_check *c)
{
	return tell_growth(l, c, COUNT_SOFTNET_DROPPED, COUNT_SOFTNET_DROPPED,
			   "packets come faster than a processor takes them, and are dropped", "packets",
			   "ptdiag activity");
}

int check_listen_overflows(struct finding_look *l, const struct pt_check *c)
{
	return tell_growth(l, c, COUNT_LISTEN_OVERFLOWS, COUNT_LISTEN_OVERFLOWS,
			   "a program does not take its connections in time: they are dropped", "connections",
			   "ptdiag socket");
}

int check_receive_buffers(struct finding_look *l, const struct pt_check *c)
{
	return tell_growth(l, c, COUNT_RCVBUF_ERRORS, COUNT_RCVBUF_ERRORS6,
			   "a program does not read its datagrams in time: they are dropped", "datagrams",
			   "ptdiag socket");
}

int check_fragments(struct finding_look *l, const struct pt_check *c)
{
	return tell_growth(l, c, COUNT_REASM_FAILS, COUNT_REASM_FAILS6,
			   "fragments do not become whole packets: some are lost on the way", "failures",
			   "ptdiag trace HOST mtu");
}

static size_t neighbours_of(const struct pt_neighbours *all, enum pt_af af)
{
	size_t n = 0;

	for (size_t i = 0; i < all->v.n; i++)
		n += all->v.v[i].addr.af == af && !all->v.v[i].proxy;
	return n;
}

static int one_table(struct finding_look *l, const struct pt_check *c, enum pt_af af, size_t n)
{
	const char *name = af == PT_AF_INET ? "ipv4" : "ipv6";
	enum finding_counter counter = af == PT_AF_INET ? COUNT_TABLE_FULLS : COUNT_TABLE_FULLS6;
	struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = name };
	uint64_t max = 0, refused;
	char path[80];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/neigh/default/gc_thresh3", name);
	(void)finding_number(l, path, &max);
	(void)grown(l, counter, &refused);
	if (!refused && (!max || n < max * NEARLY / 100))
		return 0;
	if (refused)
		s.severity = PT_FINDING_ERROR;
	(void)snprintf(s.text, sizeof(s.text),
		       refused ? "the table of neighbours is full: hosts next door are not reached" :
				 "the table of neighbours is nearly full");
	(void)snprintf(s.evidence, sizeof(s.evidence), "%zu entries, %llu at most; %llu refused between two looks", n,
		       (unsigned long long)max, (unsigned long long)refused);
	(void)snprintf(s.next, sizeof(s.next), "sysctl net.%s.neigh.default.gc_thresh3", name);
	return finding_tell(l, c, &s);
}

int check_neighbour_table_full(struct finding_look *l, const struct pt_check *c)
{
	struct pt_neighbours all = { 0 };
	int rc = pt_neighbours_read(l->route, &l->links, l->arena, &all, l->e);

	if (!rc)
		rc = one_table(l, c, PT_AF_INET, neighbours_of(&all, PT_AF_INET));
	return rc ? rc : one_table(l, c, PT_AF_INET6, neighbours_of(&all, PT_AF_INET6));
}
