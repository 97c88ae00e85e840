/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One record of the log: a line for people, keys for programs, a block for Wireshark. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "state.h"

#define PCAP_WAIT (64u << 10)

void log_time(struct pt_buf *b, uint64_t ns, bool utc)
{
	time_t t = (time_t)(ns / 1000000000);
	char text[40] = "";
	struct tm tm;

	if (utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm))
		(void)strftime(text, sizeof(text), utc ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	pt_buf_fmt(b, "%s.%06u%s", text, (unsigned int)(ns / 1000 % 1000000), utc ? "Z" : "");
}

const char *log_action(const struct pt_log_record *r)
{
	static const char *const words[] = { [PT_PASS] = "pass", [PT_BLOCK] = "block", [PT_MATCH] = "match" };

	return r->ours ? words[r->action] : "other";
}

const char *log_dir(enum pt_dir dir)
{
	return dir == PT_IN ? "in" : dir == PT_OUT ? "out" : NULL;
}

/* ---- for people ---- */

static void devices_text(struct pt_buf *b, const struct pt_log_record *r)
{
	bool out = r->ours ? r->dir == PT_OUT : !*r->in;
	const char *judged = out ? r->out : r->in, *other = out ? r->in : r->out;

	if (r->ours)
		pt_buf_fmt(b, " %s", log_dir(r->dir));
	if (*judged)
		pt_buf_fmt(b, " on %s", judged);
	if (*other)
		pt_buf_fmt(b, " %s %s", out ? "from" : "to", other);
}

/* As pf has them. */
static void flags_text(struct pt_buf *b, uint8_t flags)
{
	static const char letters[] = "FSRPAUEW";

	if (!flags)
		pt_buf_chr(b, '.');
	for (size_t i = 0; i < 8; i++)
		if (flags & 1u << i)
			pt_buf_chr(b, letters[i]);
}

static void icmp_text(struct pt_buf *b, const struct pt_log_packet *p)
{
	const char *type = pt_icmp_type_name(p->src.af, p->icmp_type);
	const char *code = pt_icmp_code_name(p->src.af, p->icmp_type, p->icmp_code);

	if (type)
		pt_buf_fmt(b, " %s", type);
	else
		pt_buf_fmt(b, " type %u", p->icmp_type);
	if (code)
		pt_buf_fmt(b, " code %s", code);
	else if (p->icmp_code)
		pt_buf_fmt(b, " code %u", p->icmp_code);
}

static void packet_text(struct pt_buf *b, const struct pt_log_packet *p)
{
	if (!p->src.af) {
		pt_buf_str(b, " not IP");
		return;
	}
	pt_buf_chr(b, ' ');
	if (p->has_proto)
		state_proto_text(b, p->proto);
	else
		pt_buf_str(b, p->src.af == PT_AF_INET6 ? "inet6" : "inet");
	pt_buf_chr(b, ' ');
	state_end_text(b, p->src, p->sport, p->has_ports);
	pt_buf_str(b, " -> ");
	state_end_text(b, p->dst, p->dport, p->has_ports);
	if (p->has_flags) {
		pt_buf_chr(b, ' ');
		flags_text(b, p->flags);
	}
	if (p->has_icmp)
		icmp_text(b, p);
	if (p->fragment)
		pt_buf_str(b, " fragment");
}

static void show_line(struct log_view *v, const struct pt_log_record *r)
{
	static const enum pt_out_tone tones[] = { [PT_PASS] = PT_OUT_GOOD, [PT_BLOCK] = PT_OUT_BAD, [PT_MATCH] = PT_OUT_NOTE };
	const char *action = log_action(r);
	struct pt_buf *b = &v->text;
	size_t at;

	b->n = 0;
	log_time(b, r->time, false);
	pt_buf_chr(b, ' ');
	at = b->n;
	pt_buf_str(b, action);
	devices_text(b, r);
	packet_text(b, &r->packet);
	pt_buf_fmt(b, " len %u [%s]", r->size, r->rule);
	if (r->line)
		pt_buf_fmt(b, " %s:%u", r->file, r->line);
	pt_out_fail(v->o, b->err);
	if (!b->err)
		pt_out_text_toned(v->o, b->s, at, strlen(action), r->ours ? tones[r->action] : PT_OUT_NOTE);
}

static void show_lost(struct log_view *v, uint64_t lost)
{
	v->text.n = 0;
	pt_buf_fmt(&v->text, "-- %llu packet%s lost --", (unsigned long long)lost, pt_plural(lost));
	pt_out_fail(v->o, v->text.err);
	if (!v->text.err)
		pt_out_text_toned(v->o, v->text.s, 0, v->text.n, PT_OUT_NOTE);
}

/* ---- for programs ---- */

static void key_or_null(struct pt_out *o, const char *key, const char *s)
{
	pt_out_str(o, key, s && *s ? s : NULL);
}

static void number_or_null(struct pt_out *o, const char *key, bool has, uint64_t v)
{
	if (has)
		pt_out_u64(o, key, v);
	else
		pt_out_null(o, key);
}

static void packet_keys(struct pt_out *o, const struct pt_log_packet *p)
{
	struct pt_buf text = { 0 };

	if (p->has_proto)
		state_proto_text(&text, p->proto);
	show_key(o, "proto", &text);
	pt_out_addr(o, "src", p->src);
	pt_out_addr(o, "dst", p->dst);
	number_or_null(o, "sport", p->has_ports, p->sport);
	number_or_null(o, "dport", p->has_ports, p->dport);
	if (p->has_flags)
		flags_text(&text, p->flags);
	show_key(o, "flags", &text);
	number_or_null(o, "icmp_type", p->has_icmp, p->icmp_type);
	number_or_null(o, "icmp_code", p->has_icmp, p->icmp_code);
	pt_out_bool(o, "fragment", p->fragment);
	number_or_null(o, "hops", p->src.af, p->hops);
}

static void show_keys(struct log_view *v, const struct pt_log_record *r)
{
	struct pt_buf time = { 0 };

	if (v->monitor)
		pt_out_str(v->o, "schema", "patronus.log-record.v1");
	log_time(&time, r->time, true);
	show_key(v->o, "time", &time);
	pt_out_str(v->o, "action", log_action(r));
	pt_out_str(v->o, "direction", r->ours ? log_dir(r->dir) : NULL);
	pt_out_str(v->o, "rule", r->ours ? r->rule : NULL);
	pt_out_str(v->o, "prefix", r->ours ? NULL : r->rule);
	key_or_null(v->o, "file", r->file);
	number_or_null(v->o, "line", r->line, r->line);
	key_or_null(v->o, "generation", r->generation);
	key_or_null(v->o, "interface", r->on);
	key_or_null(v->o, "in", r->in);
	key_or_null(v->o, "out", r->out);
	packet_keys(v->o, &r->packet);
	pt_out_u64(v->o, "length", r->size);
	pt_out_u64(v->o, "lost", r->lost);
}

/* ---- for Wireshark ---- */

static int write_pcap(struct log_view *v)
{
	size_t done = 0;
	ssize_t n;

	if (v->text.err)
		return pt_err_sys(&v->c->err, v->text.err, "writing %s", v->c->pcap);
	while (done < v->text.n) {
		n = write(v->fd, v->text.s + done, v->text.n - done);
		if (n < 0)
			return errno == EINTR ? -ECANCELED : errno == EPIPE ? -EPIPE : pt_err_sys(&v->c->err, -errno, "writing %s", v->c->pcap);
		done += (size_t)n;
	}
	v->text.n = 0;
	return 0;
}

static int begin_pcap(struct log_view *v)
{
	const char *path = v->c->pcap;

	v->fd = STDOUT_FILENO;
	if (strcmp(path, "-") != 0)
		v->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (v->fd < 0)
		return pt_err_sys(&v->c->err, -errno, "opening %s", path);
	if (v->fd == STDOUT_FILENO && isatty(v->fd))
		return pt_cli_usage(v->c, "standard output is a terminal: a pcapng file is not for reading there");
	return 0;
}

/* ---- the view ---- */

int log_view_begin(struct log_view *v, struct pt_cli *c, bool monitor)
{
	v->c = c;
	v->fd = -1;
	v->monitor = monitor && c->json;
	if (c->pcap)
		return begin_pcap(v);
	v->o = monitor ? pt_cli_monitor(c, "patronus.log-record.v1", "records") :
			 pt_cli_out(c, PT_OUT_TEXT, "patronus.log.v1", "records");
	return v->o ? 0 : -ENOMEM;
}

/* A signal that came while nobody read. */
static int output_rc(int rc)
{
	return rc == -EINTR ? -ECANCELED : rc;
}

int log_view_show(struct log_view *v, const struct pt_log_record *r)
{
	v->shown++;
	v->lost += r->lost;
	if (!v->o) {
		pt_pcapng_add(&v->pcap, &v->text, r);
		return v->text.err || v->text.n > PCAP_WAIT ? write_pcap(v) : 0;
	}
	if (r->lost)
		show_lost(v, r->lost);
	pt_out_rec(v->o);
	if (pt_out_format(v->o) == PT_OUT_TEXT)
		show_line(v, r);
	else
		show_keys(v, r);
	pt_out_rec_end(v->o);
	return output_rc(pt_out_failed(v->o));
}

int log_view_flush(struct log_view *v)
{
	if (v->o)
		return output_rc(pt_out_flush(v->o));
	return v->text.n ? write_pcap(v) : 0;
}

int log_view_end(struct log_view *v, int rc)
{
	bool stopped = rc == -EPIPE || rc == -ECANCELED; /* the reader has seen enough, or somebody else has */
	int end = 0;

	if (v->o && stopped)
		(void)pt_out_end(v->o);
	else if (v->o)
		end = pt_cli_end(v->c, v->o);
	else if (v->fd >= 0 && !rc)
		end = write_pcap(v);
	if (v->fd > STDOUT_FILENO && close(v->fd) && !end)
		end = pt_err_sys(&v->c->err, -errno, "writing %s", v->c->pcap);
	pt_pcapng_fini(&v->pcap);
	pt_buf_fini(&v->text);
	if (stopped)
		return 0;
	return rc ? rc : end == -EPIPE || end == -ECANCELED ? 0 : end;
}
