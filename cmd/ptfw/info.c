/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in force, in numbers: the file, the engine that judges arriving packets, tables and states. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "info.h"

struct info {
	const char *name, *description;
	char host[65], applied[32];
	uint64_t states, max_states;
	size_t rules, tables;
	const struct pt_nft_state *have;
	const char *status;
	uint64_t age;    /* seconds since it was applied */
	struct info_counts counts;
	bool followed, needs_follower; /* by `ptfw follow` */
	bool has_engine; /* a file is in force */
	struct pt_plan_engine engine;
};

const char *engine_name(enum pt_engine engine)
{
	static const char *const names[] = { "auto", "bpf", "nft", "linear" };

	return names[engine];
}

/* ---- the engine ---- */

static void size_text(struct pt_buf *t, size_t bytes)
{
	if (bytes >= 10 << 20)
		pt_buf_fmt(t, "%zu MiB", bytes >> 20);
	else
		pt_buf_fmt(t, "%zu KiB", bytes >> 10);
}

static void classifier_text(struct pt_buf *t, const struct pt_plan_engine *e)
{
	pt_buf_fmt(t, "          constant rules %u in tables of ", e->order.n_const);
	size_text(t, e->bytes);
	pt_buf_fmt(t, ", at most %u step%s a packet\n", e->steps, pt_plural(e->steps));
	pt_buf_fmt(t, "          other rules %zu in %u group%s\n", e->n_dynamic, e->order.n_groups,
		   pt_plural(e->order.n_groups));
	pt_buf_str(t, "          on");
	for (size_t i = 0; i < e->with.n; i++)
		pt_buf_fmt(t, " %s", e->with.v[i]);
	if (!e->with.n)
		pt_buf_str(t, " no device");
	if (e->without.n)
		pt_buf_str(t, "; closed, for want of the program:");
	for (size_t i = 0; i < e->without.n; i++)
		pt_buf_fmt(t, " %s", e->without.v[i]);
	pt_buf_fmt(t, "\n          packets not judged, and dropped: %llu\n", (unsigned long long)e->unjudged_packets);
}

static void engine_text(struct pt_buf *t, const struct info *i)
{
	static const char *const forms[] = { "", "bpf, the classifier", "nft, long lists as trees of chains",
					     "linear, one rule after the other" };

	if (!i->has_engine) {
		pt_buf_str(t, "Engine:   -\n");
		return;
	}
	pt_buf_fmt(t, "Engine:   %s\n", forms[i->engine.engine]);
	if (i->engine.why)
		pt_buf_fmt(t, "          not the classifier: %s\n", i->engine.why);
	if (i->engine.engine == PT_ENGINE_BPF)
		classifier_text(t, &i->engine);
}

static void names_array(struct pt_out *o, const char *key, const char *const *names, size_t n)
{
	pt_out_arr(o, key);
	for (size_t i = 0; i < n; i++)
		pt_out_item(o, names[i]);
	pt_out_arr_end(o);
}

static void engine_keys(struct pt_out *o, const struct info *i)
{
	const struct pt_plan_engine *e = &i->engine;

	pt_out_str(o, "engine", i->has_engine ? engine_name(e->engine) : "none");
	pt_out_str(o, "engine_why", e->why);
	pt_out_u64(o, "constant_rules", e->order.n_const);
	pt_out_u64(o, "dynamic_rules", e->n_dynamic);
	pt_out_u64(o, "groups", e->order.n_groups);
	pt_out_u64(o, "classifier_bytes", e->bytes);
	pt_out_u64(o, "classifier_steps", e->steps);
	names_array(o, "devices", e->with.v, e->with.n);
	names_array(o, "devices_without", e->without.v, e->without.n);
	pt_out_u64(o, "unjudged_packets", e->unjudged_packets);
	pt_out_u64(o, "unjudged_bytes", e->unjudged_bytes);
}

/* ---- the whole ---- */

static void iso_time(uint64_t seconds, char *out, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	out[0] = '\0';
	if (seconds && gmtime_r(&t, &tm))
		strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* "12d3h4m ago": seconds are told below a day. */
static void age_text(struct pt_buf *t, uint64_t age)
{
	pt_buf_str(t, ", ");
	pt_fmt_duration(t, (uint32_t)(age < 86400 ? age : age - age % 60));
	pt_buf_str(t, " ago");
}

static void info_text(struct pt_buf *t, const struct info *i)
{
	pt_buf_fmt(t, "System:   %s%s%s\n", i->name, i->description ? ", " : "", i->description ? i->description : "");
	pt_buf_fmt(t, "Status:   %s\n", i->status);
	engine_text(t, i);
	pt_buf_fmt(t, "Follower: %s\n", i->followed ? "at work" : i->needs_follower ? "none, but rules need one" : "none");
	pt_buf_fmt(t, "File:     %s\nDigest:   %s\nApplied:  %s", i->have->digest[0] ? i->have->path : "-",
		   i->have->digest[0] ? i->have->digest : "-", i->applied[0] ? i->applied : "-");
	if (i->age)
		age_text(t, i->age);
	pt_buf_chr(t, '\n');
	pt_buf_fmt(t, "Rules:    %zu\nTables:   %zu\nStates:   %llu of %llu", i->rules, i->tables,
		   (unsigned long long)i->states, (unsigned long long)i->max_states);
	info_counts_text(t, &i->counts);
}

static int print_info(struct pt_cli *c, const struct info *i)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.info.v1", "info");
	struct pt_buf t = { 0 };

	if (!o)
		return -ENOMEM;
	info_text(&t, i);
	pt_out_rec(o);
	pt_out_str(o, "system", i->name);
	pt_out_str(o, "description", i->description);
	pt_out_str(o, "status", i->status);
	engine_keys(o, i);
	pt_out_bool(o, "followed", i->followed);
	pt_out_str(o, "file", i->have->digest[0] ? i->have->path : NULL);
	pt_out_str(o, "digest", i->have->digest[0] ? i->have->digest : NULL);
	pt_out_str(o, "applied", i->applied[0] ? i->applied : NULL);
	pt_out_u64(o, "rules", i->rules);
	pt_out_u64(o, "tables", i->tables);
	pt_out_u64(o, "states", i->states);
	pt_out_u64(o, "states_limit", i->max_states);
	pt_out_u64(o, "age", i->age);
	info_counts_keys(o, &i->counts);
	show_text(o, &t);
	pt_out_rec_end(o);
	return pt_cli_end(c, o);
}

static const char *status_of(const struct pt_nft_state *s)
{
	if (!s->present)
		return "not loaded";
	if (s->dormant)
		return "dormant";
	if (s->digest[0])
		return "in force";
	return strcmp(s->path, PT_NFT_OPEN) ? "stopped" : "open";
}

/* Fills I from the kernel and, where there is one, the applied file in P. */
static int gather_info(struct info *i, const struct sockets *s, struct pt_arena *a, struct pt_plan *p, struct pt_err *e)
{
	time_t now = time(NULL);
	const char **names = NULL;
	int rc;

	if (gethostname(i->host, sizeof(i->host) - 1))
		strncpy(i->host, "?", sizeof(i->host) - 1);
	i->name = p->conf && p->conf->system_name ? p->conf->system_name : i->host;
	i->description = p->conf ? p->conf->description : NULL;
	i->rules = p->conf ? p->conf->rules.n : 0;
	i->status = status_of(i->have);
	i->has_engine = p->conf;
	i->followed = pt_plan_followed();
	i->needs_follower = p->policy && pt_plan_needs_follower(p->policy);
	if (i->have->digest[0]) {
		iso_time(i->have->applied, i->applied, sizeof(i->applied));
		i->age = i->have->applied && now > (time_t)i->have->applied ? (uint64_t)now - i->have->applied : 0;
	}
	rc = pt_ct_count(s->nf, &i->states, &i->max_states, e);
	if (!rc && i->have->present) {
		rc = pt_nft_table_list(s->nf, a, &names, &i->tables, e);
		if (rc == -ENOENT)
			rc = 0;
	}
	if (!rc)
		rc = info_counts_gather(&i->counts, s, a, p->policy, i->have, names, i->tables, e);
	if (!rc && p->conf)
		rc = pt_plan_engine(p, s->route, a, &i->engine, e);
	return rc;
}

int cmd_info(struct pt_cli *c)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_nft_state *have = NULL;
	struct pt_plan p = { 0 };
	struct info i = { 0 };
	struct sockets s;
	int rc;

	if (!a)
		return -ENOMEM;
	rc = sockets_open(&s, &c->err);
	if (!rc)
		rc = pt_nft_read_for(s.nf, NULL, &have, &c->err);
	if (!rc) {
		i.have = have;
		rc = applied_or_none(s.nf, &p, &c->err); /* no file in force: the rest is still worth knowing */
	}
	if (!rc)
		rc = gather_info(&i, &s, a, &p, &c->err);
	if (!rc)
		rc = print_info(c, &i);
	pt_plan_fini(&p);
	pt_nft_state_free(have);
	pt_arena_free(a);
	sockets_close(&s);
	return rc;
}
