/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/finding - what the checks share: the facts, read once, and the way to tell. */
#ifndef PATRONUS_DIAG_FINDING_H
#define PATRONUS_DIAG_FINDING_H

#include <patronus/address.h>
#include <patronus/dns.h>
#include <patronus/finding.h>
#include <patronus/neighbour.h>
#include <patronus/plan.h>
#include <patronus/probe.h>
#include <patronus/route_rule.h>

#define FINDING_TEXT 512

/* A default route by one of its next hops. */
struct finding_default {
	struct pt_addr via;      /* af NONE: the link itself */
	enum pt_af af;
	uint32_t index, table, metric;
	size_t n_hops;
	const struct pt_link *link; /* NULL: none has that index */
};

/* What only goes up while something goes wrong, of the whole namespace. */
enum finding_counter {
	COUNT_LISTEN_OVERFLOWS, COUNT_LISTEN_DROPS, COUNT_RCVBUF_ERRORS, COUNT_RCVBUF_ERRORS6, COUNT_REASM_FAILS,
	COUNT_REASM_FAILS6, COUNT_SOFTNET_DROPPED, COUNT_SOFTNET_SQUEEZED, COUNT_OOM_KILLS, COUNT_TABLE_FULLS,
	COUNT_TABLE_FULLS6, COUNT_CT_FAILED, COUNT_CT_DROPPED, COUNTERS
};
struct finding_sample {
	bool known[COUNTERS];
	uint64_t v[COUNTERS];
	struct pt_links links;
};

/* A socket that was opened before privileges were given away, and what is asked with it. */
struct finding_target {
	const struct finding_default *gateway; /* NULL: a server of the DNS */
	struct pt_addr addr;
	struct pt_probe *probe;  /* NULL: it could not be opened */
	bool answers, neighbour_missing;
	int unsent;              /* -errno: this machine did not let it go */
};

/* An address of ours, and the socket by which others are asked for it. */
struct finding_asked {
	const struct pt_address *a;
	uint8_t mac[6];
	int fd;
};

struct finding_look {
	const struct pt_findings_options *o;
	struct pt_nl *nf, *route;
	struct pt_arena *arena;
	struct pt_err *e;
	struct pt_links links;
	struct pt_addresses addresses;
	struct pt_route_rules rules;
	PT_VEC(struct finding_default) defaults;
	struct finding_sample before, after;
	struct pt_addresses addresses_before; /* of the first look */
	struct pt_plan plan;     /* applied */
	bool has_plan;
	bool asked_plan;         /* its rules are NULL where none are in force; else they could not be read */
	char why_no_plan[FINDING_TEXT];
	struct pt_dns_conf dns;
	bool has_dns;            /* resolv.conf could be read */
	PT_VEC(struct finding_target) targets;
	PT_VEC(struct finding_asked) asked;
	int cannot_ask;          /* errno of one that could not be opened */
};

/* ---- finding.c ---- */

/* Tells; the text of each part is formatted by the caller into buffers of its own. SUBJECT may be "". */
struct finding_say {
	enum pt_finding_severity severity;
	const char *subject;
	char text[FINDING_TEXT], evidence[FINDING_TEXT], next[FINDING_TEXT];
};
int finding_tell(struct finding_look *l, const struct pt_check *c, const struct finding_say *s);
/* The check could not look. 0. */
int finding_skip(struct finding_look *l, const struct pt_check *c, const char *fmt, ...) PT_PRINTF(3, 4);

/* finding_quote.c: names of devices in a command, for a shell */
void finding_quote(const struct pt_links *links, char *next, size_t size);

/* ---- finding_facts.c ---- */

int finding_facts(struct finding_look *l) PT_MUST;
void finding_facts_fini(struct finding_look *l);
/* A sample of what is counted. */
int finding_take_sample(struct finding_look *l, struct finding_sample *s) PT_MUST;
/* A small file below the root; the bytes, with a NUL behind them, or -errno. */
ssize_t finding_file(const struct finding_look *l, const char *path, char *out, size_t size);
/* A number alone in such a file. */
int finding_number(const struct finding_look *l, const char *path, uint64_t *out);
/* The number behind WORD, which begins a line. */
bool finding_value(const char *text, const char *word, uint64_t *out);
/* Interfaces of the file in force, and what it says of a device; NULL: nothing. */
const struct pt_conf_if *finding_interface(const struct finding_look *l, const char *device);
const char *finding_device(const struct finding_look *l, uint32_t index);
void finding_address(struct pt_addr a, char out[64]);

/* ---- the checks, by what they are about: (look, check) -> 0 or -errno ---- */

#define FINDING_CHECK(name) int check_##name(struct finding_look *l, const struct pt_check *c)
/* finding_link.c */
FINDING_CHECK(link_down);
FINDING_CHECK(link_flapping);
FINDING_CHECK(link_errors);
FINDING_CHECK(link_drops);
FINDING_CHECK(link_duplex);
FINDING_CHECK(interface_missing);
FINDING_CHECK(interface_disabled);
FINDING_CHECK(bridge_mtu);
FINDING_CHECK(bond_speed);
/* finding_address.c */
FINDING_CHECK(address_missing);
FINDING_CHECK(address_failed);
FINDING_CHECK(address_tentative);
FINDING_CHECK(address_deprecated);
FINDING_CHECK(address_twice);
FINDING_CHECK(address_conflict);
/* finding_route.c */
FINDING_CHECK(default_missing);
FINDING_CHECK(default_twice);
FINDING_CHECK(default_asymmetric);
FINDING_CHECK(default_dead);
FINDING_CHECK(rp_filter);
FINDING_CHECK(forwarding);
FINDING_CHECK(accept_ra);
/* finding_gateway.c */
int finding_open_targets(struct finding_look *l) PT_MUST;
FINDING_CHECK(gateway_neighbour);
FINDING_CHECK(gateway_silent);
FINDING_CHECK(mtu_blackhole);
/* finding_conflict.c */
int finding_open_conflict(struct finding_look *l) PT_MUST;

/* finding_claim.c: questions and answers about an address, as they are behind the link's header */
enum finding_claim { FINDING_NO_CLAIM, FINDING_WANTS, FINDING_HAS };
#define FINDING_QUESTION 64
/* The question of the link with the address MAC, and where it is sent TO; the length. */
size_t finding_question(struct pt_addr a, const uint8_t mac[6], uint8_t out[FINDING_QUESTION], uint8_t to[6]);
/* What a packet that the link address MAC sent says of A; MAC becomes the address that it names, if it does. */
enum finding_claim finding_claims(struct pt_addr a, const uint8_t *p, size_t n, uint8_t mac[6]);

/* finding_names.c */
FINDING_CHECK(dns_none);
FINDING_CHECK(dns_answer);
/* finding_rules.c */
FINDING_CHECK(rules_loaded);
FINDING_CHECK(rules_drift);
FINDING_CHECK(change_waiting);
FINDING_CHECK(follower);
FINDING_CHECK(service_down);
/* finding_kernel.c */
FINDING_CHECK(state_table_full);
FINDING_CHECK(state_failures);
FINDING_CHECK(softnet_drops);
FINDING_CHECK(listen_overflows);
FINDING_CHECK(receive_buffers);
FINDING_CHECK(neighbour_table_full);
FINDING_CHECK(fragments);
/* finding_machine.c */
FINDING_CHECK(clock);
FINDING_CHECK(disk_full);
FINDING_CHECK(inodes_full);
FINDING_CHECK(disk_read_only);
FINDING_CHECK(memory_low);
FINDING_CHECK(memory_pressure);
FINDING_CHECK(oom_kills);
FINDING_CHECK(load);

#endif
