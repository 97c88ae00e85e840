/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/vendor - the list has tens of thousands of lines and a few are asked for: they are read once, in the order of
 * the file, and only those that were asked for are kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/vendor.h>

#define LIST_MAX ((size_t)32 << 20)
#define NAME_MAX_BYTES 128
#define MADE_UP (1u << 17) /* the bit of locally administered addresses, in a prefix */

static int by_prefix(const void *x, const void *y)
{
	const struct pt_vendor *a = x, *b = y;

	return (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

static struct pt_vendor *find(const struct pt_vendors *v, uint32_t prefix)
{
	const struct pt_vendor key = { .prefix = prefix };

	return v->v.n ? bsearch(&key, v->v.v, v->v.n, sizeof(*v->v.v), by_prefix) : NULL;
}

int pt_vendors_want(struct pt_arena *a, struct pt_vendors *v, uint64_t mac)
{
	const struct pt_vendor one = { .prefix = (uint32_t)(mac >> 24 & 0xffffff) };

	return one.prefix & MADE_UP ? 0 : pt_vec_push(a, &v->v, one);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
		c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				       -1;
}

/* "28-6F-B9", "28:6F:B9", "286FB9" and a space behind it; how many bytes, 0: something else, also longer prefixes. */
static size_t read_prefix(const char *s, size_t n, uint32_t *out)
{
	unsigned int digits = 0;
	size_t i;

	*out = 0;
	for (i = 0; i < n && digits < 6; i++) {
		int d = digit(s[i]);

		if (d < 0 && digits && digits % 2 == 0 && (s[i] == '-' || s[i] == ':') && i + 1 < n &&
		    digit(s[i + 1]) >= 0)
			continue;
		if (d < 0)
			return 0;
		*out = *out << 4 | (uint32_t)d;
		digits++;
	}
	return digits == 6 && i < n && (s[i] == ' ' || s[i] == '\t') ? i : 0;
}

/* What follows is the name, in one list behind "(hex)" and in another behind a short one. */
static char *read_name(struct pt_arena *a, const char *s, size_t n)
{
	static const char hex[] = "(hex)";
	const char *tab;

	while (n && (*s == ' ' || *s == '\t'))
		s++, n--;
	if (n >= sizeof(hex) - 1 && !memcmp(s, hex, sizeof(hex) - 1)) {
		s += sizeof(hex) - 1;
		n -= sizeof(hex) - 1;
	}
	while (n && strchr(" \t\r", s[n - 1]))
		n--;
	tab = memrchr(s, '\t', n);
	if (tab) {
		n -= (size_t)(tab + 1 - s);
		s = tab + 1;
	}
	while (n && *s == ' ')
		s++, n--;
	return pt_arena_strndup(a, s, n < NAME_MAX_BYTES ? n : NAME_MAX_BYTES);
}

int pt_vendors_parse(struct pt_arena *a, struct pt_vendors *v, const char *text, size_t len)
{
	if (v->v.n)
		qsort(v->v.v, v->v.n, sizeof(*v->v.v), by_prefix);
	for (size_t at = 0, n; at < len; at += n + 1) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		struct pt_vendor *found;
		uint32_t prefix;
		size_t head;

		n = end ? (size_t)(end - line) : len - at;
		head = read_prefix(line, n, &prefix);
		found = head ? find(v, prefix) : NULL;
		if (!found || found->name)
			continue;
		found->name = read_name(a, line + head, n - head);
		if (!found->name)
			return -ENOMEM;
		/* Several cards of one maker: all of them. */
		for (struct pt_vendor *x = found; x > v->v.v && x[-1].prefix == prefix; x--)
			x[-1].name = found->name;
		for (struct pt_vendor *x = found; x + 1 < v->v.v + v->v.n && x[1].prefix == prefix; x++)
			x[1].name = found->name;
	}
	return 0;
}

int pt_vendors_read(struct pt_arena *a, struct pt_vendors *v, const char *path, struct pt_err *e)
{
	static const char *const places[] = { "/var/lib/ieee-data/oui.txt", "/usr/share/ieee-data/oui.txt",
					      "/usr/share/nmap/nmap-mac-prefixes", "/usr/share/wireshark/manuf" };
	char *text = NULL;
	size_t len = 0;
	int rc = path ? pt_file_read(path, LIST_MAX, &text, &len, e) : -ENOENT;

	for (size_t i = 0; !path && v->v.n && rc && i < PT_ARRAY_SIZE(places); i++) {
		struct pt_err quiet = { 0 };

		rc = pt_file_read(places[i], LIST_MAX, &text, &len, &quiet);
		pt_err_fini(&quiet);
	}
	if (!rc) {
		rc = pt_vendors_parse(a, v, text, len);
		free(text);
		return rc ? pt_err_sys(e, rc, "reading the makers of network cards") : 0;
	}
	return path ? rc : 0;
}

const char *pt_vendor_of(const struct pt_vendors *v, uint64_t mac)
{
	const struct pt_vendor *found = find(v, (uint32_t)(mac >> 24 & 0xffffff));

	return found ? found->name : NULL;
}
