/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the DNS under the fuzzer: what is read is bounded, can be printed as it is, and names that were read are names
 * again. Behind a first byte of 255 stands a resolv.conf.
 */
#include <stdlib.h>
#include <string.h>

#include <patronus/dns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			abort();
}

static void check_name(const char *name)
{
	uint8_t wire[PT_DNS_WIRE_MAX];
	struct pt_buf b = { 0 };

	printable(name);
	if (pt_dns_name_wire(name, wire) < 1)
		abort();
	pt_dns_name_text(&b, wire);
	if (!b.err && strcmp(b.s, name) != 0)
		abort();
	pt_buf_fini(&b);
}

static void message(const uint8_t *data, size_t size, struct pt_arena *a)
{
	struct pt_dns_message m;
	const char *why;
	int rc = pt_dns_read(data, size, a, &m, &why);

	if (!rc != !*why)
		abort();
	if (m.name)
		check_name(m.name);
	for (int s = 0; s < PT_DNS_SECTIONS; s++)
		for (size_t i = 0; i < m.section[s].n; i++) {
			check_name(m.section[s].v[i].name);
			printable(m.section[s].v[i].data);
		}
	if (m.edns.nsid) {
		printable(m.edns.nsid);
		printable(m.edns.nsid_text);
	}
}

static void conf(const uint8_t *data, size_t size, struct pt_arena *a)
{
	char *text = pt_arena_memdup(a, data, size);
	struct pt_dns_conf c;

	if (text && !pt_dns_conf_read(text, a, &c) && (c.servers.n > PT_DNS_SERVERS_MAX || c.ndots > 15))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_arena *a = pt_arena_new();

	if (a && size && data[0] == 0xff)
		conf(data + 1, size - 1, a);
	else if (a)
		message(data, size, a);
	pt_arena_free(a);
	return 0;
}
