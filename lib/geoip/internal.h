/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the readers of the two formats. */
#ifndef GEOIP_INTERNAL_H
#define GEOIP_INTERNAL_H

#include <patronus/geoip.h>

struct geoip_reader {
	struct pt_geoip_list *lists;
	size_t n;
	struct pt_arena *arena;
	struct pt_err *e;
	const char *path;
	bool seen[2];          /* there are addresses of this family, of whatever country */
	uint16_t place[26][26]; /* of a code: index + 1 into the lists, 0: not asked for */
};

/* The list of CODE (two bytes), NULL: nobody asked for it. */
struct pt_geoip_list *geoip_list(const struct geoip_reader *r, const char *code);

/* csv.c */
int geoip_csv(struct geoip_reader *r, const char *text, size_t len) PT_MUST;
/* mmdb.c */
bool geoip_is_mmdb(const void *data, size_t len);
int geoip_mmdb(struct geoip_reader *r, const uint8_t *data, size_t len) PT_MUST;

#endif
