/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server of the DNS for tests: it says what a file says, and misbehaves where the file wants it. No part of the product.
 *
 *     NAME TTL ADDRESS...     A and AAAA records
 *     NAME cname TTL TARGET   an alias; with what the file knows of the target
 *     NAME only TTL TARGET    an alias without it: the asker has to ask again
 *     NAME rcode N            a failure (2: the server cannot tell, 3: no such name)
 *     NAME silent             no answer
 *     NAME id | name | short | noise | circle   an answer with a wrong number, for another name, cut off
 *                             in the middle, of random bytes; aliases in a circle
 *
 * Names that the file lacks do not exist. Answers that do not fit 512 bytes are cut over UDP, with the flag set.
 */
#ifndef PATRONUS_TESTS_LAB_DNS_H
#define PATRONUS_TESTS_LAB_DNS_H

#include <stdint.h>

/* Serves on 127.0.0.1 until it is ended; the file is read for each question. PORT 0: any. Tells the port on FD, a line. */
void lab_dns_serve(const char *zone, uint16_t port, int fd) __attribute__((noreturn));

#endif
