/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptdiag iperf`: how much goes through between two machines; the other end may be iperf3. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/probe.h>
#include <patronus/sandbox.h>

#include "iperf.h"

#define ALLOW_MAX 64
#define PRIVILEGED 1024 /* ports below it need a capability, which is given away before a stream is opened */

struct iperf_words {
	bool udp, reverse, both;
	uint64_t rate, bytes, streams, port, dscp, size, count;
	uint32_t seconds, interval, timeout;
	const char *window, *congestion, *allow;
	struct pt_addr from;
};
#define NOT UINT64_MAX
#define AT(field) offsetof(struct iperf_words, field)

const struct pt_cli_word iperf_words[] = {
	{ "udp", PT_CLI_FLAG, AT(udp), NULL, "datagrams, with their loss, jitter and order; else TCP", 0, 0, NULL },
	{ "rate", PT_CLI_RATE, AT(rate), "RATE", "of each stream: 10Mbit; UDP 1Mbit, TCP as fast as it goes", 0, 0,
	  NULL },
	{ "for", PT_CLI_SECONDS, AT(seconds), "TIME", "10s; of a server the longest test, 60s", 1, PT_IPERF_SECONDS_MAX,
	  NULL },
	{ "bytes", PT_CLI_COUNT, AT(bytes), "N", "end when so many are through, in place of a time", 1, INT64_MAX,
	  NULL },
	{ "streams", PT_CLI_COUNT, AT(streams), "N", "at once, 1; of a server the most, 16", 1, PT_IPERF_STREAMS_MAX,
	  NULL },
	{ "reverse", PT_CLI_FLAG, AT(reverse), NULL, "the server sends", 0, 0, NULL },
	{ "bidir", PT_CLI_FLAG, AT(both), NULL, "both send", 0, 0, NULL },
	{ "interval", PT_CLI_TIME, AT(interval), "TIME", "between two lines, 1s", 100000, 3600000000, NULL },
	{ "port", PT_CLI_COUNT, AT(port), "N", "of the server, 5201", 1, UINT16_MAX, NULL },
	{ "from", PT_CLI_ADDRESS, AT(from), "ADDRESS", "of this machine", 0, 0, NULL },
	{ "timeout", PT_CLI_TIME, AT(timeout), "TIME",
	  "that an answer may take, 5s; of a server to wait for a client, 10m", 1000, 4294000000, NULL },
	{ "size", PT_CLI_COUNT, AT(size), "N", "bytes of a datagram, or of each write", PT_IPERF_DATAGRAM_MIN,
	  PT_IPERF_BLOCK_MAX, NULL },
	{ "dscp", PT_CLI_COUNT, AT(dscp), "N", "differentiated services code point", 0, 63, NULL },
	{ "window", PT_CLI_TEXT, AT(window), "SIZE", "of socket buffers: 256K, 4M", 0, 0, NULL },
	{ "congestion", PT_CLI_TEXT, AT(congestion), "NAME", "control of TCP: cubic, reno, bbr", 0, 0, NULL },
	{ "allow", PT_CLI_TEXT, AT(allow), "PREFIX[,PREFIX...]", "whom a server talks to, or any", 0, 0, NULL },
	{ "count", PT_CLI_COUNT, AT(count), "N", "tests that a server serves, 1; 0: until it is stopped", 0, UINT32_MAX,
	  NULL },
	{ .name = NULL },
};

struct iperf_command {
	struct pt_cli *c;
	struct iperf_words w;
	struct iperf_show show;
	struct pt_prefix allow[ALLOW_MAX];
	size_t n_allow;
	uint64_t window;
	int stop_fd;
};

/* ---- words ---- */

/* "65536", "64K", "4M": powers of 1024, as iperf3 has them. */
static int read_window(struct iperf_command *k)
{
	static const char units[] = "KMG";
	const char *s = k->w.window, *unit;
	size_t n = s ? strlen(s) : 0;
	unsigned int shift = 0;
	char number[24];

	if (!s)
		return 0;
	unit = n > 1 ? strchr(units, s[n - 1]) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		n--;
	}
	if (n < sizeof(number)) {
		memcpy(number, s, n);
		number[n] = '\0';
		if (!pt_parse_uint(number, PT_IPERF_WINDOW_MAX >> shift, &k->window) && k->window) {
			k->window <<= shift;
			return 0;
		}
	}
	return pt_cli_usage(k->c, "window %s: not a size of 1 to 512M", s);
}

static int add_prefix(struct iperf_command *k, const char *text)
{
	if (k->n_allow + 2 > ALLOW_MAX)
		return pt_cli_usage(k->c, "allow: more than %d prefixes", ALLOW_MAX);
	if (!strcmp(text, "any")) {
		k->allow[k->n_allow++] = (struct pt_prefix){ .addr.af = PT_AF_INET };
		k->allow[k->n_allow++] = (struct pt_prefix){ .addr.af = PT_AF_INET6 };
		return 0;
	}
	if (pt_prefix_parse(text, &k->allow[k->n_allow]))
		return pt_cli_usage(k->c, "allow: '%s' is neither a prefix, nor 'any'", text);
	k->n_allow++;
	return 0;
}

static int read_allow(struct iperf_command *k)
{
	const char *s = k->w.allow;
	int rc = 0;

	if (!s)
		return pt_cli_usage(
			k->c, "a server wants to know whom it may talk to: allow PREFIX[,PREFIX...], or allow any");
	while (!rc) {
		char one[64];
		size_t n = strcspn(s, ",");

		if (n >= sizeof(one))
			return pt_cli_usage(k->c, "allow: '%.20s...' is no prefix", s);
		memcpy(one, s, n);
		one[n] = '\0';
		rc = add_prefix(k, one);
		if (!s[n])
			break;
		s += n + 1;
	}
	return rc;
}

static int check_server(const struct iperf_command *k)
{
	const struct iperf_words *w = &k->w;

	if (w->udp || w->reverse || w->both || w->rate || w->bytes != NOT || w->dscp != NOT || w->window ||
	    w->congestion || w->size)
		return pt_cli_usage(
			k->c,
			"what is tested is the client's: a server has allow, count, for, streams, "
			"interval, port, from and timeout");
	if (w->port < PRIVILEGED)
		return pt_cli_usage(k->c, "port %llu: a server gives its privileges away, and ports below %d need one",
				    (unsigned long long)w->port, PRIVILEGED);
	if (k->c->af != PT_AF_NONE && w->from.af != PT_AF_NONE && w->from.af != k->c->af)
		return pt_cli_usage(k->c, "from: an address of the other family");
	return 0;
}

static int check_client(const struct iperf_command *k)
{
	const struct iperf_words *w = &k->w;

	if (w->allow || w->count != NOT)
		return pt_cli_usage(k->c, "allow and count are a server's: ptdiag iperf server ...");
	if (w->reverse && w->both)
		return pt_cli_usage(k->c, "reverse and bidir exclude each other");
	if (w->bytes != NOT && w->seconds)
		return pt_cli_usage(k->c, "bytes and for exclude each other");
	if (w->udp && w->congestion)
		return pt_cli_usage(k->c, "congestion is of TCP");
	if (w->udp && w->size > PT_IPERF_DATAGRAM_MAX)
		return pt_cli_usage(k->c, "size: a datagram has at most %d bytes", PT_IPERF_DATAGRAM_MAX);
	if (w->congestion && (strlen(w->congestion) >= PT_IPERF_CONGESTION_MAX ||
			      strspn(w->congestion, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(w->congestion)))
		return pt_cli_usage(k->c, "congestion: '%s' is no name of one", w->congestion);
	return 0;
}

/* ---- both roles ---- */

static int status_of(int rc)
{
	static const int no[] = { ECONNREFUSED, EBUSY, EHOSTUNREACH, ENETUNREACH, ECONNRESET,
				  ECONNABORTED, EPROTO, EMSGSIZE, ECANCELED };

	for (size_t i = 0; i < PT_ARRAY_SIZE(no); i++)
		if (rc == -no[i])
			return PT_EXIT_NO;
	return rc == -ETIMEDOUT || rc == -ETIME ? PT_EXIT_TIME : rc;
}

/* Sockets of a server listen by now; new ones are made by anybody. */
static int confine(const struct iperf_command *k)
{
	return k->c->nested ? 0 : pt_sandbox(PT_SANDBOX_DIAL, &k->c->err);
}

static int begin(struct iperf_command *k)
{
	int rc = confine(k);

	if (!rc)
		k->show.o = pt_cli_monitor(k->c, IPERF_SCHEMA, "events");
	return rc ? rc : k->show.o ? 0 : -ENOMEM;
}

static int end(struct iperf_command *k, int rc)
{
	int closed = k->show.o ? pt_cli_end(k->c, k->show.o) : 0;

	if (k->stop_fd >= 0)
		close(k->stop_fd);
	if (rc == -EPIPE)
		rc = 0;
	rc = rc < 0 ? status_of(rc) : rc;
	return rc ? rc : closed;
}

/* ---- the client ---- */

static void take_words(const struct iperf_command *k, struct pt_iperf_test *t)
{
	const struct iperf_words *w = &k->w;

	*t = (struct pt_iperf_test){ .udp = w->udp,
				     .reverse = w->reverse,
				     .both = w->both,
				     .wide = w->udp,
				     .streams = (uint32_t)w->streams,
				     .block = (uint32_t)w->size,
				     .rate = w->rate * 8,
				     .window = k->window };
	if (!t->streams)
		t->streams = 1;
	if (w->udp && !w->rate)
		t->rate = 1000000;
	if (w->bytes != NOT)
		t->bytes = w->bytes;
	else
		t->seconds = w->seconds ? w->seconds : 10;
	if (w->dscp != NOT)
		t->tos = (uint8_t)(w->dscp << 2);
	if (w->congestion)
		memcpy(t->congestion, w->congestion, strlen(w->congestion) + 1);
}

static int run_client(struct iperf_command *k)
{
	const struct pt_iperf_listener l = { iperf_show_begun, iperf_show_interval, iperf_show_ended, &k->show };
	struct pt_iperf_client client = { .from = k->w.from, .port = (uint16_t)k->w.port, .interval = k->w.interval,
					  .timeout = k->w.timeout ? k->w.timeout : 5000000 };
	enum pt_af af = k->w.from.af != PT_AF_NONE ? k->w.from.af : k->c->af;
	int rc = check_client(k);

	if (!rc)
		rc = read_window(k);
	if (rc)
		return rc;
	take_words(k, &client.test);
	rc = pt_probe_host(k->c->argv[0], af, &client.to, &client.zone, &k->c->err);
	if (rc)
		return rc == -ENOENT ? PT_EXIT_NO : rc;
	k->stop_fd = client.stop_fd = pt_cli_signals(k->c);
	if (k->stop_fd < 0)
		return k->stop_fd;
	rc = begin(k);
	return rc ? rc : pt_iperf_client(&client, &l, &k->c->err);
}

/* ---- the server ---- */

static int serve_all(struct iperf_command *k, int fd, const struct pt_iperf_server *s)
{
	const struct pt_iperf_listener l = { iperf_show_begun, iperf_show_interval, iperf_show_ended, &k->show };
	uint64_t wait = k->w.timeout ? k->w.timeout : 600000000, count = k->w.count == NOT ? 1 : k->w.count;
	int rc = 0, worst = 0;

	for (uint64_t i = 0; !count || i < count; i++) {
		rc = pt_iperf_serve(fd, s, wait, &l, &k->c->err);
		if (rc == -ECANCELED && !count)
			return 0; /* which is how it ends */
		/* One test that fails is no reason to leave the others without a server. */
		if (rc == -ETIME || rc == -ECANCELED || rc == -EPIPE || rc == -ENOMEM || rc > 0)
			return rc;
		if (rc) {
			pt_cli_report(k->c, &k->c->err);
			pt_err_fini(&k->c->err);
			k->c->err = (struct pt_err){ 0 };
			worst = rc;
		}
	}
	return worst;
}

static int run_server(struct iperf_command *k)
{
	struct pt_iperf_server s = { .from = k->w.from,
				     .af = k->c->af,
				     .port = (uint16_t)k->w.port,
				     .allow = k->allow,
				     .seconds = k->w.seconds ? k->w.seconds : 60,
				     .streams = k->w.streams ? (uint32_t)k->w.streams : 16,
				     .interval = k->w.interval,
				     .timeout = 5000000 };
	int fd, rc = check_server(k);

	if (!rc)
		rc = read_allow(k);
	if (rc)
		return rc;
	s.n_allow = k->n_allow;
	fd = pt_iperf_listen(&s, &k->c->err);
	if (fd < 0)
		return fd;
	k->stop_fd = s.stop_fd = pt_cli_signals(k->c);
	rc = k->stop_fd < 0 ? k->stop_fd : begin(k);
	if (!rc)
		rc = serve_all(k, fd, &s);
	close(fd);
	return rc;
}

int cmd_iperf(struct pt_cli *c)
{
	struct iperf_command k = {
		.c = c,
		.stop_fd = -1,
		.w = { .bytes = NOT, .dscp = NOT, .count = NOT, .port = PT_IPERF_PORT, .interval = 1000000 }
	};
	int rc = pt_cli_words(c, &k.w);

	if (rc)
		return rc;
	k.show.c = c;
	k.show.server = !strcmp(c->argv[0], "server");
	k.show.port = (uint16_t)k.w.port;
	return end(&k, k.show.server ? run_server(&k) : run_client(&k));
}
