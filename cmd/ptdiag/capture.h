/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the parts of `ptdiag capture`. */
#ifndef PTDIAG_CAPTURE_H
#define PTDIAG_CAPTURE_H

#include <patronus/capture.h>

#include "ptdiag.h"

struct capture_words {
	const char *on, *size, *buffer, *write, *file_size, *read;
	uint64_t count, snap, files, top, number, limit;
	uint32_t time, file_time;
	unsigned int direction;
	bool promiscuous, own, rules, hex, quiet, show, stream;
	size_t filter;
};

struct capture_rules;

#define CAPTURE_JUDGEMENTS 2

/* What the evaluator says of a packet: where it comes in, and where it leaves if that was asked, too. */
struct capture_judged {
	struct pt_log_record records[CAPTURE_JUDGEMENTS]; /* each points to the next one */
	size_t n;
	bool pass;
	const char *why; /* the kernel drops it, whatever the rules say; NULL: it does not */
};

#define CAPTURE_LINKS 9

struct capture_run {
	struct pt_cli *c;
	struct capture_words w;
	struct pt_buf filter;      /* whole, empty: none */
	bool own_left_out, keeping_failed;
	uint64_t size;             /* bytes after which it ends, 0: none */
	struct pt_out *o;
	struct pt_capture_writer *writer;
	struct pt_capture_filter *filters[CAPTURE_LINKS]; /* of a file's link types; NULL: not for that */
	bool tried[CAPTURE_LINKS];
	uint64_t unfiltered;
	struct pt_flows *flows;
	struct pt_join *join;
	struct capture_rules *rules;
	uint64_t packets, bytes, dropped, shown_at, first, last;
	/* stream */
	unsigned int side;
	bool said_side, cut;
	uint64_t stream_bytes;
};

/* capture_show.c */
void capture_show(struct capture_run *r, const struct pt_capture_packet *p, const struct pt_seen *s,
		  const struct capture_judged *judged);
void capture_show_summary(struct capture_run *r);
enum capture_clock { CAPTURE_TODAY, CAPTURE_DATE, CAPTURE_UTC };
void capture_time(struct pt_buf *b, uint64_t ns, enum capture_clock how);
void capture_hex(struct pt_buf *b, const uint8_t *p, size_t n);

/* capture_stream.c */
int capture_stream_on(const struct pt_joined *j, void *arg);
void capture_stream_summary(struct capture_run *r);

/* capture_rules.c: who decides about a flow, by the rules in force when the command began */
int capture_rules_new(struct capture_rules **out, struct pt_err *e);
void capture_rules_free(struct capture_rules *r);
const char *capture_rules_about(const struct capture_rules *r);
/* FLOW is as it stands with this packet in it. False: nothing can be said. */
bool capture_rules_judge(struct capture_rules *r, struct pt_flow *flow, const struct pt_capture_packet *p,
			 const struct pt_seen *s, struct capture_judged *out);

#endif
