/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab_table - reads the words of the tables of lab_case.h. A word that cannot be read ends the program. */
#ifndef PATRONUS_TESTS_LAB_TABLE_H
#define PATRONUS_TESTS_LAB_TABLE_H

#include "netns/lab_wire.h"

#define MAX_LABELS 3

/* Addresses and ports that an end may have. */
struct span {
	pt_u128 lo, hi;
	uint16_t port_lo, port_hi;
	bool has_port;
};

struct probe {
	char line[160];
	enum { ALONE, REPLY, NEXT, ABOUT } kind;
	enum { WHOLE, FRAGMENTS, FIRST, LATER } parts;
	bool bad_sum;
	int from;
	struct pt_packet pkt;
	/* expectation */
	bool pass, translated;
	enum wire_answer answer;
	uint8_t codes[2];
	char labels[MAX_LABELS][24], log[24];
	size_t n_labels;
	struct span src, dst;
	/* observation */
	int seen, seen_at;
	bool in_parts; /* the ports are in another part */
	struct pt_packet got;
	bool got_rst, got_unreach, got_log;
	uint8_t got_code;
	char got_prefix[24];
};

void table_bad(const char *what) __attribute__((noreturn));
/* TEXT with what its @ words stand for. */
void table_expand(const char *text, bool six, struct pt_buf *b);
/* One a line: how many. */
size_t table_read_packets(const char *lines, bool six, struct probe *probes, size_t max);

/* Makes K an ICMP packet: "unreach/3"; NULL: an echo request. */
void table_icmp(struct pt_packet *k, const char *type);
bool table_is_icmp(uint8_t proto);
bool table_is_echo(const struct pt_packet *k);
bool table_has_ports(uint8_t proto);

#endif
