/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file to what it wants in the kernel, and to the difference from what is there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/history.h>

#include "plan/internal.h"

/* SHA-256 of the bytes: the name under which an applied file is found again. */
void plan_digest(const char *text, size_t len, char out[65])
{
	pt_digest(text, len, out);
}

/* ---- which engine ---- */

/* AUTO, for these rules. */
static int engine_choose(struct pt_plan *p, struct pt_err *e)
{
	struct pt_arena *arena = pt_arena_new();
	struct pt_order order = { 0 };
	int rc = -ENOMEM;

	p->engine_why = NULL;
	if (arena)
		rc = pt_order_build(p->policy, PT_IN, arena, &order);
	p->engine = PT_ENGINE_NFT;
	if (!rc && order.n_const >= PT_PLAN_BPF_MIN) {
		p->engine_why = order.why_not;
		p->engine = order.why_not ? PT_ENGINE_NFT : PT_ENGINE_BPF;
	}
	pt_arena_free(arena);
	return rc ? pt_err_sys(e, rc, "choosing an engine") : 0;
}

static int compile(struct pt_plan *p, struct pt_err *e)
{
	struct pt_nft_source from = { .policy = p->policy, .host = p->host, .path = p->conf->path,
				      .digest = p->digest, .engine = p->engine };

	pt_classifier_free(p->tables);
	p->tables = NULL;
	pt_nft_prog_free(p->prog);
	p->prog = NULL;
	return pt_nft_compile(&from, &p->prog, e);
}

int plan_fall_back(struct pt_plan *p, const char *why, struct pt_err *e)
{
	p->engine = PT_ENGINE_NFT;
	p->engine_why = why;
	return compile(p, e);
}

static int digest_of(struct pt_plan *p, struct pt_err *e)
{
	struct pt_buf list = { 0 };

	if (p->conf->sources.n == 1) {
		plan_digest(p->conf->text, p->conf->len, p->digest);
		return 0;
	}
	if (plan_list_make(p->conf, &list))
		return pt_err_sys(e, -ENOMEM, "listing what is to be applied");
	plan_digest(list.s, list.n, p->digest);
	pt_buf_fini(&list);
	return 0;
}

/* Policy and program of p->conf, with the interface addresses of p->host if known. */
int plan_build(struct pt_plan *p, struct pt_err *e)
{
	int rc = digest_of(p, e);

	if (!rc && !p->policy)
		rc = pt_policy_build(p->conf, &p->policy, e);
	p->engine = p->wanted;
	if (!rc && p->wanted == PT_ENGINE_AUTO)
		rc = engine_choose(p, e);
	if (!rc && p->engine == PT_ENGINE_BPF && p->host)
		rc = plan_tables_begin(p, e);
	return rc ? rc : compile(p, e);
}

/* ---- the kernel ---- */

static int read_kernel(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	int rc = -ESTALE;

	pt_nft_state_free(p->have);
	p->have = plan_ahead_state(p);
	if (p->have)
		rc = pt_nft_read_rest(nf, p->prog, p->have);
	if (rc) {
		pt_nft_state_free(p->have);
		p->have = NULL;
		rc = pt_nft_read_for(nf, p->prog, &p->have, e);
	}
	if (!rc && pt_nft_prog_settle(p->prog, p->have))
		rc = pt_err_sys(e, -ENOMEM, "comparing the rules with those in the kernel");
	return rc;
}

/* Reads the kernel and plans the change from it. */
int plan_observe(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	enum pt_engine before = p->engine;
	int rc;

	pt_nft_plan_free(p->change);
	p->change = NULL;
	rc = read_kernel(p, nf, e);
	if (!rc)
		rc = plan_tables_end(p, e);
	if (!rc && p->engine != before)
		rc = read_kernel(p, nf, e);
	if (!rc)
		rc = pt_nft_diff(p->prog, p->have, &p->change, e);
	if (!rc && !p->offline)
		rc = plan_ingress_observe(p, e);
	return rc;
}

size_t pt_plan_writes(const struct pt_plan *p)
{
	return pt_nft_plan_writes(p->change) + plan_ingress_writes(p->ingress);
}

void pt_plan_walk(const struct pt_plan *p, pt_nft_op_cb cb, void *arg)
{
	pt_nft_plan_walk(p->change, cb, arg);
	plan_ingress_walk(p, cb, arg);
}

/* ---- plans ---- */

int pt_plan_offline(const char *path, enum pt_engine engine, struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->wanted = engine;
	p->offline = true;
	rc = pt_policy_load(path, &p->conf, &p->policy, e);
	if (!rc)
		rc = plan_outside(p, PLAN_ASK_NONE, NULL, e);
	if (!rc)
		rc = plan_build(p, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

int pt_plan_offline_text(const char *name, const char *text, size_t len, enum pt_engine engine, struct pt_plan *p,
			 struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->wanted = engine;
	p->offline = true;
	rc = pt_policy_parse(name, text, len, &p->conf, &p->policy, e);
	if (!rc)
		rc = plan_build(p, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

struct online {
	struct pt_plan *p;
	struct pt_nl *nf;
	struct plan_texts loaded;
};

static int get_loaded(struct pt_conf_more *m, struct pt_err *e)
{
	struct online *o = m->arg;
	int rc = plan_loaded(o->nf, &o->loaded, o->p->loaded_of, e);

	m->v = o->loaded.more.v;
	m->n = o->loaded.more.n;
	return rc;
}

/* The file, and what programs have loaded into anchors. */
static int load_with_anchors(const char *path, struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct online o = { .p = p, .nf = nf };
	struct pt_conf_more more = { .get = get_loaded, .arg = &o, .files = strcmp(path, "-") != 0 };
	char *text = NULL;
	size_t len;
	int rc;

	rc = pt_file_read(path, PT_FILE_MAX, &text, &len, e);
	if (!rc)
		rc = pt_policy_parse_more(name, text, len, &more, &p->conf, &p->policy, e);
	plan_texts_fini(&o.loaded);
	free(text);
	return rc;
}

static int observe_all(struct pt_plan *p, enum plan_ask ask, struct pt_nl *nf, struct pt_nl *route, struct pt_err *e)
{
	int rc;

	rc = pt_net_read(route, &p->host, e);
	if (!rc)
		rc = plan_outside(p, ask, NULL, e);
	if (!rc)
		rc = plan_build(p, e);
	return rc ? rc : plan_observe(p, nf, e);
}

int pt_plan_online(const char *path, enum pt_engine engine, bool soon, struct pt_nl *nf, struct pt_nl *route,
		   struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->wanted = engine;
	if (soon && (engine == PT_ENGINE_AUTO || engine == PT_ENGINE_BPF))
		p->ahead = plan_ahead_start(path);
	rc = load_with_anchors(path, p, nf, e);
	if (!rc)
		rc = observe_all(p, PLAN_ASK_DUE, nf, route, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

/* The texts of T, and what programs have loaded into anchors. */
static int parse_with_anchors(const struct pt_texts *t, struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct plan_texts loaded;
	struct pt_conf_more more;
	int rc;

	rc = plan_loaded(nf, &loaded, p->loaded_of, e);
	for (size_t i = 0; !rc && i < t->more.n; i++)
		rc = pt_vec_push(NULL, &loaded.more, t->more.v[i]);
	if (rc == -ENOMEM)
		(void)pt_err_sys(e, rc, "reading %s", t->name);
	more = (struct pt_conf_more){ .v = loaded.more.v, .n = loaded.more.n, .kept = t->tables.v, .n_kept = t->tables.n };
	if (!rc)
		rc = pt_policy_parse_more(t->name, t->text, t->len, &more, &p->conf, &p->policy, e);
	plan_texts_fini(&loaded);
	return rc;
}

int pt_plan_online_texts(const struct pt_texts *t, enum pt_engine engine, bool again, struct pt_nl *nf, struct pt_nl *route,
			 struct pt_plan *p, struct pt_err *e)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->wanted = engine;
	rc = parse_with_anchors(t, p, nf, e);
	if (!rc)
		rc = observe_all(p, again ? PLAN_ASK_READ : PLAN_ASK_DUE, nf, route, e);
	if (rc)
		pt_plan_fini(p);
	return rc;
}

void pt_plan_fini(struct pt_plan *p)
{
	plan_ahead_free(p->ahead);
	plan_tables_free(p->tables_work);
	pt_nft_plan_free(p->change);
	pt_nft_state_free(p->have);
	plan_ingress_free(p->ingress);
	pt_classifier_free(p->tables);
	pt_nft_prog_free(p->prog);
	pt_policy_free(p->policy);
	pt_host_free(p->host);
	pt_conf_free(p->conf);
	memset(p, 0, sizeof(*p));
}
