/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log/comment - the identity of a record as the comment of its packet: words for whoever opens the file in
 * Wireshark, and read back by us.
 *
 *     rule=web action=block dir=in at=/etc/patronus/patronus.conf:12 gen=0123456789abcdef on=wan in=eth0
 *
 * A judgement that is not the kernel's has by=WHO. What another program logged to our group has prefix=TEXT in place of the first four. Spaces, per cent signs and what
 * is not printable ASCII stand as %XX, so that a word ends where it ends.
 */
#include <errno.h>
#include <string.h>

#include <patronus/log.h>

static const char *const actions[] = { [PT_PASS] = "pass", [PT_BLOCK] = "block", [PT_MATCH] = "match" };
static const char *const dirs[] = { [PT_DIR_NONE] = "", [PT_IN] = "in", [PT_OUT] = "out" };

/* ---- writing ---- */

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

static void put_word(struct pt_buf *b, const char *key, const char *value)
{
	if (!*value)
		return;
	if (b->n)
		pt_buf_chr(b, ' ');
	pt_buf_str(b, key);
	pt_buf_chr(b, '=');
	for (const char *s = value; *s; s++)
		if (is_plain((unsigned char)*s))
			pt_buf_chr(b, *s);
		else
			pt_buf_fmt(b, "%%%02X", (unsigned int)(unsigned char)*s);
}

void pt_log_comment(struct pt_buf *b, const struct pt_log_record *r)
{
	put_word(b, r->ours ? "rule" : "prefix", *r->rule ? r->rule : "-");
	if (r->ours) {
		put_word(b, "action", actions[r->action]);
		put_word(b, "dir", dirs[r->dir]);
	}
	if (r->by)
		put_word(b, "by", r->by);
	if (r->ours && r->line && *r->file) {
		put_word(b, "at", r->file);
		pt_buf_chr(b, ':');
		pt_buf_uint(b, r->line);
	}
	put_word(b, "gen", r->generation);
	put_word(b, "on", r->on);
	put_word(b, "in", r->in);
	put_word(b, "out", r->out);
}

/* ---- reading ---- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The N bytes at S with their %XX as bytes; without NULs, which no string of ours has. NULL: no memory. */
static char *unescape(struct pt_arena *a, const char *s, size_t n)
{
	char *text = pt_arena_alloc(a, n + 1), *out = text;

	for (size_t i = 0; text && i < n; i++) {
		int hi = s[i] == '%' && n - i > 2 ? hex_digit(s[i + 1]) : -1;
		int lo = hi < 0 ? -1 : hex_digit(s[i + 2]);

		if (lo < 0) {
			*out++ = s[i];
			continue;
		}
		if (hi || lo)
			*out++ = (char)(hi << 4 | lo);
		i += 2;
	}
	return text;
}

static int word_index(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && *words[i] && !strcmp(words[i], s))
			return (int)i;
	return -1;
}

/* How much of an identity has been read. */
enum { SEEN_RULE = 1, SEEN_PREFIX = 2, SEEN_ACTION = 4, SEEN_DIR = 8 };

static unsigned int take_rule(struct pt_log_record *r, char *value)
{
	r->rule = value;
	return SEEN_RULE;
}

static unsigned int take_prefix(struct pt_log_record *r, char *value)
{
	r->rule = value;
	return SEEN_PREFIX;
}

static unsigned int take_action(struct pt_log_record *r, char *value)
{
	int i = word_index(value, actions, PT_ARRAY_SIZE(actions));

	if (i < 0)
		return 0;
	r->action = (enum pt_action)i;
	return SEEN_ACTION;
}

static unsigned int take_dir(struct pt_log_record *r, char *value)
{
	int i = word_index(value, dirs, PT_ARRAY_SIZE(dirs));

	if (i < 0)
		return 0;
	r->dir = (enum pt_dir)i;
	return SEEN_DIR;
}

static unsigned int take_place(struct pt_log_record *r, char *value)
{
	char *colon = strrchr(value, ':');
	uint64_t line;

	if (colon && colon != value && !pt_parse_uint(colon + 1, UINT32_MAX, &line)) {
		*colon = '\0';
		r->file = value;
		r->line = (uint32_t)line;
	}
	return 0;
}

static unsigned int take_generation(struct pt_log_record *r, char *value)
{
	size_t n = strlen(value);

	if (n < sizeof(r->generation))
		memcpy(r->generation, value, n + 1);
	return 0;
}

static unsigned int take_on(struct pt_log_record *r, char *value)
{
	r->on = value;
	return 0;
}

static unsigned int take_in(struct pt_log_record *r, char *value)
{
	r->in = value;
	return 0;
}

static unsigned int take_out(struct pt_log_record *r, char *value)
{
	r->out = value;
	return 0;
}

static unsigned int take_by(struct pt_log_record *r, char *value)
{
	r->by = value;
	return 0;
}

static const struct {
	const char *key;
	unsigned int (*take)(struct pt_log_record *r, char *value);
} keys[] = {
	{ "rule", take_rule }, { "prefix", take_prefix },  { "action", take_action }, { "dir", take_dir },
	{ "at", take_place },  { "gen", take_generation }, { "on", take_on },         { "in", take_in },
	{ "out", take_out },   { "by", take_by },
};

/* The word of N bytes at S. */
static int take_word(const char *s, size_t n, struct pt_arena *a, struct pt_log_record *r, unsigned int *seen)
{
	const char *equals = memchr(s, '=', n);
	size_t key = equals ? (size_t)(equals - s) : 0;
	char *value;

	for (size_t i = 0; key && i < PT_ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].key) != key || memcmp(keys[i].key, s, key))
			continue;
		value = unescape(a, equals + 1, n - key - 1);
		if (!value)
			return -ENOMEM;
		*seen |= keys[i].take(r, value);
	}
	return 0;
}

int pt_log_comment_parse(const char *s, size_t n, struct pt_arena *a, struct pt_log_record *r)
{
	unsigned int seen = 0;
	size_t at = 0, len;
	int rc = 0;

	r->rule = r->file = r->on = r->in = r->out = "";
	r->generation[0] = '\0';
	r->by = NULL;
	r->ours = false;
	r->line = 0;
	r->action = PT_PASS;
	r->dir = PT_DIR_NONE;
	while (!rc && at < n) {
		const char *space = memchr(s + at, ' ', n - at);

		len = space ? (size_t)(space - s) - at : n - at;
		rc = take_word(s + at, len, a, r, &seen);
		at += len + 1;
	}
	if (rc)
		return rc;
	r->ours = seen == (SEEN_RULE | SEEN_ACTION | SEEN_DIR);
	return r->ours || seen & SEEN_PREFIX ? 0 : -EINVAL;
}
