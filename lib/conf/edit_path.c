/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of a change, and the part of them that says where: SECTION [TITLE] [OPTION], as in the file. In one word they
 * stand with dots or slashes between them; titles may have both, so the last part is an option where it is called as one.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "conf/edit.h"

static const char *verb(enum pt_edit_op op)
{
	static const char *const verbs[] = {
		[PT_EDIT_GET] = "get", [PT_EDIT_SET] = "set", [PT_EDIT_DELETE] = "delete",
		[PT_EDIT_RENAME] = "rename", [PT_EDIT_COMMENT] = "comment",
	};

	return verbs[op];
}

/* One that a shell would not take as it is stands in quotes, so that it is seen to be one. */
static bool is_plain(const char *s)
{
	return *s && !strpbrk(s, " \t\n'\"<>()|&;$*?#");
}

int edit_line_show(const struct pt_edit *what, struct pt_buf *out, uint32_t *col)
{
	pt_buf_str(out, what->verb ? what->verb : verb(what->op));
	for (size_t i = 0; i < what->n; i++) {
		bool plain = is_plain(what->words[i]);
		size_t from;

		pt_buf_str(out, plain ? " " : " '");
		from = out->n;
		if (col)
			col[i] = (uint32_t)from + 1;
		pt_buf_str(out, what->words[i]);
		for (size_t k = from; !out->err && k < out->n; k++)
			if (out->s[k] == '\n')
				out->s[k] = ' ';
		if (!plain)
			pt_buf_chr(out, '\'');
	}
	return out->err;
}

int edit_blame(const struct edit_line *l, size_t word, const char *hint, const char *fmt, ...)
{
	struct pt_loc loc = { .file = "command line", .line = 1, .len = 1 };
	struct pt_buf line = { 0 }, msg = { 0 };
	struct pt_edit head = *l->what;
	va_list ap;

	va_start(ap, fmt);
	pt_buf_vfmt(&msg, fmt, ap);
	va_end(ap);
	head.n = word < head.n ? word : head.n;
	(void)!edit_line_show(&head, &line, NULL);
	loc.col = (uint32_t)line.n + 2;
	if (word < l->what->n) {
		loc.len = (uint32_t)strlen(l->what->words[word]);
		loc.col += is_plain(l->what->words[word]) ? 0 : 1;
	}
	line.n = 0;
	if (edit_line_show(l->what, &line, NULL) || msg.err) {
		pt_buf_fini(&line);
		pt_buf_fini(&msg);
		return -ENOMEM;
	}
	pt_err_add(l->e, PT_ERROR, &loc, hint, "%s", msg.s);
	pt_err_source(l->e, line.s, line.n);
	pt_buf_fini(&line);
	pt_buf_fini(&msg);
	return -EINVAL;
}

/* "a, b or c" */
static void name_all(struct pt_buf *b, const struct pt_schema *rows)
{
	for (size_t i = 0; rows[i].name; i++)
		pt_buf_fmt(b, "%s%s", !i ? "" : rows[i + 1].name ? ", " : " or ", rows[i].name);
}

static int unknown(const struct edit_line *l, size_t word, const struct pt_schema *rows, const char *what,
		   const char *name)
{
	const char *near = conf_schema_nearest(rows, name);
	struct pt_buf hint = { 0 };
	int rc;

	if (near) {
		pt_buf_fmt(&hint, "did you mean \"%s\"?", near);
	} else {
		pt_buf_str(&hint, "there are ");
		name_all(&hint, rows);
	}
	rc = edit_blame(l, word, hint.s, "there is no %s \"%.64s\"", what, name);
	pt_buf_fini(&hint);
	return rc;
}

/* The parts of "interface.lan.address" as words in V, 1 to 3; 0: WORD is none of that kind; -ENOMEM. */
static int split(const char *word, struct pt_arena *a, const char *v[3])
{
	size_t n = strcspn(word, "./");
	const struct pt_schema *row;
	const char *tail;

	v[0] = pt_arena_strndup(a, word, n);
	if (!v[0])
		return -ENOMEM;
	row = word[n] ? conf_schema_find(pt_conf_schema, v[0]) : NULL;
	if (!row || !word[n + 1])
		return 0;
	v[1] = word + n + 1;
	if (!row->titled)
		return 2;
	tail = v[1] + strlen(v[1]);
	while (tail > v[1] && tail[-1] != '.' && tail[-1] != '/')
		tail--;
	if (tail == v[1] || !conf_schema_find(row->options, tail))
		return 2;
	v[2] = tail;
	v[1] = pt_arena_strndup(a, v[1], (size_t)(tail - v[1]) - 1);
	return v[1] ? 3 : -ENOMEM;
}

int edit_path_read(const struct edit_line *l, struct pt_arena *a, struct pt_edit_path *out)
{
	const struct pt_edit *what = l->what;
	const char *parts[3], *const *words = what->words;
	size_t n = what->n, k = 0;
	int pieces;

	*out = (struct pt_edit_path){ 0 };
	if (!n)
		return edit_blame(l, 0, "write SECTION [NAME] [OPTION], as in the file", "here a path is missing");
	pieces = split(words[0], a, parts);
	if (pieces < 0)
		return pieces;
	if (pieces) {
		words = parts;
		n = (size_t)pieces;
		out->used = 1;
	}
	out->section = conf_schema_find(pt_conf_schema, words[k]);
	if (!out->section)
		return unknown(l, 0, pt_conf_schema, "section", words[k]);
	k++;
	if (out->section->titled && k < n)
		out->title = words[k++];
	/* "interface.lan address": the option may be a word of its own */
	if (pieces && k == n && what->n > 1 && (out->title || !out->section->titled)) {
		words = what->words;
		n = what->n;
		k = 1;
		out->used = 0;
	}
	if (k < n && what->op != PT_EDIT_RENAME && (out->title || !out->section->titled)) {
		out->option = conf_schema_find(out->section->options, words[k]);
		if (!out->option && what->op != PT_EDIT_COMMENT)
			return unknown(l, out->used ? 0 : k, out->section->options, "option", words[k]);
		k += out->option != NULL;
	}
	if (!out->used)
		out->used = k;
	return 0;
}
