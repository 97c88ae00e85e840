/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's answers under the fuzzer: no byte of them may make a reader look outside of
 * the message, hang, or use what it has not got.
 *
 * The first byte chooses the reader, the rest is what the kernel says: messages in a row, as a
 * recorder has them. The committed seeds are answers of a real kernel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <patronus/ct.h>
#include <patronus/log.h>
#include <patronus/net.h>
#include <patronus/nft.h>

#include "nft/kernel.h"
#include "nl/seam.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read must be whole: looking at it all is part of the test. */
static volatile uint64_t sink;

static void use_string(const char *s)
{
	sink += strlen(s);
}

static int on_state(const struct pt_ct_entry *ct, void *arg)
{
	(void)arg;
	if (ct->orig.src.af != ct->orig.dst.af || ct->orig.src.af == PT_AF_NONE ||
	    ct->reply.src.af != ct->orig.src.af || ct->reply.dst.af != ct->orig.src.af)
		abort();
	use_string(pt_ct_tcp_state_name(ct->tcp_state));
	return 0;
}

static void use_host(const struct pt_host *h)
{
	size_t i, k;

	for (i = 0; i < h->ifs.n; i++) {
		const struct pt_host_if *f = &h->ifs.v[i];

		if (!f->device[0] || strlen(f->device) > 15)
			abort();
		for (k = 0; k < f->addrs.n; k++)
			if (f->addrs.v[k].prefix.len > pt_af_bits(f->addrs.v[k].prefix.addr.af))
				abort();
	}
}

static void use_logged(const struct pt_log_message *m)
{
	struct pt_log_packet p;

	use_string(m->prefix);
	pt_log_packet(m->data, m->n, &p);
}

/* ---- message by message, each in memory of exactly its size ---- */

static void parse_one(const struct nlmsghdr *nlh, struct pt_host *h, struct pt_nft_state *s)
{
	struct pt_log_message logged;
	struct pt_ct_entry ct;

	if (pt_ct_parse(nlh, &ct) == 0)
		(void)on_state(&ct, NULL);
	if (pt_log_parse(nlh, &logged) == 0)
		use_logged(&logged);
	if (pt_net_parse(h, nlh) < 0)
		sink++;
	if (pt_nft_parse(s, nlh) < 0)
		sink++;
}

static void read_messages(const uint8_t *data, size_t size)
{
	struct pt_nft_state *s = nft_state_new();
	struct pt_host h = {.arena = pt_arena_new()};
	struct nlmsghdr head, *nlh;
	size_t step;

	while (s && h.arena && size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		if (!nl_ok(&head, (int)size))
			break;
		nlh = malloc(head.nlmsg_len);
		if (!nlh)
			break;
		memcpy(nlh, data, head.nlmsg_len);
		parse_one(nlh, &h, s);
		free(nlh);
		step = MNL_ALIGN(head.nlmsg_len);
		if (step >= size)
			break;
		data += step;
		size -= step;
	}
	use_host(&h);
	pt_arena_free(h.arena);
	pt_nft_state_free(s);
}

/* ---- whole conversations ---- */

static void read_states(struct pt_nl *nl, struct pt_err *e)
{
	uint64_t n = 0, max = 0;

	if (pt_ct_dump(nl, on_state, NULL, e) < 0 && !e->n_errors)
		abort();
	if (pt_ct_count(nl, &n, &max, e) == 0)
		sink += n + max;
}

static void read_host(struct pt_nl *nl, struct pt_err *e)
{
	struct pt_host *h = NULL;
	char name[16];

	if (pt_net_read(nl, &h, e) == 0)
		use_host(h);
	else if (h || !e->n_errors)
		abort();
	pt_host_free(h);
	if (pt_net_route(nl, (struct pt_addr){PT_AF_INET, 0x7f000001}, name) == 0)
		use_string(name);
}

static void read_table(struct pt_nl *nl, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_nft_state *s = NULL;
	struct pt_nft_counter *c;
	size_t n, i;

	if (pt_nft_read(nl, &s, e) == 0) {
		use_string(s->digest);
		use_string(s->path);
		if (a && pt_nft_counters(s, a, &c, &n) == 0)
			for (i = 0; i < n; i++)
				sink += c[i].packets + c[i].id;
	} else if (s || !e->n_errors) {
		abort();
	}
	pt_nft_state_free(s);
	pt_arena_free(a);
}

static int on_element(const struct pt_nft_elem *el, void *arg)
{
	(void)arg;
	if (el->lo > el->hi)
		abort();
	return 0;
}

static void read_elements(struct pt_nl *nl, struct pt_err *e)
{
	struct pt_arena *a = pt_arena_new();
	const char **names;
	size_t n, i;

	if (a && pt_nft_table_list(nl, a, &names, &n, e) == 0)
		for (i = 0; i < n; i++)
			use_string(names[i]);
	if (pt_nft_table_dump(nl, "bad", on_element, NULL, e) < 0)
		sink++;
	pt_arena_free(a);
}

static void read_verdict(struct pt_nl *nl, struct pt_err *e)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, 0);
	struct pt_nl_refusal r;
	struct nlmsghdr *nlh;
	uint64_t i;

	(void)e;
	for (i = 1; b && i <= 3; i++) {
		nlh = mnl_nlmsg_put_header(pt_nl_batch_room(b, 64));
		if (pt_nl_batch_commit(b, nlh, i) < 0)
			abort();
	}
	if (b && pt_nl_batch_send(nl, b, &r) < 0 && (r.code >= 0 || r.cookie > 3))
		abort();
	if (b)
		use_string(r.text);
	pt_nl_batch_free(b);
}

static void (*const conversations[])(struct pt_nl *nl, struct pt_err *e) = {
	read_states, read_host, read_table, read_elements, read_verdict,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_err e = {0};
	struct pt_nl *nl;
	unsigned int which;

	if (!size)
		return 0;
	which = data[0] % (PT_ARRAY_SIZE(conversations) + 1);
	data++;
	size--;
	if (which == 0) {
		read_messages(data, size);
		return 0;
	}
	if (pt_nl_open_recorder(&nl, NULL, data, size) < 0)
		return 0;
	conversations[which - 1](nl, &e);
	pt_nl_close(nl);
	pt_err_fini(&e);
	return 0;
}
