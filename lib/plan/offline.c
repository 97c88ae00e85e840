/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file to what it wants in the kernel, and to the difference from what is there. */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "plan/internal.h"

/* SHA-256 of the bytes: the name under which an applied file is found again. */
int plan_digest(const char *text, size_t len, char out[65], struct pt_err *e)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	size_t n = 0;

	if (!EVP_Q_digest(NULL, "SHA256", NULL, text, len, md, &n) || n != 32)
		return pt_err_sys(e, -ENOMEM, "computing the digest of the configuration");
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[md[i] >> 4];
		out[2 * i + 1] = hex[md[i] & 15];
	}
	out[64] = '\0';
	return 0;
}

/* Policy and program of p->conf, with the interface addresses of p->host if known. */
int plan_build(struct pt_plan *p, struct pt_err *e)
{
	struct pt_nft_source from = { .host = p->host, .path = p->conf->path, .digest = p->digest,
				      .engine = PT_ENGINE_LINEAR };
	int rc;

	rc = plan_digest(p->conf->text, p->conf->len, p->digest, e);
	if (!rc && !p->policy)
		rc = pt_policy_build(p->conf, &p->policy, e);
	from.policy = p->policy;
	if (!rc)
		rc = pt_nft_compile(&from, &p->prog, e);
	return rc;
}

/* Reads the kernel and plans the change from it. */
int plan_observe(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	int rc;

	pt_nft_plan_free(p->change);
	p->change = NULL;
	pt_nft_state_free(p->have);
	p->have = NULL;
	rc = pt_nft_read_for(nf, p->prog, &p->have, e);
	if (!rc)
		rc = pt_nft_diff(p->prog, p->have, &p->change, e);
	return rc;
}

int pt_plan_offline(const char *path, struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	rc = pt_conf_load(path, &p->conf, e);
	if (!rc)
		rc = plan_build(p, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

int pt_plan_online(const char *path, struct pt_nl *nf, struct pt_nl *route, struct pt_plan *p,
		   struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	rc = pt_conf_load(path, &p->conf, e);
	if (!rc)
		rc = pt_net_read(route, &p->host, e);
	if (!rc)
		rc = plan_build(p, e);
	if (!rc)
		rc = plan_observe(p, nf, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

void pt_plan_fini(struct pt_plan *p)
{
	pt_nft_plan_free(p->change);
	pt_nft_state_free(p->have);
	pt_nft_prog_free(p->prog);
	pt_policy_free(p->policy);
	pt_host_free(p->host);
	pt_conf_free(p->conf);
	memset(p, 0, sizeof(*p));
}
