/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checks that the schema names: is this one value a possible one?
 *
 * Names end in kernel calls, in nftables' user data and on terminals, so each kind
 * has a small alphabet of its own and a length that the kernel can hold.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>

#include "conf/internal.h"

#define HOST_NAME_LEN 64 /* HOST_NAME_MAX of Linux */
#define DESCRIPTION_LEN 255
#define MACRO_NAME_LEN 31
#define PATH_LEN 4095

/* Words that mean something where a rule can name an interface, a group or a table. */
static const char *const rule_words[] = {
	"af-to", "all", "allow-opts", "anchor", "antispoof", "any",
	"binat-to", "bitmask", "block", "code", "divert-packet", "divert-reply",
	"divert-to", "drop", "dup-to", "fastroute", "flags", "fragment",
	"from", "gateway", "geoip", "group", "icmp-type", "icmp6-type",
	"in", "include", "inet", "inet6", "keep", "label",
	"limit", "log", "mac", "match", "max-pkt-rate", "modulate",
	"nat-to", "no", "no-route", "on", "once", "os",
	"out", "pass", "port", "prio", "probability", "proto",
	"queue", "quick", "random", "rdomain", "rdr-to", "received-on",
	"reply-to", "return", "return-icmp", "return-icmp6", "return-rst", "round-robin",
	"route-to", "rtable", "schedule", "scrub", "self", "set",
	"source-hash", "state", "static-port", "sticky-address", "synproxy", "tag",
	"tagged", "to", "tos", "urpf-failed", "user", "weight",
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* Only letters, digits and the characters of MORE. */
static bool has_charset(const char *s, const char *more)
{
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr(more, *s))
			return false;
	return true;
}

static bool is_rule_word(const char *s)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(rule_words); i++)
		if (!strcmp(rule_words[i], s))
			return true;
	return false;
}

/* A long or strange name is not repeated in the message: the caret shows it. */
static int refuse_name(const char *what, const char *s, const char *hint, const char *why,
		       const struct pt_loc *loc, struct pt_err *e)
{
	if (*s && strlen(s) <= 64 && has_charset(s, "_.-/:;@+ "))
		pt_err_add(e, PT_ERROR, loc, hint, "\"%s\" is not a valid %s: %s", s, what, why);
	else
		pt_err_add(e, PT_ERROR, loc, hint, "this is not a valid %s: %s", what, why);
	return -EINVAL;
}

static int check_name(const char *what, const char *s, const char *more, size_t max,
		      const char *hint, const struct pt_loc *loc, struct pt_err *e)
{
	if (!*s)
		return refuse_name(what, s, hint, "it is empty", loc, e);
	if (strlen(s) > max)
		return refuse_name(what, s, hint, "it is too long", loc, e);
	if (!is_letter(*s))
		return refuse_name(what, s, hint, "it does not begin with a letter", loc, e);
	if (!has_charset(s, more))
		return refuse_name(what, s, hint, "it has a character that names do not have", loc,
				   e);
	return 0;
}

static int check_rule_name(const char *what, const char *s, size_t max, const char *hint,
			   const struct pt_loc *loc, struct pt_err *e)
{
	int rc = check_name(what, s, "_.-", max, hint, loc, e);

	if (!rc && is_rule_word(s))
		rc = refuse_name(what, s, "choose another name",
				 "it is a word of the rule language", loc, e);
	return rc;
}

static const char if_hint[] = "1 to 15 letters, digits, '_', '.' and '-', a letter first";

int conf_check_interface(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_rule_name("interface name", s, IFNAMSIZ - 1, if_hint, loc, e);
}

int conf_check_group(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_rule_name("group name", s, IFNAMSIZ - 1, if_hint, loc, e);
}

int conf_check_block_policy(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	if (!strcmp(s, "drop") || !strcmp(s, "return"))
		return 0;
	return refuse_name("block-policy", s, "drop or return", "there are only two", loc, e);
}

int conf_check_table(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	static const char hint[] = "1 to 31 letters, digits, '_', '.' and '-', a letter first";
	int rc = check_rule_name("table name", s, PT_TABLE_NAME_MAX, hint, loc, e);

	if (!rc && !pt_table_name_ok(s))
		rc = refuse_name("table name", s, hint, "rules cannot name it", loc, e);
	return rc;
}

int conf_check_anchor(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	const char *bad = pt_anchor_path_bad(s, false);

	if (!bad)
		return 0;
	return refuse_name("anchor name", s, "letters, digits, '_', '.' and '-', a letter or digit first, at most 31; "
			   "'/' between names", bad, loc, e);
}

int conf_check_macro_like(const char *what, const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_rule_name(what, s, MACRO_NAME_LEN, "1 to 31 letters, digits, '_', '.' and '-', a letter first", loc, e);
}

int conf_check_test(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_name("test name", s, "_.-", MACRO_NAME_LEN, "1 to 31 letters, digits, '_', '.' and '-', a letter first",
			  loc, e);
}

int conf_check_host(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_name("name of a host", s, "_.-", MACRO_NAME_LEN, "1 to 31 letters, digits, '_', '.' and '-', a letter first",
			  loc, e);
}

int conf_check_macro(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return check_name("macro name", s, "_", MACRO_NAME_LEN,
			  "1 to 31 letters, digits and '_', a letter first", loc, e);
}

/* The kernel takes more, but '%' makes it count, ':' is an alias, and the rest is for shells to
 * trip over. */
int conf_check_device(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	static const char hint[] =
		"1 to 15 letters, digits, '_', '.' and '-'; `ip link` lists the names";

	if (!*s)
		return refuse_name("device name", s, hint, "it is empty", loc, e);
	if (strlen(s) >= IFNAMSIZ)
		return refuse_name("device name", s, hint, "the kernel takes 15 bytes at most", loc,
				   e);
	if (!is_alnum(*s) && *s != '_')
		return refuse_name("device name", s, hint, "it begins with a strange character",
				   loc, e);
	if (!has_charset(s, "_.-"))
		return refuse_name("device name", s, hint,
				   "it has a character that names do not have", loc, e);
	return 0;
}

static int refuse_empty(const char *what, const struct pt_loc *loc, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, loc, "give it a value or remove the line", "the %s is empty", what);
	return -EINVAL;
}

int conf_check_macro_text(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return s[strspn(s, " \t\n")] ? 0 : refuse_empty("macro's value", loc, e);
}

int conf_check_rule(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	return s[strspn(s, " \t\n")] ? 0 : refuse_empty("rule", loc, e);
}

int conf_check_path(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	if (!*s)
		return refuse_empty("path", loc, e);
	if (strlen(s) <= PATH_LEN && !strchr(s, '\n') && strcmp(s, "-") != 0)
		return 0;
	pt_err_add(e, PT_ERROR, loc, "name a regular file", "this is not the path of a file");
	return -EINVAL;
}

int conf_check_country(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	if (strlen(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z')
		return 0;
	return refuse_name("code of a country", s, "two capital letters, as in DE", "ISO 3166-1 has none like it", loc, e);
}

int conf_check_host_name(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	static const char hint[] =
		"1 to 64 letters, digits, '-' and '.', a letter or digit first and last";
	size_t n = strlen(s);

	if (!n || n > HOST_NAME_LEN)
		return refuse_name("host name", s, hint, n ? "it is too long" : "it is empty", loc,
				   e);
	if (!is_alnum(s[0]) || !is_alnum(s[n - 1]) || !has_charset(s, "-.") || strstr(s, ".."))
		return refuse_name("host name", s, hint,
				   "it has a character that does not belong there", loc, e);
	return 0;
}

int conf_check_description(const char *s, const struct pt_loc *loc, struct pt_err *e)
{
	if (strlen(s) <= DESCRIPTION_LEN && !strpbrk(s, "\n\t"))
		return 0;
	pt_err_add(e, PT_ERROR, loc,
		   "one line of up to 255 bytes; comments of the file can be longer",
		   "the description is too long or has line ends in it");
	return -EINVAL;
}

int conf_parse_bool(const char *s)
{
	static const char *const yes[] = { "true", "on", "yes" }, *const no[] = { "false", "off",
										  "no" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(s, yes[i]))
			return 1;
		if (!strcasecmp(s, no[i]))
			return 0;
	}
	return -1;
}
