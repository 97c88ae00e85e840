/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sending a change, and saying in words what the kernel did not like about it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft/change.h"

/* What an error number of nf_tables means to a person, and what to do about it. */
static const struct refusal_words {
	int code;
	const char *why, *hint;
} words[] = {
	{ EPERM, "this needs the right to change the network", "run it as root, or with CAP_NET_ADMIN" },
	{ ENOENT, "a part of the kernel that it needs is missing",
	  "load the module: `modprobe -a nf_tables nft_ct nft_nat nft_masq nft_redir nft_numgen nft_hash nft_reject_inet nft_log "
	  "nft_fib_inet`" },
	{ EOPNOTSUPP, "this kernel cannot do that here", "compare the kernel's version with the README" },
	{ EAFNOSUPPORT, "the kernel does not have this address family",
	  "IPv6 may be disabled: leave IPv6 out of the rule with \"inet\"" },
	{ ENOMEM, "the kernel is out of memory", "make the tables smaller, or add memory" },
	{ ENOBUFS, "the socket buffer is too small for the change",
	  "raise net.core.wmem_max and net.core.rmem_max" },
	{ EMSGSIZE, "the change is too large for one transaction", "raise net.core.wmem_max" },
	{ ENFILE, "the set is full", "apply again: it will be made larger" },
	{ EBUSY, "it is still in use", "see `nft list ruleset` for what refers to it" },
	{ EEXIST, "it exists already, or overlaps what exists",
	  "another program may be changing the table: apply again" },
	{ ENOTEMPTY, "it overlaps what exists", "another program may be changing the table: apply again" },
	{ EMLINK, "the chains are nested too deeply", "use fewer nested lists" },
	{ ELOOP, "the chains would run in a circle", "this is a fault of Patronus: report it" },
	{ EINVAL, "the kernel holds it to be invalid",
	  "it may be older than the expression used: compare its version with the README" },
	{ EPROTO, "the kernel gave no answer", "look at `ptfw diff`, then apply again" },
};

void nft_refusal(struct pt_err *e, const struct pt_loc *loc, const char *what,
		 const struct pt_nl_refusal *r)
{
	const char *desc = strerrordesc_np(-r->code);
	const struct refusal_words *w = NULL;
	char why[160];

	for (size_t i = 0; i < PT_ARRAY_SIZE(words) && !w; i++)
		w = words[i].code == -r->code ? &words[i] : NULL;
	if (!desc)
		desc = "unknown error";
	if (w)
		snprintf(why, sizeof(why), "%s (%s)", w->why, desc);
	else
		snprintf(why, sizeof(why), "%s", desc);
	pt_err_add(e, PT_ERROR, loc, w ? w->hint : NULL, "the kernel refused to %s: %s%s%s", what,
		   why, r->text[0] ? "; it says: " : "", r->text);
}

int pt_nft_commit(struct pt_nl *nf, struct pt_nft_plan *p, struct pt_err *e)
{
	struct pt_nl_refusal r = { 0 };
	const struct nft_op *op = NULL;
	char what[256] = "take the rules";
	int rc;

	rc = pt_nl_batch_send(nf, p->batch, &r);
	if (!rc || rc == -ERESTART)
		return rc;
	r.code = rc;
	if (r.cookie && r.cookie <= p->ops.n)
		op = &p->ops.v[r.cookie - 1];
	if (op)
		snprintf(what, sizeof(what), "%s the %s %s", op->op, op->kind, op->name);
	nft_refusal(e, op && op->loc.line ? &op->loc : NULL, what, &r);
	return rc;
}
