/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of `ptdiag port`. */
#ifndef PTDIAG_PORT_H
#define PTDIAG_PORT_H

#include <patronus/dial.h>

#include "ptdiag.h"

/* port_show.c: one result as a record of O; TEXT: in a format for people as well. */
void port_show(struct pt_out *o, const struct pt_dial *r, const struct pt_dial_want *w);
/* What talking to an open port came to: 0, 3 where TLS does not hold, 5 where nothing was said. */
int port_talk_status(const struct pt_dial *r, const struct pt_dial_want *w, bool unchecked);

#endif
