/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag activity: the difference of two looks as lines for people and as a record. */
#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"

#define MEBI 1048576.0

static const char *const pressures[] = { "cpu", "memory", "io" };

/* ---- processes ---- */

static int by_busy(const void *x, const void *y)
{
	const struct activity_row *a = x, *b = y;

	if (a->busy != b->busy)
		return a->busy > b->busy ? -1 : 1;
	return (a->p->memory < b->p->memory) - (a->p->memory > b->p->memory);
}

static int by_memory(const void *x, const void *y)
{
	const struct activity_row *a = x, *b = y;

	return (a->p->memory < b->p->memory) - (a->p->memory > b->p->memory);
}

int activity_rank(struct activity *t)
{
	t->rank.n = 0;
	for (size_t i = 0; i < t->now.processes.n; i++) {
		struct activity_row r = { .p = &t->now.processes.v[i] };

		r.busy = t->before.when ? pt_activity_busy(&t->before, &t->now, r.p) : 0;
		if (pt_vec_push(NULL, &t->rank, r))
			return pt_err_sys(&t->c->err, -ENOMEM, "sorting the processes");
	}
	if (t->rank.n)
		qsort(t->rank.v, t->rank.n, sizeof(*t->rank.v), t->w.sort ? by_memory : by_busy);
	return 0;
}

static void user_text(uint32_t uid, struct pt_buf *b)
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		pt_buf_str(b, p->pw_name);
	else
		pt_buf_fmt(b, "%u", uid);
}

/* ---- differences ---- */

static uint64_t since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

/* Thousandths of the time of one processor, or of all. */
static uint64_t share(const struct pt_activity_cpu *before, const struct pt_activity_cpu *now,
		      enum pt_activity_spent what)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PT_SPENTS; i++)
		sum += since(before->spent[i], now->spent[i]);
	return sum ? since(before->spent[what], now->spent[what]) * 1000 / sum : 0;
}

/* One that was switched on meanwhile has no past. */
static const struct pt_activity_cpu *cpu_before(const struct activity *t, const struct pt_activity_cpu *cpu)
{
	static const struct pt_activity_cpu none;

	for (size_t i = 0; i < t->before.cpus.n; i++)
		if (t->before.cpus.v[i].number == cpu->number)
			return &t->before.cpus.v[i];
	return &none;
}

struct rate {
	const struct pt_link *link;
	uint64_t v[8]; /* a second, by the table */
};

static const struct {
	const char *key;
	size_t offset;
} counters[] = {
	{ "rx_packets", offsetof(struct pt_link_counters, rx_packets) },
	{ "rx_bits", offsetof(struct pt_link_counters, rx_bytes) },
	{ "tx_packets", offsetof(struct pt_link_counters, tx_packets) },
	{ "tx_bits", offsetof(struct pt_link_counters, tx_bytes) },
	{ "rx_dropped", offsetof(struct pt_link_counters, rx_dropped) },
	{ "tx_dropped", offsetof(struct pt_link_counters, tx_dropped) },
	{ "rx_errors", offsetof(struct pt_link_counters, rx_errors) },
	{ "tx_errors", offsetof(struct pt_link_counters, tx_errors) },
};

static struct rate rate_of(const struct activity *t, const struct pt_link *l)
{
	const struct pt_link *old = pt_links_index(&t->before.links, l->index);
	double seconds = (double)(t->now.when - t->before.when) / 1e9;
	struct rate r = { .link = l };

	for (size_t i = 0; old && seconds > 0 && i < PT_ARRAY_SIZE(counters); i++) {
		uint64_t a, b;

		memcpy(&a, (const char *)&old->counters + counters[i].offset, sizeof(a));
		memcpy(&b, (const char *)&l->counters + counters[i].offset, sizeof(b));
		r.v[i] = (uint64_t)((double)since(a, b) * (i == 1 || i == 3 ? 8 : 1) / seconds + 0.5);
	}
	return r;
}

/* ---- lines ---- */

/* A terminal of 80 columns has room for all of it: softirq, which is mostly packets, is far to the right. */
static void cpu_head(struct pt_buf *b)
{
	pt_buf_fmt(b, "%-9s", "CPU");
	for (enum pt_activity_spent i = 0; i < PT_SPENTS; i++) {
		pt_buf_fmt(b, "%*s", (int)(8 - strlen(pt_activity_spents[i])), "");
		for (const char *s = pt_activity_spents[i]; *s; s++)
			pt_buf_chr(b, (char)toupper((unsigned char)*s));
	}
	pt_buf_chr(b, '\n');
}

static void cpu_line(const struct pt_activity_cpu *before, const struct pt_activity_cpu *now, const char *name,
		     struct pt_buf *b)
{
	pt_buf_fmt(b, "%-9s", name);
	for (enum pt_activity_spent i = 0; i < PT_SPENTS; i++) {
		uint64_t n = share(before, now, i);

		pt_buf_fmt(b, " %4u.%u%%", (unsigned int)(n / 10), (unsigned int)(n % 10));
	}
	pt_buf_chr(b, '\n');
}

static void machine_lines(const struct activity *t, struct pt_buf *b)
{
	const struct pt_activity *n = &t->now;

	pt_buf_fmt(b, "memory    %.0f MiB, available %.0f MiB, swap %.0f of %.0f MiB\n", (double)n->memory / MEBI,
		   (double)n->memory_available / MEBI, (double)since(n->swap_free, n->swap) / MEBI,
		   (double)n->swap / MEBI);
	pt_buf_fmt(b, "load      %u.%02u %u.%02u %u.%02u\n", n->load[0] / 100, n->load[0] % 100, n->load[1] / 100,
		   n->load[1] % 100, n->load[2] / 100, n->load[2] % 100);
	for (size_t i = 0; i < PT_PRESSURES; i++) {
		const struct pt_activity_pressure *p = &n->pressure[i];

		if (p->known)
			pt_buf_fmt(b, "%s %s %u.%u%% %u.%u%% %u.%u%%", i ? "," : "pressure ", pressures[i],
				   p->some[0] / 100, p->some[0] / 10 % 10, p->some[1] / 100, p->some[1] / 10 % 10,
				   p->some[2] / 100, p->some[2] / 10 % 10);
	}
	if (n->pressure[0].known)
		pt_buf_chr(b, '\n');
	if (n->has_conntrack)
		pt_buf_fmt(b, "states    %llu of %llu\n", (unsigned long long)n->conntrack,
			   (unsigned long long)n->conntrack_max);
	pt_buf_fmt(b, "softnet   dropped %llu, squeezed %llu\n",
		   (unsigned long long)since(t->before.softnet_dropped, n->softnet_dropped),
		   (unsigned long long)since(t->before.softnet_squeezed, n->softnet_squeezed));
}

static void link_lines(const struct activity *t, struct pt_buf *b)
{
	pt_buf_fmt(b, "%-15s %10s %10s %10s %10s %7s %7s\n", "DEVICE", "RX pkt/s", "RX bit/s", "TX pkt/s", "TX bit/s",
		   "DROPS/s", "ERRORS/s");
	for (size_t i = 0; i < t->now.links.v.n; i++) {
		struct rate r = rate_of(t, &t->now.links.v.v[i]);
		struct pt_buf rx = { 0 }, tx = { 0 };

		pt_fmt_rate(&rx, r.v[1] / 8);
		pt_fmt_rate(&tx, r.v[3] / 8);
		pt_escape(b, r.link->name, strlen(r.link->name));
		pt_buf_fmt(b, "%*s %10llu %10s %10llu %10s %7llu %7llu\n", (int)(15 - strlen(r.link->name)), "",
			   (unsigned long long)r.v[0], rx.s ? rx.s : "", (unsigned long long)r.v[2], tx.s ? tx.s : "",
			   (unsigned long long)(r.v[4] + r.v[5]), (unsigned long long)(r.v[6] + r.v[7]));
		pt_buf_fini(&rx);
		pt_buf_fini(&tx);
	}
}

static void process_lines(const struct activity *t, struct pt_buf *b, size_t max)
{
	pt_buf_fmt(b, "%-8s %-10s %7s %11s  %s\n", "PID", "USER", "CPU", "MEMORY", "NAME");
	for (size_t i = 0; i < t->rank.n && i < max; i++) {
		const struct activity_row *r = &t->rank.v[i];
		struct pt_buf user = { 0 };

		user_text(r->p->uid, &user);
		pt_buf_fmt(b, "%-8d %-10s %5u.%u%% %7.1f MiB  ", r->p->pid, user.s ? user.s : "",
			   (unsigned int)(r->busy / 10), (unsigned int)(r->busy % 10), (double)r->p->memory / MEBI);
		pt_escape(b, r->p->name, strlen(r->p->name));
		pt_buf_chr(b, '\n');
		pt_buf_fini(&user);
	}
}

void activity_text(const struct activity *t, struct pt_buf *b, unsigned int rows)
{
	cpu_head(b);
	cpu_line(&t->before.all, &t->now.all, "all", b);
	/* On a screen those of many processors would leave no room. */
	for (size_t i = 0; i < t->now.cpus.n && t->now.cpus.n > 1 && (!rows || t->now.cpus.n * 4 <= rows); i++) {
		char name[16];
		struct pt_buf text = { 0 };

		pt_buf_fmt(&text, "%u", t->now.cpus.v[i].number);
		if (text.s && text.n < sizeof(name)) {
			memcpy(name, text.s, text.n + 1);
			cpu_line(cpu_before(t, &t->now.cpus.v[i]), &t->now.cpus.v[i], name, b);
		}
		pt_buf_fini(&text);
	}
	machine_lines(t, b);
	link_lines(t, b);
	process_lines(t, b, rows && !t->c->argc ? rows : t->w.rows);
}

/* ---- records ---- */

static void show_cpus(struct activity *t)
{
	pt_out_arr(t->o, "cpus");
	for (size_t i = 0; i <= t->now.cpus.n; i++) {
		const struct pt_activity_cpu *now = i ? &t->now.cpus.v[i - 1] : &t->now.all;
		const struct pt_activity_cpu *before = i ? cpu_before(t, now) : &t->before.all;

		pt_out_obj(t->o, NULL);
		if (i)
			pt_out_u64(t->o, "number", now->number);
		else
			pt_out_null(t->o, "number");
		for (enum pt_activity_spent k = 0; k < PT_SPENTS; k++)
			pt_out_decimal(t->o, pt_activity_spents[k], share(before, now, k), 1);
		pt_out_obj_end(t->o);
	}
	pt_out_arr_end(t->o);
}

static void show_machine(struct activity *t)
{
	static const char *const times[] = { "1m", "5m", "15m" }, *const spans[] = { "10s", "60s", "300s" };
	const struct pt_activity *n = &t->now;

	pt_out_obj(t->o, "memory");
	pt_out_u64(t->o, "total", n->memory);
	pt_out_u64(t->o, "available", n->memory_available);
	pt_out_u64(t->o, "swap", n->swap);
	pt_out_u64(t->o, "swap_used", since(n->swap_free, n->swap));
	pt_out_obj_end(t->o);
	pt_out_obj(t->o, "load");
	for (size_t i = 0; i < 3; i++)
		pt_out_decimal(t->o, times[i], n->load[i], 2);
	pt_out_obj_end(t->o);
	pt_out_arr(t->o, "pressure");
	for (size_t i = 0; i < PT_PRESSURES; i++) {
		for (int full = 0; n->pressure[i].known && full < 2; full++) {
			pt_out_obj(t->o, NULL);
			pt_out_str(t->o, "of", pressures[i]);
			pt_out_str(t->o, "who", full ? "full" : "some");
			for (size_t k = 0; k < 3; k++)
				pt_out_decimal(t->o, spans[k], full ? n->pressure[i].full[k] : n->pressure[i].some[k],
					       2);
			pt_out_obj_end(t->o);
		}
	}
	pt_out_arr_end(t->o);
	pt_out_obj(t->o, "states");
	if (n->has_conntrack) {
		pt_out_u64(t->o, "count", n->conntrack);
		pt_out_u64(t->o, "max", n->conntrack_max);
	}
	pt_out_obj_end(t->o);
	pt_out_obj(t->o, "softnet");
	pt_out_u64(t->o, "dropped", since(t->before.softnet_dropped, n->softnet_dropped));
	pt_out_u64(t->o, "squeezed", since(t->before.softnet_squeezed, n->softnet_squeezed));
	pt_out_obj_end(t->o);
}

static void show_links(struct activity *t)
{
	pt_out_arr(t->o, "interfaces");
	for (size_t i = 0; i < t->now.links.v.n; i++) {
		struct rate r = rate_of(t, &t->now.links.v.v[i]);

		pt_out_obj(t->o, NULL);
		pt_out_str(t->o, "device", r.link->name);
		for (size_t k = 0; k < PT_ARRAY_SIZE(counters); k++)
			pt_out_u64(t->o, counters[k].key, r.v[k]);
		pt_out_obj_end(t->o);
	}
	pt_out_arr_end(t->o);
}

static void show_processes(struct activity *t)
{
	pt_out_arr(t->o, "processes");
	for (size_t i = 0; i < t->rank.n && i < t->w.rows; i++) {
		const struct activity_row *r = &t->rank.v[i];
		struct pt_buf user = { 0 };
		char letter[2] = { r->p->state, '\0' };

		user_text(r->p->uid, &user);
		pt_out_fail(t->o, user.err);
		pt_out_obj(t->o, NULL);
		pt_out_u64(t->o, "pid", (uint64_t)r->p->pid);
		pt_out_str(t->o, "name", r->p->name);
		pt_out_str(t->o, "user", user.s);
		pt_out_str(t->o, "state", letter);
		pt_out_decimal(t->o, "cpu", r->busy, 1);
		pt_out_u64(t->o, "memory", r->p->memory);
		pt_out_obj_end(t->o);
		pt_buf_fini(&user);
	}
	pt_out_arr_end(t->o);
}

void activity_show(struct activity *t)
{
	struct pt_buf b = { 0 };

	pt_out_rec(t->o);
	if (t->c->json && t->w.count > 1) /* a line for itself: it says what it is */
		pt_out_str(t->o, "schema", ACTIVITY_EVENT);
	if (pt_out_format(t->o) == PT_OUT_TEXT) {
		activity_text(t, &b, 0);
		pt_out_fail(t->o, b.err);
		if (b.s && b.n) {
			b.s[b.n - 1] = '\0';
			pt_out_text(t->o, b.s);
		}
		pt_buf_fini(&b);
	} else {
		pt_out_decimal(t->o, "seconds", (t->now.when - t->before.when) / 1000000, 3);
		show_cpus(t);
		show_machine(t);
		show_links(t);
		show_processes(t);
	}
	pt_out_rec_end(t->o);
}
