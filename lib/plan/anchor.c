/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anchors that programs load while the rules are in force. What they loaded is part of the copy of what was applied
 * (store.c), and each load is an apply of the same file with one text exchanged: so it is checked, planned and
 * committed like any other, and what it costs is what differs.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "plan/internal.h"

bool pt_anchor_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (!len || pattern[len - 1] != '*')
		return !strcmp(pattern, path);
	return !strncmp(pattern, path, len - 1) && path[len - 1] && !strchr(path + len - 1, '/');
}

/* ---- what is loaded ---- */

static int read_loaded(struct pt_nl *nf, struct plan_texts *out, char digest[65], struct pt_err *e)
{
	struct pt_nft_state *now = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	digest[0] = '\0';
	rc = pt_nft_read_applied(nf, &now, e);
	if (rc)
		return rc;
	memcpy(digest, now->digest[0] ? now->digest : now->before, 65);
	pt_nft_state_free(now);
	return digest[0] ? plan_store_read(digest, out, e) : 0;
}

/* Only the anchors of what is in force: the files are read anew. */
static void anchors_only(struct plan_texts *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->more.n; i++)
		if (t->more.v[i].anchor)
			t->more.v[n++] = t->more.v[i];
	t->more.n = n;
}

/* Rules that block somebody may be in it: they are not given up because they cannot be read. */
static int spoilt(const char *digest, int rc, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "to give up what programs loaded, remove that copy and apply again",
		   "what programs loaded into anchors cannot be read: the copy " PT_RUN_DIR "/applied/%s.conf was changed", digest);
	return rc;
}

int plan_loaded(struct pt_nl *nf, struct plan_texts *out, char digest[65], struct pt_err *e)
{
	struct pt_err why = { 0 };
	char again[65];
	int rc;

	rc = read_loaded(nf, out, digest, &why);
	while (rc == -ENOENT) { /* dropped because another list took its place? */
		memcpy(again, digest, sizeof(again));
		rc = read_loaded(nf, out, digest, &why);
		if (!strcmp(again, digest))
			break;
	}
	pt_err_fini(&why);
	anchors_only(out);
	if (!rc || rc == -ENOMEM)
		return rc ? pt_err_sys(e, rc, "reading the anchors") : 0;
	if (!digest[0])
		return pt_err_sys(e, rc, "reading what is in force");
	if (rc != -ENOENT && plan_store_is_list(digest))
		return spoilt(digest, rc, e);
	/* A way back to rules must not depend on it. */
	pt_err_add(e, PT_WARNING, NULL, "load them again", "what programs loaded into anchors is lost: the copy of the applied "
		   "file cannot be read");
	return 0;
}

/* The bytes that were checked, with what is loaded now. */
static int rebuild(struct pt_plan *p, struct pt_nl *nf, struct plan_texts *loaded, struct pt_err *e)
{
	struct pt_conf *conf = p->conf;
	struct pt_conf_more more;
	int rc = 0;

	for (size_t i = 1; !rc && i < conf->sources.n; i++)
		if (!conf->sources.v[i].anchor)
			rc = pt_vec_push(NULL, &loaded->more, conf->sources.v[i]);
	if (rc)
		return pt_err_sys(e, rc, "reading the anchors");
	more = (struct pt_conf_more){ .v = loaded->more.v, .n = loaded->more.n, .kept = conf->kept, .n_kept = conf->n_kept };
	pt_policy_free(p->policy);
	p->policy = NULL;
	rc = pt_policy_parse_more(conf->path, conf->text, conf->len, &more, &p->conf, &p->policy, e);
	pt_conf_free(conf);
	if (!rc)
		rc = plan_outside(p, PLAN_ASK_DUE, NULL, e);
	if (!rc)
		rc = plan_build(p, e);
	return rc ? rc : plan_observe(p, nf, e);
}

int plan_loaded_again(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e)
{
	struct pt_nft_state *now = NULL;
	struct plan_texts loaded;
	bool same;
	int rc;

	rc = pt_nft_read_applied(nf, &now, e);
	if (rc)
		return rc;
	same = !strcmp(p->loaded_of, now->digest[0] ? now->digest : now->before);
	pt_nft_state_free(now);
	if (same)
		return 0;
	rc = plan_loaded(nf, &loaded, p->loaded_of, e);
	if (!rc)
		rc = rebuild(p, nf, &loaded, e);
	plan_texts_fini(&loaded);
	return rc;
}

/* ---- loading ---- */

static int not_asked(const struct pt_plan *p, const char *path, struct pt_err *e)
{
	struct pt_buf hint = { 0 };

	for (size_t i = 0; i < p->policy->places.n; i++)
		pt_buf_fmt(&hint, "%s%s", i ? ", " : "the rules in force ask ", p->policy->places.v[i].path);
	if (!p->policy->places.n)
		pt_buf_fmt(&hint, "write \"anchor %s\" among the rules, and apply them", path);
	pt_err_add(e, PT_ERROR, NULL, hint.s, "no rule asks the anchor %s", path);
	pt_buf_fini(&hint);
	return -ENOENT;
}

static int written(const struct pt_conf_anchor *a, struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, &a->loc, "choose another name, or take the section out of the file",
		   "the rules of anchor %s are written in the file", a->path);
	return -EINVAL;
}

/* Under T's other texts that of the change; whether it is new is decided by its bytes. */
static int exchange(struct plan_texts *t, const struct pt_anchor_change *what, bool *known, struct pt_err *e)
{
	struct pt_conf_source s = { .file = what->file, .anchor = what->path, .text = what->text, .len = what->len };
	size_t n = 0, anchors = 0;

	*known = false;
	for (size_t i = 0; i < t->more.n; i++) {
		bool old = t->more.v[i].anchor && pt_anchor_matches(what->path, t->more.v[i].anchor);

		*known = *known || old;
		anchors += t->more.v[i].anchor && !old;
		if (!old)
			t->more.v[n++] = t->more.v[i];
	}
	t->more.n = n;
	if (!what->text)
		return 0;
	if (anchors >= PT_ANCHOR_MAX) {
		pt_err_add(e, PT_ERROR, NULL, "flush those that are not needed", "more than %d anchors", PT_ANCHOR_MAX);
		return -EINVAL;
	}
	if (pt_vec_push(NULL, &t->more, s))
		return pt_err_sys(e, -ENOMEM, "loading anchor %s", what->path);
	/* In a fixed order: the same anchors are the same list. */
	for (size_t i = t->more.n; --i > 0 && t->more.v[i - 1].anchor && strcmp(t->more.v[i - 1].anchor, what->path) > 0;) {
		t->more.v[i] = t->more.v[i - 1];
		t->more.v[i - 1] = s;
	}
	return 0;
}

/* Is the anchor one that rules ask, and not written? */
static int check_place(const struct pt_plan *p, const struct pt_anchor_change *what, bool known, struct pt_err *e)
{
	const struct pt_conf_anchor *a = pt_conf_find_anchor(p->conf, what->path);

	if (a && !a->loaded)
		return written(a, e);
	if (what->text && (!a || !p->policy->asked || !p->policy->asked[a - p->conf->anchors.v]))
		return not_asked(p, what->path, e);
	if (what->text || known)
		return 0;
	for (size_t i = 0; i < p->policy->places.n; i++)
		if (pt_anchor_matches(p->policy->places.v[i].path, what->path) || !strcmp(p->policy->places.v[i].path, what->path))
			return 0; /* empty already */
	return not_asked(p, what->path, e);
}

/* What is in force, with the change. */
static int load_changed(struct pt_plan *p, const struct pt_anchor_change *what, struct pt_err *e)
{
	struct pt_conf_more more;
	struct plan_texts t;
	bool known;
	int rc;

	memcpy(p->loaded_of, p->have->digest, sizeof(p->loaded_of));
	rc = plan_store_read(p->have->digest, &t, e);
	if (rc) {
		pt_err_add(e, PT_ERROR, NULL, "apply the file again", "the copy of the applied file %s cannot be read",
			   p->have->path);
		return rc;
	}
	rc = exchange(&t, what, &known, e);
	more = (struct pt_conf_more){ .v = t.more.v, .n = t.more.n };
	if (!rc)
		rc = pt_policy_parse_more(p->have->path, t.text, t.len, &more, &p->conf, &p->policy, e);
	if (!rc)
		rc = check_place(p, what, known, e);
	plan_texts_fini(&t);
	return rc;
}

static int nothing_in_force(struct pt_err *e)
{
	pt_err_add(e, PT_ERROR, NULL, "apply the file first: `ptfw apply`", "no rules are in force that an anchor could be part of");
	return -ENOENT;
}

/* Tables keep what they learned. */
static int plan_change(struct pt_plan *p, struct pt_nl *nf, enum pt_engine wanted, struct pt_err *e)
{
	int rc;

	p->wanted = wanted;
	rc = plan_build(p, e);
	if (rc)
		return rc;
	pt_nft_prog_keep_tables(p->prog);
	return plan_observe(p, nf, e);
}

/* The file was applied for another engine than the usual one, if its own rules are enough for that one. Nobody keeps a
 * note of it. */
static bool engine_was_chosen(const struct pt_plan *p, const char *path)
{
	size_t n = 0;

	if (pt_nft_engine(p->have) == PT_ENGINE_BPF || p->engine == pt_nft_engine(p->have))
		return false;
	for (size_t i = p->policy->n_builtin; i < p->policy->rules.n; i++) {
		const struct pt_pol_rule *r = &p->policy->rules.v[i];

		n += r->dir == PT_IN && (!r->anchor || !pt_anchor_matches(path, r->anchor));
	}
	return n >= PT_PLAN_BPF_MIN;
}

static int change(struct pt_plan *p, struct pt_nl *nf, struct pt_nl *route, const struct pt_anchor_change *what,
		  size_t *writes, struct pt_err *e)
{
	int rc;

	rc = pt_nft_read_applied(nf, &p->have, e);
	if (!rc && !p->have->digest[0])
		rc = nothing_in_force(e);
	if (!rc)
		rc = load_changed(p, what, e);
	if (!rc)
		rc = pt_net_read(route, &p->host, e);
	if (!rc)
		rc = plan_outside(p, PLAN_ASK_DUE, what->path, e);
	if (!rc)
		rc = plan_change(p, nf, PT_ENGINE_AUTO, e);
	if (!rc && engine_was_chosen(p, what->path))
		rc = plan_change(p, nf, pt_nft_engine(p->have), e);
	*writes = rc ? 0 : pt_plan_writes(p);
	return rc || what->dry ? rc : plan_switch(p, nf, writes, e);
}

int pt_plan_anchor(struct pt_nl *nf, struct pt_nl *route, const struct pt_anchor_change *what, struct pt_plan *p,
		   size_t *writes, struct pt_err *e)
{
	int fd = -1, rc;

	memset(p, 0, sizeof(*p));
	*writes = 0;
	rc = plan_lock(&fd, e);
	if (rc)
		return rc;
	rc = change(p, nf, route, what, writes, e);
	close(fd);
	if (rc)
		pt_plan_fini(p);
	return rc;
}
