/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of explain. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "ptfw.h"

struct explain {
	struct pt_cli *c;
	const struct pt_world *world;
	struct pt_out *out;
};

/* explain.c: for programs; R may be NULL */
void explain_put_rule(struct pt_out *o, const struct pt_pol_rule *r);
void explain_put_rule_as(struct pt_out *o, const char *key, const struct pt_pol_rule *r);
void explain_put_packet(struct pt_out *o, const struct pt_world *w, const struct pt_packet *k);
/* explain_tried.c: the rules that were tried, for -d; and what is not known of a packet that rule R asks for. */
int explain_tried(struct explain *x, const struct pt_step *s);
void explain_unknown(const struct pt_pol_rule *r, const struct pt_packet *k, struct pt_buf *out);
/* The rules that ask for what is not known, and may change the judgement S. */
int explain_uncertain(struct explain *x, const struct pt_step *s);

/* explain_text.c: parts of sentences */
/* "192.168.1.1:80", without PORT "192.168.1.1" */
void explain_endpoint(struct pt_addr a, bool port, uint16_t number, struct pt_buf *out);
bool explain_has_ports(const struct pt_packet *k);
void explain_packet(const struct pt_packet *k, struct pt_buf *out);
void explain_nat(const struct pt_world *w, const struct pt_step *s, const struct pt_packet *before, struct pt_buf *out);
void explain_place(const struct pt_pol_rule *r, struct pt_buf *out); /* "FILE:LINE", "built-in" */
void explain_answer(const struct pt_path *p, struct pt_buf *out);
const char *explain_answer_name(enum pt_answer a);
/* The addresses or ports that a translation may choose from; nothing where there is only one. */
void explain_pool(const struct pt_world *w, const struct pt_step *s, struct pt_buf *out);
void explain_ports(const struct pt_world *w, const struct pt_step *s, struct pt_buf *out);
/* What the file calls DEVICE; NULL: nothing, or the same. */
const char *explain_title(const struct pt_world *w, const char *device);

/* explain_lines.c: packets of --file, one a line */
int explain_lines(struct explain *x);

#endif
