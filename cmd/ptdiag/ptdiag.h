/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptdiag: each file has its commands and the words they take. */
#ifndef PTDIAG_H
#define PTDIAG_H

#include <patronus/cli.h>
#include <patronus/nl.h>

struct pt_tls;

/* capture.c */
extern const struct pt_cli_word capture_words[];
int cmd_capture(struct pt_cli *c);

/* dns.c */
extern const struct pt_cli_word dns_words[];
int cmd_dns(struct pt_cli *c);

/* confine.c: before anything of the network is read. TLS reads certificates, of CA with the rights of the user that
 * names it. */
int diag_confine(struct pt_cli *c, bool tls, const char *ca);

/* port.c */
extern const struct pt_cli_word port_words[];
int cmd_port(struct pt_cli *c);
/* iperf.c */
extern const struct pt_cli_word iperf_words[];
int cmd_iperf(struct pt_cli *c);
/* port_show.c: what TLS says of itself, as the member KEY of a record */
void port_show_tls(struct pt_out *o, const char *key, const struct pt_tls *t);

/* activity.c */
extern const struct pt_cli_word activity_words[];
int cmd_activity(struct pt_cli *c);
/* neighbour.c */
extern const struct pt_cli_word neighbour_words[];
int cmd_neighbour(struct pt_cli *c);
/* socket.c */
extern const struct pt_cli_word socket_words[];
int cmd_socket(struct pt_cli *c);
/* check.c */
extern const struct pt_cli_word finding_words[];
int cmd_check(struct pt_cli *c);
/* why.c */
extern const struct pt_cli_word why_words[];
int cmd_why(struct pt_cli *c);

/* kernel.c: what tells of routes and of rules; NF is NULL where the caller may not have it */
int diag_kernel(struct pt_cli *c, struct pt_nl **nf, struct pt_nl **route);

#endif
