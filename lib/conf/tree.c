/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sections, options and values from tokens, and everything that is wrong with them, in one run.
 *
 *	file    := { section | 'include' '(' PATH ')' }
 *	section := NAME [TITLE] '{' { option } '}'
 *	option  := NAME ( '=' | '+=' ) ( VALUE | '{' [ VALUE { ',' VALUE } [','] ] '}' )
 *
 * libconfuse would stop at the first mistake and knows no column. So this reader goes first: it
 *repairs what it can, to find the next mistake instead of an echo of the last, and passes only what
 *is right on to libconfuse.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/tree.h"

#define CLEAN_MORE 16 /* most clean texts are longer than the file by less than such a part */

/* ---- tokens, two at a time ---- */

static bool significant(struct conf_reader *r, struct pt_src_tok *tok)
{
	bool more;

	do
		more = conf_lex(&r->lex, tok);
	while (more && (tok->kind == PT_TOK_SPACE || tok->kind == PT_TOK_COMMENT));
	if (more && r->lex.open)
		more = false; /* the rest of the file is inside of it */
	return more;
}

static bool is_text(const struct pt_src_tok *tok)
{
	return tok->kind == PT_TOK_WORD || tok->kind == PT_TOK_STRING;
}

static void advance(struct conf_reader *r)
{
	if (!r->at_end && is_text(&r->tok))
		r->last = r->tok;
	r->tok = r->next;
	r->at_end = r->next_at_end || r->stop;
	if (!r->at_end)
		r->next_at_end = !significant(r, &r->next);
}

static bool at_text(const struct conf_reader *r)
{
	return !r->at_end && is_text(&r->tok);
}

static bool at_punct(const struct conf_reader *r, char c)
{
	return !r->at_end && r->tok.kind == PT_TOK_PUNCT && r->text[r->tok.off] == c;
}

/* "=" or "+=" comes next. */
static bool before_assign(const struct conf_reader *r)
{
	char c;

	if (r->at_end || r->next_at_end || r->next.kind != PT_TOK_PUNCT)
		return false;
	c = r->text[r->next.off];
	return c == '=' || c == '+';
}

static struct pt_loc tok_loc(const struct conf_reader *r, const struct pt_src_tok *tok)
{
	return is_text(tok) ? conf_value_loc(r, tok)
			    : (struct pt_loc){ r->file, tok->line, tok->col, tok->len };
}

/* ---- errors ---- */

/* A string over several lines right before a mistake: most often its closing quote was forgotten,
 * and from there on text and quotes have changed places. */
static bool blame_string(struct conf_reader *r, const struct pt_src_tok *tok)
{
	struct pt_loc loc = { r->file, tok->line, tok->col, 1 };

	if (tok->kind != PT_TOK_STRING || !tok->len || !memchr(r->text + tok->off, '\n', tok->len))
		return false;
	conf_reader_error(r, &loc, "close it in its line",
			  "a string over several lines begins here: is its closing quote missing?");
	r->stop = true;
	return true;
}

static void unexpected(struct conf_reader *r, const char *what, const char *hint)
{
	struct pt_loc loc;

	if (r->at_end || blame_string(r, &r->last) || blame_string(r, &r->tok))
		return;
	loc = tok_loc(r, &r->tok);
	conf_reader_error(r, &loc, hint, "%s", what);
}

/* Only a missing end is worth a record: an open string has one already. */
static void not_closed(struct conf_reader *r, const struct pt_loc *loc, const char *what,
		       const char *name)
{
	if (!r->lex.open && !r->stop && !blame_string(r, &r->last))
		conf_reader_error(r, loc, "add the missing }", "%s %s is not closed", what, name);
}

static PT_PRINTF(2, 3) const char *hint(struct conf_reader *r, const char *fmt, ...)
{
	va_list ap;

	r->hint.n = 0;
	va_start(ap, fmt);
	pt_buf_vfmt(&r->hint, fmt, ap);
	va_end(ap);
	if (r->hint.err)
		conf_reader_nomem(r);
	return r->hint.err ? NULL : r->hint.s;
}

/* ---- passing over ---- */

/* At '{': behind its '}'. */
static void skip_block(struct conf_reader *r)
{
	size_t depth = 0;

	do {
		if (at_punct(r, '{'))
			depth++;
		else if (at_punct(r, '}'))
			depth--;
		advance(r);
	} while (!r->at_end && depth);
}

/* The value of an unknown option, or whatever stands in its place. */
static void skip_value(struct conf_reader *r)
{
	if (at_punct(r, '{'))
		skip_block(r);
	else if (at_text(r))
		advance(r);
}

/* "include (...)", at its name. */
static void skip_call(struct conf_reader *r)
{
	unexpected(r, "the file has no functions such as this one", "remove it");
	while (!r->at_end && !at_punct(r, ')') && !at_punct(r, '}'))
		advance(r);
	if (at_punct(r, ')'))
		advance(r);
}

static bool before_punct(const struct conf_reader *r, char c)
{
	return !r->at_end && !r->next_at_end && r->next.kind == PT_TOK_PUNCT &&
	       r->text[r->next.off] == c;
}

/* ---- values ---- */

static void read_list(struct conf_reader *r, const struct pt_schema *opt)
{
	struct pt_loc open = tok_loc(r, &r->tok);

	conf_clean_word(r, "{");
	for (advance(r); !r->at_end && !at_punct(r, '}');) {
		size_t before = r->tree->leaves.n;

		if (!at_text(r)) {
			unexpected(r, "here a value of the list is missing",
				   "write value, value, ...");
			if (!at_punct(r, ',') && !at_punct(r, '('))
				break;
			advance(r);
			continue;
		}
		if (before_assign(r)) {
			not_closed(r, &open, "the list of", opt->name);
			goto out;
		}
		conf_value_read(r, opt, &r->tok);
		advance(r);
		if (r->tree->leaves.n > before)
			conf_clean_word(r, ",");
		if (at_punct(r, ','))
			advance(r);
		else if (at_text(r) && !before_assign(r))
			unexpected(r, "a comma is missing before this value",
				   "separate values by commas; one with blanks needs quotes");
	}
	if (r->at_end)
		not_closed(r, &open, "the list of", opt->name);
	else if (at_punct(r, '}'))
		advance(r);
out:
	conf_clean_word(r, "}");
}

static void read_scalar(struct conf_reader *r, const struct pt_schema *opt)
{
	bool mute = r->mute;

	if (at_text(r)) {
		conf_value_read(r, opt, &r->tok);
		advance(r);
		return;
	}
	if (!at_punct(r, '{')) {
		unexpected(r, "here a value is missing", hint(r, "write %s = VALUE", opt->name));
		return;
	}
	unexpected(r, "this option takes one value, not a list", "remove the braces");
	r->mute = true;
	skip_block(r);
	r->mute = mute;
}

/* At what follows the sign. An option that brought no value leaves no trace in the clean text. */
static void read_value(struct conf_reader *r, const struct pt_schema *opt, bool append)
{
	size_t clean = r->tree->clean.n, leaves = r->tree->leaves.n;
	uint32_t line = r->clean_line;

	conf_clean_word(r, opt->name);
	conf_clean_word(r, append ? "+=" : "=");
	if (opt->type == PT_OPT_LIST && at_punct(r, '{'))
		read_list(r, opt);
	else
		read_scalar(r, opt);
	if (r->tree->leaves.n == leaves && !r->mute) {
		r->tree->clean.n = clean;
		r->clean_line = line;
	}
}

/* ---- options ---- */

struct section_state {
	const struct pt_schema *row;
	struct pt_loc loc;
	uint32_t seen[CONF_MAX_OPTIONS]; /* line of each option's first appearance */
};

/* What the caret shows anyway is repeated only when it is a word. */
static const char *shown(const char *name)
{
	return conf_is_printable(name) && strlen(name) <= 32 ? name : "...";
}

static void unknown_option(struct conf_reader *r, const struct section_state *s, const char *name,
			   const struct pt_loc *loc)
{
	const char *near = conf_schema_nearest(s->row->options, name);

	conf_reader_error(r, loc,
			  near ? hint(r, "did you mean \"%s\"?", near)
			       : "patronus.conf(5) lists the options of each section",
			  "section %s has no option \"%s\"", s->row->name, shown(name));
}

/* "description = my router": the second word looks like an option of its own. */
static bool is_tail(const struct conf_reader *r)
{
	return r->last.len && r->last.line == r->tok.line && !before_assign(r) &&
	       !before_punct(r, '{');
}

/* At NAME, and "=" or "+=" follows. */
static void read_assignment(struct conf_reader *r, struct section_state *s)
{
	struct pt_loc loc = tok_loc(r, &r->tok);
	bool append = r->text[r->next.off] == '+', mute = r->mute;
	const struct pt_schema *opt = NULL;
	uint32_t *seen;

	if (conf_value_decode(r, &r->tok)) {
		opt = conf_schema_find(s->row->options, r->value.s);
		if (!opt)
			unknown_option(r, s, r->value.s, &loc);
	}
	advance(r);
	advance(r);
	if (!opt) {
		skip_value(r);
		return;
	}
	seen = &s->seen[opt - s->row->options];
	if (append && opt->type != PT_OPT_LIST) {
		conf_reader_error(r, &loc, "write =", "%s is no list that += could add to",
				  opt->name);
		r->mute = true;
	} else if (!append && *seen) {
		conf_reader_error(r, &loc, "remove one of them, or write += to add to a list",
				  "option %s is given twice: first in line %u", opt->name, *seen);
		r->mute = true;
	}
	if (!*seen)
		*seen = loc.line;
	read_value(r, opt, append);
	r->mute = mute;
}

/* At a text that no sign follows. False: it begins another section, this one was not closed. */
static bool read_stray(struct conf_reader *r, const struct section_state *s)
{
	const struct pt_schema *opt;

	if (!conf_value_decode(r, &r->tok)) {
		advance(r);
		return true;
	}
	opt = conf_schema_find(s->row->options, r->value.s);
	if (before_punct(r, '(')) {
		skip_call(r);
	} else if (!opt && conf_schema_find(pt_conf_schema, r->value.s)) {
		not_closed(r, &s->loc, "section", s->row->name);
		return false;
	} else if (!opt && is_tail(r)) {
		unexpected(r, "this does not belong to the value before it",
			   "a value with blanks or special characters needs quotes");
		advance(r);
	} else {
		unexpected(
			r,
			opt ? "an equals sign is missing after this option"
			    : "this is neither an option with its value nor the end of the section",
			hint(r, "write %s = VALUE", opt ? opt->name : "NAME"));
		advance(r);
		skip_value(r);
	}
	return true;
}

/* Behind '{', to behind '}'. */
static void read_body(struct conf_reader *r, struct section_state *s)
{
	r->last.len = 0;
	while (!r->at_end && !at_punct(r, '}')) {
		if (at_text(r) && before_assign(r)) {
			read_assignment(r, s);
		} else if (at_text(r)) {
			if (!read_stray(r, s))
				return;
		} else {
			unexpected(
				r, "here the name of an option should stand",
				"options are not separated by commas: NAME = VALUE NAME = VALUE");
			if (at_punct(r, '{'))
				skip_block(r);
			else
				advance(r);
		}
	}
	if (r->at_end)
		not_closed(r, &s->loc, "section", s->row->name);
	else
		advance(r);
}

/* ---- sections ---- */

/* False with a record when it is there already or there are too many of its kind. */
static bool is_new_section(struct conf_reader *r, const struct conf_section *s)
{
	size_t same = 0;

	for (size_t i = 0; i < r->tree->sections.n; i++) {
		const struct conf_section *o = &r->tree->sections.v[i];

		same += o->row == s->row;
		if (o->hash != s->hash || o->row != s->row ||
		    (s->title && strcmp(o->title, s->title) != 0))
			continue;
		conf_reader_error(r, &s->loc, "merge the two, or rename one",
				  "%s%s%s is given twice: first in %s%sline %u", s->row->name,
				  s->title ? " " : "", s->title ? s->title : "",
				  o->source != s->source ? o->loc.file : "", o->source != s->source ? ", " : "",
				  o->loc.line);
		return false;
	}
	if (same < CONF_MAX_SECTIONS)
		return true;
	conf_reader_error(r, &s->loc, "use lists, tables and groups", "more than %d %s sections",
			  CONF_MAX_SECTIONS, s->row->name);
	r->stop = true;
	return false;
}

static bool add_section(struct conf_reader *r, struct conf_section *s)
{
	s->hash = pt_hash32(s->row->name, strlen(s->row->name));
	if (s->title)
		s->hash ^= pt_hash32(s->title, strlen(s->title));
	s->clean_line = r->clean_line;
	s->source = r->source;
	if (!is_new_section(r, s))
		return false;
	r->section = (uint32_t)r->tree->sections.n;
	if (pt_vec_push(r->arena, &r->tree->sections, *s)) {
		conf_reader_nomem(r);
		return false;
	}
	return true;
}

/* At what may be the title. NULL with a record when there is none but one is needed. */
static const char *read_title(struct conf_reader *r, struct conf_section *s)
{
	bool good;

	if (!at_text(r) || before_assign(r)) {
		if (!blame_string(r, &r->last))
			conf_reader_error(r, &s->loc,
					  hint(r, "write %s NAME { ... }", s->row->name),
					  "this %s has no name", s->row->name);
		return NULL;
	}
	s->loc = tok_loc(r, &r->tok);
	good = conf_value_decode(r, &r->tok);
	if (good && s->row->check_title && s->row->check_title(r->value.s, &s->loc, r->e)) {
		r->errors++;
		good = false;
	}
	advance(r);
	if (!good)
		return NULL;
	s->title = pt_arena_strdup(r->arena, r->value.s);
	if (!s->title)
		conf_reader_nomem(r);
	return s->title;
}

/* Behind the section's name, to its end. */
static void read_section(struct conf_reader *r, const struct pt_schema *row,
			 const struct pt_loc *loc)
{
	struct conf_section s = { .row = row, .loc = *loc };
	struct section_state state = { .row = row };
	size_t errors = r->errors;
	bool mute = r->mute;

	if (row->titled && !read_title(r, &s))
		r->mute = true;
	if (at_text(r) && before_punct(r, '{')) {
		unexpected(r,
			   row->titled ? "a section has one name only"
				       : "this section takes no name",
			   hint(r, row->titled ? "write %s NAME { ... }" : "write %s { ... }",
				row->name));
		advance(r);
	}
	state.loc = s.loc;
	if (!r->mute && !add_section(r, &s))
		r->mute = true;
	conf_clean_word(r, row->name);
	if (row->titled)
		conf_clean_string(r, s.title ? s.title : "");
	conf_clean_word(r, "{");
	if (at_punct(r, '{'))
		advance(r);
	else if (r->at_end)
		not_closed(r, &s.loc, "section", row->name);
	else
		unexpected(r, "an opening { is missing before this", NULL);
	read_body(r, &state);
	conf_clean_word(r, "}");
	if (!r->mute && !r->nomem)
		r->tree->sections.v[r->section].bad = r->errors > errors;
	r->mute = mute;
}

/* An option that stands outside of its section, or a section's name misspelt. */
static void unknown_section(struct conf_reader *r, const char *name, const struct pt_loc *loc)
{
	const char *near = conf_schema_nearest(pt_conf_schema, name);
	const struct pt_schema *row = pt_conf_schema;

	if (!before_assign(r)) {
		conf_reader_error(
			r, loc,
			near ? hint(r, "did you mean \"%s\"?", near)
			     : "sections are system, interface, table, macro, anchor, firewall and test",
			"there is no section \"%s\"", shown(name));
		return;
	}
	while (row->name && !conf_schema_find(row->options, name))
		row++;
	conf_reader_error(r, loc,
			  row->name
				  ? hint(r, "move it into a section such as %s { ... }", row->name)
				  : "patronus.conf(5) lists the options of each section",
			  "option \"%s\" stands outside of any section", name);
}

/* Up to what can be the next section's name. */
static void skip_unknown(struct conf_reader *r)
{
	if (before_assign(r)) {
		advance(r);
		advance(r);
		skip_value(r);
		return;
	}
	advance(r);
	if (at_text(r) && before_punct(r, '{'))
		advance(r);
	if (at_punct(r, '{'))
		skip_block(r);
}

static void read_source(struct conf_reader *from, size_t source);

/* At "include". */
static void read_include(struct conf_reader *r)
{
	struct pt_loc loc = tok_loc(r, &r->tok);
	int rc = -EINVAL;

	advance(r);
	advance(r);
	if (!at_text(r)) {
		unexpected(r, "here the path of a file is missing", "write include(\"FILE\")");
	} else {
		loc = tok_loc(r, &r->tok);
		if (conf_value_decode(r, &r->tok)) {
			rc = conf_include(r->includes, r->value.s, &loc);
			r->errors += rc == -EINVAL;
		}
		advance(r);
	}
	if (at_punct(r, ')'))
		advance(r);
	else
		unexpected(r, "a closing ) is missing before this", "write include(\"FILE\")");
	if (rc == -ENOMEM)
		conf_reader_nomem(r);
	if (rc)
		return;
	r->includes->depth++;
	read_source(r, r->includes->c->sources.n - 1);
	r->includes->depth--;
}

static void read_top(struct conf_reader *r)
{
	const struct pt_schema *row;
	struct pt_loc loc;

	if (!at_text(r)) {
		unexpected(r,
			   at_punct(r, '}') ? "this } closes nothing"
					    : "here the name of a section should stand",
			   "write SECTION [NAME] { OPTION = VALUE ... }");
		if (at_punct(r, '{'))
			skip_block(r);
		else
			advance(r);
		return;
	}
	if (before_punct(r, '(')) {
		if (conf_value_decode(r, &r->tok) && !strcmp(r->value.s, "include"))
			read_include(r);
		else
			skip_call(r);
		return;
	}
	loc = tok_loc(r, &r->tok);
	if (!conf_value_decode(r, &r->tok)) {
		skip_unknown(r);
		return;
	}
	row = conf_schema_find(pt_conf_schema, r->value.s);
	if (row && !before_assign(r)) {
		advance(r);
		read_section(r, row, &loc);
		return;
	}
	if (!blame_string(r, &r->tok))
		unknown_section(r, r->value.s, &loc);
	skip_unknown(r);
}

/* All of source number SOURCE; its errors count in FROM, which includes it. */
static void read_source(struct conf_reader *from, size_t source)
{
	const struct pt_conf_source *s = &from->includes->c->sources.v[source];
	struct conf_reader r = {
		.file = s->file, .text = s->text, .arena = from->arena, .e = from->e, .tree = from->tree,
		.clean_line = from->clean_line, .includes = from->includes, .source = source,
	};

	if (conf_check_bytes(s->file, s->text, s->len, from->e))
		r.errors++;
	pt_buf_room(&r.tree->clean, s->len + s->len / CLEAN_MORE + 64);
	conf_lex_init(&r.lex, s->file, s->text, s->len, from->e);
	r.next_at_end = !significant(&r, &r.next);
	advance(&r);
	while (!r.at_end)
		read_top(&r);
	pt_buf_fini(&r.value);
	pt_buf_fini(&r.hint);
	from->clean_line = r.clean_line;
	from->errors += r.errors + r.lex.errors;
	from->nomem = from->nomem || r.nomem;
	from->tree->incomplete = from->tree->incomplete || r.stop || r.lex.open;
	from->stop = from->stop || r.stop;
}

int conf_tree_read(struct conf_includes *inc, struct conf_tree *t)
{
	struct conf_reader r = { .arena = inc->c->arena, .e = inc->e, .tree = t, .clean_line = 1, .includes = inc };

	read_source(&r, 0);
	if (r.nomem || t->clean.err)
		return -ENOMEM;
	return r.errors ? -EINVAL : 0;
}

void conf_tree_fini(struct conf_tree *t)
{
	pt_buf_fini(&t->clean);
	free(t->leaves.v);
	memset(&t->leaves, 0, sizeof(t->leaves));
}
