/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shortest way from one text to another, by lines: Myers' algorithm (An O(ND) Difference Algorithm, 1986) in its linear-space
 * form. It looks from both ends for the middle of the way and divides there. A part in which nearly everything differs is
 * given up and told as replaced: nobody reads those lines one by one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/textdiff.h>

#define EDITS_MAX 2000 /* of the way to the middle; beyond, a part is replaced as a whole */

struct line {
	const char *s;
	size_t len;              /* with its end */
	uint64_t hash;
};

struct side {
	struct line *v;
	size_t n;
	bool *differs;           /* the line is not in the other text, or elsewhere */
};

struct diff {
	struct side old, new;
	ptrdiff_t *forth, *back; /* furthest places by diagonal */
	size_t room;
};

static int split(const char *text, size_t len, struct side *out)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	n += len && text[len - 1] != '\n';
	out->v = calloc(n + 1, sizeof(*out->v));
	out->differs = calloc(n + 1, sizeof(*out->differs));
	if (!out->v || !out->differs)
		return -ENOMEM;
	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t k = end ? (size_t)(end - text) + 1 - at : len - at;

		out->v[out->n++] = (struct line){ text + at, k, pt_hash64(text + at, k) };
		at += k;
	}
	return 0;
}

static bool same(const struct diff *d, size_t x, size_t y)
{
	const struct line *a = &d->old.v[x], *b = &d->new.v[y];

	return a->hash == b->hash && a->len == b->len && (!a->len || !memcmp(a->s, b->s, a->len));
}

/* A part of both texts. */
struct part {
	size_t x0, x1, y0, y1;
};

struct middle {
	size_t x, y;
};

/* A place on a shortest way through P, both sides of which are not empty; false: it is too long. */
static bool find_middle(struct diff *d, const struct part *p, struct middle *out)
{
	ptrdiff_t n = (ptrdiff_t)(p->x1 - p->x0), m = (ptrdiff_t)(p->y1 - p->y0), delta = n - m, off = (ptrdiff_t)d->room / 2;
	ptrdiff_t *f = d->forth + off, *b = d->back + off;
	bool odd = delta & 1;

	f[1] = b[1] = 0;
	for (ptrdiff_t e = 0; e <= (n + m + 1) / 2 && e <= EDITS_MAX; e++) {
		for (ptrdiff_t k = -e; k <= e; k += 2) {
			ptrdiff_t x = k == -e || (k != e && f[k - 1] < f[k + 1]) ? f[k + 1] : f[k - 1] + 1, y = x - k;

			while (x < n && y < m && y >= 0 && same(d, p->x0 + (size_t)x, p->y0 + (size_t)y)) {
				x++;
				y++;
			}
			f[k] = x;
			if (odd && k - delta >= -(e - 1) && k - delta <= e - 1 && x + b[-(k - delta)] >= n && x <= n && y <= m &&
			    y >= 0) {
				*out = (struct middle){ p->x0 + (size_t)x, p->y0 + (size_t)y };
				return true;
			}
		}
		for (ptrdiff_t k = -e; k <= e; k += 2) {
			ptrdiff_t x = k == -e || (k != e && b[k - 1] < b[k + 1]) ? b[k + 1] : b[k - 1] + 1, y = x - k;

			while (x < n && y < m && y >= 0 && same(d, p->x1 - 1 - (size_t)x, p->y1 - 1 - (size_t)y)) {
				x++;
				y++;
			}
			b[k] = x;
			if (!odd && -(k - delta) >= -e && -(k - delta) <= e && x + f[-(k - delta)] >= n && x <= n && y <= m && y >= 0) {
				*out = (struct middle){ p->x1 - (size_t)x, p->y1 - (size_t)y };
				return true;
			}
		}
	}
	return false;
}

static void replace(struct diff *d, const struct part *p)
{
	memset(d->old.differs + p->x0, true, p->x1 - p->x0);
	memset(d->new.differs + p->y0, true, p->y1 - p->y0);
}

/* The parts that are left wait on a list: a text may divide deeper than a stack goes. */
static int mark(struct diff *d)
{
	PT_VEC(struct part) wait = { 0 };
	struct part p = { 0, d->old.n, 0, d->new.n };
	struct middle at;
	int rc = pt_vec_push(NULL, &wait, p);

	while (!rc && wait.n) {
		p = wait.v[--wait.n];
		while (p.x0 < p.x1 && p.y0 < p.y1 && same(d, p.x0, p.y0)) {
			p.x0++;
			p.y0++;
		}
		while (p.x0 < p.x1 && p.y0 < p.y1 && same(d, p.x1 - 1, p.y1 - 1)) {
			p.x1--;
			p.y1--;
		}
		if (p.x0 == p.x1 || p.y0 == p.y1 || !find_middle(d, &p, &at) || (at.x == p.x0 && at.y == p.y0) ||
		    (at.x == p.x1 && at.y == p.y1)) {
			replace(d, &p);
			continue;
		}
		rc = pt_vec_push(NULL, &wait, ((struct part){ p.x0, at.x, p.y0, at.y }));
		if (!rc)
			rc = pt_vec_push(NULL, &wait, ((struct part){ at.x, p.x1, at.y, p.y1 }));
	}
	free(wait.v);
	return rc;
}

/* ---- telling ---- */

struct teller {
	const struct diff *d;
	pt_textdiff_cb cb;
	void *arg;
	size_t n;
};

static int tell(struct teller *t, char sign, const struct line *l, size_t x, size_t y)
{
	bool ended = l->len && l->s[l->len - 1] == '\n';
	struct pt_textdiff_line line = { .sign = sign, .text = l->s, .len = l->len - ended, .old_line = x + 1, .new_line = y + 1,
					 .no_newline = !ended };

	t->n += sign != ' ';
	return t->cb(&line, t->arg);
}

/* "@@ -3,7 +3,8 @@": an empty side is named by the line before it. */
static int tell_head(struct teller *t, const struct part *p)
{
	size_t from = p->x0 + (p->x1 > p->x0), to = p->y0 + (p->y1 > p->y0);
	struct pt_textdiff_line line = { .sign = '@', .old_line = p->x0 + 1, .new_line = p->y0 + 1 };
	char text[100];

	line.len = (size_t)snprintf(text, sizeof(text), "@@ -%zu,%zu +%zu,%zu @@", from, p->x1 - p->x0, to, p->y1 - p->y0);
	line.text = text;
	return t->cb(&line, t->arg);
}

static int tell_part(struct teller *t, const struct part *p)
{
	size_t x = p->x0, y = p->y0;
	int rc = tell_head(t, p);

	while (!rc && (x < p->x1 || y < p->y1)) {
		if (x < p->x1 && t->d->old.differs[x]) {
			rc = tell(t, '-', &t->d->old.v[x], x, y);
			x++;
		} else if (y < p->y1 && t->d->new.differs[y]) {
			rc = tell(t, '+', &t->d->new.v[y], x, y);
			y++;
		} else {
			rc = tell(t, ' ', &t->d->old.v[x], x, y);
			x++;
			y++;
		}
	}
	return rc;
}

/* Parts nearer than twice the context are one. */
static int tell_all(struct teller *t, size_t context)
{
	const struct side *a = &t->d->old, *b = &t->d->new;
	size_t x = 0, y = 0;
	int rc = 0;

	while (!rc && (x < a->n || y < b->n)) {
		struct part p;
		size_t equal = 0;

		if ((x >= a->n || !a->differs[x]) && (y >= b->n || !b->differs[y])) {
			x++;
			y++;
			continue;
		}
		p = (struct part){ x - (x < context ? x : context), x, y - (x < context ? x : context), y };
		while ((x < a->n || y < b->n) && equal <= 2 * context) {
			if (x < a->n && a->differs[x]) {
				x++;
				equal = 0;
			} else if (y < b->n && b->differs[y]) {
				y++;
				equal = 0;
			} else {
				x++;
				y++;
				equal++;
			}
		}
		equal = equal > context ? equal - context : 0;
		p.x1 = x - equal;
		p.y1 = y - equal;
		x = p.x1;
		y = p.y1;
		rc = tell_part(t, &p);
	}
	return rc;
}

int pt_textdiff(const char *old, size_t old_len, const char *new, size_t new_len, size_t context, pt_textdiff_cb cb, void *arg,
		size_t *n)
{
	struct diff d = { 0 };
	struct teller t = { .d = &d, .cb = cb, .arg = arg };
	int rc = split(old, old_len, &d.old);

	if (!rc)
		rc = split(new, new_len, &d.new);
	d.room = 2 * (EDITS_MAX + 4);
	d.forth = calloc(d.room, sizeof(*d.forth));
	d.back = calloc(d.room, sizeof(*d.back));
	if (!rc && (!d.forth || !d.back))
		rc = -ENOMEM;
	if (!rc)
		rc = mark(&d);
	if (!rc)
		rc = tell_all(&t, context);
	if (n)
		*n = t.n;
	free(d.old.v);
	free(d.old.differs);
	free(d.new.v);
	free(d.new.differs);
	free(d.forth);
	free(d.back);
	return rc;
}
