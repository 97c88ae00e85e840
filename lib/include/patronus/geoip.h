/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geoip - which addresses are in which country, from a file on disk.
 *
 * The files of Debian's tor-geoipdb (lines "FROM,TO,CC", ends as numbers or addresses), other lists of that form, and
 * MaxMind's MMDB with a country's iso_code in each record.
 */
#ifndef PATRONUS_GEOIP_H
#define PATRONUS_GEOIP_H

#include <patronus/addr.h>

#define PT_GEOIP_FILE "/usr/share/tor/geoip"
#define PT_GEOIP_FILE6 "/usr/share/tor/geoip6"

/* The name of a country by its code of ISO 3166-1; NULL: there is none. */
PT_API const char *pt_geoip_country(const char *code);
/* The code that a wrong one is usually meant for ("UK" for GB), or NULL. */
PT_API const char *pt_geoip_meant(const char *code);

struct pt_geoip_list {
	const char *code;
	struct pt_iset set[2]; /* [0] IPv4, [1] IPv6; normal */
};

/* Fills the sets of N countries from FILE and FILE6 (NULL: FILE knows both families), each read once. Memory grows with
 * what is asked for. -ENOENT and the like with a record; -EINVAL: not such a file; a code that it does not have is a warning. */
PT_API int pt_geoip_load(const char *file, const char *file6, struct pt_geoip_list *lists, size_t n,
			 struct pt_arena *a, struct pt_err *e) PT_MUST;

#endif
