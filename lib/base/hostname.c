/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of hosts, as people write them where an address could stand: RFC 1123 section 2.1 with the underscore that
 * the DNS is full of. A name has a dot, so that it is never taken for an interface; its last label begins with a
 * letter, so that a mistyped address is never taken for a name.
 */
#include <string.h>

#include <patronus/addr.h>

#define NAME_MAX_LEN 253 /* RFC 1035 section 2.3.4, without the final dot */
#define LABEL_MAX_LEN 63

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool label_ok(const char *s, size_t n)
{
	if (!n || n > LABEL_MAX_LEN || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_letter(s[i]) && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-' && s[i] != '_')
			return false;
	return true;
}

bool pt_host_name_ok(const char *s)
{
	size_t len = strlen(s), n;
	const char *label;

	if (!strchr(s, '.'))
		return false;
	if (s[len - 1] == '.')
		len--;
	if (!len || len > NAME_MAX_LEN)
		return false;
	for (label = s;; label += n + 1) {
		n = strcspn(label, ".");
		if (!label_ok(label, n))
			return false;
		if (label + n >= s + len)
			break;
	}
	return is_letter(*label);
}

bool pt_host_name_wild(const char *s)
{
	const char *last = strrchr(s, '.');

	return last && strchr(s, '*') && is_letter(last[1]) && !strpbrk(s, "/:");
}

char *pt_host_name_plain(struct pt_arena *a, const char *s)
{
	char *out = pt_arena_strdup(a, s);
	size_t n = strlen(s);

	if (!out)
		return NULL;
	if (n && out[n - 1] == '.')
		out[n - 1] = '\0';
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	return out;
}
