/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The typed model: values where the other modules look for them.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

/* One value on its way into the model; AT is the index in the vector of its section's kind. */
struct item {
	struct pt_conf *c;
	size_t at;
	const char *value; /* libconfuse's */
	struct pt_conf_str str; /* what the model keeps of it */
	size_t source; /* it stands in */
	const struct pt_schema *row;
};

static struct pt_conf_if *if_of(const struct item *i)
{
	return &i->c->interfaces.v[i->at];
}

static struct pt_conf_table *table_of(const struct item *i)
{
	return &i->c->tables.v[i->at];
}

static int push_str(const struct item *i, struct pt_conf_strs *list)
{
	return pt_vec_push(i->c->arena, list, i->str);
}

static int put_system_name(const struct item *i)
{
	i->c->system_name = i->str.s;
	return 0;
}

static int put_system_description(const struct item *i)
{
	i->c->description = i->str.s;
	return 0;
}

static int put_forwarding(const struct item *i)
{
	i->c->forwarding = conf_parse_bool(i->str.s);
	return 0;
}

static int put_device(const struct item *i)
{
	if_of(i)->device = i->str.s;
	return 0;
}

static int put_address(const struct item *i)
{
	struct pt_prefix p;

	static const struct {
		const char *word;
		unsigned int way;
	} ways[] = { { "dhcp", PT_IF_DHCP4 }, { "dhcp6", PT_IF_DHCP6 }, { "auto", PT_IF_SLAAC } };

	for (size_t k = 0; k < PT_ARRAY_SIZE(ways); k++)
		if (!strcmp(i->str.s, ways[k].word)) {
			if_of(i)->dhcp = true;
			if_of(i)->ways = (uint8_t)(if_of(i)->ways | ways[k].way);
			return 0;
		}
	if (pt_prefix_parse(i->str.s, &p))
		return -EINVAL;
	return pt_vec_push(i->c->arena, &if_of(i)->addresses, p);
}

static int put_group(const struct item *i)
{
	return push_str(i, &if_of(i)->groups);
}

static int put_if_description(const struct item *i)
{
	if_of(i)->description = i->str.s;
	return 0;
}

static int put_kind(const struct item *i)
{
	uint8_t kind = PT_LINK_PHYSICAL;

	while (pt_link_kinds[kind] && strcmp(pt_link_kinds[kind], i->str.s) != 0)
		kind++;
	if_of(i)->kind = kind;
	return kind < PT_LINK_KINDS ? 0 : -EINVAL;
}

static uint64_t place_of(const char *const *words, const char *s)
{
	uint64_t i = 0;

	while (words[i] && strcmp(words[i], s) != 0)
		i++;
	return i;
}

static int parse_option(const struct item *i, struct pt_conf_option *o)
{
	uint32_t seconds = 0;
	int rc = 0;

	*o = (struct pt_conf_option){ .row = i->row, .s = i->str.s, .loc = i->str.loc };
	if (o->row->type == PT_OPT_BOOL) {
		o->number = conf_parse_bool(o->s) > 0;
	} else if (o->row->type == PT_OPT_WORD) {
		o->number = place_of(o->row->words, o->s);
	} else if (o->row->type == PT_OPT_NUMBER) {
		rc = conf_parse_number(o->s, o->row->max, &o->number);
	} else if (o->row->type == PT_OPT_DURATION) {
		rc = pt_parse_duration(o->s, &seconds);
		o->number = seconds;
	}
	return rc;
}

/* What is about the link itself: what its kind makes of it is not known here. */
static int put_link_option(const struct item *i)
{
	struct pt_conf_option o;
	int rc = parse_option(i, &o);

	return rc ? rc : pt_vec_push(i->c->arena, &if_of(i)->options, o);
}

static int put_entry(const struct item *i)
{
	return push_str(i, pt_host_name_ok(i->str.s) ? &table_of(i)->names : &table_of(i)->addresses);
}

static int put_file(const struct item *i)
{
	table_of(i)->file = i->str.s;
	table_of(i)->file_loc = i->str.loc;
	return 0;
}

static int put_host_mac(const struct item *i)
{
	i->c->hosts.v[i->at].mac = i->str.s;
	return 0;
}

static int put_host_interface(const struct item *i)
{
	i->c->hosts.v[i->at].interface = i->str.s;
	i->c->hosts.v[i->at].interface_loc = i->str.loc;
	return 0;
}

static struct pt_conf_vip *vip_of(const struct item *i)
{
	return &i->c->vips.v[i->at];
}

static int put_vip_interface(const struct item *i)
{
	vip_of(i)->interface = i->str.s;
	vip_of(i)->interface_loc = i->str.loc;
	return 0;
}

static int put_vip_address(const struct item *i)
{
	vip_of(i)->address_loc = i->str.loc;
	return pt_prefix_parse(i->str.s, &vip_of(i)->address);
}

static int put_vip_type(const struct item *i)
{
	while (strcmp(pt_vip_types[vip_of(i)->type], i->str.s) != 0)
		vip_of(i)->type++;
	return 0;
}

static int put_vip_description(const struct item *i)
{
	vip_of(i)->description = i->str.s;
	return 0;
}

static struct pt_conf_schedule *schedule_of(const struct item *i)
{
	return &i->c->schedules.v[i->at];
}

static int put_days(const struct item *i)
{
	return conf_days_parse(i->str.s, &schedule_of(i)->days);
}

static int put_hours(const struct item *i)
{
	struct pt_conf_hours h;
	int rc = conf_hours_parse(i->str.s, &h);

	return rc ? rc : pt_vec_push(i->c->arena, &schedule_of(i)->hours, h);
}

static int put_dates(const struct item *i)
{
	struct pt_conf_dates d;
	int rc = conf_dates_parse(i->str.s, &d);

	return rc ? rc : pt_vec_push(i->c->arena, &schedule_of(i)->dates, d);
}

static int put_timezone(const struct item *i)
{
	i->c->timezone = i->str.s;
	i->c->timezone_loc = i->str.loc;
	return 0;
}

static int put_country(const struct item *i)
{
	return push_str(i, &table_of(i)->countries);
}

static int put_geoip_file(const struct item *i)
{
	i->c->geoip_file = i->str.s;
	i->c->geoip_loc = i->str.loc;
	return 0;
}

static int put_geoip_file6(const struct item *i)
{
	i->c->geoip_file6 = i->str.s;
	if (!i->c->geoip_file)
		i->c->geoip_loc = i->str.loc;
	return 0;
}

static int put_persist(const struct item *i)
{
	table_of(i)->persist = conf_parse_bool(i->str.s) > 0;
	return 0;
}

static int put_const(const struct item *i)
{
	table_of(i)->constant = conf_parse_bool(i->str.s) > 0;
	return 0;
}

static int put_counters(const struct item *i)
{
	table_of(i)->counters = conf_parse_bool(i->str.s) > 0;
	return 0;
}

static int put_timeout(const struct item *i)
{
	return pt_parse_duration(i->str.s, &table_of(i)->timeout);
}

static int put_macro_value(const struct item *i)
{
	i->c->macros.v[i->at].text = i->str.s;
	return 0;
}

/* Rules are most of a large file. */
static int take_rule(const struct item *i, struct pt_conf_rule *out)
{
	const struct pt_loc *loc = &i->str.loc;
	struct pt_conf_rule r = {
		.s = i->c->sources.v[i->source].text + i->str.raw,
		.len = (uint32_t)strlen(i->value),
		.raw = (uint32_t)i->str.raw,
		.line = loc->line,
		.col = loc->col,
	};

	if (r.len != loc->len || memcmp(r.s, i->value, r.len) != 0)
		r.s = pt_arena_strdup(i->c->arena, i->value);
	*out = r;
	return r.s ? 0 : -ENOMEM;
}

static int put_rule(const struct item *i)
{
	struct pt_conf_rule r;
	int rc = take_rule(i, &r);

	i->c->rules_source = i->source;
	return rc ? rc : pt_vec_push(i->c->arena, &i->c->rules, r);
}

static int put_anchor_rule(const struct item *i)
{
	struct pt_conf_rule r;
	int rc = take_rule(i, &r);

	return rc ? rc : pt_vec_push(i->c->arena, &i->c->anchors.v[i->at].rules, r);
}

static int put_expect(const struct item *i)
{
	struct pt_conf_rule r;
	int rc = take_rule(i, &r);

	return rc ? rc : pt_vec_push(i->c->arena, &i->c->tests.v[i->at].expect, r);
}

static int put_builtin(const struct item *i)
{
	i->c->builtin = conf_parse_bool(i->str.s) > 0;
	return 0;
}

static int put_skip(const struct item *i)
{
	return pt_vec_push(i->c->arena, &i->c->skip, i->str);
}

static int put_ssh_from(const struct item *i)
{
	return push_str(i, &i->c->boot.ssh_from);
}

static int put_ssh_on(const struct item *i)
{
	return push_str(i, &i->c->boot.ssh_on);
}

static int put_ssh_port(const struct item *i)
{
	uint64_t port;
	int rc = conf_parse_number(i->str.s, i->row->max, &port);

	i->c->boot.ssh_port = rc ? 0 : (uint16_t)port;
	return rc;
}

static int put_block_policy(const struct item *i)
{
	i->c->block_return = !strcmp(i->str.s, "return");
	return 0;
}

static int put_state_timeout(const struct item *i)
{
	return conf_put_timeout(i->c, i->str.s);
}

static int put_limit(const struct item *i)
{
	return conf_put_limit(i->c, i->str.s);
}

/* Checked, and what is so anyway. */
static int put_state_policy(const struct item *i)
{
	(void)i;
	return 0;
}

static int put_shaper_option(const struct item *i)
{
	struct pt_conf_option o;
	int rc = parse_option(i, &o);

	return rc ? rc : conf_qos_put(i->c, "shaper", i->at, &o);
}

static int put_queue_option(const struct item *i)
{
	struct pt_conf_option o;
	int rc = parse_option(i, &o);

	return rc ? rc : conf_qos_put(i->c, "queue", i->at, &o);
}

/* They were checked: what fails now is memory. */
static int put_route(const struct item *i)
{
	struct pt_conf_fault f;
	struct pt_conf_route r;
	int rc = pt_conf_route_parse(i->value, i->c->arena, &r, &f);

	r.loc = i->str.loc;
	return rc ? rc : pt_vec_push(i->c->arena, &i->c->routes, r);
}

static int put_route_rule(const struct item *i)
{
	struct pt_conf_fault f;
	struct pt_conf_route_rule r;
	int rc = pt_conf_route_rule_parse(i->value, i->c->arena, &r, &f);

	r.loc = i->str.loc;
	return rc ? rc : pt_vec_push(i->c->arena, &i->c->route_rules, r);
}

static int put_neighbour(const struct item *i)
{
	struct pt_conf_fault f;
	struct pt_conf_neighbour n;
	int rc = pt_conf_neighbour_parse(i->value, i->c->arena, &n, &f);

	n.loc = i->str.loc;
	return rc ? rc : pt_vec_push(i->c->arena, &i->c->neighbours, n);
}

/* A schema row without a place here would be read and forgotten; a test looks for that. */
static const struct binding {
	const char *section, *option;
	int (*put)(const struct item *i);
} bindings[] = {
	{ "system", "name", put_system_name },
	{ "system", "description", put_system_description },
	{ "system", "forwarding", put_forwarding },
	{ "system", "timezone", put_timezone },
	{ "interface", "device", put_device },
	{ "interface", "address", put_address },
	{ "interface", "groups", put_group },
	{ "interface", "description", put_if_description },
	{ "interface", "type", put_kind },
	{ "table", "addresses", put_entry },
	{ "table", "file", put_file },
	{ "table", "geoip", put_country },
	{ "table", "persist", put_persist },
	{ "table", "const", put_const },
	{ "table", "counters", put_counters },
	{ "table", "timeout", put_timeout },
	{ "geoip", "file", put_geoip_file },
	{ "geoip", "file6", put_geoip_file6 },
	{ "schedule", "days", put_days },
	{ "schedule", "hours", put_hours },
	{ "schedule", "dates", put_dates },
	{ "macro", "value", put_macro_value },
	{ "host", "mac", put_host_mac },
	{ "host", "interface", put_host_interface },
	{ "vip", "interface", put_vip_interface },
	{ "vip", "address", put_vip_address },
	{ "vip", "type", put_vip_type },
	{ "vip", "description", put_vip_description },
	{ "network", "routes", put_route },
	{ "network", "rules", put_route_rule },
	{ "network", "neighbours", put_neighbour },
	{ "anchor", "rules", put_anchor_rule },
	{ "test", "expect", put_expect },
	{ "firewall", "rules", put_rule },
	{ "firewall", "builtin", put_builtin },
	{ "firewall", "skip", put_skip },
	{ "firewall", "block-policy", put_block_policy },
	{ "firewall", "timeout", put_state_timeout },
	{ "firewall", "limit", put_limit },
	{ "firewall", "state-policy", put_state_policy },
	{ "boot", "ssh-from", put_ssh_from },
	{ "boot", "ssh-on", put_ssh_on },
	{ "boot", "ssh-port", put_ssh_port },
};

static const struct binding *find_binding(const char *section, const char *option)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(bindings); i++)
		if (!strcmp(bindings[i].section, section) && !strcmp(bindings[i].option, option))
			return &bindings[i];
	return NULL;
}

/* All other options of these are kept as they are written: what they mean together is found later. */
static const struct binding kept_options[] = {
	{ "interface", NULL, put_link_option },
	{ "shaper", NULL, put_shaper_option },
	{ "queue", NULL, put_queue_option },
};

static const struct binding *find_kept(const char *section)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(kept_options); i++)
		if (!strcmp(kept_options[i].section, section))
			return &kept_options[i];
	return NULL;
}

/* Of the values of long lists only what they mean is kept. */
static bool keeps_nothing(const struct binding *b)
{
	static int (*const puts[])(const struct item *i) = { put_rule,  put_anchor_rule, put_expect,
							     put_route, put_route_rule,	 put_neighbour };

	for (size_t i = 0; i < PT_ARRAY_SIZE(puts); i++)
		if (b->put == puts[i])
			return true;
	return false;
}

int conf_model_put(void *model, const struct conf_leaf *leaf, const char *value)
{
	struct conf_model *m = model;
	const struct conf_section *s = &m->tree->sections.v[leaf->section];
	const struct binding *b = find_binding(s->row->name, leaf->opt->name);
	struct item i = {
		.c = m->c,
		.at = s->model,
		.value = value,
		.str = { .loc = { m->c->sources.v[s->source].file, leaf->line, leaf->col, leaf->len },
			 .raw = leaf->off },
		.source = s->source,
		.row = leaf->opt,
	};

	if (!b)
		b = find_kept(s->row->name);
	if (!b)
		return -EINVAL;
	if (!keeps_nothing(b)) {
		i.str.s = pt_arena_strdup(m->c->arena, value);
		if (!i.str.s)
			return -ENOMEM;
	}
	return b->put(&i);
}

static int begin_section(struct pt_conf *c, struct conf_section *s)
{
	struct pt_conf_if interface = { .name = s->title, .loc = s->loc };
	struct pt_conf_table table = { .name = s->title, .loc = s->loc };
	struct pt_macro macro = { .name = s->title, .text = "" };
	struct pt_conf_schedule schedule = { .name = s->title, .loc = s->loc };
	struct pt_conf_anchor anchor = { .path = s->title, .source = s->source, .loc = s->loc };
	struct pt_conf_host host = { .name = s->title, .loc = s->loc };
	struct pt_conf_vip vip = { .name = s->title, .loc = s->loc };
	struct pt_conf_shaper shaper = { .name = s->title, .loc = s->loc };
	struct pt_conf_queue queue = { .name = s->title, .loc = s->loc };
	struct pt_conf_test test = { .name = s->title, .source = s->source, .loc = s->loc };

	if (!strcmp(s->row->name, "interface")) {
		s->model = (uint32_t)c->interfaces.n;
		return pt_vec_push(c->arena, &c->interfaces, interface);
	}
	if (!strcmp(s->row->name, "table")) {
		s->model = (uint32_t)c->tables.n;
		return pt_vec_push(c->arena, &c->tables, table);
	}
	if (!strcmp(s->row->name, "macro")) {
		s->model = (uint32_t)c->macros.n;
		return pt_vec_push(c->arena, &c->macros, macro);
	}
	if (!strcmp(s->row->name, "schedule")) {
		s->model = (uint32_t)c->schedules.n;
		return pt_vec_push(c->arena, &c->schedules, schedule);
	}
	if (!strcmp(s->row->name, "host")) {
		s->model = (uint32_t)c->hosts.n;
		return pt_vec_push(c->arena, &c->hosts, host);
	}
	if (!strcmp(s->row->name, "vip")) {
		s->model = (uint32_t)c->vips.n;
		return pt_vec_push(c->arena, &c->vips, vip);
	}
	if (!strcmp(s->row->name, "anchor")) {
		s->model = (uint32_t)c->anchors.n;
		return pt_vec_push(c->arena, &c->anchors, anchor);
	}
	if (!strcmp(s->row->name, "shaper")) {
		s->model = (uint32_t)c->shapers.n;
		return pt_vec_push(c->arena, &c->shapers, shaper);
	}
	if (!strcmp(s->row->name, "queue")) {
		s->model = (uint32_t)c->queues.n;
		return pt_vec_push(c->arena, &c->queues, queue);
	}
	if (!strcmp(s->row->name, "test")) {
		s->model = (uint32_t)c->tests.n;
		return pt_vec_push(c->arena, &c->tests, test);
	}
	return 0;
}

int conf_model_begin(struct pt_conf *c, struct conf_tree *t)
{
	int rc = 0;

	c->forwarding = -1;
	c->builtin = true;
	for (size_t i = 0; i < t->sections.n && !rc; i++)
		rc = begin_section(c, &t->sections.v[i]);
	return rc;
}

/* ---- looking up ---- */

const struct pt_conf_if *pt_conf_find_if(const struct pt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].name, name))
			return &c->interfaces.v[i];
	return NULL;
}

const char *pt_conf_device(const struct pt_conf *c, const char *name)
{
	const struct pt_conf_if *i = pt_conf_find_if(c, name);

	return i ? i->device : name;
}

const struct pt_conf_option *pt_conf_if_option(const struct pt_conf_if *i, const char *name)
{
	for (size_t k = 0; k < i->options.n; k++)
		if (!strcmp(i->options.v[k].row->name, name))
			return &i->options.v[k];
	return NULL;
}

const struct pt_conf_table *pt_conf_find_table(const struct pt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->tables.n; i++)
		if (!strcmp(c->tables.v[i].name, name))
			return &c->tables.v[i];
	return NULL;
}

void pt_conf_free(struct pt_conf *c)
{
	if (c)
		pt_arena_free(c->arena);
}
