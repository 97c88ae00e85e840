/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab_log - listens to an nflog group of the namespace where the caller stands. */
#ifndef PATRONUS_TESTS_LAB_LOG_H
#define PATRONUS_TESTS_LAB_LOG_H

#include <stddef.h>
#include <stdint.h>

int lab_log_open(uint16_t group);
/* Everything that has come; IP packets without what is before them. */
void lab_log_drain(int fd, void (*fn)(const char *prefix, const uint8_t *ip, size_t n, void *arg), void *arg);

#endif
