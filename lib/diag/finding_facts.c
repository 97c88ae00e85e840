/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the checks look at, read once so that all of them speak of the same moment; and small files of /proc, which are
 * read as untrusted text: a line that is not there is not known, never zero.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag/finding.h"

#define FILE_ENOUGH 65536 /* the longest of them that is read whole */

ssize_t finding_file(const struct finding_look *l, const char *path, char *out, size_t size)
{
	char whole[PATH_MAX];
	size_t n = 0;
	ssize_t got;
	int fd;

	if (snprintf(whole, sizeof(whole), "%s%s", l->o->root ? l->o->root : "", path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while (n + 1 < size) {
		got = read(fd, out + n, size - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	out[n] = '\0';
	return (ssize_t)n;
}

int finding_number(const struct finding_look *l, const char *path, uint64_t *out)
{
	char text[64];
	ssize_t n = finding_file(l, path, text, sizeof(text));

	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	return pt_parse_uint(text, UINT64_MAX, out);
}

static uint64_t number_at(const char *s, int base)
{
	return strtoull(s, NULL, base);
}

bool finding_value(const char *text, const char *word, uint64_t *out)
{
	size_t n = strlen(word);

	for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, word, n) && strchr(" \t:", at[n])) {
			at += n + strspn(at + n, " \t:");
			if (*at < '0' || *at > '9')
				return false;
			*out = number_at(at, 10);
			return true;
		}
	return false;
}

/* ---- counters ---- */

static void count(struct finding_sample *s, enum finding_counter c, uint64_t v)
{
	s->known[c] = true;
	s->v[c] = v;
}

/* "Udp: InDatagrams ...\nUdp: 5 ...": names on one line, numbers on the next one of the same group. */
static bool column(const char *text, const char *group, const char *name, uint64_t *out)
{
	size_t n = strlen(group);
	const char *names = NULL, *line = text;

	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, group, n) != 0)
			continue;
		if (!names) {
			names = line;
			continue;
		}
		while (*names && *names != '\n' && *line && *line != '\n') {
			size_t w = strcspn(names, " \n"), v = strcspn(line, " \n");

			if (w == strlen(name) && !strncmp(names, name, w) && *line >= '0' && *line <= '9') {
				*out = number_at(line, 10);
				return true;
			}
			names += w + (names[w] == ' ');
			line += v + (line[v] == ' ');
		}
		return false;
	}
	return false;
}

static void count_columns(const struct finding_look *l, char *text, struct finding_sample *s)
{
	static const struct {
		const char *path, *group, *name;
		enum finding_counter counter;
	} columns[] = {
		{ "/proc/net/netstat", "TcpExt:", "ListenOverflows", COUNT_LISTEN_OVERFLOWS },
		{ "/proc/net/netstat", "TcpExt:", "ListenDrops", COUNT_LISTEN_DROPS },
		{ "/proc/net/snmp", "Udp:", "RcvbufErrors", COUNT_RCVBUF_ERRORS },
		{ "/proc/net/snmp", "Ip:", "ReasmFails", COUNT_REASM_FAILS },
	};
	static const struct {
		const char *path, *word;
		enum finding_counter counter;
	} values[] = {
		{ "/proc/net/snmp6", "Udp6RcvbufErrors", COUNT_RCVBUF_ERRORS6 },
		{ "/proc/net/snmp6", "Ip6ReasmFails", COUNT_REASM_FAILS6 },
		{ "/proc/vmstat", "oom_kill", COUNT_OOM_KILLS },
	};
	uint64_t v;

	for (size_t i = 0; i < PT_ARRAY_SIZE(columns); i++)
		if (finding_file(l, columns[i].path, text, FILE_ENOUGH) > 0 &&
		    column(text, columns[i].group, columns[i].name, &v))
			count(s, columns[i].counter, v);
	for (size_t i = 0; i < PT_ARRAY_SIZE(values); i++)
		if (finding_file(l, values[i].path, text, FILE_ENOUGH) > 0 && finding_value(text, values[i].word, &v))
			count(s, values[i].counter, v);
}

/* A line a processor: taken, dropped, left for the next round. */
static void count_softnet(const struct finding_look *l, char *text, struct finding_sample *s)
{
	unsigned int taken, dropped, squeezed;
	uint64_t sum = 0, left = 0;
	bool any = false;

	if (finding_file(l, "/proc/net/softnet_stat", text, FILE_ENOUGH) <= 0)
		return;
	for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (sscanf(at, "%8x %8x %8x", &taken, &dropped, &squeezed) == 3) {
			sum += dropped;
			left += squeezed;
			any = true;
		}
	if (any) {
		count(s, COUNT_SOFTNET_DROPPED, sum);
		count(s, COUNT_SOFTNET_SQUEEZED, left);
	}
}

/* A line of names, then one a processor, in hexadecimal: table_fulls is the thirteenth. */
static void count_neighbours(const struct finding_look *l, char *text, struct finding_sample *s)
{
	static const char *const paths[] = { "/proc/net/stat/arp_cache", "/proc/net/stat/ndisc_cache" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(paths); i++) {
		uint64_t sum = 0;

		if (finding_file(l, paths[i], text, FILE_ENOUGH) <= 0 || !strstr(text, "table_fulls"))
			continue;
		for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
			const char *at = line + 1;

			for (int n = 0; n < 12 && *at && *at != '\n'; n++) {
				at += strcspn(at, " \n");
				at += strspn(at, " ");
			}
			sum += number_at(at, 16);
		}
		count(s, i ? COUNT_TABLE_FULLS6 : COUNT_TABLE_FULLS, sum);
	}
}

int finding_take_sample(struct finding_look *l, struct finding_sample *s)
{
	char *text = calloc(1, FILE_ENOUGH);
	struct pt_ct_stats ct;
	int rc;

	if (!text)
		return -ENOMEM;
	count_columns(l, text, s);
	count_softnet(l, text, s);
	count_neighbours(l, text, s);
	free(text);
	if (l->nf && !pt_ct_stats(l->nf, &ct, NULL)) {
		count(s, COUNT_CT_FAILED, ct.insert_failed);
		count(s, COUNT_CT_DROPPED, ct.drop + ct.early_drop);
	}
	rc = pt_links_read(l->route, l->arena, &s->links, l->e);
	return rc;
}

/* ---- routes ---- */

static int take_default(const struct pt_route *r, void *arg)
{
	struct finding_look *l = arg;

	if (r->dst.len || r->type != RTN_UNICAST || r->table == RT_TABLE_LOCAL)
		return 0;
	for (uint32_t i = 0; i < r->n_hops; i++) {
		const struct pt_hop *h = &r->hops[i];
		struct finding_default d = { .via = h->via,
					     .af = r->dst.addr.af,
					     .index = h->index,
					     .table = r->table,
					     .metric = r->metric,
					     .n_hops = r->n_hops,
					     .link = pt_links_index(&l->links, h->index) };

		if (pt_vec_push(l->arena, &l->defaults, d))
			return -ENOMEM;
	}
	return 0;
}

static void forget_defaults(void *arg)
{
	struct finding_look *l = arg;

	l->defaults.n = 0;
}

/* ---- the rest ---- */

static void read_applied(struct finding_look *l)
{
	struct pt_err e = { 0 };
	int rc;

	if (!l->nf) {
		(void)snprintf(l->why_no_plan, sizeof(l->why_no_plan), "needs CAP_NET_ADMIN");
		return;
	}
	rc = pt_plan_applied(l->nf, &l->plan, &e);
	l->has_plan = !rc;
	l->asked_plan = !rc || rc == -ENOENT;
	if (rc)
		(void)snprintf(l->why_no_plan, sizeof(l->why_no_plan), "%s",
			       e.list.n ? e.list.v[0].msg : "no rules are in force");
	pt_err_fini(&e);
}

int finding_facts(struct finding_look *l)
{
	static const struct pt_route_filter all = { 0 };
	char text[4096];
	int rc;

	rc = finding_take_sample(l, &l->before);
	if (!rc)
		rc = pt_addresses_read(l->route, &l->before.links, l->arena, &l->addresses_before, l->e);
	if (!rc && l->o->between)
		rc = l->o->between(l->o->arg);
	if (!rc)
		rc = finding_take_sample(l, &l->after);
	/* Links tell late that they have lost their other end: what counts is the second look. */
	l->links = l->after.links;
	if (!rc)
		rc = pt_addresses_read(l->route, &l->links, l->arena, &l->addresses, l->e);
	if (!rc)
		rc = pt_route_rules_read(l->route, l->arena, &l->rules, l->e);
	if (!rc)
		rc = pt_routes_read(l->route, &all, take_default, forget_defaults, l, l->e);
	if (rc)
		return rc;
	read_applied(l);
	if (finding_file(l, "/etc/resolv.conf", text, sizeof(text)) < 0)
		return 0;
	l->has_dns = true;
	return pt_dns_conf_read(text, l->arena, &l->dns);
}

void finding_facts_fini(struct finding_look *l)
{
	for (size_t i = 0; i < l->targets.n; i++)
		pt_probe_close(l->targets.v[i].probe);
	for (size_t i = 0; i < l->asked.n; i++)
		close(l->asked.v[i].fd);
	if (l->has_plan)
		pt_plan_fini(&l->plan);
	pt_arena_free(l->arena);
}

const struct pt_conf_if *finding_interface(const struct finding_look *l, const char *device)
{
	const struct pt_conf *c = l->has_plan ? l->plan.conf : NULL;

	for (size_t i = 0; c && i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return &c->interfaces.v[i];
	return NULL;
}

const char *finding_device(const struct finding_look *l, uint32_t index)
{
	const struct pt_link *k = pt_links_index(&l->links, index);

	return k ? k->name : "?";
}

void finding_address(struct pt_addr a, char out[64])
{
	struct pt_buf b = { 0 };

	pt_addr_fmt(&b, a);
	(void)snprintf(out, 64, "%s", b.err || !b.s ? "?" : b.s);
	pt_buf_fini(&b);
}
