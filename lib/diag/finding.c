/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checks, their order, and how they are run: facts are read once, what is counted is counted twice, then everything
 * that this machine alone can say is told; what the network says comes last, when privileges are gone.
 */
#include <stdio.h>
#include <string.h>

#include "diag/finding.h"

#define NETWORK PT_CHECK_NETWORK
#define MACHINE PT_CHECK_MACHINE

const struct pt_check pt_checks[] = {
	{ "interface-missing", "interfaces of the file in force that are not there", NETWORK, false,
	  check_interface_missing },
	{ "interface-disabled", "interfaces of the file in force that are switched off", NETWORK, false,
	  check_interface_disabled },
	{ "link-down", "links that are switched on and have no carrier", NETWORK, false, check_link_down },
	{ "link-flapping", "links that lose and find their other end again and again", NETWORK, false,
	  check_link_flapping },
	{ "link-errors", "errors of sending and receiving that grow, link by link", NETWORK, false, check_link_errors },
	{ "link-drops", "dropped packets that grow, link by link", NETWORK, false, check_link_drops },
	{ "link-duplex", "links that send or receive but not both at once", NETWORK, false, check_link_duplex },
	{ "bond-speed", "ports of one bond with several speeds", NETWORK, false, check_bond_speed },
	{ "bridge-mtu", "ports of one bridge with several MTUs", NETWORK, false, check_bridge_mtu },
	{ "address-missing", "interfaces of the file in force without an address", NETWORK, false,
	  check_address_missing },
	{ "address-failed", "IPv6 addresses that somebody else had when they were set", NETWORK, false,
	  check_address_failed },
	{ "address-tentative", "IPv6 addresses that do not become usable", NETWORK, false, check_address_tentative },
	{ "address-deprecated", "interfaces whose IPv6 addresses have all run out", NETWORK, false,
	  check_address_deprecated },
	{ "address-twice", "one address or network on two links", NETWORK, false, check_address_twice },
	{ "default-missing", "no default route", NETWORK, false, check_default_missing },
	{ "default-twice", "several default routes of the same metric", NETWORK, false, check_default_twice },
	{ "default-dead", "default routes by links that are down", NETWORK, false, check_default_dead },
	{ "default-asymmetric", "several uplinks without rules that send answers back by the one that was asked",
	  NETWORK, false, check_default_asymmetric },
	{ "rp-filter", "strict filters of sources on links whose answers go elsewhere", NETWORK, false,
	  check_rp_filter },
	{ "forwarding", "forwarding that is off where the file or its rules want it", NETWORK, false,
	  check_forwarding },
	{ "accept-ra", "router advertisements that a router does not listen to", NETWORK, false, check_accept_ra },
	{ "rules-loaded", "the rules are in force", NETWORK, false, check_rules_loaded },
	{ "rules-drift", "what somebody else changed of what is in force", NETWORK, false, check_rules_drift },
	{ "change-waiting", "a change that nobody has confirmed yet", NETWORK, false, check_change_waiting },
	{ "follower", "rules that need ptfw follow, which does not run", NETWORK, false, check_follower },
	{ "service-down", "services of Patronus that are enabled and do not run, with systemd", MACHINE, false,
	  check_service_down },
	{ "state-table-full", "the table of connections is nearly full", NETWORK, false, check_state_table_full },
	{ "state-failures", "connections that found no place in the table", NETWORK, false, check_state_failures },
	{ "neighbour-table-full", "the table of neighbours is nearly full, or was", NETWORK, false,
	  check_neighbour_table_full },
	{ "softnet-drops", "packets that came faster than a processor took them", MACHINE, false, check_softnet_drops },
	{ "listen-overflows", "connections that a program did not take in time", NETWORK, false,
	  check_listen_overflows },
	{ "receive-buffers", "datagrams that a program did not read in time", NETWORK, false, check_receive_buffers },
	{ "fragments", "fragments whose packets never became whole", NETWORK, false, check_fragments },
	{ "clock", "a clock that nobody sets, or that is far off", MACHINE, false, check_clock },
	{ "disk-full", "room on the disks of /, /var and /run", MACHINE, false, check_disk_full },
	{ "inodes-full", "room for files on them", MACHINE, false, check_inodes_full },
	{ "disk-read-only", "disks that can only be read", MACHINE, false, check_disk_read_only },
	{ "memory-low", "memory that is left", MACHINE, false, check_memory_low },
	{ "memory-pressure", "programs that wait for memory", MACHINE, false, check_memory_pressure },
	{ "oom-kills", "programs that were killed for want of memory", MACHINE, false, check_oom_kills },
	{ "load", "more to do than the processors can", MACHINE, false, check_load },
	{ "dns-none", "servers of the DNS in /etc/resolv.conf", NETWORK, false, check_dns_none },
	{ "address-conflict", "addresses of this machine that somebody else has, too, or wants", NETWORK, true,
	  check_address_conflict },
	{ "gateway-neighbour", "gateways that have no link address", NETWORK, true, check_gateway_neighbour },
	{ "gateway-silent", "gateways that do not answer echo requests", NETWORK, true, check_gateway_silent },
	{ "mtu-blackhole", "ways on which large packets are lost and nobody says so", NETWORK, true,
	  check_mtu_blackhole },
	{ "dns-answer", "servers of the DNS that do not answer, or late", NETWORK, true, check_dns_answer },
	{ .name = NULL },
};

const char *pt_severity_name(enum pt_finding_severity s)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[s];
}

int finding_tell(struct finding_look *l, const struct pt_check *c, const struct finding_say *s)
{
	char next[FINDING_TEXT];
	const struct pt_fault f = { .check = c, .severity = s->severity, .subject = s->subject ? s->subject : "",
				    .text = s->text, .evidence = s->evidence, .next = next };

	memcpy(next, s->next, sizeof(next));
	finding_quote(&l->links, next, sizeof(next));
	return l->o->found(&f, l->o->arg);
}

int finding_skip(struct finding_look *l, const struct pt_check *c, const char *fmt, ...)
{
	char why[FINDING_TEXT];
	va_list ap;

	if (!l->o->skipped)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	l->o->skipped(c, why, l->o->arg);
	return 0;
}

static bool wanted(const struct finding_look *l, const struct pt_check *c)
{
	if (l->o->quick && c->probes)
		return false;
	return !l->o->only || !strncmp(c->name, l->o->only, strlen(l->o->only));
}

static bool any_probes(const struct finding_look *l)
{
	for (const struct pt_check *c = pt_checks; c->name; c++)
		if (c->probes && wanted(l, c))
			return true;
	return false;
}

static int run_all(struct finding_look *l, bool probes)
{
	int rc = 0;

	for (const struct pt_check *c = pt_checks; !rc && c->name; c++)
		if (c->probes == probes && wanted(l, c))
			rc = c->run(l, c);
	return rc;
}

static int look(struct finding_look *l)
{
	bool probes = any_probes(l);
	int rc = finding_facts(l);

	if (!rc)
		rc = run_all(l, false);
	if (!rc && probes)
		rc = finding_open_targets(l);
	if (!rc && probes)
		rc = finding_open_conflict(l);
	if (!rc && probes && l->o->confine)
		rc = l->o->confine(l->o->arg);
	return rc ? rc : run_all(l, true);
}

int pt_findings(const struct pt_findings_options *o, struct pt_nl *nf, struct pt_nl *route, struct pt_err *e)
{
	struct finding_look l = { .o = o, .nf = nf, .route = route, .e = e };
	int rc;

	l.arena = pt_arena_new();
	if (!l.arena)
		return pt_err_sys(e, -ENOMEM, "looking for faults");
	rc = look(&l);
	if (rc == -ENOMEM)
		pt_err_sys(e, rc, "looking for faults");
	finding_facts_fini(&l);
	return rc;
}
