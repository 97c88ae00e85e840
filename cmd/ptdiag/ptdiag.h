/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptdiag: each file has its commands and the words they take. */
#ifndef PTDIAG_H
#define PTDIAG_H

#include <patronus/cli.h>

#endif
