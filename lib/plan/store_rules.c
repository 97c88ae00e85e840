/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the rules of an applied file became. The file is of use only where it stands for everything that the rules were made of: names of
 * hosts, countries, lists, anchors, schedules, owners and tests can say something else a moment later without a byte of the file having
 * changed, so where there are any it is not made. What else rules depend on is in its head.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/patch.h"

#define VERSION "patronus rules 4"
#define SIZE_MAX_OF_IT ((size_t)1 << 26)

uint64_t plan_text_sum(const char *text, size_t len)
{
	size_t words = len / sizeof(uint64_t);

	/* From the heap, hence aligned. */
	return pt_bpf_tables_digest((const uint64_t *)(const void *)text, words) ^ pt_hash64(text + words * 8, len % 8);
}

/* ---- the machine ---- */

static void put_address(struct pt_buf *b, struct pt_addr a)
{
	uint8_t bytes[16] = { 0 };

	pt_addr_to_bytes(a, bytes);
	pt_buf_chr(b, (char)a.af);
	pt_buf_add(b, bytes, sizeof(bytes));
}

uint64_t plan_machine_digest(const struct pt_host *h)
{
	struct pt_buf b = { 0 };
	uint64_t digest;

	for (size_t i = 0; i < h->ifs.n; i++) {
		const struct pt_host_if *f = &h->ifs.v[i];

		pt_buf_add(&b, f->device, strlen(f->device) + 1);
		pt_buf_add(&b, &f->ifindex, sizeof(f->ifindex));
		pt_buf_chr(&b, (char)f->port);
		for (size_t k = 0; k < f->addrs.n; k++) {
			const struct pt_host_addr *a = &f->addrs.v[k];

			put_address(&b, a->prefix.addr);
			pt_buf_chr(&b, (char)a->prefix.len);
			put_address(&b, a->broadcast);
			put_address(&b, a->peer);
			pt_buf_chr(&b, (char)a->secondary);
		}
	}
	for (size_t i = 0; i < h->anycast.n; i++)
		put_address(&b, h->anycast.v[i]);
	digest = b.err ? 0 : pt_hash64(b.s ? b.s : "", b.n);
	pt_buf_fini(&b);
	return digest;
}

/* ---- which files ---- */

static bool tables_are_plain(const struct pt_conf *c)
{
	for (size_t i = 0; i < c->tables.n; i++)
		if (c->tables.v[i].file || c->tables.v[i].names.n || c->tables.v[i].countries.n)
			return false;
	return true;
}

static bool asks_others(const struct pt_policy *p)
{
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_more *m = p->rules.v[i].more;

		if (m && (m->uid.n || m->gid.n || m->schedule))
			return true;
	}
	return p->outside.n || p->schedules.n || p->places.n || p->sets.n;
}

static bool is_plain(const struct pt_plan *p)
{
	const struct pt_conf *c = p->conf;

	return p->tables && p->prog && p->host && c->sources.n == 1 && !c->anchors.n && !c->tests.n && !c->queues.n &&
	       !c->schedules.n && tables_are_plain(c) && !asks_others(p->policy) && !pt_plan_needs_follower(p->policy);
}

/* ---- their text ---- */

/* Between two rules of the list: what changes nothing about where a rule stands. */
static bool is_gap(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s == '#')
			s = memchr(s, '\n', (size_t)(end - s));
		else if (!*s || !strchr(" \t\r\n,", *s))
			return false;
		if (!s)
			return false;
	}
	return true;
}

/* The rules stand in the file as they are, one behind the other in one list. */
static bool place_rules(const struct pt_conf *c, struct plan_rules *r)
{
	const char *text = c->text, *behind = NULL;

	for (size_t i = 0; i < c->rules.n; i++) {
		const struct pt_conf_rule *x = &c->rules.v[i];

		if (x->s != text + x->raw || !x->raw || text[x->raw - 1] != '"' || x->s[x->len] != '"')
			return false;
		if (behind && (behind > x->s - 1 || !is_gap(behind, x->s - 1)))
			return false;
		behind = x->s + x->len + 1;
		r->v[i].at = x->raw;
		r->v[i].len = x->len;
	}
	if (!behind)
		return false;
	r->head.begin = c->rules.v[0].raw - 1;
	r->head.end = (uint32_t)(behind - text);
	return true;
}

/* ---- the files ---- */

/* Numbers fill words of 64 bits. */
static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

static size_t size_of(const struct plan_rules_head *h)
{
	return sizeof(*h) + h->n * sizeof(struct plan_rule) + padded(h->n_ids * sizeof(uint32_t)) +
	       padded(h->n_items * sizeof(uint32_t));
}

/* Where everything is in DATA. */
static void lay_out(struct plan_rules *r, char *data)
{
	const struct plan_rules_head *h = &r->head;

	r->v = (struct plan_rule *)(void *)(data + sizeof(*h));
	r->ids = (uint32_t *)(void *)(r->v + h->n);
	r->keys = (uint32_t *)(void *)((char *)r->ids + padded(h->n_ids * sizeof(uint32_t)));
}

static void lay_out_items(struct plan_rules *r, char *data)
{
	r->written = (uint32_t *)(void *)data;
	r->items = data + padded(r->head.n_items * sizeof(uint32_t));
}

static void pad(struct pt_buf *b)
{
	pt_buf_add(b, "\0\0\0\0\0\0\0", padded(b->n) - b->n);
}

static void put_padded(struct pt_buf *b, const void *p, size_t n)
{
	pt_buf_add(b, p, n);
	pad(b);
}

/* The bytes may be somebody else's by mistake. */
static uint64_t sum_of(const void *data, size_t size)
{
	return pt_bpf_tables_digest(data, size / sizeof(uint64_t));
}

static int write_file(const char *path, const struct pt_buf *b)
{
	struct pt_err unseen = { 0 };
	int rc = b->err ? b->err : pt_file_write(path, b->s, b->n, 0600, &unseen);

	pt_err_fini(&unseen);
	return rc;
}

/* The items in B, LEN bytes behind the numbers of their rules. */
static int write_items(const char *digest, struct plan_rules_head *h, struct pt_buf *b, size_t len)
{
	char path[PLAN_STORE_PATH];
	int rc = plan_store_path(digest, ".items", path);

	pad(b);
	if (rc || b->err)
		return rc ? rc : b->err;
	h->items_len = len;
	h->items_sum = sum_of(b->s, b->n);
	return write_file(path, b);
}

/* With the head in its place. */
static int write_rules(const char *digest, const struct plan_rules_head *h, struct pt_buf *b)
{
	char path[PLAN_STORE_PATH];
	int rc = plan_store_path(digest, ".rules", path);
	uint64_t sum;

	if (rc || b->err)
		return rc ? rc : b->err;
	memcpy(b->s, h, sizeof(*h));
	sum = sum_of(b->s, b->n);
	pt_buf_add(b, &sum, sizeof(sum));
	return write_file(path, b);
}

static int store_items(const char *digest, struct plan_rules *r)
{
	struct pt_buf b = { 0 };
	int rc;

	pt_buf_room(&b, padded(r->head.n_items * sizeof(*r->written)) + r->head.items_len + sizeof(uint64_t));
	put_padded(&b, r->written, r->head.n_items * sizeof(*r->written));
	pt_buf_add(&b, r->items, r->head.items_len);
	rc = write_items(digest, &r->head, &b, r->head.items_len);
	pt_buf_fini(&b);
	return rc;
}

static int link_items(const char *from, const char *to)
{
	char old[PLAN_STORE_PATH], new[PLAN_STORE_PATH];
	int rc = plan_store_path(from, ".items", old);

	if (!rc)
		rc = plan_store_path(to, ".items", new);
	if (rc)
		return rc;
	(void)!unlink(new);
	return link(old, new) ? -errno : 0;
}

int plan_rules_store(const char *digest, struct plan_rules *r, const char *from)
{
	const struct plan_rules_head *h = &r->head;
	struct pt_buf b = { 0 };
	int rc = r->written ? store_items(digest, r) : link_items(from, digest);

	if (rc)
		return rc;
	pt_buf_room(&b, size_of(h) + 2 * sizeof(uint64_t));
	pt_buf_add(&b, h, sizeof(*h));
	pt_buf_add(&b, r->v, h->n * sizeof(*r->v));
	put_padded(&b, r->ids, h->n_ids * sizeof(*r->ids));
	put_padded(&b, r->keys, h->n_items * sizeof(*r->keys));
	rc = write_rules(digest, h, &b);
	pt_buf_fini(&b);
	return rc;
}

/* ---- what they became ---- */

/* The rules of the classifier that came of one written rule each, and of nothing else. */
static void take_items(const struct pt_plan *p, const uint32_t *made, struct plan_rules *r)
{
	const struct pt_order *order = pt_nft_prog_order(p->prog);
	uint32_t item = 0;

	for (size_t i = 0; i < order->items.n; i++) {
		const struct pt_pol_rule *x = order->items.v[i].rule;
		struct plan_rule *w = &r->v[x->ast];
		uint32_t key;

		if (order->items.v[i].kind != PT_ORDER_CONST)
			continue;
		if (made[x->ast] == 1 && !strchr(x->name, '#') && pt_nft_patchable(p->prog, item, &key)) {
			w->id = x->id;
			w->key = key;
			w->item = item;
			w->pass = x->action == PT_PASS;
		}
		item++;
	}
}

/* Rules of one written rule stand together. */
static bool is_first(const struct pt_policy *p, size_t i)
{
	return !i || p->rules.v[i].id != p->rules.v[i - 1].id;
}

/* False: a rule's identity is not the hash of its name, since another one had that; a change could give it back. */
static bool take_ids(const struct pt_policy *p, struct plan_rules *r, uint32_t *made)
{
	size_t n = 0;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct pt_pol_rule *x = &p->rules.v[i];

		if (x->id != pt_hash32(x->name, strlen(x->name)))
			return false;
		if (is_first(p, i))
			r->ids[n++] = x->id;
		if (x->ast == PT_POL_BUILTIN)
			continue;
		made[x->ast]++;
		r->head.n_pass += x->dir == PT_IN && x->action == PT_PASS;
	}
	return true;
}

static bool make_head(const struct pt_plan *p, struct plan_rules_head *h)
{
	const struct pt_order *order = pt_nft_prog_order(p->prog);

	memset(h, 0, sizeof(*h));
	memcpy(h->version, VERSION, sizeof(VERSION));
	h->machine = plan_machine_digest(p->host);
	h->tables = p->tables_digest;
	h->n_words = p->tables->n_words;
	h->keys_at = pt_classifier_key_at(p->tables, 0);
	h->text_len = p->conf->len;
	h->text_sum = plan_text_sum(p->conf->text, p->conf->len);
	h->n = (uint32_t)p->conf->rules.n;
	h->n_items = order->n_const;
	h->n_groups = order->n_groups;
	for (size_t i = 0; i < p->policy->rules.n; i++)
		h->n_ids += is_first(p->policy, i);
	return h->machine && !pt_build_id(h->build, sizeof(h->build));
}

#define ITEM_BYTES 64 /* of most */

static int make_items(const struct pt_plan *p, struct plan_rules_head *h)
{
	const struct pt_order *order = pt_nft_prog_order(p->prog);
	size_t numbers = padded(h->n_items * sizeof(uint32_t));
	struct pt_buf b = { 0 };
	uint32_t written;
	int rc;

	pt_buf_room(&b, numbers + (size_t)h->n_items * ITEM_BYTES);
	for (size_t i = 0; i < order->items.n; i++) {
		written = order->items.v[i].rule->ast | (order->items.v[i].rule->quick ? PLAN_QUICK : 0);
		if (order->items.v[i].kind == PT_ORDER_CONST)
			pt_buf_add(&b, &written, sizeof(written));
	}
	pad(&b);
	for (size_t i = 0; i < order->items.n; i++)
		if (order->items.v[i].kind == PT_ORDER_CONST)
			plan_item_put(&b, order->items.v[i].rule);
	rc = write_items(p->digest, h, &b, b.n - numbers);
	pt_buf_fini(&b);
	return rc;
}

/* The file in its place from the beginning: an apply needs much memory here. */
static bool make(const struct pt_plan *p, struct plan_rules_head *h, struct pt_buf *b)
{
	size_t size = size_of(h);
	uint32_t *made = calloc(p->conf->rules.n + 1, sizeof(*made));
	struct plan_rules r = { .head = *h };
	bool ok = false;

	pt_buf_room(b, size + sizeof(uint64_t) + 1);
	if (made && !b->err) {
		memset(b->s, 0, size);
		b->n = size;
		lay_out(&r, b->s);
		memcpy(r.keys, pt_nft_prog_keys(p->prog, &r.head.none), h->n_items * sizeof(*r.keys));
		ok = place_rules(p->conf, &r) && take_ids(p->policy, &r, made);
	}
	if (ok)
		take_items(p, made, &r);
	*h = r.head;
	free(made);
	return ok;
}

/* The same file may be in force with other addresses of the machine, hence with other tables. */
static bool is_current(const char *path, const struct plan_rules_head *want)
{
	struct plan_rules_head have;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool same = fd >= 0 && read(fd, &have, sizeof(have)) == (ssize_t)sizeof(have) &&
		    !memcmp(&have, want, offsetof(struct plan_rules_head, items_len));

	if (fd >= 0)
		close(fd);
	return same;
}

/* The kernel has them. plan_tables_end() makes them again where somebody still asks for them. */
static void shed_tables(struct pt_plan *p)
{
	free(p->tables->words);
	p->tables->words = NULL;
}

void plan_rules_write(struct pt_plan *p, bool warned)
{
	char path[PLAN_STORE_PATH];
	struct plan_rules_head head;
	struct pt_buf b = { 0 };

	if (!p->conf || plan_store_path(p->digest, ".rules", path))
		return;
	if (warned || !is_plain(p) || !make_head(p, &head)) {
		(void)!unlink(path);
		return;
	}
	shed_tables(p);
	if (!is_current(path, &head) && (make_items(p, &head) || !make(p, &head, &b) || write_rules(p->digest, &head, &b)))
		(void)!unlink(path);
	pt_buf_fini(&b);
}

void plan_rules_drop(const char *digest)
{
	char path[PLAN_STORE_PATH];

	if (*digest && !plan_store_path(digest, ".rules", path))
		(void)!unlink(path);
	if (*digest && !plan_store_path(digest, ".items", path))
		(void)!unlink(path);
}

/* ---- reading ---- */

bool plan_rules_any(void)
{
	DIR *dir = opendir(PLAN_STORE_DIR);
	const struct dirent *de;
	bool any = false;

	while (dir && !any && (de = readdir(dir)))
		any = de->d_name[0] != '.' && strstr(de->d_name, ".rules");
	if (dir)
		closedir(dir);
	return any;
}

static bool is_whole(const void *data, size_t len, const struct plan_rules_head *h)
{
	uint64_t sum;
	size_t size;

	if (h->n > PT_POL_RULES_MAX || h->n_ids > PT_POL_RULES_MAX || h->n_items > PT_POL_RULES_MAX)
		return false;
	size = size_of(h);
	if (len != size + sizeof(sum))
		return false;
	memcpy(&sum, (const char *)data + size, sizeof(sum));
	return sum == sum_of(data, size);
}

static bool is_mine(const struct plan_rules_head *h)
{
	char build[sizeof(h->build)] = "";

	return !memcmp(h->version, VERSION, sizeof(VERSION)) && !pt_build_id(build, sizeof(build)) &&
	       !strncmp(h->build, build, sizeof(build)) && h->begin < h->end && h->end <= h->text_len;
}

int plan_rules_read(const char *digest, struct plan_rules *out)
{
	char path[PLAN_STORE_PATH], *data = NULL;
	struct pt_err unseen = { 0 };
	size_t len = 0;
	int rc = plan_store_path(digest, ".rules", path);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = pt_file_read(path, SIZE_MAX_OF_IT, &data, &len, &unseen);
	pt_err_fini(&unseen);
	if (!rc && len >= sizeof(out->head)) {
		memcpy(&out->head, data, sizeof(out->head));
		if (is_whole(data, len, &out->head) && is_mine(&out->head)) {
			out->data = data;
			lay_out(out, data);
			return 0;
		}
	}
	free(data);
	return rc == -ENOMEM ? rc : -ENOENT;
}

int plan_rules_items(const char *digest, struct plan_rules *r)
{
	char path[PLAN_STORE_PATH], *data = NULL;
	struct pt_err unseen = { 0 };
	size_t len = 0;
	int rc = plan_store_path(digest, ".items", path);

	if (!rc)
		rc = pt_file_read(path, SIZE_MAX_OF_IT, &data, &len, &unseen);
	pt_err_fini(&unseen);
	if (!rc && (r->head.items_len > len || len != padded(r->head.n_items * sizeof(uint32_t)) + padded(r->head.items_len) ||
		    sum_of(data, len) != r->head.items_sum))
		rc = -EBADMSG;
	if (rc) {
		free(data);
		return rc;
	}
	r->more = data;
	lay_out_items(r, data);
	return 0;
}

void plan_rules_fini(struct plan_rules *r)
{
	free(r->data);
	free(r->more);
	memset(r, 0, sizeof(*r));
}

bool plan_rules_has_id(const struct plan_rules *r, uint32_t id)
{
	for (uint32_t i = 0; i < r->head.n_ids; i++)
		if (r->ids[i] == id)
			return true;
	return false;
}
