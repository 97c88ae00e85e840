/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the chains make of the classifier's keys, in a real kernel. No program is at work here: a socket's
 * priority (SO_PRIORITY) goes with its packets through the loopback, so the test says itself what the program
 * would have answered, right or wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/conf.h>
#include <patronus/net.h>
#include <patronus/nft.h>
#include <patronus/policy.h>

#include "netns/lab.h"
#include "nft/keys.h"

#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82 /* Linux 6.14 */
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

#define PORT 2000
#define UNJUDGED NULL

static struct pt_nl *nf;
static uint16_t next_port = 10000;

/* ---- policies ---- */

struct made {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_nft_prog *prog;
};

static void check(int rc, const struct pt_err *e)
{
	for (size_t i = 0; rc && i < e->list.n; i++)
		print_message("# line %u: %s\n", e->list.v[i].loc.line, e->list.v[i].msg);
	assert_int_equal(rc, 0);
}

/* BAD_OPTION: of the table "bad". */
static void make_with(struct made *m, const char *bad_option, const char *rules)
{
	struct pt_nft_source from = { .digest = "d", .path = "p", .engine = PT_ENGINE_BPF };
	struct pt_buf text = { 0 };
	struct pt_err e = { 0 };
	char digest[20];

	memset(m, 0, sizeof(*m));
	pt_buf_fmt(&text,
		   "table bad { addresses = { \"127.0.0.2\", \"fd00::2\" } %s }\n"
		   "table good { addresses = { \"127.0.0.3\", \"fd00::3\" } }\n"
		   "firewall { builtin = false rules = {\n%s \"pass out no state\" } }\n",
		   bad_option, rules);
	assert_int_equal(text.err, 0);
	(void)snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)pt_hash64(text.s, text.n));
	from.digest = digest;
	check(pt_conf_parse("rules", text.s, text.n, &m->conf, &e), &e);
	check(pt_policy_build(m->conf, &m->policy, &e), &e);
	from.policy = m->policy;
	check(pt_nft_compile(&from, &m->prog, &e), &e);
	pt_buf_fini(&text);
	pt_err_fini(&e);
}

static void make(struct made *m, const char *rules)
{
	make_with(m, "", rules);
}

static void made_free(struct made *m)
{
	pt_nft_prog_free(m->prog);
	pt_policy_free(m->policy);
	pt_conf_free(m->conf);
}

/* The key of the rule LABEL; that of none where no rule has it. */
static uint32_t key_of(const struct made *m, const char *label)
{
	const struct pt_order *o = pt_nft_prog_order(m->prog);
	uint32_t none, key = 0;
	const uint32_t *keys = pt_nft_prog_keys(m->prog, &none);
	size_t n = 0;

	for (size_t i = 0; i < o->items.n; i++) {
		if (o->items.v[i].kind != PT_ORDER_CONST)
			continue;
		if (!strcmp(o->items.v[i].rule->name, label))
			key = keys[n];
		n++;
	}
	assert_int_equal(n, o->n_const);
	return key ? key : none;
}

/* ---- the kernel ---- */

static struct pt_nft_state *read_for(const struct made *m)
{
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	check(pt_nft_read_for(nf, m ? m->prog : NULL, &s, &e), &e);
	pt_err_fini(&e);
	return s;
}

static size_t commit(struct pt_nft_plan *plan)
{
	size_t writes = pt_nft_plan_writes(plan);
	struct pt_err e = { 0 };

	check(pt_nft_commit(nf, plan, &e), &e);
	pt_err_fini(&e);
	return writes;
}

static size_t apply(struct made *m)
{
	struct pt_nft_state *s = read_for(m);
	struct pt_nft_plan *plan = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	assert_int_equal(pt_nft_prog_settle(m->prog, s), 0);
	check(pt_nft_diff(m->prog, s, &plan, &e), &e);
	writes = commit(plan);
	pt_nft_plan_free(plan);
	pt_nft_state_free(s);
	pt_err_fini(&e);
	return writes;
}

/* The two transactions of a change, and BETWEEN them what a caller likes to look at. */
static size_t apply_in_two(struct made *m, void (*between)(void *arg), void *arg)
{
	struct pt_nft_state *s = read_for(m);
	struct pt_nft_plan *first = NULL, *rest = NULL;
	struct pt_err e = { 0 };
	size_t writes;

	assert_int_equal(pt_nft_prog_settle(m->prog, s), 0);
	check(pt_nft_diff_first(m->prog, s, NULL, &first, &e), &e);
	check(pt_nft_diff_rest(m->prog, s, NULL, first, &rest, &e), &e);
	writes = commit(first);
	if (between)
		between(arg);
	writes += commit(rest);
	pt_nft_plan_free(first);
	pt_nft_plan_free(rest);
	pt_nft_state_free(s);
	pt_err_fini(&e);
	return writes;
}

/* Packets counted for the rule LABEL, UNJUDGED: by none. */
static uint64_t packets(const struct made *m, const char *label)
{
	struct pt_nft_state *s = read_for(NULL);
	struct pt_arena *a = pt_arena_new();
	struct pt_nft_counter *v;
	uint64_t n = 0, bytes;
	size_t count;

	if (!label) {
		assert_true(pt_nft_unjudged(s, &n, &bytes));
		goto out;
	}
	assert_int_equal(pt_nft_counters(s, a, &v, &count), 0);
	for (size_t r = 0; r < m->policy->rules.n; r++)
		for (size_t i = 0; i < count && !strcmp(m->policy->rules.v[r].name, label); i++)
			if (v[i].id == m->policy->rules.v[r].id)
				n = v[i].packets;
out:
	pt_arena_free(a);
	pt_nft_state_free(s);
	return n;
}

/* ---- packets ---- */

static const char *const local[2] = { "127.0.0.1", "::1" };

struct flow {
	int from, to;
};

static struct flow flow_new(const char *source, bool six)
{
	struct flow f = { .to = lab_bind(SOCK_DGRAM, local[six], PORT) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const int on = 1;

	assert_true(f.to >= 0);
	f.from = lab_bind(SOCK_DGRAM, source ? source : local[six], next_port++);
	assert_true(f.from >= 0);
	assert_int_equal(inet_pton(AF_INET, local[0], &a4.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, local[1], &a6.sin6_addr), 1);
	assert_int_equal(connect(f.from, six ? (void *)&a6 : (void *)&a4, six ? sizeof(a6) : sizeof(a4)), 0);
	assert_int_equal(setsockopt(f.to, SOL_SOCKET, SO_RCVMARK, &on, sizeof(on)), 0);
	(void)setsockopt(f.to, SOL_SOCKET, SO_RCVPRIORITY, &on, sizeof(on));
	return f;
}

static void flow_end(const struct flow *f)
{
	close(f->from);
	close(f->to);
}

static void set_priority(int fd, uint32_t key)
{
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &key, sizeof(key)), 0);
}

/* What the receiver sees: whether anything came, its mark, its priority. */
struct seen {
	bool came;
	uint32_t mark, priority;
};

static struct seen look(int fd)
{
	struct seen seen = { 0 };
	char data[16], control[128];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };

	/* Over the loopback a packet is delivered before send() returns. */
	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return seen;
	seen.came = true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK)
			memcpy(&seen.mark, CMSG_DATA(c), sizeof(seen.mark));
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_PRIORITY)
			memcpy(&seen.priority, CMSG_DATA(c), sizeof(seen.priority));
	}
	return seen;
}

/* One packet of a new flow with KEY. */
static struct seen send_with(uint32_t key, uint32_t mark, const char *source, bool six)
{
	struct flow f = flow_new(source, six);
	struct seen seen;

	set_priority(f.from, key);
	assert_int_equal(setsockopt(f.from, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	(void)send(f.from, "x", 1, 0);
	seen = look(f.to);
	flow_end(&f);
	return seen;
}

static bool passes(uint32_t key)
{
	bool four = send_with(key, 0, NULL, false).came, six = send_with(key, 0, NULL, true).came;

	assert_int_equal(four, six);
	return four;
}

/* ---- tests ---- */

static int set_up(void **state)
{
	struct pt_err e = { 0 };

	(void)state;
	(void)lab_ns();
	lab_ip("link set lo up");
	lab_ip("addr add fd00::2/128 dev lo");
	lab_ip("addr add fd00::3/128 dev lo");
	return pt_nl_open(&nf, NETLINK_NETFILTER, &e);
}

static int tear_down(void **state)
{
	(void)state;
	pt_nl_close(nf);
	return 0;
}

#define RULES                                                                                      \
	"\"block in quick from <bad> label bad\","                                                 \
	"\"pass in quick proto udp to port 6 tag T label tag\","                                   \
	"\"pass in proto udp to port 1 label keep\","                                              \
	"\"pass in proto udp to port 2 no state label loose\","                                    \
	"\"block in proto udp to port 3 label drop\","                                             \
	"\"block return in proto udp to port 4 label refuse\","                                    \
	"\"pass in log proto udp to port 5 label log\","                                           \
	"\"pass in from <good> label good\","

static void every_key(void **state)
{
	static const struct {
		const char *label;
		bool pass;
	} cases[] = {
		{ "keep", true }, { "loose", true }, { "drop", false }, { "refuse", false },
		{ "log", true }, { "tag", true }, { "none", false },
	};
	struct made m;

	(void)state;
	make(&m, RULES);
	assert_true(apply(&m) > 0);
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(passes(key_of(&m, cases[i].label)), cases[i].pass);
		if (strcmp(cases[i].label, "none") != 0)
			assert_int_equal(packets(&m, cases[i].label), 2);
	}
	assert_int_equal(packets(&m, UNJUDGED), 0);
	made_free(&m);
}

/* Nothing, other people's numbers, and what only looks like a key. */
static void what_is_not_judged(void **state)
{
	struct made m;
	uint32_t foreign[7], n = 0;

	(void)state;
	make(&m, RULES);
	apply(&m);
	foreign[n++] = 0;
	foreign[n++] = 6;
	foreign[n++] = 0x00010001;
	foreign[n++] = 0x7f000000;
	foreign[n++] = UINT32_MAX;
	foreign[n++] = key_of(&m, "keep") & 0x7f7fffff;
	foreign[n++] = key_of(&m, "keep") ^ 0x00000100;
	for (size_t i = 0; i < n; i++) {
		assert_false(passes(foreign[i]));
		assert_int_equal(packets(&m, UNJUDGED), 2 * (i + 1));
	}
	made_free(&m);
}

static void marks_and_priorities(void **state)
{
	struct made m;

	(void)state;
	make(&m, RULES);
	/* Without rules both arrive: the test would see them. */
	assert_int_equal(send_with(77, 0x1234, NULL, false).mark, 0x1234);
	if (send_with(77, 0, NULL, false).priority != 77)
		print_message("# this kernel does not tell priorities: not looked at\n");
	apply(&m);
	for (int six = 0; six < 2; six++) {
		struct seen seen = send_with(key_of(&m, "keep"), 0x5a001234, NULL, six);

		assert_true(seen.came);
		assert_int_equal(seen.mark, 0x00001234); /* a process cannot set what is a tag's */
		assert_int_equal(seen.priority, 0);
		seen = send_with(key_of(&m, "tag"), 0x5a001234, NULL, six);
		assert_true(seen.came);
		assert_int_equal(seen.mark, 0x01001234);
		assert_int_equal(seen.priority, 0);
		/* an answer to nobody's question: a mark is no key */
		assert_false(send_with(0, key_of(&m, "keep"), NULL, six).came);
	}
	made_free(&m);
}

/* Dynamic rules come before the constant rules behind them, and only those. */
static void groups(void **state)
{
	static const char *const bad[2] = { "127.0.0.2", "fd00::2" }, *const good[2] = { "127.0.0.3", "fd00::3" };
	struct made m;
	uint32_t none;

	(void)state;
	make(&m, RULES);
	apply(&m);
	none = key_of(&m, "none");
	for (int six = 0; six < 2; six++) {
		assert_false(send_with(key_of(&m, "keep"), 0, bad[six], six).came);
		assert_false(send_with(key_of(&m, "tag"), 0, bad[six], six).came);
		assert_true(send_with(key_of(&m, "drop"), 0, good[six], six).came);
		assert_true(send_with(none, 0, good[six], six).came);
		assert_false(send_with(none, 0, NULL, six).came);
		assert_true(send_with(key_of(&m, "tag"), 0, good[six], six).came);
		/* even rules that need no key are not asked for a packet without one */
		assert_false(send_with(0, 0, good[six], six).came);
	}
	assert_int_equal(packets(&m, "bad"), 4);
	assert_int_equal(packets(&m, "good"), 4);
	assert_int_equal(packets(&m, "tag"), 2);
	assert_int_equal(packets(&m, "keep"), 0);
	assert_int_equal(packets(&m, "drop"), 0);
	made_free(&m);
}

/* A packet back along a flow without state is judged like any, but makes no state. */
static void against_the_direction(void **state)
{
	static const char *const pass[] = { "keep", "loose", "log", "tag" }, *const block[] = { "drop", "none" };
	struct made m;

	(void)state;
	make(&m, RULES);
	apply(&m);
	for (size_t i = 0; i < 2 * (PT_ARRAY_SIZE(pass) + PT_ARRAY_SIZE(block)); i++) {
		size_t k = i / 2;
		bool good = k < PT_ARRAY_SIZE(pass);
		struct flow f = flow_new(NULL, i % 2);
		struct sockaddr_storage back;
		socklen_t len = sizeof(back);
		uint32_t key = key_of(&m, good ? pass[k] : block[k - PT_ARRAY_SIZE(pass)]);

		assert_int_equal(getsockname(f.from, (void *)&back, &len), 0);
		set_priority(f.from, key_of(&m, "loose"));
		assert_int_equal(send(f.from, "x", 1, 0), 1);
		assert_true(look(f.to).came);
		set_priority(f.to, key);
		assert_int_equal(sendto(f.to, "y", 1, 0, (void *)&back, len), 1);
		assert_int_equal(look(f.from).came, good);
		/* no state was made: without a key the next one does not pass */
		set_priority(f.to, 0);
		assert_int_equal(sendto(f.to, "z", 1, 0, (void *)&back, len), 1);
		assert_false(look(f.from).came);
		flow_end(&f);
	}
	assert_int_equal(packets(&m, "keep"), 2);
	assert_int_equal(packets(&m, UNJUDGED), 12);
	made_free(&m);
}

/* ---- changes ---- */

struct old_keys {
	const struct made *old, *new;
	uint32_t drop, pass; /* old */
};

static void both_are_known(void *arg)
{
	const struct old_keys *k = arg;

	assert_true(passes(k->pass));
	assert_false(passes(k->drop));
	assert_true(passes(key_of(k->new, "keep")));
	assert_true(passes(key_of(k->new, "drop"))); /* now it passes */
	/* the old groups still stand before the old keys: that the new rules have no such block
	 * is nothing to packets that the old tables judged */
	assert_false(send_with(k->pass, 0, "127.0.0.2", false).came);
	assert_true(send_with(key_of(k->new, "keep"), 0, "127.0.0.2", false).came);
}

static void two_transactions(void **state)
{
	static const char after[] = "\"pass in proto udp to port 1 label keep\","
				    "\"pass in proto udp to port 3 label drop\","
				    "\"pass in from <good> label good\",";
	struct made old, new, again;
	struct old_keys k = { .old = &old, .new = &new };

	(void)state;
	make(&old, RULES);
	apply(&old);
	k.pass = key_of(&old, "keep");
	k.drop = key_of(&old, "drop");
	make(&new, after);
	assert_true(apply_in_two(&new, both_are_known, &k) > 0);
	assert_int_not_equal(key_of(&new, "keep") & 0x80000000, k.pass & 0x80000000);
	assert_int_equal(key_of(&new, "keep") & 0x00ffffff, k.pass & 0x00ffffff);
	assert_false(passes(k.drop)); /* nobody knows it */
	assert_int_equal(packets(&new, "keep"), 5); /* two keys, one element */
	make(&again, after);
	assert_int_equal(apply_in_two(&again, NULL, NULL), 0);
	assert_int_equal(key_of(&again, "keep"), key_of(&new, "keep"));
	made_free(&again);
	made_free(&new);
	made_free(&old);
}

/* A table with another option is a new set, and the rules of the old groups look into the old one. */
struct closed {
	uint32_t old, new;
};

static void old_ones_are_dropped(void *arg)
{
	const struct closed *c = arg;

	assert_false(passes(c->old));
	assert_true(passes(c->new));
	assert_false(send_with(c->new, 0, "127.0.0.2", false).came);
}

static void table_made_anew(void **state)
{
	static const char before[] = "\"block in quick from <bad>\", \"pass in proto udp to port 1 label keep\",";
	static const char after[] = "\"block in log quick from <bad>\", \"pass in proto udp to port 1 label keep\",";
	struct made old, new;
	struct closed c;

	(void)state;
	make(&old, before);
	apply(&old);
	c.old = key_of(&old, "keep");
	make_with(&new, "counters = true", after);
	c.new = c.old ^ 0x80000000;
	assert_true(apply_in_two(&new, old_ones_are_dropped, &c) > 0);
	assert_int_equal(key_of(&new, "keep"), c.new);
	assert_true(passes(c.new));
	assert_int_equal(apply(&new), 0);
	made_free(&new);
	made_free(&old);
}

/* What a translation does with packets under way depends on its rule alone, not on which others there are. */
static void translations_stay(void **state)
{
	static const char one[] = "\"pass in inet proto udp to port 1 rdr-to 127.0.0.1 port 9 label first\",";
	static const char two[] = "\"pass in inet proto udp to port 2 rdr-to 127.0.0.1 port 8 label second\","
				  "\"pass in inet proto udp to port 1 rdr-to 127.0.0.1 port 9 label first\",";
	struct made a, b;
	uint32_t key;

	(void)state;
	make(&a, one);
	apply(&a);
	key = key_of(&a, "first");
	make(&b, two);
	assert_true(apply_in_two(&b, NULL, NULL) > 0);
	assert_int_equal(key_of(&b, "first"), key);
	made_free(&a);
	make(&a, "\"block in label nothing\",");
	assert_true(apply_in_two(&a, NULL, NULL) > 0);
	assert_int_equal(apply(&a), 0);
	made_free(&b);
	made_free(&a);
}

/* ---- two rules of one hash ---- */

/* Rules X and Y of a list of MANY whose first hashes are the same. */
#define MANY 20000

static void find_pair(unsigned int *x, unsigned int *y)
{
	struct pt_buf b = { 0 };
	struct made all;
	const struct nft_keys *k;
	uint32_t low = 0;

	for (unsigned int i = 0; i < MANY; i++)
		pt_buf_fmt(&b, "\"block in proto udp to port %u label r%u\",\n", i % 60000 + 1, i);
	make(&all, b.s);
	k = all.prog->keys;
	for (size_t i = 0; i < k->v.n; i++) {
		struct nft_key_action what;
		uint32_t first;

		nft_key_action(&k->v.v[i], &what);
		first = nft_key_attempt(&what, 0);
		if (first == k->v.v[i].low)
			continue;
		*y = (unsigned int)atoi(k->v.v[i].rule->name + 1);
		low = first;
		*x = (unsigned int)atoi(nft_keys_find(k, low)->rule->name + 1);
	}
	assert_true(low); /* MANY squared over 2^24 pairs are to be expected */
	made_free(&all);
	pt_buf_fini(&b);
}

static void make_block(struct made *m, unsigned int i)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "\"block in proto udp to port %u label r%u\",", i % 60000 + 1, i);
	make(m, b.s);
	pt_buf_fini(&b);
}

static void one_hash_two_rules(void **state)
{
	unsigned int x = 0, y = 0;
	struct made a, b, again;
	char name[16];

	(void)state;
	find_pair(&x, &y);
	make_block(&a, x);
	make_block(&b, y);
	(void)snprintf(name, sizeof(name), "r%u", x);
	assert_int_equal(a.prog->keys->v.v[0].low, b.prog->keys->v.v[0].low);
	apply(&a);
	assert_false(passes(key_of(&a, name)));
	apply_in_two(&b, NULL, NULL);
	assert_int_not_equal(a.prog->keys->v.v[0].low, b.prog->keys->v.v[0].low);
	(void)snprintf(name, sizeof(name), "r%u", y);
	assert_false(passes(key_of(&b, name)));
	assert_int_equal(packets(&b, name), 2); /* not those of the other one */
	make_block(&again, y);
	assert_int_equal(apply_in_two(&again, NULL, NULL), 0);
	assert_int_equal(key_of(&again, name), key_of(&b, name));
	made_free(&again);
	made_free(&b);
	made_free(&a);
}

static void many_rules(struct pt_buf *b, unsigned int n, unsigned int changed)
{
	for (unsigned int i = 0; i < n; i++)
		pt_buf_fmt(b, "\"%s in proto udp from 10.%u.%u.%u to port %u label r%u\",\n",
			   i == changed ? "block" : "pass", i >> 16, i >> 8 & 255, i & 255, 1 + i % 60000, i);
	assert_int_equal(b->err, 0);
}

static double milliseconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t apply_many(struct made *m, unsigned int n, unsigned int changed, const char *what)
{
	struct pt_buf b = { 0 };
	size_t writes;
	double start;

	many_rules(&b, n, changed);
	make(m, b.s);
	start = milliseconds();
	writes = apply_in_two(m, NULL, NULL);
	print_message("# %s: %zu messages, %.1f ms with reading\n", what, writes, milliseconds() - start);
	pt_buf_fini(&b);
	return writes;
}

/* Differences only; and counts stay, even where a map has to be made larger. */
static void ten_thousand(void **state)
{
	struct made m, same, one, more;

	(void)state;
	apply_many(&m, 10000, UINT32_MAX, "10,000 rules");
	assert_true(passes(key_of(&m, "r4711")));
	assert_int_equal(apply_many(&same, 10000, UINT32_MAX, "the same"), 0);
	assert_true(passes(key_of(&same, "r4711")));
	assert_in_range(apply_many(&one, 10000, 17, "one changed"), 1, 12);
	assert_false(passes(key_of(&one, "r17")));
	assert_true(passes(key_of(&one, "r4711")));
	assert_true(apply_many(&more, 40000, 17, "30,000 more") > 0);
	assert_true(passes(key_of(&more, "r4711")));
	assert_true(passes(key_of(&more, "r39999")));
	assert_int_equal(packets(&more, "r4711"), 8);
	assert_int_equal(packets(&more, "r17"), 2);
	assert_int_equal(apply_many(&m, 40000, 17, "the same"), 0);
	made_free(&more);
	made_free(&one);
	made_free(&same);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(marks_and_priorities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(groups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(against_the_direction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_transactions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(table_made_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(translations_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_hash_two_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ten_thousand, set_up, tear_down),
	};

	return lab_run("nft_keys", tests, NULL, NULL);
}
