/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * activity - what this machine is busy with: processors, memory, pressure, processes, links.
 *
 * Most of what the kernel tells are counts since it started: two pictures and the time between them say what happens now.
 */
#ifndef PATRONUS_ACTIVITY_H
#define PATRONUS_ACTIVITY_H

#include <patronus/link.h>

/* Ticks since the start, by what they were spent on. */
enum pt_activity_spent {
	PT_SPENT_USER,
	PT_SPENT_NICE,
	PT_SPENT_SYSTEM,
	PT_SPENT_IDLE,
	PT_SPENT_IOWAIT,
	PT_SPENT_IRQ,
	PT_SPENT_SOFTIRQ,
	PT_SPENT_STEAL,
	PT_SPENTS,
};
PT_API extern const char *const pt_activity_spents[PT_SPENTS];

struct pt_activity_cpu {
	uint32_t number;
	uint64_t spent[PT_SPENTS];
};

#define PT_ACTIVITY_NAME 32
struct pt_activity_process {
	int pid;
	uint32_t uid;
	char name[PT_ACTIVITY_NAME]; /* any bytes */
	char state;              /* R, S, D, ... */
	uint64_t ticks, started; /* of all its threads; ticks after the kernel's start */
	uint64_t memory;         /* bytes, resident */
};

enum pt_activity_pressure_of { PT_PRESSURE_CPU, PT_PRESSURE_MEMORY, PT_PRESSURE_IO, PT_PRESSURES };
struct pt_activity_pressure {
	bool known;
	uint32_t some[3], full[3]; /* hundredths of a percent, of 10, 60 and 300 seconds */
};

struct pt_activity {
	struct pt_arena *arena;  /* borrowed */
	uint64_t when;           /* nanoseconds of the steady clock */
	struct pt_activity_cpu all;
	PT_VEC(struct pt_activity_cpu) cpus;
	uint64_t memory, memory_available, swap, swap_free; /* bytes */
	uint32_t load[3];        /* hundredths, of 1, 5 and 15 minutes */
	struct pt_activity_pressure pressure[PT_PRESSURES];
	bool has_conntrack;
	uint64_t conntrack, conntrack_max;
	uint64_t softnet_dropped, softnet_squeezed; /* packets without room; rounds that ended too early */
	PT_VEC(struct pt_activity_process) processes; /* by pid */
	struct pt_links links;
};

enum pt_activity_file {
	PT_ACTIVITY_STAT,
	PT_ACTIVITY_MEMINFO,
	PT_ACTIVITY_LOADAVG,
	PT_ACTIVITY_SOFTNET,
	PT_ACTIVITY_CONNTRACK,
	PT_ACTIVITY_CONNTRACK_MAX,
	PT_ACTIVITY_PRESSURE, /* and one more for each that pressure is of */
	PT_ACTIVITY_FILES = PT_ACTIVITY_PRESSURE + PT_PRESSURES,
};
/* What the text of such a file says; what is not understood is left out. -ENOMEM or 0. */
PT_API int pt_activity_parse(struct pt_activity *out, enum pt_activity_file file, const char *text) PT_MUST;
/* The same of /proc/PID/stat; false: it is none. */
PT_API bool pt_activity_parse_process(const char *text, struct pt_activity_process *out);
/* All of it; ROUTE of the network namespace that the links are in. Memory from A. */
PT_API int pt_activity_read(struct pt_nl *route, struct pt_arena *a, struct pt_activity *out, struct pt_err *e) PT_MUST;
/* How busy P of AFTER was since BEFORE: thousandths of one processor. */
PT_API uint64_t pt_activity_busy(const struct pt_activity *before, const struct pt_activity *after, const struct pt_activity_process *p);

#endif
