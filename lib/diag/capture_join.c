/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_join - the bytes of one connection of TCP in their order, as the two ends got them.
 *
 * What was sent again is left out where it is known already; what comes early waits for what is missing. When too much
 * waits, or at the end, the missing bytes are told as a gap: they were not captured, or never arrived.
 */
#include <errno.h>
#include <stdlib.h>

#include "diag/capture.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define WAITING 1024              /* segments */
#define WAITING_BYTES (4u << 20)
#define CONNECTIONS 4096          /* that are told apart until the one that is wanted */

struct segment {
	uint32_t seq;
	uint8_t *data;
	size_t n;
	uint64_t time;
};

struct side {
	bool begun, fin, fin_told;
	uint32_t next;     /* sequence number */
	uint32_t fin_at;
	PT_VEC(struct segment) waiting; /* in order of SEQ, as far from NEXT */
	size_t bytes;
};

struct ends {
	struct pt_addr addr[2];
	uint16_t port[2];
	bool closed; /* the same ends may begin anew */
};

struct pt_join {
	uint64_t number;
	int (*on)(const struct pt_joined *j, void *arg);
	void *arg;
	struct pt_join_ends ends;
	struct side sides[2];
	PT_VEC(struct ends) others;
};

struct pt_join *pt_join_new(uint64_t number, int (*on)(const struct pt_joined *j, void *arg), void *arg)
{
	struct pt_join *j = calloc(1, sizeof(*j));

	if (j) {
		j->number = number ? number : 1;
		j->on = on;
		j->arg = arg;
	}
	return j;
}

void pt_join_free(struct pt_join *j)
{
	if (!j)
		return;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < j->sides[k].waiting.n; i++)
			free(j->sides[k].waiting.v[i].data);
		free(j->sides[k].waiting.v);
	}
	free(j->others.v);
	free(j);
}

const struct pt_join_ends *pt_join_ends(const struct pt_join *j)
{
	return &j->ends;
}

/* ---- which one ---- */

static bool is_end(struct pt_addr a, uint16_t port, struct pt_addr b, uint16_t other)
{
	return a.v == b.v && a.af == b.af && port == other;
}

/* 0 or 1, who sent it; -1: it is none of theirs. */
static int side_of(const struct pt_addr addr[2], const uint16_t port[2], const struct pt_seen *s)
{
	for (int k = 0; k < 2; k++)
		if (is_end(addr[k], port[k], s->src, s->sport) && is_end(addr[1 - k], port[1 - k], s->dst, s->dport))
			return k;
	return -1;
}

/* True: this packet begins the connection that is wanted. */
static bool meet(struct pt_join *j, const struct pt_seen *s, int *rc)
{
	bool opens = (s->flags & (SYN | ACK)) == SYN;
	struct ends e = { { s->src, s->dst }, { s->sport, s->dport }, false };

	for (size_t i = j->others.n; i-- > 0;) {
		struct ends *o = &j->others.v[i];

		if (side_of(o->addr, o->port, s) < 0)
			continue;
		if (!o->closed || !opens) {
			o->closed |= (s->flags & (FIN | RST)) != 0;
			return false;
		}
		break;
	}
	if (j->others.n + 1 >= j->number) {
		/* An answer to a SYN that was missed: the other one began. */
		bool answer = (s->flags & (SYN | ACK)) == (SYN | ACK);

		for (int k = 0; k < 2; k++) {
			j->ends.addr[k] = e.addr[answer ? 1 - k : k];
			j->ends.port[k] = e.port[answer ? 1 - k : k];
		}
		j->ends.found = true;
		return true;
	}
	if (j->others.n < CONNECTIONS)
		*rc = pt_vec_push(NULL, &j->others, e);
	return false;
}

/* ---- one side ---- */

static int tell(struct pt_join *j, enum pt_joined_what what, unsigned int side, const uint8_t *p, size_t n,
		uint64_t time)
{
	struct pt_joined t = { what, side, p, n, time };

	return j->on(&t, j->arg);
}

/* How far A is behind B, also around zero. */
static int32_t distance(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* Segment bytes that are due now. */
static int due(struct pt_join *j, unsigned int k, uint32_t seq, const uint8_t *p, size_t n, uint64_t time)
{
	struct side *x = &j->sides[k];
	int32_t old = distance(x->next, seq);

	if (old < 0 || (size_t)old >= n)
		return 0;
	p += old;
	n -= (size_t)old;
	x->next += (uint32_t)n;
	j->ends.bytes[k] += n;
	return tell(j, PT_JOINED_DATA, k, p, n, time);
}

static void drop_first(struct side *x)
{
	x->bytes -= x->waiting.v[0].n;
	free(x->waiting.v[0].data);
	x->waiting.n--;
	memmove(x->waiting.v, x->waiting.v + 1, x->waiting.n * sizeof(*x->waiting.v));
}

static int tell_end(struct pt_join *j, unsigned int k, uint64_t time)
{
	struct side *x = &j->sides[k];

	if (!x->fin || x->fin_told || distance(x->fin_at, x->next) > 0)
		return 0;
	x->fin_told = true;
	j->ends.ended = j->sides[0].fin_told && j->sides[1].fin_told;
	return tell(j, PT_JOINED_FIN, k, NULL, 0, time);
}

/* What waits and is due; with FORCE also the first behind a gap, which is told. */
static int advance(struct pt_join *j, unsigned int k, bool force)
{
	struct side *x = &j->sides[k];
	int rc = 0;

	while (!rc && x->waiting.n) {
		struct segment *s = &x->waiting.v[0];
		int32_t gap = distance(s->seq, x->next);

		if (gap > 0 && !force)
			break;
		if (gap > 0) {
			j->ends.missing[k] += (uint32_t)gap;
			x->next = s->seq;
			rc = tell(j, PT_JOINED_GAP, k, NULL, (size_t)gap, s->time);
			force = false;
		}
		if (!rc)
			rc = due(j, k, s->seq, s->data, s->n, s->time);
		drop_first(x);
	}
	return rc;
}

static int hold(struct pt_join *j, unsigned int k, uint32_t seq, const uint8_t *p, size_t n, uint64_t time)
{
	struct side *x = &j->sides[k];
	struct segment s = { seq, malloc(n), n, time };
	size_t at;
	int rc;

	if (!s.data)
		return -ENOMEM;
	memcpy(s.data, p, n);
	rc = pt_vec_push(NULL, &x->waiting, s);
	if (rc) {
		free(s.data);
		return rc;
	}
	x->bytes += n;
	for (at = x->waiting.n - 1; at && distance(x->waiting.v[at - 1].seq, seq) > 0; at--)
		x->waiting.v[at] = x->waiting.v[at - 1];
	x->waiting.v[at] = s;
	while (!rc && (x->waiting.n > WAITING || x->bytes > WAITING_BYTES))
		rc = advance(j, k, true);
	return rc;
}

static int take_data(struct pt_join *j, unsigned int k, uint32_t seq, const struct pt_seen *s, uint64_t time)
{
	struct side *x = &j->sides[k];
	int32_t from = distance(seq, x->next);
	int rc;

	if (!s->data_length)
		return 0;
	if (from < 0 && distance(seq + s->data_length, x->next) <= 0) {
		j->ends.again[k]++;
		return 0;
	}
	if (!s->data || !s->n_data)
		return 0; /* cut: the next one tells the gap */
	if (from > 0) {
		j->ends.ahead[k]++;
		return hold(j, k, seq, s->data, s->n_data, time);
	}
	j->ends.again[k] += from < 0;
	rc = due(j, k, seq, s->data, s->n_data, time);
	return rc ? rc : advance(j, k, false);
}

int pt_join_add(struct pt_join *j, uint64_t time, const struct pt_seen *s)
{
	uint32_t seq = s->seq;
	struct side *x;
	int rc = 0, k;

	if (!s->has_tcp || !s->src.af || j->ends.ended)
		return 0;
	if (!j->ends.found && !meet(j, s, &rc))
		return rc;
	k = side_of(j->ends.addr, j->ends.port, s);
	if (k < 0)
		return 0;
	x = &j->sides[k];
	if (s->flags & SYN)
		seq++; /* it counts as a byte */
	if (!x->begun) {
		x->begun = true;
		x->next = seq;
		if (s->flags & SYN)
			rc = tell(j, PT_JOINED_OPEN, (unsigned int)k, NULL, 0, time);
	}
	if (!rc)
		rc = take_data(j, (unsigned int)k, seq, s, time);
	if (s->flags & FIN && !x->fin) {
		x->fin = true;
		x->fin_at = seq + s->data_length;
	}
	if (!rc)
		rc = tell_end(j, (unsigned int)k, time);
	if (!rc && s->flags & RST) {
		j->ends.ended = true;
		rc = tell(j, PT_JOINED_RESET, (unsigned int)k, NULL, 0, time);
	}
	return rc;
}

int pt_join_end(struct pt_join *j)
{
	int rc = 0;

	for (unsigned int k = 0; k < 2; k++)
		while (!rc && j->sides[k].waiting.n)
			rc = advance(j, k, true);
	return rc;
}
