/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call shows a value in every format under the same key. JSON is written as it comes; tables
 * wait for enough records to know their widths; -o lines and texts go out record by record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/out.h>

#define TABLE_LOOKAHEAD 256 /* records that decide the widths of a table */
#define FLUSH_BYTES 32768
#define FIRST_FLUSH_BYTES 2048 /* a screen: whoever waits for it need not wait for more */

#define JSON_KEY_MAX 60

enum value { VALUE_STR, VALUE_NUM };

struct cell {
	char *s;
	bool right;
};

struct pt_out {
	enum pt_out_fmt fmt;
	bool pretty, colour;
	pt_out_write write;
	void *arg;
	int err;
	bool written;           /* some bytes are out */
	struct pt_buf buf;      /* bytes on their way */
	const char *list;
	bool in_list;           /* JSON: the list has begun */
	size_t records;
	int depth;              /* JSON nesting, for indentation */
	bool first;             /* JSON: no comma before the next member */
	bool in_obj;
	const char *obj;        /* key of the open object; NULL: it is an item of an array */
	bool first_sub;         /* no blank before the next value of that item */
	bool in_top;            /* beside the list, for JSON only */
	struct pt_buf item;     /* joined items of an array in tables and lines */
	struct pt_buf text;     /* of one value */
	/* tables */
	struct pt_arena *arena; /* of the keys */
	PT_VEC(char *) keys;
	PT_VEC(struct cell) cells; /* of the waiting records, row by row */
	size_t *width;
	size_t column, rows;
	bool widths_known;
};

static void flush(struct pt_out *o)
{
	if (!o->err && o->buf.err)
		o->err = o->buf.err;
	if (!o->err && o->buf.n)
		o->err = o->write(o->arg, o->buf.s, o->buf.n);
	o->written = o->written || o->buf.n;
	o->buf.n = 0;
}

static bool is_json(const struct pt_out *o)
{
	return o->fmt == PT_OUT_JSON || o->fmt == PT_OUT_JSONL;
}

/* ---- JSON ---- */

static void json_indent(struct pt_out *o)
{
	if (!o->pretty || o->fmt != PT_OUT_JSON)
		return;
	pt_buf_chr(&o->buf, '\n');
	for (int i = 0; i < o->depth; i++)
		pt_buf_str(&o->buf, "  ");
}

/* Comma, indentation and, with a KEY, the name of the next member. */
static void json_next(struct pt_out *o, const char *key)
{
	char text[JSON_KEY_MAX + 4], *p = text;
	size_t n = key ? strlen(key) : 0;

	if (!o->first)
		pt_buf_chr(&o->buf, ',');
	json_indent(o);
	o->first = false;
	if (!key)
		return;
	if (n > JSON_KEY_MAX) {
		pt_out_fail(o, -EINVAL);
		return;
	}
	*p++ = '"'; /* keys are words of ours */
	memcpy(p, key, n);
	p += n;
	*p++ = '"';
	*p++ = ':';
	if (o->pretty && o->fmt == PT_OUT_JSON)
		*p++ = ' ';
	pt_buf_add(&o->buf, text, (size_t)(p - text));
}

static void json_open(struct pt_out *o, char c)
{
	pt_buf_chr(&o->buf, c);
	o->depth++;
	o->first = true;
}

static void json_close(struct pt_out *o, char c)
{
	bool empty = o->first;

	o->depth--;
	if (!empty)
		json_indent(o);
	pt_buf_chr(&o->buf, c);
	o->first = false;
}

static void json_begin_list(struct pt_out *o)
{
	if (o->in_list || o->fmt != PT_OUT_JSON)
		return;
	json_next(o, o->list);
	json_open(o, '[');
	o->in_list = true;
}

/* ---- tables ---- */

static size_t columns_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void table_pad(struct pt_out *o, size_t n)
{
	while (n--)
		pt_buf_chr(&o->buf, ' ');
}

static void table_cell(struct pt_out *o, const struct cell *c, size_t column)
{
	size_t w = columns_of(c->s), pad = o->width[column] > w ? o->width[column] - w : 0;
	bool last = column + 1 == o->keys.n;

	if (c->right)
		table_pad(o, pad);
	pt_buf_str(&o->buf, c->s);
	if (!c->right && !last)
		table_pad(o, pad);
	pt_buf_str(&o->buf, last ? "\n" : "  ");
}

static void table_header(struct pt_out *o)
{
	for (size_t k = 0; k < o->keys.n; k++) {
		char head[64];
		size_t n = 0;
		struct cell c = { .s = head, .right = o->rows && o->cells.v[k].right };

		for (const char *s = o->keys.v[k]; *s && n < sizeof(head) - 1; s++)
			head[n++] = *s == '_' || *s == '.' ? ' ' :
				    *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;
		head[n] = '\0';
		table_cell(o, &c, k);
	}
}

static void table_flush(struct pt_out *o)
{
	if (!o->keys.n || o->err)
		goto drop;
	if (!o->widths_known) {
		o->width = calloc(o->keys.n, sizeof(*o->width));
		if (!o->width) {
			o->err = -ENOMEM;
			goto drop;
		}
		for (size_t k = 0; k < o->keys.n; k++)
			o->width[k] = strlen(o->keys.v[k]);
		for (size_t i = 0; i < o->cells.n; i++)
			if (columns_of(o->cells.v[i].s) > o->width[i % o->keys.n])
				o->width[i % o->keys.n] = columns_of(o->cells.v[i].s);
		o->widths_known = true;
		table_header(o);
	}
	for (size_t i = 0; i < o->cells.n; i++)
		table_cell(o, &o->cells.v[i], i % o->keys.n);
drop:
	for (size_t i = 0; i < o->cells.n; i++)
		free(o->cells.v[i].s);
	o->cells.n = 0;
	o->rows = 0;
}

static void table_value(struct pt_out *o, const char *key, const char *s, bool right)
{
	struct cell c = { .right = right };

	if (o->records == 1) {
		char *k = o->in_obj ? pt_arena_printf(o->arena, "%s.%s", o->obj, key) : pt_arena_strdup(o->arena, key);

		if (!k || pt_vec_push(o->arena, &o->keys, k)) {
			o->err = -ENOMEM;
			return;
		}
		/* cppcheck-suppress memleak ; the vector owns it */
	}
	if (o->column++ >= o->keys.n) /* a column that the header has not */
		return;
	c.s = strdup(s);
	if (!c.s || pt_vec_push(NULL, &o->cells, c)) {
		free(c.s);
		o->err = -ENOMEM;
	}
}

/* ---- -o lines ---- */

static bool plain_word(const char *s)
{
	return *s && !strpbrk(s, " \t\"'=\\,");
}

static void line_value(struct pt_out *o, const char *key, const char *s, bool quote)
{
	if (!o->first)
		pt_buf_chr(&o->buf, ' ');
	o->first = false;
	if (o->in_obj) {
		pt_buf_str(&o->buf, o->obj);
		pt_buf_chr(&o->buf, '.');
	}
	pt_buf_str(&o->buf, key);
	pt_buf_chr(&o->buf, '=');
	if (!quote || plain_word(s)) {
		pt_buf_str(&o->buf, s);
		return;
	}
	pt_buf_chr(&o->buf, '"');
	for (;;) {
		size_t n = strcspn(s, "\"\\");

		pt_buf_add(&o->buf, s, n);
		s += n;
		if (!*s)
			break;
		pt_buf_chr(&o->buf, '\\');
		pt_buf_chr(&o->buf, *s++);
	}
	pt_buf_chr(&o->buf, '"');
}

/* ---- values ---- */

/* Whether values are shown at all, so that none is written in vain. */
static bool takes_values(const struct pt_out *o)
{
	return o->fmt != PT_OUT_TEXT && !o->err && !(o->in_top && o->fmt != PT_OUT_JSON);
}

/* Of an object that is an item: "key=value key=value". */
static void item_value(struct pt_out *o, const char *key, const char *shown)
{
	pt_buf_str(&o->item, o->first_sub ? "" : " ");
	pt_buf_str(&o->item, key);
	pt_buf_chr(&o->item, '=');
	pt_buf_str(&o->item, shown);
	o->first_sub = false;
}

/* RAW is the JSON form; SHOWN is for people, escaped already. */
static void value(struct pt_out *o, const char *key, const char *raw, const char *shown, enum value kind)
{
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, key);
		pt_buf_str(&o->buf, raw);
	} else if (o->in_obj && !o->obj) {
		item_value(o, key, shown);
	} else if (o->fmt == PT_OUT_TABLE) {
		table_value(o, key, shown, kind == VALUE_NUM);
	} else {
		line_value(o, key, shown, kind == VALUE_STR);
	}
}

/* The empty text of the next value, for value_text(). */
static struct pt_buf *new_text(struct pt_out *o)
{
	o->text.n = 0;
	pt_buf_add(&o->text, "", 0);
	return &o->text;
}

static void value_text(struct pt_out *o, const char *key, enum value kind)
{
	if (o->text.err)
		o->err = o->text.err;
	else
		value(o, key, o->text.s, o->text.s, kind);
}

void pt_out_str(struct pt_out *o, const char *key, const char *s)
{
	if (!s) {
		pt_out_null(o, key);
		return;
	}
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, key);
		pt_escape_json(&o->buf, s, strlen(s));
		return;
	}
	pt_escape(new_text(o), s, strlen(s));
	value_text(o, key, VALUE_STR);
}

void pt_out_u64(struct pt_out *o, const char *key, uint64_t v)
{
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, key);
		pt_buf_uint(&o->buf, v);
		return;
	}
	pt_buf_uint(new_text(o), v);
	value_text(o, key, VALUE_NUM);
}

void pt_out_i64(struct pt_out *o, const char *key, int64_t v)
{
	if (!takes_values(o))
		return;
	pt_buf_fmt(new_text(o), "%lld", (long long)v);
	value_text(o, key, VALUE_NUM);
}

/* Without a locale's point, and exact. */
void pt_out_decimal(struct pt_out *o, const char *key, uint64_t v, unsigned int digits)
{
	uint64_t one = 1;

	if (!takes_values(o))
		return;
	for (unsigned int i = 0; i < digits; i++)
		one *= 10;
	pt_buf_fmt(new_text(o), "%llu.%0*llu", (unsigned long long)(v / one), (int)digits, (unsigned long long)(v % one));
	value_text(o, key, VALUE_NUM);
}

void pt_out_bool(struct pt_out *o, const char *key, bool v)
{
	value(o, key, v ? "true" : "false", v ? "yes" : "no", VALUE_STR);
}

void pt_out_null(struct pt_out *o, const char *key)
{
	value(o, key, "null", "-", VALUE_STR);
}

void pt_out_addr(struct pt_out *o, const char *key, struct pt_addr a)
{
	if (a.af == PT_AF_NONE) {
		pt_out_null(o, key);
		return;
	}
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, key);
		pt_buf_chr(&o->buf, '"');
		pt_addr_fmt(&o->buf, a);
		pt_buf_chr(&o->buf, '"');
		return;
	}
	pt_addr_fmt(new_text(o), a);
	value_text(o, key, VALUE_STR);
}

/* ---- nesting ---- */

void pt_out_arr(struct pt_out *o, const char *key)
{
	if (!takes_values(o))
		return;
	o->item.n = 0;
	pt_buf_add(&o->item, "", 0);
	if (is_json(o)) {
		json_next(o, key);
		json_open(o, '[');
		return;
	}
	pt_buf_fmt(&o->item, "%s%c", key, '\0'); /* the key waits before the items */
}

/* Between two items of a joined array; the key before them ends with a NUL. */
static void item_next(struct pt_out *o)
{
	if (o->item.n && o->item.s[o->item.n - 1])
		pt_buf_chr(&o->item, ',');
}

void pt_out_item(struct pt_out *o, const char *s)
{
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, NULL);
		pt_escape_json(&o->buf, s, strlen(s));
		return;
	}
	item_next(o);
	pt_escape(&o->item, s, strlen(s));
}

void pt_out_arr_end(struct pt_out *o)
{
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_close(o, ']');
		return;
	}
	if (o->item.err) {
		o->err = o->item.err;
		return;
	}
	const char *key = o->item.s, *items = key + strlen(key) + 1;

	value(o, key, "", *items ? items : "-", VALUE_STR);
}

void pt_out_obj(struct pt_out *o, const char *key)
{
	if (!takes_values(o))
		return;
	if (is_json(o)) {
		json_next(o, key);
		json_open(o, '{');
	} else if (!key) {
		item_next(o);
		o->first_sub = true;
	}
	o->in_obj = true;
	o->obj = key;
}

void pt_out_obj_end(struct pt_out *o)
{
	if (!takes_values(o))
		return;
	if (is_json(o))
		json_close(o, '}');
	o->in_obj = false;
	o->obj = NULL;
}

/* ---- records and documents ---- */

struct pt_out *pt_out_new(enum pt_out_fmt fmt, const char *schema, const char *list, bool pretty,
			  bool colour, pt_out_write w, void *arg)
{
	struct pt_out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->arena = pt_arena_new();
	if (!o->arena) {
		free(o);
		return NULL;
	}
	o->fmt = fmt;
	o->list = list;
	o->pretty = pretty;
	o->colour = colour;
	o->write = w;
	o->arg = arg;
	if (fmt == PT_OUT_JSON) {
		json_open(o, '{');
		pt_out_top_str(o, "schema", schema);
	}
	return o;
}

void pt_out_top_str(struct pt_out *o, const char *key, const char *s)
{
	if (o->fmt != PT_OUT_JSON || o->in_list)
		return;
	json_next(o, key);
	if (s)
		pt_escape_json(&o->buf, s, strlen(s));
	else
		pt_buf_str(&o->buf, "null");
}

void pt_out_top_u64(struct pt_out *o, const char *key, uint64_t v)
{
	if (o->fmt != PT_OUT_JSON || o->in_list)
		return;
	json_next(o, key);
	pt_buf_fmt(&o->buf, "%llu", (unsigned long long)v);
}

void pt_out_top(struct pt_out *o)
{
	o->in_top = true;
}

void pt_out_top_end(struct pt_out *o)
{
	o->in_top = false;
}

void pt_out_rec(struct pt_out *o)
{
	o->records++;
	o->column = 0;
	if (o->fmt == PT_OUT_JSON) {
		json_begin_list(o);
		json_next(o, NULL);
	}
	o->first = true;
	if (is_json(o))
		json_open(o, '{');
}

void pt_out_text(struct pt_out *o, const char *s)
{
	if (o->fmt != PT_OUT_TEXT || o->err)
		return;
	for (;;) {
		size_t n = strcspn(s, "\n\t");

		pt_escape(&o->buf, s, n);
		pt_buf_chr(&o->buf, s[n] ? s[n] : '\n');
		if (!s[n])
			break;
		s += n + 1;
	}
}

struct pt_buf *pt_out_line(struct pt_out *o)
{
	return o->fmt == PT_OUT_TEXT ? &o->buf : NULL;
}

void pt_out_text_toned(struct pt_out *o, const char *s, size_t from, size_t n, enum pt_out_tone tone)
{
	static const char *const tones[] = { [PT_OUT_GOOD] = "\033[32m", [PT_OUT_BAD] = "\033[31m",
					     [PT_OUT_NOTE] = "\033[33m" };

	if (o->fmt != PT_OUT_TEXT || o->err)
		return;
	if (!o->colour || from + n > strlen(s)) {
		pt_out_text(o, s);
		return;
	}
	pt_escape(&o->buf, s, from);
	pt_buf_str(&o->buf, tones[tone]);
	pt_escape(&o->buf, s + from, n);
	pt_buf_str(&o->buf, "\033[0m");
	pt_out_text(o, s + from + n);
}

void pt_out_rec_end(struct pt_out *o)
{
	switch (o->fmt) {
	case PT_OUT_TABLE:
		while (o->column < o->keys.n && !o->err)
			table_value(o, "", "-", false);
		if (++o->rows >= TABLE_LOOKAHEAD || o->widths_known)
			table_flush(o);
		break;
	case PT_OUT_LINE:
		pt_buf_chr(&o->buf, '\n');
		break;
	case PT_OUT_JSON:
	case PT_OUT_JSONL:
		json_close(o, '}');
		if (o->fmt == PT_OUT_JSONL) {
			pt_buf_chr(&o->buf, '\n');
			flush(o); /* a reader of events must not wait */
		}
		break;
	case PT_OUT_TEXT:
		break;
	}
	if (o->buf.n >= (o->written || is_json(o) ? FLUSH_BYTES : FIRST_FLUSH_BYTES))
		flush(o);
}

int pt_out_flush(struct pt_out *o)
{
	flush(o);
	return o->err;
}

int pt_out_failed(const struct pt_out *o)
{
	return o->err;
}

int pt_out_end(struct pt_out *o)
{
	int err;

	if (!o)
		return -ENOMEM;
	if (o->fmt == PT_OUT_TABLE)
		table_flush(o);
	if (o->fmt == PT_OUT_JSON) {
		json_begin_list(o);
		json_close(o, ']');
		json_close(o, '}');
		pt_buf_chr(&o->buf, '\n');
	}
	flush(o);
	err = o->err;
	pt_arena_free(o->arena);
	free(o->cells.v);
	free(o->width);
	pt_buf_fini(&o->item);
	pt_buf_fini(&o->text);
	pt_buf_fini(&o->buf);
	free(o);
	return err;
}

void pt_out_fail(struct pt_out *o, int err)
{
	if (!o->err)
		o->err = err;
}

enum pt_out_fmt pt_out_format(const struct pt_out *o)
{
	return o->fmt;
}
