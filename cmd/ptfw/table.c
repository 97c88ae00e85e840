/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables at run time: what holds addresses that change while the rules do not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

/* Addresses of a command: its arguments, or --file. */
struct addresses {
	struct pt_arena *arena;
	char *text; /* as they were given, one or more on a line */
	size_t len;
	struct pt_iset set[2]; /* [0] IPv4, [1] IPv6 */
};

static int from_words(struct pt_cli *c, struct addresses *a)
{
	struct pt_buf text = { 0 };

	for (size_t i = 1; i < c->argc; i++)
		pt_buf_fmt(&text, "%s\n", c->argv[i]);
	a->text = text.s;
	a->len = text.n;
	return text.err;
}

static void addresses_fini(struct addresses *a)
{
	free(a->text);
	pt_arena_free(a->arena);
}

/* An error here is one of usage or of a file: nothing was asked of the kernel yet. */
static int addresses_read(struct pt_cli *c, struct addresses *a)
{
	const char *name = "arguments";
	int rc;

	memset(a, 0, sizeof(*a));
	if (c->argc < 2 && !c->input)
		return pt_cli_usage(c, "name addresses, or --file FILE");
	if (c->argc > 1 && c->input)
		return pt_cli_usage(c, "addresses come as arguments or with --file, not both");
	a->arena = pt_arena_new();
	if (!a->arena)
		return -ENOMEM;
	if (c->input) {
		rc = pt_file_read(c->input, PT_FILE_MAX, &a->text, &a->len, &c->err);
		name = strcmp(c->input, "-") ? c->input : "standard input";
	} else {
		rc = from_words(c, a);
	}
	if (!rc)
		rc = pt_table_parse(name, a->text, a->len, a->arena, &a->set[0], &a->set[1], &c->err);
	if (!rc)
		return 0;
	addresses_fini(a);
	return rc == -ENOMEM ? rc : PT_EXIT_CONFIG;
}

/* A table that the file calls `const` keeps what the file gives it, one with names of hosts what they stand for. */
static int refuse_const(struct pt_cli *c, struct pt_nl *nf)
{
	const struct pt_conf_table *t;
	struct pt_plan p;
	int rc;

	rc = applied_or_none(nf, &p, &c->err);
	if (rc)
		return rc;
	t = p.conf ? pt_conf_find_table(p.conf, c->argv[0]) : NULL;
	if (t && (t->constant || t->names.n)) {
		pt_err_add(&c->err, PT_ERROR, &t->loc, t->constant ? "change the file and apply it" :
			   "use another table beside it: from { <this>, <other> }", t->constant ? "table %s is const" :
			   "table %s has names of hosts, and holds what they stand for", t->name);
		pt_conf_show_source(p.conf, &t->loc, &c->err);
		rc = PT_EXIT_CONFIG;
	}
	pt_plan_fini(&p);
	return rc;
}

/* ---- changes ---- */

enum change { ADD, DELETE, REPLACE };

static int change_kernel(struct pt_cli *c, struct pt_nl *nf, enum change what, const struct addresses *a, uint32_t timeout)
{
	static const struct pt_iset none[2];
	size_t added = 0, deleted = 0;
	int rc;

	if (what == REPLACE)
		rc = pt_nft_table_replace(nf, c->argv[0], a->set, &added, &deleted, &c->err);
	else
		rc = pt_nft_table_change(nf, c->argv[0], what == ADD ? a->set : none, what == DELETE ? a->set : none, timeout,
					 &added, &deleted, &c->err);
	if (!rc)
		pt_cli_say(c, "%zu range%s added, %zu deleted\n", added, pt_plural(added), deleted);
	return rc;
}

static int change(struct pt_cli *c, enum change what)
{
	uint32_t timeout = 0;
	struct addresses a;
	struct pt_nl *nf;
	int rc;

	if (c->timeout && pt_parse_duration(c->timeout, &timeout))
		return pt_cli_usage(c, "'%s' is no time such as 90, 5m or 1h30m", c->timeout);
	rc = addresses_read(c, &a);
	if (rc)
		return rc;
	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (!rc) {
		rc = refuse_const(c, nf);
		if (!rc)
			rc = not_there(c, nf, change_kernel(c, nf, what, &a, timeout));
		pt_nl_close(nf);
	}
	addresses_fini(&a);
	return rc;
}

int cmd_table_add(struct pt_cli *c)
{
	return change(c, ADD);
}

int cmd_table_delete(struct pt_cli *c)
{
	return change(c, DELETE);
}

int cmd_table_replace(struct pt_cli *c)
{
	return change(c, REPLACE);
}

int cmd_table_flush(struct pt_cli *c)
{
	static const struct pt_iset none[2];
	size_t added, deleted;
	struct pt_nl *nf;
	int rc;

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	rc = refuse_const(c, nf);
	if (!rc)
		rc = not_there(c, nf, pt_nft_table_replace(nf, c->argv[0], none, &added, &deleted, &c->err));
	if (!rc)
		pt_cli_say(c, "%zu range%s deleted\n", deleted, pt_plural(deleted));
	pt_nl_close(nf);
	return rc;
}

int cmd_table_zero(struct pt_cli *c)
{
	struct pt_nl *nf;
	size_t n;
	int rc;

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	rc = not_there(c, nf, pt_nft_table_zero(nf, c->argv[0], &n, &c->err));
	if (!rc)
		pt_cli_say(c, "%zu counter%s set to zero\n", n, pt_plural(n));
	pt_nl_close(nf);
	return rc;
}

/* ---- expire ---- */

struct expiry {
	struct pt_arena *arena;
	struct pt_iset old[2];
	uint32_t age;
	bool timed; /* some address has a time-out */
};

/* The kernel keeps how long an address may stay and how long it has left; the difference is its age. */
static int collect_old(const struct pt_nft_elem *el, void *arg)
{
	struct expiry *x = arg;

	if (!el->timeout)
		return 0;
	x->timed = true;
	if (el->timeout - el->expires <= x->age)
		return 0;
	return pt_iset_add(x->arena, &x->old[el->af == PT_AF_INET6], el->lo, el->hi);
}

static int expire(struct pt_cli *c, struct pt_nl *nf, struct expiry *x)
{
	static const struct pt_iset none[2];
	size_t added, deleted = 0;
	int rc;

	rc = pt_nft_table_dump(nf, c->argv[0], collect_old, x, &c->err);
	if (rc)
		return rc;
	pt_iset_norm(&x->old[0]);
	pt_iset_norm(&x->old[1]);
	if (x->old[0].n + x->old[1].n)
		rc = pt_nft_table_change(nf, c->argv[0], none, x->old, 0, &added, &deleted, &c->err);
	if (!rc)
		pt_cli_say(c, "%zu range%s deleted%s\n", deleted, pt_plural(deleted),
			   x->timed ? "" : " (no address of this table has a time-out)");
	return rc;
}

int cmd_table_expire(struct pt_cli *c)
{
	struct expiry x = { 0 };
	struct pt_nl *nf;
	int rc;

	if (pt_parse_duration(c->argv[1], &x.age))
		return pt_cli_usage(c, "'%s' is no time such as 90, 5m or 1h30m", c->argv[1]);
	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	x.arena = pt_arena_new();
	rc = x.arena ? refuse_const(c, nf) : -ENOMEM;
	if (!rc)
		rc = not_there(c, nf, expire(c, nf, &x));
	pt_arena_free(x.arena);
	pt_nl_close(nf);
	return rc;
}

/* ---- test ---- */

/* Each word is an address of its own: neighbours that are given are two, though a set makes one of them. */
struct test {
	struct pt_arena *arena;
	PT_VEC(struct pt_nft_range) ranges;
};

static int test_word(struct test *t, const char *word, size_t n)
{
	struct pt_iset set[2];
	int rc = pt_table_parse("arguments", word, n, t->arena, &set[0], &set[1], NULL);

	for (int f = 0; !rc && f < 2; f++)
		for (size_t i = 0; !rc && i < set[f].n; i++) {
			struct pt_nft_range range = { .af = f ? PT_AF_INET6 : PT_AF_INET,
						      .lo = set[f].v[i].lo, .hi = set[f].v[i].hi };

			rc = pt_vec_push(t->arena, &t->ranges, range);
		}
	return rc;
}

/* TEXT as it is read for a table, where comments end lines and blanks words. */
static int test_text(struct test *t, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	int rc = 0;

	if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (!rc && p < end) {
		size_t blank = strspn(p, " \t\r\n"), n = strcspn(p + blank, " \t\r\n#");

		p += blank;
		if (*p == '#') {
			p += strcspn(p, "\n");
			continue;
		}
		if (n)
			rc = test_word(t, p, n);
		p += n;
	}
	return rc;
}

static int test_kernel(struct pt_cli *c, struct test *t)
{
	struct pt_nl *nf;
	size_t hits = 0;
	int rc;

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	rc = not_there(c, nf, pt_nft_table_test(nf, c->argv[0], t->ranges.v, t->ranges.n, &c->err));
	pt_nl_close(nf);
	if (rc)
		return rc;
	for (size_t i = 0; i < t->ranges.n; i++)
		hits += t->ranges.v[i].in;
	pt_cli_say(c, "%zu/%zu addresses match\n", hits, t->ranges.n);
	return hits == t->ranges.n ? PT_EXIT_OK : PT_EXIT_NO;
}

int cmd_table_test(struct pt_cli *c)
{
	struct test t = { 0 };
	struct addresses a;
	int rc;

	rc = addresses_read(c, &a);
	if (rc)
		return rc;
	t.arena = a.arena;
	rc = test_text(&t, a.text, a.len);
	if (!rc && !t.ranges.n)
		rc = pt_cli_usage(c, "name at least one address to test");
	if (!rc)
		rc = test_kernel(c, &t);
	addresses_fini(&a);
	return rc;
}

/* ---- show and list ---- */

struct listing {
	struct pt_cli *c;
	struct pt_out *o;
};

static int show_element(const struct pt_nft_elem *el, void *arg)
{
	struct listing *l = arg;
	struct pt_buf address = { 0 }, text = { 0 };

	if (l->c->af && l->c->af != el->af)
		return 0;
	pt_range_fmt(&address, el->af, el->lo, el->hi);
	pt_buf_add(&text, address.s, address.n);
	if (l->c->stats) {
		if (el->has_counter)
			pt_buf_fmt(&text, "\n  [ packets %llu  bytes %llu ]", (unsigned long long)el->packets,
				   (unsigned long long)el->bytes);
		else /* the table's section has no `counters = true` */
			pt_buf_str(&text, "\n  [ packets -  bytes - ]");
		if (el->timeout)
			pt_buf_fmt(&text, "\n  [ expires in %us ]", el->expires);
	}
	pt_out_rec(l->o);
	show_key(l->o, "address", &address);
	pt_out_u64(l->o, "packets", el->packets);
	pt_out_u64(l->o, "bytes", el->bytes);
	pt_out_u64(l->o, "timeout", el->timeout);
	pt_out_u64(l->o, "expires", el->expires);
	show_text(l->o, &text);
	pt_out_rec_end(l->o);
	return 0;
}

int cmd_table_show(struct pt_cli *c)
{
	struct listing l = { .c = c };
	struct pt_nl *nf;
	int rc, end;

	if (!c->argc)
		return cmd_table_list(c);

	rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);
	if (rc)
		return rc;
	l.o = pt_cli_out(c, PT_OUT_TEXT, "patronus.table.v1", "addresses");
	if (l.o) {
		pt_out_top_str(l.o, "table", c->argv[0]);
		rc = not_there(c, nf, pt_nft_table_dump(nf, c->argv[0], show_element, &l, &c->err));
		end = pt_cli_end(c, l.o);
		rc = rc ? rc : end;
	} else {
		rc = -ENOMEM;
	}
	pt_nl_close(nf);
	return rc;
}

struct sum {
	enum pt_af af;
	uint64_t addresses; /* ranges of them: what the kernel has as one element */
	uint64_t packets, bytes;
};

static int add_element(const struct pt_nft_elem *el, void *arg)
{
	struct sum *s = arg;

	if (s->af && s->af != el->af)
		return 0;
	s->addresses++;
	s->packets += el->packets;
	s->bytes += el->bytes;
	return 0;
}

static int list_one(struct pt_cli *c, struct pt_nl *nf, struct pt_out *o, const char *name)
{
	struct sum s = { .af = c->af };
	int rc = pt_nft_table_dump(nf, name, add_element, &s, &c->err);

	if (rc)
		return rc;
	pt_out_rec(o);
	pt_out_str(o, "name", name);
	pt_out_u64(o, pt_out_format(o) == PT_OUT_TABLE ? "ranges" : "addresses", s.addresses);
	if (c->stats) {
		pt_out_u64(o, "packets", s.packets);
		pt_out_u64(o, "bytes", s.bytes);
	}
	pt_out_rec_end(o);
	return 0;
}

/* Without a file in force there is no list, not an empty one. */
static int list_names(struct pt_cli *c, struct pt_nl *nf, struct pt_arena *a, const char ***names, size_t *n)
{
	int rc = pt_nft_table_list(nf, a, names, n, &c->err);

	if (rc || *n)
		return not_there(c, nf, rc);
	rc = not_there(c, nf, -ENOENT);
	return rc == PT_EXIT_NO ? 0 : rc;
}

int cmd_table_list(struct pt_cli *c)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_out *o = NULL;
	struct pt_nl *nf = NULL;
	const char **names;
	size_t n = 0;
	int rc, end;

	rc = a ? pt_nl_open(&nf, NETLINK_NETFILTER, &c->err) : -ENOMEM;
	if (!rc)
		rc = list_names(c, nf, a, &names, &n);
	if (!rc) {
		o = pt_cli_out(c, PT_OUT_TABLE, "patronus.tables.v1", "tables");
		rc = o ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !rc && i < n; i++)
		rc = list_one(c, nf, o, names[i]);
	if (o) {
		end = pt_cli_end(c, o);
		rc = rc ? rc : end;
	}
	pt_nl_close(nf);
	pt_arena_free(a);
	return rc;
}

/* More of them are no list for people, and would be in the way of a console that is asked at each key. */
#define OFFERED_MAX 1000

struct offered {
	void (*word)(const char *w, void *arg);
	void *arg;
	size_t left;
};

static int offer_element(const struct pt_nft_elem *el, void *arg)
{
	struct offered *o = arg;
	struct pt_buf b = { 0 };

	if (!o->left)
		return -ENOBUFS;
	o->left--;
	pt_range_fmt(&b, el->af, el->lo, el->hi);
	if (!b.err && b.s)
		o->word(b.s, o->arg);
	pt_buf_fini(&b);
	return 0;
}

/* What is in it can be deleted, and tested. */
static int complete_element(struct pt_cli *c, struct pt_nl *nf, const struct offered *to)
{
	struct offered o = *to;
	int rc;

	if (strcmp(c->cmd->command, "delete") != 0 && strcmp(c->cmd->command, "test") != 0)
		return 0;
	rc = pt_nft_table_dump(nf, c->argv[0], offer_element, &o, &c->err);
	return rc == -ENOBUFS && !o.left ? 0 : rc;
}

static int complete_name_of_table(struct pt_cli *c, struct pt_nl *nf, const struct offered *to)
{
	struct pt_arena *a = pt_arena_new();
	const char **names;
	size_t count;
	int rc = a ? pt_nft_table_list(nf, a, &names, &count, &c->err) : -ENOMEM;

	for (size_t i = 0; !rc && i < count; i++)
		to->word(names[i], to->arg);
	pt_arena_free(a);
	return rc;
}

int complete_table(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	const struct offered to = { word, arg, OFFERED_MAX };
	struct pt_nl *nf;
	int rc = pt_nl_open(&nf, NETLINK_NETFILTER, &c->err);

	if (rc)
		return rc;
	rc = n ? complete_element(c, nf, &to) : complete_name_of_table(c, nf, &to);
	pt_nl_close(nf);
	return rc;
}
