/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a file to a checked configuration, every problem of it in one run.
 *
 * Bytes, structure, values, model, rules: each stage goes on with what the one before found right,
 * and only the sum decides. The model always comes through libconfuse, also when it is only made to
 * find the mistakes in the rules of a file that has others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

static struct pt_conf *new_conf(const char *name, const char *text, size_t len)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_conf *c = a ? pt_arena_alloc(a, sizeof(*c)) : NULL;
	char *copy = c ? pt_arena_alloc(a, len + 1) : NULL;

	if (!copy) {
		pt_arena_free(a);
		return NULL;
	}
	if (len)
		memcpy(copy, text, len);
	*c = (struct pt_conf){
		.arena = a, .path = pt_arena_strdup(a, name), .text = copy, .len = len
	};
	if (!c->path) {
		pt_arena_free(a);
		return NULL;
	}
	if (pt_vec_push(a, &c->sources, ((struct pt_conf_source){ .file = c->path, .text = copy, .len = len }))) {
		pt_arena_free(a);
		return NULL;
	}
	return c;
}

/* Has a macro no value, because it was refused? A rule that uses it could only repeat that. */
static bool lacks_macro(const struct pt_conf *c)
{
	for (size_t i = 0; i < c->macros.n; i++)
		if (!*c->macros.v[i].text)
			return true;
	return false;
}

struct rule_reader {
	const struct pt_conf *c;
	char *file; /* what was read, until the configuration has its copy */
	struct pt_conf_more *more; /* NULL: none */
	bool files; /* may be included */
	struct pt_arena *scratch; /* of one rule */
	pt_conf_take take;
	void *arg;
	struct pt_err *e;
	bool bad; /* so far: trees are not wanted any more */
	bool tests; /* these are statements */
};

/* Rule number I of its list. */
static int parse_rule(struct rule_reader *r, const struct pt_conf_source *from, const struct pt_conf_rule *rule,
		      size_t i)
{
	const struct pt_conf *c = r->c;
	struct pt_conf_str str = { .loc = { from->file, rule->line, rule->col, rule->len },
				   .raw = rule->raw };
	struct pt_conf_at at = { from->file, from->text, from->len, &str };
	struct pt_rule_ctx ctx = {
		.arena = r->scratch,
		.macros = c->macros.v,
		.n_macros = c->macros.n,
		.locate = pt_conf_locate,
		.locate_arg = &at,
		.source = from->text,
		.source_len = from->len,
		.statement = r->tests,
	};
	struct pt_ast_rule *tree;
	int rc;

	pt_arena_reset(r->scratch);
	rc = pt_rule_parse(&ctx, rule->s, rule->len, &tree, r->e);
	if (!rc && r->tests)
		rc = conf_check_expect(tree, rule, &at, r->e);
	if (rc)
		r->bad = true;
	else if (!r->bad && r->take)
		return r->take(r->arg, c, (uint32_t)i, tree);
	return rc == -ENOMEM ? rc : 0;
}

static int read_list(struct rule_reader *r, size_t source, const struct pt_conf_rule *rules, size_t n)
{
	const struct pt_conf_source *from = &r->c->sources.v[source];
	bool lacks = lacks_macro(r->c);
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		if (r->e && r->e->list.n >= PT_ERR_MAX)
			break;
		if (!lacks || !memchr(rules[i].s, '$', rules[i].len))
			rc = parse_rule(r, from, &rules[i], i);
	}
	return rc;
}

/* The rules of written anchors are judged wherever they are named, or nowhere. */
static int check_anchors(struct rule_reader *r)
{
	pt_conf_take take = r->take;
	int rc = 0;

	r->take = NULL;
	for (size_t i = 0; !rc && i < r->c->anchors.n; i++) {
		const struct pt_conf_anchor *a = &r->c->anchors.v[i];

		if (!a->loaded)
			rc = read_list(r, a->source, a->rules.v, a->rules.n);
	}
	r->take = take;
	return rc;
}

static int check_tests(struct rule_reader *r)
{
	pt_conf_take take = r->take;
	int rc = 0;

	r->take = NULL;
	r->tests = true;
	for (size_t i = 0; !rc && i < r->c->tests.n; i++)
		rc = read_list(r, r->c->tests.v[i].source, r->c->tests.v[i].expect.v, r->c->tests.v[i].expect.n);
	r->take = take;
	r->tests = false;
	return rc;
}

static int read_rules(struct rule_reader *r)
{
	int rc;

	r->scratch = pt_arena_new();
	if (!r->scratch)
		return -ENOMEM;
	rc = check_anchors(r);
	if (!rc)
		rc = check_tests(r);
	if (!rc)
		rc = read_list(r, r->c->rules_source, r->c->rules.v, r->c->rules.n);
	pt_arena_free(r->scratch);
	return rc ? rc : r->bad ? -EINVAL : 0;
}

/* The list of a configuration that was loaded once more. */
static int read_again(struct rule_reader *r, size_t source, const struct pt_conf_rule *rules, size_t n)
{
	struct pt_err own = { 0 }, *e = r->e;
	int rc = -ENOMEM;

	r->e = e ? e : &own;
	r->scratch = pt_arena_new();
	if (r->scratch)
		rc = read_list(r, source, rules, n);
	pt_arena_free(r->scratch);
	pt_err_fini(&own);
	r->e = e;
	return rc ? rc : r->bad ? -EINVAL : 0;
}

int pt_conf_anchor_rules(const struct pt_conf *c, const struct pt_conf_anchor *a, pt_conf_take take, void *arg,
			 struct pt_err *e)
{
	struct rule_reader r = { .c = c, .take = take, .arg = arg, .e = e };

	return read_again(&r, a->source, a->rules.v, a->rules.n);
}

int pt_conf_test_rules(const struct pt_conf *c, const struct pt_conf_test *t, pt_conf_take take, void *arg,
		       struct pt_err *e)
{
	struct rule_reader r = { .c = c, .take = take, .arg = arg, .e = e, .tests = true };

	return read_again(&r, t->source, t->expect.v, t->expect.n);
}

int pt_conf_rules(const struct pt_conf *c, pt_conf_take take, void *arg, struct pt_err *e)
{
	struct rule_reader r = { .c = c, .take = take, .arg = arg, .e = e };

	return read_rules(&r);
}

static int read_stages(struct rule_reader *r, struct pt_conf *c, struct conf_tree *t)
{
	struct conf_model m = { .c = c, .tree = t };
	struct pt_err *e = r->e;
	struct conf_includes inc = { .c = c, .more = r->more, .files = r->files || (r->more && r->more->files), .e = e };
	int rc = conf_tree_read(&inc, t);

	if (r->more) {
		c->kept = r->more->kept;
		c->n_kept = r->more->n_kept;
	}
	if (rc == -ENOMEM)
		return rc;
	rc = conf_both(rc, conf_model_begin(c, t));
	if (rc != -ENOMEM)
		rc = conf_both(rc, conf_confuse_read(c->path, t, c->arena, conf_model_put, &m, e));
	if (rc == -ENOMEM)
		return rc;
	/* Where reading stopped half way, what is missing would be blamed on what is there. */
	if (t->incomplete)
		return -EINVAL;
	rc = conf_both(rc, conf_model_check(c, t, e));
	if (!rc && r->more)
		rc = conf_anchors_load(c, r->more, e);
	if (rc && rc != -EINVAL)
		return rc;
	conf_tree_fini(t); /* the rules need the room */
	r->bad = rc;
	return conf_both(rc, read_rules(r));
}

static int parse(struct rule_reader *r, const char *name, const char *text, size_t len,
		 struct pt_conf **out)
{
	struct pt_conf *c = new_conf(name, text, len);
	struct conf_tree t = { 0 };
	struct pt_err *e = r->e;
	size_t first = e->list.n;
	int rc;

	free(r->file);
	r->file = NULL;
	if (!c)
		return -ENOMEM;
	r->c = c;
	rc = read_stages(r, c, &t);
	conf_tree_fini(&t);
	for (size_t i = 0; i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];

		conf_order(e, first, s->file);
		rc = conf_both(rc, conf_add_sources(e, first, s->file, s->text, s->len));
	}
	if (rc)
		pt_conf_free(c);
	else
		*out = c;
	return rc;
}

/* Takes WITH's file. */
static int parse_with(struct rule_reader with, const char *name, const char *text, size_t len,
		      struct pt_conf **out)
{
	struct pt_err own = { 0 }; /* where nobody wants records */
	int rc;

	*out = NULL;
	if (!with.e)
		with.e = &own;
	if (len > PT_FILE_MAX) {
		pt_err_add(with.e, PT_ERROR, NULL, "put long lists of addresses into files of tables",
			   "reading %s: more than %zu MiB", name, PT_FILE_MAX >> 20);
		rc = -EFBIG;
	} else {
		rc = parse(&with, name, text, len, out);
		if (rc == -ENOMEM)
			pt_err_sys(with.e, rc, "reading %s", name);
	}
	free(with.file);
	pt_err_fini(&own);
	return rc;
}

int pt_conf_parse_with(const char *name, const char *text, size_t len, pt_conf_take take, void *arg,
		       struct pt_conf **out, struct pt_err *e)
{
	return parse_with((struct rule_reader){ .take = take, .arg = arg, .e = e }, name, text, len, out);
}

int pt_conf_parse_more(const char *name, const char *text, size_t len, struct pt_conf_more *more, pt_conf_take take,
		       void *arg, struct pt_conf **out, struct pt_err *e)
{
	struct rule_reader r = { .more = more, .take = take, .arg = arg, .e = e };

	return parse_with(r, name, text, len, out);
}

int pt_conf_parse(const char *name, const char *text, size_t len, struct pt_conf **out,
		  struct pt_err *e)
{
	return pt_conf_parse_with(name, text, len, NULL, NULL, out, e);
}

int pt_conf_load_with(const char *path, pt_conf_take take, void *arg, struct pt_conf **out,
		      struct pt_err *e)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct rule_reader r = { .take = take, .arg = arg, .e = e, .files = strcmp(path, "-") != 0 };
	size_t len = 0;
	int rc;

	*out = NULL;
	rc = pt_file_read(path, PT_FILE_MAX, &r.file, &len, e);
	return rc ? rc : parse_with(r, name, r.file, len, out);
}

int pt_conf_load(const char *path, struct pt_conf **out, struct pt_err *e)
{
	return pt_conf_load_with(path, NULL, NULL, out, e);
}
