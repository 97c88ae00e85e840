/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What writer and readers of the store know of its files. */
#ifndef LOG_STORE_H
#define LOG_STORE_H

#include <patronus/log.h>

#define STORE_LOCK "filter.lock"

struct store_name {
	char s[sizeof(PT_LOG_FILE) + 12];
};
/* Of the file number I, 0 the newest. */
struct store_name store_name(unsigned int i);

#endif
