/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What went wrong, where in the file, and what was probably meant. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

/* Keywords of pf.conf(5) whose absence must be said by name. */
static const char *const reserved[] = {
	"af-to", "allow-opts", "anchor", "antispoof", "bitmask", "divert-packet", "divert-reply", "divert-to",
	"dup-to", "group", "least-states", "load", "max-mss", "max-pkt-rate", "modulate", "no-df", "no-route",
	"no-sync", "once", "os", "probability", "prio", "queue", "random", "random-id", "rdomain",
	"received-on", "reply-to", "round-robin", "route-to", "rtable", "scrub", "set", "sloppy",
	"source-hash", "sticky-address", "synproxy", "tos", "urpf-failed", "user", "reassemble", "min-ttl",
	"set-tos", "nat", "rdr", "binat", "table", "include", "gateway", "schedule", "geoip", "mac", "limit",
};

bool rule_reserved(const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(reserved); i++)
		if (!strcmp(word, reserved[i]))
			return true;
	return false;
}

struct pt_loc rule_locate(const struct pt_rule_ctx *ctx, uint32_t off, uint32_t len)
{
	if (ctx->locate)
		return ctx->locate(ctx->locate_arg, off, len);
	return (struct pt_loc){ .file = "rule", .line = 1, .col = off + 1, .len = len };
}

static int add_record(const struct pt_rule_ctx *ctx, struct pt_err *e, const char *text, size_t text_len,
		      uint32_t off, uint32_t len, const char *hint, const char *fmt, va_list ap)
{
	struct pt_loc loc = rule_locate(ctx, off, len);
	struct pt_buf msg = { 0 };

	pt_buf_vfmt(&msg, fmt, ap);
	pt_err_add(e, PT_ERROR, &loc, hint, "%s", msg.s ? msg.s : "syntax error");
	pt_buf_fini(&msg);
	if (ctx->source)
		pt_err_source(e, ctx->source, ctx->source_len);
	else
		pt_err_source(e, text, text_len);
	return -EINVAL;
}

int rule_error(const struct pt_rule_ctx *ctx, struct pt_err *e, const char *text, size_t text_len,
	       uint32_t off, uint32_t len, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_record(ctx, e, text, text_len, off, len, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int rule_fail(struct rule_parser *p, const struct rule_tok *t, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_record(p->ctx, p->err, p->text, p->text_len, t->off, t->len, hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int rule_unexpected(struct rule_parser *p, const struct rule_tok *t, const char *wanted,
		    const char *const *words, size_t n)
{
	struct pt_buf hint = { 0 };
	const char *near = NULL;

	if (t->kind == TOK_END)
		return rule_fail(p, t, NULL, "the rule ends where %s is expected", wanted);
	if (t->kind == TOK_WORD && rule_reserved(t->s))
		return rule_fail(p, t, "see patronus-rules(5) for the keywords there are",
				 "'%s' is not available in this version", t->s);
	if (t->kind == TOK_WORD && words)
		near = pt_nearest(t->s, words, n);
	if (near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	rule_fail(p, t, hint.s, "'%s' where %s is expected", t->s, wanted);
	pt_buf_fini(&hint);
	return -EINVAL;
}
