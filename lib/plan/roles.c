/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules of the file in force speak of which interface: a rule counts once, however often it names one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/roles.h>

#include "plan/internal.h"

struct counter {
	struct pt_roles *roles;
	const struct pt_conf *c;
	PT_VEC(size_t) last;     /* of each interface: number of the rule that named it last, from 1 */
	size_t rule;
};

static bool is_in_group(const struct pt_conf_if *i, const char *name)
{
	for (size_t g = 0; g < i->groups.n; g++)
		if (!strcmp(i->groups.v[g].s, name))
			return true;
	return false;
}

static void name(struct counter *k, const char *word)
{
	for (size_t i = 0; word && i < k->roles->v.n; i++) {
		const struct pt_conf_if *f = &k->c->interfaces.v[i];

		if (k->last.v[i] == k->rule || (strcmp(f->name, word) != 0 && strcmp(f->device, word) != 0 && !is_in_group(f, word)))
			continue;
		k->last.v[i] = k->rule;
		k->roles->v.v[i].rules++;
	}
}

static void name_host(struct counter *k, const struct pt_ast_host *h)
{
	if (h->kind == PT_HOST_IF || h->kind == PT_HOST_NAME)
		name(k, h->name);
}

static void name_hosts(struct counter *k, const struct pt_ast_host *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		name_host(k, &v[i]);
}

/* With the first rule all interfaces are known. */
static int begin(struct counter *k, const struct pt_conf *c)
{
	int rc = 0;

	k->c = c;
	for (size_t i = k->roles->v.n; !rc && i < c->interfaces.n; i++) {
		rc = pt_vec_push(NULL, &k->roles->v, (struct pt_role){ 0 });
		if (!rc)
			rc = pt_vec_push(NULL, &k->last, 0);
	}
	return rc;
}

static int take(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *r)
{
	struct counter *k = arg;
	int rc = begin(k, c);

	(void)index;
	if (rc)
		return rc;
	k->rule++;
	for (size_t i = 0; i < r->ifs.n; i++)
		name(k, r->ifs.v[i].name);
	name_hosts(k, r->src.v, r->src.n);
	name_hosts(k, r->dst.v, r->dst.n);
	name(k, r->when.received.name);
	if (r->nat.kind == PT_NAT_NONE)
		return 0;
	name_host(k, &r->nat.host);
	name_hosts(k, r->nat.more.v, r->nat.more.n);
	return 0;
}

static int read_copy(const struct pt_nft_state *have, struct counter *k, struct pt_err *e)
{
	struct pt_conf_more more;
	struct plan_texts t;
	int rc = plan_store_read(have->digest, &t, e);

	if (rc)
		return rc;
	more = (struct pt_conf_more){ .v = t.more.v, .n = t.more.n };
	rc = pt_conf_parse_more(have->path, t.text, t.len, &more, take, k, &k->roles->conf, e);
	plan_texts_fini(&t);
	for (size_t i = 0; !rc && i < k->roles->conf->anchors.n; i++)
		rc = pt_conf_anchor_rules(k->roles->conf, &k->roles->conf->anchors.v[i], take, k, e);
	return rc ? rc : begin(k, k->roles->conf);
}

int pt_roles_read(struct pt_nl *nf, struct pt_roles *out, struct pt_err *e)
{
	struct counter k = { .roles = out };
	struct pt_nft_state *have = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = pt_nft_read_applied(nf, &have, e);
	if (!rc && !have->digest[0]) {
		pt_err_add(e, PT_ERROR, NULL, "`ptfw apply` or `ptconf apply`", "no file is in force");
		rc = -ENOENT;
	}
	if (!rc)
		rc = read_copy(have, &k, e);
	pt_nft_state_free(have);
	free(k.last.v);
	for (size_t i = 0; !rc && i < out->v.n; i++)
		out->v.v[i].interface = &out->conf->interfaces.v[i];
	if (rc)
		pt_roles_free(out);
	return rc;
}

void pt_roles_free(struct pt_roles *r)
{
	pt_conf_free(r->conf);
	free(r->v.v);
	memset(r, 0, sizeof(*r));
}

const struct pt_role *pt_roles_find(const struct pt_roles *r, const char *device)
{
	for (size_t i = 0; i < r->v.n; i++)
		if (!strcmp(r->v.v[i].interface->device, device))
			return &r->v.v[i];
	return NULL;
}
