/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An apply that has nothing to do, in short: where the files are byte by byte those that were put in force last, and the kernel is what it
 * was when nothing was left to do, a comparison would find nothing again. So neither is anything parsed nor compared.
 *
 * It is exact because the comparison is a function of the two: all of the kernel that it looks at goes into the fingerprint, taken in that
 * very reading which found no difference, and again of a reading now. Whatever else differs (another build, a file that cannot be read, a
 * kernel that tells more) only means that all is parsed and compared.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/network.h"

/* ---- the kernel in few bytes ---- */

enum { LINK = 1, SETTING, TRAIT, ADDRESS, NEIGHBOUR, RULE, SHAPE };

static void word_addr(struct pt_tally_item *t, struct pt_addr a)
{
	pt_tally_word(t, a.af);
	pt_tally_word(t, a.af ? (uint64_t)(a.v >> 64) : 0);
	pt_tally_word(t, a.af ? (uint64_t)a.v : 0);
}

static void word_text(struct pt_tally_item *t, const char *s)
{
	pt_tally_bytes(t, s ? s : "", s ? strlen(s) : 0);
}

static void tally_setting(struct pt_tally *sum, const struct pt_link *l, const struct pt_link_setting *s)
{
	struct pt_tally_item t;

	pt_tally_begin(&t, SETTING);
	pt_tally_word(&t, l->index);
	word_text(&t, s->attr->name);
	pt_tally_word(&t, s->number);
	word_addr(&t, s->addr);
	word_text(&t, s->name);
	pt_tally_add(sum, &t);
}

/* Not what moves by itself: counters, carrier, state of operation. */
static void tally_link(struct pt_tally *sum, const struct pt_link *l)
{
	struct pt_tally_item t;

	pt_tally_begin(&t, LINK);
	pt_tally_word(&t, (uint64_t)l->index << 32 | l->kind);
	word_text(&t, l->name);
	word_text(&t, l->kernel_kind);
	word_text(&t, l->alias);
	word_text(&t, l->master);
	pt_tally_word(&t, (uint64_t)l->mtu << 32 | l->txqueuelen);
	pt_tally_bytes(&t, l->mac, l->has_mac ? sizeof(l->mac) : 0);
	pt_tally_word(&t, (uint64_t)l->parent << 32 | l->master_index);
	pt_tally_word(&t, (uint64_t)l->up << 1 | l->foreign_parent);
	pt_tally_add(sum, &t);
	for (size_t i = 0; i < l->settings.n; i++)
		tally_setting(sum, l, &l->settings.v[i]);
}

static void tally_trait(struct pt_tally *sum, const struct pt_trait *x)
{
	struct pt_tally_item t;

	pt_tally_begin(&t, TRAIT);
	pt_tally_word(&t, (uint64_t)x->kind << 32 | x->bridge);
	word_text(&t, x->device);
	pt_tally_word(&t, (uint64_t)x->number << 32 | x->value);
	word_addr(&t, x->addr);
	pt_tally_add(sum, &t);
}

static void tally_address(struct pt_tally *sum, const struct pt_address *a)
{
	struct pt_tally_item t;

	pt_tally_begin(&t, ADDRESS);
	word_text(&t, a->device);
	word_addr(&t, a->prefix.addr);
	pt_tally_word(&t, (uint64_t)a->prefix.len << 8 | a->protocol);
	pt_tally_add(sum, &t);
}

/* What the kernel learns and forgets by itself is never what somebody wants, nor ours. */
static void tally_neighbour(struct pt_tally *sum, const struct pt_neighbour *n)
{
	bool stays = n->state & NUD_PERMANENT;
	struct pt_tally_item t;

	if (!stays && !n->proxy && n->protocol != PT_NET_PROTOCOL)
		return;
	pt_tally_begin(&t, NEIGHBOUR);
	word_text(&t, n->device);
	word_addr(&t, n->addr);
	pt_tally_word(&t, n->mac);
	pt_tally_word(&t, (uint64_t)n->protocol << 8 | (stays ? 4 : 0) | (n->proxy ? 2 : 0) | n->has_mac);
	pt_tally_add(sum, &t);
}

static void tally_rule(struct pt_tally *sum, const struct pt_route_rule *x)
{
	const struct pt_conf_route_rule *r = &x->r;
	struct pt_tally_item t;

	if (x->protocol != PT_NET_PROTOCOL)
		return;
	pt_tally_begin(&t, RULE);
	pt_tally_word(&t, (uint64_t)r->af << 32 | (uint64_t)r->neg << 24 | (uint64_t)x->action << 16 | (uint64_t)r->proto << 8 | r->tos);
	word_addr(&t, r->from.addr);
	word_addr(&t, r->to.addr);
	pt_tally_word(&t, (uint64_t)r->from.len << 8 | r->to.len);
	word_text(&t, r->iif);
	word_text(&t, r->oif);
	pt_tally_word(&t, (uint64_t)r->mark << 32 | r->mask);
	pt_tally_word(&t, (uint64_t)r->table << 32 | r->priority);
	pt_tally_word(&t, (uint64_t)r->sport_lo << 48 | (uint64_t)r->sport_hi << 32 | (uint64_t)r->dport_lo << 16 | r->dport_hi);
	pt_tally_add(sum, &t);
}

static void tally_shape(struct pt_tally *sum, const struct pt_shape *s)
{
	struct pt_tally_item t;

	pt_tally_begin(&t, SHAPE);
	pt_tally_word(&t, (uint64_t)s->what << 32 | (uint64_t)s->inner << 1 | s->standing);
	word_text(&t, s->device);
	pt_tally_word(&t, (uint64_t)s->index << 32 | s->target_index);
	pt_tally_word(&t, (uint64_t)s->handle << 32 | s->parent);
	word_text(&t, s->kind);
	pt_tally_bytes(&t, &s->v, sizeof(s->v)); /* no gap, see there */
	word_text(&t, s->program);
	pt_tally_add(sum, &t);
}

#define TALLY_ALL(list, tally_one)                       \
	do {                                             \
		for (size_t i = 0; i < (list).v.n; i++)  \
			tally_one(sum, &(list).v.v[i]);  \
	} while (0)

void network_tally(const struct network *have, struct pt_tally *sum)
{
	TALLY_ALL(have->links, tally_link);
	TALLY_ALL(have->traits, tally_trait);
	TALLY_ALL(have->addresses, tally_address);
	TALLY_ALL(have->neighbours, tally_neighbour);
	TALLY_ALL(have->rules, tally_rule);
	TALLY_ALL(have->shapes, tally_shape);
}

/* ---- what is noted of it ---- */

#define BUILD_MAX 65

/* "BUILD A B N", then what devices were asked for themselves, each as " KIND/NUMBER/DEVICE". */
void network_same_write(const struct network *want, const struct pt_tally *seen, struct pt_buf *out)
{
	char build[BUILD_MAX];

	if (pt_build_id(build, sizeof(build)))
		return;
	pt_buf_fmt(out, "%s %016llx %016llx %llu", build, (unsigned long long)seen->a, (unsigned long long)seen->b,
		   (unsigned long long)seen->n);
	for (size_t i = 0; i < want->traits.v.n; i++) {
		const struct pt_trait *t = &want->traits.v.v[i];

		if (t->kind == PT_TRAIT_OFFLOAD || t->kind == PT_TRAIT_SETTING)
			pt_buf_fmt(out, " %u/%u/%s", t->kind, t->number, t->device);
	}
}

/* One word from *S on, up to END, into OUT, which has room for all; its length. */
static size_t next_word(const char **s, char end, char *out, size_t size)
{
	size_t n = strcspn(*s, (const char[]){ end, '\0' });

	if (n >= size)
		return 0;
	memcpy(out, *s, n);
	out[n] = '\0';
	*s += n + ((*s)[n] == end);
	return n;
}

/* The list that was asked for. */
static int read_asked(const char *s, struct pt_arena *a, struct pt_traits *out)
{
	char kind[24], number[24];

	*out = (struct pt_traits){ .arena = a };
	while (*s) {
		struct pt_trait t = { 0 };
		uint64_t k, n;

		if (!next_word(&s, '/', kind, sizeof(kind)) || !next_word(&s, '/', number, sizeof(number)) ||
		    !next_word(&s, ' ', t.device, sizeof(t.device)) || pt_parse_uint(kind, PT_TRAIT_SETTING, &k) ||
		    pt_parse_uint(number, UINT32_MAX, &n))
			return -EBADMSG;
		t.kind = (enum pt_trait_kind)k;
		t.number = (uint32_t)n;
		if (pt_vec_push(a, &out->v, t))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the files and the kernel now ---- */

struct comparing {
	const char *path;
	struct pt_arena *arena;
	char *same;             /* of the note; NULL: not come yet */
	size_t files;
};

/* 1: it is another one. */
static int compare_text(const char *path, const char *text, size_t len, void *arg)
{
	struct comparing *x = arg;
	char *now = NULL;
	size_t n;
	int rc;

	if (!path) {
		x->same = pt_arena_strdup(x->arena, text);
		return x->same ? 0 : -ENOMEM;
	}
	if (!x->files++ && strcmp(path, x->path) != 0)
		return 1;
	rc = pt_file_read(path, PT_FILE_MAX, &now, &n, NULL);
	if (!rc)
		rc = n != len || memcmp(now, text, len) != 0;
	free(now);
	return rc;
}

static bool is_kernel_same(struct pt_nl *route, struct comparing *x)
{
	struct pt_err ignored = { 0 };
	struct difference now = { .arena = x->arena };
	struct network want = { 0 };
	struct pt_buf text = { 0 };
	const char *s = x->same;
	bool same = false;
	int rc = 0;

	for (int i = 0; i < 4; i++) { /* behind what is written first are those that are asked for */
		s += strcspn(s, " ");
		s += *s == ' ';
	}
	rc = read_asked(s, x->arena, &want.traits);
	if (!rc)
		rc = network_before_read(x->arena, &want.before, &ignored);
	if (!rc)
		rc = network_read(&now, &want, route, &ignored);
	if (!rc)
		rc = pt_routes_tally(route, &now.seen, &ignored);
	if (!rc) {
		network_same_write(&want, &now.seen, &text);
		same = !text.err && text.s && !strcmp(text.s, x->same) && !ignored.list.n;
	}
	pt_buf_fini(&text);
	pt_err_fini(&ignored);
	return same;
}

bool pt_network_same(const char *path, struct pt_nl *route)
{
	struct comparing x = { .path = path, .arena = pt_arena_new() };
	struct pt_err ignored = { 0 };
	int fd = -1, rc = x.arena && strcmp(path, "-") != 0 ? plan_lock(&fd, &ignored) : -ENOENT;
	bool same = false;

	/* An apply that is at work leaves another note. */
	if (!rc)
		rc = network_note_texts(compare_text, &x);
	if (!rc && x.same)
		same = is_kernel_same(route, &x);
	if (fd >= 0)
		close(fd);
	pt_arena_free(x.arena);
	pt_err_fini(&ignored);
	return same;
}
