/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets without a wire: taken apart and in words, cut at every byte; flows; one connection joined; files of both kinds. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/capture.h>

/* ---- packets by their digits ---- */

#define FROM_TO "020000000002" "020000000001"
#define IP4(length, proto) "4500" length "00004000" "40" proto "0000" "c0000201" "c0000202"
#define IP6(length, next) "60000000" length next "40" "20010db8000000000000000000000001" "20010db8000000000000000000000002"
#define DNS_QUESTION "03777777076578616d706c6503636f6d00" "00010001"

static const struct {
	uint16_t link;
	const char *hex, *kind, *words;
} packets[] = {
	{ PT_LINK_ETHERNET, "ffffffffffff" "020000000001" "0806" "0001080006040001" "020000000001" "c0000201" "000000000000" "c0000202", "arp",
	  "arp, who has 192.0.2.2, tell 192.0.2.1" },
	{ PT_LINK_ETHERNET, "020000000001" "020000000002" "0806" "0001080006040002" "020000000002" "c0000202" "020000000001" "c0000201", "arp",
	  "arp, 192.0.2.2 is at 02:00:00:00:00:02" },
	{ PT_LINK_ETHERNET, "ffffffffffff" "020000000001" "0806" "0001080006040001" "020000000001" "c0000201" "000000000000" "c0000201", "arp",
	  "arp, announces 192.0.2.1 is at 02:00:00:00:00:01" },
	{ PT_LINK_ETHERNET, FROM_TO "0800" IP4("0028", "06") "9c400050" "00000064" "00000000" "5002faf000000000", "tcp",
	  "tcp 192.0.2.1:40000 > 192.0.2.2:80 flags S seq 100 win 64240 length 40" },
	/* padding of the link is no data */
	{ PT_LINK_ETHERNET, FROM_TO "0800" IP4("0028", "06") "9c400050" "00000064" "000001f5" "5018faf000000000" "000000000000", "tcp",
	  "tcp 192.0.2.1:40000 > 192.0.2.2:80 flags PA seq 100 ack 501 win 64240 length 40" },
	{ PT_LINK_ETHERNET, FROM_TO "88a80064" "8100000a" "0800" IP4("001c", "01") "0800000000070001", "icmp",
	  "vlan 100 vlan 10 icmp 192.0.2.1 > 192.0.2.2 echo request id 7 seq 1 length 28" },
	{ PT_LINK_RAW, IP4("0038", "01") "03040000" "0000" "0514" IP4("0500", "11") "9c40003500000000", "icmp",
	  "icmp 192.0.2.1 > 192.0.2.2 unreachable: packet too big, MTU 1300 about udp 192.0.2.1:40000 > 192.0.2.2:53 length 56" },
	{ PT_LINK_RAW, IP6("0020", "3a") "87000000" "00000000" "20010db8000000000000000000000002" "0101020000000001", "icmp6",
	  "icmp6 2001:db8::1 > 2001:db8::2 neighbour solicitation, who has 2001:db8::2, from 02:00:00:00:00:01 length 72" },
	{ PT_LINK_RAW, IP6("0020", "3a") "88000000" "e0000000" "20010db8000000000000000000000001" "0201020000000001", "icmp6",
	  "icmp6 2001:db8::1 > 2001:db8::2 neighbour advertisement, 2001:db8::1, router, solicited, override, is at 02:00:00:00:00:01 length 72" },
	{ PT_LINK_RAW, IP4("003d", "11") "9c400035" "00290000" "1234" "0100" "0001000000000000" DNS_QUESTION, "dns",
	  "udp 192.0.2.1:40000 > 192.0.2.2:53 dns 4660 question A www.example.com. length 61" },
	{ PT_LINK_RAW, IP4("004d", "11") "00359c40" "00390000" "1234" "8180" "0001000100000000" DNS_QUESTION "c00c00010001000000050004c0000207", "dns",
	  "udp 192.0.2.1:53 > 192.0.2.2:40000 dns 4660 answer A www.example.com.: A 192.0.2.7 length 77" },
	{ PT_LINK_RAW, IP4("003d", "11") "00359c40" "00290000" "1234" "8183" "0001000000000000" DNS_QUESTION, "dns",
	  "udp 192.0.2.1:53 > 192.0.2.2:40000 dns 4660 answer A www.example.com. NXDOMAIN length 61" },
	{ PT_LINK_RAW, IP6("0010", "00") "3b00010400000000" "0000000000000000", "other ip6",
	  "protocol 59 2001:db8::1 > 2001:db8::2 headers hop-by-hop length 56" },
	{ PT_LINK_RAW, IP6("0018", "2c") "11000001" "0000abcd" "9c4000350018000000000000000000", "udp",
	  "udp [2001:db8::1]:40000 > [2001:db8::2]:53 headers fragment fragment id 43981 offset 0 more length 64 cut" },
	{ PT_LINK_RAW, IP6("0010", "2c") "110005a8" "0000abcd" "0000000000000000", "udp",
	  "udp 2001:db8::1 > 2001:db8::2 headers fragment fragment id 43981 offset 1448 last length 56" },
	{ PT_LINK_RAW, IP4("001c", "32") "0000abcd00000007", "esp", "esp 192.0.2.1 > 192.0.2.2 spi 0x0000abcd seq 7 length 28" },
	{ PT_LINK_RAW, IP4("001c", "2f") "200008000000002a", "gre", "gre 192.0.2.1 > 192.0.2.2 key 42 of type 0x0800 length 28" },
	{ PT_LINK_RAW, IP4("003c", "11") "ca6cca6c" "00280000" "04000000" "01000000" "0000000000000000" "00000000000000000000000000000000", "wireguard",
	  "udp 192.0.2.1:51820 > 192.0.2.2:51820 wireguard keepalive to 0x00000001 length 60" },
	{ PT_LINK_RAW, IP6("000c", "11") "02220223" "000c0000" "01abcdef", "dhcp6",
	  "udp [2001:db8::1]:546 > [2001:db8::2]:547 dhcp6 solicit id abcdef length 52" },
	{ PT_LINK_COOKED, "0000000100060200000000020000" "0800" IP4("001c", "01") "0000000000070001", "icmp",
	  "icmp 192.0.2.1 > 192.0.2.2 echo reply id 7 seq 1 length 28" },
	{ PT_LINK_ETHERNET, FROM_TO "88cc" "0207", "lldp", "02:00:00:00:00:01 > 02:00:00:00:00:02 lldp type 0x88cc" },
};

static size_t digits(const char *hex, uint8_t *out, size_t max)
{
	static const char all[] = "0123456789abcdef";
	size_t n = strlen(hex) / 2;

	assert_true(n <= max);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)((strchr(all, hex[2 * i]) - all) << 4 | (strchr(all, hex[2 * i + 1]) - all));
	return n;
}

static void test_words(void **state)
{
	uint8_t raw[512];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(packets); i++) {
		size_t n = digits(packets[i].hex, raw, sizeof(raw));
		uint8_t *copy = malloc(n);
		struct pt_buf b = { 0 };
		struct pt_seen s;

		assert_non_null(copy);
		memcpy(copy, raw, n);
		pt_seen_read(packets[i].link, copy, n, &s);
		pt_seen_words(&s, &b);
		assert_string_equal(b.s, packets[i].words);
		assert_string_equal(pt_seen_kind(&s), packets[i].kind);
		pt_buf_fini(&b);
		free(copy);
	}
}

/* Cut anywhere, nothing is read behind the end: the copy has exactly its size. */
static void test_cut(void **state)
{
	uint8_t raw[512];

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(packets); i++)
		for (size_t n = digits(packets[i].hex, raw, sizeof(raw)); n > 0; n--) {
			uint8_t *copy = malloc(n);
			struct pt_buf b = { 0 };
			struct pt_seen s;

			assert_non_null(copy);
			memcpy(copy, raw, n);
			pt_seen_read(packets[i].link, copy, n, &s);
			pt_seen_words(&s, &b);
			assert_int_equal(b.err, 0);
			assert_non_null(pt_seen_kind(&s));
			pt_buf_fini(&b);
			free(copy);
		}
}

/* ---- flows ---- */

static struct pt_seen seen(uint64_t src, uint64_t dst, uint16_t sport, uint16_t dport)
{
	return (struct pt_seen){ .src = { PT_AF_INET, src }, .dst = { PT_AF_INET, dst }, .proto = 6, .has_proto = true, .has_ports = true,
				 .sport = sport, .dport = dport };
}

/* One packet of SIZE bytes; false: there is no room for its flow. */
static bool count(struct pt_flows *f, struct pt_seen s, uint32_t size)
{
	struct pt_capture_packet p = { .size = size, .device = "" };
	int rc;

	assert_non_null(f);
	return pt_flows_add(f, &p, &s, &rc);
}

static void test_flows(void **state)
{
	struct pt_flows *f = pt_flows_new();
	struct pt_seen ab = seen(1, 2, 1000, 80), ba = seen(2, 1, 80, 1000), other = seen(1, 2, 1001, 80), loop = seen(1, 1, 7, 7);
	const struct pt_flow *top;
	size_t n;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(count(f, ab, 100));
	assert_true(count(f, ba, 100));
	assert_true(count(f, other, 1000));
	assert_true(count(f, loop, 1));
	assert_true(count(f, loop, 1));
	top = pt_flows_top(f, &n);
	assert_int_equal(n, 3);
	assert_int_equal(top[0].a_port, 1001);
	assert_int_equal(top[1].packets[0], 3);
	assert_int_equal(top[1].packets[1], 1);
	assert_int_equal(top[1].bytes[0], 300);
	assert_int_equal(top[2].packets[0], 2);
	assert_int_equal(pt_flows_packets(f), 7);
	assert_int_equal(pt_flows_bytes(f), 1402);
	pt_flows_free(f);
}

static void test_flows_bound(void **state)
{
	struct pt_flows *f = pt_flows_new();
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < PT_FLOWS_MAX + 10; i++)
		assert_int_equal(count(f, seen(i, 1, 1, 2), 1), i < PT_FLOWS_MAX);
	assert_int_equal(pt_flows_uncounted(f), 10);
	assert_non_null(pt_flows_top(f, &n));
	assert_int_equal(n, PT_FLOWS_MAX);
	pt_flows_free(f);
}

/* Echoes by their number, each way; the rest of ICMP between two ends together. */
static void test_flows_icmp(void **state)
{
	static const uint8_t seven[8] = { 8, 0, 0, 0, 0, 7 }, back[8] = { 0, 0, 0, 0, 0, 7 }, eight[8] = { 8, 0, 0, 0, 0, 8 },
			     error[8] = { 3, 3 };
	const uint8_t *const sent[] = { seven, back, eight, error, error };
	struct pt_flows *f = pt_flows_new();
	const struct pt_flow *top;
	size_t n;

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(sent); i++) {
		struct pt_seen s = i == 1 ? seen(2, 1, 0, 0) : seen(1, 2, 0, 0);

		s.proto = 1;
		s.has_ports = false;
		s.transport = sent[i];
		s.n_transport = 8;
		assert_true(count(f, s, 1));
	}
	top = pt_flows_top(f, &n);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(top[i].packets[0] + top[i].packets[1], top[i].asks && top[i].id == 8 ? 1 : 2);
		assert_int_equal(top[i].packets[1], top[i].asks && top[i].id == 7);
	}
	pt_flows_free(f);
}

/* Ends in another order, ports whose sum is the same: each is its own flow, and finding it takes no longer. */
static void test_flows_alike(void **state)
{
	struct pt_flows *f = pt_flows_new();
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < 60000; i++)
		assert_true(count(f, seen(1, 2, (uint16_t)(i + 1), (uint16_t)(65000 - i)), 1));
	assert_non_null(pt_flows_top(f, &n));
	assert_int_equal(n, 60000);
	pt_flows_free(f);
}

/* ---- one connection ---- */

static int collect(const struct pt_joined *j, void *arg)
{
	static const char *const names[] = { "", "gap", "open", "fin", "reset" };
	struct pt_buf *b = arg;

	pt_buf_fmt(b, "%u", j->side);
	if (j->what == PT_JOINED_DATA)
		pt_buf_add(b, j->data, j->n);
	else
		pt_buf_fmt(b, "[%s", names[j->what]);
	if (j->what == PT_JOINED_GAP)
		pt_buf_fmt(b, " %zu", j->n);
	pt_buf_str(b, j->what == PT_JOINED_DATA ? " " : "] ");
	return 0;
}

static void put(struct pt_join *j, int from, uint8_t flags, uint32_t seq, const char *text)
{
	struct pt_seen s = from ? seen(2, 1, 80, 1000) : seen(1, 2, 1000, 80);

	s.has_tcp = true;
	s.flags = flags;
	s.seq = seq;
	s.data = (const uint8_t *)text;
	s.n_data = s.data_length = (uint32_t)strlen(text);
	assert_int_equal(pt_join_add(j, 0, &s), 0);
}

static void test_join(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_join *j = pt_join_new(1, collect, &b);

	(void)state;
	assert_non_null(j);
	put(j, 0, 0x02, 0xfffffffd, ""); /* the numbers go round */
	put(j, 1, 0x12, 500, "");
	put(j, 0, 0x18, 0xfffffffe, "abcd");
	put(j, 0, 0x18, 0xfffffffe, "abcd");  /* sent again */
	put(j, 0, 0x18, 6, "ij");             /* ahead */
	put(j, 0, 0x18, 0, "cdef");           /* begins again, and goes on */
	put(j, 0, 0x18, 4, "gh");
	put(j, 1, 0x18, 501, "x");
	put(j, 1, 0x18, 505, "y");            /* what is between never comes */
	put(j, 1, 0x11, 506, "");
	put(j, 0, 0x11, 8, "");
	assert_int_equal(pt_join_end(j), 0);
	assert_string_equal(b.s, "0[open] 1[open] 0abcd 0ef 0gh 0ij 1x 0[fin] 1[gap 3] 1y ");
	assert_int_equal(pt_join_ends(j)->bytes[0], 10);
	assert_int_equal(pt_join_ends(j)->bytes[1], 2);
	assert_int_equal(pt_join_ends(j)->missing[1], 3);
	assert_int_equal(pt_join_ends(j)->again[0], 2);
	assert_int_equal(pt_join_ends(j)->ahead[0], 1);
	pt_join_free(j);
	pt_buf_fini(&b);
}

/* The second one, between the same ends; and one whose beginning was not seen. */
static void test_join_number(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_join *j = pt_join_new(2, collect, &b);

	(void)state;
	assert_non_null(j);
	put(j, 0, 0x02, 10, "");
	put(j, 0, 0x18, 11, "first");
	put(j, 0, 0x04, 16, "");
	put(j, 1, 0x18, 20, "late");
	put(j, 0, 0x02, 90, "");
	put(j, 0, 0x18, 91, "second");
	put(j, 1, 0x04, 0, "");
	assert_string_equal(b.s, "0[open] 0second 1[reset] ");
	assert_true(pt_join_ends(j)->ended);
	pt_join_free(j);
	pt_buf_fini(&b);
	j = pt_join_new(1, collect, &b);
	assert_non_null(j);
	put(j, 1, 0x12, 7, "");
	put(j, 1, 0x18, 8, "middle");
	assert_string_equal(b.s, "1[open] 1middle ");
	pt_join_free(j);
	pt_buf_fini(&b);
}

/* Whoever sends only what is ahead does not fill the memory. */
static void test_join_bound(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_join *j = pt_join_new(1, collect, &b);

	(void)state;
	assert_non_null(j);
	put(j, 0, 0x02, 0, "");
	for (uint32_t i = 0; i < 5000; i++)
		put(j, 0, 0x18, 10 + i * 10, "x");
	assert_true(pt_join_ends(j)->bytes[0] >= 3900 && pt_join_ends(j)->missing[0] > 3900 * 8);
	assert_int_equal(pt_join_end(j), 0);
	assert_int_equal(pt_join_ends(j)->bytes[0], 5000);
	pt_join_free(j);
	pt_buf_fini(&b);
}

/* ---- files ---- */

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	return fd;
}

static const uint8_t old_file[] = {
	0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 101,
	0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 9, 0x45, 1, 2, 3,
	0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 2, 0x60, 1,
};

static void test_old_file(void **state)
{
	struct pt_capture_packet p;
	struct pt_capture_reader *r;
	struct pt_err e = { 0 };
	int fd = file_of(old_file, sizeof(old_file));

	(void)state;
	assert_int_equal(pt_capture_reader_new(fd, &r, &e), 0);
	assert_int_equal(pt_capture_reader_next(r, &p), 1);
	assert_int_equal(p.time, 5000007000ull);
	assert_int_equal(p.link, PT_LINK_RAW);
	assert_int_equal(p.n, 4);
	assert_int_equal(p.size, 9);
	assert_int_equal(p.data[3], 3);
	assert_int_equal(pt_capture_reader_next(r, &p), 1);
	assert_int_equal(p.n, 2);
	assert_int_equal(pt_capture_reader_next(r, &p), 0);
	assert_false(pt_capture_reader_cut(r));
	pt_capture_reader_free(r);
	close(fd);
	/* Cut anywhere it ends, and says so. */
	for (size_t n = 0; n < sizeof(old_file); n++) {
		size_t got = 0;

		fd = file_of(old_file, n);
		if (pt_capture_reader_new(fd, &r, &e)) {
			assert_true(n < 24);
		} else {
			while (pt_capture_reader_next(r, &p) > 0)
				got++;
			assert_int_equal(got, n >= 24 + 16 + 4);
			assert_int_equal(pt_capture_reader_cut(r), n != 24 && n != 44);
			pt_capture_reader_free(r);
		}
		close(fd);
	}
	pt_err_fini(&e);
}

static void test_written(void **state)
{
	static const uint8_t data[] = { 0x45, 1, 2, 3, 4 };
	struct pt_log_record rule = { .ours = true, .action = PT_BLOCK, .dir = PT_IN, .rule = "my rule", .file = "/etc/p", .line = 4, .in = "eth0", .out = "",
				      .on = "", .by = "evaluator" };
	struct pt_capture_packet p = { .time = 12345678901ull, .data = data, .n = 5, .size = 9, .link = PT_LINK_ETHERNET, .dir = PT_IN, .device = "eth0" };
	char folder[] = "/tmp/capture.XXXXXX", path[64];
	struct pt_capture_keep k = { .path = path, .about = "what is in it" };
	struct pt_capture_writer *w;
	struct pt_capture_reader *r;
	struct pt_err e = { 0 };
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	assert_int_equal(pt_capture_writer_new(&k, &w, &e), 0);
	assert_int_equal(pt_capture_writer_add(w, &p, &rule), 0);
	p.dir = PT_OUT;
	p.link = PT_LINK_COOKED;
	assert_int_equal(pt_capture_writer_add(w, &p, NULL), 0);
	assert_int_equal(pt_capture_writer_close(w), 0);
	assert_int_equal(pt_capture_writer_new(&k, &w, &e), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pt_capture_reader_new(fd, &r, &e), 0);
	assert_int_equal(pt_capture_reader_next(r, &p), 1);
	assert_int_equal(p.time, 12345678901ull);
	assert_int_equal(p.link, PT_LINK_ETHERNET);
	assert_int_equal(p.dir, PT_IN);
	assert_string_equal(p.device, "eth0");
	assert_int_equal(p.size, 9);
	assert_memory_equal(p.data, data, 5);
	assert_memory_equal(p.note, "rule=my%20rule action=block dir=in by=evaluator at=/etc/p:4 in=eth0", 66);
	assert_int_equal(pt_capture_reader_next(r, &p), 1);
	assert_int_equal(p.link, PT_LINK_COOKED);
	assert_int_equal(p.dir, PT_OUT);
	assert_null(p.note);
	assert_int_equal(pt_capture_reader_next(r, &p), 0);
	pt_capture_reader_free(r);
	close(fd);
	unlink(path);
	rmdir(folder);
	pt_err_fini(&e);
}

/* A record that is read and written as a logged one has the comment of its identity, once. */
static void same_again(int fd)
{
	struct pt_pcapng_reader *r = pt_pcapng_reader_new(fd);
	struct pt_pcapng w = { 0 };
	struct pt_log_record rec;
	struct pt_buf b = { 0 };
	size_t n = 0;

	assert_non_null(r);
	assert_int_equal(pt_pcapng_next(r, &rec), 1);
	pt_pcapng_add(&w, &b, &rec);
	assert_int_equal(b.err, 0);
	for (const char *p = b.s; (p = memmem(p, b.n - (size_t)(p - b.s), "rule=a", 6)); p++)
		n++;
	assert_int_equal(n, 1);
	pt_pcapng_reader_free(r);
	pt_pcapng_fini(&w);
	pt_buf_fini(&b);
}

/* Two judgements, and the packet that answers: seen on the same device, the other way. */
static void test_judged_twice(void **state)
{
	static const uint8_t data[] = { 0x45, 1, 2, 3 };
	static const char said[] = "rule=a action=pass dir=in in=eth1; rule=b action=block dir=out out=eth0; no route";
	struct pt_log_record out = { .ours = true, .action = PT_BLOCK, .dir = PT_OUT, .rule = "b", .file = "", .in = "",
				     .out = "eth0", .on = "" };
	struct pt_log_record in = { .ours = true, .action = PT_PASS, .dir = PT_IN, .rule = "a", .file = "", .in = "eth1",
				    .out = "", .on = "", .then = &out, .note = "no route", .n_note = 8 };
	struct pt_capture_packet p = { .data = data, .n = 4, .size = 4, .link = PT_LINK_RAW, .dir = PT_OUT, .device = "eth1" };
	char folder[] = "/tmp/capture.XXXXXX", path[64];
	struct pt_capture_keep k = { .path = path, .devices = { { "eth1", PT_LINK_RAW } }, .n_devices = 1 };
	struct pt_capture_writer *w;
	struct pt_capture_reader *r;
	struct pt_err e = { 0 };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	assert_int_equal(pt_capture_writer_new(&k, &w, &e), 0);
	assert_int_equal(pt_capture_writer_add(w, &p, &in), 0);
	assert_int_equal(pt_capture_writer_close(w), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pt_capture_reader_new(fd, &r, &e), 0);
	assert_int_equal(pt_capture_reader_next(r, &p), 1);
	assert_int_equal(p.dir, PT_OUT);
	assert_string_equal(p.device, "eth1");
	assert_int_equal(p.n_note, sizeof(said) - 1);
	assert_memory_equal(p.note, said, sizeof(said) - 1);
	assert_int_equal(pt_capture_reader_next(r, &p), 0);
	pt_capture_reader_free(r);
	same_again(fd);
	close(fd);
	unlink(path);
	rmdir(folder);
	pt_err_fini(&e);
}

/* Where no more can be written the file ends with a whole packet. */
static void test_full(void **state)
{
	static const uint8_t data[1000];
	struct pt_capture_packet p = { .data = data, .n = 1000, .size = 1000, .link = PT_LINK_RAW, .device = "eth0" };
	char folder[] = "/tmp/capture.XXXXXX", path[64];
	struct pt_capture_keep k = { .path = path };
	struct rlimit was, limit;
	struct pt_capture_writer *w;
	struct pt_capture_reader *r;
	struct pt_err e = { 0 };
	size_t n = 0;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = (struct rlimit){ 10000, was.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(pt_capture_writer_new(&k, &w, &e), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pt_capture_writer_add(w, &p, NULL), 0);
	assert_int_equal(pt_capture_writer_flush(w), -EFBIG);
	assert_int_equal(pt_capture_writer_close(w), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pt_capture_reader_new(fd, &r, &e), 0);
	while (pt_capture_reader_next(r, &p) > 0)
		n++;
	assert_int_equal(n, 9);
	assert_false(pt_capture_reader_cut(r));
	pt_capture_reader_free(r);
	close(fd);
	unlink(path);
	rmdir(folder);
	pt_err_fini(&e);
}

static void test_ring(void **state)
{
	static const uint8_t data[400];
	struct pt_capture_packet p = { .data = data, .n = 400, .size = 400, .link = PT_LINK_RAW, .device = "eth0" };
	char folder[] = "/tmp/capture.XXXXXX", path[64], name[80];
	struct pt_capture_keep k = { .path = path, .files = 3, .size = 1000 };
	struct pt_capture_writer *w;
	struct pt_err e = { 0 };
	uint64_t newest = 0;
	size_t all = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x", folder);
	assert_int_equal(pt_capture_writer_new(&k, &w, &e), 0);
	for (p.time = 1; p.time <= 100; p.time++)
		assert_int_equal(pt_capture_writer_add(w, &p, NULL), 0);
	assert_true(pt_capture_writer_bytes(w) > 40000);
	assert_int_equal(pt_capture_writer_close(w), 0);
	for (int i = 1; i <= 3; i++) {
		struct pt_capture_packet q;
		struct pt_capture_reader *r;
		int fd;

		snprintf(name, sizeof(name), "%s.%d", path, i);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0 && lseek(fd, 0, SEEK_END) < 2000);
		assert_int_equal(pt_capture_reader_new(fd, &r, &e), 0);
		while (pt_capture_reader_next(r, &q) > 0) {
			assert_true(q.time > 90);
			newest = q.time > newest ? q.time : newest;
			all++;
		}
		pt_capture_reader_free(r);
		close(fd);
		unlink(name);
	}
	assert_int_equal(newest, 100);
	assert_true(all >= 5 && all <= 9);
	rmdir(folder);
	pt_err_fini(&e);
}

static void test_no_capture(void **state)
{
	static const char *const files[] = { "", "hello", "\x0a\x0d\x0d\x0a", "#!/bin/sh and so on, which is text" };
	struct pt_capture_reader *r;
	struct pt_err e = { 0 };

	(void)state;
	for (size_t i = 0; i < PT_ARRAY_SIZE(files); i++) {
		int fd = file_of(files[i], strlen(files[i]));

		assert_int_equal(pt_capture_reader_new(fd, &r, &e), -EBADMSG);
		close(fd);
	}
	assert_int_equal(e.n_errors, PT_ARRAY_SIZE(files));
	pt_err_fini(&e);
}

static void test_filter(void **state)
{
	struct pt_capture_packet p = { .link = PT_LINK_ETHERNET, .device = "" };
	struct pt_capture_filter *f;
	struct pt_err e = { 0 };
	uint8_t raw[128];

	(void)state;
	p.data = raw;
	p.n = p.size = (uint32_t)digits(packets[3].hex, raw, sizeof(raw));
	assert_int_equal(pt_capture_filter_new("tcp port 80", PT_LINK_ETHERNET, 65535, NULL, &f, &e), 0);
	assert_true(pt_capture_filter_match(f, &p));
	pt_capture_filter_free(f);
	assert_int_equal(pt_capture_filter_new("udp", PT_LINK_ETHERNET, 65535, NULL, &f, &e), 0);
	assert_false(pt_capture_filter_match(f, &p));
	pt_capture_filter_free(f);
	assert_int_equal(pt_capture_filter_new("tcp porto 80", PT_LINK_ETHERNET, 65535, NULL, &f, &e), -EINVAL);
	assert_non_null(strstr(e.list.v[0].msg, "filter 'tcp porto 80'"));
	pt_err_fini(&e);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),      cmocka_unit_test(test_cut),        cmocka_unit_test(test_flows),
		cmocka_unit_test(test_flows_bound), cmocka_unit_test(test_join),      cmocka_unit_test(test_join_number),
		cmocka_unit_test(test_join_bound), cmocka_unit_test(test_old_file),   cmocka_unit_test(test_written),
		cmocka_unit_test(test_flows_icmp), cmocka_unit_test(test_flows_alike), cmocka_unit_test(test_judged_twice),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_ring),       cmocka_unit_test(test_no_capture), cmocka_unit_test(test_filter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
