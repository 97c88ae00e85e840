/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of this module. */
#ifndef NAMES_INTERNAL_H
#define NAMES_INTERNAL_H

#include <patronus/names.h>

/* One question: the addresses of NAME in one family. */
struct names_question {
	const char *name; /* as it was asked for */
	enum pt_af af;
	enum pt_name_state state; /* NEVER: no answer yet */
	uint32_t ttl;
	PT_VEC(struct pt_addr) addresses;
};

/* hosts.c: a file of the system's as a string, to be freed */
int names_read(const char *path, char **text);
/* Answers those that /etc/hosts knows. */
int names_hosts(const char *path, struct names_question *q, size_t n, struct pt_arena *a);
#define NAMES_HOSTS_TTL 60 /* the file has none */

/* ask.c: asks the DNS for those of Q without an answer */
int names_dns(const struct pt_names_source *from, struct names_question *q, size_t n, int wait_ms, struct pt_arena *a);

/* answer.c: a question as it goes over the wire; its length, 0: NAME does not fit */
size_t names_query(uint8_t *out, size_t size, uint16_t id, const char *name, enum pt_af af);
#define NAMES_QUERY_MAX 300

/* refresh.c: what a side is after an answer, or none */
int names_take(struct pt_arena *a, struct pt_name_side *s, const struct names_question *q, uint64_t now);

#endif
