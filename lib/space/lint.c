/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lint as a whole: the list of findings, and one run over a policy. Each kind of question has a file of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "space/lint_work.h"

static const char *const codes[PT_LINT_CODES] = {
	[PT_LINT_CONTRADICTORY] = "contradictory", [PT_LINT_SHADOWED] = "shadowed", [PT_LINT_REDUNDANT] = "redundant",
	[PT_LINT_NEVER] = "never",		   [PT_LINT_WIDE] = "wide",	    [PT_LINT_TWIN] = "twin",
	[PT_LINT_UNADMITTED] = "unadmitted",	   [PT_LINT_UNUSED] = "unused",	    [PT_LINT_PARTLY] = "partly",
	[PT_LINT_GENERALISES] = "generalises",	   [PT_LINT_UNDECIDED] = "undecided", [PT_LINT_ALLOWED] = "allowed",
};

const char *pt_lint_code_name(enum pt_lint_code code)
{
	return codes[code];
}

int pt_lint_code_find(const char *name, size_t len, enum pt_lint_code *out)
{
	for (size_t i = 0; i < PT_LINT_CODES; i++)
		if (strlen(codes[i]) == len && !memcmp(codes[i], name, len)) {
			*out = (enum pt_lint_code)i;
			return 0;
		}
	return -ENOENT;
}

const char *pt_lint_sev_name(enum pt_lint_sev sev)
{
	static const char *const names[] = { "error", "warning", "note" };

	return names[sev];
}

/* ---- the list ---- */

int pt_lint_init(struct pt_lint *l)
{
	memset(l, 0, sizeof(*l));
	l->arena = pt_arena_new();
	return l->arena ? 0 : -ENOMEM;
}

void pt_lint_fini(struct pt_lint *l)
{
	pt_arena_free(l->arena);
	memset(l, 0, sizeof(*l));
}

struct pt_finding *pt_lint_add(struct pt_lint *l, enum pt_lint_code code, enum pt_lint_sev sev,
			       const struct pt_pol_rule *r, const struct pt_loc *loc)
{
	struct pt_finding f = { .code = code, .sev = sev, .rule = r, .loc = loc ? *loc : r->loc, .message = "" };

	if (pt_vec_push(l->arena, &l->v, f)) {
		l->failed = true;
		return NULL;
	}
	return &l->v.v[l->v.n - 1];
}

/* IR rules of one written rule are the same to people. */
static bool same_place(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	return x == y || (x->loc.line && x->loc.line == y->loc.line && x->loc.col == y->loc.col &&
			  !strcmp(x->loc.file, y->loc.file));
}

void pt_lint_by(struct pt_finding *f, const struct pt_pol_rule *r)
{
	if (!f || !r)
		return;
	for (size_t i = 0; i < f->n_by; i++)
		if (same_place(f->by[i], r))
			return;
	if (f->n_by == PT_LINT_BY_MAX) {
		f->more_by++;
		return;
	}
	for (size_t i = f->n_by++; ; i--) { /* in the order of the file */
		if (!i || f->by[i - 1]->index < r->index) {
			f->by[i] = r;
			break;
		}
		f->by[i] = f->by[i - 1];
	}
}

void pt_lint_say(struct pt_lint *l, struct pt_finding *f, const char *fmt, ...)
{
	struct pt_buf b = { 0 };
	const char *s = NULL;
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	pt_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if (!b.err && b.s)
		s = pt_arena_strndup(l->arena, b.s, b.n);
	pt_buf_fini(&b);
	if (s)
		f->message = s;
	else
		l->failed = true;
}

/* ---- what all kinds need ---- */

const char *lint_name(struct lint_run *r, const struct pt_pol_rule *rule)
{
	const char *s;

	if (rule->ast == PT_POL_BUILTIN || lint_has_label(rule))
		s = pt_arena_printf(r->lint->arena, "rule %s", rule->name);
	else
		s = pt_arena_printf(r->lint->arena, "the rule of line %u", rule->loc.line);
	if (!s)
		r->lint->failed = true;
	return s ? s : "";
}

bool lint_has_label(const struct pt_pol_rule *r)
{
	const char *name = strrchr(r->name, '/'), *at = r->text;
	size_t n;

	name = name ? name + 1 : r->name;
	n = strlen(name);
	while ((at = strstr(at, " label ")) != NULL) {
		at += strlen(" label ");
		at += *at == '"';
		if (!strncmp(at, name, n) && (!at[n] || at[n] == ' ' || at[n] == '"'))
			return true;
	}
	return false;
}

static bool same_rate(const struct pt_ast_rate *x, const struct pt_ast_rate *y)
{
	return x->packets == y->packets && x->seconds == y->seconds && x->burst == y->burst;
}

bool lint_same_effect(const struct pt_region *x, const struct pt_region *y)
{
	const struct pt_pol_rule *a = x->rule, *b = y->rule;

	if (!a || !b || x->pass != y->pass || !x->why != !y->why)
		return false;
	if (!x->pass && !x->why && (a->ret != b->ret || (a->ret && (a->code4 != b->code4 || a->code6 != b->code6))))
		return false;
	/* what is not quick sets its tag on the way, whoever decides */
	if (a->tag != b->tag && (a->tag || b->quick))
		return false;
	return a->log == b->log && a->log_all == b->log_all && same_rate(&a->log_limit, &b->log_limit) &&
	       a->keep_state == b->keep_state && a->states == b->states && a->nat == b->nat && a->set == b->set;
}

const char *lint_point(struct lint_run *r, const struct pt_space *s, enum pt_dir dir, const struct pt_point *p)
{
	struct pt_buf b = { 0 };
	const char *text = NULL;

	pt_space_print_point(s, dir, p, &b);
	if (!b.err && b.s)
		text = pt_arena_strndup(r->lint->arena, b.s, b.n);
	pt_buf_fini(&b);
	if (!text)
		r->lint->failed = true;
	return text;
}

uint64_t lint_steps(const struct lint_run *r)
{
	uint64_t steps = r->in->steps ? r->in->steps : PT_LINT_STEPS;

	return r->undecided < 16 ? steps : r->undecided < 256 ? steps / 16 + 1 : steps / 256 + 1;
}

/* ---- written rules ---- */

static int by_place(const void *x, const void *y)
{
	const struct pt_pol_rule *a = *(const struct pt_pol_rule *const *)x, *b = *(const struct pt_pol_rule *const *)y;
	int order = a->loc.file == b->loc.file ? 0 : strcmp(a->loc.file, b->loc.file);

	if (order)
		return order;
	if (a->loc.line != b->loc.line)
		return a->loc.line < b->loc.line ? -1 : 1;
	if (a->loc.col != b->loc.col)
		return a->loc.col < b->loc.col ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Each region's group; the regions of one group lie together. */
static int share_regions(struct lint_run *r)
{
	for (int pass = 0; pass < 2; pass++) {
		for (uint8_t d = 0; d < 2; d++)
			for (size_t i = 0; i < r->always->dir[d].v.n; i++) {
				const struct pt_pol_rule *rule = r->always->dir[d].v.v[i].rule;
				struct lint_group *g;

				if (!rule || r->group_of[rule->index] == UINT32_MAX)
					continue;
				g = &r->groups.v[r->group_of[rule->index]];
				if (pass)
					g->regions[g->n_regions] = (struct lint_place){ (uint32_t)i, d };
				g->n_regions++;
			}
		for (size_t i = 0; !pass && i < r->groups.n; i++) {
			struct lint_group *g = &r->groups.v[i];

			g->regions = pt_arena_alloc(r->arena, (g->n_regions + 1) * sizeof(*g->regions));
			if (!g->regions)
				return -ENOMEM;
			g->n_regions = 0;
		}
	}
	return 0;
}

int lint_groups(struct lint_run *r)
{
	const struct pt_policy *p = r->in->policy;
	const struct pt_pol_rule **list;
	size_t n = 0;
	int rc = 0;

	list = pt_arena_alloc(r->arena, (p->rules.n + 1) * sizeof(*list)); /* NOLINT(bugprone-sizeof-expression) */
	r->group_of = pt_arena_alloc(r->arena, (p->rules.n + 1) * sizeof(*r->group_of));
	if (!list || !r->group_of)
		return -ENOMEM;
	for (size_t i = 0; i < p->rules.n; i++) {
		r->group_of[i] = UINT32_MAX;
		if (p->rules.v[i].ast != PT_POL_BUILTIN && p->rules.v[i].loc.line)
			list[n++] = &p->rules.v[i];
		r->tags[p->rules.v[i].tag] |= p->rules.v[i].tag ? 1 : 0;
		r->tags[p->rules.v[i].tagged] |= p->rules.v[i].tagged ? 2 : 0;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_place); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 0; !rc && i < n; i++) {
		struct lint_group g = { .rules = list + i };

		if (!i || !same_place(list[i - 1], list[i]))
			rc = pt_vec_push(r->arena, &r->groups, g);
		if (!rc) {
			r->groups.v[r->groups.n - 1].n++;
			r->group_of[list[i]->index] = (uint32_t)r->groups.n - 1;
		}
	}
	return rc ? rc : share_regions(r);
}

/* ---- the boxes of a rule ---- */

int lint_parts(struct lint_run *r, struct lint_group *g, lint_part_fn fn, void *arg)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < g->n_regions; i++)
		for (int six = 0; !rc && six < 2; six++) {
			const struct lint_place *at = &g->regions[i];
			struct lint_index *x = &r->index[at->dir][six];

			for (uint32_t k = x->first[at->region]; !rc && k < x->first[at->region + 1]; k++) {
				struct lint_part p = { .group = g, .index = x, .dir = at->dir ? PT_OUT : PT_IN,
						       .region = &r->always->dir[at->dir].v.v[at->region],
						       .from = x->first[at->region], .to = x->first[at->region + 1], .at = k };

				pt_arena_reset(r->scratch);
				rc = pt_box_intersect(r->scratch, x->v[k].box, &r->clip[six], &p.box);
				rc = rc > 0 ? fn(r, &p, arg) : rc;
			}
		}
	return rc;
}

const struct pt_region *lint_region_at(struct lint_run *r, const struct lint_part *p, uint32_t at)
{
	return &r->always->dir[p->dir == PT_OUT].v.v[p->index->v[at].region];
}

bool lint_is_own(struct lint_run *r, const struct lint_part *p, uint32_t at)
{
	const struct pt_pol_rule *rule = lint_region_at(r, p, at)->rule;

	return rule && r->group_of[rule->index] == (uint32_t)(p->group - r->groups.v);
}

static size_t without_own(struct lint_run *r, const struct lint_part *p, uint32_t *list, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (!lint_is_own(r, p, list[i]))
			list[left++] = list[i];
	return left;
}

size_t lint_before(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, bool own, uint32_t *list)
{
	size_t n = lint_index_find(p->index, box, 0, p->from, list);

	return own ? n : without_own(r, p, list, n);
}

size_t lint_own(const struct lint_part *p, const struct pt_box *box, uint32_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < p->group->n_regions; i++) {
		const struct lint_place *at = &p->group->regions[i];

		if (at->dir != (p->dir == PT_OUT))
			continue;
		for (uint32_t k = p->index->first[at->region]; k < p->index->first[at->region + 1] && k < p->from; k++)
			if (pt_box_overlaps(p->index->v[k].box, box))
				list[n++] = k;
	}
	return n;
}

static int by_number(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/* Without its own rule, what only that rule holds is live. */
size_t lint_after(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, uint32_t *list)
{
	size_t n = without_own(r, p, list, lint_index_find(p->index, box, p->to, p->index->n, list)), live = n;

	for (size_t i = 0; i < p->group->n_regions; i++) {
		const struct lint_place *at = &p->group->regions[i];

		if (at->dir != (p->dir == PT_OUT))
			continue;
		for (uint32_t k = p->index->first[at->region]; k < p->index->first[at->region + 1]; k++)
			for (uint32_t u = p->index->under[k]; u != UINT32_MAX; u = p->index->next[u])
				if (u >= p->to && !lint_is_own(r, p, u) && pt_box_overlaps(p->index->v[u].box, box))
					list[n++] = u;
	}
	if (n > live)
		qsort(list, n, sizeof(*list), by_number);
	return n;
}

int lint_covered(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, const uint32_t *list, size_t n,
		 struct pt_point *witness)
{
	for (size_t i = 0; i < n; i++)
		r->cover[i] = p->index->v[list[i]].box;
	pt_arena_reset(r->question);
	return pt_box_covered(r->always, r->question, box, r->cover, n, lint_steps(r), witness);
}

/* ---- conditions ---- */

enum { FLAGS_S = 0x02, FLAGS_SA = 0x12 }; /* of TCP */

int lint_conditions(struct lint_run *r, struct lint_group *g)
{
	int rc = 0;

	for (size_t i = 0; !rc && !g->boxed && i < g->n; i++) {
		struct pt_pol_rule rule = *g->rules[i];

		/* what begins a connection: rules that keep state ask for it without saying so */
		if (rule.flags_mask == FLAGS_SA && rule.flags_set == FLAGS_S)
			rule.flags_mask = rule.flags_set = 0;
		rc = pt_space_boxes(r->always, &rule, r->arena, &g->boxes);
		rc = rc == -ENOENT ? 0 : rc;
	}
	g->boxed = true;
	return rc;
}

static uint8_t directions(const struct lint_group *g)
{
	uint8_t dirs = 0;

	for (size_t i = 0; i < g->n; i++)
		dirs |= (uint8_t)g->rules[i]->dir;
	return dirs;
}

bool lint_within(const struct lint_group *x, const struct lint_group *y)
{
	if (!x->boxes.n || !y->boxes.n || directions(x) & ~directions(y))
		return false;
	for (size_t i = 0; i < x->boxes.n; i++) {
		bool in = false;

		for (size_t k = 0; !in && k < y->boxes.n; k++)
			in = x->boxes.v[i].af == y->boxes.v[k].af && pt_box_within(&x->boxes.v[i], &y->boxes.v[k]);
		if (!in)
			return false;
	}
	return true;
}

/* ---- one run ---- */

static int indexes(struct lint_run *r)
{
	size_t most = 0;
	int rc = 0;

	for (int d = 0; !rc && d < 2; d++)
		for (int six = 0; !rc && six < 2; six++) {
			rc = lint_index_build(&r->index[d][six], &r->always->dir[d], six ? PT_AF_INET6 : PT_AF_INET, r->arena);
			most = r->index[d][six].n > most ? r->index[d][six].n : most;
		}
	for (int i = 0; i < 2; i++)
		r->list[i] = pt_arena_alloc(r->arena, (most + 1) * sizeof(**r->list));
	r->cover = pt_arena_alloc(r->arena, (most + 1) * sizeof(*r->cover)); /* NOLINT(bugprone-sizeof-expression) */
	return !rc && (!r->list[0] || !r->list[1] || !r->cover) ? -ENOMEM : rc;
}

/* Tags that nobody sets are on no packet, and what is over does not come again. */
static int clips(struct lint_run *r)
{
	struct pt_iset tags = { 0 }, times = { 0 };
	int rc = pt_iset_add(r->arena, &tags, 0, 0);

	for (uint32_t t = 1; !rc && t <= PT_TAGS_MAX; t++)
		if (r->tags[t] & 1)
			rc = pt_iset_add(r->arena, &tags, t, t);
	if (!rc)
		rc = pt_iset_add(r->arena, &times, r->in->now, pt_space_max(r->always, PT_DIM_TIME, PT_AF_INET));
	pt_iset_norm(&tags);
	for (int six = 0; !rc && six < 2; six++) {
		r->clip[six].af = six ? PT_AF_INET6 : PT_AF_INET;
		rc = pt_box_set(r->always, r->arena, &r->clip[six], PT_DIM_TAG, &tags);
		if (!rc)
			rc = pt_box_set(r->always, r->arena, &r->clip[six], PT_DIM_TIME, &times);
	}
	return rc;
}

static int run(struct lint_run *r)
{
	static int (*const kinds[])(struct lint_run *r) = { lint_never, lint_cover, lint_generalises, lint_wide, lint_twin,
							    lint_unused };
	const struct pt_lint_input *in = r->in;
	int rc = pt_space_new(in->policy, in->host, in->eval, PT_SPACE_ALWAYS, &r->always, r->err);

	if (!rc)
		rc = pt_space_new(in->policy, in->host, in->eval, PT_SPACE_NOW, &r->now, r->err);
	if (!rc)
		rc = lint_groups(r);
	if (!rc)
		rc = indexes(r);
	if (!rc)
		rc = clips(r);
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(kinds); i++)
		rc = kinds[i](r);
	pt_space_free(r->now);
	pt_space_free(r->always);
	return rc;
}

int pt_lint_policy(struct pt_lint *l, const struct pt_lint_input *in, struct pt_err *e)
{
	struct lint_run r = { .lint = l, .in = in, .err = e, .arena = pt_arena_new(), .scratch = pt_arena_new(),
			      .question = pt_arena_new() };
	int rc = r.arena && r.scratch && r.question ? run(&r) : -ENOMEM;

	pt_arena_free(r.arena);
	pt_arena_free(r.scratch);
	pt_arena_free(r.question);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "looking the rules over") : rc;
}
