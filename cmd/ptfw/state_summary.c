/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has how many states, and what went through them. */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

#define ROWS 20

struct summary {
	struct states st;
	struct pt_ct_hosts *hosts;
	bool by_target;
	int64_t rows;
	int key; /* enum pt_ct_host_key; -1: bytes where they are counted */
};

/* ---- words ---- */

static const char *const by_values[] = { "source", "destination", NULL };
static const char *const sort_values[] = { "bytes", "packets", "states", "address", NULL };

static int set_by(struct states *st, const char *value, void *arg)
{
	int i = state_choice(st, value, by_values);

	((struct summary *)arg)->by_target = i == 1;
	return i < 0 ? PT_EXIT_CONFIG : 0;
}

static int set_sort(struct states *st, const char *value, void *arg)
{
	struct summary *s = arg;

	s->key = state_choice(st, value, sort_values);
	return s->key < 0 ? PT_EXIT_CONFIG : 0;
}

static int set_rows(struct states *st, const char *value, void *arg)
{
	struct summary *s = arg;

	s->rows = state_number(st, value, UINT32_MAX);
	return s->rows < 0 ? PT_EXIT_CONFIG : 0;
}

static const struct state_word own[] = {
	{ "by", by_values, set_by }, { "sort", sort_values, set_sort }, { "rows", NULL, set_rows }, { NULL, NULL, NULL },
};

int complete_summary(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	return complete_words(c, own, n, word, arg);
}

/* ---- output ---- */

static void number(struct pt_out *o, const char *key, uint64_t n, bool known)
{
	if (known)
		pt_out_u64(o, key, n);
	else
		pt_out_null(o, key);
}

static void show_host(struct pt_out *o, const struct pt_ct_host *h, bool counted)
{
	pt_out_rec(o);
	pt_out_addr(o, "host", h->addr);
	pt_out_u64(o, "states", h->states);
	for (enum pt_ct_kind k = 0; k < PT_CT_KINDS; k++)
		pt_out_u64(o, pt_ct_kind_name(k), h->of[k]);
	number(o, "packets_sent", h->packets[0], counted);
	number(o, "bytes_sent", h->bytes[0], counted);
	number(o, "packets_received", h->packets[1], counted);
	number(o, "bytes_received", h->bytes[1], counted);
	pt_out_rec_end(o);
}

static int print_summary(struct summary *s)
{
	size_t n_hosts, uncounted, rows;
	const struct pt_ct_host *all = pt_ct_hosts_all(s->hosts, &n_hosts, &uncounted), *v;
	struct pt_cli *c = s->st.c;
	bool counted = all->states > uncounted;
	struct pt_out *o;

	if (s->key < 0)
		s->key = counted ? PT_CT_HOST_BYTES : PT_CT_HOST_STATES;
	rows = s->rows && (uint64_t)s->rows < n_hosts ? (size_t)s->rows : n_hosts;
	if (!c->json && !c->line)
		pt_cli_say(c, "%llu state%s of %zu host%s%s\n", (unsigned long long)all->states, pt_plural(all->states),
			   n_hosts, pt_plural(n_hosts), rows < n_hosts ? ", the first of them:" : "");
	o = pt_cli_out(c, PT_OUT_TABLE, "patronus.state-summary.v1", "hosts");
	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "by", by_values[s->by_target]);
	pt_out_top_u64(o, "states", all->states);
	pt_out_top_u64(o, "uncounted", uncounted);
	pt_out_top_u64(o, "hosts_total", n_hosts);
	v = pt_ct_hosts_sorted(s->hosts, (enum pt_ct_host_key)s->key);
	for (size_t i = 0; i < rows; i++)
		show_host(o, &v[i], counted);
	state_tell_uncounted(&s->st, uncounted, all->states);
	return pt_cli_end(c, o);
}

static int add_matching(const struct pt_ct_entry *ct, void *arg)
{
	struct summary *s = arg;

	return pt_ct_match(&s->st.f, ct) ? pt_ct_hosts_add(s->hosts, ct) : 0;
}

int cmd_state_summary(struct pt_cli *c)
{
	struct summary s = { .rows = ROWS, .key = -1 };
	int rc;

	rc = states_begin(c, &s.st, own, &s);
	if (!rc) {
		s.hosts = pt_ct_hosts_new(s.by_target);
		rc = s.hosts ? pt_ct_dump(s.st.s.nf, add_matching, &s, &c->err) : -ENOMEM;
	}
	if (!rc)
		rc = print_summary(&s);
	pt_ct_hosts_free(s.hosts);
	states_end(&s.st);
	return rc;
}
