/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checks that need more than one value: what is missing in a section, and names that clash.
 *
 * A rule says `on NAME` for an interface's name, its device or a group. If one word meant two
 * interfaces, the rule would guard one of them and nobody would be told which.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"

#define IF_ADDRESSES_MAX 1024 /* each is compared with each */

static void set_defaults(struct pt_conf_if *i)
{
	if (!i->addresses.n)
		i->dhcp = true;
	if (!i->device)
		i->device = i->name;
}

static bool has_twin(const struct pt_conf_if *i, size_t at)
{
	const struct pt_addr *a = &i->addresses.v[at].addr;

	for (size_t k = 0; k < at; k++)
		if (i->addresses.v[k].addr.af == a->af && i->addresses.v[k].addr.v == a->v)
			return true;
	return false;
}

static int check_if(const struct pt_conf_if *i, struct pt_err *e)
{
	bool twins = false;

	if (i->addresses.n > IF_ADDRESSES_MAX) {
		pt_err_add(e, PT_ERROR, &i->loc, "shorten the list",
			   "interface %s has more than %d addresses", i->name, IF_ADDRESSES_MAX);
		return -EINVAL;
	}
	for (size_t k = 0; k < i->addresses.n && !twins; k++)
		twins = has_twin(i, k);
	if (twins)
		pt_err_add(e, PT_ERROR, &i->loc, "remove one of them",
			   "interface %s has the same address twice", i->name);
	if (strcmp(i->name, "lo") != 0 || !strcmp(i->device, "lo"))
		return twins ? -EINVAL : 0;
	pt_err_add(e, PT_ERROR, &i->loc, "choose another name",
		   "interface lo is the loopback of every machine and cannot be device %s",
		   i->device);
	return -EINVAL;
}

/* A name or a device, and whose it is. */
struct word {
	const char *s;
	const struct pt_conf_if *i;
	bool device;
};

typedef PT_VEC(struct word) words_t;

static int by_word(const void *x, const void *y)
{
	const struct word *a = x, *b = y;
	int order = strcmp(a->s, b->s);

	if (order)
		return order;
	return a->i < b->i ? -1 : a->i > b->i;
}

static int by_text(const void *key, const void *word)
{
	return strcmp(key, ((const struct word *)word)->s);
}

static int collect_words(const struct pt_conf *c, words_t *words)
{
	int rc = 0;

	for (size_t k = 0; k < c->interfaces.n && !rc; k++) {
		const struct pt_conf_if *i = &c->interfaces.v[k];
		struct word name = { i->name, i, false }, device = { i->device, i, true };

		rc = pt_vec_push(c->arena, words, name);
		if (!rc)
			rc = pt_vec_push(c->arena, words, device);
	}
	if (!rc && words->n)
		qsort(words->v, words->n, sizeof(*words->v), by_word);
	return rc;
}

/* X and Y are the same word of different interfaces, X of the one that comes first. */
static void refuse_words(const struct word *x, const struct word *y, struct pt_err *e)
{
	if (x->device && y->device)
		pt_err_add(e, PT_ERROR, &y->i->loc, "one interface section a device",
			   "interface %s has device %s, which is already interface %s (line %u)",
			   y->i->name, y->s, x->i->name, x->i->loc.line);
	else
		pt_err_add(
			e, PT_ERROR, &y->i->loc,
			"choose names that are not devices of other interfaces",
			"interfaces %s (line %u) and %s: one has the device that names the other",
			x->i->name, x->i->loc.line, y->i->name);
}

static int check_words(const words_t *words, struct pt_err *e)
{
	int rc = 0;

	for (size_t k = 1; k < words->n; k++) {
		const struct word *x = &words->v[k - 1], *y = &words->v[k];

		if (strcmp(x->s, y->s) != 0 || x->i == y->i)
			continue;
		refuse_words(x, y, e);
		rc = -EINVAL;
	}
	return rc;
}

static int check_groups(const struct pt_conf_if *i, const words_t *words, struct pt_err *e)
{
	int rc = 0;

	for (size_t g = 0; g < i->groups.n; g++) {
		const struct pt_conf_str *group = &i->groups.v[g];
		const struct word *w = bsearch(group->s, words->v, words->n, sizeof(*w), by_text);

		if (!w && strcmp(group->s, "lo") != 0)
			continue;
		pt_err_add(e, PT_ERROR, &group->loc, "choose another name for the group",
			   "group %s has the name of an interface or of a device", group->s);
		rc = -EINVAL;
	}
	return rc;
}

static int check_ifs(struct pt_conf *c, struct pt_err *e)
{
	words_t words = { 0 };
	int rc = 0, bad = 0;

	for (size_t k = 0; k < c->interfaces.n; k++) {
		set_defaults(&c->interfaces.v[k]);
		bad |= check_if(&c->interfaces.v[k], e);
	}
	rc = collect_words(c, &words);
	if (rc)
		return rc;
	bad |= check_words(&words, e);
	for (size_t k = 0; k < c->interfaces.n; k++)
		bad |= check_groups(&c->interfaces.v[k], &words, e);
	return bad ? -EINVAL : 0;
}

static void check_table(const struct pt_conf_table *t, struct pt_err *e)
{
	if (t->constant && t->timeout)
		pt_err_add(e, PT_WARNING, &t->loc, "remove const or timeout",
			   "table %s refuses changes (const), so nothing in it can time out",
			   t->name);
}

static int check_macros(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < t->sections.n; i++) {
		const struct conf_section *s = &t->sections.v[i];

		if (s->bad || strcmp(s->row->name, "macro") != 0 || *c->macros.v[s->model].text)
			continue;
		pt_err_add(e, PT_ERROR, &s->loc, "add value = \"...\"", "macro %s has no value",
			   s->title);
		rc = -EINVAL;
	}
	return rc;
}

/* Linux has one time for both, until the first answer. */
static int check_udp(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	uint32_t first = c->timeout[PT_TIMEOUT_UDP_FIRST], single = c->timeout[PT_TIMEOUT_UDP_SINGLE];
	const struct pt_loc *loc = NULL;

	for (size_t i = 0; i < t->sections.n; i++)
		if (!strcmp(t->sections.v[i].row->name, "firewall"))
			loc = &t->sections.v[i].loc;
	if (!first || !single || first == single)
		return 0;
	pt_err_add(e, PT_ERROR, loc, "write one of them", "timeout: udp.first and udp.single are one time on Linux");
	return -EINVAL;
}

static int check_schedules(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < t->sections.n; i++) {
		const struct conf_section *s = &t->sections.v[i];
		const struct pt_conf_schedule *x;

		if (s->bad || strcmp(s->row->name, "schedule") != 0)
			continue;
		x = &c->schedules.v[s->model];
		if (x->days || x->hours.n || x->dates.n)
			continue;
		pt_err_add(e, PT_ERROR, &s->loc, "add days, hours or dates", "schedule %s says nothing about time", s->title);
		rc = -EINVAL;
	}
	return rc;
}

/* A test that expects nothing would hold for ever. */
static int check_tests(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	int rc = 0;

	for (size_t i = 0; i < t->sections.n; i++) {
		const struct conf_section *s = &t->sections.v[i];

		if (s->bad || strcmp(s->row->name, "test") != 0 || c->tests.v[s->model].expect.n)
			continue;
		pt_err_add(e, PT_ERROR, &s->loc, "add expect = { \"pass ...\", \"block ...\" }", "test %s expects nothing",
			   s->title);
		rc = -EINVAL;
	}
	return rc;
}

static bool is_group(const struct pt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t g = 0; g < c->interfaces.v[i].groups.n; g++)
			if (!strcmp(c->interfaces.v[i].groups.v[g].s, name))
				return true;
	return false;
}

/* Nobody sees it before the boot that needs it. */
static int check_boot(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	const struct pt_conf_boot *b = &c->boot;
	int rc = 0;

	for (size_t i = 0; i < b->ssh_on.n; i++) {
		if (pt_conf_find_if(c, b->ssh_on.v[i].s) || is_group(c, b->ssh_on.v[i].s))
			continue;
		pt_err_add(e, PT_ERROR, &b->ssh_on.v[i].loc, "name an interface of this file, or a group of its interfaces",
			   "there is no interface or group %s", b->ssh_on.v[i].s);
		rc = -EINVAL;
	}
	for (size_t i = 0; b->ssh_port && !b->ssh_from.n && !b->ssh_on.n && i < t->sections.n; i++)
		if (!strcmp(t->sections.v[i].row->name, "boot"))
			pt_err_add(e, PT_WARNING, &t->sections.v[i].loc, "add ssh-from or ssh-on",
				   "ssh-port alone admits nobody");
	return rc;
}

int conf_model_check(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e)
{
	const int all[] = { check_macros(c, t, e), check_udp(c, t, e), check_schedules(c, t, e), check_tests(c, t, e), check_ifs(c, e),
			    conf_check_links(c, t, e), conf_check_links_among(c, e), conf_check_network(c, e), conf_check_qos(c, t, e),
			    conf_check_dhcp(c, e), conf_check_vips(c, t, e), check_boot(c, t, e) };
	int rc = 0;

	for (size_t i = 0; i < PT_ARRAY_SIZE(all); i++)
		rc = conf_both(rc, all[i]);
	for (size_t i = 0; i < c->tables.n; i++)
		check_table(&c->tables.v[i], e);
	return rc;
}
