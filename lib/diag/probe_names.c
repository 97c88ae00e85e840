/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the hosts on the way, asked for while probes go on: the C library would keep us waiting for each. What comes
 * back is what somebody typed into a reverse zone; it is kept as text and escaped by whoever shows it.
 */
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>

#include "diag/probe_internal.h"

#define NAMES_MAX 512
#define SERVERS_MAX 3
#define FILE_SIZE_MAX (1 << 20)
#define TRY_NS 1000000000 /* until the next server is asked */
#define TRIES 2
#define ANSWER_MAX 4096
#define NAME_SIZE 256

struct name {
	struct pt_addr addr;
	char *text;          /* NULL: not known */
	bool done;
	uint16_t id;
	unsigned int tries;
	int64_t until;
};

struct pt_probe_names {
	int fds[SERVERS_MAX];
	nfds_t n_fds;
	PT_VEC(struct name) list;
};

/* ---- files ---- */

/* To be freed; NULL: it cannot be read. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		text = malloc(FILE_SIZE_MAX + 1);
	n = text ? read(fd, text, FILE_SIZE_MAX) : -1;
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static struct name *find(struct pt_probe_names *n, struct pt_addr a)
{
	for (size_t i = 0; i < n->list.n; i++)
		if (n->list.v[i].addr.af == a.af && n->list.v[i].addr.v == a.v)
			return &n->list.v[i];
	return NULL;
}

/* /etc/hosts: the first name behind an address. */
static void take_host(struct pt_probe_names *n, char *line)
{
	char *rest, *address, *name;
	struct name new = { .done = true };

	line[strcspn(line, "#")] = '\0';
	address = strtok_r(line, " \t\r", &rest);
	name = address ? strtok_r(NULL, " \t\r", &rest) : NULL;
	if (!name || strlen(name) >= NAME_SIZE || pt_addr_parse(address, &new.addr) || find(n, new.addr) ||
	    n->list.n >= NAMES_MAX / 2)
		return;
	new.text = strdup(name);
	if (new.text && pt_vec_push(NULL, &n->list, new))
		free(new.text);
}

static void take_server(struct pt_probe_names *n, char *line)
{
	char *rest, *word = strtok_r(line, " \t\r", &rest), *zone;
	struct sockaddr_storage sa;
	struct pt_addr a;
	socklen_t len;
	int fd;

	if (!word || strcmp(word, "nameserver") != 0 || n->n_fds >= SERVERS_MAX)
		return;
	word = strtok_r(NULL, " \t\r", &rest);
	zone = word ? strchr(word, '%') : NULL;
	if (zone)
		*zone = '\0';
	if (!word || pt_addr_parse(word, &a))
		return;
	len = sockaddr_of(a, 53, zone ? if_nametoindex(zone + 1) : 0, &sa);
	fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&sa, len))
		close(fd);
	else
		n->fds[n->n_fds++] = fd;
}

static void each_line(struct pt_probe_names *n, const char *path, void (*take)(struct pt_probe_names *n, char *line))
{
	char *text = read_text(path), *rest, *line;

	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		take(n, line);
	free(text);
}

struct pt_probe_names *pt_probe_names_open(void)
{
	struct pt_probe_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	each_line(n, "/etc/hosts", take_host);
	each_line(n, "/etc/resolv.conf", take_server);
	return n;
}

void pt_probe_names_close(struct pt_probe_names *n)
{
	if (!n)
		return;
	for (nfds_t i = 0; i < n->n_fds; i++)
		close(n->fds[i]);
	for (size_t i = 0; i < n->list.n; i++)
		free(n->list.v[i].text);
	free(n->list.v);
	free(n);
}

/* ---- questions ---- */

/* "1.2.0.192.in-addr.arpa", or nibbles below ip6.arpa */
static void reverse_name(struct pt_addr a, struct pt_buf *b)
{
	uint8_t bytes[16];

	pt_addr_to_bytes(a, bytes);
	for (int i = a.af == PT_AF_INET6 ? 15 : 3; i >= 0; i--) {
		if (a.af == PT_AF_INET6)
			pt_buf_fmt(b, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4u);
		else
			pt_buf_fmt(b, "%u.", bytes[i]);
	}
	pt_buf_str(b, a.af == PT_AF_INET6 ? "ip6.arpa" : "in-addr.arpa");
}

/* One question with recursion wanted (RFC 1035 section 4); the bytes, 0: it does not fit. */
static size_t question(struct pt_addr a, uint16_t id, uint8_t *out, size_t size)
{
	struct pt_buf name = { 0 };
	const uint8_t head[12] = { (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1 }, tail[4] = { 0, ns_t_ptr, 0, ns_c_in };
	int n;

	reverse_name(a, &name);
	n = name.err ? -1 : ns_name_compress(name.s, out + sizeof(head), size - sizeof(head) - 4, NULL, NULL);
	pt_buf_fini(&name);
	if (n < 0)
		return 0;
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head) + n, tail, sizeof(tail));
	return sizeof(head) + (size_t)n + sizeof(tail);
}

static void ask(struct pt_probe_names *n, struct name *who, int64_t now)
{
	uint8_t bytes[NAME_SIZE + 16];
	size_t size;

	if (who->tries >= TRIES * n->n_fds || getrandom(&who->id, sizeof(who->id), GRND_NONBLOCK) != sizeof(who->id)) {
		who->done = true;
		return;
	}
	size = question(who->addr, who->id, bytes, sizeof(bytes));
	if (!size)
		who->done = true;
	else
		(void)send(n->fds[who->tries % n->n_fds], bytes, size, MSG_NOSIGNAL);
	who->tries++;
	who->until = now + TRY_NS;
}

/* ---- answers ---- */

static bool same_question(ns_msg *m, uint16_t id, struct pt_addr a)
{
	struct pt_buf name = { 0 };
	bool same;
	ns_rr rr;

	if (ns_msg_id(*m) != id || !ns_msg_getflag(*m, ns_f_qr) || ns_msg_count(*m, ns_s_qd) != 1 ||
	    ns_parserr(m, ns_s_qd, 0, &rr))
		return false;
	reverse_name(a, &name);
	same = !name.err && ns_rr_type(rr) == ns_t_ptr && !strcasecmp(ns_rr_name(rr), name.s);
	pt_buf_fini(&name);
	return same;
}

int pt_probe_names_parse(const uint8_t *p, size_t n, uint16_t id, struct pt_addr a, char *name, size_t size)
{
	ns_msg m;
	ns_rr rr;

	if (n > 65535 || ns_initparse(p, (int)n, &m) || !same_question(&m, id, a))
		return -EBADMSG;
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr))
			return -EBADMSG;
		if (ns_rr_type(rr) != ns_t_ptr) /* an alias on the way (RFC 2317) */
			continue;
		return ns_name_uncompress(ns_msg_base(m), ns_msg_end(m), ns_rr_rdata(rr), name, size) < 0 ? -EBADMSG :
			name[0] ? 0 :
													    -ENOENT;
	}
	return -ENOENT;
}

static void take_answer(struct pt_probe_names *n, const uint8_t *p, size_t size)
{
	char text[NS_MAXDNAME];

	for (size_t i = 0; i < n->list.n; i++) {
		struct name *who = &n->list.v[i];
		int rc = who->done ? -EBADMSG : pt_probe_names_parse(p, size, who->id, who->addr, text, sizeof(text));

		if (rc == -EBADMSG)
			continue;
		who->done = true;
		who->text = rc ? NULL : strdup(text);
		return;
	}
}

void pt_probe_names_receive(struct pt_probe_names *n)
{
	int64_t now = probe_now(CLOCK_MONOTONIC);
	uint8_t bytes[ANSWER_MAX];

	for (nfds_t k = 0; n && k < n->n_fds; k++)
		for (unsigned int i = 0; i < NAMES_MAX; i++) {
			ssize_t size = recv(n->fds[k], bytes, sizeof(bytes), 0);

			if (size < 0)
				break;
			take_answer(n, bytes, (size_t)size);
		}
	for (size_t i = 0; n && i < n->list.n; i++)
		if (!n->list.v[i].done && now >= n->list.v[i].until)
			ask(n, &n->list.v[i], now);
}

const char *pt_probe_name(struct pt_probe_names *n, struct pt_addr a)
{
	struct name *who = n ? find(n, a) : NULL;
	struct name new = { .addr = a };

	if (who || !n || !n->n_fds || n->list.n >= NAMES_MAX)
		return who ? who->text : NULL;
	ask(n, &new, probe_now(CLOCK_MONOTONIC));
	(void)pt_vec_push(NULL, &n->list, new); /* no memory: no name */
	return NULL;
}

bool pt_probe_name_told(struct pt_probe_names *n, struct pt_addr a)
{
	const struct name *who;

	if (!n || pt_probe_name(n, a))
		return true;
	who = find(n, a);
	return !who || who->done;
}

nfds_t pt_probe_names_fds(const struct pt_probe_names *n, struct pollfd *fds, nfds_t max)
{
	nfds_t k = 0;

	for (; n && k < n->n_fds && k < max; k++)
		fds[k] = (struct pollfd){ .fd = n->fds[k], .events = POLLIN };
	return k;
}
