/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What sock_diag(7) answers, right and wrong: every attribute in every length and cut anywhere, names with any bytes, filters; the
 * table of raw sockets; whose sockets are whose.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>

#include "diag/socket.h"

static const struct pt_socket_filter all = { .details = true };

static struct nlmsghdr *message(uint8_t *bytes, size_t size, size_t head)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(bytes, 0, size));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	(void)mnl_nlmsg_put_extra_header(nlh, head);
	return nlh;
}

/* 192.0.2.1:22 to 192.0.2.9:40000, or the same in IPv6, inode 77 of user 5 */
static struct nlmsghdr *connection(uint8_t *bytes, size_t size, uint8_t family)
{
	static const uint8_t local[16] = { 192, 0, 2, 1 }, remote[16] = { 192, 0, 2, 9 };
	struct nlmsghdr *nlh = message(bytes, size, sizeof(struct inet_diag_msg));
	struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);

	m->idiag_family = family;
	m->idiag_state = PT_SOCKET_ESTABLISHED;
	m->idiag_inode = 77;
	m->idiag_uid = 5;
	m->idiag_rqueue = 3;
	m->idiag_wqueue = 4;
	m->id.idiag_sport = htons(22);
	m->id.idiag_dport = htons(40000);
	memcpy(m->id.idiag_src, local, sizeof(local));
	memcpy(m->id.idiag_dst, remote, sizeof(remote));
	return nlh;
}

static size_t parsed(const struct nlmsghdr *nlh, const struct pt_socket_filter *f, enum pt_socket_protocol p, struct pt_socket *out)
{
	struct pt_sockets s = { .arena = pt_arena_new() };
	size_t n;

	assert_non_null(s.arena);
	assert_int_equal(pt_sockets_parse(&s, f, p, nlh), 0);
	n = s.v.n;
	if (n && out)
		*out = s.v.v[0];
	pt_arena_free(s.arena);
	return n;
}

static void a_connection(void **state)
{
	struct tcp_info info = { .tcpi_rtt = 1500, .tcpi_rttvar = 20, .tcpi_total_retrans = 7, .tcpi_snd_cwnd = 10 };
	uint8_t bytes[1024];
	struct nlmsghdr *nlh = connection(bytes, sizeof(bytes), AF_INET);
	struct pt_socket s = { 0 };

	(void)state;
	mnl_attr_put(nlh, INET_DIAG_INFO, sizeof(info), &info);
	mnl_attr_put_strz(nlh, INET_DIAG_CONG, "cubic");
	assert_int_equal(parsed(nlh, &all, PT_SOCKET_TCP, &s), 1);
	assert_true(s.local.af == PT_AF_INET && s.local.v == 0xc0000201 && s.remote.v == 0xc0000209);
	assert_true(s.lport == 22 && s.rport == 40000 && s.inode == 77 && s.uid == 5 && s.has_uid);
	assert_true(s.receive_queue == 3 && s.send_queue == 4);
	assert_true(s.has_info && s.rtt == 1500 && s.rtt_variance == 20 && s.retransmitted == 7 && s.window == 10);
	assert_string_equal(s.congestion, "cubic");
	assert_string_equal(pt_socket_state_name(&s), "established");
	s.state = 200;
	assert_string_equal(pt_socket_state_name(&s), "unknown");
}

/* Older kernels tell less: what is there is used, what may mislead is not. */
static void a_short_answer(void **state)
{
	struct tcp_info info = { .tcpi_rtt = 1500 };
	uint8_t bytes[1024];
	struct nlmsghdr *nlh = connection(bytes, sizeof(bytes), AF_INET);
	struct pt_socket s = { 0 };

	(void)state;
	mnl_attr_put(nlh, INET_DIAG_INFO, 8, &info);
	assert_int_equal(parsed(nlh, &all, PT_SOCKET_TCP, &s), 1);
	assert_false(s.has_info);
}

static void filters(void **state)
{
	static const struct {
		struct pt_socket_filter f;
		size_t n;
	} cases[] = {
		{ { .port = 22 }, 1 },
		{ { .port = 40000 }, 1 },
		{ { .port = 23 }, 0 },
		{ { .states = 1u << PT_SOCKET_ESTABLISHED }, 1 },
		{ { .states = 1u << PT_SOCKET_LISTEN }, 0 },
		{ { .af = PT_AF_INET }, 1 },
		{ { .af = PT_AF_INET6 }, 0 },
		{ { .has_uid = true, .uid = 5 }, 1 },
		{ { .has_uid = true, .uid = 0 }, 0 },
		{ { .has_prefix = true, .prefix = { { PT_AF_INET, 0xc0000200 }, 24 } }, 1 },
		{ { .has_prefix = true, .prefix = { { PT_AF_INET, 0xc0000209 }, 32 } }, 1 },
		{ { .has_prefix = true, .prefix = { { PT_AF_INET, 0xc0000208 }, 32 } }, 0 },
		{ { .has_prefix = true, .prefix = { { PT_AF_INET6, 0 }, 0 } }, 0 },
	};
	uint8_t bytes[512];
	struct nlmsghdr *nlh = connection(bytes, sizeof(bytes), AF_INET);

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(cases); i++)
		assert_int_equal(parsed(nlh, &cases[i].f, PT_SOCKET_TCP, NULL), cases[i].n);
}

/* An IPv4 peer of an IPv6 socket is found by its own address. */
static void mapped(void **state)
{
	static const uint8_t peer[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9 };
	const struct pt_socket_filter f = { .has_prefix = true, .prefix = { { PT_AF_INET, 0xc0000209 }, 32 } };
	uint8_t bytes[512];
	struct nlmsghdr *nlh = connection(bytes, sizeof(bytes), AF_INET6);
	struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct pt_socket s = { 0 };

	(void)state;
	assert_int_equal(parsed(nlh, &f, PT_SOCKET_TCP, NULL), 0);
	memcpy(m->id.idiag_dst, peer, sizeof(peer));
	mnl_attr_put_u8(nlh, INET_DIAG_SKV6ONLY, 0);
	assert_int_equal(parsed(nlh, &f, PT_SOCKET_TCP, &s), 1);
	assert_true(s.dual && s.remote.af == PT_AF_INET6);
}

static void unix_names(void **state)
{
	uint8_t bytes[512];
	struct nlmsghdr *nlh = message(bytes, sizeof(bytes), sizeof(struct unix_diag_msg));
	struct pt_sockets s = { .arena = pt_arena_new() };

	(void)state;
	mnl_attr_put(nlh, UNIX_DIAG_NAME, 5, "\0\033[2J");
	mnl_attr_put_u32(nlh, UNIX_DIAG_PEER, 9);
	mnl_attr_put_u32(nlh, UNIX_DIAG_UID, 12);
	assert_int_equal(pt_sockets_parse(&s, &all, PT_SOCKET_UNIX, nlh), 0);
	assert_int_equal(s.v.n, 1);
	assert_int_equal(s.v.v[0].name_len, 5);
	assert_memory_equal(s.v.v[0].name, "\0\033[2J", 5);
	assert_true(s.v.v[0].peer == 9 && s.v.v[0].uid == 12 && s.v.v[0].has_uid);
	nlh = message(bytes, sizeof(bytes), sizeof(struct unix_diag_msg));
	mnl_attr_put(nlh, UNIX_DIAG_NAME, 5, "/run");
	assert_int_equal(pt_sockets_parse(&s, &all, PT_SOCKET_UNIX, nlh), 0);
	assert_true(s.v.n == 2 && s.v.v[1].name_len == 4);
	assert_memory_equal(s.v.v[1].name, "/run", 4);
	nlh = message(bytes, sizeof(bytes), sizeof(struct unix_diag_msg));
	mnl_attr_put(nlh, UNIX_DIAG_NAME, 3, "\0a"); /* abstract: its last byte is its own */
	assert_int_equal(pt_sockets_parse(&s, &all, PT_SOCKET_UNIX, nlh), 0);
	assert_true(s.v.n == 3 && s.v.v[2].name_len == 3);
	pt_arena_free(s.arena);
}

/* In memory of exactly its size, so that a byte too far is seen. */
static void read_exactly(const struct nlmsghdr *from, size_t size, enum pt_socket_protocol p)
{
	struct pt_sockets s = { .arena = pt_arena_new() };
	struct nlmsghdr *nlh = test_malloc(size);
	int rc;

	memcpy(nlh, from, size);
	nlh->nlmsg_len = (uint32_t)size;
	rc = pt_sockets_parse(&s, &all, p, nlh);
	assert_true(rc == 0 || rc == -EBADMSG);
	for (size_t i = 0; i < s.v.n; i++) {
		assert_non_null(pt_socket_state_name(&s.v.v[i]));
		assert_non_null(memchr(s.v.v[i].congestion, 0, sizeof(s.v.v[i].congestion)));
	}
	test_free(nlh);
	pt_arena_free(s.arena);
}

static void hostile(void **state)
{
	uint8_t bytes[1024], payload[300];

	(void)state;
	for (enum pt_socket_protocol p = 0; p < PT_SOCKET_PROTOCOLS; p++)
		for (uint16_t attr = 0; attr < 24; attr++)
			for (size_t n = 0; n <= sizeof(payload); n += n < 32 ? 1 : 67) {
				struct nlmsghdr *nlh = p == PT_SOCKET_UNIX ? message(bytes, sizeof(bytes), sizeof(struct unix_diag_msg)) :
									     connection(bytes, sizeof(bytes), attr % 2 ? AF_INET6 : AF_INET);

				memset(payload, (int)(n * 37 + attr), sizeof(payload));
				mnl_attr_put(nlh, attr, n, payload);
				for (size_t cut = sizeof(*nlh); cut <= nlh->nlmsg_len; cut += n < 8 ? 1 : 13)
					read_exactly(nlh, cut, p);
			}
	read_exactly(connection(bytes, sizeof(bytes), 99), sizeof(struct nlmsghdr) + sizeof(struct inet_diag_msg), PT_SOCKET_TCP);
}

static void raw_table(void **state)
{
	static const char text[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
		"    1: 010200C0:0001 00000000:0000 07 00000002:00000003 00:00000000 00000000     5        0 4711 2 0000000000000000 0\n"
		"    1: 010200C0:0001 00000000\n"
		"    1: 010200C0010200C0:0001 00000000:0000 07 00000002:00000003 00:00000000 00000000     5        0 4711 2 0 0\n"
		"\n\n1: 010200C0:0001 00000000:0000 07 00000002:00000003 00:00000000 00000000     6        0 99999999999 2 0 0";
	const struct pt_socket_filter of_six = { .has_uid = true, .uid = 5 };
	struct pt_sockets s = { .arena = pt_arena_new() };
	const struct pt_socket *r;

	(void)state;
	for (size_t n = 0; n <= sizeof(text) - 1; n++) {
		char *exact = test_malloc(n + 1);

		memcpy(exact, text, n);
		s.v.n = 0;
		assert_int_equal(socket_parse_raw(&s, &of_six, PT_AF_INET, exact, n), 0);
		assert_true(s.v.n <= 1);
		s.v.n = 0;
		assert_int_equal(socket_parse_raw(&s, &all, PT_AF_INET6, exact, n), 0);
		assert_int_equal(s.v.n, 0);
		test_free(exact);
	}
	assert_int_equal(socket_parse_raw(&s, &of_six, PT_AF_INET, text, sizeof(text) - 1), 0);
	assert_int_equal(s.v.n, 1);
	r = &s.v.v[0];
	assert_true(r->local.v == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0xc0000201 : 0x010200c0));
	assert_true(r->lport == 1 && r->send_queue == 2 && r->receive_queue == 3 && r->uid == 5 && r->inode == 4711);
	assert_string_equal(pt_socket_state_name(r), "unconnected");
	pt_arena_free(s.arena);
}

/* One socket under two descriptors of this process. */
static void owners(void **state)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_socket_owners o;
	const struct pt_socket_owner *w;
	struct pt_err e = { 0 };
	struct stat st;
	char name[PT_PROCESS_NAME];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), again = dup(fd);
	size_t n;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pt_socket_owners_read(a, &o, &e), 0);
	w = pt_socket_owners_of(&o, (uint32_t)st.st_ino, &n);
	assert_int_equal(n, 2);
	assert_true(w[0].pid == getpid() && w[0].fd == fd && w[1].fd == again);
	pt_process_name(getpid(), name);
	assert_string_equal(name, "socket.t");
	assert_null(pt_socket_owners_of(&o, 0, &n));
	close(fd);
	close(again);
	pt_arena_free(a);
	pt_process_name(-1, name);
	assert_string_equal(name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection), cmocka_unit_test(a_short_answer), cmocka_unit_test(filters), cmocka_unit_test(mapped),
		cmocka_unit_test(unix_names),	cmocka_unit_test(hostile),	  cmocka_unit_test(raw_table), cmocka_unit_test(owners),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
