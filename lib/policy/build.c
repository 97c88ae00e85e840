/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Syntax trees into the IR: names resolved, lists merged or expanded, defaults made explicit. Every rule is
 * looked at even when an earlier one is wrong, so that one run reports all errors.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

int policy_fail(struct policy_builder *b, const struct pt_loc *loc, const char *hint, const char *fmt, ...)
{
	struct pt_buf msg = { 0 };
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&msg, fmt, ap);
	va_end(ap);
	pt_err_add(b->err, PT_ERROR, loc, hint, "%s", msg.s ? msg.s : "error");
	pt_conf_show_source(b->conf, loc, b->err);
	pt_buf_fini(&msg);
	b->failed = true;
	return -EINVAL;
}

/* A constant side holds nothing of families that the rule is not for, and all addresses are `any`. */
static void normal_side(struct pt_pol_addr *a, uint8_t af)
{
	bool all;

	if (a->kind != PT_REF_SET)
		return;
	if (!(af & PT_AF_INET))
		a->v4.n = 0;
	if (!(af & PT_AF_INET6))
		a->v6.n = 0;
	all = (!(af & PT_AF_INET) || pt_iset_covers(&a->v4, 0, pt_af_max(PT_AF_INET))) &&
	      (!(af & PT_AF_INET6) || pt_iset_covers(&a->v6, 0, pt_af_max(PT_AF_INET6)));
	if (all)
		memset(a, 0, sizeof(*a)); /* PT_REF_ANY */
}

int policy_emit(struct policy_builder *b, const struct pt_pol_rule *r)
{
	b->made++;
	return b->anchor ? policy_emit_anchored(b, r) : policy_push(b, r);
}

int policy_push(struct policy_builder *b, const struct pt_pol_rule *r)
{
	struct pt_pol_rule copy = *r;
	int rc;

	if (b->p->rules.n >= PT_POL_RULES_MAX) {
		b->full = true;
		return policy_fail(b, &b->ast->loc, "put addresses and tables of long lists into one table",
				   "more than %d rules, after lists are written out", PT_POL_RULES_MAX);
	}
	normal_side(&copy.src, copy.af);
	normal_side(&copy.dst, copy.af);
	copy.index = (uint32_t)b->p->rules.n;
	rc = policy_keep(b, &copy);
	return rc ? rc : pt_vec_push(b->arena, &b->p->rules, copy);
}

/* ---- the parts that all IR rules of one written rule share ---- */

static int tag_number(struct policy_builder *b, const char *name, const struct pt_loc *loc, uint8_t *out)
{
	size_t i;
	int rc = 0;

	*out = 0;
	if (!name)
		return 0;
	for (i = 0; i < b->p->tags.n; i++)
		if (!strcmp(b->p->tags.v[i], name))
			break;
	if (i == PT_TAGS_MAX)
		return policy_fail(b, loc, NULL, "more than %d different tags", PT_TAGS_MAX);
	if (i == b->p->tags.n) {
		name = pt_arena_strdup(b->arena, name);
		rc = name ? pt_vec_push(b->arena, &b->p->tags, name) : -ENOMEM;
	}
	*out = (uint8_t)(i + 1);
	return rc;
}

#define UNREACH_PORT 3  /* ICMP code, RFC 792 */
#define UNREACH_PORT6 4 /* ICMPv6 code, RFC 4443 section 3.1 */

static void set_return(const struct policy_builder *b, struct pt_pol_rule *r)
{
	const struct pt_ast_rule *a = b->ast;

	r->ret = a->ret;
	if (a->action == PT_BLOCK && !a->ret_explicit && b->conf->block_return)
		r->ret = PT_RET_RETURN;
	r->code4 = r->code6 = -1;
	if (r->ret != PT_RET_RETURN && r->ret != PT_RET_ICMP)
		return;
	r->code6 = a->code6 >= 0 ? a->code6 : UNREACH_PORT6;
	if (!a->ret_icmp6_only)
		r->code4 = a->code4 >= 0 ? a->code4 : UNREACH_PORT;
}

int policy_set_base(struct policy_builder *b, uint32_t index)
{
	const struct pt_ast_rule *a = b->ast;
	struct pt_pol_rule *r = &b->base;
	int rc;

	memset(r, 0, sizeof(*r));
	r->ast = index;
	if (index != PT_POL_BUILTIN)
		r->loc = a->loc;
	r->anchor = b->anchor ? b->anchor->path : NULL;
	r->action = a->action;
	r->quick = a->quick;
	r->log = a->log;
	r->log_limit = a->log_limit;
	r->keep_state = a->action == PT_PASS && a->state != PT_STATE_NO;
	r->log_all = a->log_all && r->keep_state; /* without a state every packet is judged, and logged, anyway */
	r->af = a->af == PT_AF_NONE ? PT_AF_BOTH : (uint8_t)a->af;
	r->tagged_neg = a->tagged_neg;
	set_return(b, r);
	rc = a->action == PT_ANCHOR ? 0 : policy_identity(b);
	if (!rc || rc == -EINVAL)
		rc = policy_devices(b);
	if (!rc || rc == -EINVAL)
		rc = policy_protocol(b);
	if (!rc)
		rc = policy_more(b);
	if (!rc)
		rc = policy_set(b, &r->set);
	if (!rc)
		rc = policy_states(b);
	if (!rc)
		rc = tag_number(b, a->tag, &a->tag_loc, &r->tag);
	if (!rc)
		rc = tag_number(b, a->tagged, &a->tagged_loc, &r->tagged);
	if (!rc)
		rc = policy_pool(b);
	return rc;
}

/* ---- addresses ---- */

uint8_t policy_common_af(const struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst)
{
	return b->base.af & policy_addr_af(src) & policy_addr_af(dst);
}

static int emit_family(struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst,
		       enum pt_dir dir, uint8_t af)
{
	struct pt_pol_rule r = b->base;
	int rc;

	if (!af)
		return 0;
	r.dir = dir;
	r.src = *src;
	r.dst = *dst;
	r.af = af;
	rc = policy_nat(b, (enum pt_af)af, &r, &r.nat);
	if (!rc)
		rc = policy_emit(b, &r);
	return !rc && b->ast->nat.reflect ? policy_reflect(b, &r) : rc;
}

static int emit_direction(struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst,
			  enum pt_dir dir)
{
	uint8_t af = policy_common_af(b, src, dst) & policy_nat_af(b);
	int rc;

	if (!policy_nat_by_family(b))
		return emit_family(b, src, dst, dir, af);
	rc = emit_family(b, src, dst, dir, af & PT_AF_INET);
	return rc ? rc : emit_family(b, src, dst, dir, af & PT_AF_INET6);
}

static int emit_pair(struct policy_builder *b, const struct pt_pol_addr *src, const struct pt_pol_addr *dst)
{
	enum pt_dir dir = b->ast->dir;
	int rc = 0;

	if (b->ast->nat.kind == PT_NAT_BI)
		return policy_binat(b, src, dst);
	if (dir != PT_OUT)
		rc = emit_direction(b, src, dst, PT_IN);
	if (!rc && dir != PT_IN)
		rc = emit_direction(b, src, dst, PT_OUT);
	return rc;
}

static uint8_t any_af(const policy_addrs *l)
{
	uint8_t af = 0;

	for (size_t i = 0; i < l->n; i++)
		af |= policy_addr_af(&l->v[i]);
	return af;
}

/* HOSTS are of the families AF only, none of which is in WANTED. */
static int wrong_family(struct policy_builder *b, const pt_hosts *hosts, uint8_t af, uint8_t wanted)
{
	const struct pt_loc *loc = hosts->n ? &hosts->v[0].loc : &b->ast->loc;

	if (!af)
		return policy_fail(b, loc, "leave the rule out, or give the interface such an address in the file",
				   "no address is left here: the rule can match nothing");
	if (wanted == PT_AF_INET)
		return policy_fail(b, loc, "write inet6, or an IPv4 address", "an IPv6 address in a rule for inet");
	return policy_fail(b, loc, "write inet, or an IPv6 address", "an IPv4 address in a rule for inet6");
}

/* Nothing was left of the rule: says which families contradict each other. */
static int no_family(struct policy_builder *b, const policy_addrs *src, const policy_addrs *dst)
{
	const struct pt_ast_rule *a = b->ast;
	uint8_t of_src = any_af(src), of_dst = any_af(dst), af = b->base.af;

	if (!(af & of_src))
		return wrong_family(b, &a->src, of_src, af);
	if (!(af & of_dst))
		return wrong_family(b, &a->dst, of_dst, af);
	if (!(of_src & of_dst))
		return policy_fail(b, &a->dst.v[0].loc, "write one rule for each family",
				   "addresses of different families: no packet has both");
	return policy_fail(b, &a->nat.host.loc, "write one rule for each family",
			   "a translation to another family than that of the packets");
}

static int add_rule(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index)
{
	policy_addrs src = { 0 }, dst = { 0 };
	int rc, rc2, rc3;

	b->ast = ast;
	b->made = b->reflected = 0;
	rc = policy_set_base(b, index);
	if (rc == -ENOMEM)
		return rc;
	rc2 = policy_addrs_of(b, &ast->src, &src);
	rc3 = policy_addrs_of(b, &ast->dst, &dst);
	rc2 = rc2 ? rc2 : policy_check_side(b, &ast->src, false);
	rc3 = rc3 ? rc3 : policy_check_side(b, &ast->dst, true);
	if (rc2 == -ENOMEM || rc3 == -ENOMEM)
		return -ENOMEM;
	if (rc || rc2 || rc3)
		return -EINVAL;
	for (size_t i = 0; !rc && i < src.n; i++)
		for (size_t j = 0; !rc && j < dst.n; j++)
			rc = emit_pair(b, &src.v[i], &dst.v[j]);
	if (!rc && !b->made)
		rc = no_family(b, &src, &dst);
	policy_anchored(b, ast);
	return rc;
}

int policy_add_rule(struct policy_builder *b, const struct pt_ast_rule *ast, uint32_t index)
{
	int rc = ast->action == PT_ANCHOR ? policy_add_anchor(b, ast, index) : add_rule(b, ast, index);

	pt_arena_reset(b->scratch);
	return rc;
}

/* ---- the whole ---- */

static int add_tables(struct policy_builder *b)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->tables.n; i++) {
		struct pt_pol_table t = { .conf = &b->conf->tables.v[i] };

		rc = pt_vec_push(b->arena, &b->p->tables, t);
	}
	return rc;
}

/* A policy without rules. */
static int make(struct policy_builder *b, const struct pt_conf *c)
{
	b->conf = c;
	b->arena = pt_arena_new();
	b->scratch = pt_arena_new();
	b->p = b->arena && b->scratch ? pt_arena_alloc(b->arena, sizeof(*b->p)) : NULL;
	if (!b->p)
		return -ENOMEM;
	b->p->arena = b->arena;
	b->p->conf = c;
	return 0;
}

static int begin(struct policy_builder *b, const struct pt_conf *c)
{
	int rc = make(b, c);

	if (rc)
		return rc;
	rc = add_tables(b);
	if (!rc)
		rc = policy_schedules(b);
	if (!rc)
		rc = policy_outside_tables(b);
	if (rc == -EINVAL)
		rc = 0; /* it has failed; the rules are looked at all the same */
	if (!rc && c->builtin)
		rc = policy_add_builtin(b);
	b->p->n_builtin = b->p->rules.n;
	if (!rc)
		rc = policy_add_skipped(b);
	b->failed = b->failed || rc;
	return rc == -ENOMEM ? rc : 0;
}

static int take_rule(void *arg, const struct pt_conf *c, uint32_t index, const struct pt_ast_rule *rule)
{
	struct policy_builder *b = arg;
	int rc = b->p ? 0 : begin(b, c);

	(void)index;
	if (!rc && !b->full)
		rc = policy_add_rule(b, rule, b->written++);
	b->failed = b->failed || rc;
	return rc == -ENOMEM ? rc : 0;
}

/* Gives away what was built, unless RC or a rule says no. */
static int end(struct policy_builder *b, int rc, struct pt_policy **out)
{
	pt_buf_fini(&b->text);
	policy_names_fini(&b->names);
	pt_arena_free(b->scratch);
	if (!rc && b->failed)
		rc = -EINVAL;
	if (rc)
		pt_arena_free(b->arena);
	else
		*out = b->p;
	return rc;
}

int pt_policy_build(const struct pt_conf *c, struct pt_policy **out, struct pt_err *e)
{
	struct policy_builder b = { .err = e };
	int rc;

	*out = NULL;
	rc = begin(&b, c);
	if (!rc)
		rc = pt_conf_rules(c, take_rule, &b, e);
	rc = end(&b, rc, out);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "building the policy of %s", c->path) : rc;
}

int pt_policy_block(const struct pt_conf *c, struct pt_policy **out, struct pt_err *e)
{
	struct policy_builder b = { .err = e };
	int rc;

	*out = NULL;
	rc = make(&b, c);
	if (!rc)
		rc = policy_add_builtin(&b);
	if (!rc)
		rc = policy_add_boot(&b);
	if (!rc)
		b.p->n_builtin = b.p->rules.n;
	rc = end(&b, rc, out);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "building the block set") : rc;
}

/* The policy of what was read with take_rule() into B, or nothing of either. */
static int end_load(struct policy_builder *b, int rc, struct pt_conf **conf, struct pt_policy **out,
		    struct pt_err *e)
{
	if (!rc && !b->p)
		rc = begin(b, *conf);
	rc = end(b, rc, out);
	/* What is wrong with the rules as a whole is told only when each of them is right. */
	if (rc && *conf)
		rc = pt_policy_build(*conf, out, e);
	if (rc) {
		pt_conf_free(*conf);
		*conf = NULL;
	}
	return rc;
}

int pt_policy_check_here(const struct pt_conf *c, struct pt_err *e)
{
	size_t before = e ? e->list.n : 0;
	int rc = c->timezone ? pt_zone_check(c->timezone, &c->timezone_loc, e) : 0;

	if (rc && e && e->list.n > before)
		pt_conf_show_source(c, &c->timezone_loc, e);
	return rc;
}

int pt_policy_load(const char *path, struct pt_conf **conf, struct pt_policy **out, struct pt_err *e)
{
	struct policy_builder b = { .err = NULL };
	int rc;

	*out = NULL;
	rc = pt_conf_load_with(path, take_rule, &b, conf, e);
	rc = end_load(&b, rc, conf, out, e);
	if (!rc)
		rc = pt_policy_check_here(*conf, e);
	if (rc) {
		pt_policy_free(*out);
		pt_conf_free(*conf);
		*out = NULL;
		*conf = NULL;
	}
	return rc;
}

int pt_policy_parse(const char *name, const char *text, size_t len, struct pt_conf **conf,
		    struct pt_policy **out, struct pt_err *e)
{
	struct policy_builder b = { .err = NULL };
	int rc;

	*out = NULL;
	rc = pt_conf_parse_with(name, text, len, take_rule, &b, conf, e);
	return end_load(&b, rc, conf, out, e);
}

int pt_policy_parse_more(const char *name, const char *text, size_t len, struct pt_conf_more *more,
			 struct pt_conf **conf, struct pt_policy **out, struct pt_err *e)
{
	struct policy_builder b = { .err = NULL };
	int rc;

	*out = NULL;
	rc = pt_conf_parse_more(name, text, len, more, take_rule, &b, conf, e);
	return end_load(&b, rc, conf, out, e);
}

void pt_policy_free(struct pt_policy *p)
{
	if (p)
		pt_arena_free(p->arena);
}
