/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `ptfw stop` leaves in the kernel, and what a boot begins with. The base chains stay, so that the next apply changes
 * rules only and no packet slips through between a table removed and a table made.
 */
#include "nft/compile.h"

static int compile(const struct pt_conf *conf, bool open, struct pt_nft_prog **out, struct pt_err *e)
{
	/* No digest: no file is in force. In place of its path stands what is instead. */
	struct pt_nft_source from = { .digest = "", .path = open ? PT_NFT_OPEN : "" };
	struct pt_policy *policy = NULL;
	int rc;

	rc = pt_policy_block(conf, &policy, e);
	from.policy = policy;
	if (!rc)
		rc = nft_compile(&from, open ? NFT_COMPILE_OPEN : NFT_COMPILE_CLOSED, out, e);
	pt_policy_free(policy);
	return rc;
}

int pt_nft_compile_stop(bool open, struct pt_nft_prog **out, struct pt_err *e)
{
	static const char text[] = "";
	struct pt_conf *conf = NULL;
	int rc;

	*out = NULL;
	rc = pt_conf_parse("<stop>", text, 0, &conf, e);
	if (!rc)
		rc = compile(conf, open, out, e);
	pt_conf_free(conf);
	return rc;
}

int pt_nft_compile_block(const struct pt_conf *conf, struct pt_nft_prog **out, struct pt_err *e)
{
	*out = NULL;
	return compile(conf, false, out, e);
}
