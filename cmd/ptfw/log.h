/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the commands about the log. */
#ifndef PTFW_LOG_H
#define PTFW_LOG_H

#include <patronus/log.h>

#include "ptfw.h"

/* ---- log_view.c ---- */

/* Records for people and programs, or into a pcapng file. A view of zeros is begun, and ended also when it could not
 * be begun; the end answers RC, or what went wrong with the output. */
struct log_view {
	struct pt_cli *c;
	struct pt_out *o;           /* NULL: a pcapng file */
	bool monitor;               /* JSON is one object a line */
	int fd;                     /* of the pcapng file */
	struct pt_pcapng pcap;
	struct pt_buf text;         /* of the record that is shown, or blocks that wait */
	uint64_t shown, lost;       /* records, and what they told */
};
int log_view_begin(struct log_view *v, struct pt_cli *c, bool monitor);
int log_view_show(struct log_view *v, const struct pt_log_record *r);
int log_view_flush(struct log_view *v);
int log_view_end(struct log_view *v, int rc);

/* "2026-11-21T13:14:15.123456Z"; for people, the time here. */
void log_time(struct pt_buf *b, uint64_t ns, bool utc);
const char *log_action(const struct pt_log_record *r); /* "block", or "other" */
const char *log_dir(enum pt_dir dir);

/* ---- log_summary.c ---- */

int log_summary_show(struct pt_cli *c, struct pt_log_sum *s);

#endif
