/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `ptdiag iperf` shows. */
#ifndef PTDIAG_IPERF_H
#define PTDIAG_IPERF_H

#include <patronus/iperf.h>

#include "ptdiag.h"

#define IPERF_SCHEMA "patronus.iperf.v1"

struct iperf_show {
	struct pt_cli *c;
	struct pt_out *o;
	bool server, udp;
	uint16_t port;
	size_t served;
};

/* The listener of a test; ARG is a struct iperf_show. */
int iperf_show_begun(const struct pt_iperf_test *t, struct pt_addr peer, void *arg);
int iperf_show_interval(const struct pt_iperf_flow *flows, size_t n, uint64_t from, uint64_t to, void *arg);
int iperf_show_ended(const struct pt_iperf_test *t, const struct pt_iperf_flow *flows, size_t n, bool complete,
		     void *arg);

#endif
