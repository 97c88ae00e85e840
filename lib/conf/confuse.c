/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libconfuse, the one that says what the values are.
 *
 * Its options are made from the schema. It reads from memory, and only the clean text of tree.c, so
 * nothing of its dangers can be reached: a directory as path (its lexer exits), the environment,
 * include and functions, comments, '|' in option names. Each value is taken away in its callback: a
 * list kept in libconfuse costs quadratic time.
 */
#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

/* libconfuse ends the process when memory runs out in its lexer, so it must not run out there. */
#define LEXER_MEMORY ((size_t)256 << 10)
#define LEXER_FACTOR 6 /* of one huge token: buffers that double, the string, its copies */

struct collector {
	const char *file;
	const struct conf_tree *tree;
	conf_put put;
	void *arg;
	size_t next; /* leaf expected */
	struct pt_err *e;
	int rc;
};

/* libconfuse's callbacks have no argument of the caller. The numeric default of an option that is
 * no number is unused and copied along with the option. */
static struct collector *collector_of(const cfg_opt_t *opt)
{
	return (struct collector *)(intptr_t)opt->def.number;
}

/* The token that is at LINE of the clean text: the last one that began there or before. */
static struct pt_loc clean_loc(const struct collector *c, uint32_t line)
{
	struct pt_loc loc = { c->file, 0, 0, 0 };
	uint32_t best = 0;

	for (size_t i = 0; i < c->tree->sections.n; i++) {
		const struct conf_section *s = &c->tree->sections.v[i];

		if (s->clean_line <= line && s->clean_line >= best) {
			best = s->clean_line;
			loc = s->loc;
		}
	}
	for (size_t i = 0; i < c->tree->leaves.n; i++) {
		const struct conf_leaf *l = &c->tree->leaves.v[i];

		if (l->clean_line <= line && l->clean_line >= best) {
			best = l->clean_line;
			loc = (struct pt_loc){ c->file, l->line, l->col, l->len };
		}
	}
	return loc;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct collector *c = collector_of(&cfg->opts[0]);
	struct pt_loc loc = clean_loc(c, (uint32_t)cfg->line);
	struct pt_buf msg = { 0 };

	pt_buf_vfmt(&msg, fmt, ap);
	pt_err_add(c->e, PT_ERROR, &loc, "this is a fault of the program: please report it",
		   "libconfuse refuses what the reader took: %s", msg.err ? "" : msg.s);
	pt_buf_fini(&msg);
	c->rc = -EINVAL;
}

/* After each value, and once more at a list's end. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	struct collector *c = collector_of(opt);
	const struct conf_leaf *leaf;
	const char *value;

	if (!cfg_opt_size(opt))
		return 0;
	if (c->next >= c->tree->leaves.n ||
	    strcmp(c->tree->leaves.v[c->next].opt->name, opt->name) != 0) {
		cfg_error(cfg, "a value of %s where none was read", opt->name);
		return -1;
	}
	leaf = &c->tree->leaves.v[c->next++];
	if (opt->type == CFGT_BOOL)
		value = cfg_opt_getnbool(opt, 0) ? "true" : "false";
	else
		value = cfg_opt_getnstr(opt, 0);
	c->rc = c->put(c->arg, leaf, value);
	cfg_free_value(opt);
	return c->rc;
}

static cfg_type_t confuse_type(enum pt_opt_type type)
{
	switch (type) {
	case PT_OPT_SECTION:
		return CFGT_SEC;
	case PT_OPT_BOOL:
		return CFGT_BOOL;
	case PT_OPT_STR:
	case PT_OPT_LIST:
	case PT_OPT_DURATION:
	case PT_OPT_NUMBER:
	case PT_OPT_WORD:
		break;
	}
	return CFGT_STR;
}

static cfg_flag_t confuse_flags(const struct pt_schema *row)
{
	cfg_flag_t flags = CFGF_NODEFAULT;

	if (row->type == PT_OPT_LIST)
		flags |= CFGF_LIST;
	if (row->titled)
		flags |= CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	return flags;
}

/* The options of ROWS; ends with an option without name, as CFG_END(). */
static cfg_opt_t *make_opts(const struct pt_schema *rows, struct collector *c, struct pt_arena *a)
{
	cfg_opt_t *opts;
	size_t n = 0;

	while (rows[n].name)
		n++;
	opts = pt_arena_alloc(a, (n + 1) * sizeof(*opts));
	for (size_t i = 0; opts && i < n; i++) {
		opts[i].name = rows[i].name;
		opts[i].type = confuse_type(rows[i].type);
		opts[i].flags = confuse_flags(&rows[i]);
		opts[i].def.number = (long)(intptr_t)c;
		if (rows[i].type != PT_OPT_SECTION) {
			opts[i].validcb = on_value;
			continue;
		}
		opts[i].subopts = make_opts(rows[i].options, c, a);
		if (!opts[i].subopts)
			return NULL;
	}
	return opts;
}

/* Takes and gives back what libconfuse will need at most, while a failure can still be told. */
static int reserve(const struct conf_tree *t)
{
	void *p = malloc(LEXER_FACTOR * t->clean.n + LEXER_MEMORY);

	if (!p)
		return -ENOMEM;
	free(p);
	return 0;
}

static int report_unread(const struct collector *c)
{
	struct pt_loc loc = { c->file, 0, 0, 0 };

	if (c->next < c->tree->leaves.n) {
		const struct conf_leaf *l = &c->tree->leaves.v[c->next];

		loc = (struct pt_loc){ c->file, l->line, l->col, l->len };
	}
	pt_err_add(c->e, PT_ERROR, &loc, "this is a fault of the program: please report it",
		   "libconfuse stopped reading %s after %zu of %zu values", c->file, c->next,
		   c->tree->leaves.n);
	return -EINVAL;
}

int conf_confuse_read(const char *file, const struct conf_tree *t, struct pt_arena *a, conf_put put,
		      void *arg, struct pt_err *e)
{
	struct collector c = { .file = file, .tree = t, .put = put, .arg = arg, .e = e };
	cfg_opt_t *opts;
	cfg_t *cfg;
	int rc;

	if (!t->clean.n)
		return 0;
	opts = make_opts(pt_conf_schema, &c, a);
	if (!opts || reserve(t))
		return -ENOMEM;
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	cfg_set_error_function(cfg, on_error);
	errno = 0;
	rc = cfg_parse_buf(cfg, t->clean.s);
	if (!c.rc && (rc != CFG_SUCCESS || c.next != t->leaves.n))
		c.rc = errno == ENOMEM ? -ENOMEM : report_unread(&c);
	cfg_free(cfg);
	return c.rc;
}
