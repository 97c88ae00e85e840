/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection of TCP as its two ends read it: escaped text, or hexadecimal digits. */
#include <string.h>

#include "capture.h"

static void say(struct capture_run *r, struct pt_buf *b)
{
	pt_out_rec(r->o);
	pt_out_fail(r->o, b->err);
	pt_out_text(r->o, b->s ? b->s : "");
	pt_out_rec_end(r->o);
	pt_buf_fini(b);
}

static void ends_text(const struct capture_run *r, unsigned int from, struct pt_buf *b)
{
	const struct pt_join_ends *e = pt_join_ends(r->join);

	for (unsigned int i = 0; i < 2; i++) {
		unsigned int k = i ? 1 - from : from;
		bool six = e->addr[k].af == PT_AF_INET6;

		pt_buf_str(b, i ? " > " : "");
		pt_buf_str(b, six ? "[" : "");
		pt_addr_fmt(b, e->addr[k]);
		pt_buf_fmt(b, "%s:%u", six ? "]" : "", e->port[k]);
	}
}

/* Lines of it as lines, everything else escaped. */
static void data_text(struct pt_buf *b, const uint8_t *p, size_t n)
{
	while (n) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n, show = end && len && p[len - 1] == '\r' ? len - 1 : len;

		pt_buf_str(b, "  ");
		pt_escape(b, (const char *)p, show);
		if (show != len)
			pt_buf_str(b, "\\r");
		p += len + (end != NULL);
		n -= len + (end != NULL);
		if (n)
			pt_buf_chr(b, '\n');
	}
}

static void key_time(struct capture_run *r, uint64_t time)
{
	struct pt_buf b = { 0 };

	capture_time(&b, time, CAPTURE_UTC);
	pt_out_str(r->o, "time", b.s);
	pt_buf_fini(&b);
}

static const char *const events[] = { [PT_JOINED_DATA] = "data",
				      [PT_JOINED_GAP] = "gap",
				      [PT_JOINED_OPEN] = "open",
				      [PT_JOINED_FIN] = "fin",
				      [PT_JOINED_RESET] = "reset" };

static void show_record(struct capture_run *r, const struct pt_joined *j)
{
	struct pt_buf text = { 0 };

	pt_out_rec(r->o);
	pt_out_str(r->o, "event", events[j->what]);
	key_time(r, j->time);
	pt_out_u64(r->o, "side", j->side);
	if (j->what == PT_JOINED_GAP || j->what == PT_JOINED_DATA)
		pt_out_u64(r->o, "bytes", j->n);
	if (j->what == PT_JOINED_DATA && r->w.hex) {
		for (size_t i = 0; i < j->n; i++)
			pt_buf_fmt(&text, "%02x", j->data[i]);
		pt_out_str(r->o, "hex", text.s);
	} else if (j->what == PT_JOINED_DATA) {
		pt_escape(&text, (const char *)j->data, j->n);
		pt_out_str(r->o, "text", text.s);
	}
	pt_out_fail(r->o, text.err);
	pt_out_rec_end(r->o);
	pt_buf_fini(&text);
}

static void say_event(struct capture_run *r, const struct pt_joined *j)
{
	struct pt_buf b = { 0 };

	if (j->what != PT_JOINED_DATA || !r->said_side || r->side != j->side) {
		ends_text(r, j->side, &b);
		if (j->what == PT_JOINED_GAP)
			pt_buf_fmt(&b, " %zu byte%s missing", j->n, j->n == 1 ? " is" : "s are");
		else if (j->what != PT_JOINED_DATA)
			pt_buf_fmt(&b, " %s", events[j->what]);
		r->said_side = j->what == PT_JOINED_DATA;
		r->side = j->side;
		say(r, &b);
	}
	if (j->what != PT_JOINED_DATA)
		return;
	if (r->w.hex)
		capture_hex(&b, j->data, j->n);
	else
		data_text(&b, j->data, j->n);
	say(r, &b);
}

int capture_stream_on(const struct pt_joined *j, void *arg)
{
	struct capture_run *r = arg;
	struct pt_joined part = *j;

	if (j->what == PT_JOINED_DATA) {
		if (r->stream_bytes >= r->w.limit) {
			r->cut = true;
			return -ECANCELED;
		}
		if (part.n > r->w.limit - r->stream_bytes)
			part.n = (size_t)(r->w.limit - r->stream_bytes);
		r->stream_bytes += part.n;
		r->cut |= part.n < j->n;
	}
	if (pt_out_format(r->o) == PT_OUT_TEXT)
		say_event(r, &part);
	else
		show_record(r, &part);
	return pt_out_failed(r->o);
}

void capture_stream_summary(struct capture_run *r)
{
	const struct pt_join_ends *e = pt_join_ends(r->join);
	struct pt_buf b = { 0 };

	if (pt_out_format(r->o) != PT_OUT_TEXT) {
		pt_out_rec(r->o);
		pt_out_str(r->o, "event", "stream");
		pt_out_bool(r->o, "found", e->found);
		pt_out_bool(r->o, "ended", e->ended);
		pt_out_bool(r->o, "cut", r->cut);
		pt_out_arr(r->o, "sides");
		for (size_t k = 0; e->found && k < 2; k++) {
			pt_out_obj(r->o, NULL);
			pt_out_addr(r->o, "address", e->addr[k]);
			pt_out_u64(r->o, "port", e->port[k]);
			pt_out_u64(r->o, "bytes", e->bytes[k]);
			pt_out_u64(r->o, "again", e->again[k]);
			pt_out_u64(r->o, "out_of_order", e->ahead[k]);
			pt_out_u64(r->o, "missing", e->missing[k]);
			pt_out_obj_end(r->o);
		}
		pt_out_arr_end(r->o);
		pt_out_rec_end(r->o);
		return;
	}
	if (!e->found) {
		pt_buf_fmt(&b, "there is no connection %llu of TCP", (unsigned long long)r->w.number);
		say(r, &b);
		return;
	}
	for (unsigned int k = 0; k < 2; k++) {
		ends_text(r, k, &b);
		pt_buf_fmt(&b, ": %llu byte%s, %llu segment%s sent again, %llu out of order, %llu byte%s missing",
			   (unsigned long long)e->bytes[k], pt_plural(e->bytes[k]), (unsigned long long)e->again[k],
			   pt_plural(e->again[k]), (unsigned long long)e->ahead[k], (unsigned long long)e->missing[k],
			   pt_plural(e->missing[k]));
		say(r, &b);
	}
	if (r->cut)
		pt_buf_fmt(&b, "shown up to %llu byte%s: the word limit", (unsigned long long)r->w.limit,
			   pt_plural(r->w.limit));
	else if (!e->ended)
		pt_buf_str(&b, "its end was not seen");
	else
		return;
	say(r, &b);
}
