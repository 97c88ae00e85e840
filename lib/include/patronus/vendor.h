/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vendor - who made a network card: the first three bytes of link addresses, by the list that the IEEE keeps, where this machine has it. */
#ifndef PATRONUS_VENDOR_H
#define PATRONUS_VENDOR_H

#include <patronus/base.h>

struct pt_vendor {
	uint32_t prefix;         /* 24 bits */
	const char *name;        /* any bytes; NULL: not known */
};
struct pt_vendors {
	PT_VEC(struct pt_vendor) v; /* those that are asked for; by prefix once they were looked for */
};

/* Asks for that of MAC, 48 bits. Addresses that somebody made up have none. -ENOMEM or 0. */
PT_API int pt_vendors_want(struct pt_arena *a, struct pt_vendors *v, uint64_t mac) PT_MUST;
/* Looks for them in TEXT: oui.txt of the IEEE, manuf of Wireshark or nmap-mac-prefixes. The first line of a prefix counts. Names are
 * of A. -ENOMEM or 0. */
PT_API int pt_vendors_parse(struct pt_arena *a, struct pt_vendors *v, const char *text, size_t len) PT_MUST;
/* The same in the file PATH, or with NULL in the first one there is in the places where Debian has it; none is no error then. */
PT_API int pt_vendors_read(struct pt_arena *a, struct pt_vendors *v, const char *path, struct pt_err *e) PT_MUST;
PT_API const char *pt_vendor_of(const struct pt_vendors *v, uint64_t mac);

#endif
