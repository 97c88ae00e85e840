/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ours from a rule of pf. What our language takes, it alone says: the rule is tried as a whole, and where a part
 * is refused that only adds something, such as a queue, it is tried without. A condition is never left out: the
 * rule would match more than its author wrote.
 */
#include <errno.h>

#include "import/internal.h"

/* ---- printing ---- */

static void put(struct pt_buf *b, const char *s)
{
	pt_buf_fmt(b, "%s%s", b->n ? " " : "", s);
}

static void print_subs(struct imp *m, struct imp_opt *o, struct pt_buf *b, bool fold)
{
	if (o->paren)
		pt_buf_str(b, " (");
	for (size_t i = 0; i < o->subs.n; i++) {
		struct imp_sub *s = &o->subs.v[i];

		if (o->paren && i)
			pt_buf_str(b, ", ");
		if (o->paren)
			s->w.v[0].glue = true;
		s->from = b->n;
		imp_join(m, b, &s->w, fold);
		s->to = b->n;
	}
	if (o->paren)
		pt_buf_chr(b, ')');
}

static void print_side(struct imp *m, struct pt_buf *b, const char *word, bool has, const imp_words *hosts,
		       const imp_words *ports, bool fold)
{
	if (!has)
		return;
	put(b, word);
	if (hosts->n)
		imp_join(m, b, hosts, fold);
	else if (!ports->n)
		put(b, "any");
	if (ports->n) {
		put(b, "port");
		imp_join(m, b, ports, fold);
	}
}

void imp_rule_print(struct imp *m, struct imp_rule *r, struct pt_buf *b, bool fold)
{
	put(b, r->action);
	r->ret_from = b->n;
	imp_join(m, b, &r->ret, fold);
	r->ret_to = b->n;
	if (r->dir)
		put(b, r->dir);
	r->log_from = b->n;
	imp_join(m, b, &r->log, fold);
	r->log_to = b->n;
	if (r->quick)
		put(b, "quick");
	if (r->on.n) {
		put(b, "on");
		imp_join(m, b, &r->on, fold);
	}
	imp_join(m, b, &r->af, fold);
	if (r->proto.n) {
		put(b, "proto");
		imp_join(m, b, &r->proto, fold);
	}
	if (!r->has_src && !r->has_dst)
		put(b, "all");
	print_side(m, b, "from", r->has_src, &r->src, &r->sport, fold);
	print_side(m, b, "to", r->has_dst, &r->dst, &r->dport, fold);
	for (size_t i = 0; i < r->opts.n; i++) {
		struct imp_opt *o = &r->opts.v[i];

		o->from = b->n;
		imp_join(m, b, &o->head, fold);
		if (o->subs.n)
			print_subs(m, o, b, fold);
		o->to = b->n;
	}
}

/* ---- what our language takes ---- */

static const char *words_text(struct imp *m, const imp_words *w)
{
	struct pt_buf b = { 0 };
	const char *s;

	imp_join(m, &b, w, false);
	s = b.err ? NULL : pt_arena_strdup(m->arena, b.n ? b.s : "");
	pt_buf_fini(&b);
	return s;
}

/* Part WHAT of the rule goes, since ours refuses it with WHY; what that means is MEANS. */
static int dropped(struct imp *m, struct imp_rule *r, const imp_words *what, const char *why, const char *means)
{
	const char *text = words_text(m, what);

	if (!text)
		return -ENOMEM;
	return imp_note(m, PT_IMPORT_CHANGED, r->st, text, why, means);
}

static void remove_opt(struct imp_rule *r, size_t i)
{
	memmove(&r->opts.v[i], &r->opts.v[i + 1], (r->opts.n - i - 1) * sizeof(*r->opts.v));
	r->opts.n--;
}

static int drop_sub(struct imp *m, struct imp_rule *r, size_t i, size_t k, const char *why)
{
	struct imp_opt *o = &r->opts.v[i];
	const char *means = o->kind->shape == IMP_STATE	 ? "the state without it"
			    : o->kind->shape == IMP_POOL ? "the rule translates without it"
							 : "packets are not normalised in this way";
	int rc = dropped(m, r, &o->subs.v[k].w, why, means);

	memmove(&o->subs.v[k], &o->subs.v[k + 1], (o->subs.n - k - 1) * sizeof(*o->subs.v));
	o->subs.n--;
	if (!o->subs.n && o->kind->shape == IMP_SUBS)
		remove_opt(r, i);
	return rc;
}

/* The way in which a state is kept: ours knows the plain one for sure. */
static int plain_state(struct imp *m, struct imp_rule *r, size_t i, const char *why)
{
	struct imp_opt *o = &r->opts.v[i];
	const char *means = o->kind->dropped;
	int rc;

	if (strcmp(r->action, "pass") != 0) { /* neither in pf does a rule that does not pass make states */
		remove_opt(r, i);
		return 0;
	}
	if (!means)
		return 1;
	rc = dropped(m, r, &o->head, why, pt_arena_printf(m->arena, "keep state: %s", means));
	o->head.v[0] = (struct imp_word){ .s = "keep" };
	o->kind = imp_option_named("keep");
	return rc;
}

static int drop_opt(struct imp *m, struct imp_rule *r, size_t i, const char *why)
{
	struct imp_opt *o = &r->opts.v[i];
	int rc = 0;

	if (o->kind->shape == IMP_STATE)
		return plain_state(m, r, i, why);
	if (!o->kind->dropped)
		return 1;
	if (!*o->kind->dropped)
		rc = imp_note(m, PT_IMPORT_NOTE, r->st, o->kind->word,
			      o->kind->shape == IMP_ALONE ? "packets with options are judged like others here"
							  : "it is a number for the program that wrote the file",
			      "the rule without it");
	else
		rc = dropped(m, r, &o->head, why, o->kind->dropped);
	remove_opt(r, i);
	return rc;
}

/* Takes out what stands at byte AT of the rule; 1 where it cannot be taken out. */
int imp_rule_drop(struct imp *m, struct imp_rule *r, size_t at, const char *why)
{
	if (r->log.n > 1 && at >= r->log_from && at < r->log_to) {
		int rc = dropped(m, r, &r->log, why, "log");

		r->log.n = 1;
		return rc;
	}
	if (r->ret.n > 1 && at >= r->ret_from && at < r->ret_to && !strcmp(r->ret.v[0].s, "return-rst")) {
		int rc = dropped(m, r, &r->ret, why, "return-rst");

		r->ret.n = 1;
		return rc;
	}
	for (size_t i = 0; i < r->opts.n; i++) {
		struct imp_opt *o = &r->opts.v[i];

		if (at < o->from || at >= o->to)
			continue;
		for (size_t k = 0; k < o->subs.n; k++)
			if (at >= o->subs.v[k].from && at < o->subs.v[k].to)
				return drop_sub(m, r, i, k, why);
		return drop_opt(m, r, i, why);
	}
	return 1;
}

/* Whether the rule language takes it; its first complaint else. */
static int try_rule(struct imp *m, struct imp_rule *r, size_t *at, const char **why)
{
	struct pt_rule_ctx ctx = { .arena = pt_arena_new() };
	struct pt_ast_rule *ast = NULL;
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };
	int rc = -ENOMEM;

	imp_rule_print(m, r, &b, false);
	if (ctx.arena && !b.err)
		rc = pt_rule_parse(&ctx, b.s, b.n, &ast, &e);
	if (rc == -EINVAL && !e.list.n)
		rc = -ENOMEM;
	if (rc == -EINVAL) {
		const struct pt_diag *d = &e.list.v[0];

		*at = d->loc.col - 1;
		*why = d->hint && strncmp(d->hint, "patronus-rules(5)", 17) != 0
			       ? pt_arena_printf(m->arena, "%s (%s)", d->msg, d->hint)
			       : pt_arena_strdup(m->arena, d->msg);
		if (!*why)
			rc = -ENOMEM;
	}
	pt_err_fini(&e);
	pt_buf_fini(&b);
	pt_arena_free(ctx.arena);
	return rc;
}

/* A match rule that does nothing any more. */
static bool idle(const struct imp_rule *r)
{
	if (strcmp(r->action, "match") != 0 || r->log.n)
		return false;
	for (size_t i = 0; i < r->opts.n; i++)
		if (!r->opts.v[i].kind->condition && strcmp(r->opts.v[i].kind->word, "label") != 0)
			return false;
	return true;
}

static struct imp_label *label_slot(struct imp_label *v, size_t room, const char *name)
{
	size_t i = pt_hash32(name, strlen(name)) & (room - 1);

	while (v[i].name && strcmp(v[i].name, name) != 0)
		i = (i + 1) & (room - 1);
	return &v[i];
}

static int more_labels(struct imp *m)
{
	size_t room = m->room ? m->room * 2 : 64;
	struct imp_label *v = pt_arena_alloc(m->arena, room * sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < m->room; i++)
		if (m->labels[i].name)
			*label_slot(v, room, m->labels[i].name) = m->labels[i];
	m->labels = v;
	m->room = room;
	return 0;
}

/* How often the label was used before. */
static int label_uses(struct imp *m, const char *name, size_t *uses)
{
	struct imp_label *l;

	if (m->n_labels * 2 >= m->room && more_labels(m))
		return -ENOMEM;
	l = label_slot(m->labels, m->room, name);
	m->n_labels += !l->name;
	l->name = name;
	*uses = l->uses++;
	return 0;
}

/* Names are unique here, and shorter than pf's. */
static int rename_label(struct imp *m, struct imp_rule *r, struct imp_opt *o)
{
	const struct imp_tok *t = o->head.v[1].t;
	const char *name = t->s, *want;
	size_t uses = 0;

	if (strlen(name) > PT_LABEL_MAX)
		name = pt_arena_strndup(m->arena, name, PT_LABEL_MAX - 8);
	if (!name || label_uses(m, name, &uses))
		return -ENOMEM;
	want = uses ? pt_arena_printf(m->arena, "%.*s-%zu", PT_LABEL_MAX - 8, name, uses + 1) : name;
	if (!want || want == t->s)
		return want ? 0 : -ENOMEM;
	o->head.v[1] = (struct imp_word){ .s = pt_arena_printf(m->arena, "\"%s\"", want) };
	if (!o->head.v[1].s)
		return -ENOMEM;
	return imp_note(m, PT_IMPORT_CHANGED, r->st, pt_arena_printf(m->arena, "label \"%.80s\"", t->s),
			uses ? "labels are names here, each of one rule" : "labels have up to 63 bytes here",
			pt_arena_printf(m->arena, "label \"%s\"", want));
}

/* A rule has one; FreeBSD takes several. */
static int label(struct imp *m, struct imp_rule *r)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < r->opts.n && !rc; i++) {
		struct imp_opt *o = &r->opts.v[i];

		if (strcmp(o->kind->word, "label") != 0 || o->head.n < 2 || !o->head.v[1].t)
			continue;
		if (!n++) {
			rc = rename_label(m, r, o);
			continue;
		}
		rc = dropped(m, r, &o->head, "a rule has one label", "the first one");
		remove_opt(r, i--);
	}
	return rc;
}

static int left_out(struct imp *m, struct imp_rule *r, enum imp_zone zone, const char *why)
{
	/* Fragments never reach the rules, so nothing is missing. */
	bool void_rule = imp_rule_has(r, "fragment") && strcmp(r->action, "pass") != 0;

	return imp_leave(m, zone, r->st, void_rule ? PT_IMPORT_NOTE : PT_IMPORT_LEFT,
			 void_rule ? "fragments are put together before they are judged, so that no packet is one"
				   : why);
}

static void remember(struct imp *m, const struct imp_rule *r)
{
	for (size_t i = 0; i < r->opts.n; i++) {
		const char *word = r->opts.v[i].kind->word;

		if (!strcmp(word, "nat-to") || !strcmp(word, "binat-to"))
			m->translates[1] = true;
		if (!strcmp(word, "rdr-to") || !strcmp(word, "binat-to"))
			m->translates[0] = true;
	}
}

/* Addresses of loopback as targets: Linux does not take such packets from other interfaces by itself. */
static int loopback(struct imp *m, struct imp_rule *r)
{
	for (size_t i = 0; i < r->opts.n && !m->loopback_told; i++) {
		const struct imp_opt *o = &r->opts.v[i];

		if (strcmp(o->kind->word, "rdr-to") != 0 || o->head.n < 2 || strncmp(o->head.v[1].s, "127.", 4) != 0)
			continue;
		m->loopback_told = true;
		return imp_note(m, PT_IMPORT_CHANGED, r->st, "rdr-to 127.0.0.1",
				"Linux drops packets for 127.0.0.0/8 that come from outside, unless the sysctl "
				"net.ipv4.conf.IF.route_localnet of the interface is 1",
				"the same; set the sysctl, or have the daemon listen on an address of the interface");
	}
	return 0;
}

static int all_macros(struct imp *m, struct imp_rule *r)
{
	const imp_words *list[] = { &r->on, &r->proto, &r->src, &r->sport, &r->dst, &r->dport };
	int rc = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(list) && !rc; i++)
		rc = imp_macros_shown(m, list[i]);
	for (size_t i = 0; i < r->opts.n && !rc; i++)
		rc = imp_macros_shown(m, &r->opts.v[i].head);
	return rc;
}

/* A packet that is blocked goes to no queue, and nothing is set in it. */
static int block_sets_nothing(struct imp *m, struct imp_rule *r)
{
	int rc = 0;

	for (size_t i = r->opts.n; i && !rc && !strcmp(r->action, "block"); i--) {
		const char *word = r->opts.v[i - 1].kind->word;

		if (strcmp(word, "queue") != 0 && strcmp(word, "set") != 0)
			continue;
		rc = imp_note(m, PT_IMPORT_NOTE, r->st, word, "the packets of a block rule go nowhere",
			      "the rule without it");
		remove_opt(r, i - 1);
	}
	return rc;
}

int imp_rule_write(struct imp *m, struct imp_rule *r, enum imp_zone zone)
{
	struct imp_item *item;
	const char *why = NULL;
	size_t at = 0, told = m->out->notes.n;
	int rc;

	rc = label(m, r);
	if (!rc)
		rc = block_sets_nothing(m, r);
	/* Each round takes something out. */
	while (!rc) {
		rc = try_rule(m, r, &at, &why);
		if (rc != -EINVAL)
			break;
		rc = imp_rule_drop(m, r, at, why);
	}
	if (rc == 1) {
		m->out->notes.n = told; /* what was changed is not written at all */
		return left_out(m, r, zone, why);
	}
	if (rc)
		return rc;
	if (idle(r)) {
		m->out->notes.n = told;
		return left_out(m, r, zone, why ? why : "a match rule that does nothing");
	}
	remember(m, r);
	rc = all_macros(m, r);
	if (!rc)
		rc = loopback(m, r);
	if (!rc)
		rc = imp_item(m, zone, r->st, NULL, !strcmp(r->action, "block"), &item);
	if (!rc)
		item->r = r;
	return rc;
}
