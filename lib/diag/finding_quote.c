/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command to run next is there to be pasted into a shell. Names of devices in it are what root, the program of a
 * tunnel or that of a container chose, and Linux takes nearly all bytes: those that a shell would read in its own way
 * stand in quotes.
 */
#include <string.h>

#include "diag/finding.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:@%+-"
#define QUOTED_MAX 80 /* each of 15 bytes may need four */

/* In single quotes, in which a shell reads nothing but their end. */
static size_t quoted(const char *name, char out[QUOTED_MAX])
{
	size_t n = 0;

	out[n++] = '\'';
	for (; *name && n < QUOTED_MAX - 5; name++) {
		if (*name == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *name;
		}
	}
	out[n++] = '\'';
	return n;
}

void finding_quote(const struct pt_links *links, char *next, size_t size)
{
	for (size_t i = 0; i < links->v.n; i++) {
		const char *name = links->v.v[i].name;
		size_t n = strlen(name), q;
		char text[QUOTED_MAX], *at;

		if (!n || strspn(name, PLAIN) == n)
			continue;
		at = strstr(next, name);
		if (!at)
			continue;
		q = quoted(name, text);
		if (strlen(next) - n + q >= size) {
			next[0] = '\0'; /* rather none than one that is cut */
			return;
		}
		memmove(at + q, at + n, strlen(at + n) + 1);
		memcpy(at, text, q);
	}
}
