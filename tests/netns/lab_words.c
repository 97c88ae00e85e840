/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab_words - see lab_words.h.
 */
#include "netns/lab_words.h"

#define PICK(w, a) ((a)[(w)->rnd((uint32_t)PT_ARRAY_SIZE(a))])

const char lab_words_sections[] =
	"table crowd { persist = true }\n"
	"schedule always { days = { \"mon-sun\" } }\n"
	"schedule past { dates = { \"2020-01-01/2020-12-31\" } }\n";

const uint8_t lab_words_tos[5] = { 0, 0, 0x10, 0xb8, 0xba };

void lab_words_log(struct pt_buf *b, const struct lab_words *w)
{
	static const char *const logs[] = { " log", " log (all)", " log (limit 5/second)", " log (all, limit 1/hour)" };

	pt_buf_str(b, PICK(w, logs));
}

const char *lab_words_source(const struct lab_words *w)
{
	static const char *const in[] = { "no-route", "urpf-failed", "! urpf-failed", "{ urpf-failed, 192.168.1.0/24 }",
					  "{ no-route, <bad> }" };

	return w->dir == 1 && !w->rnd(6) ? PICK(w, in) : NULL;
}

void lab_words_conditions(struct pt_buf *b, const struct lab_words *w)
{
	static const char *const any[] = { " tos lowdelay", " tos ef", " tos 0", " probability 100%", " probability 99.9999999%",
					   " probability 0.0000001%", " limit 1000000/second burst 1000000", " schedule always",
					   " ! schedule past", " schedule past", " ! schedule always", " tos ef schedule always",
					   " tos lowdelay probability 99.9999999%" };
	static const char *const in[] = { " mac 02:00:00:00:01:00", " mac ! 02:00:00:00:01:01",
					  " mac { 02:00:00:00:01:01, 02:00:00:00:02:00 }",
					  " mac ! { 02:00:00:00:01:00, 02:00:00:00:01:02 }",
					  " tos 0 mac 02:00:00:00:02:01", " mac ! 02:00:00:00:01:02 schedule always" };
	static const char *const out[] = { " received-on lan", " ! received-on wan", " received-on inside", " ! received-on inside",
					   " received-on wan tos ef", " user root", " user != root", " user { root, 1000 }",
					   " user > 100", " group root", " user root group 0", " ! received-on dmz user 0:10" };

	if (w->rnd(4))
		return;
	if (w->dir && w->rnd(2))
		pt_buf_str(b, w->dir == 1 ? PICK(w, in) : PICK(w, out));
	else
		pt_buf_str(b, PICK(w, any));
}

void lab_words_states(struct pt_buf *b, const struct lab_words *w)
{
	static const char *const any[] = { "max 1000000, max-src-nodes 60000, max-src-states 1000000", "max 1000000",
					   "max-src-states 1000000, source-track global", "max-src-nodes 60000" };
	static const char *const tcp[] = { "max-src-conn 60000", "max-src-conn-rate 60000/10, overload <crowd> flush global",
					   "max-src-conn 60000, overload <crowd>", "tcp.first 60, tcp.established 3600",
					   "max 1000000, max-src-conn 60000, overload <crowd> flush" };

	pt_buf_fmt(b, " keep state (%s)",
		   w->tcp && w->rnd(2) ? PICK(w, tcp) : w->udp && !w->rnd(4) ? "udp.single 30" : PICK(w, any));
}

void lab_words_set(struct pt_buf *b, const struct lab_words *w)
{
	static const char *const sets[] = { " set tos ef", " set tos 0x20", " set prio 5", " set (prio (2, 6), tos 0)",
					    " set queue bulk", " set queue (bulk, fast) scrub (min-ttl 90)", " scrub (min-ttl 200)",
					    " scrub (no-df, random-id)", " scrub (max-mss 1400, min-ttl 20)" };

	if (w->action != PT_BLOCK && (w->action == PT_MATCH || w->state) && !w->rnd(5))
		pt_buf_str(b, PICK(w, sets));
}
