/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands that send probes: ping, trace, mtr. */
#ifndef PTDIAG_PROBE_H
#define PTDIAG_PROBE_H

#include <patronus/probe.h>

#include "ptdiag.h"

/* The words that they have in common; each command's struct begins with this. */
struct probe_words {
	struct pt_addr from;
	const char *on;
	uint64_t tos, mark; /* PROBE_NOT: not given */
};
#define PROBE_NOT UINT64_MAX
#define PROBE_WORDS(type) \
	{ "from", PT_CLI_ADDRESS, offsetof(type, probe.from), "ADDRESS", "send from this address of ours", \
	  0, 0, NULL }, \
	{ "on", PT_CLI_DEVICE, offsetof(type, probe.on), "DEVICE", "send by this device", 0, 0, NULL }, \
	{ "tos", PT_CLI_COUNT, offsetof(type, probe.tos), "N", "type of service (traffic class), 0-255", \
	  0, 255, NULL }, \
	{ "mark", PT_CLI_COUNT, offsetof(type, probe.mark), "N", "firewall mark, for rules of routes", \
	  0, UINT32_MAX, NULL }

/* What one run of such a command has. */
struct probe_run {
	struct pt_cli *c;
	struct pt_probe_options options;
	struct pt_out *o;
	struct pt_probe_names *names; /* NULL: not asked for */
	int stop_fd;
};

/* The host of argument 0, and the words in common. 0, or a status or -errno with a record. */
int probe_prepare(struct pt_cli *c, struct probe_run *r, const struct probe_words *w);
/* Behind this nothing more can be opened. */
int probe_confine(struct probe_run *r);
/* RC as it was, or the output's error. */
int probe_finish(struct probe_run *r, int rc);

/* Of the terminal that output goes to; 0: it goes to none. */
unsigned int probe_columns(void);
/* Milliseconds with three digits, of nanoseconds; at most six characters. */
void probe_ms(struct pt_buf *b, double ns);
void probe_key_ms(struct pt_out *o, const char *key, double ns, bool known);
void probe_percent(struct pt_buf *b, double percent);
void probe_key_percent(struct pt_out *o, const char *key, double percent);
/* "192.0.2.1", or "www.example.org (192.0.2.1)". */
void probe_who(struct probe_run *r, struct pt_buf *b, struct pt_addr a);
/* "host unreachable", "packet too big, MTU 1400"; for JSON the same key by key. */
void probe_error(struct pt_buf *b, const struct pt_probe_answer *a);
void probe_key_error(struct pt_out *o, const struct pt_probe_answer *a);
void probe_labels(struct pt_buf *b, const struct pt_mpls *labels, size_t n);
void probe_key_labels(struct pt_out *o, const struct pt_mpls *labels, size_t n);
/* A record of text. */
void probe_say(struct pt_out *o, struct pt_buf *b);

int cmd_ping(struct pt_cli *c);
int cmd_trace(struct pt_cli *c);
int cmd_mtr(struct pt_cli *c);
extern const struct pt_cli_word ping_words[], trace_words[], mtr_words[];

#endif
