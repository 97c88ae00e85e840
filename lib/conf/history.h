/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the history. */
#ifndef CONF_HISTORY_H
#define CONF_HISTORY_H

#include <patronus/history.h>
#include <patronus/record.h>

#define HISTORY_META "patronus revision 1"
#define HISTORY_END "patronus end 1"

/* STATE/history/000012SUFFIX; -ENAMETOOLONG. */
int history_path(const char *state, uint32_t number, const char *suffix, char *out, size_t size);
/* "2026-11-21T16:30:00Z" */
void history_when(uint64_t time, char out[40]);
/* pt_revision_read(), with or without the files of its tables. */
int revision_read(const char *state, uint32_t number, bool tables, struct pt_texts *out, struct pt_err *e);
/* The number that no file in the folder has yet. */
int history_next(const char *state, uint32_t *out, struct pt_err *e);

#endif
