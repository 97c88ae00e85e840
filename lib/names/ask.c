/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asking the DNS for many names at once, for a bounded time.
 *
 * The C library asks for one name after the other and waits seconds for each that does not come; it also keeps the
 * time to live to itself. Here every question has a socket, and with it a port and a number, of its own: who would
 * forge an answer has to guess both (RFC 5452).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "names/internal.h"

#define SERVERS_MAX 3 /* as the C library */
#define FLIGHT_MAX 64 /* questions at once */
#define TRIES_MAX 6
#define TRY_MS 600
#define HOPS_MAX 8    /* aliases that lead to another question */
#define ANSWER_MAX 65535
#define DNS_PORT 53

struct server {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* A question on its way. */
struct flight {
	struct names_question *q; /* NULL: the place is free */
	int fd;
	uint16_t id;
	unsigned int tries, hops;
	bool tcp, sent;
	int64_t until;            /* of this try */
	char name[256];           /* asked for: the question's, or what that is an alias of */
	uint32_t ttl;             /* of the aliases so far */
	uint8_t *in;              /* TCP: what came, with its length before it */
	size_t n_in;
};

struct asking {
	struct server servers[SERVERS_MAX];
	size_t n_servers;
	struct pt_arena *arena;
	struct flight flights[FLIGHT_MAX];
	size_t n_flights;
	uint8_t buf[ANSWER_MAX];
	int rc;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- who is asked ---- */

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0" */
static bool server_of(char *text, uint16_t port, struct server *s)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->addr;
	char *zone = strchr(text, '%');

	memset(s, 0, sizeof(*s));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		s->len = sizeof(*v4);
		return true;
	}
	if (zone)
		*zone = '\0';
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_scope_id = zone ? if_nametoindex(zone + 1) : 0;
	s->len = sizeof(*v6);
	return true;
}

/* resolv.conf(5), of which only the servers matter: names here are whole. */
static int read_servers(struct asking *x, const struct pt_names_source *from)
{
	const char *path = from && from->resolv ? from->resolv : "/etc/resolv.conf";
	uint16_t port = from && from->port ? from->port : DNS_PORT;
	char *text, *rest, *line;
	int rc = names_read(path, &text);

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	for (line = strtok_r(text, "\n", &rest); line && x->n_servers < SERVERS_MAX; line = strtok_r(NULL, "\n", &rest)) {
		char *words, *word = strtok_r(line, " \t\r", &words);

		if (!word || strcmp(word, "nameserver") != 0)
			continue;
		word = strtok_r(NULL, " \t\r", &words);
		if (word && server_of(word, port, &x->servers[x->n_servers]))
			x->n_servers++;
	}
	free(text);
	return 0;
}

/* ---- one question ---- */

static void hang_up(struct flight *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->n_in = 0;
	f->sent = false;
}

static void finish(struct asking *x, struct flight *f, enum pt_name_state state)
{
	hang_up(f);
	free(f->in);
	f->in = NULL;
	f->q->state = state;
	f->q = NULL;
	x->n_flights--;
}

static bool send_query(struct asking *x, struct flight *f)
{
	uint8_t *query = x->buf + 2;
	size_t n = names_query(query, NAMES_QUERY_MAX, f->id, f->name, f->q->af);

	if (!n)
		return false;
	x->buf[0] = (uint8_t)(n >> 8);
	x->buf[1] = (uint8_t)n;
	if (!f->tcp)
		return send(f->fd, query, n, MSG_NOSIGNAL) == (ssize_t)n;
	return send(f->fd, x->buf, n + 2, MSG_NOSIGNAL) == (ssize_t)n + 2;
}

static bool call(struct asking *x, struct flight *f)
{
	const struct server *s = &x->servers[(f->tries - 1) % x->n_servers];
	int type = (f->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (getrandom(&f->id, sizeof(f->id), GRND_NONBLOCK) != sizeof(f->id))
		return false;
	f->fd = socket(s->addr.ss_family, type, 0);
	if (f->fd < 0)
		return false;
	if (connect(f->fd, (const struct sockaddr *)&s->addr, s->len) && errno != EINPROGRESS)
		return false;
	f->until = now_ms() + TRY_MS;
	f->sent = !f->tcp && send_query(x, f);
	return f->tcp || f->sent;
}

/* Asks the next server; after the last try the question has failed. */
static void try_next(struct asking *x, struct flight *f)
{
	f->tcp = false;
	do {
		hang_up(f);
		if (f->tries++ >= TRIES_MAX) {
			finish(x, f, PT_NAME_FAILED);
			return;
		}
	} while (!call(x, f));
}

/* The same server, in a stream: the answer does not fit a datagram. */
static void try_stream(struct asking *x, struct flight *f)
{
	hang_up(f);
	f->tcp = true;
	if (!f->in)
		f->in = malloc(ANSWER_MAX + 2);
	if (!f->in)
		x->rc = -ENOMEM;
	if (!f->in || !call(x, f))
		try_next(x, f);
}

static void begin(struct asking *x, struct names_question *q)
{
	for (size_t i = 0; i < FLIGHT_MAX; i++) {
		struct flight *f = &x->flights[i];

		if (f->q)
			continue;
		memset(f, 0, sizeof(*f));
		f->q = q;
		f->fd = -1;
		f->ttl = UINT32_MAX;
		memcpy(f->name, q->name, strlen(q->name) + 1);
		x->n_flights++;
		try_next(x, f);
		return;
	}
}

/* ---- answers ---- */

static void follow(struct asking *x, struct flight *f, const struct pt_dns_answer *a)
{
	if (++f->hops > HOPS_MAX || !pt_host_name_ok(a->alias)) {
		finish(x, f, PT_NAME_FAILED);
		return;
	}
	memcpy(f->name, a->alias, sizeof(f->name));
	f->ttl = a->ttl < f->ttl ? a->ttl : f->ttl;
	f->tries = 0;
	try_next(x, f);
}

static void take(struct asking *x, struct flight *f, const uint8_t *msg, size_t len)
{
	struct pt_dns_answer a;
	int rc = pt_dns_parse(msg, len, f->id, f->name, f->q->af, x->arena, &a);

	switch (rc) {
	case 0:
		f->q->ttl = a.ttl < f->ttl ? a.ttl : f->ttl;
		f->q->addresses.v = a.addresses.v;
		f->q->addresses.n = a.addresses.n;
		f->q->addresses.cap = a.addresses.cap;
		finish(x, f, a.addresses.n ? PT_NAME_OK : PT_NAME_NONE);
		break;
	case -EXDEV:
		follow(x, f, &a);
		break;
	case -EMSGSIZE:
		if (f->tcp)
			try_next(x, f);
		else
			try_stream(x, f);
		break;
	case -EBADMSG: /* not for us: the answer may still come */
		if (f->tcp)
			try_next(x, f);
		break;
	default:
		x->rc = rc == -ENOMEM ? rc : x->rc;
		try_next(x, f);
	}
}

static void read_datagram(struct asking *x, struct flight *f)
{
	ssize_t n = recv(f->fd, x->buf, sizeof(x->buf), 0);

	if (n >= 0)
		take(x, f, x->buf, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		try_next(x, f); /* nobody listens there */
}

static void read_stream(struct asking *x, struct flight *f)
{
	size_t want = 2;
	ssize_t n;

	n = recv(f->fd, f->in + f->n_in, ANSWER_MAX + 2 - f->n_in, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		try_next(x, f);
		return;
	}
	f->n_in += (size_t)n;
	if (f->n_in >= 2)
		want = 2 + ((size_t)f->in[0] << 8 | f->in[1]);
	if (f->n_in >= 2 && f->n_in >= want)
		take(x, f, f->in + 2, want - 2);
}

static void serve(struct asking *x, struct flight *f, short events)
{
	if (f->tcp && !f->sent) {
		if (!(events & POLLOUT) || !send_query(x, f)) {
			try_next(x, f);
			return;
		}
		f->sent = true;
	} else if (f->tcp) {
		read_stream(x, f);
	} else {
		read_datagram(x, f);
	}
}

/* Waits until something comes or some try is over. */
static void wait_once(struct asking *x, int64_t end)
{
	struct pollfd fds[FLIGHT_MAX];
	struct flight *whose[FLIGHT_MAX];
	int64_t now = now_ms(), first = end;
	nfds_t n = 0;

	for (size_t i = 0; i < FLIGHT_MAX; i++) {
		struct flight *f = &x->flights[i];

		if (!f->q)
			continue;
		if (f->until < first)
			first = f->until;
		whose[n] = f;
		fds[n++] = (struct pollfd){ .fd = f->fd, .events = f->tcp && !f->sent ? POLLOUT : POLLIN };
	}
	if (poll(fds, n, first > now ? (int)(first - now) : 0) < 0 && errno != EINTR) {
		x->rc = -errno;
		return;
	}
	now = now_ms();
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents)
			serve(x, whose[i], fds[i].revents);
		else if (now >= whose[i]->until)
			try_next(x, whose[i]);
	}
}

int names_dns(const struct pt_names_source *from, struct names_question *q, size_t n, int wait_ms, struct pt_arena *a)
{
	struct asking *x = calloc(1, sizeof(*x));
	int64_t end = now_ms() + wait_ms;
	size_t next = 0;
	int rc;

	if (!x)
		return -ENOMEM;
	x->arena = a;
	x->rc = read_servers(x, from);
	while (!x->rc && x->n_servers && now_ms() < end) {
		for (; next < n && x->n_flights < FLIGHT_MAX; next++)
			if (q[next].state == PT_NAME_NEVER)
				begin(x, &q[next]);
		if (!x->n_flights)
			break;
		wait_once(x, end);
	}
	for (size_t i = 0; i < FLIGHT_MAX; i++)
		if (x->flights[i].q)
			finish(x, &x->flights[i], PT_NAME_FAILED);
	rc = x->rc == -ENOMEM ? x->rc : 0;
	free(x);
	return rc;
}
