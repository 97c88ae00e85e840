/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the commands about states: what they all begin with, and how a state is shown. */
#ifndef PTFW_STATE_H
#define PTFW_STATE_H

#include "ptfw.h"

/* ---- state_words.c ---- */

struct states {
	struct pt_cli *c;
	struct sockets s;
	struct pt_plan p;           /* the applied file, for names; conf NULL when there is none */
	struct pt_ct_filter f;
	struct pt_ct_settings settings;
	struct pt_net_routes *routes;
};

/* A word of one command, beside the filters. */
struct state_word {
	const char *name;
	const char *const *values; /* all there are, ends with NULL; NULL: a number or a time */
	int (*set)(struct states *st, const char *value, void *arg); /* a usage error has its record */
};

/* Opens what is needed and reads the arguments; OWN ends with a NULL name, ARG is given to its functions. An exit
 * status or a negative errno; states_end() in any case. */
int states_begin(struct pt_cli *c, struct states *st, const struct state_word *own, void *arg);
void states_end(struct states *st);
/* The place of VALUE among VALUES, shortened or not; -1 with a record that lists them. */
int state_choice(struct states *st, const char *value, const char *const *values);
/* A number up to MAX, or a record and -1. */
int64_t state_number(struct states *st, const char *value, uint64_t max);
/* Says how packets and bytes, or times, are had; the kernel makes them for new states only. */
void state_tell_uncounted(struct states *st, size_t uncounted, size_t all);
int complete_words(struct pt_cli *c, const struct state_word *own, size_t n, void (*word)(const char *w, void *arg),
		   void *arg);

/* ---- state_view.c ---- */

struct state_rule {
	uint32_t id;
	const struct pt_pol_rule *rule;
};
/* States for people and programs. A view of zeros is begun, each state shown, and the view ended, also when it could
 * not be begun; the end answers RC, or what went wrong with the output. */
struct state_view {
	struct pt_cli *c;
	struct pt_out *o;
	PT_VEC(struct state_rule) rules; /* by id */
	struct pt_buf text;              /* of the state that is shown */
	struct pt_buf *line;             /* where text goes; NULL: values are shown */
	struct pt_buf rules_text;        /* the end of a line, of the states that these rules made */
	uint32_t rules_of[2];
	uint64_t now;                    /* nanoseconds since the epoch, for ages */
};
/* POLICY, which names the rules, is borrowed; NULL: none are known. */
int state_view_begin(struct state_view *v, struct pt_cli *c, const struct pt_policy *policy);
int state_view_end(struct state_view *v, int rc);
int show_state(const struct pt_ct_entry *ct, void *view);
/* Their parts, for other views: the rules alone, */
int state_rules_begin(struct state_view *v, const struct pt_policy *policy);
const struct pt_pol_rule *state_rule_of(const struct state_view *v, uint32_t id); /* NULL: not known */
const char *state_rule_name(const struct state_view *v, uint32_t id); /* NULL: not known */
/* one line without its end, "[web, nat]" with a space before it or nothing, an end, */
void state_line(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b);
void state_details(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b); /* another line, begun by its newline */
void state_end_text(struct pt_buf *b, struct pt_addr a, uint16_t port, bool ports);
void state_proto_text(struct pt_buf *b, uint8_t proto);
void state_rules_text(const struct state_view *v, const struct pt_ct_entry *ct, struct pt_buf *b);
/* and the keys of a record. */
void state_keys(struct state_view *v, const struct pt_ct_entry *ct);
/* Seconds since it began; false: the kernel does not tell. */
bool state_age(const struct pt_ct_entry *ct, uint64_t now, uint64_t *seconds);
uint64_t clock_now(int clock); /* CLOCK_*, in nanoseconds */

#endif
