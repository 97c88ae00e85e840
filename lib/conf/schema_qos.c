/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What shapers and queues may say. Names and meaning are those of tc-cake(8), tc-htb(8) and tc-tbf(8) where they have the word. */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

#define RATE_RANGE "a rate such as 800kbit, 10Mbit or 1.5Gbit"
#define TIME_RANGE "a time such as 500us, 20ms or 1s"

static const char *const directions[] = { "out", "in", NULL };
static const char *const types[] = { "cake", "fq_codel", "htb", "tbf", NULL };
static const char *const presets[] = { "adsl", "vdsl", "docsis", "fiber", "ethernet", NULL };
static const char *const cells[] = { "none", "atm", "ptm", NULL };
static const char *const diffservs[] = { "besteffort", "diffserv3", "diffserv4", "diffserv8", NULL };
static const char *const leaves[] = { "fq_codel", "fifo", NULL };
static const char *const sides[] = { "destination", "source", NULL };

/* Of shapers without queues, and of queues. */
#define EACH_OPTIONS                                                                                                            \
	{ .name = "each",                                                                                                       \
	  .type = PT_OPT_WORD,                                                                                                  \
	  .words = sides,                                                                                                       \
	  .range = "destination or source",                                                                                     \
	  .help = "of htb: each host has a limit of its own; which address of a packet is the host's" },                        \
	{ .name = "each-rate",                                                                                                  \
	  .type = PT_OPT_STR,                                                                                                   \
	  .unit = "rate",                                                                                                       \
	  .range = RATE_RANGE,                                                                                                  \
	  .help = "the most that each host has",                                                                                \
	  .check = conf_check_rate },                                                                                           \
	{ .name = "each-of",                                                                                                    \
	  .type = PT_OPT_LIST,                                                                                                  \
	  .range = "up to 16 networks",                                                                                         \
	  .help = "the hosts that are meant; without it all, and all others have no limit of their own",                        \
	  .complete = "address",                                                                                                \
	  .check = conf_check_each_of },                                                                                        \
	{ .name = "each-prefix",                                                                                                \
	  .type = PT_OPT_NUMBER,                                                                                                \
	  .def = "32",                                                                                                          \
	  .min = 8,                                                                                                             \
	  .max = 32,                                                                                                            \
	  .range = "8 to 32 bits",                                                                                              \
	  .help = "how much of an IPv4 address makes a host: 24 is one limit for each network of that length" },                \
	{ .name = "each-prefix6",                                                                                               \
	  .type = PT_OPT_NUMBER,                                                                                                \
	  .def = "128",                                                                                                         \
	  .min = 16,                                                                                                            \
	  .max = 128,                                                                                                           \
	  .range = "16 to 128 bits",                                                                                            \
	  .help = "the same of an IPv6 address; a host with several addresses has several limits, a network of 64 bits has one" }, \
	{ .name = "each-hosts",                                                                                                 \
	  .type = PT_OPT_NUMBER,                                                                                                \
	  .def = "254",                                                                                                         \
	  .min = 1,                                                                                                             \
	  .max = 4096,                                                                                                          \
	  .range = "1 to 4096 hosts",                                                                                           \
	  .help = "as many have a limit of their own at the same time; those beyond share one, until another host was silent "  \
		  "for a minute" }

int conf_check_rate(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	uint64_t bytes;
	int rc = pt_parse_rate(s, &bytes);

	if (!rc)
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write a number and bit, kbit, Mbit or Gbit, as 10Mbit or 1.5Gbit",
		   rc == -ERANGE ? "this rate is out of all measure" : "this is not a rate");
	return -EINVAL;
}

int conf_check_microseconds(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	uint32_t us;

	if (!pt_parse_microseconds(s, &us) && us <= 60000000)
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write a number and us, ms or s, as 20ms", "this is not a time of up to a minute");
	return -EINVAL;
}

/* The names that rules can say. */
int conf_check_queue(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return conf_check_macro_like("queue name", s, loc, e);
}

int conf_check_shaper(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return conf_check_macro_like("shaper name", s, loc, e);
}

const struct pt_schema conf_shaper_options[] = {
	{ .name = "interface",
	  .type = PT_OPT_STR,
	  .range = "name of an interface",
	  .help = "where",
	  .complete = "interface",
	  .check = conf_check_interface },
	{ .name = "direction",
	  .type = PT_OPT_WORD,
	  .def = "out",
	  .words = directions,
	  .range = "out or in",
	  .help = "packets that leave by the interface, or those that arrive, which go through a link of type ifb made for it" },
	{ .name = "bandwidth",
	  .type = PT_OPT_STR,
	  .unit = "rate",
	  .range = RATE_RANGE,
	  .help = "the most that passes; cake does without, fq_codel has none",
	  .check = conf_check_rate },
	{ .name = "type",
	  .type = PT_OPT_WORD,
	  .def = "cake",
	  .words = types,
	  .range = "cake, fq_codel, htb or tbf",
	  .help = "queueing discipline: cake shapes and is fair, fq_codel is fair, htb shapes and has queues, tbf shapes" },
	{ .name = "preset",
	  .type = PT_OPT_WORD,
	  .words = presets,
	  .range = "adsl (overhead 40, atm), vdsl (30, ptm), docsis (18, mpu 64), fiber (42, mpu 84) or ethernet (38, mpu 84)",
	  .help = "what the link adds to packets: bandwidth is that of the line then, not of the packets" },
	{ .name = "overhead",
	  .type = PT_OPT_NUMBER,
	  .unit = "bytes",
	  .min = 0,
	  .max = 256,
	  .range = "0 to 256 bytes",
	  .help = "what the link adds to an IP packet, in place of the preset's" },
	{ .name = "mpu",
	  .type = PT_OPT_NUMBER,
	  .unit = "bytes",
	  .min = 0,
	  .max = 256,
	  .range = "0 to 256 bytes",
	  .help = "the shortest frame of the link, in place of the preset's" },
	{ .name = "cells",
	  .type = PT_OPT_WORD,
	  .words = cells,
	  .range = "none, atm (53 bytes for 48) or ptm (65 for 64)",
	  .help = "how the link packs frames, in place of the preset's" },
	{ .name = "diffserv",
	  .type = PT_OPT_WORD,
	  .def = "diffserv3",
	  .words = diffservs,
	  .range = "besteffort, diffserv3, diffserv4 or diffserv8",
	  .help = "of cake: classes by the type of service of packets" },
	{ .name = "per-host",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "of cake: hosts of the inside share the bandwidth in equal parts, whatever number of connections each has" },
	{ .name = "nat",
	  .type = PT_OPT_BOOL,
	  .def = "true",
	  .range = "true or false",
	  .help = "of cake: hosts are those before the translation of addresses" },
	{ .name = "wash",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "of cake: clears the type of service of packets once it was heeded" },
	{ .name = "ack-filter",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "of cake: drops acknowledgements that a later one in the queue makes needless" },
	{ .name = "ecn",
	  .type = PT_OPT_BOOL,
	  .def = "true",
	  .range = "true or false",
	  .help = "of fq_codel: marks packets instead of dropping them where both ends know how" },
	{ .name = "rtt",
	  .type = PT_OPT_STR,
	  .unit = "time",
	  .def = "100ms",
	  .range = TIME_RANGE,
	  .help = "of cake and fq_codel: how long answers usually take; packets wait a twentieth of it without being dropped",
	  .check = conf_check_microseconds },
	{ .name = "burst",
	  .type = PT_OPT_NUMBER,
	  .unit = "bytes",
	  .min = 1600,
	  .max = 100000000,
	  .range = "1600 to 100000000 bytes",
	  .help = "of htb and tbf: what may leave at once; without it two milliseconds of the bandwidth" },
	{ .name = "latency",
	  .type = PT_OPT_STR,
	  .unit = "time",
	  .def = "50ms",
	  .range = TIME_RANGE,
	  .help = "of tbf: how long a packet waits before it is dropped",
	  .check = conf_check_microseconds },
	{ .name = "leaf",
	  .type = PT_OPT_WORD,
	  .def = "fq_codel",
	  .words = leaves,
	  .range = "fq_codel or fifo",
	  .help = "of htb without queues, and of tbf: who comes first of those that wait" },
	{ .name = "force",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "take the place of a queueing discipline that somebody else put there" },
	EACH_OPTIONS,
	{ 0 },
};

const struct pt_schema conf_queue_options[] = {
	{ .name = "shaper",
	  .type = PT_OPT_STR,
	  .range = "name of a shaper",
	  .help = "of whose bandwidth it has a share; one of type htb and direction out",
	  .check = conf_check_shaper },
	{ .name = "parent",
	  .type = PT_OPT_STR,
	  .range = "name of a queue",
	  .help = "queue of whose share it has a share; without it the shaper's",
	  .check = conf_check_queue },
	{ .name = "rate",
	  .type = PT_OPT_STR,
	  .unit = "rate",
	  .range = RATE_RANGE,
	  .help = "what it has in any case",
	  .check = conf_check_rate },
	{ .name = "ceil",
	  .type = PT_OPT_STR,
	  .unit = "rate",
	  .range = RATE_RANGE,
	  .help = "the most that it has when others leave something; without it, all of the bandwidth",
	  .check = conf_check_rate },
	{ .name = "priority",
	  .type = PT_OPT_NUMBER,
	  .def = "4",
	  .min = 0,
	  .max = 7,
	  .range = "0 (first) to 7",
	  .help = "who comes first when something is left" },
	{ .name = "burst",
	  .type = PT_OPT_NUMBER,
	  .unit = "bytes",
	  .min = 1600,
	  .max = 100000000,
	  .range = "1600 to 100000000 bytes",
	  .help = "what may leave at once; without it two milliseconds of the rate" },
	{ .name = "default",
	  .type = PT_OPT_BOOL,
	  .def = "false",
	  .range = "true or false",
	  .help = "for packets that no rule puts into a queue; one of each shaper" },
	{ .name = "leaf",
	  .type = PT_OPT_WORD,
	  .def = "fq_codel",
	  .words = leaves,
	  .range = "fq_codel or fifo",
	  .help = "who comes first of those that wait" },
	EACH_OPTIONS,
	{ 0 },
};
