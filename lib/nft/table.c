/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables at run time. Every change reads the two sets of the table, computes what to write, and
 * sends it under the generation number of the reading: when another program came between,
 * the kernel refuses and the whole is done again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>

#include "nft/table.h"

#define SINGLES_MAX 65536 /* addresses of ranges, where a set holds none */

void nft_table_fini(struct nft_table *t)
{
	pt_nft_state_free(t->s);
	memset(t, 0, sizeof(*t));
}

/* ---- names ---- */

static int read_sets(struct pt_nl *nf, struct pt_nft_state *s, struct pt_err *e)
{
	int rc;

	rc = nft_ask_genid(nf, &s->genid);
	if (!rc)
		rc = nft_ask_table(nf, s);
	if (rc == -ENOENT) {
		pt_err_add(e, PT_ERROR, NULL, "run `ptfw apply` first",
			   "reading the tables: no rules of Patronus are loaded");
		return rc;
	}
	if (!rc)
		rc = nft_ask_sets(nf, s);
	return rc ? pt_err_sys(e, rc, "reading the sets of the table inet " PT_NFT_TABLE) : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The tables in S by name, once each. */
static int table_names(const struct pt_nft_state *s, struct pt_arena *a, const char ***names,
		       size_t *n)
{
	const char *name;
	enum pt_af af;
	size_t len, kept = 0;

	*n = 0;
	*names = pt_arena_alloc(a, (s->objects->sets.n + 1) * sizeof(**names));
	if (!*names)
		return -ENOMEM;
	for (size_t i = 0; i < s->objects->sets.n; i++) {
		if (!nft_table_name_of(s->objects->sets.v[i].name, &name, &len, &af))
			continue;
		(*names)[*n] = pt_arena_strndup(a, name, len);
		if (!(*names)[(*n)++])
			return -ENOMEM;
	}
	qsort(*names, *n, sizeof(**names), by_text);
	for (size_t i = 0; i < *n; i++)
		if (!kept || strcmp((*names)[kept - 1], (*names)[i]))
			(*names)[kept++] = (*names)[i];
	*n = kept;
	return 0;
}

int pt_nft_table_list(struct pt_nl *nf, struct pt_arena *a, const char ***names, size_t *n,
		      struct pt_err *e)
{
	struct pt_nft_state *s = nft_state_new();
	int rc;

	*names = NULL;
	*n = 0;
	if (!s)
		return pt_err_sys(e, -ENOMEM, "reading the tables");
	rc = read_sets(nf, s, e);
	if (!rc) {
		rc = table_names(s, a, names, n);
		if (rc)
			rc = pt_err_sys(e, rc, "reading the tables");
	}
	pt_nft_state_free(s);
	return rc;
}

static int no_such_table(const struct nft_table *t, struct pt_err *e)
{
	const char **names = NULL, *near = NULL;
	char hint[64];
	size_t n = 0;

	if (!table_names(t->s, t->s->arena, &names, &n))
		near = pt_nearest(t->name, names, n);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean \"%.31s\"?", near);
	pt_err_add(e, PT_ERROR, NULL,
		   near ? hint : "`ptfw table show` lists them; a table must be used by a rule or persist",
		   "there is no table \"%s\" in the kernel", t->name);
	return -ENOENT;
}

/* ---- reading one table ---- */

void nft_default_timeout(const struct nft_set *set)
{
	for (size_t i = 0; set->pending && i < set->pending->n; i++)
		if (set->pending->v[i].expires && !set->pending->v[i].timeout)
			set->pending->v[i].timeout = (uint64_t)set->timeout * 1000;
}

static int read_elems(struct pt_nl *nf, struct nft_table *t, struct nft_set *set)
{
	int rc;

	if (!set->pending)
		set->pending = calloc(1, sizeof(*set->pending));
	if (!set->pending)
		return -ENOMEM;
	rc = nft_ask_elems(nf, t->s, set);
	if (rc)
		return rc;
	nft_elems_finish(set->pending, nft_key_max(set));
	nft_default_timeout(set);
	return 0;
}

int nft_table_open(struct pt_nl *nf, const char *name, struct nft_table *t, struct pt_err *e)
{
	static const enum pt_af af[2] = { PT_AF_INET, PT_AF_INET6 };
	char set[NFT_SETNAME_MAX];
	int rc;

	memset(t, 0, sizeof(*t));
	t->name = name;
	t->s = nft_state_new();
	if (!t->s)
		return pt_err_sys(e, -ENOMEM, "reading the table \"%s\"", name);
	rc = read_sets(nf, t->s, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < 2; i++) {
		nft_table_set_name(set, name, af[i]);
		t->set[i] = nft_find_set(t->s->objects, set);
	}
	return t->set[0] || t->set[1] ? 0 : no_such_table(t, e);
}

int nft_table_read(struct pt_nl *nf, struct nft_table *t, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < 2; i++)
		if (t->set[i])
			rc = read_elems(nf, t, t->set[i]);
	return rc ? pt_err_sys(e, rc, "reading the table \"%s\"", t->name) : 0;
}

static uint32_t seconds(uint64_t ms)
{
	uint64_t s = ms / 1000 + (ms % 1000 != 0);

	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

struct pt_nft_elem nft_elem_shown(const struct nft_elem *from, enum pt_af af)
{
	return (struct pt_nft_elem){
		.af = af, .lo = from->lo, .hi = from->hi,
		.timeout = seconds(from->timeout), .expires = seconds(from->expires),
		.packets = from->packets, .bytes = from->bytes,
		.has_counter = from->has_counter, .added = from->added,
	};
}

static int dump_set(const struct nft_set *set, enum pt_af af, pt_nft_elem_cb cb, void *arg)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < set->pending->n; i++) {
		const struct pt_nft_elem el = nft_elem_shown(&set->pending->v[i], af);

		rc = cb(&el, arg);
	}
	return rc;
}

int pt_nft_table_dump(struct pt_nl *nf, const char *name, pt_nft_elem_cb cb, void *arg,
		      struct pt_err *e)
{
	struct nft_table t;
	int rc;

	rc = nft_table_open(nf, name, &t, e);
	if (!rc)
		rc = nft_table_read(nf, &t, e);
	if (!rc && t.set[0])
		rc = dump_set(t.set[0], PT_AF_INET, cb, arg);
	if (!rc && t.set[1])
		rc = dump_set(t.set[1], PT_AF_INET6, cb, arg);
	nft_table_fini(&t);
	return rc;
}

/* ---- writing ---- */

static int write_parts(struct pt_nl_batch *b, bool add, const struct nft_set *set,
		       const struct nft_elems *list)
{
	size_t part;
	int rc = 0;

	for (size_t at = 0; !rc && at < list->n; at += part) {
		part = list->n - at < NFT_ELEMS_PER_MESSAGE ? list->n - at : NFT_ELEMS_PER_MESSAGE;
		rc = nft_put_elems(b, 0, add, set, list->v + at, part);
	}
	return rc;
}

/* Ranges as their single addresses. They are few, see singles_only(). */
static int write_singles(struct pt_nl_batch *b, bool add, const struct nft_set *set, const struct nft_elems *list)
{
	struct nft_elems one = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < list->n; i++) {
		struct nft_elem el = list->v[i];

		for (pt_u128 key = el.lo; !rc; key++) {
			el.lo = el.hi = key;
			rc = pt_vec_push(NULL, &one, el);
			if (key == list->v[i].hi)
				break;
		}
	}
	if (!rc)
		rc = write_parts(b, add, set, &one);
	nft_elems_fini(&one);
	return rc;
}

static int write_list(struct pt_nl_batch *b, bool add, const struct nft_set *set, const struct nft_elems *list)
{
	return set && !set->interval ? write_singles(b, add, set, list) : write_parts(b, add, set, list);
}

/* Sends both families' changes as one transaction. -ERESTART: read again. -EAGAIN: read everything. */
static int send_change(struct pt_nl *nf, const struct nft_table *t, const struct nft_change c[2],
		       struct pt_err *e)
{
	struct pt_nl_batch *b = pt_nl_batch_new(NFNL_SUBSYS_NFTABLES, t->s->genid);
	struct pt_nl_refusal r = { 0 };
	char what[64];
	int rc = b ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < 2; i++)
		rc = write_list(b, false, t->set[i], &c[i].del);
	for (size_t i = 0; !rc && i < 2; i++)
		rc = write_list(b, true, t->set[i], &c[i].add);
	snprintf(what, sizeof(what), "change the table %.31s", t->name);
	if (rc) {
		rc = pt_err_sys(e, rc, "preparing to %s", what);
	} else {
		rc = pt_nl_batch_send(nf, b, &r);
		r.code = rc;
		if (t->guessed && (rc == -EEXIST || rc == -ENOTEMPTY))
			rc = -EAGAIN;
		else if (rc && rc != -ERESTART)
			nft_refusal(e, NULL, what, &r);
	}
	pt_nl_batch_free(b);
	return rc;
}

/* What a change does with what was read: fills C. */
struct task {
	int (*plan)(const struct task *task, const struct nft_table *t, struct nft_change c[2],
		    struct pt_err *e);
	const struct pt_iset *add, *del; /* of two, or NULL */
	uint32_t timeout;
	bool probe; /* the elements at ADD and DEL are all that PLAN looks at */
};

bool nft_table_has_ranges(const struct nft_table *t)
{
	return (!t->set[0] || t->set[0]->interval) && (!t->set[1] || t->set[1]->interval);
}

/* Where few addresses come and go only the elements at them matter. What goes has to be known exactly. */
static int task_probe(struct pt_nl *nf, struct nft_table *t, const struct task *task)
{
	static const struct pt_iset none;
	struct pt_iset touched;
	int rc = 0;

	for (size_t i = 0; !rc && i < 2; i++) {
		if (!t->set[i])
			continue;
		rc = pt_iset_union(NULL, &touched, task->add ? &task->add[i] : &none,
				   task->del ? &task->del[i] : &none);
		if (!rc)
			rc = nft_probe_ranges(nf, t->s, t->set[i], &touched,
					      task->del && task->del[i].n ? NULL : &t->guessed);
		pt_iset_fini(&touched);
	}
	return rc;
}

static int task_read(struct pt_nl *nf, struct nft_table *t, const struct task *task, struct pt_err *e)
{
	int rc = task->probe && nft_table_has_ranges(t) ? task_probe(nf, t, task) : -E2BIG;

	if (rc == -E2BIG || rc == -EAGAIN) {
		t->guessed = false;
		return nft_table_read(nf, t, e);
	}
	return rc ? pt_err_sys(e, rc, "reading the table \"%s\"", t->name) : 0;
}

/* Sets that rules write into hold no ranges; short ones are as many addresses. */
static int singles_only(const struct nft_table *t, const struct nft_change c[2], struct pt_err *e)
{
	pt_u128 n = 0;

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; t->set[i] && !t->set[i]->interval && k < c[i].add.n; k++) {
			n += c[i].add.v[k].hi - c[i].add.v[k].lo + 1;
			if (!n || n > SINGLES_MAX || c[i].add.v[k].hi - c[i].add.v[k].lo >= SINGLES_MAX)
				goto refuse;
		}
	return 0;
refuse:
	pt_err_add(e, PT_ERROR, NULL, "put networks into another table, and name both: { <one>, <other> }",
		   "changing the table \"%s\": rules put sources into it (overload), so it holds single addresses,"
		   " and no more than %d are added at once", t->name, SINGLES_MAX);
	return -EINVAL;
}

static int task_once(struct pt_nl *nf, const char *name, const struct task *task, size_t *added,
		     size_t *deleted, struct pt_err *e)
{
	struct nft_change c[2] = { 0 };
	struct nft_table t;
	int rc;

	rc = nft_table_open(nf, name, &t, e);
	if (!rc)
		rc = task_read(nf, &t, task, e);
	if (!rc)
		rc = task->plan(task, &t, c, e);
	if (!rc)
		rc = singles_only(&t, c, e);
	if (!rc)
		rc = send_change(nf, &t, c, e);
	*added = rc ? 0 : c[0].add.n + c[1].add.n;
	*deleted = rc ? 0 : c[0].del.n + c[1].del.n;
	nft_change_fini(&c[0]);
	nft_change_fini(&c[1]);
	nft_table_fini(&t);
	return rc;
}

static int task_run(struct pt_nl *nf, const char *name, const struct task *task, size_t *added,
		    size_t *deleted, struct pt_err *e)
{
	struct task now = *task;
	int rc = -ERESTART;

	for (int i = 0; i < NFT_TRIES && (rc == -ERESTART || rc == -EAGAIN); i++) {
		now.probe = now.probe && rc != -EAGAIN;
		rc = task_once(nf, name, &now, added, deleted, e);
	}
	if (rc != -ERESTART && rc != -EAGAIN)
		return rc;
	pt_err_add(e, PT_ERROR, NULL, "find the program that keeps changing nftables, then try again",
		   "changing the table \"%s\": the rules of this machine changed %d times meanwhile",
		   name, NFT_TRIES);
	return -EBUSY;
}

static int check_families(const struct task *task, const struct nft_table *t, struct pt_err *e)
{
	for (size_t i = 0; i < 2; i++) {
		if (t->set[i] || !task->add || !task->add[i].n)
			continue;
		pt_err_add(e, PT_ERROR, NULL, "apply a file whose rules use the table in this family",
			   "changing the table \"%s\": it has no set for %s addresses in the kernel",
			   t->name, i ? "IPv6" : "IPv4");
		return -EAFNOSUPPORT;
	}
	return 0;
}

static int plan_change(const struct task *task, const struct nft_table *t, struct nft_change c[2],
		       struct pt_err *e)
{
	uint64_t timeout;
	int rc;

	rc = check_families(task, t, e);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < 2; i++) {
		if (!t->set[i])
			continue;
		if (task->timeout && !t->set[i]->has_timeout) {
			pt_err_add(e, PT_ERROR, NULL,
				   "give the table a `timeout` in the file, then apply",
				   "changing the table \"%s\": its entries have no time-outs", t->name);
			return -EINVAL;
		}
		timeout = task->timeout ? task->timeout : t->set[i]->timeout;
		rc = nft_change_plan(&c[i], t->set[i]->pending, task->add ? &task->add[i] : NULL,
				     task->del ? &task->del[i] : NULL, timeout * 1000);
	}
	return rc ? pt_err_sys(e, rc, "changing the table \"%s\"", t->name) : 0;
}

int pt_nft_table_change(struct pt_nl *nf, const char *name, const struct pt_iset add[2],
			const struct pt_iset del[2], uint32_t timeout, size_t *added,
			size_t *deleted, struct pt_err *e)
{
	struct task task = { .plan = plan_change, .add = add, .del = del, .timeout = timeout, .probe = true };

	return task_run(nf, name, &task, added, deleted, e);
}

/* What is not wanted is taken away whole, what is missing added: an entry that is all wanted stays
 * as it is, time-out and counter included. */
static int replace_family(const struct nft_table *t, size_t i, const struct pt_iset *want,
			  struct nft_change *c)
{
	const struct nft_elems *have = t->set[i]->pending;
	struct pt_iset kept = { 0 }, missing = { 0 };
	struct nft_elem el = { .timeout = NFT_TIMEOUT_OF_SET, .added = true };
	int rc = 0;

	for (size_t k = 0; !rc && k < have->n; k++) {
		if (pt_iset_covers(want, have->v[k].lo, have->v[k].hi))
			rc = pt_iset_add(NULL, &kept, have->v[k].lo, have->v[k].hi);
		else
			rc = pt_vec_push(NULL, &c->del, have->v[k]);
	}
	pt_iset_norm(&kept);
	if (!rc)
		rc = pt_iset_subtract(NULL, &missing, want, &kept);
	for (size_t k = 0; !rc && k < missing.n; k++) {
		el.lo = missing.v[k].lo;
		el.hi = missing.v[k].hi;
		rc = pt_vec_push(NULL, &c->add, el);
	}
	pt_iset_fini(&kept);
	pt_iset_fini(&missing);
	return rc;
}

static int plan_replace(const struct task *task, const struct nft_table *t, struct nft_change c[2],
			struct pt_err *e)
{
	int rc;

	rc = check_families(task, t, e);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < 2; i++)
		if (t->set[i])
			rc = replace_family(t, i, &task->add[i], &c[i]);
	return rc ? pt_err_sys(e, rc, "replacing the table \"%s\"", t->name) : 0;
}

int pt_nft_table_replace(struct pt_nl *nf, const char *name, const struct pt_iset want[2],
			 size_t *added, size_t *deleted, struct pt_err *e)
{
	struct task task = { .plan = plan_replace, .add = want };

	return task_run(nf, name, &task, added, deleted, e);
}

/* An element's counter starts at zero when it is written anew; its time goes on. Kernels from 6.5
 * on can reset counters in place, but Debian 12 has an older one. */
static int plan_zero(const struct task *task, const struct nft_table *t, struct nft_change c[2],
		     struct pt_err *e)
{
	int rc = 0;

	(void)task;
	for (size_t i = 0; !rc && i < 2; i++) {
		if (t->set[i] && !t->set[i]->counters) {
			pt_err_add(e, PT_ERROR, NULL, "set `counters = true` in the table's section, then apply",
				   "setting counters to zero: the table \"%s\" does not count", t->name);
			return -EOPNOTSUPP;
		}
		for (size_t k = 0; !rc && t->set[i] && k < t->set[i]->pending->n; k++) {
			rc = pt_vec_push(NULL, &c[i].del, t->set[i]->pending->v[k]);
			if (!rc)
				rc = pt_vec_push(NULL, &c[i].add, t->set[i]->pending->v[k]);
		}
	}
	return rc ? pt_err_sys(e, rc, "setting the counters of the table \"%s\" to zero", t->name) : 0;
}

int pt_nft_table_zero(struct pt_nl *nf, const char *name, size_t *n, struct pt_err *e)
{
	struct task task = { .plan = plan_zero };
	size_t deleted;

	return task_run(nf, name, &task, n, &deleted, e);
}
