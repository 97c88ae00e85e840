/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of the commands about states: filters, and words of the one command, in any order. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include "state.h"

/* ---- names ---- */

static int world_rule(void *arg, const char *name, uint32_t *id)
{
	const struct states *st = arg;

	for (size_t i = 0; st->p.policy && i < st->p.policy->rules.n; i++)
		if (!strcmp(st->p.policy->rules.v[i].name, name)) {
			*id = st->p.policy->rules.v[i].id;
			return 0;
		}
	return -ENOENT;
}

/* An interface of the file, or a device. */
static int world_device(void *arg, const char *name, const char **device)
{
	const struct states *st = arg;

	*device = st->p.conf ? pt_conf_device(st->p.conf, name) : name;
	return if_nametoindex(*device) ? 0 : -ENOENT;
}

static const char *world_route(void *arg, struct pt_addr a)
{
	const struct states *st = arg;

	return pt_net_routes_device(st->routes, a);
}

/* ---- reading ---- */

static bool begins(const char *name, const char *with)
{
	return *with && !strncmp(name, with, strlen(with));
}

/* The word of OWN that KEY means; NULL also where it may be a filter as well. */
static const struct state_word *find_own(const struct state_word *own, const char *key, bool *ambiguous)
{
	const struct state_word *found = NULL;
	size_t n = 0;

	for (const struct state_word *w = own; w && w->name; w++)
		if (begins(w->name, key)) {
			if (!strcmp(w->name, key))
				return w;
			found = w;
			n++;
		}
	for (size_t i = 0; found && pt_ct_filter_word(i); i++) {
		if (!strcmp(pt_ct_filter_word(i)->name, key))
			return NULL;
		n += begins(pt_ct_filter_word(i)->name, key);
	}
	*ambiguous = n > 1;
	return n == 1 ? found : NULL;
}

static int one_word(struct states *st, const struct state_word *own, void *arg, const char *key, const char *value)
{
	bool ambiguous = false;
	const struct state_word *w = find_own(own, key, &ambiguous);
	int rc;

	if (w)
		return w->set(st, value, arg);
	if (ambiguous)
		return pt_cli_usage(st->c, "'%s' is ambiguous: write more of the word", key);
	rc = pt_ct_filter_add(&st->f, key, value, &st->c->err);
	return rc == -ENOENT ? PT_EXIT_NO : rc;
}

static int times_needed(struct states *st)
{
	if (!pt_ct_filter_asks_age(&st->f) || st->settings.timestamp)
		return 0;
	pt_err_add(&st->c->err, PT_ERROR, NULL, "sysctl -w net.netfilter.nf_conntrack_timestamp=1, for states that begin from then on",
		   "the kernel does not keep when states began");
	return -EOPNOTSUPP;
}

static int words(struct states *st, const struct state_word *own, void *arg)
{
	int rc = 0;

	if (st->c->argc % 2)
		return pt_cli_usage(st->c, "each filter is a word and its value: '%s' has none", st->c->argv[st->c->argc - 1]);
	for (size_t i = 0; !rc && i + 1 < st->c->argc; i += 2)
		rc = one_word(st, own, arg, st->c->argv[i], st->c->argv[i + 1]);
	return rc ? rc : times_needed(st);
}

uint64_t clock_now(int clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int states_begin(struct pt_cli *c, struct states *st, const struct state_word *own, void *arg)
{
	int rc;

	memset(st, 0, sizeof(*st));
	st->c = c;
	rc = sockets_open(&st->s, &c->err);
	if (rc)
		return rc;
	rc = applied_or_none(st->s.nf, &st->p, &c->err); /* without a file in force, states have no names */
	if (rc)
		return rc;
	st->routes = pt_net_routes_new(st->s.route);
	if (!st->routes)
		return -ENOMEM;
	pt_ct_settings(&st->settings);
	st->f.af = c->af;
	st->f.now = clock_now(CLOCK_REALTIME);
	st->f.world = (struct pt_ct_world){ world_rule, world_device, world_route, st };
	return words(st, own, arg);
}

void states_end(struct states *st)
{
	pt_net_routes_free(st->routes);
	pt_ct_filter_fini(&st->f);
	pt_plan_fini(&st->p);
	sockets_close(&st->s);
}

/* ---- values ---- */

int state_choice(struct states *st, const char *value, const char *const *values)
{
	struct pt_buf list = { 0 };
	int found = -1, n = 0;

	for (int i = 0; values[i]; i++) {
		pt_buf_fmt(&list, "%s%s", i ? ", " : "", values[i]);
		if (!begins(values[i], value))
			continue;
		n = strcmp(values[i], value) ? n + 1 : INT32_MIN;
		found = i;
		if (n < 0)
			break;
	}
	if (n == 0 || n > 1)
		(void)pt_cli_usage(st->c, "'%s' is none of %s", value, list.s ? list.s : "them");
	pt_buf_fini(&list);
	return n == 0 || n > 1 ? -1 : found;
}

int64_t state_number(struct states *st, const char *value, uint64_t max)
{
	uint64_t n;

	if (!pt_parse_uint(value, max, &n))
		return (int64_t)n;
	(void)pt_cli_usage(st->c, "'%s' is not a number up to %" PRIu64, value, max);
	return -1;
}

void state_tell_uncounted(struct states *st, size_t uncounted, size_t all)
{
	static const char hint[] = "sysctl -w net.netfilter.nf_conntrack_acct=1 counts them in states that begin from then on";

	if (!uncounted)
		return;
	if (uncounted < all)
		pt_err_add(&st->c->err, PT_WARNING, NULL, st->settings.acct ? NULL : hint,
			   "packets and bytes of %zu of %zu states are not counted", uncounted, all);
	else
		pt_err_add(&st->c->err, PT_WARNING, NULL, hint, "the kernel does not count packets and bytes of these states");
}

/* ---- completion ---- */

typedef void (*word_fn)(const char *w, void *arg);

static int complete_interface(struct pt_cli *c, word_fn word, void *arg)
{
	struct if_nameindex *devices = NULL;
	struct pt_plan p;
	struct pt_nl *nf;

	if (!pt_nl_open(&nf, NETLINK_NETFILTER, &c->err)) {
		if (!applied_or_none(nf, &p, &c->err))
			for (size_t i = 0; p.conf && i < p.conf->interfaces.n; i++)
				word(p.conf->interfaces.v[i].name, arg);
		pt_plan_fini(&p);
		pt_nl_close(nf);
	}
	devices = if_nameindex();
	for (size_t i = 0; devices && devices[i].if_name; i++)
		word(devices[i].if_name, arg);
	if (devices)
		if_freenameindex(devices);
	return 0;
}

static void complete_list(const char *const *values, word_fn word, void *arg)
{
	for (size_t i = 0; values && values[i]; i++)
		word(values[i], arg);
}

/* The value of the word KEY. */
static int complete_value(struct pt_cli *c, const struct state_word *own, const char *key, word_fn word, void *arg)
{
	for (const struct state_word *w = own; w && w->name; w++)
		if (begins(w->name, key))
			complete_list(w->values, word, arg);
	for (size_t i = 0; pt_ct_filter_word(i); i++)
		if (begins(pt_ct_filter_word(i)->name, key))
			complete_list(pt_ct_filter_word(i)->values, word, arg);
	if (begins("label", key))
		return complete_label(c, 0, word, arg);
	return begins("interface", key) ? complete_interface(c, word, arg) : 0;
}

int complete_words(struct pt_cli *c, const struct state_word *own, size_t n, word_fn word, void *arg)
{
	if (n % 2)
		return n <= c->argc ? complete_value(c, own, c->argv[n - 1], word, arg) : 0;
	for (const struct state_word *w = own; w && w->name; w++)
		word(w->name, arg);
	for (size_t i = 0; pt_ct_filter_word(i); i++)
		word(pt_ct_filter_word(i)->name, arg);
	return 0;
}

int complete_filter(struct pt_cli *c, size_t n, word_fn word, void *arg)
{
	return complete_words(c, NULL, n, word, arg);
}
