/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ping, trace and mtr have in common: the host, the words of the way, how answers are said. */
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <patronus/sandbox.h>

#include "probe.h"

int probe_prepare(struct pt_cli *c, struct probe_run *r, const struct probe_words *w)
{
	struct pt_probe_options *o = &r->options;
	int rc;

	r->c = c;
	r->stop_fd = -1;
	rc = pt_probe_host(c->argv[0], c->af, &o->to, &o->zone, &c->err);
	if (rc)
		return rc == -ENOENT ? PT_EXIT_NO : rc;
	o->from = w->from;
	o->device = w->on;
	o->tos = w->tos == PROBE_NOT ? -1 : (int)w->tos;
	o->marked = w->mark != PROBE_NOT;
	o->mark = o->marked ? (uint32_t)w->mark : 0;
	/* Names may take long to be found, and can be broken off; from here on a signal ends with what was seen. */
	r->stop_fd = pt_cli_signals(c);
	return r->stop_fd < 0 ? r->stop_fd : 0;
}

int probe_confine(struct probe_run *r)
{
	/* A batch has more lines to run, which open sockets of their own. */
	return r->c->nested ? 0 : pt_sandbox(0, &r->c->err);
}

int probe_finish(struct probe_run *r, int rc)
{
	int end = r->o ? pt_cli_end(r->c, r->o) : 0;

	pt_probe_names_close(r->names);
	if (r->stop_fd >= 0)
		close(r->stop_fd);
	return rc && rc != PT_EXIT_NO ? rc : end ? end : rc;
}

/* ---- numbers ---- */

void probe_ms(struct pt_buf *b, double ns)
{
	double ms = ns / 1e6;

	pt_buf_fmt(b, ms < 10 ? "%.3f" : ms < 1000 ? "%.2f" : "%.0f", ms);
}

void probe_key_ms(struct pt_out *o, const char *key, double ns, bool known)
{
	if (known)
		pt_out_decimal(o, key, (uint64_t)llround(ns / 1e3), 3);
	else
		pt_out_null(o, key);
}

void probe_percent(struct pt_buf *b, double percent)
{
	pt_buf_fmt(b, percent > 0 && percent < 1 ? "%.2f %%" : "%.4g %%", percent);
}

void probe_key_percent(struct pt_out *o, const char *key, double percent)
{
	pt_out_decimal(o, key, (uint64_t)llround(percent * 100), 2);
}

unsigned int probe_columns(void)
{
	struct winsize w = { 0 };

	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col ? w.ws_col : 0;
}

/* ---- who and what ---- */

void probe_who(struct probe_run *r, struct pt_buf *b, struct pt_addr a)
{
	const char *name = pt_probe_name(r->names, a);

	if (name)
		pt_buf_fmt(b, "%s (", name);
	pt_addr_fmt(b, a);
	if (name)
		pt_buf_chr(b, ')');
}

void probe_error(struct pt_buf *b, const struct pt_probe_answer *a)
{
	const char *words = pt_icmp_words(a->from.af, a->type, a->code);

	if (words)
		pt_buf_str(b, words);
	else
		pt_buf_fmt(b, "ICMP type %u code %u", a->type, a->code);
	if (a->mtu)
		pt_buf_fmt(b, ", MTU %u", a->mtu);
}

void probe_key_error(struct pt_out *o, const struct pt_probe_answer *a)
{
	struct pt_buf b = { 0 };

	probe_error(&b, a);
	pt_out_str(o, "error", b.err ? NULL : b.s);
	pt_buf_fini(&b);
	pt_out_u64(o, "icmp_type", a->type);
	pt_out_u64(o, "icmp_code", a->code);
	if (a->mtu)
		pt_out_u64(o, "mtu", a->mtu);
}

void probe_labels(struct pt_buf *b, const struct pt_mpls *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "%sMPLS label %u class %u ttl %u%s", i ? ", " : "", labels[i].label,
			   labels[i].traffic_class, labels[i].ttl, labels[i].bottom ? " bottom" : "");
}

void probe_key_labels(struct pt_out *o, const struct pt_mpls *labels, size_t n)
{
	pt_out_arr(o, "mpls");
	for (size_t i = 0; i < n; i++) {
		pt_out_obj(o, NULL);
		pt_out_u64(o, "label", labels[i].label);
		pt_out_u64(o, "class", labels[i].traffic_class);
		pt_out_u64(o, "ttl", labels[i].ttl);
		pt_out_bool(o, "bottom", labels[i].bottom);
		pt_out_obj_end(o);
	}
	pt_out_arr_end(o);
}

void probe_say(struct pt_out *o, struct pt_buf *b)
{
	pt_out_rec(o);
	pt_out_fail(o, b->err);
	pt_out_text(o, b->s ? b->s : "");
	pt_out_rec_end(o);
	pt_buf_fini(b);
}
