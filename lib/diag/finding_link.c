/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of links: what the file wants and is not there, no carrier, what is counted while something is wrong, ports
 * that do not fit. */
#include <linux/if.h>
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

#define LOST_OFTEN 100 /* times that a link lost its other end and found it since it was made */

static bool is_loopback(const struct pt_link *k)
{
	return k->flags & IFF_LOOPBACK;
}

/* Is it meant to be on? The file says so unless it says otherwise. */
static bool wanted_on(const struct pt_conf_if *i)
{
	const struct pt_conf_option *o = pt_conf_if_option(i, "enabled");

	return !o || o->number;
}

int check_interface_missing(struct finding_look *l, const struct pt_check *c)
{
	const struct pt_conf *conf = l->has_plan ? l->plan.conf : NULL;
	int rc = 0;

	for (size_t i = 0; !rc && conf && i < conf->interfaces.n; i++) {
		const struct pt_conf_if *x = &conf->interfaces.v[i];
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = x->device };

		if (pt_links_find(&l->links, x->device))
			continue;
		(void)snprintf(s.text, sizeof(s.text), "interface %s of the configuration in force is not there",
			       x->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "there is no device %s; the file names it in line %u",
			       x->device, x->loc.line);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link show");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

int check_interface_disabled(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i];
		const struct pt_conf_if *x = finding_interface(l, k->name);
		struct finding_say s = { .severity = PT_FINDING_ERROR, .subject = k->name };

		if (k->up || !x || !wanted_on(x))
			continue;
		(void)snprintf(s.text, sizeof(s.text), "interface %s is switched off", x->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "%s is not up, and the configuration in force names it",
			       k->name);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link set %s enabled yes", k->name);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

static bool has_default(const struct finding_look *l, uint32_t index)
{
	for (size_t i = 0; i < l->defaults.n; i++)
		if (l->defaults.v[i].index == index)
			return true;
	return false;
}

int check_link_down(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i],
				     *m = k->master_index ? pt_links_index(&l->links, k->master_index) : NULL;
		bool matters = has_default(l, k->index) || finding_interface(l, k->name);
		struct finding_say s = { .severity = matters ? PT_FINDING_ERROR : PT_FINDING_WARNING,
					 .subject = k->name };

		if (!k->up || k->running || is_loopback(k))
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "%s is switched on but has no carrier: nothing is sent or received there", k->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "up, not running%s%s%s",
			       has_default(l, k->index) ? ", a default route leads there" : "", m ? ", a port of " : "",
			       m ? m->name : "");
		(void)snprintf(s.next, sizeof(s.next), "ptnet link show %s -d", k->name);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

int check_link_flapping(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->after.links.v.n; i++) {
		const struct pt_link *k = &l->after.links.v.v[i], *was = pt_links_index(&l->before.links, k->index);
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = k->name };
		uint32_t times = was ? k->carrier_changes - was->carrier_changes : 0;

		if (!times && k->carrier_changes < LOST_OFTEN)
			continue;
		if (!times)
			s.severity = PT_FINDING_NOTE;
		(void)snprintf(s.text, sizeof(s.text),
			       times ? "%s loses and finds its other end while we look" :
				       "%s has lost its other end often",
			       k->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "carrier changes: %u, %u of them just now",
			       k->carrier_changes, times);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link monitor");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* What grew between the looks: received and sent. */
static int tell_growth(struct finding_look *l, const struct pt_check *c, const struct pt_link *k, const char *what,
		       uint64_t rx, uint64_t tx)
{
	struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = k->name };

	if (!rx && !tx)
		return 0;
	(void)snprintf(s.text, sizeof(s.text), "%s: %s grow while we look", k->name, what);
	(void)snprintf(s.evidence, sizeof(s.evidence), "%llu received, %llu sent between two looks",
		       (unsigned long long)rx, (unsigned long long)tx);
	(void)snprintf(s.next, sizeof(s.next), "ptnet link show %s -s -s", k->name);
	return finding_tell(l, c, &s);
}

static uint64_t grown(uint64_t before, uint64_t after)
{
	return after > before ? after - before : 0;
}

int check_link_errors(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->after.links.v.n; i++) {
		const struct pt_link *k = &l->after.links.v.v[i], *was = pt_links_index(&l->before.links, k->index);

		if (was)
			rc = tell_growth(l, c, k, "errors", grown(was->counters.rx_errors, k->counters.rx_errors),
					 grown(was->counters.tx_errors, k->counters.tx_errors));
	}
	return rc;
}

int check_link_drops(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->after.links.v.n; i++) {
		const struct pt_link *k = &l->after.links.v.v[i], *was = pt_links_index(&l->before.links, k->index);

		if (was)
			rc = tell_growth(l, c, k, "dropped packets",
					 grown(was->counters.rx_dropped, k->counters.rx_dropped),
					 grown(was->counters.tx_dropped, k->counters.tx_dropped));
	}
	return rc;
}

int check_link_duplex(struct finding_look *l, const struct pt_check *c)
{
	const struct pt_link_hardware *hw = pt_links_hardware(&l->links, l->arena);
	int rc = hw ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i];
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = k->name };

		if (!k->running || !hw[i].duplex || strcmp(hw[i].duplex, "half") != 0)
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "%s cannot send and receive at once: one end does not negotiate, or the cable is bad",
			       k->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "half duplex, %u Mbit a second", hw[i].speed);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link show %s -d", k->name);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

/* The first running port of MASTER that comes before port number N. */
static const struct pt_link *first_port(const struct finding_look *l, uint32_t master, size_t n, size_t *at)
{
	for (*at = 0; *at < n; ++*at)
		if (l->links.v.v[*at].master_index == master && l->links.v.v[*at].up)
			return &l->links.v.v[*at];
	return NULL;
}

int check_bridge_mtu(struct finding_look *l, const struct pt_check *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i],
				     *m = k->master_index ? pt_links_index(&l->links, k->master_index) : NULL, *other;
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = m ? m->name : "" };
		size_t at;

		if (!m || m->kind != PT_LINK_BRIDGE || !k->up)
			continue;
		other = first_port(l, m->index, i, &at);
		if (!other || other->mtu == k->mtu)
			continue;
		(void)snprintf(
			s.text, sizeof(s.text),
			"ports of bridge %s have several MTUs: large packets between them are lost, and nobody says so",
			m->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "%s has %u, %s has %u", other->name, other->mtu, k->name,
			       k->mtu);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link set %s mtu %u",
			       k->mtu < other->mtu ? k->name : other->name, k->mtu < other->mtu ? other->mtu : k->mtu);
		rc = finding_tell(l, c, &s);
	}
	return rc;
}

int check_bond_speed(struct finding_look *l, const struct pt_check *c)
{
	const struct pt_link_hardware *hw = pt_links_hardware(&l->links, l->arena);
	int rc = hw ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < l->links.v.n; i++) {
		const struct pt_link *k = &l->links.v.v[i],
				     *m = k->master_index ? pt_links_index(&l->links, k->master_index) : NULL, *other;
		struct finding_say s = { .severity = PT_FINDING_WARNING, .subject = m ? m->name : "" };
		size_t at;

		if (!m || m->kind != PT_LINK_BOND || !k->running || !hw[i].speed)
			continue;
		other = first_port(l, m->index, i, &at);
		if (!other || !other->running || !hw[at].speed || hw[at].speed == hw[i].speed)
			continue;
		(void)snprintf(s.text, sizeof(s.text),
			       "ports of bond %s have several speeds: the slow one holds up what is sent there",
			       m->name);
		(void)snprintf(s.evidence, sizeof(s.evidence), "%s has %u, %s has %u Mbit a second", other->name,
			       hw[at].speed, k->name, hw[i].speed);
		(void)snprintf(s.next, sizeof(s.next), "ptnet link show -d");
		rc = finding_tell(l, c, &s);
	}
	return rc;
}
