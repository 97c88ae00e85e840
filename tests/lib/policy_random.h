/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random rules and packets of a small world, so that they meet: few networks within each other, few ports, few devices. For
 * tests of what is said about all packets. With policy_make.h.
 */
#ifndef TESTS_POLICY_RANDOM_H
#define TESTS_POLICY_RANDOM_H

#include <stdio.h>
#include <stdlib.h>

#include "policy_make.h"

static uint64_t rng = 0x70617472u;

static inline uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): nobody asks for less than nothing */
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

/* From the environment, or always the same; printed, so that a failure can be had again. */
static inline void seed_random(void)
{
	const char *seed = getenv("PATRONUS_SEED");

	rng = seed ? strtoull(seed, NULL, 0) | 1 : 0x70617472u;
	printf("# seed 0x%llx\n", (unsigned long long)rng);
}

/* ---- rules ---- */

static inline void random_host(struct pt_buf *b, int af)
{
	static const char *const v4[] = { "192.168.1.0/24", "192.168.1.64/26", "192.168.1.77", "10.0.5.0/24", "10.0.0.0/8",
					  "198.51.100.0/25", "192.168.1.1 - 192.168.1.80", "! 10.0.5.20", "! 192.168.0.0/16" };
	static const char *const v6[] = { "fd00:1::/64", "fd00:1::10", "fd00:6::/64", "2001:db8::/32", "! fd00::/8" };
	static const char *const refs[] = { "<bad>", "! <good>", "<good>", "(lan:network)", "self", "(wan)", "dmz:network" };

	if (rnd(3) == 0)
		pt_buf_str(b, "any");
	else if (!af || rnd(3) == 0)
		pt_buf_str(b, PICK(refs));
	else
		pt_buf_str(b, af == 4 ? PICK(v4) : PICK(v6));
}

/* FROM on what may stand behind the direction. */
static inline void random_conditions(struct pt_buf *b, enum pt_dir dir, bool statement)
{
	static const char *const on[] = { "", "", " on lan", " on ! lan", " on inside", " on wan", " on { lan, wan }" };
	static const char *const protos[] = { "", "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto icmp", " proto icmp6" };
	static const char *const ports[] = { "", "", " port 80", " port 22:80", " port != 22", " port { 22, 443 }", " port > 1023" };
	static const char *const flags[] = { "", "", "", " flags any", " flags S/SA", " flags A/A" };
	uint32_t proto = rnd(PT_ARRAY_SIZE(protos));
	int af = proto == 5 ? 4 : proto == 6 ? 6 : (int[]){ 0, 4, 6 }[rnd(3)];

	pt_buf_str(b, PICK(on));
	pt_buf_str(b, af == 4 ? " inet" : af == 6 ? " inet6" : "");
	pt_buf_str(b, protos[proto]);
	pt_buf_str(b, " from ");
	random_host(b, af);
	pt_buf_str(b, " to ");
	random_host(b, af);
	if (proto >= 2 && proto <= 4)
		pt_buf_str(b, PICK(ports));
	if (proto == 5 && rnd(2))
		pt_buf_str(b, rnd(2) ? " icmp-type echoreq" : " icmp-type { unreach, echorep }");
	if (proto == 2 || (!proto && rnd(2)))
		pt_buf_str(b, PICK(flags));
	if (rnd(8) == 0)
		pt_buf_str(b, " tos 0x10");
	if (dir == PT_OUT && rnd(8) == 0)
		pt_buf_str(b, " received-on lan");
	if (rnd(8) == 0)
		pt_buf_str(b, statement || rnd(2) ? " tagged RED" : " ! tagged BLUE");
}

static inline void random_rule(struct pt_buf *b)
{
	enum pt_dir dir = (enum pt_dir)rnd(3);
	bool pass = rnd(2);

	if (rnd(10) == 0) {
		pt_buf_fmt(b, "match%s", dir == PT_IN ? " in" : dir == PT_OUT ? " out" : "");
		random_conditions(b, dir, false);
		pt_buf_str(b, rnd(2) ? " tag RED" : " tag BLUE");
		return;
	}
	pt_buf_fmt(b, "%s%s%s", pass ? "pass" : "block", dir == PT_IN ? " in" : dir == PT_OUT ? " out" : "",
		   rnd(4) ? "" : " quick");
	random_conditions(b, dir, false);
	if (pass && rnd(5) == 0)
		pt_buf_str(b, " no state");
	if (rnd(10) == 0)
		pt_buf_str(b, rnd(2) ? " tag RED" : " tag BLUE");
}

static inline void random_statement(struct pt_buf *b)
{
	enum pt_dir dir = (enum pt_dir)rnd(3);

	pt_buf_fmt(b, "%s%s", rnd(2) ? "pass" : "block", dir == PT_IN ? " in" : dir == PT_OUT ? " out" : "");
	random_conditions(b, dir, true);
}

/* ---- files ---- */

static inline bool text_is_good(const char *rules)
{
	struct built b;
	bool good;

	build(&b, rules);
	good = !b.rc;
	drop(&b);
	return good;
}

/* One rule that is in order, as text of its own. */
static inline char *one_rule(void (*make)(struct pt_buf *b))
{
	for (;;) {
		struct pt_buf b = { 0 }, quoted = { 0 };
		bool good;

		make(&b);
		assert_int_equal(b.err, 0);
		pt_buf_fmt(&quoted, "\"%s\"", b.s);
		good = text_is_good(quoted.s);
		pt_buf_fini(&quoted);
		if (good)
			return b.s;
		pt_buf_fini(&b);
	}
}

/* ---- packets ---- */

static inline struct pt_addr random_addr(enum pt_af af)
{
	static const char *const a4[] = { "192.168.1.1", "192.168.1.63", "192.168.1.64", "192.168.1.77", "192.168.1.80", "192.168.1.127",
					  "192.168.1.128", "10.0.5.20", "10.0.5.21", "10.0.5.1", "10.9.9.9", "198.51.100.1", "198.51.100.64",
					  "198.51.100.127", "203.0.113.2", "8.8.8.8", "0.0.0.0", "255.255.255.255", "127.0.0.1" };
	static const char *const a6[] = { "fd00:1::10", "fd00:1::11", "fd00:1::1", "fd00:6::1", "fd00:6::2", "2001:db8:1::2",
					  "2001:db8:2::9", "fe80::1", "::", "::1", "fd00:7::1" };

	return addr(af == PT_AF_INET ? PICK(a4) : PICK(a6));
}

static const char *const random_devices[] __attribute__((unused)) = { "lan0", "wan0", "dmz0", "six0", "ppp0", "lo" };

/* A whole packet that the devices could bring, with the TAGS of a policy. */
static inline void random_packet(struct pt_packet *k, enum pt_dir dir, uint32_t tags)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 47, 1, 58 };
	static const uint16_t ports[] = { 0, 21, 22, 23, 79, 80, 81, 443, 1023, 1024, 65535 };
	static const uint8_t types[] = { 0, 3, 8, 128, 129, 135 };

	memset(k, 0, sizeof(*k));
	k->proto = PICK(protos);
	k->af = k->proto == 1 ? PT_AF_INET : k->proto == 58 || rnd(2) ? PT_AF_INET6 : PT_AF_INET;
	k->src = random_addr(k->af);
	k->dst = random_addr(k->af);
	if (k->proto == 6 || k->proto == 17) {
		k->sport = PICK(ports);
		k->dport = PICK(ports);
	}
	if (k->proto == 6)
		k->tcp_flags = rnd(2) ? 0x02 : (uint8_t)rnd(256);
	if (k->proto == 1 || k->proto == 58)
		k->icmp_type = PICK(types);
	k->tos = rnd(2) ? 0x10 : 0;
	k->mac = PT_NO_MAC;
	if (dir == PT_OUT) {
		k->tag = (uint8_t)rnd(tags + 1);
		k->received = rnd(2) ? "lan0" : rnd(2) ? "wan0" : NULL;
	}
	k->ct = pt_packet_ct(k);
}

#endif
